#include "realtime/hub_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "base/metrics.h"
#include "realtime/hub_private.h"

/* ---- opening ---- */

static void
a_new_stream_is_told_where_it_is(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_store(&w, 1);
    world_store(&w, 1);
    world_open(&w, &c, "");
    client_expect(&c, "\r\n\r\nretry: ");
    client_expect(&c, "event: hello\nid: 6f1c.2\ndata: {\"v\":1,"
                      "\"epoch\":\"6f1c\",\"rev\":2,\"hb\":25000,");
    client_expect(&c, "\"counts\":{\"unseen\":2,\"unread\":2},"
                      "\"resumed\":false,\"missed\":0}\n\n");
    world_commit(&w, "u1", 1);
    client_expect(&c, "event: item.upsert\nid: 6f1c.3\ndata: {\"item\":");
    assert_int_equal(world_check_order(&c), 3);
    client_close(&c);
    world_stop(&w);
}

static void
events_reach_each_stream_of_their_user_and_nobody_else(void **state)
{
    struct world w = {0};
    struct client one, two, other;

    (void)state;
    world_start(&w);
    world_join(&w, &one, "");
    world_join(&w, &two, "");
    world_join(&w, &other, "user=u2");
    assert_int_equal(hub_streams(w.hub), 3);
    world_commit(&w, "u1", 1);
    client_expect(&one, "id: 6f1c.1\n");
    client_expect(&two, "id: 6f1c.1\n");
    loop_turn(w.net.loop, 0);
    assert_false(client_has(&other, "item.upsert"));
    client_close(&one);
    client_close(&two);
    client_close(&other);
    world_stop(&w);
}

static void
nothing_is_copied_while_nobody_listens(void **state)
{
    const struct store_notice n = {
        .kind = STORE_NOTICE_INBOX, .tenant = 1, .user = STR("u1")};
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    hubs_on_commit(w.hubs, &n, 1); /* has no event to copy */
    world_join(&w, &c, "user=u2");
    hubs_on_commit(w.hubs, &n, 1);
    client_close(&c);
    world_stop(&w);
}

static void
who_comes_back_gets_what_was_missed(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    for (int i = 0; i < 5; i++)
        world_store(&w, 1);
    world_open(&w, &c, "last=6f1c.3");
    client_expect(&c, "event: hello\nid: 6f1c.3\n");
    client_expect(&c, "\"resumed\":true,\"missed\":2}\n");
    client_expect(&c, "id: 6f1c.5\n");
    world_commit(&w, "u1", 1);
    client_expect(&c, "id: 6f1c.6\n");
    assert_int_equal(world_check_order(&c), 6);
    assert_false(client_has(&c, "reset"));
    client_close(&c);
    world_stop(&w);
}

static void
who_missed_nothing_is_told_so(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_store(&w, 1);
    world_open(&w, &c, "last=6f1c.1");
    client_expect(&c, "id: 6f1c.1\n");
    client_expect(&c, "\"resumed\":true,\"missed\":0}\n");
    client_close(&c);
    world_stop(&w);
}

static void
news_during_a_replay_come_once_and_after_it(void **state)
{
    struct world w = {.is_held = true};
    struct client c;

    (void)state;
    world_start(&w);
    world_store(&w, 1);
    world_store(&w, 1);
    world_open_held(&w, &c, "last=6f1c.1");
    world_commit(&w, "u1", 1); /* will be in what is read, too */
    world_commit(&w, "u1", 1);
    for (int i = 0; i < 5; i++)
        loop_turn(w.net.loop, 0);
    w.rev = 3; /* the reader's snapshot was taken before the last commit */
    world_release(&w);
    w.rev = 4;
    client_expect(&c, "id: 6f1c.4\n");
    assert_int_equal(world_check_order(&c), 4);
    assert_int_equal(count_of(buf_str(&c.got), "item.upsert"), 3);
    client_close(&c);
    world_stop(&w);
}

static void
too_much_news_during_a_replay_is_a_reset(void **state)
{
    struct world w = {.is_held = true, .options = {.burst_frames = 3}};
    struct client c;

    (void)state;
    world_start(&w);
    world_open_held(&w, &c, "last=6f1c.0");
    for (int i = 0; i < 4; i++)
        world_commit(&w, "u1", 1);
    for (int i = 0; i < 5; i++)
        loop_turn(w.net.loop, 0);
    world_release(&w);
    client_expect(&c, RESET("overflow"));
    client_expect(&c, "\"resumed\":false,");
    world_commit(&w, "u1", 1);
    client_expect(&c, "id: 6f1c.5\n");
    assert_int_equal(world_check_order(&c), 5);
    client_close(&c);
    world_stop(&w);
}

static void
expect_reset(struct world *w, const char *query, const char *why)
{
    struct client c;

    world_open(w, &c, query);
    client_expect(&c, "\"resumed\":false,\"missed\":0}\n");
    client_expect(&c, why);
    assert_false(client_has(&c, "item.upsert"));
    assert_int_equal(world_check_order(&c), w->rev);
    client_close(&c);
}

static void
what_cannot_be_replayed_is_a_reset_that_says_why(void **state)
{
    struct world w = {.options = {.replay_bytes = 4096}};

    (void)state;
    world_start(&w);
    for (int i = 0; i < 3; i++)
        world_store(&w, 1);
    expect_reset(&w, "last=6f1c.4", RESET("gap"));
    expect_reset(&w, "last=6f1d.1", RESET("epoch"));
    expect_reset(&w, "last=%ff%fe", RESET("epoch"));
    expect_reset(&w, "last=1%0d%0aevent:%20bye", RESET("epoch"));
    w.events[1].item.notification = 0;
    expect_reset(&w, "last=6f1c.1", RESET("retention"));
    w.events[2].rev = 99;
    expect_reset(&w, "last=6f1c.2", RESET("gap"));
    world_store(&w, 5000);
    expect_reset(&w, "last=6f1c.3", RESET("overflow"));
    world_stop(&w);
}

static void
a_store_that_fails_is_an_answer_and_no_stream(void **state)
{
    struct world w = {.fails_with = ERR_TIMEOUT};
    struct client c;

    (void)state;
    world_start(&w);
    world_open(&w, &c, "");
    client_expect(&c, " 503 ");
    client_expect_close(&c);
    assert_int_equal(hub_streams(w.hub), 0);
    client_close(&c);
    world_stop(&w);
}

static void
who_leaves_while_the_store_is_read_leaves_nothing(void **state)
{
    struct world w = {.is_held = true};
    struct client c;

    (void)state;
    world_start(&w);
    world_open_held(&w, &c, "");
    world_commit(&w, "u1", 1);
    client_reset(&c);
    for (int i = 0; i < 5; i++)
        loop_turn(w.net.loop, 1);
    world_release(&w);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    assert_int_equal(hubs_streams(w.hubs), 0);
    world_stop(&w);
}

static void
who_leaves_gives_the_place_back(void **state)
{
    struct world w = {.limits = {.per_user = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    for (int i = 0; i < 3; i++) {
        world_join(&w, &c, "");
        client_close(&c);
        TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    }
    world_stop(&w);
}

/* ---- live ---- */

static void
an_event_that_is_told_twice_is_nothing_new(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    for (int i = 0; i < 4; i++)
        world_commit(&w, "u1", 1);
    client_expect(&c, "id: 6f1c.4\n");
    world_tell(&w, "u1", 4);
    world_tell(&w, "u1", 2);
    loop_turn(w.net.loop, 0);
    loop_turn(w.net.loop, 0);
    client_pump(&c);
    assert_int_equal(world_check_order(&c), 4);
    assert_int_equal(count_of(buf_str(&c.got), "item.upsert"), 4);
    assert_int_equal(w.n_replays, 0);
    client_close(&c);
    world_stop(&w);
}

static void
make_narrow(struct client *c)
{
    const int bytes = 256 * 1024;

    assert_int_equal(
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
}

/* So much that neither the sockets nor the queue can hold it. */
static void
flood(struct world *w)
{
    for (int i = 0; i < 300; i++) {
        world_commit(w, "u1", 60 * 1024);
        loop_turn(w->net.loop, 0);
        loop_turn(w->net.loop, 0);
    }
}

static void
a_slow_reader_is_reset_and_goes_on(void **state)
{
    struct world w = {.options = {.burst_bytes = 1}};
    struct client c, fast;

    (void)state;
    world_start(&w);
    world_open(&w, &c, "");
    make_narrow(&c);
    client_expect(&c, "hello");
    flood(&w);
    assert_int_equal(hub_streams(w.hub), 1);
    TURN_UNTIL(&w.net, world_check_order((client_pump(&c), &c)) == w.rev);
    assert_true(client_has(&c, RESET("overflow")));
    world_join(&w, &fast, "");
    world_commit(&w, "u1", 1);
    client_expect(&fast, "id: 6f1c.301\n");
    client_expect(&c, "id: 6f1c.301\n");
    assert_int_equal(world_check_order(&c), 301);
    client_close(&c);
    client_close(&fast);
    world_stop(&w);
}

static void
a_queue_never_grows_past_its_cap_and_one_frame(void **state)
{
    struct world w = {.options = {.heartbeat_ms = 64, .burst_bytes = 1}};
    struct client c;
    struct subscriber *s;

    (void)state;
    world_start(&w);
    world_open(&w, &c, "");
    make_narrow(&c);
    client_expect(&c, "hello");
    flood(&w);
    assert_false(list_is_empty(&w.hub->behind));
    s = CONTAINER_OF(w.hub->behind.next, struct subscriber, behind);
    assert_true(http_stream_queued_bytes(s->stream) <= 2 * 64 * 1024);
    TURN_UNTIL(&w.net, w.hub->n_behind_bytes > 0); /* the gauge has it */
    client_reset(&c);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    assert_true(list_is_empty(&w.hub->behind));
    TURN_UNTIL(&w.net, w.hub->n_behind_bytes == 0);
    world_stop(&w);
}

/* A batch that is told before anybody can read any of it. */
static void
a_burst_costs_a_ready_reader_nothing(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_open(&w, &c, "");
    make_narrow(&c);
    client_expect(&c, "hello");
    for (int i = 0; i < 100; i++)
        world_commit(&w, "u1", 60 * 1024);
    loop_turn(w.net.loop, 0);
    loop_turn(w.net.loop, 0);
    assert_false(list_is_empty(&w.hub->behind)); /* more than sockets hold */
    TURN_UNTIL(&w.net, world_check_order((client_pump(&c), &c)) == 100);
    assert_false(client_has(&c, "reset"));
    client_close(&c);
    world_stop(&w);
}

static void
a_reader_who_stays_behind_is_slow(void **state)
{
    struct world w = {.options = {.burst_ms = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    world_open(&w, &c, "");
    make_narrow(&c);
    client_expect(&c, "hello");
    for (int i = 0; i < 300; i++) {
        world_commit(&w, "u1", 60 * 1024);
        loop_turn(w.net.loop, 1);
        loop_turn(w.net.loop, 1);
    }
    TURN_UNTIL(&w.net, world_check_order((client_pump(&c), &c)) == 300);
    assert_true(client_has(&c, RESET("overflow")));
    client_close(&c);
    world_stop(&w);
}

static void
a_big_fan_out_goes_out_in_slices(void **state)
{
    struct world w = {.options = {.sends_a_turn = 2}};
    struct client c[7];

    (void)state;
    world_start(&w);
    for (int i = 0; i < 7; i++) {
        world_join(&w, &c[i], "");
    }
    world_commit(&w, "u1", 1);
    world_commit(&w, "u1", 1);
    loop_turn(w.net.loop, 0); /* comes in, and the first slice goes out */
    client_pump(&c[6]);
    assert_int_equal(world_check_order(&c[6]), 0);
    client_close(&c[3]); /* in the middle of it */
    for (int i = 0; i < 7; i++) {
        if (i == 3)
            continue;
        client_expect(&c[i], "id: 6f1c.2\n");
        assert_int_equal(world_check_order(&c[i]), 2);
        client_close(&c[i]);
    }
    world_stop(&w);
}

/* Eight of whom so many stay, left while the first was being told. */
static void
leave_in_the_middle(int n_staying)
{
    struct world w = {.options = {.sends_a_turn = 1}};
    struct client c[8];

    world_start(&w);
    for (int i = 0; i < 8; i++) {
        world_join(&w, &c[i], "");
    }
    world_commit(&w, "u1", 1);
    loop_turn(w.net.loop, 0);
    for (int i = 0; i < 8 - n_staying; i++)
        client_reset(&c[i]);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == (size_t)n_staying);
    for (int i = 8 - n_staying; i < 8; i++) {
        client_expect(&c[i], "id: 6f1c.1\n");
        client_close(&c[i]);
    }
    TURN_UNTIL(&w.net, w.hub->notice == NULL);
    world_stop(&w);
}

static void
readers_may_leave_in_the_middle_of_a_fan_out(void **state)
{
    (void)state;
    leave_in_the_middle(0);
    leave_in_the_middle(1);
    leave_in_the_middle(3);
}

static void
a_commit_goes_to_the_hubs_where_its_user_is(void **state)
{
    struct world w = {0};
    struct hub *first, *second;
    struct client one, two;

    (void)state;
    world_start(&w);
    first = w.hub;
    second = hub_new(&w.options);
    world_join(&w, &one, "");
    w.hub = second;
    world_join(&w, &two, "");
    world_commit(&w, "u1", 1);
    client_expect(&one, "id: 6f1c.1\n");
    client_expect(&two, "id: 6f1c.1\n");
    client_close(&one);
    TURN_UNTIL(&w.net, hub_streams(first) == 0);
    hub_free(first); /* nothing may be posted to it from here on */
    world_commit(&w, "u1", 1);
    client_expect(&two, "id: 6f1c.2\n");
    assert_int_equal(hubs_streams(w.hubs), 1);
    client_close(&two);
    world_stop(&w);
}

static void
events_that_are_too_many_to_keep_are_a_reset(void **state)
{
    struct world w = {.options = {.backlog_bytes = 4000}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    world_commit(&w, "u1", 1);
    world_commit(&w, "u1", 8000);
    client_expect(&c, RESET("overflow"));
    world_commit(&w, "u1", 1);
    client_expect(&c, "id: 6f1c.3\n");
    assert_int_equal(world_check_order(&c), 3);
    assert_int_equal(w.hub->n_backlog_bytes, 0);
    client_close(&c);
    world_stop(&w);
}

static void
marks_cross_threads_whole(void **state)
{
    int64_t ids[] = {5, 6};
    struct inbox_names names;
    struct world w = {0};
    char id[ID_TEXT_MAX];
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.events[0] = (struct inbox_event){.rev = 1,
                                       .kind = INBOX_EVENT_STATE,
                                       .change = INBOX_ARCHIVE,
                                       .ids = ids,
                                       .n_ids = 2,
                                       .at_ms = 1};
    world_tell(&w, "u1", 1);
    ids[0] = ids[1] = 0; /* they were borrowed for the call */
    client_expect(&c, "event: item.state\n");
    client_expect(&c, "\"state\":{\"archived_at\":\"1970-01-01T00:00:00.001Z");
    names = inbox_names_of(&w.app, 1);
    inbox_item_id(id, &names, 5);
    assert_true(client_has(&c, id));
    inbox_item_id(id, &names, 6);
    assert_true(client_has(&c, id));
    client_close(&c);
    world_stop(&w);
}

/* ---- time ---- */

static void
an_idle_stream_hears_its_position_now_and_then(void **state)
{
    struct world w = {.options = {.heartbeat_ms = 64}};
    struct client comments, events;
    int64_t first_ms;

    (void)state;
    world_start(&w);
    world_store(&w, 1);
    world_open(&w, &comments, "");
    world_open(&w, &events, "hb=event");
    client_expect(&comments, "\n: hb 1\n\n");
    first_ms = loop_now_ms(w.net.loop);
    client_expect(&events, "\nevent: hb\ndata: {\"rev\":1}\n\n");
    TURN_UNTIL(&w.net, (client_pump(&comments),
                        count_of(buf_str(&comments.got), ": hb 1") >= 3));
    /* 128, less what a busy machine held up the first. */
    assert_true(loop_now_ms(w.net.loop) - first_ms >= 60);
    client_close(&comments);
    client_close(&events);
    world_stop(&w);
}

static void
a_stream_ends_at_its_age_or_with_its_token(void **state)
{
    struct world w = {.options = {.heartbeat_ms = 64, .max_age_ms = 400}};
    struct client old, expired;

    (void)state;
    world_start(&w);
    world_open(&w, &old, "");
    world_open(&w, &expired, "ttl=30");
    client_expect(&expired, "{\"code\":4005,\"reason\":\"expired\"");
    client_expect_close(&expired);
    assert_false(client_has(&old, "bye"));
    client_expect(&old, "{\"code\":4002,\"reason\":\"max_age\"");
    client_expect_close(&old);
    assert_int_equal(hub_streams(w.hub), 0);
    client_close(&old);
    client_close(&expired);
    world_stop(&w);
}

/* ---- limits ---- */

static void
expect_status(struct world *w, const char *query, const char *status)
{
    struct client c;

    world_open(w, &c, query);
    client_expect(&c, status);
    client_close(&c);
}

static void
limits_are_kept_and_told_apart(void **state)
{
    struct world w = {
        .limits = {.max_connections = 4, .per_user = 2, .per_address = 3}};
    struct client c[4];

    (void)state;
    world_start(&w);
    world_join(&w, &c[0], "");
    world_join(&w, &c[1], "");
    expect_status(&w, "", " 429 ");
    world_join(&w, &c[2], "user=u2");
    expect_status(&w, "user=u3", " 429 ");
    world_join(&w, &c[3], "user=u3&address=10.0.0.9");
    expect_status(&w, "user=u4&address=10.0.0.8", " 503 ");
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    world_stop(&w);
}

static void
streams_are_opened_no_faster_than_the_rate(void **state)
{
    struct world w = {.limits = {.connect_rate = 2}};
    struct client c[3];

    (void)state;
    world_start(&w);
    world_join(&w, &c[0], "");
    world_join(&w, &c[1], "");
    expect_status(&w, "", " 503 ");
    w.clock.now_ms += 499;
    expect_status(&w, "", " 503 ");
    w.clock.now_ms += 1;
    world_join(&w, &c[2], "");
    expect_status(&w, "", " 503 ");
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    world_stop(&w);
}

/* ---- leaving ---- */

static void
a_drain_without_streams_is_done_at_once_but_not_within_the_call(void **state)
{
    struct world w = {0};

    (void)state;
    world_start(&w);
    world_drain(&w);
    assert_int_equal(w.n_drained, 0);
    loop_turn(w.net.loop, 0);
    loop_turn(w.net.loop, 0);
    assert_int_equal(w.n_drained, 1);
    world_stop(&w);
}

static void
a_drain_says_bye_to_all_and_lets_nobody_in(void **state)
{
    struct world w = {0};
    struct client c[5], late;

    (void)state;
    world_start(&w);
    for (int i = 0; i < 5; i++) {
        world_join(&w, &c[i], "");
    }
    w.is_held = true;
    world_open_held(&w, &late, "");
    world_drain(&w);
    expect_status(&w, "", " 503 ");
    for (int i = 0; i < 5; i++) {
        client_expect(&c[i], "event: bye\ndata: {\"code\":4001,"
                             "\"reason\":\"drain\",\"reconnect\":true,");
        client_expect_close(&c[i]);
    }
    assert_int_equal(w.n_drained, 0);
    world_release(&w);
    client_expect(&late, " 503 ");
    TURN_UNTIL(&w.net, w.n_drained == 1);
    loop_turn(w.net.loop, 30);
    assert_int_equal(w.n_drained, 1);
    for (int i = 0; i < 5; i++)
        client_close(&c[i]);
    client_close(&late);
    world_stop(&w);
}

static void
a_hub_may_go_with_everything_open(void **state)
{
    struct world w = {.is_held = true};
    struct client c[3];

    (void)state;
    world_start(&w);
    world_open_held(&w, &c[0], "");
    world_commit(&w, "u1", 1);
    world_release(&w);
    client_expect(&c[0], "hello");
    world_open_held(&w, &c[1], "user=u2");
    world_open_held(&w, &c[2], "");
    world_stop(&w);
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
}

static void
an_idle_stream_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct subscriber) + sizeof(struct hub_user) <= 256);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_stream_is_told_where_it_is),
        cmocka_unit_test(
            events_reach_each_stream_of_their_user_and_nobody_else),
        cmocka_unit_test(nothing_is_copied_while_nobody_listens),
        cmocka_unit_test(who_comes_back_gets_what_was_missed),
        cmocka_unit_test(who_missed_nothing_is_told_so),
        cmocka_unit_test(news_during_a_replay_come_once_and_after_it),
        cmocka_unit_test(too_much_news_during_a_replay_is_a_reset),
        cmocka_unit_test(what_cannot_be_replayed_is_a_reset_that_says_why),
        cmocka_unit_test(a_store_that_fails_is_an_answer_and_no_stream),
        cmocka_unit_test(who_leaves_while_the_store_is_read_leaves_nothing),
        cmocka_unit_test(who_leaves_gives_the_place_back),
        cmocka_unit_test(an_event_that_is_told_twice_is_nothing_new),
        cmocka_unit_test(a_slow_reader_is_reset_and_goes_on),
        cmocka_unit_test(a_queue_never_grows_past_its_cap_and_one_frame),
        cmocka_unit_test(a_burst_costs_a_ready_reader_nothing),
        cmocka_unit_test(a_reader_who_stays_behind_is_slow),
        cmocka_unit_test(a_big_fan_out_goes_out_in_slices),
        cmocka_unit_test(readers_may_leave_in_the_middle_of_a_fan_out),
        cmocka_unit_test(a_commit_goes_to_the_hubs_where_its_user_is),
        cmocka_unit_test(events_that_are_too_many_to_keep_are_a_reset),
        cmocka_unit_test(marks_cross_threads_whole),
        cmocka_unit_test(an_idle_stream_hears_its_position_now_and_then),
        cmocka_unit_test(a_stream_ends_at_its_age_or_with_its_token),
        cmocka_unit_test(limits_are_kept_and_told_apart),
        cmocka_unit_test(streams_are_opened_no_faster_than_the_rate),
        cmocka_unit_test(
            a_drain_without_streams_is_done_at_once_but_not_within_the_call),
        cmocka_unit_test(a_drain_says_bye_to_all_and_lets_nobody_in),
        cmocka_unit_test(a_hub_may_go_with_everything_open),
        cmocka_unit_test(an_idle_stream_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
