/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalars of OTLP/JSON between text and value. Whole numbers are never taken
 * through a double: 18446744073709551615 and 1e3 are both read digit by digit.
 */
#include "otlp/scalar.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"

enum { NUMBER_MAX = 1024 }; /* characters; a double has at most 767 digits that matter */

/* A decimal number taken apart: sign, digits (with leading zeros stepped over
 * and the point left in), and the power of ten of the last digit. */
struct decimal {
    bool negative;
    const uint8_t *digits, *end; /* digits and at most one '.' */
    int64_t exponent;            /* what follows 'e' */
    int64_t fraction;            /* digits behind the point */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

/* The exponent at p, behind the 'e', up to the end; no more than that fits. */
static bool read_exponent(const uint8_t *p, const uint8_t *end, int64_t *ret_exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || skip_digits(p, end) != end)
        return false;
    int64_t value = 0;
    for (; p < end; p++)
        if (value < INT32_MAX)
            value = value * 10 + (*p - '0');
    *ret_exponent = negative ? -value : value;
    return true;
}

/* RFC 8259, section 6. */
static bool read_decimal(struct sl_bytes text, struct decimal *d)
{
    if (text.size == 0)
        return false;
    const uint8_t *p = text.data, *end = p + text.size;
    *d = (struct decimal){.negative = p < end && *p == '-'};
    p += d->negative;
    d->digits = p;
    p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
    if (p == d->digits)
        return false;
    if (p < end && *p == '.') {
        const uint8_t *point = p + 1;
        p = skip_digits(point, end);
        d->fraction = p - point;
        if (p == point)
            return false;
    }
    d->end = p;
    if (p == end)
        return true;
    return (*p | 0x20) == 'e' && read_exponent(p + 1, end, &d->exponent);
}

/* |d| as a whole number. */
static int whole(struct decimal *d, uint64_t *ret_value)
{
    int64_t exponent = d->exponent - d->fraction;
    const uint8_t *end = d->end;
    while (end > d->digits && (end[-1] == '0' || end[-1] == '.'))
        exponent += *--end == '0';
    uint64_t value = 0;
    for (const uint8_t *p = d->digits; p < end; p++) {
        if (*p == '.')
            continue;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return exponent < 0 ? SL_EINVALID : SL_ELIMIT;
    }
    if (value != 0 && exponent < 0)
        return SL_EINVALID;
    for (; value != 0 && exponent > 0; exponent--)
        if (__builtin_mul_overflow(value, 10u, &value))
            return SL_ELIMIT;
    *ret_value = value;
    return 0;
}

int sl_scalar_uint64(struct sl_bytes text, uint64_t *ret_value)
{
    struct decimal d;
    uint64_t value;
    if (!read_decimal(text, &d))
        return SL_EINVALID;
    int rc = whole(&d, &value);
    if (rc == 0 && d.negative && value != 0)
        rc = SL_ELIMIT;
    if (rc == 0)
        *ret_value = value;
    return rc;
}

int sl_scalar_int64(struct sl_bytes text, int64_t *ret_value)
{
    struct decimal d;
    uint64_t value;
    if (!read_decimal(text, &d))
        return SL_EINVALID;
    int rc = whole(&d, &value);
    if (rc == 0 && value > (uint64_t)INT64_MAX + d.negative)
        rc = SL_ELIMIT;
    if (rc == 0)
        *ret_value = d.negative ? (int64_t)(0 - value) : (int64_t)value;
    return rc;
}

/* Exact when digits and power of ten both fit into a double (Clinger). */
static bool fast_double(const struct decimal *d, double *ret_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t exponent = d->exponent - d->fraction;
    if (d->end - d->digits > 16 || exponent < -22 || exponent > 22)
        return false;
    uint64_t digits = 0;
    for (const uint8_t *p = d->digits; p < d->end; p++)
        if (*p != '.')
            digits = digits * 10 + (uint64_t)(*p - '0');
    if (digits > (uint64_t)1 << 53)
        return false;
    double value = (double)digits;
    value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    *ret_value = d->negative ? -value : value;
    return true;
}

int sl_scalar_double(struct sl_bytes text, double *ret_value)
{
    struct decimal d;
    if (!read_decimal(text, &d)) {
        bool negative = text.size > 0 && text.data[0] == '-';
        if (sl_bytes_is(text, "NaN"))
            *ret_value = (double)NAN;
        else if (sl_bytes_is(text, negative ? "-Infinity" : "Infinity"))
            *ret_value = negative ? -HUGE_VAL : HUGE_VAL;
        else
            return SL_EINVALID;
        return 0;
    }
    if (fast_double(&d, ret_value))
        return 0;
    char copy[NUMBER_MAX + 1];
    if (text.size > NUMBER_MAX)
        return SL_ELIMIT;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double value = strtod(copy, NULL);
    if (!isfinite(value))
        return SL_ELIMIT;
    *ret_value = value;
    return 0;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    uint8_t low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool sl_scalar_hex(struct sl_bytes text, uint8_t *out, size_t size)
{
    if (text.size != size * 2)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

int64_t sl_base64_decode(struct sl_bytes text, uint8_t *out)
{
    size_t size = text.size;
    while (size > 0 && text.size - size < 2 && text.data[size - 1] == '=')
        size--;
    if (size % 4 == 1 || (size != text.size && text.size % 4 != 0))
        return -1;
    uint8_t *to = out;
    uint32_t bits = 0, have = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *to++ = (uint8_t)(bits >> have);
        }
    }
    return to - out;
}

void sl_base64_write(struct sl_out *out, struct sl_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = (bytes.size + 2) / 3 * 4;
    uint8_t *to = sl_out_room(out, size);
    if (to == NULL)
        return;
    out->size += size;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
        *to++ = (uint8_t)digits[bits >> 18];
        *to++ = (uint8_t)digits[bits >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)digits[bits & 63] : '=';
    }
}

void sl_hex_write(struct sl_out *out, struct sl_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to = sl_out_room(out, bytes.size * 2);
    if (to == NULL)
        return;
    out->size += bytes.size * 2;
    for (size_t i = 0; i < bytes.size; i++) {
        *to++ = (uint8_t)digits[bytes.data[i] >> 4];
        *to++ = (uint8_t)digits[bytes.data[i] & 15];
    }
}

void sl_uint64_write(struct sl_out *out, uint64_t value)
{
    uint8_t text[20], *at = text + sizeof text;
    do
        *--at = (uint8_t)('0' + value % 10);
    while ((value /= 10) != 0);
    sl_out_bytes(out, at, (size_t)(text + sizeof text - at));
}

void sl_int64_write(struct sl_out *out, int64_t value)
{
    if (value < 0)
        sl_out_byte(out, '-');
    sl_uint64_write(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}
