/* SPDX-License-Identifier: Apache-2.0 */
/* From a normalized span to the few texts that a reader wants to see. */
#include "exporters/stdout/digest.h"

#include "exporters/stdout/messages.h"

/* C0 and C1 controls and DEL: a terminal could take them for commands; and the
 * marks U+202A to U+202E and U+2066 to U+2069, which turn the direction of the text
 * behind them. Returns the length of the blank or control character at p, 0 when
 * it is neither. */
static size_t blank_length(const uint8_t *p, size_t left)
{
    if (*p <= ' ' || *p == 0x7F)
        return 1;
    if (*p == 0xE2 && left > 2)
        return (p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
                       (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9)
                   ? 3
                   : 0;
    return *p == 0xC2 && left > 1 && p[1] < 0xA0 ? 2 : 0;
}

void digest_line(struct sl_bytes text, char *out, size_t size)
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    size_t room = size - sizeof ellipsis, at = 0;
    bool gap = false; /* blanks are written with what follows them, if anything does */
    for (size_t i = 0; i < text.size;) {
        size_t blank = blank_length(text.data + i, text.size - i);
        if (blank > 0) {
            gap = at > 0;
            i += blank;
            continue;
        }
        if (at + gap + 1 > room) {
            at = sl_utf8_valid_prefix(sl_bytes(out, at));
            memcpy(out + at, ellipsis, sizeof ellipsis);
            return;
        }
        if (gap)
            out[at++] = ' ';
        gap = false;
        out[at++] = (char)text.data[i++];
    }
    out[at] = '\0';
}

enum { STATUS_ERROR = 2 };

/* Where an attribute's value goes. */
enum target { T_OPERATION, T_MODEL, T_INPUT_TOKENS, T_OUTPUT_TOKENS, T_INPUT, T_OUTPUT, T_ERROR };

struct rule {
    const char *key;
    enum target target;
    bool messages; /* a gen_ai message list */
};

/* In order of preference: the first one present wins. */
static const struct rule rules[] = {
    {"gen_ai.operation.name", T_OPERATION, false},
    {"gen_ai.response.model", T_MODEL, false},
    {"gen_ai.request.model", T_MODEL, false},
    {"gen_ai.usage.input_tokens", T_INPUT_TOKENS, false},
    {"gen_ai.usage.output_tokens", T_OUTPUT_TOKENS, false},
    {"gen_ai.input.messages", T_INPUT, true},
    {"gen_ai.tool.call.arguments", T_INPUT, false},
    {"gen_ai.retrieval.query.text", T_INPUT, false},
    {"input.value", T_INPUT, false},
    {"gen_ai.output.messages", T_OUTPUT, true},
    {"gen_ai.tool.call.result", T_OUTPUT, false},
    {"gen_ai.retrieval.documents", T_OUTPUT, false},
    {"output.value", T_OUTPUT, false},
    {"error.type", T_ERROR, false},
};

enum { RULE_COUNT = sizeof rules / sizeof rules[0] };

/* A scalar or structured value as text, in scratch where it must be made. */
static struct sl_bytes text_of(const struct sl_value *value, struct sl_out *scratch)
{
    sl_out_clear(scratch);
    switch (value->type) {
    case SL_VALUE_STRING:
        return value->bytes;
    case SL_VALUE_INT:
        sl_out_printf(scratch, "%lld", (long long)value->i);
        break;
    case SL_VALUE_DOUBLE:
        sl_out_printf(scratch, "%g", value->d);
        break;
    case SL_VALUE_BOOL:
        sl_out_text(scratch, value->b ? "true" : "false");
        break;
    default:
        return SL_LIT("(structured)");
    }
    return sl_out_view(scratch);
}

static void apply(const struct rule *rule, const struct sl_value *value, struct sl_out *scratch,
                  struct digest *d)
{
    struct sl_bytes text = text_of(value, scratch);
    switch (rule->target) {
    case T_OPERATION:
        digest_line(text, d->operation, sizeof d->operation);
        break;
    case T_MODEL:
        digest_line(text, d->model, sizeof d->model);
        break;
    case T_INPUT_TOKENS:
        (void)sl_bytes_to_int64(text, &d->input_tokens);
        break;
    case T_OUTPUT_TOKENS:
        (void)sl_bytes_to_int64(text, &d->output_tokens);
        break;
    case T_INPUT:
        if (!rule->messages || !messages_preview(text, scratch, d->input_role, d->input))
            digest_line(text, d->input, sizeof d->input);
        break;
    case T_OUTPUT:
        if (!rule->messages || !messages_preview(text, scratch, d->output_role, d->output))
            digest_line(text, d->output, sizeof d->output);
        break;
    case T_ERROR:
        if (d->error[0] == '\0')
            digest_line(text, d->error, sizeof d->error);
        break;
    }
}

static bool is_zero(struct sl_bytes id)
{
    for (size_t i = 0; i < id.size; i++)
        if (id.data[i] != 0)
            return false;
    return true;
}

/* The message of an `exception` event, for a span whose status has none. */
static void read_exception(struct sl_batch *batch, struct sl_part *part, struct digest *d)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    sl_cursor_init(&cursor, batch, part);
    while (sl_cursor_next(&cursor, &field)) {
        struct sl_attrs attrs;
        struct sl_attr attr;
        if (field.number != SL_SPAN_EVENTS || field.wire != SL_WIRE_LEN)
            continue;
        sl_attrs_init_plain(&attrs, field.bytes, SL_EVENT_ATTRIBUTES);
        while (sl_attrs_next(&attrs, &attr))
            if (sl_bytes_is(attr.key, "exception.message") && attr.value.type == SL_VALUE_STRING)
                digest_line(attr.value.bytes, d->error, sizeof d->error);
    }
}

void digest_span(struct sl_batch *batch, struct sl_part *part, struct sl_out *scratch,
                 struct digest *d)
{
    struct sl_span_view span;
    struct sl_attrs attrs;
    struct sl_attr attr;
    struct sl_value found[RULE_COUNT];
    bool has[RULE_COUNT] = {false};

    sl_span_read(batch, part, &span);
    *d = (struct digest){.start_ns = span.start_ns,
                         .end_ns = span.end_ns,
                         .status = span.status_code,
                         .input_tokens = -1,
                         .output_tokens = -1};
    if (span.span_id.size == sizeof d->span_id)
        memcpy(d->span_id, span.span_id.data, sizeof d->span_id);
    d->has_parent =
        span.parent_span_id.size == sizeof d->parent_id && !is_zero(span.parent_span_id);
    if (d->has_parent)
        memcpy(d->parent_id, span.parent_span_id.data, sizeof d->parent_id);
    digest_line(span.name, d->name, sizeof d->name);
    digest_line(span.status_message, d->error, sizeof d->error);
    if (span.status_code == STATUS_ERROR && d->error[0] == '\0')
        read_exception(batch, part, d);

    sl_attrs_init(&attrs, batch, part, SL_SPAN_ATTRIBUTES);
    while (sl_attrs_next(&attrs, &attr))
        for (size_t i = 0; i < RULE_COUNT; i++)
            if (!has[i] && sl_bytes_is(attr.key, rules[i].key)) {
                has[i] = true;
                found[i] = attr.value;
            }
    for (size_t i = 0; i < RULE_COUNT; i++) {
        bool taken = false; /* by a rule before this one */
        for (size_t j = 0; j < i; j++)
            taken |= has[j] && rules[j].target == rules[i].target;
        if (has[i] && !taken)
            apply(&rules[i], &found[i], scratch, d);
    }
}
