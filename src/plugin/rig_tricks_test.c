/* rig_tricks_test.c - what the plugin of the tests does that none may do. */
#include "plugin/rig_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugin/child.h"
#include "plugin/wire.h"

/* A process that there cannot be: ESRCH, unless it is not asked for at all. */
#define NOBODYS (1 << 30)

int (*rig_bystander)(void);

static const char *
name_of(long result)
{
    return result != -1 ? "done" : errno == EPERM ? "refused" : strerror(errno);
}

static void *
map(int flags)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1,
                0);
}

static long
signal_to(pid_t pid)
{
    return syscall(SYS_tgkill, pid, pid, 0);
}

uint32_t
rig_look_around(struct belfry_step *s)
{
    char *text = s->host->alloc(s->host, 300);
    int n =
        snprintf(text, 300, "own memory %s", name_of((long)map(MAP_PRIVATE)));

    n += snprintf(text + n, 300 - (size_t)n, ", shared %s",
                  name_of((long)map(MAP_SHARED)));
    n += snprintf(text + n, 300 - (size_t)n, ", signal to itself %s",
                  name_of(signal_to(getpid())));
    n += snprintf(text + n, 300 - (size_t)n, ", to others %s",
                  name_of(signal_to(NOBODYS)));
    n += snprintf(text + n, 300 - (size_t)n, ", socket of a thread %s",
                  name_of(rig_bystander ? rig_bystander() : 0));
    s->verdict->verdict = BELFRY_VERDICT_REJECTED;
    s->verdict->detail = (struct belfry_str){text, (size_t)n};
    return BELFRY_DONE;
}

void
rig_log_by_itself(size_t n_lines)
{
    struct buf lines = {0};
    size_t done = 0;

    for (size_t i = 0; i < n_lines; i++) {
        size_t at = wire_begin(&lines, WIRE_LOG, 0);

        wire_put_str(&lines, STR("a line too many"));
        (void)wire_end(&lines, at);
    }
    while (done < lines.n) {
        ssize_t n = write(CHILD_SOCKET, lines.p + done, lines.n - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    buf_fini(&lines);
}
