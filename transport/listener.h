/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_LISTENER_H
#define SL_TRANSPORT_LISTENER_H

#include "transport/stream.h"

/*
 * Listening sockets of the process. Each is opened once, without SO_REUSEPORT,
 * and watched on worker 0; accepted sockets go by mailbox to the attached worker
 * with the least load. A listener outlives graphs and reloads.
 */
struct sl_listeners;
struct sl_listener;

struct sl_listeners *sl_listeners_new(struct sl_worker *owner);
/* Closes all; owner's loop must run once more. */
void sl_listeners_free(struct sl_listeners *listeners);

/* Finds the listener of this endpoint or opens it: "host:port", "[::1]:4317", ":4317" (all
 * addresses), "unix:/path". Port 0 lets the kernel choose. From worker 0 only. */
int sl_listener_open(struct sl_listeners *listeners, const char *endpoint,
                     struct sl_listener **ret_listener, struct sl_error *reterr);
/* From worker 0 or from the worker itself; accepted runs on `worker`, which owns the stream. */
int sl_listener_attach(struct sl_listener *listener, struct sl_worker *worker,
                       void (*accepted)(void *arg, struct sl_stream *stream), void *arg);
/* On return no more calls are made to this worker's accepted. */
void sl_listener_detach(struct sl_listener *listener, struct sl_worker *worker);
/* Stops accepting when nobody is attached; the port stays ours until then. */
int sl_listener_port(const struct sl_listener *listener);

#endif
