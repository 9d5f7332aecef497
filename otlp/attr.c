/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: reading them in place, and the edits that change one. */
#include "core/error.h"
#include "otlp/edit.h"
#include "otlp/wire.h"

/* ---- reading ---- */

static void set_value(struct sl_value *value, const struct sl_wire_field *f)
{
    double number;
    switch (f->number << 3 | f->wire) {
    case SL_ANY_STRING << 3 | SL_WIRE_LEN:
        *value = sl_value_string(sl_wire_payload(f));
        break;
    case SL_ANY_BOOL << 3 | SL_WIRE_VARINT:
        *value = sl_value_bool(f->value != 0);
        break;
    case SL_ANY_INT << 3 | SL_WIRE_VARINT:
        *value = sl_value_int((int64_t)f->value);
        break;
    case SL_ANY_DOUBLE << 3 | SL_WIRE_FIXED64:
        memcpy(&number, &f->value, sizeof number);
        *value = sl_value_double(number);
        break;
    case SL_ANY_ARRAY << 3 | SL_WIRE_LEN:
        *value = (struct sl_value){.type = SL_VALUE_ARRAY, .bytes = sl_wire_payload(f)};
        break;
    case SL_ANY_KVLIST << 3 | SL_WIRE_LEN:
        *value = (struct sl_value){.type = SL_VALUE_KVLIST, .bytes = sl_wire_payload(f)};
        break;
    case SL_ANY_BYTES << 3 | SL_WIRE_LEN:
        *value = (struct sl_value){.type = SL_VALUE_BYTES, .bytes = sl_wire_payload(f)};
        break;
    default: /* unknown: as if it were not there */
        break;
    }
}

/* Not inline, as what else is not the usual shape: sl_attrs_next() stays small. */
static __attribute__((noinline)) void read_value(const uint8_t *p, const uint8_t *end,
                                                 struct sl_value *value)
{
    struct sl_wire_field f;
    value->type = SL_VALUE_EMPTY;
    value->bytes = sl_bytes(NULL, 0);
    while (p < end && (p = sl_wire_read(p, end, &f)) != NULL)
        set_value(value, &f);
}

struct sl_value sl_value_read(struct sl_bytes any_value)
{
    struct sl_value value = {.type = SL_VALUE_EMPTY};
    if (any_value.size > 0)
        read_value(any_value.data, any_value.data + any_value.size, &value);
    return value;
}

bool sl_array_next(struct sl_bytes *rest, struct sl_value *ret_value)
{
    while (rest->size > 0) {
        struct sl_wire_field f;
        const uint8_t *end = rest->data + rest->size;
        if (sl_wire_read(rest->data, end, &f) == NULL)
            break;
        *rest = sl_bytes(f.end, (size_t)(end - f.end));
        if (f.number == 1 && f.wire == SL_WIRE_LEN) {
            read_value(f.payload, f.end, ret_value);
            return true;
        }
    }
    *rest = sl_bytes(NULL, 0);
    return false;
}

/* The shape that every SDK writes: key, then a value whose member is a string. */
static inline bool read_usual(struct sl_attr *attr, const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p), length, n;
    if (left < 4 || p[0] != (SL_KV_KEY << 3 | SL_WIRE_LEN) || p[1] >= 0x80)
        return false;
    size_t key = p[1];
    const uint8_t *value = p + 2 + key;
    if (key + 4 > left || value[0] != (SL_KV_VALUE << 3 | SL_WIRE_LEN))
        return false;
    n = sl_length_read(value + 1, end, &length);
    if (n == 0 || (size_t)(end - value) - 1 - n != length)
        return false;
    attr->key = sl_bytes(p + 2, key);
    p = value + 1 + n;
    if (p < end && p[0] == (SL_ANY_STRING << 3 | SL_WIRE_LEN)) {
        n = sl_length_read(p + 1, end, &length);
        if (n != 0 && (size_t)(end - p) - 1 - n == length) {
            attr->value.type = SL_VALUE_STRING;
            attr->value.bytes = sl_bytes(p + 1 + n, length);
            return true;
        }
    }
    read_value(p, end, &attr->value);
    return true;
}

static __attribute__((noinline)) void read_unusual(struct sl_attr *attr, const uint8_t *p,
                                                   const uint8_t *end)
{
    struct sl_wire_field f;
    attr->key = sl_bytes(NULL, 0);
    attr->value.type = SL_VALUE_EMPTY;
    attr->value.bytes = sl_bytes(NULL, 0);
    while (p < end && (p = sl_wire_read(p, end, &f)) != NULL) {
        if (f.wire != SL_WIRE_LEN)
            continue;
        if (f.number == SL_KV_KEY)
            attr->key = sl_wire_payload(&f);
        else if (f.number == SL_KV_VALUE)
            read_value(f.payload, f.end, &attr->value);
    }
}

static inline void read_key_value(struct sl_attr *attr, const uint8_t *p, const uint8_t *end)
{
    if (!read_usual(attr, p, end))
        read_unusual(attr, p, end);
}

void sl_attrs_init(struct sl_attrs *attrs, struct sl_batch *batch, struct sl_part *part,
                   uint32_t field_number)
{
    sl_cursor_init(&attrs->cursor, batch, part);
    attrs->number = field_number;
}

void sl_attrs_init_plain(struct sl_attrs *attrs, struct sl_bytes message, uint32_t field_number)
{
    sl_cursor_init_plain(&attrs->cursor, message);
    attrs->number = field_number;
}

/* The next field with this number at or behind p, however its tag is written. */
static __attribute__((noinline)) bool find_field(struct sl_cursor *cursor, uint32_t number,
                                                 const uint8_t *p, struct sl_wire_field *f)
{
    const uint8_t *end = cursor->rest.data + cursor->rest.size;
    while (p < end) {
        p = sl_wire_read(p, end, f);
        if (p == NULL) {
            cursor->failed = true;
            return false;
        }
        if (f->number == number && f->wire == SL_WIRE_LEN)
            return true;
    }
    return false;
}

/* Without edits: reads past the other fields without giving a view of each. */
static inline bool next_unedited(struct sl_attrs *attrs, struct sl_attr *attr)
{
    struct sl_cursor *cursor = &attrs->cursor;
    const uint8_t *start = cursor->rest.data, *end = start + cursor->rest.size;
    struct sl_wire_field f;
    size_t length, n = 0;
    if (*start == (uint8_t)(attrs->number << 3 | SL_WIRE_LEN) && attrs->number < 16)
        n = sl_length_read(start + 1, end, &length);
    if (n != 0 && length <= (size_t)(end - start) - 1 - n) {
        f.start = start;
        f.payload = start + 1 + n;
        f.end = f.payload + length;
    } else if (!find_field(cursor, attrs->number, start, &f)) {
        if (!cursor->failed) {
            cursor->offset += (uint32_t)cursor->rest.size;
            cursor->rest = sl_bytes(end, 0);
        }
        return false;
    }
    cursor->offset += (uint32_t)(f.end - start);
    cursor->rest = sl_bytes(f.end, (size_t)(end - f.end));
    struct sl_field_view *field = &attr->field;
    field->number = attrs->number;
    field->wire = SL_WIRE_LEN;
    field->number_value = 0;
    field->bytes = sl_wire_payload(&f);
    field->whole = sl_bytes(f.start, (size_t)(f.end - f.start));
    field->size = (uint32_t)field->whole.size;
    field->offset = cursor->offset - field->size;
    field->edit = -1;
    field->edit_offset = 0;
    read_key_value(attr, f.payload, f.end);
    return true;
}

bool sl_attrs_next(struct sl_attrs *attrs, struct sl_attr *attr)
{
    struct sl_cursor *cursor = &attrs->cursor;
    if (!cursor->failed && cursor->rest.size > 0 && cursor->inside.data == NULL &&
        (cursor->part == NULL || cursor->part->edit_count == 0))
        return next_unedited(attrs, attr);
    while (sl_cursor_next(cursor, &attr->field)) {
        struct sl_bytes bytes = attr->field.bytes;
        if (attr->field.number == attrs->number && attr->field.wire == SL_WIRE_LEN) {
            read_key_value(attr, bytes.data, bytes.data + bytes.size);
            return true;
        }
    }
    return false;
}

bool sl_attr_find(struct sl_batch *batch, struct sl_part *part, uint32_t field_number,
                  struct sl_bytes key, struct sl_attr *ret_attr)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    sl_attrs_init(&attrs, batch, part, field_number);
    while (sl_attrs_next(&attrs, &attr)) {
        if (sl_bytes_equal(attr.key, key)) {
            *ret_attr = attr;
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

/* What a value takes as the payload of an AnyValue. */
static size_t value_size(const struct sl_value *value)
{
    switch (value->type) {
    case SL_VALUE_EMPTY:
        return 0;
    case SL_VALUE_BOOL:
        return 2;
    case SL_VALUE_INT:
        return 1 + sl_varint_size((uint64_t)value->i);
    case SL_VALUE_DOUBLE:
        return 9;
    default:
        return sl_len_field_size(1, value->bytes.size);
    }
}

static uint8_t *write_bytes(uint8_t *at, struct sl_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static uint8_t *write_value(uint8_t *at, const struct sl_value *value)
{
    static const uint8_t members[] = {
        [SL_VALUE_STRING] = SL_ANY_STRING,
        [SL_VALUE_ARRAY] = SL_ANY_ARRAY,
        [SL_VALUE_KVLIST] = SL_ANY_KVLIST,
        [SL_VALUE_BYTES] = SL_ANY_BYTES,
    };
    uint64_t bits;
    switch (value->type) {
    case SL_VALUE_EMPTY:
        return at;
    case SL_VALUE_BOOL:
        *at++ = SL_ANY_BOOL << 3 | SL_WIRE_VARINT;
        *at++ = value->b;
        return at;
    case SL_VALUE_INT:
        *at++ = SL_ANY_INT << 3 | SL_WIRE_VARINT;
        return sl_varint_write(at, (uint64_t)value->i);
    case SL_VALUE_DOUBLE:
        *at++ = SL_ANY_DOUBLE << 3 | SL_WIRE_FIXED64;
        memcpy(&bits, &value->d, sizeof bits);
        for (unsigned i = 0; i < 8; i++)
            *at++ = (uint8_t)(bits >> (8 * i));
        return at;
    default:
        at = sl_len_write(at, members[value->type], value->bytes.size);
        return write_bytes(at, value->bytes);
    }
}

/* A KeyValue field in pieces; any of them may be missing. */
struct pieces {
    uint32_t number;
    const struct sl_bytes *key;
    const struct sl_value *value;
    struct sl_bytes kept[3]; /* fields of the old KeyValue that stay: behind each other */
};

static size_t pieces_payload(const struct pieces *pieces)
{
    size_t size = 0;
    if (pieces->key != NULL)
        size += sl_len_field_size(SL_KV_KEY, pieces->key->size);
    if (pieces->value != NULL)
        size += sl_len_field_size(SL_KV_VALUE, value_size(pieces->value));
    for (unsigned i = 0; i < 3; i++)
        size += pieces->kept[i].size;
    return size;
}

static uint8_t *pieces_write(const struct pieces *pieces, uint8_t *at)
{
    at = sl_len_write(at, pieces->number, pieces_payload(pieces));
    if (pieces->key != NULL) {
        at = sl_len_write(at, SL_KV_KEY, pieces->key->size);
        at = write_bytes(at, *pieces->key);
    }
    if (pieces->value != NULL) {
        at = sl_len_write(at, SL_KV_VALUE, value_size(pieces->value));
        at = write_value(at, pieces->value);
    }
    for (unsigned i = 0; i < 3; i++)
        at = write_bytes(at, pieces->kept[i]);
    return at;
}

static struct sl_bytes pieces_encode(const struct pieces *pieces, struct sl_arena *arena)
{
    size_t size = sl_len_field_size(pieces->number, pieces_payload(pieces));
    uint8_t *data = sl_arena_alloc(arena, size);
    if (data == NULL)
        return sl_bytes(NULL, 0);
    (void)pieces_write(pieces, data);
    return sl_bytes(data, size);
}

/* What stays of a KeyValue, key and value each at most once, when `key` or
 * `value` or both are replaced: at most three runs. */
static void keep_rest(struct pieces *pieces, struct sl_bytes payload)
{
    const uint8_t *run = payload.data, *p = run, *end = run + payload.size;
    unsigned count = 0;
    while (p < end) {
        struct sl_wire_field f;
        const uint8_t *next = sl_wire_read(p, end, &f);
        if (next == NULL)
            break;
        bool goes = f.wire == SL_WIRE_LEN && ((f.number == SL_KV_KEY && pieces->key != NULL) ||
                                              (f.number == SL_KV_VALUE && pieces->value != NULL));
        if (goes) {
            if (f.start > run && count < 2)
                pieces->kept[count++] = sl_bytes(run, (size_t)(f.start - run));
            run = next;
        }
        p = next;
    }
    if (run < end)
        pieces->kept[count] = sl_bytes(run, (size_t)(end - run));
}

static int change(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                  struct pieces *pieces)
{
    pieces->number = attr->field.number;
    keep_rest(pieces, attr->field.bytes);
    struct sl_bytes encoded = pieces_encode(pieces, batch->arena);
    return encoded.data == NULL ? SL_ENOMEM : sl_field_put(batch, part, &attr->field, encoded);
}

int sl_attr_remove(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr)
{
    return sl_field_remove(batch, part, &attr->field);
}

int sl_attr_rename(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                   struct sl_bytes key)
{
    struct pieces pieces = {.key = &key};
    return change(batch, part, attr, &pieces);
}

int sl_attr_replace(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                    struct sl_value value)
{
    struct pieces pieces = {.key = &attr->key, .value = &value};
    return change(batch, part, attr, &pieces);
}

int sl_attr_set(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *attr,
                struct sl_bytes key, struct sl_value value)
{
    struct pieces pieces = {.key = &key, .value = &value};
    return change(batch, part, attr, &pieces);
}

int sl_attr_add(struct sl_batch *batch, struct sl_part *part, uint32_t field_number,
                struct sl_bytes key, struct sl_value value)
{
    struct pieces pieces = {.number = field_number, .key = &key, .value = &value};
    struct sl_bytes encoded = pieces_encode(&pieces, batch->arena);
    return encoded.data == NULL ? SL_ENOMEM : sl_part_append(batch, part, encoded);
}

void sl_attr_encode(struct sl_out *out, uint32_t field_number, struct sl_bytes key,
                    struct sl_value value)
{
    struct pieces pieces = {.number = field_number, .key = &key, .value = &value};
    size_t size = sl_len_field_size(field_number, pieces_payload(&pieces));
    uint8_t *at = sl_out_room(out, size);
    if (at == NULL)
        return;
    (void)pieces_write(&pieces, at);
    out->size += size;
}
