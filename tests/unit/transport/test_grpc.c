/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC's framing and header values. */
#include "tests/check.h"
#include "transport/grpc.h"

static void test_messages_are_found_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const uint8_t stream[] = {0, 0, 0, 0, 2, 'a', 'b', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'c'};
    for (size_t piece = 1; piece <= sizeof stream; piece++) {
        struct sl_grpc_framer framer = {0};
        struct sl_out seen = {0};
        for (size_t at = 0; at < sizeof stream; at += piece) {
            size_t size = sizeof stream - at < piece ? sizeof stream - at : piece;
            struct sl_bytes input = sl_bytes(stream + at, size), data;
            enum sl_grpc_event event;
            while ((event = sl_grpc_next(&framer, &input, &data)) != SL_GRPC_MORE) {
                if (event == SL_GRPC_BEGIN)
                    sl_out_printf(&seen, "%c%u:", framer.compressed ? 'z' : 'p', framer.length);
                else if (event == SL_GRPC_DATA)
                    sl_out_bytes(&seen, data.data, data.size);
                else
                    sl_out_text(&seen, event == SL_GRPC_END ? ";" : "error");
            }
        }
        CHECK_TEXT(sl_out_cstr(&seen), "p2:ab;z0:;p1:c;");
        CHECK(sl_grpc_at_boundary(&framer));
        CHECK_INT(framer.messages, 3);
        sl_out_done(&seen);
    }
}

static void test_timeouts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long long ms; /* -1: malformed */
    } rows[] = {{"1H", 3600000}, {"2M", 120000},     {"3S", 3000}, {"10m", 10}, {"1u", 1},
                {"1000001n", 2}, {"0n", 0},          {"S", -1},    {"1", -1},   {"1s", -1},
                {"-1S", -1},     {"123456789S", -1}, {"", -1},     {"1 S", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ms = 0;
        bool fine = sl_grpc_timeout_read(sl_text(rows[i].text), &ms);
        CHECK_INT(fine ? (long long)ms : -1, rows[i].ms);
    }
    struct sl_out out = {0};
    sl_grpc_timeout_write(5000, &out);
    sl_out_byte(&out, ' ');
    sl_grpc_timeout_write(100000001, &out);
    CHECK_TEXT(sl_out_cstr(&out), "5000m 100001S");
    sl_out_done(&out);
}

static void test_text_and_binary_survive_the_headers(void **state)
{
    (void)state;
    struct sl_out coded = {0}, plain = {0};
    sl_grpc_message_write(SL_LIT("50% of \xc3\xa9\n"), &coded);
    CHECK_TEXT(sl_out_cstr(&coded), "50%25 of %C3%A9%0A");
    sl_grpc_message_read(sl_out_view(&coded), &plain);
    CHECK_BYTES(sl_out_view(&plain), SL_LIT("50% of \xc3\xa9\n"));
    sl_out_clear(&plain);
    sl_grpc_message_read(SL_LIT("%zz%4"), &plain);
    CHECK_BYTES(sl_out_view(&plain), SL_LIT("%zz%4"));
    for (size_t size = 0; size < 5; size++) {
        sl_out_clear(&coded);
        sl_out_clear(&plain);
        sl_grpc_bin_write(sl_bytes("\xff\0\x10\x83", size), &coded);
        CHECK(sl_grpc_bin_read(sl_out_view(&coded), &plain));
        CHECK_BYTES(sl_out_view(&plain), sl_bytes("\xff\0\x10\x83", size));
    }
    sl_out_clear(&plain);
    CHECK(sl_grpc_bin_read(SL_LIT("_-8="), &plain));
    CHECK_BYTES(sl_out_view(&plain), SL_LIT("\xff\xef"));
    CHECK(!sl_grpc_bin_read(SL_LIT("a"), &plain));
    CHECK(!sl_grpc_bin_read(SL_LIT("a*aa"), &plain));
    sl_out_done(&coded);
    sl_out_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_found_however_the_bytes_are_cut),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_text_and_binary_survive_the_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
