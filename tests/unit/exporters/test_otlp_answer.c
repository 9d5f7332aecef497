/* SPDX-License-Identifier: Apache-2.0 */
/* What responses of gRPC and HTTP servers mean for the sender. */
#include "core/out.h"
#include "exporters/otlp/answer.h"
#include "exporters/otlphttp/answer.h"
#include "tests/check.h"
#include "transport/grpc.h"

static struct sl_client_response grpc_response(int status, const struct sl_header *headers,
                                               size_t count, struct sl_bytes body)
{
    return (struct sl_client_response){
        .message = "", .status = status, .headers = headers, .header_count = count, .body = body};
}

static void test_grpc_codes_are_retried_as_otlp_says(void **state)
{
    (void)state;
    static const enum sl_outcome expected[] = {
        SL_RESULT_OK,        SL_RESULT_RETRY,    SL_RESULT_INTERNAL, SL_RESULT_REJECT,
        SL_RESULT_RETRY,     SL_RESULT_INTERNAL, SL_RESULT_INTERNAL, SL_RESULT_DENIED,
        SL_RESULT_TOO_LARGE, SL_RESULT_REJECT,   SL_RESULT_RETRY,    SL_RESULT_RETRY,
        SL_RESULT_INTERNAL,  SL_RESULT_INTERNAL, SL_RESULT_RETRY,    SL_RESULT_RETRY,
        SL_RESULT_DENIED};
    for (int code = 0; code <= 16; code++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", code);
        struct sl_header header = {SL_LIT("grpc-status"), sl_text(text)};
        uint8_t empty[5] = {0};
        struct sl_client_response response = grpc_response(200, &header, 1, sl_bytes(empty, 5));
        struct sl_grpc_answer answer;
        sl_grpc_answer_read(&response, SL_TRACES, sl_grpc_retryable_codes(), &answer);
        CHECK_INT(answer.result.outcome, expected[code]);
        CHECK(!answer.unreadable);
    }
}

static void test_retry_info_makes_resource_exhausted_retryable(void **state)
{
    (void)state;
    struct sl_out wire = {0}, text = {0};
    struct sl_rpc_status status = {.code = 8, .retry_after_ms = 7000};
    sl_rpc_status_write(SL_PROTOBUF, &status, &wire);
    sl_grpc_bin_write(sl_out_view(&wire), &text);
    struct sl_header headers[] = {{SL_LIT("grpc-status"), SL_LIT("8")},
                                  {SL_LIT("grpc-status-details-bin"), sl_out_view(&text)}};
    struct sl_client_response response = grpc_response(200, headers, 2, SL_LIT(""));
    struct sl_grpc_answer answer;
    sl_grpc_answer_read(&response, SL_LOGS, sl_grpc_retryable_codes(), &answer);
    CHECK_INT(answer.result.outcome, SL_RESULT_THROTTLE);
    CHECK_INT(answer.result.retry_after_ms, 7000);
    response.header_count = 1;
    sl_grpc_answer_read(&response, SL_LOGS, sl_grpc_retryable_codes() | 1u << 8, &answer);
    CHECK_INT(answer.result.outcome, SL_RESULT_RETRY);
    sl_out_done(&wire);
    sl_out_done(&text);
}

static void test_a_proxys_http_status_stands_for_a_grpc_code(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum sl_outcome outcome;
    } cases[] = {{400, SL_RESULT_INTERNAL}, {401, SL_RESULT_DENIED}, {403, SL_RESULT_DENIED},
                 {404, SL_RESULT_INTERNAL}, {429, SL_RESULT_RETRY},  {502, SL_RESULT_RETRY},
                 {503, SL_RESULT_RETRY},    {504, SL_RESULT_RETRY},  {500, SL_RESULT_INTERNAL},
                 {200, SL_RESULT_INTERNAL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_client_response response = grpc_response(cases[i].status, NULL, 0, SL_LIT(""));
        struct sl_grpc_answer answer;
        sl_grpc_answer_read(&response, SL_TRACES, sl_grpc_retryable_codes(), &answer);
        CHECK_INT(answer.result.outcome, cases[i].outcome);
    }
}

static void test_partial_success_is_read_from_both_protocols(void **state)
{
    (void)state;
    struct sl_out body = {0};
    struct sl_export_response export = {.rejected = 4, .message = SL_LIT("no")};
    sl_out_bytes(&body, "\0\0\0\0\0", 5);
    sl_export_response_write(SL_TRACES, SL_PROTOBUF, &export, &body);
    body.data[4] = (uint8_t)(body.size - 5);
    struct sl_header status = {SL_LIT("grpc-status"), SL_LIT("0")};
    struct sl_client_response response = grpc_response(200, &status, 1, sl_out_view(&body));
    struct sl_grpc_answer grpc;
    sl_grpc_answer_read(&response, SL_TRACES, 0, &grpc);
    CHECK_INT(grpc.result.outcome, SL_RESULT_PARTIAL);
    CHECK_INT(grpc.result.rejected_items, 4);

    struct sl_header type = {SL_LIT("content-type"), SL_LIT("application/json; charset=utf-8")};
    struct sl_http_answer http;
    response =
        grpc_response(200, &type, 1, SL_LIT("{\"partialSuccess\":{\"rejectedSpans\":\"4\"}}"));
    sl_http_answer_read(&response, SL_TRACES, 0, &http);
    CHECK_INT(http.result.outcome, SL_RESULT_PARTIAL);
    CHECK_INT(http.result.rejected_items, 4);
    sl_out_done(&body);
}

static void test_a_success_that_cannot_be_read_is_a_success(void **state)
{
    (void)state;
    struct sl_header status = {SL_LIT("grpc-status"), SL_LIT("0")};
    struct sl_client_response response = grpc_response(200, &status, 1, SL_LIT("garbage"));
    struct sl_grpc_answer grpc;
    sl_grpc_answer_read(&response, SL_TRACES, 0, &grpc);
    CHECK_INT(grpc.result.outcome, SL_RESULT_OK);
    CHECK(grpc.unreadable);
    struct sl_http_answer http;
    response = grpc_response(202, NULL, 0, SL_LIT("<html>log in</html>"));
    sl_http_answer_read(&response, SL_TRACES, 0, &http);
    CHECK_INT(http.result.outcome, SL_RESULT_OK);
    CHECK(http.unreadable);
    response.error = SL_CLIENT_TOO_LARGE;
    sl_http_answer_read(&response, SL_TRACES, 0, &http);
    CHECK_INT(http.result.outcome, SL_RESULT_OK);
    CHECK(http.unreadable);
}

static void test_http_status_codes(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum sl_outcome outcome;
    } cases[] = {{200, SL_RESULT_OK},        {204, SL_RESULT_OK},       {301, SL_RESULT_INTERNAL},
                 {307, SL_RESULT_INTERNAL},  {400, SL_RESULT_REJECT},   {401, SL_RESULT_DENIED},
                 {403, SL_RESULT_DENIED},    {404, SL_RESULT_INTERNAL}, {408, SL_RESULT_INTERNAL},
                 {413, SL_RESULT_TOO_LARGE}, {429, SL_RESULT_THROTTLE}, {500, SL_RESULT_INTERNAL},
                 {501, SL_RESULT_INTERNAL},  {502, SL_RESULT_RETRY},    {503, SL_RESULT_RETRY},
                 {504, SL_RESULT_RETRY}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_header wait = {SL_LIT("retry-after"), SL_LIT("3")};
        struct sl_client_response response = grpc_response(cases[i].status, &wait, 1, SL_LIT(""));
        struct sl_http_answer answer;
        sl_http_answer_read(&response, SL_TRACES, 0, &answer);
        CHECK_INT(answer.result.outcome, cases[i].outcome);
        CHECK_INT(answer.result.retry_after_ms, sl_result_is_retryable(&answer.result) ? 3000 : 0);
    }
}

static void test_failures_without_a_response_are_retried(void **state)
{
    (void)state;
    for (enum sl_client_error e = SL_CLIENT_TIMEOUT; e <= SL_CLIENT_NO_MEMORY; e++) {
        struct sl_client_response response = {.error = e, .message = "why"};
        struct sl_grpc_answer answer;
        sl_grpc_answer_read(&response, SL_TRACES, 0, &answer);
        CHECK_INT(answer.result.outcome,
                  e == SL_CLIENT_TOO_LARGE ? SL_RESULT_INTERNAL : SL_RESULT_RETRY);
    }
}

static void test_retry_after(void **state)
{
    (void)state;
    /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const uint64_t now_ns = UINT64_C(784111777) * 1000000000;
    static const struct {
        const char *text;
        uint32_t wait_ms;
    } cases[] = {
        {"0", 0},
        {"1", 1000},
        {" 120 ", 120000},
        {"-5", 0},
        {"7200", 3600000},
        {"99999999999999999", 3600000},
        {"1.5", 0},
        {"soon", 0},
        {"", 0},
        {"Sun, 06 Nov 1994 08:49:40 GMT", 3000},
        {"Sun, 06 Nov 1994 08:49:00 GMT", 0},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 3600000},
        {"Sun, 06 Xyz 1994 08:49:40 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:40 CET", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sl_retry_after_read(sl_text(cases[i].text), now_ns) != cases[i].wait_ms)
            fail_msg("'%s' is %u ms, expected %u", cases[i].text,
                     sl_retry_after_read(sl_text(cases[i].text), now_ns), cases[i].wait_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_codes_are_retried_as_otlp_says),
        cmocka_unit_test(test_retry_info_makes_resource_exhausted_retryable),
        cmocka_unit_test(test_a_proxys_http_status_stands_for_a_grpc_code),
        cmocka_unit_test(test_partial_success_is_read_from_both_protocols),
        cmocka_unit_test(test_a_success_that_cannot_be_read_is_a_success),
        cmocka_unit_test(test_http_status_codes),
        cmocka_unit_test(test_failures_without_a_response_are_retried),
        cmocka_unit_test(test_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
