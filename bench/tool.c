/* tool.c - see tool.h. */
#include "tool.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

#define US INT64_C(1000000)

int64_t
tool_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * US + t.tv_nsec / 1000;
}

int64_t
tool_cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US +
           u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

struct tool_times
tool_times(void)
{
    return (struct tool_times){tool_now_us(), tool_cpu_us()};
}

void
tool_report_cycles(const char *what, int64_t n, struct tool_times began)
{
    const struct tool_times now = tool_times();

    printf("{\"what\":\"%s\",\"cycles\":%lld,\"took_us\":%lld,"
           "\"cpu_us\":%lld}\n",
           what, (long long)n, (long long)(now.at_us - began.at_us),
           (long long)(now.cpu_us - began.cpu_us));
}

int64_t
tool_number(const char *text, int64_t min, int64_t max)
{
    int64_t v = 0;

    if (!str_to_i64(str_from(text), &v) || v < min || v > max)
        fatal("%s is not a number from %lld to %lld", text, (long long)min,
              (long long)max);
    return v;
}

struct tool_bytes
tool_read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct tool_bytes b = {0};
    long size;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
        fatal("cannot read %s: %s", path, strerror(errno));
    rewind(f);
    b.n = (size_t)size;
    b.p = xmalloc(b.n + 1);
    if (fread(b.p, 1, b.n, f) != b.n)
        fatal("cannot read %s: %s", path, strerror(errno));
    b.p[b.n] = '\0';
    fclose(f);
    return b;
}

struct str
tool_document(const char *path)
{
    struct tool_bytes b;

    if (!path)
        return STR(
            "{\"to\":1,\"title\":\"Your order is on its way\",\"body\":"
            "\"It left our warehouse this morning and should be with you "
            "tomorrow.\",\"data\":{\"order\":\"A-100234\"}}");
    b = tool_read_file(path);
    return (struct str){b.p, b.n};
}

void
tool_write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        fatal("cannot write %s: %s", path, strerror(errno));
}

/* ---- sockets ---- */

void
tool_raise_nofile(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static struct sockaddr_in
loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void
set_up(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

int
tool_connect(int port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        fatal("cannot connect to port %d: %s", port, strerror(errno));
    set_up(fd);
    return fd;
}

int
tool_listen(int *ret_port)
{
    struct sockaddr_in a = loopback(0);
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 ||
        listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        fatal("cannot listen: %s", strerror(errno));
    *ret_port = ntohs(a.sin_port);
    return fd;
}

int
tool_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        set_up(fd);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        fatal("cannot accept: %s", strerror(errno));
    return fd;
}

void
tool_watch(int epoll, int fd, uint32_t events, void *what)
{
    struct epoll_event e = {.events = events, .data.ptr = what};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
        fatal("cannot watch: %s", strerror(errno));
}

void
tool_send(int fd, const char *p, size_t n)
{
    ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

    if (sent < 0 || (size_t)sent != n)
        fatal("cannot send %zu bytes: %s", n,
              sent < 0 ? strerror(errno) : "no room");
}

/* ---- messages ---- */

int
tool_read(int fd, struct tool_inbox *in)
{
    for (;;) {
        ssize_t n;

        if (in->size - in->n < 16384) {
            in->size = in->size ? in->size * 2 : 32768;
            in->p = xrealloc(in->p, in->size);
        }
        n = recv(fd, in->p + in->n, in->size - in->n, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return -1;
        if (n < 0)
            return 0;
        in->n += (size_t)n;
        if (in->n < in->size)
            return 0;
    }
}

static size_t
body_size(const char *p, const char *end)
{
    static const char name[] = "content-length:";
    const size_t n_name = sizeof(name) - 1;

    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        size_t n = 0;

        if ((size_t)(end - ++p) < n_name || strncasecmp(p, name, n_name) != 0)
            continue;
        for (p += n_name; p < end && *p == ' '; p++)
            ;
        for (; p < end && isdigit((unsigned char)*p); p++)
            n = n * 10 + (size_t)(*p - '0');
        return n;
    }
    return 0;
}

size_t
tool_message_size(const struct tool_inbox *in, size_t *ret_head)
{
    const char *end = in->n ? memmem(in->p, in->n, "\r\n\r\n", 4) : NULL;
    size_t head, all;

    if (!end)
        return 0;
    head = (size_t)(end - in->p) + 4;
    all = head + body_size(in->p, end + 2);
    if (ret_head)
        *ret_head = head;
    return all <= in->n ? all : 0;
}

void
tool_drop(struct tool_inbox *in, size_t n)
{
    in->n -= n;
    if (in->n > 0)
        memmove(in->p, in->p + n, in->n);
}

/* ---- marks ---- */

struct tool_mark
tool_mark(const char *text)
{
    struct tool_mark m = {text, strlen(text)};

    if (m.n == 0 || strchr(text + 1, text[0]))
        fatal("'%s' cannot be looked for", text);
    return m;
}

int
tool_mark_count(const struct tool_mark *m, size_t *at, const char *p, size_t n)
{
    int found = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == m->text[*at])
            (*at)++;
        else
            *at = p[i] == m->text[0];
        if (*at == m->n) {
            found++;
            *at = 0;
        }
    }
    return found;
}

/* ---- figures ---- */

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void
tool_sort(int64_t *v, size_t n)
{
    qsort(v, n, sizeof(*v), compare);
}

int64_t
tool_quantile(const int64_t *sorted, size_t n, int per_mille)
{
    size_t i = n * (size_t)per_mille / 1000;

    return n == 0 ? 0 : sorted[i < n ? i : n - 1];
}
