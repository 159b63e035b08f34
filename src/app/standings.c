#include "app/standings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

struct standings {
    pthread_mutex_t lock;
    struct map *by_lane; /* decimal text -> struct standing */
};

struct lane_key {
    char text[24];
};

static struct str
key_of(struct lane_key *k, int64_t lane)
{
    int n = snprintf(k->text, sizeof(k->text), "%lld", (long long)lane);

    return (struct str){k->text, (size_t)n};
}

struct standings *
standings_new(void)
{
    struct standings *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    s->by_lane = map_new();
    return s;
}

void
standings_free(struct standings *s)
{
    struct str key;
    size_t at = 0;
    void *value;

    if (!s)
        return;
    while (map_next(s->by_lane, &at, &key, &value))
        free(value);
    map_free(s->by_lane);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void
standings_tell(struct standings *s, int64_t lane, const struct standing *of)
{
    struct standing *known;
    struct lane_key k = {0};

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    known = map_get(s->by_lane, key_of(&k, lane));
    if (!known) {
        known = xmalloc(sizeof(*known));
        map_put(s->by_lane, key_of(&k, lane), known);
    }
    *known = *of;
    pthread_mutex_unlock(&s->lock);
}

void
standings_forget(struct standings *s, int64_t lane)
{
    struct lane_key k = {0};

    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    free(map_remove(s->by_lane, key_of(&k, lane)));
    pthread_mutex_unlock(&s->lock);
}

struct standing
standings_of(struct standings *s, int64_t lane)
{
    const struct standing *known;
    struct standing found = {0};
    struct lane_key k = {0};

    if (!s)
        return found;
    pthread_mutex_lock(&s->lock);
    known = map_get(s->by_lane, key_of(&k, lane));
    if (known)
        found = *known;
    pthread_mutex_unlock(&s->lock);
    return found;
}
