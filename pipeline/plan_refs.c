/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of type REFERENCE inside components' configurations: each names an
 * extension that is defined and listed in service.extensions. */
#include <string.h>

#include "pipeline/plan_internal.h"

static const struct sl_node *find(const struct sl_node *node, const char *key)
{
    return node != NULL && node->kind == SL_NODE_MAP ? sl_node_find(node, key) : NULL;
}

static void check_one(struct sl_planner *planner, const char *id, const struct sl_node *node,
                      const char *path)
{
    struct sl_place nowhere = {0}, place = node != NULL ? node->place : nowhere;
    struct sl_plan_component *extension = sl_plan_lookup(planner->plan, SL_EXTENSION, id);
    if (extension == NULL) {
        const char *near = sl_plan_nearest(planner, SL_EXTENSION, id);
        sl_diag_add(planner->diag, SL_DIAG_ERROR, place, path,
                    near != NULL ? "'%s' is not defined under 'extensions'; did you mean '%s'?"
                                 : "'%s' is not defined under 'extensions'",
                    id, near);
        return;
    }
    if (extension->missing && extension->used_by == NULL)
        extension->used_by = path;
    for (unsigned i = 0; i < planner->plan->extensions.count; i++)
        if (planner->plan->extensions.items[i] == extension)
            return;
    if (!extension->missing)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, place, path,
                    "'%s' is defined but not listed in service.extensions", id);
}

static void check_fields(struct sl_planner *planner, const struct sl_field *fields,
                         const char *config, const struct sl_node *node, const char *path);

static void check_field(struct sl_planner *planner, const struct sl_field *field,
                        const char *config, const struct sl_node *node, const char *path)
{
    if (field->type == SL_T_GROUP) {
        enum sl_presence presence;
        memcpy(&presence, config, sizeof presence);
        if ((field->flags & SL_F_OPTIONAL) == 0 || presence != SL_ABSENT)
            check_fields(planner, field->group, config, node, path);
    } else if (field->type == SL_T_REFERENCE) {
        const char *id;
        memcpy(&id, config, sizeof id);
        if (id != NULL && *id != '\0')
            check_one(planner, id, node, path);
    } else if (field->type == SL_T_LIST) {
        struct sl_list list;
        memcpy(&list, config, sizeof list);
        const struct sl_node *at = node != NULL && node->kind == SL_NODE_LIST ? node->child : NULL;
        for (size_t i = 0; i < list.count; i++) {
            const char *element = (const char *)list.items + i * field->element_size;
            check_field(planner, field->element, element, at, path);
            at = at != NULL ? at->next : NULL;
        }
    } else if (field->type == SL_T_MAP) {
        struct sl_map map;
        memcpy(&map, config, sizeof map);
        for (size_t i = 0; i < map.count; i++)
            check_field(planner, field->element, map.entries[i].value,
                        find(node, map.entries[i].key), path);
    }
}

static void check_fields(struct sl_planner *planner, const struct sl_field *fields,
                         const char *config, const struct sl_node *node, const char *path)
{
    for (const struct sl_field *field = fields; field->name != NULL; field++) {
        if (field->type != SL_T_GROUP && field->type != SL_T_REFERENCE &&
            field->type != SL_T_LIST && field->type != SL_T_MAP)
            continue;
        const char *below = sl_arena_printf(planner->arena, "%s.%s", path, field->name);
        if (below == NULL) {
            planner->out_of_memory = true;
            return;
        }
        check_field(planner, field, config + field->offset, find(node, field->name), below);
    }
}

void sl_plan_check_references(struct sl_planner *planner)
{
    for (unsigned section = SL_RECEIVER; section <= SL_EXTENSION; section++) {
        struct sl_plan_component *at = planner->plan->sections[section].first;
        for (; at != NULL; at = at->next)
            if (at->config != NULL && at->type->fields != NULL && at->used_by != NULL)
                check_fields(planner, at->type->fields, at->config, at->node, at->path);
    }
}
