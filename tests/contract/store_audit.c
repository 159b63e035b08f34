/* store_audit.c - who changed what: a line with each change, and none without
 * one, whatever the driver. */
#include <stdio.h>

#include "base/id.h"
#include "store_rig.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define THEN INT64_C(1790000000000)

static const struct audit *
by(struct rig *r, int64_t n, const char *actor)
{
    struct audit *a = ARENA_NEW(r->arena, struct audit);

    *a = (struct audit){.tenant = T,
                        .id = id_after(THEN + n),
                        .now_ms = THEN + n,
                        .actor = str_from(actor),
                        .actor_name = STR("shop"),
                        .source = STR("10.0.0.9"),
                        .request_id = STR("req_1"),
                        .key = STR("by_path")};
    return a;
}

static struct store_audit_list
list_of(struct rig *r, struct store_audit_list l)
{
    l.limit = l.limit ? l.limit : 100;
    l.tenant = l.tenant ? l.tenant : T;
    assert_int_equal(ASK(r, audit_list, &l), ERR_OK);
    return l;
}

static size_t
count(struct rig *r)
{
    return list_of(r, (struct store_audit_list){0}).n_lines;
}

/* As "create provider mail 0>1". */
static void
assert_line(const struct audit_line *l, const char *want)
{
    char is[200];

    snprintf(is, sizeof(is), "%.*s %.*s %.*s %lld>%lld", STR_ARG(l->action),
             STR_ARG(l->kind), STR_ARG(l->key), (long long)l->from_version,
             (long long)l->to_version);
    assert_string_equal(is, want);
}

static struct store_object_put
put_one(struct rig *r, struct store_object_write *w, const struct audit *a)
{
    struct store_object_put p = {.tenant = T,
                                 .now_ms = NOW,
                                 .writes = w,
                                 .n_writes = 1,
                                 .req = {.audit = a}};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    return p;
}

static struct store_object_write
provider(const char *key, int64_t if_version)
{
    return (struct store_object_write){.kind = OBJECT_PROVIDER,
                                       .key = str_from(key),
                                       .body = STR("{}"),
                                       .if_version = if_version,
                                       .num = 77};
}

static void
a_change_comes_with_its_line(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = provider("mail", OBJECT_ANY_VERSION);
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_PROVIDER,
                                    .key = STR("mail"),
                                    .if_version = OBJECT_ANY_VERSION};
    struct store_audit_list l;

    put_one(r, &w, by(r, 1, "root"));
    put_one(r, &w, by(r, 2, "key:a"));
    d.req.audit = by(r, 3, "key:a");
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(d.version, 2);
    l = list_of(r, (struct store_audit_list){0});
    assert_int_equal(l.n_lines, 3);
    assert_int_equal(l.next_before, 0);
    assert_line(&l.lines[0], "delete provider mail 2>0");
    assert_line(&l.lines[1], "replace provider mail 1>2");
    assert_line(&l.lines[2], "create provider mail 0>1");
    assert_true(str_is(l.lines[2].actor, "root"));
    assert_true(str_is(l.lines[1].actor_name, "shop"));
    assert_true(str_is(l.lines[1].source, "10.0.0.9"));
    assert_true(str_is(l.lines[1].request_id, "req_1"));
    assert_int_equal(l.lines[1].at_ms, THEN + 2);
    assert_int_equal(
        list_of(r, (struct store_audit_list){.tenant = T + 1}).n_lines, 0);
}

static void
without_a_change_there_is_no_line(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = provider("mail", 5);
    struct store_object_write two[] = {provider("a", 0), provider("b", 9)};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_PROVIDER,
                                    .key = STR("mail"),
                                    .if_version = OBJECT_ANY_VERSION};
    struct store_object_put p = {.tenant = T,
                                 .now_ms = NOW,
                                 .writes = two,
                                 .n_writes = 2,
                                 .is_atomic = true};

    put_one(r, &w, by(r, 1, "root"));
    d.req.audit = by(r, 2, "root");
    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
    p.req.audit = by(r, 3, "root");
    assert_int_equal(ASK(r, object_put, &p), ERR_PRECONDITION);
    assert_int_equal(count(r), 0);
    w = provider("mail", OBJECT_ANY_VERSION);
    put_one(r, &w, NULL); /* nobody asks: nobody is told of */
    assert_int_equal(count(r), 0);
}

static void
what_applications_do_all_day_has_none(void **state)
{
    struct rig *r = *state;
    struct store_object_write user = {.kind = OBJECT_USER,
                                      .key = STR("ann"),
                                      .body = STR("{}"),
                                      .if_version = OBJECT_ANY_VERSION,
                                      .num = 78};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = STR("ann"),
                                    .if_version = OBJECT_ANY_VERSION};
    struct store_audit_list l;

    put_one(r, &user, by(r, 1, "root"));
    assert_int_equal(count(r), 0);
    d.req.audit = by(r, 2, "root");
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    l = list_of(r, (struct store_audit_list){0});
    assert_int_equal(l.n_lines, 1);
    assert_line(&l.lines[0], "delete user ann 1>0");
}

static void
what_a_key_suppresses_has_a_line(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = {.kind = OBJECT_SUPPRESSION,
                                   .key = STR("email:a@b.c"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 79};

    put_one(r, &w, NULL); /* the addressee did it */
    assert_int_equal(count(r), 0);
    put_one(r, &w, by(r, 1, "root"));
    assert_line(&list_of(r, (struct store_audit_list){0}).lines[0],
                "replace suppression email:a@b.c 1>2");
}

static void
say(struct store_req *req, struct buf *body, int *status)
{
    (void)req;
    buf_put_cstr(body, "{}");
    *status = 201;
}

static void
a_repeated_request_tells_once(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 2; i++) {
        struct store_object_write w = provider("mail", OBJECT_ANY_VERSION);
        struct store_object_put p = {.tenant = T,
                                     .now_ms = NOW,
                                     .writes = &w,
                                     .n_writes = 1,
                                     .req = {.audit = by(r, 1 + i, "root")},
                                     .idem = {.key = STR("k"),
                                              .until_ms = INT64_C(1) << 42,
                                              .answer = say}};

        assert_int_equal(ASK(r, object_put, &p), ERR_OK);
        assert_int_equal(p.idem.is_replay, i == 1);
    }
    assert_int_equal(count(r), 1);
}

static void
deeds_have_lines_once_they_are_done(void **state)
{
    struct rig *r = *state;
    struct store_act act = {.tenant = T,
                            .kind = STORE_ACT_DISCARD,
                            .delivery = 1001,
                            .now_ms = NOW};
    struct store_cancel cancel = {
        .tenant = T, .notification = 2000, .now_ms = NOW, .max = 10};
    struct store_digest_flush flush = {.tenant = T, .id = 4, .now_ms = NOW};
    struct store_audit_list l;

    send_one(r, &(struct send){.id = 1000, .status = DELIVERY_DEAD});
    send_one(r, &(struct send){.id = 2000});
    act.req.audit = by(r, 1, "root");
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    act.req.audit = by(r, 2, "root");
    assert_int_equal(ASK(r, act, &act), ERR_CONFLICT);
    act.delivery = 9;
    assert_int_equal(ASK(r, act, &act), ERR_NOT_FOUND);
    cancel.req.audit = by(r, 3, "root");
    assert_int_equal(ASK(r, cancel, &cancel), ERR_OK);
    cancel.notification = 9;
    cancel.req.audit = by(r, 4, "root");
    assert_int_equal(ASK(r, cancel, &cancel), ERR_NOT_FOUND);
    flush.req.audit = by(r, 5, "root");
    assert_int_equal(ASK(r, digest_flush, &flush), ERR_NOT_FOUND);
    l = list_of(r, (struct store_audit_list){0});
    assert_int_equal(l.n_lines, 2);
    assert_line(&l.lines[0], "cancel notification by_path 0>0");
    assert_line(&l.lines[1], "discard delivery by_path 0>0");
}

static void
one_who_decides_is_told_of(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_audit_list l;

    a->items[0].n_deliveries = 0;
    a->items[0].has_more = a->items[0].is_held = true;
    a->items[0].due_ms = INT64_C(1) << 42;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    for (int i = 0; i < 2; i++) {
        struct store_decide d = {.tenant = T,
                                 .notification = 1000,
                                 .now_ms = NOW,
                                 .is_approved = true,
                                 .by = STR("eve"),
                                 .req = {.audit = by(r, 1 + i, "key:a")}};

        assert_int_equal(ASK(r, decide, &d), ERR_OK);
        assert_int_equal(d.is_news, i == 0);
    }
    l = list_of(r, (struct store_audit_list){0});
    assert_int_equal(l.n_lines, 1);
    assert_line(&l.lines[0], "approve notification by_path 0>0");
}

static void
note(struct rig *r, int64_t n, const char *actor, const char *kind)
{
    struct audit a = *by(r, n, actor);
    struct store_audit_add add = {.req = {.audit = &a}};

    a.action = STR("export");
    a.kind = str_from(kind);
    assert_int_equal(ASK(r, audit_add, &add), ERR_OK);
}

static void
a_list_goes_page_by_page_and_is_filtered(void **state)
{
    struct rig *r = *state;
    struct store_audit_list l = {.limit = 3};
    size_t n = 0;

    for (int64_t i = 0; i < 10; i++)
        note(r, i, i % 2 ? "root" : "key:a", i < 4 ? "user" : "topic");
    for (int page = 0; page == 0 || l.next_before > 0; page++) {
        l = list_of(
            r, (struct store_audit_list){.limit = 3, .before = l.next_before});
        for (size_t i = 0; i < l.n_lines; i++)
            assert_int_equal(l.lines[i].at_ms, THEN + 9 - (int64_t)n++);
    }
    assert_int_equal(n, 10);
    l = list_of(r, (struct store_audit_list){
                       .filter = {.actor = STR("root"), .kind = STR("user")}});
    assert_int_equal(l.n_lines, 2);
    assert_int_equal(l.lines[0].at_ms, THEN + 3);
    l = list_of(r, (struct store_audit_list){.filter = {.since_ms = THEN + 7}});
    assert_int_equal(l.n_lines, 3);
    l = list_of(r, (struct store_audit_list){.filter = {.key = STR("no")}});
    assert_int_equal(l.n_lines, 0);
    assert_int_equal(l.next_before, 0);
    l = list_of(r,
                (struct store_audit_list){.filter = {.action = STR("export"),
                                                     .key = STR("by_path")}});
    assert_int_equal(l.n_lines, 10);
}

static void
what_is_old_goes(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {.now_ms = NOW, .max = 100};

    note(r, 1, "root", "user");
    note(r, DAY_MS, "root", "user");
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(count(r), 2);
    p.audit_before_ms = THEN + 1000;
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(count(r), 1);
}

const struct CMUnitTest audit_tests[] = {
    RIG_TEST(a_change_comes_with_its_line),
    RIG_TEST(without_a_change_there_is_no_line),
    RIG_TEST(what_applications_do_all_day_has_none),
    RIG_TEST(what_a_key_suppresses_has_a_line),
    RIG_TEST(a_repeated_request_tells_once),
    RIG_TEST(deeds_have_lines_once_they_are_done),
    RIG_TEST(one_who_decides_is_told_of),
    RIG_TEST(a_list_goes_page_by_page_and_is_filtered),
    RIG_TEST(what_is_old_goes),
};
const size_t audit_tests_n = sizeof(audit_tests) / sizeof(*audit_tests);
