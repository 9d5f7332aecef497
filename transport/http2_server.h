/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_HTTP2_SERVER_H
#define SL_TRANSPORT_HTTP2_SERVER_H

#include <nghttp2/nghttp2.h>

#include "core/arena.h"
#include "transport/session.h"

/* Inside of the server's HTTP/2. */
enum {
    HTTP2_MAX_HEADER_BYTES = 16 * 1024, /* names, values and 32 each; more is answered 431 */
    HTTP2_MAX_HEADERS = 100,
    HTTP2_HEADER_ABUSE = 256 * 1024, /* more ends the connection */
    HTTP2_MAX_DISCARD = 256 * 1024,  /* of a body after its answer; then the stream is reset */
    HTTP2_RECENT = 128               /* streams begun that are remembered */
};

/* What is known of a stream after nghttp2 has forgotten it. */
struct http2_recent {
    int32_t id;
    bool reset;  /* by us: the client's frames may still be under way */
    bool closed; /* by both sides, or reset by the client: nothing may follow */
};

struct http2 {
    struct sl_conn *conn;
    nghttp2_session *session;
    struct sl_out out; /* written at the end of the turn */
    struct sl_timer turn;
    struct http2_stream *streams;
    size_t stream_count;
    int32_t highest_id;
    struct http2_recent recent[HTTP2_RECENT];
    unsigned recent_next;
    uint8_t head[9]; /* of the incoming frame; nghttp2 gets it whole */
    unsigned head_size;
    uint32_t frame_left; /* bytes until the next head */
    uint64_t active_ms;  /* when bytes last came */
    bool reading, shutdown_notice, goaway_sent;
};

struct http2_stream {
    struct http2 *http2;
    struct http2_stream *next, **link;
    int32_t id;
    struct sl_exchange *exchange; /* NULL: not begun, or answered */
    struct sl_arena arena;        /* the request's head, then the answer's */
    struct sl_header *headers;
    size_t header_count, header_bytes;
    struct sl_bytes method, path;
    uint64_t active_ms;
    bool too_large, begun, ended;
    /* the answer */
    bool grpc;
    struct sl_out body;
    size_t sent, discarded;
    bool answer_sent, reset;
};

/* Gives the bytes to nghttp2. 0, or nghttp2's error: nothing more is read then. */
int sl_http2_receive(struct http2 *http2, struct sl_bytes bytes);
/* NULL: forgotten, or never begun. */
struct http2_recent *sl_http2_recent(struct http2 *http2, int32_t id);
void sl_http2_write_out(struct http2 *http2);
void sl_http2_flush_soon(struct http2 *http2);

int sl_http2_stream_new(struct http2 *http2, int32_t id);
/* Detaches the exchange and frees the stream. */
void sl_http2_stream_free(struct http2_stream *stream);
/* false: so many bytes that the connection should end. */
bool sl_http2_stream_header(struct http2_stream *stream, struct sl_bytes name,
                            struct sl_bytes value);
void sl_http2_stream_begin(struct http2_stream *stream, bool no_body);
/* The answer has left. */
void sl_http2_stream_answered(struct http2_stream *stream);
void sl_http2_stream_data(struct http2_stream *stream, struct sl_bytes bytes);
void sl_http2_stream_end(struct http2_stream *stream);
/* Resets streams whose body has been silent for too long. */
void sl_http2_check_streams(struct http2 *http2, uint64_t now_ms);

#endif
