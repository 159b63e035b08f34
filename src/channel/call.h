/* call.h - one call of a driver: messages in; a request, or verdicts, out. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "domain/attachment.h"
#include "domain/verdict.h"

/* One rendered message for one address; borrowed for the call. */
struct channel_message {
    struct str delivery_id, notification_id; /* public ids, the same for each
                                                attempt */
    struct str user, channel, category, priority; /* may be empty */
    struct str title, body, html;                 /* rendered */
    struct str language; /* of these, a BCP 47 tag; empty: not known */
    struct str actions;  /* rendered JSON array, or empty */
    struct str data;     /* the sender's JSON, byte for byte, or empty */
    struct str address;  /* the user's own for this channel; empty: none, the
                            provider's target counts */
    /* The name of the user's device that it goes to, whose token, or whose
     * subscription as JSON, is the address; empty: to none. */
    struct str device;
    struct str user_name;       /* display name, may be empty */
    struct str overrides;       /* JSON object of the send body, or empty */
    struct str unsubscribe_url; /* empty: none */
    /* Loaded, whatever they came from; none where the driver takes none. */
    const struct attachment *attachments;
    size_t n_attachments;
    int64_t created_ms; /* of the notification */
    int64_t expires_ms; /* nobody wants it after that; 0: never */
    int attempt;        /* 1 at the first call for this delivery */
};

struct channel_header {
    struct str name, value;
};

enum channel_request_kind {
    CHANNEL_REQUEST_HTTP,
    CHANNEL_REQUEST_SMTP,
    CHANNEL_REQUEST_FILE, /* append `body` to the file at `path` */
    CHANNEL_REQUEST_WAIT, /* nothing but wait_ms; answered as ANSWERED */
};

#define CHANNEL_RCPT_MAX 11

struct channel_request {
    enum channel_request_kind kind;
    /* Not to be carried out: only whether it could be. HTTP: a connection with
     * its TLS to the URL's host; SMTP: that, the login and a NOOP; FILE:
     * whether it could be written. */
    bool is_probe;
    struct str method, url; /* HTTP */
    struct channel_header headers[16];
    size_t n_headers;
    struct str body;
    struct str host; /* SMTP, as in net/fetch.h */
    int port;
    struct str tls; /* "none", "starttls", "tls" */
    struct str username, password;
    struct str oauth_token; /* in place of a password */
    bool needs_smtputf8;    /* or it is not sent */
    struct str mail_from;
    struct str rcpt_to[CHANNEL_RCPT_MAX]; /* the addressee, then copies */
    size_t n_rcpt_to;
    size_t answer_max; /* HTTP: bytes of its body; 0: as net/fetch.h has it */
    struct str path;   /* FILE */
    int64_t wait_ms;   /* WAIT */
};

/* What came of a request; mirrors net/fetch.h without knowing it. */
struct channel_answer {
    enum {
        CHANNEL_ANSWERED,
        CHANNEL_NOT_SENT,
        CHANNEL_UNKNOWN,
    } outcome;
    enum {
        CHANNEL_CAUSE_NONE,
        CHANNEL_CAUSE_EGRESS,
        CHANNEL_CAUSE_NETWORK, /* name, connect, broken, timeout */
        CHANNEL_CAUSE_TIMEOUT,
        CHANNEL_CAUSE_TLS,
        CHANNEL_CAUSE_LOGIN,
        CHANNEL_CAUSE_URL,
        CHANNEL_CAUSE_SMTPUTF8, /* needed, and not offered */
    } cause;
    int status;
    const struct channel_header *headers;
    size_t n_headers;
    struct str body;
    bool is_overlong; /* than answer_max: cut off, and not here */
    struct str detail;
};

struct channel_verdict {
    enum verdict verdict;
    int64_t retry_after_ms; /* RATE, RETRY; 0: the provider named no time */
    int status;             /* for the ledger; 0: none */
    struct str reason;      /* code of reasons.def; empty: the verdict's own */
    struct str detail;      /* what the other side said; in call->arena */
    int64_t gone_ms;        /* GONE: since then, by the provider; 0: not told */
    bool is_last; /* whatever the policy says, it is a dead letter now */
    struct str provider_message_id; /* empty: none */
    /* Of a server that only the user's address names: it is no sign that the
     * provider fails. */
    bool is_of_others;
};

/* What a driver keeps between the calls of one provider: an access token. It
 * lives in this process's memory only, and no longer than the configuration
 * that it was made with. */
struct channel_memo {
    struct str text;    /* at most CHANNEL_MEMO_MAX bytes; empty: nothing */
    int64_t expires_ms; /* wall clock; then it is nothing */
};
#define CHANNEL_MEMO_MAX (8 * 1024)

struct channel_call {
    struct arena *arena;
    struct str provider; /* its name */
    struct json config;  /* checked against the driver's table, secrets open */
    const struct channel_message *messages;
    size_t n_messages;                   /* 1 .. driver->batch_max */
    const struct channel_answer *answer; /* NULL at the first step */
    int64_t now_ms;                      /* wall clock */
    void (*secret)(void *p, size_t n);   /* random bytes for keys and nonces */
    int stage; /* 0 at the first step; then what the last step left here */
    struct channel_memo memo; /* in: what is kept; out: what to keep */
    /* out: either a request (is_done false), or one verdict a message */
    bool is_done;
    struct channel_request request;
    struct channel_verdict *verdicts; /* room for n_messages */
};
