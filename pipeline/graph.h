/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_GRAPH_H
#define SL_PIPELINE_GRAPH_H

#include "pipeline/component.h"
#include "pipeline/process.h"

/*
 * A plan is a configuration checked and resolved: which components, with which
 * settings, wired how. It opens nothing. A graph is one worker's instances of a
 * plan.
 */
struct sl_telemetry_config {
    int log_level, log_encoding; /* enum sl_log_level, enum sl_log_encoding */
    bool log_sampling;
    int64_t log_tick_ms, log_initial, log_thereafter;
    bool metrics;            /* serve Prometheus text */
    bool metrics_by_default; /* nobody asked for it: a taken port is only a warning */
    const char *metrics_host;
    int64_t metrics_port;
};

struct sl_plan;

/* Checks the whole tree (sections, ids, references, keys, pipelines), adding
 * every complaint to diag. NULL when there were errors or memory ran out. The
 * plan uses arena, which must outlive it. */
struct sl_plan *sl_plan_new(const struct sl_node *root,
                            const struct sl_component_type *const *types, struct sl_arena *arena,
                            struct sl_diag *diag);
void sl_plan_free(struct sl_plan *plan);
unsigned sl_plan_workers(const struct sl_plan *plan); /* service.workers */
int64_t sl_plan_shutdown_timeout_ms(const struct sl_plan *plan);
const struct sl_telemetry_config *sl_plan_telemetry(const struct sl_plan *plan);
/* service.memory_limit in bytes; unless given, half of what the cgroup or the machine
 * has, at least 64 MiB and at most 2 GiB. */
size_t sl_plan_memory_limit(const struct sl_plan *plan);
/* Effective configuration as YAML, secrets masked. */
void sl_plan_print(const struct sl_plan *plan, FILE *out);
/* JSON Schema of the whole file / Markdown page of one type, from the tables. */
void sl_types_print_schema(const struct sl_component_type *const *types, FILE *out);
void sl_type_print_markdown(const struct sl_component_type *type, FILE *out);
void sl_types_list(const struct sl_component_type *const *types, FILE *out);

/* Creates the instances for one worker. Graphs of the same plan know each other
 * through `peers` (worker_count entries, filled as they are created; worker 0's comes
 * first); NULL with one worker. The plan must outlive the graph. */
struct sl_graph *sl_graph_new(const struct sl_plan *plan, struct sl_process *process,
                              struct sl_worker *worker, struct sl_graph **peers,
                              struct sl_error *reterr);
/* After a failure what had started is still running: sl_graph_stop(), then free. */
int sl_graph_start(struct sl_graph *graph, struct sl_error *reterr);
/* Receivers, then processors in order, then exporters; then drained(arg), perhaps
 * before this returns. deadline_ms is on the worker's clock: half of the time until then is
 * for receivers, half of the rest for processors. Who is late is not waited for. */
void sl_graph_drain(struct sl_graph *graph, uint64_t deadline_ms, void (*drained)(void *arg),
                    void *arg);
/* Closes everything, in the order of drain; then stopped(arg), perhaps before this
 * returns. A worker that batches were handed to must outlive it (sl_worker_done later). */
void sl_graph_stop(struct sl_graph *graph, void (*stopped)(void *arg), void *arg);
void sl_graph_free(struct sl_graph *graph);
struct sl_component *sl_graph_find(struct sl_graph *graph, enum sl_kind kind, const char *id);

#endif
