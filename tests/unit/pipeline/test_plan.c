/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: what is said about wrong configurations, word for word, and what right
 * ones become. */
#include <stdlib.h>

#include "core/alloc.h"
#include "fake.h"
#include "tests/check.h"

#define RECEIVER "receivers: {src: }\n"
#define EXPORTER "exporters: {sink: }\n"
#define TRACES "service: {pipelines: {traces: {receivers: [src], exporters: [sink]}}}\n"
#define TELEMETRY(text)                                                                            \
    RECEIVER EXPORTER                                                                              \
        "service:\n  pipelines: {traces: {receivers: [src], exporters: [sink]}}\n" text

struct row {
    const char *about, *yaml, *expected;
    bool valid;
};

#include "plan_rows.inc"

static char *complaints(const struct sl_diag *diag)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sl_diag_print(diag, out);
    fclose(out);
    return text;
}

static void test_every_complaint_is_worded_and_placed(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sl_arena arena = {0};
        struct sl_diag diag;
        sl_diag_init(&diag);
        struct sl_plan *plan = fake_plan(rows[i].yaml, &arena, &diag);
        char *said = complaints(&diag);
        if (strcmp(said, rows[i].expected) != 0 || (plan != NULL) != rows[i].valid) {
            print_message("%s: plan %s, said\n%sexpected\n%s", rows[i].about,
                          plan != NULL ? "made" : "refused", said, rows[i].expected);
            failed++;
        }
        free(said);
        sl_plan_free(plan);
        sl_diag_done(&diag);
        sl_arena_done(&arena);
    }
    CHECK_INT(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_complaint_is_worded_and_placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
