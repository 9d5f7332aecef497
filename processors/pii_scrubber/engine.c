/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: builds the dispatch of marks to detectors, runs the index over
 * chunks of the text and calls the detectors at its marks, then once more over
 * the decoded text when there is something to decode.
 */
#include "processors/pii_scrubber/engine.h"

#include "core/alloc.h"
#include "processors/pii_scrubber/detect/keyed.h"
#include "processors/pii_scrubber/scanner.h"

enum { SHORTEST = 6, KEPT_MEMORY = 1 << 20, TEXT_MAX = 1 << 30 };

const struct sl_pii_detector *const sl_pii_detectors[SL_PII_COUNT] = {
#define SL_PII(name) &sl_pii_##name,
#include "processors/pii_scrubber/entities.def"
#undef SL_PII
};

static const char *const names[SL_PII_COUNT] = {
#define SL_PII(name) #name,
#include "processors/pii_scrubber/entities.def"
#undef SL_PII
};

const char *sl_pii_name(unsigned entity)
{
    return names[entity];
}

const char *sl_pii_placeholder(unsigned entity)
{
    return sl_pii_detectors[entity]->placeholder;
}

const char *sl_pii_doc(unsigned entity)
{
    return sl_pii_detectors[entity]->doc;
}

int sl_pii_find(const char *name)
{
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

/* ---- building ---- */

static void add_mark(sl_pii_mark_fn **list, sl_pii_mark_fn *function)
{
    if (function == NULL)
        return;
    while (*list != NULL && *list != function)
        list++;
    *list = function;
}

static void add_digits(struct sl_pii_engine *engine, const struct sl_pii_detector *detector)
{
    for (unsigned size = 1; size < SL_PII_SIZES; size++) {
        if (detector->digits == NULL || (detector->group_sizes >> size & 1) == 0)
            continue;
        sl_pii_digits_fn **list = engine->digits[size];
        while (*list != NULL && *list != detector->digits)
            list++;
        *list = detector->digits;
    }
}

static unsigned chain_of(uint8_t first, uint8_t second, uint8_t third)
{
    uint32_t key = (first | 0x20u) | (second | 0x20u) << 8 | (third | 0x20u) << 16;
    return (key * 0x9e3779b1u) >> 22;
}

static void add_node(struct sl_pii_engine *engine, const struct sl_pii_detector *detector,
                     const struct sl_pii_literal *literal, unsigned chain)
{
    for (int16_t i = engine->chains[chain]; i >= 0; i = engine->nodes[i].next) {
        if (engine->nodes[i].literal == literal)
            return;
    }
    if (engine->node_count == SL_PII_NODES)
        return; /* a static table: a unit test counts it */
    engine->nodes[engine->node_count] = (struct sl_pii_node){
        literal, detector->literal, (uint16_t)strlen(literal->text), engine->chains[chain]};
    engine->chains[chain] = (int16_t)engine->node_count++;
}

/* Which bytes a literal allows at its first three places, as masks of half bytes. */
struct halves {
    uint16_t low[3], high[3];
};

static void add_half(struct halves *halves, unsigned k, uint8_t c)
{
    halves->low[k] |= (uint16_t)(1u << (c & 15));
    halves->high[k] |= (uint16_t)(1u << (c >> 4));
}

static struct halves halves_of(const struct sl_pii_literal *literal)
{
    struct halves halves = {{0}, {0}};
    size_t size = strlen(literal->text);
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned c = 0; c < 256; c++) {
            bool allowed = k < size ? c == (uint8_t)literal->text[k] ||
                                          (literal->nocase &&
                                           sl_pii_lower((uint8_t)c) == (uint8_t)literal->text[k])
                                    : sl_pii_is((uint8_t)c, literal->third);
            if (allowed)
                add_half(&halves, k, (uint8_t)c);
        }
    }
    return halves;
}

static uint64_t cost(const struct halves *halves)
{
    uint64_t product = 1;
    for (unsigned k = 0; k < 3; k++)
        product *= (uint64_t)__builtin_popcount(halves->low[k]) *
                   (uint64_t)__builtin_popcount(halves->high[k]);
    return product;
}

static struct halves joined(const struct halves *a, const struct halves *b)
{
    struct halves both;
    for (unsigned k = 0; k < 3; k++) {
        both.low[k] = a->low[k] | b->low[k];
        both.high[k] = a->high[k] | b->high[k];
    }
    return both;
}

/* The bucket that grows least takes the literal. */
static void add_to_bucket(struct halves *buckets, const struct sl_pii_literal *literal)
{
    struct halves halves = halves_of(literal);
    unsigned best = 0;
    uint64_t best_growth = UINT64_MAX;
    for (unsigned i = 0; i < 8; i++) {
        struct halves both = joined(&buckets[i], &halves);
        uint64_t growth = cost(&both) - cost(&buckets[i]);
        if (growth < best_growth) {
            best_growth = growth;
            best = i;
        }
    }
    buckets[best] = joined(&buckets[best], &halves);
}

static void add_literals(struct sl_pii_engine *engine, struct halves *buckets,
                         const struct sl_pii_detector *detector)
{
    for (const struct sl_pii_literal *literal = detector->literals;
         literal != NULL && literal->text != NULL; literal++) {
        const uint8_t *text = (const uint8_t *)literal->text;
        add_to_bucket(buckets, literal);
        if (text[2] != 0) {
            add_node(engine, detector, literal, chain_of(text[0], text[1], text[2]));
            continue;
        }
        for (unsigned c = 0; c < 256; c++) {
            if (sl_pii_is((uint8_t)c, literal->third))
                add_node(engine, detector, literal, chain_of(text[0], text[1], (uint8_t)c));
        }
    }
}

static void fill_prefilter(struct sl_pii_prefilter *prefilter, const struct halves *buckets)
{
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned i = 0; i < 8; i++) {
            for (unsigned half = 0; half < 16; half++) {
                prefilter->low[k][half] |= (uint8_t)((buckets[i].low[k] >> half & 1u) << i);
                prefilter->high[k][half] |= (uint8_t)((buckets[i].high[k] >> half & 1u) << i);
            }
        }
        for (unsigned c = 0; c < 256; c++)
            prefilter->byte[k][c] = prefilter->low[k][c & 15] & prefilter->high[k][c >> 4];
    }
}

struct sl_pii_engine *sl_pii_engine_new(const bool *enabled)
{
    struct sl_pii_engine *engine = sl_calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    memset(engine->chains, 0xff, sizeof engine->chains);
    struct halves buckets[8] = {{{0}, {0}}};
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        const struct sl_pii_detector *detector = sl_pii_detectors[i];
        engine->enabled[i] = enabled == NULL || enabled[i];
        if (!engine->enabled[i])
            continue;
        add_digits(engine, detector);
        add_mark(engine->after_upper, detector->after_upper);
        add_mark(engine->at, detector->at);
        add_mark(engine->separator, detector->separator);
        add_literals(engine, buckets, detector);
    }
    fill_prefilter(&engine->prefilter, buckets);
    engine->index = sl_pii_index_best();
    return engine;
}

void sl_pii_engine_free(struct sl_pii_engine *engine)
{
    sl_free(engine);
}

void sl_pii_engine_portable(struct sl_pii_engine *engine)
{
    engine->index = sl_pii_index_portable;
}

struct sl_pii_scanner *sl_pii_scanner_new(const struct sl_pii_engine *engine)
{
    struct sl_pii_scanner *scanner = sl_calloc(1, sizeof *scanner);
    if (scanner != NULL)
        scanner->engine = engine;
    return scanner;
}

void sl_pii_scanner_free(struct sl_pii_scanner *scanner)
{
    if (scanner == NULL)
        return;
    sl_free(scanner->found.spans);
    sl_pii_decoded_done(&scanner->decoded);
    sl_free(scanner);
}

/* ---- scanning ---- */

void sl_pii_report(struct sl_pii_scan *scan, enum sl_pii_entity entity, size_t start, size_t end,
                   uint8_t priority)
{
    struct sl_pii_scanner *scanner = scan->scanner;
    struct sl_pii_list *list = &scanner->found;
    if (!scanner->engine->enabled[entity] || start >= end || scanner->failed)
        return;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 32;
        struct sl_pii_span *spans = sl_realloc(list->spans, capacity * sizeof *spans);
        if (spans == NULL) {
            scanner->failed = true;
            return;
        }
        list->spans = spans;
        list->capacity = capacity;
    }
    list->spans[list->count++] = (struct sl_pii_span){start, end, (uint8_t)entity, priority};
}

static void call(sl_pii_mark_fn *const *list, struct sl_pii_scan *scan, uint64_t marks, size_t base)
{
    if (list[0] == NULL)
        return;
    for (; marks != 0; marks &= marks - 1) {
        size_t pos = base + (unsigned)__builtin_ctzll(marks);
        for (sl_pii_mark_fn *const *function = list; *function != NULL; function++)
            (*function)(scan, pos);
    }
}

/* Four digits can be an address at least, seven a telephone number. */
static bool enough_digits(const struct sl_pii_scan *scan, size_t pos, uint64_t ahead)
{
    int count = __builtin_popcountll(ahead & ((1ull << 40) - 1));
    if (count >= 7)
        return true;
    size_t left = scan->size - pos;
    return count >= 4 && memchr(scan->text + pos, '.', left < 4 ? left : 4) != NULL;
}

static void call_digits(struct sl_pii_scan *scan, const struct sl_pii_index *index, size_t word,
                        uint64_t starts, size_t base)
{
    const struct sl_pii_engine *engine = scan->scanner->engine;
    for (; starts != 0; starts &= starts - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(starts);
        uint64_t ahead = index->digit[word] >> bit;
        if (bit > 0)
            ahead |= index->digit[word + 1] << (64 - bit);
        struct sl_pii_digits digits;
        if (!enough_digits(scan, base + bit, ahead) ||
            !sl_pii_digits_parse(scan, base + bit, &digits))
            continue;
        unsigned size = digits.groups[0].size;
        sl_pii_digits_fn *const *list =
            engine->digits[size < SL_PII_SIZES ? size : SL_PII_SIZES - 1];
        for (; *list != NULL; list++)
            (*list)(scan, &digits);
    }
}

static bool is_literal(const struct sl_pii_scan *scan, size_t pos, const struct sl_pii_node *node)
{
    if (scan->size - pos < node->size)
        return false;
    const uint8_t *text = scan->text + pos;
    const uint8_t *want = (const uint8_t *)node->literal->text;
    if (!node->literal->nocase)
        return memcmp(text, want, node->size) == 0;
    for (unsigned i = 0; i < node->size; i++) {
        if (sl_pii_lower(text[i]) != want[i])
            return false;
    }
    return true;
}

static void call_literals(struct sl_pii_scan *scan, uint64_t marks, size_t base)
{
    const struct sl_pii_engine *engine = scan->scanner->engine;
    for (; marks != 0; marks &= marks - 1) {
        size_t pos = base + (unsigned)__builtin_ctzll(marks);
        if (scan->size - pos < 3)
            continue;
        const uint8_t *text = scan->text + pos;
        int16_t i = engine->chains[chain_of(text[0], text[1], text[2])];
        for (; i >= 0; i = engine->nodes[i].next) {
            const struct sl_pii_node *node = &engine->nodes[i];
            if (is_literal(scan, pos, node))
                node->found(scan, pos, node->literal);
        }
    }
}

/* Calls the detectors at the marks of one chunk that begins at base. */
static void call_chunk(struct sl_pii_scan *scan, const struct sl_pii_index *index, size_t base,
                       size_t size)
{
    const struct sl_pii_engine *engine = scan->scanner->engine;
    uint64_t digit_before = base > 0 && sl_pii_is(scan->text[base - 1], SL_PII_DIGIT);
    uint64_t upper_before = base > 0 && sl_pii_is(scan->text[base - 1], SL_PII_UPPER);
    for (size_t word = 0; word < (size + 63) / 64; word++) {
        size_t at = base + word * 64;
        uint64_t digit = index->digit[word], upper = index->upper[word];
        uint64_t starts = digit & ~(digit << 1 | digit_before);
        uint64_t lettered = starts & (upper << 1 | upper_before);
        digit_before = digit >> 63;
        upper_before = upper >> 63;
        call_digits(scan, index, word, starts & ~lettered, at);
        call(engine->after_upper, scan, lettered, at);
        call(engine->at, scan, index->at[word], at);
        call(engine->separator, scan, index->separator[word], at);
        call_literals(scan, index->literal[word], at);
    }
}

/* One view of the text; returns whether it may hold escapes or look-alikes. */
static bool run(struct sl_pii_scanner *scanner, struct sl_bytes text)
{
    struct sl_pii_scan scan = {.text = text.data, .size = text.size, .scanner = scanner};
    bool escapes = false;
    scanner->window.of = NULL;
    for (size_t base = 0; base < text.size; base += SL_PII_CHUNK) {
        size_t rest = text.size - base;
        size_t size = rest < SL_PII_CHUNK ? rest : SL_PII_CHUNK;
        size_t ahead = rest < SL_PII_CHUNK + 64 ? rest : SL_PII_CHUNK + 64;
        scanner->engine->index(&scanner->engine->prefilter, text.data + base, ahead, rest,
                               &scanner->index);
        escapes = escapes || scanner->index.escapes;
        call_chunk(&scan, &scanner->index, base, size);
    }
    return escapes;
}

static int run_decoded(struct sl_pii_scanner *scanner, struct sl_bytes text)
{
    struct sl_pii_decoded *decoded = &scanner->decoded;
    if (sl_pii_decode(decoded, text) != 0)
        return SL_ENOMEM;
    size_t first = scanner->found.count;
    (void)run(scanner, sl_bytes(decoded->text, decoded->size));
    for (size_t i = first; i < scanner->found.count; i++) {
        struct sl_pii_span *span = &scanner->found.spans[i];
        span->start = decoded->origin[span->start];
        span->end = decoded->origin[span->end];
    }
    return 0;
}

/* A very long text must not keep its memory for ever. */
static void trim(struct sl_pii_scanner *scanner)
{
    if (scanner->decoded.capacity > KEPT_MEMORY)
        sl_pii_decoded_done(&scanner->decoded);
}

int sl_pii_scan(struct sl_pii_scanner *scanner, struct sl_bytes text,
                const struct sl_pii_span **ret_spans, size_t *ret_count)
{
    if (text.size > TEXT_MAX)
        return SL_ELIMIT;
    scanner->found.count = 0;
    scanner->failed = false;
    int status = 0;
    if (text.size >= SHORTEST && run(scanner, text) && sl_pii_needs_decoding(text))
        status = run_decoded(scanner, text);
    trim(scanner);
    if (status != 0 || scanner->failed)
        return SL_ENOMEM;
    if (scanner->found.count > 0)
        sl_pii_resolve(&scanner->found, text);
    *ret_spans = scanner->found.spans;
    *ret_count = scanner->found.count;
    return 0;
}

int sl_pii_by_key(const struct sl_pii_scanner *scanner, struct sl_bytes key, struct sl_bytes value)
{
    int entity = sl_pii_attribute_value(key, value);
    return entity >= 0 && scanner->engine->enabled[entity] ? entity : -1;
}
