/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_APP_EMBEDDED_H
#define SL_APP_EMBEDDED_H

/* app/default.yaml, NUL-ended: what runs without --config. */
extern const char sl_default_config[];

#endif
