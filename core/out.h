/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_OUT_H
#define SL_CORE_OUT_H

#include "core/bytes.h"

/*
 * A growing byte writer. Zeroed memory is a valid, empty one. A failed growth
 * sets `failed` and makes every later write a no-op, so callers check once.
 */
struct sl_out {
    uint8_t *data;
    size_t size, capacity;
    size_t limit; /* of size; 0: none */
    bool failed;
};

void sl_out_done(struct sl_out *out);
static inline void sl_out_clear(struct sl_out *out)
{
    out->size = 0;
    out->failed = false;
}
/* Room for size bytes at data + size, to be claimed by adding to size; NULL on failure. */
uint8_t *sl_out_room(struct sl_out *out, size_t size);
void sl_out_bytes(struct sl_out *out, const void *data, size_t size);
void sl_out_text(struct sl_out *out, const char *text);
static inline void sl_out_byte(struct sl_out *out, uint8_t byte)
{
    uint8_t *room = out->data;
    bool fits = out->size < out->capacity && (out->limit == 0 || out->size < out->limit);
    if (!fits || out->failed) {
        room = sl_out_room(out, 1);
        if (room == NULL)
            return;
        room = out->data;
    }
    room[out->size++] = byte;
}
void sl_out_printf(struct sl_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The bytes as a NUL-ended C string (the NUL is not counted); "" on failure. */
const char *sl_out_cstr(struct sl_out *out);

static inline struct sl_bytes sl_out_view(const struct sl_out *out)
{
    return (struct sl_bytes){out->data, out->size};
}

#endif
