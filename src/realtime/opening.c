/* opening.c - from a visit to a stream that misses nothing.
 *
 * The place is taken first, then the store is read: a commit is either in what
 * was read or comes as news, and rev tells which. News that come before the
 * stream has begun wait here, within the limits of a burst. */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "realtime/hub_private.h"

#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 10000

struct opening {
    struct subscriber *sub; /* NULL: the hub went */
    struct arena *arena;    /* the store's until on_read */
    bool is_resume;
    bool knows_place; /* its last id is a cursor: `replay` is what is asked */
    union {
        struct store_inbox_replay replay;
        struct store_inbox_list list;
    };
    struct buf news; /* of struct telling */
    size_t n_news_bytes;
    bool has_overflown;
    void (*on_ready)(void *arg, struct subscriber *s, enum err e);
    void *arg;
};

static size_t
news_count(const struct opening *o)
{
    return o->news.n / sizeof(struct telling);
}

static struct telling *
news_at(const struct opening *o, size_t i)
{
    return (struct telling *)(void *)o->news.p + i;
}

static void
opening_free(struct opening *o)
{
    for (size_t i = 0; i < news_count(o); i++)
        http_frame_put(news_at(o, i)->frame);
    buf_fini(&o->news);
    arena_free(o->arena);
    free(o);
}

static void
on_read(struct opening *o, enum err e)
{
    struct subscriber *s = o->sub;

    if (!s) {
        opening_free(o);
        return;
    }
    if (e == ERR_OK && s->hub->is_draining)
        e = ERR_SHUTDOWN;
    if (e == ERR_OK) {
        o->on_ready(o->arg, s, e);
        return; /* subscriber_begin() has freed the opening */
    }
    hub_forget(s);
    o->on_ready(o->arg, NULL, e);
    opening_free(o);
}

static void
on_replay(struct store_req *req, enum err e)
{
    struct store_inbox_replay *r =
        CONTAINER_OF(req, struct store_inbox_replay, req);

    on_read(CONTAINER_OF(r, struct opening, replay), e);
}

static void
on_list(struct store_req *req, enum err e)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);

    on_read(CONTAINER_OF(l, struct opening, list), e);
}

void
opening_start(struct subscriber *s, const struct hub_visit *v)
{
    const struct app *app = s->hub->o.app;
    struct opening *o = xcalloc(1, sizeof(*o));
    struct inbox_cursor last;
    struct str user;

    o->sub = s;
    s->opening = o;
    o->on_ready = v->on_ready;
    o->arg = v->arg;
    o->arena = arena_new();
    o->is_resume = v->last_id.n > 0;
    o->knows_place = inbox_cursor_parse(v->last_id, &last);
    user = str_dup(o->arena, v->user);
    if (o->knows_place) {
        o->replay = (struct store_inbox_replay){
            .req = {.arena = o->arena,
                    .loop = s->hub->loop,
                    .on_done = on_replay},
            .tenant = v->tenant,
            .user = user,
            .epoch = last.epoch,
            .after_rev = last.rev,
        };
        inbox_replay(app, &o->replay);
    } else {
        o->list = (struct store_inbox_list){
            .req = {.arena = o->arena,
                    .loop = s->hub->loop,
                    .on_done = on_list},
            .tenant = v->tenant,
            .user = user,
        };
        inbox_list(app, &o->list);
    }
}

void
opening_tell(struct opening *o, const struct telling *t)
{
    const struct hub_options *limits = &o->sub->hub->o;

    if (!t->frame || news_count(o) >= limits->burst_frames ||
        (news_count(o) > 0 &&
         o->n_news_bytes + t->n_bytes > limits->burst_bytes))
        o->has_overflown = true;
    if (o->has_overflown)
        return;
    buf_put(&o->news, t, sizeof(*t));
    http_frame_get(t->frame);
    o->n_news_bytes += t->n_bytes;
}

void
opening_abandon(struct opening *o)
{
    o->sub = NULL;
    o->on_ready(o->arg, NULL, ERR_SHUTDOWN);
}

/* ---- the first words ---- */

/* Every event it missed. Else why it has to be reset. */
static const char *
put_missed(struct opening *o, struct buf *out)
{
    const struct store_inbox_replay *r = &o->replay;
    const struct inbox_names names =
        inbox_names_of(o->sub->hub->o.app, r->tenant);
    const char *why = catchup_fault(r);

    if (why)
        return why;
    for (size_t i = 0; i < r->n_events; i++) {
        frame_put_event(out, o->arena, &names, r->now_epoch, &r->events[i]);
        if (out->n > o->sub->hub->o.replay_bytes)
            return "overflow";
    }
    return NULL;
}

static void
take_position(const struct opening *o, struct frame_hello *hello)
{
    if (o->knows_place) {
        hello->at =
            (struct inbox_cursor){o->replay.now_epoch, o->replay.now_rev};
        hello->counts = o->replay.counts;
    } else {
        hello->at = (struct inbox_cursor){o->list.epoch, o->list.rev};
        hello->counts = o->list.counts;
    }
}

static const char *
find_missed(struct opening *o, struct buf *missed)
{
    if (o->has_overflown)
        return "overflow";
    if (!o->is_resume)
        return NULL;
    return o->knows_place ? put_missed(o, missed) : "epoch";
}

static void
greet(struct subscriber *s, struct opening *o)
{
    struct hub *h = s->hub;
    struct frame_hello hello = {
        .heartbeat_ms = h->o.heartbeat_ms,
        .max_age_ms = s->ends_ms - loop_now_ms(h->loop),
    };
    struct buf out = {0}, missed = {0};
    const char *why = find_missed(o, &missed);

    take_position(o, &hello);
    s->rev = hello.at.rev;
    hub_place(s->user, hello.at, hello.counts);
    hello.is_resumed = o->is_resume && !why;
    if (hello.is_resumed) { /* what follows begins where it was */
        hello.at.rev = o->replay.after_rev;
        hello.n_missed = (int64_t)o->replay.n_events;
    }
    frame_put_retry(&out, hub_jitter(h, RETRY_MIN_MS, RETRY_MAX_MS));
    frame_put_hello(&out, &hello);
    if (!why)
        buf_put_str(&out, buf_str(&missed));
    subscriber_send(s, buf_str(&out));
    if (why)
        subscriber_reset(s, why);
    if (o->is_resume)
        metric_add(why ? h->metrics.resets : h->metrics.replays, 1);
    buf_fini(&missed);
    buf_fini(&out);
}

void
subscriber_begin(struct subscriber *s, struct http_stream *stream)
{
    struct opening *o = s->opening;
    int64_t skipped_rev = 0;

    assert(o && !s->stream);
    if (!stream) {
        hub_forget(s);
        opening_free(o);
        return;
    }
    s->stream = stream;
    greet(s, o);
    subscriber_go_live(s);
    for (size_t i = 0; i < news_count(o); i++) {
        const struct telling *t = news_at(o, i);

        if (t->rev <= s->rev + 1)
            subscriber_tell(s, t);
        else if (skipped_rev < t->rev)
            skipped_rev = t->rev;
    }
    opening_free(o);
    hub_settle(s, skipped_rev);
}
