/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoded view: what a reader of the text would see. JSON escapes at any
 * depth of nesting, percent escapes, numeric character references, full-width
 * and other digits, odd blanks and hyphens become plain characters; invisible
 * ones vanish. Each byte remembers where its unit begins in the source, so a
 * span maps back to whole units.
 */
#include "core/alloc.h"
#include "core/error.h"
#include "processors/pii_scrubber/scanner.h"

enum { GONE = -1, SAME = -2 };

/* What one unit of the source becomes. */
struct unit {
    size_t size;
    int32_t code; /* a character, GONE, or SAME: the bytes as they are */
};

/* A look-alike as the ASCII character it resembles; others as they are. */
static int32_t plain(uint32_t code)
{
    if (code >= 0xff01 && code <= 0xff5e)
        return (int32_t)(code - 0xff01 + 0x21);
    if (code >= 0x660 && code <= 0x669)
        return (int32_t)(code - 0x660 + '0');
    if (code >= 0x6f0 && code <= 0x6f9)
        return (int32_t)(code - 0x6f0 + '0');
    if (code >= 0x966 && code <= 0x96f)
        return (int32_t)(code - 0x966 + '0');
    if (code == 0xa0 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f || code == 0x205f ||
        code == 0x3000)
        return ' ';
    if ((code >= 0x2010 && code <= 0x2015) || code == 0x2212)
        return '-';
    if (code == 0xad || (code >= 0x200b && code <= 0x200f) || (code >= 0x2060 && code <= 0x2064) ||
        (code >= 0x202a && code <= 0x202e) || code == 0xfeff)
        return GONE;
    if (code >= 0xd800 && code <= 0xdfff)
        return '?';
    return (int32_t)code;
}

/* Up to `count` hexadecimal digits; false when one is missing. */
static bool read_hex(struct sl_bytes text, size_t pos, unsigned count, uint32_t *ret_value)
{
    *ret_value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (pos + i >= text.size || !sl_pii_is(text.data[pos + i], SL_PII_HEX))
            return false;
        *ret_value = *ret_value << 4 | sl_pii_hex_value(text.data[pos + i]);
    }
    return true;
}

/* A run of backslashes and what it escapes, as one unit. */
static struct unit read_backslash(struct sl_bytes text, size_t pos)
{
    size_t end = pos;
    while (end < text.size && text.data[end] == '\\')
        end++;
    uint8_t c = end < text.size ? text.data[end] : 0;
    uint32_t code = 0;
    if (c == 'u' && read_hex(text, end + 1, 4, &code))
        return (struct unit){end + 5 - pos, plain(code)};
    if (c == 'n' || c == 'r')
        return (struct unit){end + 1 - pos, '\n'};
    if (c == 't')
        return (struct unit){end + 1 - pos, '\t'};
    if (c == '/' || c == '"' || c == '\'')
        return (struct unit){end + 1 - pos, c};
    return (struct unit){end - pos, '\\'};
}

/* %40; also %2540, and deeper, of a URL inside a URL. */
static struct unit read_percent(struct sl_bytes text, size_t pos)
{
    uint32_t code = 0, inner = 0;
    size_t at = pos + 1;
    while (read_hex(text, at, 2, &code) && code == '%' && read_hex(text, at + 2, 2, &inner) &&
           inner >= 9 && inner < 0x7f)
        at += 2;
    if (!read_hex(text, at, 2, &code) || code < 9 || code >= 0x7f)
        return (struct unit){1, SAME};
    return (struct unit){at + 2 - pos, code < 0x20 ? '\n' : (int32_t)code};
}

/* &#64; &#x40; */
static struct unit read_entity(struct sl_bytes text, size_t pos)
{
    size_t at = pos + 2;
    uint32_t code = 0;
    bool hex = at < text.size && (text.data[at] | 0x20) == 'x';
    at += hex;
    size_t first = at;
    while (at < text.size && at - first < 7 &&
           sl_pii_is(text.data[at], hex ? SL_PII_HEX : SL_PII_DIGIT)) {
        code = hex ? code << 4 | sl_pii_hex_value(text.data[at])
                   : code * 10 + (uint32_t)(text.data[at] - '0');
        at++;
    }
    bool valid =
        at > first && at < text.size && text.data[at] == ';' && code >= 9 && code < 0x10000;
    return valid ? (struct unit){at + 1 - pos, code < 0x20 ? '\n' : plain(code)}
                 : (struct unit){1, SAME};
}

/* Two and three byte characters; longer and malformed ones stay as they are. */
static struct unit read_utf8(struct sl_bytes text, size_t pos)
{
    const uint8_t *at = text.data + pos;
    size_t left = text.size - pos;
    if (at[0] >= 0xc2 && at[0] < 0xe0 && left >= 2 && (at[1] & 0xc0) == 0x80) {
        uint32_t code = (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
        int32_t became = plain(code);
        return (struct unit){2, became == (int32_t)code ? SAME : became};
    }
    if (at[0] >= 0xe0 && at[0] < 0xf0 && left >= 3 && (at[1] & 0xc0) == 0x80 &&
        (at[2] & 0xc0) == 0x80) {
        uint32_t code = (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        int32_t became = plain(code);
        return (struct unit){3, became == (int32_t)code ? SAME : became};
    }
    return (struct unit){1, SAME};
}

static struct unit read_unit(struct sl_bytes text, size_t pos)
{
    uint8_t c = text.data[pos];
    if (c == '\\')
        return read_backslash(text, pos);
    if (c == '%')
        return read_percent(text, pos);
    if (c == '&' && pos + 1 < text.size && text.data[pos + 1] == '#')
        return read_entity(text, pos);
    if (c >= 0x80)
        return read_utf8(text, pos);
    return (struct unit){1, SAME};
}

void sl_pii_decoded_done(struct sl_pii_decoded *decoded)
{
    sl_free(decoded->text);
    sl_free(decoded->origin);
    memset(decoded, 0, sizeof *decoded);
}

static int reserve(struct sl_pii_decoded *decoded, size_t size)
{
    if (size <= decoded->capacity)
        return 0;
    sl_pii_decoded_done(decoded);
    decoded->text = sl_malloc(size);
    decoded->origin = sl_malloc((size + 1) * sizeof *decoded->origin);
    decoded->capacity = size;
    if (decoded->text != NULL && decoded->origin != NULL)
        return 0;
    sl_pii_decoded_done(decoded);
    return SL_ENOMEM;
}

int sl_pii_decode(struct sl_pii_decoded *decoded, struct sl_bytes text)
{
    /* A unit never becomes longer than it was. */
    if (reserve(decoded, text.size) != 0)
        return SL_ENOMEM;
    size_t size = 0;
    for (size_t pos = 0; pos < text.size;) {
        struct unit unit = read_unit(text, pos);
        uint8_t bytes[4];
        const uint8_t *from = text.data + pos;
        size_t count = unit.size;
        if (unit.code == GONE) {
            count = 0;
        } else if (unit.code != SAME) {
            count = sl_utf8_encode((uint32_t)unit.code, bytes);
            from = bytes;
        }
        for (size_t i = 0; i < count; i++) {
            decoded->text[size] = from[i];
            decoded->origin[size++] = (uint32_t)pos;
        }
        pos += unit.size;
    }
    decoded->origin[size] = (uint32_t)text.size;
    decoded->size = size;
    return 0;
}

bool sl_pii_needs_decoding(struct sl_bytes text)
{
    for (size_t pos = 0; pos < text.size;) {
        uint8_t c = text.data[pos];
        if (c != '\\' && c != '%' && c != '&' && c < 0x80) {
            pos++;
            continue;
        }
        struct unit unit = read_unit(text, pos);
        /* Line ends and quotes are seen through without decoding. */
        bool matters = unit.code != SAME && unit.code != '\n' && unit.code != '\t' &&
                       unit.code != '"' && unit.code != '\'' && unit.code != '\\';
        if (matters)
            return true;
        pos += unit.size;
    }
    return false;
}
