/* hub_chaos_test.c - streams of a shared store while all happens at once that
 * may: commits here and elsewhere, bells that are lost, late and doubled, a
 * store that answers late and not in turn, readers who come and go. */
#include "realtime/hub_test.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

enum { PEOPLE = 5, NEWS = 40 };

struct chaos {
    struct world w;
    struct rng rng;
    struct client c[PEOPLE];
    bool is_open[PEOPLE];
    int64_t late[NEWS]; /* revs that are told later; negative: by a bell */
    size_t n_late;
    size_t n_resets; /* that were seen */
};

static bool
chance(struct chaos *x, uint64_t per_cent)
{
    return rng_below(&x->rng, 100) < per_cent;
}

static void
tell_late(struct chaos *x)
{
    const size_t i = rng_below(&x->rng, x->n_late);
    const int64_t rev = x->late[i];

    x->late[i] = x->late[--x->n_late];
    if (rev > 0)
        world_tell(&x->w, "u1", rev);
    else
        world_bell(&x->w, "u1", -rev);
}

static void
commit(struct chaos *x)
{
    struct world *w = &x->w;
    bool is_ours = chance(x, 50);

    world_store(w, 1);
    if (!is_ours && chance(x, 30))
        return; /* its bell is lost */
    if (x->n_late < NEWS && chance(x, 40))
        x->late[x->n_late++] = is_ours ? w->rev : -w->rev;
    else if (is_ours)
        world_tell(w, "u1", w->rev);
    else
        world_bell(w, "u1", w->rev);
    if (chance(x, 20))
        world_bell(w, "u1", w->rev);
}

static void
say_good_bye(struct chaos *x, struct client *c)
{
    world_check_order(c);
    x->n_resets += count_of(buf_str(&c->got), "event: reset");
    client_close(c);
}

static void
come_or_go(struct chaos *x)
{
    const size_t i = rng_below(&x->rng, PEOPLE);
    char query[40];

    if (x->is_open[i]) {
        say_good_bye(x, &x->c[i]);
    } else {
        snprintf(query, sizeof(query), "last=%x.%lld", (unsigned)EPOCH,
                 (long long)rng_below(&x->rng, (uint64_t)x->w.rev + 1));
        world_open(&x->w, &x->c[i], chance(x, 50) ? query : "");
    }
    x->is_open[i] = !x->is_open[i];
}

static void
step(struct chaos *x)
{
    struct world *w = &x->w;

    if (w->rev < WORLD_EVENTS_MAX && chance(x, 30))
        commit(x);
    if (x->n_late > 0 && chance(x, 20))
        tell_late(x);
    if (chance(x, 10))
        come_or_go(x);
    w->fails_with = chance(x, 3) ? ERR_TIMEOUT : ERR_OK;
    if (w->n_held > 0 && chance(x, 60))
        world_release_one(w, rng_below(&x->rng, w->n_held));
    w->fails_with = ERR_OK;
    if (chance(x, 70))
        loop_turn(w->net.loop, 0);
    for (size_t i = 0; i < PEOPLE; i++)
        if (x->is_open[i])
            client_pump(&x->c[i]);
}

static bool
has_come_so_far(struct client *c, int64_t rev)
{
    client_pump(c);
    return client_has(c, " 503 ") || world_check_order(c) == rev;
}

static void
run_chaos(uint64_t seed)
{
    struct chaos *x = xcalloc(1, sizeof(*x));
    struct world *w = &x->w;

    rng_seed(&x->rng, seed);
    w->options.recheck_ms = 3;
    w->options.retry_ms = 1;
    w->options.sends_a_turn = 1 + (int)rng_below(&x->rng, 4);
    w->is_held = w->looks_early = true;
    world_start(w);
    for (int i = 0; i < 1200; i++)
        step(x);
    w->is_held = w->looks_early = false;
    while (w->n_held > 0)
        world_release_one(w, 0);
    for (size_t i = 0; i < PEOPLE; i++) {
        if (!x->is_open[i])
            continue;
        TURN_UNTIL(&w->net, has_come_so_far(&x->c[i], w->rev));
        say_good_bye(x, &x->c[i]);
    }
    assert_true(x->n_resets <= 3); /* it may be, and is the exception */
    world_stop(w);
    free(x);
}

static void
whatever_happens_each_rev_is_told_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        run_chaos(seed);
}

static void *
ring(void *arg)
{
    struct world *w = arg;

    for (int i = 0; i < 2000; i++)
        world_bell(w, "u1", 1 + i % 20);
    return NULL;
}

static void
bells_come_from_any_thread(void **state)
{
    struct world w = {.options = {.recheck_ms = 1}};
    struct client c;
    pthread_t thread;

    (void)state;
    world_start(&w);
    world_join(&w, &c, "");
    for (int i = 0; i < 20; i++)
        world_store(&w, 1);
    assert_int_equal(pthread_create(&thread, NULL, ring, &w), 0);
    client_expect(&c, "id: 6f1c.20\n");
    pthread_join(thread, NULL);
    for (int i = 0; i < 6; i++)
        loop_turn(w.net.loop, 0);
    client_pump(&c);
    assert_int_equal(world_check_order(&c), 20);
    assert_int_equal(count_of(buf_str(&c.got), "item.upsert"), 20);
    client_close(&c);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_each_rev_is_told_once_and_in_order),
        cmocka_unit_test(bells_come_from_any_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
