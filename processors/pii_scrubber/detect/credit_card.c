/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payment cards, ISO/IEC 7812: issuer range, length and Luhn digit; plain, in
 * groups, or digit by digit. Issuers and lengths that ordinary numbers hit too
 * often (Maestro, 13 and 17-19 digits) need a card word nearby.
 */
#include "processors/pii_scrubber/detect/detect.h"

struct issuer {
    uint16_t low, high; /* of the first four digits */
    uint32_t lengths;   /* bit n: n digits */
    bool weak;
};

#define LENGTH(n) (1u << (n))
#define FROM(n) (0xfffffu & ~(LENGTH(n) - 1u)) /* n to 19 */

static const struct issuer issuers[] = {
    {2221, 2720, LENGTH(16), false},                           /* Mastercard */
    {3000, 3059, LENGTH(14) | LENGTH(16), false},              /* Diners */
    {3400, 3499, LENGTH(15), false},                           /* American Express */
    {3528, 3589, FROM(16), false},                             /* JCB */
    {3600, 3699, LENGTH(14) | LENGTH(16), false},              /* Diners */
    {3700, 3799, LENGTH(15), false},                           /* American Express */
    {3800, 3999, LENGTH(14) | LENGTH(16), false},              /* Diners */
    {4000, 4999, LENGTH(13) | LENGTH(16) | LENGTH(19), false}, /* Visa */
    {5000, 5099, FROM(13), true},                              /* Maestro */
    {5100, 5599, LENGTH(16), false},                           /* Mastercard */
    {5600, 5899, FROM(13), true},                              /* Maestro */
    {6011, 6011, LENGTH(16) | LENGTH(19), false},              /* Discover */
    {6200, 6299, FROM(16), false},                             /* UnionPay */
    {6300, 6399, FROM(13), true},                              /* Maestro */
    {6440, 6599, LENGTH(16) | LENGTH(19), false},              /* Discover */
    {6700, 6799, FROM(13), true},                              /* Maestro */
};

unsigned sl_pii_card_strength(const uint8_t *digits, unsigned count)
{
    if (count < 13 || count > 19)
        return 0;
    unsigned head = digits[0] * 1000u + digits[1] * 100u + digits[2] * 10u + digits[3];
    for (unsigned i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        const struct issuer *issuer = &issuers[i];
        if (head < issuer->low || head > issuer->high)
            continue;
        if ((issuer->lengths & LENGTH(count)) == 0 || !sl_pii_luhn(digits, count))
            return 0;
        return issuer->weak || count == 13 || count > 16 ? 1 : 2;
    }
    return 0;
}

bool sl_pii_is_card(uint64_t number)
{
    uint8_t digits[20];
    unsigned count = 0;
    for (uint64_t rest = number; rest > 0; rest /= 10)
        count++;
    for (unsigned i = count; i > 0; i--, number /= 10)
        digits[i - 1] = (uint8_t)(number % 10);
    return sl_pii_card_strength(digits, count) == 2;
}

static const char *const card_words[] = {"card",   "cc",      "visa",   "mastercard", "maestro",
                                         "amex",   "pan",     "credit", "debit",      "kredit",
                                         "carte",  "tarjeta", "carta",  "cartão",     "kaart",
                                         "カード", "卡",      "카드",   NULL};
static const struct sl_pii_words card_context = {card_words, 48, 0};

static void report(struct sl_pii_scan *scan, const uint8_t *digits, unsigned count, size_t start,
                   size_t end)
{
    unsigned strength = sl_pii_card_strength(digits, count);
    if (strength == 2 || (strength == 1 && sl_pii_near(scan, start, end, &card_context)))
        sl_pii_report(scan, SL_PII_credit_card, start, end, 91);
}

/* Lists and "number/month/year" go on after it; a fraction or an id does not count. */
static bool card_ends(const struct sl_pii_scan *scan, size_t end)
{
    if (!sl_pii_ends(scan->text, scan->size, end))
        return false;
    return end >= scan->size || memchr(",/:", scan->text[end], 3) != NULL ||
           sl_pii_number_ends(scan, end);
}

static void find_card(struct sl_pii_scan *scan, const struct sl_pii_digits *digits)
{
    static const char *const shapes[] = {"\4\4\4\4\3", "\4\4\4\4", "\4\6\5",
                                         "\4\6\4",     "\4\4\4\1", NULL};
    uint8_t values[SL_PII_GROUP_DIGITS];
    size_t start = digits->groups[0].start;
    if (digits->groups[0].size >= 13) {
        size_t end = sl_pii_group_end(digits, 0);
        if (card_ends(scan, end))
            report(scan, values, sl_pii_digits_read(scan, digits, 1, values), start, end);
        return;
    }
    if (digits->groups[0].size == 1) {
        size_t end = start;
        unsigned count = sl_pii_digits_spaced(scan, digits, 20, values, &end);
        report(scan, values, count, start, end);
        return;
    }
    for (unsigned i = 0; shapes[i] != NULL; i++) {
        unsigned groups = (unsigned)strlen(shapes[i]);
        if (!sl_pii_digits_shape(digits, shapes[i]))
            continue;
        uint8_t separator = sl_pii_digits_separator(digits, groups);
        size_t end = sl_pii_group_end(digits, groups - 1);
        if ((separator == ' ' || separator == '-' || separator == '.') &&
            sl_pii_ends(scan->text, scan->size, end))
            report(scan, values, sl_pii_digits_read(scan, digits, groups, values), start, end);
        return;
    }
}

const struct sl_pii_detector sl_pii_credit_card = {
    .placeholder = "CREDIT_CARD",
    .doc = "Payment card numbers by issuer, length and check digit.",
    .mask = SL_PII_MASK_LAST4,
    .group_sizes = 1u << 1 | 1u << 4 | 0xfe000u,
    .digits = find_card,
};
