/* SPDX-License-Identifier: Apache-2.0 */
/* Self-metrics: the Collector's names, sums over workers, bounds, and the texts. */
#include "core/alloc.h"
#include "pipeline/meter.h"
#include "tests/check.h"

static void check_page(struct sl_meters *meters, const char *expected)
{
    struct sl_out out = {0};
    sl_meters_print_prometheus(meters, &out);
    CHECK(!out.failed);
    CHECK_TEXT(sl_out_cstr(&out), expected);
    sl_out_done(&out);
}

static void test_the_same_component_on_two_workers_is_one_sum(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    struct sl_meter *first = sl_meter_new(meters, "receiver", "otlp");
    struct sl_meter *second = sl_meter_new(meters, "receiver", "otlp");
    struct sl_meter *other = sl_meter_new(meters, "receiver", "otlp/in");
    sl_meter_event(first, SL_EV_ACCEPTED, SL_TRACES, 3);
    sl_meter_event(second, SL_EV_ACCEPTED, SL_TRACES, 4);
    sl_meter_event(second, SL_EV_REFUSED, SL_LOGS, 1);
    sl_meter_event(other, SL_EV_ACCEPTED, SL_METRICS, 9);
    check_page(meters,
               "# HELP otelcol_receiver_accepted_metric_points Items that were taken into the "
               "pipeline.\n"
               "# TYPE otelcol_receiver_accepted_metric_points counter\n"
               "otelcol_receiver_accepted_metric_points{receiver=\"otlp/in\"} 9\n"
               "# HELP otelcol_receiver_accepted_spans Items that were taken into the pipeline.\n"
               "# TYPE otelcol_receiver_accepted_spans counter\n"
               "otelcol_receiver_accepted_spans{receiver=\"otlp\"} 7\n"
               "# HELP otelcol_receiver_refused_log_records Items that the pipeline refused.\n"
               "# TYPE otelcol_receiver_refused_log_records counter\n"
               "otelcol_receiver_refused_log_records{receiver=\"otlp\"} 1\n");
    CHECK_INT(sl_meters_total(meters, "receiver", SL_EV_ACCEPTED), 16);
    CHECK_INT(sl_meters_total(meters, "exporter", SL_EV_ACCEPTED), 0);
    sl_meters_free(meters);
}

static void test_a_labelled_meter_counts_for_its_component(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    for (int worker = 0; worker < 2; worker++) {
        struct sl_meter *meter = sl_meter_new(meters, "receiver", "otlp");
        struct sl_meter *grpc = sl_meter_labelled(meter, "transport", "grpc");
        struct sl_meter *http = sl_meter_labelled(meter, "transport", "http");
        sl_meter_event(grpc, SL_EV_ACCEPTED, SL_TRACES, 3);
        sl_meter_event(http, SL_EV_ACCEPTED, SL_TRACES, 4);
    }
    CHECK(sl_meter_labelled(NULL, "transport", "grpc") == NULL);
    check_page(meters,
               "# HELP otelcol_receiver_accepted_spans Items that were taken into the pipeline.\n"
               "# TYPE otelcol_receiver_accepted_spans counter\n"
               "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 6\n"
               "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"} 8\n");
    CHECK_INT(sl_meters_total(meters, "receiver", SL_EV_ACCEPTED), 14);
    struct sl_out out = {0};
    sl_meters_print_summary(meters, &out);
    CHECK_TEXT(sl_out_cstr(&out),
               "receiver   otlp  accepted 14        refused 0         failed 0\n");
    sl_out_done(&out);
    sl_meters_free(meters);
}

static void test_processors_are_counted_by_signal(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    struct sl_meter *meter = sl_meter_new(meters, "processor", "batch");
    sl_meter_event(meter, SL_EV_OUTGOING, SL_LOGS, 2);
    sl_meter_event(meter, SL_EV_OUTGOING, SL_TRACES, 5);
    check_page(meters,
               "# HELP otelcol_processor_outgoing_items Items that the processor passed on.\n"
               "# TYPE otelcol_processor_outgoing_items counter\n"
               "otelcol_processor_outgoing_items{processor=\"batch\",otel_signal=\"logs\"} 2\n"
               "otelcol_processor_outgoing_items{processor=\"batch\",otel_signal=\"traces\"} 5\n");
    sl_meters_free(meters);
}

static void test_drops_carry_their_reason(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    struct sl_meter *meter = sl_meter_new(meters, "processor", "probabilistic_sampler");
    sl_meter_dropped(meter, SL_TRACES, "sampled", 5);
    sl_meter_dropped(meter, SL_TRACES, "sampled", 6);
    sl_meter_dropped(meter, SL_LOGS, "sampled", 1);
    sl_meter_dropped(meter, SL_LOGS, "no_id", 2);
    CHECK_INT(sl_meters_dropped(meters, "sampled"), 12);
    CHECK_INT(sl_meters_dropped(meters, NULL), 14);
    check_page(meters,
               "# HELP sluice_dropped_items Items that were accepted and will not be delivered, by "
               "reason.\n"
               "# TYPE sluice_dropped_items counter\n"
               "sluice_dropped_items{kind=\"processor\",component=\"probabilistic_sampler\","
               "otel_signal=\"logs\",reason=\"no_id\"} 2\n"
               "sluice_dropped_items{kind=\"processor\",component=\"probabilistic_sampler\","
               "otel_signal=\"logs\",reason=\"sampled\"} 1\n"
               "sluice_dropped_items{kind=\"processor\",component=\"probabilistic_sampler\","
               "otel_signal=\"traces\",reason=\"sampled\"} 11\n");
    sl_meters_free(meters);
}

static void test_own_counters_and_gauges_are_named_and_escaped(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    struct sl_meter *meter = sl_meter_new(meters, "exporter", "otlp");
    struct sl_counter *counter = sl_meter_counter(meter, "retries", "code", "a\"b\\c\nd");
    CHECK(counter == sl_meter_counter(meter, "retries", "code", "a\"b\\c\nd"));
    CHECK(counter != sl_meter_counter(meter, "retries", "code", "x"));
    sl_meter_add(counter, 2);
    sl_meter_set(sl_meter_gauge(meter, "otelcol_exporter_queue_size"), -3);
    sl_meter_add(NULL, 1);
    check_page(meters, "# HELP otelcol_exporter_queue_size What the sending queue holds.\n"
                       "# TYPE otelcol_exporter_queue_size gauge\n"
                       "otelcol_exporter_queue_size{exporter=\"otlp\"} -3\n"
                       "# HELP sluice_exporter_retries A count of the component's own.\n"
                       "# TYPE sluice_exporter_retries counter\n"
                       "sluice_exporter_retries{exporter=\"otlp\",code=\"a\\\"b\\\\c\\nd\"} 2\n"
                       "sluice_exporter_retries{exporter=\"otlp\",code=\"x\"} 0\n");
    sl_meters_free(meters);
}

static void test_label_sets_are_bounded(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    struct sl_meter *meter = sl_meter_new(meters, "exporter", "otlp");
    struct sl_counter *last = NULL;
    for (int i = 0; i < 1000; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        struct sl_counter *counter = sl_meter_counter(meter, "models", "model", value);
        CHECK(counter != NULL);
        if (i > 256)
            CHECK(counter == last);
        last = counter;
        (void)snprintf(value, sizeof value, "r%d", i);
        sl_meter_dropped(meter, SL_LOGS, value, 1);
    }
    for (int i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many_%d", i);
        CHECK(sl_meter_counter(meter, name, NULL, NULL) != NULL);
    }
    CHECK_INT(sl_meters_dropped(meters, NULL), 1000);
    CHECK_INT(sl_meters_dropped(meters, "other"), 1000 - 64);
    struct sl_out out = {0};
    sl_meters_print_prometheus(meters, &out);
    CHECK(out.size < 100000);
    sl_out_done(&out);
    sl_meters_free(meters);
}

static void test_no_meter_counts_nothing(void **state)
{
    (void)state;
    sl_meter_event(NULL, SL_EV_SENT, SL_LOGS, 1);
    sl_meter_dropped(NULL, SL_LOGS, "x", 1);
    CHECK(sl_meter_counter(NULL, "x", NULL, NULL) == NULL);
    CHECK(sl_meter_gauge(NULL, "x") == NULL);
}

static void test_the_summary_has_one_line_a_component(void **state)
{
    (void)state;
    struct sl_meters *meters = sl_meters_new();
    for (int worker = 0; worker < 2; worker++) {
        struct sl_meter *receiver = sl_meter_new(meters, "receiver", "otlp");
        struct sl_meter *sampler = sl_meter_new(meters, "processor", "probabilistic_sampler");
        struct sl_meter *exporter = sl_meter_new(meters, "exporter", "file");
        (void)sl_meter_new(meters, "extension", "health_check");
        sl_meter_event(receiver, SL_EV_ACCEPTED, SL_TRACES, 10);
        sl_meter_event(receiver, SL_EV_REFUSED, SL_LOGS, 1);
        sl_meter_event(sampler, SL_EV_INCOMING, SL_TRACES, 10);
        sl_meter_event(sampler, SL_EV_OUTGOING, SL_TRACES, 7);
        sl_meter_dropped(sampler, SL_TRACES, "sampled", 3);
        sl_meter_event(exporter, SL_EV_SENT, SL_TRACES, 7);
    }
    struct sl_out out = {0};
    sl_meters_print_summary(meters, &out);
    CHECK_TEXT(sl_out_cstr(&out),
               "receiver   otlp                   accepted 20        refused 2         failed 0\n"
               "processor  probabilistic_sampler  in 20        out 14        dropped 6 (sampled)\n"
               "exporter   file                   sent 14        failed 0         refused 0\n");
    sl_out_done(&out);
    sl_meters_free(meters);
}

static void test_meters_survive_each_failing_allocation(void **state)
{
    (void)state;
    bool reached_the_end = false;
    for (long n = 0; n < 200 && !reached_the_end; n++) {
        struct sl_out out = {0};
        (void)sl_alloc_fail_after(n);
        struct sl_meters *meters = sl_meters_new();
        struct sl_meter *meter = meters != NULL ? sl_meter_new(meters, "exporter", "x") : NULL;
        sl_meter_dropped(meter, SL_LOGS, "why", 1);
        sl_meter_add(sl_meter_counter(meter, "retries", "code", "1"), 1);
        sl_meter_event(meter, SL_EV_SENT, SL_LOGS, 1);
        if (meters != NULL)
            sl_meters_print_prometheus(meters, &out);
        reached_the_end = sl_alloc_fail_after(-1) <= n;
        if (meter != NULL)
            CHECK_INT(sl_meters_dropped(meters, NULL), 1);
        if (reached_the_end)
            CHECK(!out.failed && out.size > 0);
        sl_out_done(&out);
        sl_meters_free(meters);
    }
    CHECK(reached_the_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_component_on_two_workers_is_one_sum),
        cmocka_unit_test(test_a_labelled_meter_counts_for_its_component),
        cmocka_unit_test(test_processors_are_counted_by_signal),
        cmocka_unit_test(test_drops_carry_their_reason),
        cmocka_unit_test(test_own_counters_and_gauges_are_named_and_escaped),
        cmocka_unit_test(test_label_sets_are_bounded),
        cmocka_unit_test(test_no_meter_counts_nothing),
        cmocka_unit_test(test_the_summary_has_one_line_a_component),
        cmocka_unit_test(test_meters_survive_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
