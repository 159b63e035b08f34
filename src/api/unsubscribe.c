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
is_one_click(struct str body)
{
    struct str rest = body, pair;

    while (rest.p && str_split(&rest, '&', &pair))
        if (str_is(pair, "List-Unsubscribe=One-Click"))
            return true;
    return false;
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
    if (!is_one_click(c->request->body)) {
        call_fail_with(c, ERR_MALFORMED,
                       "the body must be List-Unsubscribe=One-Click");
        return;
    }
    s.now_ms = call_now_ms(c);
    s.num = id_make(c->app->ids, s.now_ms, 1);
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

static const char *const form_type[] = {"application/x-www-form-urlencoded",
                                        NULL};

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
     .takes = form_type,
     .gives = "text/html",
     .statuses = {200},
     .id = "unsubscribe",
     .summary = "One-click unsubscribe (RFC 8058)."},
    {0},
};
