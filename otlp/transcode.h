/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_TRANSCODE_H
#define SL_OTLP_TRANSCODE_H

#include "otlp/batch.h"

/*
 * OTLP/JSON <-> OTLP protobuf, straight between text and wire bytes, driven by
 * the tables of otlp/schema.h (OTLP specification, "JSON Protobuf Encoding").
 */

/* JSON document -> wire of the message, canonical. Lenient where the checklist
 * says so (snake_case keys, enum names, numbers as strings); unknown keys are
 * ignored. SL_EINVALID with offset and reason; SL_ELIMIT over limit bytes or
 * depth; out->limit holds. */
int sl_json_to_wire(const struct sl_message *message, struct sl_bytes json, struct sl_out *out,
                    struct sl_error *reterr);
/* Wire of the message -> one line of JSON without a line break at its end.
 * Unknown fields are left out. SL_EINVALID for malformed wire. */
int sl_wire_to_json(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out,
                    struct sl_error *reterr);
/* A batch as one JSON document (TracesData / MetricsData / LogsData), edits applied. */
int sl_batch_to_json(const struct sl_batch *batch, struct sl_out *out);
/* An AnyValue's JSON as people write it: strings quoted, kvlists as objects, no oneof wrapper. */
void sl_value_to_plain_json(struct sl_bytes any_value, struct sl_out *out);

#endif
