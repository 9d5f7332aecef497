/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_METER_INTERNAL_H
#define SL_PIPELINE_METER_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "pipeline/meter.h"

enum {
    SL_METER_COUNTERS_MAX = 256, /* with labels of the component's own; then "other" */
    SL_METER_OTHERS_MAX = 32,    /* names that get a series "other" after that */
    SL_METER_REASONS_MAX = 64    /* drop reasons, times signals */
};

/* Added at the head of its meter's list by the owner's thread, never removed, so
 * that readers walk without a lock. Texts follow the struct. */
struct sl_named {
    struct sl_named *next;
    const char *name;
    const char *label, *value; /* NULL: none */
    bool gauge;
    struct sl_counter counter;
};

struct sl_dropped {
    struct sl_dropped *next;
    unsigned signal; /* index */
    const char *reason;
    struct sl_counter counter;
};

struct sl_meter {
    struct sl_meter *next; /* in sl_meters, oldest first */
    struct sl_meters *meters;
    const char *kind, *id;
    const char *label, *value; /* of its events; NULL: none */
    struct sl_counter events[SL_EV_COUNT][3];
    _Atomic(struct sl_named *) named;
    _Atomic(struct sl_dropped *) dropped;
    unsigned named_count, dropped_count;
    struct sl_counter unnamed_drops; /* no memory for their reason */
    struct sl_counter overflow;      /* all counters that found no place */
};

struct sl_meters {
    pthread_mutex_t lock; /* of the list, not of what is in the meters */
    struct sl_meter *first, **last;
};

#endif
