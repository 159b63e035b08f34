/* metrics_process.c - see metrics_process.h. */
#include "base/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/str.h"

/* The start of a small file; what /proc says fits by far. */
static struct str
read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return STR_NONE;
    n = read(fd, text, size);
    close(fd);
    return n > 0 ? (struct str){text, (size_t)n} : STR_NONE;
}

/* The number in field `at`, counted from 0, of words between blanks. */
static bool
get_field(struct str s, int at, uint64_t *ret)
{
    struct str word;

    do {
        if (!str_split(&s, ' ', &word))
            return false;
    } while (at-- > 0);
    return str_to_u64(word, ret);
}

const struct process_row process_rows[PROCESS_COUNT] = {
    [PROCESS_CPU] = {"process_cpu_seconds_total", "counter",
                     "Processor time of the process, user and system."},
    [PROCESS_VIRTUAL] = {"process_virtual_memory_bytes", "gauge",
                         "Address space of the process."},
    [PROCESS_RESIDENT] = {"process_resident_memory_bytes", "gauge",
                          "Memory of the process that is in RAM."},
    [PROCESS_OPEN_FDS] = {"process_open_fds", "gauge", "Open descriptors."},
    [PROCESS_MAX_FDS] = {"process_max_fds", "gauge",
                         "Descriptors that may be open."},
    [PROCESS_START] = {"process_start_time_seconds", "gauge",
                       "When the process began, in seconds since 1970."},
};

static void
put(char *text, uint64_t v)
{
    snprintf(text, PROCESS_VALUE_MAX, "%" PRIu64, v);
}

static void
read_cpu(char *text)
{
    struct rusage use;
    int64_t us;

    if (getrusage(RUSAGE_SELF, &use) != 0)
        return;
    us = ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
         use.ru_utime.tv_usec + use.ru_stime.tv_usec;
    snprintf(text, PROCESS_VALUE_MAX, "%" PRId64 ".%06" PRId64, us / 1000000,
             us % 1000000);
}

static void
read_memory(char *all, char *in_ram)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size, resident;
    char text[256];
    struct str s = read_file("/proc/self/statm", text, sizeof(text));

    if (!get_field(s, 0, &size) || !get_field(s, 1, &resident))
        return;
    put(all, size * page);
    put(in_ram, resident * page);
}

static void
read_descriptors(char *open, char *most)
{
    DIR *d = opendir("/proc/self/fd");
    struct rlimit limit;
    uint64_t n = 0;

    while (d && readdir(d))
        n++;
    if (d) {
        closedir(d);
        put(open, n - 3); /* ".", ".." and the directory itself */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(most, (uint64_t)limit.rlim_cur);
}

/* Ticks from boot to start are in /proc/self/stat, behind a name in brackets
 * that may hold anything; the time of boot is in /proc/stat. */
static void
read_start(char *value)
{
    static const char key[] = "\nbtime ";
    uint64_t ticks, boot, hz = (uint64_t)sysconf(_SC_CLK_TCK);
    char text[32768];
    struct str s = read_file("/proc/self/stat", text, sizeof(text)), line;
    const char *at = s.n > 0 ? memrchr(s.p, ')', s.n) : NULL;

    /* The state, field 3 of the manual, is word 1 after the bracket. */
    if (!at ||
        !get_field((struct str){at, s.n - (size_t)(at - s.p)}, 20, &ticks))
        return;
    s = read_file("/proc/stat", text, sizeof(text));
    at = s.n > 0 ? memmem(s.p, s.n, key, sizeof(key) - 1) : NULL;
    if (!at)
        return;
    at += sizeof(key) - 1;
    s = (struct str){at, s.n - (size_t)(at - s.p)};
    if (!str_split(&s, '\n', &line) || !str_to_u64(line, &boot))
        return;
    snprintf(value, PROCESS_VALUE_MAX, "%" PRIu64 ".%02" PRIu64,
             boot + ticks / hz, ticks % hz * 100 / hz);
}

void
metrics_process_read(char values[static PROCESS_COUNT][PROCESS_VALUE_MAX])
{
    memset(values, 0, PROCESS_COUNT * sizeof(*values));
    read_cpu(values[PROCESS_CPU]);
    read_memory(values[PROCESS_VIRTUAL], values[PROCESS_RESIDENT]);
    read_descriptors(values[PROCESS_OPEN_FDS], values[PROCESS_MAX_FDS]);
    read_start(values[PROCESS_START]);
}
