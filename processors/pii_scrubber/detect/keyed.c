/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that a name gives away. The last letters of the name turn most ':' and
 * '=' away; then the name's words say what the value must look like.
 */
#include "processors/pii_scrubber/detect/keyed.h"

enum { NAME_MAX_BYTES = 48, VALUE_MAX = 512, PASSWORD_MAX = 128 };

struct key_word {
    const char *word;
    enum sl_pii_key_class key;
};

/* By first letter; where words begin alike the longer one first. NONE: a count
 * or a kind, not the value. */
static const struct key_word key_words[] = {
    {"authorization", SL_PII_KEY_SECRET},
    {"account_key", SL_PII_KEY_SECRET},
    {"access_key", SL_PII_KEY_SECRET},
    {"access-key", SL_PII_KEY_SECRET},
    {"accountkey", SL_PII_KEY_SECRET},
    {"accesskey", SL_PII_KEY_SECRET},
    {"auth_key", SL_PII_KEY_SECRET},
    {"auth-key", SL_PII_KEY_SECRET},
    {"api_key", SL_PII_KEY_SECRET},
    {"api-key", SL_PII_KEY_SECRET},
    {"authkey", SL_PII_KEY_SECRET},
    {"apikey", SL_PII_KEY_SECRET},
    {"auth", SL_PII_KEY_PLAIN},
    {"credential", SL_PII_KEY_SECRET},
    {"contrase", SL_PII_KEY_PASSWORD},
    {"cookie", SL_PII_KEY_PLAIN},
    {"encryption_key", SL_PII_KEY_SECRET},
    {"kennwort", SL_PII_KEY_PASSWORD},
    {"motdepasse", SL_PII_KEY_PASSWORD},
    {"private_key", SL_PII_KEY_SECRET},
    {"passphrase", SL_PII_KEY_PASSWORD},
    {"privatekey", SL_PII_KEY_SECRET},
    {"passcode", SL_PII_KEY_PASSWORD},
    {"passw", SL_PII_KEY_PASSWORD},
    {"pwd", SL_PII_KEY_PASSWORD},
    {"session_count", SL_PII_KEY_NONE},
    {"signing_key", SL_PII_KEY_SECRET},
    {"secret_name", SL_PII_KEY_NONE},
    {"signingkey", SL_PII_KEY_SECRET},
    {"signature", SL_PII_KEY_SECRET},
    {"session", SL_PII_KEY_SECRET},
    {"secret", SL_PII_KEY_SECRET},
    {"senha", SL_PII_KEY_PASSWORD},
    {"token_count", SL_PII_KEY_NONE},
    {"token_type", SL_PII_KEY_NONE},
    {"tokenizer", SL_PII_KEY_NONE},
    {"tokens", SL_PII_KEY_NONE},
    {"token", SL_PII_KEY_SECRET},
    {"webhook_key", SL_PII_KEY_SECRET},
    {"wachtw", SL_PII_KEY_PASSWORD},
    {"密码", SL_PII_KEY_PASSWORD},
    {"パスワード", SL_PII_KEY_PASSWORD},
};
static const uint32_t key_letters = 0x4c9415; /* their first letters */
enum { KEY_WORDS = sizeof key_words / sizeof key_words[0] };

/* The word of the table that begins at pos; NULL: none. */
static const struct key_word *word_at(struct sl_bytes name, size_t pos)
{
    uint8_t first = name.data[pos];
    for (unsigned i = 0; i < KEY_WORDS; i++) {
        uint8_t letter = (uint8_t)key_words[i].word[0];
        if (letter > first)
            break;
        if (letter == first &&
            sl_bytes_starts(sl_bytes(name.data + pos, name.size - pos), key_words[i].word))
            return &key_words[i];
    }
    return NULL;
}

static bool ends_with(struct sl_bytes name, const char *word)
{
    size_t size = strlen(word);
    return name.size >= size && memcmp(name.data + name.size - size, word, size) == 0;
}

static enum sl_pii_key_class class_of_ending(struct sl_bytes name)
{
    if (ends_with(name, "_pw") || sl_bytes_is(name, "pw") || sl_bytes_is(name, "pass") ||
        ends_with(name, "_pass") || sl_bytes_is(name, "passe"))
        return SL_PII_KEY_PASSWORD;
    if (ends_with(name, "sid"))
        return SL_PII_KEY_SECRET;
    if (ends_with(name, "key") || ends_with(name, "sig") || sl_bytes_is(name, "code"))
        return SL_PII_KEY_PLAIN;
    return SL_PII_KEY_NONE;
}

/* A password wins over a count, that over a secret, that over the rest. */
enum sl_pii_key_class sl_pii_key_class(struct sl_bytes key)
{
    uint8_t lower[NAME_MAX_BYTES];
    struct sl_bytes name = {lower, key.size < NAME_MAX_BYTES ? key.size : NAME_MAX_BYTES};
    for (size_t i = 0; i < name.size; i++)
        lower[i] = sl_pii_lower(key.data[i]);
    bool seen[SL_PII_KEY_PLAIN + 1] = {false};
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c < 0x80 && (c < 'a' || (key_letters >> (c - 'a') & 1) == 0))
            continue;
        const struct key_word *word = word_at(name, i);
        if (word != NULL)
            seen[word->key] = true;
    }
    enum sl_pii_key_class ending = class_of_ending(name);
    if (seen[SL_PII_KEY_PASSWORD] || ending == SL_PII_KEY_PASSWORD)
        return SL_PII_KEY_PASSWORD;
    if (seen[SL_PII_KEY_NONE])
        return SL_PII_KEY_NONE;
    if (seen[SL_PII_KEY_SECRET])
        return SL_PII_KEY_SECRET;
    return ending == SL_PII_KEY_NONE && seen[SL_PII_KEY_PLAIN] ? SL_PII_KEY_PLAIN : ending;
}

/* Whether a name with these last two bytes can have a class at all. */
static bool can_be_key(uint8_t before, uint8_t last)
{
    static const uint32_t befores[26] = {
        ['a' - 'a'] = 0x40080, ['d' - 'a'] = 0x420100,  ['e' - 'a'] = 0x60108,
        ['g' - 'a'] = 0x100,   ['h' - 'a'] = 0x80000,   ['l' - 'a'] = 0x1,
        ['n' - 'a'] = 0x4010,  ['s' - 'a'] = 0x10c0808, ['t' - 'a'] = 0x20010,
        ['y' - 'a'] = 0x10,
    };
    last = sl_pii_lower(last);
    before = sl_pii_lower(before);
    if (last >= 0x80 || last == 'w')
        return true;
    if (last < 'a' || last > 'z')
        return false;
    if (before < 'a' || before > 'z')
        return last == 'a' && before >= 0x80;
    return (befores[last - 'a'] >> (before - 'a') & 1) != 0;
}

/* The name that ends before pos, over quotes and blanks. */
static struct sl_bytes name_before(const struct sl_pii_scan *scan, size_t pos)
{
    const uint8_t *text = scan->text;
    size_t end = pos;
    while (end > 0 && pos - end < 8 && memchr(" \"'\\`]", text[end - 1], 6) != NULL)
        end--;
    if (end < 2 || !can_be_key(text[end - 2], text[end - 1]))
        return (struct sl_bytes){NULL, 0};
    size_t start = end;
    while (start > 0 && end - start < NAME_MAX_BYTES &&
           (sl_pii_is(text[start - 1], SL_PII_TOKEN) || text[start - 1] == '.' ||
            text[start - 1] >= 0x80))
        start--;
    if (start > 0 && start < end && sl_pii_after_escape(text, start + 1))
        start++;
    if (start > 0 && sl_pii_placeholder_size(sl_bytes(text, scan->size), start - 1) > 0)
        return (struct sl_bytes){NULL, 0};
    return sl_pii_part(scan, start, end);
}

/* Bit sets of the bytes that end a value: blanks, quotes, backslash; unquoted
 * also , ; < > { } ( ) & and what is not ASCII. */
static const uint64_t quoted_stops[4] = {0x85ffffffffull, 0x110000000ull, 0x0ull, 0x0ull};
static const uint64_t plain_stops[4] = {0x580013c5ffffffffull, 0x2800000110000000ull,
                                        0xffffffffffffffffull, 0xffffffffffffffffull};

/* End of a value; quoted ones go on over punctuation up to the closing quote. */
static size_t value_end(const struct sl_pii_scan *scan, size_t pos, bool quoted)
{
    const uint64_t *stops = quoted ? quoted_stops : plain_stops;
    size_t limit = scan->size - pos < VALUE_MAX ? scan->size : pos + VALUE_MAX;
    while (pos < limit && (stops[scan->text[pos] >> 6] >> (scan->text[pos] & 63) & 1) == 0)
        pos++;
    return pos;
}

/* "&name=" goes on to the next parameter of a query. */
static bool is_parameter(const struct sl_pii_scan *scan, size_t pos)
{
    size_t end = sl_pii_run(scan, pos + 1, SL_PII_TOKEN, 40);
    return end > pos + 1 && end < scan->size && scan->text[end] == '=';
}

/* Unquoted passwords may hold '&' and parentheses that do not end a sentence or call. */
static size_t password_end(const struct sl_pii_scan *scan, size_t pos, size_t end)
{
    const uint8_t *text = scan->text;
    while (end + 1 < scan->size && end - pos < PASSWORD_MAX && end > pos &&
           memchr("&()", text[end], 3) != NULL && text[end + 1] > 0x20 && text[end + 1] < 0x7f &&
           memchr("\"'`\\,;<>{})", text[end + 1], 10) == NULL && !is_parameter(scan, end))
        end = value_end(scan, end + 1, false);
    while (end > pos && memchr(".:?,", text[end - 1], 4) != NULL)
        end--;
    return end;
}

static bool looks_like_password(struct sl_bytes value)
{
    unsigned digits = sl_pii_count(value, SL_PII_DIGIT);
    unsigned others = (unsigned)value.size - sl_pii_count(value, SL_PII_ALNUM);
    unsigned variety = sl_pii_variety(value);
    if (value.size < 6 || variety < 2)
        return false;
    if (digits > 0 && digits + others < value.size)
        return true;
    if (others > 0 && variety >= 3)
        return true;
    return value.size >= 10 && others == 0 && sl_pii_entropy(value) > 3.0;
}

static bool is_uuid(struct sl_bytes value)
{
    return value.size == 36 && value.data[8] == '-' && value.data[13] == '-';
}

static bool looks_like_secret(struct sl_bytes value, enum sl_pii_key_class key)
{
    bool plain = key == SL_PII_KEY_PLAIN;
    if (value.size < (plain ? 20 : 16) || sl_pii_count(value, SL_PII_DIGIT) == 0 ||
        sl_pii_variety(value) < 2 || (plain && is_uuid(value)))
        return false;
    return sl_pii_entropy(value) >= (plain ? 3.4 : 3.0);
}

static bool is_number(struct sl_bytes value)
{
    return sl_pii_count(value, SL_PII_DIGIT) + (sl_pii_contains(value, ".") ? 1 : 0) >= value.size;
}

/* The last part of a dotted key, the part that names the value. */
static struct sl_bytes last_part(struct sl_bytes key)
{
    size_t start = key.size;
    while (start > 0 && key.size - start < NAME_MAX_BYTES && key.data[start - 1] != '.')
        start--;
    return sl_bytes(key.data + start, key.size - start);
}

static bool names_secret(struct sl_bytes name)
{
    static const char *const words[] = {"key",           "token",      "secret",
                                        "authorization", "credential", NULL};
    for (unsigned i = 0; words[i] != NULL; i++)
        if (sl_pii_contains(name, words[i]))
            return true;
    return false;
}

int sl_pii_attribute_value(struct sl_bytes key, struct sl_bytes value)
{
    if (key.size < 2 || value.size > VALUE_MAX ||
        !can_be_key(key.data[key.size - 2], key.data[key.size - 1]))
        return -1;
    struct sl_bytes name = last_part(key);
    enum sl_pii_key_class class = sl_pii_key_class(name);
    bool password = class == SL_PII_KEY_PASSWORD;
    if (!password && (class != SL_PII_KEY_SECRET || !names_secret(name)))
        return -1;
    bool structured = value.size > 0 && (value.data[0] == '{' || value.data[0] == '[');
    if (structured || sl_pii_contains(value, "://") || sl_pii_count(value, SL_PII_BLANK) > 1 ||
        is_number(value) || sl_pii_is_stand_in(value) ||
        !(password ? looks_like_password(value) : looks_like_secret(value, class)))
        return -1;
    return password ? SL_PII_password : SL_PII_secret;
}

static void judge(struct sl_pii_scan *scan, size_t pos, enum sl_pii_key_class key, bool quoted)
{
    size_t end = value_end(scan, pos, quoted);
    if (key == SL_PII_KEY_PASSWORD && !quoted)
        end = password_end(scan, pos, end);
    struct sl_bytes value = sl_pii_part(scan, pos, end);
    bool password = key == SL_PII_KEY_PASSWORD;
    if (!(password ? looks_like_password(value) : looks_like_secret(value, key)) ||
        sl_pii_is_stand_in(value) || is_number(value))
        return;
    bool open = end < scan->size && (scan->text[end] == '(' || scan->text[end] == '[');
    if (open && !quoted) /* a call or an index in source code */
        return;
    sl_pii_report(scan, password ? SL_PII_password : SL_PII_secret, pos, end, password ? 80 : 82);
}

/* Over quotes, blanks and the rest of => := == to the value; false: none begins here. */
static bool value_start(const struct sl_pii_scan *scan, size_t *pos, bool *ret_quoted)
{
    size_t at = *pos;
    *ret_quoted = false;
    while (at < scan->size && at - *pos < 10 && memchr(" \"'\\`=>:", scan->text[at], 8) != NULL) {
        uint8_t c = scan->text[at];
        if ((c == '"' || c == '\'' || c == '`') && *ret_quoted)
            return false;
        *ret_quoted = *ret_quoted || c == '"' || c == '\'' || c == '`';
        at++;
    }
    if (at > 0 && at < scan->size && scan->text[at - 1] == '\\')
        return false;
    *pos = at;
    return at < scan->size;
}

void sl_pii_find_keyed(struct sl_pii_scan *scan, size_t pos)
{
    struct sl_bytes name = name_before(scan, pos);
    if (name.size < 2)
        return;
    enum sl_pii_key_class key = sl_pii_key_class(name);
    bool quoted = false;
    size_t start = pos + 1;
    if (key != SL_PII_KEY_NONE && value_start(scan, &start, &quoted))
        judge(scan, start, key, quoted);
}

void sl_pii_find_option(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal)
{
    size_t start = pos + strlen(literal->text);
    bool quoted = false;
    if (value_start(scan, &start, &quoted))
        judge(scan, start, SL_PII_KEY_PLAIN, quoted);
}

/* "is", "was", "lautet" ... between pos and the value; 0: no such word. */
static size_t after_verb(const struct sl_pii_scan *scan, size_t pos)
{
    static const char *const verbs[] = {"is",  "was", "es",   "est",    "ist",       "var", "é",
                                        "era", "war", "were", "lautet", "should be", "to",  NULL};
    size_t limit = scan->size - pos > 28 ? pos + 28 : scan->size;
    while (pos < limit) {
        if (scan->text[pos] != ' ')
            return 0;
        size_t word = ++pos;
        while (pos < limit &&
               (sl_pii_is(scan->text[pos], SL_PII_LETTER) || scan->text[pos] >= 0x80))
            pos++;
        if (pos == word)
            return 0;
        for (unsigned i = 0; verbs[i] != NULL; i++) {
            if (sl_bytes_is(sl_pii_part(scan, word, pos), verbs[i]))
                return pos;
        }
    }
    return 0;
}

void sl_pii_find_spoken(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *literal)
{
    size_t end = pos + strlen(literal->text);
    size_t start = end < scan->size ? after_verb(scan, end) : 0;
    bool quoted = false;
    if (start == 0 && end < scan->size && scan->text[end] == ' ' && pos >= 2 &&
        scan->text[pos - 1] == '-' && scan->text[pos - 2] == '-')
        start = end; /* --password value */
    if (start > 0 && start < scan->size && value_start(scan, &start, &quoted))
        judge(scan, start, SL_PII_KEY_PASSWORD, quoted);
}
