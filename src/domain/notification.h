/* notification.h - the nouns: a notification, its deliveries, their attempts,
 * and the item that a user finds in the inbox. Values only; text is borrowed
 * from the arena that the value came in. */
#pragma once

#include "base/str.h"
#include "domain/status.h"

/* What was accepted. Never changes, but for `is_cancelled`, and n_recipients
 * while it is planned. */
struct notification {
    int64_t id;
    int64_t tenant; /* workspace */
    int64_t created_ms;
    enum priority priority;
    bool is_cancelled;
    bool is_planning; /* more deliveries come; told where people look at it */
    int64_t due_ms;   /* with it: the first of them come then; 0: now */
    /* With it: none come until somebody approves, who has until due_ms; or
     * nobody did. The same. */
    bool is_held, is_expired;
    /* The send document as stored: the request's fields with `to` resolved to
     * a count, JSON text. Content, data, overrides and inline recipients are
     * read from it when a delivery is prepared. */
    struct str doc;
    struct str template_key;  /* empty: inline content */
    int64_t template_version; /* pinned at accept */
    struct str note;          /* JSON: warnings and the audience decision */
    struct str request_id;    /* of the request that brought it */
    struct str traceparent;   /* W3C, or empty */
    int n_recipients;
    /* What a step of a workflow sends is a notification of its own, kept below
     * the one that began the workflow, and shown as part of that. 0: none. */
    int64_t parent;
    bool is_running; /* instances are left; told where people look at it */
};

/* One user on one channel. */
struct delivery {
    int64_t id;
    int64_t tenant;
    int64_t notification; /* where people look at it: its parent, if any */
    struct str user;      /* empty: an inline recipient without an id */
    struct str channel;
    struct str device;   /* as device_ref() has it; empty: to none */
    struct str provider; /* the name last tried; empty: none yet */
    enum delivery_status status;
    struct str reason; /* code of reasons.def; empty: none */
    enum priority priority;
    int recipient; /* index in doc.to.recipients, -1: not inline */
    int attempts;  /* calls made to providers, over all of them */
    /* Calls whose account is closed, "12:3,15:1" by lane (dispatch/tally.h);
     * the rest of `attempts` belongs to the provider of `lane`. Empty until a
     * provider hands over. A person's retry sets it to "0:" and `attempts`,
     * so that each provider has its whole budget again. */
    struct str tally;
    int64_t created_ms, updated_ms;
    int64_t due_ms;   /* RETRYING: not before; else 0 */
    struct str error; /* signature of the last failure, for groups */
    /* Where it waits for its turn; 0: nowhere (settled, or waiting). */
    int64_t lane;        /* num of a provider */
    int64_t rank;        /* smallest first; queue/rank.h */
    int64_t digest;      /* HELD: the window that collects it; else 0 */
    int64_t merged_into; /* MERGED: the delivery it went out with; else 0 */
};

/* One call to a provider, or one that a crash interrupted. */
struct attempt {
    int n; /* 1 = first, over all providers of the delivery */
    int64_t at_ms;
    struct str provider;
    struct str verdict; /* name of domain/verdict.h */
    int status;         /* HTTP or SMTP, 0: there was none */
    struct str detail;  /* what the provider said, secrets masked, <= 1 KiB */
    int64_t duration_ms;
    int64_t retry_at_ms; /* 0: not tried again because of this one */
    /* Where there is something to tell. What the provider takes for it,
     * "0.0075 USD"; how it was asked, domain/call_line.h; and by which of
     * several processes on one database (of those calls): its slot + 1; 0: not
     * told. */
    struct str cost, request;
    int64_t node;
};

struct inbox_item {
    int64_t id;
    int64_t tenant;
    int64_t notification;
    int64_t delivery;
    struct str user;
    int64_t
        rev; /* of the user's inbox when it last changed; set by the store */
    int64_t created_ms;
    int64_t seen_ms, read_ms, archived_ms; /* 0: not */
    struct str category;                   /* may be empty */
    struct str content; /* JSON object: title, body, actions, data */
};

struct inbox_counts {
    int64_t unseen, unread; /* of items that are not archived */
};
