/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor over a message's fields, with its edits applied as it goes. */
#include "otlp/view.h"

#include "otlp/tables.h"
#include "otlp/wire.h"

void sl_cursor_init(struct sl_cursor *cursor, struct sl_batch *batch, struct sl_part *part)
{
    *cursor = (struct sl_cursor){.batch = batch, .part = part, .rest = part->wire};
    cursor->edit_count = part->edit_count;
    if (part->edit_count > 0)
        cursor->additions = part->edit_count - sl_edit_find(part, (uint32_t)part->wire.size);
}

void sl_cursor_init_plain(struct sl_cursor *cursor, struct sl_bytes message)
{
    *cursor = (struct sl_cursor){.rest = message};
}

static void fill(struct sl_field_view *view, const struct sl_wire_field *f)
{
    view->number = f->number;
    view->wire = (enum sl_wire_type)f->wire;
    view->number_value = 0;
    view->bytes = sl_bytes(NULL, 0);
    if (f->wire == SL_WIRE_LEN)
        view->bytes = sl_wire_payload(f);
    else if (f->wire != SL_WIRE_GROUP)
        view->number_value = f->value;
    view->whole = sl_bytes(f->start, (size_t)(f->end - f->start));
}

static void advance(struct sl_cursor *cursor, size_t size)
{
    if (size == 0)
        return;
    cursor->rest = sl_bytes(cursor->rest.data + size, cursor->rest.size - size);
    cursor->offset += (uint32_t)size;
}

static bool next_plain(struct sl_cursor *cursor, struct sl_field_view *view)
{
    struct sl_wire_field f;
    if (cursor->rest.size == 0)
        return false;
    if (sl_wire_read(cursor->rest.data, cursor->rest.data + cursor->rest.size, &f) == NULL) {
        cursor->failed = true;
        return false;
    }
    fill(view, &f);
    view->offset = cursor->offset;
    view->size = (uint32_t)view->whole.size;
    view->edit = -1;
    advance(cursor, view->whole.size);
    return true;
}

/* The index of the edit the cursor is at or in. */
static uint32_t edit_index(const struct sl_cursor *cursor)
{
    uint32_t first =
        cursor->tail ? sl_edit_find(cursor->part, (uint32_t)cursor->part->wire.size) : 0;
    return first + cursor->edit;
}

/* If the edit was cut since the last step, what is left of it lies in one of
 * the two pieces behind, which ends where it ended. */
static void settle(struct sl_cursor *cursor)
{
    const struct sl_part *part = cursor->part;
    const uint8_t *end = cursor->inside.data + cursor->inside.size;
    uint32_t index = edit_index(cursor);
    for (uint32_t i = index; i <= index + 2 && i < part->edit_count; i++) {
        struct sl_bytes bytes = part->edits[i].bytes;
        if (bytes.data != NULL && bytes.data + bytes.size == end) {
            cursor->additions += cursor->tail ? i - index : 0;
            cursor->edit += i - index;
            return;
        }
    }
}

static bool next_inside(struct sl_cursor *cursor, struct sl_field_view *view)
{
    struct sl_wire_field f;
    struct sl_bytes *inside = &cursor->inside;
    if (sl_wire_read(inside->data, inside->data + inside->size, &f) == NULL) {
        cursor->failed = true;
        return false;
    }
    fill(view, &f);
    uint32_t index = edit_index(cursor);
    const struct sl_edit *edit = &cursor->part->edits[index];
    view->offset = edit->offset;
    view->size = edit->size;
    view->edit = (int32_t)index;
    view->edit_offset = (uint32_t)(inside->data - edit->bytes.data);
    *inside = sl_bytes(f.end, inside->size - view->whole.size);
    return true;
}

static void leave_edit(struct sl_cursor *cursor)
{
    cursor->edit++;
    cursor->inside = sl_bytes(NULL, 0);
    cursor->edit_count = cursor->part->edit_count;
}

static void enter_edit(struct sl_cursor *cursor, const struct sl_edit *edit)
{
    advance(cursor, edit->size);
    if (edit->bytes.size > 0)
        cursor->inside = edit->bytes;
    else
        cursor->edit++;
}

/* The wire's field at the cursor; edits that begin inside it are applied. */
static bool next_wire(struct sl_cursor *cursor, struct sl_field_view *view)
{
    if (!next_plain(cursor, view))
        return false;
    struct sl_part *part = cursor->part;
    if (cursor->edit >= part->edit_count || part->edits[cursor->edit].offset >= cursor->offset)
        return true;
    struct sl_wire_field f;
    struct sl_bytes spliced = sl_splice_field(part, view->offset, view->size, cursor->batch->arena);
    if (spliced.data == NULL ||
        sl_wire_read(spliced.data, spliced.data + spliced.size, &f) == NULL) {
        cursor->failed = true;
        return false;
    }
    fill(view, &f);
    while (cursor->edit < part->edit_count && part->edits[cursor->edit].offset < cursor->offset)
        cursor->edit++;
    return true;
}

bool sl_cursor_next(struct sl_cursor *cursor, struct sl_field_view *view)
{
    struct sl_part *part = cursor->part;
    if (cursor->failed)
        return false;
    if (part == NULL || (part->edit_count == 0 && cursor->inside.data == NULL))
        return next_plain(cursor, view);
    for (;;) {
        if (cursor->inside.data != NULL)
            settle(cursor);
        if (cursor->inside.size > 0)
            return next_inside(cursor, view);
        if (cursor->inside.data != NULL)
            leave_edit(cursor);
        if (!cursor->tail && cursor->edit_count != part->edit_count) {
            cursor->edit = sl_edit_find(part, cursor->offset);
            cursor->edit_count = part->edit_count;
        }
        if (!cursor->tail && cursor->rest.size == 0) {
            cursor->tail = true;
            cursor->edit = 0;
        }
        if (cursor->tail && cursor->edit >= cursor->additions)
            return false;
        uint32_t index = edit_index(cursor);
        const struct sl_edit *edit = index < part->edit_count ? &part->edits[index] : NULL;
        if (edit != NULL && edit->offset == cursor->offset)
            enter_edit(cursor, edit);
        else if (cursor->tail)
            return false;
        else
            return next_wire(cursor, view);
    }
}
