#include "base/health.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

struct component {
    enum health health;
    int64_t at_ms;
    char detail[160];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *components;

void
health_report(struct str name, enum health h, struct str detail, int64_t now_ms)
{
    struct component *c;

    detail = str_utf8_clip(detail, sizeof(c->detail) - 1);
    pthread_mutex_lock(&lock);
    if (!components)
        components = map_new();
    c = map_get(components, name);
    if (!c) {
        c = xcalloc(1, sizeof(*c));
        map_put(components, name, c);
    }
    c->health = h;
    c->at_ms = now_ms;
    if (detail.n > 0)
        memcpy(c->detail, detail.p, detail.n);
    c->detail[detail.n] = '\0';
    pthread_mutex_unlock(&lock);
}

void
health_forget(struct str name)
{
    pthread_mutex_lock(&lock);
    if (components)
        free(map_remove(components, name));
    pthread_mutex_unlock(&lock);
}

/* Components without a workspace in their name are everybody's. */
static bool
is_shown(struct str name, struct str only)
{
    return only.n == 0 || str_find(name, '/') < 0 || str_starts(name, only);
}

static void
write_one(struct json_writer *w, struct str name, const struct component *c)
{
    json_begin_object(w);
    json_str_field(w, "name", name);
    json_str_field(w, "status", str_from(health_name(c->health)));
    json_str_field(w, "detail", str_from(c->detail));
    json_time_field(w, "at", c->at_ms);
    json_end_object(w);
}

enum health
health_write(struct json_writer *w, struct str only)
{
    enum health worst = HEALTH_OK;
    struct str name;
    size_t at = 0;
    void *value;

    json_begin_array(w);
    pthread_mutex_lock(&lock);
    while (components && map_next(components, &at, &name, &value)) {
        const struct component *c = value;

        if (!is_shown(name, only))
            continue;
        if (c->health > worst)
            worst = c->health;
        write_one(w, name, c);
    }
    pthread_mutex_unlock(&lock);
    json_end_array(w);
    return worst;
}

const char *
health_name(enum health h)
{
    static const char *const names[] = {"ok", "degraded", "down"};

    return names[h];
}
