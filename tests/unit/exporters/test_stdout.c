/* SPDX-License-Identifier: Apache-2.0 */
/* The stdout exporter on a manual worker, with standard output in a file or in a pipe
 * that nobody reads: layout, limits, and that each item is counted once. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/alloc.h"
#include "exporters/stdout/messages.h"
#include "tests/solo.h"

extern const struct sl_component_type stdout_exporter;

#define TRACE_A "00000000000000000000000000000001"
#define TRACE_B "00000000000000000000000000000002"
#define HEAD_A "trace " TRACE_A
#define SPANS(spans) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" spans "]}]}]}"
/* Times in ms; parent "" for none. */
#define SPAN(trace, id, parent, name, start, end, more)                                            \
    "{\"traceId\":\"" trace "\",\"spanId\":\"000000000000000" id "\",\"parentSpanId\":\"" parent   \
    "\",\"name\":\"" name "\",\"startTimeUnixNano\":\"" start                                      \
    "000000\",\"endTimeUnixNano\":\"" end "000000\"" more "}"
#define UNDER(id) "000000000000000" id
#define ATTRIBUTE(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define TOKENS(key, value) "{\"key\":\"gen_ai.usage." key "\",\"value\":{\"intValue\":" value "}}"

struct world {
    struct solo solo;
    int ends[2]; /* of a pipe that nobody reads */
    char text[1 << 22];
};

static struct world world;
static int real_stdout = -1;

static void redirect(int fd)
{
    (void)fflush(stdout);
    if (real_stdout < 0)
        real_stdout = dup(STDOUT_FILENO);
    CHECK(dup2(fd, STDOUT_FILENO) >= 0);
    (void)close(fd);
}

static int restore(void **state)
{
    (void)state;
    if (real_stdout >= 0) {
        (void)dup2(real_stdout, STDOUT_FILENO);
        (void)close(real_stdout);
    }
    real_stdout = -1;
    return 0;
}

static void begin(const char *yaml)
{
    memset(&world, 0, sizeof world);
    (void)unsetenv("NO_COLOR");
    (void)signal(SIGPIPE, SIG_IGN);
    redirect(memfd_create("stdout", MFD_CLOEXEC));
    solo_init(&world.solo, &stdout_exporter, yaml);
}

static void end(void)
{
    solo_done(&world.solo);
    (void)restore(NULL);
}

/* What was written since the last call. */
static const char *shown(void)
{
    ssize_t size = pread(STDOUT_FILENO, world.text, sizeof world.text - 1, 0);
    CHECK(size >= 0);
    world.text[size] = '\0';
    CHECK_INT(ftruncate(STDOUT_FILENO, 0), 0);
    CHECK_INT(lseek(STDOUT_FILENO, 0, SEEK_SET), 0);
    return world.text;
}

static void put(enum sl_signal signal, const char *json)
{
    struct answer answer;
    solo_send(&world.solo, solo_batch(signal, json), NULL, &answer);
    CHECK_INT(answer.count, 1);
    CHECK_INT(answer.result.outcome, SL_RESULT_OK);
}

static void wait_ms(uint64_t ms)
{
    sl_worker_advance(&world.solo.worker, ms);
}

static uint64_t sent(void)
{
    return solo_total(&world.solo, SL_EV_SENT);
}

static uint64_t not_taken(void)
{
    return sl_meters_dropped(world.solo.process.meters, "output_not_taken");
}

/* ---- trees ---- */

static void test_children_that_come_before_their_parents_hang_below_them(void **state)
{
    (void)state;
    begin("");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "4", UNDER("2"), "tool", "1200", "1201", "")));
    wait_ms(1900);
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "3", UNDER("1"), "second", "2000", "2500",
                              "") "," SPAN(TRACE_A, "2", UNDER("1"), "first", "1100", "1900", "")));
    wait_ms(1900);
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "agent", "1000", "4000", "")));
    CHECK_INT(sent(), 0); /* gathered only */
    wait_ms(1999);
    CHECK_TEXT(shown(), "");
    wait_ms(1);
    CHECK_TEXT(shown(), HEAD_A "  4 spans\n"
                               "o agent  3.00 s\n"
                               "├─ o first  800 ms\n"
                               "│  └─ o tool  1 ms\n"
                               "└─ o second  500 ms\n\n");
    CHECK_INT(sent(), 4);
    end();
}

static void test_models_tokens_messages_and_errors_are_shown(void **state)
{
    (void)state;
    begin("");
    put(SL_TRACES, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[" ATTRIBUTE("service.name", "bot") "]},\"scopeSpans\":[{\"spans\":[" SPAN(
                       TRACE_A, "1", "", "run", "1", "911",
                       ",\"status\":{\"code\":2,\"message\":\"too\\nlate\"},"
                       "\"attributes\":[" ATTRIBUTE("gen_ai.operation.name", "chat") "," ATTRIBUTE("gen_ai.request.model", "asked") "," ATTRIBUTE(
                           "gen_ai.response.model",
                           "gpt") "," TOKENS("input_tokens",
                                             "182") "," TOKENS("output_tokens",
                                                               "31") "," ATTRIBUTE("gen_ai.input."
                                                                                   "messages",
                                                                                   "[{\\\"role\\\":"
                                                                                   "\\\"user\\\","
                                                                                   "\\\"parts\\\":["
                                                                                   "{\\\"type\\\":"
                                                                                   "\\\"text\\\","
                                                                                   "\\\"content\\\""
                                                                                   ":\\\"hi\\\"}]}"
                                                                                   "]") "," ATTRIBUTE("output.value",
                                                                                                      "raw") "]") "]}]}]}");
    wait_ms(2000);
    CHECK_TEXT(shown(), HEAD_A "  bot  1 span  1 failed\n"
                               "x run  chat gpt  910 ms  182 in, 31 out tokens\n"
                               "     user: hi\n"
                               "     out: raw\n"
                               "     error: too late\n\n");
    end();
}

static void test_two_roots_and_two_traces_stand_beside_each_other(void **state)
{
    (void)state;
    begin("");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "2", "", "later", "2", "3",
                              "") "," SPAN(TRACE_B, "1", "", "other", "1", "2",
                                           "") "," SPAN(TRACE_A, "1", "", "sooner", "1", "2", "")));
    wait_ms(2000);
    CHECK_TEXT(shown(), HEAD_A "  2 spans\no sooner  1 ms\no later  1 ms\n\n"
                               "trace " TRACE_B "  1 span\no other  1 ms\n\n");
    CHECK_INT(sent(), 3);
    end();
}

static void test_a_trace_without_a_root_waits_three_times_as_long(void **state)
{
    (void)state;
    begin("quiet_time: 1s");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "2", UNDER("1"), "orphan", "1", "2", "")));
    wait_ms(2999);
    CHECK_TEXT(shown(), "");
    wait_ms(1);
    CHECK_TEXT(shown(), HEAD_A "  1 span  (its root has not come)\no orphan  1 ms\n\n");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "root", "1", "2", "")));
    wait_ms(1000);
    CHECK_TEXT(shown(), HEAD_A "  1 span  (late: the trace was shown before)\no root  1 ms\n\n");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "3", UNDER("1"), "late", "1", "2", "")));
    wait_ms(1000); /* late ones wait for no root */
    CHECK(strstr(shown(), "late: the trace was shown before") != NULL);
    end();
}

static void test_a_trace_that_never_rests_is_shown_at_last(void **state)
{
    (void)state;
    begin("quiet_time: 1s\nlongest_time: 3s");
    for (unsigned i = 0; i < 6; i++) {
        put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "a", "1", "2", "")));
        wait_ms(500);
        CHECK_INT(strlen(shown()) > 0, i == 5);
    }
    CHECK_INT(sent(), 6);
    end();
}

static void test_cycles_and_doubles_are_shown_once_each(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } cases[] = {
        {SPANS(SPAN(TRACE_A, "1", UNDER("1"), "own", "1", "2", "")),
         "  1 span  (its root has not come)\no own  1 ms\n\n"},
        {SPANS(SPAN(TRACE_A, "1", UNDER("2"), "a", "1", "2",
                    "") "," SPAN(TRACE_A, "2", UNDER("1"), "b", "2", "3",
                                 "") "," SPAN(TRACE_A, "3", UNDER("2"), "c", "3", "4", "")),
         "  3 spans  (its root has not come)\no a  1 ms\no b  1 ms\no c  1 ms\n\n"},
        {SPANS(SPAN(TRACE_A, "1", UNDER("2"), "a", "2", "3", "") "," SPAN(
             TRACE_A, "2", UNDER("1"), "b", "3", "4",
             "") "," SPAN(TRACE_A, "3", "", "root", "1", "9", "") "," SPAN(TRACE_A, "4", UNDER("3"),
                                                                           "child", "1", "9", "")),
         "  4 spans\no root  8 ms\n└─ o child  8 ms\no a  1 ms\no b  1 ms\n\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("");
        put(SL_TRACES, cases[i].json);
        wait_ms(6000);
        CHECK_TEXT(shown() + strlen(HEAD_A), cases[i].want);
        end();
    }
    begin("");
    put(SL_TRACES,
        SPANS(SPAN(TRACE_A, "1", "", "twice", "1", "2", "") "," SPAN(
            TRACE_A, "1", "", "twice", "1", "2",
            "") "," SPAN(TRACE_A, "2", UNDER("1"), "child", "1", "2",
                         "") "," SPAN(TRACE_A, "3", UNDER("3"), "own", "5", "6",
                                      "") "," SPAN(TRACE_A, "3", UNDER("3"), "own", "5", "6", "")));
    wait_ms(2000);
    unsigned lines = 0;
    for (const char *at = shown(); *at != '\0'; at++)
        lines += *at == '\n';
    CHECK_INT(lines, 1 + 5 + 1);
    end();
}

static void test_a_chain_of_ten_thousand_is_shown_whole(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    struct sl_out json = {0};
    begin("");
    sl_out_text(&json, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[");
    for (unsigned i = 1; i <= DEEP; i++)
        sl_out_printf(&json,
                      "%s{\"traceId\":\"" TRACE_A "\",\"spanId\":\"%016x\",\"parentSpanId\":"
                      "\"%016x\",\"name\":\"n%u\"}",
                      i > 1 ? "," : "", i, i - 1, i);
    sl_out_text(&json, "]}]}]}");
    put(SL_TRACES, sl_out_cstr(&json));
    wait_ms(2000);
    const char *at = strstr(shown(), "10000 spans\no n1  0 us\n└─ o n2  0 us\n   └─ o n3  0 us\n");
    CHECK(at != NULL);
    CHECK(strstr(at, "o n10000  0 us\n\n") != NULL); /* zero times are no surprise */
    CHECK_INT(sent(), DEEP);
    sl_out_done(&json);
    end();
}

/* ---- limits ---- */

static void test_the_oldest_trace_makes_room(void **state)
{
    (void)state;
    begin("max_traces: 2");
    char json[512];
    for (unsigned i = 1; i <= 5; i++) {
        (void)snprintf(
            json, sizeof json,
            SPANS("{\"traceId\":\"%032x\",\"spanId\":\"0000000000000001\",\"name\":\"n\"}"), i);
        put(SL_TRACES, json);
        CHECK_INT(sent(), i > 2 ? i - 2 : 0);
    }
    CHECK(strstr(shown(), TRACE_A) != NULL);
    stdout_exporter.drain(world.solo.self, 0);
    CHECK((world.solo.self->state & SL_DRAINED) != 0);
    CHECK_INT(sent(), 5);
    end();
}

static void test_traces_held_stay_below_the_bytes_allowed(void **state)
{
    (void)state;
    begin("max_bytes: 4096");
    for (unsigned i = 0; i < 50; i++)
        put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "a", "1", "2", "")));
    CHECK(sent() > 40 && sent() < 50);
    wait_ms(2000);
    CHECK_INT(sent(), 50);
    end();
}

/* A pipe with room for 4096 bytes and no reader. */
static void block_output(void)
{
    CHECK_INT(pipe2(world.ends, O_CLOEXEC), 0);
    CHECK(fcntl(world.ends[1], F_SETPIPE_SZ, 4096) >= 0);
    redirect(world.ends[1]);
}

static void test_spans_whose_text_is_not_taken_are_counted_as_dropped(void **state)
{
    (void)state;
    enum { BATCHES = 500 };
    begin("max_waiting: 4096");
    block_output();
    char json[1024];
    for (unsigned i = 1; i <= BATCHES; i++) {
        (void)snprintf(
            json, sizeof json,
            SPANS("{\"traceId\":\"%032x\",\"spanId\":\"0000000000000001\",\"name\":\"n\"},"
                  "{\"traceId\":\"%032x\",\"spanId\":\"0000000000000002\",\"name\":\"m\"}"),
            i, i);
        put(SL_TRACES, json);
    }
    CHECK_INT(sent() + not_taken(), 0);
    wait_ms(2000);
    CHECK_INT(sent() + not_taken(), 2 * BATCHES);
    CHECK(sent() > 20 && not_taken() > BATCHES);
    put(SL_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},{},{}]}]}]}");
    uint64_t before = not_taken();
    for (unsigned i = 0; i < 100; i++)
        put(SL_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{},{},{}]}]}]}");
    CHECK(not_taken() > before);
    CHECK_INT(sent() + not_taken(), 2 * BATCHES + 303);
    (void)close(world.ends[0]); /* gone: everything is dropped, and counted */
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "a", "1", "2", "")));
    stdout_exporter.drain(world.solo.self, 0);
    CHECK_INT(sent() + not_taken(), 2 * BATCHES + 304);
    end();
}

static void test_without_memory_nothing_is_lost_silently(void **state)
{
    (void)state;
    bool ended = false;
    unsigned refused = 0;
    for (long n = 0; !ended && n < 500; n++) {
        begin(n % 2 ? "" : "max_traces: 1");
        struct sl_batch *batch =
            solo_batch(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "a", "1", "2", "") "," SPAN(
                                      TRACE_B, "2", "", "b", "1", "2",
                                      "") "," SPAN(TRACE_A, "3", UNDER("1"), "c", "1", "2", "")));
        struct answer answer;
        (void)sl_alloc_fail_after(n);
        solo_send(&world.solo, batch, NULL, &answer);
        wait_ms(2000);
        ended = sl_alloc_fail_after(-1) <= n;
        if (answer.count > 0 && answer.result.outcome == SL_RESULT_OK) {
            stdout_exporter.drain(world.solo.self, 0);
            CHECK_INT(sent() + not_taken(), 3);
        } else if (answer.count > 0) {
            CHECK_INT(sent() + not_taken(), 0);
            CHECK_INT(solo_total(&world.solo, SL_EV_ENQUEUE_FAILED), 3);
            refused++;
        }
        CHECK(!ended || sent() == 3);
        end();
    }
    CHECK(ended && refused > 0);
}

/* ---- one line of text ---- */

static void test_nothing_that_a_terminal_obeys_gets_through(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {" \t a \n\r\n b ", "a b"},
        {"\x1b[31mred\x1b]0;t\x07", "[31mred ]0;t"},
        {"a\xC2\x9B"
         "31mb\xC2\x85",
         "a 31mb"}, /* C1: CSI and NEL */
        {"\x7F"
         "a\x08"
         "b\x01",
         "a b"},
        {"caf\xC3\xA9 \xC2\xA0x", "caf\xC3\xA9 \xC2\xA0x"},
        {"a\xE2\x80\xAE"
         "b\xE2\x81\xA6"
         "c",
         "a b c"}, /* U+202E, U+2066: turn the text */
        {"0123456789ab", "0123456789ab"},
        {"0123456789abc", "0123456789ab\xE2\x80\xA6"},
        {"0123456789a\xC3\xA9z", "0123456789a\xE2\x80\xA6"}, /* not through a character */
        {"01234567\xF0\x9F\x98\x80z", "01234567\xF0\x9F\x98\x80\xE2\x80\xA6"},
        {"012345678\xF0\x9F\x98\x80z", "012345678\xE2\x80\xA6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        digest_line(sl_text(cases[i].text), out, sizeof out);
        CHECK_TEXT(out, cases[i].want);
        CHECK_INT(sl_utf8_valid_prefix(sl_text(out)), strlen(out));
    }
}

static void test_a_failed_span_shows_the_message_of_its_exception(void **state)
{
    (void)state;
    begin("");
    put(SL_TRACES,
        SPANS(SPAN(TRACE_A, "1", "", "run", "1", "911",
                   ",\"status\":{\"code\":2},\"events\":[{\"name\":\"exception\","
                   "\"attributes\":[" ATTRIBUTE("exception.message", "no quota") "]}]")));
    wait_ms(2000);
    CHECK(strstr(shown(), "     error: no quota\n") != NULL);
    end();
}

static void test_spans_that_began_together_stay_in_their_order(void **state)
{
    (void)state;
    begin("");
    put(SL_TRACES, SPANS(SPAN(TRACE_A, "9", "", "root", "1", "2", "") "," SPAN(
                       TRACE_A, "8", UNDER("9"), "first", "1", "2",
                       "") "," SPAN(TRACE_A, "7", UNDER("9"), "second", "1", "2", "")));
    wait_ms(2000);
    const char *text = shown();
    const char *first = strstr(text, "first"), *second = strstr(text, "second");
    CHECK(first != NULL && second != NULL && first < second);
    end();
}

static void test_messages_are_previewed_or_left_to_the_raw_text(void **state)
{
    (void)state;
    static const struct {
        const char *json, *role, *text; /* text NULL: not such a list */
    } cases[] = {
        {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\\n\\u001b[2Jb\"}]}]",
         "user", "a [2Jb"},
        {"[{\"role\":\"system\",\"parts\":[{\"content\":\"s\"}]},"
         "{\"role\":\"user\",\"parts\":[{\"content\":\"u\"}]}]",
         "user", "u"},
        {"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":"
         "{\"a\":[1]}}]}]",
         "assistant", "-> f({\"a\":[1]})"},
        {"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":"
         "\"{\\\"a\\\":1}\"}]}]",
         "assistant", "-> f({\"a\":1})"},
        {"[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"response\":\"22 "
         "C\"}]}]",
         "tool", "22 C"},
        {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"see\"},"
         "{\"type\":\"blob\",\"modality\":\"image\",\"content\":\"aGVsbG8=\"}]}]",
         "user", "see"},
        {"[{\"role\":\"user\",\"parts\":[{\"type\":\"blob\",\"content\":\"aGVsbG8=\"}]}]", "user",
         "(media)"},
        {"[{\"role\":\"user\",\"parts\":[{\"content\":\"u\"}]},{\"role\":\"assistant\",\"parts\":[]"
         "}]",
         "user", "u"},
        {" [ ] ", "", NULL},
        {"[{\"role\":\"user\",\"content\":\"other shape\"}]", "", NULL},
        {"[{\"role\":\"user\",\"parts\":[{\"content\":\"cut", "", NULL},
        {"[{\"role\":\"user\",\"parts\":[{\"content\":\"a\"}]}] x", "", NULL},
        {"[{\"role\":\"user\",\"parts\":[{\"content\":\"a\"}]}", "", NULL},
        {"{\"role\":\"user\"}", "", NULL},
        {"plain", "", NULL},
        {"", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_out scratch = {0};
        char role[16] = "", text[DIGEST_TEXT] = "";
        bool is = messages_preview(sl_text(cases[i].json), &scratch, role, text);
        if (is != (cases[i].text != NULL))
            fail_msg("%s: %s", cases[i].json, is ? "taken" : "not taken");
        if (is) {
            CHECK_TEXT(role, cases[i].role);
            CHECK_TEXT(text, cases[i].text);
        }
        sl_out_done(&scratch);
    }
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t blanks = 370; blanks < 390; blanks++) {
        char json[1024], role[16], text[DIGEST_TEXT];
        struct sl_out scratch = {0};
        (void)snprintf(
            json, sizeof json,
            "[{\"role\":\"user\",\"parts\":[{\"content\":\"%*sab\xF0\x9F\x98\x80\xF0\x9F\x98"
            "\x80 and more of it\"}]}]",
            (int)blanks, "");
        CHECK(messages_preview(sl_text(json), &scratch, role, text));
        CHECK_INT(sl_utf8_valid_prefix(sl_text(text)), strlen(text));
        sl_out_done(&scratch);
    }
}

/* ---- lines and JSON ---- */

static void test_logs_and_metrics_are_a_line_each(void **state)
{
    (void)state;
    begin("");
    put(SL_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
                 "{\"timeUnixNano\":\"1700000000000000000\",\"severityText\":\"WARN\",\"body\":"
                 "{\"stringValue\":\"a\\n\\u001bb\"}},"
                 "{\"eventName\":\"e\",\"body\":{\"kvlistValue\":{\"values\":[" ATTRIBUTE(
                     "k", "v") "]}}},{}]}]}]}");
    CHECK_TEXT(shown(), "log    22:13:20 WARN  a b\n"
                        "log                   e {\"k\":\"v\"}\n"
                        "log                   \n");
    CHECK_INT(sent(), 3);
    put(SL_METRICS, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":["
                    "{\"name\":\"m\",\"unit\":\"s\",\"sum\":{\"dataPoints\":[{},{}]}},"
                    "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{}]}},{\"name\":\"none\"}]}]}]}");
    CHECK_TEXT(
        shown(),
        "metric m  sum  2 points  s\nmetric g  gauge  1 point\nmetric none  empty  0 points\n");
    CHECK_INT(sent(), 6);
    end();
}

static void test_json_is_a_document_a_line_at_once(void **state)
{
    (void)state;
    begin("format: json");
    put(SL_TRACES, SPANS("{\"name\":\"a\\n\"}"));
    put(SL_TRACES, SPANS("{\"name\":\"b\"}"));
    CHECK_TEXT(shown(), SPANS("{\"name\":\"a\\n\"}") "\n" SPANS("{\"name\":\"b\"}") "\n");
    CHECK_INT(sent(), 2);
    end();
}

static void test_colour_is_for_terminals_or_on_demand(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *no_color;
        bool colored;
    } cases[] = {{"", NULL, false},
                 {"color: always", NULL, true},
                 {"color: always", "1", true}, /* said in so many words */
                 {"color: never", NULL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].no_color != NULL)
            (void)setenv("NO_COLOR", cases[i].no_color, 1);
        begin(cases[i].settings);
        put(SL_TRACES, SPANS(SPAN(TRACE_A, "1", "", "\\u001b[5mx", "1", "2", "")));
        wait_ms(2000);
        CHECK_INT(strchr(shown(), '\x1b') != NULL, cases[i].colored);
        CHECK(strstr(world.text, "\x1b[5m") == NULL);
        end();
        (void)unsetenv("NO_COLOR");
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_children_that_come_before_their_parents_hang_below_them),
        TEST(test_models_tokens_messages_and_errors_are_shown),
        TEST(test_two_roots_and_two_traces_stand_beside_each_other),
        TEST(test_a_trace_without_a_root_waits_three_times_as_long),
        TEST(test_a_trace_that_never_rests_is_shown_at_last),
        TEST(test_cycles_and_doubles_are_shown_once_each),
        TEST(test_a_chain_of_ten_thousand_is_shown_whole),
        TEST(test_the_oldest_trace_makes_room),
        TEST(test_traces_held_stay_below_the_bytes_allowed),
        TEST(test_spans_whose_text_is_not_taken_are_counted_as_dropped),
        TEST(test_without_memory_nothing_is_lost_silently),
        TEST(test_nothing_that_a_terminal_obeys_gets_through),
        TEST(test_a_failed_span_shows_the_message_of_its_exception),
        TEST(test_spans_that_began_together_stay_in_their_order),
        TEST(test_messages_are_previewed_or_left_to_the_raw_text),
        TEST(test_a_long_message_is_cut_between_characters),
        TEST(test_logs_and_metrics_are_a_line_each),
        TEST(test_json_is_a_document_a_line_at_once),
        TEST(test_colour_is_for_terminals_or_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
