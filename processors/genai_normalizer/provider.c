/* SPDX-License-Identifier: Apache-2.0 */
/* Who served the model: aliases of gen_ai.provider.name, and inference from the
 * host that was called or from the model's name. Nothing is guessed for models
 * that are hosted everywhere (llama, qwen, phi). */
#include "processors/genai_normalizer/norm.h"

/* Lower-case letters and digits of name, into out (64 bytes); 0 when it is too long. */
static size_t squeeze(struct sl_bytes name, uint8_t *out)
{
    size_t size = 0;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
            continue;
        if (size == 64)
            return 0;
        out[size++] = c;
    }
    return size;
}

/* "openai.chat" -> "openai"; unchanged when it has no dot. */
static struct sl_bytes without_suffix(struct sl_bytes name)
{
    for (size_t i = name.size; i > 1; i--)
        if (name.data[i - 1] == '.')
            return sl_bytes(name.data, i - 1);
    return name;
}

static const char *alias(const struct nm_table *table, struct sl_bytes name)
{
    uint8_t low[64];
    for (;;) {
        size_t size = squeeze(name, low);
        const char *text = nm_map(table, NM_SCOPE_PROVIDERS, sl_bytes(low, size), false);
        struct sl_bytes shorter = without_suffix(name);
        if (text != NULL || shorter.size == name.size)
            return text;
        name = shorter;
    }
}

bool nm_provider_is_framework(const struct nm_table *table, struct sl_bytes name)
{
    const char *text = alias(table, name);
    return text != NULL && text[0] == '-';
}

const char *nm_provider_canonical(const struct nm_table *table, struct sl_bytes name)
{
    const char *text = alias(table, name);
    return text != NULL && text[0] != '-' ? text : NULL;
}

struct sl_value nm_provider_value(struct nm_norm *norm, struct sl_bytes name)
{
    static const char *const suffixes[] = {".chat",     ".responses",  ".embedding",
                                           ".messages", ".completion", ".generative-ai"};
    const char *text = nm_provider_canonical(norm->table, name);
    if (text != NULL)
        return sl_value_string(sl_text(text));
    struct sl_bytes low = nm_lower(norm, name);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t size = strlen(suffixes[i]);
        if (low.size > size && memcmp(low.data + low.size - size, suffixes[i], size) == 0)
            low.size -= size;
    }
    return sl_value_string(low);
}

struct sl_bytes nm_url_host(struct sl_bytes url)
{
    for (size_t i = 0; i + 3 <= url.size; i++)
        if (memcmp(url.data + i, "://", 3) == 0) {
            url.data += i + 3;
            url.size -= i + 3;
            break;
        }
    size_t size = 0;
    while (size < url.size && strchr("/?#", url.data[size]) == NULL)
        size++;
    for (size_t i = 0; i < size; i++) /* user info */
        if (url.data[i] == '@') {
            url.data += i + 1;
            size -= i + 1;
            break;
        }
    if (size > 0 && url.data[0] == '[') {
        size_t end = 0;
        while (end < size && url.data[end] != ']')
            end++;
        return end < size ? sl_bytes(url.data + 1, end - 1) : sl_bytes(url.data, 0);
    }
    for (size_t i = 0; i < size; i++)
        if (url.data[i] == ':')
            size = i;
    return sl_bytes(url.data, size);
}

static bool ends(struct sl_bytes text, const char *suffix)
{
    size_t size = strlen(suffix);
    return text.size >= size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

const char *nm_provider_of_host(struct sl_bytes host)
{
    static const char *const hosts[][2] = {
        {"api.openai.com", "openai"},
        {".openai.azure.com", "azure.ai.openai"},
        {".cognitiveservices.azure.com", "azure.ai.openai"},
        {".services.ai.azure.com", "azure.ai.inference"},
        {".inference.ai.azure.com", "azure.ai.inference"},
        {"api.anthropic.com", "anthropic"},
        {"generativelanguage.googleapis.com", "gcp.gemini"},
        {"aiplatform.googleapis.com", "gcp.vertex_ai"},
        {"api.cohere.ai", "cohere"},
        {"api.cohere.com", "cohere"},
        {"api.mistral.ai", "mistral_ai"},
        {"api.groq.com", "groq"},
        {"api.deepseek.com", "deepseek"},
        {"api.x.ai", "x_ai"},
        {"api.perplexity.ai", "perplexity"},
        {"api.moonshot.ai", "moonshot_ai"},
        {"api.moonshot.cn", "moonshot_ai"},
        {".ml.cloud.ibm.com", "ibm.watsonx.ai"},
        {"api.together.xyz", "together_ai"},
        {"api.fireworks.ai", "fireworks"},
        {"openrouter.ai", "openrouter"},
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (ends(host, hosts[i][0]))
            return hosts[i][1];
    return sl_bytes_starts(host, "bedrock") && ends(host, ".amazonaws.com") ? "aws.bedrock" : NULL;
}

const char *nm_provider_of_model(struct sl_bytes model)
{
    static const char *const prefixes[][2] = {
        {"azure/", "azure.ai.openai"},
        {"bedrock/", "aws.bedrock"},
        {"vertex_ai/", "gcp.vertex_ai"},
        {"gemini/", "gcp.gemini"},
        {"anthropic/", "anthropic"},
        {"openai/", "openai"},
        {"groq/", "groq"},
        {"mistral/", "mistral_ai"},
        {"xai/", "x_ai"},
        {"deepseek/", "deepseek"},
        {"cohere/", "cohere"},
        {"arn:aws:bedrock", "aws.bedrock"},
        {"us.anthropic.", "aws.bedrock"},
        {"eu.anthropic.", "aws.bedrock"},
        {"apac.anthropic.", "aws.bedrock"},
        {"global.anthropic.", "aws.bedrock"},
        {"anthropic.", "aws.bedrock"},
        {"amazon.", "aws.bedrock"},
        {"meta.", "aws.bedrock"},
        {"us.meta.", "aws.bedrock"},
        {"us.amazon.", "aws.bedrock"},
        {"eu.amazon.", "aws.bedrock"},
        {"gpt-", "openai"},
        {"chatgpt-", "openai"},
        {"o1", "openai"},
        {"o3", "openai"},
        {"o4", "openai"},
        {"text-embedding-", "openai"},
        {"text-davinci", "openai"},
        {"davinci", "openai"},
        {"babbage", "openai"},
        {"whisper-", "openai"},
        {"tts-", "openai"},
        {"dall-e", "openai"},
        {"omni-moderation", "openai"},
        {"claude", "anthropic"},
        {"gemini", "gcp.gemini"},
        {"gemma", "gcp.gemini"},
        {"learnlm", "gcp.gemini"},
        {"command", "cohere"},
        {"embed-english", "cohere"},
        {"embed-multilingual", "cohere"},
        {"rerank-", "cohere"},
        {"mistral", "mistral_ai"},
        {"mixtral", "mistral_ai"},
        {"codestral", "mistral_ai"},
        {"ministral", "mistral_ai"},
        {"pixtral", "mistral_ai"},
        {"magistral", "mistral_ai"},
        {"devstral", "mistral_ai"},
        {"grok", "x_ai"},
        {"deepseek", "deepseek"},
        {"sonar", "perplexity"},
        {"kimi", "moonshot_ai"},
        {"moonshot", "moonshot_ai"},
        {"titan-", "aws.bedrock"},
        {"nova-", "aws.bedrock"},
        {"granite", "ibm.watsonx.ai"},
    };
    if (sl_bytes_starts(model, "projects/") && nm_contains(model, "/publishers/google"))
        return "gcp.vertex_ai";
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (sl_bytes_starts(model, prefixes[i][0]))
            return prefixes[i][1];
    return NULL;
}
