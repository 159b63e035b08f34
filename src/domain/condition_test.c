#include "domain/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena_test.h"

/* Quotes are ' here. */
static struct json
json(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;
    char *copy = arena_copy(arena, text, strlen(text));

    for (size_t i = 0; i < strlen(text); i++)
        if (copy[i] == '\'')
            copy[i] = '"';
    assert_int_equal(
        json_parse(arena, (struct str){copy, strlen(text)}, doc, &why), ERR_OK);
    return json_root(doc);
}

static const char data[] =
    "{'total':'99.90','n':3,'plan':'pro','vip':true,'gone':null,"
    "'tags':['a','b'],'items':[{'sku':7}],'at':'2026-05-01T00:00:00.000Z'}";

static const char *const names[] = {"data", "user", NULL};

static bool
holds(const char *condition)
{
    struct condition_root roots[] = {
        {"data", json(data)},
        {"user", json("{'locale':'de'}")},
        {"flags", json("{'a.b':true,'off':false}")},
    };
    struct problem p;

    problem_init(&p, arena);
    condition_check(json(condition), names, STR(""), &p);
    if (problem_is_set(&p))
        fail_msg("%s: %.*s", condition, STR_ARG(p.errors[0].detail));
    return condition_holds(arena, json(condition), roots, 3);
}

static void
each_op_answers_as_it_is_named(void **state)
{
    static const struct {
        const char *condition;
        bool holds;
    } rows[] = {
        {"{'path':'data.plan','op':'eq','value':'pro'}", true},
        {"{'path':'data.plan','op':'eq','value':'basic'}", false},
        {"{'path':'data.plan','op':'ne','value':'basic'}", true},
        {"{'path':'user.locale','op':'eq','value':'de'}", true},
        {"{'path':'data.n','op':'eq','value':3.0}", true},
        {"{'path':'data.n','op':'eq','value':'3'}", true},
        {"{'path':'data.total','op':'eq','value':'99.9'}", false},
        {"{'path':'data.total','op':'eq','value':99.9}", true},
        {"{'path':'data.total','op':'gt','value':'99.8999999999999999'}", true},
        {"{'path':'data.total','op':'gte','value':'99.9'}", true},
        {"{'path':'data.total','op':'lt','value':100}", true},
        {"{'path':'data.total','op':'lte','value':99}", false},
        {"{'path':'data.at','op':'lt','value':'2026-06-01T00:00:00.000Z'}",
         true},
        {"{'path':'data.vip','op':'eq','value':true}", true},
        {"{'path':'data.vip','op':'eq','value':'true'}", false},
        {"{'path':'data.vip','op':'gt','value':0}", false},
        {"{'path':'data.gone','op':'eq','value':null}", true},
        {"{'path':'data.gone','op':'exists'}", true},
        {"{'path':'data.none','op':'exists'}", false},
        {"{'path':'data.none','op':'exists','value':false}", true},
        {"{'path':'data.none','op':'eq','value':null}", false},
        {"{'path':'data.none','op':'ne','value':null}", true},
        {"{'path':'data.none','op':'lt','value':5}", false},
        {"{'path':'data.tags','op':'contains','value':'b'}", true},
        {"{'path':'data.tags','op':'contains','value':'c'}", false},
        {"{'path':'data.plan','op':'contains','value':'ro'}", true},
        {"{'path':'data.plan','op':'in','value':['free','pro']}", true},
        {"{'path':'data.n','op':'in','value':[1,2]}", false},
        {"{'path':'data.items.0.sku','op':'eq','value':7}", true},
        {"{'path':'data.items.1.sku','op':'exists'}", false},
        {"{'path':'data.items.x','op':'exists'}", false},
        {"{'path':'data.at.all','op':'exists'}", false},
        {"{'path':'data.','op':'exists'}", true},
        {"{'flag':'a.b'}", true},
        {"{'flag':'off'}", false},
        {"{'flag':'none'}", false},
        {"{'not':{'flag':'none'}}", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (holds(rows[i].condition) != rows[i].holds)
            fail_msg("%s", rows[i].condition);
}

#define YES "{'path':'data.n','op':'eq','value':3}"
#define NO "{'path':'data.n','op':'eq','value':4}"

static void
groups_nest(void **state)
{
    (void)state;
    assert_true(holds("{'all':[" YES "," YES "]}"));
    assert_false(holds("{'all':[" YES "," NO "]}"));
    assert_true(holds("{'any':[" NO "," YES "]}"));
    assert_false(holds("{'any':[" NO "," NO "]}"));
    assert_true(holds("{'not':" NO "}"));
    assert_true(holds("{'not':{'any':[" NO ",{'all':[" YES "," NO "]}]}}"));
}

static void
what_makes_no_sense_is_refused_where_it_stands(void **state)
{
    static const struct {
        const char *condition, *pointer;
    } rows[] = {
        {"[]", ""},
        {"{}", "/path"},
        {"{'path':'data.n'}", "/op"},
        {"{'path':'total','op':'exists'}", "/path"},
        {"{'path':'database.n','op':'exists'}", "/path"},
        {"{'path':'.data','op':'exists'}", "/path"},
        {"{'path':'data.n','op':'like','value':1}", "/op"},
        {"{'path':'data.n','op':'eq'}", "/value"},
        {"{'path':'data.n','op':'in','value':3}", "/value"},
        {"{'path':'data.n','op':'exists','value':3}", "/value"},
        {"{'all':[]}", "/all"},
        {"{'flag':7}", "/flag"},
        {"{'flag':'a','op':'eq'}", "/op"},
        {"{'all':[" YES ",{'any':[7]}]}", "/all/1/any/0"},
        {"{'not':" YES ",'any':[]}", ""},
        {"{'not':{'not':{'not':{'not':{'not':{'not':{'not':{'not':" YES
         "}}}}}}}}",
         "/not/not/not/not/not/not/not/not"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p;

        problem_init(&p, arena);
        condition_check(json(rows[i].condition), names, STR(""), &p);
        if (!problem_is_set(&p) ||
            !str_is(p.errors[0].pointer, rows[i].pointer))
            fail_msg("%s: %.*s", rows[i].condition,
                     STR_ARG(p.errors[0].pointer));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_op_answers_as_it_is_named),
        T(groups_nest),
        T(what_makes_no_sense_is_refused_where_it_stands),
    };

    return cmocka_run_group_tests_name("domain/condition", tests, NULL, NULL);
}
