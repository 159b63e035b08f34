#include "base/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/list.h"

#define SENDERS 4
#define LETTERS 5000

struct letter {
    struct mail mail;
    int sender, number;
};

static struct letter letters[SENDERS][LETTERS];

static struct letter *
letter_of(struct mail *m)
{
    return m ? CONTAINER_OF(m, struct letter, mail) : NULL;
}

static void
count_wakes(void *arg)
{
    ++*(int *)arg;
}

static void
what_was_sent_first_is_taken_first(void **state)
{
    struct letter a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    struct mailbox m;
    struct mail *got;
    int wakes = 0;

    (void)state;
    mailbox_init(&m, count_wakes, &wakes);
    assert_null(mailbox_take(&m));
    mailbox_send(&m, &a.mail);
    mailbox_send(&m, &b.mail);
    got = mailbox_take(&m);
    assert_ptr_equal(letter_of(got), &a);
    assert_ptr_equal(letter_of(got->next), &b);
    assert_null(got->next->next);
    assert_null(mailbox_take(&m));
    mailbox_send(&m, &c.mail);
    got = mailbox_take(&m);
    assert_ptr_equal(letter_of(got), &c);
    assert_null(got->next);
    mailbox_fini(&m);
}

static void
a_burst_wakes_once_and_the_next_one_again(void **state)
{
    struct letter a = {0}, b = {0}, c = {0};
    struct mailbox m;
    int wakes = 0;

    (void)state;
    mailbox_init(&m, count_wakes, &wakes);
    mailbox_send(&m, &a.mail);
    mailbox_send(&m, &b.mail);
    assert_int_equal(wakes, 1);
    mailbox_take(&m);
    mailbox_send(&m, &c.mail);
    assert_int_equal(wakes, 2);
    mailbox_close(&m);
    assert_int_equal(wakes, 3);
    mailbox_fini(&m);
}

static void
a_wait_ends_when_its_time_is_up(void **state)
{
    struct timespec a, b;
    struct mailbox m;
    int64_t took_ms;

    (void)state;
    mailbox_init(&m, NULL, NULL);
    assert_null(mailbox_wait(&m, 0));
    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_null(mailbox_wait(&m, 20));
    clock_gettime(CLOCK_MONOTONIC, &b);
    took_ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
    assert_true(took_ms >= 19 && took_ms < 10000);
    assert_false(mailbox_is_closed(&m));
    mailbox_fini(&m);
}

static void
a_closed_box_gives_its_letters_first(void **state)
{
    struct letter a = {0};
    struct mailbox m;

    (void)state;
    mailbox_init(&m, NULL, NULL);
    mailbox_send(&m, &a.mail);
    mailbox_close(&m);
    assert_true(mailbox_is_closed(&m));
    assert_ptr_equal(letter_of(mailbox_wait(&m, -1)), &a);
    assert_null(mailbox_wait(&m, -1));
    assert_null(mailbox_wait(&m, -1));
    mailbox_fini(&m);
}

struct sender {
    pthread_t thread;
    struct mailbox *to;
    int number;
};

static void *
send_all(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < LETTERS; i++) {
        letters[s->number][i].sender = s->number;
        letters[s->number][i].number = i;
        mailbox_send(s->to, &letters[s->number][i].mail);
    }
    return NULL;
}

static void
many_senders_lose_nothing_and_keep_their_order(void **state)
{
    struct sender senders[SENDERS];
    int next[SENDERS] = {0}, left = SENDERS * LETTERS;
    struct mailbox m;

    (void)state;
    mailbox_init(&m, NULL, NULL);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.to = &m, .number = i};
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    while (left > 0) {
        struct mail *got = mailbox_wait(&m, 10000);

        assert_non_null(got);
        for (; got; got = got->next, left--) {
            struct letter *l = letter_of(got);

            assert_int_equal(l->number, next[l->sender]);
            next[l->sender]++;
        }
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    assert_null(mailbox_take(&m));
    mailbox_fini(&m);
}

static void *
wait_for_ever(void *arg)
{
    return mailbox_wait(arg, -1);
}

static void
closing_wakes_the_one_who_waits(void **state)
{
    struct mailbox m;
    pthread_t t;
    void *got = &m;

    (void)state;
    mailbox_init(&m, NULL, NULL);
    pthread_create(&t, NULL, wait_for_ever, &m);
    mailbox_close(&m);
    pthread_join(t, &got);
    assert_null(got);
    mailbox_fini(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sent_first_is_taken_first),
        cmocka_unit_test(a_burst_wakes_once_and_the_next_one_again),
        cmocka_unit_test(a_wait_ends_when_its_time_is_up),
        cmocka_unit_test(a_closed_box_gives_its_letters_first),
        cmocka_unit_test(many_senders_lose_nothing_and_keep_their_order),
        cmocka_unit_test(closing_wakes_the_one_who_waits),
    };

    return cmocka_run_group_tests_name("base/mailbox", tests, NULL, NULL);
}
