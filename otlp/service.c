/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export*ServiceResponse: written and read as protobuf. JSON goes through the
 * transcoder, so that its names and its leniency are those of requests.
 */
#include "otlp/service.h"

#include "otlp/transcode.h"
#include "otlp/walk.h"

enum { PARTIAL_SUCCESS = 1, REJECTED = 1, ERROR_MESSAGE = 2 };

static void write_wire(const struct sl_export_response *response, struct sl_out *out)
{
    size_t rejected =
        response->rejected == 0 ? 0 : 1 + sl_varint_size((uint64_t)response->rejected);
    size_t message =
        response->message.size == 0 ? 0 : sl_len_field_size(ERROR_MESSAGE, response->message.size);
    if (rejected + message == 0)
        return;
    size_t size = sl_len_field_size(PARTIAL_SUCCESS, rejected + message);
    uint8_t *at = sl_out_room(out, size);
    if (at == NULL)
        return;
    at = sl_len_write(at, PARTIAL_SUCCESS, rejected + message);
    if (rejected != 0) {
        at = sl_varint_write(at, sl_tag(REJECTED, SL_WIRE_VARINT));
        at = sl_varint_write(at, (uint64_t)response->rejected);
    }
    if (message != 0) {
        at = sl_len_write(at, ERROR_MESSAGE, response->message.size);
        memcpy(at, response->message.data, response->message.size);
    }
    out->size += size;
}

void sl_export_response_write(enum sl_signal signal, enum sl_encoding encoding,
                              const struct sl_export_response *response, struct sl_out *out)
{
    if (encoding == SL_PROTOBUF) {
        write_wire(response, out);
        return;
    }
    struct sl_out wire = {0};
    write_wire(response, &wire);
    if (wire.failed ||
        sl_wire_to_json(sl_signal_messages(signal)->response, sl_out_view(&wire), out, NULL) != 0)
        out->failed = true;
    sl_out_done(&wire);
}

/* Protobuf's rule: of what comes twice the last one holds. */
static void read_partial_success(struct sl_bytes wire, struct sl_export_response *response)
{
    struct sl_wire_field f;
    const uint8_t *end = wire.data + wire.size;
    for (const uint8_t *p = wire.data; p < end; p = f.end) {
        if (sl_wire_read(p, end, &f) == NULL)
            return; /* not after a walk */
        if (f.number == REJECTED && f.wire == SL_WIRE_VARINT)
            response->rejected = (int64_t)f.value;
        if (f.number == ERROR_MESSAGE && f.wire == SL_WIRE_LEN)
            response->message = sl_wire_payload(&f);
    }
}

static int read_wire(const struct sl_message *message, struct sl_bytes wire,
                     struct sl_export_response *ret_response, struct sl_out *scratch)
{
    struct sl_walk walk = {.max_depth = SL_MAX_DEPTH};
    struct sl_export_response response = {0};
    struct sl_wire_field f;
    if (wire.size != 0 && sl_walk_message(&walk, message, wire, 1) != 0)
        return SL_EINVALID;
    const uint8_t *end = wire.size > 0 ? wire.data + wire.size : wire.data;
    for (const uint8_t *p = wire.data; p < end; p = f.end) {
        if (sl_wire_read(p, end, &f) == NULL)
            return SL_EINVALID;
        if (f.number == PARTIAL_SUCCESS && f.wire == SL_WIRE_LEN)
            read_partial_success(sl_wire_payload(&f), &response);
    }
    if (!sl_is_utf8(response.message.data, response.message.size)) {
        size_t start = scratch->size;
        sl_utf8_repair(response.message, scratch);
        if (scratch->failed)
            return SL_ENOMEM;
        response.message = sl_bytes(scratch->data + start, scratch->size - start);
    }
    *ret_response = response;
    return 0;
}

int sl_export_response_read(enum sl_signal signal, enum sl_encoding encoding, struct sl_bytes body,
                            struct sl_export_response *ret_response, struct sl_out *scratch)
{
    const struct sl_message *message = sl_signal_messages(signal)->response;
    if (encoding == SL_PROTOBUF)
        return read_wire(message, body, ret_response, scratch);
    size_t start = scratch->size;
    int rc = sl_json_to_wire(message, body, scratch, NULL);
    if (rc == SL_ENOMEM)
        return rc;
    if (rc != 0)
        return SL_EINVALID;
    struct sl_bytes wire = {NULL, 0};
    if (scratch->size > start)
        wire = sl_bytes(scratch->data + start, scratch->size - start);
    return read_wire(message, wire, ret_response, scratch);
}
