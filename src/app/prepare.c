#include "app/prepare.h"

#include "app/attachment_doc.h"
#include "app/message.h"
#include "app/suppression.h"
#include "app/template_doc.h"
#include "app/tracking.h"
#include "base/clock.h"
#include "base/id.h"
#include "domain/preference.h"

static void
give_up(struct prepare *p, enum delivery_status status, enum reason reason,
        const char *detail)
{
    p->status = status;
    p->reason = reason_code(reason);
    p->detail = str_from(detail);
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

static struct json
given_recipient(struct json doc, int index)
{
    if (index < 0)
        return (struct json){0};
    return json_at(json_get(json_get(doc, "to"), "recipients"),
                   (uint32_t)index);
}

/* 0: never. */
static int64_t
expires_ms(struct arena *a, struct json doc)
{
    int64_t at_ms;

    return time_parse(json_str_of(a, doc, "expires_at"), &at_ms) ? at_ms : 0;
}

static bool
is_expired(struct arena *a, struct json doc, int64_t now_ms)
{
    int64_t at_ms = expires_ms(a, doc);

    return at_ms != 0 && at_ms <= now_ms;
}

/* What was held for a better hour, or by a window that it was alone in, was
 * ready when that was over, which is when it was last written; it keeps its
 * reason until it is called. */
static int64_t
due_ms(struct prepare *p, struct json doc)
{
    const struct delivery *v = &p->work->delivery;
    int64_t due = p->work->notification->created_ms, at_ms;

    if (time_parse(json_str_of(p->arena, doc, "send_at"), &at_ms) &&
        at_ms > due)
        due = at_ms;
    if (!json_is(json_get(doc, "approval"), JSON_ABSENT) && v->created_ms > due)
        due = v->created_ms; /* since somebody approved it */
    if ((reason_is_deferral(v->reason) ||
         reason_is(v->reason, REASON_DIGEST_WAITING)) &&
        v->updated_ms > due)
        due = v->updated_ms;
    return due;
}

/* Whatever it waited for: its addressee, its user or the workspace may have
 * turned it off meanwhile. */
static enum reason
why_unwanted(struct prepare *p, struct json doc)
{
    const struct delivery *v = &p->work->delivery;
    struct str category = json_str_of(p->arena, doc, "category");
    const struct category *k = workspace_category(p->workspace, category);
    const struct preference_query q = {
        .arena = p->arena,
        .user = parsed(p->arena, p->work->preference_body),
        .defaults = p->workspace->preferences,
        .category = category,
        .channel = v->channel,
        .is_critical = k && k->is_critical,
        .now_ms = p->now_ms,
    };

    if (p->suppression.n > 0)
        return suppression_reason(p->arena, parsed(p->arena, p->suppression));
    return preference_decide(&q);
}

/* It is not to go out any more. */
static bool
is_over(struct prepare *p, struct json doc)
{
    enum reason unwanted = why_unwanted(p, doc);

    if (p->work->notification->is_cancelled)
        give_up(p, DELIVERY_CANCELLED, REASON_CANCELLED,
                "its notification was cancelled while it was on its way");
    else if (is_expired(p->arena, doc, p->now_ms))
        give_up(p, DELIVERY_EXPIRED, REASON_EXPIRED, "expires_at has passed");
    else if (unwanted != REASON_NONE)
        give_up(p, DELIVERY_SUPPRESSED, unwanted,
                "it was turned off while it waited");
    return p->reason.n > 0;
}

static struct str
public_id(struct prepare *p, const char *prefix, int64_t id)
{
    char *text = arena_alloc(p->arena, ID_TEXT_MAX);

    return id_format(text, vault_id_key(p->vault), prefix, p->workspace->shard,
                     id);
}

static void
fill(struct prepare *p, struct json doc, const struct plan_recipient *r,
     const struct rendered *text)
{
    const struct notification *n = p->work->notification;
    const struct delivery *v = &p->work->delivery;
    struct json overrides = json_get(doc, "overrides");

    p->message = (struct channel_message){
        .delivery_id = public_id(p, "dlv", v->id),
        .notification_id =
            public_id(p, "ntf", n->parent != 0 ? n->parent : n->id),
        .user = v->user,
        .channel = v->channel,
        .category = json_str_of(p->arena, doc, "category"),
        .priority = str_from(priority_name(v->priority)),
        .title = text->title,
        .body = text->body,
        .html = text->html,
        .language = text->language,
        .actions = text->actions,
        .data = json_raw(json_get(doc, "data")),
        .user_name = json_str_of(p->arena, r->given, "name"),
        .overrides = json_raw(overrides),
        .created_ms = p->work->notification->created_ms,
        .expires_ms = expires_ms(p->arena, doc),
    };
}

/* What a step of a workflow sends, and what an experiment split off, carries
 * what is kept with its parent. */
static void
list_attachments(struct prepare *p, struct json doc)
{
    const struct notification *n = p->work->notification;
    struct json list = json_get(doc, "attachments");

    if (!p->provider->driver->takes_attachments || json_is(list, JSON_ABSENT))
        return;
    p->n_attachments = attachments_read(p->arena, list, &p->attachments);
    p->attached_to = n->parent != 0 ? n->parent : n->id;
}

/* For channels that show one; only who has an address can leave. */
static void
add_unsubscribe(struct prepare *p)
{
    struct suppression s = {
        .tenant = p->workspace->tenant,
        .channel = p->message.channel,
        .address = p->message.address,
    };
    struct str token;

    if (!str_is(s.channel, "email") || s.address.n == 0)
        return;
    token = unsubscribe_token(p->vault, p->arena, &s);
    p->message.unsubscribe_url = str_fmt(
        p->arena, "%.*s/u/%.*s", STR_ARG(p->public_url), STR_ARG(token));
}

static void
add_tracking(struct prepare *p)
{
    const struct channel_message *m = &p->message;
    const struct category *k = workspace_category(p->workspace, m->category);
    struct tracked_mail mail = {
        .arena = p->arena,
        .vault = p->vault,
        .public_url = p->public_url,
        .tenant = p->workspace->tenant,
        .delivery_id = m->delivery_id,
    };

    if (!k || m->html.n == 0 || !str_is(m->channel, "email"))
        return;
    mail.opens = k->tracks_opens;
    mail.clicks = k->tracks_clicks;
    if (mail.opens || mail.clicks)
        p->message.html = tracking_html(&mail, m->html);
}

static struct plan_recipient
recipient_of(struct arena *a, const struct store_work *work, struct json doc)
{
    const struct delivery *v = &work->delivery;

    return (struct plan_recipient){
        .user = v->user,
        .index = v->recipient,
        .stored = parsed(a, work->user_body),
        .given = given_recipient(doc, v->recipient),
    };
}

static struct str
address_of(struct arena *a, const struct plan_recipient *r,
           const struct channel_info *info)
{
    return info
               ? plan_address(a, r, info->address_field, info->address_fallback)
               : STR_NONE;
}

static struct str
address_now(struct arena *a, const struct store_work *work)
{
    const struct delivery *v = &work->delivery;
    struct json doc = {0};
    struct plan_recipient r;

    if (v->recipient >= 0)
        doc = parsed(a, work->notification->doc);
    r = recipient_of(a, work, doc);
    return address_of(a, &r, channel_find(v->channel));
}

bool
prepare_has_address(struct arena *a, const struct store_work *work)
{
    return address_now(a, work).n > 0;
}

size_t
prepare_suppression_keys(struct arena *a, const struct store_work *work,
                         struct str ret[static SUPPRESSION_KEYS])
{
    struct str address = address_now(a, work);

    return address.n > 0
               ? suppression_keys(a, work->delivery.channel, address, ret)
               : 0;
}

/* As it is now: it may have a new token since. */
static void
address_device(struct prepare *p)
{
    struct str ref = p->work->delivery.device;
    struct device d;

    if (!device_find(p->arena, parsed(p->arena, p->work->devices_body),
                     device_ref_name(ref), &d) ||
        d.kind != device_ref_kind(ref)) {
        give_up(p, DELIVERY_SUPPRESSED, REASON_CONTACT_MISSING,
                "the device is not registered any more");
        return;
    }
    p->message.device = d.name;
    p->message.address = d.address;
}

/* An event goes out as it was when it happened, whoever it is about. */
static void
prepare_event(struct prepare *p)
{
    struct json doc = parsed(p->arena, p->work->notification->doc);

    p->due_ms = p->work->delivery.created_ms;
    if (p->work->notification->is_cancelled) {
        give_up(p, DELIVERY_CANCELLED, REASON_CANCELLED,
                "it was cancelled while it was on its way");
        return;
    }
    p->message = (struct channel_message){
        .delivery_id = json_str_of(p->arena, doc, "event_id"),
        .channel = p->work->delivery.channel,
        .priority = str_from(priority_name(p->work->delivery.priority)),
        .body = json_raw(json_get(doc, "event")),
        .created_ms = p->work->notification->created_ms,
    };
}

void
prepare_message(struct prepare *p)
{
    const struct notification *n = p->work->notification;
    const struct delivery *v = &p->work->delivery;
    const struct channel_info *info = channel_find(v->channel);
    struct json doc = parsed(p->arena, n->doc);
    struct plan_recipient r = recipient_of(p->arena, p->work, doc);
    struct message m = {
        .arena = p->arena,
        .workspace = p->workspace,
        .doc = doc,
        .channel = v->channel,
        .recipient = &r,
        .now_ms = p->now_ms,
    };

    p->reason = STR_NONE;
    if (str_is(v->channel, EVENT_CHANNEL)) {
        prepare_event(p);
        return;
    }
    p->due_ms = due_ms(p, doc);
    if (is_over(p, doc))
        return;
    if (n->template_key.n > 0) {
        m.template = workspace_template(p->workspace, n->template_key,
                                        n->template_version);
        if (!m.template) {
            give_up(p, DELIVERY_FAILED, REASON_RENDER_ERROR,
                    "the template was deleted");
            return;
        }
    }
    if (json_is(json_get(doc, "content"), JSON_OBJECT))
        m.template =
            template_content_compile(p->arena, json_get(doc, "content"));
    p->is_trial = !json_is(json_get(doc, "experiment"), JSON_ABSENT) ||
                  (m.template && m.template->experiment.n > 0);
    if (message_render(&m) != ERR_OK) {
        give_up(p, DELIVERY_FAILED, REASON_RENDER_ERROR,
                "the template used up its budget of work or output");
        return;
    }
    fill(p, doc, &r, &m.rendered);
    list_attachments(p, doc);
    if (v->device.n > 0) {
        address_device(p);
        return;
    }
    p->message.address = address_of(p->arena, &r, info);
    add_unsubscribe(p);
    add_tracking(p);
    if (p->message.address.n == 0 &&
        !channel_has_target(info, p->provider->driver, p->provider->config))
        give_up(p, DELIVERY_SUPPRESSED, REASON_CONTACT_MISSING,
                "the user has no address on this channel any more");
}
