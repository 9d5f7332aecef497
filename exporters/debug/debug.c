/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug: tells what passes, for trying a pipeline out. The Collector's keys;
 * detailed output is OTLP/JSON. With the internal logger it goes to standard
 * error, else to output_paths.
 */
#include <unistd.h>

#include "core/console.h"
#include "otlp/json.h"
#include "otlp/transcode.h"
#include "otlp/view.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"

enum verbosity { VERBOSITY_BASIC, VERBOSITY_NORMAL, VERBOSITY_DETAILED };
enum { MAX_WAITING = 4 << 20, FINISH_MS = 200, TICK_MS = 1000 };

struct debug_config {
    int verbosity;
    int64_t sampling_initial, sampling_thereafter;
    bool use_internal_logger;
    struct sl_list output_paths;
};

static const char *const verbosity_names[] = {"basic", "normal", "detailed", NULL};
static const char *const path_names[] = {"stdout", "stderr", NULL};

static const struct sl_field path_field = {
    .name = "path", .type = SL_T_ENUM, .names = path_names, .preset = "stdout"};

static const struct sl_field debug_fields[] = {
    SL_FIELD(ENUM, debug_config, verbosity, .preset = "basic", .names = verbosity_names,
             .doc = "basic: a line per batch; normal: a line per record; detailed: everything."),
    SL_FIELD(INT, debug_config, sampling_initial, .preset = "2", .max = 1000000,
             .doc = "Batches shown in each second before sampling begins."),
    SL_FIELD(INT, debug_config, sampling_thereafter, .preset = "1", .max = 1000000,
             .doc = "After that every n-th is shown; 0: none."),
    SL_FIELD(BOOL, debug_config, use_internal_logger, .preset = "true",
             .doc = "Write to standard error, where the log goes, instead of output_paths."),
    SL_FIELD(LIST, debug_config, output_paths, .element = &path_field, .element_size = sizeof(int),
             .max = 1, .doc = "Where to write without the internal logger; default stdout."),
    SL_IGNORED("sending_queue", .doc = "This exporter has no queue."),
    SL_END,
};

struct debug_exporter {
    struct sl_component base;
    struct sl_console console;
    struct sl_out text;
    uint64_t second; /* of the sampling */
    int64_t seen;
};

static int debug_create(struct sl_component *base, struct sl_error *reterr)
{
    (void)reterr;
    struct debug_exporter *self = (struct debug_exporter *)base;
    const struct debug_config *c = base->config;
    const int *paths = c->output_paths.items;
    bool to_stdout = !c->use_internal_logger && (c->output_paths.count == 0 || paths[0] == 0);
    sl_console_init(&self->console, base->worker, to_stdout ? STDOUT_FILENO : STDERR_FILENO,
                    MAX_WAITING);
    return SL_OK;
}

/* Whether this batch is one of those shown. */
static bool is_sampled(struct debug_exporter *self)
{
    const struct debug_config *c = self->base.config;
    uint64_t second = sl_worker_now_ms(self->base.worker) / TICK_MS;
    if (second != self->second) {
        self->second = second;
        self->seen = 0;
    }
    int64_t over = ++self->seen - c->sampling_initial;
    return over <= 0 || (c->sampling_thereafter > 0 && over % c->sampling_thereafter == 0);
}

static void put_summary(const struct sl_batch *batch, struct sl_out *out)
{
    static const char *const nouns[] = {"spans", "metrics", "log records"};
    int at = batch->signal == SL_TRACES ? 0 : batch->signal == SL_METRICS ? 1 : 2;
    sl_out_printf(out, "%s  %u resources  %u scopes  %zu %s", sl_signal_name(batch->signal),
                  batch->resource_count, batch->scope_count, batch->records, nouns[at]);
    if (batch->signal == SL_METRICS)
        sl_out_printf(out, "  %zu data points", batch->items);
    sl_out_byte(out, '\n');
}

/* The fields that name a record: a span, a metric, or a log record's body. */
static void put_record(struct sl_batch *batch, struct sl_part *part, struct sl_out *out)
{
    struct sl_bytes name = {0};
    struct sl_span_view span;
    struct sl_log_view log;
    struct sl_cursor cursor;
    struct sl_field_view field;
    sl_out_text(out, "  ");
    if (batch->signal == SL_TRACES) {
        sl_span_read(batch, part, &span);
        name = span.name;
    } else if (batch->signal == SL_LOGS) {
        sl_log_read(batch, part, &log);
        name = log.body.type == SL_VALUE_STRING ? log.body.bytes : log.event_name;
    } else {
        sl_cursor_init(&cursor, batch, part);
        while (sl_cursor_next(&cursor, &field))
            if (field.number == SL_METRIC_NAME)
                name = field.bytes;
    }
    sl_json_write_string(out, name);
    sl_out_byte(out, '\n');
}

static void put_records(struct sl_batch *batch, struct sl_out *out)
{
    for (uint32_t i = 0; i < batch->group_count; i++)
        for (uint32_t j = 0; j < batch->groups[i].count; j++)
            put_record(batch, &batch->groups[i].records[j].part, out);
}

static void put_json(const struct sl_batch *batch, struct sl_out *out)
{
    size_t before = out->size;
    if (sl_batch_to_json(batch, out) == SL_OK)
        sl_out_byte(out, '\n');
    else
        out->size = before; /* no half documents */
}

static void debug_consume(struct sl_component *base, struct sl_delivery *delivery)
{
    struct debug_exporter *self = (struct debug_exporter *)base;
    const struct debug_config *c = base->config;
    struct sl_batch *batch = delivery->batch;
    bool taken = true;
    sl_out_clear(&self->text);
    if (is_sampled(self)) {
        put_summary(batch, &self->text);
        if (c->verbosity == VERBOSITY_NORMAL)
            put_records(batch, &self->text);
        if (c->verbosity == VERBOSITY_DETAILED)
            put_json(batch, &self->text);
        taken = !self->text.failed && sl_console_write(&self->console, sl_out_view(&self->text));
        if (self->text.capacity > 1 << 20)
            sl_out_done(&self->text);
    }
    if (taken)
        sl_meter_event(base->meter, SL_EV_SENT, batch->signal, batch->items);
    else
        sl_meter_dropped(base->meter, batch->signal, "output_not_taken", batch->items);
    sl_delivery_finish(delivery, sl_result_ok());
}

static void debug_drain(struct sl_component *base, uint64_t deadline_ms)
{
    (void)deadline_ms;
    (void)sl_console_finish(&((struct debug_exporter *)base)->console, FINISH_MS);
    sl_component_drained(base);
}

static void debug_stop(struct sl_component *base)
{
    /* What other workers handed over while they drained. */
    (void)sl_console_finish(&((struct debug_exporter *)base)->console, FINISH_MS);
    sl_component_stopped(base);
}

static void debug_destroy(struct sl_component *base)
{
    struct debug_exporter *self = (struct debug_exporter *)base;
    sl_console_done(&self->console);
    sl_out_done(&self->text);
}

const struct sl_component_type debug_exporter = {
    .name = "debug",
    .doc = "Tells what passes on standard error or output, for trying a pipeline out.",
    .kind = SL_EXPORTER,
    .placement = SL_ONE_WORKER,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct debug_exporter),
    .config_size = sizeof(struct debug_config),
    .fields = debug_fields,
    .create = debug_create,
    .consume = debug_consume,
    .drain = debug_drain,
    .stop = debug_stop,
    .destroy = debug_destroy,
};
