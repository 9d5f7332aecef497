/* SPDX-License-Identifier: Apache-2.0 */
/* From the command line's files to a checked plan, complaints printed. */
#include "app/app.h"

#include <errno.h>

#include "app/embedded.h"
#include "core/alloc.h"

enum { CONFIG_LIMIT = 4 << 20, CHUNK = 65536 };

int sl_read_input(const char *path, size_t limit, struct sl_out *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL)
        return errno;
    uint8_t *room;
    size_t got = 1;
    /* One byte more than the limit tells a file of that size from a larger one. */
    for (size_t most = CHUNK; got > 0 && most > 0; most = limit + 1 - out->size) {
        most = most < CHUNK ? most : CHUNK;
        room = sl_out_room(out, most);
        got = room != NULL ? fread(room, 1, most, file) : 0;
        out->size += got;
    }
    int problem = ferror(file) != 0 ? errno : out->failed ? ENOMEM : out->size > limit ? EFBIG : 0;
    if (file != stdin)
        (void)fclose(file);
    return problem;
}

/* Reads a whole file into the arena; complains on stderr. "-" is standard input. */
static int read_file(const char *path, struct sl_arena *arena, struct sl_source *ret_source)
{
    struct sl_out out = {0};
    int problem = sl_read_input(path, CONFIG_LIMIT, &out);
    if (problem != 0) {
        fprintf(stderr, "sluice: cannot read %s: %s\n", path,
                problem == EFBIG    ? "larger than 4 MiB"
                : problem == ENOMEM ? "out of memory"
                                    : strerror(problem));
        sl_out_done(&out);
        return SL_EXIT_USAGE;
    }
    struct sl_bytes copy = sl_arena_copy(arena, sl_out_view(&out));
    sl_out_done(&out);
    *ret_source = (struct sl_source){path, (const char *)copy.data, copy.size};
    return copy.data != NULL ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

/* The file a --config argument names: a path, or with the Collector's file: scheme. */
static const char *config_path(const char *argument)
{
    return strncmp(argument, "file:", 5) == 0 ? argument + 5 : argument;
}

int sl_load(const struct sl_options *options, struct sl_loaded *loaded)
{
    *loaded = (struct sl_loaded){0};
    sl_diag_init(&loaded->diag);
    struct sl_source sources[SL_MAX_CONFIGS] = {
        {"<default>", sl_default_config, strlen(sl_default_config)}};
    size_t count = options->config_count > 0 ? options->config_count : 1;
    for (size_t i = 0; i < options->config_count; i++) {
        int rc = read_file(config_path(options->configs[i]), &loaded->arena, &sources[i]);
        if (rc != SL_EXIT_OK)
            return rc;
    }
    struct sl_config_input input = {.sources = sources,
                                    .source_count = count,
                                    .sets = options->sets,
                                    .set_count = options->set_count};
    struct sl_node *root = sl_config_read(&input, &loaded->arena, &loaded->diag);
    if (root != NULL)
        loaded->plan = sl_plan_new(root, sl_component_types, &loaded->arena, &loaded->diag);
    sl_diag_print(&loaded->diag, stderr);
    if (loaded->plan != NULL && loaded->diag.errors == 0)
        return SL_EXIT_OK;
    if (loaded->diag.errors == 0)
        fputs("sluice: out of memory\n", stderr);
    return loaded->diag.errors != 0 ? SL_EXIT_USAGE : SL_EXIT_FAILURE;
}

void sl_loaded_done(struct sl_loaded *loaded)
{
    if (loaded->plan != NULL)
        sl_plan_free(loaded->plan);
    sl_diag_done(&loaded->diag);
    sl_arena_done(&loaded->arena);
}
