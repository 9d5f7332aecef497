/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_WIRE_H
#define SL_OTLP_WIRE_H

#include "core/bytes.h"
#include "otlp/schema.h"

/*
 * Protobuf's wire format, byte by byte: varints, tags, fields. Inline, because
 * every reader of telemetry spends its time here.
 */
enum {
    SL_VARINT_MAX = 10,              /* bytes */
    SL_FIELD_NUMBER_MAX = 536870911, /* 2^29 - 1 */
    SL_GROUP_DEPTH = 64              /* groups inside groups, as unknown fields */
};

struct sl_wire_field {
    uint32_t number;
    uint32_t wire;          /* enum sl_wire_type; GROUP: a whole group */
    uint64_t value;         /* VARINT, FIXED64, FIXED32 */
    const uint8_t *start;   /* the tag */
    const uint8_t *payload; /* LEN */
    const uint8_t *end;     /* behind the field */
    bool minimal;           /* tag and length in as few bytes as possible */
};

/* The varint at p, when it is longer than two bytes; see sl_varint_read(). */
size_t sl_varint_read_long(const uint8_t *p, const uint8_t *end, uint64_t *ret_value);

/* Bytes of the varint at p; 0 when truncated or longer than 10 bytes. */
static inline size_t sl_varint_read(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
    if (p < end && p[0] < 0x80) {
        *ret_value = p[0];
        return 1;
    }
    if (end - p >= 2 && p[1] < 0x80) {
        *ret_value = (uint64_t)(p[0] & 0x7F) | (uint64_t)p[1] << 7;
        return 2;
    }
    return sl_varint_read_long(p, end, ret_value);
}

/* A length in one or two bytes, in its shortest form, which is nearly every
 * length: how many bytes it took, or 0. */
static inline size_t sl_length_read(const uint8_t *p, const uint8_t *end, size_t *ret_length)
{
    if (p < end && p[0] < 0x80) {
        *ret_length = p[0];
        return 1;
    }
    if (end - p >= 2 && p[1] < 0x80 && p[1] != 0) {
        *ret_length = (size_t)(p[0] & 0x7F) | (size_t)p[1] << 7;
        return 2;
    }
    return 0;
}

static inline size_t sl_varint_size(uint64_t value)
{
    /* 64 bits in groups of seven: (bits * 9 + 64) / 64 is ceil(bits / 7) for 1..64. */
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return (bits * 9 + 64) / 64;
}

/* Writes up to 10 bytes; returns the byte after them. */
static inline uint8_t *sl_varint_write(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline uint64_t sl_tag(uint32_t number, enum sl_wire_type wire)
{
    return (uint64_t)number << 3 | (uint64_t)wire;
}

/* Size of a length-delimited field, tag and length included. */
static inline size_t sl_len_field_size(uint32_t number, size_t payload)
{
    return sl_varint_size(sl_tag(number, SL_WIRE_LEN)) + sl_varint_size(payload) + payload;
}

/* Writes tag and length; the payload is the caller's to put after them. */
static inline uint8_t *sl_len_write(uint8_t *at, uint32_t number, size_t payload)
{
    return sl_varint_write(sl_varint_write(at, sl_tag(number, SL_WIRE_LEN)), payload);
}

static inline uint64_t sl_fixed64_read(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline uint32_t sl_fixed32_read(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The end of the group whose opening tag (this number) ends at p; NULL when it
 * is malformed or too deep. */
const uint8_t *sl_wire_group_end(const uint8_t *p, const uint8_t *end, uint32_t number);

/* Reads the field at p < end. NULL when it is malformed (truncated, field
 * number 0 or too large, wire type 6 or 7, a group's end without a start),
 * else f->end. A field of any number passes, known or not. */
static inline __attribute__((always_inline)) const uint8_t *
sl_wire_read(const uint8_t *p, const uint8_t *end, struct sl_wire_field *f)
{
    uint64_t tag, value;
    size_t n = sl_varint_read(p, end, &tag);
    if (n == 0 || tag > UINT32_MAX || tag < 8)
        return NULL;
    f->start = p;
    f->minimal = n == 1 || p[n - 1] != 0;
    f->number = (uint32_t)(tag >> 3);
    f->wire = (uint32_t)(tag & 7);
    p += n;
    switch (f->wire) {
    case SL_WIRE_LEN:
        n = sl_varint_read(p, end, &value);
        if (n == 0 || value > (uint64_t)(end - p) - n)
            return NULL;
        f->minimal &= n == 1 || p[n - 1] != 0;
        f->payload = p + n;
        return f->end = p + n + value;
    case SL_WIRE_VARINT:
        n = sl_varint_read(p, end, &f->value);
        return f->end = n == 0 ? NULL : p + n;
    case SL_WIRE_FIXED64:
        if (end - p < 8)
            return NULL;
        f->value = sl_fixed64_read(p);
        return f->end = p + 8;
    case SL_WIRE_FIXED32:
        if (end - p < 4)
            return NULL;
        f->value = sl_fixed32_read(p);
        return f->end = p + 4;
    case SL_WIRE_GROUP:
        return f->end = sl_wire_group_end(p, end, f->number);
    default:
        return NULL;
    }
}

static inline struct sl_bytes sl_wire_payload(const struct sl_wire_field *f)
{
    return sl_bytes(f->payload, (size_t)(f->end - f->payload));
}

/* The wire type that a field of this kind has when it is not packed. */
enum sl_wire_type sl_kind_wire(enum sl_field_kind kind);
/* Whether a field of this kind may come packed when repeated. */
bool sl_kind_packs(enum sl_field_kind kind);
/* What the wire says is what the schema says: not a known number in a strange type. */
bool sl_wire_fits(const struct sl_wire_field *f, const struct sl_message_field *field);

static inline uint64_t sl_load64(const uint8_t *p)
{
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* The high bits of 1 to 32 bytes, without a loop: lengths are random, and a loop's
 * end guessed wrong costs more than the reading. Reads overlap instead. */
static inline uint64_t sl_high_bits_of_few(const uint8_t *p, size_t size)
{
    if (size < 4)
        return (uint64_t)(p[0] | p[size / 2] | p[size - 1]);
    if (size < 8) {
        uint32_t first, last;
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + size - 4, sizeof last);
        return first | last;
    }
    size_t step = size >= 16 ? 8 : 0;
    const uint8_t *last = p + size - 8;
    return sl_load64(p) | sl_load64(p + step) | sl_load64(last - step) | sl_load64(last);
}

/* Made for text that nearly always is ASCII. */
static inline bool sl_is_utf8(const uint8_t *p, size_t size)
{
    const uint64_t high = 0x8080808080808080u;
    uint64_t bits = 0;
    if (size == 0)
        return true;
    if (size <= 32) {
        bits = sl_high_bits_of_few(p, size);
    } else {
        const uint8_t *last = p + size - 32;
        for (const uint8_t *at = p; at < last && (bits & high) == 0; at += 32)
            bits |= sl_load64(at) | sl_load64(at + 8) | sl_load64(at + 16) | sl_load64(at + 24);
        bits |= sl_load64(last) | sl_load64(last + 8) | sl_load64(last + 16) | sl_load64(last + 24);
    }
    return (bits & high) == 0 || sl_utf8_valid_prefix(sl_bytes(p, size)) == size;
}

#endif
