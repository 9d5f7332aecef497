/* SPDX-License-Identifier: Apache-2.0 */
/* Reference-counted bytes charged to the memory budget. */
#include "core/buf.h"

#include <assert.h>

#include "core/alloc.h"
#include "core/budget.h"
#include "core/error.h"

struct sl_buf *sl_buf_adopt(struct sl_budget *budget, uint8_t *data, size_t size, size_t capacity)
{
    if (budget != NULL && !sl_budget_take(budget, capacity)) {
        sl_free(data);
        return NULL;
    }
    struct sl_buf *buf = sl_malloc(sizeof *buf);
    if (buf == NULL) {
        if (budget != NULL)
            sl_budget_give(budget, capacity);
        sl_free(data);
        return NULL;
    }
    atomic_init(&buf->references, 1);
    buf->budget = budget;
    buf->size = size;
    buf->capacity = capacity;
    buf->data = data;
    return buf;
}

struct sl_buf *sl_buf_new(struct sl_budget *budget, size_t capacity)
{
    if (budget != NULL && !sl_budget_take(budget, capacity))
        return NULL;
    uint8_t *data = sl_malloc(capacity);
    struct sl_buf *buf = data != NULL ? sl_buf_adopt(NULL, data, 0, capacity) : NULL;
    if (buf == NULL) {
        if (budget != NULL)
            sl_budget_give(budget, capacity);
        return NULL;
    }
    buf->budget = budget;
    return buf;
}

struct sl_buf *sl_buf_ref(struct sl_buf *buf)
{
    atomic_fetch_add_explicit(&buf->references, 1, memory_order_relaxed);
    return buf;
}

void sl_buf_unref(struct sl_buf *buf)
{
    if (buf == NULL || atomic_fetch_sub_explicit(&buf->references, 1, memory_order_acq_rel) != 1)
        return;
    if (buf->budget != NULL)
        sl_budget_give(buf->budget, buf->capacity);
    sl_free(buf->data);
    sl_free(buf);
}

int sl_buf_reserve(struct sl_buf *buf, size_t more, size_t limit)
{
    assert(atomic_load(&buf->references) == 1);
    if (more <= buf->capacity - buf->size)
        return limit != 0 && buf->size + more > limit ? SL_ELIMIT : SL_OK;
    if (more > SIZE_MAX / 4 || (limit != 0 && (more > limit || buf->size > limit - more)))
        return SL_ELIMIT;
    size_t capacity = buf->capacity < 128 ? 256 : buf->capacity * 2;
    if (limit != 0 && capacity > limit)
        capacity = limit;
    if (capacity < buf->size + more)
        capacity = buf->size + more;
    size_t growth = capacity - buf->capacity;
    if (buf->budget != NULL && !sl_budget_take(buf->budget, growth))
        return SL_EAGAIN;
    uint8_t *data = sl_realloc(buf->data, capacity);
    if (data == NULL) {
        if (buf->budget != NULL)
            sl_budget_give(buf->budget, growth);
        return SL_ENOMEM;
    }
    buf->data = data;
    buf->capacity = capacity;
    return SL_OK;
}

int sl_buf_append(struct sl_buf *buf, const void *data, size_t size, size_t limit)
{
    int rc = sl_buf_reserve(buf, size, limit);
    if (rc != SL_OK || size == 0)
        return rc;
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    return SL_OK;
}
