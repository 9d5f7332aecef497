/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a received body to a batch: one walk that checks everything and makes
 * the tables. Envelopes (ResourceX, ScopeX) are read twice, first to count and
 * to find what may come in any order, so that tables get their exact size.
 */
#include <assert.h>

#include "core/alloc.h"
#include "otlp/tables.h"
#include "otlp/walk.h"

enum {
    DEFAULT_MAX_ITEMS = 1000000,
    DEFAULT_MAX_TABLE = 64 << 20,
    RESOURCE_DEPTH = 3, /* request 1, ResourceX 2 */
    RECORD_DEPTH = 4
};

struct ingest {
    struct sl_batch *batch;
    const struct sl_signal_messages *messages;
    const uint8_t *body;
    struct sl_walk walk;
    struct sl_out scratch; /* canonical forms, before they are copied */
    struct sl_ingest_stats stats;
    uint32_t max_items;
    size_t max_table, table;
    struct sl_error *reterr;
};

/* What one reading of a ResourceX, ScopeX or request finds. */
struct envelope {
    struct sl_bytes single, url; /* the last ones */
    unsigned singles;
    size_t children;
    size_t unknown; /* bytes */
    const uint8_t *first_unknown, *unknown_end;
    bool odd;
};

static int fail_at(struct ingest *in, int rc, const char *problem, const uint8_t *at)
{
    return sl_fail(in->reterr, rc, "%s at byte %zu", problem, (size_t)(at - in->body));
}

static int no_memory(struct ingest *in)
{
    return sl_fail(in->reterr, SL_ENOMEM, "out of memory for a batch");
}

/* Offsets of merged messages mean nothing to the sender: leave them out. */
static int walk_failed(struct ingest *in, int rc)
{
    const uint8_t *at = in->walk.at, *end = in->body + in->batch->pins[0]->buf->size;
    if (at < in->body || at > end)
        return sl_fail(in->reterr, rc, "%s", in->walk.problem);
    return fail_at(in, rc, in->walk.problem, at);
}

static int charge(struct ingest *in, size_t bytes)
{
    if (bytes > in->max_table - in->table)
        return sl_fail(in->reterr, SL_ELIMIT, "the tables of this request take over %zu bytes",
                       in->max_table);
    in->table += bytes;
    return SL_OK;
}

/* Which numbers are known: the children's, and for all but the request 1 and 3. */
static int scan_envelope(struct ingest *in, struct sl_bytes wire, uint32_t child,
                         struct envelope *found)
{
    const uint8_t *p = wire.data, *end = p + wire.size;
    *found = (struct envelope){0};
    unsigned urls = 0;
    while (p < end) {
        struct sl_wire_field f;
        if (sl_wire_read(p, end, &f) == NULL)
            return fail_at(in, SL_EINVALID, "malformed or truncated field", p);
        p = f.end;
        found->odd |= !f.minimal;
        if (f.wire == SL_WIRE_LEN && f.number == child) {
            found->children++;
        } else if (f.wire == SL_WIRE_LEN && child == 2 && f.number == 1) {
            found->single = sl_wire_payload(&f);
            found->singles++;
        } else if (f.wire == SL_WIRE_LEN && child == 2 && f.number == 3) {
            found->url = sl_wire_payload(&f);
            urls++;
        } else {
            found->first_unknown = found->unknown == 0 ? f.start : found->first_unknown;
            found->unknown_end = f.end;
            found->unknown += (size_t)(f.end - f.start);
            found->odd |= f.wire == SL_WIRE_GROUP || f.number <= 3;
        }
    }
    found->odd |= urls > 1 || found->singles > 1;
    return SL_OK;
}

static bool is_unknown(const struct sl_wire_field *f, uint32_t child)
{
    return f->wire != SL_WIRE_LEN ||
           (f->number != child && (child != 2 || (f->number != 1 && f->number != 3)));
}

/* The unknown fields: in place when they are neighbours, else copied together. */
static int gather_unknown(struct ingest *in, struct sl_bytes wire, uint32_t child,
                          const struct envelope *found, struct sl_bytes *ret_extra)
{
    *ret_extra = sl_bytes(found->first_unknown, found->unknown);
    if (found->unknown == 0 ||
        (size_t)(found->unknown_end - found->first_unknown) == found->unknown)
        return SL_OK;
    uint8_t *copy = sl_arena_alloc(in->batch->arena, found->unknown), *at = copy;
    if (copy == NULL)
        return no_memory(in);
    const uint8_t *p = wire.data, *end = p + wire.size;
    while (p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (is_unknown(&f, child)) {
            memcpy(at, f.start, (size_t)(f.end - f.start));
            at += f.end - f.start;
        }
    }
    ret_extra->data = copy;
    return SL_OK;
}

/* All occurrences of a repeated singular message, one behind the other. */
static int merge_singles(struct ingest *in, struct sl_bytes wire, struct sl_bytes *ret_single)
{
    uint8_t *copy = sl_arena_alloc(in->batch->arena, wire.size), *at = copy;
    if (copy == NULL)
        return no_memory(in);
    const uint8_t *p = wire.data, *end = p + wire.size;
    while (p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (f.number == 1 && f.wire == SL_WIRE_LEN && f.end > f.payload) {
            memcpy(at, f.payload, (size_t)(f.end - f.payload));
            at += f.end - f.payload;
        }
    }
    *ret_single = sl_bytes(copy, (size_t)(at - copy));
    return SL_OK;
}

/* Checks a resource, scope or record; wire becomes its canonical form. */
static int check_part(struct ingest *in, const struct sl_message *message, unsigned depth,
                      struct sl_bytes *wire)
{
    in->walk.odd = false;
    int rc = sl_walk_message(&in->walk, message, *wire, depth);
    if (rc != SL_OK)
        return walk_failed(in, rc);
    if (!in->walk.odd)
        return SL_OK;
    sl_out_clear(&in->scratch);
    if (!sl_canonical(message, *wire, &in->scratch, &in->stats.repaired_utf8))
        return no_memory(in);
    *wire = sl_arena_copy(in->batch->arena, sl_out_view(&in->scratch));
    if (wire->data == NULL)
        return no_memory(in);
    in->stats.canonicalized++;
    in->batch->changed = true;
    return SL_OK;
}

static int check_url(struct ingest *in, struct sl_bytes *url)
{
    if (sl_is_utf8(url->data, url->size))
        return SL_OK;
    sl_out_clear(&in->scratch);
    sl_utf8_repair(*url, &in->scratch);
    if (in->scratch.failed)
        return no_memory(in);
    *url = sl_arena_copy(in->batch->arena, sl_out_view(&in->scratch));
    if (url->data == NULL)
        return no_memory(in);
    in->stats.repaired_utf8++;
    in->batch->changed = true;
    return SL_OK;
}

/* Everything of a ResourceX or ScopeX but its children. */
static int read_envelope(struct ingest *in, struct sl_bytes wire, const struct sl_message *single,
                         unsigned depth, struct envelope *found, struct sl_envelope *envelope)
{
    int rc = scan_envelope(in, wire, SL_GROUP_SCOPES, found);
    if (rc != SL_OK)
        return rc;
    *envelope = (struct sl_envelope){.present = found->singles > 0};
    envelope->part.wire = found->single;
    envelope->schema_url = found->url;
    in->batch->changed |= found->odd;
    if (found->singles > 1)
        rc = merge_singles(in, wire, &envelope->part.wire);
    if (rc == SL_OK)
        rc = check_part(in, single, depth, &envelope->part.wire);
    if (rc == SL_OK)
        rc = check_url(in, &envelope->schema_url);
    if (rc == SL_OK)
        rc = gather_unknown(in, wire, SL_GROUP_SCOPES, found, &envelope->extra);
    return rc;
}

static int count_items(struct ingest *in, struct sl_record *record)
{
    record->items = in->batch->signal == SL_METRICS ? sl_metric_points(record->part.wire) : 1;
    in->batch->items += record->items;
    if (in->batch->items > in->max_items)
        return sl_fail(in->reterr, SL_ELIMIT, "more than %u items in one request",
                       (unsigned)in->max_items);
    return SL_OK;
}

static int read_records(struct ingest *in, struct sl_bytes wire, size_t count,
                        struct sl_group *group)
{
    int rc = charge(in, count * sizeof(struct sl_record));
    if (rc != SL_OK || count == 0)
        return rc;
    group->records = sl_arena_alloc(in->batch->arena, count * sizeof(struct sl_record));
    if (group->records == NULL)
        return no_memory(in);
    group->capacity = (uint32_t)count;
    const uint8_t *p = wire.data, *end = p + wire.size;
    while (p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (f.number != SL_SCOPE_RECORDS || f.wire != SL_WIRE_LEN)
            continue;
        struct sl_record *record = &group->records[group->count++];
        *record = (struct sl_record){.part.wire = sl_wire_payload(&f)};
        rc = check_part(in, in->messages->record, RECORD_DEPTH, &record->part.wire);
        if (rc == SL_OK)
            rc = count_items(in, record);
        if (rc != SL_OK)
            return rc;
    }
    in->batch->records += group->count;
    return SL_OK;
}

static struct sl_group *add_group(struct ingest *in, struct sl_resource *resource)
{
    struct sl_batch *batch = in->batch;
    if (sl_table_reserve(batch, &batch->groups, &batch->group_capacity, batch->group_count, 1,
                         sizeof *batch->groups) != SL_OK)
        return NULL;
    struct sl_group *group = &batch->groups[batch->group_count++];
    *group = (struct sl_group){.resource = resource};
    return group;
}

static int read_scope_group(struct ingest *in, struct sl_bytes wire, struct sl_resource *resource,
                            bool starts)
{
    struct sl_scope scope = {0};
    struct envelope found;
    int rc = charge(in, sizeof(struct sl_group) + sizeof scope);
    if (rc == SL_OK)
        rc = read_envelope(in, wire, &sl_msg_scope, RECORD_DEPTH, &found, &scope.as);
    if (rc != SL_OK)
        return rc;
    struct sl_group group = {.resource = resource, .starts = starts};
    group.scope = sl_intern_scope(in->batch, &scope);
    if (group.scope == NULL)
        return no_memory(in);
    rc = read_records(in, wire, found.children, &group);
    if (rc != SL_OK)
        return rc;
    struct sl_group *added = add_group(in, resource);
    if (added == NULL)
        return no_memory(in);
    *added = group;
    return SL_OK;
}

static int read_bare(struct ingest *in, struct sl_resource *resource)
{
    int rc = charge(in, sizeof(struct sl_group) + sizeof(struct sl_scope));
    if (rc != SL_OK)
        return rc;
    struct sl_scope *scope = sl_arena_calloc(in->batch->arena, 1, sizeof *scope);
    struct sl_group *group = scope != NULL ? add_group(in, resource) : NULL;
    if (group == NULL)
        return no_memory(in);
    group->scope = scope;
    group->starts = group->bare = true;
    return SL_OK;
}

static int read_resource_group(struct ingest *in, struct sl_bytes wire)
{
    struct sl_resource like = {0};
    struct envelope found;
    int rc = charge(in, sizeof like);
    if (rc == SL_OK)
        rc = read_envelope(in, wire, &sl_msg_resource, RESOURCE_DEPTH, &found, &like.as);
    if (rc != SL_OK)
        return rc;
    struct sl_resource *resource = sl_intern_resource(in->batch, &like);
    if (resource == NULL)
        return no_memory(in);
    if (found.children == 0)
        return read_bare(in, resource);
    const uint8_t *p = wire.data, *end = p + wire.size;
    bool starts = true;
    while (p < end && rc == SL_OK) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (f.number != SL_GROUP_SCOPES || f.wire != SL_WIRE_LEN)
            continue;
        rc = read_scope_group(in, sl_wire_payload(&f), resource, starts);
        starts = false;
    }
    return rc;
}

static int read_request(struct ingest *in, struct sl_bytes wire)
{
    struct envelope found;
    int rc = scan_envelope(in, wire, SL_REQUEST_GROUPS, &found);
    if (rc != SL_OK)
        return rc;
    in->batch->changed |= found.odd;
    rc = gather_unknown(in, wire, SL_REQUEST_GROUPS, &found, &in->batch->extra);
    const uint8_t *p = wire.data, *end = p + wire.size;
    while (p < end && rc == SL_OK) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (f.number == SL_REQUEST_GROUPS && f.wire == SL_WIRE_LEN)
            rc = read_resource_group(in, sl_wire_payload(&f));
    }
    return rc;
}

int sl_batch_read(enum sl_signal signal, struct sl_buf *body, const struct sl_ingest_limits *limits,
                  struct sl_batch **ret_batch, struct sl_ingest_stats *ret_stats,
                  struct sl_error *reterr)
{
    static const struct sl_ingest_limits none = {0};
    const struct sl_ingest_limits *set = limits != NULL ? limits : &none;
    if (body->size > INT32_MAX / 2)
        return sl_fail(reterr, SL_ELIMIT, "a request of %zu bytes is too large", body->size);
    struct ingest in = {
        .messages = sl_signal_messages(signal), .body = body->data, .reterr = reterr};
    in.max_items = set->max_items != 0 ? set->max_items : DEFAULT_MAX_ITEMS;
    in.max_table = set->max_table != 0 ? set->max_table : DEFAULT_MAX_TABLE;
    in.walk.max_depth =
        set->max_depth != 0 && set->max_depth < SL_MAX_DEPTH ? set->max_depth : SL_MAX_DEPTH;
    in.batch = sl_batch_create(signal, sl_buf_ref(body), 0);
    if (in.batch == NULL) {
        sl_buf_unref(body);
        return no_memory(&in);
    }
    int rc = read_request(&in, sl_buf_bytes(body));
    sl_out_done(&in.scratch);
    if (rc != SL_OK) {
        sl_batch_unref(in.batch);
        return rc;
    }
    *ret_batch = in.batch;
    if (ret_stats != NULL)
        *ret_stats = in.stats;
    return SL_OK;
}
