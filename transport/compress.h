/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_COMPRESS_H
#define SL_TRANSPORT_COMPRESS_H

#include "core/buf.h"
#include "core/error.h"
#include "core/out.h"

enum sl_codec { SL_CODEC_IDENTITY, SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_DEFLATE, SL_CODEC_COUNT };

const char *sl_codec_name(enum sl_codec codec); /* "gzip" */
/* Case-insensitive; "identity" and the empty name are IDENTITY, "x-gzip" is GZIP. -1: unknown. */
int sl_codec_find(struct sl_bytes name);

/*
 * Inflates a whole body. The cap holds while inflating; every gzip member and
 * zstd frame is read to the end; a zstd window over 8 MiB is refused. The result
 * is charged to budget as it grows.
 * SL_EINVALID: corrupt, truncated or with trailing bytes; SL_ELIMIT: over limit;
 * SL_EAGAIN: over the budget; SL_ENOMEM.
 */
int sl_inflate(enum sl_codec codec, struct sl_bytes body, size_t limit, struct sl_budget *budget,
               struct sl_buf **ret_body, struct sl_error *reterr);
/* level 0: the codec's default. */
int sl_deflate(enum sl_codec codec, int level, struct sl_bytes body, struct sl_out *out);

#endif
