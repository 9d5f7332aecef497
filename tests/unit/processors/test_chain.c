/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random spans in random batches through random chains of the normalizer, the
 * scrubber, cutting, merging and cloning. The reference is each span alone in a
 * batch of its own through the same processors: nothing may be lost or doubled,
 * and neighbours, merges, cuts and clones must not change a byte.
 */
#include "core/alloc.h"
#include "otlp/view.h"
#include "tests/solo.h"

extern const struct sl_component_type genai_normalizer_processor, pii_scrubber_processor;

enum { ROUNDS = 120, SPANS = 24, PIECES = 4, STEPS = 3 };

static uint64_t seed = 7;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

static struct solo normalizer, scrubber;

/* What is known of the spans of a round. */
static struct {
    struct sl_out scope; /* a whole ResourceX */
    unsigned piece;
} spans[SPANS];
static char chains[PIECES][STEPS + 1], last_chain[STEPS + 1];

static void put_message(struct sl_out *out, unsigned number, struct sl_bytes payload)
{
    sl_out_byte(out, (uint8_t)(number << 3 | 2));
    size_t rest = payload.size;
    for (; rest >= 0x80; rest >>= 7)
        sl_out_byte(out, (uint8_t)(rest | 0x80));
    sl_out_byte(out, (uint8_t)rest);
    sl_out_bytes(out, payload.data, payload.size);
}

static void wrap(struct sl_out *out, unsigned number, struct sl_out *payload)
{
    put_message(out, number, sl_out_view(payload));
    sl_out_done(payload);
    *payload = (struct sl_out){0};
}

static void put_attributes(struct sl_out *out, uint32_t number)
{
    static const char *const keys[] = {"llm.model_name",
                                       "gen_ai.prompt.0.content",
                                       "gen_ai.prompt.0.role",
                                       "llm.input_messages.0.message.content",
                                       "llm.input_messages.1.message.content",
                                       "input.value",
                                       "output.value",
                                       "gen_ai.system",
                                       "gen_ai.request.model",
                                       "plain",
                                       "mail kim@example.com",
                                       "llm.token_count.prompt"};
    static const char *const values[] = {
        "gpt-4o",
        "kim@example.com wrote",
        "4556737586899855",
        "user",
        "openai",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a@b.co\"}]}",
        "",
        "plain text"};
    for (unsigned i = below(9); i > 0; i--) {
        struct sl_value value = sl_value_string(sl_text(values[below(8)]));
        if (below(5) == 0)
            value = sl_value_int(below(2) == 0 ? 12 : 4556737586899855);
        sl_attr_encode(out, number, sl_text(keys[below(12)]), value);
    }
}

/* One span with its name as its mark, in one of a few resources and scopes. */
static void make_span(unsigned index)
{
    static const char *const names[] = {"openinference.instrumentation.openai", "ai",
                                        "kim@example.com"};
    struct sl_out span = {0}, name = {0}, resource = {0}, scope = {0}, *whole = &spans[index].scope;
    char mark[16];
    (void)snprintf(mark, sizeof mark, "s%u", index);
    put_message(&span, SL_SPAN_NAME, sl_text(mark));
    put_attributes(&span, SL_SPAN_ATTRIBUTES);
    put_message(&name, SL_SCOPE_NAME, sl_text(names[below(3)]));
    wrap(&scope, SL_SCOPE_SCOPE, &name);
    wrap(&scope, SL_SCOPE_RECORDS, &span);
    put_message(&scope, SL_SCOPE_SCHEMA_URL,
                sl_text(below(2) == 0 ? "https://x/1" : "https://x/kim@example.com"));
    sl_attr_encode(&resource, SL_RESOURCE_ATTRIBUTES, SL_LIT("owner"),
                   sl_value_string(sl_text(below(2) == 0 ? "kim@example.com" : "nobody")));
    sl_out_clear(whole);
    wrap(whole, SL_GROUP_RESOURCE, &resource);
    wrap(whole, SL_GROUP_SCOPES, &scope);
}

static struct sl_batch *read_spans(unsigned piece, int only)
{
    struct sl_out request = {0};
    struct sl_batch *batch = NULL;
    struct sl_error error = {""};
    for (unsigned i = 0; i < SPANS; i++)
        if (only < 0 ? spans[i].piece == piece : i == (unsigned)only)
            put_message(&request, SL_REQUEST_GROUPS, sl_out_view(&spans[i].scope));
    struct sl_buf *body = sl_buf_new(NULL, request.size + 1);
    CHECK(body != NULL);
    CHECK_INT(sl_buf_append(body, request.data, request.size, 0), SL_OK);
    if (sl_batch_read(SL_TRACES, body, NULL, &batch, NULL, &error) != SL_OK)
        fail_msg("%s", error.text);
    sl_buf_unref(body);
    sl_out_done(&request);
    return batch;
}

static struct sl_batch *pass(struct solo *solo, struct sl_batch *batch)
{
    struct answer answer;
    solo_send(solo, batch, NULL, &answer);
    CHECK_INT(solo->caught_count, 1);
    struct sl_batch *passed = sl_batch_ref(solo->caught->batch);
    solo_finish(solo, sl_result_ok(), NULL);
    solo->caught_count = 0;
    return passed;
}

/* A clone goes its own way; what it came from must not notice. */
static void disturb(struct sl_batch *batch)
{
    struct sl_out before = {0}, after = {0};
    CHECK_INT(sl_batch_encode(batch, &before), SL_OK);
    struct sl_batch *clone = sl_batch_clone(batch);
    CHECK(clone != NULL);
    clone = pass(&scrubber, pass(&normalizer, clone));
    for (uint32_t g = 0; g < clone->group_count; g++) {
        struct sl_group *group = &clone->groups[g];
        CHECK_INT(sl_attr_add(clone, &group->resource->part, SL_RESOURCE_ATTRIBUTES, SL_LIT("k"),
                              sl_value_int(1)),
                  SL_OK);
        for (uint32_t r = 0; r < group->count; r++)
            CHECK_INT(sl_part_set_bytes(clone, &group->records[r].part, SL_SPAN_NAME, SL_LIT("z")),
                      SL_OK);
    }
    struct sl_batch *rest = NULL;
    CHECK_INT(sl_batch_split(clone, 2, 0, &rest), SL_OK);
    sl_batch_unref(rest);
    sl_batch_unref(clone);
    CHECK_INT(sl_batch_encode(batch, &after), SL_OK);
    CHECK_BYTES(sl_out_view(&after), sl_out_view(&before));
    sl_out_done(&before);
    sl_out_done(&after);
}

static struct sl_batch *run_chain(struct sl_batch *batch, const char *chain, bool disturbed)
{
    for (; *chain != '\0'; chain++) {
        if (disturbed && below(3) == 0)
            disturb(batch);
        batch = pass(*chain == 'n' ? &normalizer : &scrubber, batch);
    }
    return batch;
}

static void draw_chain(char *chain)
{
    unsigned count = below(STEPS + 1);
    for (unsigned i = 0; i < count; i++)
        chain[i] = below(2) == 0 ? 'n' : 's';
    chain[count] = '\0';
}

/* Everything that a receiver would learn about one record. */
static void describe(const struct sl_group *group, const struct sl_record *record,
                     struct sl_out *out)
{
    sl_out_clear(out);
    sl_part_encode(&group->resource->part, out);
    sl_out_bytes(out, group->resource->schema_url.data, group->resource->schema_url.size);
    sl_out_byte(out, '\n');
    sl_part_encode(&group->scope->part, out);
    sl_out_bytes(out, group->scope->schema_url.data, group->scope->schema_url.size);
    sl_out_byte(out, '\n');
    sl_part_encode(&record->part, out);
}

static void check_record(struct sl_batch *batch, uint32_t g, uint32_t r, bool *seen)
{
    struct sl_group *group = &batch->groups[g];
    struct sl_span_view view;
    struct sl_out got = {0}, want = {0};
    sl_span_read(batch, &group->records[r].part, &view);
    unsigned index = 0;
    for (size_t i = 1; i < view.name.size; i++)
        index = index * 10 + (unsigned)(view.name.data[i] - '0');
    CHECK(view.name.size > 1 && view.name.data[0] == 's' && index < SPANS);
    CHECK(!seen[index]);
    seen[index] = true;
    struct sl_batch *alone = read_spans(0, (int)index);
    alone = run_chain(run_chain(alone, chains[spans[index].piece], false), last_chain, false);
    CHECK_INT(alone->records, 1);
    describe(group, &group->records[r], &got);
    describe(&alone->groups[0], &alone->groups[0].records[0], &want);
    CHECK_BYTES(sl_out_view(&got), sl_out_view(&want));
    sl_batch_unref(alone);
    sl_out_done(&got);
    sl_out_done(&want);
}

/* Cuts, lets each part through the last chain by itself, and merges again. */
static struct sl_batch *finish_in_parts(struct sl_batch *batch)
{
    struct sl_batch *all = sl_batch_new(SL_TRACES);
    CHECK(all != NULL);
    while (batch != NULL) {
        struct sl_batch *rest = NULL;
        CHECK_INT(sl_batch_split(batch, 1 + below(SPANS), below(2) * (1 + below(2000)), &rest),
                  SL_OK);
        if (rest != NULL && below(3) == 0)
            disturb(rest);
        batch = run_chain(batch, last_chain, true);
        CHECK_INT(sl_batch_own(&batch), SL_OK);
        CHECK_INT(sl_batch_append(all, batch), SL_OK);
        sl_batch_unref(batch);
        batch = rest;
    }
    return all;
}

static void run_round(void)
{
    bool seen[SPANS] = {false};
    unsigned records = 0;
    for (unsigned i = 0; i < SPANS; i++) {
        make_span(i);
        spans[i].piece = below(PIECES);
    }
    struct sl_batch *batch = sl_batch_new(SL_TRACES);
    CHECK(batch != NULL);
    for (unsigned piece = 0; piece < PIECES; piece++) {
        draw_chain(chains[piece]);
        struct sl_batch *part = run_chain(read_spans(piece, -1), chains[piece], true);
        CHECK_INT(sl_batch_own(&part), SL_OK);
        CHECK_INT(sl_batch_append(batch, part), SL_OK);
        sl_batch_unref(part);
    }
    draw_chain(last_chain);
    batch = finish_in_parts(batch);
    CHECK_INT(batch->records, SPANS);
    CHECK_INT(batch->items, SPANS);
    for (uint32_t g = 0; g < batch->group_count; g++)
        for (uint32_t r = 0; r < batch->groups[g].count; r++, records++)
            check_record(batch, g, r, seen);
    CHECK_INT(records, SPANS);
    sl_batch_unref(batch);
}

static void test_a_span_in_any_batch_becomes_what_it_becomes_alone(void **state)
{
    (void)state;
    solo_init(&normalizer, &genai_normalizer_processor, "schema_url: https://example.com/schema");
    solo_init(&scrubber, &pii_scrubber_processor, "entities: {email: redact, credit_card: mask}");
    for (unsigned i = 0; i < ROUNDS; i++)
        run_round();
    for (unsigned i = 0; i < SPANS; i++)
        sl_out_done(&spans[i].scope);
    solo_done(&scrubber);
    solo_done(&normalizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_span_in_any_batch_becomes_what_it_becomes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
