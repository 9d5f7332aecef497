/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes otlp/generated/schema.c to standard output: the tables of otlp/schema.h,
 * from the descriptors that protoc-c made of otlp/proto. What descriptors do not
 * say (JSON names, ids, what a scrubber looks at) follows from the fields' names.
 * Built and run by tools/generate.sh.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

enum { MAX_MESSAGES = 64, MAX_NAME = 128 };

/* The messages that otlp/schema.h declares, without "opentelemetry.proto.". */
static const char *const named[][2] = {
    {"collector.trace.v1.ExportTraceServiceRequest", "trace_request"},
    {"collector.metrics.v1.ExportMetricsServiceRequest", "metrics_request"},
    {"collector.logs.v1.ExportLogsServiceRequest", "logs_request"},
    {"collector.trace.v1.ExportTraceServiceResponse", "trace_response"},
    {"collector.metrics.v1.ExportMetricsServiceResponse", "metrics_response"},
    {"collector.logs.v1.ExportLogsServiceResponse", "logs_response"},
    {"trace.v1.ResourceSpans", "resource_spans"},
    {"metrics.v1.ResourceMetrics", "resource_metrics"},
    {"logs.v1.ResourceLogs", "resource_logs"},
    {"trace.v1.ScopeSpans", "scope_spans"},
    {"metrics.v1.ScopeMetrics", "scope_metrics"},
    {"logs.v1.ScopeLogs", "scope_logs"},
    {"resource.v1.Resource", "resource"},
    {"common.v1.InstrumentationScope", "scope"},
    {"common.v1.KeyValue", "key_value"},
    {"common.v1.AnyValue", "any_value"},
    {"common.v1.ArrayValue", "array_value"},
    {"common.v1.KeyValueList", "key_value_list"},
    {"trace.v1.Span", "span"},
    {"trace.v1.Span.Event", "span_event"},
    {"trace.v1.Span.Link", "span_link"},
    {"trace.v1.Status", "status"},
    {"logs.v1.LogRecord", "log_record"},
    {"metrics.v1.Metric", "metric"},
};

static const ProtobufCMessageDescriptor *messages[MAX_MESSAGES];
static unsigned message_count;
static const ProtobufCEnumDescriptor *enums[MAX_MESSAGES];
static unsigned enum_count;

static void give_up(const char *what, const char *name)
{
    fprintf(stderr, "gen_schema: %s: %s\n", name, what);
    exit(1);
}

/* Everything that can be reached from a message, each once. */
static void collect(const ProtobufCMessageDescriptor *message)
{
    for (unsigned i = 0; i < message_count; i++)
        if (messages[i] == message)
            return;
    if (message_count == MAX_MESSAGES || enum_count == MAX_MESSAGES)
        give_up("too many messages", message->name);
    messages[message_count++] = message;
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            collect(field->descriptor);
        if (field->type == PROTOBUF_C_TYPE_ENUM)
            enums[enum_count++] = field->descriptor;
    }
    for (unsigned i = 0; i + 1 < enum_count; i++)
        if (enums[i] == enums[enum_count - 1])
            enum_count--;
}

/* "opentelemetry.proto.trace.v1.Span.Event" -> "trace_v1_Span_Event". */
static void tail_of(const char *full_name, char *out)
{
    const char *prefix = "opentelemetry.proto.";
    if (strncmp(full_name, prefix, strlen(prefix)) != 0 || strlen(full_name) >= MAX_NAME)
        give_up("a name of another kind", full_name);
    const char *from = full_name + strlen(prefix);
    for (; *from != '\0'; from++)
        *out++ = *from;
    *out = '\0';
}

static const char *known_name(const char *full_name)
{
    char tail[MAX_NAME];
    tail_of(full_name, tail);
    for (unsigned i = 0; i < sizeof named / sizeof named[0]; i++)
        if (strcmp(named[i][0], tail) == 0)
            return named[i][1];
    return NULL;
}

/* An identifier that is the message's own: its last words, snake_case. */
static void identifier(const char *full_name, char *out)
{
    char tail[MAX_NAME];
    tail_of(full_name, tail);
    for (const char *p = tail; *p != '\0'; p++)
        *out++ = *p == '.' ? '_' : (char)tolower((unsigned char)*p);
    *out = '\0';
}

static void print_symbol(const char *full_name)
{
    char name[MAX_NAME];
    identifier(full_name, name);
    const char *known = known_name(full_name);
    printf(known != NULL ? "sl_msg_%s" : "msg_%s", known != NULL ? known : name);
}

static const char *kind_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return "BOOL";
    case PROTOBUF_C_TYPE_INT32:
        return "INT32";
    case PROTOBUF_C_TYPE_UINT32:
        return "UINT32";
    case PROTOBUF_C_TYPE_SINT32:
        return "SINT32";
    case PROTOBUF_C_TYPE_INT64:
        return "INT64";
    case PROTOBUF_C_TYPE_UINT64:
        return "UINT64";
    case PROTOBUF_C_TYPE_SINT64:
        return "SINT64";
    case PROTOBUF_C_TYPE_FIXED32:
        return "FIXED32";
    case PROTOBUF_C_TYPE_FIXED64:
        return "FIXED64";
    case PROTOBUF_C_TYPE_SFIXED64:
        return "SFIXED64";
    case PROTOBUF_C_TYPE_DOUBLE:
        return "DOUBLE";
    case PROTOBUF_C_TYPE_ENUM:
        return "ENUM";
    case PROTOBUF_C_TYPE_STRING:
        return "STRING";
    case PROTOBUF_C_TYPE_BYTES:
        return "BYTES";
    case PROTOBUF_C_TYPE_MESSAGE:
        return "MESSAGE";
    default:
        give_up("a type that the tables do not have", field->name);
    }
    return NULL;
}

/* 16 and 8: ids of that many bytes. */
static int id_size(const ProtobufCFieldDescriptor *field)
{
    if (field->type != PROTOBUF_C_TYPE_BYTES)
        return 0;
    if (strcmp(field->name, "trace_id") == 0)
        return 16;
    return strcmp(field->name, "span_id") == 0 || strcmp(field->name, "parent_span_id") == 0 ? 8
                                                                                             : 0;
}

static const char *scan_of(const ProtobufCMessageDescriptor *message,
                           const ProtobufCFieldDescriptor *field)
{
    bool text = field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES;
    if (!text || id_size(field) != 0)
        return "NONE";
    const char *known = known_name(message->name);
    if (known != NULL && strcmp(known, "key_value") == 0 && strcmp(field->name, "key") == 0)
        return "KEY";
    if (strcmp(field->name, "trace_state") == 0)
        return "STATE";
    return strcmp(field->name, "schema_url") == 0 ? "URL" : "TEXT";
}

/* Members of a oneof have one case field: that is what tells oneofs apart. */
static unsigned members(const ProtobufCMessageDescriptor *message, unsigned case_offset)
{
    unsigned count = 0;
    for (unsigned i = 0; i < message->n_fields; i++)
        if ((message->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            message->fields[i].quantifier_offset == case_offset)
            count++;
    return count;
}

/* OTLP's messages have at most one oneof of several members. */
static bool in_oneof(const ProtobufCMessageDescriptor *message,
                     const ProtobufCFieldDescriptor *field)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0 ||
        members(message, field->quantifier_offset) < 2)
        return false;
    for (unsigned i = 0; i < message->n_fields; i++)
        if ((message->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            message->fields[i].quantifier_offset != field->quantifier_offset &&
            members(message, message->fields[i].quantifier_offset) > 1)
            give_up("a second oneof", message->name);
    return true;
}

static void print_json_name(const char *name)
{
    for (; *name != '\0'; name++) {
        bool raise = *name == '_' && name[1] != '\0';
        if (raise)
            name++;
        putchar(raise ? toupper((unsigned char)*name) : *name);
    }
}

static void print_field(const ProtobufCMessageDescriptor *message,
                        const ProtobufCFieldDescriptor *field)
{
    bool oneof = in_oneof(message, field);
    bool presence = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && !oneof;
    printf("    {%u, SL_K_%s, %s, %s, %d, %d, SL_SCAN_%s, \"%s\", \"", field->id, kind_of(field),
           field->label == PROTOBUF_C_LABEL_REPEATED ? "true" : "false",
           presence ? "true" : "false", oneof ? 0 : -1, id_size(field), scan_of(message, field),
           field->name);
    print_json_name(field->name);
    printf("\", ");
    char name[MAX_NAME] = "";
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        printf("&");
        print_symbol(((const ProtobufCMessageDescriptor *)field->descriptor)->name);
        printf(", NULL},\n");
    } else if (field->type == PROTOBUF_C_TYPE_ENUM) {
        identifier(((const ProtobufCEnumDescriptor *)field->descriptor)->name, name);
        printf("NULL, enum_%s},\n", name);
    } else {
        printf("NULL, NULL},\n");
    }
}

static void print_message(const ProtobufCMessageDescriptor *message)
{
    char name[MAX_NAME];
    identifier(message->name, name);
    printf("\nstatic const struct sl_message_field fields_%s[] = {\n", name);
    for (unsigned i = 0; i < message->n_fields; i++)
        print_field(message, &message->fields[i]);
    printf("};\n%sconst struct sl_message ", known_name(message->name) != NULL ? "" : "static ");
    print_symbol(message->name);
    printf(" = {\n    \"%s\",\n    fields_%s,\n    %u,\n    {", message->name, name,
           message->n_fields);
    for (unsigned number = 0; number < 32; number++) {
        int found = -1;
        for (unsigned i = 0; i < message->n_fields; i++)
            if (message->fields[i].id == number)
                found = (int)i;
        printf("%s%d", number == 0 ? "" : ", ", found);
    }
    printf("},\n};\n");
}

static void print_enum(const ProtobufCEnumDescriptor *descriptor)
{
    char name[MAX_NAME];
    identifier(descriptor->name, name);
    printf("\nstatic const struct sl_enum_value enum_%s[] = {\n", name);
    for (unsigned i = 0; i < descriptor->n_values; i++)
        printf("    {\"%s\", %d},\n", descriptor->values[i].name, descriptor->values[i].value);
    printf("    {NULL, 0},\n};\n");
}

int main(void)
{
    collect(&opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor);
    collect(&opentelemetry__proto__collector__trace__v1__export_trace_service_response__descriptor);
    collect(
        &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor);
    collect(
        &opentelemetry__proto__collector__metrics__v1__export_metrics_service_response__descriptor);
    collect(&opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor);
    collect(&opentelemetry__proto__collector__logs__v1__export_logs_service_response__descriptor);

    printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
           "/* Generated by tools/gen_schema.c from otlp/proto. Do not edit: run "
           "tools/generate.sh. */\n"
           "/* clang-format off */\n"
           "#include \"otlp/schema.h\"\n\n");
    for (unsigned i = 0; i < message_count; i++) {
        if (known_name(messages[i]->name) != NULL)
            continue;
        printf("static const struct sl_message ");
        print_symbol(messages[i]->name);
        printf(";\n");
    }
    for (unsigned i = 0; i < enum_count; i++)
        print_enum(enums[i]);
    for (unsigned i = 0; i < message_count; i++)
        print_message(messages[i]);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}
