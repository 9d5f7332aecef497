/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_SERVER_H
#define SL_TRANSPORT_SERVER_H

#include "transport/header.h"
#include "transport/stream.h"

/*
 * The server's side of HTTP/1.1 and HTTP/2 (gRPC included), as one: whichever the client speaks,
 * seen from its first bytes, a request is an exchange. Everything runs on one worker.
 *
 *   begin -> (body comes in) -> end -> sl_exchange_respond()
 *     |            |
 *     |            +-> fail: the body cannot be taken; respond now
 *     +-> respond now: the body is not read
 */
struct sl_server;

struct sl_exchange {
    /* The request. All views are valid during begin, fail and end only. */
    struct sl_bytes method, path, query; /* query: after '?', may be empty */
    struct sl_bytes content_type, content_encoding;
    struct sl_bytes peer;
    const struct sl_header *headers;
    size_t header_count;
    bool http2;
    bool grpc; /* HTTP/2 and content-type application/grpc or application/grpc+... */
    bool has_length;
    uint64_t content_length;

    /* For the handler: set in begin. */
    size_t body_limit; /* bytes as sent (gRPC: of the message); more is fail(SL_ELIMIT) */
    void *data;

    /* In end. gRPC: the one message, without its prefix. NULL when empty. Charged to
     * the worker's budget; take it by setting it to NULL. */
    struct sl_buf *body;
    bool compressed;   /* gRPC: flag of the message */
    unsigned messages; /* gRPC: 0 or 1 */

    /* private to transport */
    const struct sl_exchange_ops *ops;
    void *session;       /* NULL: the client is gone */
    struct sl_buf *room; /* the body as it grows */
    struct sl_grpc_framer *framer;
    bool complete;
};

struct sl_response {
    int status;
    struct sl_bytes content_type; /* empty: none */
    struct sl_bytes body;
    const struct sl_header *headers; /* more of them */
    size_t header_count;
    /* Exchanges with grpc set may be answered in gRPC: then status is not used. */
    bool grpc;
    int grpc_status;              /* 0: body is the message; else trailers only */
    struct sl_bytes grpc_message; /* plain text; coded here */
    struct sl_bytes grpc_details; /* google.rpc.Status in protobuf; coded here */
};

/* Of the handler; `arg` is the server's. */
struct sl_handler {
    /* The head is here. Set body_limit and data, or respond. */
    void (*begin)(void *arg, struct sl_exchange *exchange);
    /* The whole request is here. Respond, now or later, exactly once. */
    void (*end)(void *arg, struct sl_exchange *exchange);
    /* The body cannot be taken: SL_ELIMIT over body_limit, SL_EAGAIN over the
     * budget, SL_EINVALID bad gRPC framing, SL_ENOMEM. Respond before returning. */
    void (*fail)(void *arg, struct sl_exchange *exchange, int status, const char *why);
    /* The client went away between begin and end: give up data. The exchange is
     * freed after it. After end nothing is told: the answer goes nowhere. */
    void (*gone)(void *arg, struct sl_exchange *exchange);
};

/* Copies what it needs; the exchange is gone afterwards. */
void sl_exchange_respond(struct sl_exchange *exchange, const struct sl_response *response);
/* Value of the first header of this (lower case) name; data NULL: none. */
struct sl_bytes sl_exchange_header(const struct sl_exchange *exchange, const char *name);

struct sl_server_config {            /* times 0: none */
    uint64_t header_timeout_ms;      /* from the first wait to the end of a head; default 10 s */
    uint64_t body_timeout_ms;        /* without a byte of a body; default 30 s */
    uint64_t request_timeout_ms;     /* HTTP/1: for a whole request; default none */
    uint64_t idle_timeout_ms;        /* between requests; default 120 s */
    uint64_t write_timeout_ms;       /* a client that does not read; default 30 s */
    uint64_t max_age_ms;             /* of a connection, +-10 %; default none */
    uint64_t max_age_grace_ms;       /* then, for what is in flight; default none */
    uint32_t max_concurrent_streams; /* default 100 */
    uint32_t max_connections;        /* on this worker; default 10,000 */
    bool no_keep_alive;              /* HTTP/1 */
};
struct sl_server_config sl_server_defaults(void);

/* NULL: out of memory. config is copied; handler must outlive the server. */
struct sl_server *sl_server_new(struct sl_worker *worker, const struct sl_server_config *config,
                                const struct sl_handler *handler, void *arg);
/* Takes over a stream that has not been opened yet. Over max_connections it is closed. */
void sl_server_accept(struct sl_server *server, struct sl_stream *stream);
/* HTTP/1: Connection: close with the next answer; HTTP/2: GOAWAY. Then, when
 * the last connection has gone, drained(arg), never before this returns. New
 * streams are still taken (what was accepted before) and drained too. */
void sl_server_drain(struct sl_server *server, void (*drained)(void *arg));
/* Closes all connections at once; then closed(arg). Replaces a drain under way. */
void sl_server_close(struct sl_server *server, void (*closed)(void *arg));
size_t sl_server_connections(const struct sl_server *server);
/* After closed, or before the first accept. */
void sl_server_free(struct sl_server *server);

#endif
