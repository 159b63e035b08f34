/* digest.h - the windows that a group of accepts joins, opens and ends.
 *
 *   pg_windows_new(), pg_windows_add() for each item that is stored
 *   pg_windows_send(): one exchange; then pg_windows_read(): what holds whom;
 *   both again while that says false
 *   pg_windows_store(): work and members, with the rows of the items */
#pragma once

#include "domain/digest.h"
#include "store/accept.h"
#include "store/postgres/op.h"
#include "store/postgres/wire.h"

struct pg_windows;

struct pg_windows *pg_windows_new(struct arena *a, size_t n_joins,
                                  size_t n_items);
void pg_windows_add(struct pg_windows *w, int64_t tenant,
                    struct store_accept_item *item);
bool pg_windows_is_empty(const struct pg_windows *w);
void pg_windows_send(struct pg_windows *w, struct pg_op *op);
/* is_gone of those that end a window, and what holds each delivery. False: some
 * have found only what is over, and open another, or have not asked yet. */
bool pg_windows_read(struct pg_windows *w, struct pg_op *op);
void pg_windows_store(struct pg_windows *w, struct pg_op *op, int64_t now_ms);
/* Something is due at another time: after the commit. */
bool pg_windows_has_work(const struct pg_windows *w);
bool pg_windows_have_told(const struct pg_windows *w); /* endpoints; the same */

void pg_take_digest(struct pg_rows *r, struct arena *a, struct digest *ret);
