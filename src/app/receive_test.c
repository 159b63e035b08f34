#include "app/receive.h"

#include "app/hall_test.h"
#include "app/suppression.h"

#define LANE 100
#define DELIVERY 1001

/* A provider whose word is what the test says. */
static const struct channel_driver driver = {.name = "post"};
static const struct provider provider = {.num = LANE,
                                         .name = {"post", 4},
                                         .channel = {"email", 5},
                                         .driver = &driver};

static void
accept(struct hall *h)
{
    struct delivery d = {.id = DELIVERY,
                         .user = STR("ann"),
                         .channel = STR("email"),
                         .recipient = -1,
                         .lane = LANE,
                         .rank = 1};
    struct store_accept_item item = {
        .notification = {.id = 1000, .created_ms = NOW, .doc = STR("{}")},
        .deliveries = &d,
        .n_deliveries = 1};
    struct store_accept a = {.req = hall_question(h),
                             .tenant = h->tenant,
                             .now_ms = NOW,
                             .items = &item,
                             .n_items = 1};
    struct store_cycle c;

    store_accept(h->env.store, &a);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    c = (struct store_cycle){.req = hall_question(h),
                             .now_ms = NOW,
                             .tenant = h->tenant,
                             .lane = LANE,
                             .want = 1};
    store_cycle(h->env.store, &c);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(c.n_work, 1);
}

static void
take(struct hall *h)
{
    struct attempt t = {.n = 1, .at_ms = NOW, .verdict = STR("sent")};
    struct store_taken taken = {
        .lane = LANE, .message = STR("m1"), .address = STR("ann@example.com")};
    struct store_finish f = {.tenant = h->tenant,
                             .delivery = DELIVERY,
                             .status = DELIVERY_SENT,
                             .provider = provider.name,
                             .attempt = &t,
                             .taken = &taken};
    struct store_cycle c = {.req = hall_question(h),
                            .now_ms = NOW,
                            .finishes = &f,
                            .n_finishes = 1};

    store_cycle(h->env.store, &c);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_true(f.is_done);
}

static struct store_delivery_get
look(struct hall *h)
{
    struct store_delivery_get g = {
        .req = hall_question(h), .tenant = h->tenant, .id = DELIVERY};

    store_delivery_get(h->env.store, &g);
    TURN_UNTIL(h, h->n_answered == 1);
    return g;
}

static enum delivery_status
status_of(struct hall *h)
{
    return look(h).delivery.status;
}

static size_t
log_length(struct hall *h)
{
    return look(h).n_attempts;
}

/* REASON_NONE: it may be written to. */
static enum reason
suppressed(struct hall *h, const char *address)
{
    struct json_doc *doc = ARENA_NEW(h->arena, struct json_doc);
    struct str key = suppression_key(h->arena, STR("email"), str_from(address));
    struct store_object_get g = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .kind = OBJECT_SUPPRESSION,
                                 .keys = &key,
                                 .n_keys = 1};
    struct json_error why;

    store_object_get(h->env.store, &g);
    TURN_UNTIL(h, h->n_answered == 1);
    if (g.objects[0].version == 0)
        return REASON_NONE;
    assert_int_equal(json_parse(h->arena, g.objects[0].body, doc, &why),
                     ERR_OK);
    return suppression_reason(h->arena, json_root(doc));
}

static void
let_in(struct hall *h, const char *address)
{
    struct store_object_delete d = {
        .req = hall_question(h),
        .tenant = h->tenant,
        .now_ms = NOW,
        .kind = OBJECT_SUPPRESSION,
        .key = suppression_key(h->arena, STR("email"), str_from(address)),
        .if_version = OBJECT_ANY_VERSION};

    store_object_delete(h->env.store, &d);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
}

static bool
has_happened(struct hall *h, const char *name)
{
    struct store_event_look l = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = STR("ann"),
                                 .name = str_from(name)};

    store_event_look(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    return l.posted_ms > 0;
}

/* ---- what comes in ---- */

struct telling {
    struct workspace w;
    struct channel_receipt receipt;
    struct receive receive;
    int n_done;
    enum err err;
};

static void
on_done(struct receive *r, enum err e)
{
    struct telling *x = r->arg;

    x->n_done++;
    x->err = e;
}

static struct telling *
begin(struct hall *h, struct channel_event *events, size_t n)
{
    struct telling *x = ARENA_NEW(h->arena, struct telling);

    x->w = (struct workspace){.tenant = h->tenant,
                              .tells = EVENT_BIT(EVENT_SUPPRESSION_ADDED) |
                                       EVENT_BIT(EVENT_SUPPRESSION_REMOVED)};
    x->receipt = (struct channel_receipt){.events = events, .n_events = n};
    x->receive = (struct receive){.app = &h->app,
                                  .arena = h->arena,
                                  .workspace = &x->w,
                                  .provider = &provider,
                                  .receipt = &x->receipt,
                                  .on_done = on_done,
                                  .arg = x};
    receive_start(&x->receive);
    assert_int_equal(x->n_done, 0);
    return x;
}

static void
tell(struct hall *h, struct channel_event e)
{
    struct telling *x = begin(h, &e, 1);

    TURN_UNTIL(h, x->n_done == 1);
    assert_int_equal(x->err, ERR_OK);
}

static struct channel_event
event(enum channel_event_kind kind, const char *id)
{
    return (struct channel_event){.kind = kind,
                                  .id = str_from(id),
                                  .provider_message_id = STR("m1"),
                                  .address = STR("alias@example.com"),
                                  .at_ms = NOW};
}

static void
it_moves_its_delivery_by_either_id(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_DELIVERED, "e1");
    char text[ID_TEXT_MAX];

    accept(h);
    take(h);
    tell(h, e);
    assert_int_equal(status_of(h), DELIVERY_DELIVERED);
    e = event(CHANNEL_EVENT_FAILED, "e2");
    e.provider_message_id = STR_NONE;
    e.delivery_id = id_format(text, vault_id_key(h->vault), "dlv", 0, DELIVERY);
    tell(h, e);
    assert_int_equal(status_of(h), DELIVERY_FAILED);
    assert_int_equal(suppressed(h, "ann@example.com"), REASON_NONE);
    assert_int_equal(log_length(h), 3);
}

/* Of an address alone: STOP, then START. */
static void
who_left_may_come_back(void **state)
{
    struct hall *h = *state;
    struct channel_event stop = {.kind = CHANNEL_EVENT_UNSUBSCRIBED,
                                 .id = STR("s1"),
                                 .address = STR("ann@example.com")};
    struct channel_event start = {.kind = CHANNEL_EVENT_RESUBSCRIBED,
                                  .id = STR("s2"),
                                  .address = STR("ann@example.com")};

    tell(h, start); /* there is nothing to lift */
    tell(h, stop);
    assert_int_equal(suppressed(h, "ann@example.com"),
                     REASON_SUPPRESS_UNSUBSCRIBE);
    tell(h, start);
    assert_int_equal(suppressed(h, "ann@example.com"), REASON_NONE);
    accept(h);
    take(h);
    tell(h, event(CHANNEL_EVENT_BOUNCED, "e1"));
    tell(h, start); /* that is another reason */
    assert_int_equal(suppressed(h, "ann@example.com"), REASON_SUPPRESS_BOUNCE);
}

/* Each once: who is on the list does not come on it again. */
static void
endpoints_hear_of_who_left_and_of_who_came_back(void **state)
{
    struct hall *h = *state;
    struct channel_event e = {.kind = CHANNEL_EVENT_UNSUBSCRIBED,
                              .id = STR("s1"),
                              .address = STR("Ann@example.com")};
    struct store_tell_take t;

    tell(h, e);
    e.id = STR("s2");
    tell(h, e);
    e.kind = CHANNEL_EVENT_RESUBSCRIBED;
    tell(h, e);
    tell(h, e);
    t = (struct store_tell_take){
        .req = hall_question(h), .max = 10, .lease_ms = 1, .now_ms = NOW};
    store_tell_take(h->env.store, &t);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.rows[0].told.kind, EVENT_SUPPRESSION_ADDED);
    assert_int_equal(t.rows[0].told.tenant, h->tenant);
    assert_int_equal(t.rows[0].told.at_ms, NOW);
    assert_text(t.rows[0].told.channel, "email");
    assert_text(t.rows[0].told.about, "ann@example.com");
    assert_text(t.rows[0].told.reason, "suppress.unsubscribe");
    assert_int_equal(t.rows[1].told.kind, EVENT_SUPPRESSION_REMOVED);
    assert_text(t.rows[1].told.about, "ann@example.com");
}

/* The address is that of ours, whatever the provider makes of it. */
static void
who_bounces_is_left_alone_until_somebody_says_so(void **state)
{
    struct hall *h = *state;

    accept(h);
    take(h);
    tell(h, event(CHANNEL_EVENT_BOUNCED, "e1"));
    assert_int_equal(suppressed(h, "ann@example.com"), REASON_SUPPRESS_BOUNCE);
    assert_int_equal(suppressed(h, "alias@example.com"), REASON_NONE);
    let_in(h, "ann@example.com");
    tell(h, event(CHANNEL_EVENT_BOUNCED, "e1")); /* once more: known */
    assert_int_equal(suppressed(h, "ann@example.com"), REASON_NONE);
    tell(h, event(CHANNEL_EVENT_COMPLAINED, "e2"));
    assert_int_equal(suppressed(h, "ann@example.com"),
                     REASON_SUPPRESS_COMPLAINT);
    assert_int_equal(status_of(h), DELIVERY_FAILED);
}

static void
what_names_an_address_alone_is_about_that_channel(void **state)
{
    struct hall *h = *state;
    struct channel_event e = {.kind = CHANNEL_EVENT_UNSUBSCRIBED,
                              .address = STR("bob@example.com")};

    tell(h, e);
    assert_int_equal(suppressed(h, "bob@example.com"),
                     REASON_SUPPRESS_UNSUBSCRIBE);
    e.address = STR("cid@example.com"); /* of a message that is not ours */
    e.provider_message_id = STR("strange");
    tell(h, e);
    assert_int_equal(suppressed(h, "cid@example.com"), REASON_NONE);
}

static void
an_open_is_an_event_of_its_user(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_CLICKED, "");

    accept(h);
    take(h);
    assert_false(has_happened(h, "opened"));
    tell(h, event(CHANNEL_EVENT_OPENED, ""));
    assert_true(has_happened(h, "opened"));
    assert_false(has_happened(h, "clicked"));
    e.url = STR("https://example.com/a");
    tell(h, e);
    assert_true(has_happened(h, "clicked"));
    assert_int_equal(status_of(h), DELIVERY_SENT);
    assert_int_equal(log_length(h), 3);
    tell(h, e); /* by all that it says it is the same */
    assert_int_equal(log_length(h), 3);
    e.url = STR("https://example.com/b");
    tell(h, e);
    assert_int_equal(log_length(h), 4);
}

static void
what_comes_before_its_delivery_is_settled_waits_for_it(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_DELIVERED, "e1");
    struct telling *x;

    loop_use_clock(h->env.loop, &h->clock.base);
    accept(h);
    x = begin(h, &e, 1);
    while (!x->receive.has_waited)
        loop_turn(h->env.loop, 0);
    take(h);
    assert_int_equal(x->n_done, 0);
    h->clock.now_ms += RECEIVE_WAIT_MS;
    while (x->n_done == 0)
        loop_turn(h->env.loop, 0);
    assert_int_equal(x->err, ERR_OK);
    assert_int_equal(status_of(h), DELIVERY_DELIVERED);
}

static void
what_is_not_ours_is_heard_and_changes_nothing(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_BOUNCED, "e1");
    struct telling *x;

    loop_use_clock(h->env.loop, &h->clock.base);
    accept(h);
    take(h);
    e.provider_message_id = STR("m2");
    x = begin(h, &e, 1);
    while (!x->receive.has_waited)
        loop_turn(h->env.loop, 0);
    h->clock.now_ms += RECEIVE_WAIT_MS;
    while (x->n_done == 0)
        loop_turn(h->env.loop, 0);
    assert_int_equal(x->err, ERR_OK);
    assert_int_equal(status_of(h), DELIVERY_SENT);
    assert_int_equal(suppressed(h, "alias@example.com"), REASON_NONE);
}

/* Many tell whole seconds: what they saw then may seem to be before us. */
static void
nothing_happens_before_its_delivery_was_made(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_DEFERRED, "e1");
    char text[ID_TEXT_MAX];
    struct store_delivery_get g;

    accept(h);
    take(h);
    e.delivery_id = id_format(text, vault_id_key(h->vault), "dlv", 0, DELIVERY);
    e.at_ms = 1;
    tell(h, e);
    g = look(h);
    assert_int_equal(g.n_attempts, 2);
    assert_int_equal(g.attempts[0].at_ms < g.attempts[1].at_ms
                         ? g.attempts[0].at_ms
                         : g.attempts[1].at_ms,
                     id_time_ms(DELIVERY));
}

static void
odd_bytes_do_no_harm(void **state)
{
    struct hall *h = *state;
    struct channel_event e = event(CHANNEL_EVENT_DEFERRED, "e1");
    char text[2048];

    accept(h);
    take(h);
    memset(text, 0xff, sizeof(text));
    text[3] = 0;
    e.detail = (struct str){text, sizeof(text)};
    e.at_ms = INT64_MAX;
    tell(h, e);
    assert_int_equal(log_length(h), 2);
    e = event(CHANNEL_EVENT_DEFERRED, "e2");
    e.address = (struct str){text, 10};
    e.provider_message_id = STR_NONE;
    e.kind = CHANNEL_EVENT_UNSUBSCRIBED;
    tell(h, e);
    assert_int_equal(log_length(h), 2);
}

/* ---- where webhooks go ---- */

static struct str
key_of(struct hall *h, int64_t tenant, const char *name)
{
    struct str path = receive_path(h->vault, h->arena, tenant, str_from(name));
    struct str start = str_fmt(h->arena, "/v1/receipts/%s?key=", name);

    assert_true(str_starts(path, start));
    return str_sub(path, start.n, path.n);
}

static void
a_key_names_one_workspace_and_one_provider(void **state)
{
    struct hall *h = *state;
    struct str key = key_of(h, 7, "post"), bad;
    int64_t tenant = 0;

    assert_true(
        receive_read_key(h->vault, h->arena, key, STR("post"), &tenant));
    assert_int_equal(tenant, 7);
    assert_false(
        receive_read_key(h->vault, h->arena, key, STR("mail"), &tenant));
    for (size_t i = 0; i < key.n; i++) {
        bad = str_dup(h->arena, key);
        ((char *)(uintptr_t)bad.p)[i] ^= 1;
        assert_false(
            receive_read_key(h->vault, h->arena, bad, STR("post"), &tenant));
    }
    assert_false(
        receive_read_key(h->vault, h->arena, STR_NONE, STR("post"), &tenant));
    assert_int_equal(tenant, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HALL_TEST(it_moves_its_delivery_by_either_id),
        HALL_TEST(who_bounces_is_left_alone_until_somebody_says_so),
        HALL_TEST(who_left_may_come_back),
        HALL_TEST(endpoints_hear_of_who_left_and_of_who_came_back),
        HALL_TEST(what_names_an_address_alone_is_about_that_channel),
        HALL_TEST(an_open_is_an_event_of_its_user),
        HALL_TEST(what_comes_before_its_delivery_is_settled_waits_for_it),
        HALL_TEST(what_is_not_ours_is_heard_and_changes_nothing),
        HALL_TEST(nothing_happens_before_its_delivery_was_made),
        HALL_TEST(odd_bytes_do_no_harm),
        HALL_TEST(a_key_names_one_workspace_and_one_provider),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
