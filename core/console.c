/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Never-blocking output. poll() says whether PIPE_BUF bytes fit; that many are
 * written at a time, which then cannot block (pipe(7)). A timer tries again
 * while something waits. A terminal is ready while a single byte fits, and a
 * longer write would wait for the rest: it is opened anew, non-blocking.
 */
#include "core/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

enum { RETRY_MS = 20 };

static bool is_ready(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, timeout_ms) == 1 && (poll_fd.revents & (POLLOUT | POLLERR));
}

/* Writes as much as the reader takes without waiting. */
static void push(struct sl_console *console)
{
    struct sl_out *waiting = &console->waiting;
    while (!console->closed && console->written < waiting->size && is_ready(console->fd, 0)) {
        size_t size = waiting->size - console->written;
        ssize_t put =
            write(console->fd, waiting->data + console->written, size < PIPE_BUF ? size : PIPE_BUF);
        if (put > 0)
            console->written += (size_t)put;
        else if (errno == EAGAIN)
            break; /* the timer tries again */
        else if (errno != EINTR)
            console->closed = true;
    }
    if (console->closed || console->written == waiting->size) {
        console->written = 0;
        sl_out_clear(waiting);
        if (waiting->capacity > console->limit) /* one huge text does not pin memory for ever */
            sl_out_done(waiting);
    }
}

static void retry_due(struct sl_timer *timer)
{
    struct sl_console *console =
        (struct sl_console *)((char *)timer - offsetof(struct sl_console, retry));
    push(console);
    if (console->waiting.size > 0)
        (void)sl_timer_start(timer, RETRY_MS);
}

/* The terminal behind fd, non-blocking without touching those who share fd; -1: it is
 * none, or cannot be opened. */
static int open_terminal(int fd)
{
    char path[32];
    if (!isatty(fd))
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void sl_console_init(struct sl_console *console, struct sl_worker *worker, int fd, size_t limit)
{
    *console = (struct sl_console){.fd = fd, .own_fd = open_terminal(fd), .limit = limit};
    if (console->own_fd >= 0)
        console->fd = console->own_fd;
    sl_timer_init(&console->retry, worker, retry_due);
}

/* A text over the limit has its chance when nothing waits before it: the reader
 * may well be fast. */
static bool fits(const struct sl_console *console, size_t size)
{
    size_t held = console->waiting.size - console->written;
    return held == 0 || (held <= console->limit && size <= console->limit - held);
}

bool sl_console_write(struct sl_console *console, struct sl_bytes text)
{
    struct sl_out *waiting = &console->waiting;
    if (console->closed)
        return false;
    if (!fits(console, text.size))
        push(console);
    if (console->closed || !fits(console, text.size))
        return false;
    if (console->written > 0) { /* keep the buffer from growing past the limit */
        memmove(waiting->data, waiting->data + console->written, waiting->size - console->written);
        waiting->size -= console->written;
        console->written = 0;
    }
    size_t before = waiting->size;
    sl_out_bytes(waiting, text.data, text.size);
    if (waiting->failed) {
        waiting->failed = false;
        waiting->size = before;
        return false;
    }
    push(console);
    if (waiting->size > 0 && !sl_timer_armed(&console->retry))
        (void)sl_timer_start(&console->retry, RETRY_MS);
    return !console->closed;
}

size_t sl_console_finish(struct sl_console *console, int timeout_ms)
{
    uint64_t end_ms = sl_clock_monotonic_ms() + (uint64_t)timeout_ms;
    sl_timer_stop(&console->retry);
    for (uint64_t now_ms; console->waiting.size > 0 && !console->closed; push(console)) {
        now_ms = sl_clock_monotonic_ms();
        if (now_ms >= end_ms || !is_ready(console->fd, (int)(end_ms - now_ms)))
            break;
    }
    return console->waiting.size - console->written;
}

void sl_console_done(struct sl_console *console)
{
    if (console->retry.worker != NULL)
        sl_timer_stop(&console->retry);
    sl_out_done(&console->waiting);
    if (console->retry.worker != NULL && console->own_fd >= 0)
        (void)close(console->own_fd);
    console->own_fd = -1;
}
