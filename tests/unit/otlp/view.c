/* SPDX-License-Identifier: Apache-2.0 */
/* Views and edits of a record, against a plain list of attributes as the model. */
#include <stdlib.h>

#include "core/alloc.h"
#include "tests/unit/otlp/wire_help.h"

static struct sl_bytes attributes_of(struct sl_batch *batch, struct sl_part *part)
{
    struct sl_attrs attrs;
    struct sl_attr found;
    struct sl_out out = {0};
    sl_attrs_init(&attrs, batch, part, SL_SPAN_ATTRIBUTES);
    while (sl_attrs_next(&attrs, &found)) {
        sl_out_printf(&out, "%.*s=", (int)found.key.size, (const char *)found.key.data);
        if (found.value.type == SL_VALUE_INT)
            sl_out_printf(&out, "%lld ", (long long)found.value.i);
        else
            sl_out_printf(&out, "%.*s ", (int)found.value.bytes.size,
                          (const char *)found.value.bytes.data);
    }
    CHECK(!attrs.cursor.failed);
    struct sl_bytes copy = sl_arena_copy(&help_arena, sl_out_view(&out));
    sl_out_done(&out);
    return copy;
}

/* The same through the view, the spliced part and the encoded request read again. */
static void check_attributes(struct sl_batch *batch, const char *expected)
{
    CHECK_BYTES(attributes_of(batch, first_part(batch)), sl_text(expected));
    struct sl_part spliced = {.wire = sl_part_splice(first_part(batch), batch->arena)};
    CHECK_INT(spliced.wire.size, sl_part_size(first_part(batch)));
    CHECK_BYTES(attributes_of(batch, &spliced), sl_text(expected));
    struct sl_batch *again = must_read(batch->signal, encoded(batch));
    CHECK_BYTES(attributes_of(again, first_part(again)), sl_text(expected));
    sl_batch_unref(again);
}

static struct sl_batch *abc(void)
{
    return must_read(SL_TRACES,
                     request_of(CAT(attr(9, "a", "1"), text(SL_SPAN_NAME, "n"), attr(9, "b", "2"),
                                    attr(9, "c", "3"), varint(SL_SPAN_KIND, 2))));
}

static struct sl_attr find(struct sl_batch *batch, const char *key)
{
    struct sl_attr found;
    CHECK(sl_attr_find(batch, first_part(batch), 9, sl_text(key), &found));
    return found;
}

static void test_an_attribute_is_renamed_replaced_removed_and_added(void **state)
{
    (void)state;
    struct sl_batch *batch = abc();
    struct sl_part *part = first_part(batch);
    struct sl_attr a = find(batch, "a"), b = find(batch, "b"), c = find(batch, "c");
    CHECK_INT(sl_attr_remove(batch, part, &c), SL_OK);
    CHECK_INT(sl_attr_rename(batch, part, &a, SL_LIT("aa")), SL_OK);
    check_attributes(batch, "aa=1 b=2 ");
    CHECK_INT(sl_attr_replace(batch, part, &b, sl_value_int(-5)), SL_OK);
    CHECK_INT(sl_attr_add(batch, part, 9, SL_LIT("d"), sl_value_string(SL_LIT("4"))), SL_OK);
    check_attributes(batch, "aa=1 b=-5 d=4 ");
    CHECK(batch->changed);
    sl_batch_unref(batch);
}

static void test_what_an_edit_made_can_be_edited_again(void **state)
{
    (void)state;
    struct sl_batch *batch = abc();
    struct sl_part *part = first_part(batch);
    CHECK_INT(
        sl_part_add(batch, part, CAT(attr(9, "x", "7"), attr(9, "y", "8"), attr(9, "z", "9"))),
        SL_OK);
    CHECK_INT(sl_attr_add(batch, part, 9, SL_LIT("d"), sl_value_int(4)), SL_OK);
    struct sl_attr x = find(batch, "x"), y = find(batch, "y"), z = find(batch, "z"),
                   d = find(batch, "d"), a = find(batch, "a");
    CHECK_INT(sl_attr_rename(batch, part, &y, SL_LIT("Y")), SL_OK);
    CHECK_INT(sl_attr_remove(batch, part, &a), SL_OK);
    /* Views from before the others were cut or moved still find their field. */
    CHECK_INT(sl_attr_rename(batch, part, &z, SL_LIT("Z")), SL_OK);
    CHECK_INT(sl_attr_remove(batch, part, &d), SL_OK);
    CHECK_INT(sl_attr_rename(batch, part, &x, SL_LIT("X")), SL_OK);
    check_attributes(batch, "b=2 c=3 X=7 Y=8 Z=9 ");
    CHECK_INT(sl_attr_remove(batch, part, &y), SL_EINVALID);
    sl_batch_unref(batch);
}

static void test_a_walk_goes_on_while_its_fields_are_changed(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        struct sl_batch *batch = abc();
        struct sl_part *part = first_part(batch);
        struct sl_attrs attrs;
        struct sl_attr found;
        if (round >= 2)
            CHECK_INT(sl_part_add(batch, part, CAT(attr(9, "d", "4"), attr(9, "e", "5"))), SL_OK);
        if (round == 3)
            CHECK_INT(sl_attr_add(batch, part, 9, SL_LIT("f"), sl_value_int(6)), SL_OK);
        unsigned seen = 0;
        sl_attrs_init(&attrs, batch, part, 9);
        while (sl_attrs_next(&attrs, &found)) {
            char key[2] = {(char)('a' + seen++), 0};
            CHECK_BYTES(found.key, sl_text(key));
            if (round % 2 == 0)
                CHECK_INT(sl_attr_remove(batch, part, &found), SL_OK);
            else
                CHECK_INT(sl_attr_rename(batch, part, &found, SL_LIT("k")), SL_OK);
            CHECK_INT(sl_attr_add(batch, part, 9, SL_LIT("new"), sl_value_int(1)), SL_OK);
        }
        static const unsigned expected[] = {3, 3, 5, 6};
        CHECK_INT(seen, expected[round]);
        check_attributes(batch, round == 0   ? "new=1 new=1 new=1 "
                                : round == 1 ? "k=1 k=2 k=3 new=1 new=1 new=1 "
                                : round == 2 ? "new=1 new=1 new=1 new=1 new=1 "
                                             : "k=1 k=2 k=3 k=4 k=5 k=6 new=1 new=1 new=1 new=1 "
                                               "new=1 new=1 ");
        sl_batch_unref(batch);
    }
}

static void test_unknown_fields_of_an_attribute_survive_a_rename(void **state)
{
    (void)state;
    struct sl_bytes odd = len(9, CAT(varint(50, 1), text(SL_KV_KEY, "k"), text(51, "u"),
                                     len(SL_KV_VALUE, text(SL_ANY_STRING, "v")), varint(52, 2)));
    struct sl_batch *batch = must_read(SL_TRACES, request_of(odd));
    struct sl_attr found = find(batch, "k");
    CHECK_INT(sl_attr_set(batch, first_part(batch), &found, SL_LIT("l"), sl_value_int(1)), SL_OK);
    CHECK_BYTES(sl_part_splice(first_part(batch), batch->arena),
                len(9, CAT(text(SL_KV_KEY, "l"), len(SL_KV_VALUE, varint(SL_ANY_INT, 1)),
                           varint(50, 1), text(51, "u"), varint(52, 2))));
    sl_batch_unref(batch);
}

static void test_span_fields_are_read_and_set_through_edits(void **state)
{
    (void)state;
    struct sl_batch *batch = abc();
    struct sl_part *part = first_part(batch);
    struct sl_span_view view;
    CHECK_INT(sl_part_set_bytes(batch, part, SL_SPAN_NAME, SL_LIT("chat")), SL_OK);
    CHECK_INT(sl_part_set_varint(batch, part, SL_SPAN_KIND, 300), SL_OK);
    CHECK_INT(sl_part_set_bytes(batch, part, SL_SPAN_TRACE_STATE, SL_LIT("a=b")), SL_OK);
    CHECK_INT(sl_part_set_bytes(batch, part, SL_SPAN_STATUS, text(SL_STATUS_MESSAGE, "oops")),
              SL_OK);
    sl_span_read(batch, part, &view);
    CHECK_BYTES(view.name, SL_LIT("chat"));
    CHECK_BYTES(view.trace_state, SL_LIT("a=b"));
    CHECK_BYTES(view.status_message, SL_LIT("oops"));
    CHECK_INT(view.kind, 300);
    CHECK_INT(part->edit_count, 4);
    sl_batch_unref(batch);
}

static void test_values_of_every_type_are_read_as_written(void **state)
{
    (void)state;
    struct sl_bytes array = CAT(len(1, text(SL_ANY_STRING, "x")), len(1, sl_bytes("", 0)),
                                len(1, varint(SL_ANY_INT, 3)));
    const struct sl_value values[] = {
        {.type = SL_VALUE_EMPTY},
        sl_value_string(SL_LIT("")),
        sl_value_bool(true),
        sl_value_int(INT64_MIN),
        sl_value_double(-0.5),
        {.type = SL_VALUE_ARRAY, .bytes = array},
        {.type = SL_VALUE_KVLIST, .bytes = attr(1, "k", "v")},
        {.type = SL_VALUE_BYTES, .bytes = SL_LIT("\0\xFF")},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct sl_out out = {0};
        sl_attr_encode(&out, 9, SL_LIT("key"), values[i]);
        struct sl_batch *batch = must_read(SL_TRACES, request_of(sl_out_view(&out)));
        struct sl_attr read = find(batch, "key");
        CHECK_INT(read.value.type, values[i].type);
        CHECK_BYTES(read.value.bytes, values[i].bytes);
        if (values[i].type == SL_VALUE_INT)
            CHECK(read.value.i == values[i].i);
        if (values[i].type == SL_VALUE_DOUBLE)
            CHECK(read.value.d == values[i].d);
        sl_batch_unref(batch);
        sl_out_done(&out);
    }
    struct sl_value element;
    struct sl_bytes rest = array;
    CHECK(sl_array_next(&rest, &element) && element.type == SL_VALUE_STRING);
    CHECK(sl_array_next(&rest, &element) && element.type == SL_VALUE_EMPTY);
    CHECK(sl_array_next(&rest, &element) && element.i == 3);
    CHECK(!sl_array_next(&rest, &element));
}

static int read_edit_encode(struct sl_bytes body)
{
    struct sl_batch *batch = NULL, *rest = NULL, *clone = NULL;
    struct sl_attr found;
    struct sl_out out = {0};
    int rc = read_request(SL_TRACES, body, &batch, NULL);
    if (rc != SL_OK)
        return rc;
    bool there = sl_attr_find(batch, first_part(batch), 9, SL_LIT("a"), &found);
    rc = there ? sl_attr_rename(batch, first_part(batch), &found, SL_LIT("renamed")) : SL_OK;
    if (rc == SL_OK)
        rc = sl_attr_add(batch, first_part(batch), 9, SL_LIT("d"), sl_value_int(4));
    if (rc == SL_OK && (clone = sl_batch_clone(batch)) == NULL)
        rc = SL_ENOMEM;
    if (rc == SL_OK)
        rc = sl_batch_split(batch, 1, 0, &rest);
    size_t records = batch->records + (rest != NULL ? rest->records : 0);
    if (rc == SL_OK && rest != NULL)
        rc = sl_batch_append(batch, rest);
    CHECK_INT(batch->records + (rest != NULL ? rest->records : 0), records);
    CHECK_INT(records, 2);
    if (rc == SL_OK)
        rc = sl_batch_encode(batch, &out);
    sl_out_done(&out);
    sl_batch_unref(rest);
    sl_batch_unref(clone);
    sl_batch_unref(batch);
    return rc;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    struct sl_bytes span =
        CAT(attr(9, "a", "1"), text(SL_SPAN_NAME, "bad \xFF"), attr(9, "b", "2"));
    struct sl_bytes body = CAT(request_of(span), request_of(span));
    for (long i = 0;; i++) {
        CHECK(i < 200);
        (void)sl_alloc_fail_after(i);
        int rc = read_edit_encode(body);
        long asked = sl_alloc_fail_after(-1);
        if (rc == SL_OK) {
            CHECK(i >= 8 && asked <= i);
            break;
        }
        CHECK_INT(rc, SL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_attribute_is_renamed_replaced_removed_and_added),
        cmocka_unit_test(test_what_an_edit_made_can_be_edited_again),
        cmocka_unit_test(test_a_walk_goes_on_while_its_fields_are_changed),
        cmocka_unit_test(test_unknown_fields_of_an_attribute_survive_a_rename),
        cmocka_unit_test(test_span_fields_are_read_and_set_through_edits),
        cmocka_unit_test(test_values_of_every_type_are_read_as_written),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sl_arena_done(&help_arena);
    return rc;
}
