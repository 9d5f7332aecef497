/* SPDX-License-Identifier: Apache-2.0 */
/* Sends OTLP over HTTP/1.1, protobuf or JSON: one POST a batch. Queue, batching
 * and retries are the sender's. */
#include <stdio.h>

#include "core/alloc.h"
#include "core/log.h"
#include "exporters/otlphttp/answer.h"
#include "exporters/shared/request.h"
#include "pipeline/sender.h"
#include "transport/client_http1.h"

enum { OWN_HEADERS = 3, MAX_RESPONSE = 64 * 1024, MAX_HEADERS = 64, SIGNALS = 3 };

struct compression_params {
    enum sl_presence presence;
    int64_t level;
};

struct otlphttp_config {
    const char *endpoint;
    const char *endpoints[SIGNALS]; /* traces, metrics, logs: used as they are */
    struct sl_otlp_tls_config tls;
    int encoding; /* enum sl_encoding */
    int compression;
    struct compression_params compression_params;
    struct sl_map headers;
    int64_t timeout_ms, max_conns_per_host, idle_conn_timeout_ms;
    const struct sl_node *auth, *proxy_url;
    struct sl_queue_config queue;
    struct sl_retry_config retry;
};

static const char *const encodings[] = {"proto", "json", NULL};

static const struct sl_field compression_fields[] = {SL_FIELD(INT, compression_params, level,
                                                              .preset = "0", .min = 0, .max = 22,
                                                              .doc = "0: the codec's default."),
                                                     SL_END};

static const struct sl_field fields[] = {
    SL_FIELD(TEXT, otlphttp_config, endpoint,
             .doc = "Base URL; /v1/traces, /v1/metrics or /v1/logs is added."),
    SL_FIELD_AS(TEXT, "traces_endpoint", otlphttp_config, endpoints[0],
                .doc = "Whole URL for traces; wins over endpoint."),
    SL_FIELD_AS(TEXT, "metrics_endpoint", otlphttp_config, endpoints[1],
                .doc = "Whole URL for metrics; wins over endpoint."),
    SL_FIELD_AS(TEXT, "logs_endpoint", otlphttp_config, endpoints[2],
                .doc = "Whole URL for logs; wins over endpoint."),
    SL_FIELD(GROUP, otlphttp_config, tls, .group = sl_otlp_tls_fields,
             .doc = "TLS is not supported in this version: use http:// endpoints."),
    SL_FIELD(ENUM, otlphttp_config, encoding, .preset = "proto", .names = encodings,
             .doc = "proto or json."),
    SL_FIELD(ENUM, otlphttp_config, compression, .preset = "gzip", .names = sl_otlp_compressions,
             .doc = "gzip, zstd, deflate or none."),
    SL_FIELD(GROUP, otlphttp_config, compression_params, .group = compression_fields,
             .flags = SL_F_ADVANCED, .doc = "How hard to compress."),
    SL_FIELD(MAP, otlphttp_config, headers, .element = &sl_otlp_header_element,
             .element_size = sizeof(const char *), .min = 0, .max = MAX_HEADERS,
             .doc = "Sent with every request."),
    SL_FIELD_AS(DURATION, "timeout", otlphttp_config, timeout_ms, .preset = "30s", .min = 1,
                .max = 3600000, .doc = "Time for one attempt, connecting included."),
    SL_FIELD(INT, otlphttp_config, max_conns_per_host, .preset = "0", .min = 0, .max = 10000,
             .share = SL_PER_WORKER, .flags = SL_F_ADVANCED,
             .doc = "Connections to one destination; 0: as many as num_consumers needs."),
    SL_FIELD_AS(DURATION, "idle_conn_timeout", otlphttp_config, idle_conn_timeout_ms,
                .preset = "90s", .min = 0, .max = 86400000, .flags = SL_F_ADVANCED,
                .doc = "An unused connection is closed after this time; 0: never."),
    SL_FIELD(NODE, otlphttp_config, auth, .flags = SL_F_ADVANCED,
             .doc = "Not supported in this version."),
    SL_FIELD(NODE, otlphttp_config, proxy_url, .flags = SL_F_ADVANCED,
             .doc = "Not supported in this version."),
    SL_FIELD_AS(GROUP, "sending_queue", otlphttp_config, queue, .group = sl_queue_fields,
                .doc = "Holds requests in memory until they are sent."),
    SL_FIELD_AS(GROUP, "retry_on_failure", otlphttp_config, retry, .group = sl_retry_fields,
                .doc = "Sending again after errors that may pass."),
    SL_IGNORED("profiles_endpoint", .doc = "No meaning here."),
    SL_IGNORED("max_idle_conns", .doc = "No meaning here."),
    SL_IGNORED("max_idle_conns_per_host", .doc = "No meaning here."),
    SL_IGNORED("disable_keep_alives", .doc = "No meaning here."),
    SL_IGNORED("force_attempt_http2", .doc = "No meaning here."),
    SL_IGNORED("http2_read_idle_timeout", .doc = "No meaning here."),
    SL_IGNORED("http2_ping_timeout", .doc = "No meaning here."),
    SL_IGNORED("cookies", .doc = "No meaning here."),
    SL_IGNORED("read_buffer_size", .doc = "No meaning here."),
    SL_IGNORED("write_buffer_size", .doc = "No meaning here."),
    SL_IGNORED("middlewares", .doc = "No meaning here."),
    SL_END};

static const char *const endpoint_keys[SIGNALS] = {"traces_endpoint", "metrics_endpoint",
                                                   "logs_endpoint"};
static const char *const signal_paths[SIGNALS] = {"/v1/traces", "/v1/metrics", "/v1/logs"};

struct destination {
    struct sl_url url; /* with the whole path */
    struct sl_http1_client *client;
};

struct otlphttp_exporter {
    struct sl_component base;
    struct destination destinations[SIGNALS];
    unsigned open_clients;
    struct sl_sender *sender;
    struct sl_arena arena;
    struct sl_header *headers;
    size_t header_count;
    bool warned_unreadable;
};

/* One attempt under way. */
struct exchange {
    struct otlphttp_exporter *exporter;
    struct sl_attempt *attempt;
    struct sl_http1_call *call;
};

static unsigned index_of(enum sl_signal signal)
{
    return signal == SL_TRACES ? 0 : signal == SL_METRICS ? 1 : 2;
}

/* ---- configuration ---- */

static void check_endpoint(const char *text, const char *key, const struct sl_node *node,
                           const char *path, struct sl_diag *diag)
{
    struct sl_url url;
    struct sl_error error;
    struct sl_place place = sl_otlp_place(node, key);
    const char *where = sl_arena_printf(&diag->arena, "%s.%s", path, key);
    if (text == NULL)
        return;
    if (sl_url_parse(text, 0, &url, &error) != SL_OK)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "%s", error.text);
    else if (url.scheme == SL_URL_HTTPS)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where,
                    "TLS is not supported in this version; use an http:// endpoint");
    else if (url.scheme == SL_URL_NONE)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "'%s' needs a scheme: http://%s", text,
                    text);
}

/* The base endpoint with a signal's path behind it, as the variables of SDKs have it. */
static void check_base(const char *text, const struct sl_node *node, const char *path,
                       struct sl_diag *diag)
{
    static const char *const paths[] = {"/v1/traces", "/v1/metrics", "/v1/logs"};
    for (size_t i = 0; text != NULL && i < SIGNALS; i++) {
        size_t size = strlen(text), end = strlen(paths[i]);
        if (size < end || strcmp(text + size - end, paths[i]) != 0)
            continue;
        const char *where = sl_arena_printf(&diag->arena, "%s.endpoint", path);
        sl_diag_add(diag, SL_DIAG_WARNING, sl_otlp_place(node, "endpoint"), where,
                    "the signal's path is added to it: %s%s; leave it out, or use %s", text,
                    paths[i], endpoint_keys[i]);
    }
}

static void check(const void *data, const struct sl_node *node, const char *path,
                  struct sl_diag *diag)
{
    static const char *const own[] = {"content-type",      "content-encoding", "content-length",
                                      "transfer-encoding", "connection",       NULL};
    const struct otlphttp_config *config = data;
    bool any = config->endpoint != NULL;
    check_endpoint(config->endpoint, "endpoint", node, path, diag);
    check_base(config->endpoint, node, path, diag);
    for (unsigned i = 0; i < SIGNALS; i++) {
        any |= config->endpoints[i] != NULL;
        check_endpoint(config->endpoints[i], endpoint_keys[i], node, path, diag);
    }
    if (!any)
        sl_diag_add(diag, SL_DIAG_ERROR, node != NULL ? node->place : (struct sl_place){0}, path,
                    "needs 'endpoint' or an endpoint for each signal");
    sl_otlp_check_headers(&config->headers, own, node, path, diag);
    sl_otlp_check_compression(config->compression, node, path, diag);
    bool zlib = config->compression == 1 || config->compression == 3;
    if (zlib && config->compression_params.level > 9)
        sl_diag_add(diag, SL_DIAG_ERROR, sl_otlp_place(node, "compression_params"), path,
                    "compression_params.level of gzip and deflate is at most 9");
    sl_otlp_refuse(config->auth, "auth", path, diag);
    sl_otlp_refuse(config->proxy_url, "proxy_url", path, diag);
    sl_sender_check(&config->queue, &config->retry, node, path, diag);
}

/* ---- one attempt ---- */

static void answered(void *arg, const struct sl_client_response *response)
{
    struct exchange *exchange = arg;
    struct otlphttp_exporter *self = exchange->exporter;
    struct sl_attempt *attempt = exchange->attempt;
    struct sl_http_answer answer;
    sl_http_answer_read(response, attempt->batch->signal, sl_worker_wall_ns(self->base.worker),
                        &answer);
    if (answer.unreadable && !self->warned_unreadable) {
        self->warned_unreadable = true;
        sl_log(SL_LOG_WARN, self->base.id,
               "the server says OK with a body that is no OTLP response; taken as success, but "
               "check that the endpoint is right");
    }
    attempt->exporter_data = NULL;
    sl_free(exchange);
    sl_attempt_done(attempt, &answer.result);
}

static bool fill_cache(struct otlphttp_exporter *self, struct sl_attempt *attempt)
{
    const struct otlphttp_config *config = self->base.config;
    struct sl_otlp_form form = {.encoding = (enum sl_encoding)config->encoding,
                                .codec = (enum sl_codec)sl_otlp_codec(config->compression),
                                .level = (int)config->compression_params.level};
    if (attempt->cache == NULL)
        attempt->cache = sl_otlp_encode(attempt->batch, &form, self->base.worker->budget);
    return attempt->cache != NULL;
}

static struct sl_http1_call *start_call(struct otlphttp_exporter *self, struct exchange *exchange)
{
    const struct otlphttp_config *config = self->base.config;
    struct sl_attempt *attempt = exchange->attempt;
    struct destination *to = &self->destinations[index_of(attempt->batch->signal)];
    struct sl_client_request request = {
        .path = sl_text(to->url.path),
        .authority = sl_text(to->url.authority),
        .headers = self->headers,
        .header_count = self->header_count,
        .body = attempt->cache,
        .timeout_ms = sl_otlp_time_left((uint64_t)config->timeout_ms, attempt->deadline_ms,
                                        sl_worker_now_ms(self->base.worker)),
    };
    return sl_http1_client_send(to->client, &request, answered, exchange);
}

static void send_attempt(struct sl_component *component, struct sl_attempt *attempt)
{
    struct otlphttp_exporter *self = (struct otlphttp_exporter *)component;
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
    sl_http1_call_cancel(exchange->call);
    sl_free(exchange);
    attempt->exporter_data = NULL;
    sl_attempt_done(attempt, &cancelled);
}

/* ---- life ---- */

static const struct sl_sender_ops sender_ops = {.send = send_attempt, .cancel = cancel_attempt};

static int make_headers(struct otlphttp_exporter *self, const struct otlphttp_config *config)
{
    struct sl_header *all = sl_otlp_headers(&config->headers, OWN_HEADERS, &self->arena);
    if (all == NULL)
        return SL_ENOMEM;
    int codec = sl_otlp_codec(config->compression);
    bool own_agent = true;
    for (size_t i = 0; i < config->headers.count; i++)
        own_agent &= !sl_bytes_is(all[OWN_HEADERS + i].name, "user-agent");
    /* Filled from the back, as the last two may be left out. */
    size_t first = OWN_HEADERS;
    all[--first] = (struct sl_header){
        SL_LIT("content-type"),
        sl_text(config->encoding == SL_JSON ? "application/json" : "application/x-protobuf")};
    if (own_agent)
        all[--first] = (struct sl_header){SL_LIT("user-agent"), sl_text(sl_otlp_user_agent)};
    if (codec != SL_CODEC_IDENTITY)
        all[--first] = (struct sl_header){SL_LIT("content-encoding"),
                                          sl_text(sl_codec_name((enum sl_codec)codec))};
    self->headers = all + first;
    self->header_count = OWN_HEADERS - first + config->headers.count;
    return SL_OK;
}

/* "http://host/base/" + "/v1/traces" */
static int find_url(const struct otlphttp_config *config, unsigned i, struct sl_url *ret_url,
                    struct sl_error *reterr)
{
    bool whole = config->endpoints[i] != NULL;
    const char *text = whole ? config->endpoints[i] : config->endpoint;
    if (text == NULL)
        return sl_fail(reterr, SL_EINVALID, "neither 'endpoint' nor '%s' is given",
                       endpoint_keys[i]);
    int rc = sl_url_parse(text, 0, ret_url, reterr);
    if (rc != SL_OK)
        return rc;
    char *path = ret_url->path;
    size_t size = strlen(path);
    if (whole) {
        if (size == 0)
            (void)snprintf(path, sizeof ret_url->path, "/");
        return SL_OK;
    }
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (size + strlen(signal_paths[i]) >= sizeof ret_url->path)
        return sl_fail(reterr, SL_ELIMIT, "the path of 'endpoint' is too long");
    (void)snprintf(path + size, sizeof ret_url->path - size, "%s", signal_paths[i]);
    return SL_OK;
}

static int add_destination(struct otlphttp_exporter *self, const struct otlphttp_config *config,
                           unsigned i, struct sl_error *reterr)
{
    struct destination *to = &self->destinations[i];
    int rc = find_url(config, i, &to->url, reterr);
    if (rc != SL_OK)
        return rc;
    struct sl_client_options options = {
        .address = to->url.address,
        .max_connections = (unsigned)config->max_conns_per_host,
        .idle_timeout_ms = (uint64_t)config->idle_conn_timeout_ms,
        .max_response = MAX_RESPONSE,
    };
    for (unsigned k = 0; k < i && to->client == NULL; k++)
        if (self->destinations[k].client != NULL &&
            strcmp(self->destinations[k].url.address, to->url.address) == 0)
            to->client = self->destinations[k].client;
    if (to->client == NULL) {
        to->client = sl_http1_client_new(self->base.worker, &options);
        self->open_clients += to->client != NULL;
    }
    return to->client != NULL ? SL_OK : sl_fail(reterr, SL_ENOMEM, "out of memory");
}

static int create(struct sl_component *component, struct sl_error *reterr)
{
    struct otlphttp_exporter *self = (struct otlphttp_exporter *)component;
    const struct otlphttp_config *config = component->config;
    for (unsigned i = 0; i < SIGNALS; i++) {
        if ((component->signals & 1u << i) == 0)
            continue;
        int rc = add_destination(self, config, i, reterr);
        if (rc != SL_OK)
            return rc;
    }
    if (make_headers(self, config) == SL_OK)
        self->sender = sl_sender_new(component, &config->queue, &config->retry, &sender_ops);
    return self->sender != NULL ? SL_OK : sl_fail(reterr, SL_ENOMEM, "out of memory");
}

static void consume(struct sl_component *component, struct sl_delivery *delivery)
{
    sl_sender_consume(((struct otlphttp_exporter *)component)->sender, delivery);
}

static bool reserve(struct sl_component *component, size_t items, size_t bytes,
                    struct sl_result *ret_refusal)
{
    return sl_sender_reserve(((struct otlphttp_exporter *)component)->sender, items, bytes,
                             ret_refusal);
}

static void release(struct sl_component *component, size_t items, size_t bytes)
{
    sl_sender_release(((struct otlphttp_exporter *)component)->sender, items, bytes);
}

static void drain(struct sl_component *component, uint64_t deadline_ms)
{
    sl_sender_drain(((struct otlphttp_exporter *)component)->sender, deadline_ms);
}

static void close_clients(struct otlphttp_exporter *self, void (*closed)(void *arg))
{
    struct sl_http1_client *clients[SIGNALS];
    unsigned count = 0;
    for (unsigned i = 0; i < SIGNALS; i++) {
        struct sl_http1_client *client = self->destinations[i].client;
        bool seen = client == NULL;
        for (unsigned k = 0; k < count; k++)
            seen |= clients[k] == client;
        if (!seen)
            clients[count++] = client;
        self->destinations[i].client = NULL;
    }
    for (unsigned k = 0; k < count; k++)
        sl_http1_client_close(clients[k], closed, self);
}

static void client_closed(void *arg)
{
    struct otlphttp_exporter *self = arg;
    if (--self->open_clients == 0)
        sl_component_stopped(&self->base);
}

static void sender_stopped(struct sl_component *component)
{
    struct otlphttp_exporter *self = (struct otlphttp_exporter *)component;
    if (self->open_clients == 0)
        sl_component_stopped(component);
    else
        close_clients(self, client_closed);
}

static void stop(struct sl_component *component)
{
    sl_sender_stop(((struct otlphttp_exporter *)component)->sender, sender_stopped);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void destroy(struct sl_component *component)
{
    struct otlphttp_exporter *self = (struct otlphttp_exporter *)component;
    sl_sender_free(self->sender);
    close_clients(self, ignore); /* those never started: they have no connections */
    sl_arena_done(&self->arena);
}

const struct sl_component_type otlphttp_exporter = {
    .name = "otlphttp",
    .aliases = "otlp_http",
    .doc = "Sends telemetry by OTLP over HTTP, protobuf or JSON.",
    .kind = SL_EXPORTER,
    .placement = SL_EVERY_WORKER,
    .stability = SL_ALPHA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct otlphttp_exporter),
    .config_size = sizeof(struct otlphttp_config),
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
