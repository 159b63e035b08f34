/* processors.c - the processes that share the database, and what each did. */
#include <stdio.h>
#include <unistd.h>

#include "api/api.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/cluster.h"
#include "base/list.h"
#include "base/metrics_sum.h"

#define HOST_MAX 256

struct asking {
    struct call *call;
    struct cluster cluster;
};

struct str
process_name(struct call *c, struct str host, int64_t slot)
{
    return str_fmt(c->arena, "%.*s/%lld", STR_ARG(host), (long long)slot);
}

/* ---- what it did ---- */

static void
put_count(struct json_writer *w, const char *key, int64_t n)
{
    json_put_key(w, key);
    if (n < 0)
        json_put_null(w);
    else
        json_put_int(w, n);
}

/* The sums are of all workspaces, so they are for root alone. */
static void
write_counts(struct call *c, struct json_writer *w,
             const struct metrics_sum *sum)
{
    bool is_shown = c->is_root && sum;
    int64_t failed = -1;

    if (is_shown)
        failed = metrics_sum_total(sum, METRIC_deliveries_total,
                                   STR("outcome=\"failed\"")) +
                 metrics_sum_total(sum, METRIC_deliveries_total,
                                   STR("outcome=\"dead\""));
    put_count(w, "ended",
              is_shown
                  ? metrics_sum_total(sum, METRIC_deliveries_total, STR_NONE)
                  : -1);
    put_count(w, "failed", failed);
    put_count(w, "per_minute",
              is_shown ? metrics_sum_total(sum, METRIC_deliveries_per_minute,
                                           STR_NONE)
                       : -1);
}

static struct metrics_sum *
counted_by(const struct store_process *p)
{
    struct metrics_sum *sum;

    if (!p->is_live || (!p->is_self && p->report_age_ms < 0))
        return NULL;
    sum = metrics_sum_new();
    if (p->is_self)
        metrics_sum_add_own(sum, STR_NONE);
    else
        metrics_sum_add(sum, p->metrics, STR_NONE, 0);
    return sum;
}

/* ---- one ---- */

static void
write_roles(struct json_writer *w, struct str names)
{
    struct str name;

    json_put_key(w, "roles");
    json_begin_array(w);
    while (str_split(&names, ',', &name))
        if (name.n > 0)
            json_put_str(w, name);
    json_end_array(w);
}

static void
write_process(struct call *c, struct json_writer *w,
              const struct store_process *p, int64_t n_lanes)
{
    struct metrics_sum *sum = counted_by(p);

    json_begin_object(w);
    json_str_field(w, "id", process_name(c, p->host, p->slot));
    json_int_field(w, "node", p->slot);
    json_str_field(w, "host", p->host);
    json_int_field(w, "pid", p->pid);
    write_roles(w, p->roles);
    json_str_field(w, "version", p->version);
    json_bool_field(w, "live", p->is_live);
    json_time_field(w, "started_at", p->started_ms);
    json_put_key(w, "beat_age");
    json_put_duration(w, p->silent_ms > 0 ? p->silent_ms : 0);
    json_int_field(w, "lanes", n_lanes);
    write_counts(c, w, sum);
    json_end_object(w);
    metrics_sum_free(sum);
}

/* ---- all of them ---- */

static int64_t
lanes_of(const struct asking *x, int64_t slot)
{
    const struct call *c = x->call;
    int64_t n = 0;

    for (size_t i = 0; i < x->cluster.n_owners; i++) {
        const struct store_lane_owner *o = &x->cluster.owners[i];

        n += o->slot == slot &&
             (c->is_root || o->tenant == c->workspace->tenant);
    }
    return n;
}

/* Where the database is one process's own, it has all lanes. */
static int64_t
all_lanes(struct call *c)
{
    int64_t n = 0, *tenants;
    size_t n_tenants;

    if (!c->is_root)
        return (int64_t)c->workspace->n_providers;
    n_tenants = snapshots_tenants(c->app->snapshots, c->arena, &tenants);
    for (size_t i = 0; i < n_tenants; i++) {
        const struct workspace *w =
            snapshots_workspace(c->app->snapshots, tenants[i]);

        n += w ? (int64_t)w->n_providers : 0;
        workspace_put(w);
    }
    return n;
}

static void
write_self(struct call *c, struct json_writer *w)
{
    const struct api_options *o = api_options(c->api);
    const struct config_list *roles = &o->config->server_roles;
    char host[HOST_MAX] = "";
    struct buf names;

    buf_init(&names, c->arena);
    for (size_t i = 0; i < roles->n; i++) {
        buf_put_str(&names, roles->items[i]);
        buf_put_char(&names, ',');
    }
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    write_process(c, w,
                  &(struct store_process){.pid = getpid(),
                                          .host = str_from(host),
                                          .roles = buf_str(&names),
                                          .version = STR(BELFRY_VERSION),
                                          .started_ms = o->started_ms,
                                          .is_live = true,
                                          .is_self = true},
                  all_lanes(c));
}

static void
tell(struct cluster *all)
{
    struct asking *x = CONTAINER_OF(all, struct asking, cluster);
    struct call *c = x->call;
    struct json_writer w;
    struct buf out;

    if (cluster_is_shared(c->app) && !all->self) {
        call_fail(c, ERR_UNAVAILABLE);
        return;
    }
    w = call_begin_page(c, &out);
    if (!all->self)
        write_self(c, &w);
    for (size_t i = 0; i < all->n_processes; i++)
        write_process(c, &w, &all->processes[i],
                      all->processes[i].is_live
                          ? lanes_of(x, all->processes[i].slot)
                          : 0);
    call_end_page(c, &w, STR_NONE);
}

static void
handle_list(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){.call = c,
                         .cluster = {.app = c->app,
                                     .arena = c->arena,
                                     .wants_metrics = true,
                                     .on_done = tell}};
    if (cluster_is_shared(c->app))
        cluster_ask(&x->cluster);
    else
        tell(&x->cluster);
}

static const struct field role_row[] = {{.type = FIELD_STRING}};
static const struct field processor_fields[] = {
    {.name = "id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "As in the locked_by of lanes."},
    {.name = "node",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Its place among them, as in the label node of metrics."},
    {.name = "host", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "pid", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "roles",
     .type = FIELD_ARRAY,
     .of = role_row,
     .flags = FIELD_REQUIRED},
    {.name = "version", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "live",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "One that left or died is listed for an hour."},
    {.name = "started_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Or when it came back, after the others had given it up."},
    {.name = "beat_age",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .doc = "Since it was last heard."},
    {.name = "lanes",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "How many it claims from; for root of all workspaces."},
    {.name = "ended",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Deliveries that ended there since it started. This and what "
            "follows are sums of all workspaces: null for other keys than "
            "root, and where it has not reported."},
    {.name = "failed",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Those of them that failed or are dead."},
    {.name = "per_minute",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Those of them that ended in the last minute."},
    {.type = FIELD_END},
};

const struct route processor_routes[] = {
    {.method = "GET",
     .path = "/v1/system/processors",
     .scope = AUTH_ADMIN,
     .handle = handle_list,
     .answer = processor_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listProcessors",
     .summary = "List the processes that share the database, and what each "
                "did."},
    {0},
};
