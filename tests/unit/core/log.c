/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: their two formats, what is escaped, what is sampled. */
#include "core/log.h"

#include <errno.h>
#include <unistd.h>

#include "tests/check.h"

static int ends[2];
static uint64_t now_ns;
static char lines[65536];

static uint64_t fake_clock(void)
{
    return now_ns;
}

static struct sl_log_config config(void)
{
    return (struct sl_log_config){.level = SL_LOG_INFO, .fd = ends[1], .clock_ns = fake_clock};
}

static int set_up(void **state)
{
    (void)state;
    now_ns = 1795222923456000000u;
    return pipe(ends);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

/* What was written since the last call. */
static const char *written(void)
{
    assert_int_equal(write(ends[1], "", 1), 1); /* so that the read never waits */
    ssize_t got = read(ends[0], lines, sizeof lines - 1);
    assert_true(got > 0);
    lines[got - 1] = '\0';
    return lines;
}

static void test_a_console_line_has_time_level_component_and_message(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    sl_log_configure(&c);
    sl_log(SL_LOG_INFO, "otlp/in", "listening on %s", "127.0.0.1:4317");
    CHECK_TEXT(written(), "2026-11-21T01:02:03.456Z  INFO  otlp/in  listening on 127.0.0.1:4317\n");
    sl_log(SL_LOG_ERROR, NULL, "bad");
    CHECK_TEXT(written(), "2026-11-21T01:02:03.456Z  ERROR  bad\n");
}

static void test_a_json_line_is_json(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    c.encoding = SL_LOG_JSON;
    sl_log_configure(&c);
    sl_log(SL_LOG_WARN, "batch", "a \"b\" \\ c\n\x01\x7F\xC2\x85 caf\u00e9 \xFF.");
    CHECK_TEXT(written(),
               "{\"ts\":\"2026-11-21T01:02:03.456Z\",\"level\":\"warn\",\"component\":"
               "\"batch\",\"msg\":\"a \\\"b\\\" \\\\ c\\n\\u0001\\u007f\\u0085 caf\u00e9 "
               "\uFFFD.\"}\n");
    sl_log(SL_LOG_INFO, NULL, "x");
    CHECK_TEXT(written(),
               "{\"ts\":\"2026-11-21T01:02:03.456Z\",\"level\":\"info\",\"msg\":\"x\"}\n");
}

static void test_a_message_cannot_forge_a_second_line(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    sl_log_configure(&c);
    sl_log(SL_LOG_INFO, "a", "x\ny\x1B[31m \"quoted\"");
    CHECK_TEXT(written(), "2026-11-21T01:02:03.456Z  INFO  a  x\\ny\\u001b[31m \"quoted\"\n");
}

static void test_levels_below_the_least_are_left_out(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    c.level = SL_LOG_WARN;
    sl_log_configure(&c);
    CHECK(!sl_log_enabled(SL_LOG_INFO));
    CHECK(sl_log_enabled(SL_LOG_ERROR));
    sl_log(SL_LOG_INFO, NULL, "no");
    CHECK_TEXT(written(), "");
    c.level = SL_LOG_NONE;
    sl_log_configure(&c);
    sl_log(SL_LOG_ERROR, NULL, "no");
    CHECK_TEXT(written(), "");
}

static void test_a_long_message_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    sl_log_configure(&c);
    static char text[5001];
    for (size_t i = 0; i < 5000; i += 2)
        memcpy(text + i, "\u00e9", 2);
    sl_log(SL_LOG_INFO, NULL, "x%s", text);
    const char *line = written();
    size_t size = strlen(line);
    CHECK(size < 2100);
    CHECK_TEXT(line + size - 4, "...\n");
    CHECK_INT(sl_utf8_valid_prefix(sl_text(line)), size);
}

static void test_errno_stays_as_it_was(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    sl_log_configure(&c);
    errno = ENOENT;
    sl_log(SL_LOG_INFO, NULL, "errno stays");
    CHECK_INT(errno, ENOENT);
    CHECK_TEXT(written(), "2026-11-21T01:02:03.456Z  INFO  errno stays\n");
}

static unsigned count_lines(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void say(const char *component, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        sl_log(SL_LOG_WARN, component, "again %u", i);
}

static void test_repeated_lines_are_sampled(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    c.sampling = true;
    c.tick_ms = 1000;
    c.initial = 3;
    c.thereafter = 10;
    sl_log_configure(&c);
    say("a", 12);
    CHECK_INT(count_lines(written()), 3);
    say("a", 1); /* the 13th: 10 after the first 3 */
    CHECK_TEXT(written(), "2026-11-21T01:02:03.456Z  WARN  a  again 0 (9 like it left out)\n");
    say("b", 2); /* another component counts for itself */
    CHECK_INT(count_lines(written()), 2);
    say("a", 5);
    CHECK_TEXT(written(), "");
    now_ns += 1000000000;
    say("a", 1);
    CHECK_TEXT(written(), "2026-11-21T01:02:04.456Z  WARN  a  again 0 (5 like it left out)\n");
    c.thereafter = 0;
    c.encoding = SL_LOG_JSON;
    sl_log_configure(&c);
    say("a", 500);
    CHECK_INT(count_lines(written()), 3);
    now_ns += 1000000000;
    say("a", 1);
    CHECK(strstr(written(), "\"msg\":\"again 0\",\"left_out\":497}\n") != NULL);
}

static void test_the_sampling_table_stays_bounded(void **state)
{
    (void)state;
    struct sl_log_config c = config();
    c.sampling = true;
    c.tick_ms = 1000;
    c.initial = 1;
    sl_log_configure(&c);
    unsigned count = 0;
    for (int i = 0; i < 2000; i++) { /* far more messages than slots: all are still written */
        char component[16];
        (void)snprintf(component, sizeof component, "c%d", i);
        say(component, 1);
        count += count_lines(written());
    }
    CHECK_INT(count, 2000);
}

static int reset(void **state)
{
    (void)state;
    struct sl_log_config c = {.level = SL_LOG_INFO, .fd = 2};
    sl_log_configure(&c);
    return 0;
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_console_line_has_time_level_component_and_message),
        TEST(test_a_json_line_is_json),
        TEST(test_a_message_cannot_forge_a_second_line),
        TEST(test_levels_below_the_least_are_left_out),
        TEST(test_a_long_message_is_cut_at_a_whole_character),
        TEST(test_errno_stays_as_it_was),
        TEST(test_repeated_lines_are_sampled),
        TEST(test_the_sampling_table_stays_bounded),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, reset);
}
