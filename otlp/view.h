/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_VIEW_H
#define SL_OTLP_VIEW_H

#include "otlp/batch.h"

/*
 * Reading and changing parts in place. Reading allocates nothing, except that
 * a field with an edit inside it is spliced into the batch's arena when it is
 * met. All slices live as long as the batch.
 *
 * Changing needs the sole holder of the batch (sl_batch_own). Functions that
 * change return 0 or SL_ENOMEM and set batch->changed. Keys and values handed
 * in are copied into the batch's arena.
 */

/* ---- fields of a message ---- */

struct sl_field_view {
    uint32_t number;
    enum sl_wire_type wire;
    uint64_t number_value; /* VARINT, FIXED64, FIXED32: raw bits */
    struct sl_bytes bytes; /* LEN: payload */
    struct sl_bytes whole; /* tag and all */
    /* private: where it is, for the calls below */
    uint32_t offset, size; /* in wire */
    int32_t edit;          /* index into edits, -1: none */
    uint32_t edit_offset;  /* inside that edit's bytes */
};

struct sl_cursor {
    struct sl_batch *batch; /* for its arena; NULL: plain bytes without edits */
    struct sl_part *part;
    struct sl_bytes rest;
    uint32_t offset;
    uint32_t edit;          /* the edit to look at: an index; among the additions at last */
    uint32_t edit_count;    /* edits there were at the last step */
    uint32_t additions;     /* there were when the cursor began: later ones are not visited */
    bool tail;              /* among the additions */
    struct sl_bytes inside; /* what is left of an edit's bytes; data NULL: not in one */
    bool failed;            /* out of memory while splicing, or malformed plain bytes */
};

void sl_cursor_init(struct sl_cursor *cursor, struct sl_batch *batch, struct sl_part *part);
/* Over a message inside another one (an event, an array): no edits, no changes. */
void sl_cursor_init_plain(struct sl_cursor *cursor, struct sl_bytes message);
/* The next field; false at the end or when cursor->failed. */
bool sl_cursor_next(struct sl_cursor *cursor, struct sl_field_view *field);

/* Removing and replacing the field a cursor has just given is allowed while it
 * goes on. `whole` of a replacement is any number of encoded fields. The view is
 * used up by either: read the field again to see what it is now. SL_EINVALID
 * when a used-up view of an earlier edit is given. */
int sl_field_remove(struct sl_batch *batch, struct sl_part *part,
                    const struct sl_field_view *field);
int sl_field_replace(struct sl_batch *batch, struct sl_part *part,
                     const struct sl_field_view *field, struct sl_bytes whole);
/* Adds encoded fields at the end. */
int sl_part_add(struct sl_batch *batch, struct sl_part *part, struct sl_bytes whole);
/* Sets a singular string or bytes field: replaces it where it is, or adds it. */
int sl_part_set_bytes(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                      struct sl_bytes value);
int sl_part_set_varint(struct sl_batch *batch, struct sl_part *part, uint32_t number,
                       uint64_t value);

/* ---- attributes ---- */

enum sl_value_type {
    SL_VALUE_EMPTY,
    SL_VALUE_STRING,
    SL_VALUE_BOOL,
    SL_VALUE_INT,
    SL_VALUE_DOUBLE,
    SL_VALUE_ARRAY,  /* bytes: payload of an ArrayValue */
    SL_VALUE_KVLIST, /* bytes: payload of a KeyValueList */
    SL_VALUE_BYTES
};

struct sl_value {
    enum sl_value_type type;
    struct sl_bytes bytes; /* STRING, BYTES, ARRAY, KVLIST */
    union {
        int64_t i;
        double d;
        bool b;
    };
};

static inline struct sl_value sl_value_string(struct sl_bytes text)
{
    return (struct sl_value){.type = SL_VALUE_STRING, .bytes = text};
}
static inline struct sl_value sl_value_int(int64_t i)
{
    return (struct sl_value){.type = SL_VALUE_INT, .i = i};
}
static inline struct sl_value sl_value_double(double d)
{
    return (struct sl_value){.type = SL_VALUE_DOUBLE, .d = d};
}
static inline struct sl_value sl_value_bool(bool b)
{
    return (struct sl_value){.type = SL_VALUE_BOOL, .b = b};
}

struct sl_attr {
    struct sl_bytes key;
    struct sl_value value;
    struct sl_field_view field;
};

/* Walks the attributes of a part: field_number is SL_SPAN_ATTRIBUTES,
 * SL_LOG_ATTRIBUTES, SL_RESOURCE_ATTRIBUTES, SL_SCOPE_ATTRIBUTES ... */
struct sl_attrs {
    struct sl_cursor cursor;
    uint32_t number;
};

void sl_attrs_init(struct sl_attrs *attrs, struct sl_batch *batch, struct sl_part *part,
                   uint32_t field_number);
/* The same over plain bytes: attributes of an event, entries of a kvlist (number 1). */
void sl_attrs_init_plain(struct sl_attrs *attrs, struct sl_bytes message, uint32_t field_number);
bool sl_attrs_next(struct sl_attrs *attrs, struct sl_attr *attr);
/* First attribute with this key (all occurrences matter: see sl_attrs_next). */
bool sl_attr_find(struct sl_batch *batch, struct sl_part *part, uint32_t field_number,
                  struct sl_bytes key, struct sl_attr *ret_attr);

/* Values: of an AnyValue payload; of the elements of an array payload. */
struct sl_value sl_value_read(struct sl_bytes any_value);
bool sl_array_next(struct sl_bytes *rest, struct sl_value *ret_value);

int sl_attr_remove(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr);
int sl_attr_rename(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                   struct sl_bytes key);
int sl_attr_replace(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                    struct sl_value value);
/* Renaming and replacing in one: the three above use the attribute up. */
int sl_attr_set(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                struct sl_bytes key, struct sl_value value);
/* Adds at the end; does not look for one with the same key. */
int sl_attr_add(struct sl_batch *batch, struct sl_part *part, uint32_t field_number,
                struct sl_bytes key, struct sl_value value);
/* Writes one KeyValue field, tag included. */
void sl_attr_encode(struct sl_out *out, uint32_t field_number, struct sl_bytes key,
                    struct sl_value value);

/* ---- records as people know them ---- */

struct sl_span_view {
    struct sl_bytes trace_id, span_id, parent_span_id, trace_state, name, status_message;
    uint64_t start_ns, end_ns;
    uint32_t kind, status_code, flags;
};
void sl_span_read(struct sl_batch *batch, struct sl_part *part, struct sl_span_view *ret_view);

struct sl_log_view {
    struct sl_bytes trace_id, span_id, severity_text, event_name;
    struct sl_value body;
    uint64_t time_ns, observed_ns;
    uint32_t severity, flags;
};
void sl_log_read(struct sl_batch *batch, struct sl_part *part, struct sl_log_view *ret_view);

/* Where a record of this signal keeps its attributes; 0: it has none itself (a Metric). */
uint32_t sl_record_attributes(enum sl_signal signal);

#endif
