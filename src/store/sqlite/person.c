/* person.c - see store/person.h. */
#include "store/person.h"

#include "base/list.h"
#include "store/sqlite/reader.h"

static void
read_events(struct reader *r, struct store_person *x)
{
    size_t limit = page_size(x->limit);
    struct query q = query(&r->conn, SQL_person_events);

    x->events = ARENA_ARRAY(x->req.arena, struct store_person_event, limit);
    x->n_events = 0;
    x->has_more = false;
    put_int(&q, x->tenant);
    put_text(&q, x->user);
    put_text(&q, x->after.name);
    put_int(&q, x->after.at_ms);
    put_int(&q, x->after.id);
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, x->n_events, limit, &x->has_more)) {
        struct store_person_event *e = &x->events[x->n_events++];

        e->name = take_text(&q, x->req.arena);
        e->at_ms = take_int(&q);
        e->id = take_int(&q);
        e->data = take_text(&q, x->req.arena);
    }
}

static void
read_trial(struct reader *r, struct store_person *x, int64_t round)
{
    struct query q = query(&r->conn, SQL_person_trial);
    struct store_person_trial *t = &x->trials[x->n_trials];

    put_int(&q, x->tenant);
    put_int(&q, round);
    put_text(&q, x->user);
    if (!query_row(&q))
        return;
    t->round = round;
    t->at_ms = take_int(&q);
    t->delivered_ms = take_int(&q);
    t->read_ms = take_int(&q);
    t->goal_ms = take_int(&q);
    t->variant = take_text(&q, x->req.arena);
    x->n_trials++;
    query_end(&q);
}

enum err
read_person(struct reader *r, struct store_req *req)
{
    struct store_person *x = CONTAINER_OF(req, struct store_person, req);

    read_events(r, x);
    x->trials = ARENA_ARRAY(req->arena, struct store_person_trial, x->n_rounds);
    x->n_trials = 0;
    for (size_t i = 0; i < x->n_rounds; i++)
        read_trial(r, x, x->rounds[i]);
    return ERR_OK;
}

static void
take_press(struct query *q, struct arena *a, struct store_person_press *ret)
{
    struct press *p = &ret->press;

    ret->ref = take_int(q);
    ret->notification = take_int(q);
    ret->action = take_text(q, a);
    p->id = take_int(q);
    p->at_ms = take_int(q);
    p->until_ms = take_int(q);
    p->key = take_int(q);
    p->n = (int)take_int(q);
    p->state = (enum press_state)take_int(q);
    p->status = (int)take_int(q);
}

enum err
read_presses(struct reader *r, struct store_req *req)
{
    struct store_presses *x = CONTAINER_OF(req, struct store_presses, req);
    size_t limit = page_size(x->limit);
    struct query q = query(&r->conn, SQL_person_presses);

    x->presses = ARENA_ARRAY(req->arena, struct store_person_press, limit);
    x->n_presses = 0;
    x->has_more = false;
    put_int(&q, x->tenant);
    put_text(&q, x->user);
    put_int(&q, x->after_ref);
    put_text(&q, x->after_action);
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, x->n_presses, limit, &x->has_more))
        take_press(&q, req->arena, &x->presses[x->n_presses++]);
    return ERR_OK;
}
