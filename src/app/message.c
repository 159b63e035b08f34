#include "app/message.h"

/* {"user":{...}}: what is stored, with what the request gives on top. */
static enum err
user_context(struct arena *a, const struct plan_recipient *r, struct json *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct json_writer w;
    struct buf out;
    struct str user = STR("{}");
    enum err e;

    if (json_is(r->stored, JSON_OBJECT) && json_is(r->given, JSON_OBJECT))
        user = json_merge_patch(a, r->stored, r->given);
    else if (json_is(r->given, JSON_OBJECT))
        user = json_raw(r->given);
    else if (json_is(r->stored, JSON_OBJECT))
        user = json_raw(r->stored);
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_raw_field(&w, "user", user);
    json_end_object(&w);
    e = json_parse(a, buf_str(&out), doc, &why);
    if (e == ERR_OK)
        *ret = json_root(doc);
    return e;
}

static enum err
render_template(struct message *m)
{
    struct json contexts[3];
    struct json data = json_get(m->doc, "data");
    struct json own = json_get(m->recipient->given, "data");
    enum err e = user_context(m->arena, m->recipient, &contexts[0]);
    size_t n = 1;

    if (e != ERR_OK)
        return e;
    if (json_is(data, JSON_OBJECT))
        contexts[n++] = data;
    if (json_is(own, JSON_OBJECT))
        contexts[n++] = own;
    return content_render(m->arena, m->workspace, m->template, m->channel,
                          contexts, n, &m->rendered);
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
    };
    return ERR_OK;
}
