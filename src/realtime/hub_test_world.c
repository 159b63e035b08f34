/* hub_test_world.c - see hub_test.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/rng.h"
#include "realtime/hub_test.h"

/* ---- the store ---- */

static void
answer_replay(struct world *w, struct store_inbox_replay *r)
{
    r->now_epoch = EPOCH + w->later_epochs;
    r->now_rev = w->rev;
    r->counts = w->counts;
    r->has_gap =
        w->has_gap || r->epoch != r->now_epoch || r->after_rev > w->rev;
    if (r->has_gap)
        return;
    r->events = w->events + r->after_rev;
    r->n_events = (size_t)(w->rev - r->after_rev);
}

static void
answer_list(struct world *w, struct store_inbox_list *l)
{
    assert_int_equal(l->limit, 0);
    l->epoch = EPOCH + w->later_epochs;
    l->rev = w->rev;
    l->counts = w->counts;
}

static void
answer_revs(struct world *w, struct store_inbox_revs *v)
{
    assert_true(v->n_places > 0 && v->n_places <= INBOX_REVS_MAX);
    v->epoch = EPOCH + w->later_epochs;
    for (size_t i = 0; i < v->n_places; i++) {
        assert_int_equal(v->places[i].tenant, 1);
        assert_true(str_starts(v->places[i].user, STR("u")));
        v->places[i].rev = w->rev;
    }
}

static void
look(struct world *w, struct store_req *req)
{
    if (req->verb == STORE_VERB_inbox_replay)
        answer_replay(w, CONTAINER_OF(req, struct store_inbox_replay, req));
    else if (req->verb == STORE_VERB_inbox_list)
        answer_list(w, CONTAINER_OF(req, struct store_inbox_list, req));
    else if (req->verb == STORE_VERB_inbox_revs)
        answer_revs(w, CONTAINER_OF(req, struct store_inbox_revs, req));
    else
        fail();
}

static void
answer_one(struct world *w, struct store_req *req)
{
    if (!w->looks_early && w->fails_with == ERR_OK)
        look(w, req);
    req->on_done(req, w->fails_with);
}

void
world_release_one(struct world *w, size_t i)
{
    struct store_req *req = w->held[i];

    w->held[i] = w->held[--w->n_held];
    answer_one(w, req);
}

void
world_release(struct world *w)
{
    const size_t n = w->n_held;
    struct store_req *held[sizeof(w->held) / sizeof(w->held[0])];

    memcpy(held, w->held, sizeof(held));
    w->n_held = 0;
    for (size_t i = 0; i < n; i++)
        answer_one(w, held[i]);
}

static void
on_answer(struct task *t)
{
    struct world *w = CONTAINER_OF(t, struct world, answer);

    w->is_answering = false;
    world_release(w);
}

static void
submit(struct store *s, struct store_req *req)
{
    struct world *w = CONTAINER_OF(s, struct world, store);

    assert_true(w->n_held < sizeof(w->held) / sizeof(w->held[0]));
    w->held[w->n_held++] = req;
    w->n_replays += req->verb == STORE_VERB_inbox_replay;
    if (req->verb == STORE_VERB_inbox_revs)
        w->n_looks += CONTAINER_OF(req, struct store_inbox_revs, req)->n_places;
    if (w->looks_early)
        look(w, req);
    if (w->is_held || w->is_answering)
        return;
    w->is_answering = true;
    loop_post(w->net.loop, &w->answer);
}

/* ---- what happens ---- */

void
world_store(struct world *w, size_t n_text)
{
    struct inbox_event *e = &w->events[w->rev];
    char *text = xmalloc(n_text + 64);
    int n = snprintf(text, n_text + 64,
                     "{\"title\":\"t%lld\",\"actions\":[],\"data\":{},"
                     "\"body\":\"",
                     (long long)w->rev + 1);

    assert_true(w->rev < WORLD_EVENTS_MAX);
    memset(text + n, 'x', n_text);
    memcpy(text + n + n_text, "\"}", 2);
    w->rev++;
    w->counts.unseen++;
    w->counts.unread++;
    *e = (struct inbox_event){
        .rev = w->rev,
        .kind = INBOX_EVENT_ITEM,
        .item = {.id = 1000 + w->rev,
                 .notification = 1,
                 .rev = w->rev,
                 .created_ms = 1700000000000,
                 .content = {text, (size_t)n + n_text + 2}},
        .counts = w->counts,
    };
}

void
world_tell(struct world *w, const char *user, int64_t rev)
{
    const struct store_notice n = {
        .kind = STORE_NOTICE_INBOX,
        .tenant = 1,
        .user = str_from(user),
        .epoch = EPOCH,
        .event = &w->events[rev - 1],
    };

    hubs_on_commit(w->hubs, &n, 1);
}

void
world_bell(struct world *w, const char *user, int64_t rev)
{
    const struct store_notice n = {.kind = STORE_NOTICE_INBOX,
                                   .tenant = 1,
                                   .user = str_from(user),
                                   .epoch = EPOCH,
                                   .seq = rev};

    hubs_on_commit(w->hubs, &n, 1);
}

void
world_commit(struct world *w, const char *user, size_t n_text)
{
    world_store(w, n_text);
    world_tell(w, user, w->rev);
}

static void
note_drained(void *arg)
{
    struct world *w = arg;

    w->n_drained++;
}

void
world_drain(struct world *w)
{
    hub_drain(w->hub, note_drained, w);
}

/* ---- the door ---- */

static void
refuse(struct http_exchange *x, enum err e)
{
    const struct http_response r = {.status = err_http_status(e),
                                    .body = str_from(err_code(e)),
                                    .closes = true};

    http_reply(x, &r);
}

static void
on_ready(void *arg, struct subscriber *s, enum err e)
{
    const struct http_response head = {.status = 200};
    struct http_stream_events events;

    if (e != ERR_OK) {
        assert_null(s);
        refuse(arg, e);
        return;
    }
    events = subscriber_events(s);
    subscriber_begin(s, http_stream_start(arg, &head, &events));
}

static void
on_request(void *arg, struct http_exchange *x, const struct http_request *r)
{
    struct world *w = arg;
    struct hub_visit v = {
        .tenant = 1,
        .address = r->peer,
        .on_ready = on_ready,
        .arg = x,
    };
    int64_t retry_after_s = 0;
    const char *why = NULL;
    struct str text;
    enum err e;

    if (!http_request_param(r, "user", &v.user))
        v.user = STR("u1");
    http_request_param(r, "last", &v.last_id);
    http_request_param(r, "address", &v.address);
    v.wants_heartbeat_events = http_request_param(r, "hb", &text);
    if (http_request_param(r, "ttl", &text)) {
        assert_true(str_to_i64(text, &v.expires_ms));
        v.expires_ms += w->env.clock->wall_ms(w->env.clock);
    }
    e = hub_subscribe(w->hub, &v, &why, &retry_after_s);
    if (e == ERR_OK)
        return;
    assert_non_null(why);
    assert_true(retry_after_s >= 1);
    refuse(x, e);
}

static size_t
body_limit(void *arg, const struct http_request *r)
{
    (void)arg;
    (void)r;
    return 0;
}

static void
on_refusal(void *arg, struct http_refusal *r)
{
    (void)arg;
    buf_put_cstr(r->body, err_code(r->err));
}

void
world_start(struct world *w)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    static const struct store_driver driver = {.name = "script",
                                               .submit = submit};
    const struct http_handler h = {w, body_limit, on_request, on_refusal};
    const struct http_server_options o = {
        .limits = {5000, 5000, 5000, 0},
    };
    const char *why;

    w->net.loop = loop_new();
    w->store.driver = &driver;
    w->answer.run = on_answer;
    rng_seed(&w->rng, 7);
    clock_virtual_init(&w->clock, 1000);
    w->env = (struct env){.loop = w->net.loop,
                          .clock = clock_system(),
                          .rng = &w->rng,
                          .store = &w->store};
    w->app = (struct app){.env = &w->env, .vault = vault_from(secret)};
    w->hubs = hubs_new(&w->limits, &w->clock.base);
    w->options.app = &w->app;
    w->options.hubs = w->hubs;
    w->hub = hub_new(&w->options);
    assert_int_equal(http_server_new(w->net.loop, &o, &h, &w->net.server, &why),
                     ERR_OK);
    assert_int_equal(
        http_server_listen(w->net.server, STR("127.0.0.1:0"), &why), ERR_OK);
}

void
world_stop(struct world *w)
{
    struct vault *vault;

    loop_turn(w->net.loop, 0); /* news that are on their way to it */
    hub_free(w->hub);
    http_server_free(w->net.server);
    w->is_held = false;
    world_release(w); /* to those who are gone */
    loop_free(w->net.loop);
    assert_int_equal(hubs_streams(w->hubs), 0);
    hubs_free(w->hubs);
    memcpy(&vault, &w->app.vault, sizeof(vault)); /* not const here */
    vault_free(vault);
    for (int64_t i = 0; i < w->rev; i++) {
        char *text;

        memcpy(&text, &w->events[i].item.content.p, sizeof(text));
        free(text);
    }
}

/* ---- clients ---- */

void
world_open(struct world *w, struct client *c, const char *query)
{
    char text[512];

    snprintf(text, sizeof(text), "GET /stream?%s HTTP/1.0\r\n\r\n", query);
    client_open(c, &w->net);
    client_send(c, text);
}

void
world_join(struct world *w, struct client *c, const char *query)
{
    world_open(w, c, query);
    client_expect(c, "hello");
}

void
world_open_held(struct world *w, struct client *c, const char *query)
{
    const size_t n = w->n_held;

    assert_true(w->is_held);
    world_open(w, c, query);
    TURN_UNTIL(&w->net, w->n_held == n + 1);
}

struct reading {
    struct str event;
    int64_t last;
    bool has_begun;
};

static void
check_id(struct reading *r, struct str id)
{
    struct inbox_cursor at;

    assert_true(inbox_cursor_parse(id, &at));
    assert_int_equal(at.epoch, EPOCH);
    if (str_is(r->event, "hello"))
        assert_false(r->has_begun);
    else if (str_is(r->event, "reset"))
        assert_true(at.rev >= r->last);
    else
        assert_int_equal(at.rev, r->last + 1);
    r->has_begun = true;
    r->last = at.rev;
}

int64_t
world_check_order(struct client *c)
{
    struct str rest = buf_str(&c->got), line;
    struct reading r = {0};

    while (str_split(&rest, '\n', &line)) {
        if (rest.p == NULL)
            break; /* not a whole line yet */
        if (str_starts(line, STR("event: ")))
            r.event = str_sub(line, 7, line.n);
        else if (str_starts(line, STR("id: ")))
            check_id(&r, str_sub(line, 4, line.n));
    }
    return r.last;
}
