/* SPDX-License-Identifier: Apache-2.0 */
/* What the printers make of a field table, and that YAML reads back. */
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/out.h"
#include "tests/check.h"
#include "tests/unit/config/sample.h"

struct reading {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sample sample;
    int rc;
};

static const char *fake_getenv(const char *name)
{
    return strcmp(name, "LIST") == 0 ? "[a, b]" : NULL;
}

static void read_limited(struct reading *reading, const char *yaml, size_t limit)
{
    memset(reading, 0, sizeof *reading);
    reading->arena.limit = limit;
    sl_diag_init(&reading->diag);
    struct sl_source source = {.name = "c.yaml", .text = yaml, .size = strlen(yaml)};
    const char *set = "admin.endpoint=h:1";
    struct sl_config_input input = {
        .sources = &source, .source_count = 1, .sets = &set, .set_count = 1, .getenv = fake_getenv};
    struct sl_node *root = sl_config_read(&input, &reading->arena, &reading->diag);
    reading->rc = root == NULL ? SL_EINVALID
                               : sl_schema_read(sample_fields, root, "p", &reading->sample,
                                                &reading->arena, &reading->diag);
}

static void read_into(struct reading *reading, const char *yaml)
{
    read_limited(reading, yaml, 0);
}

static void finish(struct reading *reading)
{
    sl_diag_done(&reading->diag);
    sl_arena_done(&reading->arena);
}

static char *print_yaml(const struct reading *reading)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    sl_schema_print_yaml(sample_fields, &reading->sample, 0, out);
    (void)fclose(out);
    return text;
}

static const char rich[] = "title: \"a: b # c $${X}\\n\\t\\e\\u0085\\u2028 \\\"q\\\" caf\\u00e9\"\n"
                           "token: hunter2\n"
                           "timeout: 90061ms\n"
                           "ratio: 0.1\n"
                           "grace: 0.5s\n"
                           "mode: \"off\"\n"
                           "store: file_storage/q\n"
                           "names: [\"true\", \"12\", \"\"]\n"
                           "rules: [{name: a, words: [x]}, {name: \"null\", weight: 1e-7}]\n"
                           "headers: {authorization: secret1, \"x: $y\": secret2}\n"
                           "servers: {a: {endpoint: e}}\n"
                           "http: {}\n"
                           "raw: {list: [1, \"1\", null, {}, [], [[a]]], text: \"$$5\"}\n";

static void test_the_effective_configuration_is_printed(void **state)
{
    (void)state;
    struct reading reading;
    read_into(&reading, rich);
    CHECK_INT(reading.rc, SL_OK);
    char *text = print_yaml(&reading);
    CHECK_TEXT(text, "enabled: true\n"
                     "count: 10\n"
                     "ratio: 0.1\n"
                     "limit: 20971520\n"
                     "timeout: 1m30s61ms\n"
                     "grace: 500ms\n"
                     "title: \"a: b # c $${X}\\n\\t\\x1B\\x85\\u2028 \\\"q\\\" caf\u00e9\"\n"
                     "token: \"[REDACTED]\"\n"
                     "mode: \"off\"\n"
                     "store: file_storage/q\n"
                     "names:\n"
                     "  - \"true\"\n"
                     "  - \"12\"\n"
                     "  - \"\"\n"
                     "rules:\n"
                     "  -\n"
                     "    name: a\n"
                     "    weight: 0.5\n"
                     "    words:\n"
                     "      - x\n"
                     "  -\n"
                     "    name: \"null\"\n"
                     "    weight: 1e-07\n"
                     "    words: []\n"
                     "headers:\n"
                     "  authorization: \"[REDACTED]\"\n"
                     "  \"x: $y\": \"[REDACTED]\"\n"
                     "servers:\n"
                     "  a:\n"
                     "    endpoint: e\n"
                     "    max_size: 4194304\n"
                     "tags: {}\n"
                     "http:\n"
                     "  endpoint: localhost:4317\n"
                     "  max_size: 4194304\n"
                     "admin:\n"
                     "  endpoint: h:1\n"
                     "  max_size: 4194304\n"
                     "raw:\n"
                     "  list:\n"
                     "    - 1\n"
                     "    - \"1\"\n"
                     "    - null\n"
                     "    - {}\n"
                     "    - []\n"
                     "    -\n"
                     "      -\n"
                     "        - a\n"
                     "  text: \"$$5\"\n");
    CHECK(strstr(text, "hunter2") == NULL);
    CHECK(strstr(text, "secret") == NULL);
    free(text);
    finish(&reading);
}

static void test_what_is_printed_reads_back_to_the_same(void **state)
{
    (void)state;
    /* Without `tags`, whose least count an empty map does not reach. */
    static const char *const inputs[] = {
        "tags: {a: 1}\n", "tags: {a: 1}\ngrpc:\nnames: []\nraw: null\nlimit: 1MB\n", NULL};
    struct sl_out long_key = {0};
    sl_out_text(&long_key, "tags: {a: 1}\nheaders:\n  ? ");
    for (int i = 0; i < 1500; i++)
        sl_out_byte(&long_key, 'k');
    sl_out_text(&long_key, "\n  : v\n");
    struct sl_out all = {0};
    sl_out_text(&all, rich);
    sl_out_text(&all, "tags: {a: 1}\n");
    for (int i = 0; i < 4; i++) {
        const char *yaml = i < 2 ? inputs[i] : sl_out_cstr(i == 2 ? &all : &long_key);
        struct reading first, second;
        read_into(&first, yaml);
        CHECK_INT(first.rc, SL_OK);
        char *once = print_yaml(&first);
        read_into(&second, once);
        if (second.diag.first != NULL)
            fail_msg("%s in\n%s", second.diag.first->text, once);
        char *twice = print_yaml(&second);
        CHECK_TEXT(twice, once);
        CHECK(second.sample.timeout == first.sample.timeout);
        CHECK(second.sample.title == first.sample.title ||
              strcmp(second.sample.title, first.sample.title) == 0);
        free(once);
        free(twice);
        finish(&first);
        finish(&second);
    }
    sl_out_done(&long_key);
    sl_out_done(&all);
}

static void test_the_reference_table_shows_bounds_names_and_nested_keys(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    sl_schema_print_markdown(sample_fields, out);
    (void)fclose(out);
    static const char *const lines[] = {
        "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n| `enabled` | bool | "
        "`true` "
        "| Whether it works. |\n",
        "| `count` | integer, 1 to 1000 | `10` | How many. |\n",
        "| `ratio` | number, -1 to 1 | `0.25` | Part. |\n",
        "| `limit` | size, 1KiB to 1GiB | `20MiB` | Bytes. Divided among the workers. |\n",
        "| `timeout` | duration, 10ms to 1h | `200ms` | How long. |\n",
        "| `title` | text |  | Any text. |\n",
        "| `mode` | one of `search`, `replace`, `off` | `search` | What to do. |\n",
        "| `names` | list of text, at most 3 | `[one, \"2\"]` | Names. |\n",
        "| `rules[].name` | text | required | Of the rule. |\n",
        "| `rules[].words` | list of text | `[]` | Words, a \\| among them. |\n",
        "| `headers` | map to secret text | `{}` | Headers. |\n",
        "| `servers.*.endpoint` | text | `localhost:4317` | Where to listen. |\n",
        "| `grpc` | settings | absent | gRPC. |\n",
        "| `grpc.max_size` | size, at most 1GiB | `4MiB` | Largest request. Counts for the whole "
        "process. |\n",
        "| `legacy` | ignored |  | From older versions. |\n| `grace` | duration | `0s` | In "
        "seconds. "
        "|\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("'%s' is not in\n%s", lines[i], text);
    free(text);
}

static void test_the_json_schema_has_every_rule(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    sl_schema_print_json(sample_fields, 0, out);
    (void)fclose(out);
    static const char *const parts[] = {
        "{\n  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"properties\": {\n    "
        "\"enabled\": {\n      \"description\": \"Whether it works.\",\n      \"default\": true,\n "
        "  "
        "   \"anyOf\": [\n        {\n          \"type\": \"boolean\"\n        },\n        {\n      "
        "  "
        "  \"type\": \"null\"\n        },\n        {\n          \"type\": \"string\",\n          "
        "\"pattern\": \"\\\\$\\\\{\"\n        }\n      ]\n    },\n",
        "\"minimum\": 1,\n          \"maximum\": 1000\n",
        "\"enum\": [\n            \"search\",\n            \"replace\",\n            \"off\"\n",
        "\"default\": [\n        \"one\",\n        \"2\"\n      ],\n",
        "\"maxItems\": 3\n",
        "\"required\": [\n                  \"name\"\n                ]\n",
        "\"legacy\": {\n      \"description\": \"From older versions.\"\n    }\n  }\n}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("'%s' is not in\n%s", parts[i], text);
    free(text);
}

static void test_no_memory_at_any_point_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    static const char yaml[] = "tags: {a: 1}\nnames: ${env:LIST}\ntitle: x$$y${env:NO}z\n"
                               "rules: [&a {name: n}, {<<: *a, weight: 1}]\nzzz: 1\n"
                               "headers: {a: b}\nservers: {a: {}}\n";
    long n = 0;
    for (;; n++) {
        struct reading reading;
        (void)sl_alloc_fail_after(n);
        read_into(&reading, yaml);
        long asked = sl_alloc_fail_after(-1);
        CHECK(reading.rc != SL_OK); /* zzz, at the latest */
        bool complained = reading.diag.errors > 0 || reading.rc == SL_ENOMEM;
        bool whole = asked <= n;
        if (whole)
            CHECK_INT(reading.diag.errors, 1);
        CHECK(complained);
        finish(&reading);
        if (whole)
            break;
        CHECK(n < 10000);
    }
    CHECK(n >= 4);
}

static void test_a_full_arena_at_any_point_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    static const char yaml[] = "tags: {a: 1}\nnames: ${env:LIST}\ntitle: x$$y${env:LIST}z\n"
                               "rules: [&a {name: n}, {<<: *a, weight: 1}]\n"
                               "headers: {a: b}\nservers: {a: {}}\n";
    unsigned failures = 0;
    for (size_t limit = 8;; limit += 8) {
        struct reading reading;
        read_limited(&reading, yaml, limit);
        bool whole = reading.rc == SL_OK;
        if (!whole)
            CHECK(reading.diag.errors > 0 || reading.rc == SL_ENOMEM);
        else
            CHECK_INT(reading.diag.errors, 0);
        finish(&reading);
        if (whole)
            break;
        failures++;
        CHECK(limit < 1 << 20);
    }
    CHECK(failures > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_effective_configuration_is_printed),
        cmocka_unit_test(test_what_is_printed_reads_back_to_the_same),
        cmocka_unit_test(test_the_reference_table_shows_bounds_names_and_nested_keys),
        cmocka_unit_test(test_the_json_schema_has_every_rule),
        cmocka_unit_test(test_no_memory_at_any_point_is_an_error_and_nothing_leaks),
        cmocka_unit_test(test_a_full_arena_at_any_point_is_an_error_and_nothing_leaks),
    };
    return cmocka_run_group_tests_name("schema_print", tests, NULL, NULL);
}
