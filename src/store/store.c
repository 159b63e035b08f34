/* store.c - from a verb's name to the driver that speaks it, and back to who
 * asked. Any thread. */
#include "store/store.h"

#include <assert.h>

#include "base/list.h"

static const struct {
    const char *name;
    bool writes;
} verbs[STORE_VERB_COUNT] = {
#define WRITE true
#define READ false
#define V(verb, access) [STORE_VERB_##verb] = {#verb, access},
#include "store/verbs.def"
#undef V
#undef READ
#undef WRITE
};

void
store_submit(struct store *s, enum store_verb verb, struct store_req *req)
{
    assert((unsigned)verb < STORE_VERB_COUNT);
    assert(req->arena && req->loop && req->on_done);
    req->store = s;
    req->verb = verb;
    req->err = ERR_OK;
    atomic_fetch_add(&s->n_in_flight, 1);
    s->driver->submit(s, req);
}

size_t
store_in_flight(const struct store *s)
{
    return atomic_load(&s->n_in_flight);
}

void
store_listen(struct store *s, const struct store_listener *l)
{
    s->driver->listen(s, l);
}

bool
store_holds(const struct store *s, int64_t lease)
{
    return !s->driver->holds || s->driver->holds(s, lease);
}

void
store_stop(struct store *s)
{
    if (s && s->driver->stop)
        s->driver->stop(s);
}

void
store_close(struct store *s)
{
    if (s)
        s->driver->close(s);
}

bool
store_verb_writes(enum store_verb v)
{
    assert((unsigned)v < STORE_VERB_COUNT);
    return verbs[v].writes;
}

const char *
store_verb_name(enum store_verb v)
{
    assert((unsigned)v < STORE_VERB_COUNT);
    return verbs[v].name;
}

void
store_req_take(struct store_req *req)
{
    arena_lend(req->arena);
    req->is_taken = true;
}

static void
answer(struct task *t)
{
    struct store_req *req = CONTAINER_OF(t, struct store_req, task);

    if (req->is_taken)
        arena_take_back(req->arena);
    req->is_taken = false;
    req->on_done(req, req->err);
}

void
store_req_complete(struct store_req *req, enum err e)
{
    struct store *s = req->store;

    req->err = e;
    req->task.run = answer;
    loop_post(req->loop, &req->task); /* from here on it is the caller's */
    atomic_fetch_sub(&s->n_in_flight, 1);
}
