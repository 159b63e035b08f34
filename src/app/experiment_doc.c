#include "app/experiment_doc.h"

#include <stdlib.h>

#include "app/template_doc.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "domain/quiet.h"

#define CHANNELS_MAX 32
#define DELAY_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
#define WITHIN_MAX_MS (INT64_C(90) * 24 * 3600 * 1000)
#define MIN_PER_VARIANT 100 /* fewer say nothing that is near the normal */
#define EXPECTED "0.05"
#define CONFIDENCE "0.95"

/* By enum experiment_status. */
static const char *const statuses[] = {"running", "draft", "stopped", NULL};
static const char *const rules[] = {"msprt", NULL};
static const struct field channel_row[] = {{.type = FIELD_KEY}};

static const struct field variant_fields[] = {
    {.name = "key", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.name = "weight",
     .type = FIELD_INT,
     .max = EXPERIMENT_WEIGHT_MAX,
     .doc = "Its share is this over the sum of all; default 1, 0: nobody."},
    {.name = "template",
     .type = FIELD_KEY,
     .doc = "In place of the content of the send."},
    {.name = "content",
     .type = FIELD_MAP,
     .of = template_content_row,
     .max = TEMPLATE_VARIANTS_MAX,
     .doc = "The same, as the content of a template: by channel, \"default\" "
            "for the others."},
    {.name = "channels",
     .type = FIELD_ARRAY,
     .of = channel_row,
     .min = 1,
     .max = CHANNELS_MAX,
     .doc = "In place of the channels of the send."},
    {.name = "delay",
     .type = FIELD_DURATION,
     .max = DELAY_MAX_MS,
     .doc = "So much later than it would go out."},
    {.name = "send_time",
     .type = FIELD_STRING,
     .max = 5,
     .doc = "When clocks show that the next time in the user's zone, HH:MM; "
            "UTC where that is not known."},
    {.type = FIELD_END},
};
static const struct field variant_row[] = {
    {.type = FIELD_OBJECT, .of = variant_fields}};

static const struct field stop_fields[] = {
    {.name = "rule",
     .type = FIELD_ENUM,
     .values = rules,
     .doc = "msprt, which is right however often one looks."},
    {.name = "min_per_variant",
     .type = FIELD_INT,
     .min = 10,
     .max = INT64_C(1000000000),
     .doc = "Users; nothing is decided on fewer. Default 100."},
    {.name = "confidence",
     .type = FIELD_DECIMAL,
     .doc = "0.5 to 0.9999; default 0.95."},
    {.name = "expected",
     .type = FIELD_DECIMAL,
     .doc = "The difference of rates that is looked for, which is found "
            "soonest; 0.0001 to 1, default 0.05."},
    {.name = "auto",
     .type = FIELD_BOOL,
     .doc = "Once it is decided, everybody gets the winner."},
    {.type = FIELD_END},
};

static const struct field decision_fields[] = {
    {.name = "winner", .type = FIELD_KEY},
    {.name = "p", .type = FIELD_DECIMAL},
    {.name = "at", .type = FIELD_TIME},
    {.type = FIELD_END},
};

const struct field experiment_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What people call it."},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = statuses,
     .doc = "running: users get variants and are counted; draft: sends go out "
            "as they are; stopped: as they are, or as the winner. Default "
            "running."},
    {.name = "salt",
     .type = FIELD_STRING,
     .max = 128,
     .doc = "Another one draws and counts all users anew."},
    {.name = "holdout",
     .type = FIELD_DECIMAL,
     .doc = "The share of users that get nothing, 0 to 1; default 0."},
    {.name = "variants",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = variant_row,
     .min = 1,
     .max = EXPERIMENT_VARIANTS_MAX,
     .doc = "The first is what the others are compared with."},
    {.name = "goal",
     .type = FIELD_KEY,
     .doc = "What is counted: delivered, read, or the name of an event that "
            "is posted. Default read."},
    {.name = "within",
     .type = FIELD_DURATION,
     .min = 1000,
     .max = WITHIN_MAX_MS,
     .doc = "Each user counts when this has passed, with what was done until "
            "then; without it, at once, with all that is ever done."},
    {.name = "stop",
     .type = FIELD_OBJECT,
     .of = stop_fields,
     .doc = "When it is decided."},
    {.name = "winner",
     .type = FIELD_KEY,
     .doc = "The variant that everybody gets once it is stopped."},
    {.name = "decision",
     .type = FIELD_OBJECT,
     .flags = FIELD_READ_ONLY,
     .of = decision_fields,
     .doc = "What the stop rule said, the first time that it did."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

/* ---- reading ---- */

static bool
share_of(struct arena *a, struct json v, const char *otherwise, int64_t *ret)
{
    struct str text = json_is(v, JSON_STRING) ? json_str(a, v) : json_raw(v);

    if (json_is(v, JSON_ABSENT))
        text = str_from(otherwise);
    return decimal_share(text, ret);
}

static double
rate_of(struct arena *a, struct json v, const char *otherwise)
{
    int64_t share = 0;

    (void)share_of(a, v, otherwise, &share);
    return (double)share / (double)EXPERIMENT_SHARE_ALL;
}

static struct str
goal_of(struct arena *a, struct json doc)
{
    struct str goal = json_str_of(a, doc, "goal");

    return goal.n > 0 ? goal : STR("read");
}

static bool
is_absent(struct json object, const char *name)
{
    return json_is(json_get(object, name), JSON_ABSENT);
}

static void
read_variant(struct arena *a, struct json v, struct experiment_variant *ret)
{
    *ret = (struct experiment_variant){
        .key = json_str_of(a, v, "key"),
        .doc = v,
        .is_plain = is_absent(v, "template") && is_absent(v, "content") &&
                    is_absent(v, "channels"),
        .send_minute = -1,
    };
    (void)str_to_duration_ms(json_str_of(a, v, "delay"), &ret->delay_ms);
    if (!quiet_parse_minute(json_str_of(a, v, "send_time"), &ret->send_minute))
        ret->send_minute = -1;
}

static void
read_variants(struct arena *a, struct json list, struct str salt,
              struct experiment_doc *x)
{
    size_t n = json_count(list);

    x->variants = ARENA_ARRAY(a, struct experiment_variant, n + 1);
    x->arms = ARENA_ARRAY(a, struct experiment_arm, n + 1);
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        struct experiment_arm *arm = &x->arms[x->n_variants];

        read_variant(a, v, &x->variants[x->n_variants++]);
        arm->lot =
            lot_make(STR("variant"), x->key, salt, json_str_of(a, v, "key"));
        if (!json_int(json_get(v, "weight"), &arm->weight))
            arm->weight = 1;
    }
}

static const struct experiment_variant *
find_variant(const struct experiment_doc *x, struct str key)
{
    for (size_t i = 0; i < x->n_variants; i++)
        if (str_eq(x->variants[i].key, key))
            return &x->variants[i];
    return NULL;
}

static int64_t
round_of(struct arena *a, int64_t num, struct str salt, struct str goal)
{
    const struct lot l =
        lot_make(STR("round"), str_fmt(a, "%lld", (long long)num), salt, goal);
    uint64_t round = 0;

    for (size_t i = 0; i < sizeof(round); i++)
        round |= (uint64_t)l.key[i] << (8 * i);
    return (int64_t)(round >> 1);
}

static void
read_stop(struct arena *a, struct json stop, struct experiment_doc *x)
{
    x->has_stop = json_is(stop, JSON_OBJECT);
    x->is_auto = json_bool(json_get(stop, "auto"), false);
    if (!json_int(json_get(stop, "min_per_variant"), &x->stop.min_per_variant))
        x->stop.min_per_variant = MIN_PER_VARIANT;
    x->stop.confidence = rate_of(a, json_get(stop, "confidence"), CONFIDENCE);
    x->stop.expected = rate_of(a, json_get(stop, "expected"), EXPECTED);
}

static enum experiment_status
status_of(struct arena *a, struct json doc)
{
    struct str name = json_str_of(a, doc, "status");

    for (size_t i = 0; statuses[i]; i++)
        if (str_is(name, statuses[i]))
            return (enum experiment_status)i;
    return EXPERIMENT_RUNNING;
}

struct experiment_doc *
experiment_doc_read(struct arena *a, const struct object *o, struct json doc)
{
    struct experiment_doc *x = ARENA_NEW(a, struct experiment_doc);
    struct str salt = json_str_of(a, doc, "salt");

    x->key = str_dup(a, o->key);
    x->version = o->version;
    x->status = status_of(a, doc);
    x->goal_name = goal_of(a, doc);
    x->goal = str_is(x->goal_name, "delivered") ? STORE_GOAL_DELIVERED
              : str_is(x->goal_name, "read")    ? STORE_GOAL_READ
                                                : STORE_GOAL_EVENT;
    x->round = round_of(a, o->num, salt, x->goal_name);
    x->holdout_lot = lot_make(STR("holdout"), x->key, salt, STR_NONE);
    (void)share_of(a, json_get(doc, "holdout"), "0", &x->holdout);
    (void)str_to_duration_ms(json_str_of(a, doc, "within"), &x->within_ms);
    read_variants(a, json_get(doc, "variants"), salt, x);
    read_stop(a, json_get(doc, "stop"), x);
    x->winner = find_variant(x, json_str_of(a, doc, "winner"));
    x->decided =
        find_variant(x, json_str_of(a, json_get(doc, "decision"), "winner"));
    return x;
}

/* ---- checking ---- */

static void
check_channels(struct json list, struct str at, struct problem *p)
{
    size_t i = 0;

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v), i++)
        if (!channel_find(json_str(p->arena, v)))
            channel_refuse_name(
                json_str(p->arena, v),
                str_fmt(p->arena, "%.*s/channels/%zu", STR_ARG(at), i), p);
}

static void
check_content(const struct workspace *w, struct json v, struct str at,
              struct problem *p)
{
    struct str key = json_str_of(p->arena, v, "template");

    if (!is_absent(v, "content") && key.n > 0)
        problem_add(p, ERR_INVALID, field_pointer(p->arena, at, STR("content")),
                    "give a template or content, not both");
    if (key.n > 0 && !workspace_template(w, key, 0))
        problem_add(p, ERR_INVALID,
                    field_pointer(p->arena, at, STR("template")),
                    "there is no such template in this workspace");
    template_content_check(json_get(v, "content"),
                           field_pointer(p->arena, at, STR("content")), p);
}

static void
check_time(struct json v, struct str at, struct problem *p)
{
    struct str text = json_str_of(p->arena, v, "send_time");
    struct str time_at = field_pointer(p->arena, at, STR("send_time"));
    int minute;

    if (is_absent(v, "send_time"))
        return;
    (void)quiet_read_minute(text, 24 * 60 - 1, time_at, p, &minute);
    if (!is_absent(v, "delay"))
        problem_add(p, ERR_INVALID, time_at,
                    "give a delay or a send_time, not both");
}

static void
check_variants(const struct workspace *w, const struct experiment_doc *x,
               struct problem *p)
{
    int64_t sum = 0;

    for (size_t i = 0; i < x->n_variants; i++) {
        const struct experiment_variant *v = &x->variants[i];
        struct str at = str_fmt(p->arena, "/variants/%zu", i);

        sum += x->arms[i].weight;
        if (find_variant(x, v->key) != v)
            problem_add(p, ERR_INVALID, field_pointer(p->arena, at, STR("key")),
                        "must be another one than that of each other variant");
        check_channels(json_get(v->doc, "channels"), at, p);
        check_content(w, v->doc, at, p);
        check_time(v->doc, at, p);
    }
    if (sum == 0)
        problem_add(p, ERR_INVALID, STR("/variants"),
                    "must have a weight above 0 somewhere");
}

static void
check_share(struct json object, const char *name, struct str at, double low,
            double high, const char *say, struct problem *p)
{
    struct json v = json_get(object, name);
    int64_t share = 0;
    double rate;

    if (json_is(v, JSON_ABSENT))
        return;
    if (!share_of(p->arena, v, "", &share)) {
        problem_add(p, ERR_INVALID, field_pointer(p->arena, at, str_from(name)),
                    "must be %s, without an exponent", say);
        return;
    }
    rate = (double)share / (double)EXPERIMENT_SHARE_ALL;
    if (rate < low || rate > high)
        problem_add(p, ERR_INVALID, field_pointer(p->arena, at, str_from(name)),
                    "must be %s", say);
}

/* Who is sent to later has had less time than others at each moment. */
static void
check_stop(const struct experiment_doc *x, struct json stop, struct problem *p)
{
    bool is_late = false;

    for (size_t i = 0; i < x->n_variants; i++)
        is_late |=
            x->variants[i].delay_ms > 0 || x->variants[i].send_minute >= 0;
    if (x->has_stop && x->n_variants < 2)
        problem_add(p, ERR_INVALID, STR("/stop"),
                    "needs two variants to decide between");
    if (x->has_stop && is_late && x->within_ms == 0)
        problem_add(p, ERR_INVALID, STR("/within"),
                    "must be given where a stop rule decides between variants "
                    "that go out at different times");
    check_share(stop, "confidence", STR("/stop"), 0.5, 0.9999,
                "from 0.5 to 0.9999", p);
    check_share(stop, "expected", STR("/stop"), 0.0001, 1, "from 0.0001 to 1",
                p);
}

void
experiment_doc_check(const struct workspace *w, struct json doc,
                     struct problem *p)
{
    const struct object nowhere = {0};
    const struct experiment_doc *x;

    if (problem_is_set(p)) /* it cannot be read */
        return;
    if (json_raw(json_get(doc, "variants")).n > EXPERIMENT_VARIANTS_BYTES_MAX) {
        problem_add(p, ERR_INVALID, STR("/variants"),
                    "must be at most %d bytes together",
                    EXPERIMENT_VARIANTS_BYTES_MAX);
        return;
    }
    x = experiment_doc_read(p->arena, &nowhere, doc);
    check_share(doc, "holdout", STR(""), 0, 1, "from 0 to 1", p);
    check_variants(w, x, p);
    check_stop(x, json_get(doc, "stop"), p);
    if (!is_absent(doc, "winner") && !x->winner)
        problem_add(p, ERR_INVALID, STR("/winner"),
                    "must be the key of a variant");
}

/* ---- writing ---- */

static void
put_members(struct arena *a, struct json_writer *w, struct json doc)
{
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(a, m);
        const struct field *f = field_find(experiment_fields, name);

        if (!f || (f->flags & FIELD_READ_ONLY) || str_is(name, "key"))
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
}

static bool
asks_the_same(struct arena *a, struct json doc, struct json before)
{
    return str_eq(json_str_of(a, doc, "salt"),
                  json_str_of(a, before, "salt")) &&
           str_eq(goal_of(a, doc), goal_of(a, before)) &&
           json_is(json_get(doc, "stop"), JSON_OBJECT);
}

struct str
experiment_doc_text(struct arena *a, struct json doc, struct json before)
{
    struct json decision = json_get(before, "decision");
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    put_members(a, &w, doc);
    if (json_is(decision, JSON_OBJECT) && asks_the_same(a, doc, before))
        json_raw_field(&w, "decision", json_raw(decision));
    json_end_object(&w);
    return buf_str(&out);
}

struct str
experiment_doc_decide(struct arena *a, struct json doc, struct str winner,
                      double p, int64_t now_ms)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    put_members(a, &w, doc);
    json_put_key(&w, "decision");
    json_begin_object(&w);
    json_str_field(&w, "winner", winner);
    json_raw_field(&w, "p", str_fmt(a, "%.6f", p));
    json_time_field(&w, "at", now_ms);
    json_end_object(&w);
    json_end_object(&w);
    return buf_str(&out);
}

/* ---- choosing ---- */

static const struct experiment_variant *
for_all(const struct experiment_doc *x)
{
    if (x->status == EXPERIMENT_STOPPED)
        return x->winner;
    return x->status == EXPERIMENT_RUNNING && x->is_auto ? x->decided : NULL;
}

bool
experiment_is_on(const struct experiment_doc *x)
{
    return x->status == EXPERIMENT_RUNNING || for_all(x);
}

struct experiment_choice
experiment_choose(const struct experiment_doc *x, struct str user,
                  bool is_critical)
{
    struct experiment_choice c = {.variant = for_all(x)};
    size_t i;

    if (c.variant || x->status != EXPERIMENT_RUNNING || user.n == 0)
        return c;
    if (lot_is_below(&x->holdout_lot, user, x->holdout)) {
        c.is_held_out = c.is_counted = !is_critical;
        return c;
    }
    i = experiment_draw(x->arms, x->n_variants, user);
    if (i == x->n_variants)
        return c;
    c.variant = &x->variants[i];
    c.is_counted = true;
    return c;
}

int64_t
experiment_due_ms(const struct experiment_variant *v, const struct zone *z,
                  int64_t now_ms)
{
    if (v->send_minute >= 0)
        return experiment_next_minute(z, v->send_minute, now_ms);
    return now_ms + v->delay_ms;
}

/* ---- goals ---- */

static int
by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int64_t *
experiments_of_goal(struct arena *a, const struct workspace *w,
                    struct str event, size_t *ret_n)
{
    int64_t *rounds = ARENA_ARRAY(a, int64_t, w->n_experiments);
    size_t n = 0;

    for (size_t i = 0; i < w->n_experiments; i++) {
        const struct experiment_doc *x = w->experiments[i];

        if (x->goal == STORE_GOAL_EVENT && x->status == EXPERIMENT_RUNNING &&
            str_eq(x->goal_name, event))
            rounds[n++] = x->round;
    }
    qsort(rounds, n, sizeof(*rounds), by_value);
    *ret_n = n;
    return rounds;
}
