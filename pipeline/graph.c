/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's instances of a plan: allocated, wired, created, found, freed. Receivers,
 * exporters and extensions exist once per id, processors once per pipeline. */
#include "pipeline/graph.h"

#include <assert.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/graph_internal.h"

static unsigned longest_chain(const struct sl_plan *plan)
{
    unsigned longest = 0;
    for (const struct sl_plan_pipeline *at = plan->pipelines; at != NULL; at = at->next)
        if (at->processors.count > longest)
            longest = at->processors.count;
    return longest;
}

/* No more instances than this. */
static unsigned instance_bound(const struct sl_plan *plan)
{
    unsigned bound = 1 + plan->extensions.count + plan->sections[SL_RECEIVER].count +
                     plan->sections[SL_EXPORTER].count;
    for (const struct sl_plan_pipeline *at = plan->pipelines; at != NULL; at = at->next)
        bound += at->processors.count;
    return bound;
}

/* Whether this worker has an instance of its own. */
static bool lives_here(const struct sl_graph *graph, const struct sl_component_type *type)
{
    return type->placement == SL_EVERY_WORKER || graph->worker->index == 0;
}

static struct sl_component *add(struct sl_graph *graph, const struct sl_plan_component *plan,
                                const struct sl_component_type *type, unsigned rank)
{
    assert(type->size >= sizeof(struct sl_component));
    struct sl_component *component = sl_calloc(1, type->size);
    if (component == NULL)
        return NULL;
    component->type = type;
    component->id = plan->id;
    component->config = plan->config;
    component->worker = graph->worker;
    component->process = graph->process;
    component->graph = graph;
    component->signals = plan->signals;
    component->state = rank << SL_STATE_RANK_SHIFT;
    graph->instances[graph->count++] = (struct sl_instance){component, plan, rank};
    if (graph->process == NULL || graph->process->meters == NULL || type == &sl_handover_type ||
        type == &sl_metrics_type)
        return component;
    component->meter = sl_meter_new(graph->process->meters, sl_kind_name(type->kind), plan->id);
    return component->meter != NULL ? component : NULL;
}

/* Only where something can listen: a graph that is built to be checked has none. */
static int add_metrics(struct sl_graph *graph)
{
    if (!graph->plan->telemetry.metrics || !lives_here(graph, &sl_metrics_type) ||
        graph->process == NULL || graph->process->listeners == NULL ||
        graph->process->meters == NULL)
        return SL_OK;
    return add(graph, &graph->plan->metrics, &sl_metrics_type, graph->ranks - 1) != NULL
               ? SL_OK
               : SL_ENOMEM;
}

static int add_extensions(struct sl_graph *graph)
{
    const struct sl_plan_refs *refs = &graph->plan->extensions;
    for (unsigned i = 0; i < refs->count; i++)
        if (lives_here(graph, refs->items[i]->type) &&
            add(graph, refs->items[i], refs->items[i]->type, graph->ranks - 1) == NULL)
            return SL_ENOMEM;
    return SL_OK;
}

static int add_exporters(struct sl_graph *graph)
{
    const struct sl_plan_component *at = graph->plan->sections[SL_EXPORTER].first;
    for (; at != NULL; at = at->next) {
        if (at->signals == 0)
            continue;
        bool here = lives_here(graph, at->type);
        struct sl_component *component =
            add(graph, at, here ? at->type : &sl_handover_type, graph->ranks - 2);
        if (component == NULL)
            return SL_ENOMEM;
        if (!here)
            sl_handover_init(component, graph->hub, at->index);
        graph->exporters[at->index] = component;
    }
    return SL_OK;
}

/* From the last place of the longest pipeline to the first place. */
static int add_processors(struct sl_graph *graph)
{
    for (unsigned place = graph->ranks - 3; place-- > 0;) {
        const struct sl_plan_pipeline *at = graph->plan->pipelines;
        for (; at != NULL; at = at->next) {
            if (place >= at->processors.count)
                continue;
            const struct sl_plan_component *plan = at->processors.items[place];
            struct sl_component *component = add(graph, plan, plan->type, place + 1);
            if (component == NULL)
                return SL_ENOMEM;
            component->signals = (unsigned)at->signal;
        }
    }
    return SL_OK;
}

static int add_receivers(struct sl_graph *graph)
{
    const struct sl_plan_component *at = graph->plan->sections[SL_RECEIVER].first;
    for (; at != NULL; at = at->next) {
        if (at->signals == 0 || !lives_here(graph, at->type))
            continue;
        graph->receivers[at->index] = add(graph, at, at->type, 0);
        if (graph->receivers[at->index] == NULL)
            return SL_ENOMEM;
    }
    return SL_OK;
}

static bool hands_over(const struct sl_plan *plan)
{
    const struct sl_plan_component *at = plan->sections[SL_EXPORTER].first;
    while (at != NULL && (at->signals == 0 || at->type->placement != SL_ONE_WORKER))
        at = at->next;
    return at != NULL;
}

static int find_hub(struct sl_graph *graph, struct sl_graph **peers)
{
    if (!hands_over(graph->plan))
        return SL_OK;
    if (graph->worker->index == 0) {
        graph->hub = sl_hub_new(graph);
        return graph->hub != NULL ? SL_OK : SL_ENOMEM;
    }
    assert(peers != NULL && peers[0] != NULL && peers[0]->hub != NULL);
    graph->hub = sl_hub_ref(peers[0]->hub);
    return SL_OK;
}

static int build(struct sl_graph *graph, struct sl_graph **peers)
{
    const struct sl_plan *plan = graph->plan;
    struct sl_arena *arena = &graph->arena;
    graph->ranks = longest_chain(plan) + 3;
    graph->instances = sl_arena_calloc(arena, instance_bound(plan), sizeof *graph->instances);
    graph->receivers =
        sl_arena_calloc(arena, plan->sections[SL_RECEIVER].count, sizeof *graph->receivers);
    graph->exporters =
        sl_arena_calloc(arena, plan->sections[SL_EXPORTER].count, sizeof *graph->exporters);
    if (graph->instances == NULL || graph->receivers == NULL || graph->exporters == NULL ||
        find_hub(graph, peers) != SL_OK || add_metrics(graph) != SL_OK ||
        add_extensions(graph) != SL_OK || add_exporters(graph) != SL_OK ||
        add_processors(graph) != SL_OK || add_receivers(graph) != SL_OK)
        return SL_ENOMEM;
    return sl_graph_wire(graph);
}

static int create_all(struct sl_graph *graph, struct sl_error *reterr)
{
    for (unsigned i = 0; i < graph->count; i++) {
        struct sl_component *component = graph->instances[i].component;
        struct sl_error error = {.text = "it could not be created"};
        graph->created = i + 1; /* destroy also follows a create that failed */
        int status = SL_OK;
        if (component->type->create != NULL)
            status = component->type->create(component, &error);
        if (status != SL_OK)
            return sl_fail(reterr, status, "%s: %s", graph->instances[i].plan->path, error.text);
        component->state |= SL_CREATED;
    }
    return SL_OK;
}

struct sl_graph *sl_graph_new(const struct sl_plan *plan, struct sl_process *process,
                              struct sl_worker *worker, struct sl_graph **peers,
                              struct sl_error *reterr)
{
    struct sl_graph *graph = sl_calloc(1, sizeof *graph);
    if (graph == NULL) {
        (void)sl_fail(reterr, SL_ENOMEM, "out of memory");
        return NULL;
    }
    graph->changed = sl_graph_changed;
    graph->plan = plan;
    graph->process = process;
    graph->worker = worker;
    sl_timer_init(&graph->timer, worker, sl_graph_timer);
    int status = build(graph, peers);
    if (status != SL_OK)
        (void)sl_fail(reterr, status, "out of memory");
    else
        status = create_all(graph, reterr);
    if (status == SL_OK)
        return graph;
    sl_graph_free(graph);
    return NULL;
}

void sl_graph_free(struct sl_graph *graph)
{
    if (graph == NULL)
        return;
    sl_timer_stop(&graph->timer);
    if (graph->hub != NULL && graph->hub->worker == graph->worker)
        graph->hub->graph = NULL;
    for (unsigned i = graph->count; i-- > 0;) {
        struct sl_component *component = graph->instances[i].component;
        assert((component->state & SL_STARTED) == 0 || (component->state & SL_STOPPED) != 0);
        if (i < graph->created && component->type->destroy != NULL)
            component->type->destroy(component);
        sl_free(component);
    }
    sl_hub_unref(graph->hub);
    sl_arena_done(&graph->arena);
    sl_free(graph);
}

struct sl_component *sl_graph_find(struct sl_graph *graph, enum sl_kind kind, const char *id)
{
    for (unsigned i = 0; i < graph->count; i++) {
        struct sl_component *component = graph->instances[i].component;
        if (component->type->kind == kind && strcmp(component->id, id) == 0)
            return component;
    }
    return NULL;
}
