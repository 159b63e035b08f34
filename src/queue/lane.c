/* lane.c - one lane of queue.h: what it claims, holds and records.
 *
 * How much it claims at once follows how fast rows are taken: a batch that was
 * gone within TAKEN_FAST_MS doubles the next, one that lay for TAKEN_SLOW_MS
 * halves it, down to what its owner said. So a lane of slow calls holds little
 * that a crash would show as interrupted, and a fast one commits by hundreds.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "queue/queue_private.h"

#define TARGET_MAX 500 /* rows that it holds, unless its owner wants more */
#define TAKEN_FAST_MS 20
#define TAKEN_SLOW_MS 100
#define CRITICAL_STREAK_MAX 9 /* then one of the others, if one waits */
#define RECORD_MAX 2500       /* finishes in one commit: more than it claims */
#define BACKOFF_MIN_MS 10
#define BACKOFF_MAX_MS 1000

static struct queue_row *
row_of(struct heap_node *n)
{
    return CONTAINER_OF(n, struct queue_row, node);
}

/* ---- batches ---- */

static void
batch_put(struct queue_batch *b)
{
    assert(b->n_open > 0);
    if (--b->n_open == 0)
        arena_free(b->arena);
}

/* One row fewer waits in it. */
static void
batch_taken(struct queue_lane *l, struct queue_batch *b)
{
    int64_t ms = loop_now_ms(l->queue->options.env->loop) - b->claimed_ms;

    assert(b->n_waiting > 0);
    if (--b->n_waiting > 0)
        return;
    if (ms <= TAKEN_FAST_MS && b->was_full)
        l->target *= 2;
    else if (ms >= TAKEN_SLOW_MS)
        l->target /= 2;
    if (l->target > TARGET_MAX)
        l->target = TARGET_MAX;
    if (l->target < l->least)
        l->target = l->least;
}

/* ---- taking and finishing ---- */

static struct heap *
heap_to_take(struct queue_lane *l, unsigned priorities)
{
    struct heap *critical = &l->waiting[PRIORITY_CRITICAL], *best = NULL;

    for (int p = PRIORITY_CRITICAL + 1; p < PRIORITY_COUNT; p++) {
        struct heap *h = &l->waiting[p];

        if (h->n == 0 || (priorities & (1u << p)) == 0)
            continue;
        if (!best || heap_min(h)->key < heap_min(best)->key ||
            (heap_min(h)->key == heap_min(best)->key &&
             heap_min(h)->tie < heap_min(best)->tie))
            best = h;
    }
    if (critical->n == 0 || (priorities & (1u << PRIORITY_CRITICAL)) == 0)
        return best;
    return best && l->critical_streak >= CRITICAL_STREAK_MAX ? best : critical;
}

static struct queue_row *
take_row(struct queue_lane *l, unsigned priorities)
{
    struct heap *h = heap_to_take(l, priorities);
    struct queue_row *row;

    if (!h)
        return NULL;
    if (h != &l->waiting[PRIORITY_CRITICAL])
        l->critical_streak = 0;
    else if (l->n_waiting > h->n)
        l->critical_streak++;
    row = row_of(heap_min(h));
    heap_remove(h, &row->node);
    l->n_waiting--;
    batch_taken(l, row->batch);
    queue_mark_dirty(l);
    return row;
}

struct queue_item *
queue_take(struct queue_lane *l, unsigned priorities)
{
    const struct store *store = l->queue->options.env->store;
    struct queue_row *row;

    while ((row = take_row(l, priorities))) {
        if (store_holds(store, row->batch->lease))
            return &row->item;
        queue_give_back(l, &row->item); /* it may be another node's by now */
    }
    return NULL;
}

void
queue_put_back(struct queue_lane *l, struct queue_item *item)
{
    struct queue_row *row = CONTAINER_OF(item, struct queue_row, item);

    heap_insert(&l->waiting[item->work->delivery.priority], &row->node);
    row->batch->n_waiting++;
    l->n_waiting++;
}

size_t
queue_lane_waiting(const struct queue_lane *l)
{
    return l->n_waiting;
}

static const struct store_taken *
copy_taken(struct arena *a, const struct store_taken *from)
{
    struct store_taken *t = from ? ARENA_NEW(a, struct store_taken) : NULL;

    if (t)
        *t = (struct store_taken){.lane = from->lane,
                                  .message = str_dup(a, from->message),
                                  .address = str_dup(a, from->address)};
    return t;
}

static void
copy_finish(struct queue_row *row, const struct store_finish *f)
{
    struct arena *a = row->batch->arena;

    row->finish = *f;
    row->finish.tenant = row->item.work->delivery.tenant;
    row->finish.delivery = row->item.work->delivery.id;
    row->finish.lease = row->batch->lease;
    row->finish.reason = str_dup(a, f->reason);
    row->finish.provider = str_dup(a, f->provider);
    row->finish.error = str_dup(a, f->error);
    row->finish.tally = str_dup(a, f->tally);
    row->finish.taken = copy_taken(a, f->taken);
    if (!f->attempt)
        return;
    row->attempt = *f->attempt;
    row->attempt.provider = str_dup(a, f->attempt->provider);
    row->attempt.verdict = str_dup(a, f->attempt->verdict);
    row->attempt.detail = str_dup(a, f->attempt->detail);
    row->attempt.cost = str_dup(a, f->attempt->cost);
    row->attempt.request = str_dup(a, f->attempt->request);
    row->finish.attempt = &row->attempt;
}

void
queue_finish(struct queue_lane *l, struct queue_item *item,
             const struct store_finish *f)
{
    struct queue_row *row = CONTAINER_OF(item, struct queue_row, item);

    copy_finish(row, f);
    list_append(&l->finished, &row->link);
    l->n_finished++;
    queue_mark_dirty(l);
}

void
queue_give_back(struct queue_lane *l, struct queue_item *item)
{
    const struct delivery *d = &item->work->delivery;

    queue_finish(l, item,
                 &(struct store_finish){.status = DELIVERY_QUEUED,
                                        .lane = l->options.lane,
                                        .reason = d->reason,
                                        .provider = d->provider,
                                        .error = d->error});
}

void
queue_lane_give_back(struct queue_lane *l)
{
    struct queue_row *row;

    while ((row = take_row(l, QUEUE_ALL_PRIORITIES)))
        queue_give_back(l, &row->item);
    l->has_ready = l->has_critical = true;
}

/* ---- the cycle ---- */

static void
on_timer(struct loop_timer *t)
{
    struct queue_lane *l = CONTAINER_OF(t, struct queue_lane, timer);

    l->is_flush_due = true;
    l->is_backing_off = false;
    queue_mark_dirty(l);
}

static void
back_off(struct queue_lane *l)
{
    struct loop *loop = l->queue->options.env->loop;

    l->backoff_ms = l->backoff_ms == 0 ? BACKOFF_MIN_MS : l->backoff_ms * 2;
    if (l->backoff_ms > BACKOFF_MAX_MS)
        l->backoff_ms = BACKOFF_MAX_MS;
    l->is_backing_off = true;
    loop_timer_set(loop, &l->timer, l->backoff_ms, on_timer);
}

/* Nothing of the cycle is known to have happened: the finishes go again, first,
 * in their order. The fence makes that safe: what was done after all is not
 * done twice. */
static void
take_back_finishes(struct queue_lane *l)
{
    struct list *entry;

    while ((entry = list_take(&l->finished)))
        list_append(&l->recording, entry);
    while ((entry = list_take(&l->recording)))
        list_append(&l->finished, entry);
}

static void
drop_recorded(struct queue_lane *l)
{
    struct list *entry;
    int64_t n_late = 0;

    for (size_t i = 0; i < l->cycle.n_finishes; i++)
        n_late += l->cycle.finishes[i].is_done ? 0 : 1;
    if (n_late > 0)
        metric_add(metrics_series(METRIC_late_results_total), n_late);
    while ((entry = list_take(&l->recording))) {
        struct queue_row *row = CONTAINER_OF(entry, struct queue_row, link);

        l->n_finished--;
        l->n_open--;
        batch_put(row->batch);
    }
}

static void
note_suppressions(struct queue_lane *l, struct queue_row *rows)
{
    for (size_t i = 0; i < l->look.n_keys; i++)
        if (l->look.objects[i].version > 0)
            rows[l->looked_at[i]].item.suppression_body =
                l->look.objects[i].body;
}

static void
hold_claimed(struct queue_lane *l, struct queue_batch *b)
{
    struct store_cycle *c = &l->cycle;
    struct queue_row *rows = ARENA_ARRAY(b->arena, struct queue_row, c->n_work);

    if (l->look.objects)
        note_suppressions(l, rows);
    b->n_open = b->n_waiting = c->n_work;
    b->was_full = c->n_work >= c->want;
    b->claimed_ms = loop_now_ms(l->queue->options.env->loop);
    b->lease = c->lease;
    for (size_t i = 0; i < c->n_work; i++) {
        const struct delivery *d = &c->work[i].delivery;

        assert(d->priority < PRIORITY_COUNT);
        rows[i].item.work = &c->work[i];
        rows[i].batch = b;
        rows[i].node = (struct heap_node){.key = d->rank, .tie = d->id};
        heap_insert(&l->waiting[d->priority], &rows[i].node);
    }
    l->n_waiting += c->n_work;
    l->n_open += c->n_work;
}

/* A row was last changed when it became ready. */
static void
count_waits(const struct queue_lane *l)
{
    struct clock *clock = l->queue->options.env->clock;
    int64_t now_ms = clock->wall_ms(clock);

    for (size_t i = 0; l->wait && i < l->cycle.n_work; i++)
        metric_observe_ms(l->wait,
                          now_ms - l->cycle.work[i].delivery.updated_ms);
}

static void
learn_from_claim(struct queue_lane *l)
{
    const struct store_cycle *c = &l->cycle;

    if (c->want > 0)
        l->has_ready = c->has_more;
    if (c->want + c->want_critical > 0)
        l->has_critical = c->n_work == c->want + c->want_critical;
    l->has_ready |= l->news_ready;
    l->has_critical |= l->news_critical;
    if (c->want > 0 && c->n_work == 0 && l->has_ready && !l->news_ready)
        back_off(l);
    else
        l->backoff_ms = 0;
}

/* Returns it: it is the caller's. */
static struct queue_batch *
end_cycle(struct queue_lane *l)
{
    struct queue_batch *b = l->claiming;

    l->is_cycling = false;
    l->claiming = NULL;
    queue_mark_dirty(l);
    return b;
}

static void claim_ahead(struct queue_lane *l);

static void
offer_claimed(struct queue_lane *l)
{
    hold_claimed(l, end_cycle(l));
    if (l->queue->is_draining ||
        (l->records_intent && !l->cycle.records_intent)) {
        queue_lane_give_back(l);
        return;
    }
    claim_ahead(l);
    l->options.ops->on_work(l->options.arg);
}

/* Without the answer nothing of it may go out. */
static void
on_looked(struct store_req *req, enum err e)
{
    struct queue_lane *l = CONTAINER_OF(req, struct queue_lane, look.req);

    if (e == ERR_OK) {
        offer_claimed(l);
        return;
    }
    LOG_WARN("queue.look_failed", log_cstr("error", err_code(e)),
             log_int("lane", l->options.lane));
    l->look.objects = NULL;
    hold_claimed(l, end_cycle(l));
    queue_lane_give_back(l);
    back_off(l);
}

/* What was suppressed since it was planned: it may have waited for long. False:
 * nothing of it can be. */
static bool
look_for_suppressions(struct queue_lane *l)
{
    const struct queue_lane_options *o = &l->options;
    struct arena *a = l->claiming->arena;
    size_t n = l->cycle.has_suppressions && o->ops->suppression_keys
                   ? l->cycle.n_work
                   : 0;
    struct str *keys = ARENA_ARRAY(a, struct str, n * QUEUE_SUPPRESSIONS);

    l->looked_at = ARENA_ARRAY(a, size_t, n * QUEUE_SUPPRESSIONS);
    l->look = (struct store_object_get){
        .req = {.arena = a,
                .loop = l->queue->options.env->loop,
                .on_done = on_looked},
        .tenant = o->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = keys,
    };
    for (size_t i = 0; i < n; i++) {
        size_t more = o->ops->suppression_keys(o->arg, a, &l->cycle.work[i],
                                               &keys[l->look.n_keys]);

        while (more-- > 0)
            l->looked_at[l->look.n_keys++] = i;
    }
    if (l->look.n_keys > 0)
        store_object_get(l->queue->options.env->store, &l->look);
    return l->look.n_keys > 0;
}

static void
on_cycle_done(struct store_req *req, enum err e)
{
    struct queue_lane *l = CONTAINER_OF(req, struct queue_lane, cycle.req);

    if (e != ERR_OK) {
        LOG_WARN("queue.cycle_failed", log_cstr("error", err_code(e)),
                 log_int("lane", l->options.lane),
                 log_int("finishes", (int64_t)l->cycle.n_finishes));
        take_back_finishes(l);
        arena_free(end_cycle(l)->arena);
        back_off(l);
        return;
    }
    drop_recorded(l);
    learn_from_claim(l);
    if (l->cycle.n_work == 0) {
        arena_free(end_cycle(l)->arena);
        return;
    }
    count_waits(l);
    if (!look_for_suppressions(l))
        offer_claimed(l);
}

static void
fill_finishes(struct queue_lane *l, struct queue_batch *b)
{
    size_t n = l->n_finished < RECORD_MAX ? l->n_finished : RECORD_MAX;

    l->cycle.finishes = ARENA_ARRAY(b->arena, struct store_finish, n);
    for (size_t i = 0; i < n; i++) {
        struct list *entry = list_take(&l->finished);

        list_append(&l->recording, entry);
        l->cycle.finishes[i] =
            CONTAINER_OF(entry, struct queue_row, link)->finish;
    }
    l->cycle.n_finishes = n;
}

static void
begin_cycle(struct queue_lane *l, size_t want, size_t want_critical)
{
    const struct env *env = l->queue->options.env;
    struct arena *arena = arena_new();
    struct queue_batch *b = ARENA_NEW(arena, struct queue_batch);

    b->arena = arena;
    l->claiming = b;
    l->cycle = (struct store_cycle){
        .req = {.arena = arena, .on_done = on_cycle_done, .loop = env->loop},
        .now_ms = env->clock->wall_ms(env->clock),
        .tenant = l->options.tenant,
        .lane = l->options.lane,
        .want = want,
        .want_critical = want_critical,
        .records_intent = l->records_intent,
    };
    fill_finishes(l, b);
    if (want > 0)
        l->news_ready = false;
    if (want + want_critical > 0)
        l->news_critical = false;
    l->is_cycling = true;
    l->is_flush_due = false;
    loop_timer_clear(env->loop, &l->timer);
    store_cycle(env->store, &l->cycle);
}

static size_t
lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How much to claim now. Nothing while ends lie here that no commit has taken:
 * calls that take no time would pile them up behind a slow store. */
static void
what_to_claim(struct queue_lane *l, size_t *ret_want, size_t *ret_critical)
{
    size_t critical = 0, held = l->n_waiting, most;
    size_t critical_held = l->waiting[PRIORITY_CRITICAL].n;

    *ret_want = *ret_critical = 0;
    if (l->queue->is_draining || !(l->has_ready || l->has_critical) ||
        l->n_finished > RECORD_MAX)
        return;
    most = l->options.ops->appetite(l->options.arg, &critical);
    most = lesser(most, l->target);
    critical = lesser(critical, QUEUE_CLAIM_CRITICAL);
    if (l->has_ready && most > held)
        *ret_want = lesser(most - held, QUEUE_CLAIM_MAX);
    if (l->has_critical && critical > critical_held)
        *ret_critical = critical - critical_held;
}

static bool
is_worth_a_claim(const struct queue_lane *l, size_t want)
{
    return want > 0 && l->n_waiting <= l->target / 2;
}

/* So that the store works on the next batch while this one is begun. */
static void
claim_ahead(struct queue_lane *l)
{
    size_t want, critical;

    if (l->is_backing_off)
        return;
    what_to_claim(l, &want, &critical);
    if (is_worth_a_claim(l, want))
        begin_cycle(l, want, critical);
}

void
queue_lane_pump(struct queue_lane *l)
{
    size_t want, critical;
    bool must_record, must_claim;

    if (l->is_cycling || l->is_backing_off)
        return;
    what_to_claim(l, &want, &critical);
    must_claim = critical > 0 || is_worth_a_claim(l, want);
    must_record = l->n_finished > 0 &&
                  (l->is_flush_due || l->n_finished >= l->target ||
                   l->n_finished > RECORD_MAX || l->queue->is_draining);
    if (must_claim || must_record)
        begin_cycle(l, want, critical);
    else if (l->n_finished > 0 && !loop_timer_is_set(&l->timer))
        loop_timer_set(l->queue->options.env->loop, &l->timer, QUEUE_FLUSH_MS,
                       on_timer);
}

/* ---- life ---- */

void
queue_lane_news(struct queue_lane *l, bool is_critical)
{
    l->has_ready = l->news_ready = true;
    if (is_critical)
        l->has_critical = l->news_critical = true;
    queue_mark_dirty(l);
}

static struct str
lane_key(int64_t pair[2])
{
    return (struct str){(const char *)pair, 2 * sizeof(*pair)};
}

struct queue_lane *
queue_lane_open(struct queue *q, const struct queue_lane_options *o)
{
    struct queue_lane *l = xcalloc(1, sizeof(*l));
    int64_t pair[2] = {o->tenant, o->lane};
    const void *was;

    l->queue = q;
    l->options = *o;
    l->least = l->target = 1;
    l->records_intent = true;
    list_init(&l->finished);
    list_init(&l->recording);
    list_init(&l->dirty_link);
    for (int p = 0; p < PRIORITY_COUNT; p++)
        heap_init(&l->waiting[p]);
    list_append(&q->lanes, &l->link);
    was = map_put(q->by_lane, lane_key(pair), l);
    assert(was == NULL); /* the lane is open already */
    queue_lane_news(l, true);
    return l;
}

bool
queue_lane_is_idle(const struct queue_lane *l)
{
    return l->n_open == 0 && !l->is_cycling;
}

bool
queue_lane_is_empty(const struct queue_lane *l)
{
    return queue_lane_is_idle(l) && !l->has_ready && !l->has_critical;
}

void
queue_lane_free(struct queue_lane *l)
{
    int64_t pair[2] = {l->options.tenant, l->options.lane};

    assert(queue_lane_is_idle(l));
    (void)map_remove(l->queue->by_lane, lane_key(pair));
    loop_timer_clear(l->queue->options.env->loop, &l->timer);
    list_remove(&l->link);
    list_remove(&l->dirty_link);
    for (int p = 0; p < PRIORITY_COUNT; p++)
        heap_fini(&l->waiting[p]);
    free(l);
}

void
queue_lane_close(struct queue_lane *l)
{
    assert(queue_lane_is_empty(l));
    queue_lane_free(l);
}

void
queue_lane_tune(struct queue_lane *l, size_t least, bool records_intent)
{
    /* A crash would not show for what was claimed without: claim it anew. */
    if (records_intent && !l->records_intent)
        queue_lane_give_back(l);
    l->least = least < 1 ? 1 : lesser(least, 2 * 1024);
    l->records_intent = records_intent;
    if (l->target < l->least)
        l->target = l->least;
    queue_mark_dirty(l);
}

void
queue_lane_count(struct queue_lane *l, struct metric_series *wait)
{
    l->wait = wait;
}

void
queue_lane_wake(struct queue_lane *l)
{
    queue_mark_dirty(l);
}
