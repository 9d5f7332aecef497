/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_SHARED_REQUEST_H
#define SL_EXPORTERS_SHARED_REQUEST_H

#include "config/schema.h"
#include "otlp/batch.h"
#include "otlp/service.h"
#include "pipeline/component.h"
#include "transport/compress.h"
#include "transport/header.h"

/* What the two OTLP exporters share. */

struct sl_otlp_tls_config {
    enum sl_presence presence;
    bool insecure;
};
extern const struct sl_field sl_otlp_tls_fields[];
extern const struct sl_field sl_otlp_header_element; /* MAP of SECRET */

extern const char sl_otlp_user_agent[]; /* "Sluice/<version> (linux/amd64)" */

/* Names of `compression`, and what becomes of them: an sl_codec, or -1 for those that
 * are known elsewhere and not built here. */
extern const char *const sl_otlp_compressions[];
int sl_otlp_codec(int compression);

struct sl_place sl_otlp_place(const struct sl_node *node, const char *key);
/* Adds complaints about names and values that cannot stand in a header, and about
 * those that the exporter sets itself (`own`, NULL-ended). */
void sl_otlp_check_headers(const struct sl_map *headers, const char *const *own,
                           const struct sl_node *node, const char *path, struct sl_diag *diag);
/* Complains about compression and about keys that are for later: auth, proxy_url. */
void sl_otlp_check_compression(int compression, const struct sl_node *node, const char *path,
                               struct sl_diag *diag);
void sl_otlp_refuse(const struct sl_node *given, const char *key, const char *path,
                    struct sl_diag *diag);
/* The configured headers, names in lower case, after `room` free places. The
 * array and its texts are in arena. NULL: out of memory. */
struct sl_header *sl_otlp_headers(const struct sl_map *headers, size_t room,
                                  struct sl_arena *arena);

/* The encoded and compressed request after `prefix` zeroed bytes; charged to
 * budget even over its limit, as only sending gives memory back. NULL: out of memory. */
struct sl_otlp_form {
    enum sl_encoding encoding;
    enum sl_codec codec;
    int level;
    size_t prefix;
};
struct sl_buf *sl_otlp_encode(const struct sl_batch *batch, const struct sl_otlp_form *form,
                              struct sl_budget *budget);
/* Time for one attempt: the timeout, less when the attempt has a deadline. */
uint64_t sl_otlp_time_left(uint64_t timeout_ms, uint64_t deadline_ms, uint64_t now_ms);

#endif
