/* queue.c - all lanes, the look at them at start, the waiting room and the
 * drain; a single lane is lane.c. */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "queue/queue_private.h"

#define PROMOTE_MAX 1000    /* rows in one commit */
#define PROMOTE_PAUSE_MS 50 /* what is due meanwhile goes together */
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 1000

/* ---- one pump a turn ---- */

static bool
is_at_rest(const struct queue *q)
{
    if (q->is_promoting || q->is_looking)
        return false;
    LIST_EACH(it, &q->lanes)
    {
        if (!queue_lane_is_idle(CONTAINER_OF(it, struct queue_lane, link)))
            return false;
    }
    return true;
}

static void
run_task(struct task *t)
{
    struct queue *q = CONTAINER_OF(t, struct queue, task);
    struct list *entry;

    q->is_task_posted = false;
    while ((entry = list_take(&q->dirty)))
        queue_lane_pump(CONTAINER_OF(entry, struct queue_lane, dirty_link));
    if (q->drained && is_at_rest(q)) {
        void (*drained)(void *) = q->drained;

        q->drained = NULL;
        drained(q->drained_arg);
    }
}

static void
post_task(struct queue *q)
{
    if (q->is_task_posted)
        return;
    q->is_task_posted = true;
    q->task.run = run_task;
    loop_defer(q->options.env->loop, &q->task);
}

void
queue_mark_dirty(struct queue_lane *l)
{
    list_remove(&l->dirty_link);
    list_append(&l->queue->dirty, &l->dirty_link);
    post_task(l->queue);
}

/* ---- the waiting room ---- */

static void arm_wait_timer(struct queue *q);

static int64_t
wall_ms(const struct queue *q)
{
    return q->options.env->clock->wall_ms(q->options.env->clock);
}

static int64_t
doubled(int64_t ms)
{
    ms = ms == 0 ? RETRY_MIN_MS : ms * 2;
    return ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms;
}

/* By the row that had waited longest. */
static void
count_lag(const struct queue *q)
{
    if (q->promote.n_promoted > 0)
        metric_observe_ms(q->lag, wall_ms(q) - q->promote.first_due_ms);
}

static void
on_promoted(struct store_req *req, enum err e)
{
    struct store_promote *p = CONTAINER_OF(req, struct store_promote, req);
    struct queue *q = CONTAINER_OF(p, struct queue, promote);
    int64_t heard_ms = q->due_ms; /* by news, meanwhile */

    q->is_promoting = false;
    q->promoted_ms = loop_now_ms(q->options.env->loop);
    arena_reset(q->promote_arena);
    if (e != ERR_OK) {
        LOG_WARN("queue.promote_failed", log_cstr("error", err_code(e)));
        q->promote_backoff_ms = doubled(q->promote_backoff_ms);
        q->due_ms = p->now_ms;
    } else {
        q->promote_backoff_ms = 0;
        count_lag(q);
        q->due_ms = p->n_promoted == p->max ? p->now_ms : p->next_due_ms;
        if (heard_ms != 0 && (q->due_ms == 0 || heard_ms < q->due_ms))
            q->due_ms = heard_ms;
    }
    post_task(q);
    arm_wait_timer(q);
}

static void
promote(struct queue *q)
{
    int64_t now_ms = wall_ms(q);

    q->is_promoting = true;
    q->due_ms = 0;
    loop_timer_clear(q->options.env->loop, &q->wait_timer);
    q->promote = (struct store_promote){
        .req = {.arena = q->promote_arena,
                .on_done = on_promoted,
                .loop = q->options.env->loop},
        .now_ms = now_ms,
        .max = PROMOTE_MAX,
    };
    store_promote(q->options.env->store, &q->promote);
}

static void
on_wait_timer(struct loop_timer *t)
{
    struct queue *q = CONTAINER_OF(t, struct queue, wait_timer);

    /* Not on trust: the timer is monotonic, what is due goes by the wall. */
    if (wall_ms(q) >= q->due_ms)
        promote(q);
    else
        arm_wait_timer(q);
}

static void
arm_wait_timer(struct queue *q)
{
    struct loop *loop = q->options.env->loop;
    int64_t ms, pause_ms;

    if (q->due_ms == 0 || q->is_promoting || q->is_draining)
        return;
    ms = q->due_ms - wall_ms(q);
    if (ms > QUEUE_WAIT_CHECK_MS && !q->options.env->clock->is_steady)
        ms = QUEUE_WAIT_CHECK_MS;
    pause_ms = q->promoted_ms + PROMOTE_PAUSE_MS - loop_now_ms(loop);
    if (q->promote.n_promoted == PROMOTE_MAX)
        pause_ms = 0;
    if (ms < pause_ms)
        ms = pause_ms;
    if (ms < q->promote_backoff_ms)
        ms = q->promote_backoff_ms;
    loop_timer_set(loop, &q->wait_timer, ms < 0 ? 0 : ms, on_wait_timer);
}

void
queue_on_wait(struct queue *q, int64_t due_ms)
{
    if (q->due_ms != 0 && q->due_ms <= due_ms)
        return;
    q->due_ms = due_ms < 1 ? 1 : due_ms;
    arm_wait_timer(q);
}

/* ---- lanes ---- */

void
queue_on_ready(struct queue *q, int64_t tenant, int64_t lane, bool is_critical)
{
    int64_t pair[2] = {tenant, lane};
    struct queue_lane *l =
        map_get(q->by_lane, (struct str){(const char *)pair, sizeof(pair)});

    if (l)
        queue_lane_news(l, is_critical);
    else if (!q->is_draining)
        q->options.on_unknown_lane(q->options.arg, tenant, lane);
}

static void look(struct queue *q);

static void
on_look_timer(struct loop_timer *t)
{
    look(CONTAINER_OF(t, struct queue, look_timer));
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_stats *s = CONTAINER_OF(req, struct store_stats, req);
    struct queue *q = CONTAINER_OF(s, struct queue, stats);

    q->is_looking = false;
    if (e != ERR_OK) {
        LOG_WARN("queue.look_failed", log_cstr("error", err_code(e)));
        if (!q->is_draining)
            loop_timer_set(q->options.env->loop, &q->look_timer, RETRY_MAX_MS,
                           on_look_timer);
    } else {
        for (size_t i = 0; i < s->n_lanes; i++) {
            if (s->lanes[i].n_ready > 0)
                queue_on_ready(q, s->lanes[i].tenant, s->lanes[i].lane, true);
        }
    }
    arena_free(s->req.arena);
    post_task(q);
}

static void
look(struct queue *q)
{
    q->is_looking = true;
    q->stats = (struct store_stats){.req = {.arena = arena_new(),
                                            .on_done = on_looked,
                                            .loop = q->options.env->loop},
                                    .only_lanes = true};
    store_stats(q->options.env->store, &q->stats);
}

/* ---- life ---- */

struct queue *
queue_new(const struct queue_options *o)
{
    struct queue *q = xcalloc(1, sizeof(*q));

    q->options = *o;
    q->by_lane = map_new();
    q->promote_arena = arena_new();
    q->lag = metrics_series(METRIC_scheduler_lag_seconds);
    list_init(&q->lanes);
    list_init(&q->dirty);
    return q;
}

void
queue_start(struct queue *q)
{
    look(q);
    promote(q);
}

void
queue_drain(struct queue *q, void (*done)(void *arg), void *arg)
{
    assert(!q->is_draining);
    q->is_draining = true;
    q->drained = done;
    q->drained_arg = arg;
    loop_timer_clear(q->options.env->loop, &q->wait_timer);
    loop_timer_clear(q->options.env->loop, &q->look_timer);
    LIST_EACH(it, &q->lanes)
    {
        queue_lane_give_back(CONTAINER_OF(it, struct queue_lane, link));
    }
    post_task(q);
}

void
queue_free(struct queue *q)
{
    if (!q)
        return;
    /* A verb that the store still holds would answer into freed memory: the
     * end of the process frees it. */
    if (!is_at_rest(q) || q->is_task_posted)
        return;
    LIST_EACH(it, &q->lanes)
    {
        queue_lane_free(CONTAINER_OF(it, struct queue_lane, link));
    }
    loop_timer_clear(q->options.env->loop, &q->wait_timer);
    loop_timer_clear(q->options.env->loop, &q->look_timer);
    map_free(q->by_lane);
    arena_free(q->promote_arena);
    free(q);
}
