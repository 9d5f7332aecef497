/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's life: taking deliveries in, time, draining and stopping. */
#include "pipeline/sender.h"

#include <assert.h>

#include "core/alloc.h"
#include "core/log.h"
#include "pipeline/sender_internal.h"

enum { IDLE_MS = 3600 * 1000 };     /* the timer is armed at least this far ahead */
enum { COMPACT_BYTES = 16 * 1024 }; /* less is not worth the copy */

/* ---- time ---- */

static void tell_stopped(struct sl_sender *sender)
{
    void (*stopped)(struct sl_component * exporter) = sender->stopped;
    if (stopped == NULL || sender->cancelling || sender->flying.first != NULL)
        return;
    sender->stopped = NULL;
    stopped(sender->exporter); /* may free the sender */
}

/* Nothing is held any more, the deadline has come, or what is left cannot be
 * tried before it. */
static bool is_drained(const struct sl_sender *sender, uint64_t now_ms)
{
    if (sender->flying.first == NULL && sender->ready.first == NULL && sender->groups.first == NULL)
        return true;
    return now_ms >= sender->drain_deadline_ms ||
           (sender->failing && sender->flying.first == NULL &&
            sender->retry_at_ms >= sender->drain_deadline_ms);
}

static uint64_t next_due(const struct sl_sender *sender, uint64_t now_ms)
{
    uint64_t due_ms = now_ms + IDLE_MS;
    if (sender->failing && sender->ready.first != NULL && sender->probe == NULL &&
        sender->retry_at_ms > now_ms && sender->retry_at_ms < due_ms)
        due_ms = sender->retry_at_ms;
    for (const struct sl_unit *group = sender->groups.first; group != NULL; group = group->next)
        if (group->due_ms < due_ms)
            due_ms = group->due_ms;
    if (sender->draining && !sender->drained && sender->drain_deadline_ms < due_ms)
        due_ms = sender->drain_deadline_ms;
    return due_ms;
}

void sl_sender_schedule(struct sl_sender *sender)
{
    uint64_t now_ms = sl_worker_now_ms(sender->exporter->worker);
    if (sender->stopping) {
        tell_stopped(sender);
        return;
    }
    if (sender->draining && !sender->drained && is_drained(sender, now_ms)) {
        sender->drained = true;
        sl_component_drained(sender->exporter);
        return;
    }
    uint64_t due_ms = next_due(sender, now_ms);
    /* Only an earlier time needs arming: the timer looks again when it expires. */
    if (due_ms >= sender->armed_for_ms)
        return;
    sender->armed_for_ms = due_ms;
    (void)sl_timer_start(&sender->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

static void expired(struct sl_timer *timer)
{
    struct sl_sender *sender =
        (struct sl_sender *)(void *)((char *)timer - offsetof(struct sl_sender, timer));
    sender->armed_for_ms = sl_worker_now_ms(timer->worker) + IDLE_MS;
    (void)sl_timer_start(timer, IDLE_MS); /* into the place that was just left */
    sl_sender_flush(sender, false);
    sl_sender_pump(sender);
}

/* ---- new and free ---- */

static int64_t divided(int64_t limit, unsigned workers)
{
    int64_t n = workers > 1 ? (int64_t)workers : 1;
    return limit / n + (limit % n != 0 ? 1 : 0);
}

static struct sl_merge_rule rule_of(const struct sl_queue_batch_config *batch)
{
    struct sl_merge_rule rule = {.timeout_ms = batch->flush_timeout_ms};
    if (batch->sizer == 0) {
        rule.min_items = batch->min_size;
        rule.max_items = batch->max_size;
    } else {
        rule.min_bytes = batch->min_size;
        rule.max_bytes = batch->max_size;
    }
    return rule;
}

struct sl_sender *sl_sender_new(struct sl_component *exporter, const struct sl_queue_config *queue,
                                const struct sl_retry_config *retry,
                                const struct sl_sender_ops *ops)
{
    struct sl_sender *sender = sl_calloc(1, sizeof *sender);
    if (sender == NULL)
        return NULL;
    unsigned workers = exporter->worker->count;
    sender->exporter = exporter;
    sender->whole = sender->queue = *queue;
    sender->queue.queue_size = divided(queue->queue_size, workers);
    sender->queue.max_bytes = divided(queue->max_bytes, workers);
    sender->queue.num_consumers = divided(queue->num_consumers, workers);
    sender->retry = *retry;
    sender->ops = ops;
    sender->has_own_rule = queue->batch.presence != SL_ABSENT;
    sender->own_rule = rule_of(&queue->batch);
    sender->hold_deliveries = !queue->enabled || queue->wait_for_result;
    sl_unit_list_init(&sender->groups);
    sl_unit_list_init(&sender->ready);
    sl_unit_list_init(&sender->flying);
    sl_timer_init(&sender->timer, exporter->worker, expired);
    sender->armed_for_ms = sl_worker_now_ms(exporter->worker) + IDLE_MS;
    if (sl_timer_start(&sender->timer, IDLE_MS) != SL_OK) {
        sl_free(sender);
        return NULL;
    }
    sender->queue_size = sl_meter_gauge(exporter->meter, "otelcol_exporter_queue_size");
    sender->queue_capacity = sl_meter_gauge(exporter->meter, "otelcol_exporter_queue_capacity");
    sender->in_flight = sl_meter_gauge(exporter->meter, "otelcol_exporter_in_flight_requests");
    sl_meter_set(sender->queue_capacity, sender->queue.queue_size);
    return sender;
}

void sl_sender_free(struct sl_sender *sender)
{
    if (sender == NULL)
        return;
    assert(sender->groups.first == NULL && sender->ready.first == NULL &&
           sender->flying.first == NULL);
    sl_timer_stop(&sender->timer);
    sl_free(sender);
}

/* ---- taking in ---- */

/* Makes room by giving up what came first and is not under way. */
static bool evict(struct sl_sender *sender)
{
    struct sl_result lost = sl_result_of(SL_RESULT_RETRY, "the sending queue is full");
    struct sl_unit *head = sender->ready.first;
    struct sl_unit_list *list = &sender->ready;
    if (head == NULL) {
        head = sender->groups.first;
        list = &sender->groups;
    }
    if (head == NULL)
        return false;
    sl_unit_list_remove(list, head);
    sl_unit_settle(head, &lost, "queue_full_oldest");
    return true;
}

/* How a delivery ends that found no room. */
static void turn_away(struct sl_sender *sender, struct sl_delivery *delivery,
                      struct sl_result refusal)
{
    struct sl_component *exporter = sender->exporter;
    enum sl_signal signal = delivery->batch->signal;
    size_t items = delivery->batch->items;
    sl_meter_event(exporter->meter, SL_EV_ENQUEUE_FAILED, signal, items);
    if (refusal.outcome != SL_RESULT_SHUTDOWN && sender->queue.on_full != SL_FULL_REFUSE &&
        !sender->hold_deliveries) {
        sl_meter_dropped(exporter->meter, signal, "queue_full", items);
        sl_log(SL_LOG_ERROR, exporter->id, "%zu items of %s dropped: %s", items,
               sl_signal_name(signal), refusal.message);
        refusal = sl_result_ok();
    }
    sl_delivery_finish(delivery, refusal);
}

static bool make_room(struct sl_sender *sender, struct sl_amount amount,
                      struct sl_result *ret_refusal)
{
    while (!sl_sender_room(sender, amount, ret_refusal))
        if (ret_refusal->outcome == SL_RESULT_TOO_LARGE ||
            sender->queue.on_full != SL_FULL_DROP_OLDEST || !evict(sender))
            return false;
    return true;
}

static struct sl_unit *unit_new(struct sl_sender *sender, struct sl_delivery *delivery)
{
    struct sl_unit *unit = sl_calloc(1, sizeof *unit);
    struct sl_hold *hold = sender->hold_deliveries ? sl_calloc(1, sizeof *hold) : NULL;
    if (unit == NULL || (sender->hold_deliveries && hold == NULL)) {
        sl_free(unit);
        sl_free(hold);
        return NULL;
    }
    if (hold != NULL)
        *hold = (struct sl_hold){.delivery = delivery, .parts = 1};
    unit->sender = sender;
    unit->hold = hold;
    unit->batch = sl_batch_ref(delivery->batch);
    if (hold == NULL) {
        sl_batch_unref(delivery->batch); /* the delivery ends here */
        delivery->batch = NULL;
    }
    unit->context = sl_context_ref(delivery->context);
    return unit;
}

/* What waits here should not pin much more than itself, for example the whole request of
 * which a sampler kept one span. Failing costs memory only. */
static void compact(struct sl_sender *sender, struct sl_unit *unit)
{
    size_t pinned = sl_batch_pinned_bytes(unit->batch);
    if (pinned >= COMPACT_BYTES && pinned / 2 >= unit->amount.bytes && unit->batch->references == 1)
        (void)sl_batch_compact(unit->batch, sender->exporter->worker->budget);
}

static void warn_policy(struct sl_sender *sender, const struct sl_delivery *delivery)
{
    if (delivery->policy == NULL || !sender->has_own_rule || sender->warned_policy)
        return;
    sender->warned_policy = true;
    sl_log(SL_LOG_WARN, sender->exporter->id,
           "sending_queue.batch of this exporter wins over the batch processor before it");
}

void sl_sender_consume(struct sl_sender *sender, struct sl_delivery *delivery)
{
    struct sl_claim claim;
    struct sl_result refusal = sl_result_of(SL_RESULT_SHUTDOWN, "shutting down");
    bool claimed = sl_delivery_use_claim(delivery, sender->exporter, &claim);
    if (claimed)
        sl_sender_release(sender, claim.items, claim.bytes);
    if (delivery->batch->records == 0) {
        sl_delivery_finish(delivery, sl_result_ok());
        return;
    }
    struct sl_amount amount = {1, delivery->batch->items, sl_batch_encoded_size(delivery->batch)};
    /* Room that was promised is there, even if processors made the batch grow. */
    bool promised = claimed && sender->queue.on_full == SL_FULL_REFUSE;
    if (sender->draining || sender->stopping ||
        (!promised && !make_room(sender, amount, &refusal))) {
        turn_away(sender, delivery, refusal);
        return;
    }
    struct sl_unit *unit = unit_new(sender, delivery);
    if (unit == NULL) {
        turn_away(sender, delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        return;
    }
    unit->amount = amount;
    compact(sender, unit);
    sl_sender_charge(sender, amount, true);
    warn_policy(sender, delivery);
    sl_sender_place(sender, unit, delivery->policy);
    if (!sender->hold_deliveries)
        sl_delivery_finish(delivery, sl_result_ok());
    sl_sender_pump(sender);
}

bool sl_sender_reserve(struct sl_sender *sender, size_t items, size_t bytes,
                       struct sl_result *ret_refusal)
{
    struct sl_amount amount = {.requests = 1, .items = items, .bytes = bytes};
    if (sender->draining || sender->stopping) {
        *ret_refusal = sl_result_of(SL_RESULT_SHUTDOWN, "shutting down");
        return false;
    }
    if (sender->queue.on_full == SL_FULL_REFUSE && !sl_sender_room(sender, amount, ret_refusal))
        return false;
    sender->reserved.items += items;
    sender->reserved.bytes += bytes;
    return true;
}

void sl_sender_release(struct sl_sender *sender, size_t items, size_t bytes)
{
    assert(sender->reserved.items >= items && sender->reserved.bytes >= bytes);
    sender->reserved.items -= items;
    sender->reserved.bytes -= bytes;
}

/* ---- the end ---- */

void sl_sender_drain(struct sl_sender *sender, uint64_t deadline_ms)
{
    sender->draining = true;
    sender->drain_deadline_ms = deadline_ms;
    if (sender->failing) {
        /* No time to wait for the next probe; later ones keep their distance. */
        sender->retry_at_ms = sl_worker_now_ms(sender->exporter->worker);
        sender->interval_ms = (double)sender->retry.initial_interval_ms;
    }
    sl_sender_flush(sender, true);
    sl_sender_pump(sender);
}

static void settle_all(struct sl_unit_list *list)
{
    struct sl_result lost = sl_result_of(SL_RESULT_SHUTDOWN, "shutting down");
    while (list->first != NULL) {
        struct sl_unit *head = list->first;
        sl_unit_list_remove(list, head);
        sl_unit_settle(head, &lost, "shutdown");
    }
}

static struct sl_unit *next_to_cancel(const struct sl_sender *sender)
{
    struct sl_unit *head = sender->flying.first;
    while (head != NULL && head->cancelled)
        head = head->next;
    return head;
}

void sl_sender_stop(struct sl_sender *sender, void (*done)(struct sl_component *exporter))
{
    sender->stopping = true;
    sender->cancelling = true;
    sender->stopped = done;
    for (struct sl_unit *head; (head = next_to_cancel(sender)) != NULL;) {
        head->cancelled = true;
        if (sender->ops->cancel != NULL)
            sender->ops->cancel(sender->exporter, &head->attempt);
    }
    settle_all(&sender->groups);
    settle_all(&sender->ready);
    sl_timer_stop(&sender->timer);
    sender->cancelling = false;
    tell_stopped(sender);
}
