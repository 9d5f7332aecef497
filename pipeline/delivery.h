/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_DELIVERY_H
#define SL_PIPELINE_DELIVERY_H

#include <stdbool.h>

#include "otlp/batch.h"
#include "pipeline/context.h"
#include "pipeline/result.h"

struct sl_component;
struct sl_worker;

/* How an exporter's sender should merge what it queues: left on the delivery by
 * a `batch` processor that stands last. Counted by nobody: it lives in the
 * component, which outlives its deliveries. */
struct sl_batch_policy {
    int64_t timeout_ms;
    int64_t min_items, max_items; /* send_batch_size, send_batch_max_size; 0: none */
    int64_t max_bytes;            /* 0: none */
};

/* Room set aside in a queueing target before anything is committed. */
struct sl_claim {
    struct sl_claim *next;
    struct sl_component *target;
    size_t items, bytes;
};

/*
 * A batch on its way, with the promise to say how it ended. Whoever holds a
 * delivery finishes it exactly once; the answer travels back to the receiver.
 * A delivery stays on its worker.
 */
struct sl_delivery {
    struct sl_delivery *next;   /* for whoever holds it */
    size_t held_items;          /* the same: items it came with, once its batch was merged */
    struct sl_batch *batch;     /* a reference; changed only after sl_batch_own() */
    struct sl_context *context; /* a reference; may be NULL */
    const struct sl_batch_policy *policy; /* NULL: none */
    struct sl_claim *claims;
    void (*finished)(void *arg, const struct sl_result *result);
    void *arg;
};

/* Takes over the references, also when it fails (then finished is not called). */
struct sl_delivery *sl_delivery_new(struct sl_batch *batch, struct sl_context *context,
                                    void (*finished)(void *arg, const struct sl_result *result),
                                    void *arg);
/* Drops the references, gives back claims nobody used, then calls finished. */
void sl_delivery_finish(struct sl_delivery *delivery, struct sl_result result);
/* Takes the claim on target off the delivery: true when there was one. The room
 * is then the target's to account for. */
bool sl_delivery_use_claim(struct sl_delivery *delivery, struct sl_component *target,
                           struct sl_claim *ret_claim);

/* Moves from's claims to into, joining those on the same target: for a component that
 * merges deliveries, so that room is not set aside twice. */
void sl_delivery_take_claims(struct sl_delivery *into, struct sl_delivery *from);

/*
 * Gives each target its own delivery of the same batch. Reserve, then commit:
 * every queueing target behind the targets (component.h, `reserve`) sets room
 * aside first; if one refuses, nothing is handed to anybody and the delivery is
 * finished with RETRY, or with TOO_LARGE or SHUTDOWN when that is what the queue
 * said. The parent is finished after the last of its children, with the result
 * that wins.
 *
 * A target is where a branch begins: a processor, an exporter, or the fan-out
 * of another pipeline.
 */
struct sl_target {
    struct sl_component *component;
    struct sl_component *const *queues; /* queueing exporters that the branch reaches */
    unsigned queue_count;
};
void sl_fanout(struct sl_delivery *delivery, const struct sl_target *targets, unsigned count);

#endif
