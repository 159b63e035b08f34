/* templates.c - texts with holes, by key and version. The first PUT of a key
 * is live at once; later ones make a draft that preview shows and publish
 * makes live; rollback takes one publish back. */
#include "api/collection.h"
#include "api/route.h"
#include "app/message.h"
#include "app/send_request.h"
#include "app/template_doc.h"
#include "app/template_lint.h"
#include "base/clock.h"
#include "base/list.h"

#define LOCALES_MAX 200

static const char *const unknowns[] = {"empty", "keep", NULL};
static const struct field channel_row[] = {{.type = FIELD_KEY}};
static const struct field locale_row[] = {{.type = FIELD_MAP,
                                           .of = template_content_row,
                                           .max = TEMPLATE_VARIANTS_MAX}};
static const struct field template_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name", .type = FIELD_STRING, .max = 200},
    {.name = "channels",
     .type = FIELD_ARRAY,
     .of = channel_row,
     .min = 1,
     .max = 32,
     .doc = "Where it goes when a send names no channels."},
    {.name = "content",
     .type = FIELD_MAP,
     .of = template_content_row,
     .max = TEMPLATE_VARIANTS_MAX,
     .flags = FIELD_REQUIRED,
     .doc = "By channel; \"default\" serves the others."},
    {.name = "unknown",
     .type = FIELD_ENUM,
     .values = unknowns,
     .doc = "keep: an unknown {{name}} stays as it is written."},
    {.name = "layout",
     .type = FIELD_KEY,
     .doc = "The key of a template that stands around body and html: they "
            "fill its block content."},
    {.name = "locale",
     .type = FIELD_LOCALE,
     .doc = "The language of content, a BCP 47 tag."},
    {.name = "locales",
     .type = FIELD_MAP,
     .of = locale_row,
     .max = LOCALES_MAX,
     .doc = "By BCP 47 tag, as content is: for recipients of that locale, and "
            "of those within it."},
    {.name = "experiment",
     .type = FIELD_KEY,
     .doc = "Of sends that name none."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "latest",
     .type = FIELD_INT,
     .flags = FIELD_READ_ONLY,
     .doc = "The version that this is, and that publish makes live."},
    {.name = "published",
     .type = FIELD_INT,
     .flags = FIELD_READ_ONLY,
     .doc = "The version that sends use."},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

/* The object TEMPLATE is {"latest":n,"published":m,"previous":p,"doc":{...}}:
 * the text is the latest, p what was live before m, 0 for none. Each version is
 * an object of its own, TEMPLATE_VERSION "key@n", never changed. */
struct editing {
    struct call *call;
    struct str key;
    int64_t if_version;
    int64_t latest, published, previous;
    struct store_object_get get;
    struct store_object_write writes[2];
    struct store_object_put put;
    struct store_object_delete delete;
    int64_t deleted_seq; /* of the last that there was to delete */
    /* to read a version */
    struct str asked; /* empty: the latest */
    struct object template;
    void (*on_doc)(struct editing *x, struct json doc);
};

static struct json
parsed(struct call *c, struct str text)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(c->arena, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static struct str
version_key(struct call *c, struct str key, int64_t version)
{
    return str_fmt(c->arena, "%.*s@%lld", STR_ARG(key), (long long)version);
}

static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    struct json doc = json_get(stored, "doc");
    int64_t latest = 0, published = 0;

    (void)o;
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(c->arena, m);
        const struct field *f = field_find(template_fields, name);

        if (!f || (f->flags & FIELD_READ_ONLY) || str_is(name, "key"))
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
    json_int(json_get(stored, "latest"), &latest);
    json_int(json_get(stored, "published"), &published);
    json_int_field(w, "latest", latest);
    json_int_field(w, "published", published);
}

static const struct collection templates = {
    .kind = OBJECT_TEMPLATE,
    .noun = "template",
    .key_name = "key",
    .is_configuration = true,
    .show = show,
};

/* ---- PUT, publish ---- */

static void
reply_written(struct call *c, void *arg)
{
    struct editing *x = arg;
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    collection_write(c, &templates, &w, &x->writes[0].object);
    call_etag(c, x->writes[0].object.version);
    call_reply(c, x->writes[0].is_created ? 201 : 200, &out);
}

static void
on_written(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct editing *x = CONTAINER_OF(p, struct editing, put);

    if (e == ERR_PRECONDITION)
        call_fail_with(x->call, e, "the template was changed meanwhile");
    else if (e != ERR_OK)
        call_fail(x->call, e);
    else
        call_wait_for(x->call, p->seq, reply_written, x);
}

static struct str
template_body(const struct editing *x, struct json doc)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(x->call, &out);
    json_begin_object(&w);
    json_int_field(&w, "latest", x->latest);
    json_int_field(&w, "published", x->published);
    json_int_field(&w, "previous", x->previous);
    json_raw_field(&w, "doc", json_raw(doc));
    json_end_object(&w);
    return buf_str(&out);
}

/* The document's own version says nothing of which one is live. */
static const struct audit *
audit_of(struct editing *x)
{
    struct audit *a = call_audit(x->call);

    a->detail = str_fmt(x->call->arena, "{\"latest\":%lld,\"published\":%lld}",
                        (long long)x->latest, (long long)x->published);
    return a;
}

/* What was read is what is replaced: a writer in between is not run over. */
static void
write_template(struct editing *x, struct json doc, int64_t if_version,
               bool adds_version)
{
    struct call *c = x->call;

    x->writes[0] = (struct store_object_write){
        .kind = OBJECT_TEMPLATE,
        .key = x->key,
        .body = template_body(x, doc),
        .if_version = if_version,
        .num = call_new_num(c),
    };
    x->writes[1] = (struct store_object_write){
        .kind = OBJECT_TEMPLATE_VERSION,
        .key = version_key(c, x->key, x->latest),
        .body = json_raw(doc),
        .if_version = OBJECT_ANY_VERSION,
        .num = call_new_num(c),
    };
    x->put = (struct store_object_put){
        .req = call_req(c, on_written),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .writes = x->writes,
        .n_writes = adds_version ? 2 : 1,
        .is_atomic = true,
    };
    x->put.req.audit = audit_of(x);
    objects_put(c->app, &x->put);
}

static bool
has_version(struct editing *x, const struct object *o)
{
    if (x->if_version == OBJECT_ANY_VERSION || x->if_version == o->version)
        return true;
    call_fail_with(x->call, ERR_PRECONDITION,
                   "the template has version %lld now", (long long)o->version);
    return false;
}

/* Answers with the template's text. */
static struct json
read_numbers(struct editing *x, const struct object *o)
{
    struct json before = parsed(x->call, o->body);

    json_int(json_get(before, "latest"), &x->latest);
    json_int(json_get(before, "published"), &x->published);
    json_int(json_get(before, "previous"), &x->previous);
    return json_get(before, "doc");
}

static struct editing *
editing_of(struct store_req *req)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);

    return CONTAINER_OF(g, struct editing, get);
}

static void
on_before_put(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    const struct object *o = &x->get.objects[0];

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    if (!has_version(x, o))
        return;
    x->latest = x->published = 1;
    if (o->version > 0) {
        read_numbers(x, o);
        x->latest++;
    }
    write_template(x, x->call->body, o->version, true);
}

/* The template as it is stored; NULL: refused already. */
static const struct object *
found(struct editing *x, enum err e)
{
    if (e != ERR_OK) {
        call_fail(x->call, e);
        return NULL;
    }
    if (x->get.objects[0].version > 0)
        return &x->get.objects[0];
    call_fail_with(x->call, ERR_NOT_FOUND, "there is no such template");
    return NULL;
}

/* The same, of the version that If-Match names. */
static const struct object *
found_to_change(struct editing *x, enum err e)
{
    const struct object *o = found(x, e);

    return o && has_version(x, o) ? o : NULL;
}

static void
on_before_publish(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    const struct object *o = found_to_change(x, e);
    struct json doc;

    if (!o)
        return;
    doc = read_numbers(x, o);
    if (x->published != x->latest)
        x->previous = x->published;
    x->published = x->latest;
    write_template(x, doc, o->version, false);
}

static void
on_before_rollback(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    const struct object *o = found_to_change(x, e);
    struct json doc;

    if (!o)
        return;
    doc = read_numbers(x, o);
    if (x->previous == 0) {
        call_fail_with(x->call, ERR_CONFLICT,
                       "there is no publish to take back");
        return;
    }
    x->published = x->previous;
    x->previous = 0;
    write_template(x, doc, o->version, false);
}

/* NULL: refused already. */
static struct editing *
start_editing(struct call *c, void (*on_done)(struct store_req *, enum err))
{
    struct editing *x = ARENA_NEW(c->arena, struct editing);

    x->call = c;
    if (!call_path_key(c, 0, &x->key) || !call_if_match(c, &x->if_version))
        return NULL;
    x->get = (struct store_object_get){
        .req = call_req(c, on_done),
        .tenant = c->workspace->tenant,
        .kind = OBJECT_TEMPLATE,
        .keys = &x->key,
        .n_keys = 1,
    };
    objects_get(c->app, &x->get);
    return x;
}

static void on_before_version(struct store_req *req, enum err e);

static void
start_reading(struct call *c, struct str version,
              void (*on_doc)(struct editing *x, struct json doc))
{
    struct editing *x = start_editing(c, on_before_version);

    if (x) {
        x->asked = version;
        x->on_doc = on_doc;
    }
}

static void
check_channels(struct call *c, struct json variants, struct str at)
{
    for (struct json v = json_first(variants); !json_is(v, JSON_ABSENT);
         v = json_next(variants, v)) {
        struct str name = json_key(c->arena, v);

        if (!str_is(name, "default") && !channel_find(name))
            channel_refuse_name(name, field_pointer(c->arena, at, name),
                                &c->problem);
    }
}

static void
check_layout(struct call *c)
{
    struct str layout = json_str_of(c->arena, c->body, "layout");

    if (layout.n == 0)
        return;
    if (str_eq(layout, c->params[0]))
        problem_add(&c->problem, ERR_INVALID, STR("/layout"),
                    "must be another template");
    else if (!workspace_template(c->workspace, layout, 0))
        problem_add(&c->problem, ERR_INVALID, STR("/layout"),
                    "there is no such template in this workspace");
}

static bool
is_sound(struct call *c)
{
    struct json content = json_get(c->body, "content");
    struct json locales = json_get(c->body, "locales");
    struct template_doc *t;

    if (json_count(content) == 0)
        problem_add(&c->problem, ERR_INVALID, STR("/content"),
                    "must have at least one variant");
    check_layout(c);
    check_channels(c, content, STR("/content"));
    for (struct json v = json_first(locales); !json_is(v, JSON_ABSENT);
         v = json_next(locales, v))
        check_channels(
            c, v,
            field_pointer(c->arena, STR("/locales"), json_key(c->arena, v)));
    if (!problem_is_set(&c->problem) &&
        template_doc_compile(c->arena, c->params[0], 1, c->body, &c->problem,
                             &t) == ERR_OK)
        return true;
    call_refuse(c);
    return false;
}

static void
handle_put(struct call *c)
{
    if (collection_names_itself(c, &templates, c->params[0]) && is_sound(c))
        start_editing(c, on_before_put);
}

static void
handle_publish(struct call *c)
{
    start_editing(c, on_before_publish);
}

static void
handle_rollback(struct call *c)
{
    start_editing(c, on_before_rollback);
}

/* ---- GET, of the latest version or another ---- */

/* "published", "latest", or a number; 0: that is none that there is. */
static int64_t
number_of_version(const struct editing *x, struct str text)
{
    int64_t n;

    if (text.n == 0 || str_is(text, "latest"))
        return x->latest;
    if (str_is(text, "published"))
        return x->published;
    return str_to_i64(text, &n) && n > 0 && n <= x->latest ? n : 0;
}

static void
on_version(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    struct call *c = x->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else if (x->get.objects[0].version == 0)
        call_fail_with(c, ERR_NOT_FOUND, "there is no such version");
    else
        x->on_doc(x, parsed(c, x->get.objects[0].body));
}

/* Goes on with the document of the version that was asked for. */
static void
on_before_version(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    const struct object *o = found(x, e);
    struct json doc;
    int64_t n;

    if (!o)
        return;
    x->template = *o;
    doc = read_numbers(x, o);
    n = number_of_version(x, x->asked);
    if (n == x->latest) {
        x->on_doc(x, doc);
        return;
    }
    if (n == 0) {
        call_fail_with(x->call, ERR_NOT_FOUND, "there is no such version");
        return;
    }
    x->key = version_key(x->call, x->key, n);
    x->get.req = call_req(x->call, on_version);
    x->get.kind = OBJECT_TEMPLATE_VERSION;
    objects_get(x->call->app, &x->get);
}

static void
reply_version(struct editing *x, struct json doc)
{
    struct json_writer w;
    struct buf out;

    x->template.body = template_body(x, doc);
    w = call_writer(x->call, &out);
    collection_write(x->call, &templates, &w, &x->template);
    call_etag(x->call, x->template.version);
    call_reply(x->call, 200, &out);
}

static void
handle_get(struct call *c)
{
    struct str version;

    if (call_param(c, "version", &version))
        start_reading(c, version, reply_version);
    else
        collection_get(c, &templates);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &templates);
}

/* ---- DELETE: the template first, so that a stop in between leaves versions
 * that nothing names and the next PUT writes over ---- */

static void
reply_deleted(struct call *c, void *arg)
{
    (void)arg;
    call_reply_empty(c, 204);
}

static void delete_one(struct editing *x, enum object_kind kind, struct str key,
                       int64_t if_version);

static void
on_deleted(struct store_req *req, enum err e)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct editing *x = CONTAINER_OF(d, struct editing, delete);
    bool is_version = d->kind == OBJECT_TEMPLATE_VERSION;

    if (e == ERR_OK)
        x->deleted_seq = d->seq;
    if (e != ERR_OK && !(is_version && e == ERR_NOT_FOUND))
        call_fail(x->call, e);
    else if (x->latest > 0) {
        int64_t n = x->latest--;

        delete_one(x, OBJECT_TEMPLATE_VERSION, version_key(x->call, x->key, n),
                   OBJECT_ANY_VERSION);
    } else {
        call_wait_for(x->call, x->deleted_seq, reply_deleted, x);
    }
}

static void
delete_one(struct editing *x, enum object_kind kind, struct str key,
           int64_t if_version)
{
    struct call *c = x->call;

    x->delete = (struct store_object_delete){
        .req = call_req(c, on_deleted),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .kind = kind,
        .key = key,
        .if_version = if_version,
    };
    objects_delete(c->app, &x->delete);
}

static void
on_before_delete(struct store_req *req, enum err e)
{
    struct editing *x = editing_of(req);
    const struct object *o = found_to_change(x, e);

    if (!o)
        return;
    json_int(json_get(parsed(x->call, o->body), "latest"), &x->latest);
    delete_one(x, OBJECT_TEMPLATE, x->key, o->version);
}

static void
handle_delete(struct call *c)
{
    start_editing(c, on_before_delete);
}

/* ---- preview ---- */

static struct json
preview_data(struct call *c)
{
    struct json data = json_get(c->body, "data");

    return json_is(data, JSON_OBJECT) ? data : (struct json){0};
}

static void
reply_preview(struct call *c, const struct template_doc *t)
{
    struct str channel = json_str_of(c->arena, c->body, "channel");
    struct json data = preview_data(c);
    struct content_use use = {
        .workspace = c->workspace,
        .template = t,
        .channel = channel.n ? channel : STR("default"),
        .reader = {.locale = json_str_of(c->arena, c->body, "locale"),
                   .zone = json_str_of(c->arena, c->body, "timezone"),
                   .now_ms = call_now_ms(c)},
        .contexts = &data,
        .n_contexts = json_is(data, JSON_OBJECT) ? 1 : 0,
    };
    struct rendered r;
    struct json_writer w;
    struct buf out;

    if (content_render(c->arena, &use, &r) != ERR_OK) {
        call_fail_with(c, ERR_INVALID,
                       "rendering took more work or output than allowed");
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "title", r.title);
    json_str_field(&w, "body", r.body);
    json_str_field(&w, "html", r.html);
    json_raw_field(&w, "actions", r.actions.n ? r.actions : STR("[]"));
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
preview_version(struct editing *x, struct json doc)
{
    struct call *c = x->call;
    struct template_doc *t;

    if (template_doc_compile(c->arena, c->params[0], x->template.version, doc,
                             &c->problem, &t) != ERR_OK)
        call_refuse(c);
    else
        reply_preview(c, t);
}

static void
handle_preview(struct call *c)
{
    struct str channel = json_str_of(c->arena, c->body, "channel");

    if (channel.n > 0 && !str_is(channel, "default") &&
        !channel_find(channel)) {
        channel_refuse_name(channel, STR("/channel"), &c->problem);
        call_refuse(c);
        return;
    }
    start_reading(c, json_str_of(c->arena, c->body, "version"),
                  preview_version);
}

/* ---- lint: of the body as if it were put, else of the latest version ---- */

static void
write_lints(struct call *c, const struct template_doc *t, struct buf *out)
{
    struct json_writer w = call_writer(c, out);
    size_t n;
    const struct lint *lints = template_lint(c->arena, c->workspace, t, &n);

    json_begin_object(&w);
    json_put_key(&w, "warnings");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        json_str_field(&w, "code", str_from(lint_code(lints[i].id)));
        json_str_field(&w, "pointer", lints[i].pointer);
        json_str_field(&w, "detail", lints[i].detail);
        json_str_field(&w, "help", str_from(lint_help(lints[i].id)));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

static void
reply_lints(struct call *c, struct json doc)
{
    struct template_doc *t;
    struct buf out;

    if (template_doc_compile(c->arena, c->params[0], 1, doc, &c->problem, &t) !=
        ERR_OK) {
        call_refuse(c);
        return;
    }
    write_lints(c, t, &out);
    call_reply(c, 200, &out);
}

static void
lint_version(struct editing *x, struct json doc)
{
    reply_lints(x->call, doc);
}

static void
handle_lint(struct call *c)
{
    if (json_is(c->body, JSON_ABSENT))
        start_reading(c, STR_NONE, lint_version);
    else if (collection_names_itself(c, &templates, c->params[0]) &&
             is_sound(c))
        reply_lints(c, c->body);
}

static const struct field lint_fields[] = {
    {.name = "code",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "One of docs/lints.md."},
    {.name = "pointer", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "detail", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "help",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "What to do about it."},
    {.type = FIELD_END},
};
static const struct field lint_row[] = {
    {.type = FIELD_OBJECT, .of = lint_fields}};
static const struct field lint_answer[] = {
    {.name = "warnings",
     .type = FIELD_ARRAY,
     .of = lint_row,
     .flags = FIELD_REQUIRED,
     .doc = "At most 200."},
    {.type = FIELD_END},
};

static const struct field preview_request[] = {
    {.name = "data", .type = FIELD_OBJECT, .doc = "What fills the holes."},
    {.name = "channel", .type = FIELD_KEY, .doc = "Default: the default."},
    {.name = "locale",
     .type = FIELD_LOCALE,
     .doc = "As for a recipient with this one; default: one with none."},
    {.name = "timezone",
     .type = FIELD_STRING,
     .max = 64,
     .doc = "As for a recipient with this IANA zone; default: UTC."},
    {.name = "version",
     .type = FIELD_STRING,
     .max = 20,
     .doc = "published: the one that sends use; a number: that one; default: "
            "the latest."},
    {.type = FIELD_END},
};
static const struct field preview_answer[] = {
    {.name = "title", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "body", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "html", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "actions", .type = FIELD_ARRAY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

static const char *const version_params[] = {"version", NULL};

const struct route template_routes[] = {
    {.method = "GET",
     .path = "/v1/templates",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = template_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listTemplates",
     .summary = "List templates by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/templates/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = template_fields,
     .answer = template_fields,
     .statuses = {200, 201},
     .id = "putTemplate",
     .summary = "Create a template, live at once; or draft its next version."},
    {.method = "GET",
     .path = "/v1/templates/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = template_fields,
     .statuses = {200},
     .id = "getTemplate",
     .summary = "Look at a template's latest version, or at another one.",
     .query = version_params},
    {.method = "DELETE",
     .path = "/v1/templates/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteTemplate",
     .summary = "Remove a template with all its versions."},
    {.method = "POST",
     .path = "/v1/templates/{key}/preview",
     .scope = AUTH_READ,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_preview,
     .request = preview_request,
     .answer = preview_answer,
     .statuses = {200},
     .id = "previewTemplate",
     .summary = "Render the latest version, or another one, with some data."},
    {.method = "POST",
     .path = "/v1/templates/{key}/lint",
     .scope = AUTH_READ,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_lint,
     .request = template_fields,
     .answer = lint_answer,
     .statuses = {200},
     .id = "lintTemplate",
     .summary = "Look for what is most likely not meant in a template, or in "
                "the latest version; a template that PUT would refuse is "
                "refused."},
    {.method = "POST",
     .path = "/v1/templates/{key}/publish",
     .scope = AUTH_WRITE,
     .handle = handle_publish,
     .answer = template_fields,
     .statuses = {200},
     .id = "publishTemplate",
     .summary = "Make the latest version the one that sends use."},
    {.method = "POST",
     .path = "/v1/templates/{key}/rollback",
     .scope = AUTH_WRITE,
     .handle = handle_rollback,
     .answer = template_fields,
     .statuses = {200},
     .id = "rollbackTemplate",
     .summary = "Take the last publish back: sends use what they used before."},
    {0},
};
