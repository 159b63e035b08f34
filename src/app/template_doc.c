#include "app/template_doc.h"

#include "app/send_request.h"
#include "base/field.h"
#include "base/locale.h"
#include "base/map.h"

static const struct field action_row[] = {
    {.type = FIELD_OBJECT, .of = action_fields}};
static const struct field content_fields[] = {
    {.name = "title", .type = FIELD_STRING, .max = TEMPLATE_TEXT_MAX},
    {.name = "body", .type = FIELD_STRING, .max = TEMPLATE_TEXT_MAX},
    {.name = "html", .type = FIELD_STRING, .max = TEMPLATE_TEXT_MAX},
    {.name = "actions", .type = FIELD_ARRAY, .of = action_row, .max = 16},
    {.type = FIELD_END},
};
const struct field template_content_row[] = {
    {.type = FIELD_OBJECT, .of = content_fields}};

static const char *const text_names[CONTENT_TEXTS] = {
    [CONTENT_TITLE] = "title",
    [CONTENT_BODY] = "body",
    [CONTENT_HTML] = "html",
};

static struct template *
compile_text(struct arena *a, struct json v, struct str at, struct problem *p)
{
    struct template *t = NULL;
    struct template_error why;

    if (template_compile(a, json_str(a, v), &t, &why) != ERR_OK)
        problem_add(p, ERR_INVALID, at, "does not compile at byte %zu: %s",
                    why.at, why.why);
    return t;
}

/* Each string of an action is a template of its own: a section cannot begin in
 * one and end in another. *n counts them. */
static void
compile_strings(struct arena *a, struct json v, struct str at,
                struct template **texts, size_t *n, struct problem *p)
{
    size_t i = 0;

    if (json_is(v, JSON_STRING)) {
        texts[(*n)++] = compile_text(a, v, at, p);
        return;
    }
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m), i++) {
        struct str below = json_is(v, JSON_ARRAY)
                               ? str_fmt(a, "%.*s/%zu", STR_ARG(at), i)
                               : field_pointer(a, at, json_key(a, m));

        compile_strings(a, m, below, texts, n, p);
    }
}

static void
compile_actions(struct arena *a, struct json actions, struct str at,
                struct content *c, struct problem *p)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    size_t n = 0;

    if (!json_is(actions, JSON_ARRAY) ||
        json_parse(a, str_dup(a, json_raw(actions)), doc, &why) != ERR_OK)
        return;
    c->actions = json_root(doc);
    c->action_texts = ARENA_ARRAY(a, struct template *, doc->n);
    compile_strings(a, c->actions, at, c->action_texts, &n, p);
}

static struct content *
compile_content(struct arena *a, struct json v, struct str at, bool has_layout,
                struct problem *p)
{
    struct content *c = ARENA_NEW(a, struct content);

    for (size_t i = 0; i < CONTENT_TEXTS; i++) {
        struct json text = json_get(v, text_names[i]);

        if (json_is(text, JSON_STRING))
            c->texts[i] = compile_text(
                a, text, field_pointer(a, at, str_from(text_names[i])), p);
        if (has_layout && c->texts[i] && i != CONTENT_TITLE)
            c->fillings[i] =
                template_as_argument(a, c->texts[i], STR("content"));
    }
    compile_actions(a, json_get(v, "actions"),
                    field_pointer(a, at, STR("actions")), c, p);
    return c;
}

static struct variants
compile_variants(struct arena *a, struct json list, struct str at,
                 bool has_layout, struct problem *p)
{
    struct variants all = {
        .rows = ARENA_ARRAY(a, struct content_row, json_count(list) + 1)};

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        struct str channel = str_dup(a, json_key(a, v));

        all.rows[all.n++] = (struct content_row){
            .channel = channel,
            .content = compile_content(a, v, field_pointer(a, at, channel),
                                       has_layout, p),
        };
    }
    return all;
}

/* As sends look it up: see locale_canonical(). */
static struct str
canonical(struct arena *a, struct str tag)
{
    char buf[LOCALE_MAX];

    return locale_is_tag(tag) ? str_dup(a, locale_canonical(tag, buf))
                              : STR_NONE;
}

/* One way to write each: so none is there twice. */
static void
check_locale(struct arena *a, struct str tag, struct str at, struct problem *p)
{
    struct str right = canonical(a, tag);

    if (right.n == 0)
        problem_add(p, ERR_INVALID, at,
                    "must be named by a BCP 47 language tag such as \"de\" "
                    "or \"pt-BR\"");
    else if (!str_eq(right, tag))
        problem_add(p, ERR_INVALID, at, "this tag is written \"%.*s\"",
                    STR_ARG(right));
}

static void
compile_locales(struct arena *a, struct json list, struct template_doc *t,
                struct problem *p)
{
    t->locales = ARENA_ARRAY(a, struct locale_row, json_count(list) + 1);
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        struct str tag = str_dup(a, json_key(a, v));
        struct str at = field_pointer(a, STR("/locales"), tag);

        check_locale(a, tag, at, p);
        t->locales[t->n_locales++] = (struct locale_row){
            .locale = tag,
            .variants = compile_variants(a, v, at, t->layout.n > 0, p)};
    }
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

    t->key = str_dup(a, key);
    t->version = version;
    t->keeps_unknown = str_is(json_str_of(a, doc, "unknown"), "keep");
    t->layout = str_dup(a, json_str_of(a, doc, "layout"));
    t->locale = canonical(a, json_str_of(a, doc, "locale"));
    t->experiment = str_dup(a, json_str_of(a, doc, "experiment"));
    read_channels(a, json_get(doc, "channels"), t);
    t->content = compile_variants(a, json_get(doc, "content"), STR("/content"),
                                  t->layout.n > 0, p);
    compile_locales(a, json_get(doc, "locales"), t, p);
    *ret = t;
    return problem_is_set(p) ? ERR_INVALID : ERR_OK;
}

void
template_content_check(struct json content, struct str at, struct problem *p)
{
    if (json_is(content, JSON_OBJECT))
        (void)compile_variants(p->arena, content, at, false, p);
}

struct template_doc *
template_content_compile(struct arena *a, struct json content)
{
    struct template_doc *t = ARENA_NEW(a, struct template_doc);
    struct problem ignored;

    problem_init(&ignored, a);
    t->content = compile_variants(a, content, STR(""), false, &ignored);
    return t;
}
