/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_SHARED_FAILURE_H
#define SL_EXPORTERS_SHARED_FAILURE_H

#include "pipeline/result.h"
#include "transport/client.h"

enum { SL_RETRY_AFTER_MAX_MS = 3600 * 1000 }; /* longer waits asked for by a server are cut */
uint32_t sl_retry_after_clamp(int64_t ms);

/* A failure without a response; text keeps the message. */
struct sl_result sl_client_failure(const struct sl_client_response *response, char *text,
                                   size_t size);

#endif
