/* retry.c - belfry retry: dead letters once more, by id or by filter. */
#include <stdlib.h>

#include "cli/delivery.h"
#include "cli/progress.h"

#define MANY_MAX 100000
#define COMPLAINTS_MAX 5

const struct arg_option retry_options[] = {
    {.name = "dead",
     .type = ARG_FLAG,
     .help = "All dead letters that the filters leave"},
    DELIVERY_FILTER_OPTIONS,
    {.name = "dry-run",
     .type = ARG_FLAG,
     .help = "Say how many it would be, and do nothing"},
    {.name = "yes", .type = ARG_FLAG, .help = "Do not ask"},
    {.type = ARG_END},
};

struct retry {
    struct cli *cli;
    struct buf ids; /* of struct str */
    size_t n_done, n_refused;
    struct progress progress;
    struct buf json;
};

static bool
keep_id(void *arg, struct json doc)
{
    struct retry *r = arg;
    struct str id = json_str_of(r->cli->arena, doc, "id");

    buf_put(&r->ids, &id, sizeof(id));
    return true;
}

static size_t
count_ids(const struct retry *r)
{
    return r->ids.n / sizeof(struct str);
}

/* The dead and failed ones of a list. False: *ret is the exit code. */
static bool
collect(struct retry *r, struct str filters, int *ret)
{
    for (size_t i = 0; delivery_dead_letters[i]; i++) {
        struct delivery_pages p = {
            .cli = r->cli, .limit = MANY_MAX, .each = keep_id, .arg = r};
        struct buf path;

        buf_init(&path, r->cli->arena);
        buf_put_str(&path, filters);
        query_put(&path, "status", str_from(delivery_dead_letters[i]));
        p.path = buf_str(&path);
        if (!delivery_pages(&p, ret))
            return false;
        if (p.has_more)
            cli_note(r->cli, TERM_WARN,
                     "these are the newest %d; repeat it "
                     "for the others",
                     MANY_MAX);
    }
    return true;
}

static bool
collect_filtered(struct retry *r, int *ret)
{
    struct buf path;

    buf_init(&path, r->cli->arena);
    buf_put_cstr(&path, DELIVERIES);
    return delivery_filter(r->cli, &path, ret) &&
           collect(r, buf_str(&path), ret);
}

static bool
collect_named(struct retry *r, struct str id, int *ret)
{
    struct cli *c = r->cli;
    struct str ignored;
    struct buf path;

    if (!id_path(c, id, "", &ignored, ret))
        return false;
    if (id_of(id) == ID_OF_DELIVERY) {
        buf_put(&r->ids, &id, sizeof(id));
        return true;
    }
    buf_init(&path, c->arena);
    buf_put_cstr(&path, DELIVERIES);
    query_put(&path, "notification_id", id);
    return collect(r, buf_str(&path), ret);
}

/* ---- doing it ---- */

static void
draw_progress(struct retry *r)
{
    progress_show(&r->progress, r->n_done, count_ids(r), r->n_done);
}

/* False: there is no going on; *ret is what to exit with. */
static bool
retry_one(struct retry *r, struct str id, int *ret)
{
    struct cli *c = r->cli;
    struct client_answer a;
    struct client_call call = {
        .method = "POST",
        .path = path_of(c->arena, DELIVERIES "/", id, "/retry"),
    };

    client_call(c->client, c->arena, &call, &a);
    r->n_done++;
    if (a.outcome == CLIENT_ANSWERED && a.status / 100 == 2) {
        if (c->is_json)
            cli_put_json(a.root, &r->json);
        draw_progress(r);
        return true;
    }
    if (a.outcome != CLIENT_ANSWERED || a.status == 401 || a.status == 403) {
        progress_hide(&r->progress);
        *ret = cli_refused(c, &a);
        return false;
    }
    if (r->n_refused++ < COMPLAINTS_MAX)
        cli_note(c, TERM_NO, "%.*s: %.*s", STR_ARG(id),
                 STR_ARG(json_str_of(c->arena, a.root, "detail")));
    draw_progress(r);
    return true;
}

static int
retry_all(struct retry *r)
{
    struct cli *c = r->cli;
    size_t n = count_ids(r);
    int code = CLI_OK;

    for (size_t i = 0; i < n; i++) {
        struct str id;

        memcpy(&id, r->ids.p + i * sizeof(id), sizeof(id));
        if (!retry_one(r, id, &code))
            break;
    }
    progress_hide(&r->progress);
    if (c->is_json && cli_print(c, &r->json, CLI_OK) != CLI_OK)
        return CLI_FAILED;
    if (code != CLI_OK)
        cli_note(c, TERM_WARN, "%zu of %zu were queued before that",
                 r->n_done - 1 - r->n_refused, n);
    else if (r->n_refused > 0)
        cli_note(c, TERM_NO, "%zu queued again, %zu refused", n - r->n_refused,
                 r->n_refused);
    else
        cli_note(c, TERM_YES, "%zu queued again", n);
    return code == CLI_OK && r->n_refused > 0 ? CLI_FAILED : code;
}

static int
say_count(struct retry *r)
{
    size_t n = count_ids(r);
    struct json_writer w;
    struct buf out;

    buf_init(&out, r->cli->arena);
    w = json_writer(&out);
    if (r->cli->is_json) {
        json_begin_object(&w);
        json_int_field(&w, "count", (int64_t)n);
        json_bool_field(&w, "dry_run", true);
        json_end_object(&w);
        buf_put_char(&out, '\n');
    } else {
        buf_printf(&out, "%zu deliver%s would be queued again\n", n,
                   n == 1 ? "y" : "ies");
    }
    return cli_print(r->cli, &out, CLI_OK);
}

/* Filters without --dead would be a surprise, and so would ids with it. */
static int
check_words(struct cli *c)
{
    const char *filter = delivery_filter_given(c);
    bool is_dead = args_has(&c->args, "dead");

    if (filter && !is_dead)
        return cli_usage(c, "--%s goes with --dead", filter);
    if (is_dead && c->args.n_rest > 0)
        return cli_usage(c, "give ids or --dead, not both");
    if (!is_dead && c->args.n_rest == 0)
        return cli_usage(c, "say which: ids, or --dead for all dead letters");
    return CLI_OK;
}

int
run_retry(struct cli *c)
{
    struct retry r = {.cli = c, .progress = {.cli = c, .what = "deliveries"}};
    char question[128];
    int code = check_words(c);

    if (code != CLI_OK)
        return code;
    buf_init(&r.ids, c->arena);
    buf_init(&r.json, c->arena);
    if (args_has(&c->args, "dead") && !collect_filtered(&r, &code))
        return code;
    for (int i = 0; i < c->args.n_rest; i++)
        if (!collect_named(&r, args_rest(&c->args, i), &code))
            return code;
    if (args_has(&c->args, "dry-run"))
        return say_count(&r);
    if (count_ids(&r) == 0) {
        cli_note(c, TERM_SKIP, "there is nothing to retry");
        return CLI_OK;
    }
    snprintf(question, sizeof(question), "Queue %zu again?", count_ids(&r));
    if (args_has(&c->args, "dead") &&
        !cli_confirm(c, question, count_ids(&r), &code))
        return code;
    return retry_all(&r);
}
