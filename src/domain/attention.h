/* attention.h - how often a user may be disturbed within a time, whatever the
 * category or the workflow: a budget of the workspace, asked after those of
 * categories, and what becomes of what is beyond it. What is critical goes out
 * and is not counted, nor is what goes to an inbox alone: that disturbs nobody.
 * What comes out of a window is counted as the one that goes out; where the
 * window is one of its own, it was over the budget once, and goes out in any
 * case. Pure. */
#pragma once

#include "domain/throttle.h"

enum attention_overflow {
    ATTENTION_DROP,
    ATTENTION_DEFER,     /* each goes out by itself, `per` later */
    ATTENTION_DIGEST,    /* all go out as one, `per` after the first */
    ATTENTION_DOWNGRADE, /* to the inbox in place of other channels */
};

struct attention {
    struct throttle budget; /* limit 0: there is none */
    enum attention_overflow overflow;
};

/* Whether it is asked at all; category: NULL if it is not set up. */
bool attention_applies(const struct attention *a, const struct category *k,
                       enum priority priority);
struct str attention_key(struct arena *a, struct str user); /* of its budget */
/* The key of a digest: it holds what was beyond the budget. */
bool attention_is_window(struct str key);

/* One recipient's decisions, a channel each, as for throttle_counts(). */
bool attention_counts(const struct plan_decision *d, size_t n);
/* Beyond the budget. `id` is no other notification's, for a window of its own;
 * the rule lives in the arena. */
void attention_refuse(const struct attention *a, struct arena *arena,
                      int64_t now_ms, int64_t id, struct plan_decision *d,
                      size_t n);
