/* SPDX-License-Identifier: Apache-2.0 */
/* Sends OTLP over gRPC: one HTTP/2 connection, one unary Export a batch. Queue,
 * batching and retries are the sender's. */
#include "core/alloc.h"
#include "core/log.h"
#include "exporters/otlp/answer.h"
#include "exporters/shared/request.h"
#include "pipeline/sender.h"
#include "transport/client_http2.h"
#include "transport/grpc.h"

enum { OWN_HEADERS = 5, MAX_RESPONSE = 4 * 1024 * 1024, MAX_HEADERS = 64 };

struct otlp_config {
    const char *endpoint;
    struct sl_otlp_tls_config tls;
    int compression;
    struct sl_map headers;
    int64_t timeout_ms;
    const char *user_agent, *authority;
    struct sl_list retryable_codes;
    const struct sl_node *auth;
    struct sl_queue_config queue;
    struct sl_retry_config retry;
};

static const struct sl_field code_element = {
    .name = "code", .type = SL_T_ENUM, .names = sl_grpc_status_names};

static const struct sl_field fields[] = {
    SL_FIELD(TEXT, otlp_config, endpoint, .flags = SL_F_REQUIRED,
             .doc = "host:port, http://host:port, dns:///host:port or unix:///path."),
    SL_FIELD(GROUP, otlp_config, tls, .group = sl_otlp_tls_fields,
             .doc = "TLS is not supported in this version: set insecure, or use http://."),
    SL_FIELD(ENUM, otlp_config, compression, .preset = "gzip", .names = sl_otlp_compressions,
             .doc = "gzip, zstd or none."),
    SL_FIELD(MAP, otlp_config, headers, .element = &sl_otlp_header_element,
             .element_size = sizeof(const char *), .min = 0, .max = MAX_HEADERS,
             .doc = "Sent with every request as gRPC metadata."),
    SL_FIELD_AS(DURATION, "timeout", otlp_config, timeout_ms, .preset = "5s", .min = 1,
                .max = 3600000, .doc = "Time for one attempt, connecting included."),
    SL_FIELD(TEXT, otlp_config, user_agent, .flags = SL_F_ADVANCED,
             .doc = "Instead of Sluice/<version> (<os>/<arch>)."),
    SL_FIELD(TEXT, otlp_config, authority, .flags = SL_F_ADVANCED,
             .doc = "The :authority header, when it is not the endpoint."),
    SL_FIELD(LIST, otlp_config, retryable_codes, .element = &code_element,
             .element_size = sizeof(int), .min = 0, .max = 17, .flags = SL_F_ADVANCED,
             .doc = "gRPC codes to retry beside those that OTLP names."),
    SL_FIELD(NODE, otlp_config, auth, .flags = SL_F_ADVANCED,
             .doc = "Not supported in this version."),
    SL_FIELD_AS(GROUP, "sending_queue", otlp_config, queue, .group = sl_queue_fields,
                .doc = "Holds requests in memory until they are sent."),
    SL_FIELD_AS(GROUP, "retry_on_failure", otlp_config, retry, .group = sl_retry_fields,
                .doc = "Sending again after errors that may pass."),
    SL_IGNORED("wait_for_ready", .doc = "No meaning here."),
    SL_IGNORED("balancer_name", .doc = "No meaning here."),
    SL_IGNORED("keepalive", .doc = "No meaning here."),
    SL_IGNORED("read_buffer_size", .doc = "No meaning here."),
    SL_IGNORED("write_buffer_size", .doc = "No meaning here."),
    SL_IGNORED("middlewares", .doc = "No meaning here."),
    SL_END};

struct otlp_exporter {
    struct sl_component base;
    struct sl_url url;
    struct sl_sender *sender;
    struct sl_http2_client *client;
    struct sl_arena arena;
    struct sl_header *headers; /* OWN_HEADERS places, then the configured ones */
    size_t header_count;
    struct sl_bytes authority;
    uint32_t retryable;
    bool warned_unreadable;
};

/* One attempt under way. */
struct exchange {
    struct otlp_exporter *exporter;
    struct sl_attempt *attempt;
    struct sl_http2_call *call;
};

/* ---- configuration ---- */

static void check_endpoint(const struct otlp_config *config, const struct sl_node *node,
                           const char *path, struct sl_diag *diag)
{
    struct sl_url url;
    struct sl_error error;
    struct sl_place place = sl_otlp_place(node, "endpoint");
    const char *where = sl_arena_printf(&diag->arena, "%s.endpoint", path);
    if (config->endpoint == NULL)
        return;
    if (sl_url_parse(config->endpoint, 0, &url, &error) != SL_OK)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "%s", error.text);
    else if (url.scheme == SL_URL_HTTPS)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where,
                    "TLS is not supported in this version; use an http:// endpoint");
    else if (url.scheme == SL_URL_NONE && !config->tls.insecure)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where,
                    "TLS is the default here and not supported in this version; to send without "
                    "it set 'tls: {insecure: true}' or use an http:// endpoint");
    else if (url.path[0] != '\0' && strcmp(url.path, "/") != 0)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "a gRPC endpoint has no path");
}

static void check(const void *data, const struct sl_node *node, const char *path,
                  struct sl_diag *diag)
{
    static const char *const own[] = {"content-type",
                                      "te",
                                      "grpc-encoding",
                                      "grpc-timeout",
                                      "grpc-accept-encoding",
                                      "user-agent",
                                      "host",
                                      "connection",
                                      "transfer-encoding",
                                      "content-length",
                                      NULL};
    const struct otlp_config *config = data;
    check_endpoint(config, node, path, diag);
    sl_otlp_check_headers(&config->headers, own, node, path, diag);
    sl_otlp_check_compression(config->compression, node, path, diag);
    sl_otlp_refuse(config->auth, "auth", path, diag);
    sl_sender_check(&config->queue, &config->retry, node, path, diag);
}

/* ---- one attempt ---- */

static struct sl_bytes method_path(enum sl_signal signal)
{
    switch (signal) {
    case SL_METRICS:
        return SL_LIT("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
    case SL_LOGS:
        return SL_LIT("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
    default:
        return SL_LIT("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    }
}

static void answered(void *arg, const struct sl_client_response *response)
{
    struct exchange *exchange = arg;
    struct otlp_exporter *self = exchange->exporter;
    struct sl_attempt *attempt = exchange->attempt;
    struct sl_grpc_answer answer;
    sl_grpc_answer_read(response, attempt->batch->signal, self->retryable, &answer);
    if (answer.unreadable && !self->warned_unreadable) {
        self->warned_unreadable = true;
        sl_log(SL_LOG_WARN, self->base.id,
               "the server says OK with a response that cannot be read; taken as success");
    }
    attempt->exporter_data = NULL;
    sl_free(exchange);
    sl_attempt_done(attempt, &answer.result);
}

/* The request in its gRPC frame, made once for all attempts. */
static bool fill_cache(struct otlp_exporter *self, struct sl_attempt *attempt)
{
    const struct otlp_config *config = self->base.config;
    struct sl_otlp_form form = {.encoding = SL_PROTOBUF,
                                .codec = (enum sl_codec)sl_otlp_codec(config->compression),
                                .prefix = SL_GRPC_PREFIX};
    if (attempt->cache != NULL)
        return true;
    attempt->cache = sl_otlp_encode(attempt->batch, &form, self->base.worker->budget);
    if (attempt->cache == NULL)
        return false;
    sl_grpc_write_prefix(attempt->cache->data, form.codec != SL_CODEC_IDENTITY,
                         (uint32_t)(attempt->cache->size - SL_GRPC_PREFIX));
    return true;
}

static struct sl_http2_call *start_call(struct otlp_exporter *self, struct exchange *exchange)
{
    const struct otlp_config *config = self->base.config;
    struct sl_attempt *attempt = exchange->attempt;
    struct sl_out timeout = {0};
    uint64_t left_ms = sl_otlp_time_left((uint64_t)config->timeout_ms, attempt->deadline_ms,
                                         sl_worker_now_ms(self->base.worker));
    sl_grpc_timeout_write(left_ms, &timeout);
    self->headers[0].value = sl_out_view(&timeout);
    struct sl_client_request request = {.path = method_path(attempt->batch->signal),
                                        .authority = self->authority,
                                        .headers = self->headers,
                                        .header_count = self->header_count,
                                        .body = attempt->cache,
                                        .timeout_ms = left_ms};
    struct sl_http2_call *call =
        timeout.failed ? NULL : sl_http2_client_send(self->client, &request, answered, exchange);
    sl_out_done(&timeout);
    return call;
}

static void send_attempt(struct sl_component *component, struct sl_attempt *attempt)
{
    struct otlp_exporter *self = (struct otlp_exporter *)component;
    struct exchange *exchange = sl_malloc(sizeof *exchange);
    if (exchange != NULL) {
        *exchange = (struct exchange){.exporter = self, .attempt = attempt};
        if (fill_cache(self, attempt))
            exchange->call = start_call(self, exchange);
    }
    if (exchange == NULL || exchange->call == NULL) {
        struct sl_result later = sl_result_of(SL_RESULT_RETRY, "out of memory");
        sl_free(exchange);
        sl_attempt_done(attempt, &later);
        return;
    }
    attempt->exporter_data = exchange;
}

static void cancel_attempt(struct sl_component *component, struct sl_attempt *attempt)
{
    (void)component;
    struct exchange *exchange = attempt->exporter_data;
    struct sl_result cancelled = sl_result_of(SL_RESULT_SHUTDOWN, "cancelled");
    sl_http2_call_cancel(exchange->call);
    sl_free(exchange);
    attempt->exporter_data = NULL;
    sl_attempt_done(attempt, &cancelled);
}

/* ---- life ---- */

static const struct sl_sender_ops sender_ops = {.send = send_attempt, .cancel = cancel_attempt};

static int make_headers(struct otlp_exporter *self, const struct otlp_config *config)
{
    self->headers = sl_otlp_headers(&config->headers, OWN_HEADERS, &self->arena);
    if (self->headers == NULL)
        return SL_ENOMEM;
    int codec = sl_otlp_codec(config->compression);
    const char *agent = config->user_agent != NULL ? config->user_agent : sl_otlp_user_agent;
    self->headers[0].name = SL_LIT("grpc-timeout"); /* its value is set for each request */
    self->headers[1] = (struct sl_header){SL_LIT("te"), SL_LIT("trailers")};
    self->headers[2] = (struct sl_header){SL_LIT("content-type"), SL_LIT("application/grpc")};
    self->headers[3] = (struct sl_header){SL_LIT("user-agent"), sl_text(agent)};
    self->headers[4] =
        (struct sl_header){SL_LIT("grpc-encoding"), sl_text(sl_codec_name((enum sl_codec)codec))};
    self->header_count = OWN_HEADERS + config->headers.count;
    return SL_OK;
}

static int create(struct sl_component *component, struct sl_error *reterr)
{
    struct otlp_exporter *self = (struct otlp_exporter *)component;
    const struct otlp_config *config = component->config;
    int rc = sl_url_parse(config->endpoint, 0, &self->url, reterr);
    if (rc != SL_OK)
        return rc;
    self->authority = sl_text(config->authority != NULL ? config->authority : self->url.authority);
    self->retryable = sl_grpc_retryable_codes();
    for (size_t i = 0; i < config->retryable_codes.count; i++)
        self->retryable |= 1u << ((const int *)config->retryable_codes.items)[i];
    struct sl_client_options options = {.address = self->url.address, .max_response = MAX_RESPONSE};
    if (make_headers(self, config) == SL_OK)
        self->client = sl_http2_client_new(component->worker, &options);
    if (self->client != NULL)
        self->sender = sl_sender_new(component, &config->queue, &config->retry, &sender_ops);
    return self->sender != NULL ? SL_OK : sl_fail(reterr, SL_ENOMEM, "out of memory");
}

static void consume(struct sl_component *component, struct sl_delivery *delivery)
{
    sl_sender_consume(((struct otlp_exporter *)component)->sender, delivery);
}

static bool reserve(struct sl_component *component, size_t items, size_t bytes,
                    struct sl_result *ret_refusal)
{
    return sl_sender_reserve(((struct otlp_exporter *)component)->sender, items, bytes,
                             ret_refusal);
}

static void release(struct sl_component *component, size_t items, size_t bytes)
{
    sl_sender_release(((struct otlp_exporter *)component)->sender, items, bytes);
}

static void drain(struct sl_component *component, uint64_t deadline_ms)
{
    sl_sender_drain(((struct otlp_exporter *)component)->sender, deadline_ms);
}

static void client_closed(void *arg)
{
    sl_component_stopped(arg);
}

static void sender_stopped(struct sl_component *component)
{
    struct otlp_exporter *self = (struct otlp_exporter *)component;
    struct sl_http2_client *client = self->client;
    self->client = NULL;
    sl_http2_client_close(client, client_closed, component);
}

static void stop(struct sl_component *component)
{
    sl_sender_stop(((struct otlp_exporter *)component)->sender, sender_stopped);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void destroy(struct sl_component *component)
{
    struct otlp_exporter *self = (struct otlp_exporter *)component;
    sl_sender_free(self->sender);
    if (self->client != NULL) /* never started: it has no connection */
        sl_http2_client_close(self->client, ignore, NULL);
    sl_arena_done(&self->arena);
}

const struct sl_component_type otlp_exporter = {
    .name = "otlp",
    .aliases = "otlp_grpc",
    .doc = "Sends telemetry by OTLP over gRPC.",
    .kind = SL_EXPORTER,
    .placement = SL_EVERY_WORKER,
    .stability = SL_ALPHA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct otlp_exporter),
    .config_size = sizeof(struct otlp_config),
    .fields = fields,
    .check = check,
    .create = create,
    .consume = consume,
    .reserve = reserve,
    .release = release,
    .drain = drain,
    .stop = stop,
    .destroy = destroy,
};
