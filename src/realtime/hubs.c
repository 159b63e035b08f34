#include "realtime/hubs.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/map.h"
#include "realtime/hub.h"
#include "realtime/user_key.h"

struct seat {
    uint64_t hubs; /* of a user: bit i, hub i has a stream of theirs */
    int64_t n;     /* streams */
    size_t n_key;
    char key[];
};

struct hubs {
    struct hubs_limits limits;
    struct clock *clock;
    atomic_size_t n_streams;
    pthread_mutex_t lock; /* what follows */
    struct hub *members[HUBS_MAX];
    struct map *users, *addresses; /* -> struct seat */
    int64_t tokens;                /* thousandths of a connection */
    int64_t filled_ms;
};

struct hubs *
hubs_new(const struct hubs_limits *l, struct clock *clock)
{
    struct hubs *h = xcalloc(1, sizeof(*h));

    h->limits = *l;
    h->clock = clock;
    h->users = map_new();
    h->addresses = map_new();
    h->tokens = l->connect_rate * 1000;
    h->filled_ms = clock->mono_ms(clock);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

void
hubs_free(struct hubs *h)
{
    if (!h)
        return;
    assert(atomic_load(&h->n_streams) == 0);
    map_free(h->users);
    map_free(h->addresses);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

size_t
hubs_streams(const struct hubs *h)
{
    return atomic_load(&h->n_streams);
}

int
hubs_join(struct hubs *h, struct hub *hub)
{
    int i = 0;

    pthread_mutex_lock(&h->lock);
    while (i < HUBS_MAX && h->members[i])
        i++;
    assert(i < HUBS_MAX);
    h->members[i] = hub;
    pthread_mutex_unlock(&h->lock);
    return i;
}

void
hubs_leave(struct hubs *h, int index)
{
    pthread_mutex_lock(&h->lock);
    h->members[index] = NULL;
    pthread_mutex_unlock(&h->lock);
}

/* ---- who may come in ---- */

static bool
take_token(struct hubs *h)
{
    const int64_t rate = h->limits.connect_rate;
    const int64_t now_ms = h->clock->mono_ms(h->clock);
    int64_t past_ms = now_ms - h->filled_ms;

    if (rate == 0)
        return true;
    if (past_ms > 1000)
        past_ms = 1000; /* full by then */
    if (past_ms > 0) {
        h->tokens += past_ms * rate;
        h->filled_ms = now_ms;
    }
    if (h->tokens > rate * 1000)
        h->tokens = rate * 1000;
    if (h->tokens < 1000)
        return false;
    h->tokens -= 1000;
    return true;
}

static bool
is_full(const struct map *m, struct str key, int64_t limit)
{
    const struct seat *s = map_get(m, key);

    return limit > 0 && s && s->n >= limit;
}

static enum err
admit(struct hubs *h, struct str user_key, struct str address,
      const char **ret_why)
{
    const struct hubs_limits *l = &h->limits;

    if (l->max_connections > 0 &&
        hubs_streams(h) >= (size_t)l->max_connections) {
        *ret_why = "as many streams are open as this server allows";
        return ERR_FULL;
    }
    if (is_full(h->users, user_key, l->per_user)) {
        *ret_why = "this user has as many open streams as are allowed";
        return ERR_RATE_LIMITED;
    }
    if (is_full(h->addresses, address, l->per_address)) {
        *ret_why = "this address has as many open streams as are allowed";
        return ERR_RATE_LIMITED;
    }
    if (!take_token(h)) {
        *ret_why = "too many streams are being opened at once";
        return ERR_FULL;
    }
    return ERR_OK;
}

static struct seat *
take_seat(struct map *m, struct str key)
{
    struct seat *s = map_get(m, key);

    if (!s) {
        s = xcalloc(1, sizeof(*s) + key.n);
        s->n_key = key.n;
        if (key.n > 0)
            memcpy(s->key, key.p, key.n);
        map_put(m, key, s);
    }
    s->n++;
    return s;
}

static void
leave_seat(struct map *m, struct seat *s)
{
    if (--s->n > 0)
        return;
    map_remove(m, (struct str){s->key, s->n_key});
    free(s);
}

enum err
hubs_enter(struct hubs *h, int index, struct str user_key, struct str address,
           struct seats *ret, const char **ret_why)
{
    enum err e;

    pthread_mutex_lock(&h->lock);
    e = admit(h, user_key, address, ret_why);
    if (e == ERR_OK) {
        ret->user = take_seat(h->users, user_key);
        ret->user->hubs |= UINT64_C(1) << index;
        ret->address = take_seat(h->addresses, address);
        atomic_fetch_add(&h->n_streams, 1);
    }
    pthread_mutex_unlock(&h->lock);
    return e;
}

void
hubs_exit(struct hubs *h, int index, const struct seats *s, bool is_last)
{
    pthread_mutex_lock(&h->lock);
    if (is_last)
        s->user->hubs &= ~(UINT64_C(1) << index);
    leave_seat(h->users, s->user);
    leave_seat(h->addresses, s->address);
    atomic_fetch_sub(&h->n_streams, 1);
    pthread_mutex_unlock(&h->lock);
}

/* ---- what was committed ---- */

static void
tell(struct hubs *h, const struct store_notice *n)
{
    char text[USER_KEY_SIZE];
    struct str key;
    const struct seat *s;

    if (!user_key_format(text, n->tenant, n->user, &key))
        return; /* no stream can have such a user */
    pthread_mutex_lock(&h->lock);
    s = map_get(h->users, key);
    for (uint64_t left = s ? s->hubs : 0; left; left &= left - 1) {
        const int i = __builtin_ctzll(left);

        hub_post(h->members[i],
                 hub_notice_make(n, h->clock->mono_ms(h->clock)));
    }
    pthread_mutex_unlock(&h->lock);
}

void
hubs_on_commit(struct hubs *h, const struct store_notice *notices, size_t n)
{
    /* Whoever comes after this load reads the store after this commit. */
    if (atomic_load(&h->n_streams) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (notices[i].kind == STORE_NOTICE_INBOX)
            tell(h, &notices[i]);
}
