/* SPDX-License-Identifier: Apache-2.0 */
/* Moving records between batches: append, split, sweep, sibling groups, copies. */
#include "tests/unit/otlp/wire_help.h"

static struct sl_bytes group(const char *resource, const char *scope, const char *names)
{
    struct sl_out records = {0};
    for (; *names != '\0'; names++) {
        struct sl_bytes span = len(SL_SCOPE_RECORDS, len(SL_SPAN_NAME, sl_bytes(names, 1)));
        sl_out_bytes(&records, span.data, span.size);
    }
    struct sl_bytes made =
        len(1, CAT(len(SL_GROUP_RESOURCE, attr(1, "service.name", resource)),
                   len(SL_GROUP_SCOPES, CAT(len(SL_SCOPE_SCOPE, text(SL_SCOPE_NAME, scope)),
                                            sl_out_view(&records), text(3, "url")))));
    sl_out_done(&records);
    return made;
}

static struct sl_bytes body_abc(void)
{
    return CAT(group("r", "s", "abc"), group("q", "s", "de"), group("r", "t", "f"));
}

static void test_append_joins_equal_groups_and_keeps_the_order(void **state)
{
    (void)state;
    struct sl_batch *batch = must_read(SL_TRACES, CAT(group("r", "s", "ab"), group("q", "s", "x")));
    struct sl_batch *from = must_read(SL_TRACES, CAT(group("r", "s", "cd"), group("r", "t", "e")));
    CHECK_INT(sl_batch_append(batch, from), SL_OK);
    CHECK_INT(from->records + from->items + from->group_count, 0);
    sl_batch_unref(from);
    CHECK_INT(batch->records, 6);
    CHECK_INT(batch->group_count, 3);
    CHECK_INT(batch->resource_count, 2);
    CHECK_INT(batch->groups[0].count, 4);
    CHECK(batch->groups[1].resource == batch->groups[0].resource);
    CHECK_BYTES(batch->groups[1].records[0].part.wire, text(SL_SPAN_NAME, "e"));
    struct sl_batch *again = must_read(SL_TRACES, encoded(batch));
    CHECK_INT(again->records, 6);
    CHECK_INT(again->group_count, 3);
    sl_batch_unref(again);
    sl_batch_unref(batch);
}

static void test_resources_that_became_equal_by_edits_are_joined(void **state)
{
    (void)state;
    struct sl_batch *batch = must_read(SL_TRACES, group("r", "s", "a"));
    struct sl_batch *from = must_read(SL_TRACES, group("secret", "s", "b"));
    struct sl_part *part = &from->resources[0]->part;
    struct sl_attr found;
    CHECK(sl_attr_find(from, part, 1, SL_LIT("service.name"), &found));
    CHECK_INT(sl_attr_replace(from, part, &found, sl_value_string(SL_LIT("r"))), SL_OK);
    CHECK_INT(sl_batch_append(batch, from), SL_OK);
    sl_batch_unref(from);
    CHECK_INT(batch->group_count, 1);
    CHECK_BYTES(encoded(batch), group("r", "s", "ab"));
    sl_batch_unref(batch);
}

static void test_split_keeps_as_many_from_the_front_as_fit(void **state)
{
    (void)state;
    for (size_t most = 1; most <= 7; most++) {
        struct sl_batch *batch = must_read(SL_TRACES, body_abc()), *all = sl_batch_new(SL_TRACES);
        size_t records = 0;
        while (batch != NULL) {
            struct sl_batch *rest = NULL;
            CHECK_INT(sl_batch_split(batch, most, 0, &rest), SL_OK);
            CHECK_INT(batch->records, records + most <= 6 ? most : 6 - records);
            CHECK_INT(batch->groups[0].records[0].part.wire.data[2], "abcdef"[records]);
            records += batch->records;
            CHECK_INT(sl_batch_append(all, batch), SL_OK);
            sl_batch_unref(batch);
            batch = rest;
        }
        CHECK_INT(records, 6);
        CHECK_INT(all->records, 6);
        CHECK_INT(all->group_count, 3);
        sl_batch_unref(all);
    }
}

static void test_split_by_bytes_is_exact(void **state)
{
    (void)state;
    size_t whole = body_abc().size;
    for (size_t most = 1; most <= whole; most++) {
        struct sl_batch *batch = must_read(SL_TRACES, body_abc()), *rest = NULL;
        CHECK_INT(sl_batch_split(batch, 0, most, &rest), SL_OK);
        CHECK(batch->records == 1 || encoded(batch).size <= most);
        CHECK_INT(rest == NULL, most == whole);
        CHECK_INT(batch->records + (rest != NULL ? rest->records : 0), 6);
        if (rest != NULL) { /* one more would not have fitted */
            struct sl_batch *more = must_read(SL_TRACES, body_abc()), *tail = NULL;
            CHECK_INT(sl_batch_split(more, batch->records + 1, 0, &tail), SL_OK);
            CHECK(encoded(more).size > most);
            sl_batch_unref(more);
            sl_batch_unref(tail);
        }
        sl_batch_unref(batch);
        sl_batch_unref(rest);
    }
}

static void test_a_metric_is_split_between_its_points(void **state)
{
    (void)state;
    struct sl_bytes point[5];
    static const char *const names[] = {"0", "1", "2", "3", "4"};
    for (unsigned i = 0; i < 5; i++)
        point[i] = len(1, attr(7, "n", names[i]));
    /* The aggregation temporality stands between the points. */
    struct sl_bytes sum = len(SL_METRIC_SUM, CAT(point[0], point[1], varint(2, 2), point[2],
                                                 point[3], point[4], varint(3, 1)));
    struct sl_bytes metric = CAT(text(SL_METRIC_NAME, "m"), sum, text(SL_METRIC_UNIT, "s"));
    struct sl_batch *batch = must_read(SL_METRICS, request_of(metric));
    CHECK_INT(batch->items, 5);
    static const unsigned expected[] = {2, 2, 1};
    unsigned at = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct sl_batch *rest = NULL;
        CHECK_INT(sl_batch_split(batch, 2, 0, &rest), SL_OK);
        CHECK_INT(batch->items, expected[i]);
        CHECK_INT(rest == NULL, i == 2);
        struct sl_bytes points = point[at];
        for (unsigned j = 1; j < expected[i]; j++)
            points = CAT(points, point[at + j]);
        at += expected[i];
        struct sl_bytes part = len(SL_METRIC_SUM, CAT(varint(2, 2), varint(3, 1), points));
        CHECK_BYTES(encoded(batch),
                    request_of(CAT(text(SL_METRIC_NAME, "m"), part, text(SL_METRIC_UNIT, "s"))));
        sl_batch_unref(batch);
        batch = rest;
    }
}

static void test_sweep_takes_out_dropped_records_and_emptied_groups(void **state)
{
    (void)state;
    struct sl_batch *batch = must_read(SL_TRACES, body_abc());
    batch->groups[0].records[1].flags = SL_RECORD_DROP;
    batch->groups[1].records[0].flags = batch->groups[1].records[1].flags = SL_RECORD_DROP;
    CHECK_INT(sl_batch_sweep(batch), 3);
    CHECK_INT(batch->items, 3);
    CHECK_BYTES(encoded(batch), CAT(group("r", "s", "ac"), group("r", "t", "f")));
    CHECK_INT(sl_batch_sweep(batch), 0);
    sl_batch_unref(batch);
}

static void test_marked_records_move_to_a_group_with_the_schema_url(void **state)
{
    (void)state;
    struct sl_batch *batch = must_read(SL_TRACES, group("r", "s", "abc"));
    batch->groups[0].records[1].flags = SL_RECORD_MARK;
    CHECK_INT(sl_group_split(batch, 0, SL_LIT("new")), SL_OK);
    CHECK_INT(batch->group_count, 2);
    CHECK_INT(batch->groups[0].count, 2);
    CHECK_BYTES(batch->groups[1].scope->schema_url, SL_LIT("new"));
    CHECK_BYTES(batch->groups[1].scope->part.wire, text(SL_SCOPE_NAME, "s"));
    CHECK_INT(batch->groups[1].records[0].flags, 0);
    struct sl_batch *again = must_read(SL_TRACES, encoded(batch));
    CHECK_INT(again->resource_count, 1);
    CHECK(again->groups[0].resource == again->groups[1].resource && !again->groups[1].starts);
    sl_batch_unref(again);
    sl_batch_unref(batch);
}

static void test_a_clone_shares_nothing_that_changes(void **state)
{
    (void)state;
    struct sl_batch *batch = must_read(SL_TRACES, body_abc());
    struct sl_part *part = first_part(batch);
    CHECK_INT(sl_part_set_bytes(batch, part, SL_SPAN_NAME, SL_LIT("one")), SL_OK);
    struct sl_bytes before = encoded(batch);
    struct sl_batch *shared = sl_batch_ref(batch);
    CHECK_INT(sl_batch_own(&shared), SL_OK);
    CHECK(shared != batch);
    CHECK_INT(sl_part_set_bytes(shared, first_part(shared), SL_SPAN_NAME, SL_LIT("two")), SL_OK);
    CHECK_INT(sl_attr_add(shared, &shared->resources[0]->part, 1, SL_LIT("k"), sl_value_int(1)),
              SL_OK);
    CHECK_BYTES(encoded(batch), before);
    struct sl_bytes after = encoded(shared);
    sl_batch_unref(batch);
    CHECK_BYTES(encoded(shared), after);
    sl_batch_unref(shared);
}

static void test_compact_lets_go_of_what_is_not_live(void **state)
{
    (void)state;
    struct sl_out body = {0};
    for (unsigned i = 0; i < 200; i++) {
        struct sl_bytes more = body_abc();
        sl_out_bytes(&body, more.data, more.size);
    }
    struct sl_batch *batch = must_read(SL_TRACES, sl_out_view(&body)), *rest = NULL;
    sl_out_done(&body);
    CHECK_INT(sl_batch_split(batch, 3, 0, &rest), SL_OK);
    sl_batch_unref(rest);
    batch->groups[0].records[1].flags = SL_RECORD_MARK;
    size_t pinned = sl_batch_pinned_bytes(batch);
    struct sl_bytes before = encoded(batch);
    CHECK_INT(sl_batch_compact(batch, NULL), SL_OK);
    CHECK(sl_batch_pinned_bytes(batch) < pinned / 4);
    CHECK_BYTES(encoded(batch), before);
    CHECK_INT(batch->groups[0].records[1].flags, SL_RECORD_MARK);
    sl_batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_joins_equal_groups_and_keeps_the_order),
        cmocka_unit_test(test_resources_that_became_equal_by_edits_are_joined),
        cmocka_unit_test(test_split_keeps_as_many_from_the_front_as_fit),
        cmocka_unit_test(test_split_by_bytes_is_exact),
        cmocka_unit_test(test_a_metric_is_split_between_its_points),
        cmocka_unit_test(test_sweep_takes_out_dropped_records_and_emptied_groups),
        cmocka_unit_test(test_marked_records_move_to_a_group_with_the_schema_url),
        cmocka_unit_test(test_a_clone_shares_nothing_that_changes),
        cmocka_unit_test(test_compact_lets_go_of_what_is_not_live),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sl_arena_done(&help_arena);
    return rc;
}
