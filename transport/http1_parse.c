/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1 parser: collects a head up to its empty line, then follows the
 * body's framing. Header fields are cut up in http1_head.c.
 */
#include "transport/http1_parse.h"

#include "transport/http1_head.h"

enum state {
    START,
    HEAD,
    BODY_LENGTH,
    BODY_CLOSE,
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILERS,
    ENDED,
    FAILED
};

void sl_http1_parser_init(struct sl_http1_parser *parser, enum sl_http1_kind kind)
{
    memset(parser, 0, sizeof *parser);
    parser->kind = kind;
    parser->state = START;
    parser->text.limit = SL_HTTP1_MAX_HEAD + SL_HTTP1_MAX_TARGET;
}

void sl_http1_parser_done(struct sl_http1_parser *parser)
{
    sl_out_done(&parser->text);
    sl_out_done(&parser->line);
}

bool sl_http1_is_idle(const struct sl_http1_parser *parser)
{
    return parser->state == START && parser->text.size == 0;
}

static enum sl_http1_event fail(struct sl_http1_parser *parser, int status, const char *text)
{
    parser->state = FAILED;
    parser->error_status = status;
    (void)sl_fail(&parser->error, SL_EINVALID, "%s", text);
    return SL_HTTP1_ERROR;
}

static struct sl_bytes take(struct sl_bytes *input, size_t size)
{
    struct sl_bytes taken = sl_bytes(input->data, size);
    input->data += size;
    input->size -= size;
    return taken;
}

/* Appends the input up to a line's end. Returns 1 with a whole line in text,
 * 0 for more, -1 when the line does not end in CR LF, TOO_LONG over the limit. */
enum { TOO_LONG = -2 };
static int take_line(struct sl_out *text, struct sl_bytes *input, size_t limit)
{
    const uint8_t *newline = input->size > 0 ? memchr(input->data, '\n', input->size) : NULL;
    size_t size = newline != NULL ? (size_t)(newline - input->data) + 1 : input->size;
    if (text->size + size > limit)
        return TOO_LONG;
    struct sl_bytes part = take(input, size);
    sl_out_bytes(text, part.data, part.size);
    if (text->failed)
        return -1;
    if (newline == NULL)
        return 0;
    return text->size >= 2 && text->data[text->size - 2] == '\r' ? 1 : -1;
}

static enum sl_http1_event begin_body(struct sl_http1_parser *parser)
{
    switch (parser->head.body) {
    case SL_HTTP1_LENGTH:
        parser->left = parser->head.length;
        parser->state = parser->left > 0 ? BODY_LENGTH : ENDED;
        break;
    case SL_HTTP1_CHUNKED:
        parser->state = CHUNK_SIZE;
        parser->trailer_bytes = 0;
        break;
    case SL_HTTP1_UNTIL_CLOSE:
        parser->state = BODY_CLOSE;
        break;
    default:
        parser->state = ENDED;
    }
    return SL_HTTP1_HEAD;
}

static enum sl_http1_event read_head(struct sl_http1_parser *parser, struct sl_bytes *input)
{
    struct sl_out *text = &parser->text;
    while (input->size > 0) {
        bool first = text->size == 0 || memchr(text->data, '\n', text->size) == NULL;
        int got = take_line(text, input, SL_HTTP1_MAX_HEAD);
        if (got == TOO_LONG)
            return fail(parser, first && parser->kind == SL_HTTP1_REQUEST ? 414 : 431,
                        "the header block is too large");
        if (got < 0)
            return fail(parser, 400,
                        text->failed ? "out of memory"
                                     : "a line of the head does not end in CR LF");
        if (got == 0)
            return SL_HTTP1_MORE;
        if (text->size == 2) {
            /* RFC 9112, 2.2: an empty line before a request is skipped. */
            sl_out_clear(text);
            parser->state = START;
            if (++parser->blank_lines > 2 || parser->kind == SL_HTTP1_RESPONSE)
                return fail(parser, 400, "empty lines instead of a message");
        } else if (text->size >= 4 && memcmp(text->data + text->size - 4, "\r\n\r\n", 4) == 0) {
            int rc = sl_http1_read_head(parser);
            if (rc != 0)
                return fail(parser, rc, parser->error.text);
            return begin_body(parser);
        }
    }
    return SL_HTTP1_MORE;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 9112, 7.1: digits, then nothing or ";extension", which is ignored. */
static bool parse_chunk_line(const struct sl_out *text, uint64_t *ret_size)
{
    uint64_t size = 0;
    size_t at = 0, end = text->size - 2;
    for (; at < end && hex_value(text->data[at]) >= 0; at++) {
        if (at >= 8)
            return false;
        size = size * 16 + (unsigned)hex_value(text->data[at]);
    }
    if (at == 0 || (at < end && text->data[at] != ';'))
        return false;
    for (; at < end; at++)
        if ((text->data[at] < ' ' && text->data[at] != '\t') || text->data[at] == 0x7f)
            return false;
    *ret_size = size;
    return true;
}

static enum sl_http1_event read_chunk_size(struct sl_http1_parser *parser, struct sl_bytes *input)
{
    int got = take_line(&parser->line, input, SL_HTTP1_MAX_CHUNK_LINE);
    if (got == 0)
        return SL_HTTP1_MORE;
    if (got < 0 || !parse_chunk_line(&parser->line, &parser->left))
        return fail(parser, 400, "bad chunk size");
    sl_out_clear(&parser->line);
    parser->state = parser->left > 0 ? CHUNK_DATA : TRAILERS;
    return SL_HTTP1_DATA; /* go on */
}

static enum sl_http1_event read_chunk_end(struct sl_http1_parser *parser, struct sl_bytes *input)
{
    int got = take_line(&parser->line, input, 2);
    if (got == 0)
        return SL_HTTP1_MORE;
    if (got < 0)
        return fail(parser, 400, "a chunk does not end in CR LF");
    sl_out_clear(&parser->line);
    parser->state = CHUNK_SIZE;
    return SL_HTTP1_DATA;
}

/* Trailers are checked for their form and dropped. */
static enum sl_http1_event read_trailers(struct sl_http1_parser *parser, struct sl_bytes *input)
{
    int got = take_line(&parser->line, input, SL_HTTP1_MAX_TRAILERS);
    if (got == 0)
        return SL_HTTP1_MORE;
    size_t size = parser->line.size;
    parser->trailer_bytes += size;
    struct sl_header header;
    if (got < 0 || parser->trailer_bytes > SL_HTTP1_MAX_TRAILERS ||
        (size > 2 && !sl_http1_split_header(sl_bytes(parser->line.data, size - 2), &header)))
        return fail(parser, 400, "bad trailers");
    sl_out_clear(&parser->line);
    if (size == 2)
        parser->state = ENDED;
    return SL_HTTP1_DATA;
}

static enum sl_http1_event read_data(struct sl_http1_parser *parser, struct sl_bytes *input,
                                     struct sl_bytes *ret_data)
{
    size_t size = input->size;
    if (parser->state != BODY_CLOSE) {
        if (size > parser->left)
            size = (size_t)parser->left;
        parser->left -= size;
        if (parser->left == 0)
            parser->state = parser->state == BODY_LENGTH ? ENDED : CHUNK_END;
    }
    *ret_data = take(input, size);
    return SL_HTTP1_DATA;
}

static enum sl_http1_event next_step(struct sl_http1_parser *parser, struct sl_bytes *input,
                                     struct sl_bytes *ret_data)
{
    switch (parser->state) {
    case START:
        parser->state = HEAD;
        return read_head(parser, input);
    case HEAD:
        return read_head(parser, input);
    case BODY_LENGTH:
    case BODY_CLOSE:
    case CHUNK_DATA:
        return read_data(parser, input, ret_data);
    case CHUNK_SIZE:
        return read_chunk_size(parser, input);
    case CHUNK_END:
        return read_chunk_end(parser, input);
    case TRAILERS:
        return read_trailers(parser, input);
    default:
        return SL_HTTP1_ERROR;
    }
}

static enum sl_http1_event message_ended(struct sl_http1_parser *parser)
{
    parser->state = START;
    parser->blank_lines = 0;
    parser->no_body = false;
    sl_out_clear(&parser->text);
    return SL_HTTP1_END;
}

enum sl_http1_event sl_http1_next(struct sl_http1_parser *parser, struct sl_bytes *input,
                                  struct sl_bytes *ret_data)
{
    for (;;) {
        if (parser->state == ENDED)
            return message_ended(parser);
        if (parser->state == FAILED)
            return SL_HTTP1_ERROR;
        if (input->size == 0)
            return SL_HTTP1_MORE;
        *ret_data = (struct sl_bytes){0};
        enum sl_http1_event event = next_step(parser, input, ret_data);
        if (event == SL_HTTP1_DATA && ret_data->size == 0)
            continue; /* framing was consumed, no byte of the body */
        return event;
    }
}

enum sl_http1_event sl_http1_end_of_input(struct sl_http1_parser *parser)
{
    if (parser->state == ENDED || parser->state == BODY_CLOSE)
        return message_ended(parser);
    if (sl_http1_is_idle(parser))
        return SL_HTTP1_MORE;
    return fail(parser, 400, "the message is cut short");
}

struct sl_bytes sl_http1_header(const struct sl_http1_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (sl_bytes_is(head->headers[i].name, name))
            return head->headers[i].value;
    return (struct sl_bytes){0};
}
