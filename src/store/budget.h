/* budget.h - budgets: how many of something may still go out, exact however
 * many processes ask (domain/throttle.h). What one takes it has reserved; what
 * then did not go out it gives back.
 *
 * The time is the store's own where others share it. A row whose times are all
 * out of the window is purged some time after. */
#pragma once

#include "domain/throttle.h"
#include "store/req.h"

#define STORE_BUDGETS_MAX 4000 /* in one request */

struct store_budget {
    struct str key; /* each once in a request; at most THROTTLE_KEY_MAX bytes */
    struct throttle throttle; /* limit >= 1 */
    /* What the places are for: the first get them. None is 0, and each is there
     * once; one that is alone gets its place, if it has one already. */
    const int64_t *ids;
    int want; /* so many, >= 1 */
    /* result */
    int granted;   /* of these */
    int64_t at_ms; /* when, by the store's clock; 0: none was */
    /* For budget_give_back, of those granted. */
    int64_t *back;
    int n_back;
};

/* Each is granted what its window has room for, all in one commit. After an
 * error nothing is, ERR_UNCERTAIN apart: then some may be reserved for ever. */
struct store_budget_take {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    struct store_budget *budgets;
    size_t n_budgets;
};
/* Those that are not there any more are over anyway. */
struct store_budget_give_back {
    struct store_req req;
    int64_t tenant;
    const struct store_budget *budgets;
    size_t n_budgets;
};
/* What would be granted now; reserves nothing. at_ms stays 0, and ids do not
 * matter. */
struct store_budget_look {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    struct store_budget *budgets;
    size_t n_budgets;
};
