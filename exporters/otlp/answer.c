/* SPDX-License-Identifier: Apache-2.0 */
/* From a gRPC response to a result: status, details, retry delay, partial success. */
#include "exporters/otlp/answer.h"

#include <stdio.h>

#include "exporters/shared/failure.h"
#include "transport/grpc.h"

enum { RESPONSE_PREFIX = 5 };

const char *const sl_grpc_status_names[] = {"OK",
                                            "CANCELLED",
                                            "UNKNOWN",
                                            "INVALID_ARGUMENT",
                                            "DEADLINE_EXCEEDED",
                                            "NOT_FOUND",
                                            "ALREADY_EXISTS",
                                            "PERMISSION_DENIED",
                                            "RESOURCE_EXHAUSTED",
                                            "FAILED_PRECONDITION",
                                            "ABORTED",
                                            "OUT_OF_RANGE",
                                            "UNIMPLEMENTED",
                                            "INTERNAL",
                                            "UNAVAILABLE",
                                            "DATA_LOSS",
                                            "UNAUTHENTICATED",
                                            NULL};

enum { CODES = SL_GRPC_UNAUTHENTICATED + 1 };

uint32_t sl_grpc_retryable_codes(void)
{
    return 1u << SL_GRPC_CANCELLED | 1u << SL_GRPC_DEADLINE_EXCEEDED | 1u << SL_GRPC_ABORTED |
           1u << SL_GRPC_OUT_OF_RANGE | 1u << SL_GRPC_UNAVAILABLE | 1u << SL_GRPC_DATA_LOSS;
}

int sl_grpc_status_of_http(int status)
{
    switch (status) {
    case 400:
        return SL_GRPC_INTERNAL;
    case 401:
        return SL_GRPC_UNAUTHENTICATED;
    case 403:
        return SL_GRPC_PERMISSION_DENIED;
    case 404:
        return SL_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return SL_GRPC_UNAVAILABLE;
    default:
        return SL_GRPC_UNKNOWN;
    }
}

/* RetryInfo of grpc-status-details-bin; -1: none. */
static int64_t retry_info(struct sl_bytes details)
{
    struct sl_out wire = {.limit = 64 * 1024}, scratch = {.limit = 64 * 1024};
    struct sl_rpc_status status = {.retry_after_ms = -1};
    if (details.data == NULL || !sl_grpc_bin_read(details, &wire) || wire.failed ||
        sl_rpc_status_read(SL_PROTOBUF, sl_out_view(&wire), &status, &scratch) != SL_OK)
        status.retry_after_ms = -1;
    sl_out_done(&wire);
    sl_out_done(&scratch);
    return status.retry_after_ms;
}

static int status_code(const struct sl_client_response *response)
{
    int64_t code = 0;
    struct sl_bytes text = sl_client_header_find(response, "grpc-status");
    if (text.data != NULL)
        return sl_bytes_to_int64(text, &code) && code >= 0 && code < CODES ? (int)code
                                                                           : SL_GRPC_UNKNOWN;
    /* A proxy answered, or the response was cut. */
    return sl_grpc_status_of_http(response->status);
}

/* One message, not compressed (none was offered). */
static bool message_of(struct sl_bytes body, struct sl_bytes *ret_message)
{
    if (body.size < RESPONSE_PREFIX || body.data[0] != 0)
        return false;
    size_t size = (size_t)body.data[1] << 24 | (size_t)body.data[2] << 16 |
                  (size_t)body.data[3] << 8 | body.data[4];
    if (size != body.size - RESPONSE_PREFIX)
        return false;
    *ret_message = sl_bytes(body.data + RESPONSE_PREFIX, size);
    return true;
}

static void read_success(const struct sl_client_response *response, enum sl_signal signal,
                         struct sl_grpc_answer *answer)
{
    struct sl_bytes message;
    struct sl_export_response export = {0};
    struct sl_out scratch = {.limit = 64 * 1024};
    answer->result = sl_result_ok();
    if (!message_of(response->body, &message) ||
        sl_export_response_read(signal, SL_PROTOBUF, message, &export, &scratch) != SL_OK) {
        answer->unreadable = true;
    } else if (export.rejected > 0) {
        answer->result = sl_result_of(SL_RESULT_PARTIAL, "partial success");
        answer->result.rejected_items = (uint64_t) export.rejected;
    }
    sl_out_done(&scratch);
}

static enum sl_outcome outcome_of(int code)
{
    switch (code) {
    case SL_GRPC_INVALID_ARGUMENT:
    case SL_GRPC_FAILED_PRECONDITION:
        return SL_RESULT_REJECT;
    case SL_GRPC_RESOURCE_EXHAUSTED: /* no RetryInfo: a message over the server's limit */
        return SL_RESULT_TOO_LARGE;
    case SL_GRPC_PERMISSION_DENIED:
    case SL_GRPC_UNAUTHENTICATED:
        return SL_RESULT_DENIED;
    default:
        return SL_RESULT_INTERNAL;
    }
}

void sl_grpc_answer_read(const struct sl_client_response *response, enum sl_signal signal,
                         uint32_t retryable, struct sl_grpc_answer *ret_answer)
{
    ret_answer->unreadable = false;
    if (response->error != SL_CLIENT_OK) {
        ret_answer->result = sl_client_failure(response, ret_answer->text, sizeof ret_answer->text);
        return;
    }
    int code = status_code(response);
    if (code == SL_GRPC_OK) {
        read_success(response, signal, ret_answer);
        return;
    }
    (void)snprintf(ret_answer->text, sizeof ret_answer->text, "gRPC status %s (HTTP %d)",
                   sl_grpc_status_names[code], response->status);
    int64_t delay_ms = retry_info(sl_client_header_find(response, "grpc-status-details-bin"));
    enum sl_outcome outcome = outcome_of(code);
    if (code == SL_GRPC_RESOURCE_EXHAUSTED && delay_ms >= 0)
        outcome = SL_RESULT_THROTTLE;
    else if ((retryable & 1u << code) != 0)
        outcome = SL_RESULT_RETRY;
    ret_answer->result = sl_result_of(outcome, ret_answer->text);
    ret_answer->result.retry_after_ms = sl_retry_after_clamp(delay_ms);
}
