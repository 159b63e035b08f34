#include "app/snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/app_test.h"
#include "base/list.h"
#include "store/memory/memory.h"
#include "store/store.h"

#define NOW INT64_C(1790000000000)

/* Hands on to a real store, or fails in its place. */
struct flaky {
    struct store base;
    struct store *inner;
    enum err fails[STORE_VERB_COUNT]; /* the next one of that verb */
    int n_asked[STORE_VERB_COUNT];
};

struct library {
    struct arena *arena;
    struct vault *vault;
    struct clock_virtual clock;
    struct flaky store;
    struct env env;
    struct snapshots *snapshots;
    int64_t next_num, seq;
    int n_done, n_changes;
    enum err done;
};

static void
submit(struct store *s, struct store_req *req)
{
    struct flaky *f = CONTAINER_OF(s, struct flaky, base);
    enum err e = f->fails[req->verb];

    f->n_asked[req->verb]++;
    f->fails[req->verb] = ERR_OK;
    if (e == ERR_OK) {
        f->inner->driver->submit(f->inner, req);
        return;
    }
    if (req->verb == STORE_VERB_changes)
        CONTAINER_OF(req, struct store_changes, req)->last_seq = 1000000;
    store_req_complete(req, e);
}

static const struct store_driver flaky_driver = {.name = "flaky",
                                                 .submit = submit};

static void
on_change(void *arg, int64_t seq)
{
    struct library *l = arg;

    (void)seq;
    l->n_changes++;
}

static int
setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    struct library *l = xcalloc(1, sizeof(*l));

    l->arena = arena_new();
    l->vault = vault_from(secret);
    clock_virtual_init(&l->clock, NOW);
    l->env = (struct env){
        .loop = loop_new(), .clock = &l->clock.base, .store = &l->store.base};
    l->store.base.driver = &flaky_driver;
    l->store.inner = memory_store_open(&(struct memory_store_options){
        .loop = l->env.loop, .clock = &l->clock.base, .seed = 3});
    l->next_num = 100;
    l->snapshots = snapshots_new(&(struct snapshots_options){
        .env = &l->env, .vault = l->vault, .on_change = on_change, .arg = l});
    *state = l;
    return 0;
}

static int
teardown(void **state)
{
    struct library *l = *state;

    store_close(l->store.inner);
    snapshots_free(l->snapshots);
    loop_free(l->env.loop);
    vault_free(l->vault);
    arena_free(l->arena);
    free(l);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#define TURN_UNTIL(l, condition)                                               \
    do {                                                                       \
        const int64_t end_ = loop_now_ms((l)->env.loop) + 5000;                \
        while (!(condition) && loop_now_ms((l)->env.loop) < end_)              \
            loop_turn((l)->env.loop, 2);                                       \
        assert_true(condition);                                                \
    } while (0)

/* ---- writing ---- */

static int n_written;
static enum err written;

static void
on_written(struct store_req *req, enum err e)
{
    (void)req;
    written = e;
    n_written++;
}

static struct store_req
request(struct library *l)
{
    n_written = 0;
    return (struct store_req){
        .arena = l->arena, .loop = l->env.loop, .on_done = on_written};
}

/* Its num: the tenant's or the lane's. */
static int64_t
put(struct library *l, int64_t tenant, enum object_kind kind, const char *key,
    struct str body)
{
    struct store_object_write w = {.kind = kind,
                                   .key = str_from(key),
                                   .body = body,
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = l->next_num++};
    struct store_object_put p = {.req = request(l),
                                 .tenant = tenant,
                                 .now_ms = NOW,
                                 .writes = &w,
                                 .n_writes = 1};

    store_object_put(&l->store.base, &p);
    TURN_UNTIL(l, n_written == 1);
    assert_int_equal(written, ERR_OK);
    l->seq = p.seq;
    return w.object.num;
}

static int64_t
put_text(struct library *l, int64_t tenant, enum object_kind kind,
         const char *key, const char *body)
{
    return put(l, tenant, kind, key, quoted(l->arena, body));
}

static void
remove_object(struct library *l, int64_t tenant, enum object_kind kind,
              const char *key)
{
    struct store_object_delete d = {.req = request(l),
                                    .tenant = tenant,
                                    .now_ms = NOW,
                                    .kind = kind,
                                    .key = str_from(key),
                                    .if_version = OBJECT_ANY_VERSION};

    store_object_delete(&l->store.base, &d);
    TURN_UNTIL(l, n_written == 1);
    assert_int_equal(written, ERR_OK);
    l->seq = d.seq;
}

static struct str
key_document(struct library *l, struct auth_key *k)
{
    char text[AUTH_KEY_TEXT_MAX];
    struct json_writer w;
    struct buf out;

    auth_key_make(text, k);
    k->scopes = AUTH_SEND;
    buf_init(&out, l->arena);
    w = json_writer(&out);
    auth_key_write(k, STR("n"), NOW, &w);
    return buf_str(&out);
}

/* ---- reading ---- */

static void
on_started(void *arg, enum err e)
{
    struct library *l = arg;

    l->done = e;
    l->n_done++;
}

static void
start(struct library *l)
{
    snapshots_start(l->snapshots, on_started, l);
    assert_int_equal(l->n_done, 0);
    TURN_UNTIL(l, l->n_done == 1);
    assert_int_equal(l->done, ERR_OK);
}

struct waiting {
    struct task task;
    int n;
};

static void
on_current(struct task *t)
{
    CONTAINER_OF(t, struct waiting, task)->n++;
}

static void
catch_up(struct library *l)
{
    struct waiting w = {.task = {.run = on_current}};

    snapshots_wait(l->snapshots, l->seq, l->env.loop, &w.task);
    assert_int_equal(w.n, 0);
    TURN_UNTIL(l, w.n == 1);
}

static bool
has_provider(struct library *l, int64_t tenant, const char *name)
{
    const struct workspace *w = snapshots_workspace(l->snapshots, tenant);
    bool has;

    if (!w)
        return false;
    has = workspace_provider(w, str_from(name)) != NULL;
    workspace_put(w);
    return has;
}

#define NULL_PROVIDER "{'channel':'email','driver':'null'}"

/* ---- the tests ---- */

static void
everything_is_there_at_the_start(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    int64_t b = put_text(l, 0, OBJECT_WORKSPACE, "b", "{}");
    const struct workspace *w;
    struct auth_key k, found;
    int64_t *tenants;

    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    put(l, b, OBJECT_KEY, "k", key_document(l, &k));
    start(l);
    w = snapshots_workspace_named(l->snapshots, STR("a"));
    assert_non_null(w);
    assert_int_equal(w->tenant, a);
    assert_int_equal(w->shard, id_shard(a));
    assert_int_equal(w->n_providers, 1);
    workspace_put(w);
    assert_true(has_provider(l, a, "p"));
    assert_false(has_provider(l, b, "p"));
    assert_null(snapshots_workspace_named(l->snapshots, STR("c")));
    assert_null(snapshots_workspace(l->snapshots, b + 1));
    assert_true(snapshots_key(l->snapshots, str_from(k.id), &found));
    assert_int_equal(found.tenant, b);
    assert_int_equal(found.scopes, AUTH_SEND);
    assert_int_equal(snapshots_tenants(l->snapshots, l->arena, &tenants), 2);
    assert_int_equal(tenants[0] + tenants[1], a + b);
}

static void
a_start_that_fails_says_so_and_may_be_repeated(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");

    l->store.fails[STORE_VERB_object_list] = ERR_IO;
    snapshots_start(l->snapshots, on_started, l);
    TURN_UNTIL(l, l->n_done == 1);
    assert_int_equal(l->done, ERR_IO);
    l->n_done = 0;
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    start(l);
    assert_true(has_provider(l, a, "p"));
}

static void
a_change_is_current_when_the_waiter_runs(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");

    start(l);
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    assert_false(has_provider(l, a, "p"));
    catch_up(l);
    assert_true(has_provider(l, a, "p"));
    assert_true(l->n_changes > 0);
    catch_up(l); /* of what is current already: a turn later all the same */
    remove_object(l, a, OBJECT_PROVIDER, "p");
    catch_up(l);
    assert_false(has_provider(l, a, "p"));
}

static void
news_of_a_commit_are_enough(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");

    start(l);
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    snapshots_changed(l->snapshots, l->seq);
    TURN_UNTIL(l, has_provider(l, a, "p"));
    /* What comes while it reads is not forgotten. */
    put_text(l, a, OBJECT_PROVIDER, "q", NULL_PROVIDER);
    snapshots_changed(l->snapshots, l->seq);
    loop_turn(l->env.loop, 0);
    put_text(l, a, OBJECT_PROVIDER, "r", NULL_PROVIDER);
    snapshots_changed(l->snapshots, l->seq);
    TURN_UNTIL(l, has_provider(l, a, "r") && has_provider(l, a, "q"));
}

static void
workspaces_come_and_go(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}"), b, b2;
    struct auth_key k, found;

    start(l);
    b = put_text(l, 0, OBJECT_WORKSPACE, "b", "{}");
    put(l, b, OBJECT_KEY, "k", key_document(l, &k));
    put_text(l, b, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    catch_up(l);
    assert_true(has_provider(l, b, "p"));
    assert_true(snapshots_key(l->snapshots, str_from(k.id), &found));
    remove_object(l, 0, OBJECT_WORKSPACE, "b");
    catch_up(l);
    assert_null(snapshots_workspace(l->snapshots, b));
    assert_null(snapshots_workspace_named(l->snapshots, STR("b")));
    assert_false(snapshots_key(l->snapshots, str_from(k.id), &found));
    /* One of that name made later is another one. */
    b2 = put_text(l, 0, OBJECT_WORKSPACE, "b", "{}");
    catch_up(l);
    assert_int_not_equal(b, b2);
    assert_false(has_provider(l, b2, "p"));
    assert_false(snapshots_key(l->snapshots, str_from(k.id), &found));
    assert_false(has_provider(l, a, "p"));
}

static void
a_workspace_removed_and_made_in_one_go_is_the_new_one(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}"), a2;
    const struct workspace *w;

    start(l);
    remove_object(l, 0, OBJECT_WORKSPACE, "a");
    a2 = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    catch_up(l);
    assert_null(snapshots_workspace(l->snapshots, a));
    w = snapshots_workspace_named(l->snapshots, STR("a"));
    assert_non_null(w);
    assert_int_equal(w->tenant, a2);
    workspace_put(w);
}

static void
a_workspace_changed_and_removed_in_one_go_is_gone(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    struct auth_key k, found;

    put(l, a, OBJECT_KEY, "k", key_document(l, &k));
    start(l);
    assert_true(snapshots_key(l->snapshots, str_from(k.id), &found));
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    remove_object(l, 0, OBJECT_WORKSPACE, "a");
    catch_up(l);
    assert_null(snapshots_workspace(l->snapshots, a));
    assert_null(snapshots_workspace_named(l->snapshots, STR("a")));
    assert_false(snapshots_key(l->snapshots, str_from(k.id), &found));
}

static void
a_revoked_key_is_gone(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    struct auth_key k, k2, found;

    start(l);
    put(l, a, OBJECT_KEY, "k", key_document(l, &k));
    put(l, a, OBJECT_KEY, "k2", key_document(l, &k2));
    catch_up(l);
    assert_true(snapshots_key(l->snapshots, str_from(k.id), &found));
    remove_object(l, a, OBJECT_KEY, "k");
    catch_up(l);
    assert_false(snapshots_key(l->snapshots, str_from(k.id), &found));
    assert_true(snapshots_key(l->snapshots, str_from(k2.id), &found));
}

static void
what_cannot_be_read_is_left_out_and_the_rest_is_there(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    const struct workspace *w;

    put_text(l, a, OBJECT_PROVIDER, "sealed",
             "{'channel':'email','driver':'smtp','config':{'password':"
             "'sealed:AAAAAAAA'}}");
    put_text(l, a, OBJECT_PROVIDER, "unknown",
             "{'channel':'email','driver':'pigeon'}");
    put_text(l, a, OBJECT_PROVIDER, "broken", "{");
    put_text(l, a, OBJECT_KEY, "broken", "{'id':'x'}");
    put_text(l, a, OBJECT_TEMPLATE_VERSION, "t@1",
             "{'content':{'default':{'title':'{{#a}}'}}}");
    put_text(l, a, OBJECT_TEMPLATE, "t", "{'latest':1,'published':1}");
    put_text(l, a, OBJECT_PROVIDER, "good", NULL_PROVIDER);
    start(l);
    assert_true(has_provider(l, a, "good"));
    assert_false(has_provider(l, a, "sealed"));
    assert_false(has_provider(l, a, "unknown"));
    assert_false(has_provider(l, a, "broken"));
    w = snapshots_workspace(l->snapshots, a);
    assert_null(workspace_template(w, STR("t"), 0));
    assert_null(workspace_template(w, STR("t"), 1));
    workspace_put(w);
}

static void
providers_stand_by_channel_order_and_name(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    const struct provider *p = NULL;
    const struct workspace *w;
    static const char *const want[] = {"c", "a", "d", NULL};

    put_text(l, a, OBJECT_PROVIDER, "a",
             "{'channel':'email','driver':'null','order':2}");
    put_text(l, a, OBJECT_PROVIDER, "b",
             "{'channel':'email','driver':'null','order':1,'enabled':false}");
    put_text(l, a, OBJECT_PROVIDER, "c", NULL_PROVIDER);
    put_text(l, a, OBJECT_PROVIDER, "d",
             "{'channel':'email','driver':'null','order':2}");
    put_text(l, a, OBJECT_PROVIDER, "e", "{'channel':'sms','driver':'null'}");
    start(l);
    w = snapshots_workspace(l->snapshots, a);
    assert_int_equal(w->n_providers, 5);
    for (size_t i = 0; want[i]; i++) {
        p = workspace_next(w, STR("email"), p);
        assert_non_null(p);
        assert_text(p->name, want[i]);
        assert_ptr_equal(workspace_lane(w, p->num), p);
    }
    assert_null(workspace_next(w, STR("email"), p));
    assert_null(workspace_next(w, STR("webhook"), NULL));
    workspace_put(w);
}

static void
a_key_that_looks_like_a_version_is_none(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    const struct workspace *w;

    put_text(l, a, OBJECT_TEMPLATE_VERSION, "t@1",
             "{'content':{'default':{'title':'one'}}}");
    put_text(l, a, OBJECT_TEMPLATE_VERSION, "t@2",
             "{'content':{'default':{'title':'two'}}}");
    put_text(l, a, OBJECT_TEMPLATE, "t", "{'latest':2,'published':1}");
    put_text(l, a, OBJECT_TEMPLATE_VERSION, "t@2@1",
             "{'content':{'default':{'title':'other'}}}");
    put_text(l, a, OBJECT_TEMPLATE, "t@2", "{'latest':1,'published':1}");
    start(l);
    w = snapshots_workspace(l->snapshots, a);
    assert_int_equal(workspace_template(w, STR("t"), 0)->version, 1);
    assert_text(workspace_template(w, STR("t"), 0)->key, "t");
    assert_int_equal(workspace_template(w, STR("t"), 2)->version, 2);
    assert_text(workspace_template(w, STR("t"), 2)->key, "t");
    assert_text(workspace_template(w, STR("t@2"), 0)->key, "t@2");
    assert_text(workspace_template(w, STR("t@2"), 1)->key, "t@2");
    assert_null(workspace_template(w, STR("t"), 3));
    assert_null(workspace_template(w, STR("t@"), 0));
    assert_null(workspace_template(w, STR("nope"), 0));
    workspace_put(w);
}

static void
a_reference_outlives_what_takes_its_place(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    const struct workspace *old;

    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    start(l);
    old = snapshots_workspace(l->snapshots, a);
    remove_object(l, a, OBJECT_PROVIDER, "p");
    catch_up(l);
    remove_object(l, 0, OBJECT_WORKSPACE, "a");
    catch_up(l);
    assert_null(snapshots_workspace(l->snapshots, a));
    assert_text(workspace_provider(old, STR("p"))->channel, "email");
    assert_text(old->key, "a");
    workspace_put(old);
    workspace_put(NULL);
}

static void
who_is_too_far_behind_reads_everything_anew(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    int64_t b = put_text(l, 0, OBJECT_WORKSPACE, "b", "{}");

    start(l);
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    remove_object(l, 0, OBJECT_WORKSPACE, "b");
    l->store.fails[STORE_VERB_changes] = ERR_NOT_FOUND;
    catch_up(l);
    assert_true(has_provider(l, a, "p"));
    assert_null(snapshots_workspace(l->snapshots, b));
}

static void
a_store_that_fails_is_asked_again(void **state)
{
    static const enum store_verb verbs[] = {STORE_VERB_changes,
                                            STORE_VERB_object_list};
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    char name[8];

    start(l);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        put_text(l, a, OBJECT_PROVIDER, name, NULL_PROVIDER);
        l->store.fails[verbs[i]] = ERR_IO;
        catch_up(l); /* nobody told of another change */
        assert_true(has_provider(l, a, name));
    }
}

static void
who_wants_to_be_certain_gets_what_nobody_told_of(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    struct waiting w = {.task = {.run = on_current}},
                   again = {.task = {.run = on_current}};

    start(l);
    put_text(l, a, OBJECT_PROVIDER, "p", NULL_PROVIDER);
    assert_false(has_provider(l, a, "p"));
    l->store.fails[STORE_VERB_changes] = ERR_IO; /* it is asked again */
    snapshots_confirm(l->snapshots, l->env.loop, &w.task);
    assert_int_equal(w.n, 0);
    TURN_UNTIL(l, w.n == 1);
    assert_true(has_provider(l, a, "p"));
    snapshots_confirm(l->snapshots, l->env.loop, &again.task);
    TURN_UNTIL(l, again.n == 1); /* though there is nothing new */
    assert_int_equal(w.n, 1);
}

static void
users_are_no_reason_to_build_anything(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    int n_lists;

    start(l);
    n_lists = l->store.n_asked[STORE_VERB_object_list];
    put_text(l, a, OBJECT_USER, "u", "{}");
    catch_up(l);
    assert_int_equal(l->store.n_asked[STORE_VERB_object_list], n_lists);
}

static void
more_than_a_page_of_everything_is_read(void **state)
{
    struct library *l = *state;
    int64_t a = 0, first = 0, *tenants;
    const struct workspace *last;
    char name[32];

    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof(name), "w%04d", i);
        a = put_text(l, 0, OBJECT_WORKSPACE, name, "{}");
        first = first ? first : a;
    }
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "p%04d", i);
        put_text(l, first, OBJECT_PROVIDER, name, NULL_PROVIDER);
    }
    start(l);
    assert_int_equal(snapshots_tenants(l->snapshots, l->arena, &tenants), 1100);
    last = snapshots_workspace(l->snapshots, a);
    assert_non_null(last);
    workspace_put(last);
    assert_true(has_provider(l, first, "p0000"));
    assert_true(has_provider(l, first, "p0599"));
    put_text(l, 0, OBJECT_WORKSPACE, "w9999", "{}");
    catch_up(l);
    assert_int_equal(snapshots_tenants(l->snapshots, l->arena, &tenants), 1101);
}

/* ---- threads ---- */

struct reader {
    pthread_t thread;
    struct snapshots *snapshots;
    int64_t tenant;
    char key_id[AUTH_KEY_ID_LEN + 1];
    const bool *ends;
    size_t n_seen;
};

static void *
read_on(void *arg)
{
    struct reader *r = arg;
    struct auth_key k;

    while (!__atomic_load_n(r->ends, __ATOMIC_RELAXED)) {
        const struct workspace *w =
            snapshots_workspace(r->snapshots, r->tenant);
        const struct workspace *v =
            snapshots_workspace_named(r->snapshots, STR("a"));

        if (w && w->n_providers > 0 && w->providers[0]->name.n == 2)
            r->n_seen++;
        snapshots_key(r->snapshots, str_from(r->key_id), &k);
        workspace_put(w);
        workspace_put(v);
    }
    return NULL;
}

static void
threads_may_hold_what_is_being_replaced(void **state)
{
    struct library *l = *state;
    int64_t a = put_text(l, 0, OBJECT_WORKSPACE, "a", "{}");
    struct reader readers[4];
    struct auth_key k;
    bool ends = false;
    char name[16];

    put(l, a, OBJECT_KEY, "k", key_document(l, &k));
    start(l);
    for (int i = 0; i < 4; i++) {
        readers[i] = (struct reader){
            .snapshots = l->snapshots, .tenant = a, .ends = &ends};
        memcpy(readers[i].key_id, k.id, sizeof(k.id));
        pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
    }
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "p%d", i % 10);
        put_text(l, a, OBJECT_PROVIDER, name, NULL_PROVIDER);
        catch_up(l);
    }
    __atomic_store_n(&ends, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        pthread_join(readers[i].thread, NULL);
    assert_true(has_provider(l, a, "p9"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_is_there_at_the_start),
        T(a_start_that_fails_says_so_and_may_be_repeated),
        T(a_change_is_current_when_the_waiter_runs),
        T(news_of_a_commit_are_enough),
        T(workspaces_come_and_go),
        T(a_workspace_removed_and_made_in_one_go_is_the_new_one),
        T(a_workspace_changed_and_removed_in_one_go_is_gone),
        T(a_revoked_key_is_gone),
        T(what_cannot_be_read_is_left_out_and_the_rest_is_there),
        T(providers_stand_by_channel_order_and_name),
        T(a_key_that_looks_like_a_version_is_none),
        T(a_reference_outlives_what_takes_its_place),
        T(who_is_too_far_behind_reads_everything_anew),
        T(a_store_that_fails_is_asked_again),
        T(who_wants_to_be_certain_gets_what_nobody_told_of),
        T(users_are_no_reason_to_build_anything),
        T(more_than_a_page_of_everything_is_read),
        T(threads_may_hold_what_is_being_replaced),
    };

    return cmocka_run_group_tests_name("app/snapshot", tests, NULL, NULL);
}
