/* node.c - see node.h. One connection, which listens, does all of it: bells
 * when there are some, else each second a beat, a burial, a look. */
#include "store/postgres/node.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/health.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "store/postgres/bell.h"
#include "store/postgres/connect.h"
#include "store/postgres/lanes.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/plans.h"

#define TICK_MS 1000 /* or oftener, where a lease is short: */
#define TICKS_A_LEASE 15
/* The lanes are looked at with each tick, or less often where that takes long;
 * but before the lane that somebody gave up is his again (PG_LANE_AWAY_MS). */
#define LANES_TICKS_MAX 4
#define MARGIN_PARTS 7   /* of it, a part that we do without */
#define PATIENCE_PARTS 3 /* of it; then there is time for another beat */
#define RING_MS 2        /* bells wait so long for others */
#define DAYS_AHEAD 3     /* partitions that are there before they are needed */
#define DAYS_EVERY_MS 3600000
#define ID_AHEAD_MS 10000 /* reserved for the ids to come */
#define NAME_MAX_BYTES 64
#define OUTBOX_BELL "belfry_outbox" /* rung by applications, if at all */

struct pg_node {
    struct pg_store *store;
    struct pg_node_options options;
    int64_t incarnation, process;
    int64_t next_incarnation; /* while it returns; 0: does not */
    int slot;                 /* the first one */
    int64_t id_limit_ms;
    char host[NAME_MAX_BYTES], roles[NAME_MAX_BYTES];
    struct pg_conn *conn;
    struct loop_timer tick, ring;
    bool is_tick_due, is_registered, is_leaving, is_look_due, looks_at_lanes,
        is_silent;
    struct pace lanes_pace;
    bool asked_lanes;      /* the look that is under way is at them, too */
    bool met_meanwhile;    /* it may have been too early to see somebody */
    bool must_forget;      /* what was claimed, once no cycle is under way */
    int64_t down_since_ms; /* monotonic; 0: is not */
    bool is_away;          /* for so long that it is said */
    void (*left)(struct pg_store *s);
    int64_t asked_ms;            /* when the beat under way was sent */
    _Atomic int64_t lease;       /* counts losses, from 1 on */
    _Atomic int64_t lease_ms;    /* monotonic: it surely holds until then */
    int64_t beat_ms;             /* monotonic; when the last one was sent */
    int64_t no_burial_before_ms; /* monotonic */
    int64_t days_due_ms;         /* monotonic: when to look for partitions */
    int64_t n_live;              /* nodes, when we looked last */
    int64_t seq;                 /* of the last change that was told here */
    int64_t due_known_ms;        /* of what waits, told here; 0: nothing */
    struct pg_bells *bells;      /* for the others */
};

static int64_t
mono_ms(const struct pg_node *n)
{
    return n->store->clock->mono_ms(n->store->clock);
}

static int64_t
tick_ms(const struct pg_node *n)
{
    int64_t ms = n->options.lease_ms / TICKS_A_LEASE;

    return ms < TICK_MS ? ms : TICK_MS;
}

int64_t
pg_node_incarnation(const struct pg_node *n)
{
    return n->incarnation;
}

int64_t
pg_node_process(const struct pg_node *n)
{
    return n->process;
}

int
pg_node_slot(const struct pg_node *n)
{
    return n->slot;
}

int64_t
pg_node_id_limit_ms(const struct pg_node *n)
{
    return n->id_limit_ms;
}

int64_t
pg_node_lease(const struct pg_node *n)
{
    return atomic_load(&n->lease);
}

bool
pg_node_holds(const struct pg_node *n, int64_t lease)
{
    /* Read first: what is read after the lease could be the next one's. */
    int64_t until_ms = atomic_load(&n->lease_ms);

    return lease == atomic_load(&n->lease) && mono_ms(n) < until_ms;
}

bool
pg_node_may_own(const struct pg_node *n)
{
    return n->options.may_own && n->is_registered && !n->is_leaving &&
           pg_node_holds(n, pg_node_lease(n));
}

/* From when a beat was asked for: the others count from when it was done. */
static void
extend_lease(struct pg_node *n, int64_t asked_ms)
{
    int64_t ms = n->options.lease_ms;

    n->beat_ms = asked_ms;
    atomic_store(&n->lease_ms, asked_ms + ms - ms / MARGIN_PARTS);
}

/* ---- to be somebody ---- */

/* Never 0, never one that was: 62 bits of chance. */
static int64_t
draw_incarnation(void)
{
    int64_t v;

    do {
        rng_secret(&v, sizeof(v));
        v &= INT64_C(0x3fffffffffffffff);
    } while (v == 0);
    return v;
}

static void
put_self(struct pg_node *n, struct pg_params *p)
{
    pg_put_int(p, n->incarnation);
    pg_put_int4(p, (int)getpid());
    pg_put_text(p, str_from(n->host));
    pg_put_text(p, str_from(n->roles));
    pg_put_text(p, STR(BELFRY_VERSION));
}

static bool
take_slot(struct pg_node *n, struct pg_rows r)
{
    if (!pg_next(&r))
        return false;
    n->slot = (int)pg_int(&r);
    n->id_limit_ms = pg_int(&r);
    n->is_registered = true;
    return true;
}

#define TRIES_MAX 20

static enum err
register_with(struct pg_node *n, PGconn *c, const char **ret_why)
{
    struct arena *a = arena_new();
    enum err e = ERR_OK;

    for (int i = 0; !n->is_registered && e == ERR_OK && i < TRIES_MAX; i++) {
        struct pg_params p = {.arena = a};
        PGresult *r;

        n->asked_ms = mono_ms(n);
        n->incarnation = n->process = draw_incarnation();
        put_self(n, &p);
        r = PQexecParams(c, pg_texts[PG_node_register].text, p.n, NULL,
                         p.values, p.lengths, p.formats, 1);
        if (PQresultStatus(r) != PGRES_TUPLES_OK) {
            *ret_why = pg_why("%s", PQerrorMessage(c));
            e = ERR_IO;
        } else if (take_slot(n, pg_rows(r))) {
            extend_lease(n, n->asked_ms);
        }
        PQclear(r);
    }
    arena_free(a);
    if (e == ERR_OK && !n->is_registered) {
        *ret_why = "there are 1024 nodes already";
        e = ERR_FULL;
    }
    return e;
}

/* Whoever has a lane sends, or catches, what is in it. */
static enum err
meet_the_others(struct pg_node *n, PGconn *c, const char **ret_why)
{
    bool is_dev = n->options.is_dev;
    struct arena *a = arena_new();
    struct pg_params p = {.arena = a};
    struct pg_rows rows;
    enum err e = ERR_OK;
    PGresult *r;

    pg_put_bool(&p, is_dev);
    pg_put_int(&p, n->options.lease_ms);
    r = PQexecParams(c, pg_texts[PG_node_strangers].text, p.n, NULL, p.values,
                     p.lengths, p.formats, 1);
    rows = pg_rows(r);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        *ret_why = pg_why("%s", PQerrorMessage(c));
        e = ERR_IO;
    } else if (pg_next(&rows) && pg_int(&rows) > 0) {
        *ret_why = is_dev ? "other servers use this database, and --dev would "
                            "catch their messages; give it one of its own: --db"
                          : "a server with --dev uses this database and would "
                            "catch messages; stop it, or use another database";
        e = ERR_CONFLICT;
    }
    PQclear(r);
    arena_free(a);
    return e;
}

enum err
pg_node_register(struct pg_store *s, const struct pg_node_options *o, PGconn *c,
                 const char **ret_why)
{
    struct pg_node *n = xcalloc(1, sizeof(*n));
    enum err e;

    s->node = n;
    n->store = s;
    n->options = *o;
    snprintf(n->roles, sizeof(n->roles), "%s%s", o->roles,
             o->is_dev ? ",dev" : "");
    if (gethostname(n->host, sizeof(n->host)) != 0)
        n->host[0] = '\0';
    n->host[sizeof(n->host) - 1] = '\0';
    n->bells = pg_bells_new();
    n->lease = 1;
    n->no_burial_before_ms = mono_ms(n) + o->lease_ms / 3;
    n->lanes_pace = pace_make(0, tick_ms(n) * LANES_TICKS_MAX);
    e = meet_the_others(n, c, ret_why);
    return e == ERR_OK ? register_with(n, c, ret_why) : e;
}

/* ---- bells ---- */

static void pump(struct pg_node *n);

static void
on_ring(struct loop_timer *t)
{
    pump(CONTAINER_OF(t, struct pg_node, ring));
}

static bool
is_alone(const struct pg_node *n)
{
    return n->n_live <= 1;
}

static void
want_ring(struct pg_node *n)
{
    if (n->conn && !loop_timer_is_set(&n->ring))
        loop_timer_set(n->store->loop, &n->ring, RING_MS, on_ring);
}

void
pg_node_ring_ready(struct pg_node *n, int64_t tenant, int64_t signed_lane,
                   int64_t rank, int64_t id)
{
    if (is_alone(n))
        return;
    pg_bells_ready(n->bells, tenant, signed_lane, rank, id);
    want_ring(n);
}

void
pg_node_ring_wait(struct pg_node *n, int64_t due_ms)
{
    if (n->due_known_ms == 0 || due_ms < n->due_known_ms)
        n->due_known_ms = due_ms;
    if (is_alone(n))
        return;
    pg_bells_wait(n->bells, due_ms);
    want_ring(n);
}

void
pg_node_ring_change(struct pg_node *n, int64_t seq)
{
    if (seq > n->seq)
        n->seq = seq;
    if (is_alone(n))
        return;
    pg_bells_change(n->bells, seq);
    want_ring(n);
}

void
pg_node_ring_work(struct pg_node *n)
{
    if (is_alone(n))
        return;
    pg_bells_work(n->bells);
    want_ring(n);
}

void
pg_node_ring_told(struct pg_node *n)
{
    if (is_alone(n))
        return;
    pg_bells_told(n->bells);
    want_ring(n);
}

void
pg_node_ring_inbox(struct pg_node *n, int64_t tenant, struct str user,
                   int64_t rev)
{
    if (is_alone(n))
        return;
    pg_bells_inbox(n->bells, tenant, user, rev);
    want_ring(n);
}

static void
on_rung(void *arg, enum pg_outcome o)
{
    (void)o; /* a bell that is lost is looked for */
    pump(arg);
}

static void
ring(struct pg_node *n)
{
    struct pg_params *p = pg_conn_params(n->conn);
    struct buf text;

    buf_init(&text, p->arena);
    pg_bells_take(n->bells, n->incarnation, &text);
    pg_put_text(p, buf_str(&text));
    pg_conn_send(n->conn, PG_ring);
    pg_conn_sync(n->conn, on_rung, n);
}

/* ---- bells of others ---- */

/* True: the rest is our own. */
static bool
hear(struct pg_node *n, const struct pg_bell *b)
{
    struct notices *told = &n->store->notices;

    switch (b->kind) {
    case 'n':
        if (b->v[0] == n->incarnation)
            return true;
        n->n_live = n->n_live > 2 ? n->n_live : 2;
        n->met_meanwhile = true;
        break;
    case 'c':
        if (b->v[0] > n->seq)
            notices_change(told, 0, OBJECT_WORKSPACE, b->v[0]);
        n->seq = b->v[0] > n->seq ? b->v[0] : n->seq;
        break;
    case 'w':
        notices_wait(told, b->v[0]);
        break;
    case 'k':
        notices_work(told);
        break;
    case 't':
        notices_tell_endpoints(told);
        break;
    case 'r':
        pg_lanes_row(n->store->lanes, b->v[1], b->v[2], b->v[3]);
        if (pg_lanes_is_wanted(n->store->lanes, b->v[1]))
            notices_ready(told, b->v[0], b->v[1]);
        break;
    case 'i':
        notices_inbox_bell(told, b->v[0], b->user, n->store->epoch, b->v[1]);
        break;
    default:
        break;
    }
    return false;
}

static void
on_notify(void *arg, struct str channel, struct str payload)
{
    struct pg_node *n = arg;
    struct str line;

    if (str_is(channel, OUTBOX_BELL)) {
        notices_outbox(&n->store->notices);
        payload = STR_NONE; /* whatever an application says */
    }
    while (str_split(&payload, '\n', &line)) {
        struct pg_bell bell = pg_bell_read(line);

        if (hear(n, &bell))
            return;
    }
    notices_tell(&n->store->notices, &n->store->listener);
}

/* ---- the tick ---- */

enum { BEAT, BURY };  /* the results of a beat... */
enum { LOOK, LANES }; /* ...and of a look */

/* A cycle that is under way knows what is claimed, and goes on as who it was
 * begun: so we forget, and return as somebody new, when it has ended. */
static void
forget(struct pg_node *n)
{
    if (!n->must_forget || n->store->cycle.op)
        return;
    n->must_forget = false;
    pg_lanes_lose_all(n->store->lanes);
}

void
pg_node_cycle_ended(struct pg_node *n)
{
    if (!n->must_forget)
        return;
    forget(n);
    pump(n);
}

/* They think that we are dead. What was claimed must not be begun, not even
 * when we are back. */
void
pg_node_lost(struct pg_node *n)
{
    if (!n->is_registered)
        return;
    LOG_WARN("node.lost", log_int("slot", n->slot));
    n->is_registered = false;
    atomic_fetch_add(&n->lease, 1);
    atomic_store(&n->lease_ms, 0);
    n->must_forget = true;
    forget(n);
}

static void
take_beat(struct pg_node *n)
{
    struct pg_rows r = pg_conn_rows(n->conn, BEAT);
    int64_t since_ms;

    if (!pg_next(&r)) {
        pg_node_lost(n);
        return;
    }
    since_ms = pg_int(&r);
    extend_lease(n, n->asked_ms);
    /* It was we, or the clock: the others deserve time to be heard again. */
    if (since_ms > n->options.lease_ms / 2)
        n->no_burial_before_ms = mono_ms(n) + n->options.lease_ms;
}

static void
take_burials(struct pg_node *n)
{
    struct pg_rows r = pg_conn_rows(n->conn, BURY);

    while (pg_next(&r)) {
        int64_t slot = pg_int(&r), pid = pg_int(&r);

        pace_hurry(&n->lanes_pace); /* its lanes can be had */
        LOG_WARN("node.buried", log_int("slot", slot), log_int("pid", pid),
                 log_str("host", pg_borrow(&r)));
    }
}

static void
take_look(struct pg_node *n)
{
    struct pg_rows r = pg_conn_rows(n->conn, LOOK);
    int64_t n_live, seq, due_ms, n_workers, n_lanes;

    if (!pg_next(&r))
        return;
    n_live = pg_int(&r);
    if (n_live < n->n_live) /* lanes can be had */
        pace_hurry(&n->lanes_pace);
    if (n_live > n->n_live || !n->met_meanwhile)
        n->n_live = n_live;
    seq = pg_int(&r);
    due_ms = pg_int(&r);
    if (seq > n->seq)
        notices_change(&n->store->notices, 0, OBJECT_WORKSPACE, seq);
    n->seq = seq > n->seq ? seq : n->seq;
    if (due_ms > 0 && due_ms != n->due_known_ms)
        notices_wait(&n->store->notices, due_ms);
    n->due_known_ms = due_ms;
    if (pg_int(&r) > 0)
        notices_outbox(&n->store->notices);
    n_workers = pg_int(&r);
    n_lanes = pg_int(&r);
    if (pg_int(&r) != 0)
        notices_work(&n->store->notices);
    if (pg_int(&r) != 0)
        notices_tell_endpoints(&n->store->notices);
    if (n->options.may_own && n_workers > 1 && n_lanes > 0) /* none: older */
        pg_lanes_balance(n->store->lanes, (n_lanes + n_workers - 1) / n_workers,
                         loop_now_ms(n->store->loop));
}

static void
take_lanes_due(struct pg_node *n)
{
    struct pg_rows r = pg_conn_rows(n->conn, LANES);

    while (pg_next(&r)) {
        int64_t tenant = pg_int(&r), lane = pg_int(&r);

        if (pg_lanes_look(n->store->lanes, lane, loop_now_ms(n->store->loop)))
            notices_ready(&n->store->notices, tenant, lane);
    }
}

static void
on_looked(void *arg, enum pg_outcome o)
{
    struct pg_node *n = arg;

    if (o == PG_FAILED)
        LOG_ERROR("node.look_failed",
                  log_cstr("why", pg_conn_message(n->conn)));
    if (n->asked_lanes)
        pace_end(&n->lanes_pace, mono_ms(n));
    if (o == PG_DONE) {
        take_look(n);
        if (n->asked_lanes)
            take_lanes_due(n);
        n->looks_at_lanes = n->options.may_own; /* the queue looks first */
        notices_tell(&n->store->notices, &n->store->listener);
    }
    pump(n);
}

static void
on_released(void *arg, enum pg_outcome o)
{
    (void)o; /* else they are ours still, which a look will show */
    pump(arg);
}

/* False: there is none to release. Not while a cycle is under way, which may
 * be about to claim. */
static bool
release_lanes(struct pg_node *n)
{
    struct pg_params *p = pg_conn_params(n->conn);
    int64_t *lanes;
    struct pg_array all;
    size_t n_lanes;

    if (n->store->cycle.op)
        return false;
    n_lanes = pg_lanes_let_go(n->store->lanes, p->arena,
                              loop_now_ms(n->store->loop), &lanes);
    if (n_lanes == 0)
        return false;
    all = pg_array(p->arena, PG_TYPE_INT8, n_lanes);
    for (size_t i = 0; i < n_lanes; i++) {
        LOG_INFO("lane.released", log_int("lane", lanes[i]));
        pg_add_int(&all, lanes[i]);
    }
    pg_put_array(p, &all);
    pg_put_int(p, n->incarnation);
    pg_conn_send(n->conn, PG_lane_release);
    pg_conn_sync(n->conn, on_released, n);
    return true;
}

/* After a silence of our own the others have not been heard for as long, maybe
 * because nobody could be: they come first. */
static bool
may_bury(const struct pg_node *n)
{
    int64_t now_ms = mono_ms(n);

    return now_ms >= n->no_burial_before_ms &&
           now_ms - n->beat_ms <= n->options.lease_ms / 2;
}

/* Apart from the beat, which must not depend on how long this takes. */
static void
send_look(struct pg_node *n)
{
    (void)pg_conn_params(n->conn);
    pg_conn_send(n->conn, PG_look);
    n->met_meanwhile = false;
    n->asked_lanes =
        n->looks_at_lanes && pace_is_due(&n->lanes_pace, mono_ms(n));
    if (n->asked_lanes) {
        pace_begin(&n->lanes_pace, mono_ms(n));
        pg_put_int(pg_conn_params(n->conn), n->incarnation);
        pg_conn_send(n->conn, PG_lanes_due);
    }
    pg_conn_sync(n->conn, on_looked, n);
}

static void
on_beaten(void *arg, enum pg_outcome o)
{
    struct pg_node *n = arg;

    if (o == PG_FAILED)
        LOG_ERROR("node.beat_failed",
                  log_cstr("why", pg_conn_message(n->conn)));
    if (o == PG_DONE) {
        take_beat(n);
        take_burials(n);
        n->is_look_due = true;
    }
    pump(n);
}

static void
send_beat(struct pg_node *n)
{
    int64_t wall_ms = n->store->clock->wall_ms(n->store->clock);
    struct pg_params *p;

    n->asked_ms = mono_ms(n);
    p = pg_conn_params(n->conn);
    pg_put_int(p, n->incarnation);
    pg_put_int(p, wall_ms + ID_AHEAD_MS);
    pg_conn_send(n->conn, PG_node_beat);
    p = pg_conn_params(n->conn);
    pg_put_int(p, may_bury(n) ? n->options.lease_ms : INT32_MAX);
    pg_conn_send(n->conn, PG_node_bury);
    pg_conn_sync(n->conn, on_beaten, n);
}

static void
on_days(void *arg, enum pg_outcome o)
{
    struct pg_node *n = arg;

    if (o == PG_FAILED)
        LOG_ERROR("upkeep.days_failed",
                  log_cstr("why", pg_conn_message(n->conn)));
    if (o != PG_DONE)
        n->days_due_ms = mono_ms(n) + n->options.lease_ms;
    pump(n);
}

/* Any node, whatever its roles: without a partition nothing is accepted. */
static void
send_days(struct pg_node *n)
{
    n->days_due_ms = mono_ms(n) + DAYS_EVERY_MS;
    pg_put_int4(pg_conn_params(n->conn), DAYS_AHEAD);
    pg_conn_send(n->conn, PG_make_days);
    pg_conn_sync(n->conn, on_days, n);
}

static void
on_returned(void *arg, enum pg_outcome o)
{
    struct pg_node *n = arg;
    struct pg_rows r;

    if (o == PG_DONE) {
        r = pg_conn_rows(n->conn, 0);
        /* Ids carry the slot, so nobody else may go on with it. */
        if (!pg_next(&r))
            fatal("node slot %d was given to another process meanwhile; "
                  "start again",
                  n->slot);
        n->is_registered = n->is_tick_due = true;
        n->incarnation = pg_int(&r);
        n->next_incarnation = 0;
        extend_lease(n, n->asked_ms);
        LOG_INFO("node.back", log_int("slot", n->slot));
    }
    pump(n);
}

static void
send_return(struct pg_node *n)
{
    struct pg_params *p = pg_conn_params(n->conn);

    n->asked_ms = mono_ms(n);
    pg_put_int2(p, n->slot);
    pg_put_int(p, n->incarnation);
    if (n->next_incarnation == 0)
        n->next_incarnation = draw_incarnation();
    pg_put_int(p, n->next_incarnation);
    pg_conn_send(n->conn, PG_node_return);
    pg_conn_sync(n->conn, on_returned, n);
}

static void
on_left(void *arg, enum pg_outcome o)
{
    struct pg_node *n = arg;
    void (*left)(struct pg_store *) = n->left;

    (void)o; /* else they find out when the lease is over */
    n->left = NULL;
    left(n->store);
}

static void
send_leave(struct pg_node *n)
{
    pg_put_int(pg_conn_params(n->conn), n->incarnation);
    pg_conn_send(n->conn, PG_node_leave);
    pg_conn_sync(n->conn, on_left, n);
}

/* Once each time: nothing is begun until a beat is heard again. */
static void
tell_if_silent(struct pg_node *n)
{
    bool was_silent = n->is_silent;

    n->is_silent = n->is_registered && !pg_node_holds(n, pg_node_lease(n));
    if (n->is_silent && !was_silent)
        LOG_WARN("node.silent", log_int("slot", n->slot));
}

/* One that comes back soon is not missed. */
static void
tell_if_away(struct pg_node *n)
{
    if (n->is_away || n->down_since_ms == 0 ||
        mono_ms(n) - n->down_since_ms < PG_AWAY_MS)
        return;
    n->is_away = true;
    health_report(STR("store"), HEALTH_DOWN, STR("the database is away"),
                  n->store->clock->wall_ms(n->store->clock));
}

static void
on_tick(struct loop_timer *t)
{
    struct pg_node *n = CONTAINER_OF(t, struct pg_node, tick);

    n->is_tick_due = true;
    loop_timer_set(n->store->loop, &n->tick, tick_ms(n), on_tick);
    tell_if_silent(n);
    tell_if_away(n);
    pump(n);
}

static void
pump(struct pg_node *n)
{
    if (n->is_leaving && !n->left)
        return;
    if (!pg_conn_is_ready(n->conn)) {
        if (n->left && pg_conn_is_down(n->conn))
            on_left(n, PG_LOST);
        return;
    }
    if (n->left && n->is_registered && !pg_bells_are_empty(n->bells)) {
        ring(n); /* of what ended just now, others hear at once */
    } else if (n->left) {
        send_leave(n);
    } else if (!n->is_registered) {
        if (!n->must_forget)
            send_return(n);
    } else if (pg_bells_has_greeting(n->bells)) {
        ring(n); /* before it owns anything that others must tell it of */
    } else if (n->is_tick_due) {
        n->is_tick_due = false;
        send_beat(n);
    } else if (n->is_look_due) {
        n->is_look_due = false;
        send_look(n);
    } else if (release_lanes(n)) {
        return;
    } else if (mono_ms(n) >= n->days_due_ms) {
        send_days(n);
    } else if (!pg_bells_are_empty(n->bells)) {
        ring(n);
    }
}

static void
on_ready(void *arg)
{
    struct pg_node *n = arg;

    if (n->down_since_ms != 0)
        LOG_INFO("store.back", log_cstr("session", "control"));
    if (n->is_away)
        health_report(STR("store"), HEALTH_OK,
                      str_from(n->store->base.driver->name),
                      n->store->clock->wall_ms(n->store->clock));
    n->down_since_ms = 0;
    n->is_away = false;
    n->is_tick_due = true;
    pg_bells_greet(n->bells); /* so that nobody thinks that it is alone */
    pg_lanes_doubt_marks(n->store->lanes); /* bells may have been missed */
    pace_hurry(&n->lanes_pace);
    pump(n);
}

static void
on_lost(void *arg, const char *why)
{
    struct pg_node *n = arg;

    if (n->down_since_ms == 0) {
        LOG_WARN("store.lost", log_cstr("session", "control"),
                 log_cstr("why", why));
        n->down_since_ms = mono_ms(n) - pg_conn_silence_ms(n->conn);
    }
    tell_if_away(n);
    pump(n);
}

/* ---- life ---- */

static const char setup[] =
    "SET synchronous_commit = off; SET statement_timeout = '5s'; "
    "SET lock_timeout = '1s'; " PG_PLANS "LISTEN belfry; LISTEN " OUTBOX_BELL;

void
pg_node_start(struct pg_store *s)
{
    struct pg_node *n = s->node;

    n->conn = pg_conn_new(&(struct pg_conn_options){
        .loop = s->loop,
        .url = s->url,
        .who = "control",
        .setup = setup,
        .patience_ms = n->options.lease_ms / PATIENCE_PARTS,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .on_notify = on_notify,
        .arg = n});
    loop_timer_set(s->loop, &n->tick, 0, on_tick);
}

void
pg_node_leave(struct pg_store *s, void (*done)(struct pg_store *s))
{
    struct pg_node *n = s->node;

    n->is_leaving = true;
    n->left = done;
    loop_timer_clear(s->loop, &n->tick);
    loop_timer_clear(s->loop, &n->ring);
    pump(n);
}

void
pg_node_free(struct pg_node *n)
{
    if (!n)
        return;
    pg_conn_free(n->conn);
    if (n->store->loop) {
        loop_timer_clear(n->store->loop, &n->tick);
        loop_timer_clear(n->store->loop, &n->ring);
    }
    pg_bells_free(n->bells);
    free(n);
}
