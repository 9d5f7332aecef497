/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_FILE_ROTATE_H
#define SL_EXPORTERS_FILE_ROTATE_H

#include "exporters/file/output.h"

/* Renames the file to NAME-2026-01-31T10-20-30.123.EXT (UTC unless localtime)
 * and deletes rotated files beyond max_backups and max_age_days. */
int rotate_file(const struct output_options *options, uint64_t now_ns, struct sl_error *reterr);

#endif
