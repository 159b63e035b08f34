/* lanes.h - which lanes this node owns, and how far it has claimed in each.
 *
 * Each lane has two marks, one for critical rows: every ready row up to it is
 * claimed, so that a claim does not walk over what is in flight or dead. A
 * mark is lowered whenever a row comes before it. One that is too low costs
 * time; one that is too high hides work until the next sweep, which begins at
 * the very start. */
#pragma once

#include "base/pace.h"
#include "store/claims.h"

enum pg_lane_state {
    PG_LANE_UNKNOWN, /* ask for it */
    PG_LANE_MINE,
    PG_LANE_TAKEN, /* another node had it when we asked last */
};

struct pg_lane {
    int64_t lane;
    enum pg_lane_state state;
    int64_t token;      /* MINE */
    int64_t next_token; /* while it is acquired; 0: it was not to be had */
    /* MINE, but a commit of ours may still be under way: what it claimed is
     * nobody's, and must be told from what we hold. */
    bool is_doubtful;
    int64_t leaving_ms; /* monotonic; since when it is claimed from no more, to
                           be given up; 0: it is not */
    int64_t left_ms;    /* monotonic; given up then, others come first */
    struct lane_mark marks[2]; /* [1]: critical */
    struct lane_mark told[2];  /* the lowest that came since a claim began */
    /* From the very start of its index, where dead rows lie until they are
     * vacuumed. (To begin where the last look found its first live row would be
     * cheaper, and wrong: any process may commit a row before that place, and
     * it is the very row that nobody told of which the look is for.) */
    struct pace sweep;
};

/* How often the lane is read from the very start, so that a mark too high does
 * not hide work: less often where that takes longer than a quarter of a second,
 * but never less than MAX. And the longest that a lane rests in order to be
 * given up. */
#define PG_LANE_SWEEP_MS 5000
#define PG_LANE_SWEEP_MAX_MS 20000
#define PG_LANE_LEAVE_MS 2000
#define PG_LANE_AWAY_MS 5000 /* so long others come first */

struct pg_lanes;

struct pg_lanes *pg_lanes_new(void);
void pg_lanes_free(struct pg_lanes *l); /* NULL is allowed */
struct claims *pg_lanes_claims(struct pg_lanes *l);
struct pg_lane *pg_lanes_get(struct pg_lanes *l, int64_t lane); /* makes it */
bool pg_lanes_is_mine(const struct pg_lanes *l, int64_t lane);
/* News of that lane (negative: of critical rows) are ours to follow. */
bool pg_lanes_is_wanted(const struct pg_lanes *l, int64_t signed_lane);
/* The database says that it holds something and is nobody's, or ours. True:
 * it should be claimed from; not so if it is ours and was lately. */
bool pg_lanes_look(struct pg_lanes *l, int64_t signed_lane, int64_t now_ms);
/* Of ours, as many as there are beyond `share` shall go to others: those that
 * are least busy. */
void pg_lanes_balance(struct pg_lanes *l, int64_t share, int64_t now_ms);
/* Those that can go now, as nothing is claimed from them: theirs to have. No
 * cycle is under way. Others that are busy for too long stay after all. */
size_t pg_lanes_let_go(struct pg_lanes *l, struct arena *a, int64_t now_ms,
                       int64_t **ret_lanes);
/* Some may have come that we were not told of: look at all lanes as if that
 * had been long ago. */
void pg_lanes_doubt_marks(struct pg_lanes *l);
/* A row became ready; signed_lane is negative for a critical one. */
void pg_lanes_row(struct pg_lanes *l, int64_t signed_lane, int64_t rank,
                  int64_t id);
/* The claim begins here; returns the mark. */
struct lane_mark pg_lane_begin(struct pg_lane *lane, bool is_critical);
/* It has claimed all up to `to`. */
void pg_lane_raise(struct pg_lane *lane, bool is_critical, struct lane_mark to);
void pg_lane_sweep(struct pg_lane *lane); /* from the very start, next time */
/* Another may own it now: what was claimed from it is forgotten. */
void pg_lanes_lose(struct pg_lanes *l, struct pg_lane *lane);
void pg_lanes_lose_all(struct pg_lanes *l);
