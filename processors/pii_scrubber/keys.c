/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of attribute keys in the configuration: exempt ones and denied ones.
 */
#include "processors/pii_scrubber/keys.h"

bool sl_pii_key_listed(const struct sl_list *names, struct sl_bytes key)
{
    const char *const *items = names->items;
    for (size_t i = 0; i < names->count; i++) {
        struct sl_bytes name = sl_text(items[i]);
        bool prefix = name.size > 0 && name.data[name.size - 1] == '*';
        if (prefix ? key.size >= name.size - 1 && memcmp(key.data, name.data, name.size - 1) == 0
                   : sl_bytes_equal(key, name))
            return true;
    }
    return false;
}
