/* verify.c - what a scenario expects, held against what happened. */
#include "scenario/compare.h"
#include "scenario/run_private.h"

/* ---- messages ---- */

static bool
has_text(const struct message *m, const struct check *c)
{
    struct str is = str_is(c->what, "title")  ? m->title
                    : str_is(c->what, "body") ? m->body
                    : str_is(c->what, "html") ? m->html
                                              : m->to;

    if (!c->is_part)
        return str_eq(is, c->text);
    return c->text.n == 0 ||
           (is.n > 0 && memmem(is.p, is.n, c->text.p, c->text.n) != NULL);
}

static bool
is_meant(struct run *r, const struct step *s, const struct message *m)
{
    if (m->is_ticked || (s->has_title && !str_eq(m->title, s->title)) ||
        (s->provider.n > 0 && !str_eq(m->provider, s->provider)) ||
        (s->has_moment && !run_is_moment(r, &s->moment, m->at_ms)))
        return false;
    for (size_t i = 0; i < s->n_checks; i++)
        if (!has_text(m, &s->checks[i]))
            return false;
    return true;
}

/* What differs is shown of those that might be meant. */
static void
put_checked(struct run *r, const struct step *s, const struct message *m,
            struct buf *out)
{
    (void)r;
    for (size_t i = 0; i < s->n_checks; i++) {
        struct str what = s->checks[i].what;

        buf_printf(out, ", %.*s ", STR_ARG(what));
        buf_put_json_str(out, str_is(what, "title")  ? m->title
                              : str_is(what, "body") ? m->body
                              : str_is(what, "html") ? m->html
                                                     : m->to);
    }
}

static struct str
list_messages(struct run *r, const struct step *s, const struct message *all,
              size_t n)
{
    struct buf b;

    buf_init(&b, r->arena);
    for (size_t i = 0; i < n; i++) {
        if (all[i].is_ticked)
            continue;
        buf_put_cstr(&b, b.n > 0 ? "\n" : "");
        if (s->user.n == 0)
            buf_printf(&b, "%.*s: ", STR_ARG(all[i].user));
        buf_put_str(&b, message_text(r, &all[i]));
        put_checked(r, s, &all[i], &b);
    }
    if (b.n == 0)
        buf_put_cstr(&b, "nothing");
    return buf_str(&b);
}

static struct str
expected_message(struct run *r, const struct step *s)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_str(&b, s->channel);
    if (s->has_title) {
        buf_put_char(&b, ' ');
        buf_put_json_str(&b, s->title);
    }
    if (s->has_moment)
        buf_printf(&b, " at %.*s", STR_ARG(run_moment(r, &s->moment)));
    if (s->provider.n > 0)
        buf_printf(&b, " from %.*s", STR_ARG(s->provider));
    for (size_t i = 0; i < s->n_checks; i++) {
        buf_printf(&b, ", %.*s %s", STR_ARG(s->checks[i].what),
                   s->checks[i].is_part ? "containing " : "");
        buf_put_json_str(&b, s->checks[i].text);
    }
    if (s->count > 0)
        buf_printf(&b, ", %lld times", (long long)s->count);
    return buf_str(&b);
}

static bool
verify_message(struct run *r, const struct step *s)
{
    int64_t wanted = s->count > 0 ? s->count : 1, found = 0;
    struct message *all;
    size_t n;

    if (!facts_messages(r, s, s->user, s->channel, &all, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        found += is_meant(r, s, &all[i]);
    if (found < wanted || (s->count > 0 && found > wanted)) {
        /* Of another channel, maybe. */
        if (n == 0 && !facts_messages(r, s, s->user, STR_NONE, &all, &n))
            return false;
        return run_fail(r, s, expected_message(r, s),
                        list_messages(r, s, all, n));
    }
    for (size_t i = 0; i < n && wanted > 0; i++)
        if (is_meant(r, s, &all[i])) {
            facts_tick(r, &all[i]);
            wanted--;
        }
    return true;
}

static bool
verify_nothing(struct run *r, const struct step *s)
{
    struct message *all;
    size_t n;

    if (!facts_messages(r, s, s->user, s->channel, &all, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!all[i].is_ticked)
            return run_fail(r, s,
                            s->channel.n > 0 ? str_fmt(r->arena, "no %.*s",
                                                       STR_ARG(s->channel))
                                             : STR("nothing"),
                            list_messages(r, s, all, n));
    return true;
}

/* ---- deliveries ---- */

static struct str
fact_text(struct run *r, const struct fact *f)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_printf(&b, "%.*s", STR_ARG(f->status));
    if (f->reason.n > 0)
        buf_printf(&b, " %.*s", STR_ARG(f->reason));
    if (f->provider.n > 0)
        buf_printf(&b, " from %.*s", STR_ARG(f->provider));
    if (f->due_ms > 0)
        buf_printf(&b, " until %.*s", STR_ARG(run_time(r, f->due_ms)));
    if (f->attempts > 0)
        buf_printf(&b, " after %lld attempts", (long long)f->attempts);
    return buf_str(&b);
}

static struct str
expected_fact(struct run *r, const struct step *s)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_str(&b, s->status);
    if (s->reason.n > 0)
        buf_printf(&b, " %.*s", STR_ARG(s->reason));
    if (s->provider.n > 0)
        buf_printf(&b, " from %.*s", STR_ARG(s->provider));
    if (s->has_moment)
        buf_printf(&b, " until %.*s", STR_ARG(run_moment(r, &s->moment)));
    if (s->count >= 0)
        buf_printf(&b, " after %lld attempts", (long long)s->count);
    return buf_str(&b);
}

static bool
is_fact(struct run *r, const struct step *s, const struct fact *f)
{
    return str_eq(f->status, s->status) &&
           (s->reason.n == 0 || str_eq(f->reason, s->reason)) &&
           (s->provider.n == 0 || str_eq(f->provider, s->provider)) &&
           (s->count < 0 || f->attempts == s->count) &&
           (!s->has_moment || run_is_moment(r, &s->moment, f->due_ms));
}

/* The id that was remembered; empty: none is asked for. */
static bool
id_of(struct run *r, const struct step *s, struct str *ret)
{
    *ret = STR_NONE;
    return s->of.n == 0 ||
           run_fill(r, s, str_fmt(r->arena, "${%.*s}", STR_ARG(s->of)), ret);
}

static bool
verify_delivery(struct run *r, const struct step *s)
{
    struct str notification;
    struct fact *all;
    size_t n;

    if (!id_of(r, s, &notification) ||
        !facts_deliveries(r, s, s->user, &all, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct fact *f = &all[i];

        if (!str_eq(f->channel, s->channel) ||
            (notification.n > 0 && !str_eq(f->notification, notification)))
            continue;
        return is_fact(r, s, f) ||
               run_fail(r, s, expected_fact(r, s), fact_text(r, f));
    }
    return run_fail(r, s, expected_fact(r, s), STR("no such delivery"));
}

static bool
verify_no_delivery(struct run *r, const struct step *s)
{
    struct fact *all;
    size_t n;

    if (!facts_deliveries(r, s, s->user, &all, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (s->channel.n == 0 || str_eq(all[i].channel, s->channel))
            return run_fail(r, s, STR("no delivery"), fact_text(r, &all[i]));
    return true;
}

/* ---- plans ---- */

static bool
is_planned(struct run *r, const struct step *s, struct json row)
{
    struct json rendered = json_get(row, "rendered");

    return str_eq(json_str_of(r->arena, row, "verdict"), s->status) &&
           (s->reason.n == 0 ||
            str_eq(json_str_of(r->arena, row, "reason"), s->reason)) &&
           (!s->has_title ||
            str_eq(json_str_of(r->arena, rendered, "title"), s->title));
}

static bool
verify_plan(struct run *r, const struct step *s)
{
    struct json plan = json_get(r->answer.json, "plan");

    if (!json_is(plan, JSON_ARRAY))
        return run_break(r, s,
                         "the last answer is no plan: write \"plan "
                         "{...}\" before this");
    for (struct json row = json_first(plan); !json_is(row, JSON_ABSENT);
         row = json_next(plan, row)) {
        if (!str_eq(json_str_of(r->arena, row, "user"), s->user) ||
            !str_eq(json_str_of(r->arena, row, "channel"), s->channel))
            continue;
        return is_planned(r, s, row) || run_fail(r, s, s->text, json_raw(row));
    }
    return run_fail(r, s, s->text,
                    str_fmt(r->arena, "the plan has no such line: %.*s",
                            STR_ARG(json_raw(plan))));
}

/* ---- notifications, calls ---- */

static bool
verify_notification(struct run *r, const struct step *s)
{
    struct str id, status;
    struct json n;

    if (!id_of(r, s, &id) ||
        !run_look(r, s,
                  str_fmt(r->arena, "/v1/notifications/%.*s", STR_ARG(id)), &n))
        return false;
    status = json_str_of(r->arena, n, "status");
    return str_eq(status, s->status) || run_fail(r, s, s->status, status);
}

static bool
verify_calls(struct run *r, const struct step *s)
{
    int64_t n = outlet_calls(world_outlet(r->world), s->name);

    return n == s->count ||
           run_fail(r, s, str_fmt(r->arena, "%lld calls", (long long)s->count),
                    str_fmt(r->arena, "%lld", (long long)n));
}

/* ---- answers ---- */

static bool
has_pointer(struct run *r, struct str pointer)
{
    struct json list = json_get(r->answer.json, "errors");

    for (struct json e = json_first(list); !json_is(e, JSON_ABSENT);
         e = json_next(list, e))
        if (str_eq(json_str_of(r->arena, e, "pointer"), pointer))
            return true;
    return false;
}

static bool
verify_check(struct run *r, const struct step *s, const struct check *c)
{
    struct json is = json_pointer(r->arena, r->answer.json, c->what);
    struct str why = STR_NONE;

    if (json_holds(r->arena, is, c->json, &why))
        return true;
    return run_fail(r, s, json_raw(c->json),
                    str_fmt(r->arena, "%.*s\nthe answer was %d %.*s",
                            STR_ARG(why), r->answer.status,
                            STR_ARG(r->answer.body)));
}

static bool
verify_answer(struct run *r, const struct step *s)
{
    struct str code = json_str_of(r->arena, r->answer.json, "code");

    if (!r->asked)
        return run_break(r, s, "nothing was asked before this");
    if ((s->http_status > 0 && r->answer.status != s->http_status) ||
        (s->code.n > 0 && !str_eq(code, s->code)) ||
        (s->pointer.n > 0 && !has_pointer(r, s->pointer)))
        return run_fail(r, s, s->text,
                        str_fmt(r->arena, "%d %.*s", r->answer.status,
                                STR_ARG(r->answer.body)));
    for (size_t i = 0; i < s->n_checks; i++)
        if (!verify_check(r, s, &s->checks[i]))
            return false;
    return true;
}

static bool
verify(struct run *r, const struct step *s)
{
    switch (s->kind) {
    case STEP_EXPECT_MESSAGE:
        return verify_message(r, s);
    case STEP_EXPECT_NOTHING:
        return verify_nothing(r, s);
    case STEP_EXPECT_DELIVERY:
        return verify_delivery(r, s);
    case STEP_EXPECT_NO_DELIVERY:
        return verify_no_delivery(r, s);
    case STEP_EXPECT_PLAN:
        return verify_plan(r, s);
    case STEP_EXPECT_NOTIFICATION:
        return verify_notification(r, s);
    case STEP_EXPECT_CALLS:
        return verify_calls(r, s);
    case STEP_EXPECT_ANSWER:
    case STEP_EXPECT_REQUEST:
        return verify_answer(r, s);
    case STEP_AT:
    case STEP_AFTER:
    case STEP_REQUEST:
    case STEP_REMEMBER:
    case STEP_MARK:
    case STEP_UNSUBSCRIBE:
    case STEP_REPLIES:
    case STEP_STOP:
    case STEP_START:
    case STEP_RESTART:
    case STEP_CRASH:
        break;
    }
    return true;
}

bool
run_verify(struct run *r, const struct step *s)
{
    struct step *one;

    if (s->n_users < 2)
        return verify(r, s);
    for (size_t i = 0; i < s->n_users; i++) {
        one = ARENA_NEW(r->arena, struct step);
        *one = *s;
        one->user = s->users[i];
        if (!verify(r, one))
            return false;
    }
    return true;
}
