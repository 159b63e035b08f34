/* preference.h - whether a user wants it: their own choices over the
 * workspace's defaults. Pure.
 *
 * A document, of a user or of defaults:
 *
 *   {"muted_until": "2026-12-01T08:00:00.000Z",
 *    "channels": {"sms": false},
 *    "categories": {"marketing": {"enabled": true,
 *                                 "channels": {"email": false}}},
 *    "digest": {"marketing": "24h"}}
 *
 * What is said of the channel in the category goes before what is said of the
 * category, that before the channel; all of the user's before the workspace's.
 * The first that is set decides; what nobody set is on. A mute goes before
 * all of it. */
#pragma once

#include "base/json.h"
#include "domain/reason.h"

struct preference_query {
    struct arena *arena;
    struct json user;     /* absent: none */
    struct json defaults; /* of the workspace; absent: none */
    struct str category;  /* empty: none */
    struct str channel;
    bool is_critical; /* the category is: it is wanted */
    int64_t now_ms;
};

/* REASON_NONE: it is wanted. */
enum reason preference_decide(const struct preference_query *q);
/* The same; and what decided: "user/categories/news/channels/email", else
 * "workspace/…", "user/muted_until", "category" as it is critical; empty where
 * nothing is set. by: NULL is allowed. */
enum reason preference_explain(const struct preference_query *q,
                               struct str *by);
/* How long the user wants what comes of the category to be collected; 0: not at
 * all. Defaults have no say. */
int64_t preference_window_ms(const struct preference_query *q);
