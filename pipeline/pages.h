/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_PIPELINE_PAGES_H
#define SL_PIPELINE_PAGES_H

#include "core/out.h"
#include "pipeline/component.h"

/*
 * Small pages for operators (health, metrics): a listener of worker 0 that answers
 * GET requests from memory. Whoever uses it lives on worker 0.
 */
struct sl_listener;
struct sl_server;

struct sl_page {
    int status;
    const char *content_type;
    struct sl_out body;
};

struct sl_pages {
    struct sl_component *owner;
    /* Fills page, which is empty with status 200; status 404 for paths it does not
     * have. */
    void (*answer)(struct sl_component *owner, struct sl_bytes path, struct sl_page *page);
    void (*closed)(struct sl_component *owner);
    struct sl_listener *listener;
    struct sl_server *server;
};

/* Opens "host:port" or "unix:/path"; owner and answer are set by the caller. After a
 * failure there is nothing to close. */
int sl_pages_open(struct sl_pages *pages, const char *address, struct sl_error *reterr);
int sl_pages_port(const struct sl_pages *pages);
/* Closes all connections, then closed(owner), perhaps before this returns. */
void sl_pages_close(struct sl_pages *pages, void (*closed)(struct sl_component *owner));

#endif
