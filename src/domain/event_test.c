#include "domain/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
names_and_families_are_sets_of_events(void **state)
{
    (void)state;
    assert_int_equal(event_match(STR("delivery.sent")),
                     EVENT_BIT(EVENT_DELIVERY_SENT));
    assert_int_equal(
        event_match(STR("inbox.*")),
        EVENT_BIT(EVENT_INBOX_SEEN) | EVENT_BIT(EVENT_INBOX_READ) |
            EVENT_BIT(EVENT_INBOX_UNREAD) | EVENT_BIT(EVENT_INBOX_ARCHIVED) |
            EVENT_BIT(EVENT_INBOX_UNARCHIVED) | EVENT_BIT(EVENT_INBOX_ACTION));
    for (int k = 0; k < EVENT_COUNT; k++)
        assert_int_equal(event_match(str_from(event_name((enum event_kind)k))),
                         EVENT_BIT(k));
}

static void
what_is_neither_is_no_event(void **state)
{
    static const char *const none[] = {"",          "*",         ".*",
                                       "delivery",  "delivery.", "deliver.*",
                                       "inbox.rea", "inbox.*.*", "INBOX.READ"};

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(event_match(str_from(none[i])), 0);
}

static void
a_slip_of_the_pen_is_understood(void **state)
{
    (void)state;
    assert_string_equal(event_guess(STR("inbox.raed")), "inbox.read");
    assert_string_equal(event_guess(STR("deliveries.*")), "delivery.*");
    assert_string_equal(event_guess(STR("delivery.send")), "delivery.sent");
    assert_string_equal(event_guess(STR("supressions.*")), "suppression.*");
    assert_null(event_guess(STR("subscriber.created")));
}

static void
nothing_is_told_of_what_brings_events(void **state)
{
    const event_set all = ~(event_set)0;

    (void)state;
    assert_true(event_is_told(all, DELIVERY_SENT, STR("email")));
    assert_false(event_is_told(all, DELIVERY_SENT, STR(EVENT_CHANNEL)));
    assert_false(event_is_told(EVENT_BIT(EVENT_DELIVERY_SENT), DELIVERY_DEAD,
                               STR("email")));
    assert_false(event_is_told(all, DELIVERY_QUEUED, STR("email")));
}

static void
each_end_of_a_delivery_has_its_event(void **state)
{
    (void)state;
    for (int s = 0; s < DELIVERY_STATUS_COUNT; s++) {
        enum delivery_status status = (enum delivery_status)s;
        enum event_kind kind = event_of_status(status);
        bool is_end = delivery_status_is_terminal(status);

        assert_int_equal(kind != EVENT_NONE,
                         is_end || status == DELIVERY_RETRYING);
        if (kind != EVENT_NONE)
            assert_true(str_ends(str_from(event_name(kind)),
                                 str_from(delivery_status_name(status))));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_families_are_sets_of_events),
        cmocka_unit_test(what_is_neither_is_no_event),
        cmocka_unit_test(a_slip_of_the_pen_is_understood),
        cmocka_unit_test(nothing_is_told_of_what_brings_events),
        cmocka_unit_test(each_end_of_a_delivery_has_its_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
