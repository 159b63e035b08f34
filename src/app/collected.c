/* collected.c - see collected.h.
 *
 *   list those that wait -> decide who goes on, and with what -> commit */
#include "app/collected.h"

#include "app/instance.h"
#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"

#define LISTED_MAX_BYTES (4 << 20) /* of the notifications that are read */
#define MEMBERS_MAX ((size_t)(2 * DIGEST_MEMBERS_MAX)) /* who is told of */

static int64_t
wall_ms(const struct collected *c)
{
    return c->app->env->clock->wall_ms(c->app->env->clock);
}

static void
on_accepted(struct store_req *req, enum err e)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    struct collected *c = CONTAINER_OF(a, struct collected, accept);

    c->on_done(c, e, e == ERR_OK && c->item.is_gone);
}

/* ---- what they brought ---- */

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

/* What becomes of one. */
enum fate { FATE_MERGED, FATE_LATE, FATE_CANCELLED };

struct gathering {
    struct collected *c;
    enum fate *fates;            /* of each that waits */
    struct store_waiting *first; /* that goes on; NULL: none */
    int64_t n;                   /* of those that are neither late nor so */
    struct buf items;
    int n_items;
};

static bool
is_late(const struct collected *c, struct json doc)
{
    int64_t at_ms;

    return time_parse(json_str_of(c->arena, doc, "expires_at"), &at_ms) &&
           at_ms <= wall_ms(c);
}

static void
add_data(struct gathering *g, const struct store_waiting *one, struct json doc)
{
    struct arena *a = g->c->arena;
    struct instance i;
    struct json given = {0};
    struct str data;

    instance_read(a, one->cursor, &i);
    if (i.recipient >= 0)
        given = json_at(json_get(json_get(doc, "to"), "recipients"),
                        (uint32_t)i.recipient);
    data = json_raw(instance_data(a, doc, given, NULL));
    if (data.n == 0)
        data = STR("{}");
    if (g->n_items == g->c->digest.rule.max_items ||
        g->items.n + data.n + 1 > COLLECTED_MAX_BYTES)
        return;
    if (g->n_items++ > 0)
        buf_put_cstr(&g->items, ",");
    buf_put_str(&g->items, data);
}

static enum fate
look_at(struct gathering *g, size_t at)
{
    struct store_waiting *one = &g->c->list.all[at];
    struct json doc = {0};

    if (one->is_cancelled)
        return FATE_CANCELLED;
    if (at < g->c->list.n_docs)
        doc = parsed(g->c->arena, one->doc);
    if (is_late(g->c, doc))
        return FATE_LATE;
    if (!g->first)
        g->first = one;
    g->n++;
    if (at < g->c->list.n_docs)
        add_data(g, one, doc);
    return FATE_MERGED;
}

static struct gathering
gather(struct collected *c)
{
    struct gathering g = {
        .c = c, .fates = ARENA_ARRAY(c->arena, enum fate, c->list.n + 1)};

    buf_init(&g.items, c->arena);
    for (size_t i = 0; i < c->list.n; i++)
        g.fates[i] = look_at(&g, i);
    return g;
}

/* What is as deep, or has as many keys, as JSON may have here does not fit
 * into another: then it is only counted. */
static struct json
digest_of(const struct gathering *g)
{
    struct arena *a = g->c->arena;
    struct str text = str_fmt(a, "{\"data\":{\"items\":[%.*s],\"count\":%lld}}",
                              STR_ARG(buf_str(&g->items)), (long long)g->n);
    struct json all = parsed(a, text);

    if (!json_is(all, JSON_OBJECT))
        all = parsed(a, str_fmt(a, "{\"data\":{\"items\":[],\"count\":%lld}}",
                                (long long)g->n));
    return json_get(all, "data");
}

/* ---- the end ---- */

/* Windows of instances have keys "workflow/step/...". */
static struct str
step_of(const struct collected *c)
{
    struct str rest = c->digest.rule.key, part = STR_NONE;

    (void)str_split(&rest, '/', &part);
    (void)str_split(&rest, '/', &part);
    return part;
}

static void
tell(struct gathering *g)
{
    struct collected *c = g->c;
    struct store_step *steps =
        ARENA_ARRAY(c->arena, struct store_step, c->list.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < c->list.n; i++) {
        const struct store_waiting *one = &c->list.all[i];
        bool is_late = g->fates[i] == FATE_LATE;

        if (one == g->first || g->fates[i] == FATE_CANCELLED)
            continue;
        steps[n++] = (struct store_step){
            .id = id_make(c->app->ids, wall_ms(c), 1),
            .notification = one->notification,
            .at_ms = wall_ms(c),
            .user = c->digest.user,
            .step = step_of(c),
            .verdict = is_late ? STR("end") : STR("merged"),
            .reason =
                reason_code(is_late ? REASON_EXPIRED : REASON_DIGEST_MERGED),
        };
    }
    c->item.steps = steps;
    c->item.n_steps = n;
}

static void
go_on(struct gathering *g)
{
    struct collected *c = g->c;
    struct instance i;

    if (!g->first)
        return;
    instance_read(c->arena, g->first->cursor, &i);
    i.digest = digest_of(g);
    c->turn = (struct store_turn){
        .instance = g->first->id,
        .hold = g->first->hold,
        .user = c->digest.user,
        .cursor = instance_write(c->arena, &i),
    };
    c->item.turn = &c->turn;
}

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_instance_list *l =
        CONTAINER_OF(req, struct store_instance_list, req);
    struct collected *c = CONTAINER_OF(l, struct collected, list);
    struct gathering g;

    if (e != ERR_OK) {
        c->on_done(c, e, false);
        return;
    }
    g = gather(c);
    c->flush = (struct store_flush){.digest = c->digest.id,
                                    .hold = c->hold,
                                    .n_members = c->digest.n_members,
                                    .instances_of = c->digest.user,
                                    .status = DELIVERY_MERGED};
    c->item = (struct store_accept_item){.flush = &c->flush};
    go_on(&g);
    tell(&g);
    c->accept = (struct store_accept){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_accepted},
        .tenant = c->digest.tenant,
        .now_ms = wall_ms(c),
        .items = &c->item,
        .n_items = 1,
    };
    store_accept(c->app->env->store, &c->accept);
}

void
collected_end(struct collected *c)
{
    c->list = (struct store_instance_list){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_listed},
        .tenant = c->digest.tenant,
        .user = c->digest.user,
        .event = store_window_event(c->arena, c->digest.id),
        .max = MEMBERS_MAX,
        .max_docs = DIGEST_ITEMS_MAX,
        .max_bytes = LISTED_MAX_BYTES,
    };
    store_instance_list(c->app->env->store, &c->list);
}
