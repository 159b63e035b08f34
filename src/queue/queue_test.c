#include "queue/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "store/store.h"

/* A store that answers when the test says so, with rows the test made. */
struct fake {
    struct store store;
    struct store_cycle *cycle; /* asked and not answered */
    struct store_object_get *look;
    struct store_promote *promote;
    struct store_stats *stats;
    int n_cycles, n_promotes;
};

struct bench {
    struct fake fake;
    struct clock_virtual clock;
    struct env env;
    struct queue *queue;
    struct queue_lane *lane;
    size_t appetite, critical;
    int n_work, n_unknown, n_drained;
    int64_t last_unknown;
    struct queue_item *taken[600];
    size_t n_taken;
    bool takes_all, ends_all, is_draining;
    bool was_cycling; /* at the last on_work() */
    bool has_suppressions;
};

static struct bench *
bench_of(struct store *s)
{
    return CONTAINER_OF(CONTAINER_OF(s, struct fake, store), struct bench,
                        fake);
}

static void
submit(struct store *s, struct store_req *req)
{
    struct fake *f = &bench_of(s)->fake;

    switch (req->verb) {
    case STORE_VERB_cycle:
        assert_null(f->cycle);
        f->cycle = CONTAINER_OF(req, struct store_cycle, req);
        f->n_cycles++;
        break;
    case STORE_VERB_object_get:
        assert_null(f->look);
        f->look = CONTAINER_OF(req, struct store_object_get, req);
        break;
    case STORE_VERB_promote:
        assert_null(f->promote);
        f->promote = CONTAINER_OF(req, struct store_promote, req);
        f->n_promotes++;
        break;
    case STORE_VERB_stats:
        f->stats = CONTAINER_OF(req, struct store_stats, req);
        break;
    default:
        fail();
    }
}

static const struct store_driver fake_driver = {.name = "fake",
                                                .submit = submit};

static size_t
appetite(void *arg, size_t *ret_critical)
{
    struct bench *b = arg;

    *ret_critical = b->critical;
    return b->appetite;
}

static void
finish(struct bench *b, struct queue_item *item)
{
    struct attempt a = {.n = 1, .provider = STR("p"), .verdict = STR("sent")};
    char id[] = "m1", to[] = "u@b.c";
    struct store_taken t = {
        .lane = 7, .message = str_from(id), .address = str_from(to)};

    queue_finish(b->lane, item,
                 &(struct store_finish){.status = DELIVERY_SENT,
                                        .reason = STR("accepted"),
                                        .attempt = &a,
                                        .taken = &t});
    id[0] = to[0] = '?'; /* what was told is kept */
    t.lane = 0;
}

static void
on_work(void *arg)
{
    struct bench *b = arg;
    struct queue_item *item;

    b->n_work++;
    b->was_cycling = b->fake.cycle != NULL;
    while (b->takes_all && (item = queue_take(b->lane, QUEUE_ALL_PRIORITIES)))
        b->taken[b->n_taken++] = item;
    while (b->ends_all && (item = queue_take(b->lane, QUEUE_ALL_PRIORITIES)))
        finish(b, item);
}

/* Those with odd ids have an address, which may be written in two ways. */
static size_t
suppression_keys(void *arg, struct arena *a, const struct store_work *work,
                 struct str ret[static QUEUE_SUPPRESSIONS])
{
    (void)arg;
    if (work->delivery.id % 2 == 0)
        return 0;
    ret[0] = str_fmt(a, "email:%lld@b.c", (long long)work->delivery.id);
    ret[1] = str_fmt(a, "email:%lld@B.C", (long long)work->delivery.id);
    return 2;
}

static const struct queue_lane_ops ops = {appetite, on_work, suppression_keys};

static void
on_unknown_lane(void *arg, int64_t tenant, int64_t lane)
{
    struct bench *b = arg;

    (void)tenant;
    b->n_unknown++;
    b->last_unknown = lane;
}

static void
turn(struct bench *b)
{
    loop_turn(b->env.loop, 0);
    loop_turn(b->env.loop, 0);
}

/* Until the store is asked: timers here are of a few milliseconds. */
static struct store_cycle *
next_cycle(struct bench *b)
{
    for (int i = 0; i < 100 && !b->fake.cycle; i++)
        loop_turn(b->env.loop, 10);
    assert_non_null(b->fake.cycle);
    return b->fake.cycle;
}

static void
answer(struct bench *b, enum err e)
{
    struct store_cycle *c = b->fake.cycle;

    b->fake.cycle = NULL;
    c->req.on_done(&c->req, e);
    turn(b);
}

/* n rows with ids from first_id on; the rank is the id. */
static void
answer_rows(struct bench *b, size_t n, int64_t first_id, enum priority p,
            bool has_more)
{
    struct store_cycle *c = next_cycle(b);

    assert_true(n <= c->want + c->want_critical);
    for (size_t i = 0; i < c->n_finishes; i++)
        c->finishes[i].is_done = true;
    c->work = ARENA_ARRAY(c->req.arena, struct store_work, n);
    c->n_work = n;
    c->has_more = has_more;
    c->has_suppressions = b->has_suppressions;
    for (size_t i = 0; i < n; i++) {
        c->work[i].delivery.id = c->work[i].delivery.rank =
            first_id + (int64_t)i;
        c->work[i].delivery.tenant = 1;
        c->work[i].delivery.priority = p;
    }
    answer(b, ERR_OK);
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->fake.store.driver = &fake_driver;
    clock_virtual_init(&b->clock, 1800000000000);
    b->env = (struct env){
        .loop = loop_new(), .clock = &b->clock.base, .store = &b->fake.store};
    b->queue = queue_new(&(struct queue_options){
        .env = &b->env, .on_unknown_lane = on_unknown_lane, .arg = b});
    b->appetite = SIZE_MAX;
    b->critical = 4;
    b->lane = queue_lane_open(
        b->queue, &(struct queue_lane_options){
                      .tenant = 1, .lane = 5, .ops = &ops, .arg = b});
    queue_lane_tune(b->lane, 8, true);
    *state = b;
    return 0;
}

static void
on_drained(void *arg)
{
    ((struct bench *)arg)->n_drained++;
}

static void
drain(struct bench *b)
{
    b->is_draining = true;
    queue_drain(b->queue, on_drained, b);
}

static int
tear_down(void **state)
{
    struct bench *b = *state;

    b->takes_all = false;
    for (size_t i = 0; i < b->n_taken; i++)
        finish(b, b->taken[i]);
    if (!b->is_draining)
        drain(b);
    for (int i = 0; i < 200 && !b->n_drained; i++) {
        loop_turn(b->env.loop, 5);
        if (b->fake.cycle)
            answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
        if (b->fake.promote) {
            struct store_promote *p = b->fake.promote;
            b->fake.promote = NULL;
            p->req.on_done(&p->req, ERR_OK);
        }
    }
    assert_int_equal(b->n_drained, 1);
    turn(b);
    queue_free(b->queue);
    loop_free(b->env.loop);
    free(b);
    return 0;
}

/* ---- claiming ---- */

static void
a_new_lane_looks_for_work_and_then_rests(void **state)
{
    struct bench *b = *state;
    struct store_cycle *c = next_cycle(b);

    assert_int_equal(c->lane, 5);
    assert_int_equal(c->want, 8);
    assert_int_equal(c->want_critical, 4);
    assert_true(c->records_intent);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    for (int i = 0; i < 5; i++)
        loop_turn(b->env.loop, 5);
    assert_null(b->fake.cycle);
    assert_true(queue_lane_is_idle(b->lane));
    assert_int_equal(b->n_work, 0);
}

static void
news_of_work_claims_at_once(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    queue_on_ready(b->queue, 1, 5, false);
    turn(b);
    assert_non_null(b->fake.cycle);
    assert_int_equal(b->fake.cycle->want_critical, 0);
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_work, 1);
    assert_int_equal(queue_lane_waiting(b->lane), 1);
}

static void
news_during_a_claim_is_not_lost(void **state)
{
    struct bench *b = *state;

    (void)next_cycle(b);
    queue_on_ready(b->queue, 1, 5, false);
    turn(b);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_non_null(b->fake.cycle);
}

static void
what_cannot_begin_is_not_claimed(void **state)
{
    struct bench *b = *state;

    b->appetite = b->critical = 0;
    for (int i = 0; i < 3; i++)
        loop_turn(b->env.loop, 2);
    assert_null(b->fake.cycle);
    b->appetite = 3;
    queue_lane_wake(b->lane);
    assert_int_equal(next_cycle(b)->want, 3);
    answer_rows(b, 3, 1, PRIORITY_NORMAL, true);
    assert_null(b->fake.cycle); /* three are held, no more can begin */
}

static void
an_empty_claim_though_there_is_more_backs_off(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 0, 0, PRIORITY_NORMAL, true);
    assert_null(b->fake.cycle);
    (void)next_cycle(b);
}

static void
a_lane_that_is_fast_claims_more_and_a_slow_one_does_not(void **state)
{
    struct bench *b = *state;
    size_t done = 0;

    b->takes_all = true;
    for (size_t want = 8; want < 500; want *= 2) {
        assert_int_equal(next_cycle(b)->want, want);
        answer_rows(b, want, (int64_t)(1000 * want), PRIORITY_NORMAL, true);
        while (done < b->n_taken)
            finish(b, b->taken[done++]);
        b->n_taken = done = 0;
        turn(b);
    }
    assert_int_equal(next_cycle(b)->want, 500);
    b->takes_all = false;
    answer_rows(b, 8, 1, PRIORITY_NORMAL, true);
    for (int i = 0; i < 15; i++)
        loop_turn(b->env.loop, 10);
    b->takes_all = true;
    on_work(b);
    turn(b);
    assert_true(next_cycle(b)->want <= 500);
}

static void
a_wide_lane_claims_on_while_it_begins_what_came(void **state)
{
    struct bench *b = *state;

    queue_lane_tune(b->lane, (size_t)2 * QUEUE_CLAIM_MAX, true);
    b->ends_all = true;
    assert_int_equal(next_cycle(b)->want, QUEUE_CLAIM_MAX);
    answer_rows(b, QUEUE_CLAIM_MAX, 1, PRIORITY_NORMAL, true);
    assert_true(b->was_cycling);
    assert_int_equal(b->fake.cycle->want, QUEUE_CLAIM_MAX);
    assert_int_equal(b->fake.cycle->n_finishes, 0);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_int_equal(next_cycle(b)->n_finishes, QUEUE_CLAIM_MAX);
}

static void
what_ends_at_once_does_not_pile_up(void **state)
{
    struct bench *b = *state;
    size_t n_claimed = 0, n_recorded = 0;

    queue_lane_tune(b->lane, 2048, true);
    b->ends_all = true;
    for (int i = 0; i < 30; i++) {
        struct store_cycle *c = next_cycle(b);
        size_t n = c->want;

        n_recorded += c->n_finishes;
        answer_rows(b, n, (int64_t)n_claimed + 1, PRIORITY_NORMAL, true);
        n_claimed += n;
        assert_true(n_claimed - n_recorded <= 5000);
    }
    assert_true(n_recorded >= 10 * 2048);
}

/* ---- order ---- */

static void
critical_ones_overtake_and_the_tenth_is_another(void **state)
{
    struct bench *b = *state;
    struct queue_item *item;

    b->critical = 20;
    answer_rows(b, 8, 1, PRIORITY_NORMAL, false);
    queue_on_ready(b->queue, 1, 5, true);
    turn(b);
    assert_int_equal(next_cycle(b)->want_critical, 20);
    answer_rows(b, 12, 100, PRIORITY_CRITICAL, false);
    for (int i = 0; i < 12; i++) {
        item = queue_take(b->lane, QUEUE_ALL_PRIORITIES);
        b->taken[b->n_taken++] = item;
        assert_int_equal(item->work->delivery.priority,
                         i == 9 ? PRIORITY_NORMAL : PRIORITY_CRITICAL);
    }
    assert_int_equal(b->taken[9]->work->delivery.id, 1);
}

static void
only_the_asked_priorities_are_taken(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 2, 1, PRIORITY_NORMAL, false);
    assert_null(queue_take(b->lane, 1u << PRIORITY_CRITICAL));
    assert_int_equal(queue_lane_waiting(b->lane), 2);
}

/* ---- finishing ---- */

static void
finishes_go_with_the_next_claim(void **state)
{
    struct bench *b = *state;

    b->takes_all = true;
    answer_rows(b, 8, 1, PRIORITY_NORMAL, true);
    assert_non_null(b->fake.cycle);
    for (size_t i = 0; i < 8; i++)
        finish(b, b->taken[i]);
    b->n_taken = 0;
    answer_rows(b, 1, 50, PRIORITY_NORMAL, true);
    assert_int_equal(b->fake.cycle->n_finishes, 8);
    assert_int_equal(b->fake.cycle->finishes[0].delivery, 1);
    assert_int_equal(b->fake.cycle->finishes[0].tenant, 1);
    assert_int_equal(b->fake.cycle->finishes[7].delivery, 8);
    assert_true(b->fake.cycle->want > 0);
}

static void
a_single_finish_waits_a_moment_and_goes_alone(void **state)
{
    struct bench *b = *state;

    b->takes_all = true;
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    finish(b, b->taken[0]);
    b->n_taken = 0;
    turn(b);
    assert_int_equal(next_cycle(b)->n_finishes, 1);
    assert_int_equal(b->fake.cycle->want, 0);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_true(queue_lane_is_idle(b->lane));
}

static void
an_uncertain_commit_is_told_again(void **state)
{
    static const enum err errors[] = {ERR_UNCERTAIN, ERR_IO, ERR_TIMEOUT};
    struct bench *b = *state;
    const struct store_finish *f;

    b->takes_all = true;
    answer_rows(b, 2, 1, PRIORITY_NORMAL, false);
    finish(b, b->taken[0]);
    (void)next_cycle(b);
    finish(b, b->taken[1]); /* comes while the first is under way */
    b->n_taken = 0;
    answer(b, errors[0]);
    assert_null(b->fake.cycle); /* not at once */
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(next_cycle(b)->n_finishes, 2);
        answer(b, errors[i]);
    }
    f = next_cycle(b)->finishes;
    assert_int_equal(f[0].delivery, 1);
    assert_int_equal(f[1].delivery, 2);
    assert_true(str_is(f[0].reason, "accepted"));
    assert_true(str_is(f[1].attempt->verdict, "sent"));
    assert_true(str_is(f[1].taken->message, "m1"));
    assert_true(str_is(f[1].taken->address, "u@b.c"));
    assert_int_equal(f[1].taken->lane, 7);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_true(queue_lane_is_idle(b->lane));
}

static void
a_fenced_finish_is_let_go(void **state)
{
    struct bench *b = *state;

    b->takes_all = true;
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    finish(b, b->taken[0]);
    b->n_taken = 0;
    (void)next_cycle(b);
    b->fake.cycle->n_work = 0;
    answer(b, ERR_OK); /* is_done stays false */
    assert_true(queue_lane_is_idle(b->lane));
}

/* ---- lanes, the waiting room, the drain ---- */

static void
lanes_with_work_are_found_at_the_start(void **state)
{
    struct bench *b = *state;
    struct store_lane_stat lanes[] = {
        {.tenant = 1, .lane = 77, .n_ready = 1},
        {.tenant = 1, .lane = 78, .n_waiting = 2}};

    queue_start(b->queue);
    assert_non_null(b->fake.stats);
    assert_true(b->fake.stats->only_lanes);
    b->fake.stats->lanes = lanes;
    b->fake.stats->n_lanes = 2;
    b->fake.stats->req.on_done(&b->fake.stats->req, ERR_OK);
    assert_int_equal(b->n_unknown, 1);
    assert_int_equal(b->last_unknown, 77);
    assert_non_null(b->fake.promote);
}

static void
promoted(struct bench *b, enum err e, size_t n, int64_t next_due_ms)
{
    struct store_promote *p = b->fake.promote;

    assert_non_null(p);
    b->fake.promote = NULL;
    p->n_promoted = n;
    p->next_due_ms = next_due_ms;
    p->req.on_done(&p->req, e);
}

static void
what_waits_is_never_moved_early(void **state)
{
    struct bench *b = *state;
    int64_t now_ms = b->clock.now_ms;

    queue_on_wait(b->queue, now_ms + 40);
    for (int i = 0; i < 10; i++)
        loop_turn(b->env.loop, 10); /* the wall clock stands still */
    assert_null(b->fake.promote);
    b->clock.now_ms = now_ms + 40;
    for (int i = 0; i < 100 && !b->fake.promote; i++)
        loop_turn(b->env.loop, 10);
    assert_non_null(b->fake.promote);
    assert_int_equal(b->fake.promote->now_ms, now_ms + 40);
    promoted(b, ERR_OK, 1, 0);
    assert_int_equal(b->fake.n_promotes, 1);
}

static void
the_nearest_due_time_counts_whoever_told_it(void **state)
{
    struct bench *b = *state;
    int64_t now_ms = b->clock.now_ms;

    queue_on_wait(b->queue, now_ms + 100000);
    queue_on_wait(b->queue, now_ms);
    for (int i = 0; i < 20 && !b->fake.promote; i++)
        loop_turn(b->env.loop, 10);
    queue_on_wait(b->queue, now_ms + 1); /* meanwhile */
    b->clock.now_ms = now_ms + 1;
    promoted(b, ERR_OK, 1, now_ms + 100000);
    for (int i = 0; i < 20 && !b->fake.promote; i++)
        loop_turn(b->env.loop, 10);
    assert_non_null(b->fake.promote);
    promoted(b, ERR_IO, 0, 0);
    for (int i = 0; i < 20 && !b->fake.promote; i++)
        loop_turn(b->env.loop, 10);
    assert_int_equal(b->fake.n_promotes, 3); /* an error is tried again */
}

static void
what_was_claimed_without_intent_is_claimed_anew_with_it(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    queue_lane_tune(b->lane, 1, false);
    queue_on_ready(b->queue, 1, 5, false);
    assert_false(next_cycle(b)->records_intent);
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    assert_int_equal(queue_lane_waiting(b->lane), 1);
    queue_lane_tune(b->lane, 1, true);
    assert_int_equal(queue_lane_waiting(b->lane), 0);
    assert_int_equal(next_cycle(b)->n_finishes, 1);
    assert_true(b->fake.cycle->records_intent);
    assert_int_equal(b->fake.cycle->finishes[0].status, DELIVERY_QUEUED);
    assert_null(b->fake.cycle->finishes[0].attempt);
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    assert_int_equal(queue_lane_waiting(b->lane), 1);
}

static void
a_claim_under_way_without_intent_is_given_back(void **state)
{
    struct bench *b = *state;
    int n_work;

    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    queue_lane_tune(b->lane, 1, false);
    queue_on_ready(b->queue, 1, 5, false);
    assert_false(next_cycle(b)->records_intent);
    queue_lane_tune(b->lane, 1, true);
    n_work = b->n_work;
    answer_rows(b, 1, 1, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_work, n_work);
    assert_int_equal(next_cycle(b)->n_finishes, 1);
    assert_true(b->fake.cycle->records_intent);
}

static void
a_lane_that_may_have_work_is_idle_but_not_empty(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_true(queue_lane_is_empty(b->lane));
    b->appetite = 0;
    queue_on_ready(b->queue, 1, 5, false);
    turn(b);
    assert_true(queue_lane_is_idle(b->lane));
    assert_false(queue_lane_is_empty(b->lane));
    b->appetite = 10;
    queue_lane_wake(b->lane);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_true(queue_lane_is_empty(b->lane));
}

static void
a_drain_gives_back_what_was_not_taken(void **state)
{
    struct bench *b = *state;

    answer_rows(b, 3, 1, PRIORITY_NORMAL, false);
    b->taken[0] = queue_take(b->lane, QUEUE_ALL_PRIORITIES);
    drain(b);
    assert_int_equal(next_cycle(b)->n_finishes, 2);
    assert_int_equal(b->fake.cycle->want + b->fake.cycle->want_critical, 0);
    assert_int_equal(b->fake.cycle->finishes[0].status, DELIVERY_QUEUED);
    assert_int_equal(b->fake.cycle->finishes[0].lane, 5);
    assert_null(b->fake.cycle->finishes[0].attempt);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_drained, 0); /* one is still out */
    finish(b, b->taken[0]);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_drained, 1);
}

static void
what_a_claim_brings_during_a_drain_goes_back(void **state)
{
    struct bench *b = *state;

    (void)next_cycle(b);
    drain(b);
    answer_rows(b, 2, 1, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_work, 0);
    assert_int_equal(next_cycle(b)->n_finishes, 2);
    answer_rows(b, 0, 0, PRIORITY_NORMAL, false);
    assert_int_equal(b->n_drained, 1);
}

/* ---- suppressions ---- */

/* Of those that were asked for, the last one is there. */
static void
answer_look(struct bench *b, enum err e)
{
    struct store_object_get *g = b->fake.look;

    b->fake.look = NULL;
    g->objects = ARENA_ARRAY(g->req.arena, struct object, g->n_keys);
    g->objects[g->n_keys - 1] =
        (struct object){.version = 1, .body = STR("{}")};
    g->req.on_done(&g->req, e);
    turn(b);
}

static void
nothing_is_taken_before_it_is_known_what_is_suppressed(void **state)
{
    struct bench *b = *state;

    b->has_suppressions = b->takes_all = true;
    answer_rows(b, 4, 1, PRIORITY_NORMAL, false);
    assert_non_null(b->fake.look);
    assert_int_equal(b->fake.look->tenant, 1);
    assert_int_equal(b->fake.look->kind, OBJECT_SUPPRESSION);
    assert_int_equal(b->fake.look->n_keys, 4);
    assert_true(str_is(b->fake.look->keys[0], "email:1@b.c"));
    assert_true(str_is(b->fake.look->keys[1], "email:1@B.C"));
    assert_true(str_is(b->fake.look->keys[2], "email:3@b.c"));
    assert_int_equal(b->n_work, 0);
    assert_false(queue_lane_is_idle(b->lane));
    answer_look(b, ERR_OK);
    assert_int_equal(b->n_taken, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(b->taken[i]->suppression_body.n > 0,
                         b->taken[i]->work->delivery.id == 3);
}

static void
what_no_suppression_can_be_of_is_not_looked_for(void **state)
{
    struct bench *b = *state;

    b->takes_all = true;
    answer_rows(b, 1, 1, PRIORITY_NORMAL, true);
    assert_null(b->fake.look);
    b->has_suppressions = true;
    answer_rows(b, 1, 2, PRIORITY_NORMAL, false); /* has no address */
    assert_null(b->fake.look);
    assert_int_equal(b->n_taken, 2);
}

static void
what_is_not_known_goes_back_and_is_claimed_again(void **state)
{
    struct bench *b = *state;
    struct store_cycle *c;

    b->has_suppressions = b->takes_all = true;
    answer_rows(b, 2, 1, PRIORITY_NORMAL, false);
    answer_look(b, ERR_UNAVAILABLE);
    assert_int_equal(b->n_taken, 0);
    c = next_cycle(b);
    assert_int_equal(c->n_finishes, 2);
    assert_int_equal(c->finishes[0].status, DELIVERY_QUEUED);
    assert_true(c->want > 0);
    answer_rows(b, 2, 1, PRIORITY_NORMAL, false);
    answer_look(b, ERR_OK);
    assert_int_equal(b->n_taken, 2);
    assert_true(b->taken[0]->suppression_body.n > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_lane_looks_for_work_and_then_rests),
        T(news_of_work_claims_at_once),
        T(news_during_a_claim_is_not_lost),
        T(what_cannot_begin_is_not_claimed),
        T(an_empty_claim_though_there_is_more_backs_off),
        T(a_lane_that_is_fast_claims_more_and_a_slow_one_does_not),
        T(a_wide_lane_claims_on_while_it_begins_what_came),
        T(what_ends_at_once_does_not_pile_up),
        T(critical_ones_overtake_and_the_tenth_is_another),
        T(only_the_asked_priorities_are_taken),
        T(finishes_go_with_the_next_claim),
        T(a_single_finish_waits_a_moment_and_goes_alone),
        T(an_uncertain_commit_is_told_again),
        T(a_fenced_finish_is_let_go),
        T(lanes_with_work_are_found_at_the_start),
        T(what_waits_is_never_moved_early),
        T(the_nearest_due_time_counts_whoever_told_it),
        T(what_was_claimed_without_intent_is_claimed_anew_with_it),
        T(a_claim_under_way_without_intent_is_given_back),
        T(a_lane_that_may_have_work_is_idle_but_not_empty),
        T(a_drain_gives_back_what_was_not_taken),
        T(what_a_claim_brings_during_a_drain_goes_back),
        T(nothing_is_taken_before_it_is_known_what_is_suppressed),
        T(what_no_suppression_can_be_of_is_not_looked_for),
        T(what_is_not_known_goes_back_and_is_claimed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
