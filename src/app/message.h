/* message.h - the words for one recipient on one channel: inline content as
 * it was sent, or a template filled in. Pure. */
#pragma once

#include "app/content.h"
#include "domain/plan.h"

struct message {
    struct arena *arena;
    const struct workspace *workspace;
    const struct template_doc *template; /* NULL: inline */
    struct json doc;                     /* of the send */
    struct str channel;
    const struct plan_recipient *recipient;
    int64_t now_ms;
    struct rendered rendered; /* result */
};

/* ERR_TOO_LARGE: the template used up a budget. */
enum err message_render(struct message *m) MUST_CHECK;
/* What the inbox keeps of it. */
struct str message_item(struct arena *a, struct json doc,
                        const struct rendered *r);
