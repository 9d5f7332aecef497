/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow path of ingest: rewrites a message as a protobuf parser would have
 * understood it (protobuf.dev, "Encoding": last one wins, embedded messages
 * merge, one member of a oneof), so that no two readers can disagree about it.
 * Unknown fields are kept where they were. Depth is bounded by the walk before.
 */
#include <assert.h>

#include "otlp/walk.h"

/* Per singular field of a message: where its effective occurrences are. */
struct occurrences {
    const uint8_t *first[32]; /* first occurrence that counts */
    const uint8_t *last[32];
    uint32_t count[32]; /* that count */
    uint8_t member[8];  /* per oneof: number of the member that holds, 0: none */
    bool written[32];
};

void sl_utf8_repair(struct sl_bytes text, struct sl_out *out)
{
    for (;;) {
        size_t valid = sl_utf8_valid_prefix(text);
        sl_out_bytes(out, text.data, valid);
        if (valid == text.size)
            return;
        sl_out_bytes(out, "\xEF\xBF\xBD", 3);
        text = sl_bytes(text.data + valid + 1, text.size - valid - 1);
    }
}

static void note(struct occurrences *seen, const struct sl_message_field *field,
                 const struct sl_wire_field *f)
{
    uint32_t number = f->number;
    if (field->oneof >= 0) {
        assert(field->oneof < 8);
        uint8_t *member = &seen->member[field->oneof];
        if (*member != number && *member != 0)
            seen->count[*member] = 0;
        *member = (uint8_t)number;
    }
    if (seen->count[number]++ == 0)
        seen->first[number] = f->start;
    seen->last[number] = f->start;
}

static void find_occurrences(const struct sl_message *message, struct sl_bytes wire,
                             struct occurrences *seen)
{
    const uint8_t *p = wire.data, *end = p + wire.size;
    memset(seen, 0, sizeof *seen);
    while (p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        assert(p != NULL);
        const struct sl_message_field *field = sl_message_find(message, f.number);
        if (field != NULL && !field->repeated && sl_wire_fits(&f, field))
            note(seen, field, &f);
    }
}

/* Tag and minimal length before what was written from `start` on. */
static void wrap(struct sl_out *out, size_t start, uint32_t number)
{
    uint8_t header[2 * SL_VARINT_MAX];
    size_t payload = out->size - start;
    size_t size = (size_t)(sl_len_write(header, number, payload) - header);
    if (sl_out_room(out, size) == NULL)
        return;
    memmove(out->data + start + size, out->data + start, payload);
    memcpy(out->data + start, header, size);
    out->size += size;
}

/* Every payload that counts, one after the other: parsing that is the merge. */
static void concatenate(struct sl_bytes wire, const uint8_t *first, uint32_t number,
                        struct sl_out *merged)
{
    const uint8_t *p = first, *end = wire.data + wire.size;
    while (p < end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        if (f.number == number && f.wire == SL_WIRE_LEN)
            sl_out_bytes(merged, f.payload, (size_t)(f.end - f.payload));
    }
}

static bool write_message(const struct sl_message_field *field, struct sl_bytes payload,
                          struct sl_out *out, uint32_t *repaired)
{
    size_t start = out->size;
    bool ok = sl_canonical(field->message, payload, out, repaired);
    wrap(out, start, field->number);
    return ok;
}

static bool write_merged(const struct sl_message_field *field, struct sl_bytes wire,
                         const uint8_t *first, struct sl_out *out, uint32_t *repaired)
{
    struct sl_out merged = {0};
    concatenate(wire, first, field->number, &merged);
    bool ok = !merged.failed && write_message(field, sl_out_view(&merged), out, repaired);
    sl_out_done(&merged);
    return ok;
}

static void write_plain(const struct sl_message_field *field, const struct sl_wire_field *f,
                        struct sl_out *out, uint32_t *repaired)
{
    struct sl_bytes payload = sl_wire_payload(f);
    size_t start = out->size;
    if (f->wire != SL_WIRE_LEN) {
        uint8_t tag[SL_VARINT_MAX], value[SL_VARINT_MAX];
        uint64_t old = 0;
        size_t skip = sl_varint_read(f->start, f->end, &old);
        sl_out_bytes(out, tag, (size_t)(sl_varint_write(tag, old) - tag));
        if (f->wire == SL_WIRE_VARINT)
            sl_out_bytes(out, value, (size_t)(sl_varint_write(value, f->value) - value));
        else
            sl_out_bytes(out, f->start + skip, (size_t)(f->end - f->start) - skip);
        return;
    }
    if (field->kind == SL_K_STRING && !sl_is_utf8(payload.data, payload.size)) {
        sl_utf8_repair(payload, out);
        *repaired += 1;
    } else {
        sl_out_bytes(out, payload.data, payload.size);
    }
    wrap(out, start, field->number);
}

static bool write_field(const struct sl_message_field *field, const struct sl_wire_field *f,
                        struct sl_bytes wire, struct occurrences *seen, struct sl_out *out,
                        uint32_t *repaired)
{
    uint32_t number = f->number;
    if (field->repeated) {
        if (field->kind == SL_K_MESSAGE)
            return write_message(field, sl_wire_payload(f), out, repaired);
        write_plain(field, f, out, repaired);
        return true;
    }
    if (seen->count[number] == 0)
        return true; /* another member of its oneof came later */
    if (field->kind != SL_K_MESSAGE) {
        if (seen->last[number] == f->start)
            write_plain(field, f, out, repaired);
        return true;
    }
    if (seen->written[number] || f->start != seen->first[number])
        return true;
    seen->written[number] = true;
    if (seen->count[number] == 1)
        return write_message(field, sl_wire_payload(f), out, repaired);
    return write_merged(field, wire, f->start, out, repaired);
}

bool sl_canonical(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out,
                  uint32_t *repaired)
{
    struct occurrences seen;
    if (wire.size == 0)
        return true;
    const uint8_t *p = wire.data, *end = p + wire.size;
    find_occurrences(message, wire, &seen);
    while (p < end && !out->failed) {
        struct sl_wire_field f;
        p = sl_wire_read(p, end, &f);
        const struct sl_message_field *field = sl_message_find(message, f.number);
        if (field == NULL || !sl_wire_fits(&f, field))
            sl_out_bytes(out, f.start, (size_t)(f.end - f.start));
        else if (!write_field(field, &f, wire, &seen, out, repaired))
            return false;
    }
    return !out->failed;
}
