/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds and randomness of consistent probability sampling. */
#include "processors/probabilistic_sampler/threshold.h"

#include <math.h>
#include <stdio.h>

enum { HASH_BITS = 14, HASH_BUCKETS = 1 << HASH_BITS };

bool threshold_of_probability(double p, int precision, uint64_t *ret_threshold)
{
    if (!(p >= 0x1p-56 && p <= 1))
        return false;
    if (p == 1) {
        *ret_threshold = SAMPLER_ALWAYS;
        return true;
    }
    /* Each factor of 16 towards 0 or 1 is a leading hex digit 0 or f that says
     * nothing: one more digit makes up for it. */
    int near_zero, near_one;
    (void)frexp(p, &near_zero);
    (void)frexp(1 - p, &near_one);
    int low = precision + near_zero / -4, high = precision + near_one / -4;
    int digits = low > high ? low : high;
    if (digits > SAMPLER_HEX_DIGITS)
        digits = SAMPLER_HEX_DIGITS;

    uint64_t threshold = SAMPLER_NEVER - (uint64_t)round(p * 0x1p56);
    unsigned shift = 4 * (unsigned)(SAMPLER_HEX_DIGITS - digits);
    if (shift != 0)
        threshold = (threshold + (UINT64_C(1) << (shift - 1))) >> shift << shift;
    *ret_threshold = threshold;
    return true;
}

double threshold_probability(uint64_t threshold)
{
    return (double)(SAMPLER_NEVER - threshold) / 0x1p56;
}

size_t threshold_write(uint64_t threshold, char out[SAMPLER_HEX_DIGITS + 1])
{
    out[0] = '\0';
    if (threshold >= SAMPLER_NEVER)
        return 0;
    randomness_write(threshold, out);
    size_t size = SAMPLER_HEX_DIGITS;
    while (size > 1 && out[size - 1] == '0')
        size--;
    out[size] = '\0';
    return size;
}

static bool parse_hex(struct sl_bytes text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > SAMPLER_HEX_DIGITS)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        value = value << 4 | digit;
    }
    *ret_value = value;
    return true;
}

bool threshold_parse(struct sl_bytes text, uint64_t *ret_threshold)
{
    if (!parse_hex(text, ret_threshold))
        return false;
    *ret_threshold <<= 4 * (SAMPLER_HEX_DIGITS - text.size);
    return true;
}

void randomness_write(uint64_t randomness, char out[SAMPLER_HEX_DIGITS + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = SAMPLER_HEX_DIGITS - 1; i >= 0; i--, randomness >>= 4)
        out[i] = digits[randomness & 15];
    out[SAMPLER_HEX_DIGITS] = '\0';
}

bool randomness_parse(struct sl_bytes text, uint64_t *ret_randomness)
{
    return text.size == SAMPLER_HEX_DIGITS && parse_hex(text, ret_randomness);
}

uint64_t randomness_of_trace_id(const uint8_t trace_id[16])
{
    uint64_t value = 0;
    for (int i = 9; i < 16; i++)
        value = value << 8 | trace_id[i];
    return value;
}

uint64_t randomness_of_hash(struct sl_bytes bytes, uint32_t seed)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 4; i++)
        hash = (hash ^ (seed >> 8 * i & 0xFF)) * 16777619u;
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * 16777619u;
    /* The old rule keeps a low bucket, the specification a high R: turned
     * round, the bucket makes the top 14 bits. The rest is filled the way the
     * Collector fills it, since rv is written out. */
    uint64_t bucket = hash & (HASH_BUCKETS - 1);
    uint64_t spare = hash >> (32 - HASH_BITS);
    uint64_t mixed = spare ^ spare << 10;
    return (HASH_BUCKETS - 1 - bucket) << 42 | mixed << 14 | bucket;
}

uint64_t threshold_of_hash(float percentage)
{
    /* In 32-bit precision and truncated, as the Collector does. */
    uint32_t kept = (uint32_t)(percentage * (float)(HASH_BUCKETS / 100.0));
    if (kept == 0)
        return SAMPLER_NEVER;
    return (uint64_t)(HASH_BUCKETS - kept) << 42;
}
