/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 client on nghttp2: calls, which wait or are a stream, and connections.
 * Callbacks of nghttp2 find a call by its stream id, never by a pointer, as a
 * call may be cancelled while nghttp2 still holds its stream. */
#include "transport/client_http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "core/alloc.h"

/* SILENCE_MS: without a byte for this long under a request a connection counts as dead. */
enum { MAX_RETRIES = 3, HIGH_MARK = 1024 * 1024, FIXED_HEADERS = 4, SILENCE_MS = 1000 };

struct connection;

struct call_list {
    struct sl_http2_call *first, **end;
    size_t count;
};

struct sl_http2_call {
    struct sl_http2_call *next, **link;
    struct call_list *list; /* waiting or finished of the client, active of a connection */
    struct sl_http2_client *client;
    struct connection *connection; /* while active */
    int32_t stream_id;
    nghttp2_nv *fields; /* in arena */
    size_t field_count;
    struct sl_arena arena;
    struct sl_buf *body;
    size_t sent;
    unsigned retries;
    bool ended, finished;
    struct sl_timer timer; /* the timeout; then, with delay 0, what calls done */
    uint64_t started_ms;
    struct sl_client_inbox inbox;
    enum sl_client_error error;
    char message[160];
    sl_client_done done;
    void *arg;
};

struct connection {
    struct connection *next, **link;
    struct sl_http2_client *client;
    struct sl_stream *stream;
    nghttp2_session *session; /* NULL until opened */
    struct call_list active;
    bool busy, going, closing; /* inside nghttp2; after GOAWAY; close was asked for */
    uint64_t last_read_ms;     /* before the first: when it was dialed, then opened */
    uint64_t awaited_ms;       /* since when bytes have been due; 0: nothing was asked */
};

struct sl_http2_client {
    struct sl_worker *worker;
    struct sl_client_options options;
    nghttp2_session_callbacks *callbacks;
    struct call_list waiting, finished;
    struct connection *connections, *current;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- lists of calls ---- */

static void list_init(struct call_list *list)
{
    *list = (struct call_list){.end = &list->first};
}

static void list_insert(struct call_list *list, struct sl_http2_call **at,
                        struct sl_http2_call *call)
{
    call->next = *at;
    call->link = at;
    call->list = list;
    *at = call;
    if (call->next != NULL)
        call->next->link = &call->next;
    else
        list->end = &call->next;
    list->count++;
}

static void list_remove(struct sl_http2_call *call)
{
    struct call_list *list = call->list;
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    else
        list->end = call->link;
    list->count--;
    call->list = NULL;
}

/* ---- the end of a call ---- */

static void call_free(struct sl_http2_call *call)
{
    if (call->list != NULL)
        list_remove(call);
    sl_timer_stop(&call->timer);
    sl_arena_done(&call->arena);
    sl_client_inbox_done(&call->inbox);
    sl_buf_unref(call->body);
    sl_free(call);
}

/* Off its connection; done is called on a later turn, as the caller may be deep
 * inside nghttp2 or in the user's own call. */
static void finish(struct sl_http2_call *call, enum sl_client_error error, const char *message)
{
    struct sl_http2_client *client = call->client;
    if (call->list != NULL)
        list_remove(call);
    call->connection = NULL;
    call->finished = true;
    call->error = error;
    (void)snprintf(call->message, sizeof call->message, "%s", message != NULL ? message : "");
    list_insert(&client->finished, client->finished.end, call);
    (void)sl_timer_start(&call->timer, 0); /* it was armed or has just left its place */
}

static void finish_all(struct call_list *list, enum sl_client_error error, const char *message)
{
    while (list->first != NULL)
        finish(list->first, error, message);
}

static void tell_done(struct sl_http2_call *call)
{
    struct sl_client_response response =
        sl_client_inbox_response(&call->inbox, call->error, call->message);
    list_remove(call);
    call->done(call->arg, &response);
    call_free(call);
}

/* ---- connections ---- */

static void assign(struct sl_http2_client *client);

static void connection_close(struct connection *connection, int status)
{
    if (connection->client->current == connection)
        connection->client->current = NULL;
    connection->going = true;
    if (connection->closing)
        return;
    connection->closing = true;
    sl_stream_close(connection->stream, status);
}

/* Writes what nghttp2 has to say. */
static void flush(struct connection *connection)
{
    if (connection->busy || connection->session == NULL || connection->closing)
        return;
    connection->busy = true;
    int rc = nghttp2_session_send(connection->session);
    connection->busy = false;
    if (rc != 0)
        connection_close(connection, rc == NGHTTP2_ERR_NOMEM ? UV_ENOMEM : UV_EIO);
    else if (!nghttp2_session_want_read(connection->session) &&
             !nghttp2_session_want_write(connection->session))
        connection_close(connection, 0);
}

static struct sl_http2_call *find_call(const struct connection *connection, int32_t stream_id)
{
    struct sl_http2_call *call = connection->active.first;
    while (call != NULL && call->stream_id != stream_id)
        call = call->next;
    return call;
}

/* The peer has not processed it: in front of those that wait, or given up. */
static void send_again(struct sl_http2_call *call)
{
    struct sl_http2_client *client = call->client;
    if (++call->retries > MAX_RETRIES || client->closing) {
        finish(call, SL_CLIENT_REFUSED, "the server refuses streams");
        return;
    }
    list_remove(call);
    call->connection = NULL;
    call->stream_id = 0;
    call->sent = 0;
    call->ended = false;
    sl_client_inbox_reset(&call->inbox);
    list_insert(&client->waiting, &client->waiting.first, call);
}

/* ---- what nghttp2 calls ---- */

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t length, int flags,
                       void *user)
{
    struct connection *connection = user;
    (void)session;
    (void)flags;
    if (sl_stream_pending(connection->stream) >= HIGH_MARK)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (sl_stream_write(connection->stream, sl_bytes(data, length), NULL) != SL_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return (ssize_t)length;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *room,
                            size_t length, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)room;
    (void)source;
    struct sl_http2_call *call = find_call(user, stream_id);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t left = call->body->size - call->sent;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (left <= length)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)(left < length ? left : length);
}

/* A DATA frame: its 9 bytes copied, its payload by reference. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user)
{
    struct connection *connection = user;
    (void)session;
    (void)source;
    struct sl_http2_call *call = find_call(connection, frame->hd.stream_id);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (sl_stream_pending(connection->stream) >= HIGH_MARK)
        return NGHTTP2_ERR_WOULDBLOCK;
    struct sl_bytes slice = sl_bytes(call->body->data + call->sent, length);
    if (sl_stream_write(connection->stream, sl_bytes(head, 9), NULL) != SL_OK ||
        sl_stream_write(connection->stream, slice, call->body) != SL_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    call->sent += length;
    return 0;
}

static int keep(struct sl_http2_call *call, int status)
{
    if (status == SL_OK)
        return 0;
    call->error = status == SL_ELIMIT ? SL_CLIENT_TOO_LARGE : SL_CLIENT_NO_MEMORY;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    (void)session;
    (void)flags;
    struct sl_http2_call *call = find_call(user, frame->hd.stream_id);
    if (call == NULL || frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct sl_bytes key = sl_bytes(name, name_size), text = sl_bytes(value, value_size);
    if (!sl_bytes_is(key, ":status"))
        return keep(call, sl_client_inbox_header(&call->inbox, key, text));
    int64_t status = 0;
    sl_client_inbox_reset(&call->inbox); /* an interim response came before */
    if (sl_bytes_to_int64(text, &status) && status >= 100 && status <= 999)
        call->inbox.status = (int)status;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t length, void *user)
{
    (void)flags;
    struct sl_http2_call *call = find_call(user, stream_id);
    if (call == NULL)
        return 0;
    if (keep(call, sl_client_inbox_body(&call->inbox, sl_bytes(data, length),
                                        call->client->options.max_response)) != 0)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_CANCEL);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct connection *connection = user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        connection->going = true;
        if (connection->client->current == connection)
            connection->client->current = NULL;
    }
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    struct sl_http2_call *call = ends ? find_call(connection, frame->hd.stream_id) : NULL;
    if (call == NULL)
        return 0;
    call->ended = true;
    /* An answer before the request was read: no need to send the rest of it. */
    if (call->sent < call->body->size)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_CANCEL);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
    (void)session;
    struct sl_http2_call *call = find_call(user, stream_id);
    if (call == NULL)
        return 0;
    char message[80] = "";
    if (call->error != SL_CLIENT_OK) {
        finish(call, call->error, "");
    } else if (call->ended) {
        bool whole = call->inbox.status >= 200;
        finish(call, whole ? SL_CLIENT_OK : SL_CLIENT_PROTOCOL, whole ? "" : "no final status");
    } else if (code == NGHTTP2_REFUSED_STREAM) {
        send_again(call);
    } else {
        (void)snprintf(message, sizeof message, "the stream was reset: %s",
                       nghttp2_http2_strerror(code));
        finish(call, SL_CLIENT_LOST, message);
    }
    return 0;
}

/* Request headers that could not be sent any more, for example after GOAWAY. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int code, void *user)
{
    (void)session;
    (void)code;
    struct sl_http2_call *call = find_call(user, frame->hd.stream_id);
    if (call != NULL && frame->hd.type == NGHTTP2_HEADERS)
        send_again(call);
    return 0;
}

static bool make_callbacks(struct sl_http2_client *client)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    client->callbacks = callbacks;
    return true;
}

/* ---- what the stream calls ---- */

static void opened(void *arg)
{
    struct connection *connection = arg;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, SL_CLIENT_MAX_HEAD},
    };
    connection->last_read_ms = sl_worker_now_ms(connection->client->worker);
    if (connection->closing)
        return;
    if (nghttp2_session_client_new(&connection->session, connection->client->callbacks,
                                   connection) != 0 ||
        nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2) != 0) {
        connection_close(connection, UV_ENOMEM);
        return;
    }
    assign(connection->client);
    flush(connection);
}

static void read_bytes(void *arg, struct sl_bytes bytes)
{
    struct connection *connection = arg;
    if (connection->closing || connection->session == NULL)
        return;
    if (bytes.size == 0) {
        connection_close(connection, 0);
        return;
    }
    connection->last_read_ms = sl_worker_now_ms(connection->client->worker);
    connection->busy = true;
    ssize_t rc = nghttp2_session_mem_recv(connection->session, bytes.data, bytes.size);
    connection->busy = false;
    connection->awaited_ms = connection->active.first != NULL ? connection->last_read_ms : 0;
    if (rc < 0) {
        /* Not HTTP/2, or a violation: nghttp2 has its GOAWAY to say first. */
        (void)nghttp2_session_terminate_session(connection->session, NGHTTP2_PROTOCOL_ERROR);
        flush(connection);
        connection_close(connection, UV_EPROTO);
        return;
    }
    flush(connection);
    assign(connection->client);
}

static void writable(void *arg)
{
    flush(arg);
}

static void client_free(struct sl_http2_client *client)
{
    void (*closed_fn)(void *) = client->closed;
    void *arg = client->closed_arg;
    nghttp2_session_callbacks_del(client->callbacks);
    sl_free(client);
    closed_fn(arg);
}

static void closed(void *arg, int status, const char *error)
{
    struct connection *connection = arg;
    struct sl_http2_client *client = connection->client;
    const char *text = error != NULL ? error
                       : status != 0 ? uv_strerror(status)
                                     : "closed by the server";
    bool never_opened = connection->session == NULL;
    if (client->current == connection)
        client->current = NULL;
    finish_all(&connection->active, SL_CLIENT_LOST, text);
    if (never_opened)
        finish_all(&client->waiting, SL_CLIENT_CONNECT, text);
    nghttp2_session_del(connection->session);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    sl_free(connection);
    if (!client->closing)
        assign(client);
    else if (client->connections == NULL)
        client_free(client);
}

static const struct sl_stream_events stream_events = {
    .opened = opened, .read = read_bytes, .writable = writable, .closed = closed};

static bool dial(struct sl_http2_client *client)
{
    struct connection *connection = sl_calloc(1, sizeof *connection);
    if (connection == NULL)
        return false;
    connection->stream = sl_client_dial(&client->options, client->worker);
    if (connection->stream == NULL) {
        sl_free(connection);
        return false;
    }
    connection->client = client;
    connection->last_read_ms = sl_worker_now_ms(client->worker);
    list_init(&connection->active);
    connection->next = client->connections;
    connection->link = &client->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    client->connections = client->current = connection;
    sl_stream_set_user(connection->stream, &stream_events, connection);
    return true;
}

/* ---- calls ---- */

static void submit(struct connection *connection, struct sl_http2_call *call)
{
    nghttp2_data_provider body = {.read_callback = on_read_body};
    int32_t id = nghttp2_submit_request(connection->session, NULL, call->fields, call->field_count,
                                        call->body->size > 0 ? &body : NULL, NULL);
    if (id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE) {
        connection->going = true; /* used up: the next connection takes the call */
        connection->client->current = NULL;
        return;
    }
    if (id < 0) {
        finish(call, SL_CLIENT_NO_MEMORY, "");
        return;
    }
    list_remove(call);
    call->stream_id = id;
    call->connection = connection;
    list_insert(&connection->active, connection->active.end, call);
    if (connection->awaited_ms == 0)
        connection->awaited_ms = sl_worker_now_ms(connection->client->worker);
}

/* Gives calls that wait to the connection, and makes one when there is none. */
static void assign(struct sl_http2_client *client)
{
    while (client->waiting.first != NULL && !client->closing) {
        struct connection *connection = client->current;
        if (connection == NULL) {
            if (!dial(client))
                finish_all(&client->waiting, SL_CLIENT_NO_MEMORY, "cannot open a connection");
            return;
        }
        if (connection->session == NULL || connection->busy)
            return;
        uint32_t limit = nghttp2_session_get_remote_settings(
            connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        while (client->waiting.first != NULL && client->current == connection &&
               connection->active.count < limit)
            submit(connection, client->waiting.first);
        flush(connection);
        if (client->current == connection)
            return;
    }
}

static void give_up(struct sl_http2_call *call)
{
    struct connection *connection = call->connection;
    if (connection == NULL || connection->session == NULL)
        return;
    list_remove(call);
    call->connection = NULL;
    (void)nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
    flush(connection);
}

static void expired(struct sl_timer *timer)
{
    struct sl_http2_call *call =
        (struct sl_http2_call *)(void *)((char *)timer - offsetof(struct sl_http2_call, timer));
    if (call->finished) {
        tell_done(call);
        return;
    }
    uint64_t now_ms = sl_worker_now_ms(call->client->worker);
    struct connection *connection = call->connection;
    bool silent = connection != NULL && connection->last_read_ms < call->started_ms &&
                  now_ms - connection->awaited_ms >= SILENCE_MS;
    struct connection *current = call->client->current;
    bool connecting = connection == NULL && current != NULL && current->session == NULL;
    give_up(call);
    /* Not a byte came all the time: the connection is as good as dead. A short timeout alone
     * says nothing about it, and others wait there for their answers. */
    if (silent)
        connection_close(connection, UV_ETIMEDOUT);
    /* One that never opens (the system would go on trying for minutes, ever more rarely) or
     * takes no stream. */
    if (connection == NULL && current != NULL && current->active.first == NULL &&
        now_ms - current->last_read_ms >= SILENCE_MS)
        connection_close(current, UV_ETIMEDOUT);
    finish(call, SL_CLIENT_TIMEOUT, connecting ? "while connecting" : "");
}

static bool add_field(struct sl_http2_call *call, struct sl_bytes name, struct sl_bytes value)
{
    struct sl_bytes n = sl_arena_copy(&call->arena, name);
    struct sl_bytes v = sl_arena_copy(&call->arena, value);
    if (n.data == NULL || v.data == NULL)
        return false;
    call->fields[call->field_count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)n.data,
                                                     .namelen = n.size,
                                                     .value = (uint8_t *)(uintptr_t)v.data,
                                                     .valuelen = v.size};
    return true;
}

static bool fill(struct sl_http2_call *call, const struct sl_client_request *request)
{
    call->fields =
        sl_arena_calloc(&call->arena, request->header_count + FIXED_HEADERS, sizeof *call->fields);
    if (call->fields == NULL || !add_field(call, SL_LIT(":method"), SL_LIT("POST")) ||
        !add_field(call, SL_LIT(":scheme"), SL_LIT("http")) ||
        !add_field(call, SL_LIT(":authority"), request->authority) ||
        !add_field(call, SL_LIT(":path"), request->path))
        return false;
    for (size_t i = 0; i < request->header_count; i++)
        if (!add_field(call, request->headers[i].name, request->headers[i].value))
            return false;
    return true;
}

struct sl_http2_call *sl_http2_client_send(struct sl_http2_client *client,
                                           const struct sl_client_request *request,
                                           sl_client_done done, void *arg)
{
    struct sl_http2_call *call = sl_calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = client;
    call->body = sl_buf_ref(request->body);
    call->done = done;
    call->arg = arg;
    call->started_ms = sl_worker_now_ms(client->worker);
    sl_timer_init(&call->timer, client->worker, expired);
    if (!fill(call, request) || sl_timer_start(&call->timer, request->timeout_ms) != SL_OK) {
        call_free(call);
        return NULL;
    }
    list_insert(&client->waiting, client->waiting.end, call);
    assign(client);
    return call;
}

void sl_http2_call_cancel(struct sl_http2_call *call)
{
    give_up(call);
    call_free(call);
}

/* ---- the client ---- */

struct sl_http2_client *sl_http2_client_new(struct sl_worker *worker,
                                            const struct sl_client_options *options)
{
    struct sl_http2_client *client = sl_calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->worker = worker;
    client->options = *options;
    list_init(&client->waiting);
    list_init(&client->finished);
    if (!make_callbacks(client)) {
        sl_free(client);
        return NULL;
    }
    return client;
}

static void free_all(struct call_list *list)
{
    while (list->first != NULL)
        call_free(list->first);
}

void sl_http2_client_close(struct sl_http2_client *client, void (*closed_fn)(void *arg), void *arg)
{
    client->closing = true;
    client->closed = closed_fn;
    client->closed_arg = arg;
    free_all(&client->waiting);
    free_all(&client->finished);
    for (struct connection *c = client->connections; c != NULL; c = c->next) {
        free_all(&c->active);
        connection_close(c, 0);
    }
    if (client->connections == NULL)
        client_free(client);
}
