/* SPDX-License-Identifier: Apache-2.0 */
/* Inflating: the first byte chooses the codec. Neither limit nor budget is ever passed, and
 * nothing stays charged. */
#include <assert.h>

#include "core/budget.h"
#include "transport/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 64 * 1024, BUDGET = 96 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct sl_budget budget;
    struct sl_buf *body = NULL;
    struct sl_error error;
    sl_budget_init(&budget, BUDGET);
    enum sl_codec codec = (enum sl_codec)(data[0] % SL_CODEC_COUNT);
    size_t limit = (data[0] & 0x80) != 0 ? 100 : LIMIT;
    int rc = sl_inflate(codec, sl_bytes(data + 1, size - 1), limit, &budget, &body, &error);
    if (rc == SL_OK)
        assert(body->size <= limit && body->capacity <= BUDGET);
    sl_buf_unref(body);
    assert(atomic_load(&budget.used) == 0);
    return 0;
}
