/* SPDX-License-Identifier: Apache-2.0 */
/* The health_check extension over a Unix socket, on a manual worker. */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pipeline/graph.h"
#include "tests/check.h"
#include "tests/lifecycle.h"
#include "transport/listener.h"

extern const struct sl_component_type health_check_extension;

enum { TURNS = 1000 };

struct world {
    struct sl_worker worker;
    struct sl_process process;
    struct sl_component *self;
    void *config;
    struct sl_arena arena;
    struct sl_diag diag;
    char directory[32], path[64], answer[2048];
};

static void world_init(struct world *world, const char *settings)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->directory, sizeof world->directory, "/tmp/sluice-XXXXXX");
    CHECK(mkdtemp(world->directory) != NULL);
    (void)snprintf(world->path, sizeof world->path, "%s/health", world->directory);
    char yaml[256];
    (void)snprintf(yaml, sizeof yaml, "endpoint: unix:%s\n%s", world->path, settings);
    struct sl_source source = {.name = "t.yaml", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    sl_diag_init(&world->diag);
    struct sl_node *node = sl_config_read(&input, &world->arena, &world->diag);
    const struct sl_component_type *type = &health_check_extension;
    world->config = sl_arena_calloc(&world->arena, 1, type->config_size);
    CHECK_INT(sl_schema_read(type->fields, node, "extensions.health_check", world->config,
                             &world->arena, &world->diag),
              SL_OK);

    sl_budget_init(&world->process.budget, 0);
    CHECK_INT(sl_worker_init_manual(&world->worker, &world->process.budget), SL_OK);
    world->process.workers = &world->worker;
    world->process.worker_count = 1;
    world->process.listeners = sl_listeners_new(&world->worker);
    world->process.started_wall_ns = sl_worker_wall_ns(&world->worker);
    world->self = sl_arena_calloc(&world->arena, 1, type->size);
    *world->self = (struct sl_component){.type = type,
                                         .id = "health_check",
                                         .config = world->config,
                                         .worker = &world->worker,
                                         .process = &world->process};
    struct sl_error error = {0};
    CHECK_INT(type->start(world->self, &error), SL_OK);
}

static void world_done(struct world *world)
{
    world->self->type->stop(world->self);
    for (int turn = 0; turn < TURNS && (world->self->state & SL_STOPPED) == 0; turn++)
        sl_worker_advance(&world->worker, 0);
    CHECK((world->self->state & SL_STOPPED) != 0);
    sl_listeners_free(world->process.listeners);
    sl_worker_advance(&world->worker, 0);
    sl_worker_done(&world->worker);
    sl_diag_done(&world->diag);
    sl_arena_done(&world->arena);
    (void)unlink(world->path);
    (void)rmdir(world->directory);
}

/* Sends one request and reads until the server ends the connection. */
static const char *ask(struct world *world, const char *method, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char request[256];
    size_t got = 0;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", world->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
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

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *body(const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");
    return at != NULL ? at + 4 : "";
}

static void test_the_status_follows_the_process(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, "");
    const char *down = "{\"status\":\"Server not available\","
                       "\"upSince\":\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}";
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 503"));
    CHECK_TEXT(body(world.answer), down);

    atomic_store(&world.process.health, SL_READY);
    sl_worker_advance(&world.worker, (2 * 3600 + 3 * 60 + 4) * 1000 + 56);
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 200"));
    CHECK_TEXT(body(world.answer), "{\"status\":\"Server available\",\"upSince\":\"2023-11-14T22:"
                                   "13:20.000Z\",\"uptime\":\"2h3m4.056s\"}");
    CHECK(strstr(world.answer, "application/json") != NULL);

    atomic_store(&world.process.health, SL_DRAINING);
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 503"));
    CHECK_TEXT(body(world.answer), down);
    world_done(&world);
}

static void test_other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, "path: /healthz\n");
    atomic_store(&world.process.health, SL_READY);
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 404"));
    CHECK(starts(ask(&world, "GET", "/healthz"), "HTTP/1.1 200"));
    CHECK(starts(ask(&world, "GET", "/healthz?verbose"), "HTTP/1.1 200"));
    CHECK(starts(ask(&world, "DELETE", "/healthz"), "HTTP/1.1 405"));
    world_done(&world);
}

static void test_texts_of_the_users_own_replace_the_json(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, "response_body: {healthy: fine, unhealthy: not yet}\n");
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 503"));
    CHECK_TEXT(body(world.answer), "not yet");
    atomic_store(&world.process.health, SL_READY);
    CHECK(starts(ask(&world, "GET", "/"), "HTTP/1.1 200"));
    CHECK_TEXT(body(world.answer), "fine");
    world_done(&world);
}

static void test_an_endpoint_that_makes_no_sense_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *complaint;
    } rows[] = {{"endpoint: 0.0.0.0", "endpoint: '0.0.0.0' is not host:port"},
                {"endpoint: http://0.0.0.0:13133", "leave out 'http://'"},
                {"endpoint: ''", "is not host:port"},
                {"path: health", "path must start with '/'"},
                {"endpoint: ':13133'", NULL}};
    const struct sl_component_type *type = &health_check_extension;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sl_source source = {"t.yaml", rows[i].yaml, strlen(rows[i].yaml)};
        struct sl_config_input input = {.sources = &source, .source_count = 1};
        struct sl_arena arena = {0};
        struct sl_diag diag;
        sl_diag_init(&diag);
        struct sl_node *node = sl_config_read(&input, &arena, &diag);
        void *config = sl_arena_calloc(&arena, 1, type->config_size);
        CHECK_INT(sl_schema_read(type->fields, node, "e", config, &arena, &diag), SL_OK);
        type->check(config, node, "e", &diag);
        CHECK_INT(diag.errors, rows[i].complaint != NULL);
        if (rows[i].complaint != NULL && strstr(diag.first->text, rows[i].complaint) == NULL)
            fail_msg("%s: %s", rows[i].yaml, diag.first->text);
        sl_diag_done(&diag);
        sl_arena_done(&arena);
    }
}

static void test_it_goes_through_the_life_of_a_component(void **state)
{
    (void)state;
    const struct sl_component_type *const types[] = {&health_check_extension, NULL};
    static const struct lifecycle_settings settings[] = {
        {"extension", "health_check", "{endpoint: '127.0.0.1:0'}"}, {NULL, NULL, NULL}};
    lifecycle_check(types, settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_endpoint_that_makes_no_sense_is_an_error),
        cmocka_unit_test(test_the_status_follows_the_process),
        cmocka_unit_test(test_other_paths_and_methods_are_refused),
        cmocka_unit_test(test_texts_of_the_users_own_replace_the_json),
        cmocka_unit_test(test_it_goes_through_the_life_of_a_component),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
