/* SPDX-License-Identifier: Apache-2.0 */
/* The batch processor on a manual worker: as a policy, and holding deliveries until
 * their group was accepted. */
#include "core/alloc.h"
#include "tests/solo.h"

extern const struct sl_component_type batch_processor;

#define SPANS(spans) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" spans "]}]}]}"
#define SPAN(name) "{\"name\":\"" name "\"}"
#define THREE(a, b, c) SPANS(SPAN(a) "," SPAN(b) "," SPAN(c))
#define LOG "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"x\"}]}]}]}"

enum { MANY = 8 };

static void put(struct solo *solo, const char *json, struct answer *answer)
{
    solo_send(solo, solo_batch(SL_TRACES, json), NULL, answer);
}

static struct sl_context *tenant(const char *name, uint64_t merge_key)
{
    struct sl_metadata metadata = {SL_LIT("x-tenant"), sl_text(name)};
    struct sl_context context = {
        .merge_key = merge_key, .metadata = &metadata, .metadata_count = name != NULL};
    struct sl_context *copy = sl_context_new(&context);
    CHECK(copy != NULL);
    return copy;
}

static void test_before_queues_it_leaves_its_policy_and_keeps_nothing(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answer;
    solo_init(
        &solo, &batch_processor,
        "timeout: 3s\nsend_batch_size: 7\nsend_batch_max_size: 9\nsend_batch_max_bytes: 4KiB\n"
        "metadata_keys: [X-Tenant]");
    solo.self->last_in_pipeline = solo.self->queues_follow = true;
    struct sl_batch *batch = solo_batch(SL_TRACES, SPANS(SPAN("a")));
    solo_send(&solo, batch, tenant("one", 0), &answer);
    CHECK_INT(solo.caught_count, 1);
    CHECK(solo.caught->batch == batch);
    const struct sl_batch_policy *policy = solo.caught->policy;
    CHECK(policy != NULL);
    CHECK_INT(policy->timeout_ms, 3000);
    CHECK_INT(policy->min_items, 7);
    CHECK_INT(policy->max_items, 9);
    CHECK_INT(policy->max_bytes, 4096);
    CHECK(solo.caught->context->merge_key != 0);
    CHECK_INT(answer.count, 0);
    solo_finish(&solo, sl_result_ok(), NULL);
    CHECK_INT(answer.count, 1);
    solo_done(&solo);
}

static void test_elsewhere_it_holds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct solo solo;
        struct answer answer;
        solo_init(&solo, &batch_processor, "timeout: 1s");
        solo.self->last_in_pipeline = i & 1;
        solo.self->queues_follow = i & 2;
        put(&solo, SPANS(SPAN("a")), &answer);
        CHECK_INT(solo.caught_count, 0);
        CHECK_INT(answer.count, 0);
        solo_done(&solo);
        CHECK_INT(answer.count, 1);
        CHECK_INT(answer.result.outcome, SL_RESULT_SHUTDOWN);
    }
}

static void test_the_oldest_item_waits_for_the_timeout_and_no_longer(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[3];
    struct sl_out json = {0};
    solo_init(&solo, &batch_processor, "timeout: 200ms");
    put(&solo, SPANS(SPAN("a")), &answers[0]);
    sl_worker_advance(&solo.worker, 150);
    put(&solo, SPANS(SPAN("b")), &answers[1]);
    sl_worker_advance(&solo.worker, 49);
    CHECK_INT(solo.caught_count, 0);
    sl_worker_advance(&solo.worker, 1);
    CHECK_INT(solo.caught_count, 1);
    put(&solo, SPANS(SPAN("c")), &answers[2]); /* a new group with a time of its own */
    CHECK_INT(answers[0].count + answers[1].count, 0);
    solo_finish(&solo, sl_result_of(SL_RESULT_REJECT, "no"), &json);
    CHECK_TEXT(sl_out_cstr(&json), SPANS(SPAN("a") "," SPAN("b")));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(answers[i].count, 1);
        CHECK_INT(answers[i].result.outcome, SL_RESULT_REJECT);
        CHECK_TEXT(answers[i].message, "no");
    }
    CHECK_INT(answers[2].count, 0);
    sl_worker_advance(&solo.worker, 199);
    CHECK_INT(solo.caught_count, 1);
    sl_worker_advance(&solo.worker, 1);
    CHECK_INT(solo.caught_count, 2);
    sl_out_done(&json);
    solo_done(&solo);
}

static void test_a_group_goes_when_it_is_large_enough(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "timeout: 1h\nsend_batch_size: 5",
        "timeout: 1h\nsend_batch_max_bytes: 40", /* each has 24 bytes */
    };
    for (size_t i = 0; i < 2; i++) {
        struct solo solo;
        struct answer answers[2];
        solo_init(&solo, &batch_processor, settings[i]);
        put(&solo, THREE("aaaaaa", "b", "c"), &answers[0]);
        CHECK_INT(solo.caught_count, 0);
        put(&solo, THREE("dddddd", "e", "f"), &answers[1]);
        CHECK(solo.caught_count > 0);
        solo_done(&solo);
    }
}

static void test_no_timeout_or_no_size_sends_at_once(void **state)
{
    (void)state;
    static const char *const settings[] = {"timeout: 0s", "send_batch_size: 0"};
    for (size_t i = 0; i < 2; i++) {
        struct solo solo;
        struct answer answer;
        solo_init(&solo, &batch_processor, settings[i]);
        put(&solo, SPANS(SPAN("a")), &answer);
        CHECK_INT(solo.caught_count, 1);
        solo_done(&solo);
    }
}

static void test_a_large_group_is_split_and_answered_once_with_what_wins(void **state)
{
    (void)state;
    static const char *const want[] = {
        THREE("a", "b", "c"), SPANS(SPAN("d") "," SPAN("e") "," SPAN("f")), SPANS(SPAN("g"))};
    struct solo solo;
    struct answer answers[3];
    struct sl_out json = {0};
    solo_init(&solo, &batch_processor, "send_batch_size: 3\nsend_batch_max_size: 3\ntimeout: 1h");
    put(&solo, SPANS(SPAN("a")), &answers[0]);
    put(&solo,
        SPANS(SPAN("b") "," SPAN("c") "," SPAN("d") "," SPAN("e") "," SPAN("f") "," SPAN("g")),
        &answers[1]);
    CHECK_INT(solo.caught_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(answers[0].count + answers[1].count, 0);
        struct sl_result result = sl_result_of(SL_RESULT_RETRY, "slow down");
        result.retry_after_ms = 1234;
        solo_finish(&solo, i == 1 ? result : sl_result_ok(), &json);
        CHECK_TEXT(sl_out_cstr(&json), want[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(answers[i].count, 1);
        CHECK_INT(answers[i].result.outcome, SL_RESULT_RETRY);
        CHECK_INT(answers[i].result.retry_after_ms, 1234);
        CHECK_TEXT(answers[i].message, "slow down");
    }
    sl_out_done(&json);
    solo_done(&solo);
}

static void test_no_part_is_larger_in_bytes_than_allowed(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[MANY];
    size_t items = 0;
    solo_init(&solo, &batch_processor, "send_batch_max_bytes: 64\ntimeout: 1s");
    for (unsigned i = 0; i < MANY; i++)
        put(&solo, THREE("a", "b", "c"), &answers[i]);
    sl_worker_advance(&solo.worker, 1000);
    while (solo.caught != NULL) {
        CHECK(sl_batch_encoded_size(solo.caught->batch) <= 64);
        items += solo.caught->batch->items;
        solo_finish(&solo, sl_result_ok(), NULL);
    }
    CHECK_INT(items, MANY * 3);
    for (unsigned i = 0; i < MANY; i++)
        CHECK_INT(answers[i].count, 1);
    solo_done(&solo);
}

static void test_equal_resources_and_scopes_are_joined_with_their_schema_urls(void **state)
{
    (void)state;
#define PART(url, scope, spans)                                                                    \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"k\",\"value\":{"                \
    "\"stringValue\":"                                                                             \
    "\"v\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"" scope "\"},\"spans\":[" spans              \
    "],\"schemaUrl\":\"s\"}],\"schemaUrl\":\"" url "\"}]}"
    struct solo solo;
    struct answer answers[3];
    struct sl_out json = {0};
    solo_init(&solo, &batch_processor, "timeout: 1s");
    put(&solo, PART("u", "lib", SPAN("a")), &answers[0]);
    put(&solo, PART("u", "lib", SPAN("b")), &answers[1]);
    sl_worker_advance(&solo.worker, 1000);
    solo_finish(&solo, sl_result_ok(), &json);
    CHECK_TEXT(sl_out_cstr(&json), PART("u", "lib", SPAN("a") "," SPAN("b")));

    put(&solo, PART("u", "lib", SPAN("a")), &answers[0]);
    put(&solo, PART("other", "lib", SPAN("b")), &answers[1]);
    put(&solo, PART("u", "lib", SPAN("c")), &answers[2]);
    sl_worker_advance(&solo.worker, 1000);
    CHECK_INT(solo.caught->batch->resource_count, 2);
    CHECK_INT(solo.caught->batch->records, 3);
    solo_finish(&solo, sl_result_ok(), &json);
    CHECK(strstr(sl_out_cstr(&json), "\"schemaUrl\":\"other\"") != NULL);
    sl_out_done(&json);
    solo_done(&solo);
#undef PART
}

static void test_rejected_items_are_shared_out_among_the_clients(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[3];
    uint64_t rejected = 0, partial = 0;
    solo_init(&solo, &batch_processor, "timeout: 1s");
    for (unsigned i = 0; i < 3; i++)
        put(&solo, SPANS(SPAN("a")), &answers[i]);
    sl_worker_advance(&solo.worker, 1000);
    struct sl_result result = sl_result_of(SL_RESULT_PARTIAL, "one was bad");
    result.rejected_items = 2;
    solo_finish(&solo, result, NULL);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(answers[i].count, 1);
        partial += answers[i].result.outcome == SL_RESULT_PARTIAL;
        rejected += answers[i].result.rejected_items;
        CHECK(answers[i].result.rejected_items <= 1); /* no client is told of more than it sent */
    }
    CHECK_INT(partial, 2);
    CHECK_INT(rejected, 2);
    solo_done(&solo);
}

static void test_a_client_in_a_hurry_does_not_hurry_the_others(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[2];
    struct sl_context hurried = {.transport = "grpc", .deadline_ms = 1500};
    solo_init(&solo, &batch_processor, "timeout: 1s");
    struct sl_context *context = sl_context_new(&hurried);
    CHECK(context != NULL);
    solo_send(&solo, solo_batch(SL_TRACES, SPANS(SPAN("a"))), context, &answers[0]);
    put(&solo, SPANS(SPAN("b")), &answers[1]);
    sl_worker_advance(&solo.worker, 1000);
    CHECK(solo.caught != NULL && solo.caught->context != NULL);
    CHECK_INT(solo.caught->context->deadline_ms, 0);
    solo_finish(&solo, sl_result_ok(), NULL);
    solo_done(&solo);
}

static void test_signals_and_merge_keys_stay_apart(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *tenants[2];
        uint64_t keys[2];
        unsigned groups;
    } cases[] = {{"timeout: 1s", {"a", "b"}, {0, 0}, 1}, /* nobody asked */
                 {"timeout: 1s", {"a", "a"}, {1, 2}, 2},
                 {"timeout: 1s\nmetadata_keys: [x-TENANT]", {"a", "b"}, {0, 0}, 2},
                 {"timeout: 1s\nmetadata_keys: [x-TENANT]", {"a", "a"}, {0, 0}, 1},
                 {"timeout: 1s\nmetadata_keys: [x-TENANT]", {"a", "a"}, {1, 2}, 2},
                 {"timeout: 1s\nmetadata_keys: [x-TENANT]", {"", NULL}, {0, 0}, 2},
                 {"timeout: 1s\nmetadata_keys: [other]", {"a", "b"}, {0, 0}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct solo solo;
        struct answer answers[4];
        solo_init(&solo, &batch_processor, cases[i].settings);
        for (unsigned k = 0; k < 2; k++)
            solo_send(&solo, solo_batch(SL_TRACES, SPANS(SPAN("a"))),
                      tenant(cases[i].tenants[k], cases[i].keys[k]), &answers[k]);
        solo_send(&solo, solo_batch(SL_LOGS, LOG), NULL, &answers[2]);
        sl_worker_advance(&solo.worker, 1000);
        if (solo.caught_count != cases[i].groups + 1)
            fail_msg("case %zu: %u groups, expected %u", i, solo.caught_count - 1, cases[i].groups);
        for (struct sl_delivery *at = solo.caught; at != NULL; at = at->next)
            CHECK(at->batch->signal == SL_LOGS || at->context != NULL); /* passed on */
        solo_done(&solo);
    }
}

static void test_too_many_metadata_values_are_refused_and_counted(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[4];
    solo_init(&solo, &batch_processor,
              "timeout: 1s\nmetadata_keys: [x-tenant]\nmetadata_cardinality_limit: 2");
    static const char *const names[] = {"a", "b", "c", "a"};
    for (unsigned i = 0; i < 4; i++)
        solo_send(&solo, solo_batch(SL_TRACES, THREE("x", "y", "z")), tenant(names[i], 0),
                  &answers[i]);
    CHECK_INT(answers[2].count, 1);
    CHECK_INT(answers[2].result.outcome, SL_RESULT_REJECT);
    CHECK_INT(sl_meters_dropped(solo.process.meters, "metadata_cardinality"), 3);
    CHECK_INT(answers[0].count + answers[1].count + answers[3].count, 0);
    sl_worker_advance(&solo.worker, 1000);
    CHECK_INT(solo.caught_count, 2);
    solo_send(&solo, solo_batch(SL_TRACES, THREE("x", "y", "z")), tenant("c", 0), &answers[2]);
    CHECK_INT(answers[2].count, 0); /* there is room again */
    solo_done(&solo);
}

static void test_a_drain_sends_all_and_ends_when_all_has_landed(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[3];
    solo_init(&solo, &batch_processor, "timeout: 1h");
    put(&solo, SPANS(SPAN("a")), &answers[0]);
    solo_send(&solo, solo_batch(SL_LOGS, LOG), NULL, &answers[1]);
    batch_processor.drain(solo.self, 0);
    CHECK_INT(solo.caught_count, 2);
    CHECK((solo.self->state & SL_DRAINED) == 0);
    put(&solo, SPANS(SPAN("late")), &answers[2]);
    CHECK_INT(answers[2].count, 1);
    CHECK_INT(answers[2].result.outcome, SL_RESULT_RETRY);
    solo_finish(&solo, sl_result_ok(), NULL);
    CHECK((solo.self->state & SL_DRAINED) == 0);
    solo_finish(&solo, sl_result_ok(), NULL);
    CHECK((solo.self->state & SL_DRAINED) != 0);
    CHECK_INT(answers[0].count, 1);
    CHECK_INT(answers[1].count, 1);
    solo_done(&solo);

    solo_init(&solo, &batch_processor, "");
    batch_processor.drain(solo.self, 0);
    CHECK((solo.self->state & SL_DRAINED) != 0);
    solo_done(&solo);
}

static void test_a_stop_answers_what_is_held_and_leaves_what_is_on_its_way(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answers[2];
    solo_init(&solo, &batch_processor, "timeout: 1s");
    put(&solo, SPANS(SPAN("a")), &answers[0]);
    sl_worker_advance(&solo.worker, 1000);
    put(&solo, SPANS(SPAN("b")), &answers[1]);
    batch_processor.stop(solo.self);
    CHECK((solo.self->state & SL_STOPPED) != 0);
    CHECK_INT(answers[0].count, 0);
    CHECK_INT(answers[1].count, 1);
    CHECK_INT(answers[1].result.outcome, SL_RESULT_SHUTDOWN);
    solo_finish(&solo, sl_result_ok(), NULL);
    CHECK_INT(answers[0].count, 1);
    CHECK_INT(answers[0].result.outcome, SL_RESULT_OK);
    solo_done(&solo);
}

/* ---- claims: room that a fan-out before has set aside in queues ---- */

static size_t released_items, released_bytes, releases;

static void release(struct sl_component *self, size_t items, size_t bytes)
{
    (void)self;
    releases++;
    released_items += items;
    released_bytes += bytes;
}

static const struct sl_component_type queue_type = {
    .name = "queue", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .release = release};

static void never_finished(void *arg, const struct sl_result *result)
{
    (void)result;
    ++*(unsigned *)arg;
}

static void send_claimed(struct solo *solo, struct sl_component *queue, unsigned *finished)
{
    struct sl_delivery *delivery = sl_delivery_new(solo_batch(SL_TRACES, THREE("a", "b", "c")),
                                                   NULL, never_finished, finished);
    struct sl_claim *claim = sl_calloc(1, sizeof *claim);
    CHECK(delivery != NULL && claim != NULL);
    *claim = (struct sl_claim){.target = queue, .items = 3, .bytes = 100};
    delivery->claims = claim;
    sl_component_consume(solo->self, delivery);
}

static void test_claims_go_with_the_merged_batch_and_are_given_back_once(void **state)
{
    (void)state;
    struct sl_component queue = {.type = &queue_type, .id = "queue"};
    for (unsigned way = 0; way < 3; way++) {
        struct solo solo;
        unsigned finished = 0;
        struct sl_claim claim = {0};
        releases = released_items = released_bytes = 0;
        solo_init(&solo, &batch_processor,
                  "timeout: 1s\nsend_batch_max_size: 8\nsend_batch_size: 8");
        send_claimed(&solo, &queue, &finished);
        send_claimed(&solo, &queue, &finished);
        if (way == 0) { /* never sent */
            batch_processor.stop(solo.self);
            CHECK_INT(releases, 2);
        } else {
            if (way == 2) /* nine items: two parts */
                send_claimed(&solo, &queue, &finished);
            sl_worker_advance(&solo.worker, 1000);
            CHECK_INT(solo.caught_count, way);
            CHECK_INT(releases, 0);
            CHECK(solo.caught->claims != NULL && solo.caught->claims->next == NULL);
            CHECK_INT(solo.caught->claims->items, way == 1 ? 6 : 9);
            if (way == 1)
                CHECK(sl_delivery_use_claim(solo.caught, &queue, &claim));
            solo_finish(&solo, sl_result_ok(), NULL);
            CHECK_INT(releases, way == 1 ? 0 : 1);
            if (way == 2) {
                CHECK(solo.caught->claims == NULL);
                solo_finish(&solo, sl_result_ok(), NULL);
            }
        }
        CHECK_INT(finished, way == 2 ? 3 : 2);
        CHECK_INT(released_items + claim.items, way == 2 ? 9 : 6);
        CHECK_INT(released_bytes + claim.bytes, way == 2 ? 300 : 200);
        solo_done(&solo);
        CHECK_INT(finished, way == 2 ? 3 : 2);
    }
}

static void test_without_memory_each_delivery_is_still_answered_once(void **state)
{
    (void)state;
    bool ended = false;
    unsigned refused = 0;
    for (long n = 0; !ended && n < 2000; n++) {
        struct solo solo;
        struct answer answers[MANY];
        struct sl_batch *batches[MANY];
        struct sl_context *contexts[MANY];
        uint64_t items = 0, dropped = 0;
        solo_init(
            &solo, &batch_processor,
            "timeout: 1s\nsend_batch_size: 7\nsend_batch_max_size: 7\nmetadata_keys: [x-tenant]");
        for (unsigned i = 0; i < MANY; i++) {
            batches[i] = solo_batch(SL_TRACES, THREE("a", "b", "c"));
            contexts[i] = tenant(i % 3 ? "one" : "two", 0);
        }
        struct sl_batch *shared = sl_batch_ref(batches[1]); /* must be cloned */
        (void)sl_alloc_fail_after(n);
        for (unsigned i = 0; i < MANY; i++)
            solo_send(&solo, batches[i], contexts[i], &answers[i]);
        sl_worker_advance(&solo.worker, 1000);
        ended = sl_alloc_fail_after(-1) <= n;
        while (solo.caught != NULL) {
            items += solo.caught->batch->items;
            solo_finish(&solo, sl_result_ok(), NULL);
        }
        for (unsigned i = 0; i < MANY; i++) {
            bool retry = answers[i].result.outcome == SL_RESULT_RETRY;
            dropped += retry;
            if (answers[i].count == 0) { /* no memory for the delivery itself */
                CHECK(!ended);
                dropped++;
                continue;
            }
            CHECK_INT(answers[i].count, 1);
            CHECK(retry || answers[i].result.outcome == SL_RESULT_OK);
            items += retry ? 3 : 0;
        }
        refused += dropped > 0;
        CHECK(items + 3 * dropped >= MANY * 3); /* told to retry, or sent, or both */
        CHECK(!ended || (items == MANY * 3 && dropped == 0));
        sl_batch_unref(shared);
        solo_done(&solo);
    }
    CHECK(ended && refused > 5);
}

static void test_a_maximum_below_the_size_is_refused(void **state)
{
    (void)state;
    struct solo solo;
    CHECK_INT(solo_make(&solo, &batch_processor, "send_batch_size: 10\nsend_batch_max_size: 9"),
              SL_EINVALID);
    solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_queues_it_leaves_its_policy_and_keeps_nothing),
        cmocka_unit_test(test_elsewhere_it_holds),
        cmocka_unit_test(test_the_oldest_item_waits_for_the_timeout_and_no_longer),
        cmocka_unit_test(test_a_group_goes_when_it_is_large_enough),
        cmocka_unit_test(test_no_timeout_or_no_size_sends_at_once),
        cmocka_unit_test(test_a_large_group_is_split_and_answered_once_with_what_wins),
        cmocka_unit_test(test_no_part_is_larger_in_bytes_than_allowed),
        cmocka_unit_test(test_equal_resources_and_scopes_are_joined_with_their_schema_urls),
        cmocka_unit_test(test_rejected_items_are_shared_out_among_the_clients),
        cmocka_unit_test(test_a_client_in_a_hurry_does_not_hurry_the_others),
        cmocka_unit_test(test_signals_and_merge_keys_stay_apart),
        cmocka_unit_test(test_too_many_metadata_values_are_refused_and_counted),
        cmocka_unit_test(test_a_drain_sends_all_and_ends_when_all_has_landed),
        cmocka_unit_test(test_a_stop_answers_what_is_held_and_leaves_what_is_on_its_way),
        cmocka_unit_test(test_claims_go_with_the_merged_batch_and_are_given_back_once),
        cmocka_unit_test(test_without_memory_each_delivery_is_still_answered_once),
        cmocka_unit_test(test_a_maximum_below_the_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
