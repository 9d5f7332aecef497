/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON and transcoding as a filter, for tests that compare with other
 * implementations: frames of {mode, message, length in 4 bytes little-endian,
 * bytes} from standard input, {status, length, bytes} to standard output.
 */
#include <stdio.h>
#include <stdlib.h>

#include "otlp/json.h"
#include "otlp/service.h"
#include "otlp/transcode.h"

/* Everything the tokenizer gave, written again; numbers as they were. */
static int rewrite(struct sl_bytes text, struct sl_out *out, struct sl_error *reterr)
{
    struct sl_json json;
    sl_json_init(&json, text, SL_JSON_DEPTH);
    bool comma = false;
    for (;;) {
        enum sl_json_token token = sl_json_next(&json);
        if (token == SL_JSON_END)
            return 0;
        if (token == SL_JSON_ERROR)
            return sl_fail(reterr, SL_EINVALID, "offset %zu: %s", sl_json_offset(&json),
                           json.problem);
        bool closes = token == SL_JSON_OBJECT_END || token == SL_JSON_ARRAY_END;
        if (comma && !closes)
            sl_out_byte(out, ',');
        comma = token != SL_JSON_OBJECT && token != SL_JSON_ARRAY && token != SL_JSON_KEY;
        static const char *const words[] = {
            [SL_JSON_OBJECT] = "{",    [SL_JSON_OBJECT_END] = "}", [SL_JSON_ARRAY] = "[",
            [SL_JSON_ARRAY_END] = "]", [SL_JSON_TRUE] = "true",    [SL_JSON_FALSE] = "false",
            [SL_JSON_NULL] = "null"};
        if (token == SL_JSON_NUMBER) {
            sl_out_bytes(out, json.raw.data, json.raw.size);
        } else if (token == SL_JSON_KEY || token == SL_JSON_STRING) {
            uint8_t *plain = malloc(json.raw.size + 1);
            sl_json_write_string(out, sl_bytes(plain, sl_json_unescape(json.raw, plain)));
            free(plain);
            if (token == SL_JSON_KEY)
                sl_out_byte(out, ':');
        } else {
            sl_out_text(out, words[token]);
        }
    }
}

static int run(char mode, char message, struct sl_bytes in, struct sl_out *out,
               struct sl_error *reterr)
{
    const struct sl_message *const messages[] = {&sl_msg_trace_request, &sl_msg_metrics_request,
                                                 &sl_msg_logs_request, &sl_msg_any_value};
    const struct sl_message *type = messages[(unsigned char)message % 4];
    switch (mode) {
    case 'r':
        return rewrite(in, out, reterr);
    case 'w':
        return sl_json_to_wire(type, in, out, reterr);
    case 'j':
        return sl_wire_to_json(type, in, out, reterr);
    case 'p':
        sl_value_to_plain_json(in, out);
        return 0;
    case 'd': { /* eight bytes of a double */
        double value;
        if (in.size != sizeof value)
            return SL_EINVALID;
        memcpy(&value, in.data, sizeof value);
        sl_json_write_double(out, value);
        return 0;
    }
    default:
        return sl_fail(reterr, SL_EUNKNOWN, "unknown mode");
    }
}

int main(void)
{
    unsigned char head[6];
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t size =
            (size_t)head[2] | (size_t)head[3] << 8 | (size_t)head[4] << 16 | (size_t)head[5] << 24;
        uint8_t *in = malloc(size + 1);
        if (in == NULL || fread(in, 1, size, stdin) != size)
            return 1;
        in = realloc(in, size > 0 ? size : 1); /* its end is where the sanitizer looks */
        struct sl_out out = {0};
        struct sl_error error = {""};
        int rc = run((char)head[0], (char)head[1], sl_bytes(in, size), &out, &error);
        struct sl_bytes answer = rc == 0 ? sl_out_view(&out) : sl_text(error.text);
        unsigned char reply[5] = {
            (unsigned char)-rc, (unsigned char)answer.size, (unsigned char)(answer.size >> 8),
            (unsigned char)(answer.size >> 16), (unsigned char)(answer.size >> 24)};
        (void)fwrite(reply, 1, sizeof reply, stdout);
        (void)fwrite(answer.data != NULL ? answer.data : (const uint8_t *)"", 1, answer.size,
                     stdout);
        (void)fflush(stdout);
        sl_out_done(&out);
        free(in);
    }
    return 0;
}
