#include "dispatch/prober.h"

#include <stdlib.h>

#include "app/cluster.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/rng.h"
#include "domain/share.h"

#define ROUND_MIN_MS 200     /* so that many providers are no many rounds */
#define AT_ONCE 8            /* probes */
#define STEPS_MAX 4          /* requests that one may ask for */
#define TIMEOUT_MAX_MS 10000 /* an answer that takes longer is none */
#define WORKER "worker"      /* the role that has an executor */

/* One that is due in this round. */
struct target {
    int64_t tenant, lane;
};

/* One that was told of. */
struct told {
    struct list link;
    int64_t tenant, lane;
    char *health_name;
};

struct prober {
    struct prober_options options;
    struct app app; /* of this loop, for questions to the others */
    struct loop_timer timer;
    int64_t looked_ms; /* up to when those that were due have had their turn */
    struct arena *round;
    struct cluster cluster;
    bool is_asking, is_stopped;
    bool is_beginning; /* begin_some() is on the stack */
    struct target *targets;
    size_t n_targets, at;
    struct list probes, tellings;
    size_t n_probes;
};

struct probe {
    struct prober *prober; /* NULL: it is gone, only free this */
    struct list link;
    struct arena *arena;
    const struct workspace *workspace;
    const struct provider *provider;
    struct channel_call call;
    struct channel_verdict verdict;
    struct execution execution;
    int64_t started_ms;
    int n_steps;
};

static void begin_some(struct prober *p);
static void on_round(struct loop_timer *t);

static int64_t
mono_ms(const struct prober *p)
{
    return p->options.env->clock->mono_ms(p->options.env->clock);
}

/* ---- when ---- */

/* Its moment is when this becomes one more. */
static int64_t
turns_of(const struct prober *p, int64_t lane, int64_t now_ms)
{
    int64_t every = p->options.every_ms;

    return (now_ms + share_phase(lane, every)) / every;
}

static int64_t
next_ms(const struct prober *p, int64_t lane, int64_t now_ms)
{
    int64_t every = p->options.every_ms;

    return every - (now_ms + share_phase(lane, every)) % every;
}

/* Each enabled provider. */
typedef void each_provider(struct prober *p, const struct workspace *w,
                           const struct provider *one, void *arg);

static void
for_each(struct prober *p, each_provider *visit, void *arg)
{
    struct arena *a = arena_new();
    int64_t *tenants;
    size_t n = snapshots_tenants(p->options.snapshots, a, &tenants);

    for (size_t i = 0; i < n; i++) {
        const struct workspace *w =
            snapshots_workspace(p->options.snapshots, tenants[i]);

        for (size_t k = 0; w && k < w->n_providers; k++)
            if (w->providers[k]->is_enabled)
                visit(p, w, w->providers[k], arg);
        workspace_put(w);
    }
    arena_free(a);
}

static void
find_next(struct prober *p, const struct workspace *w,
          const struct provider *one, void *arg)
{
    int64_t *least = arg, ms = next_ms(p, one->num, mono_ms(p));

    (void)w;
    if (*least < 0 || ms < *least)
        *least = ms;
}

static void
look_again(struct prober *p)
{
    int64_t least = -1;

    for_each(p, find_next, &least);
    if (least < 0)
        loop_timer_clear(p->options.env->loop, &p->timer);
    else
        loop_timer_set(p->options.env->loop, &p->timer,
                       least < ROUND_MIN_MS ? ROUND_MIN_MS : least, on_round);
}

/* ---- who was told of ---- */

static void
leave(struct prober *p, struct told *t)
{
    p->options.on_left(p->options.arg, t->tenant, t->lane,
                       str_from(t->health_name));
    list_remove(&t->link);
    free(t->health_name);
    free(t);
}

static struct told *
find_told(struct prober *p, int64_t lane)
{
    LIST_EACH(it, &p->tellings)
    {
        struct told *t = CONTAINER_OF(it, struct told, link);

        if (t->lane == lane)
            return t;
    }
    return NULL;
}

static bool
is_there(const struct prober *p, const struct told *t)
{
    const struct workspace *w =
        snapshots_workspace(p->options.snapshots, t->tenant);
    const struct provider *of = w ? workspace_lane(w, t->lane) : NULL;
    bool is = of && of->is_enabled;

    workspace_put(w);
    return is;
}

static void
leave_what_is_gone(struct prober *p)
{
    LIST_EACH(it, &p->tellings)
    {
        struct told *t = CONTAINER_OF(it, struct told, link);

        if (!is_there(p, t))
            leave(p, t);
    }
}

/* ---- one probe ---- */

static void
probe_free(struct probe *one)
{
    workspace_put(one->workspace);
    arena_free(one->arena);
}

static void
tell(struct prober *p, struct probe *one)
{
    struct str name =
        str_fmt(one->arena, "provider/%.*s/%.*s", STR_ARG(one->workspace->key),
                STR_ARG(one->provider->name));
    struct told *t = find_told(p, one->provider->num);

    if (!t) {
        t = xcalloc(1, sizeof(*t));
        *t = (struct told){.tenant = one->workspace->tenant,
                           .lane = one->provider->num,
                           .health_name = xstrdup(str_cstr(one->arena, name))};
        list_append(&p->tellings, &t->link);
    }
    p->options.on_probed(p->options.arg,
                         &(struct probed){
                             .tenant = one->workspace->tenant,
                             .lane = one->provider->num,
                             .health_name = name,
                             .name = one->provider->name,
                             .verdict = &one->verdict,
                             .duration_ms = mono_ms(p) - one->started_ms,
                         });
}

static void
end(struct probe *one, bool is_told)
{
    struct prober *p = one->prober;

    list_remove(&one->link);
    p->n_probes--;
    if (is_told)
        tell(p, one);
    probe_free(one);
    begin_some(p);
}

static void step(struct probe *one);

static void
on_executed(struct execution *x, const struct channel_answer *a)
{
    struct probe *one = CONTAINER_OF(x, struct probe, execution);

    if (!one->prober) {
        probe_free(one);
        return;
    }
    one->call.answer = a;
    step(one);
}

static void
step(struct probe *one)
{
    struct executor *e = one->prober->options.executor;
    struct clock *clock = one->prober->options.env->clock;
    bool is_first = one->n_steps++ == 0;

    one->call.request = (struct channel_request){0};
    one->call.now_ms = clock->wall_ms(clock);
    channel_probe(one->provider->driver, &one->call);
    if (one->call.is_done || one->n_steps > STEPS_MAX) {
        end(one, !is_first && one->call.is_done);
        return;
    }
    one->execution = (struct execution){
        .arena = one->arena,
        .provider = one->provider,
        .request = &one->call.request,
        .timeout_ms = one->provider->timeout_ms < TIMEOUT_MAX_MS
                          ? one->provider->timeout_ms
                          : TIMEOUT_MAX_MS,
        .on_done = on_executed,
    };
    e->start(e, &one->execution);
}

static void
begin(struct prober *p, const struct target *t)
{
    const struct workspace *w =
        snapshots_workspace(p->options.snapshots, t->tenant);
    const struct provider *of = w ? workspace_lane(w, t->lane) : NULL;
    struct arena *a;
    struct probe *one;

    if (!of || !of->is_enabled) {
        workspace_put(w);
        return;
    }
    a = arena_new();
    one = ARENA_NEW(a, struct probe);
    *one = (struct probe){.prober = p,
                          .arena = a,
                          .workspace = w,
                          .provider = of,
                          .started_ms = mono_ms(p)};
    one->call = (struct channel_call){.arena = a,
                                      .provider = of->name,
                                      .config = of->config,
                                      .secret = rng_secret,
                                      .verdicts = &one->verdict};
    list_append(&p->probes, &one->link);
    p->n_probes++;
    step(one);
}

/* One that has nothing to ask ends inside its beginning. */
static void
begin_some(struct prober *p)
{
    if (p->is_beginning)
        return;
    p->is_beginning = true;
    while (p->n_probes < AT_ONCE && p->at < p->n_targets)
        begin(p, &p->targets[p->at++]);
    p->is_beginning = false;
}

/* ---- a round ---- */

static bool
is_worker(struct str roles)
{
    struct str role;

    while (str_split(&roles, ',', &role))
        if (str_is(str_trim(role), WORKER))
            return true;
    return false;
}

/* Of a lane that nobody has: the worker that comes first for it. */
static bool
is_first_for(const struct cluster *c, int64_t lane)
{
    struct share_row *rows =
        ARENA_ARRAY(c->arena, struct share_row, c->n_processes);
    size_t n = 0;

    for (size_t i = 0; i < c->n_processes; i++)
        if (c->processes[i].is_live && is_worker(c->processes[i].roles))
            rows[n++] = (struct share_row){.lane = c->processes[i].slot,
                                           .weight = 1,
                                           .fitness = FITNESS_WHOLE};
    share_rank(rows, n, lane);
    return n > 0 && rows[0].lane == c->self->slot;
}

/* Who cannot be asked now is asked in a while; meanwhile nobody probes twice.
 */
static bool
is_mine(const struct prober *p, const struct target *t)
{
    const struct cluster *c = &p->cluster;

    if (!cluster_is_shared(&p->app))
        return true;
    if (!c->self)
        return false;
    for (size_t i = 0; i < c->n_owners; i++)
        if (c->owners[i].lane == t->lane)
            return c->owners[i].slot == c->self->slot;
    return is_first_for(c, t->lane);
}

static void
go(struct prober *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_targets; i++) {
        struct told *t = find_told(p, p->targets[i].lane);

        if (is_mine(p, &p->targets[i]))
            p->targets[n++] = p->targets[i];
        else if (t && p->cluster.self)
            leave(p, t);
    }
    p->n_targets = n;
    begin_some(p);
    look_again(p);
}

static void
on_asked(struct cluster *c)
{
    struct prober *p = CONTAINER_OF(c, struct prober, cluster);

    p->is_asking = false;
    if (p->is_stopped)
        p->options.on_idle(p->options.arg);
    else
        go(p);
}

struct gathering {
    int64_t now_ms;
    struct buf due;
};

static void
gather(struct prober *p, const struct workspace *w, const struct provider *one,
       void *arg)
{
    struct gathering *g = arg;
    struct target t = {w->tenant, one->num};

    if (turns_of(p, one->num, g->now_ms) > turns_of(p, one->num, p->looked_ms))
        buf_put(&g->due, &t, sizeof(t));
}

/* One begins when the last one's are all under way: a round that takes longer
 * than the interval leaves out what was due meanwhile. */
static void
on_round(struct loop_timer *timer)
{
    struct prober *p = CONTAINER_OF(timer, struct prober, timer);
    struct gathering g = {.now_ms = mono_ms(p)};

    if (p->is_asking || p->at < p->n_targets) {
        loop_timer_set(p->options.env->loop, &p->timer, ROUND_MIN_MS, on_round);
        return;
    }
    arena_reset(p->round);
    buf_init(&g.due, p->round);
    for_each(p, gather, &g);
    p->looked_ms = g.now_ms;
    p->targets = (struct target *)(void *)g.due.p;
    p->n_targets = g.due.n / sizeof(struct target);
    p->at = 0;
    if (p->n_targets == 0 || !cluster_is_shared(&p->app)) {
        go(p);
        return;
    }
    p->is_asking = true;
    p->cluster = (struct cluster){
        .app = &p->app, .arena = p->round, .on_done = on_asked};
    cluster_ask(&p->cluster);
}

/* ---- life ---- */

struct prober *
prober_new(const struct prober_options *o)
{
    struct prober *p = xcalloc(1, sizeof(*p));

    p->options = *o;
    p->app = (struct app){.env = o->env, .snapshots = o->snapshots};
    p->round = arena_new();
    list_init(&p->probes);
    list_init(&p->tellings);
    p->looked_ms = mono_ms(p);
    look_again(p);
    return p;
}

void
prober_on_config(struct prober *p)
{
    leave_what_is_gone(p);
    if (!p->is_asking && !p->is_stopped)
        look_again(p);
}

void
prober_stop(struct prober *p)
{
    p->is_stopped = true;
    p->at = p->n_targets;
    loop_timer_clear(p->options.env->loop, &p->timer);
}

bool
prober_is_idle(const struct prober *p)
{
    return !p || !p->is_asking;
}

void
prober_free(struct prober *p)
{
    struct list *it;

    if (!p)
        return;
    prober_stop(p);
    while ((it = list_take(&p->probes)))
        CONTAINER_OF(it, struct probe, link)->prober = NULL;
    while ((it = list_take(&p->tellings))) {
        struct told *t = CONTAINER_OF(it, struct told, link);

        free(t->health_name);
        free(t);
    }
    arena_free(p->round);
    free(p);
}
