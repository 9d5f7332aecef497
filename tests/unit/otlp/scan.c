/* SPDX-License-Identifier: Apache-2.0 */
/* The scan: what it visits, what its verdicts do, and that it sees other edits. */
#include "tests/unit/otlp/wire_help.h"

struct seen {
    struct sl_out list;
    const char *find; /* text to replace, remove or drop */
    enum sl_scan_verdict verdict;
};

static enum sl_scan_verdict visit(void *arg, const struct sl_scan_item *item,
                                  struct sl_bytes *ret_text)
{
    struct seen *seen = arg;
    if (item->type == SL_VALUE_INT)
        sl_out_printf(&seen->list, "%lld", (long long)item->value.i);
    else if (item->type == SL_VALUE_DOUBLE)
        sl_out_printf(&seen->list, "%g", item->value.d);
    else
        sl_out_bytes(&seen->list, item->text.data, item->text.size);
    if (item->key.size > 0)
        sl_out_printf(&seen->list, "<%.*s", (int)item->key.size, (const char *)item->key.data);
    if (item->inner_key.size > 0)
        sl_out_printf(&seen->list, "/%.*s", (int)item->inner_key.size,
                      (const char *)item->inner_key.data);
    sl_out_byte(&seen->list, ' ');
    *ret_text = SL_LIT("[LONGER TEXT]");
    bool hit = seen->find != NULL &&
               (item->type == SL_VALUE_INT ? item->value.i == 42 && seen->find[0] == '#'
                                           : sl_bytes_is(item->text, seen->find));
    return hit ? seen->verdict : SL_SCAN_KEEP;
}

static int scan_first(struct sl_batch *batch, struct seen *seen, bool drop_unknown)
{
    struct sl_scanner scanner = {seen, drop_unknown, visit};
    sl_out_clear(&seen->list);
    return sl_part_scan(batch, first_part(batch), sl_signal_messages(batch->signal)->record,
                        &scanner);
}

/* Two levels below an attribute, in an event and beside it. */
static struct sl_bytes rich_span(void)
{
    struct sl_bytes list =
        len(SL_ANY_KVLIST,
            CAT(attr(1, "in", "deep"), len(1, CAT(text(1, "n"), len(2, varint(3, 42))))));
    return CAT(text(SL_SPAN_NAME, "name"), text(SL_SPAN_TRACE_STATE, "a=b"),
               len(9, CAT(text(1, "kv"), len(2, list))),
               len(SL_SPAN_EVENTS, CAT(text(2, "event"), attr(3, "ek", "ev"), text(99, "unknown"))),
               len(SL_SPAN_LINKS, text(3, "c=d")),
               len(SL_SPAN_STATUS, text(SL_STATUS_MESSAGE, "status")), text(98, "unknown"));
}

static void test_every_text_and_number_of_a_span_is_visited(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sl_batch *batch = must_read(SL_TRACES, request_of(rich_span()));
    CHECK_INT(scan_first(batch, &seen, false), SL_OK);
    CHECK_BYTES(sl_out_view(&seen.list),
                SL_LIT("name a=b kv<kv in<kv/in deep<kv/in n<kv/n 42<kv/n event ek<ek ev<ek c=d "
                       "status "));
    CHECK(!batch->changed && first_part(batch)->edit_count == 0);
    CHECK_INT(scan_first(batch, &seen, true), SL_OK);
    struct sl_bytes spliced = sl_part_splice(first_part(batch), batch->arena);
    CHECK(memmem(spliced.data, spliced.size, "unknown", 7) == NULL);
    CHECK_INT(spliced.size, rich_span().size - text(98, "unknown").size - text(99, "unknown").size);
    sl_out_done(&seen.list);
    sl_batch_unref(batch);
}

struct verdict {
    const char *find;
    enum sl_scan_verdict verdict;
    const char *left; /* what a second scan sees */
};

static const struct verdict verdicts[] = {
    {"deep", SL_SCAN_REPLACE,
     "name a=b kv<kv in<kv/in [LONGER TEXT]<kv/in n<kv/n 42<kv/n event ek<ek ev<ek c=d status "},
    {"deep", SL_SCAN_REMOVE, "name a=b event ek<ek ev<ek c=d status "},
    {"in", SL_SCAN_REPLACE,
     "name a=b kv<kv [LONGER TEXT]<kv/[LONGER TEXT] deep<kv/[LONGER TEXT] n<kv/n 42<kv/n event "
     "ek<ek ev<ek c=d status "},
    {"#", SL_SCAN_REPLACE,
     "name a=b kv<kv in<kv/in deep<kv/in n<kv/n [LONGER TEXT]<kv/n event ek<ek ev<ek c=d status "},
    {"ev", SL_SCAN_REMOVE, "name a=b kv<kv in<kv/in deep<kv/in n<kv/n 42<kv/n event c=d status "},
    {"name", SL_SCAN_REMOVE,
     "a=b kv<kv in<kv/in deep<kv/in n<kv/n 42<kv/n event ek<ek ev<ek c=d status "},
    {"status", SL_SCAN_REMOVE,
     "name a=b kv<kv in<kv/in deep<kv/in n<kv/n 42<kv/n event ek<ek ev<ek c=d "},
};

static void check_left(struct sl_batch *batch, struct seen *seen, const char *expected)
{
    seen->find = NULL;
    CHECK_INT(scan_first(batch, seen, false), SL_OK);
    CHECK_BYTES(sl_out_view(&seen->list), sl_text(expected));
    struct sl_batch *again = must_read(batch->signal, encoded(batch));
    CHECK_INT(scan_first(again, seen, false), SL_OK);
    CHECK_BYTES(sl_out_view(&seen->list), sl_text(expected));
    sl_batch_unref(again);
}

static void test_verdicts_change_what_is_left(void **state)
{
    (void)state;
    struct seen seen = {0};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        struct sl_batch *batch = must_read(SL_TRACES, request_of(rich_span()));
        seen.find = verdicts[i].find;
        seen.verdict = verdicts[i].verdict;
        CHECK_INT(scan_first(batch, &seen, false), SL_OK);
        CHECK(batch->changed);
        check_left(batch, &seen, verdicts[i].left);
        sl_batch_unref(batch);
    }
    struct sl_batch *batch = must_read(SL_TRACES, request_of(rich_span()));
    seen.find = "deep";
    seen.verdict = SL_SCAN_DROP_RECORD;
    CHECK_INT(scan_first(batch, &seen, false), SL_EINVALID);
    sl_batch_unref(batch);
    sl_out_done(&seen.list);
}

static void test_values_set_by_others_are_scanned_and_later_edits_see_the_result(void **state)
{
    (void)state;
    struct seen seen = {.find = "secret", .verdict = SL_SCAN_REPLACE};
    struct sl_batch *batch = must_read(
        SL_TRACES,
        request_of(CAT(attr(9, "a", "secret"), attr(9, "b", "2"), attr(9, "c", "secret"))));
    struct sl_part *part = first_part(batch);
    struct sl_attr found;
    CHECK(sl_attr_find(batch, part, 9, SL_LIT("b"), &found));
    CHECK_INT(sl_attr_replace(batch, part, &found, sl_value_string(SL_LIT("secret"))), SL_OK);
    CHECK_INT(sl_attr_add(batch, part, 9, SL_LIT("d"), sl_value_string(SL_LIT("secret"))), SL_OK);
    CHECK_INT(scan_first(batch, &seen, false), SL_OK);
    CHECK(sl_attr_find(batch, part, 9, SL_LIT("a"), &found));
    CHECK_BYTES(found.value.bytes, SL_LIT("[LONGER TEXT]"));
    CHECK_INT(sl_attr_rename(batch, part, &found, SL_LIT("aa")), SL_OK);
    CHECK(sl_attr_find(batch, part, 9, SL_LIT("c"), &found));
    CHECK_INT(sl_attr_remove(batch, part, &found), SL_OK);
    check_left(batch, &seen, "aa<aa [LONGER TEXT]<aa b<b [LONGER TEXT]<b d<d [LONGER TEXT]<d ");
    sl_out_done(&seen.list);
    sl_batch_unref(batch);
}

static void test_metrics_and_logs_are_visited_too(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct sl_bytes exemplar = len(5, attr(7, "xk", "xv"));
    struct sl_bytes metric = CAT(text(1, "m"), text(2, "desc"), text(3, "unit"),
                                 len(SL_METRIC_GAUGE, len(1, CAT(attr(7, "pk", "pv"), exemplar))),
                                 attr(SL_METRIC_METADATA, "mk", "mv"));
    struct sl_batch *batch = must_read(SL_METRICS, request_of(metric));
    CHECK_INT(scan_first(batch, &seen, false), SL_OK);
    CHECK_BYTES(sl_out_view(&seen.list),
                SL_LIT("m desc unit pk<pk pv<pk xk<xk xv<xk mk<mk mv<mk "));
    sl_batch_unref(batch);
    struct sl_bytes log = CAT(text(SL_LOG_SEVERITY_TEXT, "sev"), len(SL_LOG_BODY, text(1, "body")),
                              attr(SL_LOG_ATTRIBUTES, "k", "v"), text(SL_LOG_EVENT_NAME, "en"));
    batch = must_read(SL_LOGS, request_of(log));
    CHECK_INT(scan_first(batch, &seen, false), SL_OK);
    CHECK_BYTES(sl_out_view(&seen.list), SL_LIT("sev body k<k v<k en "));
    sl_batch_unref(batch);
    sl_out_done(&seen.list);
}

static void test_resources_scopes_urls_and_unknown_fields_around_are_reached(void **state)
{
    (void)state;
    struct seen seen = {.find = "url", .verdict = SL_SCAN_REPLACE};
    struct sl_bytes scopes = CAT(len(SL_SCOPE_SCOPE, CAT(text(1, "lib"), text(2, "1.0"))),
                                 text(3, "url"), text(97, "unknown"));
    struct sl_bytes body = CAT(
        len(1, CAT(len(1, attr(1, "k", "v")), len(2, scopes), text(3, "url"), text(97, "unknown"))),
        text(97, "unknown"));
    struct sl_batch *batch = must_read(SL_TRACES, body);
    struct sl_scanner scanner = {&seen, true, visit};
    CHECK_INT(sl_batch_scan_shared(batch, &scanner), SL_OK);
    CHECK_BYTES(sl_out_view(&seen.list), SL_LIT("k<k v<k url lib 1.0 url "));
    CHECK(batch->known_only);
    struct sl_bytes out = encoded(batch);
    CHECK(memmem(out.data, out.size, "unknown", 7) == NULL);
    CHECK(memmem(out.data, out.size, "url", 3) == NULL);
    sl_batch_unref(batch);
    sl_out_done(&seen.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_text_and_number_of_a_span_is_visited),
        cmocka_unit_test(test_verdicts_change_what_is_left),
        cmocka_unit_test(test_values_set_by_others_are_scanned_and_later_edits_see_the_result),
        cmocka_unit_test(test_metrics_and_logs_are_visited_too),
        cmocka_unit_test(test_resources_scopes_urls_and_unknown_fields_around_are_reached),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sl_arena_done(&help_arena);
    return rc;
}
