/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_INDEX_H
#define SL_PII_INDEX_H

#include "core/bytes.h"

/*
 * The first pass: for a chunk of text, one bit a byte for each mark. Built with
 * AVX2 where the processor has it, else byte by byte; both give the same bits.
 */
enum { SL_PII_CHUNK = 65536, SL_PII_WORDS = SL_PII_CHUNK / 64 + 2 };

struct sl_pii_index {
    uint64_t digit[SL_PII_WORDS], upper[SL_PII_WORDS], at[SL_PII_WORDS], separator[SL_PII_WORDS],
        literal[SL_PII_WORDS]; /* literal: one may begin here; must be confirmed */
    bool escapes;              /* \u, \/, %4, &#, or a lead byte of look-alikes */
};

/*
 * Literals are found by their first three bytes: each is in one of 8 buckets,
 * and a position is marked when the three bytes share a bucket in tables by
 * low and high half of each byte.
 */
struct sl_pii_prefilter {
    uint8_t low[3][16], high[3][16];
    uint8_t byte[3][256]; /* low & high, for the portable index */
};

/* Marks text[0, size), size <= SL_PII_CHUNK + 64; reads up to `readable` bytes
 * from text on for what follows. Words after the last are zero. */
typedef void sl_pii_index_fn(const struct sl_pii_prefilter *prefilter, const uint8_t *text,
                             size_t size, size_t readable, struct sl_pii_index *ret_index);

sl_pii_index_fn sl_pii_index_portable;
/* The fastest that this processor runs. */
sl_pii_index_fn *sl_pii_index_best(void);

#endif
