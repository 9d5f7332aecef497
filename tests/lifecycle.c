/* SPDX-License-Identifier: Apache-2.0 */
/* The test that every component passes before its author has written one: see
 * lifecycle.h. */
#include "tests/lifecycle.h"

#include <ctype.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "pipeline/graph.h"
#include "tests/check.h"
#include "transport/listener.h"

enum { TYPES_MAX = 200, ALLOCATIONS_MAX = 5000, DRAIN_MS = 1000 };

static void take(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)self;
    sl_delivery_finish(delivery, sl_result_ok());
}

static const struct sl_component_type source = {.name = "lifecycle_source",
                                                .doc = "Makes nothing.",
                                                .kind = SL_RECEIVER,
                                                .signals = SL_ALL_SIGNALS,
                                                .size = sizeof(struct sl_component)};
static const struct sl_component_type sink = {.name = "lifecycle_sink",
                                              .doc = "Takes all.",
                                              .kind = SL_EXPORTER,
                                              .signals = SL_ALL_SIGNALS,
                                              .size = sizeof(struct sl_component),
                                              .consume = take};

/* ---- the table of the type ---- */

static void check_fields(const char *name, const struct sl_field *fields)
{
    for (const struct sl_field *field = fields; field->name != NULL; field++) {
        if (field->type != SL_T_IGNORED && (field->doc == NULL || field->doc[0] == '\0'))
            fail_msg("%s: the key '%s' has no doc", name, field->name);
        if (field->type == SL_T_GROUP)
            check_fields(name, field->group);
        if ((field->type == SL_T_LIST || field->type == SL_T_MAP) && field->element == NULL)
            fail_msg("%s: the key '%s' has no element", name, field->name);
    }
}

static void check_description(const struct sl_component_type *type)
{
    CHECK(type->name != NULL && islower((unsigned char)type->name[0]));
    for (const char *at = type->name; *at != '\0'; at++)
        CHECK(islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_');
    size_t length = type->doc != NULL ? strlen(type->doc) : 0;
    if (length < 10 || type->doc[length - 1] != '.' || strchr(type->doc, '\n') != NULL)
        fail_msg("%s: the doc must be a sentence on one line", type->name);
    bool consumes = type->kind == SL_PROCESSOR || type->kind == SL_EXPORTER;
    if (consumes != (type->consume != NULL))
        fail_msg("%s: %s", type->name, consumes ? "consume is missing" : "consume is of no use");
    if ((type->reserve == NULL) != (type->release == NULL))
        fail_msg("%s: reserve and release go together", type->name);
    if (type->kind == SL_PROCESSOR && type->placement != SL_EVERY_WORKER)
        fail_msg("%s: processors live on every worker", type->name);
    if (type->kind != SL_EXTENSION)
        CHECK(type->signals != 0 && (type->signals & ~(unsigned)SL_ALL_SIGNALS) == 0);
    CHECK(type->size >= sizeof(struct sl_component));
    if (type->fields != NULL) {
        CHECK(type->config_size > 0 || type->fields->name == NULL);
        check_fields(type->name, type->fields);
    }
}

static void check_unique(const struct sl_component_type *const *types)
{
    for (size_t i = 0; types[i] != NULL; i++)
        for (size_t k = i + 1; types[k] != NULL; k++)
            if (types[i]->kind == types[k]->kind && strcmp(types[i]->name, types[k]->name) == 0)
                fail_msg("two components are named '%s'", types[i]->name);
}

/* ---- one instance ---- */

struct world {
    const struct sl_component_type *type;
    const struct sl_component_type *types[TYPES_MAX + 3];
    char *yaml;
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_plan *plan;
    struct sl_worker worker;
    struct sl_process process;
};

static char *write_yaml(const struct sl_component_type *type, const char *settings)
{
    static const char *const signals[] = {"traces", "metrics", "logs"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool is[4] = {false};
    is[type->kind] = true;
    fprintf(out, "receivers: {lifecycle_source: ");
    if (is[SL_RECEIVER])
        fprintf(out, ", %s: %s", type->name, settings);
    fprintf(out, "}\nexporters: {lifecycle_sink: ");
    if (is[SL_EXPORTER])
        fprintf(out, ", %s: %s", type->name, settings);
    fprintf(out, "}\n");
    if (is[SL_PROCESSOR] || is[SL_EXTENSION])
        fprintf(out, "%ss: {%s: %s}\n", sl_kind_name(type->kind), type->name, settings);
    fprintf(out, "service:\n  extensions: [%s]\n", is[SL_EXTENSION] ? type->name : "");
    fprintf(out, "  telemetry: {metrics: {level: none}}\n  pipelines:\n");
    for (unsigned i = 0; i < 3; i++)
        if (is[SL_EXTENSION] || (type->signals & (1u << i)) != 0)
            fprintf(out, "    %s: {receivers: [%s], processors: [%s], exporters: [%s]}\n",
                    signals[i], is[SL_RECEIVER] ? type->name : "lifecycle_source",
                    is[SL_PROCESSOR] ? type->name : "",
                    is[SL_EXPORTER] ? type->name : "lifecycle_sink");
    fclose(out);
    CHECK(text != NULL);
    return text;
}

static struct sl_plan *make_plan(struct world *world, const char *yaml)
{
    struct sl_source text = {.name = world->type->name, .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &text, .source_count = 1};
    struct sl_node *root = sl_config_read(&input, &world->arena, &world->diag);
    struct sl_plan *plan = sl_plan_new(root, world->types, &world->arena, &world->diag);
    if (plan == NULL)
        sl_diag_print(&world->diag, stderr);
    if (plan == NULL)
        fail_msg("%s: no plan; it may need settings of its own", world->type->name);
    return plan;
}

static char *print_plan(const struct sl_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sl_plan_print(plan, out);
    fclose(out);
    CHECK(text != NULL);
    return text;
}

static void check_printing(struct world *world)
{
    char *first = print_plan(world->plan);
    char *second = print_plan(make_plan(world, first));
    CHECK_TEXT(second, first);
    free(first);
    free(second);

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sl_type_print_markdown(world->type, out);
    sl_types_print_schema(world->types, out);
    fclose(out);
    CHECK(size > 0 && strstr(text, world->type->doc) != NULL);
    free(text);
}

static void world_init(struct world *world, const struct sl_component_type *const *types,
                       const struct sl_component_type *type, const char *settings)
{
    memset(world, 0, sizeof *world);
    size_t count = 0;
    world->type = type;
    while (types[count] != NULL && count < TYPES_MAX) {
        world->types[count] = types[count];
        count++;
    }
    world->types[count] = &source;
    world->types[count + 1] = &sink;
    sl_diag_init(&world->diag);
    world->yaml = write_yaml(type, settings);
    world->plan = make_plan(world, world->yaml);
    sl_budget_init(&world->process.budget, 0);
    CHECK_INT(sl_worker_init_manual(&world->worker, &world->process.budget), SL_OK);
    world->process.workers = &world->worker;
    world->process.worker_count = 1;
    world->process.version = "test";
    world->process.meters = sl_meters_new();
    world->process.listeners = sl_listeners_new(&world->worker);
    CHECK(world->process.meters != NULL && world->process.listeners != NULL);
}

static void world_done(struct world *world)
{
    sl_listeners_free(world->process.listeners);
    sl_worker_advance(&world->worker, 0);
    sl_worker_done(&world->worker);
    sl_meters_free(world->process.meters);
    sl_plan_free(world->plan);
    sl_diag_done(&world->diag);
    sl_arena_done(&world->arena);
    free(world->yaml);
}

static void mark(void *arg)
{
    *(bool *)arg = true;
}

/* What is closed on a later turn of the loop: a few turns are enough. */
static void wait_for(struct world *world, const bool *done, const char *what)
{
    for (int turn = 0; turn < 100 && !*done; turn++)
        sl_worker_advance(&world->worker, DRAIN_MS / 20);
    if (!*done)
        fail_msg("%s: it did not answer %s", world->type->name, what);
}

static void check_life(struct world *world)
{
    struct sl_error error = {0};
    bool drained = false, stopped = false;
    struct sl_graph *graph =
        sl_graph_new(world->plan, &world->process, &world->worker, NULL, &error);
    if (graph == NULL)
        fail_msg("%s: not created: %s", world->type->name, error.text);
    if (sl_graph_start(graph, &error) != SL_OK)
        fail_msg("%s: not started: %s", world->type->name, error.text);
    sl_worker_advance(&world->worker, 1);
    struct sl_component *self = sl_graph_find(graph, world->type->kind, world->type->name);
    CHECK(self != NULL);
    sl_graph_drain(graph, sl_worker_now_ms(&world->worker) + DRAIN_MS, mark, &drained);
    wait_for(world, &drained, "drain");
    if ((self->state & SL_DRAINED) == 0)
        fail_msg("%s: empty, but it let the drain run out of time", world->type->name);
    sl_graph_stop(graph, mark, &stopped);
    wait_for(world, &stopped, "stop");
    sl_graph_free(graph);
}

static void check_failing_allocations(struct world *world)
{
    bool reached_the_end = false;
    for (long n = 0; n < ALLOCATIONS_MAX && !reached_the_end; n++) {
        struct sl_error error = {0};
        (void)sl_alloc_fail_after(n);
        struct sl_graph *graph =
            sl_graph_new(world->plan, &world->process, &world->worker, NULL, &error);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        if (graph == NULL && error.text[0] == '\0')
            fail_msg("%s: create failed without a word", world->type->name);
        sl_graph_free(graph);
    }
    if (!reached_the_end)
        fail_msg("%s: more than %d allocations to create one", world->type->name, ALLOCATIONS_MAX);
}

void lifecycle_check(const struct sl_component_type *const *types,
                     const struct lifecycle_settings *settings)
{
    check_unique(types);
    for (size_t i = 0; types[i] != NULL; i++) {
        const char *yaml = "";
        for (const struct lifecycle_settings *at = settings; at != NULL && at->kind != NULL; at++)
            if (strcmp(at->kind, sl_kind_name(types[i]->kind)) == 0 &&
                strcmp(at->name, types[i]->name) == 0)
                yaml = at->yaml;
        struct world world;
        check_description(types[i]);
        world_init(&world, types, types[i], yaml);
        check_printing(&world);
        check_life(&world);
        check_failing_allocations(&world);
        world_done(&world);
    }
}
