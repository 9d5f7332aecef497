/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of log records: randomness from the trace id or an attribute, the
 * decision in the attributes sampling.threshold and sampling.randomness. */
#include "otlp/json.h"
#include "otlp/transcode.h"
#include "processors/probabilistic_sampler/decide.h"

#define THRESHOLD_KEY SL_LIT("sampling.threshold")
#define RANDOMNESS_KEY SL_LIT("sampling.randomness")

/* The text of a non-empty string attribute. */
static struct sl_bytes find_text(struct sl_batch *batch, struct sl_part *record,
                                 struct sl_bytes key)
{
    struct sl_attr attr;
    if (!sl_attr_find(batch, record, SL_LOG_ATTRIBUTES, key, &attr) ||
        attr.value.type != SL_VALUE_STRING)
        return (struct sl_bytes){0};
    return attr.value.bytes;
}

/* The bytes of an attribute that stand for it in the hash: its text form. */
static struct sl_bytes hash_input(struct sampler *sampler, const struct sl_value *value)
{
    struct sl_out *out = &sampler->scratch;
    sl_out_clear(out);
    switch (value->type) {
    case SL_VALUE_STRING:
    case SL_VALUE_BYTES:
        return value->bytes;
    case SL_VALUE_INT:
        sl_out_printf(out, "%lld", (long long)value->i);
        break;
    case SL_VALUE_DOUBLE:
        sl_json_write_double(out, value->d);
        break;
    case SL_VALUE_BOOL:
        sl_out_text(out, value->b ? "true" : "false");
        break;
    default:
        break;
    }
    return sl_out_view(out);
}

static bool attribute_randomness(struct sampler *sampler, struct sl_batch *batch,
                                 struct sl_part *record, uint64_t *ret_randomness)
{
    struct sl_attr attr;
    if (sampler->from_attribute.size == 0 ||
        !sl_attr_find(batch, record, SL_LOG_ATTRIBUTES, sampler->from_attribute, &attr))
        return false;
    struct sl_bytes input = hash_input(sampler, &attr.value);
    *ret_randomness = randomness_of_hash(input, sampler->seed);
    return input.size > 0;
}

static bool trace_id_is_set(struct sl_bytes id)
{
    static const uint8_t zero[16];
    return id.size == sizeof zero && memcmp(id.data, zero, sizeof zero) != 0;
}

/* Randomness in hash_seed mode. */
static void examine_by_hash(struct sampler *sampler, struct sl_batch *batch, struct sl_part *record,
                            const struct sl_log_view *log, struct sampler_item *item)
{
    if (sampler->by_trace_id && trace_id_is_set(log->trace_id)) {
        item->has_randomness = true;
        item->randomness = randomness_of_hash(log->trace_id, sampler->seed);
    } else {
        item->has_randomness = attribute_randomness(sampler, batch, record, &item->randomness);
    }
}

static void examine(struct sampler *sampler, struct sl_batch *batch, struct sl_part *record,
                    struct sampler_item *item)
{
    struct sl_log_view log;
    uint64_t explicit_randomness = 0;
    struct sl_bytes threshold = find_text(batch, record, THRESHOLD_KEY);
    struct sl_bytes randomness = find_text(batch, record, RANDOMNESS_KEY);
    bool by_hash = sampler->mode == SAMPLER_HASH_SEED && !sampler->never;
    bool valid = (threshold.size == 0 || threshold_parse(threshold, &item->arriving)) &&
                 (randomness.size == 0 || randomness_parse(randomness, &explicit_randomness));

    sl_log_read(batch, record, &log);
    item->has_threshold = valid && threshold.size > 0;
    if (sampler->never) {
        item->has_randomness = true; /* nothing is missing: it will not be used */
        item->randomness = SAMPLER_NEVER - 1;
    } else if (by_hash) {
        examine_by_hash(sampler, batch, record, &log, item);
    } else if (valid && randomness.size > 0) {
        item->has_randomness = true;
        item->randomness = explicit_randomness;
    } else if (valid && trace_id_is_set(log.trace_id)) {
        item->has_randomness = true;
        item->randomness = randomness_of_trace_id(log.trace_id.data);
    }
    if (!valid)
        item->reason = SAMPLER_ERROR_TRACESTATE;
    else if (by_hash && randomness.size > 0)
        item->reason = SAMPLER_ERROR_RANDOMNESS;
    else if (by_hash && threshold.size > 0)
        item->reason = SAMPLER_ERROR_THRESHOLD;
}

/* The record's own percentage, in the attribute that sampling_priority names,
 * takes the place of the configured one. */
static void apply_priority(const struct sampler *sampler, struct sl_batch *batch,
                           struct sl_part *record, struct sampler_item *item, uint64_t *threshold)
{
    struct sl_attr attr;
    uint64_t wished;
    if (sampler->priority_attribute.size == 0 ||
        !sl_attr_find(batch, record, SL_LOG_ATTRIBUTES, sampler->priority_attribute, &attr))
        return;
    double percent = attr.value.type == SL_VALUE_DOUBLE ? attr.value.d
                     : attr.value.type == SL_VALUE_INT  ? (double)attr.value.i
                                                        : 0;
    if (!threshold_of_probability(percent / 100, sampler->precision, &wished))
        return;
    *threshold = wished;
    item->reason = item->reason == SAMPLER_SAMPLED ? SAMPLER_PRIORITY : item->reason;
}

static int set_text(struct sl_batch *batch, struct sl_part *record, struct sl_bytes key,
                    const char *text)
{
    struct sl_attr attr;
    struct sl_value value = sl_value_string(sl_text(text));
    if (!sl_attr_find(batch, record, SL_LOG_ATTRIBUTES, key, &attr))
        return sl_attr_add(batch, record, SL_LOG_ATTRIBUTES, key, value);
    if (attr.value.type == SL_VALUE_STRING && sl_bytes_equal(attr.value.bytes, value.bytes))
        return SL_OK;
    return sl_attr_replace(batch, record, &attr, value);
}

static int write_attributes(const struct sampler *sampler, struct sl_batch *batch,
                            struct sl_part *record, const struct sampler_item *item,
                            uint64_t threshold)
{
    char text[SAMPLER_HEX_DIGITS + 1];
    int rc = SL_OK;
    if (sampler->mode == SAMPLER_HASH_SEED && !sampler->never && item->has_randomness) {
        randomness_write(item->randomness, text);
        rc = set_text(batch, record, RANDOMNESS_KEY, text);
    }
    if (rc != SL_OK || (item->has_threshold && item->reason != SAMPLER_ERROR_INCONSISTENT &&
                        threshold < item->arriving))
        return rc; /* a probability may only be lowered */
    (void)threshold_write(threshold, text);
    return set_text(batch, record, THRESHOLD_KEY, text);
}

int sampler_log(struct sampler *sampler, struct sl_batch *batch, struct sl_part *record,
                enum sampler_reason *ret_reason)
{
    struct sampler_item item = {.reason = SAMPLER_SAMPLED};
    examine(sampler, batch, record, &item);
    uint64_t threshold = sampler_decide(sampler, &item);
    apply_priority(sampler, batch, record, &item, &threshold);
    *ret_reason = item.reason;
    if (threshold > (item.has_randomness ? item.randomness : SAMPLER_NEVER - 1))
        return 0;
    bool left_alone = item.reason == SAMPLER_ERROR_TRACESTATE ||
                      item.reason == SAMPLER_ERROR_RANDOMNESS ||
                      item.reason == SAMPLER_ERROR_THRESHOLD;
    if (left_alone)
        return 1;
    int rc = write_attributes(sampler, batch, record, &item, threshold);
    return rc == SL_OK ? 1 : rc;
}
