/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoint texts of exporters, and how a client gathers a response within limits. */
#include "transport/client.h"

#include <stdio.h>
#include <strings.h>

#include "transport/endpoint.h"

/* ---- endpoints ---- */

static bool take_prefix(const char **text, const char *prefix)
{
    size_t size = strlen(prefix);
    if (strncasecmp(*text, prefix, size) != 0)
        return false;
    *text += size;
    return true;
}

static enum sl_url_scheme take_scheme(const char **text)
{
    if (take_prefix(text, "http://"))
        return SL_URL_HTTP;
    if (take_prefix(text, "https://"))
        return SL_URL_HTTPS;
    if (take_prefix(text, "unix://") || take_prefix(text, "unix:"))
        return SL_URL_UNIX;
    /* dns://resolver/host:port: a resolver of the user's choice is not supported. */
    if (!take_prefix(text, "dns:///") && !take_prefix(text, "passthrough:///"))
        (void)take_prefix(text, "dns:");
    return SL_URL_NONE;
}

static bool has_port(const char *host, size_t size)
{
    const char *colon = memrchr(host, ':', size);
    const char *bracket = memrchr(host, ']', size);
    return colon != NULL && (bracket == NULL || colon > bracket);
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static int parse_unix(const char *path, struct sl_url *url, struct sl_error *reterr)
{
    if (path[0] == '\0' || strlen(path) > 107)
        return sl_fail(reterr, SL_EINVALID, "a Unix socket's path has 1 to 107 bytes");
    (void)snprintf(url->address, sizeof url->address, "unix:%s", path);
    (void)snprintf(url->authority, sizeof url->authority, "localhost");
    return SL_OK;
}

static int parse_host(const char *text, size_t size, unsigned port, struct sl_url *url,
                      struct sl_error *reterr)
{
    struct sl_endpoint endpoint;
    if (size == 0 || text[0] == ':')
        return sl_fail(reterr, SL_EINVALID, "'%s' has no host", text);
    if (size > 255 + 8)
        return sl_fail(reterr, SL_EINVALID, "'%.60s...': the host name is too long", text);
    if (memchr(text, '@', size) != NULL)
        return sl_fail(reterr, SL_EINVALID,
                       "user and password do not belong in an endpoint; use 'headers'");
    (void)snprintf(url->authority, sizeof url->authority, "%.*s", (int)size, text);
    if (has_port(text, size))
        (void)snprintf(url->address, sizeof url->address, "%.*s", (int)size, text);
    else if (port != 0)
        (void)snprintf(url->address, sizeof url->address, "%.*s:%u", (int)size, text, port);
    else
        return sl_fail(reterr, SL_EINVALID, "'%s' has no port", text);
    int rc = sl_endpoint_parse(url->address, &endpoint, reterr);
    if (rc == SL_OK && (endpoint.port[0] == '\0' || strcmp(endpoint.port, "0") == 0))
        return sl_fail(reterr, SL_EINVALID, "'%s' has no port", text);
    return rc;
}

int sl_url_parse(const char *text, unsigned default_port, struct sl_url *ret_url,
                 struct sl_error *reterr)
{
    struct sl_url url = {0};
    const char *rest = text;
    if (!is_plain(text))
        return sl_fail(reterr, SL_EINVALID, "an endpoint has no blanks or control characters");
    url.scheme = take_scheme(&rest);
    int rc;
    if (url.scheme == SL_URL_UNIX) {
        rc = parse_unix(rest, &url, reterr);
    } else if (strstr(rest, "://") != NULL) {
        rc = sl_fail(reterr, SL_EINVALID,
                     "'%s': unknown scheme; use http://, https://, dns:/// or unix://", text);
    } else {
        size_t size = strcspn(rest, "/?#");
        unsigned port = default_port;
        if (port == 0 && url.scheme != SL_URL_NONE)
            port = url.scheme == SL_URL_HTTP ? 80 : 443;
        if (strchr(rest, '#') != NULL || strlen(rest + size) >= sizeof url.path)
            return sl_fail(reterr, SL_EINVALID, "'%.80s': the path is too long or has a '#'", text);
        (void)snprintf(url.path, sizeof url.path, "%s%s", rest[size] == '?' ? "/" : "",
                       rest + size);
        rc = parse_host(rest, size, port, &url, reterr);
    }
    if (rc == SL_OK)
        *ret_url = url;
    return rc;
}

/* ---- responses ---- */

const char *sl_client_error_text(enum sl_client_error error)
{
    static const char *const texts[] = {
        "ok",
        "timed out",
        "cannot connect",
        "refused without processing",
        "the connection was lost",
        "the response cannot be understood",
        "the response is too large",
        "out of memory",
    };
    return texts[error];
}

struct sl_bytes sl_client_header_find(const struct sl_client_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (sl_bytes_is(response->headers[i].name, name))
            return response->headers[i].value;
    return (struct sl_bytes){NULL, 0};
}

void sl_client_inbox_reset(struct sl_client_inbox *inbox)
{
    inbox->status = 0;
    inbox->header_count = inbox->header_bytes = 0;
    sl_arena_reset(&inbox->arena);
    sl_out_clear(&inbox->body);
}

void sl_client_inbox_done(struct sl_client_inbox *inbox)
{
    sl_arena_done(&inbox->arena);
    sl_out_done(&inbox->body);
}

int sl_client_inbox_header(struct sl_client_inbox *inbox, struct sl_bytes name,
                           struct sl_bytes value)
{
    size_t size = name.size + value.size + 32;
    if (inbox->header_count == SL_CLIENT_MAX_HEADERS ||
        size > SL_CLIENT_MAX_HEAD - inbox->header_bytes)
        return SL_ELIMIT;
    struct sl_header *header = &inbox->headers[inbox->header_count];
    header->name = sl_arena_copy(&inbox->arena, name);
    header->value = sl_arena_copy(&inbox->arena, value);
    if (header->name.data == NULL || header->value.data == NULL)
        return SL_ENOMEM;
    inbox->header_count++;
    inbox->header_bytes += size;
    return SL_OK;
}

int sl_client_inbox_body(struct sl_client_inbox *inbox, struct sl_bytes bytes, size_t limit)
{
    if (bytes.size > limit || inbox->body.size > limit - bytes.size)
        return SL_ELIMIT;
    sl_out_bytes(&inbox->body, bytes.data, bytes.size);
    return inbox->body.failed ? SL_ENOMEM : SL_OK;
}

struct sl_stream *sl_client_dial(const struct sl_client_options *options, struct sl_worker *worker)
{
    if (options->dial != NULL)
        return options->dial(options->dial_arg, worker);
    struct sl_tcp_options tcp = {.connect_timeout_ms = options->connect_timeout_ms};
    return sl_tcp_connect(worker, options->address, &tcp);
}

struct sl_client_response sl_client_inbox_response(const struct sl_client_inbox *inbox,
                                                   enum sl_client_error error, const char *message)
{
    return (struct sl_client_response){
        .error = error,
        .message = message,
        .status = inbox->status,
        .headers = inbox->headers,
        .header_count = inbox->header_count,
        .body = sl_out_view(&inbox->body),
    };
}
