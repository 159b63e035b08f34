/* user_export.c - all that is kept about one person, as lines of JSON.
 *
 *   profile -> suppressions -> topics -> parts in experiments, events -> inbox,
 *   archive -> what they pressed -> deliveries, each new notification of them
 *   read by itself -> open digests -> the end
 *
 * A page is read, written and forgotten before the next one is asked for, and
 * none is while the client has not taken the last one: however much there is,
 * one page of it is in memory. */
#include <stdlib.h>

#include "api/api_private.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/attachment_doc.h"
#include "app/deed.h"
#include "app/experiment_doc.h"
#include "app/inbox.h"
#include "app/inbox_json.h"
#include "app/objects.h"
#include "app/press.h"
#include "app/suppression.h"
#include "base/list.h"
#include "domain/plan.h"
#include "domain/zone.h"

#define PAGE 100
#define RECENT 64 /* notifications that were told of last */

struct exporting {
    struct call page; /* of a call that has ended: what writers need of it */
    struct arena *kept;
    struct str user;
    struct json profile; /* absent: never stored */
    struct http_stream *stream;
    bool is_gone;    /* the client is */
    bool is_reading; /* the store is at it */
    /* What comes next, once the client has taken what was sent. */
    void (*next)(struct exporting *x);
    int64_t n_rows;
    int64_t before; /* of the list that is being read */
    int64_t recent[RECENT];
    size_t n_recent;
    struct delivery *deliveries; /* of a page, in its arena */
    size_t n_deliveries, at;
    bool has_more;
    struct store_audit_add note;
    struct store_object_get get;
    struct store_memberships memberships;
    struct store_habits habits;
    struct store_person person;
    struct store_inbox_list inbox;
    struct store_presses presses;
    struct store_delivery_list list;
    struct store_notification_get notification;
    struct store_delivery_get delivery;
    struct store_digest_list digests;
};

static void
finish(struct exporting *x)
{
    workspace_put(x->page.workspace);
    arena_free(x->page.arena);
    arena_free(x->kept);
    free(x);
}

/* ---- the stream ---- */

static void
go_on(struct exporting *x)
{
    if (x->is_gone) {
        if (!x->is_reading)
            finish(x);
        return;
    }
    if (!x->is_reading && x->next &&
        http_stream_queued_frames(x->stream) == 0) {
        x->is_reading = true;
        x->next(x);
    }
}

static void
on_drain(struct http_stream *s, void *arg)
{
    (void)s;
    go_on(arg);
}

static void
on_close(struct http_stream *s, void *arg)
{
    struct exporting *x = arg;

    (void)s;
    x->is_gone = true;
    if (!x->is_reading)
        finish(x);
}

static struct json_writer
begin_row(struct exporting *x, struct buf *out, const char *kind)
{
    struct json_writer w;

    buf_init(out, x->page.arena);
    w = json_writer(out);
    json_begin_object(&w);
    json_str_field(&w, "kind", str_from(kind));
    json_put_key(&w, "data");
    json_begin_object(&w);
    return w;
}

static void
end_row(struct exporting *x, struct json_writer *w)
{
    struct http_frame *f;

    json_end_object(w);
    json_end_object(w);
    buf_put_char(w->out, '\n');
    x->n_rows++;
    if (x->is_gone)
        return;
    f = http_frame_new(buf_str(w->out));
    http_stream_send(x->stream, f);
    http_frame_put(f);
}

static void
end(struct exporting *x)
{
    if (!x->is_gone)
        http_stream_end(x->stream);
    finish(x);
}

/* Who reads it sees by the last line whether it is all. */
static void
end_with(struct exporting *x, enum err e)
{
    int64_t n = x->n_rows;
    struct buf out;
    struct json_writer w = begin_row(x, &out, e == ERR_OK ? "end" : "error");

    if (e == ERR_OK)
        json_int_field(&w, "rows", n);
    else
        json_str_field(&w, "code", str_from(err_code(e)));
    end_row(x, &w);
    end(x);
}

/* The page is written: the next one is asked for when the client has it. */
static void
then(struct exporting *x, void (*next)(struct exporting *x))
{
    x->is_reading = false;
    x->next = next;
    go_on(x);
}

/* False: it ends here. */
static bool
is_good(struct exporting *x, enum err e)
{
    if (e == ERR_OK && !x->is_gone)
        return true;
    end_with(x, e);
    return false;
}

static struct store_req
request(struct exporting *x, void (*on_done)(struct store_req *, enum err))
{
    arena_reset(x->page.arena);
    return (struct store_req){.arena = x->page.arena,
                              .loop = x->page.app->env->loop,
                              .on_done = on_done};
}

static void
write_members(struct exporting *x, struct json_writer *w, struct json object)
{
    for (struct json m = json_first(object); !json_is(m, JSON_ABSENT);
         m = json_next(object, m)) {
        json_put_key_str(w, json_key(x->page.arena, m));
        json_put_raw(w, json_raw(m));
    }
}

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

/* ---- digests that are open ---- */

static void read_digests(struct exporting *x);

static void
on_digests(struct store_req *req, enum err e)
{
    struct store_digest_list *l =
        CONTAINER_OF(req, struct store_digest_list, req);
    struct exporting *x = CONTAINER_OF(l, struct exporting, digests);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < l->n_digests; i++) {
        const struct digest *d = &l->digests[i];
        struct buf out;
        struct json_writer w = begin_row(x, &out, "digest");

        x->before = d->id;
        call_id_field(&x->page, &w, "id", "dig", d->id);
        json_str_field(&w, "channel", d->channel);
        json_str_field(&w, "key", d->rule.key);
        json_int_field(&w, "members", d->n_members);
        json_time_field(&w, "opened_at", d->opened_ms);
        json_time_field(&w, "closes_at", d->closes_ms);
        end_row(x, &w);
    }
    if (l->has_more)
        then(x, read_digests);
    else
        end_with(x, ERR_OK);
}

static void
read_digests(struct exporting *x)
{
    x->digests = (struct store_digest_list){.req = request(x, on_digests),
                                            .tenant = x->page.workspace->tenant,
                                            .user = x->user,
                                            .before = x->before,
                                            .limit = PAGE};
    look_digests(x->page.app, &x->digests);
}

/* ---- deliveries, and what they are of ---- */

static void read_deliveries(struct exporting *x);
static void next_delivery(struct exporting *x);

static void
write_attachments(struct exporting *x, struct json_writer *w, struct json list)
{
    struct attachment *rows;
    size_t n = attachments_read(x->page.arena, list, &rows);

    if (n == 0)
        return;
    json_put_key(w, "attachments");
    attachments_tell(w, rows, n);
}

/* What others are told, and who they are, is theirs. */
static void
write_content(struct exporting *x, struct json_writer *w, struct json doc,
              int recipient)
{
    static const char *const members[] = {
        "title",    "body",     "html",     "actions", "data",
        "template", "workflow", "category", "locale",  "metadata"};
    struct json own = json_get(doc, "to");

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct json v = json_get(doc, members[i]);

        if (!json_is(v, JSON_ABSENT))
            json_raw_field(w, members[i], json_raw(v));
    }
    write_attachments(x, w, json_get(doc, "attachments"));
    own = json_get(own, "recipients");
    if (recipient >= 0 && json_is(own, JSON_ARRAY))
        own = json_at(own, (uint32_t)recipient);
    else
        own = (struct json){0};
    if (json_is(own, JSON_OBJECT))
        json_raw_field(w, "recipient", json_raw(own));
}

static void
write_steps(struct json_writer *w, const struct store_notification_get *g)
{
    json_put_key(w, "steps");
    json_begin_array(w);
    for (size_t i = 0; i < g->n_steps; i++) {
        const struct store_step *s = &g->steps[i];

        json_begin_object(w);
        json_time_field(w, "at", s->at_ms);
        json_str_field(w, "step", s->step);
        json_str_field(w, "verdict", s->verdict);
        json_str_or_null_field(w, "reason", s->reason);
        json_end_object(w);
    }
    json_end_array(w);
}

static void
on_notification(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct exporting *x = CONTAINER_OF(g, struct exporting, notification);
    struct json_writer w;
    struct buf out;

    if (e == ERR_NOT_FOUND) { /* it was old, and is gone since */
        then(x, next_delivery);
        return;
    }
    if (!is_good(x, e))
        return;
    w = begin_row(x, &out, "notification");
    call_id_field(&x->page, &w, "id", "ntf", g->notification.id);
    json_time_field(&w, "created_at", g->notification.created_ms);
    write_content(x, &w, parsed(x->page.arena, g->notification.doc),
                  x->deliveries[x->at].recipient);
    write_steps(&w, g);
    end_row(x, &w);
    then(x, next_delivery);
}

static bool
is_recent(struct exporting *x, int64_t id)
{
    for (size_t i = 0; i < RECENT; i++)
        if (x->recent[i] == id)
            return true;
    x->recent[x->n_recent++ % RECENT] = id;
    return false;
}

static void
on_delivery(struct store_req *req, enum err e)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct exporting *x = CONTAINER_OF(g, struct exporting, delivery);
    struct json_writer w;
    struct buf out;

    if (e != ERR_NOT_FOUND && !is_good(x, e))
        return;
    if (e == ERR_OK) {
        w = begin_row(x, &out, "delivery");
        write_delivery(&x->page, &w, &g->delivery);
        json_put_key(&w, "log");
        write_attempts(&x->page, &w, g->attempts, g->n_attempts,
                       g->delivery.id);
        end_row(x, &w);
    }
    x->at++;
    then(x, next_delivery);
}

/* Each notification before the first of its deliveries. */
static void
next_delivery(struct exporting *x)
{
    const struct delivery *d = &x->deliveries[x->at];

    if (x->at == x->n_deliveries) {
        if (x->has_more) {
            read_deliveries(x);
            return;
        }
        x->before = 0;
        read_digests(x);
        return;
    }
    if (!is_recent(x, d->notification)) {
        x->notification =
            (struct store_notification_get){.req = request(x, on_notification),
                                            .tenant = x->page.workspace->tenant,
                                            .id = d->notification,
                                            .user = x->user,
                                            .wants_attempts = true};
        look_notification(x->page.app, &x->notification);
        return;
    }
    x->delivery =
        (struct store_delivery_get){.req = request(x, on_delivery),
                                    .tenant = x->page.workspace->tenant,
                                    .id = d->id};
    look_delivery(x->page.app, &x->delivery);
}

static void
on_deliveries(struct store_req *req, enum err e)
{
    struct store_delivery_list *l =
        CONTAINER_OF(req, struct store_delivery_list, req);
    struct exporting *x = CONTAINER_OF(l, struct exporting, list);

    if (!is_good(x, e))
        return;
    /* Their numbers are enough: each is read by itself, with its attempts. */
    x->n_deliveries = l->n_deliveries;
    for (size_t i = 0; i < l->n_deliveries; i++)
        x->deliveries[i] =
            (struct delivery){.id = l->deliveries[i].id,
                              .notification = l->deliveries[i].notification,
                              .recipient = l->deliveries[i].recipient};
    x->at = 0;
    x->has_more = l->has_more;
    x->before = l->next_before;
    then(x, next_delivery);
}

static void
read_deliveries(struct exporting *x)
{
    x->list = (struct store_delivery_list){
        .req = request(x, on_deliveries),
        .tenant = x->page.workspace->tenant,
        .filter = {.user = x->user},
        .before = x->before,
        .limit = PAGE,
    };
    look_deliveries(x->page.app, &x->list);
}

/* ---- what they pressed ---- */

static void read_presses(struct exporting *x);

static void
write_press(struct exporting *x, const struct store_person_press *p)
{
    static const char *const words[] = {[PRESS_CALLING] = "unknown",
                                        [PRESS_DONE] = "done",
                                        [PRESS_FAILED] = "failed"};
    const char *reason = press_reason(&p->press);
    struct buf out;
    struct json_writer w = begin_row(x, &out, "press");

    json_str_field(&w, "action", p->action);
    call_id_field(&x->page, &w, "notification_id", "ntf", p->notification);
    json_str_field(&w, "status", str_from(words[p->press.state]));
    if (p->press.status > 0)
        json_int_field(&w, "http_status", p->press.status);
    else
        json_str_or_null_field(&w, "http_status", STR_NONE);
    json_str_or_null_field(&w, "reason", reason ? str_from(reason) : STR_NONE);
    json_int_field(&w, "times", p->press.n);
    json_time_field(&w, "pressed_at", p->press.at_ms);
    end_row(x, &w);
}

static void
on_presses(struct store_req *req, enum err e)
{
    struct store_presses *p = CONTAINER_OF(req, struct store_presses, req);
    struct exporting *x = CONTAINER_OF(p, struct exporting, presses);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < p->n_presses; i++)
        write_press(x, &p->presses[i]);
    if (!p->has_more) {
        then(x, read_deliveries);
        return;
    }
    p->after_ref = p->presses[p->n_presses - 1].ref;
    p->after_action = str_dup(x->kept, p->presses[p->n_presses - 1].action);
    then(x, read_presses);
}

static void
read_presses(struct exporting *x)
{
    x->presses = (struct store_presses){
        .req = request(x, on_presses),
        .tenant = x->page.workspace->tenant,
        .user = x->user,
        .after_ref = x->presses.after_ref,
        .after_action = x->presses.after_action,
        .limit = PAGE,
    };
    look_presses(x->page.app, &x->presses);
}

/* ---- the inbox ---- */

static void read_inbox(struct exporting *x);

static void
on_inbox(struct store_req *req, enum err e)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    struct exporting *x = CONTAINER_OF(l, struct exporting, inbox);
    struct inbox_names names =
        inbox_names_of(x->page.app, x->page.workspace->tenant);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < l->n_items; i++) {
        struct arena *a = arena_new();
        struct json_writer w, item;
        struct buf out, text;

        buf_init(&text, a);
        item = json_writer(&text);
        inbox_item_write(&names, a, &l->items[i], &item);
        w = begin_row(x, &out, "inbox_item");
        write_members(x, &w, parsed(a, buf_str(&text)));
        end_row(x, &w);
        x->before = l->items[i].id;
        arena_free(a);
    }
    if (l->has_more) {
        then(x, read_inbox);
        return;
    }
    x->before = 0;
    x->has_more = !l->is_archived; /* now the archive */
    then(x, x->has_more ? read_inbox : read_presses);
}

static void
read_inbox(struct exporting *x)
{
    x->inbox = (struct store_inbox_list){
        .req = request(x, on_inbox),
        .tenant = x->page.workspace->tenant,
        .user = x->user,
        .before = x->before,
        .limit = PAGE,
        .is_archived = x->has_more,
    };
    inbox_list(x->page.app, &x->inbox);
}

/* ---- events, and parts in experiments ---- */

static void read_person(struct exporting *x);

static const struct experiment_doc *
experiment_of(const struct exporting *x, int64_t round)
{
    const struct workspace *w = x->page.workspace;

    for (size_t i = 0; i < w->n_experiments; i++)
        if (w->experiments[i]->round == round)
            return w->experiments[i];
    return NULL;
}

static void
write_trial(struct exporting *x, const struct store_person_trial *t)
{
    const struct experiment_doc *of = experiment_of(x, t->round);
    struct json_writer w;
    struct buf out;

    if (!of)
        return;
    w = begin_row(x, &out, "experiment");
    json_str_field(&w, "key", of->key);
    json_str_or_null_field(&w, "variant", t->variant);
    json_time_field(&w, "at", t->at_ms);
    json_time_field(&w, "delivered_at", t->delivered_ms);
    json_time_field(&w, "read_at", t->read_ms);
    json_time_field(&w, "goal_at", t->goal_ms);
    end_row(x, &w);
}

static void
write_event(struct exporting *x, const struct store_person_event *e)
{
    struct buf out;
    struct json_writer w = begin_row(x, &out, "event");

    json_str_field(&w, "name", e->name);
    json_time_field(&w, "at", e->at_ms);
    json_raw_field(&w, "data", e->data.n > 0 ? e->data : STR("null"));
    end_row(x, &w);
}

static void
on_person(struct store_req *req, enum err e)
{
    struct store_person *p = CONTAINER_OF(req, struct store_person, req);
    struct exporting *x = CONTAINER_OF(p, struct exporting, person);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < p->n_trials; i++)
        write_trial(x, &p->trials[i]);
    for (size_t i = 0; i < p->n_events; i++)
        write_event(x, &p->events[i]);
    if (p->has_more) {
        p->after = p->events[p->n_events - 1];
        p->after.name = str_dup(x->kept, p->after.name);
        p->after.data = STR_NONE;
        then(x, read_person);
        return;
    }
    x->before = 0;
    x->has_more = false;
    then(x, read_inbox);
}

/* With the first page come the rounds that experiments are in now; what was
 * counted in others has no name any more. */
static void
read_person(struct exporting *x)
{
    const struct workspace *w = x->page.workspace;
    struct store_req req = request(x, on_person);
    bool is_first = x->person.after.name.n == 0;
    size_t n = is_first ? w->n_experiments : 0;
    int64_t *rounds = ARENA_ARRAY(req.arena, int64_t, n);

    for (size_t i = 0; i < n; i++)
        rounds[i] = w->experiments[i]->round;
    x->person = (struct store_person){
        .req = req,
        .tenant = w->tenant,
        .user = x->user,
        .after = x->person.after,
        .limit = PAGE,
        .rounds = rounds,
        .n_rounds = n,
    };
    look_person(x->page.app, &x->person);
}

/* ---- topics ---- */

static void read_topics(struct exporting *x);

static void
on_topics(struct store_req *req, enum err e)
{
    struct store_memberships *m =
        CONTAINER_OF(req, struct store_memberships, req);
    struct exporting *x = CONTAINER_OF(m, struct exporting, memberships);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < m->n_keys; i++) {
        struct buf out;
        struct json_writer w = begin_row(x, &out, "topic");

        json_str_field(&w, "key", m->keys[i]);
        end_row(x, &w);
    }
    if (m->has_more) {
        m->after = str_dup(x->kept, m->keys[m->n_keys - 1]);
        then(x, read_topics);
        return;
    }
    then(x, read_person);
}

static void
read_topics(struct exporting *x)
{
    x->memberships = (struct store_memberships){
        .req = request(x, on_topics),
        .tenant = x->page.workspace->tenant,
        .kind = MEMBER_TOPIC,
        .user = x->user,
        .after = x->memberships.after,
        .limit = PAGE,
    };
    objects_memberships(x->page.app, &x->memberships);
}

/* ---- what was learned, and who may not write to them ---- */

static void
on_habits(struct store_req *req, enum err e)
{
    struct store_habits *h = CONTAINER_OF(req, struct store_habits, req);
    struct exporting *x = CONTAINER_OF(h, struct exporting, habits);
    struct json_writer w;
    struct buf out;

    if (!is_good(x, e))
        return;
    if (h->habits[0].hour != 0) {
        w = begin_row(x, &out, "best_time");
        best_time_write(&x->page, &w, &h->habits[0],
                        json_str_of(x->page.arena, x->profile, "timezone"));
        end_row(x, &w);
    }
    then(x, read_topics);
}

static void
read_habits(struct exporting *x)
{
    x->habits = (struct store_habits){.req = request(x, on_habits),
                                      .tenant = x->page.workspace->tenant,
                                      .users = &x->user,
                                      .n_users = 1};
    objects_habits(x->page.app, &x->habits);
}

static void
on_suppressions(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct exporting *x = CONTAINER_OF(g, struct exporting, get);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < g->n_keys; i++) {
        struct json_writer w;
        struct buf out;

        if (g->objects[i].version == 0)
            continue;
        w = begin_row(x, &out, "suppression");
        json_str_field(&w, "key", g->keys[i]);
        write_members(x, &w, parsed(x->page.arena, g->objects[i].body));
        json_time_field(&w, "created_at", g->objects[i].created_ms);
        end_row(x, &w);
    }
    then(x, read_habits);
}

static size_t
list_addresses(struct exporting *x, struct str *keys)
{
    const struct plan_recipient r = {.stored = x->profile};
    size_t n = 0;

    for (const struct channel_info *i = channels(); i->name; i++) {
        struct str address = plan_address(x->page.arena, &r, i->address_field,
                                          i->address_fallback);

        if (!keys)
            n += SUPPRESSION_KEYS;
        else if (address.n > 0)
            n += suppression_keys(x->page.arena, str_from(i->name), address,
                                  &keys[n]);
    }
    return n;
}

static void
read_suppressions(struct exporting *x)
{
    struct store_req req = request(x, on_suppressions);
    struct str *keys =
        ARENA_ARRAY(x->page.arena, struct str, list_addresses(x, NULL));

    x->get = (struct store_object_get){
        .req = req,
        .tenant = x->page.workspace->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = keys,
        .n_keys = list_addresses(x, keys),
    };
    objects_get(x->page.app, &x->get);
}

/* ---- the profile ---- */

static void
write_devices(struct exporting *x, struct str body)
{
    struct device all[DEVICES_MAX];
    size_t n = devices_read(x->page.arena, parsed(x->page.arena, body), all);

    for (size_t i = 0; i < n; i++) {
        struct buf out;
        struct json_writer w = begin_row(x, &out, "device");

        write_device_members(&w, &all[i]);
        end_row(x, &w);
    }
}

static void
on_profile(struct store_req *req, enum err e)
{
    static const char *const kinds[] = {"user", "preferences"};
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct exporting *x = CONTAINER_OF(g, struct exporting, get);

    if (!is_good(x, e))
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct object *o = &g->objects[i];
        struct json doc = parsed(x->kept, str_dup(x->kept, o->body));
        struct json_writer w;
        struct buf out;

        if (i == 0)
            x->profile = doc;
        if (o->version == 0)
            continue;
        w = begin_row(x, &out, kinds[i]);
        json_str_field(&w, "id", x->user);
        for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
             m = json_next(doc, m))
            if (!str_is(json_key(x->page.arena, m), "id")) {
                json_put_key_str(&w, json_key(x->page.arena, m));
                json_put_raw(&w, json_raw(m));
            }
        json_int_field(&w, "version", o->version);
        json_time_field(&w, "created_at", o->created_ms);
        json_time_field(&w, "updated_at", o->updated_ms);
        end_row(x, &w);
    }
    write_devices(x, g->objects[2].body);
    then(x, read_suppressions);
}

static void
read_profile(struct exporting *x)
{
    static const enum object_kind kinds[] = {OBJECT_USER, OBJECT_PREFERENCE,
                                             OBJECT_DEVICES};
    struct str *keys;

    x->get = (struct store_object_get){.req = request(x, on_profile),
                                       .tenant = x->page.workspace->tenant,
                                       .kinds = kinds,
                                       .n_keys = 3};
    keys = ARENA_ARRAY(x->page.arena, struct str, 3);
    keys[0] = keys[1] = keys[2] = x->user;
    x->get.keys = keys;
    objects_get(x->page.app, &x->get);
}

/* ---- the request ---- */

static struct exporting *
exporting_new(struct call *c, struct str user)
{
    struct exporting *x = xcalloc(1, sizeof(*x));

    x->kept = arena_new();
    x->user = str_dup(x->kept, user);
    x->deliveries = ARENA_ARRAY(x->kept, struct delivery, PAGE);
    x->page = (struct call){
        .api = c->api,
        .app = c->app,
        .arena = arena_new(),
        .workspace = workspace_get(c->workspace),
    };
    return x;
}

struct asking {
    struct call *call;
    struct str user;
    struct audit who;
    struct store_audit_add note;
};

/* That somebody was shown all of it stands in the books before it is. */
static void
on_noted(struct store_req *req, enum err e)
{
    struct store_audit_add *a = CONTAINER_OF(req, struct store_audit_add, req);
    struct asking *k = CONTAINER_OF(a, struct asking, note);
    struct exporting *x;
    struct http_stream_events events = {on_drain, on_close, NULL};

    if (e != ERR_OK) {
        call_fail(k->call, e);
        return;
    }
    x = exporting_new(k->call, k->user);
    events.arg = x;
    x->stream = call_stream(k->call, "application/x-ndjson", &events);
    if (!x->stream)
        finish(x);
    else
        then(x, read_profile);
}

static void
handle_export(struct call *c)
{
    struct asking *k = ARENA_NEW(c->arena, struct asking);

    k->call = c;
    if (!call_path_key(c, 0, &k->user))
        return;
    k->who = call_who(c);
    k->who.action = STR("export");
    k->who.kind = STR("user");
    k->note.req = call_req(c, on_noted);
    k->note.req.audit = &k->who;
    deed_note(c->app, &k->note);
}

const struct route user_export_routes[] = {
    {.method = "GET",
     .path = "/v1/users/{id}/export",
     .scope = AUTH_ADMIN,
     .handle = handle_export,
     .gives = "application/x-ndjson",
     .statuses = {200},
     .id = "exportUser",
     .summary = "All that is kept about one person, as lines of "
                "{\"kind\",\"data\"}; the last one is `end`."},
    {0},
};
