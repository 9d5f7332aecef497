/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a program several times and measures the time from fork to a port that
 * accepts, and what it occupies then: bench_start TIMES PORT PROGRAM [ARGUMENT]...
 * Prints one line of NAME=VALUE.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 100, POLL_NS = 50000, IDLE_NS = 300000000, GIVE_UP_MS = 10000 };

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void pause_ns(long ns)
{
    struct timespec time = {0, ns};
    (void)nanosleep(&time, NULL);
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_start: %s\n", what);
    exit(1);
}

static int accepts(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    (void)close(fd);
    return rc == 0;
}

static pid_t start(char **argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static long read_kib(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && value < 0 && fgets(line, sizeof line, file) != NULL) {
        size_t size = strcspn(line, ":");
        line[size] = '\0';
        if (strcmp(line, name) == 0)
            value = strtol(line + size + 1, NULL, 10);
    }
    if (file != NULL)
        (void)fclose(file);
    return value;
}

/* One start; *ret_kib is what it occupies after a moment. */
static double measure(char **argv, unsigned port, long *ret_kib, long *ret_anonymous_kib)
{
    int status = 0;
    double began = now_ms(), took = 0;
    pid_t pid = start(argv);
    if (pid < 0)
        fail("cannot fork");
    while (!accepts(port)) {
        if (now_ms() - began > GIVE_UP_MS || waitpid(pid, &status, WNOHANG) != 0)
            fail("the program does not accept connections");
        pause_ns(POLL_NS);
    }
    took = now_ms() - began;
    pause_ns(IDLE_NS);
    *ret_kib = read_kib(pid, "VmRSS");
    *ret_anonymous_kib = read_kib(pid, "RssAnon");
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("the program did not end well");
    return took;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    double times[MOST];
    long kib = -1, anonymous_kib = -1;
    int count = argc > 3 ? atoi(argv[1]) : 0;
    if (count < 1 || count > MOST) {
        fputs("usage: bench_start TIMES PORT PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    unsigned port = (unsigned)strtoul(argv[2], NULL, 10);
    if (accepts(port))
        fail("the port is in use");
    for (int i = 0; i < count; i++)
        times[i] = measure(argv + 3, port, &kib, &anonymous_kib);
    if (kib < 0)
        fail("no VmRSS in /proc");
    qsort(times, (size_t)count, sizeof times[0], ascending);
    printf("median_ms=%.1f least_ms=%.1f most_ms=%.1f rss_kib=%ld anonymous_kib=%ld\n",
           times[count / 2], times[0], times[count - 1], kib, anonymous_kib);
    return 0;
}
