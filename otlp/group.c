/* SPDX-License-Identifier: Apache-2.0 */
/* Taking records out of groups: those to drop, and those that get another schema URL. */
#include <assert.h>

#include "otlp/tables.h"

enum { MOST_SCOPES_SEEN = 64 }; /* a second copy of a scope is no harm, a long search is */

static size_t sweep_group(struct sl_group *group, uint32_t *ret_records)
{
    size_t items = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        if (group->records[i].flags & SL_RECORD_DROP) {
            items += group->records[i].items;
            continue;
        }
        if (kept != i)
            group->records[kept] = group->records[i];
        kept++;
    }
    *ret_records = group->count - kept;
    group->count = kept;
    return items;
}

size_t sl_batch_sweep(struct sl_batch *batch)
{
    size_t items = 0, records = 0;
    uint32_t kept = 0;
    assert(batch->references == 1);
    for (uint32_t i = 0; i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        uint32_t gone;
        items += sweep_group(group, &gone);
        records += gone;
        if (gone > 0 && group->count == 0) {
            struct sl_group *next = group + 1;
            if (group->starts && i + 1 < batch->group_count && next->resource == group->resource)
                next->starts = true;
            continue;
        }
        if (kept != i)
            batch->groups[kept] = *group;
        kept++;
    }
    batch->group_count = kept;
    batch->items -= items;
    batch->records -= records;
    if (records > 0)
        sl_batch_touch(batch);
    return items;
}

static uint32_t count_marked(const struct sl_group *group)
{
    uint32_t marked = 0;
    for (uint32_t i = 0; i < group->count; i++)
        marked += (group->records[i].flags & SL_RECORD_MARK) != 0;
    return marked;
}

/* The same scope under another schema URL. */
static struct sl_scope *scope_with_url(struct sl_batch *batch, struct sl_scope *scope,
                                       struct sl_bytes url)
{
    uint32_t seen = 0;
    for (uint32_t i = batch->scope_count; i > 0 && seen < MOST_SCOPES_SEEN; i--, seen++) {
        struct sl_scope *other = batch->scopes[i - 1];
        if (other->part.wire.data == scope->part.wire.data &&
            other->part.wire.size == scope->part.wire.size && other->part.edit_count == 0 &&
            scope->part.edit_count == 0 && other->present == scope->present &&
            sl_bytes_equal(other->schema_url, url) && sl_bytes_equal(other->extra, scope->extra))
            return other;
    }
    struct sl_bytes copied = sl_arena_copy(batch->arena, url);
    struct sl_scope *copy = copied.data != NULL ? sl_scope_copy(batch, scope) : NULL;
    if (copy != NULL)
        copy->schema_url = copied;
    return copy;
}

static void move_marked(struct sl_group *group, struct sl_record *moved)
{
    uint32_t kept = 0, gone = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        struct sl_record record = group->records[i];
        if (record.flags & SL_RECORD_MARK) {
            record.flags &= ~(uint32_t)SL_RECORD_MARK;
            moved[gone++] = record;
        } else {
            group->records[kept++] = record;
        }
    }
    group->count = kept;
}

/* Gives the marked records the scope: all of the group's in place, else moved to
 * *ret_sibling, whose count is 0 when there is none. */
static int split_group(struct sl_batch *batch, struct sl_group *group, uint32_t marked,
                       struct sl_bytes url, struct sl_group *ret_sibling)
{
    bool same = sl_bytes_equal(group->scope->schema_url, url);
    struct sl_scope *scope = same ? group->scope : scope_with_url(batch, group->scope, url);
    *ret_sibling = (struct sl_group){.resource = group->resource, .scope = scope};
    if (scope == NULL)
        return SL_ENOMEM;
    if (!same)
        sl_batch_touch(batch);
    if (same || marked == group->count) {
        for (uint32_t i = 0; i < group->count; i++)
            group->records[i].flags &= ~(uint32_t)SL_RECORD_MARK;
        group->scope = scope;
        return SL_OK;
    }
    struct sl_record *moved = sl_arena_alloc(batch->arena, marked * sizeof *moved);
    if (moved == NULL)
        return SL_ENOMEM;
    move_marked(group, moved);
    ret_sibling->records = moved;
    ret_sibling->count = ret_sibling->capacity = marked;
    return SL_OK;
}

int sl_group_split(struct sl_batch *batch, uint32_t index, struct sl_bytes schema_url)
{
    assert(batch->references == 1 && index < batch->group_count);
    uint32_t marked = count_marked(&batch->groups[index]);
    struct sl_group sibling;
    if (marked == 0)
        return SL_OK;
    if (sl_table_reserve(batch, &batch->groups, &batch->group_capacity, batch->group_count, 1,
                         sizeof *batch->groups) != SL_OK ||
        split_group(batch, &batch->groups[index], marked, schema_url, &sibling) != SL_OK)
        return SL_ENOMEM;
    if (sibling.count == 0)
        return SL_OK;
    struct sl_group *group = &batch->groups[index];
    memmove(group + 2, group + 1, (batch->group_count - index - 1) * sizeof *group);
    batch->group_count++;
    group[1] = sibling;
    return SL_OK;
}

int sl_batch_split_marked(struct sl_batch *batch, struct sl_bytes schema_url)
{
    assert(batch->references == 1);
    uint32_t count = 0, capacity = batch->group_count * 2;
    struct sl_group *groups = sl_arena_alloc(batch->arena, capacity * sizeof *groups);
    if (groups == NULL)
        return SL_ENOMEM;
    for (uint32_t i = 0; i < batch->group_count; i++) {
        struct sl_group sibling = {.count = 0};
        uint32_t marked = count_marked(&batch->groups[i]);
        if (marked > 0 &&
            split_group(batch, &batch->groups[i], marked, schema_url, &sibling) != SL_OK)
            return SL_ENOMEM;
        groups[count++] = batch->groups[i];
        if (sibling.count > 0)
            groups[count++] = sibling;
    }
    batch->groups = groups;
    batch->group_count = count;
    batch->group_capacity = capacity;
    return SL_OK;
}
