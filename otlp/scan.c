/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traversal behind scrubbing. It is driven by the schema's tables, so that
 * a field that is added to them is reached without a line here. Finds in the
 * wire become edits in place; the bytes of edits that earlier components made
 * are scanned the same way and written anew.
 */
#include "otlp/scan.h"

#include "core/error.h"
#include "otlp/tables.h"
#include "otlp/wire.h"

enum { REMOVED = 1 }; /* not a status: the outermost attribute has to go */

struct scan {
    struct sl_batch *batch;
    struct sl_part *part;
    const struct sl_scanner *scanner;
    uint32_t next; /* index of the first edit behind the place being scanned */
    bool in_attribute;
    struct sl_bytes key, inner_key;
};

static int scan_message(struct scan *s, const struct sl_message *message, struct sl_bytes wire,
                        unsigned depth);

static int put_edit(struct scan *s, const uint8_t *from, const uint8_t *to, struct sl_bytes bytes)
{
    struct sl_edit edit = {(uint32_t)(from - s->part->wire.data), (uint32_t)(to - from), bytes};
    if (sl_edit_insert(s->batch, s->part, s->next, edit) != SL_OK)
        return SL_ENOMEM;
    s->part->nested = true;
    s->next++;
    return SL_OK;
}

/* A number in an AnyValue becomes a string. */
static int put_string_value(struct scan *s, const struct sl_wire_field *f, struct sl_bytes text)
{
    uint8_t *data = sl_arena_alloc(s->batch->arena, sl_len_field_size(SL_ANY_STRING, text.size));
    if (data == NULL)
        return SL_ENOMEM;
    uint8_t *at = sl_len_write(data, SL_ANY_STRING, text.size);
    if (text.size > 0)
        memcpy(at, text.data, text.size);
    return put_edit(s, f->start, f->end, sl_bytes(data, (size_t)(at - data) + text.size));
}

static int visit(struct scan *s, const struct sl_message_field *field,
                 const struct sl_wire_field *f, struct sl_scan_item *item)
{
    struct sl_bytes text = {0};
    item->field = field;
    item->key = s->key;
    item->inner_key = s->inner_key;
    switch (s->scanner->visit(s->scanner->arg, item, &text)) {
    case SL_SCAN_KEEP:
        return SL_OK;
    case SL_SCAN_REPLACE:
        if (f->wire != SL_WIRE_LEN)
            return put_string_value(s, f, text);
        return put_edit(s, f->payload, f->end, text);
    case SL_SCAN_REMOVE:
        return s->in_attribute ? REMOVED : put_edit(s, f->start, f->end, sl_bytes(NULL, 0));
    default:
        return SL_EINVALID;
    }
}

static int scan_text(struct scan *s, const struct sl_message_field *field,
                     const struct sl_wire_field *f, unsigned depth)
{
    struct sl_scan_item item = {.scan = (enum sl_scan_class)field->scan, .depth = depth};
    item.text = sl_wire_payload(f);
    item.type = field->kind == SL_K_STRING ? SL_VALUE_STRING : SL_VALUE_BYTES;
    if (item.text.size == 0)
        return SL_OK;
    return visit(s, field, f, &item);
}

static int scan_number(struct scan *s, const struct sl_message_field *field,
                       const struct sl_wire_field *f, unsigned depth)
{
    struct sl_scan_item item = {.scan = SL_SCAN_TEXT, .depth = depth};
    if (field->number == SL_ANY_INT) {
        item.value = sl_value_int((int64_t)f->value);
    } else if (field->number == SL_ANY_DOUBLE) {
        double number;
        memcpy(&number, &f->value, sizeof number);
        item.value = sl_value_double(number);
    } else {
        return SL_OK;
    }
    item.type = item.value.type;
    return visit(s, field, f, &item);
}

static struct sl_bytes find_key(struct sl_bytes key_value)
{
    const uint8_t *p = key_value.data, *end = p + key_value.size;
    struct sl_wire_field f;
    while (p < end && (p = sl_wire_read(p, end, &f)) != NULL)
        if (f.number == SL_KV_KEY && f.wire == SL_WIRE_LEN)
            return sl_wire_payload(&f);
    return sl_bytes(NULL, 0);
}

/* Forgets the edits made since the place where `first` was the next one. */
static void take_back(struct scan *s, uint32_t first)
{
    struct sl_part *part = s->part;
    memmove(part->edits + first, part->edits + s->next,
            (part->edit_count - s->next) * sizeof *part->edits);
    part->edit_count -= s->next - first;
    s->next = first;
}

static int scan_key_value(struct scan *s, const struct sl_wire_field *f, unsigned depth)
{
    struct sl_bytes payload = sl_wire_payload(f), outer_key = s->key, outer_inner = s->inner_key;
    bool outermost = !s->in_attribute;
    uint32_t first = s->next;
    if (outermost)
        s->key = find_key(payload);
    else
        s->inner_key = find_key(payload);
    s->in_attribute = true;
    int rc = scan_message(s, &sl_msg_key_value, payload, depth);
    s->in_attribute = !outermost;
    s->key = outer_key;
    s->inner_key = outer_inner;
    if (rc != REMOVED || !outermost)
        return rc;
    if (s->next > first)
        take_back(s, first);
    return put_edit(s, f->start, f->end, sl_bytes(NULL, 0));
}

static int scan_field(struct scan *s, const struct sl_message *message,
                      const struct sl_wire_field *f, unsigned depth)
{
    const struct sl_message_field *field = sl_message_find(message, f->number);
    if (field == NULL || !sl_wire_fits(f, field))
        return s->scanner->drop_unknown ? put_edit(s, f->start, f->end, sl_bytes(NULL, 0)) : SL_OK;
    switch (field->kind) {
    case SL_K_MESSAGE:
        if (field->message == &sl_msg_key_value)
            return scan_key_value(s, f, depth + 1);
        return scan_message(s, field->message, sl_wire_payload(f), depth + 1);
    case SL_K_STRING:
        return scan_text(s, field, f, depth);
    case SL_K_BYTES:
        return field->scan != SL_SCAN_NONE ? scan_text(s, field, f, depth) : SL_OK;
    default:
        return message == &sl_msg_any_value ? scan_number(s, field, f, depth) : SL_OK;
    }
}

static int scan_message(struct scan *s, const struct sl_message *message, struct sl_bytes wire,
                        unsigned depth)
{
    const uint8_t *p = wire.data, *end = p + wire.size;
    if (depth > SL_MAX_DEPTH)
        return SL_EINVALID;
    while (p < end) {
        struct sl_wire_field f;
        if (sl_wire_read(p, end, &f) == NULL)
            return SL_EINVALID;
        int rc = scan_field(s, message, &f, depth);
        if (rc != SL_OK)
            return rc;
        p = f.end;
    }
    return SL_OK;
}

/* An edit's bytes are whole fields of the part's message. */
static int scan_edit(struct scan *s, const struct sl_message *message, struct sl_edit edit)
{
    struct sl_part piece = {.wire = edit.bytes};
    if (piece.wire.size > 0) {
        struct scan inner = {.batch = s->batch, .part = &piece, .scanner = s->scanner};
        int rc = scan_message(&inner, message, piece.wire, 0);
        if (rc != SL_OK)
            return rc;
    }
    if (piece.edit_count > 0) {
        edit.bytes = sl_part_splice(&piece, s->batch->arena);
        if (edit.bytes.data == NULL)
            return SL_ENOMEM;
    }
    int rc = sl_edit_insert(s->batch, s->part, s->next, edit);
    s->next += rc == SL_OK;
    return rc;
}

/* The field at offset *p, which may have edits of earlier components inside it:
 * those, from *next on, become one edit of the whole field. */
static int scan_wire(struct scan *s, const struct sl_part *old, const struct sl_message *message,
                     uint32_t *p, uint32_t *next)
{
    struct sl_wire_field f;
    const uint8_t *start = old->wire.data + *p, *end = old->wire.data + old->wire.size;
    if (sl_wire_read(start, end, &f) == NULL)
        return SL_EINVALID;
    uint32_t offset = *p, size = (uint32_t)(f.end - f.start);
    *p += size;
    if (*next == old->edit_count || old->edits[*next].offset >= *p)
        return scan_field(s, message, &f, 0);
    struct sl_bytes spliced = sl_splice_field(old, offset, size, s->batch->arena);
    if (spliced.data == NULL)
        return SL_ENOMEM;
    while (*next < old->edit_count && old->edits[*next].offset < *p)
        ++*next;
    return scan_edit(s, message, (struct sl_edit){offset, size, spliced});
}

/* Old edits and finds go into a table of their own in turn, so that many of
 * both take no longer than they must. */
static int scan_edited(struct scan *s, const struct sl_message *message)
{
    struct sl_part *part = s->part, old = *part;
    uint32_t p = 0, next = 0;
    part->edits = NULL;
    part->edit_count = part->edit_capacity = 0;
    int rc = sl_table_reserve(s->batch, &part->edits, &part->edit_capacity, 0,
                              (size_t)old.edit_count + 4, sizeof *part->edits);
    while (rc == SL_OK && (next < old.edit_count || p < old.wire.size)) {
        if (next == old.edit_count || old.edits[next].offset != p) {
            rc = scan_wire(s, &old, message, &p, &next);
            continue;
        }
        p += old.edits[next].size;
        rc = scan_edit(s, message, old.edits[next++]);
    }
    if (rc != SL_OK)
        *part = old;
    return rc;
}

int sl_part_scan(struct sl_batch *batch, struct sl_part *part, const struct sl_message *message,
                 const struct sl_scanner *scanner)
{
    struct scan s = {.batch = batch, .part = part, .scanner = scanner};
    if (part->edit_count > 0)
        return scan_edited(&s, message);
    return part->wire.size > 0 ? scan_message(&s, message, part->wire, 0) : SL_OK;
}

static int scan_url(struct sl_batch *batch, const struct sl_message *message, struct sl_bytes *url,
                    const struct sl_scanner *scanner)
{
    struct sl_scan_item item = {.field = sl_message_find(message, SL_GROUP_SCHEMA_URL),
                                .scan = SL_SCAN_URL,
                                .type = SL_VALUE_STRING,
                                .text = *url};
    struct sl_bytes text = {0};
    if (url->size == 0)
        return SL_OK;
    switch (scanner->visit(scanner->arg, &item, &text)) {
    case SL_SCAN_KEEP:
        return SL_OK;
    case SL_SCAN_REPLACE:
    case SL_SCAN_REMOVE:
        *url = text;
        sl_batch_touch(batch);
        return SL_OK;
    default:
        return SL_EINVALID;
    }
}

int sl_batch_scan_shared(struct sl_batch *batch, const struct sl_scanner *scanner)
{
    const struct sl_signal_messages *messages = sl_signal_messages(batch->signal);
    int rc = SL_OK;
    for (uint32_t i = 0; i < batch->resource_count && rc == SL_OK; i++) {
        struct sl_resource *resource = batch->resources[i];
        rc = sl_part_scan(batch, &resource->part, &sl_msg_resource, scanner);
        if (rc == SL_OK)
            rc = scan_url(batch, messages->resource_group, &resource->schema_url, scanner);
    }
    for (uint32_t i = 0; i < batch->scope_count && rc == SL_OK; i++) {
        struct sl_scope *scope = batch->scopes[i];
        rc = sl_part_scan(batch, &scope->part, &sl_msg_scope, scanner);
        if (rc == SL_OK)
            rc = scan_url(batch, messages->scope_group, &scope->schema_url, scanner);
    }
    if (rc == SL_OK && scanner->drop_unknown)
        sl_batch_drop_unknown(batch);
    return rc;
}

void sl_batch_drop_unknown(struct sl_batch *batch)
{
    size_t bytes = batch->extra.size;
    batch->extra.size = 0;
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        bytes += batch->resources[i]->extra.size;
        batch->resources[i]->extra = sl_bytes(NULL, 0);
    }
    for (uint32_t i = 0; i < batch->scope_count; i++) {
        bytes += batch->scopes[i]->extra.size;
        batch->scopes[i]->extra = sl_bytes(NULL, 0);
    }
    batch->known_only = true;
    if (bytes > 0)
        sl_batch_touch(batch);
}
