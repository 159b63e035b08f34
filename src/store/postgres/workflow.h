/* workflow.h - for accept and others: instances of workflows that begin and are
 * moved, and those that wait for what happens. */
#pragma once

#include "store/postgres/op.h"
#include "store/postgres/wire.h"

struct pg_turns;
struct pg_turns *pg_turns_new(struct arena *a, size_t n_items);
void pg_turns_add(struct pg_turns *t, const struct store_accept *request,
                  struct store_accept_item *item);
/* Whether pg_turns_send() and, with its answers, pg_turns_read() are to be
 * called: the item of somebody else's instance is gone then. */
bool pg_turns_have_locks(const struct pg_turns *t);
void pg_turns_send(struct pg_turns *t, struct pg_op *op);
void pg_turns_read(struct pg_turns *t, struct pg_op *op);
/* Those of items that are stored. */
void pg_turns_store(struct pg_turns *t, struct pg_op *op);
bool pg_turns_has_work(const struct pg_turns *t);

void pg_take_instance(struct pg_rows *r, struct arena *a,
                      struct store_instance *ret);
/* What waits for that is due, once it is committed. The last of its statements
 * tells how many; returns how many it sent. Before anything else is locked. */
int pg_wake(struct pg_op *op, int64_t tenant, struct str user,
            struct str event);
