/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mail addresses, RFC 5322 dot-atoms with Latin letters, and "name [at]
 * domain [dot] tld". Files ("icon@2x.png"), remotes ("git@host:path") and unit
 * names are told apart by what follows the '@'.
 */
#include "processors/pii_scrubber/detect/detect.h"

enum { LOCAL_MAX = 64, DOMAIN_MAX = 200 };

/* A two-byte letter such as e-acute begins at pos. */
static bool is_latin(const struct sl_pii_scan *scan, size_t pos)
{
    return pos + 1 < scan->size && scan->text[pos] >= 0xc3 && scan->text[pos] <= 0xc5 &&
           (scan->text[pos + 1] & 0xc0) == 0x80;
}

static size_t local_start(const struct sl_pii_scan *scan, size_t at)
{
    const uint8_t *text = scan->text;
    size_t start = at;
    while (start > 0 && at - start < LOCAL_MAX) {
        if (sl_pii_is(text[start - 1], SL_PII_LOCAL))
            start--;
        else if (start >= 2 && is_latin(scan, start - 2))
            start -= 2;
        else
            break;
    }
    if (start > 0 && start < at && text[start - 1] == '\\' &&
        memchr("nrtbf", text[start], 5) != NULL)
        start++;
    while (start < at && memchr(".-%+'", text[start], 5) != NULL)
        start++;
    return start;
}

static size_t domain_end(const struct sl_pii_scan *scan, size_t at)
{
    const uint8_t *text = scan->text;
    size_t end = at + 1;
    while (end < scan->size && end - at < DOMAIN_MAX) {
        uint8_t c = text[end];
        if (is_latin(scan, end))
            end += 2;
        else if (sl_pii_is(c, SL_PII_ALNUM) || c == '-' ||
                 (c == '.' && text[end - 1] != '.' && text[end - 1] != '@'))
            end++;
        else
            break;
    }
    while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-'))
        end--;
    return end;
}

static bool is_file_ending(struct sl_bytes label)
{
    static const char *const endings[] = {
        "png",   "jpg",   "jpeg",        "gif",      "svg", "webp",    "js",
        "css",   "ts",    "py",          "go",       "md",  "json",    "html",
        "so",    "dll",   "yml",         "yaml",     "txt", "service", "socket",
        "timer", "local", "localdomain", "internal", "lan", "invalid", NULL};
    for (unsigned i = 0; endings[i] != NULL; i++) {
        if (sl_bytes_equal_nocase(label, sl_text(endings[i])))
            return true;
    }
    return false;
}

static bool is_domain(const struct sl_pii_scan *scan, size_t start, size_t end)
{
    size_t dot = end;
    while (dot > start && scan->text[dot - 1] != '.')
        dot--;
    if (dot == start || end - dot < 2 || end - dot > 24)
        return false;
    struct sl_bytes label = sl_pii_part(scan, dot, end);
    bool code = label.size > 4 && sl_bytes_starts(label, "xn--");
    if (!code && sl_pii_count(label, SL_PII_DIGIT) > 0)
        return false;
    return !is_file_ending(label);
}

static void find_email(struct sl_pii_scan *scan, size_t at)
{
    size_t start = local_start(scan, at), end = domain_end(scan, at);
    if (start == at || !is_domain(scan, at + 1, end))
        return;
    bool remote = at - start == 3 && memcmp(scan->text + start, "git", 3) == 0 &&
                  end < scan->size && (scan->text[end] == ':' || scan->text[end] == '/');
    if (!remote)
        sl_pii_report(scan, SL_PII_email, start, end, 90);
}

static bool is_here(const struct sl_pii_scan *scan, size_t pos, const char *text)
{
    size_t size = strlen(text);
    return pos + size <= scan->size && memcmp(scan->text + pos, text, size) == 0;
}

/* Length of " [dot] ", "(dot)" and the like at pos; 0: none. */
static size_t dot_size(const struct sl_pii_scan *scan, size_t pos)
{
    static const char *const dots[] = {" [dot] ", " (dot) ", "[dot]", "(dot)", " dot ", NULL};
    for (unsigned i = 0; dots[i] != NULL; i++) {
        if (is_here(scan, pos, dots[i]))
            return strlen(dots[i]);
    }
    bool dot = pos + 1 < scan->size && scan->text[pos] == '.' &&
               sl_pii_is(scan->text[pos + 1], SL_PII_LETTER);
    return dot ? 1 : 0;
}

static size_t spelled_start(const struct sl_pii_scan *scan, size_t pos)
{
    const uint8_t *text = scan->text;
    size_t at = pos;
    while (pos > 0 && text[pos - 1] == ' ' && at - pos < 2)
        pos--;
    size_t end = pos;
    while (pos > 0 && end - pos < LOCAL_MAX) {
        if (sl_pii_is(text[pos - 1], SL_PII_LOCAL))
            pos--;
        else if (pos >= 7 && memcmp(text + pos - 7, " [dot] ", 7) == 0)
            pos -= 7;
        else
            break;
    }
    return pos < end ? pos : at;
}

/* john [at] example [dot] com */
static void find_spelled(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal)
{
    size_t start = spelled_start(scan, pos), end = pos + strlen(literal->text);
    if (start == pos)
        return;
    if (end < scan->size && scan->text[end] == ' ')
        end++;
    unsigned dots = 0;
    size_t last = end;
    while (dots < 8) {
        size_t label = sl_pii_run(scan, end, SL_PII_ALNUM | SL_PII_TOKEN, 63);
        if (label == end)
            break;
        last = label;
        size_t dot = dot_size(scan, label);
        if (dot == 0)
            break;
        dots++;
        end = label + dot;
    }
    if (dots > 0 && last >= end && sl_pii_is(scan->text[last - 1], SL_PII_LETTER))
        sl_pii_report(scan, SL_PII_email, start, last, 80);
}

static const struct sl_pii_literal literals[] = {
    {.text = "[at]"}, {.text = "(at)"}, {.text = NULL}};

const struct sl_pii_detector sl_pii_email = {
    .placeholder = "EMAIL",
    .doc = "E-mail addresses, also spelled with [at] and [dot].",
    .mask = SL_PII_MASK_DOMAIN,
    .at = find_email,
    .literals = literals,
    .literal = find_spelled,
};
