/* SPDX-License-Identifier: Apache-2.0 */
/* Makes requests from a seed: tables say which attributes each family has. */
#include <stdio.h>
#include <time.h>

#include "bench/spans.h"
#include "otlp/view.h"

enum kind { TEXT, WORDS, ID, PROSE, CHAT, PROMPT, PARAMETERS, TOKENS, RATIO, TRUTH, REASONS };

struct attribute {
    const char *key;
    enum kind kind;
    const char *text; /* of TEXT */
};

struct family {
    const char *scope, *name;
    struct attribute attributes[BENCH_ATTRIBUTES];
};

static const struct family families[] = {
    {"openinference.instrumentation.openai",
     "ChatCompletion",
     {{"openinference.span.kind", TEXT, "LLM"},
      {"llm.provider", TEXT, "openai"},
      {"llm.system", TEXT, "openai"},
      {"llm.model_name", TEXT, "gpt-4o-2024-08-06"},
      {"llm.invocation_parameters", PARAMETERS, NULL},
      {"llm.input_messages.0.message.role", TEXT, "user"},
      {"llm.input_messages.0.message.content", PROSE, NULL},
      {"llm.output_messages.0.message.role", TEXT, "assistant"},
      {"llm.output_messages.0.message.content", PROSE, NULL},
      {"llm.token_count.prompt", TOKENS, NULL},
      {"llm.token_count.completion", TOKENS, NULL},
      {"llm.token_count.total", TOKENS, NULL},
      {"session.id", ID, NULL},
      {"user.id", ID, NULL},
      {"input.mime_type", TEXT, "text/plain"},
      {"output.mime_type", TEXT, "text/plain"},
      {"app.feature.name", WORDS, NULL},
      {"app.release", WORDS, NULL},
      {"app.cache.hit", TRUTH, NULL}}},
    {"opentelemetry.instrumentation.openai.v1",
     "openai.chat",
     {{"gen_ai.system", TEXT, "openai"},
      {"gen_ai.request.model", TEXT, "gpt-4o"},
      {"gen_ai.response.model", TEXT, "gpt-4o-2024-08-06"},
      {"gen_ai.response.id", ID, NULL},
      {"gen_ai.prompt.0.role", TEXT, "user"},
      {"gen_ai.prompt.0.content", PROSE, NULL},
      {"gen_ai.completion.0.role", TEXT, "assistant"},
      {"gen_ai.completion.0.content", PROSE, NULL},
      {"gen_ai.completion.0.finish_reason", TEXT, "stop"},
      {"gen_ai.usage.prompt_tokens", TOKENS, NULL},
      {"gen_ai.usage.completion_tokens", TOKENS, NULL},
      {"llm.usage.total_tokens", TOKENS, NULL},
      {"llm.request.type", TEXT, "chat"},
      {"llm.is_streaming", TRUTH, NULL},
      {"gen_ai.request.temperature", RATIO, NULL},
      {"traceloop.workflow.name", WORDS, NULL},
      {"traceloop.entity.path", WORDS, NULL},
      {"traceloop.association.properties.user_id", ID, NULL},
      {"app.release", WORDS, NULL}}},
    {"ai",
     "ai.generateText.doGenerate",
     {{"operation.name", TEXT, "ai.generateText.doGenerate support-bot"},
      {"ai.operationId", TEXT, "ai.generateText.doGenerate"},
      {"ai.model.id", TEXT, "gpt-4o"},
      {"ai.model.provider", TEXT, "openai.chat"},
      {"ai.prompt.messages", PROMPT, NULL},
      {"ai.response.text", PROSE, NULL},
      {"ai.response.id", ID, NULL},
      {"ai.response.model", TEXT, "gpt-4o-2024-08-06"},
      {"ai.response.finishReason", TEXT, "stop"},
      {"ai.usage.promptTokens", TOKENS, NULL},
      {"ai.usage.completionTokens", TOKENS, NULL},
      {"ai.settings.maxRetries", TOKENS, NULL},
      {"ai.telemetry.functionId", WORDS, NULL},
      {"gen_ai.system", TEXT, "openai"},
      {"gen_ai.request.model", TEXT, "gpt-4o"},
      {"gen_ai.response.finish_reasons", REASONS, NULL},
      {"gen_ai.request.temperature", RATIO, NULL},
      {"ai.telemetry.metadata.userId", ID, NULL},
      {"resource.name", WORDS, NULL}}},
    {"opentelemetry.instrumentation.openai_v2",
     "chat gpt-4o",
     {{"gen_ai.operation.name", TEXT, "chat"},
      {"gen_ai.provider.name", TEXT, "openai"},
      {"gen_ai.request.model", TEXT, "gpt-4o"},
      {"gen_ai.response.model", TEXT, "gpt-4o-2024-08-06"},
      {"gen_ai.response.id", ID, NULL},
      {"gen_ai.conversation.id", ID, NULL},
      {"gen_ai.input.messages", CHAT, NULL},
      {"gen_ai.output.messages", CHAT, NULL},
      {"gen_ai.response.finish_reasons", REASONS, NULL},
      {"gen_ai.usage.input_tokens", TOKENS, NULL},
      {"gen_ai.usage.output_tokens", TOKENS, NULL},
      {"gen_ai.request.max_tokens", TOKENS, NULL},
      {"gen_ai.request.temperature", RATIO, NULL},
      {"gen_ai.output.type", TEXT, "text"},
      {"gen_ai.agent.name", WORDS, NULL},
      {"server.address", TEXT, "api.openai.com"},
      {"server.port", TOKENS, NULL},
      {"app.tenant.name", WORDS, NULL},
      {"app.release", WORDS, NULL}}},
    {"opentelemetry.instrumentation.fastapi",
     "POST /v1/tickets/{id}/answers",
     {{"http.request.method", TEXT, "POST"},
      {"http.response.status_code", TOKENS, NULL},
      {"http.route", TEXT, "/v1/tickets/{id}/answers"},
      {"http.request.body.size", TOKENS, NULL},
      {"http.response.body.size", TOKENS, NULL},
      {"url.scheme", TEXT, "https"},
      {"url.path", WORDS, NULL},
      {"url.query", WORDS, NULL},
      {"server.address", TEXT, "tickets.internal"},
      {"server.port", TOKENS, NULL},
      {"network.protocol.version", TEXT, "1.1"},
      {"user_agent.original", TEXT, "python-httpx/0.27.0"},
      {"db.system.name", TEXT, "postgresql"},
      {"db.query.text", PROSE, NULL},
      {"app.request.note", PROSE, NULL},
      {"app.request.id", ID, NULL},
      {"app.tenant.name", WORDS, NULL},
      {"app.cache.hit", TRUTH, NULL},
      {"app.load", RATIO, NULL}}},
};
enum { FAMILIES = sizeof families / sizeof families[0], PLAIN = FAMILIES - 1 };

static uint64_t state;

uint64_t bench_seed(uint64_t seed)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    state = seed != 0 ? seed : ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec) | 1;
    return state;
}

static uint64_t random_bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Du;
}

static uint32_t pick(uint32_t count)
{
    return (uint32_t)(random_bits() >> 33) % count;
}

static void add_word(struct sl_out *out)
{
    static const char *const words[] = {
        "the",     "model",   "returned", "answer",  "to",       "question",  "about",   "delivery",
        "of",      "your",    "order",    "and",     "a",        "customer",  "asked",   "for",
        "summary", "in",      "document", "section", "we",       "can",       "from",    "vector",
        "please",  "explain", "how",      "this",    "function", "works",     "because", "it",
        "should",  "all",     "possible", "results", "before",   "Therefore", "I",       "think",
        "that",    "message", "context",  "window",  "invoice",  "March",     "2 days",  "refund"};
    sl_out_text(out, words[pick(sizeof words / sizeof words[0])]);
}

static void add_words(struct sl_out *out, size_t size)
{
    for (size_t end = out->size + size; out->size < end && !out->failed;) {
        add_word(out);
        sl_out_text(out, pick(12) == 0 ? ". " : pick(14) == 0 ? ", " : " ");
    }
}

static void add_prose(struct sl_out *out, size_t size)
{
    size_t before = pick(300);
    add_words(out, before);
    if (pick(10) == 0)
        sl_out_printf(out, "write to user%u@example-shop.com or pay with 4111 1111 1111 1111. ",
                      pick(9999));
    add_words(out, size > before ? size - before : 0);
}

static void add_chat(struct sl_out *out)
{
    sl_out_text(out, "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"");
    add_prose(out, 390 + pick(60));
    sl_out_text(out, "\"}]}]");
}

static void add_prompt(struct sl_out *out)
{
    sl_out_text(out, "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"");
    add_prose(out, 390 + pick(60));
    sl_out_text(out, "\"}]}]");
}

static void add_parameters(struct sl_out *out)
{
    sl_out_printf(out, "{\"model\": \"gpt-4o\", \"temperature\": 0.%u, \"max_tokens\": %u}",
                  pick(10), 1 + pick(4000));
}

/* The value of an attribute; its text is written to scratch. */
static struct sl_value make_value(const struct attribute *attribute, struct sl_out *scratch)
{
    sl_out_clear(scratch);
    switch (attribute->kind) {
    case TOKENS:
        return sl_value_int(pick(5000));
    case RATIO:
        return sl_value_double(pick(100) / 100.0);
    case TRUTH:
        return sl_value_bool(pick(2) != 0);
    case REASONS:
        return (struct sl_value){.type = SL_VALUE_ARRAY, .bytes = SL_LIT("\x0A\x06\x0A\x04stop")};
    case TEXT:
        return sl_value_string(sl_text(attribute->text));
    case WORDS:
        add_words(scratch, 8 + pick(24));
        break;
    case ID:
        sl_out_printf(scratch, "id-%016llx", (unsigned long long)random_bits());
        break;
    case PROSE:
        add_prose(scratch, 430 + pick(60));
        break;
    case CHAT:
        add_chat(scratch);
        break;
    case PROMPT:
        add_prompt(scratch);
        break;
    case PARAMETERS:
        add_parameters(scratch);
        break;
    }
    return sl_value_string(sl_out_view(scratch));
}

static void put_id(struct sl_out *out, uint8_t tag, uint8_t size)
{
    sl_out_byte(out, tag);
    sl_out_byte(out, size);
    for (uint8_t i = 0; i < size; i++)
        sl_out_byte(out, (uint8_t)(1 + pick(255)));
}

static void put_time(struct sl_out *out, uint8_t tag, uint64_t ns)
{
    sl_out_byte(out, tag);
    for (unsigned i = 0; i < 8; i++)
        sl_out_byte(out, (uint8_t)(ns >> 8 * i));
}

static void put_len(struct sl_out *out, uint8_t tag, struct sl_bytes payload)
{
    size_t size = payload.size;
    sl_out_byte(out, tag);
    for (; size >= 0x80; size >>= 7)
        sl_out_byte(out, (uint8_t)(size | 0x80));
    sl_out_byte(out, (uint8_t)size);
    sl_out_bytes(out, payload.data, payload.size);
}

/* Fields in order of their numbers, as SDKs write them; attributes in any order. */
static void put_span(struct sl_out *span, const struct family *family, struct sl_out *scratch)
{
    uint64_t start_ns = 1763683200000000000u + random_bits() % 1000000000u;
    unsigned order[BENCH_ATTRIBUTES];
    put_id(span, 0x0A, 16);
    put_id(span, 0x12, 8);
    put_id(span, 0x22, 8);
    put_len(span, 0x2A, sl_text(family->name));
    sl_out_bytes(span, "\x30\x03", 2);
    put_time(span, 0x39, start_ns);
    put_time(span, 0x41, start_ns + pick(900000000));
    for (unsigned i = 0; i < BENCH_ATTRIBUTES; i++) {
        unsigned j = pick(i + 1);
        if (j != i)
            order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < BENCH_ATTRIBUTES; i++) {
        const struct attribute *attribute = &family->attributes[order[i]];
        sl_attr_encode(span, SL_SPAN_ATTRIBUTES, sl_text(attribute->key),
                       make_value(attribute, scratch));
    }
    sl_out_bytes(span, "\x7A\x02\x18\x01", 4);
    sl_out_bytes(span, "\x85\x01\x00\x01\x00\x00", 6);
}

static void put_scope(struct sl_out *out, unsigned family, unsigned spans)
{
    struct sl_out part = {0}, scope = {0}, scratch = {0};
    put_len(&part, 0x0A, sl_text(families[family].scope));
    put_len(&scope, 0x0A, sl_out_view(&part));
    for (unsigned i = 0; i < spans; i++) {
        sl_out_clear(&part);
        put_span(&part, &families[family], &scratch);
        put_len(&scope, 0x12, sl_out_view(&part));
    }
    put_len(out, 0x12, sl_out_view(&scope));
    out->failed |= part.failed || scope.failed || scratch.failed;
    sl_out_done(&part);
    sl_out_done(&scope);
    sl_out_done(&scratch);
}

void bench_request(struct sl_out *out, unsigned spans)
{
    unsigned counts[FAMILIES] = {0};
    struct sl_out part = {0}, resource = {0};
    sl_attr_encode(&part, SL_RESOURCE_ATTRIBUTES, SL_LIT("service.name"),
                   sl_value_string(SL_LIT("support-bot")));
    put_len(&resource, 0x0A, sl_out_view(&part));
    for (unsigned i = 0; i < spans; i++)
        counts[pick(10) == 0 ? PLAIN : pick(PLAIN)]++;
    for (unsigned i = 0; i < FAMILIES; i++)
        if (counts[i] > 0)
            put_scope(&resource, i, counts[i]);
    put_len(out, 0x0A, sl_out_view(&resource));
    out->failed |= part.failed || resource.failed;
    sl_out_done(&part);
    sl_out_done(&resource);
}
