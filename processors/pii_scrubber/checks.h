/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PII_CHECKS_H
#define SL_PII_CHECKS_H

#include "core/bytes.h"

/* Check digits and measures shared by detectors. Digits are values 0..9. */

bool sl_pii_luhn(const uint8_t *digits, unsigned count);
/* Shannon entropy in bits a byte. */
double sl_pii_entropy(struct sl_bytes text);
/* How many of digit, upper case, lower case and other occur: 0..4. */
unsigned sl_pii_variety(struct sl_bytes text);
unsigned sl_pii_count(struct sl_bytes text, unsigned classes);
/* Text that stands for a value: "your-key-here", "${X}", "****", "[PASSWORD]", "null" ... */
bool sl_pii_is_stand_in(struct sl_bytes text);
/* Size of "[EMAIL]" or "[EMAIL:0123456789ab]" at pos, as a scrubber writes them; 0: none. */
size_t sl_pii_placeholder_size(struct sl_bytes text, size_t pos);
/* Base64 of printable text with a ':' in it, as in basic credentials. */
bool sl_pii_is_basic(struct sl_bytes text);
/* Case-insensitive search; word is lower case ASCII. */
bool sl_pii_contains(struct sl_bytes text, const char *word);

#endif
