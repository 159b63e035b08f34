#include "cli/expand.h"

#include "cli/term.h"

struct expanding {
    struct arena *arena;
    const char *const *env;
    struct json_writer w;
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
expand_text(struct expanding *x, struct str s)
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

static void
put_value(struct expanding *x, struct json v)
{
    bool is_object = json_is(v, JSON_OBJECT);

    if (json_is(v, JSON_STRING)) {
        json_put_str(&x->w, expand_text(x, json_str(x->arena, v)));
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
         m = json_next(v, m)) {
        if (is_object)
            json_put_key_str(&x->w, json_key(x->arena, m));
        put_value(x, m);
    }
    if (is_object)
        json_end_object(&x->w);
    else
        json_end_array(&x->w);
}

bool
expand_config(struct arena *a, const char *const *env, struct json doc,
              struct str *ret, struct str *ret_why)
{
    struct expanding x = {.arena = a, .env = env};
    struct buf out;

    buf_init(&out, a);
    x.w = json_writer(&out);
    json_begin_object(&x.w);
    for (struct json m = json_first(doc); !json_is(m, JSON_ABSENT);
         m = json_next(doc, m)) {
        struct str name = json_key(a, m);

        json_put_key_str(&x.w, name);
        if (str_is(name, "config"))
            put_value(&x, m);
        else
            json_put_raw(&x.w, json_raw(m));
    }
    json_end_object(&x.w);
    *ret = buf_str(&out);
    *ret_why = x.why;
    return x.why.n == 0;
}
