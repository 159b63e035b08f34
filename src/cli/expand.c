#include "cli/expand.h"

#include "cli/term.h"

struct expanding {
    struct arena *arena;
    const char *const *env;
    struct str why; /* of the first fault */
};

static bool
is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') ||
              (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_' ||
              (i > 0 && s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    return s.n > 0;
}

static void
put_variable(struct expanding *x, struct str name, struct buf *out)
{
    struct str value;

    if (!is_name(name)) {
        x->why = str_fmt(x->arena,
                         "\"${%.*s}\" names no variable of the environment; "
                         "for the text itself write \"$${\"",
                         STR_ARG(name));
        return;
    }
    value = term_env(x->env, str_cstr(x->arena, name));
    if (value.n == 0 || !str_is_utf8(value))
        x->why = str_fmt(x->arena,
                         "set %.*s in the environment: \"${%.*s}\" stands "
                         "for its value",
                         STR_ARG(name), STR_ARG(name));
    buf_put_str(out, value);
}

static struct str
expand(struct expanding *x, struct str s)
{
    struct buf out;

    buf_init(&out, x->arena);
    while (s.n > 0) {
        ptrdiff_t end = str_find(s, '}');

        if (str_starts(s, STR("$${"))) {
            buf_put_cstr(&out, "${");
            s = str_sub(s, 3, SIZE_MAX);
        } else if (str_starts(s, STR("${")) && end > 0) {
            put_variable(x, str_sub(s, 2, (size_t)end - 2), &out);
            s = str_sub(s, (size_t)end + 1, SIZE_MAX);
        } else {
            buf_put_char(&out, s.p[0]);
            s = str_sub(s, 1, SIZE_MAX);
        }
    }
    return buf_str(&out);
}

bool
expand_text(struct arena *a, const char *const *env, struct str text,
            struct str *ret, struct str *ret_why)
{
    struct expanding x = {.arena = a, .env = env};

    *ret = expand(&x, text);
    *ret_why = x.why;
    return x.why.n == 0;
}

/* ---- documents ---- */

/* A walk through a config, with the values that two other documents have at
 * the same place; the strings of it may be written as others. */
struct walk {
    struct arena *arena;
    struct json_writer w;
    struct str (*text)(struct walk *x, struct json v, struct json left,
                       struct json right);
    struct expanding *expanding;
    bool sets_secrets;
    bool has_mask;
};

static struct json
child(struct arena *a, struct json container, struct json of, struct json m,
      uint32_t i)
{
    if (json_is(container, JSON_OBJECT))
        return json_get_str(of, json_key(a, m));
    return json_is(of, JSON_ARRAY) ? json_at(of, i) : (struct json){0};
}

static void
walk_value(struct walk *x, struct json v, struct json left, struct json right)
{
    bool is_object = json_is(v, JSON_OBJECT);
    uint32_t i = 0;

    if (json_is(v, JSON_STRING)) {
        json_put_str(&x->w, x->text(x, v, left, right));
        return;
    }
    if (!is_object && !json_is(v, JSON_ARRAY)) {
        json_put_raw(&x->w, json_raw(v));
        return;
    }
    if (is_object)
        json_begin_object(&x->w);
    else
        json_begin_array(&x->w);
    for (struct json m = json_first(v); !json_is(m, JSON_ABSENT);
         m = json_next(v, m), i++) {
        if (is_object)
            json_put_key_str(&x->w, json_key(x->arena, m));
        walk_value(x, m, child(x->arena, v, left, m, i),
                   child(x->arena, v, right, m, i));
    }
    if (is_object)
        json_end_object(&x->w);
    else
        json_end_array(&x->w);
}

/* The whole document, its config walked through. */
static struct str
walk(struct walk *x, struct json doc, struct json left, struct json right)
{
    struct buf out;

    buf_init(&out, x->arena);
    x->w = json_writer(&out);
    json_begin_object(&x->w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(x->arena, m);

        json_put_key_str(&x->w, name);
        if (str_is(name, "config"))
            walk_value(x, m, json_get(left, "config"),
                       json_get(right, "config"));
        else
            json_put_raw(&x->w, json_raw(m));
    }
    json_end_object(&x->w);
    return buf_str(&out);
}

static struct str
text_expanded(struct walk *x, struct json v, struct json left,
              struct json right)
{
    (void)left;
    (void)right;
    return expand(x->expanding, json_str(x->arena, v));
}

bool
expand_config(struct arena *a, const char *const *env, struct json doc,
              struct str *ret, struct str *ret_why)
{
    struct expanding e = {.arena = a, .env = env};
    struct walk x = {.arena = a, .text = text_expanded, .expanding = &e};

    *ret = walk(&x, doc, (struct json){0}, (struct json){0});
    *ret_why = e.why;
    return e.why.n == 0;
}

/* left: as it is written; right: as the server has it. */
static struct str
text_hidden(struct walk *x, struct json v, struct json left, struct json right)
{
    struct str text = json_str(x->arena, v);
    struct str written = json_str(x->arena, left);
    struct str there = json_str(x->arena, right);

    if (str_is(there, EXPAND_MASK))
        return x->sets_secrets && !str_is(text, EXPAND_MASK)
                   ? STR(EXPAND_MASK " (set again)")
                   : there;
    if (str_eq(text, there))
        return text;
    /* The server has the very words, and not what they stand for. */
    return str_eq(written, there)
               ? str_fmt(x->arena, "%.*s (of the environment)",
                         STR_ARG(written))
               : written;
}

struct str
expand_hide(struct arena *a, struct json doc, struct json written,
            struct json before, bool sets_secrets)
{
    struct walk x = {
        .arena = a, .text = text_hidden, .sets_secrets = sets_secrets};

    return walk(&x, doc, written, before);
}

/* So that expand() gives back just that. */
static struct str
escape(struct arena *a, struct str s)
{
    struct buf out;

    buf_init(&out, a);
    for (size_t i = 0; i < s.n; i++) {
        if (str_starts(str_sub(s, i, SIZE_MAX), STR("${")))
            buf_put_char(&out, '$');
        buf_put_char(&out, s.p[i]);
    }
    return buf_str(&out);
}

static struct str
text_escaped(struct walk *x, struct json v, struct json left, struct json right)
{
    (void)left;
    (void)right;
    return escape(x->arena, json_str(x->arena, v));
}

struct str
expand_escape(struct arena *a, struct json doc)
{
    struct walk x = {.arena = a, .text = text_escaped};

    return walk(&x, doc, (struct json){0}, (struct json){0});
}

/* left: the file that is there. What the server says names no variable of
 * whoever applies it. */
static struct str
text_kept(struct walk *x, struct json v, struct json left, struct json right)
{
    struct str text = json_str(x->arena, v), value, why;
    struct str written = json_str(x->arena, left);
    bool is_known =
        expand_text(x->arena, x->expanding->env, written, &value, &why);

    (void)right;
    if (written.n > 0 && is_known && str_eq(value, text))
        return written;
    if (written.n > 0 && str_is(text, EXPAND_MASK) &&
        !(is_known && str_eq(value, written)))
        return written;
    return escape(x->arena, text);
}

struct str
expand_keep(struct arena *a, const char *const *env, struct json before,
            struct json written)
{
    struct expanding e = {.arena = a, .env = env};
    struct walk x = {.arena = a, .text = text_kept, .expanding = &e};

    return walk(&x, before, written, (struct json){0});
}

static struct str
text_looked_at(struct walk *x, struct json v, struct json left,
               struct json right)
{
    (void)left;
    (void)right;
    x->has_mask = x->has_mask || str_is(json_str(x->arena, v), EXPAND_MASK);
    return STR_NONE;
}

bool
expand_has_mask(struct arena *a, struct json doc)
{
    struct walk x = {.arena = a, .text = text_looked_at};

    walk(&x, doc, (struct json){0}, (struct json){0});
    return x.has_mask;
}
