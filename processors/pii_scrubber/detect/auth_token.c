/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials as in the Authorization header: Bearer (RFC 6750) and Basic
 * (RFC 7617). The scheme stays.
 */
#include "processors/pii_scrubber/detect/detect.h"

enum { BEARER, BASIC, TOKEN_MAX = 4096 };

static size_t token_end(const struct sl_pii_scan *scan, size_t pos)
{
    size_t end = pos;
    while (end < scan->size && end - pos < TOKEN_MAX &&
           (sl_pii_is(scan->text[end], SL_PII_TOKEN | SL_PII_BASE64) || scan->text[end] == '.' ||
            scan->text[end] == '~'))
        end++;
    while (end > pos && scan->text[end - 1] == '.')
        end--;
    return end;
}

static void find_credentials(struct sl_pii_scan *scan, size_t pos,
                             const struct sl_pii_literal *literal)
{
    size_t word = strlen(literal->text), start = pos + word;
    if (!sl_pii_starts(scan->text, pos, false))
        return;
    while (start < scan->size && start - pos - word < 3 &&
           (scan->text[start] == ' ' || scan->text[start] == ':'))
        start++;
    if (start == pos + word)
        return;
    size_t end = token_end(scan, start);
    struct sl_bytes token = sl_pii_part(scan, start, end);
    if (literal->kind == BASIC ? token.size >= 8 && sl_pii_is_basic(token)
                               : token.size >= 16 && sl_pii_count(token, SL_PII_DIGIT) > 0 &&
                                     !sl_pii_is_stand_in(token))
        sl_pii_report(scan, SL_PII_auth_token, start, end, 94);
}

static const struct sl_pii_literal literals[] = {
    {.text = "bearer", .nocase = true, .kind = BEARER},
    {.text = "basic", .nocase = true, .kind = BASIC},
    {.text = NULL},
};

const struct sl_pii_detector sl_pii_auth_token = {
    .placeholder = "AUTH_TOKEN",
    .doc = "Bearer tokens and basic credentials.",
    .literals = literals,
    .literal = find_credentials,
};
