#include "app/provider_for.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW INT64_C(100000)
#define DELIVERIES 1000

static const struct channel_driver any = {.name = "any"};
static const struct channel_driver apns = {.name = "apns",
                                           .device = DEVICE_APNS};

/* "a" and "b" share the first place, "late" comes after them, "push" serves
 * devices of one kind. */
struct desk {
    struct provider of[4];
    struct provider *all[4];
    struct workspace workspace;
    struct standings *standings;
};

static struct provider
provider(int64_t lane, const char *name, int order)
{
    return (struct provider){.num = lane,
                             .name = str_from(name),
                             .channel = STR("email"),
                             .driver = &any,
                             .order = order,
                             .weight = 1,
                             .says_weight = true,
                             .is_adaptive = true,
                             .is_enabled = true};
}

static struct desk *
desk_new(void)
{
    struct desk *d = calloc(1, sizeof(*d));

    assert_non_null(d);
    d->of[0] = provider(1, "a", 1);
    d->of[1] = provider(2, "b", 1);
    d->of[2] = provider(3, "late", 2);
    d->of[3] = provider(4, "push", 1);
    d->of[3].channel = STR("mobile_push");
    d->of[3].driver = &apns;
    for (size_t i = 0; i < 4; i++)
        d->all[i] = &d->of[i];
    d->workspace = (struct workspace){.providers = d->all, .n_providers = 4};
    d->standings = standings_new();
    return d;
}

static int
set_up(void **state)
{
    *state = desk_new();
    return 0;
}

static int
tear_down(void **state)
{
    struct desk *d = *state;

    standings_free(d->standings);
    free(d);
    return 0;
}

static struct provider_ask
ask(const struct desk *d, int64_t delivery)
{
    return (struct provider_ask){.workspace = &d->workspace,
                                 .standings = d->standings,
                                 .channel = STR("email"),
                                 .delivery = delivery,
                                 .now_ms = NOW};
}

static int64_t
fitness_at(const struct desk *d, const struct provider *p, int64_t now_ms)
{
    struct provider_ask q = ask(d, 0);

    q.now_ms = now_ms;
    return provider_fitness(&q, p);
}

/* How many of a thousand deliveries go to "a". */
static int
n_first(const struct desk *d)
{
    int n = 0;

    for (int64_t id = 1; id <= DELIVERIES; id++) {
        struct provider_ask q = ask(d, id);

        n += provider_pick(&q) == &d->of[0];
    }
    return n;
}

static void
those_of_the_first_order_share_and_the_others_come_after(void **state)
{
    struct desk *d = *state;

    for (int64_t id = 1; id <= 100; id++) {
        const struct provider *all[PROVIDERS_MAX];
        struct provider_ask q = ask(d, id);

        assert_int_equal(provider_rank(&q, all), 3);
        assert_ptr_equal(all[0], provider_pick(&q));
        assert_ptr_equal(all[2], &d->of[2]);
    }
    assert_in_range(n_first(d), 420, 580);
}

static void
without_a_weight_it_is_the_first_by_name(void **state)
{
    struct desk *d = *state;

    d->of[0].says_weight = d->of[1].says_weight = false;
    assert_int_equal(n_first(d), DELIVERIES);
    assert_false(provider_is_shared(&d->workspace, STR("email"), DEVICE_NONE));
    d->of[1].says_weight = true;
    assert_in_range(n_first(d), 420, 580);
}

static void
only_what_serves_the_device_is_asked(void **state)
{
    struct desk *d = *state;
    struct provider_ask q = ask(d, 7);

    q.channel = STR("mobile_push");
    q.kind = DEVICE_APNS;
    assert_ptr_equal(provider_pick(&q), &d->of[3]);
    q.kind = DEVICE_FCM;
    assert_null(provider_pick(&q));
}

static void
that_several_share_is_told(void **state)
{
    struct desk *d = *state;

    assert_true(provider_is_shared(&d->workspace, STR("email"), DEVICE_NONE));
    d->of[1].is_enabled = false;
    assert_false(provider_is_shared(&d->workspace, STR("email"), DEVICE_NONE));
    assert_false(
        provider_is_shared(&d->workspace, STR("mobile_push"), DEVICE_APNS));
    assert_false(provider_is_shared(&d->workspace, STR("sms"), DEVICE_NONE));
}

static void
an_open_breaker_leaves_the_least_for_as_long_as_it_is_believed(void **state)
{
    struct desk *d = *state;

    standings_tell(d->standings, 1,
                   &(struct standing){.open_until_ms = NOW + 1});
    assert_in_range(n_first(d), 5, 45);
    assert_int_equal(fitness_at(d, &d->of[0], NOW), FITNESS_LEAST);
    assert_int_equal(fitness_at(d, &d->of[0], NOW + 1), FITNESS_WHOLE);
    d->of[0].is_adaptive = false;
    assert_in_range(n_first(d), 420, 580);
}

static void
who_fails_gets_less_until_it_is_forgotten(void **state)
{
    struct desk *d = *state;
    struct standing s = {0};

    for (int i = 0; i < 8; i++) /* of 12, with what is taken for granted */
        fitness_note(&s.fitness, FITNESS_BAD, 5, NOW);
    standings_tell(d->standings, 1, &s);
    assert_int_equal(fitness_at(d, &d->of[0], NOW), FITNESS_WHOLE / 9);
    assert_in_range(n_first(d), 60, 140); /* of 1/9 : 1 */
    standings_forget(d->standings, 1);
    assert_in_range(n_first(d), 420, 580);
}

static void
a_slow_one_is_measured_by_the_fastest_of_its_order(void **state)
{
    struct desk *d = *state;
    struct standing s[2] = {0};

    for (int i = 0; i < 10; i++) {
        fitness_note(&s[0].fitness, FITNESS_GOOD, 1000, NOW);
        fitness_note(&s[1].fitness, FITNESS_GOOD, 50, NOW);
    }
    standings_tell(d->standings, 1, &s[0]);
    standings_tell(d->standings, 3, &s[1]); /* of another order */
    assert_int_equal(fitness_at(d, &d->of[0], NOW), FITNESS_WHOLE);
    standings_tell(d->standings, 2, &s[1]);
    assert_int_equal(fitness_at(d, &d->of[0], NOW), FITNESS_WHOLE / 5);
    assert_int_equal(fitness_at(d, &d->of[1], NOW), FITNESS_WHOLE);
}

/* Another process saw nothing of that. */
static void
what_is_known_is_one_process_own(void **state)
{
    struct desk *d = *state;
    struct standings *other = standings_new();
    struct provider_ask q = ask(d, 0);

    standings_tell(d->standings, 1,
                   &(struct standing){.open_until_ms = NOW + 1});
    q.standings = other;
    assert_int_equal(provider_fitness(&q, &d->of[0]), FITNESS_WHOLE);
    q.standings = NULL;
    assert_int_equal(provider_fitness(&q, &d->of[0]), FITNESS_WHOLE);
    assert_int_equal(fitness_at(d, &d->of[0], NOW), FITNESS_LEAST);
    standings_free(other);
}

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(those_of_the_first_order_share_and_the_others_come_after),
        DESK_TEST(without_a_weight_it_is_the_first_by_name),
        DESK_TEST(only_what_serves_the_device_is_asked),
        DESK_TEST(that_several_share_is_told),
        DESK_TEST(
            an_open_breaker_leaves_the_least_for_as_long_as_it_is_believed),
        DESK_TEST(who_fails_gets_less_until_it_is_forgotten),
        DESK_TEST(a_slow_one_is_measured_by_the_fastest_of_its_order),
        DESK_TEST(what_is_known_is_one_process_own),
    };

    return cmocka_run_group_tests_name("app/provider_for", tests, NULL, NULL);
}
