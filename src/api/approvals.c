/* approvals.c - what is held goes out, or does not, as a person says. */
#include "api/call.h"
#include "api/route.h"
#include "app/approve.h"
#include "app/send_request.h"
#include "base/list.h"

struct deciding {
    struct call *call;
    struct approve approve;
};

/* As it became by that, whatever has become of it since. */
static const char *
status_after(const struct approve *a)
{
    if (!a->is_approved)
        return "cancelled";
    return a->send_ms > a->decision.at_ms ? "scheduled" : "queued";
}

static void
on_done(struct approve *a, enum err e)
{
    struct call *c = CONTAINER_OF(a, struct deciding, approve)->call;
    struct json_writer w;
    struct buf out;

    if (problem_is_set(&a->problem)) {
        c->problem = a->problem;
        call_refuse(c);
        return;
    }
    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    call_id_field(c, &w, "id", "ntf", a->notification);
    json_str_field(&w, "status", str_from(status_after(a)));
    json_str_field(&w, "decision", a->decision.verdict);
    json_time_field(&w, "decided_at", a->decision.at_ms);
    json_str_or_null_field(&w, "by", a->decision.user);
    json_str_or_null_field(&w, "note", a->decision.note);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

/* The key asks; `by` says for whom. */
static const struct audit *
audit_of(struct call *c)
{
    struct audit *a = call_audit(c);
    struct json_writer w;
    struct buf detail;

    w = call_writer(c, &detail);
    json_begin_object(&w);
    json_str_or_null_field(&w, "by", json_str_of(c->arena, c->body, "by"));
    json_str_or_null_field(&w, "note", json_str_of(c->arena, c->body, "note"));
    json_end_object(&w);
    a->detail = buf_str(&detail);
    return a;
}

static void
decide(struct call *c, bool is_approved)
{
    struct deciding *x = ARENA_NEW(c->arena, struct deciding);
    int64_t id;

    if (!call_path_id(c, 0, "ntf", &id))
        return;
    *x = (struct deciding){
        .call = c,
        .approve = {.app = c->app,
                    .arena = c->arena,
                    .tenant = c->workspace->tenant,
                    .notification = id,
                    .now_ms = call_now_ms(c),
                    .is_approved = is_approved,
                    .by = json_str_of(c->arena, c->body, "by"),
                    .note = json_str_of(c->arena, c->body, "note"),
                    .audit = audit_of(c),
                    .on_done = on_done},
    };
    approve_start(&x->approve);
}

static void
handle_approve(struct call *c)
{
    decide(c, true);
}

static void
handle_reject(struct call *c)
{
    decide(c, false);
}

static const char *const statuses[] = {"queued", "scheduled", "cancelled",
                                       NULL};
static const char *const decisions[] = {"approved", "rejected", NULL};
static const struct field request_fields[] = {
    {.name = "by",
     .type = FIELD_KEY,
     .doc = "The user who decides; where the send names roles, one who has "
            "one of them."},
    {.name = "note",
     .type = FIELD_STRING,
     .max = SEND_APPROVAL_NOTE,
     .doc = "Why; kept in the trace."},
    {.type = FIELD_END},
};
static const struct field answer_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = statuses,
     .flags = FIELD_REQUIRED,
     .doc = "What the notification became by that."},
    {.name = "decision",
     .type = FIELD_ENUM,
     .values = decisions,
     .flags = FIELD_REQUIRED},
    {.name = "decided_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "The first time that it was said."},
    {.name = "by", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.name = "note", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
    {.type = FIELD_END},
};

const struct route approval_routes[] = {
    {.method = "POST",
     .path = "/v1/notifications/{id}/approve",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_approve,
     .request = request_fields,
     .answer = answer_fields,
     .statuses = {200},
     .id = "approveNotification",
     .summary = "Let go out what waits for an approval."},
    {.method = "POST",
     .path = "/v1/notifications/{id}/reject",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_reject,
     .request = request_fields,
     .answer = answer_fields,
     .statuses = {200},
     .id = "rejectNotification",
     .summary = "Say that what waits for an approval does not go out."},
    {0},
};
