/* fanout.c - committed events to the streams of their users, in order of rev,
 * a slice a turn: a user with many streams, or many users at once, must not
 * keep the loop from its sockets.
 *
 * What may not be told yet does not get into the backlog: it is only heard of,
 * and catchup.c brings it with what lies before. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "realtime/hub_private.h"
#include "realtime/user_key.h"

/* One block: the texts and ids lie behind it. */
struct hub_notice {
    struct task task;
    struct list link;
    struct hub *hub;
    int64_t tenant, epoch, made_ms;
    struct str user;
    struct inbox_event event;
    bool is_bell;    /* rev is all that is known of the event */
    const char *why; /* a reset in place of the event; NULL: no */
    bool is_anew;    /* the reset, as in struct telling */
    size_t n_bytes;
    int64_t room[]; /* ids, then bytes */
};

static struct str
copy_text(char **at, struct str s)
{
    struct str copy = {*at, s.n};

    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

struct hub_notice *
hub_notice_make(const struct store_notice *n, int64_t now_mono_ms)
{
    const struct inbox_event bell = {.rev = n->seq, .kind = INBOX_EVENT_ALL};
    const struct inbox_event *e = n->event ? n->event : &bell;
    const struct inbox_item *item =
        e->kind == INBOX_EVENT_ITEM ? &e->item : NULL;
    const size_t n_ids = e->kind == INBOX_EVENT_STATE ? e->n_ids : 0;
    const size_t n_bytes = sizeof(struct hub_notice) + n_ids * sizeof(int64_t) +
                           n->user.n +
                           (item ? item->category.n + item->content.n : 0);
    struct hub_notice *copy = xmalloc(n_bytes);
    char *at = (char *)&copy->room[n_ids];

    *copy = (struct hub_notice){
        .tenant = n->tenant,
        .epoch = n->epoch,
        .made_ms = now_mono_ms,
        .event = *e,
        .is_bell = !n->event,
        .n_bytes = n_bytes,
    };
    if (n_ids > 0)
        memcpy(copy->room, e->ids, n_ids * sizeof(int64_t));
    copy->event.ids = copy->room;
    copy->event.n_ids = n_ids;
    copy->user = copy_text(&at, n->user);
    copy->event.item.user = copy->user;
    copy->event.item.category =
        item ? copy_text(&at, item->category) : STR_NONE;
    copy->event.item.content = item ? copy_text(&at, item->content) : STR_NONE;
    return copy;
}

/* ---- the slice ---- */

static struct hub_user *
user_of(const struct hub *h, const struct hub_notice *n)
{
    char text[USER_KEY_SIZE];
    struct str key;

    return user_key_format(text, n->tenant, n->user, &key)
               ? map_get(h->users, key)
               : NULL;
}

static void
make_frame(struct hub *h, const struct hub_notice *n)
{
    const struct inbox_names names = inbox_names_of(h->o.app, n->tenant);
    struct arena *a;
    struct buf out = {0};

    h->telling = (struct telling){.epoch = n->epoch,
                                  .rev = n->event.rev,
                                  .why = n->why,
                                  .is_anew = n->is_anew};
    if (n->why)
        return;
    a = arena_new();
    frame_put_event(&out, a, &names, n->epoch, &n->event);
    h->telling.frame = http_frame_new(buf_str(&out));
    h->telling.n_bytes = out.n;
    buf_fini(&out);
    arena_free(a);
}

/* The next one that somebody here waits for. */
static bool
take_notice(struct hub *h)
{
    struct list *first;

    while ((first = list_take(&h->backlog))) {
        struct hub_notice *n = CONTAINER_OF(first, struct hub_notice, link);
        struct hub_user *u = user_of(h, n);

        h->n_backlog_bytes -= n->n_bytes;
        if (!u) {
            free(n);
            continue;
        }
        h->notice = n;
        h->told = u;
        h->next_told = u->subscribers.next;
        make_frame(h, n);
        return true;
    }
    return false;
}

static void
finish_notice(struct hub *h)
{
    struct clock *clock = h->o.app->env->clock;

    metric_observe_ms(h->metrics.fanout,
                      clock->mono_ms(clock) - h->notice->made_ms);
    http_frame_put(h->telling.frame);
    free(h->notice);
    h->notice = NULL;
    h->told = NULL;
    h->telling = (struct telling){0};
}

static bool
has_more_to_tell(const struct hub *h)
{
    return h->told && h->next_told != &h->told->subscribers;
}

static void
tell_slice(struct task *t)
{
    struct hub *h = CONTAINER_OF(t, struct hub, fanout);
    int left = h->o.sends_a_turn;

    h->is_fanning_out = false;
    while (left > 0 && (h->notice || take_notice(h))) {
        while (left > 0 && has_more_to_tell(h)) {
            struct subscriber *s =
                CONTAINER_OF(h->next_told, struct subscriber, of_user);

            h->next_told = h->next_told->next;
            subscriber_tell(s, &h->telling);
            left--;
        }
        if (!has_more_to_tell(h))
            finish_notice(h);
    }
    if (h->notice || !list_is_empty(&h->backlog)) {
        h->is_fanning_out = true;
        loop_defer(h->loop, &h->fanout);
    }
}

void
fanout_skip(struct hub *h, struct subscriber *s)
{
    if (h->told == s->user && h->next_told == &s->of_user)
        h->next_told = s->of_user.next;
}

/* ---- what comes in ---- */

/* Without the event; its readers are reset. */
static struct hub_notice *
shed_event(struct hub_notice *n)
{
    struct hub_notice *small = xmalloc(sizeof(*small) + n->user.n);
    char *at = (char *)small->room;

    *small = *n;
    small->user = copy_text(&at, n->user);
    small->why = "overflow";
    small->n_bytes = sizeof(*small) + n->user.n;
    free(n);
    return small;
}

static void
put(struct hub *h, struct hub_notice *n)
{
    if (!n->why && h->n_backlog_bytes + n->n_bytes > h->o.backlog_bytes)
        n = shed_event(n);
    h->n_backlog_bytes += n->n_bytes;
    list_append(&h->backlog, &n->link);
    if (!h->is_fanning_out) {
        h->is_fanning_out = true;
        loop_defer(h->loop, &h->fanout);
    }
}

/* An event that is known already is told all the same: one who is being opened
 * may not have read it. */
static bool
may_be_told(struct hub_user *u, const struct hub_notice *n)
{
    const int64_t rev = n->event.rev;

    if (n->is_bell)
        return false;
    if (u->epoch == 0) { /* all are being opened: told from here on */
        u->epoch = n->epoch;
        u->from_rev = u->rev = rev - 1;
    }
    if (n->epoch != u->epoch || rev > u->rev + 1)
        return false;
    if (rev == u->rev + 1) {
        u->rev = rev;
        u->counts = n->event.counts;
    }
    return true;
}

static void
receive(struct task *t)
{
    struct hub_notice *n = CONTAINER_OF(t, struct hub_notice, task);
    struct hub *h = n->hub;
    struct hub_user *u = user_of(h, n);

    if (u && may_be_told(u, n)) {
        put(h, n);
        return;
    }
    if (u)
        catchup_hear(h, u, (struct inbox_cursor){n->epoch, n->event.rev});
    free(n);
}

static struct hub_notice *
make(struct hub *h, const struct hub_user *u, const struct inbox_event *e)
{
    struct clock *clock = h->o.app->env->clock;
    const struct store_notice n = {
        .tenant = u->tenant,
        .user = user_key_name((struct str){u->key, u->n_key}),
        .epoch = u->epoch,
        .event = e,
    };

    return hub_notice_make(&n, clock->mono_ms(clock));
}

void
fanout_put_event(struct hub *h, struct hub_user *u, const struct inbox_event *e)
{
    u->rev = e->rev;
    u->counts = e->counts;
    put(h, make(h, u, e));
}

void
fanout_put_reset(struct hub *h, struct hub_user *u, const char *why,
                 struct inbox_cursor at, struct inbox_counts counts)
{
    const struct inbox_event none = {.rev = at.rev, .kind = INBOX_EVENT_ALL};
    const bool is_anew = at.epoch != u->epoch || at.rev < u->rev;
    struct hub_notice *n;

    u->epoch = at.epoch;
    u->from_rev = u->rev = at.rev;
    u->counts = counts;
    n = make(h, u, &none);
    n->why = why;
    n->is_anew = is_anew;
    put(h, n);
}

void
hub_post(struct hub *h, struct hub_notice *n)
{
    n->hub = h;
    n->task.run = receive;
    loop_post(h->loop, &n->task);
}

void
fanout_init(struct hub *h)
{
    list_init(&h->backlog);
    h->fanout.run = tell_slice;
}

void
fanout_fini(struct hub *h)
{
    struct list *it;

    if (h->notice)
        finish_notice(h);
    while ((it = list_take(&h->backlog)))
        free(CONTAINER_OF(it, struct hub_notice, link));
}
