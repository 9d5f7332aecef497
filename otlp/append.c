/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging two batches: tables move, bytes stay where they are and are pinned by
 * both. Everything that can fail is done before the first change.
 */
#include <assert.h>

#include "otlp/tables.h"

/* Above this product of group counts records are not sorted into groups that
 * are there already: the groups themselves are moved, which is linear. */
enum { MOST_COMPARISONS = 1 << 20 };

/* Where one group of `from` goes. */
struct target {
    struct sl_resource *resource;
    struct sl_scope *scope;
    uint32_t group; /* records join this one; UINT32_MAX: a new group */
};

/* Edits of from's resources and scopes are spliced, so that equal bytes are equal. */
static int flatten_envelopes(struct sl_batch *from)
{
    for (uint32_t i = 0; i < from->resource_count; i++)
        if (sl_part_flatten(&from->resources[i]->part, from->arena) != SL_OK)
            return SL_ENOMEM;
    for (uint32_t i = 0; i < from->scope_count; i++)
        if (sl_part_flatten(&from->scopes[i]->part, from->arena) != SL_OK)
            return SL_ENOMEM;
    return SL_OK;
}

/* The group that equals it, else UINT32_MAX; and where one of its resource ends. */
static uint32_t find_group(const struct sl_batch *batch, const struct sl_group *group,
                           const struct target *target, uint32_t *ret_behind)
{
    *ret_behind = batch->group_count;
    for (uint32_t i = batch->group_count; i > 0; i--) {
        const struct sl_group *there = &batch->groups[i - 1];
        if (there->resource != target->resource)
            continue;
        if (*ret_behind == batch->group_count)
            *ret_behind = i;
        if (there->bare == group->bare && (group->bare || there->scope == target->scope))
            return i - 1;
    }
    return UINT32_MAX;
}

/* Interns, decides and makes room; nothing a reader sees changes. */
static int plan(struct sl_batch *batch, const struct sl_group *group, bool search,
                struct target *target)
{
    uint32_t behind;
    target->group = UINT32_MAX;
    target->resource = sl_intern_resource(batch, group->resource);
    if (target->resource == NULL)
        return SL_ENOMEM;
    target->scope = group->bare ? group->scope : sl_intern_scope(batch, group->scope);
    if (target->scope == NULL)
        return SL_ENOMEM;
    if (search)
        target->group = find_group(batch, group, target, &behind);
    if (target->group == UINT32_MAX)
        return SL_OK;
    struct sl_group *into = &batch->groups[target->group];
    if (sl_table_reserve(batch, &into->records, &into->capacity, into->count,
                         (size_t)into->pending + group->count, sizeof *into->records) != SL_OK)
        return SL_ENOMEM;
    into->pending += group->count;
    return SL_OK;
}

static void join(struct sl_batch *batch, const struct sl_group *group, const struct target *target)
{
    struct sl_group *into = &batch->groups[target->group];
    if (group->count > 0)
        memcpy(into->records + into->count, group->records, group->count * sizeof *into->records);
    into->count += group->count;
    into->pending -= group->count;
}

/* A new group behind the last one of its resource, if there is one. */
static void insert(struct sl_batch *batch, const struct sl_group *group, bool search,
                   const struct target *target)
{
    uint32_t at = batch->group_count;
    if (search)
        (void)find_group(batch, group, target, &at);
    memmove(batch->groups + at + 1, batch->groups + at,
            (batch->group_count - at) * sizeof *batch->groups);
    struct sl_group *added = &batch->groups[at];
    *added = *group;
    added->resource = target->resource;
    added->scope = target->scope;
    added->starts = false;
    batch->group_count++;
}

static int plan_all(struct sl_batch *batch, struct sl_batch *from, bool search,
                    struct target *targets)
{
    if (flatten_envelopes(from) != SL_OK || sl_intern_refresh(batch) != SL_OK ||
        sl_pins_reserve(batch, from->pin_count) != SL_OK ||
        sl_table_reserve(batch, &batch->groups, &batch->group_capacity, batch->group_count,
                         from->group_count, sizeof *batch->groups) != SL_OK)
        return SL_ENOMEM;
    uint32_t planned = 0;
    int rc = SL_OK;
    while (rc == SL_OK && planned < from->group_count) {
        rc = plan(batch, &from->groups[planned], search, &targets[planned]);
        planned += rc == SL_OK;
    }
    for (uint32_t i = 0; rc != SL_OK && i < planned; i++)
        if (targets[i].group != UINT32_MAX)
            batch->groups[targets[i].group].pending = 0;
    return rc;
}

/* Unknown fields of the two requests, with room to grow so that many appends stay linear. */
static int reserve_extra(struct sl_batch *batch, const struct sl_batch *from)
{
    size_t wanted = batch->extra.size + from->extra.size;
    if (from->extra.size == 0 || wanted <= batch->extra_capacity)
        return SL_OK;
    uint8_t *room = sl_arena_alloc(batch->arena, wanted * 2);
    if (room == NULL)
        return SL_ENOMEM;
    if (batch->extra.size > 0)
        memcpy(room, batch->extra.data, batch->extra.size);
    batch->extra.data = room;
    batch->extra_capacity = wanted * 2;
    return SL_OK;
}

static void move_extra(struct sl_batch *batch, struct sl_batch *from)
{
    if (from->extra.size == 0)
        return;
    /* Room of our own, made by reserve_extra(). */
    memcpy((uint8_t *)(uintptr_t)batch->extra.data + batch->extra.size, from->extra.data,
           from->extra.size);
    batch->extra.size += from->extra.size;
}

static void empty(struct sl_batch *from)
{
    from->groups = NULL;
    from->group_count = from->group_capacity = 0;
    from->resource_count = from->scope_count = 0;
    from->resource_index = from->scope_index = (struct sl_index){0};
    from->items = from->records = 0;
    from->extra = sl_bytes(NULL, 0);
    from->extra_capacity = 0;
    sl_batch_touch(from);
}

int sl_batch_append(struct sl_batch *batch, struct sl_batch *from)
{
    assert(batch->references == 1 && from->references == 1 && batch->signal == from->signal);
    assert(batch != from);
    bool was_empty = batch->group_count == 0;
    bool search = (uint64_t)batch->group_count * from->group_count <= MOST_COMPARISONS;
    struct target *targets = sl_arena_alloc(from->arena, from->group_count * sizeof(struct target));
    if (targets == NULL || reserve_extra(batch, from) != SL_OK ||
        plan_all(batch, from, search, targets) != SL_OK)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < from->group_count; i++)
        if (targets[i].group != UINT32_MAX)
            join(batch, &from->groups[i], &targets[i]);
    for (uint32_t i = 0; i < from->group_count; i++)
        if (targets[i].group == UINT32_MAX)
            insert(batch, &from->groups[i], search, &targets[i]);
    move_extra(batch, from);
    sl_pins_share(batch, from);
    batch->items += from->items;
    batch->records += from->records;
    batch->known_only = from->known_only && (was_empty || batch->known_only);
    sl_batch_touch(batch);
    empty(from);
    return SL_OK;
}
