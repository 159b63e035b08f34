/* http_server.h - the front door: strict HTTP/1.1 (RFC 9110, RFC 9112), plain
 * or TLS, with streams. It knows nothing of notifications.
 *
 * One server per loop; those of a process may share an address (SO_REUSEPORT).
 * Everything here belongs to the loop's thread, except http_frame. One request
 * of a connection is handled at a time; pipelined ones wait their turn. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"

struct buf;

struct http_header {
    struct str name, value;
};

/* What came in; lives in `arena` until the exchange is answered. */
struct http_request {
    struct arena *arena;
    struct str method; /* "GET" */
    struct str path;   /* as sent, without the query, base path taken off */
    struct str query;  /* as sent, after '?'; STR_NONE if there is none */
    const struct http_header *headers; /* names as sent */
    size_t n_headers;
    struct str body;
    struct str peer; /* client's address as text; of the forwarding header
                        where the connection comes from a trusted proxy */
    bool is_tls;
    bool is_loopback; /* the connection itself, and no forwarding header */
};
/* The first with that name (any case), or STR_NONE. */
struct str http_request_header(const struct http_request *r, const char *name);
/* A query parameter, percent-decoded into the arena. False: not there;
 * A broken encoding gives an empty value and true. */
bool http_request_param(const struct http_request *r, const char *name,
                        struct str *ret_value);

struct http_limits {
    int64_t header_timeout_ms; /* from the first byte to the blank line */
    int64_t body_timeout_ms;   /* whole body; below 1 KiB/s after that closes */
    int64_t idle_timeout_ms;   /* between requests */
    size_t max_connections;    /* 0: as many as descriptors */
};

struct http_exchange; /* one request that waits for its answer */

#define HTTP_REFUSAL_HEADERS_MAX 4

/* What is said when the server itself refuses: malformed, too large, too slow.
 * Content type and length are the server's. */
struct http_refusal {
    enum err err;
    const char *detail;
    struct arena *arena; /* for what stands below */
    struct buf *body;    /* application/problem+json */
    struct http_header headers[HTTP_REFUSAL_HEADERS_MAX];
    size_t n_headers;
};

struct http_handler {
    void *arg;
    /* The head is in. How many bytes of body this route takes. */
    size_t (*body_limit)(void *arg, const struct http_request *r);
    /* The body is in. Owes exactly one http_reply() or http_stream_start(),
     * now or in a later turn. */
    void (*on_request)(void *arg, struct http_exchange *x,
                       const struct http_request *r);
    /* The server itself refuses; says how: the body, and headers beside. */
    void (*on_refusal)(void *arg, struct http_refusal *r);
};

struct http_server_options {
    struct http_limits limits;
    struct str base_path;              /* "" or "/belfry" */
    const struct str *trusted_proxies; /* CIDRs */
    size_t n_trusted_proxies;
    struct str tls_cert_file, tls_key_file; /* both empty: plain */
    bool joins; /* another server of this process listens there already */
};

struct http_server;
/* Options are copied. ERR_IO with a line in *ret_why: files, addresses. */
enum err http_server_new(struct loop *l, const struct http_server_options *o,
                         const struct http_handler *h, struct http_server **ret,
                         const char **ret_why) MUST_CHECK;
/* "127.0.0.1:7117", "[::1]:0". The port comes back by http_server_port(). */
enum err http_server_listen(struct http_server *s, struct str address,
                            const char **ret_why) MUST_CHECK;
/* A stream socket that is connected already, as if it came from 127.0.0.1; it
 * is the server's from now on. */
void http_server_adopt(struct http_server *s, int fd);
int http_server_port(const struct http_server *s);
/* Read certificate and key again; the old ones stay when they are bad. */
enum err http_server_reload_tls(struct http_server *s,
                                const char **ret_why) MUST_CHECK;
size_t http_server_connections(const struct http_server *s);
/* Stop listening, close what is idle, close each other connection after its
 * answer; streams are ended by their owner. Calls done once nothing is left. */
void http_server_drain(struct http_server *s, void (*done)(void *arg),
                       void *arg);
void http_server_free(struct http_server *s); /* cuts what is left */

struct http_response {
    int status;
    const struct http_header *headers; /* beside Date, Content-Length, ... */
    size_t n_headers;
    struct str body; /* copied before http_reply() returns */
    bool closes;     /* close the connection after it */
};
/* Ends the exchange and its arena. If the client is gone, nothing is sent. */
void http_reply(struct http_exchange *x, const struct http_response *r);
bool http_exchange_is_gone(const struct http_exchange *x); /* client left */

/* ---- streams: an answer without an end ---- */

/* Bytes that many streams share; any thread may hold and put it. Framed once
 * for HTTP/1.1 chunks; never empty. */
struct http_frame;
struct http_frame *http_frame_new(struct str payload);
struct http_frame *http_frame_get(struct http_frame *f);
void http_frame_put(struct http_frame *f);

struct http_stream;
struct http_stream_events {
    void (*on_drain)(struct http_stream *s, void *arg); /* queue empty again */
    /* The client left, was too slow, or the server closes: the last call.
     * Not called after http_stream_end(). */
    void (*on_close)(struct http_stream *s, void *arg);
    void *arg;
};
/* Ends the exchange and its arena; status and headers are sent. An idle
 * stream holds no buffer. NULL (and no events) if the client is gone. */
struct http_stream *http_stream_start(struct http_exchange *x,
                                      const struct http_response *head,
                                      const struct http_stream_events *ev);
/* Takes a reference of its own. Sends at once what the socket takes. */
void http_stream_send(struct http_stream *s, struct http_frame *f);
size_t http_stream_queued_bytes(const struct http_stream *s);
size_t http_stream_queued_frames(const struct http_stream *s);
/* Forget frames that are queued and not begun; for a reader that is shed. */
void http_stream_drop_queued(struct http_stream *s);
/* Send what is queued, then close; s is gone. */
void http_stream_end(struct http_stream *s);
