/* fetch.h - the one way out to the network: HTTP and SMTP by libcurl, each
 * connection checked by egress.h. One per loop; belongs to its thread. */
#pragma once

#include "base/arena.h"
#include "base/loop.h"
#include "net/egress.h"

struct fetch;

struct fetch_header {
    struct str name, value;
};

enum fetch_kind { FETCH_HTTP, FETCH_SMTP };
enum fetch_tls { FETCH_TLS_NONE, FETCH_TLS_STARTTLS, FETCH_TLS_TLS };

/* What is known about the other side having it. */
enum fetch_outcome {
    FETCH_ANSWERED, /* a whole answer; `status` */
    FETCH_NOT_SENT, /* surely nothing taken: name, connect, TLS, egress */
    FETCH_UNKNOWN,  /* request went out (in part); no whole answer came */
};
enum fetch_cause {
    FETCH_CAUSE_NONE,
    FETCH_CAUSE_EGRESS, /* the address is not allowed */
    FETCH_CAUSE_RESOLVE,
    FETCH_CAUSE_CONNECT,
    FETCH_CAUSE_TLS,   /* handshake, certificate, STARTTLS not offered */
    FETCH_CAUSE_LOGIN, /* SMTP AUTH refused */
    FETCH_CAUSE_TIMEOUT,
    FETCH_CAUSE_BROKEN,   /* closed or garbled in the middle */
    FETCH_CAUSE_URL,      /* not a URL that can be called */
    FETCH_CAUSE_SMTPUTF8, /* needed, and not offered */
};

#define FETCH_ANSWER_MAX (64 * 1024) /* bytes of body kept */

struct fetch_answer {
    enum fetch_outcome outcome;
    enum fetch_cause cause;
    int status; /* HTTP, or the last SMTP reply code; 0: none */
    const struct fetch_header *headers; /* HTTP */
    size_t n_headers;
    struct str body;   /* HTTP: clipped; SMTP: the last reply's text */
    struct str detail; /* a line for people about what failed */
    int64_t duration_ms;
};

/* Owned by the caller until on_done, which runs exactly once, in a later turn
 * (also after fetch_cancel). What it points to must live as long. */
struct fetch_request {
    enum fetch_kind kind;
    struct arena *arena; /* for the answer; on_done may free it */
    int64_t timeout_ms;  /* whole call */
    /* Only whether it could be called: a connection with its TLS (status 0); of
     * SMTP the login, too, and a NOOP, whose reply is the answer. Needs neither
     * body nor recipients. */
    bool is_probe;
    void (*on_done)(struct fetch_request *r, const struct fetch_answer *a);
    void *arg;
    /* HTTP: redirects are not followed, no proxy, no cookies, no netrc */
    struct str method, url;
    const struct fetch_header *headers;
    size_t n_headers;
    /* Not NULL: takes the body of the answer in parts, of any length, and none
     * of it is kept. Must not free the request. False: enough of it; the call
     * then ends as FETCH_UNKNOWN, with the status and headers that came. */
    bool (*on_body)(struct fetch_request *r, struct str part);
    struct str body; /* HTTP body, or the SMTP message (dots not stuffed) */
    /* SMTP */
    struct str host;
    int port;
    enum fetch_tls tls;            /* STARTTLS is required when asked for */
    struct str username, password; /* empty: no AUTH */
    struct str oauth_token; /* XOAUTH2 in place of a password; empty: none */
    bool needs_smtputf8;    /* RFC 6531: a server without it gets nothing */
    struct str mail_from;
    const struct str *rcpt_to;
    size_t n_rcpt_to;
    void *private_state;
};

/* The policy is borrowed and outlives it. */
struct fetch *fetch_new(struct loop *l, const struct egress_policy *policy);
/* No more mails than that at once, 1 to 2048; the others wait. */
void fetch_limit_mails(struct fetch *f, size_t n);
void fetch_start(struct fetch *f, struct fetch_request *r);
void fetch_cancel(struct fetch *f, struct fetch_request *r);
size_t fetch_in_flight(const struct fetch *f);
void fetch_free(struct fetch *f); /* cancels what is left, calls on_done */
struct str fetch_answer_header(const struct fetch_answer *a, const char *name);
