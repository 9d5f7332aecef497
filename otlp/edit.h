/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_EDIT_H
#define SL_OTLP_EDIT_H

#include "otlp/view.h"

/* Inside otlp/: sl_field_replace() and sl_part_add() with bytes that already
 * live in the batch's arena. */
int sl_field_put(struct sl_batch *batch, struct sl_part *part, const struct sl_field_view *field,
                 struct sl_bytes bytes);
int sl_part_append(struct sl_batch *batch, struct sl_part *part, struct sl_bytes bytes);

#endif
