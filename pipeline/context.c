/* SPDX-License-Identifier: Apache-2.0 */
/* A context is one block of memory: the struct, its metadata table, then all
 * texts, each with a NUL after it. */
#include "pipeline/context.h"

#include <assert.h>

#include "core/alloc.h"

static struct sl_bytes place(uint8_t **room, struct sl_bytes from)
{
    struct sl_bytes copy = {*room, from.size};
    if (from.size > 0)
        memcpy(*room, from.data, from.size);
    (*room)[from.size] = 0;
    *room += from.size + 1;
    return copy;
}

struct sl_context *sl_context_new(const struct sl_context *from)
{
    size_t table = from->metadata_count * sizeof *from->metadata;
    size_t texts = from->peer.size + 1;
    for (size_t i = 0; i < from->metadata_count; i++)
        texts += from->metadata[i].name.size + from->metadata[i].value.size + 2;

    struct sl_context *context = sl_malloc(sizeof *context + table + texts);
    if (context == NULL)
        return NULL;
    struct sl_metadata *metadata = (struct sl_metadata *)(context + 1);
    uint8_t *room = (uint8_t *)metadata + table;
    atomic_init(&context->references, 1);
    context->deadline_ms = from->deadline_ms;
    context->merge_key = from->merge_key;
    context->peer = place(&room, from->peer);
    context->transport = from->transport;
    for (size_t i = 0; i < from->metadata_count; i++) {
        metadata[i].name = place(&room, from->metadata[i].name);
        metadata[i].value = place(&room, from->metadata[i].value);
    }
    context->metadata = from->metadata_count > 0 ? metadata : NULL;
    context->metadata_count = from->metadata_count;
    return context;
}

struct sl_context *sl_context_ref(struct sl_context *context)
{
    if (context != NULL)
        atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void sl_context_unref(struct sl_context *context)
{
    if (context == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        sl_free(context);
}
