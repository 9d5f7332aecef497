/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CONFIG_DIAG_H
#define SL_CONFIG_DIAG_H

#include <stddef.h>
#include <stdio.h>

#include "core/arena.h"

/*
 * All complaints about a configuration, gathered and printed together:
 *     sluice.yaml:14:7: processors.batch.timout: unknown key; did you mean 'timeout'?
 */
struct sl_place {
    const char *file; /* NULL: not from a file (a default, --set) */
    int line, column; /* 1-based; 0: unknown */
};

enum sl_severity { SL_DIAG_ERROR, SL_DIAG_WARNING };

struct sl_diag_entry {
    struct sl_diag_entry *next;
    enum sl_severity severity;
    struct sl_place place;
    const char *path; /* "processors.batch.timout" or NULL */
    const char *text;
};

struct sl_diag {
    struct sl_arena arena;
    struct sl_diag_entry *first, **last;
    unsigned errors, warnings;
    unsigned limit; /* of entries kept; more are only counted; 0: 200 */
};

void sl_diag_init(struct sl_diag *diag);
void sl_diag_done(struct sl_diag *diag);
void sl_diag_add(struct sl_diag *diag, enum sl_severity severity, struct sl_place place,
                 const char *path, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Sorted by file and position; errors say nothing extra, warnings start with "warning: ". */
void sl_diag_print(const struct sl_diag *diag, FILE *out);

#endif
