/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CONFIG_VALUES_H
#define SL_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/schema.h"

/* Text to value and back, for this folder only. false: the text is no such value. */
bool sl_value_bool(const char *text, bool *ret_value);
/* Decimal, 0x, 0o or 0b, '_' between digits. A leading zero ("0123") is refused:
 * YAML 1.1 and 1.2 read it differently. */
bool sl_value_int(const char *text, int64_t *ret_value);
bool sl_value_float(const char *text, double *ret_value); /* finite */
bool sl_value_size(const char *text, int64_t *ret_bytes);
/* Go's grammar: "1h30m", "-1.5s", "0". unit_ns > 0: a plain integer counts in it.
 * Parts of a millisecond round away from 0, so that a tiny time is not "never". */
bool sl_value_duration(const char *text, int64_t unit_ns, int64_t *ret_ms);

enum { SL_VALUE_TEXT = 40 };
const char *sl_value_print_duration(int64_t ms, char out[SL_VALUE_TEXT]);
const char *sl_value_print_size(int64_t bytes, char out[SL_VALUE_TEXT]); /* "20MiB" */
const char *sl_value_print_float(double value, char out[SL_VALUE_TEXT]);

/* Bytes of one element of a LIST or MAP in its array. */
size_t sl_value_element_size(const struct sl_field *field);

#endif
