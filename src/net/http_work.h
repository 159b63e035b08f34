/* http_work.h - a request on its way in, and the answer on its way out: what a
 * connection has only while it has work. Shared by the files that http_conn.h
 * names; nobody else includes it. */
#pragma once

#include "base/buf.h"
#include "net/http_parser.h"
#include "net/http_server.h"

enum {
    IN_SIZE = HTTP_HEAD_MAX + 4096, /* a head, and room for chunks behind it */
};

struct http_exchange {
    struct http_conn *conn;
};

struct http_work {
    struct http_exchange exchange;
    struct http_work *next_free;
    struct arena *arena;
    struct http_request request;
    struct head_parser parser;
    struct chunk_parser chunks;
    struct buf body; /* unless it lies in `in`, right behind the head */
    bool is_body_apart;
    size_t body_limit;
    enum err refused;
    const char *why;
    int64_t body_began_ms;
    struct buf out;
    size_t out_sent;
    size_t n_used; /* bytes of `in` that belong to this request */
    size_t n_in;
    char in[IN_SIZE];
};

/* http_body.c. HTTP_DONE: request.body is set; HTTP_REFUSED: refused, why. */
enum http_progress body_begin(struct http_work *w);
enum http_progress body_progress(struct http_work *w);
/* Where the next bytes of a body go, and that they are there. */
char *body_room(struct http_work *w, size_t *ret_n);
void body_took(struct http_work *w, size_t n);
bool body_is_fast_enough(const struct http_work *w, int64_t elapsed_ms);
void body_reset(struct http_work *w);
