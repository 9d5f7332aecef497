/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: writes each batch to a file, as a line of OTLP/JSON or as a protobuf
 * message behind its length. A delivery is finished after write() succeeded;
 * when it did not, the client is told to retry and nothing of it is in the file.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/log.h"
#include "exporters/file/output.h"
#include "otlp/transcode.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "transport/compress.h"

enum format { FORMAT_JSON, FORMAT_PROTO };
enum compression { COMPRESSION_NONE, COMPRESSION_ZSTD };
enum { FOLLOW_INTERVAL_MS = 1000 };

struct rotation_config {
    enum sl_presence presence;
    int64_t max_megabytes, max_days, max_backups;
    bool localtime;
};

struct file_config {
    const char *path, *directory_permissions;
    bool append, create_directory;
    struct rotation_config rotation;
    int format, compression;
    int64_t flush_interval;
};

static const char *const format_names[] = {"json", "proto", NULL};
static const char *const compression_names[] = {"none", "zstd", NULL};

static const struct sl_field rotation_fields[] = {
    SL_FIELD(INT, rotation_config, max_megabytes, .preset = "100", .min = 1, .max = 1 << 20,
             .doc = "Size in MiB at which a new file begins."),
    SL_FIELD(INT, rotation_config, max_days, .preset = "0", .max = 36500,
             .doc = "Rotated files older than this are deleted; 0: none is."),
    SL_FIELD(INT, rotation_config, max_backups, .preset = "100", .max = 100000,
             .doc = "Rotated files kept; 0: all."),
    SL_FIELD(BOOL, rotation_config, localtime, .preset = "false",
             .doc = "Local time instead of UTC in the names of rotated files."),
    SL_END,
};

static const struct sl_field file_fields[] = {
    SL_FIELD(TEXT, file_config, path, .flags = SL_F_REQUIRED, .doc = "The file to write."),
    SL_FIELD(BOOL, file_config, append, .preset = "false",
             .doc = "Add to a file that exists; otherwise it is emptied at the start."),
    SL_FIELD(GROUP, file_config, rotation, .group = rotation_fields, .flags = SL_F_OPTIONAL,
             .doc = "Begin a new file by size; absent: one file."),
    SL_FIELD(ENUM, file_config, format, .preset = "json", .names = format_names,
             .doc = "json: one document a line; proto: messages behind a 4-byte length."),
    SL_FIELD(ENUM, file_config, compression, .preset = "none", .names = compression_names,
             .doc = "zstd compresses each message by itself, behind a 4-byte length."),
    SL_FIELD(DURATION, file_config, flush_interval, .preset = "1s", .max = 3600000,
             .doc = "How often what was written is forced to the disk; 0: left to the system."),
    SL_FIELD(BOOL, file_config, create_directory, .preset = "false",
             .doc = "Make the folders of the path that are missing."),
    SL_FIELD(TEXT, file_config, directory_permissions, .preset = "0755",
             .doc = "Permissions of folders made, in octal."),
    SL_END,
};

struct file_exporter {
    struct sl_component base;
    struct output_options options;
    struct output output;
    struct sl_out text, packed;
    struct sl_timer flush, follow;
    uv_fs_t sync;
    int sync_fd;
    bool syncing, stopping, dirty;
};

static void file_check(const void *config, const struct sl_node *node, const char *path,
                       struct sl_diag *diag)
{
    const struct file_config *c = config;
    char *end;
    long mode = strtol(c->directory_permissions, &end, 8);
    const struct sl_node *at = node != NULL ? sl_node_find(node, "directory_permissions") : NULL;
    if (*end != '\0' || mode < 0 || mode > 07777 || end == c->directory_permissions)
        sl_diag_add(diag, SL_DIAG_ERROR, at != NULL ? at->place : (struct sl_place){0}, path,
                    "directory_permissions: expected octal permissions such as 0755, found '%s'",
                    c->directory_permissions);
}

static int file_create(struct sl_component *base, struct sl_error *reterr)
{
    (void)reterr;
    struct file_exporter *self = (struct file_exporter *)base;
    const struct file_config *c = base->config;
    bool rotates = c->rotation.presence != SL_ABSENT;
    self->options = (struct output_options){
        .path = c->path,
        .append = c->append,
        .lines = c->format == FORMAT_JSON && c->compression == COMPRESSION_NONE,
        .create_directory = c->create_directory,
        .directory_mode = (int)strtol(c->directory_permissions, NULL, 8),
        .max_bytes = rotates ? c->rotation.max_megabytes << 20 : 0,
        .max_age_days = c->rotation.max_days,
        .max_backups = c->rotation.max_backups,
        .localtime = c->rotation.localtime};
    self->output.fd = -1;
    return SL_OK;
}

static void synced(uv_fs_t *request)
{
    struct file_exporter *self = request->data;
    if (request->result < 0)
        sl_log(SL_LOG_ERROR, self->base.id, "what was written is not on the disk yet: %s",
               uv_strerror((int)request->result));
    uv_fs_req_cleanup(request);
    (void)close(self->sync_fd);
    self->syncing = false;
    if (self->stopping)
        sl_component_stopped(&self->base);
}

static void flush_due(struct sl_timer *timer)
{
    struct file_exporter *self =
        (struct file_exporter *)((char *)timer - offsetof(struct file_exporter, flush));
    const struct file_config *c = self->base.config;
    (void)sl_timer_start(timer, (uint64_t)c->flush_interval);
    if (!self->dirty || self->syncing || self->output.fd < 0)
        return;
    /* A descriptor of its own: the file may be rotated and closed meanwhile. */
    self->sync_fd = fcntl(self->output.fd, F_DUPFD_CLOEXEC, 0);
    if (self->sync_fd < 0)
        return;
    self->sync.data = self;
    self->syncing =
        uv_fs_fdatasync(&self->base.worker->loop, &self->sync, self->sync_fd, synced) == 0;
    if (!self->syncing)
        (void)close(self->sync_fd);
    self->dirty = !self->syncing;
}

static void follow_due(struct sl_timer *timer)
{
    struct file_exporter *self =
        (struct file_exporter *)((char *)timer - offsetof(struct file_exporter, follow));
    struct sl_error error;
    (void)sl_timer_start(timer, FOLLOW_INTERVAL_MS);
    if (output_follow(&self->output, &error) != SL_OK)
        sl_log(SL_LOG_ERROR, self->base.id, "%s", error.text);
}

static int file_start(struct sl_component *base, struct sl_error *reterr)
{
    struct file_exporter *self = (struct file_exporter *)base;
    const struct file_config *c = base->config;
    int rc = output_open(&self->output, &self->options, reterr);
    if (rc != SL_OK)
        return rc;
    sl_timer_init(&self->flush, base->worker, flush_due);
    sl_timer_init(&self->follow, base->worker, follow_due);
    if (c->flush_interval > 0)
        rc = sl_timer_start(&self->flush, (uint64_t)c->flush_interval);
    if (rc == SL_OK)
        rc = sl_timer_start(&self->follow, FOLLOW_INTERVAL_MS);
    if (rc == SL_OK)
        return SL_OK;
    sl_timer_stop(&self->flush); /* what did not start is not stopped */
    output_close(&self->output);
    return sl_fail(reterr, rc, "out of memory");
}

/* Puts the length of what follows, big-endian, before it. */
static void put_length(struct sl_out *out, size_t size)
{
    uint8_t bytes[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                        (uint8_t)size};
    sl_out_bytes(out, bytes, sizeof bytes);
}

/* The batch as it goes to the file, in one of the two scratch buffers. */
static int encode(struct file_exporter *self, const struct sl_batch *batch,
                  struct sl_bytes *ret_message)
{
    const struct file_config *c = self->base.config;
    bool plain = self->options.lines;
    struct sl_out *out = &self->text, *packed = &self->packed;
    sl_out_clear(out);
    sl_out_clear(packed);
    int rc = c->format == FORMAT_JSON ? sl_batch_to_json(batch, out) : sl_batch_encode(batch, out);
    if (rc == SL_OK && plain)
        sl_out_byte(out, '\n');
    if (rc == SL_OK && c->compression == COMPRESSION_ZSTD) {
        /* The length is known after: its place is filled then. */
        put_length(packed, 0);
        rc = sl_deflate(SL_CODEC_ZSTD, 0, sl_out_view(out), packed);
    } else if (rc == SL_OK && !plain) {
        put_length(packed, 0);
        sl_out_bytes(packed, out->data, out->size);
    }
    if (rc != SL_OK || out->failed || packed->failed)
        return rc != SL_OK ? rc : SL_ENOMEM;
    if (plain) {
        *ret_message = sl_out_view(out);
        return SL_OK;
    }
    size_t total = packed->size;
    if (total - 4 > UINT32_MAX)
        return SL_ELIMIT;
    packed->size = 0;
    put_length(packed, total - 4);
    packed->size = total;
    *ret_message = sl_out_view(packed);
    return SL_OK;
}

static void give_back(struct sl_out *out)
{
    if (out->capacity > 4 << 20) /* one huge batch does not pin memory for ever */
        sl_out_done(out);
}

static void file_consume(struct sl_component *base, struct sl_delivery *delivery)
{
    struct file_exporter *self = (struct file_exporter *)base;
    enum sl_signal signal = delivery->batch->signal;
    size_t items = delivery->batch->items;
    struct sl_bytes message;
    struct sl_error error = {.text = "out of memory"};
    int rc = encode(self, delivery->batch, &message);
    if (rc == SL_OK)
        rc = output_write(&self->output, message, sl_worker_wall_ns(base->worker), &error);
    give_back(&self->text);
    give_back(&self->packed);
    if (rc != SL_OK) {
        sl_meter_event(base->meter, SL_EV_ENQUEUE_FAILED, signal, items);
        sl_log(SL_LOG_ERROR, base->id, "%s; the client is told to retry", error.text);
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_RETRY, "the file cannot be written"));
        return;
    }
    self->dirty = true;
    sl_meter_event(base->meter, SL_EV_SENT, signal, items);
    sl_delivery_finish(delivery, sl_result_ok());
}

static void file_stop(struct sl_component *base)
{
    struct file_exporter *self = (struct file_exporter *)base;
    if (self->flush.worker != NULL) {
        sl_timer_stop(&self->flush);
        sl_timer_stop(&self->follow);
    }
    self->stopping = true;
    if (!self->syncing)
        sl_component_stopped(base);
}

static void file_destroy(struct sl_component *base)
{
    struct file_exporter *self = (struct file_exporter *)base;
    output_close(&self->output);
    sl_out_done(&self->text);
    sl_out_done(&self->packed);
}

const struct sl_component_type file_exporter = {
    .name = "file",
    .doc = "Writes batches to a file, as OTLP/JSON lines or length-delimited protobuf.",
    .kind = SL_EXPORTER,
    .placement = SL_ONE_WORKER,
    .stability = SL_BETA,
    .signals = SL_ALL_SIGNALS,
    .size = sizeof(struct file_exporter),
    .config_size = sizeof(struct file_config),
    .fields = file_fields,
    .check = file_check,
    .create = file_create,
    .start = file_start,
    .consume = file_consume,
    .stop = file_stop,
    .destroy = file_destroy,
};
