/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_LOG_H
#define SL_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One line per event on stderr. Whoever handles an error logs it, once; core,
 * config, otlp and transport never log. Never pass telemetry content, header
 * values or secrets. Safe from any thread; each line is one write().
 *
 * Repeated lines are sampled like the Collector's: of one message (same fmt
 * pointer and component) the first `initial` in `tick_ms`, then every
 * `thereafter`-th, with the number left out.
 */
enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARN, SL_LOG_ERROR, SL_LOG_NONE };
enum sl_log_encoding { SL_LOG_CONSOLE, SL_LOG_JSON };

struct sl_log_config {
    enum sl_log_level level;
    enum sl_log_encoding encoding;
    bool sampling;
    uint32_t tick_ms, initial, thereafter;
    int fd;                     /* where lines go; 2 */
    uint64_t (*clock_ns)(void); /* Unix epoch; NULL: the system's. Tests inject their own. */
};

void sl_log_configure(const struct sl_log_config *config);
bool sl_log_enabled(enum sl_log_level level);
/* component: an id such as "otlp/in", or NULL. */
void sl_log(enum sl_log_level level, const char *component, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
