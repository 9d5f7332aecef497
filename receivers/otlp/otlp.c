/* SPDX-License-Identifier: Apache-2.0 */
/* The otlp receiver: OTLP over gRPC and HTTP at up to two endpoints, its life from start to stop.
 * Requests are in otlp_request.c. */
#include <stdio.h>

#include "core/alloc.h"
#include "core/log.h"
#include "pipeline/process.h"
#include "receivers/otlp/otlp_private.h"
#include "transport/compress.h"

static unsigned allowed_codecs(const struct sl_list *list)
{
    static const enum sl_codec of_name[] = {SL_CODEC_IDENTITY, SL_CODEC_GZIP, SL_CODEC_ZSTD,
                                            SL_CODEC_DEFLATE, SL_CODEC_DEFLATE};
    unsigned codecs = 1u << SL_CODEC_IDENTITY;
    for (size_t i = 0; i < list->count; i++)
        codecs |= 1u << of_name[((const int *)list->items)[i]];
    return codecs;
}

static char *with_slash(const char *path)
{
    size_t size = strlen(path);
    bool add = size > 0 && path[0] != '/';
    char *copy = sl_malloc(size + 2);
    if (copy == NULL)
        return NULL;
    copy[0] = '/';
    memcpy(copy + add, path, size + 1);
    return copy;
}

static int copy_headers(struct otlp *self, const struct sl_map *map)
{
    self->extra_headers = sl_calloc(map->count + 1, sizeof *self->extra_headers);
    if (self->extra_headers == NULL)
        return SL_ENOMEM;
    for (size_t i = 0; i < map->count; i++)
        self->extra_headers[i] = (struct sl_header){
            sl_text(map->entries[i].key), sl_text(*(const char *const *)map->entries[i].value)};
    self->extra_count = map->count;
    return SL_OK;
}

static uint64_t ms(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

static uint32_t connections_here(const struct otlp *self, int64_t all)
{
    unsigned workers = self->component.worker->count > 0 ? self->component.worker->count : 1;
    return (uint32_t)(all / workers > 0 ? all / workers : 1);
}

/* Settings of both protocols hold at both ports; what belongs to connections is the port's. */
static struct sl_server_config server_config(const struct otlp *self, bool grpc)
{
    const struct otlp_protocols *given =
        &((const struct otlp_config *)self->component.config)->protocols;
    const struct otlp_server_parameters *life = &given->grpc.keepalive.server_parameters;
    struct sl_server_config config = sl_server_defaults();
    config.max_concurrent_streams = (uint32_t)given->grpc.max_concurrent_streams;
    config.max_connections =
        connections_here(self, grpc ? given->grpc.max_connections : given->http.max_connections);
    if (grpc) {
        config.idle_timeout_ms = ms(life->max_connection_idle_ms);
        config.max_age_ms = ms(life->max_connection_age_ms);
        config.max_age_grace_ms = ms(life->max_connection_age_grace_ms);
        return config;
    }
    config.header_timeout_ms = ms(given->http.read_header_timeout_ms);
    config.request_timeout_ms = ms(given->http.read_timeout_ms);
    config.write_timeout_ms = ms(given->http.write_timeout_ms);
    config.idle_timeout_ms = ms(given->http.idle_timeout_ms);
    config.no_keep_alive = !given->http.keep_alives_enabled;
    return config;
}

static int make_port(struct otlp *self, struct otlp_port *port, bool grpc, bool include_metadata)
{
    struct sl_server_config config = server_config(self, grpc);
    port->receiver = self;
    port->include_metadata = include_metadata;
    port->server = sl_server_new(self->component.worker, &config, &otlp_handler, port);
    return port->server != NULL ? SL_OK : SL_ENOMEM;
}

static void drain_expired(struct sl_timer *timer);

static int otlp_create(struct sl_component *component, struct sl_error *reterr)
{
    struct otlp *self = (struct otlp *)component;
    const struct otlp_protocols *given =
        &((const struct otlp_config *)component->config)->protocols;
    const struct otlp_http_config *http = &given->http;
    const char *const paths[3] = {http->traces_url_path, http->metrics_url_path,
                                  http->logs_url_path};
    int rc = copy_headers(self, &http->response_headers);
    for (int i = 0; i < 3 && rc == SL_OK; i++) {
        self->paths[i] = with_slash(paths[i]);
        rc = self->paths[i] != NULL ? SL_OK : SL_ENOMEM;
    }
    self->codecs = allowed_codecs(&http->compression_algorithms);
    self->http_limit = http->max_request_body_size > 0 ? (size_t)http->max_request_body_size
                                                       : (size_t)20 * 1024 * 1024;
    self->grpc_limit = (size_t)given->grpc.max_recv_msg_size_mib * 1024 * 1024;
    self->grpc_meter = sl_meter_labelled(component->meter, "transport", "grpc");
    self->http_meter = sl_meter_labelled(component->meter, "transport", "http");
    sl_timer_init(&self->drain_timer, component->worker, drain_expired);
    if (rc == SL_OK && given->grpc.presence != SL_ABSENT)
        rc = make_port(self, &self->ports[0], true, given->grpc.include_metadata);
    if (rc == SL_OK && http->presence != SL_ABSENT)
        rc = make_port(self, &self->ports[1], false, http->include_metadata);
    return rc == SL_OK ? SL_OK : sl_fail(reterr, rc, "out of memory");
}

static void otlp_destroy(struct sl_component *component)
{
    struct otlp *self = (struct otlp *)component;
    sl_timer_stop(&self->drain_timer);
    for (int i = 0; i < 2; i++)
        sl_server_free(self->ports[i].server);
    for (int i = 0; i < 3; i++)
        sl_free(self->paths[i]);
    sl_free(self->extra_headers);
}

static void accepted(void *arg, struct sl_stream *stream)
{
    struct otlp_port *port = arg;
    sl_server_accept(port->server, stream);
}

static int open_port(struct otlp *self, struct otlp_port *port, const char *endpoint, int transport,
                     struct sl_error *reterr)
{
    char text[300];
    (void)snprintf(text, sizeof text, "%s%s",
                   transport == OTLP_UNIX && strncmp(endpoint, "unix:", 5) != 0 ? "unix:" : "",
                   endpoint);
    int rc = sl_listener_open(self->component.process->listeners, text, &port->listener, reterr);
    if (rc != SL_OK)
        return rc;
    rc = sl_listener_attach(port->listener, self->component.worker, accepted, port);
    if (rc != SL_OK)
        return sl_fail(reterr, rc, "%s is used by another receiver or protocol already", text);
    port->attached = true;
    if (self->component.worker->index == 0)
        sl_log(SL_LOG_INFO, self->component.id, "listening on %s", text);
    return SL_OK;
}

static void detach(struct otlp *self)
{
    for (int i = 0; i < 2; i++) {
        if (self->ports[i].attached)
            sl_listener_detach(self->ports[i].listener, self->component.worker);
        self->ports[i].attached = false;
    }
}

static int otlp_start(struct sl_component *component, struct sl_error *reterr)
{
    struct otlp *self = (struct otlp *)component;
    const struct otlp_protocols *given =
        &((const struct otlp_config *)component->config)->protocols;
    int rc = SL_OK;
    if (self->ports[0].server != NULL)
        rc = open_port(self, &self->ports[0], given->grpc.endpoint, given->grpc.transport, reterr);
    if (rc == SL_OK && self->ports[1].server != NULL)
        rc = open_port(self, &self->ports[1], given->http.endpoint, given->http.transport, reterr);
    if (rc != SL_OK)
        detach(self);
    return rc;
}

/* ---- drain and stop ---- */

static bool all(const struct otlp *self, bool drained)
{
    for (int i = 0; i < 2; i++) {
        const struct otlp_port *port = &self->ports[i];
        if (port->server != NULL && !(drained ? port->drained : port->closed))
            return false;
    }
    return true;
}

static void tell_drained(struct otlp *self)
{
    if (self->drained_told)
        return;
    self->drained_told = true;
    sl_timer_stop(&self->drain_timer);
    sl_component_drained(&self->component);
}

static void look_drained(struct otlp *self)
{
    if (self->draining && self->in_flight == 0 && all(self, true))
        tell_drained(self);
}

void otlp_request_done(struct otlp *receiver)
{
    receiver->in_flight--;
    look_drained(receiver);
}

static void port_drained(void *arg)
{
    struct otlp_port *port = arg;
    port->drained = true;
    look_drained(port->receiver);
}

static void drain_expired(struct sl_timer *timer)
{
    tell_drained((struct otlp *)((char *)timer - offsetof(struct otlp, drain_timer)));
}

static void otlp_drain(struct sl_component *component, uint64_t deadline_ms)
{
    struct otlp *self = (struct otlp *)component;
    uint64_t now_ms = sl_worker_now_ms(component->worker);
    detach(self);
    self->draining = true;
    for (int i = 0; i < 2; i++)
        if (self->ports[i].server != NULL)
            sl_server_drain(self->ports[i].server, port_drained);
    if (sl_timer_start(&self->drain_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0) !=
        SL_OK)
        tell_drained(self);
}

static void port_closed(void *arg)
{
    struct otlp_port *port = arg;
    port->closed = true;
    if (all(port->receiver, false))
        sl_component_stopped(&port->receiver->component);
}

/* Deliveries still under way are finished by whoever holds them; their answers go nowhere. */
static void otlp_stop(struct sl_component *component)
{
    struct otlp *self = (struct otlp *)component;
    detach(self);
    sl_timer_stop(&self->drain_timer);
    for (int i = 0; i < 2; i++)
        if (self->ports[i].server != NULL)
            sl_server_close(self->ports[i].server, port_closed);
}

extern const struct sl_component_type otlp_receiver;
const struct sl_component_type otlp_receiver = {
    .name = "otlp",
    .doc = "Receives OTLP over gRPC and HTTP (protobuf and JSON); each port takes both protocols.",
    .kind = SL_RECEIVER,
    .placement = SL_EVERY_WORKER,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct otlp),
    .config_size = sizeof(struct otlp_config),
    .fields = otlp_fields,
    .check = otlp_check,
    .create = otlp_create,
    .start = otlp_start,
    .drain = otlp_drain,
    .stop = otlp_stop,
    .destroy = otlp_destroy,
};
