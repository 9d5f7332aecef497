/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrubber on any bytes: never reads outside the text, both index passes
 * find the same, what is scrubbed stays as it is when scrubbed again, and valid
 * JSON stays valid JSON.
 */
#include <stdlib.h>

#include "otlp/json.h"
#include "processors/pii_scrubber/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static struct sl_pii_engine *engines[2];
static struct sl_pii_scanner *scanners[2];

static void begin(void)
{
    for (unsigned i = 0; i < 2; i++) {
        engines[i] = sl_pii_engine_new(NULL);
        need(engines[i] != NULL);
        scanners[i] = sl_pii_scanner_new(engines[i]);
        need(scanners[i] != NULL);
    }
    sl_pii_engine_portable(engines[1]);
}

static void compare(struct sl_bytes text)
{
    const struct sl_pii_span *one = NULL, *two = NULL;
    size_t count = 0, other = 0;
    need(sl_pii_scan(scanners[0], text, &one, &count) == 0);
    need(sl_pii_scan(scanners[1], text, &two, &other) == 0 && count == other);
    for (size_t i = 0; i < count; i++) {
        need(one[i].start == two[i].start && one[i].end == two[i].end);
        need(one[i].start < one[i].end && one[i].end <= text.size);
        need(i == 0 || one[i - 1].end <= one[i].start);
    }
}

static bool is_json(struct sl_bytes text)
{
    struct sl_bytes inside = sl_bytes_trim(text);
    return inside.size > 0 && (inside.data[0] == '{' || inside.data[0] == '[') &&
           sl_json_valid(text, SL_JSON_DEPTH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (engines[0] == NULL)
        begin();
    if (size < 1)
        return 0;
    struct sl_pii_policy policy = {
        .prefix = SL_LIT("["), .suffix = SL_LIT("]"), .hash_key = SL_LIT("0123456789abcdef")};
    memset(policy.actions, data[0] % 3, sizeof policy.actions);
    struct sl_bytes text = sl_bytes(data + 1, size - 1);
    compare(text);
    struct sl_arena arena = {0};
    struct sl_pii_outcome once, twice;
    need(sl_pii_scrub(scanners[0], &policy, text, &arena, &once) == 0);
    need(sl_pii_scrub(scanners[0], &policy, once.text, &arena, &twice) == 0);
    need(!twice.changed);
    need(!is_json(text) || is_json(once.text));
    sl_arena_done(&arena);
    return 0;
}
