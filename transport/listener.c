/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: opened by whichever worker starts first, watched on the
 * owner (worker 0), each accepted socket posted to the attached worker with the
 * fewest connections. The list and the attachments are under one mutex, as they
 * are touched at start and stop and once per accepted socket.
 */
#include "transport/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/alloc.h"
#include "transport/endpoint.h"

enum { MAX_ATTACHED = 256, BACKLOG = 1024, ACCEPTS_A_TURN = 64, FULL_WAIT_MS = 100 };

struct attachment {
    struct sl_worker *worker;
    void (*accepted)(void *arg, struct sl_stream *stream);
    void *arg;
};

struct sl_listener {
    struct sl_listener *next;
    struct sl_listeners *listeners; /* NULL once taken off the list */
    atomic_uint references;         /* the list, the watching loop, mail under way */
    struct sl_worker *owner;
    uv_mutex_t *lock;
    char *endpoint;
    char unix_path[108];
    int fd, port;
    uv_poll_t poll;
    bool watching, closing;
    struct sl_timer full; /* out of descriptors: try again later */
    struct sl_mail mail;  /* to the owner: watch, or close when nobody is attached */
    bool mailed;
    unsigned attached_count, turn;
    struct attachment *attached;
};

struct sl_listeners {
    struct sl_worker *owner;
    uv_mutex_t *lock; /* counted: listeners outlive this by a turn */
    atomic_uint *lock_references;
    struct sl_listener *first;
};

struct hand_over {
    struct sl_mail mail;
    struct sl_listener *listener;
    struct sl_worker *worker;
    int fd;
};

/* The mutex outlives the list as long as a listener is referred to. */
struct shared_lock {
    uv_mutex_t mutex;
    atomic_uint references;
};

static void lock_unref(uv_mutex_t *mutex)
{
    struct shared_lock *lock = (struct shared_lock *)mutex;
    if (atomic_fetch_sub(&lock->references, 1) != 1)
        return;
    uv_mutex_destroy(&lock->mutex);
    sl_free(lock);
}

static void listener_unref(struct sl_listener *listener)
{
    if (atomic_fetch_sub(&listener->references, 1) != 1)
        return;
    if (listener->fd >= 0)
        (void)close(listener->fd);
    lock_unref(listener->lock);
    sl_free(listener->attached);
    sl_free(listener->endpoint);
    sl_free(listener);
}

/* ---- handing out ---- */

static struct attachment *find(struct sl_listener *listener, const struct sl_worker *worker)
{
    for (unsigned i = 0; i < listener->attached_count; i++)
        if (listener->attached[i].worker == worker)
            return &listener->attached[i];
    return NULL;
}

/* Equal loads take turns, so that a burst spreads. */
static struct sl_worker *least_loaded(struct sl_listener *listener)
{
    struct sl_worker *best = NULL;
    unsigned best_load = 0;
    for (unsigned i = 0; i < listener->attached_count; i++) {
        unsigned at = (listener->turn + i) % listener->attached_count;
        struct sl_worker *worker = listener->attached[at].worker;
        unsigned load = atomic_load_explicit(&worker->load, memory_order_relaxed);
        if (best == NULL || load < best_load) {
            best = worker;
            best_load = load;
        }
    }
    listener->turn++;
    return best;
}

static void hand_over(struct sl_listener *listener, int fd);

static void received(struct sl_mail *mail)
{
    struct hand_over *over = (struct hand_over *)mail;
    struct sl_listener *listener = over->listener;
    uv_mutex_lock(listener->lock);
    struct attachment *found = find(listener, over->worker);
    struct attachment to = found != NULL ? *found : (struct attachment){0};
    uv_mutex_unlock(listener->lock);
    if (to.accepted != NULL) {
        struct sl_stream *stream = sl_tcp_adopt(over->worker, over->fd);
        if (stream != NULL)
            to.accepted(to.arg, stream);
    } else {
        hand_over(listener, over->fd);
    }
    atomic_fetch_sub_explicit(&over->worker->load, 1, memory_order_relaxed);
    listener_unref(listener);
    sl_free(over);
}

/* With nobody attached any more the socket is closed. */
static void hand_over(struct sl_listener *listener, int fd)
{
    struct hand_over *over = sl_calloc(1, sizeof *over);
    uv_mutex_lock(listener->lock);
    struct sl_worker *worker = over != NULL ? least_loaded(listener) : NULL;
    if (worker != NULL)
        atomic_fetch_add_explicit(&worker->load, 1, memory_order_relaxed);
    uv_mutex_unlock(listener->lock);
    if (worker == NULL) {
        (void)close(fd);
        sl_free(over);
        return;
    }
    atomic_fetch_add(&listener->references, 1);
    *over = (struct hand_over){
        .mail.deliver = received, .listener = listener, .worker = worker, .fd = fd};
    sl_worker_post(worker, &over->mail);
}

static void full_over(struct sl_timer *timer);
static void readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct sl_listener *listener = poll->data;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            hand_over(listener, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (sl_timer_start(&listener->full, FULL_WAIT_MS) == SL_OK)
                (void)uv_poll_stop(poll);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void full_over(struct sl_timer *timer)
{
    struct sl_listener *listener =
        (struct sl_listener *)((char *)timer - offsetof(struct sl_listener, full));
    if (listener->watching)
        (void)uv_poll_start(&listener->poll, UV_READABLE, readable);
}

/* ---- watching and closing, on the owner ---- */

static void poll_closed(uv_handle_t *handle)
{
    listener_unref(handle->data);
}

/* The lock is held. Returns whether the list's reference is to be dropped. */
static bool unlist(struct sl_listener *listener)
{
    if (listener->listeners == NULL)
        return false;
    struct sl_listener **at = &listener->listeners->first;
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    listener->listeners = NULL;
    return true;
}

static void close_socket(struct sl_listener *listener)
{
    sl_timer_stop(&listener->full);
    if (listener->unix_path[0] != 0)
        (void)unlink(listener->unix_path);
    listener->unix_path[0] = 0;
    if (listener->watching) {
        listener->watching = false;
        (void)uv_poll_stop(&listener->poll);
        uv_close((uv_handle_t *)&listener->poll, poll_closed);
    }
    if (listener->fd >= 0)
        (void)close(listener->fd);
    listener->fd = -1;
}

static void owner_turn(struct sl_mail *mail)
{
    struct sl_listener *listener =
        (struct sl_listener *)((char *)mail - offsetof(struct sl_listener, mail));
    uv_mutex_lock(listener->lock);
    listener->mailed = false;
    bool close_it = listener->attached_count == 0 && listener->fd >= 0;
    bool watch = listener->attached_count > 0 && !listener->watching && !listener->closing;
    listener->closing |= close_it;
    bool listed = close_it && unlist(listener);
    uv_mutex_unlock(listener->lock);
    if (close_it)
        close_socket(listener);
    if (watch && uv_poll_init(&listener->owner->loop, &listener->poll, listener->fd) == 0) {
        listener->poll.data = listener;
        listener->watching = true;
        atomic_fetch_add(&listener->references, 1);
        (void)uv_poll_start(&listener->poll, UV_READABLE, readable);
    }
    if (listed)
        listener_unref(listener);
    listener_unref(listener);
}

/* The lock is held. */
static void mail_owner(struct sl_listener *listener)
{
    if (listener->mailed)
        return;
    listener->mailed = true;
    atomic_fetch_add(&listener->references, 1);
    listener->mail.deliver = owner_turn;
    sl_worker_post(listener->owner, &listener->mail);
}

int sl_listener_attach(struct sl_listener *listener, struct sl_worker *worker,
                       void (*accepted)(void *arg, struct sl_stream *stream), void *arg)
{
    int rc = SL_OK;
    uv_mutex_lock(listener->lock);
    if (listener->closing)
        rc = SL_EIO;
    else if (find(listener, worker) != NULL)
        rc = SL_EINVALID;
    else if (listener->attached_count == MAX_ATTACHED)
        rc = SL_ELIMIT;
    if (rc == SL_OK) {
        listener->attached[listener->attached_count++] =
            (struct attachment){.worker = worker, .accepted = accepted, .arg = arg};
        mail_owner(listener);
    }
    uv_mutex_unlock(listener->lock);
    return rc;
}

void sl_listener_detach(struct sl_listener *listener, struct sl_worker *worker)
{
    uv_mutex_lock(listener->lock);
    struct attachment *found = find(listener, worker);
    if (found != NULL) {
        *found = listener->attached[--listener->attached_count];
        if (listener->attached_count == 0)
            mail_owner(listener);
    }
    uv_mutex_unlock(listener->lock);
}

int sl_listener_port(const struct sl_listener *listener)
{
    return listener->port;
}

/* ---- opening ---- */

static int bind_to(const struct sockaddr *address, socklen_t size, const char *endpoint,
                   struct sl_error *reterr)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, no = 0;
    if (fd < 0)
        return sl_fail(reterr, SL_EIO, "cannot listen on %s: %s", endpoint, strerror(errno));
    /* Not REUSEPORT: a second process must get an error. REUSEADDR only skips TIME_WAIT. */
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(fd, address, size) != 0 || listen(fd, BACKLOG) != 0) {
        int rc = sl_fail(reterr, SL_EIO, "cannot listen on %s: %s", endpoint,
                         errno == EADDRINUSE ? "the address is already in use by another process"
                                             : strerror(errno));
        (void)close(fd);
        return rc;
    }
    return fd;
}

/* A socket file that nobody listens on any more (after a kill) is removed. */
static void remove_stale(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    (void)close(fd);
}

static int open_unix(struct sl_listener *listener, const struct sl_endpoint *endpoint,
                     struct sl_error *reterr)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(endpoint->host);
    memcpy(address.sun_path, endpoint->host, size);
    remove_stale(&address);
    int fd = bind_to((struct sockaddr *)&address, sizeof address, listener->endpoint, reterr);
    if (fd < 0)
        return fd;
    memcpy(listener->unix_path, endpoint->host, size + 1);
    listener->fd = fd;
    return SL_OK;
}

/* "localhost" means 127.0.0.1 where there is a choice, as for the Collector. */
static int open_tcp(struct sl_listener *listener, const struct sl_endpoint *endpoint,
                    struct sl_error *reterr)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    bool any = endpoint->host[0] == 0;
    int rc = getaddrinfo(any ? NULL : endpoint->host, endpoint->port, &hints, &found);
    if (rc != 0)
        return sl_fail(reterr, SL_EIO, "cannot listen on %s: %s", listener->endpoint,
                       gai_strerror(rc));
    int fd = -1;
    for (int pass = 0; pass < 2 && fd < 0; pass++) {
        int family = (pass == 0) == any ? AF_INET6 : AF_INET;
        for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
            if (a->ai_family == family)
                fd = bind_to(a->ai_addr, a->ai_addrlen, listener->endpoint, reterr);
    }
    freeaddrinfo(found);
    if (fd < 0)
        return SL_EIO;
    struct sockaddr_in6 bound = {0}; /* the port stands in the same place for both families */
    socklen_t size = sizeof bound;
    (void)getsockname(fd, (struct sockaddr *)&bound, &size);
    listener->fd = fd;
    listener->port = ntohs(bound.sin6_port);
    return SL_OK;
}

static struct sl_listener *listener_new(struct sl_listeners *listeners, const char *endpoint)
{
    struct sl_listener *listener = sl_calloc(1, sizeof *listener);
    if (listener == NULL)
        return NULL;
    listener->endpoint = sl_strndup(endpoint, strlen(endpoint));
    listener->attached = sl_calloc(MAX_ATTACHED, sizeof *listener->attached);
    listener->owner = listeners->owner;
    listener->lock = listeners->lock;
    listener->fd = -1;
    atomic_fetch_add(listeners->lock_references, 1);
    atomic_init(&listener->references, 1);
    sl_timer_init(&listener->full, listeners->owner, full_over);
    if (listener->endpoint == NULL || listener->attached == NULL) {
        listener_unref(listener);
        return NULL;
    }
    return listener;
}

/* The lock is held: whoever comes second finds it open. */
static int open_new(struct sl_listeners *listeners, const char *text,
                    struct sl_listener **ret_listener, struct sl_error *reterr)
{
    struct sl_endpoint endpoint = {0};
    int rc = sl_endpoint_parse(text, &endpoint, reterr);
    if (rc != SL_OK)
        return rc;
    struct sl_listener *listener = listener_new(listeners, text);
    if (listener == NULL)
        return sl_fail(reterr, SL_ENOMEM, "out of memory");
    rc = endpoint.is_unix ? open_unix(listener, &endpoint, reterr)
                          : open_tcp(listener, &endpoint, reterr);
    if (rc != SL_OK) {
        listener_unref(listener);
        return rc;
    }
    listener->listeners = listeners;
    listener->next = listeners->first;
    listeners->first = listener;
    *ret_listener = listener;
    return SL_OK;
}

int sl_listener_open(struct sl_listeners *listeners, const char *endpoint,
                     struct sl_listener **ret_listener, struct sl_error *reterr)
{
    int rc = SL_OK;
    uv_mutex_lock(listeners->lock);
    struct sl_listener *found = listeners->first;
    while (found != NULL && strcmp(found->endpoint, endpoint) != 0)
        found = found->next;
    if (found != NULL)
        *ret_listener = found;
    else
        rc = open_new(listeners, endpoint, ret_listener, reterr);
    uv_mutex_unlock(listeners->lock);
    return rc;
}

struct sl_listeners *sl_listeners_new(struct sl_worker *owner)
{
    struct sl_listeners *listeners = sl_calloc(1, sizeof *listeners);
    struct shared_lock *lock = sl_calloc(1, sizeof *lock);
    if (listeners == NULL || lock == NULL || uv_mutex_init(&lock->mutex) != 0) {
        sl_free(listeners);
        sl_free(lock);
        return NULL;
    }
    atomic_init(&lock->references, 1);
    *listeners = (struct sl_listeners){
        .owner = owner, .lock = &lock->mutex, .lock_references = &lock->references};
    return listeners;
}

void sl_listeners_free(struct sl_listeners *listeners)
{
    if (listeners == NULL)
        return;
    uv_mutex_t *lock = listeners->lock;
    for (;;) {
        uv_mutex_lock(lock);
        struct sl_listener *listener = listeners->first;
        if (listener != NULL) {
            (void)unlist(listener);
            listener->closing = true;
            listener->attached_count = 0;
        }
        uv_mutex_unlock(lock);
        if (listener == NULL)
            break;
        close_socket(listener);
        listener_unref(listener);
    }
    lock_unref(lock);
    sl_free(listeners);
}
