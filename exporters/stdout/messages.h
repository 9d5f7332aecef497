/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_STDOUT_MESSAGES_H
#define SL_EXPORTERS_STDOUT_MESSAGES_H

#include "exporters/stdout/digest.h"

/* Reads a gen_ai message list (JSON: [{"role", "parts": [{"type", "content"}]}])
 * and gives the role and the beginning of the last message that says something; a tool
 * call reads "-> name(arguments)". false: not such a list. */
bool messages_preview(struct sl_bytes json, struct sl_out *scratch, char role[16],
                      char text[DIGEST_TEXT]);

#endif
