/* SPDX-License-Identifier: Apache-2.0 */
/* service.extensions and service.pipelines: that references exist, that signals
 * fit, that nothing is listed twice. What is referenced is what gets built. */
#include <string.h>

#include "pipeline/plan_internal.h"

enum { REFS_MAX = 1000 };

struct pipeline_reader {
    struct sl_planner *planner;
    struct sl_plan_pipeline *pipeline;
    const char *path; /* "service.pipelines.traces" */
};

static void complain(struct sl_planner *planner, const struct sl_node *node, const char *path,
                     const char *text)
{
    sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path, "%s", text);
}

static void note_use(struct sl_planner *planner, struct sl_plan_component *component,
                     const char *path)
{
    const char *before = component->used_by;
    if (before == NULL)
        component->used_by = path;
    else if (component->missing)
        component->used_by = sl_arena_printf(planner->arena, "%s, %s", before, path);
    if (component->used_by == NULL)
        planner->out_of_memory = true;
}

/* A missing connector stands in place of receivers and exporters. */
static struct sl_plan_component *lookup(struct sl_planner *planner, unsigned section,
                                        const char *id)
{
    struct sl_plan_component *component = sl_plan_lookup(planner->plan, section, id);
    if (component == NULL && (section == SL_RECEIVER || section == SL_EXPORTER))
        component = sl_plan_lookup(planner->plan, SL_SECTION_CONNECTORS, id);
    return component;
}

static void complain_undefined(struct sl_planner *planner, unsigned section,
                               const struct sl_node *node, const char *path)
{
    const char *near = sl_plan_nearest(planner, section, node->text);
    unsigned elsewhere = SL_RECEIVER;
    while (elsewhere <= SL_EXTENSION &&
           sl_plan_lookup(planner->plan, elsewhere, node->text) == NULL)
        elsewhere++;
    if (elsewhere <= SL_EXTENSION)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                    "'%s' is not defined under '%s', only under '%s'", node->text,
                    sl_section_names[section], sl_section_names[elsewhere]);
    else if (near != NULL)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                    "'%s' is not defined under '%s'; did you mean '%s'?", node->text,
                    sl_section_names[section], near);
    else
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->place, path,
                    "'%s' is not defined under '%s'", node->text, sl_section_names[section]);
}

static bool is_listed(const struct sl_plan_refs *refs, const struct sl_plan_component *component)
{
    for (unsigned i = 0; i < refs->count; i++)
        if (refs->items[i] == component)
            return true;
    return false;
}

static void add_ref(struct sl_planner *planner, unsigned section, const struct sl_node *node,
                    const char *path, struct sl_plan_refs *refs)
{
    if (node->kind != SL_NODE_SCALAR) {
        complain(planner, node, path, "expected a component id");
        return;
    }
    struct sl_plan_component *component = lookup(planner, section, node->text);
    if (component == NULL) {
        complain_undefined(planner, section, node, path);
        return;
    }
    if (is_listed(refs, component)) {
        sl_diag_add(planner->diag, section == SL_PROCESSOR ? SL_DIAG_ERROR : SL_DIAG_WARNING,
                    node->place, path,
                    section == SL_PROCESSOR ? "'%s' is listed twice; a pipeline can have it once"
                                            : "'%s' is listed twice; once is enough",
                    node->text);
        return;
    }
    note_use(planner, component, path);
    refs->items[refs->count++] = component;
}

/* Reads a list of ids; node NULL or null: an empty one. */
static void read_refs(struct sl_planner *planner, unsigned section, const struct sl_node *node,
                      const char *path, struct sl_plan_refs *refs)
{
    unsigned count = 0;
    if (node == NULL || node->kind == SL_NODE_NULL)
        return;
    if (node->kind != SL_NODE_LIST) {
        complain(planner, node, path, "expected a list of component ids");
        return;
    }
    for (const struct sl_node *at = node->child; at != NULL; at = at->next)
        count++;
    if (count > REFS_MAX) {
        complain(planner, node, path, "more than 1000 ids");
        return;
    }
    refs->items = sl_arena_calloc(planner->arena, count + 1, sizeof(void *));
    if (refs->items == NULL) {
        planner->out_of_memory = true;
        return;
    }
    for (const struct sl_node *at = node->child; at != NULL; at = at->next)
        add_ref(planner, section, at, path, refs);
}

static void check_signals(struct pipeline_reader *reader, const struct sl_plan_refs *refs,
                          const struct sl_node *list, const char *path)
{
    enum sl_signal signal = reader->pipeline->signal;
    for (unsigned i = 0; i < refs->count; i++) {
        struct sl_plan_component *component = refs->items[i];
        component->signals |= (unsigned)signal;
        if (component->type != NULL && (component->type->signals & (unsigned)signal) == 0)
            sl_diag_add(reader->planner->diag, SL_DIAG_ERROR, list->place, path,
                        "the %s '%s' does not take %s", sl_section_nouns[component->type->kind],
                        component->id, sl_signal_name(signal));
    }
}

static void read_list(struct pipeline_reader *reader, const struct sl_node *node, unsigned section,
                      struct sl_plan_refs *refs)
{
    struct sl_planner *planner = reader->planner;
    const struct sl_node *list =
        node->kind == SL_NODE_MAP ? sl_node_find(node, sl_section_names[section]) : NULL;
    const char *path =
        sl_arena_printf(planner->arena, "%s.%s", reader->path, sl_section_names[section]);
    if (path == NULL) {
        planner->out_of_memory = true;
        return;
    }
    unsigned errors = planner->diag->errors;
    read_refs(planner, section, list, path, refs);
    if (list != NULL)
        check_signals(reader, refs, list, path);
    if (refs->count == 0 && section != SL_PROCESSOR && planner->diag->errors == errors)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, list != NULL ? list->place : node->key_place,
                    path, "a pipeline needs at least one %s", sl_section_nouns[section]);
}

static void check_pipeline_keys(struct pipeline_reader *reader, const struct sl_node *node)
{
    static const char *const names[] = {"receivers", "processors", "exporters", NULL};
    struct sl_planner *planner = reader->planner;
    if (node->kind != SL_NODE_MAP)
        return;
    for (const struct sl_node *at = node->child; at != NULL; at = at->next) {
        if (strcmp(at->key, names[0]) == 0 || strcmp(at->key, names[1]) == 0 ||
            strcmp(at->key, names[2]) == 0)
            continue;
        const char *path = sl_arena_printf(planner->arena, "%s.%s", reader->path, at->key);
        const char *near = sl_nearest(at->key, names);
        if (near != NULL)
            sl_diag_add(planner->diag, SL_DIAG_ERROR, at->key_place, path,
                        "unknown key; did you mean '%s'?", near);
        else
            sl_diag_add(planner->diag, SL_DIAG_ERROR, at->key_place, path,
                        "unknown key; a pipeline has receivers, processors and exporters");
    }
}

/* 0: not a signal of ours. */
static unsigned signal_of(const char *id)
{
    size_t size = sl_id_type_size(id);
    for (unsigned signal = SL_TRACES; signal <= SL_LOGS; signal <<= 1) {
        const char *name = sl_signal_name((enum sl_signal)signal);
        if (strlen(name) == size && memcmp(name, id, size) == 0)
            return signal;
    }
    return 0;
}

static bool check_pipeline_id(struct sl_planner *planner, const struct sl_node *node,
                              const char *path)
{
    static const char *const signals[] = {"traces", "metrics", "logs", NULL};
    const char *fault = sl_id_fault(node->key);
    if (fault != NULL) {
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->key_place, path,
                    "not a valid pipeline id: %s", fault);
        return false;
    }
    if (signal_of(node->key) != 0)
        return true;
    const char *name =
        sl_arena_printf(planner->arena, "%.*s", (int)sl_id_type_size(node->key), node->key);
    const char *near = name != NULL ? sl_nearest(name, signals) : NULL;
    if (name != NULL && strcmp(name, "profiles") == 0)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->key_place, path,
                    "profiles are not supported; the signals are traces, metrics and logs");
    else if (near != NULL)
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->key_place, path,
                    "a pipeline id starts with traces, metrics or logs; did you mean '%s'?", near);
    else
        sl_diag_add(planner->diag, SL_DIAG_ERROR, node->key_place, path,
                    "a pipeline id starts with traces, metrics or logs");
    return false;
}

static struct sl_plan_pipeline *read_pipeline(struct sl_planner *planner,
                                              const struct sl_node *node)
{
    struct sl_plan_pipeline *pipeline = sl_arena_calloc(planner->arena, 1, sizeof *pipeline);
    const char *path = sl_arena_printf(planner->arena, "service.pipelines.%s", node->key);
    if (pipeline == NULL || path == NULL) {
        planner->out_of_memory = true;
        return NULL;
    }
    pipeline->id = node->key;
    pipeline->signal = (enum sl_signal)signal_of(node->key);
    struct pipeline_reader reader = {planner, pipeline, path};
    if (!check_pipeline_id(planner, node, path))
        return NULL;
    if (node->kind != SL_NODE_MAP && node->kind != SL_NODE_NULL) {
        complain(planner, node, path, "expected a map with receivers, processors and exporters");
        return NULL;
    }
    check_pipeline_keys(&reader, node);
    read_list(&reader, node, SL_RECEIVER, &pipeline->receivers);
    read_list(&reader, node, SL_PROCESSOR, &pipeline->processors);
    read_list(&reader, node, SL_EXPORTER, &pipeline->exporters);
    return pipeline;
}

static void read_all(struct sl_planner *planner, const struct sl_node *pipelines)
{
    struct sl_plan_pipeline **last = &planner->plan->pipelines;
    unsigned count = 0;
    for (const struct sl_node *at = pipelines->child; at != NULL; at = at->next) {
        if (++count > SL_PIPELINES_MAX) {
            complain(planner, at, "service.pipelines", "more than 1000 pipelines");
            return;
        }
        struct sl_plan_pipeline *pipeline = read_pipeline(planner, at);
        if (pipeline == NULL)
            continue;
        *last = pipeline;
        last = &pipeline->next;
    }
}

void sl_plan_read_pipelines(struct sl_planner *planner, const struct sl_node *root)
{
    const struct sl_node *service = sl_node_find(root, "service");
    bool is_map = service != NULL && service->kind == SL_NODE_MAP;
    if (service != NULL && !is_map && service->kind != SL_NODE_NULL)
        return; /* said already */
    if (is_map)
        read_refs(planner, SL_EXTENSION, sl_node_find(service, "extensions"), "service.extensions",
                  &planner->plan->extensions);

    const struct sl_node *pipelines = is_map ? sl_node_find(service, "pipelines") : NULL;
    if (pipelines != NULL && pipelines->kind != SL_NODE_MAP && pipelines->kind != SL_NODE_NULL) {
        complain(planner, pipelines, "service.pipelines", "expected a map of pipelines");
        return;
    }
    if (pipelines == NULL || pipelines->child == NULL) {
        sl_diag_add(planner->diag, SL_DIAG_ERROR,
                    pipelines != NULL ? pipelines->key_place
                    : service != NULL ? service->key_place
                                      : root->place,
                    "service.pipelines", "at least one pipeline is required");
        return;
    }
    read_all(planner, pipelines);
}
