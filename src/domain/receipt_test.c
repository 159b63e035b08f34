#include "domain/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
only_what_was_taken_moves_and_never_backwards(void **state)
{
    static const enum receipt_kind ends[] = {RECEIPT_BOUNCED, RECEIPT_FAILED};

    (void)state;
    for (int s = 0; s < DELIVERY_STATUS_COUNT; s++) {
        enum delivery_status at = (enum delivery_status)s;

        assert_int_equal(receipt_moves(RECEIPT_DELIVERED, at),
                         at == DELIVERY_SENT);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(receipt_moves(ends[i], at),
                             at == DELIVERY_SENT || at == DELIVERY_DELIVERED);
    }
    assert_int_equal(receipt_rule(RECEIPT_DELIVERED)->to, DELIVERY_DELIVERED);
    assert_int_equal(receipt_rule(RECEIPT_BOUNCED)->to, DELIVERY_FAILED);
    assert_int_equal(receipt_rule(RECEIPT_FAILED)->to, DELIVERY_FAILED);
}

static void
the_rest_are_facts(void **state)
{
    static const enum receipt_kind facts[] = {
        RECEIPT_DEFERRED,    RECEIPT_COMPLAINED, RECEIPT_UNSUBSCRIBED,
        RECEIPT_OPENED,      RECEIPT_CLICKED,    RECEIPT_ACTION,
        RECEIPT_RESUBSCRIBED};

    (void)state;
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        for (int s = 0; s < DELIVERY_STATUS_COUNT; s++)
            assert_false(receipt_moves(facts[i], (enum delivery_status)s));
}

/* All orders of all kinds of receipts, told once or twice, end alike. */
static void
the_order_of_receipts_does_not_matter(void **state)
{
    (void)state;
    for (unsigned told = 0; told < 1U << RECEIPT_KINDS; told++) {
        bool is_dead = told & (1U << RECEIPT_BOUNCED | 1U << RECEIPT_FAILED);
        bool is_there = told & 1U << RECEIPT_DELIVERED;

        for (int first = 0; first < RECEIPT_KINDS; first++) {
            for (int step = 1; step < RECEIPT_KINDS; step++) {
                enum delivery_status s = DELIVERY_SENT;

                for (int i = 0; i < 20 * RECEIPT_KINDS; i++) {
                    int k =
                        (first + i * step + i / RECEIPT_KINDS) % RECEIPT_KINDS;

                    if (told & 1U << k &&
                        receipt_moves((enum receipt_kind)k, s))
                        s = receipt_rule((enum receipt_kind)k)->to;
                }
                assert_int_equal(s, is_dead    ? DELIVERY_FAILED
                                    : is_there ? DELIVERY_DELIVERED
                                               : DELIVERY_SENT);
            }
        }
    }
}

static void
who_is_left_alone_from_then_on(void **state)
{
    static const enum reason want[RECEIPT_KINDS] = {
        [RECEIPT_BOUNCED] = REASON_SUPPRESS_BOUNCE,
        [RECEIPT_COMPLAINED] = REASON_SUPPRESS_COMPLAINT,
        [RECEIPT_UNSUBSCRIBED] = REASON_SUPPRESS_UNSUBSCRIBE};

    (void)state;
    for (int k = 0; k < RECEIPT_KINDS; k++)
        assert_int_equal(receipt_rule((enum receipt_kind)k)->suppresses,
                         want[k]);
    for (int k = 0; k < RECEIPT_KINDS; k++)
        assert_int_equal(receipt_rule((enum receipt_kind)k)->lifts,
                         k == RECEIPT_RESUBSCRIBED ? REASON_SUPPRESS_UNSUBSCRIBE
                                                   : REASON_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_taken_moves_and_never_backwards),
        cmocka_unit_test(the_rest_are_facts),
        cmocka_unit_test(the_order_of_receipts_does_not_matter),
        cmocka_unit_test(who_is_left_alone_from_then_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
