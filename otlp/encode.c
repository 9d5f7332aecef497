/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as one Export*ServiceRequest: sizes bottom up, then one pass of copies. */
#include <assert.h>

#include "otlp/splice.h"
#include "otlp/wire.h"

/* Groups [first, end) make one ResourceX. */
static uint32_t run_end(const struct sl_batch *batch, uint32_t first)
{
    const struct sl_group *groups = batch->groups;
    uint32_t end = first + 1;
    while (end < batch->group_count && groups[end].resource == groups[first].resource &&
           !groups[end].starts)
        end++;
    return end;
}

size_t sl_envelope_size(const struct sl_envelope *envelope)
{
    size_t size = envelope->extra.size;
    if (envelope->present)
        size += sl_len_field_size(1, sl_part_size(&envelope->part));
    if (envelope->schema_url.size > 0)
        size += sl_len_field_size(3, envelope->schema_url.size);
    return size;
}

static size_t scope_size(const struct sl_group *group)
{
    size_t size = sl_envelope_size(&group->scope->as);
    for (uint32_t i = 0; i < group->count; i++)
        size += sl_len_field_size(SL_SCOPE_RECORDS, sl_part_size(&group->records[i].part));
    return size;
}

static size_t resource_size(const struct sl_batch *batch, uint32_t first, uint32_t end)
{
    size_t size = sl_envelope_size(&batch->groups[first].resource->as);
    for (uint32_t i = first; i < end; i++)
        if (!batch->groups[i].bare)
            size += sl_len_field_size(SL_GROUP_SCOPES, scope_size(&batch->groups[i]));
    return size;
}

static uint8_t *write_bytes(uint8_t *at, struct sl_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static uint8_t *write_part(uint8_t *at, uint32_t number, const struct sl_part *part)
{
    at = sl_len_write(at, number, sl_part_size(part));
    return sl_part_write(part, at);
}

/* What follows the records or scopes. */
static uint8_t *write_tail(uint8_t *at, const struct sl_envelope *envelope)
{
    if (envelope->schema_url.size > 0) {
        at = sl_len_write(at, 3, envelope->schema_url.size);
        at = write_bytes(at, envelope->schema_url);
    }
    return write_bytes(at, envelope->extra);
}

static uint8_t *write_scope(uint8_t *at, const struct sl_group *group)
{
    at = sl_len_write(at, SL_GROUP_SCOPES, scope_size(group));
    if (group->scope->present)
        at = write_part(at, SL_SCOPE_SCOPE, &group->scope->part);
    for (uint32_t i = 0; i < group->count; i++)
        at = write_part(at, SL_SCOPE_RECORDS, &group->records[i].part);
    return write_tail(at, &group->scope->as);
}

static uint8_t *write_resource(uint8_t *at, const struct sl_batch *batch, uint32_t first,
                               uint32_t end)
{
    const struct sl_resource *resource = batch->groups[first].resource;
    at = sl_len_write(at, SL_REQUEST_GROUPS, resource_size(batch, first, end));
    if (resource->present)
        at = write_part(at, SL_GROUP_RESOURCE, &resource->part);
    for (uint32_t i = first; i < end; i++)
        if (!batch->groups[i].bare)
            at = write_scope(at, &batch->groups[i]);
    return write_tail(at, &resource->as);
}

size_t sl_batch_encoded_size(const struct sl_batch *batch)
{
    size_t size = batch->extra.size;
    uint32_t end;
    for (uint32_t i = 0; i < batch->group_count; i = end) {
        end = run_end(batch, i);
        size += sl_len_field_size(SL_REQUEST_GROUPS, resource_size(batch, i, end));
    }
    return size;
}

int sl_batch_encode(const struct sl_batch *batch, struct sl_out *out)
{
    size_t size = sl_batch_encoded_size(batch);
    if (size == 0)
        return out->failed ? SL_ENOMEM : SL_OK;
    uint8_t *start = sl_out_room(out, size), *at = start;
    if (start == NULL)
        return out->limit != 0 && size > out->limit - out->size ? SL_ELIMIT : SL_ENOMEM;
    uint32_t end;
    for (uint32_t i = 0; i < batch->group_count; i = end) {
        end = run_end(batch, i);
        at = write_resource(at, batch, i, end);
    }
    at = write_bytes(at, batch->extra);
    assert(at == start + size);
    out->size += size;
    return SL_OK;
}
