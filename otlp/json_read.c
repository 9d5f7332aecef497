/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as a pull tokenizer (RFC 8259, strict). One byte of state says what may
 * come next, one bit per level whether it is an object. Strings are scanned
 * eight bytes at a time and checked for UTF-8 only when they have other than ASCII.
 */
#include "otlp/json.h"

#include <assert.h>

enum expect {
    EXPECT_VALUE,
    EXPECT_FIRST_VALUE, /* or the end of the array */
    EXPECT_FIRST_KEY,   /* or the end of the object */
    EXPECT_KEY,
    EXPECT_COMMA, /* or the end of what is open */
    EXPECT_END,
    EXPECT_NOTHING /* there was an error: it stays */
};

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

void sl_json_init(struct sl_json *json, struct sl_bytes text, unsigned max_depth)
{
    assert(max_depth <= SL_JSON_DEPTH);
    static const uint8_t nothing[1];
    const uint8_t *start = text.data != NULL ? text.data : nothing;
    *json = (struct sl_json){
        .start = start, .at = start, .end = start + text.size, .max_depth = max_depth};
}

static enum sl_json_token fail(struct sl_json *json, const char *problem)
{
    json->expect = EXPECT_NOTHING;
    json->problem = problem;
    return SL_JSON_ERROR;
}

static void skip_blanks(struct sl_json *json)
{
    const uint8_t *at = json->at;
    while (at < json->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    json->at = at;
}

static void after_value(struct sl_json *json)
{
    json->expect = json->depth == 0 ? EXPECT_END : EXPECT_COMMA;
}

static bool in_object(const struct sl_json *json)
{
    unsigned level = json->depth - 1;
    return (json->is_object[level / 8] >> (level % 8) & 1) != 0;
}

static enum sl_json_token open_level(struct sl_json *json, bool object)
{
    if (json->depth >= json->max_depth)
        return fail(json, SL_JSON_TOO_DEEP);
    unsigned level = json->depth++;
    uint8_t bit = (uint8_t)(1u << (level % 8));
    if (object)
        json->is_object[level / 8] |= bit;
    else
        json->is_object[level / 8] &= (uint8_t)~bit;
    json->at++;
    json->expect = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_VALUE;
    return object ? SL_JSON_OBJECT : SL_JSON_ARRAY;
}

static enum sl_json_token close_level(struct sl_json *json, bool object)
{
    json->depth--;
    json->at++;
    after_value(json);
    return object ? SL_JSON_OBJECT_END : SL_JSON_ARRAY_END;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    uint8_t low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The four hex digits at p, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Length of the escape at p, which starts with a backslash; 0 when it is none. */
static size_t escape_length(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2)
        return 0;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        return hex4(p + 2, end) >= 0 ? 6 : 0;
    default:
        return 0;
    }
}

/* Steps over what needs no look; ORs the bytes into *high to see other than ASCII. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end, uint64_t *high)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        uint64_t quote = word ^ (ONES * '"'), slash = word ^ (ONES * '\\');
        uint64_t hit =
            ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | ((word - ONES * 0x20) & ~word);
        if ((hit & HIGHS) != 0)
            break;
        *high |= word;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
        *high |= *p++;
    return p;
}

/* Reads a string at json->at, which is a quote; sets raw and escaped. */
static bool read_string(struct sl_json *json)
{
    const uint8_t *start = json->at + 1, *p = start;
    uint64_t high = 0;
    json->escaped = false;
    for (;;) {
        p = skip_plain(p, json->end, &high);
        if (p == json->end || *p == '"')
            break;
        json->at = p;
        if (*p != '\\')
            return fail(json, "control character in a string"), false;
        size_t length = escape_length(p, json->end);
        if (length == 0)
            return fail(json, "invalid escape in a string"), false;
        json->escaped = true;
        p += length;
    }
    struct sl_bytes raw = sl_bytes(start, (size_t)(p - start));
    if ((high & HIGHS) != 0) {
        size_t valid = sl_utf8_valid_prefix(raw);
        json->at = start + valid;
        if (valid != raw.size)
            return fail(json, "invalid UTF-8 in a string"), false;
    }
    json->at = p;
    if (p == json->end)
        return fail(json, "string without an end"), false;
    json->raw = raw;
    json->at++;
    return true;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static enum sl_json_token read_number(struct sl_json *json)
{
    const uint8_t *start = json->at, *end = json->end, *p = start;
    bool ok = true;
    if (p < end && *p == '-')
        p++;
    const uint8_t *digits = p;
    p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
    ok = p > digits;
    if (ok && p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        ok = p > digits;
    }
    if (ok && p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        ok = p > digits;
    }
    json->at = p;
    if (!ok)
        return fail(json, "invalid number");
    json->raw = sl_bytes(start, (size_t)(p - start));
    json->escaped = false;
    after_value(json);
    return SL_JSON_NUMBER;
}

static enum sl_json_token read_word(struct sl_json *json, const char *word,
                                    enum sl_json_token token)
{
    size_t size = strlen(word);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0)
        return fail(json, "unexpected character");
    json->at += size;
    after_value(json);
    return token;
}

static enum sl_json_token read_value(struct sl_json *json)
{
    switch (*json->at) {
    case '{':
        return open_level(json, true);
    case '[':
        return open_level(json, false);
    case '"':
        if (!read_string(json))
            return SL_JSON_ERROR;
        after_value(json);
        return SL_JSON_STRING;
    case 't':
        return read_word(json, "true", SL_JSON_TRUE);
    case 'f':
        return read_word(json, "false", SL_JSON_FALSE);
    case 'n':
        return read_word(json, "null", SL_JSON_NULL);
    default:
        if (*json->at == '-' || (*json->at >= '0' && *json->at <= '9'))
            return read_number(json);
        return fail(json, "unexpected character");
    }
}

static enum sl_json_token read_key(struct sl_json *json)
{
    if (*json->at != '"')
        return fail(json, "expected a key in quotes");
    if (!read_string(json))
        return SL_JSON_ERROR;
    skip_blanks(json);
    if (json->at == json->end || *json->at != ':')
        return fail(json, "expected ':'");
    json->at++;
    json->expect = EXPECT_VALUE;
    return SL_JSON_KEY;
}

static enum sl_json_token read_comma(struct sl_json *json)
{
    bool object = in_object(json);
    if (*json->at == (object ? '}' : ']'))
        return close_level(json, object);
    if (*json->at != ',')
        return fail(json, object ? "expected ',' or '}'" : "expected ',' or ']'");
    json->at++;
    skip_blanks(json);
    json->expect = object ? EXPECT_KEY : EXPECT_VALUE;
    if (json->at == json->end)
        return fail(json, "unexpected end");
    return object ? read_key(json) : read_value(json);
}

enum sl_json_token sl_json_next(struct sl_json *json)
{
    if (json->expect == EXPECT_NOTHING)
        return SL_JSON_ERROR;
    skip_blanks(json);
    if (json->expect == EXPECT_END)
        return json->at == json->end ? SL_JSON_END : fail(json, "more than one value");
    if (json->at == json->end)
        return fail(json, "unexpected end");
    switch ((enum expect)json->expect) {
    case EXPECT_COMMA:
        return read_comma(json);
    case EXPECT_FIRST_KEY:
        return *json->at == '}' ? close_level(json, true) : read_key(json);
    case EXPECT_KEY:
        return read_key(json);
    case EXPECT_FIRST_VALUE:
        return *json->at == ']' ? close_level(json, false) : read_value(json);
    default:
        return read_value(json);
    }
}

int sl_json_skip(struct sl_json *json, enum sl_json_token token)
{
    if (token == SL_JSON_KEY)
        token = sl_json_next(json);
    if (token == SL_JSON_OBJECT || token == SL_JSON_ARRAY) {
        unsigned outside = json->depth - 1;
        while (token != SL_JSON_ERROR && json->depth > outside)
            token = sl_json_next(json);
    }
    return token == SL_JSON_ERROR ? SL_EINVALID : 0;
}

/* Unescapes what is at *at, a backslash, into out (4 bytes); moves *at behind it. */
static size_t decode_escape(const uint8_t **at, const uint8_t *end, uint8_t *out)
{
    const uint8_t *p = *at;
    size_t length = escape_length(p, end);
    if (length != 6) {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *found = length == 2 ? strchr(from, p[1]) : NULL;
        out[0] = found != NULL ? (uint8_t)to[found - from] : p[length == 2];
        *at = p + (length == 2 ? 2 : 1);
        return 1;
    }
    uint32_t code = (uint32_t)hex4(p + 2, end);
    p += 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
        int32_t low =
            code <= 0xDBFF && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (low >= 0xDC00 && low <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
            p += 6;
        } else {
            code = 0xFFFD;
        }
    }
    *at = p;
    return sl_utf8_encode(code, out);
}

size_t sl_json_unescape(struct sl_bytes raw, uint8_t *out)
{
    if (raw.size == 0)
        return 0;
    const uint8_t *p = raw.data, *end = p + raw.size;
    uint8_t *to = out;
    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash != NULL ? slash : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (p == end)
            break;
        uint8_t decoded[4];
        size_t size = decode_escape(&p, end, decoded);
        memcpy(to, decoded, size);
        to += size;
    }
    return (size_t)(to - out);
}

bool sl_json_raw_is(struct sl_bytes raw, bool escaped, const char *text)
{
    if (!escaped || raw.size == 0)
        return sl_bytes_is(raw, text);
    const uint8_t *p = raw.data, *end = p + raw.size;
    size_t left = strlen(text);
    while (p < end) {
        uint8_t decoded[4] = {*p};
        size_t size = 1;
        if (*p == '\\')
            size = decode_escape(&p, end, decoded);
        else
            p++;
        if (size > left || memcmp(decoded, text, size) != 0)
            return false;
        text += size;
        left -= size;
    }
    return left == 0;
}

bool sl_json_valid(struct sl_bytes text, unsigned max_depth)
{
    struct sl_json json;
    sl_json_init(&json, text, max_depth);
    enum sl_json_token token;
    do
        token = sl_json_next(&json);
    while (token != SL_JSON_END && token != SL_JSON_ERROR);
    return token == SL_JSON_END;
}
