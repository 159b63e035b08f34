#include "app/workflow_secret.h"

#include "app/app_test.h"

static const char steps[] =
    "[{'type':'send','title':'x'},{'type':'branch','then':[{'type':'fetch',"
    "'as':'w','url':'https://a.example/{{x}}','headers':{'Authorization':"
    "'Bearer x','Accept':'text/plain'}}]}]";
static const char shown[] =
    "[{'type':'send','title':'x'},{'type':'branch','then':[{'type':'fetch',"
    "'as':'w','url':'https://a.example/{{x}}','headers':{'Authorization':"
    "'***','Accept':'text/plain'}}]}]";

static struct workflow_secrets
secrets_of(struct desk *d, const char *key)
{
    return (struct workflow_secrets){.arena = d->arena,
                                     .vault = d->vault,
                                     .tenant = DESK_TENANT,
                                     .key = str_from(key)};
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
seal(struct desk *d, const char *text, struct json before)
{
    const struct workflow_secrets x = secrets_of(d, "flow");

    return parsed(
        d, workflow_secrets_seal(&x, desk_json(d, text), before, &d->problem));
}

static struct str
header_of(struct desk *d, struct json all)
{
    struct json call = json_at(json_get(json_at(all, 1), "then"), 0);

    return json_str_of(d->arena, json_get(call, "headers"), "Authorization");
}

static void
names_tell_what_is_secret(void **state)
{
    static const char *const yes[] = {"Authorization", "cookie", "X-Api-Key",
                                      "X-AUTH-TOKEN", "x-hub-signature"};
    static const char *const no[] = {"Accept", "Content-Type", "User-Agent",
                                     "X-Request-Id"};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(workflow_header_is_secret(str_from(yes[i])));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(workflow_header_is_secret(str_from(no[i])));
}

static void
a_secret_is_sealed_masked_and_opened_at_its_place(void **state)
{
    struct desk *d = *state;
    const struct workflow_secrets x = secrets_of(d, "flow"),
                                  y = secrets_of(d, "other");
    struct json stored = seal(d, steps, (struct json){0});
    struct str box = header_of(d, stored), open = STR_NONE;

    assert_string_equal(desk_faults(d), "");
    assert_false(holds(json_raw(stored), "Bearer"));
    assert_true(holds(json_raw(stored), "text/plain"));
    assert_json(workflow_secrets_mask(d->arena, stored), shown);
    assert_true(
        workflow_secrets_open(&x, STR("w"), STR("Authorization"), box, &open));
    assert_text(open, "Bearer x");
    assert_false(
        workflow_secrets_open(&y, STR("w"), STR("Authorization"), box, &open));
    assert_false(
        workflow_secrets_open(&x, STR("w"), STR("X-Api-Key"), box, &open));
}

static void
what_was_stored_before_is_masked_and_sent_as_it_is(void **state)
{
    struct desk *d = *state;
    const struct workflow_secrets x = secrets_of(d, "flow");
    struct str open = STR_NONE;

    assert_json(workflow_secrets_mask(d->arena, desk_json(d, steps)), shown);
    assert_true(workflow_secrets_open(&x, STR("w"), STR("Authorization"),
                                      STR("Bearer x"), &open));
    assert_text(open, "Bearer x");
}

static void
a_mask_keeps_what_is_stored_for_the_same_host(void **state)
{
    struct desk *d = *state;
    struct json stored = seal(d, steps, (struct json){0});
    struct json kept = seal(d, shown, stored);

    assert_string_equal(desk_faults(d), "");
    assert_true(str_eq(header_of(d, kept), header_of(d, stored)));
    (void)seal(d, shown, (struct json){0});
    assert_string_equal(desk_faults(d),
                        "/steps/1/then/0/headers/Authorization");
    (void)seal(d,
               "[{'type':'fetch','as':'w','url':'https://b.example/',"
               "'headers':{'Authorization':'***'}}]",
               stored);
    assert_string_equal(desk_faults(d), "/steps/0/headers/Authorization");
    (void)seal(d,
               "[{'type':'fetch','as':'w','url':'http://a.example/',"
               "'headers':{'Authorization':'***'}}]",
               stored);
    assert_string_equal(desk_faults(d), "/steps/0/headers/Authorization");
    (void)seal(d,
               "[{'type':'fetch','as':'w','url':'https://a.example/',"
               "'headers':{'Cookie':'sealed:abc'}}]",
               stored);
    assert_string_equal(desk_faults(d), "/steps/0/headers/Cookie");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(names_tell_what_is_secret),
        DESK_TEST(a_secret_is_sealed_masked_and_opened_at_its_place),
        DESK_TEST(what_was_stored_before_is_masked_and_sent_as_it_is),
        DESK_TEST(a_mask_keeps_what_is_stored_for_the_same_host),
    };

    return cmocka_run_group_tests_name("app/workflow_secret", tests, NULL,
                                       NULL);
}
