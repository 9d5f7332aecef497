/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery's life: made, its claims used or given back, finished once. */
#include "pipeline/delivery.h"

#include <assert.h>

#include "core/alloc.h"
#include "pipeline/component.h"

struct sl_delivery *sl_delivery_new(struct sl_batch *batch, struct sl_context *context,
                                    void (*finished)(void *arg, const struct sl_result *result),
                                    void *arg)
{
    struct sl_delivery *delivery = sl_calloc(1, sizeof *delivery);
    if (delivery == NULL) {
        sl_batch_unref(batch);
        sl_context_unref(context);
        return NULL;
    }
    delivery->batch = batch;
    delivery->context = context;
    delivery->finished = finished;
    delivery->arg = arg;
    return delivery;
}

static void release_claims(struct sl_delivery *delivery)
{
    struct sl_claim *claim = delivery->claims;
    delivery->claims = NULL;
    while (claim != NULL) {
        struct sl_claim *next = claim->next;
        if (claim->target->type->release != NULL)
            claim->target->type->release(claim->target, claim->items, claim->bytes);
        sl_free(claim);
        claim = next;
    }
}

void sl_delivery_finish(struct sl_delivery *delivery, struct sl_result result)
{
    assert(delivery->finished != NULL);
    void (*finished)(void *, const struct sl_result *) = delivery->finished;
    void *arg = delivery->arg;

    if (delivery->batch != NULL)
        sl_batch_unref(delivery->batch);
    sl_context_unref(delivery->context);
    release_claims(delivery);
    delivery->finished = NULL;
    sl_free(delivery);
    finished(arg, &result);
}

static struct sl_claim **find_claim(struct sl_delivery *delivery, const struct sl_component *target)
{
    struct sl_claim **at = &delivery->claims;
    while (*at != NULL && (*at)->target != target)
        at = &(*at)->next;
    return at;
}

bool sl_delivery_use_claim(struct sl_delivery *delivery, struct sl_component *target,
                           struct sl_claim *ret_claim)
{
    struct sl_claim **at = find_claim(delivery, target);
    struct sl_claim *claim = *at;
    if (claim == NULL)
        return false;
    *at = claim->next;
    *ret_claim = *claim;
    ret_claim->next = NULL;
    sl_free(claim);
    return true;
}

void sl_delivery_take_claims(struct sl_delivery *into, struct sl_delivery *from)
{
    struct sl_claim *claim = from->claims;
    from->claims = NULL;
    while (claim != NULL) {
        struct sl_claim *next = claim->next;
        struct sl_claim **at = find_claim(into, claim->target);
        if (*at != NULL) {
            (*at)->items += claim->items;
            (*at)->bytes += claim->bytes;
            sl_free(claim);
        } else {
            claim->next = NULL;
            *at = claim;
        }
        claim = next;
    }
}
