/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_KEYS_H
#define SL_PII_KEYS_H

#include "config/schema.h"
#include "core/bytes.h"

/* Whether an attribute key is in a list of names; a name that ends in '*' stands for all that begin
 * with what is before it. */
bool sl_pii_key_listed(const struct sl_list *names, struct sl_bytes key);

#endif
