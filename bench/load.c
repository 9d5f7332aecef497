/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends OTLP trace requests over gRPC and counts what the answers accept:
 *   bench_load ADDRESS REQUESTS SPANS STREAMS CONNECTIONS [SEED]
 * SPANS in each request, STREAMS requests under way on each connection. Prints
 * one line of NAME=VALUE; fails when a request was not answered with OK.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/spans.h"
#include "core/alloc.h"
#include "core/budget.h"
#include "otlp/service.h"
#include "transport/client_http2.h"
#include "transport/grpc.h"

enum { BODIES = 16, MAX_CONNECTIONS = 16, TIMEOUT_MS = 60000, MAX_RESPONSE = 64 << 10 };

struct load;

struct lane { /* a connection */
    struct load *load;
    struct sl_http2_client *client;
};

struct load {
    struct sl_worker worker;
    struct sl_url url;
    struct sl_buf *bodies[BODIES];
    struct lane lanes[MAX_CONNECTIONS];
    unsigned long requests, spans, streams, connections;
    unsigned long sent, answered, accepted, failed;
    uint64_t rejected_spans;
    unsigned open;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_load: %s\n", what);
    exit(1);
}

/* A request as a gRPC message. */
static struct sl_buf *make_body(unsigned spans)
{
    uint8_t prefix[SL_GRPC_PREFIX];
    struct sl_out out = {0};
    bench_request(&out, spans);
    sl_grpc_write_prefix(prefix, false, (uint32_t)out.size);
    struct sl_buf *body = sl_buf_new(NULL, out.size + sizeof prefix);
    if (out.failed || body == NULL || sl_buf_append(body, prefix, sizeof prefix, 0) != 0 ||
        sl_buf_append(body, out.data, out.size, 0) != 0)
        fail("out of memory");
    sl_out_done(&out);
    return body;
}

static bool read_answer(struct load *load, const struct sl_client_response *response)
{
    struct sl_export_response export = {0};
    struct sl_out scratch = {0};
    struct sl_bytes body = response->body;
    if (response->error != SL_CLIENT_OK || response->status != 200 ||
        !sl_bytes_is(sl_client_header_find(response, "grpc-status"), "0") ||
        body.size < SL_GRPC_PREFIX)
        return false;
    body = sl_bytes(body.data + SL_GRPC_PREFIX, body.size - SL_GRPC_PREFIX);
    int status = sl_export_response_read(SL_TRACES, SL_PROTOBUF, body, &export, &scratch);
    if (status == 0)
        load->rejected_spans += (uint64_t) export.rejected;
    sl_out_done(&scratch);
    return status == 0;
}

static void send_next(struct lane *lane);

static void answered(void *arg, const struct sl_client_response *response)
{
    struct lane *lane = arg;
    struct load *load = lane->load;
    load->answered++;
    if (read_answer(load, response)) {
        load->accepted++;
    } else if (load->failed++ == 0) {
        struct sl_bytes code = sl_client_header_find(response, "grpc-status");
        fprintf(stderr, "bench_load: %s, HTTP %d, gRPC %.*s\n",
                sl_client_error_text(response->error), response->status, (int)code.size,
                (const char *)code.data);
    }
    send_next(lane);
}

static void send_next(struct lane *lane)
{
    const struct sl_header headers[] = {{SL_LIT("content-type"), SL_LIT("application/grpc")},
                                        {SL_LIT("te"), SL_LIT("trailers")}};
    struct load *load = lane->load;
    if (load->sent == load->requests)
        return;
    struct sl_client_request request = {
        .path = SL_LIT("/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        .authority = sl_text(load->url.authority),
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = load->bodies[load->sent++ % BODIES],
        .timeout_ms = TIMEOUT_MS};
    if (sl_http2_client_send(lane->client, &request, answered, lane) == NULL)
        fail("out of memory");
}

static void lane_closed(void *arg)
{
    ((struct lane *)arg)->load->open--;
}

static void run(struct load *load)
{
    struct sl_client_options options = {.address = load->url.address,
                                        .max_connections = 1,
                                        .connect_timeout_ms = TIMEOUT_MS,
                                        .max_response = MAX_RESPONSE};
    for (unsigned i = 0; i < load->connections; i++) {
        struct lane *lane = &load->lanes[i];
        *lane = (struct lane){load, sl_http2_client_new(&load->worker, &options)};
        if (lane->client == NULL)
            fail("out of memory");
        load->open++;
    }
    for (unsigned k = 0; k < load->streams; k++)
        for (unsigned i = 0; i < load->connections; i++)
            send_next(&load->lanes[i]);
    while (load->answered < load->requests)
        (void)uv_run(&load->worker.loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < load->connections; i++)
        sl_http2_client_close(load->lanes[i].client, lane_closed, &load->lanes[i]);
    while (load->open > 0)
        (void)uv_run(&load->worker.loop, UV_RUN_ONCE);
}

static double wall_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void read_arguments(struct load *load, int argc, char **argv)
{
    struct sl_error error = {0};
    if (argc < 6 || sl_url_parse(argv[1], 4317, &load->url, &error) != 0) {
        fputs("usage: bench_load ADDRESS REQUESTS SPANS STREAMS CONNECTIONS [SEED]\n", stderr);
        exit(2);
    }
    load->requests = strtoul(argv[2], NULL, 10);
    load->spans = strtoul(argv[3], NULL, 10);
    load->streams = strtoul(argv[4], NULL, 10);
    load->connections = strtoul(argv[5], NULL, 10);
    if (load->connections < 1 || load->connections > MAX_CONNECTIONS || load->streams < 1)
        fail("between 1 and 16 connections, at least 1 stream");
    (void)bench_seed(argc > 6 ? strtoull(argv[6], NULL, 10) : 0);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct sl_error error = {0};
    struct sl_budget budget;
    size_t bytes = 0;
    read_arguments(&load, argc, argv);
    sl_budget_init(&budget, 0);
    if (sl_worker_init(&load.worker, 0, 1, &budget, &error) != 0)
        fail(error.text);
    for (unsigned i = 0; i < BODIES; i++) {
        load.bodies[i] = make_body((unsigned)load.spans);
        bytes += load.bodies[i]->size;
    }
    double began = wall_seconds(), cpu_us = bench_cpu_us();
    run(&load);
    double took = wall_seconds() - began;
    printf("accepted_requests=%lu accepted_spans=%llu failed=%lu seconds=%.3f load_cpu=%.3f "
           "bytes_per_span=%.0f\n",
           load.accepted,
           (unsigned long long)load.accepted * load.spans - (unsigned long long)load.rejected_spans,
           load.failed, took, (bench_cpu_us() - cpu_us) / 1e6,
           (double)bytes / BODIES / (double)load.spans);
    for (unsigned i = 0; i < BODIES; i++)
        sl_buf_unref(load.bodies[i]);
    sl_worker_done(&load.worker);
    return load.failed == 0 ? 0 : 1;
}
