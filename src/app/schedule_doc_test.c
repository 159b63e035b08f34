#include "app/schedule_doc.h"

#include "app/app_test.h"
#include "app/send_request.h"
#include "base/map.h"
#include "store/object.h"

#define NOON INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */

static const char *
faults(struct desk *d, const char *doc)
{
    struct json root = desk_json(d, doc);

    field_check(schedule_doc_fields, root, STR(""), &d->problem);
    if (!problem_is_set(&d->problem))
        schedule_doc_check(&d->w, root, NOON, &d->problem);
    return desk_faults(d);
}

static void
faults_point_below_the_notification(void **state)
{
    static const char *const cases[][2] = {
        {"{'cron':'@daily','notification':{'to':'u','title':'t'}}", ""},
        {"{'cron':'@daily'}", "/notification"},
        {"{'notification':{'to':'u','title':'t'}}", ""},
        {"{'cron':'@daily','notification':{'title':'t'}}", "/notification/to"},
        {"{'cron':'@daily','notification':{'to':'u'}}", "/notification"},
        {"{'cron':'@daily','notification':{'to':'u','title':'t',"
         "'channels':['in_app','pigeon']}}",
         "/notification/channels/1"},
        {"{'cron':'@daily','notification':{'to':'u','template':'gone'}}",
         "/notification/template"},
        {"{'cron':'61 * * * *','notification':{'to':{},'title':'t'}}",
         "/cron /notification/to"},
        {"{'cron':'@daily','notification':{'to':'u','title':'t','send_at':"
         "'2026-01-05T12:00:00Z','dedup_key':'k','dedup_window':'1h',"
         "'dry_run':true}}",
         "/notification/send_at /notification/dedup_key "
         "/notification/dedup_window /notification/dry_run"},
        {"{'cron':'@daily','colour':1,'enabled':'yes',"
         "'notification':{'to':'u','title':'t'}}",
         "/colour /enabled"},
    };
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *found = faults(d, cases[i][0]);

        if (i == 2)
            assert_string_equal(found, "");
        else if (strcmp(found, cases[i][1]) != 0)
            fail_msg("%s: %s", cases[i][0], found);
    }
}

static void
a_notification_is_not_too_large(void **state)
{
    struct desk *d = *state;
    struct buf doc;

    buf_init(&doc, d->arena);
    buf_put_cstr(&doc, "{'cron':'@daily','notification':{'to':'u','title':'t',"
                       "'data':{'x':'");
    for (int i = 0; i < SCHEDULE_NOTIFICATION_MAX; i++)
        buf_put_cstr(&doc, "y");
    buf_put_cstr(&doc, "'}}}");
    assert_string_equal(faults(d, str_cstr(d->arena, buf_str(&doc))),
                        "/notification");
}

static void
keys_of_runs_cannot_be_sent(void **state)
{
    struct desk *d = *state;
    struct str key = schedule_doc_dedup_key(d->arena, STR("k"), NOON);
    struct send_request q;
    struct json doc = desk_json(
        d, str_fmt(d->arena, "{'to':'u','title':'t','dedup_key':'%.*s'}",
                   STR_ARG(key))
               .p);

    assert_text(key, "belfry:schedule:k@1767614400000");
    assert_int_equal(send_request_read(d->arena, &d->w, doc, &d->problem, &q),
                     ERR_INVALID);
    assert_string_equal(desk_faults(d), "/dedup_key");
}

static void
what_is_stored_is_read_back(void **state)
{
    struct desk *d = *state;
    struct object o = {.key = STR("k"), .version = 3, .created_ms = NOON};
    struct schedule_doc s;

    assert_int_equal(
        schedule_doc_read(d->arena, &o,
                          desk_json(d, "{'rrule':'FREQ=DAILY;BYHOUR=9',"
                                       "'enabled':false,'notification':{}}"),
                          &s),
        ERR_OK);
    assert_false(s.is_enabled);
    assert_int_equal(s.version, 3);
    assert_int_equal(schedule_next(&s.when, NOON), NOON + 21 * 3600000);
    assert_int_equal(
        schedule_doc_read(d->arena, &o, desk_json(d, "{'cron':'x'}"), &s),
        ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(faults_point_below_the_notification),
        DESK_TEST(a_notification_is_not_too_large),
        DESK_TEST(keys_of_runs_cannot_be_sent),
        DESK_TEST(what_is_stored_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
