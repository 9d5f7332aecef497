/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_HTTP1_PARSE_H
#define SL_TRANSPORT_HTTP1_PARSE_H

#include <stdbool.h>

#include "core/error.h"
#include "core/out.h"
#include "transport/header.h"

/*
 * HTTP/1.x messages (RFC 9112), requests and responses, from bytes as they
 * arrive. Strict: what two readers could understand differently (both lengths, a
 * length twice, folded lines, bare CR or LF, blanks before a colon, odd chunk
 * sizes) is an error.
 */
enum {
    SL_HTTP1_MAX_HEAD = 16 * 1024,
    SL_HTTP1_MAX_HEADERS = 100,
    SL_HTTP1_MAX_TARGET = 8 * 1024,
    SL_HTTP1_MAX_CHUNK_LINE = 256,
    SL_HTTP1_MAX_TRAILERS = 4 * 1024,
    SL_HTTP1_NOT_HTTP = -1 /* some other protocol: close without an answer */
};

enum sl_http1_kind { SL_HTTP1_REQUEST, SL_HTTP1_RESPONSE };
enum sl_http1_body {
    SL_HTTP1_NO_BODY,
    SL_HTTP1_LENGTH,
    SL_HTTP1_CHUNKED,
    SL_HTTP1_UNTIL_CLOSE /* responses only */
};

struct sl_http1_head {
    struct sl_bytes method, target; /* requests */
    int status;                     /* responses */
    int minor;                      /* of HTTP/1.minor: 0 or 1 */
    enum sl_http1_body body;
    uint64_t length; /* SL_HTTP1_LENGTH */
    bool keep_alive; /* by version and Connection */
    bool expect_continue, expect_other;
    size_t header_count;
    struct sl_header headers[SL_HTTP1_MAX_HEADERS];
};

enum sl_http1_event {
    SL_HTTP1_MORE,  /* all input is used; feed more */
    SL_HTTP1_HEAD,  /* parser->head is filled; valid until the message has ended */
    SL_HTTP1_DATA,  /* *ret_data: bytes of the body, inside the input */
    SL_HTTP1_END,   /* the message is complete; the next call begins another */
    SL_HTTP1_ERROR, /* parser->error says why; nothing more can be read */
};

struct sl_http1_parser {
    enum sl_http1_kind kind;
    bool no_body; /* set before the head arrives: this response answers a HEAD request */
    struct sl_http1_head head;
    struct sl_error error;
    /* what to answer to a bad request: 400, 414, 417, 431, 501, 505, or SL_HTTP1_NOT_HTTP */
    int error_status;

    /* private */
    int state;
    struct sl_out text; /* the head; kept while the body is read */
    struct sl_out line; /* of chunking */
    uint64_t left;
    size_t trailer_bytes;
    unsigned blank_lines;
};

void sl_http1_parser_init(struct sl_http1_parser *parser, enum sl_http1_kind kind);
void sl_http1_parser_done(struct sl_http1_parser *parser);
/* Takes bytes off the front of *input. Call until SL_HTTP1_MORE or ERROR. */
enum sl_http1_event sl_http1_next(struct sl_http1_parser *parser, struct sl_bytes *input,
                                  struct sl_bytes *ret_data);
/* The peer has ended its side: END completes a body until close; MORE: between
 * messages; ERROR: cut short. */
enum sl_http1_event sl_http1_end_of_input(struct sl_http1_parser *parser);
/* Between messages, with not a byte of the next one seen. */
bool sl_http1_is_idle(const struct sl_http1_parser *parser);
/* Value of the first header of this (lower case) name; data NULL: none. */
struct sl_bytes sl_http1_header(const struct sl_http1_head *head, const char *name);

#endif
