/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: what it means, and what is refused with which words. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/app.h"
#include "tests/check.h"

enum { ARGUMENTS = 12 };

static int real_stderr = -1;

static void catch_stderr(void)
{
    (void)fflush(stderr);
    int fd = memfd_create("stderr", MFD_CLOEXEC);
    real_stderr = dup(STDERR_FILENO);
    CHECK(fd >= 0 && real_stderr >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    (void)close(fd);
}

static const char *release_stderr(void)
{
    static char text[16384];
    (void)fflush(stderr);
    ssize_t size = pread(STDERR_FILENO, text, sizeof text - 1, 0);
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(real_stderr);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static int parse(const char *const *arguments, struct sl_options *options)
{
    char *argv[ARGUMENTS + 2] = {(char *)(uintptr_t) "sluice"};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
    return sl_options_parse(argc, argv, options);
}

static void test_arguments_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS];
        const char *verb, *config, *set, *endpoint, *header, *signal, *argument;
        size_t configs, sets, count;
        bool help, version;
    } cases[] = {
        {.arguments = {NULL}, .verb = "run"},
        {.arguments = {"run", "--config", "a"}, .verb = "run", .config = "a", .configs = 1},
        {.arguments = {"--config=b", "--config", "a"}, .verb = "run", .config = "b", .configs = 2},
        {.arguments = {"--config=", "--set", "--set"},
         .verb = "run",
         .config = "",
         .configs = 1,
         .set = "--set",
         .sets = 1},
        {.arguments = {"--set", "a.b=c=d"}, .verb = "run", .set = "a.b=c=d", .sets = 1},
        {.arguments = {"validate", "--config", "-"},
         .verb = "validate",
         .config = "-",
         .configs = 1},
        {.arguments = {"send", "f", "--endpoint", "u", "-", "--header=a=b", "--signal", "logs"},
         .verb = "send",
         .endpoint = "u",
         .header = "a=b",
         .signal = "logs",
         .argument = "f",
         .count = 2},
        {.arguments = {"send", "--help"}, .verb = "send", .help = true},
        {.arguments = {"-h"}, .verb = "run", .help = true},
        {.arguments = {"--version"}, .verb = "run", .version = true},
        {.arguments = {"components"}, .verb = "components"},
        {.arguments = {"reference", "d"}, .verb = "reference", .argument = "d", .count = 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_options options;
        CHECK_INT(parse(cases[i].arguments, &options), SL_EXIT_OK);
        CHECK_TEXT(options.verb, cases[i].verb);
        CHECK_INT(options.config_count, cases[i].configs);
        CHECK_INT(options.set_count, cases[i].sets);
        CHECK_INT(options.argument_count, cases[i].count);
        CHECK_INT(options.header_count, cases[i].header != NULL);
        CHECK_INT(options.help, cases[i].help);
        CHECK_INT(options.version, cases[i].version);
        if (cases[i].config != NULL)
            CHECK_TEXT(options.configs[0], cases[i].config);
        if (cases[i].set != NULL)
            CHECK_TEXT(options.sets[0], cases[i].set);
        if (cases[i].endpoint != NULL)
            CHECK_TEXT(options.endpoint, cases[i].endpoint);
        if (cases[i].header != NULL)
            CHECK_TEXT(options.headers[0], cases[i].header);
        if (cases[i].signal != NULL)
            CHECK_TEXT(options.signal, cases[i].signal);
        if (cases[i].argument != NULL)
            CHECK_TEXT(options.arguments[0], cases[i].argument);
    }
}

static void test_wrong_arguments_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS], *message;
    } cases[] = {
        {{"valdate"}, "unknown verb 'valdate'; did you mean 'validate'?"},
        {{"xyzzy"}, "unknown verb 'xyzzy'; see sluice --help"},
        {{""}, "unknown verb ''"},
        {{"--confg", "a"}, "unknown option '--confg'"},
        {{"--configuration"}, "unknown option '--configuration'"},
        {{"--"}, "unknown option '--'"},
        {{"-c", "a"}, "unknown option '-c'"},
        {{"--help=x"}, "unknown option '--help=x'"},
        {{"--config"}, "a value is missing after '--config'"},
        {{"run", "--set"}, "a value is missing after '--set'"},
        {{"--endpoint", "x"}, "this verb does not take '--endpoint'"},
        {{"send", "--config", "x"}, "this verb does not take '--config'"},
        {{"version", "--set", "x"}, "this verb does not take '--set'"},
        {{"run", "a.yaml"}, "unexpected argument 'a.yaml'"},
        {{"-"}, "unexpected argument '-'"},
        {{"--config", "a", "validate"}, "unexpected argument 'validate'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_options options;
        catch_stderr();
        int rc = parse(cases[i].arguments, &options);
        const char *text = release_stderr();
        CHECK_INT(rc, SL_EXIT_USAGE);
        if (strstr(text, cases[i].message) == NULL)
            fail_msg("case %zu: '%s', expected '%s'", i, text, cases[i].message);
        CHECK(strncmp(text, "sluice: ", 8) == 0 && text[strlen(text) - 1] == '\n');
    }
}

static void test_there_is_a_limit_to_each_list(void **state)
{
    (void)state;
    static const struct {
        const char *first[3], *each;
        unsigned most;
    } cases[] = {{{"send", NULL}, "f", SL_MAX_ARGUMENTS},
                 {{NULL}, "--config=f", SL_MAX_CONFIGS},
                 {{NULL}, "--set=f", SL_MAX_SETS},
                 {{"send", NULL}, "--header=f", SL_MAX_SETS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *argv[SL_MAX_ARGUMENTS + 8] = {(char *)(uintptr_t) "sluice"};
        int argc = 1;
        struct sl_options options;
        if (cases[i].first[0] != NULL)
            argv[argc++] = (char *)(uintptr_t)cases[i].first[0];
        for (unsigned k = 0; k < cases[i].most; k++)
            argv[argc++] = (char *)(uintptr_t)cases[i].each;
        CHECK_INT(sl_options_parse(argc, argv, &options), SL_EXIT_OK);
        argv[argc++] = (char *)(uintptr_t)cases[i].each;
        catch_stderr();
        int rc = sl_options_parse(argc, argv, &options);
        CHECK(strstr(release_stderr(), "too many") != NULL);
        CHECK_INT(rc, SL_EXIT_USAGE);
    }
}

static void test_each_verb_has_a_help(void **state)
{
    (void)state;
    static const char *const verbs[] = {NULL,           "run",        "validate",
                                        "print-config", "components", "reference",
                                        "send",         "version",    "config-schema"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        sl_options_print_help(verbs[i], out);
        CHECK_INT(fclose(out), 0);
        CHECK(strncmp(text, "usage: sluice", 13) == 0);
        CHECK(strstr(text, "--help") != NULL);
        CHECK_INT(strstr(text, "--endpoint") != NULL, verbs[i] != NULL && i == 6);
        free(text);
    }
}

/* ---- loading ---- */

struct file {
    char path[32];
    struct sl_options options;
};

static void write_file(struct file *file, const char *text, size_t size)
{
    memset(file, 0, sizeof *file);
    (void)snprintf(file->path, sizeof file->path, "/tmp/sluice-XXXXXX");
    int fd = mkstemp(file->path);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, size), size);
    (void)close(fd);
    file->options =
        (struct sl_options){.verb = "validate", .configs = {file->path}, .config_count = 1};
}

static int load(const struct sl_options *options, const char **ret_complaints)
{
    struct sl_loaded loaded;
    catch_stderr();
    int rc = sl_load(options, &loaded);
    bool planned = loaded.plan != NULL;
    sl_loaded_done(&loaded);
    *ret_complaints = release_stderr();
    CHECK(rc != SL_EXIT_OK || planned);
    return rc;
}

static void test_the_embedded_configuration_is_valid(void **state)
{
    (void)state;
    const char *complaints;
    struct sl_options options = {.verb = "run"};
    CHECK_INT(load(&options, &complaints), SL_EXIT_OK);
    CHECK_TEXT(complaints, "");
    options.sets[options.set_count++] = "exporters.stdout.quiet_tim=1s";
    CHECK_INT(load(&options, &complaints), SL_EXIT_USAGE);
    CHECK(strstr(complaints, "did you mean 'quiet_time'?") != NULL);
}

static void test_files_that_cannot_be_used_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"receivers: {otlp: {protocols: {grpc: }}}\nexporters: {nop: }\nservice: {pipelines: "
         "{traces: {receivers: [otlp], exporters: [nop]}}}\n",
         NULL},
        {"", "/tmp/sluice-"},
        {"a: [", "/tmp/sluice-"},
        {"receivers: {kafka: }\n", "kafka"},
        {"nonsense: 1\n", "nonsense"}};
    const char *complaints;
    struct file file;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(&file, cases[i].text, strlen(cases[i].text));
        int rc = load(&file.options, &complaints);
        (void)unlink(file.path);
        if (rc != (cases[i].message != NULL ? SL_EXIT_USAGE : SL_EXIT_OK) ||
            strstr(complaints, cases[i].message != NULL ? cases[i].message : "") == NULL)
            fail_msg("case %zu: %d, '%s'", i, rc, complaints);
    }
    struct sl_options options = {.configs = {"/nowhere/at.yaml"}, .config_count = 1};
    CHECK_INT(load(&options, &complaints), SL_EXIT_USAGE);
    CHECK_TEXT(complaints, "sluice: cannot read /nowhere/at.yaml: No such file or directory\n");
    options.configs[0] = "file:/tmp";
    CHECK_INT(load(&options, &complaints), SL_EXIT_USAGE);
    CHECK(strstr(complaints, "cannot read /tmp") != NULL);
}

static void test_a_file_of_more_than_four_mib_is_refused(void **state)
{
    (void)state;
    static char text[(4 << 20) + 1];
    const char *complaints;
    struct file file;
    memset(text, '\n', sizeof text);
    text[0] = '#';
    write_file(&file, text, sizeof text);
    CHECK_INT(load(&file.options, &complaints), SL_EXIT_USAGE);
    CHECK(strstr(complaints, "larger than 4 MiB") != NULL);
    (void)unlink(file.path);
    write_file(&file, text, sizeof text - 1); /* just fits: complaints are about what it says */
    CHECK_INT(load(&file.options, &complaints), SL_EXIT_USAGE);
    CHECK(strstr(complaints, "larger than 4 MiB") == NULL);
    (void)unlink(file.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_understood),
        cmocka_unit_test(test_wrong_arguments_are_refused_with_a_reason),
        cmocka_unit_test(test_there_is_a_limit_to_each_list),
        cmocka_unit_test(test_each_verb_has_a_help),
        cmocka_unit_test(test_the_embedded_configuration_is_valid),
        cmocka_unit_test(test_files_that_cannot_be_used_are_refused_with_a_reason),
        cmocka_unit_test(test_a_file_of_more_than_four_mib_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
