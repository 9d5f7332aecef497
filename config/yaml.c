/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to a tree of nodes that know their places, from libyaml's events.
 * Aliases are copied where they stand and merge keys ("<<") applied, so that
 * nothing behind this file knows of either.
 */
#include <yaml.h>

#include "config/reader.h"

enum { ANCHORS = 1000 };

struct anchor {
    struct anchor *next;
    const char *name;
    struct sl_node *node;
    bool open; /* its own node is still being read */
};

struct parsing {
    struct sl_reader *reader;
    const struct sl_yaml_input *input;
    struct sl_bytes text; /* without the byte order mark */
    yaml_parser_t parser;
    struct anchor *anchors;
    unsigned anchor_count;
};

static int read_node(struct parsing *p, yaml_event_t *event, const struct sl_path *path,
                     unsigned level, struct sl_node **ret_node);

static struct sl_place place_of(const struct parsing *p, yaml_mark_t mark)
{
    struct sl_place place = p->input->place;
    if (place.line == 0) {
        place.line = mark.line < INT32_MAX ? (int)mark.line + 1 : INT32_MAX;
        place.column = mark.column < INT32_MAX ? (int)mark.column + 1 : INT32_MAX;
    }
    return place;
}

static int complain(struct parsing *p, struct sl_place place, const struct sl_path *path,
                    const char *text)
{
    char where[SL_PATH_SIZE];
    sl_diag_add(p->reader->diag, SL_DIAG_ERROR, place, sl_path_print(path, where, sizeof where),
                "%s", text);
    return SL_EINVALID;
}

int sl_node_new(struct sl_reader *reader, enum sl_node_kind kind, struct sl_place place,
                struct sl_node **ret_node)
{
    if (reader->nodes >= SL_CONFIG_NODES) {
        sl_diag_add(reader->diag, SL_DIAG_ERROR, place, NULL,
                    "the configuration has more than %d values", SL_CONFIG_NODES);
        return SL_EINVALID;
    }
    struct sl_node *node = sl_arena_alloc(reader->arena, sizeof *node);
    if (node == NULL)
        return SL_ENOMEM;
    reader->nodes++;
    *node = (struct sl_node){.kind = kind, .place = place};
    *ret_node = node;
    return SL_OK;
}

static int too_deep(struct sl_reader *reader, struct sl_place place)
{
    sl_diag_add(reader->diag, SL_DIAG_ERROR, place, NULL, "nested deeper than %d levels",
                SL_CONFIG_LEVELS);
    return SL_EINVALID;
}

int sl_node_copy(struct sl_reader *reader, const struct sl_node *node, unsigned level,
                 struct sl_node **ret_copy)
{
    if (level >= SL_CONFIG_LEVELS)
        return too_deep(reader, node->place);
    struct sl_node *copy;
    int rc = sl_node_new(reader, node->kind, node->place, &copy);
    if (rc != SL_OK)
        return rc;
    *copy = *node;
    copy->child = copy->next = NULL;
    struct sl_node **last = &copy->child;
    for (const struct sl_node *child = node->child; child != NULL; child = child->next) {
        rc = sl_node_copy(reader, child, level + 1, last);
        if (rc != SL_OK)
            return rc;
        last = &(*last)->next;
    }
    *ret_copy = copy;
    return SL_OK;
}

struct sl_node *sl_node_find(const struct sl_node *map, const char *key)
{
    if (map == NULL || map->kind != SL_NODE_MAP)
        return NULL;
    struct sl_node *child = map->child;
    while (child != NULL && strcmp(child->key, key) != 0)
        child = child->next;
    return child;
}

/* libyaml's words, made plainer where people meet them often. */
static const char *plain_words(const struct parsing *p, char *room, size_t size)
{
    const yaml_parser_t *parser = &p->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "not valid YAML";
    size_t at = parser->problem_mark.index;
    if (strstr(problem, "cannot start any token") != NULL) {
        /* The index counts characters; the byte there is right only in ASCII text. */
        uint8_t c = at < p->text.size ? p->text.data[at] : 0;
        if (c == '\t' || memchr(p->text.data, '\t', p->text.size) != NULL)
            return "a tab cannot indent YAML: use spaces";
        return "this character cannot start a value: quote the text";
    }
    if (strstr(problem, "mapping values are not allowed") != NULL)
        return "a ':' is not expected here: quote the text or check the indentation";
    if (strstr(problem, "could not find expected ':'") != NULL)
        return "expected a ':' after this key";
    if (strstr(problem, "expected ',' or ']'") != NULL)
        return "this list is not closed: expected ',' or ']'";
    if (strstr(problem, "expected ',' or '}'") != NULL)
        return "this map is not closed: expected ',' or '}'";
    if (strstr(problem, "did not find expected key") != NULL)
        return "expected a key: check the indentation";
    if (strstr(problem, "did not find expected '-'") != NULL)
        return "expected '-': check the indentation of the list";
    if (strstr(problem, "unexpected end of stream") != NULL && parser->context != NULL &&
        strstr(parser->context, "quoted scalar") != NULL)
        return "this quote is not closed";
    if (parser->context != NULL)
        (void)snprintf(room, size, "%s, %s", problem, parser->context);
    else
        (void)snprintf(room, size, "%s", problem);
    return room;
}

/* libyaml often notices a line late; then the start of what it was reading is
 * the better place. A block map's start is too far away to help anyone. */
static yaml_mark_t mark_of_problem(const yaml_parser_t *parser)
{
    const char *context = parser->context != NULL ? parser->context : "";
    bool late = strstr(context, "while scanning") == context ||
                strstr(context, "while parsing a flow") == context;
    return late && parser->context_mark.line < parser->problem_mark.line ? parser->context_mark
                                                                         : parser->problem_mark;
}

/* Bytes that are not text have an offset only. */
static struct sl_place place_of_offset(const struct parsing *p, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < p->text.size; i++) {
        if (p->text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((p->text.data[i] & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return place_of(p, mark);
}

static int next_event(struct parsing *p, yaml_event_t *event)
{
    if (yaml_parser_parse(&p->parser, event))
        return SL_OK;
    char room[200];
    switch (p->parser.error) {
    case YAML_MEMORY_ERROR:
        return SL_ENOMEM;
    case YAML_READER_ERROR: {
        struct sl_place place = place_of_offset(p, p->parser.problem_offset);
        (void)snprintf(room, sizeof room, "not UTF-8 text: %s", p->parser.problem);
        return complain(p, place, NULL, room);
    }
    default:
        return complain(p, place_of(p, mark_of_problem(&p->parser)), NULL,
                        plain_words(p, room, sizeof room));
    }
}

/* SL_OK with *ret_anchor NULL when there is no name. */
static int add_anchor(struct parsing *p, const yaml_char_t *name, struct sl_node *node, bool open,
                      struct anchor **ret_anchor)
{
    *ret_anchor = NULL;
    if (name == NULL)
        return SL_OK;
    if (++p->anchor_count > ANCHORS)
        return complain(p, node->place, NULL, "more than 1000 anchors in a file");
    struct anchor *anchor = sl_arena_alloc(p->reader->arena, sizeof *anchor);
    if (anchor == NULL)
        return SL_ENOMEM;
    *anchor = (struct anchor){.next = p->anchors, .node = node, .open = open};
    anchor->name = (const char *)sl_arena_copy(p->reader->arena, sl_text((const char *)name)).data;
    if (anchor->name == NULL)
        return SL_ENOMEM;
    p->anchors = anchor;
    *ret_anchor = anchor;
    return SL_OK;
}

static int read_alias(struct parsing *p, const yaml_event_t *event, const struct sl_path *path,
                      unsigned level, struct sl_node **ret_node)
{
    struct sl_place place = place_of(p, event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    struct anchor *anchor = p->anchors;
    while (anchor != NULL && strcmp(anchor->name, name) != 0)
        anchor = anchor->next;
    if (anchor == NULL)
        return complain(p, place, path, "this alias has no anchor before it");
    if (anchor->open)
        return complain(p, place, path, "this alias stands inside its own anchor");
    int rc = sl_node_copy(p->reader, anchor->node, level, ret_node);
    if (rc == SL_OK)
        (*ret_node)->place = place;
    return rc;
}

/* Whether a scalar may be read as a bool, number or null. */
static int check_tag(struct parsing *p, const yaml_event_t *event, const struct sl_path *path,
                     bool *ret_quoted)
{
    const char *tag = (const char *)event->data.scalar.tag;
    *ret_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (tag == NULL)
        return SL_OK;
    if (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0)
        *ret_quoted = true;
    else if (strcmp(tag, YAML_INT_TAG) == 0 || strcmp(tag, YAML_FLOAT_TAG) == 0 ||
             strcmp(tag, YAML_BOOL_TAG) == 0 || strcmp(tag, YAML_NULL_TAG) == 0)
        *ret_quoted = false;
    else
        return complain(p, place_of(p, event->start_mark), path, "this tag is not supported");
    return SL_OK;
}

static int read_scalar(struct parsing *p, const yaml_event_t *event, const struct sl_path *path,
                       struct sl_node **ret_node)
{
    struct sl_place place = place_of(p, event->start_mark);
    struct sl_bytes text = sl_bytes(event->data.scalar.value, event->data.scalar.length);
    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL)
        return complain(p, place, path, "text cannot hold a NUL character");
    bool quoted;
    struct sl_node *node;
    struct anchor *anchor;
    int rc = check_tag(p, event, path, &quoted);
    if (rc == SL_OK)
        rc = sl_node_new(p->reader, SL_NODE_SCALAR, place, &node);
    if (rc == SL_OK)
        rc = add_anchor(p, event->data.scalar.anchor, node, false, &anchor);
    if (rc != SL_OK)
        return rc;
    node->quoted = quoted;
    node->text = (const char *)sl_arena_copy(p->reader->arena, text).data;
    if (node->text == NULL)
        return SL_ENOMEM;
    if (!quoted && sl_yaml_is_null(node->text))
        node->kind = SL_NODE_NULL;
    *ret_node = node;
    return SL_OK;
}

static int read_list(struct parsing *p, const yaml_event_t *start, const struct sl_path *path,
                     unsigned level, struct sl_node **ret_node)
{
    struct sl_node *list;
    struct anchor *anchor = NULL;
    int rc = sl_node_new(p->reader, SL_NODE_LIST, place_of(p, start->start_mark), &list);
    if (rc != SL_OK)
        return rc;
    rc = add_anchor(p, start->data.sequence_start.anchor, list, true, &anchor);
    struct sl_node **last = &list->child;
    struct sl_path element = {.parent = path};
    while (rc == SL_OK) {
        yaml_event_t event;
        rc = next_event(p, &event);
        if (rc != SL_OK)
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        rc = read_node(p, &event, &element, level + 1, last);
        if (rc == SL_OK)
            last = &(*last)->next;
        element.index++;
    }
    if (anchor != NULL)
        anchor->open = false;
    *ret_node = list;
    return rc;
}

/* A map while it is read. */
struct map_reading {
    struct parsing *p;
    struct sl_node *map, **last;
    struct sl_node *merge; /* the value of "<<" */
    const struct sl_path *path;
    unsigned level, keys;
};

static int append(struct map_reading *m, struct sl_node *node)
{
    if (++m->keys > SL_CONFIG_KEYS)
        return complain(m->p, node->key_place, m->path, "more than 5000 keys in one map");
    *m->last = node;
    m->last = &node->next;
    return SL_OK;
}

/* Keys of a merged map that the map itself does not have. */
static int merge_map(struct map_reading *m, struct sl_node *from)
{
    if (from->kind != SL_NODE_MAP)
        return complain(m->p, from->place, m->path, "'<<' takes a map or a list of maps");
    struct sl_node *next;
    for (struct sl_node *child = from->child; child != NULL; child = next) {
        next = child->next;
        child->next = NULL;
        if (sl_node_find(m->map, child->key) != NULL)
            continue;
        int rc = append(m, child);
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

static int apply_merge(struct map_reading *m)
{
    if (m->merge == NULL)
        return SL_OK;
    if (m->merge->kind != SL_NODE_LIST)
        return merge_map(m, m->merge);
    for (struct sl_node *each = m->merge->child; each != NULL; each = each->next) {
        int rc = merge_map(m, each);
        if (rc != SL_OK)
            return rc;
    }
    return SL_OK;
}

/* Complains about a second key of the same name and goes on. */
static bool is_duplicate(struct map_reading *m, const char *key, struct sl_place place,
                         const struct sl_path *path)
{
    const struct sl_node *other = sl_node_find(m->map, key);
    if (strcmp(key, "<<") == 0 && m->merge != NULL)
        other = m->merge;
    if (other == NULL)
        return false;
    char where[SL_PATH_SIZE];
    sl_diag_add(m->p->reader->diag, SL_DIAG_ERROR, place, sl_path_print(path, where, sizeof where),
                "duplicate key, first given in line %d", other->key_place.line);
    return true;
}

static int read_entry(struct map_reading *m, const yaml_event_t *key_event)
{
    struct parsing *p = m->p;
    struct sl_place key_place = place_of(p, key_event->start_mark);
    if (key_event->type != YAML_SCALAR_EVENT)
        return complain(p, key_place, m->path, "a key must be plain text");
    struct sl_bytes text = sl_bytes(key_event->data.scalar.value, key_event->data.scalar.length);
    if (text.size == 0 || memchr(text.data, 0, text.size) != NULL)
        return complain(p, key_place, m->path, "a key must be plain text, not empty");
    const char *key = (const char *)sl_arena_copy(p->reader->arena, text).data;
    if (key == NULL)
        return SL_ENOMEM;
    struct sl_path path = {.parent = m->path, .key = key};
    bool merges = strcmp(key, "<<") == 0 && key_event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool duplicate = is_duplicate(m, key, key_place, &path);
    yaml_event_t event;
    struct sl_node *node;
    int rc = next_event(p, &event);
    if (rc == SL_OK)
        rc = read_node(p, &event, &path, m->level + 1, &node);
    if (rc != SL_OK)
        return rc;
    node->key = key;
    node->key_place = key_place;
    if (duplicate)
        return SL_OK;
    if (!merges)
        return append(m, node);
    m->merge = node;
    return SL_OK;
}

static int read_map(struct parsing *p, const yaml_event_t *start, const struct sl_path *path,
                    unsigned level, struct sl_node **ret_node)
{
    struct map_reading m = {.p = p, .path = path, .level = level};
    struct anchor *anchor = NULL;
    int rc = sl_node_new(p->reader, SL_NODE_MAP, place_of(p, start->start_mark), &m.map);
    if (rc != SL_OK)
        return rc;
    m.last = &m.map->child;
    rc = add_anchor(p, start->data.mapping_start.anchor, m.map, true, &anchor);
    while (rc == SL_OK) {
        yaml_event_t event;
        rc = next_event(p, &event);
        if (rc != SL_OK)
            break;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            rc = read_entry(&m, &event);
        yaml_event_delete(&event);
        if (end)
            break;
    }
    if (rc == SL_OK)
        rc = apply_merge(&m);
    if (anchor != NULL)
        anchor->open = false;
    *ret_node = m.map;
    return rc;
}

/* Takes over the event. */
static int read_node(struct parsing *p, yaml_event_t *event, const struct sl_path *path,
                     unsigned level, struct sl_node **ret_node)
{
    int rc;
    if (level >= SL_CONFIG_LEVELS)
        rc = too_deep(p->reader, place_of(p, event->start_mark));
    else if (event->type == YAML_SCALAR_EVENT)
        rc = read_scalar(p, event, path, ret_node);
    else if (event->type == YAML_ALIAS_EVENT)
        rc = read_alias(p, event, path, level, ret_node);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        rc = read_list(p, event, path, level, ret_node);
    else
        rc = read_map(p, event, path, level, ret_node);
    yaml_event_delete(event);
    return rc;
}

/* The events of a stream: start, one document at most, end. */
static int read_stream(struct parsing *p, struct sl_node **ret_root)
{
    struct sl_node *root = NULL;
    for (;;) {
        yaml_event_t event;
        int rc = next_event(p, &event);
        if (rc != SL_OK)
            return rc;
        yaml_event_type_t type = event.type;
        struct sl_place place = place_of(p, event.start_mark);
        if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
            type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
            rc = read_node(p, &event, p->input->path, p->input->level, &root);
        else if (type == YAML_DOCUMENT_START_EVENT && root != NULL)
            rc = complain(p, place, p->input->path,
                          "a second document begins here: only one is read from a file");
        if (type != YAML_SCALAR_EVENT && type != YAML_ALIAS_EVENT &&
            type != YAML_SEQUENCE_START_EVENT && type != YAML_MAPPING_START_EVENT)
            yaml_event_delete(&event);
        if (rc != SL_OK)
            return rc;
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    if (root == NULL) {
        int rc = sl_node_new(p->reader, SL_NODE_NULL, place_of(p, (yaml_mark_t){0}), &root);
        if (rc != SL_OK)
            return rc;
    }
    *ret_root = root;
    return SL_OK;
}

int sl_yaml_read(struct sl_reader *reader, const struct sl_yaml_input *input,
                 struct sl_node **ret_root)
{
    struct parsing p = {.reader = reader, .input = input, .text = input->text};
    if (input->text.size > SL_CONFIG_BYTES) {
        sl_diag_add(reader->diag, SL_DIAG_ERROR, input->place, NULL, "larger than 4 MiB");
        return SL_EINVALID;
    }
    if (sl_bytes_starts(p.text, "\xEF\xBB\xBF"))
        p.text = sl_bytes(p.text.data + 3, p.text.size - 3);
    if (!yaml_parser_initialize(&p.parser))
        return SL_ENOMEM;
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, p.text.data, p.text.size);
    int rc = read_stream(&p, ret_root);
    yaml_parser_delete(&p.parser);
    return rc;
}
