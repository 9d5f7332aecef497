/* SPDX-License-Identifier: Apache-2.0 */
/* Writes gen_ai.*.messages: an array of {role, parts, name?, finish_reason?}
 * (conventions, "JSON shapes"). Arguments that are JSON text are copied as they
 * are, so numbers and the order of keys survive. */
#include "processors/genai_normalizer/norm.h"

enum { MAX_JSON_DEPTH = 64, MAX_CHOICES = 256 };

void nm_put_string(struct sl_out *out, struct sl_bytes text, bool raw)
{
    if (!raw) {
        sl_json_write_string(out, text);
        return;
    }
    sl_out_byte(out, '"');
    sl_out_bytes(out, text.data, text.size);
    sl_out_byte(out, '"');
}

void nm_put_arguments(struct sl_out *out, struct sl_bytes text)
{
    struct sl_bytes trimmed = sl_bytes_trim(text);
    if (trimmed.size == 0)
        sl_out_text(out, "{}");
    else if (sl_json_valid(trimmed, MAX_JSON_DEPTH))
        sl_out_bytes(out, trimmed.data, trimmed.size);
    else
        sl_json_write_string(out, text);
}

const char *nm_finish_value(const struct nm_table *table, struct sl_bytes reason)
{
    return nm_map(table, NM_SCOPE_FINISH, reason, true);
}

struct sl_bytes nm_finish_reason(struct nm_norm *norm, unsigned choice)
{
    const struct nm_slot *slot = &norm->slots[NM_FINISH_REASONS];
    struct sl_value item;
    if (!slot->valid || slot->value.type != SL_VALUE_ARRAY || choice >= MAX_CHOICES)
        return (struct sl_bytes){0};
    struct sl_bytes rest = slot->value.bytes;
    for (unsigned i = 0; sl_array_next(&rest, &item); i++)
        if (i == choice)
            return item.type == SL_VALUE_STRING ? item.bytes : (struct sl_bytes){0};
    return (struct sl_bytes){0};
}

void nm_write_start(struct nm_writer *writer, struct nm_norm *norm, bool output)
{
    *writer = (struct nm_writer){.norm = norm,
                                 .out = &norm->text,
                                 .output = output,
                                 .default_role = output ? "assistant" : "user"};
    sl_out_clear(&norm->text);
    sl_out_byte(writer->out, '[');
}

void nm_write_begin(struct nm_writer *writer, struct sl_bytes role, bool merge)
{
    const char *known = nm_map(writer->norm->table, NM_SCOPE_ROLES, role, true);
    struct sl_bytes name = known != NULL ? sl_text(known) : role;
    if (name.size == 0)
        name = sl_text(writer->default_role);
    if (name.size >= sizeof(writer->role)) { /* no role of any convention */
        writer->failed = true;
        return;
    }
    if (writer->open && merge && sl_bytes_is(name, writer->role))
        return;
    nm_write_end(writer);
    memcpy(writer->role, name.data, name.size);
    writer->role[name.size] = '\0';
    if (writer->messages > 0)
        sl_out_byte(writer->out, ',');
    writer->open = true;
    writer->parts = 0;
    writer->choice = writer->messages++;
    writer->finish = writer->name = (struct sl_bytes){0};
    sl_out_text(writer->out, "{\"role\":");
    sl_json_write_string(writer->out, name);
    sl_out_text(writer->out, ",\"parts\":[");
}

static void put_finish(struct nm_writer *writer)
{
    struct sl_bytes reason = writer->finish;
    if (reason.size == 0)
        reason = nm_finish_reason(writer->norm, writer->choice);
    if (reason.size == 0 && !writer->norm->options.spelling_1_41)
        return;
    const char *known = nm_finish_value(writer->norm->table, reason);
    sl_out_text(writer->out, ",\"finish_reason\":");
    if (reason.size == 0)
        sl_out_text(writer->out, "\"unknown\""); /* 1.41 requires the member */
    else
        sl_json_write_string(writer->out, known != NULL ? sl_text(known) : reason);
}

void nm_write_end(struct nm_writer *writer)
{
    if (!writer->open)
        return;
    writer->open = false;
    sl_out_byte(writer->out, ']');
    if (writer->name.size > 0) {
        sl_out_text(writer->out, ",\"name\":");
        nm_put_string(writer->out, writer->name, true);
    }
    if (writer->output)
        put_finish(writer);
    sl_out_byte(writer->out, '}');
}

bool nm_write_finish(struct nm_writer *writer, struct sl_value *ret_value)
{
    nm_write_end(writer);
    sl_out_byte(writer->out, ']');
    if (writer->out->failed)
        writer->norm->status = SL_ENOMEM;
    if (writer->failed || writer->out->failed || writer->depth == 0)
        return false;
    struct sl_bytes text = sl_arena_copy(&writer->norm->arena, sl_out_view(writer->out));
    if (text.data == NULL) {
        writer->norm->status = SL_ENOMEM;
        return false;
    }
    *ret_value = sl_value_string(text);
    return true;
}

void nm_part_open(struct nm_writer *writer)
{
    if (!writer->open)
        nm_write_begin(writer, sl_text(writer->default_role), false);
    if (writer->parts++ > 0)
        sl_out_byte(writer->out, ',');
    writer->depth++; /* parts in all messages: none means there is nothing to write */
}

void nm_part_text(struct nm_writer *writer, const char *type, struct sl_bytes text, bool raw)
{
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"");
    sl_out_text(writer->out, type);
    sl_out_text(writer->out, "\",\"content\":");
    nm_put_string(writer->out, text, raw);
    sl_out_byte(writer->out, '}');
}

void nm_part_call(struct nm_writer *writer, struct sl_bytes id, struct sl_bytes name,
                  struct sl_bytes arguments, bool raw)
{
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"tool_call\"");
    if (id.size > 0) {
        sl_out_text(writer->out, ",\"id\":");
        nm_put_string(writer->out, id, raw);
    }
    sl_out_text(writer->out, ",\"name\":");
    nm_put_string(writer->out, name, raw);
    if (arguments.data != NULL) {
        sl_out_text(writer->out, ",\"arguments\":");
        nm_put_arguments(writer->out, arguments);
    }
    sl_out_byte(writer->out, '}');
}

void nm_part_response(struct nm_writer *writer, struct sl_bytes id, bool raw_id,
                      struct sl_bytes json)
{
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"tool_call_response\"");
    if (id.size > 0) {
        sl_out_text(writer->out, ",\"id\":");
        nm_put_string(writer->out, id, raw_id);
    }
    sl_out_text(writer->out, ",\"response\":");
    sl_out_bytes(writer->out, json.data, json.size);
    sl_out_byte(writer->out, '}');
}

static void put_modality(struct sl_out *out, const char *modality, struct sl_bytes mime)
{
    if (modality == NULL) {
        modality = sl_bytes_starts(mime, "image/")   ? "image"
                   : sl_bytes_starts(mime, "audio/") ? "audio"
                   : sl_bytes_starts(mime, "video/") ? "video"
                                                     : "document";
    }
    sl_out_text(out, ",\"modality\":\"");
    sl_out_text(out, modality);
    sl_out_byte(out, '"');
    if (mime.size > 0) {
        sl_out_text(out, ",\"mime_type\":");
        sl_json_write_string(out, mime);
    }
}

void nm_part_blob(struct nm_writer *writer, const char *modality, struct sl_bytes mime,
                  struct sl_bytes base64)
{
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"blob\"");
    put_modality(writer->out, modality, mime);
    sl_out_text(writer->out, ",\"content\":");
    sl_json_write_string(writer->out, base64);
    sl_out_byte(writer->out, '}');
}

/* Splits "data:<mime>[;param]*;base64,<text>"; false: another URL. */
static bool split_data_url(struct sl_bytes url, struct sl_bytes *mime, struct sl_bytes *base64)
{
    if (!sl_bytes_starts(url, "data:"))
        return false;
    const uint8_t *comma = memchr(url.data, ',', url.size < 256 ? url.size : 256);
    if (comma == NULL || comma - url.data < 7 || memcmp(comma - 7, ";base64", 7) != 0)
        return false;
    const uint8_t *begin = url.data + 5, *end = comma - 7;
    const uint8_t *semicolon = memchr(begin, ';', (size_t)(comma - begin));
    if (semicolon != NULL && semicolon < end)
        end = semicolon;
    if (end > begin)
        *mime = sl_bytes(begin, (size_t)(end - begin));
    *base64 = sl_bytes(comma + 1, (size_t)(url.data + url.size - comma - 1));
    return true;
}

void nm_part_media(struct nm_writer *writer, const char *modality, struct sl_bytes url,
                   struct sl_bytes mime, bool raw)
{
    struct sl_bytes base64;
    if (raw)
        url = nm_json_text(writer->norm, url, true);
    if (split_data_url(url, &mime, &base64)) {
        nm_part_blob(writer, modality, mime, base64);
        return;
    }
    nm_part_open(writer);
    sl_out_text(writer->out, "{\"type\":\"uri\"");
    put_modality(writer->out, modality, mime);
    sl_out_text(writer->out, ",\"uri\":");
    sl_json_write_string(writer->out, url);
    sl_out_byte(writer->out, '}');
}
