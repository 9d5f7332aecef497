/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: verbs, options, help. */
#include "app/app.h"

struct verb_help {
    const char *name, *arguments, *text, *options; /* options: letters of option_table */
};

static const struct verb_help verb_table[] = {
    {"run", "", "Run the pipelines until SIGTERM or SIGINT. This is what `sluice` alone does.",
     "cs"},
    {"validate", "", "Check a configuration, wiring included, without opening a port.", "cs"},
    {"print-config", "", "Print the effective configuration, secrets masked.", "cs"},
    {"components", "", "List the components of this build.", ""},
    {"config-schema", "", "Print the JSON Schema of the configuration file.", ""},
    {"reference", "DIR", "Write the reference page of each component into DIR.", ""},
    {"send", "FILE...",
     "Send OTLP files (JSON lines, or one protobuf request; - is standard input).", "eHg"},
    {"version", "", "Print the version.", ""},
};

enum { VERB_COUNT = sizeof verb_table / sizeof verb_table[0] };

struct option_help {
    char letter;
    const char *name, *argument, *text;
};

static const struct option_help option_table[] = {
    {'c', "--config", "FILE", "configuration file; repeatable, later ones override earlier ones"},
    {'s', "--set", "KEY=VALUE", "override one setting, such as --set exporters.otlp.timeout=2s"},
    {'e', "--endpoint", "URL", "where to send; default http://127.0.0.1:4318"},
    {'H', "--header", "NAME=VALUE", "header to send along; repeatable"},
    {'g', "--signal", "NAME",
     "traces, metrics or logs, for protobuf files; default: what they hold"},
};

enum { OPTION_COUNT = sizeof option_table / sizeof option_table[0] };

static const struct verb_help *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verb_table[i].name, name) == 0)
            return &verb_table[i];
    return NULL;
}

static void print_options(const char *letters, FILE *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_help *option = &option_table[i];
        if (strchr(letters, option->letter) == NULL)
            continue;
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", option->name, option->argument);
        fprintf(out, "  %-22s %s\n", left, option->text);
    }
    fprintf(out, "  %-22s %s\n", "--help", "this text");
}

void sl_options_print_help(const char *name, FILE *out)
{
    const struct verb_help *verb = name != NULL ? find_verb(name) : NULL;
    if (verb != NULL && strcmp(verb->name, "run") != 0) {
        fprintf(out, "usage: sluice %s [options]%s%s\n\n%s\n\noptions:\n", verb->name,
                verb->arguments[0] ? " " : "", verb->arguments, verb->text);
        print_options(verb->options, out);
        return;
    }
    fputs(
        "usage: sluice [--config FILE]... [--set KEY=VALUE]...\n"
        "       sluice VERB [options] [arguments]\n\n"
        "A telemetry pipeline for GenAI traces: OTLP in, normalized, scrubbed, sampled, OTLP out.\n"
        "Without --config it takes OTLP on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP) and\n"
        "shows the traces on standard output.\n\nverbs:\n",
        out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(out, "  %-14s %s\n", verb_table[i].name, verb_table[i].text);
    fputs("\noptions:\n", out);
    print_options("cs", out);
    fputs("\nExit codes: 0 clean stop, 1 failure or data lost at the stop, 2 bad usage or "
          "configuration.\n",
          out);
}

/* A configuration file where a verb or nothing is expected: said how it is given. */
static bool is_config_name(const char *text)
{
    size_t size = strlen(text);
    return (size > 5 && strcmp(text + size - 5, ".yaml") == 0) ||
           (size > 4 && strcmp(text + size - 4, ".yml") == 0);
}

static int usage_error(const char *problem, const char *what)
{
    if (is_config_name(what))
        fprintf(stderr, "sluice: %s '%s'; a configuration is given with --config %s\n", problem,
                what, what);
    else
        fprintf(stderr, "sluice: %s '%s'; see sluice --help\n", problem, what);
    return SL_EXIT_USAGE;
}

static int add_text(const char **list, size_t *count, size_t limit, const char *text)
{
    if (*count == limit)
        return usage_error("too many arguments, from", text);
    list[(*count)++] = text;
    return SL_EXIT_OK;
}

static int store_option(struct sl_options *options, char letter, const char *value)
{
    switch (letter) {
    case 'c':
        return add_text(options->configs, &options->config_count, SL_MAX_CONFIGS, value);
    case 's':
        return add_text(options->sets, &options->set_count, SL_MAX_SETS, value);
    case 'H':
        return add_text(options->headers, &options->header_count, SL_MAX_SETS, value);
    case 'e':
        options->endpoint = value;
        return SL_EXIT_OK;
    default:
        options->signal = value;
        return SL_EXIT_OK;
    }
}

/* Parses "--name value" or "--name=value" at argv[*at]. */
static int parse_option(int argc, char **argv, int *at, struct sl_options *options)
{
    const char *text = argv[*at];
    const struct verb_help *verb = find_verb(options->verb);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_help *option = &option_table[i];
        size_t length = strlen(option->name);
        if (strncmp(text, option->name, length) != 0 ||
            (text[length] != '\0' && text[length] != '='))
            continue;
        if (strchr(verb->options, option->letter) == NULL)
            return usage_error("this verb does not take", option->name);
        if (text[length] == '=')
            return store_option(options, option->letter, text + length + 1);
        if (*at + 1 == argc)
            return usage_error("a value is missing after", text);
        return store_option(options, option->letter, argv[++*at]);
    }
    return usage_error("unknown option", text);
}

static int parse_verb(const char *text, struct sl_options *options)
{
    const struct verb_help *verb = find_verb(text);
    if (verb == NULL) {
        const char *names[VERB_COUNT + 1] = {NULL};
        for (size_t i = 0; i < VERB_COUNT; i++)
            names[i] = verb_table[i].name;
        const char *near = sl_nearest(text, names);
        if (near == NULL)
            return usage_error("unknown verb", text);
        fprintf(stderr, "sluice: unknown verb '%s'; did you mean '%s'? See sluice --help\n", text,
                near);
        return SL_EXIT_USAGE;
    }
    options->verb = verb->name;
    return SL_EXIT_OK;
}

int sl_options_parse(int argc, char **argv, struct sl_options *options)
{
    *options = (struct sl_options){.verb = "run"};
    int at = 1, rc = SL_EXIT_OK;
    if (argc > 1 && argv[1][0] != '-') {
        rc = parse_verb(argv[1], options);
        at = 2;
    }
    for (; rc == SL_EXIT_OK && at < argc; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            options->help = true;
        else if (strcmp(argv[at], "--version") == 0)
            options->version = true;
        else if (argv[at][0] == '-' && argv[at][1] != '\0')
            rc = parse_option(argc, argv, &at, options);
        else
            rc = add_text(options->arguments, &options->argument_count, SL_MAX_ARGUMENTS, argv[at]);
    }
    const struct verb_help *verb = find_verb(options->verb);
    if (rc == SL_EXIT_OK && options->argument_count > 0 && verb->arguments[0] == '\0')
        rc = usage_error("unexpected argument", options->arguments[0]);
    return rc;
}
