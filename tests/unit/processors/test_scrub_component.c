/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The component on whole batches: a value to find is planted in every string,
 * bytes value, number and unknown field that the schema's tables know of, and
 * none may be left in what comes out.
 */
#include <math.h>

#include "core/alloc.h"
#include "otlp/wire.h"
#include "pipeline/component.h"
#include "pipeline/meter.h"
#include "tests/check.h"

extern const struct sl_component_type pii_scrubber_processor;

enum { DEPTH = 9, UNKNOWN_FIELD = 999 };
static const uint64_t card = 4556737586899855;
/* Behind a NUL, where careless readers stop. */
static const char canary[] = "a\0 kim@example.com b";
static const char leak[] = "kim@example";

/* ---- requests with everything in them ---- */

static void put_varint(struct sl_out *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        sl_out_byte(out, (uint8_t)(value | 0x80));
    sl_out_byte(out, (uint8_t)value);
}

static void put_tag(struct sl_out *out, uint32_t number, enum sl_wire_type wire)
{
    put_varint(out, (uint64_t)number << 3 | wire);
}

static void put_len(struct sl_out *out, uint32_t number, struct sl_bytes payload)
{
    put_tag(out, number, SL_WIRE_LEN);
    put_varint(out, payload.size);
    sl_out_bytes(out, payload.data, payload.size);
}

static void put_message(struct sl_out *out, const struct sl_message *message, unsigned variant,
                        unsigned depth);

static void put_scalar(struct sl_out *out, const struct sl_message *message,
                       const struct sl_message_field *field)
{
    bool any = message == &sl_msg_any_value;
    double number = any ? (double)card : 1;
    switch ((enum sl_field_kind)field->kind) {
    case SL_K_DOUBLE:
    case SL_K_FIXED64:
    case SL_K_SFIXED64:
        put_tag(out, field->number, SL_WIRE_FIXED64);
        sl_out_bytes(out, field->kind == SL_K_DOUBLE ? (const void *)&number : "\1\0\0\0\0\0\0", 8);
        break;
    case SL_K_FIXED32:
        put_tag(out, field->number, SL_WIRE_FIXED32);
        sl_out_bytes(out, "\1\0\0", 4);
        break;
    default:
        put_tag(out, field->number, SL_WIRE_VARINT);
        put_varint(out, any && field->kind == SL_K_INT64 ? card : 1);
    }
}

static void put_field(struct sl_out *out, const struct sl_message *message,
                      const struct sl_message_field *field, unsigned variant, unsigned depth)
{
    static const uint8_t id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    if (field->kind == SL_K_MESSAGE) {
        struct sl_out inner = {0};
        put_message(&inner, field->message, variant, depth + 1);
        put_len(out, field->number, sl_out_view(&inner));
        sl_out_done(&inner);
    } else if (field->id_size > 0) {
        put_len(out, field->number, sl_bytes(id, field->id_size));
    } else if (field->kind == SL_K_STRING || field->kind == SL_K_BYTES) {
        put_len(out, field->number, sl_bytes(canary, sizeof canary - 1));
    } else {
        put_scalar(out, message, field);
    }
}

/* Of each oneof the member that the variant selects; below DEPTH no messages. */
static bool is_chosen(const struct sl_message *message, unsigned index, unsigned variant,
                      unsigned depth)
{
    const struct sl_message_field *field = &message->fields[index];
    if (depth >= DEPTH && field->kind == SL_K_MESSAGE)
        return false;
    if (field->oneof < 0)
        return true;
    unsigned members = 0, place = 0;
    for (unsigned i = 0; i < message->field_count; i++) {
        if (i == index)
            place = members;
        members += message->fields[i].oneof == field->oneof;
    }
    return place == (variant + depth) % members;
}

static void put_message(struct sl_out *out, const struct sl_message *message, unsigned variant,
                        unsigned depth)
{
    for (unsigned i = 0; i < message->field_count; i++) {
        if (!is_chosen(message, i, variant, depth))
            continue;
        put_field(out, message, &message->fields[i], variant, depth);
        bool twice = message->fields[i].repeated && message->fields[i].kind == SL_K_MESSAGE;
        if (twice && depth < 5) /* a second one; of attributes, one with the same key */
            put_field(out, message, &message->fields[i], variant + 1, depth);
    }
    put_len(out, UNKNOWN_FIELD, sl_bytes(canary, sizeof canary - 1));
}

static struct sl_batch *read_batch(enum sl_signal signal, struct sl_bytes wire)
{
    struct sl_error error = {{0}};
    struct sl_batch *batch = NULL;
    struct sl_buf *buf = sl_buf_new(NULL, wire.size + 1);
    CHECK(buf != NULL);
    CHECK_INT(sl_buf_append(buf, wire.data, wire.size, 0), 0);
    if (sl_batch_read(signal, buf, NULL, &batch, NULL, &error) != 0)
        fail_msg("cannot read: %s", error.text);
    sl_buf_unref(buf);
    return batch;
}

/* ---- the component between a test and a catcher ---- */

struct fixture {
    struct sl_meters *meters;
    struct sl_meter *meter;
    struct sl_arena arena;
    struct sl_component *component;
    struct sl_component catcher;
    struct sl_target target;
    struct sl_out caught;
    size_t items;
    bool known_only;
    unsigned finished;
    struct sl_result result;
};

static struct fixture *now;

static void catch_delivery(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)self;
    (void)sl_alloc_fail_after(-1);
    CHECK_INT(sl_batch_encode(delivery->batch, &now->caught), 0);
    now->items = delivery->batch->items;
    now->known_only = delivery->batch->known_only;
    sl_delivery_finish(delivery, sl_result_ok());
}

static const struct sl_component_type catcher_type = {
    .name = "catcher", .kind = SL_EXPORTER, .signals = SL_ALL_SIGNALS, .consume = catch_delivery};

/* settings: a map "key: value" of one level as nodes, ended by NULL keys. */
struct setting {
    const char *key, *inner, *value;
};

static struct sl_node *make_nodes(struct fixture *fixture, const struct setting *settings)
{
    struct sl_node *root = sl_arena_calloc(&fixture->arena, 1, sizeof *root);
    root->kind = SL_NODE_MAP;
    struct sl_node **last = &root->child;
    for (; settings->key != NULL; settings++) {
        struct sl_node *node = sl_arena_calloc(&fixture->arena, 2, sizeof *node);
        node->key = settings->key;
        struct sl_node *leaf = node;
        if (settings->inner != NULL) {
            bool element = settings->inner[0] == '\0';
            node->kind = element ? SL_NODE_LIST : SL_NODE_MAP;
            leaf = node->child = node + 1;
            leaf->key = element ? NULL : settings->inner;
        }
        leaf->kind = SL_NODE_SCALAR;
        leaf->text = settings->value;
        *last = node;
        last = &node->next;
    }
    return root;
}

static int begin(struct fixture *fixture, const struct setting *settings, struct sl_diag *diag)
{
    const struct sl_component_type *type = &pii_scrubber_processor;
    memset(fixture, 0, sizeof *fixture);
    now = fixture;
    struct sl_node *node = make_nodes(fixture, settings);
    void *config = sl_arena_calloc(&fixture->arena, 1, type->config_size);
    int status = sl_schema_read(type->fields, node, "pii_scrubber", config, &fixture->arena, diag);
    if (status == 0)
        type->check(config, node, "pii_scrubber", diag);
    if (status != 0 || diag->errors > 0)
        return SL_EINVALID;
    fixture->meters = sl_meters_new();
    fixture->meter = sl_meter_new(fixture->meters, "processor", "pii_scrubber");
    fixture->catcher.type = &catcher_type;
    fixture->target.component = &fixture->catcher;
    fixture->component = sl_calloc(1, type->size);
    *fixture->component = (struct sl_component){
        .type = type, .id = "pii_scrubber", .config = config, .meter = fixture->meter};
    for (unsigned i = 0; i < 3; i++)
        fixture->component->outputs[i] = (struct sl_output){&fixture->target, 1};
    struct sl_error error;
    CHECK_INT(type->create(fixture->component, &error), 0);
    return 0;
}

static void end(struct fixture *fixture)
{
    if (fixture->component != NULL) {
        pii_scrubber_processor.destroy(fixture->component);
        sl_free(fixture->component);
        sl_meters_free(fixture->meters);
    }
    sl_out_done(&fixture->caught);
    sl_arena_done(&fixture->arena);
}

static void finished(void *arg, const struct sl_result *result)
{
    struct fixture *fixture = arg;
    fixture->finished++;
    fixture->result = *result;
}

static void pass(struct fixture *fixture, enum sl_signal signal, struct sl_bytes wire)
{
    sl_out_clear(&fixture->caught);
    fixture->items = 0;
    fixture->finished = 0;
    struct sl_delivery *delivery =
        sl_delivery_new(read_batch(signal, wire), NULL, finished, fixture);
    CHECK(delivery != NULL);
    pii_scrubber_processor.consume(fixture->component, delivery);
    CHECK_INT(fixture->finished, 1);
}

static void begin_ok(struct fixture *fixture, const struct setting *settings)
{
    struct sl_diag diag;
    sl_diag_init(&diag);
    CHECK_INT(begin(fixture, settings, &diag), 0);
    sl_diag_done(&diag);
}

static bool holds(struct sl_bytes bytes, const void *what, size_t size)
{
    return bytes.size > 0 && memmem(bytes.data, bytes.size, what, size) != NULL;
}

static const struct setting defaults[] = {{NULL, NULL, NULL}};

/* One span with these attribute fields. */
static struct sl_bytes span_request(struct sl_out *out, struct sl_bytes attributes)
{
    struct sl_out inner = {0}, outer = {0};
    put_len(&inner, SL_SPAN_TRACE_ID, SL_LIT("0123456789abcdef"));
    put_len(&inner, SL_SPAN_SPAN_ID, SL_LIT("01234567"));
    put_len(&inner, SL_SPAN_NAME, SL_LIT("chat"));
    sl_out_bytes(&inner, attributes.data, attributes.size);
    put_len(&outer, SL_SCOPE_RECORDS, sl_out_view(&inner));
    sl_out_clear(&inner);
    put_len(&inner, SL_GROUP_SCOPES, sl_out_view(&outer));
    put_len(out, SL_REQUEST_GROUPS, sl_out_view(&inner));
    sl_out_done(&inner);
    sl_out_done(&outer);
    return sl_out_view(out);
}

static void put_attribute(struct sl_out *out, const char *key, const char *value)
{
    struct sl_out pair = {0}, any = {0};
    put_len(&any, SL_ANY_STRING, sl_text(value));
    put_len(&pair, SL_KV_KEY, sl_text(key));
    put_len(&pair, SL_KV_VALUE, sl_out_view(&any));
    put_len(out, SL_SPAN_ATTRIBUTES, sl_out_view(&pair));
    sl_out_done(&pair);
    sl_out_done(&any);
}

/* ---- tests ---- */

static void test_no_field_of_any_signal_leaks(void **state)
{
    (void)state;
    static const enum sl_signal signals[] = {SL_TRACES, SL_METRICS, SL_LOGS};
    static const char *const ways[] = {"redact", "mask", "hash", "drop"};
    struct sl_out number = {0}, wire = {0};
    double real = (double)card;
    put_varint(&number, card);
    for (unsigned way = 0; way < 4; way++) {
        const struct setting settings[] = {{"action", NULL, ways[way]},
                                           {"hash_key", NULL, "0123456789abcdef"},
                                           {NULL, NULL, NULL}};
        struct fixture fixture;
        begin_ok(&fixture, settings);
        for (unsigned i = 0; i < 3 * 12; i++) {
            enum sl_signal signal = signals[i % 3];
            sl_out_clear(&wire);
            put_message(&wire, sl_signal_messages(signal)->request, i / 3, 0);
            struct sl_batch *input = read_batch(signal, sl_out_view(&wire));
            CHECK(holds(sl_out_view(&wire), leak, sizeof leak - 1));
            pass(&fixture, signal, sl_out_view(&wire));
            CHECK_INT(fixture.result.outcome, SL_RESULT_OK);
            CHECK_INT(fixture.items, input->items);
            sl_batch_unref(input);
            struct sl_bytes output = sl_out_view(&fixture.caught);
            CHECK(output.size > 0 && fixture.known_only);
            if (way != 1) /* a mask keeps the domain */
                CHECK(!holds(output, "example.com", 11));
            CHECK(!holds(output, leak, sizeof leak - 1));
            CHECK(!holds(output, number.data, number.size));
            CHECK(!holds(output, &real, sizeof real));
            sl_batch_unref(read_batch(signal, output));
        }
        end(&fixture);
    }
    sl_out_done(&number);
    sl_out_done(&wire);
}

static void test_values_are_replaced_and_counted_and_others_stay(void **state)
{
    (void)state;
    struct fixture fixture;
    struct sl_out attributes = {0}, wire = {0}, text = {0};
    begin_ok(&fixture, defaults);
    put_attribute(&attributes, "gen_ai.request.model", "gpt-4o-2024-08-06");
    put_attribute(&attributes, "q", "mail kim@example.com, {\"card\":4556737586899855}");
    put_attribute(&attributes, "gen_ai.usage.input_tokens", "1024");
    pass(&fixture, SL_TRACES, span_request(&wire, sl_out_view(&attributes)));
    struct sl_bytes output = sl_out_view(&fixture.caught);
    static const char want[] = "mail [EMAIL], {\"card\":\"[CREDIT_CARD]\"}";
    CHECK(holds(output, want, sizeof want - 1));
    CHECK(holds(output, "gpt-4o-2024-08-06", 17));
    CHECK(holds(output, "1024", 4));
    sl_meters_print_prometheus(fixture.meters, &text);
    CHECK(strstr(sl_out_cstr(&text), "entity=\"email\"") != NULL);
    end(&fixture);
    sl_out_done(&attributes);
    sl_out_done(&wire);
    sl_out_done(&text);
}

static void test_key_lists_exempt_and_deny(void **state)
{
    (void)state;
    static const struct setting settings[] = {
        {"ignored_keys", "", "support.*"}, {"deny_keys", "", "http.cookie"}, {NULL, NULL, NULL}};
    struct fixture fixture;
    struct sl_out attributes = {0}, wire = {0};
    begin_ok(&fixture, settings);
    put_attribute(&attributes, "support.mail", "kim@example.com");
    put_attribute(&attributes, "support", "lea@example.com");
    put_attribute(&attributes, "http.cookie", "plain");
    pass(&fixture, SL_TRACES, span_request(&wire, sl_out_view(&attributes)));
    struct sl_bytes output = sl_out_view(&fixture.caught);
    CHECK(holds(output, "kim@example.com", 15));
    CHECK(!holds(output, "lea@example.com", 15));
    CHECK(!holds(output, "plain", 5) && holds(output, "[REDACTED]", 10));
    end(&fixture);
    sl_out_done(&attributes);
    sl_out_done(&wire);
}

static void test_the_key_of_an_attribute_gives_its_value_away(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *becomes; /* NULL: stays */
    } rows[] = {
        {"db.password", "hunter2!x", "[PASSWORD]"},
        {"userPassword", "tr0ub4dor", "[PASSWORD]"},
        {"ai.request.headers.x-api-key", "zz19AbQ8mLpX7vK2cN4dR6tW", "[SECRET]"},
        {"client_secret", "zz19AbQ8mLpX7vK2cN4dR6tW", "[SECRET]"},
        {"http.request.header.authorization", "Token zz19AbQ8mLpX7vK2cN4d", "[SECRET]"},
        {"session.id", "3f2c1e9a-77b4-4c1d-9a52-0c6d1f3b8e11", NULL},
        {"gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY", NULL},
        {"gen_ai.token.type", "input-tokens-cached-2024", NULL},
        {"db.password", "[PASSWORD]", NULL},
        {"api_key", "${OPENAI_API_KEY}", NULL},
        {"password", "required", NULL},
        {"token", "https://auth.example.com/oauth2/v1/token", NULL},
        {"secret", "{\"kind\": \"Opaque\", \"version\": 12}", NULL},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture fixture;
        struct sl_out wire = {0}, attributes = {0}, again = {0};
        begin_ok(&fixture, defaults);
        put_attribute(&attributes, rows[i].key, rows[i].value);
        pass(&fixture, SL_TRACES, span_request(&wire, sl_out_view(&attributes)));
        const char *want = rows[i].becomes != NULL ? rows[i].becomes : rows[i].value;
        if (!holds(sl_out_view(&fixture.caught), want, strlen(want)))
            fail_msg("%s: %s did not become %s", rows[i].key, rows[i].value, want);
        if (rows[i].becomes != NULL)
            CHECK(!holds(sl_out_view(&fixture.caught), rows[i].value, strlen(rows[i].value)));
        sl_out_bytes(&again, fixture.caught.data, fixture.caught.size);
        pass(&fixture, SL_TRACES, sl_out_view(&again));
        CHECK_BYTES(sl_out_view(&fixture.caught), sl_out_view(&again));
        end(&fixture);
        sl_out_done(&wire);
        sl_out_done(&attributes);
        sl_out_done(&again);
    }
}

static void test_a_value_that_is_too_long_takes_its_record_along(void **state)
{
    (void)state;
    static const struct setting settings[] = {{"max_value_bytes", NULL, "1024"},
                                              {NULL, NULL, NULL}};
    static char value[1026];
    struct fixture fixture;
    struct sl_out attributes = {0}, wire = {0};
    begin_ok(&fixture, settings);
    memset(value, 'x', 1025);
    put_attribute(&attributes, "k", value);
    pass(&fixture, SL_TRACES, span_request(&wire, sl_out_view(&attributes)));
    CHECK_INT(fixture.result.outcome, SL_RESULT_OK);
    CHECK_INT(fixture.items, 0);
    CHECK(!holds(sl_out_view(&fixture.caught), "xxxx", 4));
    CHECK_INT(sl_meters_dropped(fixture.meters, "cannot_scan"), 1);
    end(&fixture);
    sl_out_done(&attributes);
    sl_out_done(&wire);
}

static void test_a_resource_that_cannot_be_scanned_takes_its_records_along(void **state)
{
    (void)state;
    static const struct setting settings[] = {{"max_value_bytes", NULL, "1024"},
                                              {NULL, NULL, NULL}};
    static char value[1026];
    struct fixture fixture;
    struct sl_out attributes = {0}, resource = {0}, group = {0}, wire = {0};
    begin_ok(&fixture, settings);
    memset(value, 'x', 1025);
    put_attribute(&attributes, "k", "fine");
    (void)span_request(&wire, sl_out_view(&attributes));
    sl_out_clear(&attributes);
    put_attribute(&attributes, "k", value);
    sl_out_bytes(&resource, attributes.data, attributes.size);
    resource.data[0] = SL_RESOURCE_ATTRIBUTES << 3 | SL_WIRE_LEN;
    put_len(&group, SL_GROUP_RESOURCE, sl_out_view(&resource));
    put_len(&group, SL_GROUP_SCOPES, SL_LIT("\x12\x06\x2a\x04span")); /* one span, named */
    put_len(&wire, SL_REQUEST_GROUPS, sl_out_view(&group));
    pass(&fixture, SL_TRACES, sl_out_view(&wire));
    CHECK_INT(fixture.items, 1);
    CHECK(holds(sl_out_view(&fixture.caught), "fine", 4));
    CHECK(!holds(sl_out_view(&fixture.caught), "xxxx", 4));
    CHECK_INT(sl_meters_dropped(fixture.meters, "cannot_scan"), 1);
    end(&fixture);
    sl_out_done(&attributes);
    sl_out_done(&resource);
    sl_out_done(&group);
    sl_out_done(&wire);
}

/* Each allocation fails in turn: either nothing goes on, or nothing leaks. */
static void test_without_memory_nothing_goes_on(void **state)
{
    (void)state;
    bool refused = false, passed = false;
    struct sl_out wire = {0};
    put_message(&wire, sl_signal_messages(SL_TRACES)->request, 0, 0);
    for (long successes = 0; !passed; successes++) {
        struct fixture fixture;
        begin_ok(&fixture, defaults);
        struct sl_delivery *delivery =
            sl_delivery_new(read_batch(SL_TRACES, sl_out_view(&wire)), NULL, finished, &fixture);
        CHECK(delivery != NULL);
        (void)sl_alloc_fail_after(successes);
        struct sl_batch *held = sl_batch_ref(delivery->batch); /* so that it must be cloned */
        pii_scrubber_processor.consume(fixture.component, delivery);
        (void)sl_alloc_fail_after(-1);
        CHECK_INT(fixture.finished, 1);
        CHECK(!holds(sl_out_view(&fixture.caught), leak, sizeof leak - 1));
        passed = fixture.result.outcome == SL_RESULT_OK && fixture.caught.size > 0;
        refused = refused || fixture.result.outcome == SL_RESULT_RETRY;
        sl_batch_unref(held);
        end(&fixture);
        CHECK(successes < 10000);
    }
    CHECK(refused);
    sl_out_done(&wire);
}

static void test_wrong_settings_are_refused(void **state)
{
    (void)state;
    static const struct setting wrong[][2] = {
        {{"action", NULL, "hash"}, {NULL, NULL, NULL}},
        {{"entities", "e-mail", "on"}, {NULL, NULL, NULL}},
        {{"entities", "email", "perhaps"}, {NULL, NULL, NULL}},
        {{"entities", "email", "hash"}, {NULL, NULL, NULL}},
        {{"placeholder", NULL, "gone"}, {NULL, NULL, NULL}},
        {{"placeholder", NULL, "\"{type}\""}, {NULL, NULL, NULL}},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fixture fixture;
        struct sl_diag diag;
        sl_diag_init(&diag);
        CHECK_INT(begin(&fixture, wrong[i], &diag), SL_EINVALID);
        sl_diag_done(&diag);
        end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_field_of_any_signal_leaks),
        cmocka_unit_test(test_values_are_replaced_and_counted_and_others_stay),
        cmocka_unit_test(test_key_lists_exempt_and_deny),
        cmocka_unit_test(test_the_key_of_an_attribute_gives_its_value_away),
        cmocka_unit_test(test_a_value_that_is_too_long_takes_its_record_along),
        cmocka_unit_test(test_a_resource_that_cannot_be_scanned_takes_its_records_along),
        cmocka_unit_test(test_without_memory_nothing_goes_on),
        cmocka_unit_test(test_wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
