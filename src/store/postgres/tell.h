/* tell.h - what a transaction leaves for endpoints. Each sends a statement, or
 * none where nobody listens; and says how many, where its caller counts. Who
 * sent one calls pg_store_told() after the commit. */
#pragma once

#include "store/claims.h"
#include "store/postgres/op.h"
#include "store/postgres/wire.h"

/* Rows of told_add(), put in one by one. */
struct pg_columns pg_told_columns(struct arena *a);
void pg_told_put(struct pg_columns *rows, const struct store_told *t);
int pg_told_add(struct pg_op *op, struct pg_columns *rows);

/* Before the finishes themselves. was: as each was claimed. */
int pg_told_finish(struct pg_op *op, struct store_finish *const *finishes,
                   const struct claim *was, size_t n, int64_t now_ms);
/* Of those deliveries what this transaction cancelled; notification 0: of any.
 */
struct pg_told_ids {
    int64_t first, last;
};
int pg_told_cancelled(struct pg_op *op, event_set tells, int64_t tenant,
                      int64_t notification, struct pg_told_ids ids);
/* rows: tenants and ids. */
void pg_told_quarantined(struct pg_op *op, struct pg_columns *rows);
int pg_told_receipts(struct pg_op *op, const struct store_receipt *r);
int pg_told_marks(struct pg_op *op, const struct store_inbox_mark *m,
                  const int64_t *items, size_t n);
