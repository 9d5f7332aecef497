/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_SCAN_H
#define SL_OTLP_SCAN_H

#include "otlp/view.h"

/*
 * Visits every value of a part that a person could have written: strings and
 * bytes at any depth, attribute keys, and numbers inside AnyValues. This is the
 * one traversal that scrubbing uses; a field that it does not reach is a leak.
 */
struct sl_scan_item {
    const struct sl_message_field *field; /* NULL for elements of unknown type */
    enum sl_scan_class scan;
    enum sl_value_type type;   /* STRING, BYTES, INT or DOUBLE (the latter two only in AnyValues) */
    struct sl_bytes text;      /* STRING, BYTES */
    struct sl_value value;     /* INT, DOUBLE */
    struct sl_bytes key;       /* outermost attribute key this lies under; empty: none */
    struct sl_bytes inner_key; /* innermost kvlist key, when another one */
    unsigned depth;
};

enum sl_scan_verdict {
    SL_SCAN_KEEP,
    SL_SCAN_REPLACE,    /* by *ret_text, which must live in the batch's arena */
    SL_SCAN_REMOVE,     /* the outermost attribute, or the field itself when not in one */
    SL_SCAN_DROP_RECORD /* give up: the caller must not let the part leave */
};

struct sl_scanner {
    void *arg;
    bool drop_unknown; /* remove fields that the schema does not know */
    enum sl_scan_verdict (*visit)(void *arg, const struct sl_scan_item *item,
                                  struct sl_bytes *ret_text);
};

/* Returns 0, SL_EINVALID when a visit said DROP_RECORD or a part could not be
 * walked, SL_ENOMEM. After an error the part must not leave. */
int sl_part_scan(struct sl_batch *batch, struct sl_part *part, const struct sl_message *message,
                 const struct sl_scanner *scanner);

/* The same over what records share: every resource and scope, and their schema
 * URLs (as items of class SL_SCAN_URL). With drop_unknown, sl_batch_drop_unknown()
 * is done as well. An error here concerns the whole batch. */
int sl_batch_scan_shared(struct sl_batch *batch, const struct sl_scanner *scanner);
/* Drops the unknown fields around the parts: those of the request, ResourceX
 * and ScopeX; sets known_only. Those inside the parts are sl_part_scan()'s. */
void sl_batch_drop_unknown(struct sl_batch *batch);

#endif
