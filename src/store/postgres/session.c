/* session.c - who waits for a connection, what goes together next, and how
 * long one waits for a database that is away. */
#include <assert.h>

#include "base/list.h"
#include "base/log.h"
#include "store/postgres/pg_store.h"

#define LOOK_MS 100 /* between looks at those that wait */

static const struct pg_verb *const verbs[STORE_VERB_COUNT] = {
#define V(name, access) [STORE_VERB_##name] = &pg_verb_##name,
#include "store/verbs.def"
#undef V
};

static struct store_req *
req_of(struct mail *m)
{
    return CONTAINER_OF(m, struct store_req, mail);
}

/* ---- the row of those that wait ---- */

static void
append(struct pg_session *s, struct store_req *req)
{
    req->mail.next = NULL;
    *s->last = &req->mail;
    s->last = &req->mail.next;
}

void
pg_session_put_back(struct pg_session *s, struct store_req *req)
{
    req->mail.next = s->first;
    s->first = &req->mail;
    if (s->last == &s->first)
        s->last = &req->mail.next;
}

static struct store_req *
take(struct pg_session *s, struct mail **link)
{
    struct mail *m = *link;

    *link = m->next;
    if (s->last == &m->next)
        s->last = link;
    return req_of(m);
}

void
pg_session_answer(struct pg_session *s, struct store_req *req, enum err e)
{
    atomic_fetch_sub(&s->store->n_queued, 1);
    store_req_complete(req, e);
}

/* ---- patience ---- */

static bool
is_away(const struct pg_session *s)
{
    return s->down_since_ms != 0 &&
           loop_now_ms(s->store->loop) - s->down_since_ms >= PG_AWAY_MS;
}

static void
answer_late(struct pg_session *s)
{
    int64_t now_ms = s->store->clock->mono_ms(s->store->clock);
    bool is_hopeless = is_away(s);
    size_t i = 0;

    for (struct mail **link = &s->first; *link; i++) {
        bool is_late = req_of(*link)->expires_ms <= now_ms;

        if (!is_late && !is_hopeless) {
            link = &(*link)->next;
            continue;
        }
        if (i < s->n_alone) {
            s->n_alone--;
            i--;
        }
        pg_session_answer(s, take(s, link), is_late ? ERR_TIMEOUT : ERR_IO);
    }
}

static void
on_look(struct loop_timer *t)
{
    struct pg_session *s = CONTAINER_OF(t, struct pg_session, timer);

    answer_late(s);
    if (s->first)
        loop_timer_set(s->store->loop, &s->timer, LOOK_MS, on_look);
}

/* ---- what goes next ---- */

static bool
may_join(const struct pg_session *s, const struct pg_op *op,
         struct store_req *req)
{
    return s->n_alone == 0 && req->verb == op->reqs[0]->verb &&
           (!op->verb->joins || op->verb->joins(op, req));
}

static struct pg_op *
gather(struct pg_session *s)
{
    struct arena *a = arena_new();
    struct pg_op *op = ARENA_NEW(a, struct pg_op);
    size_t max;

    op->store = s->store;
    op->session = s;
    op->arena = a;
    op->verb = verbs[req_of(s->first)->verb];
    max = op->verb->max > 0 ? op->verb->max : 1;
    op->reqs = ARENA_ARRAY(a, struct store_req *, max);
    op->reqs[op->n++] = take(s, &s->first);
    for (struct mail **link = &s->first; *link && op->n < max;) {
        if (may_join(s, op, req_of(*link)))
            op->reqs[op->n++] = take(s, link);
        else
            link = &(*link)->next;
    }
    if (s->n_alone > 0)
        s->n_alone--;
    return op;
}

static void
pump(struct pg_session *s)
{
    answer_late(s);
    if (!s->first)
        return;
    if (!s->op && pg_conn_is_ready(s->conn)) {
        s->op = gather(s);
        pg_op_start(s->op);
    }
    if (s->first && !loop_timer_is_set(&s->timer))
        loop_timer_set(s->store->loop, &s->timer, LOOK_MS, on_look);
}

static void
run_task(struct task *t)
{
    struct pg_session *s = CONTAINER_OF(t, struct pg_session, task);

    s->is_task_posted = false;
    pump(s);
}

void
pg_session_wake(struct pg_session *s)
{
    if (s->is_task_posted)
        return;
    s->is_task_posted = true;
    s->task.run = run_task;
    loop_defer(s->store->loop, &s->task);
}

void
pg_session_submit(struct pg_session *s, struct store_req *req)
{
    append(s, req);
    pg_session_wake(s);
}

/* ---- the connection's news ---- */

static void
on_ready(void *arg)
{
    struct pg_session *s = arg;

    if (s->down_since_ms != 0)
        LOG_INFO("store.back", log_cstr("session", s->who));
    s->down_since_ms = 0;
    pg_session_wake(s);
}

static void
on_lost(void *arg, const char *why)
{
    struct pg_session *s = arg;

    if (s->down_since_ms != 0)
        return; /* still away */
    s->down_since_ms =
        loop_now_ms(s->store->loop) - pg_conn_silence_ms(s->conn);
    LOG_WARN("store.lost", log_cstr("session", s->who), log_cstr("why", why));
}

/* ---- life ---- */

void
pg_session_open(struct pg_session *s, struct pg_store *store, const char *who,
                const char *setup)
{
    *s = (struct pg_session){.store = store, .who = who};
    s->last = &s->first;
    s->conn = pg_conn_new(&(struct pg_conn_options){.loop = store->loop,
                                                    .url = store->url,
                                                    .who = who,
                                                    .setup = setup,
                                                    .on_ready = on_ready,
                                                    .on_lost = on_lost,
                                                    .arg = s});
}

void
pg_session_close(struct pg_session *s)
{
    if (!s->conn)
        return;
    assert(!s->first && !s->op && !s->is_task_posted);
    loop_timer_clear(s->store->loop, &s->timer);
    pg_conn_free(s->conn);
    s->conn = NULL;
}
