/* SPDX-License-Identifier: Apache-2.0 */
/* The file exporter on a manual worker: what is in the file, and what is not after a
 * failed write. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "otlp/transcode.h"
#include "tests/solo.h"
#include "transport/compress.h"

extern const struct sl_component_type file_exporter;

/* What the exporter writes for it: the keys in the order of the schema. */
#define LINE(name) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"" name "\"}]}]}]}"

struct world {
    struct solo solo;
    char folder[32], path[64];
    struct sl_out text;
    struct answer answer;
};

static void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/sluice-XXXXXX");
    CHECK(mkdtemp(world->folder) != NULL);
    (void)snprintf(world->path, sizeof world->path, "%s/t.jsonl", world->folder);
}

static const char *yaml_of(struct world *world, const char *settings)
{
    static char yaml[512];
    (void)snprintf(yaml, sizeof yaml, "path: %s\n%s", world->path, settings);
    return yaml;
}

static void open_exporter(struct world *world, const char *settings)
{
    solo_init(&world->solo, &file_exporter, yaml_of(world, settings));
}

static void close_exporter(struct world *world)
{
    solo_done(&world->solo);
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path) != 0)
            remove_folder(path);
    }
    (void)closedir(dir);
    CHECK_INT(rmdir(folder), 0);
}

static void end(struct world *world)
{
    sl_out_done(&world->text);
    remove_folder(world->folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_INT(fclose(file), 0);
}

static const char *read_path(struct world *world, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    sl_out_clear(&world->text);
    uint8_t *room = sl_out_room(&world->text, 1 << 20);
    CHECK(room != NULL);
    world->text.size = fread(room, 1, 1 << 20, file);
    (void)fclose(file);
    return sl_out_cstr(&world->text);
}

static const char *content(struct world *world)
{
    return read_path(world, world->path);
}

static enum sl_outcome put(struct world *world, const char *json)
{
    solo_send(&world->solo, solo_batch(SL_TRACES, json), NULL, &world->answer);
    CHECK_INT(world->answer.count, 1);
    return world->answer.result.outcome;
}

static unsigned count_files(const char *folder, const char *part)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strstr(entry->d_name, part) != NULL && entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void test_each_batch_is_a_line_of_json(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    open_exporter(&world, "");
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("a") "\n"); /* written before it was answered */
    CHECK_INT(put(&world, LINE("b\\n")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("a") "\n" LINE("b\\n") "\n");
    solo_send(&world.solo,
              solo_batch(SL_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":"
                                  "{\"stringValue\":\"x\"}}]}]}]}"),
              NULL, &world.answer);
    CHECK(strstr(content(&world), "\"stringValue\":\"x\"") != NULL);
    CHECK_INT(solo_total(&world.solo, SL_EV_SENT), 3);
    struct stat info;
    CHECK_INT(stat(world.path, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    close_exporter(&world);
    end(&world);
}

/* The payload of the message at *at, behind its 4-byte length. */
static struct sl_bytes framed(struct sl_bytes text, size_t *at)
{
    CHECK(text.size - *at >= 4);
    const uint8_t *p = text.data + *at;
    size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    CHECK(size <= text.size - *at - 4);
    *at += 4 + size;
    return sl_bytes(p + 4, size);
}

static void test_messages_stand_behind_their_length(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        bool proto, zstd;
    } cases[] = {{"format: proto", true, false},
                 {"format: proto\ncompression: zstd", true, true},
                 {"compression: zstd", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        begin(&world);
        open_exporter(&world, cases[i].settings);
        CHECK_INT(put(&world, LINE("first")), SL_RESULT_OK);
        CHECK_INT(put(&world, LINE("second")), SL_RESULT_OK);
        (void)content(&world);
        struct sl_bytes text = sl_out_view(&world.text);
        size_t at = 0;
        for (unsigned k = 0; k < 2; k++) {
            const char *want = k == 0 ? LINE("first") : LINE("second");
            struct sl_bytes message = framed(text, &at);
            struct sl_buf *inflated = NULL;
            if (cases[i].zstd) {
                CHECK_INT(sl_inflate(SL_CODEC_ZSTD, message, 4096, NULL, &inflated, NULL), SL_OK);
                message = sl_buf_bytes(inflated);
            }
            struct sl_out json = {0};
            if (cases[i].proto)
                CHECK_INT(
                    sl_wire_to_json(sl_signal_messages(SL_TRACES)->request, message, &json, NULL),
                    SL_OK);
            else
                sl_out_bytes(&json, message.data, message.size);
            CHECK_TEXT(sl_out_cstr(&json), want);
            sl_out_done(&json);
            sl_buf_unref(inflated);
        }
        CHECK_INT(at, text.size);
        close_exporter(&world);
        end(&world);
    }
}

static void test_a_file_that_exists_is_emptied_or_added_to(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *before, *after;
    } cases[] = {{"", "old\n", LINE("n") "\n"},
                 {"append: true", "old\n", "old\n" LINE("n") "\n"},
                 {"append: true", "to\nrn", "to\nrn\n" LINE("n") "\n"},
                 {"append: true", "", LINE("n") "\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        begin(&world);
        write_file(world.path, cases[i].before);
        open_exporter(&world, cases[i].settings);
        CHECK_INT(put(&world, LINE("n")), SL_RESULT_OK);
        CHECK_TEXT(content(&world), cases[i].after);
        close_exporter(&world);
        end(&world);
    }
}

/* A line of about a MiB. */
static enum sl_outcome put_large(struct world *world, char letter)
{
    static char json[1100000];
    size_t size = (1 << 20) - 80;
    int head = snprintf(json, sizeof json,
                        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"");
    memset(json + head, letter, size);
    (void)snprintf(json + (size_t)head + size, 64, "\"}]}]}]}");
    return put(world, json);
}

static void test_a_file_is_rotated_before_it_grows_beyond_its_size(void **state)
{
    (void)state;
    struct world world;
    char path[128];
    begin(&world);
    open_exporter(&world, "rotation: {max_megabytes: 1}");
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    CHECK_INT(count_files(world.folder, "t"), 1);
    CHECK_INT(put_large(&world, 'x'), SL_RESULT_OK);
    /* The manual clock begins at 2023-11-14T22:13:20Z. */
    (void)snprintf(path, sizeof path, "%s/t-2023-11-14T22-13-20.000.jsonl", world.folder);
    CHECK_TEXT(read_path(&world, path), LINE("a") "\n");
    CHECK_INT(count_files(world.folder, "t"), 2);
    CHECK_INT(put_large(&world, 'y'), SL_RESULT_OK); /* within the same millisecond */
    CHECK_INT(count_files(world.folder, "t"), 3);
    (void)snprintf(path, sizeof path, "%s/t-2023-11-14T22-13-20.001.jsonl", world.folder);
    CHECK_INT(access(path, F_OK), 0);
    sl_worker_advance(&world.solo.worker, 61234);
    CHECK_INT(put_large(&world, 'z'), SL_RESULT_OK);
    (void)snprintf(path, sizeof path, "%s/t-2023-11-14T22-14-21.234.jsonl", world.folder);
    CHECK_INT(access(path, F_OK), 0);
    close_exporter(&world);
    end(&world);
}

static void test_only_rotated_files_beyond_the_limits_are_deleted(void **state)
{
    (void)state;
    static const char *const others[] = {
        "t-2023-11-01T00-00-00.000.json", "t-2023-11-01T00-00-00.000.jsonl.gz",
        "t-my-precious-notes-23456.jsonl", "u-2023-11-01T00-00-00.000.jsonl",
        "t-2023-11-01T00-00-00,000.jsonl"};
    static const char *const old[] = {"t-2023-11-01T00-00-00.000.jsonl",
                                      "t-2023-11-10T00-00-00.000.jsonl",
                                      "t-2023-11-14T00-00-00.000.jsonl"};
    static const struct {
        const char *settings;
        unsigned left; /* of old ones; the one just rotated is kept */
    } cases[] = {{"rotation: {max_megabytes: 1, max_backups: 3}", 2},
                 {"rotation: {max_megabytes: 1, max_backups: 1}", 0},
                 {"rotation: {max_megabytes: 1, max_backups: 0}", 3},
                 {"rotation: {max_megabytes: 1, max_days: 5}", 2},
                 {"rotation: {max_megabytes: 1, max_days: 1}", 1},
                 {"rotation: {max_megabytes: 1, max_days: 36500}", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        char path[512];
        unsigned left = 0;
        begin(&world);
        for (size_t k = 0; k < 5; k++) {
            (void)snprintf(path, sizeof path, "%s/%s", world.folder, others[k]);
            write_file(path, "x");
        }
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(path, sizeof path, "%s/%s", world.folder, old[k]);
            write_file(path, "x");
        }
        open_exporter(&world, cases[i].settings);
        CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
        CHECK_INT(put_large(&world, 'x'), SL_RESULT_OK);
        for (size_t k = 0; k < 5; k++) {
            (void)snprintf(path, sizeof path, "%s/%s", world.folder, others[k]);
            CHECK_INT(access(path, F_OK), 0);
        }
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(path, sizeof path, "%s/%s", world.folder, old[k]);
            left += access(path, F_OK) == 0;
            CHECK(left == 0 || access(path, F_OK) == 0); /* the oldest go first */
        }
        CHECK_INT(left, cases[i].left);
        CHECK_INT(count_files(world.folder, "t-2023-11-14T22-13-20.000.jsonl"), 1);
        close_exporter(&world);
        end(&world);
    }
}

static void test_a_rotation_that_fails_refuses_until_it_works(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    open_exporter(&world, "rotation: {max_megabytes: 1}");
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    /* All names that it could take are taken by folders with something in them. */
    char name[160], inner[200];
    for (unsigned ms = 0; ms <= 1000; ms++) {
        (void)snprintf(name, sizeof name, "%s/t-2023-11-14T22-13-%02u.%03u.jsonl", world.folder,
                       20 + ms / 1000, ms % 1000);
        (void)snprintf(inner, sizeof inner, "%s/x", name);
        CHECK_INT(mkdir(name, 0700), 0);
        CHECK_INT(mkdir(inner, 0700), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK_INT(put_large(&world, 'x'), SL_RESULT_RETRY);
    CHECK_TEXT(content(&world), LINE("a") "\n");
    sl_worker_advance(&world.solo.worker, 5000);
    CHECK_INT(put_large(&world, 'x'), SL_RESULT_OK);
    close_exporter(&world);
    end(&world);
}

static void test_a_file_that_was_moved_away_is_followed(void **state)
{
    (void)state;
    struct world world;
    char moved[80];
    begin(&world);
    open_exporter(&world, "");
    (void)snprintf(moved, sizeof moved, "%s.1", world.path);
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    CHECK_INT(rename(world.path, moved), 0);
    sl_worker_advance(&world.solo.worker, 1000);
    CHECK_INT(put(&world, LINE("b")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("b") "\n");
    CHECK_TEXT(read_path(&world, moved), LINE("a") "\n");
    CHECK_INT(unlink(world.path), 0);
    sl_worker_advance(&world.solo.worker, 1000);
    CHECK_INT(put(&world, LINE("c")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("c") "\n");
    close_exporter(&world);
    end(&world);
}

static void test_a_file_that_others_cut_or_lengthen_gets_no_hole_and_loses_nothing(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    open_exporter(&world, "");
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    CHECK_INT(truncate(world.path, 0), 0); /* as logrotate's copytruncate */
    CHECK_INT(put(&world, LINE("b")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("b") "\n");
    write_file(world.path, "others\nto");
    CHECK_INT(put(&world, LINE("c")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), "others\nto\n" LINE("c") "\n");
    close_exporter(&world);
    end(&world);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_failed_write_leaves_the_file_as_it_was(void **state)
{
    (void)state;
    static const char *const settings[] = {"", "format: proto"};
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        char before[256];
        begin(&world);
        open_exporter(&world, settings[i]);
        CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
        (void)content(&world);
        size_t size = world.text.size;
        memcpy(before, world.text.data, size);
        limit_files(size + 10);
        CHECK_INT(put(&world, LINE("lost")), SL_RESULT_RETRY);
        limit_files(RLIM_INFINITY);
        (void)content(&world);
        CHECK_BYTES(sl_out_view(&world.text), sl_bytes(before, size));
        CHECK_INT(solo_total(&world.solo, SL_EV_SENT), 1);
        CHECK_INT(solo_total(&world.solo, SL_EV_ENQUEUE_FAILED), 1);
        CHECK_INT(put(&world, LINE("b")), SL_RESULT_OK);
        (void)content(&world);
        CHECK_BYTES(sl_bytes(world.text.data, size), sl_bytes(before, size));
        CHECK_INT(world.text.size, 2 * size);
        close_exporter(&world);
        end(&world);
    }
}

/* A file that may grow and not shrink. */
static void test_half_a_message_that_cannot_be_cut_off_spoils_no_other(void **state)
{
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        begin(&world);
        int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
        CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        (void)snprintf(world.path, sizeof world.path, "/proc/self/fd/%d", fd);
        open_exporter(&world, i == 0 ? "append: true" : "append: true\nformat: proto");
        CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
        (void)content(&world);
        size_t size = world.text.size;
        limit_files(size + 10);
        CHECK_INT(put(&world, LINE("lost")), SL_RESULT_RETRY);
        limit_files(RLIM_INFINITY);
        (void)content(&world);
        if (world.text.size != size + 10)
            fail_msg("nothing was left behind: %zu of %zu", world.text.size, size);
        CHECK_INT(put(&world, LINE("b")), i == 0 ? SL_RESULT_OK : SL_RESULT_RETRY);
        if (i == 0)
            CHECK_TEXT(content(&world), LINE("a") "\n{\"resource\n" LINE("b") "\n");
        close_exporter(&world);
        (void)close(fd);
        end(&world);
    }
}

static void test_what_was_written_is_forced_to_the_disk_and_no_other_file_is_closed(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    int zero = fcntl(STDIN_FILENO, F_GETFD) < 0 ? open("/dev/null", O_RDONLY) : -1;
    open_exporter(&world, "flush_interval: 100ms\nrotation: {max_megabytes: 1}");
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT(put_large(&world, 'a'), SL_RESULT_OK);
        sl_worker_advance(&world.solo.worker, 100);      /* the sync is under way ... */
        CHECK_INT(put_large(&world, 'b'), SL_RESULT_OK); /* ... while the file is rotated */
        for (unsigned turn = 0; turn < 200; turn++)
            (void)uv_run(&world.solo.worker.loop, UV_RUN_NOWAIT);
    }
    CHECK_INT(put(&world, LINE("c")), SL_RESULT_OK);
    sl_worker_advance(&world.solo.worker, 100);
    close_exporter(&world); /* while a sync is under way */
    CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    if (zero >= 0)
        (void)close(zero);
    end(&world);
}

static void test_folders_are_made_when_asked(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    (void)snprintf(world.path, sizeof world.path, "%s/a/b/t.jsonl", world.folder);
    CHECK_INT(solo_make(&world.solo, &file_exporter, yaml_of(&world, "")), SL_OK);
    CHECK_INT(solo_start(&world.solo), SL_EIO);
    CHECK(strstr(world.solo.error.text, "No such file") != NULL);
    solo_done(&world.solo);

    open_exporter(&world, "create_directory: true\ndirectory_permissions: '0700'");
    CHECK_INT(put(&world, LINE("a")), SL_RESULT_OK);
    CHECK_TEXT(content(&world), LINE("a") "\n");
    char folder[64];
    struct stat info;
    (void)snprintf(folder, sizeof folder, "%s/a", world.folder);
    CHECK_INT(stat(folder, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0700);
    close_exporter(&world);
    end(&world);
}

static void test_what_is_no_file_is_refused_at_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *path, *reason;
    } cases[] = {{"/tmp", "Is a directory"},
                 {"/dev/null", "not a regular file"},
                 {"/dev/null/x", "Not a directory"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        begin(&world);
        (void)snprintf(world.path, sizeof world.path, "%s", cases[i].path);
        CHECK_INT(solo_make(&world.solo, &file_exporter, yaml_of(&world, "")), SL_OK);
        CHECK_INT(solo_start(&world.solo), SL_EIO);
        if (strstr(world.solo.error.text, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].path, world.solo.error.text);
        solo_done(&world.solo);
        end(&world);
    }
}

static void test_wrong_settings_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "append: true", /* no path */
        "path: x\ndirectory_permissions: rwx",
        "path: x\ndirectory_permissions: ''",
        "path: x\ndirectory_permissions: '10000'",
        "path: x\nrotation: {max_megabytes: 0}",
        "path: x\nformat: xml",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct solo solo;
        if (solo_make(&solo, &file_exporter, wrong[i]) != SL_EINVALID)
            fail_msg("accepted: %s", wrong[i]);
        solo_done(&solo);
    }
}

static void test_without_memory_it_refuses_and_stays_whole(void **state)
{
    (void)state;
    bool ended = false;
    unsigned refused = 0, not_started = 0;
    for (long n = 0; !ended && n < 1000; n++) {
        struct world world;
        begin(&world);
        CHECK_INT(solo_make(&world.solo, &file_exporter,
                            yaml_of(&world, "rotation: {max_megabytes: 1}\ncompression: zstd")),
                  SL_OK);
        struct sl_batch *batch = solo_batch(SL_TRACES, LINE("a"));
        struct sl_timer others[15]; /* the worker's next table of timers is due with the 17th */
        for (unsigned i = 0; i < 15; i++) {
            sl_timer_init(&others[i], &world.solo.worker, NULL);
            CHECK_INT(sl_timer_start(&others[i], 3600000), SL_OK);
        }
        (void)sl_alloc_fail_after(n);
        bool started = solo_start(&world.solo) == SL_OK;
        if (started)
            solo_send(&world.solo, batch, NULL, &world.answer);
        ended = sl_alloc_fail_after(-1) <= n;
        if (!started)
            sl_batch_unref(batch);
        not_started += !started;
        if (world.answer.count > 0) {
            bool taken = world.answer.result.outcome == SL_RESULT_OK;
            refused += !taken;
            (void)content(&world);
            CHECK((world.text.size > 0) == taken);
        }
        CHECK(!ended || (world.answer.count == 1 && world.text.size > 0));
        solo_done(&world.solo);
        end(&world);
    }
    CHECK(ended && refused > 0 && not_started > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_batch_is_a_line_of_json),
        cmocka_unit_test(test_messages_stand_behind_their_length),
        cmocka_unit_test(test_a_file_that_exists_is_emptied_or_added_to),
        cmocka_unit_test(test_a_file_is_rotated_before_it_grows_beyond_its_size),
        cmocka_unit_test(test_only_rotated_files_beyond_the_limits_are_deleted),
        cmocka_unit_test(test_a_rotation_that_fails_refuses_until_it_works),
        cmocka_unit_test(test_a_file_that_was_moved_away_is_followed),
        cmocka_unit_test(test_a_file_that_others_cut_or_lengthen_gets_no_hole_and_loses_nothing),
        cmocka_unit_test(test_a_failed_write_leaves_the_file_as_it_was),
        cmocka_unit_test(test_half_a_message_that_cannot_be_cut_off_spoils_no_other),
        cmocka_unit_test(test_what_was_written_is_forced_to_the_disk_and_no_other_file_is_closed),
        cmocka_unit_test(test_folders_are_made_when_asked),
        cmocka_unit_test(test_what_is_no_file_is_refused_at_the_start),
        cmocka_unit_test(test_wrong_settings_are_refused),
        cmocka_unit_test(test_without_memory_it_refuses_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
