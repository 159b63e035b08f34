/* apply.c - belfry apply: a server as the files of a folder say. First the
 * plan is shown; what has changed on the server since then is not overwritten;
 * what was done, what failed and what was not tried is said in the end. */
#include "cli/patience.h"
#include "cli/plan.h"

const struct arg_option apply_options[] = {
    {.name = "dry-run",
     .type = ARG_FLAG,
     .help = "Show what would be done, and do nothing"},
    {.name = "yes", .type = ARG_FLAG, .help = "Do not ask"},
    {.name = "delete",
     .type = ARG_FLAG,
     .help = "Delete what has no file, of the kinds whose folder is there"},
    {.name = "secrets",
     .type = ARG_FLAG,
     .help = "Set secrets again that the server has already"},
    {.type = ARG_END},
};

struct applying {
    struct cli *cli;
    struct plan plan;
    int code; /* of what ended it before its end */
};

/* ---- one step ---- */

/* False: it failed, with the step's `why`. Where there is no going on the
 * code is set. */
static bool
ask(struct applying *x, struct plan_step *s, const struct client_call *call,
    struct client_answer *ret)
{
    const struct patience p = {.cli = x->cli};
    struct arena *a = x->cli->arena;

    patient_call(&p, a, call, ret);
    if (ret->outcome == CLIENT_ANSWERED && ret->status / 100 == 2)
        return true;
    if (ret->outcome != CLIENT_ANSWERED || ret->status == 401 ||
        ret->status == 403 || ret->status == 429 || ret->status >= 500) {
        x->code = cli_refused(x->cli, ret);
        s->why = ret->outcome == CLIENT_LOST || ret->outcome == CLIENT_STOPPED
                     ? STR("the answer did not come; it may have been done")
                     : cli_why_refused(a, ret->root);
        return false;
    }
    s->why = ret->status == 412
                 ? STR("was changed on the server meanwhile; look at the plan "
                       "again")
                 : cli_why_refused(a, ret->root);
    return false;
}

static bool
publish(struct applying *x, struct plan_step *s, struct str etag)
{
    const struct thing *t = s->after;
    struct client_answer answer;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(x->cli->arena, kind_of(t->kind), t->key, "/publish"),
        .if_match = etag,
    };

    if (ask(x, s, &call, &answer))
        return true;
    if (s->action == PLAN_CHANGE)
        s->why = str_fmt(x->cli->arena,
                         "is a draft now, and was not published: %.*s",
                         STR_ARG(s->why));
    return false;
}

/* A template that was there before has a draft then, which sends do not use. */
static bool
put(struct applying *x, struct plan_step *s)
{
    const struct thing *t = s->after;
    struct client_answer answer;
    struct client_call call = {
        .method = "PUT",
        .path = kind_path(x->cli->arena, kind_of(t->kind), t->key, ""),
        .body = json_raw(t->doc),
        .if_match = s->before ? s->before->etag : STR("\"0\""),
    };

    if (!ask(x, s, &call, &answer))
        return false;
    return t->kind != KIND_TEMPLATE || s->action != PLAN_CHANGE ||
           publish(
               x, s,
               str_fmt(x->cli->arena, "\"%.*s\"",
                       STR_ARG(json_raw(json_get(answer.root, "version")))));
}

static bool
delete_thing(struct applying *x, struct plan_step *s)
{
    const struct thing *t = s->before;
    struct client_answer answer;
    struct client_call call = {
        .method = "DELETE",
        .path = kind_path(x->cli->arena, kind_of(t->kind), t->key, ""),
        .if_match = t->etag,
    };

    return ask(x, s, &call, &answer);
}

static bool
do_step(struct applying *x, struct plan_step *s)
{
    switch (s->action) {
    case PLAN_CREATE:
    case PLAN_CHANGE:
        return put(x, s);
    case PLAN_PUBLISH:
        return publish(x, s, s->before->etag);
    case PLAN_DELETE:
        return delete_thing(x, s);
    }
    return false;
}

/* ---- all of them ---- */

static void
say_step(struct applying *x, const struct plan_step *s)
{
    static const char *const done[] = {
        [PLAN_CREATE] = "created",
        [PLAN_CHANGE] = "changed",
        [PLAN_PUBLISH] = "published",
        [PLAN_DELETE] = "deleted",
    };
    struct str name = thing_name(x->cli->arena, plan_subject(s));

    if (x->cli->is_json)
        return;
    if (s->result == PLAN_FAILED)
        cli_note(x->cli, TERM_NO, "%.*s: %.*s", STR_ARG(name), STR_ARG(s->why));
    else
        cli_note(x->cli, TERM_YES, "%.*s: %s", STR_ARG(name), done[s->action]);
}

/* Of the kind in which one fails the others are tried; what comes after it may
 * need it, and is not, and nothing is deleted that may have been replaced. */
static size_t
do_all(struct applying *x)
{
    size_t n_failed = 0;

    for (size_t i = 0; i < x->plan.n && x->code == CLI_OK; i++) {
        struct plan_step *s = &x->plan.steps[i];

        if (n_failed > 0 &&
            (s->action == PLAN_DELETE ||
             plan_subject(s)->kind != plan_subject(s - 1)->kind))
            break;
        if (client_is_stopped(x->cli->client))
            break;
        s->result = do_step(x, s) ? PLAN_DONE : PLAN_FAILED;
        n_failed += s->result == PLAN_FAILED;
        say_step(x, s);
    }
    return n_failed;
}

static size_t
count(const struct plan *p, enum plan_result result)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += p->steps[i].result == result;
    return n;
}

static int
say_summary(struct applying *x)
{
    size_t n_done = count(&x->plan, PLAN_DONE);
    size_t n_failed = count(&x->plan, PLAN_FAILED);
    size_t n_left = count(&x->plan, PLAN_NOT_TRIED);

    cli_note(x->cli, n_done == x->plan.n ? TERM_YES : TERM_NO,
             "%zu done, %zu failed, %zu not tried", n_done, n_failed, n_left);
    if (n_done == x->plan.n)
        return CLI_OK;
    if (!x->cli->is_json)
        for (size_t i = 0; i < x->plan.n; i++)
            if (x->plan.steps[i].result == PLAN_NOT_TRIED)
                cli_note(x->cli, TERM_SKIP, "not tried: %.*s",
                         STR_ARG(thing_name(x->cli->arena,
                                            plan_subject(&x->plan.steps[i]))));
    return x->code != CLI_OK ? x->code : CLI_FAILED;
}

static int
print_json(struct applying *x, bool is_dry, int code)
{
    struct buf out;

    buf_init(&out, x->cli->arena);
    plan_put_json(&x->plan, is_dry, &out);
    return cli_print(x->cli, &out, code);
}

static int
carry_out(struct applying *x)
{
    struct cli *c = x->cli;
    char question[64];
    int code;

    snprintf(question, sizeof(question), "Make %zu change%s?", x->plan.n,
             x->plan.n == 1 ? "" : "s");
    if (!cli_confirm(c, question, x->plan.n, &code))
        return code;
    client_stop_on_interrupt(c->client);
    do_all(x);
    code = say_summary(x);
    return c->is_json ? print_json(x, false, code) : code;
}

static int
show_plan(struct applying *x)
{
    struct cli *c = x->cli;
    struct buf out;

    buf_init(&out, c->arena);
    plan_put(&c->out, c->arena, &x->plan, &out);
    if (!c->is_json && cli_print(c, &out, CLI_OK) != CLI_OK)
        return CLI_FAILED;
    if (x->plan.n_left > 0)
        cli_note(c, TERM_WARN,
                 "%zu on the server ha%s no file; --delete removes what has "
                 "none",
                 x->plan.n_left, x->plan.n_left == 1 ? "s" : "ve");
    if (x->plan.n == 0)
        cli_note(c, TERM_YES, "no changes: the server is as the files say");
    return CLI_OK;
}

static bool
read_both(struct applying *x, int *ret)
{
    struct cli *c = x->cli;
    const struct plan_options options = {
        .deletes = args_has(&c->args, "delete"),
        .sets_secrets = args_has(&c->args, "secrets"),
    };
    struct things *files = ARENA_NEW(c->arena, struct things);
    struct things *server = ARENA_NEW(c->arena, struct things);
    struct tree tree;
    struct str why;
    bool good;

    *ret = CLI_FAILED;
    if (!tree_open(c->arena, args_rest(&c->args, 0), false, &tree, &why)) {
        cli_complain(c, STR("there is nothing to apply"), why, STR_NONE);
        return false;
    }
    good = things_of_folder(c, &tree, files, ret) &&
           things_of_server(c, files->has, server, ret);
    tree_close(&tree);
    if (!good)
        return false;
    if (plan_make(c->arena, server, files, options, &x->plan, &why) == ERR_OK)
        return true;
    cli_complain(c, STR("a provider cannot be created"), why, STR_NONE);
    return false;
}

int
run_apply(struct cli *c)
{
    struct applying x = {.cli = c};
    bool is_dry = args_has(&c->args, "dry-run");
    int code;

    if (!read_both(&x, &code))
        return code;
    code = show_plan(&x);
    if (code != CLI_OK)
        return code;
    if (x.plan.n > 0 && !is_dry)
        return carry_out(&x);
    return c->is_json ? print_json(&x, is_dry, CLI_OK) : CLI_OK;
}
