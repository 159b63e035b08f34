#include "cli/texts.h"

#define FILE_MEMBER "$file"
#define SHORT_MAX 80   /* bytes of a text of one line that stays where it is */
#define FILES_MAX 1000 /* of one template */

struct putting_out {
    struct arena *arena;
    struct str key;
    struct json_writer w;
    struct buf files; /* of struct texts_file */
};

static bool
is_long(struct str s)
{
    return s.n > SHORT_MAX || str_find(s, '\n') >= 0;
}

/* '+' is in no key, so that no two texts have one name: welcome.html,
 * welcome+email.html, welcome+de+default.html. */
static struct str
name_of(struct putting_out *x, struct str locale, struct str channel,
        const char *end)
{
    struct str stem = tree_name_of(x->arena, x->key, "");

    if (locale.n > 0)
        return str_fmt(x->arena, "%.*s+%.*s+%.*s%s", STR_ARG(stem),
                       STR_ARG(locale), STR_ARG(channel), end);
    if (!str_is(channel, "default"))
        return str_fmt(x->arena, "%.*s+%.*s%s", STR_ARG(stem), STR_ARG(channel),
                       end);
    return str_fmt(x->arena, "%.*s%s", STR_ARG(stem), end);
}

static void
put_text(struct putting_out *x, struct str name, struct str text)
{
    struct texts_file f = {name, text};

    buf_put(&x->files, &f, sizeof(f));
    json_begin_object(&x->w);
    json_str_field(&x->w, FILE_MEMBER, name);
    json_end_object(&x->w);
}

static void
put_variant(struct putting_out *x, struct str locale, struct json variant)
{
    struct str channel = json_key(x->arena, variant);

    json_begin_object(&x->w);
    for (struct json m = json_first(variant); !json_is(m, JSON_ABSENT);
         m = json_next(variant, m)) {
        struct str member = json_key(x->arena, m), text = json_str(x->arena, m);
        const char *end = str_is(member, "html")   ? ".html"
                          : str_is(member, "body") ? ".txt"
                                                   : NULL;

        json_put_key_str(&x->w, member);
        if (end && json_is(m, JSON_STRING) && is_long(text))
            put_text(x, name_of(x, locale, channel, end), text);
        else
            json_put_raw(&x->w, json_raw(m));
    }
    json_end_object(&x->w);
}

static void
put_variants(struct putting_out *x, struct str locale, struct json variants)
{
    json_begin_object(&x->w);
    for (struct json v = json_first(variants); !json_is(v, JSON_ABSENT);
         v = json_next(variants, v)) {
        json_put_key_str(&x->w, json_key(x->arena, v));
        put_variant(x, locale, v);
    }
    json_end_object(&x->w);
}

static void
put_locales(struct putting_out *x, struct json locales)
{
    json_begin_object(&x->w);
    for (struct json l = json_first(locales); !json_is(l, JSON_ABSENT);
         l = json_next(locales, l)) {
        json_put_key_str(&x->w, json_key(x->arena, l));
        put_variants(x, json_key(x->arena, l), l);
    }
    json_end_object(&x->w);
}

struct str
texts_put_out(struct arena *a, struct str key, struct json doc,
              struct texts_file **ret, size_t *ret_n)
{
    struct putting_out x = {.arena = a, .key = key};
    struct buf out;

    buf_init(&out, a);
    buf_init(&x.files, a);
    x.w = json_writer(&out);
    json_begin_object(&x.w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(a, m);

        json_put_key_str(&x.w, name);
        if (str_is(name, "content"))
            put_variants(&x, STR_NONE, m);
        else if (str_is(name, "locales"))
            put_locales(&x, m);
        else
            json_put_raw(&x.w, json_raw(m));
    }
    json_end_object(&x.w);
    *ret_n = x.files.n / sizeof(struct texts_file);
    *ret = ARENA_ARRAY(a, struct texts_file, *ret_n);
    if (x.files.n > 0)
        memcpy(*ret, x.files.p, x.files.n);
    return buf_str(&out);
}

/* ---- and back ---- */

/* Where in a template a value is. Only a text may be a file: all else is as
 * whoever wrote to the server has it, and must not name files of ours. */
enum place {
    AT_DOCUMENT,
    AT_LOCALES,
    AT_VARIANTS,
    AT_VARIANT,
    AT_TEXT,
    AT_OTHER,
};

static bool
is_text(struct str member)
{
    return str_is(member, "title") || str_is(member, "body") ||
           str_is(member, "html");
}

static enum place
below(enum place at, struct str name)
{
    if (at == AT_DOCUMENT && str_is(name, "content"))
        return AT_VARIANTS;
    if (at == AT_DOCUMENT && str_is(name, "locales"))
        return AT_LOCALES;
    if (at == AT_LOCALES)
        return AT_VARIANTS;
    if (at == AT_VARIANTS)
        return AT_VARIANT;
    return at == AT_VARIANT && is_text(name) ? AT_TEXT : AT_OTHER;
}

struct taking_in {
    const struct tree *folder;
    struct json_writer w;
    size_t n;
    struct str why; /* of the first fault */
};

static bool
is_file(struct json v)
{
    return json_is(v, JSON_OBJECT) && json_count(v) == 1 &&
           json_is(json_get(v, FILE_MEMBER), JSON_STRING);
}

static void
take_text(struct taking_in *x, struct str name)
{
    struct str text = STR_NONE, why;

    if (x->why.n == 0 && ++x->n > FILES_MAX)
        x->why = STR("a template has at most 1000 texts of their own");
    if (x->why.n == 0 && !tree_read(x->folder, name, &text, &why))
        x->why = why;
    json_put_str(&x->w, text);
}

static void
take_value(struct taking_in *x, struct json v, enum place at)
{
    if (at == AT_TEXT && is_file(v)) {
        take_text(x, json_str_of(x->folder->arena, v, FILE_MEMBER));
        return;
    }
    if (at >= AT_TEXT || !json_is(v, JSON_OBJECT)) {
        json_put_raw(&x->w, json_raw(v));
        return;
    }
    json_begin_object(&x->w);
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m)) {
        struct str name = json_key(x->folder->arena, m);

        json_put_key_str(&x->w, name);
        take_value(x, m, below(at, name));
    }
    json_end_object(&x->w);
}

bool
texts_take_in(const struct tree *folder, struct json doc, struct str *ret,
              struct str *ret_why)
{
    struct taking_in x = {.folder = folder};
    struct buf out;

    buf_init(&out, folder->arena);
    x.w = json_writer(&out);
    take_value(&x, doc, AT_DOCUMENT);
    *ret = buf_str(&out);
    *ret_why = x.why;
    return x.why.n == 0;
}

static void
note_names(struct arena *a, struct json v, enum place at, struct buf *names)
{
    struct str name;

    if (at == AT_TEXT && is_file(v)) {
        name = json_str_of(a, v, FILE_MEMBER);
        buf_put(names, &name, sizeof(name));
        return;
    }
    if (at >= AT_TEXT || !json_is(v, JSON_OBJECT))
        return;
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m))
        note_names(a, m, below(at, json_key(a, m)), names);
}

void
texts_names(struct arena *a, struct json doc, struct buf *names)
{
    note_names(a, doc, AT_DOCUMENT, names);
}
