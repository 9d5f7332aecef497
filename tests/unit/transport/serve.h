/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_TRANSPORT_SERVE_H
#define SL_TESTS_TRANSPORT_SERVE_H

#include "core/budget.h"
#include "core/out.h"
#include "tests/check.h"
#include "transport/server.h"

/*
 * A server on a manual worker with one client end in memory. Its handler
 * answers by path: /echo gives the body back, /early is refused with 404 before
 * the body, /later waits for serve_answer(), all else is 200 "ok".
 */
struct serve {
    struct sl_worker worker;
    struct sl_budget budget;
    struct sl_server *server;
    struct sl_server_config config;
    struct sl_stream *client;
    struct sl_out got;  /* what the client has read */
    bool ended, closed; /* the server has ended its side / the client's stream is closed */
    struct sl_exchange *later[8];
    unsigned later_count, begun, ends, fails, gones, drained;
    int fail_status;
    size_t limit;
    bool pass; /* puts a pass-through filter under the server */
};

static inline void serve_reply(struct sl_exchange *exchange, int status, struct sl_bytes body)
{
    struct sl_response response = {.status = status,
                                   .content_type = SL_LIT("text/plain"),
                                   .body = body,
                                   .grpc = exchange->grpc,
                                   .grpc_status = status == 200 ? 0 : 13,
                                   .grpc_message = body};
    sl_exchange_respond(exchange, &response);
}

static inline void serve_begin(void *arg, struct sl_exchange *exchange)
{
    struct serve *serve = arg;
    serve->begun++;
    exchange->body_limit = serve->limit;
    if (sl_bytes_is(exchange->path, "/early"))
        serve_reply(exchange, 404, SL_LIT("no"));
}

static inline void serve_end(void *arg, struct sl_exchange *exchange)
{
    struct serve *serve = arg;
    serve->ends++;
    struct sl_bytes body =
        exchange->body != NULL ? sl_buf_bytes(exchange->body) : (struct sl_bytes){0};
    if (sl_bytes_is(exchange->path, "/later"))
        serve->later[serve->later_count++] = exchange;
    else
        serve_reply(exchange, 200, sl_bytes_is(exchange->path, "/echo") ? body : SL_LIT("ok"));
}

static inline void serve_fail(void *arg, struct sl_exchange *exchange, int status, const char *why)
{
    struct serve *serve = arg;
    serve->fails++;
    serve->fail_status = status;
    serve_reply(exchange,
                status == SL_ELIMIT   ? 413
                : status == SL_EAGAIN ? 503
                                      : 400,
                sl_text(why));
}

static inline void serve_gone(void *arg, struct sl_exchange *exchange)
{
    (void)exchange;
    ((struct serve *)arg)->gones++;
}

static const struct sl_handler serve_handler = {
    .begin = serve_begin, .end = serve_end, .fail = serve_fail, .gone = serve_gone};

static inline void serve_read(void *arg, struct sl_bytes bytes)
{
    struct serve *serve = arg;
    serve->ended |= bytes.size == 0;
    sl_out_bytes(&serve->got, bytes.data, bytes.size);
}

static inline void serve_closed(void *arg, int status, const char *error)
{
    (void)status;
    (void)error;
    struct serve *serve = arg;
    serve->closed = true;
    serve->client = NULL;
}

static const struct sl_stream_events serve_events = {.read = serve_read, .closed = serve_closed};

static inline void serve_connect(struct serve *serve)
{
    struct sl_stream *ends[2];
    CHECK_INT(sl_memory_pair(&serve->worker, ends), 0);
    serve->client = ends[0];
    serve->ended = serve->closed = false;
    sl_out_clear(&serve->got);
    sl_stream_set_user(ends[0], &serve_events, serve);
    sl_server_accept(serve->server, serve->pass ? sl_pass_filter(ends[1]) : ends[1]);
    sl_worker_advance(&serve->worker, 0);
}

static inline void serve_start(struct serve *serve, bool pass)
{
    memset(serve, 0, sizeof *serve);
    sl_budget_init(&serve->budget, 1024 * 1024);
    CHECK_INT(sl_worker_init_manual(&serve->worker, &serve->budget), 0);
    serve->config = sl_server_defaults();
    serve->limit = 100000;
    serve->pass = pass;
    serve->server = sl_server_new(&serve->worker, &serve->config, &serve_handler, serve);
    CHECK(serve->server != NULL);
    serve_connect(serve);
}

static inline void serve_send(struct serve *serve, struct sl_bytes bytes)
{
    if (serve->client != NULL)
        CHECK_INT(sl_stream_write(serve->client, bytes, NULL), 0);
    sl_worker_advance(&serve->worker, 0);
}

static inline void serve_answer(struct serve *serve, unsigned index)
{
    serve_reply(serve->later[index], 200, SL_LIT("late"));
    sl_worker_advance(&serve->worker, 0);
}

static inline void serve_nothing(void *arg)
{
    ((struct serve *)arg)->drained++;
}

static inline void serve_stop(struct serve *serve)
{
    if (serve->client != NULL)
        sl_stream_close(serve->client, 0);
    sl_server_close(serve->server, serve_nothing);
    sl_worker_advance(&serve->worker, 10);
    CHECK_INT(sl_server_connections(serve->server), 0);
    sl_server_free(serve->server);
    sl_out_done(&serve->got);
    sl_worker_done(&serve->worker);
    CHECK_INT(atomic_load(&serve->budget.used), 0);
}

static inline bool serve_has(struct serve *serve, const char *text)
{
    return strstr(sl_out_cstr(&serve->got), text) != NULL;
}

/* Number of times text stands in what the client has read. */
static inline unsigned serve_count(struct serve *serve, const char *text)
{
    unsigned count = 0;
    for (const char *at = sl_out_cstr(&serve->got); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

#endif
