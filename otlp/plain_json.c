/* SPDX-License-Identifier: Apache-2.0 */
/* An AnyValue's JSON as people write it; what cannot be read becomes null. */
#include "otlp/json.h"
#include "otlp/scalar.h"
#include "otlp/transcode.h"
#include "otlp/wire.h"

static void write_plain(struct sl_bytes value, struct sl_out *out, unsigned depth);

/* The last field of this number, as a parser would have it. */
static struct sl_bytes last_field(struct sl_bytes message, uint32_t number)
{
    struct sl_bytes found = {NULL, 0};
    struct sl_wire_field f;
    const uint8_t *end = message.size > 0 ? message.data + message.size : message.data;
    for (const uint8_t *p = message.data; p < end;) {
        p = sl_wire_read(p, end, &f);
        if (p == NULL)
            break;
        if (f.number == number && f.wire == SL_WIRE_LEN)
            found = sl_wire_payload(&f);
    }
    return found;
}

static void write_list(struct sl_bytes list, bool map, struct sl_out *out, unsigned depth)
{
    const uint8_t *end = list.data + list.size;
    bool first = true;
    sl_out_byte(out, map ? '{' : '[');
    for (const uint8_t *p = list.data; p < end;) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (p == NULL)
            break;
        if (f.number != 1 || f.wire != SL_WIRE_LEN)
            continue;
        struct sl_bytes value = sl_wire_payload(&f);
        if (!first)
            sl_out_byte(out, ',');
        first = false;
        if (map) {
            sl_json_write_string(out, last_field(value, SL_KV_KEY));
            sl_out_byte(out, ':');
            value = last_field(value, SL_KV_VALUE);
        }
        write_plain(value, out, depth);
    }
    sl_out_byte(out, map ? '}' : ']');
}

static bool write_bytes_member(const struct sl_wire_field *f, struct sl_out *out, unsigned depth)
{
    switch (f->number) {
    case SL_ANY_STRING:
        sl_json_write_string(out, sl_wire_payload(f));
        return true;
    case SL_ANY_BYTES:
        sl_out_byte(out, '"');
        sl_base64_write(out, sl_wire_payload(f));
        sl_out_byte(out, '"');
        return true;
    case SL_ANY_ARRAY:
    case SL_ANY_KVLIST:
        write_list(sl_wire_payload(f), f->number == SL_ANY_KVLIST, out, depth + 1);
        return true;
    default:
        return false;
    }
}

static bool write_member(const struct sl_wire_field *f, struct sl_out *out, unsigned depth)
{
    if (f->wire == SL_WIRE_LEN)
        return write_bytes_member(f, out, depth);
    if (f->number == SL_ANY_BOOL && f->wire == SL_WIRE_VARINT) {
        sl_out_text(out, f->value != 0 ? "true" : "false");
    } else if (f->number == SL_ANY_INT && f->wire == SL_WIRE_VARINT) {
        sl_int64_write(out, (int64_t)f->value);
    } else if (f->number == SL_ANY_DOUBLE && f->wire == SL_WIRE_FIXED64) {
        double value;
        memcpy(&value, &f->value, sizeof value);
        sl_json_write_double(out, value);
    } else {
        return false;
    }
    return true;
}

static void write_plain(struct sl_bytes value, struct sl_out *out, unsigned depth)
{
    const uint8_t *end = value.size > 0 ? value.data + value.size : value.data;
    for (const uint8_t *p = value.data; p < end && depth < SL_MAX_DEPTH;) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (p == NULL)
            break;
        if (write_member(&f, out, depth))
            return;
    }
    sl_out_text(out, "null");
}

void sl_value_to_plain_json(struct sl_bytes any_value, struct sl_out *out)
{
    write_plain(any_value, out, 0);
}
