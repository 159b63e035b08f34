#include "app/app_test.h"

#include <stdlib.h>

#include "app/provider_doc.h"
#include "app/template_doc.h"
#include "base/map.h"

int
desk_setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {42};
    struct desk *d = xcalloc(1, sizeof(*d));

    d->arena = arena_new();
    d->vault = vault_from(secret);
    d->w = (struct workspace){.tenant = DESK_TENANT,
                              .key = STR("default"),
                              .shard = id_shard(DESK_TENANT),
                              .providers = d->providers,
                              .templates = map_new(),
                              .refs = 1};
    problem_init(&d->problem, d->arena);
    *state = d;
    return 0;
}

int
desk_teardown(void **state)
{
    struct desk *d = *state;

    map_free(d->w.templates);
    vault_free(d->vault);
    arena_free(d->arena);
    free(d);
    return 0;
}

struct str
quoted(struct arena *a, const char *text)
{
    struct str s = str_dup(a, str_from(text));
    char *p = arena_copy(a, s.p, s.n);

    for (size_t i = 0; i < s.n; i++)
        if (p[i] == '\'')
            p[i] = '"';
    return (struct str){p, s.n};
}

struct json
desk_json(struct desk *d, const char *text)
{
    struct json_doc *doc = ARENA_NEW(d->arena, struct json_doc);
    struct json_error why;

    if (json_parse(d->arena, quoted(d->arena, text), doc, &why) != ERR_OK)
        fail_msg("byte %zu of %s: %s", why.at, text, why.why);
    return json_root(doc);
}

void
desk_template(struct desk *d, const char *key, int64_t version, const char *doc)
{
    struct template_doc *t;

    if (template_doc_compile(d->arena, str_from(key), version,
                             desk_json(d, doc), &d->problem, &t) != ERR_OK)
        fail_msg("%s: %s", key, desk_faults(d));
    map_put(d->w.templates, str_fmt(d->arena, "%s@", key), t);
    map_put(d->w.templates,
            str_fmt(d->arena, "%s@%lld", key, (long long)version), t);
}

void
desk_provider(struct desk *d, const char *name, int64_t num, const char *doc)
{
    struct provider *p = ARENA_NEW(d->arena, struct provider);
    struct str purpose =
        provider_doc_purpose(d->arena, DESK_TENANT, str_from(name));

    p->tenant = DESK_TENANT;
    p->num = num;
    p->name = str_from(name);
    assert_int_equal(
        provider_doc_open(d->arena, d->vault, purpose, desk_json(d, doc), p),
        ERR_OK);
    assert_true(d->w.n_providers < 8);
    d->providers[d->w.n_providers++] = p;
}

const char *
desk_faults(struct desk *d)
{
    struct buf out;

    buf_init(&out, d->arena);
    for (size_t i = 0; i < d->problem.n_errors; i++)
        buf_printf(&out, "%s%.*s", i > 0 ? " " : "",
                   STR_ARG(d->problem.errors[i].pointer));
    problem_init(&d->problem, d->arena);
    return str_cstr(d->arena, buf_str(&out));
}

void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

void
assert_json(struct str s, const char *want)
{
    struct arena *a = arena_new();
    struct str w = quoted(a, want);

    if (!str_eq(s, w))
        fail_msg("%.*s is not %.*s", STR_ARG(s), STR_ARG(w));
    arena_free(a);
}

bool
holds(struct str s, const char *part)
{
    return memmem(s.p, s.n, part, strlen(part)) != NULL;
}
