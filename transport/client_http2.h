/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_CLIENT_HTTP2_H
#define SL_TRANSPORT_CLIENT_HTTP2_H

#include "transport/client.h"

/*
 * HTTP/2 with prior knowledge to one destination (RFC 9113): one connection with
 * as many streams as the peer allows; more requests wait. A connection is made
 * when a request needs one; after GOAWAY new requests get a new connection
 * while the old one finishes its streams. Requests that the peer has certainly
 * not processed (REFUSED_STREAM, above GOAWAY's last stream) are sent again, 3
 * times at most. There is no back-off here: who sends decides when to try again.
 */
struct sl_http2_client;
struct sl_http2_call;

/* NULL: out of memory. */
struct sl_http2_client *sl_http2_client_new(struct sl_worker *worker,
                                            const struct sl_client_options *options);
/* POST. NULL: out of memory. done follows on a later turn. Headers get `te`, `host`
 * and the like only when given. */
struct sl_http2_call *sl_http2_client_send(struct sl_http2_client *client,
                                           const struct sl_client_request *request,
                                           sl_client_done done, void *arg);
/* Forgets the call: done is not called. */
void sl_http2_call_cancel(struct sl_http2_call *call);
/* Cancels all calls and closes the connections; closed may be called before this
 * returns. The client is freed then. */
void sl_http2_client_close(struct sl_http2_client *client, void (*closed)(void *arg), void *arg);

#endif
