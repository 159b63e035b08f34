#include "scenario/compare.h"

static struct str
unescaped(struct arena *a, struct str token)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < token.n; i++) {
        bool is_escape = token.p[i] == '~' && i + 1 < token.n;

        if (is_escape && token.p[i + 1] == '0')
            buf_put_char(&b, '~');
        else if (is_escape && token.p[i + 1] == '1')
            buf_put_char(&b, '/');
        else
            buf_put_char(&b, token.p[i]);
        i += is_escape;
    }
    return buf_str(&b);
}

struct json
json_pointer(struct arena *a, struct json root, struct str pointer)
{
    const struct json none = {0};
    struct str rest = pointer, token;

    if (pointer.n == 0)
        return root;
    if (pointer.p[0] != '/')
        return none;
    rest = str_sub(rest, 1, rest.n);
    while (str_split(&rest, '/', &token)) {
        uint64_t i;

        if (json_is(root, JSON_OBJECT))
            root = json_get_str(root, unescaped(a, token));
        else if (json_is(root, JSON_ARRAY) && str_to_u64(token, &i) &&
                 i < json_count(root))
            root = json_at(root, (uint32_t)i);
        else
            return none;
    }
    return root;
}

struct comparing {
    struct arena *arena;
    struct buf path;
    struct str *why;
};

static bool
differ(struct comparing *c, struct json is, struct json want)
{
    struct str got = json_is(is, JSON_ABSENT) ? STR("nothing") : json_raw(is);
    struct str at = buf_str(&c->path);

    if (at.n == 0)
        at = STR("the top");
    *c->why = str_fmt(c->arena, "at %.*s: %.*s, not %.*s", STR_ARG(at),
                      STR_ARG(got), STR_ARG(json_raw(want)));
    return false;
}

static bool holds(struct comparing *c, struct json is, struct json want);

static bool
holds_member(struct comparing *c, struct json is, struct json want,
             struct str name)
{
    size_t n = c->path.n;
    bool is_good;

    buf_put_char(&c->path, '/');
    buf_put_str(&c->path, name);
    is_good = holds(c, is, want);
    if (is_good)
        c->path.n = n;
    return is_good;
}

static bool
holds_members(struct comparing *c, struct json is, struct json want)
{
    for (struct json v = json_first(want); !json_is(v, JSON_ABSENT);
         v = json_next(want, v)) {
        struct str key = json_key(c->arena, v);

        if (!holds_member(c, json_get_str(is, key), v, key))
            return false;
    }
    return true;
}

static bool
holds_elements(struct comparing *c, struct json is, struct json want)
{
    uint32_t n = json_count(want);

    if (json_count(is) != n)
        return differ(c, is, want);
    for (uint32_t i = 0; i < n; i++)
        if (!holds_member(c, json_at(is, i), json_at(want, i),
                          str_fmt(c->arena, "%u", i)))
            return false;
    return true;
}

/* Nested no deeper than json_parse() allows. */
static bool
holds(struct comparing *c, struct json is, struct json want)
{
    if (json_type(is) != json_type(want))
        return differ(c, is, want);
    if (json_is(want, JSON_OBJECT))
        return holds_members(c, is, want);
    if (json_is(want, JSON_ARRAY))
        return holds_elements(c, is, want);
    if (json_is(want, JSON_STRING))
        return str_eq(json_str(c->arena, is), json_str(c->arena, want)) ||
               differ(c, is, want);
    return str_eq(json_raw(is), json_raw(want)) || differ(c, is, want);
}

bool
json_holds(struct arena *a, struct json is, struct json want,
           struct str *ret_why)
{
    struct comparing c = {.arena = a, .why = ret_why};

    buf_init(&c.path, a);
    return holds(&c, is, want);
}
