/* SPDX-License-Identifier: Apache-2.0 */
/* The clock and the rounds of the micro-benchmarks. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/spans.h"

static const double round_us = 30e3;

double bench_cpu_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

void bench_bodies_make(struct bench_bodies *bodies)
{
    struct sl_out out = {0};
    *bodies = (struct bench_bodies){.spans = BENCH_BODIES * BENCH_SPANS};
    for (unsigned i = 0; i < BENCH_BODIES; i++) {
        sl_out_clear(&out);
        bench_request(&out, BENCH_SPANS);
        bodies->bodies[i] = sl_buf_new(NULL, out.size);
        if (out.failed || bodies->bodies[i] == NULL ||
            sl_buf_append(bodies->bodies[i], out.data, out.size, 0) != 0) {
            fputs("out of memory\n", stderr);
            exit(1);
        }
        bodies->bytes += (double)out.size;
    }
    sl_out_done(&out);
}

void bench_bodies_free(struct bench_bodies *bodies)
{
    for (unsigned i = 0; i < BENCH_BODIES; i++)
        sl_buf_unref(bodies->bodies[i]);
}

static double run_once(const struct bench_bodies *bodies,
                       double (*pass)(void *arg, struct sl_buf *body), void *arg)
{
    double us = 0;
    for (unsigned i = 0; i < BENCH_BODIES; i++)
        us += pass(arg, bodies->bodies[i]);
    return us;
}

double bench_best_us(const struct bench_bodies *bodies,
                     double (*pass)(void *arg, struct sl_buf *body), void *arg)
{
    double best = run_once(bodies, pass, arg);
    for (unsigned round = 0; round < BENCH_ROUNDS; round++) {
        double us = 0, began = bench_cpu_us();
        unsigned runs = 0;
        for (; bench_cpu_us() - began < round_us; runs++)
            us += run_once(bodies, pass, arg);
        if (us / runs < best)
            best = us / runs;
    }
    return best / bodies->spans;
}

void bench_print(const char *name, double us, const struct bench_bodies *bodies)
{
    printf("%-44s %7.3f us/span %9.1f MB/s\n", name, us, bodies->bytes / bodies->spans / us);
}
