/* SPDX-License-Identifier: Apache-2.0 */
/* Log records and metrics, a line each. */
#include "exporters/stdout/lines.h"

#include <stdio.h>
#include <time.h>

#include "exporters/stdout/digest.h"
#include "otlp/transcode.h"

enum { LINE_TEXT = 160 };

static void put_time(uint64_t ns, struct sl_out *out)
{
    time_t seconds = (time_t)(ns / 1000000000u);
    struct tm tm;
    char text[32] = "";
    if (ns != 0 && gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(text, sizeof text, "%H:%M:%S", &tm);
    sl_out_printf(out, "%-8s ", text);
}

/* The log body as one line; kvlists and arrays as JSON. */
static void put_body(struct sl_batch *batch, struct sl_part *part, const struct sl_log_view *log,
                     struct sl_out *out)
{
    char text[LINE_TEXT] = "";
    if (log->body.type == SL_VALUE_STRING) {
        digest_line(log->body.bytes, text, sizeof text);
    } else {
        struct sl_cursor cursor;
        struct sl_field_view field;
        struct sl_out json = {0};
        sl_cursor_init(&cursor, batch, part);
        while (sl_cursor_next(&cursor, &field))
            if (field.number == SL_LOG_BODY)
                sl_value_to_plain_json(field.bytes, &json);
        digest_line(sl_out_view(&json), text, sizeof text);
        sl_out_done(&json);
    }
    sl_out_text(out, text);
}

static void put_log(struct sl_batch *batch, struct sl_part *part, struct sl_out *out)
{
    struct sl_log_view log;
    char severity[16], name[DIGEST_NAME];
    sl_log_read(batch, part, &log);
    digest_line(log.severity_text, severity, sizeof severity);
    digest_line(log.event_name, name, sizeof name);
    sl_out_text(out, "log    ");
    put_time(log.time_ns != 0 ? log.time_ns : log.observed_ns, out);
    sl_out_printf(out, "%-5s %s%s", severity, name, name[0] != '\0' ? " " : "");
    put_body(batch, part, &log, out);
    sl_out_byte(out, '\n');
}

static const char *metric_kind(uint32_t field)
{
    switch (field) {
    case SL_METRIC_GAUGE:
        return "gauge";
    case SL_METRIC_SUM:
        return "sum";
    case SL_METRIC_HISTOGRAM:
        return "histogram";
    case SL_METRIC_EXP_HISTOGRAM:
        return "exponential histogram";
    case SL_METRIC_SUMMARY:
        return "summary";
    default:
        return NULL;
    }
}

static void put_metric(struct sl_batch *batch, struct sl_record *record, struct sl_out *out)
{
    struct sl_cursor cursor;
    struct sl_field_view field;
    char name[LINE_TEXT] = "", unit[DIGEST_NAME] = "";
    const char *kind = "empty";
    sl_cursor_init(&cursor, batch, &record->part);
    while (sl_cursor_next(&cursor, &field)) {
        if (field.number == SL_METRIC_NAME)
            digest_line(field.bytes, name, sizeof name);
        else if (field.number == SL_METRIC_UNIT)
            digest_line(field.bytes, unit, sizeof unit);
        else if (metric_kind(field.number) != NULL)
            kind = metric_kind(field.number);
    }
    sl_out_printf(out, "metric %s  %s  %u point%s%s%s\n", name, kind, record->items,
                  record->items == 1 ? "" : "s", unit[0] != '\0' ? "  " : "", unit);
}

void lines_print(struct sl_batch *batch, struct sl_out *out)
{
    for (uint32_t i = 0; i < batch->group_count; i++) {
        struct sl_group *group = &batch->groups[i];
        for (uint32_t j = 0; j < group->count; j++) {
            if (batch->signal == SL_LOGS)
                put_log(batch, &group->records[j].part, out);
            else
                put_metric(batch, &group->records[j], out);
        }
    }
}
