/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP/JSON both ways: each rule of the mapping, limits, and what an error says. */
#include "otlp/transcode.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "tests/check.h"

/* Shorthand for the document around one span, one value, one log record, one metric. */
#define SPAN(fields) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" fields "}]}]}]}"
#define VALUE(value) SPAN("\"attributes\":[{\"key\":\"k\",\"value\":" value "}]")
#define LOG(fields) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{" fields "}]}]}]}"
#define METRIC(fields) "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{" fields "}]}]}]}"

/* What a document means: written to wire, read back, written again. */
static const char *normal(const struct sl_message *message, const char *json, struct sl_out *text)
{
    struct sl_out wire = {0};
    struct sl_error error = {""};
    sl_out_clear(text);
    if (sl_json_to_wire(message, sl_text(json), &wire, &error) != 0)
        sl_out_text(text, error.text);
    else if (sl_wire_to_json(message, sl_out_view(&wire), text, &error) != 0)
        fail_msg("%s: %s", json, error.text);
    sl_out_done(&wire);
    return sl_out_cstr(text);
}

struct pair {
    const char *json, *same; /* mean the same */
};

static void check_pairs(const struct sl_message *message, const struct pair *pairs, size_t count)
{
    struct sl_out out = {0};
    for (size_t i = 0; i < count; i++) {
        const char *got = normal(message, pairs[i].json, &out);
        if (strcmp(got, pairs[i].same) != 0)
            fail_msg("%s\n  gives    %s\n  expected %s", pairs[i].json, got, pairs[i].same);
    }
    sl_out_done(&out);
}
#define CHECK_PAIRS(message, pairs) check_pairs(message, pairs, sizeof pairs / sizeof pairs[0])

static void test_ids_are_hex_in_either_case(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {SPAN("\"traceId\":\"0123456789ABCDEFabcdef0123456789\""),
         SPAN("\"traceId\":\"0123456789abcdefabcdef0123456789\"")},
        {SPAN("\"spanId\":\"00000000000000fF\",\"parentSpanId\":\"0102030405060708\""),
         SPAN("\"spanId\":\"00000000000000ff\",\"parentSpanId\":\"0102030405060708\"")},
        {SPAN("\"spanId\":\"\\u00300000000000000ff\""), SPAN("\"spanId\":\"00000000000000ff\"")},
        {SPAN("\"traceId\":\"\",\"name\":\"n\""), SPAN("\"name\":\"n\"")},
        {SPAN("\"links\":[{\"traceId\":\"0123456789abcdef0123456789abcdef\"}]"),
         SPAN("\"links\":[{\"traceId\":\"0123456789abcdef0123456789abcdef\"}]")},
        {SPAN("\"traceId\":\"ASNFZ4mrze8BI0VniavN7w==\""),
         "offset 54: resourceSpans.scopeSpans.spans.traceId: expected 32 hex digits"},
        {SPAN("\"traceId\":\"0123456789abcdef0123456789abcde\""),
         "offset 54: resourceSpans.scopeSpans.spans.traceId: expected 32 hex digits"},
        {SPAN("\"spanId\":\"0123456789abcdeg\""),
         "offset 53: resourceSpans.scopeSpans.spans.spanId: expected 16 hex digits"},
        {SPAN("\"spanId\":5"),
         "offset 53: resourceSpans.scopeSpans.spans.spanId: expected a string"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_other_bytes_are_base64_in_any_form(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {VALUE("{\"bytesValue\":\"+/+/\"}"), VALUE("{\"bytesValue\":\"+/+/\"}")},
        {VALUE("{\"bytesValue\":\"-_-_\"}"), VALUE("{\"bytesValue\":\"+/+/\"}")},
        {VALUE("{\"bytesValue\":\"Zg\"}"), VALUE("{\"bytesValue\":\"Zg==\"}")},
        {VALUE("{\"bytesValue\":\"\\/\\/8=\"}"), VALUE("{\"bytesValue\":\"//8=\"}")},
        {VALUE("{\"bytesValue\":\"\"}"), VALUE("{\"bytesValue\":\"\"}")},
        {VALUE("{\"bytesValue\":\"Zg=\"}"),
         "offset 91: resourceSpans.scopeSpans.spans.attributes.value.bytesValue: expected base64"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_enums_are_numbers_or_names(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {SPAN("\"kind\":3"), SPAN("\"kind\":3")},
        {SPAN("\"kind\":\"SPAN_KIND_CLIENT\""), SPAN("\"kind\":3")},
        {SPAN("\"kind\":3.0"), SPAN("\"kind\":3")},
        {SPAN("\"kind\":99"), SPAN("\"kind\":99")},
        {SPAN("\"kind\":-1"), SPAN("\"kind\":-1")},
        {SPAN("\"kind\":\"SPAN_KIND_UNSPECIFIED\""), SPAN("")},
        {SPAN("\"status\":{\"code\":\"STATUS_CODE_ERROR\"}"), SPAN("\"status\":{\"code\":2}")},
        {SPAN("\"kind\":\"client\""),
         "offset 51: resourceSpans.scopeSpans.spans.kind: unknown name"},
        {SPAN("\"kind\":2147483648"),
         "offset 51: resourceSpans.scopeSpans.spans.kind: number out of range"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_whole_numbers_are_strings_or_numbers_and_exact(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {VALUE("{\"intValue\":\"9007199254740993\"}"),
         VALUE("{\"intValue\":\"9007199254740993\"}")},
        {VALUE("{\"intValue\":9007199254740993}"), VALUE("{\"intValue\":\"9007199254740993\"}")},
        {VALUE("{\"intValue\":1e3}"), VALUE("{\"intValue\":\"1000\"}")},
        {VALUE("{\"intValue\":\"1.0\"}"), VALUE("{\"intValue\":\"1\"}")},
        {VALUE("{\"intValue\":0}"), VALUE("{\"intValue\":\"0\"}")},
        {VALUE("{\"intValue\":-9223372036854775808}"),
         VALUE("{\"intValue\":\"-9223372036854775808\"}")},
        {SPAN("\"startTimeUnixNano\":18446744073709551615,\"endTimeUnixNano\":\"5\""),
         SPAN("\"startTimeUnixNano\":\"18446744073709551615\",\"endTimeUnixNano\":\"5\"")},
        {SPAN("\"droppedAttributesCount\":\"4294967295\",\"flags\":257"),
         SPAN("\"droppedAttributesCount\":4294967295,\"flags\":257")},
        {SPAN("\"droppedAttributesCount\":4294967296"),
         "offset 69: resourceSpans.scopeSpans.spans.droppedAttributesCount: number out of range"},
        {SPAN("\"droppedAttributesCount\":-1"),
         "offset 69: resourceSpans.scopeSpans.spans.droppedAttributesCount: number out of range"},
        {SPAN("\"flags\":1.5"),
         "offset 52: resourceSpans.scopeSpans.spans.flags: expected a whole number"},
        {SPAN("\"flags\":\"\""),
         "offset 52: resourceSpans.scopeSpans.spans.flags: expected a whole number"},
        {SPAN("\"flags\":true"),
         "offset 52: resourceSpans.scopeSpans.spans.flags: expected a number"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_doubles_take_numbers_names_and_numeric_strings(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {VALUE("{\"doubleValue\":0.1}"), VALUE("{\"doubleValue\":0.1}")},
        {VALUE("{\"doubleValue\":3}"), VALUE("{\"doubleValue\":3}")},
        {VALUE("{\"doubleValue\":\"2.50\"}"), VALUE("{\"doubleValue\":2.5}")},
        {VALUE("{\"doubleValue\":\"NaN\"}"), VALUE("{\"doubleValue\":\"NaN\"}")},
        {VALUE("{\"doubleValue\":\"-Infinity\"}"), VALUE("{\"doubleValue\":\"-Infinity\"}")},
        {VALUE("{\"doubleValue\":-0.0}"), VALUE("{\"doubleValue\":-0}")},
        {VALUE("{\"doubleValue\":1e999}"), "offset 92: resourceSpans.scopeSpans.spans.attributes."
                                           "value.doubleValue: number out of range"},
        {VALUE("{\"doubleValue\":\"x\"}"), "offset 92: resourceSpans.scopeSpans.spans.attributes."
                                           "value.doubleValue: expected a number"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_keys_are_camel_case_or_snake_case_and_unknown_ones_ignored(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"start_time_unix_nano\":\"1\"}],"
         "\"schema_url\":\"u\"}]}]}",
         "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"startTimeUnixNano\":\"1\"}],"
         "\"schemaUrl\":\"u\"}]}]}"},
        {SPAN("\"na\\u006de\":\"n\""), SPAN("\"name\":\"n\"")},
        {SPAN("\"Name\":\"x\",\"nam\":1,\"names\":2,\"\":3,\"name\":\"n\""),
         SPAN("\"name\":\"n\"")},
        {SPAN("\"x\":{\"a\":[{\"b\":[[1,\"]}\"]]}]},\"name\":\"n\",\"y\":[],\"z\":null"),
         SPAN("\"name\":\"n\"")},
        {"{\"extra\":[[[[[[[[{}]]]]]]]],\"resourceSpans\":[]}", "{}"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_null_is_absent_and_an_empty_element_of_an_array_value(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {SPAN("\"name\":null,\"kind\":null,\"events\":null,\"status\":null"), SPAN("")},
        {VALUE("null"), SPAN("\"attributes\":[{\"key\":\"k\"}]")},
        {VALUE("{\"stringValue\":null}"), VALUE("{}")},
        {VALUE("{\"arrayValue\":{\"values\":[null,{\"intValue\":1},null]}}"),
         VALUE("{\"arrayValue\":{\"values\":[{},{\"intValue\":\"1\"},{}]}}")},
        {SPAN("\"events\":[null]"),
         "offset 54: resourceSpans.scopeSpans.spans.events: expected an object"},
        {"{\"resourceSpans\":null}", "{}"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_values_of_every_kind_keep_their_kind(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {VALUE("{}"), VALUE("{}")},
        {VALUE("{\"stringValue\":\"\"}"), VALUE("{\"stringValue\":\"\"}")},
        {VALUE("{\"boolValue\":false}"), VALUE("{\"boolValue\":false}")},
        {VALUE("{\"arrayValue\":{}}"), VALUE("{\"arrayValue\":{}}")},
        {VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"kvlistValue\":{}}}]}}"),
         VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"kvlistValue\":{}}}]}}")},
        {VALUE("{\"stringValue\":5}"), "offset 92: resourceSpans.scopeSpans.spans.attributes."
                                       "value.stringValue: expected a string"},
        {VALUE("{\"boolValue\":1}"), "offset 90: resourceSpans.scopeSpans.spans.attributes."
                                     "value.boolValue: expected true or false"},
        {VALUE("\"x\""),
         "offset 77: resourceSpans.scopeSpans.spans.attributes.value: expected an object"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_what_comes_twice_is_last_wins_or_merged(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {SPAN("\"name\":\"a\",\"kind\":1,\"name\":\"b\",\"kind\":0"), SPAN("\"name\":\"b\"")},
        {SPAN("\"name\":\"a\",\"name\":null"), SPAN("\"name\":\"a\"")},
        {SPAN("\"start_time_unix_nano\":1,\"startTimeUnixNano\":2"),
         SPAN("\"startTimeUnixNano\":\"2\"")},
        {VALUE("{\"stringValue\":\"a\",\"intValue\":\"1\"}"), VALUE("{\"intValue\":\"1\"}")},
        {VALUE("{\"intValue\":\"1\",\"stringValue\":\"\"}"), VALUE("{\"stringValue\":\"\"}")},
        {VALUE("{\"arrayValue\":{\"values\":[{\"intValue\":1}]},\"arrayValue\":{\"values\":[{}]}}"),
         VALUE("{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{}]}}")},
        {SPAN("\"status\":{\"code\":1,\"message\":\"m\"},\"status\":{\"code\":2}"),
         SPAN("\"status\":{\"message\":\"m\",\"code\":2}")},
        {SPAN("\"events\":[{\"name\":\"a\"}],\"name\":\"n\",\"events\":[{\"name\":\"b\"}]"),
         SPAN("\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"name\":\"n\"")},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
    struct sl_out wire = {0};
    CHECK_INT(sl_json_to_wire(&sl_msg_any_value,
                              SL_LIT("{\"stringValue\":\"abc\",\"boolValue\":false}"), &wire, NULL),
              0);
    CHECK_BYTES(sl_out_view(&wire), SL_LIT("\x10\x00")); /* one member is left in the wire */
    sl_out_done(&wire);
}

static void test_strings_come_out_as_valid_utf_8(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {SPAN("\"name\":\"a\\u0000b\\ud83d\\ude00\\n\""),
         SPAN("\"name\":\"a\\u0000b\xF0\x9F\x98\x80\\n\"")},
        {SPAN("\"name\":\"\\ud83d \\ude00\""), SPAN("\"name\":\"\xEF\xBF\xBD \xEF\xBF\xBD\"")},
        {SPAN("\"name\":\"\xff\""),
         "offset 52: resourceSpans.scopeSpans.spans.name: invalid UTF-8 in a string"},
        {SPAN("\"name\":\"a\tb\""),
         "offset 53: resourceSpans.scopeSpans.spans.name: control character in a string"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

static void test_presence_and_packed_numbers_of_metrics_are_kept(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {METRIC(
             "\"histogram\":{\"dataPoints\":[{\"sum\":0,\"count\":3,\"bucketCounts\":[1,\"2\",0],"
             "\"explicitBounds\":[0.5,\"Infinity\"],\"min\":0}],\"aggregationTemporality\":2}"),
         METRIC("\"histogram\":{\"dataPoints\":[{\"sum\":0,\"count\":\"3\",\"bucketCounts\":[\"1\","
                "\"2\",\"0\"],\"explicitBounds\":[0.5,\"Infinity\"],\"min\":0}],"
                "\"aggregationTemporality\":2}")},
        {METRIC(
             "\"exponentialHistogram\":{\"dataPoints\":[{\"scale\":-3,\"positive\":{\"offset\":-2,"
             "\"bucketCounts\":[\"18446744073709551615\"]},\"zeroThreshold\":0}]}"),
         METRIC(
             "\"exponentialHistogram\":{\"dataPoints\":[{\"scale\":-3,\"positive\":{\"offset\":-2,"
             "\"bucketCounts\":[\"18446744073709551615\"]}}]}")},
        {METRIC("\"gauge\":{\"dataPoints\":[{\"asInt\":\"-5\",\"exemplars\":[{\"asDouble\":0,"
                "\"traceId\":\"0123456789ABCDEF0123456789ABCDEF\"}]}]},\"metadata\":[{\"key\":"
                "\"m\"}]"),
         METRIC("\"gauge\":{\"dataPoints\":[{\"asInt\":\"-5\",\"exemplars\":[{\"asDouble\":0,"
                "\"traceId\":\"0123456789abcdef0123456789abcdef\"}]}]},\"metadata\":[{\"key\":"
                "\"m\"}]")},
        {METRIC("\"summary\":{\"dataPoints\":[{\"quantileValues\":[{\"quantile\":0.5,\"value\":1}],"
                "\"bucketCounts\":[]}]}"),
         METRIC("\"summary\":{\"dataPoints\":[{\"quantileValues\":[{\"quantile\":0.5,\"value\":1}]}"
                "]}")},
        {METRIC("\"histogram\":{\"dataPoints\":[{\"bucketCounts\":[1],\"bucketCounts\":[],"
                "\"bucketCounts\":[2]}]}"),
         METRIC("\"histogram\":{\"dataPoints\":[{\"bucketCounts\":[\"1\",\"2\"]}]}")},
        {METRIC("\"histogram\":{\"dataPoints\":[{\"bucketCounts\":[null]}]}"),
         "offset 94: resourceMetrics.scopeMetrics.metrics.histogram.dataPoints.bucketCounts: "
         "expected a number"},
        {METRIC("\"histogram\":{\"dataPoints\":{}}"),
         "offset 76: resourceMetrics.scopeMetrics.metrics.histogram.dataPoints: expected an array"},
    };
    CHECK_PAIRS(&sl_msg_metrics_request, pairs);
}

static void test_log_records_keep_all_their_fields(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {LOG("\"timeUnixNano\":\"1\",\"severityNumber\":\"SEVERITY_NUMBER_WARN\",\"severityText\":"
             "\"W\",\"body\":{\"stringValue\":\"b\"},\"flags\":1,\"spanId\":\"0102030405060708\","
             "\"observedTimeUnixNano\":2,\"eventName\":\"e\""),
         LOG("\"timeUnixNano\":\"1\",\"severityNumber\":13,\"severityText\":\"W\",\"body\":"
             "{\"stringValue\":\"b\"},\"flags\":1,\"spanId\":\"0102030405060708\","
             "\"observedTimeUnixNano\":\"2\",\"eventName\":\"e\"")},
        {"{\"resourceLogs\":[{\"resource\":{\"entityRefs\":[{\"type\":\"t\",\"idKeys\":[\"a\",\"\"]"
         "}]}}]}",
         "{\"resourceLogs\":[{\"resource\":{\"entityRefs\":[{\"type\":\"t\",\"idKeys\":[\"a\",\"\"]"
         "}]}}]}"},
    };
    CHECK_PAIRS(&sl_msg_logs_request, pairs);
}

static void test_a_body_is_one_object_and_nothing_else(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"", "offset 0: unexpected end"},
        {" \n", "offset 2: unexpected end"},
        {" {} \n", "{}"},
        {"{}{}", "offset 2: more than one value"},
        {"{}\n{}", "offset 3: more than one value"},
        {"[]", "offset 0: expected an object"},
        {"null", "offset 0: expected an object"},
        {"\xEF\xBB\xBF{}", "offset 0: unexpected character"},
        {"{\"resourceSpans\":[{}", "offset 20: resourceSpans: unexpected end"},
        {"{\"resourceSpans\":[{}}", "offset 20: resourceSpans: expected ',' or ']'"},
        {"{\"resourceSpans\":{}}", "offset 17: resourceSpans: expected an array"},
        {"{\"other\":[1}", "offset 11: expected ',' or ']'"},
    };
    CHECK_PAIRS(&sl_msg_trace_request, pairs);
}

/* {"arrayValue":{"values":[ ... ]}}, levels of it; each is two messages. */
static struct sl_bytes nested_value(struct sl_out *out, int levels)
{
    sl_out_clear(out);
    for (int i = 0; i < levels; i++)
        sl_out_text(out, "{\"arrayValue\":{\"values\":[");
    sl_out_text(out, "{}");
    for (int i = 0; i < levels; i++)
        sl_out_text(out, "]}}");
    return sl_out_view(out);
}

static void test_depth_is_bounded_in_messages_and_in_junk(void **state)
{
    (void)state;
    struct sl_out json = {0}, wire = {0}, again = {0};
    struct sl_error error;
    struct sl_bytes deep = nested_value(&json, 31); /* 63 messages */
    CHECK_INT(sl_json_to_wire(&sl_msg_any_value, deep, &wire, NULL), 0);
    CHECK_INT(sl_wire_to_json(&sl_msg_any_value, sl_out_view(&wire), &again, NULL), 0);
    CHECK_BYTES(sl_out_view(&again), deep);
    sl_out_clear(&wire);
    CHECK_INT(sl_json_to_wire(&sl_msg_any_value, nested_value(&json, 32), &wire, &error),
              SL_ELIMIT);
    CHECK_INT(wire.size, 0);
    CHECK(strstr(error.text, "values: nested too deeply") != NULL);
    CHECK(strstr(error.text, ": ...") != NULL);

    sl_out_clear(&json);
    sl_out_text(&json, "{\"junk\":");
    for (int i = 0; i < 300; i++)
        sl_out_byte(&json, '[');
    CHECK_INT(sl_json_to_wire(&sl_msg_trace_request, sl_out_view(&json), &wire, &error), SL_ELIMIT);
    CHECK_TEXT(error.text, "offset 263: nested too deeply");

    /* The same depth in wire: tag 5, length, tag 1, length, ... from the inside out. */
    uint8_t bytes[400];
    size_t at = sizeof bytes;
    for (int i = 0; i < 64; i++) {
        size_t size = sizeof bytes - at;
        if (size >= 128)
            bytes[--at] = (uint8_t)(size >> 7);
        bytes[--at] = (uint8_t)(size >= 128 ? (size & 0x7F) | 0x80 : size);
        bytes[--at] = i % 2 == 0 ? 0x0A : 0x2A;
    }
    sl_out_clear(&again);
    CHECK_INT(
        sl_wire_to_json(&sl_msg_any_value, sl_bytes(bytes + at, sizeof bytes - at), &again, NULL),
        SL_ELIMIT);
    CHECK_INT(again.size, 0);
    sl_out_done(&json);
    sl_out_done(&wire);
    sl_out_done(&again);
}

static void test_a_limit_holds_and_leaves_what_was_there(void **state)
{
    (void)state;
    struct sl_bytes json = SL_LIT(SPAN("\"name\":\"0123456789012345678901234567890123456789\""));
    struct sl_out all = {0};
    CHECK_INT(sl_json_to_wire(&sl_msg_trace_request, json, &all, NULL), 0);
    int refused = 0;
    for (size_t limit = 1; limit <= all.size + 8; limit++) {
        struct sl_out out = {.limit = limit + 2};
        struct sl_error error = {""};
        sl_out_text(&out, "ab");
        int rc = sl_json_to_wire(&sl_msg_trace_request, json, &out, &error);
        if (limit < all.size || rc != 0) {
            CHECK_INT(rc, SL_ELIMIT);
            CHECK(strstr(error.text, "exceeds") != NULL);
            CHECK_BYTES(sl_out_view(&out), SL_LIT("ab"));
            refused++;
        } else {
            CHECK_INT(out.size, all.size + 2);
        }
        sl_out_done(&out);
    }
    /* Lengths are guessed a few bytes too long at first: that much is lost near the limit. */
    CHECK(refused < (int)all.size + 8);
    struct sl_out text = {.limit = 20};
    CHECK_INT(sl_wire_to_json(&sl_msg_trace_request, sl_out_view(&all), &text, NULL), SL_ELIMIT);
    CHECK_INT(text.size, 0);
    sl_out_done(&text);
    sl_out_done(&all);
}

static void test_running_out_of_memory_is_an_error_anywhere(void **state)
{
    (void)state;
    struct sl_bytes json = SL_LIT(SPAN("\"name\":\"a\",\"spanId\":\"\\u0030000000000000001\","
                                       "\"name\":\"b\",\"status\":{},\"status\":{\"code\":1}"));
    bool done = false;
    for (long i = 0; !done; i++) {
        struct sl_out out = {0}, text = {0};
        (void)sl_alloc_fail_after(i);
        int rc = sl_json_to_wire(&sl_msg_trace_request, json, &out, NULL);
        if (rc == 0)
            rc = sl_wire_to_json(&sl_msg_trace_request, sl_out_view(&out), &text, NULL);
        long asked = sl_alloc_fail_after(-1);
        done = asked <= i;
        CHECK_INT(rc, done ? 0 : SL_ENOMEM);
        sl_out_done(&out);
        sl_out_done(&text);
        CHECK(i < 100);
    }
}

static void test_malformed_wire_is_refused_with_its_offset(void **state)
{
    (void)state;
    static const struct {
        const char *wire;
        size_t size;
    } cases[] = {{"\x0a", 1},
                 {"\x0a\x05"
                  "abc",
                  5},
                 {"\x0a\x02\x12\x01", 4},
                 {"\x0f\x00", 2},
                 {"\x00", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_out out = {0};
        struct sl_error error = {""};
        CHECK_INT(sl_wire_to_json(&sl_msg_trace_request, sl_bytes(cases[i].wire, cases[i].size),
                                  &out, &error),
                  SL_EINVALID);
        CHECK(strncmp(error.text, "offset ", 7) == 0);
        CHECK_INT(out.size, 0);
        sl_out_done(&out);
    }
}

static void test_wire_in_any_order_gives_one_key_per_field(void **state)
{
    (void)state;
    const struct {
        struct sl_bytes wire;
        const char *json;
    } cases[] = {
        /* name in the middle of events, a field that is unknown, the name again */
        {SL_LIT("\x5a\x03\x12\x01"
                "a"
                "\x2a\x01n\x5a\x03\x12\x01"
                "b"
                "\xa0\x06\x01\x2a\x01m"),
         "{\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"name\":\"m\"}"},
        {SL_LIT("\x30\x00\x2a\x00\x0a\x00"), "{}"}, /* defaults, spelt out */
        {SL_LIT("\x2a\x02\xff"
                "a"),
         "{\"name\":\"\xEF\xBF\xBD"
         "a\"}"},
        {SL_LIT("\x30\x83\x00"), "{\"kind\":3}"}, /* a varint with a byte too many */
        {SL_LIT(""), "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_out out = {0};
        CHECK_INT(sl_wire_to_json(&sl_msg_span, cases[i].wire, &out, NULL), 0);
        CHECK_TEXT(sl_out_cstr(&out), cases[i].json);
        sl_out_done(&out);
    }
}

static void test_values_are_shown_as_people_write_them(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"{}", "null"},
        {"{\"stringValue\":\"a\\\"b\"}", "\"a\\\"b\""},
        {"{\"intValue\":\"9007199254740993\"}", "9007199254740993"},
        {"{\"doubleValue\":1.5}", "1.5"},
        {"{\"doubleValue\":\"NaN\"}", "\"NaN\""},
        {"{\"boolValue\":true}", "true"},
        {"{\"bytesValue\":\"AQI=\"}", "\"AQI=\""},
        {"{\"arrayValue\":{}}", "[]"},
        {"{\"kvlistValue\":{}}", "{}"},
        {"{\"arrayValue\":{\"values\":[{\"intValue\":1},{},{\"stringValue\":\"\"}]}}",
         "[1,null,\"\"]"},
        {"{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"boolValue\":false}},{\"key\":"
         "\"b\"}]}}",
         "{\"a\":false,\"b\":null}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct sl_out wire = {0}, text = {0};
        CHECK_INT(sl_json_to_wire(&sl_msg_any_value, sl_text(pairs[i].json), &wire, NULL), 0);
        sl_value_to_plain_json(sl_out_view(&wire), &text);
        CHECK_TEXT(sl_out_cstr(&text), pairs[i].same);
        sl_out_done(&wire);
        sl_out_done(&text);
    }
    struct sl_out text = {0};
    sl_value_to_plain_json(SL_LIT("\x0a\x7f"), &text); /* cut short */
    CHECK_TEXT(sl_out_cstr(&text), "null");
    sl_out_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_hex_in_either_case),
        cmocka_unit_test(test_other_bytes_are_base64_in_any_form),
        cmocka_unit_test(test_enums_are_numbers_or_names),
        cmocka_unit_test(test_whole_numbers_are_strings_or_numbers_and_exact),
        cmocka_unit_test(test_doubles_take_numbers_names_and_numeric_strings),
        cmocka_unit_test(test_keys_are_camel_case_or_snake_case_and_unknown_ones_ignored),
        cmocka_unit_test(test_null_is_absent_and_an_empty_element_of_an_array_value),
        cmocka_unit_test(test_values_of_every_kind_keep_their_kind),
        cmocka_unit_test(test_what_comes_twice_is_last_wins_or_merged),
        cmocka_unit_test(test_strings_come_out_as_valid_utf_8),
        cmocka_unit_test(test_presence_and_packed_numbers_of_metrics_are_kept),
        cmocka_unit_test(test_log_records_keep_all_their_fields),
        cmocka_unit_test(test_a_body_is_one_object_and_nothing_else),
        cmocka_unit_test(test_depth_is_bounded_in_messages_and_in_junk),
        cmocka_unit_test(test_a_limit_holds_and_leaves_what_was_there),
        cmocka_unit_test(test_running_out_of_memory_is_an_error_anywhere),
        cmocka_unit_test(test_malformed_wire_is_refused_with_its_offset),
        cmocka_unit_test(test_wire_in_any_order_gives_one_key_per_field),
        cmocka_unit_test(test_values_are_shown_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
