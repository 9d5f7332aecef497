/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bottom of every chain: a TCP or Unix socket on libuv, accepted or
 * connected. Reading uses one buffer a thread, as what it holds is consumed
 * before the callback returns.
 */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/alloc.h"
#include "transport/endpoint.h"
#include "transport/stream.h"

struct tcp {
    struct sl_stream base;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct sl_timer timer; /* accepted: tells opened; connecting: gives up */
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct addrinfo *addresses, *next_address;
    struct sl_endpoint endpoint;
    bool handle_open, resolving, connecting, opened, paused, closing, shut, shut_done, ended;
    bool was_above;
    int status, last_error;
    char error[160], peer[80];
};

struct tcp_write {
    uv_write_t request;
    struct sl_buf *buf;
    uint8_t bytes[];
};

static void tcp_close(struct sl_stream *stream, int status);

static void finish(struct tcp *tcp)
{
    if (tcp->handle_open || tcp->resolving)
        return;
    atomic_fetch_sub_explicit(&tcp->base.worker->load, 1, memory_order_relaxed);
    sl_stream_tell_closed(&tcp->base, tcp->status, tcp->error[0] != 0 ? tcp->error : NULL);
    if (tcp->addresses != NULL)
        uv_freeaddrinfo(tcp->addresses);
    sl_free(tcp);
}

static void handle_closed(uv_handle_t *handle)
{
    struct tcp *tcp = handle->data;
    tcp->handle_open = false;
    finish(tcp);
}

static void tcp_close(struct sl_stream *stream, int status)
{
    struct tcp *tcp = (struct tcp *)stream;
    if (tcp->closing)
        return;
    tcp->closing = true;
    tcp->status = status;
    sl_timer_stop(&tcp->timer);
    if (tcp->resolving)
        (void)uv_cancel((uv_req_t *)&tcp->lookup);
    /* Between two addresses the old handle is being closed already. */
    if (tcp->handle_open && !uv_is_closing(&tcp->uv.handle))
        uv_close(&tcp->uv.handle, handle_closed);
}

static void fail(struct tcp *tcp, int status, const char *what)
{
    if (tcp->error[0] == 0 && !tcp->closing)
        (void)snprintf(tcp->error, sizeof tcp->error, "%s: %s", what, uv_strerror(status));
    tcp_close(&tcp->base, status);
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    (void)size;
    static _Thread_local char room[64 * 1024];
    *buf = uv_buf_init(room, sizeof room);
}

static void handle_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct tcp *tcp = stream->data;
    if (size > 0) {
        sl_stream_tell_read(&tcp->base, sl_bytes(buf->base, (size_t)size));
    } else if (size == UV_EOF) {
        (void)uv_read_stop(stream);
        tcp->ended = true;
        sl_stream_tell_read(&tcp->base, (struct sl_bytes){0});
        if (tcp->shut_done)
            tcp_close(&tcp->base, 0);
    } else if (size < 0) {
        fail(tcp, (int)size, "read");
    }
}

static void set_reading(struct tcp *tcp)
{
    if (!tcp->opened || tcp->closing || tcp->ended)
        return;
    if (tcp->paused)
        (void)uv_read_stop(&tcp->uv.stream);
    else
        (void)uv_read_start(&tcp->uv.stream, give_room, handle_read);
}

static void begin(struct tcp *tcp)
{
    tcp->opened = true;
    sl_stream_tell_opened(&tcp->base);
    set_reading(tcp);
}

static size_t tcp_pending(const struct sl_stream *stream)
{
    const struct tcp *tcp = (const struct tcp *)stream;
    return uv_stream_get_write_queue_size(&tcp->uv.stream);
}

static void write_done(uv_write_t *request, int status)
{
    struct tcp_write *write = (struct tcp_write *)request;
    struct tcp *tcp = request->handle->data;
    sl_buf_unref(write->buf);
    sl_free(write);
    if (tcp->closing)
        return;
    if (status != 0) {
        fail(tcp, status, "write");
    } else if (tcp->was_above && tcp_pending(&tcp->base) < SL_STREAM_LOW_MARK) {
        tcp->was_above = false;
        sl_stream_tell_writable(&tcp->base);
    }
}

static int tcp_write(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf)
{
    struct tcp *tcp = (struct tcp *)stream;
    if (tcp->closing || tcp->shut || tcp->connecting)
        return SL_EIO;
    struct tcp_write *write = sl_malloc(sizeof *write + (buf == NULL ? bytes.size : 0));
    if (write == NULL)
        return SL_ENOMEM;
    write->buf = buf != NULL ? sl_buf_ref(buf) : NULL;
    if (buf == NULL)
        memcpy(write->bytes, bytes.data, bytes.size);
    char *data = buf != NULL ? (char *)(uintptr_t)bytes.data : (char *)write->bytes;
    uv_buf_t piece = uv_buf_init(data, (unsigned)bytes.size);
    int rc = uv_write(&write->request, &tcp->uv.stream, &piece, 1, write_done);
    if (rc != 0) {
        sl_buf_unref(write->buf);
        sl_free(write);
        fail(tcp, rc, "write");
        return SL_EIO;
    }
    tcp->was_above |= tcp_pending(stream) >= SL_STREAM_LOW_MARK;
    return SL_OK;
}

static void tcp_pause(struct sl_stream *stream, bool paused)
{
    struct tcp *tcp = (struct tcp *)stream;
    if (tcp->paused == paused)
        return;
    tcp->paused = paused;
    set_reading(tcp);
}

static void shutdown_done(uv_shutdown_t *request, int status)
{
    struct tcp *tcp = request->handle->data;
    tcp->shut_done = true;
    if (!tcp->closing && (tcp->ended || status != 0))
        tcp_close(&tcp->base, tcp->ended ? 0 : status);
}

static void tcp_shutdown(struct sl_stream *stream)
{
    struct tcp *tcp = (struct tcp *)stream;
    if (tcp->closing || tcp->shut)
        return;
    tcp->shut = true;
    int rc = tcp->connecting ? UV_ECANCELED
                             : uv_shutdown(&tcp->shutdown, &tcp->uv.stream, shutdown_done);
    if (rc != 0)
        tcp_close(stream, rc == UV_ENOTCONN ? 0 : rc);
}

static struct sl_bytes tcp_alpn(const struct sl_stream *stream)
{
    (void)stream;
    return (struct sl_bytes){0};
}

static const struct sl_stream_ops tcp_ops = {
    .name = "tcp",
    .write = tcp_write,
    .pause = tcp_pause,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .pending = tcp_pending,
    .alpn = tcp_alpn,
};

/* "192.0.2.1:4317", "[2001:db8::1]:4317" or "unix" */
static void name_peer(struct tcp *tcp)
{
    struct sockaddr_storage address = {0};
    char host[INET6_ADDRSTRLEN + 1] = "", port[8] = "";
    int size = sizeof address;
    (void)snprintf(tcp->peer, sizeof tcp->peer, "unix");
    if (tcp->uv.handle.type == UV_TCP &&
        uv_tcp_getpeername(&tcp->uv.tcp, (struct sockaddr *)&address, &size) == 0 &&
        getnameinfo((struct sockaddr *)&address, (socklen_t)size, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        (void)snprintf(tcp->peer, sizeof tcp->peer,
                       address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    tcp->base.peer = sl_text(tcp->peer);
}

static void handle_init(struct tcp *tcp, bool is_unix)
{
    uv_loop_t *loop = &tcp->base.worker->loop;
    if (is_unix)
        (void)uv_pipe_init(loop, &tcp->uv.pipe, 0);
    else
        (void)uv_tcp_init(loop, &tcp->uv.tcp);
    tcp->uv.handle.data = tcp;
    tcp->handle_open = true;
}

static struct tcp *tcp_new(struct sl_worker *worker, void (*expired)(struct sl_timer *timer))
{
    struct tcp *tcp = sl_calloc(1, sizeof *tcp);
    if (tcp == NULL)
        return NULL;
    tcp->base.ops = &tcp_ops;
    tcp->base.worker = worker;
    tcp->base.peer = SL_LIT("");
    sl_timer_init(&tcp->timer, worker, expired);
    atomic_fetch_add_explicit(&worker->load, 1, memory_order_relaxed);
    return tcp;
}

static struct tcp *from_timer(struct sl_timer *timer)
{
    return (struct tcp *)((char *)timer - offsetof(struct tcp, timer));
}

/* ---- accepted ---- */

static void adopted(struct sl_timer *timer)
{
    begin(from_timer(timer));
}

struct sl_stream *sl_tcp_adopt(struct sl_worker *worker, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    struct tcp *tcp = NULL;
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        tcp = tcp_new(worker, adopted);
    if (tcp == NULL) {
        (void)close(fd);
        return NULL;
    }
    bool is_unix = address.ss_family == AF_UNIX;
    handle_init(tcp, is_unix);
    int rc = is_unix ? uv_pipe_open(&tcp->uv.pipe, fd) : uv_tcp_open(&tcp->uv.tcp, fd);
    if (rc != 0)
        (void)close(fd);
    if (rc != 0 || sl_timer_start(&tcp->timer, 0) != SL_OK) {
        tcp_close(&tcp->base, rc);
        return NULL;
    }
    if (!is_unix)
        (void)uv_tcp_nodelay(&tcp->uv.tcp, 1);
    name_peer(tcp);
    return &tcp->base;
}

/* ---- connected ---- */

static void try_next(struct tcp *tcp);

static void connect_expired(struct sl_timer *timer)
{
    fail(from_timer(timer), UV_ETIMEDOUT, "connect");
}

static void attempt_closed(uv_handle_t *handle)
{
    struct tcp *tcp = handle->data;
    tcp->handle_open = false;
    if (tcp->closing) {
        finish(tcp);
        return;
    }
    handle_init(tcp, false);
    try_next(tcp);
}

static void attempt_failed(struct tcp *tcp, int status)
{
    tcp->last_error = status;
    if (tcp->next_address == NULL)
        fail(tcp, status, "connect");
    else
        uv_close(&tcp->uv.handle, attempt_closed);
}

static void connect_done(uv_connect_t *request, int status)
{
    struct tcp *tcp = request->handle->data;
    if (tcp->closing || uv_is_closing(&tcp->uv.handle))
        return;
    if (status != 0) {
        attempt_failed(tcp, status);
        return;
    }
    tcp->connecting = false;
    sl_timer_stop(&tcp->timer);
    if (tcp->uv.handle.type == UV_TCP)
        (void)uv_tcp_nodelay(&tcp->uv.tcp, 1);
    name_peer(tcp);
    begin(tcp);
}

static void try_next(struct tcp *tcp)
{
    struct addrinfo *address = tcp->next_address;
    tcp->next_address = address->ai_next;
    int rc = uv_tcp_connect(&tcp->connect, &tcp->uv.tcp, address->ai_addr, connect_done);
    if (rc != 0)
        attempt_failed(tcp, rc);
}

static void lookup_done(uv_getaddrinfo_t *request, int status, struct addrinfo *result)
{
    struct tcp *tcp = request->data;
    tcp->resolving = false;
    tcp->addresses = status == 0 ? result : NULL;
    tcp->next_address = tcp->addresses;
    if (tcp->closing)
        finish(tcp);
    else if (tcp->addresses == NULL)
        fail(tcp, status != 0 ? status : UV_EAI_NONAME, "look up host");
    else
        try_next(tcp);
}

static int start_connect(struct tcp *tcp)
{
    const struct sl_endpoint *endpoint = &tcp->endpoint;
    if (endpoint->is_unix) {
        uv_pipe_connect(&tcp->connect, &tcp->uv.pipe, endpoint->host, connect_done);
        return 0;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    tcp->lookup.data = tcp;
    int rc = uv_getaddrinfo(&tcp->base.worker->loop, &tcp->lookup, lookup_done,
                            endpoint->host[0] != 0 ? endpoint->host : "localhost", endpoint->port,
                            &hints);
    tcp->resolving = rc == 0;
    return rc;
}

struct sl_stream *sl_tcp_connect(struct sl_worker *worker, const char *endpoint,
                                 const struct sl_tcp_options *options)
{
    struct sl_endpoint parsed = {0};
    if (sl_endpoint_parse(endpoint, &parsed, NULL) != SL_OK)
        return NULL;
    struct tcp *tcp = tcp_new(worker, connect_expired);
    if (tcp == NULL)
        return NULL;
    tcp->endpoint = parsed;
    tcp->connecting = true;
    handle_init(tcp, parsed.is_unix);
    int rc = 0;
    if (options != NULL && options->connect_timeout_ms > 0)
        rc = sl_timer_start(&tcp->timer, options->connect_timeout_ms);
    if (rc == 0)
        rc = start_connect(tcp);
    if (rc != 0)
        fail(tcp, rc, "connect");
    return &tcp->base;
}
