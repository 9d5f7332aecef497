/* SPDX-License-Identifier: Apache-2.0 */
/* The server's HTTP/1: raw requests with the status and the fate of the connection. */
#include "tests/unit/transport/serve.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST /echo HTTP/1.1\r\n" HOST

struct row {
    const char *request;
    int status; /* of the first answer; 0: none */
    unsigned answers;
    bool stays; /* the connection is still open */
};

static const struct row rows[] = {
    {GET HOST "\r\n", 200, 1, true},
    {GET HOST "\r\n" GET HOST "\r\n", 200, 2, true},
    {"\r\n" GET HOST "\r\n", 200, 1, true},
    {GET HOST "Connection: close\r\n\r\n", 200, 1, false},
    {GET HOST "Connection: keep-alive, close\r\n\r\n", 200, 1, false},
    {"GET / HTTP/1.0\r\n\r\n", 200, 1, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, 1, true},
    {"GET http://a/x HTTP/1.1\r\n" HOST "\r\n", 200, 1, true},
    {POST "Content-Length: 3\r\n\r\nabc", 200, 1, true},
    {POST "Content-Length: 0\r\n\r\n", 200, 1, true},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, 1, true},
    {POST "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n", 200, 1, true},
    {POST "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, 1, true},
    {POST "Content-Length: 3\r\n\r\nabc" GET HOST "\r\n", 200, 2, true},
    {"POST /early HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET HOST "\r\n", 404, 2, true},
    {"POST /early HTTP/1.1\r\n" HOST "Content-Length: 900000\r\n\r\nabc", 404, 1, false},
    {"POST /early HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\n", 404, 1, false},
    {POST "Content-Length: 100001\r\n\r\nabc", 413, 1, false},
    {POST "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n", 413, 1, false},
    {POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417, 1, false},
    /* What two readers may understand differently. */
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 1, false},
    {POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, 1, false},
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 1, false},
    {POST "Content-Length: 3, 3\r\n\r\nabc", 400, 1, false},
    {POST "Content-Length: +3\r\n\r\nabc", 400, 1, false},
    {POST "Content-Length: -1\r\n\r\n", 400, 1, false},
    {POST "Content-Length: 0x3\r\n\r\nabc", 400, 1, false},
    {POST "Content-Length: 99999999999999999999\r\n\r\n", 400, 1, false},
    {POST "Content-Length:\r\n\r\n", 400, 1, false},
    {POST "Content-Length : 3\r\n\r\nabc", 400, 1, false},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, 1, false},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     400, 1, false},
    {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", 400, 1, false},
    {POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400, 1, false},
    {GET HOST "A: b\r\n c\r\n\r\n", 400, 1, false},
    {GET HOST " A: b\r\n\r\n", 400, 1, false},
    {GET HOST "A: b\nB: c\r\n\r\n", 400, 1, false},
    {GET HOST "A: b\rB: c\r\n\r\n", 400, 1, false},
    {GET HOST "A\r\n\r\n", 400, 1, false},
    {GET HOST ": b\r\n\r\n", 400, 1, false},
    {GET HOST "A(: b\r\n\r\n", 400, 1, false},
    {GET HOST "A: \x01\r\n\r\n", 400, 1, false},
    {GET HOST HOST "\r\n", 400, 1, false},
    {GET "\r\n", 400, 1, false},
    {"GET / HTTP/1.1\n" HOST "\n", 400, 1, false},
    {"0\r\n\r\n", 400, 1, false},
    {"GET /\r\n\r\n", 400, 1, false},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400, 1, false},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400, 1, false},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, 1, false},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n", 400, 1, false},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, 1, false},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", 505, 1, false},
    {"GET / http/1.1\r\n" HOST "\r\n", 400, 1, false},
    {"PRI * HTTP/2.0\r\n\r\nXX", 505, 1, false},
    /* Another protocol gets no answer in HTTP. */
    {"INVALID CONNECTION PREFACE\r\n\r\n", 0, 0, false},
    {"EHLO a b\r\n\r\n", 0, 0, false},
    {"GET / \r\n\r\n", 0, 0, false},
    {GET HOST "\r\nEHLO a b\r\n\r\n", 200, 1, false},
    {"\x16\x03\x01\x02\n", 400, 1, false},
};

static int first_status(struct serve *serve)
{
    const char *text = sl_out_cstr(&serve->got);
    int status = 0;
    if (strncmp(text, "HTTP/1.1 ", 9) == 0)
        for (int i = 9; i < 12; i++)
            status = status * 10 + (text[i] - '0');
    return status;
}

static void check_row(const struct row *row, bool pass, size_t piece)
{
    struct serve serve;
    serve_start(&serve, pass);
    size_t size = strlen(row->request);
    for (size_t at = 0; at < size; at += piece)
        serve_send(&serve, sl_bytes(row->request + at, size - at < piece ? size - at : piece));
    bool stays = !serve.ended && !serve.closed;
    if (first_status(&serve) != row->status || stays != row->stays ||
        serve_count(&serve, "HTTP/1.1 ") != row->answers)
        fail_msg("in pieces of %zu: %s\n-> %s", piece, row->request, sl_out_cstr(&serve.got));
    serve_stop(&serve);
}

static void test_each_raw_request_gets_its_status_and_fate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&rows[i], false, 100000);
}

static void test_each_raw_request_is_the_same_byte_by_byte_through_a_filter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&rows[i], true, 1);
}

static void test_a_request_split_at_every_byte_is_the_same(void **state)
{
    (void)state;
    static const char request[] = POST "Transfer-Encoding: chunked\r\n\r\n"
                                       "3\r\nabc\r\n4;e\r\ndefg\r\n0\r\nT: x\r\n\r\n";
    for (size_t split = 1; split < sizeof request - 1; split++) {
        struct serve serve;
        serve_start(&serve, false);
        serve_send(&serve, sl_bytes(request, split));
        serve_send(&serve, sl_bytes(request + split, sizeof request - 1 - split));
        CHECK_INT(first_status(&serve), 200);
        CHECK(serve_has(&serve, "\r\n\r\nabcdefg"));
        serve_stop(&serve);
    }
}

static void test_expect_is_answered_before_the_body(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    CHECK_TEXT(sl_out_cstr(&serve.got), "HTTP/1.1 100 Continue\r\n\r\n");
    serve_send(&serve, SL_LIT("hi"));
    CHECK(serve_has(&serve, "200 OK") && serve_has(&serve, "\r\n\r\nhi"));
    serve_stop(&serve);
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT("GET /later HTTP/1.1\r\n" HOST "\r\n" POST
                              "Content-Length: 6\r\n\r\nsecond"));
    CHECK_INT(serve.got.size, 0);
    CHECK_INT(serve.begun, 1);
    serve_answer(&serve, 0);
    const char *text = sl_out_cstr(&serve.got);
    CHECK(strstr(text, "late") != NULL && strstr(text, "late") < strstr(text, "second"));
    serve_stop(&serve);
}

static void test_a_client_that_leaves_before_the_answer_harms_nothing(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT("GET /later HTTP/1.1\r\n" HOST "\r\n"));
    CHECK_INT(serve.later_count, 1);
    sl_server_close(serve.server, serve_nothing);
    sl_worker_advance(&serve.worker, 1);
    CHECK_INT(serve.drained, 1);
    serve_answer(&serve, 0);
    CHECK_INT(serve.gones, 0);
    serve_stop(&serve);
}

static void test_a_client_that_leaves_within_its_body_is_told(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT(POST "Content-Length: 10\r\n\r\nabc"));
    CHECK_INT(atomic_load(&serve.budget.used), 10);
    sl_stream_close(serve.client, 0);
    sl_worker_advance(&serve.worker, 1);
    CHECK_INT(serve.gones, 1);
    CHECK_INT(atomic_load(&serve.budget.used), 0);
    serve_stop(&serve);
}

static void test_a_body_over_the_budget_is_refused(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve.limit = 1u << 30;
    serve_send(&serve, SL_LIT(POST "Content-Length: 2000000\r\n\r\n"));
    CHECK_INT(first_status(&serve), 503);
    CHECK_INT(serve.fail_status, SL_EAGAIN);
    serve_stop(&serve);
}

static void test_large_heads_are_refused(void **state)
{
    (void)state;
    struct serve serve;
    struct sl_out request = {0};
    sl_out_text(&request, GET HOST);
    for (int i = 0; i < 101; i++)
        sl_out_text(&request, "a: b\r\n");
    sl_out_text(&request, "\r\n");
    serve_start(&serve, false);
    serve_send(&serve, sl_out_view(&request));
    CHECK_INT(first_status(&serve), 431);
    serve_stop(&serve);
    sl_out_clear(&request);
    sl_out_text(&request, GET HOST "a: ");
    for (int i = 0; i < 17000; i++)
        sl_out_byte(&request, 'x');
    serve_start(&serve, false);
    serve_send(&serve, sl_out_view(&request));
    CHECK_INT(first_status(&serve), 431);
    serve_stop(&serve);
    sl_out_done(&request);
}

static void test_slow_clients_lose_their_connection(void **state)
{
    (void)state;
    static const struct {
        const char *sent;
        unsigned wait_ms;
        int status;
    } slow[] = {{"", 10001, 0},
                {GET, 10001, 408},
                {POST "Content-Length: 3\r\n\r\na", 30001, 408},
                {GET HOST "\r\n", 120001, 200}};
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        struct serve serve;
        serve_start(&serve, false);
        serve_send(&serve, sl_text(slow[i].sent));
        sl_worker_advance(&serve.worker, slow[i].wait_ms - 1000);
        CHECK(!serve.ended && !serve.closed);
        sl_worker_advance(&serve.worker, 1000);
        CHECK(serve.ended || serve.closed);
        CHECK_INT(first_status(&serve), slow[i].status);
        serve_stop(&serve);
    }
}

static void test_a_drain_closes_idle_connections_and_waits_for_answers(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT(GET HOST "\r\n"));
    sl_server_drain(serve.server, serve_nothing);
    sl_worker_advance(&serve.worker, 1);
    CHECK_INT(serve.drained, 1);
    serve_stop(&serve);

    serve_start(&serve, false);
    serve_send(&serve, SL_LIT("GET /later HTTP/1.1\r\n" HOST "\r\n"));
    sl_server_drain(serve.server, serve_nothing);
    sl_worker_advance(&serve.worker, 1);
    CHECK_INT(serve.drained, 0);
    serve_answer(&serve, 0);
    CHECK(serve_has(&serve, "Connection: close"));
    sl_stream_close(serve.client, 0);
    sl_worker_advance(&serve.worker, 1);
    CHECK_INT(serve.drained, 1);
    serve_stop(&serve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_raw_request_gets_its_status_and_fate),
        cmocka_unit_test(test_each_raw_request_is_the_same_byte_by_byte_through_a_filter),
        cmocka_unit_test(test_a_request_split_at_every_byte_is_the_same),
        cmocka_unit_test(test_expect_is_answered_before_the_body),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_a_client_that_leaves_before_the_answer_harms_nothing),
        cmocka_unit_test(test_a_client_that_leaves_within_its_body_is_told),
        cmocka_unit_test(test_a_body_over_the_budget_is_refused),
        cmocka_unit_test(test_large_heads_are_refused),
        cmocka_unit_test(test_slow_clients_lose_their_connection),
        cmocka_unit_test(test_a_drain_closes_idle_connections_and_waits_for_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
