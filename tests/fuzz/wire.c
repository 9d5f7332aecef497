/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes as a request of each signal: read, view, edit, scan, split,
 * append and encode must neither crash nor disagree with each other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "otlp/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(expr)                                                                                 \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: MUST(%s)\n", __FILE__, __LINE__, #expr);                       \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t state;

static uint32_t random_below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % limit;
}

static struct sl_batch *read_bytes(enum sl_signal signal, struct sl_bytes bytes,
                                   struct sl_ingest_stats *stats)
{
    struct sl_buf *buf = sl_buf_new(NULL, bytes.size);
    struct sl_batch *batch = NULL;
    MUST(buf != NULL && sl_buf_append(buf, bytes.data, bytes.size, 0) == SL_OK);
    struct sl_error error = {{0}};
    int rc = sl_batch_read(signal, buf, NULL, &batch, stats, &error);
    MUST((rc == SL_OK) == (batch != NULL));
    MUST(rc == SL_OK || error.text[0] != '\0');
    sl_buf_unref(buf);
    return batch;
}

static uint64_t mix(uint64_t hash, struct sl_bytes bytes)
{
    return sl_hash_seeded(bytes, hash) * 31 + bytes.size;
}

static uint64_t view_part(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                          uint64_t hash)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    sl_attrs_init(&attrs, batch, part, number);
    while (sl_attrs_next(&attrs, &attr)) {
        hash = mix(mix(hash, attr.key), attr.value.bytes) + attr.value.type;
        struct sl_bytes rest = attr.value.bytes;
        struct sl_value element;
        while (attr.value.type == SL_VALUE_ARRAY && sl_array_next(&rest, &element))
            hash = mix(hash, element.bytes) + element.type;
    }
    MUST(!attrs.cursor.failed);
    return hash;
}

/* What a reader sees of a batch. */
static uint64_t view(struct sl_batch *batch)
{
    uint64_t hash = 1;
    uint32_t number = sl_record_attributes(batch->signal);
    for (uint32_t g = 0; g < batch->group_count; g++) {
        struct sl_group *group = &batch->groups[g];
        if (group->count > 0) {
            hash = view_part(batch, &group->resource->part, SL_RESOURCE_ATTRIBUTES, hash);
            hash = view_part(batch, &group->scope->part, SL_SCOPE_ATTRIBUTES, hash);
        }
        for (uint32_t r = 0; r < group->count; r++) {
            struct sl_part *part = &group->records[r].part;
            struct sl_span_view span;
            struct sl_log_view log;
            hash = view_part(batch, part, number != 0 ? number : SL_METRIC_METADATA, hash);
            if (batch->signal == SL_TRACES) {
                sl_span_read(batch, part, &span);
                hash = mix(mix(hash, span.name), span.status_message) + span.kind;
            } else if (batch->signal == SL_LOGS) {
                sl_log_read(batch, part, &log);
                hash = mix(mix(hash, log.event_name), log.body.bytes) + log.severity;
            }
        }
    }
    return hash;
}

static void edit_part(struct sl_batch *batch, struct sl_part *part, uint32_t number)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    int rc = SL_OK;
    sl_attrs_init(&attrs, batch, part, number);
    while (sl_attrs_next(&attrs, &attr) && rc == SL_OK) {
        switch (random_below(8)) {
        case 0:
            rc = sl_attr_remove(batch, part, &attr);
            break;
        case 1:
            rc = sl_attr_rename(batch, part, &attr, SL_LIT("renamed.key"));
            break;
        case 2:
            rc = sl_attr_replace(batch, part, &attr, sl_value_int(-(int64_t)random_below(1000)));
            break;
        case 3:
            rc = sl_attr_set(batch, part, &attr, SL_LIT("set"), sl_value_string(attr.key));
            break;
        case 4:
            rc = sl_field_replace(batch, part, &attr.field, attr.field.whole);
            break;
        case 5:
            rc = sl_attr_add(batch, part, number, SL_LIT("added"), sl_value_double(0.5));
            break;
        default:
            break;
        }
    }
    MUST(rc == SL_OK && !attrs.cursor.failed);
}

static void edit(struct sl_batch *batch)
{
    uint32_t name = batch->signal == SL_TRACES    ? SL_SPAN_NAME
                    : batch->signal == SL_METRICS ? SL_METRIC_NAME
                                                  : SL_LOG_EVENT_NAME;
    uint32_t number = sl_record_attributes(batch->signal);
    for (uint32_t i = 0; i < batch->resource_count; i++)
        edit_part(batch, &batch->resources[i]->part, SL_RESOURCE_ATTRIBUTES);
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++) {
            struct sl_part *part = &batch->groups[g].records[r].part;
            edit_part(batch, part, number != 0 ? number : SL_METRIC_METADATA);
            if (random_below(4) == 0)
                MUST(sl_part_set_bytes(batch, part, name, SL_LIT("name")) == SL_OK);
            batch->groups[g].records[r].flags = random_below(3) == 0 ? SL_RECORD_MARK : 0;
        }
}

static enum sl_scan_verdict replace_some(void *arg, const struct sl_scan_item *item,
                                         struct sl_bytes *ret_text)
{
    (void)arg;
    if (item->type == SL_VALUE_STRING || item->type == SL_VALUE_BYTES)
        MUST(item->text.size > 0);
    *ret_text = SL_LIT("[X]");
    uint32_t die = random_below(8);
    return die == 0 ? SL_SCAN_REMOVE : die < 4 ? SL_SCAN_REPLACE : SL_SCAN_KEEP;
}

static enum sl_scan_verdict replace_all(void *arg, const struct sl_scan_item *item,
                                        struct sl_bytes *ret_text)
{
    (void)arg;
    (void)item;
    *ret_text = SL_LIT("[X]");
    return SL_SCAN_REPLACE;
}

static enum sl_scan_verdict expect_replaced(void *arg, const struct sl_scan_item *item,
                                            struct sl_bytes *ret_text)
{
    (void)arg;
    (void)ret_text;
    MUST(item->type == SL_VALUE_STRING || item->type == SL_VALUE_BYTES);
    MUST(sl_bytes_is(item->text, "[X]"));
    return SL_SCAN_KEEP;
}

static void scan(struct sl_batch *batch,
                 enum sl_scan_verdict (*visit)(void *, const struct sl_scan_item *,
                                               struct sl_bytes *))
{
    struct sl_scanner scanner = {.drop_unknown = true, .visit = visit};
    const struct sl_message *record = sl_signal_messages(batch->signal)->record;
    MUST(sl_batch_scan_shared(batch, &scanner) == SL_OK);
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++)
            MUST(sl_part_scan(batch, &batch->groups[g].records[r].part, record, &scanner) == SL_OK);
}

/* Encodes, reads again, and compares what both are like. */
static struct sl_batch *again(struct sl_batch *batch)
{
    struct sl_out out = {0}, second = {0};
    struct sl_ingest_stats stats = {0};
    size_t size = sl_batch_encoded_size(batch);
    MUST(sl_batch_encode(batch, &out) == SL_OK && out.size == size);
    struct sl_batch *read = read_bytes(batch->signal, sl_out_view(&out), &stats);
    MUST(read != NULL && stats.repaired_utf8 == 0);
    MUST(read->records == batch->records && read->items == batch->items);
    MUST(view(read) == view(batch));
    MUST(sl_batch_encode(read, &second) == SL_OK);
    MUST(sl_bytes_equal(sl_out_view(&out), sl_out_view(&second)));
    sl_out_done(&out);
    sl_out_done(&second);
    return read;
}

static void split_and_join(struct sl_batch *batch)
{
    size_t records = batch->records, items = batch->items, seen = 0;
    size_t max_items = random_below(4) == 0 ? 0 : 1 + random_below(20);
    size_t max_bytes = random_below(2) == 0 ? 0 : 1 + random_below(4000);
    struct sl_batch *all = sl_batch_new(batch->signal), *piece = sl_batch_ref(batch);
    sl_batch_unref(batch);
    while (piece != NULL) {
        struct sl_batch *rest;
        MUST(sl_batch_split(piece, max_items, max_bytes, &rest) == SL_OK);
        MUST(max_items == 0 || piece->items <= max_items);
        MUST(max_bytes == 0 || piece->records <= 1 || sl_batch_encoded_size(piece) <= max_bytes);
        seen += piece->items;
        sl_batch_unref(again(piece));
        MUST(sl_batch_append(all, piece) == SL_OK);
        MUST(piece->records == 0);
        sl_batch_unref(piece);
        piece = rest;
    }
    MUST(seen == items && all->items == items && all->records >= records);
    sl_batch_unref(again(all));
    sl_batch_unref(all);
}

static void mark_some(struct sl_batch *batch)
{
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++)
            batch->groups[g].records[r].flags = random_below(2) == 0 ? SL_RECORD_MARK : 0;
}

static void exercise(struct sl_batch *batch)
{
    struct sl_out before = {0}, after = {0};
    sl_batch_unref(again(batch));
    struct sl_batch *clone = sl_batch_clone(batch);
    MUST(clone != NULL && sl_batch_encode(clone, &before) == SL_OK);
    edit(batch);
    sl_batch_unref(again(batch));
    for (uint32_t g = 0; g < batch->group_count; g++)
        MUST(sl_group_split(batch, g, SL_LIT("https://example.com/schema")) == SL_OK);
    sl_batch_unref(again(batch));
    mark_some(batch);
    MUST(sl_batch_split_marked(batch, SL_LIT("https://example.com/other")) == SL_OK);
    sl_batch_unref(again(batch));
    scan(batch, replace_some);
    sl_batch_unref(again(batch));
    edit(batch);
    scan(batch, replace_all);
    scan(batch, expect_replaced);
    struct sl_batch *scrubbed = again(batch);
    scan(scrubbed, expect_replaced);
    sl_batch_unref(scrubbed);
    MUST(sl_batch_compact(batch, NULL) == SL_OK);
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++)
            batch->groups[g].records[r].flags = random_below(3) == 0 ? SL_RECORD_DROP : 0;
    (void)sl_batch_sweep(batch);
    sl_batch_unref(again(batch));
    MUST(sl_batch_encode(clone, &after) == SL_OK);
    MUST(sl_bytes_equal(sl_out_view(&before), sl_out_view(&after)));
    sl_out_done(&before);
    sl_out_done(&after);
    split_and_join(clone);
    sl_batch_unref(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sl_signal signals[] = {SL_TRACES, SL_METRICS, SL_LOGS};
    if (size > 64 * 1024)
        return 0;
    for (unsigned i = 0; i < 3; i++) {
        state = sl_hash(sl_bytes(data, size)) | 1;
        struct sl_batch *batch = read_bytes(signals[i], sl_bytes(data, size), NULL);
        if (batch != NULL)
            exercise(batch);
    }
    return 0;
}
