/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_CLIENT_HTTP1_H
#define SL_TRANSPORT_CLIENT_HTTP1_H

#include "transport/client.h"

/*
 * HTTP/1.1 to one destination (RFC 9112): a pool of keep-alive connections, one
 * request at a time on each, no pipelining; at max_connections more requests
 * wait. A request that meets a kept connection which the server has just closed
 * is sent again once. Redirects are not followed.
 */
struct sl_http1_client;
struct sl_http1_call;

/* NULL: out of memory. */
struct sl_http1_client *sl_http1_client_new(struct sl_worker *worker,
                                            const struct sl_client_options *options);
/* POST with Host and Content-Length added. NULL: out of memory. done follows on a later turn. */
struct sl_http1_call *sl_http1_client_send(struct sl_http1_client *client,
                                           const struct sl_client_request *request,
                                           sl_client_done done, void *arg);
/* Forgets the call (and closes its connection): done is not called. */
void sl_http1_call_cancel(struct sl_http1_call *call);
/* Cancels all calls and closes the connections; closed may be called before this
 * returns. The client is freed then. */
void sl_http1_client_close(struct sl_http1_client *client, void (*closed)(void *arg), void *arg);

#endif
