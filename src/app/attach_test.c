#include "app/attach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "store/memory/memory.h"

#define TENANT 7
#define MIB ((size_t)1024 * 1024)

/* A store, and a world that answers as `answer` says. */
struct shop {
    struct env env;
    struct clock_virtual clock;
    struct rng rng;
    struct arena *arena;
    struct outcaller outcaller;
    struct channel_answer answer;
    struct shelf *shelf;
    struct outcall *called[8]; /* not answered yet, in their order */
    size_t n_called;
    bool is_slow; /* they are answered by hand */
    struct task task;
    int n_calls;
    size_t last_max;
    int64_t last_timeout_ms;
};

struct customer {
    struct taking t;
    int n_told;
};

static void
answer_first(struct shop *s)
{
    struct outcall *c = s->called[0];

    assert_true(s->n_called > 0);
    s->n_called--;
    memmove(s->called, s->called + 1, s->n_called * sizeof(s->called[0]));
    c->on_done(c, &s->answer);
}

static void
on_answer(struct task *task)
{
    struct shop *s = CONTAINER_OF(task, struct shop, task);

    for (size_t n = s->n_called; n > 0; n--)
        answer_first(s);
}

static void
start_call(struct outcaller *o, struct outcall *c)
{
    struct shop *s = CONTAINER_OF(o, struct shop, outcaller);

    assert_true(s->n_called < sizeof(s->called) / sizeof(s->called[0]));
    s->n_calls++;
    s->last_max = c->request.answer_max;
    s->last_timeout_ms = c->timeout_ms;
    s->called[s->n_called++] = c;
    if (s->is_slow || s->n_called > 1)
        return;
    s->task.run = on_answer;
    loop_defer(s->env.loop, &s->task);
}

static int
open_shop(void **state)
{
    struct shop *s = xcalloc(1, sizeof(*s));

    clock_virtual_init(&s->clock, 1000000);
    rng_seed(&s->rng, 1);
    s->arena = arena_new();
    s->env = (struct env){
        .loop = loop_new(), .clock = &s->clock.base, .rng = &s->rng};
    loop_use_clock(s->env.loop, &s->clock.base);
    s->env.store = memory_store_open(&(struct memory_store_options){
        .loop = s->env.loop, .clock = &s->clock.base, .seed = 1});
    s->outcaller.start = start_call;
    s->answer = (struct channel_answer){
        .outcome = CHANNEL_ANSWERED, .status = 200, .body = STR("hello")};
    s->shelf = shelf_new(&s->env, &s->outcaller);
    *state = s;
    return 0;
}

static int
close_shop(void **state)
{
    struct shop *s = *state;

    shelf_free(s->shelf);
    store_close(s->env.store);
    loop_free(s->env.loop);
    arena_free(s->arena);
    free(s);
    return 0;
}

static void
turn(struct shop *s)
{
    for (int i = 0; i < 200; i++) {
        s->clock.now_ms++;
        loop_turn(s->env.loop, 0);
    }
}

static void
on_kept(struct store_req *req, enum err e)
{
    assert_int_equal(e, ERR_OK);
    req->arena = NULL;
}

/* A notification with one file, which is "hello". */
static void
keep(struct shop *s, int64_t id)
{
    struct store_attachment file = {0, STR("aGVsbG8=")};
    struct store_accept_item item = {
        .notification = {.id = id,
                         .created_ms = 1,
                         .doc = STR("{}"),
                         .note = STR("{}")},
        .attachments = &file,
        .n_attachments = 1,
    };
    struct store_accept a = {
        .req = {.arena = arena_new(), .loop = s->env.loop, .on_done = on_kept},
        .tenant = TENANT,
        .now_ms = 1,
        .items = &item,
        .n_items = 1,
    };
    struct arena *arena = a.req.arena;

    store_accept(s->env.store, &a);
    while (a.req.arena)
        turn(s);
    arena_free(arena);
}

static void
on_done(struct taking *t)
{
    CONTAINER_OF(t, struct customer, t)->n_told++;
}

static const struct attachment sent[] = {
    {.filename = {"a", 1}, .content_type = {"a/b", 3}, .size = 5}};
static const struct attachment both[] = {
    {.filename = {"a", 1}, .content_type = {"a/b", 3}, .size = 5},
    {.filename = {"b", 1},
     .content_type = {"a/b", 3},
     .url = {"http://example.com/b", 20}}};

static void
take(struct shop *s, struct customer *c, int64_t id,
     const struct attachment *wanted, size_t n)
{
    *c = (struct customer){.t = {.tenant = TENANT,
                                 .notification = id,
                                 .wanted = wanted,
                                 .n = n,
                                 .timeout_ms = 1000,
                                 .on_done = on_done}};
    list_init(&c->t.link);
    shelf_take(s->shelf, &c->t);
    assert_int_equal(c->n_told, 0);
}

static void
many_have_what_was_loaded_once(void **state)
{
    struct shop *s = *state;
    struct customer a, b, c;

    keep(s, 1000);
    take(s, &a, 1000, both, 2);
    take(s, &b, 1000, both, 2);
    turn(s);
    take(s, &c, 1000, both, 2);
    turn(s);
    assert_int_equal(a.n_told + b.n_told + c.n_told, 3);
    assert_ptr_equal(a.t.rows, b.t.rows);
    assert_ptr_equal(a.t.rows, c.t.rows);
    assert_true(str_is(a.t.rows[0].content, "aGVsbG8="));
    assert_true(str_is(a.t.rows[1].content, "aGVsbG8="));
    assert_int_equal(a.t.rows[1].size, 5);
    assert_int_equal(s->n_calls, 1);
    assert_int_equal(s->last_max, ATTACHMENTS_BYTES_MAX - 5);
    shelf_put(&a.t);
    shelf_put(&b.t);
    shelf_put(&c.t);
    shelf_put(&c.t); /* again is nothing */
}

static void
it_stays_for_a_moment(void **state)
{
    struct shop *s = *state;
    struct customer a;

    keep(s, 1000);
    for (int i = 0; i < 3; i++) {
        take(s, &a, 1000, both, 2);
        turn(s);
        assert_int_equal(a.n_told, 1);
        shelf_put(&a.t);
        assert_int_equal(s->n_calls, i < 2 ? 1 : 2);
        if (i == 1) {
            s->clock.now_ms += 70000;
            turn(s);
            s->clock.now_ms += 70000;
            turn(s);
        }
    }
}

static void
each_fault_is_told_and_forgotten(void **state)
{
    static const struct {
        struct channel_answer answer;
        enum verdict verdict;
        const char *reason, *detail;
    } rows[] = {
        {{.outcome = CHANNEL_ANSWERED, .status = 404},
         VERDICT_REJECTED,
         "attachment.refused",
         "attachment 2, b: its URL answered 404"},
        {{.outcome = CHANNEL_ANSWERED, .status = 301},
         VERDICT_REJECTED,
         "attachment.refused",
         "attachment 2, b: its URL answered 301"},
        {{.outcome = CHANNEL_ANSWERED, .status = 200},
         VERDICT_REJECTED,
         "attachment.refused",
         "attachment 2, b: its URL answered with nothing"},
        {{.outcome = CHANNEL_ANSWERED, .status = 503},
         VERDICT_RETRY,
         "attachment.unavailable",
         "attachment 2, b: its URL answered 503"},
        {{.outcome = CHANNEL_ANSWERED, .status = 429},
         VERDICT_RETRY,
         "attachment.unavailable",
         "attachment 2, b: its URL answered 429"},
        {{.outcome = CHANNEL_NOT_SENT, .cause = CHANNEL_CAUSE_NETWORK},
         VERDICT_RETRY,
         "attachment.unavailable",
         "attachment 2, b: its URL could not be fetched"},
        {{.outcome = CHANNEL_UNKNOWN, .cause = CHANNEL_CAUSE_TIMEOUT},
         VERDICT_RETRY,
         "attachment.unavailable",
         "attachment 2, b: its URL did not answer in time"},
        {{.outcome = CHANNEL_NOT_SENT,
          .cause = CHANNEL_CAUSE_EGRESS,
          .detail = {"10.0.0.1 is an address that may not be called", 45}},
         VERDICT_REJECTED,
         "egress.refused",
         "attachment 2, b: 10.0.0.1 is an address that may not be called"},
        {{.outcome = CHANNEL_UNKNOWN, .is_overlong = true, .status = 200},
         VERDICT_REJECTED,
         "size.too_large",
         "attachment 2, b: with it there are more than 10 MiB"},
    };
    struct shop *s = *state;

    keep(s, 1000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct customer a, b;

        s->answer = rows[i].answer;
        take(s, &a, 1000, both, 2);
        take(s, &b, 1000, both, 2);
        turn(s);
        assert_null(a.t.rows);
        assert_null(b.t.rows);
        assert_int_equal(a.t.verdict, rows[i].verdict);
        assert_true(str_is(b.t.reason, rows[i].reason));
        assert_true(str_is(b.t.detail, rows[i].detail));
        assert_int_equal(s->n_calls, i + 1);
        shelf_put(&a.t);
        shelf_put(&b.t);
    }
}

static void
what_is_not_kept_any_more_ends_it(void **state)
{
    struct shop *s = *state;
    struct customer a;

    take(s, &a, 1000, sent, 1);
    turn(s);
    assert_int_equal(a.n_told, 1);
    assert_null(a.t.rows);
    assert_int_equal(a.t.verdict, VERDICT_REJECTED);
    assert_true(str_is(a.t.reason, "attachment.refused"));
    shelf_put(&a.t);
}

static const struct attachment far[] = {{.filename = {"b", 1},
                                         .content_type = {"a/b", 3},
                                         .url = {"http://example.com/b", 20}}};

static void
take_far(struct shop *s, struct customer *c, int64_t tenant, int64_t id)
{
    *c = (struct customer){.t = {.tenant = tenant,
                                 .notification = id,
                                 .wanted = far,
                                 .n = 1,
                                 .timeout_ms = 60000,
                                 .on_done = on_done}};
    list_init(&c->t.link);
    shelf_take(s->shelf, &c->t);
}

static void
slow_urls_hold_up_nobody_else(void **state)
{
    const struct attachment large = {
        .filename = STR("a"), .content_type = STR("a/b"), .size = 10 * MIB};
    struct shop *s = *state;
    struct customer slow[4], other;

    s->is_slow = true;
    for (int i = 0; i < 4; i++)
        take_far(s, &slow[i], TENANT, 2000 + i);
    turn(s);
    assert_int_equal(s->n_called, 2); /* so many at a time */
    keep(s, 1000);
    take(s, &other, 1000, &large, 1);
    turn(s);
    assert_int_equal(other.n_told, 1);
    shelf_put(&other.t);
    for (int i = 0; i < 4; i++) {
        answer_first(s);
        turn(s);
        assert_int_equal(slow[i].n_told, 1);
        assert_non_null(slow[i].t.rows);
        shelf_put(&slow[i].t);
    }
}

static void
tenants_take_turns_at_urls(void **state)
{
    /* The third of the first was there before the others came. */
    static const int64_t turns[] = {1, 1, 1, 2, 3, 1, 2};
    struct shop *s = *state;
    struct customer c[7];
    size_t n = 0;

    s->is_slow = true;
    for (int i = 0; i < 4; i++)
        take_far(s, &c[n++], 1, 2000 + i);
    take_far(s, &c[n++], 2, 2000);
    take_far(s, &c[n++], 2, 2001);
    take_far(s, &c[n++], 3, 2000);
    for (size_t i = 0; i < n; i++) {
        turn(s);
        assert_true(s->n_called > 0);
        assert_int_equal(s->called[0]->tenant, turns[i]);
        answer_first(s);
    }
    turn(s);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c[i].n_told, 1);
        shelf_put(&c[i].t);
    }
}

static void
who_waits_for_the_same_url_hears_the_same(void **state)
{
    struct shop *s = *state;
    struct customer c[5];

    s->is_slow = true;
    s->answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                        .cause = CHANNEL_CAUSE_TIMEOUT};
    for (int i = 0; i < 5; i++)
        take_far(s, &c[i], TENANT, 2000);
    turn(s);
    assert_int_equal(s->n_called, 1);
    answer_first(s);
    turn(s);
    assert_int_equal(s->n_called, 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(c[i].n_told, 1);
        assert_int_equal(c[i].t.verdict, VERDICT_RETRY);
        shelf_put(&c[i].t);
    }
}

static void
all_urls_of_one_have_one_deadline(void **state)
{
    const struct attachment three[] = {far[0], far[0], far[0]};
    struct shop *s = *state;
    struct customer c;

    s->is_slow = true;
    take(s, &c, 2000, three, 3); /* within 1000 ms */
    turn(s);
    assert_int_equal(s->last_timeout_ms, 1000);
    s->clock.now_ms += 500;
    answer_first(s);
    assert_in_range(s->last_timeout_ms, 1, 500);
    s->clock.now_ms += 500;
    answer_first(s);
    turn(s);
    assert_int_equal(s->n_calls, 2);
    assert_int_equal(c.n_told, 1);
    assert_true(
        str_is(c.t.detail, "attachment 3, b: its URL did not answer in time"));
    shelf_put(&c.t);
    take_far(s, &c, TENANT, 2001); /* whose provider is patient */
    turn(s);
    assert_int_equal(s->last_timeout_ms, 30000);
    answer_first(s);
    turn(s);
    shelf_put(&c.t);
}

/* They say that they are large: that is what counts. */
static void
who_finds_no_room_waits_in_line(void **state)
{
    const struct attachment large = {
        .filename = STR("a"), .content_type = STR("a/b"), .size = 10 * MIB};
    struct shop *s = *state;
    struct customer c[4];

    for (int i = 0; i < 4; i++)
        keep(s, 1000 + i);
    for (int i = 0; i < 3; i++)
        take(s, &c[i], 1000 + i, &large, 1);
    take(s, &c[3], 1003, sent, 1);
    turn(s);
    assert_int_equal(c[0].n_told + c[1].n_told, 2);
    assert_int_equal(c[2].n_told, 0);
    assert_int_equal(c[3].n_told, 0); /* there is room, but not before it */
    shelf_put(&c[0].t);
    turn(s);
    assert_int_equal(c[2].n_told, 1);
    assert_int_equal(c[3].n_told, 1);
    for (int i = 1; i < 4; i++)
        shelf_put(&c[i].t);
}

static void
who_leaves_is_told_nothing(void **state)
{
    struct shop *s = *state;
    struct customer early, late, other;

    keep(s, 1000);
    take(s, &early, 1000, both, 2);
    shelf_put(&early.t); /* while it is being read */
    take(s, &late, 1000, both, 2);
    turn(s);
    assert_int_equal(early.n_told, 0);
    assert_int_equal(late.n_told, 1);
    take(s, &other, 1000, both, 2);
    shelf_put(&other.t); /* before it is told */
    turn(s);
    assert_int_equal(other.n_told, 0);
    shelf_put(&late.t);
}

static void
a_shelf_may_end_while_it_loads(void **state)
{
    struct shop *s = *state;
    struct customer a;

    keep(s, 1000);
    take(s, &a, 1000, both, 2);
    shelf_put(&a.t);
    shelf_free(s->shelf);
    turn(s);
    assert_int_equal(a.n_told, 0);
    s->shelf = shelf_new(&s->env, &s->outcaller);
}

#define SHOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_shop, close_shop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SHOP_TEST(many_have_what_was_loaded_once),
        SHOP_TEST(it_stays_for_a_moment),
        SHOP_TEST(each_fault_is_told_and_forgotten),
        SHOP_TEST(what_is_not_kept_any_more_ends_it),
        SHOP_TEST(who_finds_no_room_waits_in_line),
        SHOP_TEST(slow_urls_hold_up_nobody_else),
        SHOP_TEST(tenants_take_turns_at_urls),
        SHOP_TEST(who_waits_for_the_same_url_hears_the_same),
        SHOP_TEST(all_urls_of_one_have_one_deadline),
        SHOP_TEST(who_leaves_is_told_nothing),
        SHOP_TEST(a_shelf_may_end_while_it_loads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
