/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check digits, entropy and the other measures that detectors share.
 */
#include "processors/pii_scrubber/checks.h"

#include <math.h>

#include "processors/pii_scrubber/chars.h"

bool sl_pii_luhn(const uint8_t *digits, unsigned count)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = digits[count - 1 - i];
        if (i % 2 == 1) {
            digit *= 2;
            if (digit > 9)
                digit -= 9;
        }
        sum += digit;
    }
    return sum % 10 == 0;
}

double sl_pii_entropy(struct sl_bytes text)
{
    uint16_t seen[256] = {0};
    size_t size = text.size < 4096 ? text.size : 4096;
    for (size_t i = 0; i < size; i++)
        seen[text.data[i]]++;
    double bits = 0;
    for (unsigned i = 0; i < 256; i++) {
        if (seen[i] == 0)
            continue;
        double share = (double)seen[i] / (double)size;
        bits -= share * log2(share);
    }
    return bits;
}

unsigned sl_pii_variety(struct sl_bytes text)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned c = sl_pii_class[text.data[i]] & SL_PII_ALNUM;
        kinds |= c != 0 ? c : 8u;
    }
    return (kinds & 1u) + (kinds >> 1 & 1u) + (kinds >> 2 & 1u) + (kinds >> 3 & 1u);
}

unsigned sl_pii_count(struct sl_bytes text, unsigned classes)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += sl_pii_is(text.data[i], classes);
    return count;
}

bool sl_pii_contains(struct sl_bytes text, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i + size <= text.size; i++) {
        size_t k = 0;
        while (k < size && sl_pii_lower(text.data[i + k]) == (uint8_t)word[k])
            k++;
        if (k == size)
            return true;
    }
    return false;
}

static bool is_one_byte(struct sl_bytes text)
{
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] != text.data[0])
            return false;
    }
    return true;
}

/* Scrubbed before: what is left around the placeholder was judged then. */
static bool holds_placeholder(struct sl_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '[' && sl_pii_placeholder_size(text, i) > 0)
            return true;
    }
    return false;
}

bool sl_pii_is_stand_in(struct sl_bytes text)
{
    static const char *const anywhere[] = {"placeholder", "changeme", "redacted",  "process.env",
                                           "os.environ",  "getenv",   "undefined", "example",
                                           "your_",       "your-",    "xxxx",      "****",
                                           "${",          "{{",       "<your",     NULL};
    static const char *const whole[] = {"null",     "none",     "true",     "false",   "string",
                                        "required", "optional", "password", "secret",  "token",
                                        "bearer",   "basic",    "function", "default", NULL};
    if (text.size == 0 || is_one_byte(text))
        return true;
    uint8_t first = text.data[0], last = text.data[text.size - 1];
    if ((first == '[' && last == ']') || (first == '<' && last == '>') ||
        (first == '{' && last == '}') || (first == '%' && last == '%') || holds_placeholder(text))
        return true;
    if (first == '$' && text.size > 1 &&
        (text.data[1] == '{' || text.data[1] == '(' || sl_pii_is(text.data[1], SL_PII_UPPER)))
        return true;
    struct sl_bytes head = sl_bytes(text.data, text.size < 64 ? text.size : 64);
    for (unsigned i = 0; anywhere[i] != NULL && text.size <= 40; i++) {
        if (sl_pii_contains(head, anywhere[i]))
            return true;
    }
    for (unsigned i = 0; whole[i] != NULL; i++) {
        if (sl_bytes_equal_nocase(text, sl_text(whole[i])))
            return true;
    }
    return false;
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool sl_pii_is_basic(struct sl_bytes text)
{
    uint32_t bits = 0;
    unsigned held = 0;
    bool colon = false;
    for (size_t i = 0; i < text.size && text.data[i] != '='; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        uint8_t byte = (uint8_t)(bits >> held & 0xff);
        if (byte < 0x20 || byte == 0x7f)
            return false;
        colon = colon || byte == ':';
    }
    return colon;
}
