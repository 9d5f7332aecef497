/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every captured request through JSON and back, judged by protobuf-c, and as a
 * batch. The captures are in tests/corpus.
 */
#include <ftw.h>
#include <stdlib.h>

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/transcode.h"
#include "otlp/view.h"
#include "tests/check.h"

static char *paths[2000];
static size_t path_count;

static int note_path(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)where;
    size_t size = strlen(path);
    if (type == FTW_F && size > 3 && strcmp(path + size - 3, ".pb") == 0 && path_count < 2000)
        paths[path_count++] = strdup(path);
    return 0;
}

static int find_captures(void **state)
{
    (void)state;
    char folder[512];
    (void)snprintf(folder, sizeof folder, "%s/tests/corpus", getenv("SL_SOURCE_DIR"));
    return nftw(folder, note_path, 16, FTW_PHYS);
}

static int forget_captures(void **state)
{
    (void)state;
    for (size_t i = 0; i < path_count; i++)
        free(paths[i]);
    return 0;
}

static enum sl_signal signal_of(const char *path)
{
    if (strstr(path, ".metrics-") != NULL)
        return SL_METRICS;
    return strstr(path, ".logs-") != NULL ? SL_LOGS : SL_TRACES;
}

static struct sl_buf *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    struct sl_buf *buf = sl_buf_new(NULL, (size_t)size + 1);
    CHECK(buf != NULL);
    buf->size = fread(buf->data, 1, (size_t)size, file);
    (void)fclose(file);
    CHECK_INT(buf->size, size);
    return buf;
}

/* The message as protobuf-c writes it: the same bytes for the same message. */
static void repack(enum sl_signal signal, struct sl_bytes wire, struct sl_out *out)
{
    const ProtobufCMessageDescriptor *descriptor =
        signal == SL_TRACES
            ? &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor
        : signal == SL_METRICS
            ? &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor
            : &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor;
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, NULL, wire.size, wire.data);
    CHECK(message != NULL);
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *room = sl_out_room(out, size + 1);
    CHECK(room != NULL);
    out->size += protobuf_c_message_pack(message, room);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void test_captures_go_through_json_unchanged(void **state)
{
    (void)state;
    for (size_t i = 0; i < path_count; i++) {
        enum sl_signal signal = signal_of(paths[i]);
        const struct sl_message *request = sl_signal_messages(signal)->request;
        struct sl_buf *body = read_file(paths[i]);
        struct sl_out json = {0}, wire = {0}, before = {0}, after = {0}, again = {0};
        struct sl_error error = {""};
        if (sl_wire_to_json(request, sl_buf_bytes(body), &json, &error) != 0 ||
            sl_json_to_wire(request, sl_out_view(&json), &wire, &error) != 0)
            fail_msg("%s: %s", paths[i], error.text);
        repack(signal, sl_buf_bytes(body), &before);
        repack(signal, sl_out_view(&wire), &after);
        if (!sl_bytes_equal(sl_out_view(&before), sl_out_view(&after)))
            fail_msg("%s: not the same message", paths[i]);
        CHECK(memchr(json.data, '\n', json.size) == NULL);
        CHECK_INT(sl_wire_to_json(request, sl_out_view(&wire), &again, NULL), 0);
        CHECK(sl_bytes_equal(sl_out_view(&json), sl_out_view(&again)));
        sl_out_done(&json);
        sl_out_done(&wire);
        sl_out_done(&before);
        sl_out_done(&after);
        sl_out_done(&again);
        sl_buf_unref(body);
    }
    CHECK(path_count >= 20);
}

static void test_a_batch_is_the_json_of_what_it_encodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < path_count; i++) {
        enum sl_signal signal = signal_of(paths[i]);
        struct sl_buf *body = read_file(paths[i]);
        struct sl_batch *batch = NULL;
        struct sl_error error = {""};
        if (sl_batch_read(signal, body, NULL, &batch, NULL, &error) != 0)
            fail_msg("%s: %s", paths[i], error.text);
        /* An edit in each resource, so that parts are spliced. */
        for (uint32_t k = 0; k < batch->resource_count; k++)
            CHECK_INT(sl_attr_add(batch, &batch->resources[k]->part, SL_RESOURCE_ATTRIBUTES,
                                  SL_LIT("added"), sl_value_int(5)),
                      0);
        struct sl_out json = {0}, wire = {0}, expected = {0};
        CHECK_INT(sl_batch_to_json(batch, &json), 0);
        CHECK_INT(sl_batch_encode(batch, &wire), 0);
        CHECK_INT(sl_wire_to_json(sl_signal_messages(signal)->request, sl_out_view(&wire),
                                  &expected, NULL),
                  0);
        if (!sl_bytes_equal(sl_out_view(&json), sl_out_view(&expected)))
            fail_msg("%s:\n%.*s\nexpected\n%.*s", paths[i], (int)json.size, (char *)json.data,
                     (int)expected.size, (char *)expected.data);
        CHECK(batch->resource_count == 0 || strstr(sl_out_cstr(&json), "\"added\"") != NULL);
        sl_out_done(&json);
        sl_out_done(&wire);
        sl_out_done(&expected);
        sl_batch_unref(batch);
        sl_buf_unref(body);
    }
}

/* Shapes that captures do not have: groups that share a resource, empty ones. */
static void test_odd_batches_are_the_json_of_what_they_encode(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{}",
        "{\"resourceSpans\":[{}]}",
        "{\"resourceSpans\":[{\"schemaUrl\":\"u\"},{\"scopeSpans\":[{}]}]}",
        "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"scope\":{},\"spans\":[{}],"
        "\"schemaUrl\":\"u\"},{\"spans\":[{\"name\":\"a\"},{\"name\":\"b\"}]}],\"schemaUrl\":\"v\"}"
        ","
        "{\"resource\":{},\"scopeSpans\":[{\"spans\":[{\"name\":\"c\"}]}],\"schemaUrl\":\"v\"}]}",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct sl_buf *body = sl_buf_new(NULL, 4096);
        struct sl_out wire = {0}, json = {0};
        struct sl_batch *batch = NULL;
        CHECK_INT(sl_json_to_wire(&sl_msg_trace_request, sl_text(documents[i]), &wire, NULL), 0);
        CHECK_INT(sl_buf_append(body, wire.data, wire.size, 0), 0);
        CHECK_INT(sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, NULL), 0);
        CHECK_INT(sl_batch_to_json(batch, &json), 0);
        CHECK_TEXT(sl_out_cstr(&json), documents[i]);
        sl_out_done(&wire);
        sl_out_done(&json);
        sl_batch_unref(batch);
        sl_buf_unref(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures_go_through_json_unchanged),
        cmocka_unit_test(test_a_batch_is_the_json_of_what_it_encodes),
        cmocka_unit_test(test_odd_batches_are_the_json_of_what_they_encode),
    };
    return cmocka_run_group_tests(tests, find_captures, forget_captures);
}
