/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_DETECT_H
#define SL_PII_DETECT_H

#include "processors/pii_scrubber/chars.h"
#include "processors/pii_scrubber/checks.h"
#include "processors/pii_scrubber/engine.h"

/*
 * What a detector is: a constant with the marks it wants to be called at. A new
 * type is one file that defines `const struct sl_pii_detector sl_pii_<name>`,
 * one line in entities.def and one in CMakeLists.txt.
 *
 * A detector is called with the whole text and a position; it looks around in
 * a bounded neighbourhood and calls sl_pii_report() for what it is sure of. It
 * keeps no state, allocates nothing and never reads outside [0, size).
 */
struct sl_pii_scan {
    const uint8_t *text;
    size_t size;
    struct sl_pii_scanner *scanner;
    size_t address_end; /* IPv6: colons before it belong to an address already seen */
    size_t key_end;     /* keys with dots and no longest length before it are in one reported */
};

/* Digits with single separators between them, parsed once for all detectors. */
enum { SL_PII_GROUPS = 8, SL_PII_GROUP_DIGITS = 40 };

struct sl_pii_group {
    size_t start;
    uint8_t size;      /* SL_PII_GROUP_DIGITS: that many or more */
    uint8_t separator; /* after it: ' ' '-' '.' '/' ')' '(' (with a blank perhaps); 0: none */
};

struct sl_pii_digits {
    struct sl_pii_group groups[SL_PII_GROUPS];
    unsigned count;
    uint8_t before; /* the byte before; 0: none */
};

struct sl_pii_literal {
    const char *text; /* at least 3 bytes, or 2 with `third` */
    bool nocase;      /* text is lower case then */
    uint8_t third;    /* 2-byte text: classes of the byte that follows */
    /* For the detector's own use. */
    uint8_t classes; /* bytes that the value is made of */
    uint8_t kind;
    uint16_t min, max; /* length of the value */
};

enum sl_pii_mask { SL_PII_MASK_ALL, SL_PII_MASK_LAST4, SL_PII_MASK_DOMAIN };

struct sl_pii_detector {
    const char *placeholder; /* "EMAIL" */
    const char *doc;
    enum sl_pii_mask mask;
    /* Digit runs that begin a word; bit n: whose first group has n digits (31: more). */
    uint32_t group_sizes;
    void (*digits)(struct sl_pii_scan *scan, const struct sl_pii_digits *digits);
    /* A digit right after an upper-case letter. */
    void (*after_upper)(struct sl_pii_scan *scan, size_t pos);
    void (*at)(struct sl_pii_scan *scan, size_t pos);        /* '@' */
    void (*separator)(struct sl_pii_scan *scan, size_t pos); /* ':' '=' */
    const struct sl_pii_literal *literals;                   /* ended by text == NULL */
    void (*literal)(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal);
};

#define SL_PII(name) extern const struct sl_pii_detector sl_pii_##name;
#include "processors/pii_scrubber/entities.def"
#undef SL_PII

extern const struct sl_pii_detector *const sl_pii_detectors[SL_PII_COUNT];

/* Types that are switched off are ignored. Higher priority names an overlap. */
void sl_pii_report(struct sl_pii_scan *scan, enum sl_pii_entity entity, size_t start, size_t end,
                   uint8_t priority);

/* ---- digits (digits.c) ---- */

/* false: no digit run can begin here (glued to a word or to another number). */
bool sl_pii_digits_parse(const struct sl_pii_scan *scan, size_t pos, struct sl_pii_digits *digits);
static inline size_t sl_pii_group_end(const struct sl_pii_digits *digits, unsigned group)
{
    return digits->groups[group].start + digits->groups[group].size;
}
/* The first groups have these sizes ("\3\2\4"). */
bool sl_pii_digits_shape(const struct sl_pii_digits *digits, const char *sizes);
/* The separator between the first `count` groups when it is the same one; else 0. */
uint8_t sl_pii_digits_separator(const struct sl_pii_digits *digits, unsigned count);
/* The digits of the first groups as values; ret needs 40 bytes. Returns how many, at most 40. */
unsigned sl_pii_digits_read(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                            unsigned groups, uint8_t *ret_digits);
/* "4 1 1 1 1 ...": single digits with blanks, at most max of them; their count and end. */
unsigned sl_pii_digits_spaced(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                              unsigned max, uint8_t *ret_digits, size_t *ret_end);
/* A number may end here: not glued to letters, no further digits after a separator. */
bool sl_pii_number_ends(const struct sl_pii_scan *scan, size_t end);

/* ---- context (context.c) ---- */

/* Words in lower case, NULL-ended. A word of up to three letters must stand
 * alone, a longer one begin a word ("phone" in "phoneNumber" and "home_phone"). */
struct sl_pii_words {
    const char *const *words;
    unsigned before, after; /* bytes around the span that count, at most 64 and 16 */
};
bool sl_pii_near(struct sl_pii_scan *scan, size_t start, size_t end,
                 const struct sl_pii_words *words);

/* ---- cards (credit_card.c) ---- */

/* 0: not a card; 1: only with a card word; 2: by itself. */
unsigned sl_pii_card_strength(const uint8_t *digits, unsigned count);

/* End of the run of bytes of these classes that begins at pos, at most max long. */
static inline size_t sl_pii_run(const struct sl_pii_scan *scan, size_t pos, unsigned classes,
                                size_t max)
{
    size_t end = pos;
    while (end < scan->size && end - pos < max && sl_pii_is(scan->text[end], classes))
        end++;
    return end;
}

static inline struct sl_bytes sl_pii_part(const struct sl_pii_scan *scan, size_t start, size_t end)
{
    return sl_bytes(scan->text + start, end - start);
}

#endif
