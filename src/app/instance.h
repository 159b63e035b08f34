/* instance.h - one recipient's way through a workflow: what its row says, what
 * its conditions know, and what its steps send. Pure. */
#pragma once

#include "app/send.h"
#include "domain/template.h"
#include "domain/workflow.h"

#define INSTANCE_FETCHED_MAX (64 * 1024) /* bytes; of all its fetches */
#define INSTANCE_ITEMS_MAX 100 /* that are remembered: the newest of them */

struct instance {
    struct workflow_state state;
    int recipient; /* in the notification's to.recipients; -1 */
    int64_t items[INSTANCE_ITEMS_MAX]; /* in_app deliveries that it made */
    size_t n_items;
    bool is_joined;     /* the window of the digest that it stands at */
    struct json digest; /* {"items":[],"count":1} of the last; absent: none */
    /* Who was asked last by an escalation, at which instruction, and as which
     * of its role. */
    struct str asked;
    int64_t asked_at, n_asked;
    bool is_lent;        /* its row waits for somebody else's event... */
    struct str owner;    /* ...and it is this one's */
    int64_t calls;       /* of the fetch that it stands at, so far */
    struct json fetched; /* by name; absent: nothing */
};

/* The cursor of one that begins, then or (0) when it is first taken; of one
 * that goes on. Without `heard` it has not waited for anything yet. */
struct str instance_begin(struct arena *a, int recipient, int64_t since_ms);
struct str instance_write(struct arena *a, const struct instance *i);
/* A cursor that cannot be read is one at the beginning. */
void instance_read(struct arena *a, struct str cursor, struct instance *ret);
void instance_add_items(struct instance *i, const struct delivery *deliveries,
                        size_t n);

/* The notification's `data`, with that of the recipient over it, and over both
 * what the instance has collected, and called for: `items`, `count`, `fetch`.
 * i: may be NULL. */
struct json instance_data(struct arena *a, struct json doc, struct json given,
                          const struct instance *i);
/* Whether it has any of that: then it is no more the notification's data that
 * is sent, and the recipient's own is in it. */
bool instance_has_more(const struct instance *i);
/* What a digest of one has collected. data: may be absent. */
struct json instance_digest_of(struct arena *a, struct json data);
/* A template of a step, filled in: the members of roots[0] are names, over the
 * roots themselves. False: it is more than there may be. */
struct instance_text {
    struct str source;
    enum template_escape escape;
    const struct condition_root *roots;
    size_t n_roots;
    int64_t now_ms;
};
bool instance_render(struct arena *a, const struct instance_text *t,
                     struct str *ret) MUST_CHECK;
/* Absent: it is none. */
struct json instance_parse(struct arena *a, struct str text);
/* The body of the send that a step is. Absent: it does not fit into one. */
struct instance_send {
    struct json doc, step;
    struct str to;       /* JSON */
    struct json data;    /* in place of the document's; absent: that */
    struct json channel; /* in place of the step's; the same */
};
struct json instance_body(struct arena *a, const struct instance_send *x);
