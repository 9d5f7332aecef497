/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CONFIG_NODE_H
#define SL_CONFIG_NODE_H

#include <stdbool.h>

#include "config/diag.h"

/*
 * A configuration as read: a tree of nodes that remember where they stood.
 * All memory is in the arena given to the reader.
 */
enum sl_node_kind { SL_NODE_NULL, SL_NODE_SCALAR, SL_NODE_LIST, SL_NODE_MAP };

struct sl_node {
    enum sl_node_kind kind;
    struct sl_place place;     /* of the value */
    struct sl_place key_place; /* of the key, in a map */
    const char *key;           /* in a map; NULL in a list */
    const char *text;          /* SCALAR: its text, expanded, NUL-ended */
    bool quoted; /* SCALAR: was quoted, or came as text from ${}: not a bool, number or null */
    const char *
        original; /* the value was one whole ${}: the text that it gave, for text fields; or NULL */
    bool broken;  /* already complained about: read as if null, silently */
    bool
        from_env; /* some of the text came from ${env:}; print-config masks nothing by this alone */
    struct sl_node *child; /* LIST, MAP: first */
    struct sl_node *next;  /* sibling, in the file's order */
};

struct sl_source {
    const char *name; /* as in errors: the path, or "<default>" */
    const char *text; /* the whole text, NUL-ended */
    size_t size;
};

/* Looks up an environment variable; NULL: unset. Tests inject their own. */
typedef const char *(*sl_getenv_fn)(const char *name);

struct sl_config_input {
    const struct sl_source *sources; /* later ones override earlier ones */
    size_t source_count;
    const char *const *sets; /* "a.b=c", applied last */
    size_t set_count;
    sl_getenv_fn getenv; /* NULL: the process's */
};

/*
 * Reads, expands ${...}, merges (maps by key, lists replaced, null erases) and
 * applies --set. Complaints go to diag; returns the root map, also when there
 * were errors (for more complaints), or NULL when nothing could be read.
 * Limits: 4 MiB a file, 100 levels, 100,000 nodes, 5,000 keys in a map, 1000
 * expansions; aliases and anchors count what they expand to.
 */
struct sl_node *sl_config_read(const struct sl_config_input *input, struct sl_arena *arena,
                               struct sl_diag *diag);

struct sl_node *sl_node_find(const struct sl_node *map, const char *key);

/* The name in names (NULL-ended) nearest to text, or NULL when none is near. */
const char *sl_nearest(const char *text, const char *const *names);

#endif
