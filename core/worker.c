/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One libuv loop with a mailbox. Mail is pushed on an atomic stack and turned
 * round on delivery, which keeps the order of each sender. A manual worker has
 * no thread and no uv timer: its clock is a number that sl_worker_advance()
 * moves from one due timer to the next.
 */
#include "core/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/timers.h"

/* How often to look again at one moment: a timer of delay 0 or mail that comes
 * back without end must not hang a test or the end of the program. */
enum { TURNS = 1000 };
enum { MANUAL_START_MS = 1000000 };
static const uint64_t MANUAL_START_WALL_NS = 1700000000000000000u;

void sl_worker_post(struct sl_worker *worker, struct sl_mail *mail)
{
    struct sl_mail *head = atomic_load_explicit(&worker->inbox, memory_order_relaxed);
    do
        mail->next = head;
    while (!atomic_compare_exchange_weak_explicit(&worker->inbox, &head, mail, memory_order_release,
                                                  memory_order_relaxed));
    /* Whoever found it empty wakes the worker for all that follow. */
    if (head == NULL && !worker->manual && !worker->closing)
        (void)uv_async_send(&worker->wake);
}

/* Delivers what was there before the call. Returns whether anything was. */
static bool deliver_mail(struct sl_worker *worker)
{
    struct sl_mail *newest = atomic_exchange_explicit(&worker->inbox, NULL, memory_order_acquire);
    struct sl_mail *oldest = NULL;
    while (newest != NULL) {
        struct sl_mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    bool any = oldest != NULL;
    while (oldest != NULL) {
        struct sl_mail *next = oldest->next;
        oldest->deliver(oldest);
        oldest = next;
    }
    return any;
}

static void on_wake(uv_async_t *wake)
{
    struct sl_worker *worker = wake->data;
    (void)deliver_mail(worker);
    (void)sl_timers_run_due(worker);
    if (!atomic_load(&worker->stopping))
        return;
    /* From here on only the handles of others keep the loop going. */
    uv_unref((uv_handle_t *)&worker->wake);
    uv_unref((uv_handle_t *)&worker->ticker);
}

static void init_fields(struct sl_worker *worker, struct sl_budget *budget)
{
    memset(worker, 0, sizeof *worker);
    atomic_init(&worker->load, 0);
    atomic_init(&worker->inbox, NULL);
    atomic_init(&worker->stopping, 0);
    worker->budget = budget;
}

int sl_worker_init(struct sl_worker *worker, unsigned index, unsigned count,
                   struct sl_budget *budget, struct sl_error *reterr)
{
    init_fields(worker, budget);
    worker->index = index;
    worker->count = count;
    int rc = uv_loop_init(&worker->loop);
    if (rc != 0)
        return sl_fail(reterr, SL_EIO, "cannot make an event loop: %s", uv_strerror(rc));
    rc = uv_async_init(&worker->loop, &worker->wake, on_wake);
    if (rc != 0) {
        (void)uv_loop_close(&worker->loop);
        return sl_fail(reterr, SL_EIO, "cannot make an event loop: %s", uv_strerror(rc));
    }
    (void)uv_timer_init(&worker->loop, &worker->ticker);
    worker->wake.data = worker->ticker.data = worker->loop.data = worker;
    return SL_OK;
}

int sl_worker_init_manual(struct sl_worker *worker, struct sl_budget *budget)
{
    init_fields(worker, budget);
    worker->count = 1;
    worker->manual = true;
    worker->manual_ms = MANUAL_START_MS;
    worker->manual_wall_ns = MANUAL_START_WALL_NS;
    if (uv_loop_init(&worker->loop) != 0)
        return SL_EIO;
    worker->loop.data = worker;
    return SL_OK;
}

void sl_worker_run(struct sl_worker *worker)
{
    assert(!worker->manual);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
}

static void run_thread(void *data)
{
    struct sl_worker *worker = data;
    char name[16];
    (void)snprintf(name, sizeof name, "worker-%u", worker->index % 100000000);
    (void)pthread_setname_np(pthread_self(), name);
    sl_worker_run(worker);
}

int sl_worker_start_thread(struct sl_worker *worker, struct sl_error *reterr)
{
    assert(!worker->running);
    worker->running = true; /* before the thread may look at its neighbours */
    int rc = uv_thread_create(&worker->thread, run_thread, worker);
    if (rc != 0) {
        worker->running = false;
        return sl_fail(reterr, SL_EIO, "cannot start a thread: %s", uv_strerror(rc));
    }
    return SL_OK;
}

void sl_worker_join(struct sl_worker *worker)
{
    if (!worker->running)
        return;
    (void)uv_thread_join(&worker->thread);
    worker->running = false;
}

void sl_worker_stop(struct sl_worker *worker)
{
    atomic_store(&worker->stopping, 1);
    if (!worker->manual)
        (void)uv_async_send(&worker->wake);
}

static void count_closing(uv_handle_t *handle, void *count)
{
    if (uv_is_closing(handle))
        ++*(unsigned *)count;
}

/* Handles being closed and requests under way end by themselves; a handle that
 * its owner left open would make the wait below last for ever. */
static bool will_end(struct sl_worker *worker)
{
    unsigned closing = 0;
    uv_walk(&worker->loop, count_closing, &closing);
    return closing > 0 || worker->loop.active_reqs.count > 0;
}

void sl_worker_done(struct sl_worker *worker)
{
    assert(!worker->running && !worker->closing);
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    for (int turn = 0; turn < TURNS && deliver_mail(worker); turn++)
        (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    worker->closing = true;
    if (!worker->manual) {
        uv_close((uv_handle_t *)&worker->wake, NULL);
        uv_close((uv_handle_t *)&worker->ticker, NULL);
    }
    while (uv_loop_close(&worker->loop) == UV_EBUSY) {
        assert(will_end(worker) && "a handle was left open on the worker's loop");
        (void)uv_run(&worker->loop, UV_RUN_ONCE);
        (void)deliver_mail(worker);
    }
    (void)deliver_mail(worker);
    sl_timers_clear(worker);
}

uint64_t sl_worker_now_ms(const struct sl_worker *worker)
{
    return worker->manual ? worker->manual_ms : sl_clock_monotonic_ms();
}

uint64_t sl_worker_wall_ns(const struct sl_worker *worker)
{
    return worker->manual ? worker->manual_wall_ns : sl_clock_wall_ns();
}

/* Runs everything that can happen without the clock moving. */
static void settle(struct sl_worker *worker)
{
    for (int turn = 0; turn < TURNS; turn++) {
        bool mail = deliver_mail(worker);
        (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
        bool timers = sl_timers_run_due(worker);
        if (!mail && !timers && atomic_load(&worker->inbox) == NULL)
            break;
    }
}

void sl_worker_advance(struct sl_worker *worker, uint64_t ms)
{
    assert(worker->manual);
    uint64_t target_ms = worker->manual_ms + ms;
    settle(worker);
    while (worker->manual_ms < target_ms) {
        uint64_t next_ms = target_ms;
        if (worker->heap_size > 0 && worker->heap[0]->due_ms < next_ms)
            next_ms = worker->heap[0]->due_ms;
        if (next_ms <= worker->manual_ms)
            next_ms = worker->manual_ms + 1; /* timers that arm themselves without end */
        worker->manual_wall_ns += (next_ms - worker->manual_ms) * 1000000;
        worker->manual_ms = next_ms;
        settle(worker);
    }
}
