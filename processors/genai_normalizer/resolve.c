/* SPDX-License-Identifier: Apache-2.0 */
/* Settles the value of every target for one span: what is there already, what
 * the rows give, what may be derived (operation, provider, error type), and the
 * token totals. Nothing else is ever invented. */
#include "processors/genai_normalizer/norm.h"

struct nm_slot *nm_slot(struct nm_norm *norm, enum nm_target target)
{
    return &norm->slots[target];
}

uint32_t nm_rank(const struct nm_norm *norm, const struct nm_row *row)
{
    uint32_t index = (uint32_t)(row - nm_table_row(norm->table, 0));
    bool scope = (norm->scope_family & 1U << row->family) != 0;
    uint32_t family = row->family == NM_USER ? 1 : scope ? 2 : 3U + row->family;
    return family << 12 | index;
}

void nm_set(struct nm_norm *norm, enum nm_target target, uint32_t rank, int32_t from,
            struct sl_value value)
{
    struct nm_slot *slot = &norm->slots[target];
    if (target == NM_NONE || (slot->valid && slot->rank <= rank))
        return;
    slot->valid = true;
    slot->fixed = slot->existing >= 0;
    slot->rank = rank;
    slot->from = from;
    slot->value = value;
}

static bool same(struct sl_value a, struct sl_value b)
{
    struct sl_value item;
    if (a.type == SL_VALUE_INT && b.type == SL_VALUE_DOUBLE)
        return (double)a.i == b.d && a.i < (INT64_C(1) << 53) && a.i > -(INT64_C(1) << 53);
    if (a.type == SL_VALUE_DOUBLE && b.type == SL_VALUE_INT)
        return same(b, a);
    if (a.type == SL_VALUE_STRING && b.type == SL_VALUE_ARRAY) {
        struct sl_bytes rest = b.bytes;
        return sl_array_next(&rest, &item) && item.type == SL_VALUE_STRING &&
               sl_bytes_equal(item.bytes, a.bytes) && !sl_array_next(&rest, &item);
    }
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case SL_VALUE_INT:
        return a.i == b.i;
    case SL_VALUE_DOUBLE:
        return memcmp(&a.d, &b.d, sizeof(a.d)) == 0;
    case SL_VALUE_BOOL:
        return a.b == b.b;
    case SL_VALUE_EMPTY:
        return true;
    default:
        return sl_bytes_equal(a.bytes, b.bytes);
    }
}

static void find_existing(struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        uint16_t at = norm->hits[i].entry->first_row;
        if (!nm_entry_has(norm->hits[i].entry, NM_X_TARGET))
            continue;
        const struct nm_row *row = nm_table_row(norm->table, at);
        if (at == 0 || row->transform != NM_X_TARGET)
            continue;
        struct nm_slot *slot = &norm->slots[row->target];
        if (slot->existing >= 0)
            continue;
        slot->existing = (int32_t)i;
        slot->from = (int32_t)i;
        slot->rank = 0;
        struct sl_value value = norm->hits[i].attr.value;
        slot->valid =
            nm_coerce(norm, nm_target_type((enum nm_target)row->target), value, &slot->value);
        slot->fixed = slot->valid && (slot->value.type != value.type);
    }
}

/* Replaces an existing value by its proper spelling. */
static void correct(struct nm_slot *slot, const char *text)
{
    if (text == NULL || sl_bytes_is(slot->value.bytes, text))
        return;
    slot->value = sl_value_string(sl_text(text));
    slot->fixed = slot->existing >= 0;
}

static const struct nm_row *first_row(const struct nm_norm *norm, const struct nm_hit *hit,
                                      enum nm_transform transform)
{
    if (!nm_entry_has(hit->entry, transform))
        return NULL;
    for (uint16_t at = hit->entry->first_row; at != 0; at = nm_table_row(norm->table, at)->next) {
        const struct nm_row *row = nm_table_row(norm->table, at);
        if (row->transform == transform && (norm->families & 1U << row->family) != 0)
            return row;
    }
    return NULL;
}

/* A request of type "completion" is a chat when somebody else than the user speaks. */
static bool is_text_completion(const struct nm_norm *norm)
{
    struct sl_bytes name = norm->span.name;
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_row *row = first_row(norm, &norm->hits[i], NM_X_INDEXED);
        if (row != NULL && row->piece == NM_P_ROLE &&
            !sl_bytes_is(norm->hits[i].attr.value.bytes, "user"))
            return false;
    }
    if (name.size > 0 && name.data[name.size - 1] == 's')
        name.size--;
    return name.size > 11 && memcmp(name.data + name.size - 11, ".completion", 11) == 0;
}

static bool has_prompts_only(const struct nm_norm *norm)
{
    bool prompts = false;
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        struct sl_bytes key = norm->hits[i].attr.key;
        if (sl_bytes_starts(key, "llm.input_messages.") ||
            sl_bytes_starts(key, "llm.output_messages."))
            return false;
        prompts = prompts || sl_bytes_starts(key, "llm.prompts");
    }
    return prompts;
}

/* Offers the operation that a kind attribute names; true when it says anything. */
static bool kind_of(struct nm_norm *norm, int32_t at, const struct nm_row *row)
{
    struct nm_hit *hit = &norm->hits[at];
    struct sl_value value;
    struct sl_bytes kind = hit->attr.value.bytes;
    if (hit->attr.value.type != SL_VALUE_STRING || kind.size == 0)
        return false;
    if (nm_transform(norm, row, hit->attr.value, &value)) {
        if (sl_bytes_equal_nocase(kind, SL_LIT("completion")) && !is_text_completion(norm))
            value = sl_value_string(SL_LIT("chat"));
        if (sl_bytes_equal_nocase(kind, SL_LIT("LLM")) && has_prompts_only(norm))
            value = sl_value_string(SL_LIT("text_completion"));
        nm_set(norm, NM_OPERATION, nm_rank(norm, row), -1, value);
    } else if (sl_bytes_equal_nocase(kind, SL_LIT("CHAIN")) && norm->span.parent.size == 0) {
        value = sl_value_string(SL_LIT("invoke_workflow"));
        nm_set(norm, NM_OPERATION, nm_rank(norm, row), -1, value);
    }
    return !sl_bytes_equal_nocase(kind, SL_LIT("unknown"));
}

static struct sl_bytes first_word(struct sl_bytes name)
{
    const uint8_t *blank = name.size > 0 ? memchr(name.data, ' ', name.size) : NULL;
    return blank != NULL ? sl_bytes(name.data, (size_t)(blank - name.data)) : name;
}

static void derive_operation(struct nm_norm *norm)
{
    struct nm_slot *slot = &norm->slots[NM_OPERATION];
    struct sl_bytes word = first_word(norm->span.name);
    const char *found = NULL;
    const struct nm_slot *slots = norm->slots;
    if (nm_map(norm->table, NM_SCOPE_OPERATIONS, word, false) != NULL) {
        nm_set(norm, NM_OPERATION, UINT32_MAX, -1, sl_value_string(word));
        return;
    }
    if (slots[NM_INPUT_MESSAGES].existing >= 0 || slots[NM_OUTPUT_MESSAGES].existing >= 0 ||
        nm_has_pieces(norm, NM_INPUT_MESSAGES) || nm_has_pieces(norm, NM_OUTPUT_MESSAGES))
        found = "chat";
    else if (slots[NM_RETRIEVAL_DOCUMENTS].existing >= 0 ||
             nm_has_pieces(norm, NM_RETRIEVAL_DOCUMENTS))
        found = "retrieval";
    if (found != NULL && !slot->valid)
        nm_set(norm, NM_OPERATION, UINT32_MAX, -1, sl_value_string(sl_text(found)));
}

static void resolve_operation(struct nm_norm *norm)
{
    struct nm_slot *slot = &norm->slots[NM_OPERATION];
    bool told = slot->valid;
    if (slot->valid && nm_map(norm->table, NM_SCOPE_OPERATIONS, slot->value.bytes, false) == NULL) {
        const char *known = nm_map(norm->table, NM_SCOPE_KINDS, slot->value.bytes, true);
        correct(slot, known != NULL && known[0] != '-' ? known : NULL);
    }
    for (uint32_t i = 0; i < norm->hit_count && !norm->is_log; i++) {
        const struct nm_row *row = first_row(norm, &norm->hits[i], NM_X_OPERATION);
        if (row != NULL)
            told |= kind_of(norm, (int32_t)i, row);
    }
    if (!told && norm->options.operation_name && !norm->is_log)
        derive_operation(norm);
    const char *letter =
        slot->valid ? nm_map(norm->table, NM_SCOPE_OPERATIONS, slot->value.bytes, false) : NULL;
    static const char letters[] = "IERTAWO";
    norm->when = letter != NULL ? 1U << (strchr(letters, letter[0]) - letters) : NM_W_OTHER;
}

static bool is_plain(enum nm_transform transform)
{
    switch (transform) {
    case NM_X_TARGET:
    case NM_X_OPERATION:
    case NM_X_MODEL:
    case NM_X_MESSAGES:
    case NM_X_SYSTEM:
    case NM_X_TOOLS:
    case NM_X_PROMPTS:
    case NM_X_ANSWER_REASONING:
    case NM_X_ANSWER_TEXT:
    case NM_X_ANSWER_OBJECT:
    case NM_X_ANSWER_FILES:
    case NM_X_ANSWER_CALLS:
    case NM_X_TOTAL:
    case NM_X_INDEXED:
    case NM_X_MARK:
        return false;
    default:
        return true;
    }
}

static bool applies(const struct nm_norm *norm, const struct nm_row *row)
{
    return (norm->families & 1U << row->family) != 0 && (norm->when & row->when) != 0;
}

static bool looks_like_response(struct sl_bytes text)
{
    return nm_contains(text, "\"choices\":") || nm_contains(text, "\"object\":\"response\"") ||
           nm_contains(text, "\"type\":\"message\"");
}

static void resolve_scalars(struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        struct nm_hit *hit = &norm->hits[i];
        bool json = false;
        if (hit->entry->transforms == (UINT64_C(1) << NM_X_INDEXED) ||
            hit->entry->transforms == (UINT64_C(1) << NM_X_TARGET))
            continue;
        for (uint16_t at = hit->entry->first_row; at != 0;) {
            const struct nm_row *row = nm_table_row(norm->table, at);
            struct sl_value value;
            at = row->next;
            if (!is_plain((enum nm_transform)row->transform) || !applies(norm, row) ||
                (norm->slots[row->target].valid &&
                 norm->slots[row->target].rank <= nm_rank(norm, row)))
                continue;
            if (nm_transform(norm, row, hit->attr.value, &value))
                nm_set(norm, (enum nm_target)row->target, nm_rank(norm, row), (int32_t)i, value);
        }
        json = hit->entry->fields && !norm->is_log;
        if (json && sl_bytes_is(hit->attr.key, "output.value"))
            json = norm->when == NM_W_INFERENCE && !norm->slots[NM_RESPONSE_ID].valid &&
                   looks_like_response(hit->attr.value.bytes);
        if (json)
            nm_json_fields(norm, (int32_t)i, hit->entry);
    }
}

/* llm.model_name: the response's model when the request's is known from elsewhere. */
static void resolve_model(struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_row *row = first_row(norm, &norm->hits[i], NM_X_MODEL);
        const struct nm_slot *request = &norm->slots[NM_REQUEST_MODEL];
        struct sl_value value;
        if (row == NULL || !nm_transform(norm, row, norm->hits[i].attr.value, &value))
            continue;
        if (!request->valid)
            nm_set(norm, NM_REQUEST_MODEL, nm_rank(norm, row), (int32_t)i, value);
        else if (request->existing < 0 || !same(request->value, value))
            nm_set(norm, NM_RESPONSE_MODEL, nm_rank(norm, row), (int32_t)i, value);
    }
}

static void resolve_provider(struct nm_norm *norm)
{
    struct nm_slot *slot = &norm->slots[NM_PROVIDER];
    const struct nm_slot *slots = norm->slots;
    const char *name = NULL;
    if (slot->valid && slot->rank != UINT32_MAX)
        correct(slot, nm_provider_canonical(norm->table, slot->value.bytes));
    if ((slot->valid && slot->rank != UINT32_MAX) || !norm->options.provider_name || norm->is_log ||
        (norm->when & (NM_W_INFERENCE | NM_W_EMBEDDINGS)) == 0)
        return;
    if (slots[NM_SERVER_ADDRESS].valid)
        name = nm_provider_of_host(slots[NM_SERVER_ADDRESS].value.bytes);
    if (name == NULL && slots[NM_REQUEST_MODEL].valid)
        name = nm_provider_of_model(slots[NM_REQUEST_MODEL].value.bytes);
    if (name == NULL && slots[NM_RESPONSE_MODEL].valid)
        name = nm_provider_of_model(slots[NM_RESPONSE_MODEL].value.bytes);
    if (name != NULL)
        nm_set(norm, NM_PROVIDER, UINT32_MAX - 1, -1, sl_value_string(sl_text(name)));
}

/* Finish reasons of indexed completions, in the order of the choices. */
static void resolve_finish_reasons(struct nm_norm *norm)
{
    struct sl_bytes reasons[64];
    uint32_t count = 0, rank = 0;
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        struct nm_hit *hit = &norm->hits[i];
        const struct nm_row *row = first_row(norm, hit, NM_X_INDEXED);
        if (row == NULL || row->piece != NM_P_FINISH_REASON || hit->index[0] >= 64 ||
            hit->attr.value.type != SL_VALUE_STRING || hit->attr.value.bytes.size == 0)
            continue;
        for (; count <= hit->index[0]; count++)
            reasons[count] = (struct sl_bytes){0};
        reasons[hit->index[0]] = hit->attr.value.bytes;
        rank = nm_rank(norm, row);
    }
    for (uint32_t i = 0; i < count; i++)
        if (reasons[i].size == 0)
            return; /* a choice without one: positions would be wrong */
    if (count == 0 || norm->slots[NM_FINISH_REASONS].valid)
        return;
    struct sl_value value = nm_strings(norm, reasons, count);
    if (value.type == SL_VALUE_EMPTY)
        return;
    nm_set(norm, NM_FINISH_REASONS, rank, -1, value);
    for (uint32_t i = 0; i < norm->hit_count; i++) {
        const struct nm_row *row = first_row(norm, &norm->hits[i], NM_X_INDEXED);
        if (row != NULL && row->piece == NM_P_FINISH_REASON && norm->hits[i].index[0] < 64)
            norm->hits[i].used = norm->hits[i].attr.value.type == SL_VALUE_STRING;
    }
}

static void derive_rest(struct nm_norm *norm)
{
    const struct nm_span *span = &norm->span;
    if (span->first_chunk_ns > span->start_ns && span->start_ns > 0) {
        double seconds = (double)(span->first_chunk_ns - span->start_ns) / 1e9;
        nm_set(norm, NM_TIME_TO_FIRST_CHUNK, UINT32_MAX, -1, sl_value_double(seconds));
    }
    if (norm->options.error_type && span->status_code == 2 && norm->when != NM_W_OTHER) {
        struct sl_bytes type =
            span->exception_type.size > 0 ? span->exception_type : SL_LIT("_OTHER");
        nm_set(norm, NM_ERROR_TYPE, UINT32_MAX, -1, sl_value_string(type));
    }
}

static int64_t count_of(const struct nm_norm *norm, enum nm_target target)
{
    return norm->slots[target].valid ? norm->slots[target].value.i : 0;
}

static void decide_fate(struct nm_norm *norm, int32_t at)
{
    struct nm_hit *hit = &norm->hits[at];
    if (hit->used)
        hit->fate = NM_GOES;
    for (uint16_t r = hit->entry->first_row; r != 0; r = nm_table_row(norm->table, r)->next) {
        const struct nm_row *row = nm_table_row(norm->table, r);
        const struct nm_slot *slot = &norm->slots[row->target];
        if ((row->flags & NM_F_K) != 0 || row->field != NULL || !applies(norm, row))
            continue;
        if (row->transform == NM_X_TOTAL) {
            int64_t sum = count_of(norm, NM_USAGE_INPUT) + count_of(norm, NM_USAGE_OUTPUT);
            if (norm->slots[NM_USAGE_INPUT].valid && hit->attr.value.type == SL_VALUE_INT &&
                hit->attr.value.i == sum)
                hit->fate = NM_GOES;
            continue;
        }
        if (row->transform == NM_X_MODEL && norm->slots[NM_REQUEST_MODEL].valid &&
            same(hit->attr.value, norm->slots[NM_REQUEST_MODEL].value))
            slot = &norm->slots[NM_REQUEST_MODEL];
        if (row->target == NM_NONE || !slot->valid || !same(hit->attr.value, slot->value))
            continue;
        hit->fate = NM_GOES;
        if (slot->from == at && slot->existing < 0 && hit->attr.value.type == slot->value.type) {
            hit->fate = NM_RENAMED;
            hit->target = (uint8_t)(slot - norm->slots);
            return;
        }
    }
}

/* Two sources of one value: only the one that gave it is renamed. A key that
 * another row still needs as a whole stays. */
static void decide_fates(struct nm_norm *norm)
{
    for (uint32_t i = 0; i < norm->hit_count; i++)
        if (norm->options.drop_consumed)
            decide_fate(norm, (int32_t)i);
}

void nm_resolve(struct nm_norm *norm)
{
    find_existing(norm);
    struct nm_slot *provider = &norm->slots[NM_PROVIDER];
    if (provider->valid && nm_provider_is_framework(norm->table, provider->value.bytes))
        provider->rank = UINT32_MAX; /* stays only when nothing better is known */
    resolve_operation(norm);
    resolve_scalars(norm);
    resolve_model(norm);
    resolve_provider(norm);
    if (!norm->is_log) {
        nm_usage(norm);
        resolve_finish_reasons(norm);
        nm_indexed(norm);
        nm_json_messages(norm);
        derive_rest(norm);
    }
    decide_fates(norm);
}
