/* SPDX-License-Identifier: Apache-2.0 */
/* The last message of a gen_ai message list, for people. */
#include "exporters/stdout/messages.h"

#include "otlp/json.h"

enum { MAX_DEPTH = 64 };

/* What a part or message said; slices of the JSON, still escaped. */
struct part {
    struct sl_bytes type, content, name, arguments;
};

static struct sl_bytes take_string(struct sl_json *json, enum sl_json_token token)
{
    if (token == SL_JSON_STRING)
        return json->raw;
    (void)sl_json_skip(json, token);
    return (struct sl_bytes){0};
}

/* The source text of any value. */
static struct sl_bytes take_source(struct sl_json *json, enum sl_json_token token)
{
    if (token == SL_JSON_STRING || token == SL_JSON_NUMBER)
        return json->raw;
    size_t start = sl_json_offset(json) - 1;
    if (token != SL_JSON_OBJECT && token != SL_JSON_ARRAY)
        return (struct sl_bytes){0};
    (void)sl_json_skip(json, token);
    return sl_bytes(json->start + start, sl_json_offset(json) - start);
}

static bool read_part(struct sl_json *json, struct part *part)
{
    *part = (struct part){0};
    for (;;) {
        enum sl_json_token token = sl_json_next(json);
        if (token != SL_JSON_KEY)
            return token == SL_JSON_OBJECT_END;
        struct sl_bytes key = json->raw;
        token = sl_json_next(json);
        if (token == SL_JSON_ERROR)
            return false;
        if (sl_bytes_is(key, "type"))
            part->type = take_string(json, token);
        else if (sl_bytes_is(key, "content"))
            part->content = take_string(json, token);
        else if (sl_bytes_is(key, "name"))
            part->name = take_string(json, token);
        else if (sl_bytes_is(key, "arguments") || sl_bytes_is(key, "response"))
            part->arguments = take_source(json, token);
        else if (sl_json_skip(json, token) != SL_OK)
            return false;
    }
}

static void show_part(const struct part *part, struct sl_out *scratch, char text[DIGEST_TEXT])
{
    struct sl_bytes shown = part->content.size > 0 ? part->content : part->arguments;
    sl_out_clear(scratch);
    if (sl_bytes_is(part->type, "tool_call")) {
        sl_out_text(scratch, "-> ");
        sl_out_bytes(scratch, part->name.data, part->name.size);
        sl_out_byte(scratch, '(');
        shown = part->arguments;
    }
    size_t most = shown.size < 4 * DIGEST_TEXT ? shown.size : 4 * DIGEST_TEXT;
    if (most < shown.size && memchr(shown.data, '\\', most) != NULL)
        most = shown.size; /* not through the middle of an escape */
    else if (most < shown.size)
        most = sl_utf8_valid_prefix(sl_bytes(shown.data, most));
    uint8_t *room = sl_out_room(scratch, most + 1);
    if (room == NULL)
        return;
    scratch->size += sl_json_unescape(sl_bytes(shown.data, most), room);
    if (sl_bytes_is(part->type, "tool_call"))
        sl_out_byte(scratch, ')');
    digest_line(sl_out_view(scratch), text, DIGEST_TEXT);
}

static bool says_something(const struct part *part)
{
    return part->content.size > 0 || part->name.size > 0 || part->arguments.size > 0;
}

/* An image or a file: its base64 or address tells a reader nothing. */
static bool is_media(const struct part *part)
{
    return sl_bytes_is(part->type, "blob") || sl_bytes_is(part->type, "uri") ||
           sl_bytes_is(part->type, "file");
}

/* The parts of one message; the last one that says something is kept. */
static bool read_parts(struct sl_json *json, struct part *said)
{
    struct part part;
    enum sl_json_token token;
    while ((token = sl_json_next(json)) == SL_JSON_OBJECT) {
        if (!read_part(json, &part))
            return false;
        if (is_media(&part))
            part = (struct part){.content = said->content.size == 0 ? SL_LIT("(media)")
                                                                    : (struct sl_bytes){0}};
        if (says_something(&part))
            *said = part;
    }
    return token == SL_JSON_ARRAY_END;
}

/* One message; what it says, and who, replaces what an earlier one said. */
static bool read_message(struct sl_json *json, struct sl_bytes *ret_role, struct part *ret_said)
{
    struct sl_bytes role = {0};
    struct part said = {0};
    for (;;) {
        enum sl_json_token token = sl_json_next(json);
        if (token == SL_JSON_OBJECT_END && says_something(&said)) {
            *ret_role = role;
            *ret_said = said;
        }
        if (token != SL_JSON_KEY)
            return token == SL_JSON_OBJECT_END;
        struct sl_bytes key = json->raw;
        token = sl_json_next(json);
        if (sl_bytes_is(key, "role")) {
            role = take_string(json, token);
        } else if (sl_bytes_is(key, "parts") && token == SL_JSON_ARRAY) {
            if (!read_parts(json, &said))
                return false;
        } else if (token == SL_JSON_ERROR || sl_json_skip(json, token) != SL_OK) {
            return false;
        }
    }
}

bool messages_preview(struct sl_bytes text, struct sl_out *scratch, char role[16],
                      char out[DIGEST_TEXT])
{
    struct sl_json json;
    struct part said = {0};
    struct sl_bytes who = {0};
    sl_json_init(&json, text, MAX_DEPTH);
    if (sl_json_next(&json) != SL_JSON_ARRAY)
        return false;
    enum sl_json_token token;
    while ((token = sl_json_next(&json)) == SL_JSON_OBJECT)
        if (!read_message(&json, &who, &said))
            return false;
    if (token != SL_JSON_ARRAY_END || sl_json_next(&json) != SL_JSON_END)
        return false;
    if (!says_something(&said))
        return false; /* of another shape: the text itself says more */
    digest_line(who, role, 16);
    show_part(&said, scratch, out);
    return true;
}
