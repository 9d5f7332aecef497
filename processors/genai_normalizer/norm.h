/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PROCESSORS_GENAI_NORMALIZER_NORM_H
#define SL_PROCESSORS_GENAI_NORMALIZER_NORM_H

#include "core/arena.h"
#include "core/out.h"
#include "otlp/json.h"
#include "otlp/view.h"

/*
 * The normalizer's engine. A table, compiled once from families/ (*.def), says
 * which attribute means what; one walk of a span collects its hits; values for
 * the targets are settled in memory; then the edits are made at once.
 *
 * Contract: every rule reads the span as it came, first writer wins per target
 * (a valid value that is there already always wins, then families in the order
 * below), so the result depends neither on the order of attributes nor on other
 * spans, and running it again changes nothing.
 */

enum nm_family {
    NM_USER, /* mappings of the configuration */
    NM_OPENINFERENCE,
    NM_VERCEL_AI,
    NM_OPENLLMETRY,
    NM_OTEL_GENAI,
    NM_FAMILY_COUNT
};

enum nm_target {
    NM_NONE,
#define T(name, key, type) NM_##name,
#include "processors/genai_normalizer/targets.def"
#undef T
    NM_TARGET_COUNT
};

enum nm_type { NM_STRING, NM_INT, NM_DOUBLE, NM_BOOL, NM_STRINGS, NM_JSON, NM_ANY };

#define NM_TRANSFORM_MAP(X)                                                                        \
    X(TARGET)      /* the attribute is a target itself */                                          \
    X(RENAME)      /* same value, cast to the target's type */                                     \
    X(TEXT)        /* numbers become text */                                                       \
    X(PROVIDER)    /* through the alias table */                                                   \
    X(OPERATION)   /* through the table of kinds */                                                \
    X(OUTPUT_TYPE) /* json_object, object ... become json */                                       \
    X(JSON_OUTPUT) /* its presence means json */                                                   \
    X(ONLY_TRUE)   /* bool; false is left alone */                                                 \
    X(LIMIT)       /* int; -1 means unset */                                                       \
    X(CHOICES)     /* int; 1 is the default and not written */                                     \
    X(MS)          /* milliseconds become seconds */                                               \
    X(HOST)        /* the host of a URL */                                                         \
    X(AZURE)       /* "azure" names the provider */                                                \
    X(COUNT)       /* elements of an array, or of a JSON array */                                  \
    X(COUNT_FIRST) /* the same of an array's first element */                                      \
    X(MODEL)       /* response model when the request's is known apart, else request */            \
    X(ARGUMENTS)   /* tool arguments, unless the JSON is a schema */                               \
    X(QUERY)       /* plain text, or a JSON object's query, input, text or question */             \
    X(RESPONSE)    /* a field of a provider's response */                                          \
    X(MESSAGES)    /* JSON of any known shape, or text */                                          \
    X(SYSTEM)      /* the system part of a request */                                              \
    X(TOOLS)       /* tool definitions */                                                          \
    X(PROMPTS)     /* array of strings, each a user message */                                     \
    X(ANSWER_REASONING)                                                                            \
    X(ANSWER_TEXT)                                                                                 \
    X(ANSWER_OBJECT)                                                                               \
    X(ANSWER_FILES)                                                                                \
    X(ANSWER_CALLS)                                                                                \
    X(TOTAL)   /* goes when it is input + output */                                                \
    X(INDEXED) /* a piece of a message, tool definition or document */                             \
    X(MARK)    /* only looked at */

enum nm_transform {
#define X(name) NM_X_##name,
    NM_TRANSFORM_MAP(X)
#undef X
};

/* Pieces of indexed attributes. Those from CALL_ID have a second index. */
enum nm_piece {
    NM_P_ROLE,
    NM_P_CONTENT,
    NM_P_RICH_CONTENT,
    NM_P_USER_CONTENT,
    NM_P_NAME,
    NM_P_RESPONSE_TO,
    NM_P_REASONING,
    NM_P_REFUSAL,
    NM_P_FUNCTION_NAME,
    NM_P_FUNCTION_ARGUMENTS,
    NM_P_FINISH_REASON,
    NM_P_IGNORED,
    NM_P_TOOL_SCHEMA,
    NM_P_TOOL_NAME,
    NM_P_TOOL_DESCRIPTION,
    NM_P_TOOL_PARAMETERS,
    NM_P_DOCUMENT_ID,
    NM_P_DOCUMENT_SCORE,
    NM_P_DOCUMENT_CONTENT,
    NM_P_DOCUMENT_METADATA,
    NM_P_CALL_ID,
    NM_P_CALL_NAME,
    NM_P_CALL_ARGUMENTS,
    NM_P_CALL_TYPE,
    NM_P_PART_TYPE,
    NM_P_PART_TEXT,
    NM_P_PART_IMAGE,
    NM_P_PART_AUDIO,
    NM_P_PART_MIME,
    NM_P_PART_TRANSCRIPT,
    NM_P_PART_ID,
    NM_P_PART_SIGNATURE,
    NM_P_PART_DATA,
    NM_P_PART_ENCRYPTED,
    NM_P_PART_CALL_ID,
    NM_P_PART_CALL_NAME,
    NM_P_PART_CALL_ARGUMENTS,
    NM_P_COUNT
};

/* Operations a row is for. */
enum nm_when {
    NM_W_INFERENCE = 1,
    NM_W_EMBEDDINGS = 2,
    NM_W_RETRIEVAL = 4,
    NM_W_TOOL = 8,
    NM_W_AGENT = 16,
    NM_W_WORKFLOW = 32,
    NM_W_OTHER = 64,
    NM_W_ANY = 127
};

enum nm_flags { NM_F_M = 1, NM_F_K = 2 };

struct nm_row {
    const char *source, *field; /* field: of a JSON text */
    uint8_t family, target, transform, piece, flags, when;
    uint16_t next; /* of the same source, or 0 */
};

struct nm_entry {
    struct sl_bytes key;
    uint32_t scope;      /* 0: attribute keys; otherwise a name space of its own */
    uint16_t first_row;  /* index + 1 */
    uint16_t self;       /* of a JSON text: the scope of its fields */
    const char *text;    /* of a value map */
    uint8_t family_bits; /* which families this key tells */
    bool fields;         /* some rows are for fields of its JSON text */
    uint64_t transforms; /* bit set of those of its rows: most are told apart by it alone */
};

enum {
    NM_SCOPE_PROVIDERS = 0xf0001,
    NM_SCOPE_KINDS,
    NM_SCOPE_FINISH,
    NM_SCOPE_ROLES,
    NM_SCOPE_OPERATIONS,
    NM_SCOPE_MEMBERS,
    NM_SCOPE_OUTPUT
};

enum { NM_MAX_ROWS = 2048, NM_MAX_KEY = 192, NM_MAX_HITS = 16384 };

struct nm_mapping { /* of the configuration */
    const char *source, *target, *transform;
};

static inline bool nm_entry_has(const struct nm_entry *entry, enum nm_transform transform)
{
    return (entry->transforms >> transform & 1) != 0;
}

struct nm_table_options {
    bool spelling_1_41;          /* cache_creation instead of cache_write */
    const char *const *families; /* NULL-ended names that are on; NULL: all */
    const struct nm_mapping *mappings;
    size_t mapping_count;
};

struct nm_table;
/* NULL when out of memory (ret EINVALID cannot happen: mappings are checked before). */
struct nm_table *nm_table_new(const struct nm_table_options *options);
void nm_table_free(struct nm_table *table);
const struct nm_entry *nm_table_find(const struct nm_table *table, uint32_t scope,
                                     struct sl_bytes key);
/* Finds an attribute key; digits between dots are read as indices (at most two, each <= 65535). */
const struct nm_entry *nm_table_find_key(const struct nm_table *table, struct sl_bytes key,
                                         uint32_t ret_index[2]);
const struct nm_row *nm_table_row(const struct nm_table *table, uint16_t index);
/* The static text that a value map gives, ASCII case ignored when `fold`; NULL: none. */
const char *nm_map(const struct nm_table *table, uint32_t scope, struct sl_bytes value, bool fold);
struct sl_bytes nm_target_key(const struct nm_table *table, enum nm_target target);
enum nm_type nm_target_type(enum nm_target target);
enum nm_target nm_target_by_key(const char *key); /* NM_NONE: not a target */
unsigned nm_families_on(const struct nm_table *table);
/* Bit of the family whose instrumentation scope this is, or 0. */
unsigned nm_scope_family(struct sl_bytes scope_name);
const char *nm_family_name(enum nm_family family);
int nm_family_by_name(const char *name); /* -1: unknown */

/* ---- the state of one span ---- */

enum nm_fate { NM_STAYS, NM_GOES, NM_RENAMED, NM_REPLACED };

struct nm_hit {
    struct sl_attr attr;
    const struct nm_entry *entry;
    uint32_t index[2];
    uint8_t fate, target; /* target: of NM_RENAMED, NM_REPLACED */
    bool used;            /* all of it is in a target */
};

struct nm_slot {
    uint32_t rank;         /* lower wins; 0 and valid: a value that stays */
    int32_t existing;      /* hit that has the target's key, -1 */
    int32_t from;          /* hit that gave the value, -1: derived */
    bool valid;            /* value is set */
    bool fixed;            /* an existing value that had to be corrected */
    struct sl_value value; /* bytes live in the span, static memory or norm->arena */
};

struct nm_span {
    struct sl_bytes name, parent;
    uint64_t start_ns;
    uint64_t first_chunk_ns; /* 0: no such event */
    struct sl_bytes exception_type;
    uint32_t status_code;
    bool has_events;
};

struct nm_options {
    bool operation_name, provider_name, error_type; /* which may be derived */
    bool drop_consumed;
    bool spelling_1_41;
};

struct nm_norm {
    const struct nm_table *table;
    struct nm_options options;
    struct sl_arena arena;   /* of one span */
    struct sl_out text, add; /* scratch: JSON being written, encoded new attributes */
    struct nm_hit *hits;
    uint32_t hit_count, hit_capacity;
    uint64_t *order; /* scratch of messages.c */
    uint32_t order_capacity;
    unsigned families; /* seen in this span */
    unsigned scope_family;
    unsigned when; /* of the settled operation */
    bool is_log;
    bool merge_assistant; /* the pieces of one answer came as several messages */
    int status;           /* first error */
    struct nm_span span;
    struct nm_slot slots[NM_TARGET_COUNT];
};

void nm_norm_init(struct nm_norm *norm, const struct nm_table *table,
                  const struct nm_options *options);
void nm_norm_done(struct nm_norm *norm);
/* Normalizes one span or log record; the batch must be the caller's own. Returns 0, SL_ENOMEM.
 * *ret_family is the family that was recognized, -1 when nothing changed. */
int nm_normalize(struct nm_norm *norm, struct sl_batch *batch, struct sl_part *part,
                 unsigned scope_family, int *ret_family);
/* Whether some attribute of the part tells a family: reads only. */
bool nm_concerns(const struct nm_table *table, struct sl_batch *batch, struct sl_part *part,
                 enum sl_signal signal);

/* ---- between the files of the engine ---- */

void nm_resolve(struct nm_norm *norm); /* settles all slots */
struct nm_slot *nm_slot(struct nm_norm *norm, enum nm_target target);
/* Sets a slot that is free, or whose value ranks behind. */
void nm_set(struct nm_norm *norm, enum nm_target target, uint32_t rank, int32_t from,
            struct sl_value value);
/* Casts to the target's type; false when it cannot be (or is empty or unset). */
bool nm_coerce(struct nm_norm *norm, enum nm_type type, struct sl_value in, struct sl_value *ret);
bool nm_transform(struct nm_norm *norm, const struct nm_row *row, struct sl_value in,
                  struct sl_value *ret);
/* The fields of a JSON text for which the entry has rows. */
void nm_json_fields(struct nm_norm *norm, int32_t hit, const struct nm_entry *entry);
uint32_t nm_rank(const struct nm_norm *norm, const struct nm_row *row);
struct sl_value nm_strings(struct nm_norm *norm, const struct sl_bytes *items, size_t count);
struct sl_bytes nm_lower(struct nm_norm *norm, struct sl_bytes text);
struct sl_bytes nm_json_text(struct nm_norm *norm, struct sl_bytes raw, bool escaped);
bool nm_contains(struct sl_bytes text, const char *needle);

const char *nm_provider_canonical(const struct nm_table *table, struct sl_bytes name);
bool nm_provider_is_framework(const struct nm_table *table, struct sl_bytes name);
struct sl_value nm_provider_value(struct nm_norm *norm, struct sl_bytes name);
/* By host, model and scope; NULL: cannot tell. */
const char *nm_provider_of_host(struct sl_bytes host);
const char *nm_provider_of_model(struct sl_bytes model);
struct sl_bytes nm_url_host(struct sl_bytes url);

void nm_usage(struct nm_norm *norm);
void nm_indexed(struct nm_norm *norm); /* messages, tools, documents of indexed attributes */
bool nm_has_pieces(const struct nm_norm *norm, enum nm_target target);
void nm_json_messages(struct nm_norm *norm); /* ... of JSON and text attributes */

/* ---- writing messages (write.c) ---- */

struct nm_writer {
    struct nm_norm *norm;
    struct sl_out *out;
    const char *default_role;
    bool output;   /* output messages: finish reasons */
    bool open;     /* a message is open */
    bool failed;   /* something that cannot be converted */
    char role[24]; /* of the open message */
    unsigned parts, messages, depth;
    unsigned choice;              /* of the open message */
    struct sl_bytes finish, name; /* of the open message; raw JSON text */
};

void nm_write_begin(struct nm_writer *writer, struct sl_bytes role, bool merge);
void nm_write_end(struct nm_writer *writer);
void nm_write_start(struct nm_writer *writer, struct nm_norm *norm, bool output);
/* false when nothing was written or it failed. */
bool nm_write_finish(struct nm_writer *writer, struct sl_value *ret_value);
/* Text is plain (false) or already escaped JSON between quotes (true). */
void nm_put_string(struct sl_out *out, struct sl_bytes text, bool raw);
void nm_part_text(struct nm_writer *writer, const char *type, struct sl_bytes text, bool raw);
/* arguments: JSON value text when valid JSON, else a string. */
void nm_part_call(struct nm_writer *writer, struct sl_bytes id, struct sl_bytes name,
                  struct sl_bytes arguments, bool raw);
void nm_part_response(struct nm_writer *writer, struct sl_bytes id, bool raw_id,
                      struct sl_bytes json);
void nm_part_media(struct nm_writer *writer, const char *modality, struct sl_bytes url,
                   struct sl_bytes mime, bool raw);
void nm_part_blob(struct nm_writer *writer, const char *modality, struct sl_bytes mime,
                  struct sl_bytes base64);
void nm_part_open(struct nm_writer *writer);
void nm_put_arguments(struct sl_out *out, struct sl_bytes text);
const char *nm_finish_value(const struct nm_table *table, struct sl_bytes reason);
/* Finish reason of choice i as the span has it; empty: unknown. */
struct sl_bytes nm_finish_reason(struct nm_norm *norm, unsigned choice);

/* ---- JSON shapes (shapes.c) ---- */

bool nm_shape_messages(struct nm_norm *norm, struct sl_bytes text, bool output,
                       struct sl_value *ret);
bool nm_shape_system(struct nm_norm *norm, struct sl_bytes text, struct sl_value *ret);
bool nm_shape_tools(struct nm_norm *norm, const struct sl_value *value, struct sl_value *ret);
/* One tool definition, flattened; false: not an object with a name. */
bool nm_shape_tool(struct nm_norm *norm, struct sl_bytes json, struct sl_out *out);
/* The blocks of a content list as parts of the open message; false: unknown shape. */
bool nm_shape_content(struct nm_writer *writer, struct sl_bytes json);
/* The same; `calls`: each block is a tool call, whatever its type says. */
bool nm_shape_blocks(struct nm_writer *writer, struct sl_bytes json, bool calls);

#endif
