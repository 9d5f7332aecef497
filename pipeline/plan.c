/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration's tree to a plan: sections and their components here,
 * the service section in plan_service.c and plan_pipelines.c. Every step adds its
 * complaints and goes on, so that all of a file's errors are seen at once. */
#include "core/alloc.h"
#include "pipeline/plan_internal.h"

#include <string.h>

const char *const sl_section_names[SL_SECTION_COUNT + 1] = {"receivers",  "processors", "exporters",
                                                            "extensions", "connectors", NULL};
const char *const sl_section_nouns[SL_SECTION_COUNT] = {"receiver", "processor", "exporter",
                                                        "extension", "connector"};

static const struct sl_field no_fields[] = {SL_END};

struct sl_plan_component *sl_plan_lookup(const struct sl_plan *plan, unsigned section,
                                         const char *id)
{
    struct sl_plan_component *first = plan->sections[section].first;
    for (struct sl_plan_component *at = first; at != NULL; at = at->next)
        if (strcmp(at->id, id) == 0)
            return at;
    size_t size = sl_id_type_size(id);
    for (struct sl_plan_component *at = first; at != NULL; at = at->next)
        if (at->type != NULL && sl_type_is_named(at->type, id, size) &&
            strcmp(at->id + sl_id_type_size(at->id), id + size) == 0)
            return at;
    return NULL;
}

const char *sl_plan_nearest(struct sl_planner *planner, unsigned section, const char *id)
{
    const struct sl_plan_section *from = &planner->plan->sections[section];
    const char **names = sl_arena_calloc(planner->arena, from->count + 1, sizeof *names);
    if (names == NULL)
        return NULL;
    size_t count = 0;
    for (struct sl_plan_component *at = from->first; at != NULL; at = at->next)
        names[count++] = at->id;
    return sl_nearest(id, names);
}

/* The names and first aliases of all types of a kind. */
static const char *nearest_type(struct sl_planner *planner, unsigned kind, const char *name)
{
    const struct sl_component_type *const *types = planner->plan->types;
    size_t count = 0, used = 0;
    while (types[count] != NULL)
        count++;
    const char **names = sl_arena_calloc(planner->arena, 2 * count + 1, sizeof *names);
    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)types[i]->kind != kind)
            continue;
        names[used++] = types[i]->name;
        if (types[i]->aliases != NULL && strchr(types[i]->aliases, ' ') == NULL)
            names[used++] = types[i]->aliases;
    }
    return sl_nearest(name, names);
}

static void complain_unknown(struct sl_planner *planner, unsigned section,
                             const struct sl_plan_component *component, const char *type_name)
{
    size_t size = strlen(type_name);
    struct sl_place place = component->node->key_place;
    const char *noun = sl_section_nouns[section];
    const char *hint = sl_known_hint(section, type_name, size);
    if (hint != NULL) {
        sl_diag_add(planner->diag, SL_DIAG_ERROR, place, component->path, "%s", hint);
        return;
    }
    for (unsigned kind = SL_RECEIVER; kind <= SL_EXTENSION; kind++) {
        if (sl_type_find(planner->plan->types, kind, type_name, size) != NULL) {
            sl_diag_add(planner->diag, SL_DIAG_ERROR, place, component->path,
                        "'%s' is not %s %s; it belongs under '%s'", type_name,
                        section == SL_EXPORTER || section == SL_EXTENSION ? "an" : "a", noun,
                        sl_section_names[kind]);
            return;
        }
    }
    const char *near = nearest_type(planner, section, type_name);
    if (near != NULL)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, place, component->path,
                    "unknown %s type '%s'; did you mean '%s'?", noun, type_name, near);
    else
        sl_diag_add(planner->diag, SL_DIAG_ERROR, place, component->path,
                    "unknown %s type '%s'; 'sluice components' lists what there is", noun,
                    type_name);
}

/* An exporter merges behind its queue when its table has a sending_queue and
 * the queue is in use and answers at once. */
static bool is_queueing(const struct sl_component_type *type, const void *config)
{
    if (type->reserve == NULL || type->fields == NULL)
        return false;
    for (const struct sl_field *field = type->fields; field->name != NULL; field++) {
        if (field->type != SL_T_GROUP || strcmp(field->name, "sending_queue") != 0)
            continue;
        bool enabled = false, waits = false;
        for (const struct sl_field *key = field->group; key->name != NULL; key++) {
            const char *value = (const char *)config + field->offset + key->offset;
            if (strcmp(key->name, "enabled") == 0 && key->type == SL_T_BOOL)
                memcpy(&enabled, value, sizeof enabled);
            if (strcmp(key->name, "wait_for_result") == 0 && key->type == SL_T_BOOL)
                memcpy(&waits, value, sizeof waits);
        }
        return enabled && !waits;
    }
    return false;
}

static void read_config(struct sl_planner *planner, struct sl_plan_component *component)
{
    const struct sl_component_type *type = component->type;
    component->config =
        sl_arena_calloc(planner->arena, 1, type->config_size > 0 ? type->config_size : 1);
    if (component->config == NULL) {
        planner->out_of_memory = true;
        return;
    }
    int status = sl_schema_read(type->fields != NULL ? type->fields : no_fields, component->node,
                                component->path, component->config, planner->arena, planner->diag);
    if (status == SL_ENOMEM)
        planner->out_of_memory = true;
    /* What did not fit has left its default: relations can be checked all the same,
     * so that every complaint comes at once. */
    if (status != SL_ENOMEM && type->check != NULL)
        type->check(component->config, component->node, component->path, planner->diag);
    if (status != SL_OK)
        return;
    component->queueing = type->kind == SL_EXPORTER && is_queueing(type, component->config);
}

static void resolve(struct sl_planner *planner, unsigned section,
                    struct sl_plan_component *component)
{
    const char *fault = sl_id_fault(component->id);
    if (fault != NULL) {
        sl_diag_add(planner->diag, SL_DIAG_ERROR, component->node->key_place, component->path,
                    "not a valid id: %s", fault);
        return;
    }
    size_t size = sl_id_type_size(component->id);
    component->type = sl_type_find(planner->plan->types, section, component->id, size);
    if (component->type != NULL) {
        read_config(planner, component);
        return;
    }
    const char *type_name = sl_arena_printf(planner->arena, "%.*s", (int)size, component->id);
    if (type_name == NULL)
        planner->out_of_memory = true;
    else if (sl_known_hint(section, type_name, size) == NULL &&
             (section == SL_SECTION_CONNECTORS || sl_known_elsewhere(section, type_name, size)))
        component->missing = true;
    else
        complain_unknown(planner, section, component, type_name);
}

static void read_section(struct sl_planner *planner, unsigned section, const struct sl_node *node)
{
    const char *name = sl_section_names[section];
    struct sl_plan_component **last = &planner->plan->sections[section].first;
    if (node->kind == SL_NODE_NULL)
        return;
    if (node->kind != SL_NODE_MAP) {
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, name,
                    "expected a map from %s ids to their settings", sl_section_nouns[section]);
        return;
    }
    for (const struct sl_node *at = node->child; at != NULL; at = at->next) {
        struct sl_plan_component *component = sl_arena_calloc(planner->arena, 1, sizeof *component);
        const char *path = sl_arena_printf(planner->arena, "%s.%s", name, at->key);
        if (component == NULL || path == NULL) {
            planner->out_of_memory = true;
            return;
        }
        component->id = at->key;
        component->path = path;
        component->node = at;
        component->index = planner->plan->sections[section].count++;
        *last = component;
        last = &component->next;
        if (component->index >= SL_COMPONENTS_MAX) {
            sl_diag_add(planner->diag, SL_DIAG_ERROR, at->key_place, name,
                        "more than %d components", SL_COMPONENTS_MAX);
            return;
        }
        resolve(planner, section, component);
    }
}

static void check_root_keys(struct sl_planner *planner, const struct sl_node *root)
{
    static const char *const names[] = {"receivers",  "processors", "exporters", "extensions",
                                        "connectors", "service",    NULL};
    for (const struct sl_node *at = root->child; at != NULL; at = at->next) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], at->key) != 0)
            i++;
        if (names[i] != NULL)
            continue;
        const char *near = sl_nearest(at->key, names);
        sl_diag_add(planner->diag, SL_DIAG_ERROR, at->key_place, at->key,
                    near != NULL ? "unknown section; did you mean '%s'?"
                                 : "unknown section; the sections are receivers, processors, "
                                   "exporters, extensions, connectors and service",
                    near);
    }
}

static void require(struct sl_planner *planner, const struct sl_node *root, unsigned section)
{
    if (planner->plan->sections[section].count > 0)
        return;
    const struct sl_node *node = sl_node_find(root, sl_section_names[section]);
    if (node != NULL && node->kind != SL_NODE_NULL && node->kind != SL_NODE_MAP)
        return; /* said already */
    sl_diag_add(planner->diag, SL_DIAG_ERROR, node != NULL ? node->key_place : root->place,
                sl_section_names[section], "at least one %s is required",
                sl_section_nouns[section]);
}

static void read_root(struct sl_planner *planner, const struct sl_node *root)
{
    check_root_keys(planner, root);
    for (unsigned section = 0; section < SL_SECTION_COUNT; section++) {
        const struct sl_node *node = sl_node_find(root, sl_section_names[section]);
        if (node != NULL)
            read_section(planner, section, node);
    }
    require(planner, root, SL_RECEIVER);
    require(planner, root, SL_EXPORTER);
    sl_plan_read_service(planner, sl_node_find(root, "service"));
    sl_plan_read_pipelines(planner, root);
    sl_plan_check_references(planner);
    sl_plan_report_missing(planner);
}

struct sl_plan *sl_plan_new(const struct sl_node *root,
                            const struct sl_component_type *const *types, struct sl_arena *arena,
                            struct sl_diag *diag)
{
    unsigned errors = diag->errors;
    if (root == NULL || root->kind != SL_NODE_MAP) {
        struct sl_place nowhere = {0};
        if (errors == 0) /* else the reader has said what is wrong */
            sl_diag_add(diag, SL_DIAG_ERROR, root != NULL ? root->place : nowhere, NULL,
                        "the configuration must be a map with the sections receivers, exporters "
                        "and service");
        return NULL;
    }
    struct sl_plan *plan = sl_arena_calloc(arena, 1, sizeof *plan);
    struct sl_planner planner = {.plan = plan, .arena = arena, .diag = diag};
    if (plan == NULL) {
        planner.out_of_memory = true;
    } else {
        plan->arena = arena;
        plan->types = types;
        read_root(&planner, root);
    }
    if (planner.out_of_memory) {
        struct sl_place nowhere = {0};
        sl_diag_add(diag, SL_DIAG_ERROR, nowhere, NULL, "out of memory");
    }
    return planner.out_of_memory || diag->errors > errors ? NULL : plan;
}

void sl_plan_free(struct sl_plan *plan)
{
    (void)plan; /* all of it is in the caller's arena */
}

unsigned sl_plan_workers(const struct sl_plan *plan)
{
    return plan->workers;
}

int64_t sl_plan_shutdown_timeout_ms(const struct sl_plan *plan)
{
    return plan->service.shutdown_timeout_ms;
}

const struct sl_telemetry_config *sl_plan_telemetry(const struct sl_plan *plan)
{
    return &plan->telemetry;
}

size_t sl_plan_memory_limit(const struct sl_plan *plan)
{
    return plan->memory_limit;
}
