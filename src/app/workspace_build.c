/* workspace_build.c - see workspace_build.h. A document that cannot be used is
 * logged and left out: the others serve on. */
#include "app/workspace_build.h"

#include <stdlib.h>

#include "app/attention_doc.h"
#include "app/category_doc.h"
#include "app/endpoint_doc.h"
#include "app/experiment_doc.h"
#include "app/provider_doc.h"
#include "app/schedule_doc.h"
#include "app/template_doc.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/map.h"

/* Versions of templates before the documents that name the published one. */
const enum object_kind workspace_parts[N_WORKSPACE_PARTS] = {
    OBJECT_KEY,      OBJECT_PROVIDER,         OBJECT_CATEGORY,
    OBJECT_SCHEDULE, OBJECT_TEMPLATE_VERSION, OBJECT_TEMPLATE,
    OBJECT_WORKFLOW, OBJECT_EXPERIMENT,       OBJECT_FLAG,
    OBJECT_ENDPOINT, OBJECT_ACTION_SECRET};

void
workspace_build_start(struct workspace_build *b, int64_t tenant, struct str key,
                      int64_t version, struct str settings)
{
    *b = (struct workspace_build){
        .arena = arena_new(),
        .tenant = tenant,
        .version = version,
        .templates = map_new(),
        .categories = map_new(),
        .workflows = map_new(),
    };
    b->key = str_dup(b->arena, key);
    b->settings = str_dup(b->arena, settings);
}

/* Room for one more pointer in the arena: its place. */
static void *
more_room(struct arena *a, void *rows, size_t n, size_t *cap)
{
    void **more;

    if (n < *cap)
        return rows;
    *cap = *cap ? *cap * 2 : 8;
    more = ARENA_ARRAY(a, void *, *cap);
    if (n > 0)
        memcpy(more, rows, n * sizeof(*more));
    return more;
}

static void
add_provider(struct workspace_build *b, const struct vault *vault,
             const struct object *o, struct json doc)
{
    struct provider *p = ARENA_NEW(b->arena, struct provider);
    struct str purpose = provider_doc_purpose(b->arena, b->tenant, o->key);

    p->tenant = b->tenant;
    p->num = o->num;
    p->version = o->version;
    p->name = str_dup(b->arena, o->key);
    if (provider_doc_open(b->arena, vault, purpose, doc, p) != ERR_OK) {
        LOG_ERROR("provider.unusable", log_str("workspace", b->key),
                  log_str("provider", p->name),
                  log_cstr("hint", "its driver is unknown, or its secrets "
                                   "were sealed with another key file"));
        return;
    }
    b->providers =
        more_room(b->arena, b->providers, b->n_providers, &b->cap_providers);
    b->providers[b->n_providers++] = p;
}

static void
add_version(struct workspace_build *b, const struct object *o, struct json doc)
{
    ptrdiff_t at = (ptrdiff_t)o->key.n - 1;
    struct template_doc *t;
    struct problem p;
    int64_t version;

    /* "key@7": keys may hold an @ of their own, the last one counts. */
    while (at > 0 && o->key.p[at] != '@')
        at--;
    if (at <= 0 ||
        !str_to_i64(str_sub(o->key, (size_t)at + 1, o->key.n), &version))
        return;
    problem_init(&p, b->arena);
    if (template_doc_compile(b->arena, str_sub(o->key, 0, (size_t)at), version,
                             doc, &p, &t) == ERR_OK)
        map_put(b->templates, o->key, t);
    else
        LOG_ERROR("template.unusable", log_str("workspace", b->key),
                  log_str("template", o->key));
}

static void
add_published(struct workspace_build *b, const struct object *o,
              struct json doc)
{
    int64_t version;
    void *t;

    if (!json_int(json_get(doc, "published"), &version))
        return;
    t = map_get(b->templates, str_fmt(b->arena, "%.*s@%lld", STR_ARG(o->key),
                                      (long long)version));
    if (t)
        map_put(b->templates, str_fmt(b->arena, "%.*s@", STR_ARG(o->key)), t);
}

static void
add_category(struct workspace_build *b, const struct object *o, struct json doc)
{
    struct str key = str_dup(b->arena, o->key);

    map_put(b->categories, key, category_doc_read(b->arena, key, doc));
}

static void
add_schedule(struct workspace_build *b, const struct object *o, struct json doc)
{
    struct schedule_doc *s = ARENA_NEW(b->arena, struct schedule_doc);

    if (schedule_doc_read(b->arena, o, doc, s) != ERR_OK) {
        LOG_ERROR("schedule.unusable", log_str("workspace", b->key),
                  log_str("schedule", o->key),
                  log_cstr("hint", "its time zone or its rule is not known "
                                   "here"));
        return;
    }
    b->schedules =
        more_room(b->arena, b->schedules, b->n_schedules, &b->cap_schedules);
    b->schedules[b->n_schedules++] = s;
}

static void
add_workflow(struct workspace_build *b, const struct object *o, struct json doc)
{
    struct workflow_doc *w = ARENA_NEW(b->arena, struct workflow_doc);

    *w = (struct workflow_doc){
        .key = str_dup(b->arena, o->key), .version = o->version, .doc = doc};
    map_put(b->workflows, w->key, w);
}

static void
add_experiment(struct workspace_build *b, const struct object *o,
               struct json doc)
{
    b->experiments = more_room(b->arena, b->experiments, b->n_experiments,
                               &b->cap_experiments);
    b->experiments[b->n_experiments++] = experiment_doc_read(b->arena, o, doc);
}

static void
add_flag(struct workspace_build *b, const struct object *o, struct json doc)
{
    b->flags = more_room(b->arena, b->flags, b->n_flags, &b->cap_flags);
    b->flags[b->n_flags++] = flag_doc_read(b->arena, o, doc);
}

static void
add_endpoint(struct workspace_build *b, const struct vault *vault,
             const struct object *o, struct json doc)
{
    struct endpoint_doc *e = ARENA_NEW(b->arena, struct endpoint_doc);

    if (endpoint_doc_read(b->arena, vault, o, doc, e) != ERR_OK) {
        LOG_ERROR("endpoint.unusable", log_str("workspace", b->key),
                  log_str("endpoint", o->key),
                  log_cstr("hint", "its secret was sealed with another key "
                                   "file"));
        return;
    }
    b->endpoints =
        more_room(b->arena, b->endpoints, b->n_endpoints, &b->cap_endpoints);
    b->endpoints[b->n_endpoints++] = e;
}

static void
add_key(struct workspace_build *b, struct json doc)
{
    struct auth_key k;

    if (!auth_key_read(b->arena, doc, &k))
        return;
    k.tenant = b->tenant;
    if (b->n_keys == b->cap_keys) {
        b->cap_keys = b->cap_keys ? b->cap_keys * 2 : 8;
        b->keys = xrealloc(b->keys, b->cap_keys * sizeof(*b->keys));
    }
    b->keys[b->n_keys++] = k;
}

void
workspace_build_add(struct workspace_build *b, const struct vault *vault,
                    const struct object *o)
{
    struct json_doc *doc = ARENA_NEW(b->arena, struct json_doc);
    struct json_error why;
    /* The document lives as long as the workspace. */
    struct str body = str_dup(b->arena, o->body);

    if (json_parse(b->arena, body, doc, &why) != ERR_OK) {
        LOG_ERROR("object.unreadable", log_str("key", o->key),
                  log_int("kind", o->kind));
        return;
    }
    switch (o->kind) {
    case OBJECT_KEY:
        add_key(b, json_root(doc));
        break;
    case OBJECT_PROVIDER:
        add_provider(b, vault, o, json_root(doc));
        break;
    case OBJECT_TEMPLATE_VERSION:
        add_version(b, o, json_root(doc));
        break;
    case OBJECT_TEMPLATE:
        add_published(b, o, json_root(doc));
        break;
    case OBJECT_CATEGORY:
        add_category(b, o, json_root(doc));
        break;
    case OBJECT_SCHEDULE:
        add_schedule(b, o, json_root(doc));
        break;
    case OBJECT_WORKFLOW:
        add_workflow(b, o, json_root(doc));
        break;
    case OBJECT_EXPERIMENT:
        add_experiment(b, o, json_root(doc));
        break;
    case OBJECT_FLAG:
        add_flag(b, o, json_root(doc));
        break;
    case OBJECT_ENDPOINT:
        add_endpoint(b, vault, o, json_root(doc));
        break;
    case OBJECT_ACTION_SECRET:
        b->press_secret = press_secret_read(json_root(doc));
        break;
    default:
        break;
    }
}

static int
by_channel_order_name(const void *pa, const void *pb)
{
    const struct provider *a = *(const struct provider *const *)pa;
    const struct provider *b = *(const struct provider *const *)pb;
    int by_channel = str_cmp(a->channel, b->channel);

    if (by_channel != 0)
        return by_channel;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return str_cmp(a->name, b->name);
}

/* As workspace_schedule() and the like look for them, whatever the database
 * sorts by. Each begins with its key. */
static int
by_key(const void *a, const void *b)
{
    return str_cmp(**(const struct str *const *)a,
                   **(const struct str *const *)b);
}

static void
sort_by_key(void *rows, size_t n)
{
    if (n > 0)
        qsort(rows, n, sizeof(void *), by_key);
}

static struct json
settings_of(struct workspace_build *b)
{
    struct json_doc *doc = ARENA_NEW(b->arena, struct json_doc);
    struct json_error why;

    if (b->settings.n == 0 ||
        json_parse(b->arena, b->settings, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static event_set
listened_to(const struct workspace_build *b)
{
    event_set all = 0;

    for (size_t i = 0; i < b->n_endpoints; i++)
        if (b->endpoints[i]->lane.is_enabled)
            all |= b->endpoints[i]->events;
    return all;
}

/* What it is made of is the workspace's from here on; the keys are not. */
struct workspace *
workspace_build_finish(struct workspace_build *b)
{
    struct workspace *w = ARENA_NEW(b->arena, struct workspace);
    struct json settings = settings_of(b);

    if (b->n_providers > 0)
        qsort(b->providers, b->n_providers, sizeof(struct provider *),
              by_channel_order_name);
    sort_by_key(b->schedules, b->n_schedules);
    sort_by_key(b->experiments, b->n_experiments);
    sort_by_key(b->flags, b->n_flags);
    sort_by_key(b->endpoints, b->n_endpoints);
    w->tenant = b->tenant;
    w->key = b->key;
    w->shard = id_shard(b->tenant);
    w->providers = b->providers;
    w->n_providers = b->n_providers;
    w->schedules = b->schedules;
    w->n_schedules = b->n_schedules;
    w->experiments = b->experiments;
    w->n_experiments = b->n_experiments;
    w->flags = b->flags;
    w->n_flags = b->n_flags;
    w->endpoints = b->endpoints;
    w->n_endpoints = b->n_endpoints;
    w->tells = listened_to(b);
    w->press_secret = b->press_secret;
    w->arena = b->arena;
    w->templates = b->templates;
    w->categories = b->categories;
    w->workflows = b->workflows;
    w->n_workflows = map_count(b->workflows);
    w->settings = b->settings;
    w->version = b->version;
    w->preferences = json_get(settings, "preferences");
    w->attention =
        attention_doc_read(w->arena, json_get(settings, "attention"));
    w->is_unlearned =
        !json_bool(json_get(json_get(settings, "best_time"), "learn"), true);
    w->refs = 1;
    b->arena = NULL;
    b->templates = b->categories = b->workflows = NULL;
    return w;
}

void
workspace_build_end(struct workspace_build *b)
{
    map_free(b->templates);
    map_free(b->categories);
    map_free(b->workflows);
    arena_free(b->arena);
    free(b->keys);
    *b = (struct workspace_build){0};
}
