/* SPDX-License-Identifier: Apache-2.0 */
/* The otlp receiver over streams in memory, in front of a pipeline that answers as told: every
 * outcome, every refusal, in HTTP/protobuf, HTTP/JSON and gRPC. */
#include <nghttp2/nghttp2.h>

#include "config/node.h"
#include "core/alloc.h"
#include "pipeline/process.h"
#include "receivers/otlp/otlp_private.h"
#include "tests/check.h"
#include "transport/compress.h"
#include "transport/grpc.h"

extern const struct sl_component_type otlp_receiver;

static const uint8_t spans[] = {0x0a, 7, 0x12, 5, 0x12, 3, 0x2a, 1, 'a'};
static const char spans_json[] =
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\"}]}]}]}";

struct site {
    struct sl_worker worker;
    struct sl_process process;
    struct sl_arena arena;
    struct otlp_config config;
    struct otlp *receiver;
    struct sl_component sink;
    struct sl_target target;
    /* what the sink answers, and what it saw */
    struct sl_result result;
    bool hold;
    struct sl_delivery *held;
    unsigned consumed;
    size_t items, metadata;
    char transport[8];
    /* the client's end */
    struct sl_stream *client;
    struct sl_out got;
    bool ended;
    unsigned advance_ms; /* passes before the next call's answer is looked at */
};

static struct site *the_site;

static void sink_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)self;
    struct site *site = the_site;
    site->consumed++;
    site->items = delivery->batch->items;
    site->metadata = delivery->context->metadata_count;
    (void)snprintf(site->transport, sizeof site->transport, "%s", delivery->context->transport);
    if (site->hold)
        site->held = delivery;
    else
        sl_delivery_finish(delivery, site->result);
}

static const struct sl_component_type sink_type = {
    .name = "sink", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .consume = sink_consume};

static unsigned read_config(struct site *site, const char *text, char *ret_errors, size_t size)
{
    struct sl_source source = {"test", text, strlen(text)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    struct sl_diag diag;
    sl_diag_init(&diag);
    struct sl_node *root = sl_config_read(&input, &site->arena, &diag);
    CHECK(root != NULL);
    (void)sl_schema_read(otlp_fields, root, "receivers.otlp", &site->config, &site->arena, &diag);
    if (diag.errors == 0)
        otlp_check(&site->config, root, "receivers.otlp", &diag);
    unsigned errors = diag.errors;
    if (ret_errors != NULL) {
        FILE *out = fmemopen(ret_errors, size, "w");
        sl_diag_print(&diag, out);
        (void)fclose(out);
    } else if (errors != 0) {
        sl_diag_print(&diag, stderr);
    }
    sl_diag_done(&diag);
    return errors;
}

static void start(struct site *site, const char *config)
{
    memset(site, 0, sizeof *site);
    the_site = site;
    sl_budget_init(&site->process.budget, 8 << 20);
    CHECK_INT(sl_worker_init_manual(&site->worker, &site->process.budget), 0);
    CHECK_INT(read_config(site, config, NULL, 0), 0);
    site->process.meters = sl_meters_new();
    site->sink = (struct sl_component){.type = &sink_type, .id = "sink", .worker = &site->worker};
    site->sink.meter = sl_meter_new(site->process.meters, "exporter", "sink");
    site->target.component = &site->sink;
    site->receiver = sl_calloc(1, otlp_receiver.size);
    struct sl_component *self = &site->receiver->component;
    *self = (struct sl_component){.type = &otlp_receiver,
                                  .id = "otlp",
                                  .config = &site->config,
                                  .worker = &site->worker,
                                  .process = &site->process,
                                  .signals = SL_TRACES};
    self->meter = sl_meter_new(site->process.meters, "receiver", "otlp");
    self->outputs[0].targets = &site->target;
    self->outputs[0].count = 1;
    struct sl_error error = {""};
    CHECK_INT(otlp_receiver.create(self, &error), 0);
}

static void stop(struct site *site)
{
    if (site->client != NULL)
        sl_stream_close(site->client, 0);
    site->client = NULL;
    otlp_receiver.stop(&site->receiver->component);
    sl_worker_advance(&site->worker, 10);
    CHECK((site->receiver->component.state & SL_STOPPED) != 0);
    CHECK_INT(site->receiver->in_flight, 0);
    otlp_receiver.destroy(&site->receiver->component);
    sl_free(site->receiver);
    sl_meters_free(site->process.meters);
    sl_out_done(&site->got);
    sl_worker_done(&site->worker);
    sl_arena_done(&site->arena);
    CHECK_INT(atomic_load(&site->process.budget.used), 0);
}

static void on_read(void *arg, struct sl_bytes bytes)
{
    struct site *site = arg;
    site->ended |= bytes.size == 0;
    sl_out_bytes(&site->got, bytes.data, bytes.size);
}

static void on_closed(void *arg, int status, const char *error)
{
    (void)status;
    (void)error;
    ((struct site *)arg)->client = NULL;
}

static const struct sl_stream_events events = {.read = on_read, .closed = on_closed};

/* port 0: grpc's, 1: http's */
static void connect_to(struct site *site, int port)
{
    struct sl_stream *ends[2];
    if (site->client != NULL)
        sl_stream_close(site->client, 0);
    sl_worker_advance(&site->worker, 0);
    CHECK_INT(sl_memory_pair(&site->worker, ends), 0);
    site->client = ends[0];
    site->ended = false;
    sl_out_clear(&site->got);
    sl_stream_set_user(ends[0], &events, site);
    sl_server_accept(site->receiver->ports[port].server, ends[1]);
    sl_worker_advance(&site->worker, 0);
}

/* ---- HTTP/1 ---- */

static const char *http(struct site *site, const char *method, const char *path,
                        const char *headers, struct sl_bytes body)
{
    struct sl_out request = {0};
    connect_to(site, 1);
    sl_out_printf(&request, "%s %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", method,
                  path, headers, body.size);
    sl_out_bytes(&request, body.data, body.size);
    CHECK_INT(sl_stream_write(site->client, sl_out_view(&request), NULL), 0);
    sl_out_done(&request);
    sl_worker_advance(&site->worker, 0);
    return sl_out_cstr(&site->got);
}

static void check_status(const char *answer, int status, const char *what)
{
    char start_of[16];
    (void)snprintf(start_of, sizeof start_of, "HTTP/1.1 %d", status);
    if (strncmp(answer, start_of, strlen(start_of)) != 0)
        fail_msg("%s: expected %d, got %s", what, status, answer);
}

#define PB "Content-Type: application/x-protobuf\r\n"
#define JSON "Content-Type: application/json\r\n"

/* ---- gRPC ---- */

struct call {
    struct site *site;
    char status[8], grpc_status[8], message[128], details[256], accept[64];
    struct sl_out body;
    struct sl_bytes upload;
    bool closed;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *arg)
{
    (void)session;
    (void)frame;
    (void)flags;
    struct call *call = arg;
    static const struct {
        const char *name;
        size_t at, size;
    } known[] = {
        {":status", offsetof(struct call, status), 8},
        {"grpc-status", offsetof(struct call, grpc_status), 8},
        {"grpc-message", offsetof(struct call, message), 128},
        {"grpc-status-details-bin", offsetof(struct call, details), 256},
        {"grpc-accept-encoding", offsetof(struct call, accept), 64},
    };
    for (size_t i = 0; i < 5; i++)
        if (sl_bytes_is(sl_bytes(name, name_size), known[i].name))
            (void)snprintf((char *)call + known[i].at, known[i].size, "%.*s", (int)value_size,
                           (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *arg)
{
    (void)session;
    (void)flags;
    (void)id;
    sl_out_bytes(&((struct call *)arg)->body, data, size);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    (void)session;
    (void)id;
    (void)code;
    ((struct call *)arg)->closed = true;
    return 0;
}

static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                    nghttp2_data_source *source, void *arg)
{
    (void)session;
    (void)id;
    (void)source;
    struct call *call = arg;
    size_t size = call->upload.size < room ? call->upload.size : room;
    if (size > 0)
        memcpy(to, call->upload.data, size);
    call->upload = sl_bytes(call->upload.data + size, call->upload.size - size);
    if (call->upload.size == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static void pump(struct site *site, nghttp2_session *session)
{
    for (int turn = 0; turn < 10; turn++) {
        const uint8_t *data;
        ssize_t size;
        while ((size = nghttp2_session_mem_send(session, &data)) > 0)
            if (site->client != NULL)
                CHECK_INT(sl_stream_write(site->client, sl_bytes(data, (size_t)size), NULL), 0);
        sl_worker_advance(&site->worker, 0);
        CHECK(nghttp2_session_mem_recv(session, site->got.data, site->got.size) >= 0);
        sl_out_clear(&site->got);
    }
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

#define TRACE_CALL "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define LOGS_CALL "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

/* One call. extra: one more header as name:value, or NULL. */
static void grpc(struct site *site, struct call *call, const char *path, const char *type,
                 const char *extra, struct sl_bytes framed)
{
    nghttp2_session_callbacks *calls;
    nghttp2_session *session;
    *call = (struct call){.site = site, .upload = framed};
    connect_to(site, 0);
    CHECK_INT(nghttp2_session_callbacks_new(&calls), 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    CHECK_INT(nghttp2_session_client_new(&session, calls, call), 0);
    nghttp2_session_callbacks_del(calls);
    CHECK_INT(nghttp2_submit_settings(session, 0, NULL, 0), 0);
    char name[32] = "x-none";
    const char *value = extra != NULL ? strchr(extra, ':') + 1 : "1";
    if (extra != NULL)
        (void)snprintf(name, sizeof name, "%.*s", (int)(value - extra - 1), extra);
    nghttp2_nv head[] = {field(":method", "POST"),    field(":path", path),
                         field(":scheme", "http"),    field(":authority", "a"),
                         field("content-type", type), field("te", "trailers"),
                         field(name, value)};
    nghttp2_data_provider provider = {.read_callback = give};
    CHECK(nghttp2_submit_request(session, NULL, head, 7, &provider, NULL) > 0);
    pump(site, session);
    if (site->advance_ms > 0) {
        sl_worker_advance(&site->worker, site->advance_ms);
        pump(site, session);
    }
    nghttp2_session_del(session);
    sl_out_done(&call->body);
}

static struct sl_bytes frame(struct sl_out *out, bool compressed, struct sl_bytes message)
{
    uint8_t prefix[5];
    sl_out_clear(out);
    sl_grpc_write_prefix(prefix, compressed, (uint32_t)message.size);
    sl_out_bytes(out, prefix, 5);
    sl_out_bytes(out, message.data, message.size);
    return sl_out_view(out);
}

/* ---- tests ---- */

static const char both[] = "protocols: {grpc: , http: }";

static const struct {
    struct sl_result result;
    int http;
    const char *grpc;
    bool retry;
} outcomes[] = {
    {{.outcome = SL_RESULT_OK}, 200, "0", false},
    {{.outcome = SL_RESULT_PARTIAL, .rejected_items = 1, .message = "half"}, 200, "0", false},
    {{.outcome = SL_RESULT_REJECT, .message = "bad"}, 400, "3", false},
    {{.outcome = SL_RESULT_TOO_LARGE}, 413, "8", false},
    {{.outcome = SL_RESULT_DENIED}, 403, "7", false},
    {{.outcome = SL_RESULT_INTERNAL}, 500, "13", false},
    {{.outcome = SL_RESULT_THROTTLE, .retry_after_ms = 2500}, 429, "8", true},
    {{.outcome = SL_RESULT_RETRY}, 503, "14", true},
    {{.outcome = SL_RESULT_SHUTDOWN}, 503, "14", true},
};

static void check_http_outcome(struct site *site, size_t i, bool json)
{
    struct sl_bytes body = json ? sl_text(spans_json) : sl_bytes(spans, sizeof spans);
    const char *answer = http(site, "POST", "/v1/traces", json ? JSON : PB, body);
    check_status(answer, outcomes[i].http, "outcome");
    CHECK(strstr(answer, json ? "Content-Type: application/json"
                              : "Content-Type: application/x-protobuf") != NULL);
    CHECK_INT(strstr(answer, "Retry-After: ") != NULL, outcomes[i].retry);
    if (outcomes[i].result.retry_after_ms == 2500)
        CHECK(strstr(answer, "Retry-After: 3\r\n") != NULL);
    const char *text = strstr(answer, "\r\n\r\n") + 4;
    if (json && outcomes[i].result.outcome == SL_RESULT_OK)
        CHECK_TEXT(text, "{}");
    if (json && outcomes[i].result.outcome == SL_RESULT_PARTIAL)
        CHECK(strstr(text, "partialSuccess") != NULL && strstr(text, "half") != NULL);
    if (json && outcomes[i].http >= 400)
        CHECK(strstr(text, "\"code\"") != NULL && strstr(text, "\"message\"") != NULL);
    if (json && outcomes[i].retry)
        CHECK(strstr(text, "RetryInfo") != NULL);
}

static void test_each_outcome_has_its_answer_in_every_encoding(void **state)
{
    (void)state;
    struct site site;
    struct call call;
    struct sl_out out = {0};
    start(&site, both);
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        site.result = outcomes[i].result;
        check_http_outcome(&site, i, false);
        check_http_outcome(&site, i, true);
        CHECK_TEXT(site.transport, "http");
        grpc(&site, &call, TRACE_CALL, "application/grpc", NULL,
             frame(&out, false, sl_bytes(spans, sizeof spans)));
        CHECK_TEXT(call.status, "200");
        CHECK_TEXT(call.grpc_status, outcomes[i].grpc);
        CHECK_INT(call.details[0] != 0, outcomes[i].retry);
        CHECK(call.closed);
        CHECK_TEXT(site.transport, "grpc");
        CHECK_INT(site.items, 1);
    }
    CHECK_INT(site.consumed, 27);
    CHECK_INT(sl_meters_total(site.process.meters, "receiver", SL_EV_ACCEPTED), 3);
    CHECK_INT(sl_meters_total(site.process.meters, "receiver", SL_EV_FAILED), 3);
    CHECK_INT(sl_meters_total(site.process.meters, "receiver", SL_EV_REFUSED), 21);
    sl_out_done(&out);
    stop(&site);
}

static void test_http_requests_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *headers, *body, *has;
        int status;
    } rows[] = {
        {"GET", "/v1/traces", PB, "", "Allow: POST", 405},
        {"PUT", "/v1/traces", PB, "x", "Allow: POST", 405},
        {"POST", "/v1/trace", PB, "x", "", 404},
        {"POST", "/v1/traces/", PB, "x", "", 404},
        {"POST", "/v1/logs", PB, "x", "", 404},
        {"POST", TRACE_CALL, PB, "x", "", 415},
        {"POST", TRACE_CALL, "Content-Type: application/grpc\r\n", "x", "", 415},
        {"POST", "/v1/traces", "", "x", "", 415},
        {"POST", "/v1/traces", "Content-Type: application/protobuf\r\n", "x", "", 415},
        {"POST", "/v1/traces", PB "Content-Encoding: br\r\n", "x", "Accept-Encoding: gzip, zstd",
         415},
        {"POST", "/v1/traces", PB "Content-Encoding: gzip, gzip\r\n", "x", "Accept-Encoding", 415},
        {"POST", "/v1/traces", PB "Content-Encoding: gzip\r\n", "x", "", 400},
        {"POST", "/v1/traces", PB, "\x0a\x05", "", 400},
        {"POST", "/v1/traces", JSON, "{", "\"code\":3", 400},
        {"POST", "/v1/traces", JSON, "{} x", "\"code\":3", 400},
        {"POST", "/v1/traces", PB, "", "Content-Length: 0", 200},
        {"POST", "/v1/traces", JSON, "", "{}", 200},
        {"POST", "/v1/traces", "Content-Type: Application/JSON; charset=utf-8\r\n", "{}", "{}",
         200},
        {"POST", "/v1/traces?x=1", PB "Content-Encoding: identity\r\n", "", "", 200},
    };
    struct site site;
    start(&site, both);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer =
            http(&site, rows[i].method, rows[i].path, rows[i].headers, sl_text(rows[i].body));
        check_status(answer, rows[i].status, rows[i].headers);
        if (strstr(answer, rows[i].has) == NULL)
            fail_msg("row %zu: no '%s' in %s", i, rows[i].has, answer);
    }
    CHECK_INT(site.consumed, 0);
    stop(&site);
}

static void test_grpc_calls_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type, *extra, *bytes;
        size_t size;
        const char *status, *grpc;
    } rows[] = {
        {LOGS_CALL, "application/grpc", NULL, "\0\0\0\0\0", 5, "200", "12"},
        {"/x.Y/Z", "application/grpc", NULL, "\0\0\0\0\0", 5, "200", "12"},
        {TRACE_CALL, "application/grpc+json", NULL, "\0\0\0\0\0", 5, "415", ""},
        {TRACE_CALL, "application/x-protobuf", NULL, "", 0, "415", ""},
        {TRACE_CALL, "application/grpc", "grpc-encoding:br", "\0\0\0\0\0", 5, "200", "12"},
        {TRACE_CALL, "application/grpc", "grpc-timeout:5x", "\0\0\0\0\0", 5, "200", "13"},
        {TRACE_CALL, "application/grpc", NULL, "", 0, "200", "13"},
        {TRACE_CALL, "application/grpc", NULL, "\1\0\0\0\1x", 6, "200", "13"},
        {TRACE_CALL, "application/grpc", "grpc-encoding:gzip", "\1\0\0\0\1x", 6, "200", "3"},
        {TRACE_CALL, "application/grpc", NULL, "\0\0\0\0\2\x0a\x05", 7, "200", "3"},
        {TRACE_CALL, "application/grpc", NULL, "\0\0\x40\0\1", 5, "200", "8"},
        {TRACE_CALL, "application/grpc", NULL, "\0\0\0\0\0\0\0\0\0\0", 10, "200", "13"},
        {TRACE_CALL, "application/grpc", NULL, "\0\0\0\0\0", 5, "200", "0"},
        {TRACE_CALL, "application/grpc+proto", NULL, "\0\0\0\0\0", 5, "200", "0"},
    };
    struct site site;
    struct call call;
    start(&site, both);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        grpc(&site, &call, rows[i].path, rows[i].type, rows[i].extra,
             sl_bytes(rows[i].bytes, rows[i].size));
        if (strcmp(call.status, rows[i].status) != 0 || strcmp(call.grpc_status, rows[i].grpc) != 0)
            fail_msg("row %zu: status %s grpc-status %s (%s)", i, call.status, call.grpc_status,
                     call.message);
        if (rows[i].grpc[0] != 0)
            CHECK_TEXT(call.accept, "identity,gzip,zstd");
        CHECK_TEXT(call.details, "");
    }
    CHECK_INT(site.consumed, 0);
    stop(&site);
}

static void test_compressed_bodies_arrive_by_both_protocols(void **state)
{
    (void)state;
    struct site site;
    struct call call;
    struct sl_out packed = {0}, out = {0};
    start(&site, both);
    for (int codec = SL_CODEC_GZIP; codec <= SL_CODEC_ZSTD; codec++) {
        char header[160], grpc_header[64];
        const char *name = sl_codec_name((enum sl_codec)codec);
        sl_out_clear(&packed);
        CHECK_INT(sl_deflate((enum sl_codec)codec, 0, sl_bytes(spans, sizeof spans), &packed), 0);
        (void)snprintf(header, sizeof header, PB "Content-Encoding: %s\r\n", name);
        (void)snprintf(grpc_header, sizeof grpc_header, "grpc-encoding:%s", name);
        site.items = 0;
        check_status(http(&site, "POST", "/v1/traces", header, sl_out_view(&packed)), 200, name);
        CHECK_INT(site.items, 1);
        site.items = 0;
        grpc(&site, &call, TRACE_CALL, "application/grpc", grpc_header,
             frame(&out, true, sl_out_view(&packed)));
        CHECK_TEXT(call.grpc_status, "0");
        CHECK_INT(site.items, 1);
    }
    sl_out_done(&packed);
    sl_out_done(&out);
    stop(&site);
}

static void test_the_limit_holds_for_the_body_as_sent_and_inflated(void **state)
{
    (void)state;
    struct site site;
    struct sl_out zeros = {0}, packed = {0};
    start(&site, "protocols: {http: {max_request_body_size: 1000, response_headers: {x-a: b}}}");
    CHECK(sl_out_room(&zeros, 1001) != NULL);
    memset(zeros.data, 0, 1001);
    zeros.size = 1001;
    const char *answer = http(&site, "POST", "/v1/traces", PB, sl_out_view(&zeros));
    check_status(answer, 413, "as sent");
    CHECK(strstr(answer, "x-a: b\r\n") != NULL);
    CHECK(!site.ended); /* small enough to be read away */
    CHECK_INT(sl_deflate(SL_CODEC_GZIP, 0, sl_out_view(&zeros), &packed), 0);
    check_status(
        http(&site, "POST", "/v1/traces", PB "Content-Encoding: gzip\r\n", sl_out_view(&packed)),
        413, "inflated");
    sl_out_done(&zeros);
    sl_out_done(&packed);
    stop(&site);
}

static void test_a_deadline_is_answered_while_the_data_goes_on(void **state)
{
    (void)state;
    struct site site;
    struct call call;
    struct sl_out out = {0};
    start(&site, both);
    site.hold = true;
    site.advance_ms = 250;
    grpc(&site, &call, TRACE_CALL, "application/grpc", "grpc-timeout:200m",
         frame(&out, false, sl_bytes(spans, sizeof spans)));
    CHECK_TEXT(call.grpc_status, "4");
    CHECK_INT(site.receiver->in_flight, 1);
    sl_delivery_finish(site.held, sl_result_ok());
    CHECK_INT(sl_meters_total(site.process.meters, "receiver", SL_EV_ACCEPTED), 1);
    sl_out_done(&out);
    stop(&site);
}

static void test_a_drain_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    struct site site;
    start(&site, both);
    site.hold = true;
    (void)http(&site, "POST", "/v1/traces", PB, sl_bytes(spans, sizeof spans));
    otlp_receiver.drain(&site.receiver->component, sl_worker_now_ms(&site.worker) + 5000);
    sl_worker_advance(&site.worker, 100);
    CHECK((site.receiver->component.state & SL_DRAINED) == 0);
    sl_delivery_finish(site.held, sl_result_ok());
    sl_worker_advance(&site.worker, 0);
    CHECK(strstr(sl_out_cstr(&site.got), "Connection: close") != NULL);
    sl_stream_close(site.client, 0);
    sl_worker_advance(&site.worker, 0);
    CHECK((site.receiver->component.state & SL_DRAINED) != 0);
    stop(&site);
}

static void test_metadata_is_kept_only_when_asked_for(void **state)
{
    (void)state;
    struct site site;
    struct sl_bytes body = sl_bytes(spans, sizeof spans);
    start(&site, both);
    (void)http(&site, "POST", "/v1/traces", PB "X-Tenant: a\r\nAuthorization: b\r\n", body);
    CHECK_INT(site.metadata, 0);
    stop(&site);
    start(&site, "protocols: {http: {include_metadata: true}}");
    (void)http(&site, "POST", "/v1/traces", PB "X-Tenant: a\r\nAuthorization: b\r\n", body);
    CHECK_INT(site.metadata, 4); /* host, content-type, x-tenant, content-length */
    stop(&site);
}

static void test_items_are_counted_by_the_protocol_they_came_by(void **state)
{
    (void)state;
    struct site site;
    struct call call;
    struct sl_out framed = {0}, page = {0};
    struct sl_bytes body = sl_bytes(spans, sizeof spans);
    start(&site, both);
    check_status(http(&site, "POST", "/v1/traces", PB, body), 200, "http");
    for (int i = 0; i < 2; i++)
        grpc(&site, &call, TRACE_CALL, "application/grpc", NULL, frame(&framed, false, body));
    sl_meters_print_prometheus(site.process.meters, &page);
    CHECK(strstr(sl_out_cstr(&page), "otelcol_receiver_accepted_spans{receiver=\"otlp\","
                                     "transport=\"grpc\"} 2\n") != NULL);
    CHECK(strstr(sl_out_cstr(&page), "otelcol_receiver_accepted_spans{receiver=\"otlp\","
                                     "transport=\"http\"} 1\n") != NULL);
    sl_out_done(&framed);
    sl_out_done(&page);
    stop(&site);
}

static void test_requests_that_cannot_be_read_are_counted_by_status(void **state)
{
    (void)state;
    struct site site;
    struct call call;
    struct sl_out framed = {0}, page = {0};
    start(&site, both);
    for (int i = 0; i < 2; i++)
        check_status(http(&site, "POST", "/v1/traces", PB, SL_LIT("\xff\xff\xff")), 400,
                     "malformed");
    check_status(http(&site, "POST", "/v1/trace", PB, SL_LIT("")), 404, "path");
    grpc(&site, &call, TRACE_CALL, "application/grpc", NULL,
         frame(&framed, false, SL_LIT("\xff\xff\xff")));
    check_status(http(&site, "POST", "/v1/traces", PB, sl_bytes(spans, sizeof spans)), 200, "good");
    sl_meters_print_prometheus(site.process.meters, &page);
    static const char *const lines[] = {
        "sluice_refused_requests{receiver=\"otlp\",code=\"400\"} 3\n",
        "sluice_refused_requests{receiver=\"otlp\",code=\"404\"} 1\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(sl_out_cstr(&page), lines[i]) == NULL)
            fail_msg("no %s in %s", lines[i], sl_out_cstr(&page));
    sl_out_done(&framed);
    sl_out_done(&page);
    stop(&site);
}

static void test_what_is_not_built_or_makes_no_sense_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *config, *error;
    } rows[] = {
        {"protocols: {}", "at least one of grpc and http"},
        {"protocols: {grpc: {tls: {cert_file: a}}}", "protocols.grpc.tls: not supported"},
        {"protocols: {grpc: {auth: {authenticator: a}}}", "protocols.grpc.auth: not supported"},
        {"protocols: {http: {cors: {allowed_origins: [a]}}}", "protocols.http.cors: not supported"},
        {"protocols: {http: {middlewares: [{id: a}]}}", "middlewares: not supported"},
        {"protocols: {http: {endpoint: 'localhost'}}", "protocols.http.endpoint"},
        {"protocols: {grpc: {endpoint: 'http://a:1'}}", "leave out 'http://'"},
        {"protocols: {grpc: {endpoint: 'a:1'}, http: {endpoint: 'a:1'}}", "the same as grpc's"},
        {"protocols: {http: {logs_url_path: v1/traces}}", "another signal has the same path"},
        {"protocols: {http: {zzz: 1}}", "unknown key"},
        {"protocols: {http: {compression_algorithms: [snappy]}}", "compression_algorithms"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct site site = {0};
        char errors[1000] = "";
        unsigned count = read_config(&site, rows[i].config, errors, sizeof errors);
        if (count == 0 || strstr(errors, rows[i].error) == NULL)
            fail_msg("%s: expected '%s', got '%s'", rows[i].config, rows[i].error, errors);
        sl_arena_done(&site.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_cannot_be_read_are_counted_by_status),
        cmocka_unit_test(test_each_outcome_has_its_answer_in_every_encoding),
        cmocka_unit_test(test_http_requests_that_are_refused),
        cmocka_unit_test(test_grpc_calls_that_are_refused),
        cmocka_unit_test(test_compressed_bodies_arrive_by_both_protocols),
        cmocka_unit_test(test_the_limit_holds_for_the_body_as_sent_and_inflated),
        cmocka_unit_test(test_a_deadline_is_answered_while_the_data_goes_on),
        cmocka_unit_test(test_a_drain_waits_for_what_is_in_flight),
        cmocka_unit_test(test_metadata_is_kept_only_when_asked_for),
        cmocka_unit_test(test_items_are_counted_by_the_protocol_they_came_by),
        cmocka_unit_test(test_what_is_not_built_or_makes_no_sense_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
