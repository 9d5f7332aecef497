/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_PIPELINE_FAKE_H
#define SL_TESTS_PIPELINE_FAKE_H

#include "pipeline/graph.h"

/*
 * Components for tests of plans and graphs. What the engine asks of them is noted in
 * one journal: "create sink, start sink@1" (the worker's index, when it is not 0).
 *
 *   receivers  src, one_src (one worker), src_traces (traces only)
 *   processors step, late (drains when told), change (alias alter)
 *   exporters  sink (alias sink_grpc), queue (reserves), single (one worker, holds), prompt (one
 * worker), holds (finishes when told) extensions store
 */
extern const struct sl_component_type *const fake_types[];

struct fake_component {
    struct sl_component base;
    struct sl_delivery *held; /* newest first */
    unsigned consumed, reserved, released;
    size_t items;
    bool refuses;
};

struct fake_config {
    int64_t limit;
    const char *note, *token, *storage;
    struct fake_queue {
        enum sl_presence presence;
        bool enabled, wait_for_result;
    } sending_queue;
};

/* The journal since the last call, cleared. */
const char *fake_journal(void);
/* "verb id" whose call fails; NULL: none. */
extern const char *fake_failure;
/* "late" processors and "holds" exporters answer at once, or when told. */
extern bool fake_answers_late;
/* Nothing is noted: for tests with threads. */
extern bool fake_is_quiet;

/* Reads a configuration; complaints are in *diag. */
struct sl_plan *fake_plan(const char *yaml, struct sl_arena *arena, struct sl_diag *diag);

#endif
