/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, the same for both protocols: admission of the
 * body against its limit and the memory budget, gRPC's framing, and the rules
 * of who frees it.
 */
#include "core/alloc.h"
#include "transport/server_private.h"

struct sl_exchange *sl_exchange_new(struct sl_conn *conn, const struct sl_exchange_ops *ops,
                                    void *session)
{
    struct sl_exchange *exchange = sl_calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->ops = ops;
    exchange->session = session;
    exchange->peer = conn->stream->peer;
    return exchange;
}

void sl_exchange_free(struct sl_exchange *exchange)
{
    sl_buf_unref(exchange->room);
    sl_buf_unref(exchange->body);
    sl_free(exchange->framer);
    sl_free(exchange);
}

void sl_exchange_respond(struct sl_exchange *exchange, const struct sl_response *response)
{
    if (exchange->session != NULL)
        exchange->ops->respond(exchange, response);
    sl_exchange_free(exchange);
}

struct sl_bytes sl_exchange_header(const struct sl_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        if (sl_bytes_is(exchange->headers[i].name, name))
            return exchange->headers[i].value;
    return (struct sl_bytes){0};
}

/* "/path?query", or with scheme and authority before it (RFC 9112, 3.2.2). */
void sl_exchange_set_target(struct sl_exchange *exchange, struct sl_bytes target)
{
    if (sl_bytes_starts(target, "http://") || sl_bytes_starts(target, "https://")) {
        size_t skip = target.data[4] == 's' ? 8 : 7;
        target = sl_bytes(target.data + skip, target.size - skip);
        const uint8_t *slash = target.size > 0 ? memchr(target.data, '/', target.size) : NULL;
        target = slash != NULL ? sl_bytes(slash, target.size - (size_t)(slash - target.data))
                               : SL_LIT("/");
    }
    const uint8_t *mark = target.size > 0 ? memchr(target.data, '?', target.size) : NULL;
    exchange->path = target;
    if (mark == NULL)
        return;
    exchange->path.size = (size_t)(mark - target.data);
    exchange->query = sl_bytes(mark + 1, target.size - exchange->path.size - 1);
}

static void fail(struct sl_conn *conn, struct sl_exchange *exchange, int status, const char *why)
{
    conn->server->handler->fail(conn->server->arg, exchange, status, why);
}

void sl_exchange_offer(struct sl_conn *conn, struct sl_exchange *exchange)
{
    conn->server->handler->begin(conn->server->arg, exchange);
}

/* Sets the declared size aside before any of it is read. */
static int reserve(struct sl_conn *conn, struct sl_exchange *exchange, uint64_t size)
{
    if (size > exchange->body_limit)
        return SL_ELIMIT;
    if (size == 0)
        return SL_OK;
    exchange->room = sl_buf_new(conn->stream->worker->budget, (size_t)size);
    return exchange->room != NULL ? SL_OK : SL_EAGAIN;
}

static const char *why(int status)
{
    return status == SL_ELIMIT   ? "the request body is too large"
           : status == SL_EAGAIN ? "no memory is left for the request body"
                                 : sl_status_text(status);
}

void sl_exchange_begin(struct sl_conn *conn, struct sl_exchange *exchange)
{
    int rc = SL_OK;
    if (exchange->grpc) {
        exchange->framer = sl_calloc(1, sizeof *exchange->framer);
        rc = exchange->framer != NULL ? SL_OK : SL_ENOMEM;
    } else if (exchange->has_length) {
        rc = reserve(conn, exchange, exchange->content_length);
    }
    if (rc != SL_OK)
        fail(conn, exchange, rc, why(rc));
}

static int append(struct sl_conn *conn, struct sl_exchange *exchange, struct sl_bytes bytes)
{
    if (exchange->room == NULL)
        exchange->room = sl_buf_new(conn->stream->worker->budget, bytes.size);
    if (exchange->room == NULL)
        return bytes.size > exchange->body_limit ? SL_ELIMIT : SL_EAGAIN;
    return sl_buf_append(exchange->room, bytes.data, bytes.size, exchange->body_limit);
}

static void receive_grpc(struct sl_conn *conn, struct sl_exchange *exchange, struct sl_bytes bytes)
{
    struct sl_grpc_framer *framer = exchange->framer;
    const char *text = NULL;
    int rc = SL_OK;
    for (;;) {
        struct sl_bytes data;
        enum sl_grpc_event event = sl_grpc_next(framer, &bytes, &data);
        if (event == SL_GRPC_MORE)
            return;
        if (event == SL_GRPC_ERROR) {
            rc = SL_EINVALID;
            text = "bad gRPC message prefix";
        } else if (event == SL_GRPC_BEGIN && framer->messages > 0) {
            rc = SL_EINVALID;
            text = "more than one message in a unary call";
        } else if (event == SL_GRPC_BEGIN) {
            exchange->compressed = framer->compressed;
            rc = reserve(conn, exchange, framer->length);
        } else if (event == SL_GRPC_DATA) {
            rc = append(conn, exchange, data);
        }
        if (rc != SL_OK) {
            fail(conn, exchange, rc, text != NULL ? text : why(rc));
            return;
        }
    }
}

void sl_exchange_receive(struct sl_conn *conn, struct sl_exchange *exchange, struct sl_bytes bytes)
{
    if (exchange->grpc) {
        receive_grpc(conn, exchange, bytes);
        return;
    }
    int rc = bytes.size > 0 ? append(conn, exchange, bytes) : SL_OK;
    if (rc != SL_OK)
        fail(conn, exchange, rc, why(rc));
}

void sl_exchange_end(struct sl_conn *conn, struct sl_exchange *exchange)
{
    if (exchange->grpc) {
        exchange->messages = exchange->framer->messages;
        if (!sl_grpc_at_boundary(exchange->framer)) {
            fail(conn, exchange, SL_EINVALID, "the gRPC message is cut short");
            return;
        }
    }
    exchange->complete = true;
    exchange->body = exchange->room;
    exchange->room = NULL;
    conn->server->handler->end(conn->server->arg, exchange);
}

void sl_exchange_abandon(struct sl_conn *conn, struct sl_exchange *exchange)
{
    exchange->session = NULL;
    if (exchange->complete)
        return; /* freed by the answer that is still to come */
    conn->server->handler->gone(conn->server->arg, exchange);
    sl_exchange_free(exchange);
}
