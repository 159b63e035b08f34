#include "cli/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

#define THINGS_MAX 20

/* Two sides; a row is {kind, key, document}, and the file's text where that is
 * another one. They are by kind and key, as things_of_...() makes them. */
struct side {
    struct thing all[THINGS_MAX];
    struct things things;
};

static struct side server, files;

static struct json
parse(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;

    assert_int_equal(
        json_parse(arena, str_dup(arena, str_from(text)), doc, &why), ERR_OK);
    return json_root(doc);
}

static struct thing *
put(struct side *s, enum kind_id kind, const char *key, const char *doc)
{
    struct thing *t = &s->all[s->things.n++];

    *t = (struct thing){
        .kind = kind,
        .key = str_from(key),
        .doc = parse(doc),
        .written = parse(doc),
        .file = str_fmt(arena, "%s.json", key),
    };
    s->things.has[kind] = true;
    return t;
}

static int
set_up_sides(void **state)
{
    server = files = (struct side){.things = {0}};
    server.things.all = server.all;
    files.things.all = files.all;
    return set_up(state);
}

/* "create key, delete key" */
static const char *
planned(struct plan_options options)
{
    struct plan p;
    struct str why;
    struct buf out;

    buf_init(&out, arena);
    if (plan_make(arena, &server.things, &files.things, options, &p, &why) !=
        ERR_OK)
        return str_cstr(arena, why);
    for (size_t i = 0; i < p.n; i++)
        buf_printf(&out, "%s%s %.*s", i > 0 ? ", " : "",
                   plan_action_name(p.steps[i].action),
                   STR_ARG(plan_subject(&p.steps[i])->key));
    return str_cstr(arena, buf_str(&out));
}

static void
what_is_there_already_is_left_alone(void **state)
{
    (void)state;
    put(&server, KIND_CATEGORY, "a", "{\"x\":[1],\"y\":2}");
    put(&server, KIND_CATEGORY, "b", "{}");
    put(&files, KIND_CATEGORY, "a", "{\"y\":2,\"x\":[1]}");
    put(&files, KIND_CATEGORY, "b", "{\"z\":1}");
    put(&files, KIND_CATEGORY, "c", "{}");
    assert_string_equal(planned((struct plan_options){0}),
                        "change b, create c");
}

static void
layouts_come_before_what_stands_in_them(void **state)
{
    (void)state;
    put(&files, KIND_TEMPLATE, "a", "{\"layout\":\"c\"}");
    put(&files, KIND_TEMPLATE, "b", "{\"layout\":\"a\"}");
    put(&files, KIND_TEMPLATE, "c", "{\"layout\":\"elsewhere\"}");
    /* These two have none that is first. */
    put(&files, KIND_TEMPLATE, "x", "{\"layout\":\"y\"}");
    put(&files, KIND_TEMPLATE, "y", "{\"layout\":\"x\"}");
    assert_string_equal(planned((struct plan_options){0}),
                        "create c, create a, create b, create y, create x");
}

static void
deletions_are_last_and_the_other_way_round(void **state)
{
    (void)state;
    put(&server, KIND_PROVIDER, "p", "{}");
    put(&server, KIND_TEMPLATE, "t", "{}");
    put(&server, KIND_TEMPLATE, "u", "{}");
    put(&server, KIND_WORKFLOW, "w", "{}");
    put(&files, KIND_CATEGORY, "new", "{}");
    files.things.has[KIND_TEMPLATE] = files.things.has[KIND_PROVIDER] = true;
    /* Of workflows there is no folder: they are none of the files' business. */
    assert_string_equal(planned((struct plan_options){.deletes = true}),
                        "create new, delete u, delete t, delete p");
    assert_string_equal(planned((struct plan_options){0}), "create new");
}

static void
a_draft_that_is_right_needs_only_to_be_published(void **state)
{
    (void)state;
    put(&server, KIND_TEMPLATE, "t", "{\"v\":1}")->draft = parse("{\"v\":2}");
    put(&files, KIND_TEMPLATE, "t", "{\"v\":2}");
    assert_string_equal(planned((struct plan_options){0}), "publish t");
    files.all[0].doc = parse("{\"v\":3}");
    assert_string_equal(planned((struct plan_options){0}), "change t");
    files.all[0].doc = parse("{\"v\":1}");
    assert_string_equal(planned((struct plan_options){0}), "");
}

static void
secrets_are_taken_for_the_same_unless_they_are_set(void **state)
{
    struct thing *t;

    (void)state;
    put(&server, KIND_PROVIDER, "p", "{\"config\":{\"password\":\"***\"}}");
    t = put(&files, KIND_PROVIDER, "p",
            "{\"config\":{\"password\":\"${PASSWORD}\"}}");
    t->doc = parse("{\"config\":{\"password\":\"s3cret\"}}");
    assert_string_equal(planned((struct plan_options){0}), "");
    assert_string_equal(planned((struct plan_options){.sets_secrets = true}),
                        "change p");
    t->doc = t->written = server.all[0].doc;
    assert_string_equal(planned((struct plan_options){.sets_secrets = true}),
                        "");
}

static void
a_new_provider_needs_its_secrets(void **state)
{
    (void)state;
    put(&files, KIND_PROVIDER, "p", "{\"config\":{\"password\":\"***\"}}");
    assert_non_null(strstr(planned((struct plan_options){0}), "p.json"));
    assert_non_null(strstr(planned((struct plan_options){0}), "${NAME}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up_sides, tear_down)
        IT(what_is_there_already_is_left_alone),
        IT(layouts_come_before_what_stands_in_them),
        IT(deletions_are_last_and_the_other_way_round),
        IT(a_draft_that_is_right_needs_only_to_be_published),
        IT(secrets_are_taken_for_the_same_unless_they_are_set),
        IT(a_new_provider_needs_its_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
