/* sends_test.c - sends, batches and what is asked of them, over HTTP. */
#include <stdio.h>
#include <stdlib.h>

#include "api_rig.h"
#include "app/suppression.h"

#define SEND "/v1/notifications"
#define BATCH "/v1/notifications/batch"

static void
a_send_is_answered_and_can_be_read(void **state)
{
    struct house *h = *state;
    struct answer a = must(h, 202, "POST", SEND, "{'to':'u','title':'t'}");
    char path[200];

    assert_text(text_of(h, &a, "status"), "queued");
    assert_true(str_starts(text_of(h, &a, "id"), STR("ntf_")));
    snprintf(path, sizeof(path), SEND "/%.*s", STR_ARG(text_of(h, &a, "id")));
    a = must(h, 200, "GET", path, NULL);
    assert_text(text_of(h, &a, "status"), "done");
    assert_text(json_raw(json_get(a.json, "counts")), "{\"delivered\":1}");
    a = must(h, 200, "GET", "/v1/inbox?user=u", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
    path[strlen(path) - 1] ^= 1;
    must(h, 404, "GET", path, NULL);
    must(h, 404, "GET", SEND "/ntf_", NULL);
    must(h, 404, "GET", SEND "/x", NULL);
}

static void
nobody_left_to_send_to_is_no_crash(void **state)
{
    struct house *h = *state;
    struct answer a;

    a = must(h, 202, "POST", SEND,
             "{'to':{'users':['u'],'exclude':['u']},'title':'t'}");
    assert_true(str_starts(text_of(h, &a, "id"), STR("ntf_")));
    a = must(h, 200, "POST", SEND,
             "{'to':{'users':['u'],'exclude':['u']},'title':'t',"
             "'dry_run':true}");
    assert_text(a.body, "{\"plan\":[]}");
    must(h, 202, "POST", SEND,
         "{'to':{'recipients':[{'email':'a@b.c'}]},'title':'t'}");
}

static void
a_batch_answers_in_order_and_each_for_itself(void **state)
{
    struct house *h = *state;
    struct answer a =
        must(h, 200, "POST", BATCH,
             "[{'to':'u','title':'t','dedup_key':'k'},{'to':'u'},7,"
             "{'to':'u','title':'t','dedup_key':'k'},"
             "{'to':'u','title':'t','dry_run':true},"
             "{'to':['a','b','c','d'],'template':'none'}]");
    struct json list = json_get(a.json, "results");
    static const int want[] = {202, 422, 422, 200, 422, 422};
    int64_t status;

    assert_int_equal(json_count(list), 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(json_int(json_get(json_at(list, i), "status"), &status));
        assert_int_equal(status, want[i]);
        assert_int_equal(
            json_is(json_get(json_at(list, i), "problem"), JSON_OBJECT),
            want[i] == 422);
    }
    assert_true(json_bool(json_get(json_at(list, 3), "duplicate"), false));
    a = must(h, 200, "GET", SEND, NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
}

static void
a_batch_of_refusals_alone_is_answered(void **state)
{
    struct house *h = *state;
    struct answer a;

    a = must(h, 200, "POST", BATCH, "[{'to':'u','title':'t','dry_run':true}]");
    assert_true(holds(a.body, "/dry_run"));
    must(h, 200, "POST", BATCH, "[{}]");
    must(h, 422, "POST", BATCH, "[]");
    must(h, 422, "POST", BATCH, "{}");
    must(h, 400, "POST", BATCH, "[");
}

static void
lines_are_a_batch_too(void **state)
{
    struct house *h = *state;
    struct answer a =
        ASK(h, "POST", BATCH, ROOT, "Content-Type: application/x-ndjson\r\n",
            "{'to':'u','title':'1'}\r\n\n{broken\n{'to':'u','title':'2'}");
    struct json list = json_get(a.json, "results");
    struct buf b;

    assert_int_equal(a.status, 200);
    assert_int_equal(json_count(list), 3);
    assert_text(json_raw(json_get(json_at(list, 0), "status")), "202");
    assert_text(json_raw(json_get(json_at(list, 1), "status")), "422");
    assert_text(json_raw(json_get(json_at(list, 2), "status")), "202");
    buf_init(&b, h->arena);
    for (int i = 0; i < 1001; i++)
        buf_put_cstr(&b, "{}\n");
    a = ASK(h, "POST", BATCH, ROOT, "Content-Type: application/x-ndjson\r\n",
            .raw = buf_str(&b));
    assert_int_equal(a.status, 422);
    a = ASK(h, "POST", BATCH, ROOT, "Content-Type: application/x-ndjson\r\n",
            "\n\n");
    assert_int_equal(a.status, 422);
}

static void
plain_text_is_a_send(void **state)
{
    const char *type = "Content-Type: text/plain; charset=utf-8\r\n";
    struct house *h = *state;
    struct answer a =
        ASK(h, "POST", SEND "?to=u1,u2&title=a%20b", ROOT, type, "the text");

    assert_int_equal(a.status, 202);
    a = must(h, 200, "GET", "/v1/inbox?user=u2", NULL);
    assert_true(holds(a.body, "\"title\":\"a b\""));
    assert_true(holds(a.body, "\"body\":\"the text\""));
    a = ASK(h, "POST", SEND, ROOT, type, "the text");
    assert_int_equal(a.status, 422);
    a = ASK(h, "POST", SEND "?to=", ROOT, type, "the text");
    assert_int_equal(a.status, 422);
    a = ASK(h, "POST", SEND "?to=u", ROOT, type, .raw = STR("\xff"));
    assert_int_equal(a.status, 400);
}

static void
a_repeated_send_is_the_first_one(void **state)
{
    const char *idem = "Idempotency-Key: k\r\n";
    const char *body = "{'to':'u','title':'t'}";
    struct house *h = *state;
    struct answer a = ASK(h, "POST", SEND, ROOT, idem, body);
    struct answer b = ASK(h, "POST", SEND, ROOT, idem, body);

    assert_int_equal(b.status, 202);
    assert_text(header_of(&b, "Idempotent-Replayed"), "true");
    assert_true(str_eq(a.body, b.body));
    b = ASK(h, "POST", BATCH, ROOT, idem, body);
    assert_int_equal(b.status, 422);
    b = ASK(h, "POST", SEND, ROOT, "Idempotency-Key: \r\n", body);
    assert_int_equal(b.status, 422);
    h->clock.now_ms += INT64_C(25) * 3600 * 1000;
    b = ASK(h, "POST", SEND, ROOT, idem, body);
    assert_int_equal(b.status, 202);
    assert_false(str_eq(a.body, b.body));
}

static void
a_thousand_people_on_every_channel_are_planned(void **state)
{
    struct house *h = *state;
    struct answer a;
    struct buf b;

    buf_init(&b, h->arena);
    buf_put_cstr(&b, "{'title':'t','channels':['in_app','email','webhook',"
                     "'log_file'],'to':['u0'");
    for (int i = 1; i < 1000; i++)
        buf_printf(&b, ",'u%d'", i);
    buf_put_cstr(&b, "]}");
    a = must(h, 202, "POST", SEND, str_cstr(h->arena, buf_str(&b)));
    a = must(h, 200, "GET", "/v1/inbox?user=u999", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
}

static void
a_plan_that_is_too_long_is_refused(void **state)
{
    struct house *h = *state;
    struct answer a;
    struct buf b;

    buf_init(&b, h->arena);
    buf_put_cstr(&b, "{'dry_run':true,'to':['u0'");
    for (int i = 1; i < 1000; i++)
        buf_printf(&b, ",'u%d'", i);
    buf_put_cstr(&b, "],'body':'");
    for (int i = 0; i < 60000; i++)
        buf_put_char(&b, 'x');
    buf_put_cstr(&b, "'}");
    a = must(h, 413, "POST", SEND, str_cstr(h->arena, buf_str(&b)));
    assert_text(text_of(h, &a, "code"), "too_large");
}

static void
deliveries_are_listed_by_what_is_asked(void **state)
{
    struct house *h = *state;
    struct answer a;
    char path[100], retry[120];

    must(h, 202, "POST", SEND,
         "{'to':['u','v'],'title':'t','channels':['in_app','email']}");
    a = must(h, 200, "GET", "/v1/deliveries?user=u", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 2);
    a = must(h, 200, "GET", "/v1/deliveries?status=suppressed&channel=email",
             NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 2);
    a = must(h, 200, "GET", "/v1/deliveries?status=dead", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 0);
    must(h, 422, "GET", "/v1/deliveries?status=lost", NULL);
    must(h, 422, "GET", "/v1/deliveries?since=yesterday", NULL);
    must(h, 422, "GET", "/v1/deliveries?notification_id=x", NULL);
    a = must(h, 200, "GET", "/v1/deliveries?user=u&channel=in_app", NULL);
    snprintf(path, sizeof(path), "/v1/deliveries/%.*s",
             STR_ARG(json_str_of(h->arena, json_at(json_get(a.json, "data"), 0),
                                 "id")));
    a = must(h, 200, "GET", path, NULL);
    assert_text(json_raw(json_get(a.json, "log")), "[]");
    snprintf(retry, sizeof(retry), "%s/retry", path);
    must(h, 409, "POST", retry, NULL);
}

static void
a_trace_tells_each_step(void **state)
{
    struct house *h = *state;
    struct answer a =
        must(h, 202, "POST", SEND,
             "{'to':['u','v'],'title':'t','channels':['in_app','email']}");
    char path[200];

    snprintf(path, sizeof(path), SEND "/%.*s/trace",
             STR_ARG(text_of(h, &a, "id")));
    a = must(h, 200, "GET", path, NULL);
    assert_true(holds(a.body, "\"stage\":\"accept\""));
    assert_true(holds(a.body, "\"stage\":\"audience\""));
    assert_true(holds(a.body, "\"reason\":\"provider.none\""));
}

static void
who_unsubscribes_is_written_to_no_more(void **state)
{
    const char *form = "Content-Type: application/x-www-form-urlencoded\r\n";
    const char *click = "List-Unsubscribe=One-Click";
    const char *body = "{'to':{'recipients':[{'email':'a@b.c'}]},'title':'t',"
                       "'channels':['email'],'dry_run':true}";
    struct house *h = *state;
    struct suppression s = {.channel = STR("email"), .address = STR("a@b.c")};
    const struct workspace *w =
        snapshots_workspace_named(h->app.snapshots, STR("default"));
    struct answer a;
    char path[300];

    s.tenant = w->tenant;
    workspace_put(w);
    snprintf(path, sizeof(path), "/u/%.*s",
             STR_ARG(unsubscribe_token(h->vault, h->arena, &s)));
    must(h, 201, "PUT", "/v1/providers/p",
         "{'channel':'email','driver':'null'}");
    /* A look, by a scanner or a person, changes nothing. */
    assert_int_equal(ASK(h, "GET", path, NULL).status, 200);
    a = must(h, 200, "POST", SEND, body);
    assert_true(holds(a.body, "\"verdict\":\"send\""));
    assert_int_equal(ASK(h, "POST", path, NULL, form, "yes=1").status, 400);
    assert_int_equal(ASK(h, "POST", path, NULL, form, click).status, 200);
    a = must(h, 200, "POST", SEND, body);
    assert_true(holds(a.body, "\"verdict\":\"skip\""));
    path[10] = path[10] == 'A' ? 'B' : 'A';
    assert_int_equal(ASK(h, "POST", path, NULL, form, click).status, 404);
    assert_int_equal(ASK(h, "GET", path, NULL).status, 404);
}

#define PART(name, value)                                                      \
    "--X\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value   \
    "\r\n"

/* RFC 8058, section 8.2, and what is nearly so. */
static void
one_click_comes_in_two_forms(void **state)
{
    static const char multi[] = "Content-Type: Multipart/Form-Data; x=y; "
                                "boundary=X\r\n";
    static const struct {
        const char *type, *body;
        int status;
    } rows[] = {
        {multi, PART("List-Unsubscribe", "One-Click") "--X--\r\n", 200},
        {multi,
         PART("a", "b") PART("List-Unsubscribe", "One-Click") "--X--\r\n", 200},
        {"Content-Type: multipart/form-data; boundary=\"X\"\r\n",
         PART("List-Unsubscribe", "One-Click") "--X--\r\n", 200},
        {multi, PART("List-Unsubscribe", "yes") "--X--\r\n", 400},
        {multi, PART("Unsubscribe", "One-Click") "--X--\r\n", 400},
        {multi, PART("List-Unsubscribe", "One-Click"), 400},
        {multi, "List-Unsubscribe=One-Click", 400},
        {multi, "", 400},
        {"Content-Type: multipart/form-data\r\n",
         PART("List-Unsubscribe", "One-Click") "--X--\r\n", 400},
        {"", "a=b&List-Unsubscribe=One-Click", 200},
        {"", "", 400},
    };
    struct house *h = *state;
    struct suppression s = {.channel = STR("email"), .address = STR("a@b.c")};
    const struct workspace *w =
        snapshots_workspace_named(h->app.snapshots, STR("default"));
    char path[300];

    s.tenant = w->tenant;
    workspace_put(w);
    snprintf(path, sizeof(path), "/u/%.*s",
             STR_ARG(unsubscribe_token(h->vault, h->arena, &s)));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a =
            ASK(h, "POST", path, NULL, rows[i].type, rows[i].body);

        if (a.status != rows[i].status)
            fail_msg("row %zu: %d", i, a.status);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_send_is_answered_and_can_be_read),
        HOUSE_TEST(nobody_left_to_send_to_is_no_crash),
        HOUSE_TEST(a_batch_answers_in_order_and_each_for_itself),
        HOUSE_TEST(a_batch_of_refusals_alone_is_answered),
        HOUSE_TEST(lines_are_a_batch_too),
        HOUSE_TEST(plain_text_is_a_send),
        HOUSE_TEST(a_repeated_send_is_the_first_one),
        HOUSE_TEST(a_thousand_people_on_every_channel_are_planned),
        HOUSE_TEST(a_plan_that_is_too_long_is_refused),
        HOUSE_TEST(deliveries_are_listed_by_what_is_asked),
        HOUSE_TEST(a_trace_tells_each_step),
        HOUSE_TEST(who_unsubscribes_is_written_to_no_more),
        HOUSE_TEST(one_click_comes_in_two_forms),
    };

    return cmocka_run_group_tests_name("api/sends", tests, NULL, NULL);
}
