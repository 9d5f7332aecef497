/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema (draft 2020-12) of a field table, for editors. Every value may
 * also be null (the default) or text with a ${} reference, whose type is known
 * only when it is read.
 */
#include <inttypes.h>

#include "config/reader.h"
#include "config/schema.h"
#include "config/values.h"

struct writer {
    FILE *out;
    int indent;
    bool first; /* nothing stands yet in the object or list at hand */
};

static void new_line(struct writer *w)
{
    fprintf(w->out, "%s\n%*s", w->first ? "" : ",", w->indent, "");
    w->first = false;
}

static void begin(struct writer *w, char bracket)
{
    fputc(bracket, w->out);
    w->indent += 2;
    w->first = true;
}

static void end(struct writer *w, char bracket)
{
    w->indent -= 2;
    if (!w->first)
        fprintf(w->out, "\n%*s", w->indent, "");
    fputc(bracket, w->out);
    w->first = false;
}

static void put_text(struct writer *w, const char *text)
{
    fputc('"', w->out);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(w->out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7F)
            fprintf(w->out, "\\u%04x", *p);
        else
            fputc(*p, w->out);
    }
    fputc('"', w->out);
}

static void put_key(struct writer *w, const char *key)
{
    new_line(w);
    put_text(w, key);
    fputs(": ", w->out);
}

static void put_member(struct writer *w, const char *key, const char *text)
{
    put_key(w, key);
    put_text(w, text);
}

static void put_number(struct writer *w, const char *key, int64_t value)
{
    put_key(w, key);
    fprintf(w->out, "%" PRId64, value);
}

static void put_bounds(struct writer *w, const struct sl_field *field, const char *least,
                       const char *most)
{
    if (field->min == 0 && field->max == 0)
        return;
    put_number(w, least, field->min);
    if (field->max >= field->min)
        put_number(w, most, field->max);
}

static void put_float_bounds(struct writer *w, const struct sl_field *field)
{
    char room[SL_VALUE_TEXT];
    if (!(field->fmin < 0 || field->fmin > 0 || field->fmax < 0 || field->fmax > 0))
        return;
    put_key(w, "minimum");
    fputs(sl_value_print_float(field->fmin, room), w->out);
    if (field->fmax >= field->fmin) {
        put_key(w, "maximum");
        fputs(sl_value_print_float(field->fmax, room), w->out);
    }
}

/* A plain YAML value as JSON. */
static void put_node(struct writer *w, const struct sl_node *node)
{
    int64_t number;
    double real;
    char room[SL_VALUE_TEXT];
    bool plain = node->kind == SL_NODE_SCALAR && !node->quoted;
    bool map = node->kind == SL_NODE_MAP;
    if (node->kind == SL_NODE_NULL) {
        fputs("null", w->out);
    } else if (plain && sl_yaml_is_bool(node->text)) {
        fputs((node->text[0] | 0x20) == 't' ? "true" : "false", w->out);
    } else if (plain && sl_value_int(node->text, &number)) {
        fprintf(w->out, "%" PRId64, number);
    } else if (plain && sl_value_float(node->text, &real)) {
        fputs(sl_value_print_float(real, room), w->out);
    } else if (node->kind == SL_NODE_SCALAR) {
        put_text(w, node->text);
    } else {
        begin(w, map ? '{' : '[');
        for (const struct sl_node *child = node->child; child != NULL; child = child->next) {
            if (map)
                put_key(w, child->key);
            else
                new_line(w);
            put_node(w, child);
        }
        end(w, map ? '}' : ']');
    }
}

static void put_default(struct writer *w, const struct sl_field *field)
{
    if (field->preset == NULL)
        return;
    bool text = field->type == SL_T_TEXT || field->type == SL_T_SECRET ||
                field->type == SL_T_REFERENCE || field->type == SL_T_ENUM ||
                field->type == SL_T_DURATION;
    if (text) {
        put_member(w, "default", field->preset);
        return;
    }
    struct sl_arena arena = {0};
    struct sl_diag diag;
    sl_diag_init(&diag);
    struct sl_reader reader = {.arena = &arena, .diag = &diag};
    struct sl_yaml_input input = {.text = sl_text(field->preset)};
    struct sl_node *node;
    if (sl_yaml_read(&reader, &input, &node) == SL_OK) {
        put_key(w, "default");
        put_node(w, node);
    }
    sl_diag_done(&diag);
    sl_arena_done(&arena);
}

static void put_value(struct writer *w, const struct sl_field *field);
static void put_object(struct writer *w, const struct sl_field *fields);

static void put_alternative(struct writer *w, const char *type, const char *pattern)
{
    new_line(w);
    begin(w, '{');
    put_member(w, "type", type);
    if (pattern != NULL)
        put_member(w, "pattern", pattern);
    end(w, '}');
}

static void put_whole_number(struct writer *w, const struct sl_field *field, bool bounded)
{
    new_line(w);
    begin(w, '{');
    put_member(w, "type", "integer");
    if (bounded)
        put_bounds(w, field, "minimum", "maximum");
    end(w, '}');
}

static void put_real_number(struct writer *w, const struct sl_field *field)
{
    new_line(w);
    begin(w, '{');
    put_member(w, "type", "number");
    put_float_bounds(w, field);
    end(w, '}');
}

static void put_enum(struct writer *w, const struct sl_field *field)
{
    new_line(w);
    begin(w, '{');
    put_key(w, "enum");
    begin(w, '[');
    for (const char *const *name = field->names; *name != NULL; name++) {
        new_line(w);
        put_text(w, *name);
    }
    end(w, ']');
    end(w, '}');
}

static void put_collection(struct writer *w, const struct sl_field *field)
{
    bool list = field->type == SL_T_LIST;
    new_line(w);
    begin(w, '{');
    put_member(w, "type", list ? "array" : "object");
    put_key(w, list ? "items" : "additionalProperties");
    put_value(w, field->element);
    put_bounds(w, field, list ? "minItems" : "minProperties", list ? "maxItems" : "maxProperties");
    end(w, '}');
}

/* What the type itself takes, besides null and references. */
static void put_alternatives(struct writer *w, const struct sl_field *field)
{
    static const char duration[] =
        "^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$";
    switch (field->type) {
    case SL_T_BOOL:
        put_alternative(w, "boolean", NULL);
        break;
    case SL_T_INT:
        put_whole_number(w, field, true);
        break;
    case SL_T_FLOAT:
        put_real_number(w, field);
        break;
    case SL_T_SIZE:
        put_whole_number(w, field, true);
        put_alternative(w, "string", "^[0-9]+([KMG]i?B|B)?$");
        break;
    case SL_T_DURATION:
        put_alternative(w, "string", duration);
        put_whole_number(w, field, false);
        break;
    case SL_T_ENUM:
        put_enum(w, field);
        break;
    case SL_T_LIST:
    case SL_T_MAP:
        put_collection(w, field);
        break;
    case SL_T_GROUP:
        new_line(w);
        put_object(w, field->group);
        break;
    default: /* TEXT, SECRET, REFERENCE: a number is taken by its text */
        put_alternative(w, "string", NULL);
        put_alternative(w, "number", NULL);
    }
}

static bool takes_any_text(const struct sl_field *field)
{
    return field->type == SL_T_TEXT || field->type == SL_T_SECRET || field->type == SL_T_REFERENCE;
}

static void put_value(struct writer *w, const struct sl_field *field)
{
    begin(w, '{');
    if (field->doc != NULL)
        put_member(w, "description", field->doc);
    put_default(w, field);
    if (field->type != SL_T_NODE && field->type != SL_T_IGNORED) {
        put_key(w, "anyOf");
        begin(w, '[');
        put_alternatives(w, field);
        put_alternative(w, "null", NULL);
        if (!takes_any_text(field))
            put_alternative(w, "string", "\\$\\{");
        end(w, ']');
    }
    end(w, '}');
}

static void put_object(struct writer *w, const struct sl_field *fields)
{
    bool required = false;
    begin(w, '{');
    put_member(w, "type", "object");
    put_key(w, "additionalProperties");
    fputs("false", w->out);
    put_key(w, "properties");
    begin(w, '{');
    for (const struct sl_field *field = fields; field->name != NULL; field++) {
        put_key(w, field->name);
        put_value(w, field);
        required = required || (field->flags & SL_F_REQUIRED) != 0;
    }
    end(w, '}');
    if (required) {
        put_key(w, "required");
        begin(w, '[');
        for (const struct sl_field *field = fields; field->name != NULL; field++)
            if ((field->flags & SL_F_REQUIRED) != 0) {
                new_line(w);
                put_text(w, field->name);
            }
        end(w, ']');
    }
    end(w, '}');
}

void sl_schema_print_json(const struct sl_field *fields, int indent, FILE *out)
{
    struct writer w = {.out = out, .indent = indent};
    put_object(&w, fields);
}
