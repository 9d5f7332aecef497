/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus endpoint of service.telemetry.metrics: an extension of the engine's
 * own, on worker 0, started first and stopped last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/log.h"
#include "pipeline/graph_internal.h"
#include "pipeline/pages.h"

enum { ADDRESS_SIZE = 300 };

struct metrics {
    struct sl_component base;
    struct sl_pages pages;
};

static uint64_t resident_bytes(void)
{
    unsigned long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    long page = sysconf(_SC_PAGESIZE);
    return page > 0 ? resident * (uint64_t)page : 0;
}

static void write_head(struct sl_out *out, const char *name, const char *type, const char *help)
{
    sl_out_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
}

void sl_process_print_prometheus(const struct sl_process *process, uint64_t now_wall_ns,
                                 struct sl_out *out)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double uptime = now_wall_ns > process->started_wall_ns
                        ? (double)(now_wall_ns - process->started_wall_ns) / 1e9
                        : 0;
    write_head(out, "otelcol_process_cpu_seconds", "counter", "Processor time used.");
    sl_out_printf(out, "%.3f\n", cpu);
    write_head(out, "otelcol_process_memory_rss", "gauge", "Resident memory, in bytes.");
    sl_out_printf(out, "%" PRIu64 "\n", resident_bytes());
    write_head(out, "otelcol_process_uptime", "counter", "Seconds since the start.");
    sl_out_printf(out, "%.3f\n", uptime);
    write_head(out, "sluice_memory_limit_bytes", "gauge",
               "What buffers, queues and batches may hold.");
    sl_out_printf(out, "%zu\n", atomic_load(&process->budget.limit));
    write_head(out, "sluice_memory_used_bytes", "gauge", "What they hold.");
    sl_out_printf(out, "%zu\n", atomic_load(&process->budget.used));
}

static void answer(struct sl_component *self, struct sl_bytes path, struct sl_page *page)
{
    if (!sl_bytes_is(path, "/metrics")) {
        page->status = 404;
        return;
    }
    page->content_type = "text/plain; version=0.0.4; charset=utf-8";
    sl_meters_print_prometheus(self->process->meters, &page->body);
    sl_process_print_prometheus(self->process, sl_worker_wall_ns(self->worker), &page->body);
}

static int start(struct sl_component *self, struct sl_error *reterr)
{
    struct metrics *metrics = (struct metrics *)self;
    const struct sl_telemetry_config *config = self->config;
    char address[ADDRESS_SIZE];
    struct sl_error error = {0};
    bool bare_v6 = strchr(config->metrics_host, ':') != NULL && config->metrics_host[0] != '[';
    int length = snprintf(address, sizeof address, bare_v6 ? "[%s]:%d" : "%s:%d",
                          config->metrics_host, (int)config->metrics_port);
    if (length < 0 || length >= ADDRESS_SIZE)
        return sl_fail(reterr, SL_EINVALID, "the host is too long");
    metrics->pages.owner = self;
    metrics->pages.answer = answer;
    int status = sl_pages_open(&metrics->pages, address, &error);
    if (status == SL_OK)
        return SL_OK;
    if (!config->metrics_by_default)
        return sl_fail(reterr, status, "%s", error.text);
    sl_log(SL_LOG_WARN, NULL, "metrics are not served, as nobody asked for them by name: %s",
           error.text);
    return SL_OK;
}

int sl_metrics_port(const struct sl_component *self)
{
    const struct metrics *metrics = (const struct metrics *)self;
    return metrics->pages.server != NULL ? sl_pages_port(&metrics->pages) : 0;
}

static void stop(struct sl_component *self)
{
    struct metrics *metrics = (struct metrics *)self;
    metrics->pages.owner = self;
    sl_pages_close(&metrics->pages, sl_component_stopped);
}

const struct sl_component_type sl_metrics_type = {
    .name = "metrics",
    .doc = "Serves the process's own metrics as Prometheus text.",
    .kind = SL_EXTENSION,
    .placement = SL_ONE_WORKER,
    .size = sizeof(struct metrics),
    .start = start,
    .stop = stop,
};
