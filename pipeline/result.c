/* SPDX-License-Identifier: Apache-2.0 */
/* Names of outcomes, and which of two results wins: the numerically larger
 * outcome, as result.h explains. */
#include "pipeline/result.h"

#include <stdio.h>

const char *sl_outcome_text(enum sl_outcome outcome)
{
    switch (outcome) {
#define X(name, value, text)                                                                       \
    case SL_RESULT_##name:                                                                         \
        return text;
        SL_OUTCOME_MAP(X)
#undef X
    }
    return "unknown outcome";
}

void sl_result_merge(struct sl_result *into, const struct sl_result *other)
{
    if (other->outcome > into->outcome) {
        into->outcome = other->outcome;
        into->message = other->message;
    } else if (other->outcome == into->outcome && into->message == NULL) {
        into->message = other->message;
    }
    into->rejected_items += other->rejected_items;
    if (other->retry_after_ms > into->retry_after_ms)
        into->retry_after_ms = other->retry_after_ms;
}

void sl_result_collect(struct sl_result *into, const struct sl_result *other, char *text,
                       size_t size)
{
    sl_result_merge(into, other);
    if (into->message == NULL || into->message == text)
        return;
    (void)snprintf(text, size, "%s", into->message);
    into->message = text;
}
