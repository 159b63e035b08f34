/* tool.h - what the load generators and the bare loops share: clocks, sockets
 * on loopback, HTTP messages by length, and one line of JSON as the answer.
 *
 * Each tool is one thread. A tool that waits ends when its stdin is closed, so
 * none outlives the harness. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/str.h"

int64_t tool_now_us(void); /* CLOCK_MONOTONIC, as Python's monotonic_ns() */
int64_t tool_cpu_us(void); /* user and system, of this process */

/* CPU is of all threads; on a busy machine it says more than the clock does. */
struct tool_times {
    int64_t at_us, cpu_us;
};
struct tool_times tool_times(void);
/* The line of JSON of so many notifications through their whole life. */
void tool_report_cycles(const char *what, int64_t n, struct tool_times began);

/* A number of the command line, within bounds; else the end. */
int64_t tool_number(const char *text, int64_t min, int64_t max);

struct tool_bytes {
    char *p;
    size_t n;
};
struct tool_bytes tool_read_file(const char *path);
/* The document of every notification: a file's, or with NULL the usual one. */
struct str tool_document(const char *path);
void tool_write_file(const char *path, const char *p, size_t n);

/* ---- sockets: 127.0.0.1, no delay, not blocking ---- */
void tool_raise_nofile(void);
int tool_connect(int port);
int tool_listen(int *ret_port); /* a free port */
int tool_accept(int listener);  /* -1: nobody waits */
void tool_watch(int epoll, int fd, uint32_t events, void *what);

/* The whole of p, on a socket that has room: a short write is the end. */
void tool_send(int fd, const char *p, size_t n);

/* ---- HTTP messages, as they come ---- */
struct tool_inbox {
    char *p;
    size_t n, size;
};
/* What has come in; -1: the peer has closed. */
int tool_read(int fd, struct tool_inbox *in);
/* Bytes of the first message, 0: it is not all there. Content-Length only. */
size_t tool_message_size(const struct tool_inbox *in, size_t *ret_head);
void tool_drop(struct tool_inbox *in, size_t n);

/* ---- a text that is looked for in a stream ---- */
struct tool_mark {
    const char *text; /* its first character does not come again in it */
    size_t n;
};
struct tool_mark tool_mark(const char *text);
/* How often it ends in p; *at is the stream's own place in it. */
int tool_mark_count(const struct tool_mark *m, size_t *at, const char *p,
                    size_t n);

/* Sorts, then takes: per_mille 500 is the median. */
void tool_sort(int64_t *v, size_t n);
int64_t tool_quantile(const int64_t *sorted, size_t n, int per_mille);
