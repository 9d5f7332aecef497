/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PROCESSORS_SAMPLER_THRESHOLD_H
#define SL_PROCESSORS_SAMPLER_THRESHOLD_H

#include "core/bytes.h"

/*
 * Consistent probability sampling in 56 bits (OpenTelemetry specification,
 * "TraceState: Probability Sampling"): an item with randomness R is kept when
 * R >= T, so T = (1 - p) * 2^56.
 */
enum { SAMPLER_HEX_DIGITS = 14 };
#define SAMPLER_ALWAYS UINT64_C(0)
#define SAMPLER_NEVER (UINT64_C(1) << 56) /* above every R; has no th text */

/* false: p is outside [2^-56, 1]. precision: hex digits, 1..14; digits are
 * added near 0 and 1 so that the relative error stays the same. */
bool threshold_of_probability(double p, int precision, uint64_t *ret_threshold);
double threshold_probability(uint64_t threshold);

/* th text: 1-14 hex digits, trailing zeros left out; empty for SAMPLER_NEVER. */
size_t threshold_write(uint64_t threshold, char out[SAMPLER_HEX_DIGITS + 1]);
bool threshold_parse(struct sl_bytes text, uint64_t *ret_threshold);
/* rv text: exactly 14 hex digits. */
void randomness_write(uint64_t randomness, char out[SAMPLER_HEX_DIGITS + 1]);
bool randomness_parse(struct sl_bytes text, uint64_t *ret_randomness);

/* The low 56 bits of a trace id. */
uint64_t randomness_of_trace_id(const uint8_t trace_id[16]);

/* hash_seed mode, bit for bit as the Collector's: 32-bit FNV-1a over the seed
 * (little-endian) and the bytes; its low 14 bits decide. */
uint64_t randomness_of_hash(struct sl_bytes bytes, uint32_t seed);
/* The threshold of that mode; SAMPLER_NEVER when the percentage rounds to zero. */
uint64_t threshold_of_hash(float percentage);

#endif
