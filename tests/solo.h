/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_SOLO_H
#define SL_TESTS_SOLO_H

#include "pipeline/component.h"
#include "pipeline/process.h"
#include "tests/check.h"

/*
 * One component alone on a manual worker: settings as YAML, batches as OTLP/JSON, what it
 * emits caught, and what became of each delivery noted.
 */
struct solo {
    struct sl_arena arena;
    struct sl_diag diag;
    struct sl_worker worker;
    struct sl_process process;
    struct sl_component *self;
    struct sl_error error; /* of a failed create or start */
    struct sl_component catcher;
    struct sl_target target;
    /* Newest last; finished by whoever takes them off. */
    struct sl_delivery *caught, **caught_end;
    unsigned caught_count;
};

/* What a delivery was finished with. */
struct answer {
    unsigned count;
    struct sl_result result;
    char message[128];
};

/* Creates, but does not start. Returns SL_OK, SL_EINVALID for complaints (in diag), or the
 * status of create. solo_done() is due in any case. */
int solo_make(struct solo *solo, const struct sl_component_type *type, const char *yaml);
/* As above and starts; fails the test when anything does not work. */
void solo_init(struct solo *solo, const struct sl_component_type *type, const char *yaml);
int solo_start(struct solo *solo);
/* Stops when started, destroys, finishes what was caught. */
void solo_done(struct solo *solo);

struct sl_batch *solo_batch(enum sl_signal signal, const char *json);
void solo_send(struct solo *solo, struct sl_batch *batch, struct sl_context *context,
               struct answer *answer);
/* Takes the oldest caught delivery and finishes it. Its JSON is in *ret_json, when wanted. */
void solo_finish(struct solo *solo, struct sl_result result, struct sl_out *ret_json);
uint64_t solo_total(struct solo *solo, enum sl_event event);

/* Calls make(arg) with each allocation failing in turn, until none did. */
void solo_sweep(void (*make)(void *arg), void *arg);

#endif
