/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_PLAN_INTERNAL_H
#define SL_PIPELINE_PLAN_INTERNAL_H

#include "pipeline/graph.h"

enum {
    SL_SECTION_CONNECTORS = SL_EXTENSION + 1, /* kinds of sections: enum sl_kind, then this */
    SL_SECTION_COUNT,
    SL_COMPONENTS_MAX = 1000, /* in a section */
    SL_PIPELINES_MAX = 1000,
    SL_WORKERS_MAX = 256
};

/* One entry of a section. */
struct sl_plan_component {
    struct sl_plan_component *next;
    const struct sl_component_type *type; /* NULL: unknown, or not built here */
    const char *id;                       /* as in the file */
    const char *path;                     /* "processors.batch/small" */
    const struct sl_node *node;
    void *config;
    bool missing;        /* the Collector has it, this build has not */
    const char *used_by; /* "service.pipelines.traces.receivers, ..."; NULL: nobody */
    unsigned signals;    /* that pipelines wire it for */
    unsigned index;      /* in its section */
    bool queueing;       /* exporters: merges and retries behind a queue of its own */
};

struct sl_plan_refs {
    struct sl_plan_component **items;
    unsigned count;
};

struct sl_plan_pipeline {
    struct sl_plan_pipeline *next;
    const char *id;
    enum sl_signal signal;
    struct sl_plan_refs receivers, processors, exporters;
};

struct sl_plan_section {
    struct sl_plan_component *first;
    unsigned count;
};

struct sl_reader_config {
    enum sl_presence presence;
    struct sl_pull_config {
        enum sl_presence presence;
        struct sl_pull_exporter_config {
            enum sl_presence presence;
            struct sl_prometheus_config {
                enum sl_presence presence;
                const char *host;
                int64_t port;
            } prometheus;
        } exporter;
    } pull;
    const struct sl_node *periodic;
};

struct sl_service_config {
    const struct sl_node *extensions, *pipelines;
    struct sl_service_telemetry {
        enum sl_presence presence;
        struct sl_service_logs {
            enum sl_presence presence;
            int level, encoding;
            struct sl_service_sampling {
                enum sl_presence presence;
                bool enabled;
                int64_t tick_ms, initial, thereafter;
            } sampling;
        } logs;
        struct sl_service_metrics {
            enum sl_presence presence;
            int level;
            struct sl_list readers; /* struct sl_reader_config */
            const char *address;    /* gone in the Collector; only to say so */
        } metrics;
    } telemetry;
    const char *workers;
    int64_t shutdown_timeout_ms, memory_limit;
};

struct sl_plan {
    struct sl_arena *arena;
    const struct sl_component_type *const *types;
    struct sl_plan_section sections[SL_SECTION_COUNT];
    struct sl_plan_refs extensions; /* service.extensions, in order */
    struct sl_plan_pipeline *pipelines;
    struct sl_service_config service;
    struct sl_telemetry_config telemetry;
    struct sl_plan_component metrics; /* the endpoint, as if it were an extension */
    unsigned workers;
    size_t memory_limit;
};

/* What a plan is made with. */
struct sl_planner {
    struct sl_plan *plan;
    struct sl_arena *arena;
    struct sl_diag *diag;
    bool out_of_memory;
};

extern const char *const sl_section_names[SL_SECTION_COUNT + 1]; /* "receivers"; NULL-ended */
extern const char *const sl_section_nouns[SL_SECTION_COUNT];     /* "receiver" */
extern const struct sl_field sl_service_fields[];                /* the whole section */
extern const struct sl_field sl_service_rest_fields[]; /* without extensions and pipelines */

/* plan_id.c: NULL when id is well-formed, else what is wrong with it. */
const char *sl_id_fault(const char *id);
/* The length of the type in "type/name". */
size_t sl_id_type_size(const char *id);
/* By name or alias; kind as of enum sl_kind. NULL: none. */
const struct sl_component_type *sl_type_find(const struct sl_component_type *const *types,
                                             unsigned kind, const char *name, size_t size);
bool sl_type_is_named(const struct sl_component_type *type, const char *name, size_t size);

/* plan_known.c: whether the Collector or its contrib repository has such a component. */
bool sl_known_elsewhere(unsigned section, const char *name, size_t size);
/* Advice for names that the Collector has given up, or NULL. */
const char *sl_known_hint(unsigned section, const char *name, size_t size);
/* One error for all that pipelines use, a warning for each other. */
void sl_plan_report_missing(struct sl_planner *planner);

/* plan_service.c */
void sl_plan_read_service(struct sl_planner *planner, const struct sl_node *service);
/* plan_pipelines.c: extensions and pipelines of the service section. */
void sl_plan_read_pipelines(struct sl_planner *planner, const struct sl_node *root);
/* plan_refs.c: component references inside components' configurations. */
void sl_plan_check_references(struct sl_planner *planner);
/* Looks id up in a section, by its text or with the type's other name. */
struct sl_plan_component *sl_plan_lookup(const struct sl_plan *plan, unsigned section,
                                         const char *id);
/* The nearest id in a section, or NULL. */
const char *sl_plan_nearest(struct sl_planner *planner, unsigned section, const char *id);

/* plan_limits.c: what the cgroup allows; 0: unknown. */
size_t sl_available_memory(void);
unsigned sl_available_cores(void);

#endif
