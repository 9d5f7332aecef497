/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_BYTES_H
#define SL_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes or text owned by somebody else. Text is UTF-8, may hold NUL
 * and has no terminator. data may be NULL only when size is 0. */
struct sl_bytes {
    const uint8_t *data;
    size_t size;
};

/* A string literal as bytes: SL_LIT("model"). */
#define SL_LIT(text) ((struct sl_bytes){(const uint8_t *)("" text), sizeof(text) - 1})

static inline struct sl_bytes sl_bytes(const void *data, size_t size)
{
    return (struct sl_bytes){(const uint8_t *)data, size};
}

static inline struct sl_bytes sl_text(const char *text)
{
    return sl_bytes(text, text != NULL ? strlen(text) : 0);
}

static inline bool sl_bytes_equal(struct sl_bytes a, struct sl_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool sl_bytes_is(struct sl_bytes a, const char *text)
{
    return sl_bytes_equal(a, sl_text(text));
}

static inline bool sl_bytes_starts(struct sl_bytes a, const char *prefix)
{
    size_t size = strlen(prefix);
    return a.size >= size && (size == 0 || memcmp(a.data, prefix, size) == 0);
}

bool sl_bytes_equal_nocase(struct sl_bytes a, struct sl_bytes b); /* ASCII only */
struct sl_bytes sl_bytes_trim(struct sl_bytes a);                 /* ASCII blanks */

/* FNV-1a, 64 bits. Not for hash tables that an attacker may fill: see sl_hash_seeded. */
uint64_t sl_hash(struct sl_bytes bytes);
uint64_t sl_hash_seeded(struct sl_bytes bytes, uint64_t seed);

/* Whole decimal number, optional minus; false when it is anything else. */
bool sl_bytes_to_int64(struct sl_bytes text, int64_t *ret_value);

/* Length of the valid UTF-8 prefix (no surrogates, no overlongs, <= U+10FFFF). */
size_t sl_utf8_valid_prefix(struct sl_bytes text);

/* Writes code point (a valid one) to out (4 bytes); returns its length. */
size_t sl_utf8_encode(uint32_t code_point, uint8_t *out);

#endif
