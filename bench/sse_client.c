/* sse_client.c - many readers of one stream.
 *
 *   sse_client -p PORT -r FILE -m MARK [-c CONNECTIONS] [-s FILE]
 *
 * Opens them, PACE at a time, and says {"open":...,"took_us":...} when each
 * has had its first frame. Then, each time that all of them have read MARK once
 * more: {"n":...,"first_us":...,"last_us":...}. The second file gets the first
 * chunk that held the mark. Ends when stdin is closed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

#define PACE 64

struct reader {
    int fd;
    bool is_accepted, is_open;
    size_t at_head, at_mark;
    int n_marks;
};

static struct {
    int port, n, epoll;
    struct tool_bytes request;
    struct tool_mark head, mark;
    const char *save;
    struct reader *readers;
    int n_begun, n_open;
    int64_t began_us;
    int round, n_in_round; /* readers that are done with this one */
    int64_t first_us;
} client = {.n = 1};

static void
begin_some(void)
{
    while (client.n_begun < client.n && client.n_begun - client.n_open < PACE) {
        struct reader *r = &client.readers[client.n_begun++];

        r->fd = tool_connect(client.port);
        tool_watch(client.epoll, r->fd, EPOLLIN, r);
        tool_send(r->fd, client.request.p, client.request.n);
    }
}

static void
note_open(struct reader *r, const char *p, size_t n)
{
    if (!r->is_accepted && memcmp(p, "HTTP/1.1 200", n < 12 ? n : 12) != 0)
        fatal("refused: %.*s", (int)(n < 300 ? n : 300), p);
    r->is_accepted = true;
    if (tool_mark_count(&client.head, &r->at_head, p, n) == 0)
        return;
    r->is_open = true;
    if (++client.n_open == client.n)
        printf("{\"open\":%d,\"took_us\":%lld}\n", client.n,
               (long long)(tool_now_us() - client.began_us));
}

static void
note_mark(struct reader *r, const char *p, size_t n)
{
    int64_t now_us = tool_now_us();

    if (client.save) {
        tool_write_file(client.save, p, n);
        client.save = NULL;
    }
    if (r->n_marks++ != client.round)
        fatal("a reader had the next event before all had this one");
    if (client.n_in_round++ == 0)
        client.first_us = now_us;
    if (client.n_in_round < client.n)
        return;
    printf("{\"n\":%d,\"first_us\":%lld,\"last_us\":%lld}\n", client.n,
           (long long)client.first_us, (long long)now_us);
    client.round++;
    client.n_in_round = 0;
}

static void
hear(struct reader *r)
{
    char p[4096];
    ssize_t n = recv(r->fd, p, sizeof(p), 0);

    if (n == 0)
        fatal("the server closed a stream");
    if (n < 0)
        return;
    if (!r->is_open)
        note_open(r, p, (size_t)n);
    if (tool_mark_count(&client.mark, &r->at_mark, p, (size_t)n) > 0)
        note_mark(r, p, (size_t)n);
}

static void
read_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "p:r:m:c:s:")) != -1) {
        switch (o) {
        case 'p':
            client.port = (int)tool_number(optarg, 1, 65535);
            break;
        case 'r':
            client.request = tool_read_file(optarg);
            break;
        case 'm':
            client.mark = tool_mark(optarg);
            break;
        case 'c':
            client.n = (int)tool_number(optarg, 1, 1000000);
            break;
        case 's':
            client.save = optarg;
            break;
        default:
            fatal("see the head of sse_client.c");
        }
    }
    if (client.port == 0 || !client.request.p || !client.mark.text)
        fatal("-p PORT, -r FILE and -m MARK are needed");
}

int
main(int argc, char **argv)
{
    struct epoll_event events[256];

    read_options(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    tool_raise_nofile();
    client.head = tool_mark("hello");
    client.readers = xcalloc((size_t)client.n, sizeof(*client.readers));
    client.epoll = epoll_create1(EPOLL_CLOEXEC);
    tool_watch(client.epoll, STDIN_FILENO, EPOLLIN, NULL);
    client.began_us = tool_now_us();
    for (;;) {
        int n;

        begin_some();
        n = epoll_wait(client.epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return 0;
            hear(events[i].data.ptr);
        }
    }
}
