/* audit.h - who changed what. A request for a change may say who asks for it
 * (store_req.audit): what then changed is told by lines that commit with it, so
 * there is no line without its change, and no such change without its line.
 * Lines are never changed; they go when they are old (store_purge).
 *
 * What an application does all day has none: users and what they prefer,
 * sends, marks of inboxes. */
#pragma once

#include "store/req.h"

#define AUDIT_LINES_MAX 32    /* of one request */
#define AUDIT_LOOKED_AT 10000 /* lines, for one page of a list */

/* Who it is; borrowed, as the request itself. */
struct audit {
    int64_t tenant; /* in whose books it stands */
    int64_t id;     /* of the first line; AUDIT_LINES_MAX from here on */
    int64_t now_ms;
    struct str actor;      /* "root", "server", "key:ID", "user:ID" */
    struct str actor_name; /* of a key; may be empty */
    struct str source;     /* an address; may be empty */
    struct str request_id;
    /* Empty: as the verb has it. */
    struct str action, kind, key;
    struct str detail; /* JSON; empty: none */
};

struct audit_line {
    int64_t tenant, id, at_ms;
    struct str actor, actor_name, source, request_id;
    struct str action, kind, key;
    int64_t from_version, to_version; /* 0: there was, or is, none */
    struct str detail;
};

/* For drivers: what a verb that succeeded has to tell, in its transaction.
 * Pure; texts are borrowed. At most AUDIT_LINES_MAX. */
size_t audit_lines(struct store_req *req,
                   struct audit_line ret[static AUDIT_LINES_MAX]);

/* A line without a change: somebody was shown something. */
struct store_audit_add {
    struct store_req req; /* its audit says all of it */
};

struct store_audit_filter {
    struct str actor, action, kind, key; /* empty: any */
    int64_t since_ms;                    /* 0: ever */
};
bool audit_fits(const struct audit_line *l, const struct store_audit_filter *f);
/* None that fits has an id below this one. */
int64_t audit_first_id(const struct store_audit_filter *f);

struct store_audit_list {
    struct store_req req;
    int64_t tenant;
    struct store_audit_filter filter;
    int64_t before; /* id; 0: from the newest */
    size_t limit;
    /* result, newest first. A page may hold less than `limit`, even nothing,
     * and still have a next one: AUDIT_LOOKED_AT. */
    struct audit_line *lines;
    size_t n_lines;
    int64_t next_before; /* `before` of the next page; 0: there is none */
};
