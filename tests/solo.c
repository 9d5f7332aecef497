/* SPDX-License-Identifier: Apache-2.0 */
/* One component alone: see solo.h. */
#include "tests/solo.h"

#include "core/alloc.h"
#include "otlp/transcode.h"

enum { TURNS = 1000, ALLOCATIONS_MAX = 5000 };

static void catch_delivery(struct sl_component *self, struct sl_delivery *delivery)
{
    struct solo *solo = (struct solo *)((char *)self - offsetof(struct solo, catcher));
    delivery->next = NULL;
    *solo->caught_end = delivery;
    solo->caught_end = &delivery->next;
    solo->caught_count++;
}

static const struct sl_component_type catcher_type = {
    .name = "catcher", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .consume = catch_delivery};

int solo_make(struct solo *solo, const struct sl_component_type *type, const char *yaml)
{
    memset(solo, 0, sizeof *solo);
    solo->caught_end = &solo->caught;
    sl_diag_init(&solo->diag);
    sl_budget_init(&solo->process.budget, 0);
    CHECK_INT(sl_worker_init_manual(&solo->worker, &solo->process.budget), SL_OK);
    solo->process.workers = &solo->worker;
    solo->process.worker_count = 1;
    solo->process.meters = sl_meters_new();
    CHECK(solo->process.meters != NULL);

    struct sl_source source = {.name = "t.yaml", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    struct sl_node *node = sl_config_read(&input, &solo->arena, &solo->diag);
    void *config = sl_arena_calloc(&solo->arena, 1, type->config_size + 1);
    int rc = type->fields == NULL ? SL_OK
                                  : sl_schema_read(type->fields, node, type->name, config,
                                                   &solo->arena, &solo->diag);
    if (rc == SL_OK && type->check != NULL)
        type->check(config, node, type->name, &solo->diag);
    if (rc != SL_OK || solo->diag.errors > 0)
        return SL_EINVALID;

    solo->catcher = (struct sl_component){.type = &catcher_type, .id = "catcher"};
    solo->target.component = &solo->catcher;
    solo->self = sl_calloc(1, type->size);
    CHECK(solo->self != NULL);
    *solo->self = (struct sl_component){
        .type = type,
        .id = type->name,
        .config = config,
        .worker = &solo->worker,
        .process = &solo->process,
        .signals = type->signals,
        .meter = sl_meter_new(solo->process.meters, sl_kind_name(type->kind), type->name)};
    for (unsigned i = 0; type->kind != SL_EXPORTER && i < 3; i++)
        solo->self->outputs[i] = (struct sl_output){&solo->target, 1};
    return type->create != NULL ? type->create(solo->self, &solo->error) : SL_OK;
}

int solo_start(struct solo *solo)
{
    const struct sl_component_type *type = solo->self->type;
    int rc = type->start != NULL ? type->start(solo->self, &solo->error) : SL_OK;
    if (rc == SL_OK)
        solo->self->state |= SL_STARTED;
    return rc;
}

void solo_init(struct solo *solo, const struct sl_component_type *type, const char *yaml)
{
    int rc = solo_make(solo, type, yaml);
    if (rc != SL_OK) {
        sl_diag_print(&solo->diag, stderr);
        fail_msg("%s: not made: %s", type->name, solo->error.text);
    }
    if (solo_start(solo) != SL_OK)
        fail_msg("%s: not started: %s", type->name, solo->error.text);
}

static void stop(struct solo *solo)
{
    const struct sl_component_type *type = solo->self->type;
    if ((solo->self->state & SL_STARTED) != 0 && type->stop != NULL) {
        type->stop(solo->self);
        for (int i = 0; i < TURNS && (solo->self->state & SL_STOPPED) == 0; i++) {
            if (uv_loop_alive(&solo->worker.loop)) /* work on other threads takes its time */
                (void)uv_run(&solo->worker.loop, UV_RUN_ONCE);
            sl_worker_advance(&solo->worker, 1);
        }
        CHECK((solo->self->state & SL_STOPPED) != 0);
    }
    while (solo->caught != NULL)
        solo_finish(solo, sl_result_of(SL_RESULT_SHUTDOWN, "the test ends"), NULL);
    if (type->destroy != NULL)
        type->destroy(solo->self);
    sl_free(solo->self);
}

void solo_done(struct solo *solo)
{
    if (solo->self != NULL)
        stop(solo);
    sl_worker_advance(&solo->worker, 10000); /* a timer left behind would run now */
    sl_worker_done(&solo->worker);
    sl_meters_free(solo->process.meters);
    sl_diag_done(&solo->diag);
    sl_arena_done(&solo->arena);
}

struct sl_batch *solo_batch(enum sl_signal signal, const char *json)
{
    struct sl_out wire = {0};
    struct sl_error error = {0};
    struct sl_batch *batch = NULL;
    if (sl_json_to_wire(sl_signal_messages(signal)->request, sl_text(json), &wire, &error) != SL_OK)
        fail_msg("%s in %s", error.text, json);
    struct sl_buf *body = sl_buf_new(NULL, wire.size + 1);
    CHECK(body != NULL);
    CHECK_INT(sl_buf_append(body, wire.data, wire.size, 0), SL_OK);
    if (sl_batch_read(signal, body, NULL, &batch, NULL, &error) != SL_OK)
        fail_msg("%s in %s", error.text, json);
    sl_buf_unref(body);
    sl_out_done(&wire);
    return batch;
}

static void finished(void *arg, const struct sl_result *result)
{
    struct answer *answer = arg;
    answer->count++;
    answer->result = *result;
    (void)snprintf(answer->message, sizeof answer->message, "%s",
                   result->message != NULL ? result->message : "");
    answer->result.message = answer->message;
}

void solo_send(struct solo *solo, struct sl_batch *batch, struct sl_context *context,
               struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    struct sl_delivery *delivery = sl_delivery_new(batch, context, finished, answer);
    if (delivery != NULL)
        sl_component_consume(solo->self, delivery);
}

void solo_finish(struct solo *solo, struct sl_result result, struct sl_out *ret_json)
{
    struct sl_delivery *delivery = solo->caught;
    CHECK(delivery != NULL);
    solo->caught = delivery->next;
    if (solo->caught == NULL)
        solo->caught_end = &solo->caught;
    delivery->next = NULL;
    if (ret_json != NULL) {
        sl_out_clear(ret_json);
        CHECK_INT(sl_batch_to_json(delivery->batch, ret_json), SL_OK);
    }
    sl_delivery_finish(delivery, result);
}

uint64_t solo_total(struct solo *solo, enum sl_event event)
{
    return sl_meters_total(solo->process.meters, sl_kind_name(solo->self->type->kind), event);
}

void solo_sweep(void (*make)(void *arg), void *arg)
{
    for (long n = 0; n < ALLOCATIONS_MAX; n++) {
        (void)sl_alloc_fail_after(n);
        make(arg);
        if (sl_alloc_fail_after(-1) <= n)
            return;
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}
