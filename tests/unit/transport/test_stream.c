/* SPDX-License-Identifier: Apache-2.0 */
/* Streams (memory, pass-through, TCP over loopback), endpoints, and listeners that hand accepted
 * sockets out to three workers. */
#include <unistd.h>

#include "core/out.h"
#include "tests/check.h"
#include "transport/endpoint.h"
#include "transport/listener.h"

struct user {
    struct sl_stream *stream;
    struct sl_out got;
    unsigned opened, writable, closed;
    bool ended;
    int status;
    char error[120];
};

static void opened(void *arg)
{
    ((struct user *)arg)->opened++;
}

static void read_bytes(void *arg, struct sl_bytes bytes)
{
    struct user *user = arg;
    user->ended |= bytes.size == 0;
    sl_out_bytes(&user->got, bytes.data, bytes.size);
}

static void writable(void *arg)
{
    ((struct user *)arg)->writable++;
}

static void closed(void *arg, int status, const char *error)
{
    struct user *user = arg;
    user->closed++;
    user->status = status;
    (void)snprintf(user->error, sizeof user->error, "%s", error != NULL ? error : "");
}

static const struct sl_stream_events events = {opened, read_bytes, writable, closed};

static void use(struct user *user, struct sl_stream *stream)
{
    CHECK(stream != NULL);
    user->stream = stream;
    sl_stream_set_user(stream, &events, user);
}

static void exchange(struct sl_worker *worker, struct user *a, struct user *b)
{
    CHECK_INT(a->opened, 1);
    CHECK_INT(b->opened, 1);
    CHECK_INT(sl_stream_write(a->stream, SL_LIT("ping"), NULL), 0);
    CHECK_INT(b->got.size, 0); /* never from inside the call */
    sl_worker_advance(worker, 0);
    CHECK_BYTES(sl_out_view(&b->got), SL_LIT("ping"));
    sl_stream_pause(a->stream, true);
    struct sl_buf *buf = sl_buf_new(NULL, 4);
    CHECK_INT(sl_buf_append(buf, "pong", 4, 0), 0);
    CHECK_INT(sl_stream_write(b->stream, sl_buf_bytes(buf), buf), 0);
    sl_buf_unref(buf);
    sl_worker_advance(worker, 0);
    CHECK_INT(a->got.size, 0);
    sl_stream_pause(a->stream, false);
    sl_worker_advance(worker, 0);
    CHECK_BYTES(sl_out_view(&a->got), SL_LIT("pong"));
    sl_stream_shutdown(a->stream);
    CHECK_INT(sl_stream_write(a->stream, SL_LIT("x"), NULL), SL_EIO);
    sl_worker_advance(worker, 0);
    CHECK(b->ended && b->closed == 0);
    sl_stream_close(b->stream, 0);
    sl_stream_close(b->stream, -1);
    CHECK_INT(b->closed, 0);
    sl_worker_advance(worker, 0);
    sl_worker_advance(worker, 0);
    CHECK(b->closed == 1 && b->status == 0);
    CHECK_INT(a->closed, 1);
}

static void done(struct user *a, struct user *b)
{
    sl_out_done(&a->got);
    sl_out_done(&b->got);
}

static void test_two_ends_in_memory_talk_with_and_without_a_filter(void **state)
{
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        struct sl_worker worker;
        struct sl_stream *ends[2];
        struct user a = {0}, b = {0};
        CHECK_INT(sl_worker_init_manual(&worker, NULL), 0);
        CHECK_INT(sl_memory_pair(&worker, ends), 0);
        use(&a, ends[0]);
        use(&b, pass ? sl_pass_filter(ends[1]) : ends[1]);
        sl_worker_advance(&worker, 0);
        exchange(&worker, &a, &b);
        done(&a, &b);
        sl_worker_done(&worker);
    }
}

static void test_a_full_pipe_tells_when_it_is_writable_again(void **state)
{
    (void)state;
    static uint8_t large[SL_STREAM_LOW_MARK + 1];
    struct sl_worker worker;
    struct sl_stream *ends[2];
    struct user a = {0}, b = {0};
    CHECK_INT(sl_worker_init_manual(&worker, NULL), 0);
    CHECK_INT(sl_memory_pair(&worker, ends), 0);
    use(&a, ends[0]);
    use(&b, ends[1]);
    sl_stream_pause(ends[1], true);
    CHECK_INT(sl_stream_write(ends[0], sl_bytes(large, sizeof large), NULL), 0);
    sl_worker_advance(&worker, 0);
    CHECK_INT(sl_stream_pending(ends[0]), sizeof large);
    CHECK_INT(a.writable, 0);
    sl_stream_pause(ends[1], false);
    sl_worker_advance(&worker, 0);
    CHECK_INT(a.writable, 1);
    sl_stream_close(ends[0], 0);
    sl_stream_close(ends[1], 0);
    sl_worker_advance(&worker, 0);
    done(&a, &b);
    sl_worker_done(&worker);
}

/* ---- sockets ---- */

struct site {
    struct sl_worker worker;
    struct user server;
    unsigned count;
};

static void accepted(void *arg, struct sl_stream *stream)
{
    struct site *site = arg;
    site->count++;
    use(&site->server, stream);
}

/* A user that only waits for its peer's end. */
static void close_at_end(void *arg, struct sl_bytes bytes)
{
    if (bytes.size == 0)
        sl_stream_close(arg, 0);
}

static const struct sl_stream_events brief_events = {.read = close_at_end};

static void accepted_briefly(void *arg, struct sl_stream *stream)
{
    struct site *site = arg;
    site->count++;
    sl_stream_set_user(stream, &brief_events, stream);
}

static void settle(struct sl_worker *worker, const unsigned *flag, unsigned want)
{
    for (int i = 0; i < 5000 && *flag < want; i++) {
        sl_worker_advance(worker, 0);
        (void)usleep(200);
    }
}

static void talk_over(const char *listen_on, bool is_unix)
{
    struct site site = {0};
    struct user client = {0};
    struct sl_error error = {""};
    CHECK_INT(sl_worker_init_manual(&site.worker, NULL), 0);
    struct sl_listeners *listeners = sl_listeners_new(&site.worker);
    struct sl_listener *listener, *again;
    if (sl_listener_open(listeners, listen_on, &listener, &error) != 0)
        fail_msg("%s", error.text);
    CHECK_INT(sl_listener_open(listeners, listen_on, &again, &error), 0);
    CHECK(again == listener);
    CHECK_INT(sl_listener_attach(listener, &site.worker, accepted, &site), 0);
    CHECK_INT(sl_listener_attach(listener, &site.worker, accepted, &site), SL_EINVALID);
    char to[64];
    (void)snprintf(to, sizeof to, "localhost:%d", sl_listener_port(listener));
    use(&client, sl_tcp_connect(&site.worker, is_unix ? listen_on : to, NULL));
    settle(&site.worker, &client.opened, 1);
    settle(&site.worker, &site.server.opened, 1);
    CHECK_INT(atomic_load(&site.worker.load), 2);
    CHECK_INT(sl_stream_write(client.stream, SL_LIT("ping"), NULL), 0);
    for (int i = 0; i < 1000 && site.server.got.size < 4; i++)
        sl_worker_advance(&site.worker, 0);
    CHECK_BYTES(sl_out_view(&site.server.got), SL_LIT("ping"));
    CHECK(site.server.stream->peer.size > 0);
    sl_stream_close(site.server.stream, 0);
    for (int i = 0; i < 1000 && !client.ended; i++)
        sl_worker_advance(&site.worker, 0);
    sl_stream_close(client.stream, 0);
    settle(&site.worker, &client.closed, 1);
    CHECK_INT(client.closed, 1);
    CHECK_INT(atomic_load(&site.worker.load), 0);
    sl_listener_detach(listener, &site.worker);
    sl_worker_advance(&site.worker, 0);
    struct user late = {0};
    use(&late, sl_tcp_connect(&site.worker, is_unix ? listen_on : to, NULL));
    settle(&site.worker, &late.closed, 1);
    CHECK(late.status < 0 && strstr(late.error, "connect") != NULL);
    sl_listeners_free(listeners);
    done(&client, &site.server);
    sl_worker_done(&site.worker);
}

static void test_sockets_connect_talk_and_close(void **state)
{
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "unix:/tmp/sluice-test-%d.sock", (int)getpid());
    talk_over("localhost:0", false);
    talk_over("127.0.0.1:0", false);
    talk_over(path, true);
}

static void test_a_taken_port_is_a_clear_error(void **state)
{
    (void)state;
    struct sl_worker worker;
    struct sl_error error = {""};
    CHECK_INT(sl_worker_init_manual(&worker, NULL), 0);
    struct sl_listeners *one = sl_listeners_new(&worker), *two = sl_listeners_new(&worker);
    struct sl_listener *listener;
    CHECK_INT(sl_listener_open(one, "127.0.0.1:0", &listener, &error), 0);
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%d", sl_listener_port(listener));
    CHECK_INT(sl_listener_open(two, taken, &listener, &error), SL_EIO);
    CHECK(strstr(error.text, "already in use") != NULL);
    CHECK_INT(sl_listener_open(two, "127.0.0.1:99999", &listener, &error), SL_EINVALID);
    sl_listeners_free(one);
    sl_listeners_free(two);
    sl_worker_done(&worker);
}

static void test_connections_spread_over_three_workers(void **state)
{
    (void)state;
    enum { CONNECTIONS = 9 };
    static struct site sites[3];
    static struct user clients[CONNECTIONS];
    struct sl_error error;
    memset(sites, 0, sizeof sites);
    memset(clients, 0, sizeof clients);
    for (int i = 0; i < 3; i++)
        CHECK_INT(sl_worker_init_manual(&sites[i].worker, NULL), 0);
    struct sl_listeners *listeners = sl_listeners_new(&sites[0].worker);
    struct sl_listener *listener;
    CHECK_INT(sl_listener_open(listeners, "127.0.0.1:0", &listener, &error), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(sl_listener_attach(listener, &sites[i].worker, accepted_briefly, &sites[i]), 0);
    struct sl_worker outside;
    CHECK_INT(sl_worker_init_manual(&outside, NULL), 0);
    char to[32];
    (void)snprintf(to, sizeof to, "127.0.0.1:%d", sl_listener_port(listener));
    for (int i = 0; i < CONNECTIONS; i++) {
        use(&clients[i], sl_tcp_connect(&outside, to, NULL));
        settle(&outside, &clients[i].opened, 1);
        for (int j = 0; j < 3; j++)
            sl_worker_advance(&sites[j].worker, 0);
    }
    for (int i = 0; i < 100; i++)
        for (int j = 0; j < 3; j++)
            sl_worker_advance(&sites[j].worker, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(sites[i].count, CONNECTIONS / 3);
        CHECK_INT(atomic_load(&sites[i].worker.load), CONNECTIONS / 3);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        sl_stream_close(clients[i].stream, 0);
    sl_worker_advance(&outside, 0);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 1000 && atomic_load(&sites[i].worker.load) > 0; j++)
            sl_worker_advance(&sites[i].worker, 0);
        CHECK_INT(atomic_load(&sites[i].worker.load), 0);
        sl_listener_detach(listener, &sites[i].worker);
    }
    sl_listeners_free(listeners);
    sl_worker_done(&outside);
    for (int i = 0; i < 3; i++)
        sl_worker_done(&sites[i].worker);
}

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port;
    } good[] = {{"localhost:4317", "localhost", "4317"},
                {"[::1]:0", "::1", "0"},
                {":4317", "", "4317"},
                {"unix:/a/b", "/a/b", ""},
                {"unix:///a/b", "/a/b", ""},
                {"0.0.0.0:65535", "0.0.0.0", "65535"}};
    static const char *const bad[] = {"localhost", "a:65536", "a:-1", "a:x",
                                      "::1:1",     "unix:",   "a:"};
    struct sl_endpoint endpoint;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_INT(sl_endpoint_parse(good[i].text, &endpoint, NULL), 0);
        CHECK_TEXT(endpoint.host, good[i].host);
        CHECK_TEXT(endpoint.port, good[i].port);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_INT(sl_endpoint_parse(bad[i], &endpoint, NULL), SL_EINVALID);
    struct sl_error error;
    CHECK_INT(sl_endpoint_parse("http://0.0.0.0:4317", &endpoint, &error), SL_EINVALID);
    CHECK_TEXT(error.text, "'http://0.0.0.0:4317' is not host:port; leave out 'http://'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_ends_in_memory_talk_with_and_without_a_filter),
        cmocka_unit_test(test_a_full_pipe_tells_when_it_is_writable_again),
        cmocka_unit_test(test_sockets_connect_talk_and_close),
        cmocka_unit_test(test_a_taken_port_is_a_clear_error),
        cmocka_unit_test(test_connections_spread_over_three_workers),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
