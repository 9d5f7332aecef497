/* SPDX-License-Identifier: Apache-2.0 */
/* One trace as an indented tree: name, operation, model, tokens, duration, and the first
 * words of what went in and came out. */
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "exporters/stdout/tree.h"

enum { MAX_INDENT = 24 };

#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define CYAN "\x1b[36m"
#define OFF "\x1b[0m"

struct printer {
    struct sl_out *out;
    bool color;
    char indent[MAX_INDENT * 8]; /* what stands before a child's lines */
    size_t indent_size;
};

static void paint(struct printer *p, const char *code, const char *text)
{
    if (p->color)
        sl_out_text(p->out, code);
    sl_out_text(p->out, text);
    if (p->color)
        sl_out_text(p->out, OFF);
}

static void put_duration(struct printer *p, uint64_t start_ns, uint64_t end_ns)
{
    double ms = end_ns > start_ns ? (double)(end_ns - start_ns) / 1e6 : 0;
    char text[32];
    if (ms < 1)
        (void)snprintf(text, sizeof text, "%.0f us", ms * 1000);
    else if (ms < 1000)
        (void)snprintf(text, sizeof text, "%.0f ms", ms);
    else
        (void)snprintf(text, sizeof text, "%.2f s", ms / 1000);
    paint(p, DIM, text);
}

static void put_indent(struct printer *p)
{
    sl_out_bytes(p->out, p->indent, p->indent_size);
}

static void put_detail(struct printer *p, const char *label, const char *text, const char *color)
{
    if (text[0] == '\0')
        return;
    put_indent(p);
    sl_out_text(p->out, "    ");
    paint(p, DIM, label[0] != '\0' ? label : "said");
    sl_out_text(p->out, ": ");
    paint(p, color, text);
    sl_out_byte(p->out, '\n');
}

static void put_facts(struct printer *p, const struct digest *span)
{
    if (span->operation[0] != '\0') {
        sl_out_text(p->out, "  ");
        paint(p, CYAN, span->operation);
    }
    if (span->model[0] != '\0') {
        sl_out_text(p->out, " ");
        paint(p, CYAN, span->model);
    }
    sl_out_text(p->out, "  ");
    put_duration(p, span->start_ns, span->end_ns);
    if (span->input_tokens >= 0 || span->output_tokens >= 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "  %lld in, %lld out tokens",
                       (long long)(span->input_tokens < 0 ? 0 : span->input_tokens),
                       (long long)(span->output_tokens < 0 ? 0 : span->output_tokens));
        paint(p, DIM, text);
    }
}

static void put_span(struct printer *p, const struct digest *span)
{
    bool failed = span->status == 2;
    paint(p, failed ? RED : span->status == 1 ? GREEN : DIM, failed ? "x " : "o ");
    paint(p, BOLD, span->name[0] != '\0' ? span->name : "(no name)");
    put_facts(p, span);
    sl_out_byte(p->out, '\n');
}

static void put_details(struct printer *p, const struct digest *span)
{
    put_detail(p, span->input_role[0] != '\0' ? span->input_role : "in", span->input, "");
    put_detail(p, span->output_role[0] != '\0' ? span->output_role : "out", span->output, "");
    if (span->status == 2)
        put_detail(p, "error", span->error, RED);
}

static void push_indent(struct printer *p, const char *text)
{
    size_t size = strlen(text);
    if (p->indent_size + size > sizeof p->indent)
        return;
    memcpy(p->indent + p->indent_size, text, size);
    p->indent_size += size;
}

/* The span after this one in a walk of the tree below `top`, without recursion:
 * a hostile trace may be a chain of a million spans. */
struct frame {
    const struct digest *span;
    size_t indent_size;
};

static void put_node(struct printer *p, const struct digest *span, bool is_last, bool is_top)
{
    put_indent(p);
    if (!is_top)
        sl_out_text(p->out, is_last ? "\xE2\x94\x94\xE2\x94\x80 " : "\xE2\x94\x9C\xE2\x94\x80 ");
    put_span(p, span);
    if (!is_top)
        push_indent(p, is_last ? "   " : "\xE2\x94\x82  ");
    size_t kept = p->indent_size;
    push_indent(p, span->first_child != NULL ? "\xE2\x94\x82" : " ");
    put_details(p, span);
    p->indent_size = kept;
}

static void put_tree(struct printer *p, const struct digest *top, struct frame *stack)
{
    size_t depth = 0;
    size_t start = p->indent_size;
    put_node(p, top, true, true);
    if (top->first_child != NULL)
        stack[depth++] = (struct frame){top->first_child, p->indent_size};
    while (depth > 0) {
        struct frame *frame = &stack[depth - 1];
        const struct digest *span = frame->span;
        p->indent_size = frame->indent_size;
        frame->span = span->sibling;
        bool is_last = span->sibling == NULL;
        if (is_last)
            depth--;
        put_node(p, span, is_last, false);
        if (span->first_child != NULL)
            stack[depth++] = (struct frame){span->first_child, p->indent_size};
    }
    p->indent_size = start;
}

static int by_start(const void *a, const void *b)
{
    const struct digest *x = *(struct digest *const *)a, *y = *(struct digest *const *)b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_id(const void *a, const void *b)
{
    const struct digest *x = *(struct digest *const *)a, *y = *(struct digest *const *)b;
    return memcmp(x->span_id, y->span_id, sizeof x->span_id);
}

static struct digest *find_parent(struct digest *const *by_ids, unsigned count,
                                  const struct digest *span)
{
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = memcmp(by_ids[middle]->span_id, span->parent_id, sizeof span->parent_id);
        if (order == 0)
            return by_ids[middle] == span ? NULL : by_ids[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Marks what lies below the top as placed. */
static void mark_below(struct digest *top, struct digest **stack)
{
    size_t depth = 0;
    stack[depth++] = top;
    while (depth > 0) {
        struct digest *span = stack[--depth];
        span->placed = true;
        for (struct digest *child = span->first_child; child != NULL; child = child->sibling)
            stack[depth++] = child;
    }
}

/* Links children to parents; returns how many spans have no parent here. They
 * come first in `sorted`, by start. Spans that are each other's ancestors hang
 * from no top: they are shown side by side after the others. */
static unsigned link_spans(const struct trace *trace, struct digest **sorted,
                           struct digest **by_ids)
{
    unsigned n = 0, tops = 0;
    for (struct digest *span = trace->spans; span != NULL; span = span->next) {
        span->first_child = span->sibling = NULL;
        span->placed = false;
        span->order = trace->count - n; /* the list has the newest first */
        sorted[n] = by_ids[n] = span;
        n++;
    }
    qsort(sorted, n, sizeof(struct digest *), by_start);
    qsort(by_ids, n, sizeof(struct digest *), by_id);
    /* From the last to the first: each is put before its later siblings. */
    for (unsigned i = n; i-- > 0;) {
        struct digest *parent = sorted[i]->has_parent ? find_parent(by_ids, n, sorted[i]) : NULL;
        sorted[i]->is_child = parent != NULL;
        if (parent != NULL) {
            sorted[i]->sibling = parent->first_child;
            parent->first_child = sorted[i];
        }
    }
    for (unsigned i = 0; i < n; i++) /* by_ids has served: it is the stack now */
        if (!sorted[i]->is_child)
            mark_below(sorted[i], by_ids);
    for (unsigned i = 0; i < n; i++) {
        if (!sorted[i]->placed)
            sorted[i]->first_child = NULL;
        if (!sorted[i]->is_child || !sorted[i]->placed)
            sorted[tops++] = sorted[i];
    }
    return tops;
}

static void put_header(struct printer *p, const struct trace *trace)
{
    unsigned failed = 0;
    for (const struct digest *span = trace->spans; span != NULL; span = span->next)
        failed += span->status == 2;
    paint(p, DIM, "trace ");
    for (int i = 0; i < 16; i++)
        sl_out_printf(p->out, "%02x", trace->id[i]);
    if (trace->service[0] != '\0') {
        sl_out_text(p->out, "  ");
        paint(p, BOLD, trace->service);
    }
    sl_out_printf(p->out, "  %u span%s", trace->count, trace->count == 1 ? "" : "s");
    if (failed > 0) {
        char text[32];
        (void)snprintf(text, sizeof text, "  %u failed", failed);
        paint(p, RED, text);
    }
    if (trace->late)
        paint(p, DIM, "  (late: the trace was shown before)");
    else if (!trace->has_root)
        paint(p, DIM, "  (its root has not come)");
    sl_out_byte(p->out, '\n');
}

void tree_print(const struct trace *trace, bool color, struct sl_out *out)
{
    struct printer p = {.out = out, .color = color};
    size_t n = trace->count;
    struct digest **sorted = sl_calloc(2 * n, sizeof(struct digest *));
    struct frame *stack = sl_calloc(n + 1, sizeof *stack);
    put_header(&p, trace);
    if (sorted != NULL && stack != NULL) {
        unsigned tops = link_spans(trace, sorted, sorted + n);
        for (unsigned i = 0; i < tops; i++)
            put_tree(&p, sorted[i], stack);
    } else {
        sl_out_text(out, "(out of memory)\n");
    }
    sl_out_byte(out, '\n');
    sl_free(stack);
    sl_free(sorted);
}
