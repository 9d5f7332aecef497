/* SPDX-License-Identifier: Apache-2.0 */
/* Every component of app/components.def goes through the life that the engine asks for. */
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "pipeline/graph.h"
#include "tests/check.h"
#include "tests/lifecycle.h"
#include "transport/listener.h"

enum { ALLOCATIONS_MAX = 5000, TURNS = 1000 };

/* Every component in one graph; each %s stands for a folder of the test's own. */
static const char everything[] =
    "receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}}\n"
    "processors: {batch: , genai_normalizer: , nop: , pii_scrubber: , probabilistic_sampler: "
    "{sampling_percentage: 50}}\n"
    "exporters: {debug: , file: {path: '%s/t.jsonl', rotation: }, nop: , stdout: ,\n"
    "  otlp: {endpoint: 'http://127.0.0.1:1'}, otlphttp: {endpoint: 'http://127.0.0.1:1'}}\n"
    "extensions: {health_check: {endpoint: 'unix:%s/health'}}\n"
    "service:\n"
    "  extensions: [health_check]\n"
    "  telemetry: {metrics: {level: none}}\n"
    "  pipelines:\n"
    "    traces:\n"
    "      receivers: [otlp]\n"
    "      processors: [probabilistic_sampler, nop, genai_normalizer, pii_scrubber, batch]\n"
    "      exporters: [debug, file, nop, otlp, otlphttp, stdout]\n";

static void test_each_component_goes_through_its_life(void **state)
{
    (void)state;
    char path[] = "/tmp/sluice-XXXXXX", file[64], otlp[160], http[64];
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    (void)close(fd);
    (void)snprintf(file, sizeof file, "{path: '%s'}", path);
    (void)snprintf(http, sizeof http, "%s.http", path);
    (void)snprintf(otlp, sizeof otlp,
                   "{protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: 'unix:%s'}}}",
                   http);
    const struct lifecycle_settings settings[] = {
        {"receiver", "otlp", "{protocols: {grpc: {endpoint: '127.0.0.1:0'}}}"},
        {"extension", "health_check", "{endpoint: '127.0.0.1:0'}"},
        {"exporter", "otlp", "{endpoint: 'http://127.0.0.1:1'}"},
        {"exporter", "otlphttp", "{endpoint: 'http://127.0.0.1:1'}"},
        {"exporter", "file", file},
        {NULL, NULL, NULL}};
    lifecycle_check(sl_component_types, settings);
    CHECK_INT(unlink(path), 0);
    (void)unlink(http);
}

static void mark(void *arg)
{
    *(bool *)arg = true;
}

/* One life of a graph on a worker of its own, with the n-th allocation from its start
 * on failing. Returns whether there was none left to fail. */
static bool start_without_memory(const struct sl_plan *plan, long n)
{
    struct sl_worker worker;
    struct sl_process process = {.worker_count = 1, .workers = &worker, .version = "test"};
    struct sl_error error = {0};
    bool stopped = false;
    sl_budget_init(&process.budget, 0);
    CHECK_INT(sl_worker_init_manual(&worker, &process.budget), SL_OK);
    process.meters = sl_meters_new();
    process.listeners = sl_listeners_new(&worker);
    struct sl_graph *graph = sl_graph_new(plan, &process, &worker, NULL, &error);
    CHECK(graph != NULL);
    (void)sl_alloc_fail_after(n);
    int rc = sl_graph_start(graph, &error);
    bool ended = sl_alloc_fail_after(-1) <= n;
    if (rc != SL_OK && error.text[0] == '\0')
        fail_msg("allocation %ld: start failed without a word", n);
    if (ended && rc != SL_OK)
        fail_msg("allocation %ld: %s", n, error.text);
    sl_worker_advance(&worker, 1);
    sl_graph_stop(graph, mark, &stopped);
    for (int turn = 0; turn < TURNS && !stopped; turn++)
        sl_worker_advance(&worker, 1);
    CHECK(stopped);
    sl_graph_free(graph);
    sl_listeners_free(process.listeners);
    sl_worker_advance(&worker, 60000); /* a timer that was left behind would run now */
    sl_worker_done(&worker);
    sl_meters_free(process.meters);
    return ended;
}

static void test_a_start_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    char folder[] = "/tmp/sluice-XXXXXX", yaml[2048], path[64];
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(yaml, sizeof yaml, everything, folder, folder);
    struct sl_arena arena = {0};
    struct sl_diag diag;
    struct sl_source source = {.name = "t.yaml", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    sl_diag_init(&diag);
    struct sl_node *root = sl_config_read(&input, &arena, &diag);
    struct sl_plan *plan = sl_plan_new(root, sl_component_types, &arena, &diag);
    if (plan == NULL)
        sl_diag_print(&diag, stderr);
    CHECK(plan != NULL);
    for (size_t i = 0; sl_component_types[i] != NULL; i++)
        if (strstr(yaml, sl_component_types[i]->name) == NULL)
            fail_msg("%s is not among those that start", sl_component_types[i]->name);
    long n = 0;
    while (n < ALLOCATIONS_MAX && !start_without_memory(plan, n))
        n++;
    CHECK(n > 3 && n < ALLOCATIONS_MAX);
    sl_plan_free(plan);
    sl_diag_done(&diag);
    sl_arena_done(&arena);
    (void)snprintf(path, sizeof path, "%s/t.jsonl", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/health", folder);
    (void)unlink(path);
    CHECK_INT(rmdir(folder), 0);
}

static void test_the_list_is_in_alphabetical_order(void **state)
{
    (void)state;
    for (size_t i = 0; sl_component_types[i] != NULL && sl_component_types[i + 1] != NULL; i++)
        if (strcmp(sl_component_types[i]->name, sl_component_types[i + 1]->name) > 0)
            fail_msg("%s stands before %s", sl_component_types[i]->name,
                     sl_component_types[i + 1]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_component_goes_through_its_life),
        cmocka_unit_test(test_a_start_without_memory_leaves_nothing_behind),
        cmocka_unit_test(test_the_list_is_in_alphabetical_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
