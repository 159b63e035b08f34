/* trace.c - the story of a notification: every decision and every attempt. */
#include "api/notifications.h"
#include "app/look.h"
#include "base/list.h"

#define TRACE_DELIVERIES 1000

struct tracing {
    struct call *call;
    struct store_notification_get get;
};

struct step {
    int64_t at_ms;
    const char *stage;
    struct str user, channel;
    struct str verdict, reason;
    struct str detail; /* JSON; empty: null */
};

static void
write_step(struct json_writer *w, const struct step *s)
{
    json_begin_object(w);
    json_time_field(w, "at", s->at_ms);
    json_str_field(w, "stage", str_from(s->stage));
    json_put_key(w, "user");
    if (s->user.n > 0)
        json_put_str(w, s->user);
    else
        json_put_null(w);
    json_put_key(w, "channel");
    if (s->channel.n > 0)
        json_put_str(w, s->channel);
    else
        json_put_null(w);
    json_str_field(w, "verdict", s->verdict);
    json_put_key(w, "reason");
    if (s->reason.n > 0)
        json_put_str(w, s->reason);
    else
        json_put_null(w);
    json_raw_field(w, "detail", s->detail.n > 0 ? s->detail : STR("null"));
    json_end_object(w);
}

static bool
is_skipped(const struct delivery *d)
{
    return d->attempts == 0 &&
           (d->status == DELIVERY_SUPPRESSED || d->status == DELIVERY_EXPIRED);
}

static void
write_decision(struct json_writer *w, const struct notification *n,
               const struct delivery *d)
{
    struct step s = {
        .at_ms = n->created_ms,
        .stage = "decide",
        .user = d->user,
        .channel = d->channel,
        .verdict = is_skipped(d) ? STR("skip") : STR("send"),
        .reason = is_skipped(d) ? d->reason : STR_NONE,
    };

    write_step(w, &s);
}

static struct str
attempt_detail(struct call *c, const struct attempt *a)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_int_field(&w, "n", a->n);
    json_str_field(&w, "provider", a->provider);
    json_put_key(&w, "status");
    if (a->status == 0)
        json_put_null(&w);
    else
        json_put_int(&w, a->status);
    json_str_field(&w, "detail", a->detail);
    json_put_key(&w, "duration");
    json_put_duration(&w, a->duration_ms);
    json_time_field(&w, "retry_at", a->retry_at_ms);
    json_end_object(&w);
    return buf_str(&out);
}

static void
write_attempt_steps(struct call *c, struct json_writer *w,
                    const struct delivery *d, const struct attempt *attempts,
                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct step s = {
            .at_ms = attempts[i].at_ms,
            .stage = "attempt",
            .user = d->user,
            .channel = d->channel,
            .verdict = attempts[i].verdict,
            .detail = attempt_detail(c, &attempts[i]),
        };

        write_step(w, &s);
    }
}

/* What became of it, once that is settled other than by the decision. */
static void
write_end(struct json_writer *w, const struct delivery *d)
{
    struct step s = {
        .at_ms = d->updated_ms,
        .stage = "end",
        .user = d->user,
        .channel = d->channel,
        .verdict = str_from(delivery_status_name(d->status)),
        .reason = d->reason,
    };

    if (delivery_status_is_terminal(d->status) && !is_skipped(d))
        write_step(w, &s);
}

static void
on_trace(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct call *c = CONTAINER_OF(g, struct tracing, get)->call;
    const struct notification *n = &g->notification;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_put_key(&w, "steps");
    json_begin_array(&w);
    write_step(&w, &(struct step){.at_ms = n->created_ms,
                                  .stage = "accept",
                                  .verdict = STR("pass"),
                                  .detail = str_fmt(c->arena,
                                                    "{\"request_id\":\"%.*s\"}",
                                                    STR_ARG(n->request_id))});
    write_step(&w, &(struct step){.at_ms = n->created_ms,
                                  .stage = "audience",
                                  .verdict = STR("pass"),
                                  .detail = n->note});
    for (size_t i = 0; i < g->n_deliveries; i++)
        write_decision(&w, n, &g->deliveries[i]);
    for (size_t i = 0; i < g->n_deliveries; i++) {
        write_attempt_steps(c, &w, &g->deliveries[i], g->attempts[i],
                            g->n_attempts[i]);
        write_end(&w, &g->deliveries[i]);
    }
    json_end_array(&w);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

void
notification_trace(struct call *c)
{
    struct tracing *t = ARENA_NEW(c->arena, struct tracing);
    int64_t id;

    if (!call_path_id(c, 0, "ntf", &id))
        return;
    *t = (struct tracing){
        .call = c,
        .get = {.req = call_req(c, on_trace),
                .tenant = c->workspace->tenant,
                .id = id,
                .max_deliveries = TRACE_DELIVERIES,
                .wants_attempts = true},
    };
    call_param(c, "user", &t->get.user);
    look_notification(c->app, &t->get);
}
