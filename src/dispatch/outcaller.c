#include "dispatch/outcaller.h"

#include <stdlib.h>

#include "app/workspace.h"
#include "base/arena.h"
#include "base/list.h"

struct through_executor {
    struct outcaller outcaller;
    struct executor *executor;
};

struct call {
    struct execution x;
    struct provider provider; /* executors name it */
    struct outcall *outcall;
};

static const struct channel_driver driver = {.name = "fetch"};

static void
on_done(struct execution *x, const struct channel_answer *a)
{
    struct call *c = CONTAINER_OF(x, struct call, x);

    c->outcall->on_done(c->outcall, a);
}

static void
start(struct outcaller *base, struct outcall *o)
{
    struct through_executor *t =
        CONTAINER_OF(base, struct through_executor, outcaller);
    struct call *c = ARENA_NEW(o->arena, struct call);

    o->private_state = c;
    *c = (struct call){
        .x = {.arena = o->arena,
              .provider = &c->provider,
              .request = &o->request,
              .timeout_ms = o->timeout_ms,
              .on_done = on_done},
        .provider = {.tenant = o->tenant,
                     .name = str_fmt(o->arena, "fetch/%.*s", STR_ARG(o->name)),
                     .channel = STR("fetch"),
                     .driver = &driver},
        .outcall = o,
    };
    t->executor->start(t->executor, &c->x);
}

static void
cancel(struct outcaller *base, struct outcall *o)
{
    struct through_executor *t =
        CONTAINER_OF(base, struct through_executor, outcaller);
    struct call *c = o->private_state;

    t->executor->cancel(t->executor, &c->x);
}

struct outcaller *
outcaller_new(struct executor *e)
{
    struct through_executor *t = xcalloc(1, sizeof(*t));

    t->outcaller = (struct outcaller){.start = start, .cancel = cancel};
    t->executor = e;
    return &t->outcaller;
}

void
outcaller_free(struct outcaller *o)
{
    if (o)
        free(CONTAINER_OF(o, struct through_executor, outcaller));
}
