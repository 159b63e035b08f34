/* store_rig.c - see store_rig.h. */
#include "store_rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/loop.h"

struct rig *
rig_on(const struct kind *k, const char *path)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert(r);
    r->kind = k;
    snprintf(r->path, sizeof(r->path), "%s", path);
    r->loop = loop_new();
    r->arena = arena_new();
    clock_virtual_init(&r->clock, NOW);
    r->store = k->open(r);
    return r;
}

struct rig *
rig_new(const struct kind *k)
{
    char dir[64] = "/tmp/belfry-store-XXXXXX", path[96];
    struct rig *r;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/db", dir);
    r = rig_on(k, path);
    memcpy(r->dir, dir, sizeof(dir));
    return r;
}

void
rig_free(struct rig *r)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};

    store_close(r->store);
    if (r->kind->drop)
        r->kind->drop(r);
    for (size_t i = 0; i < 4; i++) {
        char name[128];

        snprintf(name, sizeof(name), "%s%s", r->path, tails[i]);
        unlink(name);
    }
    rmdir(r->dir);
    arena_free(r->arena);
    for (size_t i = 0; i < RIG_OPEN_MAX; i++)
        arena_free(r->lent[i].arena);
    loop_free(r->loop);
    free(r);
}

void
rig_reopen(struct rig *r)
{
    store_close(r->store);
    r->store = r->kind->open(r);
}

static void
hear(void *arg, const struct store_notice *notices, size_t n)
{
    struct rig *r = arg;

    for (size_t i = 0; i < n && r->n_heard < 2000; i++) {
        struct heard *h = &r->heard[r->n_heard];

        h->notice = notices[i];
        snprintf(h->user, sizeof(h->user), "%.*s", STR_ARG(notices[i].user));
        h->notice.user = STR_NONE;
        if (notices[i].event)
            h->event = *notices[i].event;
        r->n_heard++;
    }
}

void
rig_listen(struct rig *r)
{
    store_listen(r->store, &(struct store_listener){hear, r});
}

static struct rig *open_rig; /* cmocka runs one test at a time */

static struct arena *
lend_arena(struct rig *r)
{
    for (size_t i = 0; i < RIG_OPEN_MAX; i++) {
        struct lent *l = &r->lent[i];

        if (l->is_lent)
            continue;
        if (!l->arena)
            l->arena = arena_new();
        l->is_lent = true;
        return l->arena;
    }
    fail_msg("more than %d requests at once", RIG_OPEN_MAX);
    return NULL;
}

static void
take_arena_back(struct rig *r, const struct arena *a)
{
    for (size_t i = 0; i < RIG_OPEN_MAX; i++)
        if (r->lent[i].arena == a)
            r->lent[i].is_lent = false;
}

static void
answered(struct store_req *req, enum err e)
{
    assert_int_equal(e, req->err);
    take_arena_back(open_rig, req->arena);
    assert_true(open_rig->n_open > 0);
    open_rig->n_open--;
}

void
begin(struct rig *r, enum store_verb verb, struct store_req *req)
{
    size_t n_open = ++r->n_open;

    req->arena = lend_arena(r);
    req->loop = r->loop;
    req->on_done = answered;
    open_rig = r;
    store_submit(r->store, verb, req);
    assert_int_equal(r->n_open, n_open); /* never before it returns */
}

void
wait_for_all(struct rig *r)
{
    while (r->n_open > 0)
        loop_turn(r->loop, 1000);
}

enum err
ask(struct rig *r, enum store_verb verb, struct store_req *req)
{
    begin(r, verb, req);
    wait_for_all(r);
    return req->err;
}

static void
fill_delivery(const struct send *s, const struct notification *n,
              struct delivery *d, int64_t id)
{
    *d = (struct delivery){
        .id = id,
        .tenant = n->tenant,
        .notification = n->id,
        .user = str_from(s->user),
        .channel = s->in_app ? STR("in_app") : STR("email"),
        .status = s->in_app ? DELIVERY_DELIVERED : s->status,
        .priority = n->priority,
        .recipient = -1,
        .created_ms = n->created_ms,
        .updated_ms = n->created_ms,
        .due_ms = s->due_ms,
        .lane = s->in_app ? 0
                : s->lane ? s->lane
                          : LANE,
        .rank = s->rank ? s->rank : id,
    };
}

static void
fill_item(const struct send *s, struct inbox_item *i, const struct delivery *d)
{
    *i = (struct inbox_item){
        .id = d->id,
        .notification = d->notification,
        .delivery = d->id,
        .user = str_from(s->user),
        .created_ms = d->created_ms,
        .category = STR("news"),
        .content = STR("{\"title\":\"hello\"}"),
    };
}

static void
say_accepted(struct store_req *req, struct buf *ret_body, int *ret_status)
{
    struct store_accept *a =
        (struct store_accept *)(void *)((char *)req -
                                        offsetof(struct store_accept, req));

    buf_put_i64(ret_body, a->items[0].id);
    *ret_status = 202;
}

struct store_accept *
make_accept(struct rig *r, const struct send *s)
{
    struct store_accept *a = ARENA_NEW(r->arena, struct store_accept);
    struct store_accept_item *item =
        ARENA_NEW(r->arena, struct store_accept_item);
    int64_t now_ms = s->now_ms ? s->now_ms : NOW;

    a->tenant = s->tenant ? s->tenant : T;
    a->now_ms = now_ms;
    a->items = item;
    a->n_items = 1;
    item->notification = (struct notification){
        .id = s->id,
        .tenant = a->tenant,
        .created_ms = now_ms,
        .priority = s->is_critical ? PRIORITY_CRITICAL : PRIORITY_NORMAL,
        .doc = STR("{\"title\":\"hello\"}"),
        .request_id = STR("req-1"),
        .n_recipients = 1,
    };
    item->n_deliveries = s->n ? s->n : 1;
    item->deliveries =
        ARENA_ARRAY(r->arena, struct delivery, item->n_deliveries);
    for (size_t i = 0; i < item->n_deliveries; i++)
        fill_delivery(s, &item->notification, &item->deliveries[i],
                      s->id + 1 + (int64_t)i);
    if (s->in_app) {
        item->n_items = item->n_deliveries;
        item->items = ARENA_ARRAY(r->arena, struct inbox_item, item->n_items);
        for (size_t i = 0; i < item->n_items; i++)
            fill_item(s, &item->items[i], &item->deliveries[i]);
    }
    item->cancel_key = str_from(s->cancel);
    item->dedup_key = str_from(s->dedup);
    item->dedup_until_ms = s->dedup_until_ms ? s->dedup_until_ms : NOW + 1000;
    a->idem.key = str_from(s->idem);
    a->idem.until_ms = NOW + 1000;
    a->idem.fingerprint[0] = s->fingerprint;
    a->idem.answer = say_accepted;
    return a;
}

void
send_one(struct rig *r, const struct send *s)
{
    assert_int_equal(ASK(r, accept, make_accept(r, s)), ERR_OK);
}

size_t
claim_some(struct rig *r, size_t n, bool records_intent, int64_t *ret_ids)
{
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = n,
                            .records_intent = records_intent};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    for (size_t i = 0; i < c.n_work; i++)
        ret_ids[i] = c.work[i].delivery.id;
    return c.n_work;
}

bool
finish_one(struct rig *r, int64_t delivery, enum delivery_status status,
           int attempt_n)
{
    struct attempt t = {.n = attempt_n,
                        .at_ms = NOW,
                        .provider = STR("smtp"),
                        .verdict = STR("sent"),
                        .status = 250,
                        .detail = STR("ok"),
                        .duration_ms = 3};
    struct store_finish f = {.tenant = T,
                             .delivery = delivery,
                             .status = status,
                             .reason = STR("accepted"),
                             .provider = STR("smtp"),
                             .lane = LANE,
                             .due_ms = NOW + 500,
                             .attempt = attempt_n ? &t : NULL};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    return f.is_done;
}

void
get_delivery(struct rig *r, int64_t id, struct store_delivery_get *ret)
{
    *ret = (struct store_delivery_get){.tenant = T, .id = id};
    assert_int_equal(ASK(r, delivery_get, ret), ERR_OK);
}

enum delivery_status
status_of(struct rig *r, int64_t delivery)
{
    struct store_delivery_get g;

    get_delivery(r, delivery, &g);
    return g.delivery.status;
}

int
rig_setup(void **state)
{
    *state = rig_new(&the_kind);
    return 0;
}

int
rig_teardown(void **state)
{
    rig_free(*state);
    return 0;
}
