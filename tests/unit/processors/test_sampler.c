/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler against the specification's vectors and against what the
 * Collector's processor decided (tests/golden/sampler/vectors.tsv, made by the
 * program beside it).
 */
#include <stdlib.h>

#include "processors/probabilistic_sampler/decide.h"
#include "processors/probabilistic_sampler/tracestate.h"
#include "tests/check.h"

static void test_thresholds_are_those_of_the_specification(void **state)
{
    static const struct {
        double probability;
        int precision;
        const char *text;
    } rows[] = {
        {1, 4, "0"},          {0.5, 4, "8"},         {0.25, 4, "c"},        {1.0 / 3, 3, "aab"},
        {1.0 / 3, 4, "aaab"}, {1.0 / 3, 5, "aaaab"}, {0.1, 3, "e66"},       {0.1, 4, "e666"},
        {0.1, 5, "e6666"},    {0.01, 3, "fd71"},     {0.01, 4, "fd70a"},    {0.01, 5, "fd70a4"},
        {0.001, 3, "ffbe7"},  {0.001, 4, "ffbe77"},  {0.001, 5, "ffbe76d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t threshold = 1, back = 2;
        char text[SAMPLER_HEX_DIGITS + 1];
        CHECK(threshold_of_probability(rows[i].probability, rows[i].precision, &threshold));
        CHECK_INT(threshold_write(threshold, text), strlen(rows[i].text));
        CHECK_TEXT(text, rows[i].text);
        CHECK(threshold_parse(sl_text(text), &back));
        CHECK(back == threshold);
    }
    uint64_t unused;
    CHECK(!threshold_of_probability(0, 4, &unused));
    CHECK(!threshold_of_probability(1.5, 4, &unused));
    CHECK(!threshold_of_probability(0x1p-57, 4, &unused));
}

static void test_tracestate_keeps_what_is_not_its_own(void **state)
{
    static const struct {
        const char *in;
        bool valid;
        const char *out; /* with th:8 and rv of 14 ones */
    } rows[] = {
        {"", true, "ot=rv:11111111111111;th:8"},
        {"a=b,ot=th:4;xx:y;rv:aaaaaaaaaaaaaa , c=d", true,
         "ot=rv:11111111111111;th:8;xx:y,a=b,c=d"},
        {"ot=xth:8", false, NULL}, /* replaced below: xth is a key of its own */
        {"ot=th:zz", false, NULL},
        {"ot=rv:12", false, NULL},
        {"nonsense", false, NULL},
        {"A=b", false, NULL},
        {"a=b=c", false, NULL},
        {"1a@b=c,,x=y", true, "ot=rv:11111111111111;th:8,1a@b=c,x=y"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tracestate parsed;
        bool own_key = strcmp(rows[i].in, "ot=xth:8") == 0;
        CHECK_INT(tracestate_parse(sl_text(rows[i].in), &parsed), rows[i].valid || own_key);
        if (own_key)
            CHECK(!parsed.has_th); /* matched at a key boundary only */
        if (!rows[i].valid)
            continue;
        struct sl_out out = {0};
        parsed.has_rv = parsed.has_th = true;
        parsed.rv = UINT64_C(0x11111111111111);
        parsed.th = UINT64_C(1) << 55;
        tracestate_write(&parsed, &out);
        CHECK_TEXT(sl_out_cstr(&out), rows[i].out);
        sl_out_done(&out);
    }
}

enum { COLUMNS = 11 };

static void split_row(char *line, char *columns[COLUMNS])
{
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < COLUMNS; i++) {
        columns[i] = strsep(&line, "\t");
        CHECK(columns[i] != NULL);
    }
}

static struct sampler make_sampler(char *const columns[COLUMNS])
{
    float percentage = strtof(columns[2], NULL);
    if (percentage > 100)
        percentage = 100;
    struct sampler sampler = {
        .mode = strcmp(columns[1], "hash_seed") == 0      ? SAMPLER_HASH_SEED
                : strcmp(columns[1], "proportional") == 0 ? SAMPLER_PROPORTIONAL
                                                          : SAMPLER_EQUALIZING,
        .seed = (uint32_t)strtoul(columns[3], NULL, 10),
        .precision = atoi(columns[4]),
        .fail_closed = strcmp(columns[5], "true") == 0,
        .by_trace_id = true,
        .ratio = (double)percentage / 100,
        .from_attribute = SL_LIT("key"),
        .priority_attribute = SL_LIT("priority"),
    };
    if (sampler.mode == SAMPLER_HASH_SEED)
        sampler.threshold = threshold_of_hash(percentage);
    else if (!threshold_of_probability(sampler.ratio, sampler.precision, &sampler.threshold))
        sampler.threshold = SAMPLER_NEVER;
    sampler.never = sampler.threshold == SAMPLER_NEVER;
    return sampler;
}

static void put_attribute(struct sl_out *out, uint32_t number, const char *key, const char *text)
{
    const char *value = strchr(text, ':');
    if (value == NULL)
        return;
    value++;
    struct sl_value v = strncmp(text, "int:", 4) == 0      ? sl_value_int(atoll(value))
                        : strncmp(text, "double:", 7) == 0 ? sl_value_double(strtod(value, NULL))
                                                           : sl_value_string(sl_text(value));
    sl_attr_encode(out, number, sl_text(key), v);
}

static void put_field(struct sl_out *out, uint32_t number, struct sl_bytes bytes)
{
    CHECK(bytes.size < 128 * 128);
    sl_out_byte(out, (uint8_t)(number << 3 | SL_WIRE_LEN));
    sl_out_byte(out, (uint8_t)(0x80 | (bytes.size & 0x7F)));
    sl_out_byte(out, (uint8_t)(bytes.size >> 7));
    sl_out_bytes(out, bytes.data, bytes.size);
}

static void put_id(struct sl_out *out, uint32_t number, const char *hex)
{
    uint8_t id[16];
    for (int i = 0; i < 16; i++) {
        unsigned byte = 0;
        CHECK(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        id[i] = (uint8_t)byte;
    }
    put_field(out, number, sl_bytes(id, sizeof id));
}

/* Whether the record was kept as the row says, with the state it says. */
static void check_row(char *columns[COLUMNS], unsigned line)
{
    bool is_span = strcmp(columns[0], "span") == 0;
    struct sampler sampler = make_sampler(columns);
    struct sl_batch *batch = sl_batch_new(is_span ? SL_TRACES : SL_LOGS);
    struct sl_out wire = {0};
    if (is_span) {
        put_id(&wire, SL_SPAN_TRACE_ID, columns[6]);
        if (columns[7][0] != '\0')
            put_field(&wire, SL_SPAN_TRACE_STATE, sl_text(columns[7]));
        put_attribute(&wire, SL_SPAN_ATTRIBUTES, "sampling.priority", columns[8]);
    } else {
        put_id(&wire, SL_LOG_TRACE_ID, columns[6]);
        put_attribute(&wire, SL_LOG_ATTRIBUTES, "key", columns[7]);
        put_attribute(&wire, SL_LOG_ATTRIBUTES, "priority", columns[8]);
    }
    struct sl_part part = {.wire = sl_out_view(&wire)};
    enum sampler_reason reason;
    int kept = is_span ? sampler_span(&sampler, batch, &part, &reason)
                       : sampler_log(&sampler, batch, &part, &reason);
    if (kept != atoi(columns[9]))
        fail_msg("line %u: kept is %d", line, kept);

    struct sl_out text = {0};
    if (kept && is_span) {
        struct sl_span_view view;
        sl_span_read(batch, &part, &view);
        sl_out_bytes(&text, view.trace_state.data, view.trace_state.size);
    } else if (kept) {
        static const char *const keys[] = {"sampling.threshold", "sampling.randomness"};
        for (int i = 0; i < 2; i++) {
            struct sl_attr attr;
            bool found = sl_attr_find(batch, &part, SL_LOG_ATTRIBUTES, sl_text(keys[i]), &attr);
            struct sl_bytes value = found ? attr.value.bytes : SL_LIT("-");
            sl_out_bytes(&text, value.data, value.size);
            if (i == 0)
                sl_out_byte(&text, ',');
        }
    }
    if (strcmp(sl_out_cstr(&text), columns[10]) != 0)
        fail_msg("line %u: '%s', expected '%s'", line, sl_out_cstr(&text), columns[10]);
    sl_out_done(&text);
    sl_out_done(&wire);
    sl_out_done(&sampler.scratch);
    sl_batch_unref(batch);
}

static void test_decisions_are_the_collectors(void **state)
{
    (void)state;
    char path[4096], line[4096], *columns[COLUMNS];
    (void)snprintf(path, sizeof path, "%s/tests/golden/sampler/vectors.tsv",
                   getenv("SL_SOURCE_DIR"));
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    unsigned rows = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        split_row(line, columns);
        check_row(columns, ++rows);
    }
    (void)fclose(file);
    CHECK(rows > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_are_those_of_the_specification),
        cmocka_unit_test(test_tracestate_keeps_what_is_not_its_own),
        cmocka_unit_test(test_decisions_are_the_collectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
