/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_STDOUT_LINES_H
#define SL_EXPORTERS_STDOUT_LINES_H

#include "otlp/view.h"

/* One line per log record or metric, for people. */
void lines_print(struct sl_batch *batch, struct sl_out *out);

#endif
