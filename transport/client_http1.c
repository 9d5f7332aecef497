/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 client: calls, which wait or hold a connection, and a pool of
 * connections. done is always called from a call's own timer, so never from
 * inside the user's call or a stream's event. */
#include "transport/client_http1.h"

#include <stdio.h>

#include "core/alloc.h"
#include "transport/http1_parse.h"

struct connection;

struct sl_http1_call {
    struct sl_http1_call *next, **link; /* in waiting, or in calls */
    struct sl_http1_client *client;
    struct connection *connection; /* NULL while waiting and when finished */
    struct sl_out head;
    struct sl_buf *body;
    bool waiting, finished, sent_again;
    struct sl_timer timer; /* the timeout; then, with delay 0, what calls done */
    struct sl_client_inbox inbox;
    enum sl_client_error error;
    char message[160];
    sl_client_done done;
    void *arg;
};

struct connection {
    struct connection *next, **link;
    struct sl_http1_client *client;
    struct sl_stream *stream;
    struct sl_http1_call *call; /* NULL: idle, or closing */
    struct sl_http1_parser parser;
    struct sl_timer idle_timer;
    bool open, used, answered, keep, closing; /* used: has served a call; answered: bytes came */
};

struct sl_http1_client {
    struct sl_worker *worker;
    struct sl_client_options options;
    struct sl_http1_call *waiting, **waiting_end, *calls;
    struct connection *connections;
    unsigned connection_count; /* not counting those that are closing */
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- calls ---- */

static void call_unlink(struct sl_http1_call *call)
{
    if (call->link == NULL)
        return;
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    else if (call->waiting)
        call->client->waiting_end = call->link;
    call->link = NULL;
    call->waiting = false;
}

static void call_link(struct sl_http1_call *call, struct sl_http1_call **at)
{
    call->next = *at;
    call->link = at;
    *at = call;
    if (call->next != NULL)
        call->next->link = &call->next;
}

static void call_wait(struct sl_http1_call *call, bool front)
{
    struct sl_http1_client *client = call->client;
    call_unlink(call);
    call_link(call, front ? &client->waiting : client->waiting_end);
    call->waiting = true;
    if (call->next == NULL)
        client->waiting_end = &call->next;
}

static void call_free(struct sl_http1_call *call)
{
    call_unlink(call);
    sl_timer_stop(&call->timer);
    sl_out_done(&call->head);
    sl_client_inbox_done(&call->inbox);
    sl_buf_unref(call->body);
    sl_free(call);
}

static void finish(struct sl_http1_call *call, enum sl_client_error error, const char *message)
{
    call_unlink(call);
    call->connection = NULL;
    call->finished = true;
    call->error = error;
    (void)snprintf(call->message, sizeof call->message, "%s", message != NULL ? message : "");
    call_link(call, &call->client->calls);
    (void)sl_timer_start(&call->timer, 0); /* it was armed or has just left its place */
}

static void tell_done(struct sl_http1_call *call)
{
    struct sl_client_response response =
        sl_client_inbox_response(&call->inbox, call->error, call->message);
    call_unlink(call);
    call->done(call->arg, &response);
    call_free(call);
}

/* ---- connections ---- */

static void assign(struct sl_http1_client *client);

static void connection_close(struct connection *connection, int status)
{
    if (connection->closing)
        return;
    connection->closing = true;
    connection->client->connection_count--;
    sl_timer_stop(&connection->idle_timer);
    sl_stream_close(connection->stream, status);
}

/* Ends the connection's call with an error and the connection with it. */
static void fail(struct connection *connection, enum sl_client_error error, const char *message)
{
    struct sl_http1_call *call = connection->call;
    connection->call = NULL;
    if (call != NULL)
        finish(call, error, message);
    connection_close(connection, UV_EPROTO);
}

/* A kept connection that the server closed while the request was on its way. */
static bool send_again(struct connection *connection)
{
    struct sl_http1_call *call = connection->call;
    if (call == NULL || !connection->used || connection->answered || call->sent_again ||
        connection->client->closing)
        return false;
    connection->call = NULL;
    call->connection = NULL;
    call->sent_again = true;
    call_wait(call, true);
    return true;
}

static void begin(struct connection *connection)
{
    struct sl_http1_call *call = connection->call;
    connection->answered = false;
    if (sl_stream_write(connection->stream, sl_out_view(&call->head), NULL) != SL_OK ||
        sl_stream_write(connection->stream, sl_buf_bytes(call->body), call->body) != SL_OK)
        fail(connection, SL_CLIENT_LOST, "cannot write");
}

/* The response is complete: the connection is free again, or ends here. */
static void end_call(struct connection *connection)
{
    struct sl_http1_call *call = connection->call;
    connection->call = NULL;
    connection->used = true;
    finish(call, SL_CLIENT_OK, "");
    uint64_t idle_ms = connection->client->options.idle_timeout_ms;
    /* After an early answer the rest of the request would be in the way. */
    if (!connection->keep || sl_stream_pending(connection->stream) > 0 ||
        !sl_http1_is_idle(&connection->parser) ||
        (idle_ms != 0 && sl_timer_start(&connection->idle_timer, idle_ms) != SL_OK))
        connection_close(connection, 0);
}

static int take_head(struct connection *connection)
{
    struct sl_client_inbox *inbox = &connection->call->inbox;
    const struct sl_http1_head *head = &connection->parser.head;
    sl_client_inbox_reset(inbox);
    inbox->status = head->status;
    connection->keep = head->keep_alive;
    int rc = SL_OK;
    for (size_t i = 0; i < head->header_count && rc == SL_OK; i++)
        rc = sl_client_inbox_header(inbox, head->headers[i].name, head->headers[i].value);
    return rc;
}

/* One event of the parser; false: the connection's call is over. */
static bool take_event(struct connection *connection, enum sl_http1_event event,
                       struct sl_bytes data)
{
    int rc = SL_OK;
    if (event == SL_HTTP1_HEAD) {
        rc = take_head(connection);
    } else if (event == SL_HTTP1_DATA) {
        rc = sl_client_inbox_body(&connection->call->inbox, data,
                                  connection->client->options.max_response);
    } else if (event == SL_HTTP1_ERROR) {
        fail(connection, SL_CLIENT_PROTOCOL, connection->parser.error.text);
        return false;
    } else if (connection->call->inbox.status >= 200 || connection->call->inbox.status == 101) {
        end_call(connection);
        return false;
    }
    if (rc == SL_OK)
        return true;
    fail(connection, rc == SL_ELIMIT ? SL_CLIENT_TOO_LARGE : SL_CLIENT_NO_MEMORY, "");
    return false;
}

static void peer_ended(struct connection *connection)
{
    struct sl_http1_call *call = connection->call;
    if (call != NULL && !send_again(connection)) {
        enum sl_http1_event event = sl_http1_end_of_input(&connection->parser);
        connection->keep = false;
        if (event == SL_HTTP1_END)
            end_call(connection);
        else
            fail(connection, SL_CLIENT_LOST, "closed by the server");
    }
    connection_close(connection, 0);
}

static void read_bytes(void *arg, struct sl_bytes bytes)
{
    struct connection *connection = arg;
    if (connection->closing)
        return;
    if (bytes.size == 0) {
        peer_ended(connection);
        return;
    }
    if (connection->call == NULL) {
        connection_close(connection, UV_EPROTO); /* an answer to no question */
        return;
    }
    connection->answered = true;
    for (;;) {
        struct sl_bytes data = {NULL, 0};
        enum sl_http1_event event = sl_http1_next(&connection->parser, &bytes, &data);
        if (event == SL_HTTP1_MORE || !take_event(connection, event, data))
            break;
    }
    if (bytes.size > 0)
        connection_close(connection, UV_EPROTO);
    assign(connection->client);
}

static void opened(void *arg)
{
    struct connection *connection = arg;
    connection->open = true;
    if (connection->closing)
        return;
    if (connection->call != NULL)
        begin(connection);
    else
        assign(connection->client);
}

static void client_free(struct sl_http1_client *client)
{
    void (*closed_fn)(void *) = client->closed;
    void *arg = client->closed_arg;
    sl_free(client);
    closed_fn(arg);
}

static void closed(void *arg, int status, const char *error)
{
    struct connection *connection = arg;
    struct sl_http1_client *client = connection->client;
    const char *text = error != NULL ? error
                       : status != 0 ? uv_strerror(status)
                                     : "closed by the server";
    if (!connection->closing) {
        connection->closing = true;
        client->connection_count--;
        sl_timer_stop(&connection->idle_timer);
    }
    if (connection->call != NULL && !send_again(connection)) {
        struct sl_http1_call *call = connection->call;
        connection->call = NULL;
        finish(call, connection->open ? SL_CLIENT_LOST : SL_CLIENT_CONNECT, text);
    }
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    sl_http1_parser_done(&connection->parser);
    sl_free(connection);
    if (!client->closing)
        assign(client);
    else if (client->connections == NULL)
        client_free(client);
}

static const struct sl_stream_events stream_events = {
    .opened = opened, .read = read_bytes, .closed = closed};

static void idle_expired(struct sl_timer *timer)
{
    struct connection *connection =
        (struct connection *)(void *)((char *)timer - offsetof(struct connection, idle_timer));
    connection_close(connection, 0);
}

static struct connection *dial(struct sl_http1_client *client)
{
    struct connection *connection = sl_calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->stream = sl_client_dial(&client->options, client->worker);
    if (connection->stream == NULL) {
        sl_free(connection);
        return NULL;
    }
    connection->client = client;
    sl_http1_parser_init(&connection->parser, SL_HTTP1_RESPONSE);
    sl_timer_init(&connection->idle_timer, client->worker, idle_expired);
    connection->next = client->connections;
    connection->link = &client->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    client->connections = connection;
    client->connection_count++;
    sl_stream_set_user(connection->stream, &stream_events, connection);
    return connection;
}

static struct connection *find_idle(struct sl_http1_client *client)
{
    struct connection *connection = client->connections;
    while (connection != NULL && (connection->call != NULL || connection->closing))
        connection = connection->next;
    return connection;
}

static void assign(struct sl_http1_client *client)
{
    while (client->waiting != NULL && !client->closing) {
        struct sl_http1_call *call = client->waiting;
        struct connection *connection = find_idle(client);
        unsigned limit = client->options.max_connections;
        if (connection == NULL && limit != 0 && client->connection_count >= limit)
            return;
        if (connection == NULL)
            connection = dial(client);
        if (connection == NULL) {
            finish(call, SL_CLIENT_NO_MEMORY, "cannot open a connection");
            continue;
        }
        call_unlink(call);
        call_link(call, &client->calls);
        call->connection = connection;
        connection->call = call;
        sl_timer_stop(&connection->idle_timer);
        if (connection->open)
            begin(connection);
    }
}

/* ---- for the user ---- */

static void give_up(struct sl_http1_call *call)
{
    struct connection *connection = call->connection;
    call->connection = NULL;
    if (connection == NULL)
        return;
    connection->call = NULL;
    connection_close(connection, UV_ECANCELED);
}

static void expired(struct sl_timer *timer)
{
    struct sl_http1_call *call =
        (struct sl_http1_call *)(void *)((char *)timer - offsetof(struct sl_http1_call, timer));
    if (call->finished) {
        tell_done(call);
        return;
    }
    bool connecting = call->connection != NULL && !call->connection->open;
    give_up(call);
    finish(call, SL_CLIENT_TIMEOUT, connecting ? "while connecting" : "");
}

/* A header must not be able to end its line. */
static bool is_clean(struct sl_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' && text.data[i] != '\t')
            return false;
    return true;
}

static void write_line(struct sl_out *out, struct sl_bytes name, struct sl_bytes value)
{
    if (!is_clean(name) || !is_clean(value))
        return;
    sl_out_bytes(out, name.data, name.size);
    sl_out_text(out, ": ");
    sl_out_bytes(out, value.data, value.size);
    sl_out_text(out, "\r\n");
}

static void write_head(struct sl_out *out, const struct sl_client_request *request)
{
    bool has_host = false;
    sl_out_text(out, "POST ");
    sl_out_bytes(out, request->path.data, request->path.size);
    sl_out_text(out, " HTTP/1.1\r\n");
    for (size_t i = 0; i < request->header_count; i++)
        has_host |= sl_bytes_is(request->headers[i].name, "host");
    if (!has_host)
        write_line(out, SL_LIT("host"), request->authority);
    for (size_t i = 0; i < request->header_count; i++)
        write_line(out, request->headers[i].name, request->headers[i].value);
    sl_out_printf(out, "content-length: %zu\r\n\r\n", request->body->size);
}

struct sl_http1_call *sl_http1_client_send(struct sl_http1_client *client,
                                           const struct sl_client_request *request,
                                           sl_client_done done, void *arg)
{
    struct sl_http1_call *call = sl_calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = client;
    call->body = sl_buf_ref(request->body);
    call->done = done;
    call->arg = arg;
    sl_timer_init(&call->timer, client->worker, expired);
    write_head(&call->head, request);
    if (call->head.failed || sl_timer_start(&call->timer, request->timeout_ms) != SL_OK) {
        call_free(call);
        return NULL;
    }
    call_wait(call, false);
    assign(client);
    return call;
}

void sl_http1_call_cancel(struct sl_http1_call *call)
{
    give_up(call);
    call_free(call);
}

struct sl_http1_client *sl_http1_client_new(struct sl_worker *worker,
                                            const struct sl_client_options *options)
{
    struct sl_http1_client *client = sl_calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->worker = worker;
    client->options = *options;
    client->waiting_end = &client->waiting;
    return client;
}

void sl_http1_client_close(struct sl_http1_client *client, void (*closed_fn)(void *arg), void *arg)
{
    client->closing = true;
    client->closed = closed_fn;
    client->closed_arg = arg;
    while (client->waiting != NULL)
        call_free(client->waiting);
    while (client->calls != NULL)
        sl_http1_call_cancel(client->calls);
    for (struct connection *c = client->connections; c != NULL; c = c->next)
        connection_close(c, 0);
    if (client->connections == NULL)
        client_free(client);
}
