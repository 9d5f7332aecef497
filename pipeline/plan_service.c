/* SPDX-License-Identifier: Apache-2.0 */
/* The service section as a table: telemetry, workers, shutdown and memory. Keys of the
 * Collector that have no meaning here are in it too, as ignored. */
#include <stddef.h>
#include <string.h>

#include "core/bytes.h"
#include "core/log.h"
#include "pipeline/plan_internal.h"

enum { HALF = 2 };
static const size_t memory_min = (size_t)64 << 20, memory_max = (size_t)2 << 30;
static const size_t memory_least = (size_t)1 << 20; /* less takes no request at all */

static const char *const log_levels[] = {"debug", "info", "warn", "error", "none", NULL};
static const char *const log_encodings[] = {"console", "json", NULL};
static const char *const metric_levels[] = {"none", "basic", "normal", "detailed", NULL};
enum { METRICS_NONE };

static const struct sl_field prometheus_fields[] = {
    SL_FIELD(TEXT, sl_prometheus_config, host, .preset = "localhost",
             .doc = "Address to listen on."),
    SL_FIELD(INT, sl_prometheus_config, port, .preset = "8888", .min = 0, .max = 65535,
             .doc = "Port to listen on."),
    SL_IGNORED("without_scope_info", .doc = "Scope labels are never written."),
    SL_IGNORED("without_units", .doc = "Names never carry units."),
    SL_IGNORED("without_type_suffix", .doc = "Names never carry a type."),
    SL_IGNORED("with_resource_constant_labels", .doc = "There are none."),
    SL_END};
static const struct sl_field pull_exporter_fields[] = {
    SL_FIELD(GROUP, sl_pull_exporter_config, prometheus, .group = prometheus_fields,
             .doc = "Prometheus text under /metrics."),
    SL_END};
static const struct sl_field pull_fields[] = {SL_FIELD(GROUP, sl_pull_config, exporter,
                                                       .group = pull_exporter_fields,
                                                       .doc = "What is served."),
                                              SL_END};
static const struct sl_field reader_fields[] = {
    SL_FIELD(GROUP, sl_reader_config, pull, .group = pull_fields, .flags = SL_F_OPTIONAL,
             .doc = "Metrics that are fetched from here."),
    SL_FIELD(NODE, sl_reader_config, periodic, .doc = "Not built here."), SL_END};
static const struct sl_field reader_element = {
    .name = "reader", .type = SL_T_GROUP, .group = reader_fields};

static const struct sl_field sampling_fields[] = {
    SL_FIELD(BOOL, sl_service_sampling, enabled, .preset = "true",
             .doc = "Leave out repeated lines."),
    SL_FIELD_AS(DURATION, "tick", sl_service_sampling, tick_ms, .preset = "10s", .min = 1,
                .max = 86400000, .doc = "The time over which lines are counted."),
    SL_FIELD(INT, sl_service_sampling, initial, .preset = "10", .min = 0, .max = 1000000,
             .doc = "Lines of one message that are written in each tick."),
    SL_FIELD(INT, sl_service_sampling, thereafter, .preset = "100", .min = 0, .max = 1000000,
             .doc = "After those, one line of so many is written; 0: none."),
    SL_END};
static const struct sl_field logs_fields[] = {
    SL_FIELD(ENUM, sl_service_logs, level, .preset = "info", .names = log_levels,
             .doc = "The least severe line that is written."),
    SL_FIELD(ENUM, sl_service_logs, encoding, .preset = "console", .names = log_encodings,
             .doc = "Lines for people, or JSON."),
    SL_FIELD(GROUP, sl_service_logs, sampling, .group = sampling_fields,
             .doc = "So that a broken destination does not fill a disk."),
    SL_IGNORED("development", .doc = "Lines look the same."),
    SL_IGNORED("disable_caller", .doc = "Lines name no caller."),
    SL_IGNORED("disable_stacktrace", .doc = "There are no stack traces."),
    SL_IGNORED("output_paths", .doc = "Lines go to standard error."),
    SL_IGNORED("error_output_paths", .doc = "Lines go to standard error."),
    SL_IGNORED("initial_fields", .doc = "Lines carry no other fields."),
    SL_IGNORED("processors", .doc = "Lines go to standard error only."),
    SL_END};
static const struct sl_field metrics_fields[] = {
    SL_FIELD(ENUM, sl_service_metrics, level, .preset = "normal", .names = metric_levels,
             .doc = "With 'none' no metrics are served; the other levels are the same here."),
    SL_FIELD(LIST, sl_service_metrics, readers, .element = &reader_element,
             .element_size = sizeof(struct sl_reader_config), .max = 16,
             .doc = "Where metrics are served; one pull reader. Default: localhost:8888, "
                    "unless that port is taken."),
    SL_FIELD(TEXT, sl_service_metrics, address, .flags = SL_F_ADVANCED,
             .doc = "Gone from the Collector; use readers."),
    SL_IGNORED("views", .doc = "Metrics are as they are."), SL_END};
static const struct sl_field telemetry_fields[] = {
    SL_FIELD(GROUP, sl_service_telemetry, logs, .group = logs_fields, .doc = "Own log lines."),
    SL_FIELD(GROUP, sl_service_telemetry, metrics, .group = metrics_fields, .doc = "Own metrics."),
    SL_IGNORED("traces", .doc = "There are no traces of its own."),
    SL_IGNORED("resource", .doc = "Metrics carry no resource."), SL_END};

#define REST_FIELDS                                                                                \
    SL_FIELD(GROUP, sl_service_config, telemetry, .group = telemetry_fields,                       \
             .doc = "What the process tells about itself."),                                       \
        SL_FIELD(TEXT, sl_service_config, workers, .preset = "1",                                  \
                 .doc = "Threads, each with its own copy of every pipeline; 'auto': as many as "   \
                        "the cgroup has cores. At most 256."),                                     \
        SL_FIELD_AS(DURATION, "shutdown_timeout", sl_service_config, shutdown_timeout_ms,          \
                    .preset = "20s", .max = 3600000, .share = SL_SHARED,                           \
                    .doc = "How long a stop may take to send what is held."),                      \
        SL_FIELD(SIZE, sl_service_config, memory_limit, .preset = "0", .share = SL_SHARED,         \
                 .max = INT64_MAX,                                                                 \
                 .doc = "Bytes that buffers, queues and batches may hold together. 0: half of "    \
                        "the memory of the cgroup or the machine, between 64 MiB and 2 GiB."),     \
        SL_END

const struct sl_field sl_service_rest_fields[] = {REST_FIELDS};
const struct sl_field sl_service_fields[] = {
    SL_FIELD(NODE, sl_service_config, extensions, .doc = "Ids of the extensions to start."),
    SL_FIELD(NODE, sl_service_config, pipelines,
             .doc = "Pipelines by id: traces, metrics or logs, with an optional /name."),
    REST_FIELDS};

static void read_workers(struct sl_planner *planner, const struct sl_node *service)
{
    struct sl_plan *plan = planner->plan;
    const char *text = plan->service.workers;
    int64_t count = 0;
    if (text == NULL)
        return;
    if (strcmp(text, "auto") == 0) {
        unsigned cores = sl_available_cores();
        plan->workers = cores < SL_WORKERS_MAX ? cores : SL_WORKERS_MAX;
        return;
    }
    if (!sl_bytes_to_int64(sl_text(text), &count) || count < 1 || count > SL_WORKERS_MAX) {
        const struct sl_node *node = service != NULL ? sl_node_find(service, "workers") : NULL;
        struct sl_place nowhere = {0};
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node != NULL ? node->place : nowhere,
                    "service.workers", "'%s' is neither 'auto' nor a number from 1 to %d", text,
                    SL_WORKERS_MAX);
        return;
    }
    plan->workers = (unsigned)count;
}

static void read_memory_limit(struct sl_planner *planner, const struct sl_node *service)
{
    struct sl_plan *plan = planner->plan;
    plan->memory_limit = (size_t)plan->service.memory_limit;
    const struct sl_node *node = service != NULL ? sl_node_find(service, "memory_limit") : NULL;
    if (plan->memory_limit != 0 && plan->memory_limit < memory_least && node != NULL)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, "service.memory_limit",
                    "%.40s is below the least, 1MiB (0: half of the memory there is)", node->text);
    if (plan->memory_limit != 0)
        return;
    size_t half = sl_available_memory() / HALF;
    plan->memory_limit = half < memory_min ? memory_min : half > memory_max ? memory_max : half;
}

/* The places of the readers' nodes run along with the list that was read. */
static void read_readers(struct sl_planner *planner, const struct sl_node *list)
{
    struct sl_telemetry_config *telemetry = &planner->plan->telemetry;
    const struct sl_list *readers = &planner->plan->service.telemetry.metrics.readers;
    const struct sl_reader_config *reader = readers->items;
    const struct sl_node *node = list->child;
    bool found = false;

    for (size_t i = 0; i < readers->count && node != NULL; i++, node = node->next) {
        const char *path = "service.telemetry.metrics.readers";
        if (reader[i].periodic != NULL) {
            sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                        "periodic readers are not built here; use pull with prometheus");
        } else if (reader[i].pull.presence == SL_ABSENT) {
            sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                        "expected pull.exporter.prometheus");
        } else if (found) {
            sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                        "only one pull reader is possible");
        } else {
            found = true;
            telemetry->metrics_host = reader[i].pull.exporter.prometheus.host;
            telemetry->metrics_port = reader[i].pull.exporter.prometheus.port;
        }
    }
    telemetry->metrics = found;
}

static int default_reader(struct sl_planner *planner)
{
    struct sl_telemetry_config *telemetry = &planner->plan->telemetry;
    struct sl_reader_config *reader = sl_arena_calloc(planner->arena, 1, sizeof *reader);
    if (reader == NULL)
        return SL_ENOMEM;
    int status = sl_schema_read(reader_fields, NULL, "service.telemetry.metrics.readers", reader,
                                planner->arena, planner->diag);
    reader->presence = reader->pull.presence = SL_GIVEN;
    planner->plan->service.telemetry.metrics.readers = (struct sl_list){reader, 1};
    telemetry->metrics = true;
    telemetry->metrics_by_default = true;
    telemetry->metrics_host = reader->pull.exporter.prometheus.host;
    telemetry->metrics_port = reader->pull.exporter.prometheus.port;
    return status;
}

static const struct sl_node *find_path(const struct sl_node *node, const char *const *keys)
{
    for (; *keys != NULL && node != NULL; keys++)
        node = node->kind == SL_NODE_MAP ? sl_node_find(node, *keys) : NULL;
    return node;
}

static void read_metrics(struct sl_planner *planner, const struct sl_node *service)
{
    struct sl_plan *plan = planner->plan;
    const struct sl_node *metrics =
        find_path(service, (const char *const[]){"telemetry", "metrics", NULL});
    const struct sl_node *list = find_path(metrics, (const char *const[]){"readers", NULL});
    const struct sl_node *address = find_path(metrics, (const char *const[]){"address", NULL});

    if (address != NULL && address->kind != SL_NODE_NULL)
        sl_diag_add(planner->diag, SL_DIAG_WARNING, address->key_place,
                    "service.telemetry.metrics.address",
                    "ignored, as in the Collector since 0.123; use readers: [{pull: {exporter: "
                    "{prometheus: {host: localhost, port: 8888}}}}]");
    if (list != NULL)
        read_readers(planner, list);
    else if (plan->service.telemetry.metrics.level != METRICS_NONE &&
             default_reader(planner) == SL_ENOMEM)
        planner->out_of_memory = true;
    if (plan->service.telemetry.metrics.level == METRICS_NONE)
        plan->telemetry.metrics = false;
}

void sl_plan_read_service(struct sl_planner *planner, const struct sl_node *service)
{
    struct sl_plan *plan = planner->plan;
    int status = sl_schema_read(sl_service_fields, service, "service", &plan->service,
                                planner->arena, planner->diag);
    if (status == SL_ENOMEM)
        planner->out_of_memory = true;
    read_workers(planner, service);
    if (status != SL_OK)
        return;

    const struct sl_service_logs *logs = &plan->service.telemetry.logs;
    plan->telemetry = (struct sl_telemetry_config){.log_level = logs->level,
                                                   .log_encoding = logs->encoding,
                                                   .log_sampling = logs->sampling.enabled,
                                                   .log_tick_ms = logs->sampling.tick_ms,
                                                   .log_initial = logs->sampling.initial,
                                                   .log_thereafter = logs->sampling.thereafter};
    plan->metrics = (struct sl_plan_component){
        .id = "metrics", .path = "service.telemetry.metrics", .config = &plan->telemetry};
    read_metrics(planner, service);
    read_memory_limit(planner, service);
}
