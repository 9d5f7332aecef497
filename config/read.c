/* SPDX-License-Identifier: Apache-2.0 */
/* From sources and --set to one expanded tree. */
#include <stdlib.h>

#include "config/reader.h"

static const char *process_getenv(const char *name)
{
    return getenv(name);
}

/* Reads one source and merges it into *root, which it makes when it is NULL. A
 * source that cannot be read is left out; the others may hold more to complain of. */
static int add_source(struct sl_reader *reader, const struct sl_source *source,
                      struct sl_node **root)
{
    struct sl_yaml_input input = {.text = sl_bytes(source->text, source->size),
                                  .place = {.file = source->name}};
    struct sl_node *tree;
    int rc = sl_yaml_read(reader, &input, &tree);
    if (rc != SL_OK)
        return rc == SL_EINVALID ? SL_OK : rc;
    if (tree->kind == SL_NODE_NULL)
        tree->kind = SL_NODE_MAP;
    if (tree->kind != SL_NODE_MAP) {
        sl_diag_add(reader->diag, SL_DIAG_ERROR, tree->place, NULL,
                    "expected a map (key: value) at the top, found %s",
                    tree->kind == SL_NODE_LIST ? "a list" : "text");
        return SL_OK;
    }
    if (*root == NULL) {
        *root = tree;
        return SL_OK;
    }
    rc = sl_config_merge(reader, *root, tree);
    return rc == SL_EINVALID ? SL_OK : rc;
}

static int read_all(struct sl_reader *reader, const struct sl_config_input *input,
                    struct sl_node **ret_root)
{
    struct sl_node *root = NULL;
    int rc = SL_OK;
    for (size_t i = 0; i < input->source_count && rc == SL_OK; i++)
        rc = add_source(reader, &input->sources[i], &root);
    if (rc == SL_OK && root == NULL && input->source_count == 0)
        rc = sl_node_new(reader, SL_NODE_MAP, (struct sl_place){0}, &root);
    for (size_t i = 0; i < input->set_count && rc == SL_OK && root != NULL; i++) {
        rc = sl_config_set(reader, root, input->sets[i]);
        if (rc == SL_EINVALID)
            rc = SL_OK;
    }
    if (rc == SL_OK && root != NULL)
        rc = sl_config_expand(reader, root);
    *ret_root = root;
    return rc;
}

struct sl_node *sl_config_read(const struct sl_config_input *input, struct sl_arena *arena,
                               struct sl_diag *diag)
{
    struct sl_reader reader = {.arena = arena,
                               .diag = diag,
                               .getenv = input->getenv != NULL ? input->getenv : process_getenv};
    struct sl_node *root;
    if (read_all(&reader, input, &root) == SL_OK)
        return root;
    sl_diag_add(diag, SL_DIAG_ERROR, (struct sl_place){0}, NULL, "out of memory");
    return NULL;
}
