/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PROCESSORS_SAMPLER_TRACESTATE_H
#define SL_PROCESSORS_SAMPLER_TRACESTATE_H

#include "core/out.h"

/*
 * The sampling fields of a W3C tracestate: `ot=th:c;rv:1234567890abcd`. All
 * other members and sub-keys are kept, in their order.
 */
struct tracestate {
    struct sl_bytes text; /* as it came */
    bool has_rv, has_th;
    uint64_t rv, th;
};

/* false: not a valid tracestate (W3C Trace Context, section 3.3), or th or rv is not. */
bool tracestate_parse(struct sl_bytes text, struct tracestate *ret_state);
/* The text with the th and rv of *state; `ot` moves to the front, as a member
 * that was changed must. */
void tracestate_write(const struct tracestate *state, struct sl_out *out);

#endif
