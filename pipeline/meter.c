/* SPDX-License-Identifier: Apache-2.0 */
/* Self-metrics: counters that one worker writes and anybody reads. Lists inside a
 * meter only grow and are published with release order; all have a bound. */
#include "pipeline/meter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "pipeline/meter_internal.h"

struct sl_meters *sl_meters_new(void)
{
    struct sl_meters *meters = sl_calloc(1, sizeof *meters);
    if (meters == NULL)
        return NULL;
    if (pthread_mutex_init(&meters->lock, NULL) != 0) {
        sl_free(meters);
        return NULL;
    }
    meters->last = &meters->first;
    return meters;
}

static void meter_free(struct sl_meter *meter)
{
    struct sl_named *named = atomic_load(&meter->named);
    while (named != NULL) {
        struct sl_named *next = named->next;
        sl_free(named);
        named = next;
    }
    struct sl_dropped *dropped = atomic_load(&meter->dropped);
    while (dropped != NULL) {
        struct sl_dropped *next = dropped->next;
        sl_free(dropped);
        dropped = next;
    }
    sl_free(meter);
}

void sl_meters_free(struct sl_meters *meters)
{
    if (meters == NULL)
        return;
    struct sl_meter *meter = meters->first;
    while (meter != NULL) {
        struct sl_meter *next = meter->next;
        meter_free(meter);
        meter = next;
    }
    pthread_mutex_destroy(&meters->lock);
    sl_free(meters);
}

static struct sl_meter *meter_new(struct sl_meters *meters, const char *kind, const char *id,
                                  const char *const label[2])
{
    size_t kind_size = strlen(kind) + 1, id_size = strlen(id) + 1;
    struct sl_meter *meter = sl_calloc(1, sizeof *meter + kind_size + id_size);
    if (meter == NULL)
        return NULL;
    char *texts = (char *)(meter + 1);
    meter->meters = meters;
    meter->kind = memcpy(texts, kind, kind_size);
    meter->id = memcpy(texts + kind_size, id, id_size);
    meter->label = label[0];
    meter->value = label[1];

    pthread_mutex_lock(&meters->lock);
    *meters->last = meter;
    meters->last = &meter->next;
    pthread_mutex_unlock(&meters->lock);
    return meter;
}

struct sl_meter *sl_meter_new(struct sl_meters *meters, const char *kind, const char *id)
{
    return meter_new(meters, kind, id, (const char *const[]){NULL, NULL});
}

struct sl_meter *sl_meter_labelled(struct sl_meter *meter, const char *label, const char *value)
{
    if (meter == NULL)
        return NULL;
    struct sl_meter *labelled =
        meter_new(meter->meters, meter->kind, meter->id, (const char *const[]){label, value});
    return labelled != NULL ? labelled : meter;
}

static unsigned signal_index(enum sl_signal signal)
{
    return signal == SL_TRACES ? 0 : signal == SL_METRICS ? 1 : 2;
}

void sl_meter_event(struct sl_meter *meter, enum sl_event event, enum sl_signal signal, uint64_t n)
{
    assert(event < SL_EV_COUNT);
    if (meter != NULL)
        sl_counter_add(&meter->events[event][signal_index(signal)], n);
}

static struct sl_dropped *find_dropped(struct sl_meter *meter, unsigned signal, const char *reason)
{
    struct sl_dropped *at = atomic_load_explicit(&meter->dropped, memory_order_relaxed);
    while (at != NULL &&
           (at->signal != signal || (at->reason != reason && strcmp(at->reason, reason) != 0)))
        at = at->next;
    return at;
}

void sl_meter_dropped(struct sl_meter *meter, enum sl_signal signal, const char *reason, uint64_t n)
{
    if (meter == NULL)
        return;
    unsigned index = signal_index(signal);
    struct sl_dropped *dropped = find_dropped(meter, index, reason);
    if (dropped == NULL && meter->dropped_count >= SL_METER_REASONS_MAX) {
        reason = "other";
        dropped = find_dropped(meter, index, reason);
    }
    if (dropped == NULL) {
        size_t size = strlen(reason) + 1;
        dropped = sl_calloc(1, sizeof *dropped + size);
        if (dropped == NULL) {
            sl_counter_add(&meter->unnamed_drops, n);
            return;
        }
        dropped->signal = index;
        dropped->reason = memcpy(dropped + 1, reason, size);
        dropped->next = atomic_load_explicit(&meter->dropped, memory_order_relaxed);
        atomic_store_explicit(&meter->dropped, dropped, memory_order_release);
        meter->dropped_count++;
    }
    sl_counter_add(&dropped->counter, n);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* "queue_size" is kept as "sluice_exporter_queue_size". */
static bool same_name(const struct sl_meter *meter, const char *full, const char *name)
{
    if (strcmp(full, name) == 0)
        return true;
    size_t kind = strlen(meter->kind);
    return strncmp(full, "sluice_", 7) == 0 && strncmp(full + 7, meter->kind, kind) == 0 &&
           full[7 + kind] == '_' && strcmp(full + 8 + kind, name) == 0;
}

static struct sl_named *find_named(struct sl_meter *meter, const char *name, const char *label,
                                   const char *value)
{
    struct sl_named *at = atomic_load_explicit(&meter->named, memory_order_relaxed);
    while (at != NULL && !(same_name(meter, at->name, name) && same_text(at->label, label) &&
                           same_text(at->value, value)))
        at = at->next;
    return at;
}

static char *append(char **room, const char *text)
{
    char *start = *room;
    *room = stpcpy(start, text) + 1;
    return start;
}

static struct sl_named *add_named(struct sl_meter *meter, const char *name, const char *label,
                                  const char *value)
{
    bool whole = strncmp(name, "otelcol_", 8) == 0 || strncmp(name, "sluice_", 7) == 0;
    size_t size = strlen(name) + 1 + (label != NULL ? strlen(label) + strlen(value) + 2 : 0) +
                  (whole ? 0 : strlen(meter->kind) + sizeof "sluice__");
    struct sl_named *named = sl_calloc(1, sizeof *named + size);
    if (named == NULL)
        return NULL;
    char *room = (char *)(named + 1);
    named->name = room;
    if (!whole)
        room += snprintf(room, size, "sluice_%s_", meter->kind);
    append(&room, name);
    if (label != NULL) {
        named->label = append(&room, label);
        named->value = append(&room, value);
    }
    return named;
}

static struct sl_counter *named_counter(struct sl_meter *meter, const char *name, const char *label,
                                        const char *value, bool gauge)
{
    if (meter == NULL)
        return NULL;
    if (label != NULL && value == NULL)
        value = "";
    struct sl_named *named = find_named(meter, name, label, value);
    if (named == NULL && meter->named_count >= SL_METER_COUNTERS_MAX) {
        label = "label";
        value = "other";
        named = find_named(meter, name, label, value);
        if (named == NULL && meter->named_count >= SL_METER_COUNTERS_MAX + SL_METER_OTHERS_MAX)
            return &meter->overflow;
    }
    if (named == NULL) {
        named = add_named(meter, name, label, value);
        if (named == NULL)
            return NULL;
        named->gauge = gauge;
        named->next = atomic_load_explicit(&meter->named, memory_order_relaxed);
        atomic_store_explicit(&meter->named, named, memory_order_release);
        meter->named_count++;
    }
    return &named->counter;
}

struct sl_counter *sl_meter_counter(struct sl_meter *meter, const char *name, const char *label,
                                    const char *value)
{
    return named_counter(meter, name, label, value, false);
}

struct sl_counter *sl_meter_gauge(struct sl_meter *meter, const char *name)
{
    return named_counter(meter, name, NULL, NULL, true);
}

uint64_t sl_meters_total(struct sl_meters *meters, const char *kind, enum sl_event event)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&meters->lock);
    for (struct sl_meter *meter = meters->first; meter != NULL; meter = meter->next)
        for (unsigned signal = 0; signal < 3 && strcmp(meter->kind, kind) == 0; signal++)
            sum += sl_counter_read(&meter->events[event][signal]);
    pthread_mutex_unlock(&meters->lock);
    return sum;
}

uint64_t sl_meters_dropped(struct sl_meters *meters, const char *reason)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&meters->lock);
    for (struct sl_meter *meter = meters->first; meter != NULL; meter = meter->next) {
        if (reason == NULL)
            sum += sl_counter_read(&meter->unnamed_drops);
        for (struct sl_dropped *at = atomic_load_explicit(&meter->dropped, memory_order_acquire);
             at != NULL; at = at->next)
            if (reason == NULL || strcmp(at->reason, reason) == 0)
                sum += sl_counter_read(&at->counter);
    }
    pthread_mutex_unlock(&meters->lock);
    return sum;
}
