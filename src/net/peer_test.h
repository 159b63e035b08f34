/* peer_test.h - the other side, for the tests of fetch: a server that behaves
 * as badly as it is told, on threads of its own; and a call that is turned
 * until it is done. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "net/fetch.h"

enum { PEER_CONNECTIONS_MAX = 512 };

struct ssl_ctx_st;
struct ssl_st;
struct peer;

struct peer_conn {
    struct peer *peer;
    int fd;
    int nth; /* 1 for the first connection */
    struct ssl_st *tls;
    pthread_t thread;
};

struct peer {
    void (*serve)(struct peer_conn *c); /* on the connection's thread */
    void *arg;                          /* serve's */
    int port;
    atomic_int n_connections, n_requests;
    struct ssl_ctx_st *tls; /* set: connections begin with a handshake */
    /* private */
    int listen_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf seen;
    struct peer_conn conns[PEER_CONNECTIONS_MAX];
};

void peer_start(struct peer *p, void (*serve)(struct peer_conn *c));
void peer_stop(struct peer *p); /* the caller's side is closed already */
/* A certificate for 127.0.0.1 and its key, each to a file; and their use. */
void peer_use_tls(struct peer *p, const char *cert_file);

/* For serve. */
bool peer_read_request(struct peer_conn *c); /* false: closed */
bool peer_read_line(struct peer_conn *c, char *line, size_t size);
bool peer_write(struct peer_conn *c, const char *text);
bool peer_write_bytes(struct peer_conn *c, struct str bytes);
void peer_wait_for_close(struct peer_conn *c);
void peer_reset(struct peer_conn *c); /* by RST */
void peer_note(struct peer_conn *c, const char *text);
/* All that was read or noted so far, in the arena. */
struct str peer_seen(struct peer *p, struct arena *a);

/* The near side. */
struct caller {
    struct loop *loop;
    struct egress_policy *policy;
    struct fetch *fetch;
};

struct call {
    struct fetch_request r;
    struct fetch_answer answer;
    int n_done;
};

#define LOOPBACK "127.0.0.0/8"

void caller_start(struct caller *c, const char *allow); /* NULL: nothing */
void caller_stop(struct caller *c);
void call_init(struct call *k); /* a POST with an arena of its own */
void call_fini(struct call *k);
void call_url(struct call *k, int port, const char *path);
void call_wait(struct caller *c, struct call *k);
void call_run(struct caller *c, struct call *k); /* start and wait */
/* The end of a test with one of each. */
void call_stop(struct call *k, struct caller *c, struct peer *p);

void assert_text(struct str s, const char *want);
