/* budget.c - see budget.h.
 *
 *   list who counts -> take, some thousand keys at a time -> look, for dry runs
 *   -> refuse those beyond the limit */
#include "app/budget.h"

#include "app/send.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "store/store.h"

#define PATIENCE_MS 1000 /* to give back: who asked waits for it */

static struct send *
send_with(struct budgets *b)
{
    return CONTAINER_OF(b, struct send, budgets);
}

static struct store_req
request(const struct send *s, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = s->arena, .loop = s->app->env->loop, .on_done = on_done};
}

static size_t
slice(size_t n, size_t n_done)
{
    return n - n_done < STORE_BUDGETS_MAX ? n - n_done : STORE_BUDGETS_MAX;
}

/* ---- who counts ---- */

static const struct category *
throttled(const struct send *s, const struct send_item *item)
{
    const struct send_request *q = &item->request;
    const struct category *k = workspace_category(s->workspace, q->category);

    /* What is sent later is counted then. */
    return !problem_is_set(&item->problem) && !item->is_later &&
                   throttle_applies(k, q->priority)
               ? k
               : NULL;
}

static struct plan_decision *
decisions_of(const struct send_item *item, size_t recipient)
{
    return &item->decisions[recipient * item->request.n_channels];
}

static struct budget_list *
list_of(struct send *s, const struct send_item *item)
{
    return item->request.is_dry_run ? &s->budgets.looked_at : &s->budgets.taken;
}

/* Who has no id is nobody in particular, and is not counted. */
static void
add_use(struct send *s, struct map *seen, const struct category *k,
        struct budget_use use)
{
    const struct send_item *item = &s->items[use.item];
    struct budget_list *l = list_of(s, item);
    struct str user = item->recipients[use.recipient].user;
    struct str key;

    if (user.n == 0 || !throttle_counts(decisions_of(item, use.recipient),
                                        item->request.n_channels))
        return;
    key = throttle_key(s->arena, k->key, user);
    use.budget = map_get(seen, key);
    if (!use.budget) {
        use.budget = &l->all[l->n++];
        *use.budget =
            (struct store_budget){.key = key, .throttle = k->throttle};
        (void)map_put(seen, key, use.budget);
    }
    use.nth = use.budget->want++;
    l->uses[l->n_uses++] = use;
}

static void
make_room(struct send *s)
{
    size_t n[2] = {0};

    for (size_t i = 0; i < s->n_items; i++)
        if (throttled(s, &s->items[i]))
            n[s->items[i].request.is_dry_run] +=
                s->items[i].request.n_recipients;
    s->budgets.taken = s->budgets.looked_at = (struct budget_list){0};
    s->budgets.taken.all = ARENA_ARRAY(s->arena, struct store_budget, n[0]);
    s->budgets.taken.uses = ARENA_ARRAY(s->arena, struct budget_use, n[0]);
    s->budgets.looked_at.all = ARENA_ARRAY(s->arena, struct store_budget, n[1]);
    s->budgets.looked_at.uses = ARENA_ARRAY(s->arena, struct budget_use, n[1]);
}

static void
list_uses(struct send *s)
{
    struct map *seen[2] = {map_new(), map_new()};

    make_room(s);
    for (size_t i = 0; i < s->n_items; i++) {
        const struct send_item *item = &s->items[i];
        const struct category *k = throttled(s, item);

        for (size_t j = 0; k && j < item->request.n_recipients; j++)
            add_use(s, seen[item->request.is_dry_run], k,
                    (struct budget_use){.item = i, .recipient = j});
    }
    map_free(seen[0]);
    map_free(seen[1]);
}

static bool
is_granted(const struct budget_use *u)
{
    return u->nth < u->budget->granted;
}

static void
refuse_the_rest(struct send *s, const struct budget_list *l)
{
    for (size_t i = 0; i < l->n_uses; i++) {
        const struct budget_use *u = &l->uses[i];
        const struct send_item *item = &s->items[u->item];

        if (!is_granted(u))
            throttle_refuse(decisions_of(item, u->recipient),
                            item->request.n_channels);
    }
}

/* ---- take, look ---- */

static void go_on(struct send *s);

/* Whatever became of the reservation, nothing of the send is stored: what the
 * store calls uncertain is not that to who sends. */
static void
fail(struct send *s, enum err e)
{
    struct budgets *b = &s->budgets;

    if (e == ERR_UNCERTAIN)
        e = ERR_TIMEOUT;
    if (!budgets_give_back(s, e, b->next))
        b->next(s, e);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_budget_take *t =
        CONTAINER_OF(req, struct store_budget_take, req);
    struct send *s = send_with(CONTAINER_OF(t, struct budgets, take));

    /* What it wrote there before it failed is not so. */
    for (size_t i = 0; e != ERR_OK && i < t->n_budgets; i++)
        t->budgets[i].granted = 0;
    if (e != ERR_OK) {
        fail(s, e);
        return;
    }
    s->budgets.taken.n_done += t->n_budgets;
    go_on(s);
}

static void
take(struct send *s)
{
    struct budget_list *l = &s->budgets.taken;

    s->budgets.take = (struct store_budget_take){
        .req = request(s, on_taken),
        .tenant = s->workspace->tenant,
        .now_ms = s->now_ms,
        .budgets = &l->all[l->n_done],
        .n_budgets = slice(l->n, l->n_done),
    };
    store_budget_take(s->app->env->store, &s->budgets.take);
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_budget_look *t =
        CONTAINER_OF(req, struct store_budget_look, req);
    struct send *s = send_with(CONTAINER_OF(t, struct budgets, look));

    if (e != ERR_OK) {
        fail(s, e);
        return;
    }
    s->budgets.looked_at.n_done += t->n_budgets;
    go_on(s);
}

static void
look(struct send *s)
{
    struct budget_list *l = &s->budgets.looked_at;

    s->budgets.look = (struct store_budget_look){
        .req = request(s, on_looked),
        .tenant = s->workspace->tenant,
        .now_ms = s->now_ms,
        .budgets = &l->all[l->n_done],
        .n_budgets = slice(l->n, l->n_done),
    };
    store_budget_look(s->app->env->store, &s->budgets.look);
}

static void
go_on(struct send *s)
{
    struct budgets *b = &s->budgets;

    if (b->taken.n_done < b->taken.n) {
        take(s);
    } else if (b->looked_at.n_done < b->looked_at.n) {
        look(s);
    } else {
        refuse_the_rest(s, &b->taken);
        refuse_the_rest(s, &b->looked_at);
        b->next(s, ERR_OK);
    }
}

static bool
is_any_throttled(const struct send *s)
{
    for (size_t i = 0; i < s->n_items; i++)
        if (throttled(s, &s->items[i]))
            return true;
    return false;
}

bool
budgets_take(struct send *s, void (*next)(struct send *s, enum err e))
{
    s->budgets = (struct budgets){.next = next};
    if (!is_any_throttled(s))
        return false;
    list_uses(s);
    if (s->budgets.taken.n + s->budgets.looked_at.n == 0)
        return false;
    go_on(s);
    return true;
}

/* ---- give back ---- */

/* Where nobody knows, it may be: what was reserved stays so. */
static bool
is_stored(const struct send *s, const struct send_item *item, enum err e)
{
    if (e == ERR_UNCERTAIN)
        return true;
    return e == ERR_OK && !s->accept.idem.is_replay && item->accepted &&
           !item->accepted->is_gone && !item->accepted->is_duplicate;
}

static size_t
list_back(struct send *s, enum err e)
{
    struct budgets *b = &s->budgets;
    size_t n = 0;

    for (size_t i = 0; i < b->taken.n_uses; i++) {
        const struct budget_use *u = &b->taken.uses[i];

        if (is_granted(u) && !is_stored(s, &s->items[u->item], e))
            n += u->budget->give++ == 0;
    }
    if (n == 0)
        return 0;
    b->back = ARENA_ARRAY(s->arena, struct store_budget, n);
    for (size_t i = 0; i < b->taken.n; i++)
        if (b->taken.all[i].give > 0)
            b->back[b->n_back++] = b->taken.all[i];
    return n;
}

static void give_back(struct send *s);

/* It is owed to nobody: what is not given back is used up. */
static void
on_given_back(struct store_req *req, enum err e)
{
    struct store_budget_give_back *g =
        CONTAINER_OF(req, struct store_budget_give_back, req);
    struct budgets *b = CONTAINER_OF(g, struct budgets, give_back);
    struct send *s = send_with(b);

    b->n_back_done += g->n_budgets;
    if (e != ERR_OK)
        LOG_WARN("budget.lost", log_int("budgets", (int64_t)b->n_back),
                 log_cstr("err", err_code(e)));
    if (e == ERR_OK && b->n_back_done < b->n_back)
        give_back(s);
    else
        b->next(s, b->outcome);
}

static void
give_back(struct send *s)
{
    struct budgets *b = &s->budgets;
    struct clock *clock = s->app->env->clock;

    b->give_back = (struct store_budget_give_back){
        .req = request(s, on_given_back),
        .tenant = s->workspace->tenant,
        .budgets = &b->back[b->n_back_done],
        .n_budgets = slice(b->n_back, b->n_back_done),
    };
    b->give_back.req.deadline_ms = clock->mono_ms(clock) + PATIENCE_MS;
    store_budget_give_back(s->app->env->store, &b->give_back);
}

bool
budgets_give_back(struct send *s, enum err e,
                  void (*next)(struct send *s, enum err e))
{
    struct budgets *b = &s->budgets;

    if (list_back(s, e) == 0)
        return false;
    b->outcome = e;
    b->next = next;
    give_back(s);
    return true;
}
