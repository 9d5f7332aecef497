/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telephone numbers: +country code (E.164), North American shapes, and national
 * shapes when a word for telephone is near.
 */
#include "processors/pii_scrubber/detect/detect.h"

static const char *const phone_words[] = {
    "phone",    "tel",      "call",      "calling",   "text me",  "mobile", "mobil",    "cell",
    "whatsapp", "sms",      "fax",       "reach me",  "ring",     "dial",   "phones",   "telefon",
    "telefono", "teléfono", "téléphone", "rufen",     "anruf",    "handy",  "portable", "appel",
    "llam",     "llám",     "ligue",     "celular",   "telefone", "bel",    "bellen",   "telefoon",
    "komórk",   "zadzwoń",  "chiam",     "cellulare", "numéro",   "número", "电话",     "手机",
    "電話",     "携帯",     "전화",      "연락",      "मोबाइल",   "फ़ोन",    "फोन",      NULL};
static const struct sl_pii_words phone_context = {phone_words, 48, 0};

/* Two-digit country codes; 1 and 7 are whole, other beginnings have three digits. */
static bool is_country(unsigned first, unsigned second)
{
    static const char two[] =
        "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
        "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
        "21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99 ";
    if (first == 1 || first == 7)
        return true;
    for (const char *code = two; *code != '\0'; code += 3) {
        if ((unsigned)(code[0] - '0') == first && (unsigned)(code[1] - '0') == second)
            return true;
    }
    return false;
}

/* How many groups make a number of at most max digits; their digits. */
static unsigned take_groups(const struct sl_pii_digits *digits, unsigned max, unsigned *ret_total)
{
    unsigned total = 0, groups = 0;
    while (groups < digits->count && total + digits->groups[groups].size <= max)
        total += digits->groups[groups++].size;
    *ret_total = total;
    return groups;
}

static bool find_international(struct sl_pii_scan *scan, const struct sl_pii_digits *digits)
{
    size_t plus = digits->groups[0].start - 1;
    if (!sl_pii_starts(scan->text, plus, false))
        return false;
    uint8_t values[SL_PII_GROUP_DIGITS];
    unsigned total = 0, groups = take_groups(digits, 15, &total);
    /* A year or amount that follows after a blank is not part of the number. */
    while (groups > 1 && total > 12 && digits->groups[groups - 2].separator == ' ' &&
           digits->groups[groups - 1].size == 4 && total - 4 >= 10)
        total -= digits->groups[--groups].size;
    if (total < 8 || groups == 0)
        return false;
    (void)sl_pii_digits_read(scan, digits, groups, values);
    size_t end = sl_pii_group_end(digits, groups - 1);
    if (values[0] == 0 || !is_country(values[0], values[1]) ||
        !sl_pii_ends(scan->text, scan->size, end))
        return false;
    sl_pii_report(scan, SL_PII_phone, plus, end, 88);
    return true;
}

/* (NXX) NXX-XXXX, NXX-NXX-XXXX, NXX.NXX.XXXX, with or without 1 before. */
static bool find_american(struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                          size_t start)
{
    unsigned first = sl_pii_digits_shape(digits, "\1\3\3\4") ? 1 : 0;
    if (first == 0 && !sl_pii_digits_shape(digits, "\3\3\4"))
        return false;
    uint8_t values[SL_PII_GROUP_DIGITS];
    (void)sl_pii_digits_read(scan, digits, first + 3, values);
    const uint8_t *area = values + first;
    if ((first == 1 && values[0] != 1) || area[0] < 2 || area[3] < 2 ||
        (area[1] == 1 && area[2] == 1))
        return false;
    uint8_t one = digits->groups[first].separator, two = digits->groups[first + 1].separator;
    bool shape = (one == ')' && (two == '-' || two == '.' || two == ' ')) ||
                 (one == '-' && two == '-') || (one == '.' && two == '.');
    size_t end = sl_pii_group_end(digits, first + 2);
    if (!shape || !sl_pii_number_ends(scan, end))
        return false;
    sl_pii_report(scan, SL_PII_phone, start, end, 78);
    return true;
}

/* Shapes of national numbers that other numbers rarely have. */
static bool is_national(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                        unsigned groups, unsigned total)
{
    const uint8_t *text = scan->text + digits->groups[0].start;
    const struct sl_pii_group *group = digits->groups;
    if (digits->before == '(' && group[0].separator == ')' && group[0].size == 2)
        return groups == 3 && group[1].size >= 4 && group[2].size == 4;
    if (text[0] != '0' || group[0].size < 2 || text[1] == '0')
        return false;
    uint8_t separator = sl_pii_digits_separator(digits, groups);
    if (groups >= 3 && total >= 9 && total <= 11)
        return separator == ' ' || separator == '.';
    return groups == 2 && group[0].size >= 3 && group[0].size <= 5 && total >= 10 && total <= 12 &&
           (separator == ' ' || separator == '/');
}

static void find_phone(struct sl_pii_scan *scan, const struct sl_pii_digits *digits)
{
    if (digits->before == '+') {
        if (find_international(scan, digits))
            return;
    }
    size_t start = digits->groups[0].start;
    if (digits->before == '(')
        start--;
    if (find_american(scan, digits, start))
        return;
    uint8_t values[SL_PII_GROUP_DIGITS];
    unsigned total = 0, groups = take_groups(digits, 12, &total);
    size_t end = groups > 0 ? sl_pii_group_end(digits, groups - 1) : 0;
    if (groups == SL_PII_GROUPS && digits->groups[0].size == 1)
        total = sl_pii_digits_spaced(scan, digits, 15, values, &end);
    if (total < 8 || total > 15 || !sl_pii_number_ends(scan, end))
        return;
    if (sl_pii_digits_shape(digits, "\4\2\2")) /* a date */
        return;
    if (is_national(scan, digits, groups, total))
        sl_pii_report(scan, SL_PII_phone, start, end, 65);
    else if (sl_pii_near(scan, start, end, &phone_context))
        sl_pii_report(scan, SL_PII_phone, start, end, 72);
}

const struct sl_pii_detector sl_pii_phone = {
    .placeholder = "PHONE",
    .doc = "Telephone numbers: international, North American, national near a word for telephone.",
    .mask = SL_PII_MASK_LAST4,
    .group_sizes = 0x1fffeu,
    .digits = find_phone,
};
