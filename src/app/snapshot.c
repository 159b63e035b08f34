#include "app/snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/workspace_build.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "store/store.h"

#define PAGE 500
#define CHANGES_PAGE 1000
#define RETRY_MS 1000 /* after a failure of the store */

/* Threads that take a workspace hold the lock for a look-up and no longer. */
struct current {
    pthread_mutex_t lock;
    struct map *by_tenant; /* decimal text -> struct workspace */
    struct map *by_key;
    struct map *api_keys; /* public part -> struct auth_key */
    int64_t seq;          /* everything up to it is in */
};

struct waiter {
    struct list node;
    int64_t seq; /* or one of these: the store is still to be asked, is asked */
    struct loop *loop;
    struct task *task;
};

#define SEQ_TO_ASK INT64_C(-1)
#define SEQ_ASKED INT64_C(-2)

struct tenant_name {
    struct list node;
    int64_t tenant, version;
    char key[129];
    char *settings; /* its document */
};

struct snapshots {
    struct snapshots_options options;
    struct current current;
    struct list waiters; /* under current.lock */
    int64_t wanted_seq;  /* under current.lock: the store has so many */
    struct task poke;
    bool is_poked; /* under current.lock */
    /* the keeper's thread only */
    bool is_busy, is_started, is_all_anew;
    struct list todo;    /* of tenant_name: to be built */
    struct map *listed;  /* tenants that the list of workspaces has */
    int64_t reading_seq; /* current.seq once todo is empty */
    int64_t asked_seq;   /* wanted_seq when the changes were asked for */
    struct loop_timer again;
    struct workspace_build building;
    size_t part;         /* of workspace_parts, that is being read */
    struct arena *arena; /* of the request in flight */
    struct store_object_list list;
    struct store_changes changes;
    void (*done)(void *arg, enum err e);
    void *done_arg;
};

static void read_next_tenant(struct snapshots *s);
static void read_changes(struct snapshots *s);
static void forget_listed(struct snapshots *s);

/* ---- the current set ---- */

static struct str
tenant_text(char text[static 24], int64_t tenant)
{
    int n = snprintf(text, 24, "%lld", (long long)tenant);

    return (struct str){text, (size_t)n};
}

static const struct workspace *
take(struct snapshots *s, const struct map *m, struct str key)
{
    const struct workspace *w;

    pthread_mutex_lock(&s->current.lock);
    w = map_get(m, key);
    if (w)
        workspace_get(w);
    pthread_mutex_unlock(&s->current.lock);
    return w;
}

const struct workspace *
snapshots_workspace(struct snapshots *s, int64_t tenant)
{
    char text[24];

    return take(s, s->current.by_tenant, tenant_text(text, tenant));
}

const struct workspace *
snapshots_workspace_named(struct snapshots *s, struct str key)
{
    return take(s, s->current.by_key, key);
}

event_set
snapshots_tells(struct snapshots *s, int64_t tenant)
{
    const struct workspace *w = snapshots_workspace(s, tenant);
    event_set tells = w ? w->tells : 0;

    workspace_put(w);
    return tells;
}

bool
snapshots_key(struct snapshots *s, struct str key_id, struct auth_key *ret)
{
    const struct auth_key *k;

    pthread_mutex_lock(&s->current.lock);
    k = map_get(s->current.api_keys, key_id);
    if (k)
        *ret = *k;
    pthread_mutex_unlock(&s->current.lock);
    return k != NULL;
}

size_t
snapshots_tenants(struct snapshots *s, struct arena *a, int64_t **ret)
{
    size_t n = 0, at = 0;
    struct str key;
    void *value;

    pthread_mutex_lock(&s->current.lock);
    *ret = ARENA_ARRAY(a, int64_t, map_count(s->current.by_tenant) + 1);
    while (map_next(s->current.by_tenant, &at, &key, &value))
        (*ret)[n++] = ((const struct workspace *)value)->tenant;
    pthread_mutex_unlock(&s->current.lock);
    return n;
}

static void
forget_keys_of(struct current *c, int64_t tenant)
{
    struct str id;
    size_t at = 0;
    void *value;

    while (map_next(c->api_keys, &at, &id, &value)) {
        struct auth_key *k = value;

        if (k->tenant == tenant) {
            map_remove(c->api_keys, id);
            free(k);
        }
    }
}

static void
swap_in(struct snapshots *s, struct workspace *w,
        const struct workspace_build *b)
{
    struct workspace *old;
    char text[24];

    pthread_mutex_lock(&s->current.lock);
    old = map_put(s->current.by_tenant, tenant_text(text, w->tenant), w);
    map_put(s->current.by_key, w->key, w);
    forget_keys_of(&s->current, w->tenant);
    for (size_t i = 0; i < b->n_keys; i++) {
        struct auth_key *k = xmalloc(sizeof(*k));

        *k = b->keys[i];
        free(map_put(s->current.api_keys, str_from(k->id), k));
    }
    pthread_mutex_unlock(&s->current.lock);
    workspace_put(old);
}

static void
remove_workspace(struct snapshots *s, int64_t tenant)
{
    struct workspace *old;
    char text[24];

    pthread_mutex_lock(&s->current.lock);
    old = map_remove(s->current.by_tenant, tenant_text(text, tenant));
    if (old)
        map_remove(s->current.by_key, old->key);
    forget_keys_of(&s->current, tenant);
    pthread_mutex_unlock(&s->current.lock);
    workspace_put(old);
}

/* ---- who waits ---- */

/* Under the lock. */
static bool
change_waiters(struct snapshots *s, int64_t from, int64_t to)
{
    bool has = false;

    LIST_EACH(it, &s->waiters)
    {
        struct waiter *w = CONTAINER_OF(it, struct waiter, node);

        if (w->seq == from) {
            w->seq = to;
            has = true;
        }
    }
    return has;
}

/* ---- reading ---- */

static void
on_again(struct loop_timer *t)
{
    struct snapshots *s = CONTAINER_OF(t, struct snapshots, again);

    if (!s->is_busy)
        read_changes(s);
}

/* A change that cannot be read leaves the old configuration in place for now;
 * somebody may wait for the new one, so it is asked for again. */
static void
give_up(struct snapshots *s, enum err e)
{
    LOG_ERROR("config.unreadable", log_cstr("err", err_code(e)));
    pthread_mutex_lock(&s->current.lock);
    change_waiters(s, SEQ_ASKED, SEQ_TO_ASK);
    pthread_mutex_unlock(&s->current.lock);
    forget_listed(s);
    workspace_build_end(&s->building);
    s->is_busy = false;
    if (s->done) {
        void (*done)(void *, enum err) = s->done;

        s->done = NULL;
        s->is_started = false; /* the caller decides */
        done(s->done_arg, e);
    } else {
        loop_timer_set(s->options.env->loop, &s->again, RETRY_MS, on_again);
    }
}

static void list_objects(struct snapshots *s);

static void
next_part(struct snapshots *s)
{
    if (++s->part < N_WORKSPACE_PARTS) {
        s->list.after = STR_NONE;
        list_objects(s);
        return;
    }
    swap_in(s, workspace_build_finish(&s->building), &s->building);
    workspace_build_end(&s->building);
    read_next_tenant(s);
}

static void
on_objects(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct snapshots *s = CONTAINER_OF(l, struct snapshots, list);

    if (e != ERR_OK) {
        give_up(s, e);
        return;
    }
    for (size_t i = 0; i < l->n_objects; i++)
        workspace_build_add(&s->building, s->options.vault, &l->objects[i]);
    if (l->has_more && l->n_objects > 0) {
        l->after = str_dup(s->building.arena, l->objects[l->n_objects - 1].key);
        list_objects(s);
    } else {
        next_part(s);
    }
}

static void
list_objects(struct snapshots *s)
{
    struct str after = s->list.after;

    arena_reset(s->arena);
    s->list = (struct store_object_list){
        .req = {.arena = s->arena,
                .on_done = on_objects,
                .loop = s->options.env->loop},
        .tenant = s->building.tenant,
        .kind = workspace_parts[s->part],
        .after = after,
        .limit = PAGE,
    };
    store_object_list(s->options.env->store, &s->list);
}

static void
free_name(struct tenant_name *t)
{
    free(t->settings);
    free(t);
}

static void
wake_waiters(struct snapshots *s, int64_t seq)
{
    pthread_mutex_lock(&s->current.lock);
    s->current.seq = seq;
    LIST_EACH(it, &s->waiters)
    {
        struct waiter *w = CONTAINER_OF(it, struct waiter, node);

        if (w->seq >= 0 && w->seq <= seq) {
            list_remove(&w->node);
            loop_post(w->loop, w->task);
            free(w);
        }
    }
    pthread_mutex_unlock(&s->current.lock);
}

static void
read_next_tenant(struct snapshots *s)
{
    struct list *next = list_take(&s->todo);
    struct tenant_name *t;

    if (next) {
        t = CONTAINER_OF(next, struct tenant_name, node);
        workspace_build_start(&s->building, t->tenant, str_from(t->key),
                              t->version, str_from(t->settings));
        free_name(t);
        s->part = 0;
        s->list.after = STR_NONE;
        list_objects(s);
        return;
    }
    wake_waiters(s, s->reading_seq);
    if (s->done) {
        void (*done)(void *, enum err) = s->done;

        s->done = NULL;
        done(s->done_arg, ERR_OK);
    }
    if (s->options.on_change)
        s->options.on_change(s->options.arg, s->reading_seq);
    read_changes(s);
}

static void
set_settings(struct tenant_name *t, int64_t version, struct str settings)
{
    free(t->settings);
    t->settings = xmalloc(settings.n + 1);
    if (settings.n > 0)
        memcpy(t->settings, settings.p, settings.n);
    t->settings[settings.n] = 0;
    t->version = version;
}

/* settings: the document of the workspace, of that version. */
static void
add_todo(struct snapshots *s, int64_t tenant, struct str key, int64_t version,
         struct str settings)
{
    struct tenant_name *t;

    LIST_EACH(it, &s->todo)
    {
        t = CONTAINER_OF(it, struct tenant_name, node);
        if (t->tenant != tenant)
            continue;
        if (version > t->version)
            set_settings(t, version, settings);
        return;
    }
    t = xcalloc(1, sizeof(*t));
    t->tenant = tenant;
    key = str_sub(key, 0, sizeof(t->key) - 1);
    memcpy(t->key, key.p, key.n);
    set_settings(t, version, settings);
    list_append(&s->todo, &t->node);
}

/* ---- changes ---- */

static bool
is_configuration(enum object_kind k)
{
    return k != OBJECT_USER && k != OBJECT_SUPPRESSION &&
           k != OBJECT_PREFERENCE && k != OBJECT_TOPIC;
}

static void read_workspaces(struct snapshots *s);

/* Nothing new; unless something was committed since it was asked. */
static void
end_of_changes(struct snapshots *s)
{
    bool has_more;

    wake_waiters(s, s->reading_seq);
    pthread_mutex_lock(&s->current.lock);
    has_more = s->wanted_seq > s->asked_seq ||
               change_waiters(s, SEQ_TO_ASK, SEQ_TO_ASK);
    pthread_mutex_unlock(&s->current.lock);
    s->is_busy = false;
    if (has_more)
        read_changes(s);
}

/* Who asked is told when all is current that the store has now. */
static void
tell_asked(struct snapshots *s, int64_t last_seq)
{
    pthread_mutex_lock(&s->current.lock);
    if (change_waiters(s, SEQ_ASKED, last_seq) && last_seq > s->wanted_seq)
        s->wanted_seq = last_seq;
    pthread_mutex_unlock(&s->current.lock);
}

static void
on_changes(struct store_req *req, enum err e)
{
    struct store_changes *c = CONTAINER_OF(req, struct store_changes, req);
    struct snapshots *s = CONTAINER_OF(c, struct snapshots, changes);
    bool has_workspaces = false;

    if (e == ERR_OK || e == ERR_NOT_FOUND)
        tell_asked(s, c->last_seq);
    if (e == ERR_NOT_FOUND) { /* too far behind: everything anew */
        s->reading_seq = c->last_seq;
        s->is_all_anew = true;
        read_workspaces(s);
        return;
    }
    if (e != ERR_OK) {
        give_up(s, e);
        return;
    }
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct store_change *ch = &c->changes[i];
        const struct workspace *w;

        if (ch->kind == OBJECT_WORKSPACE)
            has_workspaces = true;
        if (!is_configuration(ch->kind) || ch->tenant == 0)
            continue;
        w = snapshots_workspace(s, ch->tenant);
        if (w)
            add_todo(s, w->tenant, w->key, w->version, w->settings);
        workspace_put(w);
    }
    s->reading_seq =
        c->n_changes > 0 ? c->changes[c->n_changes - 1].seq : c->last_seq;
    if (has_workspaces)
        read_workspaces(s);
    else if (c->n_changes > 0)
        read_next_tenant(s);
    else
        end_of_changes(s);
}

static void
read_changes(struct snapshots *s)
{
    bool has_news;

    pthread_mutex_lock(&s->current.lock);
    has_news = change_waiters(s, SEQ_TO_ASK, SEQ_ASKED) ||
               s->wanted_seq > s->current.seq;
    s->asked_seq = s->wanted_seq;
    pthread_mutex_unlock(&s->current.lock);
    if (!has_news) {
        s->is_busy = false;
        return;
    }
    s->is_busy = true;
    arena_reset(s->arena);
    s->changes = (struct store_changes){
        .req = {.arena = s->arena,
                .on_done = on_changes,
                .loop = s->options.env->loop},
        .after_seq = s->current.seq,
        .limit = CHANGES_PAGE,
    };
    store_changes(s->options.env->store, &s->changes);
}

/* ---- the list of workspaces ---- */

static void
forget_listed(struct snapshots *s)
{
    map_free(s->listed);
    s->listed = NULL;
}

static void
drop_missing(struct snapshots *s)
{
    struct arena *a = arena_new();
    int64_t *tenants;
    size_t n = snapshots_tenants(s, a, &tenants);
    char text[24];

    for (size_t i = 0; i < n; i++)
        if (!map_get(s->listed, tenant_text(text, tenants[i])))
            remove_workspace(s, tenants[i]);
    arena_free(a);
    /* Something in it was changed before it went: not to be built again. */
    LIST_EACH(it, &s->todo)
    {
        struct tenant_name *t = CONTAINER_OF(it, struct tenant_name, node);

        if (!map_get(s->listed, tenant_text(text, t->tenant))) {
            list_remove(&t->node);
            free_name(t);
        }
    }
}

static void list_workspaces(struct snapshots *s, struct str after);

static void
on_workspaces(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct snapshots *s = CONTAINER_OF(l, struct snapshots, list);
    char text[24], after[sizeof(((struct tenant_name *)0)->key)];
    struct str last = STR_NONE;

    if (e != ERR_OK) {
        give_up(s, e);
        return;
    }
    for (size_t i = 0; i < l->n_objects; i++) {
        const struct object *o = &l->objects[i];
        const struct workspace *w = snapshots_workspace(s, o->num);

        if (!w || s->is_all_anew || w->version != o->version)
            add_todo(s, o->num, o->key, o->version, o->body);
        workspace_put(w);
        map_put(s->listed, tenant_text(text, o->num), s);
        last = str_sub(o->key, 0, sizeof(after));
    }
    if (l->has_more && last.n > 0) {
        memcpy(after, last.p, last.n); /* the list's arena is about to go */
        list_workspaces(s, (struct str){after, last.n});
        return;
    }
    drop_missing(s);
    forget_listed(s);
    s->is_all_anew = false;
    read_next_tenant(s);
}

static void
list_workspaces(struct snapshots *s, struct str after)
{
    arena_reset(s->arena);
    s->list = (struct store_object_list){
        .req = {.arena = s->arena,
                .on_done = on_workspaces,
                .loop = s->options.env->loop},
        .tenant = 0,
        .kind = OBJECT_WORKSPACE,
        .after = str_dup(s->arena, after),
        .limit = PAGE,
    };
    store_object_list(s->options.env->store, &s->list);
}

static void
read_workspaces(struct snapshots *s)
{
    forget_listed(s);
    s->listed = map_new();
    list_workspaces(s, STR_NONE);
}

/* At the start: how far the feed is, then everything. */
static void
on_first_seq(struct store_req *req, enum err e)
{
    struct store_changes *c = CONTAINER_OF(req, struct store_changes, req);
    struct snapshots *s = CONTAINER_OF(c, struct snapshots, changes);

    if (e != ERR_OK) {
        give_up(s, e);
        return;
    }
    s->reading_seq = c->last_seq;
    read_workspaces(s);
}

static void
on_poke(struct task *t)
{
    struct snapshots *s = CONTAINER_OF(t, struct snapshots, poke);

    pthread_mutex_lock(&s->current.lock);
    s->is_poked = false;
    pthread_mutex_unlock(&s->current.lock);
    if (s->is_started && !s->is_busy)
        read_changes(s);
}

/* ---- public ---- */

struct snapshots *
snapshots_new(const struct snapshots_options *o)
{
    struct snapshots *s = xcalloc(1, sizeof(*s));

    s->options = *o;
    pthread_mutex_init(&s->current.lock, NULL);
    s->current.by_tenant = map_new();
    s->current.by_key = map_new();
    s->current.api_keys = map_new();
    list_init(&s->waiters);
    list_init(&s->todo);
    s->poke.run = on_poke;
    s->arena = arena_new();
    return s;
}

void
snapshots_start(struct snapshots *s, void (*done)(void *arg, enum err e),
                void *arg)
{
    assert(!s->is_started);
    s->is_started = s->is_busy = true;
    s->done = done;
    s->done_arg = arg;
    s->changes = (struct store_changes){
        .req = {.arena = s->arena,
                .on_done = on_first_seq,
                .loop = s->options.env->loop},
        .after_seq = INT64_MAX - 1, /* nothing, but how far it is */
        .limit = 1,
    };
    store_changes(s->options.env->store, &s->changes);
}

/* Under the lock. */
static void
poke(struct snapshots *s)
{
    if (s->is_poked)
        return;
    s->is_poked = true;
    loop_post(s->options.env->loop, &s->poke);
}

/* Under the lock. */
static void
add_waiter(struct snapshots *s, int64_t seq, struct loop *loop, struct task *t)
{
    struct waiter *w = xcalloc(1, sizeof(*w));

    *w = (struct waiter){.seq = seq, .loop = loop, .task = t};
    list_append(&s->waiters, &w->node);
}

void
snapshots_changed(struct snapshots *s, int64_t seq)
{
    pthread_mutex_lock(&s->current.lock);
    if (seq > s->wanted_seq) {
        s->wanted_seq = seq;
        poke(s);
    }
    pthread_mutex_unlock(&s->current.lock);
}

void
snapshots_wait(struct snapshots *s, int64_t seq, struct loop *loop,
               struct task *t)
{
    bool waits;

    pthread_mutex_lock(&s->current.lock);
    waits = s->current.seq < seq;
    if (waits)
        add_waiter(s, seq, loop, t);
    pthread_mutex_unlock(&s->current.lock);
    if (!waits)
        loop_post(loop, t);
    else
        snapshots_changed(s, seq);
}

void
snapshots_confirm(struct snapshots *s, struct loop *loop, struct task *t)
{
    pthread_mutex_lock(&s->current.lock);
    add_waiter(s, SEQ_TO_ASK, loop, t);
    poke(s);
    pthread_mutex_unlock(&s->current.lock);
}

void
snapshots_free(struct snapshots *s)
{
    struct str key;
    size_t at = 0;
    void *value;
    struct list *l;

    if (!s)
        return;
    while (map_next(s->current.by_tenant, &at, &key, &value))
        workspace_put(value);
    at = 0;
    while (map_next(s->current.api_keys, &at, &key, &value))
        free(value);
    while ((l = list_take(&s->waiters)) != NULL)
        free(CONTAINER_OF(l, struct waiter, node));
    while ((l = list_take(&s->todo)) != NULL)
        free_name(CONTAINER_OF(l, struct tenant_name, node));
    workspace_build_end(&s->building);
    map_free(s->current.by_tenant);
    map_free(s->current.by_key);
    map_free(s->current.api_keys);
    forget_listed(s);
    loop_timer_clear(s->options.env->loop, &s->again);
    arena_free(s->arena);
    pthread_mutex_destroy(&s->current.lock);
    free(s);
}
