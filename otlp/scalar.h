/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_SCALAR_H
#define SL_OTLP_SCALAR_H

#include "core/out.h"
#include "otlp/schema.h"

/*
 * Scalars between text and value, exactly. Text is what stands in a JSON number
 * or, unescaped, in a JSON string.
 */

/* Decimal text (RFC 8259 number grammar, so 1.0 and 1e3 too) as a whole number:
 * SL_EINVALID when it is none, SL_ELIMIT when it does not fit. */
int sl_scalar_int64(struct sl_bytes text, int64_t *ret_value);
int sl_scalar_uint64(struct sl_bytes text, uint64_t *ret_value);
/* Decimal text, NaN, Infinity or -Infinity. SL_ELIMIT: too large, or longer than anyone writes. */
int sl_scalar_double(struct sl_bytes text, double *ret_value);
/* text must be 2 * size hex digits, in either case. */
bool sl_scalar_hex(struct sl_bytes text, uint8_t *out, size_t size);

/* Base64 (RFC 4648) in the standard or the URL alphabet, padded or not. out
 * needs text.size / 4 * 3 + 3 bytes. Returns the length, -1 when it is invalid. */
int64_t sl_base64_decode(struct sl_bytes text, uint8_t *out);
void sl_base64_write(struct sl_out *out, struct sl_bytes bytes); /* standard, padded */
void sl_hex_write(struct sl_out *out, struct sl_bytes bytes);    /* lower case */
void sl_uint64_write(struct sl_out *out, uint64_t value);
void sl_int64_write(struct sl_out *out, int64_t value);

#endif
