/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each detector finds and what it leaves alone. All values are invented;
 * keys are written in two pieces so that no secret scanner takes them for real.
 */
#include "tests/unit/processors/scrub_helper.h"

static void test_email_addresses_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"ann.lee@corp.example.org", "[EMAIL]"},
        {"a@b.co", "[EMAIL]"},
        {"to: <bob+x_1@mail.shop.de>, now", "to: <[EMAIL]>, now"},
        {"mail me at zoë@café.fr.", "mail me at [EMAIL]."},
        {"{\"u\":\"kim@x-y.io\"}", "{\"u\":\"[EMAIL]\"}"},
        {"line\\nkim@example.com\\n", "line\\n[EMAIL]\\n"},
        {"mailto:kim@example.com?subject=hi", "mailto:[EMAIL]?subject=hi"},
        {"kim@example.com,lea@example.com", "[EMAIL],[EMAIL]"},
        {"kim [at] example [dot] com", "[EMAIL]"},
        {"kim(at)my-example(dot)com!", "[EMAIL]!"},
        {"kim@bücher.example.de", "[EMAIL]"},
        {"icon@2x.png", NULL},
        {"git@github.com:acme/repo.git", NULL},
        {"user@localhost", NULL},
        {"torch@2.3.1", NULL},
        {"@mention and @types/node", NULL},
        {"getty@tty1.service", NULL},
        {"a @ b.com", NULL},
        {"x@.com", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_telephone_numbers_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"+49 30 901820", "[PHONE]"},
        {"dial +1-202-555-0143!", "dial [PHONE]!"},
        {"+44 (0)20 7946 0018", "[PHONE]"},
        {"+33612345678.", "[PHONE]."},
        {"(415) 555-0132", "[PHONE]"},
        {"415-555-0132", "[PHONE]"},
        {"415.555.0132", "[PHONE]"},
        {"1-415-555-0132", "[PHONE]"},
        {"phone: 4155550132", "phone: [PHONE]"},
        {"homePhone 4155550132", "homePhone [PHONE]"},
        {"\"phone_number\": \"415 555 0132\"", "\"phone_number\": \"[PHONE]\""},
        {"Rufen Sie 030 9018 2000 an", "Rufen Sie [PHONE] an"},
        {"06 12 34 56 78", "[PHONE]"},
        {"電話 0312345678", "電話 [PHONE]"},
        {"order 4155550132", NULL},
        {"911-555-0132x", NULL},
        {"411-555-0132", NULL},
        {"415-555-01321", NULL},
        {"+999 123", NULL},
        {"built 2024 11 21 0907", NULL},
        {"phone case 12", NULL},
        {"2026-11-21", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_cards_need_issuer_length_and_check_digit(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {{"4556737586899855", "[CREDIT_CARD]"},
                                              {"5457 2133 7704 1286", "[CREDIT_CARD]"},
                                              {"3782-822463-10005", "[CREDIT_CARD]"},
                                              {"6011.0009.9013.9424", "[CREDIT_CARD]"},
                                              {"3530111333300000", "[CREDIT_CARD]"},
                                              {"38520000023237", "[CREDIT_CARD]"},
                                              {"2223000048410010", "[CREDIT_CARD]"},
                                              {"6240008631240116", "[CREDIT_CARD]"},
                                              {"4 5 5 6 7 3 7 5 8 6 8 9 9 8 5 5", "[CREDIT_CARD]"},
                                              {"card 5018000000007", "card [CREDIT_CARD]"},
                                              {"visa 4936987654321098768", "visa [CREDIT_CARD]"},
                                              {"(4556737586899855)", "([CREDIT_CARD])"},
                                              {"5018000000007", NULL},
                                              {"4936987654321098768", NULL},
                                              {"4556737586899854", NULL},
                                              {"45567375868998550", NULL},
                                              {"x4556737586899855", NULL},
                                              {"4556737586899855.25", NULL},
                                              {"1732147200123456", NULL},
                                              {"9556737586899850", NULL},
                                              {NULL, NULL}};
    scrub_cases(cases);
}

static void test_social_security_numbers_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"ssn 536-22-8145", "ssn [US_SSN]"},
        {"536-22-8145", "[US_SSN]"},
        {"SSN: 536 22 8145", "SSN: [US_SSN]"},
        {"social security number 536228145.", "social security number [US_SSN]."},
        {"ssn 5 3 6 2 2 8 1 4 5", "ssn [US_SSN]"},
        {"000-22-8145", NULL},
        {"666-22-8145", NULL},
        {"936-22-8145", NULL},
        {"536-00-8145", NULL},
        {"536-22-0000", NULL},
        {"536228145", NULL},
        {"1536-22-8145", NULL},
        {"536-22-81456", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_ibans_need_length_and_mod_97(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"DE94370400440532013007", "[IBAN]"},
        {"DE94 3704 0044 0532 0130 07", "[IBAN]"},
        {"GB12-WEST-1234-5698-7654-31", "[IBAN]"},
        {"IBANNO6686011117948", "IBAN[IBAN]"},
        {"pay to FR8420041010050500013M02607, thanks", "pay to [IBAN], thanks"},
        {"DE95370400440532013007", NULL},
        {"DE9437040044053201300", NULL},
        {"DE943704004405320130071", NULL},
        {"XX94370400440532013007", NULL},
        {"ADE94370400440532013007", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_public_addresses_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"from 81.2.69.142", "from [IP_ADDRESS]"},
        {"http://81.2.69.142:8080/x", "http://[IP_ADDRESS]:8080/x"},
        {"81.2.69.0/24", "[IP_ADDRESS]/24"},
        {"client 8.8.4.4", "client [IP_ADDRESS]"},
        {"2a00:1450:4001:81b::200e", "[IP_ADDRESS]"},
        {"[2a00:1450:4001:81b:0:0:0:200e]:443", "[[IP_ADDRESS]]:443"},
        {"127.0.0.1 10.1.2.3 192.168.1.1 172.20.0.9 169.254.1.1", NULL},
        {"192.0.2.7 198.51.100.7 203.0.113.7 255.255.255.0 0.0.0.0", NULL},
        {"version 81.2.69.142", NULL},
        {"Chrome/122.0.58.158", NULL},
        {"v81.2.69.142", NULL},
        {"1.2.28.167", NULL},
        {"81.2.69.142.5", NULL},
        {"81.2.69.256", NULL},
        {"81.02.69.142", NULL},
        {"::1 fe80::1 fd00::12:34 2001:db8::8a2e:370", NULL},
        {"std::abc::def 12:34:56 at 10:20", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_tokens_and_credentials_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dGhpc2lzbm90YXNpZw", "[JWT]"},
        {"t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9", "t=[JWT]"},
        {"eyJhbGciOiJ.not a token", NULL},
        {"Authorization: Bearer a8f5f167f44f4964e6c998de", "Authorization: Bearer [AUTH_TOKEN]"},
        {"bearer  9Zk3~x_1.Wq7-Lm5p8/Aa==", "bearer  [AUTH_TOKEN]"},
        {"Basic YWxpY2U6b3BlbnNlc2FtZQ==", "Basic [AUTH_TOKEN]"},
        {"the bearer of this letter", NULL},
        {"bearer authentication-scheme-name", NULL},
        {"Basic knowledge of baking", NULL},
        {"postgres://app:s3cr3tpw@db:5432/x", "postgres://app:[URL_PASSWORD]@db:5432/x"},
        {"https://u:p@ss@host.com/", "https://u:[URL_PASSWORD]@host.com/"},
        {"amqp://u:${PASS}@host", NULL},
        {"http://host:8080/a@b", NULL},
        {"https://user@host.com:80", "https://[EMAIL]:80"},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_private_keys_go_as_a_whole(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"a -----BEGIN RSA PRIVATE"
         " KEY-----\nMIIEowIBAAKCAQEA7\nq8Zx==\n"
         "-----END RSA PRIVATE KEY----- b",
         "a [PRIVATE_KEY] b"},
        {"{\"k\":\"-----BEGIN PRIVATE"
         " KEY-----\\nMIIEvQIBADANBg\\n-----END PRIVATE KEY-----\\n\"}",
         "{\"k\":\"[PRIVATE_KEY]\\n\"}"},
        {"-----BEGIN OPENSSH PRIVATE"
         " KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5v",
         "[PRIVATE_KEY]"},
        {"{\"k\":\"-----BEGIN EC PRIVATE"
         " KEY-----\\\\nMHcCAQEEIIrYSSNQ\\\\n\"}",
         "{\"k\":\"[PRIVATE_KEY]\\\\n\"}"},
        {"-----BEGIN EC PRIVATE"
         " KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1 and then text",
         "[PRIVATE_KEY] and then text"},
        {"-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n-----END PUBLIC KEY-----", NULL},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_vendor_keys_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"sk"
         "-proj-q8ZrT5yLm2Xp9KdWv3Nc7Bf1",
         "[API_KEY]"},
        {"sk"
         "-ant-api03-q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6",
         "[API_KEY]"},
        {"key=sk"
         "-q8ZrT5yLm2Xp9KdWv3Nc7Bf1;",
         "key=[API_KEY];"},
        {"AK"
         "IAQX7PLM2ZKT5WNV4R",
         "[API_KEY]"},
        {"gh"
         "p_q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2",
         "[API_KEY]"},
        {"gl"
         "pat-q8ZrT5yLm2Xp9KdWv3Nc",
         "[API_KEY]"},
        {"xox"
         "b-123456789012-q8ZrT5yLm2Xp9Kd",
         "[API_KEY]"},
        {"sk_li"
         "ve_q8ZrT5yLm2Xp9KdWv3Nc7Bf1",
         "[API_KEY]"},
        {"AI"
         "zaq8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er",
         "[API_KEY]"},
        {"hf"
         "_qZrTyLmXpKdWvNcBfHjGsAwErTyUiOpLkJh",
         "[API_KEY]"},
        {"npm"
         "_q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2",
         "[API_KEY]"},
        {"S"
         "G.q8ZrT5yLm2Xp9KdWv3Nc7B.q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2Ty8Ui1O",
         "[API_KEY]"},
        {"S"
         "K0123456789abcdef0123456789abcdef",
         "[API_KEY]"},
        {"dop"
         "_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "[API_KEY]"},
        {"https://hooks.slack"
         ".com/services/T0ABCDEFG/B0ABCDEFG/q8ZrT5yLm2Xp9KdWv3Nc7Bf1",
         "[API_KEY]"},
        {"AccountKey"
         "=q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2"
         "q8ZrT5yLm2Xp9K==",
         "AccountKey=[API_KEY]"},
        {"\\nAK"
         "IAQX7PLM2ZKT5WNV4R\\n",
         "\\n[API_KEY]\\n"},
        {"sk-learn-is-a-library-of-models", NULL},
        {"task-q8ZrT5yLm2Xp9KdWv3Nc7Bf1", NULL},
        {"AKIAQX7PLM2ZKT5WNV4", NULL},
        {"AKIAQX7PLM2ZKT5WNV4RZ", NULL},
        {"ghp_short", NULL},
        {"SKU 12", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

static void test_values_after_a_telling_name_are_found(void **state)
{
    (void)state;
    static const struct scrub_case cases[] = {
        {"password=Tr0ub4dor", "password=[PASSWORD]"},
        {"{\"password\": \"h;2,Fq<9\"}", "{\"password\": \"[PASSWORD]\"}"},
        {"DB_PASS: 'x9!kLm2'", "DB_PASS: '[PASSWORD]'"},
        {"{\\\"pwd\\\":\\\"x9kLm2z\\\"}", "{\\\"pwd\\\":\\\"[PASSWORD]\\\"}"},
        {"The password is Gr33nHouse.", "The password is [PASSWORD]."},
        {"Das Passwort lautet Gr33n&@Haus, bitte", "Das Passwort lautet [PASSWORD], bitte"},
        {"--password Gr33nHouse", "--password [PASSWORD]"},
        {"api_key: q8ZrT5yLm2Xp9KdWv3", "api_key: [SECRET]"},
        {"client_secret => \"q8ZrT5yLm2Xp9KdWv3\"", "client_secret => \"[SECRET]\""},
        {"aws_secret_access_key = q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2Ty8U",
         "aws_secret_access_key = [SECRET]"},
        {"set aws_secret_access_key q8ZrT5yLm2Xp9KdWv3Nc7Bf1Hj6Gs4Aw0Er2Ty8U",
         "set aws_secret_access_key [SECRET]"},
        {"curl --token q8ZrT5yLm2Xp9KdWv3Nc7B", "curl --token [SECRET]"},
        {"?access_token=q8ZrT5yLm2Xp9KdWv3&x=1", "?access_token=[SECRET]&x=1"},
        {"Cookie: sessionid=q8ZrT5yLm2Xp9KdWv3; a=b", "Cookie: [SECRET]; a=b"},
        {"password = os.environ[\"DB_PASSWORD\"]", NULL},
        {"password=${DB_PASSWORD}", NULL},
        {"password: ********", NULL},
        {"password: your_password_1", NULL},
        {"token = get_token(user1, request2)", NULL},
        {"total_tokens: 2487600012345678901", NULL},
        {"max_tokens=1024", NULL},
        {"token_type: abcDEF1234567890xyz", NULL},
        {"key: value", NULL},
        {"secret: short1", NULL},
        {"api_key: null", NULL},
        {"the password is required", NULL},
        {NULL, NULL}};
    scrub_cases(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_email_addresses_are_found),
        cmocka_unit_test(test_telephone_numbers_are_found),
        cmocka_unit_test(test_cards_need_issuer_length_and_check_digit),
        cmocka_unit_test(test_social_security_numbers_are_found),
        cmocka_unit_test(test_ibans_need_length_and_mod_97),
        cmocka_unit_test(test_public_addresses_are_found),
        cmocka_unit_test(test_tokens_and_credentials_are_found),
        cmocka_unit_test(test_private_keys_go_as_a_whole),
        cmocka_unit_test(test_vendor_keys_are_found),
        cmocka_unit_test(test_values_after_a_telling_name_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
