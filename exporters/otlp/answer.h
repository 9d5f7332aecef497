/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_OTLP_ANSWER_H
#define SL_EXPORTERS_OTLP_ANSWER_H

#include "otlp/service.h"
#include "pipeline/result.h"
#include "transport/client.h"

/* What a gRPC response means for the sender (OTLP specification, "OTLP/gRPC
 * Response"; gRPC over HTTP/2). */
extern const char *const sl_grpc_status_names[]; /* by code, NULL-ended */
/* The codes after which OTLP says to send again, as bits; RESOURCE_EXHAUSTED is
 * not among them: it needs RetryInfo. */
uint32_t sl_grpc_retryable_codes(void);
int sl_grpc_status_of_http(int status);

struct sl_grpc_answer {
    struct sl_result result; /* message points to text */
    bool unreadable;         /* OK, but the response message cannot be understood */
    char text[200];
};
void sl_grpc_answer_read(const struct sl_client_response *response, enum sl_signal signal,
                         uint32_t retryable, struct sl_grpc_answer *ret_answer);

#endif
