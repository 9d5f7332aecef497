/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering spans by trace; printing is in tree_print.c. */
#include "exporters/stdout/tree.h"

#include "core/alloc.h"

void tree_init(struct tree *tree, const struct tree_options *options)
{
    memset(tree, 0, sizeof *tree);
    tree->options = *options;
    tree->last = &tree->first;
}

static void free_trace(struct trace *trace)
{
    for (struct digest *span = trace->spans, *next; span != NULL; span = next) {
        next = span->next;
        sl_free(span);
    }
    sl_free(trace);
}

void tree_done(struct tree *tree)
{
    for (struct trace *trace = tree->first, *next; trace != NULL; trace = next) {
        next = trace->next;
        free_trace(trace);
    }
    tree->first = NULL;
}

static bool was_shown(const struct tree *tree, const uint8_t id[16])
{
    unsigned known = tree->shown_count < TREE_SHOWN ? tree->shown_count : TREE_SHOWN;
    for (unsigned i = 0; i < known; i++)
        if (memcmp(tree->shown[i], id, 16) == 0)
            return true;
    return false;
}

/* Hands the trace to the owner and forgets it. */
static void show(struct tree *tree, struct trace **at)
{
    struct trace *trace = *at;
    tree->options.show(tree->options.arg, trace);
    memcpy(tree->shown[tree->shown_count++ % TREE_SHOWN], trace->id, 16);
    *at = trace->next;
    if (tree->last == &trace->next)
        tree->last = at;
    tree->count--;
    tree->bytes -= trace->bytes;
    free_trace(trace);
}

static struct trace *find_trace(const struct tree *tree, const uint8_t id[16])
{
    struct trace *trace = tree->first;
    while (trace != NULL && memcmp(trace->id, id, 16) != 0)
        trace = trace->next;
    return trace;
}

static struct trace *new_trace(struct tree *tree, const uint8_t id[16], const char *service,
                               uint64_t now_ms)
{
    struct trace *trace = sl_calloc(1, sizeof *trace);
    if (trace == NULL)
        return NULL;
    memcpy(trace->id, id, 16);
    digest_line(sl_text(service), trace->service, sizeof trace->service);
    trace->late = was_shown(tree, id);
    trace->first_ms = now_ms;
    trace->bytes = sizeof *trace;
    *tree->last = trace;
    tree->last = &trace->next;
    tree->count++;
    tree->bytes += trace->bytes;
    return trace;
}

int tree_add(struct tree *tree, const uint8_t trace_id[16], const char *service,
             const struct digest *digest, uint64_t now_ms)
{
    struct digest *copy = sl_malloc(sizeof *copy);
    if (copy == NULL)
        return SL_ENOMEM;
    struct trace *trace = find_trace(tree, trace_id);
    if (trace == NULL)
        trace = new_trace(tree, trace_id, service, now_ms);
    if (trace == NULL) {
        sl_free(copy);
        return SL_ENOMEM;
    }
    *copy = *digest;
    copy->next = trace->spans;
    trace->spans = copy;
    trace->count++;
    trace->bytes += sizeof *copy;
    tree->bytes += sizeof *copy;
    trace->last_ms = now_ms;
    trace->has_root |= !digest->has_parent;
    while (tree->first != NULL &&
           (tree->count > tree->options.max_traces || tree->bytes > tree->options.max_bytes))
        show(tree, &tree->first);
    return SL_OK;
}

static uint64_t due_ms(const struct tree *tree, const struct trace *trace)
{
    uint64_t oldest = trace->first_ms + tree->options.longest_ms;
    uint64_t quiet = trace->last_ms + tree->options.quiet_ms;
    /* Without a root more is expected: three times the patience. */
    if (!trace->has_root && !trace->late)
        quiet += 2 * tree->options.quiet_ms;
    return quiet < oldest ? quiet : oldest;
}

void tree_flush(struct tree *tree, uint64_t now_ms, bool all)
{
    for (struct trace **at = &tree->first; *at != NULL;) {
        if (all || due_ms(tree, *at) <= now_ms)
            show(tree, at);
        else
            at = &(*at)->next;
    }
}

uint64_t tree_next_due(const struct tree *tree)
{
    uint64_t next = 0;
    for (const struct trace *trace = tree->first; trace != NULL; trace = trace->next) {
        uint64_t due = due_ms(tree, trace);
        if (next == 0 || due < next)
            next = due;
    }
    return next;
}
