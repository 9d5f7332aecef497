/* SPDX-License-Identifier: Apache-2.0 */
/* Letting go of large buffers that only a few live records still pin. */
#include <assert.h>

#include "core/alloc.h"
#include "core/budget.h"
#include "otlp/tables.h"

/* Records come out of the encoding in the order they went in. */
static void copy_flags(struct sl_batch *to, const struct sl_batch *from)
{
    uint32_t group = 0, record = 0;
    for (uint32_t g = 0; g < from->group_count; g++) {
        for (uint32_t r = 0; r < from->groups[g].count; r++) {
            while (record == to->groups[group].count) {
                group++;
                record = 0;
            }
            to->groups[group].records[record++].flags = from->groups[g].records[r].flags;
        }
    }
}

/* The new tables and pins go into the batch that people hold. */
static void exchange(struct sl_batch *batch, struct sl_batch *fresh)
{
    struct sl_batch old = *batch;
    *batch = *fresh;
    batch->references = old.references;
    batch->changed = old.changed;
    batch->known_only = old.known_only;
    batch->original = old.original;
    batch->original_codec = old.original_codec;
    *fresh = old;
    fresh->references = 1;
    fresh->original = NULL;
}

int sl_batch_compact(struct sl_batch *batch, struct sl_budget *budget)
{
    size_t size = sl_batch_encoded_size(batch);
    if (size > sl_batch_pinned_bytes(batch) / 2)
        return SL_OK;
    if (budget != NULL && !sl_budget_take(budget, size))
        return SL_EAGAIN;
    uint8_t *data = sl_malloc(size);
    struct sl_buf *buf = data != NULL ? sl_buf_adopt(NULL, data, size, size) : NULL;
    if (buf == NULL) {
        if (budget != NULL)
            sl_budget_give(budget, size);
        return SL_ENOMEM;
    }
    buf->budget = budget;
    struct sl_out out = {.data = data, .capacity = size};
    int rc = sl_batch_encode(batch, &out);
    assert(rc == SL_OK && out.data == data);
    const struct sl_ingest_limits limits = {.max_items = UINT32_MAX, .max_table = SIZE_MAX};
    struct sl_batch *fresh = NULL;
    rc = sl_batch_read(batch->signal, buf, &limits, &fresh, NULL, NULL);
    sl_buf_unref(buf);
    if (rc != SL_OK)
        return rc;
    assert(fresh->records == batch->records);
    copy_flags(fresh, batch);
    exchange(batch, fresh);
    sl_batch_unref(fresh);
    return SL_OK;
}
