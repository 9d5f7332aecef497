/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: Export*ServiceResponse, or google.rpc.Status in the encoding of the
 * request (OTLP/HTTP) or in gRPC's trailers (OTLP/gRPC).
 */
#include <stdio.h>

#include "core/log.h"
#include "receivers/otlp/otlp_private.h"

enum { MAX_EXTRA = 20 };

static const struct sl_header accept_encoding = {{(const uint8_t *)"grpc-accept-encoding", 20},
                                                 {(const uint8_t *)"identity,gzip,zstd", 18}};

static struct sl_bytes media_type(enum sl_encoding encoding)
{
    return encoding == SL_JSON ? SL_LIT("application/json") : SL_LIT("application/x-protobuf");
}

/* Clients that are told to come back do so spread out. */
static int64_t some_seconds(void)
{
    return 1000 + (int64_t)(sl_random() % 9001);
}

static void error_in_grpc(struct sl_exchange *exchange, const struct otlp_answer *answer)
{
    struct sl_out details = {0};
    struct sl_rpc_status status = {.code = answer->grpc_status,
                                   .message = sl_text(answer->message),
                                   .retry_after_ms = answer->retry_after_ms};
    if (answer->retry_after_ms >= 0)
        sl_rpc_status_write(SL_PROTOBUF, &status, &details);
    struct sl_response response = {.grpc = true,
                                   .grpc_status = answer->grpc_status,
                                   .grpc_message = status.message,
                                   .grpc_details = sl_out_view(&details),
                                   .headers = &accept_encoding,
                                   .header_count = 1};
    sl_exchange_respond(exchange, &response);
    sl_out_done(&details);
}

static size_t http_headers(const struct otlp *receiver, struct sl_header *headers)
{
    size_t count = 0;
    for (; count < receiver->extra_count && count < MAX_EXTRA - 2; count++)
        headers[count] = receiver->extra_headers[count];
    return count;
}

void otlp_answer_error(const struct otlp *receiver, struct sl_exchange *exchange,
                       enum sl_encoding encoding, const struct otlp_answer *answer)
{
    if (exchange->grpc) {
        error_in_grpc(exchange, answer);
        return;
    }
    struct sl_header headers[MAX_EXTRA];
    size_t count = http_headers(receiver, headers);
    char seconds[24];
    if (answer->header != NULL)
        headers[count++] = *answer->header;
    if (answer->retry_after_ms >= 0) {
        (void)snprintf(seconds, sizeof seconds, "%lld",
                       (long long)((answer->retry_after_ms + 999) / 1000));
        headers[count++] = (struct sl_header){SL_LIT("Retry-After"), sl_text(seconds)};
    }
    struct sl_out body = {0};
    struct sl_rpc_status status = {.code = answer->grpc_status,
                                   .message = sl_text(answer->message),
                                   .retry_after_ms = answer->retry_after_ms};
    sl_rpc_status_write(encoding, &status, &body);
    struct sl_response response = {.status = answer->http_status,
                                   .content_type = media_type(encoding),
                                   .body = sl_out_view(&body),
                                   .headers = headers,
                                   .header_count = count};
    sl_exchange_respond(exchange, &response);
    sl_out_done(&body);
}

void otlp_refuse(const struct otlp *receiver, struct sl_exchange *exchange,
                 enum sl_encoding encoding, const struct otlp_answer *answer)
{
    struct sl_meter *meter = receiver->component.meter;
    struct sl_bytes peer = exchange->peer;
    char code[16];
    (void)snprintf(code, sizeof code, "%d", answer->http_status);
    sl_meter_add(sl_meter_counter(meter, "sluice_refused_requests", "code", code), 1);
    sl_log(answer->told || answer->retry_after_ms >= 0 ? SL_LOG_DEBUG : SL_LOG_WARN,
           receiver->component.id, "a request from %.*s was refused with %d: %s",
           (int)(peer.size < 64 ? peer.size : 64), peer.size > 0 ? (const char *)peer.data : "",
           answer->http_status, answer->message);
    otlp_answer_error(receiver, exchange, encoding, answer);
}

static void success(const struct otlp *receiver, struct sl_exchange *exchange,
                    enum sl_signal signal, enum sl_encoding encoding,
                    const struct sl_result *result)
{
    struct sl_export_response answer = {0};
    if (result->outcome == SL_RESULT_PARTIAL) {
        answer.rejected = (int64_t)result->rejected_items;
        answer.message = sl_text(result->message);
    }
    struct sl_out body = {0};
    struct sl_header headers[MAX_EXTRA];
    sl_export_response_write(signal, exchange->grpc ? SL_PROTOBUF : encoding, &answer, &body);
    struct sl_response response = {.status = 200,
                                   .content_type = media_type(encoding),
                                   .body = sl_out_view(&body),
                                   .headers = headers,
                                   .grpc = exchange->grpc};
    if (exchange->grpc)
        headers[response.header_count++] = accept_encoding;
    else
        response.header_count = http_headers(receiver, headers);
    sl_exchange_respond(exchange, &response);
    sl_out_done(&body);
}

static struct otlp_answer of_outcome(const struct sl_result *result)
{
    static const struct {
        int http, grpc;
    } codes[] = {
        [SL_RESULT_REJECT] = {400, SL_GRPC_INVALID_ARGUMENT},
        [SL_RESULT_TOO_LARGE] = {413, SL_GRPC_RESOURCE_EXHAUSTED},
        [SL_RESULT_DENIED] = {403, SL_GRPC_PERMISSION_DENIED},
        [SL_RESULT_INTERNAL] = {500, SL_GRPC_INTERNAL},
        [SL_RESULT_THROTTLE] = {429, SL_GRPC_RESOURCE_EXHAUSTED},
        [SL_RESULT_RETRY] = {503, SL_GRPC_UNAVAILABLE},
        [SL_RESULT_SHUTDOWN] = {503, SL_GRPC_UNAVAILABLE},
    };
    struct otlp_answer answer = {.http_status = codes[result->outcome].http,
                                 .grpc_status = codes[result->outcome].grpc,
                                 .message = result->message,
                                 .retry_after_ms = -1};
    if (answer.message == NULL)
        answer.message = sl_outcome_text(result->outcome);
    if (sl_result_is_retryable(result))
        answer.retry_after_ms =
            result->retry_after_ms != 0 ? (int64_t)result->retry_after_ms : some_seconds();
    return answer;
}

void otlp_answer_result(const struct otlp *receiver, struct sl_exchange *exchange,
                        enum sl_signal signal, enum sl_encoding encoding,
                        const struct sl_result *result)
{
    if (result->outcome == SL_RESULT_OK || result->outcome == SL_RESULT_PARTIAL) {
        success(receiver, exchange, signal, encoding, result);
        return;
    }
    struct otlp_answer answer = of_outcome(result);
    otlp_answer_error(receiver, exchange, encoding, &answer);
}

struct otlp_answer otlp_answer_of_status(int status, const char *text)
{
    enum sl_outcome outcome = status == SL_EINVALID                        ? SL_RESULT_REJECT
                              : status == SL_ELIMIT                        ? SL_RESULT_TOO_LARGE
                              : status == SL_EAGAIN || status == SL_ENOMEM ? SL_RESULT_RETRY
                                                                           : SL_RESULT_INTERNAL;
    struct sl_result result = sl_result_of(outcome, text[0] != 0 ? text : sl_status_text(status));
    return of_outcome(&result);
}
