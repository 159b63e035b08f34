/* facts.c - what really happened, by the API and by what was caught. */
#include "scenario/run_private.h"

#include <stdlib.h>

#include "base/clock.h"

#define PAGE "100"
#define STORY_MAX 30 /* lines */

static int64_t
time_of(struct arena *a, struct json v, const char *key)
{
    int64_t ms = 0;

    if (!time_parse(json_str_of(a, v, key), &ms))
        return 0;
    return ms;
}

/* ---- deliveries ---- */

static struct fact
fact_of(struct arena *a, struct json v)
{
    struct fact f = {
        .id = json_str_of(a, v, "id"),
        .notification = json_str_of(a, v, "notification_id"),
        .user = json_str_of(a, v, "user"),
        .channel = json_str_of(a, v, "channel"),
        .provider = json_str_of(a, v, "provider"),
        .status = json_str_of(a, v, "status"),
        .reason = json_str_of(a, v, "reason"),
        .created_ms = time_of(a, v, "created_at"),
        .updated_ms = time_of(a, v, "updated_at"),
        .due_ms = time_of(a, v, "due_at"),
    };

    if (!json_int(json_get(v, "attempts"), &f.attempts))
        f.attempts = 0;
    return f;
}

/* Each element of each page; path has a query already. */
static bool
each_page(struct run *r, const struct step *s, struct str path,
          void (*take)(struct run *r, struct json v, void *arg), void *arg)
{
    struct str after = STR_NONE;
    struct json page;

    do {
        struct buf b;

        buf_init(&b, r->arena);
        buf_put_str(&b, path);
        if (after.n > 0) {
            buf_put_cstr(&b, "&after=");
            buf_put_url(&b, after);
        }
        if (!run_look(r, s, buf_str(&b), &page))
            return false;
        struct json data = json_get(page, "data");

        for (struct json v = json_first(data); !json_is(v, JSON_ABSENT);
             v = json_next(data, v))
            take(r, v, arg);
        after = json_str_of(r->arena, page, "next");
    } while (after.n > 0);
    return true;
}

struct facts {
    struct fact *all;
    size_t n, cap;
};

static void
take_delivery(struct run *r, struct json v, void *arg)
{
    struct facts *f = arg;

    if (f->n == f->cap) {
        struct fact *all =
            ARENA_ARRAY(r->arena, struct fact, f->cap ? 2 * f->cap : 64);

        if (f->n > 0)
            memcpy(all, f->all, f->n * sizeof(*all));
        f->all = all;
        f->cap = f->cap ? 2 * f->cap : 64;
    }
    f->all[f->n++] = fact_of(r->arena, v);
}

static struct str
deliveries_path(struct run *r, struct str user, struct str channel)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_cstr(&b, "/v1/deliveries?limit=" PAGE);
    if (user.n > 0) {
        buf_put_cstr(&b, "&user=");
        buf_put_url(&b, user);
    }
    if (channel.n > 0) {
        buf_put_cstr(&b, "&channel=");
        buf_put_url(&b, channel);
    }
    return buf_str(&b);
}

bool
facts_deliveries(struct run *r, const struct step *s, struct str user,
                 struct fact **ret, size_t *ret_n)
{
    struct facts f = {0};

    if (!each_page(r, s, deliveries_path(r, user, STR_NONE), take_delivery, &f))
        return false;
    *ret = f.all;
    *ret_n = f.n;
    return true;
}

/* ---- messages ---- */

struct messages {
    struct message *all;
    size_t n, cap;
    struct str user; /* whose inbox is read */
};

static struct message *
add_message(struct run *r, struct messages *m)
{
    if (m->n == m->cap) {
        struct message *all =
            ARENA_ARRAY(r->arena, struct message, m->cap ? 2 * m->cap : 64);

        if (m->n > 0)
            memcpy(all, m->all, m->n * sizeof(*all));
        m->all = all;
        m->cap = m->cap ? 2 * m->cap : 64;
    }
    return &m->all[m->n++];
}

static void
take_item(struct run *r, struct json v, void *arg)
{
    struct messages *all = arg;
    struct arena *a = r->arena;
    struct message *m = add_message(r, all);

    *m = (struct message){
        .at_ms = time_of(a, v, "created_at"),
        .id = json_str_of(a, v, "id"),
        .user = all->user,
        .channel = STR("in_app"),
        .title = json_str_of(a, v, "title"),
        .body = json_str_of(a, v, "body"),
    };
    m->is_ticked = map_get(r->ticked, m->id) != NULL;
}

static bool
add_inbox(struct run *r, const struct step *s, struct str user,
          struct messages *m)
{
    struct buf path;

    m->user = user;
    buf_init(&path, r->arena);
    buf_put_cstr(&path, "/v1/users/");
    buf_put_url(&path, user);
    buf_put_cstr(&path, "/inbox?limit=" PAGE);
    return each_page(r, s, buf_str(&path), take_item, m);
}

/* Each user once. */
static bool
add_all_inboxes(struct run *r, const struct step *s, struct messages *m)
{
    struct facts f = {0};
    struct map *seen = map_new();
    bool is_good = each_page(r, s, deliveries_path(r, STR_NONE, STR("in_app")),
                             take_delivery, &f);

    for (size_t i = 0; is_good && i < f.n; i++)
        if (f.all[i].user.n > 0 && !map_put(seen, f.all[i].user, &f))
            is_good = add_inbox(r, s, f.all[i].user, m);
    map_free(seen);
    return is_good;
}

static void
add_caught(struct run *r, struct str user, struct str channel,
           struct messages *m)
{
    struct caught *all;
    size_t n = outlet_caught(world_outlet(r->world), &all);

    for (size_t i = 0; i < n; i++) {
        struct caught *c = &all[i];

        if (!c->is_taken || (user.n > 0 && !str_eq(user, c->user)) ||
            (channel.n > 0 && !str_eq(channel, c->channel)))
            continue;
        *add_message(r, m) = (struct message){
            .at_ms = c->at_ms,
            .user = c->user,
            .channel = c->channel,
            .provider = c->provider,
            .to = c->to,
            .title = c->title,
            .body = c->body,
            .html = c->html,
            .caught = c,
            .is_ticked = c->is_ticked,
        };
    }
}

static int
by_time(const void *a, const void *b)
{
    const struct message *x = a, *y = b;

    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

bool
facts_messages(struct run *r, const struct step *s, struct str user,
               struct str channel, struct message **ret, size_t *ret_n)
{
    struct messages m = {0};
    bool wants_items = channel.n == 0 || str_is(channel, "in_app");

    add_caught(r, user, channel, &m);
    if (wants_items && user.n > 0 && !add_inbox(r, s, user, &m))
        return false;
    if (wants_items && user.n == 0 && !add_all_inboxes(r, s, &m))
        return false;
    if (m.n > 0)
        qsort(m.all, m.n, sizeof(*m.all), by_time);
    *ret = m.all;
    *ret_n = m.n;
    return true;
}

void
facts_tick(struct run *r, struct message *m)
{
    m->is_ticked = true;
    if (m->caught)
        m->caught->is_ticked = true;
    else
        (void)map_put(r->ticked, m->id, r);
}

struct str
message_text(struct run *r, const struct message *m)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_str(&b, m->channel);
    buf_put_char(&b, ' ');
    buf_put_json_str(&b, m->title);
    buf_printf(&b, " at %.*s", STR_ARG(run_time(r, m->at_ms)));
    if (m->provider.n > 0 && !str_eq(m->provider, m->channel))
        buf_printf(&b, " from %.*s", STR_ARG(m->provider));
    return buf_str(&b);
}

/* ---- the story ---- */

static void
tell(struct run *r, const struct fact *f, bool names_user, struct buf *out)
{
    buf_printf(out, "%.*s", STR_ARG(run_time(r, f->created_ms)));
    if (names_user)
        buf_printf(out, "  %.*s", STR_ARG(f->user));
    buf_printf(out, "  %.*s %.*s", STR_ARG(f->channel), STR_ARG(f->status));
    if (f->reason.n > 0)
        buf_printf(out, " %.*s", STR_ARG(f->reason));
    if (f->due_ms > 0)
        buf_printf(out, " until %.*s", STR_ARG(run_time(r, f->due_ms)));
    if (f->provider.n > 0 && !str_eq(f->provider, f->channel))
        buf_printf(out, " from %.*s", STR_ARG(f->provider));
    if (f->attempts > 1)
        buf_printf(out, " after %lld attempts", (long long)f->attempts);
    if (f->updated_ms / 1000 != f->created_ms / 1000)
        buf_printf(out, ", since %.*s", STR_ARG(run_time(r, f->updated_ms)));
    buf_put_char(out, '\n');
}

struct str
facts_story(struct run *r, struct str user)
{
    struct run_result ignored = *r->result;
    struct fact *all;
    struct buf out;
    size_t n;

    buf_init(&out, r->arena);
    if (!world_is_up(r->world) || !facts_deliveries(r, NULL, user, &all, &n)) {
        *r->result = ignored;
        return STR_NONE;
    }
    for (size_t i = n < STORY_MAX ? n : STORY_MAX; i-- > 0;)
        tell(r, &all[i], user.n == 0, &out);
    if (n > STORY_MAX)
        buf_printf(&out, "and %zu before that\n", n - STORY_MAX);
    return buf_str(&out);
}
