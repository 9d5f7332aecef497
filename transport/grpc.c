/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's message framing and header values ("gRPC over HTTP2", Length-Prefixed-Message,
 * Timeout, Status-Message, Binary-Header). */
#include "transport/grpc.h"

enum { PREFIX, BODY, MESSAGE_END };

static enum sl_grpc_event read_prefix(struct sl_grpc_framer *framer, struct sl_bytes *input)
{
    while (framer->have < SL_GRPC_PREFIX && input->size > 0) {
        framer->prefix[framer->have++] = input->data[0];
        *input = sl_bytes(input->data + 1, input->size - 1);
    }
    if (framer->have < SL_GRPC_PREFIX)
        return SL_GRPC_MORE;
    const uint8_t *p = framer->prefix;
    if (p[0] > 1)
        return SL_GRPC_ERROR;
    framer->compressed = p[0] == 1;
    framer->length = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    framer->left = framer->length;
    framer->have = 0;
    framer->state = framer->left > 0 ? BODY : MESSAGE_END;
    return SL_GRPC_BEGIN;
}

enum sl_grpc_event sl_grpc_next(struct sl_grpc_framer *framer, struct sl_bytes *input,
                                struct sl_bytes *ret_data)
{
    if (framer->state == MESSAGE_END) {
        framer->state = PREFIX;
        framer->messages++;
        return SL_GRPC_END;
    }
    if (input->size == 0)
        return SL_GRPC_MORE;
    if (framer->state == PREFIX)
        return read_prefix(framer, input);
    size_t size = input->size < framer->left ? input->size : framer->left;
    *ret_data = sl_bytes(input->data, size);
    *input = sl_bytes(input->data + size, input->size - size);
    framer->left -= (uint32_t)size;
    if (framer->left == 0)
        framer->state = MESSAGE_END;
    return SL_GRPC_DATA;
}

bool sl_grpc_at_boundary(const struct sl_grpc_framer *framer)
{
    return framer->state == PREFIX && framer->have == 0;
}

void sl_grpc_write_prefix(uint8_t prefix[SL_GRPC_PREFIX], bool compressed, uint32_t length)
{
    prefix[0] = compressed ? 1 : 0;
    for (int i = 0; i < 4; i++)
        prefix[1 + i] = (uint8_t)(length >> (24 - 8 * i));
}

bool sl_grpc_timeout_read(struct sl_bytes text, uint64_t *ret_ms)
{
    if (text.size < 2 || text.size > 9)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    switch (text.data[text.size - 1]) {
    case 'H':
        *ret_ms = value * 3600000;
        return true;
    case 'M':
        *ret_ms = value * 60000;
        return true;
    case 'S':
        *ret_ms = value * 1000;
        return true;
    case 'm':
        *ret_ms = value;
        return true;
    case 'u':
        *ret_ms = (value + 999) / 1000;
        return true;
    case 'n':
        *ret_ms = (value + 999999) / 1000000;
        return true;
    default:
        return false;
    }
}

void sl_grpc_timeout_write(uint64_t ms, struct sl_out *out)
{
    uint64_t seconds = ms / 1000 + (ms % 1000 != 0);
    if (ms < 100000000)
        sl_out_printf(out, "%um", (unsigned)ms);
    else
        sl_out_printf(out, "%uS", seconds < 99999999 ? (unsigned)seconds : 99999999u);
}

void sl_grpc_message_write(struct sl_bytes text, struct sl_out *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= ' ' && c <= '~' && c != '%') {
            sl_out_byte(out, c);
        } else {
            sl_out_byte(out, '%');
            sl_out_byte(out, (uint8_t)digits[c >> 4]);
            sl_out_byte(out, (uint8_t)digits[c & 15]);
        }
    }
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void sl_grpc_message_read(struct sl_bytes text, struct sl_out *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%' && i + 2 < text.size && hex_value(text.data[i + 1]) >= 0 &&
            hex_value(text.data[i + 2]) >= 0) {
            c = (uint8_t)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
            i += 2;
        }
        sl_out_byte(out, c);
    }
}

void sl_grpc_bin_write(struct sl_bytes bytes, struct sl_out *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t word = (uint32_t)bytes.data[i] << 16;
        if (left > 1)
            word |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            word |= bytes.data[i + 2];
        size_t count = left > 2 ? 4 : left + 1;
        for (size_t j = 0; j < count; j++)
            sl_out_byte(out, (uint8_t)digits[word >> (18 - 6 * j) & 63]);
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool sl_grpc_bin_read(struct sl_bytes text, struct sl_out *out)
{
    uint32_t word = 0;
    unsigned bits = 0;
    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    if (text.size % 4 == 1)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        word = word << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            sl_out_byte(out, (uint8_t)(word >> bits));
        }
    }
    return true;
}
