/* trace.c - the story of a notification: every decision and every attempt. */
#include <stdlib.h>

#include "api/notifications.h"
#include "api/shapes.h"
#include "app/approve.h"
#include "app/attachment_doc.h"
#include "base/list.h"
#include "domain/reason.h"

#define TRACE_DELIVERIES 1000

struct step {
    size_t n; /* in the order in which they were found */
    int64_t at_ms;
    const char *stage;
    struct str user, channel;
    struct str verdict, reason;
    struct str detail; /* JSON; empty: null */
};

struct story {
    struct call *call;
    struct step *steps;
    size_t n;
    struct json attachments; /* as they are kept; absent: there are none */
};

static void
tell(struct story *t, struct step s)
{
    s.n = t->n;
    t->steps[t->n++] = s;
}

static int
by_time(const void *pa, const void *pb)
{
    const struct step *a = pa, *b = pb;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return a->n < b->n ? -1 : a->n > b->n;
}

static void
write_step(struct json_writer *w, const struct step *s)
{
    json_begin_object(w);
    json_time_field(w, "at", s->at_ms);
    json_str_field(w, "stage", str_from(s->stage));
    json_str_or_null_field(w, "user", s->user);
    json_str_or_null_field(w, "channel", s->channel);
    json_str_field(w, "verdict", s->verdict);
    json_str_or_null_field(w, "reason", s->reason);
    json_raw_field(w, "detail", s->detail.n > 0 ? s->detail : STR("null"));
    json_end_object(w);
}

/* What is planned later tells how far that is. */
static struct str
audience_detail(struct call *c, const struct notification *n, struct json note)
{
    bool is_all = json_bool(json_get(note, "all"), false);
    bool is_wide = json_bool(json_get(note, "wide"), false);
    bool is_later = !json_is(json_get(note, "send_at"), JSON_ABSENT) ||
                    !json_is(json_get(note, "approval"), JSON_ABSENT);
    struct json empty = json_get(note, "empty");
    struct json_writer w;
    struct buf out;

    if (!is_all && !is_wide && !is_later &&
        json_is(json_get(note, "workflow"), JSON_ABSENT) &&
        json_is(json_get(note, "digest"), JSON_ABSENT))
        return n->note;
    w = call_writer(c, &out);
    json_begin_object(&w);
    if (is_all)
        json_bool_field(&w, "all", true);
    json_int_field(&w, "recipients", n->n_recipients);
    if (is_all || is_wide || is_later)
        json_bool_field(&w, "planning", n->is_planning);
    if (!json_is(empty, JSON_ABSENT))
        json_raw_field(&w, "empty", json_raw(empty));
    json_end_object(&w);
    return buf_str(&out);
}

static void
tell_schedule(struct story *t, const struct notification *n, struct json note)
{
    struct json send_at = json_get(note, "send_at");

    if (json_is(send_at, JSON_ABSENT))
        return;
    tell(t, (struct step){
                .at_ms = n->created_ms,
                .stage = "schedule",
                .verdict = STR("hold"),
                .reason = reason_code(REASON_SCHEDULE_FUTURE),
                .detail = str_fmt(t->call->arena, "{\"send_at\":%.*s}",
                                  STR_ARG(json_raw(send_at))),
            });
}

static struct str
decision_detail(struct call *c, const struct store_step *s)
{
    struct json_writer w;
    struct buf out;

    if (str_is(s->verdict, approval_name(APPROVAL_EXPIRED)))
        return STR_NONE;
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_or_null_field(&w, "by", s->user);
    json_str_or_null_field(&w, "note", s->note);
    json_end_object(&w);
    return buf_str(&out);
}

/* Of all that get it, whoever is asked about. */
static bool
is_decision(const struct store_notification_get *g, const struct store_step *s)
{
    return s->id == g->notification.id;
}

static void
tell_approval(struct story *t, const struct store_notification_get *g,
              struct json note)
{
    struct json approval = json_get(note, "approval");

    if (json_is(approval, JSON_ABSENT))
        return;
    tell(t, (struct step){
                .at_ms = g->notification.created_ms,
                .stage = "approval",
                .verdict = STR("hold"),
                .reason = reason_code(REASON_APPROVAL_PENDING),
                .detail = json_raw(approval),
            });
    for (size_t i = 0; i < g->n_steps; i++)
        if (is_decision(g, &g->steps[i]))
            tell(t, (struct step){
                        .at_ms = g->steps[i].at_ms,
                        .stage = "approval",
                        .verdict = g->steps[i].verdict,
                        .reason = g->steps[i].reason,
                        .detail = decision_detail(t->call, &g->steps[i]),
                    });
}

static bool
is_of_experiment(const struct store_step *s)
{
    return reason_is(s->reason, REASON_EXPERIMENT_VARIANT) ||
           reason_is(s->reason, REASON_EXPERIMENT_HOLDOUT);
}

static void
put_experiment(struct json_writer *w, const struct store_step *s)
{
    json_str_field(w, "experiment", s->step);
    if (reason_is(s->reason, REASON_EXPERIMENT_VARIANT))
        json_str_field(w, "variant", s->verdict);
}

static struct str
experiment_detail(struct call *c, const struct store_step *s)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    put_experiment(&w, s);
    json_end_object(&w);
    return buf_str(&out);
}

/* Of a workflow, or that an experiment chose. */
static void
tell_step(struct story *t, const struct store_step *s)
{
    bool is_trial = is_of_experiment(s);
    struct json_writer w;
    struct buf out;

    w = call_writer(t->call, &out);
    json_begin_object(&w);
    json_str_field(&w, "step", s->step);
    json_end_object(&w);
    tell(t,
         (struct step){
             .at_ms = s->at_ms,
             .stage = is_trial ? "experiment" : "workflow",
             .user = s->user,
             .verdict = s->verdict,
             .reason = s->reason,
             .detail = is_trial ? experiment_detail(t->call, s) : buf_str(&out),
         });
}

/* Which workflow, as it was then. */
static void
tell_workflow(struct story *t, const struct store_notification_get *g,
              struct json note)
{
    struct arena *a = t->call->arena;
    struct json workflow = json_get(note, "workflow");
    struct json_writer w;
    struct buf out;

    if (json_is(workflow, JSON_ABSENT))
        return;
    w = call_writer(t->call, &out);
    json_begin_object(&w);
    json_str_field(&w, "key", json_str_of(a, workflow, "key"));
    json_raw_field(&w, "version", json_raw(json_get(workflow, "version")));
    json_end_object(&w);
    tell(t, (struct step){.at_ms = g->notification.created_ms,
                          .stage = "workflow",
                          .verdict = STR("start"),
                          .detail = buf_str(&out)});
}

/* Of a digest: what it is made of. */
static void
tell_digest(struct story *t, const struct notification *n, struct json note)
{
    struct json digest = json_get(note, "digest");

    if (json_is(digest, JSON_ABSENT))
        return;
    tell(t, (struct step){
                .at_ms = n->created_ms,
                .stage = "digest",
                .verdict = STR("merge"),
                .detail = json_raw(digest),
            });
}

static bool
is_skipped(const struct delivery *d)
{
    return d->attempts == 0 &&
           (d->status == DELIVERY_SUPPRESSED || d->status == DELIVERY_EXPIRED);
}

/* It waits in a window, or did. */
static bool
is_collected(const struct delivery *d)
{
    return d->digest != 0 || d->merged_into != 0;
}

/* By the plan, not by what came of a call. */
static bool
is_planned_hold(const struct delivery *d)
{
    return is_collected(d) || (d->attempts == 0 && d->status == DELIVERY_HELD);
}

/* The experiment of the recipient, as it was told with the decision; NULL:
 * there is none. */
static const struct store_step *
variant_of(const struct store_notification_get *g, const struct delivery *d)
{
    for (size_t i = 0; i < g->n_steps; i++) {
        const struct store_step *s = &g->steps[i];

        if (is_of_experiment(s) && s->at_ms == d->created_ms &&
            str_eq(s->user, d->user))
            return s;
    }
    return NULL;
}

/* They are left out: the channel cannot carry them. */
static bool
is_without_attachments(const struct story *t, const struct delivery *d)
{
    return !json_is(t->attachments, JSON_ABSENT) && !is_skipped(d) &&
           !attachments_go_on(d->channel);
}

/* The device, and the experiment, where there is one; else until when it is
 * held. */
static struct str
planned_detail(struct story *t, const struct store_notification_get *g,
               const struct delivery *d)
{
    const struct store_step *variant = variant_of(g, d);
    bool is_held = !variant && is_planned_hold(d) && d->due_ms != 0;
    bool is_without = is_without_attachments(t, d);
    struct json_writer w;
    struct buf out;

    if (!variant && !is_held && !is_without && d->device.n == 0)
        return STR_NONE;
    w = call_writer(t->call, &out);
    json_begin_object(&w);
    write_device(&w, d);
    if (variant)
        put_experiment(&w, variant);
    if (is_held)
        json_time_field(&w, "until", d->due_ms);
    if (is_without)
        json_str_field(&w, "attachments", STR("left_out"));
    json_end_object(&w);
    return buf_str(&out);
}

static void
tell_decision(struct story *t, const struct store_notification_get *g,
              const struct delivery *d)
{
    tell(t, (struct step){
                .at_ms = d->created_ms,
                .stage = "decide",
                .user = d->user,
                .channel = d->channel,
                .verdict = is_skipped(d)        ? STR("skip")
                           : is_planned_hold(d) ? STR("hold")
                                                : STR("send"),
                .reason = is_collected(d) ? reason_code(REASON_DIGEST_WAITING)
                          : is_skipped(d) || is_planned_hold(d) ? d->reason
                                                                : STR_NONE,
                .detail = planned_detail(t, g, d),
            });
}

static struct str
receipt_detail(struct call *c, const struct attempt *a)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "provider", a->provider);
    json_str_field(&w, "detail", a->detail);
    json_end_object(&w);
    return buf_str(&out);
}

static struct str
attempt_detail(struct call *c, const struct delivery *d,
               const struct attempt *a)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_int_field(&w, "n", a->n);
    write_device(&w, d);
    json_str_field(&w, "provider", a->provider);
    write_outcome(&w, a->status, a->detail, a->duration_ms);
    json_time_field(&w, "retry_at", a->retry_at_ms);
    write_note(c, &w, a, d->id);
    json_end_object(&w);
    return buf_str(&out);
}

static void
tell_attempts(struct story *t, const struct delivery *d,
              const struct attempt *attempts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tell(t, (struct step){
                    .at_ms = attempts[i].at_ms,
                    .stage = is_receipt(&attempts[i]) ? "receipt" : "attempt",
                    .user = d->user,
                    .channel = d->channel,
                    .verdict = attempts[i].verdict,
                    .detail = is_receipt(&attempts[i])
                                  ? receipt_detail(t->call, &attempts[i])
                                  : attempt_detail(t->call, d, &attempts[i]),
                });
}

static struct str
end_detail(struct call *c, const struct delivery *d)
{
    struct json_writer w;
    struct buf out;

    if (d->merged_into == 0 && d->device.n == 0)
        return STR_NONE;
    w = call_writer(c, &out);
    json_begin_object(&w);
    write_device(&w, d);
    if (d->merged_into != 0)
        call_id_field(c, &w, "into", "dlv", d->merged_into);
    json_end_object(&w);
    return buf_str(&out);
}

/* What became of it, once that is settled other than by the decision; or that
 * nothing will until a person says so. */
static void
tell_end(struct story *t, const struct delivery *d)
{
    bool is_held = d->status == DELIVERY_HELD && !is_planned_hold(d);

    if ((!delivery_status_is_terminal(d->status) && !is_held) || is_skipped(d))
        return;
    tell(t, (struct step){
                .at_ms = d->updated_ms,
                .stage = is_held ? "hold" : "end",
                .user = d->user,
                .channel = d->channel,
                .verdict = str_from(delivery_status_name(d->status)),
                .reason = d->reason,
                .detail = end_detail(t->call, d),
            });
}

static struct json
attachments_of(struct call *c, const struct notification *n)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (n->doc.n == 0 || json_parse(c->arena, n->doc, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_get(json_root(doc), "attachments");
}

static struct str
accept_detail(struct story *t, const struct notification *n)
{
    struct attachment *rows;
    size_t n_rows = attachments_read(t->call->arena, t->attachments, &rows);
    struct json_writer w;
    struct buf out;

    w = call_writer(t->call, &out);
    json_begin_object(&w);
    json_str_field(&w, "request_id", n->request_id);
    if (n_rows > 0) {
        json_put_key(&w, "attachments");
        attachments_tell(&w, rows, n_rows);
    }
    json_end_object(&w);
    return buf_str(&out);
}

static void
tell_all(struct story *t, const struct store_notification_get *g)
{
    const struct notification *n = &g->notification;
    struct json note = notification_note(t->call, n);
    size_t n_steps = 6 + g->n_steps + 2 * g->n_deliveries;

    t->attachments = attachments_of(t->call, n);
    for (size_t i = 0; i < g->n_deliveries; i++)
        n_steps += g->n_attempts[i];
    t->steps = ARENA_ARRAY(t->call->arena, struct step, n_steps);
    tell(t, (struct step){.at_ms = n->created_ms,
                          .stage = "accept",
                          .verdict = STR("pass"),
                          .detail = accept_detail(t, n)});
    tell(t, (struct step){.at_ms = n->created_ms,
                          .stage = "audience",
                          .verdict = STR("pass"),
                          .detail = audience_detail(t->call, n, note)});
    tell_schedule(t, n, note);
    tell_approval(t, g, note);
    tell_digest(t, n, note);
    tell_workflow(t, g, note);
    for (size_t i = 0; i < g->n_steps; i++)
        if (!is_decision(g, &g->steps[i]))
            tell_step(t, &g->steps[i]);
    for (size_t i = 0; i < g->n_deliveries; i++)
        tell_decision(t, g, &g->deliveries[i]);
    for (size_t i = 0; i < g->n_deliveries; i++) {
        tell_attempts(t, &g->deliveries[i], g->attempts[i], g->n_attempts[i]);
        tell_end(t, &g->deliveries[i]);
    }
    qsort(t->steps, t->n, sizeof(struct step), by_time);
}

static void
on_trace(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct call *c = CONTAINER_OF(g, struct notification_look, get)->call;
    struct story story = {.call = c};
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    tell_all(&story, g);
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_put_key(&w, "steps");
    json_begin_array(&w);
    for (size_t i = 0; i < story.n; i++)
        write_step(&w, &story.steps[i]);
    json_end_array(&w);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

void
notification_trace(struct call *c)
{
    struct notification_look *l = notification_look_new(c, on_trace);

    if (!l)
        return;
    l->get.max_deliveries = TRACE_DELIVERIES;
    l->get.wants_attempts = true;
    call_param(c, "user", &l->get.user);
    look_notification(c->app, &l->get);
}
