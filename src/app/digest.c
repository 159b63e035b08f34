/* digest.c - see app/digest.h.
 *
 *   take rows -> wait for the configuration of then -> for each, at the same
 *   time: read its members -> decide what goes out -> commit
 *
 * What failed is tried again with its row in hand. Where the commit finds
 * another state (a member was cancelled meanwhile, another process has the row,
 * or it was done and the answer lost), the row is given back: it is taken anew
 * if it is still there. */
#include "app/digest.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/send.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "domain/digest.h"
#include "store/store.h"

#define SLOTS 16 /* windows that end at the same time */
#define LEASE_MS 15000
#define NEXT_MAX_MS INT64_C(3600000) /* to a row that is due: no farther */
#define AGAIN_MS 100 /* after an error; twice as long after the next one... */
#define AGAIN_MAX_MS 16000         /* ...up to this */
#define LISTED_MAX_BYTES (4 << 20) /* of the notifications that are listed */

/* A window that ends. */
struct slot {
    struct digests *owner;
    struct arena *arena;
    enum { FREE, BUSY, FAILED } state;
    struct buf user, channel; /* of it; the row's own text goes with the take */
    struct digest digest;
    int64_t hold;
    const struct workspace *workspace; /* NULL: it was deleted */
    struct workspace nowhere;
    struct store_digest_members read;
    struct store_flush flush;
    struct send send;
    struct send_item item;
    struct store_work_hold given_back;
    struct store_work_release release;
};

struct digests {
    const struct app *app;
    struct slot slots[SLOTS];
    size_t n_used; /* slots that are not free */
    struct arena *arena;
    struct store_work_take take;
    struct task bell, fresh, idle;
    atomic_bool is_rung; /* the bell is posted */
    bool is_taking, is_wanted, is_draining, is_over;
    int n_failures;
    struct loop_timer again, due;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void go_on(struct digests *d);

static struct loop *
loop_of(const struct digests *d)
{
    return d->app->env->loop;
}

static int64_t
wall_ms(const struct digests *d)
{
    return d->app->env->clock->wall_ms(d->app->env->clock);
}

/* ---- the end of a flush ---- */

static void
leave(struct slot *s, int state)
{
    struct digests *d = s->owner;

    workspace_put(s->workspace);
    s->workspace = NULL;
    s->state = (unsigned)state;
    if (s->state == FREE)
        d->n_used--;
    go_on(d);
}

static void
on_again(struct loop_timer *t)
{
    go_on(CONTAINER_OF(t, struct digests, again));
}

static void
back_off(struct digests *d)
{
    int64_t ms = AGAIN_MS;

    if (d->is_draining || loop_timer_is_set(&d->again))
        return;
    for (int i = 0; i < d->n_failures && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    d->n_failures++;
    loop_timer_set(loop_of(d), &d->again, ms, on_again);
}

static void
fail(struct slot *s, enum err e)
{
    LOG_WARN("digest.failed", log_int("digest", s->digest.id),
             log_cstr("err", err_code(e)));
    back_off(s->owner);
    leave(s, FAILED);
}

static void
on_given_back(struct store_req *req, enum err e)
{
    struct store_work_release *l =
        CONTAINER_OF(req, struct store_work_release, req);

    if (e != ERR_OK) /* it is free when the lease ends */
        LOG_WARN("digest.release_failed", log_cstr("err", err_code(e)));
    leave(CONTAINER_OF(l, struct slot, release), FREE);
}

static void
give_back(struct slot *s)
{
    arena_reset(s->arena);
    s->given_back = (struct store_work_hold){.kind = STORE_WORK_DIGEST,
                                             .tenant = s->digest.tenant,
                                             .id = s->digest.id,
                                             .hold = s->hold};
    s->release = (struct store_work_release){
        .req = {.arena = s->arena,
                .loop = loop_of(s->owner),
                .on_done = on_given_back},
        .holds = &s->given_back,
        .n_holds = 1,
    };
    store_work_release(s->owner->app->env->store, &s->release);
}

static void
on_sent(struct send *send, enum err e)
{
    struct slot *s = CONTAINER_OF(send, struct slot, send);

    if (e != ERR_OK) {
        fail(s, e);
        return;
    }
    s->owner->n_failures = 0;
    if (s->item.accepted->is_gone) {
        give_back(s);
        return;
    }
    LOG_DEBUG("digest.done", log_int("digest", s->digest.id),
              log_int("members", s->flush.n_members));
    leave(s, FREE);
}

/* ---- what goes out ---- */

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static struct digest_member
member_of(struct arena *a, const struct store_member *m)
{
    struct digest_member one = {.doc = parsed(a, m->notification.doc)};

    if (m->delivery.recipient >= 0)
        one.given = json_at(json_get(json_get(one.doc, "to"), "recipients"),
                            (uint32_t)m->delivery.recipient);
    return one;
}

static bool
is_late(const struct slot *s, struct json doc)
{
    int64_t at_ms;

    return time_parse(json_str_of(s->arena, doc, "expires_at"), &at_ms) &&
           at_ms <= wall_ms(s->owner);
}

/* A request to one on one channel, which no window collects. */
static void
address(struct slot *s, const struct delivery *to, struct json given, int index)
{
    struct send_request *q = &s->item.request;
    struct send_recipient *r = ARENA_NEW(s->arena, struct send_recipient);
    struct str *channel = ARENA_NEW(s->arena, struct str);

    send_request_reread(s->arena, s->workspace, s->item.doc,
                        s->item.like->notification.template_version, NULL, q);
    *r = (struct send_recipient){
        .user = to->user, .index = index, .given = given};
    *channel = to->channel;
    q->recipients = r;
    q->n_recipients = 1;
    q->channels = channel;
    q->n_channels = 1;
    q->digest = (struct digest_rule){0};
    q->is_all = q->is_dry_run = false;
    q->n_sets = 0;
}

static struct str
note_of(struct slot *s, const struct digest_letter *l)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "recipients", 1);
    json_put_key(&w, "digest");
    json_begin_object(&w);
    json_int_field(&w, "count", l->count);
    json_int_field(&w, "listed", (int64_t)l->n_listed);
    json_time_field(&w, "opened_at", s->digest.opened_ms);
    json_time_field(&w, "closed_at", wall_ms(s->owner));
    json_end_object(&w);
    json_end_object(&w);
    return buf_str(&out);
}

/* Data that is as deep, or has as many keys, as JSON may have here does not fit
 * into another: then it is only counted. */
static struct json
document_of(struct slot *s, struct digest_letter *l)
{
    struct json doc = parsed(s->arena, digest_document(l));

    if (json_is(doc, JSON_OBJECT))
        return doc;
    l->n_listed = 0;
    doc = parsed(s->arena, digest_document(l));
    if (json_is(doc, JSON_OBJECT))
        return doc;
    l->is_bare = true;
    return parsed(s->arena, digest_document(l));
}

static void
send_many(struct slot *s, struct digest_letter *l)
{
    struct json given;

    s->flush.status = DELIVERY_MERGED;
    s->item.doc = document_of(s, l);
    s->item.note = note_of(s, l);
    given = json_first(json_get(json_get(s->item.doc, "to"), "recipients"));
    address(s, &s->item.like->delivery, given,
            json_is(given, JSON_OBJECT) ? 0 : -1);
}

static void
send_one(struct slot *s, const struct digest_member *m)
{
    s->flush.status = DELIVERY_QUEUED;
    s->item.doc = m->doc;
    address(s, &s->item.like->delivery, m->given,
            s->item.like->delivery.recipient);
}

/* Nothing goes out. */
static void
send_none(struct slot *s, enum delivery_status status, enum reason reason)
{
    s->flush.status = status;
    s->flush.reason = reason_code(reason);
    s->item.like = ARENA_NEW(s->arena, struct store_member);
}

/* Those that expired while they waited are in no digest. What is beyond the
 * list is not looked at, but for the newest. */
static void
compose(struct slot *s)
{
    const struct store_digest_members *m = &s->read;
    struct digest_member *listed =
        ARENA_ARRAY(s->arena, struct digest_member, m->n_listed + 1);
    int64_t *expired = ARENA_ARRAY(s->arena, int64_t, m->n_listed + 1);
    struct digest_letter l = {.arena = s->arena,
                              .user = buf_str(&s->user),
                              .channel = buf_str(&s->channel),
                              .listed = listed};

    for (size_t i = 0; i <= m->n_listed; i++) {
        bool is_extra = i == m->n_listed;
        const struct store_member *one = is_extra ? &m->newest : &m->members[i];
        struct digest_member member;

        if (is_extra && m->n_listed > 0 &&
            m->members[i - 1].delivery.id >= one->delivery.id)
            break; /* it is in the list */
        member = member_of(s->arena, one);
        if (is_late(s, member.doc)) {
            expired[s->flush.n_expired++] = one->delivery.id;
            continue;
        }
        s->item.like = one;
        listed[is_extra ? m->n_listed : l.n_listed] = member;
        l.newest = &listed[is_extra ? m->n_listed : l.n_listed];
        l.n_listed += !is_extra;
    }
    s->flush.expired = expired;
    l.count = m->n_members - (int64_t)s->flush.n_expired;
    if (l.count == 0)
        send_none(s, DELIVERY_EXPIRED, REASON_EXPIRED);
    else if (l.count == 1 && l.newest)
        send_one(s, l.newest);
    else if (l.newest)
        send_many(s, &l);
    else /* a thousand in vain: the few in the middle are not looked for */
        send_none(s, DELIVERY_EXPIRED, REASON_EXPIRED);
}

static void
on_members(struct store_req *req, enum err e)
{
    struct store_digest_members *m =
        CONTAINER_OF(req, struct store_digest_members, req);
    struct slot *s = CONTAINER_OF(m, struct slot, read);
    struct digests *d = s->owner;

    if (e == ERR_NOT_FOUND) { /* it was done, and we were not told */
        leave(s, FREE);
        return;
    }
    if (e != ERR_OK) {
        fail(s, e);
        return;
    }
    s->workspace = snapshots_workspace(d->app->snapshots, s->digest.tenant);
    s->nowhere = (struct workspace){.tenant = s->digest.tenant};
    s->item = (struct send_item){.flush = &s->flush};
    s->flush = (struct store_flush){
        .digest = s->digest.id, .hold = s->hold, .n_members = m->n_members};
    if (s->workspace)
        compose(s);
    else
        send_none(s, DELIVERY_CANCELLED, REASON_CANCELLED);
    s->send = (struct send){
        .app = d->app,
        .arena = s->arena,
        .workspace = s->workspace ? s->workspace : &s->nowhere,
        .items = &s->item,
        .n_items = 1,
        .on_done = on_sent,
    };
    send_digest(&s->send);
}

static void
begin(struct slot *s)
{
    int max = s->digest.rule.max_items;

    s->state = BUSY;
    arena_reset(s->arena);
    s->read = (struct store_digest_members){
        .req = {.arena = s->arena,
                .loop = loop_of(s->owner),
                .on_done = on_members},
        .tenant = s->digest.tenant,
        .digest = s->digest.id,
        .max =
            max > 0 && max < DIGEST_ITEMS_MAX ? (size_t)max : DIGEST_ITEMS_MAX,
        .max_bytes = LISTED_MAX_BYTES,
    };
    store_digest_members(s->owner->app->env->store, &s->read);
}

/* ---- taking ---- */

static void
fill(struct slot *s, const struct store_work_row *row)
{
    s->digest = row->digest;
    s->hold = row->hold;
    buf_reset(&s->user);
    buf_put_str(&s->user, row->digest.user);
    buf_reset(&s->channel);
    buf_put_str(&s->channel, row->digest.channel);
    s->digest.user = s->digest.channel = s->digest.rule.key = STR_NONE;
}

/* A row that we have already: its lease ended, and nobody else wanted it. */
static struct slot *
slot_for(struct digests *d, int64_t id)
{
    struct slot *found = NULL;

    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &d->slots[i];

        if (s->state != FREE && s->digest.id == id)
            return s;
        if (s->state == FREE && !found)
            found = s;
    }
    return found;
}

static void
on_due(struct loop_timer *t)
{
    struct digests *d = CONTAINER_OF(t, struct digests, due);

    d->is_wanted = true;
    go_on(d);
}

static void
on_fresh(struct task *t)
{
    struct digests *d = CONTAINER_OF(t, struct digests, fresh);
    size_t n = d->take.n_rows;

    for (size_t i = 0; i < n; i++) {
        struct slot *s = slot_for(d, d->take.rows[i].digest.id);

        if (s->state == BUSY)
            continue; /* its commit will find another lease */
        d->n_used += s->state == FREE;
        fill(s, &d->take.rows[i]);
        begin(s);
    }
    d->is_taking = false;
    go_on(d);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_work_take *t = CONTAINER_OF(req, struct store_work_take, req);
    struct digests *d = CONTAINER_OF(t, struct digests, take);

    if (e != ERR_OK) {
        LOG_WARN("digest.take_failed", log_cstr("err", err_code(e)));
        d->is_taking = false;
        d->is_wanted = true;
        back_off(d);
        go_on(d);
        return;
    }
    d->is_wanted |= t->n_rows == t->max;
    if (t->next_ms >= 0 && !d->is_draining)
        loop_timer_set(loop_of(d), &d->due,
                       t->next_ms < NEXT_MAX_MS ? t->next_ms + 1 : NEXT_MAX_MS,
                       on_due);
    snapshots_wait(d->app->snapshots, t->change_seq, loop_of(d), &d->fresh);
}

static void
take(struct digests *d)
{
    d->is_taking = true;
    d->is_wanted = false;
    arena_reset(d->arena);
    d->take = (struct store_work_take){
        .req = {.arena = d->arena, .loop = loop_of(d), .on_done = on_taken},
        .kind = STORE_WORK_DIGEST,
        .now_ms = wall_ms(d),
        .lease_ms = LEASE_MS,
        .max = SLOTS - d->n_used,
    };
    store_work_take(d->app->env->store, &d->take);
}

/* ---- the end ---- */

static void
on_idle(struct task *t)
{
    struct digests *d = CONTAINER_OF(t, struct digests, idle);

    d->drained(d->drained_arg);
}

/* Others need not wait for the leases of what failed. */
static void
wind_up(struct digests *d)
{
    if (d->is_taking || d->is_over)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        if (d->slots[i].state == FAILED) {
            d->slots[i].state = BUSY;
            give_back(&d->slots[i]);
        }
    if (d->n_used > 0)
        return;
    d->is_over = true;
    loop_post(loop_of(d), &d->idle);
}

static void
go_on(struct digests *d)
{
    if (d->is_draining) {
        wind_up(d);
        return;
    }
    if (loop_timer_is_set(&d->again))
        return;
    for (size_t i = 0; i < SLOTS; i++)
        if (d->slots[i].state == FAILED)
            begin(&d->slots[i]);
    if (d->is_wanted && !d->is_taking && d->n_used < SLOTS)
        take(d);
}

/* ---- life ---- */

static void
on_bell(struct task *t)
{
    struct digests *d = CONTAINER_OF(t, struct digests, bell);

    atomic_store(&d->is_rung, false);
    d->is_wanted = true;
    go_on(d);
}

void
digests_ring(struct digests *d)
{
    if (!atomic_exchange(&d->is_rung, true))
        loop_post(loop_of(d), &d->bell);
}

struct digests *
digests_new(const struct app *app)
{
    struct digests *d = xcalloc(1, sizeof(*d));

    d->app = app;
    d->arena = arena_new();
    d->bell.run = on_bell;
    d->fresh.run = on_fresh;
    d->idle.run = on_idle;
    for (size_t i = 0; i < SLOTS; i++) {
        d->slots[i].owner = d;
        d->slots[i].arena = arena_new();
        buf_init(&d->slots[i].user, NULL);
        buf_init(&d->slots[i].channel, NULL);
    }
    return d;
}

void
digests_drain(struct digests *d, void (*done)(void *arg), void *arg)
{
    assert(!d->is_draining);
    d->is_draining = true;
    d->drained = done;
    d->drained_arg = arg;
    loop_timer_clear(loop_of(d), &d->again);
    loop_timer_clear(loop_of(d), &d->due);
    go_on(d);
}

void
digests_free(struct digests *d)
{
    if (!d)
        return;
    loop_timer_clear(loop_of(d), &d->again);
    loop_timer_clear(loop_of(d), &d->due);
    for (size_t i = 0; i < SLOTS; i++) {
        workspace_put(d->slots[i].workspace);
        arena_free(d->slots[i].arena);
        buf_fini(&d->slots[i].user);
        buf_fini(&d->slots[i].channel);
    }
    arena_free(d->arena);
    free(d);
}
