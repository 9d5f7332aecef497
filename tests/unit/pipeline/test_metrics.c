/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint of service.telemetry.metrics on a manual worker: its page over a
 * loopback socket, and what a taken port means. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "fake.h"
#include "pipeline/graph_internal.h"
#include "tests/check.h"
#include "transport/listener.h"

enum { TURNS = 2000 };

struct world {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_plan *plan;
    struct sl_process process;
    struct sl_worker worker;
    struct sl_graph *graph;
    bool stopped;
    char answer[16384];
};

static void world_init(struct world *world, int port, bool by_default)
{
    memset(world, 0, sizeof *world);
    (void)fake_journal();
    fake_failure = NULL;
    sl_log_configure(&(struct sl_log_config){.level = SL_LOG_NONE, .fd = 2});
    sl_diag_init(&world->diag);
    world->plan = fake_plan("receivers: {src: }\n"
                            "exporters: {sink: }\n"
                            "service:\n"
                            "  pipelines: {logs: {receivers: [src], exporters: [sink]}}\n"
                            "  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: "
                            "{host: 127.0.0.1}}}}]}}\n",
                            &world->arena, &world->diag);
    CHECK(world->plan != NULL);
    world->plan->telemetry.metrics_port = port;
    world->plan->telemetry.metrics_by_default = by_default;
    sl_budget_init(&world->process.budget, 1000);
    CHECK_INT(sl_worker_init_manual(&world->worker, &world->process.budget), SL_OK);
    world->process.workers = &world->worker;
    world->process.worker_count = 1;
    world->process.meters = sl_meters_new();
    world->process.listeners = sl_listeners_new(&world->worker);
    world->process.started_wall_ns = sl_worker_wall_ns(&world->worker);
    struct sl_error error = {0};
    world->graph = sl_graph_new(world->plan, &world->process, &world->worker, NULL, &error);
    CHECK_TEXT(error.text, "");
}

static void mark(void *arg)
{
    *(bool *)arg = true;
}

static void world_done(struct world *world)
{
    sl_graph_stop(world->graph, mark, &world->stopped);
    for (int turn = 0; turn < TURNS && !world->stopped; turn++)
        sl_worker_advance(&world->worker, 0);
    CHECK(world->stopped);
    sl_graph_free(world->graph);
    sl_listeners_free(world->process.listeners);
    sl_worker_advance(&world->worker, 0);
    sl_worker_done(&world->worker);
    sl_meters_free(world->process.meters);
    sl_plan_free(world->plan);
    sl_diag_done(&world->diag);
    sl_arena_done(&world->arena);
}

static const char *ask(struct world *world, int port, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char request[256];
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    CHECK_INT(write(fd, request, (size_t)length), length);
    ssize_t n = -1;
    for (int turn = 0; turn < TURNS && n != 0; turn++) {
        sl_worker_advance(&world->worker, 0);
        n = recv(fd, world->answer + got, sizeof world->answer - 1 - got, MSG_DONTWAIT);
        if (n > 0)
            got += (size_t)n;
    }
    CHECK_INT(n, 0);
    world->answer[got] = '\0';
    close(fd);
    return world->answer;
}

static void test_the_page_has_components_and_the_process(void **state)
{
    (void)state;
    struct world world;
    struct sl_error error = {0};
    world_init(&world, 0, false);
    CHECK_INT(sl_graph_start(world.graph, &error), SL_OK);
    const struct sl_component *metrics = sl_graph_find(world.graph, SL_EXTENSION, "metrics");
    CHECK(metrics != NULL);
    int port = sl_metrics_port(metrics);
    CHECK(port > 0);
    struct sl_component *sink = sl_graph_find(world.graph, SL_EXPORTER, "sink");
    sl_meter_event(sink->meter, SL_EV_SENT, SL_LOGS, 42);
    sl_worker_advance(&world.worker, 1500);

    const char *page = ask(&world, port, "/metrics");
    CHECK(strncmp(page, "HTTP/1.1 200", 12) == 0);
    CHECK(strstr(page, "text/plain; version=0.0.4; charset=utf-8") != NULL);
    CHECK(strstr(page, "\notelcol_exporter_sent_log_records{exporter=\"sink\"} 42\n") != NULL);
    CHECK(strstr(page, "\notelcol_process_uptime 1.500\n") != NULL);
    CHECK(strstr(page, "\nsluice_memory_limit_bytes 1000\n") != NULL);
    const char *rss = strstr(page, "\notelcol_process_memory_rss ");
    CHECK(rss != NULL && rss[28] >= '1' && rss[28] <= '9');
    CHECK(strncmp(ask(&world, port, "/"), "HTTP/1.1 404", 12) == 0);
    world_done(&world);
}

static void test_a_taken_port_is_an_error_only_when_it_was_asked_for(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, size), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    for (int by_default = 0; by_default < 2; by_default++) {
        struct world world;
        struct sl_error error = {0};
        world_init(&world, ntohs(address.sin_port), by_default);
        int status = sl_graph_start(world.graph, &error);
        CHECK((status == SL_OK) == (by_default != 0));
        if (!by_default)
            CHECK(strncmp(error.text, "service.telemetry.metrics: ", 27) == 0);
        const struct sl_component *metrics = sl_graph_find(world.graph, SL_EXTENSION, "metrics");
        CHECK_INT(sl_metrics_port(metrics), 0);
        world_done(&world);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_has_components_and_the_process),
        cmocka_unit_test(test_a_taken_port_is_an_error_only_when_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
