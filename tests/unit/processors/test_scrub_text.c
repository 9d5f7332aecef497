/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrubber's engine on text: escapes, JSON that stays JSON, overlaps,
 * actions, chunks, and the two index passes against each other.
 */
#include "core/alloc.h"
#include "otlp/json.h"
#include "processors/pii_scrubber/index.h"
#include "processors/pii_scrubber/scanner.h"
#include "tests/unit/processors/scrub_helper.h"

static void test_escaped_values_are_found_and_json_stays_json(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"{\"m\":\"kim\\u0040example.com\"}", "{\"m\":\"[EMAIL]\"}"},
        {"{\"m\":\"\\u00e9ric@example.com x\"}", "{\"m\":\"[EMAIL] x\"}"},
        {"{\"m\":\"{\\\"a\\\":\\\"kim\\\\u0040example.com\\\"}\"}",
         "{\"m\":\"{\\\"a\\\":\\\"[EMAIL]\\\"}\"}"},
        {"{\"m\":\"x\\nkim@example.com\\ty\"}", "{\"m\":\"x\\n[EMAIL]\\ty\"}"},
        {"{\"card\": 4556737586899855}", "{\"card\": \"[CREDIT_CARD]\"}"},
        {"{\"card\":-4556737586899855,\"b\":1}", "{\"card\":\"[CREDIT_CARD]\",\"b\":1}"},
        {"[4556737586899855, 1, 4556737586899855]", "[\"[CREDIT_CARD]\", 1, \"[CREDIT_CARD]\"]"},
        {"{\"c\":[[1.5,true,4556737586899855]]}", "{\"c\":[[1.5,true,\"[CREDIT_CARD]\"]]}"},
        {"{\"m\":\"{\\\"card\\\": 4556737586899855}\"}",
         "{\"m\":\"{\\\"card\\\": \\\"[CREDIT_CARD]\\\"}\"}"},
        {"{\"phone\": 4155550132}", "{\"phone\": \"[PHONE]\"}"},
        {"{\"u\":\"https:\\/\\/a:s3cr3tpw@h\\/\"}",
         "{\"u\":\"https:\\/\\/a:[URL_PASSWORD]@h\\/\"}"},
        {"{\"p\":\"password: x9kLm2z\\u0021\"}", "{\"p\":\"password: [PASSWORD]\"}"},
        {NULL, NULL}};
    scrub_cases(cases);
    for (unsigned i = 0; cases[i].text != NULL; i++) {
        CHECK(sl_json_valid(sl_text(cases[i].text), SL_JSON_DEPTH));
        CHECK(sl_json_valid(sl_text(cases[i].want), SL_JSON_DEPTH));
    }
}

static void test_other_spellings_are_seen_through(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {{"?to=kim%40example.com&x", "?to=[EMAIL]&x"},
                                              {"kim&#64;example.com", "[EMAIL]"},
                                              {"kim&#x40;example.com", "[EMAIL]"},
                                              {"４５５６７３７５８６８９９８５５", "[CREDIT_CARD]"},
                                              {"4556\xc2\xa0"
                                               "7375\xc2\xa0"
                                               "8689\xc2\xa0"
                                               "9855",
                                               "[CREDIT_CARD]"},
                                              {"4556\xe2\x80\x93"
                                               "7375\xe2\x80\x93"
                                               "8689\xe2\x80\x93"
                                               "9855",
                                               "[CREDIT_CARD]"},
                                              {"kim@exam\xe2\x80\x8b"
                                               "ple.com",
                                               "[EMAIL]"},
                                              {"٤٥٥٦٧٣٧٥٨٦٨٩٩٨٥٥", "[CREDIT_CARD]"},
                                              {"100% of 50 &# x %zz \\u12", NULL},
                                              {"東京 — 100\xc2\xa0km", NULL},
                                              {NULL, NULL}};
    scrub_cases(cases);
}

static void test_overlapping_spans_become_one(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dGhpc2lzbm90YXNpZw", "Bearer [JWT]"},
        {"https://u:s3cr3t@mail.example.com", "https://u:[URL_PASSWORD]@mail.example.com"},
        {"token=gh"
         "p_q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2",
         "token=[API_KEY]"},
        {NULL, NULL}};
    scrub_cases(cases);
}

static struct sl_bytes with_action(struct scrub_fixture *fixture, unsigned action, const char *text)
{
    memset(fixture->policy.actions, (int)action, sizeof fixture->policy.actions);
    return scrub_text(fixture, text);
}

static void test_actions_replace_in_their_own_way(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    CHECK_BYTES(with_action(&fixture, SL_PII_MASK, "card 4556737586899855."),
                sl_text("card ****9855."));
    CHECK_BYTES(with_action(&fixture, SL_PII_MASK, "kim@example.com"), sl_text("****@example.com"));
    CHECK_BYTES(with_action(&fixture, SL_PII_MASK, "password=Tr0ub4dor"), sl_text("password=****"));
    CHECK_BYTES(with_action(&fixture, SL_PII_MASK, "postgres://a:b1c2d3@h/"),
                sl_text("postgres://a:****@h/"));
    struct sl_bytes one = with_action(&fixture, SL_PII_HASH, "x 4556737586899855");
    struct sl_bytes two = with_action(&fixture, SL_PII_HASH, "x 4556-7375-8689-9855");
    CHECK_BYTES(one, two);
    CHECK_INT(one.size, strlen("x [CREDIT_CARD:0123456789ab]"));
    CHECK_BYTES(with_action(&fixture, SL_PII_HASH, (const char *)one.data), one);
    struct sl_bytes password = with_action(&fixture, SL_PII_HASH, "password=Tr0ub4dor");
    CHECK(sl_bytes_starts(password, "password=[PASSWORD:"));
    CHECK_BYTES(scrub_bytes(&fixture, password), password);
    struct sl_bytes other;
    fixture.policy.hash_key = SL_LIT("another key 1234");
    other = with_action(&fixture, SL_PII_HASH, "x 4556737586899855");
    CHECK(!sl_bytes_equal(one, other));
    scrub_end(&fixture);
}

static void test_hash_is_hmac_sha256(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    /* printf kim@example.com | openssl dgst -sha256 -hmac 0123456789abcdef */
    CHECK_BYTES(with_action(&fixture, SL_PII_HASH, "Kim\\u0040Example.com"),
                sl_text("[EMAIL:a6ddd3aa8dc9]"));
    scrub_end(&fixture);
}

static void test_drop_is_reported(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    struct sl_pii_outcome outcome;
    scrub_begin(&fixture);
    fixture.policy.actions[SL_PII_email] = SL_PII_DROP;
    CHECK_INT(sl_pii_scrub(fixture.scanner, &fixture.policy, SL_LIT("a kim@example.com"),
                           &fixture.arena, &outcome),
              0);
    CHECK(outcome.drop);
    CHECK_INT(outcome.found[SL_PII_email], 1);
    scrub_end(&fixture);
}

static void test_a_clean_text_is_returned_itself_without_allocating(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    struct sl_pii_outcome outcome;
    scrub_begin(&fixture);
    struct sl_bytes text = SL_LIT("POST /v1/chat took 329 ms, 1024 tokens: ok = true, id 7fd1ddfd");
    (void)sl_alloc_fail_after(-1);
    CHECK_INT(sl_pii_scrub(fixture.scanner, &fixture.policy, text, &fixture.arena, &outcome), 0);
    CHECK_INT(sl_alloc_fail_after(-1), 0);
    CHECK(outcome.text.data == text.data && !outcome.changed);
    scrub_end(&fixture);
}

static void test_without_memory_the_scan_fails(void **state)
{
    (void)state;
    static const char text[] = "kim\\u0040example.com and lea@example.com";
    for (long successes = 0;; successes++) {
        struct scrub_fixture fixture;
        struct sl_pii_outcome outcome;
        scrub_begin(&fixture);
        (void)sl_alloc_fail_after(successes);
        int status =
            sl_pii_scrub(fixture.scanner, &fixture.policy, sl_text(text), &fixture.arena, &outcome);
        (void)sl_alloc_fail_after(-1);
        if (status == 0)
            CHECK_BYTES(outcome.text, sl_text("[EMAIL] and [EMAIL]"));
        scrub_end(&fixture);
        if (status == 0) {
            CHECK(successes >= 3);
            return;
        }
        CHECK_INT(status, SL_ENOMEM);
        CHECK(successes < 100);
    }
}

static void test_types_that_are_off_are_left(void **state)
{
    (void)state;
    bool enabled[SL_PII_COUNT] = {false};
    enabled[SL_PII_password] = true;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    struct sl_pii_engine *engine = sl_pii_engine_new(enabled);
    sl_pii_scanner_free(fixture.scanner);
    fixture.scanner = sl_pii_scanner_new(engine);
    CHECK_BYTES(scrub_text(&fixture, "kim@example.com password=Tr0ub4dor api_key=q8ZrT5yLm2Xp9KdW"),
                sl_text("kim@example.com password=[PASSWORD] api_key=q8ZrT5yLm2Xp9KdW"));
    scrub_end(&fixture);
    sl_pii_engine_free(engine);
}

/* A value at every place around the border of two chunks. */
static void test_chunk_borders_hide_nothing(void **state)
{
    (void)state;
    static const char *const values[] = {" kim@example.com ", " 4556 7375 8689 9855 ",
                                         (" gh"
                                          "p_q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2 "),
                                         " DE94370400440532013007 "};
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    size_t total = SL_PII_CHUNK + 200;
    uint8_t *text = malloc(total);
    CHECK(text != NULL);
    for (unsigned v = 0; v < sizeof values / sizeof values[0]; v++) {
        size_t size = strlen(values[v]);
        for (size_t at = SL_PII_CHUNK - size - 2; at < SL_PII_CHUNK + 66; at++) {
            memset(text, 'x', total);
            memcpy(text + at, values[v], size);
            const struct sl_pii_span *spans = NULL;
            size_t count = 0;
            CHECK_INT(sl_pii_scan(fixture.scanner, sl_bytes(text, total), &spans, &count), 0);
            CHECK_INT(count, 1);
            CHECK_INT(spans[0].start, at + 1);
            CHECK_INT(spans[0].end, at + size - 1);
        }
    }
    free(text);
    scrub_end(&fixture);
}

static uint64_t random_state = 88172645463325252ull;

static uint32_t random_below(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % count;
}

/* Pieces that detectors look for, glued at random. */
static size_t random_text(uint8_t *text, size_t max)
{
    static const char *const pieces[] = {"kim@example.com",
                                         "4556737586899855",
                                         "password",
                                         "=",
                                         ":",
                                         "\"",
                                         "\\",
                                         "\\u0040",
                                         "%40",
                                         "&#64;",
                                         "sk-",
                                         "eyJ",
                                         "token",
                                         "[",
                                         "]",
                                         "@",
                                         "+49",
                                         "phone ",
                                         "-----BEGIN PRIVATE KEY-----",
                                         "://",
                                         "\\n",
                                         "415-555-0132",
                                         "DE94370400440532013007",
                                         "q8ZrT5yLm2Xp9KdWv3",
                                         " ",
                                         "{",
                                         "}",
                                         ",",
                                         "\xc3\xa9",
                                         "\xe2\x80\x8b",
                                         "Bearer ",
                                         "81.2.69.142",
                                         "[EMAIL]",
                                         "::",
                                         "bearer",
                                         "a",
                                         "1",
                                         ".",
                                         "-",
                                         "SK3"};
    size_t size = 0;
    while (size + 40 < max) {
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        memcpy(text + size, piece, strlen(piece));
        size += strlen(piece);
        if (random_below(8) == 0)
            text[size++] = (uint8_t)random_below(256);
        if (random_below(40) == 0)
            break;
    }
    return size;
}

static void test_vector_and_portable_index_agree(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    struct sl_pii_index *one = malloc(sizeof *one), *two = malloc(sizeof *two);
    CHECK(one != NULL && two != NULL);
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t buffer[600];
        size_t size = random_text(buffer, sizeof buffer), words = (size + 63) / 64;
        uint8_t *text = malloc(size > 0 ? size : 1);
        CHECK(text != NULL);
        memcpy(text, buffer, size);
        sl_pii_index_portable(&fixture.engine->prefilter, text, size, size, one);
        sl_pii_index_best()(&fixture.engine->prefilter, text, size, size, two);
        CHECK_INT(one->escapes, two->escapes);
        size_t bytes = (words + 1) * sizeof one->digit[0];
        CHECK(memcmp(one->digit, two->digit, bytes) == 0);
        CHECK(memcmp(one->upper, two->upper, bytes) == 0);
        CHECK(memcmp(one->at, two->at, bytes) == 0);
        CHECK(memcmp(one->separator, two->separator, bytes) == 0);
        CHECK(memcmp(one->literal, two->literal, bytes) == 0);
        free(text);
    }
    free(one);
    free(two);
    scrub_end(&fixture);
}

static void test_scrubbing_twice_changes_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct scrub_fixture fixture;
        uint8_t buffer[400];
        scrub_begin(&fixture);
        memset(fixture.policy.actions, (int)(round % 3), sizeof fixture.policy.actions);
        struct sl_bytes once = scrub_bytes(&fixture, sl_bytes(buffer, random_text(buffer, 400)));
        CHECK_BYTES(scrub_bytes(&fixture, once), once);
        scrub_end(&fixture);
    }
}

static void test_every_literal_has_room_in_the_tables(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    CHECK(fixture.engine->node_count < SL_PII_NODES);
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        const struct sl_pii_literal *literal = sl_pii_detectors[i]->literals;
        for (; literal != NULL && literal->text != NULL; literal++)
            CHECK(strlen(literal->text) >= 3 ||
                  (strlen(literal->text) == 2 && literal->third != 0));
        CHECK(sl_pii_find(sl_pii_name(i)) == (int)i);
    }
    CHECK_INT(sl_pii_find("no_such_type"), -1);
    scrub_end(&fixture);
}

static void test_numbers_are_cards_only_by_themselves(void **state)
{
    (void)state;
    CHECK(sl_pii_is_card(4556737586899855));
    CHECK(!sl_pii_is_card(4556737586899854));
    CHECK(!sl_pii_is_card(5018000000007));
    CHECK(!sl_pii_is_card(0));
    CHECK(!sl_pii_is_card(UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaped_values_are_found_and_json_stays_json),
        cmocka_unit_test(test_other_spellings_are_seen_through),
        cmocka_unit_test(test_overlapping_spans_become_one),
        cmocka_unit_test(test_actions_replace_in_their_own_way),
        cmocka_unit_test(test_hash_is_hmac_sha256),
        cmocka_unit_test(test_drop_is_reported),
        cmocka_unit_test(test_a_clean_text_is_returned_itself_without_allocating),
        cmocka_unit_test(test_without_memory_the_scan_fails),
        cmocka_unit_test(test_types_that_are_off_are_left),
        cmocka_unit_test(test_chunk_borders_hide_nothing),
        cmocka_unit_test(test_vector_and_portable_index_agree),
        cmocka_unit_test(test_scrubbing_twice_changes_nothing),
        cmocka_unit_test(test_every_literal_has_room_in_the_tables),
        cmocka_unit_test(test_numbers_are_cards_only_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
