/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_ARENA_H
#define SL_CORE_ARENA_H

#include "core/bytes.h"

/*
 * Bump allocation: many small pieces, freed together. An arena belongs to one
 * thread at a time. Zeroed memory is a valid, empty arena.
 */
struct sl_arena_block;

struct sl_arena {
    struct sl_arena_block *blocks; /* newest first */
    uint8_t *next, *end;           /* free room in the newest block */
    size_t capacity;               /* bytes held in all blocks */
    size_t limit;                  /* of capacity; 0: none */
};

void sl_arena_done(struct sl_arena *arena);  /* frees all; the arena is empty again */
void sl_arena_reset(struct sl_arena *arena); /* as done, but keeps one block for reuse */

/* 8-byte aligned, not zeroed; NULL when out of memory or over the limit. */
void *sl_arena_alloc(struct sl_arena *arena, size_t size);
void *sl_arena_calloc(struct sl_arena *arena, size_t count, size_t size);
/* Copies with a NUL after it, which the size does not count. On failure data is
 * NULL and size 0; an empty copy has data. */
struct sl_bytes sl_arena_copy(struct sl_arena *arena, struct sl_bytes bytes);
char *sl_arena_printf(struct sl_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A larger copy of an array whose memory is from this arena (grown in place when it is the newest).
 */
void *sl_arena_grow(struct sl_arena *arena, void *old, size_t old_size, size_t new_size);

#endif
