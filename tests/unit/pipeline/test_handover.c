/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over with real threads: every delivery of three workers comes home from
 * the one exporter on worker 0, once, on its own thread. */
#include "core/alloc.h"
#include "fake.h"
#include "pipeline/graph_internal.h"
#include "tests/check.h"

enum { WORKERS = 3, DELIVERIES = 2000, ITEMS = 3 };

struct world;

struct seat {
    struct sl_mail mail; /* first */
    struct world *world;
    struct sl_worker *worker;
    struct sl_graph *graph;
    unsigned sent, finished, refused; /* of deliveries */
    uv_thread_t thread;
    bool wrong_thread, stopped;
};

struct world {
    struct sl_process process;
    struct sl_worker workers[WORKERS];
    struct sl_graph *graphs[WORKERS];
    struct seat seats[WORKERS];
    atomic_uint done;
};

static void stopped(void *arg)
{
    struct seat *seat = arg;
    seat->stopped = true;
    if (atomic_fetch_add(&seat->world->done, 1) + 1 == 2 * WORKERS)
        for (unsigned i = 0; i < WORKERS; i++)
            sl_worker_stop(&seat->world->workers[i]);
}

static void stop(struct sl_mail *mail)
{
    struct seat *seat = (struct seat *)mail;
    sl_graph_stop(seat->graph, stopped, seat);
}

static void finished(void *arg, const struct sl_result *result)
{
    struct seat *seat = arg;
    uv_thread_t self = uv_thread_self();
    seat->wrong_thread = seat->wrong_thread || !uv_thread_equal(&self, &seat->thread);
    seat->refused += result->outcome != SL_RESULT_OK;
    if (++seat->finished < DELIVERIES)
        return;
    /* The last to have all of its own tells everybody to stop. */
    if (atomic_fetch_add(&seat->world->done, 1) + 1 == WORKERS)
        for (unsigned i = 0; i < WORKERS; i++) {
            seat->world->seats[i].mail.deliver = stop;
            sl_worker_post(&seat->world->workers[i], &seat->world->seats[i].mail);
        }
}

static void emit_one(struct seat *seat)
{
    struct sl_component *src = sl_graph_find(seat->graph, SL_RECEIVER, "src");
    struct sl_batch *batch = sl_batch_new(SL_TRACES);
    assert_non_null(batch);
    batch->items = ITEMS;
    seat->sent++;
    sl_emit(src, sl_delivery_new(batch, NULL, finished, seat));
}

/* Few at a time, so that the bound of the hand-over is not met. The mail is posted
 * before the last delivery, whose end may post it again. */
static void send_some(struct sl_mail *mail)
{
    struct seat *seat = (struct seat *)mail;
    seat->thread = uv_thread_self();
    for (unsigned i = 0; i < 100 && seat->sent - seat->finished < 500; i++) {
        if (seat->sent + 1 == DELIVERIES) {
            emit_one(seat);
            return;
        }
        emit_one(seat);
    }
    sl_worker_post(seat->worker, mail);
}

static void world_init(struct world *world, const struct sl_plan *plan)
{
    struct sl_error error = {0};
    sl_budget_init(&world->process.budget, 0);
    world->process.meters = sl_meters_new();
    world->process.workers = world->workers;
    world->process.worker_count = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK_INT(sl_worker_init(&world->workers[i], i, WORKERS, &world->process.budget, &error),
                  SL_OK);
    for (unsigned i = 0; i < WORKERS; i++) {
        world->graphs[i] =
            sl_graph_new(plan, &world->process, &world->workers[i], world->graphs, &error);
        CHECK(world->graphs[i] != NULL);
        CHECK_INT(sl_graph_start(world->graphs[i], &error), SL_OK);
        world->seats[i] = (struct seat){.mail = {.deliver = send_some},
                                        .world = world,
                                        .worker = &world->workers[i],
                                        .graph = world->graphs[i]};
        sl_worker_post(&world->workers[i], &world->seats[i].mail);
    }
}

static void test_every_delivery_comes_home_to_its_thread(void **state)
{
    (void)state;
    struct sl_arena arena = {0};
    struct sl_diag diag;
    struct world world = {0};
    struct sl_error error = {0};
    sl_diag_init(&diag);
    fake_is_quiet = true;
    struct sl_plan *plan =
        fake_plan("receivers: {src: }\nexporters: {prompt: }\n"
                  "service: {pipelines: {traces: {receivers: [src], exporters: [prompt]}}}\n",
                  &arena, &diag);
    CHECK(plan != NULL);
    world_init(&world, plan);
    struct fake_component *prompt =
        (struct fake_component *)sl_graph_find(world.graphs[0], SL_EXPORTER, "prompt");
    for (unsigned i = 1; i < WORKERS; i++)
        CHECK_INT(sl_worker_start_thread(&world.workers[i], &error), SL_OK);
    sl_worker_run(&world.workers[0]);
    for (unsigned i = 1; i < WORKERS; i++)
        sl_worker_join(&world.workers[i]);

    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK_INT(world.seats[i].finished, DELIVERIES);
        CHECK_INT(world.seats[i].refused, 0);
        CHECK(!world.seats[i].wrong_thread);
        CHECK(world.seats[i].stopped);
    }
    CHECK_INT(prompt->consumed, WORKERS * DELIVERIES);
    CHECK_INT(prompt->items, WORKERS * DELIVERIES * ITEMS);
    for (unsigned i = 0; i < WORKERS; i++)
        sl_graph_free(world.graphs[i]);
    for (unsigned i = 0; i < WORKERS; i++)
        sl_worker_done(&world.workers[i]);
    sl_meters_free(world.process.meters);
    sl_plan_free(plan);
    sl_diag_done(&diag);
    sl_arena_done(&arena);
}

/* What merges deliveries joins their claims: two were set aside, one comes back. */
static void test_joined_claims_leave_nothing_behind(void **state)
{
    (void)state;
    struct sl_worker worker;
    struct sl_graph graph = {.worker = &worker};
    struct sl_result refusal;
    CHECK_INT(sl_worker_init_manual(&worker, NULL), SL_OK);
    struct sl_hub *hub = sl_hub_new(&graph);
    struct sl_component *proxy = sl_calloc(1, sl_handover_type.size);
    CHECK(hub != NULL && proxy != NULL);
    proxy->type = &sl_handover_type;
    proxy->worker = &worker;
    sl_handover_init(proxy, hub, 0);
    for (unsigned i = 0; i < 2000; i++) {
        CHECK(sl_handover_type.reserve(proxy, 3, 100, &refusal));
        CHECK(sl_handover_type.reserve(proxy, 2, 50, &refusal));
        sl_handover_type.release(proxy, 5, 150);
    }
    CHECK(sl_handover_type.reserve(proxy, 3, (size_t)100 << 20, &refusal)); /* alone it may */
    CHECK(!sl_handover_type.reserve(proxy, 1, 1, &refusal));
    sl_handover_type.drain(proxy, 0);
    CHECK((proxy->state & SL_DRAINED) == 0);
    sl_handover_type.release(proxy, 3, (size_t)100 << 20);
    CHECK((proxy->state & SL_DRAINED) != 0);
    sl_handover_type.destroy(proxy);
    sl_free(proxy);
    sl_hub_unref(hub);
    sl_worker_done(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_delivery_comes_home_to_its_thread),
        cmocka_unit_test(test_joined_claims_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
