/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine gives this process: memory and cores, as the cgroup (version 2,
 * or 1) limits them. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/plan_internal.h"

enum { PATH_SIZE = 4096, TEXT_SIZE = 256 };

/* The first line of a file in /sys or /proc; false: there is none. */
static bool read_line(const char *path, char *text, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(text, size, file) != NULL;
    fclose(file);
    return read;
}

/* The process's own group in version 2, "" at the root. */
static bool own_group(char path[PATH_SIZE])
{
    char line[PATH_SIZE];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            memmove(path, line + 3, strlen(line + 3) + 1);
            found = true;
        }
    if (file != NULL)
        fclose(file);
    return found;
}

/* Every group above this one limits it too: the least of them holds. */
static size_t version2_memory(void)
{
    char group[PATH_SIZE] = "", path[2 * PATH_SIZE], text[TEXT_SIZE];
    size_t least = SIZE_MAX;
    if (!own_group(group))
        return least;
    for (;;) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        if (read_line(path, text, sizeof text) && text[0] >= '0' && text[0] <= '9') {
            unsigned long long limit = strtoull(text, NULL, 10);
            least = limit < least ? (size_t)limit : least;
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = '\0';
    }
}

size_t sl_available_memory(void)
{
    char text[TEXT_SIZE];
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t least = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
    size_t limit = version2_memory();
    if (read_line("/sys/fs/cgroup/memory/memory.limit_in_bytes", text, sizeof text)) {
        unsigned long long version1 = strtoull(text, NULL, 10);
        if (version1 > 0 && version1 < limit)
            limit = (size_t)version1;
    }
    least = limit < least ? limit : least;
    return least == SIZE_MAX ? 0 : least;
}

static unsigned quota_cores(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

unsigned sl_available_cores(void)
{
    char group[PATH_SIZE] = "", path[2 * PATH_SIZE], text[TEXT_SIZE], period[TEXT_SIZE];
    cpu_set_t set;
    unsigned cores = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        cores = (unsigned)CPU_COUNT(&set);

    unsigned quota = 0;
    bool version2 = own_group(group);
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (version2 && read_line(path, text, sizeof text)) {
        long long allowed = 0, each = 0;
        if (sscanf(text, "%lld %lld", &allowed, &each) == 2)
            quota = quota_cores(allowed, each);
    } else if (read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text, sizeof text) &&
               read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period)) {
        quota = quota_cores(strtoll(text, NULL, 10), strtoll(period, NULL, 10));
    }
    return quota > 0 && quota < cores ? quota : cores;
}
