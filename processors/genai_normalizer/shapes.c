/* SPDX-License-Identifier: Apache-2.0 */
/* Recognizes the JSON that providers and frameworks put into one attribute
 * (OpenAI chat and responses, Anthropic, Vercel, LangChain, Gemini, Bedrock) and
 * writes it as messages. What no shape fits is left alone: nothing is written. */
#include <stdio.h>

#include "processors/genai_normalizer/norm.h"

enum { MAX_JSON_DEPTH = 64, MAX_JSON_SIZE = 1 << 20, MAX_ITEMS = 4096, MAX_NESTING = 6 };

enum member {
#define M(name, text) J_##name,
#include "processors/genai_normalizer/members.def"
#undef M
    MEMBER_COUNT
};

struct item {
    enum sl_json_token token; /* SL_JSON_END: absent */
    struct sl_bytes text;     /* STRING: between the quotes; others: as written */
    bool escaped;
};

struct object {
    uint64_t have[2];
    struct item members[MEMBER_COUNT];
};

static bool take_value(struct sl_json *json, enum sl_json_token token, struct item *ret)
{
    size_t begin = sl_json_offset(json);
    *ret = (struct item){token, json->raw, json->escaped};
    switch (token) {
    case SL_JSON_OBJECT:
    case SL_JSON_ARRAY:
        if (sl_json_skip(json, token) != 0)
            return false;
        ret->text = sl_bytes(json->start + begin - 1, sl_json_offset(json) - begin + 1);
        return true;
    case SL_JSON_TRUE:
        ret->text = SL_LIT("true");
        return true;
    case SL_JSON_FALSE:
        ret->text = SL_LIT("false");
        return true;
    case SL_JSON_NULL:
        ret->text = SL_LIT("null");
        return true;
    case SL_JSON_STRING:
    case SL_JSON_NUMBER:
        return true;
    default:
        return false;
    }
}

static bool read_object(const struct nm_norm *norm, struct sl_bytes text, struct object *ret)
{
    struct sl_json json;
    enum sl_json_token token;
    ret->have[0] = ret->have[1] = 0;
    sl_json_init(&json, text, MAX_JSON_DEPTH);
    if (sl_json_next(&json) != SL_JSON_OBJECT)
        return false;
    while ((token = sl_json_next(&json)) == SL_JSON_KEY) {
        const struct nm_entry *known = nm_table_find(norm->table, NM_SCOPE_MEMBERS, json.raw);
        struct item item;
        if (!take_value(&json, sl_json_next(&json), &item))
            return false;
        if (known == NULL || item.token == SL_JSON_NULL)
            continue;
        unsigned at = known->first_row - 1U;
        ret->have[at / 64] |= UINT64_C(1) << (at % 64);
        ret->members[at] = item;
    }
    return token == SL_JSON_OBJECT_END;
}

/* A member that is there and not null. */
static const struct item *get(const struct object *object, enum member member)
{
    return (object->have[member / 64] >> (member % 64) & 1) != 0 ? &object->members[member] : NULL;
}

static const struct item *first_of(const struct object *object, const enum member *list,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (get(object, list[i]) != NULL)
            return get(object, list[i]);
    return NULL;
}
#define FIRST(object, ...)                                                                         \
    first_of(object, (const enum member[]){__VA_ARGS__},                                           \
             sizeof((const enum member[]){__VA_ARGS__}) / sizeof(enum member))

static bool is_string(const struct item *item)
{
    return item != NULL && item->token == SL_JSON_STRING;
}
static bool is_list(const struct item *item)
{
    return item != NULL && item->token == SL_JSON_ARRAY;
}
static bool is_object(const struct item *item)
{
    return item != NULL && item->token == SL_JSON_OBJECT;
}
static struct sl_bytes text_of(const struct item *item)
{
    return is_string(item) ? item->text : (struct sl_bytes){0};
}
static bool type_is(const struct item *item, const char *text)
{
    return is_string(item) && sl_bytes_is(item->text, text);
}

/* The value as JSON text. */
static struct sl_bytes json_of(struct nm_norm *norm, const struct item *item)
{
    if (item->token != SL_JSON_STRING)
        return item->text;
    /* the quotes are around the text already */
    (void)norm;
    return sl_bytes(item->text.data - 1, item->text.size + 2);
}

/* Arguments come as a value, or as JSON text inside a string: decoded once. */
static struct sl_bytes arguments_of(struct nm_norm *norm, const struct item *item)
{
    if (item == NULL)
        return (struct sl_bytes){0};
    return is_string(item) ? nm_json_text(norm, item->text, item->escaped) : item->text;
}

static bool put_call(struct nm_writer *writer, const struct object *object)
{
    struct object inner;
    const struct item *function = FIRST(object, J_FUNCTION, J_FUNCTION_CALL_CAMEL, J_TOOL_USE);
    const struct object *body = object;
    if (is_object(function) && read_object(writer->norm, function->text, &inner))
        body = &inner;
    const struct item *id = FIRST(object, J_CALL_ID, J_TOOL_CALL_ID_CAMEL, J_ID);
    if (id == NULL)
        id = FIRST(body, J_TOOL_USE_ID_CAMEL, J_ID);
    const struct item *name = FIRST(body, J_TOOL_NAME, J_NAME);
    const struct item *arguments = FIRST(body, J_ARGUMENTS, J_ARGS, J_INPUT);
    if (!is_string(name))
        return false;
    nm_part_call(writer, text_of(id), text_of(name), arguments_of(writer->norm, arguments), true);
    return true;
}

static bool put_response(struct nm_writer *writer, const struct object *object)
{
    struct object inner;
    const struct item *wrapped = FIRST(object, J_FUNCTION_RESPONSE, J_TOOL_RESULT);
    const struct object *body = object;
    if (is_object(wrapped) && read_object(writer->norm, wrapped->text, &inner))
        body = &inner;
    const struct item *id = FIRST(body, J_TOOL_USE_ID, J_TOOL_USE_ID_CAMEL, J_TOOL_CALL_ID_CAMEL,
                                  J_CALL_ID, J_TOOL_CALL_ID, J_ID);
    const struct item *response = FIRST(body, J_RESPONSE, J_RESULT, J_OUTPUT, J_CONTENT);
    struct object output;
    if (is_object(response) && response == get(body, J_OUTPUT) &&
        read_object(writer->norm, response->text, &output) && get(&output, J_TYPE) != NULL &&
        get(&output, J_VALUE) != NULL)
        response = get(&output, J_VALUE);
    nm_part_response(writer, text_of(id), true,
                     response != NULL ? json_of(writer->norm, response) : SL_LIT("null"));
    return true;
}

/* Joins the texts of a list of {text} with blank lines into one reasoning part. */
static bool put_reasoning_list(struct nm_writer *writer, const struct item *list)
{
    struct sl_json json;
    enum sl_json_token token;
    struct object entry;
    bool any = false;
    sl_json_init(&json, list->text, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item item;
        if (!take_value(&json, token, &item))
            return false;
        if (!is_object(&item) || !read_object(writer->norm, item.text, &entry) ||
            !is_string(get(&entry, J_TEXT)))
            continue;
        if (!any) {
            nm_part_open(writer);
            sl_out_text(writer->out, "{\"type\":\"reasoning\",\"content\":\"");
        } else {
            sl_out_text(writer->out, "\\n\\n");
        }
        struct sl_bytes text = text_of(get(&entry, J_TEXT));
        sl_out_bytes(writer->out, text.data, text.size);
        any = true;
    }
    if (any)
        sl_out_text(writer->out, "\"}");
    return true;
}

static bool put_reasoning(struct nm_writer *writer, const struct object *object)
{
    const struct item *text = FIRST(object, J_THINKING, J_TEXT, J_REASONING);
    if (!is_string(text))
        text = is_string(get(object, J_CONTENT)) ? get(object, J_CONTENT) : NULL;
    if (is_string(text)) {
        const struct item *signature = get(object, J_SIGNATURE);
        nm_part_open(writer);
        sl_out_text(writer->out, "{\"type\":\"reasoning\",\"content\":");
        nm_put_string(writer->out, text->text, true);
        if (is_string(signature) && signature->text.size > 0) {
            sl_out_text(writer->out, ",\"signature\":");
            nm_put_string(writer->out, signature->text, true);
        }
        sl_out_byte(writer->out, '}');
        return true;
    }
    const struct item *list = FIRST(object, J_SUMMARY, J_CONTENT);
    return is_list(list) ? put_reasoning_list(writer, list) : true;
}

static struct sl_bytes plain(struct nm_norm *norm, const struct item *item)
{
    return is_string(item) ? nm_json_text(norm, item->text, item->escaped) : (struct sl_bytes){0};
}

static bool looks_like_url(struct sl_bytes text)
{
    return sl_bytes_starts(text, "http://") || sl_bytes_starts(text, "https://") ||
           sl_bytes_starts(text, "data:") || sl_bytes_starts(text, "gs://") ||
           sl_bytes_starts(text, "s3://");
}

static bool put_source(struct nm_writer *writer, const char *modality, const struct object *source)
{
    struct sl_bytes mime = plain(writer->norm, FIRST(source, J_MEDIA_TYPE, J_MEDIA_TYPE_CAMEL,
                                                     J_MIME_TYPE, J_MIME_TYPE_CAMEL));
    struct sl_bytes url = plain(writer->norm, FIRST(source, J_URL, J_IMAGE_URL));
    struct sl_bytes data =
        plain(writer->norm, FIRST(source, J_DATA, J_BASE64, J_FILE_DATA, J_IMAGE));
    if (url.size == 0 && looks_like_url(data))
        url = data;
    if (url.size > 0)
        nm_part_media(writer, modality, url, mime, false);
    else if (data.size > 0)
        nm_part_blob(writer, modality, mime, data);
    else
        return false;
    return true;
}

static bool put_file_id(struct nm_writer *writer, const char *modality, const struct item *id)
{
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"file\",\"modality\":\"");
    sl_out_text(writer->out, modality != NULL ? modality : "document");
    sl_out_text(writer->out, "\",\"file_id\":");
    nm_put_string(writer->out, id->text, true);
    sl_out_byte(writer->out, '}');
    return true;
}

/* image_url, input_image, image, input_audio, file, document: the bytes or the
 * address lie in the block itself or one object further down. */
static bool put_media(struct nm_writer *writer, const char *modality, const struct object *object)
{
    struct object inner;
    const struct item *at = FIRST(object, J_SOURCE, J_INPUT_AUDIO, J_FILE, J_IMAGE_URL, J_IMAGE);
    const struct object *source = object;
    if (is_object(at)) {
        if (!read_object(writer->norm, at->text, &inner))
            return false;
        source = &inner;
    }
    const struct item *format = get(source, J_FORMAT);
    if (is_string(format) && modality != NULL && strcmp(modality, "audio") == 0) {
        char mime[48];
        int size = snprintf(mime, sizeof(mime), "audio/%.*s",
                            (int)(format->text.size < 24 ? format->text.size : 24),
                            (const char *)format->text.data);
        struct sl_bytes copy = sl_arena_copy(&writer->norm->arena, sl_bytes(mime, (size_t)size));
        if (!is_string(get(source, J_DATA)))
            return false;
        nm_part_blob(writer, modality, copy, plain(writer->norm, get(source, J_DATA)));
        return true;
    }
    if (is_string(get(source, J_FILE_ID)) && get(source, J_FILE_DATA) == NULL)
        return put_file_id(writer, modality, get(source, J_FILE_ID));
    return put_source(writer, modality, source);
}

static bool put_generic(struct nm_writer *writer, const struct item *item)
{
    nm_part_open(writer);
    sl_out_bytes(writer->out, item->text.data, item->text.size);
    return true;
}

static bool put_untyped(struct nm_writer *writer, const struct object *object)
{
    if (is_string(get(object, J_TEXT))) {
        nm_part_text(writer, "text", get(object, J_TEXT)->text, true);
        return true;
    }
    if (FIRST(object, J_FUNCTION_CALL_CAMEL, J_TOOL_USE) != NULL)
        return put_call(writer, object);
    if (FIRST(object, J_FUNCTION_RESPONSE, J_TOOL_RESULT) != NULL)
        return put_response(writer, object);
    return false;
}

enum block_kind { TEXT, REASONING, REDACTED, CALL, RESPONSE, IMAGE, AUDIO, FILE_, DOCUMENT };
static const struct {
    const char *type;
    enum block_kind kind;
} block_kinds[] = {
    {"text", TEXT},
    {"input_text", TEXT},
    {"output_text", TEXT},
    {"refusal", TEXT},
    {"thinking", REASONING},
    {"reasoning", REASONING},
    {"redacted_thinking", REDACTED},
    {"tool_use", CALL},
    {"tool-call", CALL},
    {"tool_call", CALL},
    {"function_call", CALL},
    {"function", CALL},
    {"tool_result", RESPONSE},
    {"tool-result", RESPONSE},
    {"tool_call_response", RESPONSE},
    {"function_call_output", RESPONSE},
    {"image_url", IMAGE},
    {"input_image", IMAGE},
    {"image", IMAGE},
    {"input_audio", AUDIO},
    {"audio", AUDIO},
    {"file", FILE_},
    {"input_file", FILE_},
    {"document", DOCUMENT},
};

static bool put_block(struct nm_writer *writer, const struct item *item)
{
    struct object object;
    if (is_string(item)) {
        nm_part_text(writer, "text", item->text, true);
        return true;
    }
    if (!is_object(item) || !read_object(writer->norm, item->text, &object))
        return false;
    const struct item *type = get(&object, J_TYPE);
    if (!is_string(type))
        return put_untyped(writer, &object);
    size_t at = 0;
    while (at < sizeof(block_kinds) / sizeof(block_kinds[0]) &&
           !sl_bytes_is(type->text, block_kinds[at].type))
        at++;
    if (at == sizeof(block_kinds) / sizeof(block_kinds[0]))
        return put_generic(writer, item);
    const struct item *text = FIRST(&object, J_TEXT, J_CONTENT, J_REFUSAL);
    switch (block_kinds[at].kind) {
    case TEXT:
        if (!is_string(text))
            return false;
        if (text->text.size > 0)
            nm_part_text(writer, "text", text->text, true);
        return true;
    case REASONING:
        return put_reasoning(writer, &object);
    case REDACTED:
        nm_part_text(writer, "reasoning", SL_LIT(""), true);
        return true;
    case CALL:
        return put_call(writer, &object);
    case RESPONSE:
        return put_response(writer, &object);
    case IMAGE:
        return put_media(writer, "image", &object);
    case AUDIO:
        return put_media(writer, "audio", &object);
    default:
        return put_media(writer, block_kinds[at].kind == DOCUMENT ? "document" : NULL, &object);
    }
}

enum pick { ALL, RESPONSES, OTHERS };

static bool is_response(struct nm_norm *norm, const struct item *item)
{
    struct object object;
    if (!is_object(item) || !read_object(norm, item->text, &object))
        return false;
    const struct item *type = get(&object, J_TYPE);
    return type_is(type, "tool_result") || type_is(type, "tool-result") ||
           (type == NULL && FIRST(&object, J_FUNCTION_RESPONSE, J_TOOL_RESULT) != NULL);
}

/* Blocks of a list: all, only tool results, or the rest. Returns how many, -1: failed. */
static int put_blocks(struct nm_writer *writer, struct sl_bytes list, enum pick pick, bool dry)
{
    struct sl_json json;
    enum sl_json_token token;
    int count = 0;
    sl_json_init(&json, list, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item item;
        if (!take_value(&json, token, &item) || count > MAX_ITEMS)
            return -1;
        if (pick != ALL && is_response(writer->norm, &item) != (pick == RESPONSES))
            continue;
        count++;
        if (!dry && !put_block(writer, &item))
            return -1;
    }
    return count;
}

bool nm_shape_content(struct nm_writer *writer, struct sl_bytes json)
{
    struct sl_bytes text = sl_bytes_trim(json);
    return text.size > 0 && text.data[0] == '[' && sl_json_valid(text, MAX_JSON_DEPTH) &&
           put_blocks(writer, text, ALL, false) >= 0;
}

bool nm_shape_blocks(struct nm_writer *writer, struct sl_bytes json, bool calls)
{
    struct sl_json reader;
    enum sl_json_token token;
    struct object object;
    struct sl_bytes text = sl_bytes_trim(json);
    if (!calls)
        return nm_shape_content(writer, json);
    if (!sl_json_valid(text, MAX_JSON_DEPTH) || text.data[0] != '[')
        return false;
    sl_json_init(&reader, text, MAX_JSON_DEPTH);
    (void)sl_json_next(&reader);
    while ((token = sl_json_next(&reader)) != SL_JSON_ARRAY_END) {
        struct item item;
        if (!take_value(&reader, token, &item) || !is_object(&item) ||
            !read_object(writer->norm, item.text, &object) || !put_call(writer, &object))
            return false;
    }
    return true;
}

static bool put_content(struct nm_writer *writer, struct sl_bytes role, const struct item *content)
{
    if (is_list(content)) {
        const char *known = nm_map(writer->norm->table, NM_SCOPE_ROLES, role, true);
        bool tool = known != NULL && strcmp(known, "tool") == 0;
        int responses = tool ? 0 : put_blocks(writer, content->text, RESPONSES, true);
        if (responses <= 0)
            return responses == 0 && put_blocks(writer, content->text, ALL, false) >= 0;
        nm_write_begin(writer, SL_LIT("tool"), true); /* put_body() opened it */
        if (put_blocks(writer, content->text, RESPONSES, false) < 0)
            return false;
        if (put_blocks(writer, content->text, OTHERS, true) == 0)
            return true;
        nm_write_begin(writer, role, false);
        return put_blocks(writer, content->text, OTHERS, false) >= 0;
    }
    if (is_string(content)) {
        if (content->text.size > 0)
            nm_part_text(writer, "text", content->text, true);
        return true;
    }
    return content == NULL || (is_object(content) && put_block(writer, content));
}

static bool put_calls(struct nm_writer *writer, const struct object *object)
{
    const struct item *calls = get(object, J_TOOL_CALLS);
    const struct item *legacy = get(object, J_FUNCTION_CALL);
    struct object call;
    if (is_list(calls)) {
        struct sl_json json;
        enum sl_json_token token;
        sl_json_init(&json, calls->text, MAX_JSON_DEPTH);
        (void)sl_json_next(&json);
        while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
            struct item item;
            if (!take_value(&json, token, &item) || !is_object(&item) ||
                !read_object(writer->norm, item.text, &call) || !put_call(writer, &call))
                return false;
        }
    }
    if (is_object(legacy))
        return read_object(writer->norm, legacy->text, &call) && put_call(writer, &call);
    return true;
}

/* role "tool" (or an answer to a call): content is the response as it stands. */
static bool put_tool_message(struct nm_writer *writer, const struct object *object)
{
    const struct item *id = get(object, J_TOOL_CALL_ID);
    const struct item *content = get(object, J_CONTENT);
    nm_write_begin(writer, SL_LIT("tool"), false);
    nm_part_response(writer, text_of(id), true,
                     content != NULL ? json_of(writer->norm, content) : SL_LIT("null"));
    return true;
}

static bool has_response(struct nm_writer *writer, const struct object *object)
{
    const struct item *content = FIRST(object, J_CONTENT, J_PARTS);
    return is_list(content) && put_blocks(writer, content->text, RESPONSES, true) > 0;
}

static bool put_body(struct nm_writer *writer, struct sl_bytes role, const struct object *object,
                     bool merge)
{
    const struct item *reasoning = FIRST(object, J_REASONING_CONTENT, J_REASONING);
    const struct item *refusal = get(object, J_REFUSAL);
    if (is_string(get(object, J_TOOL_CALL_ID)) && !has_response(writer, object))
        return put_tool_message(writer, object);
    bool split = has_response(writer, object);
    nm_write_begin(writer, split ? SL_LIT("tool") : role, merge && !split);
    if (is_string(get(object, J_NAME)))
        writer->name = text_of(get(object, J_NAME));
    if (is_string(reasoning) && reasoning->text.size > 0)
        nm_part_text(writer, "reasoning", reasoning->text, true);
    if (!put_content(writer, role, FIRST(object, J_CONTENT, J_PARTS)))
        return false;
    if (is_string(refusal) && refusal->text.size > 0)
        nm_part_text(writer, "text", refusal->text, true);
    return put_calls(writer, object);
}

static bool put_list(struct nm_writer *writer, struct sl_bytes list, bool merge, unsigned level);

/* The last element of ["langchain","schema","messages","HumanMessage"]. */
static struct sl_bytes last_of(const struct item *list)
{
    struct sl_json json;
    struct sl_bytes last = {0};
    sl_json_init(&json, list->text, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while (sl_json_next(&json) == SL_JSON_STRING)
        last = json.raw;
    return last;
}

static bool put_message(struct nm_writer *writer, const struct item *item, bool merge,
                        unsigned level)
{
    struct object object, inner;
    if (is_list(item))
        return level < MAX_NESTING && put_list(writer, item->text, merge, level + 1);
    if (!is_object(item) || !read_object(writer->norm, item->text, &object))
        return false;
    const struct item *role = get(&object, J_ROLE), *type = get(&object, J_TYPE);
    if (is_object(get(&object, J_KWARGS)) && is_list(get(&object, J_ID)))
        return read_object(writer->norm, get(&object, J_KWARGS)->text, &inner) &&
               put_body(writer, last_of(get(&object, J_ID)), &inner, false);
    if (is_object(get(&object, J_DATA)) && is_string(type))
        return read_object(writer->norm, get(&object, J_DATA)->text, &inner) &&
               put_body(writer, type->text, &inner, false);
    if (is_string(role))
        return put_body(writer, role->text, &object, merge);
    if (is_string(type) && nm_map(writer->norm->table, NM_SCOPE_ROLES, type->text, true) != NULL)
        return put_body(writer, type->text, &object, false);
    if (is_object(get(&object, J_MESSAGE)))
        return put_message(writer, get(&object, J_MESSAGE), merge, level + 1);
    if (type_is(type, "message"))
        return put_body(writer, sl_text(writer->default_role), &object, merge);
    if (type_is(type, "function_call_output")) {
        nm_write_begin(writer, SL_LIT("tool"), false);
        return put_response(writer, &object);
    }
    if (!is_string(type) && FIRST(&object, J_TEXT) == NULL)
        return false;
    bool from_model = type_is(type, "function_call") || type_is(type, "reasoning");
    nm_write_begin(writer, from_model ? SL_LIT("assistant") : sl_text(writer->default_role), true);
    return put_block(writer, item);
}

static bool put_list(struct nm_writer *writer, struct sl_bytes list, bool merge, unsigned level)
{
    struct sl_json json;
    enum sl_json_token token;
    unsigned count = 0;
    sl_json_init(&json, list, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item item;
        if (!take_value(&json, token, &item) || ++count > MAX_ITEMS ||
            !put_message(writer, &item, merge, level))
            return false;
    }
    return true;
}

static bool put_choices(struct nm_writer *writer, const struct item *choices)
{
    struct sl_json json;
    enum sl_json_token token;
    struct object choice;
    sl_json_init(&json, choices->text, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item item;
        if (!take_value(&json, token, &item) || !is_object(&item) ||
            !read_object(writer->norm, item.text, &choice))
            return false;
        const struct item *message = get(&choice, J_MESSAGE), *text = get(&choice, J_TEXT);
        if (message != NULL ? !put_message(writer, message, false, 1) : !is_string(text))
            return false;
        if (message == NULL) {
            nm_write_begin(writer, sl_text(writer->default_role), false);
            nm_part_text(writer, "text", text->text, true);
        }
        if (is_string(get(&choice, J_FINISH_REASON)))
            writer->finish = text_of(get(&choice, J_FINISH_REASON));
    }
    return true;
}

/* The arguments of a decorated function: ["one text"]. */
static bool only_string(const struct item *list, struct item *ret)
{
    struct sl_json json;
    sl_json_init(&json, list->text, MAX_JSON_DEPTH);
    return sl_json_next(&json) == SL_JSON_ARRAY && take_value(&json, sl_json_next(&json), ret) &&
           is_string(ret) && sl_json_next(&json) == SL_JSON_ARRAY_END;
}

static bool put_top_object(struct nm_writer *writer, const struct item *item)
{
    struct object object;
    if (!read_object(writer->norm, item->text, &object))
        return false;
    /* "messages" of an answer is a whole history, not what was answered */
    const struct item *list = get(&object, writer->output ? J_GENERATIONS : J_MESSAGES);
    if (is_list(get(&object, J_CHOICES)))
        return put_choices(writer, get(&object, J_CHOICES));
    if (is_list(list))
        return put_list(writer, list->text, false, 0);
    const struct item *io = FIRST(&object, writer->output ? J_OUTPUT : J_INPUT, J_PROMPT);
    if (is_list(io))
        return put_list(writer, io->text, true, 0);
    if (is_string(get(&object, J_ROLE)) ||
        (get(&object, J_KWARGS) != NULL && get(&object, J_ID) != NULL) ||
        (is_object(get(&object, J_DATA)) && is_string(get(&object, J_TYPE))) ||
        (get(&object, J_CONTENT) != NULL && get(&object, J_STOP_REASON) != NULL))
        return put_message(writer, item, false, 0);
    struct item only;
    if (is_list(get(&object, J_ARGS)) && only_string(get(&object, J_ARGS), &only)) {
        nm_part_text(writer, "text", only.text, true);
        return true;
    }
    const struct item *text =
        FIRST(&object, J_PROMPT, J_INPUT, J_OUTPUT, J_TEXT, J_QUERY, J_QUESTION, J_CONTENT);
    if (!is_string(text))
        return false;
    nm_part_text(writer, "text", text->text, true);
    return true;
}

static bool parse(struct sl_bytes text, struct item *ret)
{
    struct sl_json json;
    sl_json_init(&json, text, MAX_JSON_DEPTH);
    return take_value(&json, sl_json_next(&json), ret) && sl_json_next(&json) == SL_JSON_END;
}

bool nm_shape_messages(struct nm_norm *norm, struct sl_bytes text, bool output,
                       struct sl_value *ret)
{
    struct nm_writer writer;
    struct item item;
    struct sl_bytes trimmed = sl_bytes_trim(text);
    if (trimmed.size == 0 || trimmed.size > MAX_JSON_SIZE)
        return false;
    nm_write_start(&writer, norm, output);
    bool json = strchr("[{\"", trimmed.data[0]) != NULL && trimmed.data[0] != '\0';
    if (json && !parse(trimmed, &item))
        return false;
    if (!json)
        nm_part_text(&writer, "text", text, false);
    else if (is_string(&item))
        nm_part_text(&writer, "text", item.text, true);
    else if (is_list(&item) ? !put_list(&writer, item.text, false, 0)
                            : !put_top_object(&writer, &item))
        return false;
    return nm_write_finish(&writer, ret);
}

/* System messages as a flat list of parts. */
static bool put_system(struct nm_writer *writer, const struct item *item)
{
    struct object object;
    struct sl_json json;
    enum sl_json_token token;
    writer->open = true; /* parts stand in the outer array: no role */
    if (is_string(item))
        return put_block(writer, item);
    if (is_object(item))
        return read_object(writer->norm, item->text, &object) &&
               put_content(writer, SL_LIT("system"), FIRST(&object, J_CONTENT, J_TEXT));
    if (!is_list(item))
        return false;
    sl_json_init(&json, item->text, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item entry;
        if (!take_value(&json, token, &entry))
            return false;
        bool message = is_object(&entry) && read_object(writer->norm, entry.text, &object) &&
                       is_string(get(&object, J_ROLE));
        if (!(message ? put_content(writer, SL_LIT("tool"), get(&object, J_CONTENT))
                      : put_block(writer, &entry)))
            return false;
    }
    return true;
}

bool nm_shape_system(struct nm_norm *norm, struct sl_bytes text, struct sl_value *ret)
{
    struct nm_writer writer;
    struct item item;
    struct object object;
    struct sl_bytes trimmed = sl_bytes_trim(text);
    if (trimmed.size == 0 || trimmed.size > MAX_JSON_SIZE)
        return false;
    nm_write_start(&writer, norm, false);
    if (strchr("[{\"", trimmed.data[0]) == NULL) {
        writer.open = true;
        nm_part_text(&writer, "text", text, false);
    } else {
        if (!parse(trimmed, &item))
            return false;
        const struct item *system = &item;
        if (is_object(&item)) {
            if (!read_object(norm, item.text, &object))
                return false;
            system = FIRST(&object, J_SYSTEM, J_INSTRUCTIONS);
        }
        if (system == NULL || !put_system(&writer, system))
            return false;
    }
    writer.open = false;
    return nm_write_finish(&writer, ret);
}

bool nm_shape_tool(struct nm_norm *norm, struct sl_bytes json, struct sl_out *out)
{
    struct object object, inner;
    struct item item;
    if (!parse(sl_bytes_trim(json), &item) || !is_object(&item) ||
        !read_object(norm, item.text, &object))
        return false;
    const struct object *body = &object;
    if (is_object(get(&object, J_FUNCTION)) &&
        read_object(norm, get(&object, J_FUNCTION)->text, &inner))
        body = &inner;
    const struct item *name = get(body, J_NAME), *type = get(&object, J_TYPE);
    const struct item *schema = FIRST(body, J_PARAMETERS, J_INPUT_SCHEMA, J_INPUT_SCHEMA_CAMEL);
    if (!is_string(name) && !is_string(type))
        return false;
    if (is_string(type) && !sl_bytes_is(type->text, "function")) { /* a server tool, as it is */
        sl_out_bytes(out, item.text.data, item.text.size);
        return true;
    }
    if (!is_string(name))
        return false;
    sl_out_text(out, "{\"type\":\"function\",\"name\":");
    nm_put_string(out, name->text, true);
    if (is_string(get(body, J_DESCRIPTION))) {
        sl_out_text(out, ",\"description\":");
        nm_put_string(out, get(body, J_DESCRIPTION)->text, true);
    }
    if (is_object(schema)) {
        sl_out_text(out, ",\"parameters\":");
        sl_out_bytes(out, schema->text.data, schema->text.size);
    }
    sl_out_byte(out, '}');
    return true;
}

static bool put_tool_list(struct nm_norm *norm, struct sl_bytes text)
{
    struct item item;
    struct sl_json json;
    enum sl_json_token token;
    unsigned count = 0;
    if (text.size > MAX_JSON_SIZE || !parse(sl_bytes_trim(text), &item) || !is_list(&item))
        return false;
    sl_json_init(&json, item.text, MAX_JSON_DEPTH);
    (void)sl_json_next(&json);
    while ((token = sl_json_next(&json)) != SL_JSON_ARRAY_END) {
        struct item tool;
        if (!take_value(&json, token, &tool) || !is_object(&tool))
            return false;
        if (count++ > 0)
            sl_out_byte(&norm->text, ',');
        if (!nm_shape_tool(norm, tool.text, &norm->text))
            return false;
    }
    return count > 0;
}

bool nm_shape_tools(struct nm_norm *norm, const struct sl_value *value, struct sl_value *ret)
{
    struct sl_value item;
    unsigned count = 0;
    sl_out_clear(&norm->text);
    sl_out_byte(&norm->text, '[');
    if (value->type == SL_VALUE_STRING) {
        if (!put_tool_list(norm, value->bytes))
            return false;
    } else if (value->type == SL_VALUE_ARRAY) {
        struct sl_bytes rest = value->bytes;
        for (; sl_array_next(&rest, &item); count++) {
            if (count > 0)
                sl_out_byte(&norm->text, ',');
            if (item.type != SL_VALUE_STRING || !nm_shape_tool(norm, item.bytes, &norm->text))
                return false;
        }
        if (count == 0)
            return false;
    } else {
        return false;
    }
    sl_out_byte(&norm->text, ']');
    struct sl_bytes text = norm->text.failed
                               ? (struct sl_bytes){0}
                               : sl_arena_copy(&norm->arena, sl_out_view(&norm->text));
    if (text.data == NULL)
        norm->status = SL_ENOMEM;
    *ret = sl_value_string(text);
    return text.data != NULL;
}
