/* store_members.c - sets of users: what each driver must keep. */
#include "store_rig.h"

#include <stdio.h>

#include "base/buf.h"

#define ROLES_MAX 4

/* "a b c" -> keys; they live in r->arena. */
static size_t
words(struct rig *r, const char *text, struct str *ret)
{
    struct str rest = str_from(text), word;
    size_t n = 0;

    while (str_split(&rest, ' ', &word))
        if (word.n > 0)
            ret[n++] = str_dup(r->arena, word);
    return n;
}

static void
put_user_of(struct rig *r, int64_t tenant, const char *id, const char *roles)
{
    struct str keys[ROLES_MAX];
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = str_from(id),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .roles = keys,
                                   .num = 77};
    struct store_object_put p = {
        .tenant = tenant, .now_ms = NOW, .writes = &w, .n_writes = 1};

    w.n_roles = words(r, roles, keys);
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(w.err, ERR_OK);
}

static void
put_user(struct rig *r, const char *id, const char *roles)
{
    put_user_of(r, T, id, roles);
}

static void
delete_object(struct rig *r, enum object_kind kind, const char *key)
{
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = kind,
                                    .key = str_from(key),
                                    .if_version = OBJECT_ANY_VERSION};

    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
}

static bool
has_object(struct rig *r, enum object_kind kind, const char *key)
{
    struct str k = str_from(key);
    struct store_object_get g = {
        .tenant = T, .kind = kind, .keys = &k, .n_keys = 1};

    assert_int_equal(ASK(r, object_get, &g), ERR_OK);
    return g.objects[0].version > 0;
}

static struct store_subscribe
subscribe_of(struct rig *r, int64_t tenant, const char *topic, const char *add,
             const char *remove)
{
    struct str *added = ARENA_ARRAY(r->arena, struct str, 64);
    struct str *removed = ARENA_ARRAY(r->arena, struct str, 64);
    struct store_subscribe s = {.tenant = tenant,
                                .now_ms = NOW,
                                .topic = str_from(topic),
                                .num = 78,
                                .add = added,
                                .remove = removed};

    s.n_add = words(r, add, added);
    s.n_remove = words(r, remove, removed);
    assert_int_equal(ASK(r, subscribe, &s), ERR_OK);
    return s;
}

static struct store_subscribe
subscribe(struct rig *r, const char *topic, const char *add, const char *remove)
{
    return subscribe_of(r, T, topic, add, remove);
}

/* "role:admin topic:news" */
static size_t
sets_of(struct rig *r, const char *text, struct member_set *ret)
{
    struct str keys[16];
    size_t n = words(r, text, keys);

    for (size_t i = 0; i < n; i++) {
        bool is_role = str_starts(keys[i], STR("role:"));

        ret[i] = (struct member_set){
            .kind = is_role ? MEMBER_ROLE : MEMBER_TOPIC,
            .key = str_sub(keys[i], is_role ? 5 : 6, SIZE_MAX)};
    }
    return n;
}

/* All of them, by pages. */
static struct str
members_of(struct rig *r, int64_t tenant, const char *sets, size_t limit)
{
    struct member_set all[16];
    struct store_members m = {.tenant = tenant, .sets = all, .limit = limit};
    struct buf found;

    buf_init(&found, r->arena);
    m.n_sets = sets_of(r, sets, all);
    do {
        assert_int_equal(ASK(r, members, &m), ERR_OK);
        assert_true(m.n_users <= limit);
        assert_true(m.n_users > 0 || !m.has_more);
        for (size_t i = 0; i < m.n_users; i++) {
            if (found.n > 0)
                buf_put_char(&found, ' ');
            buf_put_str(&found, m.users[i]);
        }
        if (m.n_users > 0)
            m.after = str_dup(r->arena, m.users[m.n_users - 1]);
    } while (m.has_more);
    return buf_str(&found);
}

static void
assert_members(struct rig *r, const char *sets, const char *users)
{
    for (size_t limit = 1; limit <= 5; limit += 2) {
        struct str found = members_of(r, T, sets, limit);

        if (!str_is(found, users))
            fail_msg("%s: \"%.*s\" is not \"%s\"", sets, STR_ARG(found), users);
    }
}

static void
roles_are_those_of_the_last_write(void **state)
{
    struct rig *r = *state;

    put_user(r, "ann", "admin ops");
    put_user(r, "bob", "ops");
    put_user(r, "cat", "");
    assert_members(r, "role:admin", "ann");
    assert_members(r, "role:ops", "ann bob");
    put_user(r, "ann", "sales ops");
    assert_members(r, "role:admin", "");
    assert_members(r, "role:ops", "ann bob");
    assert_members(r, "role:sales", "ann");
    put_user(r, "ann", "");
    assert_members(r, "role:ops role:sales", "bob");
    assert_members(r, "topic:ops", "");
}

static void
roles_of_many_are_written_at_once_and_the_last_of_one_counts(void **state)
{
    struct rig *r = *state;
    const struct str admin = STR("admin"), ops = STR("ops");
    struct store_object_write w[] = {
        {.kind = OBJECT_USER, .key = STR("ann"), .roles = &admin, .n_roles = 1},
        {.kind = OBJECT_USER, .key = STR("bob"), .roles = &ops, .n_roles = 1},
        {.kind = OBJECT_USER, .key = STR("ann"), .roles = &ops, .n_roles = 1},
        {.kind = OBJECT_USER, .key = STR("cat"), .roles = &ops, .n_roles = 1},
    };
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = w, .n_writes = 4};

    for (size_t i = 0; i < 4; i++) {
        w[i].body = STR("{}");
        w[i].if_version = i == 3 ? 9 : OBJECT_ANY_VERSION;
        w[i].num = 80 + (int64_t)i;
    }
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(w[3].err, ERR_PRECONDITION);
    assert_members(r, "role:admin", "");
    assert_members(r, "role:ops", "ann bob");
}

static void
a_put_of_all_or_none_leaves_no_roles_when_it_is_none(void **state)
{
    struct rig *r = *state;
    const struct str ops = STR("ops");
    struct store_object_write w[] = {
        {.kind = OBJECT_USER, .key = STR("ann"), .roles = &ops, .n_roles = 1},
        {.kind = OBJECT_USER, .key = STR("bob"), .if_version = 5},
    };
    struct store_object_put p = {.tenant = T,
                                 .now_ms = NOW,
                                 .writes = w,
                                 .n_writes = 2,
                                 .is_atomic = true};

    w[0].body = w[1].body = STR("{}");
    assert_int_equal(ASK(r, object_put, &p), ERR_PRECONDITION);
    assert_members(r, "role:ops", "");
}

static void
who_subscribes_is_counted_when_it_is_new(void **state)
{
    struct rig *r = *state;
    struct store_subscribe s = subscribe(r, "news", "bob ann cat", "");

    assert_int_equal(s.n_added, 3);
    assert_true(s.is_created);
    assert_true(has_object(r, OBJECT_TOPIC, "news"));
    assert_members(r, "topic:news", "ann bob cat");
    s = subscribe(r, "news", "ann dan", "cat eve");
    assert_int_equal(s.n_added, 1);
    assert_int_equal(s.n_removed, 1);
    assert_false(s.is_created);
    assert_members(r, "topic:news", "ann bob dan");
    s = subscribe(r, "other", "", "ann");
    assert_int_equal(s.n_removed, 0);
    assert_false(s.is_created);
    assert_false(has_object(r, OBJECT_TOPIC, "other"));
    assert_members(r, "role:news", "");
}

static void
a_subscription_may_be_repeated_under_an_idempotency_key(void **state)
{
    struct rig *r = *state;
    const struct str ann = STR("ann");
    struct store_subscribe s = {.tenant = T,
                                .now_ms = NOW,
                                .topic = STR("news"),
                                .add = &ann,
                                .n_add = 1};

    s.idem.key = STR("i");
    s.idem.until_ms = NOW + 10;
    assert_int_equal(ASK(r, subscribe, &s), ERR_OK);
    assert_false(s.idem.is_replay);
    assert_int_equal(s.n_added, 1);
    assert_int_equal(ASK(r, subscribe, &s), ERR_OK);
    assert_true(s.idem.is_replay);
    s.idem.fingerprint[0] = 1;
    assert_int_equal(ASK(r, subscribe, &s), ERR_IDEM_MISMATCH);
}

static void
several_sets_are_read_as_one(void **state)
{
    struct rig *r = *state;
    struct member_set sets[3];
    struct store_members m = {.tenant = T, .sets = sets, .limit = 10};

    put_user(r, "bob", "ops");
    put_user(r, "fay", "ops admin");
    subscribe(r, "news", "ann bob dan", "");
    subscribe(r, "news.sport", "dan eve", "");
    assert_members(r, "topic:news topic:news.sport", "ann bob dan eve");
    assert_members(r, "role:ops topic:news.sport role:admin topic:news",
                   "ann bob dan eve fay");
    m.n_sets = sets_of(r, "topic:none role:ops topic:news", sets);
    assert_int_equal(ASK(r, members, &m), ERR_OK);
    assert_true(sets[0].is_empty);
    assert_false(sets[1].is_empty);
    assert_false(sets[2].is_empty);
    m.n_sets = 0;
    assert_int_equal(ASK(r, members, &m), ERR_OK);
    assert_int_equal(m.n_users, 0);
    assert_false(m.has_more);
}

static void
add_run(struct rig *r, const char *topic, int from, int to, int step)
{
    struct str *users = ARENA_ARRAY(r->arena, struct str, 1000);
    struct store_subscribe s = {.tenant = T,
                                .now_ms = NOW,
                                .topic = str_from(topic),
                                .num = 79,
                                .add = users};

    for (int i = from; i < to; i += step)
        users[s.n_add++] = str_fmt(r->arena, "u%04d", i);
    assert_int_equal(ASK(r, subscribe, &s), ERR_OK);
    assert_int_equal(s.n_added, s.n_add);
}

/* Of a thousand sets a piece each is read at once: a few long ones among many
 * short and empty ones, which end at different places. */
static void
of_very_many_sets_nobody_is_missed_or_told_twice(void **state)
{
    struct rig *r = *state;
    struct member_set *sets =
        ARENA_ARRAY(r->arena, struct member_set, MEMBER_SETS_MAX);
    struct store_members m = {
        .tenant = T, .sets = sets, .n_sets = MEMBER_SETS_MAX, .limit = 100};
    int next = 0;

    for (int i = 0; i < MEMBER_SETS_MAX; i++)
        sets[i] = (struct member_set){.kind = MEMBER_TOPIC,
                                      .key = str_fmt(r->arena, "t%d", i)};
    add_run(r, "t0", 0, 300, 1);
    add_run(r, "t500", 100, 400, 3);
    add_run(r, "t999", 300, 420, 1);
    do {
        assert_int_equal(ASK(r, members, &m), ERR_OK);
        assert_true(m.n_users > 0 || !m.has_more);
        for (size_t i = 0; i < m.n_users; i++) {
            char id[16];

            snprintf(id, sizeof(id), "u%04d", next++);
            assert_true(str_is(m.users[i], id));
        }
        m.after = str_fmt(r->arena, "u%04d", next - 1);
    } while (m.has_more);
    assert_int_equal(next, 420);
}

static void
with_a_user_goes_all_that_it_was_in_and_what_it_wanted(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = {.kind = OBJECT_PREFERENCE,
                                   .key = STR("ann"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};

    put_user(r, "ann", "ops");
    put_user(r, "bob", "ops");
    put_user_of(r, T + 1, "ann", "ops");
    subscribe(r, "news", "ann bob", "");
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    delete_object(r, OBJECT_USER, "ann");
    assert_members(r, "role:ops topic:news", "bob");
    assert_false(has_object(r, OBJECT_PREFERENCE, "ann"));
    assert_true(str_is(members_of(r, T + 1, "role:ops", 5), "ann"));
    put_user(r, "ann", "");
    assert_members(r, "role:ops topic:news", "bob");
    delete_object(r, OBJECT_USER, "ann"); /* which wants nothing */
}

static void
a_delete_tells_of_each_document_that_went(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = {.kind = OBJECT_PREFERENCE,
                                   .key = STR("ann"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = STR("ann"),
                                    .if_version = OBJECT_ANY_VERSION};
    struct store_changes c = {.limit = 10};

    put_user(r, "ann", "");
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    rig_listen(r);
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    c.after_seq = p.seq;
    assert_int_equal(ASK(r, changes, &c), ERR_OK);
    assert_int_equal(c.n_changes, 2);
    assert_int_equal(c.changes[0].kind, OBJECT_USER);
    assert_int_equal(c.changes[1].kind, OBJECT_PREFERENCE);
    assert_int_equal(d.seq, c.changes[1].seq);
    assert_int_equal(r->n_heard, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(r->heard[i].notice.kind, STORE_NOTICE_CHANGE);
        assert_int_equal(r->heard[i].notice.seq, c.changes[i].seq);
        assert_int_equal(r->heard[i].notice.object_kind, c.changes[i].kind);
    }
}

static void
with_a_topic_go_its_members_and_no_others(void **state)
{
    struct rig *r = *state;

    put_user(r, "ann", "news");
    subscribe(r, "news", "ann bob", "");
    subscribe(r, "news.sport", "bob", "");
    delete_object(r, OBJECT_TOPIC, "news");
    assert_members(r, "topic:news", "");
    assert_members(r, "topic:news.sport", "bob");
    assert_members(r, "role:news", "ann");
    assert_true(subscribe(r, "news", "cat", "").is_created);
    assert_members(r, "topic:news", "cat");
    assert_true(has_object(r, OBJECT_TOPIC, "news"));
}

static void
a_user_is_asked_for_what_it_is_in(void **state)
{
    struct rig *r = *state;
    struct store_memberships m = {
        .tenant = T, .kind = MEMBER_TOPIC, .user = STR("ann"), .limit = 2};

    put_user(r, "ann", "ops");
    subscribe(r, "b", "ann bob", "");
    subscribe(r, "a", "ann", "");
    subscribe(r, "c", "ann", "");
    subscribe(r, "d", "bob", "");
    assert_int_equal(ASK(r, memberships, &m), ERR_OK);
    assert_int_equal(m.n_keys, 2);
    assert_true(str_is(m.keys[0], "a"));
    assert_true(str_is(m.keys[1], "b"));
    assert_true(m.has_more);
    m.after = str_dup(r->arena, m.keys[1]);
    assert_int_equal(ASK(r, memberships, &m), ERR_OK);
    assert_int_equal(m.n_keys, 1);
    assert_true(str_is(m.keys[0], "c"));
    assert_false(m.has_more);
    m.kind = MEMBER_ROLE;
    m.after = STR_NONE;
    assert_int_equal(ASK(r, memberships, &m), ERR_OK);
    assert_int_equal(m.n_keys, 1);
    assert_true(str_is(m.keys[0], "ops"));
}

static void
sets_of_another_tenant_are_other_sets(void **state)
{
    struct rig *r = *state;
    struct store_memberships m = {
        .tenant = T + 1, .kind = MEMBER_TOPIC, .user = STR("ann"), .limit = 5};

    put_user(r, "ann", "ops");
    subscribe(r, "news", "ann bob", "");
    assert_true(str_is(members_of(r, T + 1, "role:ops topic:news", 5), ""));
    assert_int_equal(ASK(r, memberships, &m), ERR_OK);
    assert_int_equal(m.n_keys, 0);
    assert_true(subscribe_of(r, T + 1, "news", "ann", "bob").is_created);
    put_user_of(r, T + 1, "ann", "");
    assert_members(r, "role:ops topic:news", "ann bob");
    delete_object(r, OBJECT_TOPIC, "news");
    assert_true(str_is(members_of(r, T + 1, "topic:news", 5), "ann"));
}

static void
members_are_there_after_a_restart(void **state)
{
    struct rig *r = *state;

    if (!r->kind->is_durable)
        return;
    put_user(r, "ann", "ops");
    subscribe(r, "news", "bob", "");
    rig_reopen(r);
    assert_members(r, "role:ops topic:news", "ann bob");
}

const struct CMUnitTest member_tests[] = {
    RIG_TEST(roles_are_those_of_the_last_write),
    RIG_TEST(roles_of_many_are_written_at_once_and_the_last_of_one_counts),
    RIG_TEST(a_put_of_all_or_none_leaves_no_roles_when_it_is_none),
    RIG_TEST(who_subscribes_is_counted_when_it_is_new),
    RIG_TEST(a_subscription_may_be_repeated_under_an_idempotency_key),
    RIG_TEST(several_sets_are_read_as_one),
    RIG_TEST(of_very_many_sets_nobody_is_missed_or_told_twice),
    RIG_TEST(with_a_user_goes_all_that_it_was_in_and_what_it_wanted),
    RIG_TEST(a_delete_tells_of_each_document_that_went),
    RIG_TEST(with_a_topic_go_its_members_and_no_others),
    RIG_TEST(a_user_is_asked_for_what_it_is_in),
    RIG_TEST(sets_of_another_tenant_are_other_sets),
    RIG_TEST(members_are_there_after_a_restart),
};
const size_t member_tests_n = sizeof(member_tests) / sizeof(*member_tests);
