/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte writer with a sticky failure flag. */
#include "core/out.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/alloc.h"

void sl_out_done(struct sl_out *out)
{
    sl_free(out->data);
    *out = (struct sl_out){.limit = out->limit};
}

/* Capacity for `size` more bytes; the limit is the caller's business. */
static uint8_t *grow(struct sl_out *out, size_t size)
{
    if (size <= out->capacity - out->size)
        return out->data + out->size;
    size_t capacity = out->capacity < 128 ? 256 : out->capacity * 2;
    if (capacity < out->size + size)
        capacity = out->size + size;
    uint8_t *data = sl_realloc(out->data, capacity);
    if (data == NULL) {
        out->failed = true;
        return NULL;
    }
    out->data = data;
    out->capacity = capacity;
    return data + out->size;
}

/* Room for size bytes that count and a NUL, when asked for, that does not. */
static uint8_t *room_and_nul(struct sl_out *out, size_t size, size_t nul)
{
    if (out->failed)
        return NULL;
    if (size > SIZE_MAX / 4 ||
        (out->limit != 0 && (out->size > out->limit || size > out->limit - out->size))) {
        out->failed = true;
        return NULL;
    }
    return grow(out, size + nul);
}

uint8_t *sl_out_room(struct sl_out *out, size_t size)
{
    return room_and_nul(out, size, 0);
}

void sl_out_bytes(struct sl_out *out, const void *data, size_t size)
{
    if (size == 0)
        return;
    uint8_t *room = sl_out_room(out, size);
    if (room == NULL)
        return;
    memcpy(room, data, size);
    out->size += size;
}

void sl_out_text(struct sl_out *out, const char *text)
{
    sl_out_bytes(out, text, strlen(text));
}

void sl_out_printf(struct sl_out *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *room = length < 0 ? NULL : room_and_nul(out, (size_t)length, 1);
    if (room == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf((char *)room, (size_t)length + 1, fmt, ap);
    va_end(ap);
    out->size += (size_t)length;
}

const char *sl_out_cstr(struct sl_out *out)
{
    uint8_t *room = room_and_nul(out, 0, 1);
    if (room == NULL)
        return "";
    *room = 0;
    return (const char *)out->data;
}
