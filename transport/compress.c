/* SPDX-License-Identifier: Apache-2.0 */
/* Names of content codings, and the choice of the codec that does the work. */
#include "transport/compress.h"

#include "transport/codec.h"

static const char *const names[SL_CODEC_COUNT] = {"identity", "gzip", "zstd", "deflate"};

const char *sl_codec_name(enum sl_codec codec)
{
    return names[codec];
}

int sl_codec_find(struct sl_bytes name)
{
    static const struct {
        const char *name;
        int codec;
    } aliases[] = {{"", SL_CODEC_IDENTITY}, {"x-gzip", SL_CODEC_GZIP}, {"zlib", SL_CODEC_DEFLATE}};
    for (int i = 0; i < SL_CODEC_COUNT; i++)
        if (sl_bytes_equal_nocase(name, sl_text(names[i])))
            return i;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (sl_bytes_equal_nocase(name, sl_text(aliases[i].name)))
            return aliases[i].codec;
    return -1;
}

static int copy_body(struct sl_bytes body, struct sl_inflater *to)
{
    int rc = sl_inflater_room(to, body.size);
    if (rc == SL_OK && body.size > 0) {
        memcpy(to->buf->data, body.data, body.size);
        to->buf->size = body.size;
    }
    return rc;
}

int sl_inflater_room(struct sl_inflater *to, size_t more)
{
    int rc = sl_buf_reserve(to->buf, more, to->limit);
    if (rc == SL_ELIMIT)
        return sl_fail(to->reterr, rc, "the inflated body is larger than %zu bytes", to->limit);
    if (rc == SL_EAGAIN)
        return sl_fail(to->reterr, rc, "no memory is left in the budget for the inflated body");
    return rc;
}

int sl_inflate(enum sl_codec codec, struct sl_bytes body, size_t limit, struct sl_budget *budget,
               struct sl_buf **ret_body, struct sl_error *reterr)
{
    struct sl_inflater to = {.limit = limit, .reterr = reterr};
    to.buf = sl_buf_new(budget, 0);
    if (to.buf == NULL)
        return sl_fail(reterr, SL_ENOMEM, "out of memory");
    int rc = SL_EUNSUPPORTED;
    if (codec == SL_CODEC_IDENTITY)
        rc = copy_body(body, &to);
    else if (codec == SL_CODEC_ZSTD)
        rc = sl_zstd_inflate(body, &to);
    else if (codec == SL_CODEC_GZIP || codec == SL_CODEC_DEFLATE)
        rc = sl_zlib_inflate(codec == SL_CODEC_GZIP, body, &to);
    if (rc == SL_OK)
        *ret_body = to.buf;
    else
        sl_buf_unref(to.buf);
    return rc;
}

int sl_deflate(enum sl_codec codec, int level, struct sl_bytes body, struct sl_out *out)
{
    switch (codec) {
    case SL_CODEC_GZIP:
    case SL_CODEC_DEFLATE:
        return sl_zlib_deflate(codec == SL_CODEC_GZIP, level, body, out);
    case SL_CODEC_ZSTD:
        return sl_zstd_deflate(level, body, out);
    default:
        sl_out_bytes(out, body.data, body.size);
        return out->failed ? SL_ENOMEM : SL_OK;
    }
}
