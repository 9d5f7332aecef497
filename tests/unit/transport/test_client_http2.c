/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/2 client against scripted nghttp2 servers in memory. */
#include "transport/client_http2.h"

#include <nghttp2/nghttp2.h>

#include "tests/unit/transport/test_client_fixture.h"

enum { REQUESTS = 64 };

/* What the servers of one test have seen. */
static struct {
    struct far *far;
    int32_t stream_id;
    size_t body_size;
    uint64_t body_sum;
    char path[64], kind[64];
    bool ended, reset;
} requests[REQUESTS];
static unsigned request_count;
enum { NO_STREAMS = 1000000 };
static uint32_t max_streams; /* SETTINGS_MAX_CONCURRENT_STREAMS; 0: not sent; NO_STREAMS: 0 */

static unsigned find_request(const struct far *far, int32_t stream_id)
{
    unsigned i = 0;
    while (i < request_count && (requests[i].far != far || requests[i].stream_id != stream_id))
        i++;
    return i;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    CHECK(request_count < REQUESTS);
    memset(&requests[request_count], 0, sizeof requests[0]);
    requests[request_count].far = user;
    requests[request_count++].stream_id = frame->hd.stream_id;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    (void)session;
    (void)flags;
    unsigned i = find_request(user, frame->hd.stream_id);
    struct sl_bytes key = sl_bytes(name, name_size);
    if (sl_bytes_is(key, ":path"))
        (void)snprintf(requests[i].path, sizeof requests[i].path, "%.*s", (int)value_size,
                       (const char *)value);
    if (sl_bytes_is(key, "content-type"))
        (void)snprintf(requests[i].kind, sizeof requests[i].kind, "%.*s", (int)value_size,
                       (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user)
{
    (void)session;
    (void)flags;
    unsigned i = find_request(user, stream_id);
    requests[i].body_size += size;
    for (size_t k = 0; k < size; k++)
        requests[i].body_sum = requests[i].body_sum * 31 + data[k];
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    unsigned i = find_request(user, frame->hd.stream_id);
    if (i == request_count)
        return 0;
    requests[i].ended |=
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.type != NGHTTP2_RST_STREAM;
    requests[i].reset |= frame->hd.type == NGHTTP2_RST_STREAM;
    return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t size, int flags,
                       void *user)
{
    struct far *far = user;
    (void)session;
    (void)flags;
    if (far->stream != NULL)
        (void)sl_stream_write(far->stream, sl_bytes(data, size), NULL);
    return (ssize_t)size;
}

static nghttp2_session *session_of(struct far *far)
{
    if (far->session != NULL)
        return far->session;
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    CHECK_INT(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    CHECK_INT(nghttp2_session_server_new(&session, callbacks, far), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                    max_streams == NO_STREAMS ? 0 : max_streams};
    CHECK_INT(nghttp2_submit_settings(session, 0, &entry, max_streams != 0 ? 1 : 0), 0);
    far->session = session;
    return session;
}

static void server_read(struct far *far, struct sl_bytes bytes)
{
    if (bytes.size == 0)
        return;
    (void)nghttp2_session_mem_recv(session_of(far), bytes.data, bytes.size);
    (void)nghttp2_session_send(session_of(far));
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *room, size_t size,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)user;
    const char *text = source->ptr;
    CHECK(size >= strlen(text));
    memcpy(room, text, strlen(text));
    nghttp2_nv trailers[] = {field("x-end", "yes")};
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    CHECK_INT(nghttp2_submit_trailer(session, stream_id, trailers, 1), 0);
    return (ssize_t)strlen(text);
}

static void respond(struct fixture *f, unsigned i, const char *status, const char *body)
{
    nghttp2_nv head[] = {field(":status", status), field("content-type", "application/grpc")};
    nghttp2_data_provider data = {.source.ptr = (void *)(uintptr_t)body,
                                  .read_callback = read_answer};
    CHECK_INT(nghttp2_submit_response(requests[i].far->session, requests[i].stream_id, head, 2,
                                      body != NULL ? &data : NULL),
              0);
    CHECK_INT(nghttp2_session_send(requests[i].far->session), 0);
    turns(f);
}

static void reset(struct fixture *f, unsigned i, uint32_t code)
{
    CHECK_INT(nghttp2_submit_rst_stream(requests[i].far->session, 0, requests[i].stream_id, code),
              0);
    CHECK_INT(nghttp2_session_send(requests[i].far->session), 0);
    turns(f);
}

static struct sl_http2_call *start_within(struct fixture *f, struct sl_http2_client *client,
                                          unsigned which, struct sl_buf *body, uint64_t timeout_ms)
{
    const struct sl_header headers[] = {{SL_LIT("content-type"), SL_LIT("application/grpc")},
                                        {SL_LIT("te"), SL_LIT("trailers")}};
    struct sl_client_request request = {.path = SL_LIT("/svc/Export"),
                                        .authority = SL_LIT("example:4317"),
                                        .headers = headers,
                                        .header_count = 2,
                                        .body = body,
                                        .timeout_ms = timeout_ms};
    f->answers[which] = (struct answer){0};
    struct sl_http2_call *call =
        sl_http2_client_send(client, &request, on_done, &f->answers[which]);
    sl_buf_unref(body);
    return call;
}

static struct sl_http2_call *start_body(struct fixture *f, struct sl_http2_client *client,
                                        unsigned which, struct sl_buf *body)
{
    return start_within(f, client, which, body, 5000);
}

static struct sl_http2_call *start(struct fixture *f, struct sl_http2_client *client,
                                   unsigned which)
{
    return start_body(f, client, which, make_body("hello"));
}

static struct sl_http2_client *open_client(struct fixture *f, uint32_t streams)
{
    fixture_init(f);
    f->far_read = server_read;
    max_streams = streams;
    request_count = 0;
    struct sl_client_options options = fixture_options(f);
    struct sl_http2_client *client = sl_http2_client_new(&f->worker, &options);
    CHECK(client != NULL);
    return client;
}

static void finish(struct fixture *f, struct sl_http2_client *client)
{
    sl_http2_client_close(client, fixture_closed, f);
    turns(f);
    for (unsigned i = 0; i < f->dialed; i++)
        nghttp2_session_del(f->fars[i].session);
    f->far_read = NULL;
    fixture_done(f);
}

static void test_a_request_and_its_response_with_trailers(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    CHECK_INT(request_count, 1);
    CHECK_TEXT(requests[0].path, "/svc/Export");
    CHECK_TEXT(requests[0].kind, "application/grpc");
    CHECK_INT(requests[0].body_size, 5);
    CHECK(requests[0].ended);
    respond(&f, 0, "200", "fine");
    CHECK_INT(f.answers[0].error, SL_CLIENT_OK);
    CHECK_INT(f.answers[0].status, 200);
    CHECK_TEXT(f.answers[0].body, "fine");
    CHECK_TEXT(f.answers[0].trailer, "yes");
    finish(&f, client);
}

static void test_requests_share_one_connection_up_to_the_servers_limit(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 2);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f); /* the limit is known from here on */
    for (unsigned i = 1; i < 5; i++)
        CHECK(start(&f, client, i) != NULL);
    turns(&f);
    CHECK_INT(request_count, 2);
    for (unsigned i = 0; i < 5; i++)
        respond(&f, i, "200", "ok");
    for (unsigned i = 0; i < 5; i++)
        CHECK_INT(f.answers[i].status, 200);
    CHECK_INT(f.dialed, 1);
    finish(&f, client);
}

static void test_a_large_body_is_sent_whole_under_flow_control(void **state)
{
    (void)state;
    enum { SIZE = 1500000 };
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    struct sl_buf *body = sl_buf_new(NULL, SIZE);
    CHECK(body != NULL);
    uint64_t sum = 0;
    for (size_t i = 0; i < SIZE; i++) {
        body->data[i] = (uint8_t)(i * 7 + i / 251);
        sum = sum * 31 + body->data[i];
    }
    body->size = SIZE;
    CHECK(start_body(&f, client, 0, body) != NULL);
    for (int i = 0; i < 10; i++)
        turns(&f);
    CHECK_INT(requests[0].body_size, SIZE);
    CHECK(requests[0].body_sum == sum);
    respond(&f, 0, "200", "ok");
    CHECK_INT(f.answers[0].status, 200);
    finish(&f, client);
}

static void test_after_goaway_a_new_connection_takes_over_and_nothing_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK(start(&f, client, i) != NULL);
    turns(&f);
    nghttp2_session *session = requests[0].far->session;
    /* The second and the third stream were not processed. */
    CHECK_INT(nghttp2_submit_goaway(session, 0, requests[0].stream_id, 0, NULL, 0), 0);
    CHECK_INT(nghttp2_session_send(session), 0);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    CHECK_INT(request_count, 5);
    CHECK(start(&f, client, 3) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    respond(&f, 0, "200", "old");
    CHECK_TEXT(f.answers[0].body, "old");
    for (unsigned i = 3; i < 6; i++)
        respond(&f, i, "200", "new");
    for (unsigned i = 1; i < 4; i++)
        CHECK_TEXT(f.answers[i].body, "new");
    finish(&f, client);
}

static void test_refused_streams_are_sent_again_three_times(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    for (unsigned i = 0; i < 3; i++) {
        reset(&f, i, NGHTTP2_REFUSED_STREAM);
        CHECK_INT(request_count, i + 2);
        CHECK_INT(requests[i + 1].body_size, 5);
        CHECK(requests[i + 1].ended);
    }
    CHECK(!f.answers[0].done);
    reset(&f, 3, NGHTTP2_REFUSED_STREAM);
    CHECK_INT(f.answers[0].error, SL_CLIENT_REFUSED);
    finish(&f, client);
}

static void test_other_resets_and_lost_connections_end_the_call(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    reset(&f, 0, NGHTTP2_INTERNAL_ERROR);
    CHECK_INT(f.answers[0].error, SL_CLIENT_LOST);
    sl_stream_close(f.fars[0].stream, 0);
    turns(&f);
    CHECK_INT(f.answers[1].error, SL_CLIENT_LOST);
    CHECK(start(&f, client, 2) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    respond(&f, 2, "200", "ok");
    CHECK_INT(f.answers[2].status, 200);
    finish(&f, client);
}

static void test_a_timeout_resets_the_stream_and_a_silent_connection_goes(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    sl_worker_advance(&f.worker, 1000);
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    sl_worker_advance(&f.worker, 4000);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_TIMEOUT);
    sl_worker_advance(&f.worker, 1000);
    turns(&f);
    CHECK_INT(f.answers[1].error, SL_CLIENT_TIMEOUT);
    CHECK(start(&f, client, 2) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    finish(&f, client);
}

static void test_a_short_timeout_takes_no_other_call_along(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    respond(&f, 0, "200", "ok");
    turns(&f);
    sl_worker_advance(&f.worker, 60000); /* nothing to say for a while */
    CHECK(start(&f, client, 1) != NULL);
    CHECK(start_within(&f, client, 2, make_body("hello"), 20) != NULL);
    turns(&f);
    sl_worker_advance(&f.worker, 20);
    turns(&f);
    CHECK_INT(f.answers[2].error, SL_CLIENT_TIMEOUT);
    CHECK(!f.answers[1].done);
    respond(&f, 1, "200", "ok");
    turns(&f);
    CHECK_INT(f.answers[1].status, 200);
    CHECK_INT(f.dialed, 1);
    finish(&f, client);
}

static void test_short_timeouts_in_a_row_end_a_silent_connection(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(f.dialed, i == 0 ? 0 : 1);
        CHECK(start_within(&f, client, i, make_body("hello"), 300) != NULL);
        turns(&f);
        sl_worker_advance(&f.worker, 300);
        turns(&f);
        CHECK_INT(f.answers[i].error, SL_CLIENT_TIMEOUT);
    }
    CHECK(start(&f, client, 4) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    finish(&f, client);
}

static void test_a_connection_that_takes_no_streams_is_given_up(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, NO_STREAMS);
    CHECK(start(&f, client, 0) != NULL);
    turns(&f); /* the first may go before the server's settings come; it is refused then */
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    CHECK(!f.answers[1].done);
    max_streams = 0;
    sl_worker_advance(&f.worker, 5000);
    turns(&f);
    CHECK_INT(f.answers[1].error, SL_CLIENT_TIMEOUT);
    CHECK(start(&f, client, 2) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    finish(&f, client);
}

/* A stream that never opens: what it takes for a host that drops every packet. */
struct stuck {
    struct sl_stream base;
    struct sl_timer timer;
    int status;
};

static void stuck_closed(struct sl_timer *timer)
{
    struct stuck *stuck = (struct stuck *)((char *)timer - offsetof(struct stuck, timer));
    sl_stream_tell_closed(&stuck->base, stuck->status, NULL);
    sl_free(stuck);
}

static void stuck_close(struct sl_stream *stream, int status)
{
    struct stuck *stuck = (struct stuck *)stream;
    stuck->status = status;
    CHECK_INT(sl_timer_start(&stuck->timer, 0), SL_OK);
}

static struct sl_stream *stuck_dial(void *arg, struct sl_worker *worker)
{
    static const struct sl_stream_ops ops = {.name = "stuck", .close = stuck_close};
    struct fixture *f = arg;
    f->dialed++;
    struct stuck *stuck = sl_calloc(1, sizeof *stuck);
    CHECK(stuck != NULL);
    stuck->base.ops = &ops;
    stuck->base.worker = worker;
    sl_timer_init(&stuck->timer, worker, stuck_closed);
    return &stuck->base;
}

static void test_a_connection_that_never_opens_is_tried_anew(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct sl_client_options options = fixture_options(&f);
    options.dial = stuck_dial;
    struct sl_http2_client *client = sl_http2_client_new(&f.worker, &options);
    CHECK(client != NULL);
    CHECK(start(&f, client, 0) != NULL);
    sl_worker_advance(&f.worker, 5000);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_TIMEOUT);
    CHECK_TEXT(f.answers[0].message, "while connecting");
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    CHECK_INT(f.dialed, 2);
    sl_http2_client_close(client, fixture_closed, &f);
    turns(&f);
    CHECK_INT(f.closed, 1);
    f.dialed = 0; /* there are no far ends */
    fixture_done(&f);
}

static void test_a_refused_connection_fails_all_that_wait(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    f.refuse = UV_ECONNREFUSED;
    CHECK(start(&f, client, 0) != NULL);
    CHECK(start(&f, client, 1) != NULL);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_CONNECT);
    CHECK_INT(f.answers[1].error, SL_CLIENT_CONNECT);
    CHECK_TEXT(f.answers[1].message, uv_strerror(UV_ECONNREFUSED));
    CHECK_INT(f.dialed, 1);
    finish(&f, client);
}

static void test_an_answer_over_the_limit_is_cut(void **state)
{
    (void)state;
    char body[1100];
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    respond(&f, 0, "200", body);
    CHECK_INT(f.answers[0].error, SL_CLIENT_TOO_LARGE);
    finish(&f, client);
}

static void test_a_server_that_speaks_something_else_is_a_lost_call(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    f.far_read = NULL;
    CHECK(start(&f, client, 0) != NULL);
    turns(&f);
    CHECK_INT(sl_stream_write(f.fars[0].stream, SL_LIT("HTTP/1.1 400 Bad Request\r\n\r\n"), NULL),
              SL_OK);
    turns(&f);
    CHECK_INT(f.answers[0].error, SL_CLIENT_LOST);
    finish(&f, client);
}

static void test_cancelled_calls_are_never_told(void **state)
{
    (void)state;
    struct fixture f;
    struct sl_http2_client *client = open_client(&f, 0);
    struct sl_http2_call *waiting = start(&f, client, 0);
    sl_http2_call_cancel(waiting);
    struct sl_http2_call *active = start(&f, client, 1);
    turns(&f);
    sl_http2_call_cancel(active);
    turns(&f);
    CHECK_INT(request_count, 1);
    CHECK(requests[0].reset);
    CHECK(start(&f, client, 2) != NULL);
    turns(&f);
    finish(&f, client);
    CHECK(!f.answers[0].done && !f.answers[1].done && !f.answers[2].done);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (long n = 0; n < 60; n++) {
        struct fixture f;
        struct sl_http2_client *client = open_client(&f, 0);
        struct sl_buf *body = make_body("hello");
        (void)sl_alloc_fail_after(n);
        struct sl_http2_call *call = start_body(&f, client, 0, body);
        turns(&f);
        if (request_count > 0)
            respond(&f, 0, "200", "ok");
        (void)sl_alloc_fail_after(-1);
        sl_worker_advance(&f.worker, 5000);
        turns(&f);
        CHECK_INT(f.answers[0].done, call != NULL);
        finish(&f, client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_and_its_response_with_trailers),
        cmocka_unit_test(test_requests_share_one_connection_up_to_the_servers_limit),
        cmocka_unit_test(test_a_large_body_is_sent_whole_under_flow_control),
        cmocka_unit_test(test_after_goaway_a_new_connection_takes_over_and_nothing_is_lost),
        cmocka_unit_test(test_refused_streams_are_sent_again_three_times),
        cmocka_unit_test(test_other_resets_and_lost_connections_end_the_call),
        cmocka_unit_test(test_a_timeout_resets_the_stream_and_a_silent_connection_goes),
        cmocka_unit_test(test_a_short_timeout_takes_no_other_call_along),
        cmocka_unit_test(test_short_timeouts_in_a_row_end_a_silent_connection),
        cmocka_unit_test(test_a_connection_that_never_opens_is_tried_anew),
        cmocka_unit_test(test_a_connection_that_takes_no_streams_is_given_up),
        cmocka_unit_test(test_a_refused_connection_fails_all_that_wait),
        cmocka_unit_test(test_an_answer_over_the_limit_is_cut),
        cmocka_unit_test(test_a_server_that_speaks_something_else_is_a_lost_call),
        cmocka_unit_test(test_cancelled_calls_are_never_told),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
