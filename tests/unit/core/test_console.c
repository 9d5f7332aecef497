/* SPDX-License-Identifier: Apache-2.0 */
/* Output to pipes that are full or gone and to a terminal that nobody reads, on a manual
 * worker. A write that blocks ends the test by SIGALRM. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/console.h"
#include "tests/check.h"

enum { PIPE_SIZE = 8192, LIMIT = 20000, LINE = 999, RETRY_MS = 20 };

struct world {
    struct sl_worker worker;
    struct sl_console console;
    int ends[2];
    struct sl_out sent, got;
};

static void begin(struct world *world, size_t limit)
{
    memset(world, 0, sizeof *world);
    (void)alarm(20);
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_INT(sl_worker_init_manual(&world->worker, NULL), SL_OK);
    CHECK_INT(pipe2(world->ends, O_CLOEXEC), 0);
    CHECK(fcntl(world->ends[1], F_SETPIPE_SZ, PIPE_SIZE) >= 0);
    CHECK_INT(fcntl(world->ends[0], F_SETFL, O_NONBLOCK), 0);
    sl_console_init(&world->console, &world->worker, world->ends[1], limit);
}

static void end(struct world *world)
{
    sl_console_done(&world->console);
    sl_worker_advance(&world->worker, 1000);
    sl_worker_done(&world->worker);
    (void)close(world->ends[0]);
    (void)close(world->ends[1]);
    sl_out_done(&world->sent);
    sl_out_done(&world->got);
    (void)alarm(0);
}

/* Writes a line that no other one equals; notes it when it was taken. */
static bool put(struct world *world, unsigned number, size_t size)
{
    static char line[100000];
    CHECK(size < sizeof line);
    memset(line, 'a' + (int)(number % 26), size);
    (void)snprintf(line, size, "%u", number);
    line[size - 1] = '\n';
    bool taken = sl_console_write(&world->console, sl_bytes(line, size));
    if (taken)
        sl_out_bytes(&world->sent, line, size);
    return taken;
}

static size_t take(struct world *world, size_t most)
{
    char data[4096];
    size_t all = 0;
    while (all < most) {
        ssize_t n = read(world->ends[0], data, most - all < sizeof data ? most - all : sizeof data);
        if (n <= 0)
            break;
        sl_out_bytes(&world->got, data, (size_t)n);
        all += (size_t)n;
    }
    return all;
}

static void test_a_full_pipe_never_blocks_and_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    unsigned taken = 0;
    while (taken < 1000 && put(&world, taken, LINE))
        taken++;
    CHECK(taken >= (PIPE_SIZE + LIMIT) / LINE - 4 && taken <= (PIPE_SIZE + LIMIT) / LINE);
    CHECK(world.console.waiting.size - world.console.written <= LIMIT);
    CHECK(!world.console.closed && !put(&world, taken, LINE));
    CHECK(put(&world, taken, LIMIT - world.console.waiting.size)); /* smaller: it fits */
    end(&world);
}

static void test_bytes_come_out_in_order_and_whole(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    unsigned refused = 0;
    for (unsigned i = 0; i < 2000; i++) {
        refused += !put(&world, i, 50 + i * 37 % 1900);
        (void)take(&world, i * 13 % 1700);
        CHECK(world.console.waiting.capacity <= 4 * LIMIT);
        if (i % 7 == 0)
            sl_worker_advance(&world.worker, RETRY_MS);
    }
    CHECK(refused > 0);
    while (world.console.waiting.size > 0 || world.got.size < world.sent.size) {
        size_t n = take(&world, SIZE_MAX);
        sl_worker_advance(&world.worker, RETRY_MS);
        CHECK(n > 0 || world.console.waiting.size == 0);
    }
    CHECK(sl_bytes_equal(sl_out_view(&world.got), sl_out_view(&world.sent)));
    CHECK(!sl_timer_armed(&world.console.retry));
    end(&world);
}

static void test_the_timer_goes_on_once_the_reader_does(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    CHECK(put(&world, 0, LIMIT));
    sl_worker_advance(&world.worker, 10 * RETRY_MS);
    CHECK(sl_timer_armed(&world.console.retry));
    CHECK_INT(take(&world, SIZE_MAX), PIPE_SIZE);
    sl_worker_advance(&world.worker, RETRY_MS);
    CHECK_INT(take(&world, SIZE_MAX), PIPE_SIZE);
    end(&world);
}

static void test_a_reader_that_is_gone_is_told_and_nothing_waits_for_it(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    CHECK(put(&world, 0, LIMIT));
    (void)close(world.ends[0]);
    sl_worker_advance(&world.worker, RETRY_MS);
    CHECK(world.console.closed);
    CHECK_INT(world.console.waiting.size, 0);
    CHECK(!sl_timer_armed(&world.console.retry));
    CHECK(!put(&world, 1, 10));
    CHECK_INT(sl_console_finish(&world.console, 1000), 0);
    world.ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    end(&world);

    begin(&world, LIMIT);
    (void)close(world.ends[0]);
    CHECK(!put(&world, 0, 10)); /* found out by the very write */
    world.ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    end(&world);
}

static void test_finish_waits_no_longer_than_it_may(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    CHECK_INT(sl_console_finish(&world.console, 60000), 0); /* nothing to wait for */
    CHECK(put(&world, 0, LIMIT));
    uint64_t start_ms = sl_clock_monotonic_ms();
    CHECK_INT(sl_console_finish(&world.console, 30), LIMIT - PIPE_SIZE);
    uint64_t took_ms = sl_clock_monotonic_ms() - start_ms;
    CHECK(took_ms >= 30 && took_ms < 5000);
    CHECK_INT(take(&world, SIZE_MAX), PIPE_SIZE);
    CHECK_INT(sl_console_finish(&world.console, 0), LIMIT - PIPE_SIZE);
    CHECK_INT(sl_console_finish(&world.console, 1), LIMIT - 2 * PIPE_SIZE);
    CHECK_INT(take(&world, SIZE_MAX), PIPE_SIZE);
    CHECK_INT(sl_console_finish(&world.console, 1000), 0);
    end(&world);
}

static void test_a_text_over_the_limit_is_taken_when_nothing_waits(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    CHECK(put(&world, 0, 4 * LIMIT));
    CHECK(!put(&world, 1, LINE)); /* over the limit until most of it is read */
    while (world.got.size < world.sent.size) {
        CHECK(take(&world, SIZE_MAX) > 0);
        sl_worker_advance(&world.worker, RETRY_MS);
    }
    CHECK(sl_bytes_equal(sl_out_view(&world.got), sl_out_view(&world.sent)));
    CHECK(world.console.waiting.capacity <= LIMIT);
    CHECK(put(&world, 2, PIPE_SIZE + 1));
    CHECK(!put(&world, 3, LIMIT)); /* a single byte waits */
    end(&world);
}

static void test_without_memory_the_text_is_refused_and_what_waits_stays(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    (void)sl_alloc_fail_after(0);
    CHECK(!put(&world, 0, LINE));
    (void)sl_alloc_fail_after(-1);
    CHECK(put(&world, 1, 10 * LINE));
    (void)sl_alloc_fail_after(0);
    CHECK(!put(&world, 2, 10 * LINE));
    (void)sl_alloc_fail_after(-1);
    CHECK(put(&world, 3, 2 * LINE));
    while (world.got.size < world.sent.size) {
        CHECK(take(&world, SIZE_MAX) > 0);
        sl_worker_advance(&world.worker, RETRY_MS);
    }
    CHECK(sl_bytes_equal(sl_out_view(&world.got), sl_out_view(&world.sent)));
    end(&world);
}

static void test_a_terminal_that_nobody_reads_does_not_block_either(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LIMIT);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    sl_console_done(&world.console);
    sl_console_init(&world.console, &world.worker, terminal, LIMIT);
    unsigned taken = 0;
    while (taken < 1000 && put(&world, taken, 3333))
        taken++;
    CHECK(taken > 0 && taken < 1000);
    CHECK_INT(fcntl(terminal, F_GETFL) & O_NONBLOCK, 0); /* as those who share it expect */
    (void)close(master);
    (void)close(terminal);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_pipe_never_blocks_and_what_does_not_fit_is_refused),
        cmocka_unit_test(test_bytes_come_out_in_order_and_whole),
        cmocka_unit_test(test_the_timer_goes_on_once_the_reader_does),
        cmocka_unit_test(test_a_reader_that_is_gone_is_told_and_nothing_waits_for_it),
        cmocka_unit_test(test_finish_waits_no_longer_than_it_may),
        cmocka_unit_test(test_a_text_over_the_limit_is_taken_when_nothing_waits),
        cmocka_unit_test(test_without_memory_the_text_is_refused_and_what_waits_stays),
        cmocka_unit_test(test_a_terminal_that_nobody_reads_does_not_block_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
