/* http_test.h - a server on a loop and clients over raw sockets, for the
 * tests of this folder. Turns of the loop take the place of sleeps. */
#pragma once

#include "net/http_conn.h"

enum { SEEN_MAX = 64 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_limits limits;
    struct str base_path;
    const struct str *proxies;
    size_t n_proxies;
    struct str cert_file, key_file;

    size_t body_limit;
    size_t n_requests;
    char seen[SEEN_MAX][128];              /* "METHOD path?query peer" */
    struct http_exchange *later[SEEN_MAX]; /* of /later, not answered yet */
    size_t n_later;
    struct http_stream *stream; /* of /stream */
    size_t n_drains, n_closes, n_refusals;
    enum err last_refusal;
    bool is_drained;
};

void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
/* Turns until the condition holds; false after 5 s. */
#define TURN_UNTIL(f, condition)                                               \
    do {                                                                       \
        const int64_t end_ = loop_now_ms((f)->loop) + 5000;                    \
        while (!(condition) && loop_now_ms((f)->loop) < end_)                  \
            loop_turn((f)->loop, 5);                                           \
        assert_true(condition);                                                \
    } while (0)

struct client {
    struct fixture *f;
    int fd;
    struct buf got;
    bool is_closed; /* the server ended it */
};

void client_open(struct client *c, struct fixture *f);
void client_close(struct client *c);
void client_reset(struct client *c); /* by RST */
void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, struct str bytes); /* turns, too */
void client_pump(struct client *c);                     /* read what has come */
bool client_has(struct client *c, const char *text);    /* after a pump */
void client_expect(struct client *c, const char *text); /* turns until then */
void client_expect_close(struct client *c);
size_t count_of(struct str s, const char *text);
