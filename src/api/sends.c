/* sends.c - the bodies of a send: JSON, plain text, arrays and lines; and the
 * answers, which also run inside the commit that makes them true. */
#include "api/api_private.h"
#include "api/notifications.h"
#include "app/attachment_doc.h"
#include "app/send.h"
#include "base/list.h"
#include "base/locale.h"
#include "base/metrics.h"

#define BATCH_MAX 1000
#define PLAN_MAX (16 * 1024 * 1024) /* bytes of a dry run's answer */

struct sending {
    struct call *call;
    struct send send;
    bool is_batch;
};

static struct sending *
sending_of(struct send *s)
{
    return CONTAINER_OF(s, struct sending, send);
}

static void
write_accepted(struct call *c, struct json_writer *w,
               const struct store_accept_item *a)
{
    call_id_field(c, w, "id", "ntf", a->id);
    /* The contract's words for what was just taken in. */
    json_str_field(w, "status",
                   a->is_held      ? STR("held")
                   : a->due_ms > 0 ? STR("scheduled")
                                   : STR("queued"));
    json_time_field(w, "created_at", a->created_ms);
    if (a->is_duplicate)
        json_bool_field(w, "duplicate", true);
}

static void
answer_one(struct store_req *req, struct buf *body, int *status)
{
    struct sending *s = sending_of(send_of(req));
    const struct store_accept_item *a = s->send.items[0].accepted;
    struct json_writer w = json_writer(body);

    json_begin_object(&w);
    write_accepted(s->call, &w, a);
    json_end_object(&w);
    *status = a->is_duplicate ? 200 : 202;
}

static void
write_result(struct call *c, struct json_writer *w, const struct send_item *i)
{
    struct buf problem;

    json_begin_object(w);
    if (problem_is_set(&i->problem)) {
        buf_init(&problem, c->arena);
        problem_write(&i->problem, api_problem_base(c->api, c->arena),
                      c->request_id, &problem);
        json_int_field(w, "status", err_http_status(i->problem.err));
        json_raw_field(w, "problem", buf_str(&problem));
    } else {
        json_int_field(w, "status", i->accepted->is_duplicate ? 200 : 202);
        call_id_field(c, w, "id", "ntf", i->accepted->id);
        if (i->accepted->is_duplicate)
            json_bool_field(w, "duplicate", true);
    }
    json_end_object(w);
}

static void
answer_batch(struct store_req *req, struct buf *body, int *status)
{
    struct sending *s = sending_of(send_of(req));
    struct json_writer w = json_writer(body);

    json_begin_object(&w);
    json_put_key(&w, "results");
    json_begin_array(&w);
    for (size_t i = 0; i < s->send.n_items; i++)
        write_result(s->call, &w, &s->send.items[i]);
    json_end_array(&w);
    json_end_object(&w);
    *status = 200;
}

/* ---- send ---- */

void
notification_count(const struct send *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        const struct send_item *item = &s->items[i];

        if (item->accepted && !item->accepted->is_duplicate)
            metric_add(metrics_series(METRIC_events_accepted_total, "api"), 1);
        else if (problem_is_set(&item->problem))
            metric_add(metrics_series(METRIC_events_rejected_total,
                                      err_code(item->problem.err)),
                       1);
    }
}

/* Those that go along: none on channels that cannot carry them. */
static void
write_attachments(struct json_writer *w, const struct send_request *q,
                  struct str channel)
{
    if (q->n_attachments == 0)
        return;
    json_put_key(w, "attachments");
    attachments_tell(w, q->attachments,
                     attachments_go_on(channel) ? q->n_attachments : 0);
}

static void
write_plan(struct sending *s, struct json_writer *w,
           const struct send_item *item, const struct plan_decision *d,
           const struct device *device)
{
    struct rendered r = {0};
    enum err e = send_render(&s->send, item, d, &r);
    enum reason why = d->digest ? REASON_DIGEST_WAITING : d->reason;
    enum plan_verdict verdict = d->digest ? PLAN_HOLD : d->verdict;
    bool is_without = device && d->channel->device_lanes[device->kind] == 0;
    struct str reason = reason_code(e == ERR_OK ? why : REASON_RENDER_ERROR);

    if (is_without) {
        verdict = PLAN_SKIP;
        reason = reason_code(REASON_PROVIDER_NONE);
    }
    json_begin_object(w);
    json_str_or_null_field(w, "user", d->recipient->user);
    json_str_field(w, "channel", d->channel->name);
    if (device)
        json_str_field(w, "device", device->name);
    json_str_field(w, "verdict",
                   e == ERR_OK ? str_from(plan_verdict_name(verdict))
                               : STR("skip"));
    json_str_or_null_field(w, "reason", reason);
    json_time_field(w, "due_at", d->digest ? d->closes_ms : d->due_ms);
    if (d->recipient->experiment.n > 0) {
        json_str_field(w, "experiment", d->recipient->experiment);
        json_str_or_null_field(w, "variant", d->recipient->variant);
    }
    write_attachments(w, &item->request, d->channel->name);
    json_put_key(w, "rendered");
    json_begin_object(w);
    json_str_field(w, "title", r.title);
    json_str_field(w, "body", r.body);
    json_str_field(w, "html", r.html);
    json_raw_field(w, "actions", r.actions.n > 0 ? r.actions : STR("[]"));
    json_end_object(w);
    json_end_object(w);
}

/* Of a workflow, as far as they are known. */
static void
write_steps(struct json_writer *w, const struct send_item *item)
{
    json_put_key(w, "steps");
    json_begin_array(w);
    for (size_t i = 0; i < item->n_steps; i++) {
        const struct store_step *s = &item->steps[i];

        json_begin_object(w);
        json_str_field(w, "step", s->step);
        json_str_field(w, "verdict", s->verdict);
        json_str_or_null_field(w, "reason", s->reason);
        if (s->at_ms > 0)
            json_time_field(w, "until", s->at_ms);
        json_end_object(w);
    }
    json_end_array(w);
}

/* A row for each device. False: it is long enough without it. */
static bool
write_rows(struct sending *s, struct buf *out, struct json_writer *w,
           const struct send_item *item, const struct plan_decision *d)
{
    for (size_t k = 0; k < plan_n_deliveries(d); k++) {
        if (out->n > PLAN_MAX)
            return false;
        write_plan(s, w, item, d, plan_device(d, k));
    }
    return true;
}

/* Every decision has its own words, so a plan may be a thousand times what was
 * sent. False: that was long enough. */
static bool
write_plans(struct sending *s, struct buf *out, struct json_writer *w)
{
    for (size_t k = 0; k < s->send.n_parts; k++) {
        const struct send_item *item = s->send.parts[k];

        for (size_t i = 0; i < item->n_decisions; i++) {
            if (!write_rows(s, out, w, item, &item->decisions[i]))
                return false;
        }
    }
    return true;
}

/* Who names nobody cannot ask for fewer, and is told that there is more. */
static void
reply_plan(struct sending *s)
{
    const struct send_item *item = &s->send.items[0];
    struct buf out;
    struct json_writer w = call_writer(s->call, &out);
    bool is_open = audience_is_open(&item->request);
    bool has_more = item->has_more;

    json_begin_object(&w);
    json_put_key(&w, "plan");
    json_begin_array(&w);
    if (!write_plans(s, &out, &w)) {
        has_more = true;
        if (!is_open) {
            call_fail_with(s->call, ERR_TOO_LARGE,
                           "the plan is longer than %d MiB: ask for fewer "
                           "recipients or channels",
                           PLAN_MAX / 1024 / 1024);
            return;
        }
    }
    json_end_array(&w);
    if (item->steps)
        write_steps(&w, item);
    if (is_open)
        json_bool_field(&w, "has_more", has_more);
    json_end_object(&w);
    call_reply(s->call, 200, &out);
}

static void
on_sent(struct send *send, enum err e)
{
    struct sending *s = sending_of(send);
    struct call *c = s->call;
    struct buf out;
    int status;

    if (e == ERR_OK && !send->idem.is_replay)
        notification_count(send);
    if (e != ERR_OK) {
        call_fail(c, e);
    } else if (send->idem.is_replay) {
        call_reply_replay(c, &send->idem);
    } else if (!s->is_batch && problem_is_set(&send->items[0].problem)) {
        c->problem = send->items[0].problem;
        call_refuse(c);
    } else if (!s->is_batch && send->items[0].request.is_dry_run) {
        reply_plan(s);
    } else {
        buf_init(&out, c->arena);
        if (s->is_batch)
            answer_batch(&send->accept.req, &out, &status);
        else
            answer_one(&send->accept.req, &out, &status);
        call_reply(c, status, &out);
    }
}

/* A batch answers with what it stored, and a plan is not that. */
static void
refuse_dry_runs(struct call *c, struct send_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct send_item *item = &items[i];

        if (problem_is_set(&item->problem) ||
            !json_bool(json_get(item->doc, "dry_run"), false))
            continue;
        problem_init(&item->problem, c->arena);
        problem_add(&item->problem, ERR_INVALID, STR("/dry_run"),
                    "a dry run is a request of its own, not part of a batch");
    }
}

static bool
takes_locale(const struct send_item *item)
{
    return !problem_is_set(&item->problem) && json_is(item->doc, JSON_OBJECT) &&
           json_is(json_get(item->doc, "locale"), JSON_ABSENT) &&
           (!json_is(json_get(item->doc, "template"), JSON_ABSENT) ||
            !json_is(json_get(item->doc, "workflow"), JSON_ABSENT));
}

/* What a reader is to get who has no language of their own, where the document
 * does not say; the words of inline content are in one already. */
static void
fill_locales(struct call *c, struct send_item *items, size_t n)
{
    struct str locale =
        locale_preferred(http_request_header(c->request, "Accept-Language"));
    struct json_doc *docs = ARENA_ARRAY(c->arena, struct json_doc, n + 1);
    struct json_error why;
    struct str given =
        str_fmt(c->arena, "{\"locale\":\"%.*s\"}", STR_ARG(locale));

    if (locale.n == 0 || json_parse(c->arena, given, &docs[n], &why) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (takes_locale(&items[i]) &&
            json_parse(
                c->arena,
                json_merge_patch(c->arena, items[i].doc, json_root(&docs[n])),
                &docs[i], &why) == ERR_OK)
            items[i].doc = json_root(&docs[i]);
}

static void
start_sending(struct call *c, struct send_item *items, size_t n, bool is_batch)
{
    struct sending *s = ARENA_NEW(c->arena, struct sending);

    *s = (struct sending){
        .call = c,
        .is_batch = is_batch,
        .send =
            {
                .app = c->app,
                .arena = c->arena,
                .workspace = c->workspace,
                .items = items,
                .n_items = n,
                .request_id = c->request_id,
                .traceparent = c->traceparent,
                .on_done = on_sent,
            },
    };
    if (!call_idem(c, &s->send.idem))
        return;
    if (is_batch)
        refuse_dry_runs(c, items, n);
    fill_locales(c, items, n);
    s->send.idem.answer = is_batch ? answer_batch : answer_one;
    send_start(&s->send);
}

/* text/plain with ?to=u1&title=...: the body is the text. */
static struct str
from_plain_text(struct call *c)
{
    struct str to, title, value;
    struct json_writer w;
    struct buf out;
    static const char *const texts[] = {"title", "category", "priority",
                                        "dedup_key"};

    w = call_writer(c, &out);
    json_begin_object(&w);
    if (call_param(c, "to", &to)) {
        json_put_key(&w, "to");
        json_begin_array(&w);
        while (str_split(&to, ',', &value))
            json_put_str(&w, value);
        json_end_array(&w);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (call_param(c, texts[i], &title))
            json_str_field(&w, texts[i], title);
    if (call_param(c, "channels", &to)) {
        json_put_key(&w, "channels");
        json_begin_array(&w);
        while (str_split(&to, ',', &value))
            json_put_str(&w, value);
        json_end_array(&w);
    }
    json_str_field(&w, "body", c->request->body);
    json_end_object(&w);
    return buf_str(&out);
}

static bool
parse_item(struct call *c, struct str text, struct send_item *item, enum err as)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (json_parse(c->arena, text, doc, &why) != ERR_OK) {
        problem_init(&item->problem, c->arena);
        problem_set(&item->problem, as, "byte %zu: %s", why.at, why.why);
        return false;
    }
    item->doc = json_root(doc);
    return true;
}

/* What may be larger are its attachments, and nothing else. */
static bool
is_too_large(struct call *c, struct json doc)
{
    size_t max = api_max_body(c->api);

    if (c->request->body.n - json_raw(json_get(doc, "attachments")).n <= max)
        return false;
    call_fail_with(c, ERR_TOO_LARGE,
                   "Without its attachments the body is larger than "
                   "BELFRY_HTTP_MAX_BODY.");
    return true;
}

void
notification_send(struct call *c)
{
    struct send_item *item = ARENA_NEW(c->arena, struct send_item);
    struct str text = c->request->body;
    bool is_text = call_has_type(c, "text/plain"), is_good;

    if (is_text) {
        if (is_too_large(c, (struct json){0}))
            return;
        if (!str_is_text(text)) {
            call_fail_with(c, ERR_MALFORMED,
                           "the text must be UTF-8 without NUL");
            return;
        }
        text = from_plain_text(c);
    } else if (!call_has_json(c)) {
        call_fail_with(c, ERR_MEDIA_TYPE,
                       "send application/json or text/plain");
        return;
    } else if (c->request->query.n > 0) {
        call_fail_with(c, ERR_INVALID,
                       "query parameters go with text/plain only");
        return;
    }
    is_good = parse_item(c, text, item, ERR_MALFORMED);
    if (!is_text && is_too_large(c, item->doc))
        return;
    if (is_good) {
        start_sending(c, item, 1, false);
    } else {
        c->problem = item->problem;
        call_refuse(c);
    }
}

static void
refuse_count(struct call *c)
{
    call_fail_with(c, ERR_INVALID, "a batch holds 1 to %d notifications",
                   BATCH_MAX);
}

static void
send_array(struct call *c)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;
    struct send_item *items;
    struct json list;
    size_t n = 0;

    if (json_parse(c->arena, c->request->body, doc, &why) != ERR_OK) {
        call_fail_with(c, ERR_MALFORMED, "byte %zu of the body: %s", why.at,
                       why.why);
        return;
    }
    list = json_root(doc);
    if (!json_is(list, JSON_ARRAY)) {
        call_fail_with(c, ERR_INVALID, "must be an array of notifications");
        return;
    }
    if (json_count(list) < 1 || json_count(list) > BATCH_MAX) {
        refuse_count(c);
        return;
    }
    items = ARENA_ARRAY(c->arena, struct send_item, json_count(list));
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        items[n++].doc = v;
    start_sending(c, items, n, true);
}

static void
send_lines(struct call *c)
{
    struct send_item *items =
        ARENA_ARRAY(c->arena, struct send_item, BATCH_MAX);
    struct str rest = c->request->body, line;
    size_t n = 0;

    while (rest.p && str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (str_ends(line, STR("\r")))
            line.n--;
        if (line.n == 0)
            continue;
        if (n == BATCH_MAX) {
            refuse_count(c);
            return;
        }
        /* The lines around it are good ones: only this item is refused. */
        parse_item(c, line, &items[n++], ERR_INVALID);
    }
    if (n == 0)
        refuse_count(c);
    else
        start_sending(c, items, n, true);
}

void
notification_batch(struct call *c)
{
    if (call_has_type(c, "application/x-ndjson"))
        send_lines(c);
    else if (call_has_json(c))
        send_array(c);
    else
        call_fail_with(c, ERR_MEDIA_TYPE,
                       "send application/json or application/x-ndjson");
}
