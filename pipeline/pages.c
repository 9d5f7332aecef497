/* SPDX-License-Identifier: Apache-2.0 */
/* GET pages over the transport's server: no bodies in, few connections, short
 * times. */
#include "pipeline/pages.h"

#include "pipeline/process.h"
#include "transport/listener.h"
#include "transport/server.h"

enum { CONNECTIONS_MAX = 64, BODY_MAX = 4096 };

static void respond_with(struct sl_exchange *exchange, int status, struct sl_bytes text)
{
    struct sl_response response = {
        .status = status, .content_type = SL_LIT("text/plain; charset=utf-8"), .body = text};
    sl_exchange_respond(exchange, &response);
}

static void begin(void *arg, struct sl_exchange *exchange)
{
    (void)arg;
    exchange->body_limit = BODY_MAX;
    if (exchange->grpc || !sl_bytes_is(exchange->method, "GET"))
        respond_with(exchange, 405, SL_LIT("only GET\n"));
}

static void end(void *arg, struct sl_exchange *exchange)
{
    struct sl_pages *pages = arg;
    struct sl_page page = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    pages->answer(pages->owner, exchange->path, &page);
    if (page.body.failed) {
        respond_with(exchange, 503, SL_LIT("out of memory\n"));
    } else if (page.status == 404) {
        respond_with(exchange, 404, SL_LIT("not found\n"));
    } else {
        struct sl_response response = {.status = page.status,
                                       .content_type = sl_text(page.content_type),
                                       .body = sl_out_view(&page.body)};
        sl_exchange_respond(exchange, &response);
    }
    sl_out_done(&page.body);
}

static void fail(void *arg, struct sl_exchange *exchange, int status, const char *why)
{
    (void)arg;
    (void)why;
    respond_with(exchange, status == SL_ELIMIT ? 413 : 400, SL_LIT("no body is taken\n"));
}

static void gone(void *arg, struct sl_exchange *exchange)
{
    (void)arg;
    (void)exchange;
}

static const struct sl_handler handler = {begin, end, fail, gone};

static void accepted(void *arg, struct sl_stream *stream)
{
    struct sl_pages *pages = arg;
    sl_server_accept(pages->server, stream);
}

int sl_pages_open(struct sl_pages *pages, const char *address, struct sl_error *reterr)
{
    struct sl_component *owner = pages->owner;
    struct sl_server_config config = sl_server_defaults();
    config.max_connections = CONNECTIONS_MAX;
    if (owner->process == NULL || owner->process->listeners == NULL)
        return sl_fail(reterr, SL_EUNSUPPORTED, "nothing can listen here");
    int status = sl_listener_open(owner->process->listeners, address, &pages->listener, reterr);
    if (status != SL_OK)
        return status;
    pages->server = sl_server_new(owner->worker, &config, &handler, pages);
    if (pages->server == NULL)
        return sl_fail(reterr, SL_ENOMEM, "out of memory");
    status = sl_listener_attach(pages->listener, owner->worker, accepted, pages);
    if (status == SL_OK)
        return SL_OK;
    sl_server_free(pages->server);
    pages->server = NULL;
    return sl_fail(reterr, status, "cannot listen on '%s': %s", address, sl_status_text(status));
}

int sl_pages_port(const struct sl_pages *pages)
{
    return sl_listener_port(pages->listener);
}

static void server_closed(void *arg)
{
    struct sl_pages *pages = arg;
    sl_server_free(pages->server);
    pages->server = NULL;
    pages->closed(pages->owner);
}

void sl_pages_close(struct sl_pages *pages, void (*closed)(struct sl_component *owner))
{
    pages->closed = closed;
    if (pages->server == NULL) {
        closed(pages->owner);
        return;
    }
    sl_listener_detach(pages->listener, pages->owner->worker);
    sl_server_close(pages->server, server_closed);
}
