/* SPDX-License-Identifier: Apache-2.0 */
/* The process-wide byte budget: one counter, refusing rather than waiting. */
#include "core/budget.h"

#include <assert.h>

void sl_budget_init(struct sl_budget *budget, size_t limit)
{
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
    atomic_init(&budget->limit, limit);
}

static void note_peak(struct sl_budget *budget, size_t used)
{
    size_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, used, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

bool sl_budget_take(struct sl_budget *budget, size_t bytes)
{
    size_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
    size_t before = atomic_load_explicit(&budget->used, memory_order_relaxed);
    /* Compared before it is added: a refused giant must not make others be refused. */
    do
        if (limit != 0 && (before > limit || bytes > limit - before))
            return false;
    while (!atomic_compare_exchange_weak_explicit(&budget->used, &before, before + bytes,
                                                  memory_order_relaxed, memory_order_relaxed));
    note_peak(budget, before + bytes);
    return true;
}

void sl_budget_force(struct sl_budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    note_peak(budget, before + bytes);
}

void sl_budget_give(struct sl_budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    assert(before >= bytes);
    (void)before;
}
