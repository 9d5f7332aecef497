/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heads of incoming HTTP/2 frames. nghttp2 drops HEADERS and DATA for closed
 * streams without a word; RFC 9113 asks for a connection error unless we have reset
 * the stream (5.1), and for one when a stream number goes back (5.1.1).
 */
#include "transport/http2_server.h"

struct http2_recent *sl_http2_recent(struct http2 *http2, int32_t id)
{
    for (unsigned i = 1; i <= HTTP2_RECENT; i++) { /* the newest first */
        struct http2_recent *recent = &http2->recent[(http2->recent_next - i) % HTTP2_RECENT];
        if (recent->id == id)
            return recent;
    }
    return NULL;
}

/* DATA for a stream long forgotten may belong to an upload that was reset. */
static uint32_t error_of_closed(struct http2 *http2, int32_t id, bool headers)
{
    const struct http2_recent *recent = sl_http2_recent(http2, id);
    if (recent != NULL)
        return recent->closed ? NGHTTP2_STREAM_CLOSED : NGHTTP2_NO_ERROR;
    return headers ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_NO_ERROR;
}

static uint32_t error_of_head(struct http2 *http2, uint8_t type, int32_t id)
{
    bool headers = type == NGHTTP2_HEADERS;
    if ((!headers && type != NGHTTP2_DATA) || id % 2 == 0)
        return NGHTTP2_NO_ERROR;
    if (id <= http2->highest_id)
        return nghttp2_session_get_stream_user_data(http2->session, id) != NULL
                   ? NGHTTP2_NO_ERROR
                   : error_of_closed(http2, id, headers);
    if (headers) {
        http2->highest_id = id;
        http2->recent[http2->recent_next++ % HTTP2_RECENT] = (struct http2_recent){.id = id};
    }
    return NGHTTP2_NO_ERROR;
}

static int feed(struct http2 *http2, const uint8_t *data, size_t size)
{
    ssize_t used = nghttp2_session_mem_recv(http2->session, data, size);
    return used < 0 ? (int)used : 0;
}

/* All bytes before the head have been seen by nghttp2, so that its streams are up to date. */
static int take_head(struct http2 *http2)
{
    const uint8_t *head = http2->head;
    uint32_t id = (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 |
                  (uint32_t)head[7] << 8 | head[8];
    uint32_t error = error_of_head(http2, head[3], (int32_t)id);
    if (error != NGHTTP2_NO_ERROR) {
        (void)nghttp2_session_terminate_session(http2->session, error);
        return NGHTTP2_ERR_CALLBACK_FAILURE; /* nothing that follows is read */
    }
    http2->frame_left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    http2->head_size = 0;
    return feed(http2, head, sizeof http2->head);
}

int sl_http2_receive(struct http2 *http2, struct sl_bytes bytes)
{
    int rc = 0;
    while (rc == 0 && bytes.size > 0 && !http2->conn->closing) {
        size_t size = http2->frame_left;
        bool in_head = size == 0;
        if (in_head)
            size = sizeof http2->head - http2->head_size;
        if (size > bytes.size)
            size = bytes.size;
        if (in_head) {
            memcpy(http2->head + http2->head_size, bytes.data, size);
            http2->head_size += (unsigned)size;
            if (http2->head_size == sizeof http2->head)
                rc = take_head(http2);
        } else {
            http2->frame_left -= (uint32_t)size;
            rc = feed(http2, bytes.data, size);
        }
        bytes = sl_bytes(bytes.data + size, bytes.size - size);
    }
    return rc;
}
