/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PROCESSORS_BATCH_GROUP_H
#define SL_PROCESSORS_BATCH_GROUP_H

#include "pipeline/component.h"

struct batch_config {
    int64_t timeout, send_batch_size, send_batch_max_size, send_batch_max_bytes;
    struct sl_list metadata_keys;
    int64_t metadata_cardinality_limit;
};

/*
 * Deliveries held until their group was accepted. A group is one signal and
 * merge key; it is sent when it is large enough or its oldest item has waited
 * for the timeout. The deliveries of a group are finished with the result that
 * wins over the batches it was sent in.
 */
struct group;
struct flight;

struct groups {
    struct sl_component *owner;
    const struct batch_config *config;
    struct group *first; /* only groups that hold something */
    size_t count;
    struct flight *flights; /* sent, not yet finished */
    bool draining;
};

void groups_init(struct groups *groups, struct sl_component *owner);
/* Takes over the delivery. */
void groups_add(struct groups *groups, struct sl_delivery *delivery, uint64_t key);
/* Sends all groups; with drain, tells the owner when the last was finished. */
void groups_flush_all(struct groups *groups, bool drain);
/* Finishes what is held with SHUTDOWN; flights go on, but finish nobody twice. */
void groups_abandon(struct groups *groups);
void groups_done(struct groups *groups);

#endif
