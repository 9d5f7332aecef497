/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_SERVICE_H
#define SL_OTLP_SERVICE_H

#include "core/error.h"
#include "core/out.h"
#include "otlp/schema.h"

/*
 * The small messages around an export: Export*ServiceResponse and
 * google.rpc.Status with RetryInfo, in protobuf and in OTLP/JSON.
 */
enum sl_encoding { SL_PROTOBUF, SL_JSON };

/* gRPC status codes (google.rpc.Code). */
enum sl_grpc_status {
    SL_GRPC_OK = 0,
    SL_GRPC_CANCELLED = 1,
    SL_GRPC_UNKNOWN = 2,
    SL_GRPC_INVALID_ARGUMENT = 3,
    SL_GRPC_DEADLINE_EXCEEDED = 4,
    SL_GRPC_NOT_FOUND = 5,
    SL_GRPC_PERMISSION_DENIED = 7,
    SL_GRPC_RESOURCE_EXHAUSTED = 8,
    SL_GRPC_FAILED_PRECONDITION = 9,
    SL_GRPC_ABORTED = 10,
    SL_GRPC_OUT_OF_RANGE = 11,
    SL_GRPC_UNIMPLEMENTED = 12,
    SL_GRPC_INTERNAL = 13,
    SL_GRPC_UNAVAILABLE = 14,
    SL_GRPC_DATA_LOSS = 15,
    SL_GRPC_UNAUTHENTICATED = 16
};

struct sl_export_response {
    int64_t rejected;        /* spans, data points, log records */
    struct sl_bytes message; /* empty: none */
};
void sl_export_response_write(enum sl_signal signal, enum sl_encoding encoding,
                              const struct sl_export_response *response, struct sl_out *out);
/* SL_EINVALID: not such a message. message points into body, or (JSON with
 * escapes) into memory appended to scratch. */
int sl_export_response_read(enum sl_signal signal, enum sl_encoding encoding, struct sl_bytes body,
                            struct sl_export_response *ret_response, struct sl_out *scratch);

struct sl_rpc_status {
    int code;
    struct sl_bytes message;
    int64_t retry_after_ms; /* RetryInfo; -1: none */
};
void sl_rpc_status_write(enum sl_encoding encoding, const struct sl_rpc_status *status,
                         struct sl_out *out);
int sl_rpc_status_read(enum sl_encoding encoding, struct sl_bytes body,
                       struct sl_rpc_status *ret_status, struct sl_out *scratch);

#endif
