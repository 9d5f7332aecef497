/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocator over a list of blocks that double up to 256 KiB. */
#include "core/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/alloc.h"

enum { FIRST_BLOCK = 1024, LARGEST_BLOCK = 256 * 1024, ALIGNMENT = 8 };

struct sl_arena_block {
    struct sl_arena_block *older;
    size_t size; /* of data */
    alignas(16) uint8_t data[];
};

void sl_arena_done(struct sl_arena *arena)
{
    struct sl_arena_block *older;
    for (struct sl_arena_block *block = arena->blocks; block != NULL; block = older) {
        older = block->older;
        sl_free(block);
    }
    *arena = (struct sl_arena){.limit = arena->limit};
}

void sl_arena_reset(struct sl_arena *arena)
{
    struct sl_arena_block *kept = arena->blocks;
    if (kept == NULL)
        return;
    struct sl_arena rest = {.blocks = kept->older};
    sl_arena_done(&rest);
    kept->older = NULL;
    arena->next = kept->data;
    arena->end = kept->data + kept->size;
    arena->capacity = kept->size;
}

static int add_block(struct sl_arena *arena, size_t size)
{
    size_t block_size = arena->blocks != NULL ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (block_size > LARGEST_BLOCK)
        block_size = LARGEST_BLOCK;
    if (block_size < size)
        block_size = size;
    if (arena->limit != 0 && arena->capacity + block_size > arena->limit) {
        block_size = size;
        if (arena->capacity + block_size > arena->limit)
            return -1;
    }
    struct sl_arena_block *block = sl_malloc(sizeof *block + block_size);
    if (block == NULL)
        return -1;
    block->older = arena->blocks;
    block->size = block_size;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + block_size;
    arena->capacity += block_size;
    return 0;
}

void *sl_arena_alloc(struct sl_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size == 0)
        size = ALIGNMENT;
    if ((size_t)(arena->end - arena->next) < size && add_block(arena, size) != 0)
        return NULL;
    void *memory = arena->next;
    arena->next += size;
    return memory;
}

void *sl_arena_calloc(struct sl_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *memory = sl_arena_alloc(arena, count * size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

struct sl_bytes sl_arena_copy(struct sl_arena *arena, struct sl_bytes bytes)
{
    uint8_t *copy = sl_arena_alloc(arena, bytes.size + 1);
    if (copy == NULL)
        return (struct sl_bytes){0};
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return (struct sl_bytes){copy, bytes.size};
}

char *sl_arena_printf(struct sl_arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (length < 0)
        return NULL;
    char *text = sl_arena_alloc(arena, (size_t)length + 1);
    if (text == NULL)
        return NULL;
    va_start(ap, fmt);
    (void)vsnprintf(text, (size_t)length + 1, fmt, ap);
    va_end(ap);
    return text;
}

void *sl_arena_grow(struct sl_arena *arena, void *old, size_t old_size, size_t new_size)
{
    size_t held = (old_size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    uint8_t *start = old;
    if (old != NULL && held > 0 && start + held == arena->next && new_size <= SIZE_MAX / 2 &&
        new_size <= (size_t)(arena->end - start)) {
        size_t room = (size_t)(arena->end - start);
        size_t wanted = (new_size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (wanted <= room) {
            arena->next = start + wanted;
            return old;
        }
    }
    void *memory = sl_arena_alloc(arena, new_size);
    if (memory != NULL && old_size > 0)
        memcpy(memory, old, old_size < new_size ? old_size : new_size);
    return memory;
}
