/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_APP_APP_H
#define SL_APP_APP_H

#include "config/node.h"
#include "pipeline/graph.h"

/* Exit codes of the program. */
enum { SL_EXIT_OK = 0, SL_EXIT_FAILURE = 1, SL_EXIT_USAGE = 2 };

enum { SL_MAX_CONFIGS = 32, SL_MAX_SETS = 256, SL_MAX_ARGUMENTS = 256 };

/* The command line, parsed: sluice [VERB] [options] [arguments]. */
struct sl_options {
    const char *verb; /* "run" when none was given */
    const char *configs[SL_MAX_CONFIGS];
    size_t config_count;
    const char *sets[SL_MAX_SETS];
    size_t set_count;
    const char *endpoint, *signal, *output; /* of `send`, `reference` */
    const char *headers[SL_MAX_SETS];
    size_t header_count;
    const char *arguments[SL_MAX_ARGUMENTS];
    size_t argument_count;
    bool help, version;
};

/* Returns 0, or SL_EXIT_USAGE after a message on stderr. */
int sl_options_parse(int argc, char **argv, struct sl_options *ret_options);
void sl_options_print_help(const char *verb, FILE *out);

/* A configuration read and checked, with the memory it lives in. */
struct sl_loaded {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_plan *plan;
};

/* Reads the files of the command line (the embedded default when there are
 * none), prints every complaint on stderr. Returns an exit code. sl_loaded_done
 * is due in any case. */
int sl_load(const struct sl_options *options, struct sl_loaded *ret_loaded);
void sl_loaded_done(struct sl_loaded *loaded);

/* Appends a whole file, "-" for standard input, to out. Returns 0 or an errno:
 * EFBIG when there is more than limit, ENOMEM. */
int sl_read_input(const char *path, size_t limit, struct sl_out *out);

/* The verbs; each returns an exit code. */
int sl_run(const struct sl_options *options);
int sl_send(const struct sl_options *options);
int sl_verb_validate(const struct sl_options *options);
int sl_verb_components(const struct sl_options *options);
int sl_verb_print_config(const struct sl_options *options);
int sl_verb_config_schema(const struct sl_options *options);
int sl_verb_reference(const struct sl_options *options);
int sl_verb_version(const struct sl_options *options);

#endif
