/* hub_test.h - a hub between a scripted store and clients over sockets, for
 * the tests of this folder. Turns of the loop take the place of sleeps. */
#pragma once

#include "net/http_test.h"
#include "realtime/hub.h"

#define EPOCH 0x6f1c
/* What tells a client that its stream starts again. */
#define RESET(why) "data: {\"why\":\"" why "\""
#define WORLD_EVENTS_MAX 400
#define WORLD_HELD_MAX 64
#define WORLD_TEXT_MAX (64 * 1024)

struct world {
    struct fixture net;         /* its loop and server, for the clients */
    struct hub_options options; /* what a test says before world_start() */
    struct hubs_limits limits;
    struct hubs *hubs;
    struct hub *hub;
    struct app app;
    struct env env;
    struct rng rng;
    struct clock_virtual clock; /* for the connect rate */
    size_t n_drained;           /* how often the hub said so */

    /* The store: what it answers, and when. */
    struct store store;
    int64_t later_epochs; /* after EPOCH */
    int64_t rev;
    struct inbox_counts counts;
    struct inbox_event events[WORLD_EVENTS_MAX]; /* rev is index + 1 */
    bool has_gap;
    enum err fails_with;
    bool is_held;
    bool looks_early; /* answers are of when they were asked for */
    bool is_answering;
    struct task answer;
    struct store_req *held[WORLD_HELD_MAX];
    size_t n_held;
    size_t n_replays, n_looks; /* that were asked for; users looked at */
};

void world_start(struct world *w);
void world_stop(struct world *w);
void world_release(struct world *w); /* the store answers what was asked */
void world_release_one(struct world *w, size_t i); /* of those held */
void world_drain(struct world *w);
/* The user's next item, committed and told. The text is the item's body. */
void world_commit(struct world *w, const char *user, size_t n_text);
/* Stored and not told: a reader must find it in the store. */
void world_store(struct world *w, size_t n_text);
void world_tell(struct world *w, const char *user, int64_t rev);
/* Another process committed up to there. */
void world_bell(struct world *w, const char *user, int64_t rev);

/* A stream of HTTP/1.0: its body is not in chunks. */
void world_open(struct world *w, struct client *c, const char *query);
/* The same, until it has begun; until the store, which is held, was asked. */
void world_join(struct world *w, struct client *c, const char *query);
void world_open_held(struct world *w, struct client *c, const char *query);
/* Walks what the client got: each rev follows the one before, or the reader
 * was told to start again. Returns the last rev. */
int64_t world_check_order(struct client *c);
