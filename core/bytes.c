/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing, hashing and checking of byte views. */
#include "core/bytes.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool sl_bytes_equal_nocase(struct sl_bytes a, struct sl_bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct sl_bytes sl_bytes_trim(struct sl_bytes a)
{
    while (a.size > 0 && is_blank(a.data[0]))
        a = sl_bytes(a.data + 1, a.size - 1);
    while (a.size > 0 && is_blank(a.data[a.size - 1]))
        a.size--;
    return a;
}

uint64_t sl_hash_seeded(struct sl_bytes bytes, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return hash;
}

uint64_t sl_hash(struct sl_bytes bytes)
{
    return sl_hash_seeded(bytes, 0);
}

bool sl_bytes_to_int64(struct sl_bytes text, int64_t *ret_value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    uint64_t value = 0, most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (at == text.size)
        return false;
    for (; at < text.size; at++) {
        unsigned digit = (unsigned)text.data[at] - '0';
        if (digit > 9 || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Length of the sequence at p, 0 when it is not valid (RFC 3629, section 4). */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    size_t need = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (left < need)
        return 0;
    uint8_t low = 0x80, high = 0xBF;
    if (c == 0xE0)
        low = 0xA0;
    else if (c == 0xED)
        high = 0x9F;
    else if (c == 0xF0)
        low = 0x90;
    else if (c == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

size_t sl_utf8_valid_prefix(struct sl_bytes text)
{
    const uint8_t *p = text.data, *end = p + text.size;
    while (p < end) {
        while (end - p >= 8) { /* eight ASCII bytes at a time */
            uint64_t word;
            memcpy(&word, p, 8);
            if (word & 0x8080808080808080u)
                break;
            p += 8;
        }
        if (p == end)
            break;
        size_t step = utf8_sequence(p, (size_t)(end - p));
        if (step == 0)
            break;
        p += step;
    }
    return (size_t)(p - text.data);
}

size_t sl_utf8_encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}
