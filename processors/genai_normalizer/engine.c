/* SPDX-License-Identifier: Apache-2.0 */
/* One span through the normalizer: a walk over its attributes collects hits,
 * resolve.c settles the targets, and the edits are made at the end. Spans
 * without GenAI keys leave after the walk: a filter on the first bytes of each
 * key, no allocation. */
#include "core/alloc.h"
#include "processors/genai_normalizer/norm.h"

enum { KEEP_TEXT = 1 << 20 };

void nm_norm_init(struct nm_norm *norm, const struct nm_table *table,
                  const struct nm_options *options)
{
    *norm = (struct nm_norm){.table = table, .options = *options};
}

void nm_norm_done(struct nm_norm *norm)
{
    sl_arena_done(&norm->arena);
    sl_out_done(&norm->text);
    sl_out_done(&norm->add);
    sl_free(norm->hits);
    sl_free(norm->order);
    *norm = (struct nm_norm){.table = NULL};
}

bool nm_concerns(const struct nm_table *table, struct sl_batch *batch, struct sl_part *part,
                 enum sl_signal signal)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    uint32_t index[2];
    unsigned on = nm_families_on(table);
    sl_attrs_init(&attrs, batch, part, sl_record_attributes(signal));
    while (sl_attrs_next(&attrs, &attr)) {
        const struct nm_entry *entry = nm_table_find_key(table, attr.key, index);
        if (entry != NULL && (entry->family_bits & on) != 0)
            return true;
    }
    return false;
}

static bool add_hit(struct nm_norm *norm, const struct sl_attr *attr, const struct nm_entry *entry,
                    const uint32_t index[2])
{
    if (norm->hit_count == norm->hit_capacity) {
        uint32_t capacity = norm->hit_capacity == 0 ? 64 : norm->hit_capacity * 2;
        struct nm_hit *more = sl_realloc(norm->hits, capacity * sizeof(*more));
        if (more == NULL)
            return false;
        norm->hits = more;
        norm->hit_capacity = capacity;
    }
    struct nm_hit *hit = &norm->hits[norm->hit_count++];
    hit->attr = *attr;
    hit->entry = entry;
    hit->index[0] = index[0];
    hit->index[1] = index[1];
    hit->fate = NM_STAYS;
    hit->target = 0;
    hit->used = false;
    return true;
}

static int collect(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    uint32_t index[2] = {0, 0};
    norm->hit_count = 0;
    norm->families = 0;
    sl_attrs_init(&attrs, batch, part, sl_record_attributes(batch->signal));
    while (sl_attrs_next(&attrs, &attr)) {
        const struct nm_entry *entry = nm_table_find_key(norm->table, attr.key, index);
        if (entry == NULL)
            continue;
        if (norm->hit_count == NM_MAX_HITS) { /* no real span: left as it is */
            norm->families = 0;
            return SL_OK;
        }
        norm->families |= entry->family_bits;
        if (!add_hit(norm, &attr, entry, index))
            return SL_ENOMEM;
    }
    return attrs.cursor.failed ? SL_ENOMEM : SL_OK;
}

static uint64_t event_time(struct sl_bytes event, struct sl_bytes *ret_name)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    uint64_t time = 0;
    *ret_name = (struct sl_bytes){0};
    sl_cursor_init_plain(&cursor, event);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.number == SL_EVENT_TIME)
            time = field.number_value;
        else if (field.number == SL_EVENT_NAME)
            *ret_name = field.bytes;
    }
    return time;
}

static void read_event(struct nm_span *span, struct sl_bytes event)
{
    struct sl_bytes name;
    struct sl_attrs attrs;
    struct sl_attr attr;
    uint64_t time = event_time(event, &name);
    if (sl_bytes_is(name, "First Token Stream Event") ||
        sl_bytes_is(name, "gen_ai.content.completion.chunk") ||
        sl_bytes_is(name, "llm.content.completion.chunk") ||
        sl_bytes_is(name, "ai.stream.firstChunk")) {
        if (span->first_chunk_ns == 0 || time < span->first_chunk_ns)
            span->first_chunk_ns = time;
    } else if (sl_bytes_is(name, "exception")) {
        sl_attrs_init_plain(&attrs, event, SL_EVENT_ATTRIBUTES);
        while (sl_attrs_next(&attrs, &attr))
            if (sl_bytes_is(attr.key, "exception.type") && attr.value.type == SL_VALUE_STRING)
                span->exception_type = attr.value.bytes;
    }
}

static int read_span(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part)
{
    struct sl_cursor cursor, status;
    struct sl_field_view field, inner;
    struct nm_span *span = &norm->span;
    *span = (struct nm_span){.status_code = 0};
    sl_cursor_init(&cursor, batch, part);
    while (sl_cursor_next(&cursor, &field)) {
        switch (field.number) {
        case SL_SPAN_NAME:
            span->name = field.bytes;
            break;
        case SL_SPAN_PARENT_ID:
            span->parent = field.bytes;
            break;
        case SL_SPAN_START:
            span->start_ns = field.number_value;
            break;
        case SL_SPAN_EVENTS:
            read_event(span, field.bytes);
            break;
        case SL_SPAN_STATUS:
            sl_cursor_init_plain(&status, field.bytes);
            while (sl_cursor_next(&status, &inner))
                if (inner.number == SL_STATUS_CODE)
                    span->status_code = (uint32_t)inner.number_value;
            break;
        default:
            break;
        }
    }
    return cursor.failed ? SL_ENOMEM : SL_OK;
}

static bool is_response_object(const struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++)
        if (norm->hits[i].entry->fields && sl_bytes_is(norm->hits[i].attr.key, "output.value"))
            return nm_contains(norm->hits[i].attr.value.bytes, "\"object\":\"response\"");
    return false;
}

static bool has_changes(const struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++)
        if (norm->hits[i].fate != NM_STAYS)
            return true;
    for (unsigned i = 1; i < NM_TARGET_COUNT; i++)
        if (norm->slots[i].valid && (norm->slots[i].existing < 0 || norm->slots[i].fixed))
            return true;
    return false;
}

static int apply_hits(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part)
{
    int status = SL_OK;
    for (uint32_t i = 0; i < norm->hit_count && status == SL_OK; i++) {
        struct nm_hit *hit = &norm->hits[i];
        if (hit->fate == NM_GOES) {
            status = sl_attr_remove(batch, part, &hit->attr);
        } else if (hit->fate == NM_RENAMED) {
            struct sl_bytes key = nm_target_key(norm->table, (enum nm_target)hit->target);
            status = sl_attr_rename(batch, part, &hit->attr, key);
            norm->slots[hit->target].valid = false; /* it is written */
        }
    }
    return status;
}

static int apply(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part)
{
    uint32_t number = sl_record_attributes(batch->signal);
    sl_out_clear(&norm->add);
    int status = apply_hits(norm, batch, part);
    for (unsigned i = 1; i < NM_TARGET_COUNT && status == SL_OK; i++) {
        struct nm_slot *slot = &norm->slots[i];
        if (!slot->valid)
            continue;
        struct sl_bytes key = nm_target_key(norm->table, (enum nm_target)i);
        if (slot->existing < 0)
            sl_attr_encode(&norm->add, number, key, slot->value);
        else if (slot->fixed)
            status = sl_attr_replace(batch, part, &norm->hits[slot->existing].attr, slot->value);
    }
    if (status == SL_OK && norm->add.failed)
        status = SL_ENOMEM;
    if (status == SL_OK && norm->add.size > 0)
        status = sl_part_add(batch, part, sl_out_view(&norm->add));
    return status;
}

static int family_of(const struct nm_norm *norm)
{
    unsigned bits = norm->scope_family != 0 ? norm->scope_family : norm->families;
    for (int i = 0; i < NM_FAMILY_COUNT; i++)
        if ((bits >> i & 1) != 0)
            return i;
    return -1;
}

/* The arena and the texts of an unusually large span are not kept. */
static void clean(struct nm_norm *norm)
{
    if (norm->arena.capacity > KEEP_TEXT)
        sl_arena_done(&norm->arena);
    else if (norm->arena.blocks != NULL)
        sl_arena_reset(&norm->arena);
    if (norm->text.capacity > KEEP_TEXT)
        sl_out_done(&norm->text);
    if (norm->add.capacity > KEEP_TEXT)
        sl_out_done(&norm->add);
}

int nm_normalize(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part,
                 unsigned scope_family, int *ret_family)
{
    *ret_family = -1;
    int status = collect(norm, batch, part);
    unsigned on = nm_families_on(norm->table);
    norm->families &= on;
    if (status != SL_OK || norm->families == 0)
        return status;
    norm->scope_family = scope_family & on;
    norm->families |= norm->scope_family;
    norm->is_log = batch->signal != SL_TRACES;
    if (norm->is_log)
        norm->families &= 1U << NM_USER | 1U << NM_OTEL_GENAI;
    norm->status = SL_OK;
    for (unsigned i = 0; i < NM_TARGET_COUNT; i++)
        norm->slots[i] = (struct nm_slot){.existing = -1, .from = -1};
    if (!norm->is_log) {
        status = read_span(norm, batch, part);
        norm->merge_assistant = is_response_object(norm);
    } else {
        norm->span = (struct nm_span){.status_code = 0};
    }
    if (status == SL_OK) {
        nm_resolve(norm);
        status = norm->status;
    }
    if (status == SL_OK && has_changes(norm)) {
        status = apply(norm, batch, part);
        if (status == SL_OK)
            *ret_family = family_of(norm);
    }
    clean(norm);
    return status;
}
