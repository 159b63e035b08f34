/* hubs.h - the hubs of the process together: who may open a stream, and which
 * hub a commit concerns. Any thread; one lock, held for look-ups only and
 * taken before a mailbox's.
 *
 * A commit for a user without a stream costs one look-up, and nothing at all
 * while no stream is open: nothing is copied. */
#pragma once

#include "app/inbox.h"
#include "base/clock.h"

struct hub;
struct hubs;
struct seat; /* of a user or of an address: its open streams are counted */

#define HUBS_MAX 64

struct hubs_limits { /* 0: none */
    int64_t max_connections;
    int64_t connect_rate; /* a second; as many may come at once */
    int64_t per_user, per_address;
};

/* The clock must be good for any thread, as clock_system() is. */
struct hubs *hubs_new(const struct hubs_limits *l, struct clock *clock);
void hubs_free(struct hubs *h); /* its hubs are freed already */
size_t hubs_streams(const struct hubs *h);

/* For the store's listener: copies the inbox events, and the bells of other
 * processes, that somebody waits for, and posts each to the threads of those
 * who do. */
void hubs_on_commit(struct hubs *h, const struct store_notice *notices,
                    size_t n);

/* ---- for hub.c ---- */

int hubs_join(struct hubs *h, struct hub *hub); /* its index */
void hubs_leave(struct hubs *h, int index);

/* One stream's place; given back by hubs_exit(). */
struct seats {
    struct seat *user, *address;
};
/* ERR_FULL (as many as there may be, or too fast) or ERR_RATE_LIMITED (too
 * many of this user or address) with a line in *ret_why. From a good answer
 * on, commits for the user are posted to the hub. */
enum err hubs_enter(struct hubs *h, int index, struct str user_key,
                    struct str address, struct seats *ret,
                    const char **ret_why) MUST_CHECK;
/* is_last: of this user on this hub. */
void hubs_exit(struct hubs *h, int index, const struct seats *s, bool is_last);
