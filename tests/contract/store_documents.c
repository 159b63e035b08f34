/* store_documents.c - objects, inboxes and what is read: what each driver must
 * keep. */
#include "base/id.h"
#include "store_rig.h"

#include <stdio.h>

/* ---- objects ---- */

static enum err
put(struct rig *r, const char *key, const char *body, int64_t if_version,
    struct store_object_write *ret)
{
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = ret, .n_writes = 1};

    *ret = (struct store_object_write){.kind = OBJECT_USER,
                                       .key = str_from(key),
                                       .body = str_from(body),
                                       .if_version = if_version,
                                       .num = 77};
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    return ret->err;
}

static struct object
get(struct rig *r, int64_t tenant, const char *key)
{
    struct str k = str_from(key);
    struct store_object_get g = {
        .tenant = tenant, .kind = OBJECT_USER, .keys = &k, .n_keys = 1};

    assert_int_equal(ASK(r, object_get, &g), ERR_OK);
    return g.objects[0];
}

static void
a_document_has_versions_that_go_on_after_a_delete(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = STR("ann"),
                                    .if_version = 1};

    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_OK);
    assert_true(w.is_created);
    assert_int_equal(w.object.version, 1);
    assert_int_equal(w.object.num, 77);
    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_PRECONDITION);
    assert_int_equal(w.object.version, 1);
    assert_int_equal(put(r, "ann", "{\"a\":1}", 1, &w), ERR_OK);
    assert_false(w.is_created);
    assert_int_equal(w.object.version, 2);
    assert_int_equal(ASK(r, object_delete, &d), ERR_PRECONDITION);
    d.if_version = OBJECT_ANY_VERSION;
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
    assert_int_equal(get(r, T, "ann").version, 0);
    assert_int_equal(put(r, "ann", "{}", 2, &w), ERR_PRECONDITION);
    assert_int_equal(w.object.version, 0);
    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_OK);
    assert_true(w.is_created);
    assert_int_equal(w.object.version, 4);
}

static void
a_document_reads_as_it_was_written(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct object o;

    put(r, "ann", "{\"a\":1}", OBJECT_ANY_VERSION, &w);
    put(r, "ann", "{\"a\":2}", OBJECT_ANY_VERSION, &w);
    o = get(r, T, "ann");
    assert_int_equal(o.tenant, T);
    assert_int_equal(o.kind, OBJECT_USER);
    assert_true(str_is(o.key, "ann"));
    assert_int_equal(o.num, 77);
    assert_int_equal(o.version, 2);
    assert_true(str_is(o.body, "{\"a\":2}"));
    assert_int_equal(o.created_ms, NOW);
    assert_int_equal(get(r, T, "bob").version, 0);
    assert_int_equal(get(r, T + 1, "ann").version, 0);
}

static void
suppress(struct rig *r, int64_t tenant, const char *key)
{
    struct store_object_write w = {.kind = OBJECT_SUPPRESSION,
                                   .key = str_from(key),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 1};
    struct store_object_put p = {
        .tenant = tenant, .now_ms = NOW, .writes = &w, .n_writes = 1};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
}

static int64_t
version_of(struct rig *r, const char *key)
{
    const struct str k = str_from(key);
    struct store_object_get g = {
        .tenant = T, .kind = OBJECT_SUPPRESSION, .keys = &k, .n_keys = 1};

    assert_int_equal(ASK(r, object_get, &g), ERR_OK);
    return g.objects[0].version;
}

/* Those of them that are there, and each is told of. */
static void
several_documents_go_together(void **state)
{
    static const struct str keys[] = {
        {"email:a", 7}, {"slack:a", 7}, {"sms:a", 5}, {"webhook:a", 9}};
    struct rig *r = *state;
    const struct audit who = {
        .tenant = T, .id = id_after(NOW), .now_ms = NOW, .actor = STR("root")};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_SUPPRESSION,
                                    .keys = keys,
                                    .n_keys = 4};
    struct store_audit_list told = {.tenant = T, .limit = 10};

    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
    suppress(r, T, "email:a");
    suppress(r, T, "sms:a");
    suppress(r, T, "sms:a");
    suppress(r, T, "sms:b");
    d.req.audit = &who;
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_true(d.seq > 0);
    assert_int_equal(d.versions[0], 1);
    assert_int_equal(d.versions[1], 0);
    assert_int_equal(d.versions[2], 2);
    assert_int_equal(d.versions[3], 0);
    assert_int_equal(version_of(r, "email:a"), 0);
    assert_int_equal(version_of(r, "sms:a"), 0);
    assert_int_equal(version_of(r, "sms:b"), 1);
    assert_int_equal(ASK(r, audit_list, &told), ERR_OK);
    assert_int_equal(told.n_lines, 2);
    assert_true(str_is(told.lines[0].key, "sms:a"));
    assert_int_equal(told.lines[0].from_version, 2);
    assert_true(str_is(told.lines[1].key, "email:a"));
    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
}

static void
an_atomic_put_is_all_or_nothing(void **state)
{
    struct rig *r = *state;
    struct store_object_write w[2] = {
        {.kind = OBJECT_USER, .key = STR("a"), .body = STR("{}"), .num = 1},
        {.kind = OBJECT_USER,
         .key = STR("b"),
         .body = STR("{}"),
         .num = 2,
         .if_version = 5},
    };
    struct store_object_put p = {.tenant = T,
                                 .now_ms = NOW,
                                 .writes = w,
                                 .n_writes = 2,
                                 .is_atomic = true};
    struct store_changes c = {.limit = 10};

    rig_listen(r);
    assert_int_equal(ASK(r, object_put, &p), ERR_PRECONDITION);
    assert_int_equal(get(r, T, "a").version, 0);
    assert_int_equal(ASK(r, changes, &c), ERR_OK);
    assert_int_equal(c.n_changes, 0);
    assert_int_equal(r->n_heard, 0);
    p.is_atomic = false;
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(w[0].err, ERR_OK);
    assert_int_equal(w[1].err, ERR_PRECONDITION);
    assert_int_equal(get(r, T, "a").version, 1);
    assert_int_equal(r->n_heard, 1);
    assert_int_equal(r->heard[0].notice.kind, STORE_NOTICE_CHANGE);
    assert_int_equal(r->heard[0].notice.seq, p.seq);
    assert_int_equal(r->heard[0].notice.object_kind, OBJECT_USER);
}

static void
a_put_may_be_repeated_under_an_idempotency_key(void **state)
{
    struct rig *r = *state;
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = STR("a"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};

    p.idem.key = STR("i");
    p.idem.until_ms = NOW + 10;
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    assert_true(p.idem.is_replay);
    assert_int_equal(get(r, T, "a").version, 1);
}

static void
lists_of_documents_go_on_where_they_ended(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_object_list l = {.tenant = T, .kind = OBJECT_USER, .limit = 2};
    char key[8];

    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put(r, key, "{}", 0, &w);
    }
    assert_int_equal(ASK(r, object_list, &l), ERR_OK);
    assert_int_equal(l.n_objects, 2);
    assert_true(l.has_more);
    assert_true(str_is(l.objects[1].key, "k1"));
    l.after = STR("k2");
    assert_int_equal(ASK(r, object_list, &l), ERR_OK);
    assert_int_equal(l.n_objects, 2);
    assert_false(l.has_more);
    assert_true(str_is(l.objects[0].key, "k3"));
    l.tenant = -1;
    l.after_tenant = T;
    assert_int_equal(ASK(r, object_list, &l), ERR_OK);
    assert_int_equal(l.n_objects, 2);
    assert_int_equal(l.objects[0].tenant, T);
    l.after_tenant = T + 1;
    assert_int_equal(ASK(r, object_list, &l), ERR_OK);
    assert_int_equal(l.n_objects, 0);
}

static void
changes_tell_of_each_write_in_order(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_changes c = {.limit = 2};
    struct store_object_delete d = {.tenant = T,
                                    .kind = OBJECT_USER,
                                    .key = STR("a"),
                                    .if_version = OBJECT_ANY_VERSION};

    put(r, "a", "{}", 0, &w);
    put(r, "b", "{}", 0, &w);
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, changes, &c), ERR_OK);
    assert_int_equal(c.n_changes, 2);
    assert_int_equal(c.last_seq, d.seq);
    assert_true(str_is(c.changes[0].key, "a"));
    assert_true(str_is(c.changes[1].key, "b"));
    assert_int_equal(c.changes[1].tenant, T);
    c.after_seq = c.changes[1].seq;
    assert_int_equal(ASK(r, changes, &c), ERR_OK);
    assert_int_equal(c.n_changes, 1);
    assert_true(str_is(c.changes[0].key, "a"));
    assert_int_equal(c.changes[0].seq, d.seq);
}

static void
claimed_work_brings_the_users_document(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_cycle c = {
        .now_ms = NOW, .tenant = T, .lane = LANE, .want = 10};

    put(r, "ann", "{\"email\":\"a@x\"}", 0, &w);
    send_one(r, &(struct send){.id = 1000, .user = "ann"});
    send_one(r, &(struct send){.id = 2000, .user = "bob"});
    send_one(r, &(struct send){.id = 3000});
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 3);
    assert_true(str_is(c.work[0].user_body, "{\"email\":\"a@x\"}"));
    assert_int_equal(c.work[1].user_body.n, 0);
    assert_int_equal(c.work[2].user_body.n, 0);
}

static void
put_preference(struct rig *r, const char *user, const char *body)
{
    struct store_object_write w = {.kind = OBJECT_PREFERENCE,
                                   .key = str_from(user),
                                   .body = str_from(body),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 1};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
}

static void
send_to(struct rig *r, int64_t id, const char *user)
{
    struct store_accept *a =
        make_accept(r, &(struct send){.id = id, .user = user});

    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

/* Users may have turned off meanwhile what waited. */
static void
what_is_claimed_brings_preferences(void **state)
{
    static const char *const users[] = {"ann", "bob", "ann", "cat", NULL};
    struct rig *r = *state;
    struct store_cycle c = {
        .now_ms = NOW, .tenant = T, .lane = LANE, .want = 10};

    put_preference(r, "ann", "{\"a\":1}");
    put_preference(r, "cat", "{\"c\":1}");
    for (int i = 0; i < 5; i++)
        send_to(r, 1000 * (i + 1), users[i]);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 5);
    assert_true(str_is(c.work[0].preference_body, "{\"a\":1}"));
    assert_int_equal(c.work[1].preference_body.n, 0);
    assert_true(str_is(c.work[2].preference_body, "{\"a\":1}"));
    assert_true(str_is(c.work[3].preference_body, "{\"c\":1}"));
    assert_int_equal(c.work[4].preference_body.n, 0);
    assert_int_equal(c.work[0].user_body.n, 0);
    assert_false(c.has_suppressions);
}

/* Those of others, and of other channels, are nobody's business here. */
static void
a_claim_says_whether_its_channel_has_suppressions(void **state)
{
    static const char *const others[] = {"e:x", "email2:x", "emai:x", "zz:x"};
    struct rig *r = *state;

    for (int i = 0; i < 3; i++) {
        struct store_cycle c = {
            .now_ms = NOW, .tenant = T, .lane = LANE, .want = 10};

        send_to(r, 1000 * (i + 1), "ann");
        if (i == 1)
            suppress(r, T + 1, "email:a@b.c");
        for (size_t k = 0; i == 1 && k < 4; k++)
            suppress(r, T, others[k]);
        if (i == 2)
            suppress(r, T, "email:a@b.c");
        assert_int_equal(ASK(r, cycle, &c), ERR_OK);
        assert_int_equal(c.n_work, 1);
        assert_int_equal(c.has_suppressions, i == 2);
    }
}

/* ---- inboxes ---- */

static void
deliver(struct rig *r, int64_t id, const char *user)
{
    send_one(r, &(struct send){.id = id, .user = user, .in_app = true});
}

static struct store_inbox_list
inbox(struct rig *r, int64_t tenant, const char *user, bool is_archived)
{
    struct store_inbox_list l = {.tenant = tenant,
                                 .user = str_from(user),
                                 .limit = 100,
                                 .is_archived = is_archived};

    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    return l;
}

static struct store_inbox_mark
mark(struct rig *r, enum inbox_change change, const int64_t *ids, size_t n)
{
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = change,
                                 .ids = ids,
                                 .n_ids = n,
                                 .now_ms = NOW + 9};

    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    return m;
}

static void
an_item_takes_the_users_next_rev_and_is_told(void **state)
{
    struct rig *r = *state;
    struct store_inbox_list l;

    rig_listen(r);
    deliver(r, 1000, "ann");
    deliver(r, 2000, "bob");
    deliver(r, 3000, "ann");
    l = inbox(r, T, "ann", false);
    assert_int_equal(l.n_items, 2);
    assert_int_equal(l.items[0].id, 3001); /* newest first */
    assert_int_equal(l.items[0].rev, 2);
    assert_int_equal(l.items[1].rev, 1);
    assert_int_equal(l.items[0].notification, 3000);
    assert_true(str_is(l.items[0].category, "news"));
    assert_true(str_is(l.items[0].content, "{\"title\":\"hello\"}"));
    assert_int_equal(l.rev, 2);
    assert_int_equal(l.counts.unseen, 2);
    assert_int_equal(l.counts.unread, 2);
    assert_int_equal(status_of(r, 3001), DELIVERY_DELIVERED);
    assert_int_equal(r->n_heard, 3); /* no lane is ready for in_app */
    assert_int_equal(r->heard[2].notice.kind, STORE_NOTICE_INBOX);
    assert_int_equal(r->heard[2].notice.tenant, T);
    assert_int_equal(r->heard[2].notice.epoch, l.epoch);
    assert_string_equal(r->heard[2].user, "ann");
    assert_int_equal(r->heard[2].event.kind, INBOX_EVENT_ITEM);
    assert_int_equal(r->heard[2].event.rev, 2);
    assert_int_equal(r->heard[2].event.item.id, 3001);
    assert_int_equal(r->heard[2].event.counts.unread, 2);
}

static void
each_mark_changes_what_it_names_and_the_counts(void **state)
{
    struct rig *r = *state;
    const int64_t one = 1001, two[] = {1001, 2001};
    struct store_inbox_mark m;
    struct store_inbox_list l;

    deliver(r, 1000, "ann");
    deliver(r, 2000, "ann");
    m = mark(r, INBOX_SEEN, &one, 1);
    assert_int_equal(m.n_changed, 1);
    assert_int_equal(m.rev, 3);
    assert_int_equal(m.counts.unseen, 1);
    assert_int_equal(m.counts.unread, 2);
    m = mark(r, INBOX_SEEN, &one, 1); /* nothing to change */
    assert_int_equal(m.n_changed, 0);
    assert_int_equal(m.rev, 3);
    m = mark(r, INBOX_READ, two, 2); /* who reads has seen */
    assert_int_equal(m.n_changed, 2);
    assert_int_equal(m.counts.unseen, 0);
    assert_int_equal(m.counts.unread, 0);
    m = mark(r, INBOX_UNREAD, &one, 1);
    assert_int_equal(m.counts.unseen, 0);
    assert_int_equal(m.counts.unread, 1);
    m = mark(r, INBOX_ARCHIVE, &one, 1);
    assert_int_equal(m.counts.unread, 0);
    l = inbox(r, T, "ann", false);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].id, 2001);
    assert_int_equal(l.items[0].read_ms, NOW + 9);
    l = inbox(r, T, "ann", true);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].id, 1001);
    assert_int_equal(l.items[0].archived_ms, NOW + 9);
    assert_int_equal(l.items[0].rev, 6);
    m = mark(r, INBOX_UNARCHIVE, &one, 1);
    assert_int_equal(m.counts.unread, 1);
    assert_int_equal(m.rev, 7);
}

static void
marks_of_all_end_at_the_rev_that_was_seen(void **state)
{
    struct rig *r = *state;
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = INBOX_READ,
                                 .before_rev = 2,
                                 .now_ms = NOW};

    for (int i = 0; i < 3; i++)
        deliver(r, 1000 + 10 * i, "ann");
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    assert_int_equal(m.n_changed, 2);
    assert_int_equal(m.counts.unread, 1);
    m.before_rev = 0;
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    assert_int_equal(m.n_changed, 1);
    assert_int_equal(m.counts.unread, 0);
    assert_int_equal(m.rev, 5);
}

static void
only_the_users_own_items_can_be_marked(void **state)
{
    struct rig *r = *state;
    const int64_t mixed[] = {1001, 2001};
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = INBOX_READ,
                                 .ids = mixed,
                                 .n_ids = 2,
                                 .now_ms = NOW};

    deliver(r, 1000, "ann");
    deliver(r, 2000, "bob");
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_NOT_FOUND);
    assert_int_equal(inbox(r, T, "ann", false).counts.unread, 1);
    assert_int_equal(inbox(r, T, "ann", false).rev, 1);
    m.tenant = T + 1;
    m.n_ids = 1;
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_NOT_FOUND);
}

static void
a_replay_has_every_rev_since(void **state)
{
    struct rig *r = *state;
    const int64_t one = 1001;
    struct store_inbox_replay p = {.tenant = T, .user = STR("ann")};

    p.epoch = inbox(r, T, "ann", false).epoch; /* before the first item */
    deliver(r, 1000, "ann");
    mark(r, INBOX_SEEN, &one, 1);
    deliver(r, 2000, "ann");
    mark(r, INBOX_READ, NULL, 0);
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_false(p.has_gap);
    assert_int_equal(p.now_rev, 4);
    assert_int_equal(p.n_events, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(p.events[i].rev, i + 1);
    assert_int_equal(p.events[0].kind, INBOX_EVENT_ITEM);
    assert_int_equal(p.events[0].item.id, 1001);
    assert_int_equal(p.events[0].item.seen_ms, NOW + 9); /* as it is now */
    assert_int_equal(p.events[1].kind, INBOX_EVENT_STATE);
    assert_int_equal(p.events[1].change, INBOX_SEEN);
    assert_int_equal(p.events[1].n_ids, 1);
    assert_int_equal(p.events[1].ids[0], 1001);
    assert_int_equal(p.events[3].kind, INBOX_EVENT_ALL);
    assert_int_equal(p.events[3].change, INBOX_READ);
    assert_int_equal(p.events[3].before_rev, 3);
    p.after_rev = 3;
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_int_equal(p.n_events, 1);
    p.after_rev = 4;
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_false(p.has_gap);
    assert_int_equal(p.n_events, 0);
}

static void
a_replay_that_cannot_be_whole_says_so(void **state)
{
    struct rig *r = *state;
    struct store_inbox_replay p = {.tenant = T, .user = STR("ann")};

    p.epoch = inbox(r, T, "ann", false).epoch;
    for (int i = 0; i < INBOX_REPLAY_MAX + 1; i++)
        deliver(r, 1000 + 10 * i, "ann");
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_true(p.has_gap); /* too far back */
    p.after_rev = 1;
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_false(p.has_gap);
    assert_int_equal(p.n_events, INBOX_REPLAY_MAX);
    p.after_rev = INBOX_REPLAY_MAX + 2;
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_true(p.has_gap); /* the future */
    p.after_rev = INBOX_REPLAY_MAX;
    p.epoch++;
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_true(p.has_gap);
}

static void
revs_of_many_inboxes_are_read_at_once(void **state)
{
    struct rig *r = *state;
    const int64_t one = 1001;
    struct inbox_place places[] = {{.tenant = T, .user = STR("bob")},
                                   {.tenant = T, .user = STR("nobody")},
                                   {.tenant = T, .user = STR("ann")},
                                   {.tenant = T + 1, .user = STR("ann")},
                                   {.tenant = T, .user = STR("bob")}};
    const int64_t revs[] = {1, 0, 3, 0, 1};
    struct store_inbox_revs v = {.places = places, .n_places = 5};

    for (int i = 0; i < 5; i++)
        places[i].rev = 99; /* whatever stood there */
    deliver(r, 1000, "ann");
    deliver(r, 2000, "bob");
    deliver(r, 3000, "ann");
    mark(r, INBOX_SEEN, &one, 1);
    assert_int_equal(ASK(r, inbox_revs, &v), ERR_OK);
    assert_int_equal(v.epoch, inbox(r, T, "ann", false).epoch);
    for (int i = 0; i < 5; i++)
        assert_int_equal(places[i].rev, revs[i]);
    v.n_places = 0;
    assert_int_equal(ASK(r, inbox_revs, &v), ERR_OK);
}

static void
inbox_pages_and_filters(void **state)
{
    struct rig *r = *state;
    const int64_t one = 1021;
    struct store_inbox_list l = {
        .tenant = T, .user = STR("ann"), .limit = 2, .only_unread = true};

    for (int i = 0; i < 4; i++)
        deliver(r, 1000 + 10 * i, "ann");
    mark(r, INBOX_READ, &one, 1);
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.n_items, 2);
    assert_true(l.has_more);
    assert_int_equal(l.items[0].id, 1031);
    assert_int_equal(l.items[1].id, 1011);
    l.before = 1011;
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.n_items, 1);
    assert_false(l.has_more);
    l.limit = 0;
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.n_items, 0);
    assert_int_equal(l.counts.unread, 3);
}

/* ---- lists ---- */

static void
notifications_are_listed_newest_first_with_counts(void **state)
{
    struct rig *r = *state;
    struct store_notification_list l = {.tenant = T, .limit = 2};

    for (int i = 0; i < 3; i++)
        send_one(r, &(struct send){.id = 1000 + 10 * i, .n = 2});
    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    assert_int_equal(l.n_notifications, 2);
    assert_true(l.has_more);
    assert_int_equal(l.notifications[0].id, 1020);
    assert_int_equal(l.counts[0][DELIVERY_QUEUED].n, 2);
    assert_int_equal(l.counts[0][DELIVERY_QUEUED].status, DELIVERY_QUEUED);
    l.before = l.notifications[1].id;
    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    assert_int_equal(l.n_notifications, 1);
    assert_false(l.has_more);
    assert_int_equal(l.notifications[0].id, 1000);
}

static size_t
list(struct rig *r, struct store_delivery_filter f, int64_t *ret_first)
{
    struct store_delivery_list l = {.tenant = T, .filter = f, .limit = 100};

    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_false(l.has_more);
    *ret_first = l.n_deliveries ? l.deliveries[0].id : 0;
    return l.n_deliveries;
}

static void
deliveries_are_found_by_each_filter(void **state)
{
    struct rig *r = *state;
    int64_t ids[10], first;

    send_one(r, &(struct send){.id = 1000, .user = "ann", .n = 2});
    send_one(r, &(struct send){.id = 2000, .user = "bob", .now_ms = NOW + 100});
    send_one(r, &(struct send){.id = 3000, .status = DELIVERY_DEAD});
    send_one(r, &(struct send){.id = 4000, .tenant = T + 1});
    claim_some(r, 2, true, ids);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_int_equal(list(r, (struct store_delivery_filter){0}, &first), 4);
    assert_int_equal(first, 3001);
    assert_int_equal(
        list(r, (struct store_delivery_filter){.user = STR("ann")}, &first), 2);
    assert_int_equal(first, 1002);
    assert_int_equal(
        list(r, (struct store_delivery_filter){.notification = 1000}, &first),
        2);
    assert_int_equal(list(r,
                          (struct store_delivery_filter){
                              .has_status = true, .status = DELIVERY_DEAD},
                          &first),
                     1);
    assert_int_equal(first, 3001);
    assert_int_equal(list(r,
                          (struct store_delivery_filter){
                              .has_status = true, .status = DELIVERY_SENDING},
                          &first),
                     1);
    assert_int_equal(first, 1002);
    assert_int_equal(list(r,
                          (struct store_delivery_filter){
                              .has_status = true, .status = DELIVERY_QUEUED},
                          &first),
                     1);
    assert_int_equal(first, 2001);
    assert_int_equal(
        list(r, (struct store_delivery_filter){.provider = STR("smtp")},
             &first),
        1);
    assert_int_equal(first, 1001);
    assert_int_equal(
        list(r, (struct store_delivery_filter){.channel = STR("sms")}, &first),
        0);
    assert_int_equal(
        list(r, (struct store_delivery_filter){.since_ms = NOW + 100}, &first),
        1);
    assert_int_equal(first, 2001);
}

static void
pages_of_deliveries_miss_none_and_repeat_none(void **state)
{
    struct rig *r = *state;
    struct store_delivery_list l = {.tenant = T, .limit = 3};
    int64_t last = INT64_MAX;
    size_t n = 0;

    send_one(r, &(struct send){.id = 1000, .n = 10});
    do {
        assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
        for (size_t i = 0; i < l.n_deliveries; i++, n++) {
            assert_true(l.deliveries[i].id < last);
            last = l.deliveries[i].id;
        }
        l.before = l.next_before;
    } while (l.has_more);
    assert_int_equal(n, 10);
}

static void
dead_letters_are_grouped_by_what_killed_them(void **state)
{
    struct rig *r = *state;
    struct store_delivery_groups g = {.tenant = T, .limit = 10};

    for (int i = 0; i < 3; i++)
        send_one(r, &(struct send){.id = 1000 + 10 * i,
                                   .status = DELIVERY_DEAD,
                                   .now_ms = NOW + i});
    send_one(r, &(struct send){.id = 2000, .status = DELIVERY_FAILED});
    send_one(r, &(struct send){.id = 3000});
    assert_int_equal(ASK(r, delivery_groups, &g), ERR_OK);
    assert_int_equal(g.n_groups, 2);
    assert_int_equal(g.groups[0].n, 3);
    assert_int_equal(g.groups[0].status, DELIVERY_DEAD);
    assert_int_equal(g.groups[0].sample, 1021);
    assert_int_equal(g.groups[0].first_ms, NOW);
    assert_int_equal(g.groups[0].last_ms, NOW + 2);
    assert_true(str_is(g.groups[0].channel, "email"));
    assert_int_equal(g.groups[1].n, 1);
}

static void
stats_count_what_is_ready_waiting_and_dead(void **state)
{
    struct rig *r = *state;
    struct store_stats s = {0};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    send_one(r, &(struct send){.id = 2000, .is_critical = true});
    send_one(r, &(struct send){
                    .id = 3000, .status = DELIVERY_RETRYING, .due_ms = NOW});
    send_one(r, &(struct send){.id = 4000, .status = DELIVERY_DEAD});
    send_one(r, &(struct send){.id = 5000, .tenant = T + 1, .lane = 500});
    assert_int_equal(ASK(r, stats, &s), ERR_OK);
    assert_int_equal(s.n_lanes, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_ours = s.lanes[i].lane == LANE;

        assert_int_equal(s.lanes[i].tenant, is_ours ? T : T + 1);
        assert_int_equal(s.lanes[i].n_ready, is_ours ? 4 : 1);
        assert_int_equal(s.lanes[i].n_waiting, is_ours ? 1 : 0);
        assert_int_equal(s.lanes[i].oldest_ready_ms, NOW);
    }
    assert_int_equal(s.n_dead, 1);
}

static void
lanes_are_counted_for_their_tenant_alone(void **state)
{
    static const int64_t asked[] = {500, LANE, 600};
    struct rig *r = *state;
    struct store_lanes l = {.tenant = T, .lanes = asked, .n_lanes = 3};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    send_one(r, &(struct send){.id = 2000, .is_critical = true});
    send_one(r, &(struct send){
                    .id = 3000, .status = DELIVERY_RETRYING, .due_ms = NOW});
    send_one(r, &(struct send){.id = 4000, .status = DELIVERY_DEAD});
    send_one(r, &(struct send){.id = 5000, .tenant = T + 1, .lane = 500});
    assert_int_equal(ASK(r, lanes, &l), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        bool is_ours = asked[i] == LANE;

        assert_int_equal(l.states[i].n_waiting, is_ours ? 1 : 0);
        assert_int_equal(l.states[i].oldest_ready_ms, is_ours ? NOW : 0);
        assert_int_equal(l.states[i].n_ready, is_ours ? 4 : 0);
        assert_false(l.states[i].is_owned);
    }
    l = (struct store_lanes){.tenant = T};
    assert_int_equal(ASK(r, lanes, &l), ERR_OK);
}

static void
a_report_is_taken(void **state)
{
    struct rig *r = *state;
    struct store_report one = {.health = STR("[]"), .metrics = STR("")};
    struct store_reports all = {.wants_metrics = true};

    assert_int_equal(ASK(r, report, &one), ERR_OK);
    assert_int_equal(ASK(r, reports, &all), ERR_OK);
    assert_true(all.n_processes <= 1);
    assert_int_equal(all.n_past, 0);
    assert_int_equal(all.n_owners, 0);
}

static void
lanes_that_have_something_ready_are_listed_without_counting(void **state)
{
    struct rig *r = *state;
    struct store_stats s = {.only_lanes = true};
    bool is_seen[2] = {false, false};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    send_one(r, &(struct send){.id = 2000, .is_critical = true, .lane = 500});
    send_one(r, &(struct send){.id = 3000,
                               .status = DELIVERY_RETRYING,
                               .due_ms = NOW,
                               .lane = 600});
    send_one(r, &(struct send){.id = 4000, .status = DELIVERY_DEAD});
    assert_int_equal(ASK(r, stats, &s), ERR_OK);
    for (size_t i = 0; i < s.n_lanes; i++) {
        if (s.lanes[i].n_ready == 0)
            continue;
        assert_int_equal(s.lanes[i].tenant, T);
        assert_true(s.lanes[i].lane == LANE || s.lanes[i].lane == 500);
        is_seen[s.lanes[i].lane == 500] = true;
    }
    assert_true(is_seen[0] && is_seen[1]);
}

static void
no_read_shows_another_tenants_things(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_notification_get n = {.tenant = T + 1, .id = 1000};
    struct store_notification_list nl = {.tenant = T + 1, .limit = 10};
    struct store_delivery_get d = {.tenant = T + 1, .id = 1001};
    struct store_delivery_list dl = {.tenant = T + 1, .limit = 10};
    struct store_delivery_groups g = {.tenant = T + 1, .limit = 10};
    struct store_object_list ol = {
        .tenant = T + 1, .kind = OBJECT_USER, .limit = 10};
    struct store_inbox_replay p = {.tenant = T + 1, .user = STR("ann")};
    struct store_act a = {
        .tenant = T + 1, .delivery = 1001, .kind = STORE_ACT_DISCARD};

    send_one(
        r, &(struct send){.id = 1000, .user = "ann", .status = DELIVERY_DEAD});
    deliver(r, 2000, "ann");
    put(r, "ann", "{}", 0, &w);
    assert_int_equal(ASK(r, notification_get, &n), ERR_NOT_FOUND);
    assert_int_equal(ASK(r, delivery_get, &d), ERR_NOT_FOUND);
    assert_int_equal(ASK(r, act, &a), ERR_NOT_FOUND);
    assert_int_equal(ASK(r, notification_list, &nl), ERR_OK);
    assert_int_equal(nl.n_notifications, 0);
    assert_int_equal(ASK(r, delivery_list, &dl), ERR_OK);
    assert_int_equal(dl.n_deliveries, 0);
    dl.filter.notification = 1000;
    assert_int_equal(ASK(r, delivery_list, &dl), ERR_OK);
    assert_int_equal(dl.n_deliveries, 0);
    assert_int_equal(ASK(r, delivery_groups, &g), ERR_OK);
    assert_int_equal(g.n_groups, 0);
    assert_int_equal(ASK(r, object_list, &ol), ERR_OK);
    assert_int_equal(ol.n_objects, 0);
    assert_int_equal(get(r, T + 1, "ann").version, 0);
    assert_int_equal(inbox(r, T + 1, "ann", false).n_items, 0);
    assert_int_equal(inbox(r, T + 1, "ann", false).counts.unread, 0);
    assert_int_equal(ASK(r, inbox_replay, &p), ERR_OK);
    assert_int_equal(p.n_events, 0);
    assert_int_equal(p.now_rev, 0);
}

const struct CMUnitTest document_tests[] = {
    RIG_TEST(a_document_has_versions_that_go_on_after_a_delete),
    RIG_TEST(several_documents_go_together),
    RIG_TEST(a_document_reads_as_it_was_written),
    RIG_TEST(an_atomic_put_is_all_or_nothing),
    RIG_TEST(a_put_may_be_repeated_under_an_idempotency_key),
    RIG_TEST(lists_of_documents_go_on_where_they_ended),
    RIG_TEST(changes_tell_of_each_write_in_order),
    RIG_TEST(claimed_work_brings_the_users_document),
    RIG_TEST(what_is_claimed_brings_preferences),
    RIG_TEST(a_claim_says_whether_its_channel_has_suppressions),
    RIG_TEST(an_item_takes_the_users_next_rev_and_is_told),
    RIG_TEST(each_mark_changes_what_it_names_and_the_counts),
    RIG_TEST(marks_of_all_end_at_the_rev_that_was_seen),
    RIG_TEST(only_the_users_own_items_can_be_marked),
    RIG_TEST(a_replay_has_every_rev_since),
    RIG_TEST(a_replay_that_cannot_be_whole_says_so),
    RIG_TEST(revs_of_many_inboxes_are_read_at_once),
    RIG_TEST(inbox_pages_and_filters),
    RIG_TEST(notifications_are_listed_newest_first_with_counts),
    RIG_TEST(deliveries_are_found_by_each_filter),
    RIG_TEST(pages_of_deliveries_miss_none_and_repeat_none),
    RIG_TEST(dead_letters_are_grouped_by_what_killed_them),
    RIG_TEST(stats_count_what_is_ready_waiting_and_dead),
    RIG_TEST(lanes_are_counted_for_their_tenant_alone),
    RIG_TEST(a_report_is_taken),
    RIG_TEST(lanes_that_have_something_ready_are_listed_without_counting),
    RIG_TEST(no_read_shows_another_tenants_things),
};
const size_t document_tests_n =
    sizeof(document_tests) / sizeof(*document_tests);
