/* host_test.c - plugins in real child processes: this program once more, which
 * then is the child. */
#include "plugin/host.h"

#include "base/health.h"
#include "channel/call_test.h"
#include "channel/channel.h"
#include "plugin/blame.h"
#include "plugin/box.h"
#include "plugin/child.h"
#include "plugin/keeper.h"
#include "plugin/rig_test.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define TIMEOUT_MS 300
#define TURNS_MAX 1500 /* of 10 ms, until a test gives up */

static struct arena *arena;
static struct plugins *plugins;
static struct loop *loop; /* of who asks */

static enum err
open_one(const char *name, struct plugins **ret, const char **ret_why)
{
    const char **argv = ARENA_ARRAY(arena, const char *, 5);
    const struct plugins_options o = {
        .arena = arena, .clock = clock_system(), .timeout_ms = TIMEOUT_MS};
    const struct plugin_source s = {
        .name = name, .file = -1, .program = "/proc/self/exe", .argv = argv};

    argv[0] = "host_test";
    argv[1] = "plugin";
    argv[2] = "run";
    argv[3] = name;
    return plugins_open_sources(&o, &s, 1, ret, ret_why);
}

/* ---- asking ---- */

struct asking {
    struct call_fixture f;
    struct channel_away away;
    int n_done;
};

static void
on_done(struct channel_away *a)
{
    CONTAINER_OF(a, struct asking, away)->n_done++;
}

static void
begin(struct asking *x, const char *title, const char *id)
{
    *x = (struct asking){0};
    call_begin(&x->f, RIG_CONFIG);
    x->f.message.title = str_from(title);
    x->f.message.delivery_id = str_from(id);
    x->away = (struct channel_away){
        .loop = loop, .on_done = on_done, .call = &x->f.call};
}

static void
ask(struct asking *x)
{
    const struct channel_remote *r = channel_driver_find(STR("rig"))->remote;

    x->f.call.is_done = false;
    r->start(r, &x->away);
    assert_int_equal(x->n_done, 0);
}

static void
wait_for(struct asking *x)
{
    for (int i = 0; i < TURNS_MAX && x->n_done == 0; i++)
        loop_turn(loop, 10);
    assert_int_equal(x->n_done, 1);
    x->n_done = 0;
}

static void
answer(struct asking *x, int status, const char *body)
{
    x->f.answer = (struct channel_answer){
        .outcome = CHANNEL_ANSWERED, .status = status, .body = str_from(body)};
    x->f.call.answer = &x->f.answer;
    ask(x);
    wait_for(x);
}

/* ---- tests ---- */

static void
its_driver_and_its_channel_are_known(void **state)
{
    const struct channel_driver *d = channel_driver_find(STR("rig"));
    const struct channel_info *info = channel_find(STR("rig"));

    (void)state;
    assert_non_null(d);
    assert_true(channel_driver_takes_receipts(d));
    assert_string_equal(info->address_field, "phone");
    assert_true(info->needs_address);
    assert_true(info->canonical == channel_find(STR("sms"))->canonical);
    assert_true(channel_find(STR("email"))->has_title); /* still the own one */
}

static void
a_message_goes_to_it_and_back(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "Hello", "dlv_a");
    ask(&x);
    wait_for(&x);
    assert_false(x.f.call.is_done);
    assert_text(x.f.call.request.url, "https://x.example/");
    assert_int_equal(x.f.call.stage, 5);
    assert_text(x.f.call.memo.text, "kept");
    answer(&x, 429, "no canary-0123 here");
    assert_true(x.f.call.is_done);
    assert_int_equal(x.f.verdict.verdict, VERDICT_RATE);
    assert_text(x.f.verdict.detail, "no *** here");
    call_end(&x.f);
}

/* Else a call that has an older one would put it over a newer one. */
static void
a_memo_that_it_leaves_as_it_is_stays_the_same(void **state)
{
    const struct channel_memo given = {STR("kept"), 99};
    struct asking x;

    (void)state;
    begin(&x, "Hello", "dlv_r");
    x.f.call.memo = given;
    ask(&x);
    wait_for(&x);
    assert_ptr_equal(x.f.call.memo.text.p, given.text.p);
    x.f.call.memo.expires_ms = 98;
    ask(&x);
    wait_for(&x);
    assert_ptr_not_equal(x.f.call.memo.text.p, given.text.p);
    assert_int_equal(x.f.call.memo.expires_ms, 99);
    call_end(&x.f);
}

static void
it_reaches_nobody_and_no_memory_but_its_own(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "look", "dlv_l");
    ask(&x);
    wait_for(&x);
    assert_text(x.f.verdict.detail,
                "own memory done, shared refused, signal to itself done, to "
                "others refused, socket of a thread refused");
    call_end(&x.f);
}

static void
where_nothing_came_the_host_judges(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "Hello", "dlv_b");
    x.f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN};
    x.f.call.answer = &x.f.answer;
    ask(&x);
    wait_for(&x);
    assert_int_equal(x.f.verdict.verdict, VERDICT_UNKNOWN);
    x.away.is_preparing = true;
    ask(&x);
    wait_for(&x);
    assert_int_equal(x.f.verdict.verdict, VERDICT_RETRY);
    call_end(&x.f);
}

static void
it_may_log_so_much(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "talk", "dlv_m");
    ask(&x);
    wait_for(&x);
    assert_false(x.f.call.is_done);
    call_end(&x.f);
}

/* The first one is in hand, if not yet when the next ones come. */
#define LARGE ((size_t)7 * 1024 * 1024)

static void
who_finds_no_room_is_told_so(void **state)
{
    /* The first ones hang, so that there is time to ask; where that does not
     * do, some are through before the last is asked. */
    enum { HANG = 3, ALL = HANG + KEEPER_QUEUE_BYTES / LARGE + 20 };
    static const char *const ids[] = {"dlv_n1", "dlv_n2", "dlv_n3", "dlv_n"};
    struct asking x[ALL];
    int n_refused = 0;

    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        bool hangs = i < HANG;

        begin(&x[i], hangs ? "hang" : "Hello", ids[hangs ? i : HANG]);
        if (!hangs)
            x[i].f.message.data =
                (struct str){arena_alloc(x[i].f.arena, LARGE), LARGE};
        ask(&x[i]);
    }
    for (size_t i = 0; i < ALL; i++)
        wait_for(&x[i]);
    assert_false(x[HANG].f.call.is_done);
    for (size_t i = HANG; i < ALL; i++) {
        if (!x[i].f.call.is_done)
            continue;
        n_refused++;
        assert_int_equal(x[i].f.verdict.verdict, VERDICT_RETRY);
        assert_text(x[i].f.verdict.reason, "plugin.down");
        assert_holds(x[i].f.verdict.detail, "too many messages wait");
    }
    assert_true(n_refused > 0);
    for (size_t i = 0; i < ALL; i++)
        call_end(&x[i].f);
}

static void
check_lost(const char *title, const char *why)
{
    struct asking x, other;

    begin(&x, title, title);
    for (int i = 1; i <= BLAME_LIMIT; i++) {
        bool is_last = i == BLAME_LIMIT;

        ask(&x);
        wait_for(&x);
        assert_true(x.f.call.is_done);
        assert_int_equal(x.f.verdict.verdict, VERDICT_RETRY);
        assert_text(x.f.verdict.reason,
                    is_last ? "plugin.crash_loop" : "plugin.crashed");
        assert_int_equal(x.f.verdict.is_last, is_last);
        assert_holds(x.f.verdict.detail, why);
        begin(&other, "Hello", "dlv_c"); /* others go on meanwhile */
        ask(&other);
        wait_for(&other);
        assert_false(other.f.call.is_done);
        call_end(&other.f);
    }
    call_end(&x.f);
}

static void
what_ends_it_is_given_up_the_third_time(void **state)
{
    (void)state;
    check_lost(*state,
               strcmp(*state, "hang") == 0 ? "it did not answer within 300 ms"
               : strcmp(*state, "nonsense") == 0 ? "nothing that the ABI has"
               : strcmp(*state, "babble") == 0 ? "it logs more than the ABI has"
                                               : "it was ended by SIGABRT");
}

static void
an_answer_is_judged_by_the_next_child(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "judge", "dlv_d");
    answer(&x, 200, "{}");
    assert_int_equal(x.f.verdict.verdict, VERDICT_UNKNOWN);
    assert_text(x.f.verdict.reason, "plugin.crash_loop");
    assert_true(x.f.verdict.is_last);
    call_end(&x.f);
}

static void
what_only_prepares_was_not_sent(void **state)
{
    struct asking x;

    (void)state;
    begin(&x, "prepare", "dlv_e");
    ask(&x);
    wait_for(&x);
    assert_false(x.f.call.is_done);
    answer(&x, 200, "{}");
    assert_int_equal(x.f.verdict.verdict, VERDICT_RETRY);
    call_end(&x.f);
}

static void
who_waits_no_more_hears_nothing(void **state)
{
    const struct channel_remote *r = channel_driver_find(STR("rig"))->remote;
    struct asking x, y;

    (void)state;
    begin(&x, "Hello", "dlv_f");
    begin(&y, "Hello", "dlv_g");
    ask(&x);
    r->cancel(r, &x.away);
    r->cancel(r, &x.away); /* it may have been done before */
    call_end(&x.f);        /* nobody looks there any more */
    ask(&y);
    wait_for(&y); /* comes after the first one */
    assert_int_equal(x.n_done, 0);
    call_end(&y.f);
}

/* It would end the child, had it been asked. */
static void
who_waits_no_more_is_not_asked(void **state)
{
    const struct channel_remote *r = channel_driver_find(STR("rig"))->remote;
    int64_t n_ends = metrics_total(METRIC_plugin_ends_total);
    struct asking in_hand, gone, next;

    (void)state;
    begin(&in_hand, "hang", "dlv_o");
    begin(&gone, "crash", "dlv_p");
    begin(&next, "Hello", "dlv_q");
    ask(&in_hand);
    ask(&gone);
    r->cancel(r, &gone.away);
    ask(&next);
    wait_for(&in_hand);
    wait_for(&next);
    assert_false(next.f.call.is_done);
    assert_int_equal(metrics_total(METRIC_plugin_ends_total), n_ends + 1);
    call_end(&in_hand.f);
    call_end(&gone.f);
    call_end(&next.f);
}

static void
webhooks_end_another_child(void **state)
{
    const struct channel_remote *r = channel_driver_find(STR("rig"))->remote;
    struct channel_receipt receipt;
    struct asking x, y;

    (void)state;
    begin(&x, "Hello", "dlv_h");
    receipt = (struct channel_receipt){.arena = x.f.arena,
                                       .config = x.f.call.config,
                                       .method = STR("POST"),
                                       .body = STR("crash")};
    x.away.call = NULL;
    x.away.receipt = &receipt;
    r->start(r, &x.away);
    wait_for(&x);
    assert_int_equal(receipt.outcome, CHANNEL_RECEIPT_LOST);
    begin(&y, "Hello", "dlv_i");
    ask(&y);
    wait_for(&y);
    assert_false(y.f.call.is_done);
    call_end(&y.f);
    receipt.body = STR("unsigned");
    r->start(r, &x.away);
    wait_for(&x);
    assert_int_equal(receipt.outcome, CHANNEL_RECEIPT_UNSIGNED);
    call_end(&x.f);
}

static void
one_that_cannot_begin_is_refused(void **state)
{
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"refused", "plugin refused: belfry_plugin_v1() returned nothing"},
        {"gone", "plugin gone: it ended by itself, with exit code 3"},
        {"rig", "plugin rig: there is a driver of that name already"},
        {"other", "plugin other: it calls itself otherwise"},
    };
    struct plugins *p = NULL;
    const char *why = "";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(open_one(rows[i].name, &p, &why), ERR_INVALID);
        if (!str_starts(str_from(why), str_from(rows[i].why)))
            fail_msg("\"%s\" is not \"%s\"", why, rows[i].why);
    }
}

static void
what_is_not_asked_in_time_is_told_so(void **state)
{
    struct asking x[2];

    (void)state;
    begin(&x[0], "hang", "dlv_j");
    begin(&x[1], "Hello", "dlv_k");
    ask(&x[0]);
    ask(&x[1]);
    usleep(50000); /* the first is in hand, most likely: either will do */
    plugins_stop(plugins);
    for (int i = 0; i < 2; i++) {
        wait_for(&x[i]);
        assert_int_equal(x[i].f.verdict.verdict, VERDICT_RETRY);
        /* On a slow machine the time of the first may be over by now. */
        if (i > 0 || !str_is(x[i].f.verdict.reason, "plugin.crashed"))
            assert_text(x[i].f.verdict.reason, "plugin.down");
        call_end(&x[i].f);
    }
}

/* ---- the child, and the rest ---- */

static sem_t bystander_asked, bystander_done;
static int bystander_fd, bystander_errno;

static void *
stand_by(void *arg)
{
    (void)arg;
    sem_wait(&bystander_asked);
    bystander_fd = socket(AF_INET, SOCK_STREAM, 0);
    bystander_errno = errno;
    sem_post(&bystander_done);
    return NULL;
}

static int
ask_bystander(void)
{
    sem_post(&bystander_asked);
    sem_wait(&bystander_done);
    errno = bystander_errno;
    return bystander_fd;
}

/* As a constructor of the library might. */
static bool
begin_thread(void)
{
    pthread_t thread;

    sem_init(&bystander_asked, 0, 0);
    sem_init(&bystander_done, 0, 0);
    rig_bystander = ask_bystander;
    return pthread_create(&thread, NULL, stand_by, NULL) == 0;
}

static int
run_child(const char *name)
{
    if (strcmp(name, "gone") == 0)
        return 3;
    if (!begin_thread())
        return 5;
    if (box_limit() || box_seal())
        return 4;
    _exit(child_serve(strcmp(name, "refused") == 0 ? NULL : &rig_plugin));
}

static int
set_up(void **state)
{
    const char *why = "";

    (void)state;
    arena = arena_new();
    loop = loop_new();
    assert_int_equal(open_one("rig", &plugins, &why), ERR_OK);
    plugins_start(plugins);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    plugins_free(plugins);
    loop_free(loop);
    arena_free(arena);
    return 0;
}

int
main(int argc, char **argv)
{
    static char crash[] = "crash", hang[] = "hang", nonsense[] = "nonsense",
                much[] = "much", babble[] = "babble";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_driver_and_its_channel_are_known),
        cmocka_unit_test(a_message_goes_to_it_and_back),
        cmocka_unit_test(a_memo_that_it_leaves_as_it_is_stays_the_same),
        cmocka_unit_test(it_reaches_nobody_and_no_memory_but_its_own),
        cmocka_unit_test(where_nothing_came_the_host_judges),
        cmocka_unit_test_prestate(what_ends_it_is_given_up_the_third_time,
                                  crash),
        cmocka_unit_test_prestate(what_ends_it_is_given_up_the_third_time,
                                  hang),
        cmocka_unit_test_prestate(what_ends_it_is_given_up_the_third_time,
                                  nonsense),
        cmocka_unit_test_prestate(what_ends_it_is_given_up_the_third_time,
                                  much),
        cmocka_unit_test_prestate(what_ends_it_is_given_up_the_third_time,
                                  babble),
        cmocka_unit_test(it_may_log_so_much),
        cmocka_unit_test(who_finds_no_room_is_told_so),
        cmocka_unit_test(an_answer_is_judged_by_the_next_child),
        cmocka_unit_test(what_only_prepares_was_not_sent),
        cmocka_unit_test(who_waits_no_more_hears_nothing),
        cmocka_unit_test(who_waits_no_more_is_not_asked),
        cmocka_unit_test(webhooks_end_another_child),
        cmocka_unit_test(one_that_cannot_begin_is_refused),
        cmocka_unit_test(what_is_not_asked_in_time_is_told_so),
    };

    if (argc == 4 && strcmp(argv[1], "plugin") == 0)
        return run_child(argv[3]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
