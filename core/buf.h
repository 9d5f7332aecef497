/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_BUF_H
#define SL_CORE_BUF_H

#include <stdatomic.h>

#include "core/bytes.h"

struct sl_budget;

/*
 * Reference-counted bytes that may cross loops (the count is atomic). Written
 * only while one reference exists; read-only from then on. The whole capacity
 * is charged to the budget, when there is one, until the last reference goes.
 */
struct sl_buf {
    atomic_uint references;
    struct sl_budget *budget;
    size_t size, capacity;
    uint8_t *data;
};

/* NULL when out of memory or over the budget. budget may be NULL. */
struct sl_buf *sl_buf_new(struct sl_budget *budget, size_t capacity);
/* Takes over malloc-ed memory, also when it fails. */
struct sl_buf *sl_buf_adopt(struct sl_budget *budget, uint8_t *data, size_t size, size_t capacity);
struct sl_buf *sl_buf_ref(struct sl_buf *buf);
void sl_buf_unref(struct sl_buf *buf); /* NULL is fine */

/* Makes room for `more` bytes after size, at least doubling, at most `limit`
 * in all (0: none). SL_ELIMIT over the limit, SL_EAGAIN over the budget,
 * SL_ENOMEM. Only for the sole holder; data may move. */
int sl_buf_reserve(struct sl_buf *buf, size_t more, size_t limit);
int sl_buf_append(struct sl_buf *buf, const void *data, size_t size, size_t limit);

static inline struct sl_bytes sl_buf_bytes(const struct sl_buf *buf)
{
    return (struct sl_bytes){buf->data, buf->size};
}

#endif
