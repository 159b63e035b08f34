/* budget.c - see budget.h.
 *
 *   [look for duplicates] -> in each round: list who counts -> take, some
 *   thousand keys at a time -> look, for dry runs -> refuse those beyond the
 *   limit */
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
category_of(const struct send *s, const struct send_item *item)
{
    return workspace_category(s->workspace, item->request.category);
}

static const struct attention *
attention_of(const struct send *s)
{
    return &s->workspace->attention;
}

/* What is sent or approved later is counted then. */
static bool
is_counted(const struct send *s, const struct send_item *item, int round)
{
    const struct category *k = category_of(s, item);
    enum priority priority = item->request.priority;

    if (problem_is_set(&item->problem) || item->is_later || item->is_held ||
        (item->main ? item->main : item)->is_duplicate)
        return false;
    return round == BUDGET_CATEGORY
               ? throttle_applies(k, priority)
               : attention_applies(attention_of(s), k, priority);
}

static struct plan_decision *
decisions_of(const struct send_item *item, size_t recipient)
{
    return &item->decisions[recipient * item->request.n_channels];
}

static bool
wants_some(const struct send_item *item, size_t recipient, int round)
{
    const struct plan_decision *d = decisions_of(item, recipient);
    size_t n = item->request.n_channels;

    return round == BUDGET_CATEGORY ? throttle_counts(d, n)
                                    : attention_counts(d, n);
}

static struct store_budget
budget_for(const struct send *s, const struct send_item *item, struct str user)
{
    const struct category *k = category_of(s, item);

    return s->budgets.round == BUDGET_CATEGORY
               ? (struct store_budget){.key =
                                           throttle_key(s->arena, k->key, user),
                                       .throttle = k->throttle}
               : (struct store_budget){.key = attention_key(s->arena, user),
                                       .throttle = attention_of(s)->budget};
}

static struct budget_list *
list_of(struct send *s, bool is_dry_run)
{
    struct budgets *b = &s->budgets;

    return is_dry_run ? &b->looked_at[b->round] : &b->taken[b->round];
}

/* Who has no id is nobody in particular, and is not counted. */
static void
add_use(struct send *s, struct map *seen, struct budget_use use)
{
    const struct send_item *item = s->parts[use.item];
    struct budget_list *l = list_of(s, item->request.is_dry_run);
    struct str user = item->recipients[use.recipient].user;
    struct store_budget budget;

    if (user.n == 0 || !wants_some(item, use.recipient, s->budgets.round))
        return;
    budget = budget_for(s, item, user);
    use.budget = map_get(seen, budget.key);
    if (!use.budget) {
        use.budget = &l->all[l->n++];
        *use.budget = budget;
        (void)map_put(seen, budget.key, use.budget);
    }
    use.nth = use.budget->want++;
    l->uses[l->n_uses++] = use;
}

/* False: nobody counts. */
static bool
make_room(struct send *s)
{
    size_t n[2] = {0};

    for (size_t i = 0; i < s->n_parts; i++)
        if (is_counted(s, s->parts[i], s->budgets.round))
            n[s->parts[i]->request.is_dry_run] +=
                s->parts[i]->request.n_recipients;
    for (int i = 0; i < 2; i++)
        *list_of(s, i == 1) = (struct budget_list){
            .all = ARENA_ARRAY(s->arena, struct store_budget, n[i]),
            .uses = ARENA_ARRAY(s->arena, struct budget_use, n[i])};
    return n[0] + n[1] > 0;
}

/* Of what an experiment made of it, that of the whole: a chunk which is planned
 * again after a crash gives its parts other ids. */
static int64_t
place_of(const struct send_item *item)
{
    const struct send_item *whole = item->main ? item->main : item;

    return whole->flush ? whole->place : whole->notification;
}

static void
name_places(struct send *s, struct budget_list *l)
{
    int64_t **ids = ARENA_ARRAY(s->arena, int64_t *, l->n);

    for (size_t i = 0; i < l->n; i++)
        l->all[i].ids = ids[i] =
            ARENA_ARRAY(s->arena, int64_t, (size_t)l->all[i].want);
    for (size_t i = 0; i < l->n_uses; i++) {
        const struct budget_use *u = &l->uses[i];

        ids[u->budget - l->all][u->nth] = place_of(s->parts[u->item]);
    }
}

static void
list_uses(struct send *s)
{
    struct map *seen[2] = {map_new(), map_new()};

    for (size_t i = 0; i < s->n_parts; i++) {
        const struct send_item *item = s->parts[i];
        bool counts = is_counted(s, item, s->budgets.round);

        for (size_t j = 0; counts && j < item->request.n_recipients; j++)
            add_use(s, seen[item->request.is_dry_run],
                    (struct budget_use){.item = i, .recipient = j});
    }
    name_places(s, list_of(s, false));
    name_places(s, list_of(s, true));
    map_free(seen[0]);
    map_free(seen[1]);
}

static bool
is_granted(const struct budget_use *u)
{
    return u->nth < u->budget->granted;
}

static void
refuse(struct send *s, const struct send_item *item, size_t recipient)
{
    struct plan_decision *d = decisions_of(item, recipient);
    size_t n = item->request.n_channels;

    if (s->budgets.round == BUDGET_ATTENTION && item->was_put_off)
        return; /* once is enough */
    if (s->budgets.round == BUDGET_CATEGORY)
        throttle_refuse(d, n);
    else
        attention_refuse(attention_of(s), s->arena, s->now_ms, send_new_id(s),
                         d, n);
}

static void
note_use(struct send *s, const struct budget_use *u)
{
    const struct send_item *item = s->parts[u->item];
    const struct plan_decision *d = decisions_of(item, u->recipient);
    bool is_category = s->budgets.round == BUDGET_CATEGORY,
         is_in = is_granted(u);
    struct plan_note note = {.left = u->budget->granted};

    for (size_t i = 0; i < item->request.n_channels; i++) {
        if (is_category ? !throttle_counts(&d[i], 1)
                        : !attention_counts(&d[i], 1))
            continue;
        if (!is_in)
            note.reason = is_category ? REASON_THROTTLED : REASON_CAP_DAILY;
        note.verdict = is_in ? PLAN_SEND : PLAN_SKIP;
        plan_note_down(&d[i],
                       is_category ? PLAN_STAGE_THROTTLE : PLAN_STAGE_ATTENTION,
                       note);
    }
}

static void
refuse_the_rest(struct send *s, const struct budget_list *l)
{
    for (size_t i = 0; i < l->n_uses; i++) {
        note_use(s, &l->uses[i]);
        if (!is_granted(&l->uses[i]))
            refuse(s, s->parts[l->uses[i].item], l->uses[i].recipient);
    }
}

/* False: there is no round left in which somebody counts. */
static bool
begin_round(struct send *s)
{
    for (; s->budgets.round < BUDGET_ROUNDS; s->budgets.round++) {
        if (!make_room(s))
            continue;
        list_uses(s);
        if (list_of(s, false)->n + list_of(s, true)->n > 0)
            return true;
    }
    return false;
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
    list_of(s, false)->n_done += t->n_budgets;
    go_on(s);
}

static void
take(struct send *s)
{
    struct budget_list *l = list_of(s, false);

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
    list_of(s, true)->n_done += t->n_budgets;
    go_on(s);
}

/* All that is left is told, not only whether that is enough; and of now, which
 * may not be the time that is asked about. */
static void
look(struct send *s)
{
    struct budget_list *l = list_of(s, true);
    struct clock *clock = s->app->env->clock;

    for (size_t i = l->n_done; i < l->n; i++)
        l->all[i].want = l->all[i].throttle.limit;
    s->budgets.look = (struct store_budget_look){
        .req = request(s, on_looked),
        .tenant = s->workspace->tenant,
        .now_ms = clock->wall_ms(clock),
        .budgets = &l->all[l->n_done],
        .n_budgets = slice(l->n, l->n_done),
    };
    store_budget_look(s->app->env->store, &s->budgets.look);
}

static void
go_on(struct send *s)
{
    const struct budget_list *taken = list_of(s, false),
                             *looked_at = list_of(s, true);

    if (taken->n_done < taken->n) {
        take(s);
        return;
    }
    if (looked_at->n_done < looked_at->n) {
        look(s);
        return;
    }
    refuse_the_rest(s, taken);
    refuse_the_rest(s, looked_at);
    s->budgets.round++;
    if (begin_round(s))
        go_on(s);
    else
        s->budgets.next(s, ERR_OK);
}

static bool
begin(struct send *s)
{
    bool is_asked = begin_round(s);

    if (is_asked)
        go_on(s);
    return is_asked;
}

/* ---- duplicates ---- */

static bool
may_count(const struct send *s)
{
    for (size_t i = 0; i < s->n_items; i++)
        for (int round = 0; round < BUDGET_ROUNDS; round++)
            if (is_counted(s, &s->items[i], round))
                return true;
    return false;
}

/* Each key once, with the first item that has it; it is that one's then. */
static void
list_keys(struct send *s, struct str *keys)
{
    struct budgets *b = &s->budgets;
    struct map *seen = map_new();

    for (size_t i = 0; i < s->n_items; i++) {
        struct send_item *item = &s->items[i];
        struct str key = item->request.dedup_key;

        if (key.n == 0 || item->request.is_dry_run ||
            problem_is_set(&item->problem))
            continue;
        item->first = map_get(seen, key);
        item->is_duplicate = item->first != NULL;
        if (item->first)
            continue;
        (void)map_put(seen, key, item);
        b->asked[b->known.n_keys] = item;
        keys[b->known.n_keys++] = key;
    }
    map_free(seen);
}

static void
on_known(struct store_req *req, enum err e)
{
    struct store_dedup_get *g = CONTAINER_OF(req, struct store_dedup_get, req);
    struct budgets *b = CONTAINER_OF(g, struct budgets, known);
    struct send *s = send_with(b);

    for (size_t i = 0; e == ERR_OK && i < g->n_keys; i++)
        b->asked[i]->is_duplicate = g->ids[i] != 0;
    if (e != ERR_OK || !begin(s))
        b->next(s, e);
}

/* One alone would only be in its own way. False: there is nothing to ask. */
static bool
look_for_duplicates(struct send *s)
{
    struct budgets *b = &s->budgets;
    struct str *keys;

    if (s->n_items < 2 || !may_count(s))
        return false;
    keys = ARENA_ARRAY(s->arena, struct str, s->n_items);
    b->asked = ARENA_ARRAY(s->arena, struct send_item *, s->n_items);
    b->known = (struct store_dedup_get){.req = request(s, on_known),
                                        .tenant = s->workspace->tenant,
                                        .now_ms = s->now_ms,
                                        .keys = keys};
    list_keys(s, keys);
    if (b->known.n_keys > 0)
        store_dedup_get(s->app->env->store, &b->known);
    return b->known.n_keys > 0;
}

bool
budgets_take(struct send *s, void (*next)(struct send *s, enum err e))
{
    s->budgets = (struct budgets){.next = next};
    return look_for_duplicates(s) || begin(s);
}

/* ---- give back ---- */

/* Where nobody knows, it may be: what was reserved stays so. */
static bool
is_stored(const struct send *s, const struct send_item *item, enum err e)
{
    if (e == ERR_UNCERTAIN)
        return true;
    if (item->main && !is_stored(s, item->main, e))
        return false;
    return e == ERR_OK && !s->accept.idem.is_replay && item->accepted &&
           !item->accepted->is_gone && !item->accepted->is_duplicate;
}

/* A later round may have refused them. */
static bool
is_owed(const struct send *s, const struct budget_use *u, int round, enum err e)
{
    const struct send_item *item = s->parts[u->item];

    return is_granted(u) &&
           (!is_stored(s, item, e) || !wants_some(item, u->recipient, round));
}

static void
owe(struct send *s, const struct budget_use *u)
{
    struct store_budget *b = u->budget;

    if (!b->back)
        b->back = ARENA_ARRAY(s->arena, int64_t, (size_t)b->granted);
    b->back[b->n_back++] = b->ids[u->nth];
}

static size_t
count_back(struct send *s, int round, enum err e)
{
    const struct budget_list *l = &s->budgets.taken[round];
    size_t n = 0;

    for (size_t i = 0; i < l->n_uses; i++)
        if (is_owed(s, &l->uses[i], round, e))
            owe(s, &l->uses[i]);
    for (size_t i = 0; i < l->n; i++)
        n += l->all[i].n_back > 0;
    return n;
}

static size_t
list_back(struct send *s, enum err e)
{
    struct budgets *b = &s->budgets;
    size_t n = 0;

    for (int round = 0; round < BUDGET_ROUNDS; round++)
        n += count_back(s, round, e);
    if (n == 0)
        return 0;
    b->back = ARENA_ARRAY(s->arena, struct store_budget, n);
    for (int round = 0; round < BUDGET_ROUNDS; round++)
        for (size_t i = 0; i < b->taken[round].n; i++)
            if (b->taken[round].all[i].n_back > 0)
                b->back[b->n_back++] = b->taken[round].all[i];
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
