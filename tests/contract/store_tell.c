/* store_tell.c - what endpoints are told: what each driver must keep. */
#include "store_rig.h"

#include "domain/reason.h"

#define ENDED                                                                  \
    (EVENT_BIT(EVENT_DELIVERY_SENT) | EVENT_BIT(EVENT_DELIVERY_RETRYING) |     \
     EVENT_BIT(EVENT_DELIVERY_DEAD) | EVENT_BIT(EVENT_DELIVERY_CANCELLED))
#define OTHER (T + 1)
#define ENDPOINT 900 /* its lane */

/* What is still to be told and nobody has. */
static struct store_tell_take
take_for(struct rig *r, int64_t lease_ms)
{
    struct store_tell_take t = {
        .max = 10, .lease_ms = lease_ms, .now_ms = NOW + 500};

    assert_int_equal(ASK(r, tell_take, &t), ERR_OK);
    return t;
}

static struct store_tell_take
take(struct rig *r)
{
    return take_for(r, 60000);
}

static void
done(struct rig *r, const struct store_tell_take *of)
{
    int64_t ids[10];
    struct store_tell_take t = {
        .done = ids, .n_done = of->n_rows, .now_ms = NOW + 500};

    for (size_t i = 0; i < of->n_rows; i++)
        ids[i] = of->rows[i].id;
    assert_int_equal(ASK(r, tell_take, &t), ERR_OK);
}

static bool
finish_as(struct rig *r, int64_t delivery, enum delivery_status status,
          event_set tells)
{
    struct attempt t = {.n = 1,
                        .at_ms = NOW,
                        .provider = STR("smtp"),
                        .verdict = STR("sent"),
                        .detail = STR("ok")};
    struct store_finish f = {.tenant = T,
                             .delivery = delivery,
                             .status = status,
                             .reason = STR("accepted"),
                             .provider = STR("smtp"),
                             .lane = LANE,
                             .due_ms = NOW + 500,
                             .attempt = &t,
                             .tells = tells};
    struct store_cycle c = {.now_ms = NOW + 7, .finishes = &f, .n_finishes = 1};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    return f.is_done;
}

/* One that is claimed. */
static void
claim_one(struct rig *r, int64_t id)
{
    int64_t claimed[1];

    send_one(r, &(struct send){.id = id, .user = "ann"});
    assert_int_equal(claim_some(r, 1, true, claimed), 1);
    assert_int_equal(claimed[0], id + 1);
}

static void
sent(struct rig *r, int64_t id)
{
    claim_one(r, id);
    assert_true(finish_as(r, id + 1, DELIVERY_SENT, ENDED));
}

/* ---- what is told ---- */

static void
a_finish_tells_once_what_happened(void **state)
{
    struct rig *r = *state;
    struct store_tell_take t;
    const struct store_told *told;

    rig_listen(r);
    sent(r, 1000);
    assert_false(finish_as(r, 1001, DELIVERY_SENT, ENDED)); /* again */
    t = take(r);
    assert_int_equal(t.n_rows, 1);
    told = &t.rows[0].told;
    assert_int_equal(t.rows[0].lane, 0);
    assert_int_equal(told->tenant, T);
    assert_int_equal(told->kind, EVENT_DELIVERY_SENT);
    assert_int_equal(told->at_ms, NOW + 7);
    assert_int_equal(told->delivery, 1001);
    assert_int_equal(told->notification, 1000);
    assert_int_equal(told->attempts, 1);
    assert_true(str_is(told->user, "ann"));
    assert_true(str_is(told->channel, "email"));
    assert_true(str_is(told->provider, "smtp"));
    assert_true(str_is(told->reason, "accepted"));
    assert_true(str_is(t.rows[0].doc, "{\"title\":\"hello\"}"));
    assert_int_equal(r->heard[r->n_heard - 1].notice.kind, STORE_NOTICE_TELL);
}

static void
nobody_is_told_who_does_not_listen(void **state)
{
    struct rig *r = *state;
    struct store_tell_take t;

    claim_one(r, 1000);
    assert_true(
        finish_as(r, 1001, DELIVERY_SENT, EVENT_BIT(EVENT_DELIVERY_FAILED)));
    claim_one(r, 2000);
    assert_true(finish_as(r, 2001, DELIVERY_DEAD, 0));
    t = take(r);
    assert_int_equal(t.n_rows, 0);
    assert_int_equal(t.next_ms, -1);
}

static void
deliveries_to_endpoints_are_not_told_of(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    int64_t claimed[1];

    a->items[0].deliveries[0].channel = STR(EVENT_CHANNEL);
    a->items[0].tells = ENDED;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_int_equal(claim_some(r, 1, true, claimed), 1);
    assert_true(finish_as(r, 1001, DELIVERY_DEAD, ENDED));
    assert_int_equal(take(r).n_rows, 0);
}

static void
an_accept_tells_of_what_has_ended(void **state)
{
    struct rig *r = *state;
    struct store_accept *a =
        make_accept(r, &(struct send){.id = 1000, .n = 3, .dedup = "once"});
    struct delivery *d = a->items[0].deliveries;
    struct store_tell_take t;

    d[1].status = DELIVERY_SUPPRESSED;
    d[1].reason = STR("contact.missing");
    d[2].status = DELIVERY_EXPIRED;
    a->items[0].tells = EVENT_BIT(EVENT_DELIVERY_SUPPRESSED);
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    a = make_accept(r, &(struct send){.id = 2000, .dedup = "once"});
    a->items[0].deliveries[0].status = DELIVERY_SUPPRESSED;
    a->items[0].tells = EVENT_BIT(EVENT_DELIVERY_SUPPRESSED);
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->items[0].is_duplicate);
    t = take(r);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].told.delivery, 1002);
    assert_int_equal(t.rows[0].told.notification, 1000);
    assert_true(str_is(t.rows[0].told.reason, "contact.missing"));
}

static void
people_who_stop_deliveries_are_told_of(void **state)
{
    struct rig *r = *state;
    struct store_act act = {.tenant = T,
                            .delivery = 1001,
                            .kind = STORE_ACT_CANCEL,
                            .now_ms = NOW + 1,
                            .tells = ENDED};
    struct store_cancel cancel = {.tenant = T,
                                  .notification = 2000,
                                  .now_ms = NOW + 2,
                                  .max = 10,
                                  .tells = ENDED};
    struct store_tell_take t;

    send_one(r, &(struct send){.id = 1000});
    send_one(r, &(struct send){.id = 2000, .n = 2});
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    assert_int_equal(ASK(r, act, &act), ERR_CONFLICT);
    assert_int_equal(ASK(r, cancel, &cancel), ERR_OK);
    assert_int_equal(ASK(r, cancel, &cancel), ERR_OK);
    t = take(r);
    assert_int_equal(t.n_rows, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(t.rows[i].told.kind, EVENT_DELIVERY_CANCELLED);
    assert_int_equal(t.rows[0].told.delivery, 1001);
    assert_int_equal(t.rows[1].told.delivery, 2001);
    assert_int_equal(t.rows[2].told.delivery, 2002);
}

static void
receipts_are_told_of_once(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e[2];
    struct store_receipt x = {.tenant = T,
                              .lane = LANE,
                              .provider = STR("smtp"),
                              .tells = EVENT_BIT(EVENT_DELIVERY_BOUNCED) |
                                       EVENT_BIT(EVENT_DELIVERY_CLICKED),
                              .now_ms = NOW + 100,
                              .events = e,
                              .n_events = 2};
    struct store_tell_take t;

    claim_one(r, 1000);
    assert_true(finish_as(r, 1001, DELIVERY_SENT, 0));
    for (int again = 0; again < 2; again++) {
        e[0] = (struct store_receipt_event){.delivery = 1001,
                                            .kind = RECEIPT_CLICKED,
                                            .n = STORE_RECEIPT_N + 1,
                                            .at_ms = NOW,
                                            .detail = STR("https://x.test/")};
        e[1] = (struct store_receipt_event){.delivery = 1001,
                                            .kind = RECEIPT_BOUNCED,
                                            .n = STORE_RECEIPT_N + 2,
                                            .at_ms = NOW};
        assert_int_equal(ASK(r, receipt, &x), ERR_OK);
    }
    t = take(r);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.rows[0].told.kind, EVENT_DELIVERY_CLICKED);
    assert_true(str_is(t.rows[0].told.about, "https://x.test/"));
    assert_int_equal(t.rows[0].told.notification, 1000);
    assert_int_equal(t.rows[1].told.kind, EVENT_DELIVERY_BOUNCED);
    assert_true(str_is(t.rows[1].told.reason, "bounced.hard"));
}

static void
marks_are_told_of_for_each_item_that_changed(void **state)
{
    struct rig *r = *state;
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = INBOX_READ,
                                 .now_ms = NOW + 3,
                                 .tells = EVENT_BIT(EVENT_INBOX_READ)};
    struct store_tell_take t;

    send_one(r, &(struct send){.id = 1000, .user = "ann", .in_app = true});
    send_one(r, &(struct send){.id = 2000, .user = "ann", .in_app = true});
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    assert_int_equal(m.n_changed, 2);
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    m.change = INBOX_ARCHIVE; /* nobody listens */
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    t = take(r);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(t.rows[0].told.kind, EVENT_INBOX_READ);
    assert_int_equal(t.rows[0].told.delivery, 1001);
    assert_int_equal(t.rows[0].told.notification, 1000);
    assert_int_not_equal(t.rows[0].told.item, 0);
    assert_true(str_is(t.rows[0].told.user, "ann"));
}

static void
a_document_tells_only_if_it_is_written(void **state)
{
    struct rig *r = *state;
    struct store_told told = {.tenant = T,
                              .kind = EVENT_ENDPOINT_DISABLED,
                              .at_ms = NOW,
                              .reason = STR("endpoint.gone"),
                              .about = STR("orders")};
    struct store_object_write w = {.kind = OBJECT_ENDPOINT,
                                   .key = STR("orders"),
                                   .body = STR("{}"),
                                   .if_version = 0,
                                   .num = ENDPOINT,
                                   .told = &told};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};
    struct store_tell_take t;

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(w.err, ERR_PRECONDITION);
    t = take(r);
    assert_int_equal(t.n_rows, 1);
    assert_true(str_is(t.rows[0].told.about, "orders"));
    assert_int_equal(t.rows[0].doc.n, 0);
}

static struct store_told
suppression(enum event_kind kind, const char *address)
{
    return (struct store_told){.tenant = T,
                               .kind = kind,
                               .at_ms = NOW,
                               .channel = STR("email"),
                               .about = str_from(address)};
}

static struct store_object_write
suppress(const char *key, const struct store_told *told)
{
    return (struct store_object_write){.kind = OBJECT_SUPPRESSION,
                                       .key = str_from(key),
                                       .body = STR("{}"),
                                       .if_version = OBJECT_ANY_VERSION,
                                       .told = told,
                                       .is_told_if_made = true};
}

static void
a_document_may_tell_only_if_it_is_new(void **state)
{
    struct rig *r = *state;
    struct store_told told[] = {suppression(EVENT_SUPPRESSION_ADDED, "a"),
                                suppression(EVENT_SUPPRESSION_ADDED, "b")};
    struct store_object_write w[2];
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = w, .n_writes = 1};
    struct store_tell_take t;

    w[0] = suppress("email:a", &told[0]);
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    w[0] = suppress("email:a", &told[0]);
    w[1] = suppress("email:b", &told[1]);
    p.n_writes = 2;
    p.is_atomic = true;
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    w[0] = suppress("email:c", &told[0]); /* all or none */
    w[1] = suppress("email:b", &told[1]);
    w[1].if_version = 9;
    assert_int_equal(ASK(r, object_put, &p), ERR_PRECONDITION);
    t = take(r);
    assert_int_equal(t.n_rows, 2);
    assert_true(str_is(t.rows[0].told.about, "a"));
    assert_true(str_is(t.rows[1].told.about, "b"));
    assert_int_equal(t.rows[1].told.kind, EVENT_SUPPRESSION_ADDED);
}

static void
what_goes_tells_of_what_was_there(void **state)
{
    const struct str keys[] = {STR("email:a"), STR("email:b"), STR("email:c")};
    struct rig *r = *state;
    struct store_told told[] = {suppression(EVENT_SUPPRESSION_REMOVED, "a"),
                                suppression(EVENT_SUPPRESSION_REMOVED, "b"),
                                suppression(EVENT_SUPPRESSION_REMOVED, "c")};
    struct store_object_write w[] = {suppress("email:a", NULL),
                                     suppress("email:b", NULL),
                                     suppress("email:c", NULL)};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = w, .n_writes = 3};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_SUPPRESSION,
                                    .key = keys[1],
                                    .if_version = 9,
                                    .told = &told[1]};
    struct store_tell_take t;

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(ASK(r, object_delete, &d), ERR_PRECONDITION);
    d.if_version = 1;
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
    d.keys = keys;
    d.n_keys = 3;
    d.told = told;
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    t = take(r);
    assert_int_equal(t.n_rows, 3);
    assert_true(str_is(t.rows[0].told.about, "b"));
    assert_true(str_is(t.rows[1].told.about, "a"));
    assert_true(str_is(t.rows[2].told.about, "c"));
    assert_int_equal(t.rows[2].told.kind, EVENT_SUPPRESSION_REMOVED);
}

/* ---- who has it ---- */

static void
what_is_taken_is_nobodys_else_until_the_lease_ends(void **state)
{
    struct rig *r = *state;
    struct store_tell_take first, t;

    sent(r, 1000);
    first = take_for(r, 60000);
    assert_int_equal(first.n_rows, 1);
    t = take(r);
    assert_int_equal(t.n_rows, 0);
    assert_true(t.next_ms > 0);
    done(r, &first);
    assert_int_equal(take(r).next_ms, -1);
}

static void
what_was_not_done_is_taken_again_as_it_was(void **state)
{
    struct rig *r = *state;
    struct store_tell_take first, t;
    int64_t id, told;

    sent(r, 1000);
    first = take_for(r, -1); /* dies with it */
    assert_int_equal(first.n_rows, 1);
    id = first.rows[0].id;
    told = first.rows[0].told.id;
    rig_reopen(r);
    t = take(r);
    if (!r->kind->is_durable)
        return;
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].id, id);
    assert_int_equal(t.rows[0].told.id, told);
    done(r, &t);
    rig_reopen(r);
    assert_int_equal(take(r).n_rows, 0);
}

/* ---- again ---- */

static struct store_tell_again
again(struct rig *r, int64_t from_ms, int64_t to_ms, size_t max)
{
    struct store_tell_again t = {.tenant = T,
                                 .lane = ENDPOINT,
                                 .kinds = ENDED,
                                 .from_ms = from_ms,
                                 .to_ms = to_ms,
                                 .max = max};

    assert_int_equal(ASK(r, tell_again, &t), ERR_OK);
    return t;
}

static void
what_is_kept_is_told_again_to_one(void **state)
{
    struct rig *r = *state;
    struct store_tell_take first, t;

    sent(r, 1000);
    first = take(r);
    done(r, &first);
    assert_int_equal(again(r, NOW + 8, NOW + 100, 10).n_told, 0);
    assert_int_equal(again(r, NOW, NOW + 7, 10).n_told, 0);
    assert_int_equal(again(r, NOW + 7, NOW + 8, 10).n_told, 1);
    assert_int_equal(again(r, NOW + 7, NOW + 8, 10).n_told, 0); /* it is */
    t = take(r);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].lane, ENDPOINT);
    assert_int_equal(t.rows[0].told.id, first.rows[0].told.id);
    assert_int_not_equal(t.rows[0].id, first.rows[0].id);
    done(r, &t);
    assert_int_equal(again(r, NOW, NOW + 8, 10).n_told, 1);
}

static void
much_is_told_again_in_parts(void **state)
{
    struct rig *r = *state;
    struct store_tell_again t = {.tenant = T,
                                 .lane = ENDPOINT,
                                 .kinds = ENDED,
                                 .from_ms = NOW,
                                 .to_ms = NOW + 100,
                                 .max = 2};
    size_t n = 0, n_parts = 0;

    for (int64_t id = 1000; id <= 5000; id += 1000)
        sent(r, id);
    for (t.is_over = false; !t.is_over; n_parts++) {
        assert_int_equal(ASK(r, tell_again, &t), ERR_OK);
        n += t.n_told;
        t.after_ms = t.next_ms;
        t.after = t.next;
    }
    assert_int_equal(n, 5);
    assert_int_equal(n_parts, 3);
    assert_int_equal(take(r).n_rows, 10); /* each is to be told to all, too */
}

static void
others_and_other_kinds_are_not_told_again(void **state)
{
    struct rig *r = *state;
    struct store_tell_again t = {.tenant = OTHER,
                                 .lane = ENDPOINT,
                                 .kinds = ENDED,
                                 .to_ms = NOW + 100,
                                 .max = 10};

    sent(r, 1000);
    assert_int_equal(ASK(r, tell_again, &t), ERR_OK);
    assert_int_equal(t.n_told, 0);
    assert_true(t.is_over);
    t.tenant = T;
    t.kinds = EVENT_BIT(EVENT_DELIVERY_FAILED);
    assert_int_equal(ASK(r, tell_again, &t), ERR_OK);
    assert_int_equal(t.n_told, 0);
}

static void
what_is_old_goes_once_it_was_told(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 5000, .told_before_ms = NOW + 8, .max = 10};
    struct store_tell_take t;

    sent(r, 1000);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    t = take(r);
    assert_int_equal(t.n_rows, 1);
    done(r, &t);
    p.told_before_ms = 0;
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(again(r, NOW, NOW + 100, 10).n_told, 1);
    t = take(r);
    done(r, &t);
    p.told_before_ms = NOW + 8;
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(again(r, NOW, NOW + 100, 10).n_told, 0);
}

static void
what_brings_events_is_in_no_list(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_notification_list l = {.tenant = T, .limit = 10};
    struct store_notification_get g = {.tenant = T, .id = 1000};

    a->items[0].notification.template_version = EVENT_TEMPLATE;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    send_one(r, &(struct send){.id = 2000});
    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    assert_int_equal(l.n_notifications, 1);
    assert_int_equal(l.notifications[0].id, 2000);
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
}

const struct CMUnitTest tell_tests[] = {
    RIG_TEST(a_finish_tells_once_what_happened),
    RIG_TEST(nobody_is_told_who_does_not_listen),
    RIG_TEST(deliveries_to_endpoints_are_not_told_of),
    RIG_TEST(an_accept_tells_of_what_has_ended),
    RIG_TEST(people_who_stop_deliveries_are_told_of),
    RIG_TEST(receipts_are_told_of_once),
    RIG_TEST(marks_are_told_of_for_each_item_that_changed),
    RIG_TEST(a_document_tells_only_if_it_is_written),
    RIG_TEST(a_document_may_tell_only_if_it_is_new),
    RIG_TEST(what_goes_tells_of_what_was_there),
    RIG_TEST(what_is_taken_is_nobodys_else_until_the_lease_ends),
    RIG_TEST(what_was_not_done_is_taken_again_as_it_was),
    RIG_TEST(what_is_kept_is_told_again_to_one),
    RIG_TEST(much_is_told_again_in_parts),
    RIG_TEST(others_and_other_kinds_are_not_told_again),
    RIG_TEST(what_is_old_goes_once_it_was_told),
    RIG_TEST(what_brings_events_is_in_no_list),
};
const size_t tell_tests_n = sizeof(tell_tests) / sizeof(*tell_tests);
