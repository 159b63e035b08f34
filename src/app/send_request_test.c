#include "app/send_request.h"

#include <stdio.h>

#include "app/app_test.h"

static struct send_request request;

static enum err
read_text(struct desk *d, struct str text)
{
    struct json_doc *doc = ARENA_NEW(d->arena, struct json_doc);
    struct json_error why;

    problem_init(&d->problem, d->arena);
    assert_int_equal(json_parse(d->arena, text, doc, &why), ERR_OK);
    return send_request_read(d->arena, &d->w, json_root(doc), &d->problem,
                             &request);
}

static enum err
read_body(struct desk *d, const char *body)
{
    return read_text(d, quoted(d->arena, body));
}

struct row {
    const char *body;
    enum err err;
    const char *faults; /* pointers */
};

static void
check_rows(struct desk *d, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum err e = read_body(d, rows[i].body);
        const char *faults = desk_faults(d);

        if (e != rows[i].err || strcmp(faults, rows[i].faults) != 0)
            fail_msg("%s: %s at \"%s\", not %s at \"%s\"", rows[i].body,
                     err_code(e), faults, err_code(rows[i].err),
                     rows[i].faults);
    }
}
#define CHECK_ROWS(d, rows) check_rows(d, rows, sizeof(rows) / sizeof(rows[0]))

/* {"to":"u", name: n times "x" in quotes, more} */
static struct str
with_text(struct desk *d, const char *name, size_t n, const char *more)
{
    struct buf b;

    buf_init(&b, d->arena);
    buf_printf(&b, "{\"to\":\"u\",\"%s\":\"", name);
    for (size_t i = 0; i < n; i++)
        buf_put_char(&b, 'x');
    buf_put_char(&b, '"');
    buf_put_str(&b, quoted(d->arena, more));
    buf_put_char(&b, '}');
    return buf_str(&b);
}

/* {"title":"x","to": open [n user ids] close} */
static struct str
with_users(struct desk *d, const char *open, size_t n, const char *close)
{
    struct buf b;

    buf_init(&b, d->arena);
    buf_put_str(&b, quoted(d->arena, "{'title':'x','to':"));
    buf_put_str(&b, quoted(d->arena, open));
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s\"u%zu\"", i > 0 ? "," : "", i);
    buf_put_str(&b, quoted(d->arena, close));
    buf_put_char(&b, '}');
    return buf_str(&b);
}

static void
each_way_to_name_people_is_understood(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_body(d, "{'to':'u1','title':'t'}"), ERR_OK);
    assert_int_equal(request.n_recipients, 1);
    assert_text(request.recipients[0].user, "u1");
    assert_int_equal(request.recipients[0].index, -1);

    assert_int_equal(read_body(d, "{'to':['u1','u2','u1'],'title':'t'}"),
                     ERR_OK);
    assert_int_equal(request.n_recipients, 2);
    assert_text(request.recipients[1].user, "u2");

    assert_int_equal(
        read_body(d, "{'title':'t','to':{'users':['u3','u1'],'exclude':['x'],"
                     "'recipients':[{'email':'a@b.c'},{'id':'u1','phone':'1'},"
                     "{'id':'x'},{'id':'u1'},{'email':'a@b.c'}]}}"),
        ERR_OK);
    assert_int_equal(request.n_recipients, 4);
    assert_int_equal(request.recipients[0].user.n, 0);
    assert_int_equal(request.recipients[0].index, 0);
    assert_text(request.recipients[1].user, "u1");
    assert_int_equal(request.recipients[1].index, 1);
    assert_json(json_raw(json_get(request.recipients[1].given, "phone")),
                "'1'");
    assert_int_equal(request.recipients[2].index, 4);
    assert_text(request.recipients[3].user, "u3");
}

static void
excluding_everybody_leaves_nobody(void **state)
{
    struct desk *d = *state;

    assert_int_equal(
        read_body(d, "{'title':'t','to':{'users':['a'],'exclude':['a','b']}}"),
        ERR_OK);
    assert_int_equal(request.n_recipients, 0);
}

static void
who_gets_it_is_checked(void **state)
{
    static const struct row rows[] = {
        {"{'title':'t'}", ERR_INVALID, "/to"},
        {"{'title':'t','to':7}", ERR_INVALID, "/to"},
        {"{'title':'t','to':null}", ERR_INVALID, "/to"},
        {"{'title':'t','to':''}", ERR_INVALID, "/to"},
        {"{'title':'t','to':'a b'}", ERR_INVALID, "/to"},
        {"{'title':'t','to':[]}", ERR_INVALID, "/to"},
        {"{'title':'t','to':['a',7,'']}", ERR_INVALID, "/to/1 /to/2"},
        {"{'title':'t','to':{}}", ERR_INVALID, "/to"},
        {"{'title':'t','to':{'users':[],'recipients':[]}}", ERR_INVALID, "/to"},
        {"{'title':'t','to':{'users':['a/b']}}", ERR_INVALID, "/to/users/0"},
        {"{'title':'t','to':{'exclude':['a']}}", ERR_INVALID, "/to"},
        {"{'title':'t','to':{'recipients':[{'email':'no'},{'id':'!'}]}}",
         ERR_INVALID, "/to/recipients/0/email /to/recipients/1/id"},
        {"{'title':'t','to':{'recipients':[{'webhook':'ftp://x'}]}}",
         ERR_INVALID, "/to/recipients/0/webhook"},
        {"{'title':'t','to':{'recipients':[{'data':[]}]}}", ERR_INVALID,
         "/to/recipients/0/data"},
        {"{'title':'t','to':{'everybody':1}}", ERR_INVALID, "/to/everybody"},
        {"{'title':'t','to':{'roles':'a','topics':[7,'a/b']}}", ERR_INVALID,
         "/to/roles /to/topics/0 /to/topics/1"},
        {"{'title':'t','to':{'roles':[],'topics':[]}}", ERR_INVALID, "/to"},
        {"{'title':'t','to':{'topics':['a'],'all':false}}", ERR_OK, ""},
        {"{'title':'t','to':{'roles':['a'],'exclude':['b']}}", ERR_OK, ""},
        {"{'title':'t','to':{'all':1}}", ERR_INVALID, "/to/all"},
        {"{'title':'t','to':{'all':false}}", ERR_INVALID, "/to"},
    };

    CHECK_ROWS((struct desk *)*state, rows);
}

static void
assert_sets(struct desk *d, const char *to, const char *sets)
{
    char text[400];
    struct buf found;

    snprintf(text, sizeof(text), "{'title':'t','to':%s}", to);
    assert_int_equal(read_text(d, quoted(d->arena, text)), ERR_OK);
    buf_init(&found, d->arena);
    for (size_t i = 0; i < request.n_sets; i++)
        buf_printf(&found, "%s%c:%.*s", i > 0 ? " " : "",
                   request.sets[i].kind == MEMBER_ROLE ? 'r' : 't',
                   STR_ARG(request.sets[i].key));
    if (!str_is(buf_str(&found), sets))
        fail_msg("%s: \"%.*s\" is not \"%s\"", to, STR_ARG(buf_str(&found)),
                 sets);
}

static void
a_topic_is_its_set_and_all_above_it(void **state)
{
    struct desk *d = *state;

    assert_sets(d, "{'topics':['news']}", "t:news");
    assert_sets(d, "{'topics':['a.b.c','a.b','a.d','a.b.c']}",
                "t:a.b.c t:a t:a.b t:a.d");
    assert_sets(d, "{'roles':['a.b','a.b'],'topics':['a']}", "r:a.b t:a");
    assert_sets(d, "{'topics':['.a','b.','c..d']}",
                "t:.a t:b. t:b t:c..d t:c t:c.");
    assert_sets(d, "{'topics':['news'],'roles':['r'],'all':true}", "");
    assert_sets(d, "'u1'", "");
}

static void
so_many_sets_are_the_most(void **state)
{
    struct desk *d = *state;
    struct buf b;

    buf_init(&b, d->arena);
    buf_put_cstr(&b, "{'title':'t','to':{'topics':[");
    for (int i = 0; i < 100; i++) /* each of eleven sets, but for the first */
        buf_printf(&b, "%s'.%d.b.c.d.e.f.g.h.i.j.k'", i > 0 ? "," : "", i);
    buf_put_cstr(&b, "]}}");
    buf_put_char(&b, '\0');
    assert_int_equal(read_text(d, quoted(d->arena, b.p)), ERR_INVALID);
    assert_string_equal(desk_faults(d), "/to/topics");
}

static void
a_thousand_recipients_are_the_most(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, with_users(d, "[", 1000, "]")), ERR_OK);
    assert_int_equal(request.n_recipients, 1000);
    assert_int_equal(read_text(d, with_users(d, "[", 1001, "]")), ERR_INVALID);
    assert_string_equal(desk_faults(d), "/to");
    assert_int_equal(read_text(d, with_users(d, "{'users':[", 1001, "]}")),
                     ERR_INVALID);
    assert_string_equal(desk_faults(d), "/to/users");
    assert_int_equal(
        read_text(d, with_users(d, "{'recipients':[{'id':'r'}],'users':[", 1000,
                                "]}")),
        ERR_INVALID);
    assert_string_equal(desk_faults(d), "/to");
    assert_int_equal(
        read_text(d, with_users(d, "{'exclude':['u7'],'users':[", 1000, "]}")),
        ERR_OK);
    assert_int_equal(request.n_recipients, 999);
}

static void
an_id_may_have_128_bytes(void **state)
{
    struct desk *d = *state;
    char id[130], body[200];

    memset(id, 'a', sizeof(id));
    snprintf(body, sizeof(body), "{'title':'t','to':'%.128s'}", id);
    assert_int_equal(read_body(d, body), ERR_OK);
    snprintf(body, sizeof(body), "{'title':'t','to':'%.129s'}", id);
    assert_int_equal(read_body(d, body), ERR_INVALID);
}

static void
channels_are_known_once_each_and_in_app_by_default(void **state)
{
    struct desk *d = *state;
    static const struct row rows[] = {
        {"{'to':'u','title':'t','channels':[]}", ERR_INVALID, "/channels"},
        {"{'to':'u','title':'t','channels':'email'}", ERR_INVALID, "/channels"},
        {"{'to':'u','title':'t','channels':['pigeon']}", ERR_INVALID,
         "/channels/0"},
        {"{'to':'u','title':'t','channels':['email','pigeon']}", ERR_INVALID,
         "/channels/1"},
        {"{'to':'u','title':'t','channels':[1]}", ERR_INVALID, "/channels/0"},
    };

    CHECK_ROWS(d, rows);
    assert_int_equal(read_body(d, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.n_channels, 1);
    assert_text(request.channels[0], "in_app");
    assert_int_equal(
        read_body(d, "{'to':'u','title':'t','channels':['email','in_app',"
                     "'email']}"),
        ERR_OK);
    assert_int_equal(request.n_channels, 2);
    assert_text(request.channels[0], "email");
}

static void
a_template_brings_its_channels(void **state)
{
    struct desk *d = *state;

    desk_template(d, "plain", 1, "{'content':{'default':{'title':'t'}}}");
    desk_template(d, "wide", 3,
                  "{'channels':['email','webhook'],"
                  "'content':{'default':{'title':'t'}}}");
    assert_int_equal(read_body(d, "{'to':'u','template':'plain'}"), ERR_OK);
    assert_int_equal(request.n_channels, 1);
    assert_text(request.channels[0], "in_app");
    assert_int_equal(read_body(d, "{'to':'u','template':'wide'}"), ERR_OK);
    assert_int_equal(request.n_channels, 2);
    assert_text(request.channels[1], "webhook");
    assert_int_equal(request.template->version, 3);
    assert_int_equal(
        read_body(d, "{'to':'u','template':'wide','channels':['log_file']}"),
        ERR_OK);
    assert_int_equal(request.n_channels, 1);
    assert_text(request.channels[0], "log_file");
}

static void
content_is_a_template_or_inline_and_not_both(void **state)
{
    struct desk *d = *state;
    static const struct row rows[] = {
        {"{'to':'u'}", ERR_INVALID, ""},
        {"{'to':'u','actions':[{'id':'a','label':'b'}]}", ERR_INVALID, ""},
        {"{'to':'u','template':'nope'}", ERR_INVALID, "/template"},
        {"{'to':'u','template':'greet','title':'t'}", ERR_INVALID, "/template"},
        {"{'to':'u','template':'greet','body':'t'}", ERR_INVALID, "/template"},
        {"{'to':'u','template':'greet','html':'t'}", ERR_INVALID, "/template"},
        {"{'to':'u','template':7}", ERR_INVALID, "/template"},
        {"{'to':'u','title':7,'body':null,'html':[]}", ERR_INVALID,
         "/title /body /html"},
        {"{'to':'u','title':''}", ERR_OK, ""},
        {"{'to':'u','template':'greet'}", ERR_OK, ""},
        {"{'to':'u','body':'only'}", ERR_OK, ""},
    };

    desk_template(d, "greet", 1, "{'content':{'default':{'title':'t'}}}");
    CHECK_ROWS(d, rows);
}

static void
a_title_has_at_most_1024_bytes(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, with_text(d, "title", 1024, "")), ERR_OK);
    assert_int_equal(read_text(d, with_text(d, "title", 1025, "")),
                     ERR_INVALID);
    assert_string_equal(desk_faults(d), "/title");
}

static void
body_html_and_actions_have_64_kib_together(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, with_text(d, "body", 65536, "")), ERR_OK);
    assert_int_equal(read_text(d, with_text(d, "body", 65537, "")),
                     ERR_INVALID);
    assert_string_equal(desk_faults(d), "/body");
    assert_int_equal(read_text(d, with_text(d, "html", 65536, "")), ERR_OK);
    assert_int_equal(read_text(d, with_text(d, "html", 65536, ",'body':'y'")),
                     ERR_INVALID);
    assert_string_equal(desk_faults(d), "/body");
    assert_int_equal(read_text(d, with_text(d, "html", 65535, ",'body':'y'")),
                     ERR_OK);
    assert_int_equal(
        read_text(d, with_text(d, "body", 65520,
                               ",'actions':[{'id':'a','label':'b'}]")),
        ERR_INVALID);
    /* The title counts for itself. */
    assert_int_equal(read_text(d, with_text(d, "body", 65536, ",'title':'t'")),
                     ERR_OK);
}

static void
an_escape_counts_as_the_byte_that_it_is(void **state)
{
    struct desk *d = *state;
    struct buf b;

    buf_init(&b, d->arena);
    buf_put_cstr(&b, "{\"to\":\"u\",\"body\":\"");
    for (size_t i = 0; i < 65536; i++)
        buf_put_cstr(&b, "\\n");
    buf_put_cstr(&b, "\"}");
    assert_int_equal(read_text(d, buf_str(&b)), ERR_OK);
}

static void
a_link_that_would_run_is_refused(void **state)
{
    struct desk *d = *state;
    static const struct {
        const char *link;
        bool is_safe;
    } rows[] = {
        {"https://example.com/a?b#c", true},
        {"http://example.com", true},
        {"mailto:a@b.c", true},
        {"tel:+491234", true},
        {"/orders/7", true},
        {"", false},
        {"//evil.example", false},
        {"/\\\\evil.example", false},
        {"/\\t/evil.example", false},
        {"https:\\\\evil.example", false},
        {"javascript:alert(1)", false},
        {"JavaScript:alert(1)", false},
        {" javascript:alert(1)", false},
        {"\\tjavascript:alert(1)", false},
        {"data:text/html,x", false},
        {"vbscript:x", false},
        {"file:///etc/passwd", false},
        {"https:evil", false},
    };
    static const char *const names[] = {"url", "api_endpoint"};
    char body[300], where[40];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t j = 0; j < 2; j++) {
            snprintf(body, sizeof(body),
                     "{'to':'u','title':'t','actions':[{'id':'a','label':'b'},"
                     "{'id':'c','label':'d','%s':'%s'}]}",
                     names[j], rows[i].link);
            snprintf(where, sizeof(where), "/actions/1/%s", names[j]);
            if ((read_body(d, body) == ERR_OK) != rows[i].is_safe)
                fail_msg("%s: %s", names[j], rows[i].link);
            assert_string_equal(desk_faults(d), rows[i].is_safe ? "" : where);
        }
    }
}

static void
actions_are_checked(void **state)
{
    static const struct row rows[] = {
        {"{'to':'u','title':'t','actions':{}}", ERR_INVALID, "/actions"},
        {"{'to':'u','title':'t','actions':[{'label':'b'}]}", ERR_INVALID,
         "/actions/0/id"},
        {"{'to':'u','title':'t','actions':[{'id':'a','label':''}]}",
         ERR_INVALID, "/actions/0/label"},
        {"{'to':'u','title':'t','actions':[{'id':'a','label':'b','method':"
         "'TRACE'}]}",
         ERR_INVALID, "/actions/0/method"},
        {"{'to':'u','title':'t','actions':[{'id':'a','label':'b','onclick':"
         "'x'}]}",
         ERR_INVALID, "/actions/0/onclick"},
    };

    CHECK_ROWS((struct desk *)*state, rows);
}

static void
policy_is_read_with_its_defaults(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_body(d, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.priority, PRIORITY_NORMAL);
    assert_int_equal(request.dedup_window_ms, 24 * 3600 * 1000);
    assert_int_equal(request.dedup_key.n, 0);
    assert_int_equal(request.expires_ms, 0);
    assert_false(request.is_dry_run);
    assert_int_equal(
        read_body(d, "{'to':'u','title':'t','priority':'critical',"
                     "'category':'c','dedup_key':'k','dedup_window':'10m',"
                     "'expires_at':'1970-01-01T00:00:01Z','dry_run':true}"),
        ERR_OK);
    assert_int_equal(request.priority, PRIORITY_CRITICAL);
    assert_text(request.category, "c");
    assert_text(request.dedup_key, "k");
    assert_int_equal(request.dedup_window_ms, 600000);
    assert_int_equal(request.expires_ms, 1000);
    assert_true(request.is_dry_run);
}

static void
policy_has_bounds(void **state)
{
    struct desk *d = *state;
    static const struct row rows[] = {
        {"{'to':'u','title':'t','priority':'urgent'}", ERR_INVALID,
         "/priority"},
        {"{'to':'u','title':'t','priority':null}", ERR_INVALID, "/priority"},
        {"{'to':'u','title':'t','category':'a b'}", ERR_INVALID, "/category"},
        {"{'to':'u','title':'t','dedup_key':''}", ERR_INVALID, "/dedup_key"},
        {"{'to':'u','title':'t','dedup_window':'999ms'}", ERR_INVALID,
         "/dedup_window"},
        {"{'to':'u','title':'t','dedup_window':'1s'}", ERR_OK, ""},
        {"{'to':'u','title':'t','dedup_window':'720h'}", ERR_OK, ""},
        {"{'to':'u','title':'t','dedup_window':'721h'}", ERR_INVALID,
         "/dedup_window"},
        {"{'to':'u','title':'t','dedup_window':60}", ERR_INVALID,
         "/dedup_window"},
        {"{'to':'u','title':'t','dedup_window':'-1s'}", ERR_INVALID,
         "/dedup_window"},
        {"{'to':'u','title':'t','expires_at':'tomorrow'}", ERR_INVALID,
         "/expires_at"},
        {"{'to':'u','title':'t','dry_run':'yes'}", ERR_INVALID, "/dry_run"},
        {"{'to':'u','title':'t','data':[]}", ERR_INVALID, "/data"},
        {"{'to':'u','title':'t','metadata':1}", ERR_INVALID, "/metadata"},
        {"{'to':'u','title':'t','dedup_key':'belfry:x'}", ERR_INVALID,
         "/dedup_key"},
        {"{'to':'u','title':'t','overrides':{'email':{'from':'x','cc':['a@b.c',"
         "'y'],'headers':{'X':7}}}}",
         ERR_INVALID,
         "/overrides/email/from /overrides/email/cc/1 "
         "/overrides/email/headers/X"},
        {"{'to':'u','title':'t','overrides':{'email':{'headers':{'X-Ok':'v',"
         "'Bcc':'a@b.c','X-A':'v\\r\\nBcc: a@b.c','X/Y':'v'}}}}",
         ERR_INVALID,
         "/overrides/email/headers/Bcc /overrides/email/headers/X-A "
         "/overrides/email/headers/X~1Y"},
        {"{'to':'u','title':'t','a~b/c':1}", ERR_INVALID, "/a~0b~1c"},
        {"[]", ERR_INVALID, ""},
        {"'text'", ERR_INVALID, ""},
        {"null", ERR_INVALID, ""},
    };

    CHECK_ROWS(d, rows);
    assert_int_equal(
        read_text(d, with_text(d, "dedup_key", 255, ",'title':'t'")), ERR_OK);
    assert_int_equal(
        read_text(d, with_text(d, "dedup_key", 256, ",'title':'t'")),
        ERR_INVALID);
}

static void
an_approval_is_read_with_its_defaults(void **state)
{
    static const struct {
        const char *approval;
        int64_t ms;
    } rows[] = {
        {"true", SEND_APPROVAL_DEFAULT_MS},
        {"{}", SEND_APPROVAL_DEFAULT_MS},
        {"false", 0},
        {"{'expires_in':'1s'}", 1000},
        {"{'expires_in':'30d','roles':['editor'],'note':'n'}",
         SEND_APPROVAL_MAX_MS},
    };
    struct desk *d = *state;

    assert_int_equal(read_body(d, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.approval_ms, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct str body = str_fmt(
            d->arena, "{'to':'u','title':'t','approval':%s}", rows[i].approval);

        assert_int_equal(read_body(d, str_cstr(d->arena, body)), ERR_OK);
        assert_int_equal(request.approval_ms, rows[i].ms);
    }
}

static void
an_approval_has_bounds(void **state)
{
    static const struct row rows[] = {
        {"{'to':'u','title':'t','approval':null}", ERR_INVALID, "/approval"},
        {"{'to':'u','title':'t','approval':'yes'}", ERR_INVALID, "/approval"},
        {"{'to':'u','title':'t','approval':{'expires_in':'999ms'}}",
         ERR_INVALID, "/approval/expires_in"},
        {"{'to':'u','title':'t','approval':{'expires_in':'31d'}}", ERR_INVALID,
         "/approval/expires_in"},
        {"{'to':'u','title':'t','approval':{'roles':[]}}", ERR_INVALID,
         "/approval/roles"},
        {"{'to':'u','title':'t','approval':{'roles':['a b']}}", ERR_INVALID,
         "/approval/roles/0"},
        {"{'to':'u','title':'t','approval':{'by':'u'}}", ERR_INVALID,
         "/approval/by"},
    };
    struct desk *d = *state;

    CHECK_ROWS(d, rows);
}

static void
a_digest_is_read_with_its_defaults(void **state)
{
    struct desk *d = *state;

    desk_template(d, "tpl", 1, "{'content':{'default':{'title':'t'}}}");
    assert_int_equal(read_body(d, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.digest.window_ms, 0);
    assert_int_equal(
        read_body(d, "{'to':'u','title':'t','digest':{'window':'10m'}}"),
        ERR_OK);
    assert_text(request.digest.key, "");
    assert_int_equal(request.digest.mode, DIGEST_FIXED);
    assert_int_equal(request.digest.window_ms, 600000);
    assert_int_equal(request.digest.max_window_ms, 6000000);
    assert_int_equal(request.digest.max_items, 100);
    assert_false(request.digest.is_leading);
    assert_int_equal(
        read_body(d, "{'to':'u','template':'tpl','digest':{'window':'31d'}}"),
        ERR_OK);
    assert_text(request.digest.key, "tpl");
    assert_int_equal(request.digest.max_window_ms, DIGEST_WINDOW_MAX_MS);
    assert_int_equal(
        read_body(d, "{'to':'u','template':'tpl','category':'c','digest':"
                     "{'window':'1s','mode':'sliding','max_window':'5s',"
                     "'leading':true,'max_items':7}}"),
        ERR_OK);
    assert_text(request.digest.key, "c");
    assert_int_equal(request.digest.mode, DIGEST_SLIDING);
    assert_int_equal(request.digest.max_window_ms, 5000);
    assert_int_equal(request.digest.max_items, 7);
    assert_true(request.digest.is_leading);
    assert_int_equal(read_body(d, "{'to':'u','title':'t','category':'c',"
                                  "'digest':{'window':'1s','key':''}}"),
                     ERR_OK);
    assert_text(request.digest.key, "");
}

static void
a_best_time_has_bounds(void **state)
{
    static const struct row rows[] = {
        {"{'to':'u','title':'t','best_time':{'within':'1h'}}", ERR_OK, ""},
        {"{'to':'u','title':'t','best_time':{'within':'7d'}}", ERR_OK, ""},
        {"{'to':'u','title':'t','best_time':{'within':'59m'}}", ERR_INVALID,
         "/best_time/within"},
        {"{'to':'u','title':'t','best_time':{'within':'169h'}}", ERR_INVALID,
         "/best_time/within"},
        {"{'to':'u','title':'t','best_time':{}}", ERR_INVALID,
         "/best_time/within"},
        {"{'to':'u','title':'t','best_time':'24h'}", ERR_INVALID, "/best_time"},
        {"{'to':'u','title':'t','best_time':{'within':'1h','otherwise':'now'}}",
         ERR_INVALID, "/best_time/otherwise"},
    };

    CHECK_ROWS(*state, rows);
    assert_int_equal(read_body(*state, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.best_within_ms, 0);
    assert_int_equal(
        read_body(*state, "{'to':'u','title':'t','best_time':{'within':'2h'}}"),
        ERR_OK);
    assert_int_equal(request.best_within_ms, 7200000);
}

static void
a_digest_has_bounds(void **state)
{
    static const struct row rows[] = {
        {"{'to':'u','title':'t','digest':{}}", ERR_INVALID, "/digest/window"},
        {"{'to':'u','title':'t','digest':{'window':'999ms'}}", ERR_INVALID,
         "/digest/window"},
        {"{'to':'u','title':'t','digest':{'window':'745h'}}", ERR_INVALID,
         "/digest/window"},
        {"{'to':'u','title':'t','digest':{'window':'1h','mode':'weekly'}}",
         ERR_INVALID, "/digest/mode"},
        {"{'to':'u','title':'t','digest':{'window':'1h','max_window':'1m'}}",
         ERR_INVALID, "/digest/max_window"},
        {"{'to':'u','title':'t','digest':{'window':'1h','max_items':0}}",
         ERR_INVALID, "/digest/max_items"},
        {"{'to':'u','title':'t','digest':{'window':'1h','max_items':1001}}",
         ERR_INVALID, "/digest/max_items"},
        {"{'to':'u','title':'t','digest':{'window':'36h','mode':'calendar'}}",
         ERR_INVALID, "/digest/window"},
        {"{'to':'u','title':'t','digest':{'window':'36h'}}", ERR_OK, ""},
        {"{'to':'u','title':'t','digest':'1h'}", ERR_INVALID, "/digest"},
    };

    CHECK_ROWS(*state, rows);
}

#define FILE_OF(more) "{'filename':'a','content_type':'a/b'" more "}"
#define WITH(files) "{'to':'u','title':'t','attachments':[" files "]}"

static void
attachments_come_with_their_bytes_or_where_they_are(void **state)
{
    static const struct row rows[] = {
        {WITH(""), ERR_OK, ""},
        {WITH(FILE_OF(",'content':'aGk='") "," FILE_OF(
             ",'url':'https://example.com/a'")),
         ERR_OK, ""},
        {WITH(FILE_OF("")), ERR_INVALID, "/attachments/0"},
        {WITH(FILE_OF(",'content':'aGk=','url':'https://a.b/'")), ERR_INVALID,
         "/attachments/0"},
        {WITH(FILE_OF(",'content':'aGk'")), ERR_INVALID,
         "/attachments/0/content"},
        {WITH(FILE_OF(",'content':''")), ERR_INVALID, "/attachments/0/content"},
        {WITH(FILE_OF(",'content':'aGk=','size':2")), ERR_INVALID,
         "/attachments/0/size"},
        {WITH("{'content':'aGk='}"), ERR_INVALID,
         "/attachments/0/filename /attachments/0/content_type"},
        {"{'to':'u','title':'t','attachments':null}", ERR_INVALID,
         "/attachments"},
    };

    CHECK_ROWS(*state, rows);
    assert_int_equal(read_body(*state, rows[1].body), ERR_OK);
    assert_int_equal(request.n_attachments, 2);
    assert_true(str_is(request.attachments[0].content, "aGk="));
    assert_int_equal(request.attachments[0].size, 2);
    assert_true(str_is(request.attachments[1].url, "https://example.com/a"));
    assert_int_equal(read_body(*state, "{'to':'u','title':'t'}"), ERR_OK);
    assert_int_equal(request.n_attachments, 0);
}

static void
each_driver_says_what_may_be_overridden(void **state)
{
    struct desk *d = *state;
    static const struct row rows[] = {
        {"{'to':'u','title':'t','overrides':{'providers':{}}}", ERR_OK, ""},
        {"{'to':'u','title':'t','overrides':{'providers':{'wa':{'template':"
         "{'name':'a','language':{'code':'de'},'components':[{'x':1}]}}}}}",
         ERR_OK, ""},
        {"{'to':'u','title':'t','overrides':{'providers':{'wa':{},"
         "'tw':{'content_sid':'HX1','content_variables':{'1':'a'}}}}}",
         ERR_OK, ""},
        {"{'to':'u','title':'t','overrides':{'providers':{'nobody':{}}}}",
         ERR_INVALID, "/overrides/providers/nobody"},
        {"{'to':'u','title':'t','overrides':{'providers':{'file':{}}}}",
         ERR_INVALID, "/overrides/providers/file"},
        {"{'to':'u','title':'t','overrides':{'providers':{'wa':7}}}",
         ERR_INVALID, "/overrides/providers/wa"},
        {"{'to':'u','title':'t','overrides':{'providers':{'wa':{'a':1}}}}",
         ERR_INVALID, "/overrides/providers/wa/a"},
        {"{'to':'u','title':'t','overrides':{'providers':{'wa':{'template':"
         "{'name':'a'}},'tw':{}}}}",
         ERR_INVALID,
         "/overrides/providers/wa/template/language "
         "/overrides/providers/tw/content_sid"},
    };

    desk_provider(d, "wa", 1, "{'driver':'null','channel':'whatsapp'}");
    d->providers[0]->driver = channel_driver_find(STR("whatsapp_cloud"));
    desk_provider(d, "tw", 2, "{'driver':'null','channel':'sms'}");
    d->providers[1]->driver = channel_driver_find(STR("twilio"));
    desk_provider(d, "file", 3, "{'driver':'null','channel':'log_file'}");
    CHECK_ROWS(d, rows);
}

static void
every_fault_is_told_and_the_rest_counted(void **state)
{
    struct desk *d = *state;
    struct buf b;

    buf_init(&b, d->arena);
    buf_put_cstr(&b, "{\"to\":[");
    for (size_t i = 0; i < 1000; i++)
        buf_put_cstr(&b, i > 0 ? ",\"\"" : "\"\"");
    buf_put_cstr(&b, "]}");
    assert_int_equal(read_text(d, buf_str(&b)), ERR_INVALID);
    assert_int_equal(d->problem.n_errors, PROBLEM_ERRORS_MAX);
    assert_int_equal(d->problem.n_more, 1000 - PROBLEM_ERRORS_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(each_way_to_name_people_is_understood),
        DESK_TEST(excluding_everybody_leaves_nobody),
        DESK_TEST(who_gets_it_is_checked),
        DESK_TEST(a_topic_is_its_set_and_all_above_it),
        DESK_TEST(so_many_sets_are_the_most),
        DESK_TEST(a_thousand_recipients_are_the_most),
        DESK_TEST(an_id_may_have_128_bytes),
        DESK_TEST(channels_are_known_once_each_and_in_app_by_default),
        DESK_TEST(a_template_brings_its_channels),
        DESK_TEST(content_is_a_template_or_inline_and_not_both),
        DESK_TEST(a_title_has_at_most_1024_bytes),
        DESK_TEST(body_html_and_actions_have_64_kib_together),
        DESK_TEST(an_escape_counts_as_the_byte_that_it_is),
        DESK_TEST(a_link_that_would_run_is_refused),
        DESK_TEST(actions_are_checked),
        DESK_TEST(policy_is_read_with_its_defaults),
        DESK_TEST(policy_has_bounds),
        DESK_TEST(an_approval_is_read_with_its_defaults),
        DESK_TEST(an_approval_has_bounds),
        DESK_TEST(a_digest_is_read_with_its_defaults),
        DESK_TEST(a_best_time_has_bounds),
        DESK_TEST(a_digest_has_bounds),
        DESK_TEST(attachments_come_with_their_bytes_or_where_they_are),
        DESK_TEST(each_driver_says_what_may_be_overridden),
        DESK_TEST(every_fault_is_told_and_the_rest_counted),
    };

    return cmocka_run_group_tests_name("app/send_request", tests, NULL, NULL);
}
