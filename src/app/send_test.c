#include "app/send.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app_test.h"
#include "base/list.h"
#include "store/memory/memory.h"
#include "store/store.h"

#define NOW INT64_C(1790000000000)
#define MAIL                                                                   \
    "{'driver':'smtp','channel':'email','config':{'host':'h','from':'a@b.c'}}"

/* A desk with a store behind it. */
struct office {
    struct desk *desk;
    struct clock_virtual clock;
    struct rng rng;
    struct env env;
    struct app app;
    size_t n_answers; /* of idem.answer */
};

struct outcome {
    struct send send;
    enum err err;
    int n_done;
};

static unsigned uncertain_per_mille;

static int
office_setup(void **state)
{
    struct office *o = xcalloc(1, sizeof(*o));

    desk_setup((void **)&o->desk);
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
    struct send *s = send_of(req);
    struct office *o = s->arg;

    o->n_answers++;
    buf_printf(body, "id %lld", (long long)s->items[0].accepted->id);
    *status = 202;
}

static void
wait_for(struct office *o, const int *n_done)
{
    for (int i = 0; i < 10000 && *n_done == 0; i++)
        loop_turn(o->env.loop, 1);
    assert_int_equal(*n_done, 1);
}

/* `list` is an array of send bodies. */
static struct outcome *
begin(struct office *o, const char *list, const char *idem, uint8_t fingerprint)
{
    struct arena *a = o->desk->arena;
    struct outcome *x = ARENA_NEW(a, struct outcome);
    struct json bodies = desk_json(o->desk, list);
    size_t n = 0;

    x->send = (struct send){
        .app = &o->app,
        .arena = a,
        .workspace = &o->desk->w,
        .items = ARENA_ARRAY(a, struct send_item, json_count(bodies)),
        .n_items = json_count(bodies),
        .idem = {.key = str_from(idem),
                 .fingerprint = {fingerprint},
                 .until_ms = NOW + 1000,
                 .answer = answer},
        .request_id = STR("req_1"),
        .on_done = on_sent,
        .arg = o};
    for (struct json b = json_first(bodies); !json_is(b, JSON_ABSENT);
         b = json_next(bodies, b))
        x->send.items[n++].doc = b;
    send_start(&x->send);
    assert_int_equal(x->n_done, 0); /* never before the call returns */
    return x;
}

static struct outcome *
send_all(struct office *o, const char *list)
{
    struct outcome *x = begin(o, list, "", 0);

    wait_for(o, &x->n_done);
    for (int i = 0; i < 50; i++)
        loop_turn(o->env.loop, 0);
    assert_int_equal(x->n_done, 1); /* and once */
    return x;
}

static struct send_item *
item_of(struct outcome *x, size_t i)
{
    assert_int_equal(x->err, ERR_OK);
    assert_true(i < x->send.n_items);
    return &x->send.items[i];
}

static int n_answered;
static enum err answered;

static void
on_answer(struct store_req *req, enum err e)
{
    (void)req;
    answered = e;
    n_answered++;
}

static struct store_req
question(struct office *o)
{
    n_answered = 0;
    return (struct store_req){
        .arena = o->desk->arena, .loop = o->env.loop, .on_done = on_answer};
}

static void
put_user(struct office *o, const char *id, const char *body)
{
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = str_from(id),
                                   .body = quoted(o->desk->arena, body),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(o->app.ids, NOW, 1)};
    struct store_object_put p = {.req = question(o),
                                 .tenant = DESK_TENANT,
                                 .now_ms = NOW,
                                 .writes = &w,
                                 .n_writes = 1};

    store_object_put(o->env.store, &p);
    wait_for(o, &n_answered);
    assert_int_equal(answered, ERR_OK);
}

/* What became of the first item. */
static struct store_notification_get
look(struct office *o, struct outcome *x)
{
    struct store_notification_get g = {.req = question(o),
                                       .tenant = DESK_TENANT,
                                       .id = item_of(x, 0)->accepted->id,
                                       .max_deliveries = 100};

    store_notification_get(o->env.store, &g);
    wait_for(o, &n_answered);
    assert_int_equal(answered, ERR_OK);
    return g;
}

static const struct delivery *
delivery_for(const struct store_notification_get *g, const char *user,
             const char *channel)
{
    for (size_t i = 0; i < g->n_deliveries; i++)
        if (str_is(g->deliveries[i].user, user) &&
            str_is(g->deliveries[i].channel, channel))
            return &g->deliveries[i];
    fail_msg("no delivery for %s on %s", user, channel);
    return NULL;
}

static void
assert_ended(const struct delivery *d, enum delivery_status status,
             const char *reason)
{
    if (d->status != status)
        fail_msg("%.*s on %.*s is %s (%.*s)", STR_ARG(d->user),
                 STR_ARG(d->channel), delivery_status_name(d->status),
                 STR_ARG(d->reason));
    assert_text(d->reason, reason);
}

static struct store_inbox_list
inbox_of(struct office *o, const char *user)
{
    struct store_inbox_list l = {.req = question(o),
                                 .tenant = DESK_TENANT,
                                 .user = str_from(user),
                                 .limit = 100};

    store_inbox_list(o->env.store, &l);
    wait_for(o, &n_answered);
    assert_int_equal(answered, ERR_OK);
    return l;
}

static size_t
count_notifications(struct office *o)
{
    struct store_notification_list l = {
        .req = question(o), .tenant = DESK_TENANT, .limit = 100};

    store_notification_list(o->env.store, &l);
    wait_for(o, &n_answered);
    assert_int_equal(answered, ERR_OK);
    return l.n_notifications;
}

/* ---- the tests ---- */

static void
an_in_app_item_can_be_read_once_the_send_is_done(void **state)
{
    struct office *o = *state;
    struct outcome *x =
        send_all(o, "[{'to':['u1','u2'],'title':'T','body':'B','category':'c',"
                    "'actions':[{'id':'a','label':'L'}],"
                    "'data':{'n':1.50}}]");
    struct store_notification_get g = look(o, x);
    struct store_inbox_list l = inbox_of(o, "u2");

    assert_int_equal(g.n_deliveries, 2);
    assert_ended(delivery_for(&g, "u1", "in_app"), DELIVERY_DELIVERED,
                 "delivered");
    assert_text(g.notification.request_id, "req_1");
    assert_json(g.notification.note, "{'recipients':2,'never_stored':2}");
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].notification, g.notification.id);
    assert_text(l.items[0].category, "c");
    assert_json(l.items[0].content,
                "{'title':'T','body':'B','actions':[{'id':'a','label':'L'}],"
                "'data':{'n':1.50}}");
    assert_int_equal(inbox_of(o, "u3").n_items, 0);
}

static void
who_has_no_address_is_suppressed_and_who_has_one_queued(void **state)
{
    struct office *o = *state;
    struct store_notification_get g;
    struct outcome *x;

    desk_provider(o->desk, "mail", 99, MAIL);
    put_user(o, "has", "{'email':'a@b.c'}");
    put_user(o, "lacks", "{'phone':'1'}");
    x = send_all(o, "[{'to':{'users':['has','lacks','unknown'],'recipients':["
                    "{'email':'x@y.z'},{'id':'lacks2','email':'x@y.z'}]},"
                    "'channels':['email','webhook','in_app'],'title':'T'}]");
    g = look(o, x);
    assert_int_equal(g.n_deliveries, 15);
    assert_int_equal(delivery_for(&g, "has", "email")->status, DELIVERY_QUEUED);
    assert_int_equal(delivery_for(&g, "has", "email")->lane, 99);
    assert_int_equal(delivery_for(&g, "has", "email")->recipient, -1);
    assert_ended(delivery_for(&g, "lacks", "email"), DELIVERY_SUPPRESSED,
                 "contact.missing");
    assert_ended(delivery_for(&g, "unknown", "email"), DELIVERY_SUPPRESSED,
                 "contact.missing");
    assert_ended(delivery_for(&g, "has", "webhook"), DELIVERY_SUPPRESSED,
                 "provider.none");
    assert_ended(delivery_for(&g, "unknown", "in_app"), DELIVERY_DELIVERED,
                 "delivered");
    assert_int_equal(delivery_for(&g, "", "email")->status, DELIVERY_QUEUED);
    assert_int_equal(delivery_for(&g, "", "email")->recipient, 0);
    assert_int_equal(delivery_for(&g, "lacks2", "email")->recipient, 1);
    assert_ended(delivery_for(&g, "", "in_app"), DELIVERY_SUPPRESSED,
                 "contact.missing");
}

static void
a_send_to_addresses_alone_loads_nobody(void **state)
{
    struct office *o = *state;
    struct store_notification_get g;
    struct outcome *x;

    desk_provider(o->desk, "mail", 99, MAIL);
    x = send_all(o, "[{'to':{'recipients':[{'email':'x@y.z'}]},"
                    "'channels':['email'],'title':'T'}]");
    g = look(o, x);
    assert_int_equal(g.n_deliveries, 1);
    assert_int_equal(g.deliveries[0].status, DELIVERY_QUEUED);
}

static void
a_send_to_nobody_is_taken_and_has_no_deliveries(void **state)
{
    struct office *o = *state;
    struct outcome *x =
        send_all(o, "[{'to':{'users':['a'],'exclude':['a']},'title':'T'}]");

    assert_non_null(item_of(x, 0)->accepted);
    assert_int_equal(look(o, x).n_deliveries, 0);
}

/* The key as a program may have kept it. */
static void
suppress(struct office *o, const char *key)
{
    struct store_object_write w = {.kind = OBJECT_SUPPRESSION,
                                   .key = str_from(key),
                                   .body = STR("{\"reason\":\"contact.gone\"}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(o->app.ids, NOW, 1)};
    struct store_object_put p = {.req = question(o),
                                 .tenant = DESK_TENANT,
                                 .now_ms = NOW,
                                 .writes = &w,
                                 .n_writes = 1};

    store_object_put(o->env.store, &p);
    wait_for(o, &n_answered);
    assert_int_equal(answered, ERR_OK);
}

static void
a_suppressed_address_is_not_written_to(void **state)
{
    struct office *o = *state;
    struct store_notification_get g;

    suppress(o, "email:a@b.c");
    desk_provider(o->desk, "mail", 99, MAIL);
    g = look(o, send_all(o, "[{'to':{'recipients':[{'id':'u','email':"
                            "'a@b.c'},{'id':'v','email':'b@b.c'}]},"
                            "'channels':['email'],'title':'T'}]"));
    assert_int_equal(delivery_for(&g, "u", "email")->status,
                     DELIVERY_SUPPRESSED);
    assert_int_equal(delivery_for(&g, "v", "email")->status, DELIVERY_QUEUED);
}

/* Older programs kept addresses as they were written. */
static void
nor_is_one_that_is_written_in_another_way(void **state)
{
    struct office *o = *state;
    struct store_notification_get g;

    suppress(o, "email:ada@example.org");
    suppress(o, "email:Bob@Example.ORG");
    desk_provider(o->desk, "mail", 99, MAIL);
    g = look(o, send_all(o, "[{'to':{'recipients':["
                            "{'id':'a','email':'Ada <ADA@example.org>'},"
                            "{'id':'b','email':'Bob@Example.ORG'},"
                            "{'id':'c','email':'Cid@example.org'}]},"
                            "'channels':['email'],'title':'T'}]"));
    assert_int_equal(delivery_for(&g, "a", "email")->status,
                     DELIVERY_SUPPRESSED);
    assert_int_equal(delivery_for(&g, "b", "email")->status,
                     DELIVERY_SUPPRESSED);
    assert_int_equal(delivery_for(&g, "c", "email")->status, DELIVERY_QUEUED);
}

static void
good_and_bad_of_a_batch_go_their_own_ways(void **state)
{
    struct office *o = *state;
    struct outcome *x =
        send_all(o, "[{'to':'u1','title':'one'},"
                    "{'to':['u2','u3','u4','u5','u6'],'template':'none'},"
                    "{'to':'u7'},{'to':'u8','title':'two'},[],"
                    "{'to':'u9','title':'three','channels':['pigeon']}]");

    assert_non_null(item_of(x, 0)->accepted);
    assert_int_equal(item_of(x, 1)->problem.err, ERR_INVALID);
    assert_null(item_of(x, 1)->accepted);
    assert_int_equal(item_of(x, 2)->problem.err, ERR_INVALID);
    assert_non_null(item_of(x, 3)->accepted);
    assert_int_equal(item_of(x, 4)->problem.err, ERR_INVALID);
    assert_int_equal(item_of(x, 5)->problem.err, ERR_INVALID);
    assert_int_equal(count_notifications(o), 2);
    assert_int_equal(inbox_of(o, "u8").n_items, 1);
}

static void
what_is_refused_stores_nothing_however_many_it_names(void **state)
{
    struct office *o = *state;
    struct outcome *x;
    struct buf b;

    buf_init(&b, o->desk->arena);
    buf_put_cstr(&b, "[{'template':'none','to':['u0'");
    for (int i = 1; i < 1000; i++)
        buf_printf(&b, ",'u%d'", i);
    buf_put_cstr(&b, "]}]");
    x = send_all(o, str_cstr(o->desk->arena, buf_str(&b)));
    assert_null(item_of(x, 0)->accepted);
    assert_int_equal(count_notifications(o), 0);
}

static void
a_batch_is_no_wider_than_it_may_be(void **state)
{
    struct office *o = *state;
    const char *bodies;
    struct outcome *x;
    struct buf b;

    desk_provider(o->desk, "file", 5, "{'driver':'null','channel':'log_file'}");
    buf_init(&b, o->desk->arena);
    for (int item = 0; item < 36; item++) {
        buf_printf(
            &b,
            "%s{'dry_run':true,'title':'t','channels':['email','webhook',"
            "'log_file'],'to':['u'",
            item > 0 ? "," : "[");
        for (int i = 1; i < 1000; i++)
            buf_printf(&b, ",'u%d'", i);
        buf_put_cstr(&b, "]}");
    }
    buf_put_char(&b, ']');
    bodies = str_cstr(o->desk->arena, buf_str(&b));
    x = begin(o, bodies, "", 0);
    for (size_t i = 0; i < 36; i++)
        assert_int_equal(x->send.items[i].problem.err,
                         i < 33 ? ERR_OK : ERR_TOO_LARGE);
    for (int i = 0; i < 10000 && x->n_done == 0; i++)
        loop_turn(o->env.loop, 1);
    assert_int_equal(x->n_done, 1);
}

static void
a_dedup_key_makes_one_of_two(void **state)
{
    struct office *o = *state;
    struct outcome *x =
        send_all(o, "[{'to':'u1','title':'a','dedup_key':'k'},"
                    "{'to':'u1','title':'b','dedup_key':'k'},"
                    "{'to':'u1','title':'c','dedup_key':'other'}]");
    struct outcome *y =
        send_all(o, "[{'to':'u1','title':'d','dedup_key':'k'}]");

    assert_false(item_of(x, 0)->accepted->is_duplicate);
    assert_true(item_of(x, 1)->accepted->is_duplicate);
    assert_int_equal(item_of(x, 1)->accepted->id, item_of(x, 0)->accepted->id);
    assert_false(item_of(x, 2)->accepted->is_duplicate);
    assert_true(item_of(y, 0)->accepted->is_duplicate);
    assert_int_equal(item_of(y, 0)->accepted->id, item_of(x, 0)->accepted->id);
    assert_int_equal(inbox_of(o, "u1").n_items, 2);
    o->clock.now_ms += 24 * 3600 * 1000 + 1;
    y = send_all(o, "[{'to':'u1','title':'e','dedup_key':'k'}]");
    assert_false(item_of(y, 0)->accepted->is_duplicate);
}

static void
an_idempotency_key_gives_the_first_answer_again(void **state)
{
    struct office *o = *state;
    struct outcome *x = begin(o, "[{'to':'u1','title':'a'}]", "key", 1);
    struct outcome *y, *z;

    wait_for(o, &x->n_done);
    assert_int_equal(x->err, ERR_OK);
    assert_false(x->send.idem.is_replay);
    y = begin(o, "[{'to':'u1','title':'a'}]", "key", 1);
    wait_for(o, &y->n_done);
    assert_int_equal(y->err, ERR_OK);
    assert_true(y->send.idem.is_replay);
    assert_int_equal(y->send.idem.status, 202);
    assert_text(y->send.idem.body,
                str_cstr(o->desk->arena,
                         str_fmt(o->desk->arena, "id %lld",
                                 (long long)x->send.items[0].accepted->id)));
    z = begin(o, "[{'to':'u1','title':'b'}]", "key", 2);
    wait_for(o, &z->n_done);
    assert_int_equal(z->err, ERR_IDEM_MISMATCH);
    assert_int_equal(o->n_answers, 1);
    assert_int_equal(inbox_of(o, "u1").n_items, 1);
}

static void
two_at_once_under_one_key_are_one(void **state)
{
    struct office *o = *state;
    struct outcome *x = begin(o, "[{'to':'u1','title':'a'}]", "key", 1);
    struct outcome *y = begin(o, "[{'to':'u1','title':'a'}]", "key", 1);

    wait_for(o, &x->n_done);
    wait_for(o, &y->n_done);
    assert_int_equal(x->err, ERR_OK);
    assert_int_equal(y->err, ERR_OK);
    assert_int_equal(x->send.idem.is_replay + y->send.idem.is_replay, 1);
    assert_int_equal(inbox_of(o, "u1").n_items, 1);
}

static void
a_refusal_is_not_kept_under_its_key(void **state)
{
    struct office *o = *state;
    struct outcome *x = begin(o, "[{'to':'u1'}]", "key", 1);
    struct outcome *y;

    wait_for(o, &x->n_done);
    assert_int_equal(x->send.items[0].problem.err, ERR_INVALID);
    y = begin(o, "[{'to':'u1','title':'mended'}]", "key", 2);
    wait_for(o, &y->n_done);
    assert_int_equal(y->err, ERR_OK);
    assert_false(y->send.idem.is_replay);
}

static void
a_dry_run_tells_the_plan_and_stores_nothing(void **state)
{
    struct office *o = *state;
    struct rendered r;
    struct outcome *x;

    desk_template(o->desk, "greet", 1,
                  "{'content':{'default':{'title':'Hi {{user.email}}'}}}");
    put_user(o, "u1", "{'email':'a@b.c'}");
    x = begin(o,
              "[{'to':'u1','template':'greet','dry_run':true,"
              "'channels':['in_app','email']}]",
              "key", 1);
    wait_for(o, &x->n_done);
    assert_null(item_of(x, 0)->accepted);
    assert_int_equal(x->send.items[0].n_decisions, 2);
    assert_int_equal(x->send.items[0].decisions[0].verdict, PLAN_SEND);
    assert_int_equal(x->send.items[0].decisions[1].reason,
                     REASON_PROVIDER_NONE);
    assert_int_equal(send_render(&x->send, &x->send.items[0],
                                 &x->send.items[0].decisions[0], &r),
                     ERR_OK);
    assert_text(r.title, "Hi a@b.c");
    assert_int_equal(count_notifications(o), 0);
    assert_int_equal(o->n_answers, 0);
    /* Nor is its key used up. */
    x = begin(o, "[{'to':'u1','title':'t'}]", "key", 2);
    wait_for(o, &x->n_done);
    assert_int_equal(x->err, ERR_OK);
}

static void
a_dry_run_to_all_is_of_the_named_and_the_first_others(void **state)
{
    struct office *o = *state;
    const struct send_item *item;
    char id[8];

    for (int i = 0; i < SEND_AT_ONCE + 2; i++) {
        snprintf(id, sizeof(id), "u%03d", i);
        put_user(o, id, "{}");
    }
    item = item_of(
        send_all(o, "[{'to':{'all':true,'users':['u101'],'exclude':['u000']},"
                    "'title':'t','dry_run':true}]"),
        0);
    assert_null(item->accepted);
    assert_int_equal(item->n_decisions, SEND_AT_ONCE);
    assert_text(item->decisions[0].recipient->user, "u101");
    assert_text(item->decisions[1].recipient->user, "u001");
    assert_text(item->decisions[SEND_AT_ONCE - 1].recipient->user, "u099");
    assert_true(item->has_more);
    item = item_of(
        send_all(o, "[{'to':{'all':true,'exclude':['u000','u100']},"
                    "'title':'t','channels':['email'],'dry_run':true}]"),
        0);
    assert_int_equal(item->n_decisions, SEND_AT_ONCE);
    assert_text(item->decisions[SEND_AT_ONCE - 1].recipient->user, "u101");
    assert_int_equal(item->decisions[0].verdict, PLAN_SKIP);
    assert_false(item->has_more);
    assert_int_equal(count_notifications(o), 0);
}

static void
a_text_that_cannot_be_rendered_fails_and_is_not_lost(void **state)
{
    struct office *o = *state;
    struct store_notification_get g;
    struct outcome *x;

    desk_template(o->desk, "bomb", 1,
                  "{'content':{'default':{'title':'{{> bomb}}{{> bomb}}'}}}");
    desk_template(o->desk, "bomb", 1,
                  "{'content':{'default':{'body':'x{{> bomb}}{{> bomb}}',"
                  "'title':'{{> bomb}}'}}}");
    x = send_all(o, "[{'to':'u1','template':'bomb'}]");
    g = look(o, x);
    assert_ended(delivery_for(&g, "u1", "in_app"), DELIVERY_FAILED,
                 "render.error");
    assert_int_equal(inbox_of(o, "u1").n_items, 0);
}

static void
each_reader_gets_words_of_their_own(void **state)
{
    struct office *o = *state;
    struct store_inbox_list l;

    desk_template(o->desk, "greet", 1,
                  "{'content':{'default':{'title':'{{name}} {{user.locale}}'"
                  "}}}");
    put_user(o, "u1", "{'locale':'de'}");
    send_all(o, "[{'to':{'recipients':[{'id':'u1','data':{'name':'One'}}],"
                "'users':['u2']},'template':'greet','data':{'name':'All'}}]");
    l = inbox_of(o, "u1");
    assert_true(holds(l.items[0].content, "\"One de\""));
    l = inbox_of(o, "u2");
    assert_true(holds(l.items[0].content, "\"All \""));
}

static void
what_has_expired_goes_nowhere(void **state)
{
    struct office *o = *state;
    struct outcome *x =
        send_all(o, "[{'to':'u1','title':'t','expires_at':"
                    "'2020-01-01T00:00:00Z','channels':['in_app','email']}]");
    struct store_notification_get g = look(o, x);

    assert_ended(delivery_for(&g, "u1", "in_app"), DELIVERY_EXPIRED,
                 "expired.ttl");
    assert_ended(delivery_for(&g, "u1", "email"), DELIVERY_EXPIRED,
                 "expired.ttl");
    assert_int_equal(inbox_of(o, "u1").n_items, 0);
}

static void
an_uncertain_commit_is_told_as_one(void **state)
{
    struct office *o = *state;
    int n_uncertain = 0;

    for (int i = 0; i < 20; i++) {
        struct outcome *x = begin(o, "[{'to':'u1','title':'t'}]", "", 0);

        wait_for(o, &x->n_done);
        n_uncertain += x->err == ERR_UNCERTAIN;
    }
    assert_int_equal(n_uncertain, 20);
}

static void
many_at_once_each_end_once(void **state)
{
    struct office *o = *state;
    struct outcome *x[50];
    char body[100];

    for (int i = 0; i < 50; i++) {
        snprintf(body, sizeof(body), "[{'to':'u%d','title':'%d'}]", i % 5, i);
        x[i] = begin(o, body, "", 0);
    }
    for (int i = 0; i < 50; i++)
        wait_for(o, &x[i]->n_done);
    for (int i = 0; i < 50; i++)
        assert_int_equal(x[i]->n_done, 1);
    assert_int_equal(inbox_of(o, "u3").n_items, 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_in_app_item_can_be_read_once_the_send_is_done),
        T(who_has_no_address_is_suppressed_and_who_has_one_queued),
        T(a_send_to_addresses_alone_loads_nobody),
        T(a_send_to_nobody_is_taken_and_has_no_deliveries),
        T(a_suppressed_address_is_not_written_to),
        T(nor_is_one_that_is_written_in_another_way),
        T(good_and_bad_of_a_batch_go_their_own_ways),
        T(what_is_refused_stores_nothing_however_many_it_names),
        T(a_batch_is_no_wider_than_it_may_be),
        T(a_dedup_key_makes_one_of_two),
        T(an_idempotency_key_gives_the_first_answer_again),
        T(two_at_once_under_one_key_are_one),
        T(a_refusal_is_not_kept_under_its_key),
        T(a_dry_run_tells_the_plan_and_stores_nothing),
        T(a_dry_run_to_all_is_of_the_named_and_the_first_others),
        T(a_text_that_cannot_be_rendered_fails_and_is_not_lost),
        T(each_reader_gets_words_of_their_own),
        T(what_has_expired_goes_nowhere),
        cmocka_unit_test_setup_teardown(an_uncertain_commit_is_told_as_one,
                                        uncertain_setup, office_teardown),
        T(many_at_once_each_end_once),
    };

    return cmocka_run_group_tests_name("app/send", tests, NULL, NULL);
}
