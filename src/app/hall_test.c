#include "app/hall_test.h"

#include <stdlib.h>

#include "base/list.h"
#include "store/memory/memory.h"

static unsigned uncertain_per_mille;

static void
on_commit(void *arg, const struct store_notice *notices, size_t n)
{
    struct hall *h = arg;

    for (size_t i = 0; i < n; i++) {
        if (notices[i].kind == STORE_NOTICE_CHANGE && h->snapshots)
            snapshots_changed(h->snapshots, notices[i].seq);
        if (notices[i].kind != STORE_NOTICE_WORK)
            continue;
        if (h->fan)
            fan_ring(h->fan);
        if (h->digests)
            digests_ring(h->digests);
    }
}

static void
on_started(void *arg, enum err e)
{
    struct hall *h = arg;

    h->answered = e;
    h->n_answered++;
}

static struct hall *asking;

static void
on_answer(struct store_req *req, enum err e)
{
    (void)req;
    on_started(asking, e);
}

struct store_req
hall_question(struct hall *h)
{
    asking = h;
    h->n_answered = 0;
    return (struct store_req){
        .arena = h->arena, .loop = h->env.loop, .on_done = on_answer};
}

void
hall_put(struct hall *h, int64_t tenant, struct store_object_write *writes,
         size_t n)
{
    struct store_object_put p;

    do {
        p = (struct store_object_put){.req = hall_question(h),
                                      .tenant = tenant,
                                      .now_ms = NOW,
                                      .writes = writes,
                                      .n_writes = n};
        store_object_put(h->env.store, &p);
        TURN_UNTIL(h, h->n_answered == 1);
    } while (h->answered == ERR_UNCERTAIN);
    assert_int_equal(h->answered, ERR_OK);
}

int
hall_setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    struct hall *h = xcalloc(1, sizeof(*h));
    struct store_object_write w = {.kind = OBJECT_WORKSPACE,
                                   .key = STR("default"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 7};

    h->arena = arena_new();
    h->vault = vault_from(secret);
    clock_virtual_init(&h->clock, NOW);
    rng_seed(&h->rng, 1);
    h->env = (struct env){
        .loop = loop_new(), .clock = &h->clock.base, .rng = &h->rng};
    h->env.store = memory_store_open(&(struct memory_store_options){
        .loop = h->env.loop,
        .clock = &h->clock.base,
        .seed = 11,
        .uncertain_per_mille = uncertain_per_mille});
    store_listen(h->env.store,
                 &(struct store_listener){.on_commit = on_commit, .arg = h});
    h->snapshots = snapshots_new(
        &(struct snapshots_options){.env = &h->env, .vault = h->vault});
    h->app = (struct app){.env = &h->env,
                          .ids = id_maker_new(0),
                          .vault = h->vault,
                          .snapshots = h->snapshots};
    h->tenant = 7;
    hall_put(h, 0, &w, 1);
    h->n_answered = 0;
    snapshots_start(h->snapshots, on_started, h);
    TURN_UNTIL(h, h->n_answered == 1);
    *state = h;
    return 0;
}

int
hall_uncertain_setup(void **state)
{
    int e;

    uncertain_per_mille = 300;
    e = hall_setup(state);
    uncertain_per_mille = 0;
    return e;
}

static void
on_drained(void *arg)
{
    struct hall *h = arg;

    h->n_drained++;
}

void
hall_stop(struct hall *h)
{
    if (h->fan) {
        h->n_drained = 0;
        fan_drain(h->fan, on_drained, h);
        assert_int_equal(h->n_drained, 0);
        TURN_UNTIL(h, h->n_drained == 1);
        fan_free(h->fan);
        h->fan = NULL;
    }
    if (h->digests) {
        h->n_drained = 0;
        digests_drain(h->digests, on_drained, h);
        assert_int_equal(h->n_drained, 0);
        TURN_UNTIL(h, h->n_drained == 1);
        digests_free(h->digests);
        h->digests = NULL;
    }
    if (h->workflows) {
        h->n_drained = 0;
        workflows_drain(h->workflows, on_drained, h);
        assert_int_equal(h->n_drained, 0);
        TURN_UNTIL(h, h->n_drained == 1);
        workflows_free(h->workflows);
        h->workflows = NULL;
    }
}

int
hall_teardown(void **state)
{
    struct hall *h = *state;

    hall_stop(h);
    store_close(h->env.store);
    snapshots_free(h->snapshots);
    id_maker_free(h->app.ids);
    loop_free(h->env.loop);
    vault_free(h->vault);
    arena_free(h->arena);
    free(h);
    return 0;
}

struct sending {
    struct send send;
    struct send_item item;
    int n_done;
};

static void
on_sent(struct send *s, enum err e)
{
    struct sending *x = CONTAINER_OF(s, struct sending, send);

    asking->answered = e;
    x->n_done++;
}

int64_t
hall_send(struct hall *h, const char *body)
{
    struct sending *x = ARENA_NEW(h->arena, struct sending);
    struct json_doc *doc = ARENA_NEW(h->arena, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(h->arena, quoted(h->arena, body), doc, &why),
                     ERR_OK);
    asking = h;
    x->item.doc = json_root(doc);
    x->send =
        (struct send){.app = &h->app,
                      .arena = h->arena,
                      .workspace = snapshots_workspace(h->snapshots, h->tenant),
                      .items = &x->item,
                      .n_items = 1,
                      .on_done = on_sent};
    assert_non_null(x->send.workspace);
    send_start(&x->send);
    TURN_UNTIL(h, x->n_done == 1);
    workspace_put(x->send.workspace);
    assert_false(problem_is_set(&x->item.problem));
    return x->item.accepted->notification.id;
}

struct store_notification_get
hall_look(struct hall *h, int64_t id)
{
    struct store_notification_get g = {.req = hall_question(h),
                                       .tenant = h->tenant,
                                       .id = id,
                                       .max_deliveries = 100000};

    store_notification_get(h->env.store, &g);
    TURN_UNTIL(h, h->n_answered == 1);
    return g;
}
