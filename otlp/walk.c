/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one full walk of received bytes: structure, depth, id lengths, UTF-8, and
 * whether a message is canonical. Attributes, which are most of any message,
 * take a path written by hand for the shape that every SDK writes; whatever
 * deviates from it is walked by the schema's tables.
 */
#include "otlp/walk.h"

#include "core/error.h"

static int walk_any_value(struct sl_walk *walk, const uint8_t *p, const uint8_t *end,
                          unsigned depth);
static int walk_table(struct sl_walk *walk, const struct sl_message *message, const uint8_t *p,
                      const uint8_t *end, unsigned depth);

static int invalid(struct sl_walk *walk, const char *problem, const uint8_t *at)
{
    walk->problem = problem;
    walk->at = at;
    return SL_EINVALID;
}

static int too_deep(struct sl_walk *walk, const uint8_t *at)
{
    walk->problem = "messages nested too deep";
    walk->at = at;
    return SL_ELIMIT;
}

/* Expected: 0A key 12 value, and nothing else. */
static inline int walk_key_value(struct sl_walk *walk, const uint8_t *p, const uint8_t *end,
                                 unsigned depth)
{
    size_t left = (size_t)(end - p), length;
    if (left >= 4 && p[0] == (SL_KV_KEY << 3 | SL_WIRE_LEN) && p[1] < 0x80) {
        size_t key = p[1];
        const uint8_t *value = p + 2 + key;
        if (key + 4 <= left && value[0] == (SL_KV_VALUE << 3 | SL_WIRE_LEN)) {
            size_t n = sl_length_read(value + 1, end, &length);
            if (n > 0 && (size_t)(end - value) - 1 - n == length) {
                walk->odd |= !sl_is_utf8(p + 2, key);
                return walk_any_value(walk, value + 1 + n, end, depth + 1);
            }
        }
    }
    return walk_table(walk, &sl_msg_key_value, p, end, depth);
}

/* Elements of an ArrayValue or entries of a KeyValueList: repeated field 1. */
static int walk_list(struct sl_walk *walk, const struct sl_message *list, struct sl_bytes wire,
                     unsigned depth)
{
    const uint8_t *p = wire.data, *end = p + wire.size;
    if (depth >= walk->max_depth)
        return wire.size == 0 && depth == walk->max_depth ? SL_OK : too_deep(walk, p);
    while (p < end) {
        size_t length, n = *p == (1 << 3 | SL_WIRE_LEN) ? sl_length_read(p + 1, end, &length) : 0;
        if (n == 0 || length > (size_t)(end - p) - 1 - n)
            return walk_table(walk, list, p, end, depth);
        p += 1 + n;
        int rc = list == &sl_msg_array_value ? walk_any_value(walk, p, p + length, depth + 1)
                                             : walk_key_value(walk, p, p + length, depth + 1);
        if (rc != SL_OK)
            return rc;
        p += length;
    }
    return SL_OK;
}

/* Expected: nothing, or one member in its shortest form. */
static int walk_any_value(struct sl_walk *walk, const uint8_t *p, const uint8_t *end,
                          unsigned depth)
{
    if (depth > walk->max_depth)
        return too_deep(walk, p);
    if (p == end)
        return SL_OK;
    size_t left = (size_t)(end - p), length, n;
    unsigned number = p[0] >> 3, wire = p[0] & 7;
    uint64_t value;
    if (wire == SL_WIRE_LEN) {
        n = sl_length_read(p + 1, end, &length);
        if (n == 0 || left - 1 - n != length)
            return walk_table(walk, &sl_msg_any_value, p, end, depth);
        p += 1 + n;
        if (number == SL_ANY_STRING) {
            walk->odd |= !sl_is_utf8(p, length);
            return SL_OK;
        }
        if (number == SL_ANY_BYTES)
            return SL_OK;
        if (number == SL_ANY_ARRAY)
            return walk_list(walk, &sl_msg_array_value, sl_bytes(p, length), depth + 1);
        if (number == SL_ANY_KVLIST)
            return walk_list(walk, &sl_msg_key_value_list, sl_bytes(p, length), depth + 1);
        p -= 1 + n;
    } else if (number == SL_ANY_DOUBLE && wire == SL_WIRE_FIXED64 && left == 9) {
        return SL_OK;
    } else if ((number == SL_ANY_INT || number == SL_ANY_BOOL) && wire == SL_WIRE_VARINT &&
               sl_varint_read(p + 1, end, &value) == left - 1 && left > 1) {
        return SL_OK;
    }
    return walk_table(walk, &sl_msg_any_value, p, end, depth);
}

static int walk_packed(struct sl_walk *walk, enum sl_wire_type wire, const struct sl_wire_field *f)
{
    const uint8_t *p = f->payload;
    size_t size = (size_t)(f->end - p);
    if (wire == SL_WIRE_FIXED64 || wire == SL_WIRE_FIXED32)
        return size % (wire == SL_WIRE_FIXED64 ? 8 : 4) == 0
                   ? SL_OK
                   : invalid(walk, "packed numbers cut short", f->start);
    while (p < f->end) {
        uint64_t value;
        size_t n = sl_varint_read(p, f->end, &value);
        if (n == 0)
            return invalid(walk, "malformed packed number", p);
        p += n;
    }
    return SL_OK;
}

/* sl_wire_fits() for the loop below: kinds from STRING on are length-delimited. */
static inline bool fits(const struct sl_wire_field *f, const struct sl_message_field *field)
{
    if (field->kind >= SL_K_STRING)
        return f->wire == SL_WIRE_LEN;
    return sl_wire_fits(f, field);
}

static inline int walk_inner(struct sl_walk *walk, const struct sl_message *message,
                             const uint8_t *p, const uint8_t *end, unsigned depth)
{
    if (message == &sl_msg_key_value)
        return walk_key_value(walk, p, end, depth);
    if (message == &sl_msg_any_value)
        return walk_any_value(walk, p, end, depth);
    return walk_table(walk, message, p, end, depth);
}

/* The content of a known field with the right wire type. */
static inline int walk_content(struct sl_walk *walk, const struct sl_message_field *field,
                               const struct sl_wire_field *f, unsigned depth)
{
    size_t size;
    switch (field->kind) {
    case SL_K_MESSAGE:
        return walk_inner(walk, field->message, f->payload, f->end, depth + 1);
    case SL_K_STRING:
        walk->odd |= !sl_is_utf8(f->payload, (size_t)(f->end - f->payload));
        return SL_OK;
    case SL_K_BYTES:
        size = (size_t)(f->end - f->payload);
        if (field->id_size != 0 && size != 0 && size != field->id_size)
            return invalid(walk,
                           field->id_size == 16 ? "trace id is not 16 bytes long"
                                                : "span id is not 8 bytes long",
                           f->start);
        return SL_OK;
    default:
        return f->wire == SL_WIRE_LEN
                   ? walk_packed(walk, sl_kind_wire((enum sl_field_kind)field->kind), f)
                   : SL_OK;
    }
}

/* Attributes come in a row: those behind the first need no look at the tables. */
static int walk_attributes(struct sl_walk *walk, uint8_t tag, const uint8_t **at,
                           const uint8_t *end, unsigned depth)
{
    const uint8_t *p = *at;
    int rc = SL_OK;
    while (p < end && *p == tag && rc == SL_OK) {
        size_t length, n = sl_length_read(p + 1, end, &length);
        if (n == 0 || length > (size_t)(end - p) - 1 - n)
            break;
        p += 1 + n;
        rc = walk_key_value(walk, p, p + length, depth);
        p += length;
    }
    *at = p;
    return rc;
}

static int walk_table(struct sl_walk *walk, const struct sl_message *message, const uint8_t *p,
                      const uint8_t *end, unsigned depth)
{
    uint32_t seen = 0, oneofs = 0;
    if (depth > walk->max_depth)
        return too_deep(walk, p);
    while (p < end) {
        struct sl_wire_field f;
        if (sl_wire_read(p, end, &f) == NULL)
            return invalid(walk, "malformed or truncated field", p);
        p = f.end;
        const struct sl_message_field *field = sl_message_find(message, f.number);
        walk->odd |= !f.minimal;
        if (field == NULL || !fits(&f, field)) {
            walk->odd |= field != NULL || f.wire == SL_WIRE_GROUP;
            continue;
        }
        if (!field->repeated) {
            uint32_t bit = (uint32_t)1 << f.number;
            walk->odd |= (seen & bit) != 0;
            seen |= bit;
            if (field->oneof >= 0) {
                bit = (uint32_t)1 << field->oneof;
                walk->odd |= (oneofs & bit) != 0;
                oneofs |= bit;
            }
        }
        int rc = walk_content(walk, field, &f, depth);
        if (rc == SL_OK && field->repeated && field->message == &sl_msg_key_value &&
            *f.start < 0x80)
            rc = walk_attributes(walk, *f.start, &p, end, depth + 1);
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

int sl_walk_message(struct sl_walk *walk, const struct sl_message *message, struct sl_bytes wire,
                    unsigned depth)
{
    if (wire.size == 0)
        return SL_OK;
    return walk_inner(walk, message, wire.data, wire.data + wire.size, depth);
}
