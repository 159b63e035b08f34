/* explain.c - why a user would get it, or would not: each question that the
 * plan asks, in order, with its answer in a sentence. */
#include "app/explain.h"

#include "api/api.h"
#include "api/collection.h"
#include "api/route.h"
#include "app/provider_for.h"
#include "app/send_request.h"
#include "base/clock.h"
#include "base/list.h"
#include "domain/quiet.h"
#include "domain/zone.h"

#define AT_MAX_MS (10 * 365 * 24 * 3600 * INT64_C(1000))
#define ANSWER_MAX (16 * 1024 * 1024) /* bytes */

struct asking {
    struct call *call;
    struct explain explain;
    struct json health; /* components of this workspace's providers */
};

static void
write_sentence(struct json_writer *w, enum reason reason, const char *otherwise)
{
    json_str_or_null_field(w, "reason", reason_code(reason));
    json_str_field(
        w, "explanation",
        str_from(reason != REASON_NONE ? reason_sentence(reason) : otherwise));
}

/* ---- what was asked ---- */

static const struct category *
category_of(const struct asking *x, const struct send_item *part)
{
    return workspace_category(x->explain.workspace, part->request.category);
}

static void
write_budget(struct json_writer *w, const struct throttle *t, int left)
{
    json_int_field(w, "limit", t->limit);
    json_put_key(w, "per");
    json_put_duration(w, t->per_ms);
    json_int_field(w, "left", left);
}

static void
write_local(struct call *c, struct json_writer *w, const struct plan_note *n)
{
    struct civil t;

    json_str_field(w, "timezone", zone_name(n->zone));
    if (n->until_ms == 0 || n->until_ms == QUIET_FOR_EVER)
        return;
    t = zone_civil(n->zone, n->until_ms);
    json_str_field(w, "until_local",
                   str_fmt(c->arena, "%04d-%02d-%02dT%02d:%02d:%02d", t.year,
                           t.month, t.day, t.hour, t.minute, t.second));
}

static void
write_detail(struct asking *x, struct json_writer *w,
             const struct send_item *part, const struct plan_decision *d,
             enum plan_stage stage)
{
    const struct plan_note *n = &d->notes[stage];

    json_put_key(w, "detail");
    if (stage == PLAN_STAGE_THROTTLE || stage == PLAN_STAGE_ATTENTION) {
        json_begin_object(w);
        write_budget(w,
                     stage == PLAN_STAGE_THROTTLE
                         ? &category_of(x, part)->throttle
                         : &x->explain.workspace->attention.budget,
                     n->left);
        json_end_object(w);
    } else if (stage == PLAN_STAGE_QUIET && n->zone) {
        json_begin_object(w);
        json_raw_field(
            w, "hours",
            json_raw(json_get(d->recipient->preferences, "quiet_hours")));
        write_local(x->call, w, n);
        json_end_object(w);
    } else {
        json_put_null(w);
    }
}

static void
write_steps(struct asking *x, struct json_writer *w,
            const struct send_item *part, const struct plan_decision *d)
{
    json_put_key(w, "steps");
    json_begin_array(w);
    for (int i = 0; i < PLAN_STAGES; i++) {
        const struct plan_note *n = &d->notes[i];
        enum plan_stage stage = (enum plan_stage)i;

        if (!n->is_asked)
            continue;
        json_begin_object(w);
        json_str_field(w, "stage", str_from(plan_stage_name(stage)));
        json_str_field(w, "verdict", str_from(plan_verdict_name(n->verdict)));
        write_sentence(w, n->reason, plan_stage_passes(stage));
        json_str_or_null_field(w, "by", n->by);
        json_time_field(w, "until",
                        n->until_ms == QUIET_FOR_EVER ? 0 : n->until_ms);
        write_detail(x, w, part, d, stage);
        json_end_object(w);
    }
    json_end_array(w);
}

/* ---- who would carry it ---- */

static struct json
component_of(const struct asking *x, const struct provider *p)
{
    struct arena *a = x->call->arena;
    struct str name =
        str_fmt(a, "provider/%.*s/%.*s", STR_ARG(x->explain.workspace->key),
                STR_ARG(p->name));

    for (struct json v = json_first(x->health); !json_is(v, JSON_ABSENT);
         v = json_next(x->health, v))
        if (str_eq(json_str_of(a, v, "name"), name))
            return v;
    return (struct json){0};
}

static struct str
fitness_text(const struct asking *x, const struct provider *p)
{
    const struct app *app = x->call->app;
    struct provider_ask ask = {.workspace = x->explain.workspace,
                               .standings = app->standings,
                               .now_ms =
                                   app->env->clock->mono_ms(app->env->clock)};
    int64_t worth = provider_fitness(&ask, p);

    return str_fmt(x->call->arena, "%.2f",
                   (double)worth / (double)FITNESS_WHOLE);
}

static void
write_provider(struct asking *x, struct json_writer *w,
               const struct provider *p)
{
    struct arena *a = x->call->arena;
    struct json component = component_of(x, p);

    json_begin_object(w);
    json_str_field(w, "name", p->name);
    json_str_field(w, "driver", str_from(p->driver->name));
    json_bool_field(w, "paused", p->is_paused);
    json_int_field(w, "order", p->order);
    json_int_field(w, "weight", p->weight);
    json_raw_field(w, "fitness", fitness_text(x, p));
    json_str_or_null_field(w, "health", json_str_of(a, component, "status"));
    json_str_or_null_field(w, "detail", json_str_of(a, component, "detail"));
    json_end_object(w);
}

static void
write_providers(struct asking *x, struct json_writer *w, struct str channel)
{
    const struct workspace *of = x->explain.workspace;

    json_put_key(w, "providers");
    json_begin_array(w);
    for (const struct provider *p = workspace_next(of, channel, NULL); p;
         p = workspace_next(of, channel, p))
        write_provider(x, w, p);
    json_end_array(w);
}

/* ---- a channel ---- */

static void
write_template(struct json_writer *w, const struct send_item *part,
               const struct rendered *r)
{
    const struct template_doc *t = part->request.template;

    json_put_key(w, "template");
    if (!t) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_str_field(w, "key", t->key);
    json_int_field(w, "version", t->version);
    json_str_or_null_field(w, "variant", r->variant);
    json_str_or_null_field(w, "language", r->language);
    json_end_object(w);
}

/* What is queued for a provider that is paused waits for it. */
static const char *
what_then(const struct asking *x, struct str channel)
{
    const struct workspace *of = x->explain.workspace;
    const struct provider *p = workspace_next(of, channel, NULL);

    if (!p)
        return "It would go out now.";
    for (; p; p = workspace_next(of, channel, p))
        if (!p->is_paused)
            return "It would go out now.";
    return "It would go out as soon as its provider goes on, which is paused.";
}

static void
write_rendered(struct json_writer *w, const struct rendered *r)
{
    json_put_key(w, "rendered");
    json_begin_object(w);
    json_str_field(w, "title", r->title);
    json_str_field(w, "body", r->body);
    json_str_field(w, "html", r->html);
    json_raw_field(w, "actions", r->actions.n > 0 ? r->actions : STR("[]"));
    json_end_object(w);
}

static void
write_channel(struct asking *x, struct json_writer *w,
              const struct send_item *part, const struct plan_decision *d)
{
    struct rendered r = {0};
    enum err e = explain_render(&x->explain, part, d, &r);
    enum plan_verdict verdict = d->digest ? PLAN_HOLD : d->verdict;
    enum reason why = d->digest ? REASON_DIGEST_WAITING : d->reason;

    if (e != ERR_OK && verdict != PLAN_SKIP) {
        verdict = PLAN_SKIP;
        why = REASON_RENDER_ERROR;
    }
    json_begin_object(w);
    json_str_field(w, "channel", d->channel->name);
    json_str_field(w, "verdict", str_from(plan_verdict_name(verdict)));
    write_sentence(w, why, what_then(x, d->channel->name));
    json_time_field(w, "due_at", d->digest ? d->closes_ms : d->due_ms);
    if (d->recipient->experiment.n > 0) {
        json_str_field(w, "experiment", d->recipient->experiment);
        json_str_or_null_field(w, "variant", d->recipient->variant);
    }
    write_steps(x, w, part, d);
    write_providers(x, w, d->channel->name);
    write_template(w, part, &r);
    write_rendered(w, &r);
    json_end_object(w);
}

/* Each channel may have words of its own, and they are as long as data makes
 * them. False: that was long enough. */
static bool
write_channels(struct asking *x, struct json_writer *w)
{
    const struct send *s = &x->explain.send;

    json_put_key(w, "channels");
    json_begin_array(w);
    for (size_t k = 0; k < s->n_parts; k++) {
        const struct send_item *part = s->parts[k];

        for (size_t i = 0; i < part->n_decisions; i++) {
            if (plan_is_unused(&part->decisions[i]))
                continue;
            if (w->out->n > ANSWER_MAX)
                return false;
            write_channel(x, w, part, &part->decisions[i]);
        }
    }
    json_end_array(w);
    return true;
}

/* ---- the answer ---- */

static void
write_workflow(struct json_writer *w, const struct send_item *item)
{
    json_put_key(w, "workflow");
    json_begin_array(w);
    for (size_t i = 0; i < item->n_steps; i++) {
        const struct store_step *s = &item->steps[i];

        json_begin_object(w);
        json_str_field(w, "step", s->step);
        json_str_field(w, "verdict", s->verdict);
        json_str_or_null_field(w, "reason", s->reason);
        if (s->at_ms > 0)
            json_time_field(w, "until", s->at_ms);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
ask_health(struct asking *x)
{
    struct call *c = x->call;
    struct buf components;
    struct json_writer w = call_writer(c, &components);

    (void)cluster_write_health(
        &x->explain.cluster,
        str_fmt(c->arena, "provider/%.*s/", STR_ARG(x->explain.workspace->key)),
        api_options(c->api)->config->database_lease_ms, &w);
    x->health = call_parse(c, buf_str(&components));
}

static bool
is_stored(const struct explain *x)
{
    for (size_t i = 0; i < x->item.request.n_recipients; i++)
        if (json_is(x->item.recipients[i].stored, JSON_OBJECT))
            return true;
    return false;
}

static void
on_explained(struct explain *explain, enum err e)
{
    struct asking *x = CONTAINER_OF(explain, struct asking, explain);
    struct call *c = x->call;
    struct json_writer w;
    struct buf out;

    if (problem_is_set(&explain->problem)) {
        c->problem = explain->problem;
        call_refuse(c);
        return;
    }
    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    ask_health(x);
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "user", explain->user);
    json_bool_field(&w, "stored", is_stored(explain));
    json_time_field(&w, "at", explain->send.now_ms);
    json_str_field(&w, "verdict",
                   str_from(plan_verdict_name(explain_verdict(explain))));
    if (!write_channels(x, &w)) {
        call_fail_with(c, ERR_TOO_LARGE,
                       "the answer is longer than %d MiB: ask for fewer "
                       "channels",
                       ANSWER_MAX / 1024 / 1024);
        return;
    }
    if (explain->item.steps)
        write_workflow(&w, &explain->item);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

/* False: refused. */
static bool
read_notification(struct call *c, struct explain *x)
{
    struct json given = json_get(c->body, "notification");

    if (json_is(given, JSON_OBJECT)) {
        x->notification = given;
        return true;
    }
    if (id_parse(json_str(c->arena, given), vault_id_key(c->app->vault), "ntf",
                 c->workspace->shard, &x->id))
        return true;
    problem_add(&c->problem, ERR_INVALID, STR("/notification"),
                "must be a notification's id, or the body of a send without "
                "`to`");
    call_refuse(c);
    return false;
}

/* Calendars and counters know no other times. */
static bool
read_at(struct call *c, struct explain *x)
{
    int64_t away_ms;

    if (!time_parse(json_str_of(c->arena, c->body, "at"), &x->at_ms))
        return true; /* it is not there: now */
    away_ms = x->at_ms - call_now_ms(c);
    if (away_ms >= -AT_MAX_MS && away_ms <= AT_MAX_MS)
        return true;
    problem_add(&c->problem, ERR_INVALID, STR("/at"),
                "must be within ten years of now");
    call_refuse(c);
    return false;
}

static void
handle_explain(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .explain = {.app = c->app,
                    .arena = c->arena,
                    .workspace = c->workspace,
                    .user = json_str_of(c->arena, c->body, "user"),
                    .on_done = on_explained},
    };
    if (read_at(c, &x->explain) && read_notification(c, &x->explain))
        explain_start(&x->explain);
}

static const struct field notification_rows[] = {
    {.type = FIELD_STRING,
     .max = 64,
     .doc = "The id of one that was sent: as if it was sent now, to that user "
            "alone."},
    {.type = FIELD_OBJECT,
     .of = &send_request_fields[1], /* all but `to` */
     .doc = "The body of a send, without `to`."},
    {.type = FIELD_END},
};
static const struct field request_fields[] = {
    {.name = "user",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "Who would get it; need not be stored."},
    {.name = "notification",
     .type = FIELD_ONE_OF,
     .of = notification_rows,
     .flags = FIELD_REQUIRED,
     .doc = "What would be sent."},
    {.name = "at",
     .type = FIELD_TIME,
     .doc =
         "As if it was sent then, at most ten years from now; what is left of "
         "throttles is as of now."},
    {.type = FIELD_END},
};

static const char *const verdicts[] = {"send", "skip", "hold", NULL};
static const char *const stages[] = {
#define STAGE(name, code, passes) code,
#include "domain/stages.def"
#undef STAGE
    NULL};
static const char *const healths[] = {"ok", "degraded", "down", NULL};

#define VERDICT_FIELDS                                                         \
    {.name = "verdict",                                                        \
     .type = FIELD_ENUM,                                                       \
     .values = verdicts,                                                       \
     .flags = FIELD_REQUIRED},                                                 \
        {.name = "reason",                                                     \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_REQUIRED | FIELD_NULLABLE},                            \
    {                                                                          \
        .name = "explanation", .type = FIELD_STRING, .flags = FIELD_REQUIRED,  \
        .doc = "The same as a sentence."                                       \
    }

static const struct field step_fields[] = {
    {.name = "stage",
     .type = FIELD_ENUM,
     .values = stages,
     .flags = FIELD_REQUIRED},
    VERDICT_FIELDS,
    {.name = "by",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "What decided: a place in preferences "
            "(`user/categories/news/channels/email`, `workspace/…`), an "
            "address, the key of a digest, the variant of a template; for "
            "quiet hours, what breaks through them."},
    {.name = "until",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "When that is over."},
    {.name = "detail",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Of a throttle, `limit`, `per` and what is `left`; of quiet "
            "hours, the `hours`, their `timezone` and `until_local`."},
    {.type = FIELD_END},
};
static const struct field step_any[] = {
    {.type = FIELD_OBJECT, .of = step_fields}};
static const struct field provider_rows[] = {
    {.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "driver", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "paused", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "order", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "weight", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "fitness",
     .type = FIELD_DECIMAL,
     .flags = FIELD_REQUIRED,
     .doc = "What its weight is worth now, as this process sees it: 0.02 to "
            "1."},
    {.name = "health",
     .type = FIELD_ENUM,
     .values = healths,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "degraded while its breaker is open; null: no process has called "
            "it yet."},
    {.name = "detail",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.type = FIELD_END},
};
static const struct field provider_any[] = {
    {.type = FIELD_OBJECT, .of = provider_rows}};
static const struct field template_rows[] = {
    {.name = "key", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "variant",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "`content/default`, `locales/de/email`: that the body is of, else "
            "the title."},
    {.name = "language",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.type = FIELD_END},
};
static const struct field rendered_rows[] = {
    {.name = "title", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "body", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "html", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "actions", .type = FIELD_ARRAY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field channel_fields[] = {
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    VERDICT_FIELDS,
    {.name = "due_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "When it would go out, where it is held."},
    {.name = "experiment", .type = FIELD_STRING},
    {.name = "variant", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "steps",
     .type = FIELD_ARRAY,
     .of = step_any,
     .flags = FIELD_REQUIRED,
     .doc = "What was asked, in order. The first that is against it decides; "
            "those of the user's wishes and addresses are all asked."},
    {.name = "providers",
     .type = FIELD_ARRAY,
     .of = provider_any,
     .flags = FIELD_REQUIRED,
     .doc = "In the order in which they are tried."},
    {.name = "template",
     .type = FIELD_OBJECT,
     .of = template_rows,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.name = "rendered",
     .type = FIELD_OBJECT,
     .of = rendered_rows,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field channel_any[] = {
    {.type = FIELD_OBJECT, .of = channel_fields}};
static const struct field workflow_rows[] = {
    {.name = "step", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "verdict", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "reason",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.name = "until", .type = FIELD_TIME},
    {.type = FIELD_END},
};
static const struct field workflow_any[] = {
    {.type = FIELD_OBJECT, .of = workflow_rows}};
static const struct field answer_fields[] = {
    {.name = "user", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "stored",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "Whether there is such a user; else it is one without addresses."},
    {.name = "at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "The time that it is judged by."},
    {.name = "verdict",
     .type = FIELD_ENUM,
     .values = verdicts,
     .flags = FIELD_REQUIRED,
     .doc = "The best that a channel comes to."},
    {.name = "channels",
     .type = FIELD_ARRAY,
     .of = channel_any,
     .flags = FIELD_REQUIRED},
    {.name = "workflow",
     .type = FIELD_ARRAY,
     .of = workflow_any,
     .doc = "What its steps would do, as far as that is known; `channels` are "
            "those of the first that sends."},
    {.type = FIELD_END},
};

const struct route explain_routes[] = {
    {.method = "POST",
     .path = "/v1/explain",
     .scope = AUTH_READ,
     .body = ROUTE_BODY_JSON,
     .handle = handle_explain,
     .request = request_fields,
     .answer = answer_fields,
     .statuses = {200},
     .id = "explain",
     .summary = "Say whether a user would get a notification, on which "
                "channels, and why not; nothing is sent or stored."},
    {0},
};
