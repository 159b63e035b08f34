/* habit.h - when users read (domain/besttime.h): a row of each, which a mark of
 * their inbox as read writes in its own commit. Only of users who are stored,
 * and it goes with them. */
#pragma once

#include "domain/besttime.h"
#include "store/req.h"

/* The same for what is heard of otherwise: they opened or clicked something.
 * What is not later than what was counted adds nothing. */
struct store_habit_add {
    struct store_req req;
    int64_t tenant;
    struct str user;
    int64_t at_ms;
};
struct store_habits {
    struct store_req req;
    int64_t tenant;
    const struct str *users;
    size_t n_users;
    struct habit *habits; /* result: one a user; hour 0: nothing is known */
};

/* For drivers: one more hour of a user with that document. False: it adds
 * nothing. */
bool habit_add(struct arena *a, struct habit *h, struct str user_body,
               int64_t at_ms);
