/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SL_EXPORTERS_FILE_OUTPUT_H
#define SL_EXPORTERS_FILE_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/bytes.h"
#include "core/error.h"

/*
 * A file that is written in whole messages, rotated by size and kept free of
 * torn ones: what a failed write left behind is cut off again.
 */
struct output_options {
    const char *path;
    bool append, lines; /* lines: messages end with a line break */
    bool create_directory;
    int directory_mode;
    int64_t max_bytes;                 /* rotate before a file grows beyond; 0: no rotation */
    int64_t max_age_days, max_backups; /* of rotated files; 0: kept */
    bool localtime;
};

struct output {
    const struct output_options *options;
    int fd; /* -1: not open */
    int64_t size;
    bool torn; /* half a message stands behind size and could not be cut off */
    dev_t device;
    ino_t inode;
};

/* Opens (without append: truncates). SL_EIO with the reason. */
int output_open(struct output *output, const struct output_options *options,
                struct sl_error *reterr);
/* Writes one message whole or not at all; rotates first when it is time. now_ns:
 * wall clock, for the rotated file's name. SL_EIO with the reason. */
int output_write(struct output *output, struct sl_bytes message, uint64_t now_ns,
                 struct sl_error *reterr);
/* Reopens when the path no longer names the open file (moved or deleted by others). */
int output_follow(struct output *output, struct sl_error *reterr);
void output_close(struct output *output);

#endif
