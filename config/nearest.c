/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest name by Damerau-Levenshtein distance (optimal
 * string alignment: a swap of two neighbours is one step). */
#include "config/node.h"

#include <string.h>

enum { LONGEST = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '-' ? '_' : c;
}

/* Upper case and '-' for '_' are no step: they are the likeliest slips. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][LONGEST + 1];
    size_t *older = rows[0], *old = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        old[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);
            now[j] = smaller(smaller(old[j], now[j - 1]) + 1, old[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                now[j] = smaller(now[j], older[j - 2] + 1);
        }
        size_t *free_row = older;
        older = old;
        old = now;
        now = free_row;
    }
    return old[b_size];
}

const char *sl_nearest(const char *text, const char *const *names)
{
    size_t size = strlen(text), best = SIZE_MAX;
    const char *nearest = NULL;
    if (size == 0 || size > LONGEST)
        return NULL;
    for (; *names != NULL; names++) {
        size_t name_size = strlen(*names);
        if (name_size == 0 || name_size > LONGEST)
            continue;
        /* A third of the letters may be wrong; of very short names one. */
        size_t most = (size > name_size ? size : name_size) / 3;
        size_t steps = distance(text, size, *names, name_size);
        if (steps <= (most > 0 ? most : 1) && steps < best && steps < name_size) {
            best = steps;
            nearest = *names;
        }
    }
    return nearest;
}
