/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_SENDER_INTERNAL_H
#define SL_PIPELINE_SENDER_INTERNAL_H

#include "core/worker.h"
#include "pipeline/meter.h"
#include "pipeline/sender.h"

/*
 * Private to pipeline/sender*.c.
 *
 * A unit is one request that was taken in, or a part of one. Units are chained:
 * the head of a chain stands for the whole and carries its state, so that
 * nothing needs to be allocated after a unit was admitted (except by a split or
 * a merge, which may be left out when memory is short).
 *
 *   group  a chain that still waits to be filled   (sender->groups)
 *   job    a chain that is ready or under way      (sender->ready, sender->flying)
 */
enum { SL_SENDER_GROUPS = 64 }; /* open groups; one more sends off the oldest */

/* When a group is full; all 0: every unit is a job of its own. */
struct sl_merge_rule {
    int64_t timeout_ms, min_items, min_bytes, max_items, max_bytes;
};

/* A delivery that is finished only when all parts of it were sent. */
struct sl_hold {
    struct sl_delivery *delivery;
    unsigned parts;
    struct sl_result result; /* of the parts finished so far; no message */
};

struct sl_amount {
    size_t requests, items, bytes;
};

struct sl_unit {
    struct sl_attempt attempt; /* of the job that this unit heads */
    struct sl_sender *sender;
    struct sl_unit *source_next;  /* next unit of the same chain */
    struct sl_unit *next, **link; /* of heads: place in groups, ready or flying */
    struct sl_batch *batch;
    struct sl_context *context;
    struct sl_hold *hold;    /* NULL: the delivery is finished already */
    struct sl_amount amount; /* a part that was split off counts no request */

    /* of heads */
    struct sl_unit **source_end;
    struct sl_amount total;
    struct sl_merge_rule rule;
    uint64_t due_ms;           /* groups: when they are sent off */
    uint64_t first_attempt_ms; /* 0: none yet */
    unsigned epoch;            /* of the sender when the attempt began */
    bool tried, halved, flying, cancelled;
};

struct sl_unit_list {
    struct sl_unit *first, **end;
    size_t count;
};

struct sl_sender {
    struct sl_component *exporter;
    struct sl_queue_config queue; /* limits divided by the number of workers */
    struct sl_queue_config whole; /* as configured */
    struct sl_retry_config retry;
    const struct sl_sender_ops *ops;
    struct sl_merge_rule own_rule;
    bool has_own_rule, warned_policy, hold_deliveries;

    /* A claim sets items and bytes aside, no request: claims may be joined on their
     * way (sl_delivery_take_claims), and nobody tells. */
    struct sl_amount used, reserved;
    struct sl_unit_list groups, ready, flying;

    /* Back-off of the destination. An attempt that began in an older epoch says
     * nothing about how it is now. */
    bool failing;
    unsigned epoch;
    struct sl_unit *probe;
    double interval_ms;
    uint64_t retry_at_ms;

    struct sl_timer timer; /* always armed, so that arming it never fails */
    uint64_t armed_for_ms;
    bool pumping, draining, drained, stopping, cancelling;
    uint64_t drain_deadline_ms;
    void (*stopped)(struct sl_component *exporter);

    struct sl_counter *queue_size, *queue_capacity, *in_flight;
};

/* ---- sender_queue.c ---- */

void sl_unit_list_init(struct sl_unit_list *list);
void sl_unit_list_push(struct sl_unit_list *list, struct sl_unit *head);
void sl_unit_list_push_front(struct sl_unit_list *list, struct sl_unit *head);
void sl_unit_list_remove(struct sl_unit_list *list, struct sl_unit *head);
/* Makes unit a chain of one. */
void sl_unit_single(struct sl_unit *unit);
void sl_unit_chain(struct sl_unit *head, struct sl_unit *unit);
/* Drops the merged batch and the encoded request of a job. */
void sl_unit_forget_attempt(struct sl_unit *unit);
/* Gives the room of one unit back and frees it; its delivery was seen to. */
void sl_unit_free(struct sl_unit *unit);
/* Splits the batch of one unit so that it keeps max_items and max_bytes at most (0: no
 * limit): true with the rest, a single unit, in *ret_rest. The unit's place in
 * a chain and that chain's totals are the caller's to set right. */
bool sl_unit_split(struct sl_unit *unit, size_t max_items, size_t max_bytes,
                   struct sl_unit **ret_rest);
/* true, or *ret_refusal is filled. */
bool sl_sender_room(const struct sl_sender *sender, struct sl_amount amount,
                    struct sl_result *ret_refusal);
void sl_sender_charge(struct sl_sender *sender, struct sl_amount amount, bool add);
/* Puts an admitted unit where it belongs: its group, or the ready jobs. */
void sl_sender_place(struct sl_sender *sender, struct sl_unit *unit,
                     const struct sl_batch_policy *policy);
/* Sends off groups that fell due (all of them: everything). */
void sl_sender_flush(struct sl_sender *sender, bool all);
/* One batch of all of the job's sources, in attempt.batch. false: out of memory. */
bool sl_unit_merge(struct sl_unit *head);

/* ---- sender_retry.c ---- */

/* Starts attempts as far as allowed. */
void sl_sender_pump(struct sl_sender *sender);
/* Finishes every source of a job (on no list any more) and frees it. A result
 * that is not OK or PARTIAL: counted as dropped for that reason, or answered to
 * deliveries that are still held. */
void sl_unit_settle(struct sl_unit *head, const struct sl_result *result, const char *reason);

/* ---- sender.c ---- */

void sl_sender_schedule(struct sl_sender *sender);

#endif
