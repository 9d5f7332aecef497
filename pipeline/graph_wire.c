/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: receivers to the heads of their pipelines, processors to the next one or
 * to the exporters; each target with the queueing exporters behind it. */
#include "pipeline/graph_internal.h"

struct wired {
    const struct sl_plan_pipeline *plan;
    struct sl_target *ends; /* the exporters */
    struct sl_component **queues;
    unsigned queue_count;
    const struct sl_target *head; /* what receivers emit to */
    unsigned head_count;
    bool all_queue;
};

static int wire_exporters(struct sl_graph *graph, struct wired *wired)
{
    const struct sl_plan_refs *refs = &wired->plan->exporters;
    wired->ends = sl_arena_calloc(&graph->arena, refs->count, sizeof *wired->ends);
    wired->queues = sl_arena_calloc(&graph->arena, refs->count, sizeof(void *));
    if (wired->ends == NULL || wired->queues == NULL)
        return SL_ENOMEM;
    wired->all_queue = true;
    for (unsigned i = 0; i < refs->count; i++) {
        struct sl_component *exporter = graph->exporters[refs->items[i]->index];
        wired->ends[i].component = exporter;
        wired->all_queue = wired->all_queue && refs->items[i]->queueing;
        if (exporter->type->reserve == NULL)
            continue;
        wired->queues[wired->queue_count] = exporter;
        wired->ends[i].queues = &wired->queues[wired->queue_count++];
        wired->ends[i].queue_count = 1;
    }
    wired->head = wired->ends;
    wired->head_count = refs->count;
    return SL_OK;
}

/* Instances of one pipeline's processors, in add_processors' order: found again by
 * rank and plan, the n-th of those for the n-th pipeline that has it there. */
static struct sl_component *take_processor(struct sl_graph *graph,
                                           const struct sl_plan_pipeline *pipeline, unsigned place)
{
    const struct sl_plan_component *plan = pipeline->processors.items[place];
    unsigned before = 0;
    for (const struct sl_plan_pipeline *at = graph->plan->pipelines; at != pipeline; at = at->next)
        if (place < at->processors.count && at->processors.items[place] == plan)
            before++;
    for (unsigned i = 0; i < graph->count; i++) {
        const struct sl_instance *instance = &graph->instances[i];
        if (instance->rank == place + 1 && instance->plan == plan &&
            instance->component->type->kind == SL_PROCESSOR && before-- == 0)
            return instance->component;
    }
    return NULL;
}

static int wire_processors(struct sl_graph *graph, struct wired *wired)
{
    unsigned signal = sl_signal_index(wired->plan->signal);
    for (unsigned place = wired->plan->processors.count; place-- > 0;) {
        struct sl_component *processor = take_processor(graph, wired->plan, place);
        struct sl_target *head = sl_arena_calloc(&graph->arena, 1, sizeof *head);
        if (head == NULL)
            return SL_ENOMEM;
        processor->outputs[signal].targets = wired->head;
        processor->outputs[signal].count = wired->head_count;
        processor->last_in_pipeline = place + 1 == wired->plan->processors.count;
        processor->queues_follow = processor->last_in_pipeline && wired->all_queue;
        *head = (struct sl_target){processor, wired->queues, wired->queue_count};
        wired->head = head;
        wired->head_count = 1;
    }
    return SL_OK;
}

/* Adds the pipeline's head to the outputs of each of its receivers. */
static int wire_receivers(struct sl_graph *graph, struct wired *wired)
{
    unsigned signal = sl_signal_index(wired->plan->signal);
    const struct sl_plan_refs *refs = &wired->plan->receivers;
    for (unsigned i = 0; i < refs->count; i++) {
        struct sl_component *receiver = graph->receivers[refs->items[i]->index];
        if (receiver == NULL)
            continue; /* it lives on another worker */
        struct sl_output *output = &receiver->outputs[signal];
        unsigned count = output->count + wired->head_count;
        struct sl_target *targets = sl_arena_calloc(&graph->arena, count, sizeof *targets);
        if (targets == NULL)
            return SL_ENOMEM;
        for (unsigned k = 0; k < count; k++)
            targets[k] = k < output->count ? output->targets[k] : wired->head[k - output->count];
        *output = (struct sl_output){targets, count};
    }
    return SL_OK;
}

int sl_graph_wire(struct sl_graph *graph)
{
    const struct sl_plan_pipeline *at = graph->plan->pipelines;
    for (; at != NULL; at = at->next) {
        struct wired wired = {.plan = at};
        if (wire_exporters(graph, &wired) != SL_OK || wire_processors(graph, &wired) != SL_OK ||
            wire_receivers(graph, &wired) != SL_OK)
            return SL_ENOMEM;
    }
    return SL_OK;
}
