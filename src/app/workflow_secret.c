#include "app/workflow_secret.h"

#include "base/url.h"

#define SEALED "sealed:"
#define MASK "***"

bool
workflow_header_is_secret(struct str name)
{
    static const char *const words[] = {
        "auth",     "cookie", "key",        "token",     "secret",
        "password", "passwd", "credential", "signature", "session"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct str word = str_from(words[i]);

        for (size_t at = 0; at + word.n <= name.n; at++)
            if (str_ieq(str_sub(name, at, word.n), word))
                return true;
    }
    return false;
}

static bool
is_sealed(struct str value)
{
    return str_starts(value, STR(SEALED));
}

/* Where a seal opens: nowhere but at that header of that call. */
static struct str
purpose(const struct workflow_secrets *x, struct str as, struct str header)
{
    return str_fmt(x->arena, "%lld/workflow/%.*s/%.*s/%.*s",
                   (long long)x->tenant, STR_ARG(x->key), STR_ARG(as),
                   STR_ARG(header));
}

bool
workflow_secrets_open(const struct workflow_secrets *x, struct str as,
                      struct str header, struct str value, struct str *ret)
{
    *ret = value;
    return !workflow_header_is_secret(header) || !is_sealed(value) ||
           vault_unseal(x->vault, x->arena, purpose(x, as, header),
                        str_sub(value, sizeof(SEALED) - 1, value.n),
                        ret) == ERR_OK;
}

/* ---- rewriting ---- */

/* Steps are written anew, as they were but for the secrets. */
struct rewriting {
    const struct workflow_secrets *secrets; /* NULL: they are masked */
    struct arena *arena;
    struct json before; /* stored steps */
    struct problem *problem;
    struct json_writer out;
};

static bool
is_same(struct arena *a, struct json x, struct json y, const char *name)
{
    return str_eq(json_str_of(a, x, name), json_str_of(a, y, name));
}

/* What that call was, among these and those below them; absent: none. */
static struct json
find_call(struct arena *a, struct json steps, struct json like)
{
    for (struct json s = json_first(steps); !json_is(s, JSON_ABSENT);
         s = json_next(steps, s)) {
        struct json found = s;

        if (is_same(a, s, like, "type") && is_same(a, s, like, "id") &&
            is_same(a, s, like, "as"))
            return s;
        found = find_call(a, json_get(s, "then"), like);
        if (json_is(found, JSON_ABSENT))
            found = find_call(a, json_get(s, "else"), like);
        if (!json_is(found, JSON_ABSENT))
            return found;
    }
    return (struct json){0};
}

static struct str
sealed(struct rewriting *r, struct json step, struct str header,
       struct str value)
{
    struct str box = vault_seal(
        r->secrets->vault, r->arena,
        purpose(r->secrets, json_str_of(r->arena, step, "as"), header), value);

    return str_fmt(r->arena, SEALED "%.*s", STR_ARG(box));
}

/* Who may write a workflow may not thereby read its secrets: sent to another
 * host, or in the clear, they would be read. */
static bool
is_same_target(struct str now, struct str then)
{
    return str_eq(url_host(now), url_host(then)) &&
           str_starts(now, STR("https:")) == str_starts(then, STR("https:"));
}

static struct str
kept(struct rewriting *r, struct json step, struct str header, struct str at)
{
    struct arena *a = r->arena;
    struct json was = find_call(a, r->before, step);
    struct str old =
        json_str(a, json_get_str(json_get(was, "headers"), header));

    if (old.n == 0)
        problem_add(r->problem, ERR_INVALID, field_pointer(a, at, header),
                    "\"***\" keeps a stored secret, and none is stored");
    else if (!is_same_target(json_str_of(a, step, "url"),
                             json_str_of(a, was, "url")))
        problem_add(r->problem, ERR_INVALID, field_pointer(a, at, header),
                    "give the secret again: it was stored for another host, "
                    "or for https");
    return is_sealed(old) ? old : sealed(r, step, header, old);
}

static struct str
rewritten(struct rewriting *r, struct json step, struct str header,
          struct str value, struct str at)
{
    if (!r->secrets)
        return STR(MASK);
    if (str_is(value, MASK))
        return kept(r, step, header, at);
    if (is_sealed(value))
        problem_add(r->problem, ERR_INVALID,
                    field_pointer(r->arena, at, header),
                    "must not begin with \"" SEALED "\"");
    return sealed(r, step, header, value);
}

static void
put_headers(struct rewriting *r, struct json step, struct json headers,
            struct str at)
{
    json_begin_object(&r->out);
    for (struct json h = json_first(headers); !json_is(h, JSON_ABSENT);
         h = json_next(headers, h)) {
        struct str name = json_key(r->arena, h);

        json_put_key_str(&r->out, name);
        if (workflow_header_is_secret(name) && json_is(h, JSON_STRING))
            json_put_str(&r->out,
                         rewritten(r, step, name, json_str(r->arena, h), at));
        else
            json_put_raw(&r->out, json_raw(h));
    }
    json_end_object(&r->out);
}

static void put_steps(struct rewriting *r, struct json steps, struct str at);

static void
put_step(struct rewriting *r, struct json step, struct str at)
{
    bool is_fetch = str_is(json_str_of(r->arena, step, "type"), "fetch");

    json_begin_object(&r->out);
    for (struct json m = json_first(step); !json_is(m, JSON_ABSENT);
         m = json_next(step, m)) {
        struct str name = json_key(r->arena, m);
        struct str below = field_pointer(r->arena, at, name);

        json_put_key_str(&r->out, name);
        if (is_fetch && str_is(name, "headers") && json_is(m, JSON_OBJECT))
            put_headers(r, step, m, below);
        else if ((str_is(name, "then") || str_is(name, "else")) &&
                 json_is(m, JSON_ARRAY))
            put_steps(r, m, below);
        else
            json_put_raw(&r->out, json_raw(m));
    }
    json_end_object(&r->out);
}

static void
put_steps(struct rewriting *r, struct json steps, struct str at)
{
    int n = 0;

    json_begin_array(&r->out);
    for (struct json s = json_first(steps); !json_is(s, JSON_ABSENT);
         s = json_next(steps, s))
        put_step(r, s, str_fmt(r->arena, "%.*s/%d", STR_ARG(at), n++));
    json_end_array(&r->out);
}

static struct str
rewrite(struct rewriting *r, struct json steps)
{
    struct buf out;

    buf_init(&out, r->arena);
    r->out = json_writer(&out);
    put_steps(r, steps, STR("/steps"));
    return buf_str(&out);
}

struct str
workflow_secrets_seal(const struct workflow_secrets *x, struct json steps,
                      struct json before, struct problem *p)
{
    struct rewriting r = {
        .secrets = x, .arena = x->arena, .before = before, .problem = p};

    return rewrite(&r, steps);
}

struct str
workflow_secrets_mask(struct arena *a, struct json steps)
{
    struct rewriting r = {.arena = a};

    return rewrite(&r, steps);
}
