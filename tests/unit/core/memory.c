/* SPDX-License-Identifier: Apache-2.0 */
/* alloc, arena, bytes, budget, buf, out and error: small things, their edges. */
#include <pthread.h>

#include "core/alloc.h"
#include "core/arena.h"
#include "core/budget.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/out.h"
#include "tests/check.h"

static void test_the_chosen_allocation_fails_once(void **state)
{
    (void)state;
    (void)sl_alloc_fail_after(1);
    void *first = sl_malloc(0), *second = sl_calloc(3, 3), *third = sl_strndup("abc", 2);
    CHECK_INT(sl_alloc_fail_after(-1), 3);
    CHECK(first != NULL);
    CHECK(second == NULL);
    CHECK_TEXT(third, "ab");
    sl_free(first);
    sl_free(third);
}

static void test_an_arena_aligns_grows_and_starts_over(void **state)
{
    (void)state;
    struct sl_arena arena = {0};
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *memory = sl_arena_alloc(&arena, size);
        CHECK(memory != NULL);
        CHECK_INT((uintptr_t)memory % 8, 0);
        memset(memory, 0xAA, size);
    }
    CHECK_BYTES(sl_arena_copy(&arena, SL_LIT("text")), SL_LIT("text"));
    struct sl_bytes empty = sl_arena_copy(&arena, sl_bytes(NULL, 0));
    CHECK(empty.data != NULL && empty.data[0] == 0);
    CHECK_TEXT(sl_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    sl_arena_reset(&arena);
    uint8_t *zeroed = sl_arena_calloc(&arena, 10, 10);
    for (int i = 0; i < 100; i++)
        CHECK_INT(zeroed[i], 0);
    CHECK(sl_arena_calloc(&arena, SIZE_MAX / 2, 4) == NULL);
    CHECK(sl_arena_alloc(&arena, SIZE_MAX) == NULL);
    sl_arena_done(&arena);
    CHECK_INT(arena.capacity, 0);
}

static void test_an_arena_array_grows_in_place_when_it_is_the_newest(void **state)
{
    (void)state;
    struct sl_arena arena = {0};
    char *a = sl_arena_grow(&arena, NULL, 0, 10);
    memcpy(a, "123456789", 10);
    char *same = sl_arena_grow(&arena, a, 10, 100);
    CHECK(same == a);
    (void)sl_arena_alloc(&arena, 8);
    char *moved = sl_arena_grow(&arena, same, 100, 200);
    CHECK(moved != a);
    CHECK_TEXT(moved, "123456789");
    char *large = sl_arena_grow(&arena, moved, 200, 100000);
    CHECK_TEXT(large, "123456789");
    sl_arena_done(&arena);
}

static void test_an_arena_keeps_to_its_limit(void **state)
{
    (void)state;
    struct sl_arena arena = {.limit = 4096};
    size_t got = 0;
    while (sl_arena_alloc(&arena, 64) != NULL)
        got += 64;
    CHECK(got >= 2048 && got <= 4096);
    CHECK(arena.capacity <= 4096);
    sl_arena_done(&arena);
    CHECK_INT(arena.limit, 4096);
}

static void test_whole_numbers_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } table[] = {{"0", true, 0},
                 {"-0", true, 0},
                 {"42", true, 42},
                 {"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775809", false, 0},
                 {"", false, 0},
                 {"-", false, 0},
                 {"+1", false, 0},
                 {" 1", false, 0},
                 {"1x", false, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t value = 0;
        CHECK_INT(sl_bytes_to_int64(sl_text(table[i].text), &value), table[i].valid);
        CHECK_INT(value, table[i].value);
    }
}

static void test_utf8_is_checked_as_rfc_3629_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t valid;
    } table[] = {{"plain ascii text", 16},
                 {"\u00e9\u20ac\U0001F600", 9},
                 {"\xF4\x8F\xBF\xBF", 4},
                 {"a\x80", 1},
                 {"a\xC0\x80", 1},
                 {"a\xC1\xBF", 1},
                 {"a\xE0\x9F\xBF", 1},
                 {"a\xED\xA0\x80", 1},
                 {"a\xF0\x8F\xBF\xBF", 1},
                 {"a\xF4\x90\x80\x80", 1},
                 {"a\xF5\x80\x80\x80", 1},
                 {"a\xE2\x82", 1},
                 {"12345678\xE2\x82", 8},
                 {"1234567\u00e9 and on to the end", 27},
                 {"\xFF", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CHECK_INT(sl_utf8_valid_prefix(sl_text(table[i].text)), table[i].valid);
    static const uint32_t points[] = {0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        uint8_t out[4];
        size_t size = sl_utf8_encode(points[i], out);
        CHECK_INT(size, 1 + i / 2);
        CHECK_INT(sl_utf8_valid_prefix(sl_bytes(out, size)), size);
    }
}

static void test_bytes_compare_trim_and_hash(void **state)
{
    (void)state;
    CHECK(sl_bytes_equal(sl_bytes(NULL, 0), SL_LIT("")));
    CHECK(sl_bytes_equal_nocase(SL_LIT("Content-Type"), SL_LIT("cONTENT-tYPE")));
    CHECK(!sl_bytes_equal_nocase(SL_LIT("a["), SL_LIT("A{")));
    CHECK(sl_bytes_starts(sl_bytes(NULL, 0), ""));
    CHECK(!sl_bytes_starts(SL_LIT("ab"), "abc"));
    CHECK_BYTES(sl_bytes_trim(SL_LIT(" \t a b\r\n")), SL_LIT("a b"));
    CHECK_BYTES(sl_bytes_trim(SL_LIT(" \n ")), SL_LIT(""));
    CHECK(sl_hash(SL_LIT("a")) != sl_hash(SL_LIT("b")));
    CHECK(sl_hash_seeded(SL_LIT("a"), 1) != sl_hash_seeded(SL_LIT("a"), 2));
}

static void test_a_budget_refuses_above_its_limit(void **state)
{
    (void)state;
    struct sl_budget budget;
    sl_budget_init(&budget, 100);
    CHECK(sl_budget_take(&budget, 60));
    CHECK(!sl_budget_take(&budget, 41));
    CHECK(!sl_budget_take(&budget, SIZE_MAX));
    CHECK(sl_budget_take(&budget, 40));
    CHECK_INT(budget.used, 100);
    sl_budget_force(&budget, 50);
    CHECK(!sl_budget_take(&budget, 1));
    sl_budget_give(&budget, 150);
    CHECK_INT(budget.used, 0);
    CHECK_INT(budget.peak, 150);
    sl_budget_init(&budget, 0);
    CHECK(sl_budget_take(&budget, SIZE_MAX / 2));
}

static atomic_bool stop_asking;

static void *ask_for_too_much(void *budget)
{
    while (!atomic_load(&stop_asking))
        assert_false(sl_budget_take(budget, 1000));
    return NULL;
}

static void test_a_refused_giant_takes_nothing_from_others(void **state)
{
    (void)state;
    struct sl_budget budget;
    sl_budget_init(&budget, 100);
    atomic_store(&stop_asking, false);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, ask_for_too_much, &budget), 0);
    unsigned refused = 0;
    for (int i = 0; i < 200000; i++) {
        if (sl_budget_take(&budget, 1))
            sl_budget_give(&budget, 1);
        else
            refused++;
    }
    atomic_store(&stop_asking, true);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(refused, 0);
}

static void test_a_buffer_is_charged_until_its_last_reference_goes(void **state)
{
    (void)state;
    struct sl_budget budget;
    sl_budget_init(&budget, 1000);
    struct sl_buf *buf = sl_buf_new(&budget, 100);
    CHECK_INT(budget.used, 100);
    CHECK_INT(sl_buf_append(buf, "hello", 5, 0), SL_OK);
    CHECK_BYTES(sl_buf_bytes(buf), SL_LIT("hello"));
    CHECK_INT(sl_buf_reserve(buf, 200, 0), SL_OK);
    CHECK(buf->capacity >= 205);
    CHECK_INT(budget.used, buf->capacity);
    CHECK_INT(sl_buf_reserve(buf, 900, 500), SL_ELIMIT);
    CHECK_INT(sl_buf_reserve(buf, 5000, 0), SL_EAGAIN);
    CHECK_INT(sl_buf_reserve(buf, SIZE_MAX, 0), SL_ELIMIT);
    CHECK_INT(budget.used, buf->capacity);
    CHECK(sl_buf_ref(buf) == buf);
    sl_buf_unref(buf);
    CHECK_BYTES(sl_buf_bytes(buf), SL_LIT("hello"));
    sl_buf_unref(buf);
    sl_buf_unref(NULL);
    CHECK_INT(budget.used, 0);
    CHECK(sl_buf_new(&budget, 1001) == NULL);
    CHECK(sl_buf_adopt(&budget, sl_malloc(8), 8, 2000) == NULL);
    CHECK_INT(budget.used, 0);
}

static void test_a_buffer_that_finds_no_memory_charges_nothing(void **state)
{
    (void)state;
    struct sl_budget budget;
    sl_budget_init(&budget, 0);
    for (long n = 0; n < 2; n++) {
        (void)sl_alloc_fail_after(n);
        struct sl_buf *buf = sl_buf_new(&budget, 10);
        (void)sl_alloc_fail_after(-1);
        CHECK(buf == NULL);
        CHECK_INT(budget.used, 0);
    }
    struct sl_buf *buf = sl_buf_new(&budget, 10);
    (void)sl_alloc_fail_after(0);
    CHECK_INT(sl_buf_reserve(buf, 100, 0), SL_ENOMEM);
    (void)sl_alloc_fail_after(-1);
    CHECK_INT(budget.used, 10);
    sl_buf_unref(buf);
}

static void test_a_writer_grows_and_formats(void **state)
{
    (void)state;
    struct sl_out out = {0};
    CHECK_TEXT(sl_out_cstr(&out), "");
    for (int i = 0; i < 1000; i++)
        sl_out_printf(&out, "%03d", i);
    sl_out_byte(&out, '!');
    sl_out_text(&out, "end");
    CHECK_INT(out.size, 3004);
    CHECK_TEXT(sl_out_cstr(&out) + 2994, "998999!end");
    sl_out_clear(&out);
    CHECK_BYTES(sl_out_view(&out), SL_LIT(""));
    sl_out_done(&out);
}

static void test_a_writer_keeps_to_its_limit_and_stays_failed(void **state)
{
    (void)state;
    struct sl_out out = {.limit = 10};
    sl_out_printf(&out, "%s", "12345");
    sl_out_bytes(&out, "67890", 5);
    CHECK(!out.failed);
    CHECK_TEXT(sl_out_cstr(&out), "1234567890");
    sl_out_byte(&out, 'x'); /* there is capacity for it, but the limit holds */
    CHECK(out.failed);
    CHECK_INT(out.size, 10);
    CHECK(sl_out_room(&out, 1) == NULL);
    sl_out_clear(&out);
    sl_out_text(&out, "ok");
    CHECK_TEXT(sl_out_cstr(&out), "ok");
    sl_out_done(&out);
    CHECK_INT(out.limit, 10);
    (void)sl_alloc_fail_after(0);
    sl_out_text(&out, "x");
    (void)sl_alloc_fail_after(-1);
    CHECK(out.failed);
    CHECK_TEXT(sl_out_cstr(&out), "");
    sl_out_done(&out);
}

static void test_an_error_is_one_line_for_people(void **state)
{
    (void)state;
    struct sl_error error = {.text = ""};
    CHECK_INT(sl_fail(&error, SL_EINVALID, "port %d is taken", 7), SL_EINVALID);
    CHECK_TEXT(error.text, "port 7 is taken");
    CHECK_INT(sl_fail(NULL, SL_EIO, "unseen"), SL_EIO);
    CHECK_TEXT(sl_status_text(SL_ENOMEM), "out of memory");
    CHECK_TEXT(sl_status_text(-99), "unknown status");
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)sl_fail(&error, SL_EIO, "%s", text);
    CHECK_INT(strlen(error.text), sizeof error.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_chosen_allocation_fails_once),
        cmocka_unit_test(test_an_arena_aligns_grows_and_starts_over),
        cmocka_unit_test(test_an_arena_array_grows_in_place_when_it_is_the_newest),
        cmocka_unit_test(test_an_arena_keeps_to_its_limit),
        cmocka_unit_test(test_whole_numbers_are_read_strictly),
        cmocka_unit_test(test_utf8_is_checked_as_rfc_3629_says),
        cmocka_unit_test(test_bytes_compare_trim_and_hash),
        cmocka_unit_test(test_a_budget_refuses_above_its_limit),
        cmocka_unit_test(test_a_refused_giant_takes_nothing_from_others),
        cmocka_unit_test(test_a_buffer_is_charged_until_its_last_reference_goes),
        cmocka_unit_test(test_a_buffer_that_finds_no_memory_charges_nothing),
        cmocka_unit_test(test_a_writer_grows_and_formats),
        cmocka_unit_test(test_a_writer_keeps_to_its_limit_and_stays_failed),
        cmocka_unit_test(test_an_error_is_one_line_for_people),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
