#include "app/endpoint_doc.h"

#include <stdio.h>

#include "app/app_test.h"
#include "base/clock.h"
#include "channel/standard.h"

#define PURPOSE STR("7/endpoint/e")
#define PLAIN "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NOW INT64_C(1790242200000)
#define ASKED "{'url':'https://e.com/','events':['delivery.*','inbox.read']"

static struct json
parsed(struct desk *d, struct str text)
{
    struct json_doc *doc = ARENA_NEW(d->arena, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(d->arena, text, doc, &why), ERR_OK);
    return json_root(doc);
}

static struct json
stored(struct desk *d, const char *request, struct json before, bool *ret_makes)
{
    return parsed(d,
                  endpoint_doc_store(d->arena, d->vault, PURPOSE,
                                     desk_json(d, request), before, ret_makes));
}

static struct endpoint_doc
read(struct desk *d, struct json doc)
{
    struct object o = {.tenant = 7, .key = STR("e"), .num = 5, .version = 3};
    struct endpoint_doc e;

    assert_int_equal(endpoint_doc_read(d->arena, d->vault, &o, doc, &e),
                     ERR_OK);
    return e;
}

static struct str
shown(struct desk *d, struct json doc, bool shows_secret)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, d->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    endpoint_doc_show(d->arena, d->vault, PURPOSE, doc, shows_secret, &w);
    json_end_object(&w);
    return buf_str(&out);
}

static void
what_is_stored_has_no_open_secret(void **state)
{
    struct desk *d = *state;
    struct json doc;
    bool makes;

    doc = stored(d, ASKED ",'secret':'" PLAIN "'}", (struct json){0}, &makes);
    assert_false(makes);
    assert_false(holds(json_raw(doc), &PLAIN[6]));
    assert_false(holds(shown(d, doc, false), &PLAIN[6]));
    assert_true(holds(shown(d, doc, true), PLAIN));
    assert_true(str_is(
        json_str_of(d->arena, read(d, doc).lane.config, "secret"), PLAIN));
}

static void
a_secret_is_made_once_and_kept(void **state)
{
    struct desk *d = *state;
    struct json first, again;
    struct str secret;
    bool makes;

    first = stored(d, ASKED "}", (struct json){0}, &makes);
    assert_true(makes);
    secret = json_str_of(d->arena, read(d, first).lane.config, "secret");
    assert_int_equal(secret.n, strlen(PLAIN));
    again = stored(d, ASKED ",'secret':'***'}", first, &makes);
    assert_false(makes);
    assert_true(str_eq(
        json_str_of(d->arena, read(d, again).lane.config, "secret"), secret));
}

static struct json
rotated(struct desk *d, struct json doc, int64_t now_ms)
{
    return parsed(d, endpoint_doc_rotate(d->arena, d->vault, PURPOSE, doc,
                                         STR_NONE, now_ms));
}

/* Of the old ones, how many sign then. */
static size_t
count_old(struct desk *d, struct json doc, int64_t now_ms)
{
    struct json until = json_get(read(d, doc).lane.config, "old_secrets_until");
    size_t n = 0;
    int64_t ms;

    for (struct json u = json_first(until); !json_is(u, JSON_ABSENT);
         u = json_next(until, u))
        n += json_int(u, &ms) && ms > now_ms;
    return n;
}

static void
a_rotation_keeps_the_old_one_for_a_day(void **state)
{
    struct desk *d = *state;
    struct json doc, config;
    bool makes;

    doc = stored(d, ASKED ",'secret':'" PLAIN "'}", (struct json){0}, &makes);
    doc = rotated(d, doc, NOW);
    config = read(d, doc).lane.config;
    assert_true(
        str_is(json_str(d->arena, json_at(json_get(config, "old_secrets"), 0)),
               PLAIN));
    assert_false(str_is(json_str_of(d->arena, config, "secret"), PLAIN));
    assert_int_equal(count_old(d, doc, NOW + STANDARD_OVERLAP_MS - 1), 1);
    assert_int_equal(count_old(d, doc, NOW + STANDARD_OVERLAP_MS), 0);
    assert_false(holds(shown(d, doc, true), PLAIN));
    assert_true(holds(shown(d, doc, false), "\"old_secret_until\""));
}

/* What the receiver knows still signs, however often somebody asks. */
static void
a_rotation_after_another_keeps_what_signs_yet(void **state)
{
    struct desk *d = *state;
    struct json doc, config;
    bool makes;

    doc = stored(d, ASKED ",'secret':'" PLAIN "'}", (struct json){0}, &makes);
    doc = rotated(d, doc, NOW);
    doc = rotated(d, doc, NOW + 1000);
    config = read(d, doc).lane.config;
    assert_true(
        str_is(json_str(d->arena, json_at(json_get(config, "old_secrets"), 1)),
               PLAIN));
    assert_int_equal(count_old(d, doc, NOW + 1000), 2);
    assert_int_equal(count_old(d, doc, NOW + STANDARD_OVERLAP_MS), 1);
    for (int i = 0; i < 2 * STANDARD_OLD_MAX; i++)
        doc = rotated(d, doc, NOW + 2000);
    assert_int_equal(count_old(d, doc, NOW + 2000), STANDARD_OLD_MAX);
    doc = rotated(d, doc, NOW + 2 * STANDARD_OVERLAP_MS);
    assert_int_equal(count_old(d, doc, 0), 1); /* others are gone */
}

static void
what_was_disabled_is_forgiven_when_it_is_enabled(void **state)
{
    struct desk *d = *state;
    struct json doc;
    struct endpoint_doc e;
    bool makes;

    doc = stored(d, ASKED ",'disable_after':'1d'}", (struct json){0}, &makes);
    doc = parsed(d, endpoint_doc_failing(d->arena, doc, NOW - 1000));
    e = read(d, doc);
    assert_int_equal(e.failing_since_ms, NOW - 1000);
    assert_int_equal(e.disable_after_ms, 24 * 3600 * 1000);
    assert_true(e.lane.is_enabled);
    doc = parsed(
        d, endpoint_doc_disable(d->arena, doc, STR("endpoint.failing"), NOW));
    assert_false(read(d, doc).lane.is_enabled);
    assert_true(holds(shown(d, doc, false),
                      "\"disabled_reason\":\"endpoint.failing\""));
    doc = stored(d, ASKED ",'enabled':false}", doc, &makes);
    assert_true(holds(shown(d, doc, false), "disabled_at"));
    doc = stored(d, ASKED "}", doc, &makes);
    assert_false(makes);
    e = read(d, doc);
    assert_true(e.lane.is_enabled);
    assert_int_equal(e.failing_since_ms, 0);
    assert_false(holds(shown(d, doc, false), "disabled"));
}

static void
a_secret_of_another_endpoint_does_not_open(void **state)
{
    struct desk *d = *state;
    struct object o = {.tenant = 7, .key = STR("other"), .version = 1};
    struct endpoint_doc e;
    struct json doc;
    bool makes;

    doc = stored(d, ASKED "}", (struct json){0}, &makes);
    assert_int_equal(endpoint_doc_read(d->arena, d->vault, &o, doc, &e),
                     ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(what_is_stored_has_no_open_secret),
        DESK_TEST(a_secret_is_made_once_and_kept),
        DESK_TEST(a_rotation_keeps_the_old_one_for_a_day),
        DESK_TEST(a_rotation_after_another_keeps_what_signs_yet),
        DESK_TEST(what_was_disabled_is_forgiven_when_it_is_enabled),
        DESK_TEST(a_secret_of_another_endpoint_does_not_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
