/* SPDX-License-Identifier: Apache-2.0 */
/* What the two OTLP exporters share: common keys, headers, the encoded request. */
#include "exporters/shared/request.h"

#include <strings.h>

#include "core/alloc.h"
#include "core/budget.h"
#include "otlp/transcode.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__aarch64__)
#define ARCH "arm64"
#else
#define ARCH "other"
#endif

const char sl_otlp_user_agent[] = "Sluice/" SL_VERSION " (linux/" ARCH ")";

const struct sl_field sl_otlp_tls_fields[] = {
    SL_FIELD(BOOL, sl_otlp_tls_config, insecure, .preset = "false",
             .doc = "true: send without TLS."),
    SL_IGNORED("insecure_skip_verify", .doc = "TLS is not supported in this version."),
    SL_IGNORED("server_name_override", .doc = "TLS is not supported in this version."),
    SL_IGNORED("ca_file", .doc = "TLS is not supported in this version."),
    SL_IGNORED("ca_pem", .doc = "TLS is not supported in this version."),
    SL_IGNORED("cert_file", .doc = "TLS is not supported in this version."),
    SL_IGNORED("cert_pem", .doc = "TLS is not supported in this version."),
    SL_IGNORED("key_file", .doc = "TLS is not supported in this version."),
    SL_IGNORED("key_pem", .doc = "TLS is not supported in this version."),
    SL_IGNORED("include_system_ca_certs_pool", .doc = "TLS is not supported in this version."),
    SL_IGNORED("min_version", .doc = "TLS is not supported in this version."),
    SL_IGNORED("max_version", .doc = "TLS is not supported in this version."),
    SL_IGNORED("cipher_suites", .doc = "TLS is not supported in this version."),
    SL_IGNORED("curve_preferences", .doc = "TLS is not supported in this version."),
    SL_IGNORED("reload_interval", .doc = "TLS is not supported in this version."),
    SL_END};

const struct sl_field sl_otlp_header_element = {.name = "header", .type = SL_T_SECRET};

const char *const sl_otlp_compressions[] = {
    "none", "gzip", "zstd", "deflate", "zlib", "snappy", "x-snappy-framed", "lz4", NULL};

int sl_otlp_codec(int compression)
{
    static const int codecs[] = {SL_CODEC_IDENTITY, SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_DEFLATE};
    return compression >= 0 && compression < 4 ? codecs[compression] : -1;
}

struct sl_place sl_otlp_place(const struct sl_node *node, const char *key)
{
    if (node == NULL)
        return (struct sl_place){0};
    const struct sl_node *child = node->kind == SL_NODE_MAP ? sl_node_find(node, key) : NULL;
    return child != NULL ? child->place : node->place;
}

static const char *join(struct sl_diag *diag, const char *path, const char *key)
{
    const char *joined = sl_arena_printf(&diag->arena, "%s.%s", path, key);
    return joined != NULL ? joined : path;
}

void sl_otlp_check_compression(int compression, const struct sl_node *node, const char *path,
                               struct sl_diag *diag)
{
    if (sl_otlp_codec(compression) < 0)
        sl_diag_add(diag, SL_DIAG_ERROR, sl_otlp_place(node, "compression"),
                    join(diag, path, "compression"),
                    "'%s' is not supported in this version; use gzip, zstd or none",
                    sl_otlp_compressions[compression]);
}

void sl_otlp_refuse(const struct sl_node *given, const char *key, const char *path,
                    struct sl_diag *diag)
{
    if (given != NULL && given->kind != SL_NODE_NULL)
        sl_diag_add(diag, SL_DIAG_ERROR, given->place, join(diag, path, key),
                    "not supported in this version");
}

/* RFC 9110, 5.6.2: token */
static bool is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++) {
        char c = *name;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && strchr(others, c) == NULL)
            return false;
    }
    return true;
}

static bool is_field_value(const char *value)
{
    for (; *value != '\0'; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

static const char *header_value(const struct sl_map_entry *entry)
{
    const char *value = *(const char *const *)entry->value;
    return value != NULL ? value : "";
}

void sl_otlp_check_headers(const struct sl_map *headers, const char *const *own,
                           const struct sl_node *node, const char *path, struct sl_diag *diag)
{
    struct sl_place place = sl_otlp_place(node, "headers");
    const char *where = join(diag, path, "headers");
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->entries[i].key;
        if (!is_token(name))
            sl_diag_add(diag, SL_DIAG_ERROR, place, where, "'%s' is not a header name", name);
        if (!is_field_value(header_value(&headers->entries[i])))
            sl_diag_add(diag, SL_DIAG_ERROR, place, where,
                        "the value of '%s' has a line break or another control character", name);
        for (const char *const *o = own; *o != NULL; o++)
            if (strcasecmp(*o, name) == 0)
                sl_diag_add(diag, SL_DIAG_ERROR, place, where, "'%s' is set by the exporter itself",
                            name);
    }
}

struct sl_header *sl_otlp_headers(const struct sl_map *headers, size_t room, struct sl_arena *arena)
{
    struct sl_header *all = sl_arena_calloc(arena, room + headers->count, sizeof *all);
    if (all == NULL)
        return NULL;
    for (size_t i = 0; i < headers->count; i++) {
        struct sl_bytes name = sl_arena_copy(arena, sl_text(headers->entries[i].key));
        if (name.data == NULL)
            return NULL;
        uint8_t *lower = (uint8_t *)(uintptr_t)name.data; /* the copy is ours */
        for (size_t k = 0; k < name.size; k++)
            if (lower[k] >= 'A' && lower[k] <= 'Z')
                lower[k] = (uint8_t)(lower[k] + ('a' - 'A'));
        all[room + i] = (struct sl_header){name, sl_text(header_value(&headers->entries[i]))};
    }
    return all;
}

static int encode_plain(const struct sl_batch *batch, enum sl_encoding encoding, struct sl_out *out)
{
    return encoding == SL_JSON ? sl_batch_to_json(batch, out) : sl_batch_encode(batch, out);
}

static int encode(const struct sl_batch *batch, const struct sl_otlp_form *form, struct sl_out *out)
{
    static const uint8_t zeros[16];
    sl_out_bytes(out, zeros, form->prefix);
    if (form->codec == SL_CODEC_IDENTITY)
        return encode_plain(batch, form->encoding, out);
    struct sl_out plain = {0};
    int rc = encode_plain(batch, form->encoding, &plain);
    if (rc == SL_OK)
        rc = sl_deflate(form->codec, form->level, sl_out_view(&plain), out);
    sl_out_done(&plain);
    return rc;
}

struct sl_buf *sl_otlp_encode(const struct sl_batch *batch, const struct sl_otlp_form *form,
                              struct sl_budget *budget)
{
    struct sl_out out = {0};
    if (encode(batch, form, &out) != SL_OK || out.failed) {
        sl_out_done(&out);
        return NULL;
    }
    struct sl_buf *buf = sl_buf_adopt(NULL, out.data, out.size, out.capacity);
    if (buf != NULL && budget != NULL) {
        sl_budget_force(budget, buf->capacity);
        buf->budget = budget;
    }
    return buf;
}

uint64_t sl_otlp_time_left(uint64_t timeout_ms, uint64_t deadline_ms, uint64_t now_ms)
{
    if (deadline_ms == 0)
        return timeout_ms;
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 1;
    return timeout_ms == 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
}
