#include "base/limiter.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

#define SECOND_US INT64_C(1000000)

struct limiter {
    pthread_mutex_t lock;
    struct map *due; /* name -> int64_t: when the next one is due, in us */
    int64_t step_us; /* between two at the full rate */
    int64_t swept_ms;
};

struct limiter *
limiter_new(int64_t per_second)
{
    struct limiter *l = xcalloc(1, sizeof(*l));

    assert(per_second >= 1);
    pthread_mutex_init(&l->lock, NULL);
    l->due = map_new();
    l->step_us = per_second < SECOND_US ? SECOND_US / per_second : 1;
    return l;
}

static void
forget(struct limiter *l, int64_t due_before_us)
{
    struct str name;
    size_t at = 0;
    void *value;

    while (map_next(l->due, &at, &name, &value)) {
        int64_t *due_us = value;

        if (*due_us < due_before_us) {
            map_remove(l->due, name);
            free(due_us);
        }
    }
}

void
limiter_free(struct limiter *l)
{
    if (!l)
        return;
    forget(l, INT64_MAX);
    map_free(l->due);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* NULL: too many are busy. */
static int64_t *
due_of(struct limiter *l, struct str name, int64_t now_ms)
{
    int64_t *due_us = map_get(l->due, name);

    if (due_us)
        return due_us;
    if (map_count(l->due) >= LIMITER_NAMES_MAX && now_ms > l->swept_ms) {
        forget(l, now_ms * 1000);
        l->swept_ms = now_ms + 100; /* a sweep is not for each request */
    }
    if (map_count(l->due) >= LIMITER_NAMES_MAX)
        return NULL;
    due_us = xcalloc(1, sizeof(*due_us));
    map_put(l->due, name, due_us);
    return due_us;
}

bool
limiter_take(struct limiter *l, struct str name, int64_t now_ms,
             int64_t *ret_wait_ms)
{
    int64_t now_us = now_ms * 1000, wait_us = SECOND_US;
    int64_t *due_us;

    pthread_mutex_lock(&l->lock);
    due_us = due_of(l, name, now_ms);
    if (due_us) {
        int64_t next_us = *due_us > now_us ? *due_us : now_us;

        wait_us = next_us + l->step_us - now_us - SECOND_US;
        if (wait_us <= 0)
            *due_us = next_us + l->step_us;
    }
    pthread_mutex_unlock(&l->lock);
    if (wait_us <= 0)
        return true;
    *ret_wait_ms = (wait_us + 999) / 1000;
    return false;
}
