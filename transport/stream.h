/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_STREAM_H
#define SL_TRANSPORT_STREAM_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/worker.h"

/*
 * A byte stream made of filters that stack: tcp at the bottom, then (later) tls
 * or any other that changes bytes, then a protocol (http1, http2) as the user
 * on top. Each filter is a stream of the same shape, so a protocol does not know
 * what lies below it. Everything runs on one worker.
 *
 *     protocol  --sl_stream_write-->  tls  --sl_stream_write-->  tcp
 *     protocol  <----events.read----  tls  <----events.read----  tcp
 */
struct sl_stream;

/* Calls to the user of a stream. None is made from inside the user's own call
 * to the stream; none after closed. */
struct sl_stream_events {
    /* Connected, all handshakes done; before any read. */
    void (*opened)(void *arg);
    /* Bytes arrived; they are valid during the call. size 0: the peer has ended
     * its side. */
    void (*read)(void *arg, struct sl_bytes bytes);
    /* The bytes waiting to be written fell to below the low mark. NULL: not wanted. */
    void (*writable)(void *arg);
    /* The last call. status: 0 closed by us or after the peer's end, else a
     * negative libuv error, text in *error when there is more to say. The
     * stream is freed after it. */
    void (*closed)(void *arg, int status, const char *error);
};

struct sl_stream_ops {
    const char *name; /* "tcp", "pass" */
    int (*write)(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf);
    void (*pause)(struct sl_stream *stream, bool paused);
    void (*shutdown)(struct sl_stream *stream);
    void (*close)(struct sl_stream *stream, int status);
    size_t (*pending)(const struct sl_stream *stream);
    struct sl_bytes (*alpn)(const struct sl_stream *stream); /* "h2"; empty: none chosen */
};

struct sl_stream {
    const struct sl_stream_ops *ops;
    struct sl_worker *worker;
    const struct sl_stream_events *events;
    void *arg;
    struct sl_stream *below; /* NULL for the bottom */
    struct sl_bytes peer;    /* address as text; lives as long as the stream */
};

/* Who gets the calls from now on (a protocol takes a stream over). */
void sl_stream_set_user(struct sl_stream *stream, const struct sl_stream_events *events, void *arg);
/* Queues bytes: copied when buf is NULL, else kept by a reference of its own to
 * buf. Returns 0, SL_ENOMEM, or SL_EIO once closed or shut down. */
int sl_stream_write(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf);
/* Bytes written but not yet taken by the kernel: for back-pressure. */
size_t sl_stream_pending(const struct sl_stream *stream);
void sl_stream_pause(struct sl_stream *stream, bool paused); /* stops or resumes reading */
void sl_stream_shutdown(struct sl_stream *stream); /* ends our side after what is queued */
/* Drops what is queued; closed(status) follows on a later turn. Idempotent. */
void sl_stream_close(struct sl_stream *stream, int status);

/* ---- for those who write a stream: calls to its user, where it wants them ---- */

static inline void sl_stream_tell_opened(struct sl_stream *stream)
{
    if (stream->events != NULL && stream->events->opened != NULL)
        stream->events->opened(stream->arg);
}
static inline void sl_stream_tell_read(struct sl_stream *stream, struct sl_bytes bytes)
{
    if (stream->events != NULL && stream->events->read != NULL)
        stream->events->read(stream->arg, bytes);
}
static inline void sl_stream_tell_writable(struct sl_stream *stream)
{
    if (stream->events != NULL && stream->events->writable != NULL)
        stream->events->writable(stream->arg);
}
static inline void sl_stream_tell_closed(struct sl_stream *stream, int status, const char *error)
{
    if (stream->events != NULL && stream->events->closed != NULL)
        stream->events->closed(stream->arg, status, error);
}
/* writable() is told when what waits falls below this, having been above it. */
enum { SL_STREAM_LOW_MARK = 64 * 1024 };

/* ---- bottoms ---- */

/* Takes over a connected socket. NULL: out of memory or not a socket (fd is closed). */
struct sl_stream *sl_tcp_adopt(struct sl_worker *worker, int fd);
struct sl_tcp_options {
    uint64_t connect_timeout_ms;
};
/* Resolves (in the thread pool) and connects, trying each address; opened() or
 * closed() follows. host:port, [v6]:port, or unix:/path. */
struct sl_stream *sl_tcp_connect(struct sl_worker *worker, const char *endpoint,
                                 const struct sl_tcp_options *options);
/* Two ends in memory, for tests: what one writes the other reads on the next turn. */
int sl_memory_pair(struct sl_worker *worker, struct sl_stream *ret_ends[2]);

/* ---- filters ---- */

/* Passes bytes through unchanged: the place TLS takes, and its test. Takes over below. */
struct sl_stream *sl_pass_filter(struct sl_stream *below);

#endif
