#include "app/send_rows.h"

#include "app/attachment_doc.h"
#include "app/instance.h"
#include "app/message.h"
#include "app/provider_for.h"
#include "app/send_note.h"
#include "app/trial.h"
#include "base/clock.h"
#include "queue/rank.h"

bool
send_is_wide(const struct send_item *item)
{
    return item->request.is_all || item->is_later || item->is_held ||
           item->has_more;
}

/* Inline content is written once, however many read it. */
static enum err
content_for(struct send *s, struct send_item *item,
            const struct plan_decision *d, struct str *ret)
{
    struct rendered r;
    enum err e;

    if (item->inline_content.n > 0) {
        *ret = item->inline_content;
        return ERR_OK;
    }
    e = send_render(s, item, d, &r);
    if (e != ERR_OK)
        return e;
    *ret = message_item(s->arena, item->doc, &r);
    s->n_rendered += ret->n;
    if (!item->request.template)
        item->inline_content = *ret;
    return ERR_OK;
}

static bool
is_template_gone(const struct send_item *item)
{
    return !item->request.template &&
           json_is(json_get(item->doc, "template"), JSON_STRING);
}

/* What waited for its window is new to the inbox all the same. */
static int64_t
item_id(struct send *s, const struct send_item *item, const struct delivery *v)
{
    return item->flush ? send_new_id(s) : v->id;
}

static void
settle_in_app(struct send *s, struct send_item *item,
              const struct plan_decision *d, struct delivery *v,
              struct store_accept_item *row)
{
    struct str content;

    if (is_template_gone(item) || content_for(s, item, d, &content) != ERR_OK) {
        v->status = DELIVERY_FAILED;
        v->reason = reason_code(REASON_RENDER_ERROR);
        return;
    }
    v->status = DELIVERY_DELIVERED;
    v->reason = reason_code(REASON_DELIVERED);
    row->items[row->n_items++] = (struct inbox_item){
        .id = item_id(s, item, v),
        .tenant = v->tenant,
        .notification = row->notification.parent != 0 ? row->notification.parent
                                                      : v->notification,
        .delivery = v->id,
        .user = v->user,
        .created_ms = s->now_ms,
        .category = item->request.category,
        .content = content,
    };
}

static bool
lacks_address(const struct send *s, const struct plan_decision *d)
{
    const struct plan_channel *c = d->channel;

    return plan_address(s->arena, d->recipient, c->address_field,
                        c->address_fallback)
               .n == 0;
}

/* Of several providers that share a channel, or of which some reach only who
 * has an address, the delivery's own. */
static int64_t
pick_lane(const struct send *s, const struct plan_decision *d,
          enum device_kind kind, const struct delivery *v)
{
    const struct plan_channel *c = d->channel;
    struct clock *clock = s->app->env->clock;
    struct provider_ask ask = {.workspace = s->workspace,
                               .standings = s->app->standings,
                               .channel = c->name,
                               .kind = kind,
                               .delivery = v->id,
                               .now_ms = clock->mono_ms(clock)};
    bool is_device = kind != DEVICE_NONE;

    ask.needs_target = !is_device && c->targets_differ && lacks_address(s, d);
    if (ask.needs_target ||
        (is_device ? c->is_device_shared[kind] : c->is_shared))
        return provider_pick(&ask)->num;
    return is_device ? c->device_lanes[kind] : c->lane;
}

static void
fill_delivery(struct send *s, struct send_item *item,
              const struct plan_decision *d, struct delivery *v,
              struct store_accept_item *row)
{
    enum priority priority = item->request.priority;

    *v = (struct delivery){
        .id = v->id,
        .tenant = s->workspace->tenant,
        .notification = row->notification.id,
        .user = d->recipient->user,
        .recipient = d->recipient->index,
        .channel = d->channel->name,
        .priority = priority,
        .created_ms = s->now_ms,
        .updated_ms = s->now_ms,
    };
    if (d->verdict == PLAN_SKIP) {
        v->status = d->reason == REASON_EXPIRED ? DELIVERY_EXPIRED
                                                : DELIVERY_SUPPRESSED;
        v->reason = reason_code(d->reason);
    } else if (plan_only_waits(d)) {
        v->status = DELIVERY_HELD;
    } else if (d->channel->is_in_app) {
        settle_in_app(s, item, d, v, row);
    } else {
        v->status = DELIVERY_QUEUED;
        v->lane = pick_lane(s, d, DEVICE_NONE, v);
        v->rank = rank_of(priority, s->now_ms);
    }
    if (d->verdict == PLAN_HOLD && !plan_only_waits(d)) {
        v->status = DELIVERY_HELD;
        v->reason = reason_code(d->reason);
        v->due_ms = d->due_ms;
    }
}

/* What is the device's own of a delivery that is filled. */
static void
aim_at(struct send *s, const struct plan_decision *d,
       const struct device *device, struct delivery *v)
{
    if (!device)
        return;
    v->device = device_ref(s->arena, device);
    v->lane = pick_lane(s, d, device->kind, v);
    if (v->lane != 0)
        return;
    v->status = DELIVERY_SUPPRESSED;
    v->reason = reason_code(REASON_PROVIDER_NONE);
    v->due_ms = 0;
}

static size_t
count_collected(const struct send_item *item)
{
    size_t n = 0;

    for (size_t i = 0; i < item->n_decisions; i++)
        n += item->decisions[i].digest != NULL;
    return n;
}

static void
add_join(struct send *s, const struct plan_decision *d, size_t i,
         struct store_accept_item *row)
{
    if (!d->digest || row->deliveries[i].status == DELIVERY_FAILED)
        return;
    row->joins[row->n_joins++] = (struct store_join){
        .delivery = i,
        .n_more = plan_n_deliveries(d) - 1,
        .digest =
            {
                .id = send_new_id(s),
                .tenant = s->workspace->tenant,
                .user = d->recipient->user,
                .channel = d->channel->name,
                .rule = *d->digest,
                .opened_ms = s->now_ms,
                .closes_ms = d->closes_ms,
            },
    };
}

/* As a step of a workflow, and an item that was made of another one. */
static int64_t
parent_of(const struct send_item *item)
{
    const struct notification *n;

    if (!item->main)
        return item->parent;
    n = &item->main->accepted->notification;
    return n->parent != 0 ? n->parent : n->id;
}

static void
add_instances(struct send *s, struct send_item *item,
              struct store_accept_item *row)
{
    const struct send_request *q = &item->request;
    struct store_instance *all =
        ARENA_ARRAY(s->arena, struct store_instance, q->n_recipients);

    for (size_t i = 0; i < q->n_recipients; i++)
        all[i] = (struct store_instance){
            .id = send_new_id(s),
            .user = q->recipients[i].user,
            .cursor = instance_begin(s->arena, q->recipients[i].index, 0),
        };
    row->instances = all;
    row->n_instances = q->n_recipients;
}

/* One that was deleted is named all the same, so that who renders finds that
 * out. */
static struct str
template_key(const struct send *s, const struct send_item *item)
{
    const struct send_request *q = &item->request;

    return q->template ? q->template->key
                       : json_str_of(s->arena, item->doc, "template");
}

/* It is no use to approve what has expired. */
static int64_t
held_until(const struct send *s, const struct send_item *item)
{
    const struct send_request *q = &item->request;
    int64_t until_ms = s->now_ms + q->approval_ms;

    return q->expires_ms != 0 && q->expires_ms < until_ms ? q->expires_ms
                                                          : until_ms;
}

static int64_t
work_due(const struct send_item *item)
{
    if (item->is_held)
        return item->held_until_ms;
    return item->is_later ? item->request.send_ms : 0;
}

/* False: refused, as it would render more than a request may. */
static bool
fits(const struct send *s, struct send_item *item,
     const struct plan_decision *d)
{
    if (s->n_rendered <= SEND_RENDERED_MAX || !d->channel->is_in_app)
        return true;
    problem_add(&item->problem, ERR_TOO_LARGE, STR("/to"),
                "renders to more than %d MiB: send to fewer at once",
                SEND_RENDERED_MAX / 1024 / 1024);
    return false;
}

/* A delivery for each device of a decision: the nth of them. */
static struct delivery *
add_delivery(struct send *s, struct send_item *item,
             const struct plan_decision *d, size_t nth,
             struct store_accept_item *row)
{
    size_t at = row->n_deliveries;
    struct delivery *v = &row->deliveries[at];

    if (v->id == 0)
        v->id = send_new_id(s);
    fill_delivery(s, item, d, v, row);
    aim_at(s, d, plan_device(d, nth), v);
    if (nth == 0)
        add_join(s, d, at, row);
    row->n_deliveries++;
    return v;
}

/* False: the same. */
static bool
add_deliveries(struct send *s, struct send_item *item,
               const struct plan_decision *d, struct store_accept_item *row)
{
    size_t n = plan_n_deliveries(d);

    for (size_t k = 0; k < n; k++) {
        add_delivery(s, item, d, k, row);
        if (!fits(s, item, d))
            return false;
    }
    return true;
}

static size_t
count_deliveries(const struct send_item *item)
{
    size_t n = 0;

    for (size_t i = 0; i < item->n_decisions; i++)
        n += plan_n_deliveries(&item->decisions[i]);
    return n;
}

/* False: users have so many devices that it is more than a request may be. */
static bool
takes_deliveries(struct send *s, struct send_item *item, size_t n)
{
    if (s->n_rows + n <= SEND_DELIVERIES_MAX) {
        s->n_rows += n;
        return true;
    }
    problem_add(&item->problem, ERR_TOO_LARGE, STR("/to"),
                "would make more than %d deliveries: send to fewer at once",
                SEND_DELIVERIES_MAX);
    return false;
}

/* What is read again when it is planned, or sent, is small. */
static struct str
kept_doc(struct send *s, const struct send_item *item)
{
    const struct send_request *q = &item->request;

    return q->n_attachments > 0
               ? attachments_kept(s->arena, item->doc, q->attachments,
                                  q->n_attachments)
               : json_raw(item->doc);
}

/* The bytes are kept once: what was made of this item has the same. */
static void
add_attachments(struct send *s, const struct send_item *item,
                struct store_accept_item *row)
{
    const struct send_request *q = &item->request;
    struct store_attachment *rows;

    if (q->n_attachments == 0 || item->main)
        return;
    rows = ARENA_ARRAY(s->arena, struct store_attachment, q->n_attachments);
    row->attachments = rows;
    for (size_t i = 0; i < q->n_attachments; i++)
        if (q->attachments[i].content.n > 0)
            rows[row->n_attachments++] = (struct store_attachment){
                .n = (int)i, .content = q->attachments[i].content};
}

static bool
fill_row(struct send *s, struct send_item *item)
{
    struct store_accept_item *row = item->accepted;
    const struct send_request *q = &item->request;
    size_t n_deliveries = count_deliveries(item);

    if (!takes_deliveries(s, item, n_deliveries))
        return false;
    item->held_until_ms = held_until(s, item);
    *row = (struct store_accept_item){
        .notification =
            {
                .id = item->notification,
                .tenant = s->workspace->tenant,
                .created_ms = s->now_ms,
                .priority = q->priority,
                .doc = kept_doc(s, item),
                .template_key = template_key(s, item),
                .template_version = q->template ? q->template->version : 0,
                .note = send_note(s->arena, item),
                .request_id = s->request_id,
                .traceparent = s->traceparent,
                .n_recipients = (int)item->n_audience,
                .parent = parent_of(item),
            },
        .deliveries = ARENA_ARRAY(s->arena, struct delivery, n_deliveries),
        .items = ARENA_ARRAY(s->arena, struct inbox_item, item->n_decisions),
        .cancel_key = item->chunk ? STR_NONE : q->cancel_key,
        .dedup_key = item->chunk ? STR_NONE : q->dedup_key,
        .dedup_until_ms = s->now_ms + q->dedup_window_ms,
        .outbox = item->outbox,
        .tells = s->workspace->tells,
        .has_more = send_is_wide(item) && !item->chunk,
        .due_ms = work_due(item),
        .is_held = item->is_held,
        .chunk = item->chunk,
        .with = item->main ? item->main->accepted : NULL,
    };
    row->joins =
        ARENA_ARRAY(s->arena, struct store_join, count_collected(item));
    if (q->is_workflow)
        add_instances(s, item, row);
    for (size_t i = 0; i < item->n_decisions; i++)
        if (!add_deliveries(s, item, &item->decisions[i], row))
            return false;
    trials_add_rows(s, item, row);
    add_attachments(s, item, row);
    if (item->on_row)
        item->on_row(item, row);
    return true;
}

/* How the first of what goes out becomes the row of a member that was alone. */
static void
go_on_as(struct delivery *v, const struct delivery *was)
{
    v->created_ms = was->created_ms;
    if (v->status == DELIVERY_QUEUED) /* ready since now, not since then */
        v->reason = reason_code(REASON_DIGEST_WAITING);
}

static bool
goes_nowhere(const struct send_item *item)
{
    for (size_t i = 0; i < item->n_decisions; i++)
        if (item->decisions[i].verdict != PLAN_SKIP)
            return false;
    return true;
}

/* What goes out, or why it does not: that is the members' end, too. */
static void
decide_flush(struct send *s, struct send_item *item,
             struct store_accept_item *row)
{
    const struct plan_decision *first = &item->decisions[0];
    const struct delivery *was = &item->like->delivery;
    struct store_flush *f = item->flush;
    bool is_one = f->status == DELIVERY_QUEUED;

    f->tells = s->workspace->tells;
    if (goes_nowhere(item)) {
        f->status = first->reason == REASON_EXPIRED ? DELIVERY_EXPIRED
                                                    : DELIVERY_SUPPRESSED;
        f->reason = reason_code(first->reason);
        return;
    }
    if (is_one)
        row->deliveries[0].id = was->id;
    for (size_t i = 0; i < item->n_decisions; i++) {
        const struct plan_decision *d = &item->decisions[i];
        size_t n = plan_n_deliveries(d);

        for (size_t k = 0; k < n; k++) {
            struct delivery *v = add_delivery(s, item, d, k, row);

            if (is_one && row->n_deliveries == 1)
                go_on_as(v, was);
            if (!is_one && d->verdict != PLAN_SKIP &&
                v->status != DELIVERY_SUPPRESSED)
                f->merged_into = v->id;
        }
    }
    if (!is_one)
        f->reason = reason_code(REASON_DIGEST_MERGED);
}

/* The template is that of the member, which may have been deleted since. */
static bool
fill_flush(struct send *s, struct send_item *item)
{
    const struct notification *like = &item->like->notification;
    struct store_accept_item *row = item->accepted;

    *row = (struct store_accept_item){
        .tells = s->workspace->tells,
        .notification =
            {
                .id = item->flush->status == DELIVERY_MERGED ? send_new_id(s)
                                                             : like->id,
                .tenant = s->workspace->tenant,
                .created_ms = s->now_ms,
                .priority = item->request.priority,
                .doc = json_raw(item->doc),
                .template_key = like->template_key,
                .template_version = like->template_version,
                .parent =
                    item->flush->status == DELIVERY_MERGED ? 0 : like->parent,
                .note = item->note,
                .request_id = like->request_id,
                .traceparent = like->traceparent,
                .n_recipients = 1,
            },
        .deliveries =
            ARENA_ARRAY(s->arena, struct delivery, count_deliveries(item)),
        .items = ARENA_ARRAY(s->arena, struct inbox_item, item->n_decisions),
        .joins = ARENA_ARRAY(s->arena, struct store_join, item->n_decisions),
        .flush = item->flush,
    };
    if (item->n_decisions > 0)
        decide_flush(s, item, row);
    return true;
}

bool
send_fill_row(struct send *s, struct send_item *item)
{
    return item->flush ? fill_flush(s, item) : fill_row(s, item);
}
