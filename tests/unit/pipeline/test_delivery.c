/* SPDX-License-Identifier: Apache-2.0 */
/* Results, contexts, deliveries and the reserve-then-commit of fan-out, with fake
 * queues that count what they are asked. */
#include "core/alloc.h"
#include "pipeline/component.h"
#include "tests/check.h"

enum { QUEUES = 3 };

struct fake {
    struct sl_component base;
    bool refuses;
    unsigned reserved, released, consumed, used;
    size_t room; /* items set aside and neither used nor given back */
    struct sl_result refusal;
    struct sl_delivery *held; /* newest first */
    bool shared_when_consumed;
};

static void fake_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    struct fake *fake = (struct fake *)self;
    struct sl_claim claim;
    fake->consumed++;
    if (sl_delivery_use_claim(delivery, self, &claim)) {
        fake->used++;
        fake->room -= claim.items;
    }
    fake->shared_when_consumed = delivery->batch->references > 1;
    delivery->next = fake->held;
    fake->held = delivery;
}

static bool fake_reserve(struct sl_component *self, size_t items, size_t bytes,
                         struct sl_result *ret_refusal)
{
    struct fake *fake = (struct fake *)self;
    (void)bytes;
    if (fake->refuses) {
        *ret_refusal = fake->refusal;
        return false;
    }
    fake->reserved++;
    fake->room += items;
    return true;
}

static void fake_release(struct sl_component *self, size_t items, size_t bytes)
{
    struct fake *fake = (struct fake *)self;
    (void)bytes;
    fake->released++;
    fake->room -= items;
}

static const struct sl_component_type queue_type = {.name = "queue",
                                                    .doc = "A fake queue.",
                                                    .kind = SL_EXPORTER,
                                                    .signals = SL_ALL_SIGNALS,
                                                    .size = sizeof(struct fake),
                                                    .consume = fake_consume,
                                                    .reserve = fake_reserve,
                                                    .release = fake_release};
static const struct sl_component_type step_type = {.name = "step",
                                                   .doc = "A fake processor.",
                                                   .kind = SL_PROCESSOR,
                                                   .signals = SL_ALL_SIGNALS,
                                                   .size = sizeof(struct fake),
                                                   .consume = fake_consume};

/* What a receiver hears. */
struct heard {
    unsigned times;
    struct sl_result result;
    char message[64];
};

static void on_finished(void *arg, const struct sl_result *result)
{
    struct heard *heard = arg;
    heard->times++;
    heard->result = *result;
    heard->message[0] = '\0';
    if (result->message != NULL)
        (void)snprintf(heard->message, sizeof heard->message, "%s", result->message);
}

struct stage {
    struct fake queues[QUEUES];
    struct sl_component *queue_lists[QUEUES][1];
    struct sl_target targets[QUEUES];
    struct heard heard;
};

static void stage_init(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    for (unsigned i = 0; i < QUEUES; i++) {
        stage->queues[i].base.type = &queue_type;
        stage->queues[i].refusal = sl_result_of(SL_RESULT_RETRY, "full");
        stage->queue_lists[i][0] = &stage->queues[i].base;
        stage->targets[i] = (struct sl_target){&stage->queues[i].base, stage->queue_lists[i], 1};
    }
}

static struct sl_delivery *some_delivery(struct heard *heard, size_t items)
{
    struct sl_batch *batch = sl_batch_new(SL_TRACES);
    if (batch == NULL)
        return NULL;
    batch->items = items;
    return sl_delivery_new(batch, NULL, on_finished, heard);
}

static struct sl_delivery *take(struct fake *fake)
{
    struct sl_delivery *delivery = fake->held;
    CHECK(delivery != NULL);
    fake->held = delivery->next;
    return delivery;
}

static void test_the_larger_outcome_wins_and_counts_add_up(void **state)
{
    (void)state;
    static const struct {
        enum sl_outcome a, b, wins;
    } rows[] = {
        {SL_RESULT_OK, SL_RESULT_OK, SL_RESULT_OK},
        {SL_RESULT_OK, SL_RESULT_PARTIAL, SL_RESULT_PARTIAL},
        {SL_RESULT_REJECT, SL_RESULT_PARTIAL, SL_RESULT_REJECT},
        {SL_RESULT_INTERNAL, SL_RESULT_RETRY, SL_RESULT_RETRY},
        {SL_RESULT_THROTTLE, SL_RESULT_DENIED, SL_RESULT_THROTTLE},
        {SL_RESULT_RETRY, SL_RESULT_SHUTDOWN, SL_RESULT_SHUTDOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int turned = 0; turned < 2; turned++) {
            struct sl_result into = {.outcome = turned ? rows[i].b : rows[i].a,
                                     .retry_after_ms = 100,
                                     .rejected_items = 2};
            struct sl_result other = {.outcome = turned ? rows[i].a : rows[i].b,
                                      .retry_after_ms = 300,
                                      .rejected_items = 3};
            sl_result_merge(&into, &other);
            CHECK_INT(into.outcome, rows[i].wins);
            CHECK_INT(into.rejected_items, 5);
            CHECK_INT(into.retry_after_ms, 300);
        }
    }
}

static void test_the_message_of_the_winner_is_kept(void **state)
{
    (void)state;
    struct sl_result into = sl_result_of(SL_RESULT_REJECT, "bad");
    struct sl_result ok = sl_result_ok(), retry = sl_result_of(SL_RESULT_RETRY, "later");
    sl_result_merge(&into, &ok);
    CHECK_TEXT(into.message, "bad");
    sl_result_merge(&into, &retry);
    CHECK_TEXT(into.message, "later");
    CHECK_TEXT(sl_outcome_text(SL_RESULT_TOO_LARGE), "too large");
}

static void test_a_context_copies_all_it_is_made_from(void **state)
{
    (void)state;
    char name[] = "x-tenant", value[] = "acme", peer[] = "127.0.0.1:5000";
    struct sl_metadata metadata[] = {{sl_text(name), sl_text(value)}};
    struct sl_context from = {.deadline_ms = 7,
                              .merge_key = 9,
                              .peer = sl_text(peer),
                              .transport = "grpc",
                              .metadata = metadata,
                              .metadata_count = 1};
    struct sl_context *context = sl_context_new(&from);
    CHECK(context != NULL);
    name[0] = value[0] = peer[0] = '#';
    CHECK_BYTES(context->metadata[0].name, sl_text("x-tenant"));
    CHECK_BYTES(context->metadata[0].value, sl_text("acme"));
    CHECK_BYTES(context->peer, sl_text("127.0.0.1:5000"));
    CHECK_INT(context->deadline_ms, 7);
    CHECK_INT(context->merge_key, 9);
    CHECK(sl_context_ref(context) == context);
    sl_context_unref(context);
    CHECK_INT(context->metadata_count, 1);
    sl_context_unref(context);
    CHECK(sl_context_ref(NULL) == NULL);
    sl_context_unref(NULL);
}

static void test_finish_gives_back_a_claim_that_nobody_used(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct fake *queue = &stage.queues[0];
    struct sl_delivery *delivery = some_delivery(&stage.heard, 4);
    struct sl_claim *claim = sl_malloc(sizeof *claim);
    *claim = (struct sl_claim){.target = &queue->base, .items = 4};
    delivery->claims = claim;
    queue->room = 4;
    sl_delivery_finish(delivery, sl_result_ok());
    CHECK_INT(stage.heard.times, 1);
    CHECK_INT(queue->released, 1);
    CHECK_INT(queue->room, 0);
}

static void test_a_single_target_gets_the_delivery_itself(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct sl_delivery *delivery = some_delivery(&stage.heard, 5);
    sl_fanout(delivery, stage.targets, 1);
    CHECK(stage.queues[0].held == delivery);
    CHECK_INT(stage.queues[0].reserved, 0);
    sl_delivery_finish(take(&stage.queues[0]), sl_result_ok());
    CHECK_INT(stage.heard.times, 1);
}

static void test_each_target_uses_its_own_claim(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    sl_fanout(some_delivery(&stage.heard, 5), stage.targets, QUEUES);
    for (unsigned i = 0; i < QUEUES; i++) {
        CHECK_INT(stage.queues[i].reserved, 1);
        CHECK_INT(stage.queues[i].used, 1);
        CHECK_INT(stage.heard.times, 0);
        sl_delivery_finish(take(&stage.queues[i]), sl_result_ok());
        CHECK_INT(stage.queues[i].room, 0);
        CHECK_INT(stage.queues[i].released, 0);
    }
    CHECK_INT(stage.heard.times, 1);
    CHECK_INT(stage.heard.result.outcome, SL_RESULT_OK);
}

static void test_one_refusal_leaves_nothing_enqueued(void **state)
{
    (void)state;
    for (unsigned refuser = 0; refuser < QUEUES; refuser++) {
        struct stage stage;
        stage_init(&stage);
        stage.queues[refuser].refuses = true;
        stage.queues[refuser].refusal.retry_after_ms = 1500;
        sl_fanout(some_delivery(&stage.heard, 5), stage.targets, QUEUES);
        CHECK_INT(stage.heard.times, 1);
        CHECK_INT(stage.heard.result.outcome, SL_RESULT_RETRY);
        CHECK_INT(stage.heard.result.retry_after_ms, 1500);
        CHECK_TEXT(stage.heard.message, "full");
        for (unsigned i = 0; i < QUEUES; i++) {
            CHECK_INT(stage.queues[i].consumed, 0);
            CHECK_INT(stage.queues[i].room, 0);
            CHECK_INT(stage.queues[i].released, stage.queues[i].reserved);
        }
    }
}

static void test_a_final_word_of_a_queue_becomes_retry_but_shutdown_and_too_large_stay(void **state)
{
    (void)state;
    static const enum sl_outcome rows[][2] = {{SL_RESULT_REJECT, SL_RESULT_RETRY},
                                              {SL_RESULT_THROTTLE, SL_RESULT_THROTTLE},
                                              {SL_RESULT_TOO_LARGE, SL_RESULT_TOO_LARGE},
                                              {SL_RESULT_SHUTDOWN, SL_RESULT_SHUTDOWN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage stage;
        stage_init(&stage);
        stage.queues[1].refuses = true;
        stage.queues[1].refusal.outcome = rows[i][0];
        sl_fanout(some_delivery(&stage.heard, 5), stage.targets, QUEUES);
        CHECK_INT(stage.heard.result.outcome, rows[i][1]);
    }
}

static void test_the_parent_waits_for_the_slowest_and_gets_the_worst(void **state)
{
    (void)state;
    static const unsigned orders[][QUEUES] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    for (size_t order = 0; order < 3; order++) {
        struct stage stage;
        stage_init(&stage);
        sl_fanout(some_delivery(&stage.heard, 5), stage.targets, QUEUES);
        for (unsigned i = 0; i < QUEUES; i++) {
            unsigned which = orders[order][i];
            char message[16] = "sorry"; /* goes away with this block */
            CHECK_INT(stage.heard.times, 0);
            struct sl_result result =
                which == 1 ? sl_result_of(SL_RESULT_RETRY, message)
                           : sl_result_of(which == 0 ? SL_RESULT_OK : SL_RESULT_REJECT, NULL);
            sl_delivery_finish(take(&stage.queues[which]), result);
            memset(message, '#', sizeof message);
        }
        CHECK_INT(stage.heard.times, 1);
        CHECK_INT(stage.heard.result.outcome, SL_RESULT_RETRY);
        CHECK_TEXT(stage.heard.message, "sorry");
    }
}

static void test_branches_never_reject_more_than_there_is(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    sl_fanout(some_delivery(&stage.heard, 5), stage.targets, QUEUES);
    for (unsigned i = 0; i < QUEUES; i++) {
        struct sl_result result = sl_result_of(SL_RESULT_PARTIAL, NULL);
        result.rejected_items = 2;
        sl_delivery_finish(take(&stage.queues[i]), result);
    }
    CHECK_INT(stage.heard.result.outcome, SL_RESULT_PARTIAL);
    CHECK_INT(stage.heard.result.rejected_items, 5);
}

static void test_the_last_holder_may_change_the_batch_in_place(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct sl_delivery *delivery = some_delivery(&stage.heard, 5);
    struct sl_batch *batch = delivery->batch;
    sl_fanout(delivery, stage.targets, 2);
    CHECK_INT(batch->references, 2);
    sl_delivery_finish(take(&stage.queues[0]), sl_result_ok());
    CHECK_INT(batch->references, 1);
    CHECK(stage.queues[1].held->batch == batch);
    sl_delivery_finish(take(&stage.queues[1]), sl_result_ok());
}

/* Two branches that begin with a processor; the second fans out to two queues. */
static void test_claims_travel_through_a_branch_to_its_queues(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct fake step = {.base.type = &step_type};
    struct sl_component *behind[] = {&stage.queues[1].base, &stage.queues[2].base};
    struct sl_target branches[] = {stage.targets[0], {&step.base, behind, 2}};
    sl_fanout(some_delivery(&stage.heard, 5), branches, 2);
    CHECK_INT(stage.queues[1].reserved, 1);
    CHECK_INT(stage.queues[2].reserved, 1);
    CHECK_INT(stage.queues[1].consumed, 0);

    stage.queues[1].refuses = true; /* too late: the room is already set aside */
    sl_fanout(take(&step), &stage.targets[1], 2);
    for (unsigned i = 0; i < QUEUES; i++) {
        CHECK_INT(stage.queues[i].reserved, 1);
        CHECK_INT(stage.queues[i].used, 1);
        sl_delivery_finish(take(&stage.queues[i]), sl_result_ok());
        CHECK_INT(stage.queues[i].released, 0);
        CHECK_INT(stage.queues[i].room, 0);
    }
    CHECK_INT(stage.heard.times, 1);
}

static void test_a_branch_that_drops_everything_gives_its_room_back(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct fake step = {.base.type = &step_type};
    struct sl_component *behind[] = {&stage.queues[1].base};
    struct sl_target branches[] = {stage.targets[0], {&step.base, behind, 1}};
    sl_fanout(some_delivery(&stage.heard, 5), branches, 2);
    sl_delivery_finish(take(&step), sl_result_ok());
    CHECK_INT(stage.queues[1].released, 1);
    CHECK_INT(stage.queues[1].room, 0);
    sl_delivery_finish(take(&stage.queues[0]), sl_result_ok());
    CHECK_INT(stage.heard.times, 1);
}

static void test_an_exporter_of_two_branches_is_claimed_twice(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct sl_target twice[] = {stage.targets[0], stage.targets[0]};
    sl_fanout(some_delivery(&stage.heard, 5), twice, 2);
    CHECK_INT(stage.queues[0].reserved, 2);
    CHECK_INT(stage.queues[0].used, 2);
    sl_delivery_finish(take(&stage.queues[0]), sl_result_ok());
    sl_delivery_finish(take(&stage.queues[0]), sl_result_ok());
    CHECK_INT(stage.heard.times, 1);
    CHECK_INT(stage.queues[0].room, 0);
}

static void test_taken_claims_join_those_on_the_same_target(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct fake steps[2] = {{.base.type = &step_type}, {.base.type = &step_type}};
    struct sl_component *behind[] = {&stage.queues[0].base};
    struct sl_target branches[] = {{&steps[0].base, behind, 1}, {&steps[1].base, behind, 1}};
    sl_fanout(some_delivery(&stage.heard, 5), branches, 2);
    struct sl_delivery *into = take(&steps[0]), *from = take(&steps[1]);
    sl_delivery_take_claims(into, from);
    CHECK(from->claims == NULL);
    struct sl_claim claim;
    CHECK(sl_delivery_use_claim(into, &stage.queues[0].base, &claim));
    CHECK_INT(claim.items, 10);
    CHECK(!sl_delivery_use_claim(into, &stage.queues[0].base, &claim));
    sl_delivery_finish(into, sl_result_ok());
    sl_delivery_finish(from, sl_result_ok());
    CHECK_INT(stage.queues[0].released, 0);
}

static void test_without_an_output_a_delivery_is_done(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct fake step = {.base.type = &step_type};
    sl_emit(&step.base, some_delivery(&heard, 1));
    CHECK_INT(heard.times, 1);
    CHECK_INT(heard.result.outcome, SL_RESULT_OK);
}

static void test_fanout_survives_each_failing_allocation(void **state)
{
    (void)state;
    bool reached_the_end = false;
    for (long n = 0; n < 100 && !reached_the_end; n++) {
        struct stage stage;
        stage_init(&stage);
        struct sl_delivery *delivery = some_delivery(&stage.heard, 5);
        (void)sl_alloc_fail_after(n);
        sl_fanout(delivery, stage.targets, QUEUES);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        for (unsigned i = 0; i < QUEUES; i++)
            if (reached_the_end)
                sl_delivery_finish(take(&stage.queues[i]), sl_result_ok());
        CHECK_INT(stage.heard.times, 1);
        CHECK_INT(stage.heard.result.outcome, reached_the_end ? SL_RESULT_OK : SL_RESULT_RETRY);
        for (unsigned i = 0; i < QUEUES; i++) {
            CHECK_INT(stage.queues[i].consumed, reached_the_end);
            CHECK_INT(stage.queues[i].room, 0);
        }
    }
    CHECK(reached_the_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_larger_outcome_wins_and_counts_add_up),
        cmocka_unit_test(test_the_message_of_the_winner_is_kept),
        cmocka_unit_test(test_a_context_copies_all_it_is_made_from),
        cmocka_unit_test(test_finish_gives_back_a_claim_that_nobody_used),
        cmocka_unit_test(test_a_single_target_gets_the_delivery_itself),
        cmocka_unit_test(test_each_target_uses_its_own_claim),
        cmocka_unit_test(test_one_refusal_leaves_nothing_enqueued),
        cmocka_unit_test(
            test_a_final_word_of_a_queue_becomes_retry_but_shutdown_and_too_large_stay),
        cmocka_unit_test(test_the_parent_waits_for_the_slowest_and_gets_the_worst),
        cmocka_unit_test(test_branches_never_reject_more_than_there_is),
        cmocka_unit_test(test_the_last_holder_may_change_the_batch_in_place),
        cmocka_unit_test(test_claims_travel_through_a_branch_to_its_queues),
        cmocka_unit_test(test_a_branch_that_drops_everything_gives_its_room_back),
        cmocka_unit_test(test_an_exporter_of_two_branches_is_claimed_twice),
        cmocka_unit_test(test_taken_claims_join_those_on_the_same_target),
        cmocka_unit_test(test_without_an_output_a_delivery_is_done),
        cmocka_unit_test(test_fanout_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
