/* memory.c - see memory.h. Requests wait in a row; each turn of the loop some
 * of them, drawn by chance, are carried out. */
#include "store/memory/memory.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "store/memory/audit.h"

struct memory_store {
    struct store base;
    struct loop *loop;
    struct clock *clock;
    struct rng rng;
    unsigned uncertain_per_mille;
    struct store_listener listener;
    struct mailbox inbox;
    struct loop_timer timer; /* looks into the inbox */
    struct task wake;
    pthread_mutex_t lock; /* is_woken */
    bool is_woken;
    struct rows pending; /* struct store_req * */
    struct mem mem;
};

static mem_verb *const verbs[STORE_VERB_COUNT] = {
#define V(name, access) [STORE_VERB_##name] = mem_##name,
#include "store/verbs.def"
#undef V
};

static void
tell(struct memory_store *s)
{
    if (s->listener.on_commit && s->mem.notices.n > 0)
        s->listener.on_commit(s->listener.arg, (void *)s->mem.notices.bytes.p,
                              s->mem.notices.n);
    s->mem.notices.n = 0;
    buf_reset(&s->mem.notices.bytes);
    arena_reset(s->mem.told);
}

static void
carry_out(struct memory_store *s, struct store_req *req)
{
    bool is_write = store_verb_writes(req->verb);
    bool is_uncertain =
        is_write && rng_below(&s->rng, 1000) < s->uncertain_per_mille;
    enum err e;

    if (req->expires_ms <= s->clock->mono_ms(s->clock)) {
        store_req_complete(req, ERR_TIMEOUT);
        return;
    }
    if (is_uncertain && rng_below(&s->rng, 2) == 0) {
        store_req_complete(req, ERR_UNCERTAIN);
        return;
    }
    e = verbs[req->verb](&s->mem, req);
    if (e == ERR_OK)
        mem_audit_write(&s->mem, req);
    if (is_uncertain) {
        e = ERR_UNCERTAIN;
        if (req->verb == STORE_VERB_cycle)
            mem_unclaim(&s->mem, CONTAINER_OF(req, struct store_cycle, req));
    }
    tell(s);
    store_req_complete(req, e);
}

static void
collect(struct memory_store *s)
{
    struct mail *m = mailbox_take(&s->inbox);

    while (m) {
        struct store_req *req = CONTAINER_OF(m, struct store_req, mail);

        m = m->next;
        *ROW_ADD(&s->pending, struct store_req *) = req;
    }
}

static struct store_req *
draw(struct memory_store *s)
{
    struct store_req **all = (struct store_req **)(void *)s->pending.bytes.p;
    size_t i = rng_below(&s->rng, s->pending.n);
    struct store_req *drawn = all[i];

    all[i] = all[--s->pending.n];
    s->pending.bytes.n -= sizeof(*all);
    return drawn;
}

static void
work(struct loop_timer *t)
{
    struct memory_store *s = CONTAINER_OF(t, struct memory_store, timer);
    size_t n;

    collect(s);
    n = rng_below(&s->rng, s->pending.n + 1);
    while (n-- > 0)
        carry_out(s, draw(s));
    if (s->pending.n > 0)
        loop_timer_set(s->loop, &s->timer, 0, work);
}

static void
woken(struct task *t)
{
    struct memory_store *s = CONTAINER_OF(t, struct memory_store, wake);

    pthread_mutex_lock(&s->lock);
    s->is_woken = false;
    pthread_mutex_unlock(&s->lock);
    if (!loop_timer_is_set(&s->timer))
        loop_timer_set(s->loop, &s->timer, 0, work);
}

static void
submit(struct store *base, struct store_req *req)
{
    struct memory_store *s = CONTAINER_OF(base, struct memory_store, base);
    bool was_woken;

    req->expires_ms = req->deadline_ms
                          ? req->deadline_ms
                          : s->clock->mono_ms(s->clock) + STORE_DEADLINE_MS;
    mailbox_send(&s->inbox, &req->mail);
    pthread_mutex_lock(&s->lock);
    was_woken = s->is_woken;
    s->is_woken = true;
    pthread_mutex_unlock(&s->lock);
    if (!was_woken)
        loop_post(s->loop, &s->wake);
}

static void
listen_to(struct store *base, const struct store_listener *l)
{
    struct memory_store *s = CONTAINER_OF(base, struct memory_store, base);

    assert(!s->listener.on_commit);
    s->listener = *l;
}

static void
close_store(struct store *base)
{
    struct memory_store *s = CONTAINER_OF(base, struct memory_store, base);
    struct rows *const all[] = {
        &s->mem.notifications, &s->mem.deliveries,
        &s->mem.attempts,      &s->mem.items,
        &s->mem.users,         &s->mem.events,
        &s->mem.objects,       &s->mem.members,
        &s->mem.changes,       &s->mem.idems,
        &s->mem.dedups,        &s->mem.works,
        &s->mem.notices,       &s->pending,
        &s->mem.budgets,       &s->mem.digests,
        &s->mem.steps,         &s->mem.user_events,
        &s->mem.trials,        &s->mem.trial_deliveries,
        &s->mem.habits,        &s->mem.audits,
        &s->mem.taken,         &s->mem.attachments,
        &s->mem.presses,       &s->mem.said,
        &s->mem.tellings,
    };

    while (s->is_woken) /* its task is on the way to us */
        loop_turn(s->loop, 0);
    collect(s);
    while (s->pending.n > 0)
        carry_out(s, draw(s));
    loop_timer_clear(s->loop, &s->timer);
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        buf_fini(&all[i]->bytes);
    arena_free(s->mem.arena);
    arena_free(s->mem.told);
    mailbox_fini(&s->inbox);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct store_driver driver = {
    .name = "memory",
    .submit = submit,
    .listen = listen_to,
    .close = close_store,
};

struct store *
memory_store_open(const struct memory_store_options *o)
{
    struct memory_store *s = xcalloc(1, sizeof(*s));

    s->base.driver = &driver;
    s->loop = o->loop;
    s->clock = o->clock;
    s->uncertain_per_mille = o->uncertain_per_mille;
    rng_seed(&s->rng, o->seed);
    mailbox_init(&s->inbox, NULL, NULL);
    pthread_mutex_init(&s->lock, NULL);
    s->wake.run = woken;
    s->mem.arena = arena_new();
    s->mem.told = arena_new();
    s->mem.epoch = o->clock->wall_ms(o->clock);
    return &s->base;
}
