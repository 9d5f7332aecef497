/* SPDX-License-Identifier: Apache-2.0 */
/* nop: accepts every batch and discards it, counted as sent. */
#include "pipeline/component.h"
#include "pipeline/meter.h"

struct nop_config {
    int64_t unused; /* a struct may not be empty */
};

static const struct sl_field nop_fields[] = {SL_END};

static void nop_consume(struct sl_component *self, struct sl_delivery *delivery)
{
    sl_meter_event(self->meter, SL_EV_SENT, delivery->batch->signal, delivery->batch->items);
    sl_delivery_finish(delivery, sl_result_ok());
}

const struct sl_component_type nop_exporter = {
    .name = "nop",
    .doc = "Accepts every batch and discards it.",
    .kind = SL_EXPORTER,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct sl_component),
    .config_size = sizeof(struct nop_config),
    .fields = nop_fields,
    .consume = nop_consume,
};
