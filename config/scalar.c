/* SPDX-License-Identifier: Apache-2.0 */
/* How plain scalars read in YAML 1.2's core schema (section 10.3), and paths. */
#include <stdio.h>

#include "config/reader.h"

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words != NULL && strcmp(*words, text) != 0)
        words++;
    return *words != NULL;
}

bool sl_yaml_is_bool(const char *text)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    return is_one_of(text, words);
}

bool sl_yaml_is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_one_of(text, words);
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(const char *text)
{
    size_t whole = digits(text), part = 0;
    text += whole;
    if (*text == '.') {
        part = digits(text + 1);
        text += part + 1;
    }
    if (whole + part == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        if (digits(text) == 0)
            return false;
        text += digits(text);
    }
    return *text == '\0';
}

bool sl_yaml_is_number(const char *text)
{
    static const char *const words[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                        "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                        ".NaN",  ".NAN",  NULL};
    static const char *const sets[] = {"0123456789abcdefABCDEF", "01234567", "01"};
    if (is_one_of(text, words))
        return true;
    if (*text == '-' || *text == '+')
        text++;
    const char *prefix = *text == '0' && text[1] != '\0' ? strchr("xob", text[1]) : NULL;
    if (prefix != NULL) {
        static const char letters[] = "xob";
        size_t which = (size_t)(strchr(letters, text[1]) - letters);
        return text[2] != '\0' && text[2 + strspn(text + 2, sets[which])] == '\0';
    }
    return is_decimal(text);
}

const char *sl_path_print(const struct sl_path *path, char *out, size_t size)
{
    if (path == NULL) {
        out[0] = '\0';
        return out;
    }
    (void)sl_path_print(path->parent, out, size);
    size_t at = strlen(out);
    if (path->key == NULL)
        (void)snprintf(out + at, size - at, "[%u]", path->index);
    else
        (void)snprintf(out + at, size - at, "%s%s", at > 0 ? "." : "", path->key);
    return out;
}
