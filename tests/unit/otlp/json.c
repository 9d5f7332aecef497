/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON tokenizer and writer: grammar, strings, offsets, depth, doubles. */
#include "otlp/json.h"

#include <math.h>
#include <stdlib.h>

#include "otlp/scalar.h"
#include "tests/check.h"

/* A line of json_cases.txt, %XX undone in place. */
static size_t decode_line(char *line)
{
    char *to = line;
    for (char *p = line; *p != '\0' && *p != '\n'; p++) {
        if (*p == '%') {
            char digits[3] = {p[1], p[2], '\0'};
            *to++ = (char)strtol(digits, NULL, 16);
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    return (size_t)(to - line);
}

static void test_texts_are_valid_exactly_when_rfc_8259_says_so(void **state)
{
    (void)state;
    char path[512], line[512];
    (void)snprintf(path, sizeof path, "%s/tests/unit/otlp/json_cases.txt", getenv("SL_SOURCE_DIR"));
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    int count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[0] == ' ')
            continue;
        bool valid = line[0] == 'y';
        char shown[512];
        (void)snprintf(shown, sizeof shown, "%s", line);
        char *text = line + (line[1] == ' ' ? 2 : 1);
        struct sl_bytes json = sl_bytes(text, decode_line(text));
        uint8_t *exact = malloc(json.size + 1); /* a read past the end is seen */
        memcpy(exact, json.data, json.size);
        exact = realloc(exact, json.size > 0 ? json.size : 1);
        if (sl_json_valid(sl_bytes(exact, json.size), SL_JSON_DEPTH) != valid)
            fail_msg("expected %s: %s", valid ? "valid" : "invalid", shown);
        free(exact);
        count++;
    }
    (void)fclose(file);
    CHECK(count >= 150);
}

static void test_tokens_come_in_order(void **state)
{
    (void)state;
    static const enum sl_json_token expected[] = {
        SL_JSON_OBJECT,     SL_JSON_KEY,        SL_JSON_ARRAY,     SL_JSON_NUMBER, SL_JSON_TRUE,
        SL_JSON_STRING,     SL_JSON_NULL,       SL_JSON_ARRAY_END, SL_JSON_KEY,    SL_JSON_OBJECT,
        SL_JSON_OBJECT_END, SL_JSON_OBJECT_END, SL_JSON_END,       SL_JSON_END};
    struct sl_json json;
    sl_json_init(&json, SL_LIT(" {\"a\" : [-1.5e3, true,\"x\\ny\",null] ,\"b\":{}} "), 8);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CHECK_INT(sl_json_next(&json), expected[i]);
        if (i == 1)
            CHECK_BYTES(json.raw, SL_LIT("a"));
        if (i == 3)
            CHECK_BYTES(json.raw, SL_LIT("-1.5e3"));
        if (i == 5) {
            CHECK(json.escaped);
            CHECK_BYTES(json.raw, SL_LIT("x\\ny"));
        }
    }
}

static void test_an_error_stays_and_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *problem;
    } cases[] = {
        {"", 0, "unexpected end"},
        {"[1,", 3, "unexpected end"},
        {"[1 2]", 3, "expected ',' or ']'"},
        {"{\"a\":1 2}", 7, "expected ',' or '}'"},
        {"{1:2}", 1, "expected a key in quotes"},
        {"{\"a\" 1}", 5, "expected ':'"},
        {"{} x", 3, "more than one value"},
        {"[1.]", 3, "invalid number"},
        {"[nul]", 1, "unexpected character"},
        {"\"ab\\q\"", 3, "invalid escape in a string"},
        {"\"ab\ncd\"", 3, "control character in a string"},
        {"\"ab\xff"
         "cd\"",
         3, "invalid UTF-8 in a string"},
        {"\"ab", 3, "string without an end"},
        {"[[[[[[[[[", 8, SL_JSON_TOO_DEEP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_json json;
        sl_json_init(&json, sl_text(cases[i].text), 8);
        enum sl_json_token token;
        do
            token = sl_json_next(&json);
        while (token != SL_JSON_ERROR && token != SL_JSON_END);
        CHECK_INT(token, SL_JSON_ERROR);
        CHECK_TEXT(json.problem, cases[i].problem);
        CHECK_INT(sl_json_offset(&json), cases[i].offset);
        CHECK_INT(sl_json_next(&json), SL_JSON_ERROR);
        CHECK_TEXT(json.problem, cases[i].problem);
    }
}

static void test_depth_is_bounded_where_the_caller_says(void **state)
{
    (void)state;
    char text[2 * SL_JSON_DEPTH + 2];
    for (size_t depth = SL_JSON_DEPTH; depth <= SL_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        CHECK_INT(sl_json_valid(sl_bytes(text, 2 * depth), SL_JSON_DEPTH), depth == SL_JSON_DEPTH);
    }
    CHECK(sl_json_valid(SL_LIT("[[]]"), 2));
    CHECK(!sl_json_valid(SL_LIT("[[[]]]"), 2));
    CHECK(sl_json_valid(SL_LIT("1"), 0));
    CHECK(!sl_json_valid(SL_LIT("[]"), 0));
}

static void test_a_value_of_any_shape_is_skipped(void **state)
{
    (void)state;
    static const char *const values[] = {"1",
                                         "\"x\"",
                                         "null",
                                         "[]",
                                         "{}",
                                         "[1,[2,{\"a\":[3]}],{}]",
                                         "{\"a\":{\"b\":[{}]},\"c\":\"}\"}"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "[%s,42]", values[i]);
        struct sl_json json;
        sl_json_init(&json, sl_text(text), 16);
        CHECK_INT(sl_json_next(&json), SL_JSON_ARRAY);
        CHECK_INT(sl_json_skip(&json, sl_json_next(&json)), 0);
        CHECK_INT(sl_json_next(&json), SL_JSON_NUMBER);
        CHECK_BYTES(json.raw, SL_LIT("42"));
    }
    struct sl_json json;
    sl_json_init(&json, SL_LIT("[[1,}"), 16);
    (void)sl_json_next(&json);
    CHECK_INT(sl_json_skip(&json, sl_json_next(&json)), SL_EINVALID);
}

static void test_strings_are_unescaped(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *plain;
        size_t size;
    } cases[] = {
        {"abc", "abc", 3},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
        {"\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC", 6},
        {"\\u0000x", "\0x", 2},
        {"\\ud83d\\ude00", "\xF0\x9F\x98\x80", 4},
        {"\\ud83d", "\xEF\xBF\xBD", 3},
        {"\\ude00\\ud83d", "\xEF\xBF\xBD\xEF\xBF\xBD", 6},
        {"\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80", 7},
        {"\\ud83d\\n", "\xEF\xBF\xBD\n", 4},
        {"\\ud83dabcdef",
         "\xEF\xBF\xBD"
         "abcdef",
         9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_bytes raw = sl_text(cases[i].raw);
        uint8_t *out = malloc(raw.size);
        size_t size = sl_json_unescape(raw, out);
        CHECK_BYTES(sl_bytes(out, size), sl_bytes(cases[i].plain, cases[i].size));
        if (memchr(cases[i].plain, 0, cases[i].size) == NULL) {
            CHECK(sl_json_raw_is(raw, true, cases[i].plain));
            CHECK(!sl_json_raw_is(raw, true, "abcd"));
        }
        free(out);
    }
    CHECK(sl_json_raw_is(SL_LIT("key"), false, "key"));
    CHECK(!sl_json_raw_is(SL_LIT("key"), false, "ke"));
    CHECK(!sl_json_raw_is(SL_LIT("k\\u0065"), true, "key"));
    CHECK(!sl_json_raw_is(SL_LIT("k\\u0065yx"), true, "key"));
}

static void test_written_strings_have_the_needed_escapes(void **state)
{
    (void)state;
    struct sl_out out = {0};
    sl_json_write_string(&out, SL_LIT("a\"b\\c/\n\r\t\b\f\x01\x1f\x7f long enough \xC3\xA9 \0."));
    CHECK_BYTES(sl_out_view(&out),
                SL_LIT("\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\\u001f\x7f long enough \xC3\xA9 "
                       "\\u0000.\""));
    sl_out_done(&out);
}

static void test_doubles_are_written_short_and_read_back_the_same(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {1e21, "1e+21"},
        {-2.5, "-2.5"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {9007199254740993.0, "9007199254740992"},
        {(double)INFINITY, "\"Infinity\""},
        {-(double)INFINITY, "\"-Infinity\""},
        {(double)NAN, "\"NaN\""},
    };
    struct sl_out out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_out_clear(&out);
        sl_json_write_double(&out, cases[i].value);
        CHECK_TEXT(sl_out_cstr(&out), cases[i].text);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double value, again = 0;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        sl_out_clear(&out);
        sl_json_write_double(&out, value);
        CHECK_INT(sl_scalar_double(sl_out_view(&out), &again), 0);
        CHECK(memcmp(&value, &again, sizeof value) == 0);
    }
    sl_out_done(&out);
}

static void test_whole_numbers_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"7", 0, 7},
        {"-7", 0, -7},
        {"1.0", 0, 1},
        {"1e3", 0, 1000},
        {"1E+3", 0, 1000},
        {"1.5e1", 0, 15},
        {"1500e-2", 0, 15},
        {"0.0", 0, 0},
        {"0e999999", 0, 0},
        {"0.000e-5", 0, 0},
        {"-1.50e2", 0, -150},
        {"10", 0, 10},
        {"100e-2", 0, 1},
        {"9007199254740993", 0, 9007199254740993},
        {"9.007199254740993e15", 0, 9007199254740993},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775807.000", 0, INT64_MAX},
        {"9223372036854775808", SL_ELIMIT, 0},
        {"-9223372036854775809", SL_ELIMIT, 0},
        {"1e19", SL_ELIMIT, 0},
        {"1e999999999999", SL_ELIMIT, 0},
        {"1.5", SL_EINVALID, 0},
        {"1e-1", SL_EINVALID, 0},
        {"1e-999999999999", SL_EINVALID, 0},
        {"", SL_EINVALID, 0},
        {"-", SL_EINVALID, 0},
        {"+1", SL_EINVALID, 0},
        {"01", SL_EINVALID, 0},
        {" 1", SL_EINVALID, 0},
        {"1 ", SL_EINVALID, 0},
        {"0x10", SL_EINVALID, 0},
        {"1.", SL_EINVALID, 0},
        {".5", SL_EINVALID, 0},
        {"1e", SL_EINVALID, 0},
        {"NaN", SL_EINVALID, 0},
        {"one", SL_EINVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        int rc = sl_scalar_int64(sl_text(cases[i].text), &value);
        if (rc != cases[i].status || value != cases[i].value)
            fail_msg("%s: %d, %lld", cases[i].text, rc, (long long)value);
    }
    uint64_t value = 0;
    CHECK_INT(sl_scalar_uint64(SL_LIT("18446744073709551615"), &value), 0);
    CHECK(value == UINT64_MAX);
    CHECK_INT(sl_scalar_uint64(SL_LIT("1.8446744073709551615e19"), &value), 0);
    CHECK(value == UINT64_MAX);
    CHECK_INT(sl_scalar_uint64(SL_LIT("18446744073709551616"), &value), SL_ELIMIT);
    CHECK_INT(sl_scalar_uint64(SL_LIT("-1"), &value), SL_ELIMIT);
    CHECK_INT(sl_scalar_uint64(SL_LIT("-0"), &value), 0);
    CHECK(value == 0);
}

static void test_doubles_are_read_from_any_spelling(void **state)
{
    (void)state;
    double value;
    CHECK_INT(sl_scalar_double(SL_LIT("0.1"), &value), 0);
    CHECK(value == 0.1);
    CHECK_INT(sl_scalar_double(SL_LIT("-12345678901234567890.5e-3"), &value), 0);
    CHECK(value == -12345678901234567.8905);
    CHECK_INT(sl_scalar_double(SL_LIT("1e-400"), &value), 0);
    CHECK(value == 0);
    CHECK_INT(sl_scalar_double(SL_LIT("-Infinity"), &value), 0);
    CHECK(isinf(value) && value < 0);
    CHECK_INT(sl_scalar_double(SL_LIT("NaN"), &value), 0);
    CHECK(isnan(value));
    CHECK_INT(sl_scalar_double(SL_LIT("1e400"), &value), SL_ELIMIT);
    static const char *const bad[] = {"", "nan", "inf", "-NaN", "+1", "0x1p3", "1,5", " 1", "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_INT(sl_scalar_double(sl_text(bad[i]), &value), SL_EINVALID);
}

static void test_base64_is_read_in_all_four_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* NULL: invalid */
    } cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zg", "f"},
        {"Zm8=", "fo"},
        {"Zm8", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"_-_-", "\xff\xef\xfe"},
        {"/+/+", "\xff\xef\xfe"},
        {"Z", NULL},
        {"Zg=", NULL},
        {"Zg===", NULL},
        {"=", NULL},
        {"====", NULL},
        {"Zm9v=", NULL},
        {"Z g==", NULL},
        {"Zm=v", NULL},
        {"Zm9\n", NULL},
        {"Zm8=Zm8=", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[64];
        int64_t size = sl_base64_decode(sl_text(cases[i].text), out);
        if (cases[i].bytes == NULL) {
            if (size >= 0)
                fail_msg("taken: %s", cases[i].text);
        } else {
            CHECK_INT(size, strlen(cases[i].bytes));
            CHECK_BYTES(sl_bytes(out, (size_t)size), sl_text(cases[i].bytes));
        }
    }
    struct sl_out out = {0};
    sl_base64_write(&out, SL_LIT("\xff\xef\xfe"
                                 "f"));
    CHECK_TEXT(sl_out_cstr(&out), "/+/+Zg==");
    sl_out_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_valid_exactly_when_rfc_8259_says_so),
        cmocka_unit_test(test_tokens_come_in_order),
        cmocka_unit_test(test_an_error_stays_and_says_where),
        cmocka_unit_test(test_depth_is_bounded_where_the_caller_says),
        cmocka_unit_test(test_a_value_of_any_shape_is_skipped),
        cmocka_unit_test(test_strings_are_unescaped),
        cmocka_unit_test(test_written_strings_have_the_needed_escapes),
        cmocka_unit_test(test_doubles_are_written_short_and_read_back_the_same),
        cmocka_unit_test(test_whole_numbers_are_read_exactly),
        cmocka_unit_test(test_doubles_are_read_from_any_spelling),
        cmocka_unit_test(test_base64_is_read_in_all_four_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
