/* SPDX-License-Identifier: Apache-2.0 */
/* Any text in the place of messages: what is written is valid JSON, and writing
 * it again from what was written changes nothing. */
#include <stdlib.h>

#include "processors/genai_normalizer/norm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct nm_norm *norm, struct sl_bytes text, bool output)
{
    struct sl_value value;
    if (nm_shape_messages(norm, text, output, &value) && !sl_json_valid(value.bytes, 64))
        abort();
    if (nm_shape_system(norm, text, &value) && !sl_json_valid(value.bytes, 64))
        abort();
    struct sl_value in = sl_value_string(text);
    if (!nm_shape_tools(norm, &in, &value))
        return;
    struct sl_value again;
    if (!sl_json_valid(value.bytes, 64) || !nm_shape_tools(norm, &value, &again) ||
        !sl_bytes_equal(value.bytes, again.bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nm_table *table;
    struct nm_norm norm;
    if (table == NULL)
        table = nm_table_new(&(struct nm_table_options){0});
    if (table == NULL || sl_utf8_valid_prefix(sl_bytes(data, size)) != size)
        return 0;
    nm_norm_init(&norm, table, &(struct nm_options){0});
    check(&norm, sl_bytes(data, size), false);
    check(&norm, sl_bytes(data, size), true);
    nm_norm_done(&norm);
    return 0;
}
