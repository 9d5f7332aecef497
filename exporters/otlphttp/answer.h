/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_OTLPHTTP_ANSWER_H
#define SL_EXPORTERS_OTLPHTTP_ANSWER_H

#include "otlp/service.h"
#include "pipeline/result.h"
#include "transport/client.h"

/* What an OTLP/HTTP response means for the sender (OTLP specification, "OTLP/HTTP
 * Response"). */
struct sl_http_answer {
    struct sl_result result; /* message points to text */
    bool unreadable;         /* 2xx, but the body cannot be understood */
    char text[200];
};
void sl_http_answer_read(const struct sl_client_response *response, enum sl_signal signal,
                         uint64_t wall_ns, struct sl_http_answer *ret_answer);
/* Retry-After: seconds or an HTTP date (RFC 9110, 5.6.7, IMF-fixdate), as a wait from
 * wall_ns on; 0: none, in the past, or not understood. Clamped to an hour. */
uint32_t sl_retry_after_read(struct sl_bytes value, uint64_t wall_ns);

#endif
