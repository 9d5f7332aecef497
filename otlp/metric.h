/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_METRIC_H
#define SL_OTLP_METRIC_H

#include "otlp/batch.h"

/* Inside otlp/: a Metric as several that share its bytes, with `first` points
 * in the first and at most `each` in every other one. The record itself stays
 * as it is. Its edits, if any, are spliced. SL_ENOMEM, SL_EINVALID. */
int sl_metric_split(struct sl_batch *batch, const struct sl_record *record, uint32_t first,
                    uint32_t each, struct sl_record **ret_chunks, uint32_t *ret_count);

#endif
