/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_RECEIVERS_OTLP_PRIVATE_H
#define SL_RECEIVERS_OTLP_PRIVATE_H

#include "otlp/service.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "transport/listener.h"
#include "transport/server.h"

/* ---- configuration (otlp_config.c) ---- */

enum otlp_transport { OTLP_TCP, OTLP_UNIX };

struct otlp_server_parameters {
    enum sl_presence presence;
    int64_t max_connection_idle_ms, max_connection_age_ms, max_connection_age_grace_ms;
};

struct otlp_keepalive {
    enum sl_presence presence;
    struct otlp_server_parameters server_parameters;
};

struct otlp_grpc_config {
    enum sl_presence presence;
    const char *endpoint;
    int transport;
    int64_t max_recv_msg_size_mib, max_concurrent_streams, max_connections;
    bool include_metadata;
    struct otlp_keepalive keepalive;
    const struct sl_node *tls, *auth, *middlewares;
};

struct otlp_http_config {
    enum sl_presence presence;
    const char *endpoint;
    int transport;
    const char *traces_url_path, *metrics_url_path, *logs_url_path;
    int64_t max_request_body_size, max_connections;
    bool include_metadata, keep_alives_enabled;
    struct sl_map response_headers;
    struct sl_list compression_algorithms;
    int64_t read_timeout_ms, read_header_timeout_ms, write_timeout_ms, idle_timeout_ms;
    const struct sl_node *tls, *auth, *middlewares, *cors;
};

struct otlp_protocols {
    enum sl_presence presence;
    struct otlp_grpc_config grpc;
    struct otlp_http_config http;
};

struct otlp_config {
    struct otlp_protocols protocols;
};

extern const struct sl_field otlp_fields[];
void otlp_check(const void *config, const struct sl_node *node, const char *path,
                struct sl_diag *diag);

/* ---- the instance (otlp.c) ---- */

struct otlp;

/* One endpoint. Both protocols are served at each, so each knows the settings of both. */
struct otlp_port {
    struct otlp *receiver;
    bool include_metadata;
    struct sl_server *server;
    struct sl_listener *listener;
    bool attached, drained, closed;
};

struct otlp {
    struct sl_component component;
    struct otlp_port ports[2]; /* grpc, http; server NULL: not configured */
    char *paths[3];            /* of OTLP/HTTP by signal index, with their leading slash */
    unsigned codecs;           /* 1 << enum sl_codec that HTTP bodies may use */
    size_t http_limit, grpc_limit;
    struct sl_meter *grpc_meter, *http_meter; /* by the request's protocol, whatever its port */
    struct sl_header *extra_headers;          /* response_headers */
    size_t extra_count;
    size_t in_flight;
    bool draining, drained_told, unwired_logged[3];
    struct sl_timer drain_timer;
};

void otlp_request_done(struct otlp *receiver); /* one fewer in flight */

/* ---- requests (otlp_request.c) ---- */

extern const struct sl_handler otlp_handler; /* its arg is a struct otlp_port */

/* ---- answers (otlp_answer.c) ---- */

struct otlp_answer {
    int http_status, grpc_status;
    const char *message;
    int64_t retry_after_ms;         /* -1: none */
    bool told;                      /* in the log already */
    const struct sl_header *header; /* one more of HTTP; NULL: none */
};

void otlp_answer_error(const struct otlp *receiver, struct sl_exchange *exchange,
                       enum sl_encoding encoding, const struct otlp_answer *answer);
/* The same for what cannot become a delivery: counted and logged here, as nobody else
 * sees it. During begin, end and fail only. */
void otlp_refuse(const struct otlp *receiver, struct sl_exchange *exchange,
                 enum sl_encoding encoding, const struct otlp_answer *answer);
/* By the table of pipeline/result.h. */
void otlp_answer_result(const struct otlp *receiver, struct sl_exchange *exchange,
                        enum sl_signal signal, enum sl_encoding encoding,
                        const struct sl_result *result);
/* What a failed step means to the client; text is copied nowhere. */
struct otlp_answer otlp_answer_of_status(int status, const char *text);

#endif
