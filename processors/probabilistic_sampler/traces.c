/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling of spans: randomness from tracestate or trace id, the decision
 * written to tracestate, `sampling.priority` obeyed. */
#include <math.h>
#include <stdlib.h>

#include "processors/probabilistic_sampler/decide.h"
#include "processors/probabilistic_sampler/tracestate.h"

enum priority { PRIORITY_NONE, PRIORITY_KEEP, PRIORITY_DROP };

static enum priority priority_of_number(double number)
{
    return number == 0 ? PRIORITY_DROP : number > 0 ? PRIORITY_KEEP : PRIORITY_NONE;
}

static enum priority priority_of_text(struct sl_bytes text)
{
    char copy[64], *end;
    if (text.size == 0 || text.size >= sizeof copy)
        return PRIORITY_NONE;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double number = strtod(copy, &end);
    return end == copy + text.size && !isnan(number) ? priority_of_number(number) : PRIORITY_NONE;
}

/* OpenTracing's sampling.priority: 0 drops the span, more keeps it. */
static enum priority span_priority(struct sl_batch *batch, struct sl_part *span)
{
    struct sl_attr attr;
    if (!sl_attr_find(batch, span, SL_SPAN_ATTRIBUTES, SL_LIT("sampling.priority"), &attr))
        return PRIORITY_NONE;
    switch (attr.value.type) {
    case SL_VALUE_INT:
        return priority_of_number((double)attr.value.i);
    case SL_VALUE_DOUBLE:
        return priority_of_number(attr.value.d);
    case SL_VALUE_STRING:
        return priority_of_text(attr.value.bytes);
    default:
        return PRIORITY_NONE;
    }
}

static bool is_zero_id(struct sl_bytes id)
{
    static const uint8_t zero[16];
    return id.size != sizeof zero || memcmp(id.data, zero, sizeof zero) == 0;
}

/* Where the span's randomness comes from, and what stands against using it. */
static void examine(const struct sampler *sampler, const struct sl_span_view *span,
                    struct tracestate *state, struct sampler_item *item)
{
    bool valid = tracestate_parse(span->trace_state, state);
    bool by_hash = sampler->mode == SAMPLER_HASH_SEED && !sampler->never;
    if (sampler->never) {
        item->has_randomness = true; /* nothing is missing: it will not be used */
        item->randomness = SAMPLER_NEVER - 1;
    } else if (by_hash && !is_zero_id(span->trace_id)) {
        item->has_randomness = true;
        item->randomness = randomness_of_hash(span->trace_id, sampler->seed);
    } else if (!by_hash && valid && state->has_rv) {
        item->has_randomness = true;
        item->randomness = state->rv;
    } else if (!by_hash && valid && !is_zero_id(span->trace_id)) {
        item->has_randomness = true;
        item->randomness = randomness_of_trace_id(span->trace_id.data);
    }
    if (!valid) {
        item->reason = SAMPLER_ERROR_TRACESTATE;
        return;
    }
    item->has_threshold = state->has_th;
    item->arriving = state->th;
    if (by_hash && state->has_rv)
        item->reason = SAMPLER_ERROR_RANDOMNESS;
    else if (by_hash && state->has_th)
        item->reason = SAMPLER_ERROR_THRESHOLD;
}

/* Writes th, and in hash_seed mode the rv that goes with it. */
static int write_state(struct sampler *sampler, struct sl_batch *batch, struct sl_part *span,
                       struct tracestate *state, uint64_t threshold)
{
    if (state->has_th && threshold < state->th)
        threshold = state->th; /* a probability may only be lowered */
    state->has_th = true;
    state->th = threshold;
    sl_out_clear(&sampler->scratch);
    tracestate_write(state, &sampler->scratch);
    if (sampler->scratch.failed)
        return SL_ENOMEM;
    struct sl_bytes text = sl_out_view(&sampler->scratch);
    if (sl_bytes_equal(text, state->text))
        return SL_OK;
    return sl_part_set_bytes(batch, span, SL_SPAN_TRACE_STATE, text);
}

int sampler_span(struct sampler *sampler, struct sl_batch *batch, struct sl_part *part,
                 enum sampler_reason *ret_reason)
{
    struct sl_span_view span;
    struct tracestate state = {0};
    struct sampler_item item = {.reason = SAMPLER_SAMPLED};
    sl_span_read(batch, part, &span);
    examine(sampler, &span, &state, &item);

    uint64_t threshold = sampler_decide(sampler, &item);
    enum priority priority = span_priority(batch, part);
    if (priority != PRIORITY_NONE) {
        threshold = priority == PRIORITY_KEEP ? SAMPLER_ALWAYS : SAMPLER_NEVER;
        item.reason = item.reason == SAMPLER_SAMPLED ? SAMPLER_PRIORITY : item.reason;
    }
    *ret_reason = item.reason;
    if (threshold > (item.has_randomness ? item.randomness : SAMPLER_NEVER - 1))
        return 0;

    /* At 0 % the Collector writes a tracestate of its own over one it cannot read. */
    bool left_alone = (item.reason == SAMPLER_ERROR_TRACESTATE && !sampler->never) ||
                      item.reason == SAMPLER_ERROR_RANDOMNESS ||
                      item.reason == SAMPLER_ERROR_THRESHOLD;
    if (left_alone)
        return 1;
    if (item.reason == SAMPLER_ERROR_INCONSISTENT)
        state.has_th = false;
    if (sampler->mode == SAMPLER_HASH_SEED && !sampler->never) {
        state.has_rv = true; /* without a trace id the highest, as the Collector writes */
        state.rv = item.has_randomness ? item.randomness : SAMPLER_NEVER - 1;
    }
    int rc = write_state(sampler, batch, part, &state, threshold);
    return rc == SL_OK ? 1 : rc;
}
