/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_SCRUB_HELPER_H
#define SL_TESTS_SCRUB_HELPER_H

#include <stdlib.h>

#include "processors/pii_scrubber/engine.h"
#include "tests/check.h"

/* An engine with every type, a scanner, an arena and the default policy. */
struct scrub_fixture {
    struct sl_pii_engine *engine;
    struct sl_pii_scanner *scanner;
    struct sl_pii_policy policy;
    struct sl_arena arena;
};

static inline void scrub_begin(struct scrub_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->engine = sl_pii_engine_new(NULL);
    CHECK(fixture->engine != NULL);
    fixture->scanner = sl_pii_scanner_new(fixture->engine);
    CHECK(fixture->scanner != NULL);
    fixture->policy.prefix = SL_LIT("[");
    fixture->policy.suffix = SL_LIT("]");
    fixture->policy.hash_key = SL_LIT("0123456789abcdef");
}

static inline void scrub_end(struct scrub_fixture *fixture)
{
    sl_pii_scanner_free(fixture->scanner);
    sl_pii_engine_free(fixture->engine);
    sl_arena_done(&fixture->arena);
}

/* Scrubs a copy exactly as large as the text, so that a read past it is seen. */
static inline struct sl_bytes scrub_bytes(struct scrub_fixture *fixture, struct sl_bytes text)
{
    uint8_t *copy = malloc(text.size > 0 ? text.size : 1);
    CHECK(copy != NULL);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    struct sl_pii_outcome outcome;
    CHECK_INT(sl_pii_scrub(fixture->scanner, &fixture->policy, sl_bytes(copy, text.size),
                           &fixture->arena, &outcome),
              0);
    struct sl_bytes kept = sl_arena_copy(&fixture->arena, outcome.text);
    CHECK(kept.data != NULL);
    free(copy);
    return kept;
}

static inline struct sl_bytes scrub_text(struct scrub_fixture *fixture, const char *text)
{
    return scrub_bytes(fixture, sl_text(text));
}

/* {text, what it becomes}; NULL: stays as it is. Ends with {NULL}. */
struct scrub_case {
    const char *text, *want;
};

static inline void scrub_cases(const struct scrub_case *cases)
{
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    for (; cases->text != NULL; cases++) {
        struct sl_bytes want = sl_text(cases->want != NULL ? cases->want : cases->text);
        CHECK_BYTES(scrub_text(&fixture, cases->text), want);
        CHECK_BYTES(scrub_bytes(&fixture, want), want);
    }
    scrub_end(&fixture);
}

#endif
