/* unsubscribe.c - the page behind List-Unsubscribe. A look at it changes
 * nothing, as scanners follow links; a POST does, without a question and
 * without a login (RFC 8058). */
#include "api/route.h"
#include "app/suppression.h"
#include "base/list.h"

static bool
read_token(struct call *c, struct suppression *s)
{
    if (unsubscribe_read(c->app->vault, c->arena, c->params[0], s))
        return true;
    call_fail_with(c, ERR_NOT_FOUND, "this link is damaged or not ours");
    return false;
}

static void
reply_page(struct call *c, const char *heading, const char *rest)
{
    struct buf out;

    buf_init(&out, c->arena);
    buf_printf(&out,
               "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\">"
               "<title>%s</title><h1>%s</h1>%s",
               heading, heading, rest);
    call_header(c, "Content-Security-Policy",
                STR("default-src 'none'; form-action 'self'; "
                    "frame-ancestors 'none'"));
    call_header(c, "Referrer-Policy", STR("no-referrer"));
    call_reply_text(c, 200, "text/html; charset=utf-8", buf_str(&out));
}

static void
handle_ask(struct call *c)
{
    struct suppression s;

    if (read_token(c, &s))
        reply_page(c, "Unsubscribe?",
                   "<form method=\"post\"><input type=\"hidden\" "
                   "name=\"List-Unsubscribe\" value=\"One-Click\">"
                   "<button>Yes, send me no more of these</button></form>");
}

static bool
holds_pair(struct str form)
{
    struct str pair;

    while (form.p && str_split(&form, '&', &pair))
        if (str_is(pair, "List-Unsubscribe=One-Click"))
            return true;
    return false;
}

/* ---- multipart/form-data (RFC 7578) ---- */

/* What stands before the mark, taken off *rest with it; false: no mark. */
static bool
take_before(struct str *rest, struct str mark, struct str *ret)
{
    const char *at =
        rest->n > 0 ? memmem(rest->p, rest->n, mark.p, mark.n) : NULL;

    if (!at)
        return false;
    *ret = str_sub(*rest, 0, (size_t)(at - rest->p));
    *rest = str_sub(*rest, ret->n + mark.n, rest->n);
    return true;
}

/* STR_NONE: it is no such form. */
static struct str
boundary_of(struct str type)
{
    struct str part, boundary;

    if (!str_split(&type, ';', &part) ||
        !str_ieq(str_trim(part), STR("multipart/form-data")))
        return STR_NONE;
    while (str_split(&type, ';', &part)) {
        part = str_trim(part);
        if (!str_ieq(str_sub(part, 0, 9), STR("boundary=")))
            continue;
        boundary = str_sub(part, 9, part.n);
        if (boundary.n > 2 && boundary.p[0] == '"' && str_ends(part, STR("\"")))
            boundary = str_sub(boundary, 1, boundary.n - 2);
        return boundary;
    }
    return STR_NONE;
}

static bool
is_the_pair(struct str part)
{
    struct str head;

    return take_before(&part, STR("\r\n\r\n"), &head) &&
           take_before(&head, STR("name=\"List-Unsubscribe\""),
                       &(struct str){0}) &&
           str_is(part, "One-Click\r\n");
}

static bool
holds_part(struct arena *a, struct str body, struct str boundary)
{
    struct str mark = str_fmt(a, "--%.*s", STR_ARG(boundary)), part;

    if (!take_before(&body, mark, &part)) /* what stands before the first */
        return false;
    while (take_before(&body, mark, &part))
        if (is_the_pair(part))
            return true;
    return false;
}

/* As RFC 8058 has it, by whoever shows the mail: in either form. */
static bool
is_one_click(const struct call *c)
{
    struct str boundary =
        boundary_of(http_request_header(c->request, "Content-Type"));

    return boundary.n > 0 ? holds_part(c->arena, c->request->body, boundary)
                          : holds_pair(c->request->body);
}

struct leaving {
    struct call *call;
    struct store_object_write write;
    struct store_object_put put;
};

/* Only now it is true. */
static void
on_kept(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct call *c = CONTAINER_OF(p, struct leaving, put)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_page(c, "You are unsubscribed",
                   "<p>No more of these are sent.</p>");
}

static void
handle_unsubscribe(struct call *c)
{
    struct leaving *x = ARENA_NEW(c->arena, struct leaving);
    struct suppression s;

    if (!read_token(c, &s))
        return;
    if (!is_one_click(c)) {
        call_fail_with(c, ERR_MALFORMED,
                       "the body must be List-Unsubscribe=One-Click");
        return;
    }
    s.now_ms = call_now_ms(c);
    s.num = id_make(c->app->ids, s.now_ms, 1);
    s.tells = snapshots_tells(c->app->snapshots, s.tenant);
    *x = (struct leaving){
        .call = c,
        .write = suppression_write(c->arena, &s),
        .put = {.req = call_req(c, on_kept),
                .tenant = s.tenant,
                .now_ms = s.now_ms,
                .writes = &x->write,
                .n_writes = 1},
    };
    objects_put(c->app, &x->put);
}

static const char *const form_types[] = {"application/x-www-form-urlencoded",
                                         "multipart/form-data", NULL};

const struct route unsubscribe_routes[] = {
    {.method = "GET",
     .path = "/u/{token}",
     .auth = ROUTE_OPEN,
     .handle = handle_ask,
     .gives = "text/html",
     .statuses = {200},
     .id = "askUnsubscribe",
     .summary = "The page behind a List-Unsubscribe link."},
    {.method = "POST",
     .path = "/u/{token}",
     .auth = ROUTE_OPEN,
     .body = ROUTE_BODY_RAW,
     .handle = handle_unsubscribe,
     .takes = form_types,
     .gives = "text/html",
     .statuses = {200},
     .id = "unsubscribe",
     .summary = "One-click unsubscribe (RFC 8058)."},
    {0},
};
