/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IBAN, ISO 13616: country, its length, mod 97; plain or in groups of four.
 */
#include "processors/pii_scrubber/detect/detect.h"

static const char lengths[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24"
    "FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32"
    "LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24"
    "RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static unsigned length_of(const uint8_t *country)
{
    for (const char *row = lengths; *row != '\0'; row += 4) {
        if ((uint8_t)row[0] == country[0] && (uint8_t)row[1] == country[1])
            return (unsigned)((row[2] - '0') * 10 + row[3] - '0');
    }
    return 0;
}

static bool is_mod97(const uint8_t *iban, unsigned size)
{
    unsigned rest = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t c = iban[(i + 4) % size];
        rest = c <= '9' ? (rest * 10 + c - '0') % 97 : (rest * 100 + c - 'A' + 10) % 97;
    }
    return rest == 1;
}

/* "IBANDE89...": the word glued before the number. */
static bool starts_iban(const struct sl_pii_scan *scan, size_t start)
{
    return sl_pii_starts(scan->text, start, false) ||
           (start >= 4 && memcmp(scan->text + start - 4, "IBAN", 4) == 0);
}

static void find_iban(struct sl_pii_scan *scan, size_t pos)
{
    if (pos < 2 || !sl_pii_is(scan->text[pos - 2], SL_PII_UPPER))
        return;
    size_t start = pos - 2, at = start;
    unsigned want = length_of(scan->text + start), size = 0;
    uint8_t iban[40];
    if (want == 0 || !starts_iban(scan, start))
        return;
    while (at < scan->size && size < want) {
        uint8_t c = scan->text[at];
        if (sl_pii_is(c, SL_PII_DIGIT | SL_PII_UPPER)) {
            iban[size++] = c;
        } else if (sl_pii_is(c, SL_PII_LOWER) && size >= 4) {
            iban[size++] = (uint8_t)(c & ~0x20u);
        } else if (!((c == ' ' || c == '-' || c == '.') && size >= 4 && size % 4 == 0 &&
                     sl_pii_is(scan->text[at - 1], SL_PII_ALNUM))) {
            return;
        }
        at++;
    }
    if (size == want && sl_pii_ends(scan->text, scan->size, at) &&
        sl_pii_is(iban[2], SL_PII_DIGIT) && sl_pii_is(iban[3], SL_PII_DIGIT) &&
        is_mod97(iban, size))
        sl_pii_report(scan, SL_PII_iban, start, at, 95);
}

const struct sl_pii_detector sl_pii_iban = {
    .placeholder = "IBAN",
    .doc = "International bank account numbers.",
    .mask = SL_PII_MASK_LAST4,
    .after_upper = find_iban,
};
