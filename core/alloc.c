/* SPDX-License-Identifier: Apache-2.0 */
/* The heap, with a switch that lets a test make the n-th allocation fail. */
#include "core/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_after = -1;
static atomic_long asked;
static atomic_bool armed;

static bool refuses(void)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return false;
    atomic_fetch_add(&asked, 1);
    return atomic_fetch_sub(&fail_after, 1) == 0;
}

void *sl_malloc(size_t size)
{
    return refuses() ? NULL : malloc(size ? size : 1);
}

void *sl_calloc(size_t count, size_t size)
{
    return refuses() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *sl_realloc(void *old, size_t size)
{
    return refuses() ? NULL : realloc(old, size ? size : 1);
}

void sl_free(void *memory)
{
    free(memory);
}

char *sl_strndup(const char *text, size_t length)
{
    char *copy = sl_malloc(length + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

long sl_alloc_fail_after(long successes)
{
    atomic_store(&fail_after, successes);
    atomic_store(&armed, successes >= 0);
    return atomic_exchange(&asked, 0);
}
