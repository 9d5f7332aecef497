/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_TRANSPORT_SERVER_PRIVATE_H
#define SL_TRANSPORT_SERVER_PRIVATE_H

#include "transport/session.h"

/* Inside of the server: its connections. */
struct sl_server {
    struct sl_worker *worker;
    struct sl_server_config config;
    const struct sl_handler *handler;
    void *arg;
    struct sl_conn *first;
    size_t count;
    bool draining;
    void (*empty)(void *arg); /* told when the last connection has gone */
    struct sl_timer turn;     /* tells it when there was none */
};

#endif
