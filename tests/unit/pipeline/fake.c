/* SPDX-License-Identifier: Apache-2.0 */
/* Fake components: they note what they are asked, and pass on, hold or finish. */
#include "fake.h"

#include <stddef.h>
#include <string.h>

const char *fake_failure;
bool fake_answers_late, fake_is_quiet;

static char journal[8192];
static size_t journal_size;
static char handed_out[sizeof journal];

const char *fake_journal(void)
{
    memcpy(handed_out, journal, sizeof journal);
    journal[0] = '\0';
    journal_size = 0;
    return handed_out;
}

static int note(const char *verb, const struct sl_component *self, struct sl_error *reterr)
{
    if (fake_is_quiet)
        return SL_OK;
    char what[128], at[16] = "";
    (void)snprintf(what, sizeof what, "%s %s", verb, self->id);
    if (self->worker->index > 0)
        (void)snprintf(at, sizeof at, "@%u", self->worker->index);
    int length = snprintf(journal + journal_size, sizeof journal - journal_size, "%s%s%s",
                          journal_size > 0 ? ", " : "", what, at);
    journal_size += (size_t)length;
    if (journal_size >= sizeof journal)
        journal_size = sizeof journal - 1; /* full: the rest is not noted */
    if (fake_failure != NULL && strcmp(fake_failure, what) == 0)
        return sl_fail(reterr, SL_EIO, "no luck");
    return SL_OK;
}

static int fake_create(struct sl_component *self, struct sl_error *reterr)
{
    return note("create", self, reterr);
}

static int fake_start(struct sl_component *self, struct sl_error *reterr)
{
    return note("start", self, reterr);
}

static void fake_drain(struct sl_component *self, uint64_t deadline_ms)
{
    (void)deadline_ms;
    (void)note("drain", self, NULL);
    sl_component_drained(self);
}

static void late_drain(struct sl_component *self, uint64_t deadline_ms)
{
    (void)deadline_ms;
    (void)note("drain", self, NULL);
    if (!fake_answers_late)
        sl_component_drained(self);
}

static void fake_stop(struct sl_component *self)
{
    struct fake_component *fake = (struct fake_component *)self;
    (void)note("stop", self, NULL);
    while (fake->held != NULL) {
        struct sl_delivery *delivery = fake->held;
        fake->held = delivery->next;
        sl_delivery_finish(delivery, sl_result_of(SL_RESULT_SHUTDOWN, "stopped"));
    }
    sl_component_stopped(self);
}

static void fake_destroy(struct sl_component *self)
{
    (void)note("destroy", self, NULL);
}

static void pass_on(struct sl_component *self, struct sl_delivery *delivery)
{
    (void)note("consume", self, NULL);
    sl_emit(self, delivery);
}

static void take_in(struct fake_component *fake, struct sl_delivery *delivery)
{
    struct sl_claim claim;
    (void)note("consume", &fake->base, NULL);
    fake->consumed++;
    fake->items += delivery->batch->items;
    (void)sl_delivery_use_claim(delivery, &fake->base, &claim);
}

static void take(struct sl_component *self, struct sl_delivery *delivery)
{
    take_in((struct fake_component *)self, delivery);
    sl_delivery_finish(delivery, sl_result_ok());
}

static void hold(struct sl_component *self, struct sl_delivery *delivery)
{
    struct fake_component *fake = (struct fake_component *)self;
    take_in(fake, delivery);
    delivery->next = fake->held;
    fake->held = delivery;
}

static bool fake_reserve(struct sl_component *self, size_t items, size_t bytes,
                         struct sl_result *ret_refusal)
{
    struct fake_component *fake = (struct fake_component *)self;
    (void)items;
    (void)bytes;
    (void)note("reserve", self, NULL);
    if (fake->refuses) {
        *ret_refusal = sl_result_of(SL_RESULT_RETRY, "full");
        return false;
    }
    fake->reserved++;
    return true;
}

static void fake_release(struct sl_component *self, size_t items, size_t bytes)
{
    (void)items;
    (void)bytes;
    (void)note("release", self, NULL);
    ((struct fake_component *)self)->released++;
}

static void check_limit(const void *config, const struct sl_node *node, const char *path,
                        struct sl_diag *diag)
{
    const struct fake_config *fake = config;
    if (fake->limit == 13)
        sl_diag_add(diag, SL_DIAG_ERROR, node->place, path, "13 brings bad luck");
}

static const struct sl_field queue_fields[] = {
    SL_FIELD(BOOL, fake_queue, enabled, .preset = "true", .doc = "Whether there is a queue."),
    SL_FIELD(BOOL, fake_queue, wait_for_result, .preset = "false", .doc = "Answer late."), SL_END};

#define COMMON_FIELDS                                                                              \
    SL_FIELD(INT, fake_config, limit, .preset = "10", .min = 1, .max = 100, .doc = "A limit."),    \
        SL_FIELD(TEXT, fake_config, note, .doc = "A note."),                                       \
        SL_FIELD(SECRET, fake_config, token, .doc = "A secret."),                                  \
        SL_IGNORED("legacy", .doc = "Nothing.")

static const struct sl_field fields[] = {COMMON_FIELDS, SL_END};
static const struct sl_field queue_exporter_fields[] = {
    COMMON_FIELDS, SL_FIELD(REFERENCE, fake_config, storage, .doc = "An extension."),
    SL_FIELD(GROUP, fake_config, sending_queue, .group = queue_fields, .doc = "The queue."),
    SL_END};

#define COMMON                                                                                     \
    .stability = SL_BETA, .size = sizeof(struct fake_component),                                   \
    .config_size = sizeof(struct fake_config), .fields = fields, .check = check_limit,             \
    .create = fake_create, .start = fake_start, .drain = fake_drain, .stop = fake_stop,            \
    .destroy = fake_destroy

static const struct sl_component_type src = {
    .name = "src", .doc = "Makes nothing.", .kind = SL_RECEIVER, .signals = SL_ALL_SIGNALS, COMMON};
static const struct sl_component_type one_src = {.name = "one_src",
                                                 .doc = "Makes nothing, once.",
                                                 .kind = SL_RECEIVER,
                                                 .placement = SL_ONE_WORKER,
                                                 .signals = SL_ALL_SIGNALS,
                                                 COMMON};
static const struct sl_component_type src_traces = {.name = "src_traces",
                                                    .doc = "Makes no traces.",
                                                    .kind = SL_RECEIVER,
                                                    .signals = SL_TRACES,
                                                    COMMON};
static const struct sl_component_type step = {.name = "step",
                                              .doc = "Passes on.",
                                              .kind = SL_PROCESSOR,
                                              .signals = SL_ALL_SIGNALS,
                                              .consume = pass_on,
                                              COMMON};
static const struct sl_component_type late = {.name = "late",
                                              .doc = "Passes on, drains late.",
                                              .kind = SL_PROCESSOR,
                                              .stability = SL_ALPHA,
                                              .signals = SL_ALL_SIGNALS,
                                              .size = sizeof(struct fake_component),
                                              .config_size = sizeof(struct fake_config),
                                              .fields = fields,
                                              .create = fake_create,
                                              .start = fake_start,
                                              .consume = pass_on,
                                              .drain = late_drain,
                                              .stop = fake_stop,
                                              .destroy = fake_destroy};
static const struct sl_component_type change = {.name = "change",
                                                .aliases = "alter",
                                                .doc = "Passes on logs and traces.",
                                                .kind = SL_PROCESSOR,
                                                .signals = SL_TRACES | SL_LOGS,
                                                .mutates = true,
                                                .drops_unknown = true,
                                                .size = sizeof(struct fake_component),
                                                .consume = pass_on};
static const struct sl_component_type sink = {.name = "sink",
                                              .aliases = "sink_grpc",
                                              .doc = "Takes all.",
                                              .kind = SL_EXPORTER,
                                              .signals = SL_ALL_SIGNALS,
                                              .consume = take,
                                              COMMON};
static const struct sl_component_type queue = {.name = "queue",
                                               .doc = "Takes all, behind a queue.",
                                               .kind = SL_EXPORTER,
                                               .stability = SL_STABLE,
                                               .signals = SL_ALL_SIGNALS,
                                               .size = sizeof(struct fake_component),
                                               .config_size = sizeof(struct fake_config),
                                               .fields = queue_exporter_fields,
                                               .create = fake_create,
                                               .start = fake_start,
                                               .consume = take,
                                               .reserve = fake_reserve,
                                               .release = fake_release,
                                               .drain = fake_drain,
                                               .stop = fake_stop,
                                               .destroy = fake_destroy};
static const struct sl_component_type single = {.name = "single",
                                                .doc = "Takes all, on worker 0.",
                                                .kind = SL_EXPORTER,
                                                .placement = SL_ONE_WORKER,
                                                .signals = SL_ALL_SIGNALS,
                                                .consume = hold,
                                                COMMON};
static const struct sl_component_type holds = {.name = "holds",
                                               .doc = "Holds what comes.",
                                               .kind = SL_EXPORTER,
                                               .signals = SL_ALL_SIGNALS,
                                               .consume = hold,
                                               COMMON};
static const struct sl_component_type prompt = {.name = "prompt",
                                                .doc = "Takes all at once, on worker 0.",
                                                .kind = SL_EXPORTER,
                                                .placement = SL_ONE_WORKER,
                                                .signals = SL_ALL_SIGNALS,
                                                .consume = take,
                                                COMMON};
static const struct sl_component_type store = {
    .name = "store", .doc = "Stores nothing.", .kind = SL_EXTENSION, COMMON};

const struct sl_component_type *const fake_types[] = {
    &src,    &one_src, &src_traces, &change, &late,  &step, &holds,
    &prompt, &queue,   &single,     &sink,   &store, NULL};

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

struct sl_plan *fake_plan(const char *yaml, struct sl_arena *arena, struct sl_diag *diag)
{
    struct sl_source source = {.name = "t.yaml", .text = yaml, .size = strlen(yaml)};
    struct sl_config_input input = {
        .sources = &source, .source_count = 1, .getenv = no_environment};
    struct sl_node *root = sl_config_read(&input, arena, diag);
    return sl_plan_new(root, fake_types, arena, diag);
}
