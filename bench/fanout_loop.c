/* fanout_loop.c - what the kernel can do: one frame to all by write().
 *
 *   fanout_loop -r FILE
 *
 * Takes whoever connects and asks as a reader of a stream. For each line on
 * stdin, FILE goes to all of them and {"n":...,"began_us":...,"ended_us":...,
 * "cpu_us":...} to stdout. The first line out tells the port. Ends when stdin
 * is closed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

static const char greeting[] = "HTTP/1.1 200 OK\r\n"
                               "Content-Type: text/event-stream\r\n\r\n"
                               "event: hello\n\n";

struct reader {
    int fd;
};

static struct {
    int epoll, listener;
    struct tool_bytes frame;
    struct reader *readers[100000];
    size_t n;
} fan;

static void
welcome(void)
{
    int fd;

    while ((fd = tool_accept(fan.listener)) >= 0) {
        struct reader *r = xcalloc(1, sizeof(*r));

        if (fan.n == sizeof(fan.readers) / sizeof(fan.readers[0]))
            fatal("too many readers");
        r->fd = fd;
        fan.readers[fan.n++] = r;
        tool_watch(fan.epoll, fd, EPOLLIN, r);
    }
}

static void
greet(struct reader *r)
{
    char request[4096];

    if (recv(r->fd, request, sizeof(request), 0) == 0) {
        epoll_ctl(fan.epoll, EPOLL_CTL_DEL, r->fd, NULL);
        return;
    }
    tool_send(r->fd, greeting, sizeof(greeting) - 1);
}

/* False: stdin was closed. */
static bool
write_all(void)
{
    char line[16];
    int64_t began_us = tool_now_us(), cpu_us = tool_cpu_us();

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    for (size_t i = 0; i < fan.n; i++)
        if (write(fan.readers[i]->fd, fan.frame.p, fan.frame.n) < 0)
            fatal("a reader was lost");
    printf("{\"n\":%zu,\"began_us\":%lld,\"ended_us\":%lld,\"cpu_us\":%lld}\n",
           fan.n, (long long)began_us, (long long)tool_now_us(),
           (long long)(tool_cpu_us() - cpu_us));
    return true;
}

static bool
serve(void)
{
    struct epoll_event events[256];
    int n = epoll_wait(fan.epoll, events, 256, -1);

    for (int i = 0; i < n; i++) {
        if (!events[i].data.ptr && !write_all())
            return false;
        if (events[i].data.ptr == &fan)
            welcome();
        else if (events[i].data.ptr)
            greet(events[i].data.ptr);
    }
    return true;
}

int
main(int argc, char **argv)
{
    int port;

    if (argc != 3 || strcmp(argv[1], "-r") != 0)
        fatal("see the head of fanout_loop.c");
    setvbuf(stdout, NULL, _IOLBF, 0);
    tool_raise_nofile();
    fan.frame = tool_read_file(argv[2]);
    fan.epoll = epoll_create1(EPOLL_CLOEXEC);
    fan.listener = tool_listen(&port);
    tool_watch(fan.epoll, fan.listener, EPOLLIN, &fan);
    tool_watch(fan.epoll, STDIN_FILENO, EPOLLIN, NULL);
    printf("{\"port\":%d}\n", port);
    while (serve())
        ;
    return 0;
}
