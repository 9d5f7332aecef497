/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_CORE_ERROR_H
#define SL_CORE_ERROR_H

/*
 * Every function that can fail returns 0 or a negative enum sl_status and, when
 * the caller passes an sl_error, explains itself in one sentence.
 */
#define SL_STATUS_MAP(X)                                                                           \
    X(OK, 0, "ok")                                                                                 \
    X(ENOMEM, -1, "out of memory")                                                                 \
    X(EINVALID, -2, "invalid value")                                                               \
    X(EUNKNOWN, -3, "unknown name")                                                                \
    X(ELIMIT, -4, "over a limit")                                                                  \
    X(EIO, -5, "input/output error")                                                               \
    X(ESHUTDOWN, -6, "shutting down")                                                              \
    X(EUNSUPPORTED, -7, "not supported")                                                           \
    X(EAGAIN, -8, "not now, try again")                                                            \
    X(EEND, -9, "end of input")

enum sl_status {
#define X(name, value, text) SL_##name = (value),
    SL_STATUS_MAP(X)
#undef X
};

struct sl_error {
    char text[240];
};

const char *sl_status_text(int status);

/* Fills *reterr (when not NULL) and returns status, so that a failure is one
 * line: return sl_fail(reterr, SL_EINVALID, "port %d is taken", port); */
int sl_fail(struct sl_error *reterr, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
