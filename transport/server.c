/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of a server: which protocol the client speaks (its first bytes
 * decide; ALPN where there is one), time limits, back-pressure, drain.
 */
#include "transport/server.h"

#include <assert.h>

#include "core/alloc.h"
#include "transport/server_private.h"

/* FIRST_BYTES_MS: while draining, for a connection that has sent nothing yet. */
enum { LINGER_MS = 2000, FIRST_BYTES_MS = 1000 };
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const struct sl_server_config *sl_conn_config(const struct sl_conn *conn)
{
    return &conn->server->config;
}

uint64_t sl_conn_now(const struct sl_conn *conn)
{
    return sl_worker_now_ms(conn->server->worker);
}

static void set_reading(struct sl_conn *conn)
{
    sl_stream_pause(conn->stream, (conn->busy || conn->backlogged) && !conn->lingering);
}

void sl_conn_busy(struct sl_conn *conn, bool busy)
{
    conn->busy = busy;
    set_reading(conn);
}

/* The timer is only moved when it would fire too late. */
static void arm(struct sl_conn *conn)
{
    uint64_t due_ms = conn->due_ms, now_ms = sl_conn_now(conn);
    if (due_ms == 0 || (conn->age_ms != 0 && conn->age_ms < due_ms))
        due_ms = conn->age_ms;
    if (due_ms == 0 || (sl_timer_armed(&conn->timer) && conn->timer.due_ms <= due_ms))
        return;
    if (sl_timer_start(&conn->timer, due_ms > now_ms ? due_ms - now_ms : 0) != SL_OK)
        sl_conn_close(conn);
}

void sl_conn_due(struct sl_conn *conn, uint64_t delay_ms)
{
    conn->due_ms = delay_ms != 0 ? sl_conn_now(conn) + delay_ms : 0;
    arm(conn);
}

void sl_conn_close(struct sl_conn *conn)
{
    conn->closing = true;
    sl_stream_close(conn->stream, 0);
}

void sl_conn_finish(struct sl_conn *conn)
{
    if (conn->lingering || conn->closing)
        return;
    conn->lingering = true;
    conn->busy = false;
    set_reading(conn);
    sl_stream_shutdown(conn->stream);
    sl_conn_due(conn, LINGER_MS);
}

void sl_conn_write(struct sl_conn *conn, struct sl_bytes bytes)
{
    if (conn->closing)
        return;
    if (sl_stream_write(conn->stream, bytes, NULL) != SL_OK) {
        sl_conn_close(conn);
        return;
    }
    if (!conn->backlogged && sl_stream_pending(conn->stream) > SL_CONN_BACKLOG) {
        conn->backlogged = true;
        set_reading(conn);
        sl_conn_due(conn, conn->server->config.write_timeout_ms);
    }
}

static void drain(struct sl_conn *conn)
{
    conn->draining = true;
    conn->age_ms = 0;
    if (conn->ops != NULL)
        conn->ops->drain(conn->session);
    else
        sl_conn_due(conn, FIRST_BYTES_MS);
}

/* Too old: as if the server drained, and after the grace it is closed. */
static void aged(struct sl_conn *conn)
{
    if (conn->draining) {
        sl_conn_close(conn);
        return;
    }
    drain(conn);
    if (conn->server->config.max_age_grace_ms != 0)
        conn->age_ms = sl_conn_now(conn) + conn->server->config.max_age_grace_ms;
}

static void expired(struct sl_timer *timer)
{
    struct sl_conn *conn = (struct sl_conn *)((char *)timer - offsetof(struct sl_conn, timer));
    uint64_t now_ms = sl_conn_now(conn);
    if (conn->closing)
        return;
    if (conn->age_ms != 0 && conn->age_ms <= now_ms && !conn->lingering)
        aged(conn);
    if (conn->due_ms != 0 && conn->due_ms <= now_ms && !conn->closing) {
        conn->due_ms = 0;
        if (conn->lingering || conn->backlogged || conn->ops == NULL)
            sl_conn_close(conn);
        else
            conn->ops->expired(conn->session);
    }
    if (!conn->closing)
        arm(conn);
}

/* ---- the stream's events ---- */

static void opened(void *arg)
{
    struct sl_conn *conn = arg;
    const struct sl_server_config *config = &conn->server->config;
    if (config->max_age_ms != 0) {
        uint64_t tenth = config->max_age_ms / 10 + 1;
        conn->age_ms = sl_conn_now(conn) + config->max_age_ms - tenth + sl_random() % (2 * tenth);
    }
    sl_conn_due(conn, config->header_timeout_ms);
    struct sl_bytes alpn = conn->stream->ops->alpn(conn->stream);
    if (sl_bytes_is(alpn, "h2") && sl_http2_session(conn) != SL_OK)
        sl_conn_close(conn);
    if (conn->ops != NULL && conn->server->draining)
        drain(conn);
}

/* Only the whole preface is HTTP/2; the first byte that differs tells HTTP/1. */
static void detect(struct sl_conn *conn, struct sl_bytes bytes)
{
    const unsigned size = sizeof preface - 1;
    while (conn->seen < size && bytes.size > 0 && bytes.data[0] == (uint8_t)preface[conn->seen]) {
        conn->first[conn->seen++] = bytes.data[0];
        bytes = sl_bytes(bytes.data + 1, bytes.size - 1);
    }
    if (conn->seen < size && bytes.size == 0)
        return;
    int rc = conn->seen == size ? sl_http2_session(conn) : sl_http1_session(conn);
    if (rc != SL_OK) {
        sl_conn_close(conn);
        return;
    }
    if (conn->server->draining)
        drain(conn);
    if (conn->seen > 0 && !conn->closing)
        conn->ops->read(conn->session, sl_bytes(conn->first, conn->seen));
    if (bytes.size > 0 && !conn->closing && !conn->lingering)
        conn->ops->read(conn->session, bytes);
}

static void read_bytes(void *arg, struct sl_bytes bytes)
{
    struct sl_conn *conn = arg;
    if (conn->closing)
        return;
    if (conn->lingering || conn->ops == NULL) {
        if (bytes.size == 0)
            sl_conn_close(conn);
        else if (!conn->lingering)
            detect(conn, bytes);
        return;
    }
    conn->ops->read(conn->session, bytes);
}

static void writable(void *arg)
{
    struct sl_conn *conn = arg;
    if (conn->closing)
        return;
    if (conn->backlogged) {
        conn->backlogged = false;
        set_reading(conn);
        if (!conn->lingering)
            sl_conn_due(conn, conn->server->config.idle_timeout_ms);
    }
    if (conn->ops != NULL)
        conn->ops->writable(conn->session);
}

static void tell_empty(struct sl_timer *timer)
{
    struct sl_server *server =
        (struct sl_server *)((char *)timer - offsetof(struct sl_server, turn));
    void (*empty)(void *arg) = server->empty;
    server->empty = NULL;
    if (empty != NULL)
        empty(server->arg);
}

static void closed(void *arg, int status, const char *error)
{
    (void)status;
    (void)error;
    struct sl_conn *conn = arg;
    struct sl_server *server = conn->server;
    conn->closing = true;
    sl_timer_stop(&conn->timer);
    if (conn->ops != NULL)
        conn->ops->free(conn->session);
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    sl_free(conn);
    server->count--;
    if (server->count == 0 && server->empty != NULL)
        tell_empty(&server->turn);
}

static const struct sl_stream_events events = {
    .opened = opened,
    .read = read_bytes,
    .writable = writable,
    .closed = closed,
};

/* ---- the server ---- */

struct sl_server_config sl_server_defaults(void)
{
    return (struct sl_server_config){
        .header_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .idle_timeout_ms = 120000,
        .write_timeout_ms = 30000,
        .max_concurrent_streams = 100,
        .max_connections = 10000,
    };
}

struct sl_server *sl_server_new(struct sl_worker *worker, const struct sl_server_config *config,
                                const struct sl_handler *handler, void *arg)
{
    struct sl_server *server = sl_calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->worker = worker;
    server->config = *config;
    server->handler = handler;
    server->arg = arg;
    sl_timer_init(&server->turn, worker, tell_empty);
    return server;
}

void sl_server_accept(struct sl_server *server, struct sl_stream *stream)
{
    struct sl_conn *conn =
        server->count < server->config.max_connections ? sl_calloc(1, sizeof *conn) : NULL;
    if (conn == NULL) {
        sl_stream_set_user(stream, NULL, NULL);
        sl_stream_close(stream, 0);
        return;
    }
    conn->server = server;
    conn->stream = stream;
    sl_timer_init(&conn->timer, server->worker, expired);
    conn->next = server->first;
    conn->link = &server->first;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    server->first = conn;
    server->count++;
    sl_stream_set_user(stream, &events, conn);
}

size_t sl_server_connections(const struct sl_server *server)
{
    return server->count;
}

/* Out of memory for a timer: the last connection's end tells it, or nobody waits. */
static void when_empty(struct sl_server *server, void (*empty)(void *arg))
{
    server->empty = empty;
    if (server->count == 0 && sl_timer_start(&server->turn, 0) != SL_OK)
        tell_empty(&server->turn);
}

void sl_server_drain(struct sl_server *server, void (*drained)(void *arg))
{
    server->draining = true;
    for (struct sl_conn *conn = server->first; conn != NULL; conn = conn->next)
        if (!conn->closing && !conn->draining)
            drain(conn);
    when_empty(server, drained);
}

void sl_server_close(struct sl_server *server, void (*done)(void *arg))
{
    server->draining = true;
    for (struct sl_conn *conn = server->first; conn != NULL; conn = conn->next)
        sl_conn_close(conn);
    when_empty(server, done);
}

void sl_server_free(struct sl_server *server)
{
    if (server == NULL)
        return;
    assert(server->count == 0);
    sl_timer_stop(&server->turn);
    sl_free(server);
}
