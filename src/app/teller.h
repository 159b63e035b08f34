/* teller.h - tells endpoints: makes of each event that is to be told a
 * notification with a delivery for each endpoint that listens, with a dedup key
 * of the event's own. So each endpoint gets it once from here, whatever dies;
 * from then on it is a delivery as others are.
 *
 * One per process; belongs to its loop's thread, but for teller_ring(). */
#pragma once

#include "app/app.h"
#include "store/tell.h"

struct teller;

struct teller *teller_new(const struct app *app);
/* There may be something; any thread. */
void teller_ring(struct teller *t);
/* Begins nothing more; `done` in a later turn, when what was begun is over. */
void teller_drain(struct teller *t, void (*done)(void *arg), void *arg);
void teller_free(struct teller *t); /* NULL is allowed */

/* An event's id as receivers see it: the same each time that it is told. */
struct str told_id(struct arena *a, const struct app *app, int shard,
                   const struct store_told *t);
/* What is posted: {"type","timestamp","data"}. doc: that of its notification,
 * or absent. */
struct str told_body(struct arena *a, const struct app *app, int shard,
                     const struct store_told *t, struct json doc);
/* The document of the notification that brings it. */
struct str told_doc(struct arena *a, struct str id, struct str body);
