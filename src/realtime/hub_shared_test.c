/* hub_shared_test.c - streams of a hub whose process is not the only one that
 * writes to the store. */
#include "realtime/hub_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "realtime/hub_private.h"

static void
turn(struct world *w)
{
    for (int i = 0; i < 6; i++)
        loop_turn(w->net.loop, 0);
}

static size_t
upserts(struct client *c)
{
    client_pump(c);
    return count_of(buf_str(&c->got), "item.upsert");
}

static void
expect_rev(struct client *c, int64_t rev)
{
    char text[40];

    snprintf(text, sizeof(text), "id: %x.%lld\n", (unsigned)EPOCH,
             (long long)rev);
    client_expect(c, text);
    assert_int_equal(world_check_order(c), rev);
}

static void
end(struct world *w, struct client *c)
{
    client_close(c);
    world_stop(w);
}

/* ---- gaps ---- */

static void
a_bell_brings_what_another_process_committed(void **state)
{
    struct world w = {0};
    struct client one, two;

    (void)state;
    world_start(&w);
    world_join(&w, &one, "");
    world_join(&w, &two, "");
    for (int i = 0; i < 3; i++)
        world_store(&w, 1);
    world_bell(&w, "u1", 3);
    expect_rev(&one, 3);
    expect_rev(&two, 3);
    assert_int_equal(upserts(&one), 3);
    assert_int_equal(upserts(&two), 3);
    assert_int_equal(w.n_replays, 1);
    world_commit(&w, "u1", 1); /* its own go the short way again */
    expect_rev(&one, 4);
    assert_int_equal(w.n_replays, 1);
    client_close(&two);
    end(&w, &one);
}

static void
a_bell_for_nobody_here_is_not_heard(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_bell(&w, "u1", 1);
    world_join(&w, &c, "user=u2");
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    turn(&w);
    assert_int_equal(w.n_replays, 0);
    assert_int_equal(upserts(&c), 0);
    end(&w, &c);
}

static void
an_own_event_beyond_a_gap_waits_for_what_is_before_it(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    world_commit(&w, "u1", 1);
    world_store(&w, 1);
    world_store(&w, 1);
    world_commit(&w, "u1", 1);
    expect_rev(&c, 4);
    assert_int_equal(upserts(&c), 4);
    assert_false(client_has(&c, "reset"));
    assert_int_equal(w.n_replays, 1);
    end(&w, &c);
}

static void
own_events_out_of_order_are_told_in_order(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    for (int i = 0; i < 3; i++)
        world_store(&w, 1);
    world_tell(&w, "u1", 3);
    world_tell(&w, "u1", 1);
    world_tell(&w, "u1", 2);
    expect_rev(&c, 3);
    turn(&w);
    assert_int_equal(upserts(&c), 3);
    assert_false(client_has(&c, "reset"));
    end(&w, &c);
}

static void
bells_that_are_late_or_doubled_cost_nothing(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    world_commit(&w, "u1", 1);
    world_commit(&w, "u1", 1);
    expect_rev(&c, 2);
    world_bell(&w, "u1", 2);
    world_bell(&w, "u1", 1);
    world_bell(&w, "u1", 2);
    turn(&w);
    assert_int_equal(w.n_replays, 0);
    assert_int_equal(upserts(&c), 2);
    end(&w, &c);
}

static void
a_storm_of_bells_is_two_reads(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.is_held = w.looks_early = true;
    for (int i = 0; i < 200; i++) {
        world_store(&w, 1);
        world_bell(&w, "u1", w.rev);
        if (i % 7 == 0)
            loop_turn(w.net.loop, 0);
        assert_true(w.n_held <= 1);
    }
    turn(&w);
    world_release(&w); /* a look at the first */
    turn(&w);
    assert_int_equal(w.n_held, 1);
    world_release(&w);
    expect_rev(&c, 200);
    assert_int_equal(upserts(&c), 200);
    assert_int_equal(w.n_replays, 2);
    assert_int_equal(w.n_held, 0);
    end(&w, &c);
}

static void
events_go_on_while_a_read_is_under_way(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.is_held = w.looks_early = w.has_gap = true;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    turn(&w);
    world_tell(&w, "u1", 1); /* it was our own */
    world_commit(&w, "u1", 1);
    expect_rev(&c, 2);
    world_release(&w); /* a gap, which the events have filled */
    w.looks_early = w.has_gap = false;
    turn(&w);
    assert_int_equal(upserts(&c), 2);
    assert_int_equal(w.n_held, 0);
    world_store(&w, 1);
    world_commit(&w, "u1", 1); /* 4: beyond a gap */
    turn(&w);
    world_commit(&w, "u1", 1); /* 5: will be in what is read */
    turn(&w);
    world_release(&w);
    expect_rev(&c, 5);
    turn(&w);
    assert_int_equal(upserts(&c), 5);
    assert_false(client_has(&c, "reset"));
    assert_int_equal(w.n_held, 0);
    end(&w, &c);
}

static void
many_users_are_read_some_at_a_time(void **state)
{
    enum { N = 48 };
    struct world w = {.limits = {0}};
    struct client c[N];
    char text[32];

    (void)state;
    world_start(&w);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "user=u%d", i);
        world_join(&w, &c[i], text);
    }
    w.is_held = true;
    world_store(&w, 1); /* of each: they share a row here */
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "u%d", i);
        world_bell(&w, text, 1);
    }
    turn(&w);
    assert_in_range(w.n_held, 1, N - 1);
    client_close(&c[0]); /* one with a read, and one who waits for it */
    client_close(&c[N - 1]);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == N - 2);
    w.is_held = false;
    world_release(&w);
    for (int i = 1; i < N - 1; i++) {
        expect_rev(&c[i], 1);
        client_close(&c[i]);
    }
    assert_int_equal(w.hub->n_catchups, 0);
    world_stop(&w);
}

/* Reads that fail keep their turn, until their user leaves. */
static void
who_leaves_makes_room_for_the_reads_of_others(void **state)
{
    enum { N = 40 };
    struct world w = {.options = {.retry_ms = 100000}};
    struct client c[N];
    char text[32];

    (void)state;
    world_start(&w);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "user=u%d", i);
        world_join(&w, &c[i], text);
    }
    w.fails_with = ERR_TIMEOUT;
    world_store(&w, 1);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "u%d", i);
        world_bell(&w, text, 1);
    }
    TURN_UNTIL(&w.net, w.n_replays > 0 && w.n_held == 0);
    assert_in_range(w.n_replays, 1, N - 2);
    w.fails_with = ERR_OK;
    for (int i = 0; i < N / 2; i++)
        client_close(&c[i]);
    expect_rev(&c[N - 1], 1);
    for (int i = N / 2; i < N; i++)
        client_close(&c[i]);
    world_stop(&w);
}

/* ---- what cannot be read ---- */

static void
a_gap_too_far_back_is_a_reset(void **state)
{
    struct world w = {.options = {.sends_a_turn = 1}};
    struct client one, two;

    (void)state;
    world_start(&w);
    world_join(&w, &one, "");
    world_join(&w, &two, "");
    w.has_gap = true;
    world_store(&w, 1);
    world_store(&w, 1);
    world_bell(&w, "u1", 2);
    client_expect(&one, RESET("gap"));
    client_expect(&two, RESET("gap"));
    assert_true(client_has(&one, "\"counts\":{\"unseen\":2,\"unread\":2}"));
    world_commit(&w, "u1", 1);
    expect_rev(&one, 3);
    expect_rev(&two, 3);
    assert_int_equal(count_of(buf_str(&one.got), "reset"), 1);
    assert_int_equal(w.n_replays, 1);
    client_close(&one);
    end(&w, &two);
}

static void
an_item_that_is_gone_is_a_reset(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    world_store(&w, 1);
    world_store(&w, 1);
    w.events[0].item.notification = 0;
    world_bell(&w, "u1", 2);
    client_expect(&c, RESET("retention"));
    world_commit(&w, "u1", 1);
    expect_rev(&c, 3);
    end(&w, &c);
}

static void
another_epoch_is_a_reset_even_to_a_lower_rev(void **state)
{
    struct world w = {0};
    struct client c;
    struct store_notice n = {.kind = STORE_NOTICE_INBOX,
                             .tenant = 1,
                             .user = STR("u1"),
                             .epoch = EPOCH + 1,
                             .seq = 1};

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    world_commit(&w, "u1", 1);
    world_commit(&w, "u1", 1);
    expect_rev(&c, 2);
    w.later_epochs = 1;
    w.rev = 1;
    hubs_on_commit(w.hubs, &n, 1);
    client_expect(&c, "id: 6f1d.1\n" RESET("epoch"));
    n.seq = 0;
    w.events[1].rev = 2;
    n.event = &w.events[1];
    w.rev = 2;
    hubs_on_commit(w.hubs, &n, 1);
    client_expect(&c, "event: item.upsert\nid: 6f1d.2\n");
    assert_int_equal(w.n_replays, 1);
    w.later_epochs = 2; /* an event says so */
    world_store(&w, 1);
    n.epoch = EPOCH + 2;
    n.event = &w.events[2];
    hubs_on_commit(w.hubs, &n, 1);
    client_expect(&c, "id: 6f1e.3\n" RESET("epoch"));
    end(&w, &c);
}

static void
a_read_that_fails_is_tried_again(void **state)
{
    struct world w = {.options = {.retry_ms = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.fails_with = ERR_TIMEOUT;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    TURN_UNTIL(&w.net, w.n_replays == 2);
    world_commit(&w, "u1", 1);
    w.fails_with = ERR_OK;
    expect_rev(&c, 2);
    assert_int_equal(upserts(&c), 2);
    assert_false(client_has(&c, "reset"));
    end(&w, &c);
}

static void
a_store_that_stays_away_is_a_reset(void **state)
{
    struct world w = {.options = {.retry_ms = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.fails_with = ERR_TIMEOUT;
    world_store(&w, 1);
    world_store(&w, 1);
    world_bell(&w, "u1", 2);
    client_expect(&c, RESET("gap"));
    assert_int_equal(world_check_order(&c), 2);
    assert_int_equal(w.hub->n_catchups, 0);
    world_commit(&w, "u1", 1);
    expect_rev(&c, 3);
    end(&w, &c);
}

static void
a_store_that_has_ended_is_not_asked_again(void **state)
{
    struct world w = {.options = {.retry_ms = 1, .recheck_ms = 5}};
    struct client c;
    size_t n_looks;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.fails_with = ERR_SHUTDOWN;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    TURN_UNTIL(&w.net, w.n_looks > 0);
    turn(&w);
    n_looks = w.n_looks;
    for (int i = 0; i < 10; i++)
        loop_turn(w.net.loop, 3);
    assert_int_equal(w.n_replays, 1);
    assert_int_equal(w.n_looks, n_looks);
    assert_false(client_has(&c, "reset"));
    end(&w, &c);
}

/* ---- who comes and goes meanwhile ---- */

static void
who_leaves_during_a_read_leaves_nothing(void **state)
{
    struct world w = {.options = {.retry_ms = 20}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.is_held = true;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    turn(&w);
    assert_int_equal(w.n_held, 1);
    client_close(&c);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    world_release(&w);
    assert_int_equal(w.hub->n_catchups, 0);
    w.is_held = false;
    world_join(&w, &c, "");
    w.fails_with = ERR_TIMEOUT;
    world_store(&w, 1);
    world_bell(&w, "u1", 2);
    TURN_UNTIL(&w.net, w.n_replays == 2 && w.n_held == 0);
    client_close(&c); /* it waits to be tried again */
    TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    assert_int_equal(w.hub->n_catchups, 0);
    world_stop(&w);
}

static void
a_hub_may_go_during_its_reads(void **state)
{
    struct world w = {.options = {.recheck_ms = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.is_held = true;
    TURN_UNTIL(&w.net, w.n_looks == 1);
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    TURN_UNTIL(&w.net, w.n_held == 2);
    end(&w, &c);
}

static void
a_drain_does_not_wait_for_a_read(void **state)
{
    struct world w = {.options = {.recheck_ms = 5}};
    struct client one, two;

    (void)state;
    world_start(&w);
    world_join(&w, &one, "");
    world_join(&w, &two, "user=u2");
    w.is_held = true;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    turn(&w);
    assert_int_equal(w.n_replays, 1);
    world_drain(&w);
    world_bell(&w, "u2", 1); /* nothing is begun any more */
    client_expect(&one, "\"reason\":\"drain\"");
    client_expect(&two, "\"reason\":\"drain\"");
    TURN_UNTIL(&w.net, w.n_drained == 1);
    assert_int_equal(w.n_replays, 1);
    client_expect_close(&one);
    client_expect_close(&two);
    world_release(&w);
    turn(&w);
    client_close(&two);
    end(&w, &one);
}

static void
a_read_that_ends_during_a_drain_is_told(void **state)
{
    struct world w = {0};
    struct client c[2];

    (void)state;
    world_start(&w);
    world_join(&w, &c[0], "");
    world_join(&w, &c[1], "");
    w.is_held = true;
    world_store(&w, 1);
    world_bell(&w, "u1", 1);
    turn(&w);
    world_drain(&w);
    world_release(&w);
    for (int i = 0; i < 2; i++) {
        client_expect(&c[i], "\"reason\":\"drain\"");
        client_expect_close(&c[i]);
        world_check_order(&c[i]);
    }
    TURN_UNTIL(&w.net, w.n_drained == 1);
    client_close(&c[0]);
    end(&w, &c[1]);
}

/* ---- opening ---- */

static void
a_bell_during_an_opening_is_not_lost(void **state)
{
    struct world w = {.is_held = true, .looks_early = true};
    struct client c;

    (void)state;
    world_start(&w);
    world_open_held(&w, &c, ""); /* it looked at rev 0 */
    world_store(&w, 1);
    world_store(&w, 1);
    world_bell(&w, "u1", 2);
    turn(&w);
    assert_int_equal(w.n_replays, 0);
    w.is_held = false;
    world_release(&w);
    expect_rev(&c, 2);
    assert_int_equal(upserts(&c), 2);
    assert_int_equal(w.n_replays, 1);
    end(&w, &c);
}

/* Events before the stream has begun: rev 2 is another process', and the order
 * of the rest is wrong. */
static void
news_with_gaps_during_an_opening_are_told_in_order(void **state)
{
    struct world w = {.is_held = true, .looks_early = true};
    struct client c;

    (void)state;
    world_start(&w);
    world_open_held(&w, &c, "last=6f1c.0");
    for (int i = 0; i < 5; i++)
        world_store(&w, 1);
    world_tell(&w, "u1", 4);
    world_tell(&w, "u1", 3);
    world_tell(&w, "u1", 1);
    world_tell(&w, "u1", 5);
    turn(&w);
    w.is_held = false;
    world_release(&w);
    expect_rev(&c, 5);
    assert_int_equal(upserts(&c), 5);
    assert_false(client_has(&c, "reset"));
    end(&w, &c);
}

static void
news_in_a_wrong_order_during_an_opening_are_told_in_order(void **state)
{
    struct world w = {.is_held = true, .looks_early = true};
    struct client c;

    (void)state;
    world_start(&w);
    world_open_held(&w, &c, "");
    world_store(&w, 1);
    world_store(&w, 1);
    world_tell(&w, "u1", 2);
    world_tell(&w, "u1", 1);
    turn(&w);
    w.is_held = false;
    world_release(&w);
    expect_rev(&c, 2);
    assert_int_equal(upserts(&c), 2);
    assert_false(client_has(&c, "reset"));
    end(&w, &c);
}

static void
who_opens_while_a_read_is_under_way_misses_nothing(void **state)
{
    struct world w = {0};
    struct client old, early, late;

    (void)state;
    world_start(&w);
    world_join(&w, &old, "");
    world_commit(&w, "u1", 1);
    expect_rev(&old, 1);
    w.is_held = w.looks_early = true;
    world_store(&w, 1);
    world_open_held(&w, &early, ""); /* sees 2 */
    world_store(&w, 1);
    world_bell(&w, "u1", 3);
    turn(&w);
    assert_int_equal(w.n_held, 2);
    world_store(&w, 1);
    world_open_held(&w, &late, "last=6f1c.2"); /* sees 4 */
    world_release_one(&w, 0);
    expect_rev(&early, 2);
    world_release_one(&w, 0); /* the last of them */
    expect_rev(&late, 4);
    w.is_held = false;
    world_release(&w);
    expect_rev(&old, 3);
    expect_rev(&early, 3);
    world_bell(&w, "u1", 4);
    expect_rev(&old, 4);
    expect_rev(&early, 4);
    world_commit(&w, "u1", 1);
    expect_rev(&old, 5);
    expect_rev(&early, 5);
    expect_rev(&late, 5);
    assert_int_equal(upserts(&old), 5);
    assert_int_equal(upserts(&early), 3);
    assert_int_equal(upserts(&late), 3);
    assert_false(client_has(&old, "reset"));
    assert_false(client_has(&early, "reset"));
    assert_false(client_has(&late, "reset"));
    client_close(&old);
    client_close(&early);
    end(&w, &late);
}

/* Two open at once, and the one that has read more begins first. */
static void
open_two(struct world *w, struct client *less, struct client *more)
{
    world_open_held(w, less, "");
    world_store(w, 1);
    world_store(w, 1);
    world_open_held(w, more, "");
    world_release_one(w, 1);
    expect_rev(more, 2);
}

static void
who_has_read_less_than_another_is_caught_up_with(void **state)
{
    struct world w = {.is_held = true, .looks_early = true};
    struct client less, more;

    (void)state;
    world_start(&w);
    open_two(&w, &less, &more);
    world_bell(&w, "u1", 2); /* nothing new, for one of them */
    turn(&w);
    w.is_held = false;
    world_release(&w);
    expect_rev(&less, 2);
    assert_int_equal(upserts(&less), 2);
    assert_false(client_has(&less, "reset"));
    assert_int_equal(upserts(&more), 0);
    world_commit(&w, "u1", 1);
    expect_rev(&less, 3);
    expect_rev(&more, 3);
    client_close(&more);
    end(&w, &less);
}

/* The same while a read goes on from where the other one was. */
static void
who_has_read_less_than_a_read_under_way_is_caught_up_with(void **state)
{
    struct world w = {.is_held = true, .looks_early = true};
    struct client less, more;

    (void)state;
    world_start(&w);
    open_two(&w, &less, &more);
    world_store(&w, 1);
    world_bell(&w, "u1", 3);
    TURN_UNTIL(&w.net, w.n_held == 2);
    world_release_one(&w, 0);
    client_expect(&less, "hello");
    w.is_held = false;
    world_release(&w); /* 3 alone, and 1 and 2 are missing */
    expect_rev(&less, 3);
    expect_rev(&more, 3);
    turn(&w);
    assert_int_equal(upserts(&less), 3);
    assert_int_equal(upserts(&more), 1);
    assert_false(client_has(&less, "reset"));
    assert_int_equal(w.n_replays, 2);
    client_close(&more);
    end(&w, &less);
}

static void
one_who_opens_brings_news_to_those_who_are_here(void **state)
{
    struct world w = {.options = {.recheck_ms = 1000000}};
    struct client old, fresh;

    (void)state;
    world_start(&w);
    world_join(&w, &old, "");
    world_store(&w, 1); /* its bell was lost */
    world_join(&w, &fresh, "");
    expect_rev(&old, 1);
    assert_int_equal(upserts(&fresh), 0);
    assert_int_equal(w.n_replays, 1);
    client_close(&old);
    end(&w, &fresh);
}

/* ---- lost bells ---- */

static void
a_lost_bell_is_found_by_the_check(void **state)
{
    struct world w = {.options = {.recheck_ms = 20}};
    struct client one, two;

    (void)state;
    world_start(&w);
    world_join(&w, &one, "");
    world_join(&w, &two, "user=u2");
    world_store(&w, 1);
    world_store(&w, 1);
    expect_rev(&one, 2);
    expect_rev(&two, 2);
    assert_int_equal(upserts(&one), 2);
    TURN_UNTIL(&w.net, w.n_looks >= 6); /* both, each time */
    assert_int_equal(w.n_replays, 2);
    client_close(&one);
    client_close(&two);
    TURN_UNTIL(&w.net, hub_streams(w.hub) == 0);
    for (int i = 0; i < 10; i++)
        loop_turn(w.net.loop, 5);
    assert_false(loop_timer_is_set(&w.hub->recheck_timer));
    world_join(&w, &one, ""); /* it begins again with the next */
    world_store(&w, 1);
    expect_rev(&one, 3);
    end(&w, &one);
}

static void
the_check_goes_on_when_the_store_fails(void **state)
{
    struct world w = {.options = {.recheck_ms = 2, .retry_ms = 1}};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    w.fails_with = ERR_IO;
    TURN_UNTIL(&w.net, w.n_looks >= 3);
    w.fails_with = ERR_OK;
    world_store(&w, 1);
    expect_rev(&c, 1);
    end(&w, &c);
}

static void
a_process_that_is_alone_never_checks(void **state)
{
    struct world w = {0};
    struct client c;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    assert_false(loop_timer_is_set(&w.hub->recheck_timer));
    end(&w, &c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bell_brings_what_another_process_committed),
        cmocka_unit_test(a_bell_for_nobody_here_is_not_heard),
        cmocka_unit_test(an_own_event_beyond_a_gap_waits_for_what_is_before_it),
        cmocka_unit_test(own_events_out_of_order_are_told_in_order),
        cmocka_unit_test(bells_that_are_late_or_doubled_cost_nothing),
        cmocka_unit_test(a_storm_of_bells_is_two_reads),
        cmocka_unit_test(events_go_on_while_a_read_is_under_way),
        cmocka_unit_test(many_users_are_read_some_at_a_time),
        cmocka_unit_test(who_leaves_makes_room_for_the_reads_of_others),
        cmocka_unit_test(a_gap_too_far_back_is_a_reset),
        cmocka_unit_test(an_item_that_is_gone_is_a_reset),
        cmocka_unit_test(another_epoch_is_a_reset_even_to_a_lower_rev),
        cmocka_unit_test(a_read_that_fails_is_tried_again),
        cmocka_unit_test(a_store_that_stays_away_is_a_reset),
        cmocka_unit_test(a_store_that_has_ended_is_not_asked_again),
        cmocka_unit_test(who_leaves_during_a_read_leaves_nothing),
        cmocka_unit_test(a_hub_may_go_during_its_reads),
        cmocka_unit_test(a_drain_does_not_wait_for_a_read),
        cmocka_unit_test(a_read_that_ends_during_a_drain_is_told),
        cmocka_unit_test(a_bell_during_an_opening_is_not_lost),
        cmocka_unit_test(news_with_gaps_during_an_opening_are_told_in_order),
        cmocka_unit_test(
            news_in_a_wrong_order_during_an_opening_are_told_in_order),
        cmocka_unit_test(who_opens_while_a_read_is_under_way_misses_nothing),
        cmocka_unit_test(who_has_read_less_than_another_is_caught_up_with),
        cmocka_unit_test(
            who_has_read_less_than_a_read_under_way_is_caught_up_with),
        cmocka_unit_test(one_who_opens_brings_news_to_those_who_are_here),
        cmocka_unit_test(a_lost_bell_is_found_by_the_check),
        cmocka_unit_test(the_check_goes_on_when_the_store_fails),
        cmocka_unit_test(a_process_that_is_alone_never_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
