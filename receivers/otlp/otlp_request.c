/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One export request: routed by its head, inflated and transcoded when it is
 * whole, read into a batch, handed on, and answered from the delivery's result.
 */
#include "core/alloc.h"
#include "core/log.h"
#include "otlp/transcode.h"
#include "receivers/otlp/otlp_private.h"
#include "transport/compress.h"
#include "transport/grpc.h"

enum { MAX_METADATA = 64 };

static const char *const grpc_paths[3] = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export"};
static const char unwired_text[] = "this signal is not received here";
static const enum sl_signal signals[3] = {SL_TRACES, SL_METRICS, SL_LOGS};

struct request {
    struct otlp_port *port;
    struct sl_meter *meter;
    struct sl_exchange *exchange; /* NULL: answered */
    enum sl_signal signal;
    enum sl_encoding encoding;
    int codec;
    struct sl_timer deadline;
    uint64_t deadline_ms; /* on the worker's clock; 0: none */
    size_t items;
};

/* ---- the head ---- */

/* "application/json; charset=utf-8" -> "application/json" */
static struct sl_bytes bare_type(struct sl_bytes type)
{
    const uint8_t *end = type.size > 0 ? memchr(type.data, ';', type.size) : NULL;
    if (end != NULL)
        type.size = (size_t)(end - type.data);
    return sl_bytes_trim(type);
}

static int find_signal(const struct otlp *receiver, const struct sl_exchange *exchange,
                       bool *ret_grpc_path)
{
    for (int i = 0; i < 3; i++) {
        *ret_grpc_path = sl_bytes_is(exchange->path, grpc_paths[i]);
        if (*ret_grpc_path || (!exchange->grpc && receiver->paths[i][0] != 0 &&
                               sl_bytes_is(exchange->path, receiver->paths[i])))
            return i;
    }
    return -1;
}

static void refuse(struct otlp_port *port, struct sl_exchange *exchange, int http, int grpc,
                   const char *text)
{
    enum sl_encoding encoding =
        sl_bytes_equal_nocase(bare_type(exchange->content_type), SL_LIT("application/x-protobuf"))
            ? SL_PROTOBUF
            : SL_JSON;
    static const struct sl_header allow = {{(const uint8_t *)"Allow", 5},
                                           {(const uint8_t *)"POST", 4}};
    static const struct sl_header codings = {{(const uint8_t *)"Accept-Encoding", 15},
                                             {(const uint8_t *)"gzip, zstd", 10}};
    struct otlp_answer answer = {.http_status = http,
                                 .grpc_status = grpc,
                                 .message = text,
                                 .told = text == unwired_text,
                                 .retry_after_ms = http == 503 ? 1000 : -1};
    if (http == 405)
        answer.header = &allow;
    else if (http == 415 && exchange->content_encoding.size > 0)
        answer.header = &codings;
    otlp_refuse(port->receiver, exchange, encoding, &answer);
}

/* HTTP's own status, whatever the client asked for (gRPC: "415 and no gRPC status"). */
static void refuse_plainly(struct sl_exchange *exchange, int status, const char *text)
{
    struct sl_response response = {
        .status = status, .content_type = SL_LIT("text/plain"), .body = sl_text(text)};
    sl_exchange_respond(exchange, &response);
}

static void log_unwired(struct otlp *receiver, int index)
{
    if (receiver->unwired_logged[index])
        return;
    receiver->unwired_logged[index] = true;
    sl_log(SL_LOG_WARN, receiver->component.id,
           "a client sends %s, but no pipeline takes them from this receiver",
           sl_signal_name(signals[index]));
}

/* Returns false after it has answered. */
static bool read_grpc_head(struct otlp_port *port, struct sl_exchange *exchange,
                           struct request *request)
{
    struct sl_bytes type = bare_type(exchange->content_type);
    if (type.size > 16 && !sl_bytes_equal_nocase(type, SL_LIT("application/grpc+proto"))) {
        refuse_plainly(exchange, 415, "only application/grpc and application/grpc+proto");
        return false;
    }
    request->codec = sl_codec_find(sl_exchange_header(exchange, "grpc-encoding"));
    if (request->codec < 0 || request->codec == SL_CODEC_DEFLATE) {
        refuse(port, exchange, 415, SL_GRPC_UNIMPLEMENTED, "unknown grpc-encoding");
        return false;
    }
    struct sl_bytes timeout = sl_exchange_header(exchange, "grpc-timeout");
    uint64_t timeout_ms;
    if (timeout.data != NULL && !sl_grpc_timeout_read(timeout, &timeout_ms)) {
        refuse(port, exchange, 400, SL_GRPC_INTERNAL, "malformed grpc-timeout");
        return false;
    }
    if (timeout.data != NULL)
        request->deadline_ms =
            sl_worker_now_ms(port->receiver->component.worker) + (timeout_ms > 0 ? timeout_ms : 1);
    exchange->body_limit = port->receiver->grpc_limit;
    return true;
}

static bool read_http_head(struct otlp_port *port, struct sl_exchange *exchange,
                           struct request *request)
{
    struct sl_bytes type = bare_type(exchange->content_type);
    if (sl_bytes_equal_nocase(type, SL_LIT("application/json"))) {
        request->encoding = SL_JSON;
    } else if (!sl_bytes_equal_nocase(type, SL_LIT("application/x-protobuf"))) {
        refuse(port, exchange, 415, SL_GRPC_INVALID_ARGUMENT,
               "content type is not application/x-protobuf or application/json");
        return false;
    }
    request->codec = sl_codec_find(sl_bytes_trim(exchange->content_encoding));
    if (request->codec < 0 || (port->receiver->codecs & 1u << request->codec) == 0) {
        refuse(port, exchange, 415, SL_GRPC_INVALID_ARGUMENT, "content encoding is not accepted");
        return false;
    }
    exchange->body_limit = port->receiver->http_limit;
    return true;
}

static void expired(struct sl_timer *timer);

static void begin(void *arg, struct sl_exchange *exchange)
{
    struct otlp_port *port = arg;
    struct otlp *receiver = port->receiver;
    bool grpc_path;
    int index = find_signal(receiver, exchange, &grpc_path);
    if (index < 0 || (receiver->component.signals & signals[index]) == 0) {
        if (index >= 0)
            log_unwired(receiver, index);
        refuse(port, exchange, 404, exchange->grpc ? SL_GRPC_UNIMPLEMENTED : SL_GRPC_NOT_FOUND,
               index >= 0 ? unwired_text : "unknown path");
        return;
    }
    if (!sl_bytes_is(exchange->method, "POST")) {
        exchange->grpc = false;
        refuse(port, exchange, 405, SL_GRPC_UNIMPLEMENTED, "only POST is allowed");
        return;
    }
    if (grpc_path && !exchange->grpc) {
        refuse_plainly(exchange, 415, "this path takes application/grpc over HTTP/2");
        return;
    }
    struct request head = {.port = port, .exchange = exchange, .signal = signals[index]};
    head.meter = exchange->grpc ? receiver->grpc_meter : receiver->http_meter;
    bool fine = exchange->grpc ? read_grpc_head(port, exchange, &head)
                               : read_http_head(port, exchange, &head);
    struct request *request = fine ? sl_malloc(sizeof *request) : NULL;
    if (request != NULL) {
        *request = head;
        exchange->data = request;
        sl_timer_init(&request->deadline, receiver->component.worker, expired);
    } else if (fine) {
        refuse(port, exchange, 503, SL_GRPC_UNAVAILABLE, "out of memory");
    }
}

/* ---- the answer ---- */

static void discard(struct request *request)
{
    sl_timer_stop(&request->deadline);
    sl_free(request);
}

/* Before there is a delivery. */
static void answer_status(struct request *request, int status, const char *text)
{
    struct otlp_answer answer = otlp_answer_of_status(status, text);
    otlp_refuse(request->port->receiver, request->exchange, request->encoding, &answer);
    discard(request);
}

/* A call that gRPC's own rules make impossible. */
static void refuse_call(struct request *request, const char *text)
{
    struct otlp_answer answer = {
        .http_status = 400, .grpc_status = SL_GRPC_INTERNAL, .message = text, .retry_after_ms = -1};
    otlp_refuse(request->port->receiver, request->exchange, request->encoding, &answer);
    discard(request);
}

static void fail(void *arg, struct sl_exchange *exchange, int status, const char *why)
{
    (void)arg;
    struct request *request = exchange->data;
    if (exchange->grpc && status == SL_EINVALID) {
        refuse_call(request, why);
    } else {
        answer_status(request, status, why);
    }
}

static void gone(void *arg, struct sl_exchange *exchange)
{
    (void)arg;
    discard(exchange->data);
}

/* The answer cannot wait any longer; the data goes its way. */
static void expired(struct sl_timer *timer)
{
    struct request *request =
        (struct request *)((char *)timer - offsetof(struct request, deadline));
    if (request->exchange == NULL)
        return;
    struct otlp_answer answer = {.http_status = 504,
                                 .grpc_status = SL_GRPC_DEADLINE_EXCEEDED,
                                 .message = "the deadline has passed",
                                 .retry_after_ms = -1};
    otlp_answer_error(request->port->receiver, request->exchange, request->encoding, &answer);
    request->exchange = NULL;
}

static void count(const struct request *request, const struct sl_result *result)
{
    struct sl_meter *meter = request->meter;
    uint64_t items = request->items, rejected = 0;
    if (result->outcome == SL_RESULT_PARTIAL)
        rejected = result->rejected_items < items ? result->rejected_items : items;
    else if (result->outcome != SL_RESULT_OK)
        rejected = items;
    if (items > rejected)
        sl_meter_event(meter, SL_EV_ACCEPTED, request->signal, items - rejected);
    if (rejected > 0)
        sl_meter_event(meter, result->outcome == SL_RESULT_INTERNAL ? SL_EV_FAILED : SL_EV_REFUSED,
                       request->signal, rejected);
}

static void finished(void *arg, const struct sl_result *result)
{
    struct request *request = arg;
    struct otlp *receiver = request->port->receiver;
    count(request, result);
    if (request->exchange != NULL)
        otlp_answer_result(receiver, request->exchange, request->signal, request->encoding, result);
    discard(request);
    otlp_request_done(receiver);
}

static void answer_ok(struct request *request)
{
    struct sl_result ok = sl_result_ok();
    otlp_answer_result(request->port->receiver, request->exchange, request->signal,
                       request->encoding, &ok);
    discard(request);
}

/* ---- the body ---- */

static int transcode(struct request *request, struct sl_budget *budget, struct sl_buf **body,
                     struct sl_error *error)
{
    struct sl_out wire = {.limit = request->exchange->body_limit};
    const struct sl_signal_messages *messages = sl_signal_messages(request->signal);
    int rc = sl_json_to_wire(messages->request, sl_buf_bytes(*body), &wire, error);
    if (rc != SL_OK) {
        sl_out_done(&wire);
        return rc;
    }
    struct sl_buf *buf = sl_buf_adopt(budget, wire.data, wire.size, wire.capacity);
    if (buf == NULL)
        return sl_fail(error, SL_EAGAIN, "no memory is left for the request");
    sl_buf_unref(*body);
    *body = buf;
    return SL_OK;
}

/* Body as sent -> wire bytes; *body is replaced. */
static int unwrap(struct request *request, struct sl_buf **body, struct sl_error *error)
{
    struct sl_budget *budget = request->port->receiver->component.worker->budget;
    if (request->codec != SL_CODEC_IDENTITY) {
        struct sl_buf *inflated;
        int rc = sl_inflate((enum sl_codec)request->codec, sl_buf_bytes(*body),
                            request->exchange->body_limit, budget, &inflated, error);
        if (rc != SL_OK)
            return rc;
        sl_buf_unref(*body);
        *body = inflated;
    }
    if (request->encoding == SL_JSON && (*body)->size > 0)
        return transcode(request, budget, body, error);
    return SL_OK;
}

/* Credentials stay out of what later parts can see. */
static bool is_kept(struct sl_bytes name)
{
    return !sl_bytes_is(name, "authorization") && !sl_bytes_is(name, "proxy-authorization") &&
           !sl_bytes_is(name, "cookie");
}

static struct sl_context *make_context(const struct request *request)
{
    const struct sl_exchange *exchange = request->exchange;
    struct sl_metadata metadata[MAX_METADATA];
    struct sl_context context = {.deadline_ms = request->deadline_ms,
                                 .peer = exchange->peer,
                                 .transport = exchange->grpc ? "grpc" : "http",
                                 .metadata = metadata};
    size_t given = request->port->include_metadata ? exchange->header_count : 0;
    for (size_t i = 0; i < given && context.metadata_count < MAX_METADATA; i++)
        if (is_kept(exchange->headers[i].name))
            metadata[context.metadata_count++] =
                (struct sl_metadata){exchange->headers[i].name, exchange->headers[i].value};
    return sl_context_new(&context);
}

/* Takes the batch over. */
static void emit(struct request *request, struct sl_batch *batch)
{
    struct otlp *receiver = request->port->receiver;
    request->items = batch->items;
    struct sl_context *context = make_context(request);
    if (context == NULL) {
        sl_batch_unref(batch);
        answer_status(request, SL_ENOMEM, "out of memory");
        return;
    }
    uint64_t now_ms = sl_worker_now_ms(receiver->component.worker);
    struct sl_delivery *delivery = sl_delivery_new(batch, context, finished, request);
    if (delivery == NULL || (request->deadline_ms != 0 &&
                             sl_timer_start(&request->deadline, request->deadline_ms > now_ms
                                                                    ? request->deadline_ms - now_ms
                                                                    : 0) != SL_OK)) {
        receiver->in_flight += delivery != NULL;
        if (delivery != NULL)
            sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        else
            answer_status(request, SL_ENOMEM, "out of memory");
        return;
    }
    receiver->in_flight++;
    sl_emit(&receiver->component, delivery);
}

static void read_batch(struct request *request, struct sl_buf *body)
{
    struct sl_batch *batch = NULL;
    struct sl_error error = {""};
    int rc = unwrap(request, &body, &error);
    if (rc == SL_OK)
        rc = sl_batch_read(request->signal, body, NULL, &batch, NULL, &error);
    sl_buf_unref(body);
    if (rc != SL_OK) {
        answer_status(request, rc, error.text);
    } else if (batch->items == 0) {
        sl_batch_unref(batch);
        answer_ok(request);
    } else {
        emit(request, batch);
    }
}

static void end(void *arg, struct sl_exchange *exchange)
{
    (void)arg;
    struct request *request = exchange->data;
    struct sl_buf *body = exchange->body;
    exchange->body = NULL;
    if (exchange->grpc && exchange->messages == 0) {
        refuse_call(request, "a unary call needs one message");
    } else if (exchange->grpc && exchange->compressed && request->codec == SL_CODEC_IDENTITY) {
        refuse_call(request, "compressed message without grpc-encoding");
        sl_buf_unref(body);
    } else if (body == NULL) {
        answer_ok(request);
    } else {
        if (exchange->grpc && !exchange->compressed)
            request->codec = SL_CODEC_IDENTITY;
        read_batch(request, body);
    }
}

const struct sl_handler otlp_handler = {.begin = begin, .end = end, .fail = fail, .gone = gone};
