/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_METER_H
#define SL_PIPELINE_METER_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/out.h"
#include "otlp/schema.h"

/*
 * Self-metrics. A meter belongs to one component instance on one worker; its
 * counters are written there (relaxed) and read from anywhere. Instances of the
 * same component on other workers are summed when read.
 *
 * Names are the Collector's ("otelcol_receiver_accepted_spans", without
 * _total), so that dashboards work unchanged.
 *
 * The books: accepted = sent + send_failed + dropped (by reason) + held.
 */
struct sl_meter;

struct sl_counter {
    _Atomic uint64_t value;
};

static inline void sl_counter_add(struct sl_counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}
static inline uint64_t sl_counter_read(const struct sl_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* What happens to items, counted per signal under the Collector's names. */
enum sl_event {
    SL_EV_ACCEPTED,       /* receiver: accepted_* */
    SL_EV_REFUSED,        /* receiver: refused_*: the pipeline said no */
    SL_EV_FAILED,         /* receiver: failed_*: an internal error */
    SL_EV_INCOMING,       /* processor: incoming_items; counted by the engine */
    SL_EV_OUTGOING,       /* processor: outgoing_items; counted by the engine */
    SL_EV_SENT,           /* exporter: sent_* */
    SL_EV_SEND_FAILED,    /* exporter: send_failed_*: given up */
    SL_EV_ENQUEUE_FAILED, /* exporter: enqueue_failed_*: refused to the sender */
    SL_EV_COUNT
};
void sl_meter_event(struct sl_meter *meter, enum sl_event event, enum sl_signal signal, uint64_t n);

/* A further meter of the same component, which lives as long: its events carry one more label
 * (receivers: transport="grpc"); totals and the summary count both together. Out of memory:
 * the meter itself, so that nothing goes uncounted. Both texts are literals. */
struct sl_meter *sl_meter_labelled(struct sl_meter *meter, const char *label, const char *value);

/* Items that were accepted and will not be delivered, by reason (a literal such
 * as "sampled", "queue_full_oldest", "cannot_scan", "rejected"):
 * sluice_dropped_items{component, otel_signal, reason}. */
void sl_meter_dropped(struct sl_meter *meter, enum sl_signal signal, const char *reason,
                      uint64_t n);

/* All of these tolerate a NULL meter and count nothing then.
 *
 * A counter or gauge of the component's own; label may be NULL. The name is whole
 * when it starts with "otelcol_" or "sluice_"; otherwise "sluice_<kind>_" is put
 * before it. Texts are copied. Creates it at first use; keep the pointer. At most 256 a meter (then
 * all others share one labelled "other"). NULL only when out of memory: writing to NULL is not
 * allowed, use sl_meter_add(), which tolerates it. */
struct sl_counter *sl_meter_counter(struct sl_meter *meter, const char *name, const char *label,
                                    const char *value);
/* A value that goes up and down, read as int64_t. */
struct sl_counter *sl_meter_gauge(struct sl_meter *meter, const char *name);
/* As sl_counter_add, and nothing when counter is NULL. */
static inline void sl_meter_add(struct sl_counter *counter, uint64_t n)
{
    if (counter != NULL)
        sl_counter_add(counter, n);
}
static inline void sl_meter_set(struct sl_counter *gauge, int64_t value)
{
    if (gauge != NULL)
        atomic_store_explicit(&gauge->value, (uint64_t)value, memory_order_relaxed);
}

/* ---- for the engine ---- */

struct sl_meters; /* all meters of the process; locked only to add and to list */
struct sl_meters *sl_meters_new(void);
void sl_meters_free(struct sl_meters *meters);
/* kind: "receiver", "processor", "exporter", "extension". */
struct sl_meter *sl_meter_new(struct sl_meters *meters, const char *kind, const char *id);
/* Prometheus text exposition 0.0.4: HELP, TYPE, sums over workers. */
void sl_meters_print_prometheus(struct sl_meters *meters, struct sl_out *out);
/* One line per component for the end of a run. */
void sl_meters_print_summary(struct sl_meters *meters, struct sl_out *out);
/* Sum of an event over all meters of a kind; for the balance at exit and tests. */
uint64_t sl_meters_total(struct sl_meters *meters, const char *kind, enum sl_event event);
uint64_t sl_meters_dropped(struct sl_meters *meters, const char *reason); /* NULL: all reasons */

#endif
