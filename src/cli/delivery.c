#include "cli/delivery.h"

#include <time.h>

#define PAGE 100

const char *const delivery_statuses[] = {
    "queued",    "held",    "sending", "retrying",   "delivered",
    "sent",      "failed",  "dead",    "suppressed", "merged",
    "cancelled", "expired", NULL};

int64_t
json_time_of(struct arena *a, struct json doc, const char *name)
{
    int64_t ms;

    return time_parse(json_str_of(a, doc, name), &ms) ? ms : 0;
}

enum id_of
id_of(struct str id)
{
    if (str_starts(id, STR("ntf_")))
        return ID_OF_NOTIFICATION;
    return str_starts(id, STR("dlv_")) ? ID_OF_DELIVERY : ID_OF_NOTHING;
}

bool
id_path(struct cli *c, struct str id, const char *rest, struct str *ret_path,
        int *ret)
{
    enum id_of of = id_of(id);

    *ret_path = path_of(
        c->arena, of == ID_OF_DELIVERY ? DELIVERIES "/" : NOTIFICATIONS "/", id,
        rest);
    if (of != ID_OF_NOTHING)
        return true;
    *ret = cli_usage(c,
                     "\"%.*s\" is no id: a notification's begins with ntf_, a "
                     "delivery's with dlv_",
                     STR_ARG(id));
    return false;
}

void
delivery_read(struct arena *a, struct json doc, struct delivery_view *ret)
{
    *ret = (struct delivery_view){
        .id = json_str_of(a, doc, "id"),
        .notification = json_str_of(a, doc, "notification_id"),
        .user = json_str_of(a, doc, "user"),
        .channel = json_str_of(a, doc, "channel"),
        .provider = json_str_of(a, doc, "provider"),
        .status = json_str_of(a, doc, "status"),
        .reason = json_str_of(a, doc, "reason"),
        .created_ms = json_time_of(a, doc, "created_at"),
        .updated_ms = json_time_of(a, doc, "updated_at"),
        .due_ms = json_time_of(a, doc, "due_at"),
        .raw = json_raw(doc),
    };
    if (!json_int(json_get(doc, "attempts"), &ret->attempts))
        ret->attempts = 0;
}

static bool
is_one_of(struct str s, const char *const *names)
{
    while (*names && !str_is(s, *names))
        names++;
    return *names != NULL;
}

const char *const delivery_dead_letters[] = {"dead", "failed", NULL};

bool
delivery_is_dead_letter(const struct delivery_view *d)
{
    return is_one_of(d->status, delivery_dead_letters);
}

bool
delivery_is_settled(const struct delivery_view *d)
{
    static const char *const open[] = {"queued", "held", "sending", "retrying",
                                       NULL};

    return !is_one_of(d->status, open);
}

bool
delivery_went_wrong(const struct delivery_view *d)
{
    static const char *const wrong[] = {"failed", "dead", "expired", NULL};

    return is_one_of(d->status, wrong);
}

enum term_symbol
delivery_symbol(const struct delivery_view *d)
{
    if (delivery_went_wrong(d))
        return TERM_NO;
    if (str_is(d->status, "delivered") || str_is(d->status, "sent"))
        return TERM_YES;
    if (str_is(d->status, "retrying"))
        return TERM_AGAIN;
    return delivery_is_settled(d) ? TERM_SKIP : TERM_DOT;
}

struct str
delivery_remark(struct arena *a, const struct delivery_view *d, int64_t now_ms)
{
    int64_t left = d->due_ms > now_ms ? d->due_ms - now_ms : 0;

    if (str_is(d->status, "retrying") && d->due_ms > 0)
        return str_fmt(a, "attempt %lld in %.*s%s%.*s",
                       (long long)d->attempts + 1, STR_ARG(span_text(a, left)),
                       d->reason.n ? ": " : "", STR_ARG(d->reason));
    if (str_is(d->reason, "delivered") || str_is(d->reason, "accepted") ||
        str_is(d->reason, "queued"))
        return STR_NONE;
    return d->reason;
}

struct str
delivery_last_answer(struct cli *c, struct str id)
{
    struct client_call call = {
        .method = "GET",
        .path = path_of(c->arena, DELIVERIES "/", id, ""),
    };
    struct json log, last = {0};
    struct client_answer a;

    client_call(c->client, c->arena, &call, &a);
    log = json_get(a.root, "log");
    for (struct json v = json_first(log); !json_is(v, JSON_ABSENT);
         v = json_next(log, v))
        last = v;
    return json_str_of(c->arena, last, "detail");
}

struct str
clock_text(struct arena *a, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (wall_ms <= 0 || !localtime_r(&seconds, &tm))
        return STR_NONE;
    return str_fmt(a, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
                   (int)(wall_ms % 1000));
}

struct str
time_text(struct arena *a, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (wall_ms <= 0 || !localtime_r(&seconds, &tm))
        return STR_NONE;
    return str_fmt(a, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

struct str
span_text(struct arena *a, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms < 1000)
        return str_fmt(a, "%lld ms", (long long)ms);
    if (ms < 60000)
        return str_fmt(a, "%lld.%lld s", (long long)(ms / 1000),
                       (long long)(ms % 1000 / 100));
    if (ms < 3600000)
        return str_fmt(a, "%lld m", (long long)(ms / 60000));
    if (ms < 48 * INT64_C(3600000))
        return str_fmt(a, "%lld h", (long long)(ms / 3600000));
    return str_fmt(a, "%lld d", (long long)(ms / 86400000));
}

/* Each is an option and a parameter; the last is a time. */
static const char *const filters[] = {"channel", "user", "provider", "error",
                                      "since"};
#define N_FILTERS (sizeof(filters) / sizeof(filters[0]))

const char *
delivery_filter_given(const struct cli *c)
{
    for (size_t i = 0; i < N_FILTERS; i++)
        if (args_has(&c->args, filters[i]))
            return filters[i];
    return NULL;
}

bool
delivery_filter(struct cli *c, struct buf *path, int *ret)
{
    struct str since = args_text(&c->args, "since"), at;

    for (size_t i = 0; i < N_FILTERS - 1; i++)
        query_put(path, filters[i], args_text(&c->args, filters[i]));
    if (since.n == 0)
        return true;
    if (!time_of(c->arena, since, true, &at)) {
        *ret = cli_usage(c,
                         "--since \"%.*s\" is neither a duration such as 10m "
                         "nor a time such as 2026-01-31T09:00:00Z",
                         STR_ARG(since));
        return false;
    }
    query_put(path, "since", at);
    return true;
}

static struct str
page_path(struct delivery_pages *p, int64_t left, struct str after)
{
    struct arena *a = p->cli->arena;
    struct buf path;

    buf_init(&path, a);
    buf_put_str(&path, p->path);
    query_put(&path, "limit",
              str_fmt(a, "%lld", (long long)(left < PAGE ? left : PAGE)));
    query_put(&path, "after", after);
    return buf_str(&path);
}

bool
delivery_pages(struct delivery_pages *p, int *ret)
{
    struct str after = STR_NONE;
    int64_t left = p->limit;
    struct client_answer a;

    while (left > 0) {
        struct json data, v;

        if (!cli_get(p->cli, page_path(p, left, after), &a, ret))
            return false;
        data = json_get(a.root, "data");
        for (v = json_first(data); !json_is(v, JSON_ABSENT) && left > 0;
             v = json_next(data, v), left--)
            if (!p->each(p->arg, v))
                return true;
        after = json_str_of(p->cli->arena, a.root, "next");
        if (after.n == 0 || json_count(data) == 0)
            return true;
    }
    p->has_more = true;
    return true;
}
