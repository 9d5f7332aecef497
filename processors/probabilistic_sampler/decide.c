/* SPDX-License-Identifier: Apache-2.0 */
/* The decision itself, the same for spans and log records. */
#include "processors/probabilistic_sampler/decide.h"

const char *sampler_reason_text(enum sampler_reason reason)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SAMPLER_REASON_MAP(X)
#undef X
    };
    return texts[reason];
}

static uint64_t proportional(const struct sampler *sampler, const struct sampler_item *item)
{
    double incoming = item->has_threshold ? threshold_probability(item->arriving) : 1;
    uint64_t threshold;
    /* Below 2^-56 the product cannot be expressed: nothing of that is kept. */
    if (!threshold_of_probability(incoming * sampler->ratio, sampler->precision, &threshold))
        return SAMPLER_NEVER;
    return threshold;
}

uint64_t sampler_decide(const struct sampler *sampler, struct sampler_item *item)
{
    if (item->reason == SAMPLER_SAMPLED && !item->has_randomness)
        item->reason = SAMPLER_ERROR_MISSING;
    /* A threshold above the randomness is a lie: the item should not be here. */
    if (item->reason == SAMPLER_SAMPLED && item->has_threshold && item->randomness < item->arriving)
        item->reason = SAMPLER_ERROR_INCONSISTENT;
    if (item->reason != SAMPLER_SAMPLED)
        return sampler->fail_closed ? SAMPLER_NEVER : SAMPLER_ALWAYS;
    if (sampler->never)
        return SAMPLER_NEVER;
    return sampler->mode == SAMPLER_PROPORTIONAL ? proportional(sampler, item) : sampler->threshold;
}
