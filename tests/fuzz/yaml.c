/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a configuration file: read, expanded, taken apart by a table with
 * every type, and printed; what is printed of an accepted one must be accepted.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/config/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *fake_getenv(const char *name)
{
    static const char *const values[][2] = {{"A", "${env:B}x"}, {"B", "[1, {a: b}]"}, {"C", ""},
                                            {"D", "$$ {"},      {"E", "${E}${E}"},    {"F", "12"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

/* NULL: not accepted. */
static char *read_and_print(const char *text, size_t size)
{
    struct sl_arena arena = {0};
    struct sl_diag diag;
    sl_diag_init(&diag);
    struct sample sample;
    memset(&sample, 0, sizeof sample);
    struct sl_source source = {.name = "fuzz.yaml", .text = text, .size = size};
    struct sl_config_input input = {.sources = &source, .source_count = 1, .getenv = fake_getenv};
    struct sl_node *root = sl_config_read(&input, &arena, &diag);
    unsigned errors = diag.errors;
    if (root == NULL && errors == 0)
        abort();
    int rc = root == NULL ? SL_EINVALID
                          : sl_schema_read(sample_fields, root, "p", &sample, &arena, &diag);
    if (root != NULL && (rc == SL_OK) != (diag.errors == errors))
        abort();
    bool accepted = diag.errors == 0 && sample.tags.count > 0; /* a map that must not be empty */
    char *printed;
    size_t printed_size;
    FILE *out = open_memstream(&printed, &printed_size);
    if (out == NULL)
        abort();
    if (accepted)
        sl_schema_print_yaml(sample_fields, &sample, 0, out);
    else
        sl_diag_print(&diag, out);
    (void)fclose(out);
    sl_diag_done(&diag);
    sl_arena_done(&arena);
    if (accepted)
        return printed;
    free(printed);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (strstr(text, "file:") == NULL) { /* no files of the machine */
        char *printed = read_and_print(text, size);
        if (printed != NULL) {
            char *again = read_and_print(printed, strlen(printed));
            if (again == NULL)
                abort();
            free(again);
            free(printed);
        }
    }
    free(text);
    return 0;
}
