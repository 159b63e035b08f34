/* best_time.h - what was learned of those who get a send, read where it asks
 * for the best time of each; else nothing is asked, and nothing waits. */
#pragma once

#include "base/map.h"
#include "store/habit.h"

struct send;

/* Embedded by struct send; private to best_time.c. */
struct best_times {
    struct store_habits look;
    struct map *by_user; /* id -> struct habit; NULL: nobody asked */
    void (*next)(struct send *s);
};

/* Of those in s->users. `next` runs at once where nothing is to be read, else
 * in a later turn; what cannot be read ends the send. */
void best_times_load(struct send *s, void (*next)(struct send *s));
const struct habit *best_times_of(const struct send *s, struct str user);
void best_times_free(struct send *s); /* but what it told of stays */
