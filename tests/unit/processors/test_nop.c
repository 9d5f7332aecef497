/* SPDX-License-Identifier: Apache-2.0 */
/* The nop processor hands on what it gets, as it is. */
#include "tests/solo.h"

extern const struct sl_component_type nop_processor;

static void test_a_batch_goes_on_as_it_came(void **state)
{
    (void)state;
    struct solo solo;
    struct answer answer;
    solo_init(&solo, &nop_processor, "");
    struct sl_batch *batch = solo_batch(
        SL_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\"}]}]}]}");
    solo_send(&solo, batch, NULL, &answer);
    CHECK_INT(solo.caught_count, 1);
    CHECK(solo.caught->batch == batch && !batch->changed);
    CHECK_INT(answer.count, 0);
    solo_finish(&solo, sl_result_of(SL_RESULT_REJECT, "no"), NULL);
    CHECK_INT(answer.count, 1);
    CHECK_INT(answer.result.outcome, SL_RESULT_REJECT);
    solo_done(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_goes_on_as_it_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
