/* send_request.h - the body of a send, checked and understood. */
#pragma once

#include "app/workspace.h"
#include "base/field.h"
#include "domain/attachment.h"
#include "domain/digest.h"
#include "store/member.h"

#define SEND_RECIPIENTS_MAX 1000
#define SEND_SETS_MAX 100 /* roles; topics */
#define SEND_TITLE_MAX 1024
#define SEND_CONTENT_MAX (64 * 1024) /* body, html and actions together */
/* Dedup keys that begin so are Belfry's own, and refused in requests. */
#define SEND_DEDUP_RESERVED "belfry:"
#define SEND_DEDUP_DEFAULT_MS (INT64_C(24) * 3600 * 1000)
#define SEND_APPROVAL_DEFAULT_MS (INT64_C(7) * 24 * 3600 * 1000)
#define SEND_APPROVAL_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
#define SEND_APPROVERS_MAX 20   /* roles */
#define SEND_APPROVAL_NOTE 1000 /* bytes */

extern const struct field send_request_fields[];
extern const struct field send_step_fields[]; /* of a workflow */
extern const struct field action_fields[];
extern const struct field user_fields[]; /* what a recipient may say too */

struct send_recipient {
    struct str user; /* empty: inline without an id */
    int index;       /* in to.recipients; -1 */
    struct json given;
};

struct send_request {
    struct json doc;
    struct send_recipient *recipients; /* each user once */
    size_t n_recipients;
    /* As asked for, else the template's, the category's, in_app. */
    struct str *channels;
    size_t n_channels;
    bool has_spare;                      /* the last one: domain/plan.h */
    const struct template_doc *template; /* NULL: inline */
    /* There are no channels, as each step has its own. NULL workflow: it was
     * deleted since. */
    bool is_workflow;
    const struct workflow_doc *workflow;
    /* As the send says, else its template; NULL: none. */
    const struct experiment_doc *experiment;
    const struct flag_doc *flag; /* goes to those only; NULL: to all */
    enum priority priority;
    struct str category;
    struct str cancel_key, dedup_key;
    int64_t dedup_window_ms;
    int64_t send_ms;     /* not before; 0: now */
    int64_t expires_ms;  /* 0: never */
    int64_t approval_ms; /* for so long somebody may approve it; 0: need not */
    struct digest_rule digest;      /* window_ms 0: none */
    int64_t best_within_ms;         /* domain/plan.h */
    struct attachment *attachments; /* with their content, as they came */
    size_t n_attachments;
    bool is_dry_run;
    bool is_all; /* every stored user, too */
    /* Members of these, too: of roles, and of topics with those above them.
     * None where all get it. */
    struct member_set *sets;
    size_t n_sets;
};

/* A body that was accepted with that version of its template, read again:
 * nothing is checked. NULL template where one was named: it was deleted.
 * named: gets the users that it names, excluded ones too; may be NULL. */
void send_request_reread(struct arena *a, const struct workspace *w,
                         struct json doc, int64_t template_version,
                         struct map *named, struct send_request *ret);

/* What a step of a workflow sends; its template need not be there yet. */
void send_step_check(struct arena *a, const struct workspace *w,
                     struct json step, struct problem *p);

/* Adds every fault to *p; ERR_OK only without one. */
enum err send_request_read(struct arena *a, const struct workspace *w,
                           struct json doc, struct problem *p,
                           struct send_request *ret) MUST_CHECK;
