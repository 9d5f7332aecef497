/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What telemetry in memory costs, per span and beside protobuf-c with an arena:
 * reading a request, viewing all attributes, renaming five and encoding.
 * Usage: bench_otlp [REQUEST.pb]; without a file, generated GenAI spans of four
 * dialects with shuffled keys and a fresh seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/view.h"

enum { SPANS = 100, ATTRIBUTES = 19, ROUNDS = 2000 };

static uint64_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static const char *const dialects[4][10] = {
    {"gen_ai.request.model", "gen_ai.system", "gen_ai.operation.name", "gen_ai.response.id",
     "gen_ai.response.model", "gen_ai.conversation.id", "server.address", "gen_ai.tool.name",
     "gen_ai.agent.name", "gen_ai.output.type"},
    {"llm.model_name", "llm.provider", "openinference.span.kind", "session.id", "llm.system",
     "user.id", "tool.name", "input.mime_type", "output.mime_type", "metadata"},
    {"traceloop.span.kind", "traceloop.entity.name", "gen_ai.prompt.0.role", "llm.request.type",
     "gen_ai.completion.0.role", "llm.headers", "traceloop.workflow.name", "llm.user",
     "gen_ai.completion.0.finish_reason", "traceloop.entity.path"},
    {"ai.operationId", "ai.model.id", "ai.model.provider", "ai.response.id", "resource.name",
     "ai.settings.maxRetries", "ai.telemetry.functionId", "ai.response.finishReason",
     "operation.name", "ai.prompt.format"}};

static struct sl_bytes words(char *text, size_t size)
{
    static const char *const some[] = {"the ", "invoice ",  "of ",   "March ",  "was ",   "sent ",
                                       "to ",  "customer ", "with ", "number ", "48213 ", "and "};
    size_t at = 0;
    while (at < size) {
        const char *word = some[random_below(12)];
        for (; *word != '\0' && at < size; word++)
            text[at++] = *word;
    }
    return sl_bytes(text, size);
}

static void put_attribute(struct sl_out *out, unsigned dialect, unsigned i)
{
    char key[64], text[512];
    struct sl_bytes name;
    if (i < 10)
        (void)snprintf(key, sizeof key, "%s", dialects[dialect][i]);
    else
        (void)snprintf(key, sizeof key, "app.feature.%s.%u", i % 2 ? "flag" : "name", i);
    name = sl_text(key);
    if (i == 10 || i == 11)
        sl_attr_encode(out, 9, name, sl_value_string(words(text, 380 + random_below(60))));
    else if (i == 12 || i == 13 || i == 14)
        sl_attr_encode(out, 9, name, sl_value_int(random_below(5000)));
    else if (i == 15)
        sl_attr_encode(out, 9, name, sl_value_double(0.7));
    else
        sl_attr_encode(out, 9, name, sl_value_string(words(text, 8 + random_below(24))));
}

static void put_span(struct sl_out *span)
{
    static const uint8_t fixed[] = {0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x41, 1, 2, 3, 4, 5, 6, 7, 9};
    uint8_t ids[16 + 8 + 8 + 6];
    unsigned order[ATTRIBUTES], dialect = random_below(4);
    for (unsigned i = 0; i < sizeof ids; i++)
        ids[i] = (uint8_t)random_below(256);
    ids[0] = 0x0A, ids[1] = 16;
    sl_out_bytes(span, ids, 18);
    sl_out_bytes(span, "\x12\x08", 2);
    sl_out_bytes(span, ids + 18, 8);
    sl_out_bytes(span,
                 "\x2A\x0B"
                 "chat gpt-4o",
                 13);
    sl_out_bytes(span, "\x30\x03", 2);
    sl_out_bytes(span, fixed, sizeof fixed);
    for (unsigned i = 0; i < ATTRIBUTES; i++)
        order[i] = i;
    for (unsigned i = ATTRIBUTES - 1; i > 0; i--) {
        unsigned j = random_below(i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (unsigned i = 0; i < ATTRIBUTES; i++)
        put_attribute(span, dialect, order[i]);
    sl_out_bytes(span, "\x7A\x00", 2);
    sl_out_bytes(span, "\x85\x01\x01\x00\x00\x00", 6);
}

static void put_len(struct sl_out *out, uint8_t tag, const struct sl_out *payload)
{
    sl_out_byte(out, tag);
    size_t size = payload->size;
    for (; size >= 0x80; size >>= 7)
        sl_out_byte(out, (uint8_t)(size | 0x80));
    sl_out_byte(out, (uint8_t)size);
    sl_out_bytes(out, payload->data, payload->size);
}

static void generate(struct sl_out *out)
{
    struct sl_out span = {0}, scope = {0}, resource = {0};
    sl_out_bytes(&scope, "\x0A\x05\x0A\x03lib", 7);
    for (unsigned i = 0; i < SPANS; i++) {
        sl_out_clear(&span);
        put_span(&span);
        put_len(&scope, 0x12, &span);
    }
    sl_out_clear(&span);
    sl_attr_encode(&span, 1, SL_LIT("service.name"), sl_value_string(SL_LIT("bench")));
    put_len(&resource, 0x0A, &span);
    put_len(&resource, 0x12, &scope);
    put_len(out, 0x0A, &resource);
    sl_out_done(&span);
    sl_out_done(&scope);
    sl_out_done(&resource);
}

static double now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static struct sl_batch *read_body(struct sl_buf *body)
{
    struct sl_batch *batch = NULL;
    struct sl_error error;
    if (sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error) != SL_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return batch;
}

static uint64_t view_all(struct sl_batch *batch)
{
    uint64_t sum = 0;
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++) {
            struct sl_attrs attrs;
            struct sl_attr attr;
            sl_attrs_init(&attrs, batch, &batch->groups[g].records[r].part, SL_SPAN_ATTRIBUTES);
            while (sl_attrs_next(&attrs, &attr))
                sum += attr.key.size + attr.value.bytes.size + attr.value.type;
        }
    return sum;
}

static void rename_five(struct sl_batch *batch)
{
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++) {
            struct sl_part *part = &batch->groups[g].records[r].part;
            struct sl_attrs attrs;
            struct sl_attr attr;
            unsigned i = 0;
            sl_attrs_init(&attrs, batch, part, SL_SPAN_ATTRIBUTES);
            while (sl_attrs_next(&attrs, &attr))
                if (i++ % 4 == 1 && sl_attr_rename(batch, part, &attr, SL_LIT("new.name")) != 0)
                    exit(1);
        }
}

/* An arena as protobuf-c's allocator: reset after each message. */
static uint8_t *arena;
static size_t arena_used;
enum { ARENA = 64 << 20 };

static void *arena_alloc(void *data, size_t size)
{
    (void)data;
    void *memory = arena + arena_used;
    arena_used += (size + 15) & ~(size_t)15;
    return arena_used <= ARENA ? memory : NULL;
}

static void arena_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

static double bench_protobuf_c(const struct sl_buf *body, size_t spans, unsigned rounds)
{
    ProtobufCAllocator allocator = {arena_alloc, arena_free, NULL};
    arena = malloc(ARENA);
    double start = now_us();
    for (unsigned i = 0; i < rounds; i++) {
        arena_used = 0;
        if (opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
                &allocator, body->size, body->data) == NULL)
            return -1;
    }
    double took = (now_us() - start) / ((double)rounds * (double)spans);
    free(arena);
    return took;
}

static struct sl_buf *load(const char *path)
{
    struct sl_buf *body = sl_buf_new(NULL, 64 << 20);
    struct sl_out made = {0};
    if (path == NULL) {
        generate(&made);
        (void)sl_buf_append(body, made.data, made.size, 0);
        sl_out_done(&made);
        return body;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    body->size = fread(body->data, 1, body->capacity, file);
    (void)fclose(file);
    return body;
}

static void run(struct sl_buf *body)
{
    struct sl_batch *batch = read_body(body);
    size_t spans = batch->records != 0 ? batch->records : 1;
    unsigned rounds = (unsigned)(ROUNDS * SPANS / spans) + 1;
    double all = (double)rounds * (double)spans;
    printf("%zu spans of %.2f kB\n", spans, (double)body->size / (double)spans / 1e3);
    double start = now_us();
    for (unsigned i = 0; i < rounds; i++)
        sl_batch_unref(read_body(body));
    double read = (now_us() - start) / all;
    uint64_t sum = 0;
    start = now_us();
    for (unsigned i = 0; i < rounds; i++)
        sum += view_all(batch);
    double view = (now_us() - start) / all;
    sl_batch_unref(batch);
    struct sl_out out = {0};
    start = now_us();
    for (unsigned i = 0; i < rounds; i++) {
        batch = read_body(body);
        rename_five(batch);
        sl_out_clear(&out);
        (void)sl_batch_encode(batch, &out);
        sl_batch_unref(batch);
    }
    double edit = (now_us() - start) / all - read;
    sl_out_done(&out);
    double unpack = bench_protobuf_c(body, spans, rounds / 4 + 1);
    printf("read (walk, UTF-8, tables)   %6.3f us a span\n", read);
    printf("view all attributes          %6.3f us a span (%llu)\n", view,
           (unsigned long long)(sum % 1000));
    printf("rename five and encode       %6.3f us a span\n", edit);
    printf("protobuf-c unpack, arena     %6.3f us a span (read is %.2f of it)\n", unpack,
           read / unpack);
}

int main(int argc, char **argv)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time);
    seed = (uint64_t)time.tv_nsec;
    struct sl_buf *body = load(argc > 1 ? argv[1] : NULL);
    run(body);
    sl_buf_unref(body);
    return 0;
}
