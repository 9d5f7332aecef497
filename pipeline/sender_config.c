/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of sending_queue and retry_on_failure: the Collector's names and
 * defaults, and a byte budget that always applies. */
#include "pipeline/sender.h"

static const char *const queue_sizers[] = {"requests", "items", "bytes", NULL};
static const char *const batch_sizers[] = {"items", "bytes", NULL};
static const char *const full_actions[] = {"refuse", "drop_oldest", "drop_counted", NULL};

static const struct sl_field batch_fields[] = {
    SL_FIELD_AS(DURATION, "flush_timeout", sl_queue_batch_config, flush_timeout_ms,
                .preset = "200ms", .min = 0, .max = 86400000,
                .doc = "A batch is sent at the latest after this time."),
    SL_FIELD(INT, sl_queue_batch_config, min_size, .preset = "8192", .min = 0, .max = INT64_MAX,
             .doc = "A batch is sent as soon as it holds this much."),
    SL_FIELD(INT, sl_queue_batch_config, max_size, .preset = "0", .min = 0, .max = INT64_MAX,
             .doc = "Larger batches are split; 0: no limit."),
    SL_FIELD(ENUM, sl_queue_batch_config, sizer, .preset = "items", .names = batch_sizers,
             .doc = "What min_size and max_size count."),
    SL_FIELD(NODE, sl_queue_batch_config, partition, .flags = SL_F_ADVANCED,
             .doc = "Not supported in this version."),
    SL_END};

const struct sl_field sl_queue_fields[] = {
    SL_FIELD(BOOL, sl_queue_config, enabled, .preset = "true",
             .doc = "Without the queue a request is answered when it was sent."),
    SL_FIELD(INT, sl_queue_config, num_consumers, .preset = "10", .min = 1, .max = 10000,
             .share = SL_DIVIDED, .doc = "Requests under way at the same time."),
    SL_FIELD(INT, sl_queue_config, queue_size, .preset = "1000", .min = 1, .max = INT64_MAX,
             .share = SL_DIVIDED,
             .doc = "What the queue holds at most, requests under way included, counted by sizer."),
    SL_FIELD(ENUM, sl_queue_config, sizer, .preset = "requests", .names = queue_sizers,
             .doc = "What queue_size counts."),
    SL_FIELD(SIZE, sl_queue_config, max_bytes, .preset = "64MiB", .min = 1024, .max = INT64_MAX,
             .share = SL_DIVIDED,
             .doc = "Bytes (encoded, before compression) that the queue holds at most, whatever "
                    "the sizer."),
    SL_FIELD(ENUM, sl_queue_config, on_full, .preset = "refuse", .names = full_actions,
             .doc = "When the queue is full: refuse (the client is told to retry), drop_oldest, "
                    "or drop_counted (the newest)."),
    SL_FIELD(BOOL, sl_queue_config, block_on_overflow, .preset = "false",
             .doc = "Accepted for compatibility: a full queue tells the client to retry and never "
                    "blocks."),
    SL_FIELD(BOOL, sl_queue_config, wait_for_result, .preset = "false",
             .doc = "Answer a request only when it was sent."),
    SL_FIELD(TEXT, sl_queue_config, storage, .flags = SL_F_ADVANCED,
             .doc = "Not supported in this version."),
    SL_FIELD(GROUP, sl_queue_config, batch, .group = batch_fields, .flags = SL_F_OPTIONAL,
             .doc = "Merge requests before they are sent; wins over a batch processor."),
    SL_END};

const struct sl_field sl_retry_fields[] = {
    SL_FIELD(BOOL, sl_retry_config, enabled, .preset = "true",
             .doc = "Send again after an error that may pass."),
    SL_FIELD_AS(DURATION, "initial_interval", sl_retry_config, initial_interval_ms, .preset = "5s",
                .min = 1, .max = 86400000, .doc = "The first wait."),
    SL_FIELD_AS(DURATION, "max_interval", sl_retry_config, max_interval_ms, .preset = "30s",
                .min = 1, .max = 86400000,
                .doc = "The longest wait, unless the destination asks for more."),
    SL_FIELD_AS(DURATION, "max_elapsed_time", sl_retry_config, max_elapsed_ms, .preset = "5m",
                .min = 0, .max = INT64_MAX,
                .doc = "A batch is given up this long after its first attempt; 0: never."),
    SL_FIELD(FLOAT, sl_retry_config, randomization_factor, .preset = "0.5", .fmin = 0, .fmax = 1,
             .doc = "Each wait is up to this part longer or shorter."),
    SL_FIELD(FLOAT, sl_retry_config, multiplier, .preset = "1.5", .fmin = 1, .fmax = 1000,
             .doc = "Each wait is longer than the one before by this factor."),
    SL_END};

/* Where a complaint about key of group stands: the key, the group, or the component. */
static struct sl_place place_of(const struct sl_node *node, const char *group, const char *key)
{
    struct sl_place place = node != NULL ? node->place : (struct sl_place){0};
    const struct sl_node *child = node != NULL ? sl_node_find(node, group) : NULL;
    if (child == NULL)
        return place;
    const struct sl_node *leaf = child->kind == SL_NODE_MAP ? sl_node_find(child, key) : NULL;
    return leaf != NULL ? leaf->place : child->place;
}

static const char *join(struct sl_diag *diag, const char *path, const char *rest)
{
    const char *joined = sl_arena_printf(&diag->arena, "%s.%s", path, rest);
    return joined != NULL ? joined : path;
}

static void check_batch(const struct sl_queue_config *queue, const struct sl_node *node,
                        const char *path, struct sl_diag *diag)
{
    const struct sl_queue_batch_config *batch = &queue->batch;
    struct sl_place place = place_of(node, "sending_queue", "batch");
    if (batch->partition != NULL)
        sl_diag_add(diag, SL_DIAG_ERROR, batch->partition->place,
                    join(diag, path, "sending_queue.batch.partition"),
                    "not supported in this version");
    if (batch->presence == SL_ABSENT)
        return;
    if (batch->max_size != 0 && batch->max_size < batch->min_size)
        sl_diag_add(diag, SL_DIAG_ERROR, place, join(diag, path, "sending_queue.batch.max_size"),
                    "must be 0 or at least min_size");
    bool same_sizer = (queue->sizer == SL_SIZE_ITEMS && batch->sizer == 0) ||
                      (queue->sizer == SL_SIZE_BYTES && batch->sizer == 1);
    if (queue->enabled && same_sizer && batch->min_size > queue->queue_size)
        sl_diag_add(diag, SL_DIAG_ERROR, place, join(diag, path, "sending_queue.batch.min_size"),
                    "must be at most queue_size, or a batch never fills");
}

static void check_queue(const struct sl_queue_config *queue, const struct sl_node *node,
                        const char *path, struct sl_diag *diag)
{
    if (queue->storage != NULL)
        sl_diag_add(diag, SL_DIAG_ERROR, place_of(node, "sending_queue", "storage"),
                    join(diag, path, "sending_queue.storage"),
                    "not supported in this version; the queue is in memory");
    if (queue->block_on_overflow)
        sl_diag_add(diag, SL_DIAG_WARNING, place_of(node, "sending_queue", "block_on_overflow"),
                    join(diag, path, "sending_queue.block_on_overflow"),
                    "nothing blocks here: a full queue tells the client to retry");
    check_batch(queue, node, path, diag);
}

static void check_retry(const struct sl_retry_config *retry, const struct sl_node *node,
                        const char *path, struct sl_diag *diag)
{
    if (retry->max_elapsed_ms == 0)
        return;
    const char *key = "max_elapsed_time";
    struct sl_place place = place_of(node, "retry_on_failure", key);
    const char *where = join(diag, path, "retry_on_failure.max_elapsed_time");
    if (retry->max_elapsed_ms < retry->initial_interval_ms)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "must be 0 or at least initial_interval");
    else if (retry->max_elapsed_ms < retry->max_interval_ms)
        sl_diag_add(diag, SL_DIAG_ERROR, place, where, "must be 0 or at least max_interval");
}

void sl_sender_check(const struct sl_queue_config *queue, const struct sl_retry_config *retry,
                     const struct sl_node *node, const char *path, struct sl_diag *diag)
{
    check_queue(queue, node, path, diag);
    check_retry(retry, node, path, diag);
}
