#include "app/budget.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app_test.h"
#include "app/category_doc.h"
#include "app/experiment_doc.h"
#include "app/send.h"
#include "base/list.h"
#include "base/map.h"
#include "store/memory/memory.h"
#include "store/store.h"

#define NOW INT64_C(1790000000000)
#define HOUR (3600 * 1000)

/* A desk whose category `news` is throttled, with a store behind it. */
struct office {
    struct desk *desk;
    struct clock_virtual clock;
    struct rng rng;
    struct env env;
    struct app app;
};

struct outcome {
    struct send send;
    enum err err;
    int n_done;
};

static unsigned uncertain_per_mille;

static void
set_category(struct office *o, const char *key, const char *doc)
{
    struct json d = desk_json(o->desk, doc);

    category_doc_check(d, &o->desk->problem);
    field_check(category_fields, d, STR(""), &o->desk->problem);
    assert_string_equal(desk_faults(o->desk), "");
    map_put(o->desk->w.categories, str_from(key),
            category_doc_read(o->desk->arena, str_from(key), d));
}

static int
office_setup(void **state)
{
    struct office *o = xcalloc(1, sizeof(*o));

    desk_setup((void **)&o->desk);
    o->desk->w.categories = map_new();
    clock_virtual_init(&o->clock, NOW);
    rng_seed(&o->rng, 1);
    o->env = (struct env){
        .loop = loop_new(), .clock = &o->clock.base, .rng = &o->rng};
    o->env.store = memory_store_open(&(struct memory_store_options){
        .loop = o->env.loop,
        .clock = &o->clock.base,
        .seed = 7,
        .uncertain_per_mille = uncertain_per_mille});
    o->app = (struct app){.env = &o->env,
                          .ids = id_maker_new(0),
                          .vault = o->desk->vault,
                          .public_url = STR("http://belfry")};
    set_category(o, "news", "{'throttle':{'limit':2,'per':'1h'}}");
    *state = o;
    return 0;
}

static int
uncertain_setup(void **state)
{
    int e;

    uncertain_per_mille = 1000;
    e = office_setup(state);
    uncertain_per_mille = 0;
    return e;
}

static int
office_teardown(void **state)
{
    struct office *o = *state;

    store_close(o->env.store);
    id_maker_free(o->app.ids);
    loop_free(o->env.loop);
    map_free(o->desk->w.categories);
    desk_teardown((void **)&o->desk);
    free(o);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, office_setup, office_teardown)

/* ---- asking ---- */

static void
on_sent(struct send *s, enum err e)
{
    struct outcome *x = CONTAINER_OF(s, struct outcome, send);

    x->err = e;
    x->n_done++;
}

static void
answer(struct store_req *req, struct buf *body, int *status)
{
    (void)req;
    buf_put_cstr(body, "{}");
    *status = 202;
}

/* `list` is an array of send bodies; each send has an arena of its own. */
static struct outcome *
begin(struct office *o, const char *list, const char *idem, uint8_t fingerprint)
{
    struct outcome *x = ARENA_NEW(o->desk->arena, struct outcome);
    struct json bodies = desk_json(o->desk, list);
    size_t n = 0;

    x->send =
        (struct send){.app = &o->app,
                      .arena = arena_new(),
                      .workspace = &o->desk->w,
                      .items = ARENA_ARRAY(o->desk->arena, struct send_item,
                                           json_count(bodies)),
                      .n_items = json_count(bodies),
                      .idem = {.key = str_from(idem),
                               .fingerprint = {fingerprint},
                               .until_ms = NOW + HOUR,
                               .answer = answer},
                      .on_done = on_sent,
                      .arg = o};
    for (struct json b = json_first(bodies); !json_is(b, JSON_ABSENT);
         b = json_next(bodies, b))
        x->send.items[n++].doc = b;
    send_start(&x->send);
    assert_int_equal(x->n_done, 0);
    return x;
}

static enum err
end(struct office *o, struct outcome *x)
{
    for (int i = 0; i < 10000 && x->n_done == 0; i++)
        loop_turn(o->env.loop, 1);
    assert_int_equal(x->n_done, 1);
    return x->err;
}

/* 's' a channel that it goes out on, 't' one that is throttled, '-' one that
 * is not sent for another reason; a blank between recipients, / between the
 * items. */
static const char *
plan_of(struct office *o, struct outcome *x)
{
    struct buf out;

    buf_init(&out, o->desk->arena);
    for (size_t i = 0; i < x->send.n_items; i++) {
        const struct send_item *item = &x->send.items[i];
        size_t n_channels = item->request.n_channels;

        buf_put_cstr(&out, i > 0 ? "/" : "");
        for (size_t k = 0; k < item->n_decisions; k++) {
            const struct plan_decision *d = &item->decisions[k];

            buf_put_cstr(&out, k > 0 && k % n_channels == 0 ? " " : "");
            buf_put_cstr(&out, d->verdict != PLAN_SKIP         ? "s"
                               : d->reason == REASON_THROTTLED ? "t"
                                                               : "-");
        }
    }
    return str_cstr(o->desk->arena, buf_str(&out));
}

static void
assert_plan(struct office *o, const char *list, const char *want)
{
    struct outcome *x = begin(o, list, "", 0);

    assert_int_equal(end(o, x), ERR_OK);
    assert_string_equal(plan_of(o, x), want);
    arena_free(x->send.arena);
}
#define NEWS(more) "{'title':'t','category':'news'," more "}"

/* ---- the tests ---- */

static void
beyond_the_limit_it_is_suppressed_until_the_window_has_moved(void **state)
{
    struct office *o = *state;

    assert_plan(o, "[" NEWS("'to':'u1'") "]", "s");
    o->clock.now_ms += HOUR / 2;
    assert_plan(o, "[" NEWS("'to':['u1','u2']") "]", "s s");
    assert_plan(o, "[" NEWS("'to':['u1','u2']") "]", "t s");
    assert_plan(o, "[" NEWS("'to':['u1','u2']") "]", "t t");
    o->clock.now_ms += HOUR / 2 - 1;
    assert_plan(o, "[" NEWS("'to':'u1'") "]", "t");
    o->clock.now_ms += 1;
    assert_plan(o, "[" NEWS("'to':'u1'") "]", "s");
    assert_plan(o, "[" NEWS("'to':'u1'") "]", "t");
    assert_plan(o, "[{'title':'t','to':'u1','category':'other'}]", "s");
}

static void
a_suppressed_delivery_says_why(void **state)
{
    struct office *o = *state;
    struct outcome *x;

    assert_plan(o, "[" NEWS("'to':'u1'") "," NEWS("'to':'u1'") "]", "s/s");
    x = begin(o, "[" NEWS("'to':'u1'") "]", "", 0);
    assert_int_equal(end(o, x), ERR_OK);
    assert_int_equal(x->send.items[0].accepted->n_items, 0);
    assert_int_equal(x->send.items[0].accepted->deliveries[0].status,
                     DELIVERY_SUPPRESSED);
    assert_text(x->send.items[0].accepted->deliveries[0].reason,
                "throttle.per_user");
    arena_free(x->send.arena);
}

static void
it_counts_once_however_many_channels_and_only_what_goes_out(void **state)
{
    struct office *o = *state;

    desk_provider(o->desk, "mail", 99,
                  "{'driver':'smtp','channel':'email',"
                  "'config':{'host':'h','from':'a@b.c'}}");
    /* Nowhere to go: not counted. */
    for (int i = 0; i < 3; i++)
        assert_plan(o, "[" NEWS("'to':'u1','channels':['email','webhook']") "]",
                    "--");
    for (int i = 0; i < 2; i++)
        assert_plan(o,
                    "[" NEWS("'to':{'recipients':[{'id':'u1','email':'x@y.z'}]}"
                             ",'channels':['in_app','email','webhook']") "]",
                    "ss-");
    assert_plan(o,
                "[" NEWS("'to':{'recipients':[{'id':'u1','email':'x@y.z'}]}"
                         ",'channels':['in_app','email','webhook']") "]",
                "tt-");
}

/* What goes out of their window is counted then, as one; the one that may open
 * it and go out is counted at once, and joins none where it is refused. */
static void
what_a_window_collects_is_not_counted(void **state)
{
    struct office *o = *state;
    struct outcome *x;

    for (int i = 0; i < 4; i++)
        assert_plan(o, "[" NEWS("'to':'u1','digest':{'window':'1h'}") "]", "s");
    for (int i = 0; i < 2; i++)
        assert_plan(o,
                    "[" NEWS("'to':'u1','digest':{'window':'1h','key':'k',"
                             "'leading':true}") "]",
                    "s");
    x = begin(o,
              "[" NEWS("'to':'u1','digest':{'window':'1h','key':'k',"
                       "'leading':true}") "]",
              "", 0);
    assert_int_equal(end(o, x), ERR_OK);
    assert_string_equal(plan_of(o, x), "t");
    assert_int_equal(x->send.items[0].accepted->n_joins, 0);
    assert_int_equal(x->send.items[0].accepted->deliveries[0].status,
                     DELIVERY_SUPPRESSED);
    arena_free(x->send.arena);
    assert_plan(o, "[" NEWS("'to':'u1','digest':{'window':'1h'}") "]", "s");
}

static void
who_has_no_id_is_not_counted(void **state)
{
    struct office *o = *state;

    desk_provider(o->desk, "mail", 99,
                  "{'driver':'smtp','channel':'email',"
                  "'config':{'host':'h','from':'a@b.c'}}");
    for (int i = 0; i < 4; i++)
        assert_plan(o,
                    "[" NEWS("'to':{'recipients':[{'email':'x@y.z'}]},"
                             "'channels':['email']") "]",
                    "s");
}

static void
critical_ones_go_out_and_are_not_counted(void **state)
{
    struct office *o = *state;

    set_category(o, "alarm",
                 "{'critical':true,'throttle':{'limit':1,'per':'1h'}}");
    for (int i = 0; i < 4; i++) {
        assert_plan(o, "[" NEWS("'to':'u1','priority':'critical'") "]", "s");
        assert_plan(o, "[{'title':'t','to':'u1','category':'alarm'}]", "s");
    }
    assert_plan(o, "[" NEWS("'to':'u1'") "," NEWS("'to':'u1'") "]", "s/s");
    assert_plan(o, "[" NEWS("'to':'u1','priority':'high'") "]", "t");
    assert_plan(o, "[" NEWS("'to':'u1','priority':'critical'") "]", "s");
}

static void
a_batch_takes_in_its_order(void **state)
{
    struct office *o = *state;

    assert_plan(
        o,
        "[" NEWS("'to':['u1','u2']") "," NEWS("'to':'nobody !'") "," NEWS(
            "'to':'u1'") "," NEWS("'to':['u2','u1','u3']") "]",
        "s s//s/s t s");
}

static void
a_dry_run_looks_and_takes_nothing(void **state)
{
    struct office *o = *state;

    for (int i = 0; i < 4; i++)
        assert_plan(o, "[" NEWS("'to':'u1','dry_run':true") "]", "s");
    assert_plan(o, "[" NEWS("'to':'u1'") "," NEWS("'to':'u1'") "]", "s/s");
    assert_plan(o, "[" NEWS("'to':'u1','dry_run':true") "]", "t");
    assert_plan(o,
                "[" NEWS("'to':'u2','dry_run':true") "," NEWS(
                    "'to':'u2'") "," NEWS("'to':'u2'") "]",
                "t/s/s"); /* after the others of its batch */
}

static void
a_duplicate_gives_back(void **state)
{
    struct office *o = *state;

    assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'k'") "]", "s");
    for (int i = 0; i < 3; i++)
        assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'k'") "]", "s");
    assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'l'") "]", "s");
    assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'k'") "]", "t");
    assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'m'") "]", "t");
}

/* Known or not, of this batch or of an earlier one. */
static void
a_duplicate_keeps_no_place_from_what_comes_after_it(void **state)
{
    struct office *o = *state;

    assert_plan(o, "[" NEWS("'to':'u1','dedup_key':'k'") "]", "s");
    assert_plan(o,
                "[" NEWS("'to':'u1','dedup_key':'k'") "," NEWS(
                    "'to':'u1'") "," NEWS("'to':'u1'") "]",
                "s/s/t");
    assert_plan(o,
                "[" NEWS("'to':'u2','dedup_key':'l'") "," NEWS(
                    "'to':['u2','u3'"
                    "],'dedup_key':'"
                    "l'") "," NEWS("'to':['u2',"
                                   "'u3']") "," NEWS("'to':['u2','u3']") "]",
                "s/s s/s s/t s");
    assert_plan(o,
                "[" NEWS("'to':'u4','dedup_key':'m','dry_run':true") "," NEWS(
                    "'to':'u4','dedup_key':'m'") "," NEWS("'to':'u4'") "]",
                "t/s/s");
}

static void
a_replay_and_a_mismatch_give_back(void **state)
{
    struct office *o = *state;

    for (int i = 0; i < 6; i++) {
        struct outcome *x =
            begin(o, "[" NEWS("'to':['u1','u2']") "]", "key", (uint8_t)(i % 2));

        assert_int_equal(end(o, x), i % 2 ? ERR_IDEM_MISMATCH : ERR_OK);
        assert_int_equal(x->send.idem.is_replay, i > 0 && i % 2 == 0);
        arena_free(x->send.arena);
    }
    assert_plan(o, "[" NEWS("'to':['u1','u2']") "]", "s s");
    assert_plan(o, "[" NEWS("'to':['u1','u2']") "]", "t t");
}

static void
many_at_once_get_no_more_than_the_limit(void **state)
{
    struct office *o = *state;
    struct outcome *x[50];
    int n = 0;

    for (int i = 0; i < 50; i++)
        x[i] = begin(o, "[" NEWS("'to':['u1','u2']") "]", "", 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(end(o, x[i]), ERR_OK);
    for (int i = 0; i < 50; i++) {
        n += (int)x[i]->send.items[0].accepted->n_items;
        arena_free(x[i]->send.arena);
    }
    assert_int_equal(n, 4);
}

/* More than one request to the store may name. */
static void
a_wide_batch_is_taken_piece_by_piece(void **state)
{
    enum { ITEMS = 5, USERS = STORE_BUDGETS_MAX / ITEMS + 100 };
    struct office *o = *state;
    struct buf body;

    buf_init(&body, o->desk->arena);
    for (int i = 0; i < ITEMS * USERS; i++) {
        if (i % USERS == 0)
            buf_printf(&body, "%s{'title':'t','category':'news','to':[",
                       i > 0 ? "]}," : "[");
        buf_printf(&body, "%s'u%d'", i % USERS > 0 ? "," : "", i);
    }
    buf_put_cstr(&body, "]}]");
    for (int i = 0; i < 3; i++) {
        struct outcome *x =
            begin(o, str_cstr(o->desk->arena, buf_str(&body)), "", 0);

        assert_int_equal(end(o, x), ERR_OK);
        for (int k = 0; k < ITEMS; k++)
            assert_int_equal(x->send.items[k].accepted->n_items,
                             i < 2 ? USERS : 0);
        arena_free(x->send.arena);
    }
}

/* Nothing of it is stored, and that is what is said. */
static void
an_uncertain_reservation_is_a_send_that_surely_failed(void **state)
{
    struct office *o = *state;

    for (int i = 0; i < 20; i++) {
        struct outcome *x = begin(o, "[" NEWS("'to':'u1'") "]", "", 0);

        assert_int_equal(end(o, x), ERR_TIMEOUT);
        arena_free(x->send.arena);
    }
}

static struct experiment_doc *
experiment(struct office *o, const char *key, const char *doc)
{
    struct object x = {.key = str_from(key), .num = 7};

    return experiment_doc_read(o->desk->arena, &x, desk_json(o->desk, doc));
}

/* As its chunks do when they are planned again, after a crash. */
static void
what_an_experiment_makes_of_it_has_the_place_of_the_whole(void **state)
{
    struct office *o = *state;
    struct experiment_doc *all[] = {
        experiment(o, "x",
                   "{'variants':[{'key':'a'},{'key':'b',"
                   "'content':{'default':{'title':'B'}}}]}")};
    struct outcome *x;
    size_t n = 0;

    o->desk->w.experiments = all;
    o->desk->w.n_experiments = 1;
    x = begin(o, "[" NEWS("'to':['u1','u2','u3','u4'],'experiment':'x'") "]",
              "", 0);
    assert_int_equal(end(o, x), ERR_OK);
    assert_true(x->send.n_parts > 2); /* both variants are drawn */
    for (size_t i = 0; i < x->send.budgets.taken[BUDGET_CATEGORY].n; i++, n++)
        assert_int_equal(x->send.budgets.taken[BUDGET_CATEGORY].all[i].ids[0],
                         x->send.items[0].accepted->id);
    assert_int_equal(n, 4);
    arena_free(x->send.arena);
    o->desk->w.n_experiments = 0;
}

static void
a_category_has_bounds(void **state)
{
    static const struct {
        const char *doc, *faults;
    } all[] = {
        {"{'throttle':{'limit':1,'per':'1s'}}", ""},
        {"{'throttle':{'limit':1000,'per':'31d'}}", ""},
        {"{'throttle':null}", ""},
        {"{'throttle':{'limit':0,'per':'1h'}}", "/throttle/limit"},
        {"{'throttle':{'limit':1001,'per':'1h'}}", "/throttle/limit"},
        {"{'throttle':{'limit':1.5,'per':'1h'}}", "/throttle/limit"},
        {"{'throttle':{'limit':1,'per':'999ms'}}", "/throttle/per"},
        {"{'throttle':{'limit':1,'per':'32d'}}", "/throttle/per"},
        {"{'throttle':{'limit':1,'per':3600}}", "/throttle/per"},
        {"{'throttle':{'limit':1}}", "/throttle/per"},
        {"{'throttle':{'per':'1h'}}", "/throttle/limit"},
        {"{'throttle':{'limit':1,'per':'1h','by':'x'}}", "/throttle/by"},
        {"{'throttle':5}", "/throttle"},
        {"{'sla':'5s','unknown':'hold'}", ""},
        {"{'sla':'99ms','unknown':'drop'}", "/sla /unknown"},
        {"{'sla':5}", "/sla"},
        {"{'quiet_hours':'digest'}", ""},
        {"{'quiet_hours':'rerout'}", "/quiet_hours"},
    };
    struct office *o = *state;

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        field_check(category_fields, desk_json(o->desk, all[i].doc), STR(""),
                    &o->desk->problem);
        assert_string_equal(desk_faults(o->desk), all[i].faults);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(beyond_the_limit_it_is_suppressed_until_the_window_has_moved),
        T(a_suppressed_delivery_says_why),
        T(it_counts_once_however_many_channels_and_only_what_goes_out),
        T(what_a_window_collects_is_not_counted),
        T(who_has_no_id_is_not_counted),
        T(critical_ones_go_out_and_are_not_counted),
        T(a_batch_takes_in_its_order),
        T(a_dry_run_looks_and_takes_nothing),
        T(a_duplicate_gives_back),
        T(a_duplicate_keeps_no_place_from_what_comes_after_it),
        T(a_replay_and_a_mismatch_give_back),
        T(many_at_once_get_no_more_than_the_limit),
        T(a_wide_batch_is_taken_piece_by_piece),
        cmocka_unit_test_setup_teardown(
            an_uncertain_reservation_is_a_send_that_surely_failed,
            uncertain_setup, office_teardown),
        T(what_an_experiment_makes_of_it_has_the_place_of_the_whole),
        T(a_category_has_bounds),
    };

    return cmocka_run_group_tests_name("app/budget", tests, NULL, NULL);
}
