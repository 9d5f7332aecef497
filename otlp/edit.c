/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits of a part: an array sorted by offset. A field of the wire is changed by
 * an edit of its range; a field that is itself in an edit's bytes is changed by
 * giving that edit other bytes, or by cutting it in three around the field.
 */
#include "otlp/edit.h"

#include <assert.h>

#include "otlp/tables.h"
#include "otlp/wire.h"

uint32_t sl_edit_find(const struct sl_part *part, uint32_t offset)
{
    uint32_t low = 0, high = part->edit_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (part->edits[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int reserve(struct sl_batch *batch, struct sl_part *part, uint32_t more)
{
    assert(batch->references == 1);
    if (part->edit_capacity == 0 && more < 8)
        more = 8;
    return sl_table_reserve(batch, &part->edits, &part->edit_capacity, part->edit_count, more,
                            sizeof *part->edits);
}

int sl_edit_insert(struct sl_batch *batch, struct sl_part *part, uint32_t index,
                   struct sl_edit edit)
{
    if (reserve(batch, part, 1) != SL_OK)
        return SL_ENOMEM;
    memmove(part->edits + index + 1, part->edits + index,
            (part->edit_count - index) * sizeof *part->edits);
    part->edits[index] = edit;
    part->edit_count++;
    sl_batch_touch(batch);
    return SL_OK;
}

int sl_edit_put(struct sl_batch *batch, struct sl_part *part, uint32_t offset, uint32_t size,
                struct sl_bytes bytes)
{
    struct sl_edit edit = {offset, size, bytes};
    uint32_t first = sl_edit_find(part, offset);
    while (first < part->edit_count && part->edits[first].offset == offset &&
           part->edits[first].size == 0 && size > 0)
        first++; /* what was put in before the field */
    uint32_t last = first;
    while (last < part->edit_count && part->edits[last].offset < offset + size)
        last++;
    if (last == first)
        return sl_edit_insert(batch, part, first, edit);
    part->edits[first] = edit;
    memmove(part->edits + first + 1, part->edits + last,
            (part->edit_count - last) * sizeof *part->edits);
    part->edit_count -= last - first - 1;
    sl_batch_touch(batch);
    return SL_OK;
}

static bool holds(const struct sl_edit *edit, struct sl_bytes whole)
{
    return edit->bytes.size >= whole.size && edit->bytes.data <= whole.data &&
           whole.data + whole.size <= edit->bytes.data + edit->bytes.size;
}

/* Edits move when others are put in, so the index of a view is only a hint. */
static uint32_t edit_of(const struct sl_part *part, const struct sl_field_view *field)
{
    uint32_t hint = (uint32_t)field->edit;
    if (hint < part->edit_count && holds(&part->edits[hint], field->whole))
        return hint;
    for (uint32_t i = 0; i < part->edit_count; i++)
        if (holds(&part->edits[i], field->whole))
            return i;
    return UINT32_MAX;
}

/* Cuts edit i into what is before the field, the new bytes and what is behind
 * it. The last piece is kept when empty: a cursor finds its place by its end. */
static int cut(struct sl_batch *batch, struct sl_part *part, uint32_t i, struct sl_bytes whole,
               struct sl_bytes bytes)
{
    struct sl_edit old = part->edits[i];
    uint32_t behind = old.offset + old.size;
    const uint8_t *end = whole.data + whole.size;
    size_t before = (size_t)(whole.data - old.bytes.data);
    if (reserve(batch, part, 2) != SL_OK)
        return SL_ENOMEM;
    struct sl_edit rest = {behind, 0, sl_bytes(end, old.bytes.size - before - whole.size)};
    if (before == 0) {
        part->edits[i].bytes = bytes;
        return sl_edit_insert(batch, part, i + 1, rest);
    }
    part->edits[i].bytes.size = before;
    (void)sl_edit_insert(batch, part, i + 1, (struct sl_edit){behind, 0, bytes});
    return sl_edit_insert(batch, part, i + 2, rest);
}

int sl_field_put(struct sl_batch *batch, struct sl_part *part, const struct sl_field_view *field,
                 struct sl_bytes bytes)
{
    if (field->edit < 0)
        return sl_edit_put(batch, part, field->offset, field->size, bytes);
    assert(batch->references == 1);
    uint32_t i = edit_of(part, field);
    if (i == UINT32_MAX)
        return SL_EINVALID;
    if (part->edits[i].bytes.size != field->whole.size)
        return cut(batch, part, i, field->whole, bytes);
    part->edits[i].bytes = bytes;
    sl_batch_touch(batch);
    return SL_OK;
}

int sl_field_remove(struct sl_batch *batch, struct sl_part *part, const struct sl_field_view *field)
{
    return sl_field_put(batch, part, field, sl_bytes(NULL, 0));
}

int sl_field_replace(struct sl_batch *batch, struct sl_part *part,
                     const struct sl_field_view *field, struct sl_bytes whole)
{
    if (whole.size == 0)
        return sl_field_remove(batch, part, field);
    struct sl_bytes copy = sl_arena_copy(batch->arena, whole);
    return copy.data == NULL ? SL_ENOMEM : sl_field_put(batch, part, field, copy);
}

int sl_part_append(struct sl_batch *batch, struct sl_part *part, struct sl_bytes bytes)
{
    struct sl_edit edit = {(uint32_t)part->wire.size, 0, bytes};
    return sl_edit_insert(batch, part, part->edit_count, edit);
}

int sl_part_add(struct sl_batch *batch, struct sl_part *part, struct sl_bytes whole)
{
    if (whole.size == 0)
        return SL_OK;
    struct sl_bytes copy = sl_arena_copy(batch->arena, whole);
    return copy.data == NULL ? SL_ENOMEM : sl_part_append(batch, part, copy);
}

/* Puts an encoded singular field where the first one of its number is, and
 * takes any others out. */
static int set_field(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                     struct sl_bytes encoded)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    bool found = false;
    sl_cursor_init(&cursor, batch, part);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.number != number)
            continue;
        int rc = sl_field_put(batch, part, &field, found ? sl_bytes(NULL, 0) : encoded);
        if (rc != SL_OK)
            return rc;
        found = true;
    }
    if (cursor.failed)
        return SL_ENOMEM;
    return found ? SL_OK : sl_part_append(batch, part, encoded);
}

int sl_part_set_bytes(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                      struct sl_bytes value)
{
    uint8_t *data = sl_arena_alloc(batch->arena, sl_len_field_size(number, value.size));
    if (data == NULL)
        return SL_ENOMEM;
    uint8_t *at = sl_len_write(data, number, value.size);
    if (value.size > 0)
        memcpy(at, value.data, value.size);
    return set_field(batch, part, number, sl_bytes(data, (size_t)(at - data) + value.size));
}

int sl_part_set_varint(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                       uint64_t value)
{
    uint8_t *data = sl_arena_alloc(batch->arena, 2 * SL_VARINT_MAX);
    if (data == NULL)
        return SL_ENOMEM;
    uint8_t *at = sl_varint_write(data, sl_tag(number, SL_WIRE_VARINT));
    at = sl_varint_write(at, value);
    return set_field(batch, part, number, sl_bytes(data, (size_t)(at - data)));
}
