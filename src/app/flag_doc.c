/* flag_doc.c - see experiment_doc.h: what is on for whom. */
#include "app/experiment_doc.h"
#include "base/decimal.h"
#include "domain/condition.h"

#define PERCENT (EXPERIMENT_SHARE_ALL / 100)
#define CONDITIONS_MAX 20

static const char *const bys[] = {"user", NULL};
static const struct field any_row[] = {{.type = FIELD_ANY}};

static const struct field rollout_fields[] = {
    {.name = "percent",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .max = 100,
     .doc = "Of the users; where it grows, those that have it keep it."},
    {.name = "by", .type = FIELD_ENUM, .values = bys, .doc = "Default user."},
    {.type = FIELD_END},
};

const struct field flag_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "enabled",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "false: it is on for nobody."},
    {.name = "description", .type = FIELD_STRING, .max = 1000},
    {.name = "rollout",
     .type = FIELD_OBJECT,
     .of = rollout_fields,
     .doc = "Without it, everybody."},
    {.name = "conditions",
     .type = FIELD_ARRAY,
     .of = any_row,
     .max = CONDITIONS_MAX,
     .doc = "As a branch of a workflow asks them, of \"user\"; all are to "
            "hold."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

const struct flag_doc flag_nowhere = {0};

void
flag_doc_check(struct json doc, struct problem *p)
{
    static const char *const roots[] = {"user", NULL};
    struct json list = json_get(doc, "conditions");
    size_t i = 0;

    if (!json_is(list, JSON_ARRAY))
        return;
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v), i++)
        condition_check(v, roots, str_fmt(p->arena, "/conditions/%zu", i), p);
}

struct flag_doc *
flag_doc_read(struct arena *a, const struct object *o, struct json doc)
{
    struct flag_doc *f = ARENA_NEW(a, struct flag_doc);
    int64_t percent = 100;

    (void)json_int(json_get(json_get(doc, "rollout"), "percent"), &percent);
    *f = (struct flag_doc){
        .key = str_dup(a, o->key),
        .version = o->version,
        .is_enabled = json_bool(json_get(doc, "enabled"), false),
        .lot = lot_make(STR("flag"), o->key, STR_NONE, STR_NONE),
        .share = percent * PERCENT,
        .conditions = json_get(doc, "conditions"),
    };
    return f;
}

/* Nobody in particular is in no part of the users but all of them. */
static bool
is_rolled_out(const struct flag_doc *f, struct str user)
{
    if (f->share >= EXPERIMENT_SHARE_ALL)
        return true;
    return user.n > 0 && lot_is_below(&f->lot, user, f->share);
}

bool
flag_is_on(struct arena *a, const struct flag_doc *f, struct str user,
           struct json doc)
{
    const struct condition_root roots[] = {{"user", doc}};

    if (!f->is_enabled || !is_rolled_out(f, user))
        return false;
    for (struct json v = json_first(f->conditions); !json_is(v, JSON_ABSENT);
         v = json_next(f->conditions, v))
        if (!condition_holds(a, v, roots, 1))
            return false;
    return true;
}

struct str
flags_of(struct arena *a, const struct workspace *w, struct str user,
         struct json doc)
{
    struct json_writer out;
    struct buf text;

    if (w->n_flags == 0)
        return STR("{}");
    buf_init(&text, a);
    out = json_writer(&text);
    json_begin_object(&out);
    for (size_t i = 0; i < w->n_flags; i++) {
        json_put_key_str(&out, w->flags[i]->key);
        json_put_bool(&out, flag_is_on(a, w->flags[i], user, doc));
    }
    json_end_object(&out);
    return buf_str(&text);
}
