/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_KEYED_H
#define SL_PII_KEYED_H

#include "processors/pii_scrubber/detect/detect.h"

/* Values that a name gives away: password=..., "api_key": "...", --token ...
 * One walk decides both types, password and secret (keyed.c). */
void sl_pii_find_keyed(struct sl_pii_scan *scan, size_t pos);
void sl_pii_find_option(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal);
void sl_pii_find_spoken(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal);

enum sl_pii_key_class { SL_PII_KEY_NONE, SL_PII_KEY_PASSWORD, SL_PII_KEY_SECRET, SL_PII_KEY_PLAIN };

/* What the whole value of an attribute is by the attribute's key ("db.password",
 * "x-api-key"): SL_PII_password, SL_PII_secret or -1. Ids (session.id, sid) are
 * what traces are joined by, and stay. */
int sl_pii_attribute_value(struct sl_bytes key, struct sl_bytes value);

/* What a name says of its value: a password, a secret, or perhaps one ("key"). */
enum sl_pii_key_class sl_pii_key_class(struct sl_bytes key);

#endif
