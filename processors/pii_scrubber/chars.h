/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_CHARS_H
#define SL_PII_CHARS_H

#include "core/bytes.h"

/* Classes of ASCII bytes; others have none. */
enum {
    SL_PII_DIGIT = 1,
    SL_PII_UPPER = 2,
    SL_PII_LOWER = 4,
    SL_PII_HEX = 8,
    SL_PII_LOCAL = 16,  /* local part of an e-mail address */
    SL_PII_TOKEN = 32,  /* A-Z a-z 0-9 _ - */
    SL_PII_BASE64 = 64, /* A-Z a-z 0-9 + / = */
    SL_PII_BLANK = 128,
    SL_PII_LETTER = SL_PII_UPPER | SL_PII_LOWER,
    SL_PII_ALNUM = SL_PII_DIGIT | SL_PII_UPPER | SL_PII_LOWER
};

extern const uint8_t sl_pii_class[256];

static inline bool sl_pii_is(uint8_t c, unsigned classes)
{
    return (sl_pii_class[c] & classes) != 0;
}

static inline uint8_t sl_pii_lower(uint8_t c)
{
    return sl_pii_is(c, SL_PII_UPPER) ? (uint8_t)(c | 0x20) : c;
}

static inline unsigned sl_pii_hex_value(uint8_t c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* pos is the letter of an escape such as \n, so what follows it starts a word. */
static inline bool sl_pii_after_escape(const uint8_t *text, size_t pos)
{
    return pos >= 2 && text[pos - 2] == '\\' &&
           (text[pos - 1] == 'n' || text[pos - 1] == 't' || text[pos - 1] == 'r');
}

/* A word or token may begin at pos: nothing alphanumeric, '_' or '-' (with dash) is glued before.
 */
static inline bool sl_pii_starts(const uint8_t *text, size_t pos, bool dash)
{
    if (pos == 0)
        return true;
    uint8_t c = text[pos - 1];
    if (!sl_pii_is(c, SL_PII_ALNUM) && c != '_' && !(dash && c == '-'))
        return true;
    return sl_pii_after_escape(text, pos);
}

/* ... may end before pos. */
static inline bool sl_pii_ends(const uint8_t *text, size_t size, size_t pos)
{
    return pos >= size || (!sl_pii_is(text[pos], SL_PII_ALNUM) && text[pos] != '_');
}

#endif
