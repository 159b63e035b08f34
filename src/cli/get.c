/* get.c - belfry get: a notification with its story, or a delivery with its
 * log. */
#include "cli/delivery.h"

#define BAR_WIDTH 20

const struct arg_option get_options[] = {
    {.name = "user",
     .type = ARG_TEXT,
     .value = "ID",
     .help = "Only what concerns this user"},
    {.type = ARG_END},
};

static void
put_counts(struct cli *c, struct json counts, struct buf *out)
{
    bool is_first = true;

    for (struct json v = json_first(counts); !json_is(v, JSON_ABSENT);
         v = json_next(counts, v)) {
        buf_printf(out, "%s%.*s %.*s", is_first ? "  " : ", ",
                   STR_ARG(term_clean(c->arena, json_key(c->arena, v))),
                   STR_ARG(term_clean(c->arena, json_raw(v))));
        is_first = false;
    }
    buf_put_cstr(out, is_first ? "  no deliveries yet\n" : "\n");
}

static void
put_head(struct cli *c, struct json root, struct buf *out)
{
    struct str template = json_str_of(c->arena, root, "template");
    struct str priority = json_str_of(c->arena, root, "priority");

    term_put(&c->out, out, TERM_BOLD, json_str_of(c->arena, root, "id"), 0);
    buf_put_cstr(out, "  ");
    term_put(&c->out, out, TERM_PLAIN, json_str_of(c->arena, root, "status"),
             0);
    buf_printf(out, "  %.*s",
               STR_ARG(time_text(c->arena,
                                 json_time_of(c->arena, root, "created_at"))));
    if (template.n > 0)
        buf_printf(out, "  template %.*s",
                   STR_ARG(term_clean(c->arena, template)));
    if (priority.n > 0 && !str_is(priority, "normal"))
        buf_printf(out, "  priority %.*s",
                   STR_ARG(term_clean(c->arena, priority)));
    buf_put_char(out, '\n');
    put_counts(c, json_get(root, "counts"), out);
}

static void
put_deliveries(struct cli *c, struct json root, struct str user,
               struct buf *out)
{
    static const char *const heads[] = {
        "DELIVERY", "USER", "CHANNEL", "STATUS", "PROVIDER", "REASON", NULL};
    struct table *t = table_new(c->arena, &c->out, heads);
    struct json all = json_get(root, "deliveries");

    for (struct json v = json_first(all); !json_is(v, JSON_ABSENT);
         v = json_next(all, v)) {
        struct delivery_view d;

        delivery_read(c->arena, v, &d);
        if (user.n > 0 && !str_eq(d.user, user))
            continue;
        table_cell(t, TERM_PLAIN, d.id);
        table_cell(t, TERM_PLAIN, d.user);
        table_cell(t, TERM_PLAIN, d.channel);
        table_cell(t, term_symbol_style(delivery_symbol(&d)), d.status);
        table_cell(t, TERM_PLAIN, d.provider);
        table_cell(t, TERM_PLAIN, d.reason);
    }
    if (json_count(all) > 0) {
        buf_put_char(out, '\n');
        table_write(t, out);
    }
}

/* ---- the story ---- */

struct span {
    int64_t first_ms, last_ms; /* of all steps */
};

static int64_t
step_duration(struct cli *c, struct json step)
{
    struct str text =
        json_str_of(c->arena, json_get(step, "detail"), "duration");
    int64_t ms;

    return str_to_duration_ms(text, &ms) ? ms : 0;
}

static struct span
span_of(struct cli *c, struct json steps)
{
    struct span s = {INT64_MAX, 0};

    for (struct json v = json_first(steps); !json_is(v, JSON_ABSENT);
         v = json_next(steps, v)) {
        int64_t at = json_time_of(c->arena, v, "at");
        int64_t end = at + step_duration(c, v);

        if (at > 0 && at < s.first_ms)
            s.first_ms = at;
        if (end > s.last_ms)
            s.last_ms = end;
    }
    return s;
}

/* Where in the whole a step was, as a piece of a line. */
static struct str
bar_of(struct cli *c, const struct span *s, int64_t at, int64_t duration)
{
    int64_t whole = s->last_ms - s->first_ms, from, n;
    struct buf out;

    if (whole <= 0 || at < s->first_ms)
        return STR_NONE;
    from = (at - s->first_ms) * BAR_WIDTH / whole;
    n = duration * BAR_WIDTH / whole;
    if (from > BAR_WIDTH - 1)
        from = BAR_WIDTH - 1;
    if (n < 1)
        n = 1;
    if (from + n > BAR_WIDTH)
        n = BAR_WIDTH - from;
    buf_init(&out, c->arena);
    for (int64_t i = 0; i < from; i++)
        buf_put_char(&out, ' ');
    for (int64_t i = 0; i < n; i++)
        buf_put_cstr(&out, term_symbol(&c->out, TERM_BAR));
    return buf_str(&out);
}

/* What the detail has to say beside the reason. */
static struct str
step_remark(struct cli *c, struct json step)
{
    struct json detail = json_get(step, "detail");
    struct str said = json_str_of(c->arena, detail, "detail");
    struct str provider = json_str_of(c->arena, detail, "provider");
    struct str reason = json_str_of(c->arena, step, "reason");
    int64_t status = 0, took = step_duration(c, step);
    struct buf out;

    buf_init(&out, c->arena);
    buf_put_str(&out, reason);
    if (provider.n > 0)
        buf_printf(&out, "%s%.*s", out.n ? " " : "", STR_ARG(provider));
    if (json_int(json_get(detail, "status"), &status))
        buf_printf(&out, " %lld", (long long)status);
    if (took > 0)
        buf_printf(&out, " %.*s", STR_ARG(span_text(c->arena, took)));
    if (said.n > 0)
        buf_printf(&out, "%s%.*s", out.n ? ": " : "", STR_ARG(said));
    if (out.n == 0 && json_count(detail) > 0)
        buf_put_str(&out, json_raw(detail));
    return buf_str(&out);
}

static enum term_style
step_style(struct str verdict)
{
    static const struct {
        const char *verdict;
        enum term_style style;
    } styles[] = {
        {"pass", TERM_GREEN},      {"send", TERM_GREEN},
        {"delivered", TERM_GREEN}, {"sent", TERM_GREEN},
        {"failed", TERM_RED},      {"dead", TERM_RED},
        {"skip", TERM_YELLOW},     {"hold", TERM_YELLOW},
        {"approved", TERM_GREEN},  {"rejected", TERM_RED},
        {"expired", TERM_RED},
    };

    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
        if (str_is(verdict, styles[i].verdict))
            return styles[i].style;
    return TERM_PLAIN;
}

static void
put_story(struct cli *c, struct json root, struct buf *out)
{
    static const char *const heads[] = {"AFTER", "",        "STAGE", "VERDICT",
                                        "USER",  "CHANNEL", "WHY",   NULL};
    struct table *t = table_new(c->arena, &c->out, heads);
    struct json steps = json_get(root, "steps");
    struct span s = span_of(c, steps);

    for (struct json v = json_first(steps); !json_is(v, JSON_ABSENT);
         v = json_next(steps, v)) {
        int64_t at = json_time_of(c->arena, v, "at");
        struct str verdict = json_str_of(c->arena, v, "verdict");

        table_cell(t, TERM_DIM,
                   str_fmt(c->arena, "+%.*s",
                           STR_ARG(span_text(c->arena, at - s.first_ms))));
        table_cell(t, TERM_CYAN, bar_of(c, &s, at, step_duration(c, v)));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "stage"));
        table_cell(t, step_style(verdict), verdict);
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "user"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "channel"));
        table_cell(t, TERM_PLAIN, step_remark(c, v));
    }
    buf_put_char(out, '\n');
    table_write(t, out);
}

static int
get_notification(struct cli *c, struct str id)
{
    struct str user = args_text(&c->args, "user");
    struct client_answer a, trace;
    struct buf path, out;
    int code;

    buf_init(&path, c->arena);
    buf_put_str(&path, path_of(c->arena, NOTIFICATIONS "/", id, "/trace"));
    query_put(&path, "user", user);
    if (!cli_get(c, path_of(c->arena, NOTIFICATIONS "/", id, ""), &a, &code) ||
        !cli_get(c, buf_str(&path), &trace, &code))
        return code;
    buf_init(&out, c->arena);
    if (c->is_json) {
        /* The document with the steps as one more member. */
        term_put_json(&out,
                      str_sub(json_raw(a.root), 0, json_raw(a.root).n - 1));
        buf_put_cstr(&out, ",\"steps\":");
        term_put_json(&out, json_raw(json_get(trace.root, "steps")));
        buf_put_cstr(&out, "}\n");
    } else {
        put_head(c, a.root, &out);
        put_deliveries(c, a.root, user, &out);
        put_story(c, trace.root, &out);
    }
    return cli_print(c, &out, CLI_OK);
}

/* ---- a delivery ---- */

static void
put_log(struct cli *c, struct json root, struct buf *out)
{
    static const char *const heads[] = {"N",      "AT",   "PROVIDER", "VERDICT",
                                        "STATUS", "TOOK", "ANSWER",   NULL};
    struct table *t = table_new(c->arena, &c->out, heads);
    struct json log = json_get(root, "log");

    for (struct json v = json_first(log); !json_is(v, JSON_ABSENT);
         v = json_next(log, v)) {
        struct json status = json_get(v, "status");

        table_cell(t, TERM_PLAIN, json_raw(json_get(v, "n")));
        table_cell(t, TERM_PLAIN,
                   time_text(c->arena, json_time_of(c->arena, v, "at")));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "provider"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "verdict"));
        table_cell(t, TERM_PLAIN,
                   json_is(status, JSON_NUMBER) ? json_raw(status) : STR("-"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "duration"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "detail"));
    }
    if (json_count(log) > 0) {
        buf_put_char(out, '\n');
        table_write(t, out);
    }
}

static int
get_delivery(struct cli *c, struct str id)
{
    int64_t now = clock_system()->wall_ms(clock_system());
    struct delivery_view d;
    struct client_answer a;
    struct buf out;
    int code;

    if (!cli_get(c, path_of(c->arena, DELIVERIES "/", id, ""), &a, &code))
        return code;
    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(a.root, &out);
        return cli_print(c, &out, CLI_OK);
    }
    delivery_read(c->arena, a.root, &d);
    term_put(&c->out, &out, TERM_BOLD, d.id, 0);
    buf_put_cstr(&out, "  ");
    term_put_symbol(&c->out, &out, delivery_symbol(&d));
    buf_put_char(&out, ' ');
    term_put(&c->out, &out, term_symbol_style(delivery_symbol(&d)), d.status,
             0);
    buf_printf(&out, "  %.*s\n  ", STR_ARG(time_text(c->arena, d.created_ms)));
    term_put(&c->out, &out, TERM_PLAIN,
             str_fmt(c->arena, "%.*s to %.*s  %.*s  attempts %lld  of %.*s",
                     STR_ARG(d.channel), STR_ARG(d.user), STR_ARG(d.provider),
                     (long long)d.attempts, STR_ARG(d.notification)),
             0);
    buf_put_cstr(&out, "\n  ");
    term_put(&c->out, &out, TERM_PLAIN, delivery_remark(c->arena, &d, now), 0);
    buf_put_char(&out, '\n');
    put_log(c, a.root, &out);
    code = cli_print(c, &out, CLI_OK);
    if (delivery_is_dead_letter(&d))
        cli_note(c, TERM_DOT, "once more: belfry retry %.*s", STR_ARG(d.id));
    return code;
}

int
run_get(struct cli *c)
{
    struct str id = args_rest(&c->args, 0), path;
    int code = CLI_USAGE;

    if (id_of(id) == ID_OF_NOTIFICATION)
        return get_notification(c, id);
    if (id_of(id) == ID_OF_DELIVERY)
        return get_delivery(c, id);
    (void)id_path(c, id, "", &path, &code);
    return code;
}
