/* trial.h - who takes part in experiments in memory, for those who keep the
 * rest. */
#pragma once

#include "store/memory/data.h"

struct mem_trial {
    int64_t tenant, round, at_ms, delivered_ms, read_ms, goal_ms;
    struct str user, variant;
};
struct mem_trial_delivery {
    int64_t tenant;
    struct store_trial t;
};

void mem_trial_rows(struct mem *m, const struct store_accept *a,
                    const struct store_accept_item *item);
void mem_trial_delivered(struct mem *m, int64_t delivery, int64_t now_ms);
void mem_trial_read(struct mem *m, int64_t delivery, int64_t now_ms);
void mem_trial_goal(struct mem *m, const struct store_event_add *e);
