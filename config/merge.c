/* SPDX-License-Identifier: Apache-2.0 */
/* Several sources become one tree: maps by key, lists and scalars replaced, and
 * null erases what was there. --set is one more, tiny source. */
#include "config/reader.h"

static void replace(struct sl_node *base, const struct sl_node *over)
{
    struct sl_node *next = base->next;
    *base = *over;
    base->next = next;
}

int sl_config_merge(struct sl_reader *reader, struct sl_node *base, struct sl_node *over)
{
    if (base->kind != SL_NODE_MAP || over->kind != SL_NODE_MAP) {
        replace(base, over);
        return SL_OK;
    }
    if (over->place.file != NULL) {
        base->place = over->place;
        base->key_place = over->key_place;
    }
    unsigned keys = 0;
    struct sl_node **last = &base->child, *next;
    for (; *last != NULL; last = &(*last)->next)
        keys++;
    for (struct sl_node *child = over->child; child != NULL; child = next) {
        next = child->next;
        struct sl_node *old = sl_node_find(base, child->key);
        int rc = SL_OK;
        if (old != NULL) {
            rc = sl_config_merge(reader, old, child);
        } else if (++keys > SL_CONFIG_KEYS) {
            sl_diag_add(reader->diag, SL_DIAG_ERROR, child->key_place, NULL,
                        "more than %d keys in one map", SL_CONFIG_KEYS);
            rc = SL_EINVALID;
        } else {
            child->next = NULL;
            *last = child;
            last = &child->next;
        }
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

/* The first key of a path, cut at "::" when the path has one and else at '.'. */
struct keys {
    struct sl_bytes rest;
    const char *separator;
};

static struct sl_bytes next_key(struct keys *keys)
{
    struct sl_bytes rest = keys->rest;
    size_t skip = strlen(keys->separator);
    const uint8_t *cut = memmem(rest.data, rest.size, keys->separator, skip);
    if (cut == NULL) {
        keys->rest = sl_bytes(NULL, 0);
        return rest;
    }
    size_t size = (size_t)(cut - rest.data);
    /* A separator at the very end leaves an empty key, which has data. */
    keys->rest = sl_bytes(cut + skip, rest.size - size - skip);
    return sl_bytes(rest.data, size);
}

static struct keys keys_of(struct sl_bytes path)
{
    bool colons = memmem(path.data, path.size, "::", 2) != NULL;
    return (struct keys){.rest = path, .separator = colons ? "::" : "."};
}

static bool keys_are_valid(struct sl_bytes path)
{
    unsigned levels = 0;
    for (struct keys keys = keys_of(path); keys.rest.data != NULL;)
        if (next_key(&keys).size == 0 || ++levels > SL_CONFIG_LEVELS / 2)
            return false;
    return levels > 0;
}

/* A map in a map for each key, the value innermost. */
static int nest(struct sl_reader *reader, struct sl_bytes path, struct sl_node *value,
                struct sl_node **ret_root)
{
    struct sl_node *root = NULL;
    int rc = sl_node_new(reader, SL_NODE_MAP, (struct sl_place){0}, &root);
    if (rc != SL_OK)
        return rc;
    struct sl_node *map = root;
    for (struct keys keys = keys_of(path); keys.rest.data != NULL;) {
        struct sl_bytes key = next_key(&keys);
        struct sl_node *child = value;
        if (keys.rest.data != NULL)
            rc = sl_node_new(reader, SL_NODE_MAP, (struct sl_place){0}, &child);
        if (rc != SL_OK)
            return rc;
        child->key = (const char *)sl_arena_copy(reader->arena, key).data;
        if (child->key == NULL)
            return SL_ENOMEM;
        map->child = child;
        map = child;
    }
    *ret_root = root;
    return SL_OK;
}

int sl_config_set(struct sl_reader *reader, struct sl_node *root, const char *text)
{
    const char *equals = strchr(text, '=');
    struct sl_bytes keys = sl_bytes(text, equals != NULL ? (size_t)(equals - text) : 0);
    if (equals == NULL || !keys_are_valid(keys)) {
        sl_diag_add(reader->diag, SL_DIAG_ERROR, (struct sl_place){0}, NULL,
                    "--set '%.80s': expected key.key=value", text);
        return SL_EINVALID;
    }
    const char *path_text = (const char *)sl_arena_copy(reader->arena, keys).data;
    if (path_text == NULL)
        return SL_ENOMEM;
    struct sl_path path = {.key = path_text};
    struct sl_yaml_input input = {
        .text = sl_text(equals + 1), .path = &path, .level = SL_CONFIG_LEVELS / 2};
    struct sl_node *value, *over;
    int rc = sl_yaml_read(reader, &input, &value);
    if (rc == SL_EINVALID)
        sl_diag_add(reader->diag, SL_DIAG_ERROR, (struct sl_place){0}, NULL,
                    "--set '%.80s': the value cannot be read as YAML", text);
    if (rc == SL_OK)
        rc = nest(reader, keys, value, &over);
    if (rc == SL_OK)
        rc = sl_config_merge(reader, root, over);
    return rc;
}
