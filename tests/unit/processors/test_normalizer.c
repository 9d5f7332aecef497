/* SPDX-License-Identifier: Apache-2.0 */
/* The normalizer's rules one by one, over spans built by hand. */
#include "tests/unit/processors/normalizer_help.h"

enum { MAX_ATTRS = 24 };

struct pair {
    const char *key;
    struct sl_value value;
};
#define TEXT(key, text)                                                                            \
    {                                                                                              \
        key,                                                                                       \
        {                                                                                          \
            .type = SL_VALUE_STRING, .bytes = {(const uint8_t *)(text), sizeof(text) - 1 }         \
        }                                                                                          \
    }
#define NUMBER(key, number)                                                                        \
    {                                                                                              \
        key,                                                                                       \
        {                                                                                          \
            .type = SL_VALUE_INT, .i = (number)                                                    \
        }                                                                                          \
    }
#define REAL(key, number)                                                                          \
    {                                                                                              \
        key,                                                                                       \
        {                                                                                          \
            .type = SL_VALUE_DOUBLE, .d = (number)                                                 \
        }                                                                                          \
    }
#define NOTHING(key)                                                                               \
    {                                                                                              \
        key,                                                                                       \
        {                                                                                          \
            .type = SL_VALUE_EMPTY                                                                 \
        }                                                                                          \
    }
#define GONE(key)                                                                                  \
    {                                                                                              \
        key,                                                                                       \
        {                                                                                          \
            .type = SL_VALUE_KVLIST                                                                \
        }                                                                                          \
    } /* expected: not there */

struct rule {
    const char *name;
    const char *scope;
    struct pair in[MAX_ATTRS];
    struct pair out[MAX_ATTRS]; /* what must be there, GONE: what must not */
};

static struct sl_batch *span_of(const struct pair *pairs, const char *name, bool failed)
{
    struct sl_out span = {0}, scope = {0}, groups = {0}, request = {0};
    uint8_t ids[28] = {0x0a, 16, 1, 2, 3};
    ids[18] = 0x12;
    ids[19] = 8;
    ids[20] = 9;
    sl_out_bytes(&span, ids, sizeof(ids));
    sl_out_byte(&span, 0x2a);
    sl_out_byte(&span, (uint8_t)strlen(name));
    sl_out_text(&span, name);
    for (; pairs->key != NULL; pairs++)
        sl_attr_encode(&span, SL_SPAN_ATTRIBUTES, sl_text(pairs->key), pairs->value);
    if (failed)
        sl_out_bytes(&span, "\x7a\x02\x18\x02", 4);
    struct sl_out *const levels[] = {&span, &scope, &groups, &request};
    static const uint8_t tags[] = {0x12, 0x12, 0x0a};
    for (int i = 0; i < 3; i++) {
        size_t size = levels[i]->size;
        sl_out_byte(levels[i + 1], tags[i]);
        for (; size >= 0x80; size >>= 7)
            sl_out_byte(levels[i + 1], (uint8_t)(size | 0x80));
        sl_out_byte(levels[i + 1], (uint8_t)size);
        sl_out_bytes(levels[i + 1], levels[i]->data, levels[i]->size);
    }
    struct sl_batch *batch = help_read(SL_TRACES, sl_out_view(&request));
    for (int i = 0; i < 4; i++)
        sl_out_done(levels[i]);
    return batch;
}

static void check_value(const char *name, const struct pair *want, struct sl_batch *batch)
{
    struct sl_attr attr;
    struct sl_part *part = &batch->groups[0].records[0].part;
    bool found = sl_attr_find(batch, part, SL_SPAN_ATTRIBUTES, sl_text(want->key), &attr);
    if (want->value.type == SL_VALUE_KVLIST) {
        if (found)
            fail_msg("%s: %s should not be there", name, want->key);
        return;
    }
    if (!found)
        fail_msg("%s: %s is missing", name, want->key);
    if (attr.value.type == SL_VALUE_ARRAY && want->value.type == SL_VALUE_STRING) {
        struct sl_bytes rest = attr.value.bytes;
        CHECK(sl_array_next(&rest, &attr.value)); /* the first element */
    }
    if (attr.value.type != want->value.type)
        fail_msg("%s: %s has type %d", name, want->key, attr.value.type);
    if (want->value.type == SL_VALUE_STRING && !sl_bytes_equal(attr.value.bytes, want->value.bytes))
        fail_msg("%s: %s is '%.*s', expected '%.*s'", name, want->key, (int)attr.value.bytes.size,
                 attr.value.bytes.data, (int)want->value.bytes.size, want->value.bytes.data);
    if (want->value.type == SL_VALUE_INT && attr.value.i != want->value.i)
        fail_msg("%s: %s is %lld, expected %lld", name, want->key, (long long)attr.value.i,
                 (long long)want->value.i);
    if (want->value.type == SL_VALUE_DOUBLE && attr.value.d != want->value.d)
        fail_msg("%s: %s is %g, expected %g", name, want->key, attr.value.d, want->value.d);
}

static void check_rules(const struct rule *rules, size_t count, const char *span_name)
{
    struct nm_table *table = help_table();
    struct nm_norm norm;
    nm_norm_init(&norm, table, &help_defaults);
    for (size_t i = 0; i < count; i++) {
        struct sl_batch *batch = span_of(rules[i].in, span_name, false);
        int ret;
        unsigned scope = rules[i].scope != NULL ? nm_scope_family(sl_text(rules[i].scope)) : 0;
        struct sl_part *part = &batch->groups[0].records[0].part;
        CHECK_INT(nm_normalize(&norm, batch, part, scope, &ret), 0);
        for (const struct pair *want = rules[i].out; want->key != NULL; want++)
            check_value(rules[i].name, want, batch);
        struct sl_out once = help_encode(batch);
        CHECK_INT(nm_normalize(&norm, batch, part, scope, &ret), 0);
        if (ret >= 0)
            fail_msg("%s: the second run changes it", rules[i].name);
        sl_out_done(&once);
        sl_batch_unref(batch);
    }
    nm_norm_done(&norm);
    nm_table_free(table);
}
#define CHECK_RULES(rules, name) check_rules(rules, sizeof(rules) / sizeof((rules)[0]), name)

static void test_scalars_are_cast_to_the_type_of_the_target(void **state)
{
    static const struct rule rules[] = {
        {"a number as text",
         NULL,
         {TEXT("gen_ai.usage.prompt_tokens", "98")},
         {NUMBER("gen_ai.usage.input_tokens", 98), TEXT("gen_ai.usage.prompt_tokens", "98")}},
        {"a whole double",
         NULL,
         {REAL("gen_ai.usage.prompt_tokens", 98.0)},
         {NUMBER("gen_ai.usage.input_tokens", 98), GONE("gen_ai.usage.prompt_tokens")}},
        {"no number",
         NULL,
         {TEXT("gen_ai.usage.prompt_tokens", "many")},
         {GONE("gen_ai.usage.input_tokens"), TEXT("gen_ai.usage.prompt_tokens", "many")}},
        {"an empty value",
         NULL,
         {NOTHING("ai.usage.promptTokens"), TEXT("ai.operationId", "ai.generateText.doGenerate")},
         {GONE("gen_ai.usage.input_tokens"), NOTHING("ai.usage.promptTokens")}},
        {"the existing value has the wrong type",
         NULL,
         {REAL("gen_ai.request.top_k", 40.0), NUMBER("gen_ai.request.temperature", 1)},
         {NUMBER("gen_ai.request.top_k", 40), REAL("gen_ai.request.temperature", 1.0)}},
        {"finish reasons as JSON text",
         NULL,
         {TEXT("gen_ai.response.finish_reasons", "[\"stop\"]")},
         {TEXT("gen_ai.response.finish_reasons", "stop")}},
        {"a singular finish reason",
         NULL,
         {TEXT("gen_ai.response.finish_reason", "stop")},
         {TEXT("gen_ai.response.finish_reasons", "stop"), GONE("gen_ai.response.finish_reason")}},
        {"unset limit",
         "ai",
         {NUMBER("ai.settings.maxTokens", -1)},
         {GONE("gen_ai.request.max_tokens"), NUMBER("ai.settings.maxTokens", -1)}},
        {"milliseconds",
         "ai",
         {REAL("ai.response.msToFirstChunk", 250.0)},
         {REAL("gen_ai.response.time_to_first_chunk", 0.25)}},
    };
    (void)state;
    CHECK_RULES(rules, "x");
}

static void test_providers_have_the_names_of_the_conventions(void **state)
{
    static const char *const names[][2] = {{"openai", "openai"},
                                           {"OpenAI", "openai"},
                                           {"openai.chat", "openai"},
                                           {"xai", "x_ai"},
                                           {"az.ai.openai", "azure.ai.openai"},
                                           {"vertex_ai", "gcp.vertex_ai"},
                                           {"gemini", "gcp.gemini"},
                                           {"google.generative-ai", "gcp.gemini"},
                                           {"google.vertex.chat", "gcp.vertex_ai"},
                                           {"amazon-bedrock", "aws.bedrock"},
                                           {"Mistral AI", "mistral_ai"},
                                           {"mistralai", "mistral_ai"},
                                           {"anthropic.messages", "anthropic"},
                                           {"aws.bedrock", "aws.bedrock"},
                                           {"MyCorp.chat", "mycorp"},
                                           {"my.own", "my.own"}};
    struct nm_table *table = help_table();
    struct nm_norm norm;
    (void)state;
    nm_norm_init(&norm, table, &help_defaults);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK_BYTES(nm_provider_value(&norm, sl_text(names[i][0])).bytes, sl_text(names[i][1]));
    CHECK(nm_provider_is_framework(table, SL_LIT("Langchain")));
    CHECK(nm_provider_is_framework(table, SL_LIT("strands-agents")));
    CHECK(!nm_provider_is_framework(table, SL_LIT("openai")));
    CHECK_TEXT(nm_provider_of_model(SL_LIT("claude-sonnet-4-5")), "anthropic");
    CHECK_TEXT(nm_provider_of_model(SL_LIT("us.anthropic.claude-3")), "aws.bedrock");
    CHECK(nm_provider_of_model(SL_LIT("llama-3-70b")) == NULL);
    CHECK_TEXT(nm_provider_of_host(nm_url_host(SL_LIT("https://u:p@x.openai.azure.com:443/a"))),
               "azure.ai.openai");
    CHECK(nm_provider_of_host(nm_url_host(SL_LIT("http://127.0.0.1:8080/v1"))) == NULL);
    nm_norm_done(&norm);
    nm_table_free(table);
}

static void test_a_framework_is_not_a_provider(void **state)
{
    static const struct rule rules[] = {
        {"inferred from the model",
         NULL,
         {TEXT("gen_ai.system", "Langchain"), TEXT("llm.request.type", "chat"),
          TEXT("gen_ai.request.model", "gpt-4o-mini")},
         {TEXT("gen_ai.provider.name", "openai"), TEXT("gen_ai.system", "Langchain"),
          TEXT("gen_ai.operation.name", "chat")}},
        {"not inferred on a tool",
         NULL,
         {TEXT("gen_ai.system", "Langchain"), TEXT("traceloop.span.kind", "tool"),
          TEXT("gen_ai.request.model", "gpt-4o-mini")},
         {GONE("gen_ai.provider.name")}},
    };
    (void)state;
    CHECK_RULES(rules, "x");
}

/* One call as several SDKs report it: 5 new tokens, 128955 read from and 1253
 * written to the cache. */
static void test_input_tokens_include_the_cache(void **state)
{
    static const struct rule rules[] = {
        {"exclusive",
         NULL,
         {NUMBER("gen_ai.usage.input_tokens", 5),
          NUMBER("gen_ai.usage.cache_read.input_tokens", 128955),
          NUMBER("gen_ai.usage.cache_creation.input_tokens", 1253)},
         {NUMBER("gen_ai.usage.input_tokens", 130213),
          NUMBER("gen_ai.usage.cache_write.input_tokens", 1253),
          GONE("gen_ai.usage.cache_creation.input_tokens")}},
        {"inclusive",
         NULL,
         {NUMBER("gen_ai.usage.input_tokens", 130213),
          NUMBER("gen_ai.usage.cache_read.input_tokens", 128955),
          NUMBER("gen_ai.usage.cache_write.input_tokens", 1253)},
         {NUMBER("gen_ai.usage.input_tokens", 130213)}},
        {"told by the total",
         NULL,
         {NUMBER("gen_ai.usage.prompt_tokens", 94), NUMBER("gen_ai.usage.completion_tokens", 99),
          NUMBER("gen_ai.usage.cache_read_input_tokens", 30),
          NUMBER("gen_ai.usage.cache_creation_input_tokens", 12),
          NUMBER("llm.usage.total_tokens", 235)},
         {NUMBER("gen_ai.usage.input_tokens", 136), NUMBER("gen_ai.usage.output_tokens", 99),
          GONE("llm.usage.total_tokens"), NUMBER("gen_ai.usage.prompt_tokens", 94)}},
        {"Vercel over Anthropic",
         "ai",
         {TEXT("ai.operationId", "ai.generateText.doGenerate"),
          TEXT("ai.model.provider", "anthropic.messages"), NUMBER("ai.usage.inputTokens", 94),
          NUMBER("gen_ai.usage.input_tokens", 94), NUMBER("ai.usage.cachedInputTokens", 30)},
         {NUMBER("gen_ai.usage.input_tokens", 124), NUMBER("ai.usage.inputTokens", 94)}},
        {"Vercel over OpenAI",
         "ai",
         {TEXT("ai.operationId", "ai.generateText.doGenerate"),
          TEXT("ai.model.provider", "openai.chat"), NUMBER("ai.usage.inputTokens", 98),
          NUMBER("ai.usage.cachedInputTokens", 16)},
         {NUMBER("gen_ai.usage.input_tokens", 98)}},
        {"reasoning is part of the output already",
         NULL,
         {NUMBER("gen_ai.usage.input_tokens", 22118), NUMBER("gen_ai.usage.output_tokens", 1970),
          NUMBER("gen_ai.usage.reasoning_tokens", 956), NUMBER("gen_ai.usage.total_tokens", 24088)},
         {NUMBER("gen_ai.usage.output_tokens", 1970),
          NUMBER("gen_ai.usage.reasoning.output_tokens", 956)}},
    };
    (void)state;
    CHECK_RULES(rules, "x");
}

static void test_the_text_of_content_parts_is_kept(void **state)
{
    static const struct rule rules[] = {
        {"Bedrock converse through OpenInference",
         "openinference.instrumentation.bedrock",
         {TEXT("openinference.span.kind", "LLM"), TEXT("llm.input_messages.0.message.role", "user"),
          TEXT("llm.input_messages.0.message.contents.0.message_content.type", "text"),
          TEXT("llm.input_messages.0.message.contents.0.message_content.text", "Hi \"you\"")},
         {TEXT("gen_ai.input.messages", "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\","
                                        "\"content\":\"Hi \\\"you\\\"\"}]}]"),
          GONE("llm.input_messages.0.message.contents.0.message_content.text")}},
        {"ten comes after two",
         NULL,
         {TEXT("openinference.span.kind", "LLM"),
          TEXT("llm.input_messages.10.message.role", "user"),
          TEXT("llm.input_messages.10.message.content", "b"),
          TEXT("llm.input_messages.2.message.role", "user"),
          TEXT("llm.input_messages.2.message.content", "a")},
         {TEXT("gen_ai.input.messages",
               "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]},"
               "{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"b\"}]}]")}},
        {"a call written twice",
         NULL,
         {TEXT("openinference.span.kind", "LLM"),
          TEXT("llm.output_messages.0.message.role", "assistant"),
          TEXT("llm.output_messages.0.message.tool_calls.0.tool_call.id", "c1"),
          TEXT("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "f"),
          TEXT("llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
               "{\"n\": 12345678901234567890}"),
          TEXT("llm.output_messages.0.message.contents.0.message_content.type", "tool_use"),
          TEXT("llm.output_messages.0.message.contents.0.tool_call.id", "c1"),
          TEXT("llm.output_messages.0.message.contents.0.tool_call.function.name", "f"),
          TEXT("llm.output_messages.0.message.contents.0.tool_call.function.arguments",
               "{\"n\": 12345678901234567890}")},
         {TEXT("gen_ai.output.messages",
               "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c1\","
               "\"name\":\"f\",\"arguments\":{\"n\": 12345678901234567890}}]}]")}},
        {"arguments cut off",
         NULL,
         {TEXT("openinference.span.kind", "LLM"),
          TEXT("llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "f"),
          TEXT("llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
               "{\"a\": \"b")},
         {TEXT("gen_ai.output.messages",
               "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"name\":\"f\","
               "\"arguments\":\"{\\\"a\\\": \\\"b\"}]}]")}},
        {"an answer of a tool",
         NULL,
         {TEXT("gen_ai.prompt.0.role", "tool"), TEXT("gen_ai.prompt.0.content", "{\"t\": 18}"),
          TEXT("gen_ai.prompt.0.tool_call_id", "c1")},
         {TEXT("gen_ai.input.messages",
               "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c1\","
               "\"response\":\"{\\\"t\\\": 18}\"}]}]"),
          GONE("gen_ai.prompt.0.content")}},
        {"a kind of part that nobody knows stays",
         NULL,
         {TEXT("openinference.span.kind", "LLM"), TEXT("llm.input_messages.0.message.role", "user"),
          TEXT("llm.input_messages.0.message.content", "x"),
          TEXT("llm.input_messages.0.message.contents.0.message_content.type", "hologram")},
         {TEXT("llm.input_messages.0.message.contents.0.message_content.type", "hologram"),
          GONE("llm.input_messages.0.message.content")}},
    };
    (void)state;
    CHECK_RULES(rules, "x");
}

static void test_old_openllmetry_spans_become_whole(void **state)
{
    static const struct rule rules[] = {
        {"gen_ai.prompt.N and llm.*",
         NULL,
         {TEXT("llm.request.type", "chat"), TEXT("gen_ai.system", "OpenAI"),
          TEXT("gen_ai.request.model", "gpt-4o-mini"), TEXT("gen_ai.prompt.0.role", "user"),
          TEXT("gen_ai.prompt.0.content", "Hi"), TEXT("gen_ai.completion.0.role", "assistant"),
          TEXT("gen_ai.completion.0.content", "Hello"),
          TEXT("gen_ai.completion.0.finish_reason", "stop"),
          NUMBER("gen_ai.usage.prompt_tokens", 98), NUMBER("gen_ai.usage.completion_tokens", 75),
          NUMBER("llm.usage.total_tokens", 173)},
         {TEXT("gen_ai.operation.name", "chat"), TEXT("gen_ai.provider.name", "openai"),
          NUMBER("gen_ai.usage.input_tokens", 98), NUMBER("gen_ai.usage.output_tokens", 75),
          TEXT("gen_ai.response.finish_reasons", "stop"),
          TEXT("gen_ai.input.messages",
               "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Hi\"}]}]"),
          TEXT("gen_ai.output.messages", "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\","
                                         "\"content\":\"Hello\"}],\"finish_reason\":\"stop\"}]"),
          GONE("gen_ai.prompt.0.role"), GONE("gen_ai.prompt.0.content"),
          GONE("gen_ai.completion.0.content"), GONE("gen_ai.completion.0.finish_reason"),
          GONE("gen_ai.usage.prompt_tokens"), GONE("llm.usage.total_tokens")}},
        {"content as a JSON list",
         NULL,
         {TEXT("llm.request.type", "chat"), TEXT("gen_ai.prompt.0.role", "user"),
          TEXT("gen_ai.prompt.0.content",
               "[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image_url\","
               "\"image_url\":{\"url\":\"data:image/png;base64,iVBO\"}}]")},
         {TEXT("gen_ai.input.messages",
               "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"see\"},{\"type\":"
               "\"blob\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"content\":\"iVBO\"}"
               "]}]")}},
        {"a completion in which the assistant has a role is a chat",
         NULL,
         {TEXT("llm.request.type", "completion"), TEXT("gen_ai.prompt.0.role", "user"),
          TEXT("gen_ai.prompt.0.content", "Hi"), TEXT("gen_ai.completion.0.role", "assistant")},
         {TEXT("gen_ai.operation.name", "chat")}},
        {"a task is no operation",
         NULL,
         {TEXT("traceloop.span.kind", "task"), TEXT("traceloop.entity.name", "draft")},
         {GONE("gen_ai.operation.name"), TEXT("traceloop.entity.name", "draft")}},
        {"prompt.name is not a message",
         NULL,
         {TEXT("gen_ai.prompt.name", "greeting"), TEXT("gen_ai.operation.name", "chat")},
         {TEXT("gen_ai.prompt.name", "greeting"), GONE("gen_ai.input.messages")}},
    };
    (void)state;
    CHECK_RULES(rules, "openai.chat");
}

static void test_json_of_known_shapes_becomes_messages(void **state)
{
    static const char *const shapes[][2] = {
        {"plain text", "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"plain "
                       "text\"}]}]"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
         "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]}]"},
        {"[{\"role\":\"developer\",\"content\":\"a\"}]",
         "[{\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]}]"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
         "\"content\":\"18\"},{\"type\":\"text\",\"text\":\"and?\"}]}]",
         "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"t\","
         "\"response\":\"18\"}]},{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":"
         "\"and?\"}]}]"},
        {"[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":"
         "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\": 1}\"}}]}]",
         "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c\",\"name\":\"f\","
         "\"arguments\":{\"x\": 1}}]}]"},
        {"{\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"type\":\"reasoning\",\"summary\":["
         "{\"text\":\"x\"},{\"text\":\"y\"}]},{\"type\":\"function_call\",\"id\":\"fc\","
         "\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},{\"type\":\"function_call_"
         "output\","
         "\"call_id\":\"c\",\"output\":\"o\"}]}",
         "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]},{\"role\":"
         "\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"x\\n\\ny\"},{\"type\":"
         "\"tool_call\",\"id\":\"c\",\"name\":\"f\",\"arguments\":{}}]},{\"role\":\"tool\","
         "\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c\",\"response\":\"o\"}]}]"},
        {"{\"messages\":[[{\"lc\":1,\"type\":\"constructor\",\"id\":[\"langchain\",\"schema\","
         "\"messages\",\"HumanMessage\"],\"kwargs\":{\"content\":\"a\"}}]]}",
         "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]}]"},
        {"[{\"role\":\"tool\",\"content\":[{\"type\":\"tool-result\",\"toolCallId\":\"c\","
         "\"toolName\":\"f\",\"output\":{\"type\":\"json\",\"value\":{\"t\":18}}}]}]",
         "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c\","
         "\"response\":{\"t\":18}}]}]"},
        {"[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"functionResponse\":{\"name\":\"f\","
         "\"id\":\"c\",\"response\":{\"t\":1}}}]}]",
         "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c\","
         "\"response\":{\"t\":1}}]},{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":"
         "\"a\"}]}]"},
        {"{\"args\":[\"hi\"],\"kwargs\":{}}",
         "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]}]"},
        /* not to be converted */
        {"[{\"role\":\"user\",\"content\":\"cut of", NULL},
        {"{\"a\":1}", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {"[1,2]", NULL},
        {"{\"messages\":[\"ChatMessage(role=user)\"]}", NULL},
    };
    struct nm_table *table = help_table();
    struct nm_norm norm;
    (void)state;
    nm_norm_init(&norm, table, &help_defaults);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct sl_value value;
        bool made = nm_shape_messages(&norm, sl_text(shapes[i][0]), false, &value);
        if (made != (shapes[i][1] != NULL))
            fail_msg("%s: %s", shapes[i][0], made ? "converted" : "not converted");
        if (made)
            CHECK_BYTES(value.bytes, sl_text(shapes[i][1]));
    }
    nm_norm_done(&norm);
    nm_table_free(table);
}

static void test_a_valid_target_is_never_overwritten(void **state)
{
    static const struct rule rules[] = {
        {"both dialects",
         NULL,
         {TEXT("gen_ai.request.model", "mine"), TEXT("llm.request.model_name", "theirs"),
          TEXT("openinference.span.kind", "LLM")},
         {TEXT("gen_ai.request.model", "mine"), TEXT("llm.request.model_name", "theirs")}},
        {"an empty one is no value",
         NULL,
         {TEXT("gen_ai.request.model", ""), TEXT("ai.model.id", "theirs")},
         {TEXT("gen_ai.request.model", "theirs")}},
        {"the same value twice goes once",
         NULL,
         {TEXT("gen_ai.request.model", "m"), TEXT("ai.model.id", "m")},
         {TEXT("gen_ai.request.model", "m"), GONE("ai.model.id")}},
        {"an odd spelling under the right name is put right",
         NULL,
         {TEXT("gen_ai.provider.name", "xai"), TEXT("gen_ai.operation.name", "chat")},
         {TEXT("gen_ai.provider.name", "x_ai")}},
    };
    (void)state;
    CHECK_RULES(rules, "x");
}

static void test_spans_without_genai_keys_are_untouched(void **state)
{
    static const struct pair pairs[] = {TEXT("http.request.method", "GET"),
                                        TEXT("server.address", "api.openai.com"),
                                        TEXT("session.id", "s"),
                                        TEXT("input.value", "x"),
                                        TEXT("user.id", "u"),
                                        {NULL, {.type = SL_VALUE_EMPTY}}};
    struct nm_table *table = help_table();
    struct nm_norm norm;
    struct sl_batch *batch = span_of(pairs, "GET /", true);
    struct sl_out before = help_encode(batch);
    int ret;
    (void)state;
    nm_norm_init(&norm, table, &help_defaults);
    CHECK(!nm_concerns(table, batch, &batch->groups[0].records[0].part, SL_TRACES));
    CHECK_INT(nm_normalize(&norm, batch, &batch->groups[0].records[0].part, 0, &ret), 0);
    CHECK_INT(ret, -1);
    CHECK(!batch->changed);
    struct sl_out after = help_encode(batch);
    CHECK(sl_bytes_equal(sl_out_view(&before), sl_out_view(&after)));
    sl_out_done(&before);
    sl_out_done(&after);
    sl_batch_unref(batch);
    nm_norm_done(&norm);
    nm_table_free(table);
}

static void test_a_failed_call_gets_an_error_type(void **state)
{
    static const struct pair pairs[] = {TEXT("openinference.span.kind", "LLM"),
                                        {NULL, {.type = SL_VALUE_EMPTY}}};
    struct nm_table *table = help_table();
    struct nm_norm norm;
    struct pair want = TEXT("error.type", "_OTHER");
    struct sl_batch *batch = span_of(pairs, "x", true);
    int ret;
    (void)state;
    nm_norm_init(&norm, table, &help_defaults);
    CHECK_INT(nm_normalize(&norm, batch, &batch->groups[0].records[0].part, 0, &ret), 0);
    CHECK_INT(ret, NM_OPENINFERENCE);
    check_value("error", &want, batch);
    sl_batch_unref(batch);
    nm_norm_done(&norm);
    nm_table_free(table);
}

static void test_options_of_the_table(void **state)
{
    static const char *const only[] = {"vercel_ai", NULL};
    static const struct nm_mapping mine[] = {{"model.name", "gen_ai.request.model", "rename"},
                                             {"tokens.in", "gen_ai.usage.input_tokens", "int"}};
    static const struct pair pairs[] = {TEXT("model.name", "m"),
                                        TEXT("tokens.in", "7"),
                                        TEXT("llm.request.model_name", "n"),
                                        NUMBER("gen_ai.usage.cache_write.input_tokens", 3),
                                        {NULL, {.type = SL_VALUE_EMPTY}}};
    static const struct pair wanted[] = {
        TEXT("gen_ai.request.model", "m"), NUMBER("gen_ai.usage.input_tokens", 7),
        TEXT("llm.request.model_name", "n"), GONE("model.name"), TEXT("tokens.in", "7")};
    struct nm_table_options options = {.families = only, .mappings = mine, .mapping_count = 2};
    struct nm_table *table = nm_table_new(&options);
    struct nm_norm norm;
    struct sl_batch *batch = span_of(pairs, "x", false);
    int ret;
    (void)state;
    CHECK(table != NULL);
    nm_norm_init(&norm, table, &help_defaults);
    CHECK_INT(nm_normalize(&norm, batch, &batch->groups[0].records[0].part, 0, &ret), 0);
    CHECK_INT(ret, NM_USER);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        check_value("mappings", &wanted[i], batch);
    sl_batch_unref(batch);
    nm_norm_done(&norm);
    nm_table_free(table);

    options = (struct nm_table_options){.spelling_1_41 = true};
    table = nm_table_new(&options);
    CHECK(table != NULL);
    batch = span_of(pairs, "x", false);
    nm_norm_init(&norm, table, &help_defaults);
    CHECK_INT(nm_normalize(&norm, batch, &batch->groups[0].records[0].part, 0, &ret), 0);
    struct pair old = NUMBER("gen_ai.usage.cache_creation.input_tokens", 3);
    struct pair gone = GONE("gen_ai.usage.cache_write.input_tokens");
    check_value("1.41", &old, batch);
    check_value("1.41", &gone, batch);
    sl_batch_unref(batch);
    nm_norm_done(&norm);
    nm_table_free(table);
}

static void test_running_out_of_memory_is_reported(void **state)
{
    static const struct pair pairs[] = {TEXT("openinference.span.kind", "LLM"),
                                        TEXT("llm.provider", "OPENAI"),
                                        TEXT("llm.input_messages.0.message.role", "user"),
                                        TEXT("llm.input_messages.0.message.content", "Hi"),
                                        TEXT("input.value", "{\"messages\":[]}"),
                                        {NULL, {.type = SL_VALUE_EMPTY}}};
    struct nm_table *table = help_table();
    unsigned failures = 0;
    (void)state;
    for (long i = 0; i < 40; i++) {
        struct nm_norm norm;
        struct sl_batch *batch = span_of(pairs, "x", false);
        int ret;
        nm_norm_init(&norm, table, &help_defaults);
        (void)sl_alloc_fail_after(i);
        int status = nm_normalize(&norm, batch, &batch->groups[0].records[0].part, 0, &ret);
        (void)sl_alloc_fail_after(-1);
        CHECK(status == 0 || status == SL_ENOMEM);
        if (status == 0) { /* whole, or not at all */
            struct pair want = TEXT("gen_ai.operation.name", "chat");
            check_value("memory", &want, batch);
            struct pair text =
                TEXT("gen_ai.input.messages", "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\","
                                              "\"content\":\"Hi\"}]}]");
            check_value("memory", &text, batch);
        }
        failures += status != 0;
        sl_batch_unref(batch);
        nm_norm_done(&norm);
    }
    CHECK(failures > 2);
    nm_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_are_cast_to_the_type_of_the_target),
        cmocka_unit_test(test_providers_have_the_names_of_the_conventions),
        cmocka_unit_test(test_a_framework_is_not_a_provider),
        cmocka_unit_test(test_input_tokens_include_the_cache),
        cmocka_unit_test(test_the_text_of_content_parts_is_kept),
        cmocka_unit_test(test_old_openllmetry_spans_become_whole),
        cmocka_unit_test(test_json_of_known_shapes_becomes_messages),
        cmocka_unit_test(test_a_valid_target_is_never_overwritten),
        cmocka_unit_test(test_spans_without_genai_keys_are_untouched),
        cmocka_unit_test(test_a_failed_call_gets_an_error_type),
        cmocka_unit_test(test_options_of_the_table),
        cmocka_unit_test(test_running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
