#include "domain/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "base/clock.h"

/* NULL: absent. */
static struct json
json(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;

    if (!text)
        return (struct json){0};
    assert_int_equal(json_parse(arena, str_from(text), doc, &why), ERR_OK);
    return json_root(doc);
}

static struct plan_decision
decide(const struct plan_recipient *r, const struct plan_channel *c,
       bool is_expired)
{
    struct plan p = {.arena = arena,
                     .recipients = r,
                     .n_recipients = 1,
                     .channels = c,
                     .n_channels = 1,
                     .is_expired = is_expired};
    struct plan_decision d = {0};

    plan_decide(&p, &d);
    assert_ptr_equal(d.recipient, r);
    assert_ptr_equal(d.channel, c);
    return d;
}

static const struct plan_channel in_app = {.name = {"in_app", 6},
                                           .is_in_app = true};
static const struct plan_channel email = {
    .name = {"email", 5}, .lane = 7, .address_field = "email"};
static const struct plan_channel email_nowhere = {.name = {"email", 5},
                                                  .address_field = "email"};
static const struct plan_channel whatsapp = {.name = {"whatsapp", 8},
                                             .lane = 8,
                                             .address_field = "whatsapp",
                                             .address_fallback = "phone"};
static const struct plan_channel webhook = {.name = {"webhook", 7},
                                            .lane = 9,
                                            .has_target = true,
                                            .address_field = "webhook"};
static const struct plan_channel file = {
    .name = {"log_file", 8}, .lane = 10, .has_target = true};

static void
each_pair_of_recipient_and_channel_has_its_reason(void **state)
{
    static const struct {
        const char *user, *stored, *given;
        const struct plan_channel *channel;
        bool is_expired;
        enum reason why;
    } rows[] = {
        {"u", NULL, NULL, &in_app, false, REASON_NONE},
        {"", NULL, "{\"email\":\"a@b.c\"}", &in_app, false,
         REASON_CONTACT_MISSING},
        {"u", NULL, NULL, &email, false, REASON_CONTACT_MISSING},
        {"u", "{}", NULL, &email, false, REASON_CONTACT_MISSING},
        {"u", "{\"email\":\"a@b.c\"}", NULL, &email, false, REASON_NONE},
        {"u", "{\"email\":null}", NULL, &email, false, REASON_CONTACT_MISSING},
        {"u", "{\"email\":\"\"}", NULL, &email, false, REASON_CONTACT_MISSING},
        {"", NULL, "{\"email\":\"a@b.c\"}", &email, false, REASON_NONE},
        /* What the request gives counts, also where it takes away. */
        {"u", "{}", "{\"email\":\"a@b.c\"}", &email, false, REASON_NONE},
        {"u", "{\"email\":\"a@b.c\"}", "{\"email\":null}", &email, false,
         REASON_CONTACT_MISSING},
        {"u", "{\"email\":\"a@b.c\"}", "{\"phone\":\"1\"}", &email, false,
         REASON_NONE},
        /* Without a provider nothing else matters. */
        {"u", NULL, NULL, &email_nowhere, false, REASON_PROVIDER_NONE},
        {"u", "{\"email\":\"a@b.c\"}", NULL, &email_nowhere, false,
         REASON_PROVIDER_NONE},
        {"u", "{\"phone\":\"1\"}", NULL, &whatsapp, false, REASON_NONE},
        {"u", "{\"whatsapp\":\"2\"}", NULL, &whatsapp, false, REASON_NONE},
        {"u", "{\"email\":\"a@b.c\"}", NULL, &whatsapp, false,
         REASON_CONTACT_MISSING},
        {"u", NULL, NULL, &webhook, false, REASON_NONE},
        {"", NULL, "{}", &webhook, false, REASON_NONE},
        {"", NULL, "{}", &file, false, REASON_NONE},
        /* Too late is too late for all. */
        {"u", NULL, NULL, &in_app, true, REASON_EXPIRED},
        {"u", NULL, NULL, &email_nowhere, true, REASON_EXPIRED},
        {"", NULL, NULL, &email, true, REASON_EXPIRED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = str_from(rows[i].user),
                                   .stored = json(rows[i].stored),
                                   .given = json(rows[i].given)};
        struct plan_decision d =
            decide(&r, rows[i].channel, rows[i].is_expired);

        if (d.reason != rows[i].why)
            fail_msg("row %zu: %d is not %d", i, d.reason, rows[i].why);
        assert_int_equal(d.verdict,
                         rows[i].why == REASON_NONE ? PLAN_SEND : PLAN_SKIP);
    }
}

static void
a_digest_collects_what_would_go_out_and_may_wait(void **state)
{
    static const struct digest_rule rule = {.window_ms = 5000};
    static const struct category alarm = {.is_critical = true};
    static const struct {
        const char *user;
        const struct plan_channel *channel;
        enum priority priority;
        const struct category *configured;
        bool is_later, is_collected;
    } rows[] = {
        {"u", &in_app, PRIORITY_NORMAL, NULL, false, true},
        {"u", &webhook, PRIORITY_HIGH, NULL, false, true},
        {"u", &email_nowhere, PRIORITY_NORMAL, NULL, false, false},
        {"", &webhook, PRIORITY_NORMAL, NULL, false, false},
        {"u", &in_app, PRIORITY_CRITICAL, NULL, false, false},
        {"u", &in_app, PRIORITY_NORMAL, &alarm, false, false},
        {"u", &in_app, PRIORITY_NORMAL, NULL, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = str_from(rows[i].user)};
        struct plan p = {.arena = arena,
                         .recipients = &r,
                         .n_recipients = 1,
                         .channels = rows[i].channel,
                         .n_channels = 1,
                         .now_ms = 1000,
                         .priority = rows[i].priority,
                         .configured = rows[i].configured,
                         .is_later = rows[i].is_later,
                         .digest = &rule};
        struct plan_decision d;

        plan_decide(&p, &d);
        if ((d.digest != NULL) != rows[i].is_collected)
            fail_msg("row %zu: %d", i, d.digest != NULL);
        if (d.digest)
            assert_int_equal(d.closes_ms, 6000);
    }
}

/* Whatever else would keep it; but who would not get it is told so. */
static void
what_is_to_be_approved_waits_for_that(void **state)
{
    static const struct digest_rule rule = {.window_ms = 5000};
    struct plan_recipient who = {.user = STR("u")};
    struct plan_channel where[] = {in_app, email_nowhere};
    struct plan p = {.arena = arena,
                     .recipients = &who,
                     .n_recipients = 1,
                     .channels = where,
                     .n_channels = 2,
                     .now_ms = 1000,
                     .is_held = true};
    struct plan_decision d[2];

    (void)state;
    for (int i = 0; i < 4; i++) {
        p.is_later = i & 1;
        p.digest = i & 2 ? &rule : NULL;
        plan_decide(&p, d);
        assert_int_equal(d[0].verdict, PLAN_HOLD);
        assert_int_equal(d[0].reason, REASON_APPROVAL_PENDING);
        assert_int_equal(d[0].due_ms, 0);
        assert_null(d[0].digest);
        assert_int_equal(d[1].verdict, PLAN_SKIP);
        assert_int_equal(d[1].reason, REASON_PROVIDER_NONE);
    }
}

static void
decisions_come_recipient_by_recipient(void **state)
{
    struct plan_recipient who[] = {{.user = STR("a")}, {.user = STR("b")}};
    struct plan_channel where[] = {in_app, email, file};
    struct plan p = {.arena = arena,
                     .recipients = who,
                     .n_recipients = 2,
                     .channels = where,
                     .n_channels = 3};
    struct plan_decision d[7] = {[6] = {.reason = REASON_EXPIRED}};

    (void)state;
    plan_decide(&p, d);
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(d[i].recipient, &who[i / 3]);
        assert_ptr_equal(d[i].channel, &where[i % 3]);
    }
    assert_null(d[6].recipient); /* not a row too many */
}

static void
an_address_is_the_given_one_then_the_stored_then_the_fallback(void **state)
{
    static const struct {
        const char *stored, *given, *want;
    } rows[] = {
        {"{\"whatsapp\":\"s\",\"phone\":\"p\"}", NULL, "s"},
        {"{\"whatsapp\":\"s\"}", "{\"whatsapp\":\"g\"}", "g"},
        {"{\"phone\":\"p\"}", NULL, "p"},
        {"{\"phone\":\"p\"}", "{\"phone\":\"q\"}", "q"},
        {"{\"whatsapp\":\"s\"}", "{\"phone\":\"q\"}", "s"},
        {"{\"whatsapp\":\"s\",\"phone\":\"p\"}", "{\"whatsapp\":null}", "p"},
        {"{\"whatsapp\":7}", NULL, ""},
        {"[]", "[]", ""},
        {NULL, NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.stored = json(rows[i].stored),
                                   .given = json(rows[i].given)};
        struct str got = plan_address(arena, &r, "whatsapp", "phone");

        if (!str_is(got, rows[i].want))
            fail_msg("row %zu: %.*s", i, STR_ARG(got));
    }
    assert_int_equal(
        plan_address(arena, &(struct plan_recipient){0}, NULL, NULL).n, 0);
}

static enum reason
always_unsubscribed(void *arg, struct str channel, struct str address)
{
    (void)arg;
    (void)channel;
    (void)address;
    return REASON_SUPPRESS_UNSUBSCRIBE;
}

static void
the_order_of_what_stands_in_the_way_is_kept(void **state)
{
    struct plan_recipient r = {
        .user = STR("u"),
        .stored = json("{\"email\":\"a@b.c\"}"),
        .preferences = json("{\"channels\":{\"email\":false}}"),
    };
    struct category critical = {.key = STR("alarm"), .is_critical = true};
    struct plan p = {.arena = arena,
                     .recipients = &r,
                     .n_recipients = 1,
                     .channels = &email,
                     .n_channels = 1,
                     .suppressed = always_unsubscribed};
    struct plan_decision d;

    (void)state;
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_SUPPRESS_UNSUBSCRIBE);
    p.suppressed = NULL;
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_PREF_CHANNEL_OFF);
    p.configured = &critical;
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_NONE);
    p.suppressed = always_unsubscribed; /* the law goes before the alarm */
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_SUPPRESS_UNSUBSCRIBE);
}

static void
what_the_send_leaves_out_comes_last(void **state)
{
    struct plan_recipient r = {
        .user = STR("u"),
        .preferences = json("{\"channels\":{\"in_app\":false}}"),
        .is_held_out = true,
        .is_flag_off = true,
    };

    (void)state;
    assert_int_equal(decide(&r, &in_app, true).reason, REASON_EXPIRED);
    assert_int_equal(decide(&r, &in_app, false).reason,
                     REASON_PREF_CHANNEL_OFF);
    assert_int_equal(decide(&r, &email, false).reason, REASON_CONTACT_MISSING);
    r.preferences = (struct json){0};
    assert_int_equal(decide(&r, &in_app, false).reason, REASON_FLAG_OFF);
    r.is_flag_off = false;
    assert_int_equal(decide(&r, &in_app, false).reason,
                     REASON_EXPERIMENT_HOLDOUT);
    r.is_held_out = false;
    assert_int_equal(decide(&r, &in_app, false).reason, REASON_NONE);
}

/* 2026-06-01 is a Monday; Berlin is two hours ahead of UTC. */
static struct plan_decision
decide_at_night(const struct plan_channel *c, const struct category *k,
                enum priority priority, const char *preferences)
{
    struct plan_recipient r = {
        .user = STR("u"),
        .stored = json("{\"email\":\"a@b.c\",\"timezone\":\"Europe/Berlin\"}"),
        .preferences = json(preferences),
    };
    struct plan p = {.arena = arena,
                     .recipients = &r,
                     .n_recipients = 1,
                     .channels = c,
                     .n_channels = 1,
                     .priority = priority,
                     .configured = k};
    struct plan_decision d;

    assert_true(time_parse(STR("2026-06-01T23:30:00.000Z"), &p.now_ms));
    plan_decide(&p, &d);
    return d;
}

#define NIGHT "{\"quiet_hours\":{\"start\":\"22:00\",\"end\":\"07:00\"}}"

static void
quiet_hours_hold_what_would_disturb(void **state)
{
    struct category drops = {.key = STR("news"), .quiet = QUIET_DROP};
    struct category breaks = {.key = STR("code"), .quiet = QUIET_BREAK_THROUGH};
    struct category critical = {.key = STR("alarm"), .is_critical = true};
    struct plan_decision d =
        decide_at_night(&email, NULL, PRIORITY_HIGH, NIGHT);
    int64_t morning_ms;

    (void)state;
    assert_true(time_parse(STR("2026-06-02T05:00:00.000Z"), &morning_ms));
    assert_int_equal(d.verdict, PLAN_HOLD);
    assert_int_equal(d.reason, REASON_QUIET_DEFERRED);
    assert_int_equal(d.due_ms, morning_ms);
    d = decide_at_night(&email, &drops, PRIORITY_NORMAL, NIGHT);
    assert_int_equal(d.verdict, PLAN_SKIP);
    assert_int_equal(d.reason, REASON_QUIET_DROPPED);
    d = decide_at_night(&email, &breaks, PRIORITY_NORMAL, NIGHT);
    assert_int_equal(d.verdict, PLAN_SEND);
    d = decide_at_night(&email, &critical, PRIORITY_NORMAL, NIGHT);
    assert_int_equal(d.verdict, PLAN_SEND);
    d = decide_at_night(&email, &drops, PRIORITY_CRITICAL, NIGHT);
    assert_int_equal(d.verdict, PLAN_SEND);
    d = decide_at_night(&in_app, &drops, PRIORITY_NORMAL, NIGHT);
    assert_int_equal(d.verdict, PLAN_SEND);
    d = decide_at_night(&email_nowhere, NULL, PRIORITY_NORMAL, NIGHT);
    assert_int_equal(d.reason, REASON_PROVIDER_NONE); /* now, and later too */
}

/* Whether that drops it is a question for when its window ends. */
static void
what_a_digest_collects_is_not_dropped_at_night(void **state)
{
    static const char *const wants =
        "{\"quiet_hours\":{\"start\":\"22:00\",\"end\":\"07:00\"},"
        "\"digest\":{\"news\":\"12h\"}}";
    struct category drops = {.key = STR("news"), .quiet = QUIET_DROP};
    struct digest_rule rule = {.window_ms = 5000, .max_items = 9};
    struct plan_recipient r = {.user = STR("u"),
                               .stored = json("{\"email\":\"a@b.c\"}"),
                               .preferences = json(NIGHT)};
    struct plan p = {.arena = arena,
                     .recipients = &r,
                     .n_recipients = 1,
                     .channels = &email,
                     .n_channels = 1,
                     .priority = PRIORITY_NORMAL,
                     .category = STR("news"),
                     .configured = &drops,
                     .digest = &rule};
    struct plan_decision d;

    (void)state;
    assert_true(time_parse(STR("2026-06-01T23:30:00.000Z"), &p.now_ms));
    plan_decide(&p, &d);
    assert_int_equal(d.verdict, PLAN_SEND);
    assert_true(plan_only_waits(&d));
    rule.is_leading = true; /* it might be the one that goes out at once */
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_QUIET_DROPPED);
    r.preferences = json(wants);
    plan_decide(&p, &d);
    assert_true(plan_only_waits(&d));
    p.is_flush = true;
    plan_decide(&p, &d);
    assert_int_equal(d.reason, REASON_QUIET_DROPPED);
}

static void
quiet_hours_may_reroute_to_the_inbox(void **state)
{
    static const struct category reroutes = {.quiet = QUIET_REROUTE};
    const struct plan_channel channels[] = {email, in_app};
    static const struct {
        const char *preferences;
        enum priority priority;
        enum plan_verdict verdict;
        enum reason reason;
        bool uses_spare;
    } rows[] = {
        {NIGHT, PRIORITY_HIGH, PLAN_SKIP, REASON_QUIET_REROUTED, true},
        {NIGHT, PRIORITY_CRITICAL, PLAN_SEND, REASON_NONE, false},
        {"{}", PRIORITY_HIGH, PLAN_SEND, REASON_NONE, false},
        {"{\"channels\":{\"email\":false},"
         "\"quiet_hours\":{\"start\":\"22:00\",\"end\":\"07:00\"}}",
         PRIORITY_HIGH, PLAN_SKIP, REASON_PREF_CHANNEL_OFF, false},
        {"{\"channels\":{\"in_app\":false},"
         "\"quiet_hours\":{\"start\":\"22:00\",\"end\":\"07:00\"}}",
         PRIORITY_HIGH, PLAN_HOLD, REASON_QUIET_DEFERRED, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct plan_recipient r = {
            .user = STR("u"),
            .stored = json("{\"email\":\"a@b.c\"}"),
            .preferences = json(rows[i].preferences),
        };
        struct plan p = {.arena = arena,
                         .recipients = &r,
                         .n_recipients = 1,
                         .channels = channels,
                         .n_channels = 2,
                         .has_spare = true,
                         .priority = rows[i].priority,
                         .configured = &reroutes};
        struct plan_decision d[2];

        assert_true(time_parse(STR("2026-06-01T23:30:00.000Z"), &p.now_ms));
        plan_decide(&p, d);
        assert_int_equal(d[0].verdict, rows[i].verdict);
        assert_int_equal(d[0].reason, rows[i].reason);
        assert_false(plan_is_unused(&d[0]));
        assert_int_equal(plan_is_unused(&d[1]), !rows[i].uses_spare);
        assert_int_equal(d[1].verdict == PLAN_SEND, rows[i].uses_spare);
    }
}

/* Reads at eight in Berlin, each day. */
static const struct habit *
early_reader(const char *until)
{
    struct habit *h = ARENA_NEW(arena, struct habit);
    int64_t ms;

    assert_true(time_parse(str_from(until), &ms));
    for (int i = 20; i > 0; i--)
        habit_learn(h, zone_find(STR("Europe/Berlin")),
                    ms - i * INT64_C(86400000));
    return h;
}

/* It is half past one in Berlin; eight is at six in UTC. */
static void
what_may_wait_does_so_for_the_best_time(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };
    static const struct category drops = {.quiet = QUIET_DROP};
    static const struct category reroutes = {.quiet = QUIET_REROUTE};
    static const struct category alarm = {.is_critical = true};
    static const char past_eight[] =
        "{\"quiet_hours\":{\"start\":\"22:00\",\"end\":\"09:00\"}}";
    static const struct {
        const struct plan_channel *channel;
        const char *preferences;
        const struct category *category;
        int64_t within_ms, expires_after_ms, before_ms;
        bool is_urgent, is_new, is_later, is_held;
        enum plan_verdict verdict;
        enum reason reason;
    } rows[] = {
        {&email, "{}", .within_ms = 24 * HOUR_MS, .verdict = PLAN_HOLD,
         .reason = REASON_BEST_TIME},
        {&email, "{}", .within_ms = 24 * HOUR_MS, .is_later = true,
         .verdict = PLAN_HOLD, .reason = REASON_BEST_TIME},
        {&email, "{}", .within_ms = 24 * HOUR_MS, .is_new = true},
        {&email, "{}", .within_ms = 5 * HOUR_MS},
        {&email, "{}", .within_ms = 0},
        {&email, "{}", .within_ms = 24 * HOUR_MS,
         .expires_after_ms = 5 * HOUR_MS},
        {&email, "{}", .within_ms = 24 * HOUR_MS,
         .expires_after_ms = 7 * HOUR_MS, .verdict = PLAN_HOLD,
         .reason = REASON_BEST_TIME},
        {&in_app, "{}", .within_ms = 24 * HOUR_MS},
        {&email, "{}", &alarm, .within_ms = 24 * HOUR_MS},
        {&email, "{}", .within_ms = 24 * HOUR_MS, .is_urgent = true},
        {&email_nowhere, "{}", .within_ms = 24 * HOUR_MS, .verdict = PLAN_SKIP,
         .reason = REASON_PROVIDER_NONE},
        {&email, NIGHT, .within_ms = 24 * HOUR_MS, .verdict = PLAN_HOLD,
         .reason = REASON_BEST_TIME},
        {&email, NIGHT, .within_ms = 5 * HOUR_MS, .verdict = PLAN_HOLD,
         .reason = REASON_QUIET_DEFERRED},
        {&email, past_eight, .within_ms = 12 * HOUR_MS, .verdict = PLAN_HOLD,
         .reason = REASON_QUIET_DEFERRED},
        {&email, NIGHT, &drops, .within_ms = 24 * HOUR_MS, .verdict = PLAN_SKIP,
         .reason = REASON_QUIET_DROPPED},
        {&email, "{}", &reroutes, .within_ms = 24 * HOUR_MS,
         .verdict = PLAN_HOLD, .reason = REASON_BEST_TIME},
        {&email, "{\"channels\":{\"email\":false}}", .within_ms = 24 * HOUR_MS,
         .verdict = PLAN_SKIP, .reason = REASON_PREF_CHANNEL_OFF},
        {&email, NIGHT, .within_ms = 24 * HOUR_MS, .is_held = true,
         .verdict = PLAN_HOLD, .reason = REASON_APPROVAL_PENDING},
        /* The hour before it is better than none. */
        {&email, "{}", .within_ms = 24 * HOUR_MS,
         .expires_after_ms = 6 * HOUR_MS, .before_ms = HOUR_MS,
         .verdict = PLAN_HOLD, .reason = REASON_BEST_TIME},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct plan_recipient r = {
            .user = STR("u"),
            .stored =
                json("{\"email\":\"a@b.c\",\"timezone\":\"Europe/Berlin\"}"),
            .preferences = json(rows[i].preferences),
            .habit =
                rows[i].is_new ? NULL : early_reader("2026-06-01T06:10:00Z")};
        struct plan p = {.arena = arena,
                         .recipients = &r,
                         .n_recipients = 1,
                         .channels = rows[i].channel,
                         .n_channels = 1,
                         .priority = rows[i].is_urgent ? PRIORITY_CRITICAL
                                                       : PRIORITY_LOW,
                         .is_later = rows[i].is_later,
                         .is_held = rows[i].is_held,
                         .configured = rows[i].category,
                         .best_within_ms = rows[i].within_ms};
        struct plan_decision d;

        assert_true(time_parse(STR("2026-06-01T23:30:00.000Z"), &p.now_ms));
        if (rows[i].expires_after_ms > 0)
            p.expires_ms = p.now_ms + rows[i].expires_after_ms;
        plan_decide(&p, &d);
        if (d.verdict != rows[i].verdict || d.reason != rows[i].reason)
            fail_msg("row %zu: %d %s", i, d.verdict, reason_code(d.reason).p);
        if (d.reason == REASON_BEST_TIME)
            assert_in_range(d.due_ms + rows[i].before_ms - p.now_ms,
                            13 * HOUR_MS / 2, 27 * HOUR_MS / 4);
    }
}

static void
what_a_user_wants_collected_is_for_as_long_as_the_user_says(void **state)
{
    static const struct digest_rule senders = {.window_ms = 5000};
    static const struct category alarm = {.is_critical = true};
    static const struct {
        const char *category, *preferences;
        const struct digest_rule *rule;
        const struct category *configured;
        bool is_flush;
        int64_t closes_ms; /* 0: it is not collected */
    } rows[] = {
        {"news", "{\"digest\":{\"news\":\"1h\"}}", NULL, NULL, false, 3600000},
        {"news", "{\"digest\":{\"news\":\"1h\"}}", &senders, NULL, false,
         3600000},
        {"news", "{\"digest\":{\"news\":\"1h\"}}", NULL, NULL, true, 0},
        {"news", "{\"digest\":{\"news\":\"1h\"}}", NULL, &alarm, false, 0},
        {"news", "{\"digest\":{\"offers\":\"1h\"}}", NULL, NULL, false, 0},
        {"news", "{\"digest\":{\"offers\":\"1h\"}}", &senders, NULL, false,
         5000},
        {"news", "{\"digest\":{\"news\":7}}", NULL, NULL, false, 0},
        {"", "{\"digest\":{\"\":\"1h\"}}", NULL, NULL, false, 0},
        {"news", NULL, &senders, NULL, true, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = STR("u"),
                                   .preferences = json(rows[i].preferences)};
        struct plan p = {.arena = arena,
                         .recipients = &r,
                         .n_recipients = 1,
                         .channels = &in_app,
                         .n_channels = 1,
                         .priority = PRIORITY_NORMAL,
                         .category = str_from(rows[i].category),
                         .configured = rows[i].configured,
                         .digest = rows[i].rule,
                         .is_flush = rows[i].is_flush};
        struct plan_decision d;

        plan_decide(&p, &d);
        if ((d.digest ? d.closes_ms : 0) != rows[i].closes_ms)
            fail_msg("row %zu: %lld", i, (long long)d.closes_ms);
        if (d.closes_ms == 3600000) {
            assert_true(str_is(d.digest->key, "news"));
            assert_int_equal(d.digest->mode, DIGEST_FIXED);
            assert_int_equal(d.digest->max_items, DIGEST_ITEMS_DEFAULT);
            assert_true(plan_only_waits(&d));
        }
    }
}

/* It is half past one in Berlin, and quiet until seven. */
static void
quiet_hours_gather_what_they_hold_up(void **state)
{
    enum { HOUR_MS = 3600 * 1000, LEFT_MS = 11 * HOUR_MS / 2 };
    static const struct digest_rule brief = {.window_ms = 5000};
    static const struct digest_rule weekly = {.window_ms = 168 * HOUR_MS};
    static const struct category gathers = {.quiet = QUIET_DIGEST};
    static const struct {
        const struct plan_channel *channel;
        const char *user, *preferences;
        const struct digest_rule *rule;
        enum plan_verdict verdict;
        int64_t left_ms; /* 0: it is not collected */
    } rows[] = {
        {&email, "u", NIGHT, NULL, PLAN_HOLD, LEFT_MS},
        {&email, "u", NIGHT, &brief, PLAN_HOLD, LEFT_MS},
        {&email, "u", NIGHT, &weekly, PLAN_HOLD, 168 * HOUR_MS},
        {&email, "u", "{}", NULL, PLAN_SEND, 0},
        {&email, "", NIGHT, NULL, PLAN_HOLD, 0},
        {&in_app, "u", NIGHT, NULL, PLAN_SEND, 0},
        {&email_nowhere, "u", NIGHT, NULL, PLAN_SKIP, 0},
        {&email, "u",
         "{\"quiet_hours\":{\"start\":\"00:00\",\"end\":\"24:00\"}}", NULL,
         PLAN_SKIP, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {
            .user = str_from(rows[i].user),
            .stored =
                json("{\"email\":\"a@b.c\",\"timezone\":\"Europe/Berlin\"}"),
            .preferences = json(rows[i].preferences)};
        struct plan p = {.arena = arena,
                         .recipients = &r,
                         .n_recipients = 1,
                         .channels = rows[i].channel,
                         .n_channels = 1,
                         .priority = PRIORITY_NORMAL,
                         .category = STR("news"),
                         .configured = &gathers,
                         .digest = rows[i].rule};
        struct plan_decision d;

        assert_true(time_parse(STR("2026-06-01T23:30:00.000Z"), &p.now_ms));
        plan_decide(&p, &d);
        if (d.verdict != rows[i].verdict ||
            (d.digest ? d.closes_ms - p.now_ms : 0) != rows[i].left_ms)
            fail_msg("row %zu: %d, %lld", i, d.verdict,
                     (long long)(d.closes_ms - p.now_ms));
        p.is_flush = true; /* then it waits as itself */
        plan_decide(&p, &d);
        assert_int_equal(d.verdict, rows[i].verdict);
        assert_null(d.digest);
    }
}

static void
quiet_hours_that_make_no_sense_hold_nothing_for_ever(void **state)
{
    struct plan_decision d;

    (void)state;
    d = decide_at_night(&email, NULL, PRIORITY_NORMAL,
                        "{\"quiet_hours\":{\"start\":\"00:00\","
                        "\"end\":\"24:00\"}}");
    assert_int_equal(d.verdict, PLAN_SKIP);
    assert_int_equal(d.reason, REASON_QUIET_DROPPED);
    d = decide_at_night(&email, NULL, PRIORITY_NORMAL,
                        "{\"quiet_hours\":{\"start\":7}}");
    assert_int_equal(d.verdict, PLAN_SEND);
    d = decide_at_night(&email, NULL, PRIORITY_NORMAL,
                        "{\"quiet_hours\":{\"start\":\"22:00\","
                        "\"end\":\"07:00\",\"timezone\":\"Mars/Base\"}}");
    assert_int_equal(d.verdict, PLAN_HOLD); /* in the user's zone */
}

#define PHONES                                                                 \
    "{\"a\":{\"kind\":\"fcm\",\"token\":\"1\"},"                               \
    "\"b\":{\"kind\":\"web_push\",\"subscription\":{}},"                       \
    "\"c\":{\"kind\":\"apns\",\"token\":\"2\"}}"

static const struct plan_channel mobile = {
    .name = {"mobile_push", 11},
    .lane = 4,
    .device_kinds = DEVICE_BIT(DEVICE_FCM) | DEVICE_BIT(DEVICE_APNS),
    .device_lanes = {[DEVICE_FCM] = 4}};

/* To a user with these devices. */
static struct plan_decision
decide_push(const char *devices, const struct plan_channel *c,
            const struct digest_rule *rule)
{
    struct plan_recipient *r = ARENA_NEW(arena, struct plan_recipient);
    struct plan p = {.arena = arena,
                     .recipients = r,
                     .n_recipients = 1,
                     .channels = c,
                     .n_channels = 1,
                     .priority = PRIORITY_NORMAL,
                     .digest = rule};
    struct plan_decision d = {0};

    *r = (struct plan_recipient){
        .user = STR("u"), .index = -1, .devices = json(devices)};
    plan_decide(&p, &d);
    return d;
}

static void
a_push_is_one_decision_and_a_delivery_for_each_device(void **state)
{
    struct plan_decision d = decide_push(PHONES, &mobile, NULL);

    (void)state;
    assert_int_equal(d.verdict, PLAN_SEND);
    assert_int_equal(plan_n_deliveries(&d), 2);
    assert_true(str_is(plan_device(&d, 0)->name, "a"));
    assert_true(str_is(plan_device(&d, 1)->name, "c"));
    d = decide(&(struct plan_recipient){.user = STR("u"), .index = -1}, &in_app,
               false);
    assert_int_equal(plan_n_deliveries(&d), 1);
    assert_null(plan_device(&d, 0));
}

static void
a_push_needs_a_device_and_a_provider_of_its_kind(void **state)
{
    static const struct {
        const char *devices;
        enum reason why;
    } rows[] = {
        {NULL, REASON_CONTACT_MISSING},
        {"{}", REASON_CONTACT_MISSING},
        {"{\"b\":{\"kind\":\"web_push\",\"subscription\":{}}}",
         REASON_CONTACT_MISSING},
        {"{\"c\":{\"kind\":\"apns\",\"token\":\"2\"}}", REASON_PROVIDER_NONE},
        {PHONES, REASON_NONE},
    };
    struct plan_channel nowhere = mobile;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_decision d = decide_push(rows[i].devices, &mobile, NULL);

        if (d.reason != rows[i].why)
            fail_msg("row %zu: %d", i, d.reason);
        if (rows[i].why != REASON_NONE)
            assert_int_equal(plan_n_deliveries(&d), 1);
    }
    nowhere.lane = 0;
    assert_int_equal(decide_push(NULL, &nowhere, NULL).reason,
                     REASON_PROVIDER_NONE);
}

static void
a_window_collects_a_push_once(void **state)
{
    const struct digest_rule rule = {.key = STR("k"),
                                     .window_ms = 1000,
                                     .max_window_ms = 1000,
                                     .max_items = 10};
    struct digest_rule leading = rule;
    struct plan_decision d = decide_push(PHONES, &mobile, &rule);

    (void)state;
    assert_int_equal(plan_n_deliveries(&d), 1);
    assert_null(plan_device(&d, 0));
    leading.is_leading = true; /* it may go out at once */
    d = decide_push(PHONES, &mobile, &leading);
    assert_int_equal(plan_n_deliveries(&d), 2);
}

static void
verdicts_have_the_names_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(plan_verdict_name(PLAN_SEND), "send");
    assert_string_equal(plan_verdict_name(PLAN_SKIP), "skip");
    assert_string_equal(plan_verdict_name(PLAN_HOLD), "hold");
}

/* What is noted changes no decision, and each question is asked of one that is
 * against it from the start, too. */
static void
what_is_asked_is_noted_where_somebody_wants_to_know(void **state)
{
    const struct plan_recipient r = {
        .user = STR("u"),
        .index = -1,
        .preferences = json("{\"channels\":{\"email\":false}}"),
        .is_flag_off = true};
    struct plan p = {.arena = arena,
                     .recipients = &r,
                     .n_recipients = 1,
                     .channels = &email,
                     .n_channels = 1};
    struct plan_decision plain, noted;

    (void)state;
    plan_decide(&p, &plain);
    assert_null(plain.notes);
    p.is_noted = true;
    plan_decide(&p, &noted);
    assert_int_equal(noted.reason, plain.reason);
    assert_int_equal(noted.reason, REASON_PREF_CHANNEL_OFF);
    assert_int_equal(noted.notes[PLAN_STAGE_EXPIRY].verdict, PLAN_SEND);
    assert_int_equal(noted.notes[PLAN_STAGE_PREFERENCE].reason,
                     REASON_PREF_CHANNEL_OFF);
    assert_int_equal(noted.notes[PLAN_STAGE_REACH].reason,
                     REASON_CONTACT_MISSING);
    assert_int_equal(noted.notes[PLAN_STAGE_FLAG].reason, REASON_FLAG_OFF);
    assert_true(noted.notes[PLAN_STAGE_EXPERIMENT].is_asked);
    assert_false(noted.notes[PLAN_STAGE_QUIET].is_asked);
    assert_string_equal(plan_stage_name(PLAN_STAGE_BEST_TIME), "best_time");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_pair_of_recipient_and_channel_has_its_reason),
        T(a_digest_collects_what_would_go_out_and_may_wait),
        T(what_is_to_be_approved_waits_for_that),
        T(decisions_come_recipient_by_recipient),
        T(an_address_is_the_given_one_then_the_stored_then_the_fallback),
        T(the_order_of_what_stands_in_the_way_is_kept),
        T(what_the_send_leaves_out_comes_last),
        T(quiet_hours_hold_what_would_disturb),
        T(quiet_hours_may_reroute_to_the_inbox),
        T(what_a_digest_collects_is_not_dropped_at_night),
        T(what_may_wait_does_so_for_the_best_time),
        T(what_a_user_wants_collected_is_for_as_long_as_the_user_says),
        T(quiet_hours_gather_what_they_hold_up),
        T(quiet_hours_that_make_no_sense_hold_nothing_for_ever),
        T(what_is_asked_is_noted_where_somebody_wants_to_know),
        T(a_push_is_one_decision_and_a_delivery_for_each_device),
        T(a_push_needs_a_device_and_a_provider_of_its_kind),
        T(a_window_collects_a_push_once),
        T(verdicts_have_the_names_of_the_contract),
    };

    return cmocka_run_group_tests_name("domain/plan", tests, NULL, NULL);
}
