/* SPDX-License-Identifier: Apache-2.0 */
/* The rare parts of the wire format: groups, and what type a field should have. */
#include "otlp/wire.h"

size_t sl_varint_read_long(const uint8_t *p, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t left = (size_t)(end - p);
    for (size_t i = 0; i < left && i < SL_VARINT_MAX; i++) {
        value |= (uint64_t)(p[i] & 0x7F) << (7 * i);
        if (p[i] < 0x80) {
            *ret_value = value;
            return i + 1;
        }
    }
    return 0;
}

/* Groups are read with a stack of numbers instead of by recursion. */
const uint8_t *sl_wire_group_end(const uint8_t *p, const uint8_t *end, uint32_t number)
{
    uint32_t open[SL_GROUP_DEPTH];
    unsigned depth = 0;
    open[depth++] = number;
    while (depth > 0) {
        uint64_t tag, value;
        size_t n = sl_varint_read(p, end, &tag);
        if (n == 0 || tag > UINT32_MAX || tag < 8)
            return NULL;
        if ((tag & 7) == SL_WIRE_GROUP_END) {
            if (open[--depth] != tag >> 3)
                return NULL;
            p += n;
            continue;
        }
        if ((tag & 7) == SL_WIRE_GROUP) {
            if (depth == SL_GROUP_DEPTH)
                return NULL;
            open[depth++] = (uint32_t)(tag >> 3);
            p += n;
            continue;
        }
        p += n;
        if ((tag & 7) == SL_WIRE_VARINT) {
            n = sl_varint_read(p, end, &value);
            if (n == 0)
                return NULL;
            p += n;
            continue;
        }
        size_t header = 0;
        if ((tag & 7) == SL_WIRE_FIXED64)
            value = 8;
        else if ((tag & 7) == SL_WIRE_FIXED32)
            value = 4;
        else if ((tag & 7) != SL_WIRE_LEN || (header = sl_varint_read(p, end, &value)) == 0)
            return NULL;
        if (value > (uint64_t)(end - p) - header)
            return NULL;
        p += header + value;
    }
    return p;
}

enum sl_wire_type sl_kind_wire(enum sl_field_kind kind)
{
    static const uint8_t wires[] = {
        [SL_K_BOOL] = SL_WIRE_VARINT,     [SL_K_INT32] = SL_WIRE_VARINT,
        [SL_K_UINT32] = SL_WIRE_VARINT,   [SL_K_SINT32] = SL_WIRE_VARINT,
        [SL_K_INT64] = SL_WIRE_VARINT,    [SL_K_UINT64] = SL_WIRE_VARINT,
        [SL_K_SINT64] = SL_WIRE_VARINT,   [SL_K_FIXED32] = SL_WIRE_FIXED32,
        [SL_K_FIXED64] = SL_WIRE_FIXED64, [SL_K_SFIXED64] = SL_WIRE_FIXED64,
        [SL_K_DOUBLE] = SL_WIRE_FIXED64,  [SL_K_ENUM] = SL_WIRE_VARINT,
        [SL_K_STRING] = SL_WIRE_LEN,      [SL_K_BYTES] = SL_WIRE_LEN,
        [SL_K_MESSAGE] = SL_WIRE_LEN,
    };
    return (enum sl_wire_type)wires[kind];
}

bool sl_kind_packs(enum sl_field_kind kind)
{
    return sl_kind_wire(kind) != SL_WIRE_LEN;
}

bool sl_wire_fits(const struct sl_wire_field *f, const struct sl_message_field *field)
{
    enum sl_field_kind kind = (enum sl_field_kind)field->kind;
    return f->wire == sl_kind_wire(kind) ||
           (f->wire == SL_WIRE_LEN && field->repeated && sl_kind_packs(kind));
}
