/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars of the configuration: text to value and back. */
#include "config/values.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

bool sl_value_bool(const char *text, bool *ret_value)
{
    if (!sl_yaml_is_bool(text))
        return false;
    *ret_value = text[0] == 't' || text[0] == 'T';
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

bool sl_value_int(const char *text, int64_t *ret_value)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    int base = 10;
    if (text[0] == '0' && text[1] != '\0') {
        base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : text[1] == 'b' ? 2 : 0;
        if (base == 0)
            return false;
        text += 2;
    }
    int64_t value = 0;
    bool digit_before = false;
    for (; *text != '\0'; text++) {
        if (*text == '_' && digit_before && digit_of(text[1]) < base) {
            digit_before = false;
            continue;
        }
        int digit = digit_of(*text);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* counted below 0: INT64_MIN fits */
            return false;
        digit_before = true;
    }
    if (!digit_before || (!negative && value == INT64_MIN))
        return false;
    *ret_value = negative ? value : -value;
    return true;
}

bool sl_value_float(const char *text, double *ret_value)
{
    int64_t whole;
    if (sl_value_int(text, &whole)) {
        *ret_value = (double)whole;
        return true;
    }
    if (!sl_yaml_is_number(text) || strpbrk(text, "xob") != NULL)
        return false;
    char *end;
    double value = strtod(text, &end); /* the process stays in the "C" locale */
    if (*end != '\0' || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

bool sl_value_size(const char *text, int64_t *ret_bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1},          {"B", 1},     {"KiB", 1 << 10}, {"MiB", 1 << 20},
                 {"GiB", 1 << 30}, {"KB", 1000}, {"MB", 1000000},  {"GB", 1000000000}};
    size_t digits = strspn(text, "0123456789");
    int64_t value;
    if (digits == 0 || !sl_bytes_to_int64(sl_bytes(text, digits), &value))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text + digits, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].bytes, ret_bytes);
    return false;
}

/* One of Go's units at *text, which moves behind it; 0: none. */
static int64_t take_unit(const char **text)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},       {"us", 1000},      {"\u00b5s", 1000},  {"\u03bcs", 1000},
                 {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
    size_t size = strcspn(*text, "0123456789.");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == size && strncmp(*text, units[i].name, size) == 0) {
            *text += size;
            return units[i].ns;
        }
    return 0;
}

/* "1.5" and its unit, added to *ns. */
static bool add_part(const char **text, int64_t *ns)
{
    size_t whole_size = strspn(*text, "0123456789");
    int64_t whole = 0;
    if (whole_size > 0 && !sl_bytes_to_int64(sl_bytes(*text, whole_size), &whole))
        return false;
    const char *at = *text + whole_size;
    double fraction = 0, weight = 0.1;
    size_t fraction_size = 0;
    if (*at == '.') {
        fraction_size = strspn(++at, "0123456789");
        for (size_t i = 0; i < fraction_size; i++, weight /= 10)
            fraction += weight * (at[i] - '0');
        at += fraction_size;
    }
    int64_t unit = take_unit(&at), part;
    if (whole_size + fraction_size == 0 || unit == 0 ||
        __builtin_mul_overflow(whole, unit, &part) || __builtin_add_overflow(*ns, part, ns) ||
        __builtin_add_overflow(*ns, llround(fraction * (double)unit), ns))
        return false;
    *text = at;
    return true;
}

static int64_t to_ms(int64_t ns)
{
    return ns / 1000000 + (ns % 1000000 > 0) - (ns % 1000000 < 0);
}

bool sl_value_duration(const char *text, int64_t unit_ns, int64_t *ret_ms)
{
    int64_t ns = 0;
    if (unit_ns > 0 && sl_value_int(text, &ns)) {
        if (__builtin_mul_overflow(ns, unit_ns, &ns))
            return false;
        *ret_ms = to_ms(ns);
        return true;
    }
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text != '\0')
        if (!add_part(&text, &ns))
            return false;
    *ret_ms = to_ms(negative ? -ns : ns);
    return true;
}

const char *sl_value_print_duration(int64_t ms, char out[SL_VALUE_TEXT])
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t at = 0;
    if (ms < 0)
        out[at++] = '-';
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (left == 0)
        (void)snprintf(out, SL_VALUE_TEXT, "0s");
    for (size_t i = 0; i < sizeof units / sizeof *units && left > 0; i++) {
        uint64_t count = left / units[i].ms;
        left %= units[i].ms;
        if (count > 0)
            at += (size_t)snprintf(out + at, SL_VALUE_TEXT - at, "%" PRIu64 "%s", count,
                                   units[i].name);
    }
    return out;
}

const char *sl_value_print_size(int64_t bytes, char out[SL_VALUE_TEXT])
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};
    size_t i = 0;
    while (units[i].bytes > 1 && (bytes == 0 || bytes % units[i].bytes != 0))
        i++;
    (void)snprintf(out, SL_VALUE_TEXT, "%" PRId64 "%s", bytes / units[i].bytes, units[i].name);
    return out;
}

const char *sl_value_print_float(double value, char out[SL_VALUE_TEXT])
{
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(out, SL_VALUE_TEXT, "%.*g", precision, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return out;
}

/* Room for one value of the type; 0: not fixed by the type. */
static size_t size_of_type(enum sl_type type)
{
    switch (type) {
    case SL_T_BOOL:
        return sizeof(bool);
    case SL_T_INT:
    case SL_T_SIZE:
    case SL_T_DURATION:
        return sizeof(int64_t);
    case SL_T_FLOAT:
        return sizeof(double);
    case SL_T_TEXT:
    case SL_T_SECRET:
    case SL_T_REFERENCE:
    case SL_T_NODE:
        return sizeof(const char *);
    case SL_T_ENUM:
        return sizeof(int);
    case SL_T_LIST:
        return sizeof(struct sl_list);
    case SL_T_MAP:
        return sizeof(struct sl_map);
    default:
        return 0;
    }
}

size_t sl_value_element_size(const struct sl_field *field)
{
    size_t size = size_of_type(field->element->type);
    assert(field->element_size > 0 || size > 0);
    assert(field->element_size == 0 || size == 0 || size == field->element_size);
    return size != 0 ? size : field->element_size;
}
