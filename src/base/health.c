#include "base/health.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
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

/* ---- of several processes ---- */

struct told {
    enum health health;
    int64_t at_ms;
    struct str name, detail, node;
    bool is_own, differs; /* nodes do not agree */
};

struct collection {
    struct arena *arena;
    struct map *by_name;
    struct buf rows; /* struct told *, in the order of their telling */
    const struct health_parts *parts;
    struct str only;
};

static void
tell(struct collection *c, const struct told *t)
{
    const struct health_parts *p = c->parts;
    struct told *known;

    if (!is_shown(t->name, c->only) ||
        (p && p->is_silent && p->is_silent(p->arg, t->name, t->node)))
        return;
    known = map_get(c->by_name, t->name);
    if (!known) {
        known = ARENA_NEW(c->arena, struct told);
        *known = *t;
        (void)map_put(c->by_name, t->name, known);
        buf_put(&c->rows, &known, sizeof(struct told *));
        return;
    }
    known->differs = known->differs || known->health != t->health;
    if (t->health > known->health) {
        known->health = t->health;
        known->at_ms = t->at_ms;
        known->detail = t->detail;
        known->node = t->node;
        known->is_own = t->is_own;
    }
}

static void
tell_own(struct collection *c)
{
    struct str name;
    size_t at = 0;
    void *value;

    pthread_mutex_lock(&lock);
    while (components && map_next(components, &at, &name, &value)) {
        const struct component *one = value;

        tell(c, &(struct told){
                    .health = one->health,
                    .at_ms = one->at_ms,
                    .name = str_dup(c->arena, name),
                    .detail = str_dup(c->arena, str_from(one->detail)),
                    .node = c->parts ? c->parts->own : STR_NONE,
                    .is_own = true,
                });
    }
    pthread_mutex_unlock(&lock);
}

static enum health
read_health(struct str s)
{
    return str_is(s, "ok")         ? HEALTH_OK
           : str_is(s, "degraded") ? HEALTH_DEGRADED
                                   : HEALTH_DOWN;
}

static void
tell_of(struct collection *c, const struct health_part *p)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;
    struct json all;

    if (json_parse(c->arena, p->components, doc, &why) != ERR_OK)
        return;
    all = json_root(doc);
    for (struct json v = json_first(all); !json_is(v, JSON_ABSENT);
         v = json_next(all, v)) {
        struct told t = {.node = p->node, .is_own = p->node.n == 0};

        t.name = json_str_of(c->arena, v, "name");
        t.detail = json_str_of(c->arena, v, "detail");
        t.health = read_health(json_str_of(c->arena, v, "status"));
        (void)time_parse(json_str_of(c->arena, v, "at"), &t.at_ms);
        if (t.name.n > 0)
            tell(c, &t);
    }
}

static void
write_one(struct json_writer *w, struct arena *a, const struct told *t)
{
    struct str detail = t->detail;

    if (!t->is_own || t->differs)
        detail = str_fmt(a, "%.*s%snode %.*s%s", STR_ARG(detail),
                         detail.n > 0 ? " (" : "", STR_ARG(t->node),
                         detail.n > 0 ? ")" : "");
    json_begin_object(w);
    json_str_field(w, "name", t->name);
    json_str_field(w, "status", str_from(health_name(t->health)));
    json_str_field(w, "detail", detail);
    json_time_field(w, "at", t->at_ms);
    json_end_object(w);
}

enum health
health_write_all(struct json_writer *w, struct str only,
                 const struct health_parts *parts)
{
    struct collection c = {.arena = arena_new(),
                           .by_name = map_new(),
                           .parts = parts,
                           .only = only};
    enum health worst = HEALTH_OK;
    struct told **all;

    buf_init(&c.rows, c.arena);
    tell_own(&c);
    for (size_t i = 0; parts && i < parts->n; i++)
        tell_of(&c, &parts->others[i]);
    all = (struct told **)(void *)c.rows.p;
    json_begin_array(w);
    for (size_t i = 0; i < map_count(c.by_name); i++) {
        if (all[i]->health > worst)
            worst = all[i]->health;
        write_one(w, c.arena, all[i]);
    }
    json_end_array(w);
    map_free(c.by_name);
    arena_free(c.arena);
    return worst;
}

enum health
health_write(struct json_writer *w, struct str only)
{
    return health_write_all(w, only, NULL);
}

const char *
health_name(enum health h)
{
    static const char *const names[] = {"ok", "degraded", "down"};

    return names[h];
}
