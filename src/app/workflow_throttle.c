/* workflow_throttle.c - whether one more may pass a throttle: a budget of its
 * own (store/budget.h), of the recipient, the step, and what its key gives.
 *
 *   take from the budget -> move on -> [give back, if the move is lost]
 *
 * What it takes is for the instance: whoever goes on with it after a process
 * that died in between passes on the same place. */
#include <sodium.h>

#include "app/workflow_private.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

#define PATIENCE_MS 1000 /* to give back: the instance waits for it */
#define HASH_BYTES 32

/* "workflow/<hash of the workflow, the step, the user and the key>": together
 * they are longer than a key may be. */
static struct str
budget_key(struct slot *s, struct str of_step)
{
    const struct str parts[] = {s->key, s->asks.id, s->me, of_step};
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    struct buf all;

    buf_init(&all, s->base.arena);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        buf_put_str(&all, parts[i]);
        buf_put(&all, "", 1);
    }
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)all.p, all.n,
                       NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    return str_fmt(s->base.arena, "workflow/%s", hex);
}

static struct throttle
throttle_of(struct slot *s)
{
    struct json step = s->asks.step;
    struct throttle t = {0};
    int64_t limit = 0;

    (void)json_int(json_get(step, "limit"), &limit);
    (void)str_to_duration_ms(json_str_of(s->base.arena, step, "per"),
                             &t.per_ms);
    t.limit = (int)limit;
    return t;
}

static void
pass(struct slot *s, bool is_within)
{
    slot_note(s, s->asks.id, is_within ? "pass" : "over",
              is_within ? REASON_NONE : REASON_THROTTLED_STEP);
    (void)workflow_answer(s->workflow, &s->instance.state, is_within,
                          s->now_ms);
    slot_move(s);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_budget_take *t =
        CONTAINER_OF(req, struct store_budget_take, req);
    struct slot_throttle *q = CONTAINER_OF(t, struct slot_throttle, take);
    struct slot *s = CONTAINER_OF(q, struct slot, throttle);

    if (e != ERR_OK)
        q->budget.granted = 0;
    if (e != ERR_OK)
        slot_fail(s, e);
    else
        pass(s, q->budget.granted > 0);
}

/* Who has no id is nobody in particular, and is not counted. */
void
slot_throttle(struct slot *s)
{
    struct slot_throttle *q = &s->throttle;
    struct str of_step;

    if (s->me.n == 0) {
        pass(s, true);
        return;
    }
    if (!slot_render(s, "key", TEMPLATE_PLAIN, &of_step))
        of_step = STR_NONE;
    q->budget = (struct store_budget){.key = budget_key(s, of_step),
                                      .throttle = throttle_of(s),
                                      .ids = &s->base.hold.id,
                                      .want = 1};
    q->take = (struct store_budget_take){
        .req = slot_req(s, on_taken),
        .tenant = s->base.hold.tenant,
        .now_ms = s->now_ms,
        .budgets = &q->budget,
        .n_budgets = 1,
    };
    store_budget_take(slot_app(s)->env->store, &q->take);
}

/* It is owed to nobody: what is not given back is used up. */
static void
on_given_back(struct store_req *req, enum err e)
{
    struct store_budget_give_back *g =
        CONTAINER_OF(req, struct store_budget_give_back, req);
    struct slot_throttle *q = CONTAINER_OF(g, struct slot_throttle, give_back);
    struct slot *s = CONTAINER_OF(q, struct slot, throttle);

    if (e != ERR_OK)
        LOG_WARN("budget.lost", log_int("budgets", 1),
                 log_cstr("err", err_code(e)));
    slot_end(s, q->outcome, q->is_gone);
}

/* Where nobody knows, it may be: what was reserved stays so. */
bool
slot_throttle_back(struct slot *s, enum err e, bool is_gone)
{
    struct slot_throttle *q = &s->throttle;
    struct clock *clock = slot_app(s)->env->clock;

    if (q->budget.granted == 0 || e == ERR_UNCERTAIN ||
        (e == ERR_OK && !is_gone))
        return false;
    q->budget.back = &s->base.hold.id;
    q->budget.n_back = 1;
    q->budget.granted = 0;
    q->outcome = e;
    q->is_gone = is_gone;
    q->give_back = (struct store_budget_give_back){
        .req = slot_req(s, on_given_back),
        .tenant = s->base.hold.tenant,
        .budgets = &q->budget,
        .n_budgets = 1,
    };
    q->give_back.req.deadline_ms = clock->mono_ms(clock) + PATIENCE_MS;
    store_budget_give_back(slot_app(s)->env->store, &q->give_back);
    return true;
}
