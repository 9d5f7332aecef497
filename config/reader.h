/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CONFIG_READER_H
#define SL_CONFIG_READER_H

#include "config/node.h"
#include "core/bytes.h"
#include "core/error.h"

/*
 * What the parts of the configuration reader share; for this folder only. The
 * functions return SL_OK, SL_EINVALID after a complaint, or SL_ENOMEM.
 */
enum {
    SL_CONFIG_BYTES = 4 * 1024 * 1024,
    SL_CONFIG_LEVELS = 100,
    SL_CONFIG_NODES = 100000,
    SL_CONFIG_KEYS = 5000, /* of one map: keys are compared one by one */
    SL_CONFIG_EXPANSIONS = 1000,
    SL_CONFIG_EXPANDED = 16 * 1024 * 1024, /* bytes that ${} brings in, in all */
};

struct sl_reader {
    struct sl_arena *arena;
    struct sl_diag *diag;
    sl_getenv_fn getenv;
    unsigned nodes, expansions;
    size_t expanded_bytes;
};

/* Where a node stands in the tree, as a chain on the stack; for messages. */
struct sl_path {
    const struct sl_path *parent;
    const char *key; /* NULL: an element of a list */
    unsigned index;
};

/* "processors.batch.keys[2]", cut to what fits size. */
enum { SL_PATH_SIZE = 512 };
const char *sl_path_print(const struct sl_path *path, char *out, size_t size);

struct sl_yaml_input {
    struct sl_bytes text;
    struct sl_place place;      /* file only: places are counted in the text; with a
                                   line: every node stands there */
    const struct sl_path *path; /* of the root, for complaints; or NULL */
    unsigned level;             /* of the root */
};

/* One document; nothing but blanks and comments gives a null node. Complaints
 * that leave a tree (a duplicate key) are counted in the diag only. */
int sl_yaml_read(struct sl_reader *reader, const struct sl_yaml_input *input,
                 struct sl_node **ret_root);
/* SL_ENOMEM, or SL_EINVALID after the complaint that there are too many. */
int sl_node_new(struct sl_reader *reader, enum sl_node_kind kind, struct sl_place place,
                struct sl_node **ret_node);
int sl_node_copy(struct sl_reader *reader, const struct sl_node *node, unsigned level,
                 struct sl_node **ret_copy);

/* Maps by key, anything else is replaced; takes nodes of `over` into `base`. */
int sl_config_merge(struct sl_reader *reader, struct sl_node *base, struct sl_node *over);
/* Applies one "a.b=value". */
int sl_config_set(struct sl_reader *reader, struct sl_node *root, const char *text);
/* Replaces every ${...} and $$ below root. */
int sl_config_expand(struct sl_reader *reader, struct sl_node *root);

/* How a plain scalar reads in YAML's core schema. */
bool sl_yaml_is_bool(const char *text);
bool sl_yaml_is_null(const char *text);
bool sl_yaml_is_number(const char *text);

#endif
