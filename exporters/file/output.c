/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and writing the file; rotation is in rotate.c. */
#include "exporters/file/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporters/file/rotate.h"

/* Makes the folders above the path. */
static int make_folders(const struct output_options *options, struct sl_error *reterr)
{
    char path[PATH_MAX];
    size_t length = strlen(options->path);
    if (length >= sizeof path)
        return sl_fail(reterr, SL_EINVALID, "path is too long");
    memcpy(path, options->path, length + 1);
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, (mode_t)options->directory_mode) != 0 && errno != EEXIST)
            return sl_fail(reterr, SL_EIO, "cannot make the folder %s: %s", path, strerror(errno));
        *at = '/';
    }
    return SL_OK;
}

/* A crash of an earlier process may have left half a line: end it, so that the
 * next one is whole. */
static int end_torn_line(struct output *output)
{
    char last = '\n';
    if (!output->options->lines || output->size == 0)
        return SL_OK;
    if (pread(output->fd, &last, 1, output->size - 1) != 1)
        return SL_EIO;
    if (last == '\n')
        return SL_OK;
    if (pwrite(output->fd, "\n", 1, output->size) != 1)
        return SL_EIO;
    output->size++;
    return SL_OK;
}

static int open_file(struct output *output, bool append, struct sl_error *reterr)
{
    const char *path = output->options->path;
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | (append ? 0 : O_TRUNC);
    struct stat info;
    output->fd = open(path, flags, 0600);
    if (output->fd < 0)
        return sl_fail(reterr, SL_EIO, "cannot open %s: %s", path, strerror(errno));
    if (fstat(output->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        output_close(output);
        return sl_fail(reterr, SL_EIO, "%s is not a regular file", path);
    }
    output->size = info.st_size;
    output->torn = false;
    output->device = info.st_dev;
    output->inode = info.st_ino;
    if (end_torn_line(output) != SL_OK) {
        output_close(output);
        return sl_fail(reterr, SL_EIO, "cannot write %s: %s", path, strerror(errno));
    }
    return SL_OK;
}

int output_open(struct output *output, const struct output_options *options,
                struct sl_error *reterr)
{
    *output = (struct output){.options = options, .fd = -1};
    if (options->create_directory) {
        int rc = make_folders(options, reterr);
        if (rc != SL_OK)
            return rc;
    }
    return open_file(output, options->append, reterr);
}

void output_close(struct output *output)
{
    if (output->fd >= 0)
        (void)close(output->fd);
    output->fd = -1;
}

int output_follow(struct output *output, struct sl_error *reterr)
{
    struct stat info;
    if (output->fd >= 0 && stat(output->options->path, &info) == 0 &&
        info.st_dev == output->device && info.st_ino == output->inode)
        return SL_OK;
    output_close(output);
    return open_file(output, true, reterr);
}

static bool must_rotate(const struct output *output, size_t more)
{
    int64_t most = output->options->max_bytes;
    return most != 0 && output->size > 0 && output->size + (int64_t)more > most;
}

/* Cuts off what a failed write left behind. */
static int cut_back(struct output *output)
{
    int rc;
    do
        rc = ftruncate(output->fd, output->size);
    while (rc != 0 && errno == EINTR);
    output->torn = rc != 0;
    return rc == 0 ? SL_OK : SL_EIO;
}

/* Whoever else writes the file moves its end: it was cut in place (logrotate's
 * copytruncate) or grew. Behind half a message that could not be cut off, lines
 * go on after a line break; framed messages would be unreadable. */
static int find_end(struct output *output)
{
    struct stat info;
    if (output->torn && cut_back(output) != SL_OK && !output->options->lines)
        return SL_EIO;
    if (fstat(output->fd, &info) != 0)
        return SL_EIO;
    if (info.st_size == output->size)
        return SL_OK;
    output->size = info.st_size;
    output->torn = false;
    return end_torn_line(output);
}

/* Writes all, or cuts the file back to where it was. */
static int write_all(struct output *output, struct sl_bytes message)
{
    size_t done = 0;
    while (done < message.size) {
        ssize_t put = pwrite(output->fd, message.data + done, message.size - done,
                             output->size + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int reason = errno;
            (void)cut_back(output);
            errno = put == 0 ? ENOSPC : reason;
            return SL_EIO;
        }
        done += (size_t)put;
    }
    output->size += (int64_t)message.size;
    return SL_OK;
}

int output_write(struct output *output, struct sl_bytes message, uint64_t now_ns,
                 struct sl_error *reterr)
{
    const char *path = output->options->path;
    int rc = output->fd < 0 ? open_file(output, true, reterr) : SL_OK;
    if (rc == SL_OK && find_end(output) != SL_OK)
        return sl_fail(reterr, SL_EIO, "cannot write %s: %s", path, strerror(errno));
    if (rc == SL_OK && must_rotate(output, message.size)) {
        output_close(output);
        rc = rotate_file(output->options, now_ns, reterr);
        if (rc == SL_OK)
            rc = open_file(output, true, reterr);
    }
    if (rc == SL_OK && write_all(output, message) != SL_OK)
        rc = sl_fail(reterr, SL_EIO, "cannot write %s: %s", path, strerror(errno));
    return rc;
}
