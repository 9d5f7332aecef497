/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_ALLOC_H
#define SL_CORE_ALLOC_H

#include <stddef.h>

/*
 * All heap memory of the project's own code comes through these, so that a test
 * can make each allocation fail in turn. They return NULL when out of memory.
 */
void *sl_malloc(size_t size);
void *sl_calloc(size_t count, size_t size);
void *sl_realloc(void *old, size_t size);
void sl_free(void *memory);
char *sl_strndup(const char *text, size_t length); /* adds the NUL */

/* Tests: the allocation after `successes` more ones fails, once; -1 turns it
 * off. Returns how many allocations have been asked for since the last call. */
long sl_alloc_fail_after(long successes);

#endif
