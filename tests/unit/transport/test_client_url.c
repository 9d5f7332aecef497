/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of an exporter's endpoint. */
#include "tests/check.h"
#include "transport/client.h"

static const struct {
    const char *text;
    unsigned port;
    enum sl_url_scheme scheme;
    const char *address, *authority, *path;
} good[] = {
    {"collector:4317", 0, SL_URL_NONE, "collector:4317", "collector:4317", ""},
    {"http://collector:4318", 0, SL_URL_HTTP, "collector:4318", "collector:4318", ""},
    {"HTTP://collector/base/", 0, SL_URL_HTTP, "collector:80", "collector", "/base/"},
    {"https://collector", 0, SL_URL_HTTPS, "collector:443", "collector", ""},
    {"http://collector?x=1", 0, SL_URL_HTTP, "collector:80", "collector", "/?x=1"},
    {"dns:///collector:4317", 0, SL_URL_NONE, "collector:4317", "collector:4317", ""},
    {"dns:collector:4317", 0, SL_URL_NONE, "collector:4317", "collector:4317", ""},
    {"passthrough:///10.0.0.1:4317", 0, SL_URL_NONE, "10.0.0.1:4317", "10.0.0.1:4317", ""},
    {"[::1]:4317", 0, SL_URL_NONE, "[::1]:4317", "[::1]:4317", ""},
    {"http://[::1]/x", 0, SL_URL_HTTP, "[::1]:80", "[::1]", "/x"},
    {"unix:///run/otel.sock", 0, SL_URL_UNIX, "unix:/run/otel.sock", "localhost", ""},
    {"unix:/run/otel.sock", 0, SL_URL_UNIX, "unix:/run/otel.sock", "localhost", ""},
    {"collector", 4317, SL_URL_NONE, "collector:4317", "collector", ""},
};

static const char *const bad[] = {"",
                                  ":4317",
                                  "collector",
                                  "http://",
                                  "http://:80",
                                  "ftp://host:21",
                                  "http://user:pw@host:80",
                                  "::1:4317",
                                  "host:99999",
                                  "host:0",
                                  "host:port",
                                  "http://host:4318/a b",
                                  "http://host/#frag",
                                  "http://host:4318\r\nx: y",
                                  "unix://",
                                  "dns://8.8.8.8/host:4317"};

static void test_good_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct sl_url url;
        struct sl_error error;
        if (sl_url_parse(good[i].text, good[i].port, &url, &error) != SL_OK)
            fail_msg("%s: %s", good[i].text, error.text);
        CHECK_INT(url.scheme, good[i].scheme);
        CHECK_TEXT(url.address, good[i].address);
        CHECK_TEXT(url.authority, good[i].authority);
        CHECK_TEXT(url.path, good[i].path);
    }
}

static void test_bad_endpoints_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sl_url url;
        struct sl_error error = {""};
        if (sl_url_parse(bad[i], 0, &url, &error) == SL_OK)
            fail_msg("'%s' was taken as %s", bad[i], url.address);
        CHECK(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_endpoints),
        cmocka_unit_test(test_bad_endpoints_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
