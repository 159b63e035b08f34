#include "app/press_secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"

#define NOW INT64_C(1790000000000)
#define DAY STANDARD_OVERLAP_MS

struct desk {
    struct arena *arena;
    struct vault *vault;
};

static int
setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {7};
    static struct desk d;

    d.arena = arena_new();
    d.vault = vault_from(secret);
    *state = &d;
    return 0;
}

static int
teardown(void **state)
{
    struct desk *d = *state;

    vault_free(d->vault);
    arena_free(d->arena);
    return 0;
}

/* As its document has it. */
static struct press_secret
rotated(struct desk *d, struct press_secret s, int64_t now_ms)
{
    struct json_doc *doc = ARENA_NEW(d->arena, struct json_doc);
    struct json_error why;

    s = press_secret_rotate(&s, now_ms);
    assert_int_equal(
        json_parse(d->arena, press_secret_store(d->arena, &s), doc, &why),
        ERR_OK);
    return press_secret_read(json_root(doc));
}

static struct str
text(struct desk *d, int64_t tenant, struct press_secret s)
{
    return press_secret_text(d->vault, d->arena, tenant, &s);
}

/* Whether calls are signed with the secret that somebody was shown. */
static bool
signs(struct desk *d, struct press_secret s, struct press_secret shown,
      int64_t now_ms)
{
    struct standard_secrets all =
        press_secret_all(d->vault, d->arena, 7, &s, now_ms);
    struct str want = text(d, 7, shown);
    struct buf raw;

    buf_init(&raw, d->arena);
    assert_true(str_starts(want, STR("whsec_")));
    assert_true(buf_get_base64(&raw, str_sub(want, 6, want.n)));
    for (size_t i = 0; i < all.n; i++)
        if (str_eq(all.row[i], buf_str(&raw)))
            return true;
    return false;
}

static void
each_workspace_has_a_secret_of_its_own(void **state)
{
    struct desk *d = *state;
    struct press_secret s = press_secret_read((struct json){0});

    assert_int_equal(s.n, 0);
    assert_true(str_eq(text(d, 7, s), text(d, 7, s)));
    assert_false(str_eq(text(d, 7, s), text(d, 8, s)));
}

static void
the_one_before_a_rotation_signs_for_a_day(void **state)
{
    struct desk *d = *state;
    struct press_secret first = {0}, s = rotated(d, first, NOW);

    assert_false(str_eq(text(d, 7, s), text(d, 7, first)));
    assert_true(signs(d, s, s, NOW + DAY));
    assert_true(signs(d, s, first, NOW + DAY - 1));
    assert_false(signs(d, s, first, NOW + DAY));
    assert_false(signs(d, first, s, NOW));
}

static void
those_before_several_sign_each_for_a_day(void **state)
{
    struct desk *d = *state;
    struct press_secret all[STANDARD_OLD_MAX + 2] = {{0}}, s;

    for (int i = 1; i < STANDARD_OLD_MAX + 2; i++)
        all[i] = rotated(d, all[i - 1], NOW + i);
    s = all[STANDARD_OLD_MAX + 1];
    assert_false(signs(d, s, all[0], NOW + 100)); /* there are too many */
    for (int i = 1; i <= STANDARD_OLD_MAX; i++) {
        assert_true(signs(d, s, all[i], NOW + i + DAY));
        assert_false(signs(d, s, all[i], NOW + i + 1 + DAY));
    }
}

static void
a_damaged_document_is_as_none(void **state)
{
    static const char *const rows[] = {
        "{}",           "{\"n\":-1}", "{\"n\":\"x\"}",
        "{\"n\":9e15}", "[]",         "{\"n\":-1,\"old_until\":[9e15]}"};
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_doc doc;
        struct json_error why;
        struct press_secret s;

        assert_int_equal(json_parse(d->arena, str_from(rows[i]), &doc, &why),
                         ERR_OK);
        s = press_secret_read(json_root(&doc));
        assert_int_equal(s.n, 0);
        assert_int_equal(press_secret_all(d->vault, d->arena, 7, &s, NOW).n, 1);
    }
}

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(each_workspace_has_a_secret_of_its_own),
        DESK_TEST(the_one_before_a_rotation_signs_for_a_day),
        DESK_TEST(those_before_several_sign_each_for_a_day),
        DESK_TEST(a_damaged_document_is_as_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
