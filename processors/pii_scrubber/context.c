/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words near a candidate: the neighbourhood is lower-cased once per candidate,
 * with escapes and placeholders blanked, and a bit set of its letter pairs
 * turns most words away without a search.
 */
#include "processors/pii_scrubber/scanner.h"

static unsigned pair_bit(uint8_t a, uint8_t b)
{
    return (a * 31u + b * 7u) & 255u;
}

static void put(struct sl_pii_window *window, uint8_t c)
{
    if (window->size < sizeof window->text)
        window->text[window->size++] = c;
}

/* Size of what a scrubber has put at pos: a placeholder or a mask; 0: nothing.
 * The window ends there, so that a text scrubbed before never gains context by
 * values that became shorter. */
static size_t replaced_size(const struct sl_pii_scan *scan, size_t pos)
{
    if (scan->text[pos] == '*')
        return scan->size - pos >= 4 && memcmp(scan->text + pos, "****", 4) == 0 ? 4 : 0;
    return sl_pii_placeholder_size(sl_bytes(scan->text, scan->size), pos);
}

/* Where a window that would begin inside something replaced begins instead. */
static size_t after_replaced(const struct sl_pii_scan *scan, size_t pos)
{
    for (size_t back = 1; back <= 32 && back <= pos; back++) {
        size_t size = replaced_size(scan, pos - back);
        if (size > back)
            return pos - back + size;
    }
    return pos;
}

static bool holds_number(const struct sl_pii_window *window)
{
    return sl_pii_count(sl_bytes(window->text, window->size), SL_PII_DIGIT) >= 5;
}

static void fill(const struct sl_pii_scan *scan, struct sl_pii_window *window, size_t pos,
                 size_t end)
{
    while (pos < end) {
        uint8_t c = scan->text[pos];
        bool line_end = c == '\n' || (c == '\\' && pos + 1 < end && scan->text[pos + 1] == 'n');
        if (line_end && holds_number(window))
            window->size = 0; /* the words before it were about that number */
        size_t replaced = c == '[' || c == '*' ? replaced_size(scan, pos) : 0;
        if (replaced > 0) {
            window->size = 0;
            pos += replaced;
            continue;
        }
        size_t skip = 0;
        if (c == '\\')
            skip = pos + 1 < end && memchr("nrt", scan->text[pos + 1], 3) != NULL ? 2 : 1;
        if (skip > 0) {
            put(window, ' ');
            pos += skip;
            continue;
        }
        bool hump = sl_pii_is(c, SL_PII_UPPER) && window->size > 0 && pos > 0 &&
                    sl_pii_is(scan->text[pos - 1], SL_PII_LOWER);
        if (hump)
            put(window, ' ');
        put(window, c == '_' ? ' ' : sl_pii_lower(c));
        pos++;
    }
}

static void fill_after(const struct sl_pii_scan *scan, struct sl_pii_window *window, size_t pos,
                       size_t end)
{
    for (; pos < end && scan->text[pos] != '\n' && replaced_size(scan, pos) == 0; pos++)
        put(window, sl_pii_lower(scan->text[pos]));
}

static void build(const struct sl_pii_scan *scan, struct sl_pii_window *window, size_t start,
                  size_t end)
{
    size_t first = start > SL_PII_BEFORE ? start - SL_PII_BEFORE : 0;
    size_t last = scan->size - end > SL_PII_AFTER ? end + SL_PII_AFTER : scan->size;
    window->of = scan->text;
    window->start = start;
    window->end = end;
    window->size = 0;
    first = after_replaced(scan, first);
    if (first < start)
        fill(scan, window, first, start);
    window->middle = window->size;
    put(window, ' ');
    fill_after(scan, window, end, last);
    memset(window->pairs, 0, sizeof window->pairs);
    for (size_t i = 0; i + 1 < window->size; i++) {
        unsigned bit = pair_bit(window->text[i], window->text[i + 1]);
        window->pairs[bit >> 6] |= 1ull << (bit & 63);
    }
}

static bool is_letter(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool has_word(struct sl_bytes text, const char *word)
{
    size_t size = strlen(word);
    const uint8_t *at = text.data, *end = text.data + text.size;
    while ((size_t)(end - at) >= size) {
        at = memmem(at, (size_t)(end - at), word, size);
        if (at == NULL)
            return false;
        bool begins = at == text.data || !is_letter(at[-1]) || (uint8_t)word[0] >= 0x80;
        bool ends =
            size > 3 || (uint8_t)word[0] >= 0x80 || at + size == end || !is_letter(at[size]);
        if (begins && ends)
            return true;
        at++;
    }
    return false;
}

bool sl_pii_near(struct sl_pii_scan *scan, size_t start, size_t end,
                 const struct sl_pii_words *words)
{
    struct sl_pii_window *window = &scan->scanner->window;
    if (window->of != scan->text || window->start != start || window->end != end)
        build(scan, window, start, end);
    size_t low = window->middle > words->before ? window->middle - words->before : 0;
    size_t high = window->middle + 1 + words->after;
    if (high > window->size)
        high = window->size;
    struct sl_bytes part = sl_bytes(window->text + low, high - low);
    for (const char *const *word = words->words; *word != NULL; word++) {
        unsigned bit = pair_bit((uint8_t)(*word)[0], (uint8_t)(*word)[1]);
        if ((window->pairs[bit >> 6] >> (bit & 63) & 1) != 0 && has_word(part, *word))
            return true;
    }
    return false;
}
