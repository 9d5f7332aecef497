/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdout: shows traces to people as trees, log records and metrics as lines; or
 * prints OTLP/JSON lines. A reader that is slow or gone never blocks: what it
 * does not take is counted as dropped.
 */
#include <stdlib.h>
#include <unistd.h>

#include "core/console.h"
#include "core/log.h"
#include "exporters/stdout/lines.h"
#include "exporters/stdout/tree.h"
#include "otlp/transcode.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"

enum format { FORMAT_TREE, FORMAT_JSON };
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum { FINISH_MS = 500 };

struct stdout_config {
    int format, color;
    int64_t quiet_time, longest_time, max_traces, max_bytes, max_waiting;
};

static const char *const format_names[] = {"tree", "json", NULL};
static const char *const color_names[] = {"auto", "always", "never", NULL};

static const struct sl_field stdout_fields[] = {
    SL_FIELD(ENUM, stdout_config, format, .preset = "tree", .names = format_names,
             .doc = "tree for people, or OTLP/JSON lines."),
    SL_FIELD(ENUM, stdout_config, color, .preset = "auto", .names = color_names,
             .doc = "auto: on a terminal, unless NO_COLOR is set."),
    SL_FIELD(DURATION, stdout_config, quiet_time, .preset = "2s", .min = 1, .max = 600000,
             .doc = "A trace whose root is there is shown once nothing more came for this long."),
    SL_FIELD(DURATION, stdout_config, longest_time, .preset = "30s", .min = 1, .max = 3600000,
             .doc = "A trace is shown at the latest this long after its first span came."),
    SL_FIELD(INT, stdout_config, max_traces, .preset = "1000", .min = 1, .max = 100000,
             .doc = "Most traces held; the oldest is shown early."),
    SL_FIELD(SIZE, stdout_config, max_bytes, .preset = "16MiB", .min = 4096, .max = 1 << 30,
             .doc = "Most memory of the traces held."),
    SL_FIELD(SIZE, stdout_config, max_waiting, .preset = "4MiB", .min = 4096, .max = 1 << 30,
             .doc = "Most text that waits for a slow reader; more is dropped and counted."),
    SL_END,
};

struct stdout_exporter {
    struct sl_component base;
    struct sl_console console;
    struct tree tree;
    struct sl_timer flush;
    struct sl_out text, scratch;
    bool color, warned;
};

static bool wants_color(const struct stdout_config *config)
{
    const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    if (config->color != COLOR_AUTO)
        return config->color == COLOR_ALWAYS;
    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

static void flush_due(struct sl_timer *timer);
static void show_trace(void *arg, const struct trace *trace);

static int stdout_create(struct sl_component *base, struct sl_error *reterr)
{
    (void)reterr;
    struct stdout_exporter *self = (struct stdout_exporter *)base;
    const struct stdout_config *c = base->config;
    sl_console_init(&self->console, base->worker, STDOUT_FILENO, (size_t)c->max_waiting);
    sl_timer_init(&self->flush, base->worker, flush_due);
    tree_init(&self->tree, &(struct tree_options){.quiet_ms = (uint64_t)c->quiet_time,
                                                  .longest_ms = (uint64_t)c->longest_time,
                                                  .max_traces = (unsigned)c->max_traces,
                                                  .max_bytes = (size_t)c->max_bytes,
                                                  .show = show_trace,
                                                  .arg = self});
    self->color = wants_color(c);
    return SL_OK;
}

/* Hands self->text to the reader. false: it does not take it. */
static bool print(struct stdout_exporter *self)
{
    bool taken = !self->text.failed && sl_console_write(&self->console, sl_out_view(&self->text));
    if (!taken && !self->warned) {
        self->warned = true;
        sl_log(SL_LOG_WARN, self->base.id, "standard output is %s: what is not taken is dropped",
               self->console.closed ? "closed" : "too slow");
    }
    if (self->text.capacity > 1 << 20)
        sl_out_done(&self->text);
    sl_out_clear(&self->text);
    return taken;
}

/* Items are sent when the reader takes their text: the spans of a trace only then,
 * since they were gathered until now. */
static void print_and_count(struct stdout_exporter *self, enum sl_signal signal, size_t items)
{
    if (print(self))
        sl_meter_event(self->base.meter, SL_EV_SENT, signal, items);
    else
        sl_meter_dropped(self->base.meter, signal, "output_not_taken", items);
}

static void show_trace(void *arg, const struct trace *trace)
{
    struct stdout_exporter *self = arg;
    tree_print(trace, self->color, &self->text);
    print_and_count(self, SL_TRACES, trace->count);
}

static void arm(struct stdout_exporter *self)
{
    uint64_t due = tree_next_due(&self->tree), now = sl_worker_now_ms(self->base.worker);
    if (due == 0)
        sl_timer_stop(&self->flush);
    else
        (void)sl_timer_start(&self->flush, due > now ? due - now : 0);
}

static void flush_due(struct sl_timer *timer)
{
    struct stdout_exporter *self =
        (struct stdout_exporter *)((char *)timer - offsetof(struct stdout_exporter, flush));
    tree_flush(&self->tree, sl_worker_now_ms(self->base.worker), false);
    arm(self);
}

/* The service.name of a resource, as a C string in `out`. */
static void service_name(struct sl_batch *batch, struct sl_resource *resource, char *out,
                         size_t size)
{
    struct sl_attr attr;
    out[0] = '\0';
    if (resource != NULL &&
        sl_attr_find(batch, &resource->part, SL_RESOURCE_ATTRIBUTES, SL_LIT("service.name"),
                     &attr) &&
        attr.value.type == SL_VALUE_STRING)
        digest_line(attr.value.bytes, out, size);
}

static int add_span(struct stdout_exporter *self, struct sl_batch *batch, struct sl_part *span,
                    const char *service)
{
    static const uint8_t no_trace[16];
    struct digest digest;
    struct sl_span_view view;
    sl_span_read(batch, span, &view);
    const uint8_t *trace_id = view.trace_id.size == 16 ? view.trace_id.data : no_trace;
    digest_span(batch, span, &self->scratch, &digest);
    return tree_add(&self->tree, trace_id, service, &digest, sl_worker_now_ms(self->base.worker));
}

/* Returns how many spans are held now, fewer than there are when memory ran out. */
static size_t add_traces(struct stdout_exporter *self, struct sl_batch *batch)
{
    char service[DIGEST_NAME];
    size_t added = 0;
    int rc = SL_OK;
    for (uint32_t i = 0; rc == SL_OK && i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        service_name(batch, group->resource, service, sizeof service);
        for (uint32_t j = 0; rc == SL_OK && j < group->count; j++) {
            rc = add_span(self, batch, &group->records[j].part, service);
            added += rc == SL_OK;
        }
    }
    arm(self);
    return added;
}

static void refuse(struct stdout_exporter *self, struct sl_delivery *delivery)
{
    sl_out_clear(&self->text);
    sl_meter_event(self->base.meter, SL_EV_ENQUEUE_FAILED, delivery->batch->signal,
                   delivery->batch->items);
    sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
}

/* Gathers the spans. Once some are held a retry would show them twice: the
 * rest, for which there was no memory, is dropped. */
static void gather(struct stdout_exporter *self, struct sl_delivery *delivery)
{
    size_t items = delivery->batch->items, added = add_traces(self, delivery->batch);
    if (added == 0 && items > 0) {
        refuse(self, delivery);
        return;
    }
    if (added < items)
        sl_meter_dropped(self->base.meter, SL_TRACES, "output_not_taken", items - added);
    sl_delivery_finish(delivery, sl_result_ok());
}

static void stdout_consume(struct sl_component *base, struct sl_delivery *delivery)
{
    struct stdout_exporter *self = (struct stdout_exporter *)base;
    const struct stdout_config *c = base->config;
    struct sl_batch *batch = delivery->batch;
    int rc = SL_OK;
    if (c->format == FORMAT_TREE && batch->signal == SL_TRACES) {
        gather(self, delivery);
        return;
    }
    if (c->format == FORMAT_JSON) {
        rc = sl_batch_to_json(batch, &self->text);
        sl_out_byte(&self->text, '\n');
    } else {
        lines_print(batch, &self->text);
    }
    if (rc != SL_OK || self->text.failed) {
        refuse(self, delivery);
        return;
    }
    print_and_count(self, batch->signal, batch->items);
    sl_delivery_finish(delivery, sl_result_ok());
}

static void show_all(struct stdout_exporter *self)
{
    tree_flush(&self->tree, 0, true);
    size_t left = sl_console_finish(&self->console, FINISH_MS);
    if (left > 0)
        sl_log(SL_LOG_WARN, self->base.id,
               "standard output is too slow: its last %zu bytes are lost", left);
}

static void stdout_drain(struct sl_component *base, uint64_t deadline_ms)
{
    (void)deadline_ms;
    show_all((struct stdout_exporter *)base);
    sl_component_drained(base);
}

static void stdout_stop(struct sl_component *base)
{
    struct stdout_exporter *self = (struct stdout_exporter *)base;
    show_all(self); /* what other workers handed over while they drained */
    sl_timer_stop(&self->flush);
    sl_component_stopped(base);
}

static void stdout_destroy(struct sl_component *base)
{
    struct stdout_exporter *self = (struct stdout_exporter *)base;
    tree_done(&self->tree);
    sl_console_done(&self->console);
    sl_out_done(&self->text);
    sl_out_done(&self->scratch);
}

const struct sl_component_type stdout_exporter = {
    .name = "stdout",
    .doc = "Shows traces as trees and other telemetry as lines on standard output.",
    .kind = SL_EXPORTER,
    .placement = SL_ONE_WORKER,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct stdout_exporter),
    .config_size = sizeof(struct stdout_config),
    .fields = stdout_fields,
    .create = stdout_create,
    .consume = stdout_consume,
    .drain = stdout_drain,
    .stop = stdout_stop,
    .destroy = stdout_destroy,
};
