/* fan.c - see fan.h.
 *
 *   take rows -> wait for the configuration of then -> a chunk of each, in
 *   turn, until all are done -> take ...
 *
 * The cursor is the last user that was planned. Those that the request names
 * come first, as nothing lists some of them; there it is "!" and how many of
 * them were planned, which is smaller than every user's id. */
#include "app/fan.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/audience.h"
#include "app/send.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "store/store.h"

#define JOBS_MAX 8
#define LEASE_MS 15000
#define NEXT_MAX_MS INT64_C(3600000) /* to a row that is due: no farther */
#define LOOK_MS 1000 /* for a row that may be ours without our knowing */
#define AGAIN_MS 100 /* after an error; twice as long after the next one... */
#define AGAIN_MAX_MS 16000  /* ...up to this */
#define DELIVERIES_MAX 4000 /* in one commit */
#define FIRST_CHUNK 100 /* users may be large: it grows while they are not */
#define PAGE_SMALL                                                             \
    (4 << 20) /* bytes of users: the next page may be larger... */
#define PAGE_LARGE (16 << 20) /* ...must be smaller */

struct job {
    struct arena *arena; /* NULL: nobody's place */
    struct notification n;
    struct buf cursor;
    int64_t hold;
    size_t limit, max; /* recipients of the next chunk; of any */
    /* A chunk from here may have been stored: where it went. */
    bool is_doubtful, may_be_done;
    struct buf doubt;
};

struct fan {
    const struct app *app;
    struct job jobs[JOBS_MAX];
    size_t n_jobs, turn;
    /* the chunk that is made */
    struct arena *arena;
    struct job *job;
    const struct workspace *workspace;
    struct workspace nowhere; /* in place of one that was deleted */
    struct map *named;        /* users of the request, excluded ones too */
    struct json_doc doc;
    struct audience_page page;
    struct store_chunk chunk;
    struct store_step expiry;
    struct send send;
    struct send_item item;

    struct store_work_take take;
    struct store_work_release release;
    struct store_work_hold holds[JOBS_MAX];
    struct task bell, fresh, idle;
    atomic_bool is_rung; /* the bell is posted */
    bool is_busy, is_wanted, is_draining, is_over;
    int n_failures;
    /* Until then a row may be taken by a request whose answer was lost. */
    int64_t doubt_until_ms;
    struct loop_timer again, look, due;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void go_on(struct fan *f);

static struct loop *
loop_of(const struct fan *f)
{
    return f->app->env->loop;
}

static int64_t
wall_ms(const struct fan *f)
{
    return f->app->env->clock->wall_ms(f->app->env->clock);
}

/* ---- jobs ---- */

static struct job *
job_of(struct fan *f, int64_t id)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (f->jobs[i].arena && f->jobs[i].n.id == id)
            return &f->jobs[i];
    return NULL;
}

static void
add_job(struct fan *f, const struct store_work_row *row)
{
    struct job *j = job_of(f, row->notification.id);

    if (j) { /* it was ours, and nobody else wanted it */
        buf_reset(&j->cursor);
        buf_put_str(&j->cursor, row->cursor);
        j->hold = row->hold;
        j->is_doubtful = false;
        return;
    }
    j = f->jobs;
    while (j->arena)
        j++;
    *j = (struct job){.arena = arena_new(),
                      .hold = row->hold,
                      .limit = FIRST_CHUNK,
                      .max = FAN_CHUNK};
    j->n = row->notification;
    j->n.doc = str_dup(j->arena, row->notification.doc);
    j->n.template_key = str_dup(j->arena, row->notification.template_key);
    j->n.request_id = str_dup(j->arena, row->notification.request_id);
    j->n.note = j->n.traceparent = STR_NONE;
    buf_init(&j->cursor, NULL);
    buf_init(&j->doubt, NULL);
    buf_put_str(&j->cursor, row->cursor);
    f->n_jobs++;
}

static void
end_job(struct fan *f, struct job *j)
{
    arena_free(j->arena);
    buf_fini(&j->cursor);
    buf_fini(&j->doubt);
    *j = (struct job){0};
    f->n_jobs--;
}

static struct job *
next_job(struct fan *f)
{
    for (;;) {
        struct job *j = &f->jobs[f->turn++ % JOBS_MAX];

        if (j->arena)
            return j;
    }
}

/* ---- the end of a chunk ---- */

static void
on_look(struct loop_timer *t)
{
    struct fan *f = CONTAINER_OF(t, struct fan, look);

    f->is_wanted = true;
    if (loop_now_ms(loop_of(f)) < f->doubt_until_ms)
        loop_timer_set(loop_of(f), &f->look, LOOK_MS, on_look);
    go_on(f);
}

static void
on_due(struct loop_timer *t)
{
    struct fan *f = CONTAINER_OF(t, struct fan, due);

    f->is_wanted = true;
    go_on(f);
}

static void
on_again(struct loop_timer *t)
{
    go_on(CONTAINER_OF(t, struct fan, again));
}

static void
back_off(struct fan *f)
{
    int64_t ms = AGAIN_MS;

    for (int i = 0; i < f->n_failures && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    f->n_failures++;
    f->doubt_until_ms = loop_now_ms(loop_of(f)) + ms + LEASE_MS + LOOK_MS;
    if (f->is_draining)
        return;
    loop_timer_set(loop_of(f), &f->again, ms, on_again);
    loop_timer_set(loop_of(f), &f->look, LOOK_MS, on_look);
}

static void
leave_chunk(struct fan *f)
{
    map_free(f->named);
    workspace_put(f->workspace);
    f->named = NULL;
    f->workspace = NULL;
    f->job = NULL;
    f->is_busy = false;
    go_on(f);
}

static void
fail(struct fan *f, enum err e)
{
    struct job *j = f->job;

    LOG_WARN("fan.failed", log_int("notification", j->n.id),
             log_cstr("err", err_code(e)));
    if (e == ERR_UNCERTAIN && !j->is_doubtful) {
        j->is_doubtful = true;
        j->may_be_done = f->chunk.is_last;
        buf_reset(&j->doubt);
        buf_put_str(&j->doubt, f->chunk.to);
    }
    back_off(f);
    leave_chunk(f);
}

static void
move_to(struct fan *f, struct str cursor, bool is_done)
{
    struct job *j = f->job;

    j->is_doubtful = false;
    if (is_done) {
        LOG_INFO("fan.done", log_int("notification", j->n.id));
        end_job(f, j);
        return;
    }
    buf_reset(&j->cursor);
    buf_put_str(&j->cursor, cursor);
}

/* The work is not where it was: we moved it and were not told, or somebody
 * else has it, or it was cancelled. A guess does no harm: the next chunk is
 * stored from where the work is, or not at all. */
static void
lose(struct fan *f)
{
    struct job *j = f->job;

    if (j->is_doubtful)
        move_to(f, buf_str(&j->doubt), j->may_be_done);
    else
        end_job(f, j);
}

static size_t
bytes_of(const struct store_object_get *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_keys; i++)
        n += g->objects[i].body.n;
    return n;
}

static void
fit_next_page(struct job *j, const struct send *s)
{
    size_t n = bytes_of(&s->users) + bytes_of(&s->devices);

    if (n > PAGE_LARGE && j->limit > 1)
        j->limit /= 2;
    else if (n < PAGE_SMALL)
        j->limit = j->limit * 2 < j->max ? j->limit * 2 : j->max;
}

/* One has room, whatever it says; if not even one has, it is hardly the size,
 * and may pass. */
static void
shrink(struct fan *f)
{
    struct job *j = f->job;

    if (j->limit == 1) {
        LOG_WARN("fan.refused", log_int("notification", j->n.id),
                 log_cstr("err", err_code(f->item.problem.err)));
        back_off(f);
    }
    j->max = j->limit = j->limit > 1 ? j->limit / 2 : 1;
}

static void
on_sent(struct send *s, enum err e)
{
    struct fan *f = CONTAINER_OF(s, struct fan, send);
    struct job *j = f->job;

    if (e != ERR_OK) {
        fail(f, e);
        return;
    }
    f->n_failures = 0;
    fit_next_page(j, s);
    if (problem_is_set(&f->item.problem))
        shrink(f);
    else if (f->item.accepted->is_gone)
        lose(f);
    else {
        j->hold = f->item.accepted->hold;
        move_to(f, f->chunk.to, f->chunk.is_last);
    }
    leave_chunk(f);
}

/* ---- a chunk ---- */

static void
send_those(struct fan *f, struct send_recipient *recipients, size_t n)
{
    f->chunk.lease_ms = LEASE_MS;
    f->chunk.n_recipients = (int)n;
    f->item.chunk = &f->chunk;
    f->item.notification = f->job->n.id;
    f->item.request.recipients = recipients;
    f->item.request.n_recipients = n;
    send_chunk(&f->send);
}

static void
send_named(struct fan *f, size_t from)
{
    const struct send_request *q = &f->item.request;
    size_t n = q->n_recipients - from;

    n = n < f->job->limit ? n : f->job->limit;
    f->chunk.to = str_fmt(f->arena, "!%zu", from + n);
    f->chunk.is_last = !audience_is_open(q) && from + n == q->n_recipients;
    send_those(f, q->recipients + from, n);
}

static void
on_page(struct audience_page *p, enum err e)
{
    struct fan *f = CONTAINER_OF(p, struct fan, page);
    struct send_recipient *recipients;
    size_t n = 0;

    if (e != ERR_OK) {
        fail(f, e);
        return;
    }
    recipients = ARENA_ARRAY(f->arena, struct send_recipient, p->n_users + 1);
    for (size_t i = 0; i < p->n_users; i++)
        if (!map_get(f->named, p->users[i]))
            recipients[n++] =
                (struct send_recipient){.user = p->users[i], .index = -1};
    f->send.users = (struct store_object_get){
        .keys = p->users, .n_keys = p->n_users, .objects = p->objects};
    f->chunk.is_last = !p->has_more;
    f->chunk.to = p->n_users > 0 ? p->users[p->n_users - 1] : f->chunk.from;
    send_those(f, recipients, n);
}

static void
walk(struct fan *f)
{
    f->page = (struct audience_page){
        .app = f->app,
        .arena = f->arena,
        .tenant = f->job->n.tenant,
        .request = &f->item.request,
        .after = f->chunk.from,
        .limit = f->job->limit,
        .on_done = on_page,
    };
    audience_read(&f->page);
}

static size_t
n_named(struct str cursor)
{
    int64_t n;

    if (cursor.n == 0)
        return 0;
    if (cursor.p[0] != '!' || !str_to_i64(str_sub(cursor, 1, SIZE_MAX), &n) ||
        n < 0)
        return SIZE_MAX;
    return (size_t)n;
}

/* False: nobody is to get it any more. */
static bool
read_request(struct fan *f)
{
    const struct notification *n = &f->job->n;
    struct send_request *q = &f->item.request;
    struct json_error why;

    if (n->is_cancelled || !f->workspace ||
        json_parse(f->arena, n->doc, &f->doc, &why) != ERR_OK)
        return false;
    f->item.doc = json_root(&f->doc);
    send_request_reread(f->arena, f->workspace, f->item.doc,
                        n->template_version, f->named, q);
    if (q->n_channels > 0 && f->job->max > DELIVERIES_MAX / q->n_channels)
        f->job->max = DELIVERIES_MAX / q->n_channels;
    if (f->job->limit > f->job->max)
        f->job->limit = f->job->max;
    return true;
}

/* With a workspace that is not there any more, its deliveries are not either:
 * there is only the row to remove. */
static void
give_up(struct fan *f)
{
    LOG_WARN("fan.given_up", log_int("notification", f->job->n.id));
    f->nowhere = (struct workspace){.tenant = f->job->n.tenant};
    if (!f->workspace)
        f->send.workspace = &f->nowhere;
    f->chunk.is_last = true;
    send_those(f, NULL, 0);
}

static void
add_expiry(struct send_item *item, struct store_accept_item *row)
{
    struct fan *f = CONTAINER_OF(item, struct fan, item);

    f->expiry = approval_step(f->job->n.id, f->send.now_ms, APPROVAL_EXPIRED,
                              STR_NONE, STR_NONE);
    row->steps = &f->expiry;
    row->n_steps = 1;
}

/* It is held, and due: nobody may approve it any more. */
static void
expire(struct fan *f)
{
    LOG_INFO("approval.expired", log_int("notification", f->job->n.id));
    f->item.on_row = add_expiry;
    f->chunk.is_last = true;
    send_those(f, NULL, 0);
}

static void
begin_chunk(struct fan *f)
{
    struct job *j = next_job(f);
    size_t at = n_named(buf_str(&j->cursor));

    f->is_busy = true;
    f->job = j;
    arena_reset(f->arena);
    f->workspace = snapshots_workspace(f->app->snapshots, j->n.tenant);
    f->named = map_new();
    f->chunk =
        (struct store_chunk){.from = str_dup(f->arena, buf_str(&j->cursor))};
    f->item = (struct send_item){0};
    f->send = (struct send){
        .app = f->app,
        .arena = f->arena,
        .workspace = f->workspace,
        .items = &f->item,
        .n_items = 1,
        .request_id = j->n.request_id,
        .on_done = on_sent,
    };
    if (!read_request(f))
        give_up(f);
    else if (str_is(f->chunk.from, STORE_HELD))
        expire(f);
    else if (at < f->item.request.n_recipients)
        send_named(f, at);
    else
        walk(f);
}

/* ---- taking ---- */

static void
on_fresh(struct task *t)
{
    struct fan *f = CONTAINER_OF(t, struct fan, fresh);

    f->is_busy = false;
    go_on(f);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_work_take *t = CONTAINER_OF(req, struct store_work_take, req);
    struct fan *f = CONTAINER_OF(t, struct fan, take);

    if (e != ERR_OK) {
        LOG_WARN("fan.take_failed", log_cstr("err", err_code(e)));
        f->is_busy = false;
        f->is_wanted = true;
        back_off(f);
        go_on(f);
        return;
    }
    f->n_failures = 0;
    f->is_wanted |= t->n_rows == t->max;
    if (t->next_ms >= 0)
        loop_timer_set(loop_of(f), &f->due,
                       t->next_ms < NEXT_MAX_MS ? t->next_ms + 1 : NEXT_MAX_MS,
                       on_due);
    for (size_t i = 0; i < t->n_rows; i++)
        add_job(f, &t->rows[i]);
    snapshots_wait(f->app->snapshots, t->change_seq, loop_of(f), &f->fresh);
}

static void
take(struct fan *f)
{
    f->is_busy = true;
    f->is_wanted = false; /* unless the bell rings meanwhile */
    arena_reset(f->arena);
    f->take = (struct store_work_take){
        .req = {.arena = f->arena, .loop = loop_of(f), .on_done = on_taken},
        .now_ms = wall_ms(f),
        .lease_ms = LEASE_MS,
        .max = JOBS_MAX - f->n_jobs,
    };
    store_work_take(f->app->env->store, &f->take);
}

/* ---- the end ---- */

static void
on_idle(struct task *t)
{
    struct fan *f = CONTAINER_OF(t, struct fan, idle);

    f->drained(f->drained_arg);
}

static void
on_released(struct store_req *req, enum err e)
{
    struct store_work_release *l =
        CONTAINER_OF(req, struct store_work_release, req);
    struct fan *f = CONTAINER_OF(l, struct fan, release);

    if (e != ERR_OK) /* others have it when the lease ends */
        LOG_WARN("fan.release_failed", log_cstr("err", err_code(e)));
    f->drained(f->drained_arg);
}

/* Others need not wait for leases to end. Where an answer was lost, a hold may
 * be an old one, by which nothing is released. */
static void
release(struct fan *f)
{
    arena_reset(f->arena);
    f->release = (struct store_work_release){
        .req = {.arena = f->arena, .loop = loop_of(f), .on_done = on_released},
        .holds = f->holds,
    };
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (f->jobs[i].arena)
            f->holds[f->release.n_holds++] =
                (struct store_work_hold){.tenant = f->jobs[i].n.tenant,
                                         .id = f->jobs[i].n.id,
                                         .hold = f->jobs[i].hold};
    store_work_release(f->app->env->store, &f->release);
}

static void
go_on(struct fan *f)
{
    if (f->is_busy)
        return;
    if (f->is_draining && !f->is_over) {
        f->is_over = true;
        if (f->n_jobs > 0)
            release(f);
        else
            loop_post(loop_of(f), &f->idle);
    }
    if (f->is_draining)
        return;
    if (loop_timer_is_set(&f->again))
        return;
    else if (f->is_wanted && f->n_jobs < JOBS_MAX)
        take(f);
    else if (f->n_jobs > 0)
        begin_chunk(f);
}

/* ---- life ---- */

static void
on_bell(struct task *t)
{
    struct fan *f = CONTAINER_OF(t, struct fan, bell);

    atomic_store(&f->is_rung, false);
    f->is_wanted = true;
    go_on(f);
}

void
fan_ring(struct fan *f)
{
    if (!atomic_exchange(&f->is_rung, true))
        loop_post(loop_of(f), &f->bell);
}

struct fan *
fan_new(const struct app *app)
{
    struct fan *f = xcalloc(1, sizeof(*f));

    f->app = app;
    f->arena = arena_new();
    f->bell.run = on_bell;
    f->fresh.run = on_fresh;
    f->idle.run = on_idle;
    return f;
}

void
fan_drain(struct fan *f, void (*done)(void *arg), void *arg)
{
    assert(!f->is_draining);
    f->is_draining = true;
    f->drained = done;
    f->drained_arg = arg;
    loop_timer_clear(loop_of(f), &f->again);
    loop_timer_clear(loop_of(f), &f->look);
    loop_timer_clear(loop_of(f), &f->due);
    go_on(f);
}

void
fan_free(struct fan *f)
{
    if (!f)
        return;
    loop_timer_clear(loop_of(f), &f->again);
    loop_timer_clear(loop_of(f), &f->look);
    loop_timer_clear(loop_of(f), &f->due);
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (f->jobs[i].arena)
            end_job(f, &f->jobs[i]);
    map_free(f->named);
    workspace_put(f->workspace);
    arena_free(f->arena);
    free(f);
}
