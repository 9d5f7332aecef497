/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CONFIG_SCHEMA_H
#define SL_CONFIG_SCHEMA_H

#include <stdint.h>

#include "config/node.h"
#include "core/error.h"

/*
 * A component's configuration is a plain struct plus a table of fields. The
 * table is the only description: the parser, the bounds check, the defaults,
 * print-config, the reference page and the JSON Schema are all read from it.
 *
 * A default is text and goes through the same parser as the user's value, so
 * what the reference page prints is what the program does.
 *
 * What each type stores at `offset`:
 *   BOOL      bool
 *   INT       int64_t
 *   FLOAT     double
 *   SIZE      int64_t, bytes; "20971520", "20MiB", "20MB"
 *   DURATION  int64_t, milliseconds; "200ms", "1h30m"; a unit-less integer counts
 *             in `unit` (nanoseconds, as the Collector, unless set)
 *   TEXT      const char *, NUL-ended; NULL when there is no default and no value
 *   SECRET    as TEXT; printed as [REDACTED]
 *   ENUM      int, the index in names
 *   REFERENCE const char *, a component id, checked by the graph
 *   LIST      struct sl_list of elements described by `element`
 *   MAP       struct sl_map: keys of the user's choice, values described by `element`
 *   GROUP     a nested struct; its first member is enum sl_presence. With
 *             OPTIONAL flag, the three states count: `protocols: {grpc:}` differs
 *             from no `grpc`. Defaults of its fields are filled in all three.
 *   NODE      const struct sl_node *, as read: for a shape of the component's own
 *   IGNORED   accepted and without meaning here; one warning; takes no room
 */
enum sl_type {
    SL_T_END,
    SL_T_BOOL,
    SL_T_INT,
    SL_T_FLOAT,
    SL_T_SIZE,
    SL_T_DURATION,
    SL_T_TEXT,
    SL_T_SECRET,
    SL_T_ENUM,
    SL_T_REFERENCE,
    SL_T_LIST,
    SL_T_MAP,
    SL_T_GROUP,
    SL_T_NODE,
    SL_T_IGNORED
};

enum sl_presence { SL_ABSENT, SL_NULL, SL_GIVEN };

/* How a limit relates to several workers. */
enum sl_share { SL_SHARE_NONE, SL_SHARED, SL_DIVIDED, SL_PER_WORKER };

enum sl_field_flags {
    SL_F_REQUIRED = 1, /* the user must give it */
    SL_F_OPTIONAL = 2, /* GROUP: absent or null are states of their own */
    SL_F_ADVANCED = 4, /* reference page: listed after the others */
};

struct sl_list {
    void *items; /* count elements of element->size bytes, TEXT: const char * ... */
    size_t count;
};

struct sl_map_entry {
    const char *key;
    const void *value; /* one element */
};

struct sl_map {
    const struct sl_map_entry *entries; /* in the file's order */
    size_t count;
};

struct sl_field {
    const char *name; /* as written in the file */
    enum sl_type type;
    size_t offset;            /* where the value goes in the config struct */
    const char *preset;       /* default as text; NULL: zero / empty / absent */
    int64_t min, max;         /* INT, SIZE (bytes), DURATION (ms), LIST and MAP (count); 0,0: any */
    double fmin, fmax;        /* FLOAT; 0,0: any */
    const char *const *names; /* ENUM: NULL-ended, the index is the value */
    const struct sl_field *group;   /* GROUP: its fields, SL_END-ended */
    const struct sl_field *element; /* LIST, MAP: one field whose offset is 0 */
    size_t element_size;            /* LIST, MAP: bytes of one element */
    int64_t unit;                   /* DURATION: of unit-less integers, in ns; 0: 1 */
    unsigned flags;
    enum sl_share share;
    const char *doc; /* one or two sentences; no line breaks */
};

#define SL_FIELD(t, s, m, ...)                                                                     \
    {                                                                                              \
        .name = #m, .type = SL_T_##t, .offset = offsetof(struct s, m), __VA_ARGS__                 \
    }
/* The same when the key differs from the member. */
#define SL_FIELD_AS(t, key, s, m, ...)                                                             \
    {                                                                                              \
        .name = key, .type = SL_T_##t, .offset = offsetof(struct s, m), __VA_ARGS__                \
    }
#define SL_IGNORED(key, ...)                                                                       \
    {                                                                                              \
        .name = key, .type = SL_T_IGNORED, __VA_ARGS__                                             \
    }
#define SL_END                                                                                     \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/*
 * Fills *config (zeroed by the caller) from node, defaults first; node NULL or
 * null: defaults only. Every complaint goes to diag with its place and the path
 * that starts at `path` ("processors.batch"). Text lives in arena or in node.
 * Returns SL_OK, SL_EINVALID when errors were added, SL_ENOMEM.
 */
int sl_schema_read(const struct sl_field *fields, const struct sl_node *node, const char *path,
                   void *config, struct sl_arena *arena, struct sl_diag *diag);

/* The effective configuration as YAML, every key, secrets as [REDACTED]. */
void sl_schema_print_yaml(const struct sl_field *fields, const void *config, int indent, FILE *out);
/* A Markdown table: key, type, default, bounds, text. */
void sl_schema_print_markdown(const struct sl_field *fields, FILE *out);
/* A JSON Schema (draft 2020-12) object that describes the fields; no newline after it. */
void sl_schema_print_json(const struct sl_field *fields, int indent, FILE *out);

#endif
