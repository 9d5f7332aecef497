/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_WORKER_H
#define SL_CORE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/error.h"

struct sl_budget;

/*
 * A worker is one thread with one libuv loop, a mailbox and timers. Everything
 * made on a worker stays there; other threads only post mail to it.
 *
 * Timers run on the worker's clock. With `manual` set (tests) the clock stands
 * still until sl_worker_advance() moves it, and no thread or uv timer is used.
 */
struct sl_mail {
    struct sl_mail *next;
    void (*deliver)(struct sl_mail *mail); /* runs on the receiving worker; owns mail */
};

struct sl_timer {
    struct sl_worker *worker;
    void (*expired)(struct sl_timer *timer);
    uint64_t due_ms;
    uint64_t order; /* of arming: among equals the first armed is the first to run */
    uint32_t slot;  /* place in the worker's heap, plus one; 0: not armed */
};

struct sl_worker {
    uv_loop_t loop;
    unsigned index, count; /* of the workers of this process */
    struct sl_budget *budget;
    atomic_uint load; /* connections held, for the hand-out of accepted sockets */

    /* private to worker.c */
    uv_async_t wake;
    uv_timer_t ticker;
    uv_thread_t thread;
    _Atomic(struct sl_mail *) inbox;
    struct sl_timer **heap;
    uint32_t heap_size, heap_capacity;
    uint64_t timer_order;
    atomic_uint stopping;
    bool manual, running, closing;
    uint64_t manual_ms, manual_wall_ns;
};

int sl_worker_init(struct sl_worker *worker, unsigned index, unsigned count,
                   struct sl_budget *budget, struct sl_error *reterr);
/* As above with a clock that only sl_worker_advance() moves. */
int sl_worker_init_manual(struct sl_worker *worker, struct sl_budget *budget);
/* Runs the loop until sl_worker_stop(), in this thread or in one of its own. */
void sl_worker_run(struct sl_worker *worker);
int sl_worker_start_thread(struct sl_worker *worker, struct sl_error *reterr);
void sl_worker_join(struct sl_worker *worker);
/* From any thread: the loop returns once the handles of others are closed. */
void sl_worker_stop(struct sl_worker *worker);
/* Closes the worker's own handles, runs what is left, frees the rest. */
void sl_worker_done(struct sl_worker *worker);

/* From any thread, in order per sender. The mail must stay until delivered. */
void sl_worker_post(struct sl_worker *worker, struct sl_mail *mail);

uint64_t sl_worker_now_ms(const struct sl_worker *worker);  /* monotonic */
uint64_t sl_worker_wall_ns(const struct sl_worker *worker); /* Unix epoch */
/* Manual workers: moves the clock, delivers mail and runs what falls due, in order of time. */
void sl_worker_advance(struct sl_worker *worker, uint64_t ms);

void sl_timer_init(struct sl_timer *timer, struct sl_worker *worker,
                   void (*expired)(struct sl_timer *timer));
/* (Re)arms; delay 0 runs on the next turn, never before this returns. SL_ENOMEM only when the
 * heap must grow. */
int sl_timer_start(struct sl_timer *timer, uint64_t delay_ms);
void sl_timer_stop(struct sl_timer *timer); /* no effect when not armed */
static inline bool sl_timer_armed(const struct sl_timer *timer)
{
    return timer->slot != 0;
}

/* Random number for jitter and hash seeds; not for secrets. */
uint64_t sl_random(void);

#endif
