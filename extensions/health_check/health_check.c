/* SPDX-License-Identifier: Apache-2.0 */
/* health_check: answers 200 while the process is ready, 503 while it starts or
 * drains, with the Collector's JSON or texts of the user's own. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "pipeline/pages.h"
#include "pipeline/process.h"
#include "transport/endpoint.h"

struct health_config {
    const char *endpoint, *path;
    struct health_body {
        enum sl_presence presence;
        const char *healthy, *unhealthy;
    } response_body;
};

struct health_check {
    struct sl_component base;
    struct sl_pages pages;
};

static const struct sl_field body_fields[] = {
    SL_FIELD(TEXT, health_body, healthy, .doc = "Body of the answer while ready."),
    SL_FIELD(TEXT, health_body, unhealthy, .doc = "Body of the answer otherwise."), SL_END};

static const struct sl_field fields[] = {
    SL_FIELD(TEXT, health_config, endpoint, .preset = "localhost:13133",
             .doc = "Address to listen on: host:port or unix:/path."),
    SL_FIELD(TEXT, health_config, path, .preset = "/", .doc = "The path that is answered."),
    SL_FIELD(GROUP, health_config, response_body, .group = body_fields,
             .doc = "Texts to answer with instead of the JSON."),
    SL_IGNORED("check_collector_pipeline", .doc = "Without effect in the Collector, too."), SL_END};

static void check(const void *config, const struct sl_node *node, const char *path,
                  struct sl_diag *diag)
{
    const struct health_config *health = config;
    if (health->path[0] != '/')
        sl_diag_add(diag, SL_DIAG_ERROR, node->place, path, "path must start with '/'");
    struct sl_endpoint endpoint;
    struct sl_error error;
    const struct sl_node *given = node->kind == SL_NODE_MAP ? sl_node_find(node, "endpoint") : NULL;
    if (sl_endpoint_parse(health->endpoint, &endpoint, &error) != SL_OK)
        sl_diag_add(diag, SL_DIAG_ERROR, given != NULL ? given->place : node->place, path,
                    "endpoint: %s", error.text);
}

/* As Go prints a duration: 1h2m3.5s. */
static void write_duration(struct sl_out *out, uint64_t ns)
{
    uint64_t ms = ns / 1000000, seconds = ms / 1000;
    if (seconds >= 3600)
        sl_out_printf(out, "%" PRIu64 "h", seconds / 3600);
    if (seconds >= 60)
        sl_out_printf(out, "%" PRIu64 "m", seconds / 60 % 60);
    sl_out_printf(out, "%" PRIu64 ".%03" PRIu64 "s", seconds % 60, ms % 1000);
}

static void write_time(struct sl_out *out, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm utc;
    char text[32];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    sl_out_printf(out, "%s.%03dZ", text, (int)(wall_ns / 1000000 % 1000));
}

static void write_json(const struct sl_component *self, bool ready, struct sl_out *out)
{
    if (!ready) {
        sl_out_text(out, "{\"status\":\"Server not available\","
                         "\"upSince\":\"0001-01-01T00:00:00Z\",\"uptime\":\"\"}");
        return;
    }
    uint64_t since_ns = self->process->started_wall_ns, now_ns = sl_worker_wall_ns(self->worker);
    sl_out_text(out, "{\"status\":\"Server available\",\"upSince\":\"");
    write_time(out, since_ns);
    sl_out_text(out, "\",\"uptime\":\"");
    write_duration(out, now_ns > since_ns ? now_ns - since_ns : 0);
    sl_out_text(out, "\"}");
}

static void answer(struct sl_component *self, struct sl_bytes path, struct sl_page *page)
{
    const struct health_config *config = self->config;
    if (!sl_bytes_is(path, config->path)) {
        page->status = 404;
        return;
    }
    bool ready = atomic_load(&self->process->health) == SL_READY;
    const char *text = ready ? config->response_body.healthy : config->response_body.unhealthy;
    page->status = ready ? 200 : 503;
    if (text != NULL) {
        sl_out_text(&page->body, text);
        return;
    }
    page->content_type = "application/json";
    write_json(self, ready, &page->body);
}

static int start(struct sl_component *self, struct sl_error *reterr)
{
    struct health_check *health = (struct health_check *)self;
    const struct health_config *config = self->config;
    health->pages.owner = self;
    health->pages.answer = answer;
    return sl_pages_open(&health->pages, config->endpoint, reterr);
}

static void stop(struct sl_component *self)
{
    struct health_check *health = (struct health_check *)self;
    sl_pages_close(&health->pages, sl_component_stopped);
}

const struct sl_component_type health_check_extension = {
    .name = "health_check",
    .aliases = "healthcheck",
    .doc = "Answers HTTP probes: 200 while the process is ready, 503 while it starts or stops.",
    .kind = SL_EXTENSION,
    .placement = SL_ONE_WORKER,
    .stability = SL_BETA,
    .size = sizeof(struct health_check),
    .config_size = sizeof(struct health_config),
    .fields = fields,
    .check = check,
    .start = start,
    .stop = stop,
};
