/* SPDX-License-Identifier: Apache-2.0 */
/* The sample field table. */
#include "tests/unit/config/sample.h"

static const char *const modes[] = {"search", "replace", "off", NULL};

static const struct sl_field server_fields[] = {
    SL_FIELD(TEXT, sample_server, endpoint, .preset = "localhost:4317", .doc = "Where to listen."),
    SL_FIELD(SIZE, sample_server, max_size, .preset = "4MiB", .max = 1 << 30, .share = SL_SHARED,
             .doc = "Largest request."),
    SL_IGNORED("keepalive", .doc = "Connections are always kept."), SL_END};

static const struct sl_field name_element = {.name = "name", .type = SL_T_TEXT};
static const struct sl_field header_element = {.name = "value", .type = SL_T_SECRET};
static const struct sl_field tag_element = {.name = "tag", .type = SL_T_INT, .max = 99};
static const struct sl_field server_element = {
    .name = "server", .type = SL_T_GROUP, .group = server_fields};

static const struct sl_field rule_fields[] = {
    SL_FIELD(TEXT, sample_rule, name, .flags = SL_F_REQUIRED, .doc = "Of the rule."),
    SL_FIELD(FLOAT, sample_rule, weight, .preset = "0.5", .fmin = 0, .fmax = 1, .doc = "Share."),
    SL_FIELD(LIST, sample_rule, words, .element = &name_element, .doc = "Words, a | among them."),
    SL_END};
static const struct sl_field rule_element = {
    .name = "rule", .type = SL_T_GROUP, .group = rule_fields};

const struct sl_field sample_fields[] = {
    SL_FIELD(BOOL, sample, enabled, .preset = "true", .doc = "Whether it works."),
    SL_FIELD(INT, sample, count, .preset = "10", .min = 1, .max = 1000, .doc = "How many."),
    SL_FIELD(FLOAT, sample, ratio, .preset = "0.25", .fmin = -1, .fmax = 1, .doc = "Part."),
    SL_FIELD(SIZE, sample, limit, .preset = "20MiB", .min = 1024, .max = 1 << 30,
             .share = SL_DIVIDED, .doc = "Bytes."),
    SL_FIELD(DURATION, sample, timeout, .preset = "200ms", .min = 10, .max = 3600000,
             .doc = "How long."),
    SL_FIELD(DURATION, sample, grace, .preset = "0s", .unit = 1000000000, .flags = SL_F_ADVANCED,
             .doc = "In seconds."),
    SL_FIELD(TEXT, sample, title, .doc = "Any text."),
    SL_FIELD(SECRET, sample, token, .doc = "Kept to itself."),
    SL_FIELD(ENUM, sample, mode, .preset = "search", .names = modes, .doc = "What to do."),
    SL_FIELD(REFERENCE, sample, store, .doc = "An extension."),
    SL_FIELD(LIST, sample, names, .preset = "[one, \"2\"]", .element = &name_element,
             .element_size = sizeof(char *), .max = 3, .doc = "Names."),
    SL_FIELD(LIST, sample, rules, .element = &rule_element,
             .element_size = sizeof(struct sample_rule), .doc = "Rules."),
    SL_FIELD(MAP, sample, headers, .element = &header_element, .doc = "Headers."),
    SL_FIELD(MAP, sample, servers, .element = &server_element,
             .element_size = sizeof(struct sample_server), .doc = "Servers."),
    SL_FIELD(MAP, sample, tags, .element = &tag_element, .min = 1, .max = 2, .doc = "Tags."),
    SL_FIELD(GROUP, sample, grpc, .group = server_fields, .flags = SL_F_OPTIONAL, .doc = "gRPC."),
    SL_FIELD(GROUP, sample, http, .group = server_fields, .flags = SL_F_OPTIONAL, .doc = "HTTP."),
    SL_FIELD(GROUP, sample, admin, .group = server_fields, .doc = "Always there."),
    SL_FIELD(NODE, sample, raw, .doc = "Whatever."),
    SL_IGNORED("legacy", .doc = "From older versions."),
    SL_END};
