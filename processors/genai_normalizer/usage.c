/* SPDX-License-Identifier: Apache-2.0 */
/* Token totals: gen_ai.usage.input_tokens includes cache reads and writes. Some
 * emitters report the provider's number without them; that is told by
 * arithmetic first, then by what is known of the emitter. Never subtracts. */
#include "processors/genai_normalizer/norm.h"

static int64_t count(const struct nm_norm *norm, enum nm_target target)
{
    const struct nm_slot *slot = &norm->slots[target];
    return slot->valid && slot->value.i > 0 ? slot->value.i : 0;
}

static const struct nm_hit *find(const struct nm_norm *norm, const char *key)
{
    for (uint32_t i = 0; i < norm->hit_count; i++)
        if (sl_bytes_is(norm->hits[i].attr.key, key))
            return &norm->hits[i];
    return NULL;
}

static bool total_of(const struct nm_norm *norm, int64_t *ret)
{
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_hit *hit = &norm->hits[i];
        if (!nm_entry_has(hit->entry, NM_X_TOTAL))
            continue;
        for (uint16_t r = hit->entry->first_row; r != 0; r = nm_table_row(norm->table, r)->next)
            if (nm_table_row(norm->table, r)->transform == NM_X_TOTAL &&
                hit->attr.value.type == SL_VALUE_INT) {
                *ret = hit->attr.value.i;
                return true;
            }
    }
    return false;
}

/* Vercel AI SDK 4 and 5 pass on what Anthropic and Bedrock report: without the
 * cache. Version 6 says how much was not cached and counts everything. The
 * source attribute stays, so a span that was corrected is not corrected again. */
static bool is_vercel_exclusive(const struct nm_norm *norm, int64_t input)
{
    const struct nm_slot *provider = &norm->slots[NM_PROVIDER];
    const struct nm_hit *source = find(norm, "ai.usage.inputTokens");
    if (source == NULL)
        source = find(norm, "ai.usage.promptTokens");
    if (source == NULL || source->attr.value.type != SL_VALUE_INT ||
        source->attr.value.i != input ||
        find(norm, "ai.usage.inputTokenDetails.noCacheTokens") != NULL || !provider->valid)
        return false;
    return sl_bytes_is(provider->value.bytes, "anthropic") ||
           sl_bytes_is(provider->value.bytes, "aws.bedrock");
}

void nm_usage(struct nm_norm *norm)
{
    struct nm_slot *input = &norm->slots[NM_USAGE_INPUT];
    int64_t cached = count(norm, NM_USAGE_CACHE_READ) + count(norm, NM_USAGE_CACHE_WRITE);
    int64_t total = 0;
    if (!input->valid || cached <= 0 || cached > INT64_MAX / 4 || input->value.i < 0 ||
        input->value.i > INT64_MAX / 4)
        return;
    int64_t output = count(norm, NM_USAGE_OUTPUT);
    bool exclusive = cached > input->value.i ||
                     (total_of(norm, &total) && output < INT64_MAX / 4 &&
                      total == input->value.i + output + cached) ||
                     is_vercel_exclusive(norm, input->value.i);
    if (!exclusive)
        return;
    input->value = sl_value_int(input->value.i + cached);
    input->fixed = input->existing >= 0;
    input->from = -1;
}
