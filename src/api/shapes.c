#include "api/shapes.h"

#include <stdlib.h>

#include "domain/call_line.h"

static const char *const notification_statuses[] = {
    "queued", "scheduled", "held", "running", "done", "cancelled", NULL};
static const char *const delivery_statuses[] = {
    "queued",    "held",    "sending", "retrying",   "delivered",
    "sent",      "failed",  "dead",    "suppressed", "merged",
    "cancelled", "expired", NULL};
static const char *const priorities[] = {"critical", "high", "normal", "low",
                                         NULL};

const struct field accepted_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = notification_statuses,
     .flags = FIELD_REQUIRED},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "duplicate",
     .type = FIELD_BOOL,
     .doc = "A notification with this dedup_key was accepted before; this is "
            "its id."},
    {.type = FIELD_END},
};

static const struct field count_row[] = {{.type = FIELD_INT}};
static const struct field any_row[] = {{.type = FIELD_ANY}};

static const struct field cost_fields[] = {
    {.name = "amount", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "currency", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field request_fields[] = {
    {.name = "method",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Of HTTP; or SMTP, or FILE."},
    {.name = "host",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.name = "path",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Without the query; *** is a secret, an address or a long id."},
    {.name = "size",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Bytes of the body."},
    {.name = "key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The idempotency key; the delivery's id, mostly."},
    {.type = FIELD_END},
};
static const struct field attempt_fields[] = {
    {.name = "n",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "From 1 on; 0: no call, but what the provider told later."},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "provider", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "verdict", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_INT,
     .flags = FIELD_NULLABLE,
     .doc = "HTTP or SMTP status; null: there was no answer."},
    {.name = "detail", .type = FIELD_STRING},
    {.name = "duration", .type = FIELD_DURATION},
    {.name = "retry_at", .type = FIELD_TIME, .flags = FIELD_NULLABLE},
    {.name = "cost",
     .type = FIELD_OBJECT,
     .of = cost_fields,
     .flags = FIELD_NULLABLE,
     .doc = "What the provider takes for it, by its document of then."},
    {.name = "request",
     .type = FIELD_OBJECT,
     .of = request_fields,
     .flags = FIELD_NULLABLE,
     .doc = "How it went out, if it failed; null: it worked, or asked nobody."},
    {.name = "node",
     .type = FIELD_INT,
     .flags = FIELD_NULLABLE,
     .doc = "Which of several processes made it, as in "
            "/v1/system/processors; told with cost or request."},
    {.type = FIELD_END},
};
static const struct field attempt_row[] = {
    {.type = FIELD_OBJECT, .of = attempt_fields}};

const struct field delivery_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "notification_id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "user", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "device",
     .type = FIELD_STRING,
     .doc = "Of a push: the name of the user's device."},
    {.name = "provider", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = delivery_statuses,
     .flags = FIELD_REQUIRED},
    {.name = "reason", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "attempts", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "due_at",
     .type = FIELD_TIME,
     .flags = FIELD_NULLABLE,
     .doc = "When it goes out, or is tried again."},
    {.name = "into",
     .type = FIELD_STRING,
     .flags = FIELD_NULLABLE,
     .doc = "Of one that was merged: the delivery it went out with."},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "log", .type = FIELD_ARRAY, .of = attempt_row},
    {.type = FIELD_END},
};
static const struct field delivery_row[] = {
    {.type = FIELD_OBJECT, .of = delivery_fields}};

static const struct field approval_fields[] = {
    {.name = "until",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "Then it expires."},
    {.name = "roles", .type = FIELD_ARRAY, .of = any_row},
    {.name = "note", .type = FIELD_STRING},
    {.type = FIELD_END},
};

const struct field notification_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = notification_statuses,
     .flags = FIELD_REQUIRED},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "priority", .type = FIELD_ENUM, .values = priorities},
    {.name = "template", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "counts",
     .type = FIELD_MAP,
     .of = count_row,
     .flags = FIELD_REQUIRED,
     .doc = "Deliveries by status."},
    {.name = "approval",
     .type = FIELD_OBJECT,
     .of = approval_fields,
     .flags = FIELD_NULLABLE,
     .doc = "While it waits for one: who may approve it, and until when."},
    {.name = "warnings",
     .type = FIELD_ARRAY,
     .of = any_row,
     .flags = FIELD_REQUIRED},
    {.name = "metadata",
     .type = FIELD_OBJECT,
     .flags = FIELD_NULLABLE,
     .doc = "As it was sent; not in lists."},
    {.name = "deliveries",
     .type = FIELD_ARRAY,
     .of = delivery_row,
     .doc = "The first 100."},
    {.type = FIELD_END},
};

static const struct field step_fields[] = {
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "stage", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "user", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "verdict", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "reason", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "detail", .type = FIELD_ANY},
    {.type = FIELD_END},
};
static const struct field step_row[] = {
    {.type = FIELD_OBJECT, .of = step_fields}};
const struct field trace_fields[] = {
    {.name = "steps",
     .type = FIELD_ARRAY,
     .of = step_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

void
write_device_members(struct json_writer *w, const struct device *d)
{
    json_str_field(w, "name", d->name);
    json_str_field(w, "kind", str_from(device_kind_name(d->kind)));
    if (d->kind == DEVICE_WEB_PUSH)
        json_raw_field(w, "subscription", d->address);
    else
        json_str_field(w, "token", d->address);
    json_int_field(w, "version", d->version);
    json_time_field(w, "created_at", d->created_ms);
    json_time_field(w, "updated_at", d->updated_ms);
}

void
write_device(struct json_writer *w, const struct delivery *d)
{
    if (d->device.n > 0)
        json_str_field(w, "device", device_ref_name(d->device));
}

void
write_delivery(struct call *c, struct json_writer *w, const struct delivery *d)
{
    call_id_field(c, w, "id", "dlv", d->id);
    call_id_field(c, w, "notification_id", "ntf", d->notification);
    json_str_or_null_field(w, "user", d->user);
    json_str_field(w, "channel", d->channel);
    write_device(w, d);
    json_str_or_null_field(w, "provider", d->provider);
    json_str_field(w, "status", str_from(delivery_status_name(d->status)));
    json_str_or_null_field(w, "reason", d->reason);
    json_int_field(w, "attempts", d->attempts);
    json_time_field(w, "due_at", d->due_ms);
    call_id_field(c, w, "into", "dlv", d->merged_into);
    json_time_field(w, "created_at", d->created_ms);
    json_time_field(w, "updated_at", d->updated_ms);
}

void
write_deliveries(struct call *c, struct json_writer *w,
                 const struct delivery *deliveries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_begin_object(w);
        write_delivery(c, w, &deliveries[i]);
        json_end_object(w);
    }
}

void
write_outcome(struct json_writer *w, int status, struct str detail,
              int64_t duration_ms)
{
    json_put_key(w, "status");
    if (status == 0)
        json_put_null(w);
    else
        json_put_int(w, status);
    json_str_field(w, "detail", detail);
    json_put_key(w, "duration");
    json_put_duration(w, duration_ms);
}

/* Calls by their numbers, then what was told, as it happened. */
static int
by_time(const void *pa, const void *pb)
{
    const struct attempt *a = pa, *b = pb;

    if (is_receipt(a) && is_receipt(b) && a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

static void
write_cost(struct json_writer *w, struct str cost)
{
    struct str amount;

    json_put_key(w, "cost");
    if (!str_split(&cost, ' ', &amount)) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_str_field(w, "amount", amount);
    json_str_field(w, "currency", cost);
    json_end_object(w);
}

static void
write_request(struct call *c, struct json_writer *w, struct str line,
              int64_t delivery)
{
    struct call_line l;

    json_put_key(w, "request");
    if (!call_line_read(line, &l)) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_str_field(w, "method", l.method);
    json_str_or_null_field(w, "host", l.host);
    json_str_or_null_field(w, "path", l.path);
    json_int_field(w, "size", l.size);
    json_str_or_null_field(w, "key",
                           l.is_delivery ? call_id(c, "dlv", delivery) : l.key);
    json_end_object(w);
}

void
write_note(struct call *c, struct json_writer *w, const struct attempt *a,
           int64_t delivery)
{
    write_cost(w, a->cost);
    write_request(c, w, a->request, delivery);
    json_put_key(w, "node");
    if (a->node == 0)
        json_put_null(w);
    else
        json_put_int(w, a->node - 1);
}

void
write_attempts(struct call *c, struct json_writer *w, struct attempt *attempts,
               size_t n, int64_t delivery)
{
    if (n > 1)
        qsort(attempts, n, sizeof(*attempts), by_time);
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        const struct attempt *a = &attempts[i];

        json_begin_object(w);
        json_int_field(w, "n", is_receipt(a) ? 0 : a->n);
        json_time_field(w, "at", a->at_ms);
        json_str_field(w, "provider", a->provider);
        json_str_field(w, "verdict", a->verdict);
        write_outcome(w, a->status, a->detail, a->duration_ms);
        json_time_field(w, "retry_at", a->retry_at_ms);
        write_note(c, w, a, delivery);
        json_end_object(w);
    }
    json_end_array(w);
}

/* Derived, so that it cannot disagree with its deliveries. */
const char *
notification_status(const struct notification *n,
                    const struct store_count *counts, int64_t now_ms)
{
    int64_t n_open = 0, n_all = 0, n_untouched = 0, n_held = 0;

    if (n->is_cancelled)
        return "cancelled";
    if (n->is_held)
        return "held";
    if (n->is_expired) /* before anybody approved it; the trace says so */
        return "cancelled";
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++) {
        n_all += counts[i].n;
        if (!delivery_status_is_terminal(counts[i].status))
            n_open += counts[i].n;
        if (counts[i].status == DELIVERY_QUEUED)
            n_untouched += counts[i].n;
        if (counts[i].status == DELIVERY_HELD)
            n_held += counts[i].n;
    }
    if (n->is_planning && n->due_ms > now_ms)
        return "scheduled";
    if (n->is_running)
        return "running";
    if (n->is_planning)
        return n_all == 0 ? "queued" : "running";
    if (n_open == 0)
        return "done";
    if (n_held == n_all)
        return "held";
    return n_untouched == n_all ? "queued" : "running";
}

struct json
notification_note(struct call *c, const struct notification *n)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (json_parse(c->arena, n->note, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static void
write_approval(struct call *c, struct json_writer *w,
               const struct notification *n)
{
    struct json approval = {0};

    if (n->is_held)
        approval = json_get(notification_note(c, n), "approval");
    json_raw_field(w, "approval",
                   json_is(approval, JSON_OBJECT) ? json_raw(approval)
                                                  : STR("null"));
}

void
write_notification(struct call *c, struct json_writer *w,
                   const struct notification *n,
                   const struct store_count *counts)
{
    call_id_field(c, w, "id", "ntf", n->id);
    json_str_field(w, "status",
                   str_from(notification_status(n, counts, call_now_ms(c))));
    json_time_field(w, "created_at", n->created_ms);
    json_str_field(w, "priority", str_from(priority_name(n->priority)));
    json_str_or_null_field(w, "template", n->template_key);
    json_put_key(w, "counts");
    json_begin_object(w);
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        if (counts[i].n > 0)
            json_int_field(w, delivery_status_name(counts[i].status),
                           counts[i].n);
    json_end_object(w);
    write_approval(c, w, n);
    json_put_key(w, "warnings");
    json_begin_array(w);
    json_end_array(w);
}
