/* load.c - one HTTP request, again and again, over connections that stay.
 *
 *   load -p PORT -r FILE... [-c CONNECTIONS] [-n COUNT | -t SECONDS] [-q RATE]
 *        [-u]
 *
 * FILE holds the request, head and body; several, each with its -r, take
 * turns. Without a rate each connection asks again as soon as it was answered.
 * With one, requests are due at even intervals and a request's time counts
 * from when it was due, so that a server that stalls does not slow the clock
 * it is measured by. -u: until a line comes on stdin, or it is closed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

#define LATENCIES_MAX 10000000
#define REQUESTS_MAX 100

struct conn {
    int fd;
    bool is_busy;
    int64_t began_us;
    struct tool_inbox in;
};

static struct {
    int port, epoll, n_conns;
    int64_t count, seconds, rate;
    struct tool_bytes requests[REQUESTS_MAX];
    int64_t n_requests;
    bool is_told, is_over; /* -u; the line came */
    struct conn *conns;
    /* A ring of the indices of connections that have nothing to do: the one
     * that rested longest is next, before the server finds it idle. */
    int *idle;
    int first_idle, n_idle;
    int64_t began_us, n_begun, n_done, n_refused;
    int64_t *latencies;
} load = {.n_conns = 1, .seconds = 3600};

/* ---- who rests ---- */

static void
rest(int conn)
{
    load.idle[(load.first_idle + load.n_idle++) % load.n_conns] = conn;
}

static struct conn *
wake(void)
{
    struct conn *c = &load.conns[load.idle[load.first_idle]];

    load.first_idle = (load.first_idle + 1) % load.n_conns;
    load.n_idle--;
    return c;
}

/* ---- when ---- */

static bool
may_begin(int64_t now_us)
{
    if (load.is_over || (load.count > 0 && load.n_begun >= load.count))
        return false;
    return now_us - load.began_us < load.seconds * 1000000;
}

static int64_t
due_us(int64_t now_us)
{
    if (load.rate == 0)
        return now_us;
    return load.began_us + load.n_begun * 1000000 / load.rate;
}

static void
begin(struct conn *c, int64_t at_us)
{
    const struct tool_bytes *r = &load.requests[load.n_begun % load.n_requests];

    c->is_busy = true;
    c->began_us = at_us;
    load.n_begun++;
    tool_send(c->fd, r->p, r->n);
}

static void
begin_all(void)
{
    int64_t now_us = tool_now_us();

    while (load.n_idle > 0 && may_begin(now_us) && due_us(now_us) <= now_us)
        begin(wake(), due_us(now_us));
}

/* ---- answers ---- */

static void
finish(struct conn *c)
{
    int64_t us = tool_now_us() - c->began_us;

    if (load.n_done < LATENCIES_MAX)
        load.latencies[load.n_done] = us;
    load.n_done++;
    load.n_refused += c->in.n < 12 || c->in.p[9] != '2';
    c->is_busy = false;
    rest((int)(c - load.conns));
}

static void
hear(struct conn *c)
{
    int e = tool_read(c->fd, &c->in);
    size_t n = tool_message_size(&c->in, NULL);

    if (n > 0 && c->is_busy) {
        finish(c);
        tool_drop(&c->in, n);
    }
    if (e < 0)
        fatal("the server closed a connection");
}

static void
hear_harness(void)
{
    epoll_ctl(load.epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    load.is_over = true;
}

static void
wait_for_answers(void)
{
    struct epoll_event events[64];
    int64_t now_us = tool_now_us(), wait_us = 1000000;
    struct timespec t;
    int n;

    if (load.rate > 0 && load.n_idle > 0 && may_begin(now_us))
        wait_us = due_us(now_us) - now_us;
    wait_us = wait_us < 0 ? 0 : wait_us;
    t = (struct timespec){wait_us / 1000000, wait_us % 1000000 * 1000};
    n = epoll_pwait2(load.epoll, events, 64, &t, NULL);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            hear(events[i].data.ptr);
        else
            hear_harness();
    }
}

/* ---- the run ---- */

static void
set_up(void)
{
    load.conns = xcalloc((size_t)load.n_conns, sizeof(*load.conns));
    load.idle = xcalloc((size_t)load.n_conns, sizeof(*load.idle));
    load.latencies = xmalloc(LATENCIES_MAX * sizeof(*load.latencies));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < load.n_conns; i++) {
        load.conns[i].fd = tool_connect(load.port);
        tool_watch(load.epoll, load.conns[i].fd, EPOLLIN, &load.conns[i]);
        rest(i);
    }
    if (load.is_told)
        tool_watch(load.epoll, STDIN_FILENO, EPOLLIN, NULL);
    load.began_us = tool_now_us();
}

static void
report(void)
{
    int64_t took_us = tool_now_us() - load.began_us, *v = load.latencies;
    size_t n = (size_t)load.n_done;

    n = n < LATENCIES_MAX ? n : LATENCIES_MAX;
    tool_sort(v, n);
    printf("{\"requests\":%lld,\"refused\":%lld,\"began_us\":%lld,"
           "\"took_us\":%lld,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,"
           "\"cpu_us\":%lld}\n",
           (long long)load.n_done, (long long)load.n_refused,
           (long long)load.began_us, (long long)took_us,
           (long long)tool_quantile(v, n, 500),
           (long long)tool_quantile(v, n, 990),
           (long long)tool_quantile(v, n, 1000), (long long)tool_cpu_us());
}

static void
read_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "p:r:c:n:t:q:u")) != -1) {
        switch (o) {
        case 'p':
            load.port = (int)tool_number(optarg, 1, 65535);
            break;
        case 'r':
            if (load.n_requests == REQUESTS_MAX)
                fatal("at most %d requests", REQUESTS_MAX);
            load.requests[load.n_requests++] = tool_read_file(optarg);
            break;
        case 'c':
            load.n_conns = (int)tool_number(optarg, 1, 10000);
            break;
        case 'n':
            load.count = tool_number(optarg, 1, INT64_MAX / 2);
            break;
        case 't':
            load.seconds = tool_number(optarg, 1, 3600);
            break;
        case 'q':
            load.rate = tool_number(optarg, 1, 1000000);
            break;
        case 'u':
            load.is_told = true;
            break;
        default:
            fatal("see the head of load.c");
        }
    }
    if (load.port == 0 || load.n_requests == 0)
        fatal("-p PORT and -r FILE are needed");
}

int
main(int argc, char **argv)
{
    read_options(argc, argv);
    tool_raise_nofile();
    set_up();
    begin_all();
    while (load.n_idle < load.n_conns || may_begin(tool_now_us())) {
        wait_for_answers();
        begin_all();
    }
    report();
    return 0;
}
