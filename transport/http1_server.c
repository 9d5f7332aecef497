/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's HTTP/1: one request at a time on a connection, answered in
 * order. While an answer is awaited nothing is read, so a client that pipelines
 * waits in its own socket.
 */
#include "core/alloc.h"
#include "transport/http1_parse.h"
#include "transport/session.h"

/* A body that nobody wants is read to its end up to this size, to keep the
 * connection; beyond it the connection is closed after the answer. */
enum { MAX_DISCARD = 64 * 1024, MAX_AHEAD = 1024 * 1024 };

struct http1 {
    struct sl_conn *conn;
    struct sl_http1_parser parser;
    struct sl_exchange *exchange; /* NULL: none, or answered */
    struct sl_out ahead;          /* bytes read beyond the request in progress */
    uint64_t request_end_ms;      /* 0: no limit */
    bool processing, discarding, in_message, head_request, ended;
};

static void process(struct http1 *http1, struct sl_bytes input);

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Status";
    }
}

static void write_header(struct sl_out *out, struct sl_bytes name, struct sl_bytes value)
{
    sl_out_bytes(out, name.data, name.size);
    sl_out_text(out, ": ");
    sl_out_bytes(out, value.data, value.size);
    sl_out_text(out, "\r\n");
}

/* Head and body leave in one write. */
static void write_response(struct http1 *http1, const struct sl_response *response, bool keep)
{
    struct sl_out out = {0};
    sl_out_printf(&out, "HTTP/1.1 %d %s\r\n", response->status, reason(response->status));
    if (response->content_type.size > 0)
        write_header(&out, SL_LIT("Content-Type"), response->content_type);
    for (size_t i = 0; i < response->header_count; i++)
        write_header(&out, response->headers[i].name, response->headers[i].value);
    sl_out_printf(&out, "Content-Length: %zu\r\n", response->body.size);
    if (!keep)
        sl_out_text(&out, "Connection: close\r\n");
    else if (http1->parser.head.minor == 0)
        sl_out_text(&out, "Connection: keep-alive\r\n");
    sl_out_text(&out, "\r\n");
    if (!http1->head_request)
        sl_out_bytes(&out, response->body.data, response->body.size);
    if (out.failed)
        sl_conn_close(http1->conn);
    else
        sl_conn_write(http1->conn, sl_out_view(&out));
    sl_out_done(&out);
}

/* What the client may still send of this request is small enough to be read away. */
static bool can_discard(const struct http1 *http1)
{
    const struct sl_http1_head *head = &http1->parser.head;
    if (head->body == SL_HTTP1_NO_BODY)
        return true;
    return head->body == SL_HTTP1_LENGTH && head->length <= MAX_DISCARD && !head->expect_continue;
}

static void wait_for_next(struct http1 *http1)
{
    const struct sl_server_config *config = sl_conn_config(http1->conn);
    http1->in_message = false;
    http1->request_end_ms = 0;
    if (http1->conn->draining && !http1->conn->lingering && !http1->conn->closing)
        sl_conn_finish(http1->conn);
    else if (!http1->conn->lingering && !http1->conn->backlogged)
        sl_conn_due(http1->conn, config->idle_timeout_ms);
}

static void respond(struct sl_exchange *exchange, const struct sl_response *response)
{
    struct http1 *http1 = exchange->session;
    struct sl_conn *conn = http1->conn;
    bool complete = exchange->complete;
    bool keep = http1->parser.head.keep_alive && !conn->draining && !http1->ended &&
                !sl_conn_config(conn)->no_keep_alive && (complete || can_discard(http1));
    http1->exchange = NULL;
    http1->discarding = !complete;
    write_response(http1, response, keep);
    if (conn->closing)
        return;
    if (!keep) {
        sl_conn_finish(conn);
        return;
    }
    if (complete)
        wait_for_next(http1);
    if (http1->processing)
        return;
    sl_conn_busy(conn, false);
    struct sl_out ahead = http1->ahead;
    http1->ahead = (struct sl_out){.limit = MAX_AHEAD};
    process(http1, sl_out_view(&ahead));
    sl_out_done(&ahead);
}

static const struct sl_exchange_ops exchange_ops = {.respond = respond};

/* An answer of the protocol's own, to what is no acceptable request. */
static void refuse(struct http1 *http1, int status, const char *text)
{
    http1->parser.head.minor = 1;
    struct sl_response response = {
        .status = status, .content_type = SL_LIT("text/plain"), .body = sl_text(text)};
    write_response(http1, &response, false);
    if (!http1->conn->closing)
        sl_conn_finish(http1->conn);
}

static void set_body_due(struct http1 *http1)
{
    const struct sl_server_config *config = sl_conn_config(http1->conn);
    uint64_t wait_ms = config->body_timeout_ms, now_ms = sl_conn_now(http1->conn);
    if (http1->request_end_ms != 0) {
        uint64_t left_ms = http1->request_end_ms > now_ms ? http1->request_end_ms - now_ms : 1;
        if (wait_ms == 0 || left_ms < wait_ms)
            wait_ms = left_ms;
    }
    sl_conn_due(http1->conn, wait_ms);
}

static void fill(struct sl_exchange *exchange, const struct sl_http1_head *head)
{
    exchange->method = head->method;
    exchange->headers = head->headers;
    exchange->header_count = head->header_count;
    exchange->content_type = sl_http1_header(head, "content-type");
    exchange->content_encoding = sl_http1_header(head, "content-encoding");
    exchange->has_length = head->body != SL_HTTP1_CHUNKED;
    exchange->content_length = head->body == SL_HTTP1_LENGTH ? head->length : 0;
    sl_exchange_set_target(exchange, head->target);
}

static void on_head(struct http1 *http1, bool body_follows)
{
    const struct sl_http1_head *head = &http1->parser.head;
    http1->head_request = sl_bytes_is(head->method, "HEAD");
    if (head->expect_other) {
        refuse(http1, 417, "only Expect: 100-continue is known");
        return;
    }
    struct sl_exchange *exchange = sl_exchange_new(http1->conn, &exchange_ops, http1);
    if (exchange == NULL) {
        refuse(http1, 503, "out of memory");
        return;
    }
    fill(exchange, head);
    http1->exchange = exchange;
    sl_exchange_offer(http1->conn, exchange);
    if (http1->exchange != NULL)
        sl_exchange_begin(http1->conn, exchange);
    if (http1->exchange == NULL)
        return;
    set_body_due(http1);
    if (head->expect_continue && head->minor == 1 && head->body != SL_HTTP1_NO_BODY &&
        !body_follows)
        sl_conn_write(http1->conn, SL_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void on_end(struct http1 *http1)
{
    if (http1->discarding) {
        http1->discarding = false;
        wait_for_next(http1);
        return;
    }
    sl_conn_due(http1->conn, 0);
    sl_exchange_end(http1->conn, http1->exchange);
}

static void first_bytes(struct http1 *http1)
{
    const struct sl_server_config *config = sl_conn_config(http1->conn);
    http1->in_message = true;
    if (config->request_timeout_ms != 0)
        http1->request_end_ms = sl_conn_now(http1->conn) + config->request_timeout_ms;
    sl_conn_due(http1->conn, config->header_timeout_ms);
}

/* One event; false: stop here. */
static bool handle(struct http1 *http1, struct sl_bytes *input)
{
    if (!http1->in_message && input->size > 0)
        first_bytes(http1);
    struct sl_bytes data = {0};
    switch (sl_http1_next(&http1->parser, input, &data)) {
    case SL_HTTP1_HEAD:
        on_head(http1, input->size > 0);
        return true;
    case SL_HTTP1_DATA:
        set_body_due(http1);
        if (http1->exchange != NULL)
            sl_exchange_receive(http1->conn, http1->exchange, data);
        return true;
    case SL_HTTP1_END:
        on_end(http1);
        return true;
    case SL_HTTP1_ERROR:
        if (http1->exchange != NULL)
            sl_exchange_abandon(http1->conn, http1->exchange);
        http1->exchange = NULL;
        if (http1->parser.error_status == SL_HTTP1_NOT_HTTP)
            sl_conn_close(http1->conn);
        else if (http1->discarding)
            sl_conn_finish(http1->conn);
        else
            refuse(http1, http1->parser.error_status, http1->parser.error.text);
        return false;
    default:
        return false;
    }
}

static void process(struct http1 *http1, struct sl_bytes input)
{
    struct sl_conn *conn = http1->conn;
    bool more = true;
    http1->processing = true;
    while (more && !conn->closing && !conn->lingering) {
        if (http1->exchange != NULL && http1->exchange->complete) {
            sl_out_bytes(&http1->ahead, input.data, input.size);
            if (http1->ahead.failed)
                sl_conn_close(conn);
            else
                sl_conn_busy(conn, true);
            break;
        }
        more = handle(http1, &input);
    }
    http1->processing = false;
}

/* Half-closing clients still get the answer that is under way. */
static void peer_ended(struct http1 *http1)
{
    http1->ended = true;
    if (http1->exchange != NULL && http1->exchange->complete)
        return;
    if (http1->exchange != NULL)
        sl_exchange_abandon(http1->conn, http1->exchange);
    http1->exchange = NULL;
    sl_conn_close(http1->conn);
}

static void http1_read(void *session, struct sl_bytes bytes)
{
    struct http1 *http1 = session;
    if (bytes.size == 0)
        peer_ended(http1);
    else
        process(http1, bytes);
}

static void http1_writable(void *session)
{
    (void)session;
}

static void http1_drain(void *session)
{
    struct http1 *http1 = session;
    if (http1->in_message || !sl_http1_is_idle(&http1->parser))
        return;
    /* With nothing under way in either direction there is no answer to protect. */
    if (sl_stream_pending(http1->conn->stream) == 0)
        sl_conn_close(http1->conn);
    else
        sl_conn_finish(http1->conn);
}

static void http1_expired(void *session)
{
    struct http1 *http1 = session;
    if (!http1->in_message) {
        sl_conn_finish(http1->conn);
        return;
    }
    if (http1->exchange != NULL)
        sl_exchange_abandon(http1->conn, http1->exchange);
    http1->exchange = NULL;
    if (http1->discarding)
        sl_conn_finish(http1->conn);
    else
        refuse(http1, 408, "the request took too long to arrive");
}

static void http1_free(void *session)
{
    struct http1 *http1 = session;
    if (http1->exchange != NULL)
        sl_exchange_abandon(http1->conn, http1->exchange);
    sl_http1_parser_done(&http1->parser);
    sl_out_done(&http1->ahead);
    sl_free(http1);
}

static const struct sl_session_ops session_ops = {
    .read = http1_read,
    .writable = http1_writable,
    .drain = http1_drain,
    .expired = http1_expired,
    .free = http1_free,
};

int sl_http1_session(struct sl_conn *conn)
{
    struct http1 *http1 = sl_calloc(1, sizeof *http1);
    if (http1 == NULL)
        return SL_ENOMEM;
    http1->conn = conn;
    http1->ahead.limit = MAX_AHEAD;
    sl_http1_parser_init(&http1->parser, SL_HTTP1_REQUEST);
    conn->ops = &session_ops;
    conn->session = http1;
    return SL_OK;
}
