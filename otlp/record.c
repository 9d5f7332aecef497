/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a span and of a log record that components ask for. */
#include "otlp/view.h"

static void read_status(struct sl_bytes status, struct sl_span_view *view)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    sl_cursor_init_plain(&cursor, status);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.number == SL_STATUS_MESSAGE && field.wire == SL_WIRE_LEN)
            view->status_message = field.bytes;
        else if (field.number == SL_STATUS_CODE && field.wire == SL_WIRE_VARINT)
            view->status_code = (uint32_t)field.number_value;
    }
}

static void read_span_bytes(const struct sl_field_view *field, struct sl_span_view *view)
{
    switch (field->number) {
    case SL_SPAN_TRACE_ID:
        view->trace_id = field->bytes;
        break;
    case SL_SPAN_SPAN_ID:
        view->span_id = field->bytes;
        break;
    case SL_SPAN_PARENT_ID:
        view->parent_span_id = field->bytes;
        break;
    case SL_SPAN_TRACE_STATE:
        view->trace_state = field->bytes;
        break;
    case SL_SPAN_NAME:
        view->name = field->bytes;
        break;
    case SL_SPAN_STATUS:
        read_status(field->bytes, view);
        break;
    default:
        break;
    }
}

void sl_span_read(struct sl_batch *batch, struct sl_part *part, struct sl_span_view *ret_view)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    *ret_view = (struct sl_span_view){0};
    sl_cursor_init(&cursor, batch, part);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.wire == SL_WIRE_LEN)
            read_span_bytes(&field, ret_view);
        else if (field.number == SL_SPAN_START && field.wire == SL_WIRE_FIXED64)
            ret_view->start_ns = field.number_value;
        else if (field.number == SL_SPAN_END && field.wire == SL_WIRE_FIXED64)
            ret_view->end_ns = field.number_value;
        else if (field.number == SL_SPAN_KIND && field.wire == SL_WIRE_VARINT)
            ret_view->kind = (uint32_t)field.number_value;
        else if (field.number == SL_SPAN_FLAGS && field.wire == SL_WIRE_FIXED32)
            ret_view->flags = (uint32_t)field.number_value;
    }
}

static void read_log_bytes(const struct sl_field_view *field, struct sl_log_view *view)
{
    switch (field->number) {
    case SL_LOG_TRACE_ID:
        view->trace_id = field->bytes;
        break;
    case SL_LOG_SPAN_ID:
        view->span_id = field->bytes;
        break;
    case SL_LOG_SEVERITY_TEXT:
        view->severity_text = field->bytes;
        break;
    case SL_LOG_EVENT_NAME:
        view->event_name = field->bytes;
        break;
    case SL_LOG_BODY:
        view->body = sl_value_read(field->bytes);
        break;
    default:
        break;
    }
}

void sl_log_read(struct sl_batch *batch, struct sl_part *part, struct sl_log_view *ret_view)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    *ret_view = (struct sl_log_view){0};
    sl_cursor_init(&cursor, batch, part);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.wire == SL_WIRE_LEN)
            read_log_bytes(&field, ret_view);
        else if (field.number == SL_LOG_TIME && field.wire == SL_WIRE_FIXED64)
            ret_view->time_ns = field.number_value;
        else if (field.number == SL_LOG_OBSERVED && field.wire == SL_WIRE_FIXED64)
            ret_view->observed_ns = field.number_value;
        else if (field.number == SL_LOG_SEVERITY && field.wire == SL_WIRE_VARINT)
            ret_view->severity = (uint32_t)field.number_value;
        else if (field.number == SL_LOG_FLAGS && field.wire == SL_WIRE_FIXED32)
            ret_view->flags = (uint32_t)field.number_value;
    }
}

uint32_t sl_record_attributes(enum sl_signal signal)
{
    switch (signal) {
    case SL_TRACES:
        return SL_SPAN_ATTRIBUTES;
    case SL_LOGS:
        return SL_LOG_ATTRIBUTES;
    default:
        return 0;
    }
}
