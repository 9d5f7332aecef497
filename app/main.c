/* SPDX-License-Identifier: Apache-2.0 */
/* sluice: parses the command line and runs the verb. */
#include "app/app.h"

#include <signal.h>

struct verb {
    const char *name;
    int (*run)(const struct sl_options *options);
};

static const struct verb verbs[] = {
    {"run", sl_run},
    {"validate", sl_verb_validate},
    {"components", sl_verb_components},
    {"print-config", sl_verb_print_config},
    {"config-schema", sl_verb_config_schema},
    {"reference", sl_verb_reference},
    {"send", sl_send},
    {"version", sl_verb_version},
};

int main(int argc, char **argv)
{
    struct sl_options options;
    int rc = sl_options_parse(argc, argv, &options);
    if (rc != SL_EXIT_OK)
        return rc;
    if (options.help) {
        sl_options_print_help(options.verb, stdout);
        return SL_EXIT_OK;
    }
    if (options.version)
        return sl_verb_version(&options);
    /* A reader that goes away must not end the process; writes report EPIPE. */
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, options.verb) == 0)
            return verbs[i].run(&options);
    return SL_EXIT_USAGE;
}
