/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of fake components on manual workers: order of life, wiring, fan-out,
 * hand-over to worker 0, failures. */
#include "core/alloc.h"
#include "fake.h"
#include "tests/check.h"

enum { WORKERS_MAX = 3 };

struct world {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_plan *plan;
    struct sl_process process;
    struct sl_worker workers[WORKERS_MAX];
    struct sl_graph *graphs[WORKERS_MAX];
    unsigned count;
    unsigned drained, stopped;
};

struct heard {
    unsigned times;
    struct sl_result result;
};

static void on_finished(void *arg, const struct sl_result *result)
{
    struct heard *heard = arg;
    heard->times++;
    heard->result = *result;
    heard->result.message = NULL;
}

static void count_up(void *arg)
{
    ++*(unsigned *)arg;
}

static void world_init(struct world *world, const char *yaml, unsigned count)
{
    memset(world, 0, sizeof *world);
    fake_failure = NULL;
    fake_answers_late = false;
    (void)fake_journal();
    sl_diag_init(&world->diag);
    world->plan = fake_plan(yaml, &world->arena, &world->diag);
    if (world->plan == NULL)
        sl_diag_print(&world->diag, stderr);
    CHECK(world->plan != NULL);
    world->count = count;
    sl_budget_init(&world->process.budget, 0);
    world->process.meters = sl_meters_new();
    world->process.workers = world->workers;
    world->process.worker_count = count;
    for (unsigned i = 0; i < count; i++) {
        CHECK_INT(sl_worker_init_manual(&world->workers[i], &world->process.budget), 0);
        world->workers[i].index = i;
        world->workers[i].count = count;
    }
}

static void world_create(struct world *world)
{
    struct sl_error error = {0};
    for (unsigned i = 0; i < world->count; i++) {
        world->graphs[i] =
            sl_graph_new(world->plan, &world->process, &world->workers[i], world->graphs, &error);
        CHECK_TEXT(error.text, "");
        CHECK(world->graphs[i] != NULL);
    }
}

static void world_start(struct world *world)
{
    struct sl_error error = {0};
    world_create(world);
    for (unsigned i = 0; i < world->count; i++)
        CHECK_INT(sl_graph_start(world->graphs[i], &error), 0);
}

static void turn(struct world *world)
{
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < world->count; i++)
            sl_worker_advance(&world->workers[i], 0);
}

static void world_stop(struct world *world)
{
    for (unsigned i = world->count; i-- > 0;) {
        sl_graph_stop(world->graphs[i], count_up, &world->stopped);
        turn(world);
    }
    CHECK_INT(world->stopped, world->count);
}

static void world_done(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++)
        sl_graph_free(world->graphs[i]);
    for (unsigned i = 0; i < world->count; i++)
        sl_worker_done(&world->workers[i]);
    sl_meters_free(world->process.meters);
    sl_plan_free(world->plan);
    sl_diag_done(&world->diag);
    sl_arena_done(&world->arena);
}

static struct sl_batch *some_batch(enum sl_signal signal, size_t items)
{
    struct sl_batch *batch = sl_batch_new(signal);
    CHECK(batch != NULL);
    batch->items = items;
    return batch;
}

static void emit(struct world *world, unsigned worker, const char *receiver, enum sl_signal signal,
                 struct heard *heard)
{
    struct sl_component *self = sl_graph_find(world->graphs[worker], SL_RECEIVER, receiver);
    CHECK(self != NULL);
    sl_emit(self, sl_delivery_new(some_batch(signal, 5), NULL, on_finished, heard));
}

static struct fake_component *find(struct world *world, unsigned worker, enum sl_kind kind,
                                   const char *id)
{
    struct sl_component *self = sl_graph_find(world->graphs[worker], kind, id);
    CHECK(self != NULL);
    return (struct fake_component *)self;
}

static const char chain[] = "receivers: {src: , src/unused: }\n"
                            "processors: {step/1: , step/2: , late: , step/unused: }\n"
                            "exporters: {sink: , queue: , sink/unused: }\n"
                            "extensions: {store: , store/unused: }\n"
                            "service:\n"
                            "  extensions: [store]\n"
                            "  pipelines:\n"
                            "    traces: {receivers: [src], processors: [step/1, late, step/2], "
                            "exporters: [sink, queue]}\n"
                            "    logs: {receivers: [src], processors: [step/2], exporters: "
                            "[queue]}\n";

static void test_what_is_used_is_created_and_started_from_the_far_end(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    world_create(&world);
    CHECK_TEXT(fake_journal(), "create store, create sink, create queue, create step/2, "
                               "create late, create step/1, create step/2, create src");
    struct sl_error error = {0};
    CHECK_INT(sl_graph_start(world.graphs[0], &error), 0);
    CHECK_TEXT(fake_journal(), "start store, start sink, start queue, start step/2, start late, "
                               "start step/1, start step/2, start src");
    CHECK(sl_graph_find(world.graphs[0], SL_EXPORTER, "sink/unused") == NULL);
    CHECK(sl_graph_find(world.graphs[0], SL_EXTENSION, "store") != NULL);
    sl_graph_drain(world.graphs[0], sl_worker_now_ms(&world.workers[0]) + 1000, count_up,
                   &world.drained);
    CHECK_INT(world.drained, 1);
    CHECK_TEXT(fake_journal(), "drain src, drain step/2, drain step/1, drain late, drain step/2, "
                               "drain queue, drain sink, drain store");
    world_stop(&world);
    CHECK_TEXT(fake_journal(), "stop src, stop step/2, stop step/1, stop late, stop step/2, "
                               "stop queue, stop sink, stop store");
    world_done(&world);
    CHECK_TEXT(fake_journal(),
               "destroy src, destroy step/2, destroy step/1, destroy late, destroy step/2, "
               "destroy queue, destroy sink, destroy store");
}

static void test_outputs_lead_through_processors_to_the_exporters(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    world_start(&world);
    (void)fake_journal();
    struct heard heard = {0};
    emit(&world, 0, "src", SL_TRACES, &heard);
    CHECK_TEXT(fake_journal(), "consume step/1, consume late, consume step/2, reserve queue, "
                               "consume sink, consume queue");
    emit(&world, 0, "src", SL_LOGS, &heard);
    CHECK_TEXT(fake_journal(), "consume step/2, consume queue");
    emit(&world, 0, "src", SL_METRICS, &heard); /* no pipeline: done */
    CHECK_TEXT(fake_journal(), "");
    CHECK_INT(heard.times, 3);
    CHECK_INT(sl_meters_total(world.process.meters, "processor", SL_EV_INCOMING), 20);
    CHECK_INT(sl_meters_total(world.process.meters, "processor", SL_EV_OUTGOING), 20);
    world_stop(&world);
    world_done(&world);
}

static void test_components_know_their_signals_and_their_place(void **state)
{
    (void)state;
    static const char yaml[] =
        "receivers: {src: }\n"
        "processors: {step: , late: }\n"
        "exporters: {queue: , queue/off: {sending_queue: {enabled: false}}, queue/waits: "
        "{sending_queue: {wait_for_result: true}}, sink: }\n"
        "service:\n"
        "  pipelines:\n"
        "    traces: {receivers: [src], processors: [late, step], exporters: [queue]}\n"
        "    metrics: {receivers: [src], processors: [step], exporters: [queue, queue/off]}\n"
        "    logs/1: {receivers: [src], processors: [step], exporters: [queue/waits]}\n"
        "    logs/2: {receivers: [src], processors: [step], exporters: [queue, sink]}\n";
    struct world world;
    world_init(&world, yaml, 1);
    world_start(&world);
    const struct sl_component *src = sl_graph_find(world.graphs[0], SL_RECEIVER, "src");
    CHECK_INT(src->signals, SL_ALL_SIGNALS);
    CHECK_INT(src->outputs[0].count, 1);
    CHECK_INT(src->outputs[2].count, 2);
    CHECK_INT(sl_graph_find(world.graphs[0], SL_EXPORTER, "sink")->signals, SL_LOGS);
    CHECK_INT(sl_graph_find(world.graphs[0], SL_EXPORTER, "queue")->signals, SL_ALL_SIGNALS);

    const struct sl_component *late = src->outputs[0].targets[0].component;
    CHECK_TEXT(late->id, "late");
    CHECK(!late->last_in_pipeline && !late->queues_follow);
    CHECK_INT(late->signals, SL_TRACES);
    const struct sl_component *step = late->outputs[0].targets[0].component;
    CHECK(step->last_in_pipeline && step->queues_follow);
    static const unsigned logs = 2, metrics = 1;
    CHECK(!src->outputs[metrics].targets[0].component->queues_follow);
    CHECK(!src->outputs[logs].targets[0].component->queues_follow);
    CHECK(!src->outputs[logs].targets[1].component->queues_follow);
    CHECK(src->outputs[logs].targets[1].component->last_in_pipeline);
    CHECK_INT(src->outputs[logs].targets[1].queue_count, 1);
    CHECK_INT(src->outputs[metrics].targets[0].queue_count, 2);
    world_stop(&world);
    world_done(&world);
}

static void test_a_full_queue_in_one_pipeline_keeps_all_others_empty(void **state)
{
    (void)state;
    static const char yaml[] = "receivers: {src: }\n"
                               "processors: {step: }\n"
                               "exporters: {queue/a: , queue/b: , sink: }\n"
                               "service:\n"
                               "  pipelines:\n"
                               "    traces/1: {receivers: [src], exporters: [sink, queue/a]}\n"
                               "    traces/2: {receivers: [src], processors: [step], "
                               "exporters: [queue/b]}\n";
    struct world world;
    world_init(&world, yaml, 1);
    world_start(&world);
    struct heard heard = {0};
    find(&world, 0, SL_EXPORTER, "queue/b")->refuses = true;
    emit(&world, 0, "src", SL_TRACES, &heard);
    CHECK_INT(heard.times, 1);
    CHECK_INT(heard.result.outcome, SL_RESULT_RETRY);
    CHECK_INT(find(&world, 0, SL_EXPORTER, "sink")->consumed, 0);
    CHECK_INT(find(&world, 0, SL_EXPORTER, "queue/a")->consumed, 0);
    CHECK_INT(find(&world, 0, SL_EXPORTER, "queue/a")->released, 1);
    find(&world, 0, SL_EXPORTER, "queue/b")->refuses = false;
    emit(&world, 0, "src", SL_TRACES, &heard);
    CHECK_INT(heard.result.outcome, SL_RESULT_OK);
    CHECK_INT(find(&world, 0, SL_EXPORTER, "sink")->consumed, 1);
    CHECK_INT(find(&world, 0, SL_EXPORTER, "queue/b")->consumed, 1);
    world_stop(&world);
    world_done(&world);
}

static void test_drain_waits_for_who_is_late_but_not_for_ever(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct world world;
        world_init(&world, chain, 1);
        world_start(&world);
        (void)fake_journal();
        fake_answers_late = true;
        sl_graph_drain(world.graphs[0], sl_worker_now_ms(&world.workers[0]) + 1000, count_up,
                       &world.drained);
        CHECK_TEXT(fake_journal(), "drain src, drain step/2, drain step/1, drain late");
        sl_worker_advance(&world.workers[0], 700);
        CHECK_INT(world.drained, 0);
        struct sl_component *late = sl_graph_find(world.graphs[0], SL_PROCESSOR, "late");
        if (answers)
            sl_component_drained(late);
        else
            sl_worker_advance(&world.workers[0], 50); /* three quarters are over */
        CHECK_INT(world.drained, 1);
        CHECK_TEXT(fake_journal(), "drain step/2, drain queue, drain sink, drain store");
        sl_component_drained(late); /* too late, or again */
        CHECK_INT(world.drained, 1);
        world_stop(&world);
        world_done(&world);
    }
}

static void test_a_drain_without_time_still_asks_everybody(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    world_start(&world);
    (void)fake_journal();
    fake_answers_late = true;
    sl_graph_drain(world.graphs[0], 0, count_up, &world.drained);
    CHECK_INT(world.drained, 1);
    CHECK_TEXT(fake_journal(), "drain src, drain step/2, drain step/1, drain late, drain step/2, "
                               "drain queue, drain sink, drain store");
    world_stop(&world);
    world_done(&world);
}

static void test_stop_in_the_middle_of_a_drain_ends_it(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    world_start(&world);
    fake_answers_late = true;
    sl_graph_drain(world.graphs[0], sl_worker_now_ms(&world.workers[0]) + 1000, count_up,
                   &world.drained);
    world_stop(&world);
    sl_worker_advance(&world.workers[0], 2000);
    CHECK_INT(world.drained, 0);
    world_done(&world);
}

static void test_a_failed_create_is_undone_and_named(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    fake_failure = "create late";
    struct sl_error error = {0};
    CHECK(sl_graph_new(world.plan, &world.process, &world.workers[0], NULL, &error) == NULL);
    CHECK_TEXT(error.text, "processors.late: no luck");
    CHECK_TEXT(fake_journal(),
               "create store, create sink, create queue, create step/2, create late, "
               "destroy late, destroy step/2, destroy queue, destroy sink, destroy store");
    world_done(&world);
}

static void test_after_a_failed_start_only_what_started_is_stopped(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, chain, 1);
    world_create(&world);
    (void)fake_journal();
    fake_failure = "start queue";
    struct sl_error error = {0};
    CHECK_INT(sl_graph_start(world.graphs[0], &error), SL_EIO);
    CHECK_TEXT(error.text, "exporters.queue: no luck");
    CHECK_TEXT(fake_journal(), "start store, start sink, start queue");
    world_stop(&world);
    CHECK_TEXT(fake_journal(), "stop sink, stop store");
    world_done(&world);
}

static const char shared[] = "receivers: {src: , one_src: }\n"
                             "exporters: {single: , sink: }\n"
                             "service:\n"
                             "  pipelines:\n"
                             "    traces: {receivers: [src, one_src], exporters: [single]}\n"
                             "    logs: {receivers: [src], exporters: [single, sink]}\n";

static void finish_held(struct fake_component *fake, enum sl_outcome outcome)
{
    struct sl_delivery *delivery = fake->held;
    CHECK(delivery != NULL);
    fake->held = delivery->next;
    char message[] = "gone when read";
    sl_delivery_finish(delivery, sl_result_of(outcome, message));
    memset(message, '#', sizeof message - 1);
}

static void test_one_exporter_serves_all_workers(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, shared, 3);
    world_start(&world);
    CHECK_TEXT(fake_journal(),
               "create single, create sink, create src, create one_src, create sink@1, create "
               "src@1, create sink@2, create src@2, start single, start sink, start src, start "
               "one_src, start sink@1, start src@1, start sink@2, start src@2");
    CHECK(sl_graph_find(world.graphs[1], SL_RECEIVER, "one_src") == NULL);
    struct fake_component *single = find(&world, 0, SL_EXPORTER, "single");
    struct heard heard[3] = {{0}};
    for (unsigned i = 0; i < 3; i++)
        emit(&world, i, "src", SL_TRACES, &heard[i]);
    turn(&world);
    CHECK_INT(single->consumed, 3);
    CHECK_INT(single->items, 15);
    for (unsigned i = 0; i < 3; i++)
        CHECK_INT(heard[i].times, 0);
    for (unsigned i = 0; i < 3; i++)
        finish_held(single, SL_RESULT_REJECT);
    CHECK_INT(heard[0].times, 1); /* on its own worker */
    CHECK_INT(heard[2].times, 0); /* the answer is in the mail */
    turn(&world);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(heard[i].times, 1);
        CHECK_INT(heard[i].result.outcome, SL_RESULT_REJECT);
    }
    world_stop(&world);
    world_done(&world);
}

static void test_a_shared_batch_is_cloned_for_the_hand_over(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, shared, 2);
    world_start(&world);
    struct heard heard = {0};
    emit(&world, 1, "src", SL_LOGS, &heard);
    turn(&world);
    struct fake_component *single = find(&world, 0, SL_EXPORTER, "single");
    CHECK_INT(find(&world, 1, SL_EXPORTER, "sink")->consumed, 1);
    CHECK_INT(single->consumed, 1);
    CHECK_INT(single->held->batch->references, 1);
    finish_held(single, SL_RESULT_OK);
    turn(&world);
    CHECK_INT(heard.times, 1);
    world_stop(&world);
    world_done(&world);
}

static void test_the_hand_over_is_bounded(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, shared, 2);
    world_start(&world);
    struct heard heard = {0};
    for (unsigned i = 0; i < 1024; i++)
        emit(&world, 1, "src", SL_TRACES, &heard);
    CHECK_INT(heard.times, 0);
    emit(&world, 1, "src", SL_TRACES, &heard);
    CHECK_INT(heard.times, 1);
    CHECK_INT(heard.result.outcome, SL_RESULT_RETRY);
    emit(&world, 1, "src", SL_LOGS, &heard); /* through a fan-out: nobody gets it */
    CHECK_INT(heard.times, 2);
    CHECK_INT(heard.result.outcome, SL_RESULT_RETRY);
    CHECK_INT(find(&world, 1, SL_EXPORTER, "sink")->consumed, 0);
    turn(&world);
    struct fake_component *single = find(&world, 0, SL_EXPORTER, "single");
    CHECK_INT(single->consumed, 1024);
    while (single->held != NULL)
        finish_held(single, SL_RESULT_OK);
    turn(&world);
    CHECK_INT(heard.times, 2 + 1024);
    emit(&world, 1, "src", SL_TRACES, &heard);
    CHECK_INT(heard.times, 2 + 1024); /* taken again */
    world_stop(&world);
    CHECK_INT(heard.times, 2 + 1025);
    world_done(&world);
}

static void test_drain_waits_for_what_was_handed_over(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, shared, 2);
    world_start(&world);
    struct heard heard = {0};
    emit(&world, 1, "src", SL_TRACES, &heard);
    sl_graph_drain(world.graphs[1], sl_worker_now_ms(&world.workers[1]) + 1000, count_up,
                   &world.drained);
    turn(&world);
    CHECK_INT(world.drained, 0);
    finish_held(find(&world, 0, SL_EXPORTER, "single"), SL_RESULT_OK);
    turn(&world);
    CHECK_INT(world.drained, 1);
    CHECK_INT(heard.result.outcome, SL_RESULT_OK);
    world_stop(&world);
    world_done(&world);
}

static void test_stop_ends_what_is_under_way_in_any_order(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        for (int arrived = 0; arrived < 2; arrived++) {
            struct world world;
            world_init(&world, shared, 2);
            world_start(&world);
            struct heard heard = {0};
            emit(&world, 1, "src", SL_TRACES, &heard);
            if (arrived)
                turn(&world);
            for (unsigned i = 0; i < 2; i++)
                sl_graph_stop(world.graphs[first ^ i], count_up, &world.stopped);
            turn(&world);
            CHECK_INT(world.stopped, 2);
            CHECK_INT(heard.times, 1);
            CHECK_INT(heard.result.outcome, SL_RESULT_SHUTDOWN);
            world_done(&world);
        }
    }
}

static void test_a_batch_in_the_mail_survives_freed_graphs(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, shared, 2);
    world_start(&world);
    struct heard heard = {0};
    emit(&world, 1, "src", SL_TRACES, &heard);
    for (unsigned i = 2; i-- > 0;) {
        sl_graph_stop(world.graphs[i], count_up, &world.stopped);
        sl_graph_free(world.graphs[i]);
        world.graphs[i] = NULL;
    }
    CHECK_INT(heard.times, 1);
    turn(&world); /* the mail arrives where nothing is left */
    world_done(&world);
}

static void test_a_graph_survives_each_failing_allocation(void **state)
{
    (void)state;
    struct world world;
    bool reached_the_end = false;
    world_init(&world, chain, 1);
    for (long n = 0; n < 500 && !reached_the_end; n++) {
        struct sl_error error = {0};
        (void)sl_alloc_fail_after(n);
        struct sl_graph *graph =
            sl_graph_new(world.plan, &world.process, &world.workers[0], NULL, &error);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        CHECK((graph != NULL) == reached_the_end);
        if (graph == NULL)
            CHECK_TEXT(error.text, "out of memory");
        sl_graph_free(graph);
        (void)fake_journal();
    }
    CHECK(reached_the_end);
    world_done(&world);
}

static void test_a_hand_over_survives_each_failing_allocation(void **state)
{
    (void)state;
    bool reached_the_end = false;
    for (long n = 0; n < 200 && !reached_the_end; n++) {
        struct world world;
        struct heard heard = {0};
        world_init(&world, shared, 2);
        world_start(&world);
        struct sl_component *src = sl_graph_find(world.graphs[1], SL_RECEIVER, "src");
        struct sl_delivery *delivery =
            sl_delivery_new(some_batch(SL_LOGS, 5), NULL, on_finished, &heard);
        (void)sl_alloc_fail_after(n);
        sl_emit(src, delivery);
        turn(&world);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        struct fake_component *single = find(&world, 0, SL_EXPORTER, "single");
        if (single->held != NULL)
            finish_held(single, SL_RESULT_OK);
        turn(&world);
        CHECK_INT(heard.times, 1);
        CHECK_INT(heard.result.outcome, reached_the_end ? SL_RESULT_OK : SL_RESULT_RETRY);
        world_stop(&world);
        world_done(&world);
    }
    CHECK(reached_the_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_used_is_created_and_started_from_the_far_end),
        cmocka_unit_test(test_outputs_lead_through_processors_to_the_exporters),
        cmocka_unit_test(test_components_know_their_signals_and_their_place),
        cmocka_unit_test(test_a_full_queue_in_one_pipeline_keeps_all_others_empty),
        cmocka_unit_test(test_drain_waits_for_who_is_late_but_not_for_ever),
        cmocka_unit_test(test_a_drain_without_time_still_asks_everybody),
        cmocka_unit_test(test_stop_in_the_middle_of_a_drain_ends_it),
        cmocka_unit_test(test_a_failed_create_is_undone_and_named),
        cmocka_unit_test(test_after_a_failed_start_only_what_started_is_stopped),
        cmocka_unit_test(test_one_exporter_serves_all_workers),
        cmocka_unit_test(test_a_shared_batch_is_cloned_for_the_hand_over),
        cmocka_unit_test(test_the_hand_over_is_bounded),
        cmocka_unit_test(test_drain_waits_for_what_was_handed_over),
        cmocka_unit_test(test_stop_ends_what_is_under_way_in_any_order),
        cmocka_unit_test(test_a_batch_in_the_mail_survives_freed_graphs),
        cmocka_unit_test(test_a_graph_survives_each_failing_allocation),
        cmocka_unit_test(test_a_hand_over_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
