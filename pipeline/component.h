/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_COMPONENT_H
#define SL_PIPELINE_COMPONENT_H

#include "config/schema.h"
#include "core/error.h"
#include "core/worker.h"
#include "otlp/schema.h"
#include "pipeline/delivery.h"

enum sl_kind { SL_RECEIVER, SL_PROCESSOR, SL_EXPORTER, SL_EXTENSION };
enum sl_placement {
    SL_EVERY_WORKER, /* one instance a worker */
    SL_ONE_WORKER    /* one instance, on worker 0; the graph hands batches over */
};
enum sl_stability { SL_DEVELOPMENT, SL_ALPHA, SL_BETA, SL_STABLE };

struct sl_meter;
struct sl_graph;
struct sl_process; /* what all workers share: listeners, budget, health (pipeline/process.h) */

/* One instance. Embed it as the first member of the component's own struct. */
struct sl_component {
    const struct sl_component_type *type;
    const char *id;     /* "batch" or "batch/small", as in the file */
    const void *config; /* filled from type->fields; outlives the instance; shared, read-only */
    struct sl_worker *worker; /* everything here runs on its loop */
    struct sl_process *process;
    struct sl_graph *graph;
    struct sl_meter *meter; /* this instance's counters */
    unsigned signals;       /* which signals the pipelines wire it for */
    /* Where emitted deliveries go, per signal (index 0 traces, 1 metrics, 2 logs). */
    struct sl_output {
        const struct sl_target *targets;
        unsigned count;
    } outputs[3];
    bool last_in_pipeline; /* processors: only exporters follow */
    bool queues_follow;    /* ... and all of them batch in their senders */
    unsigned state;        /* enum sl_component_state; written by the graph and component.c */
};

/* Without a graph (unit tests of one component) the bits are set, and that is all. */
enum sl_component_state { SL_CREATED = 1, SL_STARTED = 2, SL_DRAINED = 4, SL_STOPPED = 8 };

/*
 * What a component is. The engine calls, per instance and on its worker's thread:
 *
 *     create -> start -> consume* -> drain -> stop -> destroy
 *
 * Exporters start first and stop last, so a component may emit from start()
 * until its drain has finished. Slots may be NULL where a default is given.
 */
struct sl_component_type {
    const char *name;    /* as in the file: lower case, a-z0-9_ */
    const char *aliases; /* other accepted names, by blanks; NULL: none */
    const char *doc;     /* one sentence for the reference page */
    enum sl_kind kind;
    enum sl_placement placement;
    enum sl_stability stability;
    unsigned signals;   /* which enum sl_signal it accepts, or-ed */
    bool mutates;       /* processors: may change a batch (so a fan-out before it must clone) */
    bool drops_unknown; /* processors: unknown protobuf fields do not survive it */
    size_t size;        /* sizeof the instance; the engine allocates it, zeroed */
    size_t config_size;
    const struct sl_field *fields;

    /* Checks what the table cannot: relations between fields. Adds complaints to
     * diag under path, at node's place. Also called when some keys were wrong: those
     * have their defaults then, and required ones may be NULL. Default: none. */
    void (*check)(const void *config, const struct sl_node *node, const char *path,
                  struct sl_diag *diag);
    /* Builds the instance in zeroed memory. No I/O. Default: nothing to do. */
    int (*create)(struct sl_component *self, struct sl_error *reterr);
    /* Opens sockets, starts timers. Fails only for what an operator can fix. */
    int (*start)(struct sl_component *self, struct sl_error *reterr);
    /* Takes over the delivery: forwards it or finishes it, now or later,
     * exactly once. Never blocks. Receivers and extensions have none. */
    void (*consume)(struct sl_component *self, struct sl_delivery *delivery);
    /* Queueing exporters. reserve sets room aside and returns true, or fills
     * *ret_refusal; release gives back what was reserved and never consumed. Default:
     * never refuses. */
    bool (*reserve)(struct sl_component *self, size_t items, size_t bytes,
                    struct sl_result *ret_refusal);
    void (*release)(struct sl_component *self, size_t items, size_t bytes);
    /* Admits nothing new and sends what is held by deadline_ms on the worker's
     * clock; calls sl_component_drained() when empty. Default: drained at once. */
    void (*drain)(struct sl_component *self, uint64_t deadline_ms);
    /* Closes every handle, finishing what is left with SL_RESULT_SHUTDOWN; calls
     * sl_component_stopped() from the last close. Default: stopped at once. */
    void (*stop)(struct sl_component *self);
    /* Frees what create made; also after a create or start that failed. */
    void (*destroy)(struct sl_component *self);
};

void sl_component_drained(struct sl_component *self);
void sl_component_stopped(struct sl_component *self);
/* Hands the delivery to the outputs of its batch's signal; self must not touch
 * it afterwards. With no output for the signal it is finished as OK. */
void sl_emit(struct sl_component *self, struct sl_delivery *delivery);
/* Hands the delivery to one component: what sl_emit and sl_fanout do with each
 * target. Counts what processors take in (sl_emit what they give out), so they do not. */
void sl_component_consume(struct sl_component *target, struct sl_delivery *delivery);
const char *sl_kind_name(enum sl_kind kind); /* "receiver" */

/* Every component in the build, in the order of app/components.def; NULL-ended.
 * The graph is given a list, so that tests can bring their own. */
extern const struct sl_component_type *const sl_component_types[];

#endif
