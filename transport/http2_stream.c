/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of the server's HTTP/2: the head with limits that nghttp2 does not
 * enforce, the body, and the answer with data and trailers.
 */
#include "core/alloc.h"
#include "transport/http2_server.h"

int sl_http2_stream_new(struct http2 *http2, int32_t id)
{
    struct http2_stream *stream = sl_calloc(1, sizeof *stream);
    if (stream == NULL)
        return SL_ENOMEM;
    stream->http2 = http2;
    stream->id = id;
    stream->active_ms = sl_conn_now(http2->conn);
    stream->next = http2->streams;
    stream->link = &http2->streams;
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    http2->streams = stream;
    if (http2->stream_count++ == 0)
        sl_conn_due(http2->conn, sl_conn_config(http2->conn)->header_timeout_ms);
    (void)nghttp2_session_set_stream_user_data(http2->session, id, stream);
    return SL_OK;
}

void sl_http2_stream_free(struct http2_stream *stream)
{
    struct http2 *http2 = stream->http2;
    if (stream->exchange != NULL)
        sl_exchange_abandon(http2->conn, stream->exchange);
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    http2->stream_count--;
    (void)nghttp2_session_set_stream_user_data(http2->session, stream->id, NULL);
    sl_arena_done(&stream->arena);
    sl_out_done(&stream->body);
    sl_free(stream);
}

/* ---- the request ---- */

bool sl_http2_stream_header(struct http2_stream *stream, struct sl_bytes name,
                            struct sl_bytes value)
{
    stream->header_bytes += name.size + value.size + 32;
    if (stream->begun) /* trailers are dropped */
        return stream->header_bytes <= HTTP2_HEADER_ABUSE;
    if (stream->header_bytes > HTTP2_MAX_HEADER_BYTES ||
        stream->header_count == HTTP2_MAX_HEADERS) {
        stream->too_large = true;
        return stream->header_bytes <= HTTP2_HEADER_ABUSE;
    }
    if (stream->headers == NULL)
        stream->headers =
            sl_arena_alloc(&stream->arena, HTTP2_MAX_HEADERS * sizeof *stream->headers);
    struct sl_header header = {sl_arena_copy(&stream->arena, name),
                               sl_arena_copy(&stream->arena, value)};
    if (stream->headers == NULL || header.name.data == NULL || header.value.data == NULL)
        return false;
    if (sl_bytes_is(name, ":method"))
        stream->method = header.value;
    else if (sl_bytes_is(name, ":path"))
        stream->path = header.value;
    else
        stream->headers[stream->header_count++] = header;
    return true;
}

static void respond(struct sl_exchange *exchange, const struct sl_response *response);
static const struct sl_exchange_ops exchange_ops = {.respond = respond};

/* "application/grpc", with "+proto" or parameters after it; not "application/grpc-web". */
static bool is_grpc(struct sl_bytes type)
{
    static const size_t size = sizeof "application/grpc" - 1;
    if (type.size < size ||
        !sl_bytes_equal_nocase(sl_bytes(type.data, size), SL_LIT("application/grpc")))
        return false;
    return type.size == size || type.data[size] == '+' || type.data[size] == ';' ||
           type.data[size] == ' ';
}

static void fill(struct sl_exchange *exchange, const struct http2_stream *stream, bool no_body)
{
    exchange->method = stream->method;
    exchange->headers = stream->headers;
    exchange->header_count = stream->header_count;
    exchange->content_type = sl_exchange_header(exchange, "content-type");
    exchange->content_encoding = sl_exchange_header(exchange, "content-encoding");
    exchange->http2 = true;
    exchange->grpc = is_grpc(exchange->content_type);
    int64_t length;
    exchange->has_length =
        sl_bytes_to_int64(sl_exchange_header(exchange, "content-length"), &length) && length >= 0;
    if (exchange->has_length)
        exchange->content_length = (uint64_t)length;
    if (no_body) {
        exchange->has_length = true;
        exchange->content_length = 0;
    }
    sl_exchange_set_target(exchange, stream->path);
}

static void refuse(struct http2_stream *stream, int status)
{
    char text[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    nghttp2_nv nv = {
        .name = (uint8_t *)":status", .value = (uint8_t *)text, .namelen = 7, .valuelen = 3};
    (void)nghttp2_submit_response(stream->http2->session, stream->id, &nv, 1, NULL);
}

void sl_http2_stream_begin(struct http2_stream *stream, bool no_body)
{
    struct http2 *http2 = stream->http2;
    stream->begun = true;
    if (stream->too_large) {
        refuse(stream, 431);
        return;
    }
    struct sl_exchange *exchange = sl_exchange_new(http2->conn, &exchange_ops, stream);
    if (exchange == NULL) {
        (void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_INTERNAL_ERROR);
        return;
    }
    fill(exchange, stream, no_body);
    stream->exchange = exchange;
    sl_exchange_offer(http2->conn, exchange);
    if (stream->exchange != NULL)
        sl_exchange_begin(http2->conn, exchange);
}

/* The client may stop sending (RFC 9113, 8.1). Not at once: some clients take a
 * reset that meets the last of their upload for a failure, although the answer is there. */
static void reset_if_large(struct http2_stream *stream)
{
    if (stream->ended || stream->reset || !stream->answer_sent ||
        stream->discarded <= HTTP2_MAX_DISCARD)
        return;
    stream->reset = true;
    (void)nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id,
                                    NGHTTP2_NO_ERROR);
}

void sl_http2_stream_answered(struct http2_stream *stream)
{
    stream->answer_sent = true;
    reset_if_large(stream);
}

void sl_http2_stream_data(struct http2_stream *stream, struct sl_bytes bytes)
{
    stream->active_ms = stream->http2->active_ms;
    if (stream->exchange != NULL) {
        sl_exchange_receive(stream->http2->conn, stream->exchange, bytes);
        return;
    }
    stream->discarded += bytes.size;
    reset_if_large(stream);
}

void sl_http2_stream_end(struct http2_stream *stream)
{
    stream->ended = true;
    if (stream->exchange != NULL && !stream->exchange->complete)
        sl_exchange_end(stream->http2->conn, stream->exchange);
}

void sl_http2_check_streams(struct http2 *http2, uint64_t now_ms)
{
    uint64_t wait_ms = sl_conn_config(http2->conn)->body_timeout_ms;
    for (struct http2_stream *s = http2->streams; s != NULL; s = s->next) {
        if (wait_ms == 0 || s->ended || now_ms - s->active_ms < wait_ms)
            continue;
        s->ended = true;
        if (s->exchange != NULL)
            sl_exchange_abandon(http2->conn, s->exchange);
        s->exchange = NULL;
        (void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, s->id,
                                        s->answer_sent ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    }
    sl_http2_flush_soon(http2);
}

/* ---- the answer ---- */

struct fields {
    struct sl_arena *arena;
    nghttp2_nv list[24];
    size_t count;
    bool failed;
};

static void add(struct fields *fields, const char *name, struct sl_bytes value)
{
    if (fields->count == sizeof fields->list / sizeof fields->list[0])
        return;
    fields->list[fields->count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                                                 .value = (uint8_t *)(uintptr_t)value.data,
                                                 .namelen = strlen(name),
                                                 .valuelen = value.size};
}

static void add_number(struct fields *fields, const char *name, size_t number)
{
    const char *text = sl_arena_printf(fields->arena, "%zu", number);
    fields->failed |= text == NULL;
    if (text != NULL)
        add(fields, name, sl_text(text));
}

static void add_more(struct fields *fields, const struct sl_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        struct sl_bytes name = sl_arena_copy(fields->arena, response->headers[i].name);
        fields->failed |= name.data == NULL;
        if (name.data == NULL)
            return;
        uint8_t *letters = (uint8_t *)(uintptr_t)name.data;
        for (size_t j = 0; j < name.size; j++)
            if (letters[j] >= 'A' && letters[j] <= 'Z')
                letters[j] |= 0x20;
        add(fields, (const char *)name.data, response->headers[i].value);
    }
}

static void add_coded(struct fields *fields, const char *name, struct sl_bytes value,
                      void (*code)(struct sl_bytes, struct sl_out *))
{
    struct sl_out out = {0};
    code(value, &out);
    struct sl_bytes copy = sl_arena_copy(fields->arena, sl_out_view(&out));
    fields->failed |= out.failed || copy.data == NULL;
    sl_out_done(&out);
    add(fields, name, copy);
}

static void add_grpc_status(struct fields *fields, const struct sl_response *response)
{
    add_number(fields, "grpc-status", (size_t)response->grpc_status);
    if (response->grpc_message.size > 0)
        add_coded(fields, "grpc-message", response->grpc_message, sl_grpc_message_write);
    if (response->grpc_details.size > 0)
        add_coded(fields, "grpc-status-details-bin", response->grpc_details, sl_grpc_bin_write);
}

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)arg;
    struct http2_stream *stream = source->ptr;
    size_t size = stream->body.size - stream->sent;
    if (size > room)
        size = room;
    if (size > 0)
        memcpy(to, stream->body.data + stream->sent, size);
    stream->sent += size;
    if (stream->sent < stream->body.size)
        return (ssize_t)size;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->grpc) {
        nghttp2_nv status = {.name = (uint8_t *)"grpc-status",
                             .value = (uint8_t *)"0",
                             .namelen = 11,
                             .valuelen = 1};
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, &status, 1) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)size;
}

static void set_body(struct http2_stream *stream, struct sl_bytes body)
{
    if (stream->grpc) {
        uint8_t prefix[SL_GRPC_PREFIX];
        sl_grpc_write_prefix(prefix, false, (uint32_t)body.size);
        sl_out_bytes(&stream->body, prefix, sizeof prefix);
    }
    sl_out_bytes(&stream->body, body.data, body.size);
}

static void add_plain(struct fields *fields, const struct sl_response *response)
{
    add_number(fields, ":status", (size_t)response->status);
    if (response->content_type.size > 0)
        add(fields, "content-type", response->content_type);
    add_number(fields, "content-length", response->body.size);
}

static void respond(struct sl_exchange *exchange, const struct sl_response *response)
{
    struct http2_stream *stream = exchange->session;
    struct http2 *http2 = stream->http2;
    struct fields fields = {.arena = &stream->arena};
    bool head = sl_bytes_is(stream->method, "HEAD");
    stream->exchange = NULL;
    if (response->grpc) {
        add(&fields, ":status", SL_LIT("200"));
        add(&fields, "content-type", SL_LIT("application/grpc"));
        add_more(&fields, response);
        stream->grpc = response->grpc_status == 0;
        if (!stream->grpc)
            add_grpc_status(&fields, response);
    } else {
        add_plain(&fields, response);
        add_more(&fields, response);
    }
    if (stream->grpc || (!response->grpc && response->body.size > 0 && !head))
        set_body(stream, response->body);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = give_body};
    int rc = NGHTTP2_ERR_NOMEM;
    if (!fields.failed && !stream->body.failed)
        rc = nghttp2_submit_response(http2->session, stream->id, fields.list, fields.count,
                                     stream->body.size > 0 ? &provider : NULL);
    if (rc != 0)
        (void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id,
                                        NGHTTP2_INTERNAL_ERROR);
    sl_http2_flush_soon(http2);
}
