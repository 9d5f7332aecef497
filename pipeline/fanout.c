/* SPDX-License-Identifier: Apache-2.0 */
/* Fan-out: reserve then commit (delivery.h). Everything that can fail, memory
 * and the targets' queues, comes before the first child is handed out. */
#include <assert.h>
#include <stdio.h>

#include "core/alloc.h"
#include "pipeline/component.h"

struct fanout {
    struct sl_delivery *parent;
    unsigned pending;
    size_t items;
    struct sl_result result;
    char message[256]; /* a child's message is valid only while it is handed over */
};

/* RETRY with the queue's own reason and delay; a queue that says more than
 * "not now" (it is shutting down, or will never have room for so much) keeps its word. */
static struct sl_result refusal_of(struct sl_result said)
{
    if (!sl_result_is_retryable(&said) && said.outcome != SL_RESULT_TOO_LARGE)
        said.outcome = SL_RESULT_RETRY;
    return said;
}

static void child_finished(void *arg, const struct sl_result *result)
{
    struct fanout *fanout = arg;
    assert(fanout->pending > 0);

    sl_result_collect(&fanout->result, result, fanout->message, sizeof fanout->message);
    if (--fanout->pending > 0)
        return;
    if (fanout->result.rejected_items > fanout->items) /* several branches may reject the same */
        fanout->result.rejected_items = fanout->items;
    /* The message lives in fanout, so it is freed after the parent has heard. */
    sl_delivery_finish(fanout->parent, fanout->result);
    sl_free(fanout);
}

static int add_claim(struct sl_delivery *child, struct sl_component *queue, size_t bytes,
                     struct sl_result *ret_refusal)
{
    struct sl_claim *claim = sl_malloc(sizeof *claim);
    if (claim == NULL) {
        *ret_refusal = sl_result_of(SL_RESULT_RETRY, "out of memory");
        return SL_ENOMEM;
    }
    size_t items = child->batch->items;
    *ret_refusal = sl_result_of(SL_RESULT_RETRY, "a queue is full");
    if (!queue->type->reserve(queue, items, bytes, ret_refusal)) {
        sl_free(claim);
        return SL_EAGAIN;
    }
    *claim =
        (struct sl_claim){.next = child->claims, .target = queue, .items = items, .bytes = bytes};
    child->claims = claim;
    return SL_OK;
}

/* Gives the child the claims of its branch: those the parent brought, new ones
 * for the rest. */
static int claim_branch(struct sl_delivery *parent, struct sl_delivery *child,
                        const struct sl_target *target, size_t bytes, struct sl_result *ret_refusal)
{
    for (unsigned i = 0; i < target->queue_count; i++) {
        struct sl_component *queue = target->queues[i];
        struct sl_claim **at = &parent->claims;
        while (*at != NULL && (*at)->target != queue)
            at = &(*at)->next;
        struct sl_claim *brought = *at;
        if (brought != NULL) {
            *at = brought->next;
            brought->next = child->claims;
            child->claims = brought;
        } else if (queue->type->reserve != NULL) {
            int status = add_claim(child, queue, bytes, ret_refusal);
            if (status != SL_OK)
                return status;
        }
    }
    return SL_OK;
}

static void never_heard(void *arg, const struct sl_result *result)
{
    (void)arg;
    (void)result;
}

/* Takes back what was prepared. Claims the parent had brought go with it:
 * it is finished with a refusal. */
static void undo(struct sl_delivery *children)
{
    while (children != NULL) {
        struct sl_delivery *next = children->next;
        children->finished = never_heard;
        sl_delivery_finish(children, sl_result_of(SL_RESULT_RETRY, NULL));
        children = next;
    }
}

static bool any_queue(const struct sl_target *targets, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (targets[i].queue_count > 0)
            return true;
    return false;
}

/* Makes all children, in order, with their claims; NULL after undoing it all. */
static struct sl_delivery *prepare(struct fanout *fanout, const struct sl_target *targets,
                                   unsigned count, struct sl_result *ret_refusal)
{
    struct sl_delivery *parent = fanout->parent, *children = NULL, **last = &children;
    size_t bytes = any_queue(targets, count) ? sl_batch_encoded_size(parent->batch) : 0;

    for (unsigned i = 0; i < count; i++) {
        *ret_refusal = sl_result_of(SL_RESULT_RETRY, "out of memory");
        struct sl_delivery *child = sl_delivery_new(
            sl_batch_ref(parent->batch), sl_context_ref(parent->context), child_finished, fanout);
        if (child == NULL) {
            undo(children);
            return NULL;
        }
        child->policy = parent->policy;
        *last = child;
        last = &child->next;
        if (claim_branch(parent, child, &targets[i], bytes, ret_refusal) != SL_OK) {
            undo(children);
            return NULL;
        }
    }
    return children;
}

void sl_fanout(struct sl_delivery *delivery, const struct sl_target *targets, unsigned count)
{
    assert(count > 0);
    if (count == 1) {
        sl_component_consume(targets[0].component, delivery);
        return;
    }
    struct fanout *fanout = sl_malloc(sizeof *fanout);
    if (fanout == NULL) {
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        return;
    }
    *fanout = (struct fanout){
        .parent = delivery, .items = delivery->batch->items, .result = sl_result_ok()};
    struct sl_result refusal;
    struct sl_delivery *children = prepare(fanout, targets, count, &refusal);
    if (children == NULL) {
        sl_free(fanout);
        sl_delivery_finish(delivery, refusal_of(refusal));
        return;
    }

    /* Our own reference goes now, so that the last child may find itself the
     * only holder and change the batch in place. One share of `pending` is
     * ours: children may finish before consume returns. */
    sl_batch_unref(delivery->batch);
    delivery->batch = NULL;
    fanout->pending = count + 1;
    for (unsigned i = 0; i < count; i++) {
        struct sl_delivery *child = children;
        children = child->next;
        child->next = NULL;
        sl_component_consume(targets[i].component, child);
    }
    struct sl_result ok = sl_result_ok();
    child_finished(fanout, &ok);
}
