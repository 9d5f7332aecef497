/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaces spans: typed placeholders, masks, keyed hashes. A number of a JSON
 * text that is replaced gets quotes, with the backslashes of its level, so that
 * the text stays JSON.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "processors/pii_scrubber/scanner.h"

enum { HASH_BYTES = 6, LEVEL_MAX = 15, WALK_MAX = 4096, BOUND_MAX = 65536 };

static const char stars[] = "****";

/* ---- where a JSON number stands ---- */

struct level {
    bool number;
    unsigned backslashes; /* before each quote of its string level */
    size_t lost_end;      /* the last number before which there is no quote near */
};

static bool is_blank_or_escape(struct sl_bytes text, size_t pos)
{
    uint8_t c = text.data[pos];
    if (sl_pii_is(c, SL_PII_BLANK) || c == '\\')
        return true;
    return pos > 0 && text.data[pos - 1] == '\\' && (c == 'n' || c == 'r' || c == 't');
}

/* The quote at pos and its backslashes. */
static struct level quote_level(struct sl_bytes text, size_t pos)
{
    unsigned count = 0;
    while (pos > count && text.data[pos - count - 1] == '\\' && count <= LEVEL_MAX)
        count++;
    return (struct level){count <= LEVEL_MAX, count, 0};
}

static bool number_ends(struct sl_bytes text, size_t pos)
{
    while (pos < text.size && is_blank_or_escape(text, pos))
        pos++;
    return pos == text.size || text.data[pos] == ',' || text.data[pos] == '}' ||
           text.data[pos] == ']';
}

/* Looks left over structure and other numbers for the key's quote, or for a
 * replaced number whose level is known. */
static struct level level_before(struct sl_bytes text, size_t pos, size_t known_end,
                                 struct level known)
{
    static const struct level none = {false, 0, 0};
    bool structure = false;
    size_t from = pos;
    for (size_t walked = 0; walked < WALK_MAX; walked++) {
        if (pos == known_end && known.number)
            return known;
        if (known.lost_end > 0 && pos <= known.lost_end)
            break;
        if (pos == 0)
            return structure ? (struct level){true, 0, 0} : none;
        uint8_t c = text.data[--pos];
        if (c == '"')
            return structure ? quote_level(text, pos) : none;
        if (memchr(":,[]{}", c, 6) != NULL) {
            structure = true;
            continue;
        }
        if (is_blank_or_escape(text, pos))
            continue;
        bool scalar = sl_pii_is(c, SL_PII_DIGIT) || memchr("+-.eEtrufalsn", c, 13) != NULL;
        if (!structure || !scalar)
            return none;
    }
    return (struct level){false, 0, from};
}

/* Whether the span is a number of a JSON text; a minus before it then goes too. */
static struct level find_level(struct sl_bytes text, size_t *start, size_t end, size_t known_end,
                               struct level known)
{
    static const struct level none = {false, 0, 0};
    if (!sl_pii_is(text.data[*start], SL_PII_DIGIT))
        return none;
    for (size_t pos = *start; pos < end; pos++) {
        if (!sl_pii_is(text.data[pos], SL_PII_DIGIT) && memchr("+-.eE", text.data[pos], 5) == NULL)
            return none;
    }
    if (!number_ends(text, end))
        return none;
    size_t first = *start;
    if (first > 0 && first != known_end && text.data[first - 1] == '-')
        first--;
    struct level level = level_before(text, first, known_end, known);
    if (level.number)
        *start = first;
    return level;
}

/* ---- replacements ---- */

struct writer {
    uint8_t *data; /* NULL: only counts */
    size_t size;
};

static void put(struct writer *writer, struct sl_bytes bytes)
{
    if (bytes.size > 0 && writer->data != NULL)
        memcpy(writer->data + writer->size, bytes.data, bytes.size);
    writer->size += bytes.size;
}

static void put_quote(struct writer *writer, unsigned backslashes)
{
    for (unsigned i = 0; i < backslashes; i++)
        put(writer, SL_LIT("\\"));
    put(writer, SL_LIT("\""));
}

/* The value without what differs between spellings of the same one. */
static size_t canonical(const struct sl_pii_decoded *decoded, enum sl_pii_mask mask)
{
    size_t size = 0;
    for (size_t i = 0; i < decoded->size; i++) {
        uint8_t c = decoded->text[i];
        if (mask == SL_PII_MASK_LAST4 && !sl_pii_is(c, SL_PII_ALNUM))
            continue;
        decoded->text[size++] = mask == SL_PII_MASK_ALL ? c : sl_pii_lower(c);
    }
    return size;
}

static int put_hash(struct writer *writer, struct sl_bytes key, struct sl_bytes value,
                    enum sl_pii_mask mask)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct sl_pii_decoded decoded = {NULL, NULL, 0, 0};
    if (writer->data == NULL) {
        writer->size += 1 + 2 * HASH_BYTES;
        return 0;
    }
    if (sl_pii_decode(&decoded, value) != 0)
        return SL_ENOMEM;
    const uint8_t *done = HMAC(EVP_sha256(), key.data, (int)key.size, decoded.text,
                               canonical(&decoded, mask), digest, &size);
    sl_pii_decoded_done(&decoded);
    if (done == NULL || size < HASH_BYTES)
        return SL_ENOMEM;
    static const char hex[] = "0123456789abcdef";
    put(writer, SL_LIT(":"));
    for (unsigned i = 0; i < HASH_BYTES; i++) {
        uint8_t pair[2] = {(uint8_t)hex[digest[i] >> 4], (uint8_t)hex[digest[i] & 15]};
        put(writer, sl_bytes(pair, 2));
    }
    return 0;
}

static bool all_are(struct sl_bytes text, unsigned classes)
{
    return sl_pii_count(text, classes) == text.size;
}

static void put_mask(struct writer *writer, struct sl_bytes value, enum sl_pii_mask mask)
{
    put(writer, sl_text(stars));
    if (mask == SL_PII_MASK_LAST4 && value.size >= 8) {
        struct sl_bytes last = sl_bytes(value.data + value.size - 4, 4);
        if (all_are(last, SL_PII_DIGIT) && memchr(value.data, '\\', value.size) == NULL)
            put(writer, last);
    }
    const uint8_t *at = mask == SL_PII_MASK_DOMAIN ? memchr(value.data, '@', value.size) : NULL;
    if (at == NULL)
        return;
    struct sl_bytes domain = sl_bytes(at + 1, value.size - (size_t)(at + 1 - value.data));
    for (size_t i = 0; i < domain.size; i++) {
        if (!sl_pii_is(domain.data[i], SL_PII_ALNUM) && domain.data[i] != '.' &&
            domain.data[i] != '-')
            return;
    }
    put(writer, SL_LIT("@"));
    put(writer, domain);
}

static int put_replacement(struct writer *writer, const struct sl_pii_policy *policy,
                           unsigned action, unsigned entity, struct sl_bytes value)
{
    enum sl_pii_mask mask = sl_pii_detectors[entity]->mask;
    if (action == SL_PII_MASK) {
        put_mask(writer, value, mask);
        return 0;
    }
    put(writer, policy->prefix);
    put(writer, sl_text(sl_pii_placeholder(entity)));
    int status = action == SL_PII_HASH ? put_hash(writer, policy->hash_key, value, mask) : 0;
    put(writer, policy->suffix);
    return status;
}

static size_t replacement_bound(const struct sl_pii_policy *policy, unsigned entity, size_t size)
{
    return policy->prefix.size + strlen(sl_pii_placeholder(entity)) + policy->suffix.size + size +
           2 * HASH_BYTES + 2 * (LEVEL_MAX + 1) + sizeof stars + 1;
}

static int rewrite(const struct sl_pii_policy *policy, struct sl_bytes text,
                   const struct sl_pii_span *spans, size_t count, struct writer *writer)
{
    size_t pos = 0;
    struct level level = {false, 0, 0};
    for (size_t i = 0; i < count; i++) {
        size_t start = spans[i].start, end = spans[i].end, lost_end = level.lost_end;
        level = find_level(text, &start, end, i > 0 ? pos : SIZE_MAX, level);
        if (level.lost_end == 0)
            level.lost_end = lost_end;
        put(writer, sl_bytes(text.data + pos, start - pos));
        if (level.number)
            put_quote(writer, level.backslashes);
        int status = put_replacement(writer, policy, policy->actions[spans[i].entity],
                                     spans[i].entity, sl_bytes(text.data + start, end - start));
        if (status != 0)
            return status;
        if (level.number)
            put_quote(writer, level.backslashes);
        pos = end;
    }
    put(writer, sl_bytes(text.data + pos, text.size - pos));
    return 0;
}

static int rewrite_in(const struct sl_pii_policy *policy, struct sl_bytes text,
                      const struct sl_pii_span *spans, size_t count, struct sl_arena *arena,
                      struct sl_bytes *ret_text)
{
    size_t bound = text.size;
    for (size_t i = 0; i < count; i++)
        bound += replacement_bound(policy, spans[i].entity, spans[i].end - spans[i].start);
    if (bound > BOUND_MAX) { /* many short findings: what they take, instead of the most */
        struct writer counter = {NULL, 0};
        (void)rewrite(policy, text, spans, count, &counter);
        bound = counter.size;
    }
    struct writer writer = {sl_arena_alloc(arena, bound), 0};
    if (writer.data == NULL)
        return SL_ENOMEM;
    int status = rewrite(policy, text, spans, count, &writer);
    if (status == 0)
        *ret_text = sl_bytes(writer.data, writer.size);
    return status;
}

/* Each replacement has freed another finding: nothing of such a text is kept,
 * except that JSON becomes an array with the placeholder. */
static int give_up(const struct sl_pii_policy *policy, unsigned entity, struct sl_arena *arena,
                   struct sl_bytes *text)
{
    struct sl_pii_policy plain = *policy;
    struct sl_bytes inside = sl_bytes_trim(*text), form;
    plain.actions[entity] = SL_PII_REDACT;
    int status = sl_pii_replace_whole(&plain, entity, sl_bytes(NULL, 0), arena, &form);
    if (status != 0 || (inside.data[0] != '{' && inside.data[0] != '[')) {
        *text = form;
        return status;
    }
    uint8_t *data = sl_arena_alloc(arena, form.size + 4);
    if (data == NULL)
        return SL_ENOMEM;
    struct writer writer = {data, 0};
    put(&writer, SL_LIT("[\""));
    put(&writer, form);
    put(&writer, SL_LIT("\"]"));
    *text = sl_bytes(data, writer.size);
    return 0;
}

static void note(const struct sl_pii_policy *policy, const struct sl_pii_span *spans, size_t count,
                 struct sl_pii_outcome *outcome)
{
    outcome->changed = true;
    for (size_t i = 0; i < count; i++) {
        outcome->found[spans[i].entity]++;
        if (policy->actions[spans[i].entity] == SL_PII_DROP)
            outcome->drop = true;
    }
}

int sl_pii_scrub(struct sl_pii_scanner *scanner, const struct sl_pii_policy *policy,
                 struct sl_bytes text, struct sl_arena *arena, struct sl_pii_outcome *ret_outcome)
{
    memset(ret_outcome, 0, sizeof *ret_outcome);
    for (unsigned pass = 0; pass <= SL_PII_PASSES; pass++) {
        const struct sl_pii_span *spans = NULL;
        size_t count = 0;
        int status = sl_pii_scan(scanner, text, &spans, &count);
        if (status != 0)
            return status;
        if (count == 0)
            break;
        note(policy, spans, count, ret_outcome);
        if (ret_outcome->drop)
            break;
        status = pass < SL_PII_PASSES ? rewrite_in(policy, text, spans, count, arena, &text)
                                      : give_up(policy, spans[0].entity, arena, &text);
        if (status != 0)
            return status;
    }
    ret_outcome->text = text;
    return 0;
}

int sl_pii_replace_whole(const struct sl_pii_policy *policy, unsigned entity, struct sl_bytes value,
                         struct sl_arena *arena, struct sl_bytes *ret_text)
{
    struct writer writer = {sl_arena_alloc(arena, replacement_bound(policy, entity, value.size)),
                            0};
    if (writer.data == NULL)
        return SL_ENOMEM;
    unsigned action =
        policy->actions[entity] == SL_PII_DROP ? SL_PII_REDACT : policy->actions[entity];
    int status = put_replacement(&writer, policy, action, entity, value);
    if (status == 0)
        *ret_text = sl_bytes(writer.data, writer.size);
    return status;
}
