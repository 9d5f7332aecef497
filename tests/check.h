/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_CHECK_H
#define SL_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/bytes.h"

/* Checks that print both sides and fail the running cmocka test. */
#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr))                                                                               \
            fail_msg("%s:%d: CHECK(%s)", __FILE__, __LINE__, #expr);                               \
    } while (0)

#define CHECK_INT(actual, expected)                                                                \
    do {                                                                                           \
        long long check_a = (long long)(actual), check_e = (long long)(expected);                  \
        if (check_a != check_e)                                                                    \
            fail_msg("%s:%d: %s is %lld, expected %lld", __FILE__, __LINE__, #actual, check_a,     \
                     check_e);                                                                     \
    } while (0)

#define CHECK_BYTES(actual, expected)                                                              \
    do {                                                                                           \
        struct sl_bytes check_a = (actual), check_e = (expected);                                  \
        if (!sl_bytes_equal(check_a, check_e))                                                     \
            fail_msg("%s:%d: %s is '%.*s' (%zu bytes), expected '%.*s' (%zu bytes)", __FILE__,     \
                     __LINE__, #actual, (int)check_a.size, (const char *)check_a.data,             \
                     check_a.size, (int)check_e.size, (const char *)check_e.data, check_e.size);   \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *check_a = (actual), *check_e = (expected);                                     \
        if (check_a == NULL || strcmp(check_a, check_e) != 0)                                      \
            fail_msg("%s:%d: %s is '%s', expected '%s'", __FILE__, __LINE__, #actual,              \
                     check_a ? check_a : "(null)", check_e);                                       \
    } while (0)

#endif
