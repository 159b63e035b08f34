#include "app/digest.h"

#include <stdio.h>

#include "app/hall_test.h"
#include "base/map.h"

#define MINUTE_MS INT64_C(60000)

static int
start(int e, void **state)
{
    struct hall *h = *state;

    h->digests = digests_new(&h->app);
    return e;
}

static int
setup(void **state)
{
    return start(hall_setup(state), state);
}

static int
uncertain_setup(void **state)
{
    return start(hall_uncertain_setup(state), state);
}
#define DIGEST_TEST(f) cmocka_unit_test_setup_teardown(f, setup, hall_teardown)

static struct store_digest_list
open_windows(struct hall *h)
{
    struct store_digest_list l = {
        .req = hall_question(h), .tenant = h->tenant, .limit = 100};

    store_digest_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return l;
}

static struct delivery
delivery_of(struct hall *h, int64_t notification)
{
    struct store_notification_get g = hall_look(h, notification);

    assert_int_equal(g.n_deliveries, 1);
    return g.deliveries[0];
}

/* Until that one waits no more. */
static struct delivery
flushed(struct hall *h, int64_t notification)
{
    struct delivery d;

    do {
        for (int i = 0; i < 20; i++)
            loop_turn(h->env.loop, 1);
        digests_ring(h->digests);
        h->clock.now_ms += 500; /* leases end */
        arena_reset(h->arena);
        d = delivery_of(h, notification);
    } while (d.status == DELIVERY_HELD);
    return d;
}

static struct delivery
after_a_minute(struct hall *h, int64_t notification)
{
    h->clock.now_ms += MINUTE_MS;
    return flushed(h, notification);
}

static struct store_inbox_list
inbox(struct hall *h, const char *user)
{
    struct store_inbox_list l = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = str_from(user),
                                 .limit = 100};

    store_inbox_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return l;
}

static int64_t
send_n(struct hall *h, int n, const char *more)
{
    char body[400];

    snprintf(body, sizeof(body),
             "{'to':'ann','title':'t%d','data':{'n':%d},"
             "'digest':{'window':'1m'}%s}",
             n, n, more);
    return hall_send(h, body);
}

static void
several_go_out_as_one(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, ""), b = send_n(h, 2, "");
    struct store_inbox_list l = inbox(h, "ann");
    struct delivery d, first;
    struct store_delivery_get g;

    assert_int_equal(l.n_items, 0);
    assert_int_equal(open_windows(h).n_digests, 1);
    h->clock.now_ms += MINUTE_MS - 1;
    digests_ring(h->digests);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    assert_int_equal(delivery_of(h, a).status, DELIVERY_HELD);
    h->clock.now_ms++;
    first = flushed(h, a);
    assert_int_equal(first.status, DELIVERY_MERGED);
    d = delivery_of(h, b);
    assert_int_equal(d.status, DELIVERY_MERGED);
    assert_int_equal(d.merged_into, first.merged_into);
    l = inbox(h, "ann");
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].delivery, d.merged_into);
    assert_json(l.items[0].content,
                "{'title':'t2','body':'• t1\\n• t2','actions':[],'data':{'n':2,"
                "'items':[{'n':1},{'n':2}],'count':2}}");
    g = (struct store_delivery_get){
        .req = hall_question(h), .tenant = h->tenant, .id = d.merged_into};
    store_delivery_get(h->env.store, &g);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(g.delivery.status, DELIVERY_DELIVERED);
    assert_int_equal(open_windows(h).n_digests, 0);
}

static void
one_alone_goes_out_as_itself(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, "");
    struct delivery d = after_a_minute(h, a);
    struct store_inbox_list l = inbox(h, "ann");

    assert_int_equal(d.status, DELIVERY_DELIVERED);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].notification, a);
    assert_int_equal(l.items[0].delivery, d.id);
    assert_json(l.items[0].content, "{'title':'t1','body':'','actions':[],"
                                    "'data':{'n':1}}");
}

static void
put_document(struct hall *h, enum object_kind kind, const char *key,
             const char *doc)
{
    struct store_object_write w = {.kind = kind,
                                   .key = str_from(key),
                                   .body = quoted(h->arena, doc),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(h->app.ids, NOW, 1)};

    hall_put(h, h->tenant, &w, 1);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1); /* until the workspace knows */
}

static void
put_hook(struct hall *h)
{
    put_document(h, OBJECT_PROVIDER, "hook",
                 "{'driver':'null','channel':'webhook','config':{}}");
}

/* Its SLA counts from there. */
static void
one_alone_is_ready_since_its_window_ended(void **state)
{
    struct hall *h = *state;
    struct delivery d;
    int64_t a;

    put_hook(h);
    a = send_n(h, 1, ",'channels':['webhook']");
    d = after_a_minute(h, a);
    assert_int_equal(d.status, DELIVERY_QUEUED);
    assert_text(d.reason, "digest.waiting");
    assert_true(d.updated_ms >= NOW + MINUTE_MS);
    assert_int_equal(d.created_ms, NOW);
}

static void
who_has_muted_meanwhile_gets_nothing(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, ""), b = send_n(h, 2, "");

    put_document(h, OBJECT_PREFERENCE, "ann", "{'channels':{'in_app':false}}");
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_SUPPRESSED);
    assert_int_equal(delivery_of(h, b).status, DELIVERY_SUPPRESSED);
    assert_text(delivery_of(h, b).reason, "pref.channel_off");
    assert_int_equal(inbox(h, "ann").n_items, 0);
}

/* 14:13:20 UTC is NOW. */
static void
quiet_hours_end_with_one_for_all_that_they_held(void **state)
{
    static const char body[] =
        "{'to':'ann','title':'t','category':'night','channels':['webhook']}";
    enum { LEFT_MS = 2800 * 1000 };
    struct hall *h = *state;
    int64_t a, b;

    put_hook(h);
    put_document(h, OBJECT_CATEGORY, "night", "{'quiet_hours':'digest'}");
    put_document(h, OBJECT_PREFERENCE, "ann",
                 "{'quiet_hours':{'start':'13:00','end':'15:00'}}");
    a = hall_send(h, body);
    b = hall_send(h, body);
    assert_int_equal(open_windows(h).digests[0].closes_ms, NOW + LEFT_MS);
    h->clock.now_ms += LEFT_MS - 1;
    digests_ring(h->digests);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    assert_int_equal(delivery_of(h, a).status, DELIVERY_HELD);
    h->clock.now_ms++;
    assert_int_equal(flushed(h, a).status, DELIVERY_MERGED);
    assert_int_equal(delivery_of(h, b).merged_into,
                     delivery_of(h, a).merged_into);
    a = hall_send(h, body); /* they are over */
    assert_int_equal(delivery_of(h, a).status, DELIVERY_QUEUED);
}

static void
a_user_s_own_window_is_by_category(void **state)
{
    static const char offer[] = "{'to':'ann','title':'t','category':'offers'}";
    struct hall *h = *state;
    int64_t a;

    put_document(h, OBJECT_PREFERENCE, "ann", "{'digest':{'offers':'1m'}}");
    (void)hall_send(h, "{'to':'ann','title':'t','category':'news'}");
    assert_int_equal(inbox(h, "ann").n_items, 1);
    (void)hall_send(h, offer);
    a = hall_send(h, offer);
    assert_int_equal(inbox(h, "ann").n_items, 1);
    assert_int_equal(open_windows(h).n_digests, 1);
    assert_int_equal(open_windows(h).digests[0].n_members, 2);
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_MERGED);
    assert_int_equal(inbox(h, "ann").n_items, 2);
}

static void
a_throttle_counts_what_goes_out_in_their_place(void **state)
{
    struct hall *h = *state;
    int64_t a, b;

    put_document(h, OBJECT_CATEGORY, "news",
                 "{'throttle':{'limit':1,'per':'1h'}}");
    (void)send_n(h, 1, ",'category':'news'");
    a = send_n(h, 2, ",'category':'news'");
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_MERGED);
    assert_int_equal(inbox(h, "ann").n_items, 1);
    (void)send_n(h, 3, ",'category':'news'");
    b = send_n(h, 4, ",'category':'news'");
    assert_int_equal(after_a_minute(h, b).status, DELIVERY_SUPPRESSED);
    assert_text(delivery_of(h, b).reason, "throttle.per_user");
    assert_int_equal(inbox(h, "ann").n_items, 1);
}

static void
what_is_critical_does_not_wait(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, ",'priority':'critical'");

    assert_int_equal(delivery_of(h, a).status, DELIVERY_DELIVERED);
    assert_int_equal(open_windows(h).n_digests, 0);
}

static void
what_expires_meanwhile_is_not_in_it(void **state)
{
    struct hall *h = *state;
    char at[TIME_TEXT_SIZE], late[100];
    int64_t a, b, c;

    snprintf(late, sizeof(late), ",'expires_at':'%.*s'",
             STR_ARG(time_format(at, h->clock.now_ms + 30000)));
    a = send_n(h, 1, "");
    b = send_n(h, 2, late);
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_DELIVERED);
    assert_int_equal(delivery_of(h, b).status, DELIVERY_EXPIRED);
    assert_int_equal(inbox(h, "ann").n_items, 1);
    snprintf(late, sizeof(late), ",'expires_at':'%.*s'",
             STR_ARG(time_format(at, h->clock.now_ms + 30000)));
    c = send_n(h, 3, late);
    assert_int_equal(after_a_minute(h, c).status, DELIVERY_EXPIRED);
}

/* With a list of two; late: it expires before the window ends. */
static int64_t
send_short(struct hall *h, const char *late)
{
    char body[300];

    snprintf(body, sizeof(body),
             "{'to':'ann','title':'t','digest':{'window':'1m','max_items':2}"
             "%s}",
             late);
    return hall_send(h, body);
}

static void
who_has_not_expired_is_in_it_however_many_others_have(void **state)
{
    /* the oldest, the first that lives, the newest; then more than are read */
    enum { FEW = 2, MANY = DIGEST_ITEMS_MAX + 1, LIVE = 5 };
    struct hall *h = *state;
    char at[TIME_TEXT_SIZE], late[100];

    for (int round = 0; round < 2; round++) {
        int n_before = round == 0 ? FEW : MANY;
        int64_t live[LIVE], first = 0, last;

        snprintf(late, sizeof(late), ",'expires_at':'%.*s'",
                 STR_ARG(time_format(at, h->clock.now_ms + 30000)));
        for (int i = 0; i < n_before; i++)
            first = send_short(h, late);
        for (int i = 0; i < LIVE; i++)
            live[i] = send_short(h, "");
        last = send_short(h, late);
        for (int i = 0; i < LIVE; i++)
            assert_int_equal(i == 0 ? after_a_minute(h, live[i]).status
                                    : delivery_of(h, live[i]).status,
                             DELIVERY_MERGED);
        assert_int_equal(delivery_of(h, first).status, DELIVERY_EXPIRED);
        assert_int_equal(delivery_of(h, last).status, DELIVERY_EXPIRED);
        assert_int_equal(inbox(h, "ann").n_items, round + 1);
        assert_json(inbox(h, "ann").items[0].content,
                    "{'title':'t','body':'• t (2)\\n+ 3','actions':[],"
                    "'data':{'items':[{},{}],'count':5}}");
    }
}

static void
those_beyond_the_list_are_counted(void **state)
{
    struct hall *h = *state;
    int64_t a = 0;

    for (int i = 1; i <= 4; i++)
        a = hall_send(h, "{'to':'ann','title':'t','digest':{'window':'1m',"
                         "'max_items':2,'key':'k'}}");
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_MERGED);
    assert_json(inbox(h, "ann").items[0].content,
                "{'title':'t','body':'• t (2)\\n+ 2','actions':[],"
                "'data':{'items':[{},{}],'count':4}}");
}

static void
the_first_of_a_leading_one_is_there_at_once(void **state)
{
    static const char body[] = "{'to':'ann','title':'t','digest':{'window':"
                               "'1m','leading':true}}";
    struct hall *h = *state;
    int64_t a = hall_send(h, body), b = hall_send(h, body);

    assert_int_equal(delivery_of(h, a).status, DELIVERY_DELIVERED);
    assert_int_equal(delivery_of(h, b).status, DELIVERY_HELD);
    assert_int_equal(inbox(h, "ann").n_items, 1);
    assert_int_equal(after_a_minute(h, b).status, DELIVERY_DELIVERED);
    assert_int_equal(inbox(h, "ann").n_items, 2);
    assert_int_equal(open_windows(h).n_digests, 0);
}

static void
who_is_cancelled_is_not_in_it(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, ""), b = send_n(h, 2, "");
    struct store_cancel c = {.req = hall_question(h),
                             .tenant = h->tenant,
                             .notification = a,
                             .now_ms = h->clock.now_ms,
                             .max = 100};

    store_cancel(h->env.store, &c);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(after_a_minute(h, b).status, DELIVERY_DELIVERED);
    assert_int_equal(delivery_of(h, a).status, DELIVERY_CANCELLED);
    assert_int_equal(inbox(h, "ann").n_items, 1);
}

static void
without_an_id_nobody_is_collected(void **state)
{
    struct hall *h = *state;
    int64_t a = hall_send(h, "{'to':{'recipients':[{'email':'a@x.test'}]},"
                             "'title':'t','digest':{'window':'1m'}}");

    assert_int_equal(delivery_of(h, a).status, DELIVERY_SUPPRESSED);
    assert_int_equal(open_windows(h).n_digests, 0);
}

/* 29 arrays in `data` may be sent; in `items` they would be
 * deeper. */
static void
data_that_fits_into_no_other_is_counted(void **state)
{
    static const char deep[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"
                               "]]]]]]]]]]]]";
    struct hall *h = *state;
    char body[300];
    int64_t a = 0;

    snprintf(body, sizeof(body),
             "{'to':'ann','title':'t','digest':{'window':'1m'},"
             "'data':{'x':%s}}",
             deep);
    for (int i = 0; i < 2; i++)
        a = hall_send(h, body);
    assert_int_equal(after_a_minute(h, a).status, DELIVERY_MERGED);
    snprintf(body, sizeof(body),
             "{'title':'t','body':'+ 2','actions':[],"
             "'data':{'x':%s,'items':[],'count':2}}",
             deep);
    assert_json(inbox(h, "ann").items[0].content, body);
}

/* A send whose answer was lost may have been stored: it is in a digest then,
 * like those that are known. */
static void
lost_answers_neither_lose_nor_double_anything(void **state)
{
    enum { USERS = 20, EACH = 5 };
    struct hall *h = *state;
    static char once;
    struct map *digests = map_new();
    int64_t sent[USERS * EACH];
    char body[200], user[16];

    for (int i = 0; i < USERS * EACH; i++) {
        snprintf(body, sizeof(body),
                 "{'to':'u%d','title':'t','digest':{'window':'1h'}}",
                 i % USERS);
        do
            sent[i] = hall_send(h, body);
        while (h->answered != ERR_OK);
    }
    h->clock.now_ms += 60 * MINUTE_MS;
    for (int i = 0; i < USERS * EACH; i++)
        assert_int_equal(flushed(h, sent[i]).status, DELIVERY_MERGED);
    for (int i = 0; i < USERS * EACH; i++) {
        struct delivery d = delivery_of(h, sent[i]);
        struct store_inbox_list l;

        snprintf(user, sizeof(user), "u%d", i % USERS);
        l = inbox(h, user);
        assert_int_equal(l.n_items, 1);
        assert_int_equal(l.items[0].delivery, d.merged_into);
        (void)map_put(digests, str_dup(h->arena, str_from(user)), &once);
    }
    assert_int_equal(map_count(digests), USERS);
    map_free(digests);
}

static void
what_is_left_is_taken_by_the_next_process(void **state)
{
    struct hall *h = *state;
    int64_t a = send_n(h, 1, "");

    hall_stop(h);
    h->clock.now_ms += 60 * MINUTE_MS;
    assert_int_equal(delivery_of(h, a).status, DELIVERY_HELD);
    h->digests = digests_new(&h->app);
    assert_int_equal(flushed(h, a).status, DELIVERY_DELIVERED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DIGEST_TEST(several_go_out_as_one),
        DIGEST_TEST(one_alone_goes_out_as_itself),
        DIGEST_TEST(one_alone_is_ready_since_its_window_ended),
        DIGEST_TEST(who_has_muted_meanwhile_gets_nothing),
        DIGEST_TEST(quiet_hours_end_with_one_for_all_that_they_held),
        DIGEST_TEST(a_user_s_own_window_is_by_category),
        DIGEST_TEST(a_throttle_counts_what_goes_out_in_their_place),
        DIGEST_TEST(what_is_critical_does_not_wait),
        DIGEST_TEST(what_expires_meanwhile_is_not_in_it),
        DIGEST_TEST(who_has_not_expired_is_in_it_however_many_others_have),
        DIGEST_TEST(those_beyond_the_list_are_counted),
        DIGEST_TEST(the_first_of_a_leading_one_is_there_at_once),
        DIGEST_TEST(who_is_cancelled_is_not_in_it),
        DIGEST_TEST(data_that_fits_into_no_other_is_counted),
        DIGEST_TEST(without_an_id_nobody_is_collected),
        DIGEST_TEST(what_is_left_is_taken_by_the_next_process),
        cmocka_unit_test_setup_teardown(
            lost_answers_neither_lose_nor_double_anything, uncertain_setup,
            hall_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
