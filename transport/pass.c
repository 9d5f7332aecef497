/* SPDX-License-Identifier: Apache-2.0 */
/* A filter that changes nothing: it holds the place that TLS takes in a chain, so that the
 * protocols on top are tested with something between them and the socket. */
#include "core/alloc.h"
#include "transport/stream.h"

struct pass {
    struct sl_stream base;
};

static int pass_write(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf)
{
    return sl_stream_write(stream->below, bytes, buf);
}

static void pass_pause(struct sl_stream *stream, bool paused)
{
    sl_stream_pause(stream->below, paused);
}

static void pass_shutdown(struct sl_stream *stream)
{
    sl_stream_shutdown(stream->below);
}

static void pass_close(struct sl_stream *stream, int status)
{
    sl_stream_close(stream->below, status);
}

static size_t pass_pending(const struct sl_stream *stream)
{
    return sl_stream_pending(stream->below);
}

static struct sl_bytes pass_alpn(const struct sl_stream *stream)
{
    return stream->below->ops->alpn(stream->below);
}

static const struct sl_stream_ops pass_ops = {
    .name = "pass",
    .write = pass_write,
    .pause = pass_pause,
    .shutdown = pass_shutdown,
    .close = pass_close,
    .pending = pass_pending,
    .alpn = pass_alpn,
};

static void below_opened(void *arg)
{
    struct pass *pass = arg;
    sl_stream_tell_opened(&pass->base);
}

static void below_read(void *arg, struct sl_bytes bytes)
{
    struct pass *pass = arg;
    sl_stream_tell_read(&pass->base, bytes);
}

static void below_writable(void *arg)
{
    struct pass *pass = arg;
    sl_stream_tell_writable(&pass->base);
}

static void below_closed(void *arg, int status, const char *error)
{
    struct pass *pass = arg;
    sl_stream_tell_closed(&pass->base, status, error);
    sl_free(pass);
}

static const struct sl_stream_events below_events = {
    .opened = below_opened,
    .read = below_read,
    .writable = below_writable,
    .closed = below_closed,
};

struct sl_stream *sl_pass_filter(struct sl_stream *below)
{
    struct pass *pass = sl_calloc(1, sizeof *pass);
    if (pass == NULL) {
        sl_stream_set_user(below, NULL, NULL);
        sl_stream_close(below, UV_ENOMEM);
        return NULL;
    }
    pass->base.ops = &pass_ops;
    pass->base.worker = below->worker;
    pass->base.below = below;
    pass->base.peer = below->peer;
    sl_stream_set_user(below, &below_events, pass);
    return &pass->base;
}
