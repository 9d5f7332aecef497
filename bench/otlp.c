/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What telemetry in memory costs a span, beside protobuf-c with an arena in the same
 * run: reading a request, viewing all attributes, renaming five, encoding.
 * Usage: bench_otlp [SEED]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/spans.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/view.h"

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

static double pass_read(void *arg, struct sl_buf *body)
{
    (void)arg;
    double began = bench_cpu_us();
    sl_batch_unref(read_body(body));
    return bench_cpu_us() - began;
}

static double pass_view(void *arg, struct sl_buf *body)
{
    uint64_t *sum = arg;
    struct sl_batch *batch = read_body(body);
    double began = bench_cpu_us();
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++) {
            struct sl_attrs attrs;
            struct sl_attr attr;
            sl_attrs_init(&attrs, batch, &batch->groups[g].records[r].part, SL_SPAN_ATTRIBUTES);
            while (sl_attrs_next(&attrs, &attr))
                *sum += attr.key.size + attr.value.bytes.size + attr.value.type;
        }
    double took = bench_cpu_us() - began;
    sl_batch_unref(batch);
    return took;
}

static void rename_five(struct sl_batch *batch, struct sl_part *part)
{
    struct sl_attrs attrs;
    struct sl_attr attr;
    unsigned i = 0;
    sl_attrs_init(&attrs, batch, part, SL_SPAN_ATTRIBUTES);
    while (sl_attrs_next(&attrs, &attr))
        if (i++ % 4 == 1 && sl_attr_rename(batch, part, &attr, SL_LIT("new.name")) != 0)
            exit(1);
}

struct encoding {
    bool rename;
    struct sl_out out;
};

static double pass_encode(void *arg, struct sl_buf *body)
{
    struct encoding *encoding = arg;
    struct sl_batch *batch = read_body(body);
    double began = bench_cpu_us();
    for (uint32_t g = 0; encoding->rename && g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++)
            rename_five(batch, &batch->groups[g].records[r].part);
    sl_out_clear(&encoding->out);
    if (sl_batch_encode(batch, &encoding->out) != 0)
        exit(1);
    double took = bench_cpu_us() - began;
    sl_batch_unref(batch);
    return took;
}

static double pass_copy(void *arg, struct sl_buf *body)
{
    struct sl_out *out = arg;
    double began = bench_cpu_us();
    sl_out_clear(out);
    sl_out_bytes(out, body->data, body->size);
    return bench_cpu_us() - began;
}

/* protobuf-c's allocator: taken back whole after each message. */
struct pool {
    uint8_t *memory;
    size_t used;
};
enum { POOL = 8 << 20 };

static void *pool_alloc(void *data, size_t size)
{
    struct pool *pool = data;
    void *memory = pool->memory + pool->used;
    size = (size + 15) & ~(size_t)15;
    if (size > POOL - pool->used)
        return NULL;
    pool->used += size;
    return memory;
}

static void pool_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

static double pass_protobuf_c(void *arg, struct sl_buf *body)
{
    ProtobufCAllocator allocator = {pool_alloc, pool_free, arg};
    double began = bench_cpu_us();
    ((struct pool *)arg)->used = 0;
    if (opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
            &allocator, body->size, body->data) == NULL)
        exit(1);
    return bench_cpu_us() - began;
}

int main(int argc, char **argv)
{
    struct bench_bodies bodies;
    struct pool pool = {malloc(POOL), 0};
    struct encoding encoding = {0};
    uint64_t seed = bench_seed(argc > 1 ? strtoull(argv[1], NULL, 10) : 0), sum = 0;
    if (pool.memory == NULL)
        return 1;
    bench_bodies_make(&bodies);
    printf("seed %llu: %d requests of %d spans, %.2f kB a span\n", (unsigned long long)seed,
           BENCH_BODIES, BENCH_SPANS, bodies.bytes / bodies.spans / 1e3);
    double unpack = bench_best_us(&bodies, pass_protobuf_c, &pool);
    double read = bench_best_us(&bodies, pass_read, NULL);
    double view = bench_best_us(&bodies, pass_view, &sum);
    bench_print("protobuf-c unpack into an arena", unpack, &bodies);
    bench_print("read: check the wire and UTF-8, build tables", read, &bodies);
    bench_print("view all attributes", view, &bodies);
    bench_print("encode unchanged", bench_best_us(&bodies, pass_encode, &encoding), &bodies);
    encoding.rename = true;
    bench_print("rename five attributes and encode", bench_best_us(&bodies, pass_encode, &encoding),
                &bodies);
    bench_print("memcpy, for comparison", bench_best_us(&bodies, pass_copy, &encoding.out),
                &bodies);
    printf("beside protobuf-c unpack: read %.2f, view %.2f, both %.2f (checksum %llu)\n",
           read / unpack, view / unpack, (read + view) / unpack, (unsigned long long)(sum % 1000));
    sl_out_done(&encoding.out);
    bench_bodies_free(&bodies);
    free(pool.memory);
    return 0;
}
