/* SPDX-License-Identifier: Apache-2.0 */
/* The reference table of a component: one row a key, nested keys dotted. */
#include <inttypes.h>

#include "config/reader.h"
#include "config/schema.h"
#include "config/values.h"

/* A cell: '|' and line breaks would end it. */
static void print_cell(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void print_code(const char *text, FILE *out)
{
    fputc('`', out);
    print_cell(text, out);
    fputc('`', out);
}

static const char *print_number(const struct sl_field *field, int64_t value,
                                char out[SL_VALUE_TEXT])
{
    if (field->type == SL_T_DURATION)
        return sl_value_print_duration(value, out);
    if (field->type == SL_T_SIZE)
        return sl_value_print_size(value, out);
    (void)snprintf(out, SL_VALUE_TEXT, "%" PRId64, value);
    return out;
}

static void print_bounds(const struct sl_field *field, FILE *out)
{
    char low[SL_VALUE_TEXT], high[SL_VALUE_TEXT];
    bool least = true, most;
    if (field->type == SL_T_FLOAT) {
        if (!(field->fmin < 0 || field->fmin > 0 || field->fmax < 0 || field->fmax > 0))
            return;
        most = field->fmax >= field->fmin;
        (void)sl_value_print_float(field->fmin, low);
        (void)sl_value_print_float(field->fmax, high);
    } else {
        if (field->min == 0 && field->max == 0)
            return;
        most = field->max >= field->min;
        /* A list cannot have fewer than no elements, nor a size less than no bytes. */
        least = field->min != 0 || field->type == SL_T_INT || field->type == SL_T_DURATION;
        (void)print_number(field, field->min, low);
        (void)print_number(field, field->max, high);
    }
    if (least && most)
        fprintf(out, ", %s to %s", low, high);
    else if (most)
        fprintf(out, ", at most %s", high);
    else
        fprintf(out, ", at least %s", low);
}

static void print_type(const struct sl_field *field, FILE *out)
{
    static const char *const names[] = {
        [SL_T_END] = "",           [SL_T_BOOL] = "bool",
        [SL_T_INT] = "integer",    [SL_T_FLOAT] = "number",
        [SL_T_SIZE] = "size",      [SL_T_DURATION] = "duration",
        [SL_T_TEXT] = "text",      [SL_T_SECRET] = "secret text",
        [SL_T_ENUM] = "one of",    [SL_T_REFERENCE] = "component id",
        [SL_T_LIST] = "list of",   [SL_T_MAP] = "map to",
        [SL_T_GROUP] = "settings", [SL_T_NODE] = "any",
        [SL_T_IGNORED] = "ignored"};
    fputs(names[field->type], out);
    if (field->type == SL_T_ENUM)
        for (const char *const *name = field->names; *name != NULL; name++) {
            fputs(name == field->names ? " " : ", ", out);
            print_code(*name, out);
        }
    if (field->type == SL_T_LIST || field->type == SL_T_MAP) {
        fputc(' ', out);
        print_type(field->element, out);
    }
    print_bounds(field, out);
}

static void print_default(const struct sl_field *field, FILE *out)
{
    if ((field->flags & SL_F_REQUIRED) != 0)
        fputs("required", out);
    else if (field->type == SL_T_GROUP && (field->flags & SL_F_OPTIONAL) != 0)
        fputs("absent", out);
    else if (field->preset != NULL && field->preset[0] == '\0')
        fputs("`\"\"`", out);
    else if (field->preset != NULL)
        print_code(field->preset, out);
    else if (field->type == SL_T_BOOL)
        fputs("`false`", out);
    else if (field->type == SL_T_INT || field->type == SL_T_FLOAT || field->type == SL_T_SIZE)
        fputs("`0`", out);
    else if (field->type == SL_T_DURATION)
        fputs("`0s`", out);
    else if (field->type == SL_T_ENUM)
        print_code(field->names[0], out);
    else if (field->type == SL_T_LIST)
        fputs("`[]`", out);
    else if (field->type == SL_T_MAP)
        fputs("`{}`", out);
}

static void print_meaning(const struct sl_field *field, FILE *out)
{
    static const char *const shares[] = {[SL_SHARE_NONE] = NULL,
                                         [SL_SHARED] = "Counts for the whole process.",
                                         [SL_DIVIDED] = "Divided among the workers.",
                                         [SL_PER_WORKER] = "Counts for each worker."};
    if (field->doc != NULL)
        print_cell(field->doc, out);
    if (shares[field->share] != NULL)
        fprintf(out, "%s%s", field->doc != NULL ? " " : "", shares[field->share]);
}

static void print_rows(const struct sl_field *fields, const struct sl_path *parent, FILE *out);

static void print_row(const struct sl_field *field, const struct sl_path *parent, FILE *out)
{
    char key[SL_PATH_SIZE];
    struct sl_path path = {.parent = parent, .key = field->name};
    fputs("| ", out);
    print_code(sl_path_print(&path, key, sizeof key), out);
    fputs(" | ", out);
    print_type(field, out);
    fputs(" | ", out);
    print_default(field, out);
    fputs(" | ", out);
    print_meaning(field, out);
    fputs(" |\n", out);
    if (field->type == SL_T_GROUP)
        print_rows(field->group, &path, out);
    /* "readers[]" and "headers.*" stand for every element. */
    struct sl_path each = {.parent = &path, .key = "*"};
    char list[SL_PATH_SIZE];
    if (field->type == SL_T_LIST) {
        (void)snprintf(list, sizeof list, "%s[]", field->name);
        each = (struct sl_path){.parent = parent, .key = list};
    }
    if ((field->type == SL_T_LIST || field->type == SL_T_MAP) && field->element->type == SL_T_GROUP)
        print_rows(field->element->group, &each, out);
}

static void print_rows(const struct sl_field *fields, const struct sl_path *parent, FILE *out)
{
    for (unsigned advanced = 0; advanced <= SL_F_ADVANCED; advanced += SL_F_ADVANCED)
        for (const struct sl_field *field = fields; field->name != NULL; field++)
            if ((field->flags & SL_F_ADVANCED) == advanced)
                print_row(field, parent, out);
}

void sl_schema_print_markdown(const struct sl_field *fields, FILE *out)
{
    fputs("| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n", out);
    print_rows(fields, NULL, out);
}
