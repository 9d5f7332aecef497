/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_WIRE_HELP_H
#define SL_TESTS_WIRE_HELP_H

#include "otlp/scan.h"
#include "otlp/wire.h"
#include "tests/check.h"

/* Protobuf put together by hand; all pieces live in one arena for the program. */
static struct sl_arena help_arena;

static inline struct sl_bytes cat_parts(size_t count, const struct sl_bytes *parts)
{
    struct sl_out out = {0};
    for (size_t i = 0; i < count; i++)
        sl_out_bytes(&out, parts[i].data, parts[i].size);
    struct sl_bytes copy = sl_arena_copy(&help_arena, sl_out_view(&out));
    sl_out_done(&out);
    return copy;
}

#define CAT(...)                                                                                   \
    cat_parts(sizeof((struct sl_bytes[]){__VA_ARGS__}) / sizeof(struct sl_bytes),                  \
              (struct sl_bytes[]){__VA_ARGS__})

static inline struct sl_bytes len(uint32_t number, struct sl_bytes payload)
{
    uint8_t header[2 * SL_VARINT_MAX];
    size_t size = (size_t)(sl_len_write(header, number, payload.size) - header);
    return CAT(sl_bytes(header, size), payload);
}

static inline struct sl_bytes text(uint32_t number, const char *value)
{
    return len(number, sl_text(value));
}

static inline struct sl_bytes varint(uint32_t number, uint64_t value)
{
    uint8_t data[2 * SL_VARINT_MAX];
    uint8_t *at = sl_varint_write(data, sl_tag(number, SL_WIRE_VARINT));
    at = sl_varint_write(at, value);
    return CAT(sl_bytes(data, (size_t)(at - data)));
}

/* A string attribute. */
static inline struct sl_bytes attr(uint32_t number, const char *key, const char *value)
{
    return len(number, CAT(text(SL_KV_KEY, key), len(SL_KV_VALUE, text(SL_ANY_STRING, value))));
}

/* One record in a scope in a resource. */
static inline struct sl_bytes request_of(struct sl_bytes record)
{
    return len(SL_REQUEST_GROUPS, len(SL_GROUP_SCOPES, len(SL_SCOPE_RECORDS, record)));
}

static inline int read_request(enum sl_signal signal, struct sl_bytes body,
                               struct sl_batch **ret_batch, struct sl_ingest_stats *ret_stats)
{
    struct sl_error error;
    struct sl_buf *buf = sl_buf_new(NULL, body.size);
    if (buf == NULL)
        return SL_ENOMEM;
    int rc = sl_buf_append(buf, body.data, body.size, 0);
    if (rc == SL_OK)
        rc = sl_batch_read(signal, buf, NULL, ret_batch, ret_stats, &error);
    sl_buf_unref(buf);
    return rc;
}

static inline struct sl_batch *must_read(enum sl_signal signal, struct sl_bytes body)
{
    struct sl_batch *batch = NULL;
    CHECK_INT(read_request(signal, body, &batch, NULL), SL_OK);
    return batch;
}

static inline struct sl_bytes encoded(const struct sl_batch *batch)
{
    struct sl_out out = {0};
    size_t size = sl_batch_encoded_size(batch);
    CHECK_INT(sl_batch_encode(batch, &out), SL_OK);
    CHECK_INT(out.size, size);
    struct sl_bytes copy = sl_arena_copy(&help_arena, sl_out_view(&out));
    sl_out_done(&out);
    return copy;
}

static inline struct sl_part *first_part(struct sl_batch *batch)
{
    CHECK(batch->group_count > 0 && batch->groups[0].count > 0);
    return &batch->groups[0].records[0].part;
}

#endif
