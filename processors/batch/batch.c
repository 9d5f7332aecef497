/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: joins small batches into larger ones.
 *
 * Standing last before exporters with queues it only leaves its policy on each
 * delivery: the exporters' senders merge behind their queues, and no client
 * waits. Anywhere else it holds deliveries until their group was accepted, so
 * an acknowledgement never runs ahead of the data.
 */
#include "core/alloc.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "processors/batch/group.h"

static const struct sl_field metadata_key = {.name = "key", .type = SL_T_TEXT};

static const struct sl_field batch_fields[] = {
    SL_FIELD(DURATION, batch_config, timeout, .preset = "200ms", .max = 3600000,
             .doc = "Longest time an item waits before its group is sent; 0 sends at once."),
    SL_FIELD(INT, batch_config, send_batch_size, .preset = "8192", .max = 10000000,
             .doc = "A group is sent once it holds this many spans, data points or log records."),
    SL_FIELD(INT, batch_config, send_batch_max_size, .preset = "0", .max = 10000000,
             .doc =
                 "A larger group is split into batches of at most this many items; 0: no limit."),
    SL_FIELD(SIZE, batch_config, send_batch_max_bytes, .preset = "0", .max = 1 << 30,
             .doc = "The same in encoded bytes, such as 4MiB; 0: no limit."),
    SL_FIELD(LIST, batch_config, metadata_keys, .element = &metadata_key,
             .element_size = sizeof(const char *), .max = 32,
             .doc = "Request metadata that keeps batches apart: one group per distinct values."),
    SL_FIELD(INT, batch_config, metadata_cardinality_limit, .preset = "1000", .min = 1,
             .max = 100000, .share = SL_PER_WORKER,
             .doc = "Most groups held at a time; data of one more is refused."),
    SL_END,
};

struct batch {
    struct sl_component base;
    struct sl_batch_policy policy;
    struct groups groups;
};

static void batch_check(const void *config, const struct sl_node *node, const char *path,
                        struct sl_diag *diag)
{
    const struct batch_config *c = config;
    if (c->send_batch_max_size != 0 && c->send_batch_max_size < c->send_batch_size)
        sl_diag_add(diag, SL_DIAG_ERROR, node != NULL ? node->place : (struct sl_place){0}, path,
                    "send_batch_max_size (%lld) must not be below send_batch_size (%lld)",
                    (long long)c->send_batch_max_size, (long long)c->send_batch_size);
}

static int batch_create(struct sl_component *self, struct sl_error *reterr)
{
    (void)reterr;
    struct batch *batch = (struct batch *)self;
    const struct batch_config *c = self->config;
    batch->policy = (struct sl_batch_policy){.timeout_ms = c->timeout,
                                             .min_items = c->send_batch_size,
                                             .max_items = c->send_batch_max_size,
                                             .max_bytes = c->send_batch_max_bytes};
    groups_init(&batch->groups, self);
    return SL_OK;
}

/* Hash of the request metadata that metadata_keys names, mixed into the key the
 * context has already. */
static uint64_t merge_key(const struct batch_config *config, const struct sl_context *context)
{
    uint64_t key = context != NULL ? context->merge_key : 0;
    const char *const *names = config->metadata_keys.items;
    for (size_t i = 0; context != NULL && i < config->metadata_keys.count; i++)
        for (size_t j = 0; j < context->metadata_count; j++)
            if (sl_bytes_equal_nocase(context->metadata[j].name, sl_text(names[i])))
                key = sl_hash_seeded(context->metadata[j].value, key * 31 + i + 1);
    return key;
}

/* Marks the delivery's context with the key, for the senders. */
static int set_key(struct sl_delivery *delivery, uint64_t key)
{
    if (delivery->context == NULL || delivery->context->merge_key == key)
        return SL_OK;
    struct sl_context *copy = sl_context_new(delivery->context);
    if (copy == NULL)
        return SL_ENOMEM;
    copy->merge_key = key;
    sl_context_unref(delivery->context);
    delivery->context = copy;
    return SL_OK;
}

static void batch_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    struct batch *batch = (struct batch *)self;
    uint64_t key = merge_key(self->config, delivery->context);
    if (set_key(delivery, key) != SL_OK) {
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        return;
    }
    if (self->last_in_pipeline && self->queues_follow) {
        delivery->policy = &batch->policy;
        sl_emit(self, delivery);
        return;
    }
    groups_add(&batch->groups, delivery, key);
}

static void batch_drain(struct sl_component *self, uint64_t deadline_ms)
{
    (void)deadline_ms;
    groups_flush_all(&((struct batch *)self)->groups, true);
}

static void batch_stop(struct sl_component *self)
{
    groups_abandon(&((struct batch *)self)->groups);
    sl_component_stopped(self);
}

static void batch_destroy(struct sl_component *self)
{
    groups_done(&((struct batch *)self)->groups);
}

const struct sl_component_type batch_processor = {
    .name = "batch",
    .doc = "Joins small batches into larger ones, by count, bytes and time.",
    .kind = SL_PROCESSOR,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .mutates = true,
    .size = sizeof(struct batch),
    .config_size = sizeof(struct batch_config),
    .fields = batch_fields,
    .check = batch_check,
    .create = batch_create,
    .consume = batch_consume,
    .drain = batch_drain,
    .stop = batch_stop,
    .destroy = batch_destroy,
};
