/* SPDX-License-Identifier: Apache-2.0 */
/* The rule table: families/ (.def), values.def, members.def and the user's own
 * mappings, compiled once into one hash table with open addressing. Keys are
 * looked up exactly; indices inside a key ("llm.tools.3.tool") are read as '#'. */
#include <stdlib.h>

#include "core/alloc.h"
#include "processors/genai_normalizer/norm.h"

enum { SLOTS = 4096, ENTRIES = 1536, BLOOM_BITS = 4096 };

struct nm_table {
    struct nm_row *rows; /* index 0 is unused */
    uint16_t row_count, entry_count;
    uint8_t family_on[NM_FAMILY_COUNT];
    bool spelling_1_41;
    uint16_t slots[SLOTS]; /* entry index + 1 */
    struct nm_entry entries[ENTRIES];
    uint64_t bloom[BLOOM_BITS / 64]; /* of the first four bytes of attribute keys */
};

static const struct {
    const char *key;
    enum nm_type type;
} targets[NM_TARGET_COUNT] = {
#define T(name, text, kind) [NM_##name] = {text, NM_##kind},
#include "processors/genai_normalizer/targets.def"
#undef T
};

#define ANY NM_W_ANY
#define INFERENCE NM_W_INFERENCE
#define EMBEDDINGS NM_W_EMBEDDINGS
#define RETRIEVAL NM_W_RETRIEVAL
#define TOOL NM_W_TOOL
#define AGENT NM_W_AGENT
#define WORKFLOW NM_W_WORKFLOW
#define M NM_F_M
#define K NM_F_K
#define S(key, to, how, on, marks) {key, NULL, FAMILY, NM_##to, NM_X_##how, 0, marks, on, 0},
#define J(key, path, to, how, on) {key, path, FAMILY, NM_##to, NM_X_##how, 0, NM_F_K, on, 0},
#define I(key, to, what) {key, NULL, FAMILY, NM_##to, NM_X_INDEXED, NM_P_##what, NM_F_M, ANY, 0},
static const struct nm_row builtin[] = {
#define FAMILY NM_OPENINFERENCE
#include "processors/genai_normalizer/families/openinference.def"
#undef FAMILY
#define FAMILY NM_VERCEL_AI
#include "processors/genai_normalizer/families/vercel_ai.def"
#undef FAMILY
#define FAMILY NM_OPENLLMETRY
#include "processors/genai_normalizer/families/openllmetry.def"
#undef FAMILY
#define FAMILY NM_OTEL_GENAI
#include "processors/genai_normalizer/families/otel_genai.def"
#undef FAMILY
};
#undef S
#undef J
#undef I
#undef M
#undef K

static const struct {
    uint32_t scope;
    const char *from, *to;
} values[] = {
#define V(map, from, to) {NM_SCOPE_##map, from, to},
#include "processors/genai_normalizer/values.def"
#undef V
};

static const char *const members[] = {
#define M(name, text) text,
#include "processors/genai_normalizer/members.def"
#undef M
};

static const char *const family_names[NM_FAMILY_COUNT] = {"user", "openinference", "vercel_ai",
                                                          "openllmetry", "otel_genai"};

static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

static uint32_t hash(struct sl_bytes key, uint32_t scope)
{
    uint64_t h = (key.size * UINT64_C(0x9e3779b97f4a7c15)) ^ scope;
    size_t at = 0;
    for (; at + 8 <= key.size; at += 8)
        h = (h ^ load(key.data + at, 8)) * UINT64_C(0xff51afd7ed558ccd), h ^= h >> 32;
    if (at < key.size)
        h = (h ^ load(key.data + at, key.size - at)) * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 29;
    return (uint32_t)(h * UINT64_C(0x94d049bb133111eb) >> 32);
}

static uint32_t bloom_bit(struct sl_bytes key)
{
    uint32_t head = (uint32_t)load(key.data, key.size < 4 ? key.size : 4);
    return head * UINT32_C(0x9e3779b1) >> 20; /* 12 bits: BLOOM_BITS */
}

const struct nm_entry *nm_table_find(const struct nm_table *table, uint32_t scope,
                                     struct sl_bytes key)
{
    for (uint32_t at = hash(key, scope) % SLOTS; table->slots[at] != 0; at = (at + 1) % SLOTS) {
        const struct nm_entry *entry = &table->entries[table->slots[at] - 1];
        if (entry->scope == scope && sl_bytes_equal(entry->key, key))
            return entry;
    }
    return NULL;
}

static size_t index_end(struct sl_bytes key, size_t at, uint32_t *ret_index)
{
    uint32_t index = 0;
    size_t end = at;
    while (end < key.size && end < at + 5 && key.data[end] >= '0' && key.data[end] <= '9')
        index = index * 10 + (uint32_t)(key.data[end++] - '0');
    if (end == at || index > UINT16_MAX || (end < key.size && key.data[end] != '.'))
        return at;
    *ret_index = index;
    return end;
}

static bool has_index(struct sl_bytes key)
{
    for (size_t i = 1; i < key.size; i++)
        if (key.data[i - 1] == '.' && key.data[i] <= '9' && key.data[i] >= '0')
            return true;
    return false;
}

const struct nm_entry *nm_table_find_key(const struct nm_table *table, struct sl_bytes key,
                                         uint32_t ret_index[2])
{
    if (key.size == 0 || key.size > NM_MAX_KEY)
        return NULL;
    uint32_t bit = bloom_bit(key);
    if ((table->bloom[bit / 64] >> (bit % 64) & 1) == 0)
        return NULL;
    ret_index[0] = ret_index[1] = 0;
    if (!has_index(key))
        return nm_table_find(table, 0, key);
    uint8_t pattern[NM_MAX_KEY];
    size_t size = 0;
    unsigned found = 0;
    for (size_t i = 0; i < key.size; i++) {
        pattern[size++] = key.data[i];
        if (key.data[i] != '.' || found == 2)
            continue;
        size_t end = index_end(key, i + 1, &ret_index[found]);
        if (end == i + 1)
            continue;
        pattern[size++] = '#';
        found++;
        i = end - 1;
    }
    return nm_table_find(table, 0, sl_bytes(pattern, size));
}

const struct nm_row *nm_table_row(const struct nm_table *table, uint16_t index)
{
    return &table->rows[index];
}

const char *nm_map(const struct nm_table *table, uint32_t scope, struct sl_bytes value, bool fold)
{
    uint8_t low[64];
    if (value.size > sizeof(low))
        return NULL;
    if (fold) {
        for (size_t i = 0; i < value.size; i++)
            low[i] = (uint8_t)(value.data[i] >= 'A' && value.data[i] <= 'Z' ? value.data[i] + 32
                                                                            : value.data[i]);
        value = sl_bytes(low, value.size);
    }
    const struct nm_entry *entry = nm_table_find(table, scope, value);
    return entry != NULL ? entry->text : NULL;
}

struct sl_bytes nm_target_key(const struct nm_table *table, enum nm_target target)
{
    if (target == NM_USAGE_CACHE_WRITE && table->spelling_1_41)
        return SL_LIT("gen_ai.usage.cache_creation.input_tokens");
    return sl_text(targets[target].key);
}

enum nm_type nm_target_type(enum nm_target target)
{
    return targets[target].type;
}

enum nm_target nm_target_by_key(const char *key)
{
    for (unsigned i = 1; i < NM_TARGET_COUNT; i++)
        if (strcmp(targets[i].key, key) == 0)
            return (enum nm_target)i;
    return NM_NONE;
}

const char *nm_family_name(enum nm_family family)
{
    return family_names[family];
}

int nm_family_by_name(const char *name)
{
    for (int i = NM_OPENINFERENCE; i < NM_FAMILY_COUNT; i++)
        if (strcmp(family_names[i], name) == 0)
            return i;
    return -1;
}

unsigned nm_families_on(const struct nm_table *table)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < NM_FAMILY_COUNT; i++)
        bits |= table->family_on[i] ? 1U << i : 0;
    return bits;
}

unsigned nm_scope_family(struct sl_bytes scope_name)
{
    static const struct {
        const char *prefix;
        enum nm_family family;
        bool whole;
    } scopes[] = {
        {"openinference.instrumentation", NM_OPENINFERENCE, false},
        {"@arizeai/openinference-", NM_OPENINFERENCE, false},
        {"ai", NM_VERCEL_AI, true},
        {"traceloop.tracer", NM_OPENLLMETRY, true},
        {"@traceloop/", NM_OPENLLMETRY, false},
        {"opentelemetry.instrumentation.openai.v", NM_OPENLLMETRY, false},
    };
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (scopes[i].whole ? sl_bytes_is(scope_name, scopes[i].prefix)
                            : sl_bytes_starts(scope_name, scopes[i].prefix))
            return 1U << scopes[i].family;
    return 0;
}

static struct nm_entry *add_entry(struct nm_table *table, uint32_t scope, struct sl_bytes key)
{
    uint32_t at = hash(key, scope) % SLOTS;
    for (; table->slots[at] != 0; at = (at + 1) % SLOTS) {
        struct nm_entry *entry = &table->entries[table->slots[at] - 1];
        if (entry->scope == scope && sl_bytes_equal(entry->key, key))
            return entry;
    }
    if (table->entry_count == ENTRIES)
        return NULL;
    table->slots[at] = ++table->entry_count;
    struct nm_entry *entry = &table->entries[table->entry_count - 1];
    entry->key = key;
    entry->scope = scope;
    entry->self = table->entry_count;
    if (scope == 0) {
        uint32_t bit = bloom_bit(key);
        table->bloom[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
    return entry;
}

static bool link_row(struct nm_table *table, struct nm_entry *entry, const struct nm_row *row)
{
    if (entry == NULL || table->row_count == NM_MAX_ROWS)
        return false;
    uint16_t index = table->row_count++;
    table->rows[index] = *row;
    uint16_t *last = &entry->first_row;
    entry->transforms |= UINT64_C(1) << row->transform;
    while (*last != 0)
        last = &table->rows[*last].next;
    *last = index;
    return true;
}

static bool add_row(struct nm_table *table, const struct nm_row *row)
{
    struct nm_entry *entry = add_entry(table, 0, sl_text(row->source));
    if (entry == NULL)
        return false;
    if (row->transform == NM_X_TARGET || (row->flags & NM_F_M) != 0)
        entry->family_bits |= (uint8_t)(1U << row->family);
    if (row->field == NULL)
        return link_row(table, entry, row);
    entry->fields = true;
    for (const char *dot = row->field; (dot = strchr(dot, '.')) != NULL; dot++)
        if (add_entry(table, entry->self, sl_bytes(row->field, (size_t)(dot - row->field))) == NULL)
            return false;
    return link_row(table, add_entry(table, entry->self, sl_text(row->field)), row);
}

static bool add_targets(struct nm_table *table)
{
    for (unsigned i = 1; i < NM_TARGET_COUNT; i++) {
        const char *key = (const char *)nm_target_key(table, (enum nm_target)i).data;
        struct nm_row row = {.source = key,
                             .family = NM_OTEL_GENAI,
                             .target = (uint8_t)i,
                             .transform = NM_X_TARGET,
                             .flags = NM_F_K,
                             .when = NM_W_ANY};
        if (!add_row(table, &row))
            return false;
        if (strncmp(key, "gen_ai.", 7) != 0)
            add_entry(table, 0, sl_text(key))->family_bits = 0;
    }
    return true;
}

static bool add_mappings(struct nm_table *table, const struct nm_table_options *options)
{
    for (size_t i = 0; i < options->mapping_count; i++) {
        const struct nm_mapping *mapping = &options->mappings[i];
        struct nm_row row = {.source = mapping->source,
                             .family = NM_USER,
                             .target = (uint8_t)nm_target_by_key(mapping->target),
                             .transform = NM_X_RENAME,
                             .flags = NM_F_M,
                             .when = NM_W_ANY};
        if (strcmp(mapping->transform, "string") == 0)
            row.transform = NM_X_TEXT;
        if (strcmp(mapping->transform, "json") == 0)
            row.flags |= NM_F_K;
        if (row.flags != NM_F_M &&
            (row.target == NM_INPUT_MESSAGES || row.target == NM_OUTPUT_MESSAGES))
            row.transform = NM_X_MESSAGES;
        if (!add_row(table, &row))
            return false;
    }
    return true;
}

static void choose_families(struct nm_table *table, const char *const *names)
{
    table->family_on[NM_USER] = 1;
    for (unsigned i = 1; i < NM_FAMILY_COUNT; i++)
        table->family_on[i] = names == NULL;
    for (; names != NULL && *names != NULL; names++) {
        int family = nm_family_by_name(*names);
        if (family > 0)
            table->family_on[family] = 1;
    }
}

static bool fill(struct nm_table *table, const struct nm_table_options *options)
{
    bool good = add_targets(table) && add_mappings(table, options);
    for (size_t i = 0; good && i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        bool self =
            builtin[i].target != NM_NONE &&
            sl_bytes_is(nm_target_key(table, (enum nm_target)builtin[i].target), builtin[i].source);
        good = self || !table->family_on[builtin[i].family] || add_row(table, &builtin[i]);
    }
    for (size_t i = 0; good && i < sizeof(values) / sizeof(values[0]); i++) {
        struct nm_entry *entry = add_entry(table, values[i].scope, sl_text(values[i].from));
        good = entry != NULL;
        if (good)
            entry->text = values[i].to;
    }
    for (size_t i = 0; good && i < sizeof(members) / sizeof(members[0]); i++) {
        struct nm_entry *entry = add_entry(table, NM_SCOPE_MEMBERS, sl_text(members[i]));
        good = entry != NULL;
        if (good)
            entry->first_row = (uint16_t)(i + 1);
    }
    return good;
}

struct nm_table *nm_table_new(const struct nm_table_options *options)
{
    struct nm_table *table = sl_calloc(1, sizeof(*table));
    if (table == NULL)
        return NULL;
    table->rows = sl_calloc(NM_MAX_ROWS, sizeof(*table->rows));
    table->row_count = 1;
    table->spelling_1_41 = options->spelling_1_41;
    choose_families(table, options->families);
    if (table->rows != NULL && fill(table, options))
        return table;
    nm_table_free(table);
    return NULL;
}

void nm_table_free(struct nm_table *table)
{
    if (table == NULL)
        return;
    sl_free(table->rows);
    sl_free(table);
}
