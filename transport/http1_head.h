/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_HTTP1_HEAD_H
#define SL_TRANSPORT_HTTP1_HEAD_H

#include "transport/http1_parse.h"

/* Inside of http1_parse.c: parser->text holds a whole head, empty line included.
 * Fills parser->head; the names are put into lower case where they stand.
 * Returns 0 or the status of the answer, with the reason in parser->error. */
int sl_http1_read_head(struct sl_http1_parser *parser);
/* One line without its CR LF; false when it is not "name: value". Changes the name to
 * lower case in place. */
bool sl_http1_split_header(struct sl_bytes line, struct sl_header *ret_header);

#endif
