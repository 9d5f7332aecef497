/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nop: hands every batch on as it is. The smallest processor there is: copy this
 * folder to begin one of your own (CONTRIBUTING.md).
 */
#include "pipeline/component.h"

struct nop_config {
    int64_t unused; /* a struct may not be empty */
};

struct nop {
    struct sl_component base; /* always first */
};

static const struct sl_field nop_fields[] = {SL_END};

static void nop_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    sl_emit(self, delivery);
}

const struct sl_component_type nop_processor = {
    .name = "nop",
    .doc = "Hands every batch on as it is.",
    .kind = SL_PROCESSOR,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct nop),
    .config_size = sizeof(struct nop_config),
    .fields = nop_fields,
    .consume = nop_consume,
};
