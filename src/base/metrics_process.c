/* metrics_process.c - see metrics_process.h. */
#include "base/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"

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

static void
put_metric(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type,
               name);
}

static void
write_cpu(struct buf *b)
{
    struct rusage use;
    int64_t us;

    if (getrusage(RUSAGE_SELF, &use) != 0)
        return;
    us = ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
         use.ru_utime.tv_usec + use.ru_stime.tv_usec;
    put_metric(b, "process_cpu_seconds_total", "counter",
               "Processor time of the process, user and system.");
    buf_printf(b, "%" PRId64 ".%06" PRId64 "\n", us / 1000000, us % 1000000);
}

static void
write_memory(struct buf *b)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size, resident;
    char text[256];
    struct str s = read_file("/proc/self/statm", text, sizeof(text));

    if (!get_field(s, 0, &size) || !get_field(s, 1, &resident))
        return;
    put_metric(b, "process_virtual_memory_bytes", "gauge",
               "Address space of the process.");
    buf_printf(b, "%" PRIu64 "\n", size * page);
    put_metric(b, "process_resident_memory_bytes", "gauge",
               "Memory of the process that is in RAM.");
    buf_printf(b, "%" PRIu64 "\n", resident * page);
}

static void
write_descriptors(struct buf *b)
{
    DIR *d = opendir("/proc/self/fd");
    struct rlimit limit;
    int n = -3; /* ".", ".." and the directory itself */

    if (d) {
        while (readdir(d))
            n++;
        closedir(d);
        put_metric(b, "process_open_fds", "gauge", "Open descriptors.");
        buf_printf(b, "%d\n", n);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        put_metric(b, "process_max_fds", "gauge",
                   "Descriptors that may be open.");
        buf_printf(b, "%" PRIu64 "\n", (uint64_t)limit.rlim_cur);
    }
}

/* Ticks from boot to start are in /proc/self/stat, behind a name in brackets
 * that may hold anything; the time of boot is in /proc/stat. */
static void
write_start(struct buf *b)
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
    put_metric(b, "process_start_time_seconds", "gauge",
               "When the process began, in seconds since 1970.");
    buf_printf(b, "%" PRIu64 ".%02" PRIu64 "\n", boot + ticks / hz,
               ticks % hz * 100 / hz);
}

void
metrics_process_write(struct buf *out)
{
    write_cpu(out);
    write_memory(out);
    write_descriptors(out);
    write_start(out);
}
