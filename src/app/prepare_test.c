#include "app/prepare.h"

#include "app/app_test.h"
#include "app/suppression.h"
#include "app/tracking.h"
#include "base/clock.h"
#include "base/map.h"

#define NOW INT64_C(1790000000000)

static struct notification notification;
static struct store_work work;
static struct prepare prepared;

/* A delivery to u1 by e-mail; the rows change what they are about. */
static void
begin(struct desk *d, const char *doc, const char *user)
{
    if (d->w.n_providers == 0)
        desk_provider(d, "mail", 9,
                      "{'driver':'smtp','channel':'email','config':{'host':'h'"
                      ",'from':'a@b.c'}}");
    notification = (struct notification){.id = 1 << 23,
                                         .tenant = DESK_TENANT,
                                         .created_ms = NOW - 1000,
                                         .doc = quoted(d->arena, doc)};
    work = (struct store_work){.delivery = {.id = (1 << 23) + 1,
                                            .notification = 1 << 23,
                                            .tenant = DESK_TENANT,
                                            .user = STR("u1"),
                                            .channel = STR("email"),
                                            .priority = PRIORITY_HIGH,
                                            .recipient = -1},
                               .notification = &notification,
                               .user_body =
                                   user ? quoted(d->arena, user) : STR_NONE};
    prepared = (struct prepare){.arena = d->arena,
                                .workspace = &d->w,
                                .provider = d->providers[0],
                                .work = &work,
                                .vault = d->vault,
                                .public_url = STR("https://b.example"),
                                .now_ms = NOW};
}

static void
assert_ends(enum delivery_status status, const char *reason)
{
    prepare_message(&prepared);
    assert_text(prepared.reason, reason);
    assert_int_equal(prepared.status, status);
    assert_true(prepared.detail.n > 0);
}

static void
it_is_due_when_it_is_accepted_or_when_it_was_to_go_out(void **state)
{
    struct desk *d = *state;
    char at[TIME_TEXT_SIZE];

    begin(d, "{'title':'T'}", "{'email':'u@b.c'}");
    work.delivery.updated_ms = NOW - 10; /* given back, say */
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 1000);
    work.delivery.reason = STR("quiet.deferred_until");
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 10);
    work.delivery.reason = STR("besttime.deferred_until");
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 10);
    work.delivery.reason = STR("digest.waiting");
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 10);
    begin(d,
          str_cstr(d->arena, str_fmt(d->arena, "{'title':'T','send_at':'%.*s'}",
                                     STR_ARG(time_format(at, NOW - 300)))),
          "{'email':'u@b.c'}");
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 300);
    begin(d, "{'title':'T','send_at':'2020-01-01T00:00:00Z'}",
          "{'email':'u@b.c'}");
    prepare_message(&prepared);
    assert_int_equal(prepared.due_ms, NOW - 1000);
}

/* Links lead over us to where they led, and nowhere else. */
static void
mails_of_a_tracked_category_tell_of_their_readers(void **state)
{
    struct desk *d = *state;
    struct category tracked = {.tracks_opens = true, .tracks_clicks = true};
    struct str html, token;
    struct tracking t;

    begin(d,
          "{'title':'T','category':'c',"
          "'html':'<a href=https://x.y/?a&amp;b>x</a>'}",
          "{'email':'u@b.c'}");
    prepare_message(&prepared);
    assert_text(prepared.message.html, "<a href=https://x.y/?a&amp;b>x</a>");
    d->w.categories = map_new();
    map_put(d->w.categories, STR("c"), &tracked);
    prepare_message(&prepared);
    html = prepared.message.html;
    assert_true(str_starts(html, STR("<a href=\"https://b.example/t/")));
    token = str_sub(html, 29, html.n);
    token.n = (size_t)str_find(token, '"');
    assert_true(tracking_read(d->vault, d->arena, token, &t));
    assert_text(t.url, "https://x.y/?a&b");
    assert_int_equal(t.tenant, DESK_TENANT);
    assert_true(str_eq(t.delivery_id, prepared.message.delivery_id));
    assert_true(holds(html, "\">x</a><img src=\"https://b.example/t/"));
    for (size_t i = 0; i < token.n; i++) {
        struct str bad = str_dup(d->arena, token);

        ((char *)(uintptr_t)bad.p)[i] ^= 1;
        assert_false(tracking_read(d->vault, d->arena, bad, &t));
    }
    work.delivery.channel = STR("webhook");
    prepare_message(&prepared);
    assert_text(prepared.message.html, "<a href=https://x.y/?a&amp;b>x</a>");
    map_free(d->w.categories);
    d->w.categories = NULL;
}

static void
a_push_goes_to_the_device_as_it_is_now(void **state)
{
    struct desk *d = *state;
    const struct channel_message *m = &prepared.message;

    begin(d, "{'title':'T','expires_at':'2030-01-01T00:00:00Z'}", NULL);
    work.delivery.channel = STR("mobile_push");
    work.delivery.device = STR("fcm/phone");
    work.devices_body =
        quoted(d->arena, "{'phone':{'kind':'fcm','token':'renewed'},"
                         "'other':{'kind':'fcm','token':'other'}}");
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
    assert_text(m->address, "renewed");
    assert_text(m->device, "phone");
    assert_int_equal(m->expires_ms, INT64_C(1893456000000));
    /* Another one has that name now; or nobody has devices any more. */
    work.devices_body =
        quoted(d->arena, "{'phone':{'kind':'apns','token':'00'}}");
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
    work.devices_body = STR_NONE;
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
}

static void
a_message_has_what_a_driver_needs(void **state)
{
    struct desk *d = *state;
    const struct channel_message *m = &prepared.message;
    struct suppression s;
    int64_t id;

    begin(d,
          "{'title':'T','body':'B','html':'H','category':'c',"
          "'data':{'n': 1.50},'overrides':{'email':{'cc':['x@y.z']}}}",
          "{'email':'u@b.c'}");
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
    assert_text(m->title, "T");
    assert_text(m->body, "B");
    assert_text(m->html, "H");
    assert_text(m->category, "c");
    assert_text(m->priority, "high");
    assert_text(m->user, "u1");
    assert_text(m->address, "u@b.c");
    assert_json(m->data, "{'n': 1.50}");
    assert_json(m->overrides, "{'email':{'cc':['x@y.z']}}");
    assert_int_equal(m->created_ms, NOW - 1000);
    assert_true(id_parse(m->delivery_id, vault_id_key(d->vault), "dlv",
                         d->w.shard, &id));
    assert_int_equal(id, (1 << 23) + 1);
    assert_true(id_parse(m->notification_id, vault_id_key(d->vault), "ntf",
                         d->w.shard, &id));
    assert_int_equal(id, 1 << 23);
    assert_true(str_starts(m->unsubscribe_url, STR("https://b.example/u/")));
    assert_true(unsubscribe_read(
        d->vault, d->arena,
        str_sub(m->unsubscribe_url, 20, m->unsubscribe_url.n), &s));
    assert_text(s.address, "u@b.c");
    assert_text(s.channel, "email");
    assert_int_equal(s.tenant, DESK_TENANT);
}

static void
an_inline_recipient_is_found_by_its_place(void **state)
{
    struct desk *d = *state;
    const char *doc = "{'title':'T','to':{'recipients':[{'email':'0@b.c'},"
                      "{'email':'1@b.c','name':'One'}]}}";

    begin(d, doc, "{'email':'stored@b.c'}");
    work.delivery.recipient = 1;
    prepare_message(&prepared);
    assert_text(prepared.message.address, "1@b.c");
    assert_text(prepared.message.user_name, "One");
    begin(d, doc, NULL);
    work.delivery.recipient = 7; /* none of that number */
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
}

static void
an_address_is_that_of_now(void **state)
{
    struct desk *d = *state;

    begin(d, "{'title':'T'}", "{'email':'new@b.c'}");
    prepare_message(&prepared);
    assert_text(prepared.message.address, "new@b.c");
    begin(d, "{'title':'T'}", "{}");
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
    begin(d, "{'title':'T'}", NULL); /* deleted meanwhile */
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
    begin(d, "{'title':'T'}", "{broken");
    assert_ends(DELIVERY_SUPPRESSED, "contact.missing");
}

static void
a_provider_s_target_stands_in_for_an_address(void **state)
{
    struct desk *d = *state;

    begin(d, "{'title':'T'}", NULL);
    desk_provider(d, "hook", 10,
                  "{'driver':'webhook','channel':'webhook','config':{'url':"
                  "'https://h.example/'}}");
    prepared.provider = d->providers[1];
    work.delivery.channel = STR("webhook");
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
    assert_int_equal(prepared.message.address.n, 0);
    assert_int_equal(prepared.message.unsubscribe_url.n, 0);
}

static void
what_expires_now_has_expired(void **state)
{
    struct desk *d = *state;

    begin(d, "{'title':'T','expires_at':'2026-01-01T00:00:00.000Z'}",
          "{'email':'u@b.c'}");
    assert_true(time_parse(STR("2026-01-01T00:00:00Z"), &prepared.now_ms));
    assert_ends(DELIVERY_EXPIRED, "expired.ttl");
    prepared.now_ms--;
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
}

static void
the_pinned_version_is_rendered(void **state)
{
    struct desk *d = *state;

    begin(d, "{'template':'t'}", "{'email':'u@b.c'}");
    desk_template(d, "t", 1, "{'content':{'default':{'title':'one'}}}");
    desk_template(d, "t", 2, "{'content':{'default':{'title':'two'}}}");
    notification.template_key = STR("t");
    notification.template_version = 1;
    prepare_message(&prepared);
    assert_text(prepared.message.title, "one");
    notification.template_version = 3;
    assert_ends(DELIVERY_FAILED, "render.error");
}

static void
a_template_that_runs_away_fails_the_delivery(void **state)
{
    struct desk *d = *state;

    begin(d, "{'template':'t'}", "{'email':'u@b.c'}");
    desk_template(d, "t", 1,
                  "{'content':{'default':{'body':'{{> t}}{{> t}}'}}}");
    notification.template_key = STR("t");
    notification.template_version = 1;
    assert_ends(DELIVERY_FAILED, "render.error");
}

static void
what_waited_is_asked_about_again(void **state)
{
    struct desk *d = *state;
    struct category alarm = {.is_critical = true};
    struct map *categories = map_new();

    d->w.categories = categories;
    begin(d, "{'title':'T','category':'news'}", "{'email':'u@b.c'}");
    work.preference_body =
        quoted(d->arena, "{'categories':{'news':{'enabled':false}}}");
    assert_ends(DELIVERY_SUPPRESSED, "pref.category_off");
    work.delivery.reason = STR("quiet.deferred_until");
    assert_ends(DELIVERY_SUPPRESSED, "pref.category_off");
    work.delivery.reason = STR("provider.unavailable");
    work.delivery.attempts = 1;
    work.preference_body =
        quoted(d->arena, "{'muted_until':'2099-01-01T00:00:00.000Z'}");
    assert_ends(DELIVERY_SUPPRESSED, "pref.global_off");
    work.preference_body = quoted(d->arena, "{'channels':{'sms':false}}");
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
    work.preference_body = STR_NONE;
    d->w.preferences = desk_json(d, "{'channels':{'email':false}}");
    assert_ends(DELIVERY_SUPPRESSED, "pref.channel_off");
    (void)map_put(categories, STR("news"), &alarm);
    prepare_message(&prepared);
    assert_int_equal(prepared.reason.n, 0);
    map_free(categories);
}

static void
what_is_suppressed_ends_whatever_its_user_wants(void **state)
{
    struct desk *d = *state;
    struct category alarm = {.is_critical = true};

    d->w.categories = map_new();
    (void)map_put(d->w.categories, STR("news"), &alarm);
    begin(d, "{'title':'T','category':'news'}", "{'email':'u@b.c'}");
    prepared.suppression = quoted(d->arena, "{'reason':'contact.gone'}");
    work.preference_body =
        quoted(d->arena, "{'muted_until':'2099-01-01T00:00:00.000Z'}");
    assert_ends(DELIVERY_SUPPRESSED, "contact.gone");
    prepared.suppression = STR("{");
    assert_ends(DELIVERY_SUPPRESSED, "suppress.manual");
    map_free(d->w.categories);
    d->w.categories = NULL;
}

static void
assert_key(struct desk *d, const char *channel, const char *key)
{
    struct str keys[SUPPRESSION_KEYS];
    size_t n;

    work.delivery.channel = str_from(channel);
    n = prepare_suppression_keys(d->arena, &work, keys);
    assert_int_equal(n, key[0] ? 1 : 0);
    assert_text(n > 0 ? keys[0] : STR_NONE, key);
}

static void
suppressions_are_looked_for_by_the_address_of_now(void **state)
{
    struct desk *d = *state;

    begin(d,
          "{'title':'T','to':{'recipients':[{'email':'0@b.c'},"
          "{'phone':'+1'}]}}",
          "{'email':'u@b.c','whatsapp':'+2'}");
    assert_key(d, "email", "email:u@b.c");
    assert_key(d, "sms", "");
    assert_key(d, "whatsapp", "whatsapp:+2");
    assert_key(d, "no-such-channel", "");
    work.delivery.recipient = 0;
    assert_key(d, "email", "email:0@b.c");
    work.delivery.recipient = 1;
    assert_key(d, "email", "email:u@b.c");
    assert_key(d, "sms", "sms:+1");
}

/* An older program kept it as it was written. */
static void
suppressions_are_looked_for_however_an_address_is_written(void **state)
{
    struct desk *d = *state;
    struct str keys[SUPPRESSION_KEYS];

    begin(d, "{'title':'T'}",
          "{'email':'Ada <Ada@Example.ORG>','phone':'+49 (151) 123-4567'}");
    work.delivery.channel = STR("email");
    assert_int_equal(prepare_suppression_keys(d->arena, &work, keys), 2);
    assert_text(keys[0], "email:ada@example.org");
    assert_text(keys[1], "email:Ada <Ada@Example.ORG>");
    work.delivery.channel = STR("sms");
    assert_int_equal(prepare_suppression_keys(d->arena, &work, keys), 2);
    assert_text(keys[0], "sms:+491511234567");
    assert_text(keys[1], "sms:+49 (151) 123-4567");
    work.delivery.channel = STR("whatsapp");
    assert_int_equal(prepare_suppression_keys(d->arena, &work, keys), 2);
    assert_text(keys[0], "whatsapp:+491511234567");
}

static void
what_was_cancelled_between_two_attempts_is_not_tried_again(void **state)
{
    struct desk *d = *state;

    begin(d, "{'title':'T'}", "{'email':'u@b.c'}");
    work.delivery.attempts = 1;
    notification.is_cancelled = true;
    assert_ends(DELIVERY_CANCELLED, "cancelled");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(it_is_due_when_it_is_accepted_or_when_it_was_to_go_out),
        DESK_TEST(suppressions_are_looked_for_however_an_address_is_written),
        DESK_TEST(mails_of_a_tracked_category_tell_of_their_readers),
        DESK_TEST(a_push_goes_to_the_device_as_it_is_now),
        DESK_TEST(a_message_has_what_a_driver_needs),
        DESK_TEST(an_inline_recipient_is_found_by_its_place),
        DESK_TEST(an_address_is_that_of_now),
        DESK_TEST(a_provider_s_target_stands_in_for_an_address),
        DESK_TEST(what_expires_now_has_expired),
        DESK_TEST(the_pinned_version_is_rendered),
        DESK_TEST(a_template_that_runs_away_fails_the_delivery),
        DESK_TEST(what_waited_is_asked_about_again),
        DESK_TEST(what_is_suppressed_ends_whatever_its_user_wants),
        DESK_TEST(suppressions_are_looked_for_by_the_address_of_now),
        DESK_TEST(what_was_cancelled_between_two_attempts_is_not_tried_again),
    };

    return cmocka_run_group_tests_name("app/prepare", tests, NULL, NULL);
}
