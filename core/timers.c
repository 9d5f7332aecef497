/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers of a worker: a binary heap by due time, then by order of arming,
 * behind one uv timer. A timer that is due at once takes the way of the mail
 * (the async handle), so that it waits a turn but no millisecond.
 */
#include "core/timers.h"

#include "core/alloc.h"
#include "core/clock.h"

enum { FIRST_HEAP = 16 };

static bool before(const struct sl_timer *a, const struct sl_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void put(struct sl_worker *worker, uint32_t at, struct sl_timer *timer)
{
    worker->heap[at] = timer;
    timer->slot = at + 1;
}

static void sift_up(struct sl_worker *worker, uint32_t at)
{
    struct sl_timer *timer = worker->heap[at];
    while (at > 0 && before(timer, worker->heap[(at - 1) / 2])) {
        put(worker, at, worker->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(worker, at, timer);
}

static void sift_down(struct sl_worker *worker, uint32_t at)
{
    struct sl_timer *timer = worker->heap[at];
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= worker->heap_size)
            break;
        if (child + 1 < worker->heap_size && before(worker->heap[child + 1], worker->heap[child]))
            child++;
        if (!before(worker->heap[child], timer))
            break;
        put(worker, at, worker->heap[child]);
        at = child;
    }
    put(worker, at, timer);
}

static void take_out(struct sl_worker *worker, struct sl_timer *timer)
{
    uint32_t at = timer->slot - 1;
    struct sl_timer *last = worker->heap[--worker->heap_size];
    timer->slot = 0;
    if (last == timer)
        return;
    put(worker, at, last);
    sift_up(worker, at);
    sift_down(worker, last->slot - 1);
}

static int grow_heap(struct sl_worker *worker)
{
    if (worker->heap_size < worker->heap_capacity)
        return SL_OK;
    if (worker->heap_capacity > UINT32_MAX / 4)
        return SL_ENOMEM;
    uint32_t capacity = worker->heap_capacity == 0 ? FIRST_HEAP : worker->heap_capacity * 2;
    struct sl_timer **heap = sl_realloc(worker->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return SL_ENOMEM;
    worker->heap = heap;
    worker->heap_capacity = capacity;
    return SL_OK;
}

static void on_tick(uv_timer_t *ticker);

/* Makes the loop wake for the timer that is due first. */
static void arm_ticker(struct sl_worker *worker)
{
    if (worker->manual || worker->closing || worker->heap_size == 0)
        return;
    uint64_t now_ms = sl_clock_monotonic_ms(), due_ms = worker->heap[0]->due_ms;
    if (due_ms <= now_ms) {
        (void)uv_async_send(&worker->wake);
        return;
    }
    uv_update_time(&worker->loop);
    (void)uv_timer_start(&worker->ticker, on_tick, due_ms - now_ms, 0);
}

bool sl_timers_run_due(struct sl_worker *worker)
{
    uint64_t now_ms = sl_worker_now_ms(worker), armed_before = worker->timer_order;
    bool any = false;
    while (worker->heap_size > 0) {
        struct sl_timer *timer = worker->heap[0];
        if (timer->due_ms > now_ms || timer->order >= armed_before)
            break;
        take_out(worker, timer);
        any = true;
        timer->expired(timer);
    }
    arm_ticker(worker);
    return any;
}

static void on_tick(uv_timer_t *ticker)
{
    (void)sl_timers_run_due(ticker->data);
}

void sl_timer_init(struct sl_timer *timer, struct sl_worker *worker,
                   void (*expired)(struct sl_timer *timer))
{
    *timer = (struct sl_timer){.worker = worker, .expired = expired};
}

int sl_timer_start(struct sl_timer *timer, uint64_t delay_ms)
{
    struct sl_worker *worker = timer->worker;
    if (!sl_timer_armed(timer)) {
        if (grow_heap(worker) != SL_OK)
            return SL_ENOMEM;
        put(worker, worker->heap_size++, timer);
    }
    uint64_t now_ms = sl_worker_now_ms(worker);
    timer->due_ms = delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX;
    timer->order = worker->timer_order++;
    sift_up(worker, timer->slot - 1);
    sift_down(worker, timer->slot - 1);
    if (timer->slot == 1)
        arm_ticker(worker);
    return SL_OK;
}

void sl_timer_stop(struct sl_timer *timer)
{
    if (sl_timer_armed(timer))
        take_out(timer->worker, timer);
}

void sl_timers_clear(struct sl_worker *worker)
{
    while (worker->heap_size > 0)
        take_out(worker, worker->heap[0]);
    sl_free(worker->heap);
    worker->heap = NULL;
    worker->heap_capacity = 0;
}
