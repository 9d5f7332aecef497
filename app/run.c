/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a plan: one graph per worker, worker 0 in the main thread. The first
 * SIGTERM or SIGINT drains, the second ends the process at once.
 *
 * The stop goes in phases that worker 0 conducts: all drain, each with the whole
 * time; workers 1..n stop, then worker 0, whose exporters serve the others until
 * then.
 */
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "transport/listener.h"

enum phase { PHASE_RUN, PHASE_DRAIN, PHASE_STOP_OTHERS, PHASE_STOP_FIRST };

struct runner;

/* One worker's graph and the mail that carries orders to it and answers back. */
struct seat {
    struct runner *runner;
    struct sl_graph *graph;
    struct sl_mail order, answer;
    unsigned index;
};

struct runner {
    struct sl_process process;
    const struct sl_plan *plan;
    struct sl_graph **graphs;
    struct seat *seats;
    uv_signal_t signals[2];
    enum phase phase;
    unsigned waiting; /* answers due in this phase */
    uint64_t deadline_ms;
    bool threads_started;
};

static struct seat *seat_of(struct sl_mail *mail, bool is_answer)
{
    return (struct seat *)((char *)mail - (is_answer ? offsetof(struct seat, answer)
                                                     : offsetof(struct seat, order)));
}

static void next_phase(struct runner *runner);

static void take_answer(struct sl_mail *mail)
{
    struct runner *runner = seat_of(mail, true)->runner;
    if (--runner->waiting == 0)
        next_phase(runner);
}

static void answer(void *arg)
{
    struct seat *seat = arg;
    sl_worker_post(&seat->runner->process.workers[0], &seat->answer);
}

static void take_order(struct sl_mail *mail)
{
    struct seat *seat = seat_of(mail, false);
    if (seat->runner->phase == PHASE_DRAIN)
        sl_graph_drain(seat->graph, seat->runner->deadline_ms, answer, seat);
    else
        sl_graph_stop(seat->graph, answer, seat);
}

/* Gives the order of the present phase to workers [from, to). */
static void give_orders(struct runner *runner, unsigned from, unsigned to)
{
    runner->waiting = to - from;
    for (unsigned i = from; i < to; i++) {
        runner->seats[i].order.deliver = take_order;
        runner->seats[i].answer.deliver = take_answer;
        sl_worker_post(&runner->process.workers[i], &runner->seats[i].order);
    }
    if (from == to)
        next_phase(runner);
}

static void close_signals(struct runner *runner)
{
    for (size_t i = 0; i < 2; i++)
        if (!uv_is_closing((uv_handle_t *)&runner->signals[i]))
            uv_close((uv_handle_t *)&runner->signals[i], NULL);
}

static void next_phase(struct runner *runner)
{
    unsigned count = runner->process.worker_count;
    runner->phase++;
    switch (runner->phase) {
    case PHASE_RUN:
        break;
    case PHASE_DRAIN:
        give_orders(runner, 0, count);
        break;
    case PHASE_STOP_OTHERS:
        give_orders(runner, 1, count);
        break;
    case PHASE_STOP_FIRST:
        give_orders(runner, 0, 1);
        break;
    default:
        close_signals(runner);
        sl_listeners_free(runner->process.listeners);
        runner->process.listeners = NULL;
        for (unsigned i = 0; i < count; i++)
            sl_worker_stop(&runner->process.workers[i]);
    }
}

static void begin_drain(struct runner *runner)
{
    int64_t timeout_ms = sl_plan_shutdown_timeout_ms(runner->plan);
    atomic_store(&runner->process.health, SL_DRAINING);
    runner->deadline_ms = sl_clock_monotonic_ms() + (uint64_t)timeout_ms;
    next_phase(runner);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct runner *runner = handle->data;
    if (runner->phase != PHASE_RUN)
        _exit(SL_EXIT_FAILURE);
    sl_log(SL_LOG_INFO, NULL, "%s: stopping, press again to end at once",
           number == SIGINT ? "SIGINT" : "SIGTERM");
    begin_drain(runner);
}

static int watch_signals(struct runner *runner)
{
    static const int numbers[2] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_t *handle = &runner->signals[i];
        handle->data = runner;
        if (uv_signal_init(&runner->process.workers[0].loop, handle) != 0 ||
            uv_signal_start(handle, on_signal, numbers[i]) != 0)
            return SL_EIO;
        uv_unref((uv_handle_t *)handle);
    }
    return SL_OK;
}

static void configure_log(const struct sl_telemetry_config *telemetry)
{
    sl_log_configure(
        &(struct sl_log_config){.level = (enum sl_log_level)telemetry->log_level,
                                .encoding = (enum sl_log_encoding)telemetry->log_encoding,
                                .sampling = telemetry->log_sampling,
                                .tick_ms = (uint32_t)telemetry->log_tick_ms,
                                .initial = (uint32_t)telemetry->log_initial,
                                .thereafter = (uint32_t)telemetry->log_thereafter,
                                .fd = STDERR_FILENO});
}

/* Everything that graphs need; the loops do not run yet. */
static int make_process(struct runner *runner, struct sl_error *reterr)
{
    struct sl_process *process = &runner->process;
    unsigned count = sl_plan_workers(runner->plan);
    sl_budget_init(&process->budget, sl_plan_memory_limit(runner->plan));
    process->version = SL_VERSION;
    process->started_wall_ns = sl_clock_wall_ns();
    process->meters = sl_meters_new();
    process->workers = sl_calloc(count, sizeof *process->workers);
    runner->graphs = sl_calloc(count, sizeof *runner->graphs);
    runner->seats = sl_calloc(count, sizeof *runner->seats);
    if (!process->meters || !process->workers || !runner->graphs || !runner->seats)
        return sl_fail(reterr, SL_ENOMEM, "out of memory");
    for (; process->worker_count < count; process->worker_count++) {
        int rc = sl_worker_init(&process->workers[process->worker_count], process->worker_count,
                                count, &process->budget, reterr);
        if (rc != SL_OK)
            return rc;
    }
    process->listeners = sl_listeners_new(&process->workers[0]);
    if (process->listeners == NULL || watch_signals(runner) != SL_OK)
        return sl_fail(reterr, SL_ENOMEM, "cannot set up listeners and signals");
    return SL_OK;
}

/* Graphs are created and started before any loop runs, so that the first
 * failure is reported before anything was accepted. */
static int start_graphs(struct runner *runner, struct sl_error *reterr)
{
    struct sl_process *process = &runner->process;
    int rc = SL_OK;
    for (unsigned i = 0; i < process->worker_count; i++) {
        struct seat *seat = &runner->seats[i];
        *seat = (struct seat){.runner = runner, .index = i};
        seat->graph =
            sl_graph_new(runner->plan, process, &process->workers[i], runner->graphs, reterr);
        if (seat->graph == NULL)
            return SL_EINVALID;
        runner->graphs[i] = seat->graph;
    }
    for (unsigned i = 0; rc == SL_OK && i < process->worker_count; i++)
        rc = sl_graph_start(runner->graphs[i], reterr);
    return rc;
}

static void mark_done(void *arg)
{
    *(bool *)arg = true;
}

/* After a failed start: no thread runs yet, so the graphs that did start are
 * stopped from here, each on its own loop, worker 0's last. A signal must not begin a
 * drain meanwhile. */
static void stop_graphs(struct runner *runner)
{
    if (runner->process.listeners != NULL)
        close_signals(runner);
    for (unsigned i = runner->process.worker_count; i-- > 0;) {
        bool done = runner->graphs == NULL || runner->graphs[i] == NULL;
        if (!done)
            sl_graph_stop(runner->graphs[i], mark_done, &done);
        while (!done)
            (void)uv_run(&runner->process.workers[i].loop, UV_RUN_ONCE);
    }
}

static int start_threads(struct runner *runner, struct sl_error *reterr)
{
    for (unsigned i = 1; i < runner->process.worker_count; i++) {
        int rc = sl_worker_start_thread(&runner->process.workers[i], reterr);
        if (rc != SL_OK && i > 1) {
            /* Loops that run already cannot be stopped from here, and nothing was accepted. */
            fprintf(stderr, "sluice: %s\n", reterr->text);
            _exit(SL_EXIT_FAILURE);
        }
        if (rc != SL_OK)
            return rc;
    }
    runner->threads_started = true;
    return SL_OK;
}

static void free_process(struct runner *runner)
{
    struct sl_process *process = &runner->process;
    for (unsigned i = 1; runner->threads_started && i < process->worker_count; i++)
        sl_worker_join(&process->workers[i]);
    for (unsigned i = 0; i < process->worker_count; i++)
        if (runner->graphs[i] != NULL)
            sl_graph_free(runner->graphs[i]);
    if (process->worker_count > 0 && process->listeners != NULL) {
        close_signals(runner);
        sl_listeners_free(process->listeners);
    }
    for (unsigned i = 0; i < process->worker_count; i++)
        sl_worker_done(&process->workers[i]);
    if (process->meters != NULL)
        sl_meters_free(process->meters);
    sl_free(runner->seats);
    sl_free(runner->graphs);
    sl_free(process->workers);
}

/* What came in, went out and was lost, and the exit code that follows. */
static int report(struct runner *runner)
{
    struct sl_out out = {0};
    sl_meters_print_summary(runner->process.meters, &out);
    (void)fputs(sl_out_cstr(&out), stderr);
    sl_out_done(&out);
    uint64_t lost = sl_meters_dropped(runner->process.meters, "shutdown");
    if (lost == 0)
        return SL_EXIT_OK;
    fprintf(stderr, "sluice: %llu items could not be delivered before the stop\n",
            (unsigned long long)lost);
    return SL_EXIT_FAILURE;
}

int sl_run(const struct sl_options *options)
{
    struct sl_loaded loaded;
    int code = sl_load(options, &loaded);
    if (code != SL_EXIT_OK) {
        sl_loaded_done(&loaded);
        return code;
    }
    configure_log(sl_plan_telemetry(loaded.plan));
    struct runner runner = {.plan = loaded.plan};
    struct sl_error error = {0};
    int rc = make_process(&runner, &error);
    if (rc == SL_OK)
        rc = start_graphs(&runner, &error);
    if (rc == SL_OK)
        rc = start_threads(&runner, &error);
    if (rc == SL_OK) {
        atomic_store(&runner.process.health, SL_READY);
        sl_log(SL_LOG_INFO, NULL, "sluice %s is ready, %u worker%s", SL_VERSION,
               runner.process.worker_count, runner.process.worker_count == 1 ? "" : "s");
        sl_worker_run(&runner.process.workers[0]);
        code = report(&runner);
    } else {
        fprintf(stderr, "sluice: %s\n", error.text);
        code = SL_EXIT_FAILURE;
        stop_graphs(&runner);
    }
    free_process(&runner);
    sl_loaded_done(&loaded);
    return code;
}
