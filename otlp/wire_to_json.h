/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_WIRE_TO_JSON_H
#define SL_OTLP_WIRE_TO_JSON_H

#include "core/out.h"
#include "otlp/schema.h"

/* Inside otlp/: appends a message that was walked and is canonical, as one JSON
 * object. false when it is malformed after all. */
bool sl_message_to_json(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out);

#endif
