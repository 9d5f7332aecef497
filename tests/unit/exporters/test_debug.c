/* SPDX-License-Identifier: Apache-2.0 */
/* The debug exporter on a manual worker, with standard error in a file; and nop. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/alloc.h"
#include "tests/solo.h"

extern const struct sl_component_type debug_exporter, nop_exporter;

#define SPANS(spans) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" spans "]}]}]}"
#define LOGS(logs) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[" logs "]}]}]}"
#define METRICS(all) "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[" all "]}]}]}"
#define BASIC "traces  1 resources  1 scopes  2 spans\n"

struct world {
    struct solo solo;
    int real, target;
    char text[65536];
};

static struct world world;

static int restore(void **state)
{
    (void)state;
    if (world.real > 0) {
        (void)fflush(stdout);
        (void)dup2(world.real, world.target);
        (void)close(world.real);
    }
    world.real = 0;
    return 0;
}

/* fd: what stands in for standard error or output from now on. */
static void begin(const char *yaml, int target, int fd)
{
    memset(&world, 0, sizeof world);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)fflush(stdout);
    world.target = target;
    world.real = dup(target);
    CHECK(fd >= 0 && dup2(fd, target) >= 0);
    (void)close(fd);
    solo_init(&world.solo, &debug_exporter, yaml);
}

static int file(void)
{
    return memfd_create("output", MFD_CLOEXEC);
}

static void end(void)
{
    (void)restore(NULL);
    solo_done(&world.solo);
}

static const char *shown(void)
{
    ssize_t size = pread(world.target, world.text, sizeof world.text - 1, 0);
    CHECK(size >= 0);
    world.text[size] = '\0';
    CHECK_INT(ftruncate(world.target, 0), 0);
    CHECK_INT(lseek(world.target, 0, SEEK_SET), 0);
    return world.text;
}

static void put(enum sl_signal signal, const char *json)
{
    struct answer answer;
    solo_send(&world.solo, solo_batch(signal, json), NULL, &answer);
    CHECK_INT(answer.count, 1);
    CHECK_INT(answer.result.outcome, SL_RESULT_OK);
}

static void test_each_verbosity_tells_more(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        enum sl_signal signal;
        const char *json, *want;
    } cases[] = {
        {"", SL_TRACES, SPANS("{\"name\":\"a\"},{}"), BASIC},
        {"verbosity: normal", SL_TRACES, SPANS("{\"name\":\"a\\u001b\"},{}"),
         BASIC "  \"a\\u001b\"\n  \"\"\n"},
        {"verbosity: normal", SL_LOGS,
         LOGS("{\"body\":{\"stringValue\":\"b\"}},{\"eventName\":\"e\"}"),
         "logs  1 resources  1 scopes  2 log records\n  \"b\"\n  \"e\"\n"},
        {"verbosity: normal", SL_METRICS,
         METRICS("{\"name\":\"m\",\"sum\":{\"dataPoints\":[{},{}]}}"),
         "metrics  1 resources  1 scopes  1 metrics  2 data points\n  \"m\"\n"},
        {"verbosity: detailed", SL_TRACES, SPANS("{\"name\":\"a\"},{}"),
         BASIC SPANS("{\"name\":\"a\"},{}") "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].settings, STDERR_FILENO, file());
        put(cases[i].signal, cases[i].json);
        CHECK_TEXT(shown(), cases[i].want);
        end();
    }
}

static void test_it_writes_to_standard_output_when_told(void **state)
{
    (void)state;
    static const char *const settings[] = {"use_internal_logger: false",
                                           "use_internal_logger: false\noutput_paths: [stdout]"};
    for (size_t i = 0; i < 2; i++) {
        begin(settings[i], STDOUT_FILENO, file());
        put(SL_TRACES, SPANS("{},{}"));
        CHECK_TEXT(shown(), BASIC);
        end();
    }
    begin("use_internal_logger: false\noutput_paths: [stderr]", STDERR_FILENO, file());
    put(SL_TRACES, SPANS("{},{}"));
    CHECK_TEXT(shown(), BASIC);
    end();
}

static void test_after_the_first_of_a_second_only_some_are_shown_and_all_count(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *shown; /* of ten: x shown, - not */
    } cases[] = {{"sampling_initial: 2\nsampling_thereafter: 3", "xx--x--x--"},
                 {"sampling_initial: 2\nsampling_thereafter: 0", "xx--------"},
                 {"sampling_initial: 0\nsampling_thereafter: 5", "----x----x"},
                 {"", "xxxxxxxxxx"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].settings, STDERR_FILENO, file());
        for (unsigned second = 0; second < 2; second++) {
            for (unsigned k = 0; k < 10; k++) {
                put(SL_TRACES, SPANS("{},{}"));
                CHECK_INT(strlen(shown()) > 0, cases[i].shown[k] == 'x');
            }
            sl_worker_advance(&world.solo.worker, 1000);
        }
        CHECK_INT(solo_total(&world.solo, SL_EV_SENT), 40);
        end();
    }
}

static void test_what_nobody_takes_is_counted_as_dropped(void **state)
{
    (void)state;
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    (void)close(ends[0]);
    begin("", STDERR_FILENO, ends[1]);
    put(SL_TRACES, SPANS("{},{}"));
    debug_exporter.drain(world.solo.self, 0);
    CHECK_INT(solo_total(&world.solo, SL_EV_SENT), 0);
    CHECK_INT(sl_meters_dropped(world.solo.process.meters, "output_not_taken"), 2);
    end();
}

static void test_without_memory_it_shows_less_and_counts_all(void **state)
{
    (void)state;
    bool ended = false;
    for (long n = 0; !ended && n < 500; n++) {
        struct answer answer;
        begin("verbosity: detailed", STDERR_FILENO, file());
        struct sl_batch *batch = solo_batch(SL_TRACES, SPANS("{},{}"));
        (void)sl_alloc_fail_after(n);
        solo_send(&world.solo, batch, NULL, &answer);
        ended = sl_alloc_fail_after(-1) <= n;
        if (answer.count == 1) {
            uint64_t dropped = sl_meters_dropped(world.solo.process.meters, "output_not_taken");
            CHECK_INT(solo_total(&world.solo, SL_EV_SENT) + dropped, 2);
            size_t size = strlen(shown());
            CHECK(size == 0 || world.text[size - 1] == '\n');
        }
        end();
    }
    CHECK(ended);
}

static void test_nop_takes_all_and_counts_it(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answer;
    solo_init(&solo, &nop_exporter, "");
    solo_send(&solo, solo_batch(SL_TRACES, SPANS("{},{}")), NULL, &answer);
    CHECK_INT(answer.count, 1);
    CHECK_INT(answer.result.outcome, SL_RESULT_OK);
    CHECK_INT(solo_total(&solo, SL_EV_SENT), 2);
    solo_done(&solo);
}

#define TEST(name) cmocka_unit_test_teardown(name, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_verbosity_tells_more),
        TEST(test_it_writes_to_standard_output_when_told),
        TEST(test_after_the_first_of_a_second_only_some_are_shown_and_all_count),
        TEST(test_what_nobody_takes_is_counted_as_dropped),
        TEST(test_without_memory_it_shows_less_and_counts_all),
        TEST(test_nop_takes_all_and_counts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
