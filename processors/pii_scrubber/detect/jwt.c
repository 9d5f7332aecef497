/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON web tokens (RFC 7519): base64url parts joined by dots, the header
 * beginning with {" ("eyJ"); also encrypted ones with five parts, and a token
 * that was cut off at the end of the text.
 */
#include "processors/pii_scrubber/detect/detect.h"

static void find_jwt(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal)
{
    (void)literal;
    if (!sl_pii_starts(scan->text, pos, true))
        return;
    size_t end = sl_pii_run(scan, pos, SL_PII_TOKEN, scan->size);
    if (end - pos < 12)
        return;
    unsigned parts = 1;
    size_t part = 0;
    while (parts < 5 && end < scan->size && scan->text[end] == '.') {
        size_t next = sl_pii_run(scan, end + 1, SL_PII_TOKEN, scan->size);
        part = next - end - 1;
        if (part == 0 && parts != 1)
            break;
        end = next;
        parts++;
    }
    bool cut = parts == 2 && part >= 12 && end == scan->size;
    if ((parts >= 3 && part >= 8) || cut)
        sl_pii_report(scan, SL_PII_jwt, pos, end, 98);
}

static const struct sl_pii_literal literals[] = {{.text = "eyJ"}, {.text = NULL}};

const struct sl_pii_detector sl_pii_jwt = {
    .placeholder = "JWT",
    .doc = "JSON web tokens.",
    .literals = literals,
    .literal = find_jwt,
};
