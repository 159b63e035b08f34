/* digest.h - windows that collect what is sent to one user on one channel: when
 * they end, and what goes out then. Pure. */
#pragma once

#include "base/json.h"
#include "domain/zone.h"

#define DIGEST_WINDOW_MIN_MS INT64_C(1000)
#define DIGEST_WINDOW_MAX_MS (INT64_C(31) * 24 * 3600 * 1000)
#define DIGEST_ITEMS_DEFAULT 100
#define DIGEST_ITEMS_MAX 1000
#define DIGEST_MEMBERS_MAX 10000 /* about: a window ends with so many */
#define DIGEST_SLIDES 10 /* windows that a sliding one may last, by default */

/* Stored as numbers: append only. */
enum digest_mode {
    DIGEST_FIXED = 0, /* ends window after it opened */
    DIGEST_SLIDING,   /* ends window after its last member */
    DIGEST_CALENDAR,  /* ends when the user's clock shows a round time */
};

/* Keys that begin so are Belfry's own; no category's key has a slash. */
#define DIGEST_KEY_RESERVED "belfry/"

/* What a send asks for. */
struct digest_rule {
    struct str key;
    enum digest_mode mode;
    int64_t window_ms;     /* 0: nothing is collected */
    int64_t max_window_ms; /* SLIDING: it lasts no longer */
    bool is_leading; /* the first goes out at once, the others are collected */
    int max_items;   /* listed in the digest */
};

/* A window; its rule is that of the member that opened it. */
#define DIGEST_OF_INSTANCES "workflow" /* channel: see store/workflow.h */
struct digest {
    int64_t id;
    int64_t tenant;
    struct str user, channel;
    struct digest_rule rule;
    int64_t opened_ms, closes_ms;
    int64_t n_members; /* that wait in it */
};

bool digest_mode_parse(struct str s, enum digest_mode *ret);
const char *digest_mode_name(enum digest_mode m); /* "fixed" */

/* When a window ends that opens now. zone: the user's, for CALENDAR. Rounds are
 * counted from midnight; those of whole days from a Monday's. */
int64_t digest_end(const struct digest_rule *r, const struct zone *zone,
                   int64_t now_ms);
/* When one ends that somebody joins now. */
int64_t digest_end_after_join(const struct digest *d, int64_t now_ms);
/* Nobody joins it any more, even where it is open: who comes now opens another,
 * and shuts this one. */
bool digest_is_over(const struct digest *d, int64_t now_ms);

struct digest_member {
    struct json doc;   /* of its notification */
    struct json given; /* its recipient there; absent: there is only an id */
};
struct digest_letter {
    struct arena *arena;
    struct str user, channel;
    const struct digest_member *listed; /* oldest first */
    size_t n_listed;
    const struct digest_member *newest;
    int64_t count;
    bool is_bare; /* without what the newest sent as its data */
};

/* The notification that goes out in their place. It is that of the newest, sent
 * to this user on this channel; its data gains `items` and `count`. Words that
 * are inline become the newest one's title, and a body with a line for each
 * title; html and buttons, which were about one thing, are left out. What was
 * at the limits of JSON by itself may be beyond them here. */
struct str digest_document(const struct digest_letter *l);
