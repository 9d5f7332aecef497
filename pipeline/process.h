/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_PROCESS_H
#define SL_PIPELINE_PROCESS_H

#include "core/budget.h"
#include "pipeline/meter.h"

struct sl_worker;
struct sl_listeners; /* transport/listener.h */

/*
 * What all workers of the process share. Made before the first graph, freed
 * after the last; fields are set once or atomic.
 */
enum sl_health { SL_STARTING, SL_READY, SL_DRAINING };

struct sl_process {
    struct sl_worker *workers; /* array */
    unsigned worker_count;
    struct sl_budget budget;
    struct sl_meters *meters;
    struct sl_listeners *listeners; /* listening sockets; they outlive graphs */
    atomic_int health;              /* enum sl_health */
    uint64_t started_wall_ns;
    const char *version;
};

#endif
