/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as one OTLP/JSON document, ResourceX and ScopeX laid out as
 * sl_batch_encode() does. Parts with edits are spliced one at a time.
 */
#include "otlp/json.h"
#include "otlp/transcode.h"
#include "otlp/wire_to_json.h"

struct writer {
    const struct sl_batch *batch;
    const struct sl_signal_messages *messages;
    struct sl_out *out;
    struct sl_arena arena; /* one spliced part */
};

static const char *field_name(const struct sl_message *message, uint32_t number)
{
    return sl_message_find(message, number)->json;
}

static int write_part(struct writer *w, const struct sl_part *part,
                      const struct sl_message *message)
{
    struct sl_bytes wire = part->wire;
    if (part->edit_count != 0) {
        sl_arena_reset(&w->arena);
        wire = sl_part_splice(part, &w->arena);
        if (wire.data == NULL)
            return SL_ENOMEM;
    }
    return sl_message_to_json(message, wire, w->out) ? 0 : SL_EINVALID;
}

/* ,"name": with the comma except behind an opening brace. */
static void write_key(struct writer *w, const char *name)
{
    const struct sl_out *out = w->out;
    uint8_t last = out->size > 0 ? out->data[out->size - 1] : 0;
    sl_out_text(w->out, last == '{' ? "\"" : ",\"");
    sl_out_text(w->out, name);
    sl_out_text(w->out, "\":");
}

static int write_subject(struct writer *w, const struct sl_envelope *envelope,
                         const struct sl_message *message, const char *name)
{
    if (!envelope->present)
        return 0;
    write_key(w, name);
    return write_part(w, &envelope->part, message);
}

static void end_envelope(struct writer *w, const struct sl_envelope *envelope)
{
    if (envelope->schema_url.size > 0) {
        write_key(w, "schemaUrl");
        sl_json_write_string(w->out, envelope->schema_url);
    }
    sl_out_byte(w->out, '}');
}

static int write_scope(struct writer *w, const struct sl_group *group)
{
    sl_out_byte(w->out, '{');
    int rc = write_subject(w, &group->scope->as, &sl_msg_scope, "scope");
    if (group->count > 0) {
        write_key(w, field_name(w->messages->scope_group, SL_SCOPE_RECORDS));
        for (uint32_t i = 0; i < group->count && rc == 0; i++) {
            sl_out_byte(w->out, i == 0 ? '[' : ',');
            rc = write_part(w, &group->records[i].part, w->messages->record);
        }
        sl_out_byte(w->out, ']');
    }
    end_envelope(w, &group->scope->as);
    return rc;
}

/* The ResourceX that begins at this group. Returns the index of the next one. */
static uint32_t write_resource(struct writer *w, uint32_t first, int *ret_rc)
{
    const struct sl_group *groups = w->batch->groups;
    const struct sl_resource *resource = groups[first].resource;
    bool any = false;
    sl_out_byte(w->out, '{');
    int rc = write_subject(w, &resource->as, &sl_msg_resource, "resource");
    uint32_t i = first;
    do {
        if (!groups[i].bare && rc == 0) {
            if (!any)
                write_key(w, field_name(w->messages->resource_group, SL_GROUP_SCOPES));
            sl_out_byte(w->out, any ? ',' : '[');
            any = true;
            rc = write_scope(w, &groups[i]);
        }
        i++;
    } while (i < w->batch->group_count && groups[i].resource == resource && !groups[i].starts);
    if (any)
        sl_out_byte(w->out, ']');
    end_envelope(w, &resource->as);
    *ret_rc = rc;
    return i;
}

int sl_batch_to_json(const struct sl_batch *batch, struct sl_out *out)
{
    struct writer w = {.batch = batch, .messages = sl_signal_messages(batch->signal), .out = out};
    size_t start = out->size;
    int rc = 0;
    sl_out_byte(out, '{');
    if (batch->group_count > 0)
        write_key(&w, field_name(w.messages->request, SL_REQUEST_GROUPS));
    for (uint32_t i = 0; i < batch->group_count && rc == 0;) {
        sl_out_byte(out, i == 0 ? '[' : ',');
        i = write_resource(&w, i, &rc);
    }
    sl_out_text(out, batch->group_count > 0 ? "]}" : "}");
    sl_arena_done(&w.arena);
    if (rc == 0 && out->failed)
        rc = out->limit != 0 ? SL_ELIMIT : SL_ENOMEM;
    if (rc != 0)
        out->size = start;
    return rc;
}
