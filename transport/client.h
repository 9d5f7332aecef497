/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_CLIENT_H
#define SL_TRANSPORT_CLIENT_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/out.h"
#include "transport/header.h"
#include "transport/stream.h"

/* What the HTTP/1.1 and the HTTP/2 client have in common. */

/*
 * Where to send: "host:port", "http://host[:port][/path]", "https://...",
 * "dns:///host:port", "passthrough:///host:port", "unix:///path", "[::1]:4317".
 */
enum sl_url_scheme { SL_URL_NONE, SL_URL_HTTP, SL_URL_HTTPS, SL_URL_UNIX };

struct sl_url {
    enum sl_url_scheme scheme; /* NONE: the text has none that decides about TLS */
    char address[288];         /* for sl_tcp_connect */
    char authority[288];       /* for Host or :authority; no user information */
    char path[1024];           /* from the first '/'; "" when there is none */
};

/* default_port is taken where the text has none; 0: the text must have one,
 * except that http:// means 80 and https:// 443. */
int sl_url_parse(const char *text, unsigned default_port, struct sl_url *ret_url,
                 struct sl_error *reterr);

struct sl_client_request {
    struct sl_bytes path, authority;
    const struct sl_header *headers; /* copied */
    size_t header_count;
    struct sl_buf *body; /* a reference of its own is taken; written without a copy */
    uint64_t timeout_ms; /* of the whole exchange, waiting and connecting included */
};

enum sl_client_error {
    SL_CLIENT_OK, /* there is a whole response */
    SL_CLIENT_TIMEOUT,
    SL_CLIENT_CONNECT,   /* no connection: nothing was sent */
    SL_CLIENT_REFUSED,   /* the peer says that it has not processed the request */
    SL_CLIENT_LOST,      /* connection or stream ended before the response did */
    SL_CLIENT_PROTOCOL,  /* the response cannot be understood */
    SL_CLIENT_TOO_LARGE, /* the response is over the limit */
    SL_CLIENT_NO_MEMORY
};
const char *sl_client_error_text(enum sl_client_error error);

struct sl_client_response {
    enum sl_client_error error;
    const char *message;             /* for people; "" when there is nothing to add */
    int status;                      /* HTTP status */
    const struct sl_header *headers; /* trailers follow the headers */
    size_t header_count;
    struct sl_bytes body;
};

/* Everything in the response is valid during the call. */
typedef void (*sl_client_done)(void *arg, const struct sl_client_response *response);

/* The first header of this (lower case) name; data NULL: none. */
struct sl_bytes sl_client_header_find(const struct sl_client_response *response, const char *name);

struct sl_client_options {
    const char *address;         /* sl_url.address; outlives the client */
    unsigned max_connections;    /* HTTP/1.1; 0: no limit of its own */
    uint64_t connect_timeout_ms; /* 0: only the request's */
    uint64_t idle_timeout_ms;    /* HTTP/1.1: an unused connection is closed; 0: never */
    size_t max_response;         /* bytes of a body */
    /* Opens a stream in another way (tests); NULL: sl_tcp_connect(address). */
    struct sl_stream *(*dial)(void *arg, struct sl_worker *worker);
    void *dial_arg;
};

/* ---- for the clients ---- */

enum { SL_CLIENT_MAX_HEADERS = 100, SL_CLIENT_MAX_HEAD = 16 * 1024 };

/* A response as it arrives. Zeroed memory is a valid, empty one. */
struct sl_client_inbox {
    int status;
    struct sl_header headers[SL_CLIENT_MAX_HEADERS];
    size_t header_count, header_bytes;
    struct sl_arena arena;
    struct sl_out body;
};
void sl_client_inbox_reset(struct sl_client_inbox *inbox);
void sl_client_inbox_done(struct sl_client_inbox *inbox);
/* SL_ELIMIT: too many or too large; SL_ENOMEM. */
int sl_client_inbox_header(struct sl_client_inbox *inbox, struct sl_bytes name,
                           struct sl_bytes value);
int sl_client_inbox_body(struct sl_client_inbox *inbox, struct sl_bytes bytes, size_t limit);

/* What done() is told: views into the inbox. */
struct sl_client_response sl_client_inbox_response(const struct sl_client_inbox *inbox,
                                                   enum sl_client_error error, const char *message);

struct sl_stream *sl_client_dial(const struct sl_client_options *options, struct sl_worker *worker);

#endif
