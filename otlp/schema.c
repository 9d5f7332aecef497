/* SPDX-License-Identifier: Apache-2.0 */
/* The three signals and the messages that belong to each. */
#include "otlp/schema.h"

#include <assert.h>

static const struct sl_signal_messages traces = {&sl_msg_trace_request, &sl_msg_resource_spans,
                                                 &sl_msg_scope_spans, &sl_msg_span,
                                                 &sl_msg_trace_response};
static const struct sl_signal_messages metrics = {&sl_msg_metrics_request, &sl_msg_resource_metrics,
                                                  &sl_msg_scope_metrics, &sl_msg_metric,
                                                  &sl_msg_metrics_response};
static const struct sl_signal_messages logs = {&sl_msg_logs_request, &sl_msg_resource_logs,
                                               &sl_msg_scope_logs, &sl_msg_log_record,
                                               &sl_msg_logs_response};

const char *sl_signal_name(enum sl_signal signal)
{
    switch (signal) {
    case SL_TRACES:
        return "traces";
    case SL_METRICS:
        return "metrics";
    case SL_LOGS:
        return "logs";
    }
    return "unknown";
}

const struct sl_signal_messages *sl_signal_messages(enum sl_signal signal)
{
    assert(signal == SL_TRACES || signal == SL_METRICS || signal == SL_LOGS);
    return signal == SL_TRACES ? &traces : signal == SL_METRICS ? &metrics : &logs;
}
