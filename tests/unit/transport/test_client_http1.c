/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 client against scripted servers in memory. */
#include "transport/client_http1.h"

#include "tests/unit/transport/test_client_fixture.h"

static struct sl_http1_call *start(struct fixture *f, struct sl_http1_client *client,
                                   unsigned which)
{
    const struct sl_header headers[] = {{SL_LIT("content-type"), SL_LIT("application/json")},
                                        {SL_LIT("x-bad"), SL_LIT("a\r\nx-injected: 1")}};
    struct sl_buf *body = make_body("hello");
    struct sl_client_request request = {.path = SL_LIT("/v1/traces"),
                                        .authority = SL_LIT("example:4318"),
                                        .headers = headers,
                                        .header_count = 2,
                                        .body = body,
                                        .timeout_ms = 5000};
    f->answers[which] = (struct answer){0};
    struct sl_http1_call *call =
        sl_http1_client_send(client, &request, on_done, &f->answers[which]);
    sl_buf_unref(body);
    return call;
}

static void reply(struct fixture *f, unsigned far, const char *text)
{
    CHECK(f->fars[far].stream != NULL);
    sl_out_clear(&f->fars[far].in);
    CHECK_INT(sl_stream_write(f->fars[far].stream, sl_text(text), NULL), SL_OK);
    turns(f);
}

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-End: yes\r\n\r\n{}";

static struct sl_http1_client *open_client(struct fixture *f, unsigned max_connections)
{
    struct sl_client_options options = fixture_options(f);
    options.max_connections = max_connections;
    fixture_init(f);
    struct sl_http1_client *client = sl_http1_client_new(&f->worker, &options);
    CHECK(client != NULL);
    return client;
}

static void finish(struct fixture *f, struct sl_http1_client *client)
{
    sl_http1_client_close(client, fixture_closed, f);
    fixture_done(f);
}

static void test_a_request_and_its_response(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    CHECK(!f.answers[0].done);
    turns(&f);
    CHECK_BYTES(sl_out_view(&f.fars[0].in),
                SL_LIT("POST /v1/traces HTTP/1.1\r\nhost: example:4318\r\n"
                       "content-type: application/json\r\ncontent-length: 5\r\n\r\nhello"));
    reply(&f, 0, ok);
    CHECK(f.answers[0].done);
    CHECK_INT(f.answers[0].error, SL_CLIENT_OK);
    CHECK_INT(f.answers[0].status, 200);
    CHECK_TEXT(f.answers[0].body, "{}");
    CHECK_TEXT(f.answers[0].trailer, "yes");
    finish(&f, client);
}

static void test_responses_in_other_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sl_client_error error;
        int status;
        const char *body;
        bool kept;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
         SL_CLIENT_OK, 200, "abc", true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", SL_CLIENT_OK, 204, "",
         true},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", SL_CLIENT_OK, 503,
         "", false},
        {"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n", SL_CLIENT_OK,
         302, "", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", SL_CLIENT_OK, 0, NULL, false},
        {"SSH-2.0-OpenSSH\r\n\r\n", SL_CLIENT_PROTOCOL, 0, "", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nsurprise", SL_CLIENT_OK, 200, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        struct sl_http1_client *client = open_client(&f, 0);
        CHECK(start(&f, client, 0) != NULL);
        turns(&f);
        reply(&f, 0, cases[i].text);
        if (cases[i].body == NULL) { /* over the cap of 1000 once it comes */
            char body[1002];
            memset(body, 'x', sizeof body - 1);
            body[sizeof body - 1] = '\0';
            reply(&f, 0, body);
            CHECK_INT(f.answers[0].error, SL_CLIENT_TOO_LARGE);
        } else {
            CHECK(f.answers[0].done);
            CHECK_INT(f.answers[0].error, cases[i].error);
            CHECK_INT(f.answers[0].status, cases[i].status);
            CHECK_TEXT(f.answers[0].body, cases[i].body);
        }
        CHECK_INT(f.fars[0].stream != NULL && !f.fars[0].ended, cases[i].kept);
        finish(&f, client);
    }
}

static void test_a_body_until_close_is_complete_when_the_server_ends(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    reply(&f, 0, "HTTP/1.1 200 OK\r\n\r\nall of it");
    CHECK(!f.answers[0].done);
    sl_stream_shutdown(f.fars[0].stream);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_OK);
    CHECK_TEXT(f.answers[0].body, "all of it");
    finish(&f, client);
}

static void test_a_kept_connection_is_used_again(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(start(&f, client, i) != NULL);
        turns(&f);
        reply(&f, 0, ok);
        CHECK_INT(f.answers[i].status, 200);
    }
    CHECK_INT(f.dialed, 1);
    sl_worker_advance(&f.worker, 90000);
    turns(&f);
    CHECK(f.fars[0].ended || f.fars[0].stream == NULL);
    finish(&f, client);
}

static void test_requests_wait_for_the_limit_of_connections(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 2);
    for (unsigned i = 0; i < 4; i++)
        CHECK(start(&f, client, i) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    reply(&f, 0, ok);
    reply(&f, 1, ok);
    CHECK(f.answers[0].done && f.answers[1].done && !f.answers[2].done);
    reply(&f, 0, ok);
    reply(&f, 1, ok);
    CHECK(f.answers[2].done && f.answers[3].done);
    CHECK_INT(f.dialed, 2);
    finish(&f, client);
}

static void test_a_stale_connection_is_replaced_once(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    reply(&f, 0, ok);
    CHECK(start(&f, client, 1) != NULL); /* meets the close on its way */
    sl_stream_close(f.fars[0].stream, 0);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    CHECK(!f.answers[1].done);
    reply(&f, 1, ok);
    CHECK_INT(f.answers[1].status, 200);
    finish(&f, client);
}

static void test_a_fresh_connection_that_ends_is_a_lost_request(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    reply(&f, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    sl_stream_close(f.fars[0].stream, 0);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_LOST);
    CHECK_INT(f.dialed, 1);
    finish(&f, client);
}

static void test_a_refused_connection_is_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 0);
    f.refuse = UV_ECONNREFUSED;
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_CONNECT);
    CHECK_TEXT(f.answers[0].message, uv_strerror(UV_ECONNREFUSED));
    finish(&f, client);
}

static void test_a_request_times_out_and_its_connection_goes(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 1);
    CHECK(start(&f, client, 0) != NULL);
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    sl_worker_advance(&f.worker, 4999);
    CHECK(!f.answers[0].done);
    sl_worker_advance(&f.worker, 1);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_TIMEOUT);
    CHECK_INT(f.answers[1].error, SL_CLIENT_TIMEOUT);
    finish(&f, client);
}

static void test_cancelled_calls_are_never_told(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http1_client *client = open_client(&f, 1);
    struct sl_http1_call *active = start(&f, client, 0);
    struct sl_http1_call *waiting = start(&f, client, 1);
    CHECK(start(&f, client, 2) != NULL);
    turns(&f);
    sl_http1_call_cancel(active);
    sl_http1_call_cancel(waiting);
    turns(&f);
    reply(&f, 1, ok);
    CHECK(!f.answers[0].done && !f.answers[1].done);
    CHECK_INT(f.answers[2].status, 200);
    CHECK(start(&f, client, 3) != NULL); /* under way when the client closes */
    finish(&f, client);
    CHECK(!f.answers[3].done);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (long n = 0; n < 40; n++) {
        struct fixture f;
        struct sl_http1_client *client = open_client(&f, 0);
        struct sl_buf *body = make_body("hello");
        struct sl_client_request request = {.path = SL_LIT("/"), .body = body, .timeout_ms = 5000};
        (void)sl_alloc_fail_after(n);
        struct sl_http1_call *call = sl_http1_client_send(client, &request, on_done, &f.answers[0]);
        turns(&f);
        if (call != NULL && f.dialed > 0 && f.fars[0].stream != NULL)
            (void)sl_stream_write(f.fars[0].stream, sl_text(ok), NULL);
        turns(&f);
        (void)sl_alloc_fail_after(-1);
        sl_worker_advance(&f.worker, 5000);
        turns(&f);
        CHECK_INT(f.answers[0].done, call != NULL);
        sl_buf_unref(body);
        finish(&f, client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_and_its_response),
        cmocka_unit_test(test_responses_in_other_shapes),
        cmocka_unit_test(test_a_body_until_close_is_complete_when_the_server_ends),
        cmocka_unit_test(test_a_kept_connection_is_used_again),
        cmocka_unit_test(test_requests_wait_for_the_limit_of_connections),
        cmocka_unit_test(test_a_stale_connection_is_replaced_once),
        cmocka_unit_test(test_a_fresh_connection_that_ends_is_a_lost_request),
        cmocka_unit_test(test_a_refused_connection_is_told_apart),
        cmocka_unit_test(test_a_request_times_out_and_its_connection_goes),
        cmocka_unit_test(test_cancelled_calls_are_never_told),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
