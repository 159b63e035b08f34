#include "app/provider_doc.h"

#include <stdio.h>

#include "app/app_test.h"

static struct str
seal_as(struct desk *d, const char *purpose, const char *request,
        struct json before)
{
    return provider_doc_seal(d->arena, d->vault, str_from(purpose),
                             desk_json(d, request), before);
}

static struct json
parsed(struct desk *d, struct str text)
{
    struct json_doc *doc = ARENA_NEW(d->arena, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(d->arena, text, doc, &why), ERR_OK);
    return json_root(doc);
}

static struct json
sealed(struct desk *d, const char *request)
{
    return parsed(d, seal_as(d, "7/provider/p", request, (struct json){0}));
}

static enum err
open_as(struct desk *d, const char *purpose, struct json stored,
        struct provider *ret)
{
    *ret = (struct provider){0};
    return provider_doc_open(d->arena, d->vault, str_from(purpose), stored,
                             ret);
}

static struct str
shown(struct desk *d, struct json stored)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, d->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    provider_doc_show(d->arena, stored, &w);
    json_end_object(&w);
    return buf_str(&out);
}

#define SMTP                                                                   \
    "{'channel':'email','driver':'smtp','config':{'host':'h','port':25,"       \
    "'from':'a@b.c','username':'u','password':'pa55word','tls':'none'}}"
#define HOOK(secret)                                                           \
    "{'channel':'webhook','driver':'webhook','config':{'url':'http://h/'"      \
    ",'secret':" secret "}}"

static void
a_secret_is_neither_stored_nor_shown_in_the_clear(void **state)
{
    struct desk *d = *state;
    struct json stored = sealed(d, SMTP);
    struct provider p;

    assert_false(holds(json_raw(stored), "pa55word"));
    assert_json(shown(d, stored),
                "{'channel':'email','driver':'smtp','config':{'host':'h',"
                "'port':25,'from':'a@b.c','username':'u','password':'***',"
                "'tls':'none'}}");
    assert_int_equal(open_as(d, "7/provider/p", stored, &p), ERR_OK);
    assert_text(json_str_of(d->arena, p.config, "password"), "pa55word");
    assert_text(json_str_of(d->arena, p.config, "host"), "h");
}

static void
the_same_secret_is_sealed_another_way_each_time(void **state)
{
    struct desk *d = *state;

    assert_false(str_eq(json_raw(sealed(d, SMTP)), json_raw(sealed(d, SMTP))));
}

static void
a_secret_may_be_an_array(void **state)
{
    struct desk *d = *state;
    struct json stored = sealed(d, HOOK("['whsec_b25l','whsec_dHdv']"));
    struct provider p;

    assert_false(holds(json_raw(stored), "whsec_"));
    assert_false(holds(shown(d, stored), "whsec_"));
    assert_true(holds(shown(d, stored), "\"secret\":\"***\""));
    assert_int_equal(open_as(d, "7/provider/p", stored, &p), ERR_OK);
    assert_json(json_raw(json_get(p.config, "secret")),
                "['whsec_b25l','whsec_dHdv']");
}

static void
a_seal_opens_only_where_it_was_put(void **state)
{
    struct desk *d = *state;
    struct json stored = sealed(d, SMTP);
    static const char *const others[] = {"7/provider/q", "8/provider/p",
                                         "7/provider/", "7/provider/p2"};
    static const uint8_t other_secret[VAULT_SECRET_BYTES] = {43};
    struct vault *other = vault_from(other_secret);
    struct provider p;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(open_as(d, others[i], stored, &p), ERR_INVALID);
    assert_int_equal(
        provider_doc_open(d->arena, other, STR("7/provider/p"), stored, &p),
        ERR_INVALID);
    vault_free(other);
}

static void
purposes_of_different_providers_differ(void **state)
{
    struct desk *d = *state;

    assert_text(provider_doc_purpose(d->arena, 7, STR("p")), "7/provider/p");
    assert_false(str_eq(provider_doc_purpose(d->arena, 1, STR("p")),
                        provider_doc_purpose(d->arena, 11, STR("p"))));
}

static void
a_damaged_or_unsealed_secret_does_not_open(void **state)
{
    struct desk *d = *state;
    struct provider p;
    static const char *const passwords[] = {"sealed:", "sealed:AAAA",
                                            "sealed:!!", "plain"};
    char text[200];

    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        snprintf(text, sizeof(text),
                 "{'driver':'smtp','channel':'email','config':{'password':"
                 "'%s'}}",
                 passwords[i]);
        assert_int_equal(open_as(d, "7/provider/p", desk_json(d, text), &p),
                         ERR_INVALID);
    }
}

static void
stars_keep_what_is_stored(void **state)
{
    struct desk *d = *state;
    struct json before = sealed(d, SMTP);
    struct json after = parsed(
        d, seal_as(d, "7/provider/p",
                   "{'channel':'email','driver':'smtp','config':{'host':'i',"
                   "'from':'a@b.c','password':'***'}}",
                   before));
    struct provider p;

    assert_int_equal(open_as(d, "7/provider/p", after, &p), ERR_OK);
    assert_text(json_str_of(d->arena, p.config, "password"), "pa55word");
    assert_text(json_str_of(d->arena, p.config, "host"), "i");
    after = parsed(d, seal_as(d, "7/provider/p",
                              "{'driver':'smtp','config':{'password':'new'}}",
                              before));
    assert_int_equal(open_as(d, "7/provider/p", after, &p), ERR_OK);
    assert_text(json_str_of(d->arena, p.config, "password"), "new");
}

static void
stars_without_a_stored_secret_are_a_fault(void **state)
{
    struct desk *d = *state;
    struct json stars =
        desk_json(d, "{'driver':'smtp','config':{'password':'***','host':'***',"
                     "'username':'***'}}");

    provider_doc_check(d->arena, stars, (struct json){0}, &d->problem);
    assert_string_equal(desk_faults(d), "/config/password");
    provider_doc_check(d->arena, stars,
                       sealed(d, "{'driver':'smtp','config':{'host':'h'}}"),
                       &d->problem);
    assert_string_equal(desk_faults(d), "/config/password");
    /* A plain value of another driver is no secret to be kept. */
    provider_doc_check(
        d->arena, stars,
        desk_json(d, "{'driver':'null','config':{'password':'sealed:x'}}"),
        &d->problem);
    assert_string_equal(desk_faults(d), "/config/password");
    stars = desk_json(d, "{'driver':'smtp','config':{'password':'***','host':"
                         "'h','username':'***','tls':'none'}}");
    provider_doc_check(d->arena, stars, sealed(d, SMTP), &d->problem);
    assert_string_equal(desk_faults(d), "");
}

static void
a_secret_is_not_kept_for_another_target(void **state)
{
    struct desk *d = *state;
    struct json before = sealed(d, SMTP);
    static const char *const changed[] = {
        "{'driver':'smtp','config':{'host':'evil','tls':'none',"
        "'password':'***'}}",
        "{'driver':'smtp','config':{'host':'h','tls':'starttls',"
        "'password':'***'}}",
        "{'driver':'smtp','config':{'host':'h','password':'***'}}",
    };

    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        provider_doc_check(d->arena, desk_json(d, changed[i]), before,
                           &d->problem);
        assert_string_equal(desk_faults(d), "/config/password");
    }
}

/* Nobody here knows which of its URLs a plugin gives the secret to. */
static void
a_secret_of_a_plugin_is_not_kept_for_another_url(void **state)
{
    static const struct field config[] = {
        {.name = "token", .type = FIELD_STRING, .flags = FIELD_SECRET},
        {.name = "login_url", .type = FIELD_URL},
        {.type = FIELD_END},
    };
    static const struct channel_remote remote = {.takes_receipts = true};
    static const struct channel_driver driver = {
        .name = "guest", .config = config, .remote = &remote};
    static const struct {
        const char *url, *faults;
    } rows[] = {
        {"https://a/y", ""},
        {"https://A/x", ""},
        {"https://b/x", "/config/token"},
        {"https://a:444/x", "/config/token"}, /* somebody else's, maybe */
        {"http://a/x", "/config/token"},      /* to be read on the way */
    };
    struct desk *d = *state;
    struct json before;

    assert_null(channel_register(&driver, NULL, 0));
    before = sealed(d, "{'driver':'guest','config':{'token':'t0ken',"
                       "'login_url':'https://a/x'}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];

        snprintf(text, sizeof(text),
                 "{'driver':'guest','config':{'token':'***','login_url':"
                 "'%s'}}",
                 rows[i].url);
        provider_doc_check(d->arena, desk_json(d, text), before, &d->problem);
        assert_string_equal(desk_faults(d), rows[i].faults);
    }
}

static void
a_plain_value_may_look_like_a_seal(void **state)
{
    struct desk *d = *state;
    struct json stored =
        sealed(d, "{'driver':'smtp','channel':'email','config':{'username':"
                  "'sealed:me','password':'sealed:too'}}");
    struct provider p;

    assert_int_equal(open_as(d, "7/provider/p", stored, &p), ERR_OK);
    assert_text(json_str_of(d->arena, p.config, "username"), "sealed:me");
    assert_text(json_str_of(d->arena, p.config, "password"), "sealed:too");
    assert_true(holds(shown(d, stored), "\"username\":\"sealed:me\""));
    assert_true(holds(shown(d, stored), "\"password\":\"***\""));
}

static void
an_unknown_driver_does_not_open_and_shows_no_seal(void **state)
{
    struct desk *d = *state;
    struct json stored = desk_json(
        d, "{'driver':'pigeon','config':{'a':'sealed:xyz','b':'plain'}}");
    struct provider p;

    assert_int_equal(open_as(d, "7/provider/p", stored, &p), ERR_INVALID);
    assert_json(shown(d, stored),
                "{'driver':'pigeon','config':{'a':'***','b':'plain'}}");
    assert_int_equal(open_as(d, "7/provider/p", desk_json(d, "{}"), &p),
                     ERR_INVALID);
}

static void
what_is_not_said_has_a_default(void **state)
{
    struct desk *d = *state;
    struct provider p;

    assert_int_equal(
        open_as(d, "x", desk_json(d, "{'driver':'null','channel':'sms'}"), &p),
        ERR_OK);
    assert_text(p.channel, "sms");
    assert_true(p.is_enabled);
    assert_int_equal(p.order, 1);
    assert_int_equal(p.weight, 1);
    assert_true(p.is_adaptive);
    assert_int_equal(p.concurrency, 8);
    assert_int_equal(p.timeout_ms, 30000);
    assert_int_equal(p.rate.per_ms, 0);
    assert_int_equal(p.rate.bypass, 0);
    assert_int_equal(p.retry.attempts, retry_policy_default.attempts);
    assert_true(json_is(p.config, JSON_OBJECT));
}

static void
what_is_said_is_read(void **state)
{
    struct desk *d = *state;
    struct provider p;

    assert_int_equal(
        open_as(d, "x",
                desk_json(d, "{'driver':'null','channel':'sms','order':3,"
                             "'weight':0,'adaptive':false,"
                             "'enabled':false,'concurrency':1024,"
                             "'timeout':'5s','rate':{'per':'1s','limit':10,"
                             "'bypass':['critical','low']},"
                             "'retry':{'strategy':'fixed','base':'2s',"
                             "'max':'1m','attempts':100}}"),
                &p),
        ERR_OK);
    assert_false(p.is_enabled);
    assert_int_equal(p.order, 3);
    assert_int_equal(p.weight, 0);
    assert_false(p.is_adaptive);
    assert_int_equal(p.concurrency, 1024);
    assert_int_equal(p.timeout_ms, 5000);
    assert_int_equal(p.rate.per_ms, 1000);
    assert_int_equal(p.rate.limit, 10);
    assert_int_equal(p.rate.burst, 10); /* the limit's, where none is said */
    assert_int_equal(p.rate.bypass,
                     1u << PRIORITY_CRITICAL | 1u << PRIORITY_LOW);
    assert_int_equal(p.retry.strategy, RETRY_FIXED);
    assert_int_equal(p.retry.base_ms, 2000);
    assert_int_equal(p.retry.max_ms, 60000);
    assert_int_equal(p.retry.attempts, 100);
}

static void
a_cost_is_kept_as_it_is_written(void **state)
{
    static const struct {
        const char *cost, *text;
        int64_t billionths;
    } rows[] = {
        {"{'amount':'0.00750','currency':'USD'}", "0.00750 USD", 7500000},
        {"{'amount':0.1,'currency':'EUR'}", "0.1 EUR", 100000000},
        {"{'amount':'0','currency':'EUR'}", "", 0},
        {"{'amount':'-1','currency':'EUR'}", "", 0}, /* before the checks */
        {"{'amount':'1','currency':'eur'}", "", 0},
        {"null", "", 0},
    };
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[160];
        struct provider p;

        snprintf(text, sizeof(text),
                 "{'driver':'null','channel':'sms','cost':%s}", rows[i].cost);
        assert_int_equal(open_as(d, "x", desk_json(d, text), &p), ERR_OK);
        assert_text(p.cost.text, rows[i].text);
        if (rows[i].text[0])
            assert_int_equal(p.cost.billionths, rows[i].billionths);
    }
}

static void
a_cost_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *cost, *pointer;
    } rows[] = {
        {"{'amount':'0.0075','currency':'USD'}", NULL},
        {"{'amount':'1000000','currency':'JPY'}", NULL},
        {"{'amount':'1000000.01','currency':'JPY'}", "/cost/amount"},
        {"{'amount':'-0.1','currency':'USD'}", "/cost/amount"},
        {"{'amount':'1e3','currency':'USD'}", "/cost/amount"},
        {"{'amount':'0.0000000001','currency':'USD'}", "/cost/amount"},
        {"{'amount':'1','currency':'usd'}", "/cost/currency"},
        {"{'amount':'1','currency':'EU1'}", "/cost/currency"},
    };
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p = {.arena = d->arena};

        provider_doc_check_cost(d->arena, desk_json(d, rows[i].cost), &p);
        if (!rows[i].pointer)
            assert_int_equal(p.n_errors, 0);
        else
            assert_text(p.errors[0].pointer, rows[i].pointer);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(a_secret_is_neither_stored_nor_shown_in_the_clear),
        DESK_TEST(the_same_secret_is_sealed_another_way_each_time),
        DESK_TEST(a_secret_may_be_an_array),
        DESK_TEST(a_seal_opens_only_where_it_was_put),
        DESK_TEST(purposes_of_different_providers_differ),
        DESK_TEST(a_damaged_or_unsealed_secret_does_not_open),
        DESK_TEST(stars_keep_what_is_stored),
        DESK_TEST(stars_without_a_stored_secret_are_a_fault),
        DESK_TEST(a_secret_is_not_kept_for_another_target),
        DESK_TEST(a_secret_of_a_plugin_is_not_kept_for_another_url),
        DESK_TEST(a_plain_value_may_look_like_a_seal),
        DESK_TEST(an_unknown_driver_does_not_open_and_shows_no_seal),
        DESK_TEST(what_is_not_said_has_a_default),
        DESK_TEST(what_is_said_is_read),
        DESK_TEST(a_cost_is_kept_as_it_is_written),
        DESK_TEST(a_cost_that_is_none_is_refused),
    };

    return cmocka_run_group_tests_name("app/provider_doc", tests, NULL, NULL);
}
