/* SPDX-License-Identifier: Apache-2.0 */
/* Results of attempts that got no response, and the waits that servers ask for. */
#include "exporters/shared/failure.h"

#include <stdio.h>

uint32_t sl_retry_after_clamp(int64_t ms)
{
    if (ms <= 0)
        return 0;
    return ms > SL_RETRY_AFTER_MAX_MS ? SL_RETRY_AFTER_MAX_MS : (uint32_t)ms;
}

struct sl_result sl_client_failure(const struct sl_client_response *response, char *text,
                                   size_t size)
{
    (void)snprintf(text, size, "%s%s%s", sl_client_error_text(response->error),
                   response->message[0] != '\0' ? ": " : "", response->message);
    /* Without an answer nobody knows whether it arrived: at least once, so again. An
     * answer over the limit or against the protocol will not get better. */
    bool final = response->error == SL_CLIENT_TOO_LARGE;
    return sl_result_of(final ? SL_RESULT_INTERNAL : SL_RESULT_RETRY, text);
}
