/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line an event, one write() a line. A line is made in buffers on
 * the stack; the lock is held for the sampling table and the settings only.
 */
#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/clock.h"

/* A message is cut after MESSAGE bytes; escaping makes a byte six at most. */
enum { MESSAGE = 2048, LINE = MESSAGE * 6 + 512, SLOTS = 256, PROBES = 8 };

struct line {
    char text[LINE];
    size_t size;
};

/* How often one message came in the running tick. */
struct seen {
    const char *fmt; /* NULL: a free slot */
    uint64_t component, tick_start_ms;
    uint32_t count, left_out;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sl_log_config settings = {.level = SL_LOG_INFO,
                                        .sampling = true,
                                        .tick_ms = 10000,
                                        .initial = 10,
                                        .thereafter = 100,
                                        .fd = STDERR_FILENO};
static struct seen table[SLOTS];
static atomic_int least_level = SL_LOG_INFO;

void sl_log_configure(const struct sl_log_config *config)
{
    (void)pthread_mutex_lock(&lock);
    settings = *config;
    memset(table, 0, sizeof table);
    atomic_store(&least_level, config->level);
    (void)pthread_mutex_unlock(&lock);
}

bool sl_log_enabled(enum sl_log_level level)
{
    return level != SL_LOG_NONE &&
           (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* The slot of this message; of the few it may use the one whose tick is oldest
 * is given up, so that the table never grows. */
static struct seen *find_seen(const char *fmt, uint64_t component)
{
    uint64_t hash = sl_hash_seeded(sl_bytes(&fmt, sizeof fmt), component);
    struct seen *oldest = NULL;
    for (unsigned i = 0; i < PROBES; i++) {
        struct seen *seen = &table[(hash + i) % SLOTS];
        if (seen->fmt == fmt && seen->component == component)
            return seen;
        if (oldest == NULL || (oldest->fmt != NULL &&
                               (seen->fmt == NULL || seen->tick_start_ms < oldest->tick_start_ms)))
            oldest = seen;
    }
    *oldest = (struct seen){.fmt = fmt, .component = component};
    return oldest;
}

/* Whether this line is to be written, and how many like it were not before. */
static bool sample(const char *fmt, const char *component, uint64_t now_ms, uint32_t *ret_left_out)
{
    struct seen *seen = find_seen(fmt, sl_hash(sl_text(component)));
    if (seen->count == 0 || now_ms < seen->tick_start_ms ||
        now_ms - seen->tick_start_ms >= settings.tick_ms) {
        seen->tick_start_ms = now_ms;
        seen->count = 0;
    }
    if (seen->count < UINT32_MAX)
        seen->count++;
    bool write_it =
        seen->count <= settings.initial ||
        (settings.thereafter != 0 && (seen->count - settings.initial) % settings.thereafter == 0);
    if (!write_it) {
        if (seen->left_out < UINT32_MAX)
            seen->left_out++;
        return false;
    }
    *ret_left_out = seen->left_out;
    seen->left_out = 0;
    return true;
}

static void add(struct line *line, const char *text, size_t size)
{
    if (size > LINE - 1 - line->size) /* one byte is kept for the line feed */
        return;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void add_text(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

/* One byte below 0x20, 0x7F, a quote or a backslash, as JSON writes it; consoles
 * get the same, because a line feed or an escape sequence there could forge lines. */
static void add_escaped_byte(struct line *line, char c, bool json)
{
    static const char letters[] = "b\bf\fn\nr\rt\t";
    char escape[7];
    if (!json && (c == '"' || c == '\\')) {
        add(line, &c, 1);
        return;
    }
    if (c == '"' || c == '\\') {
        (void)snprintf(escape, sizeof escape, "\\%c", c);
        add_text(line, escape);
        return;
    }
    for (size_t i = 0; i + 1 < sizeof letters - 1; i += 2)
        if (letters[i + 1] == c) {
            (void)snprintf(escape, sizeof escape, "\\%c", letters[i]);
            add_text(line, escape);
            return;
        }
    (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)c);
    add_text(line, escape);
}

/* Text with control characters escaped and invalid UTF-8 replaced. The C1
 * controls (U+0080 to U+009F) steer some terminals, so they go the same way. */
static void add_escaped(struct line *line, const char *text, bool json)
{
    struct sl_bytes left = sl_text(text);
    while (left.size > 0) {
        size_t valid = sl_utf8_valid_prefix(left), plain = 0;
        while (plain < valid && left.data[plain] >= 0x20 && left.data[plain] != 0x7F &&
               left.data[plain] != '"' && left.data[plain] != '\\' &&
               !(left.data[plain] == 0xC2 && left.data[plain + 1] < 0xA0))
            plain++;
        add(line, (const char *)left.data, plain);
        left = sl_bytes(left.data + plain, left.size - plain);
        if (left.size == 0)
            break;
        size_t step = 1;
        if (plain == valid) {
            add_text(line, "\xEF\xBF\xBD");
        } else if (left.data[0] == 0xC2) {
            add_escaped_byte(line, (char)left.data[1], json);
            step = 2;
        } else {
            add_escaped_byte(line, (char)left.data[0], json);
        }
        left = sl_bytes(left.data + step, left.size - step);
    }
}

static void add_time(struct line *line, uint64_t now_ns)
{
    time_t seconds = (time_t)(now_ns / 1000000000);
    struct tm utc;
    char day[32], text[48];
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return;
    (void)snprintf(text, sizeof text, "%s.%03uZ", day, (unsigned)(now_ns / 1000000 % 1000));
    add_text(line, text);
}

static void make_console(struct line *line, const char *level, const char *component,
                         const char *message, uint32_t left_out)
{
    add_text(line, "  ");
    add_text(line, level);
    add_text(line, "  ");
    if (component != NULL) {
        add_escaped(line, component, false);
        add_text(line, "  ");
    }
    add_escaped(line, message, false);
    if (left_out > 0) {
        char note[40];
        (void)snprintf(note, sizeof note, " (%u like it left out)", left_out);
        add_text(line, note);
    }
}

static void make_json(struct line *line, const char *level, const char *component,
                      const char *message, uint32_t left_out)
{
    add_text(line, "\",\"level\":\"");
    add_text(line, level);
    if (component != NULL) {
        add_text(line, "\",\"component\":\"");
        add_escaped(line, component, true);
    }
    add_text(line, "\",\"msg\":\"");
    add_escaped(line, message, true);
    add_text(line, "\"");
    if (left_out > 0) {
        char note[40];
        (void)snprintf(note, sizeof note, ",\"left_out\":%u", left_out);
        add_text(line, note);
    }
    add_text(line, "}");
}

static void write_line(struct line *line, int fd)
{
    line->text[line->size++] = '\n';
    ssize_t written;
    do
        written = write(fd, line->text, line->size);
    while (written < 0 && errno == EINTR);
}

/* Cuts at whole characters and says so. */
static void format(char *message, const char *fmt, va_list ap)
{
    int length = vsnprintf(message, MESSAGE, fmt, ap);
    if (length < MESSAGE)
        return;
    size_t end = MESSAGE - 4;
    while (end > 0 && ((unsigned char)message[end] & 0xC0) == 0x80)
        end--;
    memcpy(message + end, "...", 4);
}

void sl_log(enum sl_log_level level, const char *component, const char *fmt, ...)
{
    static const char *const console_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    static const char *const json_names[] = {"debug", "info", "warn", "error"};
    if (!sl_log_enabled(level))
        return;
    int error_before = errno; /* the caller may go on to use it */
    uint32_t left_out = 0;
    (void)pthread_mutex_lock(&lock);
    struct sl_log_config now = settings;
    uint64_t now_ns = now.clock_ns != NULL ? now.clock_ns() : sl_clock_wall_ns();
    bool write_it = !now.sampling || sample(fmt, component, now_ns / 1000000, &left_out);
    (void)pthread_mutex_unlock(&lock);
    if (!write_it)
        return;

    char message[MESSAGE];
    va_list ap;
    va_start(ap, fmt);
    errno = error_before;
    format(message, fmt, ap);
    va_end(ap);
    struct line line;
    line.size = 0;
    if (now.encoding == SL_LOG_JSON) {
        add_text(&line, "{\"ts\":\"");
        add_time(&line, now_ns);
        make_json(&line, json_names[level], component, message, left_out);
    } else {
        add_time(&line, now_ns);
        make_console(&line, console_names[level], component, message, left_out);
    }
    write_line(&line, now.fd);
    errno = error_before;
}
