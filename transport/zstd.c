/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd by libzstd: every frame is read, skippable ones are skipped, and a frame
 * that asks for a window over 8 MiB is refused before anything is allocated.
 */
#include <zstd.h>

#include "transport/codec.h"

enum { MAX_WINDOW_LOG = 23 };

static uint64_t little_endian(const uint8_t *data, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

/* The header of a frame (RFC 8878, 3.1.1.1) asks for an acceptable window.
 * What is cut short or no frame at all is left to the decoder to say. */
static bool window_is_fine(struct sl_bytes rest)
{
    static const unsigned content_sizes[4] = {0, 2, 4, 8};
    static const unsigned dictionary_sizes[4] = {0, 1, 2, 4};
    if (rest.size < 6 || little_endian(rest.data, 4) != 0xFD2FB528)
        return true;
    uint8_t descriptor = rest.data[4];
    if ((descriptor & 0x20) == 0) {
        unsigned exponent = rest.data[5] >> 3, mantissa = rest.data[5] & 7;
        uint64_t base = (uint64_t)1 << (10 + exponent);
        return base + base / 8 * mantissa <= (uint64_t)1 << MAX_WINDOW_LOG;
    }
    unsigned at = 5 + dictionary_sizes[descriptor & 3];
    unsigned size = descriptor >> 6 == 0 ? 1 : content_sizes[descriptor >> 6];
    if (rest.size < at + size)
        return true;
    return little_endian(rest.data + at, size) <= (uint64_t)1 << MAX_WINDOW_LOG;
}

static size_t expected_size(struct sl_bytes body, size_t limit)
{
    unsigned long long size = ZSTD_getFrameContentSize(body.data, body.size);
    size_t guess = body.size < SIZE_MAX / 64 ? body.size * 4 : body.size;
    if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR &&
        size <= body.size * 32 + 65536)
        guess = (size_t)size;
    if (limit != 0 && guess > limit)
        guess = limit;
    return guess > 0 ? guess : 1;
}

/* One step; *ret_left is 0 when a frame ended. */
static int step(ZSTD_DCtx *context, ZSTD_inBuffer *in, struct sl_inflater *to, size_t *ret_left)
{
    struct sl_buf *buf = to->buf;
    uint8_t spare;
    bool full = buf->size == buf->capacity;
    if (full && (to->limit == 0 || buf->size < to->limit)) {
        int rc = sl_inflater_room(to, 1);
        if (rc != SL_OK)
            return rc;
        full = false;
    }
    ZSTD_outBuffer out = {.dst = full ? &spare : buf->data,
                          .size = full ? 1 : buf->capacity,
                          .pos = full ? 0 : buf->size};
    size_t in_before = in->pos, out_before = out.pos;
    *ret_left = ZSTD_decompressStream(context, &out, in);
    if (ZSTD_isError(*ret_left))
        return sl_fail(to->reterr, SL_EINVALID, "the compressed body is corrupt: %.80s",
                       ZSTD_getErrorName(*ret_left));
    if (full && out.pos > 0)
        return sl_inflater_room(to, 1);
    if (!full)
        buf->size = out.pos;
    if (*ret_left != 0 && in->pos == in->size && out.pos == out_before && in_before == in->pos)
        return sl_fail(to->reterr, SL_EINVALID, "the compressed body is cut short");
    return SL_OK;
}

int sl_zstd_inflate(struct sl_bytes body, struct sl_inflater *to)
{
    if (body.size == 0)
        return sl_fail(to->reterr, SL_EINVALID, "the compressed body is cut short");
    int rc = sl_inflater_room(to, expected_size(body, to->limit));
    if (rc != SL_OK)
        return rc;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context == NULL)
        return SL_ENOMEM;
    (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
    ZSTD_inBuffer in = {.src = body.data, .size = body.size};
    size_t left = 0;
    while (rc == SL_OK && (left != 0 || in.pos < in.size)) {
        if (left == 0 && !window_is_fine(sl_bytes(body.data + in.pos, in.size - in.pos)))
            rc = sl_fail(to->reterr, SL_EINVALID, "the zstd window is larger than 8 MiB");
        else
            rc = step(context, &in, to, &left);
    }
    (void)ZSTD_freeDCtx(context);
    return rc;
}

int sl_zstd_deflate(int level, struct sl_bytes body, struct sl_out *out)
{
    size_t bound = ZSTD_compressBound(body.size);
    uint8_t *room = sl_out_room(out, bound);
    if (room == NULL)
        return SL_ENOMEM;
    size_t size =
        ZSTD_compress(room, bound, body.data, body.size, level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
    if (ZSTD_isError(size))
        return SL_ENOMEM;
    out->size += size;
    return SL_OK;
}
