/* SPDX-License-Identifier: Apache-2.0 */
/* Two stream ends in memory, for tests: what one writes waits in the other's inbox, as in a
 * kernel's buffer, and is read on a later turn of the same worker. */
#include "core/alloc.h"
#include "core/out.h"
#include "transport/stream.h"

struct end {
    struct sl_stream base;
    struct end *other; /* NULL: it is gone */
    struct sl_timer turn;
    struct sl_out inbox;
    size_t taken; /* bytes of the inbox already read */
    bool opened, paused, shut, closing;
    bool peer_ended, end_told; /* the other end will write no more */
    bool was_above;            /* our writes passed the mark */
    int status;
};

static void wake(struct end *end)
{
    /* The heap has had room for this timer since the pair was made. */
    if (end != NULL && !sl_timer_armed(&end->turn))
        (void)sl_timer_start(&end->turn, 0);
}

static int memory_write(struct sl_stream *stream, struct sl_bytes bytes, struct sl_buf *buf)
{
    (void)buf;
    struct end *end = (struct end *)stream;
    if (end->closing || end->shut)
        return SL_EIO;
    if (end->other == NULL || end->other->closing) {
        sl_stream_close(stream, UV_EPIPE);
        return SL_OK;
    }
    sl_out_bytes(&end->other->inbox, bytes.data, bytes.size);
    if (end->other->inbox.failed)
        return SL_ENOMEM;
    end->was_above |= sl_stream_pending(stream) >= SL_STREAM_LOW_MARK;
    wake(end->other);
    return SL_OK;
}

static void memory_pause(struct sl_stream *stream, bool paused)
{
    struct end *end = (struct end *)stream;
    end->paused = paused;
    wake(end);
}

static void memory_shutdown(struct sl_stream *stream)
{
    struct end *end = (struct end *)stream;
    if (end->shut || end->closing)
        return;
    end->shut = true;
    if (end->other != NULL) {
        end->other->peer_ended = true;
        wake(end->other);
    }
}

static void memory_close(struct sl_stream *stream, int status)
{
    struct end *end = (struct end *)stream;
    if (end->closing)
        return;
    memory_shutdown(stream);
    end->closing = true;
    end->status = status;
    wake(end);
}

static size_t memory_pending(const struct sl_stream *stream)
{
    const struct end *other = ((const struct end *)stream)->other;
    return other != NULL ? other->inbox.size - other->taken : 0;
}

static struct sl_bytes memory_alpn(const struct sl_stream *stream)
{
    (void)stream;
    return (struct sl_bytes){0};
}

static const struct sl_stream_ops memory_ops = {
    .name = "memory",
    .write = memory_write,
    .pause = memory_pause,
    .shutdown = memory_shutdown,
    .close = memory_close,
    .pending = memory_pending,
    .alpn = memory_alpn,
};

static void finish(struct end *end)
{
    if (end->other != NULL)
        end->other->other = NULL;
    sl_timer_stop(&end->turn);
    sl_stream_tell_closed(&end->base, end->status, NULL);
    sl_out_done(&end->inbox);
    sl_free(end);
}

/* Hands the inbox over; what is written meanwhile goes to a fresh one. */
static void deliver(struct end *end)
{
    struct sl_out full = end->inbox;
    end->inbox = (struct sl_out){0};
    sl_stream_tell_read(&end->base, sl_out_view(&full));
    sl_out_done(&full);
    struct end *other = end->other;
    if (other != NULL && other->was_above)
        wake(other);
}

static void turn(struct sl_timer *timer)
{
    struct end *end = (struct end *)((char *)timer - offsetof(struct end, turn));
    if (!end->opened && !end->closing) {
        end->opened = true;
        sl_stream_tell_opened(&end->base);
    }
    if (!end->closing && end->was_above && memory_pending(&end->base) < SL_STREAM_LOW_MARK) {
        end->was_above = false;
        sl_stream_tell_writable(&end->base);
    }
    if (!end->closing && !end->paused && end->inbox.size > 0)
        deliver(end);
    if (!end->closing && !end->paused && end->peer_ended && !end->end_told &&
        end->inbox.size == 0) {
        end->end_told = true;
        sl_stream_tell_read(&end->base, (struct sl_bytes){0});
    }
    if (!end->closing && end->end_told && end->shut)
        memory_close(&end->base, 0);
    if (end->closing)
        finish(end);
}

static struct end *end_new(struct sl_worker *worker)
{
    struct end *end = sl_calloc(1, sizeof *end);
    if (end == NULL)
        return NULL;
    end->base.ops = &memory_ops;
    end->base.worker = worker;
    end->base.peer = SL_LIT("memory");
    sl_timer_init(&end->turn, worker, turn);
    if (sl_timer_start(&end->turn, 0) != SL_OK) {
        sl_free(end);
        return NULL;
    }
    return end;
}

int sl_memory_pair(struct sl_worker *worker, struct sl_stream *ret_ends[2])
{
    struct end *a = end_new(worker);
    struct end *b = a != NULL ? end_new(worker) : NULL;
    if (b == NULL) {
        if (a != NULL)
            sl_timer_stop(&a->turn);
        sl_free(a);
        return SL_ENOMEM;
    }
    a->other = b;
    b->other = a;
    ret_ends[0] = &a->base;
    ret_ends[1] = &b->base;
    return SL_OK;
}
