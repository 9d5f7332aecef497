/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON -> protobuf in one pass over the text. Lengths of messages are
 * filled in behind them; the room left for one is a guess, corrected by moving.
 * A key that comes twice is written twice, which protobuf reads as "the last one
 * wins, messages merge", and the whole is then brought to canonical form.
 */
#include <limits.h>
#include <stdio.h>

#include "otlp/json.h"
#include "otlp/scalar.h"
#include "otlp/transcode.h"
#include "otlp/walk.h"

struct frame {
    const struct frame *parent;
    const struct sl_message *message;
    const struct sl_message_field *field; /* being read */
    unsigned depth;                       /* messages, the outermost is 1 */
    uint32_t seen;                        /* bits by index of the field */
    uint32_t oneofs;
};

struct reader {
    struct sl_json json;
    struct sl_out *out;
    struct sl_out scratch; /* a string without its escapes */
    struct sl_error *reterr;
    bool odd; /* something was written twice */
};

static int read_message(struct reader *r, struct frame *frame);

/* Where the token just read began; of an error where it is. */
static size_t token_offset(const struct reader *r, enum sl_json_token token)
{
    const struct sl_json *json = &r->json;
    size_t offset = sl_json_offset(json);
    switch (token) {
    case SL_JSON_KEY:
    case SL_JSON_STRING:
        return (size_t)(json->raw.data - json->start) - 1;
    case SL_JSON_NUMBER:
        return (size_t)(json->raw.data - json->start);
    case SL_JSON_FALSE:
        return offset - strlen("false");
    case SL_JSON_TRUE:
    case SL_JSON_NULL:
        return offset - strlen("true");
    case SL_JSON_ERROR:
    case SL_JSON_END:
        return offset;
    default:
        return offset - 1;
    }
}

/* "resourceSpans.scopeSpans.spans.": of a long path the end. */
static void print_path(const struct frame *frame, char *text, size_t size)
{
    size_t at = size - 1;
    text[at] = '\0';
    for (; frame != NULL; frame = frame->parent) {
        if (frame->field == NULL)
            continue;
        size_t length = strlen(frame->field->json);
        bool last = text[at] == '\0';
        if (at < length + 1 + 3)
            break;
        if (!last)
            text[--at] = '.';
        at -= length;
        memcpy(text + at, frame->field->json, length);
    }
    if (frame != NULL) {
        at -= 3;
        memcpy(text + at, "...", 3);
    }
    memmove(text, text + at, size - at);
}

static int refuse_at(struct reader *r, const struct frame *frame, size_t offset, int status,
                     const char *problem)
{
    char path[140];
    print_path(frame, path, sizeof path);
    return sl_fail(r->reterr, status, "offset %zu: %s%s%s", offset, path, *path != 0 ? ": " : "",
                   problem);
}

static int refuse(struct reader *r, const struct frame *frame, enum sl_json_token token,
                  const char *problem)
{
    if (token != SL_JSON_ERROR)
        return refuse_at(r, frame, token_offset(r, token), SL_EINVALID, problem);
    bool deep = strcmp(r->json.problem, SL_JSON_TOO_DEEP) == 0;
    return refuse_at(r, frame, sl_json_offset(&r->json), deep ? SL_ELIMIT : SL_EINVALID,
                     r->json.problem);
}

/* Room to be claimed. A limit is told from memory that ran out. */
static int room(struct reader *r, size_t size, uint8_t **ret_at)
{
    const struct sl_out *out = r->out;
    if (out->limit != 0 && (out->size > out->limit || size > out->limit - out->size))
        return sl_fail(r->reterr, SL_ELIMIT, "offset %zu: the message exceeds %zu bytes",
                       sl_json_offset(&r->json), out->limit);
    *ret_at = sl_out_room(r->out, size);
    return *ret_at != NULL ? 0 : sl_fail(r->reterr, SL_ENOMEM, "out of memory");
}

static void claim(struct reader *r, const uint8_t *end)
{
    r->out->size = (size_t)(end - r->out->data);
}

/* The string just read, without escapes; valid until the next one. */
static int plain_string(struct reader *r, struct sl_bytes *ret_text)
{
    struct sl_bytes raw = r->json.raw;
    if (!r->json.escaped) {
        *ret_text = raw;
        return 0;
    }
    sl_out_clear(&r->scratch);
    uint8_t *at = sl_out_room(&r->scratch, raw.size);
    if (at == NULL)
        return sl_fail(r->reterr, SL_ENOMEM, "out of memory");
    *ret_text = sl_bytes(at, sl_json_unescape(raw, at));
    return 0;
}

/* ---- lengths that are known later ---- */

struct open_field {
    size_t start;  /* of the payload */
    size_t length; /* bytes left for the length before it */
};

static int open_field(struct reader *r, uint32_t number, size_t length, struct open_field *ret_open)
{
    uint8_t *at;
    uint64_t tag = sl_tag(number, SL_WIRE_LEN);
    int rc = room(r, sl_varint_size(tag) + length, &at);
    if (rc != 0)
        return rc;
    at = sl_varint_write(at, tag) + length;
    claim(r, at);
    *ret_open = (struct open_field){r->out->size, length};
    return 0;
}

static int close_field(struct reader *r, const struct open_field *open)
{
    size_t size = r->out->size - open->start, need = sl_varint_size(size);
    uint8_t *at;
    if (need > open->length) {
        int rc = room(r, need - open->length, &at);
        if (rc != 0)
            return rc;
    }
    at = r->out->data + open->start;
    if (need != open->length && size != 0)
        memmove(at - open->length + need, at, size);
    (void)sl_varint_write(at - open->length, size);
    r->out->size += need - open->length;
    return 0;
}

/* ---- scalars ---- */

static int out_of_range(struct reader *r, const struct frame *frame, enum sl_json_token token,
                        int status)
{
    return refuse(r, frame, token,
                  status == SL_ELIMIT ? "number out of range" : "expected a whole number");
}

static int read_enum_name(struct reader *r, const struct frame *frame, struct sl_bytes name,
                          uint64_t *ret_bits)
{
    for (const struct sl_enum_value *v = frame->field->values; v->name != NULL; v++)
        if (sl_bytes_is(name, v->name)) {
            *ret_bits = (uint64_t)(int64_t)v->number;
            return 0;
        }
    return refuse(r, frame, SL_JSON_STRING, "unknown name");
}

static int read_signed(struct reader *r, const struct frame *frame, enum sl_json_token token,
                       struct sl_bytes text, uint64_t *ret_bits)
{
    int64_t value;
    int rc = sl_scalar_int64(text, &value);
    bool narrow = frame->field->kind == SL_K_INT32 || frame->field->kind == SL_K_SINT32 ||
                  frame->field->kind == SL_K_ENUM;
    if (rc == 0 && narrow && (value < INT32_MIN || value > INT32_MAX))
        rc = SL_ELIMIT;
    if (rc != 0)
        return out_of_range(r, frame, token, rc);
    uint64_t bits = (uint64_t)value;
    if (frame->field->kind == SL_K_SINT32 || frame->field->kind == SL_K_SINT64)
        bits = bits << 1 ^ (value < 0 ? UINT64_MAX : 0); /* zigzag */
    *ret_bits = bits;
    return 0;
}

static int read_unsigned(struct reader *r, const struct frame *frame, enum sl_json_token token,
                         struct sl_bytes text, uint64_t *ret_bits)
{
    uint64_t value;
    int rc = sl_scalar_uint64(text, &value);
    bool narrow = frame->field->kind == SL_K_UINT32 || frame->field->kind == SL_K_FIXED32;
    if (rc == 0 && narrow && value > UINT32_MAX)
        rc = SL_ELIMIT;
    if (rc != 0)
        return out_of_range(r, frame, token, rc);
    *ret_bits = value;
    return 0;
}

static int read_double(struct reader *r, const struct frame *frame, enum sl_json_token token,
                       struct sl_bytes text, uint64_t *ret_bits)
{
    double value;
    int rc = sl_scalar_double(text, &value);
    if (rc != 0)
        return refuse(r, frame, token,
                      rc == SL_ELIMIT ? "number out of range" : "expected a number");
    memcpy(ret_bits, &value, sizeof value);
    return 0;
}

/* A number or bool as the bits that its wire type carries. */
static int read_bits(struct reader *r, const struct frame *frame, enum sl_json_token token,
                     uint64_t *ret_bits)
{
    enum sl_field_kind kind = (enum sl_field_kind)frame->field->kind;
    if (kind == SL_K_BOOL) {
        if (token != SL_JSON_TRUE && token != SL_JSON_FALSE)
            return refuse(r, frame, token, "expected true or false");
        *ret_bits = token == SL_JSON_TRUE;
        return 0;
    }
    if (token != SL_JSON_NUMBER && token != SL_JSON_STRING)
        return refuse(r, frame, token, "expected a number");
    struct sl_bytes text;
    int rc = plain_string(r, &text);
    if (rc != 0)
        return rc;
    switch (kind) {
    case SL_K_ENUM:
        if (token == SL_JSON_STRING)
            return read_enum_name(r, frame, text, ret_bits);
        return read_signed(r, frame, token, text, ret_bits);
    case SL_K_DOUBLE:
        return read_double(r, frame, token, text, ret_bits);
    case SL_K_UINT32:
    case SL_K_UINT64:
    case SL_K_FIXED32:
    case SL_K_FIXED64:
        return read_unsigned(r, frame, token, text, ret_bits);
    default:
        return read_signed(r, frame, token, text, ret_bits);
    }
}

static int write_bits(struct reader *r, enum sl_wire_type wire, uint64_t bits)
{
    bool varint = wire == SL_WIRE_VARINT;
    size_t size = varint ? sl_varint_size(bits) : wire == SL_WIRE_FIXED64 ? 8 : 4;
    uint8_t *at;
    int rc = room(r, size, &at);
    if (rc != 0)
        return rc;
    if (varint)
        (void)sl_varint_write(at, bits);
    for (size_t i = 0; !varint && i < size; i++)
        at[i] = (uint8_t)(bits >> (8 * i));
    r->out->size += size;
    return 0;
}

static int write_tag(struct reader *r, uint32_t number, enum sl_wire_type wire)
{
    return write_bits(r, SL_WIRE_VARINT, sl_tag(number, wire));
}

static int read_id(struct reader *r, const struct frame *frame, size_t *ret_size)
{
    size_t size = frame->field->id_size;
    struct sl_bytes text;
    int rc = plain_string(r, &text);
    if (rc != 0)
        return rc;
    uint8_t *at;
    rc = room(r, size, &at);
    if (rc != 0)
        return rc;
    *ret_size = text.size == 0 ? 0 : size;
    if (text.size != 0 && !sl_scalar_hex(text, at, size))
        return refuse(r, frame, SL_JSON_STRING,
                      size == 16 ? "expected 32 hex digits" : "expected 16 hex digits");
    return 0;
}

static int read_base64(struct reader *r, const struct frame *frame, size_t *ret_size)
{
    struct sl_bytes text;
    int rc = plain_string(r, &text);
    if (rc != 0)
        return rc;
    uint8_t *at;
    rc = room(r, text.size / 4 * 3 + 3, &at);
    if (rc != 0)
        return rc;
    int64_t size = sl_base64_decode(text, at);
    if (size < 0)
        return refuse(r, frame, SL_JSON_STRING, "expected base64");
    *ret_size = (size_t)size;
    return 0;
}

/* Puts the content of a string or bytes field behind what is written, unclaimed. */
static int read_content(struct reader *r, const struct frame *frame, size_t *ret_size)
{
    if (frame->field->id_size != 0)
        return read_id(r, frame, ret_size);
    if (frame->field->kind == SL_K_BYTES)
        return read_base64(r, frame, ret_size);
    struct sl_bytes raw = r->json.raw;
    uint8_t *at;
    int rc = room(r, raw.size, &at);
    if (rc != 0)
        return rc;
    *ret_size = raw.size;
    if (r->json.escaped)
        *ret_size = sl_json_unescape(raw, at);
    else
        memcpy(at, raw.data, raw.size);
    return 0;
}

static int read_text(struct reader *r, const struct frame *frame, bool keep_empty)
{
    struct open_field open;
    size_t before = r->out->size, size = 0;
    int rc = open_field(r, frame->field->number, sl_varint_size(r->json.raw.size), &open);
    if (rc == 0)
        rc = read_content(r, frame, &size);
    if (rc != 0)
        return rc;
    r->out->size += size;
    if (size != 0 || keep_empty)
        return close_field(r, &open);
    r->out->size = before;
    return 0;
}

/* ---- fields ---- */

static int read_inner(struct reader *r, struct frame *frame, enum sl_json_token token)
{
    struct frame inner = {frame, frame->field->message, NULL, frame->depth + 1, 0, 0};
    struct open_field open;
    bool empty = token == SL_JSON_NULL && frame->field->repeated &&
                 inner.message == &sl_msg_any_value; /* null in an array of values */
    if (token != SL_JSON_OBJECT && !empty)
        return refuse(r, frame, token, "expected an object");
    if (inner.depth > SL_MAX_DEPTH)
        return refuse_at(r, frame, token_offset(r, token), SL_ELIMIT, "nested too deeply");
    /* A resource's spans fill some 16 kB, a span some hundred bytes, a value less. */
    size_t guess = frame->depth <= 2 ? 3 : frame->depth == 3 ? 2 : 1;
    int rc = open_field(r, frame->field->number, guess, &open);
    if (rc == 0 && !empty)
        rc = read_message(r, &inner);
    return rc == 0 ? close_field(r, &open) : rc;
}

static int read_packed(struct reader *r, struct frame *frame)
{
    enum sl_wire_type wire = sl_kind_wire((enum sl_field_kind)frame->field->kind);
    struct open_field open;
    size_t before = r->out->size;
    int rc = open_field(r, frame->field->number, 1, &open);
    while (rc == 0) {
        enum sl_json_token token = sl_json_next(&r->json);
        if (token == SL_JSON_ARRAY_END)
            break;
        uint64_t bits;
        rc = read_bits(r, frame, token, &bits);
        if (rc == 0)
            rc = write_bits(r, wire, bits);
    }
    if (rc != 0)
        return rc;
    if (r->out->size > open.start)
        return close_field(r, &open);
    r->out->size = before;
    return 0;
}

static int read_repeated(struct reader *r, struct frame *frame, enum sl_json_token token)
{
    enum sl_field_kind kind = (enum sl_field_kind)frame->field->kind;
    if (token != SL_JSON_ARRAY)
        return refuse(r, frame, token, "expected an array");
    if (sl_kind_packs(kind))
        return read_packed(r, frame);
    for (;;) {
        token = sl_json_next(&r->json);
        if (token == SL_JSON_ARRAY_END)
            return 0;
        int rc;
        if (kind == SL_K_MESSAGE)
            rc = read_inner(r, frame, token);
        else if (token == SL_JSON_STRING)
            rc = read_text(r, frame, true);
        else
            rc = refuse(r, frame, token, "expected a string");
        if (rc != 0)
            return rc;
    }
}

static int read_singular(struct reader *r, struct frame *frame, enum sl_json_token token,
                         bool explicit)
{
    const struct sl_message_field *field = frame->field;
    if (field->kind == SL_K_MESSAGE)
        return read_inner(r, frame, token);
    if (field->kind == SL_K_STRING || field->kind == SL_K_BYTES) {
        if (token != SL_JSON_STRING)
            return refuse(r, frame, token, "expected a string");
        return read_text(r, frame, explicit);
    }
    uint64_t bits;
    enum sl_wire_type wire = sl_kind_wire((enum sl_field_kind)field->kind);
    int rc = read_bits(r, frame, token, &bits);
    if (rc != 0 || (bits == 0 && !explicit))
        return rc;
    rc = write_tag(r, field->number, wire);
    return rc == 0 ? write_bits(r, wire, bits) : rc;
}

/* The value of a known key. A default value is written only where it says something. */
static int read_field(struct reader *r, struct frame *frame)
{
    const struct sl_message_field *field = frame->field;
    enum sl_json_token token = sl_json_next(&r->json);
    if (token == SL_JSON_NULL)
        return 0;
    if (token == SL_JSON_ERROR)
        return refuse(r, frame, token, NULL);
    if (field->repeated)
        return read_repeated(r, frame, token);
    uint32_t bit = (uint32_t)1 << (field - frame->message->fields);
    bool again = (frame->seen & bit) != 0;
    frame->seen |= bit;
    if (field->oneof >= 0) {
        again |= frame->oneofs != 0;
        frame->oneofs = 1;
    }
    r->odd |= again;
    return read_singular(r, frame, token, again || field->presence || field->oneof >= 0);
}

static bool is_key(const struct sl_json *json, const char *name)
{
    struct sl_bytes raw = json->raw;
    if (json->escaped)
        return sl_json_raw_is(raw, true, name);
    return raw.size > 0 && raw.data[0] == (uint8_t)name[0] &&
           strncmp(name, (const char *)raw.data, raw.size) == 0 && name[raw.size] == '\0';
}

static const struct sl_message_field *find_field(const struct sl_json *json,
                                                 const struct sl_message *message)
{
    const struct sl_message_field *end = message->fields + message->field_count;
    for (const struct sl_message_field *field = message->fields; field < end; field++)
        if (is_key(json, field->json))
            return field;
    if (!json->escaped && memchr(json->raw.data, '_', json->raw.size) == NULL)
        return NULL;
    for (const struct sl_message_field *field = message->fields; field < end; field++)
        if (is_key(json, field->name))
            return field;
    return NULL;
}

/* Behind the opening brace. */
static int read_message(struct reader *r, struct frame *frame)
{
    for (;;) {
        enum sl_json_token token = sl_json_next(&r->json);
        if (token == SL_JSON_OBJECT_END)
            return 0;
        if (token == SL_JSON_ERROR)
            return refuse(r, frame->parent, token, NULL);
        frame->field = find_field(&r->json, frame->message);
        if (frame->field != NULL) {
            int rc = read_field(r, frame);
            if (rc != 0)
                return rc;
        } else if (sl_json_skip(&r->json, token) != 0) {
            return refuse(r, frame->parent, SL_JSON_ERROR, NULL);
        }
    }
}

static int read_document(struct reader *r, const struct sl_message *message)
{
    struct frame top = {NULL, message, NULL, 1, 0, 0};
    enum sl_json_token token = sl_json_next(&r->json);
    if (token != SL_JSON_OBJECT)
        return refuse(r, NULL, token, "expected an object");
    int rc = read_message(r, &top);
    if (rc == 0 && sl_json_next(&r->json) != SL_JSON_END)
        rc = refuse(r, NULL, SL_JSON_ERROR, NULL);
    return rc;
}

static int make_canonical(struct reader *r, const struct sl_message *message, size_t start)
{
    struct sl_out canonical = {0};
    uint32_t repaired = 0;
    struct sl_bytes wire = sl_bytes(r->out->data + start, r->out->size - start);
    bool ok = sl_canonical(message, wire, &canonical, &repaired);
    if (ok) {
        r->out->size = start;
        sl_out_bytes(r->out, canonical.data, canonical.size);
    }
    sl_out_done(&canonical);
    return ok ? 0 : sl_fail(r->reterr, SL_ENOMEM, "out of memory");
}

int sl_json_to_wire(const struct sl_message *message, struct sl_bytes json, struct sl_out *out,
                    struct sl_error *reterr)
{
    struct reader r = {.out = out, .reterr = reterr};
    size_t start = out->size;
    sl_json_init(&r.json, json, SL_JSON_DEPTH);
    int rc = read_document(&r, message);
    if (rc == 0 && r.odd)
        rc = make_canonical(&r, message, start);
    if (rc != 0)
        out->size = start;
    sl_out_done(&r.scratch);
    return rc;
}
