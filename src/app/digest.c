/* digest.c - see app/digest.h.
 *
 *   take rows -> for each, at the same time: read its members -> decide what
 *   goes out -> commit
 *
 * Where the commit finds another state (a member was cancelled meanwhile,
 * another process has the row, or it was done and the answer lost), the row is
 * given back: it is taken anew if it is still there. */
#include "app/digest.h"

#include <stdlib.h>

#include "app/collected.h"
#include "app/send.h"
#include "app/taker.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "domain/digest.h"
#include "store/store.h"

#define SLOTS 16                   /* windows that end at the same time */
#define LISTED_MAX_BYTES (4 << 20) /* of the notifications that are listed */

/* A window that ends. */
struct slot {
    struct taker_slot base;
    struct digests *owner;
    struct buf user, channel,
        key; /* of it; the row's text goes with the take */
    struct digest digest;
    int64_t hold;                      /* by which its members were taken */
    struct buf late;                   /* ids of members that expired */
    int64_t n_members;                 /* as many as there were at first */
    const struct workspace *workspace; /* NULL: it was deleted */
    struct workspace nowhere;
    struct store_digest_members read;
    struct store_flush flush;
    struct collected collected; /* where its members are instances */
    struct send send;
    struct send_item item;
};

struct digests {
    const struct app *app;
    struct slot slots[SLOTS];
    struct taker_slot *bases[SLOTS];
    struct taker *taker;
};

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
put_workspace(struct slot *s)
{
    workspace_put(s->workspace);
    s->workspace = NULL;
}

static void
on_sent(struct send *send, enum err e)
{
    struct slot *s = CONTAINER_OF(send, struct slot, send);
    bool is_gone = e == ERR_OK && s->item.accepted->is_gone;

    put_workspace(s);
    if (e != ERR_OK) {
        taker_fail(&s->base, e);
        return;
    }
    if (is_gone) {
        taker_lose(&s->base);
        return;
    }
    LOG_DEBUG("digest.done", log_int("digest", s->digest.id),
              log_int("members", s->flush.n_members));
    taker_done(&s->base);
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

    return time_parse(json_str_of(s->base.arena, doc, "expires_at"), &at_ms) &&
           at_ms <= wall_ms(s->owner);
}

/* The inbox may stand in for it, as it might have for the newest member. */
static bool
has_spare(struct slot *s, struct str channel)
{
    const struct notification *like = &s->item.like->notification;
    struct send_request own;

    if (str_is(channel, "in_app"))
        return false;
    send_request_reread(s->base.arena, s->workspace,
                        parsed(s->base.arena, like->doc),
                        like->template_version, NULL, &own);
    return own.has_spare;
}

/* A request to one on one channel, which only what is beyond its user's
 * attention is collected of again. */
static void
address(struct slot *s, const struct delivery *to, struct json given, int index)
{
    struct send_request *q = &s->item.request;
    struct send_recipient *r = ARENA_NEW(s->base.arena, struct send_recipient);
    struct str *channels = ARENA_ARRAY(s->base.arena, struct str, 2);

    send_request_reread(s->base.arena, s->workspace, s->item.doc,
                        s->item.like->notification.template_version, NULL, q);
    *r = (struct send_recipient){
        .user = to->user, .index = index, .given = given};
    channels[0] = to->channel;
    channels[1] = STR("in_app");
    q->recipients = r;
    q->n_recipients = 1;
    q->channels = channels;
    q->has_spare = has_spare(s, to->channel);
    q->n_channels = q->has_spare ? 2 : 1;
    q->digest = (struct digest_rule){0};
    q->best_within_ms = 0; /* it has waited */
    q->is_all = q->is_dry_run = false;
    q->n_sets = 0;
}

static struct str
note_of(struct slot *s, const struct digest_letter *l)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->base.arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "recipients", 1);
    json_int_field(&w, "place", s->item.place);
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

/* Whichever channel it is of, and also where it is a digest itself, of which
 * there is one for each channel. */
static int64_t
place_of(struct slot *s)
{
    const struct notification *like = &s->item.like->notification;
    int64_t place;

    return json_int(json_get(parsed(s->base.arena, like->note), "place"),
                    &place)
               ? place
               : like->id;
}

/* Data that is as deep, or has as many keys, as JSON may have here does not fit
 * into another: then it is only counted. */
static struct json
document_of(struct slot *s, struct digest_letter *l)
{
    struct json doc = parsed(s->base.arena, digest_document(l));

    if (json_is(doc, JSON_OBJECT))
        return doc;
    l->n_listed = 0;
    doc = parsed(s->base.arena, digest_document(l));
    if (json_is(doc, JSON_OBJECT))
        return doc;
    l->is_bare = true;
    return parsed(s->base.arena, digest_document(l));
}

static void
send_many(struct slot *s, struct digest_letter *l)
{
    struct json given;

    s->flush.status = DELIVERY_MERGED;
    s->item.place = place_of(s);
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
    s->item.place = place_of(s);
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
    s->item.like = ARENA_NEW(s->base.arena, struct store_member);
}

/* False: it expired while it waited, and is in no digest. */
static bool
look(struct slot *s, const struct store_member *one, struct digest_member *ret)
{
    *ret = member_of(s->base.arena, one);
    if (is_late(s, ret->doc)) {
        buf_put(&s->late, &one->delivery.id, sizeof(one->delivery.id));
        return false;
    }
    s->item.like = one;
    return true;
}

static size_t
max_listed(const struct slot *s)
{
    int max = s->digest.rule.max_items;

    return max > 0 && max < DIGEST_ITEMS_MAX ? (size_t)max : DIGEST_ITEMS_MAX;
}

/* The id after which to read on; 0: what was read will do. What lies between
 * that and the newest is only looked at where nothing else goes out. */
static int64_t
look_through(struct slot *s, struct digest_letter *l)
{
    const struct store_digest_members *m = &s->read;
    struct digest_member *live =
        ARENA_ARRAY(s->base.arena, struct digest_member, m->n_listed + 1);
    int64_t last = m->after;
    size_t n = 0, n_late;

    for (size_t i = 0; i < m->n_listed; i++) {
        n += look(s, &m->members[i], &live[n]);
        last = m->members[i].delivery.id;
    }
    l->listed = live;
    l->n_listed = n < max_listed(s) ? n : max_listed(s);
    n_late = s->late.n;
    if (m->newest.delivery.id > last)
        n += look(s, &m->newest, &live[n]);
    l->newest = n > 0 ? &live[n - 1] : NULL;
    if (n > 0 || m->n_listed == 0 || s->late.n == n_late)
        return 0;
    s->late.n = n_late; /* the newest is met again */
    return last;
}

static void
compose(struct slot *s, struct digest_letter *l)
{
    s->flush.expired = (const int64_t *)(const void *)s->late.p;
    s->flush.n_expired = s->late.n / sizeof(*s->flush.expired);
    l->count = s->n_members - (int64_t)s->flush.n_expired;
    if (!l->newest)
        send_none(s, DELIVERY_EXPIRED, REASON_EXPIRED);
    else if (l->count == 1)
        send_one(s, l->newest);
    else
        send_many(s, l);
}

static void
finish(struct slot *s, struct digest_letter *l)
{
    struct digests *d = s->owner;

    s->workspace = snapshots_workspace(d->app->snapshots, s->digest.tenant);
    s->nowhere = (struct workspace){.tenant = s->digest.tenant};
    s->flush = (struct store_flush){
        .digest = s->digest.id, .hold = s->hold, .n_members = s->n_members};
    s->item.flush = &s->flush;
    s->item.was_put_off = attention_is_window(buf_str(&s->key));
    if (s->workspace)
        compose(s, l);
    else
        send_none(s, DELIVERY_CANCELLED, REASON_CANCELLED);
    s->send = (struct send){
        .app = d->app,
        .arena = s->base.arena,
        .workspace = s->workspace ? s->workspace : &s->nowhere,
        .items = &s->item,
        .n_items = 1,
        .on_done = on_sent,
    };
    send_digest(&s->send);
}

static void read_after(struct slot *s, int64_t after);

static void
on_members(struct store_req *req, enum err e)
{
    struct store_digest_members *m =
        CONTAINER_OF(req, struct store_digest_members, req);
    struct slot *s = CONTAINER_OF(m, struct slot, read);
    struct digest_letter l = {.arena = s->base.arena,
                              .user = buf_str(&s->user),
                              .channel = buf_str(&s->channel)};
    int64_t after;

    if (e == ERR_NOT_FOUND) { /* it was done, and we were not told */
        taker_done(&s->base);
        return;
    }
    if (e != ERR_OK) {
        taker_fail(&s->base, e);
        return;
    }
    if (m->after == 0)
        s->n_members = m->n_members;
    s->item = (struct send_item){0};
    after = look_through(s, &l);
    if (after > 0)
        read_after(s, after);
    else
        finish(s, &l);
}

static void
read_after(struct slot *s, int64_t after)
{
    arena_reset(s->base.arena);
    s->read = (struct store_digest_members){
        .req = {.arena = s->base.arena,
                .loop = loop_of(s->owner),
                .on_done = on_members},
        .tenant = s->digest.tenant,
        .digest = s->digest.id,
        .after = after,
        .max = DIGEST_ITEMS_MAX,
        .max_bytes = LISTED_MAX_BYTES,
    };
    store_digest_members(s->owner->app->env->store, &s->read);
}

static void
on_collected(struct collected *c, enum err e, bool is_gone)
{
    struct slot *s = CONTAINER_OF(c, struct slot, collected);

    if (e != ERR_OK)
        taker_fail(&s->base, e);
    else if (is_gone)
        taker_lose(&s->base);
    else
        taker_done(&s->base);
}

static void
end_instances(struct slot *s)
{
    s->collected = (struct collected){.app = s->owner->app,
                                      .arena = s->base.arena,
                                      .digest = s->digest,
                                      .hold = s->hold,
                                      .on_done = on_collected};
    s->collected.digest.user = buf_str(&s->user);
    s->collected.digest.rule.key = buf_str(&s->key);
    collected_end(&s->collected);
}

static void
begin(struct taker_slot *base)
{
    struct slot *s = CONTAINER_OF(base, struct slot, base);

    if (str_is(buf_str(&s->channel), DIGEST_OF_INSTANCES)) {
        end_instances(s);
        return;
    }
    buf_reset(&s->late);
    read_after(s, 0);
}

static void
fill(struct taker_slot *base, const struct store_work_row *row)
{
    struct slot *s = CONTAINER_OF(base, struct slot, base);

    s->digest = row->digest;
    s->hold = row->hold;
    buf_reset(&s->user);
    buf_put_str(&s->user, row->digest.user);
    buf_reset(&s->channel);
    buf_put_str(&s->channel, row->digest.channel);
    buf_reset(&s->key);
    buf_put_str(&s->key, row->digest.rule.key);
    s->digest.user = s->digest.channel = s->digest.rule.key = STR_NONE;
}

/* ---- life ---- */

void
digests_ring(struct digests *d)
{
    taker_ring(d->taker);
}

struct digests *
digests_new(const struct app *app)
{
    struct digests *d = xcalloc(1, sizeof(*d));

    d->app = app;
    for (size_t i = 0; i < SLOTS; i++) {
        d->slots[i].owner = d;
        buf_init(&d->slots[i].user, NULL);
        buf_init(&d->slots[i].channel, NULL);
        buf_init(&d->slots[i].key, NULL);
        buf_init(&d->slots[i].late, NULL);
        d->bases[i] = &d->slots[i].base;
    }
    d->taker = taker_new(&(struct taker_options){
        .app = app,
        .kind = STORE_WORK_DIGEST,
        .slots = d->bases,
        .n_slots = SLOTS,
        .fill = fill,
        .begin = begin,
    });
    return d;
}

void
digests_drain(struct digests *d, void (*done)(void *arg), void *arg)
{
    taker_drain(d->taker, done, arg);
}

void
digests_free(struct digests *d)
{
    if (!d)
        return;
    taker_free(d->taker);
    for (size_t i = 0; i < SLOTS; i++) {
        workspace_put(d->slots[i].workspace);
        buf_fini(&d->slots[i].user);
        buf_fini(&d->slots[i].channel);
        buf_fini(&d->slots[i].key);
        buf_fini(&d->slots[i].late);
    }
    free(d);
}
