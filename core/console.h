/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_CONSOLE_H
#define SL_CORE_CONSOLE_H

#include "core/out.h"
#include "core/worker.h"

/*
 * Text to a terminal, pipe or file that may be slow or gone. Writing never
 * blocks: what the reader does not take now waits in a bounded buffer, and what
 * does not fit any more is refused. The descriptor stays in blocking mode,
 * since others (a shell, a parent) share it.
 */
struct sl_console {
    int fd;
    int own_fd;   /* fd when it was opened here, else -1 */
    size_t limit; /* of bytes waiting; a single text may be larger */
    struct sl_out waiting;
    size_t written; /* of waiting.data */
    bool closed;    /* the reader is gone (EPIPE) or the disk is full */
    struct sl_timer retry;
};

void sl_console_init(struct sl_console *console, struct sl_worker *worker, int fd, size_t limit);
/* Takes the text whole (true) or refuses it (false). */
bool sl_console_write(struct sl_console *console, struct sl_bytes text);
/* Waits at most timeout_ms for the reader to take the rest; bytes left over are returned. */
size_t sl_console_finish(struct sl_console *console, int timeout_ms);
void sl_console_done(struct sl_console *console);

#endif
