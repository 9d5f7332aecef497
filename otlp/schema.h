/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_SCHEMA_H
#define SL_OTLP_SCHEMA_H

#include "core/bytes.h"

/*
 * What OTLP's messages look like, as tables: generated from the .proto files
 * (otlp/generated/schema.c). The ingest walk, the canonical form, the scan and
 * the JSON transcoding are all driven by them.
 */
enum sl_signal { SL_TRACES = 1 << 0, SL_METRICS = 1 << 1, SL_LOGS = 1 << 2 };
#define SL_ALL_SIGNALS (SL_TRACES | SL_METRICS | SL_LOGS)

const char *sl_signal_name(enum sl_signal signal); /* "traces", "metrics", "logs" */

enum sl_wire_type {
    SL_WIRE_VARINT = 0,
    SL_WIRE_FIXED64 = 1,
    SL_WIRE_LEN = 2,
    SL_WIRE_GROUP = 3,
    SL_WIRE_GROUP_END = 4,
    SL_WIRE_FIXED32 = 5
};

enum sl_field_kind {
    SL_K_BOOL,
    SL_K_INT32,
    SL_K_UINT32,
    SL_K_SINT32,
    SL_K_INT64,
    SL_K_UINT64,
    SL_K_SINT64,
    SL_K_FIXED32,
    SL_K_FIXED64,
    SL_K_SFIXED64,
    SL_K_DOUBLE,
    SL_K_ENUM,
    SL_K_STRING,
    SL_K_BYTES,
    SL_K_MESSAGE
};

/* What a scrubber has to know of a string or bytes field. */
enum sl_scan_class {
    SL_SCAN_NONE,  /* a number, or an id of fixed length: not text */
    SL_SCAN_TEXT,  /* free text: names, messages, values */
    SL_SCAN_KEY,   /* KeyValue.key */
    SL_SCAN_STATE, /* W3C tracestate */
    SL_SCAN_URL    /* schema URL */
};

struct sl_enum_value {
    const char *name;
    int32_t number;
};

struct sl_message_field {
    uint32_t number;
    uint8_t kind; /* enum sl_field_kind */
    bool repeated;
    bool presence;    /* proto3 optional: an explicit zero is kept */
    int8_t oneof;     /* which oneof of the message, -1: none (also for `optional`) */
    uint8_t id_size;  /* 16 trace id, 8 span id: JSON hex, other lengths refused; 0: not an id */
    uint8_t scan;     /* enum sl_scan_class */
    const char *name; /* snake_case, as in the .proto */
    const char *json; /* lowerCamelCase */
    const struct sl_message *message;   /* MESSAGE */
    const struct sl_enum_value *values; /* ENUM: ended by name == NULL */
};

struct sl_message {
    const char *name;                      /* "opentelemetry.proto.trace.v1.Span" */
    const struct sl_message_field *fields; /* by ascending number */
    unsigned field_count;
    int8_t by_number[32]; /* index into fields for numbers below 32, or -1 */
};

/* NULL: unknown field. */
static inline const struct sl_message_field *sl_message_find(const struct sl_message *message,
                                                             uint32_t number)
{
    if (number >= 32 || message->by_number[number] < 0)
        return NULL;
    return &message->fields[(unsigned)message->by_number[number]];
}

/* Messages that code names. All others are reached through them. */
extern const struct sl_message sl_msg_trace_request, sl_msg_metrics_request, sl_msg_logs_request;
extern const struct sl_message sl_msg_resource_spans, sl_msg_resource_metrics, sl_msg_resource_logs,
    sl_msg_scope_spans, sl_msg_scope_metrics, sl_msg_scope_logs;
extern const struct sl_message sl_msg_resource, sl_msg_scope, sl_msg_key_value, sl_msg_any_value,
    sl_msg_array_value, sl_msg_key_value_list;
extern const struct sl_message sl_msg_span, sl_msg_span_event, sl_msg_span_link, sl_msg_status,
    sl_msg_log_record, sl_msg_metric;
extern const struct sl_message sl_msg_trace_response, sl_msg_metrics_response, sl_msg_logs_response;

/* The request, ResourceX, ScopeX and record messages of a signal. */
struct sl_signal_messages {
    const struct sl_message *request, *resource_group, *scope_group, *record, *response;
};
const struct sl_signal_messages *sl_signal_messages(enum sl_signal signal);

/* Field numbers that code names (opentelemetry-proto 1.x). */
enum {
    SL_REQUEST_GROUPS = 1, /* repeated ResourceX */
    SL_GROUP_RESOURCE = 1,
    SL_GROUP_SCOPES = 2,
    SL_GROUP_SCHEMA_URL = 3,
    SL_SCOPE_SCOPE = 1,
    SL_SCOPE_RECORDS = 2,
    SL_SCOPE_SCHEMA_URL = 3,
    SL_RESOURCE_ATTRIBUTES = 1,
    SL_SCOPE_NAME = 1,
    SL_SCOPE_VERSION = 2,
    SL_SCOPE_ATTRIBUTES = 3,
    SL_KV_KEY = 1,
    SL_KV_VALUE = 2,
    SL_ANY_STRING = 1,
    SL_ANY_BOOL = 2,
    SL_ANY_INT = 3,
    SL_ANY_DOUBLE = 4,
    SL_ANY_ARRAY = 5,
    SL_ANY_KVLIST = 6,
    SL_ANY_BYTES = 7,
    SL_SPAN_TRACE_ID = 1,
    SL_SPAN_SPAN_ID = 2,
    SL_SPAN_TRACE_STATE = 3,
    SL_SPAN_PARENT_ID = 4,
    SL_SPAN_NAME = 5,
    SL_SPAN_KIND = 6,
    SL_SPAN_START = 7,
    SL_SPAN_END = 8,
    SL_SPAN_ATTRIBUTES = 9,
    SL_SPAN_EVENTS = 11,
    SL_SPAN_LINKS = 13,
    SL_SPAN_STATUS = 15,
    SL_SPAN_FLAGS = 16,
    SL_STATUS_MESSAGE = 2,
    SL_STATUS_CODE = 3,
    SL_EVENT_TIME = 1,
    SL_EVENT_NAME = 2,
    SL_EVENT_ATTRIBUTES = 3,
    SL_LINK_ATTRIBUTES = 4,
    SL_LOG_TIME = 1,
    SL_LOG_SEVERITY = 2,
    SL_LOG_SEVERITY_TEXT = 3,
    SL_LOG_BODY = 5,
    SL_LOG_ATTRIBUTES = 6,
    SL_LOG_FLAGS = 8,
    SL_LOG_TRACE_ID = 9,
    SL_LOG_SPAN_ID = 10,
    SL_LOG_OBSERVED = 11,
    SL_LOG_EVENT_NAME = 12,
    SL_METRIC_NAME = 1,
    SL_METRIC_DESCRIPTION = 2,
    SL_METRIC_UNIT = 3,
    SL_METRIC_GAUGE = 5,
    SL_METRIC_SUM = 7,
    SL_METRIC_HISTOGRAM = 9,
    SL_METRIC_EXP_HISTOGRAM = 10,
    SL_METRIC_SUMMARY = 11,
    SL_METRIC_METADATA = 12
};

#endif
