/* documents_test.c - users, keys, providers and templates over HTTP. */
#include <stdio.h>
#include <stdlib.h>

#include "api_rig.h"

static void
a_document_goes_through_its_life(void **state)
{
    static const char *const rows[][3] = {
        /* path, a body, another one */
        {"/v1/users/k", "{'phone':'1'}", "{'phone':'2'}"},
        {"/v1/providers/k", "{'channel':'email','driver':'null'}",
         "{'channel':'email','driver':'null','order':2}"},
        {"/v1/templates/k", "{'content':{'default':{'title':'a'}}}",
         "{'content':{'default':{'title':'b'}}}"},
        {"/v1/schedules/k",
         "{'cron':'@daily','notification':{'to':'u','title':'a'}}",
         "{'cron':'@daily','notification':{'to':'u','title':'b'}}"},
        {"/v1/workspaces/k", "{'name':'a'}", "{'name':'b'}"},
    };
    struct house *h = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *path = rows[i][0];
        struct answer a;

        must(h, 404, "GET", path, NULL);
        must(h, 404, "DELETE", path, NULL);
        a = must(h, 201, "PUT", path, rows[i][1]);
        assert_text(header_of(&a, "ETag"), "\"1\"");
        a = must(h, 200, "PUT", path, rows[i][2]);
        assert_text(header_of(&a, "ETag"), "\"2\"");
        a = must(h, 200, "GET", path, NULL);
        assert_text(header_of(&a, "ETag"), "\"2\"");
        assert_int_equal(
            ASK(h, "PUT", path, ROOT, "If-Match: \"1\"\r\n", rows[i][1]).status,
            412);
        assert_int_equal(
            ASK(h, "PUT", path, ROOT, "If-Match: 2\r\n", rows[i][1]).status,
            412);
        assert_int_equal(
            ASK(h, "PUT", path, ROOT, "If-Match: \"2\"\r\n", rows[i][1]).status,
            200);
        assert_int_equal(
            ASK(h, "DELETE", path, ROOT, "If-Match: \"2\"\r\n").status, 412);
        must(h, 204, "DELETE", path, NULL);
        must(h, 404, "GET", path, NULL);
        /* A version is never used twice. */
        a = must(h, 201, "PUT", path, rows[i][1]);
        assert_true(holds(a.head, "ETag: \"5\""));
    }
}

static void
a_body_names_its_own_key_or_none(void **state)
{
    struct house *h = *state;

    must(h, 201, "PUT", "/v1/users/k", "{'id':'k'}");
    must(h, 422, "PUT", "/v1/users/k", "{'id':'other'}");
    must(h, 422, "PATCH", "/v1/users/k", "{'id':'other'}");
    must(h, 422, "PUT", "/v1/providers/k",
         "{'name':'x','channel':'email','driver':'null'}");
    must(h, 422, "PUT", "/v1/templates/k",
         "{'key':'x','content':{'default':{'title':'a'}}}");
    /* What an answer shows may be sent back. */
    must(h, 200, "PUT", "/v1/users/k",
         "{'id':'k','version':7,'created_at':'x','updated_at':null}");
}

static void
a_schedule_tells_its_next_times_and_what_is_wrong(void **state)
{
    static const char *const fields[] = {"name", "timezone", "misfire"};
    struct house *h = *state;
    struct answer a;

    must(h, 201, "PUT", "/v1/templates/t",
         "{'content':{'default':{'title':'a'}}}");
    a = must(h, 201, "PUT", "/v1/schedules/k",
             "{'rrule':'DTSTART:29990101T090000\\nFREQ=DAILY;COUNT=7',"
             "'timezone':'UTC','name':'x','misfire':'all',"
             "'notification':{'to':'u','template':'t'}}");
    assert_int_equal(json_count(json_get(a.json, "next")), 5);
    assert_text(json_raw(json_at(json_get(a.json, "next"), 1)),
                "\"2999-01-02T09:00:00.000Z\"");
    assert_text(json_raw(json_get(a.json, "enabled")), "true");
    assert_text(json_raw(json_get(a.json, "warnings")), "[]");
    for (size_t i = 0; i < 3; i++)
        assert_false(json_is(json_get(a.json, fields[i]), JSON_ABSENT));
    /* What an answer shows may be sent back, and nothing of it stays. */
    a = must(h, 200, "PUT", "/v1/schedules/k",
             "{'cron':'@daily','enabled':false,'next':[],'warnings':['x'],"
             "'notification':{'to':'u','template':'t'}}");
    assert_text(json_raw(json_get(a.json, "next")), "[]");
    assert_text(json_raw(json_get(a.json, "warnings")), "[]");
    must(h, 204, "DELETE", "/v1/templates/t", NULL);
    a = must(h, 200, "GET", "/v1/schedules/k", NULL);
    assert_text(json_raw(json_at(json_get(a.json, "warnings"), 0)),
                "\"/notification/template: there is no such template in this "
                "workspace\"");
    a = must(h, 422, "PUT", "/v1/schedules/k",
             "{'cron':'@daily','notification':{'to':'u','template':'t'}}");
    assert_string_equal(faults_of(h, &a), "/notification/template");
}

static void
a_test_needs_somebody_who_calls(void **state)
{
    struct house *h = *state;
    struct answer a;

    must(h, 404, "POST", "/v1/providers/k/test", "{}");
    must(h, 201, "PUT", "/v1/providers/k",
         "{'channel':'email','driver':'null'}");
    a = must(h, 422, "POST", "/v1/providers/k/test", "{}");
    assert_text(text_of(h, &a, "code"), "not_supported");
}

static void
lists_go_page_by_page_in_order(void **state)
{
    struct house *h = *state;
    struct buf path;
    struct answer a;
    char name[40];
    int n = 0;

    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "/v1/users/u%d", i);
        must(h, 201, "PUT", name, "{}");
    }
    must(h, 204, "DELETE", "/v1/users/u3", NULL);
    buf_init(&path, h->arena);
    buf_put_cstr(&path, "/v1/users?limit=2");
    for (int page = 0; page < 3; page++) {
        struct json data;

        a = must(h, 200, "GET", str_cstr(h->arena, buf_str(&path)), NULL);
        data = json_get(a.json, "data");
        assert_int_equal(json_count(data), 2);
        for (struct json u = json_first(data); !json_is(u, JSON_ABSENT);
             u = json_next(data, u)) {
            n += n == 3;
            snprintf(name, sizeof(name), "u%d", n++);
            assert_text(json_str_of(h->arena, u, "id"), name);
        }
        buf_reset(&path);
        buf_printf(&path, "/v1/users?limit=2&after=%.*s",
                   STR_ARG(text_of(h, &a, "next")));
    }
    assert_true(json_is(json_get(a.json, "next"), JSON_NULL));
}

static void
a_patch_changes_what_it_names(void **state)
{
    struct house *h = *state;
    struct answer a;

    must(h, 404, "PATCH", "/v1/users/k", "{'phone':'1'}");
    must(h, 201, "PUT", "/v1/users/k",
         "{'phone':'1','email':'a@b.c','attributes':{'x':{'y':1,'z':2}}}");
    a = must(h, 200, "PATCH", "/v1/users/k",
             "{'phone':null,'attributes':{'x':{'y':null}}}");
    assert_true(json_is(json_get(a.json, "phone"), JSON_ABSENT));
    assert_text(text_of(h, &a, "email"), "a@b.c");
    assert_text(json_raw(json_get(a.json, "attributes")), "{\"x\":{\"z\":2}}");
    must(h, 422, "PATCH", "/v1/users/k", "{'email':'no'}");
    must(h, 422, "PATCH", "/v1/users/k", "[]");
    must(h, 422, "PATCH", "/v1/users/k", "{'colour':1}");
    assert_int_equal(ASK(h, "PATCH", "/v1/users/k", ROOT, "If-Match: \"1\"\r\n",
                         "{'phone':'9'}")
                         .status,
                     412);
    assert_int_equal(ASK(h, "PATCH", "/v1/users/k", ROOT,
                         "If-Match: \"2\"\r\n"
                         "Content-Type: application/merge-patch+json\r\n",
                         "{'phone':'9'}")
                         .status,
                     200);
}

static void
a_provider_s_secret_stays_inside(void **state)
{
    struct house *h = *state;
    struct answer a = must(
        h, 201, "PUT", "/v1/providers/mail",
        "{'channel':'email','driver':'smtp','config':{'host':'mail.example',"
        "'port':25,'from':'a@b.c','username':'me','password':'0pen-sesame',"
        "'tls':'none'}}");

    assert_false(holds(a.body, "0pen-sesame"));
    assert_true(holds(a.body, "\"password\":\"***\""));
    a = must(h, 200, "GET", "/v1/providers", NULL);
    assert_false(holds(a.body, "0pen-sesame"));
    assert_false(holds(a.body, "sealed:"));
    assert_false(files_hold(h, STR("0pen-sesame")));
    assert_true(files_hold(h, STR("mail.example"))); /* it would be found */
    must(h, 200, "PUT", "/v1/providers/mail",
         "{'channel':'email','driver':'smtp','config':{'host':'mail.example',"
         "'from':'a@b.c','username':'me','password':'***','tls':'none'}}");
    a = must(h, 422, "PUT", "/v1/providers/mail",
             "{'channel':'email','driver':'smtp','config':{'host':"
             "'mail.evil','from':'a@b.c','username':'me','password':'***',"
             "'tls':'none'}}");
    assert_string_equal(faults_of(h, &a), "/config/password");
    a = must(h, 422, "PUT", "/v1/providers/mail2",
             "{'channel':'email','driver':'smtp','config':{'host':"
             "'mail.example','from':'a@b.c','username':'me',"
             "'password':'***'}}");
    assert_string_equal(faults_of(h, &a), "/config/password");
    must(h, 404, "GET", "/v1/providers/mail2", NULL);
}

static void
a_provider_is_checked(void **state)
{
    static const char *const rows[][2] = {
        {"{}", "/channel /driver"},
        {"{'channel':'pigeon','driver':'null'}", "/channel"},
        {"{'channel':'in_app','driver':'null'}", "/channel"},
        {"{'channel':'email','driver':'pigeon'}", "/driver"},
        {"{'channel':'email','driver':'webhook','config':{'url':"
         "'http://x.example'}}",
         "/driver"},
        {"{'channel':'email','driver':'null','concurrency':1025}",
         "/concurrency"},
        {"{'channel':'email','driver':'null','concurrency':0}", "/concurrency"},
        {"{'channel':'email','driver':'null','retry':{'attempts':101}}",
         "/retry/attempts"},
        {"{'channel':'email','driver':'null','rate':{'per':'1s'}}",
         "/rate/limit"},
        {"{'channel':'email','driver':'null','config':{'fial':1}}",
         "/config/fial"},
        {"{'channel':'webhook','driver':'webhook','config':{'url':"
         "'http://127.0.0.1:9/'}}",
         "/config/url"},
        {"{'channel':'webhook','driver':'webhook','config':{'url':"
         "'http://[::1]/'}}",
         "/config/url"},
    };
    struct house *h = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a = must(h, 422, "PUT", "/v1/providers/p", rows[i][0]);

        if (strcmp(faults_of(h, &a), rows[i][1]) != 0)
            fail_msg("%s: %s", rows[i][0], faults_of(h, &a));
    }
    must(h, 404, "GET", "/v1/providers/p", NULL);
    must(h, 404, "POST", "/v1/providers/p/test", NULL);
}

static void
a_template_is_drafted_published_and_previewed(void **state)
{
    struct house *h = *state;
    struct answer a;

    must(h, 201, "PUT", "/v1/templates/t",
         "{'content':{'default':{'title':'one {{x}}'}}}");
    a = must(h, 200, "PUT", "/v1/templates/t",
             "{'content':{'default':{'title':'two {{x}}','html':'<b>{{x}}</b>'"
             "}}}");
    assert_text(json_raw(json_get(a.json, "latest")), "2");
    assert_text(json_raw(json_get(a.json, "published")), "1");
    a = must(h, 200, "POST", "/v1/templates/t/preview", "{'data':{'x':'<i>'}}");
    assert_text(text_of(h, &a, "title"), "two <i>");
    assert_text(text_of(h, &a, "html"), "<b>&lt;i&gt;</b>");
    a = must(h, 200, "POST", "/v1/notifications",
             "{'to':'u','template':'t','dry_run':true,'data':{'x':'y'}}");
    assert_true(holds(a.body, "\"title\":\"one y\""));
    a = must(h, 200, "POST", "/v1/templates/t/publish", NULL);
    assert_text(json_raw(json_get(a.json, "published")), "2");
    a = must(h, 200, "POST", "/v1/notifications",
             "{'to':'u','template':'t','dry_run':true,'data':{'x':'y'}}");
    assert_true(holds(a.body, "\"title\":\"two y\""));
    must(h, 204, "DELETE", "/v1/templates/t", NULL);
    must(h, 422, "POST", "/v1/notifications", "{'to':'u','template':'t'}");
    must(h, 404, "POST", "/v1/templates/t/preview", NULL);
    must(h, 404, "POST", "/v1/templates/t/publish", NULL);
    a = must(h, 201, "PUT", "/v1/templates/t",
             "{'content':{'default':{'title':'again'}}}");
    assert_text(json_raw(json_get(a.json, "latest")), "1");
}

static void
a_template_that_does_not_compile_is_refused(void **state)
{
    struct house *h = *state;
    struct answer a =
        must(h, 422, "PUT", "/v1/templates/t",
             "{'content':{'default':{'title':'{{#a}}','body':'fine'},'email':{"
             "'html':'{{/b}}','actions':[{'id':'a','label':'{{#c}}'}]}}}");

    assert_string_equal(faults_of(h, &a),
                        "/content/default/title /content/email/html "
                        "/content/email/actions/0/label");
    must(h, 422, "PUT", "/v1/templates/t", "{'content':{}}");
    must(h, 422, "PUT", "/v1/templates/t", "{'content':{'pigeon':{}}}");
    must(h, 422, "PUT", "/v1/templates/t",
         "{'content':{'default':{}},'locales':{'de_DE':{}}}");
}

static void
a_key_s_secret_is_told_once(void **state)
{
    struct house *h = *state;
    struct answer a =
        must(h, 201, "POST", "/v1/keys", "{'name':'n','scopes':['send']}");
    struct str key = text_of(h, &a, "key");
    struct str secret = str_sub(key, key.n - 43, 43);

    assert_text(header_of(&a, "Cache-Control"), "no-store");
    assert_int_equal(key.n, 3 + 16 + 1 + 43);
    assert_false(files_hold(h, secret));
    a = must(h, 200, "GET", "/v1/keys", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
    assert_false(holds(a.body, "hash"));
    assert_false(holds(a.body, str_cstr(h->arena, secret)));
    must(h, 422, "POST", "/v1/keys", "{'scopes':[]}");
    must(h, 422, "POST", "/v1/keys", "{'scopes':['root']}");
    must(h, 422, "POST", "/v1/keys", "{}");
    a = must(h, 422, "POST", "/v1/keys",
             "{'scopes':['read'],'expires_at':'2020-01-01T00:00:00Z'}");
    assert_string_equal(faults_of(h, &a), "/expires_at");
}

static void
a_repeated_key_is_the_same_and_sealed_meanwhile(void **state)
{
    const char *idem = "Idempotency-Key: \"k-1\"\r\n";
    struct house *h = *state;
    struct answer a =
        ASK(h, "POST", "/v1/keys", ROOT, idem, "{'scopes':['read']}");
    struct answer b =
        ASK(h, "POST", "/v1/keys", ROOT, idem, "{'scopes':['read']}");
    struct str key = text_of(h, &a, "key");

    assert_int_equal(a.status, 201);
    assert_int_equal(header_of(&a, "Idempotent-Replayed").n, 0);
    assert_int_equal(b.status, 201);
    assert_text(header_of(&b, "Idempotent-Replayed"), "true");
    assert_text(header_of(&b, "Cache-Control"), "no-store");
    assert_true(str_eq(a.body, b.body));
    assert_false(files_hold(h, str_sub(key, key.n - 43, 43)));
    assert_true(files_hold(h, text_of(h, &a, "id")));
    b = ASK(h, "POST", "/v1/keys", ROOT, idem, "{'scopes':['admin']}");
    assert_int_equal(b.status, 422);
    assert_text(text_of(h, &b, "code"), "idempotency_mismatch");
    b = must(h, 200, "GET", "/v1/keys", NULL);
    assert_int_equal(json_count(json_get(b.json, "data")), 1);
}

static void
users_come_in_bulk_each_for_itself(void **state)
{
    struct house *h = *state;
    struct answer a, b;

    must(h, 201, "PUT", "/v1/users/old", "{}");
    a = must(h, 200, "POST", "/v1/users/bulk",
             "{'users':[{'id':'new','email':'a@b.c'},{'id':'old'},"
             "{'id':'bad','email':'no'},{'email':'a@b.c'},7]}");
    b = must(h, 200, "GET", "/v1/users/new", NULL);
    assert_text(text_of(h, &b, "email"), "a@b.c");
    must(h, 404, "GET", "/v1/users/bad", NULL);
    assert_true(holds(a.body, "{\"id\":\"new\",\"status\":201}"));
    assert_true(holds(a.body, "{\"id\":\"old\",\"status\":200}"));
    assert_true(holds(a.body, "/users/2/email"));
    assert_true(holds(a.body, "/users/3/id"));
    assert_int_equal(json_count(json_get(a.json, "results")), 5);
    must(h, 422, "POST", "/v1/users/bulk", "{'users':[]}");
    must(h, 200, "POST", "/v1/users/bulk", "{'users':[{}]}");
}

static void
users_in_bulk_may_be_repeated(void **state)
{
    const char *idem = "Idempotency-Key: bulk\r\n";
    const char *body = "{'users':[{'id':'a'},{'id':'!'},{'id':'b'}]}";
    struct house *h = *state;
    struct answer a = ASK(h, "POST", "/v1/users/bulk", ROOT, idem, body);
    struct answer b = ASK(h, "POST", "/v1/users/bulk", ROOT, idem, body);

    assert_int_equal(a.status, 200);
    assert_int_equal(b.status, 200);
    assert_text(header_of(&b, "Idempotent-Replayed"), "true");
    assert_true(str_eq(a.body, b.body));
    a = must(h, 200, "GET", "/v1/users/a", NULL);
    assert_text(header_of(&a, "ETag"), "\"1\""); /* written once */
    b = ASK(h, "POST", "/v1/users/bulk", ROOT, idem, "{'users':[{'id':'c'}]}");
    assert_int_equal(b.status, 422);
    must(h, 404, "GET", "/v1/users/c", NULL);
}

static void
a_dry_run_of_users_says_what_would_be(void **state)
{
    struct house *h = *state;
    struct answer a;

    must(h, 201, "PUT", "/v1/users/old", "{}");
    a = must(h, 200, "POST", "/v1/users/bulk",
             "{'dry_run':true,'users':[{'id':'old'},{'id':'new'},{'id':'!'},"
             "{'id':'new'}]}");
    assert_true(
        str_starts(a.body, STR("{\"results\":[{\"id\":\"old\",\"status\":200},"
                               "{\"id\":\"new\",\"status\":201},"
                               "{\"status\":422,")));
    assert_true(str_ends(a.body, STR(",{\"id\":\"new\",\"status\":200}]}")));
    must(h, 404, "GET", "/v1/users/new", NULL);
    must(h, 200, "POST", "/v1/users/bulk", "{'dry_run':true,'users':[{}]}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_dry_run_of_users_says_what_would_be),
        HOUSE_TEST(a_document_goes_through_its_life),
        HOUSE_TEST(a_body_names_its_own_key_or_none),
        HOUSE_TEST(a_schedule_tells_its_next_times_and_what_is_wrong),
        HOUSE_TEST(a_test_needs_somebody_who_calls),
        HOUSE_TEST(lists_go_page_by_page_in_order),
        HOUSE_TEST(a_patch_changes_what_it_names),
        HOUSE_TEST(a_provider_s_secret_stays_inside),
        HOUSE_TEST(a_provider_is_checked),
        HOUSE_TEST(a_template_is_drafted_published_and_previewed),
        HOUSE_TEST(a_template_that_does_not_compile_is_refused),
        HOUSE_TEST(a_key_s_secret_is_told_once),
        HOUSE_TEST(a_repeated_key_is_the_same_and_sealed_meanwhile),
        HOUSE_TEST(users_come_in_bulk_each_for_itself),
        HOUSE_TEST(users_in_bulk_may_be_repeated),
    };

    return cmocka_run_group_tests_name("api/documents", tests, NULL, NULL);
}
