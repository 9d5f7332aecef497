/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processors cost a span, as components with their default configuration
 * and somebody behind them who takes what comes out.
 * Usage: bench_processors [SEED]
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/spans.h"
#include "core/alloc.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"

extern const struct sl_component_type genai_normalizer_processor, pii_scrubber_processor;

enum { MOST = 2 };

struct chain {
    struct sl_meters *meters;
    struct sl_arena arena;
    struct sl_component catcher;
    struct sl_component *components[MOST];
    struct sl_target targets[MOST]; /* behind each component */
    unsigned count;
    bool encode;
};

static struct sl_out caught;
static bool encode_caught;

static void catch_delivery(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)self;
    sl_out_clear(&caught);
    if (encode_caught && sl_batch_encode(delivery->batch, &caught) != 0)
        exit(1);
    sl_delivery_finish(delivery, sl_result_ok());
}

static const struct sl_component_type catcher_type = {
    .name = "catcher", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .consume = catch_delivery};

static void finished(void *arg, const struct sl_result *result)
{
    (void)arg;
    if (result->outcome != SL_RESULT_OK)
        exit(1);
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static struct sl_component *make_component(struct chain *chain,
                                           const struct sl_component_type *type)
{
    struct sl_source source = {.name = type->name, .text = "{}", .size = 2};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    struct sl_diag diag;
    struct sl_error error = {0};
    sl_diag_init(&diag);
    struct sl_node *node = sl_config_read(&input, &chain->arena, &diag);
    void *config = sl_arena_calloc(&chain->arena, 1, type->config_size);
    struct sl_component *component = sl_calloc(1, type->size);
    if (node == NULL || config == NULL || component == NULL ||
        sl_schema_read(type->fields, node, type->name, config, &chain->arena, &diag) != 0)
        fail(type->name);
    *component =
        (struct sl_component){.type = type,
                              .id = type->name,
                              .config = config,
                              .meter = sl_meter_new(chain->meters, "processor", type->name)};
    if (type->create(component, &error) != 0)
        fail(error.text);
    sl_diag_done(&diag);
    return component;
}

static void chain_make(struct chain *chain, const struct sl_component_type *const *types)
{
    *chain = (struct chain){.meters = sl_meters_new(), .catcher.type = &catcher_type};
    if (chain->meters == NULL)
        fail("out of memory");
    for (; types[chain->count] != NULL; chain->count++)
        chain->components[chain->count] = make_component(chain, types[chain->count]);
    for (unsigned i = 0; i < chain->count; i++) {
        chain->targets[i].component =
            i + 1 < chain->count ? chain->components[i + 1] : &chain->catcher;
        for (unsigned signal = 0; signal < 3; signal++)
            chain->components[i]->outputs[signal] = (struct sl_output){&chain->targets[i], 1};
    }
}

static void chain_free(struct chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        chain->components[i]->type->destroy(chain->components[i]);
        sl_free(chain->components[i]);
    }
    sl_meters_free(chain->meters);
    sl_arena_done(&chain->arena);
}

static double pass(void *arg, struct sl_buf *body)
{
    struct chain *chain = arg;
    struct sl_batch *batch = NULL;
    struct sl_error error;
    if (sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error) != SL_OK)
        fail(error.text);
    encode_caught = chain->encode;
    double began = bench_cpu_us();
    struct sl_delivery *delivery = sl_delivery_new(batch, NULL, finished, NULL);
    if (delivery == NULL)
        fail("out of memory");
    sl_component_consume(chain->components[0], delivery);
    return bench_cpu_us() - began;
}

static void measure(const char *name, const struct bench_bodies *bodies,
                    const struct sl_component_type *const *types, bool encode)
{
    struct chain chain;
    chain_make(&chain, types);
    chain.encode = encode;
    bench_print(name, bench_best_us(bodies, pass, &chain), bodies);
    chain_free(&chain);
}

int main(int argc, char **argv)
{
    static const struct sl_component_type *const normalizer[] = {&genai_normalizer_processor, NULL};
    static const struct sl_component_type *const scrubber[] = {&pii_scrubber_processor, NULL};
    static const struct sl_component_type *const both[] = {&genai_normalizer_processor,
                                                           &pii_scrubber_processor, NULL};
    struct bench_bodies bodies;
    uint64_t seed = bench_seed(argc > 1 ? strtoull(argv[1], NULL, 10) : 0);
    bench_bodies_make(&bodies);
    printf("seed %llu: %.2f kB a span\n", (unsigned long long)seed,
           bodies.bytes / bodies.spans / 1e3);
    measure("genai_normalizer", &bodies, normalizer, false);
    measure("pii_scrubber, all strings", &bodies, scrubber, false);
    measure("both", &bodies, both, false);
    measure("both, and encode", &bodies, both, true);
    bench_bodies_free(&bodies);
    sl_out_done(&caught);
    return 0;
}
