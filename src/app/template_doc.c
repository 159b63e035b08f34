#include "app/template_doc.h"

#include "base/map.h"

static bool
compile_text(struct arena *a, struct json content, struct str at,
             const char *name, struct template **ret, struct problem *p)
{
    struct json v = json_get(content, name);
    struct template_error why;

    if (!json_is(v, JSON_STRING))
        return true;
    if (template_compile(a, json_str(a, v), ret, &why) == ERR_OK)
        return true;
    problem_add(p, ERR_INVALID, str_fmt(a, "%.*s/%s", STR_ARG(at), name),
                "does not compile at byte %zu: %s", why.at, why.why);
    return false;
}

static struct content *
compile_content(struct arena *a, struct json v, struct str at,
                struct problem *p)
{
    struct content *c = ARENA_NEW(a, struct content);
    struct json actions = json_get(v, "actions");
    struct template *probe;
    struct template_error why;

    compile_text(a, v, at, "title", &c->title, p);
    compile_text(a, v, at, "body", &c->body, p);
    compile_text(a, v, at, "html", &c->html, p);
    if (json_is(actions, JSON_ARRAY)) {
        c->actions = str_dup(a, json_raw(actions));
        if (template_compile(a, c->actions, &probe, &why) != ERR_OK)
            problem_add(p, ERR_INVALID, str_fmt(a, "%.*s/actions", STR_ARG(at)),
                        "does not compile: %s", why.why);
    }
    return c;
}

static void
read_channels(struct arena *a, struct json list, struct template_doc *t)
{
    struct str *names = ARENA_ARRAY(a, struct str, json_count(list));
    size_t n = 0;

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        names[n++] = str_dup(a, json_str(a, v));
    t->channels = names;
    t->n_channels = n;
}

enum err
template_doc_compile(struct arena *a, struct str key, int64_t version,
                     struct json doc, struct problem *p,
                     struct template_doc **ret)
{
    struct template_doc *t = ARENA_NEW(a, struct template_doc);
    struct json contents = json_get(doc, "content");

    t->key = str_dup(a, key);
    t->version = version;
    t->keeps_unknown = str_is(json_str_of(a, doc, "unknown"), "keep");
    read_channels(a, json_get(doc, "channels"), t);
    t->contents = ARENA_ARRAY(a, struct content_row, json_count(contents) + 1);
    for (struct json v = json_first(contents); !json_is(v, JSON_ABSENT);
         v = json_next(contents, v)) {
        struct str channel = str_dup(a, json_key(a, v));

        t->contents[t->n_contents++] = (struct content_row){
            .channel = channel,
            .content = compile_content(
                a, v, str_fmt(a, "/content/%.*s", STR_ARG(channel)), p),
        };
    }
    *ret = t;
    return problem_is_set(p) ? ERR_INVALID : ERR_OK;
}

/* ---- rendering ---- */

struct partials {
    const struct workspace *workspace;
    struct str channel;
    bool is_html;
};

/* {{> key}}: the html of that template in html, its body elsewhere. */
static const struct template *
find_partial(void *arg, struct str name)
{
    const struct partials *in = arg;
    const struct template_doc *t = workspace_template(in->workspace, name, 0);
    const struct content *own = t ? template_content(t, in->channel) : NULL;
    const struct content *base = t ? template_content(t, STR("default")) : NULL;

    if (in->is_html && own && own->html)
        return own->html;
    if (in->is_html && base && base->html)
        return base->html;
    if (own && own->body)
        return own->body;
    return base ? base->body : NULL;
}

struct rendering {
    struct arena *arena;
    const struct json *contexts;
    size_t n;
    struct template_options options;
    struct partials partials;
};

static enum err
render_text(struct rendering *r, const struct template *t,
            enum template_escape escape, struct str *ret)
{
    struct buf out;
    enum err e;

    if (!t)
        return ERR_OK;
    buf_init(&out, r->arena);
    r->options.escape = escape;
    r->partials.is_html = escape == TEMPLATE_HTML;
    r->options.partial_arg = &r->partials;
    e = template_render(t, r->contexts, r->n, &r->options, &out);
    *ret = buf_str(&out);
    return e;
}

static enum err
render_string(struct rendering *r, struct str source, struct json_writer *w)
{
    struct template *t;
    struct template_error why;
    struct str text = STR_NONE;
    enum err e = template_compile(r->arena, source, &t, &why);

    if (e == ERR_OK)
        e = render_text(r, t, TEMPLATE_PLAIN, &text);
    json_put_str(w, e == ERR_OK ? text : source);
    return e;
}

/* Strings are templates, wherever they stand; the rest is as it is. */
static enum err
render_json(struct rendering *r, struct json v, struct json_writer *w)
{
    enum err e = ERR_OK;
    bool is_object = json_is(v, JSON_OBJECT);

    if (json_is(v, JSON_STRING))
        return render_string(r, json_str(r->arena, v), w);
    if (!is_object && !json_is(v, JSON_ARRAY)) {
        json_put_raw(w, json_raw(v));
        return ERR_OK;
    }
    if (is_object)
        json_begin_object(w);
    else
        json_begin_array(w);
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m)) {
        if (is_object)
            json_put_key_str(w, json_key(r->arena, m));
        if (e == ERR_OK)
            e = render_json(r, m, w);
        else
            json_put_null(w);
    }
    if (is_object)
        json_end_object(w);
    else
        json_end_array(w);
    return e;
}

static enum err
render_actions(struct rendering *r, struct str actions, struct str *ret)
{
    struct json_doc doc;
    struct json_error why;
    struct json_writer w;
    struct buf out;
    enum err e;

    if (actions.n == 0)
        return ERR_OK;
    e = json_parse(r->arena, actions, &doc, &why);
    if (e != ERR_OK)
        return e;
    buf_init(&out, r->arena);
    w = json_writer(&out);
    e = render_json(r, json_root(&doc), &w);
    *ret = buf_str(&out);
    return e;
}

enum err
content_render(struct arena *a, const struct workspace *w,
               const struct template_doc *t, struct str channel,
               const struct json *contexts, size_t n, struct rendered *ret)
{
    const struct content *own = template_content(t, channel);
    const struct content *base = template_content(t, STR("default"));
    struct rendering r = {
        .arena = a,
        .contexts = contexts,
        .n = n,
        .options = {.keeps_unknown = t->keeps_unknown, .partial = find_partial},
        .partials = {.workspace = w, .channel = channel},
    };
    static const struct content none;
    enum err e;

    if (!own)
        own = &none;
    if (!base)
        base = &none;
    *ret = (struct rendered){0};
    e = render_text(&r, own->title ? own->title : base->title, TEMPLATE_PLAIN,
                    &ret->title);
    if (e == ERR_OK)
        e = render_text(&r, own->body ? own->body : base->body, TEMPLATE_PLAIN,
                        &ret->body);
    if (e == ERR_OK)
        e = render_text(&r, own->html ? own->html : base->html, TEMPLATE_HTML,
                        &ret->html);
    if (e == ERR_OK)
        e = render_actions(&r, own->actions.n ? own->actions : base->actions,
                           &ret->actions);
    return e;
}
