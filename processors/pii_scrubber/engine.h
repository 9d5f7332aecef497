/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_ENGINE_H
#define SL_PII_ENGINE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"

/*
 * Finds personal data and secrets in text, and replaces them.
 *
 *   index      one pass marks where a value could be: digits, '@', ':' '=', prefixes
 *   detect/    at each mark the detectors that care look around and decide
 *   decode     when the text has escapes or look-alikes, the same over a decoded copy
 *   resolve    overlapping spans become one
 *   rewrite    the text with placeholders instead
 *
 * Every step is linear in the text; work per mark is bounded. A text without
 * marks costs the index pass and no allocation.
 */
enum sl_pii_entity {
#define SL_PII(name) SL_PII_##name,
#include "processors/pii_scrubber/entities.def"
#undef SL_PII
    SL_PII_COUNT
};

struct sl_pii_span {
    size_t start, end;
    uint8_t entity, priority;
};

/* "email"; "EMAIL"; one sentence; entity < SL_PII_COUNT. */
const char *sl_pii_name(unsigned entity);
const char *sl_pii_placeholder(unsigned entity);
const char *sl_pii_doc(unsigned entity);
/* -1: no such type. */
int sl_pii_find(const char *name);

/* ---- what to look for: read-only once made, any number of scanners use it ---- */

struct sl_pii_engine;

/* enabled: SL_PII_COUNT flags, or NULL for all. NULL: out of memory. */
struct sl_pii_engine *sl_pii_engine_new(const bool *enabled);
void sl_pii_engine_free(struct sl_pii_engine *engine);
/* Tests: the index without vector instructions; the results are the same. */
void sl_pii_engine_portable(struct sl_pii_engine *engine);

/* ---- one per worker ---- */

struct sl_pii_scanner;

struct sl_pii_scanner *sl_pii_scanner_new(const struct sl_pii_engine *engine);
void sl_pii_scanner_free(struct sl_pii_scanner *scanner);

/* Spans in order, not overlapping, on character and escape boundaries; valid
 * until the next call. Returns 0, SL_ENOMEM, SL_ELIMIT (text over 1 GiB); after
 * an error nothing is known of the text. */
int sl_pii_scan(struct sl_pii_scanner *scanner, struct sl_bytes text,
                const struct sl_pii_span **ret_spans, size_t *ret_count);
/* The type that an attribute's key makes of its whole value; -1: none, or switched off. */
int sl_pii_by_key(const struct sl_pii_scanner *scanner, struct sl_bytes key, struct sl_bytes value);
/* Whether a number is a payment card by itself: issuer, length and check digit. */
bool sl_pii_is_card(uint64_t number);

/* ---- replacing ---- */

enum sl_pii_action { SL_PII_REDACT, SL_PII_MASK, SL_PII_HASH, SL_PII_DROP };
enum { SL_PII_PASSES = 8 };

struct sl_pii_policy {
    uint8_t actions[SL_PII_COUNT];
    struct sl_bytes prefix, suffix; /* around the type's name: "[" and "]" */
    struct sl_bytes hash_key;       /* for SL_PII_HASH */
};

struct sl_pii_outcome {
    struct sl_bytes text; /* the text itself when nothing was found, else in the arena */
    bool changed;
    bool drop; /* something was found whose action is SL_PII_DROP */
    uint32_t found[SL_PII_COUNT];
};

/* Scans and rewrites until nothing more is found (a replacement can free the
 * boundary of a neighbour), at most SL_PII_PASSES times; a text with more in it
 * after that becomes one placeholder. Other valid JSON stays valid JSON.
 * SL_ENOMEM, SL_ELIMIT: the text must not leave. */
int sl_pii_scrub(struct sl_pii_scanner *scanner, const struct sl_pii_policy *policy,
                 struct sl_bytes text, struct sl_arena *arena, struct sl_pii_outcome *ret_outcome);
/* One replacement for a whole value (a denied key, a card kept as a number). */
int sl_pii_replace_whole(const struct sl_pii_policy *policy, unsigned entity, struct sl_bytes value,
                         struct sl_arena *arena, struct sl_bytes *ret_text);

#endif
