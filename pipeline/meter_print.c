/* SPDX-License-Identifier: Apache-2.0 */
/* Self-metrics as text: Prometheus exposition 0.0.4, and the summary at exit. Samples
 * of all meters are gathered, sorted by name and labels, and equal ones (the same
 * component on several workers) added up. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/arena.h"
#include "pipeline/meter_internal.h"

struct sample {
    const char *name, *labels;
    uint64_t value;
    bool gauge;
};

struct samples {
    struct sl_arena arena; /* names and labels */
    struct sample *items;
    size_t count, capacity;
    bool failed;
};

static const char *const signal_names[] = {"traces", "metrics", "logs"};
static const char *const item_names[] = {"spans", "metric_points", "log_records"};

static const struct event_names {
    const char *name; /* the Collector's; with %s the item's name */
    const char *summary;
} events[SL_EV_COUNT] = {
    [SL_EV_ACCEPTED] = {"otelcol_receiver_accepted_%s", "accepted"},
    [SL_EV_REFUSED] = {"otelcol_receiver_refused_%s", "refused"},
    [SL_EV_FAILED] = {"otelcol_receiver_failed_%s", "failed"},
    [SL_EV_INCOMING] = {"otelcol_processor_incoming_items", "in"},
    [SL_EV_OUTGOING] = {"otelcol_processor_outgoing_items", "out"},
    [SL_EV_SENT] = {"otelcol_exporter_sent_%s", "sent"},
    [SL_EV_SEND_FAILED] = {"otelcol_exporter_send_failed_%s", "failed"},
    [SL_EV_ENQUEUE_FAILED] = {"otelcol_exporter_enqueue_failed_%s", "refused"},
};

/* By prefix, the first that fits. */
static const struct help {
    const char *prefix, *text;
} helps[] = {
    {"otelcol_receiver_accepted_", "Items that were taken into the pipeline."},
    {"otelcol_receiver_refused_", "Items that the pipeline refused."},
    {"otelcol_receiver_failed_", "Items lost to an internal error of the receiver."},
    {"otelcol_receiver_requests", "Requests by how they ended."},
    {"otelcol_processor_incoming_items", "Items handed to the processor."},
    {"otelcol_processor_outgoing_items", "Items that the processor passed on."},
    {"otelcol_exporter_sent_", "Items that the destination accepted."},
    {"otelcol_exporter_send_failed_", "Items given up after attempts to send them."},
    {"otelcol_exporter_enqueue_failed_", "Items refused because the sending queue was full."},
    {"otelcol_exporter_queue_size", "What the sending queue holds."},
    {"otelcol_exporter_queue_capacity", "What the sending queue may hold."},
    {"otelcol_exporter_in_flight_requests", "Requests being sent."},
    {"sluice_dropped_items", "Items that were accepted and will not be delivered, by reason."},
    {"", "A count of the component's own."},
};

static void write_escaped(struct sl_out *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            sl_out_text(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            sl_out_byte(out, '\\');
        sl_out_byte(out, (uint8_t)*text);
    }
}

static void write_label(struct sl_out *out, const char *name, const char *value)
{
    sl_out_text(out, out->size > 0 ? "," : "");
    sl_out_text(out, name);
    sl_out_text(out, "=\"");
    write_escaped(out, value);
    sl_out_byte(out, '"');
}

static void add_sample(struct samples *samples, const char *name, struct sl_out *labels,
                       uint64_t value, bool gauge)
{
    if (samples->count == samples->capacity) {
        size_t capacity = samples->capacity == 0 ? 64 : samples->capacity * 2;
        struct sample *items = sl_realloc(samples->items, capacity * sizeof *items);
        if (items == NULL) {
            samples->failed = true;
            return;
        }
        samples->items = items;
        samples->capacity = capacity;
    }
    struct sl_bytes text = sl_arena_copy(&samples->arena, sl_out_view(labels));
    if (name == NULL || text.data == NULL || labels->failed) {
        samples->failed = true;
        return;
    }
    samples->items[samples->count++] = (struct sample){
        .name = name, .labels = (const char *)text.data, .value = value, .gauge = gauge};
}

static void gather_events(struct samples *samples, const struct sl_meter *meter,
                          struct sl_out *labels)
{
    for (unsigned event = 0; event < SL_EV_COUNT; event++) {
        for (unsigned signal = 0; signal < 3; signal++) {
            uint64_t value = sl_counter_read(&meter->events[event][signal]);
            if (value == 0)
                continue;
            sl_out_clear(labels);
            write_label(labels, meter->kind, meter->id);
            if (meter->label != NULL)
                write_label(labels, meter->label, meter->value);
            if (event == SL_EV_INCOMING || event == SL_EV_OUTGOING)
                write_label(labels, "otel_signal", signal_names[signal]);
            const char *format = events[event].name;
            size_t stem = strlen(format) - 2; /* without %s */
            const char *name = format;
            if (format[stem] == '%')
                name = sl_arena_printf(&samples->arena, "%.*s%s", (int)stem, format,
                                       item_names[signal]);
            add_sample(samples, name, labels, value, false);
        }
    }
}

static void gather_dropped(struct samples *samples, struct sl_meter *meter, struct sl_out *labels)
{
    struct sl_dropped *at = atomic_load_explicit(&meter->dropped, memory_order_acquire);
    for (; at != NULL; at = at->next) {
        sl_out_clear(labels);
        write_label(labels, "kind", meter->kind);
        write_label(labels, "component", meter->id);
        write_label(labels, "otel_signal", signal_names[at->signal]);
        write_label(labels, "reason", at->reason);
        add_sample(samples, "sluice_dropped_items", labels, sl_counter_read(&at->counter), false);
    }
}

static void gather_named(struct samples *samples, struct sl_meter *meter, struct sl_out *labels)
{
    struct sl_named *at = atomic_load_explicit(&meter->named, memory_order_acquire);
    for (; at != NULL; at = at->next) {
        sl_out_clear(labels);
        write_label(labels, meter->kind, meter->id);
        if (at->label != NULL)
            write_label(labels, at->label, at->value);
        add_sample(samples, at->name, labels, sl_counter_read(&at->counter), at->gauge);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct sample *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->labels, right->labels);
}

static void write_sample(struct sl_out *out, const struct sample *sample, const char *before)
{
    if (before == NULL || strcmp(before, sample->name) != 0) {
        const struct help *help = helps;
        while (strncmp(sample->name, help->prefix, strlen(help->prefix)) != 0)
            help++;
        sl_out_printf(out, "# HELP %s %s\n", sample->name, help->text);
        sl_out_printf(out, "# TYPE %s %s\n", sample->name, sample->gauge ? "gauge" : "counter");
    }
    sl_out_text(out, sample->name);
    sl_out_printf(out, "{%s} ", sample->labels);
    if (sample->gauge)
        sl_out_printf(out, "%" PRId64 "\n", (int64_t)sample->value);
    else
        sl_out_printf(out, "%" PRIu64 "\n", sample->value);
}

static void write_samples(struct samples *samples, struct sl_out *out)
{
    const char *before = NULL;
    if (samples->count > 0)
        qsort(samples->items, samples->count, sizeof *samples->items, by_name);
    for (size_t i = 0; i < samples->count; i++) {
        struct sample sum = samples->items[i];
        while (i + 1 < samples->count && by_name(&sum, &samples->items[i + 1]) == 0)
            sum.value += samples->items[++i].value;
        write_sample(out, &sum, before);
        before = sum.name;
    }
}

void sl_meters_print_prometheus(struct sl_meters *meters, struct sl_out *out)
{
    struct samples samples = {0};
    struct sl_out labels = {0};

    pthread_mutex_lock(&meters->lock);
    for (struct sl_meter *meter = meters->first; meter != NULL; meter = meter->next) {
        gather_events(&samples, meter, &labels);
        gather_dropped(&samples, meter, &labels);
        gather_named(&samples, meter, &labels);
    }
    pthread_mutex_unlock(&meters->lock);

    if (samples.failed)
        out->failed = true; /* half a page would look like counters that vanished */
    else
        write_samples(&samples, out);
    sl_free(samples.items);
    sl_arena_done(&samples.arena);
    sl_out_done(&labels);
}

/* ---- the summary ---- */

static bool same_component(const struct sl_meter *a, const struct sl_meter *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->id, b->id) == 0;
}

static bool seen_before(const struct sl_meters *meters, const struct sl_meter *meter)
{
    const struct sl_meter *at = meters->first;
    while (!same_component(at, meter))
        at = at->next;
    return at != meter;
}

static uint64_t event_sum(const struct sl_meter *meter, unsigned event)
{
    uint64_t sum = 0;
    for (const struct sl_meter *at = meter; at != NULL; at = at->next)
        for (unsigned signal = 0; signal < 3 && same_component(at, meter); signal++)
            sum += sl_counter_read(&at->events[event][signal]);
    return sum;
}

static uint64_t dropped_sum(const struct sl_meter *meter, const char *reason)
{
    uint64_t sum = 0;
    for (const struct sl_meter *at = meter; at != NULL; at = at->next) {
        struct sl_dropped *dropped = atomic_load_explicit(&at->dropped, memory_order_acquire);
        for (; dropped != NULL && same_component(at, meter); dropped = dropped->next)
            if (strcmp(dropped->reason, reason) == 0)
                sum += sl_counter_read(&dropped->counter);
    }
    return sum;
}

/* The first place, over all workers and signals, where this reason is listed. */
static bool reason_is_new(const struct sl_meter *meter, const struct sl_dropped *wanted)
{
    for (const struct sl_meter *at = meter; at != NULL; at = at->next) {
        struct sl_dropped *dropped = atomic_load_explicit(&at->dropped, memory_order_acquire);
        for (; dropped != NULL && same_component(at, meter); dropped = dropped->next)
            if (strcmp(dropped->reason, wanted->reason) == 0)
                return dropped == wanted;
    }
    return true;
}

static void write_drops(const struct sl_meter *meter, struct sl_out *out)
{
    for (const struct sl_meter *at = meter; at != NULL; at = at->next) {
        struct sl_dropped *dropped = atomic_load_explicit(&at->dropped, memory_order_acquire);
        for (; dropped != NULL && same_component(at, meter); dropped = dropped->next)
            if (reason_is_new(meter, dropped))
                sl_out_printf(out, "  dropped %" PRIu64 " (%s)",
                              dropped_sum(meter, dropped->reason), dropped->reason);
    }
}

static void write_line(const struct sl_meter *meter, int width, struct sl_out *out)
{
    unsigned first = strcmp(meter->kind, "receiver") == 0    ? SL_EV_ACCEPTED
                     : strcmp(meter->kind, "processor") == 0 ? SL_EV_INCOMING
                                                             : SL_EV_SENT;
    unsigned end = first == SL_EV_ACCEPTED   ? SL_EV_INCOMING
                   : first == SL_EV_INCOMING ? SL_EV_SENT
                                             : SL_EV_COUNT;
    sl_out_printf(out, "%-9s  %-*s", meter->kind, width, meter->id);
    for (unsigned event = first; event < end; event++)
        sl_out_printf(out, "  %s %-8" PRIu64, events[event].summary, event_sum(meter, event));
    write_drops(meter, out);
    while (out->size > 0 && !out->failed && out->data[out->size - 1] == ' ')
        out->size--;
    sl_out_byte(out, '\n');
}

void sl_meters_print_summary(struct sl_meters *meters, struct sl_out *out)
{
    pthread_mutex_lock(&meters->lock);
    size_t width = 0;
    for (struct sl_meter *meter = meters->first; meter != NULL; meter = meter->next)
        if (strlen(meter->id) > width)
            width = strlen(meter->id);
    for (struct sl_meter *meter = meters->first; meter != NULL; meter = meter->next)
        if (strcmp(meter->kind, "extension") != 0 && !seen_before(meters, meter))
            write_line(meter, (int)(width < 40 ? width : 40), out);
    pthread_mutex_unlock(&meters->lock);
}
