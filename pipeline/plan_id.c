/* SPDX-License-Identifier: Apache-2.0 */
/* Component ids, "type" or "type/name": the Collector's grammar, and the types
 * that they name. */
#include <ctype.h>
#include <string.h>

#include "core/bytes.h"
#include "pipeline/plan_internal.h"

enum { TYPE_MAX = 63, NAME_MAX_SIZE = 1024 };

size_t sl_id_type_size(const char *id)
{
    return strcspn(id, "/");
}

/* Blanks, control and format characters beyond ASCII, of which there are few. */
static bool is_blank_or_control(const unsigned char *at)
{
    if (at[0] == 0xC2) /* U+0080 to U+00A0 */
        return at[1] <= 0xA0;
    if (at[0] == 0xE2 && at[1] == 0x80) /* U+2000 to U+200F, U+2028 to U+202F */
        return at[2] <= 0x8F || (at[2] >= 0xA8 && at[2] <= 0xAF);
    if (at[0] == 0xE2 && at[1] == 0x81) /* U+205F to U+206F */
        return at[2] >= 0x9F && at[2] <= 0xAF;
    return (at[0] == 0xE3 && at[1] == 0x80 && at[2] == 0x80) ||
           (at[0] == 0xEF && at[1] == 0xBB && at[2] == 0xBF);
}

static const char *name_fault(const char *name)
{
    struct sl_bytes bytes = sl_text(name);
    if (bytes.size == 0)
        return "the name after '/' must not be empty";
    if (bytes.size > NAME_MAX_SIZE)
        return "the name after '/' is longer than 1024 bytes";
    if (sl_utf8_valid_prefix(bytes) != bytes.size)
        return "the name after '/' must be UTF-8";
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = bytes.data[i];
        if (c <= ' ' || c == 0x7F || (c < 0x80 && strchr("$+<=>^`|~", c) != NULL) ||
            (c >= 0xC2 && is_blank_or_control(bytes.data + i)))
            return "the name after '/' must have no blanks, control characters or symbols";
    }
    return NULL;
}

const char *sl_id_fault(const char *id)
{
    size_t size = sl_id_type_size(id);
    if (size == 0)
        return "an id is 'type' or 'type/name', and this has no type";
    if (size > TYPE_MAX)
        return "the type is longer than 63 characters";
    if (!isalpha((unsigned char)id[0]))
        return "a type starts with a letter";
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '_')
            return "a type has only letters, digits and '_'";
    return id[size] == '/' ? name_fault(id + size + 1) : NULL;
}

bool sl_type_is_named(const struct sl_component_type *type, const char *name, size_t size)
{
    if (strlen(type->name) == size && memcmp(type->name, name, size) == 0)
        return true;
    const char *at = type->aliases;
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, name, size) == 0)
            return true;
        at += length;
        at += strspn(at, " ");
    }
    return false;
}

const struct sl_component_type *sl_type_find(const struct sl_component_type *const *types,
                                             unsigned kind, const char *name, size_t size)
{
    for (; *types != NULL; types++)
        if ((unsigned)(*types)->kind == kind && sl_type_is_named(*types, name, size))
            return *types;
    return NULL;
}
