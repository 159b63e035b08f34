#include "realtime/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const uint8_t key[ID_KEY_BYTES] = {9};
static const struct inbox_names names = {key, 3};

static void
data_cannot_forge_a_field(void **state)
{
    struct buf out = {0};

    (void)state;
    frame_put(&out, "x", STR("1"), STR("a\nid: 9\rdata: b\r\nevent: c\n\nd"));
    assert_true(str_is(buf_str(&out),
                       "event: x\nid: 1\ndata: a\ndata: id: 9\n"
                       "data: data: b\ndata: event: c\ndata: \ndata: d\n\n"));
    buf_fini(&out);
}

static void
line_ends_at_the_edges_are_lines_of_their_own(void **state)
{
    struct buf out = {0};

    (void)state;
    frame_put(&out, "x", STR_NONE, STR("\r"));
    frame_put(&out, "x", STR_NONE, STR("\n\r"));
    frame_put(&out, "x", STR_NONE, STR_NONE);
    assert_true(str_is(buf_str(&out), "event: x\ndata: \ndata: \n\n"
                                      "event: x\ndata: \ndata: \ndata: \n\n"
                                      "event: x\ndata: \n\n"));
    buf_fini(&out);
}

static void
hello_says_where_the_reader_is(void **state)
{
    const struct frame_hello h = {
        .at = {0x6f1c, 1842},
        .heartbeat_ms = 25000,
        .max_age_ms = 1800000,
        .counts = {2, 7},
        .is_resumed = true,
        .n_missed = 3,
    };
    struct buf out = {0};

    (void)state;
    frame_put_retry(&out, 3217);
    frame_put_hello(&out, &h);
    assert_true(
        str_is(buf_str(&out),
               "retry: 3217\nevent: hello\nid: 6f1c.1842\n"
               "data: {\"v\":1,\"epoch\":\"6f1c\",\"rev\":1842,\"hb\":25000,"
               "\"max_age\":1800000,\"counts\":{\"unseen\":2,\"unread\":7},"
               "\"resumed\":true,\"missed\":3}\n\n"));
    buf_fini(&out);
}

static struct str
event_text(struct arena *a, const struct inbox_event *e)
{
    struct buf out;

    buf_init(&out, a);
    frame_put_event(&out, a, &names, 0x6f, e);
    return buf_str(&out);
}

static void
marks_of_named_items_name_them(void **state)
{
    const int64_t ids[] = {77};
    const struct inbox_event e = {
        .rev = 5,
        .kind = INBOX_EVENT_STATE,
        .change = INBOX_READ,
        .ids = ids,
        .n_ids = 1,
        .at_ms = 1700000000000,
        .counts = {1, 2},
    };
    struct arena *a = arena_new();
    char id[ID_TEXT_MAX];
    struct str want = str_fmt(
        a,
        "event: item.state\nid: 6f.5\ndata: {\"ids\":[\"%.*s\"],"
        "\"change\":\"read\",\"state\":{\"read_at\":\"2023-11-14T22:13:20.000Z"
        "\"},\"counts\":{\"unseen\":1,\"unread\":2}}\n\n",
        STR_ARG(id_format(id, key, "itm", 3, 77)));

    (void)state;
    assert_true(str_eq(event_text(a, &e), want));
    arena_free(a);
}

static void
marks_of_all_say_up_to_where(void **state)
{
    const struct inbox_event e = {
        .rev = 5,
        .kind = INBOX_EVENT_ALL,
        .change = INBOX_UNARCHIVE,
        .before_rev = 4,
        .at_ms = 1700000000000,
    };
    struct arena *a = arena_new();

    (void)state;
    assert_true(str_is(
        event_text(a, &e),
        "event: items.state\nid: 6f.5\ndata: {\"filter\":{\"all\":true,"
        "\"before_rev\":4},\"change\":\"unarchive\",\"state\":"
        "{\"archived_at\":null},\"counts\":{\"unseen\":0,\"unread\":0}}\n\n"));
    arena_free(a);
}

static void
a_line_end_in_the_senders_json_stays_in_its_frame(void **state)
{
    const struct inbox_event e = {
        .rev = 5,
        .kind = INBOX_EVENT_ITEM,
        .item = {.id = 1,
                 .notification = 2,
                 .content = STR("{\"title\":\"t\",\"body\":\"b\","
                                "\"actions\":[],\"data\":{\n\r\n\"id\"\r:1}}")},
    };
    struct arena *a = arena_new();
    struct str text = event_text(a, &e), line;
    size_t n_ids = 0, n_blank = 0;

    (void)state;
    assert_ptr_equal(memchr(text.p, '\r', text.n), NULL);
    while (str_split(&text, '\n', &line)) {
        n_ids += str_starts(line, STR("id:"));
        n_blank += line.n == 0;
        assert_true(line.n == 0 || str_starts(line, STR("id: 6f.5")) ||
                    str_starts(line, STR("event: item.upsert")) ||
                    str_starts(line, STR("data: ")));
    }
    assert_int_equal(n_ids, 1);
    assert_int_equal(n_blank, 2); /* the end of the frame, and of the text */
    arena_free(a);
}

static void
heartbeats_carry_the_position(void **state)
{
    struct buf out = {0};

    (void)state;
    frame_put_heartbeat(&out, 12, false);
    frame_put_heartbeat(&out, 12, true);
    assert_true(
        str_is(buf_str(&out), ": hb 12\n\nevent: hb\ndata: {\"rev\":12}\n\n"));
    buf_fini(&out);
}

static void
reset_and_bye_say_why(void **state)
{
    struct buf out = {0};

    (void)state;
    frame_put_reset(&out, "gap", (struct inbox_cursor){1, 2},
                    (struct inbox_counts){3, 4});
    frame_put_bye(&out, BYE_DRAIN, 6120);
    assert_true(str_is(
        buf_str(&out),
        "event: reset\nid: 1.2\ndata: {\"why\":\"gap\",\"counts\":"
        "{\"unseen\":3,\"unread\":4}}\n\n"
        "retry: 6120\nevent: bye\ndata: {\"code\":4001,\"reason\":\"drain\","
        "\"reconnect\":true,\"after_ms\":6120}\n\n"));
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_cannot_forge_a_field),
        cmocka_unit_test(line_ends_at_the_edges_are_lines_of_their_own),
        cmocka_unit_test(hello_says_where_the_reader_is),
        cmocka_unit_test(marks_of_named_items_name_them),
        cmocka_unit_test(marks_of_all_say_up_to_where),
        cmocka_unit_test(a_line_end_in_the_senders_json_stays_in_its_frame),
        cmocka_unit_test(heartbeats_carry_the_position),
        cmocka_unit_test(reset_and_bye_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
