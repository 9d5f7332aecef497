/* SPDX-License-Identifier: Apache-2.0 */
/* What plans hold and what is printed of them: print-config, the list of components,
 * a reference page, the JSON Schema.  */
#include <stdlib.h>

#include "core/alloc.h"
#include "fake.h"
#include "tests/check.h"

static const char full[] =
    "receivers: {src: {note: 'a: b'}, src/unused: }\n"
    "processors: {change: , step/s: {limit: 3}}\n"
    "exporters: {queue: {token: hush, storage: store, sending_queue: {enabled: false}}}\n"
    "extensions: {store: }\n"
    "service:\n"
    "  extensions: [store]\n"
    "  workers: 3\n"
    "  shutdown_timeout: 5s\n"
    "  memory_limit: 100MiB\n"
    "  telemetry:\n"
    "    logs: {level: warn, encoding: json, sampling: {initial: 3}}\n"
    "    metrics: {readers: [{pull: {exporter: {prometheus: {host: '::1', port: 9}}}}]}\n"
    "  pipelines:\n"
    "    traces: {receivers: [src], processors: [change, step/s], exporters: [queue]}\n"
    "    logs/2: {receivers: [src], exporters: [queue]}\n";

static const char small[] =
    "receivers: {src: }\n"
    "exporters: {sink: }\n"
    "service: {pipelines: {traces: {receivers: [src], exporters: [sink]}}}\n";

struct made {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_plan *plan;
};

static void make(struct made *made, const char *yaml)
{
    *made = (struct made){0};
    sl_diag_init(&made->diag);
    made->plan = fake_plan(yaml, &made->arena, &made->diag);
    if (made->plan == NULL)
        sl_diag_print(&made->diag, stderr);
    CHECK(made->plan != NULL);
}

static void unmake(struct made *made)
{
    sl_plan_free(made->plan);
    sl_diag_done(&made->diag);
    sl_arena_done(&made->arena);
}

/* What print(arg) writes; to be freed. */
static char *printed(void (*print)(const void *arg, FILE *out), const void *arg)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(arg, out);
    fclose(out);
    CHECK(text != NULL);
    return text;
}

static void print_plan(const void *plan, FILE *out)
{
    sl_plan_print(plan, out);
}

static void print_list(const void *arg, FILE *out)
{
    (void)arg;
    sl_types_list(fake_types, out);
}

static void print_page(const void *type, FILE *out)
{
    sl_type_print_markdown(type, out);
}

static void print_schema(const void *arg, FILE *out)
{
    (void)arg;
    sl_types_print_schema(fake_types, out);
}

static void test_the_service_section_is_taken_over(void **state)
{
    (void)state;
    struct made made;
    make(&made, full);
    const struct sl_telemetry_config *telemetry = sl_plan_telemetry(made.plan);
    CHECK_INT(sl_plan_workers(made.plan), 3);
    CHECK_INT(sl_plan_shutdown_timeout_ms(made.plan), 5000);
    CHECK_INT(sl_plan_memory_limit(made.plan), 100 << 20);
    CHECK_INT(telemetry->log_level, 2);
    CHECK_INT(telemetry->log_encoding, 1);
    CHECK(telemetry->log_sampling);
    CHECK_INT(telemetry->log_tick_ms, 10000);
    CHECK_INT(telemetry->log_initial, 3);
    CHECK_INT(telemetry->log_thereafter, 100);
    CHECK(telemetry->metrics && !telemetry->metrics_by_default);
    CHECK_TEXT(telemetry->metrics_host, "::1");
    CHECK_INT(telemetry->metrics_port, 9);
    unmake(&made);
}

static void test_defaults_are_one_worker_and_metrics_on_localhost(void **state)
{
    (void)state;
    struct made made;
    make(&made, small);
    const struct sl_telemetry_config *telemetry = sl_plan_telemetry(made.plan);
    CHECK_INT(sl_plan_workers(made.plan), 1);
    CHECK_INT(sl_plan_shutdown_timeout_ms(made.plan), 20000);
    CHECK(sl_plan_memory_limit(made.plan) >= (size_t)64 << 20);
    CHECK(sl_plan_memory_limit(made.plan) <= (size_t)2 << 30);
    CHECK_INT(telemetry->log_level, 1);
    CHECK(telemetry->metrics && telemetry->metrics_by_default);
    CHECK_TEXT(telemetry->metrics_host, "localhost");
    CHECK_INT(telemetry->metrics_port, 8888);
    unmake(&made);
}

static void test_metrics_can_be_turned_off_in_two_ways(void **state)
{
    (void)state;
    static const char *const ways[] = {"level: none", "readers: []"};
    for (size_t i = 0; i < 2; i++) {
        char yaml[512];
        (void)snprintf(yaml, sizeof yaml,
                       "receivers: {src: }\nexporters: {sink: }\n"
                       "service:\n  pipelines: {logs: {receivers: [src], exporters: [sink]}}\n"
                       "  telemetry: {metrics: {%s}}\n",
                       ways[i]);
        struct made made;
        make(&made, yaml);
        CHECK(!sl_plan_telemetry(made.plan)->metrics);
        unmake(&made);
    }
}

static void test_automatic_workers_are_at_least_one(void **state)
{
    (void)state;
    struct made made;
    make(&made, "receivers: {src: }\nexporters: {sink: }\nservice:\n  workers: auto\n"
                "  pipelines: {logs: {receivers: [src], exporters: [sink]}}\n");
    CHECK(sl_plan_workers(made.plan) >= 1 && sl_plan_workers(made.plan) <= 256);
    unmake(&made);
}

static const char full_printed[] = "extensions:\n"
                                   "  store:\n"
                                   "    limit: 10\n"
                                   "    note: null\n"
                                   "    token: null\n"
                                   "receivers:\n"
                                   "  src:\n"
                                   "    limit: 10\n"
                                   "    note: \"a: b\"\n"
                                   "    token: null\n"
                                   "  src/unused:\n"
                                   "    limit: 10\n"
                                   "    note: null\n"
                                   "    token: null\n"
                                   "processors:\n"
                                   "  change: {}\n"
                                   "  step/s:\n"
                                   "    limit: 3\n"
                                   "    note: null\n"
                                   "    token: null\n"
                                   "exporters:\n"
                                   "  queue:\n"
                                   "    limit: 10\n"
                                   "    note: null\n"
                                   "    token: \"[REDACTED]\"\n"
                                   "    storage: store\n"
                                   "    sending_queue:\n"
                                   "      enabled: false\n"
                                   "      wait_for_result: false\n"
                                   "service:\n"
                                   "  extensions: [store]\n"
                                   "  pipelines:\n"
                                   "    traces:\n"
                                   "      receivers: [src]\n"
                                   "      processors: [change, step/s]\n"
                                   "      exporters: [queue]\n"
                                   "    logs/2:\n"
                                   "      receivers: [src]\n"
                                   "      processors: []\n"
                                   "      exporters: [queue]\n"
                                   "  telemetry:\n"
                                   "    logs:\n"
                                   "      level: warn\n"
                                   "      encoding: json\n"
                                   "      sampling:\n"
                                   "        enabled: true\n"
                                   "        tick: 10s\n"
                                   "        initial: 3\n"
                                   "        thereafter: 100\n"
                                   "    metrics:\n"
                                   "      level: normal\n"
                                   "      readers:\n"
                                   "        -\n"
                                   "          pull:\n"
                                   "            exporter:\n"
                                   "              prometheus:\n"
                                   "                host: \"::1\"\n"
                                   "                port: 9\n"
                                   "          periodic: null\n"
                                   "      address: null\n"
                                   "  workers: \"3\"\n"
                                   "  shutdown_timeout: 5s\n"
                                   "  memory_limit: 104857600\n";

static void test_print_config_shows_all_that_holds(void **state)
{
    (void)state;
    struct made made;
    make(&made, full);
    char *text = printed(print_plan, made.plan);
    CHECK_TEXT(text, full_printed);
    free(text);
    unmake(&made);
}

static void test_what_is_printed_reads_as_the_same_again(void **state)
{
    (void)state;
    static const char *const yamls[] = {full, small};
    for (size_t i = 0; i < 2; i++) {
        struct made made, again;
        make(&made, yamls[i]);
        char *first = printed(print_plan, made.plan);
        make(&again, first);
        char *second = printed(print_plan, again.plan);
        CHECK_TEXT(second, first);
        free(first);
        free(second);
        unmake(&made);
        unmake(&again);
    }
}

static const char list_printed[] =
    "receivers:\n"
    "  src         beta         traces, metrics, logs: Makes nothing.\n"
    "  one_src     beta         traces, metrics, logs: Makes nothing, once.\n"
    "  src_traces  beta         traces: Makes no traces.\n"
    "processors:\n"
    "  change      development  traces, logs: Passes on logs and traces. (also: alter)\n"
    "  late        alpha        traces, metrics, logs: Passes on, drains late.\n"
    "  step        beta         traces, metrics, logs: Passes on.\n"
    "exporters:\n"
    "  holds       beta         traces, metrics, logs: Holds what comes.\n"
    "  prompt      beta         traces, metrics, logs: Takes all at once, on worker 0.\n"
    "  queue       stable       traces, metrics, logs: Takes all, behind a queue.\n"
    "  single      beta         traces, metrics, logs: Takes all, on worker 0.\n"
    "  sink        beta         traces, metrics, logs: Takes all. (also: sink_grpc)\n"
    "extensions:\n"
    "  store       beta         Stores nothing.\n";

static void test_the_list_has_every_component(void **state)
{
    (void)state;
    char *text = printed(print_list, NULL);
    CHECK_TEXT(text, list_printed);
    free(text);
}

static void test_a_page_tells_what_the_type_is(void **state)
{
    (void)state;
    for (size_t i = 0; fake_types[i] != NULL; i++) {
        if (strcmp(fake_types[i]->name, "change") != 0)
            continue;
        char *text = printed(print_page, fake_types[i]);
        CHECK_TEXT(text, "# change processor\n\n"
                         "Passes on logs and traces.\n\n"
                         "- Section: `processors`\n"
                         "- Signals: traces, logs\n"
                         "- Stability: development\n"
                         "- Instances: one a worker\n"
                         "- Other names: `alter`\n"
                         "- Unknown protobuf fields do not survive it.\n\n"
                         "## Configuration\n\n"
                         "It has no keys.\n");
        free(text);
        return;
    }
    fail_msg("no type named change");
}

static const struct sl_node *walk(const struct sl_node *node, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        CHECK(node != NULL);
        node = sl_node_find(node, *keys);
    }
    return node;
}

/* JSON is YAML: the reader of configurations says whether it is well-formed. */
static void test_the_schema_is_json_with_every_type(void **state)
{
    (void)state;
    char *text = printed(print_schema, NULL);
    /* The one dollar sign that would be an expansion is not in it. */
    CHECK(strstr(text, "${") == NULL);
    struct sl_arena arena = {0};
    struct sl_diag diag;
    sl_diag_init(&diag);
    struct sl_source source = {.name = "schema", .text = text, .size = strlen(text)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    struct sl_node *root = sl_config_read(&input, &arena, &diag);
    if (diag.errors > 0)
        sl_diag_print(&diag, stderr);
    CHECK_INT(diag.errors, 0);
    const char *alias[] = {"properties", "exporters", "patternProperties",
                           "^(sink|sink_grpc)(/.+)?$", NULL};
    CHECK(walk(root, alias) != NULL);
    const char *service[] = {"properties", "service", "properties", "pipelines", NULL};
    CHECK(walk(root, service) != NULL);
    sl_diag_done(&diag);
    sl_arena_done(&arena);
    free(text);
}

static void test_a_plan_survives_each_failing_allocation(void **state)
{
    (void)state;
    bool reached_the_end = false;
    for (long n = 0; n < 500 && !reached_the_end; n++) {
        struct sl_arena arena = {0};
        struct sl_diag diag;
        sl_diag_init(&diag);
        (void)sl_alloc_fail_after(n);
        struct sl_plan *plan = fake_plan(full, &arena, &diag);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        CHECK((plan != NULL) == reached_the_end);
        CHECK(plan != NULL || diag.errors > 0);
        sl_diag_done(&diag);
        sl_arena_done(&arena);
    }
    CHECK(reached_the_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_service_section_is_taken_over),
        cmocka_unit_test(test_defaults_are_one_worker_and_metrics_on_localhost),
        cmocka_unit_test(test_metrics_can_be_turned_off_in_two_ways),
        cmocka_unit_test(test_automatic_workers_are_at_least_one),
        cmocka_unit_test(test_print_config_shows_all_that_holds),
        cmocka_unit_test(test_what_is_printed_reads_as_the_same_again),
        cmocka_unit_test(test_the_list_has_every_component),
        cmocka_unit_test(test_a_page_tells_what_the_type_is),
        cmocka_unit_test(test_the_schema_is_json_with_every_type),
        cmocka_unit_test(test_a_plan_survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
