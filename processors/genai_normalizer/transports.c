/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, instructions and tool definitions that come as one attribute: JSON
 * of a known shape, or plain text. Such sources stay, whatever `originals`
 * says, because they hold more than their targets. */
#include "processors/genai_normalizer/norm.h"

static bool applies(const struct nm_norm *norm, const struct nm_row *row)
{
    return (norm->families & 1U << row->family) != 0 && (norm->when & row->when) != 0;
}

static bool put_prompts(struct nm_norm *norm, struct sl_value in, struct sl_value *ret)
{
    struct nm_writer writer;
    struct sl_value item;
    struct sl_bytes rest = in.bytes;
    if (in.type != SL_VALUE_ARRAY)
        return false;
    nm_write_start(&writer, norm, false);
    while (sl_array_next(&rest, &item)) {
        nm_write_begin(&writer, SL_LIT("user"), false);
        if (item.type == SL_VALUE_STRING)
            nm_part_text(&writer, "text", item.bytes, false);
    }
    return nm_write_finish(&writer, ret);
}

static bool convert(struct nm_norm *norm, const struct nm_row *row, struct sl_value in,
                    struct sl_value *ret)
{
    bool output = row->target == NM_OUTPUT_MESSAGES;
    switch ((enum nm_transform)row->transform) {
    case NM_X_MESSAGES:
        return in.type == SL_VALUE_STRING && nm_shape_messages(norm, in.bytes, output, ret);
    case NM_X_SYSTEM:
        return in.type == SL_VALUE_STRING && nm_shape_system(norm, in.bytes, ret);
    case NM_X_TOOLS:
        return nm_shape_tools(norm, &in, ret);
    case NM_X_PROMPTS:
        return put_prompts(norm, in, ret);
    default:
        return false;
    }
}

static const uint64_t transports = UINT64_C(1) << NM_X_MESSAGES | UINT64_C(1) << NM_X_SYSTEM |
                                   UINT64_C(1) << NM_X_TOOLS | UINT64_C(1) << NM_X_PROMPTS;
static const uint64_t answers = UINT64_C(1) << NM_X_ANSWER_REASONING |
                                UINT64_C(1) << NM_X_ANSWER_TEXT |
                                UINT64_C(1) << NM_X_ANSWER_OBJECT |
                                UINT64_C(1) << NM_X_ANSWER_FILES | UINT64_C(1) << NM_X_ANSWER_CALLS;

static void offer(struct nm_norm *norm, enum nm_target target)
{
    for (uint32_t i = 0; i < norm->hit_count && norm->status == 0; i++) {
        struct nm_hit *hit = &norm->hits[i];
        if ((hit->entry->transforms & transports) == 0)
            continue;
        for (uint16_t at = hit->entry->first_row; at != 0;) {
            const struct nm_row *row = nm_table_row(norm->table, at);
            const struct nm_slot *slot = &norm->slots[target];
            struct sl_value value;
            at = row->next;
            if (row->target != target || !applies(norm, row) ||
                (slot->valid && slot->rank <= nm_rank(norm, row)))
                continue;
            if (convert(norm, row, hit->attr.value, &value))
                nm_set(norm, target, nm_rank(norm, row), (int32_t)i, value);
        }
    }
}

/* The answer of the Vercel SDK lies in several attributes: one message. */
static void offer_answer(struct nm_norm *norm)
{
    enum { REASONING, TEXT, OBJECT, FILES, CALLS, KINDS };
    const struct nm_hit *found[KINDS] = {NULL};
    const struct nm_row *first = NULL;
    struct nm_writer writer;
    struct sl_value value;
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_hit *hit = &norm->hits[i];
        if ((hit->entry->transforms & answers) == 0)
            continue;
        for (uint16_t at = hit->entry->first_row; at != 0;) {
            const struct nm_row *row = nm_table_row(norm->table, at);
            at = row->next;
            int kind = (int)row->transform - NM_X_ANSWER_REASONING;
            if (kind < 0 || kind >= KINDS || !applies(norm, row) ||
                hit->attr.value.type != SL_VALUE_STRING || hit->attr.value.bytes.size == 0)
                continue;
            if (found[kind] == NULL || sl_bytes_is(hit->attr.key, "ai.response.reasoning"))
                found[kind] = hit;
            first = row;
        }
    }
    if (first == NULL || norm->slots[NM_OUTPUT_MESSAGES].valid)
        return;
    nm_write_start(&writer, norm, true);
    nm_write_begin(&writer, SL_LIT("assistant"), false);
    if (found[REASONING] != NULL)
        nm_part_text(&writer, "reasoning", found[REASONING]->attr.value.bytes, false);
    const struct nm_hit *text = found[TEXT] != NULL ? found[TEXT] : found[OBJECT];
    if (text != NULL)
        nm_part_text(&writer, "text", text->attr.value.bytes, false);
    for (int kind = FILES; kind <= CALLS; kind++)
        if (found[kind] != NULL &&
            !nm_shape_blocks(&writer, found[kind]->attr.value.bytes, kind == CALLS))
            return;
    if (nm_write_finish(&writer, &value))
        nm_set(norm, NM_OUTPUT_MESSAGES, nm_rank(norm, first), -1, value);
}

/* A value under the target's own name, but not in its shape. */
static void repair(struct nm_norm *norm, enum nm_target target)
{
    struct nm_slot *slot = &norm->slots[target];
    struct sl_value value;
    bool done = false;
    if (slot->existing < 0 || !slot->valid || slot->value.type != SL_VALUE_STRING)
        return;
    struct sl_bytes text = slot->value.bytes;
    if (target == NM_TOOL_DEFINITIONS)
        done = (nm_contains(text, "\"inputSchema\"") || nm_contains(text, "\"input_schema\"") ||
                nm_contains(text, "\"function\":") || sl_bytes_starts(text, "[{\"name\"")) &&
               nm_shape_tools(norm, &slot->value, &value);
    else if (target == NM_SYSTEM_INSTRUCTIONS)
        done = !nm_contains(text, "\"type\"") && nm_shape_system(norm, text, &value);
    else
        done = !nm_contains(text, "\"parts\"") &&
               nm_shape_messages(norm, text, target == NM_OUTPUT_MESSAGES, &value);
    if (!done || sl_bytes_equal(value.bytes, text))
        return;
    slot->value = value;
    slot->fixed = true;
}

void nm_json_messages(struct nm_norm *norm)
{
    static const enum nm_target all[] = {NM_SYSTEM_INSTRUCTIONS, NM_TOOL_DEFINITIONS,
                                         NM_INPUT_MESSAGES, NM_OUTPUT_MESSAGES};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && norm->status == 0; i++) {
        repair(norm, all[i]);
        if (!norm->slots[all[i]].valid)
            offer(norm, all[i]);
    }
    offer_answer(norm);
}
