/* SPDX-License-Identifier: Apache-2.0 */
/* The data points of a Metric: counting them, and a Metric in several parts. */
#include "otlp/metric.h"

#include <assert.h>

#include "otlp/tables.h"
#include "otlp/wire.h"

/* Gauge, Sum, Histogram, ExponentialHistogram, Summary: each has its points in field 1. */
static bool is_data(const struct sl_wire_field *f)
{
    static const uint32_t data = 1u << SL_METRIC_GAUGE | 1u << SL_METRIC_SUM |
                                 1u << SL_METRIC_HISTOGRAM | 1u << SL_METRIC_EXP_HISTOGRAM |
                                 1u << SL_METRIC_SUMMARY;
    return f->wire == SL_WIRE_LEN && f->number < 32 && (data >> f->number & 1) != 0;
}

static bool find_data(struct sl_bytes metric, struct sl_wire_field *ret_data)
{
    const uint8_t *p = metric.data, *end = p + metric.size;
    while (p < end && (p = sl_wire_read(p, end, ret_data)) != NULL)
        if (is_data(ret_data))
            return true;
    return false;
}

uint32_t sl_metric_points(struct sl_bytes metric)
{
    struct sl_wire_field data, f;
    uint32_t points = 0;
    if (metric.size == 0 || !find_data(metric, &data))
        return 0;
    const uint8_t *p = data.payload;
    while (p < data.end && (p = sl_wire_read(p, data.end, &f)) != NULL)
        points += f.number == 1 && f.wire == SL_WIRE_LEN;
    return points;
}

/* Where the points of a Metric are, when they lie side by side. */
struct points {
    const uint8_t *start, *end;
    uint32_t count;
    size_t size;
};

static struct points find_points(const struct sl_wire_field *data)
{
    struct points points = {0};
    const uint8_t *p = data->payload;
    while (p < data->end) {
        struct sl_wire_field f;
        p = sl_wire_read(p, data->end, &f);
        assert(p != NULL);
        if (f.number != 1 || f.wire != SL_WIRE_LEN)
            continue;
        points.start = points.count == 0 ? f.start : points.start;
        points.end = f.end;
        points.count++;
        points.size += (size_t)(f.end - f.start);
    }
    return points;
}

/* The Metric with the other fields of its data before the points. */
static int gather_points(struct sl_batch *batch, struct sl_bytes *metric,
                         const struct sl_wire_field *data)
{
    uint8_t *copy = sl_arena_alloc(batch->arena, metric->size);
    if (copy == NULL)
        return SL_ENOMEM;
    uint8_t *at = copy + (data->payload - metric->data);
    memcpy(copy, metric->data, metric->size);
    for (int points = 0; points < 2; points++) {
        for (const uint8_t *p = data->payload; p < data->end;) {
            struct sl_wire_field f;
            p = sl_wire_read(p, data->end, &f);
            if ((f.number == 1 && f.wire == SL_WIRE_LEN) != (points == 1))
                continue;
            memcpy(at, f.start, (size_t)(f.end - f.start));
            at += f.end - f.start;
        }
    }
    *metric = sl_bytes(copy, metric->size);
    return SL_OK;
}

/* An edit that takes wire bytes [from, to) out. */
static int take_out(struct sl_batch *batch, struct sl_part *part, const uint8_t *from,
                    const uint8_t *to)
{
    if (from == to)
        return SL_OK;
    struct sl_edit edit = {(uint32_t)(from - part->wire.data), (uint32_t)(to - from),
                           sl_bytes(NULL, 0)};
    return sl_edit_insert(batch, part, part->edit_count, edit);
}

static int make_chunks(struct sl_batch *batch, const struct sl_record *whole,
                       const struct points *points, uint32_t first, uint32_t each,
                       struct sl_record *chunks)
{
    const uint8_t *p = points->start;
    uint32_t done = 0;
    while (done < points->count) {
        uint32_t left = points->count - done, count = done == 0 ? first : each;
        const uint8_t *start = p;
        count = count < left ? count : left;
        for (uint32_t i = 0; i < count; i++) {
            struct sl_wire_field f;
            p = sl_wire_read(p, points->end, &f);
            assert(p != NULL);
        }
        *chunks = *whole;
        chunks->items = count;
        chunks->part = (struct sl_part){.wire = whole->part.wire, .nested = true};
        if (take_out(batch, &chunks->part, points->start, start) != SL_OK ||
            take_out(batch, &chunks->part, p, points->end) != SL_OK)
            return SL_ENOMEM;
        chunks++;
        done += count;
    }
    return SL_OK;
}

int sl_metric_split(struct sl_batch *batch, const struct sl_record *record, uint32_t first,
                    uint32_t each, struct sl_record **ret_chunks, uint32_t *ret_count)
{
    struct sl_record whole = *record;
    struct sl_wire_field data;
    assert(first > 0 && each > 0 && record->items > first);
    if (sl_part_flatten(&whole.part, batch->arena) != SL_OK)
        return SL_ENOMEM;
    if (!find_data(whole.part.wire, &data))
        return SL_EINVALID;
    struct points points = find_points(&data);
    if ((size_t)(points.end - points.start) != points.size) {
        if (gather_points(batch, &whole.part.wire, &data) != SL_OK)
            return SL_ENOMEM;
        (void)find_data(whole.part.wire, &data);
        points = find_points(&data);
    }
    if (points.count <= first)
        return SL_EINVALID;
    uint32_t count = 1 + (points.count - first - 1) / each + 1;
    struct sl_record *chunks = sl_arena_calloc(batch->arena, count, sizeof *chunks);
    if (chunks == NULL || make_chunks(batch, &whole, &points, first, each, chunks) != SL_OK)
        return SL_ENOMEM;
    *ret_chunks = chunks;
    *ret_count = count;
    return SL_OK;
}
