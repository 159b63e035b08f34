/* explain.c - [read what was sent] -> a dry run to that user alone -> ask how
 * the providers are. */
#include "app/explain.h"

#include "base/list.h"

static void
on_cluster(struct cluster *all)
{
    struct explain *x = CONTAINER_OF(all, struct explain, cluster);

    x->on_done(x, ERR_OK);
}

/* The body is a member of what was asked, and so are its faults. */
static void
take_problem(struct explain *x)
{
    struct problem *p = &x->problem;

    *p = x->item.problem;
    for (size_t i = 0; i < p->n_errors; i++)
        p->errors[i].pointer = str_fmt(x->arena, "/notification%.*s",
                                       STR_ARG(p->errors[i].pointer));
}

static void
on_planned(struct send *s, enum err e)
{
    struct explain *x = CONTAINER_OF(s, struct explain, send);

    if (e != ERR_OK) {
        x->on_done(x, e);
        return;
    }
    if (problem_is_set(&x->item.problem)) {
        take_problem(x);
        x->on_done(x, x->problem.err);
        return;
    }
    x->cluster = (struct cluster){
        .app = x->app, .arena = x->arena, .on_done = on_cluster};
    if (cluster_is_shared(x->app))
        cluster_ask(&x->cluster);
    else
        x->on_done(x, ERR_OK);
}

/* What was sent may have brought them an address, and data, of their own. */
static void
put_to(struct explain *x, struct json body, struct json_writer *w)
{
    struct json all = json_get(json_get(body, "to"), "recipients");
    struct json own = json_first(all);

    while (json_is(own, JSON_OBJECT) &&
           !str_eq(json_str_of(x->arena, own, "id"), x->user))
        own = json_next(all, own);
    json_put_key(w, "to");
    if (!json_is(own, JSON_OBJECT)) {
        json_put_str(w, x->user);
        return;
    }
    json_begin_object(w);
    json_put_key(w, "recipients");
    json_begin_array(w);
    json_put_raw(w, json_raw(own));
    json_end_array(w);
    json_end_object(w);
}

/* As it stands, but to that user, and dry. */
static bool
aim(struct explain *x, struct json body, struct json *ret)
{
    struct json_doc *doc = ARENA_NEW(x->arena, struct json_doc);
    struct json_error why;
    struct json_writer w;
    struct buf out;

    buf_init(&out, x->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(body); !json_is(m, JSON_ABSENT);
         m = json_next(body, m)) {
        struct str name = json_key(x->arena, m);

        if (str_is(name, "to") || str_is(name, "dry_run"))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    put_to(x, body, &w);
    json_bool_field(&w, "dry_run", true);
    json_end_object(&w);
    if (json_parse(x->arena, buf_str(&out), doc, &why) != ERR_OK)
        return false;
    *ret = json_root(doc);
    return true;
}

static void
plan(struct explain *x, struct json body)
{
    if (!aim(x, body, &x->item.doc)) {
        x->on_done(x, ERR_INTERNAL);
        return;
    }
    x->send = (struct send){
        .app = x->app,
        .arena = x->arena,
        .workspace = x->workspace,
        .items = &x->item,
        .n_items = 1,
        .at_ms = x->at_ms,
        .is_noted = true,
        .on_done = on_planned,
    };
    send_start(&x->send);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct explain *x = CONTAINER_OF(g, struct explain, get);
    struct json_doc *doc = ARENA_NEW(x->arena, struct json_doc);
    struct json_error why;

    if (e == ERR_OK &&
        json_parse(x->arena, g->notification.doc, doc, &why) != ERR_OK)
        e = ERR_INTERNAL;
    if (e != ERR_OK)
        x->on_done(x, e);
    else
        plan(x, json_root(doc));
}

void
explain_start(struct explain *x)
{
    problem_init(&x->problem, x->arena);
    if (x->id == 0) {
        plan(x, x->notification);
        return;
    }
    x->get = (struct store_notification_get){
        .req = {.arena = x->arena,
                .loop = x->app->env->loop,
                .on_done = on_read},
        .tenant = x->workspace->tenant,
        .id = x->id,
    };
    look_notification(x->app, &x->get);
}

enum err
explain_render(const struct explain *x, const struct send_item *part,
               const struct plan_decision *d, struct rendered *ret)
{
    enum err e = send_render(&x->send, part, d, ret);
    struct plan_note note = {.by = ret->variant};

    if (e != ERR_OK) {
        note.verdict = PLAN_SKIP;
        note.reason = REASON_RENDER_ERROR;
    }
    plan_note_down(d, PLAN_STAGE_CONTENT, note);
    return e;
}

enum plan_verdict
explain_verdict(const struct explain *x)
{
    enum plan_verdict best = PLAN_SKIP;

    for (size_t k = 0; k < x->send.n_parts; k++) {
        const struct send_item *part = x->send.parts[k];

        for (size_t i = 0; i < part->n_decisions; i++) {
            const struct plan_decision *d = &part->decisions[i];
            enum plan_verdict v = d->digest ? PLAN_HOLD : d->verdict;

            if (v == PLAN_SEND || (v == PLAN_HOLD && best == PLAN_SKIP))
                best = v;
        }
    }
    return best;
}
