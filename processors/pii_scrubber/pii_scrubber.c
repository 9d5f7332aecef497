/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pii_scrubber: replaces personal data and secrets in every string of every
 * record, resource and scope. Fails closed: what cannot be scanned is dropped
 * and counted, and without memory nothing is handed on.
 */
#include <stdio.h>

#include "otlp/scan.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "processors/pii_scrubber/engine.h"
#include "processors/pii_scrubber/keys.h"

enum setting { SETTING_ON, SETTING_OFF, SETTING_TRUE, SETTING_FALSE, SETTING_ACTION };

struct scrubber_config {
    struct sl_map entities; /* type -> enum setting, SETTING_ACTION + enum sl_pii_action */
    int action;
    const char *hash_key;
    const char *placeholder;
    struct sl_list ignored_keys, deny_keys;
    bool scan_numbers;
    int64_t max_value_bytes;
};

struct scrubber {
    struct sl_component base;
    struct sl_pii_engine *engine;
    struct sl_pii_scanner *scanner;
    struct sl_pii_policy policy;
    struct sl_counter *found[SL_PII_COUNT], *denied;
    struct sl_batch *batch; /* during consume */
    bool out_of_memory;
};

static const char *const actions[] = {"redact", "mask", "hash", "drop", NULL};
static const char *const settings[] = {"on",   "off",  "true", "false", "redact",
                                       "mask", "hash", "drop", NULL};
static const struct sl_field entity_field = {
    .name = "setting", .type = SL_T_ENUM, .names = settings, .preset = "on"};
static const struct sl_field key_field = {.name = "key", .type = SL_T_TEXT};

static const struct sl_field scrubber_fields[] = {
    SL_FIELD(MAP, scrubber_config, entities, .element = &entity_field, .element_size = sizeof(int),
             .max = 256,
             .doc = "Types to switch (on, off) or to give an action of their own (redact, mask, "
                    "hash, drop); all types are on unless switched off."),
    SL_FIELD(ENUM, scrubber_config, action, .names = actions, .preset = "redact",
             .doc = "What happens to a value: a placeholder, stars, a keyed hash, or its whole "
                    "attribute is removed."),
    SL_FIELD(SECRET, scrubber_config, hash_key,
             .doc = "Key of the HMAC-SHA256 for the action hash, at least 16 bytes."),
    SL_FIELD(TEXT, scrubber_config, placeholder, .preset = "[{type}]",
             .doc = "What a value becomes; {type} stands for EMAIL, PHONE and so on."),
    SL_FIELD(LIST, scrubber_config, ignored_keys, .element = &key_field,
             .element_size = sizeof(const char *), .max = 1024,
             .doc = "Attributes whose values are left as they are; a final * stands for any rest."),
    SL_FIELD(LIST, scrubber_config, deny_keys, .element = &key_field,
             .element_size = sizeof(const char *), .max = 1024,
             .doc =
                 "Attributes whose whole value is replaced, whatever it is; a final * as above."),
    SL_FIELD(BOOL, scrubber_config, scan_numbers, .preset = "true",
             .doc = "Whether an integer that is a card number by issuer, length and check digit is "
                    "replaced."),
    SL_FIELD(SIZE, scrubber_config, max_value_bytes, .preset = "16MiB", .min = 1024, .max = 1 << 30,
             .share = SL_PER_WORKER,
             .doc = "A longer value is not scanned; its record is dropped and counted."),
    SL_END,
};

/* ---- configuration ---- */

static void complain(struct sl_diag *diag, const struct sl_node *node, const char *key,
                     const char *path, const char *text)
{
    const struct sl_node *child =
        node != NULL && node->kind == SL_NODE_MAP ? sl_node_find(node, key) : NULL;
    const struct sl_node *at = child != NULL ? child : node;
    char where[256];
    (void)snprintf(where, sizeof where, "%s.%s", path, key);
    sl_diag_add(diag, SL_DIAG_ERROR, at != NULL ? at->place : (struct sl_place){0}, where, "%s",
                text);
}

static void check_entities(const struct scrubber_config *config, const struct sl_node *node,
                           const char *path, struct sl_diag *diag)
{
    const char *names[SL_PII_COUNT + 1] = {NULL};
    for (unsigned i = 0; i < SL_PII_COUNT; i++)
        names[i] = sl_pii_name(i);
    for (size_t i = 0; i < config->entities.count; i++) {
        const char *name = config->entities.entries[i].key;
        if (sl_pii_find(name) >= 0)
            continue;
        const char *near = sl_nearest(name, names);
        char text[160];
        (void)snprintf(text, sizeof text, "unknown type '%.60s'%s%s%s", name,
                       near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
        complain(diag, node, "entities", path, text);
    }
}

static bool uses_hash(const struct scrubber_config *config)
{
    bool hash = config->action == SL_PII_HASH;
    for (size_t i = 0; i < config->entities.count; i++)
        hash =
            hash || *(const int *)config->entities.entries[i].value == SETTING_ACTION + SL_PII_HASH;
    return hash;
}

/* Letters, blanks and brackets need no escape in JSON and begin no new finding. */
static bool is_placeholder(const char *text)
{
    const char *type = strstr(text, "{type}");
    if (type == NULL || strlen(text) > 64)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && strchr("[](){}<>_*# ", *c) == NULL)
            return false;
    }
    return strstr(type + 1, "{type}") == NULL;
}

static void scrubber_check(const void *config_void, const struct sl_node *node, const char *path,
                           struct sl_diag *diag)
{
    const struct scrubber_config *config = config_void;
    check_entities(config, node, path, diag);
    if (uses_hash(config) && (config->hash_key == NULL || strlen(config->hash_key) < 16))
        complain(diag, node, "hash_key", path, "the action hash needs a key of at least 16 bytes");
    if (!is_placeholder(config->placeholder))
        complain(diag, node, "placeholder", path,
                 "must hold {type} once and else letters, blanks and []()<>_*# only");
}

static void read_entities(struct scrubber *scrubber, const struct scrubber_config *config,
                          bool *enabled)
{
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        enabled[i] = true;
        scrubber->policy.actions[i] = (uint8_t)config->action;
    }
    for (size_t i = 0; i < config->entities.count; i++) {
        int entity = sl_pii_find(config->entities.entries[i].key);
        int setting = *(const int *)config->entities.entries[i].value;
        if (entity < 0)
            continue;
        enabled[entity] = setting != SETTING_OFF && setting != SETTING_FALSE;
        if (setting >= SETTING_ACTION)
            scrubber->policy.actions[entity] = (uint8_t)(setting - SETTING_ACTION);
    }
}

static int scrubber_create(struct sl_component *self, struct sl_error *reterr)
{
    struct scrubber *scrubber = (struct scrubber *)self;
    const struct scrubber_config *config = self->config;
    bool enabled[SL_PII_COUNT];
    read_entities(scrubber, config, enabled);
    struct sl_bytes form = sl_text(config->placeholder);
    const char *type = strstr(config->placeholder, "{type}");
    size_t before = type != NULL ? (size_t)(type - config->placeholder) : 0;
    size_t after = type != NULL ? before + strlen("{type}") : form.size;
    scrubber->policy.prefix = sl_bytes(form.data, before);
    scrubber->policy.suffix = sl_bytes(form.data + after, form.size - after);
    scrubber->policy.hash_key = sl_text(config->hash_key);
    scrubber->engine = sl_pii_engine_new(enabled);
    scrubber->scanner = scrubber->engine != NULL ? sl_pii_scanner_new(scrubber->engine) : NULL;
    if (scrubber->scanner == NULL)
        return sl_fail(reterr, SL_ENOMEM, "%s: out of memory", self->id);
    for (unsigned i = 0; i < SL_PII_COUNT; i++)
        scrubber->found[i] =
            sl_meter_counter(self->meter, "sluice_scrubbed_values", "entity", sl_pii_name(i));
    scrubber->denied =
        sl_meter_counter(self->meter, "sluice_scrubbed_values", "entity", "denied_key");
    return 0;
}

static void scrubber_destroy(struct sl_component *self)
{
    struct scrubber *scrubber = (struct scrubber *)self;
    sl_pii_scanner_free(scrubber->scanner);
    sl_pii_engine_free(scrubber->engine);
}

/* ---- scanning ---- */

static enum sl_scan_verdict scan_text(struct scrubber *scrubber, struct sl_bytes text,
                                      struct sl_bytes *ret_text)
{
    const struct scrubber_config *config = scrubber->base.config;
    if (text.size > (size_t)config->max_value_bytes)
        return SL_SCAN_DROP_RECORD;
    struct sl_pii_outcome outcome;
    int status =
        sl_pii_scrub(scrubber->scanner, &scrubber->policy, text, scrubber->batch->arena, &outcome);
    if (status != 0) {
        scrubber->out_of_memory = status == SL_ENOMEM;
        return SL_SCAN_DROP_RECORD;
    }
    if (!outcome.changed)
        return SL_SCAN_KEEP;
    for (unsigned i = 0; i < SL_PII_COUNT; i++) {
        if (outcome.found[i] > 0)
            sl_meter_add(scrubber->found[i], outcome.found[i]);
    }
    if (outcome.drop)
        return SL_SCAN_REMOVE;
    *ret_text = outcome.text;
    return SL_SCAN_REPLACE;
}

static enum sl_scan_verdict scan_number(struct scrubber *scrubber, const struct sl_scan_item *item,
                                        struct sl_bytes *ret_text)
{
    const struct scrubber_config *config = scrubber->base.config;
    double whole = item->type == SL_VALUE_DOUBLE ? item->value.d : 0;
    uint64_t number = 0;
    if (item->type == SL_VALUE_INT && item->value.i > 0)
        number = (uint64_t)item->value.i;
    else if (whole >= 1e12 && whole < 9e15)
        number = (uint64_t)whole;
    bool exact =
        item->type == SL_VALUE_INT || !(whole < (double)number) == !(whole > (double)number);
    if (!config->scan_numbers || number == 0 || !exact || !sl_pii_is_card(number))
        return SL_SCAN_KEEP;
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    return scan_text(scrubber, sl_bytes(digits, (size_t)size), ret_text);
}

/* A value that nothing was found in can be a secret by its attribute's key. */
static enum sl_scan_verdict scan_by_key(struct scrubber *scrubber, const struct sl_scan_item *item,
                                        struct sl_bytes *ret_text)
{
    struct sl_bytes key = item->inner_key.size > 0 ? item->inner_key : item->key;
    int entity = sl_pii_by_key(scrubber->scanner, key, item->text);
    if (entity < 0)
        return SL_SCAN_KEEP;
    sl_meter_add(scrubber->found[entity], 1);
    if (scrubber->policy.actions[entity] == SL_PII_DROP)
        return SL_SCAN_REMOVE;
    int status = sl_pii_replace_whole(&scrubber->policy, (unsigned)entity, item->text,
                                      scrubber->batch->arena, ret_text);
    scrubber->out_of_memory = scrubber->out_of_memory || status == SL_ENOMEM;
    return status != 0 ? SL_SCAN_DROP_RECORD : SL_SCAN_REPLACE;
}

static enum sl_scan_verdict deny(struct scrubber *scrubber, struct sl_bytes *ret_text)
{
    sl_meter_add(scrubber->denied, 1);
    *ret_text = SL_LIT("[REDACTED]");
    return SL_SCAN_REPLACE;
}

static enum sl_scan_verdict visit(void *arg, const struct sl_scan_item *item,
                                  struct sl_bytes *ret_text)
{
    struct scrubber *scrubber = arg;
    const struct scrubber_config *config = scrubber->base.config;
    if (item->scan == SL_SCAN_KEY)
        return scan_text(scrubber, item->text, ret_text);
    if (sl_pii_key_listed(&config->deny_keys, item->key) ||
        (item->inner_key.size > 0 && sl_pii_key_listed(&config->deny_keys, item->inner_key)))
        return deny(scrubber, ret_text);
    if (item->key.size > 0 && sl_pii_key_listed(&config->ignored_keys, item->key))
        return SL_SCAN_KEEP;
    if (item->type == SL_VALUE_INT || item->type == SL_VALUE_DOUBLE)
        return scan_number(scrubber, item, ret_text);
    enum sl_scan_verdict verdict = scan_text(scrubber, item->text, ret_text);
    return verdict == SL_SCAN_KEEP ? scan_by_key(scrubber, item, ret_text) : verdict;
}

/* SL_ENOMEM, SL_EINVALID: must not leave. */
static int scan_part(struct scrubber *scrubber, struct sl_part *part,
                     const struct sl_message *message)
{
    struct sl_scanner scanner = {.arg = scrubber, .drop_unknown = true, .visit = visit};
    int status = sl_part_scan(scrubber->batch, part, message, &scanner);
    if (status == 0)
        return 0;
    return status == SL_ENOMEM || scrubber->out_of_memory ? SL_ENOMEM : SL_EINVALID;
}

static int scan_url(struct scrubber *scrubber, struct sl_bytes *url)
{
    struct sl_bytes text = *url;
    switch (scan_text(scrubber, *url, &text)) {
    case SL_SCAN_KEEP:
        return 0;
    case SL_SCAN_REPLACE:
        *url = text;
        break;
    case SL_SCAN_REMOVE:
        *url = (struct sl_bytes){NULL, 0};
        break;
    case SL_SCAN_DROP_RECORD:
        return scrubber->out_of_memory ? SL_ENOMEM : SL_EINVALID;
    }
    scrubber->batch->changed = true;
    return 0;
}

static int scan_envelope(struct scrubber *scrubber, struct sl_envelope *envelope,
                         const struct sl_message *message)
{
    if (envelope->extra.size > 0)
        scrubber->batch->changed = true;
    envelope->extra = (struct sl_bytes){NULL, 0};
    int status = scan_part(scrubber, &envelope->part, message);
    if (status == 0)
        status = scan_url(scrubber, &envelope->schema_url);
    if (status != SL_EINVALID)
        return status;
    envelope->part = (struct sl_part){.wire = {NULL, 0}};
    envelope->schema_url = (struct sl_bytes){NULL, 0};
    return SL_EINVALID;
}

/* Marks the records of a resource or scope that could not be scanned. */
static void drop_records(struct sl_batch *batch, const struct sl_resource *resource,
                         const struct sl_scope *scope)
{
    for (uint32_t i = 0; i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        if (group->resource != resource && group->scope != scope)
            continue;
        for (uint32_t k = 0; k < group->count; k++)
            group->records[k].flags |= SL_RECORD_DROP;
    }
}

static int scan_envelopes(struct scrubber *scrubber)
{
    struct sl_batch *batch = scrubber->batch;
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        int status = scan_envelope(scrubber, &batch->resources[i]->as, &sl_msg_resource);
        if (status == SL_ENOMEM)
            return status;
        if (status != 0)
            drop_records(batch, batch->resources[i], NULL);
    }
    for (uint32_t i = 0; i < batch->scope_count; i++) {
        int status = scan_envelope(scrubber, &batch->scopes[i]->as, &sl_msg_scope);
        if (status == SL_ENOMEM)
            return status;
        if (status != 0)
            drop_records(batch, NULL, batch->scopes[i]);
    }
    return 0;
}

static int scan_records(struct scrubber *scrubber)
{
    struct sl_batch *batch = scrubber->batch;
    const struct sl_message *message = sl_signal_messages(batch->signal)->record;
    for (uint32_t i = 0; i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        for (uint32_t k = 0; k < group->count; k++) {
            struct sl_record *record = &group->records[k];
            if ((record->flags & SL_RECORD_DROP) != 0)
                continue;
            int status = scan_part(scrubber, &record->part, message);
            if (status == SL_ENOMEM)
                return status;
            if (status != 0)
                record->flags |= SL_RECORD_DROP;
        }
    }
    return 0;
}

static int scrub(struct scrubber *scrubber)
{
    struct sl_batch *batch = scrubber->batch;
    if (batch->extra.size > 0)
        batch->changed = true;
    batch->extra = (struct sl_bytes){NULL, 0};
    scrubber->out_of_memory = false;
    int status = scan_envelopes(scrubber);
    if (status == 0)
        status = scan_records(scrubber);
    if (status != 0)
        return status;
    size_t dropped = sl_batch_sweep(batch);
    if (dropped > 0) {
        batch->changed = true;
        sl_meter_dropped(scrubber->base.meter, batch->signal, "cannot_scan", dropped);
    }
    batch->known_only = true;
    return 0;
}

static void scrubber_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    struct scrubber *scrubber = (struct scrubber *)self;
    int status = sl_batch_own(&delivery->batch);
    if (status == 0) {
        scrubber->batch = delivery->batch;
        status = scrub(scrubber);
        scrubber->batch = NULL;
    }
    if (status != 0) {
        sl_delivery_finish(delivery,
                           sl_result_of(SL_RESULT_RETRY, "out of memory while scrubbing"));
        return;
    }
    sl_emit(self, delivery);
}

const struct sl_component_type pii_scrubber_processor = {
    .name = "pii_scrubber",
    .doc = "Replaces personal data and secrets in every string, before they leave.",
    .kind = SL_PROCESSOR,
    .stability = SL_ALPHA,
    .signals = SL_ALL_SIGNALS,
    .mutates = true,
    .drops_unknown = true,
    .size = sizeof(struct scrubber),
    .config_size = sizeof(struct scrubber_config),
    .fields = scrubber_fields,
    .check = scrubber_check,
    .create = scrubber_create,
    .consume = scrubber_consume,
    .destroy = scrubber_destroy,
};
