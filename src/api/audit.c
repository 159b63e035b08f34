/* audit.c - who changed what, for administrators; and who a call is, for what
 * it changes. */
#include <string.h>

#include "api/api_private.h"
#include "api/route.h"
#include "app/look.h"
#include "base/clock.h"
#include "base/list.h"

/* ---- who asks ---- */

/* What is done to one thing has its name in the path, after the thing's:
 * /v1/providers/{name}/pause. */
static struct str
deed_of(const struct route *r)
{
    const char *last = strrchr(r->path, '/');

    if (strcmp(r->method, "POST") != 0 || last == r->path || last[-1] != '}')
        return STR_NONE;
    return str_from(last + 1);
}

static struct str
actor_of(const struct call *c)
{
    if (c->is_root)
        return STR("root");
    return str_fmt(c->arena, "key:%.*s", STR_ARG(c->key_id));
}

struct audit
call_who(struct call *c)
{
    return (struct audit){
        .tenant = c->workspace->tenant,
        .id = id_make(c->app->ids, call_now_ms(c), AUDIT_LINES_MAX),
        .now_ms = call_now_ms(c),
        .actor = actor_of(c),
        .actor_name = c->key_name,
        .source = c->request->peer,
        .request_id = c->request_id,
        .action = deed_of(c->route),
        .key = c->params[0],
    };
}

/* What users do with their own inboxes is theirs. */
struct audit *
call_audit(struct call *c)
{
    bool is_read =
        str_is(c->request->method, "GET") || str_is(c->request->method, "HEAD");
    struct audit *a;

    if (is_read || !c->workspace || (!c->is_root && c->key_id.n == 0))
        return NULL;
    a = ARENA_NEW(c->arena, struct audit);
    *a = call_who(c);
    return a;
}

/* ---- the list ---- */

struct asking {
    struct call *call;
    struct store_audit_list list;
};

static void
write_version(struct json_writer *w, const char *key, int64_t version)
{
    json_put_key(w, key);
    if (version == 0)
        json_put_null(w);
    else
        json_put_int(w, version);
}

static void
write_line(struct call *c, struct json_writer *w, const struct audit_line *l)
{
    json_begin_object(w);
    call_id_field(c, w, "id", "aud", l->id);
    json_time_field(w, "at", l->at_ms);
    json_str_field(w, "actor", l->actor);
    json_str_or_null_field(w, "actor_name", l->actor_name);
    json_str_or_null_field(w, "source", l->source);
    json_str_or_null_field(w, "request_id", l->request_id);
    json_str_field(w, "action", l->action);
    json_str_field(w, "kind", l->kind);
    json_str_field(w, "key", l->key);
    write_version(w, "from_version", l->from_version);
    write_version(w, "to_version", l->to_version);
    json_raw_field(w, "detail", l->detail.n > 0 ? l->detail : STR("null"));
    json_end_object(w);
}

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_audit_list *l =
        CONTAINER_OF(req, struct store_audit_list, req);
    struct call *c = CONTAINER_OF(l, struct asking, list)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < l->n_lines; i++)
        write_line(c, &w, &l->lines[i]);
    call_end_page(c, &w,
                  l->next_before > 0 ? call_id(c, "aud", l->next_before)
                                     : STR_NONE);
}

static bool
read_filter(struct call *c, struct store_audit_filter *f)
{
    const struct {
        const char *name;
        struct str *into;
    } texts[] = {{"actor", &f->actor},
                 {"action", &f->action},
                 {"kind", &f->kind},
                 {"key", &f->key}};
    struct str since;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        (void)call_param(c, texts[i].name, texts[i].into);
    if (call_param(c, "since", &since) && !time_parse(since, &f->since_ms))
        return call_refuse_param(
            c, "since",
            "must be an RFC 3339 time such as 2026-01-31T09:00:00Z");
    return true;
}

static void
handle_list(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .list = {.req = call_req(c, on_listed), .tenant = c->workspace->tenant},
    };
    if (read_filter(c, &x->list.filter) && call_limit(c, &x->list.limit) &&
        call_after_id(c, "aud", &x->list.before))
        look_audit(c->app, &x->list);
}

static const struct field line_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "actor",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "`key:ID`, `root` (the bootstrap key), or `server`."},
    {.name = "actor_name",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The name of that key, as it was then."},
    {.name = "source",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The address that the request came from."},
    {.name = "request_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.name = "action",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "create, replace, delete, revoke, publish, rollback, pause, "
            "resume, approve, reject, cancel, retry, discard, flush, decide, "
            "export, bootstrap."},
    {.name = "kind",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Of what: provider, template, key, notification …"},
    {.name = "key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Of which: its key or id."},
    {.name = "from_version",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Of the document before; null: there was none."},
    {.name = "to_version",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},
    {.name = "detail",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Of an approval, `by` and `note`; of a new key, its `name` and "
            "`scopes`; of a template, the `latest` and the `published` "
            "version."},
    {.type = FIELD_END},
};

static const char *const list_params[] = {"limit", "after", "actor", "action",
                                          "kind",  "key",   "since", NULL};

const struct route audit_routes[] = {
    {.method = "GET",
     .path = "/v1/audit",
     .scope = AUTH_ADMIN,
     .handle = handle_list,
     .answer = line_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listAudit",
     .summary = "List who changed what, newest first. A page may hold less "
                "than `limit` and have a `next`.",
     .query = list_params},
    {0},
};
