/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs: round trips, several members and frames, garbage, bombs, windows. */
#include "core/budget.h"
#include "tests/check.h"
#include "transport/compress.h"

static const enum sl_codec codecs[] = {SL_CODEC_IDENTITY, SL_CODEC_GZIP, SL_CODEC_ZSTD,
                                       SL_CODEC_DEFLATE};

static int inflate_to(enum sl_codec codec, struct sl_bytes body, size_t limit,
                      struct sl_bytes expected)
{
    struct sl_budget budget;
    struct sl_buf *got = NULL;
    struct sl_error error = {""};
    sl_budget_init(&budget, 0);
    int rc = sl_inflate(codec, body, limit, &budget, &got, &error);
    if (rc == SL_OK)
        CHECK_BYTES(sl_buf_bytes(got), expected);
    else
        CHECK(error.text[0] != 0);
    sl_buf_unref(got);
    CHECK_INT(atomic_load(&budget.used), 0);
    return rc;
}

static void test_every_codec_gives_back_what_it_was_given(void **state)
{
    (void)state;
    struct sl_out text = {0}, packed = {0};
    for (int i = 0; i < 5000; i++)
        sl_out_printf(&text, "%d,", i * i);
    for (size_t c = 0; c < 4; c++)
        for (int level = 0; level < 4; level += 3) {
            sl_out_clear(&packed);
            CHECK_INT(sl_deflate(codecs[c], level, sl_out_view(&text), &packed), 0);
            struct sl_bytes body = sl_out_view(&packed);
            CHECK_INT(inflate_to(codecs[c], body, 0, sl_out_view(&text)), 0);
            CHECK_INT(inflate_to(codecs[c], body, text.size, sl_out_view(&text)), 0);
            CHECK_INT(inflate_to(codecs[c], body, text.size - 1, sl_out_view(&text)), SL_ELIMIT);
        }
    sl_out_done(&text);
    sl_out_done(&packed);
}

static void test_members_and_frames_are_read_to_the_end(void **state)
{
    (void)state;
    for (size_t c = 1; c < 3; c++) {
        struct sl_out packed = {0};
        CHECK_INT(sl_deflate(codecs[c], 0, SL_LIT("first "), &packed), 0);
        if (codecs[c] == SL_CODEC_ZSTD) /* a skippable frame between them */
            sl_out_bytes(&packed, "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
        CHECK_INT(sl_deflate(codecs[c], 0, SL_LIT("second"), &packed), 0);
        CHECK_INT(inflate_to(codecs[c], sl_out_view(&packed), 100, SL_LIT("first second")), 0);
        CHECK_INT(inflate_to(codecs[c], sl_out_view(&packed), 11, SL_LIT("")), SL_ELIMIT);
        sl_out_done(&packed);
    }
}

static void test_every_truncation_and_trailing_garbage_is_an_error(void **state)
{
    (void)state;
    for (size_t c = 1; c < 4; c++) {
        struct sl_out packed = {0};
        CHECK_INT(sl_deflate(codecs[c], 0, SL_LIT("some text, some text"), &packed), 0);
        for (size_t size = 0; size < packed.size; size++)
            CHECK_INT(inflate_to(codecs[c], sl_bytes(packed.data, size), 100, SL_LIT("")),
                      SL_EINVALID);
        sl_out_text(&packed, "garbage");
        CHECK_INT(inflate_to(codecs[c], sl_out_view(&packed), 100, SL_LIT("")), SL_EINVALID);
        sl_out_done(&packed);
    }
}

static void test_bombs_stop_at_the_limit_and_at_the_budget(void **state)
{
    (void)state;
    struct sl_out zeros = {0}, packed = {0};
    CHECK(sl_out_room(&zeros, 16 << 20) != NULL);
    memset(zeros.data, 0, 16 << 20);
    zeros.size = 16 << 20;
    for (size_t c = 1; c < 4; c++) {
        struct sl_budget budget;
        struct sl_buf *got = NULL;
        sl_out_clear(&packed);
        CHECK_INT(sl_deflate(codecs[c], 0, sl_out_view(&zeros), &packed), 0);
        sl_budget_init(&budget, 2 << 20);
        struct sl_bytes body = sl_out_view(&packed);
        CHECK_INT(sl_inflate(codecs[c], body, 1 << 20, &budget, &got, NULL), SL_ELIMIT);
        CHECK(atomic_load(&budget.peak) <= 1 << 20);
        CHECK_INT(sl_inflate(codecs[c], body, 0, &budget, &got, NULL), SL_EAGAIN);
        CHECK_INT(atomic_load(&budget.used), 0);
    }
    sl_out_done(&zeros);
    sl_out_done(&packed);
}

static void test_a_large_window_is_refused_whatever_the_size(void **state)
{
    (void)state;
    /* Magic, no content size, window descriptor, then a last raw block "hi". */
    uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0x11, 0x00, 0x00, 'h', 'i'};
    CHECK_INT(inflate_to(SL_CODEC_ZSTD, sl_bytes(frame, sizeof frame), 100, SL_LIT("hi")), 0);
    frame[5] = 0x69; /* 9 MiB */
    CHECK_INT(inflate_to(SL_CODEC_ZSTD, sl_bytes(frame, sizeof frame), 100, SL_LIT("")),
              SL_EINVALID);
    frame[5] = 0x88; /* 128 MiB */
    CHECK_INT(inflate_to(SL_CODEC_ZSTD, sl_bytes(frame, sizeof frame), 100, SL_LIT("")),
              SL_EINVALID);
}

static void test_names_of_codings(void **state)
{
    (void)state;
    CHECK_INT(sl_codec_find(SL_LIT("GZIP")), SL_CODEC_GZIP);
    CHECK_INT(sl_codec_find(SL_LIT("x-gzip")), SL_CODEC_GZIP);
    CHECK_INT(sl_codec_find(SL_LIT("")), SL_CODEC_IDENTITY);
    CHECK_INT(sl_codec_find(SL_LIT("identity")), SL_CODEC_IDENTITY);
    CHECK_INT(sl_codec_find(SL_LIT("gzip, gzip")), -1);
    CHECK_INT(sl_codec_find(SL_LIT("br")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_codec_gives_back_what_it_was_given),
        cmocka_unit_test(test_members_and_frames_are_read_to_the_end),
        cmocka_unit_test(test_every_truncation_and_trailing_garbage_is_an_error),
        cmocka_unit_test(test_bombs_stop_at_the_limit_and_at_the_budget),
        cmocka_unit_test(test_a_large_window_is_refused_whatever_the_size),
        cmocka_unit_test(test_names_of_codings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
