/* router_test.c - who may ask what, and what becomes of odd requests. */
#include <stdio.h>
#include <stdlib.h>

#include "api/route.h"
#include "api_rig.h"

/* ---- who may ask ---- */

/* The path with something in each brace. */
static const char *
path_of(struct house *h, const struct route *r)
{
    struct str rest = str_from(r->path), part;
    struct buf b;

    buf_init(&b, h->arena);
    str_split(&rest, '/', &part);
    while (str_split(&rest, '/', &part)) {
        if (part.n > 0 && part.p[0] == '{')
            part = STR("k1");
        buf_printf(&b, "/%.*s", STR_ARG(part));
    }
    return str_cstr(h->arena, buf_str(&b));
}

enum whose { NOBODY, SOMEBODY, A_KEY, A_TOKEN };

/* 0: it is let in, whatever comes of it then. */
static int
wanted(const struct route *r, enum whose whose, unsigned scopes)
{
    if (r->auth == ROUTE_OPEN)
        return 0;
    if (whose == NOBODY)
        return r->auth == ROUTE_METRICS ? 0 : 401;
    if (whose == SOMEBODY)
        return 401;
    if (whose == A_TOKEN)
        return r->auth == ROUTE_USER ? 0 : 403;
    if (!(scopes & (r->scope | AUTH_ADMIN)))
        return 403;
    /* Only root knows of workspaces. */
    return strncmp(r->path, "/v1/workspaces", 14) == 0 ? 403 : 0;
}

static void
try_all(struct house *h, const char *what, const char *key, enum whose whose,
        unsigned scopes)
{
    for (const struct route *const *t = route_tables; *t; t++) {
        for (const struct route *r = *t; r->method; r++) {
            int want = wanted(r, whose, scopes);
            struct answer a;

            if (r->is_dev_only || (want == 0 && strstr(r->path, "/stream")))
                continue;
            a = ASK(h, r->method, path_of(h, r), key,
                    .body = r->body == ROUTE_BODY_JSON ? "{}" : NULL);
            if (want == 0 ? a.status == 401 || a.status == 403
                          : a.status != want)
                fail_msg("%s: %s %s: %d: %.*s", what, r->method, r->path,
                         a.status, STR_ARG(a.body));
            if (a.status == 401)
                assert_text(header_of(&a, "WWW-Authenticate"), "Bearer");
            if (a.status >= 400)
                assert_int_equal(header_of(&a, "X-Request-Id").n, 20);
        }
    }
}

static void
nobody_is_let_in_without_a_key(void **state)
{
    struct house *h = *state;

    try_all(h, "no key", NULL, NOBODY, 0);
    try_all(h, "empty", "", NOBODY, 0);
}

static void
nobody_is_let_in_with_a_wrong_key(void **state)
{
    struct house *h = *state;
    const char *key = make_key(h, NULL, "'admin'");
    const char *longer = str_cstr(h->arena, str_fmt(h->arena, "%sx", key));
    char *other = arena_copy(h->arena, key, strlen(key) + 1);

    other[strlen(other) - 1] ^= 1;
    try_all(h, "wrong secret", other, SOMEBODY, 0);
    try_all(h, "longer", longer, SOMEBODY, 0);
    other[strlen(other) - 1] ^= 1;
    other[5] ^= 1;
    try_all(h, "wrong id", other, SOMEBODY, 0);
    try_all(h, "no key at all", "rubbish", SOMEBODY, 0);
    try_all(h, "almost root", "a-root-key-of-more-than-32-character", SOMEBODY,
            0);
}

static void
each_scope_opens_its_own_routes(void **state)
{
    static const struct {
        const char *name;
        unsigned scope;
    } scopes[] = {{"'send'", AUTH_SEND},
                  {"'read'", AUTH_READ},
                  {"'write'", AUTH_WRITE},
                  {"'admin'", AUTH_ADMIN},
                  {"'metrics'", AUTH_METRICS}};
    struct house *h = *state;

    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        try_all(h, scopes[i].name, make_key(h, NULL, scopes[i].name), A_KEY,
                scopes[i].scope);
}

static void
a_user_s_token_opens_the_inbox_alone(void **state)
{
    struct house *h = *state;

    try_all(h, "token", make_token(h, "u1", 3600000), A_TOKEN, 0);
}

static void
what_has_expired_opens_nothing(void **state)
{
    struct house *h = *state;
    char time[TIME_TEXT_SIZE], body[100];
    const char *token = make_token(h, "u1", 5000);
    struct answer a;
    const char *key;

    snprintf(body, sizeof(body), "{'scopes':['admin'],'expires_at':'%.*s'}",
             STR_ARG(time_format(time, h->clock.now_ms + 5000)));
    a = must(h, 201, "POST", "/v1/keys", body);
    key = str_cstr(h->arena, text_of(h, &a, "key"));
    assert_int_equal(ASK(h, "GET", "/v1/users", key).status, 200);
    assert_int_equal(ASK(h, "GET", "/v1/inbox", token).status, 200);
    h->clock.now_ms += 5001;
    try_all(h, "expired key", key, SOMEBODY, 0);
    try_all(h, "expired token", token, SOMEBODY, 0);
}

static void
a_revoked_key_opens_nothing_at_once(void **state)
{
    struct house *h = *state;
    struct answer a = must(h, 201, "POST", "/v1/keys", "{'scopes':['read']}");
    const char *key = str_cstr(h->arena, text_of(h, &a, "key"));
    struct str path =
        str_fmt(h->arena, "/v1/keys/%.*s", STR_ARG(text_of(h, &a, "id")));

    assert_int_equal(ASK(h, "GET", "/v1/users", key).status, 200);
    must(h, 204, "DELETE", str_cstr(h->arena, path), NULL);
    assert_int_equal(ASK(h, "GET", "/v1/users", key).status, 401);
}

static void
root_names_its_workspace_and_others_cannot(void **state)
{
    struct house *h = *state;
    const char *in_b = "X-Belfry-Workspace: b\r\n";
    const char *key;

    assert_int_equal(ASK(h, "GET", "/v1/users", ROOT, in_b).status, 404);
    must(h, 201, "PUT", "/v1/workspaces/b", "{}");
    key = make_key(h, "b", "'admin'");
    assert_int_equal(
        ASK(h, "PUT", "/v1/users/u1", ROOT, in_b, "{'phone':'1'}").status, 201);
    assert_int_equal(ASK(h, "GET", "/v1/users/u1", ROOT, in_b).status, 200);
    assert_int_equal(ASK(h, "GET", "/v1/users/u1", ROOT).status, 404);
    /* A key of b stays in b, whatever it says. */
    assert_int_equal(
        ASK(h, "GET", "/v1/users/u1", key, "X-Belfry-Workspace: default\r\n")
            .status,
        200);
    must(h, 204, "DELETE", "/v1/workspaces/b", NULL);
    assert_int_equal(ASK(h, "GET", "/v1/users", key).status, 401);
    assert_int_equal(ASK(h, "GET", "/v1/users", ROOT, in_b).status, 404);
    must(h, 409, "DELETE", "/v1/workspaces/default", NULL);
}

static void
nothing_of_another_workspace_is_found(void **state)
{
    static const char *const puts[][2] = {
        {"/v1/users/x", "{'phone':'1'}"},
        {"/v1/providers/x", "{'channel':'email','driver':'null'}"},
        {"/v1/templates/x", "{'content':{'default':{'title':'t'}}}"},
    };
    struct house *h = *state;
    const char *other;
    struct answer a;
    char path[200];

    must(h, 201, "PUT", "/v1/workspaces/b", "{}");
    other = make_key(h, "b", "'admin'");
    for (size_t i = 0; i < 3; i++) {
        must(h, 201, "PUT", puts[i][0], puts[i][1]);
        assert_int_equal(ASK(h, "GET", puts[i][0], other).status, 404);
        assert_int_equal(ASK(h, "DELETE", puts[i][0], other).status, 404);
        must(h, 200, "GET", puts[i][0], NULL);
    }
    a = must(h, 202, "POST", "/v1/notifications", "{'to':'x','title':'t'}");
    snprintf(path, sizeof(path), "/v1/notifications/%.*s",
             STR_ARG(text_of(h, &a, "id")));
    must(h, 200, "GET", path, NULL);
    assert_int_equal(ASK(h, "GET", path, other).status, 404);
    a = ASK(h, "GET", "/v1/notifications", other);
    assert_int_equal(json_count(json_get(a.json, "data")), 0);
    a = ASK(h, "GET", "/v1/keys", other);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
    a = ASK(h, "GET", "/v1/inbox?user=x", other);
    assert_int_equal(json_count(json_get(a.json, "data")), 0);
    assert_int_equal(ASK(h, "POST", "/v1/notifications", other, NULL,
                         "{'to':'x','template':'x'}")
                         .status,
                     422);
}

/* ---- odd requests ---- */

static void
a_known_path_names_its_methods(void **state)
{
    struct house *h = *state;
    struct answer a = ASK(h, "PATCH", "/v1/providers/p", NULL);

    assert_int_equal(a.status, 405);
    assert_text(text_of(h, &a, "code"), "method_not_allowed");
    assert_text(header_of(&a, "Allow"), "PUT, GET, HEAD, DELETE");
    a = ASK(h, "POST", "/healthz", ROOT);
    assert_int_equal(a.status, 405);
    assert_text(header_of(&a, "Allow"), "GET, HEAD");
    assert_int_equal(ASK(h, "BREW", "/v1/users", ROOT).status, 405);
}

static void
an_unknown_path_is_not_found(void **state)
{
    static const char *const paths[] = {"/",
                                        "/v1",
                                        "/v1/",
                                        "/v1/users/",
                                        "/v1/users//",
                                        "/v1/users/a/",
                                        "/v1//users",
                                        "/V1/users",
                                        "/v1/users/%",
                                        "/v1/users/%zz",
                                        "/v1/users/%0",
                                        "/v1/users/%00",
                                        "/v1/users/%ff",
                                        "/v1/users/a/b",
                                        "/v1/dev/messages"};
    struct house *h = *state;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct answer a = ASK(h, "GET", paths[i], ROOT);

        if (a.status != 404)
            fail_msg("%s: %d", paths[i], a.status);
        assert_text(header_of(&a, "Content-Type"), "application/problem+json");
        assert_text(text_of(h, &a, "type"),
                    "http://belfry.test/docs/errors#not_found");
    }
}

static void
a_key_of_a_path_is_decoded_and_checked(void **state)
{
    struct house *h = *state;
    char path[400] = "/v1/users/";
    struct answer a;

    must(h, 201, "PUT", "/v1/users/a%40b.c%3A1", "{}");
    a = must(h, 200, "GET", "/v1/users/a@b.c:1", NULL);
    assert_text(text_of(h, &a, "id"), "a@b.c:1");
    must(h, 404, "PUT", "/v1/users/a%2Fb", "{}");
    must(h, 404, "PUT", "/v1/users/a%20b", "{}");
    must(h, 404, "PUT", "/v1/users/%C3%A4", "{}");
    memset(path + 10, 'k', 128);
    must(h, 201, "PUT", path, "{}");
    must(h, 200, "GET", path, NULL);
    path[138] = 'k';
    must(h, 404, "PUT", path, "{}");
}

static void
an_unknown_parameter_is_refused(void **state)
{
    struct house *h = *state;

    must(h, 422, "GET", "/v1/users?limits=5", NULL);
    must(h, 422, "GET", "/v1/users/u?limit=5", NULL);
    must(h, 422, "GET", "/v1/users?=5", NULL);
    must(h, 422, "GET", "/v1/users?limit=5&limit=500", NULL);
    must(h, 200, "GET", "/v1/users?", NULL);
    must(h, 200, "GET", "/v1/users?&limit=5&", NULL);
    must(h, 422, "POST", "/v1/notifications?to=u", "{'to':'u','title':'t'}");
}

static void
limits_and_cursors_are_checked(void **state)
{
    static const char *const bad[] = {"limit=0",
                                      "limit=101",
                                      "limit=-1",
                                      "limit=",
                                      "limit=x",
                                      "limit=1x",
                                      "limit=99999999999999999999",
                                      "after=",
                                      "after=abc",
                                      "after=%00",
                                      "after=AAAAAAAAAAAAAAAAAAAAAAAA"};
    static const char *const lists[] = {"/v1/users", "/v1/notifications",
                                        "/v1/deliveries", "/v1/keys",
                                        "/v1/workspaces"};
    struct house *h = *state;
    char path[200];

    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            snprintf(path, sizeof(path), "%s?%s", lists[l], bad[i]);
            must(h, 422, "GET", path, NULL);
        }
        snprintf(path, sizeof(path), "%s?limit=100", lists[l]);
        must(h, 200, "GET", path, NULL);
    }
}

static void
a_cursor_is_good_only_as_it_was_given(void **state)
{
    struct house *h = *state;
    const char *other;
    struct answer a;
    char path[200];
    struct str next;

    must(h, 201, "PUT", "/v1/users/a", "{}");
    must(h, 201, "PUT", "/v1/users/b", "{}");
    must(h, 201, "PUT", "/v1/users/c", "{}");
    must(h, 201, "PUT", "/v1/workspaces/b", "{}");
    other = make_key(h, "b", "'read'");
    a = must(h, 200, "GET", "/v1/users?limit=2", NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 2);
    next = text_of(h, &a, "next");
    snprintf(path, sizeof(path), "/v1/users?limit=2&after=%.*s", STR_ARG(next));
    assert_int_equal(ASK(h, "GET", path, other).status, 422);
    a = must(h, 200, "GET", path, NULL);
    assert_int_equal(json_count(json_get(a.json, "data")), 1);
    assert_true(json_is(json_get(a.json, "next"), JSON_NULL));
    for (size_t i = 25; path[i]; i++) {
        char was = path[i];

        path[i] = was == 'A' ? 'B' : 'A';
        if (i + 1 < strlen(path)) /* the last may hold bits that are unused */
            must(h, 422, "GET", path, NULL);
        path[i] = was;
    }
}

static void
a_body_is_what_the_route_takes(void **state)
{
    struct house *h = *state;
    struct answer a;

    a = ASK(h, "GET", "/v1/users", ROOT, NULL, "{}");
    assert_int_equal(a.status, 400);
    assert_int_equal(
        ASK(h, "PUT", "/v1/users/u", ROOT, "Content-Type: text/xml\r\n", "{}")
            .status,
        415);
    assert_int_equal(ASK(h, "POST", "/v1/notifications", ROOT,
                         "Content-Type: text/xml\r\n", "{}")
                         .status,
                     415);
    must(h, 201, "PUT", "/v1/users/u", "{}");
    assert_int_equal(ASK(h, "PUT", "/v1/users/u", ROOT,
                         "Content-Type: application/json; charset=utf-8\r\n",
                         "{}")
                         .status,
                     200);
    must(h, 400, "PUT", "/v1/users/u", NULL);
    must(h, 400, "PUT", "/v1/users/u", "{");
    must(h, 400, "PUT", "/v1/users/u", "{'phone':'1','phone':'2'}");
    must(h, 400, "PUT", "/v1/users/u", "{} x");
    must(h, 400, "PUT", "/v1/users/u", "{'phone':NaN}");
    must(h, 422, "PUT", "/v1/users/u", "[]");
    must(h, 422, "PUT", "/v1/users/u", "null");
    a = must(h, 422, "PUT", "/v1/users/u", "{'phone':7,'color':1}");
    assert_string_equal(faults_of(h, &a), "/phone /color");
}

static void
too_much_is_413(void **state)
{
    struct house *h = *state;
    struct buf b;
    struct answer a;

    buf_init(&b, h->arena);
    buf_put_cstr(&b, "{\"attributes\":{\"a\":\"");
    while (b.n < 70 * 1024)
        buf_put_char(&b, 'x');
    buf_put_cstr(&b, "\"}}");
    a = ASK(h, "PUT", "/v1/users/u", ROOT, .raw = buf_str(&b));
    assert_int_equal(a.status, 422);
    while (b.n <= 1 << 20)
        buf_put_char(&b, ' ');
    a = ASK(h, "PUT", "/v1/users/u", ROOT, .raw = buf_str(&b));
    assert_int_equal(a.status, 413);
    assert_text(text_of(h, &a, "code"), "too_large");
}

static void
head_is_get_without_the_body(void **state)
{
    struct house *h = *state;
    struct answer a;

    must(h, 201, "PUT", "/v1/users/u", "{}");
    a = ASK(h, "HEAD", "/v1/users/u", ROOT);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.n, 0);
    assert_text(header_of(&a, "ETag"), "\"1\"");
    assert_int_equal(ASK(h, "HEAD", "/v1/users/u", NULL).status, 401);
    assert_int_equal(ASK(h, "HEAD", "/v1/users/bulk", ROOT).status, 404);
}

static void
a_preflight_is_for_known_origins(void **state)
{
    struct house *h = *state;
    struct answer a = ASK(h, "OPTIONS", "/v1/inbox", NULL,
                          "Origin: https://app.example\r\n"
                          "Access-Control-Request-Method: GET\r\n"
                          "Access-Control-Request-Headers: authorization\r\n");

    assert_int_equal(a.status, 204);
    assert_text(header_of(&a, "Access-Control-Allow-Origin"),
                "https://app.example");
    a = ASK(h, "OPTIONS", "/v1/inbox", NULL,
            "Origin: https://evil.example\r\n"
            "Access-Control-Request-Method: GET\r\n");
    assert_int_equal(header_of(&a, "Access-Control-Allow-Origin").n, 0);
    a = ASK(h, "GET", "/v1/inbox", NULL, "Origin: https://app.example\r\n");
    assert_int_equal(a.status, 401);
    assert_text(header_of(&a, "Access-Control-Allow-Origin"),
                "https://app.example");
}

static void
readiness_ends_with_the_drain(void **state)
{
    struct house *h = *state;

    assert_int_equal(ASK(h, "GET", "/readyz", NULL).status, 200);
    h->is_draining = true;
    assert_int_equal(ASK(h, "GET", "/readyz", NULL).status, 503);
    assert_int_equal(ASK(h, "GET", "/healthz", NULL).status, 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(nobody_is_let_in_without_a_key),
        HOUSE_TEST(nobody_is_let_in_with_a_wrong_key),
        HOUSE_TEST(each_scope_opens_its_own_routes),
        HOUSE_TEST(a_user_s_token_opens_the_inbox_alone),
        HOUSE_TEST(what_has_expired_opens_nothing),
        HOUSE_TEST(a_revoked_key_opens_nothing_at_once),
        HOUSE_TEST(root_names_its_workspace_and_others_cannot),
        HOUSE_TEST(nothing_of_another_workspace_is_found),
        HOUSE_TEST(a_known_path_names_its_methods),
        HOUSE_TEST(an_unknown_path_is_not_found),
        HOUSE_TEST(a_key_of_a_path_is_decoded_and_checked),
        HOUSE_TEST(an_unknown_parameter_is_refused),
        HOUSE_TEST(limits_and_cursors_are_checked),
        HOUSE_TEST(a_cursor_is_good_only_as_it_was_given),
        HOUSE_TEST(a_body_is_what_the_route_takes),
        HOUSE_TEST(too_much_is_413),
        HOUSE_TEST(head_is_get_without_the_body),
        HOUSE_TEST(a_preflight_is_for_known_origins),
        HOUSE_TEST(readiness_ends_with_the_drain),
    };

    return cmocka_run_group_tests_name("api/router", tests, NULL, NULL);
}
