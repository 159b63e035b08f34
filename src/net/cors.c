/* cors.c - see cors.h. */
#include "net/cors.h"

#include <assert.h>

static void
add(struct cors_answer *a, struct str name, struct str value)
{
    assert(a->n_headers < CORS_HEADERS_MAX);
    a->headers[a->n_headers++] = (struct http_header){name, value};
}

static bool
allows_any(const struct cors_policy *p)
{
    for (size_t i = 0; i < p->n_origins; i++)
        if (str_is(p->origins[i], "*"))
            return true;
    return false;
}

static bool
allows(const struct cors_policy *p, struct str origin)
{
    for (size_t i = 0; i < p->n_origins; i++)
        if (str_eq(p->origins[i], origin))
            return true;
    return false;
}

/* Header names and commas: what is echoed must be nothing else. */
static bool
is_name_list(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') &&
            !memchr("-_, ", c, sizeof "-_, " - 1))
            return false;
    }
    return s.n > 0;
}

void
cors_decide(const struct cors_policy *p, const struct http_request *r,
            struct cors_answer *ret)
{
    const struct str origin = http_request_header(r, "Origin");
    const struct str wanted =
        http_request_header(r, "Access-Control-Request-Headers");
    const bool any = allows_any(p);

    *ret = (struct cors_answer){0};
    ret->is_preflight =
        str_is(r->method, "OPTIONS") && origin.p &&
        http_request_header(r, "Access-Control-Request-Method").p;
    /* A cache must not give one origin's answer to another. */
    if (p->n_origins && !any)
        add(ret, STR("Vary"), STR("Origin"));
    if (!origin.p || !(any || allows(p, origin)))
        return;
    add(ret, STR("Access-Control-Allow-Origin"), any ? STR("*") : origin);
    if (!ret->is_preflight) {
        if (p->exposed.n)
            add(ret, STR("Access-Control-Expose-Headers"), p->exposed);
        return;
    }
    add(ret, STR("Access-Control-Allow-Methods"),
        STR("GET, HEAD, POST, PUT, PATCH, DELETE"));
    if (is_name_list(wanted))
        add(ret, STR("Access-Control-Allow-Headers"), wanted);
    add(ret, STR("Access-Control-Max-Age"), STR("600"));
}
