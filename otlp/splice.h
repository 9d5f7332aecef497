/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_SPLICE_H
#define SL_OTLP_SPLICE_H

#include "otlp/batch.h"

/* Inside otlp/: writes the part's sl_part_size() bytes; returns the byte after them. */
uint8_t *sl_part_write(const struct sl_part *part, uint8_t *at);

/* Encoded bytes of a ResourceX or ScopeX without its children. */
size_t sl_envelope_size(const struct sl_envelope *envelope);

#endif
