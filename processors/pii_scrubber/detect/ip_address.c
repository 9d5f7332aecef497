/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public IPv4 and IPv6 addresses. Loopback, private, link-local, documentation
 * and multicast ranges say nothing about a person and stay; versions of four
 * numbers are told apart by the words around them.
 */
#include "processors/pii_scrubber/detect/detect.h"

static const char *const version_words[] = {
    "version", "firmware", "release", "upgrade", "agent to", "sdk", "driver", "supersedes",
    "package", "build",    "chrome/", "safari/", "ver",      "rev", NULL};
static const struct sl_pii_words version_context = {version_words, 24, 0};
static const char *const address_words[] = {
    "ip",      "ipv4",   "host",        "addr", "address",   "from", "client",
    "remote",  "peer",   "server",      "dns",  "login",     "src",  "dst",
    "connect", "source", "destination", "ping", "forwarded", NULL};
static const struct sl_pii_words address_context = {address_words, 32, 0};

static bool is_public_v4(const unsigned *part)
{
    if (part[0] == 0 || part[0] == 10 || part[0] == 127 || part[0] >= 224)
        return false;
    if ((part[0] == 172 && part[1] >= 16 && part[1] < 32) || (part[0] == 192 && part[1] == 168) ||
        (part[0] == 169 && part[1] == 254) || (part[0] == 100 && part[1] >= 64 && part[1] < 128))
        return false;
    return !((part[0] == 192 && part[1] == 0 && part[2] == 2) ||
             (part[0] == 198 && part[1] == 51 && part[2] == 100) ||
             (part[0] == 203 && part[1] == 0 && part[2] == 113));
}

static bool read_v4(const struct sl_pii_scan *scan, const struct sl_pii_digits *digits,
                    unsigned *ret_parts)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct sl_pii_group *group = &digits->groups[i];
        const uint8_t *text = scan->text + group->start;
        if (group->size > 3 || (group->size > 1 && text[0] == '0') ||
            (i < 3 && group->separator != '.'))
            return false;
        ret_parts[i] = 0;
        for (unsigned k = 0; k < group->size; k++)
            ret_parts[i] = ret_parts[i] * 10 + (unsigned)(text[k] - '0');
        if (ret_parts[i] > 255)
            return false;
    }
    return true;
}

static void find_v4(struct sl_pii_scan *scan, const struct sl_pii_digits *digits)
{
    unsigned parts[4];
    if (digits->count < 4 || digits->groups[3].separator == '.' || !read_v4(scan, digits, parts))
        return;
    size_t start = digits->groups[0].start, end = sl_pii_group_end(digits, 3);
    if (!sl_pii_ends(scan->text, scan->size, end) || !is_public_v4(parts))
        return;
    bool in_path = digits->before == '/' && !(start >= 2 && scan->text[start - 2] == '/');
    if (in_path || digits->before == '-' || sl_pii_near(scan, start, end, &version_context))
        return;
    bool small = parts[0] < 10;
    if (small && !sl_pii_near(scan, start, end, &address_context))
        return;
    sl_pii_report(scan, SL_PII_ip_address, start, end, 75);
}

struct v6 {
    unsigned colons, doubles, digits;
    bool valid;
};

static struct v6 read_v6(const struct sl_pii_scan *scan, size_t start, size_t end)
{
    struct v6 address = {.valid = true};
    unsigned group = 0;
    for (size_t i = start; i < end; i++) {
        uint8_t c = scan->text[i];
        if (c != ':') {
            address.digits += sl_pii_is(c, SL_PII_DIGIT);
            address.valid = address.valid && ++group <= 4;
            continue;
        }
        group = 0;
        address.colons++;
        address.doubles += i + 1 < end && scan->text[i + 1] == ':';
    }
    return address;
}

static bool starts_with(const struct sl_pii_scan *scan, size_t start, size_t end, const char *text)
{
    size_t size = strlen(text);
    if (end - start < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (sl_pii_lower(scan->text[start + i]) != (uint8_t)text[i])
            return false;
    }
    return true;
}

static bool is_public_v6(const struct sl_pii_scan *scan, size_t start, size_t end)
{
    static const char *const others[] = {"fe8", "fe9", "fea",       "feb",        "fc",
                                         "fd",  "ff",  "2001:db8:", "2001:0db8:", NULL};
    for (unsigned i = 0; others[i] != NULL; i++) {
        if (starts_with(scan, start, end, others[i]))
            return false;
    }
    return true;
}

static void find_v6(struct sl_pii_scan *scan, size_t pos)
{
    const uint8_t *text = scan->text;
    if (text[pos] != ':' || pos < scan->address_end || pos + 1 >= scan->size)
        return;
    bool before = pos > 0 && sl_pii_is(text[pos - 1], SL_PII_HEX);
    if ((!before && text[pos + 1] != ':') ||
        (!sl_pii_is(text[pos + 1], SL_PII_HEX) && text[pos + 1] != ':'))
        return;
    size_t start = pos, end = pos;
    while (start > 0 && pos - start < 4 && sl_pii_is(text[start - 1], SL_PII_HEX))
        start--;
    while (end < scan->size && end - start < 46 &&
           (sl_pii_is(text[end], SL_PII_HEX) || text[end] == ':'))
        end++;
    scan->address_end = end;
    if (text[end - 1] == ':' && text[end - 2] != ':')
        end--;
    struct v6 address = read_v6(scan, start, end);
    bool full = address.colons == 7 && address.doubles == 0;
    bool shortened =
        address.doubles == 1 && address.colons >= 2 && address.colons <= 7 && end - start >= 8;
    bool glued = start > 0 && (text[start - 1] == ':' || text[start - 1] == '.');
    if (address.valid && address.digits > 0 && (full || shortened) && !glued &&
        sl_pii_starts(text, start, false) && sl_pii_ends(text, scan->size, end) &&
        is_public_v6(scan, start, end))
        sl_pii_report(scan, SL_PII_ip_address, start, end, 85);
}

const struct sl_pii_detector sl_pii_ip_address = {
    .placeholder = "IP_ADDRESS",
    .doc = "Public IPv4 and IPv6 addresses.",
    .group_sizes = 1u << 1 | 1u << 2 | 1u << 3,
    .digits = find_v4,
    .separator = find_v6,
};
