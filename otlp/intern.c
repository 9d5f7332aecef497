/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the resource or scope that is equal to one at hand: open addressing
 * with a seed drawn once per process, and a bound on the probes, so that bytes
 * chosen to collide cost a second copy of a resource and no time.
 */
#include <sys/random.h>
#include <time.h>

#include "otlp/tables.h"

enum { MOST_PROBES = 16, FIRST_SLOTS = 8 };

static uint64_t process_seed(void)
{
    static atomic_uint_least64_t seed;
    uint64_t value = atomic_load_explicit(&seed, memory_order_relaxed);
    if (value != 0)
        return value;
    uint64_t drawn = 0, none = 0;
    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn)
        drawn = (uint64_t)time(NULL) ^ (uint64_t)(uintptr_t)&drawn;
    drawn |= 1;
    return atomic_compare_exchange_strong(&seed, &none, drawn) ? drawn : none;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time; both factors depend on the seed and on what came before. */
static uint64_t hash_bytes(struct sl_bytes bytes, uint64_t hash)
{
    uint64_t word;
    size_t i = 0;
    for (; i + 8 <= bytes.size; i += 8) {
        memcpy(&word, bytes.data + i, 8);
        hash = mix(hash ^ word, hash + 0xA0761D6478BD642Fu);
    }
    word = 0;
    if (i < bytes.size)
        memcpy(&word, bytes.data + i, bytes.size - i);
    return mix(hash ^ word, hash + bytes.size);
}

static uint64_t hash_envelope(const struct sl_envelope *envelope)
{
    uint64_t hash = hash_bytes(envelope->part.wire, process_seed());
    hash = hash_bytes(envelope->schema_url, hash);
    hash = hash_bytes(envelope->extra, hash ^ envelope->present);
    return hash != 0 ? hash : 1;
}

/* Both without edits. */
static bool equal(const struct sl_envelope *a, const struct sl_envelope *b)
{
    return a->present == b->present && sl_bytes_equal(a->part.wire, b->part.wire) &&
           sl_bytes_equal(a->schema_url, b->schema_url) && sl_bytes_equal(a->extra, b->extra);
}

static struct sl_envelope *find(const struct sl_index *index, const struct sl_envelope *like,
                                uint64_t hash)
{
    for (unsigned i = 0; i < MOST_PROBES && index->size > 0; i++) {
        struct sl_envelope *slot = index->slots[(hash + i) & (index->size - 1)];
        if (slot == NULL)
            return NULL;
        if (slot->hash == hash && slot->part.edit_count == 0 && equal(slot, like))
            return slot;
    }
    return NULL;
}

/* Without room within the bound it stays out: nobody will find it. */
static void place(struct sl_index *index, struct sl_envelope *envelope)
{
    for (unsigned i = 0; i < MOST_PROBES; i++) {
        struct sl_envelope **slot = &index->slots[(envelope->hash + i) & (index->size - 1)];
        if (*slot == NULL) {
            *slot = envelope;
            return;
        }
    }
}

static int make_room(struct sl_batch *batch, struct sl_index *index)
{
    if (index->size > 0 && index->count < index->size / 2)
        return SL_OK;
    if (index->size > UINT32_MAX / 4)
        return SL_ENOMEM;
    struct sl_index larger = {.size = index->size > 0 ? index->size * 2 : FIRST_SLOTS};
    larger.slots = sl_arena_calloc(batch->arena, larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return SL_ENOMEM;
    larger.count = index->count;
    for (uint32_t i = 0; i < index->size; i++)
        if (index->slots[i] != NULL)
            place(&larger, index->slots[i]);
    *index = larger;
    return SL_OK;
}

static int enter(struct sl_batch *batch, struct sl_index *index, struct sl_envelope *envelope,
                 uint64_t hash)
{
    if (make_room(batch, index) != SL_OK)
        return SL_ENOMEM;
    envelope->hash = hash;
    place(index, envelope);
    index->count++;
    return SL_OK;
}

struct sl_resource *sl_intern_resource(struct sl_batch *batch, const struct sl_resource *like)
{
    uint64_t hash = hash_envelope(&like->as);
    struct sl_envelope *found = find(&batch->resource_index, &like->as, hash);
    if (found != NULL)
        return (struct sl_resource *)(void *)found;
    struct sl_resource *copy = sl_arena_alloc(batch->arena, sizeof *copy);
    if (copy == NULL ||
        sl_table_reserve(batch, &batch->resources, &batch->resource_capacity, batch->resource_count,
                         1, sizeof(struct sl_resource *)) != SL_OK)
        return NULL;
    *copy = *like;
    copy->part.edits = NULL;
    copy->part.edit_capacity = 0;
    if (enter(batch, &batch->resource_index, &copy->as, hash) != SL_OK)
        return NULL;
    batch->resources[batch->resource_count++] = copy;
    return copy;
}

struct sl_scope *sl_intern_scope(struct sl_batch *batch, const struct sl_scope *like)
{
    uint64_t hash = hash_envelope(&like->as);
    struct sl_envelope *found = find(&batch->scope_index, &like->as, hash);
    if (found != NULL)
        return (struct sl_scope *)(void *)found;
    struct sl_scope *copy = sl_arena_alloc(batch->arena, sizeof *copy);
    if (copy == NULL || sl_table_reserve(batch, &batch->scopes, &batch->scope_capacity,
                                         batch->scope_count, 1, sizeof(struct sl_scope *)) != SL_OK)
        return NULL;
    *copy = *like;
    copy->part.edits = NULL;
    copy->part.edit_capacity = 0;
    if (enter(batch, &batch->scope_index, &copy->as, hash) != SL_OK)
        return NULL;
    batch->scopes[batch->scope_count++] = copy;
    return copy;
}

/* Splices what has been edited since and enters what is not in the index. */
static int refresh(struct sl_batch *batch, struct sl_index *index, struct sl_envelope *envelope)
{
    if (envelope->part.edit_count == 0 && envelope->hash != 0)
        return SL_OK;
    if (sl_part_flatten(&envelope->part, batch->arena) != SL_OK)
        return SL_ENOMEM;
    return enter(batch, index, envelope, hash_envelope(envelope));
}

/* An entry that was edited after it was entered stands in the wrong place. */
static bool stale(const struct sl_envelope *envelope)
{
    return envelope->hash != 0 && envelope->part.edit_count > 0;
}

static void forget_stale_resources(struct sl_batch *batch)
{
    uint32_t i = 0;
    while (i < batch->resource_count && !stale(&batch->resources[i]->as))
        i++;
    if (i == batch->resource_count)
        return;
    batch->resource_index = (struct sl_index){0};
    for (i = 0; i < batch->resource_count; i++)
        batch->resources[i]->hash = 0;
}

static void forget_stale_scopes(struct sl_batch *batch)
{
    uint32_t i = 0;
    while (i < batch->scope_count && !stale(&batch->scopes[i]->as))
        i++;
    if (i == batch->scope_count)
        return;
    batch->scope_index = (struct sl_index){0};
    for (i = 0; i < batch->scope_count; i++)
        batch->scopes[i]->hash = 0;
}

int sl_intern_refresh(struct sl_batch *batch)
{
    forget_stale_resources(batch);
    forget_stale_scopes(batch);
    for (uint32_t i = 0; i < batch->resource_count; i++)
        if (refresh(batch, &batch->resource_index, &batch->resources[i]->as) != SL_OK)
            return SL_ENOMEM;
    for (uint32_t i = 0; i < batch->scope_count; i++)
        if (refresh(batch, &batch->scope_index, &batch->scopes[i]->as) != SL_OK)
            return SL_ENOMEM;
    return SL_OK;
}
