/* SPDX-License-Identifier: Apache-2.0 */
/* What all byte streams share: calls go to the filter's own table. */
#include "transport/stream.h"

void sl_stream_set_user(struct sl_stream *stream, const struct sl_stream_events *events, void *arg)
{
    stream->events = events;
    stream->arg = arg;
}

int sl_stream_write(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf)
{
    return bytes.size == 0 ? SL_OK : stream->ops->write(stream, bytes, buf);
}

size_t sl_stream_pending(const struct sl_stream *stream)
{
    return stream->ops->pending(stream);
}

void sl_stream_pause(struct sl_stream *stream, bool paused)
{
    stream->ops->pause(stream, paused);
}

void sl_stream_shutdown(struct sl_stream *stream)
{
    stream->ops->shutdown(stream);
}

void sl_stream_close(struct sl_stream *stream, int status)
{
    stream->ops->close(stream, status);
}
