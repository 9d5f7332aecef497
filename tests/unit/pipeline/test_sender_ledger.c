/* SPDX-License-Identifier: Apache-2.0 */
/* A random life of a sender before a slow, failing destination: whatever happens,
 * memory running out included, each item taken in is sent once or counted. */
#include "tests/unit/pipeline/test_sender_fixture.h"

static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % below;
}

static const struct sl_batch_policy policies[] = {
    {.timeout_ms = 200, .min_items = 20},
    {.timeout_ms = 500, .min_items = 16, .max_items = 16},
    {.timeout_ms = 100, .min_items = 30, .max_items = 40, .max_bytes = 300},
    {.timeout_ms = 0, .max_items = 3},
};

static void set_up(struct fixture *f, unsigned run)
{
    f->queue.num_consumers = 1 + pick(6);
    f->queue.sizer = (int)(run % 3);
    f->queue.queue_size = run % 3 == 0 ? 40 : run % 3 == 1 ? 150 : 4000;
    f->queue.max_bytes = 3000 + pick(3000);
    f->queue.on_full = (int)(run / 3 % 3);
    f->queue.enabled = run % 7 != 5;
    f->queue.wait_for_result = run % 7 == 6;
    f->retry.max_elapsed_ms = run % 2 ? 0 : 60000;
    f->retry.randomization_factor = 0.5;
    f->retry.enabled = run % 11 != 10;
    if (run % 5 == 4)
        f->queue.batch = (struct sl_queue_batch_config){
            .presence = SL_GIVEN, .flush_timeout_ms = 50, .min_size = 10, .max_size = 12};
    open_sender(f);
}

static void fail_soon(bool failing)
{
    (void)sl_alloc_fail_after(failing && pick(3) == 0 ? (long)pick(12) : -1);
}

static void take_in(struct fixture *f, bool failing)
{
    unsigned policy = pick(6);
    struct sl_delivery *delivery =
        make_delivery(f, 1 + pick(PER_REQUEST_MAX), (char)('a' + pick(3)));
    if (policy < 4)
        delivery->policy = &policies[policy];
    if (pick(4) == 0) {
        struct sl_context context = {.merge_key = pick(3)};
        delivery->context = sl_context_new(&context);
    }
    fail_soon(failing);
    sl_sender_consume(f->sender, delivery);
    (void)sl_alloc_fail_after(-1);
}

static void say_something(struct fixture *f, bool failing)
{
    static const enum sl_outcome outcomes[] = {
        SL_RESULT_OK,    SL_RESULT_OK,        SL_RESULT_OK,       SL_RESULT_OK,
        SL_RESULT_RETRY, SL_RESULT_THROTTLE,  SL_RESULT_REJECT,   SL_RESULT_PARTIAL,
        SL_RESULT_RETRY, SL_RESULT_TOO_LARGE, SL_RESULT_INTERNAL, SL_RESULT_DENIED};
    if (f->flying_count == 0)
        return;
    struct sl_result result =
        sl_result_of(outcomes[pick(sizeof outcomes / sizeof outcomes[0])], "scripted");
    if (result.outcome == SL_RESULT_THROTTLE)
        result.retry_after_ms = pick(20000);
    if (result.outcome == SL_RESULT_PARTIAL)
        result.rejected_items = pick(5);
    fail_soon(failing);
    answer_result(f, pick((unsigned)f->flying_count), result);
    (void)sl_alloc_fail_after(-1);
}

static void live(struct fixture *f, bool failing)
{
    for (unsigned step = 0; step < 1500; step++) {
        unsigned what = pick(10);
        if (what < 5) {
            take_in(f, failing);
        } else if (what < 9) {
            say_something(f, failing);
        } else {
            fail_soon(failing);
            sl_worker_advance(&f->worker, pick(4000));
            (void)sl_alloc_fail_after(-1);
        }
    }
}

static void run(unsigned number, bool failing)
{
    struct fixture *f = fixture_new();
    seed = number * UINT64_C(2654435761) + 1;
    set_up(f, number);
    live(f, failing);
    if (number % 2 == 0) {
        sl_sender_drain(f->sender, sl_worker_now_ms(&f->worker) + 10000);
        for (int i = 0; i < 200 && !drained(f); i++) {
            say_something(f, failing);
            sl_worker_advance(&f->worker, 100);
        }
        CHECK(drained(f));
    }
    CHECK(f->attempts > 50);
    fixture_end(f);
}

static void test_the_books_balance_whatever_the_destination_says(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 80; number++)
        run(number, false);
}

static void test_the_books_balance_when_memory_runs_out(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 80; number++)
        run(number, true);
}

static void test_a_slow_sink_loses_nothing_that_was_accepted(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    seed = 7;
    f->queue.num_consumers = 1;
    f->queue.queue_size = 20;
    open_sender(f);
    for (unsigned step = 0; step < 3000; step++) {
        consume(f, 1 + pick(PER_REQUEST_MAX), &policies[step / 100 % 2]);
        sl_worker_advance(&f->worker, 1);
        if (step % 40 == 39 && f->flying_count > 0)
            answer(f, 0, SL_RESULT_OK);
    }
    CHECK(f->finished_items[SL_RESULT_RETRY] > f->finished_items[SL_RESULT_OK]);
    for (int i = 0; i < 100; i++) {
        sl_worker_advance(&f->worker, 500);
        if (f->flying_count > 0)
            answer(f, 0, SL_RESULT_OK);
    }
    CHECK_INT(counted(f, SL_EV_SENT), f->finished_items[SL_RESULT_OK]);
    CHECK_INT(dropped(f, NULL), 0);
    fixture_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_books_balance_whatever_the_destination_says),
        cmocka_unit_test(test_the_books_balance_when_memory_runs_out),
        cmocka_unit_test(test_a_slow_sink_loses_nothing_that_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
