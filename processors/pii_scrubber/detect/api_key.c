/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors' API keys: a table of prefixes with the length and alphabet of what
 * follows. A further vendor is one line.
 */
#include "processors/pii_scrubber/detect/detect.h"

enum {
    PLAIN,   /* prefix, then min to max bytes of the classes, ended by anything else */
    MIXED,   /* ... that look random: digits and letters, entropy */
    DOTTED,  /* ... and dots */
    WEBHOOK, /* ... and slashes; the scheme and host before it belong to it */
    VALUE,   /* only what follows the prefix is the secret */
    BOT,     /* digits before belong to it */
    OPEN = 65535
};

#define ALNUM SL_PII_ALNUM
#define TOKEN SL_PII_TOKEN
#define HEX SL_PII_HEX
#define CAPS (SL_PII_UPPER | SL_PII_DIGIT)
#define BASE64 SL_PII_BASE64
#define KEY(prefix, low, high, bytes, how)                                                         \
    {                                                                                              \
        .text = prefix, .min = low, .max = high, .classes = bytes, .kind = how                     \
    }

static const struct sl_pii_literal vendors[] = {
    KEY("sk-ant-", 24, OPEN, TOKEN, MIXED),  /* Anthropic */
    KEY("sk-proj-", 20, OPEN, TOKEN, MIXED), /* OpenAI */
    KEY("sk-", 20, OPEN, TOKEN, MIXED),      /* OpenAI, OpenRouter, Langfuse, DeepSeek ... */
    KEY("pk-lf-", 36, 36, TOKEN, MIXED),     /* Langfuse */
    KEY("lsv2_", 40, OPEN, TOKEN, PLAIN),    /* LangSmith */
    KEY("gsk_", 40, OPEN, ALNUM, PLAIN),     /* Groq */
    KEY("xai-", 40, OPEN, ALNUM, PLAIN),     /* xAI */
    KEY("pplx-", 32, OPEN, ALNUM, PLAIN),    /* Perplexity */
    KEY("r8_", 32, 44, ALNUM, PLAIN),        /* Replicate */
    KEY("hf_", 30, 44, ALNUM, PLAIN),        /* Hugging Face */
    KEY("api_org_", 30, 44, ALNUM, PLAIN),   /* Hugging Face */
    KEY("AKIA", 16, 16, CAPS, PLAIN),        /* AWS access key id */
    KEY("ASIA", 16, 16, CAPS, PLAIN),
    KEY("ABIA", 16, 16, CAPS, PLAIN),
    KEY("ACCA", 16, 16, CAPS, PLAIN),
    KEY("AIza", 35, 35, TOKEN, PLAIN), /* Google */
    KEY("ya29.", 28, OPEN, TOKEN, DOTTED),
    KEY("GOCSPX-", 28, 28, TOKEN, PLAIN),
    KEY("ghp_", 36, OPEN, ALNUM, PLAIN), /* GitHub */
    KEY("gho_", 36, OPEN, ALNUM, PLAIN),
    KEY("ghu_", 36, OPEN, ALNUM, PLAIN),
    KEY("ghs_", 36, OPEN, ALNUM, PLAIN),
    KEY("ghr_", 36, OPEN, ALNUM, PLAIN),
    KEY("github_pat_", 40, OPEN, TOKEN, PLAIN),
    KEY("glpat-", 20, OPEN, TOKEN, DOTTED), /* GitLab */
    KEY("gldt-", 20, OPEN, TOKEN, PLAIN),
    KEY("glptt-", 20, OPEN, TOKEN, PLAIN),
    KEY("glrt-", 20, OPEN, TOKEN, DOTTED),
    KEY("glsoat-", 20, OPEN, TOKEN, PLAIN),
    KEY("glcbt-", 20, OPEN, TOKEN, PLAIN),
    KEY("glagent-", 20, OPEN, TOKEN, PLAIN),
    KEY("glft-", 20, OPEN, TOKEN, PLAIN),
    KEY("xoxa-", 16, OPEN, TOKEN, PLAIN), /* Slack */
    KEY("xoxb-", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxe-", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxe.", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxo-", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxp-", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxr-", 16, OPEN, TOKEN, PLAIN),
    KEY("xoxs-", 16, OPEN, TOKEN, PLAIN),
    KEY("xapp-", 20, OPEN, TOKEN, PLAIN),
    KEY("hooks.slack.com/", 30, 120, TOKEN, WEBHOOK),
    KEY("discord.com/api/webhooks/", 60, 160, TOKEN, WEBHOOK),
    KEY("discordapp.com/api/webhooks/", 60, 160, TOKEN, WEBHOOK),
    KEY("sk_live_", 16, OPEN, ALNUM, PLAIN), /* Stripe */
    KEY("sk_test_", 16, OPEN, ALNUM, PLAIN),
    KEY("rk_live_", 16, OPEN, ALNUM, PLAIN),
    KEY("rk_test_", 16, OPEN, ALNUM, PLAIN),
    KEY("whsec_", 24, OPEN, BASE64, PLAIN),
    KEY("SG.", 60, 80, TOKEN, DOTTED), /* SendGrid */
    {.text = "SK", .third = HEX, .min = 32, .max = 32, .classes = HEX, .kind = PLAIN}, /* Twilio */
    KEY("npm_", 36, 36, ALNUM, PLAIN),
    KEY("pypi-AgEI", 50, OPEN, TOKEN, PLAIN),
    KEY("dapi", 32, 34, TOKEN, MIXED),  /* Databricks */
    KEY("dop_v1_", 64, 64, HEX, PLAIN), /* DigitalOcean */
    KEY("doo_v1_", 64, 64, HEX, PLAIN),
    KEY("dor_v1_", 64, 64, HEX, PLAIN),
    KEY("shpat_", 32, 32, HEX, PLAIN), /* Shopify */
    KEY("shpca_", 32, 32, HEX, PLAIN),
    KEY("shppa_", 32, 32, HEX, PLAIN),
    KEY("shpss_", 32, 32, HEX, PLAIN),
    KEY("hvs.", 24, OPEN, TOKEN, PLAIN), /* HashiCorp Vault */
    KEY("hvb.", 24, OPEN, TOKEN, PLAIN),
    KEY("hvr.", 24, OPEN, TOKEN, PLAIN),
    KEY("glsa_", 32, OPEN, TOKEN, PLAIN), /* Grafana */
    KEY("glc_", 32, OPEN, BASE64, PLAIN),
    KEY("lin_api_", 32, OPEN, ALNUM, PLAIN), /* Linear */
    KEY("lin_oauth_", 32, OPEN, ALNUM, PLAIN),
    KEY("ntn_", 40, OPEN, ALNUM, PLAIN), /* Notion */
    KEY("AGE-SECRET-KEY-1", 58, 58, CAPS, PLAIN),
    KEY("dp.pt.", 40, 44, ALNUM, PLAIN), /* Doppler */
    KEY("dp.st.", 40, 64, TOKEN, DOTTED),
    KEY("NRAK-", 27, 27, CAPS, PLAIN),       /* New Relic */
    KEY("PMAK-", 59, 59, TOKEN, PLAIN),      /* Postman */
    KEY("figd_", 40, OPEN, TOKEN, PLAIN),    /* Figma */
    KEY("sntrys_", 60, OPEN, BASE64, PLAIN), /* Sentry */
    KEY("sntryu_", 60, OPEN, HEX, PLAIN),
    KEY("pul-", 40, 40, HEX, PLAIN),                /* Pulumi */
    KEY(".atlasv1.", 60, 70, TOKEN, VALUE),         /* Terraform Cloud */
    KEY("AccountKey=", 86, 88, BASE64, VALUE),      /* Azure storage */
    KEY("SharedAccessKey=", 43, 44, BASE64, VALUE), /* Azure service bus, event hubs */
    KEY(":AA", 33, 33, TOKEN, BOT),                 /* Telegram */
    {.text = NULL},
};

static bool is_byte(const struct sl_pii_literal *vendor, uint8_t c)
{
    return sl_pii_is(c, vendor->classes) || (vendor->kind == DOTTED && c == '.') ||
           (vendor->kind == WEBHOOK && c == '/');
}

/* Where the host's URL begins: "https://" and labels before the prefix. */
static size_t url_start(const struct sl_pii_scan *scan, size_t pos)
{
    size_t start = pos;
    while (start > 0 && pos - start < 24 &&
           (sl_pii_is(scan->text[start - 1], SL_PII_LOWER) ||
            memchr(":/.", scan->text[start - 1], 3) != NULL))
        start--;
    while (start < pos && !sl_pii_is(scan->text[start], SL_PII_LOWER))
        start++;
    return start;
}

static size_t bot_start(const struct sl_pii_scan *scan, size_t pos)
{
    size_t start = pos;
    while (start > 0 && pos - start < 10 && sl_pii_is(scan->text[start - 1], SL_PII_DIGIT))
        start--;
    return start;
}

static bool is_random(struct sl_bytes value)
{
    return sl_pii_count(value, SL_PII_DIGIT) >= 2 && sl_pii_count(value, SL_PII_LETTER) >= 4 &&
           sl_pii_entropy(value) > 3.2 && !sl_pii_is_stand_in(value);
}

/* Where the value's bytes end, looking no further than what tells one that is too long. */
static size_t value_end(const struct sl_pii_scan *scan, size_t value,
                        const struct sl_pii_literal *vendor)
{
    size_t limit = scan->size, end = value;
    if (vendor->max != OPEN && limit - value > vendor->max)
        limit = value + vendor->max + 1u;
    while (end < limit && is_byte(vendor, scan->text[end]))
        end++;
    return end;
}

static void find_key(struct sl_pii_scan *scan, size_t pos, const struct sl_pii_literal *vendor)
{
    bool inside = vendor->kind == WEBHOOK || vendor->kind == VALUE || vendor->kind == BOT;
    bool endless = vendor->kind == DOTTED && vendor->max == OPEN;
    if (!inside && !sl_pii_starts(scan->text, pos, true))
        return;
    if (endless && pos < scan->key_end)
        return;
    size_t value = pos + strlen(vendor->text), end = value_end(scan, value, vendor);
    while (end > value && scan->text[end - 1] == '.')
        end--;
    size_t size = end - value;
    if (size < vendor->min || (vendor->max != OPEN && size > vendor->max))
        return;
    if (vendor->kind == MIXED && !is_random(sl_pii_part(scan, value, end)))
        return;
    size_t start = pos;
    if (vendor->kind == WEBHOOK)
        start = url_start(scan, pos);
    else if (vendor->kind == BOT)
        start = bot_start(scan, pos);
    if (vendor->kind == BOT && pos - start < 8)
        return;
    if (endless)
        scan->key_end = end;
    sl_pii_report(scan, SL_PII_api_key, vendor->kind == VALUE ? value : start, end, 98);
}

const struct sl_pii_detector sl_pii_api_key = {
    .placeholder = "API_KEY",
    .doc = "API keys and tokens of known vendors, by prefix, length and alphabet.",
    .literals = vendors,
    .literal = find_key,
};
