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

/* Those that the channel goes to. */
static size_t
find_devices(const struct plan *p, const struct plan_recipient *r,
             const struct plan_channel *c,
             struct device ret[static DEVICES_MAX])
{
    size_t n_all = devices_read(p->arena, r->devices, ret), n = 0;

    for (size_t i = 0; i < n_all; i++)
        if (c->device_kinds & DEVICE_BIT(ret[i].kind))
            ret[n++] = ret[i];
    return n;
}

/* What may keep it from a channel, whatever the time is. */
struct question {
    const struct plan *plan;
    const struct plan_recipient *recipient;
    const struct plan_channel *channel;
    struct str address; /* the recipient's; empty: none */
    /* told, too */
    struct str by;
    enum reason passes_as;
};

static enum reason
why_expired(struct question *q)
{
    return q->plan->is_expired ? REASON_EXPIRED : REASON_NONE;
}

static enum reason
why_suppressed(struct question *q)
{
    const struct plan *p = q->plan;

    if (q->address.n == 0 || !p->suppressed)
        return REASON_NONE;
    q->by = q->address;
    return p->suppressed(p->arg, q->channel->name, q->address);
}

static enum reason
why_unwanted(struct question *q)
{
    const struct preference_query of =
        query_of(q->plan, q->recipient, q->channel);

    if (of.is_critical)
        q->passes_as = REASON_PREF_LOCKED_CRITICAL;
    return preference_explain(&of, q->plan->is_noted ? &q->by : NULL);
}

static enum reason
why_no_device(const struct question *q)
{
    const struct plan_channel *c = q->channel;
    struct device all[DEVICES_MAX];
    size_t n = find_devices(q->plan, q->recipient, c, all);

    if (n == 0)
        return REASON_CONTACT_MISSING;
    for (size_t i = 0; i < n; i++)
        if (c->device_lanes[all[i].kind] != 0)
            return REASON_NONE;
    return REASON_PROVIDER_NONE;
}

static enum reason
why_unreachable(struct question *q)
{
    const struct plan_channel *c = q->channel;

    q->by = q->address;
    if (c->is_in_app)
        return q->recipient->user.n == 0 ? REASON_CONTACT_MISSING : REASON_NONE;
    if (c->lane == 0)
        return REASON_PROVIDER_NONE;
    if (c->device_kinds != 0)
        return why_no_device(q);
    return q->address.n > 0 || c->has_target ? REASON_NONE
                                             : REASON_CONTACT_MISSING;
}

static enum reason
why_flag(struct question *q)
{
    return q->recipient->is_flag_off ? REASON_FLAG_OFF : REASON_NONE;
}

static enum reason
why_experiment(struct question *q)
{
    const struct plan_recipient *r = q->recipient;

    q->by = r->experiment;
    if (r->variant.n > 0)
        q->passes_as = REASON_EXPERIMENT_VARIANT;
    return r->is_held_out ? REASON_EXPERIMENT_HOLDOUT : REASON_NONE;
}

void
plan_note_down(const struct plan_decision *d, enum plan_stage stage,
               struct plan_note note)
{
    if (!d->notes)
        return;
    note.is_asked = true;
    d->notes[stage] = note;
}

/* The order in which they decide is part of the contract: the suppression list,
 * a critical category, then what was chosen; what the send itself leaves out
 * comes last. */
static const struct {
    enum plan_stage stage;
    enum reason (*why)(struct question *q);
} questions[] = {
    {PLAN_STAGE_EXPIRY, why_expired},
    {PLAN_STAGE_SUPPRESSION, why_suppressed},
    {PLAN_STAGE_PREFERENCE, why_unwanted},
    {PLAN_STAGE_REACH, why_unreachable},
    {PLAN_STAGE_FLAG, why_flag},
    {PLAN_STAGE_EXPERIMENT, why_experiment},
};

static enum reason
why_not(const struct plan *p, const struct plan_decision *d)
{
    struct question q = {
        .plan = p, .recipient = d->recipient, .channel = d->channel};
    enum reason first = REASON_NONE;

    if (!q.channel->is_in_app)
        q.address =
            plan_address(p->arena, q.recipient, q.channel->address_field,
                         q.channel->address_fallback);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) &&
                       (first == REASON_NONE || p->is_noted);
         i++) {
        enum reason why;

        q.by = STR_NONE;
        q.passes_as = REASON_NONE;
        why = questions[i].why(&q);
        if (first == REASON_NONE)
            first = why;
        plan_note_down(
            d, questions[i].stage,
            (struct plan_note){.verdict =
                                   why == REASON_NONE ? PLAN_SEND : PLAN_SKIP,
                               .reason = why == REASON_NONE ? q.passes_as : why,
                               .by = q.by});
    }
    return first;
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
obey_quiet(const struct plan *p, int64_t end_ms, bool has_inbox,
           struct plan_decision *d)
{
    if (end_ms == 0 || breaks_through(p, d->channel))
        return;
    if (quiet_policy(p) == QUIET_REROUTE && has_inbox && !p->is_flush) {
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

/* Who lets it through though the hours are on. */
static struct str
opener(const struct plan *p, const struct plan_channel *c)
{
    if (c->is_in_app)
        return STR("channel");
    return p->priority == PRIORITY_CRITICAL ? STR("priority") : STR("category");
}

static void
keep_quiet(const struct plan *p, const struct moment *m, bool has_inbox,
           struct plan_decision *d)
{
    struct plan_note note = {.until_ms = m->quiet_end_ms};

    if (d->verdict != PLAN_SEND || p->is_held)
        return;
    obey_quiet(p, m->quiet_end_ms, has_inbox, d);
    note.verdict = d->verdict;
    note.reason = d->reason;
    if (m->has_hours)
        note.zone = m->hours.zone;
    if (m->quiet_end_ms != 0 && breaks_through(p, d->channel))
        note.by = opener(p, d->channel);
    plan_note_down(d, PLAN_STAGE_QUIET, note);
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
    if (q.from_ms == 0)
        return;
    if (!besttime_pick(&q, &best_ms) || best_ms <= q.from_ms) {
        plan_note_down(d, PLAN_STAGE_BEST_TIME, (struct plan_note){0});
        return;
    }
    d->verdict = PLAN_HOLD;
    d->reason = REASON_BEST_TIME;
    d->due_ms = best_ms;
    plan_note_down(d, PLAN_STAGE_BEST_TIME,
                   (struct plan_note){.verdict = PLAN_HOLD,
                                      .reason = d->reason,
                                      .until_ms = best_ms});
}

static void
note_digest(const struct plan_decision *d)
{
    struct plan_note note = {0};

    if (d->digest)
        note = (struct plan_note){.verdict = PLAN_HOLD,
                                  .reason = REASON_DIGEST_WAITING,
                                  .until_ms = d->closes_ms,
                                  .by = d->digest->key};
    plan_note_down(d, PLAN_STAGE_DIGEST, note);
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
    note_digest(d);
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
    plan_note_down(d, PLAN_STAGE_SCHEDULE,
                   (struct plan_note){.verdict = PLAN_HOLD,
                                      .reason = d->reason,
                                      .until_ms = d->due_ms});
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
    plan_note_down(
        d, PLAN_STAGE_APPROVAL,
        (struct plan_note){.verdict = PLAN_HOLD, .reason = d->reason});
}

static void
give_devices(const struct plan *p, struct plan_decision *d)
{
    struct device all[DEVICES_MAX];

    if (d->verdict == PLAN_SKIP || d->channel->device_kinds == 0)
        return;
    d->n_devices = find_devices(p, d->recipient, d->channel, all);
    d->devices =
        arena_copy(p->arena, all, d->n_devices * sizeof(struct device));
}

/* What a window holds goes to the devices that are there when it ends. */
static bool
is_by_device(const struct plan_decision *d)
{
    return d->verdict != PLAN_SKIP && d->n_devices > 0 && !plan_only_waits(d);
}

size_t
plan_n_deliveries(const struct plan_decision *d)
{
    if (plan_is_unused(d))
        return 0;
    return is_by_device(d) ? d->n_devices : 1;
}

const struct device *
plan_device(const struct plan_decision *d, size_t nth)
{
    return is_by_device(d) ? &d->devices[nth] : NULL;
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
        struct plan_decision *d = &ret[j];

        *d = (struct plan_decision){.recipient = r, .channel = &p->channels[j]};
        if (p->is_noted)
            d->notes = ARENA_ARRAY(p->arena, struct plan_note, PLAN_STAGES);
        d->reason = why_not(p, d);
        d->verdict = d->reason == REASON_NONE ? PLAN_SEND : PLAN_SKIP;
        give_devices(p, d);
        has_inbox |= d->verdict == PLAN_SEND && d->channel->is_in_app;
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
        keep_quiet(p, &m, has_inbox, &ret[j]);
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

static const struct {
    const char *name, *passes;
} stages[] = {
#define STAGE(name, code, passes) {code, passes},
#include "domain/stages.def"
#undef STAGE
};

const char *
plan_stage_name(enum plan_stage s)
{
    return stages[s].name;
}

const char *
plan_stage_passes(enum plan_stage s)
{
    return stages[s].passes;
}
