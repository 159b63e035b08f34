/* world.h - a whole Belfry in one thread, with a clock of its own: the API
 * behind a real HTTP server (whose only connections are socket pairs), the
 * planner, the queue and dispatch, over any store. Time stands still while
 * anything goes on, and then jumps to what is due next.
 *
 * The same parts as `belfry serve` wires, on one loop; the rest of the world is
 * outlet.h. */
#pragma once

#include "scenario/outlet.h"

#define WORLD_URL "https://belfry.example" /* where links lead */

struct world;

struct world_options {
    struct str db; /* see place.h */
    int64_t start_ms;
    uint64_t seed;
};

struct world_request {
    struct str method, path;
    struct str as_user;   /* with this user's token; empty: as root */
    struct str header[2]; /* name and value; empty: none */
    bool is_form;         /* the body is one; else it is JSON */
    struct str body;      /* p == NULL: none */
};
struct world_answer {
    int status;       /* 0: no whole answer came */
    struct str body;  /* in the arena of the request */
    struct json json; /* absent: it is none */
};

/* What went on did not come to rest within REST_MS of real time. */
#define REST_MS 60000

/* NULL: *ret_why says why; static, or until the next call. */
struct world *world_open(const struct world_options *o, const char **ret_why);
void world_close(struct world *w); /* NULL is allowed */
int64_t world_now_ms(const struct world *w);
struct outlet *world_outlet(struct world *w);
/* False: it does not come to rest; *ret_why. */
bool world_settle(struct world *w, const char **ret_why);
bool world_advance(struct world *w, int64_t to_ms, const char **ret_why);
/* Asks, and settles. */
bool world_ask(struct world *w, struct arena *a, const struct world_request *r,
               struct world_answer *ret, const char **ret_why);
/* The process ends, and another one starts on the same data. */
void world_stop(struct world *w);
bool world_start(struct world *w, const char **ret_why);
/* It is killed in the midst of what it does, and another one starts on what is
 * in the files then. Where the store has none of its own, it ends in order. */
bool world_crash(struct world *w, const char **ret_why);
bool world_is_up(const struct world *w);
