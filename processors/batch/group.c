/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of the batch processor: holding, merging, splitting, finishing. */
#include "processors/batch/group.h"

#include <assert.h>

#include "core/alloc.h"
#include "pipeline/meter.h"

struct group {
    struct group *next;
    struct groups *groups;
    enum sl_signal signal;
    uint64_t key;
    struct sl_batch *batch;
    struct sl_delivery *held, **held_end;
    size_t bytes; /* encoded, as far as it was counted */
    struct sl_timer timer;
};

/* One group on its way, in one or more batches. */
struct flight {
    struct flight *next, **at;
    struct groups *groups;
    struct sl_delivery *held;
    unsigned pending;
    struct sl_result result;
    char message[256];
};

static void flush(struct group *group);

void groups_init(struct groups *groups, struct sl_component *owner)
{
    *groups = (struct groups){.owner = owner, .config = owner->config};
}

/* Nobody says whose items were rejected: what the clients are told adds up to
 * it, and none is told of more than it sent. */
static void finish_held(struct sl_delivery *held, struct sl_result result)
{
    uint64_t rejected = result.rejected_items;
    while (held != NULL) {
        struct sl_delivery *next = held->next;
        struct sl_result own = result;
        if (result.outcome == SL_RESULT_PARTIAL) {
            own.rejected_items = rejected < held->held_items ? rejected : held->held_items;
            rejected -= own.rejected_items;
            if (own.rejected_items == 0)
                own = sl_result_ok();
        }
        held->next = NULL;
        sl_delivery_finish(held, own);
        held = next;
    }
}

static void report_drained(struct groups *groups)
{
    if (groups->draining && groups->first == NULL && groups->flights == NULL)
        sl_component_drained(groups->owner);
}

static void land(struct flight *flight)
{
    struct groups *groups = flight->groups;
    *flight->at = flight->next;
    if (flight->next != NULL)
        flight->next->at = flight->at;
    finish_held(flight->held, flight->result);
    sl_free(flight);
    report_drained(groups);
}

static void part_finished(void *arg, const struct sl_result *result)
{
    struct flight *flight = arg;
    assert(flight->pending > 0);
    sl_result_collect(&flight->result, result, flight->message, sizeof flight->message);
    if (--flight->pending == 0)
        land(flight);
}

/* Emits one batch of the flight; takes over the batch. */
static void send_part(struct flight *flight, struct sl_batch *batch, struct sl_context *context,
                      struct sl_delivery *claims_of)
{
    struct groups *groups = flight->groups;
    flight->pending++;
    struct sl_delivery *part =
        sl_delivery_new(batch, sl_context_ref(context), part_finished, flight);
    if (part == NULL) {
        struct sl_result failed = sl_result_of(SL_RESULT_RETRY, "out of memory");
        part_finished(flight, &failed);
        return;
    }
    for (; claims_of != NULL; claims_of = claims_of->next)
        sl_delivery_take_claims(part, claims_of);
    sl_emit(groups->owner, part);
}

static struct flight *new_flight(struct groups *groups, struct sl_delivery *held)
{
    struct flight *flight = sl_calloc(1, sizeof *flight);
    if (flight == NULL)
        return NULL;
    flight->groups = groups;
    flight->held = held;
    flight->next = groups->flights;
    flight->at = &groups->flights;
    if (flight->next != NULL)
        flight->next->at = &flight->next;
    groups->flights = flight;
    return flight;
}

static void unlink_group(struct group *group)
{
    struct group **at = &group->groups->first;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    group->groups->count--;
    sl_timer_stop(&group->timer);
}

/* All of one group have equal merge keys, so the first one's context speaks for
 * all, but for its deadline: a client in a hurry must not hurry the others. Out
 * of memory: none. */
static struct sl_context *context_of(const struct group *group)
{
    struct sl_context *first = group->held->context;
    if (first == NULL || first->deadline_ms == 0 || group->held->next == NULL)
        return sl_context_ref(first);
    struct sl_context *copy = sl_context_new(first);
    if (copy != NULL)
        copy->deadline_ms = 0;
    return copy;
}

/* Sends what the group holds and frees the group. */
static void flush(struct group *group)
{
    struct groups *groups = group->groups;
    const struct batch_config *config = groups->config;
    unlink_group(group);
    struct flight *flight = new_flight(groups, group->held);
    struct sl_batch *batch = group->batch;
    if (flight == NULL) {
        sl_batch_unref(batch);
        finish_held(group->held, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        sl_free(group);
        report_drained(groups);
        return;
    }
    struct sl_context *context = context_of(group);
    struct sl_delivery *claims_of = group->held;
    flight->pending = 1; /* our own share, until every part is out */
    while (batch != NULL) {
        struct sl_batch *rest = NULL;
        if (sl_batch_split(batch, (size_t)config->send_batch_max_size,
                           (size_t)config->send_batch_max_bytes, &rest) != SL_OK)
            rest = NULL; /* out of memory: the batch goes whole */
        send_part(flight, batch, context, claims_of);
        claims_of = NULL;
        batch = rest;
    }
    sl_context_unref(context);
    sl_free(group);
    struct sl_result ok = sl_result_ok();
    part_finished(flight, &ok);
}

static void timer_expired(struct sl_timer *timer)
{
    flush((struct group *)((char *)timer - offsetof(struct group, timer)));
}

static struct group *find_group(struct groups *groups, enum sl_signal signal, uint64_t key)
{
    struct group *group = groups->first;
    while (group != NULL && (group->signal != signal || group->key != key))
        group = group->next;
    return group;
}

static struct group *new_group(struct groups *groups, enum sl_signal signal, uint64_t key)
{
    struct group *group = sl_calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    sl_timer_init(&group->timer, groups->owner->worker, timer_expired);
    if (sl_timer_start(&group->timer, (uint64_t)groups->config->timeout) != SL_OK) {
        sl_free(group);
        return NULL;
    }
    group->groups = groups;
    group->signal = signal;
    group->key = key;
    group->held_end = &group->held;
    group->next = groups->first;
    groups->first = group;
    groups->count++;
    return group;
}

static bool is_full(const struct groups *groups, const struct group *group)
{
    const struct batch_config *config = groups->config;
    return group->batch->items >= (size_t)config->send_batch_size || config->timeout == 0 ||
           (config->send_batch_max_bytes != 0 &&
            group->bytes >= (size_t)config->send_batch_max_bytes);
}

/* Puts the delivery's batch into the group. Failing leaves both as they were. */
static int merge(struct group *group, struct sl_delivery *delivery, size_t bytes)
{
    delivery->held_items = delivery->batch->items;
    if (group->batch == NULL) {
        group->batch = sl_batch_ref(delivery->batch);
        sl_batch_unref(delivery->batch);
        delivery->batch = NULL;
    } else {
        int rc = sl_batch_append(group->batch, delivery->batch);
        if (rc != SL_OK)
            return rc;
        sl_batch_unref(delivery->batch); /* empty now */
        delivery->batch = NULL;
    }
    group->bytes += bytes;
    *group->held_end = delivery;
    group->held_end = &delivery->next;
    return SL_OK;
}

static void drop_if_empty(struct group *group)
{
    if (group->batch != NULL)
        return;
    unlink_group(group);
    sl_free(group);
}

void groups_add(struct groups *groups, struct sl_delivery *delivery, uint64_t key)
{
    if (groups->draining || sl_batch_own(&delivery->batch) != SL_OK) {
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "cannot be held now"));
        return;
    }
    size_t bytes =
        groups->config->send_batch_max_bytes ? sl_batch_encoded_size(delivery->batch) : 0;
    struct group *group = find_group(groups, delivery->batch->signal, key);
    if (group == NULL && groups->count >= (size_t)groups->config->metadata_cardinality_limit) {
        sl_meter_dropped(groups->owner->meter, delivery->batch->signal, "metadata_cardinality",
                         delivery->batch->items);
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_REJECT, "too many metadata values"));
        return;
    }
    if (group == NULL)
        group = new_group(groups, delivery->batch->signal, key);
    delivery->next = NULL;
    if (group == NULL || merge(group, delivery, bytes) != SL_OK) {
        if (group != NULL)
            drop_if_empty(group);
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        return;
    }
    if (is_full(groups, group))
        flush(group);
}

void groups_flush_all(struct groups *groups, bool drain)
{
    groups->draining |= drain;
    while (groups->first != NULL)
        flush(groups->first);
    report_drained(groups);
}

void groups_abandon(struct groups *groups)
{
    while (groups->first != NULL) {
        struct group *group = groups->first;
        unlink_group(group);
        sl_batch_unref(group->batch);
        finish_held(group->held, sl_result_of(SL_RESULT_SHUTDOWN, "shutting down"));
        sl_free(group);
    }
}

void groups_done(struct groups *groups)
{
    groups_abandon(groups);
    for (struct flight *flight = groups->flights; flight != NULL;) {
        struct flight *next = flight->next;
        finish_held(flight->held, sl_result_of(SL_RESULT_SHUTDOWN, "shutting down"));
        sl_free(flight);
        flight = next;
    }
    groups->flights = NULL;
}
