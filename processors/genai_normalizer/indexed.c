/* SPDX-License-Identifier: Apache-2.0 */
/* Builds messages, tool definitions and documents from attributes with an index
 * in their key ("llm.input_messages.3.message.role"): collected in one walk in
 * any order, sorted by number, gaps allowed. A piece goes from the span only
 * when all of it is in the result. */
#include <stdlib.h>

#include "core/alloc.h"
#include "processors/genai_normalizer/norm.h"

enum { MAX_COMPARED = 64 }; /* parts that a call is compared with */

/* Sort key: target 8 | i 16 | section 2 | j 16 | piece 6 | hit 14 bits. */
static unsigned section_of(unsigned piece)
{
    return piece >= NM_P_PART_TYPE ? 1 : piece >= NM_P_CALL_ID ? 2 : 0;
}
static unsigned target_of(uint64_t key)
{
    return (unsigned)(key >> 54);
}
static uint64_t group_of(uint64_t key)
{
    return key >> 38; /* target and i */
}
static uint64_t place_of(uint64_t key)
{
    return key >> 20; /* ... section and j */
}
static unsigned piece_of(uint64_t key)
{
    return (unsigned)(key >> 14 & 63);
}

static struct nm_hit *hit_of(struct nm_norm *norm, uint64_t key)
{
    return &norm->hits[key & 16383];
}

static const struct nm_row *piece_row(const struct nm_norm *norm, const struct nm_hit *hit)
{
    if (!nm_entry_has(hit->entry, NM_X_INDEXED))
        return NULL;
    for (uint16_t at = hit->entry->first_row; at != 0; at = nm_table_row(norm->table, at)->next) {
        const struct nm_row *row = nm_table_row(norm->table, at);
        if (row->transform == NM_X_INDEXED)
            return row;
    }
    return NULL;
}

bool nm_has_pieces(const struct nm_norm *norm, enum nm_target target)
{
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_row *row = piece_row(norm, &norm->hits[i]);
        if (row != NULL && row->target == target)
            return true;
    }
    return false;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The pieces of all targets, sorted; of each target only the best family's. */
static uint32_t collect(struct nm_norm *norm)
{
    uint32_t best[NM_TARGET_COUNT] = {0}, count = 0;
    if (norm->order_capacity < norm->hit_count) {
        uint64_t *more = sl_realloc(norm->order, norm->hit_capacity * sizeof(*more));
        if (more == NULL) {
            norm->status = SL_ENOMEM;
            return 0;
        }
        norm->order = more;
        norm->order_capacity = norm->hit_capacity;
    }
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_row *row = piece_row(norm, &norm->hits[i]);
        uint32_t rank = row != NULL ? nm_rank(norm, row) >> 12 : 0;
        if (row != NULL && (best[row->target] == 0 || rank + 1 < best[row->target]))
            best[row->target] = rank + 1;
    }
    bool sorted = true;
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_hit *hit = &norm->hits[i];
        const struct nm_row *row = piece_row(norm, hit);
        if (row == NULL || norm->slots[row->target].valid ||
            (nm_rank(norm, row) >> 12) + 1 != best[row->target])
            continue;
        norm->order[count] = (uint64_t)row->target << 54 | (uint64_t)hit->index[0] << 38 |
                             (uint64_t)section_of(row->piece) << 36 |
                             (uint64_t)hit->index[1] << 20 | (uint64_t)row->piece << 14 | i;
        sorted = sorted && (count == 0 || norm->order[count - 1] < norm->order[count]);
        count++;
    }
    if (!sorted)
        qsort(norm->order, count, sizeof(*norm->order), by_number);
    return count;
}

/* What belongs together: all of one message at section 0, or one part or call. */
struct group {
    struct nm_hit *pieces[NM_P_COUNT];
};

static uint32_t gather(struct nm_norm *norm, uint32_t at, uint32_t end, struct group *ret)
{
    uint64_t place = place_of(norm->order[at]);
    memset(ret, 0, sizeof(*ret));
    for (; at < end && place_of(norm->order[at]) == place; at++)
        if (ret->pieces[piece_of(norm->order[at])] == NULL)
            ret->pieces[piece_of(norm->order[at])] = hit_of(norm, norm->order[at]);
    return at;
}

/* The text of a piece, marked as used; {NULL, 0} when absent or no text. */
static struct sl_bytes take(const struct group *group, enum nm_piece piece)
{
    struct nm_hit *hit = group->pieces[piece];
    if (hit == NULL || hit->attr.value.type != SL_VALUE_STRING)
        return (struct sl_bytes){0};
    hit->used = true;
    return hit->attr.value.bytes.data != NULL ? hit->attr.value.bytes : SL_LIT("");
}

static struct sl_bytes look(const struct group *group, enum nm_piece piece)
{
    const struct nm_hit *hit = group->pieces[piece];
    return hit != NULL && hit->attr.value.type == SL_VALUE_STRING ? hit->attr.value.bytes
                                                                  : (struct sl_bytes){0};
}

static void put_rich(struct nm_writer *writer, struct sl_bytes text)
{
    size_t size = writer->out->size;
    unsigned parts = writer->parts, depth = writer->depth;
    if (text.size > 0 && text.data[0] == '[') {
        if (nm_shape_content(writer, text))
            return;
        writer->out->size = size;
        writer->parts = parts;
        writer->depth = depth;
    }
    if (text.size > 0)
        nm_part_text(writer, "text", text, false);
}

static void put_member(struct sl_out *out, const char *key, struct sl_bytes text)
{
    if (text.data == NULL)
        return;
    sl_out_byte(out, ',');
    sl_json_write_string(out, sl_text(key));
    sl_out_byte(out, ':');
    sl_json_write_string(out, text);
}

static void put_reasoning(struct nm_writer *writer, const struct group *part)
{
    struct sl_bytes text = take(part, NM_P_PART_TEXT);
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"reasoning\",\"content\":");
    sl_json_write_string(writer->out, text);
    put_member(writer->out, "id", take(part, NM_P_PART_ID));
    put_member(writer->out, "signature", take(part, NM_P_PART_SIGNATURE));
    put_member(writer->out, "data", take(part, NM_P_PART_DATA));
    put_member(writer->out, "encrypted_content", take(part, NM_P_PART_ENCRYPTED));
    sl_out_byte(writer->out, '}');
}

static void put_part(struct nm_writer *writer, const struct group *part)
{
    struct sl_bytes type = look(part, NM_P_PART_TYPE);
    struct sl_bytes url = take(part, NM_P_PART_IMAGE);
    if (part->pieces[NM_P_PART_TYPE] != NULL)
        part->pieces[NM_P_PART_TYPE]->used = true;
    if (url.size > 0) {
        nm_part_media(writer, "image", url, (struct sl_bytes){0}, false);
        return;
    }
    url = take(part, NM_P_PART_AUDIO);
    if (url.size > 0)
        nm_part_media(writer, "audio", url, take(part, NM_P_PART_MIME), false);
    if (look(part, NM_P_PART_TRANSCRIPT).size > 0)
        nm_part_text(writer, "text", take(part, NM_P_PART_TRANSCRIPT), false);
    if (part->pieces[NM_P_PART_CALL_NAME] != NULL) {
        struct sl_bytes id = take(part, NM_P_PART_CALL_ID);
        struct sl_bytes name = take(part, NM_P_PART_CALL_NAME);
        nm_part_call(writer, id, name, take(part, NM_P_PART_CALL_ARGUMENTS), false);
    } else if (sl_bytes_is(type, "reasoning") || sl_bytes_is(type, "thinking") ||
               sl_bytes_is(type, "redacted_thinking")) {
        put_reasoning(writer, part);
    } else if (part->pieces[NM_P_PART_TEXT] != NULL) {
        nm_part_text(writer, "text", take(part, NM_P_PART_TEXT), false);
    } else if (part->pieces[NM_P_PART_TYPE] != NULL && url.size == 0) {
        part->pieces[NM_P_PART_TYPE]->used = false; /* a kind that is not known: stays */
    }
}

/* Whether one of the message's parts is the same call (some emitters write both). */
static bool is_repeated(struct nm_norm *norm, uint32_t at, uint32_t end, const struct group *call)
{
    struct group part;
    struct sl_bytes id = look(call, NM_P_CALL_ID);
    unsigned compared = 0;
    while (at < end && section_of(piece_of(norm->order[at])) < 1)
        at++;
    while (at < end && section_of(piece_of(norm->order[at])) == 1 && compared++ < MAX_COMPARED) {
        at = gather(norm, at, end, &part);
        if (part.pieces[NM_P_PART_CALL_NAME] != NULL &&
            sl_bytes_equal(look(&part, NM_P_PART_CALL_ID), id) &&
            sl_bytes_equal(look(&part, NM_P_PART_CALL_NAME), look(call, NM_P_CALL_NAME)) &&
            sl_bytes_equal(look(&part, NM_P_PART_CALL_ARGUMENTS), look(call, NM_P_CALL_ARGUMENTS)))
            return true;
    }
    return false;
}

static void put_call(struct nm_writer *writer, const struct group *call, bool repeated)
{
    struct sl_bytes id = take(call, NM_P_CALL_ID), name = take(call, NM_P_CALL_NAME);
    struct sl_bytes arguments = take(call, NM_P_CALL_ARGUMENTS);
    if (sl_bytes_is(look(call, NM_P_CALL_TYPE), "function"))
        call->pieces[NM_P_CALL_TYPE]->used = true;
    if (!repeated && (name.size > 0 || id.size > 0 || arguments.size > 0))
        nm_part_call(writer, id, name, arguments, false);
}

/* All text of a tool message is the response, as a string. */
static void put_response(struct nm_writer *writer, const struct group *head)
{
    struct sl_bytes text = take(head, NM_P_CONTENT), id = take(head, NM_P_RESPONSE_TO);
    if (text.data == NULL)
        text = take(head, NM_P_RICH_CONTENT);
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"tool_call_response\"");
    if (id.size > 0)
        put_member(writer->out, "id", id);
    sl_out_text(writer->out, ",\"response\":");
    sl_json_write_string(writer->out, text);
    sl_out_byte(writer->out, '}');
}

static void put_head(struct nm_writer *writer, const struct group *head)
{
    struct sl_bytes text = take(head, NM_P_REASONING);
    if (text.size > 0)
        nm_part_text(writer, "reasoning", text, false);
    text = take(head, NM_P_CONTENT);
    if (text.size > 0)
        nm_part_text(writer, "text", text, false);
    put_rich(writer, take(head, NM_P_RICH_CONTENT));
    text = take(head, NM_P_USER_CONTENT);
    if (text.size > 0)
        nm_part_text(writer, "text", text, false);
    text = take(head, NM_P_REFUSAL);
    if (text.size > 0)
        nm_part_text(writer, "text", text, false);
}

static void put_message(struct nm_norm *norm, struct nm_writer *writer, uint32_t at, uint32_t end)
{
    struct group head = {{0}}, part;
    uint32_t begin = at;
    if (section_of(piece_of(norm->order[at])) == 0)
        at = gather(norm, at, end, &head);
    struct sl_bytes role = take(&head, NM_P_ROLE);
    bool response = head.pieces[NM_P_RESPONSE_TO] != NULL || sl_bytes_is(role, "tool") ||
                    sl_bytes_is(role, "function");
    if (head.pieces[NM_P_IGNORED] != NULL) /* an index, or a reason that a request cannot have */
        head.pieces[NM_P_IGNORED]->used = true;
    nm_write_begin(writer, response ? SL_LIT("tool") : role, norm->merge_assistant);
    struct sl_bytes name = take(&head, NM_P_NAME);
    if (name.size > 0) {
        struct sl_out text = {0};
        sl_json_write_escaped(&text, name);
        writer->name = sl_arena_copy(&norm->arena, sl_out_view(&text));
        sl_out_done(&text);
    }
    if (look(&head, NM_P_FINISH_REASON).size > 0)
        writer->finish = look(&head, NM_P_FINISH_REASON);
    if (response && (at >= end || section_of(piece_of(norm->order[at])) != 1))
        put_response(writer, &head);
    else
        put_head(writer, &head);
    for (; at < end && section_of(piece_of(norm->order[at])) == 1;) {
        at = gather(norm, at, end, &part);
        put_part(writer, &part);
    }
    if (head.pieces[NM_P_FUNCTION_NAME] != NULL) {
        struct sl_bytes called = take(&head, NM_P_FUNCTION_NAME);
        nm_part_call(writer, (struct sl_bytes){0}, called, take(&head, NM_P_FUNCTION_ARGUMENTS),
                     false);
    }
    while (at < end) {
        at = gather(norm, at, end, &part);
        put_call(writer, &part, is_repeated(norm, begin, end, &part));
    }
}

static void put_tool(struct nm_norm *norm, const struct group *tool, unsigned *count)
{
    struct sl_out *out = &norm->text;
    size_t size = out->size;
    if (*count > 0)
        sl_out_byte(out, ',');
    if (tool->pieces[NM_P_TOOL_SCHEMA] != NULL) {
        if (!nm_shape_tool(norm, look(tool, NM_P_TOOL_SCHEMA), out)) {
            out->size = size;
            return;
        }
        /* fields that the convention does not have would be lost: the text stays */
        (*count)++;
        return;
    }
    struct sl_bytes name = take(tool, NM_P_TOOL_NAME);
    if (name.size == 0) {
        out->size = size;
        return;
    }
    sl_out_text(out, "{\"type\":\"function\",\"name\":");
    sl_json_write_string(out, name);
    put_member(out, "description", take(tool, NM_P_TOOL_DESCRIPTION));
    struct sl_bytes schema = take(tool, NM_P_TOOL_PARAMETERS);
    if (schema.size > 0) {
        sl_out_text(out, ",\"parameters\":");
        nm_put_arguments(out, schema);
    }
    sl_out_byte(out, '}');
    (*count)++;
}

static void put_document(struct nm_norm *norm, const struct group *document, unsigned *count)
{
    struct sl_out *out = &norm->text;
    struct nm_hit *score = document->pieces[NM_P_DOCUMENT_SCORE];
    struct sl_bytes id = take(document, NM_P_DOCUMENT_ID);
    struct sl_bytes metadata = take(document, NM_P_DOCUMENT_METADATA);
    sl_out_text(out, (*count)++ > 0 ? ",{\"score\":" : "{\"score\":");
    if (score != NULL && score->attr.value.type == SL_VALUE_DOUBLE &&
        score->attr.value.d - score->attr.value.d == 0) {
        sl_json_write_double(out, score->attr.value.d);
        score->used = true;
    } else {
        sl_out_text(out, "null");
    }
    put_member(out, "id", id);
    put_member(out, "content", take(document, NM_P_DOCUMENT_CONTENT));
    if (metadata.size > 0) {
        sl_out_text(out, ",\"metadata\":");
        nm_put_arguments(out, metadata);
    }
    sl_out_byte(out, '}');
}

static bool build_list(struct nm_norm *norm, uint32_t at, uint32_t end, struct sl_value *ret)
{
    unsigned count = 0;
    bool tools = target_of(norm->order[at]) == NM_TOOL_DEFINITIONS;
    sl_out_clear(&norm->text);
    sl_out_byte(&norm->text, '[');
    while (at < end) {
        struct group group;
        at = gather(norm, at, end, &group);
        if (tools)
            put_tool(norm, &group, &count);
        else
            put_document(norm, &group, &count);
    }
    sl_out_byte(&norm->text, ']');
    struct sl_bytes text = norm->text.failed
                               ? (struct sl_bytes){0}
                               : sl_arena_copy(&norm->arena, sl_out_view(&norm->text));
    if (text.data == NULL)
        norm->status = SL_ENOMEM;
    *ret = sl_value_string(text);
    return text.data != NULL && count > 0;
}

static bool build_messages(struct nm_norm *norm, uint32_t at, uint32_t end, struct sl_value *ret)
{
    struct nm_writer writer;
    nm_write_start(&writer, norm, target_of(norm->order[at]) == NM_OUTPUT_MESSAGES);
    while (at < end) {
        uint32_t next = at;
        while (next < end && group_of(norm->order[next]) == group_of(norm->order[at]))
            next++;
        put_message(norm, &writer, at, next);
        at = next;
    }
    return nm_write_finish(&writer, ret);
}

void nm_indexed(struct nm_norm *norm)
{
    uint32_t count = collect(norm);
    for (uint32_t at = 0; at < count && norm->status == 0;) {
        unsigned target = target_of(norm->order[at]);
        uint32_t end = at;
        struct sl_value value;
        while (end < count && target_of(norm->order[end]) == target)
            end++;
        bool messages = target == NM_INPUT_MESSAGES || target == NM_OUTPUT_MESSAGES;
        bool built =
            messages ? build_messages(norm, at, end, &value) : build_list(norm, at, end, &value);
        const struct nm_row *row = piece_row(norm, hit_of(norm, norm->order[at]));
        if (built)
            nm_set(norm, (enum nm_target)target, nm_rank(norm, row), -1, value);
        for (; at < end; at++)
            if (!built)
                hit_of(norm, norm->order[at])->used = false;
    }
}
