/* SPDX-License-Identifier: Apache-2.0 */
/* Reading requests: what is refused, what is kept as it was, what is made canonical. */
#include "tests/unit/otlp/wire_help.h"

static struct sl_bytes kv_value(struct sl_bytes any_value)
{
    return len(SL_SPAN_ATTRIBUTES, CAT(text(SL_KV_KEY, "k"), len(SL_KV_VALUE, any_value)));
}

/* The canonical wire of a span, and what reading it counted. */
static struct sl_bytes canonical_span(struct sl_bytes span, struct sl_ingest_stats *stats)
{
    struct sl_batch *batch = NULL;
    CHECK_INT(read_request(SL_TRACES, request_of(span), &batch, stats), SL_OK);
    CHECK_INT(batch->records, 1);
    CHECK(stats->canonicalized == 0 || batch->changed);
    struct sl_bytes wire = CAT(first_part(batch)->wire);
    sl_batch_unref(batch);
    return wire;
}

static void check_canonical(struct sl_bytes span, struct sl_bytes expected, uint32_t repaired)
{
    struct sl_ingest_stats stats;
    CHECK_BYTES(canonical_span(span, &stats), expected);
    CHECK_INT(stats.canonicalized, 1);
    CHECK_INT(stats.repaired_utf8, repaired);
}

static void test_a_singular_field_that_comes_twice_keeps_the_last(void **state)
{
    (void)state;
    check_canonical(CAT(text(SL_SPAN_NAME, "one"), varint(SL_SPAN_KIND, 1),
                        text(SL_SPAN_NAME, "two"), varint(SL_SPAN_KIND, 3)),
                    CAT(text(SL_SPAN_NAME, "two"), varint(SL_SPAN_KIND, 3)), 0);
}

static void test_a_repeated_singular_message_is_merged(void **state)
{
    (void)state;
    check_canonical(
        CAT(len(SL_SPAN_STATUS, text(SL_STATUS_MESSAGE, "m")),
            len(SL_SPAN_STATUS, varint(SL_STATUS_CODE, 2))),
        len(SL_SPAN_STATUS, CAT(text(SL_STATUS_MESSAGE, "m"), varint(SL_STATUS_CODE, 2))), 0);
    /* An attribute's value given twice: an empty one takes nothing away. */
    check_canonical(len(SL_SPAN_ATTRIBUTES,
                        CAT(text(SL_KV_KEY, "k"), len(SL_KV_VALUE, text(SL_ANY_STRING, "v")),
                            len(SL_KV_VALUE, sl_bytes("", 0)))),
                    attr(SL_SPAN_ATTRIBUTES, "k", "v"), 0);
}

static void test_the_last_member_of_a_oneof_wins(void **state)
{
    (void)state;
    struct sl_bytes one = len(1, text(SL_ANY_STRING, "1")), two = len(1, text(SL_ANY_STRING, "2"));
    check_canonical(kv_value(CAT(text(SL_ANY_STRING, "secret"), varint(SL_ANY_INT, 7))),
                    kv_value(varint(SL_ANY_INT, 7)), 0);
    check_canonical(kv_value(CAT(len(SL_ANY_ARRAY, one), len(SL_ANY_ARRAY, two))),
                    kv_value(len(SL_ANY_ARRAY, CAT(one, two))), 0);
    check_canonical(
        kv_value(CAT(len(SL_ANY_ARRAY, one), varint(SL_ANY_BOOL, 1), len(SL_ANY_ARRAY, two))),
        kv_value(len(SL_ANY_ARRAY, two)), 0);
}

static void test_invalid_utf8_is_repaired_and_counted(void **state)
{
    (void)state;
    check_canonical(
        CAT(text(SL_SPAN_NAME, "a\xFFz"), attr(SL_SPAN_ATTRIBUTES, "\xC3", "ok")),
        CAT(text(SL_SPAN_NAME, "a\xEF\xBF\xBDz"), attr(SL_SPAN_ATTRIBUTES, "\xEF\xBF\xBD", "ok")),
        2);
    check_canonical(attr(SL_SPAN_ATTRIBUTES, "k", "cut \xE2\x82"),
                    attr(SL_SPAN_ATTRIBUTES, "k", "cut \xEF\xBF\xBD\xEF\xBF\xBD"), 1);
}

static void test_odd_encodings_become_plain_ones(void **state)
{
    (void)state;
    static const uint8_t long_tag[] = {0xAA, 0x00, 1, 'n'}, long_length[] = {0x2A, 0x81, 0x00, 'n'};
    check_canonical(sl_bytes(long_tag, 4), text(SL_SPAN_NAME, "n"), 0);
    check_canonical(sl_bytes(long_length, 4), text(SL_SPAN_NAME, "n"), 0);
}

static void test_unknown_fields_survive(void **state)
{
    (void)state;
    struct sl_ingest_stats stats;
    static const uint8_t group[] = {0xA3, 0x06, 0x08, 0x01, 0xA4, 0x06}; /* field 100 */
    struct sl_bytes span = CAT(varint(77, 5), text(SL_SPAN_NAME, "n"), text(1000, "new"),
                               kv_value(CAT(text(20, "later"), text(SL_ANY_STRING, "v"))));
    CHECK_BYTES(canonical_span(span, &stats), span);
    CHECK_INT(stats.canonicalized, 0);
    check_canonical(CAT(span, sl_bytes(group, sizeof group)),
                    CAT(span, sl_bytes(group, sizeof group)), 0);
    /* A known number with a strange wire type is an unknown field. */
    check_canonical(CAT(varint(SL_SPAN_NAME, 3), text(SL_SPAN_NAME, "n")),
                    CAT(varint(SL_SPAN_NAME, 3), text(SL_SPAN_NAME, "n")), 0);
}

static void test_fields_out_of_order_and_embedded_nul_stay_as_they_are(void **state)
{
    (void)state;
    struct sl_ingest_stats stats;
    struct sl_bytes span = CAT(varint(SL_SPAN_KIND, 2), len(SL_SPAN_NAME, sl_bytes("a\0b", 3)),
                               attr(SL_SPAN_ATTRIBUTES, "k", "1"), text(SL_SPAN_TRACE_STATE, "a=b"),
                               attr(SL_SPAN_ATTRIBUTES, "k", "2"));
    CHECK_BYTES(canonical_span(span, &stats), span);
    CHECK_INT(stats.canonicalized, 0);
}

static struct sl_bytes nested_arrays(unsigned levels)
{
    struct sl_bytes value = text(SL_ANY_STRING, "deep");
    for (unsigned i = 0; i < levels; i++)
        value = len(SL_ANY_ARRAY, len(1, value));
    return value;
}

struct refused {
    const char *what;
    size_t size;
    const char *bytes; /* a span */
};

static const struct refused malformed[] = {
    {"a tag cut short", 1, "\xAA"},
    {"a length beyond the end", 3, "\x2A\x05x"},
    {"a length of 2^64-1", 12, "\x2A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x"},
    {"field number 0", 2, "\x02\x00"},
    {"a field number over 2^29-1", 7, "\x80\x80\x80\x80\x10\x00\x00"},
    {"wire type 6", 2, "\x2E\x00"},
    {"wire type 7", 2, "\x2F\x00"},
    {"a varint of 11 bytes", 12, "\x30\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
    {"a fixed64 cut short", 5, "\x39\x01\x02\x03\x04"},
    {"a fixed32 cut short", 4, "\x85\x01\x01\x02"},
    {"a group without an end", 4, "\xA3\x06\x08\x01"},
    {"the end of a group without a start", 2, "\xA4\x06"},
    {"groups that end crosswise", 8, "\xA3\x06\xAB\x06\xA4\x06\xAC\x06"},
    {"a trace id of 15 bytes", 17,
     "\x0A\x0F"
     "123456789012345"},
    {"a span id of 9 bytes", 11,
     "\x12\x09"
     "123456789"},
    {"a link's trace id of 1 byte", 5, "\x6A\x03\x0A\x01x"},
    {"an attribute cut inside", 5, "\x4A\x03\x0A\x05k"},
};

static void test_malformed_requests_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct sl_batch *batch = NULL;
        struct sl_bytes span = sl_bytes(malformed[i].bytes, malformed[i].size);
        int rc = read_request(SL_TRACES, request_of(span), &batch, NULL);
        if (rc != SL_EINVALID || batch != NULL)
            fail_msg("%s gives %d", malformed[i].what, rc);
    }
}

static void test_every_truncation_is_refused_or_a_smaller_request(void **state)
{
    (void)state;
    struct sl_bytes span = CAT(text(SL_SPAN_NAME, "name"), attr(SL_SPAN_ATTRIBUTES, "key", "value"),
                               kv_value(nested_arrays(3)), varint(SL_SPAN_KIND, 2));
    struct sl_bytes body = request_of(span);
    for (size_t size = 1; size < body.size; size++) {
        struct sl_batch *batch = NULL;
        CHECK_INT(read_request(SL_TRACES, sl_bytes(body.data, size), &batch, NULL), SL_EINVALID);
    }
}

static void test_depth_and_items_have_limits(void **state)
{
    (void)state;
    struct sl_batch *batch = NULL;
    /* Request 1, ResourceSpans 2, ScopeSpans 3, Span 4, KeyValue 5, AnyValue 6, two a level. */
    struct sl_bytes fits = request_of(kv_value(nested_arrays(29)));
    struct sl_bytes deep = request_of(kv_value(nested_arrays(30)));
    sl_batch_unref(must_read(SL_TRACES, fits));
    CHECK_INT(read_request(SL_TRACES, deep, &batch, NULL), SL_ELIMIT);
    CHECK_INT(read_request(SL_TRACES, request_of(kv_value(nested_arrays(3000))), &batch, NULL),
              SL_ELIMIT);
    struct sl_bytes record = text(SL_SPAN_NAME, "n");
    struct sl_bytes two = CAT(request_of(record), request_of(record));
    struct sl_buf *buf = sl_buf_new(NULL, two.size);
    CHECK_INT(sl_buf_append(buf, two.data, two.size, 0), SL_OK);
    struct sl_error error;
    struct sl_ingest_limits limits = {.max_items = 1};
    CHECK_INT(sl_batch_read(SL_TRACES, buf, &limits, &batch, NULL, &error), SL_ELIMIT);
    limits = (struct sl_ingest_limits){.max_table = 100};
    CHECK_INT(sl_batch_read(SL_TRACES, buf, &limits, &batch, NULL, &error), SL_ELIMIT);
    sl_buf_unref(buf);
}

static void test_a_second_resource_field_is_merged(void **state)
{
    (void)state;
    struct sl_bytes scopes =
        len(SL_GROUP_SCOPES,
            CAT(len(SL_SCOPE_SCOPE, text(SL_SCOPE_NAME, "a")), len(SL_SCOPE_RECORDS, text(5, "n")),
                len(SL_SCOPE_SCOPE, text(SL_SCOPE_NAME, "b"))));
    struct sl_bytes body = len(
        1, CAT(len(SL_GROUP_RESOURCE, attr(1, "k", "1")), scopes, text(SL_GROUP_SCHEMA_URL, "old"),
               len(SL_GROUP_RESOURCE, attr(1, "l", "2")), text(SL_GROUP_SCHEMA_URL, "new")));
    struct sl_batch *batch = must_read(SL_TRACES, body);
    CHECK_INT(batch->group_count, 1);
    CHECK(batch->changed);
    CHECK_BYTES(batch->groups[0].resource->part.wire, CAT(attr(1, "k", "1"), attr(1, "l", "2")));
    CHECK_BYTES(batch->groups[0].resource->schema_url, SL_LIT("new"));
    CHECK_BYTES(batch->groups[0].scope->part.wire, text(SL_SCOPE_NAME, "b"));
    sl_batch_unref(batch);
}

static void test_plain_requests_come_out_byte_for_byte(void **state)
{
    (void)state;
    struct sl_bytes resource = len(SL_GROUP_RESOURCE, attr(1, "service.name", "s"));
    struct sl_bytes scope = len(SL_SCOPE_SCOPE, text(SL_SCOPE_NAME, "lib"));
    struct sl_bytes record = len(SL_SCOPE_RECORDS, text(SL_SPAN_NAME, "n"));
    struct sl_bytes scopes =
        len(SL_GROUP_SCOPES, CAT(scope, record, record, text(3, "url"), varint(900, 1)));
    struct sl_bytes bodies[] = {
        sl_bytes("", 0),
        len(1, sl_bytes("", 0)),
        len(1, len(SL_GROUP_SCOPES, sl_bytes("", 0))),
        len(1, CAT(len(SL_GROUP_RESOURCE, sl_bytes("", 0)),
                   len(SL_GROUP_SCOPES, len(SL_SCOPE_SCOPE, sl_bytes("", 0))))),
        len(1, CAT(resource, scopes, scopes, text(3, "url"), text(1000, "unknown"))),
        /* Equal neighbours are interned but stay apart. */
        CAT(len(1, CAT(resource, scopes)), len(1, CAT(resource, scopes)), len(1, resource),
            len(1, resource), len(1, CAT(resource, scopes)), text(15, "unknown")),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct sl_batch *batch = must_read(SL_TRACES, bodies[i]);
        CHECK(!batch->changed);
        CHECK_BYTES(encoded(batch), bodies[i]);
        struct sl_batch *clone = sl_batch_clone(batch);
        sl_batch_unref(batch);
        CHECK_BYTES(encoded(clone), bodies[i]);
        sl_batch_unref(clone);
    }
}

static void test_equal_resources_are_held_once(void **state)
{
    (void)state;
    struct sl_bytes resource = len(SL_GROUP_RESOURCE, attr(1, "k", "v"));
    struct sl_bytes scopes = len(SL_GROUP_SCOPES, len(SL_SCOPE_RECORDS, text(5, "n")));
    struct sl_bytes body = CAT(len(1, CAT(resource, scopes)), len(1, CAT(resource, scopes)),
                               len(1, CAT(resource, scopes, text(3, "url"))));
    struct sl_batch *batch = must_read(SL_TRACES, body);
    CHECK_INT(batch->resource_count, 2);
    CHECK_INT(batch->scope_count, 1);
    CHECK_INT(batch->group_count, 3);
    CHECK(batch->groups[0].resource == batch->groups[1].resource);
    CHECK(batch->groups[0].resource != batch->groups[2].resource);
    sl_batch_unref(batch);
}

static void test_data_points_are_counted_packed_or_not(void **state)
{
    (void)state;
    struct sl_bytes point = len(1, attr(7, "k", "x"));
    struct sl_bytes gauge = CAT(text(SL_METRIC_NAME, "m"), len(SL_METRIC_GAUGE, CAT(point, point)));
    /* A histogram's bucket counts (6, fixed64): packed, and one by one. */
    static const uint8_t packed[] = {0x32, 8, 1, 0, 0, 0, 0, 0, 0, 0},
                         plain[] = {0x31, 1, 0, 0, 0, 0, 0, 0, 0};
    struct sl_bytes points = CAT(len(1, sl_bytes(packed, 10)), len(1, sl_bytes(plain, 9)),
                                 len(1, CAT(sl_bytes(plain, 9), sl_bytes(plain, 9))));
    struct sl_bytes histogram = len(SL_METRIC_HISTOGRAM, CAT(points, varint(2, 1)));
    struct sl_ingest_stats stats;
    struct sl_batch *batch = NULL;
    struct sl_bytes body = CAT(request_of(gauge), request_of(histogram));
    CHECK_INT(read_request(SL_METRICS, body, &batch, &stats), SL_OK);
    CHECK_INT(batch->items, 5);
    CHECK_INT(batch->records, 2);
    CHECK_INT(stats.canonicalized, 0);
    CHECK_BYTES(encoded(batch), body);
    sl_batch_unref(batch);
    CHECK_INT(read_request(SL_METRICS,
                           request_of(len(SL_METRIC_HISTOGRAM, len(1, text(6, "1234567")))), &batch,
                           NULL),
              SL_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_singular_field_that_comes_twice_keeps_the_last),
        cmocka_unit_test(test_a_repeated_singular_message_is_merged),
        cmocka_unit_test(test_the_last_member_of_a_oneof_wins),
        cmocka_unit_test(test_invalid_utf8_is_repaired_and_counted),
        cmocka_unit_test(test_odd_encodings_become_plain_ones),
        cmocka_unit_test(test_unknown_fields_survive),
        cmocka_unit_test(test_fields_out_of_order_and_embedded_nul_stay_as_they_are),
        cmocka_unit_test(test_malformed_requests_are_refused),
        cmocka_unit_test(test_every_truncation_is_refused_or_a_smaller_request),
        cmocka_unit_test(test_depth_and_items_have_limits),
        cmocka_unit_test(test_a_second_resource_field_is_merged),
        cmocka_unit_test(test_plain_requests_come_out_byte_for_byte),
        cmocka_unit_test(test_equal_resources_are_held_once),
        cmocka_unit_test(test_data_points_are_counted_packed_or_not),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sl_arena_done(&help_arena);
    return rc;
}
