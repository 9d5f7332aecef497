/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_BUDGET_H
#define SL_CORE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The process-wide limit of bytes held in buffers, queues and batches. Charging
 * refuses and never waits, so that half-read bodies cannot deadlock. One atomic
 * counter: it is touched once per buffer, not once per record.
 */
struct sl_budget {
    atomic_size_t used, peak;
    atomic_size_t limit; /* 0: none, only counted */
};

void sl_budget_init(struct sl_budget *budget, size_t limit);
/* false: over the limit, nothing was charged. */
bool sl_budget_take(struct sl_budget *budget, size_t bytes);
/* Charges even over the limit: for the growth of what was already admitted. */
void sl_budget_force(struct sl_budget *budget, size_t bytes);
void sl_budget_give(struct sl_budget *budget, size_t bytes);

#endif
