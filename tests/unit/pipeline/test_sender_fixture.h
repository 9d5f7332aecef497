/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_SENDER_FIXTURE_H
#define SL_TESTS_SENDER_FIXTURE_H

#include <stdlib.h>

#include "core/alloc.h"
#include "core/log.h"
#include "pipeline/meter.h"
#include "pipeline/sender.h"
#include "tests/check.h"

/*
 * A sender on a manual worker before a fake exporter, which keeps every attempt
 * until the test answers it. Every span has a number of its own as its name.
 */
enum { FLYING_MAX = 64, ITEMS_MAX = 200000, PER_REQUEST_MAX = 8 };

struct fixture {
    struct sl_component exporter; /* first: the exporter is the fixture */
    struct sl_component_type type;
    struct sl_worker worker;
    struct sl_meters *meters;
    struct sl_queue_config queue;
    struct sl_retry_config retry;
    struct sl_sender *sender;
    struct sl_attempt *flying[FLYING_MAX];
    size_t flying_count;
    int at_once; /* an outcome that send() answers with before it returns; -1: none */
    size_t largest_bytes, largest_items;
    uint64_t attempts;
    bool stopped;
    uint32_t next_item;
    uint8_t delivered[ITEMS_MAX];
    uint64_t finished_items[9], finished_count;
};

/* ---- items ---- */

static inline struct sl_buf *make_body(uint32_t first, unsigned count, char resource)
{
    uint8_t body[160];
    size_t at = 0;
    CHECK(count <= PER_REQUEST_MAX);
    const uint8_t head[] = {0x0a, (uint8_t)(12 + 12 * count + 2),
                            0x0a, 10,
                            0x0a, 8,
                            0x0a, 1,
                            'r',  0x12,
                            3,    0x0a,
                            1,    (uint8_t)resource,
                            0x12, (uint8_t)(12 * count)};
    memcpy(body, head, sizeof head);
    at = sizeof head;
    for (unsigned i = 0; i < count; i++) {
        char name[9];
        (void)snprintf(name, sizeof name, "%08x", first + i);
        const uint8_t span[] = {0x12, 10, 0x2a, 8};
        memcpy(body + at, span, sizeof span);
        memcpy(body + at + sizeof span, name, 8);
        at += 12;
    }
    struct sl_buf *buf = sl_buf_new(NULL, sizeof body);
    CHECK(buf != NULL);
    CHECK_INT(sl_buf_append(buf, body, at, 0), SL_OK);
    return buf;
}

static inline struct sl_batch *make_batch(struct fixture *f, unsigned count, char resource)
{
    struct sl_batch *batch = NULL;
    struct sl_error error;
    struct sl_buf *body = make_body(f->next_item, count, resource);
    if (sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error) != SL_OK)
        fail_msg("%s", error.text);
    sl_buf_unref(body);
    CHECK_INT(batch->items, count);
    f->next_item += count;
    CHECK(f->next_item < ITEMS_MAX);
    return batch;
}

static inline void each_item(struct fixture *f, const struct sl_batch *batch,
                             void (*visit)(struct fixture *f, uint32_t item))
{
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++) {
            char name[9] = {0};
            memcpy(name, batch->groups[g].records[r].part.wire.data + 2, 8);
            visit(f, (uint32_t)strtoul(name, NULL, 16));
        }
}

static inline void mark_delivered(struct fixture *f, uint32_t item)
{
    CHECK(item < ITEMS_MAX);
    f->delivered[item]++;
}

static inline bool holds_item(const struct sl_attempt *attempt, uint32_t item)
{
    char text[9];
    (void)snprintf(text, sizeof text, "%08x", item);
    for (uint32_t g = 0; g < attempt->batch->group_count; g++)
        for (uint32_t r = 0; r < attempt->batch->groups[g].count; r++)
            if (memcmp(attempt->batch->groups[g].records[r].part.wire.data + 2, text, 8) == 0)
                return true;
    return false;
}

/* ---- deliveries ---- */

struct expected {
    struct fixture *f;
    size_t items;
};

static inline void delivery_finished(void *arg, const struct sl_result *result)
{
    struct expected *expected = arg;
    expected->f->finished_items[result->outcome] += expected->items;
    expected->f->finished_count++;
    free(expected);
}

static inline struct sl_delivery *make_delivery(struct fixture *f, unsigned count, char resource)
{
    struct expected *expected = malloc(sizeof *expected);
    CHECK(expected != NULL);
    *expected = (struct expected){f, count};
    struct sl_delivery *delivery =
        sl_delivery_new(make_batch(f, count, resource), NULL, delivery_finished, expected);
    CHECK(delivery != NULL);
    return delivery;
}

static inline void consume(struct fixture *f, unsigned count, const struct sl_batch_policy *policy)
{
    struct sl_delivery *delivery = make_delivery(f, count, 'a');
    delivery->policy = policy;
    sl_sender_consume(f->sender, delivery);
}

/* ---- the fake exporter ---- */

static inline void answer_result(struct fixture *f, size_t which, struct sl_result result)
{
    CHECK(which < f->flying_count);
    struct sl_attempt *attempt = f->flying[which];
    memmove(&f->flying[which], &f->flying[which + 1],
            (f->flying_count - which - 1) * sizeof f->flying[0]);
    f->flying_count--;
    if (result.outcome == SL_RESULT_OK || result.outcome == SL_RESULT_PARTIAL)
        each_item(f, attempt->batch, mark_delivered);
    sl_attempt_done(attempt, &result);
}

static inline void answer(struct fixture *f, size_t which, enum sl_outcome outcome)
{
    answer_result(f, which, sl_result_of(outcome, "scripted"));
}

static inline void fake_send(struct sl_component *exporter, struct sl_attempt *attempt)
{
    struct fixture *f = (struct fixture *)exporter;
    CHECK(f->flying_count < FLYING_MAX);
    f->attempts++;
    size_t bytes = sl_batch_encoded_size(attempt->batch);
    f->largest_bytes = bytes > f->largest_bytes ? bytes : f->largest_bytes;
    f->largest_items =
        attempt->batch->items > f->largest_items ? attempt->batch->items : f->largest_items;
    f->flying[f->flying_count++] = attempt;
    if (f->at_once >= 0)
        answer(f, f->flying_count - 1, (enum sl_outcome)f->at_once);
}

static inline void fake_cancel(struct sl_component *exporter, struct sl_attempt *attempt)
{
    struct fixture *f = (struct fixture *)exporter;
    size_t which = 0;
    while (f->flying[which] != attempt)
        CHECK(++which < f->flying_count);
    answer(f, which, SL_RESULT_SHUTDOWN);
}

static inline bool fake_reserve(struct sl_component *exporter, size_t items, size_t bytes,
                                struct sl_result *ret_refusal)
{
    return sl_sender_reserve(((struct fixture *)exporter)->sender, items, bytes, ret_refusal);
}

static inline void fake_release(struct sl_component *exporter, size_t items, size_t bytes)
{
    sl_sender_release(((struct fixture *)exporter)->sender, items, bytes);
}

static inline void fake_consume(struct sl_component *exporter, struct sl_delivery *delivery)
{
    sl_sender_consume(((struct fixture *)exporter)->sender, delivery);
}

static const struct sl_sender_ops fake_ops = {.send = fake_send, .cancel = fake_cancel};

/* ---- set up, tear down ---- */

/* The documented defaults; a test changes them before open_sender(). */
static inline struct fixture *fixture_new(void)
{
    struct sl_log_config quiet = {.level = SL_LOG_NONE, .fd = 2};
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    sl_log_configure(&quiet);
    CHECK_INT(sl_worker_init_manual(&f->worker, NULL), SL_OK);
    f->meters = sl_meters_new();
    CHECK(f->meters != NULL);
    f->type = (struct sl_component_type){.name = "fake",
                                         .kind = SL_EXPORTER,
                                         .consume = fake_consume,
                                         .reserve = fake_reserve,
                                         .release = fake_release};
    f->exporter = (struct sl_component){.type = &f->type,
                                        .id = "fake",
                                        .worker = &f->worker,
                                        .meter = sl_meter_new(f->meters, "exporter", "fake")};
    /* Its counter is there before memory runs out. */
    sl_meter_dropped(f->exporter.meter, SL_TRACES, "partial_success", 0);
    f->at_once = -1;
    f->queue = (struct sl_queue_config){
        .enabled = true, .num_consumers = 10, .queue_size = 1000, .max_bytes = 64 << 20};
    f->retry = (struct sl_retry_config){.enabled = true,
                                        .initial_interval_ms = 5000,
                                        .max_interval_ms = 30000,
                                        .max_elapsed_ms = 300000,
                                        .randomization_factor = 0,
                                        .multiplier = 1.5};
    return f;
}

static inline void open_sender(struct fixture *f)
{
    f->sender = sl_sender_new(&f->exporter, &f->queue, &f->retry, &fake_ops);
    CHECK(f->sender != NULL);
}

static inline void fake_stopped(struct sl_component *exporter)
{
    ((struct fixture *)exporter)->stopped = true;
}

static inline bool drained(const struct fixture *f)
{
    return (f->exporter.state & SL_DRAINED) != 0;
}

static inline uint64_t counted(const struct fixture *f, enum sl_event event)
{
    return sl_meters_total(f->meters, "exporter", event);
}

static inline uint64_t dropped(const struct fixture *f, const char *reason)
{
    return sl_meters_dropped(f->meters, reason);
}

static inline int64_t gauge(const struct fixture *f, const char *name)
{
    return (int64_t)sl_counter_read(sl_meter_gauge(f->exporter.meter, name));
}

/* Stops, checks that every item taken in was sent once or counted, frees. */
static inline void fixture_end(struct fixture *f)
{
    uint64_t twice = 0, once = 0, finished = 0;
    sl_sender_stop(f->sender, fake_stopped);
    CHECK(f->stopped);
    CHECK_INT(f->flying_count, 0);
    CHECK_INT(gauge(f, "otelcol_exporter_queue_size"), 0);
    for (uint32_t i = 0; i < f->next_item; i++) {
        twice += f->delivered[i] > 1;
        once += f->delivered[i] == 1;
    }
    for (int i = 0; i < 9; i++)
        finished += f->finished_items[i];
    CHECK_INT(twice, 0);
    CHECK_INT(finished, f->next_item);
    /* What was answered with OK or PARTIAL was accepted. */
    uint64_t accepted = f->finished_items[SL_RESULT_OK] + f->finished_items[SL_RESULT_PARTIAL];
    uint64_t partial = dropped(f, "partial_success");
    if (f->queue.enabled && !f->queue.wait_for_result) {
        CHECK_INT(counted(f, SL_EV_SENT) + partial, once);
        CHECK_INT(counted(f, SL_EV_SENT) + dropped(f, NULL), accepted);
    } else {
        CHECK_INT(dropped(f, NULL), 0);
    }
    sl_sender_free(f->sender);
    sl_meters_free(f->meters);
    sl_worker_done(&f->worker);
    free(f);
}

#endif
