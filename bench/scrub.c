/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speed of the scrubber's scan over a mix of prose, code, chat JSON and log
 * lines with a value to find now and then, made from a seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/out.h"
#include "processors/pii_scrubber/engine.h"

enum { TEXTS = 5600, TEXT_BYTES = 5800, ROUNDS = 5 };

struct texts {
    struct sl_out bytes;
    size_t ends[TEXTS];
};

static uint64_t state;

static uint32_t pick(uint32_t count)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % count;
}

static const char *word(void)
{
    static const char *const words[] = {
        "the",      "model",    "returned",  "answer",  "to",       "question",  "about",
        "delivery", "of",       "your",      "order",   "and",      "a",         "customer",
        "asked",    "for",      "summary",   "in",      "document", "section",   "we",
        "can",      "retrieve", "from",      "vector",  "store",    "please",    "explain",
        "how",      "this",     "function",  "works",   "because",  "it",        "should",
        "consider", "all",      "possible",  "results", "before",   "Therefore", "I",
        "think",    "that",     "assistant", "message", "context",  "window"};
    return words[pick(sizeof words / sizeof words[0])];
}

static void add_prose(struct sl_out *out, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        sl_out_text(out, word());
        sl_out_text(out, pick(12) == 0 ? ". " : pick(14) == 0 ? ", " : " ");
    }
}

static void add_value(struct sl_out *out)
{
    switch (pick(5)) {
    case 0:
        sl_out_printf(out, "write to user%u@example-shop.com ", pick(9999));
        break;
    case 1:
        sl_out_printf(out, "call (415) 555-%04u ", pick(10000));
        break;
    case 2:
        sl_out_text(out, "card 4111 1111 1111 1111 ");
        break;
    case 3:
        sl_out_printf(out, "from ip 81.2.%u.%u ", pick(256), pick(256));
        break;
    default:
        sl_out_printf(out, "api_key=q7Zr%08xLm2%08xTp ", pick(UINT32_MAX), pick(UINT32_MAX));
    }
}

static void add_code(struct sl_out *out)
{
    for (unsigned i = 0; i < 6; i++)
        sl_out_printf(out, "    %s_%s = self.%s(%s, limit=%u)  # %s %s\n", word(), word(), word(),
                      word(), pick(500), word(), word());
}

static void add_chat(struct sl_out *out)
{
    sl_out_printf(out, "{\"role\":\"%s\",\"id\":\"msg_%08x\",\"content\":\"",
                  pick(2) != 0 ? "user" : "assistant", pick(UINT32_MAX));
    add_prose(out, 60);
    sl_out_printf(out, "\\n%s\",\"index\":%u,\"score\":0.%06u},", word(), pick(10), pick(1000000));
}

static void add_log(struct sl_out *out)
{
    sl_out_printf(out,
                  "2026-03-%02uT%02u:%02u:%02u.%03uZ INFO %s.%s: %s %s took %u ms id=%08x-%04x\n",
                  1 + pick(28), pick(24), pick(60), pick(60), pick(1000), word(), word(), word(),
                  word(), pick(5000), pick(UINT32_MAX), pick(65536));
}

static void make_texts(struct texts *texts)
{
    for (unsigned i = 0; i < TEXTS; i++) {
        size_t end = texts->bytes.size + TEXT_BYTES / 2 + pick(TEXT_BYTES);
        uint32_t kind = pick(10);
        while (texts->bytes.size < end && !texts->bytes.failed) {
            if (kind < 4)
                add_prose(&texts->bytes, 80);
            else if (kind < 6)
                add_code(&texts->bytes);
            else if (kind < 9)
                add_chat(&texts->bytes);
            else
                add_log(&texts->bytes);
            if (pick(18) == 0)
                add_value(&texts->bytes);
        }
        texts->ends[i] = texts->bytes.size;
    }
}

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int scan_all(struct sl_pii_scanner *scanner, const struct texts *texts, size_t *ret_spans)
{
    size_t start = 0, spans = 0;
    for (unsigned i = 0; i < TEXTS; i++) {
        const struct sl_pii_span *found = NULL;
        size_t count = 0;
        if (sl_pii_scan(scanner, sl_bytes(texts->bytes.data + start, texts->ends[i] - start),
                        &found, &count) != 0)
            return -1;
        spans += count;
        start = texts->ends[i];
    }
    *ret_spans = spans;
    return 0;
}

static int measure(const char *name, const struct sl_pii_engine *engine, const struct texts *texts)
{
    struct sl_pii_scanner *scanner = sl_pii_scanner_new(engine);
    if (scanner == NULL)
        return -1;
    double best = 1e9;
    size_t spans = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double began = cpu_seconds();
        if (scan_all(scanner, texts, &spans) != 0)
            return -1;
        double took = cpu_seconds() - began;
        if (took < best)
            best = took;
    }
    printf("%-24s %6.1f MB, %zu spans, %7.1f MB/s\n", name, (double)texts->bytes.size / 1e6, spans,
           (double)texts->bytes.size / 1e6 / best);
    sl_pii_scanner_free(scanner);
    return 0;
}

int main(int argc, char **argv)
{
    state = argc > 1 ? strtoull(argv[1], NULL, 10) | 1 : (uint64_t)time(NULL) | 1;
    static struct texts texts;
    make_texts(&texts);
    struct sl_pii_engine *engine = sl_pii_engine_new(NULL);
    if (engine == NULL || texts.bytes.failed)
        return 1;
    printf("seed %llu\n", (unsigned long long)state);
    int status = measure("scrub scan", engine, &texts);
    sl_pii_engine_portable(engine);
    if (status == 0)
        status = measure("scrub scan, portable", engine, &texts);
    sl_pii_engine_free(engine);
    sl_out_done(&texts.bytes);
    return status == 0 ? 0 : 1;
}
