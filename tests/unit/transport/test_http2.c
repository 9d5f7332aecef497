/* SPDX-License-Identifier: Apache-2.0 */
/* The server's HTTP/2 and gRPC, against nghttp2's client over a stream in memory. */
#include <nghttp2/nghttp2.h>

#include "tests/unit/transport/serve.h"
#include "transport/grpc.h"

struct answer {
    char status[8], grpc_status[8], message[64];
    struct sl_out body;
    bool closed;
    uint32_t code;
};

struct client {
    struct serve serve;
    nghttp2_session *session;
    size_t fed;                /* of serve.got */
    struct answer answers[16]; /* by (stream id - 1) / 2 */
    struct sl_bytes upload;
    size_t piece; /* largest DATA frame */
    bool hold;    /* the upload never ends */
    unsigned goaways;
    int32_t goaway_last[4];
    uint32_t goaway_code;
};

static struct answer *answer_of(struct client *client, int32_t id)
{
    return &client->answers[(id - 1) / 2 % 16];
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *arg)
{
    (void)session;
    (void)flags;
    struct answer *answer = answer_of(arg, frame->hd.stream_id);
    struct sl_bytes key = sl_bytes(name, name_size);
    char *to = sl_bytes_is(key, ":status")        ? answer->status
               : sl_bytes_is(key, "grpc-status")  ? answer->grpc_status
               : sl_bytes_is(key, "grpc-message") ? answer->message
                                                  : NULL;
    if (to != NULL)
        (void)snprintf(to, to == answer->message ? 64 : 8, "%.*s", (int)value_size,
                       (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *arg)
{
    (void)session;
    (void)flags;
    sl_out_bytes(&answer_of(arg, id)->body, data, size);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    (void)session;
    answer_of(arg, id)->closed = true;
    answer_of(arg, id)->code = code;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session;
    struct client *client = arg;
    if (frame->hd.type == NGHTTP2_GOAWAY && client->goaways < 4) {
        client->goaway_last[client->goaways++] = frame->goaway.last_stream_id;
        client->goaway_code = frame->goaway.error_code;
    }
    return 0;
}

static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                    nghttp2_data_source *source, void *arg)
{
    (void)session;
    (void)id;
    (void)source;
    struct client *client = arg;
    size_t size = client->upload.size < room ? client->upload.size : room;
    if (client->piece != 0 && size > client->piece)
        size = client->piece;
    if (size == 0 && client->hold)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(to, client->upload.data, size);
    client->upload = sl_bytes(client->upload.data + size, client->upload.size - size);
    if (client->upload.size == 0 && !client->hold)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

/* Both directions until nothing moves. */
static void pump(struct client *client)
{
    for (int turn = 0; turn < 40; turn++) {
        const uint8_t *data;
        ssize_t size;
        while ((size = nghttp2_session_mem_send(client->session, &data)) > 0)
            serve_send(&client->serve, sl_bytes(data, (size_t)size));
        sl_worker_advance(&client->serve.worker, 0);
        struct sl_out *got = &client->serve.got;
        if (got->size > client->fed)
            CHECK(nghttp2_session_mem_recv(client->session, got->data + client->fed,
                                           got->size - client->fed) >= 0);
        client->fed = got->size;
    }
}

static void start(struct client *client, bool pass)
{
    memset(client, 0, sizeof *client);
    serve_start(&client->serve, pass);
    nghttp2_session_callbacks *calls;
    CHECK_INT(nghttp2_session_callbacks_new(&calls), 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    CHECK_INT(nghttp2_session_client_new(&client->session, calls, client), 0);
    nghttp2_session_callbacks_del(calls);
    CHECK_INT(nghttp2_submit_settings(client->session, 0, NULL, 0), 0);
}

static void stop(struct client *client)
{
    nghttp2_session_del(client->session);
    for (int i = 0; i < 16; i++)
        sl_out_done(&client->answers[i].body);
    serve_stop(&client->serve);
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static struct answer *request(struct client *client, const char *path, const char *type,
                              struct sl_bytes body)
{
    nghttp2_nv head[] = {field(":method", "POST"), field(":path", path), field(":scheme", "http"),
                         field(":authority", "a"), field("content-type", type)};
    nghttp2_data_provider provider = {.read_callback = give};
    client->upload = body;
    int32_t id = nghttp2_submit_request(client->session, NULL, head, 5,
                                        body.data != NULL ? &provider : NULL, NULL);
    CHECK(id > 0);
    pump(client);
    return answer_of(client, id);
}

static void test_a_plain_request_is_echoed_with_and_without_a_filter(void **state)
{
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        struct client client;
        start(&client, pass == 1);
        struct answer *answer = request(&client, "/echo", "text/plain", SL_LIT("hello"));
        CHECK_TEXT(answer->status, "200");
        CHECK_BYTES(sl_out_view(&answer->body), SL_LIT("hello"));
        CHECK(answer->closed && answer->code == 0);
        answer = request(&client, "/echo?x=y", "text/plain", (struct sl_bytes){0});
        CHECK_TEXT(answer->status, "200");
        stop(&client);
    }
}

static void test_a_body_larger_than_the_windows_flows(void **state)
{
    (void)state;
    static uint8_t large[3 << 20];
    struct client client;
    start(&client, false);
    sl_budget_init(&client.serve.budget, 0);
    client.serve.limit = sizeof large;
    struct answer *answer = request(&client, "/", "text/plain", sl_bytes(large, sizeof large));
    for (int i = 0; i < 20 && !answer->closed; i++)
        pump(&client);
    CHECK_TEXT(answer->status, "200");
    stop(&client);
}

static void test_grpc_messages_need_not_align_with_frames(void **state)
{
    (void)state;
    static const uint8_t call[] = {0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o'};
    for (size_t piece = 1; piece <= sizeof call; piece++) {
        struct client client;
        start(&client, false);
        client.piece = piece;
        struct answer *answer =
            request(&client, "/echo", "application/grpc", sl_bytes(call, sizeof call));
        CHECK_TEXT(answer->status, "200");
        CHECK_TEXT(answer->grpc_status, "0");
        CHECK_BYTES(sl_out_view(&answer->body), sl_bytes(call, sizeof call));
        stop(&client);
    }
}

static void test_bad_grpc_framing_fails_in_trailers_only(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int status;
    } bad[] = {
        {"\0\0\0\0\1x\0\0\0\0\0", 11, SL_EINVALID}, /* two messages */
        {"\2\0\0\0\0", 5, SL_EINVALID},             /* flag */
        {"\0\0\0\0\2x", 6, SL_EINVALID},            /* cut short */
        {"\0\0", 2, SL_EINVALID},
        {"\0\1\0\0\0", 5, SL_ELIMIT}, /* declared 16 MiB */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct client client;
        start(&client, false);
        struct answer *answer = request(&client, "/echo", "application/grpc+proto",
                                        sl_bytes(bad[i].bytes, bad[i].size));
        CHECK_TEXT(answer->status, "200");
        CHECK_TEXT(answer->grpc_status, "13");
        CHECK(answer->message[0] != 0);
        CHECK_INT(answer->body.size, 0);
        CHECK_INT(client.serve.fail_status, bad[i].status);
        stop(&client);
    }
}

static void test_an_early_refusal_stops_the_upload_and_keeps_the_connection(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    client.hold = true;
    static uint8_t large[300 * 1024];
    struct answer *answer = request(&client, "/early", "text/plain", SL_LIT("part"));
    CHECK_TEXT(answer->status, "404");
    CHECK(!answer->closed); /* a little more may come */
    answer = request(&client, "/early", "text/plain", sl_bytes(large, sizeof large));
    CHECK_TEXT(answer->status, "404");
    CHECK(answer->closed);
    CHECK_INT(answer->code, NGHTTP2_NO_ERROR);
    client.hold = false;
    CHECK_TEXT(request(&client, "/", "text/plain", SL_LIT("x"))->status, "200");
    stop(&client);
}

static void test_a_cancelled_upload_frees_its_memory(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    client.hold = true;
    struct answer *answer = request(&client, "/echo", "text/plain", SL_LIT("part"));
    CHECK(!answer->closed && atomic_load(&client.serve.budget.used) > 0);
    CHECK_INT(nghttp2_submit_rst_stream(client.session, 0, 1, NGHTTP2_CANCEL), 0);
    pump(&client);
    CHECK_INT(client.serve.gones, 1);
    CHECK_INT(atomic_load(&client.serve.budget.used), 0);
    stop(&client);
}

static void test_answers_may_come_late_and_in_any_order(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    struct answer *first = request(&client, "/later", "application/grpc", SL_LIT("\0\0\0\0\0"));
    struct answer *second = request(&client, "/later", "application/grpc", SL_LIT("\0\0\0\0\0"));
    CHECK_INT(client.serve.later_count, 2);
    serve_answer(&client.serve, 1);
    pump(&client);
    CHECK(second->closed && !first->closed);
    CHECK_INT(nghttp2_submit_rst_stream(client.session, 0, 1, NGHTTP2_CANCEL), 0);
    pump(&client);
    serve_answer(&client.serve, 0); /* to a stream that is gone */
    pump(&client);
    CHECK_TEXT(second->grpc_status, "0");
    CHECK_TEXT(first->status, "");
    stop(&client);
}

static void test_an_answer_outlives_its_connection(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    (void)request(&client, "/later", "text/plain", SL_LIT("x"));
    sl_stream_close(client.serve.client, 0);
    sl_worker_advance(&client.serve.worker, 1);
    CHECK_INT(sl_server_connections(client.serve.server), 0);
    serve_answer(&client.serve, 0);
    stop(&client);
}

static void test_large_heads_are_answered_431(void **state)
{
    (void)state;
    static char value[17000];
    memset(value, 'x', sizeof value - 1);
    struct client client;
    start(&client, false);
    CHECK_TEXT(request(&client, "/", value, SL_LIT("x"))->status, "431");
    CHECK_INT(client.serve.begun, 0);
    CHECK_TEXT(request(&client, "/", "a/b", SL_LIT("x"))->status, "200");
    stop(&client);
}

static void test_a_drain_says_goaway_twice_and_waits(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    struct answer *answer = request(&client, "/later", "text/plain", SL_LIT("x"));
    sl_server_drain(client.serve.server, serve_nothing);
    pump(&client);
    CHECK_INT(client.goaways, 2);
    CHECK_INT(client.goaway_last[0], INT32_MAX);
    CHECK_INT(client.goaway_last[1], 1);
    CHECK(!client.serve.ended);
    serve_answer(&client.serve, 0);
    pump(&client);
    CHECK_TEXT(answer->status, "200");
    CHECK(client.serve.ended);
    sl_stream_close(client.serve.client, 0);
    sl_worker_advance(&client.serve.worker, 1);
    CHECK_INT(client.serve.drained, 1);
    stop(&client);
}

static void test_silent_uploads_and_idle_connections_end(void **state)
{
    (void)state;
    struct client client;
    start(&client, false);
    client.hold = true;
    struct answer *answer = request(&client, "/echo", "text/plain", SL_LIT("part"));
    sl_worker_advance(&client.serve.worker, 36000);
    pump(&client);
    CHECK(answer->closed);
    CHECK_INT(client.serve.gones, 1);
    sl_worker_advance(&client.serve.worker, 126000);
    pump(&client);
    CHECK(client.serve.ended || client.serve.closed);
    stop(&client);
}

/* Raw frames, which nghttp2's client would not send. */
static void send_headers(struct serve *serve, uint8_t id)
{
    uint8_t frame[] = {0,
                       0,
                       14,
                       1,
                       5,
                       0,
                       0,
                       0,
                       id,
                       0x83,
                       0x84,
                       0x86,
                       0x41,
                       0x01,
                       'a',
                       /* content-type: a */ 0x0f,
                       0x10,
                       0x01,
                       'a',
                       0x40,
                       0x01,
                       'b',
                       0x00};
    serve_send(serve, sl_bytes(frame, sizeof frame));
}

static void test_stream_numbers_that_go_back_end_the_connection(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    send_headers(&serve, 5);
    CHECK_INT(serve.ends, 1);
    CHECK(!serve.ended);
    send_headers(&serve, 3);
    CHECK(serve.ended || serve.closed);
    CHECK_INT(serve.begun, 1);
    serve_stop(&serve);
}

static void test_a_broken_preface_is_not_taken_for_http2(void **state)
{
    (void)state;
    struct serve serve;
    serve_start(&serve, false);
    serve_send(&serve, SL_LIT("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"));
    CHECK(serve_has(&serve, "HTTP/1.1 505"));
    serve_stop(&serve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request_is_echoed_with_and_without_a_filter),
        cmocka_unit_test(test_a_body_larger_than_the_windows_flows),
        cmocka_unit_test(test_grpc_messages_need_not_align_with_frames),
        cmocka_unit_test(test_bad_grpc_framing_fails_in_trailers_only),
        cmocka_unit_test(test_an_early_refusal_stops_the_upload_and_keeps_the_connection),
        cmocka_unit_test(test_a_cancelled_upload_frees_its_memory),
        cmocka_unit_test(test_answers_may_come_late_and_in_any_order),
        cmocka_unit_test(test_an_answer_outlives_its_connection),
        cmocka_unit_test(test_large_heads_are_answered_431),
        cmocka_unit_test(test_a_drain_says_goaway_twice_and_waits),
        cmocka_unit_test(test_silent_uploads_and_idle_connections_end),
        cmocka_unit_test(test_stream_numbers_that_go_back_end_the_connection),
        cmocka_unit_test(test_a_broken_preface_is_not_taken_for_http2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
