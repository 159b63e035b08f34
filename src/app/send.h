/* send.h - the one way in: requests become plans, plans are committed.
 *
 * Load (one read; another one where a best time is asked for) -> plan (pure) ->
 * [take from budgets: app/budget.h] -> commit (one write). A request that is
 * refused, and a dry run, leave nothing behind. What goes to a whole workspace,
 * or to a large part of it, is only committed, and planned later: app/fan.h.
 *
 * A second request under an Idempotency-Key that is still in flight waits its
 * turn in the store and is answered as the first one was: nobody gets the 409
 * `idempotency_in_flight` while one store keeps both. */
#pragma once

#include "app/app.h"
#include "app/audience.h"
#include "app/best_time.h"
#include "app/budget.h"
#include "app/content.h"
#include "app/send_request.h"
#include "domain/plan.h"
#include "store/accept.h"
#include "store/object.h"

#define SEND_DELIVERIES_MAX 100000           /* of one request */
#define SEND_RENDERED_MAX (64 * 1024 * 1024) /* bytes, of its in_app items */
/* Users of whom not all are named are planned at once if they are no more, with
 * those that are; a dry run is of the first so many. */
#define SEND_AT_ONCE 100

/* Who gets it later than the others, by an experiment. */
struct send_wait {
    struct str user;
    int index; /* as in struct send_recipient */
    int64_t due_ms;
};

struct send_item {
    struct json doc;
    int64_t outbox; /* as for store_accept_item */
    /* In place of the request's; empty: that. Those that begin with
     * SEND_DEDUP_RESERVED can be set here only. */
    struct str dedup_key;
    int64_t dedup_window_ms;
    /* It is planned when it is due, which the store knows. Set before, that is
     * so whatever the time is here; else it becomes so if it is to come. */
    bool is_later;
    /* It is planned once somebody approved it, who has until then. */
    bool is_held;
    int64_t held_until_ms;
    /* For send_chunk(). */
    const struct store_chunk *chunk;
    int64_t notification; /* what it adds to; else its own, once planned */
    /* For send_digest(). */
    struct store_flush *flush;
    const struct store_member *like; /* the newest member, or the only one */
    struct str note;                 /* of the digest */
    bool was_put_off; /* the window held what was beyond somebody's attention */
    int64_t place;    /* what it has in budgets: that of its newest member */
    /* For send_step(). */
    int64_t parent;
    /* The row is made, but for the turn and the steps. */
    void (*on_row)(struct send_item *item, struct store_accept_item *row);
    /* It was made of that one, for some of its recipients; NULL: it is none. */
    struct send_item *main;
    /* result */
    struct problem problem; /* set: this one was refused */
    struct send_request request;
    struct plan_recipient *recipients;
    struct plan_channel *channels;
    struct plan_decision *decisions;
    size_t n_decisions;
    bool has_more;     /* than SEND_AT_ONCE */
    size_t n_audience; /* its recipients, with those of items made of it */
    struct send_wait *waits;
    size_t n_waits;
    /* Of a dry run of a workflow: what its steps would do; NULL: it is none. */
    const struct store_step *steps;
    size_t n_steps;
    /* As they were found at first; NULL: nobody looked. */
    const struct member_set *sets;
    struct store_accept_item *accepted; /* NULL: refused or dry run */
    /* private */
    struct str inline_content; /* the same for every recipient */
    /* What is known before the commit: its dedup key is taken; by that one, if
     * it is of this request, with which it is refused, too. */
    bool is_duplicate;
    const struct send_item *first;
};

struct send {
    const struct app *app;
    struct arena *arena;
    const struct workspace *workspace; /* the caller's reference */
    struct send_item *items;
    size_t n_items;
    struct store_idem idem; /* as for store_accept */
    /* Of a dry run: as if it was then; 0: as it is now. Budgets are those of
     * now in any case. */
    int64_t at_ms;
    bool is_noted; /* as for struct plan */
    struct str request_id, traceparent;
    /* ERR_OK, or why nothing was stored at all. */
    void (*on_done)(struct send *s, enum err e);
    void *arg;
    int64_t now_ms; /* result: wall clock of the plan */
    /* The same: each item, followed by those that were made of it. */
    struct send_item **parts;
    size_t n_parts;
    /* private */
    struct audience_page page; /* of the item whose turn it is */
    size_t turn;
    int64_t split_ms;  /* wall clock, when it was said who waits until when */
    struct map *named; /* by its request: not once more */
    struct store_object_get people, suppressions;
    /* what `people` brought */
    struct store_object_get users, preferences, devices;
    struct map *by_user;                     /* id -> struct object */
    struct map *preferences_of, *devices_of; /* the same */
    struct map *suppressed;                  /* key -> struct object */
    struct best_times best_times;
    struct budgets budgets;
    struct store_accept accept;
    size_t n_deliveries, n_rendered; /* planned; bytes of in_app items */
    size_t n_rows;                   /* of deliveries, in this commit */
    struct task done;
};

/* on_done runs in a later turn, exactly once. */
void send_start(struct send *s);
/* The same for some recipients of what was accepted before: a send of one item,
 * whose request is filled in, from a document that was read again. s->users may
 * be loaded already; else those that the request names are. The item's problem
 * ERR_TOO_LARGE: take fewer. */
void send_chunk(struct send *s);
/* The same for what goes out when a window of a digest ends, to one recipient
 * on one channel: decides what becomes of the members, too. `like` is the
 * member itself, where flush->status is QUEUED; MERGED: the document is the
 * digest's.
 */
void send_digest(struct send *s);
/* The same for what a step of a workflow sends, to one recipient. */
void send_step(struct send *s);
/* The wall clock, or the time that is asked about. */
int64_t send_wall_ms(const struct send *s);
int64_t send_new_id(const struct send *s); /* of now, whatever is judged */
/* For idem.answer: the send whose commit is being made. */
struct send *send_of(struct store_req *req);
/* What a recipient would read; for dry runs. ERR_TOO_LARGE. */
enum err send_render(const struct send *s, const struct send_item *item,
                     const struct plan_decision *d,
                     struct rendered *ret) MUST_CHECK;
