/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_TABLES_H
#define SL_OTLP_TABLES_H

#include <stdatomic.h>

#include "otlp/batch.h"

/* Inside otlp/: what the files that work on a batch's tables share. */

/* Memory that slices point into. Its arena is written only by the batch whose
 * first pin it is; everybody else holds it so that the bytes stay. */
struct sl_pin {
    atomic_uint references;
    struct sl_buf *buf; /* NULL: only an arena */
    struct sl_arena arena;
};

/* Takes over the caller's reference to buf on success (buf may be NULL). */
struct sl_pin *sl_pin_new(struct sl_buf *buf);
void sl_pin_unref(struct sl_pin *pin);

/* Room for more pins; then adding cannot fail. */
int sl_pins_reserve(struct sl_batch *batch, uint32_t more);
/* Adds references to from's pins; room was made before. */
void sl_pins_share(struct sl_batch *batch, const struct sl_batch *from);

/* A batch whose own pin holds buf (may be NULL), with room for more pins. */
struct sl_batch *sl_batch_create(enum sl_signal signal, struct sl_buf *buf, uint32_t more_pins);
/* The batch differs from what was received from now on. */
void sl_batch_touch(struct sl_batch *batch);

/* Room for `more` elements of `size` bytes in an array kept in the batch's
 * arena; moves it when it must. Growth doubles. */
int sl_table_reserve(struct sl_batch *batch, void *array, uint32_t *capacity, uint32_t count,
                     size_t more, size_t size);

/* Equal as edited, with the same schema URL and unknown fields. NULL: none,
 * or (*ret_status) out of memory. Both are spliced first, if need be. */
struct sl_resource *sl_intern_resource(struct sl_batch *batch, const struct sl_resource *like);
struct sl_scope *sl_intern_scope(struct sl_batch *batch, const struct sl_scope *like);
/* Makes the index complete before the two above are called by an append. */
int sl_intern_refresh(struct sl_batch *batch);
/* Replaces a part's wire and edits by its spliced form. */
int sl_part_flatten(struct sl_part *part, struct sl_arena *arena);

/* Copies of the part's tables in arena: edits that are not shared. */
int sl_part_copy(struct sl_part *copy, const struct sl_part *part, struct sl_arena *arena);
struct sl_resource *sl_resource_copy(struct sl_batch *into, struct sl_resource *resource);
struct sl_scope *sl_scope_copy(struct sl_batch *into, struct sl_scope *scope);

/* Puts an edit of wire bytes [offset, offset + size) in its place; edits inside
 * that range go. bytes must live in the batch's arena already. */
int sl_edit_put(struct sl_batch *batch, struct sl_part *part, uint32_t offset, uint32_t size,
                struct sl_bytes bytes);
/* Index of the first edit with an offset of at least this one. */
uint32_t sl_edit_find(const struct sl_part *part, uint32_t offset);
/* Inserts at an index, whatever lies around it. */
int sl_edit_insert(struct sl_batch *batch, struct sl_part *part, uint32_t index,
                   struct sl_edit edit);
/* The spliced bytes of one top-level field [offset, offset + size) with edits inside it. */
struct sl_bytes sl_splice_field(const struct sl_part *part, uint32_t offset, uint32_t size,
                                struct sl_arena *arena);

/* Data points of a Metric's wire. */
uint32_t sl_metric_points(struct sl_bytes metric);

#endif
