/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_OTLP_WALK_H
#define SL_OTLP_WALK_H

#include "core/arena.h"
#include "core/out.h"
#include "otlp/wire.h"

/* Inside otlp/: the walk that checks a message, and its canonical form. */
struct sl_walk {
    unsigned max_depth;
    bool odd;            /* met something that is not canonical; the caller resets it */
    const char *problem; /* after a failure */
    const uint8_t *at;   /* where */
};

/* Checks a whole message that is `depth` messages deep (the request is 1).
 * SL_EINVALID or SL_ELIMIT with problem and at. */
int sl_walk_message(struct sl_walk *walk, const struct sl_message *message, struct sl_bytes wire,
                    unsigned depth);

/* Writes the canonical form of a message that the walk let pass. Strings with
 * invalid UTF-8 are repaired and added to *repaired. false: out of memory. */
bool sl_canonical(const struct sl_message *message, struct sl_bytes wire, struct sl_out *out,
                  uint32_t *repaired);
/* Each byte that is not UTF-8 becomes U+FFFD. */
void sl_utf8_repair(struct sl_bytes text, struct sl_out *out);

#endif
