/* trial.c - who takes part in experiments in memory, and what came of it. */
#include "store/memory/trial.h"

#include <stdlib.h>

#include "base/list.h"

static struct mem_trial *
find(struct mem *m, int64_t tenant, int64_t round, struct str user)
{
    ROW_EACH(struct mem_trial, t, &m->trials)
    if (t->tenant == tenant && t->round == round && str_eq(t->user, user))
        return t;
    return NULL;
}

static void
mark(int64_t *at_ms, int64_t now_ms)
{
    if (*at_ms == 0)
        *at_ms = now_ms;
}

void
mem_trial_rows(struct mem *m, const struct store_accept *a,
               const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_trials; i++) {
        struct store_trial one = item->trials[i];
        struct mem_trial *t = find(m, a->tenant, one.round, one.user);

        one.user = str_dup(m->arena, one.user);
        one.variant = str_dup(m->arena, one.variant);
        if (!t) {
            t = ROW_ADD(&m->trials, struct mem_trial);
            *t = (struct mem_trial){.tenant = a->tenant,
                                    .round = one.round,
                                    .at_ms = a->now_ms,
                                    .user = one.user,
                                    .variant = one.variant};
        }
        if (one.is_delivered && str_eq(t->variant, one.variant))
            mark(&t->delivered_ms, a->now_ms);
        *ROW_ADD(&m->trial_deliveries, struct mem_trial_delivery) =
            (struct mem_trial_delivery){a->tenant, one};
    }
}

/* Whose delivery it is, if it is of the variant that the user has. */
static struct mem_trial *
find_by_delivery(struct mem *m, int64_t delivery)
{
    ROW_EACH(struct mem_trial_delivery, d, &m->trial_deliveries)
    if (d->t.delivery == delivery) {
        struct mem_trial *t = find(m, d->tenant, d->t.round, d->t.user);

        return t && str_eq(t->variant, d->t.variant) ? t : NULL;
    }
    return NULL;
}

void
mem_trial_delivered(struct mem *m, int64_t delivery, int64_t now_ms)
{
    struct mem_trial *t = find_by_delivery(m, delivery);

    if (t)
        mark(&t->delivered_ms, now_ms);
}

void
mem_trial_read(struct mem *m, int64_t delivery, int64_t now_ms)
{
    struct mem_trial *t = find_by_delivery(m, delivery);

    if (t)
        mark(&t->read_ms, now_ms);
}

void
mem_trial_goal(struct mem *m, const struct store_event_add *e)
{
    for (size_t i = 0; i < e->n_rounds; i++) {
        struct mem_trial *t = find(m, e->tenant, e->rounds[i], e->user);

        if (t)
            mark(&t->goal_ms, e->at_ms);
    }
}

/* ---- counts ---- */

static struct store_trial_row *
row_of(struct store_trial_count *c, struct str variant)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (str_eq(c->rows[i].variant, variant))
            return &c->rows[i];
    c->rows[c->n_rows] =
        (struct store_trial_row){.variant = str_dup(c->req.arena, variant)};
    return &c->rows[c->n_rows++];
}

static void
add(struct store_trial_count *c, const struct mem_trial *t)
{
    struct store_trial_row *row = row_of(c, t->variant);
    int64_t done_ms = c->goal == STORE_GOAL_DELIVERED ? t->delivered_ms
                      : c->goal == STORE_GOAL_READ    ? t->read_ms
                                                      : t->goal_ms;

    row->assigned++;
    row->delivered += t->delivered_ms > 0;
    if (t->at_ms > c->now_ms - c->within_ms)
        return;
    row->goal.n++;
    row->goal.k += done_ms > 0 &&
                   (c->within_ms == 0 || done_ms <= t->at_ms + c->within_ms);
}

static int
by_variant(const void *a, const void *b)
{
    const struct store_trial_row *x = a, *y = b;

    return str_cmp(x->variant, y->variant);
}

enum err
mem_trial_count(struct mem *m, struct store_req *req)
{
    struct store_trial_count *c =
        CONTAINER_OF(req, struct store_trial_count, req);

    c->rows = ARENA_ARRAY(req->arena, struct store_trial_row, m->trials.n + 1);
    c->n_rows = 0;
    ROW_EACH(struct mem_trial, t, &m->trials)
    if (t->tenant == c->tenant && t->round == c->round)
        add(c, t);
    qsort(c->rows, c->n_rows, sizeof(*c->rows), by_variant);
    return ERR_OK;
}
