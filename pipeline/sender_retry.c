/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts and what follows from their results. Back-off belongs to the
 * destination: while it lasts one attempt at a time probes it and all other jobs wait. */
#include <assert.h>

#include "core/alloc.h"
#include "core/log.h"
#include "pipeline/sender_internal.h"

/* ---- the end of a job ---- */

/* One part less; the last one finishes the delivery. */
static void finish_part(struct sl_hold *hold, const struct sl_result *result)
{
    sl_result_merge(&hold->result, result);
    if (--hold->parts > 0) {
        hold->result.message = NULL; /* it does not outlive the call that brought it */
        return;
    }
    struct sl_delivery *delivery = hold->delivery;
    struct sl_result final = hold->result;
    sl_free(hold);
    sl_delivery_finish(delivery, final);
}

static void count_end(const struct sl_unit *head, const struct sl_result *result,
                      const char *reason, uint64_t rejected)
{
    struct sl_component *exporter = head->sender->exporter;
    enum sl_signal signal = head->batch->signal;
    bool held = head->hold != NULL;
    size_t items = head->total.items;
    if (reason == NULL) {
        sl_meter_event(exporter->meter, SL_EV_SENT, signal, items - rejected);
        if (rejected > 0 && !held)
            sl_meter_dropped(exporter->meter, signal, "partial_success", rejected);
        if (rejected > 0)
            sl_log(SL_LOG_WARN, exporter->id, "the destination rejected %llu of %zu items",
                   (unsigned long long)rejected, items);
        return;
    }
    if (head->tried)
        sl_meter_event(exporter->meter, SL_EV_SEND_FAILED, signal, items);
    if (!held)
        sl_meter_dropped(exporter->meter, signal, reason, items);
    sl_log(SL_LOG_ERROR, exporter->id, "%zu items of %s not sent (%s): %s", items,
           sl_signal_name(signal), reason,
           result->message != NULL ? result->message : sl_outcome_text(result->outcome));
}

void sl_unit_settle(struct sl_unit *head, const struct sl_result *result, const char *reason)
{
    uint64_t rejected = result->outcome == SL_RESULT_PARTIAL ? result->rejected_items : 0;
    if (rejected > head->total.items)
        rejected = head->total.items;
    count_end(head, result, reason, rejected);
    while (head != NULL) {
        struct sl_unit *next = head->source_next;
        struct sl_hold *hold = head->hold;
        struct sl_result own = *result;
        if (own.outcome == SL_RESULT_PARTIAL) {
            /* Nobody says which were rejected: the sum over the sources is right. */
            own.rejected_items = rejected < head->amount.items ? rejected : head->amount.items;
            rejected -= own.rejected_items;
            if (own.rejected_items == 0)
                own.outcome = SL_RESULT_OK;
        }
        sl_unit_free(head);
        if (hold != NULL)
            finish_part(hold, &own);
        head = next;
    }
}

/* ---- taking jobs apart ---- */

/* Every source becomes a job of its own, in front of what is ready. */
static void break_up(struct sl_sender *sender, struct sl_unit *head)
{
    struct sl_unit *first = NULL; /* reversed, so that the first one ends in front */
    bool tried = head->tried;
    uint64_t first_attempt_ms = head->first_attempt_ms;
    sl_unit_forget_attempt(head);
    while (head != NULL) {
        struct sl_unit *next = head->source_next;
        head->source_next = first;
        first = head;
        head = next;
    }
    while (first != NULL) {
        struct sl_unit *next = first->source_next;
        sl_unit_single(first);
        first->tried = tried;
        first->first_attempt_ms = first_attempt_ms;
        sl_unit_list_push_front(&sender->ready, first);
        first = next;
    }
}

/* Cuts a chain of several sources near the middle of its items. */
static struct sl_unit *halve_chain(struct sl_unit *head)
{
    size_t half = head->total.items / 2;
    struct sl_unit *rest = head->source_next, *second = NULL;
    sl_unit_single(head);
    while (rest != NULL) {
        struct sl_unit *next = rest->source_next;
        if (second != NULL) {
            sl_unit_chain(second, rest);
        } else if (next == NULL || head->total.items + rest->amount.items > half) {
            second = rest;
            sl_unit_single(second);
        } else {
            sl_unit_chain(head, rest);
        }
        rest = next;
    }
    second->tried = head->tried;
    second->first_attempt_ms = head->first_attempt_ms;
    return second;
}

/* Too large for the destination: true when two halves are ready instead. What
 * was merged is taken apart as far as needed, one source is halved once. */
static bool halve(struct sl_sender *sender, struct sl_unit *head)
{
    struct sl_unit *second = NULL;
    if (head->source_next != NULL) {
        sl_unit_forget_attempt(head);
        second = halve_chain(head);
    } else {
        if (head->halved || head->total.items < 2 ||
            !sl_unit_split(head, head->total.items / 2, 0, &second))
            return false;
        sl_unit_single(head);
        head->halved = second->halved = true;
    }
    sl_unit_list_push_front(&sender->ready, second);
    sl_unit_list_push_front(&sender->ready, head);
    return true;
}

/* ---- back-off ---- */

static double spread(const struct sl_sender *sender, double interval_ms)
{
    double unit = (double)(sl_random() >> 11) / (double)(UINT64_C(1) << 53);
    return interval_ms * (1 + sender->retry.randomization_factor * (2 * unit - 1));
}

/* The destination has answered. */
static void recover(struct sl_sender *sender)
{
    if (sender->failing)
        sl_log(SL_LOG_INFO, sender->exporter->id, "the destination answers again");
    sender->failing = false;
}

static void back_off(struct sl_sender *sender, const struct sl_result *result, bool fresh)
{
    uint64_t now_ms = sl_worker_now_ms(sender->exporter->worker);
    uint64_t retry_at_ms = now_ms + result->retry_after_ms;
    if (fresh || !sender->failing) {
        sender->interval_ms = sender->failing ? sender->interval_ms * sender->retry.multiplier
                                              : (double)sender->retry.initial_interval_ms;
        if (sender->interval_ms > (double)sender->retry.max_interval_ms)
            sender->interval_ms = (double)sender->retry.max_interval_ms;
        uint64_t delay_ms = (uint64_t)spread(sender, sender->interval_ms);
        if (retry_at_ms < now_ms + delay_ms)
            retry_at_ms = now_ms + delay_ms;
        sender->epoch++;
        sender->retry_at_ms = retry_at_ms;
        sl_log(SL_LOG_WARN, sender->exporter->id, "sending failed, next try in %llu ms: %s",
               (unsigned long long)(retry_at_ms - now_ms),
               result->message != NULL ? result->message : sl_outcome_text(result->outcome));
    } else if (sender->retry_at_ms < retry_at_ms) {
        sender->retry_at_ms = retry_at_ms;
    }
    sender->failing = true;
}

/* The clock of a client that still waits; 0: none. */
static uint64_t client_deadline(const struct sl_unit *head)
{
    uint64_t deadline_ms = 0;
    for (const struct sl_unit *unit = head; unit != NULL; unit = unit->source_next) {
        uint64_t own = unit->hold != NULL && unit->context != NULL ? unit->context->deadline_ms : 0;
        if (own != 0 && (deadline_ms == 0 || own < deadline_ms))
            deadline_ms = own;
    }
    return deadline_ms;
}

/* Whether the next try would come too late for this job. */
static bool exhausted(const struct sl_sender *sender, const struct sl_unit *head)
{
    uint64_t deadline_ms = client_deadline(head);
    if (deadline_ms != 0 && sender->retry_at_ms >= deadline_ms)
        return true;
    uint64_t max_ms = (uint64_t)sender->retry.max_elapsed_ms;
    return max_ms != 0 && sender->retry_at_ms - head->first_attempt_ms > max_ms;
}

/* The clients' time ran out, which says nothing about the destination: one in a hurry must
 * not make all others wait. What was merged with its data goes on without it. */
static bool gave_up_early(struct sl_sender *sender, struct sl_unit *head,
                          const struct sl_result *result)
{
    uint64_t deadline_ms = client_deadline(head);
    if (deadline_ms == 0 || sl_worker_now_ms(sender->exporter->worker) < deadline_ms)
        return false;
    if (head->source_next != NULL)
        break_up(sender, head);
    else
        sl_unit_settle(head, result, "retry_exhausted");
    return true;
}

static void retry_later(struct sl_sender *sender, struct sl_unit *head,
                        const struct sl_result *result, bool fresh)
{
    if (!sender->retry.enabled) {
        sl_unit_settle(head, result, "retry_disabled");
        return;
    }
    if (gave_up_early(sender, head, result))
        return;
    back_off(sender, result, fresh);
    if (exhausted(sender, head))
        sl_unit_settle(head, result, "retry_exhausted");
    else
        sl_unit_list_push(&sender->ready, head);
}

/* ---- attempts ---- */

static void judge(struct sl_sender *sender, struct sl_unit *head, const struct sl_result *result)
{
    bool fresh = head->epoch == sender->epoch;
    if (sl_result_is_retryable(result)) {
        struct sl_result shutdown = sl_result_of(SL_RESULT_SHUTDOWN, result->message);
        if (sender->stopping)
            sl_unit_settle(head, &shutdown, "shutdown");
        else
            retry_later(sender, head, result, fresh);
        return;
    }
    if (fresh)
        recover(sender);
    if (result->outcome == SL_RESULT_OK || result->outcome == SL_RESULT_PARTIAL)
        sl_unit_settle(head, result, NULL);
    else if (result->outcome == SL_RESULT_TOO_LARGE) {
        if (sender->stopping || !halve(sender, head))
            sl_unit_settle(head, result, "too_large");
    } else if (result->outcome == SL_RESULT_REJECT && head->source_next != NULL &&
               !sender->stopping)
        break_up(sender, head);
    else
        sl_unit_settle(head, result, "rejected");
}

void sl_attempt_done(struct sl_attempt *attempt, const struct sl_result *result)
{
    struct sl_unit *head = (struct sl_unit *)attempt; /* its first member */
    struct sl_sender *sender = head->sender;
    assert(head->flying);
    head->flying = false;
    sl_unit_list_remove(&sender->flying, head);
    sl_meter_set(sender->in_flight, (int64_t)sender->flying.count);
    if (sender->probe == head)
        sender->probe = NULL;
    judge(sender, head, result);
    sl_sender_pump(sender);
}

static void start(struct sl_sender *sender, struct sl_unit *head)
{
    sl_unit_list_remove(&sender->ready, head);
    if (!sl_unit_merge(head)) {
        break_up(sender, head);
        return;
    }
    uint64_t now_ms = sl_worker_now_ms(sender->exporter->worker);
    if (!head->tried)
        head->first_attempt_ms = now_ms;
    head->tried = true;
    head->flying = true;
    head->epoch = sender->epoch;
    if (sender->failing)
        sender->probe = head;
    sl_unit_list_push(&sender->flying, head);
    sl_meter_set(sender->in_flight, (int64_t)sender->flying.count);
    struct sl_attempt *attempt = &head->attempt;
    attempt->context = head->context;
    attempt->encoded =
        attempt->cache != NULL ? sl_buf_bytes(attempt->cache) : (struct sl_bytes){NULL, 0};
    attempt->deadline_ms = client_deadline(head);
    if (sender->draining &&
        (attempt->deadline_ms == 0 || attempt->deadline_ms > sender->drain_deadline_ms))
        attempt->deadline_ms = sender->drain_deadline_ms;
    sender->ops->send(sender->exporter, attempt);
}

static bool may_start(const struct sl_sender *sender)
{
    if (sender->stopping || sender->ready.first == NULL ||
        sender->flying.count >= (size_t)sender->queue.num_consumers)
        return false;
    return !sender->failing || (sender->probe == NULL &&
                                sl_worker_now_ms(sender->exporter->worker) >= sender->retry_at_ms);
}

void sl_sender_pump(struct sl_sender *sender)
{
    if (sender->pumping)
        return; /* an attempt ended inside its own send(): the loop below goes on */
    sender->pumping = true;
    while (may_start(sender))
        start(sender, sender->ready.first);
    sender->pumping = false;
    sl_sender_schedule(sender);
}
