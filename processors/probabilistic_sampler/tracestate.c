/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the `ot` member of a tracestate. */
#include "processors/probabilistic_sampler/tracestate.h"

#include "processors/probabilistic_sampler/threshold.h"

enum { MAX_TEXT = 1024, MAX_MEMBERS = 32, MAX_KEY = 256, MAX_VALUE = 256 };

/* The next member of a list, and its key and value; false at the end. */
static bool next_member(struct sl_bytes *rest, char separator, char equals, struct sl_bytes *key,
                        struct sl_bytes *value)
{
    while (rest->size > 0) {
        const uint8_t *end = memchr(rest->data, separator, rest->size);
        size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
        struct sl_bytes member = sl_bytes_trim(sl_bytes(rest->data, size));
        size_t skip = end != NULL ? size + 1 : size;
        *rest = sl_bytes(rest->data + skip, rest->size - skip);
        if (member.size == 0)
            continue;
        const uint8_t *split = memchr(member.data, equals, member.size);
        size_t key_size = split != NULL ? (size_t)(split - member.data) : member.size;
        *key = sl_bytes(member.data, key_size);
        *value =
            split != NULL ? sl_bytes(split + 1, member.size - key_size - 1) : (struct sl_bytes){0};
        return true;
    }
    return false;
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool valid_key(struct sl_bytes key)
{
    bool tenant = memchr(key.data, '@', key.size) != NULL;
    if (key.size == 0 || key.size > MAX_KEY)
        return false;
    if (!is_lower(key.data[0]) && !(tenant && is_digit(key.data[0])))
        return false;
    unsigned signs = 0;
    for (size_t i = 1; i < key.size; i++) {
        uint8_t c = key.data[i];
        if (c == '@' && ++signs == 1 && i + 1 < key.size && is_lower(key.data[i + 1]))
            continue;
        if (!is_lower(c) && !is_digit(c) && (c == 0 || strchr("_-*/", c) == NULL))
            return false;
    }
    return true;
}

static bool valid_value(struct sl_bytes value)
{
    if (value.size == 0 || value.size > MAX_VALUE || value.data[value.size - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < 0x20 || value.data[i] > 0x7E || value.data[i] == '=')
            return false;
    return true;
}

static bool valid_sub_member(struct sl_bytes key, struct sl_bytes value)
{
    if (key.size == 0 || !is_lower(key.data[0]))
        return false;
    for (size_t i = 1; i < key.size; i++)
        if (!is_lower(key.data[i]) && !is_digit(key.data[i]))
            return false;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (!is_lower(c | 0x20) && !is_digit(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static bool parse_ot(struct sl_bytes text, struct tracestate *state)
{
    struct sl_bytes key, value;
    while (next_member(&text, ';', ':', &key, &value)) {
        if (!valid_sub_member(key, value))
            return false;
        if (sl_bytes_is(key, "rv")) {
            if (!randomness_parse(value, &state->rv))
                return false;
            state->has_rv = true;
        } else if (sl_bytes_is(key, "th")) {
            if (!threshold_parse(value, &state->th))
                return false;
            state->has_th = true;
        }
    }
    return true;
}

bool tracestate_parse(struct sl_bytes text, struct tracestate *ret_state)
{
    struct tracestate state = {.text = text};
    struct sl_bytes rest = text, key, value;
    unsigned members = 0;
    if (text.size > MAX_TEXT)
        return false;
    while (next_member(&rest, ',', '=', &key, &value)) {
        if (++members > MAX_MEMBERS || !valid_key(key) || !valid_value(value))
            return false;
        if (sl_bytes_is(key, "ot") && !parse_ot(value, &state))
            return false;
    }
    *ret_state = state;
    return true;
}

/* Writes a member with the separator it needs. */
static void put(struct sl_out *out, size_t start, char separator, struct sl_bytes key, char equals,
                struct sl_bytes value)
{
    if (out->size > start)
        sl_out_byte(out, (uint8_t)separator);
    sl_out_bytes(out, key.data, key.size);
    sl_out_byte(out, (uint8_t)equals);
    sl_out_bytes(out, value.data, value.size);
}

static void write_ot(const struct tracestate *state, struct sl_bytes old, struct sl_out *out)
{
    char text[SAMPLER_HEX_DIGITS + 1];
    struct sl_bytes key, value;
    size_t begin = out->size;
    sl_out_text(out, "ot=");
    size_t start = out->size;
    if (state->has_rv) {
        randomness_write(state->rv, text);
        put(out, start, ';', SL_LIT("rv"), ':', sl_text(text));
    }
    if (state->has_th && threshold_write(state->th, text) > 0)
        put(out, start, ';', SL_LIT("th"), ':', sl_text(text));
    while (next_member(&old, ';', ':', &key, &value))
        if (!sl_bytes_is(key, "rv") && !sl_bytes_is(key, "th"))
            put(out, start, ';', key, ':', value);
    if (out->size == start)
        out->size = begin; /* nothing left to say */
}

void tracestate_write(const struct tracestate *state, struct sl_out *out)
{
    struct sl_bytes rest = state->text, key, value, ot = {0};
    while (next_member(&rest, ',', '=', &key, &value))
        if (sl_bytes_is(key, "ot"))
            ot = value;
    size_t start = out->size;
    write_ot(state, ot, out);
    rest = state->text;
    while (next_member(&rest, ',', '=', &key, &value))
        if (!sl_bytes_is(key, "ot"))
            put(out, start, ',', key, '=', value);
}
