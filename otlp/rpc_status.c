/* SPDX-License-Identifier: Apache-2.0 */
/*
 * google.rpc.Status with at most one detail that matters here: RetryInfo. Other
 * details are skipped, also malformed ones: the status itself still counts.
 */
#include "otlp/json.h"
#include "otlp/scalar.h"
#include "otlp/service.h"
#include "otlp/walk.h"

enum {
    STATUS_CODE = 1,
    STATUS_MESSAGE = 2,
    STATUS_DETAILS = 3,
    ANY_TYPE_URL = 1,
    ANY_VALUE = 2,
    RETRY_DELAY = 1,
    DURATION_SECONDS = 1,
    DURATION_NANOS = 2,
    JSON_DEPTH = 64
};

static const char retry_info[] = "type.googleapis.com/google.rpc.RetryInfo";
static const int64_t duration_max_s = 315576000000; /* ten thousand years */

/* ---- writing ---- */

static uint8_t *put_varint(uint8_t *at, uint32_t number, uint64_t value)
{
    return value == 0 ? at
                      : sl_varint_write(sl_varint_write(at, sl_tag(number, SL_WIRE_VARINT)), value);
}

static uint8_t *put_bytes(uint8_t *at, uint32_t number, struct sl_bytes bytes)
{
    at = sl_len_write(at, number, bytes.size);
    memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

/* Writes a details field of at most 128 bytes. */
static uint8_t *put_retry_info(uint8_t *at, int64_t delay_ms)
{
    uint8_t duration[32], info[40], any[100];
    uint8_t *end = put_varint(duration, DURATION_SECONDS, (uint64_t)(delay_ms / 1000));
    end = put_varint(end, DURATION_NANOS, (uint64_t)(delay_ms % 1000) * 1000000);
    end = put_bytes(info, RETRY_DELAY, sl_bytes(duration, (size_t)(end - duration)));
    struct sl_bytes value = sl_bytes(info, (size_t)(end - info));
    end = put_bytes(any, ANY_TYPE_URL, sl_text(retry_info));
    end = put_bytes(end, ANY_VALUE, value);
    return put_bytes(at, STATUS_DETAILS, sl_bytes(any, (size_t)(end - any)));
}

static void write_wire(const struct sl_rpc_status *status, struct sl_out *out)
{
    uint8_t *start = sl_out_room(out, 160 + status->message.size), *at = start;
    if (start == NULL)
        return;
    at = put_varint(at, STATUS_CODE, (uint64_t)(int64_t)status->code);
    if (status->message.size != 0)
        at = put_bytes(at, STATUS_MESSAGE, status->message);
    if (status->retry_after_ms >= 0)
        at = put_retry_info(at, status->retry_after_ms);
    out->size += (size_t)(at - start);
}

void sl_rpc_status_write(enum sl_encoding encoding, const struct sl_rpc_status *status,
                         struct sl_out *out)
{
    if (encoding == SL_PROTOBUF) {
        write_wire(status, out);
        return;
    }
    sl_out_text(out, "{\"code\":");
    sl_int64_write(out, status->code);
    sl_out_text(out, ",\"message\":");
    sl_json_write_string(out, status->message);
    if (status->retry_after_ms >= 0) {
        sl_out_text(out, ",\"details\":[{\"@type\":\"");
        sl_out_text(out, retry_info);
        sl_out_text(out, "\",\"retryDelay\":\"");
        sl_int64_write(out, status->retry_after_ms / 1000);
        if (status->retry_after_ms % 1000 != 0)
            sl_out_printf(out, ".%03d", (int)(status->retry_after_ms % 1000));
        sl_out_text(out, "s\"}]");
    }
    sl_out_byte(out, '}');
}

/* ---- reading ---- */

/* Rounded up; before now is now, and never is ten thousand years. */
static int64_t to_ms(int64_t seconds, int64_t nanos)
{
    if (seconds < 0 || nanos < 0)
        return 0;
    if (seconds > duration_max_s)
        seconds = duration_max_s;
    if (nanos > 999999999)
        nanos = 999999999;
    return seconds * 1000 + (nanos + 999999) / 1000000;
}

/* Steps through a message: false at its end, and with *malformed when it is broken. */
static bool next_field(struct sl_bytes *rest, struct sl_wire_field *f, bool *malformed)
{
    if (*malformed || rest->size == 0)
        return false;
    const uint8_t *end = rest->data + rest->size;
    const uint8_t *p = sl_wire_read(rest->data, end, f);
    *malformed = p == NULL;
    if (p != NULL)
        *rest = sl_bytes(p, (size_t)(end - p));
    return p != NULL;
}

static bool read_retry_info(struct sl_bytes wire, int64_t *ret_ms)
{
    struct sl_wire_field f;
    bool malformed = false;
    int64_t seconds = 0;
    int32_t nanos = 0;
    while (next_field(&wire, &f, &malformed)) {
        if (f.number != RETRY_DELAY || f.wire != SL_WIRE_LEN)
            continue;
        struct sl_bytes duration = sl_wire_payload(&f);
        while (next_field(&duration, &f, &malformed)) {
            if (f.number == DURATION_SECONDS && f.wire == SL_WIRE_VARINT)
                seconds = (int64_t)f.value;
            if (f.number == DURATION_NANOS && f.wire == SL_WIRE_VARINT)
                nanos = (int32_t)f.value;
        }
    }
    if (!malformed)
        *ret_ms = to_ms(seconds, nanos);
    return !malformed;
}

static bool is_retry_info(struct sl_bytes type_url)
{
    const char *slash = strchr(retry_info, '/');
    size_t size = strlen(slash);
    return type_url.size >= size && memcmp(type_url.data + type_url.size - size, slash, size) == 0;
}

static void read_detail(struct sl_bytes any, struct sl_rpc_status *status)
{
    struct sl_wire_field f;
    bool malformed = false;
    struct sl_bytes type_url = {NULL, 0}, value = {NULL, 0};
    while (next_field(&any, &f, &malformed)) {
        if (f.wire != SL_WIRE_LEN)
            continue;
        if (f.number == ANY_TYPE_URL)
            type_url = sl_wire_payload(&f);
        if (f.number == ANY_VALUE)
            value = sl_wire_payload(&f);
    }
    if (!malformed && is_retry_info(type_url))
        (void)read_retry_info(value, &status->retry_after_ms);
}

static int repair_message(struct sl_rpc_status *status, struct sl_out *scratch)
{
    struct sl_bytes message = status->message;
    if (sl_is_utf8(message.data, message.size))
        return 0;
    size_t start = scratch->size;
    sl_utf8_repair(message, scratch);
    if (scratch->failed)
        return SL_ENOMEM;
    status->message = sl_bytes(scratch->data + start, scratch->size - start);
    return 0;
}

static int read_wire(struct sl_bytes wire, struct sl_rpc_status *status, struct sl_out *scratch)
{
    struct sl_wire_field f;
    bool malformed = false;
    while (next_field(&wire, &f, &malformed)) {
        if (f.number == STATUS_CODE && f.wire == SL_WIRE_VARINT)
            status->code = (int32_t)f.value;
        if (f.number == STATUS_MESSAGE && f.wire == SL_WIRE_LEN)
            status->message = sl_wire_payload(&f);
        if (f.number == STATUS_DETAILS && f.wire == SL_WIRE_LEN)
            read_detail(sl_wire_payload(&f), status);
    }
    return malformed ? SL_EINVALID : repair_message(status, scratch);
}

/* protobuf's JSON for a Duration: "1.5s". */
static bool read_duration(struct sl_bytes text, int64_t *ret_ms)
{
    if (text.size < 2 || text.data[text.size - 1] != 's')
        return false;
    text.size--;
    bool negative = text.data[0] == '-';
    const uint8_t *point = memchr(text.data, '.', text.size);
    size_t whole = point != NULL ? (size_t)(point - text.data) : text.size;
    size_t fraction = point != NULL ? text.size - whole - 1 : 0;
    int64_t seconds, nanos = 0;
    if (fraction > 9 || !sl_bytes_to_int64(sl_bytes(text.data, whole), &seconds))
        return false;
    for (size_t i = 0; i < 9; i++) {
        unsigned digit = i < fraction ? (unsigned)point[1 + i] - '0' : 0;
        if (digit > 9)
            return false;
        nanos = nanos * 10 + digit;
    }
    *ret_ms = negative ? 0 : to_ms(seconds, nanos);
    return true;
}

/* One of details, behind its opening brace. */
static int read_json_detail(struct sl_json *json, struct sl_rpc_status *status)
{
    bool known = false;
    int64_t delay_ms = -1;
    for (;;) {
        enum sl_json_token token = sl_json_next(json);
        if (token != SL_JSON_KEY)
            break;
        bool type = sl_json_raw_is(json->raw, json->escaped, "@type");
        bool delay = sl_json_raw_is(json->raw, json->escaped, "retryDelay") ||
                     sl_json_raw_is(json->raw, json->escaped, "retry_delay");
        token = sl_json_next(json);
        if (type && token == SL_JSON_STRING)
            known = sl_json_raw_is(json->raw, json->escaped, retry_info);
        if (delay && token == SL_JSON_STRING)
            (void)read_duration(json->raw, &delay_ms);
        if (sl_json_skip(json, token) != 0)
            return SL_EINVALID;
    }
    if (known)
        status->retry_after_ms = delay_ms < 0 ? 0 : delay_ms;
    return json->problem == NULL ? 0 : SL_EINVALID;
}

static int read_json_details(struct sl_json *json, struct sl_rpc_status *status)
{
    for (;;) {
        enum sl_json_token token = sl_json_next(json);
        if (token == SL_JSON_ARRAY_END)
            return 0;
        int rc =
            token == SL_JSON_OBJECT ? read_json_detail(json, status) : sl_json_skip(json, token);
        if (rc != 0)
            return rc;
    }
}

static int read_json_message(const struct sl_json *json, struct sl_rpc_status *status,
                             struct sl_out *scratch)
{
    status->message = json->raw;
    if (!json->escaped)
        return 0;
    uint8_t *at = sl_out_room(scratch, json->raw.size);
    if (at == NULL)
        return SL_ENOMEM;
    status->message.size = sl_json_unescape(json->raw, at);
    status->message.data = at;
    scratch->size += status->message.size;
    return 0;
}

static int read_json_code(const struct sl_json *json, struct sl_rpc_status *status)
{
    int64_t code;
    if (sl_scalar_int64(json->raw, &code) != 0 || code < INT32_MIN || code > INT32_MAX)
        return SL_EINVALID;
    status->code = (int)code;
    return 0;
}

static int read_json_field(struct sl_json *json, struct sl_rpc_status *status,
                           struct sl_out *scratch)
{
    bool code = sl_json_raw_is(json->raw, json->escaped, "code");
    bool message = sl_json_raw_is(json->raw, json->escaped, "message");
    bool details = sl_json_raw_is(json->raw, json->escaped, "details");
    enum sl_json_token token = sl_json_next(json);
    if (code && (token == SL_JSON_NUMBER || token == SL_JSON_STRING))
        return read_json_code(json, status);
    if (message && token == SL_JSON_STRING)
        return read_json_message(json, status, scratch);
    if (details && token == SL_JSON_ARRAY)
        return read_json_details(json, status);
    if ((code || message || details) && token != SL_JSON_NULL)
        return SL_EINVALID;
    return sl_json_skip(json, token);
}

static int read_json(struct sl_bytes body, struct sl_rpc_status *status, struct sl_out *scratch)
{
    struct sl_json json;
    sl_json_init(&json, body, JSON_DEPTH);
    if (sl_json_next(&json) != SL_JSON_OBJECT)
        return SL_EINVALID;
    for (;;) {
        enum sl_json_token token = sl_json_next(&json);
        if (token == SL_JSON_OBJECT_END)
            return sl_json_next(&json) == SL_JSON_END ? 0 : SL_EINVALID;
        int rc = token == SL_JSON_KEY ? read_json_field(&json, status, scratch) : SL_EINVALID;
        if (rc != 0)
            return rc;
    }
}

int sl_rpc_status_read(enum sl_encoding encoding, struct sl_bytes body,
                       struct sl_rpc_status *ret_status, struct sl_out *scratch)
{
    struct sl_rpc_status status = {.retry_after_ms = -1};
    int rc = encoding == SL_PROTOBUF ? read_wire(body, &status, scratch)
                                     : read_json(body, &status, scratch);
    if (rc == 0)
        *ret_status = status;
    return rc;
}
