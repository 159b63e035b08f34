/* hub.c - who is here, and how they leave together. */
#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/rng.h"
#include "realtime/hub_private.h"
#include "realtime/user_key.h"

#define HEARTBEAT_MS 25000
#define MAX_AGE_MS (INT64_C(30) * 60 * 1000)
#define DRAIN_WINDOW_MS 10000
#define DRAIN_TICK_MS 20
#define DRAIN_MS_EACH 2 /* a few streams need no window */
#define QUEUE_BYTES (64 * 1024)
#define QUEUE_FRAMES 256
#define BURST_MS 2000
#define BURST_BYTES (4 * 1024 * 1024)
#define BURST_FRAMES 2048
#define REPLAY_BYTES (1024 * 1024)
#define BACKLOG_BYTES ((size_t)64 * 1024 * 1024)
#define SENDS_A_TURN 200
#define RETRY_MS 250
#define RETRY_MAX_S 5 /* spreads those who were refused */

static struct hub_options
with_defaults(struct hub_options o)
{
    o.heartbeat_ms = o.heartbeat_ms ? o.heartbeat_ms : HEARTBEAT_MS;
    o.max_age_ms = o.max_age_ms ? o.max_age_ms : MAX_AGE_MS;
    o.drain_window_ms = o.drain_window_ms ? o.drain_window_ms : DRAIN_WINDOW_MS;
    o.queue_bytes = o.queue_bytes ? o.queue_bytes : QUEUE_BYTES;
    o.queue_frames = o.queue_frames ? o.queue_frames : QUEUE_FRAMES;
    o.burst_ms = o.burst_ms ? o.burst_ms : BURST_MS;
    o.burst_bytes = o.burst_bytes ? o.burst_bytes : BURST_BYTES;
    o.burst_frames = o.burst_frames ? o.burst_frames : BURST_FRAMES;
    o.replay_bytes = o.replay_bytes ? o.replay_bytes : REPLAY_BYTES;
    o.backlog_bytes = o.backlog_bytes ? o.backlog_bytes : BACKLOG_BYTES;
    o.retry_ms = o.retry_ms ? o.retry_ms : RETRY_MS;
    o.sends_a_turn = o.sends_a_turn ? o.sends_a_turn : SENDS_A_TURN;
    return o;
}

struct hub *
hub_new(const struct hub_options *o)
{
    struct hub *h = xcalloc(1, sizeof(*h));

    h->o = with_defaults(*o);
    h->loop = o->app->env->loop;
    h->rng = o->app->env->rng;
    h->users = map_new();
    list_init(&h->behind);
    list_init(&h->all_users);
    list_init(&h->late_users);
    list_init(&h->catchups);
    wheel_init(h);
    fanout_init(h);
    h->metrics.connections = metrics_series(METRIC_hub_connections, "sse");
    h->metrics.fanout = metrics_series(METRIC_hub_fanout_duration_seconds);
    h->metrics.replays = metrics_series(METRIC_hub_resume_total, "replay");
    h->metrics.resets = metrics_series(METRIC_hub_resume_total, "reset");
    h->metrics.slow = metrics_series(METRIC_hub_slow_disconnects_total);
    h->metrics.buffered = metrics_series(METRIC_hub_buffer_bytes);
    h->index = hubs_join(o->hubs, h);
    return h;
}

size_t
hub_streams(const struct hub *h)
{
    return h->n_subscribers;
}

int64_t
hub_jitter(struct hub *h, int64_t from, int64_t to)
{
    return from + (int64_t)rng_below(h->rng, (uint64_t)(to - from) + 1);
}

/* ---- places ---- */

static struct hub_user *
take_user(struct hub *h, struct str key, int64_t tenant)
{
    struct hub_user *u = map_get(h->users, key);

    if (u)
        return u;
    u = xcalloc(1, sizeof(*u) + key.n);
    list_init(&u->subscribers);
    list_init(&u->late);
    list_append(&h->all_users, &u->all);
    u->tenant = tenant;
    u->n_key = key.n;
    memcpy(u->key, key.p, key.n);
    map_put(h->users, key, u);
    recheck_start(h);
    return u;
}

static bool
has_one_stream(const struct hub_user *u)
{
    return u->subscribers.next == u->subscribers.prev;
}

void
hub_place(struct hub_user *u, struct inbox_cursor at,
          struct inbox_counts counts)
{
    if (u->epoch != 0 && (u->epoch != at.epoch || u->rev > at.rev))
        return;
    u->counts = counts;
    if (u->epoch != 0 && (u->rev == at.rev || !has_one_stream(u)))
        return; /* the others are to be told what lies between */
    u->epoch = at.epoch;
    u->from_rev = u->rev = at.rev;
}

void
hub_settle(struct subscriber *s, int64_t skipped_rev)
{
    struct hub *h = s->hub;
    struct hub_user *u = s->user;

    if (s->rev < u->from_rev || s->rev < skipped_rev) {
        /* Nobody will tell it what it lacks, but a read from there. */
        if (u->heard_rev < u->rev)
            u->heard_rev = u->rev;
        u->from_rev = u->rev = s->rev;
    } else if (h->o.recheck_ms > 0 && u->heard_rev < s->rev) {
        u->heard_rev = s->rev; /* else its news are on their way */
    }
    catchup_check(h, u);
}

/* The monotonic time at which a stream ends that begins now. */
static void
set_end(struct subscriber *s, int64_t expires_ms)
{
    struct hub *h = s->hub;
    struct clock *clock = h->o.app->env->clock;
    const int64_t quarter = h->o.max_age_ms / 4;
    int64_t left_ms =
        hub_jitter(h, h->o.max_age_ms - quarter, h->o.max_age_ms + quarter);

    if (expires_ms != 0) {
        const int64_t until_ms = expires_ms - clock->wall_ms(clock);

        s->ends_by_expiry = until_ms < left_ms;
        if (s->ends_by_expiry)
            left_ms = until_ms > 0 ? until_ms : 0;
    }
    s->ends_ms = loop_now_ms(h->loop) + left_ms;
}

enum err
hub_subscribe(struct hub *h, const struct hub_visit *v, const char **ret_why,
              int64_t *ret_retry_after_s)
{
    char text[USER_KEY_SIZE];
    struct seats seats;
    struct subscriber *s;
    struct str key;
    enum err e;

    *ret_retry_after_s = hub_jitter(h, 1, RETRY_MAX_S);
    if (h->is_draining) {
        *ret_why = "the server is shutting down";
        return ERR_SHUTDOWN;
    }
    if (!user_key_format(text, v->tenant, v->user, &key)) {
        *ret_why = "there is no such user";
        return ERR_NOT_FOUND;
    }
    e = hubs_enter(h->o.hubs, h->index, key, v->address, &seats, ret_why);
    if (e != ERR_OK)
        return e;
    s = xcalloc(1, sizeof(*s));
    s->hub = h;
    s->address = seats.address;
    s->user = take_user(h, key, v->tenant);
    s->user->seat = seats.user;
    s->wants_heartbeat_events = v->wants_heartbeat_events;
    list_init(&s->slot);
    list_init(&s->behind);
    list_append(&s->user->subscribers, &s->of_user);
    h->n_subscribers++;
    metric_add(h->metrics.connections, 1);
    set_end(s, v->expires_ms);
    opening_start(s, v);
    return ERR_OK;
}

static void drained(struct loop_timer *t);

void
hub_forget(struct subscriber *s)
{
    const struct seats seats = {s->user->seat, s->address};
    struct hub *h = s->hub;
    struct hub_user *u = s->user;
    bool is_last;

    fanout_skip(h, s);
    list_remove(&s->slot);
    list_remove(&s->behind);
    list_remove(&s->of_user);
    is_last = list_is_empty(&u->subscribers);
    hubs_exit(h->o.hubs, h->index, &seats, is_last);
    if (is_last) {
        map_remove(h->users, (struct str){u->key, u->n_key});
        list_remove(&u->all);
        catchup_forget(u);
        if (h->told == u)
            h->told = NULL;
        free(u);
    }
    free(s);
    h->n_subscribers--;
    metric_add(h->metrics.connections, -1);
    if (h->is_draining && h->n_subscribers == 0)
        loop_timer_set(h->loop, &h->drain_timer, 0, drained);
}

/* ---- leaving together ---- */

static void
drained(struct loop_timer *t)
{
    struct hub *h = CONTAINER_OF(t, struct hub, drain_timer);
    void (*done)(void *) = h->on_drained;

    h->on_drained = NULL;
    if (done)
        done(h->drained_arg);
}

/* Anyone whose stream has begun; NULL: all others are being opened. */
static struct subscriber *
anyone(struct hub *h)
{
    for (int i = 0; i < WHEEL_SLOTS; i++)
        if (!list_is_empty(&h->wheel[i]))
            return CONTAINER_OF(h->wheel[i].next, struct subscriber, slot);
    return NULL;
}

/* So many that all are gone when the window closes. Those still being opened
 * are refused when the store has answered. */
static void
drain_some(struct loop_timer *t)
{
    struct hub *h = CONTAINER_OF(t, struct hub, drain_timer);
    const int64_t left_ms = h->drain_ends_ms - loop_now_ms(h->loop);
    size_t n_ticks = left_ms > 0 ? (size_t)(left_ms / DRAIN_TICK_MS) + 1 : 1;
    size_t n = (h->n_subscribers + n_ticks - 1) / n_ticks;
    struct subscriber *s;

    loop_timer_set(h->loop, &h->drain_timer, DRAIN_TICK_MS, drain_some);
    while (n-- > 0 && (s = anyone(h)))
        subscriber_end(s, BYE_DRAIN);
}

void
hub_drain(struct hub *h, void (*done)(void *arg), void *arg)
{
    int64_t window_ms = (int64_t)h->n_subscribers * DRAIN_MS_EACH;

    assert(!h->is_draining);
    if (window_ms > h->o.drain_window_ms)
        window_ms = h->o.drain_window_ms;
    h->is_draining = true;
    h->on_drained = done;
    h->drained_arg = arg;
    h->drain_ends_ms = loop_now_ms(h->loop) + window_ms;
    loop_timer_set(h->loop, &h->drain_timer, 0,
                   h->n_subscribers ? drain_some : drained);
}

static void
cut(struct subscriber *s)
{
    struct http_stream *stream = s->stream;

    if (s->opening)
        opening_abandon(s->opening);
    hub_forget(s);
    if (stream)
        http_stream_end(stream);
}

void
hub_free(struct hub *h)
{
    size_t at = 0;
    struct str key;
    void *user;

    if (!h)
        return;
    h->is_draining = true;
    while (map_next(h->users, &at, &key, &user)) {
        /* The last one takes the user with it. */
        for (size_t n = map_count(h->users); map_count(h->users) == n;)
            cut(CONTAINER_OF(((struct hub_user *)user)->subscribers.next,
                             struct subscriber, of_user));
    }
    loop_timer_clear(h->loop, &h->drain_timer);
    catchup_fini(h);
    recheck_fini(h);
    wheel_fini(h);
    fanout_fini(h);
    hubs_leave(h->o.hubs, h->index);
    map_free(h->users);
    free(h);
}
