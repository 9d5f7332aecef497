/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer and the transcoding, both ways. The first byte of an input picks
 * what is done, the second one the message. Beside not crashing: what was
 * written must be canonical, valid, and mean the same when it is read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "otlp/json.h"
#include "otlp/service.h"
#include "otlp/transcode.h"
#include "otlp/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 64 };

#define REQUIRE(expr)                                                                              \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void require_canonical(const struct sl_message *message, struct sl_bytes wire)
{
    struct sl_walk walk = {.max_depth = SL_MAX_DEPTH};
    static const uint8_t nothing[1];
    if (wire.size == 0)
        wire.data = nothing;
    REQUIRE(sl_walk_message(&walk, message, wire, 1) == 0);
    REQUIRE(!walk.odd);
}

/* Wire that we made -> JSON -> wire: the same bytes. */
static void require_round_trip(const struct sl_message *message, struct sl_bytes wire)
{
    struct sl_out json = {0}, again = {0}, twice = {0};
    REQUIRE(sl_wire_to_json(message, wire, &json, NULL) == 0);
    REQUIRE(sl_json_valid(sl_out_view(&json), SL_JSON_DEPTH));
    REQUIRE(sl_json_to_wire(message, sl_out_view(&json), &again, NULL) == 0);
    require_canonical(message, sl_out_view(&again));
    REQUIRE(sl_wire_to_json(message, sl_out_view(&again), &twice, NULL) == 0);
    REQUIRE(sl_bytes_equal(sl_out_view(&json), sl_out_view(&twice)));
    sl_out_done(&json);
    sl_out_done(&again);
    sl_out_done(&twice);
}

static void tokenize(struct sl_bytes text)
{
    struct sl_json json;
    sl_json_init(&json, text, DEPTH);
    unsigned tokens = 0;
    for (;;) {
        enum sl_json_token token = sl_json_next(&json);
        REQUIRE(json.at >= json.start && json.at <= json.end && json.depth <= DEPTH);
        if (token == SL_JSON_ERROR || token == SL_JSON_END) {
            REQUIRE(sl_json_valid(text, DEPTH) == (token == SL_JSON_END));
            REQUIRE(token == SL_JSON_END || json.problem != NULL);
            return;
        }
        REQUIRE(++tokens <= text.size + 1);
        if (token != SL_JSON_STRING && token != SL_JSON_KEY)
            continue;
        uint8_t *plain = malloc(json.raw.size + 1);
        REQUIRE(plain != NULL);
        size_t size = sl_json_unescape(json.raw, plain);
        REQUIRE(size <= json.raw.size);
        REQUIRE(sl_utf8_valid_prefix(sl_bytes(plain, size)) == size);
        plain[size] = '\0';
        bool nul = memchr(plain, 0, size) != NULL;
        REQUIRE(sl_json_raw_is(json.raw, json.escaped, (char *)plain) == !nul);
        struct sl_out written = {0};
        sl_json_write_string(&written, sl_bytes(plain, size));
        REQUIRE(sl_json_valid(sl_out_view(&written), 0));
        sl_out_done(&written);
        free(plain);
    }
}

static void from_json(const struct sl_message *message, struct sl_bytes text)
{
    struct sl_out wire = {.limit = 1 << 20};
    struct sl_error error = {""};
    int rc = sl_json_to_wire(message, text, &wire, &error);
    if (rc == 0) {
        REQUIRE(sl_json_valid(text, SL_JSON_DEPTH));
        require_canonical(message, sl_out_view(&wire));
        require_round_trip(message, sl_out_view(&wire));
    } else {
        REQUIRE(wire.size == 0 && strncmp(error.text, "offset ", 7) == 0);
    }
    sl_out_done(&wire);
}

static void from_wire(const struct sl_message *message, struct sl_bytes wire)
{
    struct sl_out json = {0};
    int rc = sl_wire_to_json(message, wire, &json, NULL);
    REQUIRE(rc == 0 || json.size == 0);
    if (rc == 0)
        require_round_trip(message, wire);
    sl_out_clear(&json);
    sl_value_to_plain_json(wire, &json);
    REQUIRE(json.size > 0);
    sl_out_done(&json);
}

static void read_answers(enum sl_encoding encoding, struct sl_bytes body)
{
    struct sl_out scratch = {0}, out = {0};
    struct sl_export_response response;
    struct sl_rpc_status status;
    if (sl_export_response_read(SL_LOGS, encoding, body, &response, &scratch) == 0) {
        sl_export_response_write(SL_LOGS, SL_JSON, &response, &out);
        REQUIRE(sl_json_valid(sl_out_view(&out), DEPTH));
    }
    sl_out_clear(&out);
    sl_out_clear(&scratch);
    if (sl_rpc_status_read(encoding, body, &status, &scratch) == 0) {
        sl_rpc_status_write(SL_JSON, &status, &out);
        REQUIRE(sl_json_valid(sl_out_view(&out), DEPTH));
        struct sl_rpc_status again;
        struct sl_out more = {0};
        REQUIRE(sl_rpc_status_read(SL_JSON, sl_out_view(&out), &again, &more) == 0);
        REQUIRE(again.code == status.code && again.retry_after_ms == status.retry_after_ms);
        REQUIRE(sl_bytes_equal(again.message, status.message));
        sl_out_done(&more);
    }
    sl_out_done(&scratch);
    sl_out_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sl_message *const messages[] = {&sl_msg_trace_request, &sl_msg_metrics_request,
                                                 &sl_msg_logs_request, &sl_msg_any_value};
    if (size < 2)
        return 0;
    const struct sl_message *message = messages[data[1] % 4];
    struct sl_bytes rest = sl_bytes(data + 2, size - 2);
    switch (data[0] % 5) {
    case 0:
        tokenize(rest);
        break;
    case 1:
        from_json(message, rest);
        break;
    case 2:
        from_wire(message, rest);
        break;
    default:
        read_answers(data[0] % 5 == 3 ? SL_PROTOBUF : SL_JSON, rest);
        break;
    }
    return 0;
}
