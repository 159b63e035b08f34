/* recheck.c - whether news of anybody here were lost. Where other processes
 * write to the store, too, the revs of all users are read now and then, some
 * users at a time, so that a round takes as long as it may and asks for few
 * things at once. Who has fallen behind is caught up with. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "realtime/hub_private.h"
#include "realtime/user_key.h"

struct recheck {
    struct hub *hub; /* NULL: it went */
    struct arena *arena;
    struct store_inbox_revs revs;
};

static void
recheck_free(struct recheck *r)
{
    arena_free(r->arena);
    free(r);
}

static void
hear(struct hub *h, int64_t epoch, const struct inbox_place *p)
{
    char text[USER_KEY_SIZE];
    struct hub_user *u = NULL;
    struct str key;

    if (user_key_format(text, p->tenant, p->user, &key))
        u = map_get(h->users, key);
    if (u)
        catchup_hear(h, u, (struct inbox_cursor){epoch, p->rev});
}

static void on_time(struct loop_timer *t);

/* When the next ones are due, after n of them. */
static void
rest(struct hub *h, size_t n)
{
    const size_t n_users = map_count(h->users);
    int64_t ms = h->o.recheck_ms;

    if (n_users > n)
        ms = ms * (int64_t)n / (int64_t)n_users;
    loop_timer_set(h->loop, &h->recheck_timer, ms > 0 ? ms : 1, on_time);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_inbox_revs *v =
        CONTAINER_OF(req, struct store_inbox_revs, req);
    struct recheck *r = CONTAINER_OF(v, struct recheck, revs);
    struct hub *h = r->hub;

    if (h) {
        h->recheck = NULL;
        for (size_t i = 0; e == ERR_OK && i < v->n_places; i++)
            hear(h, v->epoch, &v->places[i]);
        if (e != ERR_SHUTDOWN && !h->is_draining)
            rest(h, INBOX_REVS_MAX);
    }
    recheck_free(r);
}

/* Each user's turn comes again once all others had theirs. */
static void
take_users(struct hub *h, struct recheck *r)
{
    size_t left = map_count(h->users);

    if (left > INBOX_REVS_MAX)
        left = INBOX_REVS_MAX;
    r->revs.places = ARENA_ARRAY(r->arena, struct inbox_place, left);
    while (left-- > 0) {
        struct hub_user *u =
            CONTAINER_OF(h->all_users.next, struct hub_user, all);
        struct inbox_place *p = &r->revs.places[r->revs.n_places];

        list_remove(&u->all);
        list_append(&h->all_users, &u->all);
        if (u->epoch == 0 || u->catchup)
            continue; /* it is being read */
        r->revs.n_places++;
        p->tenant = u->tenant;
        p->user =
            str_dup(r->arena, user_key_name((struct str){u->key, u->n_key}));
    }
}

static void
on_time(struct loop_timer *t)
{
    struct hub *h = CONTAINER_OF(t, struct hub, recheck_timer);
    struct recheck *r;

    if (map_count(h->users) == 0 || h->is_draining)
        return; /* whoever comes next starts it again */
    r = xcalloc(1, sizeof(*r));
    r->hub = h;
    r->arena = arena_new();
    take_users(h, r);
    if (r->revs.n_places == 0) {
        recheck_free(r);
        rest(h, INBOX_REVS_MAX);
        return;
    }
    r->revs.req = (struct store_req){
        .arena = r->arena, .loop = h->loop, .on_done = on_read};
    h->recheck = r;
    inbox_revs(h->o.app, &r->revs);
}

void
recheck_start(struct hub *h)
{
    if (h->o.recheck_ms > 0 && !h->recheck &&
        !loop_timer_is_set(&h->recheck_timer))
        rest(h, INBOX_REVS_MAX);
}

void
recheck_fini(struct hub *h)
{
    loop_timer_clear(h->loop, &h->recheck_timer);
    if (h->recheck)
        h->recheck->hub = NULL;
}
