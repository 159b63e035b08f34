/* lanes.c - the queues of a workspace, one a provider: what is in them, and
 * which process claims from them. */
#include <stdlib.h>

#include "api/providers.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/look.h"
#include "base/list.h"

struct asking {
    struct call *call;
    const struct provider **providers; /* of the page, borrowed */
    bool has_more;
    int64_t now_ms;
    struct store_lanes lanes;
};

static void
write_owner(struct call *c, struct json_writer *w,
            const struct store_lane_state *s)
{
    if (!s->is_owned) {
        json_put_key(w, "node");
        json_put_null(w);
        json_put_key(w, "locked_by");
        json_put_null(w);
    } else {
        json_int_field(w, "node", s->slot);
        json_str_field(w, "locked_by", process_name(c, s->host, s->slot));
    }
    json_time_field(w, "locked_at", s->is_owned ? s->since_ms : 0);
}

static void
write_lane(const struct asking *x, struct json_writer *w,
           const struct provider *p, const struct store_lane_state *s)
{
    json_begin_object(w);
    json_str_field(w, "lane", p->name);
    json_str_field(w, "channel", p->channel);
    json_str_field(w, "provider", p->name);
    json_bool_field(w, "enabled", p->is_enabled);
    json_bool_field(w, "paused", p->is_paused);
    write_owner(x->call, w, s);
    json_int_field(w, "ready", s->n_ready);
    json_int_field(w, "waiting", s->n_waiting);
    json_put_key(w, "oldest_ready_age");
    if (s->oldest_ready_ms == 0)
        json_put_null(w);
    else
        json_put_duration(w, x->now_ms > s->oldest_ready_ms
                                 ? x->now_ms - s->oldest_ready_ms
                                 : 0);
    json_end_object(w);
}

static void
on_lanes(struct store_req *req, enum err e)
{
    struct store_lanes *l = CONTAINER_OF(req, struct store_lanes, req);
    struct asking *x = CONTAINER_OF(l, struct asking, lanes);
    struct call *c = x->call;
    struct json_writer w;
    struct buf out;
    struct str next = STR_NONE;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < l->n_lanes; i++)
        write_lane(x, &w, x->providers[i], &l->states[i]);
    if (x->has_more)
        next = call_cursor(c, x->providers[l->n_lanes - 1]->name);
    call_end_page(c, &w, next);
}

static int
by_name(const void *a, const void *b)
{
    const struct provider *const *x = a, *const *y = b;

    return str_cmp((*x)->name, (*y)->name);
}

/* The call holds the workspace, and so its providers. */
static size_t
take_page(struct asking *x, struct str after, size_t limit)
{
    const struct workspace *w = x->call->workspace;
    struct arena *a = x->call->arena;
    const struct provider **all =
        ARENA_ARRAY(a, const struct provider *, w->n_providers);
    int64_t *nums = ARENA_ARRAY(a, int64_t, w->n_providers);
    size_t first = 0, n;

    for (size_t i = 0; i < w->n_providers; i++)
        all[i] = w->providers[i];
    if (w->n_providers > 0)
        qsort(all, w->n_providers, sizeof(*all), by_name);
    while (first < w->n_providers && after.n > 0 &&
           str_cmp(all[first]->name, after) <= 0)
        first++;
    n = w->n_providers - first < limit ? w->n_providers - first : limit;
    x->has_more = first + n < w->n_providers;
    x->providers = all + first;
    for (size_t i = 0; i < n; i++)
        nums[i] = x->providers[i]->num;
    x->lanes.lanes = nums;
    return n;
}

static void
handle_list(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);
    struct str after;
    size_t limit;

    *x = (struct asking){
        .call = c,
        .now_ms = call_now_ms(c),
        .lanes = {.req = call_req(c, on_lanes), .tenant = c->workspace->tenant},
    };
    if (!call_limit(c, &limit) || !call_after_key(c, &after))
        return;
    x->lanes.n_lanes = take_page(x, after, limit);
    look_lanes(c->app, &x->lanes);
}

static const struct field lane_fields[] = {
    {.name = "lane",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "A provider has one, of the same name."},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "provider", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "enabled", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "paused", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "node",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The process that claims from it; null: none does now, or one "
            "process has them all."},
    {.name = "locked_by",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The same, as /v1/system/processors names it."},
    {.name = "locked_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Since when."},
    {.name = "ready",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Deliveries that can be claimed or are in flight; of more than "
            "100,000 that many of each urgency are counted."},
    {.name = "waiting",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Deliveries that are not due yet; of more than 100,000 in the "
            "workspace that many are counted."},
    {.name = "oldest_ready_age",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Since the oldest of those that are ready was accepted."},
    {.type = FIELD_END},
};

const struct route lane_routes[] = {
    {.method = "GET",
     .path = "/v1/lanes",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = lane_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listLanes",
     .summary = "List the workspace's queues by name: what is in them, and who "
                "claims from them.",
     .query = route_page_params},
    {.method = "POST",
     .path = "/v1/lanes/{lane}/pause",
     .scope = AUTH_WRITE,
     .handle = provider_pause,
     .answer = provider_fields,
     .statuses = {200},
     .id = "pauseLane",
     .summary = "The same as pausing the provider with that name."},
    {.method = "POST",
     .path = "/v1/lanes/{lane}/resume",
     .scope = AUTH_WRITE,
     .handle = provider_resume,
     .answer = provider_fields,
     .statuses = {200},
     .id = "resumeLane",
     .summary = "The same as resuming the provider with that name."},
    {0},
};
