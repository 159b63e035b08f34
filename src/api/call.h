/* call.h - one request on its way through the API: who asks, for what, and
 * the ways to answer. Each handler owes exactly one answer, now or in a later
 * turn of the same loop; after it the call and its arena are gone. */
#pragma once

#include "app/objects.h"
#include "base/field.h"
#include "net/http_server.h"

struct api;
struct route;

struct call {
    struct api *api;
    const struct app *app;
    const struct route *route;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct arena *arena;
    struct str params[2];              /* of the path, percent-decoded */
    const struct workspace *workspace; /* NULL on open routes */
    unsigned scopes;                   /* of the key; 0: a user's token */
    bool is_root;                      /* the bootstrap key */
    struct str key_id;                 /* public part; empty: token or root */
    struct str key_name;               /* as who made it says; or empty */
    struct str user;                   /* of a token, else empty */
    bool makes_secret;                 /* which this answer shows, once */
    int64_t expires_ms;                /* of the key or token; 0: never */
    struct json body;                  /* absent where none is taken */
    struct json_doc doc;
    struct problem problem;
    struct str request_id;
    struct str traceparent;
    struct http_header headers[8]; /* to be sent with the answer */
    size_t n_headers;
    int64_t started_ms;
};

/* Answers. */
void call_reply(struct call *c, int status, const struct buf *json);
void call_reply_text(struct call *c, int status, const char *type,
                     struct str text);
void call_reply_empty(struct call *c, int status);
void call_refuse(struct call *c);           /* with c->problem, which is set */
void call_fail(struct call *c, enum err e); /* a problem without details */
void call_fail_with(struct call *c, enum err e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The answer that was stored under its Idempotency-Key. */
void call_reply_replay(struct call *c, const struct store_idem *idem);
void call_header(struct call *c, const char *name, struct str value);
void call_etag(struct call *c, int64_t version);
/* The answer becomes a stream of that type; the call is gone. */
struct http_stream *call_stream(struct call *c, const char *type,
                                const struct http_stream_events *ev);

/* For writing answers. */
struct json_writer call_writer(struct call *c, struct buf *out);
/* The answer of a list, {"data":[…],"next":…}: the elements are written in
 * between; an empty `next` is the last page. */
struct json_writer call_begin_page(struct call *c, struct buf *out);
void call_end_page(struct call *c, struct json_writer *w, struct str next);
struct str call_id(struct call *c, const char *prefix, int64_t id);
void call_id_field(struct call *c, struct json_writer *w, const char *key,
                   const char *prefix, int64_t id); /* 0: null */

/* For reading requests; false: refused already, the handler returns. */
bool call_path_id(struct call *c, int i, const char *prefix, int64_t *ret);
bool call_path_key(struct call *c, int i, struct str *ret);
/* ?limit=, 1 to 100, default 50. */
bool call_limit(struct call *c, size_t *ret);
/* ?after=, an id that a list gave out; 0: not there. */
bool call_after_id(struct call *c, const char *prefix, int64_t *ret);
/* ?after=, a cursor over keys; empty: not there. */
bool call_after_key(struct call *c, struct str *ret);
struct str call_cursor(struct call *c, struct str key); /* for `next` */
bool call_param(struct call *c, const char *name, struct str *ret);
/* Answers that this query parameter is at fault; false. */
bool call_refuse_param(struct call *c, const char *name, const char *why);
/* If-Match; OBJECT_ANY_VERSION without one. */
bool call_if_match(struct call *c, int64_t *ret);
/* Only these query parameters are known, each once; ends with NULL. */
bool call_only_params(struct call *c, const char *const *names);
/* Idempotency-Key; fills key, fingerprint and until of *ret. */
bool call_idem(struct call *c, struct store_idem *ret);

/* Whether the body says that it is of that type, parameters aside. */
bool call_has_type(struct call *c, const char *type);
/* JSON, a merge patch, or nothing said. The type of forms counts as nothing:
 * it is what `curl -d` sends, and no form of a browser gets past the key. */
bool call_has_json(struct call *c);

struct audit call_who(struct call *c); /* for the books; a key's, or root's */
/* The same of a call that may change something; NULL: it changes nothing that
 * stands in them. A new one each time. */
struct audit *call_audit(struct call *c);
/* A request to the store for this call: arena, loop and on_done set, and who
 * asks, if it may change something. */
struct store_req call_req(struct call *c,
                          void (*on_done)(struct store_req *, enum err));
int64_t call_now_ms(const struct call *c); /* wall clock */
