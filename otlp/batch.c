/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch's life: creation, holders, and copies of its tables for another loop.
 * All tables are in the arena of the first pin, so only the list of pins and
 * the batch itself have memory of their own.
 */
#include "otlp/batch.h"

#include <assert.h>

#include "core/alloc.h"
#include "otlp/tables.h"

struct sl_batch *sl_batch_create(enum sl_signal signal, struct sl_buf *buf, uint32_t more_pins)
{
    struct sl_batch *batch = sl_calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->signal = signal;
    batch->references = 1;
    struct sl_pin *pin = NULL;
    if (more_pins > UINT32_MAX / 8 || sl_pins_reserve(batch, 1 + more_pins) != SL_OK ||
        (pin = sl_pin_new(buf)) == NULL) {
        sl_free(batch->pins);
        sl_free(batch);
        return NULL;
    }
    batch->pins[batch->pin_count++] = pin;
    batch->arena = &pin->arena;
    return batch;
}

struct sl_batch *sl_batch_new(enum sl_signal signal)
{
    return sl_batch_create(signal, NULL, 0);
}

struct sl_batch *sl_batch_ref(struct sl_batch *batch)
{
    batch->references++;
    return batch;
}

void sl_batch_unref(struct sl_batch *batch)
{
    if (batch == NULL)
        return;
    assert(batch->references > 0);
    if (--batch->references > 0)
        return;
    for (uint32_t i = 0; i < batch->pin_count; i++)
        sl_pin_unref(batch->pins[i]);
    sl_buf_unref(batch->original);
    sl_free(batch->pins);
    sl_free(batch);
}

void sl_batch_touch(struct sl_batch *batch)
{
    batch->changed = true;
    if (batch->original != NULL) {
        sl_buf_unref(batch->original);
        batch->original = NULL;
    }
}

int sl_table_reserve(struct sl_batch *batch, void *array, uint32_t *capacity, uint32_t count,
                     size_t more, size_t size)
{
    if (more <= *capacity - count)
        return SL_OK;
    if (more > UINT32_MAX / 2 || count > UINT32_MAX / 4)
        return SL_ENOMEM;
    size_t wanted = (size_t)count + more;
    if (wanted < (size_t)count * 2)
        wanted = (size_t)count * 2;
    if (wanted < 4 && count > 0)
        wanted = 4;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = sl_arena_grow(batch->arena, old, (size_t)*capacity * size, wanted * size);
    if (grown == NULL)
        return SL_ENOMEM;
    memcpy(array, &grown, sizeof grown);
    *capacity = (uint32_t)wanted;
    return SL_OK;
}

int sl_part_copy(struct sl_part *copy, const struct sl_part *part, struct sl_arena *arena)
{
    struct sl_edit *edits = NULL;
    size_t size = part->edit_count * sizeof *edits;
    if (size > 0) {
        edits = sl_arena_alloc(arena, size);
        if (edits == NULL)
            return SL_ENOMEM;
        memcpy(edits, part->edits, size);
    }
    *copy = *part;
    copy->edits = edits;
    copy->edit_capacity = part->edit_count;
    return SL_OK;
}

static int copy_envelope(struct sl_batch *into, struct sl_envelope *copy,
                         struct sl_envelope *envelope)
{
    *copy = *envelope;
    copy->hash = 0;
    copy->copy = NULL;
    return sl_part_copy(&copy->part, &envelope->part, into->arena);
}

struct sl_resource *sl_resource_copy(struct sl_batch *into, struct sl_resource *resource)
{
    struct sl_resource *copy = sl_arena_alloc(into->arena, sizeof *copy);
    if (copy == NULL || copy_envelope(into, &copy->as, &resource->as) != SL_OK ||
        sl_table_reserve(into, &into->resources, &into->resource_capacity, into->resource_count, 1,
                         sizeof(struct sl_resource *)) != SL_OK)
        return NULL;
    into->resources[into->resource_count++] = copy;
    return copy;
}

struct sl_scope *sl_scope_copy(struct sl_batch *into, struct sl_scope *scope)
{
    struct sl_scope *copy = sl_arena_alloc(into->arena, sizeof *copy);
    if (copy == NULL || copy_envelope(into, &copy->as, &scope->as) != SL_OK ||
        sl_table_reserve(into, &into->scopes, &into->scope_capacity, into->scope_count, 1,
                         sizeof(struct sl_scope *)) != SL_OK)
        return NULL;
    into->scopes[into->scope_count++] = copy;
    return copy;
}
