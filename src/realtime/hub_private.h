/* hub_private.h - what the files of the hub share: hub.c (users, places,
 * drain), subscriber.c (one stream), opening.c (from a visit to a stream),
 * fanout.c (events to streams), wheel.c (heartbeats and ends). Nobody else
 * includes it. */
#pragma once

#include "base/list.h"
#include "base/metrics.h"
#include "realtime/frame.h"
#include "realtime/hub.h"

#define WHEEL_SLOTS 64

/* Someone with a stream here. Goes with the last of them. */
struct hub_user {
    struct list subscribers; /* by of_user */
    struct seat *seat;
    int64_t tenant;
    int64_t epoch, rev; /* the newest that was told or read; epoch 0: none */
    struct inbox_counts counts; /* as of rev */
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
    struct http_frame *frame; /* NULL: the event itself was shed */
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
/* Its user has heard of that rev. */
void hub_note_rev(struct hub_user *u, struct inbox_cursor at,
                  struct inbox_counts counts);
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

/* wheel.c */
void wheel_init(struct hub *h);
void wheel_fini(struct hub *h);
void wheel_add(struct subscriber *s, int64_t in_ms);
