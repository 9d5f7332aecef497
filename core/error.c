/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and the one-sentence error that goes with them. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *sl_status_text(int status)
{
    switch (status) {
#define X(name, value, text)                                                                       \
    case (value):                                                                                  \
        return text;
        SL_STATUS_MAP(X)
#undef X
    default:
        return "unknown status";
    }
}

int sl_fail(struct sl_error *reterr, int status, const char *fmt, ...)
{
    if (reterr != NULL) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(reterr->text, sizeof reterr->text, fmt, ap);
        va_end(ap);
    }
    return status;
}
