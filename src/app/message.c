#include "app/message.h"

#include "app/experiment_doc.h"
#include "base/locale.h"
#include "domain/blocks.h"

static enum err
parse(struct arena *a, struct str text, struct json *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    enum err e = json_parse(a, text, doc, &why);

    if (e == ERR_OK)
        *ret = json_root(doc);
    return e;
}

/* What is stored, with what the request gives on top. */
static struct str
merged_user(struct arena *a, const struct plan_recipient *r)
{
    if (json_is(r->stored, JSON_OBJECT) && json_is(r->given, JSON_OBJECT))
        return json_merge_patch(a, r->stored, r->given);
    if (json_is(r->given, JSON_OBJECT))
        return json_raw(r->given);
    if (json_is(r->stored, JSON_OBJECT))
        return json_raw(r->stored);
    return STR("{}");
}

/* {"user":{"id":...}}: the id is there for everybody who has one, also where
 * the path alone named it. */
static enum err
user_context(struct arena *a, const struct workspace *ws,
             const struct plan_recipient *r, struct json *ret)
{
    struct json_writer w;
    struct json user;
    struct buf out;
    enum err e = parse(a, merged_user(a, r), &user);

    if (e != ERR_OK)
        return e;
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_key(&w, "user");
    json_begin_object(&w);
    if (r->user.n > 0)
        json_str_field(&w, "id", r->user);
    for (struct json m = json_first(user); !json_is(m, JSON_ABSENT);
         m = json_next(user, m)) {
        struct str name = json_key(a, m);

        if (str_is(name, "id"))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    json_end_object(&w);
    if (ws->n_flags > 0)
        json_raw_field(&w, "flags", flags_of(a, ws, r->user, r->stored));
    json_end_object(&w);
    return parse(a, buf_str(&out), ret);
}

/* What the recipient's profile says goes before what the send says. */
static struct reader
reader_of(const struct message *m, struct json user)
{
    struct str locale = json_str_of(m->arena, user, "locale");

    return (struct reader){
        .locale = locale_is_tag(locale)
                      ? locale
                      : json_str_of(m->arena, m->doc, "locale"),
        .zone = json_str_of(m->arena, user, "timezone"),
        .now_ms = m->now_ms,
    };
}

static enum err
render_template(struct message *m)
{
    struct json contexts[3];
    struct json data = json_get(m->doc, "data");
    struct json own = json_get(m->recipient->given, "data");
    struct content_use use = {.workspace = m->workspace,
                              .template = m->template,
                              .channel = m->channel,
                              .contexts = contexts,
                              .n_contexts = 1};
    enum err e =
        user_context(m->arena, m->workspace, m->recipient, &contexts[0]);

    if (e != ERR_OK)
        return e;
    use.reader = reader_of(m, json_get(contexts[0], "user"));
    if (json_is(data, JSON_OBJECT))
        contexts[use.n_contexts++] = data;
    if (json_is(own, JSON_OBJECT))
        contexts[use.n_contexts++] = own;
    return content_render(m->arena, &use, &m->rendered);
}

enum err
message_render(struct message *m)
{
    if (m->template)
        return render_template(m);
    m->rendered = (struct rendered){
        .title = json_str_of(m->arena, m->doc, "title"),
        .body = json_str_of(m->arena, m->doc, "body"),
        .html = json_str_of(m->arena, m->doc, "html"),
        .actions = json_raw(json_get(m->doc, "actions")),
        .language = json_str_of(m->arena, m->doc, "locale"),
    };
    return ERR_OK;
}

struct str
message_item(struct arena *a, struct json doc, const struct rendered *r)
{
    struct str data = json_raw(json_get(doc, "data"));
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "title", r->title);
    json_str_field(&w, "body", r->body);
    if (r->html.n > 0) {
        json_put_key(&w, "blocks");
        blocks_write(r->html, &w);
    }
    json_raw_field(&w, "actions", r->actions.n > 0 ? r->actions : STR("[]"));
    json_raw_field(&w, "data", data.n > 0 ? data : STR("{}"));
    json_end_object(&w);
    return buf_str(&out);
}
