#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/api.h"
#include "api/route.h"
#include "base/arena_test.h"
#include "base/map.h"

static void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

static struct json
document(bool is_dev)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;
    struct buf out;

    buf_init(&out, arena);
    openapi_write("http://here", is_dev, &out);
    if (json_parse(arena, buf_str(&out), doc, &why) != ERR_OK)
        fail_msg("byte %zu: %s", why.at, why.why);
    return json_root(doc);
}

#define EACH_ROUTE(r)                                                          \
    for (const struct route *const *r##_t = route_tables; *r##_t; r##_t++)     \
        for (const struct route *r = *r##_t; r->method; r++)

static struct json
operation_of(struct json doc, const struct route *r)
{
    char method[8] = "";

    for (size_t i = 0; r->method[i]; i++)
        method[i] = (char)(r->method[i] | 0x20);
    return json_get(json_get(json_get(doc, "paths"), r->path), method);
}

static void
every_route_is_told_of(void **state)
{
    struct json doc = document(true);
    struct map *ids = map_new();

    (void)state;
    assert_text(json_str_of(arena, doc, "openapi"), "3.1.0");
    EACH_ROUTE(r)
    {
        struct json o = operation_of(doc, r);
        struct json answers = json_get(o, "responses");

        if (!r->id || !r->summary || !r->handle || !r->statuses[0])
            fail_msg("%s %s lacks a part", r->method, r->path);
        assert_text(json_str_of(arena, o, "operationId"), r->id);
        assert_int_equal(r->summary[strlen(r->summary) - 1], '.');
        assert_null(map_put(ids, str_from(r->id), ids));
        for (const int *s = r->statuses; *s; s++) {
            char text[8];

            snprintf(text, sizeof(text), "%d", *s);
            assert_true(json_is(json_get(answers, text), JSON_OBJECT));
        }
        assert_true(json_is(json_get(answers, "default"), JSON_OBJECT));
        assert_int_equal(route_takes_body(r),
                         json_is(json_get(o, "requestBody"), JSON_OBJECT));
    }
    map_free(ids);
}

static bool
is_declared(struct json o, struct str name, const char *in)
{
    struct json list = json_get(o, "parameters");

    for (struct json p = json_first(list); !json_is(p, JSON_ABSENT);
         p = json_next(list, p))
        if (str_eq(json_str_of(arena, p, "name"), name) &&
            str_is(json_str_of(arena, p, "in"), in))
            return true;
    return false;
}

static void
every_parameter_is_declared(void **state)
{
    struct json doc = document(true);

    (void)state;
    EACH_ROUTE(r)
    {
        struct json o = operation_of(doc, r);
        struct str rest = str_from(r->path), part;
        size_t n = 0;

        while (str_split(&rest, '/', &part)) {
            if (part.n == 0 || part.p[0] != '{')
                continue;
            n++;
            assert_true(is_declared(o, str_sub(part, 1, part.n - 2), "path"));
        }
        assert_true(n <= 2); /* call.params */
        for (const char *const *q = r->query; q && *q; q++, n++)
            assert_true(is_declared(o, str_from(*q), "query"));
        assert_int_equal(json_count(json_get(o, "parameters")), n);
    }
}

static void
no_two_routes_are_one(void **state)
{
    (void)state;
    EACH_ROUTE(a)
    {
        size_t n = 0;

        EACH_ROUTE(b)
        {
            if (strcmp(a->method, b->method) == 0 &&
                strcmp(a->path, b->path) == 0)
                n++;
        }
        assert_int_equal(n, 1);
    }
}

static void
who_may_ask_is_told(void **state)
{
    struct json doc = document(true);

    (void)state;
    EACH_ROUTE(r)
    {
        struct json o = operation_of(doc, r);
        uint32_t n = json_count(json_get(o, "security"));

        assert_true(json_is(json_get(o, "security"), JSON_ARRAY));
        assert_int_equal(n > 0, r->auth != ROUTE_OPEN);
        if (r->auth != ROUTE_OPEN) {
            assert_true(r->scope != 0);
            assert_text(json_str_of(arena, o, "x-scope"),
                        auth_scope_name(r->scope));
        }
    }
}

static void
what_is_not_built_does_not_appear(void **state)
{
    struct json doc = document(true);

    (void)state;
    EACH_ROUTE(r)
    {
        struct json body = json_get(operation_of(doc, r), "requestBody");
        struct json of =
            json_get(json_get(json_first(json_get(body, "content")), "schema"),
                     "properties");

        for (const struct field *f = r->request; f && f->type != FIELD_END;
             f++) {
            bool has = json_is(json_get(of, f->name), JSON_OBJECT);

            if ((f->flags & FIELD_UNSUPPORTED) && has)
                fail_msg("%s of %s", f->name, r->path);
            if (!f->flags && r->body != ROUTE_BODY_PATCH && !has)
                fail_msg("no %s of %s", f->name, r->path);
        }
    }
}

static void
routes_of_development_are_told_of_there_only(void **state)
{
    struct json doc = document(false);

    (void)state;
    EACH_ROUTE(r)
    {
        assert_int_equal(json_is(operation_of(doc, r), JSON_OBJECT),
                         !r->is_dev_only);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_route_is_told_of),
        T(every_parameter_is_declared),
        T(no_two_routes_are_one),
        T(who_may_ask_is_told),
        T(what_is_not_built_does_not_appear),
        T(routes_of_development_are_told_of_there_only),
    };

    return cmocka_run_group_tests_name("api/openapi", tests, NULL, NULL);
}
