/* ls.c - belfry ls: notifications, those that wait for an approval, deliveries,
 * or dead letters by what went wrong. */
#include <stdlib.h>

#include "cli/delivery.h"

#define LIMIT 50
#define LIMIT_MAX 10000
#define PAGE 100

const struct arg_option ls_options[] = {
    {.name = "dead",
     .type = ARG_FLAG,
     .help = "Dead letters: what failed for good or ran out of attempts"},
    {.name = "groups",
     .type = ARG_FLAG,
     .help = "Dead letters, grouped by what went wrong"},
    {.name = "held",
     .type = ARG_FLAG,
     .help = "Notifications that wait for an approval, and for whose"},
    {.name = "status",
     .type = ARG_TEXT,
     .value = "NAME",
     .choices = delivery_statuses,
     .help = "Deliveries in this status"},
    DELIVERY_FILTER_OPTIONS,
    {.name = "limit",
     .type = ARG_INT,
     .value = "N",
     .min = 1,
     .max = LIMIT_MAX,
     .help = "How many at most (default 50)"},
    {.type = ARG_END},
};

struct rows {
    struct cli *cli;
    struct buf docs; /* of struct json */
};

static bool
keep(void *arg, struct json doc)
{
    struct rows *r = arg;

    buf_put(&r->docs, &doc, sizeof(doc));
    return true;
}

static size_t
count_rows(const struct rows *r)
{
    return r->docs.n / sizeof(struct json);
}

static struct json
row(const struct rows *r, size_t i)
{
    struct json v;

    memcpy(&v, r->docs.p + i * sizeof(v), sizeof(v));
    return v;
}

static int
show_json(struct cli *c, const struct rows *r, size_t n)
{
    struct buf out;

    buf_init(&out, c->arena);
    for (size_t i = 0; i < n; i++) {
        buf_put_str(&out, json_raw(row(r, i)));
        buf_put_char(&out, '\n');
    }
    return cli_print(c, &out, CLI_OK);
}

static int
show_table(struct cli *c, const struct table *t, bool has_more, int64_t limit)
{
    struct buf out;
    int code;

    buf_init(&out, c->arena);
    table_write(t, &out);
    code = cli_print(c, &out, CLI_OK);
    if (has_more)
        cli_note(c, TERM_DOT, "there are more than %lld; see --limit",
                 (long long)limit);
    return code;
}

/* ---- deliveries ---- */

static void
put_delivery(struct cli *c, struct table *t, struct json doc)
{
    int64_t now = clock_system()->wall_ms(clock_system());
    struct delivery_view d;

    delivery_read(c->arena, doc, &d);
    table_cell(t, TERM_PLAIN, d.id);
    table_cell(t, TERM_DIM, time_text(c->arena, d.created_ms));
    table_cell(t, TERM_PLAIN, d.user);
    table_cell(t, TERM_PLAIN, d.channel);
    table_cell(t, term_symbol_style(delivery_symbol(&d)), d.status);
    table_cell(t, TERM_PLAIN, d.provider);
    table_cell(t, TERM_PLAIN, str_fmt(c->arena, "%lld", (long long)d.attempts));
    table_cell(t, TERM_PLAIN, delivery_remark(c->arena, &d, now));
}

static int
by_id_newest_first(const void *a, const void *b)
{
    const struct json *x = a, *y = b;

    return str_cmp(json_raw(json_get(*y, "id")), json_raw(json_get(*x, "id")));
}

/* Two statuses are two lists; their ids are in the order of time. */
static bool
read_dead(struct delivery_pages *p, struct str filters, struct rows *r,
          int *ret)
{
    for (size_t i = 0; delivery_dead_letters[i]; i++) {
        struct buf path;

        buf_init(&path, p->cli->arena);
        buf_put_str(&path, filters);
        query_put(&path, "status", str_from(delivery_dead_letters[i]));
        p->path = buf_str(&path);
        if (!delivery_pages(p, ret))
            return false;
    }
    qsort(r->docs.p, count_rows(r), sizeof(struct json), by_id_newest_first);
    return true;
}

static int
list_deliveries(struct cli *c)
{
    static const char *const heads[] = {"DELIVERY", "MADE",   "USER",
                                        "CHANNEL",  "STATUS", "PROVIDER",
                                        "TRIES",    "REASON", NULL};
    int64_t limit = args_number(&c->args, "limit", LIMIT);
    struct table *t = table_new(c->arena, &c->out, heads);
    struct rows r = {.cli = c};
    struct delivery_pages p = {
        .cli = c, .limit = limit, .each = keep, .arg = &r};
    struct buf path;
    size_t n;
    int code;

    buf_init(&r.docs, c->arena);
    buf_reserve(&r.docs, sizeof(struct json));
    buf_init(&path, c->arena);
    buf_put_cstr(&path, DELIVERIES);
    if (!delivery_filter(c, &path, &code))
        return code;
    query_put(&path, "status", args_text(&c->args, "status"));
    p.path = buf_str(&path);
    if (args_has(&c->args, "dead") ? !read_dead(&p, p.path, &r, &code)
                                   : !delivery_pages(&p, &code))
        return code;
    n = count_rows(&r) < (size_t)limit ? count_rows(&r) : (size_t)limit;
    if (c->is_json)
        return show_json(c, &r, n);
    for (size_t i = 0; i < n; i++)
        put_delivery(c, t, row(&r, i));
    return show_table(c, t, p.has_more || n < count_rows(&r), limit);
}

/* ---- notifications ---- */

static void
put_notification(struct cli *c, struct table *t, struct json doc)
{
    struct json counts = json_get(doc, "counts");
    struct buf out;

    buf_init(&out, c->arena);
    for (struct json v = json_first(counts); !json_is(v, JSON_ABSENT);
         v = json_next(counts, v))
        buf_printf(&out, "%s%.*s %.*s", out.n ? ", " : "",
                   STR_ARG(json_key(c->arena, v)), STR_ARG(json_raw(v)));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, doc, "id"));
    table_cell(t, TERM_DIM,
               time_text(c->arena, json_time_of(c->arena, doc, "created_at")));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, doc, "status"));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, doc, "template"));
    table_cell(t, TERM_PLAIN, buf_str(&out));
}

static int
list_all(struct cli *c, struct str path, const char *const *heads,
         void (*put)(struct cli *c, struct table *t, struct json doc))
{
    int64_t limit = args_number(&c->args, "limit", LIMIT);
    struct table *t = table_new(c->arena, &c->out, heads);
    struct rows r = {.cli = c};
    struct delivery_pages p = {
        .cli = c, .path = path, .limit = limit, .each = keep, .arg = &r};
    int code;

    buf_init(&r.docs, c->arena);
    if (!delivery_pages(&p, &code))
        return code;
    if (c->is_json)
        return show_json(c, &r, count_rows(&r));
    for (size_t i = 0; i < count_rows(&r); i++)
        put(c, t, row(&r, i));
    return show_table(c, t, p.has_more, limit);
}

static int
list_notifications(struct cli *c)
{
    static const char *const heads[] = {"NOTIFICATION", "MADE",       "STATUS",
                                        "TEMPLATE",     "DELIVERIES", NULL};

    return list_all(c, STR(NOTIFICATIONS), heads, put_notification);
}

/* ---- what waits for an approval ---- */

static void
put_held(struct cli *c, struct table *t, struct json doc)
{
    struct json approval = json_get(doc, "approval");
    struct json roles = json_get(approval, "roles");
    struct buf names;

    buf_init(&names, c->arena);
    for (struct json v = json_first(roles); !json_is(v, JSON_ABSENT);
         v = json_next(roles, v))
        buf_printf(&names, "%s%.*s", names.n > 0 ? "," : "",
                   STR_ARG(json_str(c->arena, v)));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, doc, "id"));
    table_cell(t, TERM_DIM,
               time_text(c->arena, json_time_of(c->arena, doc, "created_at")));
    table_cell(t, TERM_PLAIN,
               time_text(c->arena, json_time_of(c->arena, approval, "until")));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, doc, "template"));
    table_cell(t, TERM_PLAIN, buf_str(&names));
    table_cell(t, TERM_PLAIN, json_str_of(c->arena, approval, "note"));
}

static int
list_held(struct cli *c)
{
    static const char *const heads[] = {
        "NOTIFICATION", "MADE", "UNTIL", "TEMPLATE", "APPROVER", "NOTE", NULL};

    return list_all(c, STR(NOTIFICATIONS "?status=held"), heads, put_held);
}

/* ---- groups ---- */

static int
list_groups(struct cli *c)
{
    static const char *const heads[] = {"COUNT",    "STATUS", "CHANNEL",
                                        "PROVIDER", "LAST",   "FIRST",
                                        "SAMPLE",   "ERROR",  NULL};
    int64_t now = clock_system()->wall_ms(clock_system());
    int64_t limit = args_number(&c->args, "limit", LIMIT);
    struct table *t = table_new(c->arena, &c->out, heads);
    struct rows r = {.cli = c};
    struct delivery_pages p = {.cli = c,
                               .path = STR(DELIVERIES "/groups"),
                               .limit = limit < PAGE ? limit : PAGE,
                               .each = keep,
                               .arg = &r};
    int code;

    buf_init(&r.docs, c->arena);
    if (!delivery_pages(&p, &code))
        return code;
    if (c->is_json)
        return show_json(c, &r, count_rows(&r));
    for (size_t i = 0; i < count_rows(&r); i++) {
        struct json v = row(&r, i);
        int64_t last = json_time_of(c->arena, v, "last_at");
        int64_t first = json_time_of(c->arena, v, "first_at");

        table_cell(t, TERM_BOLD, json_raw(json_get(v, "count")));
        table_cell(t, TERM_RED, json_str_of(c->arena, v, "status"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "channel"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "provider"));
        table_cell(t, TERM_PLAIN, span_text(c->arena, now - last));
        table_cell(t, TERM_PLAIN, span_text(c->arena, now - first));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "sample"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, v, "error"));
    }
    return show_table(c, t, p.has_more, limit);
}

int
run_ls(struct cli *c)
{
    bool is_filtered = delivery_filter_given(c) || args_has(&c->args, "dead") ||
                       args_has(&c->args, "status");

    if (args_has(&c->args, "held"))
        return is_filtered || args_has(&c->args, "groups")
                   ? cli_usage(c, "--held goes without filters")
                   : list_held(c);
    if (args_has(&c->args, "groups"))
        return is_filtered && !args_has(&c->args, "dead")
                   ? cli_usage(c, "--groups goes without filters")
                   : list_groups(c);
    if (args_has(&c->args, "dead") && args_has(&c->args, "status"))
        return cli_usage(c, "--dead and --status exclude each other");
    return is_filtered ? list_deliveries(c) : list_notifications(c);
}
