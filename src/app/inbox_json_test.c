#include "app/inbox_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const uint8_t key[ID_KEY_BYTES] = {1, 2, 3};
static const struct inbox_names names = {key, 5};

static void
a_cursor_survives_its_text(void **state)
{
    const struct inbox_cursor cursors[] = {
        {0, 0}, {0x6f1c, 1842}, {INT64_MAX, INT64_MAX}, {-1, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        char text[INBOX_CURSOR_SIZE];
        struct inbox_cursor c;

        assert_true(
            inbox_cursor_parse(inbox_cursor_format(text, cursors[i]), &c));
        assert_int_equal(c.epoch, cursors[i].epoch);
        assert_int_equal(c.rev, cursors[i].rev);
    }
}

static void
a_cursor_is_written_as_hex_dot_decimal(void **state)
{
    char text[INBOX_CURSOR_SIZE];

    (void)state;
    assert_true(
        str_is(inbox_cursor_format(text, (struct inbox_cursor){0x6f1c, 1842}),
               "6f1c.1842"));
}

static void
what_is_no_cursor_is_refused_and_changes_nothing(void **state)
{
    const struct str wrong[] = {
        STR(""),
        STR("."),
        STR("1."),
        STR(".1"),
        STR("1"),
        STR("1.-1"),
        STR("1.+1"),
        STR("01.1"),
        STR("1.01"),
        STR("1.1 "),
        STR(" 1.1"),
        STR("A.1"),
        STR("g.1"),
        STR("1.1.1"),
        STR("1.99999999999999999999"),
        STR("1.1\0"),
        STR("1\n.1"),
        STR("11111111111111111.1"),
        STR("\xff.\xfe"),
        STR("0x1.1"),
        STR("1.1111111111111111111111111111111111111111111111111111111111"),
    };
    struct inbox_cursor c = {42, 43};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(inbox_cursor_parse(wrong[i], &c));
    assert_false(inbox_cursor_parse(STR_NONE, &c));
    assert_int_equal(c.epoch, 42);
    assert_int_equal(c.rev, 43);
}

static void
changes_have_names(void **state)
{
    enum inbox_change c;

    (void)state;
    for (int i = INBOX_SEEN; i <= INBOX_UNARCHIVE; i++) {
        const char *name = inbox_change_name((enum inbox_change)i);

        assert_true(inbox_change_parse(str_from(name), &c));
        assert_int_equal(c, i);
    }
    assert_false(inbox_change_parse(STR("snooze"), &c));
}

static struct str
written(struct arena *a, const struct inbox_item *item)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, a);
    w = json_writer(&out);
    inbox_item_write(&names, a, item, &w);
    return buf_str(&out);
}

static void
an_item_keeps_the_senders_bytes_and_hides_the_inner_ids(void **state)
{
    const struct inbox_item item = {
        .id = (INT64_C(1) << 40) + 7,
        .notification = (INT64_C(1) << 40) + 6,
        .rev = 9,
        .created_ms = 1700000000000,
        .read_ms = 1700000001000,
        .category = STR("news"),
        .content = STR("{\"title\":\"a\\u0062\",\"body\":\"c\","
                       "\"actions\":[ ],\"data\":{\"x\" : 1.50}}"),
    };
    struct arena *a = arena_new();
    struct str text = written(a, &item);
    struct json_doc doc;
    struct json_error why;
    int64_t id;

    (void)state;
    assert_int_equal(json_parse(a, text, &doc, &why), ERR_OK);
    assert_true(
        id_parse(json_str_of(a, json_root(&doc), "id"), key, "itm", 5, &id));
    assert_int_equal(id, item.id);
    assert_true(id_parse(json_str_of(a, json_root(&doc), "notification_id"),
                         key, "ntf", 5, &id));
    assert_int_equal(id, item.notification);
    assert_true(
        str_is(json_raw(json_get(json_root(&doc), "data")), "{\"x\" : 1.50}"));
    assert_true(
        str_is(json_raw(json_get(json_root(&doc), "title")), "\"a\\u0062\""));
    assert_true(str_is(json_str_of(a, json_root(&doc), "read_at"),
                       "2023-11-14T22:13:21.000Z"));
    assert_true(json_is(json_get(json_root(&doc), "seen_at"), JSON_NULL));
    assert_true(str_is(json_raw(json_get(json_root(&doc), "blocks")), "[]"));
    arena_free(a);
}

static void
an_item_without_content_is_still_one(void **state)
{
    const struct inbox_item item = {.id = 1, .notification = 2};
    struct arena *a = arena_new();
    struct json_doc doc;
    struct json_error why;

    (void)state;
    assert_int_equal(json_parse(a, written(a, &item), &doc, &why), ERR_OK);
    assert_true(str_is(json_raw(json_get(json_root(&doc), "title")), "\"\""));
    assert_true(json_is(json_get(json_root(&doc), "category"), JSON_NULL));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_survives_its_text),
        cmocka_unit_test(a_cursor_is_written_as_hex_dot_decimal),
        cmocka_unit_test(what_is_no_cursor_is_refused_and_changes_nothing),
        cmocka_unit_test(changes_have_names),
        cmocka_unit_test(
            an_item_keeps_the_senders_bytes_and_hides_the_inner_ids),
        cmocka_unit_test(an_item_without_content_is_still_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
