/* dev_sink.c - see dev_sink.h. A list from oldest to newest, one arena a
 * message, behind one lock. */
#include "app/dev_sink.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"

struct kept {
    struct list link;
    struct arena *arena;
    struct dev_message message;
    size_t bytes;
};

struct dev_sink {
    pthread_mutex_t lock;
    struct list kept;
    size_t n, bytes;
    int64_t last_seq;
};

struct dev_sink *
dev_sink_new(void)
{
    struct dev_sink *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    list_init(&s->kept);
    return s;
}

static void
drop(struct dev_sink *s, struct kept *k)
{
    list_remove(&k->link);
    s->n--;
    s->bytes -= k->bytes;
    arena_free(k->arena);
}

void
dev_sink_free(struct dev_sink *s)
{
    if (!s)
        return;
    LIST_EACH(it, &s->kept)
    {
        drop(s, CONTAINER_OF(it, struct kept, link));
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct dev_message
copied(struct arena *a, const struct dev_message *m)
{
    struct dev_message c = *m;

    c.channel = str_dup(a, m->channel);
    c.provider = str_dup(a, m->provider);
    c.driver = str_dup(a, m->driver);
    c.user = str_dup(a, m->user);
    c.to = str_dup(a, m->to);
    c.from = str_dup(a, m->from);
    c.title = str_dup(a, m->title);
    c.body = str_dup(a, m->body);
    c.html = str_dup(a, m->html);
    c.method = str_dup(a, m->method);
    c.url = str_dup(a, m->url);
    c.headers = str_dup(a, m->headers);
    c.raw = str_dup(a, m->raw);
    c.delivery_id = str_dup(a, m->delivery_id);
    c.notification_id = str_dup(a, m->notification_id);
    return c;
}

void
dev_sink_add(struct dev_sink *s, const struct dev_message *m)
{
    struct arena *a = arena_new();
    struct kept *k = ARENA_NEW(a, struct kept);

    k->arena = a;
    k->message = copied(a, m);
    k->bytes = arena_used(a);
    pthread_mutex_lock(&s->lock);
    k->message.seq = ++s->last_seq;
    list_append(&s->kept, &k->link);
    s->n++;
    s->bytes += k->bytes;
    while (s->n > DEV_SINK_MAX || (s->n > 1 && s->bytes > DEV_SINK_BYTES_MAX))
        drop(s, CONTAINER_OF(s->kept.next, struct kept, link));
    pthread_mutex_unlock(&s->lock);
}

size_t
dev_sink_list(struct dev_sink *s, struct arena *a, int64_t tenant,
              int64_t before, size_t limit, struct dev_message **ret)
{
    struct dev_message *list;
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    list = ARENA_ARRAY(a, struct dev_message, limit < s->n ? limit : s->n);
    for (struct list *it = s->kept.prev; it != &s->kept && n < limit;
         it = it->prev) {
        const struct kept *k = CONTAINER_OF(it, struct kept, link);

        if (k->message.tenant == tenant &&
            (before == 0 || k->message.seq < before))
            list[n++] = copied(a, &k->message);
    }
    pthread_mutex_unlock(&s->lock);
    *ret = list;
    return n;
}

void
dev_sink_clear(struct dev_sink *s, int64_t tenant)
{
    pthread_mutex_lock(&s->lock);
    LIST_EACH(it, &s->kept)
    {
        struct kept *k = CONTAINER_OF(it, struct kept, link);

        if (k->message.tenant == tenant)
            drop(s, k);
    }
    pthread_mutex_unlock(&s->lock);
}
