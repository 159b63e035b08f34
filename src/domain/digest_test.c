#include "domain/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static int64_t
utc(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

static void
assert_round(const char *name, int64_t window_ms, const char *now,
             const char *want)
{
    const struct digest_rule r = {.mode = DIGEST_CALENDAR,
                                  .window_ms = window_ms};
    char text[TIME_TEXT_SIZE];
    struct str end =
        time_format(text, digest_end(&r, zone_find(str_from(name)), utc(now)));

    if (!str_is(end, want))
        fail_msg("%s from %s: %.*s, not %s", name, now, STR_ARG(end), want);
}

static void
fixed_ones_end_a_window_after_they_opened(void **state)
{
    const struct digest_rule r = {.window_ms = 1500};
    struct digest d = {.rule = r, .opened_ms = 1000};

    (void)state;
    d.closes_ms = digest_end(&r, zone_utc(), 1000);
    assert_int_equal(d.closes_ms, 2500);
    assert_int_equal(digest_end_after_join(&d, 2400), 2500);
}

static void
sliding_ones_end_a_window_after_the_last_up_to_the_maximum(void **state)
{
    struct digest d = {.rule = {.mode = DIGEST_SLIDING,
                                .window_ms = 1000,
                                .max_window_ms = 2500},
                       .opened_ms = 1000,
                       .closes_ms = 2000};

    (void)state;
    assert_int_equal(digest_end(&d.rule, zone_utc(), 1000), 2000);
    assert_int_equal(digest_end_after_join(&d, 1700), 2700);
    assert_int_equal(digest_end_after_join(&d, 900), 2000);
    assert_int_equal(digest_end_after_join(&d, 2600), 3500);
}

static void
a_window_is_over_at_its_end_or_when_it_is_full(void **state)
{
    struct digest d = {.closes_ms = 2000, .n_members = DIGEST_MEMBERS_MAX - 1};

    (void)state;
    assert_false(digest_is_over(&d, 1999));
    assert_true(digest_is_over(&d, 2000));
    d.n_members++;
    assert_true(digest_is_over(&d, 1999));
}

static void
calendar_ones_end_when_the_users_clock_is_round(void **state)
{
    (void)state;
    assert_round("UTC", HOUR_MS, "2026-11-28T09:59:59.999Z",
                 "2026-11-28T10:00:00.000Z");
    assert_round("UTC", HOUR_MS, "2026-11-28T10:00:00Z",
                 "2026-11-28T11:00:00.000Z");
    assert_round("Asia/Kolkata", HOUR_MS, "2026-11-28T10:10:00Z",
                 "2026-11-28T10:30:00.000Z");
    assert_round("Europe/Berlin", DAY_MS, "2026-11-28T22:59:00Z",
                 "2026-11-28T23:00:00.000Z");
    assert_round("Europe/Berlin", DAY_MS, "2026-11-28T23:00:00Z",
                 "2026-11-29T23:00:00.000Z");
    /* A Saturday: weeks end with Sunday. */
    assert_round("UTC", 7 * DAY_MS, "2026-11-28T12:00:00Z",
                 "2026-11-30T00:00:00.000Z");
    /* The last round of a day ends with it. */
    assert_round("UTC", 7 * HOUR_MS, "2026-11-28T22:00:00Z",
                 "2026-11-29T00:00:00.000Z");
    assert_round("UTC", 1500, "2026-11-28T00:00:02Z",
                 "2026-11-28T00:00:03.000Z");
}

static void
a_calendar_survives_the_nights_when_clocks_change(void **state)
{
    (void)state;
    /* 02:00 to 03:00 is skipped: 01:59 -> 03:00. */
    assert_round("Europe/Berlin", HOUR_MS, "2026-03-29T00:59:00Z",
                 "2026-03-29T01:00:00.000Z");
    assert_round("Europe/Berlin", DAY_MS, "2026-03-29T00:30:00Z",
                 "2026-03-29T22:00:00.000Z");
    /* 02:00 to 03:00 comes twice; this is the second time. */
    assert_round("Europe/Berlin", HOUR_MS / 2, "2026-10-25T01:10:00Z",
                 "2026-10-25T01:30:00.000Z");
    assert_round("Europe/Berlin", HOUR_MS, "2026-10-25T01:10:00Z",
                 "2026-10-25T02:00:00.000Z");
    assert_round("Europe/Berlin", DAY_MS, "2026-10-25T01:10:00Z",
                 "2026-10-25T23:00:00.000Z");
}

/* ---- what goes out ---- */

static struct json
parsed(struct arena *a, const char *text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct str s = str_dup(a, str_from(text));
    char *p = arena_copy(a, s.p, s.n);
    struct json_error why;

    for (size_t i = 0; i < s.n; i++)
        if (p[i] == '\'')
            p[i] = '"';
    assert_int_equal(json_parse(a, (struct str){p, s.n}, doc, &why), ERR_OK);
    return json_root(doc);
}

static struct json
combined(struct arena *a, const char *const *docs, size_t n, int64_t count,
         const char *given)
{
    struct digest_member *all = ARENA_ARRAY(a, struct digest_member, n);
    struct digest_letter l = {.arena = a,
                              .user = STR("ann"),
                              .channel = STR("email"),
                              .listed = all,
                              .n_listed = n,
                              .newest = &all[n - 1],
                              .count = count};

    for (size_t i = 0; i < n; i++)
        all[i].doc = parsed(a, docs[i]);
    if (given)
        all[n - 1].given = parsed(a, given);
    return parsed(a, str_cstr(a, digest_document(&l)));
}

static void
assert_field(struct json doc, const char *name, const char *want)
{
    struct arena *a = arena_new();
    struct str raw = json_raw(json_get(doc, name));

    if (!str_eq(raw, json_raw(parsed(a, want))))
        fail_msg("%s: %.*s is not %s", name, STR_ARG(raw), want);
    arena_free(a);
}

static void
a_template_gets_items_and_their_count(void **state)
{
    static const char *const docs[] = {
        "{'template':'old','data':{'who':'bob','n':1}}",
        "{'template':'news','category':'c','digest':{'window':'1h'},"
        "'send_at':'2026-01-01T00:00:00Z','dedup_key':'k','priority':'low',"
        "'data':{'who':'eve','items':3,'x':null}}"};
    struct arena *a = arena_new();
    struct json doc = combined(a, docs, 2, 7, NULL);

    (void)state;
    assert_field(doc, "to", "'ann'");
    assert_field(doc, "channels", "['email']");
    assert_field(doc, "template", "'news'");
    assert_field(doc, "category", "'c'");
    assert_field(doc, "priority", "'low'");
    assert_field(doc, "data",
                 "{'who':'eve','x':null,'items':[{'who':'bob','n':1},"
                 "{'who':'eve','items':3,'x':null}],'count':7}");
    assert_true(json_is(json_get(doc, "digest"), JSON_ABSENT));
    assert_true(json_is(json_get(doc, "send_at"), JSON_ABSENT));
    assert_true(json_is(json_get(doc, "dedup_key"), JSON_ABSENT));
    assert_true(json_is(json_get(doc, "title"), JSON_ABSENT));
    arena_free(a);
}

static void
inline_words_become_a_list_of_titles(void **state)
{
    static const char *const docs[] = {
        "{'title':'New order','body':'...'}", "{'body':'\\n Hello \\nthere'}",
        "{'title':'New order'}", "{'title':'Paid','html':'<p>','actions':[]}"};
    struct arena *a = arena_new();
    struct json doc = combined(a, docs, 4, 6, NULL);

    (void)state;
    assert_field(doc, "title", "'Paid'");
    assert_field(doc, "body", "'• New order (2)\\n• Hello\\n• Paid\\n+ 2'");
    assert_field(doc, "data", "{'items':[{},{},{},{}],'count':6}");
    assert_true(json_is(json_get(doc, "html"), JSON_ABSENT));
    assert_true(json_is(json_get(doc, "actions"), JSON_ABSENT));
    arena_free(a);
}

static void
a_recipients_own_data_wins_and_its_address_stays(void **state)
{
    static const char *const docs[] = {"{'title':'t','data':{'a':1,'b':1}}"};
    struct arena *a = arena_new();
    struct json doc =
        combined(a, docs, 1, 1,
                 "{'id':'ann','email':'a@x','data':{'b':2,'items':'mine'}}");

    (void)state;
    assert_field(doc, "to", "{'recipients':[{'id':'ann','email':'a@x'}]}");
    assert_field(doc, "data",
                 "{'b':2,'a':1,'items':[{'b':2,'items':'mine','a':1}],"
                 "'count':1}");
    arena_free(a);
}

static void
how_the_newest_is_to_be_sent_is_kept_but_for_its_keys(void **state)
{
    static const char *const docs[] = {
        "{'title':'t','locale':'fr','category':'old'}",
        "{'title':'t','locale':'de','category':'c','priority':'high',"
        "'metadata':{'m':1},'overrides':{'email':{}},'dedup_key':'d',"
        "'cancel_key':'k','digest':{'window':'1m'}}"};
    static const char *const gone[] = {"dedup_key", "cancel_key", "digest"};
    struct arena *a = arena_new();
    struct json doc = combined(a, docs, 2, 2, NULL);

    (void)state;
    assert_field(doc, "locale", "'de'");
    assert_field(doc, "category", "'c'");
    assert_field(doc, "priority", "'high'");
    assert_field(doc, "metadata", "{'m':1}");
    assert_field(doc, "overrides", "{'email':{}}");
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
        assert_true(json_is(json_get(doc, gone[i]), JSON_ABSENT));
    arena_free(a);
}

static void
modes_have_names(void **state)
{
    enum digest_mode m;

    (void)state;
    for (int i = DIGEST_FIXED; i <= DIGEST_CALENDAR; i++) {
        assert_true(digest_mode_parse(
            str_from(digest_mode_name((enum digest_mode)i)), &m));
        assert_int_equal(m, i);
    }
    assert_false(digest_mode_parse(STR("never"), &m));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_over_at_its_end_or_when_it_is_full),
        cmocka_unit_test(fixed_ones_end_a_window_after_they_opened),
        cmocka_unit_test(
            sliding_ones_end_a_window_after_the_last_up_to_the_maximum),
        cmocka_unit_test(calendar_ones_end_when_the_users_clock_is_round),
        cmocka_unit_test(a_calendar_survives_the_nights_when_clocks_change),
        cmocka_unit_test(a_template_gets_items_and_their_count),
        cmocka_unit_test(inline_words_become_a_list_of_titles),
        cmocka_unit_test(a_recipients_own_data_wins_and_its_address_stays),
        cmocka_unit_test(how_the_newest_is_to_be_sent_is_kept_but_for_its_keys),
        cmocka_unit_test(modes_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
