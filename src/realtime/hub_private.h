/* hub_private.h - what the files of the hub share: hub.c (users, places,
 * drain), subscriber.c (one stream), opening.c (from a visit to a stream),
 * fanout.c (events to streams), catchup.c (what was not told here), recheck.c
 * (whether there is any), wheel.c (heartbeats, ends). Nobody else has it. */
#pragma once

#include "base/list.h"
#include "base/metrics.h"
#include "realtime/frame.h"
#include "realtime/hub.h"

#define WHEEL_SLOTS 64
#define REV_UNKNOWN INT64_MAX /* of another epoch */

/* Someone with a stream here. Goes with the last of them.
 *
 * Each rev after from_rev up to rev was told to all streams that were here, or
 * waits in the backlog, in order. A stream that begins at from_rev or later has
 * missed nothing; what is heard of beyond rev + 1 has to be read. */
struct hub_user {
    struct list subscribers; /* by of_user */
    struct list all;         /* of hub->all_users */
    struct list late;        /* of hub->late_users; alone if it is not */
    struct catchup *catchup; /* NULL: no read is under way */
    struct seat *seat;
    int64_t tenant;
    int64_t epoch; /* 0: nothing is known, not even rev */
    int64_t from_rev, rev;
    int64_t heard_rev;          /* since the last read began: how far it goes */
    struct inbox_counts counts; /* the newest that are known */
    size_t n_key;
    char key[];
};

struct opening; /* while the store is read, and until the stream has begun */

struct subscriber {
    struct list of_user;
    struct list slot;   /* of the wheel; alone while it is being opened */
    struct list behind; /* of hub->behind; alone while all is sent */
    struct hub *hub;
    struct hub_user *user;
    struct seat *address;
    struct opening *opening;    /* NULL: live */
    struct http_stream *stream; /* NULL: not yet */
    int64_t rev;                /* told up to here */
    int64_t ends_ms;            /* monotonic */
    int64_t behind_ms;          /* since when it is in `behind` */
    bool ends_by_expiry;
    bool wants_heartbeat_events;
    bool needs_reset; /* once it has read what is in its socket */
};

/* An event on its way: made once, shared by all who get it. */
struct telling {
    int64_t epoch, rev;
    struct http_frame *frame; /* NULL: a reset */
    const char *why;          /* of the reset */
    bool is_anew;             /* also for who knows a later rev */
    size_t n_bytes;
};

struct hub {
    struct hub_options o;
    struct loop *loop;
    struct rng *rng;
    int index; /* in hubs */
    struct map *users;
    size_t n_subscribers;
    size_t n_behind_bytes; /* as last added to the gauge */
    struct list behind;
    struct list all_users;
    struct list late_users; /* they wait for a read */
    struct list catchups;   /* reads */
    size_t n_catchups;
    struct recheck *recheck; /* NULL: the store is not asked now */
    struct loop_timer recheck_timer;
    /* wheel.c */
    struct list wheel[WHEEL_SLOTS];
    int hand;
    int64_t hand_ms; /* when the hand came to where it is */
    struct loop_timer wheel_timer;
    /* fanout.c */
    struct list backlog; /* of hub_notice */
    size_t n_backlog_bytes;
    struct hub_notice *notice; /* being told */
    struct hub_user *told;     /* to this user; NULL: they left */
    struct list *next_told;    /* of its subscribers */
    struct telling telling;
    struct task fanout;
    bool is_fanning_out;
    /* hub.c: drain */
    bool is_draining;
    int64_t drain_ends_ms;
    struct loop_timer drain_timer;
    void (*on_drained)(void *arg);
    void *drained_arg;
    struct {
        struct metric_series *connections, *fanout, *replays, *resets, *slow,
            *buffered;
    } metrics;
};

/* hub.c */
int64_t hub_jitter(struct hub *h, int64_t from, int64_t to);
/* A stream begins: there, and then it was told what waited for it, but for up
 * to skipped_rev (0: for nothing). */
void hub_place(struct hub_user *u, struct inbox_cursor at,
               struct inbox_counts counts);
void hub_settle(struct subscriber *s, int64_t skipped_rev);
void hub_forget(struct subscriber *s); /* gives its place back, frees it */

/* subscriber.c */
void subscriber_go_live(struct subscriber *s);
void subscriber_tell(struct subscriber *s, const struct telling *t);
void subscriber_reset(struct subscriber *s, const char *why);
void subscriber_heartbeat(struct subscriber *s);
void subscriber_end(struct subscriber *s, enum frame_bye why);
void subscriber_send(struct subscriber *s, struct str text);

/* opening.c */
void opening_start(struct subscriber *s, const struct hub_visit *v);
void opening_tell(struct opening *o, const struct telling *t);
void opening_abandon(struct opening *o); /* the hub goes; answers the visit */

/* fanout.c */
void fanout_init(struct hub *h);
void fanout_fini(struct hub *h);
void fanout_skip(struct hub *h, struct subscriber *s); /* it goes now */
/* Their next event; a reset of all who have not come so far. */
void fanout_put_event(struct hub *h, struct hub_user *u,
                      const struct inbox_event *e);
void fanout_put_reset(struct hub *h, struct hub_user *u, const char *why,
                      struct inbox_cursor at, struct inbox_counts counts);

/* catchup.c: somebody committed up to there, and it is not told yet. */
void catchup_hear(struct hub *h, struct hub_user *u, struct inbox_cursor at);
void catchup_check(struct hub *h, struct hub_user *u); /* reads if it must */
void catchup_forget(struct hub_user *u);               /* they go now */
void catchup_fini(struct hub *h);
const char *catchup_fault(const struct store_inbox_replay *r); /* or NULL */

/* recheck.c */
void recheck_start(struct hub *h); /* somebody came; also if it runs */
void recheck_fini(struct hub *h);

/* wheel.c */
void wheel_init(struct hub *h);
void wheel_fini(struct hub *h);
void wheel_add(struct subscriber *s, int64_t in_ms);
