/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_BATCH_H
#define SL_OTLP_BATCH_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/out.h"
#include "otlp/schema.h"

/*
 * Telemetry in memory: one signal's records as slices of OTLP wire bytes.
 *
 *   batch    signal, counts, pins (buffers and arenas that slices point into)
 *     resource, scope   interned: each distinct one is stored and edited once
 *     group             one (resource, scope) with its records
 *       record          one Span, LogRecord or Metric
 *
 * A batch and its tables stay on one loop. Slices are canonical protobuf (the
 * ingest walk saw to it): singular fields at most once, one member of a oneof,
 * valid UTF-8, ids of the right length, depth <= SL_MAX_DEPTH. A field whose
 * number or wire type the schema does not know is kept as it was; it may be a
 * group (wire type 3), so skip fields with sl_cursor or otlp/wire.h.
 *
 * Changes are edits: they lie beside the bytes until the batch is encoded, and
 * every reader below sees them applied.
 */
enum { SL_MAX_DEPTH = 64 };

/* Replaces bytes [offset, offset + size) of a part's wire. The range is either
 * one or more whole fields, tags included, or the payload of one
 * length-delimited field at any depth; enclosing lengths are recomputed when
 * spliced. offset == wire.size adds fields at the end. */
struct sl_edit {
    uint32_t offset, size;
    struct sl_bytes bytes; /* in the batch's arena, or static */
};

/* A message that can be edited: a record, a resource or a scope. */
struct sl_part {
    struct sl_bytes wire;  /* payload, without tag and length */
    struct sl_edit *edits; /* by ascending offset, not overlapping; additions last */
    uint32_t edit_count, edit_capacity;
    bool nested; /* some edit may lie inside a field instead of on field borders */
};

/* What a resource with its ResourceX and a scope with its ScopeX have in common. */
#define SL_ENVELOPE_FIELDS                                                                         \
    struct sl_part part;                                                                           \
    struct sl_bytes schema_url; /* of the ResourceX or ScopeX */                                   \
    struct sl_bytes extra;      /* its unknown fields, as they were */                             \
    bool present;               /* the resource or scope field was there, if empty */              \
    uint64_t hash;              /* private: while interned, 0 else */                              \
    struct sl_envelope *copy;   /* private: while a batch is copied or split */

struct sl_envelope {
    SL_ENVELOPE_FIELDS
};

struct sl_resource {
    union {
        struct sl_envelope as;
        struct {
            SL_ENVELOPE_FIELDS
        };
    };
};

struct sl_scope {
    union {
        struct sl_envelope as;
        struct {
            SL_ENVELOPE_FIELDS
        };
    };
};

enum sl_record_flags {
    SL_RECORD_DROP = 1, /* sl_batch_sweep() takes it out */
    SL_RECORD_MARK = 2, /* free for the component that holds the batch now */
};

struct sl_record {
    struct sl_part part;
    uint32_t items; /* 1; of a Metric its data points */
    uint32_t flags;
};

/* Neighbours with the same resource are encoded as one ResourceX, except where
 * `starts` says that a new one began there. resource and scope are never NULL. */
struct sl_group {
    struct sl_resource *resource;
    struct sl_scope *scope;
    struct sl_record *records;
    uint32_t count, capacity;
    bool starts;      /* begins a ResourceX */
    uint32_t pending; /* private: records about to join */
    bool bare;        /* a ResourceX without any ScopeX; scope is an empty one, not in scopes */
};

struct sl_pin; /* what slices point into: a buffer or an arena, atomically counted */

struct sl_index { /* private: hash table over the resources or scopes, in the arena */
    struct sl_envelope **slots;
    uint32_t size, count;
};

struct sl_batch {
    enum sl_signal signal;
    unsigned references; /* holders on this loop; read-only while more than one */
    bool changed;        /* differs from what was received */
    bool known_only;     /* unknown fields were dropped on purpose (a scrubber ran) */
    size_t items;        /* spans, log records, data points */
    size_t records;
    struct sl_group *groups;
    uint32_t group_count, group_capacity;
    struct sl_resource **resources; /* each distinct one, for editing once */
    uint32_t resource_count, resource_capacity;
    struct sl_scope **scopes;
    uint32_t scope_count, scope_capacity;
    struct sl_pin **pins;
    uint32_t pin_count, pin_capacity;
    struct sl_index resource_index, scope_index; /* private */
    struct sl_arena *arena;                      /* for edits and tables; inside the first pin */
    struct sl_bytes extra;                       /* unknown fields of the request message */
    size_t extra_capacity;                       /* private */
    /* The request as received, still compressed, for sending on unchanged; may be NULL. */
    struct sl_buf *original;
    int original_codec; /* enum sl_codec of transport/compress.h */
};

/* ---- ingest ---- */

struct sl_ingest_limits {
    uint32_t max_items; /* 0: 1,000,000 */
    uint32_t max_depth; /* 0: SL_MAX_DEPTH */
    size_t max_table;   /* bytes of tables built, 0: 64 MiB (2-byte spans amplify) */
};

struct sl_ingest_stats {
    uint32_t repaired_utf8; /* strings with invalid UTF-8, now U+FFFD */
    uint32_t canonicalized; /* records that needed the slow path */
};

/*
 * One full walk of an Export*ServiceRequest: structure, depth, id lengths,
 * UTF-8. Takes its own reference to body. limits and ret_stats may be NULL.
 * SL_EINVALID: malformed, with the offset in *reterr; SL_ELIMIT; SL_ENOMEM;
 * SL_EAGAIN over the budget.
 */
int sl_batch_read(enum sl_signal signal, struct sl_buf *body, const struct sl_ingest_limits *limits,
                  struct sl_batch **ret_batch, struct sl_ingest_stats *ret_stats,
                  struct sl_error *reterr);
struct sl_batch *sl_batch_new(enum sl_signal signal); /* empty */

/* ---- ownership ---- */

struct sl_batch *sl_batch_ref(struct sl_batch *batch);
void sl_batch_unref(struct sl_batch *batch);
/* A copy of the tables over the same bytes, which another loop may take away. */
struct sl_batch *sl_batch_clone(const struct sl_batch *batch);
/* Makes *batch one that only the caller holds, cloning it if it is shared. On
 * failure (SL_ENOMEM) *batch is unchanged. */
int sl_batch_own(struct sl_batch **batch);

/* ---- moving records (sole holder only) ---- */

/* Moves everything of from into batch, joining equal resources and scopes; from
 * is emptied and still the caller's to unref. SL_ENOMEM: neither has changed. */
int sl_batch_append(struct sl_batch *batch, struct sl_batch *from);
/* Moves what is over the limits into a new batch, order kept: batch keeps as
 * many records from the front as fit into max_items and max_bytes (encoded; 0:
 * no limit), at least one. A Metric with more points than max_items is split
 * between points. *ret_rest is NULL when everything fits. */
int sl_batch_split(struct sl_batch *batch, size_t max_items, size_t max_bytes,
                   struct sl_batch **ret_rest);
/* Takes out the records marked SL_RECORD_DROP and groups left empty. Returns
 * the items taken out. */
size_t sl_batch_sweep(struct sl_batch *batch);
/* Moves group's records marked SL_RECORD_MARK to a sibling group with this
 * schema URL (the marks are cleared). May move batch->groups. */
int sl_group_split(struct sl_batch *batch, uint32_t group, struct sl_bytes schema_url);
/* The same for all groups at once, in linear time. After SL_ENOMEM the batch
 * is good for nothing but sl_batch_unref(). */
int sl_batch_split_marked(struct sl_batch *batch, struct sl_bytes schema_url);
/* Rewrites into one fresh buffer when less than half of the pinned bytes is live. */
int sl_batch_compact(struct sl_batch *batch, struct sl_budget *budget);
size_t sl_batch_pinned_bytes(const struct sl_batch *batch);

/* ---- encoding ---- */

/* Exact size of the Export*ServiceRequest that sl_batch_encode() writes. */
size_t sl_batch_encoded_size(const struct sl_batch *batch);
int sl_batch_encode(const struct sl_batch *batch, struct sl_out *out);
/* The message of one part with its edits applied. When there are none, the
 * wire itself; otherwise written into arena. data NULL: out of memory. */
struct sl_bytes sl_part_splice(const struct sl_part *part, struct sl_arena *arena);
size_t sl_part_size(const struct sl_part *part); /* spliced */
void sl_part_encode(const struct sl_part *part, struct sl_out *out);

#endif
