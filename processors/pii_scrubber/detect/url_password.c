/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The password in scheme://user:password@host. Only the password is replaced,
 * so that the host stays readable; the last '@' before the path counts.
 */
#include "processors/pii_scrubber/detect/detect.h"

enum { AUTHORITY_MAX = 320 };

static bool ends_authority(uint8_t c)
{
    return sl_pii_is(c, SL_PII_BLANK) || c < 0x20 || memchr("/?#\"'<>\\`", c, 9) != NULL;
}

static void find_password(struct sl_pii_scan *scan, size_t pos)
{
    const uint8_t *text = scan->text;
    if (text[pos] != ':' || pos + 2 >= scan->size || text[pos + 1] != '/' || text[pos + 2] != '/' ||
        pos == 0 || !sl_pii_is(text[pos - 1], SL_PII_ALNUM))
        return;
    size_t colon = 0, at = 0, end = pos + 3;
    for (; end < scan->size && end - pos < AUTHORITY_MAX && !ends_authority(text[end]); end++) {
        if (text[end] == ':' && colon == 0)
            colon = end;
        else if (text[end] == '@' && colon != 0)
            at = end;
        else if (text[end] == '@' && colon == 0)
            break;
    }
    if (at <= colon + 1 || sl_pii_is_stand_in(sl_pii_part(scan, colon + 1, at)))
        return;
    sl_pii_report(scan, SL_PII_url_password, colon + 1, at, 96);
}

const struct sl_pii_detector sl_pii_url_password = {
    .placeholder = "URL_PASSWORD",
    .doc = "Passwords in the user part of a URL.",
    .separator = find_password,
};
