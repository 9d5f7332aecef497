/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords after a name for one: password=..., --password ..., and said in
 * prose ("the password is ...").
 */
#include "processors/pii_scrubber/detect/keyed.h"

static const struct sl_pii_literal literals[] = {
    {.text = "password", .nocase = true},
    {.text = "passwort", .nocase = true},
    {.text = "passcode", .nocase = true},
    {.text = "passphrase", .nocase = true},
    {.text = "wachtwoord", .nocase = true},
    {.text = "contrase\xc3\xb1"
             "a",
     .nocase = true},
    {.text = "mot de passe", .nocase = true},
    {.text = "senha", .nocase = true},
    {.text = "密码"},
    {.text = "パスワード"},
    {.text = NULL},
};

const struct sl_pii_detector sl_pii_password = {
    .placeholder = "PASSWORD",
    .doc = "Passwords after a name for one, in settings, JSON and prose.",
    .separator = sl_pii_find_keyed,
    .literals = literals,
    .literal = sl_pii_find_spoken,
};
