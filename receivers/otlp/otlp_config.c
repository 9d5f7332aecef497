/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the otlp receiver: the Collector's, with its defaults except where a default of
 * "no limit" would let one client hold the process. */
#include <stdio.h>

#include "receivers/otlp/otlp_private.h"
#include "transport/endpoint.h"

static const char *const transports[] = {"tcp", "unix", NULL};
static const char *const codings[] = {"", "gzip", "zstd", "zlib", "deflate", NULL};

static const struct sl_field coding = {.type = SL_T_ENUM, .names = codings};
static const struct sl_field header_value = {.type = SL_T_TEXT};

static const struct sl_field server_parameters[] = {
    SL_FIELD_AS(DURATION, "max_connection_idle", otlp_server_parameters, max_connection_idle_ms,
                .preset = "2m",
                .doc = "A connection without a call is closed after this; 0: never."),
    SL_FIELD_AS(DURATION, "max_connection_age", otlp_server_parameters, max_connection_age_ms,
                .preset = "0s",
                .doc = "A connection is asked to go (GOAWAY) at this age, +-10 %; 0: never."),
    SL_FIELD_AS(DURATION, "max_connection_age_grace", otlp_server_parameters,
                max_connection_age_grace_ms, .preset = "0s",
                .doc = "Time for calls in flight after that; 0: as long as they take."),
    SL_IGNORED("time", .doc = "Keepalive pings are answered, not sent."),
    SL_IGNORED("timeout", .doc = "Keepalive pings are answered, not sent."),
    SL_END,
};

static const struct sl_field keepalive[] = {
    SL_FIELD(GROUP, otlp_keepalive, server_parameters, .group = server_parameters,
             .doc = "When connections end."),
    SL_IGNORED("enforcement_policy", .doc = "Clients may ping as often as they like."),
    SL_END,
};

#define NOT_BUILT(s, m)                                                                            \
    SL_FIELD(NODE, s, m, .flags = SL_F_ADVANCED, .doc = "Not supported in this version: an error.")

static const struct sl_field grpc_fields[] = {
    SL_FIELD(TEXT, otlp_grpc_config, endpoint, .preset = "localhost:4317",
             .doc = "host:port to listen on; with transport unix a path."),
    SL_FIELD(ENUM, otlp_grpc_config, transport, .names = transports, .preset = "tcp",
             .doc = "Kind of socket."),
    SL_FIELD(INT, otlp_grpc_config, max_recv_msg_size_mib, .preset = "4", .min = 1, .max = 1024,
             .doc = "Largest message in MiB, as sent and inflated; more is RESOURCE_EXHAUSTED."),
    SL_FIELD(INT, otlp_grpc_config, max_concurrent_streams, .preset = "100", .min = 1,
             .max = 100000, .doc = "Calls at a time on one connection."),
    SL_FIELD(INT, otlp_grpc_config, max_connections, .preset = "10000", .min = 1, .max = 1000000,
             .flags = SL_F_ADVANCED, .share = SL_DIVIDED,
             .doc = "Connections at a time; more are closed."),
    SL_FIELD(BOOL, otlp_grpc_config, include_metadata, .preset = "false",
             .doc = "Keep request metadata for processors and exporters."),
    SL_FIELD(GROUP, otlp_grpc_config, keepalive, .group = keepalive, .flags = SL_F_ADVANCED,
             .doc = "How long connections live."),
    SL_IGNORED("read_buffer_size", .doc = "Buffers are not sized by hand."),
    SL_IGNORED("write_buffer_size", .doc = "Buffers are not sized by hand."),
    NOT_BUILT(otlp_grpc_config, tls),
    NOT_BUILT(otlp_grpc_config, auth),
    NOT_BUILT(otlp_grpc_config, middlewares),
    SL_END,
};

static const struct sl_field http_fields[] = {
    SL_FIELD(TEXT, otlp_http_config, endpoint, .preset = "localhost:4318",
             .doc = "host:port to listen on; with transport unix a path."),
    SL_FIELD(ENUM, otlp_http_config, transport, .names = transports, .preset = "tcp",
             .doc = "Kind of socket."),
    SL_FIELD(TEXT, otlp_http_config, traces_url_path, .preset = "/v1/traces",
             .doc = "Path for traces."),
    SL_FIELD(TEXT, otlp_http_config, metrics_url_path, .preset = "/v1/metrics",
             .doc = "Path for metrics."),
    SL_FIELD(TEXT, otlp_http_config, logs_url_path, .preset = "/v1/logs", .doc = "Path for logs."),
    SL_FIELD(SIZE, otlp_http_config, max_request_body_size, .preset = "20MiB", .min = 0,
             .max = INT64_C(1) << 32,
             .doc = "Largest body, as sent and inflated; more is answered 413. 0: the default."),
    SL_FIELD(INT, otlp_http_config, max_connections, .preset = "10000", .min = 1, .max = 1000000,
             .flags = SL_F_ADVANCED, .share = SL_DIVIDED,
             .doc = "Connections at a time; more are closed."),
    SL_FIELD(BOOL, otlp_http_config, include_metadata, .preset = "false",
             .doc = "Keep request headers for processors and exporters."),
    SL_FIELD(MAP, otlp_http_config, response_headers, .element = &header_value,
             .element_size = sizeof(const char *), .max = 16, .flags = SL_F_ADVANCED,
             .doc = "Added to every answer."),
    SL_FIELD(LIST, otlp_http_config, compression_algorithms, .element = &coding,
             .element_size = sizeof(int), .max = 16, .preset = "['', gzip, zstd, zlib, deflate]",
             .flags = SL_F_ADVANCED,
             .doc = "Content codings that are accepted; [] turns them off."),
    SL_FIELD(BOOL, otlp_http_config, keep_alives_enabled, .preset = "true", .flags = SL_F_ADVANCED,
             .doc = "Whether a connection serves more than one request."),
    SL_FIELD_AS(DURATION, "read_timeout", otlp_http_config, read_timeout_ms, .preset = "0s",
                .flags = SL_F_ADVANCED,
                .doc = "For a whole request to arrive; 0: none. A body that is silent for 30 s "
                       "ends it anyway."),
    SL_FIELD_AS(DURATION, "read_header_timeout", otlp_http_config, read_header_timeout_ms,
                .preset = "10s", .flags = SL_F_ADVANCED,
                .doc = "For the head of a request to arrive; 0: none."),
    SL_FIELD_AS(DURATION, "write_timeout", otlp_http_config, write_timeout_ms, .preset = "30s",
                .flags = SL_F_ADVANCED,
                .doc = "For a client that does not read its answers; 0: none."),
    SL_FIELD_AS(DURATION, "idle_timeout", otlp_http_config, idle_timeout_ms, .preset = "2m",
                .flags = SL_F_ADVANCED, .doc = "Between requests of a connection; 0: none."),
    NOT_BUILT(otlp_http_config, tls),
    NOT_BUILT(otlp_http_config, auth),
    NOT_BUILT(otlp_http_config, cors),
    NOT_BUILT(otlp_http_config, middlewares),
    SL_END,
};

static const struct sl_field protocols[] = {
    SL_FIELD(GROUP, otlp_protocols, grpc, .group = grpc_fields, .flags = SL_F_OPTIONAL,
             .doc = "OTLP/gRPC. Its port takes OTLP/HTTP too."),
    SL_FIELD(GROUP, otlp_protocols, http, .group = http_fields, .flags = SL_F_OPTIONAL,
             .doc = "OTLP/HTTP, protobuf and JSON. Its port takes OTLP/gRPC too."),
    SL_END,
};

const struct sl_field otlp_fields[] = {
    SL_FIELD(GROUP, otlp_config, protocols, .group = protocols,
             .doc = "Where to listen; at least one of grpc and http."),
    SL_END,
};

/* ---- what the table cannot say ---- */

struct checking {
    const struct sl_node *protocols;
    struct sl_place place; /* of the receiver */
    const char *path;
    struct sl_diag *diag;
};

static void complain(const struct checking *c, const char *protocol, const char *key,
                     const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s.protocols%s%s%s%s", c->path, protocol[0] ? "." : "",
                   protocol, key[0] ? "." : "", key);
    const struct sl_node *at = c->protocols, *inner;
    struct sl_place place = at != NULL ? at->place : c->place;
    if (at != NULL && (inner = sl_node_find(at, protocol)) != NULL) {
        at = inner;
        place = at->key_place;
        if ((inner = sl_node_find(at, key)) != NULL)
            place = inner->key_place;
    }
    sl_diag_add(c->diag, SL_DIAG_ERROR, place, path, "%s", text);
}

static void check_not_built(const struct checking *c, const char *protocol, const char *key,
                            const struct sl_node *given)
{
    if (given != NULL && given->kind != SL_NODE_NULL)
        complain(c, protocol, key, "not supported in this version");
}

static void check_endpoint(const struct checking *c, const char *protocol, int transport,
                           const char *endpoint)
{
    struct sl_endpoint parsed;
    struct sl_error error;
    char text[300];
    (void)snprintf(text, sizeof text, "%s%s",
                   transport == OTLP_UNIX && strncmp(endpoint, "unix:", 5) != 0 ? "unix:" : "",
                   endpoint);
    if (sl_endpoint_parse(text, &parsed, &error) != SL_OK)
        complain(c, protocol, "endpoint", error.text);
}

static void check_http(const struct checking *c, const struct otlp_http_config *http)
{
    const char *const paths[] = {http->traces_url_path, http->metrics_url_path,
                                 http->logs_url_path};
    static const char *const keys[] = {"traces_url_path", "metrics_url_path", "logs_url_path"};
    check_endpoint(c, "http", http->transport, http->endpoint);
    check_not_built(c, "http", "tls", http->tls);
    check_not_built(c, "http", "auth", http->auth);
    check_not_built(c, "http", "cors", http->cors);
    check_not_built(c, "http", "middlewares", http->middlewares);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < i; j++)
            if (paths[i][0] != 0 &&
                strcmp(paths[i] + (paths[i][0] == '/'), paths[j] + (paths[j][0] == '/')) == 0)
                complain(c, "http", keys[i], "another signal has the same path");
}

void otlp_check(const void *config, const struct sl_node *node, const char *path,
                struct sl_diag *diag)
{
    const struct otlp_protocols *given = &((const struct otlp_config *)config)->protocols;
    struct checking c = {.path = path, .diag = diag};
    if (node != NULL)
        c.place = node->key_place;
    c.protocols = node != NULL ? sl_node_find(node, "protocols") : NULL;
    if (given->grpc.presence == SL_ABSENT && given->http.presence == SL_ABSENT) {
        complain(&c, "", "", "at least one of grpc and http is needed");
        return;
    }
    if (given->grpc.presence != SL_ABSENT) {
        check_endpoint(&c, "grpc", given->grpc.transport, given->grpc.endpoint);
        check_not_built(&c, "grpc", "tls", given->grpc.tls);
        check_not_built(&c, "grpc", "auth", given->grpc.auth);
        check_not_built(&c, "grpc", "middlewares", given->grpc.middlewares);
    }
    if (given->http.presence != SL_ABSENT)
        check_http(&c, &given->http);
    if (given->grpc.presence != SL_ABSENT && given->http.presence != SL_ABSENT &&
        strcmp(given->grpc.endpoint, given->http.endpoint) == 0)
        complain(&c, "http", "endpoint",
                 "the same as grpc's; one of the two is enough, as each port takes both protocols");
}
