/* tail.c - belfry tail: deliveries that are new or have changed.
 *
 * Each look reads the list from its newest end until a page has nothing new
 * on it. What is open and has left the first page is asked for by its id, a
 * few at a time, so that a late retry is seen without reading everything. */
#include <stdlib.h>

#include "base/map.h"
#include "cli/delivery.h"

#define LOOK_EVERY_MS 500
#define LOOK_LATE_MS 5000 /* most, between tries at a lost server */
#define FIRST_LINES 10    /* of the past, where --since does not say */
#define PAGE 100
#define PAGES_MAX 10
#define KNOWN_MAX 20000 /* deliveries that are remembered */
#define OPEN_ASKED 20   /* of the open ones, at one look */

const struct arg_option tail_options[] = {
    {.name = "status",
     .type = ARG_TEXT,
     .value = "NAME",
     .choices = delivery_statuses,
     .help = "Only in this status"},
    DELIVERY_FILTER_OPTIONS,
    {.type = ARG_END},
};

/* What was last shown of a delivery. */
struct known {
    char id[64], shown[64]; /* shown: status, attempts, time of change */
    bool is_open;
    int64_t look; /* the last one that saw it */
};

struct tail {
    struct cli *cli;
    struct str path;     /* of the list, with filters */
    struct map *known;   /* id -> struct known */
    struct buf changed;  /* of struct str: JSON to show, newest first */
    struct arena *arena; /* of one look */
    int64_t look;
    int64_t n_left; /* lines the first look may still show; -1: all */
    /* Of the first look: the oldest made, the latest change. What nobody has
     * seen is old when it is older than both. */
    int64_t made_ms, changed_ms;
};

static void
forget(struct tail *t, bool all)
{
    struct str key;
    void *value;
    size_t at = 0;

    while (map_next(t->known, &at, &key, &value)) {
        struct known *k = value;

        if (all || (!k->is_open && k->look < t->look)) {
            map_remove(t->known, key);
            free(k);
        }
    }
}

static struct known *
remember(struct tail *t, const struct delivery_view *d)
{
    struct known *k;

    if (map_count(t->known) >= KNOWN_MAX)
        forget(t, false);
    if (map_count(t->known) >= KNOWN_MAX)
        forget(t, true);
    k = xcalloc(1, sizeof(*k));
    snprintf(k->id, sizeof(k->id), "%.*s", STR_ARG(d->id));
    map_put(t->known, d->id, k);
    return k;
}

static bool
is_old(struct tail *t, const struct delivery_view *d)
{
    if (t->look > 1)
        return d->created_ms <= t->made_ms && d->updated_ms <= t->changed_ms;
    if (t->made_ms == 0 || d->created_ms < t->made_ms)
        t->made_ms = d->created_ms;
    if (d->updated_ms > t->changed_ms)
        t->changed_ms = d->updated_ms;
    return false;
}

/* True if there is something to show of it. */
static bool
learn(struct tail *t, const struct delivery_view *d)
{
    struct known *k = map_get(t->known, d->id);
    bool is_news = k || !is_old(t, d);
    char shown[64];

    snprintf(shown, sizeof(shown), "%.*s/%lld/%lld", STR_ARG(d->status),
             (long long)d->attempts, (long long)d->updated_ms);
    if (!k)
        k = remember(t, d);
    k->look = t->look;
    k->is_open = !delivery_is_settled(d);
    if (strcmp(k->shown, shown) == 0)
        return false;
    memcpy(k->shown, shown, sizeof(shown));
    return is_news;
}

static void
take(struct tail *t, struct json doc, size_t *ret_n_new)
{
    struct delivery_view d;

    delivery_read(t->arena, doc, &d);
    if (d.id.n == 0 || d.id.n >= sizeof(((struct known *)NULL)->id) ||
        !learn(t, &d))
        return;
    ++*ret_n_new;
    if (t->n_left == 0)
        return;
    if (t->n_left > 0)
        t->n_left--;
    buf_put(&t->changed, &d, sizeof(d));
}

/* ---- one look ---- */

static bool
look_at_page(struct tail *t, struct str *after, size_t *ret_n_new,
             struct client_answer *a)
{
    struct client_call call = {.method = "GET"};
    struct json data;
    struct buf path;

    buf_init(&path, t->arena);
    buf_put_str(&path, t->path);
    query_put(&path, "limit", str_fmt(t->arena, "%d", PAGE));
    query_put(&path, "after", *after);
    call.path = buf_str(&path);
    client_call(t->cli->client, t->arena, &call, a);
    if (a->outcome != CLIENT_ANSWERED || a->status != 200)
        return false;
    *ret_n_new = 0;
    data = json_get(a->root, "data");
    for (struct json v = json_first(data); !json_is(v, JSON_ABSENT);
         v = json_next(data, v))
        take(t, v, ret_n_new);
    *after = json_str_of(t->arena, a->root, "next");
    return true;
}

static bool
look_at_list(struct tail *t, struct client_answer *a)
{
    struct str after = STR_NONE;
    size_t n_new = 0;
    int n = 0;

    do {
        if (!look_at_page(t, &after, &n_new, a))
            return false;
        n++;
    } while (after.n > 0 && n_new > 0 && t->n_left != 0 && n < PAGES_MAX);
    if (n == PAGES_MAX && n_new > 0 && after.n > 0)
        cli_note(t->cli, TERM_WARN,
                 "more than %d at one look; older ones are left out",
                 PAGE * PAGES_MAX);
    return true;
}

static bool
look_at_one(struct tail *t, struct str id, struct client_answer *a)
{
    struct client_call call = {
        .method = "GET", .path = path_of(t->arena, DELIVERIES "/", id, "")};
    struct known *k;
    size_t n_new;

    client_call(t->cli->client, t->arena, &call, a);
    if (a->outcome != CLIENT_ANSWERED)
        return false;
    if (a->status == 200) {
        take(t, a->root, &n_new);
        return true;
    }
    k = map_get(t->known, id);
    if (k && a->status == 404)
        k->is_open = false; /* gone by retention */
    return true;
}

/* Those that this look has not seen, the longest unseen first. */
static int
by_look(const void *a, const void *b)
{
    const struct known *const *x = a, *const *y = b;

    return ((*x)->look > (*y)->look) - ((*x)->look < (*y)->look);
}

static bool
look_at_open(struct tail *t, struct client_answer *a)
{
    struct known **open =
        ARENA_ARRAY(t->arena, struct known *, map_count(t->known) + 1);
    size_t n = 0, at = 0;
    struct str key;
    void *value;

    while (map_next(t->known, &at, &key, &value)) {
        struct known *k = value;

        if (k->is_open && k->look < t->look)
            open[n++] = k;
    }
    qsort(open, n, sizeof(struct known *), by_look);
    for (size_t i = 0; i < n && i < OPEN_ASKED; i++)
        if (!look_at_one(t, str_from(open[i]->id), a))
            return false;
    return true;
}

/* ---- showing ---- */

static void
put_line(struct tail *t, const struct delivery_view *d, struct buf *out)
{
    const struct term *term = &t->cli->out;
    int64_t now = clock_system()->wall_ms(clock_system());
    enum term_symbol mark = delivery_symbol(d);

    term_put(term, out, TERM_DIM, clock_text(t->arena, d->updated_ms), 13);
    term_put_symbol(term, out, mark);
    buf_put_char(out, ' ');
    term_put(term, out, TERM_PLAIN, d->id, 31);
    term_put(term, out, TERM_PLAIN, d->user, 12);
    buf_put_char(out, ' ');
    term_put(term, out, TERM_PLAIN, d->channel, 10);
    buf_put_char(out, ' ');
    term_put(term, out, TERM_PLAIN, d->provider, 10);
    buf_put_char(out, ' ');
    term_put(term, out, term_symbol_style(mark), d->status, 11);
    buf_put_char(out, ' ');
    if (d->attempts > 0 && delivery_is_settled(d))
        buf_printf(out, "%.*s  ",
                   STR_ARG(span_text(t->arena, d->updated_ms - d->created_ms)));
    term_put(term, out, TERM_PLAIN, delivery_remark(t->arena, d, now), 0);
    while (str_ends(buf_str(out), STR(" ")))
        out->n--;
    buf_put_char(out, '\n');
}

/* In the order in which things happened; the list's order is the makings'. */
static int
by_change(const void *a, const void *b)
{
    const struct delivery_view *x = a, *y = b;

    if (x->updated_ms != y->updated_ms)
        return x->updated_ms > y->updated_ms ? 1 : -1;
    return str_cmp(x->id, y->id);
}

static bool
show(struct tail *t)
{
    size_t n = t->changed.n / sizeof(struct delivery_view);
    struct delivery_view *all =
        ARENA_ARRAY(t->arena, struct delivery_view, n + 1);
    struct buf out;

    if (n == 0)
        return true;
    memcpy(all, t->changed.p, t->changed.n);
    qsort(all, n, sizeof(*all), by_change);
    buf_init(&out, t->arena);
    for (size_t i = 0; i < n; i++) {
        if (t->cli->is_json) {
            term_put_json(&out, all[i].raw);
            buf_put_char(&out, '\n');
        } else {
            put_line(t, &all[i], &out);
        }
    }
    return cli_print(t->cli, &out, CLI_OK) == CLI_OK;
}

static bool
look(struct tail *t, struct client_answer *a)
{
    arena_reset(t->arena);
    buf_init(&t->changed, t->arena);
    t->look++;
    return look_at_open(t, a) && look_at_list(t, a);
}

static bool
is_passing(const struct client_answer *a)
{
    return a->outcome == CLIENT_NO_SERVER || a->outcome == CLIENT_LOST ||
           a->status == 429 || a->status >= 500;
}

/* Looks until told to stop; a server that goes away is waited for. */
static int
follow(struct tail *t)
{
    struct client *client = t->cli->client;
    int64_t pause = LOOK_EVERY_MS;
    struct client_answer a = {0};

    while (client_pause(client, pause)) {
        if (look(t, &a)) {
            if (pause > LOOK_EVERY_MS)
                cli_note(t->cli, TERM_YES, "the server is back");
            pause = LOOK_EVERY_MS;
        } else if (client_is_stopped(client)) {
            break;
        } else if (!is_passing(&a)) {
            return cli_refused(t->cli, &a);
        } else {
            if (pause == LOOK_EVERY_MS)
                cli_note(t->cli, TERM_WARN,
                         "the server does not answer; trying again");
            pause = pause * 2 < LOOK_LATE_MS ? pause * 2 : LOOK_LATE_MS;
        }
        if (!show(t) || term_is_gone(&t->cli->out))
            return CLI_FAILED;
    }
    return CLI_OK;
}

static int
start(struct tail *t)
{
    struct cli *c = t->cli;
    struct client_answer a = {0};

    t->n_left = args_has(&c->args, "since") ? -1 : FIRST_LINES;
    if (!look(t, &a))
        return cli_refused(c, &a);
    if (!show(t))
        return CLI_FAILED;
    t->n_left = -1;
    if (c->err.is_tty)
        cli_note(c, TERM_DOT, "watching %.*s; Ctrl-C ends it",
                 STR_ARG(client_url(c->client)));
    return follow(t);
}

int
run_tail(struct cli *c)
{
    struct tail t = {.cli = c};
    struct buf path;
    int code;

    buf_init(&path, c->arena);
    buf_put_cstr(&path, DELIVERIES);
    query_put(&path, "status", args_text(&c->args, "status"));
    if (!delivery_filter(c, &path, &code))
        return code;
    client_stop_on_interrupt(c->client);
    t.path = buf_str(&path);
    t.known = map_new();
    t.arena = arena_new();
    code = start(&t);
    forget(&t, true);
    map_free(t.known);
    arena_free(t.arena);
    return code;
}
