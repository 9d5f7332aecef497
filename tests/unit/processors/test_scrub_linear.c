/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts made to be slow: every literal of every detector repeated with every
 * separator, and long runs of what the detectors look at. A text four times as
 * long must not take more than about four times as long.
 */
#include <time.h>

#include "processors/pii_scrubber/detect/detect.h"
#include "tests/unit/processors/scrub_helper.h"

enum { SMALL = 16 << 10, FACTOR = 8, SLOWER = 3, PATIENCE_US = 20000 };

static uint64_t now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct sl_bytes repeated(const char *head, const char *unit, size_t size)
{
    size_t head_size = strlen(head), unit_size = strlen(unit);
    uint8_t *text = malloc(size + head_size + unit_size);
    CHECK(text != NULL);
    memcpy(text, head, head_size);
    size_t end = head_size;
    for (; end < size; end += unit_size)
        memcpy(text + end, unit, unit_size);
    return sl_bytes(text, end);
}

static uint64_t time_of(struct scrub_fixture *fixture, const char *head, const char *unit,
                        size_t size)
{
    struct sl_bytes text = repeated(head, unit, size);
    struct sl_pii_outcome outcome;
    uint64_t start = now_us();
    CHECK_INT(sl_pii_scrub(fixture->scanner, &fixture->policy, text, &fixture->arena, &outcome), 0);
    uint64_t took = now_us() - start;
    sl_arena_reset(&fixture->arena);
    free((void *)(uintptr_t)text.data);
    return took;
}

/* Compares only where the time is worth it, twice so that one pause does not count. */
static void check_linear(struct scrub_fixture *fixture, const char *head, const char *unit)
{
    uint64_t large = time_of(fixture, head, unit, (size_t)SMALL * FACTOR);
    if (large < PATIENCE_US)
        return;
    uint64_t small = time_of(fixture, head, unit, SMALL);
    if (large > (small + 100) * FACTOR * SLOWER)
        large = time_of(fixture, head, unit, (size_t)SMALL * FACTOR);
    if (large > (small + 100) * FACTOR * SLOWER)
        fail_msg("'%s' '%s' ...: %llu us, %d times as much of it: %llu us", head, unit,
                 (unsigned long long)small, FACTOR, (unsigned long long)large);
}

static void test_repeated_literals_take_linear_time(void **state)
{
    static const char *const separators[] = {"",  ".",   " ",   "=",     "/",       ":", "\"",
                                             "-", "\\n", "a1.", "=a1B/", "\\u002e", "@", "&"};
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        for (const struct sl_pii_literal *literal = sl_pii_detectors[i]->literals;
             literal != NULL && literal->text != NULL; literal++) {
            for (unsigned k = 0; k < sizeof separators / sizeof separators[0]; k++) {
                char unit[96];
                (void)snprintf(unit, sizeof unit, "%s%s", literal->text, separators[k]);
                check_linear(&fixture, "", unit);
            }
        }
    }
    scrub_end(&fixture);
}

/* What detectors look at, each to be repeated. */
static const char *const hostile_units[] = {
    "1",
    "1 ",
    "1-",
    "1.",
    "4111111111111111,",
    "@",
    "a@",
    "a@b.",
    "a@b.co",
    "a@b.co ",
    ":",
    "::",
    "f:",
    "1:",
    "=",
    "\\u0040",
    "\\\\",
    "\\",
    "\\\"",
    "%40",
    "%2540",
    "&#64;",
    "&#",
    "\xef\xbc\xa0",
    "\xe2\x80\x8b",
    "[",
    "[EMAIL]",
    "****",
    "(1) ",
    "+1 ",
    "password: a1B$cdef ",
    "password=",
    "\"password\":\"",
    "token=a1",
    "-----BEGIN ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n",
    "-----BEGIN PRIVATE KEY-----\\n-----",
    "-----",
    "eyJ.eyJ",
    "eyJa.",
    "eyJabcdefghijkl.",
    "http://a:b@",
    "//:@",
    "://",
    "a:b@c/",
    "user:pass@",
    "DE89 ",
    "DE893704",
    "GB1 ",
    "Bearer ",
    "Basic ",
    "Authorization: Basic YTpi",
    "1.1.1.1 ",
    "fe80::1%",
    "{\"a\":",
    "[[",
    "[at]",
    "a [at] b [dot] ",
    "a (at) ",
    "phone 1",
    "ssn 123-45-6789 ",
    "\n",
    "\\n",
    ",",
    "\xc3\xa9",
    "\xff",
    "*",
    "A1B2 ",
};

static void test_runs_of_what_detectors_look_at_take_linear_time(void **state)
{
    static const char *const heads[] = {"", "{\"n\":[", "\"", "\\u0040"};
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    for (unsigned i = 0; i < sizeof hostile_units / sizeof hostile_units[0]; i++)
        for (unsigned k = 0; k < sizeof heads / sizeof heads[0]; k++)
            check_linear(&fixture, heads[k], hostile_units[i]);
    scrub_end(&fixture);
}

static void test_a_chain_of_glued_values_is_replaced_to_its_end(void **state)
{
    static const char *const units[] = {"+1 415 555 2671", "kim@example.com+1 415 555 2671",
                                        "415-555-2671+1 415 555 2671"};
    (void)state;
    struct scrub_fixture fixture;
    for (unsigned action = SL_PII_REDACT; action <= SL_PII_HASH; action++) {
        scrub_begin(&fixture);
        memset(fixture.policy.actions, (int)action, sizeof fixture.policy.actions);
        for (unsigned i = 0; i < 3 * 40; i++) {
            struct sl_bytes text = repeated("", units[i % 3], i / 3 * 16 + 1);
            struct sl_bytes once = scrub_bytes(&fixture, text), twice = scrub_bytes(&fixture, once);
            /* a mask that ends in digits hides what is glued to it */
            if (i % 3 == 0 && action != SL_PII_MASK &&
                memmem(once.data, once.size, "555", 3) != NULL)
                fail_msg("%zu: %.*s", text.size, (int)once.size, (const char *)once.data);
            CHECK_BYTES(twice, once);
            free((void *)(uintptr_t)text.data);
        }
        scrub_end(&fixture);
    }
}

/* Whether a number is one of JSON is seen far to its left; not again for each number. */
static void test_numbers_behind_much_structure_take_no_longer_than_others(void **state)
{
    static const char *const units[] = {"4111111111111111,", "[4111111111111111]"};
    char commas[6001];
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    memset(commas, ',', sizeof commas - 1);
    commas[sizeof commas - 1] = '\0';
    for (unsigned i = 0; i < 2; i++) {
        uint64_t behind = time_of(&fixture, commas, units[i], 1 << 20);
        uint64_t plain = time_of(&fixture, "{\"a\":[", units[i], 1 << 20);
        if (behind > 20000 + 8 * plain)
            fail_msg("%s: %llu us, others %llu us", units[i], (unsigned long long)behind,
                     (unsigned long long)plain);
    }
    scrub_end(&fixture);
}

static void test_json_that_is_given_up_stays_json(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    struct sl_bytes text = repeated("[\"", "+1 415 555 2671", 200);
    ((uint8_t *)(uintptr_t)text.data)[text.size - 2] = '"';
    ((uint8_t *)(uintptr_t)text.data)[text.size - 1] = ']';
    CHECK_BYTES(scrub_bytes(&fixture, text), SL_LIT("[\"[PHONE]\"]"));
    free((void *)(uintptr_t)text.data);
    scrub_end(&fixture);
}

static void test_many_short_findings_take_no_more_memory_than_they_need(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    struct sl_bytes text = repeated("", "a@b.co ", 1 << 20);
    CHECK(scrub_bytes(&fixture, text).size > 1 << 20);
    CHECK(fixture.arena.capacity < 6 << 20);
    free((void *)(uintptr_t)text.data);
    scrub_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeated_literals_take_linear_time),
        cmocka_unit_test(test_a_chain_of_glued_values_is_replaced_to_its_end),
        cmocka_unit_test(test_numbers_behind_much_structure_take_no_longer_than_others),
        cmocka_unit_test(test_json_that_is_given_up_stays_json),
        cmocka_unit_test(test_many_short_findings_take_no_more_memory_than_they_need),
        cmocka_unit_test(test_runs_of_what_detectors_look_at_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
