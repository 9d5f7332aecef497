/* SPDX-License-Identifier: Apache-2.0 */
/* Transformations of single values. A value that cannot be cast gives no target
 * and its source stays. Empty values (JavaScript's NaN and undefined), empty
 * text and "None" or "null" count as not set. */
#include <math.h>
#include <stdlib.h>

#include "processors/genai_normalizer/norm.h"

enum { MAX_STRINGS = 256 };

bool nm_contains(struct sl_bytes text, const char *needle)
{
    return text.size > 0 && memmem(text.data, text.size, needle, strlen(needle)) != NULL;
}

struct sl_bytes nm_lower(struct nm_norm *norm, struct sl_bytes text)
{
    size_t i = 0;
    while (i < text.size && (text.data[i] < 'A' || text.data[i] > 'Z'))
        i++;
    if (i == text.size)
        return text;
    uint8_t *copy = sl_arena_alloc(&norm->arena, text.size);
    if (copy == NULL) {
        norm->status = SL_ENOMEM;
        return (struct sl_bytes){0};
    }
    for (i = 0; i < text.size; i++)
        copy[i] = (uint8_t)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 32
                                                                       : text.data[i]);
    return sl_bytes(copy, text.size);
}

struct sl_bytes nm_json_text(struct nm_norm *norm, struct sl_bytes raw, bool escaped)
{
    if (!escaped)
        return raw;
    uint8_t *copy = sl_arena_alloc(&norm->arena, raw.size + 1);
    if (copy == NULL) {
        norm->status = SL_ENOMEM;
        return (struct sl_bytes){0};
    }
    return sl_bytes(copy, sl_json_unescape(raw, copy));
}

static size_t varint(uint8_t *out, size_t value)
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

/* An ArrayValue (opentelemetry-proto, common.proto) of strings. */
struct sl_value nm_strings(struct nm_norm *norm, const struct sl_bytes *items, size_t count)
{
    size_t room = 0, size = 0;
    for (size_t i = 0; i < count; i++)
        room += items[i].size + 24;
    uint8_t *out = sl_arena_alloc(&norm->arena, room + 1);
    if (out == NULL) {
        norm->status = SL_ENOMEM;
        return (struct sl_value){.type = SL_VALUE_EMPTY};
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t length[12];
        size_t digits = varint(length, items[i].size);
        out[size++] = 0x0a; /* values: LEN */
        size += varint(out + size, 1 + digits + items[i].size);
        out[size++] = 0x0a; /* string_value: LEN */
        memcpy(out + size, length, digits);
        size += digits;
        if (items[i].size > 0)
            memcpy(out + size, items[i].data, items[i].size);
        size += items[i].size;
    }
    return (struct sl_value){.type = SL_VALUE_ARRAY, .bytes = {out, size}};
}

static bool is_unset(struct sl_bytes text)
{
    return text.size == 0 || sl_bytes_is(text, "None") || sl_bytes_is(text, "null");
}

static bool to_double(struct sl_bytes text, double *ret)
{
    char copy[64], *end = NULL;
    if (text.size == 0 || text.size >= sizeof(copy) ||
        strchr("+-.0123456789", text.data[0]) == NULL)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *ret = strtod(copy, &end);
    return end == copy + text.size && isfinite(*ret);
}

static bool to_int(struct sl_value in, int64_t *ret)
{
    double d = 0;
    if (in.type == SL_VALUE_INT) {
        *ret = in.i;
        return true;
    }
    if (in.type == SL_VALUE_STRING) {
        if (sl_bytes_to_int64(in.bytes, ret))
            return true;
        if (!to_double(in.bytes, &d))
            return false;
    } else if (in.type == SL_VALUE_DOUBLE) {
        d = in.d;
    } else {
        return false;
    }
    if (!isfinite(d) || fabs(d) > 9007199254740992.0 || d != trunc(d))
        return false;
    *ret = (int64_t)d;
    return true;
}

/* "[\"stop\"]" as an array; any other text as its only element. */
static bool to_strings(struct nm_norm *norm, struct sl_value in, struct sl_value *ret)
{
    struct sl_bytes items[MAX_STRINGS];
    struct sl_value item;
    size_t count = 0;
    if (in.type == SL_VALUE_ARRAY) {
        struct sl_bytes rest = in.bytes;
        for (; sl_array_next(&rest, &item); count++)
            if (item.type != SL_VALUE_STRING)
                return false;
        *ret = in;
        return count > 0;
    }
    if (in.type != SL_VALUE_STRING || is_unset(in.bytes))
        return false;
    if (in.bytes.data[0] == '[' && sl_json_valid(in.bytes, 2)) {
        struct sl_json json;
        enum sl_json_token token;
        sl_json_init(&json, in.bytes, 2);
        (void)sl_json_next(&json);
        while ((token = sl_json_next(&json)) == SL_JSON_STRING && count < MAX_STRINGS)
            items[count++] = nm_json_text(norm, json.raw, json.escaped);
        if (token != SL_JSON_ARRAY_END || count == 0)
            return false;
    } else {
        items[count++] = in.bytes;
    }
    *ret = nm_strings(norm, items, count);
    return norm->status == 0;
}

static bool to_bool(struct sl_value in, bool *ret)
{
    if (in.type == SL_VALUE_BOOL) {
        *ret = in.b;
        return true;
    }
    *ret = in.type == SL_VALUE_STRING && sl_bytes_equal_nocase(in.bytes, SL_LIT("true"));
    return *ret || (in.type == SL_VALUE_STRING && sl_bytes_equal_nocase(in.bytes, SL_LIT("false")));
}

bool nm_coerce(struct nm_norm *norm, enum nm_type type, struct sl_value in, struct sl_value *ret)
{
    int64_t i = 0;
    double d = 0;
    bool b = false;
    if (in.type == SL_VALUE_EMPTY || (in.type == SL_VALUE_STRING && is_unset(in.bytes)))
        return false;
    switch (type) {
    case NM_STRING:
        *ret = in;
        return in.type == SL_VALUE_STRING;
    case NM_INT:
        *ret = to_int(in, &i) ? sl_value_int(i) : in;
        return ret->type == SL_VALUE_INT;
    case NM_DOUBLE:
        if (in.type == SL_VALUE_DOUBLE ? isfinite(in.d)
                                       : in.type == SL_VALUE_STRING && to_double(in.bytes, &d))
            *ret = sl_value_double(in.type == SL_VALUE_DOUBLE ? in.d : d);
        else if (in.type == SL_VALUE_INT)
            *ret = sl_value_double((double)in.i);
        else
            return false;
        return true;
    case NM_BOOL:
        if (!to_bool(in, &b))
            return false;
        *ret = sl_value_bool(b);
        return true;
    case NM_STRINGS:
        return to_strings(norm, in, ret);
    case NM_JSON:
    case NM_ANY:
        break;
    }
    *ret = in;
    return true;
}

static bool count_json(struct sl_bytes text, int64_t *ret)
{
    struct sl_json json;
    enum sl_json_token token;
    int64_t count = 0;
    sl_json_init(&json, text, 4);
    if (sl_json_next(&json) != SL_JSON_ARRAY)
        return false;
    while ((token = sl_json_next(&json)) == SL_JSON_NUMBER)
        count++;
    *ret = count;
    return token == SL_JSON_ARRAY_END && count > 0;
}

static bool count_elements(struct sl_value in, bool first, struct sl_value *ret)
{
    struct sl_value item;
    int64_t count = 0;
    if (in.type == SL_VALUE_ARRAY && first) {
        struct sl_bytes rest = in.bytes;
        return sl_array_next(&rest, &item) && count_elements(item, false, ret);
    }
    if (in.type == SL_VALUE_ARRAY) {
        struct sl_bytes rest = in.bytes;
        while (sl_array_next(&rest, &item))
            count++;
    } else if (in.type != SL_VALUE_STRING || !count_json(in.bytes, &count)) {
        return false;
    }
    *ret = sl_value_int(count);
    return count > 0;
}

/* The query of a retriever: plain text, or one well-known field of a JSON object. */
static bool query_text(struct nm_norm *norm, struct sl_value in, struct sl_value *ret)
{
    struct sl_json json;
    enum sl_json_token token;
    *ret = in;
    if (in.type != SL_VALUE_STRING || in.bytes.size == 0)
        return false;
    if (in.bytes.data[0] != '{' || !sl_json_valid(in.bytes, 64))
        return true;
    sl_json_init(&json, in.bytes, 64);
    (void)sl_json_next(&json);
    while (sl_json_next(&json) == SL_JSON_KEY) {
        bool known = sl_bytes_is(json.raw, "query") || sl_bytes_is(json.raw, "input") ||
                     sl_bytes_is(json.raw, "text") || sl_bytes_is(json.raw, "question");
        token = sl_json_next(&json);
        if (known && token == SL_JSON_STRING) {
            *ret = sl_value_string(nm_json_text(norm, json.raw, json.escaped));
            return ret->bytes.size > 0;
        }
        if (sl_json_skip(&json, token) != 0)
            return false;
    }
    return false;
}

static bool text_of(struct nm_norm *norm, struct sl_value in, struct sl_value *ret)
{
    char *text = NULL;
    if (in.type == SL_VALUE_STRING) {
        *ret = in;
        return !is_unset(in.bytes);
    }
    if (in.type != SL_VALUE_INT)
        return false;
    text = sl_arena_printf(&norm->arena, "%lld", (long long)in.i);
    if (text == NULL)
        norm->status = SL_ENOMEM;
    *ret = sl_value_string(sl_text(text));
    return text != NULL;
}

static bool map_text(struct nm_norm *norm, uint32_t scope, struct sl_value in, struct sl_value *ret)
{
    const char *text =
        in.type == SL_VALUE_STRING ? nm_map(norm->table, scope, in.bytes, true) : NULL;
    *ret = sl_value_string(sl_text(text));
    return text != NULL && text[0] != '-';
}

bool nm_transform(struct nm_norm *norm, const struct nm_row *row, struct sl_value in,
                  struct sl_value *ret)
{
    enum nm_type type = nm_target_type((enum nm_target)row->target);
    switch ((enum nm_transform)row->transform) {
    case NM_X_RENAME:
    case NM_X_MODEL:
    case NM_X_RESPONSE:
        return nm_coerce(norm, type, in, ret);
    case NM_X_TEXT:
        return text_of(norm, in, ret);
    case NM_X_PROVIDER:
        if (in.type != SL_VALUE_STRING || is_unset(in.bytes) ||
            nm_provider_is_framework(norm->table, in.bytes))
            return false;
        *ret = nm_provider_value(norm, in.bytes);
        return ret->bytes.size > 0;
    case NM_X_OPERATION:
        return map_text(norm, NM_SCOPE_KINDS, in, ret);
    case NM_X_OUTPUT_TYPE:
        return map_text(norm, NM_SCOPE_OUTPUT, in, ret);
    case NM_X_JSON_OUTPUT:
        *ret = sl_value_string(SL_LIT("json"));
        return in.type != SL_VALUE_EMPTY;
    case NM_X_ONLY_TRUE:
        return nm_coerce(norm, NM_BOOL, in, ret) && ret->b;
    case NM_X_LIMIT:
        return nm_coerce(norm, NM_INT, in, ret) && ret->i >= 0;
    case NM_X_CHOICES:
        return nm_coerce(norm, NM_INT, in, ret) && ret->i > 1;
    case NM_X_MS:
        if (!nm_coerce(norm, NM_DOUBLE, in, ret))
            return false;
        ret->d /= 1000.0;
        return true;
    case NM_X_HOST:
        *ret = sl_value_string(nm_url_host(in.bytes));
        return in.type == SL_VALUE_STRING && ret->bytes.size > 0;
    case NM_X_AZURE:
        *ret = sl_value_string(SL_LIT("azure.ai.openai"));
        return in.type == SL_VALUE_STRING && sl_bytes_starts(in.bytes, "azure");
    case NM_X_COUNT:
    case NM_X_COUNT_FIRST:
        return count_elements(in, row->transform == NM_X_COUNT_FIRST, ret);
    case NM_X_ARGUMENTS:
        *ret = in;
        return in.type == SL_VALUE_STRING && in.bytes.size > 0 &&
               !nm_contains(in.bytes, "\"properties\"") &&
               !nm_contains(in.bytes, "\"type\": \"object\"") &&
               !nm_contains(in.bytes, "\"type\":\"object\"");
    case NM_X_QUERY:
        return query_text(norm, in, ret);
    default:
        return false;
    }
}

static struct sl_value json_value(struct nm_norm *norm, const struct sl_json *json,
                                  enum sl_json_token token, struct sl_bytes whole)
{
    int64_t i = 0;
    double d = 0;
    if (token == SL_JSON_STRING)
        return sl_value_string(nm_json_text(norm, json->raw, json->escaped));
    if (token == SL_JSON_NUMBER && sl_bytes_to_int64(json->raw, &i))
        return sl_value_int(i);
    if (token == SL_JSON_NUMBER && to_double(json->raw, &d))
        return sl_value_double(d);
    if (token == SL_JSON_TRUE || token == SL_JSON_FALSE)
        return sl_value_bool(token == SL_JSON_TRUE);
    if (token == SL_JSON_ARRAY)
        return sl_value_string(whole);
    return (struct sl_value){.type = SL_VALUE_EMPTY};
}

/* true: nothing else is wanted of this text (a whole response, of which only the id is read). */
static bool offer(struct nm_norm *norm, int32_t hit, const struct nm_entry *field,
                  struct sl_value value)
{
    bool last = false;
    for (uint16_t at = field->first_row; at != 0; at = nm_table_row(norm->table, at)->next) {
        const struct nm_row *row = nm_table_row(norm->table, at);
        struct sl_value made;
        last = row->transform == NM_X_RESPONSE;
        if ((norm->families & 1U << row->family) != 0 && (norm->when & row->when) != 0 &&
            nm_transform(norm, row, value, &made))
            nm_set(norm, (enum nm_target)row->target, nm_rank(norm, row), hit, made);
    }
    return last;
}

static void walk_fields(struct nm_norm *norm, int32_t hit, uint32_t scope, struct sl_bytes text,
                        struct sl_bytes path)
{
    struct sl_json json;
    sl_json_init(&json, text, 64);
    if (path.size > 64 || sl_json_next(&json) != SL_JSON_OBJECT)
        return;
    while (sl_json_next(&json) == SL_JSON_KEY) {
        uint8_t full[160];
        size_t size = 0;
        if (path.size > 0) {
            memcpy(full, path.data, path.size);
            size = path.size;
            full[size++] = '.';
        }
        size_t key_size = json.raw.size < 64 ? json.raw.size : 0;
        memcpy(full + size, json.raw.data, key_size);
        size += key_size;
        const struct nm_entry *field = nm_table_find(norm->table, scope, sl_bytes(full, size));
        size_t begin = sl_json_offset(&json);
        enum sl_json_token token = sl_json_next(&json);
        struct sl_json here = json;
        begin = sl_json_offset(&json) > begin ? sl_json_offset(&json) - 1 : begin;
        if (token == SL_JSON_ERROR || sl_json_skip(&json, token) != 0)
            return;
        if (field == NULL)
            continue;
        struct sl_bytes whole = sl_bytes(json.start + begin, sl_json_offset(&json) - begin);
        if (token == SL_JSON_OBJECT)
            walk_fields(norm, hit, scope, whole, sl_bytes(full, size));
        else if (offer(norm, hit, field, json_value(norm, &here, token, whole)))
            return;
    }
}

void nm_json_fields(struct nm_norm *norm, int32_t hit, const struct nm_entry *entry)
{
    struct sl_value value = norm->hits[hit].attr.value;
    if (value.type != SL_VALUE_STRING || value.bytes.size < 2 || value.bytes.size > 1 << 20 ||
        value.bytes.data[0] != '{')
        return;
    walk_fields(norm, hit, entry->self, value.bytes, (struct sl_bytes){0});
}
