/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probabilistic_sampler: keeps a share of the traces or log records, the same
 * ones on every instance. The Collector's keys, modes and decisions. Stands
 * first in a pipeline: what it drops costs the others nothing.
 */
#include "core/log.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "processors/probabilistic_sampler/decide.h"

struct sampler_config {
    double sampling_percentage;
    int mode;
    int64_t hash_seed;
    bool fail_closed;
    int64_t sampling_precision;
    int attribute_source;
    const char *from_attribute, *sampling_priority;
};

static const char *const mode_names[] = {"hash_seed", "proportional", "equalizing", NULL};
static const char *const source_names[] = {"traceID", "record", NULL};

static const struct sl_field sampler_fields[] = {
    SL_FIELD(FLOAT, sampler_config, sampling_percentage, .preset = "0", .fmin = 0, .fmax = 1e9,
             .doc = "Share of items kept, in percent; 100 and more keeps all."),
    SL_FIELD(ENUM, sampler_config, mode, .preset = "hash_seed", .names = mode_names,
             .doc = "How to decide: by a seeded hash of the trace id, or by the consistent "
                    "probability sampling of the OpenTelemetry specification."),
    SL_FIELD(INT, sampler_config, hash_seed, .preset = "0", .min = 0, .max = UINT32_MAX,
             .doc = "Seed of the hash; all instances of a tier need the same."),
    SL_FIELD(BOOL, sampler_config, fail_closed, .preset = "true",
             .doc = "Drop items whose sampling information is missing or contradicts itself."),
    SL_FIELD(INT, sampler_config, sampling_precision, .preset = "4", .min = 1, .max = 14,
             .doc = "Hex digits of the threshold written."),
    SL_FIELD(ENUM, sampler_config, attribute_source, .preset = "traceID", .names = source_names,
             .doc = "Logs, hash_seed: hash the trace id, or only the attribute from_attribute."),
    SL_FIELD(
        TEXT, sampler_config, from_attribute,
        .doc = "Logs, hash_seed: attribute that gives the randomness where there is no trace id."),
    SL_FIELD(TEXT, sampler_config, sampling_priority,
             .doc = "Logs: attribute that holds the record's own percentage."),
    SL_END,
};

struct probabilistic_sampler {
    struct sl_component base;
    struct sampler sampler;
    bool warned[SAMPLER_REASON_COUNT];
};

static void sampler_check(const void *config, const struct sl_node *node, const char *path,
                          struct sl_diag *diag)
{
    const struct sampler_config *c = config;
    struct sl_place place = node != NULL ? node->place : (struct sl_place){0};
    double p = c->sampling_percentage / 100;
    if (p > 0 && p < 0x1p-56)
        sl_diag_add(diag, SL_DIAG_ERROR, place, path,
                    "sampling_percentage is below the smallest possible, 2^-56");
    else if (c->mode == SAMPLER_HASH_SEED && p > 0 &&
             threshold_of_hash((float)c->sampling_percentage) == SAMPLER_NEVER)
        sl_diag_add(diag, SL_DIAG_WARNING, place, path,
                    "sampling_percentage rounds to zero in hash_seed mode: nothing will be kept");
}

static int sampler_create(struct sl_component *self, struct sl_error *reterr)
{
    (void)reterr;
    const struct sampler_config *c = self->config;
    struct sampler *sampler = &((struct probabilistic_sampler *)self)->sampler;
    float percentage = c->sampling_percentage > 100 ? 100 : (float)c->sampling_percentage;
    *sampler = (struct sampler){.mode = (enum sampler_mode)c->mode,
                                .fail_closed = c->fail_closed,
                                .by_trace_id = c->attribute_source == 0,
                                .precision = (int)c->sampling_precision,
                                .seed = (uint32_t)c->hash_seed,
                                .ratio = (double)percentage / 100,
                                .from_attribute = sl_text(c->from_attribute),
                                .priority_attribute = sl_text(c->sampling_priority)};
    if (sampler->mode == SAMPLER_HASH_SEED)
        sampler->threshold = threshold_of_hash(percentage);
    else if (!threshold_of_probability(sampler->ratio, sampler->precision, &sampler->threshold))
        sampler->threshold = SAMPLER_NEVER;
    sampler->never = sampler->threshold == SAMPLER_NEVER;
    return SL_OK;
}

/* The exceptions are said once: data may be lost by a setting. */
static void warn_once(struct probabilistic_sampler *self, enum sampler_reason reason)
{
    if (reason < SAMPLER_ERROR_MISSING || self->warned[reason])
        return;
    self->warned[reason] = true;
    bool in_use = reason == SAMPLER_ERROR_RANDOMNESS || reason == SAMPLER_ERROR_THRESHOLD;
    sl_log(SL_LOG_WARN, self->base.id, "%s: such items are %s%s", sampler_reason_text(reason),
           self->sampler.fail_closed ? "dropped (fail_closed)" : "kept",
           in_use ? "; mode proportional or equalizing takes them" : "");
}

/* Items by what was decided about them and why. */
struct tally {
    uint64_t dropped[SAMPLER_REASON_COUNT], kept[SAMPLER_REASON_COUNT];
};

static int decide_record(struct probabilistic_sampler *self, struct sl_batch *batch,
                         struct sl_record *record, struct tally *tally)
{
    enum sampler_reason reason = SAMPLER_SAMPLED;
    int kept = batch->signal == SL_TRACES
                   ? sampler_span(&self->sampler, batch, &record->part, &reason)
                   : sampler_log(&self->sampler, batch, &record->part, &reason);
    if (kept < 0)
        return kept;
    warn_once(self, reason);
    if (kept == 0)
        record->flags |= SL_RECORD_DROP;
    (kept ? tally->kept : tally->dropped)[reason] += record->items;
    return SL_OK;
}

static int decide_batch(struct probabilistic_sampler *self, struct sl_batch *batch,
                        struct tally *tally)
{
    int rc = SL_OK;
    for (uint32_t i = 0; rc == SL_OK && i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        for (uint32_t j = 0; rc == SL_OK && j < group->count; j++)
            rc = decide_record(self, batch, &group->records[j], tally);
    }
    return rc;
}

/* Only once the whole batch is decided: a batch refused halfway comes again. */
static void count(struct probabilistic_sampler *self, enum sl_signal signal,
                  const struct tally *tally)
{
    for (int reason = 0; reason < SAMPLER_REASON_COUNT; reason++) {
        const char *text = sampler_reason_text((enum sampler_reason)reason);
        if (tally->dropped[reason] > 0)
            sl_meter_dropped(self->base.meter, signal, text, tally->dropped[reason]);
        if (tally->kept[reason] == 0 || reason == SAMPLER_SAMPLED)
            continue;
        struct sl_counter *counter = sl_meter_counter(
            self->base.meter, "otelcol_processor_probabilistic_sampler_kept_exceptions", "reason",
            text);
        if (counter != NULL)
            sl_counter_add(counter, tally->kept[reason]);
    }
}

static void sampler_consume(struct sl_component *base, struct sl_delivery *delivery)
{
    struct probabilistic_sampler *self = (struct probabilistic_sampler *)base;
    struct tally tally = {0};
    int rc = sl_batch_own(&delivery->batch);
    if (rc == SL_OK)
        rc = decide_batch(self, delivery->batch, &tally);
    if (rc != SL_OK) {
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "out of memory"));
        return;
    }
    count(self, delivery->batch->signal, &tally);
    (void)sl_batch_sweep(delivery->batch);
    if (delivery->batch->records == 0)
        sl_delivery_finish(delivery, sl_result_ok());
    else
        sl_emit(base, delivery);
}

static void sampler_destroy(struct sl_component *self)
{
    sl_out_done(&((struct probabilistic_sampler *)self)->sampler.scratch);
}

const struct sl_component_type probabilistic_sampler_processor = {
    .name = "probabilistic_sampler",
    .doc = "Keeps a share of the traces or log records, the same ones on every instance.",
    .kind = SL_PROCESSOR,
    .stability = SL_BETA,
    .signals = SL_TRACES | SL_LOGS,
    .mutates = true,
    .size = sizeof(struct probabilistic_sampler),
    .config_size = sizeof(struct sampler_config),
    .fields = sampler_fields,
    .check = sampler_check,
    .create = sampler_create,
    .consume = sampler_consume,
    .destroy = sampler_destroy,
};
