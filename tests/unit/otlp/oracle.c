/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random messages of all three signals, packed by protobuf-c: they must come out
 * of a batch as they went in, and changes made through views must equal the same
 * changes made on protobuf-c's structures. Known differences, which the messages
 * here avoid: protobuf-c cuts strings at NUL, does not check UTF-8, refuses
 * groups, takes a known number with a strange wire type for an error, and merges
 * repeated messages in its own way.
 */
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "tests/unit/otlp/wire_help.h"

enum { ROUNDS = 300, DEEPEST = 12 };

static uint64_t seed = 1;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, unsigned depth);

static char *random_string(void)
{
    static const char *const pieces[] = {
        "a", "key", "\xC3\xA9", "value of ", "\xF0\x9F\x98\x80", "0123456789", "gen_ai.", "x"};
    struct sl_out out = {0};
    for (uint32_t i = below(below(20) == 0 ? 60 : 5); i > 0; i--)
        sl_out_text(&out, pieces[below(8)]);
    char *copy = sl_arena_printf(&help_arena, "%s", sl_out_cstr(&out));
    sl_out_done(&out);
    return copy;
}

static ProtobufCBinaryData random_bytes(const char *name)
{
    size_t size = below(20);
    if (strcmp(name, "trace_id") == 0)
        size = below(4) != 0 ? 16 : 0;
    else if (strcmp(name, "span_id") == 0 || strcmp(name, "parent_span_id") == 0)
        size = below(4) != 0 ? 8 : 0;
    uint8_t *data = sl_arena_alloc(&help_arena, size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)below(256);
    return (ProtobufCBinaryData){size, data};
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

static void put_value(const ProtobufCFieldDescriptor *field, void *at, unsigned depth)
{
    ProtobufCBinaryData bytes;
    ProtobufCMessage *message;
    char *string;
    uint64_t number = (uint64_t)below(1u << 30) << below(30);
    uint32_t small = below(4);
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        bytes = random_bytes(field->name);
        memcpy(at, &bytes, sizeof bytes);
        break;
    case PROTOBUF_C_TYPE_STRING:
        string = random_string();
        memcpy(at, &string, sizeof string);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        message = make(field->descriptor, depth + 1);
        memcpy(at, &message, sizeof message);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        small = below(2);
        memcpy(at, &small, sizeof small);
        break;
    default:
        if (size_of(field) == 8)
            memcpy(at, &number, 8);
        else
            memcpy(at, &small, 4);
        break;
    }
}

static void put_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      unsigned depth)
{
    uint8_t *base = (uint8_t *)message;
    bool deep = field->type == PROTOBUF_C_TYPE_MESSAGE && depth >= DEEPEST;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count = deep ? 0 : below(4), size = size_of(field);
        uint8_t *array = sl_arena_calloc(&help_arena, count, size);
        for (size_t i = 0; i < count; i++)
            put_value(field, array + i * size, depth);
        memcpy(base + field->offset, &array, sizeof array);
        memcpy(base + field->quantifier_offset, &count, sizeof count);
        return;
    }
    if (deep || below(4) == 0)
        return;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t chosen;
        memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
        if (chosen != 0 || below(2) == 0)
            return;
        memcpy(base + field->quantifier_offset, &field->id, sizeof field->id);
    }
    put_value(field, base + field->offset, depth);
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, unsigned depth)
{
    ProtobufCMessage *message = sl_arena_calloc(&help_arena, 1, type->sizeof_message);
    type->message_init(message);
    unsigned first = below(type->n_fields); /* so that each member of a oneof has its chance */
    for (unsigned i = 0; i < type->n_fields; i++)
        put_field(message, &type->fields[(first + i) % type->n_fields], depth);
    return message;
}

static struct sl_bytes packed(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = sl_arena_alloc(&help_arena, size);
    CHECK_INT(protobuf_c_message_pack(message, data), size);
    return sl_bytes(data, size);
}

struct signal_type {
    enum sl_signal signal;
    const ProtobufCMessageDescriptor *type;
};

static const struct signal_type signals[] = {
    {SL_TRACES,
     &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor},
    {SL_METRICS,
     &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor},
    {SL_LOGS, &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor},
};

static void test_random_requests_come_out_byte_for_byte(void **state)
{
    (void)state;
    size_t records = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct signal_type *kind = &signals[i % 3];
        struct sl_bytes body = packed(make(kind->type, 0));
        struct sl_ingest_stats stats;
        struct sl_batch *batch = NULL;
        CHECK_INT(read_request(kind->signal, body, &batch, &stats), SL_OK);
        CHECK_INT(stats.canonicalized, 0);
        CHECK(!batch->changed);
        records += batch->records;
        CHECK(sl_bytes_equal(encoded(batch), body));
        sl_batch_unref(batch);
        sl_arena_done(&help_arena);
    }
    CHECK(records > 500);
}

/* What a protobuf parser makes of these bytes, packed again. */
static struct sl_bytes repacked(const ProtobufCMessageDescriptor *type, struct sl_bytes body)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, body.size, body.data);
    CHECK(message != NULL);
    struct sl_bytes again = packed(message);
    protobuf_c_message_free_unpacked(message, NULL);
    return again;
}

/* Records given in two halves. protobuf-c is no oracle for the merge itself: it
 * loses an enum that only the first half has, and drops the first of two equal
 * members of a oneof. wire_compare.py asks the official messages instead. */
static void test_the_canonical_form_of_merged_records_is_final(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct signal_type *kind = &signals[i % 3];
        struct sl_bytes first = packed(make(kind->type, 0)), second = packed(make(kind->type, 0));
        struct sl_batch *a = must_read(kind->signal, first), *b = must_read(kind->signal, second);
        if (a->records > 0 && b->records > 0 && a->groups[0].count > 0 && b->groups[0].count > 0) {
            struct sl_bytes body = request_of(CAT(first_part(a)->wire, first_part(b)->wire));
            struct sl_batch *merged = must_read(kind->signal, body);
            /* Canonical: reading it again finds nothing to do. */
            struct sl_ingest_stats stats;
            struct sl_batch *again = NULL;
            CHECK_INT(read_request(kind->signal, encoded(merged), &again, &stats), SL_OK);
            CHECK_INT(stats.canonicalized, 0);
            sl_batch_unref(again);
            sl_batch_unref(merged);
        }
        sl_batch_unref(a);
        sl_batch_unref(b);
        sl_arena_done(&help_arena);
    }
}

typedef Opentelemetry__Proto__Trace__V1__Span oracle_span;
typedef Opentelemetry__Proto__Common__V1__KeyValue oracle_attribute;

/* Changes attribute i of both in the same way. */
static void change_both(struct sl_batch *batch, struct sl_part *part, const struct sl_attr *found,
                        oracle_span *span, size_t i)
{
    oracle_attribute *attribute = span->attributes[i];
    static Opentelemetry__Proto__Common__V1__AnyValue value =
        OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    static char name[] = "renamed.attribute";
    value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
    value.int_value = -7;
    switch (below(5)) {
    case 0:
        attribute->key = name;
        CHECK_INT(sl_attr_rename(batch, part, found, sl_text(name)), SL_OK);
        break;
    case 1:
        attribute->value = &value;
        CHECK_INT(sl_attr_replace(batch, part, found, sl_value_int(-7)), SL_OK);
        break;
    case 2:
        attribute->key = name;
        attribute->value = &value;
        CHECK_INT(sl_attr_set(batch, part, found, sl_text(name), sl_value_int(-7)), SL_OK);
        break;
    case 3:
        span->attributes[i] = NULL;
        CHECK_INT(sl_attr_remove(batch, part, found), SL_OK);
        break;
    default:
        break;
    }
}

static void change_span(struct sl_batch *batch, struct sl_part *part, oracle_span *span)
{
    struct sl_attrs attrs;
    struct sl_attr found;
    size_t i = 0, kept = 0;
    sl_attrs_init(&attrs, batch, part, SL_SPAN_ATTRIBUTES);
    while (sl_attrs_next(&attrs, &found)) {
        CHECK(i < span->n_attributes);
        CHECK_BYTES(found.key, sl_text(span->attributes[i]->key));
        change_both(batch, part, &found, span, i++);
    }
    CHECK_INT(i, span->n_attributes);
    for (i = 0; i < span->n_attributes; i++)
        if (span->attributes[i] != NULL)
            span->attributes[kept++] = span->attributes[i];
    span->n_attributes = kept;
    if (below(2) == 0) {
        static char name[] = "another name";
        span->name = name;
        CHECK_INT(sl_part_set_bytes(batch, part, SL_SPAN_NAME, sl_text(name)), SL_OK);
    }
}

static void change_all(struct sl_batch *batch,
                       Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *model)
{
    uint32_t g = 0;
    for (size_t i = 0; i < model->n_resource_spans; i++) {
        Opentelemetry__Proto__Trace__V1__ResourceSpans *resource = model->resource_spans[i];
        for (size_t j = 0; j < resource->n_scope_spans; j++, g++)
            for (uint32_t r = 0; r < batch->groups[g].count; r++)
                change_span(batch, &batch->groups[g].records[r].part,
                            resource->scope_spans[j]->spans[r]);
        g += resource->n_scope_spans == 0; /* a bare group */
    }
    CHECK_INT(g, batch->group_count);
}

static void test_changes_through_views_equal_changes_of_the_structures(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *type = signals[0].type;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ProtobufCMessage *model = make(type, 0);
        struct sl_batch *batch = must_read(SL_TRACES, packed(model));
        change_all(batch, (void *)model);
        CHECK(sl_bytes_equal(repacked(type, encoded(batch)), repacked(type, packed(model))));
        sl_batch_unref(batch);
        sl_arena_done(&help_arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_requests_come_out_byte_for_byte),
        cmocka_unit_test(test_the_canonical_form_of_merged_records_is_final),
        cmocka_unit_test(test_changes_through_views_equal_changes_of_the_structures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
