/* SPDX-License-Identifier: Apache-2.0 */
/*
 * US social security numbers: ddd-dd-dddd by itself, other forms with a word
 * for it nearby. Areas 000, 666 and 9xx, group 00 and serial 0000 do not exist.
 */
#include "processors/pii_scrubber/detect/detect.h"

static const char *const ssn_words[] = {"ssn",     "social sec", "socialsec",
                                        "soc sec", "social",     NULL};
static const struct sl_pii_words ssn_context = {ssn_words, 64, 16};

static bool is_issued(const uint8_t *digits)
{
    unsigned area = digits[0] * 100u + digits[1] * 10u + digits[2];
    return area != 0 && area != 666 && area < 900 && digits[3] + digits[4] != 0 &&
           digits[5] + digits[6] + digits[7] + digits[8] != 0;
}

static void find_ssn(struct sl_pii_scan *scan, const struct sl_pii_digits *digits)
{
    uint8_t values[SL_PII_GROUP_DIGITS];
    size_t start = digits->groups[0].start, end = 0;
    bool sure = false;
    if (sl_pii_digits_shape(digits, "\3\2\4")) {
        uint8_t separator = sl_pii_digits_separator(digits, 3);
        if (separator != '-' && separator != ' ' && separator != '.')
            return;
        sure = separator == '-';
        end = sl_pii_group_end(digits, 2);
        (void)sl_pii_digits_read(scan, digits, 3, values);
    } else if (digits->groups[0].size == 9) {
        end = sl_pii_group_end(digits, 0);
        (void)sl_pii_digits_read(scan, digits, 1, values);
    } else if (digits->groups[0].size == 1) {
        if (sl_pii_digits_spaced(scan, digits, 20, values, &end) != 9)
            return;
    } else {
        return;
    }
    if (is_issued(values) && sl_pii_number_ends(scan, end) &&
        (sure || sl_pii_near(scan, start, end, &ssn_context)))
        sl_pii_report(scan, SL_PII_us_ssn, start, end, 85);
}

const struct sl_pii_detector sl_pii_us_ssn = {
    .placeholder = "US_SSN",
    .doc = "US social security numbers.",
    .mask = SL_PII_MASK_LAST4,
    .group_sizes = 1u << 1 | 1u << 3 | 1u << 9,
    .digits = find_ssn,
};
