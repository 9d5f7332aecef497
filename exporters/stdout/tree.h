/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_STDOUT_TREE_H
#define SL_EXPORTERS_STDOUT_TREE_H

#include "exporters/stdout/digest.h"

/*
 * Spans gathered by trace. SDKs export children before their parents and a
 * trace in several requests, so a trace is shown once its root is there and
 * nothing has come for a while, or at the latest when it is old, or when the
 * limits are reached.
 */
struct trace {
    struct trace *next; /* in the order they began */
    uint8_t id[16];
    struct digest *spans; /* as they came, newest first */
    unsigned count;
    bool has_root, late; /* late: spans of a trace that was shown already */
    uint64_t first_ms, last_ms;
    size_t bytes;
    char service[DIGEST_NAME];
};

struct tree_options {
    uint64_t quiet_ms, longest_ms;
    unsigned max_traces;
    size_t max_bytes;
    void (*show)(void *arg, const struct trace *trace); /* once per trace held */
    void *arg;
};

enum { TREE_SHOWN = 1024 }; /* trace ids remembered to know late spans */

struct tree {
    struct tree_options options;
    struct trace *first, **last;
    unsigned count;
    size_t bytes;
    uint8_t shown[TREE_SHOWN][16];
    unsigned shown_count; /* ever; a ring */
};

void tree_init(struct tree *tree, const struct tree_options *options);
void tree_done(struct tree *tree);
/* Copies the digest into its trace. Traces pushed out by the limits are shown.
 * SL_ENOMEM: the span is not held. */
int tree_add(struct tree *tree, const uint8_t trace_id[16], const char *service,
             const struct digest *digest, uint64_t now_ms);
/* Shows the traces that are due at now_ms (all: every one). */
void tree_flush(struct tree *tree, uint64_t now_ms, bool all);
/* When the next one may be due; 0: none is held. */
uint64_t tree_next_due(const struct tree *tree);

/* One trace as text. */
void tree_print(const struct trace *trace, bool color, struct sl_out *out);

#endif
