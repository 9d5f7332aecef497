/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_ENDPOINT_H
#define SL_TRANSPORT_ENDPOINT_H

#include <stdbool.h>

#include "core/error.h"

/* "host:port", "[::1]:4317", ":4317" (host empty: all addresses) or "unix:/path". */
struct sl_endpoint {
    bool is_unix;
    char host[256]; /* or the path, at most 107 bytes */
    char port[8];
};

int sl_endpoint_parse(const char *text, struct sl_endpoint *ret_endpoint, struct sl_error *reterr);

#endif
