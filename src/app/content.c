#include "app/content.h"

#include "base/locale.h"
#include "domain/link.h"

/* ---- which text ---- */

/* Of each tag that channel and the default, and of the content. */
#define CHAIN_MAX (2 * LOCALE_STEPS_MAX + 2)

struct level {
    const struct content *content;
    struct str language; /* empty: not known */
    struct str channel;  /* of the variant */
    bool is_of_locale;   /* it is below `locales`, not `content` */
};

/* All that may serve a reader, the best one first. */
struct chain {
    struct level levels[CHAIN_MAX];
    size_t n;
};

static void
add_channel(struct chain *c, const struct variants *v, struct level like)
{
    for (size_t i = 0; i < v->n; i++) {
        if (!str_eq(v->rows[i].channel, like.channel))
            continue;
        like.content = v->rows[i].content;
        c->levels[c->n++] = like;
    }
}

static void
add_variants(struct chain *c, const struct variants *v, struct level like)
{
    if (!str_is(like.channel, "default"))
        add_channel(c, v, like);
    like.channel = STR("default");
    add_channel(c, v, like);
}

static void
add_locale(struct chain *c, const struct template_doc *t, struct str channel,
           struct str tag)
{
    for (size_t i = 0; i < t->n_locales; i++)
        if (str_eq(t->locales[i].locale, tag))
            add_variants(c, &t->locales[i].variants,
                         (struct level){.language = t->locales[i].locale,
                                        .channel = channel,
                                        .is_of_locale = true});
}

/* locale: in canonical form, or empty. */
static void
make_chain(struct chain *c, const struct template_doc *t, struct str channel,
           struct str locale)
{
    struct level content = {.language = t->locale, .channel = channel};
    bool has_content = false;

    c->n = 0;
    if (locale.n > 0) {
        do {
            add_locale(c, t, channel, locale);
            if (!has_content && str_eq(t->locale, locale)) {
                add_variants(c, &t->content, content);
                has_content = true;
            }
        } while (locale_parent(&locale));
    }
    if (!has_content)
        add_variants(c, &t->content, content);
}

static const struct level *
find_text(const struct chain *c, enum content_text which)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->levels[i].content->texts[which])
            return &c->levels[i];
    return NULL;
}

static const struct level *
find_actions(const struct chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (json_is(c->levels[i].content->actions, JSON_ARRAY))
            return &c->levels[i];
    return NULL;
}

/* ---- rendering ---- */

struct rendering {
    struct arena *arena;
    const struct content_use *use;
    char locale_buf[LOCALE_MAX];
    struct str locale; /* the reader's, in canonical form; empty: not known */
    struct str text_locale; /* what helpers write for */
    bool is_html;
    const struct template *filling; /* of the layout; NULL: there is none */
    struct template *const *action_text; /* the next one */
};

/* {{> key}}: the html of that template in html, its body elsewhere. */
static const struct template *
find_partial(void *arg, struct str name)
{
    const struct rendering *r = arg;
    const struct template_doc *t =
        workspace_template(r->use->workspace, name, 0);
    const struct level *level = NULL;
    struct chain chain;

    if (!t)
        return NULL;
    make_chain(&chain, t, r->use->channel, r->locale);
    if (r->is_html && (level = find_text(&chain, CONTENT_HTML)) != NULL)
        return level->content->texts[CONTENT_HTML];
    level = find_text(&chain, CONTENT_BODY);
    return level ? level->content->texts[CONTENT_BODY] : NULL;
}

static enum err
render_template(struct rendering *r, const struct template *t,
                enum template_escape escape, struct str *ret)
{
    const struct reader *reader = &r->use->reader;
    const struct template_options options = {
        .escape = escape,
        .keeps_unknown = r->use->template->keeps_unknown,
        .partial = find_partial,
        .partial_arg = r,
        .argument = r->filling,
        .locale = r->text_locale,
        .zone = reader->zone,
        .now_ms = reader->now_ms,
    };
    struct buf out;
    enum err e;

    buf_init(&out, r->arena);
    r->is_html = escape == TEMPLATE_HTML;
    e = template_render(t, r->use->contexts, r->use->n_contexts, &options,
                        &out);
    *ret = buf_str(&out);
    return e;
}

/* The form of the text's words, and the customs of its reader. */
static void
set_language(struct rendering *r, const struct level *level)
{
    r->text_locale =
        level->language.n == 0 || locale_is_within(r->locale, level->language)
            ? r->locale
            : level->language;
}

/* Data decides what stands there, so only now it is known where it leads. A
 * link that must not be one is left out; the button stays, and does nothing. */
static enum err
render_link(struct rendering *r, struct str name, struct json_writer *w)
{
    struct str text = STR_NONE;
    enum err e = render_template(r, *r->action_text++, TEMPLATE_PLAIN, &text);

    if (e == ERR_OK && link_is_safe(text)) {
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
            e = render_link(r, name, w);
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
        e = render_template(r, *r->action_text++, TEMPLATE_PLAIN, &text);
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
render_text(struct rendering *r, const struct content *c,
            enum content_text which, struct str *ret)
{
    struct str layout = r->use->template->layout;
    const struct template *around = NULL;
    enum err e;

    r->is_html = which == CONTENT_HTML;
    if (c->fillings[which])
        around = find_partial(r, layout);
    r->filling = around ? c->fillings[which] : NULL;
    e = render_template(r, around ? around : c->texts[which],
                        r->is_html ? TEMPLATE_HTML : TEMPLATE_PLAIN, ret);
    r->filling = NULL;
    return e;
}

static enum err
render_actions(struct rendering *r, const struct content *c, struct str *ret)
{
    struct json_writer w;
    struct buf out;
    enum err e;

    buf_init(&out, r->arena);
    w = json_writer(&out);
    r->action_text = c->action_texts;
    e = render_json(r, c->actions, true, &w);
    if (e == ERR_OK)
        *ret = buf_str(&out);
    return e;
}

static struct str
variant_name(struct arena *a, const struct level *l)
{
    if (l->is_of_locale)
        return str_fmt(a, "locales/%.*s/%.*s", STR_ARG(l->language),
                       STR_ARG(l->channel));
    return str_fmt(a, "content/%.*s", STR_ARG(l->channel));
}

static enum err
render_texts(struct rendering *r, const struct chain *chain,
             struct rendered *ret)
{
    struct str *const texts[CONTENT_TEXTS] = {
        [CONTENT_TITLE] = &ret->title,
        [CONTENT_BODY] = &ret->body,
        [CONTENT_HTML] = &ret->html,
    };
    const struct level *told = find_text(chain, CONTENT_BODY);
    enum err e = ERR_OK;

    for (int i = 0; i < CONTENT_TEXTS && e == ERR_OK; i++) {
        const struct level *level = find_text(chain, (enum content_text)i);

        if (!level)
            continue;
        if (!told)
            told = level;
        set_language(r, level);
        e = render_text(r, level->content, (enum content_text)i, texts[i]);
    }
    if (told) {
        ret->language = told->language;
        ret->variant = variant_name(r->arena, told);
    }
    return e;
}

enum err
content_render(struct arena *a, const struct content_use *use,
               struct rendered *ret)
{
    struct rendering r = {.arena = a, .use = use};
    const struct level *actions;
    struct chain chain;
    enum err e;

    if (locale_is_tag(use->reader.locale))
        r.locale = locale_canonical(use->reader.locale, r.locale_buf);
    make_chain(&chain, use->template, use->channel, r.locale);
    *ret = (struct rendered){0};
    e = render_texts(&r, &chain, ret);
    actions = find_actions(&chain);
    if (e != ERR_OK || !actions)
        return e;
    set_language(&r, actions);
    return render_actions(&r, actions->content, &ret->actions);
}
