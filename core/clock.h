/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_CLOCK_H
#define SL_CORE_CLOCK_H

#include <stdint.h>

/*
 * The two times a program needs. Components ask their worker (core/worker.h),
 * so that tests can inject a clock; only the worker asks the system.
 */
uint64_t sl_clock_monotonic_ms(void);
uint64_t sl_clock_wall_ns(void); /* since the Unix epoch */

#endif
