/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1 parser, both kinds. First byte: 1 for responses, 2 for a response to HEAD, plus the
 * seed of where the rest is cut: however it is cut, what is read must be the same. */
#include <assert.h>
#include <stdlib.h>

#include "transport/http1_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    unsigned heads, ends, headers;
    uint64_t body;
    uint64_t hash;
    bool error;
};

static void note(struct seen *seen, const struct sl_http1_parser *parser)
{
    const struct sl_http1_head *head = &parser->head;
    seen->heads++;
    assert(head->header_count <= SL_HTTP1_MAX_HEADERS);
    for (size_t i = 0; i < head->header_count; i++) {
        seen->hash = sl_hash_seeded(head->headers[i].name, seen->hash);
        seen->hash = sl_hash_seeded(head->headers[i].value, seen->hash);
        seen->headers++;
    }
}

/* Feeds pieces of exact size, so that a read past one is seen. */
static struct seen run(const uint8_t *data, size_t size, uint8_t flags, unsigned cut)
{
    struct seen seen = {0};
    struct sl_http1_parser parser;
    sl_http1_parser_init(&parser, (flags & 3) != 0 ? SL_HTTP1_RESPONSE : SL_HTTP1_REQUEST);
    for (size_t at = 0; at < size && !seen.error;) {
        cut = cut * 1103515245u + 12345u;
        size_t piece = cut == 0 ? size : 1 + (cut >> 16) % 7;
        if (piece > size - at || flags >= 252)
            piece = size - at;
        uint8_t *copy = malloc(piece);
        memcpy(copy, data + at, piece);
        struct sl_bytes input = sl_bytes(copy, piece), body;
        for (;;) {
            parser.no_body = (flags & 3) == 2;
            enum sl_http1_event event = sl_http1_next(&parser, &input, &body);
            seen.error = event == SL_HTTP1_ERROR;
            if (event == SL_HTTP1_HEAD)
                note(&seen, &parser);
            else if (event == SL_HTTP1_DATA)
                seen.body += body.size;
            else if (event == SL_HTTP1_END)
                seen.ends++;
            if (event == SL_HTTP1_MORE || event == SL_HTTP1_ERROR)
                break;
        }
        assert(seen.error || input.size == 0);
        free(copy);
        at += piece;
    }
    if (!seen.error)
        seen.ends += sl_http1_end_of_input(&parser) == SL_HTTP1_END;
    sl_http1_parser_done(&parser);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t flags = data[0];
    struct seen whole = run(data + 1, size - 1, flags | 252, 1);
    struct seen cut = run(data + 1, size - 1, flags & 3, flags);
    assert(whole.error == cut.error && whole.heads == cut.heads && whole.ends == cut.ends);
    assert(whole.headers == cut.headers && whole.hash == cut.hash);
    assert(whole.error || whole.body == cut.body);
    return 0;
}
