/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index pass with AVX2, 64 bytes at a time; chosen when the program runs.
 */
#include "processors/pii_scrubber/index.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

struct tables {
    __m256i low[3], high[3];
};

struct marks {
    uint32_t digit, upper, at, separator, literal;
};

static inline AVX2 __m256i load(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

static inline AVX2 uint32_t bits(__m256i mask)
{
    return (uint32_t)_mm256_movemask_epi8(mask);
}

static inline AVX2 __m256i is(__m256i bytes, char c)
{
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}

/* first <= byte < first + count, by one signed comparison. */
static inline AVX2 __m256i within(__m256i bytes, int first, int count)
{
    __m256i shifted = _mm256_sub_epi8(bytes, _mm256_set1_epi8((char)(first - 128)));
    return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(count - 128)), shifted);
}

static inline AVX2 __m256i buckets(const struct tables *tables, unsigned k, __m256i bytes)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(bytes, half);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
    return _mm256_and_si256(_mm256_shuffle_epi8(tables->low[k], low),
                            _mm256_shuffle_epi8(tables->high[k], high));
}

static inline AVX2 __m256i escapes(__m256i first, __m256i second)
{
    __m256i back =
        _mm256_and_si256(is(first, '\\'), _mm256_or_si256(is(second, 'u'), is(second, '/')));
    __m256i octal = is(_mm256_and_si256(second, _mm256_set1_epi8((char)0xf8)), 0x30);
    __m256i percent = _mm256_and_si256(is(first, '%'), octal);
    __m256i entity = _mm256_and_si256(is(first, '&'), is(second, '#'));
    __m256i found = _mm256_or_si256(back, _mm256_or_si256(percent, entity));
    if (bits(first) == 0) /* ASCII */
        return found;
    __m256i lead = _mm256_or_si256(is(first, (char)0xc2), is(first, (char)0xd9));
    lead = _mm256_or_si256(lead, _mm256_or_si256(is(first, (char)0xdb), is(first, (char)0xe0)));
    lead = _mm256_or_si256(lead, _mm256_or_si256(is(first, (char)0xe2), is(first, (char)0xef)));
    return _mm256_or_si256(found, lead);
}

/* Reads bytes[0, 34). */
static inline AVX2 struct marks mark(const struct tables *tables, const uint8_t *bytes,
                                     __m256i *found_escapes)
{
    __m256i first = load(bytes), second = load(bytes + 1), third = load(bytes + 2);
    __m256i shared =
        _mm256_and_si256(buckets(tables, 0, first),
                         _mm256_and_si256(buckets(tables, 1, second), buckets(tables, 2, third)));
    *found_escapes = _mm256_or_si256(*found_escapes, escapes(first, second));
    return (struct marks){
        .digit = bits(within(first, '0', 10)),
        .upper = bits(within(first, 'A', 26)),
        .at = bits(is(first, '@')),
        .separator = bits(_mm256_or_si256(is(first, ':'), is(first, '='))),
        .literal = ~bits(_mm256_cmpeq_epi8(shared, _mm256_setzero_si256())),
    };
}

static inline AVX2 uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static AVX2 void index_avx2(const struct sl_pii_prefilter *prefilter, const uint8_t *text,
                            size_t size, size_t readable, struct sl_pii_index *ret_index)
{
    struct tables tables;
    for (unsigned k = 0; k < 3; k++) {
        tables.low[k] = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)prefilter->low[k]));
        tables.high[k] = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)prefilter->high[k]));
    }
    __m256i found_escapes = _mm256_setzero_si256();
    size_t words = (size + 63) / 64;
    uint8_t tail[96] = {0};
    for (size_t word = 0; word < words; word++) {
        const uint8_t *bytes = text + word * 64;
        uint64_t valid = ~0ull;
        if (word * 64 + 64 > size)
            valid = (1ull << (size - word * 64)) - 1;
        if (word * 64 + 66 > readable) {
            size_t rest = readable - word * 64;
            memcpy(tail, bytes, rest);
            memset(tail + rest, 0, sizeof tail - rest);
            bytes = tail;
        }
        struct marks low = mark(&tables, bytes, &found_escapes);
        struct marks high = mark(&tables, bytes + 32, &found_escapes);
        ret_index->digit[word] = join(low.digit, high.digit) & valid;
        ret_index->upper[word] = join(low.upper, high.upper) & valid;
        ret_index->at[word] = join(low.at, high.at) & valid;
        ret_index->separator[word] = join(low.separator, high.separator) & valid;
        ret_index->literal[word] = join(low.literal, high.literal) & valid;
    }
    ret_index->digit[words] = ret_index->upper[words] = ret_index->at[words] = 0;
    ret_index->separator[words] = ret_index->literal[words] = 0;
    ret_index->escapes = bits(found_escapes) != 0;
}

sl_pii_index_fn *sl_pii_index_best(void)
{
    return __builtin_cpu_supports("avx2") ? index_avx2 : sl_pii_index_portable;
}
#else
sl_pii_index_fn *sl_pii_index_best(void)
{
    return sl_pii_index_portable;
}
#endif
