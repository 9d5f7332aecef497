/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index pass, byte by byte with one table look-up for the classes and three
 * for the literals; for processors without AVX2 and as the reference for it.
 */
#include "processors/pii_scrubber/index.h"

#include "processors/pii_scrubber/chars.h"

static bool is_escape(uint8_t c, uint8_t next)
{
    switch (c) {
    case '\\':
        return next == 'u' || next == '/';
    case '%':
        return (next & 0xf8) == 0x30;
    case '&':
        return next == '#';
    case 0xc2:
    case 0xd9:
    case 0xdb:
    case 0xe0:
    case 0xe2:
    case 0xef:
        return true;
    default:
        return false;
    }
}

void sl_pii_index_portable(const struct sl_pii_prefilter *prefilter, const uint8_t *text,
                           size_t size, size_t readable, struct sl_pii_index *ret_index)
{
    size_t words = (size + 63) / 64;
    bool escapes = false;
    for (size_t word = 0; word < words; word++) {
        uint64_t digit = 0, upper = 0, at = 0, separator = 0, literal = 0;
        size_t start = word * 64, count = size - start < 64 ? size - start : 64;
        for (size_t i = 0; i < count; i++) {
            size_t pos = start + i;
            uint8_t c = text[pos];
            uint8_t second = pos + 1 < readable ? text[pos + 1] : 0;
            uint8_t third = pos + 2 < readable ? text[pos + 2] : 0;
            uint8_t classes = sl_pii_class[c];
            digit |= (uint64_t)(classes & SL_PII_DIGIT) << i;
            upper |= (uint64_t)((classes & SL_PII_UPPER) >> 1) << i;
            at |= (uint64_t)(c == '@') << i;
            separator |= (uint64_t)(c == ':' || c == '=') << i;
            uint8_t buckets =
                prefilter->byte[0][c] & prefilter->byte[1][second] & prefilter->byte[2][third];
            literal |= (uint64_t)(buckets != 0) << i;
            escapes = escapes || is_escape(c, second);
        }
        ret_index->digit[word] = digit;
        ret_index->upper[word] = upper;
        ret_index->at[word] = at;
        ret_index->separator[word] = separator;
        ret_index->literal[word] = literal;
    }
    ret_index->digit[words] = ret_index->upper[words] = ret_index->at[words] = 0;
    ret_index->separator[words] = ret_index->literal[words] = 0;
    ret_index->escapes = escapes;
}
