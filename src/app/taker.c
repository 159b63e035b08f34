#include "app/taker.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

#define LEASE_MS 15000
#define NEXT_MAX_MS INT64_C(3600000) /* to a row that is due: no farther */
#define AGAIN_MS 100 /* after an error; twice as long after the next one... */
#define AGAIN_MAX_MS 16000 /* ...up to this */

struct taker {
    struct taker_options o;
    size_t n_used;  /* slots that are not free */
    size_t n_bytes; /* of these */
    struct arena *arena;
    struct store_work_take take;
    int64_t ahead_ms; /* of the last take */
    struct task bell, fresh, idle;
    atomic_bool is_rung; /* the bell is posted */
    bool is_taking, is_wanted, is_draining, is_over;
    int n_failures;
    struct loop_timer again, due;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void go_on(struct taker *t);

static struct loop *
loop_of(const struct taker *t)
{
    return t->o.app->env->loop;
}

/* ---- the end of one ---- */

static void
leave(struct taker_slot *s, int state)
{
    struct taker *t = s->taker;

    s->state = (unsigned)state;
    if (s->state == TAKER_FREE) {
        t->n_used--;
        t->n_bytes -= s->bytes;
        s->bytes = 0;
    }
    go_on(t);
}

static void
on_again(struct loop_timer *timer)
{
    go_on(CONTAINER_OF(timer, struct taker, again));
}

static void
back_off(struct taker *t)
{
    int64_t ms = AGAIN_MS;

    if (t->is_draining || loop_timer_is_set(&t->again))
        return;
    for (int i = 0; i < t->n_failures && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    t->n_failures++;
    loop_timer_set(loop_of(t), &t->again, ms, on_again);
}

void
taker_done(struct taker_slot *s)
{
    s->taker->n_failures = 0;
    leave(s, TAKER_FREE);
}

void
taker_fail(struct taker_slot *s, enum err e)
{
    LOG_WARN("work.failed", log_int("kind", s->hold.kind),
             log_int("id", s->hold.id), log_cstr("err", err_code(e)));
    back_off(s->taker);
    leave(s, TAKER_FAILED);
}

static void
on_given_back(struct store_req *req, enum err e)
{
    struct store_work_release *l =
        CONTAINER_OF(req, struct store_work_release, req);

    if (e != ERR_OK) /* it is free when the lease ends */
        LOG_WARN("work.release_failed", log_cstr("err", err_code(e)));
    leave(CONTAINER_OF(l, struct taker_slot, release), TAKER_FREE);
}

/* It may have been moved without our knowing, and be due: looked for anew. */
void
taker_lose(struct taker_slot *s)
{
    s->taker->is_wanted = true;
    arena_reset(s->arena);
    s->release = (struct store_work_release){
        .req = {.arena = s->arena,
                .loop = loop_of(s->taker),
                .on_done = on_given_back},
        .holds = &s->hold,
        .n_holds = 1,
    };
    store_work_release(s->taker->o.app->env->store, &s->release);
}

/* ---- taking ---- */

static void
begin(struct taker_slot *s)
{
    s->state = TAKER_BUSY;
    arena_reset(s->arena);
    s->taker->o.begin(s);
}

static struct store_work_hold
hold_of(const struct taker *t, const struct store_work_row *row)
{
    struct store_work_hold h = {.kind = t->o.kind,
                                .tenant = row->notification.tenant,
                                .id = row->notification.id,
                                .hold = row->hold};

    if (t->o.kind == STORE_WORK_DIGEST) {
        h.tenant = row->digest.tenant;
        h.id = row->digest.id;
    } else if (t->o.kind == STORE_WORK_WORKFLOW) {
        h.id = row->instance.id;
    }
    return h;
}

/* The one of a row that we have already: its lease ended or was broken, and
 * nobody else wanted it. */
static struct taker_slot *
slot_for(struct taker *t, int64_t id)
{
    struct taker_slot *found = NULL;

    for (size_t i = 0; i < t->o.n_slots; i++) {
        struct taker_slot *s = t->o.slots[i];

        if (s->state != TAKER_FREE && s->hold.id == id)
            return s;
        if (s->state == TAKER_FREE && !found)
            found = s;
    }
    return found;
}

static void
on_due(struct loop_timer *timer)
{
    struct taker *t = CONTAINER_OF(timer, struct taker, due);

    t->is_wanted = true;
    go_on(t);
}

static void
on_fresh(struct task *task)
{
    struct taker *t = CONTAINER_OF(task, struct taker, fresh);

    for (size_t i = 0; i < t->take.n_rows; i++) {
        const struct store_work_row *row = &t->take.rows[i];
        struct store_work_hold hold = hold_of(t, row);
        struct taker_slot *s = slot_for(t, hold.id);

        s->hold = hold;
        s->ahead_ms = t->ahead_ms;
        if (s->state == TAKER_BUSY)
            continue; /* its commit finds this lease, and then gives it back */
        t->n_used += s->state == TAKER_FREE;
        t->n_bytes += store_work_bytes(row) - s->bytes;
        s->bytes = store_work_bytes(row);
        t->o.fill(s, row);
        begin(s);
    }
    t->is_taking = false;
    go_on(t);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_work_take *take =
        CONTAINER_OF(req, struct store_work_take, req);
    struct taker *t = CONTAINER_OF(take, struct taker, take);

    if (e != ERR_OK) {
        LOG_WARN("work.take_failed", log_int("kind", t->o.kind),
                 log_cstr("err", err_code(e)));
        t->is_taking = false;
        t->is_wanted = true;
        back_off(t);
        go_on(t);
        return;
    }
    if (t->n_used == 0)
        t->n_failures = 0;
    t->ahead_ms =
        take->at_ms > 0
            ? take->at_ms - t->o.app->env->clock->wall_ms(t->o.app->env->clock)
            : 0;
    t->is_wanted |= take->n_rows == take->max || take->is_cut;
    if (take->next_ms >= 0 && !t->is_draining)
        loop_timer_set(loop_of(t), &t->due,
                       take->next_ms < NEXT_MAX_MS ? take->next_ms + 1
                                                   : NEXT_MAX_MS,
                       on_due);
    snapshots_wait(t->o.app->snapshots, take->change_seq, loop_of(t),
                   &t->fresh);
}

static bool
has_room(const struct taker *t)
{
    return t->n_used < t->o.n_slots &&
           (t->o.max_bytes == 0 || t->n_bytes < t->o.max_bytes);
}

static void
take(struct taker *t)
{
    struct clock *clock = t->o.app->env->clock;

    t->is_taking = true;
    t->is_wanted = false;
    arena_reset(t->arena);
    t->take = (struct store_work_take){
        .req = {.arena = t->arena, .loop = loop_of(t), .on_done = on_taken},
        .kind = t->o.kind,
        .now_ms = clock->wall_ms(clock),
        .lease_ms = LEASE_MS,
        .max = t->o.n_slots - t->n_used,
        .max_bytes = t->o.max_bytes > 0 ? t->o.max_bytes - t->n_bytes : 0,
    };
    store_work_take(t->o.app->env->store, &t->take);
}

/* ---- the end ---- */

static void
on_idle(struct task *task)
{
    struct taker *t = CONTAINER_OF(task, struct taker, idle);

    t->drained(t->drained_arg);
}

/* Others need not wait for the leases of what failed. */
static void
wind_up(struct taker *t)
{
    if (t->is_taking || t->is_over)
        return;
    for (size_t i = 0; i < t->o.n_slots; i++)
        if (t->o.slots[i]->state == TAKER_FAILED) {
            t->o.slots[i]->state = TAKER_BUSY;
            taker_lose(t->o.slots[i]);
        }
    if (t->n_used > 0)
        return;
    t->is_over = true;
    loop_post(loop_of(t), &t->idle);
}

static void
go_on(struct taker *t)
{
    if (t->is_draining) {
        wind_up(t);
        return;
    }
    if (loop_timer_is_set(&t->again))
        return;
    for (size_t i = 0; i < t->o.n_slots; i++)
        if (t->o.slots[i]->state == TAKER_FAILED)
            begin(t->o.slots[i]);
    if (t->is_wanted && !t->is_taking && has_room(t))
        take(t);
}

/* ---- life ---- */

static void
on_bell(struct task *task)
{
    struct taker *t = CONTAINER_OF(task, struct taker, bell);

    atomic_store(&t->is_rung, false);
    t->is_wanted = true;
    go_on(t);
}

void
taker_ring(struct taker *t)
{
    if (!atomic_exchange(&t->is_rung, true))
        loop_post(loop_of(t), &t->bell);
}

struct taker *
taker_new(const struct taker_options *o)
{
    struct taker *t = xcalloc(1, sizeof(*t));

    t->o = *o;
    t->arena = arena_new();
    t->bell.run = on_bell;
    t->fresh.run = on_fresh;
    t->idle.run = on_idle;
    for (size_t i = 0; i < o->n_slots; i++) {
        o->slots[i]->taker = t;
        o->slots[i]->arena = arena_new();
    }
    return t;
}

void
taker_drain(struct taker *t, void (*done)(void *arg), void *arg)
{
    assert(!t->is_draining);
    t->is_draining = true;
    t->drained = done;
    t->drained_arg = arg;
    loop_timer_clear(loop_of(t), &t->again);
    loop_timer_clear(loop_of(t), &t->due);
    go_on(t);
}

void
taker_free(struct taker *t)
{
    if (!t)
        return;
    loop_timer_clear(loop_of(t), &t->again);
    loop_timer_clear(loop_of(t), &t->due);
    for (size_t i = 0; i < t->o.n_slots; i++)
        arena_free(t->o.slots[i]->arena);
    arena_free(t->arena);
    free(t);
}
