/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses a run of digits with single separators into groups, once, for every
 * detector of numbers.
 */
#include "processors/pii_scrubber/detect/detect.h"

static bool is_digit_at(const struct sl_pii_scan *scan, size_t pos)
{
    return pos < scan->size && sl_pii_is(scan->text[pos], SL_PII_DIGIT);
}

/* Whether what begins at pos, after a comma, is the rest of "1,234": else it is a list. */
static bool is_thousands(const struct sl_pii_scan *scan, size_t pos)
{
    size_t end = sl_pii_run(scan, pos, SL_PII_DIGIT, 4);
    bool goes_on = end < scan->size && (scan->text[end] == '-' || scan->text[end] == '.') &&
                   is_digit_at(scan, end + 1);
    return end - pos == 3 && !goes_on;
}

static bool starts_number(const struct sl_pii_scan *scan, size_t pos)
{
    if (!sl_pii_starts(scan->text, pos, false))
        return false;
    uint8_t before = pos > 0 ? scan->text[pos - 1] : 0;
    if (pos < 2 || !sl_pii_is(scan->text[pos - 2], SL_PII_DIGIT))
        return true;
    if (before == ',')
        return !is_thousands(scan, pos);
    return before != '.' && before != '-' && before != '/';
}

/* Where the next group begins after the separator at pos; 0: none. */
static size_t next_group(const struct sl_pii_scan *scan, size_t pos, uint8_t *ret_separator)
{
    if (pos + 1 >= scan->size)
        return 0;
    uint8_t c = scan->text[pos], next = scan->text[pos + 1];
    if (c == ' ' || c == '-' || c == '.' || c == '/') {
        *ret_separator = c;
        if (sl_pii_is(next, SL_PII_DIGIT))
            return pos + 1;
        *ret_separator = '(';
        return c != '/' && next == '(' && is_digit_at(scan, pos + 2) ? pos + 2 : 0;
    }
    if (c != '(' && c != ')')
        return 0;
    *ret_separator = c;
    if (sl_pii_is(next, SL_PII_DIGIT))
        return pos + 1;
    bool blank = next == ' ' || next == '-' || next == '.';
    return c == ')' && blank && is_digit_at(scan, pos + 2) ? pos + 2 : 0;
}

bool sl_pii_digits_parse(const struct sl_pii_scan *scan, size_t pos, struct sl_pii_digits *digits)
{
    if (!starts_number(scan, pos))
        return false;
    digits->before = pos > 0 ? scan->text[pos - 1] : 0;
    digits->count = 0;
    while (digits->count < SL_PII_GROUPS) {
        size_t end = sl_pii_run(scan, pos, SL_PII_DIGIT, SL_PII_GROUP_DIGITS);
        struct sl_pii_group *group = &digits->groups[digits->count++];
        *group = (struct sl_pii_group){.start = pos, .size = (uint8_t)(end - pos)};
        uint8_t separator = 0;
        pos = group->size < SL_PII_GROUP_DIGITS ? next_group(scan, end, &separator) : 0;
        if (pos == 0)
            break;
        group->separator = separator;
    }
    return true;
}

bool sl_pii_digits_shape(const struct sl_pii_digits *digits, const char *sizes)
{
    unsigned count = (unsigned)strlen(sizes);
    if (digits->count < count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (digits->groups[i].size != (uint8_t)sizes[i])
            return false;
    }
    return true;
}

uint8_t sl_pii_digits_separator(const struct sl_pii_digits *digits, unsigned count)
{
    for (unsigned i = 1; i + 1 < count; i++) {
        if (digits->groups[i].separator != digits->groups[0].separator)
            return 0;
    }
    return digits->groups[0].separator;
}

unsigned sl_pii_digits_read(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                            unsigned groups, uint8_t *ret_digits)
{
    unsigned count = 0;
    for (unsigned i = 0; i < groups && i < digits->count; i++) {
        const struct sl_pii_group *group = &digits->groups[i];
        for (unsigned k = 0; k < group->size && count < SL_PII_GROUP_DIGITS; k++)
            ret_digits[count++] = (uint8_t)(scan->text[group->start + k] - '0');
    }
    return count;
}

unsigned sl_pii_digits_spaced(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                              unsigned max, uint8_t *ret_digits, size_t *ret_end)
{
    if (digits->count < SL_PII_GROUPS || digits->groups[0].separator != ' ')
        return 0;
    size_t pos = digits->groups[0].start;
    if (pos >= 2 && digits->before == ' ' && is_digit_at(scan, pos - 2) &&
        (pos == 2 || !is_digit_at(scan, pos - 3)))
        return 0; /* inside such a row */
    unsigned count = 0;
    while (count < max && is_digit_at(scan, pos) && !is_digit_at(scan, pos + 1)) {
        ret_digits[count++] = (uint8_t)(scan->text[pos] - '0');
        *ret_end = pos + 1;
        if (pos + 1 >= scan->size || scan->text[pos + 1] != ' ')
            break;
        pos += 2;
    }
    return count;
}

/* The last digits of a number with dashes or dots, such as an address: no comma
 * behind them is of thousands or decimals. */
static bool is_last_group(const struct sl_pii_scan *scan, size_t end)
{
    size_t start = end;
    while (start > 0 && end - start < 5 && sl_pii_is(scan->text[start - 1], SL_PII_DIGIT))
        start--;
    return start > 0 && (scan->text[start - 1] == '-' || scan->text[start - 1] == '.');
}

bool sl_pii_number_ends(const struct sl_pii_scan *scan, size_t end)
{
    if (!sl_pii_ends(scan->text, scan->size, end))
        return false;
    if (!is_digit_at(scan, end + 1))
        return true;
    uint8_t c = scan->text[end];
    if (c == ',')
        return is_last_group(scan, end);
    return c != '.' && c != '-' && c != '/' && c != ':';
}
