/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting a batch in two. The rest takes over the back of the tables where they
 * are: no record is copied, so cutting a large batch into many is linear.
 */
#include <assert.h>

#include "core/alloc.h"
#include "otlp/metric.h"
#include "otlp/splice.h"
#include "otlp/tables.h"
#include "otlp/wire.h"

/* The encoded size as records are added, kept per level because lengths grow. */
struct meter {
    size_t closed;   /* ResourceX that are complete, unknown fields */
    size_t resource; /* payload of the open ResourceX without its open ScopeX */
    size_t scope;    /* payload of the open ScopeX */
    bool open, scope_open;
    size_t max_items, max_bytes, items, records;
};

static size_t resource_payload(const struct meter *meter, size_t more)
{
    size_t scope = meter->scope_open ? sl_len_field_size(SL_GROUP_SCOPES, meter->scope + more) : 0;
    return meter->resource + scope;
}

static size_t total(const struct meter *meter, size_t more)
{
    size_t open =
        meter->open ? sl_len_field_size(SL_REQUEST_GROUPS, resource_payload(meter, more)) : 0;
    return meter->closed + open;
}

static void open_group(struct meter *meter, const struct sl_batch *batch, uint32_t index)
{
    const struct sl_group *group = &batch->groups[index];
    if (index == 0 || group->starts || group[-1].resource != group->resource) {
        meter->closed = total(meter, 0);
        meter->resource = sl_envelope_size(&group->resource->as);
        meter->open = true;
        meter->scope_open = false;
    }
    meter->resource = resource_payload(meter, 0);
    meter->scope_open = !group->bare;
    meter->scope = group->bare ? 0 : sl_envelope_size(&group->scope->as);
}

static bool fits(struct meter *meter, const struct sl_record *record)
{
    size_t size = meter->max_bytes != 0
                      ? sl_len_field_size(SL_SCOPE_RECORDS, sl_part_size(&record->part))
                      : 0;
    if (meter->records > 0 &&
        ((meter->max_items != 0 && meter->items + record->items > meter->max_items) ||
         (meter->max_bytes != 0 && total(meter, size) > meter->max_bytes)))
        return false;
    meter->scope += size;
    meter->items += record->items;
    meter->records++;
    return true;
}

/* Puts the pieces of a Metric where it was. */
static int split_record(struct sl_batch *batch, struct sl_group *group, uint32_t at,
                        const struct meter *meter)
{
    struct sl_record *chunks;
    uint32_t count;
    size_t room = meter->max_items - (meter->items < meter->max_items ? meter->items : 0);
    int rc = sl_metric_split(batch, &group->records[at], (uint32_t)room, (uint32_t)meter->max_items,
                             &chunks, &count);
    if (rc != SL_OK)
        return rc;
    if (sl_table_reserve(batch, &group->records, &group->capacity, group->count, count - 1,
                         sizeof *chunks) != SL_OK)
        return SL_ENOMEM;
    memmove(group->records + at + count, group->records + at + 1,
            (group->count - at - 1) * sizeof *chunks);
    memcpy(group->records + at, chunks, count * sizeof *chunks);
    group->count += count - 1;
    batch->records += count - 1;
    return SL_OK;
}

/* The first record that does not fit; false: all do. */
static int find_cut(struct sl_batch *batch, struct meter *meter, uint32_t *ret_group,
                    uint32_t *ret_record, bool *ret_found)
{
    *ret_found = false;
    for (uint32_t g = 0; g < batch->group_count; g++) {
        struct sl_group *group = &batch->groups[g];
        open_group(meter, batch, g);
        for (uint32_t r = 0; r < group->count; r++) {
            struct sl_record *record = &group->records[r];
            if (batch->signal == SL_METRICS && meter->max_items != 0 &&
                record->items > meter->max_items && meter->items < meter->max_items) {
                int rc = split_record(batch, group, r, meter);
                if (rc != SL_OK)
                    return rc;
                record = &group->records[r];
            }
            if (!fits(meter, record)) {
                *ret_group = g;
                *ret_record = r;
                *ret_found = true;
                return SL_OK;
            }
        }
    }
    return SL_OK;
}

/* The rest's own resource and scope for a group; `copy` remembers them. */
static int adopt(struct sl_batch *rest, struct sl_group *group)
{
    struct sl_envelope *resource = &group->resource->as, *scope = &group->scope->as;
    if (resource->copy == NULL) {
        struct sl_resource *copy = sl_resource_copy(rest, group->resource);
        resource->copy = copy != NULL ? &copy->as : NULL;
    }
    if (scope->copy == NULL && !group->bare) {
        struct sl_scope *copy = sl_scope_copy(rest, group->scope);
        scope->copy = copy != NULL ? &copy->as : NULL;
    }
    return resource->copy != NULL && (group->bare || scope->copy != NULL) ? SL_OK : SL_ENOMEM;
}

static void forget_copies(const struct sl_batch *batch, uint32_t from)
{
    for (uint32_t i = from; i < batch->group_count; i++) {
        batch->groups[i].resource->copy = NULL;
        batch->groups[i].scope->copy = NULL;
    }
}

static void count_rest(struct sl_batch *batch, struct sl_batch *rest, const struct meter *meter)
{
    rest->items = batch->items - meter->items;
    rest->records = batch->records - meter->records;
    batch->items = meter->items;
    batch->records = meter->records;
}

/* Groups [first, ...) as the rest's; of the first one the records from `record` on. */
static int take_tables(struct sl_batch *batch, struct sl_batch *rest, uint32_t first,
                       uint32_t record)
{
    uint32_t count = batch->group_count - first;
    struct sl_group *groups = sl_arena_alloc(rest->arena, count * sizeof *groups);
    int rc = groups != NULL ? SL_OK : SL_ENOMEM;
    for (uint32_t i = first; i < batch->group_count && rc == SL_OK; i++)
        rc = adopt(rest, &batch->groups[i]);
    if (rc == SL_OK) {
        memcpy(groups, batch->groups + first, count * sizeof *groups);
        for (uint32_t i = 0; i < count; i++) {
            groups[i].resource = (struct sl_resource *)(void *)groups[i].resource->as.copy;
            if (!groups[i].bare)
                groups[i].scope = (struct sl_scope *)(void *)groups[i].scope->as.copy;
        }
        groups[0].records += record;
        groups[0].count -= record;
        groups[0].capacity -= record;
        rest->groups = groups;
        rest->group_count = rest->group_capacity = count;
    }
    forget_copies(batch, first);
    return rc;
}

static struct sl_batch *make_rest(struct sl_batch *batch, uint32_t first, uint32_t record,
                                  const struct meter *meter)
{
    struct sl_batch *rest = sl_batch_create(batch->signal, NULL, batch->pin_count);
    if (rest == NULL)
        return NULL;
    if (take_tables(batch, rest, first, record) != SL_OK) {
        sl_batch_unref(rest);
        return NULL;
    }
    sl_pins_share(rest, batch);
    rest->known_only = batch->known_only;
    rest->changed = true;
    count_rest(batch, rest, meter);
    struct sl_group *cut = &batch->groups[first];
    cut->count = cut->capacity = record;
    /* A cut before a group's first record leaves the group to the rest alone. */
    batch->group_count = record > 0 ? first + 1 : first;
    sl_batch_touch(batch);
    return rest;
}

int sl_batch_split(struct sl_batch *batch, size_t max_items, size_t max_bytes,
                   struct sl_batch **ret_rest)
{
    struct meter meter = {.max_items = max_items, .max_bytes = max_bytes};
    uint32_t group, record;
    bool found;
    assert(batch->references == 1);
    if (max_items > UINT32_MAX)
        meter.max_items = 0;
    meter.closed = batch->extra.size;
    int rc = find_cut(batch, &meter, &group, &record, &found);
    if (rc != SL_OK)
        return rc;
    struct sl_batch *rest = NULL;
    if (found) {
        rest = make_rest(batch, group, record, &meter);
        if (rest == NULL)
            return SL_ENOMEM;
    }
    *ret_rest = rest;
    return SL_OK;
}
