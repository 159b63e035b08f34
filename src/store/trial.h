/* trial.h - who takes part in an experiment, and what came of it.
 *
 * A row for each user of a round, as the first accept that brings it says; what
 * is counted are users, each once for each thing, however often it happens. The
 * deliveries that come with it are remembered, so that what becomes of one is
 * told of the user, as long as it is of the variant that the row says. */
#pragma once

#include "domain/significance.h"
#include "store/req.h"

#define STORE_TRIALS_KEPT_MS (INT64_C(400) * 24 * 3600 * 1000)

/* With a delivery of the same item. */
struct store_trial {
    int64_t round; /* names the experiment as it is, of all there ever are */
    int64_t delivery;
    struct str user;    /* not empty */
    struct str variant; /* empty: held out */
    bool is_delivered;  /* with this commit */
};

enum store_goal {
    STORE_GOAL_DELIVERED,
    STORE_GOAL_READ,
    STORE_GOAL_EVENT, /* store_event_add that names the round */
};
struct store_trial_row {
    struct str variant;
    int64_t assigned, delivered;
    struct trial_count goal; /* of those who have had their time */
};
struct store_trial_count {
    struct store_req req;
    int64_t tenant, round;
    int64_t now_ms;
    enum store_goal goal;
    /* Each counts when that long has passed, with what it did until then; 0: at
     * once, with all that it ever does. */
    int64_t within_ms;
    struct store_trial_row *rows; /* result; by variant */
    size_t n_rows;
};
