/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952, every member) and deflate (RFC 1950; raw RFC 1951 is accepted
 * too, as some clients send it under that name) by zlib.
 */
#include <limits.h>
#include <zlib.h>

#include "core/alloc.h"
#include "transport/codec.h"

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return sl_calloc(count, size);
}

static void zlib_free(void *opaque, void *memory)
{
    (void)opaque;
    sl_free(memory);
}

static void stream_init(z_stream *stream, struct sl_bytes body)
{
    *stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free};
    stream->next_in = (Bytef *)(uintptr_t)body.data;
    stream->avail_in = (uInt)body.size;
}

/* The trailer holds the last member's size; believed as far as deflate can shrink at all. */
static size_t expected_size(bool gzip, struct sl_bytes body, size_t limit)
{
    size_t guess = body.size < SIZE_MAX / 8 ? body.size * 4 : body.size;
    if (gzip && body.size >= 18) {
        const uint8_t *end = body.data + body.size - 4;
        size_t size =
            (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
        if (size <= body.size * 16 + 4096)
            guess = size;
    }
    if (limit != 0 && guess > limit)
        guess = limit;
    return guess > 0 ? guess : 1;
}

static int window_bits(bool gzip, struct sl_bytes body)
{
    if (gzip)
        return 15 + 16;
    bool zlib =
        body.size >= 2 && (body.data[0] & 15) == 8 && (body.data[0] * 256 + body.data[1]) % 31 == 0;
    return zlib ? 15 : -15;
}

/* One step; *ret_end is set when a member ended. */
static int step(z_stream *stream, struct sl_inflater *to, bool *ret_end)
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
    /* At the limit one more byte shows whether the stream has ended there. */
    size_t room = full ? 1 : buf->capacity - buf->size;
    stream->next_out = full ? &spare : buf->data + buf->size;
    stream->avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    uInt before = stream->avail_out;
    int rc = inflate(stream, Z_NO_FLUSH);
    size_t made = before - stream->avail_out;
    if (full && made > 0)
        return sl_inflater_room(to, 1);
    buf->size += made;
    *ret_end = rc == Z_STREAM_END;
    if (rc == Z_MEM_ERROR)
        return SL_ENOMEM;
    if (rc == Z_BUF_ERROR && stream->avail_in == 0)
        return sl_fail(to->reterr, SL_EINVALID, "the compressed body is cut short");
    if (rc != Z_OK && rc != Z_STREAM_END)
        return sl_fail(to->reterr, SL_EINVALID, "the compressed body is corrupt: %.80s",
                       stream->msg != NULL ? stream->msg : "bad data");
    return SL_OK;
}

int sl_zlib_inflate(bool gzip, struct sl_bytes body, struct sl_inflater *to)
{
    if (body.size > UINT_MAX)
        return sl_fail(to->reterr, SL_ELIMIT, "the compressed body is too large");
    int rc = sl_inflater_room(to, expected_size(gzip, body, to->limit));
    if (rc != SL_OK)
        return rc;
    z_stream stream;
    stream_init(&stream, body);
    if (inflateInit2(&stream, window_bits(gzip, body)) != Z_OK)
        return SL_ENOMEM;
    bool ended = false;
    while (rc == SL_OK && !(ended && stream.avail_in == 0)) {
        if (ended && (!gzip || inflateReset(&stream) != Z_OK))
            rc = sl_fail(to->reterr, SL_EINVALID, "bytes follow the compressed body");
        else
            rc = step(&stream, to, &ended);
    }
    (void)inflateEnd(&stream);
    return rc;
}

int sl_zlib_deflate(bool gzip, int level, struct sl_bytes body, struct sl_out *out)
{
    z_stream stream;
    if (body.size > UINT_MAX)
        return SL_ELIMIT;
    stream_init(&stream, body);
    if (level < 1 || level > 9)
        level = Z_DEFAULT_COMPRESSION;
    if (deflateInit2(&stream, level, Z_DEFLATED, gzip ? 15 + 16 : 15, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return SL_ENOMEM;
    size_t bound = deflateBound(&stream, (uLong)body.size);
    uint8_t *room = bound <= UINT_MAX ? sl_out_room(out, bound) : NULL;
    int rc = SL_ENOMEM;
    if (room != NULL) {
        stream.next_out = room;
        stream.avail_out = (uInt)bound;
        rc = deflate(&stream, Z_FINISH) == Z_STREAM_END ? SL_OK : SL_EIO;
        out->size += bound - stream.avail_out;
    }
    (void)deflateEnd(&stream);
    return rc;
}
