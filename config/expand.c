/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${...} in values, as the Collector does it: innermost first, "$$" escapes, a
 * value that is one whole reference takes the type of what it refers to, and
 * text that comes in is looked through again. Keys are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/reader.h"
#include "core/alloc.h"
#include "core/out.h"

/* One value being expanded. */
struct expanding {
    struct sl_reader *reader;
    struct sl_node *node;
    const struct sl_path *path;
    bool quiet; /* the same references were complained about before */
};

/* What a reference gives. */
struct found {
    const char *text; /* NULL: an unset variable without default */
    const char *file; /* it was read from this file */
    bool text_only;   /* an empty default: empty text rather than null */
};

static void say(const struct expanding *e, enum sl_severity severity, const char *reference,
                const char *text)
{
    char where[SL_PATH_SIZE];
    if (!e->quiet)
        sl_diag_add(e->reader->diag, severity, e->node->place,
                    sl_path_print(e->path, where, sizeof where), "${%.100s}: %s", reference, text);
}

static int refuse(const struct expanding *e, const char *reference, const char *text)
{
    say(e, SL_DIAG_ERROR, reference, text);
    return SL_EINVALID;
}

/* All text that comes in counts: a value may double itself in each of 1000 steps. */
static int charge(const struct expanding *e, const char *reference, size_t bytes)
{
    if (bytes > SL_CONFIG_EXPANDED - e->reader->expanded_bytes)
        return refuse(e, reference, "expands to more than 16 MiB in all");
    e->reader->expanded_bytes += bytes;
    return SL_OK;
}

static bool is_name(struct sl_bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.size > 0;
}

static int look_up_env(const struct expanding *e, const char *reference, const char *spec,
                       struct found *ret_found)
{
    const char *preset = strstr(spec, ":-");
    struct sl_bytes name = sl_bytes(spec, preset != NULL ? (size_t)(preset - spec) : strlen(spec));
    if (!is_name(name))
        return refuse(e, reference,
                      "the name of an environment variable has letters, digits and '_' only");
    struct sl_bytes copy = sl_arena_copy(e->reader->arena, name);
    if (copy.data == NULL)
        return SL_ENOMEM;
    const char *value = e->reader->getenv((const char *)copy.data);
    e->node->from_env = true;
    if (value == NULL && preset != NULL) {
        *ret_found = (struct found){.text = preset + 2, .text_only = preset[2] == '\0'};
        return SL_OK;
    }
    if (value == NULL) {
        say(e, SL_DIAG_WARNING, reference, "the environment variable is not set");
        *ret_found = (struct found){.text = NULL};
        return SL_OK;
    }
    struct sl_bytes bytes = sl_text(value);
    if (charge(e, reference, bytes.size) != SL_OK)
        return SL_EINVALID;
    if (sl_utf8_valid_prefix(bytes) != bytes.size)
        return refuse(e, reference, "the value is not UTF-8 text");
    /* A copy, because the environment may change while the tree lives. */
    ret_found->text = (const char *)sl_arena_copy(e->reader->arena, bytes).data;
    return ret_found->text != NULL ? SL_OK : SL_ENOMEM;
}

/* All of an open file; NULL with errno. The file may grow while it is read. */
static char *read_all(struct sl_arena *arena, int fd, size_t *ret_size)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return NULL;
    errno = EINVAL;
    if (!S_ISREG(info.st_mode))
        return NULL;
    errno = EFBIG;
    if (info.st_size > SL_CONFIG_BYTES)
        return NULL;
    size_t size = 0, room = (size_t)info.st_size + 1;
    char *text = sl_arena_alloc(arena, room);
    errno = ENOMEM;
    while (text != NULL && size + 1 < room) {
        ssize_t got = read(fd, text + size, room - 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    if (text != NULL)
        text[size] = '\0';
    *ret_size = size;
    return text;
}

static int look_up_file(const struct expanding *e, const char *reference, const char *path,
                        struct found *ret_found)
{
    /* Not to wait for a pipe that nobody writes to. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(e, reference, strerror(errno));
    size_t size = 0;
    char *text = read_all(e->reader->arena, fd, &size);
    int error = errno;
    (void)close(fd);
    if (text == NULL && error == ENOMEM)
        return SL_ENOMEM;
    if (text == NULL)
        return refuse(e, reference,
                      error == EINVAL  ? "not a regular file"
                      : error == EFBIG ? "larger than 4 MiB"
                                       : strerror(error));
    struct sl_bytes bytes = sl_bytes(text, size);
    if (charge(e, reference, size) != SL_OK)
        return SL_EINVALID;
    if (sl_utf8_valid_prefix(bytes) != size || memchr(text, 0, size) != NULL)
        return refuse(e, reference, "not UTF-8 text");
    /* Editors end a file with a line feed; a token in it does not mean that one. */
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        text[--size] = '\0';
    *ret_found = (struct found){.text = text, .file = path};
    return SL_OK;
}

/* reference: what stands between the braces. */
static int look_up(const struct expanding *e, const char *reference, struct found *ret_found)
{
    if (++e->reader->expansions > SL_CONFIG_EXPANSIONS)
        return refuse(e, reference, "more than 1000 expansions; does a value refer to itself?");
    *ret_found = (struct found){.text = NULL};
    const char *colon = strchr(reference, ':');
    if (colon == NULL)
        return look_up_env(e, reference, reference, ret_found);
    struct sl_bytes scheme = sl_bytes(reference, (size_t)(colon - reference));
    if (strchr(colon, '$') != NULL)
        return refuse(e, reference, "a '$' cannot stand here");
    if (sl_bytes_is(scheme, "env"))
        return look_up_env(e, reference, colon + 1, ret_found);
    if (sl_bytes_is(scheme, "file"))
        return look_up_file(e, reference, colon + 1, ret_found);
    if (sl_bytes_is(scheme, "yaml")) {
        ret_found->text = colon + 1;
        return SL_OK;
    }
    if (sl_bytes_is(scheme, "http") || sl_bytes_is(scheme, "https"))
        return refuse(e, reference, "configuration from the network is not supported");
    if (colon[1] == '-')
        return refuse(e, reference, "a default needs the scheme: ${env:NAME:-default}");
    return refuse(e, reference, "unknown scheme; expected env, file or yaml");
}

/* The first reference without another one inside that is not escaped. */
static bool find_reference(const char *text, size_t *ret_start, size_t *ret_end)
{
    for (size_t from = 0;;) {
        const char *close = strchr(text + from, '}');
        if (close == NULL)
            return false;
        size_t end = (size_t)(close - text), start = end;
        while (start > from && !(text[start - 1] == '$' && text[start] == '{'))
            start--;
        if (start > from) {
            size_t dollars = 0;
            while (start - 1 > dollars && text[start - 2 - dollars] == '$')
                dollars++;
            if (dollars % 2 == 0) {
                *ret_start = start - 1;
                *ret_end = end + 1;
                return true;
            }
        }
        from = end + 1;
    }
}

static const char *unescape(struct sl_arena *arena, const char *text)
{
    if (text == NULL || strstr(text, "$$") == NULL)
        return text;
    char *copy = (char *)sl_arena_copy(arena, sl_text(text)).data, *to = copy;
    if (copy == NULL)
        return NULL;
    for (; *text != '\0'; text++) {
        *to++ = *text;
        if (text[0] == '$' && text[1] == '$')
            text++;
    }
    *to = '\0';
    return copy;
}

/* text with what the reference gave in its place. */
static int put_in(struct expanding *e, const char *text, size_t start, size_t end,
                  const char *given, const char **ret_text)
{
    size_t left = strlen(text), middle = strlen(given), size = left - (end - start) + middle;
    if (charge(e, "...", size) != SL_OK)
        return SL_EINVALID;
    char *joined = sl_arena_alloc(e->reader->arena, size + 1);
    if (joined == NULL)
        return SL_ENOMEM;
    memcpy(joined, text, start);
    memcpy(joined + start, given, middle);
    memcpy(joined + start + middle, text + end, left - end + 1);
    *ret_text = joined;
    return SL_OK;
}

/* Expands all references in text, except one that is the whole text: then
 * *ret_whole is what it gave. */
static int expand_text(struct expanding *e, const char *text, const char **ret_text,
                       struct found *ret_whole, bool *ret_is_whole)
{
    size_t start, end;
    *ret_is_whole = false;
    while (find_reference(text, &start, &end)) {
        struct found found;
        struct sl_bytes inner =
            sl_arena_copy(e->reader->arena, sl_bytes(text + start + 2, end - start - 3));
        if (inner.data == NULL)
            return SL_ENOMEM;
        int rc = look_up(e, (const char *)inner.data, &found);
        if (rc != SL_OK)
            return rc;
        if (start == 0 && text[end] == '\0' && ret_whole != NULL) {
            *ret_whole = found;
            *ret_is_whole = true;
            return SL_OK;
        }
        rc = put_in(e, text, start, end, found.text != NULL ? found.text : "", &text);
        if (rc != SL_OK)
            return rc;
    }
    *ret_text = text;
    return SL_OK;
}

/* The Collector takes text word for word: neither quotes nor comments go. */
static bool is_plain_text(const struct sl_node *node)
{
    return node->kind == SL_NODE_SCALAR &&
           (node->quoted || (!sl_yaml_is_bool(node->text) && !sl_yaml_is_number(node->text)));
}

/* The YAML that a reference gave, or NULL when it is text or not valid YAML. */
static int parse_found(struct expanding *e, const struct found *found, unsigned level,
                       struct sl_node **ret_node)
{
    struct sl_diag scratch;
    sl_diag_init(&scratch);
    struct sl_reader reader = *e->reader;
    reader.diag = &scratch;
    struct sl_yaml_input input = {.text = sl_text(found->text), .level = level};
    input.place = e->node->place;
    if (found->file != NULL)
        input.place = (struct sl_place){.file = found->file};
    else if (input.place.line == 0)
        input.place.line = input.place.column = 1;
    struct sl_node *node = NULL;
    int rc = sl_yaml_read(&reader, &input, &node);
    if (rc != SL_OK || scratch.errors > 0 || is_plain_text(node))
        node = NULL;
    e->reader->nodes = reader.nodes;
    sl_diag_done(&scratch);
    *ret_node = node;
    return rc == SL_ENOMEM ? SL_ENOMEM : SL_OK;
}

static int expand_node(struct sl_reader *reader, struct sl_node *node, const struct sl_path *path,
                       unsigned level);

/* The node becomes what a whole-value reference gave. */
static int take_found(struct expanding *e, const struct found *found, unsigned level)
{
    struct sl_node *node = e->node, *parsed = NULL;
    if (found->text == NULL) {
        node->kind = SL_NODE_NULL;
        node->text = NULL;
        return SL_OK;
    }
    int rc = found->text_only ? SL_OK : parse_found(e, found, level, &parsed);
    if (rc != SL_OK)
        return rc;
    if (parsed == NULL) {
        node->kind = SL_NODE_SCALAR;
        node->text = found->text;
        node->quoted = true;
        return expand_node(e->reader, node, e->path, level);
    }
    node->kind = parsed->kind;
    node->text = parsed->text;
    node->child = parsed->child;
    node->quoted = false;
    if (found->file != NULL)
        node->place = parsed->place;
    struct expanding again = {.reader = e->reader, .node = node, .path = e->path, .quiet = true};
    bool whole;
    rc = expand_text(&again, found->text, &node->original, NULL, &whole);
    if (rc != SL_OK)
        return rc == SL_ENOMEM ? rc : SL_EINVALID;
    node->original = unescape(e->reader->arena, node->original);
    if (node->original == NULL)
        return SL_ENOMEM;
    return node->child != NULL ? expand_node(e->reader, node, e->path, level) : SL_OK;
}

static int expand_scalar(struct sl_reader *reader, struct sl_node *node, const struct sl_path *path,
                         unsigned level)
{
    if (strchr(node->text, '$') == NULL)
        return SL_OK;
    struct expanding e = {.reader = reader, .node = node, .path = path};
    const char *text = node->text;
    struct found whole;
    bool is_whole;
    int rc = expand_text(&e, node->text, &text, &whole, &is_whole);
    if (rc == SL_OK && is_whole)
        rc = take_found(&e, &whole, level);
    else if (rc == SL_OK) {
        node->quoted = node->quoted || text != node->text;
        node->text = unescape(reader->arena, text);
        if (node->text == NULL)
            rc = SL_ENOMEM;
    }
    if (rc != SL_EINVALID)
        return rc;
    node->kind = SL_NODE_NULL;
    node->broken = true;
    node->child = NULL;
    return SL_OK;
}

static int expand_node(struct sl_reader *reader, struct sl_node *node, const struct sl_path *path,
                       unsigned level)
{
    if (node->kind == SL_NODE_SCALAR)
        return expand_scalar(reader, node, path, level);
    unsigned index = 0;
    for (struct sl_node *child = node->child; child != NULL; child = child->next) {
        struct sl_path step = {.parent = path, .key = child->key, .index = index++};
        int rc = expand_node(reader, child, &step, level + 1);
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

int sl_config_expand(struct sl_reader *reader, struct sl_node *root)
{
    return expand_node(reader, root, NULL, 0);
}
