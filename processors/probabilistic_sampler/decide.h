/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PROCESSORS_SAMPLER_DECIDE_H
#define SL_PROCESSORS_SAMPLER_DECIDE_H

#include "otlp/view.h"
#include "processors/probabilistic_sampler/threshold.h"

enum sampler_mode { SAMPLER_HASH_SEED, SAMPLER_PROPORTIONAL, SAMPLER_EQUALIZING };

/* What the configuration comes to; made once. */
struct sampler {
    enum sampler_mode mode;
    bool never, fail_closed;
    bool by_trace_id; /* logs: attribute_source */
    int precision;
    uint32_t seed;
    double ratio;
    uint64_t threshold;                                 /* hash_seed, equalizing */
    struct sl_bytes from_attribute, priority_attribute; /* logs; empty: none */
    struct sl_out scratch;
};

/* Why an item was decided as it was. Those from SAMPLER_ERROR on are the
 * exceptions that fail_closed is about. */
#define SAMPLER_REASON_MAP(X)                                                                      \
    X(SAMPLED, "sampled")                                                                          \
    X(PRIORITY, "sampling_priority")                                                               \
    X(ERROR_MISSING, "missing_randomness")                                                         \
    X(ERROR_RANDOMNESS, "randomness_in_use")                                                       \
    X(ERROR_THRESHOLD, "threshold_in_use")                                                         \
    X(ERROR_INCONSISTENT, "inconsistent_threshold")                                                \
    X(ERROR_TRACESTATE, "invalid_tracestate")

enum sampler_reason {
#define X(name, text) SAMPLER_##name,
    SAMPLER_REASON_MAP(X)
#undef X
        SAMPLER_REASON_COUNT
};
const char *sampler_reason_text(enum sampler_reason reason);

/* What was found out about one item. */
struct sampler_item {
    bool has_randomness;
    uint64_t randomness;
    bool has_threshold; /* it came with one */
    uint64_t arriving;
    enum sampler_reason reason; /* SAMPLED: no error */
};

/* The threshold for the item, before any priority. May change item->reason. */
uint64_t sampler_decide(const struct sampler *sampler, struct sampler_item *item);

/* Decides about one record and writes threshold and randomness into those that
 * stay. 1: keep, 0: drop, SL_ENOMEM. */
int sampler_span(struct sampler *sampler, struct sl_batch *batch, struct sl_part *span,
                 enum sampler_reason *ret_reason);
int sampler_log(struct sampler *sampler, struct sl_batch *batch, struct sl_part *record,
                enum sampler_reason *ret_reason);

#endif
