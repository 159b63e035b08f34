/* habit.h - when users read, in memory. */
#pragma once

#include "store/memory/data.h"

struct mem_habit {
    int64_t tenant;
    struct str user;
    struct habit h;
    bool is_gone;
};

/* Of a user who is stored, that something was read then. */
void mem_habit_learn(struct mem *m, int64_t tenant, struct str user,
                     int64_t at_ms);
void mem_habit_sweep(struct mem *m, const struct store_purge *p);
void mem_habit_forget(struct mem *m, int64_t tenant, struct str user);
