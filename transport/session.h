/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_SESSION_H
#define SL_TRANSPORT_SESSION_H

#include "transport/grpc.h"
#include "transport/server.h"

/*
 * Inside of the server: a connection and the protocol spoken on it. sl_conn
 * owns the stream, the timer and the back-pressure; a session turns bytes into
 * exchanges.
 */
struct sl_conn;

struct sl_session_ops {
    void (*read)(void *session, struct sl_bytes bytes); /* size 0: the peer has ended its side */
    void (*writable)(void *session);
    void (*drain)(void *session);
    void (*expired)(void *session); /* the time set by sl_conn_due() has come */
    void (*free)(void *session);    /* the stream is closed; detach all exchanges */
};

struct sl_conn {
    struct sl_server *server;
    struct sl_conn *next, **link;
    struct sl_stream *stream;
    const struct sl_session_ops *ops; /* NULL: protocol not known yet */
    void *session;
    struct sl_timer timer;
    uint64_t due_ms, age_ms; /* when session->expired is called; when it is too old. 0: never */
    bool lingering, closing, draining, backlogged, busy;
    unsigned seen; /* bytes in first */
    uint8_t first[24];
};

struct sl_exchange_ops {
    void (*respond)(struct sl_exchange *exchange, const struct sl_response *response);
};

enum { SL_CONN_BACKLOG = 256 * 1024 }; /* unsent bytes above which nothing more is read */

const struct sl_server_config *sl_conn_config(const struct sl_conn *conn);
uint64_t sl_conn_now(const struct sl_conn *conn);
void sl_conn_write(struct sl_conn *conn, struct sl_bytes bytes); /* closes when it fails */
/* Calls ops->expired in delay_ms (0: never). */
void sl_conn_due(struct sl_conn *conn, uint64_t delay_ms);
/* Reading stops while an answer is awaited. */
void sl_conn_busy(struct sl_conn *conn, bool busy);
/* Ends our side after what is queued, then waits a little for the peer's end,
 * dropping what it sends, so that a reset does not overtake the answer. */
void sl_conn_finish(struct sl_conn *conn);
void sl_conn_close(struct sl_conn *conn);

/* NULL: out of memory. */
struct sl_exchange *sl_exchange_new(struct sl_conn *conn, const struct sl_exchange_ops *ops,
                                    void *session);
void sl_exchange_free(struct sl_exchange *exchange);
/* The steps; after each the exchange may be gone (the session's respond has been called). */
void sl_exchange_offer(struct sl_conn *conn, struct sl_exchange *exchange); /* handler->begin */
/* Sets memory aside for the declared body. */
void sl_exchange_begin(struct sl_conn *conn, struct sl_exchange *exchange);
void sl_exchange_receive(struct sl_conn *conn, struct sl_exchange *exchange, struct sl_bytes bytes);
void sl_exchange_end(struct sl_conn *conn, struct sl_exchange *exchange);
/* The client is gone: tells the handler when it still waits for the body. */
void sl_exchange_abandon(struct sl_conn *conn, struct sl_exchange *exchange);
void sl_exchange_set_target(struct sl_exchange *exchange, struct sl_bytes target);

/* The protocols: make a session and set conn->ops and conn->session. */
int sl_http1_session(struct sl_conn *conn);
int sl_http2_session(struct sl_conn *conn);

#endif
