#include "app/best_time.h"

#include "app/send.h"
#include "base/list.h"
#include "store/store.h"

static bool
is_asked(const struct send *s)
{
    if (s->workspace->is_unlearned)
        return false;
    for (size_t i = 0; i < s->n_items; i++)
        if (!problem_is_set(&s->items[i].problem) &&
            s->items[i].request.best_within_ms > 0)
            return true;
    return false;
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_habits *h = CONTAINER_OF(req, struct store_habits, req);
    struct best_times *b = CONTAINER_OF(h, struct best_times, look);
    struct send *s = CONTAINER_OF(b, struct send, best_times);

    if (e != ERR_OK) {
        s->on_done(s, e);
        return;
    }
    b->by_user = map_new();
    for (size_t i = 0; i < h->n_users; i++)
        if (h->habits[i].hour > 0)
            map_put(b->by_user, h->users[i], &h->habits[i]);
    b->next(s);
}

void
best_times_load(struct send *s, void (*next)(struct send *s))
{
    if (s->users.n_keys == 0 || !is_asked(s)) {
        next(s);
        return;
    }
    s->best_times = (struct best_times){
        .next = next,
        .look = {.req = {.arena = s->arena,
                         .loop = s->app->env->loop,
                         .on_done = on_looked},
                 .tenant = s->workspace->tenant,
                 .users = s->users.keys,
                 .n_users = s->users.n_keys},
    };
    store_habits(s->app->env->store, &s->best_times.look);
}

const struct habit *
best_times_of(const struct send *s, struct str user)
{
    const struct map *m = s->best_times.by_user;

    return m && user.n > 0 ? map_get(m, user) : NULL;
}

void
best_times_free(struct send *s)
{
    map_free(s->best_times.by_user);
    s->best_times.by_user = NULL;
}
