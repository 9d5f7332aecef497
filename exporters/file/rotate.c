/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation: the name of a rotated file, and which of them are deleted. */
#include "exporters/file/rotate.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/alloc.h"

enum { STAMP_SIZE = 23, MAX_LISTED = 100000 };

/* The path cut into folder, name without extension, and extension with its dot. */
struct pieces {
    int folder_size; /* with the slash; 0: none */
    const char *stem;
    int stem_size;
    const char *extension;
};

static struct pieces cut_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *stem = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(stem, '.');
    if (dot == NULL || dot == stem)
        dot = stem + strlen(stem);
    return (struct pieces){(int)(stem - path), stem, (int)(dot - stem), dot};
}

static void write_stamp(char out[STAMP_SIZE + 1], uint64_t now_ns, bool local)
{
    time_t seconds = (time_t)(now_ns / 1000000000u);
    struct tm tm;
    if (local)
        (void)localtime_r(&seconds, &tm);
    else
        (void)gmtime_r(&seconds, &tm);
    char text[64];
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &tm);
    (void)snprintf(text + size, sizeof text - size, ".%03u", (unsigned)(now_ns / 1000000u % 1000u));
    memcpy(out, text, STAMP_SIZE);
    out[STAMP_SIZE] = '\0';
}

static bool is_stamp(const char *text)
{
    static const char shape[STAMP_SIZE + 1] = "dddd-dd-ddTdd-dd-dd.ddd";
    for (size_t i = 0; i < STAMP_SIZE; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return false;
    return true;
}

/* Whether the folder entry is one of ours; its stamp sorts by age. */
static bool is_rotated(const struct pieces *pieces, const char *name)
{
    size_t extension = strlen(pieces->extension);
    size_t stem = (size_t)pieces->stem_size;
    return strlen(name) == stem + 1 + STAMP_SIZE + extension &&
           strncmp(name, pieces->stem, stem) == 0 && name[stem] == '-' &&
           is_stamp(name + stem + 1) &&
           strcmp(name + stem + 1 + STAMP_SIZE, pieces->extension) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the rotated files, oldest first. */
static char **list_rotated(const char *folder, const struct pieces *pieces, size_t *ret_count)
{
    DIR *dir = opendir(folder);
    char **names = NULL;
    size_t count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (!is_rotated(pieces, entry->d_name) || count == MAX_LISTED)
            continue;
        char **more = sl_realloc(names, (count + 1) * sizeof *names);
        char *copy = more != NULL ? sl_strndup(entry->d_name, strlen(entry->d_name)) : NULL;
        names = more != NULL ? more : names;
        if (copy == NULL)
            break;
        names[count++] = copy;
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    *ret_count = count;
    return names;
}

static void prune(const struct output_options *options, const struct pieces *pieces,
                  uint64_t now_ns)
{
    char folder[PATH_MAX], path[PATH_MAX + 512], oldest[STAMP_SIZE + 1] = "";
    (void)snprintf(folder, sizeof folder, "%.*s", pieces->folder_size, options->path);
    size_t count;
    char **names = list_rotated(folder[0] != '\0' ? folder : ".", pieces, &count);
    uint64_t age_ns = (uint64_t)options->max_age_days * 86400u * 1000000000u;
    if (options->max_age_days > 0 && age_ns < now_ns)
        write_stamp(oldest, now_ns - age_ns, options->localtime);
    for (size_t i = 0; i < count; i++) {
        const char *stamp = names[i] + pieces->stem_size + 1;
        bool surplus = options->max_backups > 0 && count - i > (size_t)options->max_backups;
        if (surplus || strncmp(stamp, oldest, STAMP_SIZE) < 0) {
            (void)snprintf(path, sizeof path, "%s%s", folder, names[i]);
            (void)unlink(path);
        }
        sl_free(names[i]);
    }
    sl_free(names);
}

int rotate_file(const struct output_options *options, uint64_t now_ns, struct sl_error *reterr)
{
    struct pieces pieces = cut_path(options->path);
    char path[PATH_MAX], stamp[STAMP_SIZE + 1];
    /* Two rotations within a millisecond get names of their own. */
    for (unsigned tries = 0;; tries++) {
        write_stamp(stamp, now_ns + tries * 1000000u, options->localtime);
        int size = snprintf(path, sizeof path, "%.*s%.*s-%s%s", pieces.folder_size, options->path,
                            pieces.stem_size, pieces.stem, stamp, pieces.extension);
        if (size < 0 || (size_t)size >= sizeof path)
            return sl_fail(reterr, SL_EINVALID, "path is too long");
        if (access(path, F_OK) != 0 || tries == 1000)
            break;
    }
    if (rename(options->path, path) != 0 && errno != ENOENT)
        return sl_fail(reterr, SL_EIO, "cannot rename %s: %s", options->path, strerror(errno));
    prune(options, &pieces, now_ns);
    return SL_OK;
}
