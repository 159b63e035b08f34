/* smtp_sink.c - the other end of mail: takes every one with 250.
 *
 *   smtp_sink [-w] [-n COUNT] [-s FILE]
 *
 * The first line out tells the port. Then, when COUNT mails have come,
 * {"n":...,"sessions":...,"first_us":...,"last_us":...}. FILE gets the first
 * mail as it came, with its dots. -w: nobody is greeted before a line on stdin,
 * so that a backlog can be built up first; the times count from then. Commands
 * may come many at once (PIPELINING). Ends when stdin is closed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

#define CONNS_MAX 4096
#define END "\r\n.\r\n"

struct conn {
    int fd;
    struct tool_inbox in;
    size_t looked; /* bytes of a mail that hold no end */
    bool is_data;
};

static struct {
    int epoll, listener, port;
    int64_t count;
    const char *save;
    bool is_waiting;
    struct conn *ungreeted[CONNS_MAX];
    size_t n_ungreeted;
    int64_t n, n_sessions, first_us;
} sink;

static void
say(struct conn *c, const char *line)
{
    /* The peer may have given up; recv() will tell. */
    (void)!send(c->fd, line, strlen(line), MSG_NOSIGNAL);
}

static void
greet(struct conn *c)
{
    sink.n_sessions++;
    say(c, "220 sink ESMTP\r\n");
}

static void
count_mail(const struct conn *c, size_t n)
{
    int64_t now_us = tool_now_us();

    if (sink.n++ == 0) {
        if (sink.first_us == 0)
            sink.first_us = now_us;
        if (sink.save)
            tool_write_file(sink.save, c->in.p, n);
    }
    if (sink.n == sink.count)
        printf("{\"n\":%lld,\"sessions\":%lld,\"first_us\":%lld,"
               "\"last_us\":%lld}\n",
               (long long)sink.n, (long long)sink.n_sessions,
               (long long)sink.first_us, (long long)now_us);
}

/* False: its end has not come. */
static bool
take_mail(struct conn *c)
{
    const size_t n_end = sizeof(END) - 1;
    const char *end;
    size_t n;

    if (c->in.n < n_end)
        return false;
    end = memmem(c->in.p + c->looked, c->in.n - c->looked, END, n_end);
    if (!end) {
        c->looked = c->in.n - n_end + 1;
        return false;
    }
    n = (size_t)(end - c->in.p) + n_end;
    count_mail(c, n);
    tool_drop(&c->in, n);
    c->looked = 0;
    c->is_data = false;
    say(c, "250 2.0.0 Ok: queued as 1\r\n");
    return true;
}

static void
obey(struct conn *c, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        say(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
               "250 SIZE 100000000\r\n");
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        c->is_data = true;
        say(c, "354 go ahead\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        say(c, "221 2.0.0 bye\r\n");
    } else {
        say(c, "250 2.0.0 ok\r\n");
    }
}

/* False: the line has not come whole. */
static bool
take_line(struct conn *c)
{
    const char *end = c->in.n > 0 ? memchr(c->in.p, '\n', c->in.n) : NULL;

    if (!end)
        return false;
    obey(c, c->in.p);
    tool_drop(&c->in, (size_t)(end - c->in.p) + 1);
    return true;
}

static void
forget(struct conn *c)
{
    for (size_t i = 0; i < sink.n_ungreeted; i++)
        if (sink.ungreeted[i] == c)
            sink.ungreeted[i] = sink.ungreeted[--sink.n_ungreeted];
    close(c->fd);
    free(c->in.p);
    free(c);
}

static void
hear(struct conn *c)
{
    int e = tool_read(c->fd, &c->in);

    while (c->is_data ? take_mail(c) : take_line(c))
        ;
    if (e != 0)
        forget(c);
}

/* False: stdin was closed. */
static bool
hear_harness(void)
{
    char line[16];

    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    sink.is_waiting = false;
    sink.first_us = tool_now_us();
    while (sink.n_ungreeted > 0)
        greet(sink.ungreeted[--sink.n_ungreeted]);
    return true;
}

static void
welcome(void)
{
    int fd;

    while ((fd = tool_accept(sink.listener)) >= 0) {
        struct conn *c = xcalloc(1, sizeof(*c));

        c->fd = fd;
        tool_watch(sink.epoll, fd, EPOLLIN, c);
        if (!sink.is_waiting)
            greet(c);
        else if (sink.n_ungreeted < CONNS_MAX)
            sink.ungreeted[sink.n_ungreeted++] = c;
        else
            fatal("too many sessions");
    }
}

static bool
serve(void)
{
    struct epoll_event events[64];
    int n = epoll_wait(sink.epoll, events, 64, -1);

    for (int i = 0; i < n; i++) {
        if (!events[i].data.ptr && !hear_harness())
            return false;
        if (events[i].data.ptr == &sink)
            welcome();
        else if (events[i].data.ptr)
            hear(events[i].data.ptr);
    }
    return true;
}

static void
read_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "wn:s:")) != -1) {
        switch (o) {
        case 'w':
            sink.is_waiting = true;
            break;
        case 'n':
            sink.count = tool_number(optarg, 1, INT64_MAX);
            break;
        case 's':
            sink.save = optarg;
            break;
        default:
            fatal("see the head of smtp_sink.c");
        }
    }
}

int
main(int argc, char **argv)
{
    read_options(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    sink.listener = tool_listen(&sink.port);
    tool_watch(sink.epoll, sink.listener, EPOLLIN, &sink);
    tool_watch(sink.epoll, STDIN_FILENO, EPOLLIN, NULL);
    printf("{\"port\":%d}\n", sink.port);
    while (serve())
        ;
    return 0;
}
