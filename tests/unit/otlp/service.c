/* SPDX-License-Identifier: Apache-2.0 */
/* Export responses and google.rpc.Status: both encodings, both ways, protobuf-c as the other side.
 */
#include "otlp/service.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "tests/check.h"

static const char *response_json(enum sl_signal signal, int64_t rejected, const char *message,
                                 struct sl_out *out)
{
    struct sl_export_response response = {rejected, sl_text(message)};
    sl_out_clear(out);
    sl_export_response_write(signal, SL_JSON, &response, out);
    return sl_out_cstr(out);
}

static void test_full_success_is_an_empty_message(void **state)
{
    (void)state;
    struct sl_export_response response = {0};
    struct sl_out out = {0};
    sl_export_response_write(SL_TRACES, SL_PROTOBUF, &response, &out);
    CHECK_INT(out.size, 0);
    CHECK_TEXT(response_json(SL_LOGS, 0, "", &out), "{}");
    CHECK(!out.failed);
    sl_out_done(&out);
}

static void test_partial_success_names_what_was_rejected(void **state)
{
    (void)state;
    struct sl_out out = {0};
    CHECK_TEXT(response_json(SL_TRACES, 3, "a \"b\"", &out),
               "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"a \\\"b\\\"\"}}");
    CHECK_TEXT(response_json(SL_METRICS, 1, "", &out),
               "{\"partialSuccess\":{\"rejectedDataPoints\":\"1\"}}");
    CHECK_TEXT(response_json(SL_LOGS, 9007199254740993, "", &out),
               "{\"partialSuccess\":{\"rejectedLogRecords\":\"9007199254740993\"}}");
    CHECK_TEXT(response_json(SL_LOGS, 0, "warning", &out),
               "{\"partialSuccess\":{\"errorMessage\":\"warning\"}}");
    sl_out_done(&out);
}

static void test_protobuf_c_reads_our_response(void **state)
{
    (void)state;
    struct sl_export_response response = {300, SL_LIT("too old")};
    struct sl_out out = {0};
    sl_export_response_write(SL_LOGS, SL_PROTOBUF, &response, &out);
    Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceResponse *read =
        opentelemetry__proto__collector__logs__v1__export_logs_service_response__unpack(
            NULL, out.size, out.data);
    CHECK(read != NULL && read->partial_success != NULL);
    CHECK_INT(read->partial_success->rejected_log_records, 300);
    CHECK_TEXT(read->partial_success->error_message, "too old");
    opentelemetry__proto__collector__logs__v1__export_logs_service_response__free_unpacked(read,
                                                                                           NULL);
    sl_out_done(&out);
}

static void test_responses_are_read_in_both_encodings(void **state)
{
    (void)state;
    static const struct {
        enum sl_encoding encoding;
        const char *body;
        size_t size;
        int status;
        int64_t rejected;
        const char *message;
    } cases[] = {
        {SL_PROTOBUF, "", 0, 0, 0, ""},
        {SL_PROTOBUF, "\x0a\x00", 2, 0, 0, ""},
        {SL_PROTOBUF, "\x0a\x05\x08\x02\x12\x01m", 7, 0, 2, "m"},
        {SL_PROTOBUF, "\x0a\x02\x08\x02\x0a\x03\x12\x01m\x18\x01", 11, 0, 2, "m"},
        {SL_PROTOBUF, "\x0a\x05\x08\x02\x12\x01\xff", 7, 0, 2, "\xEF\xBF\xBD"},
        {SL_PROTOBUF, "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, 0, -1, ""},
        {SL_PROTOBUF, "\x0a\x05\x08", 3, SL_EINVALID, 0, ""},
        {SL_PROTOBUF, "\x0a\x02\x12\x05", 4, SL_EINVALID, 0, ""},
        {SL_PROTOBUF, "<html>", 6, SL_EINVALID, 0, ""},
        {SL_JSON, "{}", 0, 0, 0, ""},
        {SL_JSON, "{\"partialSuccess\":null}", 0, 0, 0, ""},
        {SL_JSON, "{\"partialSuccess\":{\"rejectedSpans\":\"4\",\"errorMessage\":\"a\\nb\"}}", 0, 0,
         4, "a\nb"},
        {SL_JSON, "{\"partial_success\":{\"rejected_spans\":4}}", 0, 0, 4, ""},
        {SL_JSON, "", 0, SL_EINVALID, 0, ""},
        {SL_JSON, "null", 0, SL_EINVALID, 0, ""},
        {SL_JSON, "{\"partialSuccess\":5}", 0, SL_EINVALID, 0, ""},
        {SL_JSON, "<html>", 0, SL_EINVALID, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_export_response response = {-7, SL_LIT("unset")};
        struct sl_out scratch = {0};
        size_t size = cases[i].encoding == SL_JSON ? strlen(cases[i].body) : cases[i].size;
        int rc = sl_export_response_read(SL_TRACES, cases[i].encoding,
                                         sl_bytes(cases[i].body, size), &response, &scratch);
        if (rc != cases[i].status)
            fail_msg("case %zu: %d", i, rc);
        CHECK_INT(response.rejected, rc == 0 ? cases[i].rejected : -7);
        CHECK_BYTES(response.message, sl_text(rc == 0 ? cases[i].message : "unset"));
        sl_out_done(&scratch);
    }
}

static void test_a_status_is_written_in_both_encodings(void **state)
{
    (void)state;
    static const struct {
        int64_t retry_after_ms;
        const char *json;
    } cases[] = {
        {-1, "{\"code\":14,\"message\":\"a\\\"b\"}"},
        {0, "{\"code\":14,\"message\":\"a\\\"b\",\"details\":[{\"@type\":\"type.googleapis.com/"
            "google.rpc.RetryInfo\",\"retryDelay\":\"0s\"}]}"},
        {5000, "{\"code\":14,\"message\":\"a\\\"b\",\"details\":[{\"@type\":\"type.googleapis.com/"
               "google.rpc.RetryInfo\",\"retryDelay\":\"5s\"}]}"},
        {1020, "{\"code\":14,\"message\":\"a\\\"b\",\"details\":[{\"@type\":\"type.googleapis.com/"
               "google.rpc.RetryInfo\",\"retryDelay\":\"1.020s\"}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_rpc_status status = {SL_GRPC_UNAVAILABLE, SL_LIT("a\"b"),
                                       cases[i].retry_after_ms};
        struct sl_out json = {0}, wire = {0}, scratch = {0};
        sl_rpc_status_write(SL_JSON, &status, &json);
        CHECK_TEXT(sl_out_cstr(&json), cases[i].json);
        sl_rpc_status_write(SL_PROTOBUF, &status, &wire);
        for (int encoding = SL_PROTOBUF; encoding <= SL_JSON; encoding++) {
            struct sl_rpc_status read = {0};
            CHECK_INT(sl_rpc_status_read((enum sl_encoding)encoding,
                                         sl_out_view(encoding == SL_JSON ? &json : &wire), &read,
                                         &scratch),
                      0);
            CHECK_INT(read.code, 14);
            CHECK_BYTES(read.message, SL_LIT("a\"b"));
            CHECK_INT(read.retry_after_ms, cases[i].retry_after_ms);
        }
        sl_out_done(&json);
        sl_out_done(&wire);
        sl_out_done(&scratch);
    }
}

static void test_protobuf_c_reads_our_status(void **state)
{
    (void)state;
    struct sl_rpc_status status = {SL_GRPC_RESOURCE_EXHAUSTED, SL_LIT("full"), 90061001};
    struct sl_out out = {0};
    sl_rpc_status_write(SL_PROTOBUF, &status, &out);
    Google__Rpc__Status *read = google__rpc__status__unpack(NULL, out.size, out.data);
    CHECK(read != NULL);
    CHECK_INT(read->code, 8);
    CHECK_TEXT(read->message, "full");
    CHECK_INT(read->n_details, 1);
    CHECK_TEXT(read->details[0]->type_url, "type.googleapis.com/google.rpc.RetryInfo");
    Google__Rpc__RetryInfo *info = google__rpc__retry_info__unpack(
        NULL, read->details[0]->value.len, read->details[0]->value.data);
    CHECK(info != NULL && info->retry_delay != NULL);
    CHECK_INT(info->retry_delay->seconds, 90061);
    CHECK_INT(info->retry_delay->nanos, 1000000);
    google__rpc__retry_info__free_unpacked(info, NULL);
    google__rpc__status__free_unpacked(read, NULL);
    sl_out_done(&out);
}

/* A Status by protobuf-c with one RetryInfo, and what we read of it. */
static int64_t delay_read(int64_t seconds, int32_t nanos)
{
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT, *anys[] = {&any};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    uint8_t packed[64], wire[256];
    char url[] = "type.googleapis.com/google.rpc.RetryInfo";
    duration.seconds = seconds;
    duration.nanos = nanos;
    info.retry_delay = &duration;
    any.type_url = url;
    any.value.data = packed;
    any.value.len = google__rpc__retry_info__pack(&info, packed);
    status.n_details = 1;
    status.details = anys;
    size_t size = google__rpc__status__pack(&status, wire);
    struct sl_rpc_status read = {.retry_after_ms = -2};
    struct sl_out scratch = {0};
    CHECK_INT(sl_rpc_status_read(SL_PROTOBUF, sl_bytes(wire, size), &read, &scratch), 0);
    sl_out_done(&scratch);
    return read.retry_after_ms;
}

static void test_delays_of_others_are_rounded_up_and_kept_in_bounds(void **state)
{
    (void)state;
    CHECK_INT(delay_read(0, 0), 0);
    CHECK_INT(delay_read(1, 500000001), 1501);
    CHECK_INT(delay_read(0, 1), 1);
    CHECK_INT(delay_read(-5, 0), 0);
    CHECK_INT(delay_read(0, -1), 0);
    CHECK_INT(delay_read(INT64_MAX, INT32_MAX), 315576000001000);
    CHECK_INT(delay_read(INT64_MIN, 0), 0);
}

static void test_a_status_of_anybody_is_read_without_trust(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int status, code;
        const char *message;
        int64_t retry_after_ms;
    } cases[] = {
        {"{}", 0, 0, "", -1},
        {"{\"code\":\"8\",\"message\":\"a\\u00e9\",\"x\":[{}]}", 0, 8, "a\xC3\xA9", -1},
        {"{\"code\":null,\"message\":null,\"details\":null}", 0, 0, "", -1},
        {"{\"details\":[{\"retryDelay\":\"2s\",\"@type\":\"type.googleapis.com/"
         "google.rpc.RetryInfo\"}]}",
         0, 0, "", 2000},
        {"{\"details\":[{\"@type\":\"type.googleapis.com\\/google.rpc.RetryInfo\",\"retryDelay\":"
         "\"0.000000001s\"}]}",
         0, 0, "", 1},
        {"{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\"}]}", 0, 0, "", 0},
        {"{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
         "\"-3s\"}]}",
         0, 0, "", 0},
        {"{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
         "\"soon\"}]}",
         0, 0, "", 0},
        {"{\"details\":[5,{\"@type\":\"other\",\"retryDelay\":\"2s\"},[]]}", 0, 0, "", -1},
        {"{\"code\":\"x\"}", SL_EINVALID, 0, "", 0},
        {"{\"code\":4294967296}", SL_EINVALID, 0, "", 0},
        {"{\"message\":5}", SL_EINVALID, 0, "", 0},
        {"{\"details\":{}}", SL_EINVALID, 0, "", 0},
        {"{\"details\":[{\"@type\":}]}", SL_EINVALID, 0, "", 0},
        {"{\"code\":1} x", SL_EINVALID, 0, "", 0},
        {"[]", SL_EINVALID, 0, "", 0},
        {"", SL_EINVALID, 0, "", 0},
        {"upstream connect error", SL_EINVALID, 0, "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_rpc_status status = {.code = -7};
        struct sl_out scratch = {0};
        int rc = sl_rpc_status_read(SL_JSON, sl_text(cases[i].json), &status, &scratch);
        if (rc != cases[i].status)
            fail_msg("%s: %d", cases[i].json, rc);
        CHECK_INT(status.code, rc == 0 ? cases[i].code : -7);
        if (rc == 0) {
            CHECK_BYTES(status.message, sl_text(cases[i].message));
            CHECK_INT(status.retry_after_ms, cases[i].retry_after_ms);
        }
        sl_out_done(&scratch);
    }
}

static void test_malformed_status_wire_is_refused_and_malformed_details_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *wire;
        size_t size;
        int status, code;
    } cases[] = {
        {"", 0, 0, 0},
        {"\x08\x0e", 2, 0, 14},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 0, -1},
        {"\x08\x0e\x1a\x02\x0a\x7f", 6, 0, 14}, /* a detail cut short */
        {"\x08\x0e\x1a\x05"
         "abc",
         7, SL_EINVALID, 0}, /* the status cut short */
        {"\x08", 1, SL_EINVALID, 0},
        {"\x0b", 1, SL_EINVALID, 0},
        {"HTTP/1.1 502", 12, SL_EINVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_rpc_status status = {0};
        struct sl_out scratch = {0};
        int rc = sl_rpc_status_read(SL_PROTOBUF, sl_bytes(cases[i].wire, cases[i].size), &status,
                                    &scratch);
        if (rc != cases[i].status)
            fail_msg("case %zu: %d", i, rc);
        if (rc == 0) {
            CHECK_INT(status.code, cases[i].code);
            CHECK_INT(status.retry_after_ms, -1);
        }
        sl_out_done(&scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_success_is_an_empty_message),
        cmocka_unit_test(test_partial_success_names_what_was_rejected),
        cmocka_unit_test(test_protobuf_c_reads_our_response),
        cmocka_unit_test(test_responses_are_read_in_both_encodings),
        cmocka_unit_test(test_a_status_is_written_in_both_encodings),
        cmocka_unit_test(test_protobuf_c_reads_our_status),
        cmocka_unit_test(test_delays_of_others_are_rounded_up_and_kept_in_bounds),
        cmocka_unit_test(test_a_status_of_anybody_is_read_without_trust),
        cmocka_unit_test(test_malformed_status_wire_is_refused_and_malformed_details_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
