/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf -> OTLP/JSON, driven by the tables. Elements of a repeated field
 * need not lie together in the wire (an attribute may have been added at the
 * end): the first one gathers the others.
 */
#include "otlp/wire_to_json.h"

#include "otlp/json.h"
#include "otlp/scalar.h"
#include "otlp/transcode.h"
#include "otlp/walk.h"

static void write_quoted_int(struct sl_out *out, int64_t value)
{
    sl_out_byte(out, '"');
    sl_int64_write(out, value);
    sl_out_byte(out, '"');
}

static void write_quoted_uint(struct sl_out *out, uint64_t value)
{
    sl_out_byte(out, '"');
    sl_uint64_write(out, value);
    sl_out_byte(out, '"');
}

static int64_t zigzag(uint64_t bits)
{
    return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
}

/* What a parser makes of the bits: 32-bit kinds take the lower half. */
static void write_number(struct sl_out *out, enum sl_field_kind kind, uint64_t bits)
{
    double real;
    switch (kind) {
    case SL_K_BOOL:
        sl_out_text(out, bits != 0 ? "true" : "false");
        break;
    case SL_K_DOUBLE:
        memcpy(&real, &bits, sizeof real);
        sl_json_write_double(out, real);
        break;
    case SL_K_INT32:
    case SL_K_ENUM:
        sl_int64_write(out, (int32_t)bits);
        break;
    case SL_K_SINT32:
        sl_int64_write(out, zigzag((uint32_t)bits));
        break;
    case SL_K_UINT32:
    case SL_K_FIXED32:
        sl_uint64_write(out, (uint32_t)bits);
        break;
    case SL_K_SINT64:
        write_quoted_int(out, zigzag(bits));
        break;
    case SL_K_INT64:
    case SL_K_SFIXED64:
        write_quoted_int(out, (int64_t)bits);
        break;
    default:
        write_quoted_uint(out, bits);
        break;
    }
}

static bool is_narrow(enum sl_field_kind kind)
{
    return kind == SL_K_INT32 || kind == SL_K_UINT32 || kind == SL_K_SINT32 || kind == SL_K_ENUM;
}

/* Left out: what an absent field means as well. */
static bool is_default(const struct sl_message_field *field, const struct sl_wire_field *f)
{
    enum sl_field_kind kind = (enum sl_field_kind)field->kind;
    if (field->presence || field->oneof >= 0 || kind == SL_K_MESSAGE)
        return false;
    if (f->wire == SL_WIRE_LEN)
        return f->payload == f->end;
    return is_narrow(kind) ? (uint32_t)f->value == 0 : f->value == 0;
}

static bool write_packed(struct sl_out *out, enum sl_field_kind kind, const struct sl_wire_field *f)
{
    enum sl_wire_type wire = sl_kind_wire(kind);
    size_t fixed = wire == SL_WIRE_FIXED64 ? 8 : 4;
    for (const uint8_t *p = f->payload; p < f->end;) {
        uint64_t bits;
        size_t size = fixed;
        if (wire == SL_WIRE_VARINT)
            size = sl_varint_read(p, f->end, &bits);
        else if ((size_t)(f->end - p) < fixed)
            return false;
        else
            bits = fixed == 8 ? sl_fixed64_read(p) : sl_fixed32_read(p);
        if (size == 0)
            return false;
        if (p != f->payload)
            sl_out_byte(out, ',');
        write_number(out, kind, bits);
        p += size;
    }
    return true;
}

/* One occurrence; of a packed run all its numbers. */
static bool write_value(const struct sl_message_field *field, const struct sl_wire_field *f,
                        struct sl_out *out)
{
    enum sl_field_kind kind = (enum sl_field_kind)field->kind;
    if (f->wire != SL_WIRE_LEN) {
        write_number(out, kind, f->value);
        return true;
    }
    struct sl_bytes payload = sl_wire_payload(f);
    if (kind == SL_K_MESSAGE)
        return sl_message_to_json(field->message, payload, out);
    if (kind == SL_K_STRING) {
        sl_json_write_string(out, payload);
        return true;
    }
    if (kind != SL_K_BYTES)
        return write_packed(out, kind, f);
    sl_out_byte(out, '"');
    if (field->id_size != 0)
        sl_hex_write(out, payload);
    else
        sl_base64_write(out, payload);
    sl_out_byte(out, '"');
    return true;
}

/* An empty packed run: no element. */
static bool is_nothing(const struct sl_message_field *field, const struct sl_wire_field *f)
{
    return f->wire == SL_WIRE_LEN && f->payload == f->end &&
           sl_kind_packs((enum sl_field_kind)field->kind);
}

/* The array of all elements, of which f is the first. */
static bool write_repeated(const struct sl_message_field *field, const struct sl_wire_field *f,
                           const uint8_t *end, struct sl_out *out)
{
    sl_out_byte(out, '[');
    bool ok = write_value(field, f, out);
    for (const uint8_t *p = f->end; ok && p < end;) {
        struct sl_wire_field more;
        p = sl_wire_read(p, end, &more);
        if (p == NULL)
            return false;
        if (more.number != field->number || !sl_wire_fits(&more, field) || is_nothing(field, &more))
            continue;
        sl_out_byte(out, ',');
        ok = write_value(field, &more, out);
    }
    sl_out_byte(out, ']');
    return ok;
}

static void write_key(struct sl_out *out, const char *name, bool first)
{
    size_t length = strlen(name);
    uint8_t *at = sl_out_room(out, length + 4);
    if (at == NULL)
        return;
    if (!first)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name, length);
    memcpy(at + length, "\":", 2);
    out->size += length + (first ? 3 : 4);
}

bool sl_message_to_json(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out)
{
    uint32_t written = 0; /* bits by index of the repeated field */
    bool first = true, ok = true;
    const uint8_t *p = wire.data, *end = wire.size > 0 ? p + wire.size : p;
    sl_out_byte(out, '{');
    while (ok && p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (p == NULL)
            return false;
        const struct sl_message_field *field = sl_message_find(message, f.number);
        if (field == NULL || !sl_wire_fits(&f, field))
            continue;
        uint32_t bit = (uint32_t)1 << (field - message->fields);
        if (field->repeated ? (written & bit) != 0 || is_nothing(field, &f) : is_default(field, &f))
            continue;
        written |= bit;
        write_key(out, field->json, first);
        first = false;
        ok = field->repeated ? write_repeated(field, &f, end, out) : write_value(field, &f, out);
    }
    sl_out_byte(out, '}');
    return ok;
}

static int write_checked(const struct sl_message *message, struct sl_bytes wire, bool odd,
                         struct sl_out *out)
{
    struct sl_out canonical = {0};
    uint32_t repaired = 0;
    if (odd && !sl_canonical(message, wire, &canonical, &repaired)) {
        sl_out_done(&canonical);
        return SL_ENOMEM;
    }
    bool ok = sl_message_to_json(message, odd ? sl_out_view(&canonical) : wire, out);
    sl_out_done(&canonical);
    return ok ? 0 : SL_EINVALID;
}

int sl_wire_to_json(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out,
                    struct sl_error *reterr)
{
    struct sl_walk walk = {.max_depth = SL_MAX_DEPTH};
    size_t start = out->size;
    static const uint8_t nothing[1];
    if (wire.size == 0)
        wire.data = nothing;
    int rc = sl_walk_message(&walk, message, wire, 1);
    if (rc != 0)
        return sl_fail(reterr, rc, "offset %zu: %s", (size_t)(walk.at - wire.data), walk.problem);
    rc = write_checked(message, wire, walk.odd, out);
    if (rc == 0 && out->failed)
        rc = out->limit != 0 ? SL_ELIMIT : SL_ENOMEM;
    if (rc != 0)
        out->size = start;
    return rc == 0 ? 0 : sl_fail(reterr, rc, "message to JSON: %s", sl_status_text(rc));
}
