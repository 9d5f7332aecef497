/* SPDX-License-Identifier: Apache-2.0 */
/* The server's HTTP/2: frames on streams that are closed, as raw bytes that nghttp2's client
 * would not send. */
#include <nghttp2/nghttp2.h>

#include "tests/unit/transport/serve.h"

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* POST /, authority "a"; the path "/early" is refused before its body. */
#define HEADERS(flags, id) "\0\0\6\1" flags "\0\0\0" id "\x83\x84\x86\x41\1a"
#define EARLY(flags, id) "\0\0\15\1" flags "\0\0\0" id "\x83\x86\x41\1a\4\6/early"
#define DATA(flags, id) "\0\0\2\0" flags "\0\0\0" id "xy"
#define RESET(id) "\0\0\4\3\0\0\0\0" id "\0\0\0\x8"
#define PRIORITY(id) "\0\0\5\2\0\0\0\0" id "\0\0\0\0\0"
#define WINDOW(id) "\0\0\4\x8\0\0\0\0" id "\0\0\0\1"
#define ENDS "\5" /* END_HEADERS, END_STREAM */
#define OPEN "\4"
#define LAST "\1"
#define MORE "\0"

enum { NONE = -1 };

struct script {
    const char *name;
    struct sl_bytes frames;
    int goaway;     /* the error of the connection; NONE */
    unsigned begun; /* requests that reached the handler */
};

#define SCRIPT(name, frames, goaway, begun)                                                        \
    {                                                                                              \
        name, {(const uint8_t *)frames, sizeof frames - 1}, goaway, begun                          \
    }

static const struct script scripts[] = {
    SCRIPT("DATA after both sides have ended", HEADERS(ENDS, "\1") DATA(LAST, "\1"),
           NGHTTP2_STREAM_CLOSED, 1),
    SCRIPT("HEADERS after both sides have ended", HEADERS(ENDS, "\1") HEADERS(ENDS, "\1"),
           NGHTTP2_STREAM_CLOSED, 1),
    SCRIPT("DATA after the client's reset", HEADERS(OPEN, "\1") RESET("\1") DATA(LAST, "\1"),
           NGHTTP2_STREAM_CLOSED, 1),
    SCRIPT("HEADERS after the client's reset", HEADERS(OPEN, "\1") RESET("\1") HEADERS(ENDS, "\1"),
           NGHTTP2_STREAM_CLOSED, 1),
    SCRIPT("nothing is read behind it", HEADERS(ENDS, "\1") DATA(LAST, "\1") HEADERS(ENDS, "\3"),
           NGHTTP2_STREAM_CLOSED, 1),
    SCRIPT("HEADERS with a number that was skipped", HEADERS(ENDS, "\5") HEADERS(ENDS, "\3"),
           NGHTTP2_PROTOCOL_ERROR, 1),
    SCRIPT("DATA on a stream not begun", DATA(LAST, "\1"), NGHTTP2_PROTOCOL_ERROR, 0),
    SCRIPT("PRIORITY, WINDOW_UPDATE and RST_STREAM may follow the end",
           HEADERS(ENDS, "\1") PRIORITY("\1") WINDOW("\1") RESET("\1") HEADERS(ENDS, "\3"), NONE,
           2),
    SCRIPT("a request with a body",
           HEADERS(OPEN, "\1") DATA(MORE, "\1") DATA(LAST, "\1") HEADERS(ENDS, "\3"), NONE, 2),
    SCRIPT("a request with trailers",
           HEADERS(OPEN, "\1") DATA(MORE, "\1") "\0\0\5\1\5\0\0\0\1\0\1a\1b" HEADERS(ENDS, "\3"),
           NONE, 2),
    SCRIPT("a body after its early answer",
           EARLY(OPEN, "\1") DATA(MORE, "\1") DATA(LAST, "\1") HEADERS(ENDS, "\3"), NONE, 2),
    SCRIPT("DATA behind the end of a body answered early",
           EARLY(OPEN, "\1") DATA(LAST, "\1") DATA(LAST, "\1"), NGHTTP2_STREAM_CLOSED, 1),
};

static uint32_t number(const uint8_t *at, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* The error in the last frame of this type that the server has sent; NONE. */
static int error_sent(const struct serve *serve, uint8_t type)
{
    const struct sl_out *got = &serve->got;
    int error = NONE;
    for (size_t at = 0; at + 9 <= got->size;) {
        const uint8_t *frame = got->data + at;
        at += 9 + number(frame, 3);
        CHECK(at <= got->size);
        if (frame[3] == type)
            error = (int)number(frame + (type == NGHTTP2_GOAWAY ? 13 : 9), 4);
    }
    return error;
}

static void begin(struct serve *serve)
{
    serve_start(serve, false);
    serve_send(serve, SL_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS));
}

static void check_script(const struct script *script, size_t piece)
{
    struct serve serve;
    begin(&serve);
    for (size_t at = 0; at < script->frames.size; at += piece)
        serve_send(&serve,
                   sl_bytes(script->frames.data + at,
                            script->frames.size - at < piece ? script->frames.size - at : piece));
    int goaway = error_sent(&serve, NGHTTP2_GOAWAY);
    if (goaway != script->goaway || serve.begun != script->begun || serve.ended != (goaway != NONE))
        fail_msg("%s, in pieces of %zu: goaway %d, %u begun, ended %d", script->name, piece, goaway,
                 serve.begun, serve.ended);
    serve_stop(&serve);
}

static void test_frames_on_closed_streams_end_the_connection(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 9, 10, 15, 100000};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++)
            check_script(&scripts[i], pieces[j]);
}

/* 16 KiB frames until the answered upload is reset, then what was under way. */
static void test_what_was_under_way_before_a_reset_is_dropped(void **state)
{
    (void)state;
    static uint8_t frame[9 + 16384] = {0, 0x40, 0, 0, 0, 0, 0, 0, 1};
    struct serve serve;
    begin(&serve);
    serve_send(&serve, SL_LIT(EARLY(OPEN, "\1")));
    for (int i = 0; i < 20; i++)
        serve_send(&serve, sl_bytes(frame, sizeof frame));
    CHECK_INT(error_sent(&serve, NGHTTP2_RST_STREAM), NGHTTP2_NO_ERROR);
    serve_send(&serve, SL_LIT(DATA(MORE, "\1") DATA(LAST, "\1")));
    serve_send(&serve, SL_LIT("\0\0\5\1\5\0\0\0\1\0\1a\1b")); /* trailers */
    CHECK_INT(error_sent(&serve, NGHTTP2_GOAWAY), NONE);
    serve_send(&serve, SL_LIT(HEADERS(ENDS, "\3")));
    CHECK_INT(serve.begun, 2);
    CHECK(!serve.ended && !serve.closed);
    serve_stop(&serve);
}

/* More streams than are remembered. */
static void test_a_stream_long_forgotten_drops_data_and_refuses_headers(void **state)
{
    (void)state;
    struct serve serve;
    begin(&serve);
    for (unsigned id = 1; id < 601; id += 2) {
        uint8_t frame[] = {0,           0,    6,    1,    5,    0,   0,  (uint8_t)(id >> 8),
                           (uint8_t)id, 0x83, 0x84, 0x86, 0x41, 0x1, 'a'};
        serve_send(&serve, sl_bytes(frame, sizeof frame));
    }
    CHECK_INT(serve.ends, 300);
    serve_send(&serve, SL_LIT(DATA(LAST, "\1")));
    CHECK_INT(error_sent(&serve, NGHTTP2_GOAWAY), NONE);
    serve_send(&serve, SL_LIT(HEADERS(ENDS, "\1")));
    CHECK_INT(error_sent(&serve, NGHTTP2_GOAWAY), NGHTTP2_PROTOCOL_ERROR);
    serve_stop(&serve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_on_closed_streams_end_the_connection),
        cmocka_unit_test(test_what_was_under_way_before_a_reset_is_dropped),
        cmocka_unit_test(test_a_stream_long_forgotten_drops_data_and_refuses_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
