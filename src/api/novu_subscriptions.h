/* novu_subscriptions.h - who subscribes to a topic. A subscription is the pair:
 * it has one identifier, the one that Novu makes by itself, and nothing of its
 * own; its times are its topic's. */
#pragma once

#include "api/call.h"

/* tk_TOPIC:si_USER */
struct str novu_subscription_id(struct arena *a, struct str topic,
                                struct str user);
/* person: the user's document, version 0 where it is not stored. */
void novu_put_subscription(struct call *c, struct json_writer *w,
                           const struct object *topic, struct str user,
                           const struct object *person);
extern const struct field novu_subscription_fields[];
