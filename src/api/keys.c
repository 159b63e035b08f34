/* keys.c - API keys: shown once, stored hashed. */
#include "api/api_private.h"
#include "api/collection.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/list.h"

static const char *const scope_names[] = {"send",  "read",    "write",
                                          "admin", "metrics", NULL};
static const struct field scope_row[] = {
    {.type = FIELD_ENUM, .values = scope_names}};

struct making {
    struct call *call;
    struct auth_key key;
    struct str name;
    struct str text; /* the secret; leaves the process once */
    int64_t created_ms;
    struct store_object_write write;
    struct store_object_put put;
};

static void
write_scopes(struct json_writer *w, unsigned scopes)
{
    json_put_key(w, "scopes");
    json_begin_array(w);
    for (const char *const *n = scope_names; *n; n++) {
        enum auth_scope s;

        if (auth_scope_parse(str_from(*n), &s) && (scopes & s))
            json_put_cstr(w, *n);
    }
    json_end_array(w);
}

static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    struct auth_key k = {0};

    (void)o;
    auth_key_read(c->arena, stored, &k);
    json_str_field(w, "name", json_str_of(c->arena, stored, "name"));
    write_scopes(w, k.scopes);
    json_time_field(w, "expires_at", k.expires_ms);
}

static const struct collection keys = {
    .kind = OBJECT_KEY,
    .noun = "key",
    .key_name = "id",
    .is_configuration = true,
    .show = show,
};

static struct str
made_answer(const struct making *m)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(m->call, &out);
    json_begin_object(&w);
    json_str_field(&w, "id", str_from(m->key.id));
    json_str_field(&w, "key", m->text);
    json_str_field(&w, "name", m->name);
    write_scopes(&w, m->key.scopes);
    json_time_field(&w, "created_at", m->created_ms);
    json_time_field(&w, "expires_at", m->key.expires_ms);
    json_end_object(&w);
    return buf_str(&out);
}

/* What is kept for a repeated request is sealed: it holds the secret. */
static struct str
seal_purpose(struct call *c)
{
    return str_fmt(c->arena, "%lld/key-answer",
                   (long long)c->workspace->tenant);
}

static void
answer_sealed(struct store_req *req, struct buf *body, int *status)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct making *m = CONTAINER_OF(p, struct making, put);
    struct call *c = m->call;

    buf_put_str(body, vault_seal(c->app->vault, c->arena, seal_purpose(c),
                                 made_answer(m)));
    *status = 201;
}

static void
reply_made(struct call *c, void *arg)
{
    call_header(c, "Cache-Control", STR("no-store"));
    call_reply_text(c, 201, "application/json", made_answer(arg));
}

static void
on_made(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct making *m = CONTAINER_OF(p, struct making, put);
    struct call *c = m->call;
    struct str plain;

    if (e == ERR_OK && p->idem.is_replay) {
        if (vault_unseal(c->app->vault, c->arena, seal_purpose(c), p->idem.body,
                         &plain) != ERR_OK) {
            call_fail(c, ERR_INTERNAL);
            return;
        }
        p->idem.body = plain;
        call_header(c, "Cache-Control", STR("no-store"));
        call_reply_replay(c, &p->idem);
    } else if (e != ERR_OK || m->write.err != ERR_OK) {
        call_fail(c, e != ERR_OK ? e : m->write.err);
    } else {
        call_wait_for(c, p->seq, reply_made, m);
    }
}

static bool
read_request(struct call *c, struct making *m)
{
    struct json list = json_get(c->body, "scopes");
    enum auth_scope s;

    m->created_ms = call_now_ms(c);
    m->name = json_str_of(c->arena, c->body, "name");
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        if (auth_scope_parse(json_str(c->arena, v), &s))
            m->key.scopes |= s;
    if (time_parse(json_str_of(c->arena, c->body, "expires_at"),
                   &m->key.expires_ms) &&
        m->key.expires_ms <= m->created_ms) {
        problem_add(&c->problem, ERR_INVALID, STR("/expires_at"),
                    "must be in the future");
        call_refuse(c);
        return false;
    }
    return true;
}

static const struct audit *
audit_of(const struct making *m)
{
    struct call *c = m->call;
    struct audit *a = call_audit(c);
    struct json_writer w;
    struct buf detail;

    w = call_writer(c, &detail);
    json_begin_object(&w);
    json_str_field(&w, "name", m->name);
    write_scopes(&w, m->key.scopes);
    json_end_object(&w);
    a->detail = buf_str(&detail);
    return a;
}

static void
handle_make(struct call *c)
{
    struct making *m = ARENA_NEW(c->arena, struct making);
    char *text = arena_alloc(c->arena, AUTH_KEY_TEXT_MAX);
    struct json_writer w;
    struct buf stored;

    m->call = c;
    m->key.tenant = c->workspace->tenant;
    if (!read_request(c, m))
        return;
    m->text = auth_key_make(text, &m->key);
    w = call_writer(c, &stored);
    auth_key_write(&m->key, m->name, m->created_ms, &w);
    m->write = (struct store_object_write){
        .kind = OBJECT_KEY,
        .key = str_from(m->key.id),
        .body = buf_str(&stored),
        .num = call_new_num(c),
    };
    m->put = (struct store_object_put){
        .req = call_req(c, on_made),
        .tenant = c->workspace->tenant,
        .now_ms = m->created_ms,
        .idem = {.answer = answer_sealed},
        .writes = &m->write,
        .n_writes = 1,
        .is_atomic = true,
    };
    m->put.req.audit = audit_of(m);
    if (call_idem(c, &m->put.idem))
        objects_put(c->app, &m->put);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &keys);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &keys);
}

static void
handle_revoke(struct call *c)
{
    collection_delete(c, &keys);
}

static const struct field make_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What it is for."},
    {.name = "scopes",
     .type = FIELD_ARRAY,
     .of = scope_row,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 8,
     .doc = "What it may do; admin implies the others."},
    {.name = "expires_at",
     .type = FIELD_TIME,
     .flags = FIELD_NULLABLE,
     .doc = "Default never."},
    {.type = FIELD_END},
};
static const struct field key_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "key",
     .type = FIELD_STRING,
     .doc = "The key itself, in the answer that makes it and never again."},
    {.name = "name", .type = FIELD_STRING},
    {.name = "scopes", .type = FIELD_ARRAY, .of = scope_row},
    {.name = "expires_at", .type = FIELD_TIME, .flags = FIELD_NULLABLE},
    {.name = "created_at", .type = FIELD_TIME},
    {.name = "updated_at", .type = FIELD_TIME},
    {.name = "version", .type = FIELD_INT},
    {.type = FIELD_END},
};

const struct route key_routes[] = {
    {.method = "POST",
     .path = "/v1/keys",
     .scope = AUTH_ADMIN,
     .body = ROUTE_BODY_JSON,
     .handle = handle_make,
     .request = make_fields,
     .answer = key_fields,
     .statuses = {201},
     .id = "makeKey",
     .summary = "Make an API key; its text is in this answer only."},
    {.method = "GET",
     .path = "/v1/keys",
     .scope = AUTH_ADMIN,
     .handle = handle_list,
     .answer = key_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listKeys",
     .summary = "List keys, without their secrets.",
     .query = route_page_params},
    {.method = "GET",
     .path = "/v1/keys/{id}",
     .scope = AUTH_ADMIN,
     .handle = handle_get,
     .answer = key_fields,
     .statuses = {200},
     .id = "getKey",
     .summary = "Look at a key, without its secret."},
    {.method = "DELETE",
     .path = "/v1/keys/{id}",
     .scope = AUTH_ADMIN,
     .handle = handle_revoke,
     .statuses = {204},
     .id = "revokeKey",
     .summary = "Revoke a key, at once; a stream that it opened may go on "
                "for up to 40 minutes."},
    {0},
};
