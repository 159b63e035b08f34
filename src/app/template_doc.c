#include "app/template_doc.h"

#include "app/send_request.h"
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

/* Each string of an action is a template of its own: a section cannot begin in
 * one and end in another. */
static void
check_strings(struct arena *a, struct json v, struct str at, struct problem *p)
{
    struct template *probe;
    struct template_error why;
    size_t i = 0;

    if (json_is(v, JSON_STRING)) {
        if (template_compile(a, json_str(a, v), &probe, &why) != ERR_OK)
            problem_add(p, ERR_INVALID, at, "does not compile at byte %zu: %s",
                        why.at, why.why);
        return;
    }
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m), i++) {
        struct str below = json_is(v, JSON_ARRAY)
                               ? str_fmt(a, "%.*s/%zu", STR_ARG(at), i)
                               : field_pointer(a, at, json_key(a, m));

        check_strings(a, m, below, p);
    }
}

static struct content *
compile_content(struct arena *a, struct json v, struct str at,
                struct problem *p)
{
    struct content *c = ARENA_NEW(a, struct content);
    struct json actions = json_get(v, "actions");

    compile_text(a, v, at, "title", &c->title, p);
    compile_text(a, v, at, "body", &c->body, p);
    compile_text(a, v, at, "html", &c->html, p);
    if (json_is(actions, JSON_ARRAY)) {
        c->actions = str_dup(a, json_raw(actions));
        check_strings(a, actions, str_fmt(a, "%.*s/actions", STR_ARG(at)), p);
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
render_string(struct rendering *r, struct json v, struct str *ret)
{
    struct template *t;
    struct template_error why;
    enum err e = template_compile(r->arena, json_str(r->arena, v), &t, &why);

    return e == ERR_OK ? render_text(r, t, TEMPLATE_PLAIN, ret) : e;
}

/* Data decides what stands there, so only now it is known where it leads. A
 * link that must not be one is left out; the button stays, and does nothing. */
static enum err
render_link(struct rendering *r, struct str name, struct json v,
            struct json_writer *w)
{
    struct str text = STR_NONE;
    enum err e = render_string(r, v, &text);

    if (e == ERR_OK && action_link_is_safe(text)) {
        json_put_key_str(w, name);
        json_put_str(w, text);
    }
    return e;
}

static enum err render_json(struct rendering *r, struct json v, bool is_action,
                            struct json_writer *w);

static enum err
render_object(struct rendering *r, struct json v, bool is_action,
              struct json_writer *w)
{
    enum err e = ERR_OK;

    json_begin_object(w);
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT) && e == ERR_OK;
         m = json_next(v, m)) {
        struct str name = json_key(r->arena, m);

        if (is_action && json_is(m, JSON_STRING) &&
            (str_is(name, "url") || str_is(name, "api_endpoint"))) {
            e = render_link(r, name, m, w);
        } else {
            json_put_key_str(w, name);
            e = render_json(r, m, false, w);
        }
    }
    json_end_object(w);
    return e;
}

/* Strings are templates, wherever they stand; the rest is as it is. After an
 * error what was written is of no use. */
static enum err
render_json(struct rendering *r, struct json v, bool is_action,
            struct json_writer *w)
{
    struct str text = STR_NONE;
    enum err e = ERR_OK;

    if (json_is(v, JSON_OBJECT))
        return render_object(r, v, is_action, w);
    if (json_is(v, JSON_STRING)) {
        e = render_string(r, v, &text);
        json_put_str(w, text);
        return e;
    }
    if (!json_is(v, JSON_ARRAY)) {
        json_put_raw(w, json_raw(v));
        return ERR_OK;
    }
    json_begin_array(w);
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT) && e == ERR_OK;
         m = json_next(v, m))
        e = render_json(r, m, is_action, w);
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
    e = render_json(r, json_root(&doc), true, &w);
    if (e == ERR_OK)
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
