#include "domain/plan.h"

#include "base/arena.h"
#include "base/field.h"
#include "domain/preference.h"
#include "domain/quiet.h"

static struct str
field_of(struct arena *a, const struct plan_recipient *r, const char *field)
{
    struct json given = json_get(r->given, field);

    if (!json_is(given, JSON_ABSENT))
        return json_str(a, given);
    return json_str_of(a, r->stored, field);
}

struct str
plan_address(struct arena *a, const struct plan_recipient *r, const char *field,
             const char *fallback)
{
    struct str address = STR_NONE;

    if (field)
        address = field_of(a, r, field);
    if (address.n == 0 && fallback)
        address = field_of(a, r, fallback);
    return address;
}

static struct preference_query
query_of(const struct plan *p, const struct plan_recipient *r,
         const struct plan_channel *c)
{
    return (struct preference_query){
        .arena = p->arena,
        .user = r->preferences,
        .defaults = p->defaults,
        .category = p->category,
        .channel = c->name,
        .is_critical = p->configured && p->configured->is_critical,
        .now_ms = p->now_ms,
    };
}

static enum reason
why_unreachable(const struct plan_recipient *r, const struct plan_channel *c,
                struct str address)
{
    if (c->is_in_app)
        return r->user.n == 0 ? REASON_CONTACT_MISSING : REASON_NONE;
    if (c->lane == 0)
        return REASON_PROVIDER_NONE;
    return address.n > 0 || c->has_target ? REASON_NONE
                                          : REASON_CONTACT_MISSING;
}

/* The order in which they decide is part of the contract: the suppression list,
 * a critical category, then what was chosen; what the send itself leaves out
 * comes last. */
static enum reason
why_not(const struct plan *p, const struct plan_recipient *r,
        const struct plan_channel *c)
{
    const struct preference_query q = query_of(p, r, c);
    struct str address = STR_NONE;
    enum reason why = REASON_NONE;

    if (p->is_expired)
        return REASON_EXPIRED;
    if (!c->is_in_app)
        address =
            plan_address(p->arena, r, c->address_field, c->address_fallback);
    if (address.n > 0 && p->suppressed)
        why = p->suppressed(p->arg, c->name, address);
    if (why == REASON_NONE)
        why = preference_decide(&q);
    if (why == REASON_NONE)
        why = why_unreachable(r, c, address);
    if (why == REASON_NONE && r->is_flag_off)
        why = REASON_FLAG_OFF;
    if (why == REASON_NONE && r->is_held_out)
        why = REASON_EXPERIMENT_HOLDOUT;
    return why;
}

/* When it is the recipient's time. */
struct moment {
    const struct zone *own;   /* NULL: none is known */
    struct quiet_hours hours; /* if has_hours */
    bool has_hours;
    int64_t quiet_end_ms; /* 0: quiet hours are not on */
};

static struct moment
moment_of(const struct plan *p, const struct plan_recipient *r)
{
    struct json doc = json_get(r->preferences, "quiet_hours");
    struct moment m = {0};
    struct problem ignored;

    if (!json_is(doc, JSON_OBJECT) && p->best_within_ms == 0)
        return m;
    m.own = zone_find(field_of(p->arena, r, "timezone"));
    if (!json_is(doc, JSON_OBJECT))
        return m;
    problem_init(&ignored, p->arena);
    m.has_hours = quiet_read(doc, STR(""), m.own ? m.own : zone_utc(), &ignored,
                             &m.hours);
    if (m.has_hours)
        m.quiet_end_ms = quiet_until(&m.hours, p->now_ms);
    return m;
}

static bool
is_critical(const struct plan *p)
{
    return p->priority == PRIORITY_CRITICAL ||
           (p->configured && p->configured->is_critical);
}

static bool
breaks_through(const struct plan *p, const struct plan_channel *c)
{
    return c->is_in_app || is_critical(p) ||
           (p->configured && p->configured->quiet == QUIET_BREAK_THROUGH);
}

static enum quiet_policy
quiet_policy(const struct plan *p)
{
    return p->configured ? p->configured->quiet : QUIET_DEFER;
}

/* Windows are a user's: who has no id has none. */
static bool
may_be_collected(const struct plan *p, const struct plan_decision *d)
{
    return !p->is_flush && !p->is_later && d->verdict != PLAN_SKIP &&
           d->recipient->user.n > 0 && !is_critical(p);
}

static const struct digest_rule *
rule_by_category(const struct plan *p, int64_t window_ms)
{
    struct digest_rule *r = ARENA_NEW(p->arena, struct digest_rule);

    *r = (struct digest_rule){
        .key = p->category,
        .mode = DIGEST_FIXED,
        .window_ms = window_ms,
        .max_window_ms = window_ms,
        .max_items = DIGEST_ITEMS_DEFAULT,
    };
    return r;
}

/* What the user wants goes before what the sender does. */
static const struct digest_rule *
rule_for(const struct plan *p, const struct plan_decision *d)
{
    const struct preference_query q = query_of(p, d->recipient, d->channel);
    int64_t own_ms = preference_window_ms(&q);

    return own_ms > 0 ? rule_by_category(p, own_ms) : p->digest;
}

/* A digest collects it for sure: the quiet that counts is that of the window's
 * end. */
static bool
is_for_a_window(const struct plan *p, const struct plan_decision *d)
{
    const struct digest_rule *rule =
        may_be_collected(p, d) ? rule_for(p, d) : NULL;

    return rule && !rule->is_leading;
}

/* An inbox wakes nobody, so in_app is not held. Hours that never end hold
 * nothing either: it would be for ever. */
static void
keep_quiet(const struct plan *p, int64_t end_ms, bool has_inbox,
           struct plan_decision *d)
{
    if (d->verdict != PLAN_SEND || end_ms == 0 || breaks_through(p, d->channel))
        return;
    if (quiet_policy(p) == QUIET_REROUTE && has_inbox) {
        d->verdict = PLAN_SKIP;
        d->reason = REASON_QUIET_REROUTED;
    } else if (end_ms == QUIET_FOR_EVER || quiet_policy(p) == QUIET_DROP) {
        if (is_for_a_window(p, d))
            return;
        d->verdict = PLAN_SKIP;
        d->reason = REASON_QUIET_DROPPED;
    } else {
        d->verdict = PLAN_HOLD;
        d->reason = REASON_QUIET_DEFERRED;
        d->due_ms = end_ms;
    }
}

/* From when on it could go out: the end of the quiet hours that hold it. 0: it
 * is not held for a better hour. */
static int64_t
best_from(const struct plan *p, const struct plan_decision *d)
{
    if (p->best_within_ms == 0 || p->is_held || d->channel->is_in_app ||
        is_critical(p) || d->verdict == PLAN_SKIP || is_for_a_window(p, d))
        return 0;
    return d->verdict == PLAN_HOLD ? d->due_ms : p->now_ms;
}

/* Quiet hours go first: what they hold is held longer, if at all. */
static void
wait_for_best(const struct plan *p, const struct moment *m,
              struct plan_decision *d)
{
    struct besttime_query q = {
        .habit = d->recipient->habit,
        .own = m->own,
        .quiet = m->has_hours ? &m->hours : NULL,
        .from_ms = best_from(p, d),
        .until_ms = p->now_ms + p->best_within_ms,
        .user = d->recipient->user,
    };
    int64_t best_ms;

    if (p->expires_ms > 0 && q.until_ms >= p->expires_ms)
        q.until_ms = p->expires_ms - 1;
    if (q.from_ms == 0 || !besttime_pick(&q, &best_ms) || best_ms <= q.from_ms)
        return;
    d->verdict = PLAN_HOLD;
    d->reason = REASON_BEST_TIME;
    d->due_ms = best_ms;
}

/* By a window of this user's. Quiet hours may be over when it ends, and are
 * looked at then; where the category gathers what they hold up, no window that
 * begins in them ends before they do. */
static void
collect(const struct plan *p, bool was_quiet, struct plan_decision *d)
{
    const struct zone *own = NULL;
    bool gathers = d->verdict == PLAN_HOLD && was_quiet && p->configured &&
                   p->configured->quiet == QUIET_DIGEST;

    if (!may_be_collected(p, d))
        return;
    d->digest = rule_for(p, d);
    if (d->digest) {
        if (d->digest->mode == DIGEST_CALENDAR)
            own = zone_find(field_of(p->arena, d->recipient, "timezone"));
        d->closes_ms = digest_end(d->digest, own ? own : zone_utc(), p->now_ms);
    } else if (gathers) {
        d->digest = rule_by_category(p, d->due_ms - p->now_ms);
    }
    if (gathers && d->closes_ms < d->due_ms)
        d->closes_ms = d->due_ms;
}

bool
plan_only_waits(const struct plan_decision *d)
{
    return d->digest && !d->digest->is_leading;
}

/* Told now of what is decided when it is due. */
static void
wait_until_due(const struct plan *p, struct plan_decision *d)
{
    if (!p->is_later || d->verdict != PLAN_SEND)
        return;
    d->verdict = PLAN_HOLD;
    d->reason = REASON_SCHEDULE_FUTURE;
    d->due_ms = p->now_ms;
}

/* All that may keep it is asked when it is approved. */
static void
wait_for_approval(const struct plan *p, struct plan_decision *d)
{
    if (!p->is_held || d->verdict == PLAN_SKIP)
        return;
    d->verdict = PLAN_HOLD;
    d->reason = REASON_APPROVAL_PENDING;
    d->due_ms = 0;
    d->digest = NULL;
}

bool
plan_is_unused(const struct plan_decision *d)
{
    return d->verdict == PLAN_SKIP && d->reason == REASON_NONE;
}

/* Returns whether it reaches the inbox. */
static bool
decide_wishes(const struct plan *p, const struct plan_recipient *r,
              struct plan_decision *ret)
{
    bool has_inbox = false;

    for (size_t j = 0; j < p->n_channels; j++) {
        enum reason why = why_not(p, r, &p->channels[j]);

        ret[j] = (struct plan_decision){
            .recipient = r,
            .channel = &p->channels[j],
            .verdict = why == REASON_NONE ? PLAN_SEND : PLAN_SKIP,
            .reason = why,
        };
        has_inbox |= why == REASON_NONE && p->channels[j].is_in_app;
    }
    return has_inbox;
}

static void
put_spare_away(const struct plan *p, struct plan_decision *ret)
{
    struct plan_decision *spare = &ret[p->n_channels - 1];

    for (size_t j = 0; j + 1 < p->n_channels; j++)
        if (ret[j].reason == REASON_QUIET_REROUTED)
            return;
    spare->is_spare_fit = spare->verdict == PLAN_SEND;
    spare->verdict = PLAN_SKIP;
    spare->reason = REASON_NONE;
}

static void
decide_for(const struct plan *p, const struct plan_recipient *r,
           struct plan_decision *ret)
{
    bool has_inbox = decide_wishes(p, r, ret);
    struct moment m = {0};

    if (!p->is_held)
        m = moment_of(p, r);
    for (size_t j = 0; j < p->n_channels; j++) {
        keep_quiet(p, m.quiet_end_ms, has_inbox, &ret[j]);
        wait_for_best(p, &m, &ret[j]);
    }
    if (p->has_spare)
        put_spare_away(p, ret);
    for (size_t j = 0; j < p->n_channels; j++) {
        collect(p, m.quiet_end_ms > 0, &ret[j]);
        wait_until_due(p, &ret[j]);
        wait_for_approval(p, &ret[j]);
    }
}

void
plan_decide(const struct plan *p, struct plan_decision *ret)
{
    for (size_t i = 0; i < p->n_recipients; i++)
        decide_for(p, &p->recipients[i], &ret[i * p->n_channels]);
}

const char *
plan_verdict_name(enum plan_verdict v)
{
    static const char *const names[] = {"send", "skip", "hold"};

    return names[v];
}
