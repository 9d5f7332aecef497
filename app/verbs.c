/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that only read and print. */
#include <errno.h>

#include "app/app.h"

int sl_verb_validate(const struct sl_options *options)
{
    struct sl_loaded loaded;
    int rc = sl_load(options, &loaded);
    if (rc == SL_EXIT_OK)
        printf("%s: valid\n", options->config_count > 0 ? options->configs[0] : "<default>");
    sl_loaded_done(&loaded);
    return rc;
}

int sl_verb_print_config(const struct sl_options *options)
{
    struct sl_loaded loaded;
    int rc = sl_load(options, &loaded);
    if (rc == SL_EXIT_OK)
        sl_plan_print(loaded.plan, stdout);
    sl_loaded_done(&loaded);
    return rc;
}

int sl_verb_components(const struct sl_options *options)
{
    (void)options;
    sl_types_list(sl_component_types, stdout);
    return SL_EXIT_OK;
}

int sl_verb_config_schema(const struct sl_options *options)
{
    (void)options;
    sl_types_print_schema(sl_component_types, stdout);
    return SL_EXIT_OK;
}

int sl_verb_version(const struct sl_options *options)
{
    (void)options;
    puts("sluice " SL_VERSION);
    return SL_EXIT_OK;
}

static const char *const kind_names[] = {"receiver", "processor", "exporter", "extension"};

int sl_verb_reference(const struct sl_options *options)
{
    if (options->argument_count != 1) {
        fputs("usage: sluice reference DIR\n", stderr);
        return SL_EXIT_USAGE;
    }
    for (size_t i = 0; sl_component_types[i] != NULL; i++) {
        const struct sl_component_type *type = sl_component_types[i];
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s-%s.md", options->arguments[0],
                       kind_names[type->kind], type->name);
        FILE *out = fopen(path, "w");
        if (out == NULL) {
            fprintf(stderr, "sluice: cannot write %s: %s\n", path, strerror(errno));
            return SL_EXIT_FAILURE;
        }
        sl_type_print_markdown(type, out);
        if (fclose(out) != 0)
            return SL_EXIT_FAILURE;
    }
    return SL_EXIT_OK;
}
