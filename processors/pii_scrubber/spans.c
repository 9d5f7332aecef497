/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the detectors reported to the spans that are replaced: edges moved
 * off escapes and characters, in order, overlaps joined (all bytes of both, the
 * name of the more certain one), placeholders left alone.
 */
#include "processors/pii_scrubber/scanner.h"

/* The escape unit that pos lies strictly inside of; false: none. */
struct escape {
    size_t start, mark, end; /* mark: after the backslashes or '%' */
    bool coded;              /* \uXXXX or %XX: a character of its own */
};

static bool is_hex(struct sl_bytes text, size_t pos, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (pos + i >= text.size || !sl_pii_is(text.data[pos + i], SL_PII_HEX))
            return false;
    }
    return true;
}

static size_t run_start(struct sl_bytes text, size_t pos)
{
    while (pos > 0 && text.data[pos - 1] == '\\')
        pos--;
    return pos;
}

static bool inside_percent(struct sl_bytes text, size_t pos, struct escape *escape)
{
    for (size_t back = 1; back <= 2 && back <= pos; back++) {
        size_t start = pos - back;
        if (text.data[start] != '%' || !is_hex(text, start + 1, 2))
            continue;
        *escape = (struct escape){start, start + 1, start + 3, true};
        return true;
    }
    return false;
}

static bool inside_escape(struct sl_bytes text, size_t pos, struct escape *escape)
{
    if (pos == 0 || pos >= text.size)
        return false;
    for (size_t back = 1; back <= 5 && back <= pos; back++) {
        size_t mark = pos - back;
        if (text.data[mark] != 'u' || mark == 0 || text.data[mark - 1] != '\\' ||
            !is_hex(text, mark + 1, 4))
            continue;
        if (back == 5)
            break;
        *escape = (struct escape){run_start(text, mark), mark, mark + 5, true};
        return true;
    }
    if (text.data[pos - 1] != '\\')
        return inside_percent(text, pos, escape);
    size_t mark = pos;
    while (mark < text.size && text.data[mark] == '\\')
        mark++;
    bool coded = mark < text.size && text.data[mark] == 'u' && is_hex(text, mark + 1, 4);
    *escape = (struct escape){run_start(text, pos), mark, coded ? mark + 5 : mark + 1, coded};
    return true;
}

static size_t move_start(struct sl_bytes text, size_t start)
{
    for (unsigned i = 0; i < 3 && start > 0 && (text.data[start] & 0xc0) == 0x80; i++)
        start--;
    struct escape escape;
    if (!inside_escape(text, start, &escape))
        return start;
    return escape.coded ? escape.start : escape.end;
}

static size_t move_end(struct sl_bytes text, size_t end)
{
    for (unsigned i = 0; i < 3 && end < text.size && (text.data[end] & 0xc0) == 0x80; i++)
        end++;
    if (end == text.size) /* the text may be a piece of a larger one */
        return run_start(text, end);
    struct escape escape;
    if (!inside_escape(text, end, &escape))
        return end;
    return escape.coded && end > escape.mark - (text.data[escape.start] == '%') ? escape.end
                                                                                : escape.start;
}

size_t sl_pii_placeholder_size(struct sl_bytes text, size_t pos)
{
    for (unsigned i = 0; pos < text.size && text.data[pos] == '[' && i < SL_PII_COUNT; i++) {
        struct sl_bytes name = sl_text(sl_pii_placeholder(i));
        size_t at = pos + 1 + name.size;
        if (at >= text.size || memcmp(text.data + pos + 1, name.data, name.size) != 0)
            continue;
        if (text.data[at] == ':' && is_hex(text, at + 1, 12))
            at += 13;
        if (at < text.size && text.data[at] == ']')
            return at + 1 - pos;
    }
    return 0;
}

/* Inside a replacement that a scrubber has put there. */
static bool is_placeholder(struct sl_bytes text, const struct sl_pii_span *span)
{
    size_t low = span->start > 40 ? span->start - 40 : 0;
    for (size_t pos = span->start + 1; pos > low; pos--) {
        if (text.data[pos - 1] == '[')
            return span->end <= pos - 1 + sl_pii_placeholder_size(text, pos - 1);
    }
    return false;
}

static bool comes_before(const struct sl_pii_span *a, const struct sl_pii_span *b)
{
    if (a->start != b->start)
        return a->start < b->start;
    if (a->entity != b->entity &&
        (a->entity == SL_PII_url_password || b->entity == SL_PII_url_password))
        return a->entity == SL_PII_url_password; /* see drop_url_addresses() */
    return a->end > b->end;
}

static void sift(struct sl_pii_span *spans, size_t root, size_t count)
{
    struct sl_pii_span moved = spans[root];
    for (size_t child = root * 2 + 1; child < count; child = root * 2 + 1) {
        if (child + 1 < count && comes_before(&spans[child], &spans[child + 1]))
            child++;
        if (!comes_before(&moved, &spans[child]))
            break;
        spans[root] = spans[child];
        root = child;
    }
    spans[root] = moved;
}

/* Heap sort: no memory, no bad case. */
static void sort(struct sl_pii_span *spans, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        sift(spans, i - 1, count);
    for (size_t last = count; last > 1; last--) {
        struct sl_pii_span first = spans[0];
        spans[0] = spans[last - 1];
        spans[last - 1] = first;
        sift(spans, 0, last - 1);
    }
}

/* What looks like an address "password@host" inside a URL is not one. */
static void drop_url_addresses(struct sl_pii_list *list)
{
    size_t kept = 0, password_end = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct sl_pii_span span = list->spans[i];
        if (span.entity == SL_PII_url_password && span.end > password_end)
            password_end = span.end;
        bool inside = span.entity == SL_PII_email || span.entity == SL_PII_phone;
        if (!inside || span.start >= password_end)
            list->spans[kept++] = span;
    }
    list->count = kept;
}

static void join(struct sl_pii_list *list)
{
    size_t last = 0;
    for (size_t i = 1; i < list->count; i++) {
        struct sl_pii_span *into = &list->spans[last], *span = &list->spans[i];
        if (span->start >= into->end) {
            list->spans[++last] = *span;
            continue;
        }
        if (span->priority > into->priority) {
            into->priority = span->priority;
            into->entity = span->entity;
        }
        if (span->end > into->end)
            into->end = span->end;
    }
    list->count = list->count > 0 ? last + 1 : 0;
}

void sl_pii_resolve(struct sl_pii_list *list, struct sl_bytes text)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct sl_pii_span span = list->spans[i];
        span.start = move_start(text, span.start);
        span.end = move_end(text, span.end);
        if (span.start < span.end && !is_placeholder(text, &span))
            list->spans[kept++] = span;
    }
    list->count = kept;
    sort(list->spans, list->count);
    drop_url_addresses(list);
    join(list);
}
