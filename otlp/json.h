/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_JSON_H
#define SL_OTLP_JSON_H

#include "core/error.h"
#include "core/out.h"

/*
 * JSON (RFC 8259) as a pull tokenizer over bytes in place: no tree, no copy.
 * Strict: no comments, no trailing commas, no raw control characters, valid
 * UTF-8 (lone \ud800 escapes pass; unescaping makes them U+FFFD).
 */
enum sl_json_token {
    SL_JSON_END, /* after exactly one value and blanks */
    SL_JSON_ERROR,
    SL_JSON_OBJECT,
    SL_JSON_OBJECT_END,
    SL_JSON_ARRAY,
    SL_JSON_ARRAY_END,
    SL_JSON_KEY,
    SL_JSON_STRING,
    SL_JSON_NUMBER,
    SL_JSON_TRUE,
    SL_JSON_FALSE,
    SL_JSON_NULL
};

enum { SL_JSON_DEPTH = 256 };
#define SL_JSON_TOO_DEEP "nested too deeply" /* the problem when max_depth is exceeded */

struct sl_json {
    const uint8_t *start, *at, *end;
    unsigned depth, max_depth; /* <= SL_JSON_DEPTH */
    uint8_t is_object[SL_JSON_DEPTH / 8];
    uint8_t expect;      /* private */
    struct sl_bytes raw; /* KEY, STRING: between the quotes, still escaped; NUMBER: its text */
    bool escaped;        /* raw has a backslash */
    const char *problem; /* after SL_JSON_ERROR; at offset at - start */
};

void sl_json_init(struct sl_json *json, struct sl_bytes text, unsigned max_depth);
enum sl_json_token sl_json_next(struct sl_json *json);
/* Skips the value that `token` began (nothing to do for scalars). SL_EINVALID on an error. */
int sl_json_skip(struct sl_json *json, enum sl_json_token token);
/* Offset of the next byte to read: the byte after the token just given. */
static inline size_t sl_json_offset(const struct sl_json *json)
{
    return (size_t)(json->at - json->start);
}

/* Unescapes a raw string; out needs raw.size bytes. Returns the length. */
size_t sl_json_unescape(struct sl_bytes raw, uint8_t *out);
/* raw == text after unescaping, without a copy. */
bool sl_json_raw_is(struct sl_bytes raw, bool escaped, const char *text);
/* Whether the whole text is one valid JSON value (blanks around it allowed). */
bool sl_json_valid(struct sl_bytes text, unsigned max_depth);

/* Writes text with quotes and the escapes RFC 8259 demands; text must be UTF-8. */
void sl_json_write_string(struct sl_out *out, struct sl_bytes text);
/* The same without the quotes. */
void sl_json_write_escaped(struct sl_out *out, struct sl_bytes text);
/* Shortest text that reads back as the same double; NaN and infinities as OTLP/JSON strings. */
void sl_json_write_double(struct sl_out *out, double value);

#endif
