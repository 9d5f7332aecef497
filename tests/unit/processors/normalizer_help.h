/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_NORMALIZER_HELP_H
#define SL_TESTS_NORMALIZER_HELP_H

#include <stdlib.h>

#include "core/alloc.h"
#include "otlp/transcode.h"
#include "processors/genai_normalizer/norm.h"
#include "tests/check.h"

/* What the tests of the normalizer share: files as batches, batches through the
 * engine, spans built by hand. Failing is by CHECK. */

static const struct nm_options help_defaults = {
    .operation_name = true, .provider_name = true, .error_type = true, .drop_consumed = true};

static inline struct nm_table *help_table(void)
{
    struct nm_table *table = nm_table_new(&(struct nm_table_options){0});
    CHECK(table != NULL);
    return table;
}

static inline struct sl_out help_file(const char *path)
{
    struct sl_out out = {0};
    char full[1024];
    const char *root = getenv("SL_SOURCE_DIR");
    snprintf(full, sizeof(full), "%s/%s", root != NULL ? root : ".", path);
    FILE *file = fopen(full, "rb");
    if (file == NULL)
        return out;
    for (int c; (c = fgetc(file)) != EOF;)
        sl_out_byte(&out, (uint8_t)c);
    fclose(file);
    return out;
}

static inline struct sl_batch *help_read(enum sl_signal signal, struct sl_bytes wire)
{
    struct sl_error error = {{0}};
    struct sl_batch *batch = NULL;
    struct sl_buf *buf = sl_buf_new(NULL, wire.size + 1);
    CHECK(buf != NULL);
    CHECK_INT(sl_buf_append(buf, wire.data, wire.size, 0), 0);
    int status = sl_batch_read(signal, buf, NULL, &batch, NULL, &error);
    if (status != 0)
        fail_msg("cannot read: %s", error.text);
    sl_buf_unref(buf);
    return batch;
}

/* A captured body: protobuf, or OTLP/JSON when the name ends in .json. */
static inline struct sl_batch *help_load(enum sl_signal signal, const char *path)
{
    struct sl_out body = help_file(path), wire = {0};
    size_t size = strlen(path);
    if (body.data == NULL)
        fail_msg("cannot open %s", path);
    if (strcmp(path + size - 5, ".json") == 0) {
        struct sl_error error = {{0}};
        if (sl_json_to_wire(sl_signal_messages(signal)->request, sl_out_view(&body), &wire,
                            &error) != 0)
            fail_msg("%s: %s", path, error.text);
    } else {
        sl_out_bytes(&wire, body.data, body.size);
    }
    struct sl_batch *batch = help_read(signal, sl_out_view(&wire));
    sl_out_done(&body);
    sl_out_done(&wire);
    return batch;
}

static inline unsigned help_scope(struct sl_batch *batch, struct sl_group *group,
                                  struct sl_bytes *ret_name)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    *ret_name = (struct sl_bytes){0};
    sl_cursor_init(&cursor, batch, &group->scope->part);
    while (sl_cursor_next(&cursor, &field))
        if (field.number == SL_SCOPE_NAME)
            *ret_name = field.bytes;
    return nm_scope_family(*ret_name);
}

/* Returns how many records changed. */
static inline unsigned help_normalize(struct nm_norm *norm, struct sl_batch *batch)
{
    unsigned changed = 0;
    for (uint32_t g = 0; g < batch->group_count; g++) {
        struct sl_bytes name;
        unsigned family = help_scope(batch, &batch->groups[g], &name);
        for (uint32_t i = 0; i < batch->groups[g].count; i++) {
            int ret = -1;
            CHECK_INT(nm_normalize(norm, batch, &batch->groups[g].records[i].part, family, &ret),
                      0);
            changed += ret >= 0;
        }
    }
    return changed;
}

static inline struct sl_out help_encode(const struct sl_batch *batch)
{
    struct sl_out out = {0};
    CHECK_INT(sl_batch_encode(batch, &out), 0);
    return out;
}

#endif
