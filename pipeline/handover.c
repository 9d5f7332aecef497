/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters of which there is one, on worker 0: on the other workers a proxy takes
 * their place. It mails each batch to worker 0 and finishes the delivery with the
 * result that comes home. How much may be on its way is bounded. */
#include <assert.h>
#include <stdio.h>

#include "core/alloc.h"
#include "pipeline/graph_internal.h"

/* Per proxy: deliveries on their way, and bytes on their way or set aside. A claim counts
 * no delivery, as claims may be joined before they are used (sl_delivery_take_claims). */
enum { DELIVERIES_MAX = 1024, BYTES_MAX = 64 << 20 };

struct parcel;

struct proxy {
    struct sl_component base;
    struct sl_hub *hub;
    unsigned exporter; /* index in the plan's section */
    size_t deliveries, bytes;
    struct parcel *out; /* on their way, newest first */
    bool draining, stopped;
};

struct parcel {
    struct sl_mail mail;    /* first */
    struct sl_worker *home; /* of the proxy; it outlives graphs */

    /* touched at home only */
    struct proxy *proxy; /* NULL: it has stopped and the delivery is finished */
    struct sl_delivery *delivery;
    struct parcel *next, **link;
    size_t bytes;

    /* touched by whoever has the mail */
    struct sl_hub *hub; /* a reference */
    unsigned exporter;
    struct sl_batch *batch;
    struct sl_context *context;
    const struct sl_batch_policy *policy;
    struct sl_result result;
    char message[256];
};

struct sl_hub *sl_hub_new(struct sl_graph *graph)
{
    struct sl_hub *hub = sl_calloc(1, sizeof *hub);
    if (hub == NULL)
        return NULL;
    atomic_init(&hub->references, 1);
    hub->worker = graph->worker;
    hub->graph = graph;
    return hub;
}

struct sl_hub *sl_hub_ref(struct sl_hub *hub)
{
    atomic_fetch_add_explicit(&hub->references, 1, memory_order_relaxed);
    return hub;
}

void sl_hub_unref(struct sl_hub *hub)
{
    if (hub != NULL && atomic_fetch_sub_explicit(&hub->references, 1, memory_order_acq_rel) == 1)
        sl_free(hub);
}

/* ---- back home ---- */

static void tell_when_empty(struct proxy *proxy)
{
    if (proxy->draining && proxy->deliveries == 0 && proxy->bytes == 0)
        sl_component_drained(&proxy->base);
}

/* Finishes the delivery and forgets the parcel, which is on its way or home. */
static void settle(struct parcel *parcel, struct sl_result result)
{
    struct proxy *proxy = parcel->proxy;
    *parcel->link = parcel->next;
    if (parcel->next != NULL)
        parcel->next->link = parcel->link;
    parcel->proxy = NULL;
    proxy->deliveries--;
    proxy->bytes -= parcel->bytes;
    sl_delivery_finish(parcel->delivery, result);
    tell_when_empty(proxy);
}

static void come_home(struct sl_mail *mail)
{
    struct parcel *parcel = (struct parcel *)mail;
    if (parcel->proxy != NULL)
        settle(parcel, parcel->result);
    sl_hub_unref(parcel->hub);
    sl_free(parcel);
}

/* ---- on worker 0 ---- */

static void send_home(void *arg, const struct sl_result *result)
{
    struct parcel *parcel = arg;
    parcel->result = *result;
    if (result->message != NULL) {
        (void)snprintf(parcel->message, sizeof parcel->message, "%s", result->message);
        parcel->result.message = parcel->message;
    }
    parcel->mail.deliver = come_home;
    sl_worker_post(parcel->home, &parcel->mail);
}

static void refuse(struct parcel *parcel, enum sl_outcome outcome, const char *message)
{
    struct sl_result result = sl_result_of(outcome, message);
    send_home(parcel, &result);
}

static void arrive(struct sl_mail *mail)
{
    struct parcel *parcel = (struct parcel *)mail;
    struct sl_graph *graph = parcel->hub->graph;
    const struct sl_batch_policy *policy = parcel->policy;
    struct sl_batch *batch = parcel->batch;
    struct sl_context *context = parcel->context;

    parcel->batch = NULL;
    parcel->context = NULL;
    if (graph == NULL) {
        sl_batch_unref(batch);
        sl_context_unref(context);
        refuse(parcel, SL_RESULT_SHUTDOWN, "the exporter has stopped");
        return;
    }
    struct sl_component *exporter = graph->exporters[parcel->exporter];
    struct sl_delivery *delivery = sl_delivery_new(batch, context, send_home, parcel);
    if (delivery == NULL) {
        refuse(parcel, SL_RESULT_RETRY, "out of memory");
        return;
    }
    delivery->policy = policy;
    sl_component_consume(exporter, delivery);
}

/* ---- the proxy ---- */

static bool reserve(struct sl_component *self, size_t items, size_t bytes,
                    struct sl_result *ret_refusal)
{
    struct proxy *proxy = (struct proxy *)self;
    (void)items;
    if (proxy->stopped) {
        *ret_refusal = sl_result_of(SL_RESULT_SHUTDOWN, "the exporter is stopping");
        return false;
    }
    /* One that is larger than the bound alone still passes alone. */
    if (proxy->deliveries >= DELIVERIES_MAX ||
        (proxy->bytes > 0 && (bytes > BYTES_MAX || proxy->bytes > BYTES_MAX - bytes))) {
        *ret_refusal = sl_result_of(SL_RESULT_RETRY, "too much is on its way to the exporter");
        return false;
    }
    proxy->bytes += bytes;
    return true;
}

static void release(struct sl_component *self, size_t items, size_t bytes)
{
    struct proxy *proxy = (struct proxy *)self;
    (void)items;
    assert(proxy->bytes >= bytes);
    proxy->bytes -= bytes;
    tell_when_empty(proxy);
}

/* The batch for the other loop: the delivery's own when nobody else holds it. */
static struct sl_batch *detach(struct sl_delivery *delivery)
{
    struct sl_batch *batch = delivery->batch;
    if (batch->references > 1)
        return sl_batch_clone(batch);
    delivery->batch = NULL;
    return batch;
}

static void consume(struct sl_component *self, struct sl_delivery *delivery)
{
    struct proxy *proxy = (struct proxy *)self;
    struct sl_claim claim = {0};
    struct sl_result refusal;
    if (!sl_delivery_use_claim(delivery, self, &claim)) {
        claim.items = delivery->batch->items;
        claim.bytes = sl_batch_encoded_size(delivery->batch);
        if (!reserve(self, claim.items, claim.bytes, &refusal)) {
            sl_delivery_finish(delivery, refusal);
            return;
        }
    }
    struct parcel *parcel = sl_calloc(1, sizeof *parcel);
    struct sl_batch *batch = parcel != NULL ? detach(delivery) : NULL;
    if (batch == NULL) {
        sl_free(parcel);
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        release(self, claim.items, claim.bytes);
        return;
    }
    *parcel = (struct parcel){.mail = {.deliver = arrive},
                              .home = self->worker,
                              .proxy = proxy,
                              .next = proxy->out,
                              .link = &proxy->out,
                              .hub = sl_hub_ref(proxy->hub),
                              .exporter = proxy->exporter,
                              .delivery = delivery,
                              .batch = batch,
                              .context = sl_context_ref(delivery->context),
                              .policy = delivery->policy,
                              .bytes = claim.bytes};
    if (proxy->out != NULL)
        proxy->out->link = &parcel->next;
    proxy->out = parcel;
    proxy->deliveries++;
    sl_worker_post(proxy->hub->worker, &parcel->mail);
}

static void drain(struct sl_component *self, uint64_t deadline_ms)
{
    struct proxy *proxy = (struct proxy *)self;
    (void)deadline_ms; /* the graph does not wait longer */
    proxy->draining = true;
    tell_when_empty(proxy);
}

/* What is still on its way may be sent all the same; nobody here waits for it. */
static void stop(struct sl_component *self)
{
    struct proxy *proxy = (struct proxy *)self;
    proxy->stopped = true;
    while (proxy->out != NULL)
        settle(proxy->out, sl_result_of(SL_RESULT_SHUTDOWN, "the exporter is stopping"));
    sl_component_stopped(self);
}

static void destroy(struct sl_component *self)
{
    sl_hub_unref(((struct proxy *)self)->hub);
}

void sl_handover_init(struct sl_component *component, struct sl_hub *hub, unsigned exporter)
{
    struct proxy *proxy = (struct proxy *)component;
    proxy->hub = sl_hub_ref(hub);
    proxy->exporter = exporter;
}

const struct sl_component_type sl_handover_type = {
    .name = "handover",
    .doc = "Stands for an exporter on worker 0.",
    .kind = SL_EXPORTER,
    .placement = SL_EVERY_WORKER,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct proxy),
    .consume = consume,
    .reserve = reserve,
    .release = release,
    .drain = drain,
    .stop = stop,
    .destroy = destroy,
};
