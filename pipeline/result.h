/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_RESULT_H
#define SL_PIPELINE_RESULT_H

#include <stddef.h>
#include <stdint.h>

/*
 * How a delivery ended. Receivers turn it into an answer:
 *
 *   outcome        HTTP                      gRPC
 *   OK             200                       OK
 *   PARTIAL        200 + partial_success     OK + partial_success
 *   RETRY          503 + Retry-After         UNAVAILABLE + RetryInfo
 *   THROTTLE       429 + Retry-After         RESOURCE_EXHAUSTED + RetryInfo
 *   REJECT         400                       INVALID_ARGUMENT
 *   TOO_LARGE      413                       RESOURCE_EXHAUSTED, no RetryInfo
 *   DENIED         403                       PERMISSION_DENIED
 *   INTERNAL       500                       INTERNAL
 *   SHUTDOWN       503 + Retry-After         UNAVAILABLE + RetryInfo
 *
 * Precedence when several branches end differently (the numerically largest wins): a client that is
 * told to retry sends everything again, so RETRY beats OK and PARTIAL; a final
 * refusal of one branch does not ask for a retry of it, so RETRY beats the
 * final ones too: data that may still be saved comes first.
 */
#define SL_OUTCOME_MAP(X)                                                                          \
    X(OK, 0, "ok")                                                                                 \
    X(PARTIAL, 1, "partial success")                                                               \
    X(REJECT, 2, "rejected")                                                                       \
    X(TOO_LARGE, 3, "too large")                                                                   \
    X(DENIED, 4, "denied")                                                                         \
    X(INTERNAL, 5, "internal error")                                                               \
    X(THROTTLE, 6, "throttled")                                                                    \
    X(RETRY, 7, "retry later")                                                                     \
    X(SHUTDOWN, 8, "shutting down")

enum sl_outcome {
#define X(name, value, text) SL_RESULT_##name = (value),
    SL_OUTCOME_MAP(X)
#undef X
};

struct sl_result {
    enum sl_outcome outcome;
    uint32_t retry_after_ms; /* RETRY, THROTTLE, SHUTDOWN; 0: the receiver's default */
    uint64_t rejected_items; /* PARTIAL */
    const char *message;     /* valid during the call that hands the result over; NULL: none */
};

static inline struct sl_result sl_result_ok(void)
{
    return (struct sl_result){.outcome = SL_RESULT_OK};
}
static inline struct sl_result sl_result_of(enum sl_outcome outcome, const char *message)
{
    return (struct sl_result){.outcome = outcome, .message = message};
}
/* A result after which the client should send the same data again. */
static inline int sl_result_is_retryable(const struct sl_result *result)
{
    return result->outcome == SL_RESULT_RETRY || result->outcome == SL_RESULT_THROTTLE ||
           result->outcome == SL_RESULT_SHUTDOWN;
}
const char *sl_outcome_text(enum sl_outcome outcome);
/* *into becomes the one that wins; rejected items add up, the longest wait holds. */
void sl_result_merge(struct sl_result *into, const struct sl_result *other);

/* The same for a result that outlives the call: the message is copied to text. */
void sl_result_collect(struct sl_result *into, const struct sl_result *other, char *text,
                       size_t size);

#endif
