/* inbox.h - items of one user. Each change takes the user's next rev, so a
 * reader who knows a rev can be told exactly what it missed. */
#pragma once

#include "domain/event.h"
#include "domain/notification.h"
#include "store/req.h"

enum inbox_change {
    INBOX_SEEN,
    INBOX_READ,
    INBOX_UNREAD,
    INBOX_ARCHIVE,
    INBOX_UNARCHIVE,
};
struct store_inbox_mark {
    struct store_req req;
    int64_t tenant;
    struct str user;
    enum inbox_change change;
    /* n_ids == 0: all that last changed at or before before_rev and are not
     * archived (UNARCHIVE: are). */
    const int64_t *ids;
    size_t n_ids;
    int64_t before_rev; /* 0: all */
    int64_t now_ms;
    bool is_unlearned; /* it says nothing of when they read (habit.h) */
    event_set tells;   /* that anybody listens to */
    /* result; ERR_NOT_FOUND if one of the ids is not the user's */
    size_t n_changed; /* 0: nothing to change, no rev was used */
    int64_t rev;
    struct inbox_counts counts;
};
struct store_inbox_list {
    struct store_req req;
    int64_t tenant;
    struct str user;
    int64_t before;   /* id; 0: from the newest */
    size_t limit;     /* 0: counts and rev only */
    bool is_archived; /* those instead of the others */
    bool only_unread;
    /* result; an unknown user has an empty inbox */
    struct inbox_item *items;
    size_t n_items;
    bool has_more;
    struct inbox_counts counts;
    int64_t epoch, rev;
};
/* One item of a user, by its id or by what it came with. */
struct store_inbox_get {
    struct store_req req;
    int64_t tenant;
    struct str user;
    int64_t id;           /* 0: */
    int64_t notification; /* the first that came with this... */
    int64_t delivery;     /* ...by that delivery; 0: by whichever */
    /* result; ERR_NOT_FOUND */
    struct inbox_item *item;
};
/* One line of a user's inbox as it went on, in order of rev, without gaps. */
struct inbox_event {
    int64_t rev;
    enum { INBOX_EVENT_ITEM, INBOX_EVENT_STATE, INBOX_EVENT_ALL } kind;
    struct inbox_item item;   /* ITEM: as it is now */
    enum inbox_change change; /* STATE, ALL */
    const int64_t *ids;       /* STATE */
    size_t n_ids;
    int64_t before_rev; /* ALL */
    int64_t at_ms;
    struct inbox_counts counts; /* after it (replayed: as of now) */
};
#define INBOX_REPLAY_MAX 300 /* events kept a user */
struct store_inbox_replay {
    struct store_req req;
    int64_t tenant;
    struct str user;
    int64_t epoch, after_rev;
    /* result */
    bool has_gap; /* another epoch, the future, or too far back: reset */
    struct inbox_event *events;
    size_t n_events;
    int64_t now_epoch, now_rev;
    struct inbox_counts counts;
};
/* How far many inboxes are, for who follows them: each rev is of some moment
 * after the call. */
struct inbox_place {
    int64_t tenant;
    struct str user;
    int64_t rev; /* result; 0: an unknown user, or nothing yet */
};
#define INBOX_REVS_MAX 256 /* places asked for at once */
struct store_inbox_revs {
    struct store_req req;
    struct inbox_place *places; /* the caller's, until on_done */
    size_t n_places;
    /* result */
    int64_t epoch;
};
