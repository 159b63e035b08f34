#include "app/send.h"

#include <assert.h>

#include "app/experiment_doc.h"
#include "app/message.h"
#include "app/provider_for.h"
#include "app/send_rows.h"
#include "app/suppression.h"
#include "app/trial.h"
#include "app/workflow_preview.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "store/store.h"

struct send *
send_of(struct store_req *req)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);

    return CONTAINER_OF(a, struct send, accept);
}

int64_t
send_wall_ms(const struct send *s)
{
    struct clock *clock = s->app->env->clock;

    return s->at_ms != 0 ? s->at_ms : clock->wall_ms(clock);
}

int64_t
send_new_id(const struct send *s)
{
    struct clock *clock = s->app->env->clock;

    return id_make(s->app->ids,
                   s->at_ms != 0 ? clock->wall_ms(clock) : s->now_ms, 1);
}

static void
end(struct send *s, enum err e)
{
    s->on_done(s, e);
}

/* What was reserved for what was not stored is given back first. */
static void
end_commit(struct send *s, enum err e)
{
    if (!budgets_give_back(s, e, end))
        end(s, e);
}

static void
on_nothing_to_do(struct task *t)
{
    end_commit(CONTAINER_OF(t, struct send, done), ERR_OK);
}

/* ---- plan ---- */

static void
fill_channel(const struct workspace *w, struct str name, struct plan_channel *c)
{
    const struct channel_info *info = channel_find(name);
    const struct provider *p = workspace_next(w, name, NULL);

    *c = (struct plan_channel){.name = name};
    if (str_is(name, "in_app")) {
        c->is_in_app = true;
        return;
    }
    c->address_field = info ? info->address_field : NULL;
    c->address_fallback = info ? info->address_fallback : NULL;
    if (p) {
        c->lane = p->num;
        c->is_shared = provider_is_shared(w, name, DEVICE_NONE);
        c->targets_differ = provider_targets_differ(w, name);
        c->has_target =
            c->targets_differ || channel_has_target(info, p->driver, p->config);
    }
    c->device_kinds = device_kinds_of(name);
    for (int k = DEVICE_NONE + 1; k < DEVICE_KINDS; k++) {
        if (c->device_kinds & DEVICE_BIT(k))
            p = provider_for(w, name, (enum device_kind)k, NULL);
        else
            p = NULL;
        c->device_lanes[k] = p ? p->num : 0;
        c->is_device_shared[k] =
            p && provider_is_shared(w, name, (enum device_kind)k);
    }
}

static struct json
stored_doc(struct arena *a, const struct map *objects, struct str id)
{
    const struct object *o = id.n > 0 ? map_get(objects, id) : NULL;
    struct json_doc *doc;
    struct json_error why;

    if (!o)
        return (struct json){0};
    doc = ARENA_NEW(a, struct json_doc);
    if (json_parse(a, o->body, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static enum reason
why_suppressed(void *arg, struct str channel, struct str address)
{
    struct send *s = arg;
    struct str keys[SUPPRESSION_KEYS];
    size_t n = suppression_keys(s->arena, channel, address, keys);
    const struct object *o = map_get(s->suppressed, keys[0]);
    struct json_doc doc;
    struct json_error why;

    if (!o && n > 1)
        o = map_get(s->suppressed, keys[1]);
    if (!o)
        return REASON_NONE;
    if (json_parse(s->arena, o->body, &doc, &why) != ERR_OK)
        return REASON_SUPPRESS_MANUAL;
    return suppression_reason(s->arena, json_root(&doc));
}

/* What the plan is about; the same for the look-up of suppressions. */
static void
fill_recipients(struct send *s, struct send_item *item)
{
    const struct send_request *q = &item->request;

    item->recipients =
        ARENA_ARRAY(s->arena, struct plan_recipient, q->n_recipients);
    for (size_t i = 0; i < q->n_recipients; i++) {
        struct str user = q->recipients[i].user;
        struct json stored = stored_doc(s->arena, s->by_user, user);

        item->recipients[i] = (struct plan_recipient){
            .user = user,
            .index = q->recipients[i].index,
            .given = q->recipients[i].given,
            .stored = stored,
            .preferences = stored_doc(s->arena, s->preferences_of, user),
            .devices = stored_doc(s->arena, s->devices_of, user),
            .is_flag_off =
                q->flag && !flag_is_on(s->arena, q->flag, user, stored),
            .habit = best_times_of(s, user),
        };
    }
}

static void
fill_channels(struct send *s, struct send_item *item)
{
    const struct send_request *q = &item->request;

    item->channels = ARENA_ARRAY(s->arena, struct plan_channel, q->n_channels);
    for (size_t i = 0; i < q->n_channels; i++)
        fill_channel(s->workspace, q->channels[i], &item->channels[i]);
}

static void
plan_item(struct send *s, struct send_item *item)
{
    const struct send_request *q = &item->request;
    int64_t at_ms = item->is_later ? q->send_ms : s->now_ms;
    struct plan plan = {
        .arena = s->arena,
        .recipients = item->recipients,
        .n_recipients = q->n_recipients,
        .channels = item->channels,
        .n_channels = q->n_channels,
        .has_spare = q->has_spare,
        .now_ms = at_ms,
        .is_later = item->is_later,
        .is_held = item->is_held,
        .digest = q->digest.window_ms > 0 ? &q->digest : NULL,
        .is_flush = item->flush != NULL,
        .is_expired = q->expires_ms != 0 && q->expires_ms <= at_ms,
        .expires_ms = q->expires_ms,
        .best_within_ms = q->best_within_ms,
        .priority = q->priority,
        .category = q->category,
        .configured = workspace_category(s->workspace, q->category),
        .defaults = s->workspace->preferences,
        .is_noted = s->is_noted,
        .suppressed = why_suppressed,
        .arg = s,
    };

    if (!item->chunk)
        item->notification = send_new_id(s);
    item->n_decisions = q->n_recipients * q->n_channels;
    item->decisions =
        ARENA_ARRAY(s->arena, struct plan_decision, item->n_decisions);
    plan_decide(&plan, item->decisions);
}

enum err
send_render(const struct send *s, const struct send_item *item,
            const struct plan_decision *d, struct rendered *ret)
{
    struct message m = {
        .arena = s->arena,
        .workspace = s->workspace,
        .template = item->request.template,
        .doc = item->doc,
        .channel = d->channel->name,
        .recipient = d->recipient,
        .now_ms = s->now_ms,
    };
    enum err e = message_render(&m);

    *ret = m.rendered;
    return e;
}

/* ---- the commit ---- */

static void
on_accepted(struct store_req *req, enum err e)
{
    struct send *s = send_of(req);

    s->idem = s->accept.idem;
    end_commit(s, e);
}

/* An item goes with all that was made of it, or not at all. */
static void
add_row(struct send *s, struct send_item *item)
{
    struct send_item *main = item->main ? item->main : item;
    struct store_accept *a = &s->accept;

    if (item->first && problem_is_set(&item->first->problem))
        main->problem = item->first->problem;
    if (problem_is_set(&main->problem) || item->request.is_dry_run)
        return;
    item->accepted = &a->items[a->n_items];
    if (send_fill_row(s, item)) {
        a->n_items++;
        return;
    }
    main->problem = item->problem;
    a->n_items = (size_t)(main->accepted - a->items);
    item->accepted = main->accepted = NULL;
}

static void
commit(struct send *s)
{
    struct store_accept *a = &s->accept;

    *a = (struct store_accept){
        .req = {.arena = s->arena,
                .loop = s->app->env->loop,
                .on_done = on_accepted},
        .tenant = s->workspace->tenant,
        .now_ms = s->now_ms,
        .idem = s->idem,
        .items = ARENA_ARRAY(s->arena, struct store_accept_item, s->n_parts),
    };
    for (size_t i = 0; i < s->n_parts; i++)
        add_row(s, s->parts[i]);
    if (a->n_items > 0)
        store_accept(s->app->env->store, a);
    else
        loop_post(s->app->env->loop, &s->done);
}

/* ---- load ---- */

static bool
is_taken(const struct send_item *item)
{
    return !problem_is_set(&item->problem);
}

static struct map *
index_objects(const struct store_object_get *g)
{
    struct map *m = map_new();

    for (size_t i = 0; i < g->n_keys; i++)
        if (g->objects[i].version > 0)
            map_put(m, g->keys[i], &g->objects[i]);
    return m;
}

static void
on_budgets(struct send *s, enum err e)
{
    if (e != ERR_OK)
        end(s, e);
    else
        commit(s);
}

static void
plan_all(struct send *s)
{
    s->now_ms = send_wall_ms(s);
    s->suppressed = index_objects(&s->suppressions);
    for (size_t i = 0; i < s->n_parts; i++)
        if (is_taken(s->parts[i]))
            plan_item(s, s->parts[i]);
    map_free(s->suppressed);
    if (!budgets_take(s, on_budgets))
        commit(s);
}

static void
on_suppressions(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct send *s = CONTAINER_OF(g, struct send, suppressions);

    if (e != ERR_OK)
        s->on_done(s, e);
    else
        plan_all(s);
}

static bool
has_address(const struct plan_channel *c)
{
    return !c->is_in_app && c->lane != 0 && c->address_field;
}

static size_t
count_addresses(const struct send *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_parts; i++) {
        const struct send_item *item = s->parts[i];

        for (size_t j = 0; is_taken(item) && j < item->request.n_channels; j++)
            if (has_address(&item->channels[j]))
                n += item->request.n_recipients;
    }
    return n;
}

static size_t
collect_addresses(struct send *s, struct str *keys)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_parts; i++) {
        const struct send_item *item = s->parts[i];

        for (size_t j = 0; is_taken(item) && j < item->request.n_channels;
             j++) {
            const struct plan_channel *c = &item->channels[j];

            for (size_t k = 0; has_address(c) && k < item->request.n_recipients;
                 k++) {
                struct str address =
                    plan_address(s->arena, &item->recipients[k],
                                 c->address_field, c->address_fallback);

                if (address.n > 0)
                    n += suppression_keys(s->arena, c->name, address, &keys[n]);
            }
        }
    }
    return n;
}

/* Most sends write to no address, and then nothing is asked. */
static void
load_suppressions(struct send *s)
{
    size_t n_max = count_addresses(s) * SUPPRESSION_KEYS;
    struct str *keys = ARENA_ARRAY(s->arena, struct str, n_max + 1);

    s->suppressions = (struct store_object_get){
        .req = {.arena = s->arena,
                .loop = s->app->env->loop,
                .on_done = on_suppressions},
        .tenant = s->workspace->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = keys,
        .n_keys = n_max > 0 ? collect_addresses(s, keys) : 0,
    };
    if (s->suppressions.n_keys > 0)
        store_object_get(s->app->env->store, &s->suppressions);
    else
        plan_all(s);
}

static void
fill_plans(struct send *s)
{
    s->by_user = index_objects(&s->users);
    s->preferences_of = index_objects(&s->preferences);
    s->devices_of = index_objects(&s->devices);
    for (size_t i = 0; i < s->n_items; i++)
        if (is_taken(&s->items[i]))
            fill_recipients(s, &s->items[i]);
    map_free(s->by_user);
    map_free(s->preferences_of);
    map_free(s->devices_of);
    best_times_free(s);
    s->split_ms = send_wall_ms(s);
    trials_split(s);
    for (size_t i = 0; i < s->n_parts; i++)
        if (is_taken(s->parts[i]))
            fill_channels(s, s->parts[i]);
    load_suppressions(s);
}

static bool
wants_devices(const struct send *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        const struct send_request *q = &s->items[i].request;

        if (!is_taken(&s->items[i]))
            continue;
        if (q->experiment)
            return true; /* a variant may have channels of its own */
        for (size_t j = 0; j < q->n_channels; j++)
            if (device_kinds_of(q->channels[j]) != 0)
                return true;
    }
    return false;
}

static void
on_people(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct send *s = CONTAINER_OF(g, struct send, people);
    size_t n = s->users.n_keys;

    if (e != ERR_OK) {
        s->on_done(s, e);
        return;
    }
    if (!s->users.objects)
        s->users.objects = g->objects;
    s->preferences = s->devices = s->users;
    if (!wants_devices(s))
        s->devices = (struct store_object_get){0};
    else
        s->devices.objects = &g->objects[g->n_keys - n];
    s->preferences.objects = &g->objects[g->n_keys - n - s->devices.n_keys];
    best_times_load(s, fill_plans);
}

/* What is known of those in s->users, and is not loaded: their documents, then
 * what they prefer, then their devices, where something goes to them. */
static void
load_people(struct send *s)
{
    static const enum object_kind of_each[] = {OBJECT_USER, OBJECT_PREFERENCE,
                                               OBJECT_DEVICES};
    size_t n = s->users.n_keys, from = s->users.objects ? 1 : 0;
    size_t total = ((wants_devices(s) ? 3 : 2) - from) * n;
    enum object_kind *kinds = ARENA_ARRAY(s->arena, enum object_kind, total);
    struct str *keys = ARENA_ARRAY(s->arena, struct str, total);

    if (n == 0) {
        fill_plans(s);
        return;
    }
    for (size_t i = 0; i < total; i++) {
        kinds[i] = of_each[from + i / n];
        keys[i] = s->users.keys[i % n];
    }
    s->people = (struct store_object_get){
        .req = {.arena = s->arena,
                .loop = s->app->env->loop,
                .on_done = on_people},
        .tenant = s->workspace->tenant,
        .kinds = kinds,
        .keys = keys,
        .n_keys = total,
    };
    store_object_get(s->app->env->store, &s->people);
}

static size_t
collect_users(struct send *s, struct str *keys)
{
    struct map *seen = map_new();
    size_t n = 0;

    for (size_t i = 0; i < s->n_items; i++) {
        const struct send_request *q = &s->items[i].request;

        if (problem_is_set(&s->items[i].problem))
            continue; /* may name recipients all the same */
        for (size_t j = 0; j < q->n_recipients; j++) {
            struct str user = q->recipients[j].user;

            if (user.n > 0 && map_put(seen, user, s) == NULL)
                keys[n++] = user;
        }
    }
    map_free(seen);
    return n;
}

/* A batch of wide sends is no way around the limit of one. */
static void
check_width(struct send *s, struct send_item *item)
{
    size_t n = item->request.n_recipients *
               (item->request.is_workflow ? 1 : item->request.n_channels);

    if (s->n_deliveries + n <= SEND_DELIVERIES_MAX)
        s->n_deliveries += n;
    else
        problem_add(&item->problem, ERR_TOO_LARGE, STR("/to"),
                    "the batch would make more than %d deliveries: send this "
                    "in a request of its own",
                    SEND_DELIVERIES_MAX);
}

static void
load_users(struct send *s)
{
    size_t n_max = 0;
    struct str *keys;

    for (size_t i = 0; i < s->n_items; i++)
        if (is_taken(&s->items[i]))
            n_max += s->items[i].request.n_recipients;
    keys = ARENA_ARRAY(s->arena, struct str, n_max + 1);
    s->users = (struct store_object_get){.keys = keys,
                                         .n_keys = collect_users(s, keys)};
    load_people(s);
}

/* ---- those that are not named: if they are few, or in a dry run ---- */

static bool
reads_audience(const struct send_item *item)
{
    const struct send_request *q = &item->request;

    if (!is_taken(item) || !audience_is_open(q))
        return false;
    return q->is_dry_run || !send_is_wide(item);
}

static void
load_all(struct send *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        struct send_item *item = &s->items[i];

        if (!is_taken(item))
            continue;
        if (send_is_wide(item) && !item->request.is_dry_run)
            item->request.n_recipients = 0;
        check_width(s, item);
    }
    load_users(s);
}

static void next_audience(struct send *s);
static void on_page(struct audience_page *p, enum err e);

static void
read_page(struct send *s, struct str after)
{
    s->page = (struct audience_page){
        .app = s->app,
        .arena = s->arena,
        .tenant = s->workspace->tenant,
        .request = &s->items[s->turn].request,
        .after = after,
        .limit = SEND_AT_ONCE,
        .on_done = on_page,
    };
    audience_read(&s->page);
}

/* False: they are too many. */
static bool
add_page(struct send *s, struct send_item *item, const struct audience_page *p)
{
    struct send_request *q = &item->request;

    for (size_t i = 0; i < p->n_users; i++) {
        if (map_get(s->named, p->users[i]))
            continue;
        if (q->n_recipients >= SEND_AT_ONCE)
            return false;
        q->recipients[q->n_recipients++] =
            (struct send_recipient){.user = p->users[i], .index = -1};
    }
    return true;
}

static void
on_page(struct audience_page *p, enum err e)
{
    struct send *s = CONTAINER_OF(p, struct send, page);
    struct send_item *item = &s->items[s->turn];

    if (e == ERR_OK && p->after.n == 0)
        item->sets = p->members.sets;
    item->has_more = e == ERR_OK && !add_page(s, item, p);
    if (e == ERR_OK && p->has_more && !item->has_more) {
        read_page(s, p->users[p->n_users - 1]);
        return;
    }
    map_free(s->named);
    s->named = NULL;
    if (e != ERR_OK) {
        s->on_done(s, e);
        return;
    }
    s->turn++;
    next_audience(s);
}

static void
begin_audience(struct send *s, struct send_item *item)
{
    struct send_request *q = &item->request;
    struct send_recipient *all = ARENA_ARRAY(s->arena, struct send_recipient,
                                             q->n_recipients + SEND_AT_ONCE);
    struct send_request again;

    for (size_t i = 0; i < q->n_recipients; i++)
        all[i] = q->recipients[i];
    q->recipients = all;
    s->named = map_new();
    send_request_reread(s->arena, s->workspace, q->doc, 0, s->named, &again);
    read_page(s, STR_NONE);
}

static void
next_audience(struct send *s)
{
    while (s->turn < s->n_items && !reads_audience(&s->items[s->turn]))
        s->turn++;
    if (s->turn < s->n_items)
        begin_audience(s, &s->items[s->turn]);
    else
        load_all(s);
}

void
send_start(struct send *s)
{
    s->done.run = on_nothing_to_do;
    for (size_t i = 0; i < s->n_items; i++) {
        struct send_item *item = &s->items[i];

        if (problem_is_set(&item->problem))
            continue; /* refused by the caller already */
        problem_init(&item->problem, s->arena);
        if (send_request_read(s->arena, s->workspace, item->doc, &item->problem,
                              &item->request) != ERR_OK)
            continue;
        item->is_held = item->request.approval_ms > 0;
        if (item->request.is_workflow && item->request.is_dry_run &&
            !workflow_preview(s, item))
            continue;
        if (item->dedup_key.n > 0) {
            item->request.dedup_key = item->dedup_key;
            item->request.dedup_window_ms = item->dedup_window_ms;
        }
        item->is_later |= item->request.send_ms > send_wall_ms(s);
    }
    s->turn = 0;
    next_audience(s);
}

static void
start_planned(struct send *s)
{
    s->done.run = on_nothing_to_do;
    problem_init(&s->items[0].problem, s->arena);
    if (s->users.n_keys > 0)
        load_people(s);
    else
        load_users(s);
}

void
send_chunk(struct send *s)
{
    assert(s->n_items == 1 && s->items[0].chunk);
    start_planned(s);
}

void
send_step(struct send *s)
{
    assert(s->n_items == 1 && s->items[0].on_row);
    assert(s->items[0].request.n_recipients == 1);
    start_planned(s);
}

void
send_digest(struct send *s)
{
    assert(s->n_items == 1 && s->items[0].flush);
    assert(s->items[0].request.n_recipients <= 1);
    start_planned(s);
}
