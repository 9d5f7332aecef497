/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part with its edits applied: unchanged runs are copied, and where an edit
 * lies inside a field the lengths around it are computed anew. Only fields that
 * contain edits are read.
 */
#include "otlp/splice.h"

#include <assert.h>

#include "otlp/tables.h"
#include "otlp/wire.h"

struct splice {
    const uint8_t *wire;
    const struct sl_edit *edits;
    uint32_t count, next;
};

static size_t splice_range(struct splice *s, uint32_t from, uint32_t to, uint8_t *at);

static void put(uint8_t *at, size_t offset, const void *data, size_t size)
{
    if (at != NULL && size > 0)
        memcpy(at + offset, data, size);
}

/* The field f, inside which the next edit lies. */
static size_t splice_inside(struct splice *s, const struct sl_wire_field *f, uint8_t *at)
{
    assert(f->wire == SL_WIRE_LEN);
    uint32_t from = (uint32_t)(f->payload - s->wire), to = (uint32_t)(f->end - s->wire);
    uint32_t first = s->next;
    size_t inner = splice_range(s, from, to, NULL);
    if (at != NULL) {
        s->next = first;
        (void)splice_range(s, from, to, sl_len_write(at, f->number, inner));
    }
    return sl_len_field_size(f->number, inner);
}

/* The size of fields [from, to) as edited; written when `at` is given. Takes
 * edits from s->next on. */
static size_t splice_range(struct splice *s, uint32_t from, uint32_t to, uint8_t *at)
{
    size_t size = 0;
    uint32_t p = from;
    while (p < to) {
        const struct sl_edit *edit = s->next < s->count ? &s->edits[s->next] : NULL;
        if (edit == NULL || edit->offset >= to) {
            put(at, size, s->wire + p, to - p);
            return size + (to - p);
        }
        if (edit->offset == p) {
            put(at, size, edit->bytes.data, edit->bytes.size);
            size += edit->bytes.size;
            p += edit->size;
            s->next++;
            continue;
        }
        struct sl_wire_field f;
        const uint8_t *end = sl_wire_read(s->wire + p, s->wire + to, &f);
        assert(end != NULL);
        uint32_t behind = (uint32_t)(end - s->wire);
        if (edit->offset >= behind) {
            put(at, size, s->wire + p, behind - p);
            size += behind - p;
        } else {
            size += splice_inside(s, &f, at != NULL ? at + size : NULL);
        }
        p = behind;
    }
    assert(p == to);
    return size;
}

static size_t splice_nested(const struct sl_part *part, uint8_t *at)
{
    struct splice s = {part->wire.data, part->edits, part->edit_count, 0};
    size_t size = splice_range(&s, 0, (uint32_t)part->wire.size, at);
    for (; s.next < s.count; s.next++) {
        put(at, size, s.edits[s.next].bytes.data, s.edits[s.next].bytes.size);
        size += s.edits[s.next].bytes.size;
    }
    return size;
}

size_t sl_part_size(const struct sl_part *part)
{
    if (part->nested && part->edit_count > 0)
        return splice_nested(part, NULL);
    size_t size = part->wire.size;
    for (uint32_t i = 0; i < part->edit_count; i++)
        size += part->edits[i].bytes.size - part->edits[i].size;
    return size;
}

static uint8_t *copy_run(uint8_t *at, const uint8_t *data, size_t size)
{
    if (size > 0)
        memcpy(at, data, size);
    return at + size;
}

uint8_t *sl_part_write(const struct sl_part *part, uint8_t *at)
{
    if (part->nested && part->edit_count > 0)
        return at + splice_nested(part, at);
    size_t p = 0;
    for (uint32_t i = 0; i < part->edit_count; i++) {
        const struct sl_edit *edit = &part->edits[i];
        at = copy_run(at, part->wire.data + p, edit->offset - p);
        at = copy_run(at, edit->bytes.data, edit->bytes.size);
        p = (size_t)edit->offset + edit->size;
    }
    return copy_run(at, part->wire.size > p ? part->wire.data + p : NULL, part->wire.size - p);
}

void sl_part_encode(const struct sl_part *part, struct sl_out *out)
{
    size_t size = sl_part_size(part);
    uint8_t *at = size > 0 ? sl_out_room(out, size) : NULL;
    if (at == NULL)
        return;
    uint8_t *end = sl_part_write(part, at);
    assert(end == at + size);
    out->size += (size_t)(end - at);
}

struct sl_bytes sl_part_splice(const struct sl_part *part, struct sl_arena *arena)
{
    static const uint8_t nothing[1];
    if (part->edit_count == 0)
        return part->wire.data != NULL ? part->wire : sl_bytes(nothing, 0);
    size_t size = sl_part_size(part);
    uint8_t *data = sl_arena_alloc(arena, size);
    if (data == NULL)
        return sl_bytes(NULL, 0);
    (void)sl_part_write(part, data);
    return sl_bytes(data, size);
}

struct sl_bytes sl_splice_field(const struct sl_part *part, uint32_t offset, uint32_t size,
                                struct sl_arena *arena)
{
    uint32_t first = sl_edit_find(part, offset + 1);
    struct splice s = {part->wire.data, part->edits, part->edit_count, first};
    size_t spliced = splice_range(&s, offset, offset + size, NULL);
    uint8_t *data = sl_arena_alloc(arena, spliced);
    if (data == NULL)
        return sl_bytes(NULL, 0);
    s.next = first;
    (void)splice_range(&s, offset, offset + size, data);
    return sl_bytes(data, spliced);
}

int sl_part_flatten(struct sl_part *part, struct sl_arena *arena)
{
    if (part->edit_count == 0)
        return SL_OK;
    struct sl_bytes wire = sl_part_splice(part, arena);
    if (wire.data == NULL || wire.size > UINT32_MAX)
        return SL_ENOMEM;
    part->wire = wire;
    part->edit_count = 0;
    part->nested = false;
    return SL_OK;
}
