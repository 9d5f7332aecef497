/* SPDX-License-Identifier: Apache-2.0 */
/* genai_normalizer: brings the LLM spans of every instrumentation to the
 * OpenTelemetry GenAI conventions. This file is the component: configuration,
 * batches, counters; the work on one span is in engine.c. */
#include "core/alloc.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "processors/genai_normalizer/norm.h"

enum { MAX_MAPPINGS = 256, VERSION_1_41 = 1, DROP_CONSUMED = 0 };

struct derive {
    enum sl_presence presence;
    bool operation_name, provider_name, error_type;
};

struct mapping {
    enum sl_presence presence;
    const char *source, *target;
    int transform;
};

struct normalizer_config {
    struct sl_list families; /* const char * */
    struct sl_list mappings; /* struct mapping */
    struct derive derive;
    int originals, target_version;
    const char *schema_url;
};

struct normalizer {
    struct sl_component base;
    struct nm_table *table;
    struct nm_norm norm;
    struct sl_counter *counters[NM_FAMILY_COUNT];
};

static const char *const originals_names[] = {"drop_consumed", "keep", NULL};
static const char *const version_names[] = {"gen-ai-dev-1.42", "1.41", NULL};
static const char *const transform_names[] = {"rename", "int", "double", "string", "json", NULL};

static const struct sl_field derive_fields[] = {
    SL_FIELD(BOOL, derive, operation_name, .preset = "true",
             .doc = "Derive gen_ai.operation.name from the span's name or its content when the "
                    "span does not tell it."),
    SL_FIELD(BOOL, derive, provider_name, .preset = "true",
             .doc = "Derive gen_ai.provider.name of model calls from the host or the model's name "
                    "when the span does not tell it."),
    SL_FIELD(BOOL, derive, error_type, .preset = "true",
             .doc = "Derive error.type of failed spans from the exception event; _OTHER when there "
                    "is none."),
    SL_END};

static const struct sl_field mapping_fields[] = {
    SL_FIELD(TEXT, mapping, source, .flags = SL_F_REQUIRED, .doc = "Attribute to read."),
    SL_FIELD(TEXT, mapping, target, .flags = SL_F_REQUIRED,
             .doc = "Attribute of the conventions to write."),
    SL_FIELD(ENUM, mapping, transform, .preset = "rename", .names = transform_names,
             .doc = "How: the value is cast to the target's type; json takes messages of any known "
                    "shape and leaves the source."),
    SL_END};

static const struct sl_field family_element = {
    .name = "family", .type = SL_T_TEXT, .doc = "Name of a family."};
static const struct sl_field mapping_element = {
    .name = "mapping", .type = SL_T_GROUP, .group = mapping_fields, .doc = "One mapping."};

static const struct sl_field normalizer_fields[] = {
    SL_FIELD(LIST, normalizer_config, families, .element = &family_element,
             .element_size = sizeof(const char *), .max = NM_FAMILY_COUNT,
             .doc = "Dialects to translate (openinference, vercel_ai, openllmetry, otel_genai); "
                    "empty: all."),
    SL_FIELD(LIST, normalizer_config, mappings, .element = &mapping_element,
             .element_size = sizeof(struct mapping), .max = MAX_MAPPINGS,
             .doc = "Attributes of your own; they come before all families."),
    SL_FIELD(GROUP, normalizer_config, derive, .group = derive_fields,
             .doc = "What may be derived when a span does not say it."),
    SL_FIELD(ENUM, normalizer_config, originals, .preset = "drop_consumed",
             .names = originals_names,
             .doc = "drop_consumed removes a source attribute when all of it is in a target; keep "
                    "leaves every source."),
    SL_FIELD(ENUM, normalizer_config, target_version, .preset = "gen-ai-dev-1.42",
             .names = version_names,
             .doc = "Version of the conventions to write; 1.41 spells cache writes "
                    "cache_creation."),
    SL_FIELD(TEXT, normalizer_config, schema_url, .preset = "",
             .doc = "Schema URL for the scope of normalized spans; empty leaves it as it is."),
    SL_END};

static void check(const void *config_, const struct sl_node *node, const char *path,
                  struct sl_diag *diag)
{
    const struct normalizer_config *config = config_;
    struct sl_place place = node != NULL ? node->place : (struct sl_place){0};
    const char *const *names = config->families.items;
    const struct mapping *mappings = config->mappings.items;
    for (size_t i = 0; i < config->families.count; i++)
        if (nm_family_by_name(names[i]) < 0)
            sl_diag_add(diag, SL_DIAG_ERROR, place, path,
                        "families: unknown family '%s'; there are openinference, vercel_ai, "
                        "openllmetry and otel_genai",
                        names[i]);
    for (size_t i = 0; i < config->mappings.count; i++) {
        if (mappings[i].target != NULL && nm_target_by_key(mappings[i].target) == NM_NONE)
            sl_diag_add(diag, SL_DIAG_ERROR, place, path,
                        "mappings: '%s' is not an attribute that the normalizer writes",
                        mappings[i].target);
        if (mappings[i].source != NULL &&
            (mappings[i].source[0] == '\0' || strlen(mappings[i].source) > NM_MAX_KEY))
            sl_diag_add(diag, SL_DIAG_ERROR, place, path,
                        "mappings: a source has between 1 and %d bytes", NM_MAX_KEY);
    }
}

static struct nm_table *build_table(const struct normalizer_config *config)
{
    const char *names[NM_FAMILY_COUNT + 1] = {NULL};
    const struct mapping *mappings = config->mappings.items;
    struct nm_mapping *list = sl_calloc(config->mappings.count + 1, sizeof(*list));
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < config->families.count && i < NM_FAMILY_COUNT; i++)
        names[i] = ((const char *const *)config->families.items)[i];
    for (size_t i = 0; i < config->mappings.count; i++)
        list[i] = (struct nm_mapping){mappings[i].source, mappings[i].target,
                                      transform_names[mappings[i].transform]};
    struct nm_table_options options = {.spelling_1_41 = config->target_version == VERSION_1_41,
                                       .families = config->families.count > 0 ? names : NULL,
                                       .mappings = list,
                                       .mapping_count = config->mappings.count};
    struct nm_table *table = nm_table_new(&options);
    sl_free(list);
    return table;
}

static int create(struct sl_component *self_, struct sl_error *reterr)
{
    struct normalizer *self = (struct normalizer *)self_;
    const struct normalizer_config *config = self_->config;
    struct nm_options options = {.operation_name = config->derive.operation_name,
                                 .provider_name = config->derive.provider_name,
                                 .error_type = config->derive.error_type,
                                 .drop_consumed = config->originals == DROP_CONSUMED,
                                 .spelling_1_41 = config->target_version == VERSION_1_41};
    self->table = build_table(config);
    if (self->table == NULL)
        return sl_fail(reterr, SL_ENOMEM, "out of memory for the tables of the normalizer");
    nm_norm_init(&self->norm, self->table, &options);
    for (int i = 0; i < NM_FAMILY_COUNT; i++)
        self->counters[i] = sl_meter_counter(self_->meter, "sluice_normalized_spans", "family",
                                             nm_family_name((enum nm_family)i));
    return SL_OK;
}

static void destroy(struct sl_component *self_)
{
    struct normalizer *self = (struct normalizer *)self_;
    nm_norm_done(&self->norm);
    nm_table_free(self->table);
    self->table = NULL;
}

/* A shared batch is cloned only when one of its spans needs the normalizer. */
static bool concerns(const struct normalizer *self, struct sl_batch *batch)
{
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t i = 0; i < batch->groups[g].count; i++)
            if (nm_concerns(self->table, batch, &batch->groups[g].records[i].part, batch->signal))
                return true;
    return false;
}

static int normalize_group(struct normalizer *self, struct sl_batch *batch, uint32_t index,
                           bool *ret_marked)
{
    const struct normalizer_config *config = self->base.config;
    struct sl_group *group = &batch->groups[index];
    bool stamp = config->schema_url != NULL && config->schema_url[0] != '\0';
    struct sl_cursor cursor;
    struct sl_field_view field;
    unsigned family = 0;
    sl_cursor_init(&cursor, batch, &group->scope->part);
    while (sl_cursor_next(&cursor, &field))
        if (field.number == SL_SCOPE_NAME)
            family = nm_scope_family(field.bytes);
    for (uint32_t i = 0; i < group->count; i++) {
        int changed = -1;
        int status = nm_normalize(&self->norm, batch, &group->records[i].part, family, &changed);
        if (status != SL_OK)
            return status;
        group->records[i].flags &= ~(uint32_t)SL_RECORD_MARK;
        if (changed < 0)
            continue;
        if (self->counters[changed] != NULL && batch->signal == SL_TRACES)
            sl_counter_add(self->counters[changed], 1);
        if (stamp) {
            group->records[i].flags |= SL_RECORD_MARK;
            *ret_marked = true;
        }
    }
    return SL_OK;
}

static int normalize_batch(struct normalizer *self, struct sl_batch *batch)
{
    const struct normalizer_config *config = self->base.config;
    bool marked = false;
    for (uint32_t g = 0; g < batch->group_count; g++) {
        int status = normalize_group(self, batch, g, &marked);
        if (status != SL_OK)
            return status;
    }
    return marked ? sl_batch_split_marked(batch, sl_text(config->schema_url)) : SL_OK;
}

static void consume(struct sl_component *self_, struct sl_delivery *delivery)
{
    struct normalizer *self = (struct normalizer *)self_;
    enum sl_signal signal = delivery->batch->signal;
    if (signal == SL_METRICS ||
        (delivery->batch->references > 1 && !concerns(self, delivery->batch))) {
        sl_emit(self_, delivery);
        return;
    }
    int status = sl_batch_own(&delivery->batch);
    if (status == SL_OK)
        status = normalize_batch(self, delivery->batch);
    if (status == SL_OK)
        sl_emit(self_, delivery);
    else
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, sl_status_text(status)));
}

const struct sl_component_type genai_normalizer_processor = {
    .name = "genai_normalizer",
    .aliases = "gen_ai_normalizer",
    .doc = "Brings LLM spans of every instrumentation to the OpenTelemetry GenAI conventions.",
    .kind = SL_PROCESSOR,
    .placement = SL_EVERY_WORKER,
    .stability = SL_ALPHA,
    .signals = SL_ALL_SIGNALS,
    .mutates = true,
    .size = sizeof(struct normalizer),
    .config_size = sizeof(struct normalizer_config),
    .fields = normalizer_fields,
    .check = check,
    .create = create,
    .consume = consume,
    .destroy = destroy,
};
