/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a batch's tables over the same bytes. The original is only read,
 * so that a reference held elsewhere on the loop sees nothing of it; afterwards
 * the two share nothing but pins.
 */
#include "core/alloc.h"
#include "otlp/tables.h"

/* Where the n-th resource or scope went: a batch being cloned is const, so the
 * `copy` fields of its envelopes cannot be used; pointers are looked up in a
 * hash table of old and new ones instead. */
struct moved {
    const void **from;
    void **to;
    size_t mask;
};

static size_t moved_slot(const struct moved *moved, const void *from)
{
    size_t at = ((uintptr_t)from >> 3) * (size_t)0x9E3779B97F4A7C15u >> 20;
    for (at &= moved->mask; moved->from[at] != NULL && moved->from[at] != from;)
        at = (at + 1) & moved->mask;
    return at;
}

static int moved_init(struct moved *moved, size_t count)
{
    size_t size = 8;
    while (size < count * 2)
        size *= 2;
    moved->mask = size - 1;
    moved->from = sl_calloc(size, sizeof(void *));
    moved->to = sl_calloc(size, sizeof(void *));
    return moved->from != NULL && moved->to != NULL ? SL_OK : SL_ENOMEM;
}

static void moved_done(struct moved *moved)
{
    sl_free(moved->from);
    sl_free(moved->to);
}

static int clone_resource(struct sl_batch *copy, struct moved *moved, struct sl_group *group)
{
    size_t slot = moved_slot(moved, group->resource);
    if (moved->from[slot] == NULL) {
        moved->to[slot] = sl_resource_copy(copy, group->resource);
        if (moved->to[slot] == NULL)
            return SL_ENOMEM;
        moved->from[slot] = group->resource;
    }
    group->resource = moved->to[slot];
    return SL_OK;
}

static int clone_scope(struct sl_batch *copy, struct moved *moved, struct sl_group *group)
{
    if (group->bare) {
        group->scope = sl_arena_calloc(copy->arena, 1, sizeof *group->scope);
        return group->scope != NULL ? SL_OK : SL_ENOMEM;
    }
    size_t slot = moved_slot(moved, group->scope);
    if (moved->from[slot] == NULL) {
        moved->to[slot] = sl_scope_copy(copy, group->scope);
        if (moved->to[slot] == NULL)
            return SL_ENOMEM;
        moved->from[slot] = group->scope;
    }
    group->scope = moved->to[slot];
    return SL_OK;
}

static int clone_records(struct sl_batch *copy, struct sl_group *group)
{
    const struct sl_record *records = group->records;
    group->capacity = group->count;
    group->records = NULL;
    if (group->count == 0)
        return SL_OK;
    group->records = sl_arena_alloc(copy->arena, group->count * sizeof *records);
    if (group->records == NULL)
        return SL_ENOMEM;
    memcpy(group->records, records, group->count * sizeof *records);
    for (uint32_t i = 0; i < group->count; i++)
        if (records[i].part.edit_count > 0 &&
            sl_part_copy(&group->records[i].part, &records[i].part, copy->arena) != SL_OK)
            return SL_ENOMEM;
        else if (records[i].part.edit_count == 0) {
            group->records[i].part.edits = NULL;
            group->records[i].part.edit_capacity = 0;
        }
    return SL_OK;
}

static int clone_tables(struct sl_batch *copy, const struct sl_batch *batch, struct moved *moved)
{
    if (batch->group_count == 0)
        return SL_OK;
    copy->groups = sl_arena_alloc(copy->arena, batch->group_count * sizeof *copy->groups);
    if (copy->groups == NULL)
        return SL_ENOMEM;
    memcpy(copy->groups, batch->groups, batch->group_count * sizeof *copy->groups);
    copy->group_count = copy->group_capacity = batch->group_count;
    for (uint32_t i = 0; i < copy->group_count; i++) {
        struct sl_group *group = &copy->groups[i];
        if (clone_resource(copy, moved, group) != SL_OK ||
            clone_scope(copy, moved, group) != SL_OK || clone_records(copy, group) != SL_OK)
            return SL_ENOMEM;
    }
    return SL_OK;
}

struct sl_batch *sl_batch_clone(const struct sl_batch *batch)
{
    struct moved moved = {0};
    struct sl_batch *copy = sl_batch_create(batch->signal, NULL, batch->pin_count);
    if (copy == NULL)
        return NULL;
    sl_pins_share(copy, batch);
    copy->changed = batch->changed;
    copy->known_only = batch->known_only;
    copy->items = batch->items;
    copy->records = batch->records;
    copy->extra = batch->extra;
    int rc = moved_init(&moved, (size_t)batch->resource_count + batch->scope_count);
    if (rc == SL_OK)
        rc = clone_tables(copy, batch, &moved);
    moved_done(&moved);
    if (rc != SL_OK) {
        sl_batch_unref(copy);
        return NULL;
    }
    if (batch->original != NULL)
        copy->original = sl_buf_ref(batch->original);
    copy->original_codec = batch->original_codec;
    return copy;
}

int sl_batch_own(struct sl_batch **batch)
{
    if ((*batch)->references == 1)
        return SL_OK;
    struct sl_batch *copy = sl_batch_clone(*batch);
    if (copy == NULL)
        return SL_ENOMEM;
    sl_batch_unref(*batch);
    *batch = copy;
    return SL_OK;
}
