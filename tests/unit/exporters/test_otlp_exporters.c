/* SPDX-License-Identifier: Apache-2.0 */
/* The two OTLP exporters from their configuration text to a server on a real
 * loopback socket, and what their checks say. */
#include <stdlib.h>

#include "config/schema.h"
#include "core/log.h"
#include "otlp/service.h"
#include "otlp/transcode.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "tests/check.h"
#include "transport/compress.h"
#include "transport/listener.h"
#include "transport/server.h"

extern const struct sl_component_type otlp_exporter, otlphttp_exporter;

/* ---- configuration ---- */

struct loaded {
    struct sl_arena arena;
    struct sl_diag diag;
    void *config;
};

static void load(struct loaded *l, const struct sl_component_type *type, const char *yaml)
{
    struct sl_source source = {"test.yaml", yaml, strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    *l = (struct loaded){0};
    sl_diag_init(&l->diag);
    l->config = calloc(1, type->config_size);
    CHECK(l->config != NULL);
    struct sl_node *root = sl_config_read(&input, &l->arena, &l->diag);
    CHECK(root != NULL);
    if (sl_schema_read(type->fields, root, "exporters.x", l->config, &l->arena, &l->diag) == SL_OK)
        type->check(l->config, root, "exporters.x", &l->diag);
}

static void unload(struct loaded *l)
{
    free(l->config);
    sl_diag_done(&l->diag);
    sl_arena_done(&l->arena);
}

static void test_the_checks_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const struct sl_component_type *type;
        const char *yaml, *expected; /* NULL: no error */
    } cases[] = {
        {&otlp_exporter, "endpoint: a:4317\ntls: {insecure: true}\n", NULL},
        {&otlp_exporter, "endpoint: http://a:4317\n", NULL},
        {&otlp_exporter, "endpoint: unix:///tmp/x\n", NULL},
        {&otlp_exporter, "endpoint: a:4317\n", "set 'tls: {insecure: true}'"},
        {&otlp_exporter, "endpoint: https://a:4317\n", "TLS is not supported"},
        {&otlp_exporter, "endpoint: http://a:4317/x\n", "has no path"},
        {&otlp_exporter, "endpoint: http://a:4317\ncompression: snappy\n", "'snappy' is not"},
        {&otlp_exporter, "endpoint: http://a:4317\nheaders: {te: x}\n", "by the exporter itself"},
        {&otlp_exporter, "endpoint: http://a:4317\nheaders: {\"a b\": x}\n", "not a header name"},
        {&otlp_exporter, "endpoint: http://a:4317\nheaders: {a: \"x\\ny\"}\n", "line break"},
        {&otlp_exporter, "endpoint: http://a:4317\nauth: {authenticator: b}\n", "not supported"},
        {&otlp_exporter, "endpoint: http://a:4317\nsending_queue: {storage: f}\n", "not supported"},
        {&otlp_exporter,
         "endpoint: http://a:4317\nsending_queue: {batch: {min_size: 10, max_size: 5}}\n",
         "at least min_size"},
        {&otlp_exporter, "endpoint: http://a:4317\nretry_on_failure: {max_elapsed_time: 10s}\n",
         "at least max_interval"},
        {&otlphttp_exporter, "endpoint: http://a:4318\n", NULL},
        {&otlphttp_exporter, "traces_endpoint: http://a:4318/x\n", NULL},
        {&otlphttp_exporter, "timeout: 1s\n", "needs 'endpoint'"},
        {&otlphttp_exporter, "endpoint: a:4318\n", "needs a scheme"},
        {&otlphttp_exporter, "endpoint: https://a:4318\n", "TLS is not supported"},
        {&otlphttp_exporter, "endpoint: http://a:4318\nproxy_url: http://p\n", "not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded l;
        load(&l, cases[i].type, cases[i].yaml);
        const char *text = l.diag.errors > 0 ? l.diag.first->text : "";
        if (cases[i].expected == NULL ? l.diag.errors > 0 : strstr(text, cases[i].expected) == NULL)
            fail_msg("%s gives '%s'", cases[i].yaml, text);
        unload(&l);
    }
}

static void test_a_base_endpoint_with_a_signal_path_is_warned_of(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        unsigned warnings;
    } cases[] = {{"endpoint: http://a:4318/v1/traces\n", 1},
                 {"endpoint: http://a:4318/otel/v1/logs\n", 1},
                 {"endpoint: http://a:4318/v1\n", 0},
                 {"traces_endpoint: http://a:4318/v1/traces\n", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded l;
        load(&l, &otlphttp_exporter, cases[i].yaml);
        CHECK_INT(l.diag.errors, 0);
        CHECK_INT(l.diag.warnings, cases[i].warnings);
        unload(&l);
    }
}

/* ---- end to end ---- */

struct scene {
    struct sl_worker worker;
    struct sl_listeners *listeners;
    struct sl_listener *listener;
    struct sl_server *server;
    struct sl_timer watchdog;
    struct sl_component *exporter;
    struct sl_batch *batch;
    bool grpc, json;
    unsigned requests, good, failures_left;
    char header[32];
};

static void begin(void *arg, struct sl_exchange *exchange)
{
    struct scene *s = arg;
    struct sl_bytes secret = sl_exchange_header(exchange, "x-tenant");
    exchange->body_limit = 1 << 20;
    CHECK_INT(exchange->grpc, s->grpc);
    CHECK_BYTES(exchange->path,
                s->grpc ? SL_LIT("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
                        : SL_LIT("/base/v1/traces"));
    CHECK_BYTES(exchange->content_type, s->grpc ? SL_LIT("application/grpc")
                                                : (s->json ? SL_LIT("application/json")
                                                           : SL_LIT("application/x-protobuf")));
    CHECK(sl_bytes_starts(sl_exchange_header(exchange, "user-agent"), "Sluice/"));
    (void)snprintf(s->header, sizeof s->header, "%.*s", (int)secret.size,
                   (const char *)secret.data);
}

static void finish_scene(struct scene *s)
{
    sl_listener_detach(s->listener, &s->worker);
    s->exporter->type->stop(s->exporter);
}

static void server_closed(void *arg)
{
    struct scene *s = arg;
    sl_worker_stop(&s->worker);
}

static void on_timer(struct sl_timer *timer)
{
    struct scene *s = (struct scene *)(void *)((char *)timer - offsetof(struct scene, watchdog));
    /* Looks every 5 ms whether all is sent, then takes everything down. */
    if ((s->exporter->state & SL_STOPPED) != 0) {
        sl_server_close(s->server, server_closed);
        return;
    }
    if (s->good > 0 && (s->exporter->state & SL_DRAINED) == 0)
        s->exporter->type->drain(s->exporter, sl_worker_now_ms(&s->worker) + 1000);
    else if ((s->exporter->state & SL_DRAINED) != 0)
        finish_scene(s);
    CHECK_INT(sl_timer_start(timer, 5), SL_OK);
}

static void check_body(struct scene *s, struct sl_exchange *exchange)
{
    struct sl_buf *plain = NULL;
    struct sl_out expected = {0};
    struct sl_error error;
    struct sl_bytes coding =
        s->grpc ? sl_exchange_header(exchange, "grpc-encoding") : exchange->content_encoding;
    int codec = s->grpc && !exchange->compressed ? SL_CODEC_IDENTITY : sl_codec_find(coding);
    CHECK(codec >= 0);
    if (sl_inflate((enum sl_codec)codec, sl_buf_bytes(exchange->body), 1 << 20, NULL, &plain,
                   &error) != SL_OK)
        fail_msg("%s", error.text);
    CHECK_INT(s->json ? sl_batch_to_json(s->batch, &expected)
                      : sl_batch_encode(s->batch, &expected),
              SL_OK);
    CHECK_BYTES(sl_buf_bytes(plain), sl_out_view(&expected));
    sl_buf_unref(plain);
    sl_out_done(&expected);
}

static void end(void *arg, struct sl_exchange *exchange)
{
    struct scene *s = arg;
    struct sl_response response = {.status = 200, .grpc = s->grpc};
    s->requests++;
    check_body(s, exchange);
    if (s->failures_left > 0) {
        s->failures_left--;
        response.status = 503;
        response.grpc_status = SL_GRPC_UNAVAILABLE;
    } else {
        s->good++;
    }
    sl_exchange_respond(exchange, &response);
}

static void fail_body(void *arg, struct sl_exchange *exchange, int status, const char *why)
{
    (void)arg;
    (void)exchange;
    fail_msg("%d: %s", status, why);
}

static void gone(void *arg, struct sl_exchange *exchange)
{
    (void)arg;
    (void)exchange;
}

static const struct sl_handler handler = {
    .begin = begin, .end = end, .fail = fail_body, .gone = gone};

static void accepted(void *arg, struct sl_stream *stream)
{
    sl_server_accept(((struct scene *)arg)->server, stream);
}

static void ignore(void *arg, const struct sl_result *result)
{
    (void)arg;
    CHECK_INT(result->outcome, SL_RESULT_OK);
}

static void open_scene(struct scene *s)
{
    struct sl_server_config config = sl_server_defaults();
    struct sl_error error;
    CHECK_INT(sl_worker_init(&s->worker, 0, 1, NULL, &error), SL_OK);
    s->server = sl_server_new(&s->worker, &config, &handler, s);
    s->listeners = sl_listeners_new(&s->worker);
    CHECK(s->server != NULL && s->listeners != NULL);
    if (sl_listener_open(s->listeners, "127.0.0.1:0", &s->listener, &error) != SL_OK)
        fail_msg("%s", error.text);
    CHECK_INT(sl_listener_attach(s->listener, &s->worker, accepted, s), SL_OK);
    sl_timer_init(&s->watchdog, &s->worker, on_timer);
    CHECK_INT(sl_timer_start(&s->watchdog, 5), SL_OK);
}

static struct sl_batch *make_batch(void)
{
    static const char json[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"s\"},\"spans\":[{"
        "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
        "\"name\":\"pay\",\"kind\":2}]}]}]}";
    struct sl_out wire = {0};
    struct sl_batch *batch = NULL;
    struct sl_error error;
    CHECK_INT(sl_json_to_wire(&sl_msg_trace_request, sl_text(json), &wire, &error), SL_OK);
    struct sl_buf *body = sl_buf_new(NULL, wire.size);
    CHECK_INT(sl_buf_append(body, wire.data, wire.size, 0), SL_OK);
    CHECK_INT(sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error), SL_OK);
    sl_buf_unref(body);
    sl_out_done(&wire);
    return batch;
}

static void run(const struct sl_component_type *type, const char *settings, unsigned failures)
{
    struct scene s = {.grpc = type == &otlp_exporter, .failures_left = failures};
    struct loaded l;
    struct sl_error error;
    char yaml[512];
    open_scene(&s);
    s.json = strstr(settings, "json") != NULL;
    (void)snprintf(yaml, sizeof yaml, "endpoint: http://127.0.0.1:%d%s\n%s\n",
                   sl_listener_port(s.listener), s.grpc ? "" : "/base/", settings);
    load(&l, type, yaml);
    if (l.diag.errors > 0)
        fail_msg("%s", l.diag.first->text);
    struct sl_meters *meters = sl_meters_new();
    s.exporter = calloc(1, type->size);
    *s.exporter = (struct sl_component){.type = type,
                                        .id = type->name,
                                        .config = l.config,
                                        .worker = &s.worker,
                                        .signals = SL_ALL_SIGNALS,
                                        .meter = sl_meter_new(meters, "exporter", type->name)};
    if (type->create(s.exporter, &error) != SL_OK)
        fail_msg("%s", error.text);
    s.batch = make_batch();
    type->consume(s.exporter, sl_delivery_new(sl_batch_ref(s.batch), NULL, ignore, NULL));
    sl_worker_run(&s.worker);
    CHECK_INT(s.requests, failures + 1);
    CHECK_INT(s.good, 1);
    CHECK_TEXT(s.header, "secret");
    CHECK_INT(sl_meters_total(meters, "exporter", SL_EV_SENT), 1);
    type->destroy(s.exporter);
    free(s.exporter);
    sl_batch_unref(s.batch);
    sl_server_free(s.server);
    sl_listeners_free(s.listeners);
    sl_timer_stop(&s.watchdog);
    sl_worker_done(&s.worker);
    sl_meters_free(meters);
    unload(&l);
}

#define COMMON "headers: {X-Tenant: secret}\nretry_on_failure: {initial_interval: 10ms}\n"

static void test_a_batch_arrives_by_grpc(void **state)
{
    (void)state;
    run(&otlp_exporter, COMMON, 0);
    run(&otlp_exporter, COMMON "compression: zstd\n", 0);
    run(&otlp_exporter, COMMON "compression: none\n", 2);
}

static void test_a_batch_arrives_by_http(void **state)
{
    (void)state;
    run(&otlphttp_exporter, COMMON, 0);
    run(&otlphttp_exporter, COMMON "encoding: json\ncompression: zstd\n", 1);
    run(&otlphttp_exporter, COMMON "compression: none\n", 2);
}

int main(void)
{
    struct sl_log_config quiet = {.level = SL_LOG_NONE, .fd = 2};
    sl_log_configure(&quiet);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_base_endpoint_with_a_signal_path_is_warned_of),
        cmocka_unit_test(test_the_checks_say_what_is_wrong),
        cmocka_unit_test(test_a_batch_arrives_by_grpc),
        cmocka_unit_test(test_a_batch_arrives_by_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
