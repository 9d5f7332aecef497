/* SPDX-License-Identifier: Apache-2.0 */
/* From text to the tree: YAML and its errors, ${...}, merging, --set. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/node.h"
#include "core/out.h"
#include "tests/check.h"

static struct {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_node *root;
    struct sl_out tree; /* the root, in one line */
    char *printed;
} got;

static char file_path[] = "/tmp/sluice-test-XXXXXX";
static char file_reference[64];

static const char *fake_getenv(const char *name)
{
    static const char *const values[][2] = {
        {"WORD", "hello"},       {"NUMBER", "8080"},       {"ZEROS", "0123"},
        {"EMPTY", ""},           {"LIST", "[a, 2]"},       {"MAP", "{a: 1, b: \"${env:WORD}\"}"},
        {"NAME", "WORD"},        {"INNER", "${env:WORD}"}, {"DOLLARS", "a$$b$c"},
        {"LOOP", "${env:LOOP}"}, {"QUOTED", "\"x\""},      {"COMMENT", "abc # no"},
        {"BROKEN", "a: [b"},     {"COLON", "a: b: c"},     {"TRUE", "true"},
        {"BYTES", "a\xFF"},      {"A_1", "under"},         {"BOOM", "${env:BOOM}${env:BOOM}"},
        {"NULLS", "~"},          {"ANCHOR", "[&a x, *a]"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return strcmp(name, "FILEREF") == 0 ? file_reference : NULL;
}

/* a list as [..], a map as {k: v}, text in quotes, what may be typed without. */
static void dump(const struct sl_node *node, struct sl_out *out)
{
    if (node->kind == SL_NODE_NULL) {
        sl_out_text(out, node->broken ? "broken" : "null");
    } else if (node->kind == SL_NODE_SCALAR) {
        sl_out_printf(out, node->quoted ? "\"%s\"" : "%s", node->text);
    } else {
        sl_out_byte(out, node->kind == SL_NODE_LIST ? '[' : '{');
        for (const struct sl_node *child = node->child; child != NULL; child = child->next) {
            if (child != node->child)
                sl_out_text(out, ", ");
            if (node->kind == SL_NODE_MAP)
                sl_out_printf(out, "%s: ", child->key);
            dump(child, out);
        }
        sl_out_byte(out, node->kind == SL_NODE_LIST ? ']' : '}');
    }
    if (node->original != NULL)
        sl_out_printf(out, "<%s>", node->original);
}

static void finish(void)
{
    free(got.printed);
    sl_out_done(&got.tree);
    sl_diag_done(&got.diag);
    sl_arena_done(&got.arena);
    memset(&got, 0, sizeof got);
}

static void read_input(const struct sl_config_input *input)
{
    finish();
    sl_diag_init(&got.diag);
    got.root = sl_config_read(input, &got.arena, &got.diag);
    if (got.root != NULL)
        dump(got.root, &got.tree);
    size_t size;
    FILE *out = open_memstream(&got.printed, &size);
    assert_non_null(out);
    sl_diag_print(&got.diag, out);
    (void)fclose(out);
}

static const char *tree(void)
{
    return got.root != NULL ? sl_out_cstr(&got.tree) : "(none)";
}

static void read_sized(const char *yaml, size_t size)
{
    struct sl_source source = {.name = "c.yaml", .text = yaml, .size = size};
    read_input(
        &(struct sl_config_input){.sources = &source, .source_count = 1, .getenv = fake_getenv});
}

static void read_text(const char *yaml)
{
    read_sized(yaml, strlen(yaml));
}

struct example {
    const char *yaml, *tree, *printed;
};

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        read_text(examples[i].yaml);
        CHECK_TEXT(got.printed, examples[i].printed != NULL ? examples[i].printed : "");
        CHECK_TEXT(tree(), examples[i].tree);
    }
}

static void test_yaml_becomes_a_tree(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"", "{}", NULL},
        {"# nothing\n", "{}", NULL},
        {"---\n...\n", "{}", NULL},
        {"\xEF\xBB\xBF"
         "a: 1\n",
         "{a: 1}", NULL},
        {"a: 1\nb: 'x'\nc: [1, \"2\", ~]\nd: {e: }\n",
         "{a: 1, b: \"x\", c: [1, \"2\", null], d: {e: null}}", NULL},
        {"a: |\n  two\n  lines\n", "{a: \"two\nlines\n\"}", NULL},
        {"a: !!str 1\nb: !!int \"2\"\n", "{a: \"1\", b: 2}", NULL},
        {"a: &x {b: 1}\nc: *x\nd: [*x]\n", "{a: {b: 1}, c: {b: 1}, d: [{b: 1}]}", NULL},
        {"a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}", NULL},
        {"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", "{a: {b: 1, c: 2}, d: {c: 3, b: 1}}", NULL},
        {"a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n",
         "{a: {b: 1}, c: {b: 2, d: 3}, e: {b: 1, d: 3}}", NULL},
        {"'<<': 1\n", "{<<: 1}", NULL},
        {"batch/a b: 1\n", "{batch/a b: 1}", NULL},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

static void test_what_is_wrong_in_the_yaml_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a:\n\tb: 1\n", "(none)", "c.yaml:2:1: a tab cannot indent YAML: use spaces\n"},
        {"a: @x\n", "(none)", "c.yaml:1:4: this character cannot start a value: quote the text\n"},
        {"a: b: c\n", "(none)",
         "c.yaml:1:5: a ':' is not expected here: quote the text or check the indentation\n"},
        {"a: 1\nbc\nd: 2\n", "(none)", "c.yaml:2:1: expected a ':' after this key\n"},
        {"a: [b, c\nd: 1\n", "(none)",
         "c.yaml:1:4: this list is not closed: expected ',' or ']'\n"},
        {"a: {b: c\nd: 1\n", "(none)", "c.yaml:1:4: this map is not closed: expected ',' or '}'\n"},
        {"a: \"b\nc: 1\n", "(none)", "c.yaml:1:4: this quote is not closed\n"},
        {"a:\n  b: 1\n c: 2\n", "(none)", "c.yaml:3:2: expected a key: check the indentation\n"},
        {"a:\n  - 1\n  b: 2\n", "(none)",
         "c.yaml:3:3: expected '-': check the indentation of the list\n"},
        {"a: \xFF\n", "(none)", "c.yaml:1:4: not UTF-8 text: invalid leading UTF-8 octet\n"},
        {"- a\n", "(none)", "c.yaml:1:1: expected a map (key: value) at the top, found a list\n"},
        {"hello\n", "(none)", "c.yaml:1:1: expected a map (key: value) at the top, found text\n"},
        {"a: 1\n---\nb: 2\n", "(none)",
         "c.yaml:2:1: a second document begins here: only one is read from a file\n"},
        {"a: *x\n", "(none)", "c.yaml:1:4: a: this alias has no anchor before it\n"},
        {"a: &x [*x]\n", "(none)", "c.yaml:1:8: a[0]: this alias stands inside its own anchor\n"},
        {"a: !foo 1\n", "(none)", "c.yaml:1:4: a: this tag is not supported\n"},
        {"[a]: 1\n", "(none)", "c.yaml:1:1: a key must be plain text\n"},
        {"? \n: 1\n", "(none)", "c.yaml:1:2: a key must be plain text, not empty\n"},
        {"a: \"x\\0y\"\n", "(none)", "c.yaml:1:4: a: text cannot hold a NUL character\n"},
        {"a: {<<: 1}\n", "(none)", "c.yaml:1:9: a: '<<' takes a map or a list of maps\n"},
        {"a: 1\nb: 2\na: 3\nb: 4\n", "{a: 1, b: 2}",
         "c.yaml:3:1: a: duplicate key, first given in line 1\n"
         "c.yaml:4:1: b: duplicate key, first given in line 2\n"},
        {"p:\n  q: {r: 1, r: 2}\n", "{p: {q: {r: 1}}}",
         "c.yaml:2:13: p.q.r: duplicate key, first given in line 2\n"},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

static void test_references_are_expanded_as_the_collector_does(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a: ${env:WORD}", "{a: \"hello\"}", NULL},
        {"a: ${WORD}", "{a: \"hello\"}", NULL},
        {"a: '${env:NUMBER}'", "{a: 8080<8080>}", NULL},
        {"a: ${env:ZEROS}", "{a: 0123<0123>}", NULL},
        {"a: ${env:TRUE}", "{a: true<true>}", NULL},
        {"a: ${env:LIST}", "{a: [a, 2]<[a, 2]>}", NULL},
        {"a: ${env:MAP}", "{a: {a: 1, b: \"hello\"}<{a: 1, b: \"hello\"}>}", NULL},
        {"a: ${env:EMPTY}", "{a: null<>}", NULL},
        {"a: ${env:NULLS}", "{a: null<~>}", NULL},
        {"a: ${env:QUOTED}", "{a: \"\"x\"\"}", NULL},
        {"a: ${env:COMMENT}", "{a: \"abc # no\"}", NULL},
        {"a: ${env:BROKEN}", "{a: \"a: [b\"}", NULL},
        {"a: ${env:COLON}", "{a: \"a: b: c\"}", NULL},
        {"a: ${env:ANCHOR}", "{a: [x, x]<[&a x, *a]>}", NULL},
        {"a: x${env:WORD}y", "{a: \"xhelloy\"}", NULL},
        {"a: ${env:NUMBER}${env:EMPTY}", "{a: \"8080\"}", NULL},
        {"a: ${env:WORD}:${env:NUMBER}", "{a: \"hello:8080\"}", NULL},
        {"a: ${env:${NAME}}", "{a: \"hello\"}", NULL},
        {"a: ${env:${env:NAME}}/x", "{a: \"hello/x\"}", NULL},
        {"a: ${env:INNER}", "{a: \"hello\"}", NULL},
        {"a: ${env:A_1}", "{a: \"under\"}", NULL},
        {"a: ${env:UNSET:-5}", "{a: 5<5>}", NULL},
        {"a: ${env:UNSET:-}", "{a: \"\"}", NULL},
        {"a: ${env:EMPTY:-5}", "{a: null<>}", NULL},
        {"a: ${env:WORD:-5}", "{a: \"hello\"}", NULL},
        {"a: ${env:UNSET:-${env:NUMBER}}", "{a: 8080<8080>}", NULL},
        {"a: ${env:UNSET:-http://h:1/}", "{a: \"http://h:1/\"}", NULL},
        {"a: '${yaml:[1, x]}'", "{a: [1, x]<[1, x]>}", NULL},
        {"a: [ \"${env:NUMBER}\", {b: \"${WORD}\"} ]", "{a: [8080<8080>, {b: \"hello\"}]}", NULL},
        {"${WORD}: 1", "{${WORD}: 1}", NULL},
        {"a: $$", "{a: $}", NULL},
        {"a: $$$", "{a: $$}", NULL},
        {"a: cost $5 or $x", "{a: cost $5 or $x}", NULL},
        {"a: $WORD", "{a: $WORD}", NULL},
        {"a: $$WORD", "{a: $WORD}", NULL},
        {"a: $${WORD}", "{a: ${WORD}}", NULL},
        {"a: $$${env:WORD}", "{a: \"$hello\"}", NULL},
        {"a: $$$${env:WORD}", "{a: $${env:WORD}}", NULL},
        {"a: $$$$${env:WORD}", "{a: \"$$hello\"}", NULL},
        {"a: x$${A}y${WORD}", "{a: \"x${A}yhello\"}", NULL},
        {"a: $${ONE}$${TWO}", "{a: ${ONE}${TWO}}", NULL},
        {"a: \"$${env:${WORD}}\"", "{a: \"${env:hello}\"}", NULL},
        {"a: \"$${env:$${WORD}}\"", "{a: \"${env:${WORD}}\"}", NULL},
        {"a: \"env:WORD}$${WORD}{\"", "{a: \"env:WORD}${WORD}{\"}", NULL},
        {"a: \"${env:WORD$${WORD}\"", "{a: \"${env:WORD${WORD}\"}", NULL},
        {"a: \"${env:WORD\"", "{a: \"${env:WORD\"}", NULL},
        {"a: ${env:DOLLARS}", "{a: \"a$b$c\"}", NULL},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

static void test_references_that_lead_nowhere_are_told(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"a: ${env:UNSET}", "{a: null}",
         "c.yaml:1:4: warning: a: ${env:UNSET}: the environment variable is not set\n"},
        {"a: x${UNSET}y", "{a: \"xy\"}",
         "c.yaml:1:4: warning: a: ${UNSET}: the environment variable is not set\n"},
        {"a: {b: [1, \"${env:1X}\"]}", "{a: {b: [1, broken]}}",
         "c.yaml:1:12: a.b[1]: ${env:1X}: the name of an environment variable has letters, digits "
         "and '_' only\n"},
        {"a: ${}", "{a: broken}",
         "c.yaml:1:4: a: ${}: the name of an environment variable has letters, digits and '_' "
         "only\n"},
        {"a: ${WORD:-x}", "{a: broken}",
         "c.yaml:1:4: a: ${WORD:-x}: a default needs the scheme: ${env:NAME:-default}\n"},
        {"a: ${vault:x}", "{a: broken}",
         "c.yaml:1:4: a: ${vault:x}: unknown scheme; expected env, file or yaml\n"},
        {"a: ${https://h/x}", "{a: broken}",
         "c.yaml:1:4: a: ${https://h/x}: configuration from the network is not supported\n"},
        {"a: ${http://h/x}", "{a: broken}",
         "c.yaml:1:4: a: ${http://h/x}: configuration from the network is not supported\n"},
        {"a: ${file:/nonexistent/f}", "{a: broken}",
         "c.yaml:1:4: a: ${file:/nonexistent/f}: No such file or directory\n"},
        {"a: ${file:/dev/null}", "{a: broken}",
         "c.yaml:1:4: a: ${file:/dev/null}: not a regular file\n"},
        {"a: ${env:LOOP}", "{a: broken}",
         "c.yaml:1:4: a: ${env:LOOP}: more than 1000 expansions; does a value refer to itself?\n"},
        {"a: ${env:BYTES}", "{a: broken}",
         "c.yaml:1:4: a: ${env:BYTES}: the value is not UTF-8 text\n"},
        {"a: ${env:A$B}", "{a: broken}", "c.yaml:1:4: a: ${env:A$B}: a '$' cannot stand here\n"},
        {"a: ${env:1}\nb: ${env:2}\nc: ${env:3}", "{a: broken, b: broken, c: broken}",
         "c.yaml:1:4: a: ${env:1}: the name of an environment variable has letters, digits and "
         "'_' only\n"
         "c.yaml:2:4: b: ${env:2}: the name of an environment variable has letters, digits and "
         "'_' only\n"
         "c.yaml:3:4: c: ${env:3}: the name of an environment variable has letters, digits and "
         "'_' only\n"},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

static void test_text_that_doubles_itself_is_stopped(void **state)
{
    (void)state;
    read_text("a: ${env:BOOM}");
    CHECK_TEXT(tree(), "{a: broken}");
    CHECK_INT(got.diag.errors, 1);
    CHECK(got.arena.capacity < 64u << 20);
}

static void write_file(const char *text)
{
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void test_a_file_is_read_with_places_of_its_own(void **state)
{
    (void)state;
    write_file("x: 1\ny:\n  z: ${env:UNSET}\n");
    read_text("a: ${env:FILEREF}");
    CHECK_TEXT(tree(), "{a: {x: 1, y: {z: null}}<x: 1\ny:\n  z: >}");
    const struct sl_node *z = sl_node_find(sl_node_find(sl_node_find(got.root, "a"), "y"), "z");
    CHECK_TEXT(z->place.file, file_path);
    CHECK_INT(z->place.line, 3);
    CHECK_INT(z->place.column, 6);
    CHECK_INT(got.diag.warnings, 1);
    write_file("s3cret\n");
    read_text("a: Bearer ${env:FILEREF}\nb: ${env:FILEREF}");
    CHECK_TEXT(tree(), "{a: \"Bearer s3cret\", b: \"s3cret\"}");
}

static void test_a_reference_stands_where_it_was_written(void **state)
{
    (void)state;
    read_text("x: 1\na:   ${env:MAP}\n");
    const struct sl_node *b = sl_node_find(sl_node_find(got.root, "a"), "b");
    CHECK_TEXT(b->place.file, "c.yaml");
    CHECK_INT(b->place.line, 2);
    CHECK_INT(b->place.column, 6);
}

static void read_two(const char *first, const char *second, const char *const *sets, size_t count)
{
    struct sl_source sources[] = {{"1.yaml", first, strlen(first)},
                                  {"2.yaml", second, strlen(second)}};
    read_input(&(struct sl_config_input){.sources = sources,
                                         .source_count = 2,
                                         .sets = sets,
                                         .set_count = count,
                                         .getenv = fake_getenv});
}

static void test_sources_are_merged_by_key(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *tree;
    } table[] = {
        {"a: 1", "b: 2", "{a: 1, b: 2}"},
        {"a: {x: 1, y: 2}\nb: 1", "a: {y: 3, z: 4}", "{a: {x: 1, y: 3, z: 4}, b: 1}"},
        {"a: [1, 2]", "a: [3]", "{a: [3]}"},
        {"a: {x: 1}", "a:", "{a: null}"},
        {"a: {x: 1}", "a: 5", "{a: 5}"},
        {"a: 5", "a: {x: 1}", "{a: {x: 1}}"},
        {"", "a: 1", "{a: 1}"},
        {"a: 1", "", "{a: 1}"},
        {"a: ${env:UNSET}", "a: 1", "{a: 1}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        read_two(table[i].first, table[i].second, NULL, 0);
        CHECK_TEXT(got.printed, "");
        CHECK_TEXT(tree(), table[i].tree);
    }
    read_two("a: [", "b: {c: 1, c: 2}", NULL, 0);
    CHECK_INT(got.diag.errors, 2);
    CHECK_TEXT(tree(), "{b: {c: 1}}");
}

static void test_set_is_applied_last(void **state)
{
    (void)state;
    static const struct {
        const char *set, *tree, *printed;
    } table[] = {
        {"a.x=5", "{a: {x: 5, y: 2}}", ""},
        {"a.x=", "{a: {x: null, y: 2}}", ""},
        {"a.x=\"5\"", "{a: {x: \"5\", y: 2}}", ""},
        {"a.x=[1, {b: c}]", "{a: {x: [1, {b: c}], y: 2}}", ""},
        {"a.z.w=k=v", "{a: {x: 1, y: 2, z: {w: k=v}}}", ""},
        {"a::x=5", "{a: {x: 5, y: 2}}", ""},
        {"a::h.with.dots=5", "{a: {x: 1, y: 2, h.with.dots: 5}}", ""},
        {"b=${env:NUMBER}", "{a: {x: 1, y: 2}, b: 8080<8080>}", ""},
        {"a.x", "{a: {x: 1, y: 2}}", "--set 'a.x': expected key.key=value\n"},
        {"=1", "{a: {x: 1, y: 2}}", "--set '=1': expected key.key=value\n"},
        {"a..x=1", "{a: {x: 1, y: 2}}", "--set 'a..x=1': expected key.key=value\n"},
        {"a.=1", "{a: {x: 1, y: 2}}", "--set 'a.=1': expected key.key=value\n"},
        {"a.x=[1", "{a: {x: 1, y: 2}}",
         "--set 'a.x=[1': the value cannot be read as YAML\n"
         "this list is not closed: expected ',' or ']'\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        read_two("a: {x: 1, y: 2}", "", &table[i].set, 1);
        CHECK_TEXT(got.printed, table[i].printed);
        CHECK_TEXT(tree(), table[i].tree);
    }
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct sl_out text = {0};
    for (int i = 0; i < 101; i++)
        sl_out_printf(&text, "%*sa:\n", i, "");
    read_text(sl_out_cstr(&text));
    CHECK_TEXT(got.printed, "c.yaml:101:101: nested deeper than 100 levels\n");

    sl_out_clear(&text);
    sl_out_text(&text, "a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'k'; c++) /* each ten times the one before */
        sl_out_printf(&text, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1,
                      c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
    read_text(sl_out_cstr(&text));
    CHECK_INT(got.diag.errors, 1);
    CHECK_TEXT(got.diag.first->text, "the configuration has more than 100000 values");

    sl_out_clear(&text);
    for (int i = 0; i < 5001; i++)
        sl_out_printf(&text, "k%d: 1\n", i);
    read_text(sl_out_cstr(&text));
    CHECK_TEXT(got.printed, "c.yaml:5001:1: more than 5000 keys in one map\n");

    sl_out_clear(&text);
    sl_out_text(&text, "a: ");
    uint8_t *room = sl_out_room(&text, 4 << 20);
    memset(room, 'x', 4 << 20);
    text.size += 4 << 20;
    read_text(sl_out_cstr(&text));
    CHECK_TEXT(got.printed, "c.yaml: larger than 4 MiB\n");

    sl_out_clear(&text);
    for (int i = 0; i < 300; i++)
        sl_out_text(&text, "a: 1\n");
    read_text(sl_out_cstr(&text));
    CHECK_INT(got.diag.errors, 299);
    CHECK(strstr(got.printed, "c.yaml:201:1: a: duplicate key") != NULL);
    CHECK(strstr(got.printed, "c.yaml:202:1:") == NULL);
    CHECK(strstr(got.printed, "and 99 more\n") != NULL);
    sl_out_done(&text);
}

static void test_complaints_are_printed_in_order_and_clean(void **state)
{
    (void)state;
    finish();
    sl_diag_init(&got.diag);
    sl_diag_add(&got.diag, SL_DIAG_ERROR, (struct sl_place){"b.yaml", 1, 1}, "x", "third");
    sl_diag_add(&got.diag, SL_DIAG_ERROR, (struct sl_place){"a.yaml", 2, 1}, NULL, "second");
    sl_diag_add(&got.diag, SL_DIAG_ERROR, (struct sl_place){"a.yaml", 1, 9}, "p\nq", "f\x1B[irst");
    sl_diag_add(&got.diag, SL_DIAG_WARNING, (struct sl_place){0}, "y", "zeroth %d", 5);
    sl_diag_add(&got.diag, SL_DIAG_ERROR, (struct sl_place){"b.yaml", 1, 1}, "x", "fourth");
    sl_diag_add(&got.diag, SL_DIAG_ERROR, (struct sl_place){"a.yaml", 0, 0}, NULL, "whole");
    size_t size;
    FILE *out = open_memstream(&got.printed, &size);
    assert_non_null(out);
    sl_diag_print(&got.diag, out);
    (void)fclose(out);
    CHECK_TEXT(got.printed, "warning: y: zeroth 5\n"
                            "a.yaml: whole\n"
                            "a.yaml:1:9: p?q: f?[irst\n"
                            "a.yaml:2:1: second\n"
                            "b.yaml:1:1: x: third\n"
                            "b.yaml:1:1: x: fourth\n");
    CHECK_INT(got.diag.errors, 5);
    CHECK_INT(got.diag.warnings, 1);
}

static void test_the_nearest_name_is_found_when_it_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {
        "timeout", "send_batch_size", "send_batch_max_size", "tls", "endpoint", "max_idle", NULL};
    static const struct {
        const char *text, *nearest;
    } table[] = {{"timout", "timeout"},
                 {"tiemout", "timeout"},
                 {"TimeOut", "timeout"},
                 {"send-batch-size", "send_batch_size"},
                 {"send_batch_maxsize", "send_batch_max_size"},
                 {"tsl", "tls"},
                 {"tlss", "tls"},
                 {"url", NULL},
                 {"compression", NULL},
                 {"", NULL},
                 {"e", NULL},
                 {"endpoints", "endpoint"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *nearest = sl_nearest(table[i].text, names);
        CHECK_TEXT(nearest != NULL ? nearest : "-",
                   table[i].nearest != NULL ? table[i].nearest : "-");
    }
}

static int set_up_group(void **state)
{
    (void)state;
    int fd = mkstemp(file_path);
    if (fd < 0)
        return -1;
    (void)close(fd);
    (void)snprintf(file_reference, sizeof file_reference, "${file:%s}", file_path);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    return unlink(file_path);
}

static int tear_down(void **state)
{
    (void)state;
    finish();
    return 0;
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_yaml_becomes_a_tree),
        TEST(test_what_is_wrong_in_the_yaml_is_told_with_its_place),
        TEST(test_references_are_expanded_as_the_collector_does),
        TEST(test_references_that_lead_nowhere_are_told),
        TEST(test_text_that_doubles_itself_is_stopped),
        TEST(test_a_file_is_read_with_places_of_its_own),
        TEST(test_a_reference_stands_where_it_was_written),
        TEST(test_sources_are_merged_by_key),
        TEST(test_set_is_applied_last),
        TEST(test_limits_hold),
        TEST(test_complaints_are_printed_in_order_and_clean),
        TEST(test_the_nearest_name_is_found_when_it_is_near),
    };
    return cmocka_run_group_tests_name("read", tests, set_up_group, tear_down_group);
}
