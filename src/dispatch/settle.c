/* settle.c - see settle.h. */
#include "dispatch/settle.h"

#include <assert.h>

#include "dispatch/signature.h"
#include "domain/reason.h"

#define DETAIL_MAX 1024

static int64_t
age_ms(const struct delivery *d, int64_t now_ms)
{
    return now_ms > d->created_ms ? now_ms - d->created_ms : 0;
}

/* The last thing known of it is that a crash cut its call off. */
static bool
is_interrupted(const struct delivery *d)
{
    return str_eq(d->reason, reason_code(REASON_INTERRUPTED));
}

static bool
may_try(const struct settle_peer *p, const struct tally *t, int64_t age)
{
    return !retry_is_exhausted(p->retry, tally_calls(t, p->lane), age);
}

enum who { OTHERS, OTHERS_HEALTHY, ALL_HEALTHY };

/* The one with the fewest calls, then by order, of those that may still try;
 * NULL: none. */
static const struct settle_peer *
best(const struct settle *s, const struct tally *t, enum who who)
{
    const struct settle_peer *found = NULL;

    if (t->is_pinned)
        return NULL;
    for (size_t i = 0; i < s->n_peers; i++) {
        const struct settle_peer *p = &s->peers[i];

        if ((who != ALL_HEALTHY && p->lane == s->called.lane) ||
            (who != OTHERS && !p->is_healthy) ||
            !may_try(p, t, age_ms(s->delivery, s->now_ms)))
            continue;
        if (!found || tally_calls(t, p->lane) < tally_calls(t, found->lane))
            found = p;
    }
    return found;
}

static void
hand_over(struct settle *s, const struct tally *t, const struct settle_peer *to)
{
    s->finish.status = DELIVERY_QUEUED;
    s->finish.lane = to->lane;
    s->finish.reason = reason_code(REASON_FAILOVER);
    s->finish.tally = tally_text(s->arena, t);
    s->attempt.retry_at_ms = s->now_ms;
}

static void
wait_for(struct settle *s, const struct tally *t, const struct settle_peer *p)
{
    int calls = tally_calls(t, p->lane);
    int64_t asked_ms =
        p->lane == s->called.lane ? s->verdict->retry_after_ms : 0;

    s->finish.status = DELIVERY_RETRYING;
    s->finish.lane = p->lane;
    s->finish.due_ms =
        s->now_ms + retry_delay_ms(p->retry, calls, asked_ms, s->rng);
    s->finish.reckoned_ms = s->now_ms;
    if (p->lane != s->called.lane || t->is_pinned)
        s->finish.tally = tally_text(s->arena, t);
    s->attempt.retry_at_ms = s->finish.due_ms;
}

static void
give_up(struct settle *s, const struct tally *t)
{
    bool by_attempts =
        tally_calls(t, s->called.lane) >= s->called.retry->attempts;

    s->finish.status = DELIVERY_DEAD;
    s->finish.reason = reason_code(by_attempts ? REASON_ATTEMPTS_EXHAUSTED
                                               : REASON_AGE_EXHAUSTED);
}

/* Interrupted calls end with the process: the delivery is ready again at the
 * next start, as after a crash. */
static void
interrupt(struct settle *s, const struct tally *t)
{
    s->finish.status = DELIVERY_QUEUED;
    s->finish.lane = s->called.lane;
    s->finish.tally = tally_text(s->arena, t);
    s->attempt.retry_at_ms = s->now_ms;
}

/* No clock runs: it is a person's, who may retry or cancel it. */
static void
hold(struct settle *s)
{
    s->finish.status = DELIVERY_HELD;
    s->finish.reason = reason_code(REASON_UNKNOWN_HELD);
}

/* It was surely not sent, or that does not matter. */
static bool
is_free(const struct settle *s)
{
    enum verdict v = s->verdict->verdict;

    return verdict_policy(v)->fails_over || v == VERDICT_RATE ||
           (v == VERDICT_UNKNOWN && s->unknown == UNKNOWN_RESEND);
}

/* Another provider may try. Who only asks to wait is waited for, and what was
 * refused because of another message this one can send by itself. */
static bool
fails_over(const struct settle *s)
{
    return is_free(s) && s->verdict->verdict != VERDICT_RATE &&
           !reason_is(s->verdict->reason, REASON_BATCH_REFUSED);
}

static void
try_again(struct settle *s, struct tally *t)
{
    const struct settle_peer *other;
    int own_calls = tally_calls(t, s->called.lane);
    bool may_stay = may_try(&s->called, t, age_ms(s->delivery, s->now_ms));

    if (may_stay && s->verdict->verdict == VERDICT_INTERRUPTED) {
        interrupt(s, t);
        return;
    }
    other = fails_over(s) ? best(s, t, OTHERS_HEALTHY) : NULL;
    if (other && tally_calls(t, other->lane) < own_calls) {
        hand_over(s, t, other);
        return;
    }
    if (may_stay) {
        other = fails_over(s) ? best(s, t, ALL_HEALTHY) : NULL;
        wait_for(s, t, other ? other : &s->called);
        return;
    }
    other = best(s, t, OTHERS_HEALTHY);
    if (!other)
        other = best(s, t, OTHERS);
    if (!other)
        give_up(s, t);
    else if (tally_calls(t, other->lane) == 0)
        hand_over(s, t, other);
    else
        wait_for(s, t, other);
}

static void
fill_attempt(struct settle *s)
{
    const struct channel_verdict *v = s->verdict;

    s->attempt = (struct attempt){
        .n = s->delivery->attempts + 1,
        .at_ms = s->started_ms,
        .provider = s->called.name,
        .verdict = str_from(verdict_name(v->verdict)),
        .status = v->status,
        .detail = str_utf8_clip(v->detail, DETAIL_MAX),
        .duration_ms = s->duration_ms,
    };
}

void
settle_call(struct settle *s)
{
    const struct delivery *d = s->delivery;
    const struct verdict_policy *policy = verdict_policy(s->verdict->verdict);
    struct tally t;

    assert(d->attempts >= 0);
    fill_attempt(s);
    s->finish = (struct store_finish){
        .tenant = d->tenant,
        .delivery = d->id,
        .status = policy->status,
        .reason = s->verdict->reason.n > 0 ? s->verdict->reason
                                           : reason_code(policy->reason),
        .provider = s->called.name,
        .attempt = &s->attempt,
    };
    if (policy->status != DELIVERY_DELIVERED && policy->status != DELIVERY_SENT)
        s->finish.error = signature_of(s->arena, s->verdict->verdict,
                                       s->verdict->status, s->attempt.detail);
    if (s->verdict->is_last)
        s->finish.status = DELIVERY_DEAD;
    if (s->verdict->is_last || !policy->is_retried)
        return;
    if (s->verdict->verdict == VERDICT_UNKNOWN && s->unknown == UNKNOWN_HOLD) {
        hold(s);
        return;
    }
    tally_open(&t, d->tally, d->attempts, s->called.lane);
    tally_add(&t, s->called.lane, 1);
    if (!is_free(s) || is_interrupted(d))
        t.is_pinned = true;
    try_again(s, &t);
}

/* One that was handed over goes on to those that come later only: of a lane
 * that another process has nobody knows here that its breaker is open, too, and
 * two of them would pass it to and fro. */
static size_t
first_heir(const struct leave *l)
{
    if (l->is_out || !reason_is(l->delivery->reason, REASON_FAILOVER))
        return 0;
    for (size_t i = 0; i < l->n_peers; i++)
        if (l->peers[i].lane == l->lane)
            return i + 1;
    return 0;
}

static const struct settle_peer *
heir(const struct leave *l, const struct tally *t, bool only_healthy)
{
    for (size_t i = first_heir(l); i < l->n_peers; i++) {
        const struct settle_peer *p = &l->peers[i];

        if (p->lane != l->lane && (p->is_healthy || !only_healthy) &&
            may_try(p, t, age_ms(l->delivery, l->now_ms)))
            return p;
    }
    return NULL;
}

static void
end_without_provider(struct leave *l)
{
    bool is_tried = l->n_peers > 0 && l->delivery->attempts > 0;

    l->finish.status = is_tried ? DELIVERY_DEAD : DELIVERY_SUPPRESSED;
    l->finish.reason = reason_code(is_tried ? REASON_ATTEMPTS_EXHAUSTED
                                            : REASON_PROVIDER_NONE);
}

/* When what was deferred was ready is known by this. */
static struct str
handed_over(const struct delivery *d)
{
    return reason_is_deferral(d->reason) ? d->reason
                                         : reason_code(REASON_FAILOVER);
}

void
settle_leave(struct leave *l)
{
    const struct delivery *d = l->delivery;
    const struct settle_peer *to = NULL;
    struct tally t;

    tally_open(&t, d->tally, d->attempts, l->lane);
    l->finish = (struct store_finish){.tenant = d->tenant,
                                      .delivery = d->id,
                                      .provider = d->provider,
                                      .error = d->error};
    if (l->is_out || !(t.is_pinned || is_interrupted(d)))
        to = heir(l, &t, true);
    if (!to && l->is_out)
        to = heir(l, &t, false);
    if (to) {
        l->finish.status = DELIVERY_QUEUED;
        l->finish.lane = to->lane;
        l->finish.reason = handed_over(d);
        if (d->attempts > 0)
            l->finish.tally = tally_text(l->arena, &t);
    } else if (l->is_out) {
        end_without_provider(l);
    } else {
        l->finish.status = DELIVERY_RETRYING;
        l->finish.lane = l->lane;
        l->finish.due_ms =
            l->until_ms > l->now_ms ? l->until_ms : l->now_ms + 1;
        l->finish.reckoned_ms = l->now_ms;
        l->finish.reason = reason_code(REASON_CIRCUIT_OPEN);
        if (is_interrupted(d)) {
            t.is_pinned = true;
            l->finish.tally = tally_text(l->arena, &t);
        }
    }
}

size_t
settle_room(const struct settle_peer *peers, size_t n, int64_t lane)
{
    size_t room = 0;

    for (size_t i = 0; i < n; i++) {
        if (peers[i].lane == lane || !peers[i].is_healthy)
            continue;
        if (!peers[i].is_on_trial)
            return SIZE_MAX;
        room = 1;
    }
    return room;
}
