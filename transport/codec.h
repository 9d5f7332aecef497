/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_CODEC_H
#define SL_TRANSPORT_CODEC_H

#include "transport/compress.h"

/* Inside of compress.c: where a codec inflates to. */
struct sl_inflater {
    struct sl_buf *buf;
    size_t limit; /* 0: none */
    struct sl_error *reterr;
};
/* As sl_buf_reserve(), with an explanation. */
int sl_inflater_room(struct sl_inflater *to, size_t more);

int sl_zlib_inflate(bool gzip, struct sl_bytes body, struct sl_inflater *to);
int sl_zlib_deflate(bool gzip, int level, struct sl_bytes body, struct sl_out *out);
int sl_zstd_inflate(struct sl_bytes body, struct sl_inflater *to);
int sl_zstd_deflate(int level, struct sl_bytes body, struct sl_out *out);

#endif
