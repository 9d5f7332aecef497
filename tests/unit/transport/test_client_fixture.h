/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TESTS_CLIENT_FIXTURE_H
#define SL_TESTS_CLIENT_FIXTURE_H

#include "core/alloc.h"
#include "core/worker.h"
#include "tests/check.h"
#include "transport/client.h"

/* A manual worker, the far ends of the streams that a client dials, and what its
 * calls ended with. */
enum { FARS = 8, ANSWERS = 32 };

struct far {
    struct fixture *f;
    struct sl_stream *stream; /* NULL: closed */
    struct sl_out in;
    bool ended;
    void *session; /* of an HTTP/2 test */
};

struct answer {
    bool done;
    enum sl_client_error error;
    int status;
    size_t header_count;
    char body[64], trailer[64], message[160];
};

struct fixture {
    struct sl_worker worker;
    struct far fars[FARS];
    unsigned dialed;
    int refuse; /* a status: dialing fails with it */
    struct answer answers[ANSWERS];
    unsigned closed;
    void (*far_read)(struct far *far, struct sl_bytes bytes);
};

static inline void far_opened(void *arg)
{
    (void)arg;
}

static inline void far_read(void *arg, struct sl_bytes bytes)
{
    struct far *far = arg;
    far->ended |= bytes.size == 0;
    if (far->f->far_read != NULL)
        far->f->far_read(far, bytes);
    else
        sl_out_bytes(&far->in, bytes.data, bytes.size);
}

static inline void far_closed(void *arg, int status, const char *error)
{
    (void)status;
    (void)error;
    ((struct far *)arg)->stream = NULL;
}

static const struct sl_stream_events far_events = {
    .opened = far_opened, .read = far_read, .closed = far_closed};

static inline struct sl_stream *fixture_dial(void *arg, struct sl_worker *worker)
{
    struct fixture *f = arg;
    struct sl_stream *ends[2];
    CHECK(f->dialed < FARS);
    if (sl_memory_pair(worker, ends) != SL_OK)
        return NULL;
    struct far *far = &f->fars[f->dialed++];
    *far = (struct far){.f = f, .stream = ends[1]};
    sl_stream_set_user(ends[1], &far_events, far);
    if (f->refuse != 0)
        sl_stream_close(ends[0], f->refuse);
    return ends[0];
}

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    CHECK_INT(sl_worker_init_manual(&f->worker, NULL), SL_OK);
}

static inline struct sl_client_options fixture_options(struct fixture *f)
{
    return (struct sl_client_options){.address = "memory",
                                      .max_response = 1000,
                                      .idle_timeout_ms = 90000,
                                      .dial = fixture_dial,
                                      .dial_arg = f};
}

static inline void fixture_closed(void *arg)
{
    ((struct fixture *)arg)->closed++;
}

static inline void turns(struct fixture *f)
{
    for (int i = 0; i < 20; i++)
        sl_worker_advance(&f->worker, 0);
}

static inline void on_done(void *arg, const struct sl_client_response *response)
{
    struct answer *answer = arg;
    CHECK(!answer->done);
    answer->done = true;
    answer->error = response->error;
    answer->status = response->status;
    answer->header_count = response->header_count;
    struct sl_bytes trailer = sl_client_header_find(response, "x-end");
    (void)snprintf(answer->body, sizeof answer->body, "%.*s", (int)response->body.size,
                   (const char *)response->body.data);
    (void)snprintf(answer->trailer, sizeof answer->trailer, "%.*s", (int)trailer.size,
                   (const char *)trailer.data);
    (void)snprintf(answer->message, sizeof answer->message, "%s", response->message);
}

static inline struct sl_buf *make_body(const char *text)
{
    struct sl_buf *buf = sl_buf_new(NULL, strlen(text) + 1);
    CHECK(buf != NULL);
    CHECK_INT(sl_buf_append(buf, text, strlen(text), 0), SL_OK);
    return buf;
}

/* After the client was closed. */
static inline void fixture_done(struct fixture *f)
{
    turns(f);
    CHECK_INT(f->closed, 1);
    for (unsigned i = 0; i < f->dialed; i++) {
        if (f->fars[i].stream != NULL)
            sl_stream_close(f->fars[i].stream, 0);
        sl_out_done(&f->fars[i].in);
    }
    turns(f);
    sl_worker_done(&f->worker);
}

#endif
