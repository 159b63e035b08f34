/* curl_loop.c - what libcurl can do here: the same request COUNT times,
 * CONCURRENCY at once, over connections that stay.
 *
 *   curl_loop -u URL -r FILE [-c CONCURRENCY] [-n COUNT]
 *
 * FILE is a request that Belfry made, as a sink saved it: its headers (but for
 * those that libcurl writes itself) and its body are sent again. */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "tool.h"

static struct {
    const char *url;
    struct tool_bytes request;
    struct curl_slist *headers;
    const char *body;
    size_t n_body;
    int64_t concurrency, count;
    CURLM *multi;
    int epoll;
    int64_t deadline_us; /* of libcurl's timer; -1: none */
    int64_t n_begun, n_done, n_failed;
} job = {.concurrency = 64, .count = 10000, .deadline_us = -1};

/* ---- libcurl's wishes ---- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct epoll_event e = {.data.fd = fd};

    (void)easy;
    (void)arg;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(job.epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    epoll_ctl(job.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);
    curl_multi_assign(job.multi, fd, &job);
    return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    (void)arg;
    job.deadline_us = ms < 0 ? -1 : tool_now_us() + ms * 1000;
    return 0;
}

static size_t
on_data(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    (void)arg;
    return size * n;
}

/* ---- requests ---- */

static void
begin(CURL *easy)
{
    job.n_begun++;
    curl_multi_add_handle(job.multi, easy);
}

static CURL *
new_easy(void)
{
    CURL *e = curl_easy_init();

    curl_easy_setopt(e, CURLOPT_URL, job.url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, job.headers);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, job.body);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)job.n_body);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 30000L);
    return e;
}

static void
take_done(void)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(job.multi, &left))) {
        CURL *easy = m->easy_handle;
        long status = 0;

        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        job.n_failed += m->data.result != CURLE_OK || status != 200;
        job.n_done++;
        curl_multi_remove_handle(job.multi, easy);
        if (job.n_begun < job.count)
            begin(easy);
        else
            curl_easy_cleanup(easy);
    }
}

static void
turn(void)
{
    struct epoll_event events[64];
    int64_t wait_ms = 1000;
    int n, running;

    if (job.deadline_us >= 0) {
        wait_ms = (job.deadline_us - tool_now_us() + 999) / 1000;
        wait_ms = wait_ms < 0 ? 0 : wait_ms;
    }
    n = epoll_wait(job.epoll, events, 64, (int)wait_ms);
    for (int i = 0; i < n; i++) {
        uint32_t v = events[i].events;
        int how = (v & EPOLLIN ? CURL_CSELECT_IN : 0) |
                  (v & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                  (v & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

        curl_multi_socket_action(job.multi, events[i].data.fd, how, &running);
    }
    if (job.deadline_us >= 0 && tool_now_us() >= job.deadline_us) {
        job.deadline_us = -1;
        curl_multi_socket_action(job.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_done();
}

/* ---- the request that is sent again ---- */

static void
keep_header(char *line)
{
    static const char *const own[] = {"Host:", "Content-Length:", "Accept:"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strncasecmp(line, own[i], strlen(own[i])) == 0)
            return;
    job.headers = curl_slist_append(job.headers, line);
}

static void
read_request(const char *path)
{
    struct tool_bytes r = tool_read_file(path);
    char *body = strstr(r.p, "\r\n\r\n");
    char *line = strstr(r.p, "\r\n");

    if (!body)
        fatal("%s holds no request", path);
    job.request = r;
    job.body = body + 4;
    job.n_body = r.n - (size_t)(job.body - r.p);
    body[2] = '\0';
    for (line += 2; *line;) {
        char *end = strstr(line, "\r\n");

        *end = '\0';
        keep_header(line);
        line = end + 2;
    }
    job.headers = curl_slist_append(job.headers, "Expect:");
}

static void
read_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "u:r:c:n:")) != -1) {
        switch (o) {
        case 'u':
            job.url = optarg;
            break;
        case 'r':
            read_request(optarg);
            break;
        case 'c':
            job.concurrency = tool_number(optarg, 1, 10000);
            break;
        case 'n':
            job.count = tool_number(optarg, 1, INT64_MAX);
            break;
        default:
            fatal("see the head of curl_loop.c");
        }
    }
    if (!job.url || !job.body)
        fatal("-u URL and -r FILE are needed");
}

int
main(int argc, char **argv)
{
    int64_t began_us, began_cpu_us;

    read_options(argc, argv);
    tool_raise_nofile();
    curl_global_init(CURL_GLOBAL_ALL);
    job.epoll = epoll_create1(EPOLL_CLOEXEC);
    job.multi = curl_multi_init();
    curl_multi_setopt(job.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(job.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    began_us = tool_now_us();
    began_cpu_us = tool_cpu_us();
    for (int64_t i = 0; i < job.concurrency && i < job.count; i++)
        begin(new_easy());
    while (job.n_done < job.count)
        turn();
    printf("{\"requests\":%lld,\"failed\":%lld,\"took_us\":%lld,"
           "\"cpu_us\":%lld}\n",
           (long long)job.n_done, (long long)job.n_failed,
           (long long)(tool_now_us() - began_us),
           (long long)(tool_cpu_us() - began_cpu_us));
    curl_multi_cleanup(job.multi);
    curl_slist_free_all(job.headers);
    curl_global_cleanup();
    return 0;
}
