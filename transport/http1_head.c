/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP/1 message: start line, header fields, and from these how
 * the body is framed (RFC 9112, 6) and whether the connection stays (9.3).
 */
#include "transport/http1_head.h"

/* RFC 9110, 5.6.2 */
static bool is_token(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token_text(struct sl_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_token(text.data[i]))
            return false;
    return text.size > 0;
}

static int bad(struct sl_http1_parser *parser, int status, const char *text)
{
    (void)sl_fail(&parser->error, SL_EINVALID, "%s", text);
    return status;
}

bool sl_http1_split_header(struct sl_bytes line, struct sl_header *ret_header)
{
    const uint8_t *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;
    if (colon == NULL)
        return false;
    struct sl_bytes name = sl_bytes(line.data, (size_t)(colon - line.data));
    struct sl_bytes value = sl_bytes(colon + 1, line.size - name.size - 1);
    if (!is_token_text(name))
        return false;
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    while (value.size > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = sl_bytes(value.data + 1, value.size - 1);
    while (value.size > 0 &&
           (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\t'))
        value.size--;
    uint8_t *letters = (uint8_t *)(uintptr_t)name.data; /* the parser's own text */
    for (size_t i = 0; i < name.size; i++)
        if (letters[i] >= 'A' && letters[i] <= 'Z')
            letters[i] |= 0x20;
    *ret_header = (struct sl_header){name, value};
    return true;
}

/* Some other protocol: no version anywhere behind the target. */
static bool is_not_http(struct sl_bytes text)
{
    return memmem(text.data, text.size, "HTTP/", 5) == NULL &&
           memmem(text.data, text.size, "http/", 5) == NULL;
}

/* "HTTP/1.1"; returns 0, 400 or 505. */
static int read_version(struct sl_http1_parser *parser, struct sl_bytes text)
{
    bool shaped = text.size == 8 && memcmp(text.data, "HTTP/", 5) == 0 && text.data[6] == '.' &&
                  text.data[5] >= '0' && text.data[5] <= '9' && text.data[7] >= '0' &&
                  text.data[7] <= '9';
    if (!shaped)
        return bad(parser, 400, "bad start line");
    if (text.data[5] != '1' || text.data[7] > '1')
        return bad(parser, 505, "HTTP version not supported");
    parser->head.minor = text.data[7] - '0';
    return 0;
}

static int read_request_line(struct sl_http1_parser *parser, struct sl_bytes line)
{
    const uint8_t *first = memchr(line.data, ' ', line.size);
    if (first == NULL)
        return bad(parser, 400, "bad request line");
    struct sl_http1_head *head = &parser->head;
    head->method = sl_bytes(line.data, (size_t)(first - line.data));
    struct sl_bytes rest = sl_bytes(first + 1, line.size - head->method.size - 1);
    const uint8_t *second = rest.size > 0 ? memchr(rest.data, ' ', rest.size) : NULL;
    if (second == NULL)
        return bad(parser, 400, "bad request line");
    head->target = sl_bytes(rest.data, (size_t)(second - rest.data));
    struct sl_bytes version = sl_bytes(second + 1, rest.size - head->target.size - 1);
    if (is_not_http(version))
        return bad(parser, SL_HTTP1_NOT_HTTP, "not HTTP");
    if (head->target.size > SL_HTTP1_MAX_TARGET)
        return bad(parser, 414, "the request target is too long");
    for (size_t i = 0; i < head->target.size; i++)
        if (head->target.data[i] <= ' ' || head->target.data[i] >= 0x7f)
            return bad(parser, 400, "bad request target");
    if (!is_token_text(head->method) || head->target.size == 0)
        return bad(parser, 400, "bad request line");
    return read_version(parser, version);
}

static int read_status_line(struct sl_http1_parser *parser, struct sl_bytes line)
{
    if (line.size < 12 || line.data[8] != ' ' || (line.size > 12 && line.data[12] != ' '))
        return bad(parser, 400, "bad status line");
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return bad(parser, 400, "bad status line");
        status = status * 10 + (line.data[i] - '0');
    }
    if (status < 100)
        return bad(parser, 400, "bad status line");
    parser->head.status = status;
    return read_version(parser, sl_bytes(line.data, 8));
}

/* Whether a comma-separated list holds the token. */
static bool list_has(struct sl_bytes list, const char *token)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t size = comma != NULL ? (size_t)(comma - list.data) : list.size;
        if (sl_bytes_equal_nocase(sl_bytes_trim(sl_bytes(list.data, size)), sl_text(token)))
            return true;
        size_t skip = comma != NULL ? size + 1 : size;
        list = sl_bytes(list.data + skip, list.size - skip);
    }
    return false;
}

struct framing {
    unsigned lengths, encodings, hosts;
    uint64_t length;
    bool chunked, close, keep;
};

static bool read_length(struct sl_bytes text, uint64_t *ret_length)
{
    uint64_t length = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        length = length * 10 + (text.data[i] - '0');
    }
    *ret_length = length;
    return true;
}

static int note_header(struct sl_http1_parser *parser, const struct sl_header *header,
                       struct framing *framing)
{
    struct sl_bytes name = header->name;
    if (sl_bytes_is(name, "content-length")) {
        if (framing->lengths++ > 0 || !read_length(header->value, &framing->length))
            return bad(parser, 400, "bad Content-Length");
    } else if (sl_bytes_is(name, "transfer-encoding")) {
        framing->chunked = sl_bytes_equal_nocase(header->value, SL_LIT("chunked"));
        if (framing->encodings++ > 0)
            return bad(parser, 400, "more than one Transfer-Encoding");
        if (!framing->chunked)
            return bad(parser, 501, "Transfer-Encoding other than chunked");
    } else if (sl_bytes_is(name, "connection")) {
        framing->close |= list_has(header->value, "close");
        framing->keep |= list_has(header->value, "keep-alive");
    } else if (sl_bytes_is(name, "expect")) {
        bool known = sl_bytes_equal_nocase(header->value, SL_LIT("100-continue"));
        parser->head.expect_continue |= known;
        parser->head.expect_other |= !known;
    } else if (sl_bytes_is(name, "host")) {
        framing->hosts++;
    }
    return 0;
}

static void frame_response(struct sl_http1_parser *parser, const struct framing *framing)
{
    struct sl_http1_head *head = &parser->head;
    bool none = parser->no_body || head->status < 200 || head->status == 204 || head->status == 304;
    if (none)
        head->body = SL_HTTP1_NO_BODY;
    else if (framing->chunked)
        head->body = SL_HTTP1_CHUNKED;
    else if (framing->lengths > 0)
        head->body = SL_HTTP1_LENGTH;
    else
        head->body = SL_HTTP1_UNTIL_CLOSE;
    if (head->body == SL_HTTP1_UNTIL_CLOSE)
        head->keep_alive = false;
}

static int decide_framing(struct sl_http1_parser *parser, const struct framing *framing)
{
    struct sl_http1_head *head = &parser->head;
    if (framing->lengths > 0 && framing->encodings > 0)
        return bad(parser, 400, "both Content-Length and Transfer-Encoding");
    if (framing->encodings > 0 && head->minor == 0)
        return bad(parser, 400, "Transfer-Encoding in HTTP/1.0");
    head->length = framing->length;
    head->keep_alive = !framing->close && (head->minor == 1 || framing->keep);
    if (parser->kind == SL_HTTP1_RESPONSE) {
        frame_response(parser, framing);
        return 0;
    }
    if (framing->hosts > 1 || (framing->hosts == 0 && head->minor == 1))
        return bad(parser, 400, "not exactly one Host");
    if (framing->chunked)
        head->body = SL_HTTP1_CHUNKED;
    else if (framing->lengths > 0)
        head->body = SL_HTTP1_LENGTH;
    return 0;
}

/* The next line, without CR LF; the text ends with an empty one. */
static bool next_line(struct sl_bytes *rest, struct sl_bytes *ret_line)
{
    const uint8_t *newline = memchr(rest->data, '\n', rest->size);
    if (newline == NULL)
        return false;
    size_t size = (size_t)(newline - rest->data);
    *ret_line = sl_bytes(rest->data, size - 1);
    *rest = sl_bytes(newline + 1, rest->size - size - 1);
    return true;
}

int sl_http1_read_head(struct sl_http1_parser *parser)
{
    struct sl_http1_head *head = &parser->head;
    struct sl_bytes rest = sl_out_view(&parser->text), line;
    struct framing framing = {0};
    *head = (struct sl_http1_head){.header_count = 0};
    (void)next_line(&rest, &line);
    int rc = parser->kind == SL_HTTP1_REQUEST ? read_request_line(parser, line)
                                              : read_status_line(parser, line);
    while (rc == 0 && next_line(&rest, &line) && line.size > 0) {
        if (head->header_count == SL_HTTP1_MAX_HEADERS)
            return bad(parser, 431, "too many header fields");
        struct sl_header *header = &head->headers[head->header_count];
        if (!sl_http1_split_header(line, header))
            return bad(parser, 400, "bad header field");
        head->header_count++;
        rc = note_header(parser, header, &framing);
    }
    return rc != 0 ? rc : decide_framing(parser, &framing);
}
