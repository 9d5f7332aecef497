/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches made to be slow, through the normalizer and the scrubber: several
 * times as much input must not take much more than that many times as long.
 */
#include <time.h>

#include "otlp/view.h"
#include "tests/solo.h"

extern const struct sl_component_type genai_normalizer_processor, pii_scrubber_processor;

enum { FACTOR = 4, SLOWER = 3, PATIENCE_US = 30000 };

static uint64_t now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- spans and requests ---- */

static void put_text(struct sl_out *span, const char *key, const char *text)
{
    sl_attr_encode(span, SL_SPAN_ATTRIBUTES, sl_text(key), sl_value_string(sl_text(text)));
}

static void put_message(struct sl_out *out, unsigned number, struct sl_bytes payload)
{
    sl_out_byte(out, (uint8_t)(number << 3 | 2));
    size_t rest = payload.size;
    for (; rest >= 0x80; rest >>= 7)
        sl_out_byte(out, (uint8_t)(rest | 0x80));
    sl_out_byte(out, (uint8_t)rest);
    sl_out_bytes(out, payload.data, payload.size);
}

/* Wraps and empties. */
static void wrap(struct sl_out *out, unsigned number, struct sl_out *payload)
{
    put_message(out, number, sl_out_view(payload));
    sl_out_clear(payload);
}

static struct sl_batch *batch_of(struct sl_out *scopes)
{
    struct sl_out request = {0};
    struct sl_batch *batch = NULL;
    struct sl_error error = {""};
    put_message(&request, SL_REQUEST_GROUPS, sl_out_view(scopes));
    struct sl_buf *body = sl_buf_new(NULL, request.size);
    CHECK(body != NULL);
    CHECK_INT(sl_buf_append(body, request.data, request.size, 0), SL_OK);
    if (sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error) != SL_OK)
        fail_msg("%s", error.text);
    sl_buf_unref(body);
    sl_out_done(&request);
    sl_out_done(scopes);
    return batch;
}

static struct sl_batch *batch_of_span(struct sl_out *span)
{
    struct sl_out scope = {0}, scopes = {0};
    wrap(&scope, SL_SCOPE_RECORDS, span);
    wrap(&scopes, SL_GROUP_SCOPES, &scope);
    sl_out_done(span);
    sl_out_done(&scope);
    return batch_of(&scopes);
}

static struct sl_batch *addresses_before_many_renames(unsigned n)
{
    struct sl_out span = {0};
    for (unsigned i = 0; i < n; i++)
        put_text(&span, "a", "kim@example.com");
    for (unsigned i = 0; i < n && i < 16000; i++)
        put_text(&span, "llm.model_name", "m");
    return batch_of_span(&span);
}

static struct sl_batch *messages_in_any_order(unsigned n)
{
    struct sl_out span = {0};
    char key[96];
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "llm.input_messages.%u.message.content",
                       (unsigned)((uint64_t)i * 7919 % n));
        put_text(&span, key, "kim@example.com says");
    }
    return batch_of_span(&span);
}

static struct sl_batch *calls_and_parts(unsigned n)
{
    static const char *const parts[] = {
        "llm.input_messages.0.message.tool_calls.%u.tool_call.function.name",
        "llm.input_messages.0.message.contents.%u.message_content.tool_call.function.name",
        "llm.input_messages.0.message.contents.%u.message_content.text"};
    struct sl_out span = {0};
    char key[96];
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < 3; k++) {
            (void)snprintf(key, sizeof key, parts[k], i);
            put_text(&span, key, "f");
        }
    return batch_of_span(&span);
}

static struct sl_batch *strange_indices(unsigned n)
{
    static const char *const indices[] = {
        "4294967295", "-1", "00000001", "65536", "65535", "99999999999999999999", "1.1", "", "0x1"};
    struct sl_out span = {0};
    char key[128];
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "llm.input_messages.%s.message.content", indices[i % 9]);
        put_text(&span, key, "kim@example.com");
    }
    return batch_of_span(&span);
}

static struct sl_batch *choices_with_reasons(unsigned n)
{
    struct sl_out span = {0}, list = {0};
    char key[96];
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "gen_ai.completion.%u.content", i);
        put_text(&span, key, "x");
        sl_out_bytes(&list, "\x0a\x06\x0a\x04stop", 8);
    }
    struct sl_value reasons = {.type = SL_VALUE_ARRAY, .bytes = sl_out_view(&list)};
    sl_attr_encode(&span, SL_SPAN_ATTRIBUTES, SL_LIT("gen_ai.response.finish_reasons"), reasons);
    sl_out_done(&list);
    return batch_of_span(&span);
}

static struct sl_batch *one_key_again_and_again(unsigned n)
{
    struct sl_out span = {0};
    for (unsigned i = 0; i < n; i++)
        put_text(&span, i % 2 != 0 ? "gen_ai.prompt" : "input.value", "kim@example.com");
    return batch_of_span(&span);
}

/* Each scope has a span for the target's schema URL and one without. */
static struct sl_batch *many_scopes_to_split(unsigned n)
{
    struct sl_out span = {0}, name = {0}, scope = {0}, scopes = {0};
    char text[32];
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "s%u kim@example.com", i);
        put_message(&name, SL_SCOPE_NAME, sl_text(text));
        wrap(&scope, SL_SCOPE_SCOPE, &name);
        put_text(&span, "llm.model_name", "m");
        wrap(&scope, SL_SCOPE_RECORDS, &span);
        put_text(&span, "a", "b");
        wrap(&scope, SL_SCOPE_RECORDS, &span);
        wrap(&scopes, SL_GROUP_SCOPES, &scope);
    }
    sl_out_done(&span);
    sl_out_done(&name);
    sl_out_done(&scope);
    return batch_of(&scopes);
}

static struct sl_batch *deep_json(unsigned n)
{
    struct sl_out span = {0}, text = {0};
    for (unsigned i = 0; i < n; i++)
        sl_out_text(&text, "{\"content\":[");
    for (unsigned i = 0; i < 3; i++) {
        static const char *const keys[] = {"llm.input_messages", "input.value", "output.value"};
        sl_attr_encode(&span, SL_SPAN_ATTRIBUTES, sl_text(keys[i]),
                       sl_value_string(sl_out_view(&text)));
    }
    sl_out_done(&text);
    return batch_of_span(&span);
}

static struct sl_batch *long_list_in_json(unsigned n)
{
    struct sl_out span = {0}, text = {0};
    sl_out_byte(&text, '[');
    for (unsigned i = 0; i < n; i++)
        sl_out_text(&text, i == 0 ? "{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"
                                  : ",{\"role\":\"user\",\"content\":\"x\"}");
    sl_out_byte(&text, ']');
    sl_attr_encode(&span, SL_SPAN_ATTRIBUTES, SL_LIT("llm.input_messages"),
                   sl_value_string(sl_out_view(&text)));
    sl_out_done(&text);
    return batch_of_span(&span);
}

static struct sl_batch *one_megabyte_key(unsigned n)
{
    struct sl_out span = {0};
    size_t size = (size_t)n * 64;
    char *key = test_malloc(size + 1);
    memset(key, '.', size);
    memcpy(key, "llm.input_messages.", 19);
    key[size] = '\0';
    put_text(&span, key, "kim@example.com");
    test_free(key);
    return batch_of_span(&span);
}

/* ---- measuring ---- */

struct trap {
    const char *name;
    struct sl_batch *(*make)(unsigned n);
    unsigned n; /* of the larger one */
};

static uint64_t time_of(const struct trap *trap, unsigned n)
{
    struct solo normalizer, scrubber;
    struct answer answer, other;
    solo_init(&normalizer, &genai_normalizer_processor, "schema_url: https://example.com/schema");
    solo_init(&scrubber, &pii_scrubber_processor, "action: redact");
    struct sl_batch *batch = trap->make(n);
    size_t items = batch->items;
    uint64_t start = now_us();
    solo_send(&normalizer, batch, NULL, &answer);
    CHECK_INT(normalizer.caught_count, 1);
    solo_send(&scrubber, sl_batch_ref(normalizer.caught->batch), NULL, &other);
    CHECK_INT(scrubber.caught_count, 1);
    uint64_t took = now_us() - start;
    CHECK_INT(scrubber.caught->batch->items, items);
    struct sl_out wire = {0};
    CHECK_INT(sl_batch_encode(scrubber.caught->batch, &wire), SL_OK);
    CHECK(memmem(wire.data, wire.size, "kim@", 4) == NULL);
    sl_out_done(&wire);
    solo_finish(&scrubber, sl_result_ok(), NULL);
    solo_finish(&normalizer, sl_result_ok(), NULL);
    solo_done(&scrubber);
    solo_done(&normalizer);
    return took;
}

static void test_hostile_batches_take_linear_time(void **state)
{
    static const struct trap traps[] = {
        {"addresses before many renames", addresses_before_many_renames, 16000},
        {"messages in any order", messages_in_any_order, 10000},
        {"calls and parts", calls_and_parts, 5000},
        {"strange indices", strange_indices, 16000},
        {"choices with reasons", choices_with_reasons, 16000},
        {"one key again and again", one_key_again_and_again, 100000},
        {"many scopes to split", many_scopes_to_split, 40000},
        {"deep JSON", deep_json, 1 << 18},
        {"long list in JSON", long_list_in_json, 1 << 15},
        {"a key of a megabyte", one_megabyte_key, 1 << 14},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        const struct trap *trap = &traps[i];
        uint64_t large = time_of(trap, trap->n), small = time_of(trap, trap->n / FACTOR);
        print_message("%-32s %8llu us, a quarter: %llu us\n", trap->name, (unsigned long long)large,
                      (unsigned long long)small);
        if (large > PATIENCE_US && large > small * FACTOR * SLOWER)
            large = time_of(trap, trap->n);
        if (large > PATIENCE_US && large > small * FACTOR * SLOWER)
            fail_msg("%s: not linear", trap->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile_batches_take_linear_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
