/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a config struct from a tree by its table: defaults first, then what the
 * file says, with a complaint for everything that does not fit. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "config/reader.h"
#include "config/schema.h"
#include "config/values.h"

struct reading {
    struct sl_arena *arena;
    struct sl_diag *diag;
};

/* One value: where it is, what it is to be, where it goes. */
struct target {
    const struct sl_field *field;
    const struct sl_node *node;
    const struct sl_path *path;
    void *slot;
};

static int read_fields(struct reading *r, const struct sl_field *fields, const struct sl_node *node,
                       const struct sl_path *path, void *config);
static int read_value(struct reading *r, struct target t);

static void complain(struct reading *r, const struct target *t, const char *text)
{
    char where[SL_PATH_SIZE];
    sl_diag_add(r->diag, SL_DIAG_ERROR, t->node->place, sl_path_print(t->path, where, sizeof where),
                "%s", text);
}

/* The text that a field which takes any text gets. */
static const char *text_of(const struct sl_node *node)
{
    return node->original != NULL ? node->original : node->text;
}

/* What the user wrote, short enough for a message. */
static const char *describe(const struct sl_node *node, char *out, size_t size)
{
    enum { MOST = 60 };
    if (node->kind == SL_NODE_LIST || node->kind == SL_NODE_MAP) {
        (void)snprintf(out, size, "%s", node->kind == SL_NODE_LIST ? "a list" : "a map");
        return out;
    }
    const char *text = node->text != NULL ? node->text : "";
    size_t length = strlen(text), cut = length;
    if (length > MOST) {
        cut = MOST;
        while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80)
            cut--;
    }
    (void)snprintf(out, size, "'%.*s%s'%s", (int)cut, text, cut < length ? "..." : "",
                   node->quoted && (sl_yaml_is_number(text) || sl_yaml_is_bool(text))
                       ? " (text, as it is quoted)"
                       : "");
    return out;
}

/* Always SL_OK: a complaint does not end the reading. */
static int mismatch(struct reading *r, const struct target *t, const char *expected)
{
    char found[128], text[256];
    (void)snprintf(text, sizeof text, "expected %s, found %s", expected,
                   describe(t->node, found, sizeof found));
    complain(r, t, text);
    return SL_OK;
}

static const char *print_bound(const struct sl_field *field, int64_t bound, char out[SL_VALUE_TEXT])
{
    if (field->type == SL_T_DURATION)
        return sl_value_print_duration(bound, out);
    if (field->type == SL_T_SIZE)
        return sl_value_print_size(bound, out);
    (void)snprintf(out, SL_VALUE_TEXT, "%" PRId64, bound);
    return out;
}

/* A max of 0 under a min above 0 is no max: most tables give one bound only. */
static bool within(struct reading *r, const struct target *t, int64_t value, const char *noun)
{
    const struct sl_field *field = t->field;
    char shown[128], bound[SL_VALUE_TEXT], text[256];
    if (field->min == 0 && field->max == 0)
        return true;
    bool low = value < field->min, high = field->max >= field->min && value > field->max;
    if (!low && !high)
        return true;
    if (noun != NULL)
        (void)snprintf(shown, sizeof shown, "%" PRId64 " %s", value, noun);
    else
        (void)snprintf(shown, sizeof shown, "%.60s", t->node->text);
    (void)snprintf(text, sizeof text, "%s %s %s the %s, %s", shown, noun != NULL ? "are" : "is",
                   low ? "below" : "above", low ? "least" : "most",
                   print_bound(field, low ? field->min : field->max, bound));
    complain(r, t, text);
    return false;
}

static int read_bool(struct reading *r, struct target t)
{
    if (t.node->kind != SL_NODE_SCALAR || t.node->quoted || !sl_value_bool(t.node->text, t.slot))
        return mismatch(r, &t, "true or false");
    return SL_OK;
}

static bool has_leading_zero(const struct sl_node *node)
{
    return node->kind == SL_NODE_SCALAR && !node->quoted && node->text[0] == '0' &&
           node->text[1] >= '0' && node->text[1] <= '9';
}

static int read_int(struct reading *r, struct target t)
{
    int64_t value;
    if (t.node->kind != SL_NODE_SCALAR || t.node->quoted || !sl_value_int(t.node->text, &value))
        return mismatch(
            r, &t, has_leading_zero(t.node) ? "an integer without a leading zero" : "an integer");
    if (within(r, &t, value, NULL))
        *(int64_t *)t.slot = value;
    return SL_OK;
}

static int read_float(struct reading *r, struct target t)
{
    const struct sl_field *field = t.field;
    double value;
    if (t.node->kind != SL_NODE_SCALAR || t.node->quoted || !sl_value_float(t.node->text, &value))
        return mismatch(r, &t, "a number");
    bool bounded = field->fmin < 0 || field->fmin > 0 || field->fmax < 0 || field->fmax > 0;
    bool low = bounded && value < field->fmin;
    bool high = bounded && field->fmax >= field->fmin && value > field->fmax;
    if (!low && !high) {
        *(double *)t.slot = value;
        return SL_OK;
    }
    char text[160], bound[SL_VALUE_TEXT];
    (void)snprintf(text, sizeof text, "%.60s is %s the %s, %s", t.node->text,
                   low ? "below" : "above", low ? "least" : "most",
                   sl_value_print_float(low ? field->fmin : field->fmax, bound));
    complain(r, &t, text);
    return SL_OK;
}

static int read_size(struct reading *r, struct target t)
{
    int64_t value;
    if (t.node->kind != SL_NODE_SCALAR ||
        (!sl_value_size(t.node->text, &value) &&
         (t.node->quoted || !sl_value_int(t.node->text, &value) || value < 0)))
        return mismatch(r, &t, "a size such as 1048576, 20MiB or 512KB");
    if (within(r, &t, value, NULL))
        *(int64_t *)t.slot = value;
    return SL_OK;
}

static int read_duration(struct reading *r, struct target t)
{
    int64_t unit = t.field->unit > 0 ? t.field->unit : 1, value, plain;
    if (t.node->kind != SL_NODE_SCALAR ||
        !sl_value_duration(t.node->text, t.node->quoted ? 0 : unit, &value))
        return mismatch(r, &t, "a duration such as 200ms or 1h30m");
    if (!within(r, &t, value, NULL))
        return SL_OK;
    *(int64_t *)t.slot = value;
    if (unit == 1 && !t.node->quoted && sl_value_int(t.node->text, &plain) && plain != 0 &&
        plain < 1000000 && plain > -1000000) {
        char where[SL_PATH_SIZE];
        sl_diag_add(r->diag, SL_DIAG_WARNING, t.node->place,
                    sl_path_print(t.path, where, sizeof where),
                    "%.20s without a unit counts nanoseconds; did you mean %.20ss?", t.node->text,
                    t.node->text);
    }
    return SL_OK;
}

/* Text, also a bare number by its text. A bare true is more likely a slip. */
static int read_text(struct reading *r, struct target t)
{
    const struct sl_node *node = t.node;
    bool has_text = node->original != NULL || node->kind == SL_NODE_SCALAR;
    if (!has_text)
        return mismatch(r, &t, "text");
    if (node->original == NULL && !node->quoted && sl_yaml_is_bool(node->text))
        return mismatch(r, &t, "text (in quotes)");
    *(const char **)t.slot = text_of(node);
    return SL_OK;
}

static int read_enum(struct reading *r, struct target t)
{
    const char *const *names = t.field->names;
    if (t.node->kind != SL_NODE_SCALAR)
        return mismatch(r, &t, "one of the names of this setting");
    const char *text = text_of(t.node);
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], text) == 0) {
            *(int *)t.slot = i;
            return SL_OK;
        }
    char list[512] = "";
    size_t at = 0;
    for (size_t i = 0; names[i] != NULL && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s'%s'",
                               i == 0                 ? ""
                               : names[i + 1] == NULL ? " or "
                                                      : ", ",
                               names[i]);
    char found[128], where[SL_PATH_SIZE];
    const char *nearest = sl_nearest(text, names);
    sl_diag_add(r->diag, SL_DIAG_ERROR, t.node->place, sl_path_print(t.path, where, sizeof where),
                "expected %s, found %s%s%s%s", list, describe(t.node, found, sizeof found),
                nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "'?" : "");
    return SL_OK;
}

static size_t count_children(const struct sl_node *node)
{
    size_t count = 0;
    for (const struct sl_node *child = node->child; child != NULL; child = child->next)
        count++;
    return count;
}

/* An element of a list or map; text there is never NULL. */
static int read_element(struct reading *r, struct target t)
{
    bool text = t.field->type == SL_T_TEXT || t.field->type == SL_T_SECRET ||
                t.field->type == SL_T_REFERENCE;
    int rc = read_value(r, t);
    if (text && *(const char **)t.slot == NULL)
        *(const char **)t.slot = "";
    return rc;
}

static int read_list(struct reading *r, struct target t)
{
    if (t.node->kind != SL_NODE_LIST)
        return mismatch(r, &t, "a list");
    size_t count = count_children(t.node), size = sl_value_element_size(t.field);
    if (!within(r, &t, (int64_t)count, "elements"))
        return SL_OK;
    uint8_t *items = sl_arena_calloc(r->arena, count, size);
    if (items == NULL)
        return SL_ENOMEM;
    struct sl_path step = {.parent = t.path};
    struct target each = {.field = t.field->element, .node = t.node->child, .path = &step};
    for (; each.node != NULL; each.node = each.node->next, step.index++) {
        each.slot = items + step.index * size;
        int rc = read_element(r, each);
        if (rc != SL_OK)
            return rc;
    }
    *(struct sl_list *)t.slot = (struct sl_list){.items = items, .count = count};
    return SL_OK;
}

static int read_map(struct reading *r, struct target t)
{
    if (t.node->kind != SL_NODE_MAP)
        return mismatch(r, &t, "a map (key: value)");
    size_t count = count_children(t.node), size = sl_value_element_size(t.field), at = 0;
    if (!within(r, &t, (int64_t)count, "entries"))
        return SL_OK;
    struct sl_map_entry *entries = sl_arena_calloc(r->arena, count, sizeof *entries);
    size = (size + 7) & ~(size_t)7;
    uint8_t *values = sl_arena_calloc(r->arena, count, size);
    if (entries == NULL || values == NULL)
        return SL_ENOMEM;
    for (const struct sl_node *child = t.node->child; child != NULL; child = child->next, at++) {
        struct sl_path step = {.parent = t.path, .key = child->key};
        struct target each = {t.field->element, child, &step, values + at * size};
        int rc = read_element(r, each);
        if (rc != SL_OK)
            return rc;
        entries[at] = (struct sl_map_entry){.key = child->key, .value = each.slot};
    }
    *(struct sl_map *)t.slot = (struct sl_map){.entries = entries, .count = count};
    return SL_OK;
}

/* node NULL: absent. The defaults of the fields are filled in all three cases. */
static int read_group(struct reading *r, struct target t)
{
    enum sl_presence *presence = t.slot;
    bool null = t.node != NULL && t.node->kind == SL_NODE_NULL;
    if (t.node != NULL && !null && t.node->kind != SL_NODE_MAP) {
        (void)mismatch(r, &t, "settings (key: value)");
        t.node = NULL;
    }
    int rc = read_fields(r, t.field->group, t.node, t.path, t.slot);
    *presence = t.node == NULL ? SL_ABSENT : null ? SL_NULL : SL_GIVEN;
    return rc;
}

/* A node that is there and not null. */
static int read_given(struct reading *r, struct target t)
{
    switch (t.field->type) {
    case SL_T_BOOL:
        return read_bool(r, t);
    case SL_T_INT:
        return read_int(r, t);
    case SL_T_FLOAT:
        return read_float(r, t);
    case SL_T_SIZE:
        return read_size(r, t);
    case SL_T_DURATION:
        return read_duration(r, t);
    case SL_T_TEXT:
    case SL_T_SECRET:
    case SL_T_REFERENCE:
        return read_text(r, t);
    case SL_T_ENUM:
        return read_enum(r, t);
    case SL_T_LIST:
        return read_list(r, t);
    case SL_T_MAP:
        return read_map(r, t);
    case SL_T_NODE:
        *(const struct sl_node **)t.slot = t.node;
        return SL_OK;
    default:
        assert(false && "a type that has no reader");
        return SL_EINVALID;
    }
}

/* The table's default as a node, parsed as the user's text would be. */
static int preset_node(struct reading *r, const struct sl_field *field, struct sl_node **ret_node)
{
    enum sl_type type = field->type;
    if (type == SL_T_LIST || type == SL_T_MAP || type == SL_T_GROUP || type == SL_T_NODE) {
        struct sl_reader reader = {.arena = r->arena, .diag = r->diag};
        struct sl_yaml_input input = {.text = sl_text(field->preset)};
        return sl_yaml_read(&reader, &input, ret_node);
    }
    struct sl_node *node = sl_arena_calloc(r->arena, 1, sizeof *node);
    if (node == NULL)
        return SL_ENOMEM;
    node->kind = SL_NODE_SCALAR;
    node->text = field->preset;
    node->quoted = type == SL_T_TEXT || type == SL_T_SECRET || type == SL_T_REFERENCE;
    *ret_node = node;
    return SL_OK;
}

static int read_preset(struct reading *r, struct target t)
{
    if (t.field->preset == NULL)
        return t.field->type == SL_T_GROUP ? read_group(r, t) : SL_OK;
    struct sl_diag scratch;
    sl_diag_init(&scratch);
    struct reading quiet = {.arena = r->arena, .diag = &scratch};
    struct sl_node *node;
    int rc = preset_node(&quiet, t.field, &node);
    if (rc == SL_OK) {
        t.node = node;
        rc = t.field->type == SL_T_GROUP ? read_group(&quiet, t) : read_given(&quiet, t);
    }
    if (rc != SL_ENOMEM && scratch.errors > 0) {
        sl_diag_print(&scratch, stderr);
        assert(false && "the default in a field table is not valid");
    }
    sl_diag_done(&scratch);
    return rc;
}

static int read_value(struct reading *r, struct target t)
{
    if (t.field->type == SL_T_IGNORED) {
        char where[SL_PATH_SIZE];
        sl_diag_add(r->diag, SL_DIAG_WARNING, t.node->key_place,
                    sl_path_print(t.path, where, sizeof where),
                    "accepted, but without effect here");
        return SL_OK;
    }
    struct target absent = t;
    absent.node = NULL;
    /* Defaults first: a value that does not fit leaves them. */
    int rc =
        t.field->type == SL_T_GROUP && t.field->preset == NULL ? SL_OK : read_preset(r, absent);
    if (rc != SL_OK)
        return rc;
    if (t.field->type == SL_T_GROUP)
        return t.node->broken ? read_group(r, absent) : read_group(r, t);
    bool null = t.node->kind == SL_NODE_NULL && t.node->original == NULL;
    bool empty_text = t.node->kind == SL_NODE_NULL && t.node->original != NULL;
    bool takes_text = t.field->type == SL_T_TEXT || t.field->type == SL_T_SECRET;
    if (null || t.node->broken || (empty_text && !takes_text))
        return SL_OK;
    return read_given(r, t);
}

static const struct sl_field *find_field(const struct sl_field *fields, const char *name)
{
    while (fields->name != NULL && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name != NULL ? fields : NULL;
}

/* The group of these fields that has a key of this name; NULL: none. */
static const char *group_with(const struct sl_field *fields, const char *key)
{
    for (; fields->name != NULL; fields++)
        if (fields->type == SL_T_GROUP && find_field(fields->group, key) != NULL)
            return fields->name;
    return NULL;
}

static void unknown_key(struct reading *r, const struct sl_field *fields,
                        const struct sl_node *node, const struct sl_path *path)
{
    enum { MOST = 256 };
    const char *names[MOST + 1];
    size_t count = 0;
    for (const struct sl_field *field = fields; field->name != NULL && count < MOST; field++)
        names[count++] = field->name;
    names[count] = NULL;
    const char *nearest = sl_nearest(node->key, names);
    char where[SL_PATH_SIZE];
    (void)sl_path_print(path, where, sizeof where);
    const char *group = nearest == NULL ? group_with(fields, node->key) : NULL;
    if (group != NULL)
        sl_diag_add(r->diag, SL_DIAG_ERROR, node->key_place, where,
                    "unknown key; did you mean '%s' under '%s'?", node->key, group);
    else if (strstr(node->key, "\u00a0") != NULL)
        sl_diag_add(r->diag, SL_DIAG_ERROR, node->key_place, where,
                    "unknown key; it has a no-break space in it, where a plain one is needed");
    else
        sl_diag_add(r->diag, SL_DIAG_ERROR, node->key_place, where,
                    nearest != NULL ? "unknown key; did you mean '%s'?" : "unknown key", nearest);
}

static void check_required(struct reading *r, const struct sl_field *field,
                           const struct sl_node *map, const struct sl_path *path)
{
    const struct sl_node *node = sl_node_find(map, field->name);
    bool given = node != NULL && (node->kind != SL_NODE_NULL || node->broken ||
                                  (node->original != NULL && node->original[0] != '\0'));
    if ((field->flags & SL_F_REQUIRED) == 0 || given)
        return;
    char where[SL_PATH_SIZE];
    struct sl_path step = {.parent = path, .key = field->name};
    struct sl_place place = {0};
    if (node != NULL)
        place = node->place;
    else if (map != NULL)
        place = map->key_place.line > 0 ? map->key_place : map->place;
    sl_diag_add(r->diag, SL_DIAG_ERROR, place, sl_path_print(&step, where, sizeof where),
                "required, but not given");
}

/* node: a map, null, or NULL. A group that is absent altogether requires nothing. */
static int read_fields(struct reading *r, const struct sl_field *fields, const struct sl_node *node,
                       const struct sl_path *path, void *config)
{
    for (const struct sl_field *field = fields; field->name != NULL; field++) {
        struct target t = {.field = field, .path = path, .slot = (uint8_t *)config + field->offset};
        int rc = field->type == SL_T_IGNORED ? SL_OK : read_preset(r, t);
        if (rc != SL_OK)
            return rc;
        if (node != NULL)
            check_required(r, field, node, path);
    }
    if (node == NULL || node->kind != SL_NODE_MAP)
        return SL_OK;
    for (const struct sl_node *child = node->child; child != NULL; child = child->next) {
        struct sl_path step = {.parent = path, .key = child->key};
        const struct sl_field *field = find_field(fields, child->key);
        if (field == NULL) {
            unknown_key(r, fields, child, &step);
            continue;
        }
        int rc =
            read_value(r, (struct target){field, child, &step, (uint8_t *)config + field->offset});
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

int sl_schema_read(const struct sl_field *fields, const struct sl_node *node, const char *path,
                   void *config, struct sl_arena *arena, struct sl_diag *diag)
{
    struct reading r = {.arena = arena, .diag = diag};
    struct sl_path root = {.key = path};
    const struct sl_path *start = path != NULL && path[0] != '\0' ? &root : NULL;
    unsigned errors = diag->errors;
    static const struct sl_node nothing = {.kind = SL_NODE_NULL};
    if (node == NULL || node->broken)
        node = &nothing;
    if (node->kind != SL_NODE_NULL && node->kind != SL_NODE_MAP) {
        struct target t = {.node = node, .path = start};
        (void)mismatch(&r, &t, "settings (key: value)");
        node = NULL;
    }
    int rc = read_fields(&r, fields, node, start, config);
    if (rc != SL_OK)
        return rc;
    return diag->errors > errors ? SL_EINVALID : SL_OK;
}
