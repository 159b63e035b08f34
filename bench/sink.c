/* sink.c - the other end of webhooks: answers every request with 200.
 *
 *   sink [-b BODY] [-d DELAY_MS] [-w] [-n COUNT] [-m MARK] [-s FILE]
 *
 * BODY, JSON, is in each answer. The first line out tells the port. Then: for
 * each request that holds MARK a line {"at_us":...}; when COUNT have come,
 * {"n":...,"first_us":...,"last_us":...}. FILE gets the first request as it
 * came, so that a bare loop can send the same bytes. -w: nobody is answered
 * before a line on stdin, so that a backlog can be built up first; the times
 * count from then. Ends when stdin is closed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

struct conn {
    int fd;
    struct tool_inbox in;
    int64_t due_us;    /* of the answer that is owed */
    struct conn *next; /* in the queue of those */
    bool is_owed, is_gone;
};

static struct {
    int epoll, listener, port;
    int64_t delay_us, count;
    const char *body, *mark, *save;
    char ok[1024];
    size_t n_ok;
    bool is_waiting;
    struct conn *first, **last; /* owed, in order: one delay for all */
    int64_t n, first_us;
} sink = {.body = ""};

static void
answer(struct conn *c)
{
    /* The peer may have given up; recv() will tell. */
    (void)!send(c->fd, sink.ok, sink.n_ok, MSG_NOSIGNAL);
}

static void
compose_answer(void)
{
    int n = snprintf(
        sink.ok, sizeof(sink.ok),
        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(sink.body),
        sink.body[0] ? "Content-Type: application/json\r\n" : "", sink.body);

    if (n < 0 || (size_t)n >= sizeof(sink.ok))
        fatal("that is too long an answer");
    sink.n_ok = (size_t)n;
}

static void
owe(struct conn *c, int64_t now_us)
{
    c->due_us = now_us + sink.delay_us;
    c->next = NULL;
    c->is_owed = true;
    *sink.last = c;
    sink.last = &c->next;
}

static void
take(struct conn *c, size_t n)
{
    int64_t now_us = tool_now_us();

    if (sink.n++ == 0) {
        if (!sink.is_waiting)
            sink.first_us = now_us;
        if (sink.save)
            tool_write_file(sink.save, c->in.p, n);
    }
    if (sink.mark && memmem(c->in.p, n, sink.mark, strlen(sink.mark)))
        printf("{\"at_us\":%lld}\n", (long long)now_us);
    if (sink.n == sink.count)
        printf("{\"n\":%lld,\"first_us\":%lld,\"last_us\":%lld}\n",
               (long long)sink.n, (long long)sink.first_us, (long long)now_us);
    tool_drop(&c->in, n);
    if (sink.delay_us > 0 || sink.is_waiting)
        owe(c, now_us);
    else
        answer(c);
}

static void
forget(struct conn *c)
{
    close(c->fd);
    free(c->in.p);
    free(c);
}

static void
hear(struct conn *c)
{
    int e = tool_read(c->fd, &c->in);
    size_t n;

    while ((n = tool_message_size(&c->in, NULL)) > 0)
        take(c, n);
    if (e == 0)
        return;
    if (!c->is_owed) {
        forget(c);
        return;
    }
    epoll_ctl(sink.epoll, EPOLL_CTL_DEL, c->fd, NULL);
    c->is_gone = true;
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
    return true;
}

static void
answer_due(void)
{
    int64_t now_us = sink.first ? tool_now_us() : 0;

    while (sink.first && !sink.is_waiting && sink.first->due_us <= now_us) {
        struct conn *c = sink.first;

        sink.first = c->next;
        if (!sink.first)
            sink.last = &sink.first;
        c->is_owed = false;
        answer(c);
        if (c->is_gone)
            forget(c);
    }
}

static void
welcome(void)
{
    int fd;

    while ((fd = tool_accept(sink.listener)) >= 0) {
        struct conn *c = xcalloc(1, sizeof(*c));

        c->fd = fd;
        tool_watch(sink.epoll, fd, EPOLLIN, c);
    }
}

static int
wait_ms(void)
{
    int64_t us;

    if (!sink.first || sink.is_waiting)
        return -1;
    us = sink.first->due_us - tool_now_us();
    return us < 0 ? 0 : (int)(us / 1000) + 1;
}

static bool
serve(void)
{
    struct epoll_event events[64];
    int n = epoll_wait(sink.epoll, events, 64, wait_ms());

    for (int i = 0; i < n; i++) {
        if (!events[i].data.ptr && !hear_harness())
            return false;
        if (events[i].data.ptr == &sink)
            welcome();
        else if (events[i].data.ptr)
            hear(events[i].data.ptr);
    }
    answer_due();
    return true;
}

static void
read_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "b:d:wn:m:s:")) != -1) {
        switch (o) {
        case 'b':
            sink.body = optarg;
            break;
        case 'd':
            sink.delay_us = tool_number(optarg, 0, 600000) * 1000;
            break;
        case 'w':
            sink.is_waiting = true;
            break;
        case 'n':
            sink.count = tool_number(optarg, 1, INT64_MAX);
            break;
        case 'm':
            sink.mark = optarg;
            break;
        case 's':
            sink.save = optarg;
            break;
        default:
            fatal("see the head of sink.c");
        }
    }
}

int
main(int argc, char **argv)
{
    read_options(argc, argv);
    compose_answer();
    setvbuf(stdout, NULL, _IOLBF, 0);
    sink.last = &sink.first;
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    sink.listener = tool_listen(&sink.port);
    tool_watch(sink.epoll, sink.listener, EPOLLIN, &sink);
    tool_watch(sink.epoll, STDIN_FILENO, EPOLLIN, NULL);
    printf("{\"port\":%d}\n", sink.port);
    while (serve())
        ;
    return 0;
}
