/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_TIMERS_H
#define SL_CORE_TIMERS_H

#include "core/worker.h"

/* Between worker.c and timers.c only; everyone else uses core/worker.h. */

/* Runs what was due and armed before the call. Returns whether anything was. */
bool sl_timers_run_due(struct sl_worker *worker);
/* Disarms all and frees the heap. */
void sl_timers_clear(struct sl_worker *worker);

#endif
