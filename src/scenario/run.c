/* run.c - the steps of a scenario, one after the other. */
#include "scenario/run.h"

#include <stdlib.h>

#include "scenario/compare.h"
#include "scenario/run_private.h"

#define DAY_MS INT64_C(86400000)
/* Where a scenario begins that does not say when: a Monday. */
#define START_MS INT64_C(1767603600000) /* 2026-01-05 09:00 UTC */

/* ---- failing ---- */

bool
run_fail(struct run *r, const struct step *s, struct str expected,
         struct str got)
{
    struct run_result *x = r->result;
    struct str user = s->user.n > 0 ? s->user : STR_NONE;

    x->is_passed = false;
    x->step = s;
    x->expected = expected;
    x->got = got;
    x->story = facts_story(r, user);
    x->is_passed = false;
    return false;
}

bool
run_break(struct run *r, const struct step *s, const char *why)
{
    r->result->is_passed = false;
    r->result->step = s;
    r->result->expected = STR_NONE;
    r->result->got = str_dup(r->arena, str_from(why));
    return false;
}

/* ---- times ---- */

struct str
run_time(struct run *r, int64_t ms)
{
    struct civil c = zone_civil(r->zone, ms);

    return str_fmt(r->arena, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month,
                   c.day, c.hour, c.minute, c.second);
}

struct str
run_moment(struct run *r, const struct moment *m)
{
    const struct civil *c = &m->civil;
    struct buf b;

    buf_init(&b, r->arena);
    if (m->has_date)
        buf_printf(&b, "%04d-%02d-%02d ", c->year, c->month, c->day);
    buf_printf(&b, "%02d:%02d", c->hour, c->minute);
    if (m->has_seconds)
        buf_printf(&b, ":%02d", c->second);
    if (m->zone && m->zone != r->zone)
        buf_printf(&b, " %.*s", STR_ARG(zone_name(m->zone)));
    return buf_str(&b);
}

bool
run_is_moment(struct run *r, const struct moment *m, int64_t ms)
{
    struct civil c = zone_civil(m->zone ? m->zone : r->zone, ms);

    return c.hour == m->civil.hour && c.minute == m->civil.minute &&
           (!m->has_seconds || c.second == m->civil.second) &&
           (!m->has_date ||
            (c.year == m->civil.year && c.month == m->civil.month &&
             c.day == m->civil.day));
}

/* The next instant at or after now_ms at which the clock shows it. */
static int64_t
instant_of(const struct moment *m, const struct zone *zone, int64_t now_ms)
{
    struct civil c = m->civil, today = zone_civil(zone, now_ms);
    int64_t ms;

    if (m->has_date)
        return zone_instant(zone, c);
    c.year = today.year;
    c.month = today.month;
    c.day = today.day;
    ms = zone_instant(zone, c);
    c.day++;
    return ms >= now_ms ? ms : zone_instant(zone, c);
}

static bool
run_at(struct run *r, const struct step *s)
{
    const char *why = "";
    int64_t ms;

    if (s->moment.zone)
        r->zone = s->moment.zone;
    ms = instant_of(&s->moment, r->zone, r->now_ms);
    if (ms < r->now_ms)
        return run_break(
            r, s,
            str_cstr(r->arena,
                     str_fmt(r->arena, "time does not go back: it is %.*s",
                             STR_ARG(run_time(r, r->now_ms)))));
    r->now_ms = ms;
    return world_advance(r->world, ms, &why) || run_break(r, s, why);
}

static bool
run_after(struct run *r, const struct step *s)
{
    const char *why = "";

    r->now_ms += s->ms;
    return world_advance(r->world, r->now_ms, &why) || run_break(r, s, why);
}

/* ---- names ---- */

bool
run_fill(struct run *r, const struct step *s, struct str text, struct str *ret)
{
    struct buf b;

    buf_init(&b, r->arena);
    while (text.n > 0) {
        const char *at = memmem(text.p, text.n, "${", 2);
        size_t before = at ? (size_t)(at - text.p) : text.n;
        struct str rest = str_sub(text, before + 2, text.n);
        ptrdiff_t end = at ? str_find(rest, '}') : -1;
        struct str name = str_sub(rest, 0, end < 0 ? 0 : (size_t)end);
        struct str *value = end < 0 ? NULL : map_get(r->names, name);

        buf_put(&b, text.p, before);
        if (!at)
            break;
        if (!value)
            return run_break(
                r, s,
                str_cstr(r->arena,
                         str_fmt(r->arena, "nothing was remembered as \"%.*s\"",
                                 STR_ARG(name))));
        buf_put_str(&b, *value);
        text = str_sub(rest, (size_t)end + 1, rest.n);
    }
    *ret = buf_str(&b);
    return true;
}

static void
remember(struct run *r, struct str name, struct str value)
{
    struct str *copy = ARENA_NEW(r->arena, struct str);

    *copy = str_dup(r->arena, value);
    (void)map_put(r->names, name, copy);
}

/* ---- requests ---- */

static bool
ask(struct run *r, const struct step *s, struct world_request *q)
{
    const char *why = "";

    if (!run_fill(r, s, q->path, &q->path) ||
        (q->body.p && !run_fill(r, s, q->body, &q->body)))
        return false;
    r->asked = s;
    if (!world_ask(r->world, r->arena, q, &r->answer, &why))
        return run_break(r, s, why);
    r->is_refused = r->answer.status >= 400;
    return true;
}

bool
run_look(struct run *r, const struct step *s, struct str path, struct json *ret)
{
    struct world_request q = {.method = STR("GET"), .path = path};
    struct world_answer a;
    const char *why = "";

    if (!world_ask(r->world, r->arena, &q, &a, &why))
        return run_break(r, s, why);
    *ret = a.json;
    if (a.status == 200)
        return true;
    return run_break(
        r, s,
        str_cstr(r->arena, str_fmt(r->arena, "GET %.*s: %d %.*s", STR_ARG(path),
                                   a.status, STR_ARG(a.body))));
}

static bool
run_request(struct run *r, const struct step *s)
{
    struct world_request q = {.method = s->method,
                              .path = s->path,
                              .as_user = s->as_user,
                              .header = {s->header[0], s->header[1]},
                              .body = json_raw(s->body)};

    if (!ask(r, s, &q))
        return false;
    if (s->name.n > 0 && !r->is_refused)
        remember(r, s->name, json_str_of(r->arena, r->answer.json, "id"));
    return true;
}

static bool
run_remember(struct run *r, const struct step *s)
{
    struct json v = json_pointer(r->arena, r->answer.json, s->pointer);
    struct str text =
        json_is(v, JSON_STRING) ? json_str(r->arena, v) : json_raw(v);

    if (text.n == 0)
        return run_break(
            r, s,
            str_cstr(r->arena,
                     str_fmt(r->arena, "the last answer has nothing at %.*s",
                             STR_ARG(s->pointer))));
    remember(r, s->name, text);
    return true;
}

/* The newest item of that title; those put away where it is to come back. */
static bool
find_item(struct run *r, const struct step *s, struct str *ret)
{
    struct json page, data;
    struct buf path;

    buf_init(&path, r->arena);
    buf_put_cstr(&path, "/v1/users/");
    buf_put_url(&path, s->user);
    buf_put_cstr(&path, "/inbox?limit=100");
    if (str_is(s->status, "unarchive"))
        buf_put_cstr(&path, "&archived=true");
    if (!run_look(r, s, buf_str(&path), &page))
        return false;
    data = json_get(page, "data");
    for (struct json v = json_first(data); !json_is(v, JSON_ABSENT);
         v = json_next(data, v))
        if (str_eq(json_str_of(r->arena, v, "title"), s->title)) {
            *ret = json_str_of(r->arena, v, "id");
            return true;
        }
    return run_fail(r, s, STR_NONE,
                    str_fmt(r->arena, "%.*s has no such item in the inbox",
                            STR_ARG(s->user)));
}

static bool
run_mark(struct run *r, const struct step *s)
{
    struct world_request q = {.method = STR("POST"), .as_user = s->user};
    struct str id = STR_NONE;

    if (!find_item(r, s, &id))
        return false;
    q.path = str_fmt(r->arena, "/v1/inbox/%.*s/%.*s", STR_ARG(id),
                     STR_ARG(s->status));
    return ask(r, s, &q);
}

/* By the link of the newest mail of that title, as a mail program does. */
static bool
run_unsubscribe(struct run *r, const struct step *s)
{
    struct world_request q = {.method = STR("POST"),
                              .body = STR("List-Unsubscribe=One-Click"),
                              .is_form = true};
    struct caught *all = NULL;

    for (size_t i = outlet_caught(world_outlet(r->world), &all); i-- > 0;) {
        if (!all[i].is_taken || !str_eq(all[i].user, s->user) ||
            !str_eq(all[i].title, s->title) ||
            !str_starts(all[i].unsubscribe_url, STR(WORLD_URL)))
            continue;
        q.path = str_sub(all[i].unsubscribe_url, sizeof(WORLD_URL) - 1,
                         all[i].unsubscribe_url.n);
        return ask(r, s, &q);
    }
    return run_fail(r, s, STR_NONE,
                    str_fmt(r->arena,
                            "%.*s got no such message with a link to "
                            "unsubscribe",
                            STR_ARG(s->user)));
}

static bool
run_expect_request(struct run *r, const struct step *s)
{
    return run_request(r, s) && run_verify(r, s);
}

/* ---- steps ---- */

static bool
run_power(struct run *r, const struct step *s)
{
    bool stops = s->kind != STEP_START, starts = s->kind != STEP_STOP;
    const char *why = "";

    if (world_is_up(r->world) != stops)
        return run_break(r, s, stops ? "it is stopped already" : "it runs");
    if (stops)
        world_stop(r->world);
    return !starts || world_start(r->world, &why) || run_break(r, s, why);
}

static bool
run_crash(struct run *r, const struct step *s)
{
    const char *why = "";

    return world_crash(r->world, &why) || run_break(r, s, why);
}

/* Somebody has to be there to be asked. */
static bool
is_possible(struct run *r, const struct step *s)
{
    return world_is_up(r->world) || s->kind == STEP_START ||
           s->kind == STEP_AT || s->kind == STEP_AFTER ||
           s->kind == STEP_REPLIES ||
           run_break(r, s,
                     "the server is stopped: write \"start\" before "
                     "this");
}

static bool
run_step(struct run *r, const struct step *s)
{
    switch (s->kind) {
    case STEP_AT:
        return run_at(r, s);
    case STEP_AFTER:
        return run_after(r, s);
    case STEP_REQUEST:
        return run_request(r, s);
    case STEP_REMEMBER:
        return run_remember(r, s);
    case STEP_MARK:
        return run_mark(r, s);
    case STEP_UNSUBSCRIBE:
        return run_unsubscribe(r, s);
    case STEP_REPLIES:
        outlet_tell(world_outlet(r->world), s->name, s->replies, s->n_replies,
                    s->is_always);
        return true;
    case STEP_STOP:
    case STEP_START:
    case STEP_RESTART:
        return run_power(r, s);
    case STEP_CRASH:
        return run_crash(r, s);
    case STEP_EXPECT_REQUEST:
        return run_expect_request(r, s);
    case STEP_EXPECT_MESSAGE:
    case STEP_EXPECT_NOTHING:
    case STEP_EXPECT_DELIVERY:
    case STEP_EXPECT_NO_DELIVERY:
    case STEP_EXPECT_PLAN:
    case STEP_EXPECT_NOTIFICATION:
    case STEP_EXPECT_CALLS:
    case STEP_EXPECT_ANSWER:
        break;
    }
    return run_verify(r, s);
}

/* A refusal that nobody expects is a failure of what was refused. */
static bool
judge_refusal(struct run *r, const struct step *next)
{
    if (!r->is_refused)
        return true;
    r->is_refused = false;
    if (next && next->kind == STEP_EXPECT_ANSWER)
        return true;
    return run_fail(r, r->asked, STR("that it is accepted"),
                    str_fmt(r->arena, "%d %.*s", r->answer.status,
                            STR_ARG(r->answer.body)));
}

static const struct step *
step_at(const struct scenario *s, size_t i)
{
    return i < s->n_before ? &s->before[i] : &s->steps[i - s->n_before];
}

static bool
run_steps(struct run *r, size_t from)
{
    const struct scenario *s = r->scenario;

    for (size_t i = from; i < s->n_before + s->n_steps; i++) {
        const struct step *step = step_at(s, i);

        if (!judge_refusal(r, step) || !is_possible(r, step) ||
            !run_step(r, step))
            return false;
        if (step->kind >= STEP_EXPECT_MESSAGE)
            r->result->n_expectations++;
    }
    return judge_refusal(r, NULL);
}

/* The first statement may say when it begins: nothing was there before. */
static size_t
set_start(struct run *r)
{
    const struct step *first = step_at(r->scenario, 0);

    r->zone = zone_utc();
    r->now_ms = START_MS;
    if (first->kind != STEP_AT)
        return 0;
    if (first->moment.zone)
        r->zone = first->moment.zone;
    r->now_ms = instant_of(
        &first->moment, r->zone,
        first->moment.has_date ? START_MS : START_MS - START_MS % DAY_MS);
    return 1;
}

void
scenario_run(struct arena *a, const struct scenario *s,
             const struct run_options *o, struct run_result *ret)
{
    struct run r = {.arena = a, .scenario = s, .result = ret};
    struct world_options w = {.db = o->db, .seed = o->seed};
    const char *why = "";
    size_t from = set_start(&r);

    *ret = (struct run_result){.is_passed = true};
    w.start_ms = r.now_ms;
    r.world = world_open(&w, &why);
    if (!r.world) {
        run_break(&r, NULL, why);
        return;
    }
    r.names = map_new();
    r.ticked = map_new();
    run_steps(&r, from);
    map_free(r.names);
    map_free(r.ticked);
    world_close(r.world);
}
