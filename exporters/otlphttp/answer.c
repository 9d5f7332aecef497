/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP response to a result: status, Retry-After, partial success. */
#include "exporters/otlphttp/answer.h"

#include <stdio.h>
#include <time.h>

#include "exporters/shared/failure.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_date(const char *text, int64_t *ret_seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4], rest[8];
    struct tm tm = {0};
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %7s", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, rest) != 7 ||
        strcmp(rest, "GMT") != 0 || strlen(month) != 3)
        return false;
    const char *found = strstr(months, month);
    if (found == NULL || (found - months) % 3 != 0)
        return false;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    *ret_seconds = (int64_t)timegm(&tm);
    return true;
}

uint32_t sl_retry_after_read(struct sl_bytes value, uint64_t wall_ns)
{
    char text[64];
    int64_t seconds = 0;
    value = sl_bytes_trim(value);
    if (value.size == 0 || value.size >= sizeof text)
        return 0;
    if (sl_bytes_to_int64(value, &seconds))
        return sl_retry_after_clamp(seconds > SL_RETRY_AFTER_MAX_MS ? SL_RETRY_AFTER_MAX_MS
                                                                    : seconds * 1000);
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    if (!read_date(text, &seconds))
        return 0;
    return sl_retry_after_clamp(seconds * 1000 - (int64_t)(wall_ns / 1000000));
}

static bool is_json(const struct sl_client_response *response)
{
    struct sl_bytes type = sl_client_header_find(response, "content-type");
    static const char json[] = "application/json";
    type.size = type.size < sizeof json - 1 ? type.size : sizeof json - 1;
    return sl_bytes_equal_nocase(type, sl_text(json));
}

static void read_success(const struct sl_client_response *response, enum sl_signal signal,
                         struct sl_http_answer *answer)
{
    struct sl_export_response export = {0};
    struct sl_out scratch = {.limit = 64 * 1024};
    enum sl_encoding encoding = is_json(response) ? SL_JSON : SL_PROTOBUF;
    answer->result = sl_result_ok();
    if (response->error != SL_CLIENT_OK) {
        answer->unreadable = true; /* more than the limit of a body */
    } else if (response->body.size > 0) {
        if (sl_export_response_read(signal, encoding, response->body, &export, &scratch) != SL_OK) {
            answer->unreadable = true;
        } else if (export.rejected > 0) {
            answer->result = sl_result_of(SL_RESULT_PARTIAL, "partial success");
            answer->result.rejected_items = (uint64_t) export.rejected;
        }
    }
    sl_out_done(&scratch);
}

static enum sl_outcome outcome_of(int status)
{
    switch (status) {
    case 429:
        return SL_RESULT_THROTTLE;
    case 502:
    case 503:
    case 504:
        return SL_RESULT_RETRY;
    case 413:
        return SL_RESULT_TOO_LARGE;
    case 401:
    case 403:
        return SL_RESULT_DENIED;
    case 400:
    case 422:
        return SL_RESULT_REJECT;
    default: /* redirects too: headers may hold secrets, so none is followed */
        return SL_RESULT_INTERNAL;
    }
}

void sl_http_answer_read(const struct sl_client_response *response, enum sl_signal signal,
                         uint64_t wall_ns, struct sl_http_answer *ret_answer)
{
    bool has_status = response->error == SL_CLIENT_OK ||
                      (response->error == SL_CLIENT_TOO_LARGE && response->status >= 200);
    ret_answer->unreadable = false;
    if (!has_status) {
        ret_answer->result = sl_client_failure(response, ret_answer->text, sizeof ret_answer->text);
        return;
    }
    if (response->status >= 200 && response->status < 300) {
        read_success(response, signal, ret_answer);
        return;
    }
    (void)snprintf(ret_answer->text, sizeof ret_answer->text, "HTTP status %d", response->status);
    ret_answer->result = sl_result_of(outcome_of(response->status), ret_answer->text);
    if (sl_result_is_retryable(&ret_answer->result))
        ret_answer->result.retry_after_ms =
            sl_retry_after_read(sl_client_header_find(response, "retry-after"), wall_ns);
}
