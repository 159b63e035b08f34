/* trial.h - for those whose transactions tell of users in experiments: the last
 * rows that each locks. */
#pragma once

#include "store/postgres/op.h"
#include "store/postgres/wire.h"

struct pg_trials;
struct pg_trials *pg_trials_new(struct arena *a);
void pg_trials_add(struct pg_trials *t, const struct store_accept *request,
                   const struct store_accept_item *item);
void pg_trials_store(struct pg_trials *t, struct pg_op *op);
/* Each sends one statement, or none. */
void pg_trial_read(struct pg_op *op, const struct store_inbox_mark *m,
                   const int64_t *items, size_t n);
void pg_trial_goal(struct pg_op *op, const struct store_event_add *e);
