/* SPDX-License-Identifier: Apache-2.0 */
/* The sender: queue, room, merging, retries, draining and stopping, step by step. */
#include "tests/unit/pipeline/test_sender_fixture.h"

static void test_a_delivery_is_finished_when_it_is_queued(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 3, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 3);
    CHECK_INT(f->flying_count, 1);
    CHECK_INT(gauge(f, "otelcol_exporter_queue_size"), 1);
    CHECK_INT(gauge(f, "otelcol_exporter_queue_capacity"), 1000);
    CHECK_INT(gauge(f, "otelcol_exporter_in_flight_requests"), 1);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 3);
    CHECK_INT(gauge(f, "otelcol_exporter_in_flight_requests"), 0);
    fixture_end(f);
}

static void test_a_full_queue_refuses_with_retry(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.queue_size = 2;
    f->queue.num_consumers = 1;
    open_sender(f);
    consume(f, 1, NULL);
    consume(f, 1, NULL);
    consume(f, 4, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 4);
    CHECK_INT(counted(f, SL_EV_ENQUEUE_FAILED), 4);
    answer(f, 0, SL_RESULT_OK);
    consume(f, 2, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 4);
    fixture_end(f);
}

static void test_each_sizer_and_the_byte_budget_limit_the_queue(void **state)
{
    (void)state;
    static const struct {
        int sizer;
        int64_t queue_size, max_bytes;
        uint64_t accepted; /* of ten requests with 2 items, 40 bytes each */
    } cases[] = {
        {SL_SIZE_REQUESTS, 3, 64 << 20, 6},
        {SL_SIZE_ITEMS, 7, 64 << 20, 6},
        {SL_SIZE_BYTES, 120, 64 << 20, 6},
        {SL_SIZE_REQUESTS, 1000, 160, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f = fixture_new();
        f->queue.sizer = cases[i].sizer;
        f->queue.queue_size = cases[i].queue_size;
        f->queue.max_bytes = cases[i].max_bytes;
        open_sender(f);
        for (int n = 0; n < 10; n++)
            consume(f, 2, NULL);
        CHECK_INT(f->finished_items[SL_RESULT_OK], cases[i].accepted);
        CHECK_INT(f->finished_items[SL_RESULT_RETRY], 20 - cases[i].accepted);
        fixture_end(f);
    }
}

static void test_what_never_fits_is_too_large(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.max_bytes = 50;
    open_sender(f);
    consume(f, 8, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_TOO_LARGE], 8);
    fixture_end(f);
}

static void test_limits_are_divided_by_the_workers_but_an_empty_queue_takes_more(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->worker.count = 4;
    f->queue.max_bytes = 200;
    f->queue.queue_size = 8;
    f->queue.num_consumers = 4;
    open_sender(f);
    CHECK_INT(gauge(f, "otelcol_exporter_queue_capacity"), 2);
    consume(f, 8, NULL); /* 112 bytes, over the share of 50 */
    CHECK_INT(f->finished_items[SL_RESULT_OK], 8);
    consume(f, 1, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 1);
    fixture_end(f);
}

static void test_a_claim_keeps_room(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct sl_result refusal;
    f->queue.sizer = SL_SIZE_ITEMS;
    f->queue.queue_size = 4;
    open_sender(f);
    struct sl_claim *claim = sl_malloc(sizeof *claim);
    CHECK(sl_sender_reserve(f->sender, 3, 60, &refusal));
    *claim = (struct sl_claim){.target = &f->exporter, .items = 3, .bytes = 60};
    consume(f, 2, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 2);
    CHECK(!sl_sender_reserve(f->sender, 2, 60, &refusal));
    CHECK_INT(refusal.outcome, SL_RESULT_RETRY);
    struct sl_delivery *delivery = make_delivery(f, 3, 'a');
    delivery->claims = claim;
    sl_sender_consume(f->sender, delivery);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 3);
    consume(f, 1, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 4);
    fixture_end(f);
}

static void test_drop_oldest_gives_up_what_came_first(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.queue_size = 3;
    f->queue.num_consumers = 1;
    f->queue.on_full = SL_FULL_DROP_OLDEST;
    open_sender(f);
    for (int i = 0; i < 5; i++)
        consume(f, 1, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 5);
    CHECK_INT(dropped(f, "queue_full_oldest"), 2);
    while (f->flying_count > 0)
        answer(f, 0, SL_RESULT_OK);
    CHECK_INT(f->delivered[0] + f->delivered[3] + f->delivered[4], 3);
    fixture_end(f);
}

static void test_drop_counted_drops_the_newest_and_answers_ok(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct sl_result refusal;
    f->queue.queue_size = 2;
    f->queue.on_full = SL_FULL_DROP_COUNTED;
    open_sender(f);
    for (int i = 0; i < 5; i++)
        consume(f, 1, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 5);
    CHECK_INT(dropped(f, "queue_full"), 3);
    CHECK(sl_sender_reserve(f->sender, 1, 1, &refusal));
    sl_sender_release(f->sender, 1, 1);
    fixture_end(f);
}

static void test_num_consumers_limits_the_attempts(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.num_consumers = 2;
    open_sender(f);
    for (int i = 0; i < 5; i++)
        consume(f, 1, NULL);
    CHECK_INT(f->flying_count, 2);
    answer(f, 1, SL_RESULT_OK);
    CHECK_INT(f->flying_count, 2);
    fixture_end(f);
}

static void test_an_attempt_may_end_inside_send(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->at_once = SL_RESULT_OK;
    open_sender(f);
    for (int i = 0; i < 20; i++)
        consume(f, 2, NULL);
    CHECK_INT(counted(f, SL_EV_SENT), 40);
    fixture_end(f);
}

static void test_one_probe_at_a_time_while_the_destination_fails(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.num_consumers = 3;
    open_sender(f);
    for (int i = 0; i < 6; i++)
        consume(f, 1, NULL);
    for (int i = 0; i < 3; i++)
        answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(f->flying_count, 0);
    sl_worker_advance(&f->worker, 4999);
    CHECK_INT(f->flying_count, 0);
    sl_worker_advance(&f->worker, 1);
    CHECK_INT(f->flying_count, 1);
    answer(f, 0, SL_RESULT_RETRY); /* the next wait is 7.5 s */
    sl_worker_advance(&f->worker, 7499);
    CHECK_INT(f->flying_count, 0);
    sl_worker_advance(&f->worker, 1);
    CHECK_INT(f->flying_count, 1);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(f->flying_count, 3);
    while (f->flying_count > 0)
        answer(f, 0, SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 6);
    fixture_end(f);
}

static void test_jitter_stays_within_its_factor(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct fixture *f = fixture_new();
        f->retry.randomization_factor = 0.5;
        open_sender(f);
        consume(f, 1, NULL);
        answer(f, 0, SL_RESULT_RETRY);
        sl_worker_advance(&f->worker, 2499);
        CHECK_INT(f->flying_count, 0);
        sl_worker_advance(&f->worker, 5002);
        CHECK_INT(f->flying_count, 1);
        fixture_end(f);
    }
}

static void test_the_servers_delay_is_the_least(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 1, NULL);
    answer_result(f, 0, (struct sl_result){.outcome = SL_RESULT_THROTTLE, .retry_after_ms = 60000});
    sl_worker_advance(&f->worker, 59999);
    CHECK_INT(f->flying_count, 0);
    sl_worker_advance(&f->worker, 1);
    CHECK_INT(f->flying_count, 1);
    fixture_end(f);
}

static void test_a_batch_is_given_up_after_max_elapsed_time(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->retry.max_elapsed_ms = 20000;
    open_sender(f);
    consume(f, 2, NULL);
    for (int i = 0; i < 2; i++) { /* tries at 0, 5 and 12.5 s; the next would be at 23.75 s */
        answer(f, 0, SL_RESULT_RETRY);
        sl_worker_advance(&f->worker, i == 0 ? 5000 : 7500);
    }
    CHECK_INT(dropped(f, "retry_exhausted"), 0);
    answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(dropped(f, "retry_exhausted"), 2);
    CHECK_INT(counted(f, SL_EV_SEND_FAILED), 2);
    fixture_end(f);
}

static void test_without_retry_the_first_failure_is_the_last(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->retry.enabled = false;
    open_sender(f);
    consume(f, 2, NULL);
    answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(dropped(f, "retry_disabled"), 2);
    CHECK_INT(counted(f, SL_EV_SEND_FAILED), 2);
    fixture_end(f);
}

static void test_the_encoded_form_is_kept_for_the_retry(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 1, NULL);
    CHECK_INT(f->flying[0]->encoded.size, 0);
    f->flying[0]->cache = sl_buf_new(NULL, 8);
    CHECK_INT(sl_buf_append(f->flying[0]->cache, "encoded", 7, 0), SL_OK);
    answer(f, 0, SL_RESULT_RETRY);
    sl_worker_advance(&f->worker, 5000);
    CHECK_BYTES(f->flying[0]->encoded, SL_LIT("encoded"));
    fixture_end(f);
}

static void test_final_errors_drop_and_are_counted(void **state)
{
    (void)state;
    static const struct {
        enum sl_outcome outcome;
        const char *reason;
    } cases[] = {{SL_RESULT_REJECT, "rejected"},
                 {SL_RESULT_DENIED, "rejected"},
                 {SL_RESULT_INTERNAL, "rejected"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f = fixture_new();
        open_sender(f);
        consume(f, 3, NULL);
        answer(f, 0, cases[i].outcome);
        CHECK_INT(dropped(f, cases[i].reason), 3);
        CHECK_INT(counted(f, SL_EV_SEND_FAILED), 3);
        CHECK_INT(f->flying_count, 0);
        fixture_end(f);
    }
}

static void test_a_partial_success_counts_what_was_rejected(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 5, NULL);
    answer_result(f, 0, (struct sl_result){.outcome = SL_RESULT_PARTIAL, .rejected_items = 2});
    CHECK_INT(counted(f, SL_EV_SENT), 3);
    CHECK_INT(dropped(f, "partial_success"), 2);
    consume(f, 1, NULL);
    answer_result(f, 0, (struct sl_result){.outcome = SL_RESULT_PARTIAL, .rejected_items = 99});
    CHECK_INT(dropped(f, "partial_success"), 3);
    fixture_end(f);
}

static void test_what_waits_does_not_pin_the_whole_request(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    struct sl_error error;
    open_sender(f);
    for (int shared = 0; shared < 2; shared++) {
        uint32_t first = f->next_item; /* the number that make_delivery() gives out too */
        struct sl_buf *small = make_body(first, 3, 'a'), *large = sl_buf_new(NULL, 100000);
        CHECK(large != NULL);
        CHECK_INT(sl_buf_append(large, small->data, small->size, 0), SL_OK);
        struct sl_delivery *delivery = make_delivery(f, 3, 'a');
        sl_batch_unref(delivery->batch);
        CHECK_INT(sl_batch_read(SL_TRACES, large, NULL, &delivery->batch, NULL, &error), SL_OK);
        sl_buf_unref(small);
        sl_buf_unref(large);
        struct sl_batch *other = shared ? sl_batch_ref(delivery->batch) : NULL;
        sl_sender_consume(f->sender, delivery);
        size_t pinned = sl_batch_pinned_bytes(f->flying[0]->batch);
        CHECK(shared ? pinned >= 100000 : pinned < 20000);
        CHECK(holds_item(f->flying[0], first) && holds_item(f->flying[0], first + 2));
        if (other != NULL)
            sl_batch_unref(other);
        answer(f, 0, SL_RESULT_OK);
    }
    fixture_end(f);
}

/* ---- merging ---- */

static const struct sl_batch_policy ten_items = {.timeout_ms = 200, .min_items = 10};

static void test_a_policy_merges_until_it_is_full_or_time_is_up(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 4, &ten_items);
    consume(f, 4, &ten_items);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 8); /* nobody waits for the batch to fill */
    CHECK_INT(f->flying_count, 0);
    consume(f, 4, &ten_items);
    CHECK_INT(f->flying_count, 1);
    CHECK_INT(f->flying[0]->batch->items, 12);
    consume(f, 1, &ten_items);
    sl_worker_advance(&f->worker, 199);
    CHECK_INT(f->flying_count, 1);
    sl_worker_advance(&f->worker, 1);
    CHECK_INT(f->flying_count, 2);
    CHECK_INT(f->flying[1]->batch->items, 1);
    fixture_end(f);
}

static void test_other_policies_and_merge_keys_stay_apart(void **state)
{
    (void)state;
    static const struct sl_batch_policy other = {.timeout_ms = 200, .min_items = 11};
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 4, &ten_items);
    consume(f, 4, &other);
    for (uint64_t key = 1; key <= 2; key++) {
        struct sl_context context = {.merge_key = key};
        struct sl_delivery *delivery = make_delivery(f, 4, 'a');
        delivery->policy = &ten_items;
        delivery->context = sl_context_new(&context);
        sl_sender_consume(f->sender, delivery);
    }
    sl_worker_advance(&f->worker, 200);
    CHECK_INT(f->flying_count, 4);
    fixture_end(f);
}

static void test_a_batch_over_the_maximum_is_split(void **state)
{
    (void)state;
    static const struct sl_batch_policy policy = {
        .timeout_ms = 200, .min_items = 10, .max_items = 10};
    struct fixture *f = fixture_new();
    open_sender(f);
    for (int i = 0; i < 4; i++)
        consume(f, 7, &policy);
    CHECK_INT(f->flying_count, 2);
    CHECK_INT(f->flying[0]->batch->items, 10);
    CHECK_INT(f->flying[1]->batch->items, 10);
    sl_worker_advance(&f->worker, 200);
    CHECK_INT(f->flying_count, 3);
    CHECK_INT(f->flying[2]->batch->items, 8);
    while (f->flying_count > 0)
        answer(f, 0, SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 28);
    fixture_end(f);
}

static void test_max_bytes_holds(void **state)
{
    (void)state;
    static const struct sl_batch_policy policy = {
        .timeout_ms = 200, .min_items = 100, .max_bytes = 150};
    struct fixture *f = fixture_new();
    open_sender(f);
    for (int i = 0; i < 20; i++)
        consume(f, 5, &policy);
    sl_worker_advance(&f->worker, 200);
    while (f->flying_count > 0)
        answer(f, 0, SL_RESULT_OK);
    CHECK(f->largest_bytes <= 150);
    CHECK(f->largest_items > 5);
    CHECK_INT(counted(f, SL_EV_SENT), 100);
    fixture_end(f);
}

static void test_the_exporters_own_batch_wins(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.batch =
        (struct sl_queue_batch_config){.presence = SL_GIVEN, .flush_timeout_ms = 50, .min_size = 3};
    open_sender(f);
    consume(f, 2, &ten_items);
    consume(f, 2, NULL);
    CHECK_INT(f->flying_count, 1);
    CHECK_INT(f->flying[0]->batch->items, 4);
    fixture_end(f);
}

static void test_only_the_culprit_of_a_rejected_batch_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 4, &ten_items);
    struct sl_delivery *other = make_delivery(f, 2, 'b');
    other->policy = &ten_items;
    sl_sender_consume(f->sender, other);
    consume(f, 4, &ten_items);
    CHECK_INT(f->flying_count, 1);
    answer(f, 0, SL_RESULT_REJECT);
    CHECK_INT(f->flying_count, 3);
    CHECK(holds_item(f->flying[0], 0) && holds_item(f->flying[1], 4) &&
          holds_item(f->flying[2], 6));
    answer(f, 1, SL_RESULT_REJECT);
    answer(f, 0, SL_RESULT_OK);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 8);
    CHECK_INT(dropped(f, "rejected"), 2);
    fixture_end(f);
}

static void test_what_is_too_large_is_halved_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 8, NULL);
    answer(f, 0, SL_RESULT_TOO_LARGE);
    CHECK_INT(f->flying_count, 2);
    CHECK_INT(f->flying[0]->batch->items, 4);
    answer(f, 0, SL_RESULT_TOO_LARGE);
    CHECK_INT(dropped(f, "too_large"), 4);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 4);
    fixture_end(f);
}

static void test_a_merged_batch_that_is_too_large_is_taken_apart(void **state)
{
    (void)state;
    static const struct sl_batch_policy policy = {.timeout_ms = 200, .min_items = 32};
    struct fixture *f = fixture_new();
    open_sender(f);
    for (int i = 0; i < 4; i++)
        consume(f, 8, &policy);
    while (f->flying_count > 0)
        answer(f, 0, f->flying[0]->batch->items > 8 ? SL_RESULT_TOO_LARGE : SL_RESULT_OK);
    CHECK_INT(counted(f, SL_EV_SENT), 32);
    fixture_end(f);
}

/* ---- deliveries that are held ---- */

static void test_without_the_queue_the_client_hears_how_it_ended(void **state)
{
    (void)state;
    static const enum sl_outcome outcomes[] = {SL_RESULT_OK, SL_RESULT_REJECT, SL_RESULT_DENIED};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        struct fixture *f = fixture_new();
        f->queue.enabled = false;
        open_sender(f);
        consume(f, 3, NULL);
        CHECK_INT(f->finished_count, 0);
        answer(f, 0, outcomes[i]);
        CHECK_INT(f->finished_items[outcomes[i]], 3);
        fixture_end(f);
    }
}

static void test_held_deliveries_of_a_group_end_together(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.wait_for_result = true;
    open_sender(f);
    consume(f, 5, &ten_items);
    consume(f, 5, &ten_items);
    CHECK_INT(f->finished_count, 0);
    answer_result(f, 0, (struct sl_result){.outcome = SL_RESULT_PARTIAL, .rejected_items = 7});
    CHECK_INT(f->finished_items[SL_RESULT_PARTIAL], 10);
    fixture_end(f);
}

static void test_a_held_delivery_ends_after_its_last_part(void **state)
{
    (void)state;
    static const struct sl_batch_policy policy = {.timeout_ms = 0, .min_items = 2, .max_items = 2};
    struct fixture *f = fixture_new();
    f->queue.enabled = false;
    open_sender(f);
    consume(f, 6, &policy);
    CHECK_INT(f->flying_count, 3);
    answer(f, 2, SL_RESULT_OK);
    answer(f, 0, SL_RESULT_REJECT);
    CHECK_INT(f->finished_count, 0);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(f->finished_items[SL_RESULT_REJECT], 6);
    fixture_end(f);
}

static void test_a_held_delivery_is_given_up_at_its_clients_deadline(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.enabled = false;
    open_sender(f);
    struct sl_context context = {.deadline_ms = sl_worker_now_ms(&f->worker) + 4000};
    struct sl_delivery *delivery = make_delivery(f, 2, 'a');
    delivery->context = sl_context_new(&context);
    sl_sender_consume(f->sender, delivery);
    CHECK_INT(f->flying[0]->deadline_ms, context.deadline_ms);
    answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 2);
    fixture_end(f);
}

static void consume_until(struct fixture *f, uint64_t deadline_ms)
{
    struct sl_context context = {.deadline_ms = deadline_ms};
    struct sl_delivery *delivery = make_delivery(f, 2, 'a');
    delivery->context = sl_context_new(&context);
    sl_sender_consume(f->sender, delivery);
}

static void test_a_client_in_a_hurry_makes_no_other_wait(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.enabled = false;
    open_sender(f);
    consume_until(f, sl_worker_now_ms(&f->worker) + 50);
    sl_worker_advance(&f->worker, 50);
    answer(f, 0, SL_RESULT_RETRY); /* the attempt was cut short at the client's deadline */
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 2);
    consume(f, 3, NULL);
    CHECK_INT(f->flying_count, 1); /* no back-off */
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 3);
    fixture_end(f);
}

static void test_a_client_in_a_hurry_does_not_take_those_merged_with_it_along(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.wait_for_result = true;
    f->queue.batch = (struct sl_queue_batch_config){
        .presence = SL_GIVEN, .flush_timeout_ms = 20, .min_size = 100};
    open_sender(f);
    uint64_t now_ms = sl_worker_now_ms(&f->worker);
    consume_until(f, now_ms + 50);
    consume_until(f, now_ms + 60000);
    sl_worker_advance(&f->worker, 50);
    CHECK_INT(f->flying_count, 1);
    answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(f->finished_count, 0);
    CHECK_INT(f->flying_count, 2);
    answer(f, 0, SL_RESULT_RETRY);
    CHECK_INT(f->finished_items[SL_RESULT_RETRY], 2);
    answer(f, 0, SL_RESULT_OK);
    CHECK_INT(f->finished_items[SL_RESULT_OK], 2);
    fixture_end(f);
}

/* ---- the end ---- */

static void test_drain_sends_what_is_held_and_refuses_more(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.num_consumers = 1;
    open_sender(f);
    consume(f, 2, NULL);
    consume(f, 3, &ten_items);
    sl_sender_drain(f->sender, sl_worker_now_ms(&f->worker) + 1000);
    consume(f, 1, NULL);
    CHECK_INT(f->finished_items[SL_RESULT_SHUTDOWN], 1);
    answer(f, 0, SL_RESULT_OK);
    CHECK(!drained(f));
    CHECK_INT(f->flying[0]->batch->items, 3);
    answer(f, 0, SL_RESULT_OK);
    CHECK(drained(f));
    CHECK_INT(counted(f, SL_EV_SENT), 5);
    fixture_end(f);
}

static void test_drain_ends_at_the_deadline_and_stop_counts_what_is_left(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.num_consumers = 1;
    open_sender(f);
    consume(f, 2, NULL);
    consume(f, 3, NULL);
    sl_sender_drain(f->sender, sl_worker_now_ms(&f->worker) + 1000);
    sl_worker_advance(&f->worker, 999);
    CHECK(!drained(f));
    sl_worker_advance(&f->worker, 1);
    CHECK(drained(f));
    sl_sender_stop(f->sender, fake_stopped);
    CHECK(f->stopped);
    CHECK_INT(dropped(f, "shutdown"), 5);
    fixture_end(f);
}

static void test_drain_does_not_wait_for_a_destination_that_is_down(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    open_sender(f);
    consume(f, 2, NULL);
    answer(f, 0, SL_RESULT_RETRY);
    sl_sender_drain(f->sender, sl_worker_now_ms(&f->worker) + 3000);
    CHECK_INT(f->flying_count, 1); /* one more try at once */
    answer(f, 0, SL_RESULT_RETRY);
    CHECK(drained(f)); /* the next one would come after the deadline */
    fixture_end(f);
}

static void test_stop_ends_held_deliveries_with_shutdown(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->queue.wait_for_result = true;
    f->queue.num_consumers = 1;
    open_sender(f);
    consume(f, 1, NULL);
    consume(f, 1, NULL);
    consume(f, 1, &ten_items);
    sl_sender_stop(f->sender, fake_stopped);
    CHECK_INT(f->finished_items[SL_RESULT_SHUTDOWN], 3);
    fixture_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delivery_is_finished_when_it_is_queued),
        cmocka_unit_test(test_a_full_queue_refuses_with_retry),
        cmocka_unit_test(test_each_sizer_and_the_byte_budget_limit_the_queue),
        cmocka_unit_test(test_what_never_fits_is_too_large),
        cmocka_unit_test(test_limits_are_divided_by_the_workers_but_an_empty_queue_takes_more),
        cmocka_unit_test(test_a_claim_keeps_room),
        cmocka_unit_test(test_drop_oldest_gives_up_what_came_first),
        cmocka_unit_test(test_drop_counted_drops_the_newest_and_answers_ok),
        cmocka_unit_test(test_num_consumers_limits_the_attempts),
        cmocka_unit_test(test_an_attempt_may_end_inside_send),
        cmocka_unit_test(test_one_probe_at_a_time_while_the_destination_fails),
        cmocka_unit_test(test_jitter_stays_within_its_factor),
        cmocka_unit_test(test_the_servers_delay_is_the_least),
        cmocka_unit_test(test_a_batch_is_given_up_after_max_elapsed_time),
        cmocka_unit_test(test_without_retry_the_first_failure_is_the_last),
        cmocka_unit_test(test_the_encoded_form_is_kept_for_the_retry),
        cmocka_unit_test(test_final_errors_drop_and_are_counted),
        cmocka_unit_test(test_a_partial_success_counts_what_was_rejected),
        cmocka_unit_test(test_what_waits_does_not_pin_the_whole_request),
        cmocka_unit_test(test_a_policy_merges_until_it_is_full_or_time_is_up),
        cmocka_unit_test(test_other_policies_and_merge_keys_stay_apart),
        cmocka_unit_test(test_a_batch_over_the_maximum_is_split),
        cmocka_unit_test(test_max_bytes_holds),
        cmocka_unit_test(test_the_exporters_own_batch_wins),
        cmocka_unit_test(test_only_the_culprit_of_a_rejected_batch_is_dropped),
        cmocka_unit_test(test_what_is_too_large_is_halved_once),
        cmocka_unit_test(test_a_merged_batch_that_is_too_large_is_taken_apart),
        cmocka_unit_test(test_without_the_queue_the_client_hears_how_it_ended),
        cmocka_unit_test(test_held_deliveries_of_a_group_end_together),
        cmocka_unit_test(test_a_held_delivery_ends_after_its_last_part),
        cmocka_unit_test(test_a_held_delivery_is_given_up_at_its_clients_deadline),
        cmocka_unit_test(test_a_client_in_a_hurry_makes_no_other_wait),
        cmocka_unit_test(test_a_client_in_a_hurry_does_not_take_those_merged_with_it_along),
        cmocka_unit_test(test_drain_sends_what_is_held_and_refuses_more),
        cmocka_unit_test(test_drain_ends_at_the_deadline_and_stop_counts_what_is_left),
        cmocka_unit_test(test_drain_does_not_wait_for_a_destination_that_is_down),
        cmocka_unit_test(test_stop_ends_held_deliveries_with_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
