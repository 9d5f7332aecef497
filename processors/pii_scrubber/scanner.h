/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_SCANNER_H
#define SL_PII_SCANNER_H

#include "processors/pii_scrubber/detect/detect.h"
#include "processors/pii_scrubber/index.h"

/* The insides of the engine, shared by its files. */

enum { SL_PII_BEFORE = 64, SL_PII_AFTER = 16, SL_PII_CHAIN = 1024, SL_PII_NODES = 1024 };

struct sl_pii_window {
    const uint8_t *of; /* the text; NULL: nothing built */
    size_t start, end; /* of the span it surrounds */
    size_t middle, size;
    uint64_t pairs[4];
    uint8_t text[2 * (SL_PII_BEFORE + SL_PII_AFTER) + 8];
};

/* A literal in the chain of its first three bytes. */
struct sl_pii_node {
    const struct sl_pii_literal *literal;
    void (*found)(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal);
    uint16_t size;
    int16_t next;
};

enum { SL_PII_SIZES = 32 };

typedef void sl_pii_digits_fn(struct sl_pii_scan *scan, const struct sl_pii_digits *digits);
typedef void sl_pii_mark_fn(struct sl_pii_scan *scan, size_t pos);

struct sl_pii_engine {
    bool enabled[SL_PII_COUNT];
    /* Callbacks per mark, NULL-ended, each function once. */
    sl_pii_digits_fn *digits[SL_PII_SIZES][SL_PII_COUNT + 1];
    sl_pii_mark_fn *after_upper[SL_PII_COUNT + 1], *at[SL_PII_COUNT + 1],
        *separator[SL_PII_COUNT + 1];
    int16_t chains[SL_PII_CHAIN]; /* node, -1: none */
    struct sl_pii_node nodes[SL_PII_NODES];
    unsigned node_count;
    struct sl_pii_prefilter prefilter;
    sl_pii_index_fn *index;
};

struct sl_pii_list {
    struct sl_pii_span *spans;
    size_t count, capacity;
};

struct sl_pii_decoded {
    uint8_t *text;
    uint32_t *origin; /* per byte, plus one: where its unit begins in the source */
    size_t size, capacity;
};

struct sl_pii_scanner {
    const struct sl_pii_engine *engine;
    struct sl_pii_index index;
    struct sl_pii_window window;
    struct sl_pii_list found;
    struct sl_pii_decoded decoded;
    bool failed; /* out of memory */
};

/* decode.c: SL_ENOMEM, or 0 with decoded filled. */
int sl_pii_decode(struct sl_pii_decoded *decoded, struct sl_bytes text);
void sl_pii_decoded_done(struct sl_pii_decoded *decoded);
/* Whether decoding would change anything that matters. */
bool sl_pii_needs_decoding(struct sl_bytes text);

/* spans.c: moves edges off escapes and characters, sorts, joins what overlaps. */
void sl_pii_resolve(struct sl_pii_list *list, struct sl_bytes text);

#endif
