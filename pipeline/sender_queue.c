/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender holds: units, their chains, the room they take, and how groups
 * are filled, cut and merged. Every source keeps a batch of its own until its
 * job is over, so that a job can always be taken apart by source again. */
#include <string.h>

#include "core/alloc.h"
#include "pipeline/sender_internal.h"

/* ---- lists of heads ---- */

void sl_unit_list_init(struct sl_unit_list *list)
{
    *list = (struct sl_unit_list){.end = &list->first};
}

static void insert(struct sl_unit_list *list, struct sl_unit **at, struct sl_unit *head)
{
    head->next = *at;
    head->link = at;
    *at = head;
    if (head->next != NULL)
        head->next->link = &head->next;
    else
        list->end = &head->next;
    list->count++;
}

void sl_unit_list_push(struct sl_unit_list *list, struct sl_unit *head)
{
    insert(list, list->end, head);
}

void sl_unit_list_push_front(struct sl_unit_list *list, struct sl_unit *head)
{
    insert(list, &list->first, head);
}

void sl_unit_list_remove(struct sl_unit_list *list, struct sl_unit *head)
{
    *head->link = head->next;
    if (head->next != NULL)
        head->next->link = head->link;
    else
        list->end = head->link;
    head->next = NULL;
    head->link = NULL;
    list->count--;
}

/* ---- chains ---- */

void sl_unit_single(struct sl_unit *unit)
{
    unit->source_next = NULL;
    unit->source_end = &unit->source_next;
    unit->total = unit->amount;
}

void sl_unit_chain(struct sl_unit *head, struct sl_unit *unit)
{
    unit->source_next = NULL;
    *head->source_end = unit;
    head->source_end = &unit->source_next;
    head->total.requests += unit->amount.requests;
    head->total.items += unit->amount.items;
    head->total.bytes += unit->amount.bytes;
}

/* An empty unit that will hold a part of this one. */
static struct sl_unit *new_part(const struct sl_unit *unit)
{
    struct sl_unit *part = sl_calloc(1, sizeof *part);
    if (part == NULL)
        return NULL;
    part->sender = unit->sender;
    part->context = sl_context_ref(unit->context);
    part->rule = unit->rule;
    part->tried = unit->tried;
    part->halved = unit->halved;
    part->first_attempt_ms = unit->first_attempt_ms;
    return part;
}

void sl_unit_forget_attempt(struct sl_unit *unit)
{
    if (unit->attempt.batch != NULL)
        sl_batch_unref(unit->attempt.batch);
    sl_buf_unref(unit->attempt.cache);
    unit->attempt = (struct sl_attempt){0};
}

void sl_unit_free(struct sl_unit *unit)
{
    sl_unit_forget_attempt(unit);
    sl_sender_charge(unit->sender, unit->amount, false);
    if (unit->batch != NULL)
        sl_batch_unref(unit->batch);
    if (unit->context != NULL)
        sl_context_unref(unit->context);
    sl_free(unit);
}

/* Counts anew what a unit holds after its batch was changed. */
static void measure(struct sl_unit *unit)
{
    sl_sender_charge(unit->sender, unit->amount, false);
    unit->amount.items = unit->batch->items;
    unit->amount.bytes = sl_batch_encoded_size(unit->batch);
    sl_sender_charge(unit->sender, unit->amount, true);
}

bool sl_unit_split(struct sl_unit *unit, size_t max_items, size_t max_bytes,
                   struct sl_unit **ret_rest)
{
    sl_unit_forget_attempt(unit);
    struct sl_unit *part = new_part(unit);
    if (part == NULL)
        return false;
    if (sl_batch_own(&unit->batch) != SL_OK ||
        sl_batch_split(unit->batch, max_items, max_bytes, &part->batch) != SL_OK ||
        part->batch == NULL) {
        sl_unit_free(part);
        return false;
    }
    part->hold = unit->hold;
    if (part->hold != NULL)
        part->hold->parts++;
    measure(unit);
    measure(part);
    sl_unit_single(part);
    *ret_rest = part;
    return true;
}

bool sl_unit_merge(struct sl_unit *head)
{
    if (head->attempt.batch != NULL)
        return true;
    if (head->source_next == NULL) {
        head->attempt.batch = sl_batch_ref(head->batch);
        return true;
    }
    struct sl_batch *merged = sl_batch_clone(head->batch);
    for (struct sl_unit *u = head->source_next; u != NULL && merged != NULL; u = u->source_next) {
        struct sl_batch *copy = sl_batch_clone(u->batch);
        if (copy == NULL || sl_batch_append(merged, copy) != SL_OK) {
            sl_batch_unref(merged);
            merged = NULL;
        }
        if (copy != NULL)
            sl_batch_unref(copy);
    }
    head->attempt.batch = merged;
    return merged != NULL;
}

/* ---- room ---- */

static size_t sized(const struct sl_sender *sender, const struct sl_amount *amount)
{
    switch (sender->queue.sizer) {
    case SL_SIZE_ITEMS:
        return amount->items;
    case SL_SIZE_BYTES:
        return amount->bytes;
    default:
        return amount->requests;
    }
}

static bool within(size_t used, size_t more, int64_t limit)
{
    return more <= (size_t)limit && used <= (size_t)limit - more;
}

bool sl_sender_room(const struct sl_sender *sender, struct sl_amount amount,
                    struct sl_result *ret_refusal)
{
    size_t size = sized(sender, &amount);
    if (!within(0, size, sender->whole.queue_size) ||
        !within(0, amount.bytes, sender->whole.max_bytes)) {
        *ret_refusal = sl_result_of(SL_RESULT_TOO_LARGE, "larger than the sending queue");
        return false;
    }
    size_t used = sized(sender, &sender->used) + sized(sender, &sender->reserved);
    size_t bytes = sender->used.bytes + sender->reserved.bytes;
    /* An empty queue takes anything that the whole process would take, though its
     * share of the limits may be smaller. */
    if ((used == 0 && bytes == 0) || (within(used, size, sender->queue.queue_size) &&
                                      within(bytes, amount.bytes, sender->queue.max_bytes)))
        return true;
    *ret_refusal = sl_result_of(SL_RESULT_RETRY, "the sending queue is full");
    uint64_t now_ms = sl_worker_now_ms(sender->exporter->worker);
    if (sender->failing && sender->retry_at_ms > now_ms)
        ret_refusal->retry_after_ms = (uint32_t)(sender->retry_at_ms - now_ms);
    return false;
}

void sl_sender_charge(struct sl_sender *sender, struct sl_amount amount, bool add)
{
    struct sl_amount *used = &sender->used;
    used->requests = add ? used->requests + amount.requests : used->requests - amount.requests;
    used->items = add ? used->items + amount.items : used->items - amount.items;
    used->bytes = add ? used->bytes + amount.bytes : used->bytes - amount.bytes;
    sl_meter_set(sender->queue_size, (int64_t)sized(sender, used));
}

/* ---- groups ---- */

static bool reached(size_t size, int64_t limit)
{
    return limit > 0 && size >= (size_t)limit;
}

static bool is_full(const struct sl_unit *head)
{
    const struct sl_merge_rule *rule = &head->rule;
    if (rule->timeout_ms == 0 || (rule->min_items == 0 && rule->min_bytes == 0))
        return true;
    return reached(head->total.items, rule->min_items) ||
           reached(head->total.bytes, rule->min_bytes) ||
           reached(head->total.items, rule->max_items) ||
           reached(head->total.bytes, rule->max_bytes);
}

static bool over(size_t size, int64_t limit)
{
    return limit > 0 && size > (size_t)limit;
}

static bool is_over(const struct sl_merge_rule *rule, size_t items, size_t bytes)
{
    return over(items, rule->max_items) || over(bytes, rule->max_bytes);
}

static size_t left_of(int64_t limit, size_t used)
{
    return limit <= 0 ? 0 : (size_t)limit - used;
}

/* The first of the rest goes in part into head, which it fills up. Returns the
 * new rest. */
static struct sl_unit *top_up(struct sl_unit *head, struct sl_unit *rest)
{
    const struct sl_merge_rule *rule = &head->rule;
    bool room = (rule->max_items == 0 || !reached(head->total.items, rule->max_items)) &&
                (rule->max_bytes == 0 || !reached(head->total.bytes, rule->max_bytes));
    struct sl_unit *part;
    struct sl_unit *after = rest->source_next;
    if (!room || !sl_unit_split(rest, left_of(rule->max_items, head->total.items),
                                left_of(rule->max_bytes, head->total.bytes), &part))
        return rest;
    part->source_next = after;
    if (is_over(rule, head->total.items + rest->amount.items,
                head->total.bytes + rest->amount.bytes)) {
        rest->source_next = part;
        return rest;
    }
    sl_unit_chain(head, rest);
    return part;
}

/* Head keeps what one request may hold; returns the chain of the others, not
 * summed up yet. */
static struct sl_unit *cut(struct sl_unit *head)
{
    const struct sl_merge_rule *rule = &head->rule;
    struct sl_unit *rest = head->source_next, *part;
    sl_unit_single(head);
    if (is_over(rule, head->total.items, head->total.bytes) &&
        sl_unit_split(head, left_of(rule->max_items, 0), left_of(rule->max_bytes, 0), &part)) {
        sl_unit_single(head);
        part->source_next = rest;
        return part;
    }
    while (rest != NULL && !is_over(rule, head->total.items + rest->amount.items,
                                    head->total.bytes + rest->amount.bytes)) {
        struct sl_unit *next = rest->source_next;
        sl_unit_chain(head, rest);
        rest = next;
    }
    if (rest != NULL && (rule->min_items > 0 || rule->min_bytes > 0) &&
        !reached(head->total.items, rule->min_items) &&
        !reached(head->total.bytes, rule->min_bytes))
        rest = top_up(head, rest);
    return rest;
}

static void sum_up(struct sl_unit *head)
{
    struct sl_unit *rest = head->source_next;
    sl_unit_single(head);
    while (rest != NULL) {
        struct sl_unit *next = rest->source_next;
        sl_unit_chain(head, rest);
        rest = next;
    }
}

/* Makes jobs of a group: of all of it, or as long as it is full. */
static void send_off(struct sl_sender *sender, struct sl_unit *head, bool all)
{
    sl_unit_list_remove(&sender->groups, head);
    while (head != NULL && (all || is_full(head))) {
        struct sl_unit *rest = cut(head);
        sl_unit_list_push(&sender->ready, head);
        head = rest;
        if (head != NULL)
            sum_up(head);
    }
    if (head == NULL)
        return;
    head->due_ms = sl_worker_now_ms(sender->exporter->worker) + (uint64_t)head->rule.timeout_ms;
    sl_unit_list_push(&sender->groups, head);
}

static bool same_rule(const struct sl_merge_rule *a, const struct sl_merge_rule *b)
{
    return a->timeout_ms == b->timeout_ms && a->min_items == b->min_items &&
           a->min_bytes == b->min_bytes && a->max_items == b->max_items &&
           a->max_bytes == b->max_bytes;
}

static uint64_t merge_key(const struct sl_unit *unit)
{
    return unit->context != NULL ? unit->context->merge_key : 0;
}

static struct sl_unit *find_group(const struct sl_sender *sender, const struct sl_unit *unit)
{
    struct sl_unit *group = sender->groups.first;
    while (group != NULL &&
           (group->batch->signal != unit->batch->signal || merge_key(group) != merge_key(unit) ||
            !same_rule(&group->rule, &unit->rule)))
        group = group->next;
    return group;
}

void sl_sender_place(struct sl_sender *sender, struct sl_unit *unit,
                     const struct sl_batch_policy *policy)
{
    sl_unit_single(unit);
    if (sender->has_own_rule)
        unit->rule = sender->own_rule;
    else if (policy != NULL)
        unit->rule = (struct sl_merge_rule){.timeout_ms = policy->timeout_ms,
                                            .min_items = policy->min_items,
                                            .max_items = policy->max_items,
                                            .max_bytes = policy->max_bytes};
    else {
        sl_unit_list_push(&sender->ready, unit);
        return;
    }
    struct sl_unit *group = find_group(sender, unit);
    if (group != NULL) {
        sl_unit_chain(group, unit);
    } else {
        if (sender->groups.count >= SL_SENDER_GROUPS)
            send_off(sender, sender->groups.first, true);
        group = unit;
        group->due_ms =
            sl_worker_now_ms(sender->exporter->worker) + (uint64_t)unit->rule.timeout_ms;
        sl_unit_list_push(&sender->groups, group);
    }
    if (sender->draining || is_full(group))
        send_off(sender, group, sender->draining || group->rule.timeout_ms == 0);
}

void sl_sender_flush(struct sl_sender *sender, bool all)
{
    uint64_t now_ms = sl_worker_now_ms(sender->exporter->worker);
    for (struct sl_unit *group = sender->groups.first, *next; group != NULL; group = next) {
        next = group->next;
        if (all || group->due_ms <= now_ms)
            send_off(sender, group, true);
    }
}
