/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration as YAML that reads back to the same values. */
#include <inttypes.h>

#include "config/reader.h"
#include "config/schema.h"
#include "config/values.h"

/* Longer keys are no "simple keys" for YAML and need a '?'. */
enum { SIMPLE_KEY = 200 };

static bool is_word_of_yaml(const char *text)
{
    static const char *const words[] = {"y",  "yes", "n",  "no",  "on",  "off", "Yes", "YES", "No",
                                        "NO", "On",  "ON", "Off", "OFF", "Y",   "N",   NULL};
    for (const char *const *word = words; *word != NULL; word++)
        if (strcmp(text, *word) == 0)
            return true;
    return sl_yaml_is_null(text) || sl_yaml_is_bool(text);
}

/* Text that needs no quotes; anything unusual gets them. */
static bool is_simple(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/";
    if (text[0] == '\0' || strchr(letters, text[0]) == NULL || is_word_of_yaml(text))
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        bool colon = *p == ':' && p[1] != '\0';
        if (!colon && strchr(letters, *p) == NULL && strchr("0123456789.-+@", *p) == NULL)
            return false;
    }
    return true;
}

/* Double quotes, with escapes for what a terminal or YAML would not take. */
static void print_quoted(const char *text, bool is_value, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p == '\t')
            fputs("\\t", out);
        else if (*p < 0x20 || *p == 0x7F)
            fprintf(out, "\\x%02X", *p);
        else if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)
            fprintf(out, "\\x%02X", *++p);
        else if (*p == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
            fprintf(out, "\\u20%02X", p[2] - 0x80), p += 2;
        else if (*p == 0xEF && p[1] == 0xBB && p[2] == 0xBF)
            fputs("\\uFEFF", out), p += 2;
        else if (*p == 0xEF && p[1] == 0xBF && (p[2] == 0xBE || p[2] == 0xBF))
            fprintf(out, "\\uFFF%c", p[2] == 0xBE ? 'E' : 'F'), p += 2;
        else if (*p == '$' && is_value)
            fputs("$$", out); /* the reader takes one away */
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void print_text(const char *text, bool is_value, FILE *out)
{
    if (is_simple(text))
        fputs(text, out);
    else
        print_quoted(text, is_value, out);
}

/* "key:" at the indentation; the value follows on the line or below. */
static void print_key(const char *key, int indent, FILE *out)
{
    fprintf(out, "%*s%s", indent, "", strlen(key) > SIMPLE_KEY ? "? " : "");
    print_text(key, false, out);
    if (strlen(key) > SIMPLE_KEY)
        fprintf(out, "\n%*s", indent, "");
    fputc(':', out);
}

static void print_node(const struct sl_node *node, int indent, FILE *out)
{
    if (node == NULL || node->kind == SL_NODE_NULL) {
        fputs(" null\n", out);
    } else if (node->kind == SL_NODE_SCALAR) {
        fputc(' ', out);
        if (!node->quoted && (sl_yaml_is_bool(node->text) || sl_yaml_is_number(node->text)))
            fputs(node->text, out);
        else
            print_text(node->text, true, out);
        fputc('\n', out);
    } else if (node->child == NULL) {
        fputs(node->kind == SL_NODE_LIST ? " []\n" : " {}\n", out);
    } else {
        fputc('\n', out);
        for (const struct sl_node *child = node->child; child != NULL; child = child->next) {
            if (node->kind == SL_NODE_MAP)
                print_key(child->key, indent + 2, out);
            else
                fprintf(out, "%*s-", indent + 2, "");
            print_node(child, indent + 2, out);
        }
    }
}

static bool is_left_out(const struct sl_field *field, const void *slot)
{
    return field->type == SL_T_IGNORED ||
           (field->type == SL_T_GROUP && (field->flags & SL_F_OPTIONAL) != 0 &&
            *(const enum sl_presence *)slot == SL_ABSENT);
}

static void print_scalar(const struct sl_field *field, const void *slot, FILE *out)
{
    char room[SL_VALUE_TEXT];
    fputc(' ', out);
    switch (field->type) {
    case SL_T_BOOL:
        fputs(*(const bool *)slot ? "true" : "false", out);
        break;
    case SL_T_INT:
    case SL_T_SIZE:
        fprintf(out, "%" PRId64, *(const int64_t *)slot);
        break;
    case SL_T_FLOAT:
        fputs(sl_value_print_float(*(const double *)slot, room), out);
        break;
    case SL_T_DURATION:
        fputs(sl_value_print_duration(*(const int64_t *)slot, room), out);
        break;
    case SL_T_ENUM:
        print_text(field->names[*(const int *)slot], true, out);
        break;
    default: { /* TEXT, SECRET, REFERENCE */
        const char *text = *(const char *const *)slot;
        if (text == NULL)
            fputs("null", out);
        else
            print_text(field->type == SL_T_SECRET ? "[REDACTED]" : text, true, out);
    }
    }
    fputc('\n', out);
}

static void print_value(const struct sl_field *field, const void *slot, int indent, FILE *out);

static void print_list(const struct sl_field *field, const struct sl_list *list, int indent,
                       FILE *out)
{
    size_t size = sl_value_element_size(field);
    fputs(list->count == 0 ? " []\n" : "\n", out);
    for (size_t i = 0; i < list->count; i++) {
        fprintf(out, "%*s-", indent + 2, "");
        print_value(field->element, (const uint8_t *)list->items + i * size, indent + 2, out);
    }
}

static void print_map(const struct sl_field *field, const struct sl_map *map, int indent, FILE *out)
{
    fputs(map->count == 0 ? " {}\n" : "\n", out);
    for (size_t i = 0; i < map->count; i++) {
        print_key(map->entries[i].key, indent + 2, out);
        print_value(field->element, map->entries[i].value, indent + 2, out);
    }
}

static void print_group(const struct sl_field *field, const void *slot, int indent, FILE *out)
{
    bool any = false;
    for (const struct sl_field *each = field->group; each->name != NULL; each++)
        any = any || !is_left_out(each, (const uint8_t *)slot + each->offset);
    fputs(any ? "\n" : " {}\n", out);
    sl_schema_print_yaml(field->group, slot, indent + 2, out);
}

static void print_value(const struct sl_field *field, const void *slot, int indent, FILE *out)
{
    if (field->type == SL_T_LIST)
        print_list(field, slot, indent, out);
    else if (field->type == SL_T_MAP)
        print_map(field, slot, indent, out);
    else if (field->type == SL_T_GROUP)
        print_group(field, slot, indent, out);
    else if (field->type == SL_T_NODE)
        print_node(*(const struct sl_node *const *)slot, indent, out);
    else
        print_scalar(field, slot, out);
}

void sl_schema_print_yaml(const struct sl_field *fields, const void *config, int indent, FILE *out)
{
    for (const struct sl_field *field = fields; field->name != NULL; field++) {
        const void *slot = (const uint8_t *)config + field->offset;
        if (is_left_out(field, slot))
            continue;
        print_key(field->name, indent, out);
        print_value(field, slot, indent, out);
    }
}
