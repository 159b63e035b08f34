#include "app/template_lint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/field.h"
#include "base/locale.h"
#include "base/map.h"
#include "domain/sms_length.h"
#include "domain/template_uses.h"

#define DETAIL_MAX 512

static const struct {
    const char *code, *help;
} lints[LINT_COUNT] = {
#define LINT(name, code, help) [LINT_##name] = {code, help},
#include "app/lints.def"
#undef LINT
};

static const char *const text_names[CONTENT_TEXTS] = {
    [CONTENT_TITLE] = "title",
    [CONTENT_BODY] = "body",
    [CONTENT_HTML] = "html",
};

struct linting {
    struct arena *arena;
    const struct workspace *workspace;
    const struct template_doc *t;
    struct lint *lints;
    size_t n;
};

/* The content, or one of the locales. */
struct language {
    const struct variants *variants;
    struct str tag; /* of a locale */
    struct str at;  /* "/content", "/locales/de" */
};

const char *
lint_code(enum lint_id id)
{
    assert(id < LINT_COUNT);
    return lints[id].code;
}

const char *
lint_help(enum lint_id id)
{
    assert(id < LINT_COUNT);
    return lints[id].help;
}

static void __attribute__((format(printf, 4, 5)))
add(struct linting *x, enum lint_id id, struct str at, const char *fmt, ...)
{
    char text[DETAIL_MAX];
    struct str detail;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    detail = (struct str){text, n < 0 ? 0 : (size_t)n};
    if (detail.n >= sizeof(text))
        detail.n = sizeof(text) - 1;
    detail = str_utf8_clip(detail, detail.n);
    for (size_t i = 0; i < x->n; i++)
        if (x->lints[i].id == id && str_eq(x->lints[i].pointer, at) &&
            str_eq(x->lints[i].detail, detail))
            return;
    if (x->n < LINTS_MAX)
        x->lints[x->n++] =
            (struct lint){id, str_dup(x->arena, at), str_dup(x->arena, detail)};
}

static size_t
n_languages(const struct linting *x)
{
    return x->t->n_locales + 1;
}

static struct language
language_of(const struct linting *x, size_t i)
{
    const struct locale_row *row = &x->t->locales[i - (i > 0)];

    if (i == 0)
        return (struct language){&x->t->content, STR_NONE, STR("/content")};
    return (struct language){
        &row->variants, row->locale,
        field_pointer(x->arena, STR("/locales"), row->locale)};
}

/* 0: that tag has no language of its own. */
static size_t
find_language(const struct linting *x, struct str tag)
{
    for (size_t i = 0; i < x->t->n_locales; i++)
        if (str_eq(x->t->locales[i].locale, tag))
            return i + 1;
    return 0;
}

static const struct content *
find_row(const struct variants *v, struct str channel)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->rows[i].channel, channel))
            return v->rows[i].content;
    return NULL;
}

static struct str
text_pointer(struct linting *x, const struct language *l, struct str channel,
             enum content_text which)
{
    return field_pointer(x->arena, field_pointer(x->arena, l->at, channel),
                         str_from(text_names[which]));
}

/* ---- one text ---- */

static void
lint_place(struct linting *x, struct str at, const struct template_use *u)
{
    static const struct {
        enum lint_id id;
        const char *where;
    } places[] = {
        [PLACE_URL] = {LINT_HTML_URL, "is what a URL begins with"},
        [PLACE_UNQUOTED] = {LINT_HTML_UNQUOTED,
                            "stands in a tag, and in no quotes"},
        [PLACE_SCRIPT] = {LINT_HTML_SCRIPT,
                          "stands in a script, a style or an event"},
    };

    if (u->place != PLACE_TEXT && u->place != PLACE_QUOTED)
        add(x, places[u->place].id, at, "%.*s %s", STR_ARG(u->written),
            places[u->place].where);
}

static void
lint_text(struct linting *x, struct str at, const struct template *t,
          bool is_html)
{
    struct template_uses uses = template_uses_of(t, is_html);
    struct template_use u;

    while (template_next_use(&uses, &u)) {
        if (u.kind == USE_PARTIAL && !u.is_dynamic &&
            !str_eq(u.name, x->t->key) &&
            !workspace_template(x->workspace, u.name, 0))
            add(x, LINT_PARTIAL_UNKNOWN, at,
                "there is no template \"%.*s\" that is published",
                STR_ARG(u.name));
        if (u.kind != USE_VARIABLE || !is_html)
            continue;
        lint_place(x, at, &u);
        if (u.is_raw)
            add(x, LINT_HTML_RAW, at, "%.*s is not escaped",
                STR_ARG(u.written));
    }
}

/* The channel's own text, or that which serves it. */
static const struct template *
find_here(struct linting *x, const struct language *l, struct str channel,
          enum content_text which, struct str *ret_at)
{
    const struct str channels[] = {channel, STR("default")};

    for (size_t i = 0; i < 2; i++) {
        const struct content *c = find_row(l->variants, channels[i]);

        if (c && c->texts[which]) {
            *ret_at = text_pointer(x, l, channels[i], which);
            return c->texts[which];
        }
    }
    return NULL;
}

/* The same, in that language or one that it is within. */
static const struct template *
find_within(struct linting *x, const struct language *l, struct str channel,
            enum content_text which, struct str *ret_at)
{
    struct str tag = l->tag;
    const struct template *t = NULL;

    if (tag.n == 0)
        return find_here(x, l, channel, which, ret_at);
    do {
        size_t i = find_language(x, tag);
        const struct language here = language_of(x, i);

        if (i > 0 || str_eq(x->t->locale, tag))
            t = find_here(x, &here, channel, which, ret_at);
    } while (!t && locale_parent(&tag));
    return t;
}

/* The same, or else the content's. */
static const struct template *
find_text(struct linting *x, const struct language *l, struct str channel,
          enum content_text which, struct str *ret_at)
{
    const struct language content = language_of(x, 0);
    const struct template *t = find_within(x, l, channel, which, ret_at);

    return t ? t : find_here(x, &content, channel, which, ret_at);
}

static void
lint_body(struct linting *x, const struct language *l,
          const struct content_row *row)
{
    struct str at;

    if (row->content->texts[CONTENT_HTML] &&
        !find_within(x, l, row->channel, CONTENT_BODY, &at))
        add(x, LINT_BODY_MISSING,
            text_pointer(x, l, row->channel, CONTENT_HTML),
            "there is html, and no body%s",
            l->tag.n > 0 ? " in this language" : "");
}

static void
lint_language(struct linting *x, const struct language *l)
{
    for (size_t i = 0; i < l->variants->n; i++) {
        const struct content_row *row = &l->variants->rows[i];

        for (int k = 0; k < CONTENT_TEXTS; k++)
            if (row->content->texts[k])
                lint_text(x, text_pointer(x, l, row->channel, k),
                          row->content->texts[k], k == CONTENT_HTML);
        lint_body(x, l, row);
    }
}

/* ---- lengths ---- */

static bool
goes_to(const struct linting *x, struct str channel)
{
    for (size_t i = 0; i < x->t->n_channels; i++)
        if (str_eq(x->t->channels[i], channel))
            return true;
    for (size_t i = 0; i < n_languages(x); i++) {
        struct language l = language_of(x, i);

        if (find_row(l.variants, channel))
            return true;
    }
    return false;
}

/* Each language may show the same long text once more. */
#define SMS_LOOK_BYTES 2048

/* The title, then the body on the next line. One that is another language's is
 * told there. */
static void
lint_sms(struct linting *x, const struct language *l)
{
    struct str at = STR_NONE, body_at = STR_NONE;
    const struct template *title =
        find_text(x, l, STR("sms"), CONTENT_TITLE, &at);
    const struct template *body =
        find_within(x, l, STR("sms"), CONTENT_BODY, &body_at);
    struct sms_length length;
    struct buf out = {0};

    if (!body)
        return;
    if (title) {
        template_put_literal(title, &out);
        buf_put_char(&out, '\n');
    }
    template_put_literal(body, &out);
    length = sms_length_of(str_utf8_clip(buf_str(&out), SMS_LOOK_BYTES));
    buf_fini(&out);
    if (length.segments > 1)
        add(x, LINT_SMS_LONG, body_at,
            "at least %zu characters of %s: %zu messages", length.n,
            length.is_gsm7 ? "the GSM alphabet" : "UCS-2", length.segments);
}

static size_t
count_characters(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void
lint_title(struct linting *x, const struct language *l, struct str channel,
           size_t most)
{
    struct str at = STR_NONE;
    const struct template *t = find_within(x, l, channel, CONTENT_TITLE, &at);
    struct buf out = {0};
    size_t n;

    if (!t)
        return;
    template_put_literal(t, &out);
    n = count_characters(buf_str(&out));
    buf_fini(&out);
    if (n > most)
        add(x, LINT_TITLE_LONG, at,
            "at least %zu characters, for %.*s at most %zu", n,
            STR_ARG(channel), most);
}

static void
lint_lengths(struct linting *x)
{
    static const struct {
        const char *channel;
        size_t most;
    } titles[] = {{"web_push", 65}, {"mobile_push", 65}, {"pushover", 250}};
    bool is_sms = goes_to(x, STR("sms"));

    for (size_t i = 0; i < n_languages(x); i++) {
        struct language l = language_of(x, i);

        if (is_sms)
            lint_sms(x, &l);
        for (size_t k = 0; k < sizeof(titles) / sizeof(titles[0]); k++)
            if (goes_to(x, str_from(titles[k].channel)))
                lint_title(x, &l, str_from(titles[k].channel), titles[k].most);
    }
}

/* ---- languages beside each other ---- */

/* A name, and where it was met first; `again` when another language has it. */
struct seen {
    size_t language;
    struct str at;
    bool again;
};

static void
note_names(struct linting *x, struct map *names, const struct template *t,
           size_t language, struct str at)
{
    struct template_uses uses = template_uses_of(t, false);
    struct template_use u;

    while (template_next_use(&uses, &u)) {
        struct seen *s = map_get(names, u.name);

        if (u.kind == USE_PARTIAL || str_is(u.name, "."))
            continue;
        if (s) {
            s->again = s->again || s->language != language;
            continue;
        }
        s = ARENA_NEW(x->arena, struct seen);
        *s = (struct seen){.language = language, .at = at};
        map_put(names, u.name, s);
    }
}

/* Of one text of one channel, as it is in each language that has it. */
static void
compare_names(struct linting *x, struct str channel, enum content_text which)
{
    struct map *names = map_new();
    size_t n_texts = 0, at = 0;
    struct str name;
    void *value;

    for (size_t i = 0; i < n_languages(x); i++) {
        struct language l = language_of(x, i);
        const struct content *c = find_row(l.variants, channel);

        if (!c || !c->texts[which])
            continue;
        n_texts++;
        note_names(x, names, c->texts[which], i,
                   text_pointer(x, &l, channel, which));
    }
    while (n_texts > 1 && map_next(names, &at, &name, &value)) {
        const struct seen *s = value;

        if (!s->again)
            add(x, LINT_LOCALE_VARIABLE, s->at,
                "\"%.*s\" is used in this language alone", STR_ARG(name));
    }
    map_free(names);
}

static void
lint_fallback(struct linting *x, const struct language *l, struct str channel,
              enum content_text which)
{
    struct language content = language_of(x, 0);
    struct str at;

    if (!find_text(x, &content, channel, which, &at))
        add(x, LINT_LOCALE_FALLBACK, text_pointer(x, l, channel, which),
            "content has no %s for it", text_names[which]);
}

static void
lint_locale(struct linting *x, const struct language *l, struct map *channels)
{
    for (size_t i = 0; i < l->variants->n; i++) {
        const struct content_row *row = &l->variants->rows[i];
        bool is_new = !map_put(channels, row->channel, x);

        for (int k = 0; k < CONTENT_TEXTS; k++) {
            if (is_new)
                compare_names(x, row->channel, k);
            if (row->content->texts[k])
                lint_fallback(x, l, row->channel, k);
        }
    }
}

static void
lint_locales(struct linting *x)
{
    struct map *channels = map_new(); /* those that were compared */

    for (size_t i = 1; i < n_languages(x); i++) {
        struct language l = language_of(x, i);

        lint_locale(x, &l, channels);
    }
    map_free(channels);
    if (x->t->n_locales > 0 && x->t->locale.n == 0)
        add(x, LINT_LOCALE_UNTOLD, STR("/content"),
            "there are other languages, and nobody says which one this is");
}

static int
by_pointer(const void *a, const void *b)
{
    const struct lint *x = a, *y = b;
    int order = str_cmp(x->pointer, y->pointer);

    if (order == 0 && x->id != y->id)
        order = x->id > y->id ? 1 : -1;
    return order != 0 ? order : str_cmp(x->detail, y->detail);
}

struct lint *
template_lint(struct arena *a, const struct workspace *w,
              const struct template_doc *t, size_t *ret_n)
{
    struct linting x = {
        .arena = a,
        .workspace = w,
        .t = t,
        .lints = ARENA_ARRAY(a, struct lint, LINTS_MAX),
    };

    for (size_t i = 0; i < n_languages(&x); i++) {
        struct language l = language_of(&x, i);

        lint_language(&x, &l);
    }
    lint_lengths(&x);
    lint_locales(&x);
    qsort(x.lints, x.n, sizeof(*x.lints), by_pointer);
    *ret_n = x.n;
    return x.lints;
}
