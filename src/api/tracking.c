/* tracking.c - what a tracked mail calls: its picture, and its links. The
 * answer goes out at once; that it was called is kept in its own time. */
#include <stdlib.h>

#include "api/api_private.h"
#include "api/call.h"
#include "api/route.h"
#include "app/receive.h"
#include "app/tracking.h"
#include "base/log.h"

/* A transparent pixel. */
static const char gif[] = "GIF89a\1\0\1\0\200\0\0\377\377\377\0\0\0!\371\4\1\0"
                          "\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

/* Who tells of it. */
static const struct provider ourselves = {.name = {"belfry", 6},
                                          .channel = {"email", 5}};

struct note {
    struct arena *arena;
    const struct workspace *workspace;
    struct channel_receipt receipt;
    struct channel_event event;
    struct receive receive;
};

static void
on_noted(struct receive *r, enum err e)
{
    struct note *n = r->arg;

    if (e != ERR_OK)
        LOG_WARN("tracking.not_kept", log_cstr("err", err_code(e)));
    workspace_put(n->workspace);
    arena_free(n->arena);
    free(n);
}

/* No more than what was called, and when: not by whom, nor from where. */
static void
note(const struct app *app, const struct tracking *t)
{
    const struct workspace *w = snapshots_workspace(app->snapshots, t->tenant);
    struct note *n;

    if (!w)
        return;
    n = xcalloc(1, sizeof(*n));
    n->arena = arena_new();
    n->workspace = w;
    n->event = (struct channel_event){
        .kind = t->url.n > 0 ? CHANNEL_EVENT_CLICKED : CHANNEL_EVENT_OPENED,
        .delivery_id = str_dup(n->arena, t->delivery_id),
        .url = str_dup(n->arena, t->url),
    };
    n->receipt = (struct channel_receipt){.events = &n->event, .n_events = 1};
    n->receive = (struct receive){.app = app,
                                  .arena = n->arena,
                                  .workspace = w,
                                  .provider = &ourselves,
                                  .receipt = &n->receipt,
                                  .on_done = on_noted,
                                  .arg = n};
    receive_start(&n->receive);
}

static void
handle(struct call *c)
{
    struct tracking t;

    if (!tracking_read(c->app->vault, c->arena, c->params[0], &t)) {
        if (api_is_address_within(c))
            call_fail_with(c, ERR_NOT_FOUND,
                           "this link is damaged or not ours");
        return;
    }
    if (str_is(c->request->method, "GET")) /* HEAD is a look by a machine */
        note(c->app, &t);
    call_header(c, "Cache-Control", STR("no-store"));
    call_header(c, "Referrer-Policy", STR("no-referrer"));
    if (t.url.n == 0) {
        call_reply_text(c, 200, "image/gif",
                        (struct str){gif, sizeof(gif) - 1});
        return;
    }
    call_header(c, "Location", t.url);
    call_reply_empty(c, 302);
}

const struct route tracking_routes[] = {
    {.method = "GET",
     .path = "/t/{token}",
     .auth = ROUTE_OPEN,
     .handle = handle,
     .gives = "image/gif",
     .statuses = {200, 302},
     .id = "track",
     .summary = "The picture of a tracked mail, and the way to where its links "
                "lead."},
    {0},
};
