/* SPDX-License-Identifier: Apache-2.0 */
/* Complaints about a configuration: gathered, then printed in order of place. */
#include "config/diag.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/alloc.h"

enum { DEFAULT_LIMIT = 200, TEXT_SIZE = 1024 };

void sl_diag_init(struct sl_diag *diag)
{
    *diag = (struct sl_diag){.first = NULL};
    diag->last = &diag->first;
}

void sl_diag_done(struct sl_diag *diag)
{
    sl_arena_done(&diag->arena);
    sl_diag_init(diag);
}

/* A copy that cannot steer a terminal or break the line, or NULL. */
static const char *clean_copy(struct sl_arena *arena, const char *text)
{
    uint8_t *copy = (uint8_t *)sl_arena_copy(arena, sl_text(text)).data;
    if (copy == NULL)
        return NULL;
    for (uint8_t *p = copy; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7F || (p > copy && p[-1] == 0xC2 && *p < 0xA0))
            *p = '?';
    return (const char *)copy;
}

void sl_diag_add(struct sl_diag *diag, enum sl_severity severity, struct sl_place place,
                 const char *path, const char *fmt, ...)
{
    unsigned kept = diag->errors + diag->warnings;
    if (severity == SL_DIAG_ERROR)
        diag->errors++;
    else
        diag->warnings++;
    if (kept >= (diag->limit != 0 ? diag->limit : DEFAULT_LIMIT))
        return;
    char text[TEXT_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct sl_diag_entry *entry = sl_arena_alloc(&diag->arena, sizeof *entry);
    if (entry == NULL)
        return; /* counted at least, so the configuration is not taken */
    *entry = (struct sl_diag_entry){.severity = severity, .place = place};
    entry->text = clean_copy(&diag->arena, text);
    entry->path = path != NULL ? clean_copy(&diag->arena, path) : NULL;
    if (place.file != NULL)
        entry->place.file = clean_copy(&diag->arena, place.file);
    if (entry->text == NULL)
        entry->text = "out of memory";
    *diag->last = entry;
    diag->last = &entry->next;
}

/* Files in order of name, what has no file first, then by position. */
static int compare(const void *a, const void *b)
{
    const struct sl_place *x = &(*(const struct sl_diag_entry *const *)a)->place;
    const struct sl_place *y = &(*(const struct sl_diag_entry *const *)b)->place;
    int order = strcmp(x->file != NULL ? x->file : "", y->file != NULL ? y->file : "");
    if (order == 0)
        order = (x->line > y->line) - (x->line < y->line);
    if (order == 0)
        order = (x->column > y->column) - (x->column < y->column);
    return order;
}

/* Merge sort: qsort() would not keep the order of complaints about one place. */
static void sort(const struct sl_diag_entry **entries, const struct sl_diag_entry **room,
                 size_t count)
{
    if (count < 2)
        return;
    size_t half = count / 2;
    sort(entries, room, half);
    sort(entries + half, room, count - half);
    memcpy(room, entries, half * sizeof *room);
    for (size_t i = 0, j = half, at = 0; i < half; at++)
        entries[at] = j < count && compare(&room[i], &entries[j]) > 0 ? entries[j++] : room[i++];
}

static void print_entry(const struct sl_diag_entry *entry, FILE *out)
{
    if (entry->place.file != NULL) {
        fprintf(out, "%s:", entry->place.file);
        if (entry->place.line > 0)
            fprintf(out, "%d:%d:", entry->place.line, entry->place.column);
        fputc(' ', out);
    }
    if (entry->severity == SL_DIAG_WARNING)
        fputs("warning: ", out);
    if (entry->path != NULL && entry->path[0] != '\0')
        fprintf(out, "%s: ", entry->path);
    fprintf(out, "%s\n", entry->text);
}

void sl_diag_print(const struct sl_diag *diag, FILE *out)
{
    size_t count = 0;
    for (const struct sl_diag_entry *entry = diag->first; entry != NULL; entry = entry->next)
        count++;
    const struct sl_diag_entry **entries = sl_calloc(count * 2, sizeof(struct sl_diag_entry *));
    size_t at = 0;
    for (const struct sl_diag_entry *entry = diag->first; entry != NULL; entry = entry->next) {
        if (entries != NULL)
            entries[at++] = entry;
        else
            print_entry(entry, out); /* unsorted rather than not at all */
    }
    if (entries != NULL)
        sort(entries, entries + count, count);
    for (size_t i = 0; i < at; i++)
        print_entry(entries[i], out);
    sl_free(entries);
    if (diag->errors + diag->warnings > count)
        fprintf(out, "and %u more\n", diag->errors + diag->warnings - (unsigned)count);
}
