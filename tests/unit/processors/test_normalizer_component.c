/* SPDX-License-Identifier: Apache-2.0 */
/* genai_normalizer on whole batches: configuration, shared batches, schema URL,
 * counters, other signals, no memory. */
#include "core/alloc.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "tests/unit/processors/normalizer_help.h"

extern const struct sl_component_type genai_normalizer_processor;

struct fixture {
    struct sl_meters *meters;
    struct sl_meter *meter;
    struct sl_arena arena;
    struct sl_component *component, catcher;
    struct sl_target target;
    struct sl_batch *caught; /* a reference */
    unsigned finished;
    enum sl_outcome outcome;
};
static struct fixture *now;

static void catch_delivery(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)self;
    now->caught = sl_batch_ref(delivery->batch);
    sl_delivery_finish(delivery, sl_result_ok());
}
static const struct sl_component_type catcher_type = {
    .name = "catcher", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .consume = catch_delivery};

static void finished(void *arg, const struct sl_result *result)
{
    struct fixture *fixture = arg;
    fixture->finished++;
    fixture->outcome = result->outcome;
}

static int begin(struct fixture *fixture, const char *yaml, struct sl_diag *diag)
{
    const struct sl_component_type *type = &genai_normalizer_processor;
    struct sl_source source = {.name = "test", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {.sources = &source, .source_count = 1};
    memset(fixture, 0, sizeof(*fixture));
    now = fixture;
    sl_diag_init(diag);
    struct sl_node *node = sl_config_read(&input, &fixture->arena, diag);
    void *config = sl_arena_calloc(&fixture->arena, 1, type->config_size);
    int status =
        sl_schema_read(type->fields, node, "genai_normalizer", config, &fixture->arena, diag);
    if (status == 0)
        type->check(config, node, "genai_normalizer", diag);
    if (status != 0 || diag->errors > 0)
        return SL_EINVALID;
    fixture->meters = sl_meters_new();
    fixture->meter = sl_meter_new(fixture->meters, "processor", "genai_normalizer");
    fixture->catcher.type = &catcher_type;
    fixture->target.component = &fixture->catcher;
    fixture->component = sl_calloc(1, type->size);
    *fixture->component = (struct sl_component){
        .type = type, .id = "genai_normalizer", .config = config, .meter = fixture->meter};
    for (unsigned i = 0; i < 3; i++)
        fixture->component->outputs[i] = (struct sl_output){&fixture->target, 1};
    struct sl_error error;
    CHECK_INT(type->create(fixture->component, &error), 0);
    return 0;
}

static void drop(struct fixture *fixture)
{
    if (fixture->caught != NULL)
        sl_batch_unref(fixture->caught);
    fixture->caught = NULL;
}

static void end(struct fixture *fixture, struct sl_diag *diag)
{
    drop(fixture);
    if (fixture->component != NULL) {
        genai_normalizer_processor.destroy(fixture->component);
        sl_free(fixture->component);
        sl_meters_free(fixture->meters);
    }
    sl_arena_done(&fixture->arena);
    sl_diag_done(diag);
}

static void pass(struct fixture *fixture, struct sl_batch *batch)
{
    drop(fixture);
    fixture->finished = 0;
    struct sl_delivery *delivery = sl_delivery_new(batch, NULL, finished, fixture);
    CHECK(delivery != NULL);
    genai_normalizer_processor.consume(fixture->component, delivery);
    CHECK_INT(fixture->finished, 1);
}

static const char capture[] = "tests/corpus/openinference/anthropic-chat-1.pb";

static void test_a_batch_goes_through_and_is_counted(void **state)
{
    struct fixture fixture;
    struct sl_diag diag;
    (void)state;
    CHECK_INT(begin(&fixture, "{}", &diag), 0);
    pass(&fixture, help_load(SL_TRACES, capture));
    CHECK_INT(fixture.outcome, SL_RESULT_OK);
    CHECK(fixture.caught->changed);
    struct sl_counter *counter =
        sl_meter_counter(fixture.meter, "sluice_normalized_spans", "family", "openinference");
    CHECK_INT(sl_counter_read(counter),
              1); /* the SDK's own span is left as it is but for one name */
    end(&fixture, &diag);
}

static void test_a_shared_batch_is_cloned_before_it_is_changed(void **state)
{
    struct fixture fixture;
    struct sl_diag diag;
    struct sl_batch *batch = help_load(SL_TRACES, capture);
    struct sl_out before = help_encode(batch);
    (void)state;
    CHECK_INT(begin(&fixture, "{}", &diag), 0);
    pass(&fixture, sl_batch_ref(batch));
    struct sl_out after = help_encode(batch);
    CHECK(sl_bytes_equal(sl_out_view(&before), sl_out_view(&after)));
    CHECK(fixture.caught != batch);
    sl_out_done(&before);
    sl_out_done(&after);
    sl_batch_unref(batch);
    end(&fixture, &diag);
}

static void test_normalized_spans_get_the_schema_url_when_one_is_set(void **state)
{
    struct fixture fixture;
    struct sl_diag diag;
    (void)state;
    CHECK_INT(begin(&fixture, "schema_url: https://example.org/schema\n", &diag), 0);
    pass(&fixture, help_load(SL_TRACES, capture));
    unsigned stamped = 0;
    for (uint32_t g = 0; g < fixture.caught->group_count; g++)
        stamped +=
            sl_bytes_is(fixture.caught->groups[g].scope->schema_url, "https://example.org/schema");
    CHECK(stamped > 0);
    end(&fixture, &diag);
}

static void test_log_records_get_the_renames_only(void **state)
{
    struct fixture fixture;
    struct sl_diag diag;
    struct sl_attr attr;
    (void)state;
    CHECK_INT(begin(&fixture, "{}", &diag), 0);
    pass(&fixture,
         help_load(SL_LOGS, "tests/corpus/otel-openai-v2-legacy-2.1b0-capture/chat.logs-1.pb"));
    struct sl_part *part = &fixture.caught->groups[0].records[0].part;
    CHECK(sl_attr_find(fixture.caught, part, SL_LOG_ATTRIBUTES, SL_LIT("gen_ai.provider.name"),
                       &attr));
    CHECK_BYTES(attr.value.bytes, SL_LIT("openai"));
    CHECK(!sl_attr_find(fixture.caught, part, SL_LOG_ATTRIBUTES, SL_LIT("gen_ai.system"), &attr));
    end(&fixture, &diag);
}

static void test_without_memory_the_client_is_told_to_retry(void **state)
{
    unsigned retried = 0;
    (void)state;
    for (long i = 0; i < 60; i++) {
        struct fixture fixture;
        struct sl_diag diag;
        CHECK_INT(begin(&fixture, "{}", &diag), 0);
        struct sl_batch *batch = help_load(SL_TRACES, capture);
        struct sl_delivery *delivery = sl_delivery_new(batch, NULL, finished, &fixture);
        (void)sl_alloc_fail_after(i);
        genai_normalizer_processor.consume(fixture.component, delivery);
        (void)sl_alloc_fail_after(-1);
        CHECK_INT(fixture.finished, 1);
        CHECK(fixture.outcome == SL_RESULT_OK || fixture.outcome == SL_RESULT_RETRY);
        CHECK((fixture.caught != NULL) == (fixture.outcome == SL_RESULT_OK));
        retried += fixture.outcome == SL_RESULT_RETRY;
        end(&fixture, &diag);
    }
    CHECK(retried > 3);
}

static void test_mistakes_in_the_configuration_are_named(void **state)
{
    static const char *const bad[] = {
        "families: [openinferense]\n",
        "mappings: [{source: a, target: gen_ai.no.such}]\n",
        "mappings: [{source: a, target: gen_ai.request.model, transform: upper}]\n",
        "target_version: \"1.20\"\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture;
        struct sl_diag diag;
        CHECK_INT(begin(&fixture, bad[i], &diag), SL_EINVALID);
        CHECK(diag.errors > 0);
        end(&fixture, &diag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_goes_through_and_is_counted),
        cmocka_unit_test(test_a_shared_batch_is_cloned_before_it_is_changed),
        cmocka_unit_test(test_normalized_spans_get_the_schema_url_when_one_is_set),
        cmocka_unit_test(test_log_records_get_the_renames_only),
        cmocka_unit_test(test_without_memory_the_client_is_told_to_retry),
        cmocka_unit_test(test_mistakes_in_the_configuration_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
