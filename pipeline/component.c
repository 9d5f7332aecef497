/* SPDX-License-Identifier: Apache-2.0 */
/* What a component calls: emit, and the answers to drain and stop. The graph
 * hears of these through its `changed` hook; without one, only bits are set. */
#include "pipeline/component.h"

#include <assert.h>

#include "pipeline/graph_internal.h"
#include "pipeline/meter.h"

const char *sl_kind_name(enum sl_kind kind)
{
    static const char *const names[] = {"receiver", "processor", "exporter", "extension"};
    return names[kind];
}

static void note(struct sl_component *self, unsigned bit)
{
    if (self->state & bit)
        return;
    self->state |= bit;
    if (self->graph != NULL)
        self->graph->changed(self->graph, self, bit);
}

void sl_component_drained(struct sl_component *self)
{
    note(self, SL_DRAINED);
}

void sl_component_stopped(struct sl_component *self)
{
    note(self, SL_STOPPED);
}

void sl_component_consume(struct sl_component *target, struct sl_delivery *delivery)
{
    assert(target->type->consume != NULL);
    if (target->type->kind == SL_PROCESSOR)
        sl_meter_event(target->meter, SL_EV_INCOMING, delivery->batch->signal,
                       delivery->batch->items);
    target->type->consume(target, delivery);
}

void sl_emit(struct sl_component *self, struct sl_delivery *delivery)
{
    enum sl_signal signal = delivery->batch->signal;
    const struct sl_output *output = &self->outputs[sl_signal_index(signal)];

    if (self->type->kind == SL_PROCESSOR)
        sl_meter_event(self->meter, SL_EV_OUTGOING, signal, delivery->batch->items);
    if (output->count == 0)
        sl_delivery_finish(delivery, sl_result_ok());
    else
        sl_fanout(delivery, output->targets, output->count);
}
