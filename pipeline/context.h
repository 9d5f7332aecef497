/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_CONTEXT_H
#define SL_PIPELINE_CONTEXT_H

#include <stdatomic.h>

#include "core/bytes.h"

/*
 * What is known of the request that brought a batch: immutable, counted
 * atomically (it goes with its batch to other loops). Batches whose merge keys
 * differ are never merged.
 */
struct sl_metadata {
    struct sl_bytes name, value; /* name in lower case */
};

struct sl_context {
    atomic_uint references;
    uint64_t deadline_ms;               /* on the receiving worker's clock; 0: none */
    uint64_t merge_key;                 /* hash of what must stay apart; 0: nothing */
    struct sl_bytes peer;               /* address, for debug logs only */
    const char *transport;              /* "grpc", "http"; static */
    const struct sl_metadata *metadata; /* allow-listed headers, with include_metadata */
    size_t metadata_count;
};

/* Copies everything. NULL: out of memory. */
struct sl_context *sl_context_new(const struct sl_context *from);
struct sl_context *sl_context_ref(struct sl_context *context); /* NULL gives NULL */
void sl_context_unref(struct sl_context *context);

#endif
