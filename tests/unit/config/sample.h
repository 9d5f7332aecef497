/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_UNIT_CONFIG_SAMPLE_H
#define SL_TESTS_UNIT_CONFIG_SAMPLE_H

#include "config/schema.h"

/* A field table with every type, for the tests and the fuzz target. */
struct sample_server {
    enum sl_presence presence;
    const char *endpoint;
    int64_t max_size;
};

struct sample_rule {
    enum sl_presence presence;
    const char *name;
    double weight;
    struct sl_list words;
};

struct sample {
    bool enabled;
    int64_t count;
    double ratio;
    int64_t limit;
    int64_t timeout;
    int64_t grace;
    const char *title;
    const char *token;
    int mode;
    const char *store;
    struct sl_list names;
    struct sl_list rules;
    struct sl_map headers;
    struct sl_map servers;
    struct sl_map tags;
    struct sample_server grpc, http, admin;
    const struct sl_node *raw;
};

enum { SAMPLE_SEARCH, SAMPLE_REPLACE, SAMPLE_OFF };

extern const struct sl_field sample_fields[];

#endif
