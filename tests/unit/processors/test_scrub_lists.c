/* SPDX-License-Identifier: Apache-2.0 */
/* Values in lists, tables and nested encodings, where the neighbours are glued to them. */
#include "tests/unit/processors/scrub_helper.h"

static const struct {
    const char *text, *want; /* NULL: stays as it is */
} cases[] = {
    {"[4556737586899855,4556737586899855]", "[\"[CREDIT_CARD]\",\"[CREDIT_CARD]\"]"},
    {"4556737586899855,123,kim", "[CREDIT_CARD],123,kim"},
    {"kim,4556737586899855,12/27", "kim,[CREDIT_CARD],12/27"},
    {"4556737586899855/12/27", "[CREDIT_CARD]/12/27"},
    {"4556737586899855:12:27", "[CREDIT_CARD]:12:27"},
    {"kim,123-45-6789,512,ssn", "kim,[US_SSN],512,ssn"},
    {"ssn 7,123-45-6789,5", "ssn 7,\"[US_SSN]\",5"},
    {"1,234,567,890,123,456", NULL},
    {"card 4556737586899855.5", NULL},
    {"1,234.56", NULL},
    {"kim%2540example.com", "[EMAIL]"},
    {"u=http%3A%2F%2Fh%2F%3Fm%3Dkim%252540example.com%26x",
     "u=http%3A%2F%2Fh%2F%3Fm%3D[EMAIL]%26x"},
    {"100%25 40%2525 of", NULL},
};

static void test_values_in_lists_and_nested_encodings_are_found(void **state)
{
    (void)state;
    struct scrub_fixture fixture;
    scrub_begin(&fixture);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_BYTES(scrub_text(&fixture, cases[i].text),
                    sl_text(cases[i].want != NULL ? cases[i].want : cases[i].text));
    scrub_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_lists_and_nested_encodings_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
