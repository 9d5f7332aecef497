/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables: numbers that code names, and what follows from names. */
#include "otlp/schema.h"

#include "tests/check.h"

static const struct {
    const struct sl_message *message;
    uint32_t number;
    const char *name;
} numbers[] = {
    {&sl_msg_trace_request, SL_REQUEST_GROUPS, "resource_spans"},
    {&sl_msg_metrics_request, SL_REQUEST_GROUPS, "resource_metrics"},
    {&sl_msg_logs_request, SL_REQUEST_GROUPS, "resource_logs"},
    {&sl_msg_resource_spans, SL_GROUP_RESOURCE, "resource"},
    {&sl_msg_resource_metrics, SL_GROUP_SCOPES, "scope_metrics"},
    {&sl_msg_resource_logs, SL_GROUP_SCHEMA_URL, "schema_url"},
    {&sl_msg_scope_spans, SL_SCOPE_SCOPE, "scope"},
    {&sl_msg_scope_logs, SL_SCOPE_RECORDS, "log_records"},
    {&sl_msg_scope_metrics, SL_SCOPE_SCHEMA_URL, "schema_url"},
    {&sl_msg_resource, SL_RESOURCE_ATTRIBUTES, "attributes"},
    {&sl_msg_scope, SL_SCOPE_NAME, "name"},
    {&sl_msg_scope, SL_SCOPE_VERSION, "version"},
    {&sl_msg_scope, SL_SCOPE_ATTRIBUTES, "attributes"},
    {&sl_msg_key_value, SL_KV_KEY, "key"},
    {&sl_msg_key_value, SL_KV_VALUE, "value"},
    {&sl_msg_any_value, SL_ANY_STRING, "string_value"},
    {&sl_msg_any_value, SL_ANY_BOOL, "bool_value"},
    {&sl_msg_any_value, SL_ANY_INT, "int_value"},
    {&sl_msg_any_value, SL_ANY_DOUBLE, "double_value"},
    {&sl_msg_any_value, SL_ANY_ARRAY, "array_value"},
    {&sl_msg_any_value, SL_ANY_KVLIST, "kvlist_value"},
    {&sl_msg_any_value, SL_ANY_BYTES, "bytes_value"},
    {&sl_msg_span, SL_SPAN_TRACE_ID, "trace_id"},
    {&sl_msg_span, SL_SPAN_SPAN_ID, "span_id"},
    {&sl_msg_span, SL_SPAN_TRACE_STATE, "trace_state"},
    {&sl_msg_span, SL_SPAN_PARENT_ID, "parent_span_id"},
    {&sl_msg_span, SL_SPAN_NAME, "name"},
    {&sl_msg_span, SL_SPAN_KIND, "kind"},
    {&sl_msg_span, SL_SPAN_START, "start_time_unix_nano"},
    {&sl_msg_span, SL_SPAN_END, "end_time_unix_nano"},
    {&sl_msg_span, SL_SPAN_ATTRIBUTES, "attributes"},
    {&sl_msg_span, SL_SPAN_EVENTS, "events"},
    {&sl_msg_span, SL_SPAN_LINKS, "links"},
    {&sl_msg_span, SL_SPAN_STATUS, "status"},
    {&sl_msg_span, SL_SPAN_FLAGS, "flags"},
    {&sl_msg_status, SL_STATUS_MESSAGE, "message"},
    {&sl_msg_status, SL_STATUS_CODE, "code"},
    {&sl_msg_span_event, SL_EVENT_TIME, "time_unix_nano"},
    {&sl_msg_span_event, SL_EVENT_NAME, "name"},
    {&sl_msg_span_event, SL_EVENT_ATTRIBUTES, "attributes"},
    {&sl_msg_span_link, SL_LINK_ATTRIBUTES, "attributes"},
    {&sl_msg_log_record, SL_LOG_TIME, "time_unix_nano"},
    {&sl_msg_log_record, SL_LOG_SEVERITY, "severity_number"},
    {&sl_msg_log_record, SL_LOG_SEVERITY_TEXT, "severity_text"},
    {&sl_msg_log_record, SL_LOG_BODY, "body"},
    {&sl_msg_log_record, SL_LOG_ATTRIBUTES, "attributes"},
    {&sl_msg_log_record, SL_LOG_FLAGS, "flags"},
    {&sl_msg_log_record, SL_LOG_TRACE_ID, "trace_id"},
    {&sl_msg_log_record, SL_LOG_SPAN_ID, "span_id"},
    {&sl_msg_log_record, SL_LOG_OBSERVED, "observed_time_unix_nano"},
    {&sl_msg_log_record, SL_LOG_EVENT_NAME, "event_name"},
    {&sl_msg_metric, SL_METRIC_NAME, "name"},
    {&sl_msg_metric, SL_METRIC_DESCRIPTION, "description"},
    {&sl_msg_metric, SL_METRIC_UNIT, "unit"},
    {&sl_msg_metric, SL_METRIC_GAUGE, "gauge"},
    {&sl_msg_metric, SL_METRIC_SUM, "sum"},
    {&sl_msg_metric, SL_METRIC_HISTOGRAM, "histogram"},
    {&sl_msg_metric, SL_METRIC_EXP_HISTOGRAM, "exponential_histogram"},
    {&sl_msg_metric, SL_METRIC_SUMMARY, "summary"},
    {&sl_msg_metric, SL_METRIC_METADATA, "metadata"},
};

static void test_named_numbers_are_the_fields_they_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct sl_message_field *field =
            sl_message_find(numbers[i].message, numbers[i].number);
        CHECK(field != NULL);
        CHECK_TEXT(field->name, numbers[i].name);
    }
}

static const struct sl_message_field *named(const struct sl_message *message, const char *name)
{
    for (unsigned i = 0; i < message->field_count; i++)
        if (strcmp(message->fields[i].name, name) == 0)
            return &message->fields[i];
    fail_msg("%s has no field %s", message->name, name);
    return NULL;
}

static void test_ids_and_scan_classes_follow_from_the_fields(void **state)
{
    (void)state;
    const struct sl_message *exemplar =
        named(named(named(&sl_msg_metric, "gauge")->message, "data_points")->message, "exemplars")
            ->message;
    static const struct {
        const struct sl_message *message;
        const char *name;
        int id_size, scan;
    } cases[] = {
        {&sl_msg_span, "trace_id", 16, SL_SCAN_NONE},
        {&sl_msg_span, "span_id", 8, SL_SCAN_NONE},
        {&sl_msg_span, "parent_span_id", 8, SL_SCAN_NONE},
        {&sl_msg_span, "trace_state", 0, SL_SCAN_STATE},
        {&sl_msg_span, "name", 0, SL_SCAN_TEXT},
        {&sl_msg_span, "kind", 0, SL_SCAN_NONE},
        {&sl_msg_span_link, "trace_state", 0, SL_SCAN_STATE},
        {&sl_msg_log_record, "trace_id", 16, SL_SCAN_NONE},
        {&sl_msg_key_value, "key", 0, SL_SCAN_KEY},
        {&sl_msg_any_value, "string_value", 0, SL_SCAN_TEXT},
        {&sl_msg_any_value, "bytes_value", 0, SL_SCAN_TEXT},
        {&sl_msg_any_value, "int_value", 0, SL_SCAN_NONE},
        {&sl_msg_scope_logs, "schema_url", 0, SL_SCAN_URL},
        {&sl_msg_metric, "unit", 0, SL_SCAN_TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sl_message_field *field = named(cases[i].message, cases[i].name);
        CHECK_INT(field->id_size, cases[i].id_size);
        CHECK_INT(field->scan, cases[i].scan);
    }
    CHECK_INT(named(exemplar, "trace_id")->id_size, 16);
    CHECK_INT(named(exemplar, "span_id")->id_size, 8);
    CHECK_INT(named(named(&sl_msg_resource, "entity_refs")->message, "schema_url")->scan,
              SL_SCAN_URL);
}

static void test_oneofs_presence_and_json_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sl_msg_any_value.field_count; i++)
        CHECK_INT(sl_msg_any_value.fields[i].oneof, 0);
    const struct sl_message *histogram = named(&sl_msg_metric, "histogram")->message;
    const struct sl_message *point = named(histogram, "data_points")->message;
    CHECK(named(point, "sum")->presence && named(point, "min")->presence);
    CHECK_INT(named(point, "sum")->oneof, -1);
    CHECK(!named(point, "count")->presence);
    CHECK(named(point, "bucket_counts")->repeated);
    CHECK_TEXT(named(&sl_msg_span, "start_time_unix_nano")->json, "startTimeUnixNano");
    CHECK_TEXT(named(&sl_msg_key_value, "key_strindex")->json, "keyStrindex");
    CHECK_TEXT(named(&sl_msg_span, "kind")->values[3].name, "SPAN_KIND_CLIENT");
}

static void check_message(const struct sl_message *message, unsigned depth)
{
    CHECK(message->field_count <= 32 && strncmp(message->name, "opentelemetry.proto.", 20) == 0);
    for (unsigned i = 0; i < message->field_count; i++) {
        const struct sl_message_field *field = &message->fields[i];
        CHECK(i == 0 || field[-1].number < field->number);
        CHECK(sl_message_find(message, field->number) == field);
        CHECK((field->kind == SL_K_MESSAGE) == (field->message != NULL));
        CHECK((field->kind == SL_K_ENUM) == (field->values != NULL));
        if (field->message != NULL && depth < 10)
            check_message(field->message, depth + 1);
    }
    CHECK(sl_message_find(message, 31) == NULL && sl_message_find(message, 1000) == NULL);
}

static void test_every_table_is_sound(void **state)
{
    (void)state;
    for (int signal = SL_TRACES; signal <= SL_LOGS; signal <<= 1) {
        const struct sl_signal_messages *messages = sl_signal_messages((enum sl_signal)signal);
        check_message(messages->request, 0);
        check_message(messages->response, 0);
        CHECK(messages->request->fields[0].message == messages->resource_group);
        CHECK(named(messages->resource_group, "resource")->message == &sl_msg_resource);
        CHECK(sl_message_find(messages->resource_group, SL_GROUP_SCOPES)->message ==
              messages->scope_group);
        CHECK(sl_message_find(messages->scope_group, SL_SCOPE_RECORDS)->message ==
              messages->record);
    }
    CHECK_TEXT(sl_signal_name(SL_TRACES), "traces");
    CHECK_TEXT(sl_signal_name(SL_METRICS), "metrics");
    CHECK_TEXT(sl_signal_name(SL_LOGS), "logs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_numbers_are_the_fields_they_name),
        cmocka_unit_test(test_ids_and_scan_classes_follow_from_the_fields),
        cmocka_unit_test(test_oneofs_presence_and_json_names),
        cmocka_unit_test(test_every_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
