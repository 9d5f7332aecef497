/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets after a name for one: api_key: ..., client_secret=..., --token ...,
 * session cookies. The value must look random.
 */
#include "processors/pii_scrubber/detect/keyed.h"

static const struct sl_pii_literal literals[] = {
    {.text = "access_key ", .nocase = true}, {.text = "--token ", .nocase = true},
    {.text = "--api-key ", .nocase = true},  {.text = "--secret ", .nocase = true},
    {.text = "-token ", .nocase = true},     {.text = NULL},
};

const struct sl_pii_detector sl_pii_secret = {
    .placeholder = "SECRET",
    .doc = "Secret values after a name such as api_key, token, client_secret or session_id.",
    .separator = sl_pii_find_keyed,
    .literals = literals,
    .literal = sl_pii_find_option,
};
