/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_HEADER_H
#define SL_TRANSPORT_HEADER_H

#include "core/bytes.h"

/* One field of a message's head. */
struct sl_header {
    struct sl_bytes name, value; /* name in lower case, value without blanks around it */
};

#endif
