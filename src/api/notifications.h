/* notifications.h - handlers of the resource that have files of their own,
 * and what they share. */
#pragma once

#include "api/call.h"
#include "app/look.h"

void notification_send(struct call *c);
void notification_batch(struct call *c);
void notification_trace(struct call *c);

/* In the metrics, once it is done and no replay. */
struct send;
void notification_count(const struct send *s);

struct notification_look {
    struct call *call;
    struct store_notification_get get;
};

/* A look at the notification that the path names, still to be asked with
 * look_notification(). NULL: refused already. */
struct notification_look *
notification_look_new(struct call *c,
                      void (*on_done)(struct store_req *, enum err));
