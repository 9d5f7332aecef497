/* SPDX-License-Identifier: Apache-2.0 */
/* Counted memory that the slices of batches point into. */
#include "core/alloc.h"
#include "otlp/tables.h"

struct sl_pin *sl_pin_new(struct sl_buf *buf)
{
    struct sl_pin *pin = sl_calloc(1, sizeof *pin);
    if (pin == NULL)
        return NULL;
    atomic_init(&pin->references, 1);
    pin->buf = buf;
    return pin;
}

void sl_pin_unref(struct sl_pin *pin)
{
    if (atomic_fetch_sub_explicit(&pin->references, 1, memory_order_acq_rel) != 1)
        return;
    sl_arena_done(&pin->arena);
    sl_buf_unref(pin->buf);
    sl_free(pin);
}

int sl_pins_reserve(struct sl_batch *batch, uint32_t more)
{
    if (more <= batch->pin_capacity - batch->pin_count)
        return SL_OK;
    if (more > UINT32_MAX / 4 - batch->pin_capacity)
        return SL_ENOMEM;
    uint32_t capacity = batch->pin_capacity * 2;
    if (capacity < batch->pin_count + more)
        capacity = batch->pin_count + more;
    struct sl_pin **pins = sl_realloc(batch->pins, capacity * sizeof(struct sl_pin *));
    if (pins == NULL)
        return SL_ENOMEM;
    batch->pins = pins;
    batch->pin_capacity = capacity;
    return SL_OK;
}

/* Pieces of one batch that come together again share pins; looking at the last
 * few finds that without a search through all of them. */
static bool held_lately(const struct sl_batch *batch, const struct sl_pin *pin)
{
    uint32_t from = batch->pin_count > 8 ? batch->pin_count - 8 : 0;
    for (uint32_t i = from; i < batch->pin_count; i++)
        if (batch->pins[i] == pin)
            return true;
    return batch->pin_count > 0 && batch->pins[0] == pin;
}

void sl_pins_share(struct sl_batch *batch, const struct sl_batch *from)
{
    for (uint32_t i = 0; i < from->pin_count; i++) {
        struct sl_pin *pin = from->pins[i];
        if (held_lately(batch, pin))
            continue;
        atomic_fetch_add_explicit(&pin->references, 1, memory_order_relaxed);
        batch->pins[batch->pin_count++] = pin;
    }
}

size_t sl_batch_pinned_bytes(const struct sl_batch *batch)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < batch->pin_count; i++) {
        const struct sl_pin *pin = batch->pins[i];
        bytes += pin->arena.capacity + (pin->buf != NULL ? pin->buf->capacity : 0);
    }
    return bytes;
}
