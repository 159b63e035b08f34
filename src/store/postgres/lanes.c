/* lanes.c - see lanes.h. */
#include "store/postgres/lanes.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

struct pg_lanes {
    struct map *by_lane;
    struct claims *claims;
};

static const struct lane_mark lowest = {INT64_MIN, INT64_MIN};
static const struct lane_mark highest = {INT64_MAX, INT64_MAX};

static bool
is_before(struct lane_mark a, struct lane_mark b)
{
    return a.rank < b.rank || (a.rank == b.rank && a.id < b.id);
}

struct pg_lanes *
pg_lanes_new(void)
{
    struct pg_lanes *l = xcalloc(1, sizeof(*l));

    l->by_lane = map_new();
    l->claims = claims_new();
    return l;
}

void
pg_lanes_free(struct pg_lanes *l)
{
    struct str key;
    void *lane;

    if (!l)
        return;
    for (size_t at = 0; map_next(l->by_lane, &at, &key, &lane);)
        free(lane);
    map_free(l->by_lane);
    claims_free(l->claims);
    free(l);
}

struct claims *
pg_lanes_claims(struct pg_lanes *l)
{
    return l->claims;
}

static struct str
key_of(const int64_t *lane)
{
    return (struct str){(const char *)lane, sizeof(*lane)};
}

struct pg_lane *
pg_lanes_get(struct pg_lanes *l, int64_t lane)
{
    struct pg_lane *found = map_get(l->by_lane, key_of(&lane));

    if (found)
        return found;
    found = xcalloc(1, sizeof(*found));
    found->lane = lane;
    found->sweep = pace_make(PG_LANE_SWEEP_MS, PG_LANE_SWEEP_MAX_MS);
    pg_lane_sweep(found);
    (void)map_put(l->by_lane, key_of(&lane), found);
    return found;
}

bool
pg_lanes_is_mine(const struct pg_lanes *l, int64_t lane)
{
    const struct pg_lane *found = map_get(l->by_lane, key_of(&lane));

    return found && found->state == PG_LANE_MINE;
}

static struct pg_lane *
find(const struct pg_lanes *l, int64_t signed_lane)
{
    int64_t lane = signed_lane < 0 ? -signed_lane : signed_lane;

    return map_get(l->by_lane, key_of(&lane));
}

bool
pg_lanes_is_wanted(const struct pg_lanes *l, int64_t signed_lane)
{
    const struct pg_lane *lane = find(l, signed_lane);

    return !lane || lane->state != PG_LANE_TAKEN;
}

bool
pg_lanes_look(struct pg_lanes *l, int64_t signed_lane, int64_t now_ms)
{
    struct pg_lane *lane = find(l, signed_lane);

    if (!lane)
        return true;
    if (lane->left_ms != 0 && now_ms - lane->left_ms < PG_LANE_AWAY_MS)
        return false;
    lane->left_ms = 0;
    if (lane->state == PG_LANE_TAKEN)
        lane->state = PG_LANE_UNKNOWN;
    return lane->state != PG_LANE_MINE || pace_is_due(&lane->sweep, now_ms);
}

/* ---- shares ---- */

struct busy {
    struct pg_lane *lane;
    size_t n_claims;
};

static int
by_claims(const void *a, const void *b)
{
    const struct busy *x = a, *y = b;

    return (x->n_claims > y->n_claims) - (x->n_claims < y->n_claims);
}

/* Lanes that are ours without doubt, least busy first. */
static struct busy *
list_busy(const struct pg_lanes *l, struct arena *a, size_t *ret_n)
{
    struct busy *all = ARENA_ARRAY(a, struct busy, map_count(l->by_lane));
    struct str key;
    void *value;
    size_t n = 0;

    for (size_t at = 0; map_next(l->by_lane, &at, &key, &value);) {
        struct pg_lane *lane = value;

        if (lane->state != PG_LANE_MINE || lane->is_doubtful)
            continue;
        all[n].lane = lane;
        all[n].n_claims = claims_count_of_lane(l->claims, lane->lane);
        n++;
    }
    qsort(all, n, sizeof(*all), by_claims);
    *ret_n = n;
    return all;
}

void
pg_lanes_balance(struct pg_lanes *l, int64_t share, int64_t now_ms)
{
    struct arena *a = arena_new();
    size_t n;
    struct busy *all = list_busy(l, a, &n);

    for (size_t i = 0; share >= 0 && i + (size_t)share < n; i++)
        if (all[i].lane->leaving_ms == 0)
            all[i].lane->leaving_ms = now_ms;
    arena_free(a);
}

size_t
pg_lanes_let_go(struct pg_lanes *l, struct arena *a, int64_t now_ms,
                int64_t **ret_lanes)
{
    size_t n, n_gone = 0;
    struct busy *all = list_busy(l, a, &n);

    *ret_lanes = ARENA_ARRAY(a, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        struct pg_lane *lane = all[i].lane;

        if (lane->leaving_ms == 0)
            continue;
        if (all[i].n_claims == 0) {
            (*ret_lanes)[n_gone++] = lane->lane;
            pg_lanes_lose(l, lane);
            lane->state = PG_LANE_TAKEN;
            lane->left_ms = now_ms;
        } else if (now_ms - lane->leaving_ms >= PG_LANE_LEAVE_MS) {
            lane->leaving_ms = 0;
        }
    }
    return n_gone;
}

/* ---- marks ---- */

void
pg_lane_sweep(struct pg_lane *lane)
{
    for (int i = 0; i < 2; i++)
        lane->marks[i] = lane->told[i] = lowest;
}

void
pg_lanes_doubt_marks(struct pg_lanes *l)
{
    struct str key;
    void *lane;

    for (size_t at = 0; map_next(l->by_lane, &at, &key, &lane);)
        pace_hurry(&((struct pg_lane *)lane)->sweep);
}

void
pg_lanes_row(struct pg_lanes *l, int64_t signed_lane, int64_t rank, int64_t id)
{
    struct lane_mark before = {rank, id - 1};
    struct pg_lane *found = find(l, signed_lane);
    int i = signed_lane < 0;

    if (!found)
        return;
    if (is_before(before, found->marks[i]))
        found->marks[i] = before;
    if (is_before(before, found->told[i]))
        found->told[i] = before;
}

struct lane_mark
pg_lane_begin(struct pg_lane *lane, bool is_critical)
{
    lane->told[is_critical] = highest;
    return lane->marks[is_critical];
}

void
pg_lane_raise(struct pg_lane *lane, bool is_critical, struct lane_mark to)
{
    /* What came meanwhile, the claim may not have seen. */
    if (is_before(lane->told[is_critical], to))
        to = lane->told[is_critical];
    lane->marks[is_critical] = to;
}

/* ---- loss ---- */

void
pg_lanes_lose(struct pg_lanes *l, struct pg_lane *lane)
{
    claims_drop_lane(l->claims, lane->lane);
    lane->state = PG_LANE_UNKNOWN;
    lane->is_doubtful = false;
    lane->leaving_ms = 0;
    pg_lane_sweep(lane);
}

void
pg_lanes_lose_all(struct pg_lanes *l)
{
    struct str key;
    void *lane;

    for (size_t at = 0; map_next(l->by_lane, &at, &key, &lane);)
        pg_lanes_lose(l, lane);
}
