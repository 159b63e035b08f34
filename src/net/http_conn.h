/* http_conn.h - what the files of the HTTP server share: http_server.c
 * (listening, drain), http_conn.c (the state machine), http_body.c,
 * http_reply.c and http_stream.c. Nobody else includes it.
 *
 *   HANDSHAKE -> IDLE <-> HEAD -> BODY -> PENDING -> IDLE or FLUSH
 *   FLUSH -> IDLE or LINGER      PENDING -> STREAM -> LINGER
 *   any -> CLOSED, from where the next turn frees it
 *
 * An idle connection is a struct http_conn and nothing else. While a request
 * is on its way it has a struct http_work, which goes back to a small pool.
 * There is one timer for each connection; it is moved only when a deadline
 * comes nearer, and asks what the deadline is when it fires. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/metrics.h"
#include "net/http_peer.h"
#include "net/http_server.h"
#include "net/http_work.h"
#include "net/tls.h"

enum {
    OUT_HIGH = 64 * 1024,  /* answers that wait for the socket */
    KEEP_SIZE = 64 * 1024, /* a buffer above this is given back */
    POOL_MAX = 64,
    DISCARD_MAX = 1024 * 1024,
    STREAM_DISCARD_MAX = 64 * 1024,
    DATE_SIZE = 40,
};
enum { WRITE_TIMEOUT_MS = 10000, LINGER_MS = 2000, ACCEPT_PAUSE_MS = 100 };
#define NO_DEADLINE INT64_MAX

enum conn_state {
    CONN_HANDSHAKE,
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_PENDING, /* the handler owes an answer */
    CONN_FLUSH,   /* answered, the socket did not take all of it */
    CONN_STREAM,
    CONN_LINGER, /* nothing more is sent; what comes is thrown away */
    CONN_CLOSED,
};

struct http_conn {
    struct list link; /* of the server's connections, or of its closed ones */
    struct http_server *server; /* NULL: it is gone */
    struct loop *loop;
    struct loop_fd *watch;
    struct ssl_st *tls;     /* NULL: plain */
    struct http_work *work; /* NULL: idle or stream */
    struct http_stream *stream;
    struct loop_timer timer;
    int64_t deadline_ms, timer_at_ms;
    size_t n_discarded;
    int fd;
    struct ip from;
    uint8_t state;
    bool owes_answer;    /* an exchange is out: keep work, also if closed */
    bool is_in_handler;  /* on_request runs: do not go on from a reply */
    bool must_go_on;     /* in the next turn: pipelined bytes are there */
    bool is_half_closed; /* the client sends no more */
    bool must_close;     /* after what is being sent */
    bool wants_write;    /* TLS: to go on reading */
    bool is_read_paused; /* pipelined bytes wait in the kernel */
};

struct http_listener {
    struct http_listener *next;
    struct http_server *server;
    struct loop_fd *watch;
    int fd;
};

struct http_server {
    struct loop *loop;
    struct clock *clock;
    struct http_handler handler;
    struct http_limits limits;
    int64_t write_timeout_ms; /* without a byte taken by the client */
    char *base_path;
    struct trusted_proxies proxies;
    char *tls_cert_file, *tls_key_file;
    struct ssl_ctx_st *tls; /* NULL: plain */
    struct http_listener *listeners;
    int port;
    struct list conns, closed;
    size_t n_conns;
    struct metric_series *connections; /* of all servers */
    struct http_work *pool;
    size_t n_pool;
    struct loop_timer accept_timer; /* set while accepting is paused */
    struct loop_timer drained_timer;
    bool joins, is_draining;
    void (*on_drained)(void *arg);
    void *drained_arg;
    char date[DATE_SIZE]; /* the header line */
    int64_t date_until_ms;
};

/* http_server.c */
struct str server_date_line(struct http_server *s);
struct http_work *server_take_work(struct http_server *s);
void server_give_work(struct http_server *s, struct http_work *w);
void server_forget(struct http_server *s, struct http_conn *c);

/* http_conn.c */
void conn_open(struct http_server *s, int fd, const struct ip *from);
void conn_close(struct http_conn *c); /* safe to repeat */
void conn_free(struct http_conn *c);  /* at once; was closed */
void conn_set_deadline(struct http_conn *c, int64_t ms_from_now);
void conn_update_wants(struct http_conn *c);
void conn_flush(struct http_conn *c);
void conn_linger(struct http_conn *c);
void conn_release_work(struct http_conn *c);
void conn_bury(struct http_conn *c);        /* free it in the next turn */
void conn_go_on_later(struct http_conn *c); /* process in the next turn */

/* http_reply.c: what is put goes to work->out */
enum reply_kind { REPLY_WHOLE, REPLY_STREAM };
void reply_put_head(struct http_conn *c, const struct http_response *r,
                    enum reply_kind kind);
/* For a stream that nobody will read. */
void reply_head_alone(struct http_exchange *x, const struct http_response *r);
void reply_refuse(struct http_conn *c, enum err e, const char *why);
void reply_put_header(struct buf *out, struct http_header h);

/* http_stream.c */
void stream_on_events(struct http_conn *c, int events);
bool stream_wants_write(const struct http_conn *c);
bool stream_holds_memory(const struct http_stream *s); /* beside itself */
void stream_fini(struct http_conn *c); /* tells the owner, frees it */
