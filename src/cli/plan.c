#include "cli/plan.h"

#include "cli/canon.h"
#include "cli/expand.h"
#include "cli/input.h"

struct planning {
    struct arena *arena;
    const struct things *server, *files;
    struct plan_options options;
    struct buf steps; /* of struct plan_step */
    bool *is_planned; /* one a file; of templates, whose layouts come first */
    const struct thing **chain; /* room for all of them */
    struct plan *plan;
    struct str why;
};

const char *
plan_action_name(enum plan_action action)
{
    static const char *const names[] = {
        [PLAN_CREATE] = "create",
        [PLAN_CHANGE] = "change",
        [PLAN_PUBLISH] = "publish",
        [PLAN_DELETE] = "delete",
    };

    return names[action];
}

const struct thing *
plan_subject(const struct plan_step *s)
{
    return s->after ? s->after : s->before;
}

static void
add_step(struct planning *x, struct plan_step step)
{
    buf_put(&x->steps, &step, sizeof(step));
}

/* ---- one file ---- */

static void
plan_new(struct planning *x, const struct thing *t)
{
    if (t->kind == KIND_PROVIDER && expand_has_mask(x->arena, t->doc) &&
        x->why.n == 0)
        x->why = str_fmt(
            x->arena,
            "%.*s: \"***\" stands for a secret that the server has, and it "
            "has no such provider; write \"${NAME}\" there, and set NAME in "
            "the environment",
            STR_ARG(t->file));
    add_step(x, (struct plan_step){.action = PLAN_CREATE, .after = t});
}

/* The file's document as it can be held against the server's. */
static struct json
comparable(struct planning *x, const struct thing *t,
           const struct thing *before)
{
    struct json doc = t->doc;
    struct str why;

    if (t->kind != KIND_PROVIDER)
        return doc;
    return input_parse(x->arena,
                       expand_hide(x->arena, t->doc, t->written, before->doc,
                                   x->options.sets_secrets),
                       &doc, &why)
               ? doc
               : t->doc;
}

static void
plan_file(struct planning *x, const struct thing *t)
{
    const struct thing *before = things_find(x->server, t->kind, t->key);
    struct json doc;

    if (!before) {
        plan_new(x, t);
        return;
    }
    doc = comparable(x, t, before);
    if (canon_is_same(before->doc, doc)) {
        x->plan->n_same++;
        return;
    }
    add_step(x, (struct plan_step){
                    .action = canon_is_same(before->draft, doc) ? PLAN_PUBLISH
                                                                : PLAN_CHANGE,
                    .before = before,
                    .after = t,
                    .diff = diff_of(x->arena, before->doc, doc),
                });
}

/* ---- all of them ---- */

/* A template's layout must be there before it; a ring of them has no first
 * one, and the server says so. */
static void
plan_after_layout(struct planning *x, const struct thing *t)
{
    const struct thing **chain = x->chain;
    size_t n = 0;

    while (t && !x->is_planned[t - x->files->all]) {
        x->is_planned[t - x->files->all] = true;
        chain[n++] = t;
        t = things_find(x->files, t->kind,
                        json_str_of(x->arena, t->doc, "layout"));
    }
    while (n > 0)
        plan_file(x, chain[--n]);
}

static void
plan_rest(struct planning *x)
{
    for (size_t i = x->server->n; i-- > 0;) {
        const struct thing *t = &x->server->all[i];

        if (t->kind == KIND_WORKSPACE || !x->files->has[t->kind] ||
            things_find(x->files, t->kind, t->key))
            continue;
        if (x->options.deletes)
            add_step(x, (struct plan_step){.action = PLAN_DELETE, .before = t});
        else
            x->plan->n_left++;
    }
}

enum err
plan_make(struct arena *a, const struct things *server,
          const struct things *files, struct plan_options options,
          struct plan *ret, struct str *ret_why)
{
    struct planning x = {
        .arena = a,
        .server = server,
        .files = files,
        .options = options,
        .is_planned = ARENA_ARRAY(a, bool, files->n),
        .chain = ARENA_ARRAY(a, const struct thing *, files->n),
        .plan = ret,
    };

    *ret = (struct plan){0};
    buf_init(&x.steps, a);
    for (size_t i = 0; i < files->n; i++)
        if (files->all[i].kind == KIND_TEMPLATE)
            plan_after_layout(&x, &files->all[i]);
        else
            plan_file(&x, &files->all[i]);
    plan_rest(&x);
    ret->n = x.steps.n / sizeof(struct plan_step);
    ret->steps = ARENA_ARRAY(a, struct plan_step, ret->n);
    if (ret->n > 0)
        memcpy(ret->steps, x.steps.p, x.steps.n);
    *ret_why = x.why;
    return x.why.n > 0 ? ERR_INVALID : ERR_OK;
}

/* ---- showing ---- */

static void
put_step(const struct term *t, struct arena *a, const struct plan_step *s,
         struct buf *out)
{
    static const struct {
        const char *mark;
        enum term_style style;
    } marks[] = {
        [PLAN_CREATE] = {"+", TERM_GREEN},
        [PLAN_CHANGE] = {"~", TERM_YELLOW},
        [PLAN_PUBLISH] = {"~", TERM_YELLOW},
        [PLAN_DELETE] = {"-", TERM_RED},
    };

    term_put(t, out, marks[s->action].style, str_from(marks[s->action].mark),
             0);
    buf_put_char(out, ' ');
    term_put(t, out, TERM_BOLD, thing_name(a, plan_subject(s)), 0);
    if (s->action == PLAN_PUBLISH)
        buf_put_cstr(out, "  (its draft goes live)");
    buf_put_char(out, '\n');
    diff_put(t, a, &s->diff, out);
}

void
plan_put(const struct term *t, struct arena *a, const struct plan *p,
         struct buf *out)
{
    for (size_t i = 0; i < p->n; i++)
        put_step(t, a, &p->steps[i], out);
}

static void
put_json_step(struct json_writer *w, const struct plan_step *s, bool is_dry)
{
    static const char *const results[] = {
        [PLAN_NOT_TRIED] = "not_tried",
        [PLAN_DONE] = "done",
        [PLAN_FAILED] = "failed",
    };
    const struct thing *t = plan_subject(s);

    json_begin_object(w);
    json_str_field(w, "action", str_from(plan_action_name(s->action)));
    json_str_field(w, "kind", str_from(kind_of(t->kind)->noun));
    json_str_field(w, "key", t->key);
    if (s->diff.n > 0) {
        json_put_key(w, "diff");
        diff_put_json(&s->diff, w);
    }
    json_str_field(w, "result",
                   str_from(is_dry ? "planned" : results[s->result]));
    if (s->why.n > 0)
        json_str_field(w, "reason", s->why);
    json_end_object(w);
}

void
plan_put_json(const struct plan *p, bool is_dry, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin_object(&w);
    json_put_key(&w, "changes");
    json_begin_array(&w);
    for (size_t i = 0; i < p->n; i++)
        put_json_step(&w, &p->steps[i], is_dry);
    json_end_array(&w);
    json_int_field(&w, "unchanged", (int64_t)p->n_same);
    json_int_field(&w, "without_file", (int64_t)p->n_left);
    json_end_object(&w);
    buf_put_char(out, '\n');
}
