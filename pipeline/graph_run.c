/* SPDX-License-Identifier: Apache-2.0 */
/* Start, drain and stop: rank by rank, each rank after all of the one before it.
 * Components may answer at once or later; while draining nobody is waited for longer
 * than the rank's share of the time. */
#include <stddef.h>

#include "pipeline/graph_internal.h"

int sl_graph_start(struct sl_graph *graph, struct sl_error *reterr)
{
    for (unsigned i = 0; i < graph->count; i++) {
        struct sl_component *component = graph->instances[i].component;
        struct sl_error error = {.text = "it could not be started"};
        int status = SL_OK;
        if (component->type->start != NULL)
            status = component->type->start(component, &error);
        if (status != SL_OK)
            return sl_fail(reterr, status, "%s: %s", graph->instances[i].plan->path, error.text);
        component->state |= SL_STARTED;
    }
    return SL_OK;
}

static bool takes_part(const struct sl_graph *graph, const struct sl_instance *instance)
{
    return instance->rank == graph->rank && (instance->component->state & SL_STARTED) != 0;
}

/* Receivers get half of the time, processors half of the rest; the end is for
 * exporters, which have the most to do. */
static uint64_t rank_deadline_ms(const struct sl_graph *graph)
{
    uint64_t total_ms = graph->deadline_ms - graph->start_ms;
    if (graph->rank == 0)
        return graph->start_ms + total_ms / 2;
    if (graph->rank < graph->ranks - 2)
        return graph->start_ms + total_ms / 4 * 3;
    return graph->deadline_ms;
}

static void ask(struct sl_graph *graph, struct sl_component *component)
{
    const struct sl_component_type *type = component->type;
    if (graph->phase == SL_GRAPH_DRAINING) {
        if (type->drain != NULL)
            type->drain(component, rank_deadline_ms(graph));
        else
            sl_component_drained(component);
    } else if (type->stop != NULL) {
        type->stop(component);
    } else {
        sl_component_stopped(component);
    }
}

/* Asks all of the present rank; false: somebody answers later. */
static bool run_rank(struct sl_graph *graph)
{
    bool draining = graph->phase == SL_GRAPH_DRAINING;
    graph->waiting = 1;
    if (!draining && graph->rank == graph->ranks - 2 && graph->hub != NULL &&
        graph->hub->worker == graph->worker)
        graph->hub->graph = NULL; /* what is handed over from now on is sent back */
    for (unsigned i = 0; i < graph->count; i++)
        if (takes_part(graph, &graph->instances[i]))
            graph->waiting++;
    for (unsigned i = graph->count; i-- > 0;)
        if (takes_part(graph, &graph->instances[i]))
            ask(graph, graph->instances[i].component);
    if (--graph->waiting == 0)
        return true;
    if (!draining)
        return false;

    uint64_t now_ms = sl_worker_now_ms(graph->worker), until_ms = rank_deadline_ms(graph);
    if (until_ms <= now_ms || sl_timer_start(&graph->timer, until_ms - now_ms) != SL_OK) {
        graph->waiting = 0; /* no time left, or no timer to measure it */
        return true;
    }
    return false;
}

static void run(struct sl_graph *graph)
{
    while (graph->rank < graph->ranks) {
        if (!run_rank(graph))
            return;
        graph->rank++;
    }
    void (*done)(void *) = graph->done;
    graph->phase = SL_GRAPH_IDLE;
    graph->done = NULL;
    done(graph->arg);
}

static void next_rank(struct sl_graph *graph)
{
    sl_timer_stop(&graph->timer);
    graph->rank++;
    run(graph);
}

void sl_graph_changed(struct sl_graph *graph, struct sl_component *component, unsigned bit)
{
    unsigned awaited = graph->phase == SL_GRAPH_DRAINING   ? SL_DRAINED
                       : graph->phase == SL_GRAPH_STOPPING ? SL_STOPPED
                                                           : 0;
    if (bit != awaited || component->state >> SL_STATE_RANK_SHIFT != graph->rank ||
        graph->waiting == 0)
        return; /* late, or of its own accord */
    if (--graph->waiting == 0)
        next_rank(graph);
}

void sl_graph_timer(struct sl_timer *timer)
{
    struct sl_graph *graph = (struct sl_graph *)((char *)timer - offsetof(struct sl_graph, timer));
    graph->waiting = 0;
    next_rank(graph);
}

void sl_graph_drain(struct sl_graph *graph, uint64_t deadline_ms, void (*drained)(void *arg),
                    void *arg)
{
    graph->start_ms = sl_worker_now_ms(graph->worker);
    graph->deadline_ms = deadline_ms > graph->start_ms ? deadline_ms : graph->start_ms;
    graph->phase = SL_GRAPH_DRAINING;
    graph->rank = 0;
    graph->done = drained;
    graph->arg = arg;
    run(graph);
}

void sl_graph_stop(struct sl_graph *graph, void (*stopped)(void *arg), void *arg)
{
    sl_timer_stop(&graph->timer);
    graph->phase = SL_GRAPH_STOPPING;
    graph->rank = 0;
    graph->done = stopped;
    graph->arg = arg;
    run(graph);
}
