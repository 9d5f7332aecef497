/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_GRAPH_INTERNAL_H
#define SL_PIPELINE_GRAPH_INTERNAL_H

#include <stdatomic.h>

#include "core/arena.h"
#include "pipeline/graph.h"
#include "pipeline/plan_internal.h"

/* 0 traces, 1 metrics, 2 logs. */
static inline unsigned sl_signal_index(enum sl_signal signal)
{
    return signal == SL_TRACES ? 0 : signal == SL_METRICS ? 1 : 2;
}

/* In sl_component.state, above enum sl_component_state. */
enum { SL_STATE_RANK_SHIFT = 8 };

struct sl_instance {
    struct sl_component *component;
    const struct sl_plan_component *plan;
    unsigned rank; /* drains and stops in ascending order, starts in descending order */
};

enum sl_graph_phase { SL_GRAPH_IDLE, SL_GRAPH_DRAINING, SL_GRAPH_STOPPING };

/*
 * Where batches arrive for exporters that live on worker 0 only. It outlives that
 * worker's graph: mail on its way then finds no graph and is answered.
 */
struct sl_hub {
    atomic_uint references;
    struct sl_worker *worker; /* worker 0 */
    struct sl_graph *graph;   /* NULL once its exporters stop; read and set on worker 0 */
};

struct sl_graph {
    /* A component has drained or stopped (bit: SL_DRAINED, SL_STOPPED), possibly
     * from inside the call that asked for it. */
    void (*changed)(struct sl_graph *graph, struct sl_component *component, unsigned bit);

    const struct sl_plan *plan;
    struct sl_process *process;
    struct sl_worker *worker;
    struct sl_hub *hub;    /* NULL: nothing is handed over */
    struct sl_arena arena; /* targets and tables */

    struct sl_instance *instances; /* in the order of start */
    unsigned count, created;
    struct sl_component **receivers, **exporters; /* by the index in their section, or NULL */
    unsigned ranks;                               /* ranks are 0 to ranks - 1 */

    enum sl_graph_phase phase;
    unsigned rank;    /* draining or stopping now */
    unsigned waiting; /* of that rank, not yet done; plus one while they are being asked */
    uint64_t start_ms, deadline_ms;
    struct sl_timer timer;
    void (*done)(void *arg);
    void *arg;
};

/* graph_wire.c: gives every component its outputs. */
int sl_graph_wire(struct sl_graph *graph);
/* graph_run.c */
void sl_graph_changed(struct sl_graph *graph, struct sl_component *component, unsigned bit);
void sl_graph_timer(struct sl_timer *timer);

/* handover.c: stands on another worker for an exporter of worker 0. */
extern const struct sl_component_type sl_handover_type;
void sl_handover_init(struct sl_component *proxy, struct sl_hub *hub, unsigned exporter);
struct sl_hub *sl_hub_new(struct sl_graph *graph);
struct sl_hub *sl_hub_ref(struct sl_hub *hub);
void sl_hub_unref(struct sl_hub *hub);

/* metrics.c: the endpoint of service.telemetry.metrics; its config is the plan's. */
extern const struct sl_component_type sl_metrics_type;
int sl_metrics_port(const struct sl_component *metrics); /* 0: it is not served */
void sl_process_print_prometheus(const struct sl_process *process, uint64_t now_wall_ns,
                                 struct sl_out *out);

#endif
