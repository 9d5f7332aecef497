/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_BENCH_SPANS_H
#define SL_BENCH_SPANS_H

#include "core/buf.h"
#include "core/out.h"

/*
 * Requests to measure with: GenAI spans as four instrumentations write them
 * (OpenInference, OpenLLMetry, Vercel AI SDK, gen_ai.*), one in ten a plain HTTP
 * span; 19 attributes in shuffled order and about 1.8 kB each; in one of ten long
 * texts a value to scrub.
 */
enum { BENCH_ATTRIBUTES = 19 };

/* 0: from the clock. Returns the seed in use. */
uint64_t bench_seed(uint64_t seed);
/* Appends one ExportTraceServiceRequest, its spans under a scope for each family. */
void bench_request(struct sl_out *out, unsigned spans);

/* ---- measuring ---- */

enum { BENCH_BODIES = 8, BENCH_SPANS = 100, BENCH_ROUNDS = 20 };

struct bench_bodies {
    struct sl_buf *bodies[BENCH_BODIES];
    double spans, bytes; /* of all together */
};

double bench_cpu_us(void); /* of this process */
/* Ends the process when out of memory. */
void bench_bodies_make(struct bench_bodies *bodies);
void bench_bodies_free(struct bench_bodies *bodies);
/* pass does its work on one body and returns the CPU time it took. Runs it over
 * all bodies many times; returns the best round's time a span. */
double bench_best_us(const struct bench_bodies *bodies,
                     double (*pass)(void *arg, struct sl_buf *body), void *arg);
void bench_print(const char *name, double us, const struct bench_bodies *bodies);

#endif
