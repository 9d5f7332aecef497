/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for jitter and hash seeds: splitmix64, one state a thread,
 * seeded by the kernel. */
#include <sys/random.h>

#include "core/clock.h"
#include "core/worker.h"

uint64_t sl_random(void)
{
    static _Thread_local uint64_t state;
    static _Thread_local bool seeded;
    if (!seeded) {
        /* Early in boot the kernel may have nothing yet: jitter must not wait for it. */
        if (getrandom(&state, sizeof state, GRND_NONBLOCK) != (ssize_t)sizeof state)
            state = sl_clock_wall_ns() ^ (uint64_t)(uintptr_t)&state;
        seeded = true;
    }
    state += 0x9e3779b97f4a7c15u;
    uint64_t x = state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
