/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_SENDER_H
#define SL_PIPELINE_SENDER_H

#include "pipeline/component.h"

/*
 * What stands between an exporter's consume() and the network: sending_queue,
 * batching, retry_on_failure. An exporter embeds a sender, forwards consume,
 * reserve, release, drain and stop to it, and provides one function that sends
 * one batch once.
 *
 *   consume -> [queue] -> [merge by policy] -> up to num_consumers attempts -> send()
 *                                   ^ back-off, one state per destination
 *
 * With the queue a delivery is finished when it is queued; without, or with
 * wait_for_result, when it was sent.
 */
struct sl_retry_config {
    enum sl_presence presence;
    bool enabled;
    int64_t initial_interval_ms, max_interval_ms, max_elapsed_ms; /* max_elapsed 0: for ever */
    double randomization_factor, multiplier;
};

enum sl_sizer { SL_SIZE_REQUESTS, SL_SIZE_ITEMS, SL_SIZE_BYTES };
enum sl_on_full { SL_FULL_REFUSE, SL_FULL_DROP_OLDEST, SL_FULL_DROP_COUNTED };

struct sl_queue_batch_config {
    enum sl_presence presence; /* absent: no batching of its own */
    int64_t flush_timeout_ms, min_size, max_size;
    int sizer;                       /* 0: items, 1: bytes */
    const struct sl_node *partition; /* refused until it is built */
};

struct sl_queue_config {
    enum sl_presence presence;
    bool enabled, block_on_overflow, wait_for_result;
    int64_t num_consumers, queue_size, max_bytes; /* max_bytes: the byte budget that always holds */
    int sizer, on_full;
    const char *storage; /* a file_storage extension; refused until it is built */
    struct sl_queue_batch_config batch;
};

/* Tables for the exporters' own: SL_FIELD(GROUP, x, queue, .group = sl_queue_fields). */
extern const struct sl_field sl_queue_fields[];
extern const struct sl_field sl_retry_fields[];
void sl_sender_check(const struct sl_queue_config *queue, const struct sl_retry_config *retry,
                     const struct sl_node *node, const char *path, struct sl_diag *diag);

/* One attempt. The exporter calls sl_attempt_done() exactly once, now or later. */
struct sl_attempt {
    struct sl_batch *batch; /* owned by the sender; read-only */
    struct sl_context *context;
    struct sl_bytes encoded; /* what the exporter left in `cache` for the retry; empty at first */
    struct sl_buf *cache;    /* the encoded, compressed request: encode once, keep for retries */
    void *exporter_data;     /* the exporter's, during the attempt */
    uint64_t deadline_ms;    /* not before consume's context says otherwise; 0: none */
};
void sl_attempt_done(struct sl_attempt *attempt, const struct sl_result *result);

struct sl_sender;

struct sl_sender_ops {
    void (*send)(struct sl_component *exporter, struct sl_attempt *attempt);
    /* Gives up on an attempt under way (stop); must call sl_attempt_done() before it returns or
     * soon after. */
    void (*cancel)(struct sl_component *exporter, struct sl_attempt *attempt);
};

/* NULL: out of memory. */
struct sl_sender *sl_sender_new(struct sl_component *exporter, const struct sl_queue_config *queue,
                                const struct sl_retry_config *retry,
                                const struct sl_sender_ops *ops);
void sl_sender_free(struct sl_sender *sender);
void sl_sender_consume(struct sl_sender *sender, struct sl_delivery *delivery);
bool sl_sender_reserve(struct sl_sender *sender, size_t items, size_t bytes,
                       struct sl_result *ret_refusal);
void sl_sender_release(struct sl_sender *sender, size_t items, size_t bytes);
/* Calls sl_component_drained(exporter) when empty or at the deadline. */
void sl_sender_drain(struct sl_sender *sender, uint64_t deadline_ms);
/* Cancels attempts, counts what is left as dropped ("shutdown"), then calls done. */
void sl_sender_stop(struct sl_sender *sender, void (*done)(struct sl_component *exporter));

#endif
