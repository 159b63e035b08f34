/* throttle.h - how many of something somebody gets within a time: a budget. At
 * most `limit` in any window of `per_ms`, wherever it begins: the times of the
 * last ones are kept, and those in the window that ends now are counted. Kept
 * with each is what it was for: what goes out in parts has a place with each of
 * them, and counts once.
 *
 * A budget is known by its key, which says what is limited, then whose it is;
 * so more kinds of budgets than those of categories can lie in one table.
 * Pure: whoever stores the times brings them, and the time. */
#pragma once

#include "domain/plan.h"

#define THROTTLE_LIMIT_MAX 1000
#define THROTTLE_PER_MIN_MS INT64_C(1000)
#define THROTTLE_PER_MAX_MS (INT64_C(31) * 24 * 3600 * 1000)
/* Rows of a document's table (base/field.h): {"limit": 5, "per": "1h"}. */
#define THROTTLE_FIELDS(limit_doc)                                             \
    {.name = "limit",                                                          \
     .type = FIELD_INT,                                                        \
     .flags = FIELD_REQUIRED,                                                  \
     .min = 1,                                                                 \
     .max = THROTTLE_LIMIT_MAX,                                                \
     .doc = limit_doc},                                                        \
    {                                                                          \
        .name = "per", .type = FIELD_DURATION, .flags = FIELD_REQUIRED,        \
        .min = THROTTLE_PER_MIN_MS, .max = THROTTLE_PER_MAX_MS,                \
        .doc = "...in any time of this length; 1s to 31d."                     \
    }

/* Of a key: a kind, two keys of up to 128 bytes, and what divides them. */
#define THROTTLE_KEY_MAX 300

/* Whether the category's throttle is asked at all: what is critical, the
 * category or this one send, is neither held up nor counted. */
bool throttle_applies(const struct category *k, enum priority priority);
/* Of a user in a category: "category/news/u1". */
struct str throttle_key(struct arena *a, struct str category, struct str user);

/* One recipient's decisions, a channel each. Counted is what goes out, or will,
 * on one of them at least; what a window collects is counted as the one that
 * goes out when it ends, on whichever channel first. */
bool throttle_counts(const struct plan_decision *d, size_t n);
/* Beyond the limit: none of them goes out. One that would not have anyway keeps
 * its own reason. */
void throttle_refuse(struct plan_decision *d, size_t n);

/* ---- places, by id ---- */

struct throttle_place {
    int64_t at_ms;
    int64_t id; /* of what has it; 0: nobody knows, and it counts by itself */
};

/* Forgets those that are out of the window; returns how many are left. A time
 * to come stays: clocks are set back, and what went out did go out. */
size_t throttle_keep(struct throttle_place *all, size_t n, int64_t per_ms,
                     int64_t now_ms);
/* How many of `want` may have a place where these are kept: all that still fit,
 * and one that is alone and has one. */
int throttle_grant(const struct throttle *t, const struct throttle_place *all,
                   size_t n, const int64_t *ids, int want);
/* How many of `want` still fit, whatever they are. */
int throttle_room(const struct throttle *t, const struct throttle_place *all,
                  size_t n, int want);
/* Returns how many there are with it; there is room. */
size_t throttle_add(struct throttle_place *all, size_t n,
                    struct throttle_place one);
/* Forgets one of each of these since at_ms; returns how many are left. */
size_t throttle_give_back(struct throttle_place *all, size_t n, int64_t at_ms,
                          const int64_t *ids, int n_ids);
/* After this time nothing is in the window any more. Up to twice `per_ms` from
 * now, and the same for a while: a row that changes often keeps it. */
int64_t throttle_over_ms(int64_t per_ms, int64_t now_ms);
