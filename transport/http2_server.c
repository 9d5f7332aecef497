/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's HTTP/2 on nghttp2: frames in and out. Streams are in
 * http2_stream.c, the check of incoming frame heads in http2_head.c. What is written within one
 * turn leaves in one write.
 */
#include "transport/http2_server.h"

#include "core/alloc.h"

enum {
    STREAM_WINDOW = 1024 * 1024,
    CONNECTION_WINDOW = 8 * 1024 * 1024,
    CHECK_MS = 5000, /* how often streams are looked at for silence */
    PING_WAIT_MS = 1000
};

/* ---- writing ---- */

static bool is_finished(struct http2 *http2)
{
    return !nghttp2_session_want_read(http2->session) &&
           !nghttp2_session_want_write(http2->session);
}

static void flush(struct http2 *http2)
{
    struct sl_conn *conn = http2->conn;
    while (!conn->closing && !conn->lingering && !conn->backlogged) {
        const uint8_t *data;
        ssize_t size = nghttp2_session_mem_send(http2->session, &data);
        if (size < 0)
            sl_conn_close(conn);
        if (size <= 0)
            break;
        sl_out_bytes(&http2->out, data, (size_t)size);
        if (http2->out.failed)
            sl_conn_close(conn);
        else if (http2->out.size >= SL_STREAM_LOW_MARK)
            sl_http2_write_out(http2);
    }
    sl_http2_write_out(http2);
    bool done = is_finished(http2) || (http2->goaway_sent && http2->stream_count == 0);
    if (done && !conn->closing && !conn->backlogged)
        sl_conn_finish(conn);
}

void sl_http2_write_out(struct http2 *http2)
{
    if (http2->out.size > 0 && !http2->conn->closing)
        sl_conn_write(http2->conn, sl_out_view(&http2->out));
    sl_out_clear(&http2->out);
}

static void turn(struct sl_timer *timer)
{
    flush((struct http2 *)((char *)timer - offsetof(struct http2, turn)));
}

/* Answers that come later in a turn are gathered. */
void sl_http2_flush_soon(struct http2 *http2)
{
    if (!http2->reading && !sl_timer_armed(&http2->turn) &&
        sl_timer_start(&http2->turn, 0) != SL_OK)
        flush(http2);
}

/* ---- reading ---- */

static void http2_read(void *session, struct sl_bytes bytes)
{
    struct http2 *http2 = session;
    struct sl_conn *conn = http2->conn;
    if (bytes.size == 0) {
        sl_conn_close(conn);
        return;
    }
    http2->active_ms = sl_conn_now(conn);
    http2->reading = true;
    int rc = sl_http2_receive(http2, bytes);
    http2->reading = false;
    if (rc < 0 && rc != NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        (void)nghttp2_session_terminate_session(http2->session, rc == NGHTTP2_ERR_FLOODED
                                                                    ? NGHTTP2_ENHANCE_YOUR_CALM
                                                                    : NGHTTP2_INTERNAL_ERROR);
    flush(http2);
    if (rc < 0 && !conn->closing)
        sl_conn_finish(conn);
}

static void http2_writable(void *session)
{
    flush(session);
}

/* ---- time ---- */

static void set_due(struct http2 *http2)
{
    const struct sl_server_config *config = sl_conn_config(http2->conn);
    if (http2->conn->lingering || http2->conn->closing || http2->conn->backlogged)
        return;
    if (http2->shutdown_notice && !http2->goaway_sent)
        sl_conn_due(http2->conn, PING_WAIT_MS);
    else if (http2->stream_count > 0)
        sl_conn_due(http2->conn, CHECK_MS);
    else
        sl_conn_due(http2->conn, config->idle_timeout_ms);
}

static void send_goaway(struct http2 *http2)
{
    if (http2->goaway_sent)
        return;
    http2->goaway_sent = true;
    (void)nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(http2->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
    sl_http2_flush_soon(http2);
}

/* Two steps (RFC 9113, 6.8): first no stream is refused; after a round trip the real last one
 * is named. */
static void http2_drain(void *session)
{
    struct http2 *http2 = session;
    if (http2->shutdown_notice)
        return;
    http2->shutdown_notice = true;
    (void)nghttp2_submit_shutdown_notice(http2->session);
    (void)nghttp2_submit_ping(http2->session, NGHTTP2_FLAG_NONE, NULL);
    sl_http2_flush_soon(http2);
    set_due(http2);
}

static void http2_expired(void *session)
{
    struct http2 *http2 = session;
    const struct sl_server_config *config = sl_conn_config(http2->conn);
    uint64_t now_ms = sl_conn_now(http2->conn);
    if (http2->shutdown_notice && !http2->goaway_sent)
        send_goaway(http2);
    sl_http2_check_streams(http2, now_ms);
    bool idle = http2->stream_count == 0 && config->idle_timeout_ms != 0 &&
                now_ms - http2->active_ms >= config->idle_timeout_ms;
    if (idle && !http2->goaway_sent) {
        http2->shutdown_notice = true;
        send_goaway(http2);
    }
    set_due(http2);
}

static void http2_free(void *session)
{
    struct http2 *http2 = session;
    sl_timer_stop(&http2->turn);
    while (http2->streams != NULL)
        sl_http2_stream_free(http2->streams);
    nghttp2_session_del(http2->session);
    sl_out_done(&http2->out);
    sl_free(http2);
}

/* ---- nghttp2's calls ---- */

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *http2 = arg;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
        http2->shutdown_notice)
        send_goaway(http2);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct http2_stream *stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        sl_http2_stream_begin(stream, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        sl_http2_stream_end(stream);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        struct http2_recent *recent = sl_http2_recent(arg, frame->hd.stream_id);
        if (recent != NULL)
            recent->reset = true;
        return 0;
    }
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    struct http2_stream *stream =
        last ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
    if (stream != NULL)
        sl_http2_stream_answered(stream);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    return sl_http2_stream_new(arg, frame->hd.stream_id) == SL_OK
               ? 0
               : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *arg)
{
    (void)flags;
    (void)arg;
    struct http2_stream *stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream != NULL &&
        !sl_http2_stream_header(stream, sl_bytes(name, name_size), sl_bytes(value, value_size)))
        (void)nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *arg)
{
    (void)flags;
    (void)arg;
    struct http2_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);
    if (stream != NULL)
        sl_http2_stream_data(stream, sl_bytes(data, size));
    /* Admitted to the budget, or refused and dropped: either way the window opens again. */
    (void)nghttp2_session_consume(session, stream_id, size);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *arg)
{
    (void)code;
    struct http2 *http2 = arg;
    struct http2_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);
    if (stream != NULL)
        sl_http2_stream_free(stream);
    struct http2_recent *recent = sl_http2_recent(http2, stream_id);
    if (recent != NULL)
        recent->closed = !recent->reset;
    if (http2->stream_count == 0)
        set_due(http2);
    if (http2->goaway_sent)
        sl_http2_flush_soon(http2);
    return 0;
}

/* ---- making one ---- */

static int new_session(struct http2 *http2)
{
    nghttp2_session_callbacks *calls = NULL;
    nghttp2_option *option = NULL;
    int rc = nghttp2_session_callbacks_new(&calls);
    if (rc == 0)
        rc = nghttp2_option_new(&option);
    if (rc == 0) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame_recv);
        nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_frame_send);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_max_settings(option, 16);
        nghttp2_option_set_max_outbound_ack(option, 200);
        nghttp2_option_set_max_continuations(option, 4);
        nghttp2_option_set_stream_reset_rate_limit(option, 500, 50);
        nghttp2_option_set_no_closed_streams(option, 1);
        rc = nghttp2_session_server_new2(&http2->session, calls, http2, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(calls);
    return rc == 0 ? SL_OK : SL_ENOMEM;
}

static int first_frames(struct http2 *http2)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
         sl_conn_config(http2->conn)->max_concurrent_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_MAX_HEADER_BYTES},
    };
    int rc = nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);
    if (rc == 0)
        rc = nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
                                                   CONNECTION_WINDOW);
    return rc == 0 ? SL_OK : SL_ENOMEM;
}

static const struct sl_session_ops session_ops = {
    .read = http2_read,
    .writable = http2_writable,
    .drain = http2_drain,
    .expired = http2_expired,
    .free = http2_free,
};

int sl_http2_session(struct sl_conn *conn)
{
    struct http2 *http2 = sl_calloc(1, sizeof *http2);
    if (http2 == NULL)
        return SL_ENOMEM;
    http2->conn = conn;
    http2->active_ms = sl_conn_now(conn);
    http2->frame_left = NGHTTP2_CLIENT_MAGIC_LEN;
    sl_timer_init(&http2->turn, conn->stream->worker, turn);
    if (new_session(http2) != SL_OK || first_frames(http2) != SL_OK) {
        nghttp2_session_del(http2->session);
        sl_free(http2);
        return SL_ENOMEM;
    }
    conn->ops = &session_ops;
    conn->session = http2;
    sl_http2_flush_soon(http2);
    set_due(http2);
    return SL_OK;
}
