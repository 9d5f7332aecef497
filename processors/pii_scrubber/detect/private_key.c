/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM, OpenSSH and PGP private key blocks, with real or escaped line ends, and
 * without the END line when the text was cut off.
 */
#include "processors/pii_scrubber/detect/detect.h"

enum { BLOCK_MAX = 16384, LABEL_MAX = 48 };

static const char begin[] = "-----BEGIN ", finish[] = "-----END ";

static bool is_here(const struct sl_pii_scan *scan, size_t pos, const char *text)
{
    size_t size = strlen(text);
    return pos + size <= scan->size && memcmp(scan->text + pos, text, size) == 0;
}

/* End of "... PRIVATE KEY BLOCK-----" whose label begins at pos; 0: not one. */
static size_t label_end(const struct sl_pii_scan *scan, size_t pos, bool private_only)
{
    size_t end = pos;
    while (end < scan->size && end - pos < LABEL_MAX &&
           (sl_pii_is(scan->text[end], SL_PII_UPPER | SL_PII_DIGIT) || scan->text[end] == ' '))
        end++;
    if (private_only && !sl_pii_contains(sl_pii_part(scan, pos, end), "private key"))
        return 0;
    size_t dashes = end;
    while (end < scan->size && scan->text[end] == '-' && end - dashes < 5)
        end++;
    return end - dashes == 5 || end == scan->size ? end : 0;
}

/* Bytes of an armoured block: base64, line ends (real or escaped), header lines. */
static bool is_block_byte(const struct sl_pii_scan *scan, size_t pos)
{
    uint8_t c = scan->text[pos];
    if (sl_pii_is(c, SL_PII_BASE64 | SL_PII_BLANK))
        return true;
    return memchr("\\:,-.()", c, 7) != NULL;
}

/* End of the block's END line; 0 when there is none, and where the walk stopped. */
static size_t find_end(const struct sl_pii_scan *scan, size_t pos, size_t *ret_stop)
{
    size_t limit = scan->size - pos > BLOCK_MAX ? pos + BLOCK_MAX : scan->size;
    for (; pos < limit && is_block_byte(scan, pos); pos++) {
        if (scan->text[pos] != '-' || !is_here(scan, pos, "-----"))
            continue;
        *ret_stop = pos;
        return is_here(scan, pos, finish) ? label_end(scan, pos + sizeof finish - 1, false) : 0;
    }
    *ret_stop = pos;
    return 0;
}

/* Without an END line: base64 up to the first short word after a blank. */
static size_t cut_end(const struct sl_pii_scan *scan, size_t pos, size_t stop)
{
    size_t last = pos;
    while (pos < stop) {
        uint8_t c = scan->text[pos];
        if (c == '\\') {
            while (pos < stop && scan->text[pos] == '\\')
                pos++;
            pos += pos < stop; /* what they escape */
            continue;
        }
        if (!sl_pii_is(c, SL_PII_BASE64)) {
            pos++;
            continue;
        }
        size_t end = sl_pii_run(scan, pos, SL_PII_BASE64, stop - pos);
        bool prose = pos > 0 && scan->text[pos - 1] == ' ' && end - pos < 16;
        if (prose)
            break;
        last = end;
        pos = end;
    }
    return last;
}

static void find_key(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal)
{
    (void)literal;
    size_t body = label_end(scan, pos + sizeof begin - 1, true);
    if (body == 0)
        return;
    size_t stop = body, end = find_end(scan, body, &stop);
    if (end == 0)
        end = cut_end(scan, body, stop);
    sl_pii_report(scan, SL_PII_private_key, pos, end, 99);
}

static const struct sl_pii_literal literals[] = {{.text = begin}, {.text = NULL}};

const struct sl_pii_detector sl_pii_private_key = {
    .placeholder = "PRIVATE_KEY",
    .doc = "Private key blocks (PEM, OpenSSH, PGP).",
    .literals = literals,
    .literal = find_key,
};
