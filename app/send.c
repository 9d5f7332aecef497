/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice send`: OTLP files to an endpoint over OTLP/HTTP, one request after the
 * other. A file is OTLP/JSON lines (each goes out as it is) or one protobuf
 * request.
 */
#include <errno.h>

#include "app/app.h"
#include "core/alloc.h"
#include "otlp/json.h"
#include "otlp/service.h"
#include "otlp/wire.h"
#include "transport/client_http1.h"

enum { FILE_LIMIT = 256 << 20, TIMEOUT_MS = 30000, RESPONSE_LIMIT = 64 << 10 };

struct sender {
    const struct sl_options *options;
    struct sl_worker worker;
    struct sl_http1_client *client;
    struct sl_url url;
    struct sl_header headers[SL_MAX_SETS + 1];
    size_t header_count;
    bool waiting, failed;
    unsigned sent;
    const char *file; /* for messages */
    unsigned line;
    enum sl_signal signal;
    bool json;
};

static int complain(const struct sender *sender, const char *what, struct sl_bytes detail)
{
    if (sender->line > 0)
        fprintf(stderr, "sluice: %s:%u: %s%.*s\n", sender->file, sender->line, what,
                (int)detail.size, (const char *)detail.data);
    else
        fprintf(stderr, "sluice: %s: %s%.*s\n", sender->file, what, (int)detail.size,
                (const char *)detail.data);
    return SL_EXIT_FAILURE;
}

/* What the server says is wrong, from the body of its answer. */
static struct sl_bytes reason_of(const struct sender *sender, struct sl_bytes body,
                                 struct sl_out *scratch)
{
    struct sl_rpc_status status;
    if (sl_rpc_status_read(sender->json ? SL_JSON : SL_PROTOBUF, body, &status, scratch) == SL_OK)
        return status.message;
    return (struct sl_bytes){0};
}

static void answered(void *arg, const struct sl_client_response *response)
{
    struct sender *sender = arg;
    struct sl_out scratch = {0};
    char text[256];
    sender->waiting = false;
    if (response->error != SL_CLIENT_OK) {
        sender->failed = true;
        (void)snprintf(text, sizeof text, "not sent to %.200s: ", sender->url.authority);
        (void)complain(sender, text, sl_text(sl_client_error_text(response->error)));
    } else if (response->status / 100 != 2) {
        sender->failed = true;
        (void)snprintf(text, sizeof text, "refused with %d: ", response->status);
        (void)complain(sender, text, reason_of(sender, response->body, &scratch));
    } else {
        struct sl_export_response partial;
        sender->sent++;
        if (sl_export_response_read(sender->signal, sender->json ? SL_JSON : SL_PROTOBUF,
                                    response->body, &partial, &scratch) == SL_OK &&
            partial.rejected > 0) {
            sender->failed = true;
            (void)complain(sender, "partly rejected: ", partial.message);
        }
    }
    sl_out_done(&scratch);
}

static int send_request(struct sender *sender, struct sl_bytes body)
{
    static const char *const paths[] = {"/v1/traces", "/v1/metrics", "", "/v1/logs"};
    char path[sizeof sender->url.path + 16];
    const char *base = strcmp(sender->url.path, "/") == 0 ? "" : sender->url.path;
    (void)snprintf(path, sizeof path, "%s%s", base, paths[sender->signal - 1]);
    sender->headers[0] =
        (struct sl_header){SL_LIT("content-type"), sender->json ? SL_LIT("application/json")
                                                                : SL_LIT("application/x-protobuf")};
    struct sl_buf *buf = sl_buf_new(NULL, body.size);
    if (buf == NULL || sl_buf_append(buf, body.data, body.size, 0) != SL_OK) {
        sl_buf_unref(buf);
        return complain(sender, "out of memory", (struct sl_bytes){0});
    }
    struct sl_client_request request = {.path = sl_text(path),
                                        .authority = sl_text(sender->url.authority),
                                        .headers = sender->headers,
                                        .header_count = sender->header_count,
                                        .body = buf,
                                        .timeout_ms = TIMEOUT_MS};
    struct sl_http1_call *call = sl_http1_client_send(sender->client, &request, answered, sender);
    sl_buf_unref(buf);
    if (call == NULL)
        return complain(sender, "out of memory", (struct sl_bytes){0});
    sender->waiting = true;
    while (sender->waiting)
        (void)uv_run(&sender->worker.loop, UV_RUN_ONCE);
    return sender->failed ? SL_EXIT_FAILURE : SL_EXIT_OK;
}

/* The signal of a line: by its first top-level key that names one. */
static bool find_signal(struct sl_bytes line, enum sl_signal *ret_signal)
{
    static const struct {
        const char *key, *other;
        enum sl_signal signal;
    } keys[] = {{"resourceSpans", "resource_spans", SL_TRACES},
                {"resourceMetrics", "resource_metrics", SL_METRICS},
                {"resourceLogs", "resource_logs", SL_LOGS}};
    struct sl_json json;
    sl_json_init(&json, line, SL_JSON_DEPTH);
    if (sl_json_next(&json) != SL_JSON_OBJECT)
        return false;
    while (sl_json_next(&json) == SL_JSON_KEY) {
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
            if (sl_json_raw_is(json.raw, json.escaped, keys[i].key) ||
                sl_json_raw_is(json.raw, json.escaped, keys[i].other)) {
                *ret_signal = keys[i].signal;
                return true;
            }
        if (sl_json_skip(&json, sl_json_next(&json)) != SL_OK)
            return false;
    }
    return false;
}

static int send_lines(struct sender *sender, struct sl_bytes text)
{
    int rc = SL_EXIT_OK;
    sender->json = true;
    while (rc == SL_EXIT_OK && text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        struct sl_bytes line = sl_bytes_trim(sl_bytes(text.data, size));
        size_t skip = end != NULL ? size + 1 : size;
        text = sl_bytes(text.data + skip, text.size - skip);
        sender->line++;
        if (line.size == 0)
            continue;
        if (!find_signal(line, &sender->signal))
            rc = complain(sender,
                          "not an OTLP/JSON line (resourceSpans, resourceMetrics or "
                          "resourceLogs expected; each document on one line, as 'jq -c .' "
                          "writes it)",
                          (struct sl_bytes){0});
        else
            rc = send_request(sender, line);
    }
    return rc;
}

/* The payload of the first field of this number; empty: there is none. */
static struct sl_bytes first_payload(struct sl_bytes message, uint32_t number)
{
    const uint8_t *at = message.data, *end = at + message.size;
    struct sl_wire_field field;
    while (at != NULL && at < end) {
        at = sl_wire_read(at, end, &field);
        if (at != NULL && field.number == number && field.wire == SL_WIRE_LEN)
            return sl_bytes(field.payload, (size_t)(field.end - field.payload));
    }
    return (struct sl_bytes){NULL, 0};
}

/* The signal of a protobuf request by its first record: log records have their
 * times in the fields 1 and 11, spans in 7 and 8, metrics none but a name in 1. */
static enum sl_signal guess_signal(struct sl_bytes request)
{
    struct sl_bytes record =
        first_payload(first_payload(first_payload(request, SL_REQUEST_GROUPS), SL_GROUP_SCOPES),
                      SL_SCOPE_RECORDS);
    const uint8_t *at = record.data, *end = at + record.size;
    struct sl_wire_field field;
    bool named = false;
    while (at != NULL && at < end) {
        at = sl_wire_read(at, end, &field);
        if (at == NULL)
            break;
        if (field.wire == SL_WIRE_FIXED64 && (field.number == 1 || field.number == 11))
            return SL_LOGS;
        if (field.wire == SL_WIRE_FIXED64 && (field.number == 7 || field.number == 8))
            return SL_TRACES;
        named = named || (field.wire == SL_WIRE_LEN && field.number == 1 &&
                          field.end - field.payload != 16); /* not a trace id */
    }
    return named ? SL_METRICS : SL_TRACES;
}

static enum sl_signal signal_of(const char *name, struct sl_bytes request)
{
    if (name == NULL)
        return guess_signal(request);
    return strcmp(name, "logs") == 0      ? SL_LOGS
           : strcmp(name, "metrics") == 0 ? SL_METRICS
                                          : SL_TRACES;
}

static int send_file(struct sender *sender, const char *path)
{
    struct sl_out text = {0};
    sender->file = path;
    sender->line = 0;
    int rc, problem = sl_read_input(path, FILE_LIMIT, &text);
    struct sl_bytes bytes = sl_out_view(&text), trimmed = sl_bytes_trim(bytes);
    if (problem != 0) {
        rc = complain(sender, "cannot be read: ", sl_text(strerror(problem)));
    } else if (trimmed.size == 0) {
        rc = complain(sender, "is empty", (struct sl_bytes){0});
    } else if (sl_bytes_starts(bytes, "\x1f\x8b")) {
        rc = complain(sender, "is compressed; send what 'zcat' gives: zcat FILE | sluice send -",
                      (struct sl_bytes){0});
    } else if (trimmed.data[0] == '{') {
        rc = send_lines(sender, bytes);
    } else {
        sender->json = false;
        sender->signal = signal_of(sender->options->signal, bytes);
        rc = send_request(sender, bytes);
    }
    sl_out_done(&text);
    return rc;
}

/* --header NAME=VALUE, with the name in lower case. */
static int add_headers(struct sender *sender, struct sl_arena *arena)
{
    sender->header_count = 1; /* content-type */
    for (size_t i = 0; i < sender->options->header_count; i++) {
        const char *text = sender->options->headers[i];
        const char *equals = strchr(text, '=');
        struct sl_bytes name =
            equals != NULL ? sl_bytes(text, (size_t)(equals - text)) : (struct sl_bytes){0};
        if (name.size == 0 || strpbrk(text, "\r\n") != NULL) {
            fputs("sluice: --header: expected NAME=VALUE\n", stderr);
            return SL_EXIT_USAGE;
        }
        char *lower = sl_arena_printf(arena, "%.*s", (int)name.size, text);
        for (char *c = lower; c != NULL && *c != '\0'; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
        sender->headers[sender->header_count++] =
            (struct sl_header){sl_text(lower), sl_text(equals + 1)};
    }
    return SL_EXIT_OK;
}

static int check_options(const struct sl_options *options)
{
    static const char *const signals[] = {"traces", "metrics", "logs"};
    bool known = options->signal == NULL;
    for (size_t i = 0; !known && i < 3; i++)
        known = strcmp(options->signal, signals[i]) == 0;
    if (!known)
        fprintf(stderr, "sluice: --signal: expected traces, metrics or logs, found '%s'\n",
                options->signal);
    if (options->argument_count == 0)
        fputs("usage: sluice send [--endpoint URL] FILE...\n", stderr);
    return known && options->argument_count > 0 ? SL_EXIT_OK : SL_EXIT_USAGE;
}

static int find_endpoint(struct sender *sender)
{
    struct sl_error error = {0};
    const char *endpoint = sender->options->endpoint;
    if (endpoint == NULL)
        endpoint = "http://127.0.0.1:4318";
    if (sl_url_parse(endpoint, 4318, &sender->url, &error) != SL_OK) {
        fprintf(stderr, "sluice: --endpoint: %s\n", error.text);
        return SL_EXIT_USAGE;
    }
    static const char *const paths[] = {"/v1/traces", "/v1/metrics", "/v1/logs"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *found = strstr(sender->url.path, paths[i]);
        if (found == NULL || strlen(found) != strlen(paths[i]))
            continue;
        fprintf(stderr, "sluice: --endpoint: leave out '%s', it is added for each file\n",
                paths[i]);
        return SL_EXIT_USAGE;
    }
    if (sender->url.scheme == SL_URL_HTTPS) {
        fputs("sluice: --endpoint: https is not supported in this version\n", stderr);
        return SL_EXIT_USAGE;
    }
    return SL_EXIT_OK;
}

static void mark_closed(void *arg)
{
    *(bool *)arg = true;
}

static int send_all(struct sender *sender)
{
    struct sl_error error = {0};
    struct sl_budget budget;
    sl_budget_init(&budget, 0);
    if (sl_worker_init(&sender->worker, 0, 1, &budget, &error) != SL_OK) {
        fprintf(stderr, "sluice: %s\n", error.text);
        return SL_EXIT_FAILURE;
    }
    struct sl_client_options options = {.address = sender->url.address,
                                        .max_connections = 1,
                                        .connect_timeout_ms = TIMEOUT_MS,
                                        .max_response = RESPONSE_LIMIT};
    int rc = SL_EXIT_FAILURE;
    sender->client = sl_http1_client_new(&sender->worker, &options);
    if (sender->client != NULL) {
        bool closed = false;
        rc = SL_EXIT_OK;
        for (size_t i = 0; rc == SL_EXIT_OK && i < sender->options->argument_count; i++)
            rc = send_file(sender, sender->options->arguments[i]);
        sl_http1_client_close(sender->client, mark_closed, &closed);
        while (!closed)
            (void)uv_run(&sender->worker.loop, UV_RUN_ONCE);
    } else {
        fputs("sluice: out of memory\n", stderr);
    }
    sl_worker_done(&sender->worker);
    return rc;
}

int sl_send(const struct sl_options *options)
{
    struct sender *sender = sl_calloc(1, sizeof *sender);
    struct sl_arena arena = {0};
    if (sender == NULL) {
        fputs("sluice: out of memory\n", stderr);
        return SL_EXIT_FAILURE;
    }
    sender->options = options;
    int rc = check_options(options);
    if (rc == SL_EXIT_OK)
        rc = find_endpoint(sender);
    if (rc == SL_EXIT_OK)
        rc = add_headers(sender, &arena);
    if (rc == SL_EXIT_OK)
        rc = send_all(sender);
    if (rc == SL_EXIT_OK)
        fprintf(stderr, "sent %u request%s to %s\n", sender->sent, sender->sent == 1 ? "" : "s",
                sender->url.authority);
    sl_arena_done(&arena);
    sl_free(sender);
    return rc;
}
