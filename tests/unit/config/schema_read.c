/* SPDX-License-Identifier: Apache-2.0 */
/* What a field table makes of a file: values, defaults, and every complaint. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/unit/config/sample.h"

static struct {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sample sample;
    int rc;
    char *printed; /* all complaints */
} got;

static const char *fake_getenv(const char *name)
{
    static const char *const values[][2] = {
        {"NUMBER", "8080"}, {"ZEROS", "0123"}, {"FLAG", "true"}, {"LIST", "[a, b]"},
        {"EMPTY", ""},      {"WORD", "hello"}, {"TIME", "3s"},   {"NULL", "null"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

static void finish(void)
{
    free(got.printed);
    sl_diag_done(&got.diag);
    sl_arena_done(&got.arena);
    memset(&got, 0, sizeof got);
}

static void read_text(const char *yaml)
{
    finish();
    sl_diag_init(&got.diag);
    struct sl_source source = {.name = "c.yaml", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1, .getenv = fake_getenv};
    struct sl_node *root = sl_config_read(&input, &got.arena, &got.diag);
    got.rc = SL_EINVALID;
    if (root != NULL)
        got.rc = sl_schema_read(sample_fields, root, "p", &got.sample, &got.arena, &got.diag);
    size_t size;
    FILE *out = open_memstream(&got.printed, &size);
    assert_non_null(out);
    sl_diag_print(&got.diag, out);
    (void)fclose(out);
}

static int tear_down(void **state)
{
    (void)state;
    finish();
    return 0;
}

static void test_defaults_are_read_from_the_table(void **state)
{
    (void)state;
    read_text("");
    CHECK_INT(got.rc, SL_OK);
    CHECK_TEXT(got.printed, "");
    const struct sample *s = &got.sample;
    CHECK(s->enabled);
    CHECK_INT(s->count, 10);
    CHECK(s->ratio > 0.2499 && s->ratio < 0.2501);
    CHECK_INT(s->limit, 20 << 20);
    CHECK_INT(s->timeout, 200);
    CHECK(s->title == NULL);
    CHECK(s->token == NULL);
    CHECK_INT(s->mode, SAMPLE_SEARCH);
    CHECK_INT(s->names.count, 2);
    CHECK_TEXT(((const char **)s->names.items)[0], "one");
    CHECK_TEXT(((const char **)s->names.items)[1], "2");
    CHECK_INT(s->headers.count, 0);
    CHECK_INT(s->grpc.presence, SL_ABSENT);
    CHECK_TEXT(s->grpc.endpoint, "localhost:4317");
    CHECK_INT(s->admin.max_size, 4 << 20);
    CHECK(s->raw == NULL);
}

static void test_every_type_is_read(void **state)
{
    (void)state;
    read_text("enabled: FALSE\n"
              "count: 0x10\n"
              "ratio: -1\n"
              "limit: 2KB\n"
              "timeout: 1m30s\n"
              "grace: 5\n"
              "title: 12.50\n"
              "token: \"s3cret\"\n"
              "mode: 'off'\n"
              "store: file_storage/queue\n"
              "names: [x, 1, \"true\"]\n"
              "rules:\n"
              "  - name: first\n"
              "    weight: 1\n"
              "    words: [a, b, c]\n"
              "  - {name: second}\n"
              "headers: {a: b, c: null, 'd:': 7}\n"
              "servers: {east: {endpoint: e:1}, west: }\n"
              "tags: {t: 99}\n"
              "grpc:\n"
              "http: {max_size: 1MiB}\n"
              "raw: {any: [thing]}\n");
    CHECK_TEXT(got.printed, "");
    CHECK_INT(got.rc, SL_OK);
    const struct sample *s = &got.sample;
    CHECK(!s->enabled);
    CHECK_INT(s->count, 16);
    CHECK(s->ratio < -0.9999 && s->ratio > -1.0001);
    CHECK_INT(s->limit, 2000);
    CHECK_INT(s->timeout, 90000);
    CHECK_INT(s->grace, 5000);
    CHECK_TEXT(s->title, "12.50");
    CHECK_TEXT(s->token, "s3cret");
    CHECK_INT(s->mode, SAMPLE_OFF);
    CHECK_TEXT(s->store, "file_storage/queue");
    CHECK_INT(s->names.count, 3);
    CHECK_TEXT(((const char **)s->names.items)[2], "true");
    const struct sample_rule *rules = s->rules.items;
    CHECK_INT(s->rules.count, 2);
    CHECK_TEXT(rules[0].name, "first");
    CHECK_INT(rules[0].words.count, 3);
    CHECK_TEXT(((const char **)rules[0].words.items)[1], "b");
    CHECK_TEXT(rules[1].name, "second");
    CHECK(rules[1].weight > 0.4999 && rules[1].weight < 0.5001);
    CHECK_INT(rules[1].presence, SL_GIVEN);
    CHECK_INT(s->headers.count, 3);
    CHECK_TEXT(*(const char *const *)s->headers.entries[0].value, "b");
    CHECK_TEXT(*(const char *const *)s->headers.entries[1].value, "");
    CHECK_TEXT(s->headers.entries[2].key, "d:");
    CHECK_TEXT(*(const char *const *)s->headers.entries[2].value, "7");
    const struct sample_server *east = s->servers.entries[0].value;
    const struct sample_server *west = s->servers.entries[1].value;
    CHECK_TEXT(east->endpoint, "e:1");
    CHECK_INT(east->max_size, 4 << 20);
    CHECK_INT(west->presence, SL_NULL);
    CHECK_TEXT(west->endpoint, "localhost:4317");
    CHECK_INT(*(const int64_t *)s->tags.entries[0].value, 99);
    CHECK_INT(s->grpc.presence, SL_NULL);
    CHECK_INT(s->http.presence, SL_GIVEN);
    CHECK_INT(s->http.max_size, 1 << 20);
    CHECK_INT(s->admin.presence, SL_ABSENT);
    CHECK_TEXT(sl_node_find(s->raw, "any")->child->text, "thing");
}

/* The text of every complaint, line by line. */
static const struct {
    const char *yaml, *printed;
} complaints[] = {
    {"timout: 1s", "c.yaml:1:1: p.timout: unknown key; did you mean 'timeout'?\n"},
    {"Timeout: 1s", "c.yaml:1:1: p.Timeout: unknown key; did you mean 'timeout'?\n"},
    {"xyz: 1s", "c.yaml:1:1: p.xyz: unknown key\n"},
    {"max_size: 1", "c.yaml:1:1: p.max_size: unknown key; did you mean 'max_size' under 'grpc'?\n"},
    {"\"\u00a0count\": 1", "c.yaml:1:1: p.\u00a0count: unknown key; it has a no-break space in it, "
                           "where a plain one is needed\n"},
    {"count: 010",
     "c.yaml:1:8: p.count: expected an integer without a leading zero, found '010'\n"},
    {"enabled: \"true\"", "c.yaml:1:10: p.enabled: expected true or false, found 'true' (text, as "
                          "it is quoted)\n"},
    {"grpc: {enpoint: x}", "c.yaml:1:8: p.grpc.enpoint: unknown key; did you mean 'endpoint'?\n"},
    {"zzz: 1\ngrpc:\n  zzz: 1\nservers:\n  a:\n    zzz: 1\nrules:\n- name: x\n  zzz: 1\n",
     "c.yaml:1:1: p.zzz: unknown key\n"
     "c.yaml:3:3: p.grpc.zzz: unknown key\n"
     "c.yaml:6:5: p.servers.a.zzz: unknown key\n"
     "c.yaml:9:3: p.rules[0].zzz: unknown key\n"},
    {"enabled: yes", "c.yaml:1:10: p.enabled: expected true or false, found 'yes'\n"},
    {"enabled: 1", "c.yaml:1:10: p.enabled: expected true or false, found '1'\n"},
    {"enabled: tRue", "c.yaml:1:10: p.enabled: expected true or false, found 'tRue'\n"},
    {"enabled: [true]", "c.yaml:1:10: p.enabled: expected true or false, found a list\n"},
    {"count: \"1\"",
     "c.yaml:1:8: p.count: expected an integer, found '1' (text, as it is quoted)\n"},
    {"count: 1.5", "c.yaml:1:8: p.count: expected an integer, found '1.5'\n"},
    {"count: 99999999999999999999",
     "c.yaml:1:8: p.count: expected an integer, found '99999999999999999999'\n"},
    {"count: ten", "c.yaml:1:8: p.count: expected an integer, found 'ten'\n"},
    {"count: true", "c.yaml:1:8: p.count: expected an integer, found 'true'\n"},
    {"count: {a: 1}", "c.yaml:1:8: p.count: expected an integer, found a map\n"},
    {"count: 0", "c.yaml:1:8: p.count: 0 is below the least, 1\n"},
    {"count: 1_001", "c.yaml:1:8: p.count: 1_001 is above the most, 1000\n"},
    {"ratio: abc", "c.yaml:1:8: p.ratio: expected a number, found 'abc'\n"},
    {"ratio: .nan", "c.yaml:1:8: p.ratio: expected a number, found '.nan'\n"},
    {"ratio: '0.5'",
     "c.yaml:1:8: p.ratio: expected a number, found '0.5' (text, as it is quoted)\n"},
    {"ratio: 1.01", "c.yaml:1:8: p.ratio: 1.01 is above the most, 1\n"},
    {"ratio: -2e0", "c.yaml:1:8: p.ratio: -2e0 is below the least, -1\n"},
    {"limit: 20mib",
     "c.yaml:1:8: p.limit: expected a size such as 1048576, 20MiB or 512KB, found '20mib'\n"},
    {"limit: -5",
     "c.yaml:1:8: p.limit: expected a size such as 1048576, 20MiB or 512KB, found '-5'\n"},
    {"limit: 9999999999GiB", "c.yaml:1:8: p.limit: expected a size such as 1048576, 20MiB or "
                             "512KB, found '9999999999GiB'\n"},
    {"limit: 1KB", "c.yaml:1:8: p.limit: 1KB is below the least, 1KiB\n"},
    {"limit: 2GiB", "c.yaml:1:8: p.limit: 2GiB is above the most, 1GiB\n"},
    {"timeout: abc",
     "c.yaml:1:10: p.timeout: expected a duration such as 200ms or 1h30m, found 'abc'\n"},
    {"timeout: \"5\"", "c.yaml:1:10: p.timeout: expected a duration such as 200ms or 1h30m, "
                       "found '5' (text, as it is quoted)\n"},
    {"timeout: 5 s",
     "c.yaml:1:10: p.timeout: expected a duration such as 200ms or 1h30m, found '5 s'\n"},
    {"timeout: 1d",
     "c.yaml:1:10: p.timeout: expected a duration such as 200ms or 1h30m, found '1d'\n"},
    {"timeout: 99999999999999999h", "c.yaml:1:10: p.timeout: expected a duration such as 200ms or "
                                    "1h30m, found '99999999999999999h'\n"},
    {"timeout: 2h", "c.yaml:1:10: p.timeout: 2h is above the most, 1h\n"},
    {"timeout: 5ms", "c.yaml:1:10: p.timeout: 5ms is below the least, 10ms\n"},
    {"timeout: -1s", "c.yaml:1:10: p.timeout: -1s is below the least, 10ms\n"},
    {"title: [a]", "c.yaml:1:8: p.title: expected text, found a list\n"},
    {"title:\n  a: b", "c.yaml:2:3: p.title: expected text, found a map\n"},
    {"title: true", "c.yaml:1:8: p.title: expected text (in quotes), found 'true'\n"},
    {"token: [a]", "c.yaml:1:8: p.token: expected text, found a list\n"},
    {"mode: serch", "c.yaml:1:7: p.mode: expected 'search', 'replace' or 'off', found 'serch'; "
                    "did you mean 'search'?\n"},
    {"mode: 5", "c.yaml:1:7: p.mode: expected 'search', 'replace' or 'off', found '5'\n"},
    {"mode: [off]",
     "c.yaml:1:7: p.mode: expected one of the names of this setting, found a list\n"},
    {"names: one", "c.yaml:1:8: p.names: expected a list, found 'one'\n"},
    {"names: {a: b}", "c.yaml:1:8: p.names: expected a list, found a map\n"},
    {"names: [a, [b], c]", "c.yaml:1:12: p.names[1]: expected text, found a list\n"},
    {"names: [a, b, c, d]", "c.yaml:1:8: p.names: 4 elements are above the most, 3\n"},
    {"headers: [a]", "c.yaml:1:10: p.headers: expected a map (key: value), found a list\n"},
    {"headers: {a: {b: c}}", "c.yaml:1:14: p.headers.a: expected text, found a map\n"},
    {"tags: {}", "c.yaml:1:7: p.tags: 0 entries are below the least, 1\n"},
    {"tags: {a: 100, b: x}", "c.yaml:1:11: p.tags.a: 100 is above the most, 99\n"
                             "c.yaml:1:19: p.tags.b: expected an integer, found 'x'\n"},
    {"rules:\n- weight: 2\n- {name: ~}\n",
     "c.yaml:2:3: p.rules[0].name: required, but not given\n"
     "c.yaml:2:11: p.rules[0].weight: 2 is above the most, 1\n"
     "c.yaml:3:10: p.rules[1].name: required, but not given\n"},
    {"grpc: on", "c.yaml:1:7: p.grpc: expected settings (key: value), found 'on'\n"},
    {"grpc: []", "c.yaml:1:7: p.grpc: expected settings (key: value), found a list\n"},
    {"servers: {a: 1}", "c.yaml:1:14: p.servers.a: expected settings (key: value), found '1'\n"},
    {"legacy: 1", "c.yaml:1:1: warning: p.legacy: accepted, but without effect here\n"},
    {"grpc: {keepalive: {}}",
     "c.yaml:1:8: warning: p.grpc.keepalive: accepted, but without effect here\n"},
    {"count: ${env:WORD}", "c.yaml:1:8: p.count: expected an integer, found 'hello'\n"},
    {"count: 1${env:NUMBER}",
     "c.yaml:1:8: p.count: expected an integer, found '18080' (text, as it is quoted)\n"},
    {"title: ${env:NONE}",
     "c.yaml:1:8: warning: title: ${env:NONE}: the environment variable is not set\n"},
    {"title: \"this is a rather long text that nobody wants to see in full in a message\"\n"
     "count: \"this is a rather long text that nobody wants to see in full in a message\"\n",
     "c.yaml:2:8: p.count: expected an integer, found 'this is a rather long text that nobody "
     "wants to see in full ...'\n"},
    {"count: \"\\e[31m\"", "c.yaml:1:8: p.count: expected an integer, found '?[31m'\n"},
};

static void test_every_complaint_has_place_path_and_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
        read_text(complaints[i].yaml);
        CHECK_TEXT(got.printed, complaints[i].printed);
        CHECK_INT(got.rc, got.diag.errors > 0 ? SL_EINVALID : SL_OK);
    }
}

static void test_a_value_that_does_not_fit_leaves_the_default(void **state)
{
    (void)state;
    read_text("count: x\ntimeout: 9h\nnames: 1\nmode: z\n");
    CHECK_INT(got.diag.errors, 4);
    CHECK_INT(got.sample.count, 10);
    CHECK_INT(got.sample.timeout, 200);
    CHECK_INT(got.sample.names.count, 2);
    CHECK_INT(got.sample.mode, SAMPLE_SEARCH);
}

static void test_null_means_the_default(void **state)
{
    (void)state;
    read_text("count: null\ntimeout: ~\nnames:\nmode: Null\nheaders: NULL\ntitle:\n");
    CHECK_TEXT(got.printed, "");
    CHECK_INT(got.sample.count, 10);
    CHECK_INT(got.sample.timeout, 200);
    CHECK_INT(got.sample.names.count, 2);
    CHECK(got.sample.title == NULL);
}

static void test_references_take_the_type_they_refer_to(void **state)
{
    (void)state;
    read_text("count: \"${env:MISSING:-7}\"\nenabled: ${FLAG}\nnames: ${env:LIST}\n"
              "timeout: ${TIME}\ntitle: ${env:ZEROS}\ntoken: ${env:FLAG}\n"
              "rules: [{name: \"${env:LIST}\"}, {name: \"${env:NULL}\"}]\nheaders: {a: "
              "\"${env:EMPTY}\"}\n");
    CHECK_TEXT(got.printed, "");
    CHECK_INT(got.sample.count, 7);
    CHECK_INT(got.sample.names.count, 2);
    CHECK_INT(got.sample.timeout, 3000);
    CHECK_TEXT(got.sample.title, "0123");
    CHECK_TEXT(got.sample.token, "true");
    const struct sample_rule *rules = got.sample.rules.items;
    CHECK_TEXT(rules[0].name, "[a, b]");
    CHECK_TEXT(rules[1].name, "null");
    CHECK_TEXT(*(const char *const *)got.sample.headers.entries[0].value, "");
}

static void test_durations_are_read_as_go_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } table[] = {{"10ms", 10},
                 {"1h", 3600000},
                 {"1m0.5s", 60500},
                 {".5s", 500},
                 {"1.s", 1000},
                 {"15000us", 15},
                 {"15000\u00b5s", 15},
                 {"20000000ns", 20},
                 {"10ms1ns", 11},
                 {"+1s", 1000},
                 {"10000001", 11},
                 {"1_000_000_000", 1000},
                 {"59m59s1000ms", 3600000}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char yaml[64];
        (void)snprintf(yaml, sizeof yaml, "timeout: %s\n", table[i].text);
        read_text(yaml);
        CHECK_TEXT(got.printed, "");
        CHECK_INT(got.sample.timeout, table[i].ms);
    }
}

static void test_a_small_plain_number_for_a_duration_is_warned_of(void **state)
{
    (void)state;
    struct one {
        int64_t wait;
    } one = {0};
    static const struct sl_field fields[] = {SL_FIELD(DURATION, one, wait, .doc = ""), SL_END};
    struct sl_node wait = {.kind = SL_NODE_SCALAR, .key = "wait", .text = "20"};
    struct sl_node map = {.kind = SL_NODE_MAP, .child = &wait};
    finish();
    sl_diag_init(&got.diag);
    CHECK_INT(sl_schema_read(fields, &map, "p", &one, &got.arena, &got.diag), SL_OK);
    CHECK_INT(one.wait, 1); /* 20 ns, rounded up */
    CHECK_INT(got.diag.warnings, 1);
    CHECK_TEXT(got.diag.first->text, "20 without a unit counts nanoseconds; did you mean 20s?");
    wait.text = "20000000";
    CHECK_INT(sl_schema_read(fields, &map, "p", &one, &got.arena, &got.diag), SL_OK);
    CHECK_INT(one.wait, 20);
    CHECK_INT(got.diag.warnings, 1);
    read_text("grace: 20\n"); /* this one counts in seconds */
    CHECK_TEXT(got.printed, "");
    CHECK_INT(got.sample.grace, 20000);
}

static void test_sizes_are_read_with_their_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } table[] = {{"1048576", 1048576}, {"\"2048\"", 2048}, {"2048B", 2048}, {"20MiB", 20 << 20},
                 {"2KiB", 2048},       {"1GiB", 1 << 30},  {"2KB", 2000},   {"3MB", 3000000},
                 {"1GB", 1000000000},  {"0x800", 2048}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char yaml[64];
        (void)snprintf(yaml, sizeof yaml, "limit: %s\n", table[i].text);
        read_text(yaml);
        CHECK_TEXT(got.printed, "");
        CHECK_INT(got.sample.limit, table[i].bytes);
    }
}

static void test_a_root_that_is_no_map_is_a_complaint(void **state)
{
    (void)state;
    struct sl_node list = {.kind = SL_NODE_LIST, .place = {"x.yaml", 4, 2}};
    finish();
    sl_diag_init(&got.diag);
    CHECK_INT(
        sl_schema_read(sample_fields, &list, "processors.s", &got.sample, &got.arena, &got.diag),
        SL_EINVALID);
    CHECK_TEXT(got.diag.first->text, "expected settings (key: value), found a list");
    CHECK_INT(got.sample.count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_defaults_are_read_from_the_table, tear_down),
        cmocka_unit_test_teardown(test_every_type_is_read, tear_down),
        cmocka_unit_test_teardown(test_every_complaint_has_place_path_and_words, tear_down),
        cmocka_unit_test_teardown(test_a_value_that_does_not_fit_leaves_the_default, tear_down),
        cmocka_unit_test_teardown(test_null_means_the_default, tear_down),
        cmocka_unit_test_teardown(test_references_take_the_type_they_refer_to, tear_down),
        cmocka_unit_test_teardown(test_durations_are_read_as_go_reads_them, tear_down),
        cmocka_unit_test_teardown(test_a_small_plain_number_for_a_duration_is_warned_of, tear_down),
        cmocka_unit_test_teardown(test_sizes_are_read_with_their_units, tear_down),
        cmocka_unit_test_teardown(test_a_root_that_is_no_map_is_a_complaint, tear_down),
    };
    return cmocka_run_group_tests_name("schema_read", tests, NULL, NULL);
}
