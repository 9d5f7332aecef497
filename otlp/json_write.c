/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON: escaped strings, and doubles in the fewest digits that read back the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "otlp/json.h"

/* What follows the backslash; 'u' for \u00xx, 0 when a byte is written as it is. */
static uint8_t escape_of(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 ? 'u' : 0;
    }
}

/* The first byte that needs an escape. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = 0x0101010101010101u;
    for (; end - p >= 8; p += 8) { /* a byte of 0 in x: (x - ones) & ~x has its high bit */
        uint64_t word;
        memcpy(&word, p, 8);
        uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
        uint64_t hit =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((word - ones * 0x20) & ~word);
        if ((hit & (ones * 0x80)) != 0)
            break;
    }
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    return p;
}

void sl_json_write_escaped(struct sl_out *out, struct sl_bytes text)
{
    if (text.size == 0)
        return; /* data may be NULL */
    const uint8_t *p = text.data, *end = p + text.size;
    while (p < end) {
        const uint8_t *run = p;
        p = skip_plain(p, end);
        sl_out_bytes(out, run, (size_t)(p - run));
        if (p == end)
            break;
        static const char hex[] = "0123456789abcdef";
        uint8_t c = *p++, escape = escape_of(c);
        uint8_t written[6] = {'\\', escape, '0', '0', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        sl_out_bytes(out, written, escape == 'u' ? 6 : 2);
    }
}

void sl_json_write_string(struct sl_out *out, struct sl_bytes text)
{
    sl_out_byte(out, '"');
    sl_json_write_escaped(out, text);
    sl_out_byte(out, '"');
}

void sl_json_write_double(struct sl_out *out, double value)
{
    if (!isfinite(value)) {
        sl_out_text(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    /* Fifteen digits suffice whenever fewer than sixteen do (DBL_DIG), except for subnormals. */
    char text[40];
    int digits = fpclassify(value) == FP_SUBNORMAL ? 1 : 15, length;
    do
        length = snprintf(text, sizeof text, "%.*g", digits++, value);
    while (digits <= 17 && strtod(text, NULL) != value);
    sl_out_bytes(out, text, (size_t)length);
}
