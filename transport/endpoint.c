/* SPDX-License-Identifier: Apache-2.0 */
/* Splits the text of an endpoint into host and port, or finds the path of a Unix socket. */
#include "transport/endpoint.h"

#include "core/bytes.h"

static int parse_port(const char *text, struct sl_endpoint *endpoint)
{
    int64_t port;
    if (!sl_bytes_to_int64(sl_text(text), &port) || port < 0 || port > 65535)
        return SL_EINVALID;
    memcpy(endpoint->port, text, strlen(text) < 6 ? strlen(text) : 5);
    return SL_OK;
}

static int parse_unix(const char *path, struct sl_endpoint *endpoint, struct sl_error *reterr)
{
    size_t size = strlen(path);
    if (size == 0 || size > 107)
        return sl_fail(reterr, SL_EINVALID, "a Unix socket's path has 1 to 107 bytes, not %zu",
                       size);
    endpoint->is_unix = true;
    memcpy(endpoint->host, path, size);
    return SL_OK;
}

int sl_endpoint_parse(const char *text, struct sl_endpoint *ret_endpoint, struct sl_error *reterr)
{
    struct sl_endpoint endpoint = {0};
    if (strncmp(text, "unix:", 5) == 0) {
        int rc =
            parse_unix(strncmp(text, "unix:///", 8) == 0 ? text + 7 : text + 5, &endpoint, reterr);
        if (rc == SL_OK)
            *ret_endpoint = endpoint;
        return rc;
    }
    const char *scheme = strstr(text, "://");
    if (scheme != NULL)
        return sl_fail(reterr, SL_EINVALID, "'%s' is not host:port; leave out '%.*s'", text,
                       (int)(scheme - text) + 3, text);
    const char *colon = strrchr(text, ':'), *host = text;
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (colon != NULL && size >= 2 && text[0] == '[' && colon[-1] == ']') {
        host = text + 1;
        size -= 2;
    } else if (colon != NULL && memchr(text, ':', size) != NULL) {
        return sl_fail(reterr, SL_EINVALID, "'%s': an IPv6 address stands in brackets", text);
    }
    if (colon == NULL || parse_port(colon + 1, &endpoint) != SL_OK)
        return sl_fail(reterr, SL_EINVALID, "'%s' is not host:port with a port up to 65535", text);
    if (size >= sizeof endpoint.host)
        return sl_fail(reterr, SL_EINVALID, "'%.60s...': the host name is too long", text);
    memcpy(endpoint.host, host, size);
    *ret_endpoint = endpoint;
    return SL_OK;
}
