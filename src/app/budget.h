/* budget.h - what a send takes from the budgets of those who get it, between
 * its plan and its commit, and gives back where it came to nothing.
 *
 * Two rounds: that of a throttled category, then the workspace's for the
 * attention of each user. Where there is neither, nothing is asked and nothing
 * waits. A place is for a notification: what goes out of it later, as windows
 * let go of it, does not count again. A process that dies in between leaves
 * what it took reserved: less goes out, never more.
 *
 * Of many items, those whose dedup keys are taken are known before, so that
 * they keep no place from those that come after them. */
#pragma once

#include "base/err.h"
#include "store/accept.h"
#include "store/budget.h"

struct send;
struct map;

/* One recipient of one item, who counts. */
struct budget_use {
    struct store_budget *budget;
    int nth; /* of those who want some of it, from 0 */
    size_t item, recipient;
};
struct budget_list {
    struct store_budget *all; /* each key once */
    size_t n, n_done;
    struct budget_use *uses;
    size_t n_uses;
};

enum budget_round { BUDGET_CATEGORY, BUDGET_ATTENTION, BUDGET_ROUNDS };

/* Embedded by struct send; private to budget.c. */
struct budgets {
    int round; /* that is asked in */
    struct budget_list taken[BUDGET_ROUNDS];
    struct budget_list looked_at[BUDGET_ROUNDS]; /* of dry runs */
    struct store_dedup_get known;
    struct send_item **asked; /* for each key of `known` */
    struct store_budget_take take;
    struct store_budget_look look;
    struct store_budget_give_back give_back;
    struct store_budget *back;
    size_t n_back, n_back_done;
    enum err outcome;
    void (*next)(struct send *s, enum err e);
};

/* Decisions beyond a limit become throttle.per_user, or what the workspace
 * makes of what is beyond a user's attention. False: there was nothing
 * to ask, and `next` will not run; else it does in a later turn, with an error
 * if nothing was decided, and then nothing is reserved either. */
bool budgets_take(struct send *s, void (*next)(struct send *s, enum err e));
/* What was reserved for items that were not stored, the commit's outcome being
 * e, or for recipients whom a later round refused; `next` gets it in any case.
 * False, as above. */
bool budgets_give_back(struct send *s, enum err e,
                       void (*next)(struct send *s, enum err e));
